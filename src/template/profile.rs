//! The profile of a document format: what of it is structure, as data (T2).

use super::{
    format_words::FormatWords,
    linter::{Linter, ProfileFinding},
    schema::{Fields, IdForm, IdRule, KeyRule, Node, Schema, SlotRule},
    vocabulary::Vocabulary,
};
use crate::value::shown;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// What a dashboard document of one format consists of, and what of it a template may keep.
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
///
/// What the fields are called and what vocabularies hold are the format's own words: they are taken for nobody's names,
/// ids or credentials, wherever else they stand. A word of a vocabulary that looks like an id is, unless the vocabulary
/// is one of `constants` instead of `words`.
///
/// Rules: [T2](crate::specification).
#[derive(Clone, Debug)]
pub struct Profile {
    // INVARIANT: the linter has found nothing in it.
    pub(super) schema: Schema,
    pub(super) words: FormatWords,
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

impl Profile {
    /// Reads and checks a profile.
    ///
    /// # Errors
    /// [`ProfileError::Malformed`] for what is none, [`ProfileError::Refused`] with all that the linter found: open
    /// vocabularies, places that can never be reached, leaves kept under suspicious names without `acknowledged`,
    /// spaces of ids without a definition or without a spelling, names that nothing has.
    pub fn parse(json: &str) -> Result<Self, ProfileError> {
        let text: Text = serde_json::from_str(json).map_err(|error| ProfileError::Malformed(said(error)))?;
        let Text { format, version, spaces, vocabularies, types, root, .. } = text;
        let schema = Schema { format, version, spaces, vocabularies, types, root };
        let findings = Linter::of(&schema);
        if !findings.is_empty() {
            return Err(ProfileError::Refused(findings));
        }
        let words = FormatWords::of(&schema);
        Ok(Self { schema, words })
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
        &self.schema.format
    }

    /// Its version: a template is filled under the one that it was extracted under.
    pub fn version(&self) -> u32 {
        self.schema.version
    }
}

/// A parser's error, which may name what somebody else wrote, as it may be printed.
fn said(error: serde_json::Error) -> serde_json::Error {
    let (sentence, seen) = (error.to_string(), shown(&error));
    if sentence == seen { error } else { serde_json::Error::custom(seen) }
}

#[expect(clippy::expect_used, reason = "a test parses each of the shipped profiles")]
fn shipped(json: &str) -> Profile {
    Profile::parse(json).expect("a shipped profile passes the linter")
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
    fn an_either_whose_node_is_never_reached_is_refused() {
        let found = findings(
            r#"{"object": {"type": {"keep": "kind"}, "a": {"either": ["text", {"code": "sql"}]}, "b": {"either": ["drop", "text"]}}}"#,
        );
        assert_eq!(found, ["a node before this one is fit for all that this one is fit for"; 2]);
    }
}
