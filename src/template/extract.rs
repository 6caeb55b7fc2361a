//! Extracting: from a document to its template and a report (T2, T3).

use super::{
    body::{Body, Key, Slot, Template, code_kind, id_name},
    canon::TooAlike,
    detect::{self, Path, Taint},
    order,
    profile::{Fields, IdRule, KeyRule, Node, Profile, Shape, SlotRule},
    report::{ExtractError, Extracted, Options, Report, Texts},
    shape::has_id_shape,
    source::{self, Members, Tree},
    words::{is_asset, is_name, tidy},
};
use hashbrown::{HashMap, HashSet};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Extracts the template of a document (T2).
///
/// # Errors
/// See [`ExtractError`]. Nothing half extracted is ever given out.
pub fn extract(document: &Value, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    let tree = Tree::of(document, source::DEPTH).ok_or(ExtractError::TooDeep)?;
    extract_tree(&tree, profile, options)
}

/// The same for a document as text, which is read strictly: a member that stands twice is an error.
///
/// # Errors
/// See [`ExtractError`].
pub fn extract_json(json: &str, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    extract_tree(&source::parse(json).map_err(ExtractError::Malformed)?, profile, options)
}

fn extract_tree(document: &Tree<'_>, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    let mut defined = definitions(profile, document);
    let (mut blank, mut texts) = (BTreeSet::new(), Vec::new());
    let (mut walk, body) = loop {
        let mut walk = Walk::new(profile, options, defined, blank);
        let body = walk.node(&profile.root, document).unwrap_or_else(|| Body::Fields(Vec::new()));
        // Where a definition is left out, what refers to it is as well: in a clone it would refer to nothing.
        if walk.defined.values().flat_map(HashMap::values).any(|id| !id.survived) {
            (defined, blank) = (walk.defined, walk.blank);
            defined.values_mut().for_each(|ids| ids.retain(|_, id| id.survived));
            continue;
        }
        let found = detect::names(&body, &walk.words, &walk.removed);
        if options.texts == Texts::Blank && !found.is_empty() {
            (defined, blank) = (walk.defined, walk.blank);
            blank.extend(found.iter().map(|found| found.text.clone()));
            texts.extend(found);
            continue;
        }
        texts.extend(found);
        break (walk, body);
    };
    if body.depth() > source::TEMPLATE_DEPTH.saturating_sub(1) {
        return Err(ExtractError::TooDeep);
    }
    let mut report = Report {
        dropped: std::mem::take(&mut walk.dropped).into_iter().collect(),
        unknown: std::mem::take(&mut walk.unknown).into_iter().collect(),
        changed: walk.changed,
        code: walk.code,
        ..Report::default()
    };
    texts.sort_unstable();
    report.texts = texts;
    let leaks = detect::leaks(&body, &walk.removed);
    if !leaks.is_empty() {
        return Err(ExtractError::Leak(leaks));
    }
    let (body, slots) = walk.number(body).map_err(|_| ExtractError::TooAlike)?;
    report.kept = count(&body);
    report.slots.clone_from(&slots);
    if options.strict && matches!(&body, Body::Fields(fields) if fields.is_empty()) {
        return Err(ExtractError::Foreign(Box::new(report)));
    }
    if options.strict && !report.unknown.is_empty() {
        return Err(ExtractError::Unknown(Box::new(report)));
    }
    if options.texts == Texts::Ask && !report.texts.is_empty() {
        return Err(ExtractError::AskOwner(Box::new(report)));
    }
    let template = Template { format: profile.format.clone(), version: profile.version, slots, body };
    Ok(Extracted { template, report })
}

fn count(body: &Body) -> usize {
    match body {
        Body::Leaf(_) | Body::Text(_) | Body::Code(_) => 1,
        Body::Hole(_) | Body::Id(..) | Body::Owner => 0,
        Body::List(items) => items.iter().map(count).sum(),
        Body::Fields(fields) => fields.iter().map(|(_, field)| count(field)).sum(),
        Body::Map(entries) => entries.iter().map(|(_, value)| count(value)).sum(),
        Body::Json(document) => count(document),
    }
}

/// An id that the document defines.
#[derive(Default)]
struct Defined {
    /// Whether its definition is left in the template.
    survived: bool,
    /// What stands for it while the document is walked.
    symbol: Option<usize>,
}

/// The ids that a document defines, by their spaces.
type Ids<'a> = BTreeMap<&'a str, HashMap<String, Defined>>;

/// How often something stood at a path.
type Counts = HashMap<String, usize>;

struct Walk<'a> {
    profile: &'a Profile,
    options: Options,
    /// The symbols that stand for slots, by their kinds and the values that were there.
    slots: BTreeMap<&'a str, HashMap<String, usize>>,
    /// For each symbol the kind of its slot, if it is one.
    kinds: Vec<Option<Cow<'a, str>>>,
    /// For each symbol of a slot whether some place requires it.
    required: Vec<bool>,
    defined: Ids<'a>,
    /// Texts that the owner does not let stand.
    blank: BTreeSet<String>,
    path: Path,
    removed: Taint<'a>,
    /// The words of the schema that are kept.
    words: HashSet<String>,
    /// How many texts are kept otherwise than they were, and how much code is not kept for what it holds.
    changed: usize,
    code: usize,
    dropped: Counts,
    unknown: Counts,
}

impl<'a> Walk<'a> {
    fn new(profile: &'a Profile, options: Options, mut defined: Ids<'a>, blank: BTreeSet<String>) -> Self {
        defined.values_mut().flat_map(HashMap::values_mut).for_each(|id| *id = Defined::default());
        Self {
            profile,
            options,
            slots: BTreeMap::new(),
            kinds: Vec::new(),
            required: Vec::new(),
            defined,
            blank,
            path: Path::default(),
            removed: Taint::new(&profile.words),
            words: HashSet::new(),
            changed: 0,
            code: 0,
            dropped: Counts::new(),
            unknown: Counts::new(),
        }
    }

    fn symbol(&mut self, kind: Option<Cow<'a, str>>) -> usize {
        self.kinds.push(kind);
        self.required.push(false);
        self.kinds.len().saturating_sub(1)
    }

    fn slot(&mut self, rule: &'a SlotRule, value: &str) -> usize {
        let known = self.slots.get(&*rule.kind).and_then(|slots| slots.get(value)).copied();
        let symbol = known.unwrap_or_else(|| {
            let symbol = self.symbol(Some(Cow::Borrowed(&rule.kind)));
            self.slots.entry(&rule.kind).or_default().insert(value.to_owned(), symbol);
            symbol
        });
        if let Some(required) = self.required.get_mut(symbol) {
            *required |= rule.required;
        }
        symbol
    }

    fn count(counts: &mut Counts, path: &Path) {
        match counts.get_mut(path.as_str()) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                counts.insert(path.as_str().to_owned(), 1);
            }
        }
    }

    /// What is left of a value; `None` if nothing is. What is empty is left out, too: whether a place holds null, an
    /// empty object or nothing at all is a bit of the source.
    fn node(&mut self, node: &'a Node, value: &Tree<'_>) -> Option<Body> {
        match (self.profile.resolve(node), value) {
            (Node::Neutral(neutral), value) => {
                self.remove(value, detect::Kind::Value);
                Some(Body::Leaf(neutral.clone()))
            }
            (Node::Owner, value) => {
                self.remove(value, detect::Kind::Id);
                Some(Body::Owner)
            }
            (_, Tree::Null) => None,
            (Node::Keep(vocabulary), value) if self.profile.has(vocabulary, value) => {
                Some(Body::Leaf(value.to_value()))
            }
            (Node::Name, Tree::Text(name)) if is_name(name) => {
                if self.blank.contains(&**name) {
                    return None;
                }
                self.words.get_or_insert_with(&**name, |name| name.to_owned());
                Some(Body::Leaf(value.to_value()))
            }
            (Node::Text, Tree::Text(text)) => match tidy(text) {
                Some(tidied) if self.blank.contains(&tidied) => None,
                Some(tidied) => {
                    if tidied != *text {
                        self.remove(value, detect::Kind::Value);
                        self.changed = self.changed.saturating_add(1);
                    }
                    (!tidied.is_empty()).then_some(Body::Text(tidied))
                }
                None => self.drop(value, detect::Kind::Value),
            },
            (Node::Code(_), Tree::Text(code)) if code.trim().is_empty() => None,
            (Node::Code(_), Tree::Text(code)) if self.blank.contains(&**code) => None,
            (Node::Code(_), Tree::Text(code)) if self.options.keep_code && !has_id_shape(code) => {
                Some(Body::Code(code.to_string()))
            }
            (Node::Code(language), Tree::Text(_)) => {
                self.remove(value, detect::Kind::Code);
                self.code = self.code.saturating_add(usize::from(self.options.keep_code));
                // Code is never shared: two equal queries are two slots.
                Some(Body::Hole(self.symbol(Some(Cow::Owned(code_kind(language))))))
            }
            (Node::Asset(hosts), Tree::Text(url)) if is_asset(url, hosts) => {
                Some(Body::Leaf(value.to_value()))
            }
            (Node::Slot(rule), value) => self.hole(rule, value),
            (Node::Id(rule), value) => {
                // What is no id at all is looked for by its shape only.
                let kind = id_text(value).map_or(detect::Kind::Value, |_| detect::Kind::Id);
                let left = self.id(&rule.space, value).or_else(|| self.drop(value, kind));
                if let (Some(_), Some(id)) = (&left, id_text(value)) {
                    self.survive(rule, &id);
                }
                left
            }
            (Node::IdOrSlot { space, slot }, value) => {
                self.id(space, value).or_else(|| self.hole(slot, value))
            }
            (Node::Object(fields), Tree::Object(members)) => self.object(fields, members),
            (Node::Map { keys, values }, Tree::Object(members)) => self.map(keys, values, members),
            (Node::Array(node), Tree::List(items)) => {
                self.path.push("[]");
                let mut list = Vec::with_capacity(items.len());
                list.extend(items.iter().filter_map(|item| self.node(node, item)));
                self.path.pop();
                (!list.is_empty()).then_some(Body::List(list))
            }
            (Node::Variant { on, cases, other }, value) => self.node(case(on, cases, other, value), value),
            (Node::Either(nodes), value) => match self.profile.fit(nodes, value) {
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
                    self.removed.note(name, detect::Kind::Value, &self.path);
                    if !matches!(value, Tree::Null) {
                        Self::count(&mut self.unknown, &self.path);
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
                KeyRule::Name if is_name(name) && !self.blank.contains(name) => {
                    self.words.get_or_insert_with(name, |name| name.to_owned());
                    Some(Key::Word(name.to_owned()))
                }
                KeyRule::Name => None,
            };
            match key {
                Some(key) => {
                    if let Some(body) = self.node(node, value) {
                        if let KeyRule::Id(rule) = keys {
                            self.survive(rule, name);
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

    fn id(&mut self, space: &Arc<str>, value: &Tree<'_>) -> Option<Body> {
        let id = id_text(value)?;
        let known = self.defined.get(&**space)?.get(&*id)?.symbol;
        self.remove(value, detect::Kind::Id);
        let symbol = known.unwrap_or_else(|| {
            let symbol = self.symbol(None);
            if let Some(id) = self.defined.get_mut(&**space).and_then(|ids| ids.get_mut(&*id)) {
                id.symbol = Some(symbol);
            }
            symbol
        });
        Some(Body::Id(space.clone(), symbol))
    }

    /// Notes that what defines an id is left.
    fn survive(&mut self, rule: &IdRule, id: &str) {
        if rule.defines
            && let Some(id) = self.defined.get_mut(&*rule.space).and_then(|ids| ids.get_mut(id))
        {
            id.survived = true;
        }
    }

    fn hole(&mut self, rule: &'a SlotRule, value: &Tree<'_>) -> Option<Body> {
        match id_text(value) {
            Some(text) => {
                self.remove(value, detect::Kind::Id);
                Some(Body::Hole(self.slot(rule, &text)))
            }
            None => self.drop(value, detect::Kind::Value),
        }
    }

    /// Takes a value away, and reports where.
    fn drop<T>(&mut self, value: &Tree<'_>, kind: detect::Kind) -> Option<T> {
        self.remove(value, kind);
        if !value.is_empty() {
            Self::count(&mut self.dropped, &self.path);
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
                    self.removed.note(name, detect::Kind::Value, &self.path);
                    self.path.push(name);
                    let is_name = is_tag && name == "value" && matches!(value, Tree::Text(_));
                    self.remove(value, if is_name { detect::Kind::Name } else { kind });
                    self.path.pop();
                }
            }
            Tree::Null | Tree::Bool(_) => {}
        }
    }

    /// Numbers ids and slots in an order that does not depend on the source's ids (T3).
    fn number(self, mut body: Body) -> Result<(Body, Vec<Slot>), TooAlike> {
        order::sort(&mut body, &self.kinds)?;
        let mut numbers =
            Numbers { of: vec![None; self.kinds.len()], ids: BTreeMap::new(), slots: Vec::new() };
        numbers.assign(&mut body, &self.kinds, &self.required);
        order::sort_keys(&mut body);
        Ok((body, numbers.slots))
    }
}

struct Numbers {
    of: Vec<Option<usize>>,
    ids: BTreeMap<String, usize>,
    slots: Vec<Slot>,
}

impl Numbers {
    fn id(&mut self, space: &str, symbol: usize) -> usize {
        let next = self.ids.entry(space.to_owned()).or_default();
        match self.of.get_mut(symbol) {
            Some(known) => *known.get_or_insert_with(|| {
                let number = *next;
                *next = next.saturating_add(1);
                number
            }),
            None => 0,
        }
    }

    fn slot(&mut self, symbol: usize, kinds: &[Option<Cow<'_, str>>], required: &[bool]) -> usize {
        let slots = &mut self.slots;
        let number = match self.of.get_mut(symbol) {
            Some(known) => *known.get_or_insert_with(|| {
                let kind = kinds.get(symbol).cloned().flatten().unwrap_or_default().into_owned();
                let before = slots.iter().filter(|slot| slot.kind == kind).count();
                let required = required.get(symbol).copied().unwrap_or(false);
                slots.push(Slot { name: id_name(&kind, before), kind, required, uses: 0 });
                slots.len().saturating_sub(1)
            }),
            None => 0,
        };
        if let Some(slot) = slots.get_mut(number) {
            slot.uses = slot.uses.saturating_add(1);
        }
        number
    }

    fn assign(&mut self, body: &mut Body, kinds: &[Option<Cow<'_, str>>], required: &[bool]) {
        match body {
            Body::Hole(slot) => *slot = self.slot(*slot, kinds, required),
            Body::Id(space, id) => *id = self.id(space, *id),
            Body::List(items) => items.iter_mut().for_each(|item| self.assign(item, kinds, required)),
            Body::Fields(fields) => {
                fields.iter_mut().for_each(|(_, field)| self.assign(field, kinds, required))
            }
            Body::Map(entries) => {
                for (key, value) in entries {
                    match key {
                        Key::Id(space, id) => *id = self.id(space, *id),
                        Key::Hole(slot) => *slot = self.slot(*slot, kinds, required),
                        Key::Word(_) => {}
                    }
                    self.assign(value, kinds, required);
                }
            }
            Body::Json(document) => self.assign(document, kinds, required),
            Body::Leaf(_) | Body::Text(_) | Body::Code(_) | Body::Owner => {}
        }
    }
}

/// The ids that a document defines: a reference to one that it does not is dropped.
fn definitions<'a>(profile: &'a Profile, document: &Tree<'_>) -> Ids<'a> {
    let mut defined = Ids::new();
    note_definitions(profile, &mut defined, &profile.root, document);
    defined
}

fn note_definitions<'a>(profile: &'a Profile, defined: &mut Ids<'a>, node: &'a Node, value: &Tree<'_>) {
    match (profile.resolve(node), value) {
        (Node::Id(rule), value) => {
            if let Some(id) = id_text(value) {
                define(defined, rule, &id);
            }
        }
        (Node::Object(fields), Tree::Object(members)) => {
            for (name, value) in members.iter() {
                if let Some((_, node)) = fields.get(name) {
                    note_definitions(profile, defined, node, value);
                }
            }
        }
        (Node::Map { keys, values }, Tree::Object(members)) => {
            for (name, value) in members.iter() {
                if let KeyRule::Id(rule) = keys {
                    define(defined, rule, name);
                }
                note_definitions(profile, defined, values, value);
            }
        }
        (Node::Array(node), Tree::List(items)) => {
            items.iter().for_each(|item| note_definitions(profile, defined, node, item));
        }
        (Node::Variant { on, cases, other }, value) => {
            note_definitions(profile, defined, case(on, cases, other, value), value);
        }
        (Node::Either(nodes), value) => {
            if let Some(node) = profile.fit(nodes, value) {
                note_definitions(profile, defined, node, value);
            }
        }
        (Node::Json(node), Tree::Text(text)) => {
            if let Ok(document) = source::parse(text) {
                note_definitions(profile, defined, node, &document);
            }
        }
        _ => {}
    }
}

fn define<'a>(defined: &mut Ids<'a>, rule: &'a IdRule, id: &str) {
    if rule.defines {
        defined.entry(&rule.space).or_default().insert(id.to_owned(), Defined::default());
    }
}

fn case<'n>(on: &str, cases: &'n BTreeMap<String, Node>, other: &'n Node, value: &Tree<'_>) -> &'n Node {
    value.get(on).and_then(Tree::as_text).and_then(|case| cases.get(case)).unwrap_or(other)
}

impl Profile {
    /// The first of some nodes that a value is fit for.
    fn fit<'n>(&'n self, nodes: &'n [Node], value: &Tree<'_>) -> Option<&'n Node> {
        nodes.iter().find(|node| match self.resolve(node) {
            Node::Keep(vocabulary) => self.has(vocabulary, value),
            Node::Name => value.as_text().is_some_and(is_name),
            Node::Asset(hosts) => value.as_text().is_some_and(|url| is_asset(url, hosts)),
            Node::Text | Node::Code(_) | Node::Json(_) => value.as_text().is_some(),
            Node::Slot(_) | Node::Id(_) | Node::IdOrSlot { .. } => id_text(value).is_some(),
            node => match node.shape() {
                Shape::Object => value.as_object().is_some(),
                Shape::Array => matches!(value, Tree::List(_)),
                Shape::Leaf | Shape::All => true,
            },
        })
    }
}

/// An id as text: what is neither a text nor a whole number is none, and neither is an empty one.
fn id_text<'t>(value: &'t Tree<'_>) -> Option<Cow<'t, str>> {
    match value {
        Tree::Text(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Tree::Number(number) if number.is_u64() || number.is_i64() => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}
