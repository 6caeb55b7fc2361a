//! The walk through a document, beside its schema: what is left of each place, and what is noted of the rest (T2).

use super::{
    body::{Body, Key},
    detect::{self, Path, Taint},
    ids::Ids,
    profile::Profile,
    report::Options,
    schema::{Fields, IdRule, KeyRule, Node, Schema, SlotRule, case, code_kind},
    shape::has_id_shape,
    source::{self, Members, Tree},
    symbols::Symbols,
    words::{is_asset, is_name, tidy},
};
use hashbrown::{HashMap, HashSet};
use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

/// How often something stood at a path.
pub(super) type Counts = HashMap<String, usize>;

/// What the report counts.
#[derive(Default)]
pub(super) struct Tally {
    /// How many texts are kept otherwise than they were.
    pub(super) changed: usize,
    /// How much code is not kept for what it holds.
    pub(super) code: usize,
    pub(super) dropped: Counts,
    pub(super) unknown: Counts,
}

impl Tally {
    fn count(counts: &mut Counts, path: &Path) {
        match counts.get_mut(path.as_str()) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                counts.insert(path.as_str().to_owned(), 1);
            }
        }
    }
}

/// One walk: what it goes by, where it is, and what it has found.
pub(super) struct Walk<'a> {
    schema: &'a Schema,
    options: Options,
    /// Texts that the owner does not let stand.
    pub(super) blank: BTreeSet<String>,
    path: Path,
    pub(super) ids: Ids<'a>,
    pub(super) symbols: Symbols<'a>,
    /// What was taken away, for the detector.
    pub(super) removed: Taint<'a>,
    /// The words of the schema that are kept.
    pub(super) words: HashSet<String>,
    pub(super) tally: Tally,
}

impl<'a> Walk<'a> {
    pub(super) fn new(profile: &'a Profile, options: Options, ids: Ids<'a>, blank: BTreeSet<String>) -> Self {
        Self {
            schema: &profile.schema,
            options,
            blank,
            path: Path::default(),
            ids,
            symbols: Symbols::default(),
            removed: Taint::new(&profile.words),
            words: HashSet::new(),
            tally: Tally::default(),
        }
    }

    /// What is left of a document; an empty body if nothing is.
    pub(super) fn document(&mut self, document: &Tree<'_>) -> Body {
        let schema = self.schema;
        self.node(&schema.root, document).unwrap_or_else(|| Body::Fields(Vec::new()))
    }

    /// What is left of a value; `None` if nothing is. What is empty is left out, too: whether a place holds null, an
    /// empty object or nothing at all is a bit of the source.
    fn node(&mut self, node: &'a Node, value: &Tree<'_>) -> Option<Body> {
        match (self.schema.resolve(node), value) {
            (Node::Neutral(neutral), value) => {
                self.remove(value, detect::Kind::Value);
                Some(Body::Leaf(neutral.clone()))
            }
            (Node::Owner, value) => {
                self.remove(value, detect::Kind::Id);
                Some(Body::Owner)
            }
            (_, Tree::Null) => None,
            (Node::Keep(vocabulary), value) if self.schema.has(vocabulary, value) => {
                Some(Body::Leaf(value.to_value()))
            }
            (Node::Name, Tree::Text(name)) if is_name(name) => {
                self.word(name).then(|| Body::Leaf(value.to_value()))
            }
            (Node::Text, Tree::Text(text)) => self.text(text, value),
            (Node::Code(language), Tree::Text(code)) => self.code(language, code, value),
            (Node::Asset(hosts), Tree::Text(url)) if is_asset(url, hosts) => {
                Some(Body::Leaf(value.to_value()))
            }
            (Node::Slot(rule), value) => self.hole(rule, value),
            (Node::Id(rule), value) => self.own_id(rule, value),
            (Node::IdOrSlot { space, slot }, value) => {
                self.id(space, value).or_else(|| self.hole(slot, value))
            }
            (Node::Object(fields), Tree::Object(members)) => self.object(fields, members),
            (Node::Map { keys, values }, Tree::Object(members)) => self.map(keys, values, members),
            (Node::Array(node), Tree::List(items)) => self.list(node, items),
            (Node::Variant { on, cases, other }, value) => self.node(case(on, cases, other, value), value),
            (Node::Either(nodes), value) => match self.schema.fit(nodes, value) {
                Some(node) => self.node(node, value),
                None => self.drop(value, detect::Kind::Value),
            },
            (Node::Json(node), Tree::Text(text)) => match source::parse(text) {
                Ok(document) => self.node(node, &document).map(|left| Body::Json(Box::new(left))),
                Err(_) => self.drop(value, detect::Kind::Value),
            },
            (_, value) => self.drop(value, detect::Kind::Value),
        }
    }

    fn text(&mut self, text: &str, value: &Tree<'_>) -> Option<Body> {
        let Some(tidied) = tidy(text) else { return self.drop(value, detect::Kind::Value) };
        if self.blank.contains(&tidied) {
            return None;
        }
        if tidied != text {
            self.remove(value, detect::Kind::Value);
            self.tally.changed = self.tally.changed.saturating_add(1);
        }
        (!tidied.is_empty()).then_some(Body::Text(tidied))
    }

    fn code(&mut self, language: &str, code: &str, value: &Tree<'_>) -> Option<Body> {
        if code.trim().is_empty() || self.blank.contains(code) {
            return None;
        }
        if self.options.keep_code && !has_id_shape(code) {
            return Some(Body::Code(code.to_owned()));
        }
        self.remove(value, detect::Kind::Code);
        self.tally.code = self.tally.code.saturating_add(usize::from(self.options.keep_code));
        // Code is never shared: two equal queries are two slots.
        Some(Body::Hole(self.symbols.fresh(Some(Cow::Owned(code_kind(language))))))
    }

    /// Whether a word of the schema is kept. If so, it is noted.
    fn word(&mut self, word: &str) -> bool {
        let kept = !self.blank.contains(word);
        if kept {
            self.words.get_or_insert_with(word, |word| word.to_owned());
        }
        kept
    }

    fn list(&mut self, node: &'a Node, items: &[Tree<'_>]) -> Option<Body> {
        self.path.push("[]");
        let mut list = Vec::with_capacity(items.len());
        list.extend(items.iter().filter_map(|item| self.node(node, item)));
        self.path.pop();
        (!list.is_empty()).then_some(Body::List(list))
    }

    fn object(&mut self, fields: &'a Fields, members: &Members<'_>) -> Option<Body> {
        let mut left: Vec<(Arc<str>, Body)> = Vec::with_capacity(members.len());
        for (name, value) in members.iter() {
            self.path.push(name);
            match fields.get(name) {
                Some((name, node)) => {
                    if let Some(body) = self.node(node, value) {
                        left.push((name.clone(), body));
                    }
                }
                None => {
                    self.remove(value, detect::Kind::Value);
                    self.removed.note(name, detect::Kind::Member, &self.path);
                    if !matches!(value, Tree::Null) {
                        Tally::count(&mut self.tally.unknown, &self.path);
                    }
                }
            }
            self.path.pop();
        }
        // An object of nothing but what is there in every document is as good as none.
        if left.iter().all(|(name, _)| fields.constant.contains(name)) {
            return None;
        }
        for name in fields.constant.iter().filter(|name| members.get(name).is_none()) {
            if let Some((_, node)) = fields.get(name)
                && let Some(body) = self.node(node, &Tree::Null)
            {
                let place = left.partition_point(|(before, _)| before < name);
                left.insert(place, (name.clone(), body));
            }
        }
        Some(Body::Fields(left))
    }

    fn map(&mut self, keys: &'a KeyRule, node: &'a Node, members: &Members<'_>) -> Option<Body> {
        let mut entries = Vec::new();
        for (name, value) in members.iter() {
            self.path.push("*");
            let text = Tree::Text(Cow::Borrowed(name));
            let key = match keys {
                KeyRule::Id(rule) => match self.id(&rule.space, &text) {
                    Some(Body::Id(space, number)) => Some(Key::Id(space, number)),
                    _ => None,
                },
                KeyRule::Slot(rule) => match self.hole(rule, &text) {
                    Some(Body::Hole(slot)) => Some(Key::Hole(slot)),
                    _ => None,
                },
                KeyRule::Name => (is_name(name) && self.word(name)).then(|| Key::Word(name.to_owned())),
            };
            match key {
                Some(key) => {
                    if let Some(body) = self.node(node, value) {
                        if let KeyRule::Id(rule) = keys {
                            self.ids.survive(rule, name);
                        }
                        entries.push((key, body));
                    }
                }
                None => {
                    self.remove(&text, detect::Kind::Value);
                    let _: Option<Body> = self.drop(value, detect::Kind::Value);
                }
            }
            self.path.pop();
        }
        (!entries.is_empty()).then_some(Body::Map(entries))
    }

    /// What stands for an id at a place that nothing else may stand at.
    fn own_id(&mut self, rule: &IdRule, value: &Tree<'_>) -> Option<Body> {
        // What is no id at all is looked for by its shape only.
        let Some(id) = value.as_id() else { return self.drop(value, detect::Kind::Value) };
        match self.id(&rule.space, value) {
            Some(left) => {
                self.ids.survive(rule, &id);
                Some(left)
            }
            None => self.drop(value, detect::Kind::Id),
        }
    }

    /// What stands for an id that the document defines.
    fn id(&mut self, space: &Arc<str>, value: &Tree<'_>) -> Option<Body> {
        let id = value.as_id()?;
        let defined = self.ids.get_mut(space, &id)?;
        let symbol = *defined.symbol.get_or_insert_with(|| self.symbols.fresh(None));
        self.remove(value, detect::Kind::Id);
        Some(Body::Id(space.clone(), symbol))
    }

    fn hole(&mut self, rule: &'a SlotRule, value: &Tree<'_>) -> Option<Body> {
        match value.as_id() {
            Some(text) => {
                self.remove(value, detect::Kind::Id);
                Some(Body::Hole(self.symbols.slot(rule, &text)))
            }
            None => self.drop(value, detect::Kind::Value),
        }
    }

    /// Takes a value away, and reports where.
    fn drop<T>(&mut self, value: &Tree<'_>, kind: detect::Kind) -> Option<T> {
        self.remove(value, kind);
        if !value.is_empty() {
            Tally::count(&mut self.tally.dropped, &self.path);
        }
        None
    }

    /// Remembers what was taken away, for the detector.
    fn remove(&mut self, value: &Tree<'_>, kind: detect::Kind) {
        match value {
            Tree::Text(text) => self.removed.note(text, kind, &self.path),
            // A whole number of so few digits is no id, unless it stands for one.
            Tree::Number(number)
                if kind != detect::Kind::Id
                    && number.as_u64().is_some_and(|number| number < 100_000_000)
                    && !self.removed.takes_numbers(&self.path) => {}
            Tree::Number(number) => self.removed.note(&number.to_string(), kind, &self.path),
            Tree::List(items) => items.iter().for_each(|item| self.remove(item, kind)),
            Tree::Object(members) => {
                let is_tag = members.get("key").is_some();
                for (name, value) in members.iter() {
                    self.removed.note(name, detect::Kind::Member, &self.path);
                    self.path.push(name);
                    let is_name = is_tag && name == "value" && matches!(value, Tree::Text(_));
                    self.remove(value, if is_name { detect::Kind::Name } else { kind });
                    self.path.pop();
                }
            }
            Tree::Null | Tree::Bool(_) => {}
        }
    }
}
