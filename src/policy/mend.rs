//! The search for the nearest thing that would change a denial (P8). Each policy is looked at a bounded number of times,
//! whatever the number of its targets, rules and tags: what a tag would change is looked up.

use super::{
    catalog,
    document::{Document, Effect, Permission, Tuple},
    facts::Facts,
    index::{counts, targets},
    judged::{Judged, Steps, UsedUp},
    nearest::Nearest,
    tuple::{self, Form, Misshape, Role},
};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeSet;

/// A request that is denied, with all that may be changed about it.
pub(super) struct Denied<'a, 's> {
    pub(super) judged: &'s [Judged<'a>],
    pub(super) facts: &'s Facts<'a>,
    pub(super) steps: &'s mut Steps,
}

/// A rule that allows something on resources of the requested kind to the principal: its policy, its index there, and
/// what it asks of the resource.
struct Near<'a> {
    document: &'a Document,
    index: usize,
    rule: &'a Permission,
    form: Form<'a>,
}

type Found<'a> = Result<Option<Nearest>, UsedUp<'a>>;

impl<'a> Denied<'a, '_> {
    /// The first of these that there is, from the nearest to the farthest.
    pub(super) fn nearest(mut self) -> Result<Nearest, UsedUp<'a>> {
        if let Some(found) = self.unknown_action().or_else(|| self.deny()).or_else(|| self.inactive()) {
            return Ok(found);
        }
        let near = self.near()?;
        let missing_action = near.iter().find(|near| self.facts.is_about(near.form));
        if let Some(Near { document, index, .. }) = missing_action {
            let (policy, action) = (document.id().to_owned(), self.facts.action.to_owned());
            return Ok(Nearest::AddAction { policy, rule: *index, action });
        }
        let denies = TaggedDenies::of(self.judged, self.facts, self.steps)?;
        if let Some(found) = self.missing_tag(&near, &denies)? {
            return Ok(found);
        }
        if let Some(found) = self.slip()? {
            return Ok(found);
        }
        Ok(self.tag_of_principal(&denies)?.unwrap_or(Nearest::AddRule))
    }

    fn unknown_action(&self) -> Option<Nearest> {
        let kind = &self.facts.resource.kind;
        let known = || catalog::known(kind).into_iter().map(str::to_owned).collect();
        (!catalog::has(kind, self.facts.action)).then(|| Nearest::UnknownAction { known: known() })
    }

    /// The policies that are aimed at the principal and count.
    fn active(&self) -> impl Iterator<Item = &Judged<'a>> {
        self.judged.iter().filter(|policy| policy.counts())
    }

    fn deny(&self) -> Option<Nearest> {
        let mut denies = self
            .active()
            .flat_map(|policy| policy.denials().map(move |rule| (policy.document.id().to_owned(), rule)));
        let (policy, rule) = denies.next()?;
        let suffices = self.active().any(|policy| policy.allows);
        Some(Nearest::RemoveDeny { policy, rule, denies: denies.count().saturating_add(1), suffices })
    }

    fn inactive(&self) -> Option<Nearest> {
        let helps = |policy: &&Judged<'_>| policy.is_aimed && !policy.document.is_active() && policy.helps();
        let helpful = self.judged.iter().find(helps)?;
        Some(Nearest::Activate { policy: helpful.document.id().to_owned() })
    }

    /// The rules that could allow the action, if they were about it and about the resource.
    fn near(&mut self) -> Result<Vec<Near<'a>>, UsedUp<'a>> {
        let mut found = Vec::new();
        for policy in self.judged.iter().filter(|policy| policy.counts()) {
            let document = policy.document;
            self.steps.spend(document.permissions().len(), document)?;
            for (index, rule) in document.permissions().iter().enumerate() {
                let Ok((head, form)) = tuple::read(&rule.resource, Role::Resource) else { continue };
                let kind = self.facts.principal.kind;
                if rule.effect == Effect::Allow
                    && head == self.facts.resource.kind
                    && counts(kind, policy.lends, rule.effect, head, form, self.facts.action)
                {
                    found.push(Near { document, index, rule, form });
                }
            }
        }
        Ok(found)
    }

    /// A tag that the resource lacks for a rule, or that the principal lacks to have it in common with the resource.
    fn missing_tag(&mut self, near: &[Near<'a>], denies: &TaggedDenies<'a>) -> Found<'a> {
        let facts = self.facts;
        let mut tried = HashSet::new();
        for Near { document, index, rule, form } in near {
            self.steps.spend(rule.action.len(), document)?;
            if !rule.action.iter().any(|word| **word == *facts.action) {
                continue;
            }
            let (key, wanted, carried): (&str, &[&str], &[&str]) = match form {
                Form::Tag(key, value) => (key, &[*value], &[]),
                // Another rule that asks for a value of the same key in common finds none either.
                Form::TagMatch(key) if tried.insert(*key) => {
                    (key, facts.of_principal.values(key), facts.of_resource.values(key))
                }
                _ => continue,
            };
            self.steps.spend(wanted.len().saturating_add(carried.len()), document)?;
            let (policy, rule, key) = (document.id().to_owned(), *index, key.to_owned());
            if let Some(value) = wanted.iter().find(|value| !denies.of_resource_with(facts, &key, value)) {
                let value = (*value).to_owned();
                return Ok(Some(Nearest::TagResource { policy, rule, key, value }));
            }
            if let Some(value) = carried.iter().find(|value| !denies.of_principal_with(facts, &key, value)) {
                let value = Some((*value).to_owned());
                return Ok(Some(Nearest::TagPrincipal { policy, rule: Some(rule), key, value }));
            }
        }
        Ok(None)
    }

    /// A rule or a target of an active policy that can never match and may be meant for this.
    fn slip(&mut self) -> Found<'a> {
        for policy in self.judged.iter().filter(|policy| policy.document.is_active()) {
            let (document, facts) = (policy.document, self.facts);
            let pointer = if policy.is_aimed {
                self.steps.spend(document.permissions().len(), document)?;
                let meant = |rule: &Permission| {
                    rule.effect == Effect::Allow
                        && rule.resource.first().is_some_and(|head| **head == *facts.resource.kind)
                        && rule.action.iter().any(|word| **word == *facts.action)
                        && may_mean(&rule.resource, Role::Resource, |form| facts.is_about(form))
                };
                let rule = document.permissions().iter().position(meant);
                rule.map(|rule| format!("/permissions/{rule}/resource"))
            } else if policy.helps() {
                self.steps.spend(document.targets().len(), document)?;
                let meant = |target: &Tuple| {
                    target.first().is_some_and(|head| **head == *facts.principal.kind.word())
                        && may_mean(target, Role::Target, |form| facts.aims(form))
                };
                let target = document.targets().iter().position(meant);
                target.map(|target| format!("/targets/{target}"))
            } else {
                None
            };
            if let Some(pointer) = pointer {
                return Ok(Some(Nearest::Mend { policy: document.id().to_owned(), pointer }));
            }
        }
        Ok(None)
    }

    /// A tag that would bring the principal under a policy that allows it, and under none that denies it.
    fn tag_of_principal(&mut self, denies: &TaggedDenies<'a>) -> Found<'a> {
        let (facts, judged) = (self.facts, self.judged);
        let mut values =
            Values { denies, facts, aimed: aimed_values(judged, facts, self.steps)?, known: HashMap::new() };
        for policy in judged.iter().filter(|policy| policy.document.is_active()) {
            let document = policy.document;
            let shared: HashSet<&str> = policy.missed(Effect::Allow).filter_map(key_in_common).collect();
            if !policy.allows && shared.is_empty() {
                continue;
            }
            self.steps.spend(document.targets().len(), document)?;
            let allows = |key: &str, value: &str| {
                policy.allows || (shared.contains(key) && facts.of_resource.has(key, value))
            };
            for form in forms(document, facts) {
                let (key, value) = match form {
                    Form::Tag(key, value)
                        if allows(key, value) && !denies.of_principal_with(facts, key, value) =>
                    {
                        (key, Some(value))
                    }
                    Form::TagMatch(key) if policy.allows || shared.contains(key) => {
                        match values.of(key, policy.allows, self.steps, document)? {
                            Some(value) => (key, value),
                            None => continue,
                        }
                    }
                    _ => continue,
                };
                let (policy, key) = (document.id().to_owned(), key.to_owned());
                let value = value.map(str::to_owned);
                return Ok(Some(Nearest::TagPrincipal { policy, rule: None, key, value }));
            }
        }
        Ok(None)
    }
}

/// What a policy aims at among principals of the asker's kind.
fn forms<'a>(document: &'a Document, facts: &Facts<'_>) -> impl Iterator<Item = Form<'a>> {
    let kind = facts.principal.kind;
    targets(document).filter(move |(of, _)| *of == kind).map(|(_, form)| form)
}

fn key_in_common(form: Form<'_>) -> Option<&str> {
    if let Form::TagMatch(key) = form { Some(key) } else { None }
}

/// The values that active policies aim at, by their keys.
fn aimed_values<'a>(
    judged: &[Judged<'a>],
    facts: &Facts<'_>,
    steps: &mut Steps,
) -> Result<HashMap<&'a str, BTreeSet<&'a str>>, UsedUp<'a>> {
    let mut aimed: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for policy in judged.iter().filter(|policy| policy.document.is_active()) {
        steps.spend(policy.document.targets().len(), policy.document)?;
        for form in forms(policy.document, facts) {
            if let Form::Tag(key, value) = form {
                aimed.entry(key).or_default().insert(value);
            }
        }
    }
    Ok(aimed)
}

/// The value of a tag that helps with a policy which is aimed at whoever carries its key, found once for each key.
struct Values<'a, 's> {
    denies: &'s TaggedDenies<'a>,
    facts: &'s Facts<'a>,
    aimed: HashMap<&'a str, BTreeSet<&'a str>>,
    /// By key, and whether the policy allows the request whatever the value is. Within, `None` if any value helps.
    known: HashMap<(&'a str, bool), Option<Option<&'a str>>>,
}

impl<'a> Values<'a, '_> {
    fn of(
        &mut self,
        key: &'a str,
        allows: bool,
        steps: &mut Steps,
        at: &'a Document,
    ) -> Result<Option<Option<&'a str>>, UsedUp<'a>> {
        if let Some(known) = self.known.get(&(key, allows)) {
            return Ok(*known);
        }
        // The values that make a difference: those that the resource carries, and those aimed at.
        let mut values: BTreeSet<&'a str> = self.facts.of_resource.values(key).iter().copied().collect();
        if allows {
            values.extend(self.aimed.get(key).into_iter().flatten());
        }
        steps.spend(values.len(), at)?;
        let helps = |value: &&&str| !self.denies.of_principal_with(self.facts, key, value);
        let any = allows && !self.denies.keys.contains(key) && values.iter().all(|value| helps(&value));
        let found = if any { Some(None) } else { values.iter().find(helps).map(|value| Some(*value)) };
        self.known.insert((key, allows), found);
        Ok(found)
    }
}

/// What would deny the request once its principal or its resource carried a tag more. Nothing denies it now.
#[derive(Default)]
struct TaggedDenies<'a> {
    /// The tags and the keys by which policies that deny it would be aimed at the principal.
    pairs: HashSet<(&'a str, &'a str)>,
    keys: HashSet<&'a str>,
    /// The same of policies that deny it if principal and resource share this tag.
    shared_pairs: HashSet<(&'a str, &'a str)>,
    shared_keys: HashSet<&'a str>,
    /// The keys of which principal and resource may share no value, by a policy that is aimed at the principal now.
    common: HashSet<&'a str>,
    /// The tags that such a policy denies on a resource.
    on_resource: HashSet<(&'a str, &'a str)>,
}

impl<'a> TaggedDenies<'a> {
    fn of(judged: &[Judged<'a>], facts: &Facts<'_>, steps: &mut Steps) -> Result<Self, UsedUp<'a>> {
        let mut found = Self::default();
        for policy in judged.iter().filter(|policy| policy.document.is_active()) {
            let document = policy.document;
            steps.spend(document.permissions().len(), document)?;
            let shared: HashSet<&'a str> = policy.missed(Effect::Deny).filter_map(key_in_common).collect();
            if policy.is_aimed {
                found.common.extend(shared);
                found.on_resource.extend(policy.missed(Effect::Deny).filter_map(|form| match form {
                    Form::Tag(key, value) => Some((key, value)),
                    _ => None,
                }));
            } else if policy.denies || !shared.is_empty() {
                steps.spend(document.targets().len(), document)?;
                found.aim(document, facts, policy.denies, &shared);
            }
        }
        Ok(found)
    }

    /// Notes what would bring the principal under a policy that denies the request, or would if these keys were shared.
    fn aim(&mut self, document: &'a Document, facts: &Facts<'_>, denies: bool, shared: &HashSet<&str>) {
        for form in forms(document, facts) {
            match form {
                Form::Tag(key, value) if denies => {
                    self.pairs.insert((key, value));
                }
                Form::Tag(key, value) if shared.contains(key) => {
                    self.shared_pairs.insert((key, value));
                }
                Form::TagMatch(key) if denies => {
                    self.keys.insert(key);
                }
                Form::TagMatch(key) if shared.contains(key) => {
                    self.shared_keys.insert(key);
                }
                _ => {}
            }
        }
    }

    /// Whether a rule would deny the request if the principal carried this tag as well.
    fn of_principal_with(&self, facts: &Facts<'_>, key: &str, value: &str) -> bool {
        let shares = || {
            self.common.contains(key)
                || self.shared_keys.contains(key)
                || self.shared_pairs.contains(&(key, value))
        };
        self.keys.contains(key)
            || self.pairs.contains(&(key, value))
            || (facts.of_resource.has(key, value) && shares())
    }

    /// Whether a rule would deny the request if the resource carried this tag as well.
    fn of_resource_with(&self, facts: &Facts<'_>, key: &str, value: &str) -> bool {
        self.on_resource.contains(&(key, value))
            || (self.common.contains(key) && facts.of_principal.has(key, value))
    }
}

/// What a tuple that can never match may have been meant to match: a tag whose words are the wrong way round is that
/// tag, and of anything else nobody can tell.
fn may_mean(tuple: &[Box<str>], role: Role, matches: impl Fn(Form<'_>) -> bool) -> bool {
    match (tuple::read(tuple, role), tuple) {
        (Err(Misshape::Swapped), [_, _, value, _, key]) => matches(Form::Tag(key, value)),
        (Err(_), _) => true,
        (Ok(_), _) => false,
    }
}
