//! The schema of a document format: a tree that has a node for each place that a template may keep something of (T2).

use super::{
    source::Tree,
    vocabulary::Vocabulary,
    words::{is_asset, is_name},
};
use hashbrown::{HashMap, HashSet};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// What documents of one format consist of.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) spaces: BTreeMap<String, IdForm>,
    pub(super) vocabularies: BTreeMap<String, Vocabulary>,
    pub(super) types: BTreeMap<String, Node>,
    pub(super) root: Node,
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

/// What becomes of one place of a document.
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
    pub(super) fn of(nodes: BTreeMap<Arc<str>, Node>) -> Self {
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

/// The values that a node is fit for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    Leaf,
    Object,
    Array,
    All,
}

impl Schema {
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

    /// The kinds of the slots that it leaves anywhere.
    pub(super) fn kinds(&self) -> HashSet<String> {
        let mut kinds = HashSet::new();
        self.types.values().chain([&self.root]).for_each(|node| put_kinds(node, &mut kinds));
        kinds
    }

    /// Whether a value is a member of a vocabulary.
    pub(super) fn has(&self, vocabulary: &str, value: &Tree<'_>) -> bool {
        self.vocabularies.get(vocabulary).is_some_and(|vocabulary| vocabulary.has(value))
    }

    /// The first of some nodes that a value is fit for.
    pub(super) fn fit<'n>(&'n self, nodes: &'n [Node], value: &Tree<'_>) -> Option<&'n Node> {
        nodes.iter().find(|node| match self.resolve(node) {
            Node::Keep(vocabulary) => self.has(vocabulary, value),
            Node::Name => value.as_text().is_some_and(is_name),
            Node::Asset(hosts) => value.as_text().is_some_and(|url| is_asset(url, hosts)),
            Node::Text | Node::Code(_) | Node::Json(_) => value.as_text().is_some(),
            Node::Slot(_) | Node::Id(_) | Node::IdOrSlot { .. } => value.as_id().is_some(),
            node => match node.shape() {
                Shape::Object => value.as_object().is_some(),
                Shape::Array => matches!(value, Tree::List(_)),
                Shape::Leaf | Shape::All => true,
            },
        })
    }
}

impl Node {
    /// Whether it leaves the same in every document.
    pub(super) fn is_constant(&self) -> bool {
        matches!(self, Self::Owner | Self::Neutral(_))
    }

    /// The values that it is fit for.
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

/// The node of a variant that a value is told to be of by one of its fields.
pub(super) fn case<'n>(
    on: &str,
    cases: &'n BTreeMap<String, Node>,
    other: &'n Node,
    value: &Tree<'_>,
) -> &'n Node {
    value.get(on).and_then(Tree::as_text).and_then(|case| cases.get(case)).unwrap_or(other)
}

/// The kind of the slots that code leaves.
pub(super) fn code_kind(language: &str) -> String {
    format!("code:{language}")
}

/// Notes the kinds of the slots that a node, or one below it, leaves.
fn put_kinds(node: &Node, kinds: &mut HashSet<String>) {
    match node {
        Node::Slot(rule) | Node::IdOrSlot { slot: rule, .. } => {
            kinds.insert(rule.kind.clone());
        }
        Node::Code(language) => {
            kinds.insert(code_kind(language));
        }
        Node::Object(fields) => fields.values().for_each(|node| put_kinds(node, kinds)),
        Node::Map { keys, values } => {
            if let KeyRule::Slot(rule) = keys {
                kinds.insert(rule.kind.clone());
            }
            put_kinds(values, kinds);
        }
        Node::Array(node) | Node::Json(node) | Node::Acknowledged(node) => put_kinds(node, kinds),
        Node::Variant { cases, other, .. } => {
            cases.values().chain([&**other]).for_each(|node| put_kinds(node, kinds));
        }
        Node::Either(nodes) => nodes.iter().for_each(|node| put_kinds(node, kinds)),
        _ => {}
    }
}
