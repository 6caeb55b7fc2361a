//! The profile of a document format: what of it is structure, as data (T2).

use super::{
    lexicon::{words_of_name, words_of_text},
    linter::Linter,
    source::Tree,
    vocabulary::Vocabulary,
};
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What a dashboard document of one format consists of, and what of it a template may keep (T2).
///
/// A schema tree, as JSON: each place of the document has a node or does not exist in the template. A node is an object
/// with one member, its action; beside it may stand a `comment`, and `acknowledged` where the linter asks whether a
/// leaf is meant to be kept.
///
/// | action | what becomes of the place |
/// | --- | --- |
/// | `{"keep": VOCABULARY}` | kept if it is a member of the named closed vocabulary |
/// | `"name"` | a word of the schema (a variable, a field): kept if it looks like one |
/// | `"text"` | free text: links and markup taken out, names found in it put to the owner |
/// | `{"code": LANGUAGE}` | a query, formula or script: an optional slot, unless the owner lets it stand |
/// | `{"asset": {"hosts": […]}}` | the address of an image: kept if it is one of these hosts', without a query |
/// | `{"slot": {"kind": …, "required": …}}` | a hole that the recipient fills; equal values share one |
/// | `{"id": {"space": …, "defines": …}}` | an id inside the document: renamed wherever it stands |
/// | `{"id_or_slot": {"space": …, "kind": …, "required": …}}` | an id if the document defines it, else a slot |
/// | `"owner"` | the recipient, when the template is filled |
/// | `{"neutral": VALUE}` | this value, whatever stands there |
/// | `"drop"` | nothing |
/// | `{"object": {FIELD: NODE}}` | an object of these fields |
/// | `{"map": {"keys": KEYS, "values": NODE}}` | an object whose keys are data: `{"id": …}`, `{"slot": …}` or `"name"` |
/// | `{"array": NODE}` | a list |
/// | `{"variant": {"on": FIELD, "cases": {…}, "other": NODE}}` | a node by the value of one of its fields |
/// | `{"either": [NODE, …]}` | the first of these that a value is fit for: a text or an object, a known word or a slot |
/// | `{"json": NODE}` | a document in a string |
/// | `{"ref": TYPE}` | a node of `types`, for what contains itself |
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) spaces: BTreeMap<String, IdForm>,
    pub(super) vocabularies: BTreeMap<String, Vocabulary>,
    pub(super) types: BTreeMap<String, Node>,
    pub(super) root: Node,
    /// The words of the format itself: what its fields are called and what may be kept.
    pub(super) words: HashSet<String>,
}

/// How the ids of a space are spelt when a template is filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IdForm {
    Uuid,
    ObjectId,
    /// 1, 2, 3 … in the order of the document.
    Counter,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Keep(String),
    Name,
    Text,
    Code(String),
    Asset(Vec<String>),
    Slot(SlotRule),
    Id(IdRule),
    IdOrSlot {
        space: Arc<str>,
        slot: SlotRule,
    },
    Owner,
    Neutral(Value),
    Drop,
    Object(Fields),
    Map {
        keys: KeyRule,
        values: Box<Node>,
    },
    Array(Box<Node>),
    Variant {
        on: String,
        cases: BTreeMap<String, Node>,
        other: Box<Node>,
    },
    /// The first that the value is fit for, by its shape alone.
    Either(Vec<Node>),
    Json(Box<Node>),
    Ref(String),
    /// A leaf whose name the linter would ask about.
    Acknowledged(Box<Node>),
}

/// The fields of an object.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    /// By name.
    nodes: Vec<(Arc<str>, Node)>,
    places: HashMap<Arc<str>, usize>,
    /// Those that are there in every document, whatever the source has.
    pub(super) constant: Vec<Arc<str>>,
}

impl Fields {
    fn of(nodes: BTreeMap<Arc<str>, Node>) -> Self {
        let nodes: Vec<(Arc<str>, Node)> = nodes.into_iter().collect();
        let constant = nodes.iter().filter(|(_, node)| node.is_constant()).map(|(name, _)| name.clone());
        let places = nodes.iter().map(|(name, _)| name.clone()).zip(0..).collect();
        Self { constant: constant.collect(), places, nodes }
    }

    pub(super) fn get(&self, name: &str) -> Option<&(Arc<str>, Node)> {
        self.nodes.get(*self.places.get(name)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Arc<str>, Node)> {
        self.nodes.iter()
    }

    fn values(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().map(|(_, node)| node)
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SlotRule {
    pub(super) kind: String,
    #[serde(default)]
    pub(super) required: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdRule {
    pub(super) space: Arc<str>,
    #[serde(default)]
    pub(super) defines: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum KeyRule {
    Id(IdRule),
    Slot(SlotRule),
    Name,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Keep(String),
    Name,
    Text,
    Code(String),
    Asset(Hosts),
    Slot(SlotRule),
    Id(IdRule),
    IdOrSlot(IdOrSlot),
    Owner,
    Neutral(Value),
    Drop,
    Object(BTreeMap<Arc<str>, Node>),
    Map(MapRule),
    Array(Box<Node>),
    Variant(VariantRule),
    Either(Vec<Node>),
    Json(Box<Node>),
    Ref(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hosts {
    hosts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdOrSlot {
    space: Arc<str>,
    kind: String,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapRule {
    keys: KeyRule,
    values: Box<Node>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantRule {
    on: String,
    cases: BTreeMap<String, Node>,
    other: Box<Node>,
}

impl Node {
    /// Whether it leaves the same in every document.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::Owner | Self::Neutral(_))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let mut acknowledged = false;
        if let Value::Object(members) = &mut value {
            members.remove("comment");
            acknowledged = members.remove("acknowledged") == Some(Value::Bool(true));
        }
        let action = Action::deserialize(value).map_err(D::Error::custom)?;
        let node = match action {
            Action::Keep(vocabulary) => Self::Keep(vocabulary),
            Action::Name => Self::Name,
            Action::Text => Self::Text,
            Action::Code(language) => Self::Code(language),
            Action::Asset(asset) => Self::Asset(asset.hosts),
            Action::Slot(slot) => Self::Slot(slot),
            Action::Id(id) => Self::Id(id),
            Action::IdOrSlot(IdOrSlot { space, kind, required }) => {
                Self::IdOrSlot { space, slot: SlotRule { kind, required } }
            }
            Action::Owner => Self::Owner,
            Action::Neutral(value) => Self::Neutral(value),
            Action::Drop => Self::Drop,
            Action::Object(fields) => Self::Object(Fields::of(fields)),
            Action::Map(map) => Self::Map { keys: map.keys, values: map.values },
            Action::Array(items) => Self::Array(items),
            Action::Variant(variant) => {
                Self::Variant { on: variant.on, cases: variant.cases, other: variant.other }
            }
            Action::Either(nodes) => Self::Either(nodes),
            Action::Json(document) => Self::Json(document),
            Action::Ref(name) => Self::Ref(name),
        };
        Ok(if acknowledged { Self::Acknowledged(Box::new(node)) } else { node })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: String,
    version: u32,
    #[serde(default, rename = "comment")]
    _comment: Value,
    #[serde(default)]
    spaces: BTreeMap<String, IdForm>,
    #[serde(default)]
    vocabularies: BTreeMap<String, Vocabulary>,
    #[serde(default)]
    types: BTreeMap<String, Node>,
    root: Node,
}

/// Why a profile was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// It is not a profile.
    #[error("not a profile")]
    Malformed(#[source] serde_json::Error),
    /// The linter found something that would let data through, or that can never apply.
    #[error("the profile is refused: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<ProfileFinding>),
}

/// Something that the linter of profiles found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileFinding {
    /// The place in the profile, by fields from the root or from a type.
    pub place: String,
    /// What is the matter, and how to mend it.
    pub sentence: String,
}

impl fmt::Display for ProfileFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.place, self.sentence)
    }
}

impl Profile {
    /// Reads and checks a profile.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] for what is none, [`ProfileError::Refused`] with all that the linter found: open
    /// vocabularies, places that can never be reached, leaves kept under suspicious names without `acknowledged`,
    /// spaces of ids without a definition or without a spelling, names that nothing has.
    pub fn parse(json: &str) -> Result<Self, ProfileError> {
        let text: Text = serde_json::from_str(json).map_err(ProfileError::Malformed)?;
        let Text { format, version, spaces, vocabularies, types, root, .. } = text;
        let mut words = HashSet::new();
        types.values().chain([&root]).for_each(|node| fields_of(node, &mut words));
        vocabularies.values().for_each(|vocabulary| vocabulary.tell(&mut |word| put_words(word, &mut words)));
        let profile = Self { format, version, spaces, vocabularies, types, root, words };
        let findings = Linter::of(&profile);
        if findings.is_empty() { Ok(profile) } else { Err(ProfileError::Refused(findings)) }
    }

    /// TagoIO's dashboards, normal and blueprint: a document `{"dashboard": {…}, "widgets": […]}`.
    #[must_use]
    pub fn tagoio() -> Self {
        shipped(include_str!("../../profiles/tagoio.json"))
    }

    /// Grafana's dashboards of the classic model, with panels in rows or on a grid.
    #[must_use]
    pub fn grafana() -> Self {
        shipped(include_str!("../../profiles/grafana.json"))
    }

    /// ThingsBoard's dashboards, as they are exported.
    #[must_use]
    pub fn thingsboard() -> Self {
        shipped(include_str!("../../profiles/thingsboard.json"))
    }

    /// The name of the document format.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// Its version: a template is filled under the one that it was extracted under.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The node that a reference, or a chain of them, leads to.
    pub(super) fn resolve<'a>(&'a self, mut node: &'a Node) -> &'a Node {
        for _ in 0..=self.types.len().saturating_mul(2).saturating_add(2) {
            node = match node {
                Node::Ref(name) => match self.types.get(name) {
                    Some(node) => node,
                    None => return &Node::Drop,
                },
                Node::Acknowledged(node) => node,
                node => return node,
            };
        }
        &Node::Drop
    }

    /// Whether the profile leaves slots of this kind anywhere.
    pub(super) fn has_kind(&self, kind: &str) -> bool {
        let nodes = self.types.values().chain([&self.root]);
        nodes.into_iter().any(|node| leaves(node, kind))
    }

    pub(super) fn has(&self, vocabulary: &str, value: &Tree<'_>) -> bool {
        self.vocabularies.get(vocabulary).is_some_and(|vocabulary| vocabulary.has(value))
    }
}

#[expect(clippy::expect_used, reason = "a test parses each of the shipped profiles")]
fn shipped(json: &str) -> Profile {
    Profile::parse(json).expect("a shipped profile passes the linter")
}

fn put_words(word: &str, words: &mut HashSet<String>) {
    words.insert(words_of_text(word));
    words.insert(words_of_name(word).join(" "));
}

fn fields_of(node: &Node, words: &mut HashSet<String>) {
    match node {
        Node::Object(fields) => {
            for (name, node) in fields.iter() {
                put_words(name, words);
                fields_of(node, words);
            }
        }
        Node::Map { values: node, .. } | Node::Array(node) | Node::Json(node) | Node::Acknowledged(node) => {
            fields_of(node, words)
        }
        Node::Variant { cases, other, .. } => {
            cases.values().chain([&**other]).for_each(|node| fields_of(node, words))
        }
        Node::Either(nodes) => nodes.iter().for_each(|node| fields_of(node, words)),
        _ => {}
    }
}

fn leaves(node: &Node, kind: &str) -> bool {
    match node {
        Node::Slot(rule) | Node::IdOrSlot { slot: rule, .. } => rule.kind == kind,
        Node::Code(language) => super::body::code_kind(language) == kind,
        Node::Object(fields) => fields.values().any(|node| leaves(node, kind)),
        Node::Map { keys, values } => {
            matches!(keys, KeyRule::Slot(rule) if rule.kind == kind) || leaves(values, kind)
        }
        Node::Array(node) | Node::Json(node) | Node::Acknowledged(node) => leaves(node, kind),
        Node::Variant { cases, other, .. } => {
            cases.values().any(|node| leaves(node, kind)) || leaves(other, kind)
        }
        Node::Either(nodes) => nodes.iter().any(|node| leaves(node, kind)),
        _ => false,
    }
}

/// The values that a node is fit for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Leaf,
    Object,
    Array,
    All,
}

impl Node {
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Object(_) | Self::Map { .. } | Self::Variant { .. } => Shape::Object,
            Self::Array(_) => Shape::Array,
            Self::Owner
            | Self::Neutral(_)
            | Self::Drop
            | Self::Either(_)
            | Self::Ref(_)
            | Self::Acknowledged(_) => Shape::All,
            _ => Shape::Leaf,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(root: &str) -> Vec<String> {
        let json = format!(
            r#"{{"format": "mini", "version": 1, "vocabularies": {{"kind": {{"words": ["chart"]}}}}, "root": {root}}}"#
        );
        match Profile::parse(&json) {
            Err(ProfileError::Refused(findings)) => {
                findings.into_iter().map(|finding| finding.sentence).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_shipped_profiles_pass_the_linter() {
        for profile in [Profile::tagoio(), Profile::grafana(), Profile::thingsboard()] {
            assert_eq!(profile.version(), 1, "{}", profile.format());
        }
    }

    #[test]
    fn a_case_keeps_the_word_that_it_is_told_by() {
        let found = findings(
            r#"{"variant": {"on": "type", "cases": {"table": {"object": {"type": {"keep": "kind"}}}}, "other": "drop"}}"#,
        );
        assert_eq!(found, ["a case is an object that keeps the word it is told by"]);
    }

    #[test]
    fn an_either_is_told_by_the_shape_of_the_value() {
        let profile = Profile::parse(
            r#"{"format": "mini", "version": 1, "vocabularies": {"known": {"words": ["mixed"]}}, "root": {"object": {
                "sources": {"array": {"either": [{"keep": "known"}, {"slot": {"kind": "source"}},
                  {"object": {"uid": {"slot": {"kind": "source"}}, "sub": {"object": {"uid": {"slot": {"kind": "source"}}}}}}]}}
            }}}"#,
        )
        .unwrap();
        let document = serde_json::json!({"sources": [
            "mixed", "olga-1", {"uid": "olga-1", "name": "olga"}, {"sub": {"uid": "olga-2"}}, true, {"name": "olga"}, ["olga-2"]
        ]});
        let made =
            crate::template::extract(&document, &profile, crate::template::Options::default()).unwrap();
        let written = made.template.to_json();
        assert_eq!(
            written["body"]["sources"],
            serde_json::json!(["mixed", {"$slot": "source-1"}, {"uid": {"$slot": "source-1"}}, {"sub": {"uid": {"$slot": "source-2"}}}])
        );
        assert_eq!(made.template.slots().iter().map(|slot| slot.uses).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(crate::template::Template::read(&profile, &written.to_string()).unwrap(), made.template);
        let stray = written.to_string().replace("mixed", "olga");
        assert!(
            crate::template::Template::read(&profile, &stray).is_err(),
            "a word that is no slot and not kept"
        );
    }

    #[test]
    fn a_widget_of_an_unknown_type_keeps_its_frame_only() {
        let widget = |id: &str, kind: &str| {
            serde_json::json!({
                "id": id, "type": kind, "label": "Cold room", "display": {"help": "olga's", "range": {"maximum": 8}},
                "data": [{"origin": "67ffb4806ae7fc000aac735d", "variables": ["temperature"]}]
            })
        };
        let place = |id: &str| serde_json::json!({"widget_id": id, "x": 0, "y": 1, "width": 2, "height": 3});
        let document = serde_json::json!({
            "dashboard": {"arrangement": [place("a1"), place("b2")]},
            "widgets": [widget("a1", "olga's own"), widget("b2", "video")]
        });
        let made =
            crate::template::extract(&document, &Profile::tagoio(), crate::template::Options::default())
                .unwrap();
        let place =
            |id: &str| serde_json::json!({"widget_id": {"$id": id}, "x": 0, "y": 1, "width": 2, "height": 3});
        assert_eq!(
            made.template.to_json()["body"],
            serde_json::json!({
                "dashboard": {"arrangement": [place("widget-1"), place("widget-2")]},
                "widgets": [
                    {"id": {"$id": "widget-1"}, "label": "Cold room"},
                    {"id": {"$id": "widget-2"}, "label": "Cold room", "type": "video"}
                ]
            })
        );
        assert_eq!(made.report.unknown.keys().collect::<Vec<_>>(), ["widgets.[].data", "widgets.[].display"]);
    }

    #[test]
    fn numbers_are_kept_out_of_a_list_only() {
        let numbers: Vocabulary = serde_json::from_str(r#"{"numbers": [60000, 3600000]}"#).unwrap();
        let has = |value: &Value| numbers.has(&Tree::of(value, 1).unwrap());
        assert!(has(&serde_json::json!(60000)));
        for other in [serde_json::json!(60001), serde_json::json!("60000"), serde_json::json!(60000.5)] {
            assert!(!has(&other), "{other}");
        }
        assert!(numbers.problem().is_none());
        assert!(Vocabulary::Numbers(Vec::new()).problem().is_some());
    }

    #[test]
    fn an_either_whose_node_is_never_reached_is_refused() {
        let found = findings(
            r#"{"object": {"type": {"keep": "kind"}, "a": {"either": ["text", {"code": "sql"}]}, "b": {"either": ["drop", "text"]}}}"#,
        );
        assert_eq!(found, ["a node before this one is fit for all that this one is fit for"; 2]);
    }
}
