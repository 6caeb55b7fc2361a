//! A hand that rewrites a document where its profile lets the template stay the same.

use super::{
    chance::{CANARY, Dice},
    schema::{Schema, id_of, is_empty, may_be_name},
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Ways to hold nothing that is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nothing {
    /// Whatever there is.
    Any,
    /// What is in no vocabulary and looks like no name.
    Strange,
    NoText,
    NoId,
    NoObject,
    NoArray,
    /// Null and what is empty.
    Empty,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Mutant,
    Canaries,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) kept: usize,
    pub(super) slotted: usize,
    pub(super) dropped: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.kept += other.kept;
        self.slotted += other.slotted;
        self.dropped += other.dropped;
    }
}

/// Rewrites a document to another one of the same template.
pub(super) struct Hand<'a> {
    schema: &'a Schema,
    mode: Mode,
    pub(super) dice: Dice,
    defined: BTreeSet<(String, String)>,
    /// By what each id and each slot's value is replaced, throughout.
    names: BTreeMap<(String, String), String>,
    pub(super) planted: usize,
    pub(super) changed: usize,
    pub(super) counts: Counts,
}

impl<'a> Hand<'a> {
    pub(super) fn new(schema: &'a Schema, document: &Value, mode: Mode, seed: u64) -> Self {
        let mut hand = Self {
            schema,
            mode,
            dice: Dice(seed),
            defined: BTreeSet::new(),
            names: BTreeMap::new(),
            planted: 0,
            changed: 0,
            counts: Counts::default(),
        };
        hand.define(&schema.root, document);
        hand
    }

    /// Notes the ids that the document defines.
    fn define(&mut self, node: &Value, value: &Value) {
        let schema = self.schema;
        let (action, given) = schema.action(node);
        match (action, value) {
            ("id", value) if given["defines"] == true => {
                let space = given["space"].as_str().unwrap_or_default().to_owned();
                self.defined.extend(id_of(value).map(|id| (space, id)));
            }
            ("object", Value::Object(members)) => {
                for (name, value) in members {
                    if let Some(node) = given.get(name) {
                        self.define(node, value);
                    }
                }
            }
            ("map", Value::Object(members)) => {
                for (name, value) in members {
                    self.define(&json!({"id": given["keys"]["id"]}), &json!(name));
                    self.define(&given["values"], value);
                }
            }
            ("array", Value::Array(items)) => items.iter().for_each(|item| self.define(given, item)),
            ("variant", Value::Object(_)) => self.define(schema.case(given, value), value),
            ("either", value) => {
                let nodes = given.as_array().into_iter().flatten();
                if let Some(node) = nodes.into_iter().find(|node| schema.is_fit(node, value)) {
                    self.define(node, value);
                }
            }
            ("json", Value::String(text)) => {
                if let Ok(document) = serde_json::from_str(text) {
                    self.define(given, &document);
                }
            }
            _ => {}
        }
    }

    fn is_defined(&self, space: &Value, value: &Value) -> bool {
        let space = space.as_str().unwrap_or_default().to_owned();
        id_of(value).is_some_and(|id| self.defined.contains(&(space, id)))
    }

    /// Another value for an id or a slot, the same for the same.
    fn renamed(&mut self, kind: &Value, value: &Value) -> Value {
        self.counts.slotted += 1;
        self.changed += 1;
        let (kind, id) = (kind.to_string(), id_of(value).unwrap_or_default());
        if let Some(known) = self.names.get(&(kind.clone(), id.clone())) {
            return json!(known);
        }
        let name = match self.mode {
            Mode::Canaries => self.canary(),
            Mode::Mutant => self.dice.id(""),
        };
        self.names.insert((kind, id), name.clone());
        // Whether an id is a text or a number is nothing to a template.
        match name.parse::<u64>() {
            Ok(number) if self.dice.once_in(2) => json!(number),
            _ => json!(name),
        }
    }

    fn canary(&mut self) -> String {
        self.planted += 1;
        let number = self.dice.next() >> 16;
        // Some look like ids, and some like words, which get by where ids do not.
        let letters: String = (0..8)
            .map(|place| char::from(b'a' + u8::try_from(number >> (4 * place) & 15).unwrap_or(0)))
            .collect();
        match self.planted % 5 {
            0 => format!("{CANARY}{number:012x}"),
            1 => format!("{}-{number:012x}", CANARY.to_uppercase()),
            2 => format!("{number:08}{CANARY}@example.com"),
            _ => format!("{CANARY}{letters}"),
        }
    }

    /// A document of the same template; `None` stands for absence.
    pub(super) fn rewrite(&mut self, node: &Value, value: &Value) -> Option<Value> {
        let schema = self.schema;
        let (action, given) = schema.action(node);
        match (action, value) {
            ("drop" | "neutral" | "owner", value) => self.hide(Nothing::Any, Some(value)),
            ("keep" | "name" | "asset", value) if schema.keeps(action, given, value) => self.same(value),
            ("text", Value::String(_)) => self.same(value),
            ("code", Value::String(code)) if !code.trim().is_empty() => {
                self.counts.slotted += 1;
                Some(json!(match self.mode {
                    Mode::Canaries => self.canary(),
                    Mode::Mutant => self.dice.id("code:"),
                }))
            }
            ("code" | "text", value) if value.as_str().is_some_and(|text| text.trim().is_empty()) => {
                self.same(value)
            }
            ("slot", value) if id_of(value).is_some() => Some(self.renamed(&given["kind"], value)),
            ("id" | "id_or_slot", value) if self.is_defined(&given["space"], value) => {
                Some(self.renamed(&json!(["id", given["space"]]), value))
            }
            ("id_or_slot", value) if id_of(value).is_some() => Some(self.renamed(&given["kind"], value)),
            ("object", Value::Object(members)) => self.object(given, members),
            ("map", Value::Object(members)) => self.map(given, members),
            ("array", Value::Array(items)) => self.array(given, items),
            ("variant", Value::Object(_)) => self.rewrite(schema.case(given, value), value),
            ("either", value) => {
                let nodes = given.as_array().into_iter().flatten();
                match nodes.into_iter().find(|node| schema.is_fit(node, value)) {
                    Some(node) => self.rewrite(node, value),
                    None => self.hide(Nothing::Empty, Some(value)),
                }
            }
            ("json", Value::String(text)) => match serde_json::from_str(text) {
                Ok(document) => Some(json!(self.rewrite(given, &document)?.to_string())),
                Err(_) => Some(json!(format!("no document: {}", self.dice.next()))),
            },
            _ => self.hide(schema.nothing(node), Some(value)),
        }
    }

    fn same(&mut self, value: &Value) -> Option<Value> {
        self.counts.kept += 1;
        Some(value.clone())
    }

    fn object(&mut self, fields: &Value, members: &Map<String, Value>) -> Option<Value> {
        let schema = self.schema;
        let mut rewritten = Map::new();
        for (name, node) in fields.as_object().into_iter().flatten() {
            let value = match members.get(name) {
                Some(value) => self.rewrite(node, value),
                None if self.dice.once_in(12) => self.hide(schema.nothing(node), None),
                None => None,
            };
            rewritten.extend(value.map(|value| (name.clone(), value)));
        }
        for (name, value) in members.iter().filter(|(name, _)| fields.get(name.as_str()).is_none()) {
            let hidden = self.hide(Nothing::Any, Some(value));
            let name = match self.mode {
                Mode::Canaries => self.canary(),
                Mode::Mutant if self.dice.once_in(3) => format!("{name} {}", self.dice.next()),
                Mode::Mutant => name.clone(),
            };
            rewritten.extend(hidden.map(|hidden| (name, hidden)));
        }
        if self.dice.once_in(4) {
            let name = match self.mode {
                Mode::Canaries => self.canary(),
                Mode::Mutant => format!("field_{}", self.dice.next()),
            };
            rewritten.extend(self.hide(Nothing::Any, None).map(|value| (name, value)));
        }
        Some(Value::Object(rewritten))
    }

    fn map(&mut self, given: &Value, members: &Map<String, Value>) -> Option<Value> {
        let mut rewritten = Map::new();
        for (name, value) in members {
            let key = json!(name);
            let id = given["keys"].get("id");
            let renamed = match (id, given["keys"].get("slot")) {
                (Some(rule), _) if self.is_defined(&rule["space"], &key) => {
                    Some(self.renamed(&json!(["id", rule["space"]]), &key))
                }
                (None, Some(rule)) if !name.is_empty() => Some(self.renamed(&rule["kind"], &key)),
                (None, None) if may_be_name(name) => Some(key),
                _ => None,
            };
            match renamed {
                Some(key) => {
                    let value = self.rewrite(&given["values"], value);
                    rewritten.extend(value.map(|value| (id_of(&key).unwrap_or_default(), value)));
                }
                // An entry whose key is none of the document's is nothing.
                None => {
                    let key = format!("!{}", self.canary());
                    rewritten.extend(self.hide(Nothing::Any, Some(value)).map(|value| (key, value)));
                }
            }
        }
        if self.dice.once_in(2) {
            let key = format!("!{}", self.canary());
            if given["keys"].get("slot").is_none() {
                rewritten.extend(self.hide(Nothing::Any, None).map(|value| (key, value)));
            }
        }
        Some(Value::Object(rewritten))
    }

    fn array(&mut self, node: &Value, items: &[Value]) -> Option<Value> {
        let nothing = self.schema.nothing(node);
        let mut rewritten = Vec::new();
        for item in items {
            if self.dice.once_in(8) {
                rewritten.extend(self.hide(nothing, None));
            }
            rewritten.extend(self.rewrite(node, item));
        }
        if self.dice.once_in(4) {
            rewritten.extend(self.hide(nothing, None));
        }
        Some(Value::Array(rewritten))
    }

    /// Something of which nothing is kept, in place of something of which nothing is kept.
    fn hide(&mut self, nothing: Nothing, before: Option<&Value>) -> Option<Value> {
        self.counts.dropped += usize::from(before.is_some_and(|before| !is_empty(before)));
        self.changed += 1;
        match self.mode {
            Mode::Canaries => Some(self.plant(nothing, before)),
            Mode::Mutant => match self.dice.below(4) {
                0 => None,
                1 if before.is_some() => before.cloned(),
                _ => Some(self.junk(nothing, 3)),
            },
        }
    }

    fn plant(&mut self, nothing: Nothing, before: Option<&Value>) -> Value {
        match nothing {
            Nothing::Any => self.replaced(before.unwrap_or(&Value::Null)),
            Nothing::Strange => json!(format!("!{}", self.canary())),
            Nothing::NoText | Nothing::NoId => json!([self.canary(), {self.canary(): self.canary()}]),
            Nothing::NoObject => json!(self.canary()),
            Nothing::NoArray => json!({self.canary(): self.canary()}),
            Nothing::Empty => json!([{self.canary(): null}]),
        }
    }

    /// A value with a canary in place of every leaf and every key.
    fn replaced(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(items) if !items.is_empty() => {
                items.iter().map(|item| self.replaced(item)).collect()
            }
            Value::Object(members) if !members.is_empty() => {
                members.values().map(|value| (self.canary(), self.replaced(value))).collect()
            }
            _ => json!(self.canary()),
        }
    }

    fn junk(&mut self, nothing: Nothing, depth: usize) -> Value {
        let word = self.dice.next();
        let strange = json!(format!("!{word:x} olga@example.com"));
        let huge = json!(word | 1 << 62);
        let pick = self.dice.below(if depth == 0 { 4 } else { 7 });
        match (nothing, pick) {
            (Nothing::Empty, pick) => [json!(null), json!({}), json!([]), json!([null])][pick % 4].clone(),
            (_, 0) => Value::Null,
            (Nothing::Any | Nothing::NoObject | Nothing::NoArray, 1) => match word % 3 {
                0 => strange,
                1 => {
                    json!(["Cold room", "temperature", "2024-11-22", "#ff0000", "now-6h"][self.dice.below(5)])
                }
                _ => json!(self.dice.id("")),
            },
            (Nothing::Any | Nothing::NoText | Nothing::NoObject | Nothing::NoArray, 2) => huge,
            (Nothing::Strange, 1 | 2) => [strange, huge][pick - 1].clone(),
            (Nothing::Any | Nothing::NoText | Nothing::NoId | Nothing::NoObject | Nothing::NoArray, 3) => {
                json!(word & 1 == 0)
            }
            (Nothing::NoId, 1 | 2) => [json!(""), json!(1.5)][pick - 1].clone(),
            (Nothing::Any | Nothing::Strange | Nothing::NoText | Nothing::NoId | Nothing::NoObject, 4) => {
                (0..word % 4).map(|_| self.junk(Nothing::Any, depth - 1)).collect()
            }
            (Nothing::NoObject, _) => json!({}),
            (Nothing::NoArray, 4) => json!([]),
            (_, 5 | 6) => {
                (0..word % 4).map(|n| (format!("k{n} {word}"), self.junk(Nothing::Any, depth - 1))).collect()
            }
            _ => Value::Null,
        }
    }
}
