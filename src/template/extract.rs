//! Extracting: from a document to its template and a report (T2, T3).

use super::{
    body::{Body, Key, Slot, Template, code_kind, id_name},
    detect::{self, Path, Taint},
    order,
    profile::{Fields, KeyRule, Node, Profile, Shape, SlotRule},
    report::{ExtractError, Extracted, Options, Report, Texts},
    source,
    words::{is_asset, is_name, tidy},
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Extracts the template of a document (T2).
///
/// # Errors
/// See [`ExtractError`]. Nothing half extracted is ever given out.
pub fn extract(document: &Value, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    if !source::is_shallow(document, source::DEPTH) {
        return Err(ExtractError::TooDeep);
    }
    let mut defined = definitions(profile, document);
    let (mut blank, mut texts) = (BTreeSet::new(), Vec::new());
    let (mut walk, body, removed) = loop {
        let mut walk = Walk::new(profile, options, defined, blank);
        let body = walk.node(&profile.root, document).unwrap_or_else(|| Body::Fields(BTreeMap::new()));
        // Where a definition is left out, what refers to it is as well: in a clone it would refer to nothing.
        if walk.survived.len() < walk.defined.len() {
            (defined, blank) = (walk.survived, walk.blank);
            continue;
        }
        let removed = std::mem::take(&mut walk.removed);
        let found = detect::names(&body, &removed);
        if options.texts == Texts::Blank && !found.is_empty() {
            (defined, blank) = (walk.defined, walk.blank);
            blank.extend(found.iter().map(|found| found.text.clone()));
            texts.extend(found);
            continue;
        }
        texts.extend(found);
        break (walk, body, removed);
    };
    if body.depth() > source::TEMPLATE_DEPTH.saturating_sub(1) {
        return Err(ExtractError::TooDeep);
    }
    let mut report = Report {
        dropped: std::mem::take(&mut walk.dropped).into_iter().collect(),
        unknown: std::mem::take(&mut walk.unknown).into_iter().collect(),
        ..Report::default()
    };
    texts.sort_unstable();
    report.texts = texts;
    let leaks = detect::leaks(&body, &removed);
    if !leaks.is_empty() {
        return Err(ExtractError::Leak(leaks));
    }
    let (body, slots) = walk.number(body);
    report.kept = count(&body);
    report.slots.clone_from(&slots);
    if options.strict && !report.unknown.is_empty() {
        return Err(ExtractError::Unknown(Box::new(report)));
    }
    if options.texts == Texts::Ask && !report.texts.is_empty() {
        return Err(ExtractError::AskOwner(Box::new(report)));
    }
    let template = Template { format: profile.format.clone(), version: profile.version, slots, body };
    Ok(Extracted { template, report })
}

/// The same for a document as text, which is read strictly: a member that stands twice is an error.
///
/// # Errors
/// See [`ExtractError`].
pub fn extract_json(json: &str, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    extract(&source::parse(json).map_err(ExtractError::Malformed)?, profile, options)
}

fn count(body: &Body) -> usize {
    match body {
        Body::Leaf(_) | Body::Text(_) | Body::Code(_) => 1,
        Body::Hole(_) | Body::Id(..) | Body::Owner => 0,
        Body::List(items) => items.iter().map(count).sum(),
        Body::Fields(fields) => fields.values().map(count).sum(),
        Body::Map(entries) => entries.iter().map(|(_, value)| count(value)).sum(),
        Body::Json(document) => count(document),
    }
}

/// What stands for one id or one slot while the document is walked: its space or rule, and the value that is renamed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Symbol {
    Id(String, String),
    /// Code is never shared: two equal queries are two slots.
    Slot(String, String),
}

/// How often something stood at a path.
type Counts = hashbrown::HashMap<String, usize>;

struct Walk<'a> {
    profile: &'a Profile,
    options: Options,
    symbols: HashMap<Symbol, usize>,
    /// For each symbol of a slot whether some place requires it.
    required: Vec<bool>,
    kinds: Vec<Option<String>>,
    /// The ids that the document defines, by their spaces.
    defined: BTreeSet<(String, String)>,
    /// Those of them whose definition is left in the template.
    survived: BTreeSet<(String, String)>,
    /// Texts that the owner does not let stand.
    blank: BTreeSet<String>,
    path: Path,
    removed: Taint,
    dropped: Counts,
    unknown: Counts,
}

impl<'a> Walk<'a> {
    fn new(
        profile: &'a Profile,
        options: Options,
        defined: BTreeSet<(String, String)>,
        blank: BTreeSet<String>,
    ) -> Self {
        Self {
            profile,
            options,
            symbols: HashMap::new(),
            required: Vec::new(),
            kinds: Vec::new(),
            defined,
            survived: BTreeSet::new(),
            blank,
            path: Path::default(),
            removed: Taint::default(),
            dropped: Counts::new(),
            unknown: Counts::new(),
        }
    }

    fn symbol(&mut self, symbol: Symbol) -> usize {
        let next = self.symbols.len();
        let kind = match &symbol {
            Symbol::Id(..) => None,
            Symbol::Slot(kind, _) => Some(kind.clone()),
        };
        let number = *self.symbols.entry(symbol).or_insert(next);
        if number == next {
            self.required.push(false);
            self.kinds.push(kind);
        }
        number
    }

    fn slot(&mut self, rule: &SlotRule, value: &str) -> usize {
        let number = self.symbol(Symbol::Slot(rule.kind.clone(), value.to_owned()));
        if let Some(required) = self.required.get_mut(number) {
            *required |= rule.required;
        }
        number
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
    fn node(&mut self, node: &Node, value: &Value) -> Option<Body> {
        match (self.profile.resolve(node), value) {
            (Node::Neutral(neutral), value) => {
                self.remove(value, detect::Kind::Value);
                Some(Body::Leaf(neutral.clone()))
            }
            (Node::Owner, value) => {
                self.remove(value, detect::Kind::Id);
                Some(Body::Owner)
            }
            (_, Value::Null) => None,
            (Node::Keep(vocabulary), value) if self.profile.has(vocabulary, value) => {
                Some(Body::Leaf(value.clone()))
            }
            (Node::Name, Value::String(name)) if is_name(name) => Some(Body::Leaf(value.clone())),
            (Node::Text, Value::String(text)) => match tidy(text) {
                Some(tidied) if self.blank.contains(&tidied) => None,
                Some(tidied) => {
                    if tidied != *text {
                        self.remove(value, detect::Kind::Value);
                    }
                    (!tidied.is_empty()).then_some(Body::Text(tidied))
                }
                None => self.drop(value, detect::Kind::Value),
            },
            (Node::Code(_), Value::String(code)) if code.trim().is_empty() => None,
            (Node::Code(_), Value::String(code)) if self.blank.contains(code) => None,
            (Node::Code(_), Value::String(code)) if self.options.keep_code => Some(Body::Code(code.clone())),
            (Node::Code(language), Value::String(_)) => {
                self.remove(value, detect::Kind::Value);
                let rule = SlotRule { kind: code_kind(language), required: false };
                let path = format!("{}#{}", self.path.as_str(), self.symbols.len());
                Some(Body::Hole(self.slot(&rule, &path)))
            }
            (Node::Asset(hosts), Value::String(url)) if is_asset(url, hosts) => {
                Some(Body::Leaf(value.clone()))
            }
            (Node::Slot(rule), value) => self.hole(rule, value),
            (Node::Id(rule), value) => {
                // What is no id at all is looked for by its shape only.
                let kind = id_text(value).map_or(detect::Kind::Value, |_| detect::Kind::Id);
                let left = self.id(&rule.space, value).or_else(|| self.drop(value, kind));
                if let (true, Some(_), Some(id)) = (rule.defines, &left, id_text(value)) {
                    self.survived.insert((rule.space.clone(), id));
                }
                left
            }
            (Node::IdOrSlot { space, slot }, value) => {
                self.id(space, value).or_else(|| self.hole(slot, value))
            }
            (Node::Object(fields), Value::Object(members)) => self.object(fields, members),
            (Node::Map { keys, values }, Value::Object(members)) => self.map(keys, values, members),
            (Node::Array(node), Value::Array(items)) => {
                self.path.push("[]");
                let list: Vec<Body> = items.iter().filter_map(|item| self.node(node, item)).collect();
                self.path.pop();
                (!list.is_empty()).then_some(Body::List(list))
            }
            (Node::Variant { on, cases, other }, value) => self.node(case(on, cases, other, value), value),
            (Node::Either(nodes), value) => match self.profile.fit(nodes, value) {
                Some(node) => self.node(node, value),
                None => self.drop(value, detect::Kind::Value),
            },
            (Node::Json(node), Value::String(text)) => match source::parse(text) {
                Ok(document) => self.node(node, &document).map(|left| Body::Json(Box::new(left))),
                Err(_) => self.drop(value, detect::Kind::Value),
            },
            (_, value) => self.drop(value, detect::Kind::Value),
        }
    }

    fn object(&mut self, fields: &Fields, members: &Map<String, Value>) -> Option<Body> {
        let mut left = BTreeMap::new();
        for (name, value) in members {
            self.path.push(name);
            match fields.get(name) {
                Some(node) => {
                    if let Some(body) = self.node(node, value) {
                        left.insert(name.clone(), body);
                    }
                }
                None => {
                    self.remove(value, detect::Kind::Value);
                    self.removed.note(name, detect::Kind::Value, &self.path);
                    if !matches!(value, Value::Null) {
                        Self::count(&mut self.unknown, &self.path);
                    }
                }
            }
            self.path.pop();
        }
        // An object of nothing but what is there in every document is as good as none.
        if left.keys().all(|name| fields.constant.contains(name)) {
            return None;
        }
        for name in fields.constant.iter().filter(|name| !members.contains_key(*name)) {
            if let Some(body) = fields.get(name).and_then(|node| self.node(node, &Value::Null)) {
                left.insert(name.clone(), body);
            }
        }
        Some(Body::Fields(left))
    }

    fn map(&mut self, keys: &KeyRule, node: &Node, members: &Map<String, Value>) -> Option<Body> {
        let mut entries = Vec::new();
        for (name, value) in members {
            self.path.push("*");
            let text = Value::String(name.clone());
            let key = match keys {
                KeyRule::Id(rule) => match self.id(&rule.space, &text) {
                    Some(Body::Id(space, number)) => Some(Key::Id(space, number)),
                    _ => None,
                },
                KeyRule::Slot(rule) => match self.hole(rule, &text) {
                    Some(Body::Hole(slot)) => Some(Key::Hole(slot)),
                    _ => None,
                },
                KeyRule::Name => is_name(name).then(|| Key::Word(name.clone())),
            };
            match key {
                Some(key) => {
                    if let Some(body) = self.node(node, value) {
                        if let KeyRule::Id(rule) = keys
                            && rule.defines
                        {
                            self.survived.insert((rule.space.clone(), name.clone()));
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

    fn id(&mut self, space: &str, value: &Value) -> Option<Body> {
        let id = id_text(value)?;
        if !self.defined.contains(&(space.to_owned(), id.clone())) {
            return None;
        }
        self.remove(value, detect::Kind::Id);
        let number = self.symbol(Symbol::Id(space.to_owned(), id));
        Some(Body::Id(space.to_owned(), number))
    }

    fn hole(&mut self, rule: &SlotRule, value: &Value) -> Option<Body> {
        match id_text(value) {
            Some(text) => {
                self.remove(value, detect::Kind::Id);
                Some(Body::Hole(self.slot(rule, &text)))
            }
            None => self.drop(value, detect::Kind::Value),
        }
    }

    /// Takes a value away, and reports where.
    fn drop<T>(&mut self, value: &Value, kind: detect::Kind) -> Option<T> {
        self.remove(value, kind);
        if !is_empty(value) {
            Self::count(&mut self.dropped, &self.path);
        }
        None
    }

    /// Remembers what was taken away, for the detector.
    fn remove(&mut self, value: &Value, kind: detect::Kind) {
        match value {
            Value::String(text) => self.removed.note(text, kind, &self.path),
            Value::Number(number) => self.removed.note(&number.to_string(), kind, &self.path),
            Value::Array(items) => items.iter().for_each(|item| self.remove(item, kind)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.removed.note(name, detect::Kind::Value, &self.path);
                    self.path.push(name);
                    self.remove(value, kind);
                    self.path.pop();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Numbers ids and slots in an order that does not depend on the source's ids (T3).
    fn number(self, mut body: Body) -> (Body, Vec<Slot>) {
        order::sort(&mut body, &self.kinds);
        let mut numbers =
            Numbers { of: vec![None; self.kinds.len()], ids: BTreeMap::new(), slots: Vec::new() };
        numbers.assign(&mut body, &self.kinds, &self.required);
        order::sort_keys(&mut body);
        (body, numbers.slots)
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

    fn slot(&mut self, symbol: usize, kinds: &[Option<String>], required: &[bool]) -> usize {
        let slots = &mut self.slots;
        let number = match self.of.get_mut(symbol) {
            Some(known) => *known.get_or_insert_with(|| {
                let kind = kinds.get(symbol).cloned().flatten().unwrap_or_default();
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

    fn assign(&mut self, body: &mut Body, kinds: &[Option<String>], required: &[bool]) {
        match body {
            Body::Hole(slot) => *slot = self.slot(*slot, kinds, required),
            Body::Id(space, id) => *id = self.id(space, *id),
            Body::List(items) => items.iter_mut().for_each(|item| self.assign(item, kinds, required)),
            Body::Fields(fields) => fields.values_mut().for_each(|field| self.assign(field, kinds, required)),
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

/// The ids that a document defines, by their spaces: a reference to one that it does not is dropped.
fn definitions(profile: &Profile, document: &Value) -> BTreeSet<(String, String)> {
    let mut defined = BTreeSet::new();
    note_definitions(profile, &mut defined, &profile.root, document);
    defined
}

fn note_definitions(profile: &Profile, defined: &mut BTreeSet<(String, String)>, node: &Node, value: &Value) {
    match (profile.resolve(node), value) {
        (Node::Id(rule), value) if rule.defines => {
            if let Some(id) = id_text(value) {
                defined.insert((rule.space.clone(), id));
            }
        }
        (Node::Object(fields), Value::Object(members)) => {
            for (name, value) in members {
                if let Some(node) = fields.get(name) {
                    note_definitions(profile, defined, node, value);
                }
            }
        }
        (Node::Map { keys, values }, Value::Object(members)) => {
            for (name, value) in members {
                if let KeyRule::Id(rule) = keys
                    && rule.defines
                {
                    defined.insert((rule.space.clone(), name.clone()));
                }
                note_definitions(profile, defined, values, value);
            }
        }
        (Node::Array(node), Value::Array(items)) => {
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
        (Node::Json(node), Value::String(text)) => {
            if let Ok(document) = source::parse(text) {
                note_definitions(profile, defined, node, &document);
            }
        }
        _ => {}
    }
}

fn case<'n>(on: &str, cases: &'n BTreeMap<String, Node>, other: &'n Node, value: &Value) -> &'n Node {
    value.get(on).and_then(Value::as_str).and_then(|case| cases.get(case)).unwrap_or(other)
}

impl Profile {
    /// The first of some nodes that a value is fit for.
    fn fit<'n>(&'n self, nodes: &'n [Node], value: &Value) -> Option<&'n Node> {
        nodes.iter().find(|node| match self.resolve(node) {
            Node::Keep(vocabulary) => self.has(vocabulary, value),
            Node::Name => value.as_str().is_some_and(is_name),
            Node::Asset(hosts) => value.as_str().is_some_and(|url| is_asset(url, hosts)),
            Node::Text | Node::Code(_) | Node::Json(_) => value.is_string(),
            Node::Slot(_) | Node::Id(_) | Node::IdOrSlot { .. } => id_text(value).is_some(),
            node => match node.shape() {
                Shape::Object => value.is_object(),
                Shape::Array => value.is_array(),
                Shape::Leaf | Shape::All => true,
            },
        })
    }
}

/// An id as text: what is neither a text nor a whole number is none, and neither is an empty one.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
