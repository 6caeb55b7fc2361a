//! From the documents' JSON to Cedar, without a look at dashshare.
//!
//! Each rule becomes one Cedar policy for each kind of principal that its document is aimed at. A tag is a Cedar tag that
//! holds the set of the values of its key. Resources are of one entity type, with their kind, id and path as attributes,
//! as a kind may be any text and an id may be missing.

use super::draw::Asked;
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityUid, Policy, PolicyId, PolicySet, Request,
    RestrictedExpression as Expression,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the product has, a line for each kind of principal and of resource: the actions, `*` where not all are known.
/// For any other kind of resource everybody has everything.
const CATALOGUE: &str = "
run_user dashboard access arrangement
run_user device access
run_user entity access
run_user run_user access
run_user sql access execute
analysis device access create delete edit token_access get_data send_data edit_data delete_data manage_chunks export_data import_data
analysis access_management access create edit delete
analysis file access upload edit delete
analysis dashboard access create edit delete duplicate related_devices related_analysis
analysis sql access create execute
analysis account access access_profile access_profile_statistics
analysis action *
analysis analysis *
analysis connector *
analysis dictionary *
analysis entity *
analysis network *
analysis profile *
analysis run_user *
analysis secrets *
analysis service_authorization *
";

/// The kinds of principals, with Cedar's names for them.
const PRINCIPALS: [(&str, &str); 2] = [("run_user", "RunUser"), ("analysis", "Analysis")];

/// Faults to plant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    IgnoresDenies,
    CaseBlind,
    TakesAnyForATag,
    CountsInactive,
    CutsTuples,
    LendsToTheOtherKind,
    KeepsOneValueOfAKey,
    TakesAStarForAWildcard,
    TakesAnyValueForAMatch,
    TakesAPairForAMatchedKey,
    AllowsToCreateById,
    KeepsUnknownActions,
    TakesPathsWhole,
    ReadsSwappedWords,
    NamesTheLast,
}

impl Fault {
    pub(crate) const ALL: [Self; 15] = [
        Self::IgnoresDenies,
        Self::CaseBlind,
        Self::TakesAnyForATag,
        Self::CountsInactive,
        Self::CutsTuples,
        Self::LendsToTheOtherKind,
        Self::KeepsOneValueOfAKey,
        Self::TakesAStarForAWildcard,
        Self::TakesAnyValueForAMatch,
        Self::TakesAPairForAMatchedKey,
        Self::AllowsToCreateById,
        Self::KeepsUnknownActions,
        Self::TakesPathsWhole,
        Self::ReadsSwappedWords,
        Self::NamesTheLast,
    ];
}

/// The words of a tuple.
pub(crate) fn words(tuple: &Value) -> Vec<&str> {
    tuple.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// A field that is a list.
pub(crate) fn list<'a>(of: &'a Value, field: &str) -> &'a [Value] {
    of[field].as_array().map_or(&[], Vec::as_slice)
}

/// Whether the catalogue gives an action on a kind of resource to one of these principals.
pub(crate) fn has(principals: &[&str], kind: &str, action: &str) -> bool {
    let lines = || CATALOGUE.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut known = lines().filter(|line| line.get(1) == Some(&kind)).peekable();
    known.peek().is_none()
        || known.any(|line| principals.contains(&line[0]) && (line[2] == "*" || line[2..].contains(&action)))
}

/// Text as Cedar writes it between quotes.
fn quoted(text: &str) -> String {
    let escape = |letter: char| match letter {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        letter if letter.is_control() => format!("\\u{{{:x}}}", u32::from(letter)),
        letter => letter.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

/// Rules as Cedar policies.
pub(crate) struct Translation {
    pub(crate) policies: PolicySet,
    /// The policy and the rule that each came from, by number.
    rules: Vec<(String, usize)>,
    fault: Option<Fault>,
}

impl Translation {
    pub(crate) fn new(documents: &[Value], fault: Option<Fault>) -> Self {
        let mut made = Self { policies: PolicySet::new(), rules: Vec::new(), fault };
        for document in documents {
            if document["active"] != Value::Bool(false) || made.is(Fault::CountsInactive) {
                made.document(document);
            }
        }
        made
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// The policy and the rule that a Cedar policy came from.
    pub(crate) fn rule(&self, id: &PolicyId) -> (&str, usize) {
        let at: usize = AsRef::<str>::as_ref(id).parse().unwrap();
        let (policy, rule) = &self.rules[at];
        (policy, *rule)
    }

    fn document(&mut self, document: &Value) {
        let targets: Vec<Vec<&str>> = list(document, "targets").iter().map(words).collect();
        let aimed = |(kind, entity): &(&str, &str)| {
            targets.iter().any(|target| target.first() == Some(kind) && self.target(entity, target).is_some())
        };
        let mixed = PRINCIPALS.iter().all(aimed) && !self.is(Fault::LendsToTheOtherKind);
        for (kind, entity) in PRINCIPALS {
            let aimed = targets.iter().filter(|target| target.first() == Some(&kind));
            let who: Vec<String> = aimed.filter_map(|target| self.target(entity, target)).collect();
            if who.is_empty() {
                continue;
            }
            for (rule, permission) in list(document, "permissions").iter().enumerate() {
                let resource = words(&permission["resource"]);
                let Some(what) = self.resource(&resource) else { continue };
                let denies = permission["effect"] == "deny";
                let counts = |action: &&str| {
                    let by_id = resource.get(1) == Some(&"id");
                    (has(&["run_user", "analysis"], resource[0], action)
                        || self.is(Fault::KeepsUnknownActions))
                        && (!mixed || denies || has(&[kind], resource[0], action))
                        && !(*action == "create" && by_id && !self.is(Fault::AllowsToCreateById))
                };
                let actions: Vec<String> = words(&permission["action"])
                    .into_iter()
                    .filter(counts)
                    .map(|action| format!("Action::{}", self.text(action)))
                    .collect();
                let effect = if denies { "forbid" } else { "permit" };
                if actions.is_empty() || effect == "forbid" && self.is(Fault::IgnoresDenies) {
                    continue;
                }
                let text = format!(
                    "{effect}(principal is {entity}, action in [{}], resource) when {{ ({}) && {what} }};",
                    actions.join(", "),
                    who.join(" || "),
                );
                let id = PolicyId::new(self.rules.len().to_string());
                let policy =
                    Policy::parse(Some(id), &text).unwrap_or_else(|error| panic!("{error:?}: {text}"));
                self.policies.add(policy).unwrap();
                let name = document["id"].as_str().unwrap_or_default();
                let order = if self.is(Fault::NamesTheLast) { usize::MAX - rule } else { rule };
                self.rules.push((name.to_owned(), order));
            }
        }
    }

    /// A word, quoted.
    fn text(&self, word: &str) -> String {
        quoted(&self.word(word))
    }

    fn word(&self, word: &str) -> String {
        if self.is(Fault::CaseBlind) { word.to_lowercase() } else { word.to_owned() }
    }

    fn cut<'a>(&self, tuple: &'a [&'a str]) -> &'a [&'a str] {
        match tuple {
            [_, "id" | "tag_match" | "path", _, ..] if self.is(Fault::CutsTuples) => &tuple[..3],
            [_, "tag.key", _, "tag.value", _, ..] if self.is(Fault::CutsTuples) => &tuple[..5],
            _ => tuple,
        }
    }

    /// The condition of a target, if it can be met.
    fn target(&self, entity: &str, tuple: &[&str]) -> Option<String> {
        Some(match self.cut(tuple) {
            [_] => "true".to_owned(),
            [_, "id", id] => format!("principal == {entity}::{}", self.text(id)),
            [_, "tag_match", key] if self.is(Fault::TakesAPairForAMatchedKey) => {
                format!("({})", self.carries("principal", key, key))
            }
            [_, "tag_match", key] => format!("principal.hasTag({})", self.text(key)),
            [_, "tag.key", _, "tag.value", _] if self.is(Fault::TakesAnyForATag) => "true".to_owned(),
            [_, "tag.key", key, "tag.value", value] => format!("({})", self.carries("principal", key, value)),
            [_, "tag.value", value, "tag.key", key] if self.is(Fault::ReadsSwappedWords) => {
                format!("({})", self.carries("principal", key, value))
            }
            _ => return None,
        })
    }

    /// The condition of a resource, if it can be met.
    fn resource(&self, tuple: &[&str]) -> Option<String> {
        let form = match self.cut(tuple) {
            [_] => "true".to_owned(),
            [_, "id", id] => format!("resource has id && resource.id == {}", self.text(id)),
            [_, "tag_match", key] => {
                let key = self.text(key);
                let share = match self.is(Fault::TakesAnyValueForAMatch) {
                    true => "true".to_owned(),
                    false => format!("principal.getTag({key}).containsAny(resource.getTag({key}))"),
                };
                format!("principal.hasTag({key}) && resource.hasTag({key}) && {share}")
            }
            [_, "tag.key", _, "tag.value", _] if self.is(Fault::TakesAnyForATag) => "true".to_owned(),
            [_, "tag.key", key, "tag.value", value] => self.carries("resource", key, value),
            [_, "tag.value", value, "tag.key", key] if self.is(Fault::ReadsSwappedWords) => {
                self.carries("resource", key, value)
            }
            ["file", "path", prefix] if self.is(Fault::TakesPathsWhole) => {
                format!("resource has path && resource.path == {}", self.text(prefix))
            }
            ["file", "path", prefix] => {
                let prefix = self.text(prefix);
                let literal = match self.is(Fault::TakesAStarForAWildcard) {
                    true => prefix,
                    false => prefix.replace('*', "\\*"),
                };
                format!("resource has path && resource.path like {}*\"", &literal[..literal.len() - 1])
            }
            _ => return None,
        };
        Some(format!("resource.kind == {} && {form}", self.text(tuple[0])))
    }

    fn carries(&self, who: &str, key: &str, value: &str) -> String {
        let (key, value) = (self.text(key), self.text(value));
        format!("{who}.hasTag({key}) && {who}.getTag({key}).contains({value})")
    }

    /// A request, and the two entities that it is about.
    pub(crate) fn request(&self, asked: &Asked) -> (Request, Entities) {
        let uid = |kind: &str, id: &str| {
            EntityUid::from_type_name_and_id(kind.parse().unwrap(), EntityId::new(self.word(id)))
        };
        let string = |text: &str| Expression::new_string(self.word(text));
        let tags = |tags: &[dashshare::policy::Tag]| -> Vec<(String, Expression)> {
            let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for tag in tags {
                let set = sets.entry(self.word(&tag.key)).or_default();
                if set.is_empty() || !self.is(Fault::KeepsOneValueOfAKey) {
                    set.insert(self.word(&tag.value));
                }
            }
            let set = |values: BTreeSet<String>| values.into_iter().map(Expression::new_string);
            sets.into_iter().map(|(key, values)| (key, Expression::new_set(set(values)))).collect()
        };
        let (principal, resource) = (&asked.principal, &asked.resource);
        let entity = PRINCIPALS.into_iter().find(|(kind, _)| *kind == principal.kind.word()).unwrap().1;
        let (who, what) = (uid(entity, &principal.id), uid("Resource", "asked"));
        let mut attributes = vec![("kind".to_owned(), string(&resource.kind))];
        attributes.extend(resource.id.iter().map(|id| ("id".to_owned(), string(id))));
        attributes.extend(resource.path.iter().map(|path| ("path".to_owned(), string(path))));
        let entities = [
            Entity::new_with_tags(who.clone(), [], [], tags(&principal.tags)).unwrap(),
            Entity::new_with_tags(what.clone(), attributes, [], tags(&resource.tags)).unwrap(),
        ];
        let request = Request::new(who, uid("Action", &asked.action), what, Context::empty(), None);
        (request.unwrap(), Entities::from_entities(entities, None).unwrap())
    }
}
