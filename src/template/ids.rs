//! The ids that a document defines. Only these are ids of the template: a reference to any other is dropped.

use super::{
    schema::{IdRule, KeyRule, Node, Schema, case},
    source::{self, Tree},
};
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// The ids that a document defines, by their spaces.
#[derive(Default)]
pub(super) struct Ids<'a>(BTreeMap<&'a str, HashMap<String, Defined>>);

/// An id that the document defines.
#[derive(Default)]
pub(super) struct Defined {
    /// Whether its definition is left in the template.
    survived: bool,
    /// What stands for it while the document is walked.
    pub(super) symbol: Option<usize>,
}

impl<'a> Ids<'a> {
    /// Those that a document defines anywhere.
    pub(super) fn of(schema: &'a Schema, document: &Tree<'_>) -> Self {
        let mut ids = Self::default();
        ids.note(schema, &schema.root, document);
        ids
    }

    fn note(&mut self, schema: &'a Schema, node: &'a Node, value: &Tree<'_>) {
        match (schema.resolve(node), value) {
            (Node::Id(rule), value) => {
                if let Some(id) = value.as_id() {
                    self.define(rule, &id);
                }
            }
            (Node::Object(fields), Tree::Object(members)) => {
                for (name, value) in members.iter() {
                    if let Some((_, node)) = fields.get(name) {
                        self.note(schema, node, value);
                    }
                }
            }
            (Node::Map { keys, values }, Tree::Object(members)) => {
                for (name, value) in members.iter() {
                    if let KeyRule::Id(rule) = keys {
                        self.define(rule, name);
                    }
                    self.note(schema, values, value);
                }
            }
            (Node::Array(node), Tree::List(items)) => {
                items.iter().for_each(|item| self.note(schema, node, item));
            }
            (Node::Variant { on, cases, other }, value) => {
                self.note(schema, case(on, cases, other, value), value);
            }
            (Node::Either(nodes), value) => {
                if let Some(node) = schema.fit(nodes, value) {
                    self.note(schema, node, value);
                }
            }
            (Node::Json(node), Tree::Text(text)) => {
                if let Ok(document) = source::parse(text) {
                    self.note(schema, node, &document);
                }
            }
            _ => {}
        }
    }

    fn define(&mut self, rule: &'a IdRule, id: &str) {
        if rule.defines {
            self.0.entry(&rule.space).or_default().insert(id.to_owned(), Defined::default());
        }
    }

    pub(super) fn get_mut(&mut self, space: &str, id: &str) -> Option<&mut Defined> {
        self.0.get_mut(space)?.get_mut(id)
    }

    /// Notes that what defines an id, if this place does, is left in the template.
    pub(super) fn survive(&mut self, rule: &IdRule, id: &str) {
        if rule.defines
            && let Some(defined) = self.get_mut(&rule.space, id)
        {
            defined.survived = true;
        }
    }

    /// Whether the definition of each is left in the template.
    pub(super) fn have_survived(&self) -> bool {
        self.0.values().flat_map(HashMap::values).all(|id| id.survived)
    }

    /// Those whose definitions are left, for another walk.
    pub(super) fn survivors(mut self) -> Self {
        self.0.values_mut().for_each(|ids| ids.retain(|_, id| id.survived));
        self.fresh()
    }

    /// The same, for another walk.
    pub(super) fn fresh(mut self) -> Self {
        self.0.values_mut().flat_map(HashMap::values_mut).for_each(|id| *id = Defined::default());
        self
    }
}
