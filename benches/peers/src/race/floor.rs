//! The floor: an index of this workload written by hand, with as little to do as its strings allow.
//!
//! It is asked the same question: the action as text, and the entities with their ids and tags as text. What it does not
//! do: `tag_match`, paths, several kinds of principals or resources, several targets or rules in a policy, repeated or
//! swapped words, naming the rule that decided (it is done with the first allow of a list), or changing one policy.

use super::workload::{ACTIONS, KIND, Policy, Request, Selector, Target};
use hashbrown::{Equivalent, HashMap};

struct Rule {
    /// A bit for each of the five actions.
    actions: u8,
    deny: bool,
    resource: Form,
}

enum Form {
    Any,
    Id(Box<str>),
    Tag(Box<str>, Box<str>),
}

#[derive(Hash)]
struct Borrowed<'a>(&'a str, &'a str);

impl Equivalent<(Box<str>, Box<str>)> for Borrowed<'_> {
    fn equivalent(&self, key: &(Box<str>, Box<str>)) -> bool {
        *self.0 == *key.0 && *self.1 == *key.1
    }
}

#[derive(Default)]
pub(crate) struct Floor {
    by_id: HashMap<Box<str>, Vec<Rule>>,
    by_tag: HashMap<(Box<str>, Box<str>), Vec<Rule>>,
}

impl Floor {
    pub(crate) fn new(policies: &[Policy]) -> Self {
        // Room for twice as many: most look-ups miss, and a fuller table makes a miss long.
        let room = policies.len() * 2;
        let mut floor = Self { by_id: HashMap::with_capacity(room), by_tag: HashMap::with_capacity(room) };
        for policy in policies {
            let bit = |action: &str| 1_u8 << ACTIONS.iter().position(|known| *known == action).unwrap();
            let rule = Rule {
                actions: policy.actions.iter().map(|action| bit(action)).sum(),
                deny: policy.deny,
                resource: match &policy.resource {
                    Selector::Any => Form::Any,
                    Selector::Id(id) => Form::Id(id.as_str().into()),
                    Selector::Tag((key, value)) => Form::Tag(key.as_str().into(), value.as_str().into()),
                },
            };
            let list = match &policy.target {
                Target::Id(id) => floor.by_id.entry(id.as_str().into()).or_default(),
                Target::Tag((key, value)) => {
                    floor.by_tag.entry((key.as_str().into(), value.as_str().into())).or_default()
                }
            };
            // Denies first, so that the first rule that matches decides for its list.
            let place = if rule.deny { 0 } else { list.len() };
            list.insert(place, rule);
        }
        floor
    }

    pub(crate) fn decide(&self, request: &Request) -> bool {
        let Some(action) = ACTIONS.iter().position(|known| *known == request.action) else { return false };
        let resource = &request.resource;
        if resource.kind != KIND {
            return false;
        }
        let matches = |rule: &&Rule| {
            rule.actions & 1 << action != 0
                && match &rule.resource {
                    Form::Any => true,
                    Form::Id(id) => resource.id.as_deref() == Some(id),
                    Form::Tag(key, value) => {
                        resource.tags.iter().any(|tag| *tag.key == **key && *tag.value == **value)
                    }
                }
        };
        let principal = &request.principal;
        let by_id = self.by_id.get(principal.id.as_str());
        let by_tag = principal.tags.iter().filter_map(|tag| self.by_tag.get(&Borrowed(&tag.key, &tag.value)));
        let mut allowed = false;
        for list in by_id.into_iter().chain(by_tag) {
            match list.iter().take_while(|rule| rule.deny || !allowed).find(matches) {
                Some(rule) if rule.deny => return false,
                Some(_) => allowed = true,
                None => {}
            }
        }
        allowed
    }
}
