//! The template itself: a tree with holes, which has no place for a value of the source (T1).

use super::{
    profile::Profile,
    schema::{Fields, KeyRule, Node, Schema, case, code_kind},
    shape::has_id_shape,
    source::{self, Members, Tree},
    words::{is_asset, is_name, tidy},
};
use crate::value::Shown;
use hashbrown::{HashMap, HashSet};
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The structure of a dashboard and none of its data.
///
/// There are two ways to one: extracting it from a document under a [`Profile`], and [reading](Template::read) one that
/// was written before, which checks every place of it against the profile again. It holds no device id, no token, no
/// owner and no value; where those were, it has slots.
///
/// Rules: [T1](crate::specification).
#[derive(Clone, PartialEq, Debug)]
pub struct Template {
    pub(super) format: String,
    pub(super) version: u32,
    pub(super) slots: Vec<Slot>,
    pub(super) body: Body,
}

/// A hole that the recipient fills.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Slot {
    /// Its name within the template, such as `device-1`.
    pub name: String,
    /// What belongs into it: a device, a data source, a query …
    pub kind: String,
    /// Whether a dashboard is no dashboard without it.
    pub required: bool,
    /// How many places of the document it fills.
    pub uses: usize,
}

/// A tree of the document's structure. Ids and slots are numbers into lists of their own.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Body {
    /// A member of a closed vocabulary, a name, or what is there in every document.
    Leaf(Value),
    Text(String),
    /// What the owner let stand. It does nothing until the recipient accepts it.
    Code(String),
    Hole(usize),
    Id(Arc<str>, usize),
    Owner,
    List(Vec<Body>),
    /// In the order of their names, which are the profile's own.
    Fields(Vec<(Arc<str>, Body)>),
    Map(Vec<(Key, Body)>),
    /// A document in a string.
    Json(Box<Body>),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Key {
    Word(String),
    Id(Arc<str>, usize),
    Hole(usize),
}

impl Key {
    pub(super) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// Why a text is no template of a profile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a template: at {}: {}", Shown(.place), Shown(.problem))]
pub struct TemplateError {
    place: String,
    problem: String,
}

impl Template {
    /// The format of the documents that it was made from and makes.
    pub fn format(&self) -> &str {
        &self.format
    }

    /// The slots, in the order in which the document has them.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Writes the template as JSON. The same template is always the same text.
    pub fn to_json(&self) -> Value {
        json!({
            "format": self.format,
            "version": self.version,
            "slots": self.slots,
            "body": self.write(&self.body),
        })
    }

    fn write(&self, body: &Body) -> Value {
        match body {
            Body::Leaf(value) => value.clone(),
            Body::Text(text) => json!(text),
            Body::Code(code) => json!({ "$code": code }),
            Body::Hole(slot) => json!({ "$slot": self.slot_name(*slot) }),
            Body::Id(space, number) => json!({ "$id": id_name(space, *number) }),
            Body::Owner => json!({ "$owner": true }),
            Body::List(items) => items.iter().map(|item| self.write(item)).collect(),
            Body::Fields(fields) => {
                fields.iter().map(|(name, field)| (name.to_string(), self.write(field))).collect()
            }
            Body::Map(entries) => {
                let key = |key: &Key| match key {
                    Key::Word(word) => word.clone(),
                    Key::Id(space, number) => format!("$id:{}", id_name(space, *number)),
                    Key::Hole(slot) => format!("$slot:{}", self.slot_name(*slot)),
                };
                entries.iter().map(|(of, value)| (key(of), self.write(value))).collect()
            }
            Body::Json(document) => json!({ "$json": self.write(document) }),
        }
    }

    fn slot_name(&self, slot: usize) -> &str {
        self.slots.get(slot).map_or("", |slot| &slot.name)
    }

    /// Reads a template that was written before, and checks every place of it against the profile: what extracting
    /// could not have left is refused.
    ///
    /// Rules: [T1](crate::specification).
    ///
    /// # Errors
    /// With the place of the first thing that does not belong there.
    pub fn read(profile: &Profile, json: &str) -> Result<Self, TemplateError> {
        let value = source::parse_to(json, source::TEMPLATE_DEPTH)
            .map_err(|error| TemplateError { place: "/".to_owned(), problem: error.to_string() })?;
        let mut reader = Reader {
            schema: &profile.schema,
            kinds: profile.schema.kinds(),
            slots: Vec::new(),
            places: HashMap::new(),
            holes: Vec::new(),
            ids: Vec::new(),
            place: Vec::new(),
        };
        reader.template(&value)
    }
}

pub(super) fn id_name(space: &str, number: usize) -> String {
    format!("{space}-{}", number.saturating_add(1))
}

/// A member of an object that is none of these.
fn other_member<'t>(value: &'t Tree<'_>, known: [&str; 4]) -> Option<&'t str> {
    let mut names = value.as_object().into_iter().flat_map(Members::iter).map(|(name, _)| name);
    names.find(|name| !known.contains(name))
}

struct Reader<'a> {
    schema: &'a Schema,
    /// The kinds of slots that the profile leaves.
    kinds: HashSet<String>,
    slots: Vec<Slot>,
    /// Where in the list a slot stands, by its name.
    places: HashMap<String, usize>,
    /// The holes of the body, as places in the list, and whether the hole requires its slot.
    holes: Vec<(usize, bool)>,
    /// The ids of the body, by space and number, and whether the place defines them.
    ids: Vec<(String, usize, bool)>,
    place: Vec<String>,
}

impl Reader<'_> {
    fn refuse<T>(&self, problem: impl fmt::Display) -> Result<T, TemplateError> {
        let place = format!("/{}", self.place.join("/"));
        Err(TemplateError { place, problem: problem.to_string() })
    }

    fn template(&mut self, value: &Tree<'_>) -> Result<Template, TemplateError> {
        let schema = self.schema;
        let (format, version) = (&schema.format, schema.version);
        if value.get("format").and_then(Tree::as_text) != Some(format)
            || !matches!(value.get("version"), Some(Tree::Number(of)) if of.as_u64() == Some(u64::from(version)))
        {
            return self.refuse(format_args!("this is not of version {version} of the format `{format}`"));
        }
        if let Some(other) = other_member(value, ["format", "version", "slots", "body"]) {
            return self.refuse(format_args!("`{other}` has no place in a template"));
        }
        let Some(Tree::List(slots)) = value.get("slots") else {
            return self.refuse("the list of slots is missing");
        };
        self.read_slots(slots)?;
        let Some(body) = value.get("body") else { return self.refuse("the body is missing") };
        let body = self.body(&schema.root, body)?;
        let slots = self.used_slots()?;
        self.check_ids()?;
        Ok(Template { format: schema.format.clone(), version: schema.version, slots, body })
    }

    /// The list of slots. What else it says of them than their names and kinds is read off their places.
    fn read_slots(&mut self, slots: &[Tree<'_>]) -> Result<(), TemplateError> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for slot in slots {
            let kind = slot.get("kind").and_then(Tree::as_text).unwrap_or_default();
            let counted = matches!(slot.get("uses"), Some(Tree::Number(uses)) if uses.is_u64());
            if !counted || !matches!(slot.get("required"), Some(Tree::Bool(_))) {
                return self.refuse("a slot says whether it is required, and how often it is used");
            }
            if let Some(other) = other_member(slot, ["name", "kind", "required", "uses"]) {
                return self.refuse(format_args!("`{other}` has no place in a slot"));
            }
            let number = counts.entry(kind).or_default();
            let name = id_name(kind, *number);
            *number = number.saturating_add(1);
            if slot.get("name").and_then(Tree::as_text) != Some(name.as_str()) || !self.kinds.contains(kind) {
                return self.refuse(format_args!("slot `{name}` is not one of the profile's"));
            }
            self.places.insert(name.clone(), self.slots.len());
            self.slots.push(Slot { name, kind: kind.to_owned(), required: false, uses: 0 });
        }
        Ok(())
    }

    /// The slots, with what their places have said of them.
    fn used_slots(&mut self) -> Result<Vec<Slot>, TemplateError> {
        let mut slots = std::mem::take(&mut self.slots);
        for (slot, required) in &self.holes {
            if let Some(slot) = slots.get_mut(*slot) {
                slot.uses = slot.uses.saturating_add(1);
                slot.required |= required;
            }
        }
        if slots.iter().any(|slot| slot.uses == 0) {
            return self.refuse("a slot has no place in the body");
        }
        Ok(slots)
    }

    /// Extracting numbers the ids of a space from one on, and leaves none that nothing defines.
    fn check_ids(&self) -> Result<(), TemplateError> {
        let mut ids: BTreeMap<(&str, usize), bool> = BTreeMap::new();
        for (space, number, defines) in &self.ids {
            *ids.entry((space, *number)).or_default() |= defines;
        }
        let mut before: BTreeMap<&str, usize> = BTreeMap::new();
        for ((space, number), defined) in &ids {
            let next = before.entry(space).or_default();
            if number != next || !defined {
                return self
                    .refuse(format_args!("`{}` is an id that nothing defines", id_name(space, *number)));
            }
            *next = next.saturating_add(1);
        }
        Ok(())
    }

    fn inside<T>(
        &mut self,
        step: &str,
        read: impl FnOnce(&mut Self) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        self.place.push(step.to_owned());
        let read = read(self)?;
        self.place.pop();
        Ok(read)
    }

    fn hole(&mut self, kind: &str, required: bool, name: Option<&str>) -> Result<usize, TemplateError> {
        let found = name.and_then(|name| self.places.get(name)).copied();
        let is_of_kind = |slot: &usize| self.slots.get(*slot).is_some_and(|slot| slot.kind == kind);
        let Some(slot) = found.filter(is_of_kind) else {
            return self.refuse(format_args!("no slot of kind `{kind}` has this name"));
        };
        self.holes.push((slot, required));
        Ok(slot)
    }

    fn id(&mut self, space: &str, defines: bool, name: Option<&str>) -> Result<usize, TemplateError> {
        let number = name
            .and_then(|name| name.strip_prefix(space)?.strip_prefix('-')?.parse::<usize>().ok())
            .and_then(|number| number.checked_sub(1));
        match number {
            Some(number) if number < 1_000_000 && Some(id_name(space, number).as_str()) == name => {
                self.ids.push((space.to_owned(), number, defines));
                Ok(number)
            }
            _ => self.refuse(format_args!("not an id of the space `{space}`")),
        }
    }

    fn body(&mut self, node: &Node, value: &Tree<'_>) -> Result<Body, TemplateError> {
        let marker = |name: &str| {
            let members = value.as_object().filter(|members| members.len() == 1)?;
            members.get(name).and_then(Tree::as_text)
        };
        Ok(match (self.schema.resolve(node), value) {
            (Node::Keep(vocabulary), value) if self.schema.has(vocabulary, value) => {
                Body::Leaf(value.to_value())
            }
            (Node::Name, Tree::Text(name)) if is_name(name) => Body::Leaf(value.to_value()),
            (Node::Text, Tree::Text(text)) if !text.is_empty() && tidy(text).as_deref() == Some(&**text) => {
                Body::Text(text.to_string())
            }
            (Node::Code(_), _)
                if marker("$code").is_some_and(|code| code.trim().is_empty() || has_id_shape(code)) =>
            {
                return self.refuse("code that is empty, or holds what looks like an id or a credential");
            }
            (Node::Code(_), _) if marker("$code").is_some() => {
                Body::Code(marker("$code").unwrap_or_default().to_owned())
            }
            (Node::Code(language), _) => {
                Body::Hole(self.hole(&code_kind(language), false, marker("$slot"))?)
            }
            (Node::Asset(hosts), Tree::Text(url)) if is_asset(url, hosts) => Body::Leaf(value.to_value()),
            (Node::Slot(rule), _) => Body::Hole(self.hole(&rule.kind, rule.required, marker("$slot"))?),
            (Node::Id(rule), _) => {
                Body::Id(rule.space.clone(), self.id(&rule.space, rule.defines, marker("$id"))?)
            }
            (Node::IdOrSlot { space, .. }, _) if marker("$id").is_some() => {
                Body::Id(space.clone(), self.id(space, false, marker("$id"))?)
            }
            (Node::IdOrSlot { slot, .. }, _) => {
                Body::Hole(self.hole(&slot.kind, slot.required, marker("$slot"))?)
            }
            (Node::Owner, value) if value.to_value() == json!({ "$owner": true }) => Body::Owner,
            (Node::Neutral(neutral), value) if *neutral == value.to_value() => Body::Leaf(neutral.clone()),
            (Node::Object(nodes), Tree::Object(members)) => self.fields(nodes, members)?,
            (Node::Map { keys, values }, Tree::Object(members)) => self.map(keys, values, members)?,
            (Node::Array(node), Tree::List(items)) => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    list.push(self.inside(&index.to_string(), |reader| reader.body(node, item))?);
                }
                if list.is_empty() {
                    return self.refuse("an empty list is as good as nothing, and would not have been left");
                }
                Body::List(list)
            }
            (Node::Variant { on, cases, other }, value) => self.body(case(on, cases, other, value), value)?,
            (Node::Either(nodes), value) => self.either(nodes, value)?,
            (Node::Json(node), Tree::Object(members)) if members.len() == 1 => match members.get("$json") {
                Some(document) => {
                    Body::Json(Box::new(self.inside("$json", |reader| reader.body(node, document))?))
                }
                None => return self.refuse("this does not belong here"),
            },
            _ => return self.refuse("this does not belong here"),
        })
    }

    /// The first node that the value reads by. What one that it does not read by has counted is forgotten.
    fn either(&mut self, nodes: &[Node], value: &Tree<'_>) -> Result<Body, TemplateError> {
        let (holes, ids, place) = (self.holes.len(), self.ids.len(), self.place.len());
        for node in nodes {
            if let Ok(body) = self.body(node, value) {
                return Ok(body);
            }
            self.holes.truncate(holes);
            self.ids.truncate(ids);
            self.place.truncate(place);
        }
        self.refuse("none of the nodes here is fit for this")
    }

    fn fields(&mut self, nodes: &Fields, members: &Members<'_>) -> Result<Body, TemplateError> {
        let mut fields = Vec::with_capacity(members.len());
        for (name, value) in members.iter() {
            let Some((name, node)) = nodes.get(name) else {
                return self.refuse(format_args!("the profile has no field `{name}` here"));
            };
            fields.push((name.clone(), self.inside(name, |reader| reader.body(node, value))?));
        }
        if fields.iter().all(|(name, _)| nodes.constant.contains(name)) {
            return self.refuse("an object of nothing is as good as none, and would not have been left");
        }
        if let Some(name) = nodes.constant.iter().find(|name| members.get(name).is_none()) {
            return self.refuse(format_args!("`{name}` is missing, which is always there"));
        }
        Ok(Body::Fields(fields))
    }

    fn map(&mut self, keys: &KeyRule, node: &Node, members: &Members<'_>) -> Result<Body, TemplateError> {
        let mut entries = Vec::with_capacity(members.len());
        for (name, value) in members.iter() {
            let key = match keys {
                KeyRule::Id(rule) => {
                    let number = self.id(&rule.space, rule.defines, name.strip_prefix("$id:"))?;
                    Key::Id(rule.space.clone(), number)
                }
                KeyRule::Slot(rule) => {
                    Key::Hole(self.hole(&rule.kind, rule.required, name.strip_prefix("$slot:"))?)
                }
                KeyRule::Name if is_name(name) => Key::Word(name.to_owned()),
                KeyRule::Name => return self.refuse(format_args!("`{name}` is no name")),
            };
            entries.push((key, self.inside(name, |reader| reader.body(node, value))?));
        }
        if entries.is_empty() {
            return self.refuse("an empty map is as good as nothing, and would not have been left");
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Body::Map(entries))
    }
}

impl Body {
    /// How deep it nests when it is written.
    pub(super) fn depth(&self) -> usize {
        let below = match self {
            Self::Leaf(_) | Self::Text(_) => return 0,
            Self::Code(_) | Self::Hole(_) | Self::Id(..) | Self::Owner => 0,
            Self::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Fields(fields) => fields.iter().map(|(_, field)| field.depth()).max().unwrap_or(0),
            Self::Map(entries) => entries.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            Self::Json(document) => document.depth(),
        };
        below.saturating_add(1)
    }
}
