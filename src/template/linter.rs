//! The linter of profiles: what would let data through, and what can never apply (T2).

use super::{
    lexicon::is_suspicious,
    schema::{Fields, IdRule, KeyRule, Node, Schema, Shape},
    shape::has_id_shape,
    source::Tree,
    vocabulary::Vocabulary,
};
use crate::value::Shown;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

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
        write!(f, "at {}: {}", Shown(&self.place), Shown(&self.sentence))
    }
}

pub(super) struct Linter<'a> {
    schema: &'a Schema,
    findings: Vec<ProfileFinding>,
    /// Spaces with a definition, and with any use.
    defined: BTreeSet<&'a str>,
    used: BTreeSet<&'a str>,
    types: BTreeSet<&'a str>,
    vocabularies: BTreeSet<&'a str>,
}

impl<'a> Linter<'a> {
    pub(super) fn of(schema: &'a Schema) -> Vec<ProfileFinding> {
        let mut linter = Self {
            schema,
            findings: Vec::new(),
            defined: BTreeSet::new(),
            used: BTreeSet::new(),
            types: BTreeSet::new(),
            vocabularies: BTreeSet::new(),
        };
        if !matches!(schema.resolve(&schema.root), Node::Object(_) | Node::Map { .. } | Node::Variant { .. })
        {
            linter.note("root", "a document is an object");
        }
        linter.node("root", "", &schema.root);
        // Types that nothing refers to are reported, and what they hold is checked all the same.
        let mut seen = BTreeSet::new();
        while let Some(name) = linter.types.iter().copied().find(|name| !seen.contains(name)) {
            seen.insert(name);
            match schema.types.get(name) {
                Some(node) => linter.node(name, "", node),
                None => linter.note(name, "a reference to a type that the profile does not have"),
            }
        }
        linter.finish();
        linter.findings
    }

    fn note(&mut self, place: &str, sentence: &str) {
        self.findings.push(ProfileFinding { place: place.to_owned(), sentence: sentence.to_owned() });
    }

    fn finish(&mut self) {
        let schema = self.schema;
        for name in schema.types.keys().filter(|name| !self.types.contains(name.as_str())).collect::<Vec<_>>()
        {
            self.note(name, "nothing refers to this type: leave it out");
        }
        for (name, vocabulary) in &schema.vocabularies {
            if let Some(problem) = vocabulary.problem() {
                self.note(name, problem);
            }
            if !self.vocabularies.contains(name.as_str()) {
                self.note(name, "nothing keeps this vocabulary: leave it out");
            }
        }
        for space in self.used.clone() {
            if !self.defined.contains(space) {
                self.note(
                    space,
                    "ids of this space are used and nothing defines them: mark the place that does",
                );
            }
            if !schema.spaces.contains_key(space) {
                self.note(space, "the spelling of this space's ids is missing from `spaces`");
            }
        }
        for name in schema.spaces.keys().filter(|name| !self.used.contains(name.as_str())).collect::<Vec<_>>()
        {
            self.note(name, "no id is of this space: leave it out");
        }
        for name in schema.types.keys() {
            if matches!(schema.resolve(&Node::Ref(name.clone())), Node::Drop)
                && !matches!(schema.types.get(name), Some(Node::Drop))
            {
                self.note(name, "this type is nothing but references to itself");
            }
        }
    }

    fn id(&mut self, rule: &'a IdRule) {
        self.used.insert(&rule.space);
        if rule.defines {
            self.defined.insert(&rule.space);
        }
    }

    fn node(&mut self, place: &str, field: &str, node: &'a Node) {
        match node {
            Node::Keep(name) => self.keep(place, field, name),
            Node::Text | Node::Name => self.leaf(place, field),
            Node::Acknowledged(node) => self.acknowledged(place, field, node),
            Node::Asset(hosts) => self.asset(place, hosts),
            Node::Owner => self.constant(place, field),
            Node::Neutral(neutral) => {
                if tells(neutral) {
                    self.note(
                        place,
                        "what is there in every document looks like an id, a credential or an address: leave it out",
                    );
                }
                self.constant(place, field);
            }
            Node::Slot(_) | Node::Code(_) | Node::Drop => {}
            Node::Id(rule) => self.id(rule),
            Node::IdOrSlot { space, .. } => {
                self.used.insert(space);
            }
            Node::Object(fields) => self.object(place, fields),
            Node::Map { keys, values } => self.map(place, keys, values),
            Node::Array(items) => self.node(&format!("{place}[]"), field, items),
            Node::Variant { on, cases, other } => self.variant(place, field, on, cases, other),
            Node::Either(nodes) => self.either(place, field, nodes),
            Node::Json(document) => self.node(&format!("{place}(json)"), field, document),
            Node::Ref(name) => {
                self.types.insert(name);
            }
        }
    }

    fn keep(&mut self, place: &str, field: &str, name: &'a str) {
        let Some(vocabulary) = self.vocabulary(place, name) else { return };
        let mut tells = false;
        vocabulary.tell(&mut |word| tells |= has_id_shape(word));
        if tells {
            self.note(
                place,
                "a word of this vocabulary looks like an id, a credential or an address: leave it out, or acknowledge it",
            );
        }
        // Truth values, colours and words out of a list are harmless whatever they are called.
        if !matches!(vocabulary, Vocabulary::Bool | Vocabulary::Words(_) | Vocabulary::Colour) {
            self.leaf(place, field);
        }
    }

    /// The vocabulary of this name, which is used here.
    fn vocabulary(&mut self, place: &str, name: &'a str) -> Option<&'a Vocabulary> {
        self.vocabularies.insert(name);
        let found = self.schema.vocabularies.get(name);
        if found.is_none() {
            self.note(place, "a vocabulary that the profile does not have");
        }
        found
    }

    fn leaf(&mut self, place: &str, field: &str) {
        if is_suspicious(field) {
            self.note(place, "a leaf of this name is hardly ever structure: drop it, or acknowledge it");
        }
    }

    fn acknowledged(&mut self, place: &str, field: &str, node: &'a Node) {
        match node {
            Node::Keep(name) => {
                self.vocabulary(place, name);
            }
            Node::Text | Node::Name => {}
            other => {
                self.note(place, "only what is kept needs to be acknowledged");
                self.node(place, field, other);
            }
        }
    }

    fn asset(&mut self, place: &str, hosts: &[String]) {
        let is_host = |host: &String| {
            host.split('.').all(|label| !label.is_empty())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
        };
        if !hosts.iter().all(is_host) {
            self.note(place, "a host is named in full, without a pattern, a user or a path");
        }
    }

    /// Anywhere but in a field it would tell whether the source has something there.
    fn constant(&mut self, place: &str, field: &str) {
        if field.is_empty() || place.rsplit('.').next() != Some(field) {
            self.note(place, "what is there in every document is a field of an object, written in its place");
        }
    }

    fn object(&mut self, place: &str, fields: &'a Fields) {
        for (name, node) in fields.iter() {
            let place = format!("{place}.{name}");
            if name.starts_with('$') {
                self.note(&place, "a field that begins with `$` would read like a marker");
            }
            self.node(&place, name, node);
        }
    }

    fn map(&mut self, place: &str, keys: &'a KeyRule, values: &'a Node) {
        match keys {
            KeyRule::Id(rule) => self.id(rule),
            KeyRule::Name if self.is_open(values) => self.note(
                place,
                "any word may be a key and any text its value: name the fields, or acknowledge the values",
            ),
            KeyRule::Slot(_) | KeyRule::Name => {}
        }
        self.node(&format!("{place}.*"), "", values);
    }

    fn variant(
        &mut self,
        place: &str,
        field: &str,
        on: &str,
        cases: &'a BTreeMap<String, Node>,
        other: &'a Node,
    ) {
        if cases.is_empty() {
            self.note(place, "a variant without a case: write its other node");
        }
        for (case, node) in cases {
            let place = format!("{place}({case})");
            match self.schema.resolve(node) {
                Node::Object(fields) if self.tells(fields.get(on), case) => {}
                _ => self.note(&place, "a case is an object that keeps the word it is told by"),
            }
            self.node(&place, field, node);
        }
        self.node(&format!("{place}(other)"), field, other);
    }

    /// Whether any text, or a list of any, is kept here.
    fn is_open(&self, mut node: &'a Node) -> bool {
        for _ in 0..=self.schema.types.len().saturating_add(8) {
            node = match node {
                Node::Text | Node::Name => return true,
                Node::Array(items) | Node::Json(items) => items,
                Node::Ref(name) => match self.schema.types.get(name) {
                    Some(node) => node,
                    None => return false,
                },
                Node::Either(nodes) => {
                    return nodes.iter().any(|node| matches!(node, Node::Text | Node::Name));
                }
                _ => return false,
            };
        }
        false
    }

    /// Whether a field keeps this word, so that a template is read by the same case that it was extracted by.
    fn tells(&self, field: Option<&'a (Arc<str>, Node)>, word: &str) -> bool {
        match field.map(|(_, node)| self.schema.resolve(node)) {
            Some(Node::Keep(vocabulary)) => self.schema.has(vocabulary, &Tree::Text(word.into())),
            Some(Node::Neutral(neutral)) => neutral == word,
            _ => false,
        }
    }

    fn either(&mut self, place: &str, field: &str, nodes: &'a [Node]) {
        if nodes.len() < 2 {
            self.note(place, "either of one: write the node itself");
        }
        let mut taken = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let place = format!("{place}(either {index})");
            let shape = self.schema.resolve(node).shape();
            if taken.iter().any(|before| matches!(before, Shape::All) || *before == shape) {
                self.note(&place, "a node before this one is fit for all that this one is fit for");
            }
            // What is kept is a part of the texts only.
            if !matches!(self.schema.resolve(node), Node::Keep(_) | Node::Name | Node::Asset(_)) {
                taken.push(shape);
            }
            self.node(&place, field, node);
        }
    }
}

/// Whether something in a value looks like an id or a credential.
fn tells(value: &Value) -> bool {
    match value {
        Value::String(text) => has_id_shape(text),
        Value::Array(items) => items.iter().any(tells),
        Value::Object(members) => members.iter().any(|(name, value)| has_id_shape(name) || tells(value)),
        Value::Number(number) => has_id_shape(&number.to_string()),
        Value::Null | Value::Bool(_) => false,
    }
}
