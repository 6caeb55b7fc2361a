//! Filling: from a template to a dashboard of the recipient's (T6).

use super::{
    body::{Body, Key, Template, id_name},
    profile::Profile,
    schema::{IdForm, Schema},
};
use crate::value::Shown;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a recipient puts into the slots, by their names.
pub type Fills = BTreeMap<String, Value>;

/// What a template is filled with, beside the fills.
#[expect(missing_debug_implementations, reason = "it lends functions")]
pub struct Recipient<'a> {
    /// The recipient, as the format names an owner: it goes where the profile has `owner`. None of the three shipped
    /// formats has a field for it, so that there the host's own record says whose the dashboard is.
    pub owner: &'a str,
    /// Whether code that the sender let stand may run as the recipient's. If not, it is left out.
    pub accepts_code: bool,
    /// Whether required slots may stay open for now: what they belong to is empty until they are filled.
    pub partial: bool,
    /// Asks the host whether the recipient may use this value for a slot of this kind. It is asked for every fill
    /// before anything is made, so that a clone is no way to somebody else's device.
    pub may_use: &'a dyn Fn(&str, &Value) -> bool,
    /// Fresh random bytes for the ids within the document.
    pub random: &'a mut dyn FnMut() -> [u8; 16],
}

/// Why a slot's fill was refused. All of them are reported at once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// A required slot has no fill.
    #[error("slot `{}` is required and has no fill", Shown(.0))]
    Missing(String),
    /// The template has no such slot.
    #[error("the template has no slot `{}`", Shown(.0))]
    Unknown(String),
    /// What was given is neither a text nor a whole number, or it is empty or blank.
    #[error("the fill of slot `{}` is neither a text nor a whole number", Shown(.0))]
    WrongShape(String),
    /// The host says that the recipient may not use it.
    #[error("the recipient may not use the fill of slot `{}`", Shown(.0))]
    NotAllowed(String),
    /// The owner is empty or blank.
    #[error("a dashboard belongs to somebody: the owner is blank")]
    NoOwner,
    /// The template is of another format or version than the profile.
    #[error("the template is of another profile")]
    OtherProfile,
}

/// Makes a dashboard document out of a template. Its inner ids are fresh, its owner is the recipient where the
/// format has a place for that (see [`Recipient::owner`]), and an optional slot without a fill leaves its place out.
///
/// Extracted again it gives the same template if no two slots have one fill, and no fill is itself a word that the
/// profile keeps at that place, as a data source that is called `default` is in Grafana.
///
/// Rules: [T6](crate::specification), [T7](crate::specification).
///
/// # Errors
/// All that is wrong with the fills, at once. Nothing is made then.
pub fn fill(
    template: &Template,
    profile: &Profile,
    fills: &Fills,
    recipient: Recipient<'_>,
) -> Result<Value, Vec<FillError>> {
    if (template.format(), template.version) != (profile.format(), profile.version()) {
        return Err(vec![FillError::OtherProfile]);
    }
    let mut errors = BTreeSet::new();
    if recipient.owner.trim().is_empty() {
        errors.insert(FillError::NoOwner);
    }
    for slot in template.slots() {
        match fills.get(&slot.name) {
            None if slot.required && !recipient.partial => {
                errors.insert(FillError::Missing(slot.name.clone()));
            }
            None => {}
            Some(value) => {
                let fits = match value {
                    Value::String(text) => !text.trim().is_empty(),
                    Value::Number(number) => number.is_i64() || number.is_u64(),
                    _ => false,
                };
                if !fits {
                    errors.insert(FillError::WrongShape(slot.name.clone()));
                } else if !(recipient.may_use)(&slot.kind, value) {
                    errors.insert(FillError::NotAllowed(slot.name.clone()));
                }
            }
        }
    }
    let names: BTreeSet<&str> = template.slots().iter().map(|slot| slot.name.as_str()).collect();
    let unknown = fills.keys().filter(|name| !names.contains(name.as_str()));
    errors.extend(unknown.cloned().map(FillError::Unknown));
    if !errors.is_empty() {
        return Err(errors.into_iter().collect());
    }
    let mut maker = Maker { template, schema: &profile.schema, fills, recipient, ids: BTreeMap::new() };
    Ok(maker.value(&template.body).unwrap_or_else(|| Value::Object(Map::new())))
}

struct Maker<'a, 'r> {
    template: &'a Template,
    schema: &'a Schema,
    fills: &'a Fills,
    recipient: Recipient<'r>,
    ids: BTreeMap<String, Value>,
}

impl Maker<'_, '_> {
    fn value(&mut self, body: &Body) -> Option<Value> {
        Some(match body {
            Body::Leaf(value) => value.clone(),
            Body::Text(text) => json!(text),
            Body::Code(code) => return self.recipient.accepts_code.then(|| json!(code)),
            Body::Hole(slot) => return self.fill_of(*slot).cloned(),
            Body::Id(space, number) => self.id(space, *number),
            Body::Owner => json!(self.recipient.owner),
            Body::List(items) => items.iter().filter_map(|item| self.value(item)).collect(),
            Body::Fields(fields) => {
                let mut members = Map::new();
                for (name, field) in fields {
                    if let Some(value) = self.value(field) {
                        members.insert(name.to_string(), value);
                    }
                }
                Value::Object(members)
            }
            Body::Map(entries) => {
                let mut members = Map::new();
                for (key, value) in entries {
                    let key = match key {
                        Key::Word(word) => Some(word.clone()),
                        Key::Id(space, number) => Some(text_of(&self.id(space, *number))),
                        Key::Hole(slot) => self.fill_of(*slot).map(text_of),
                    };
                    if let (Some(key), Some(value)) = (key, self.value(value)) {
                        members.insert(key, value);
                    }
                }
                Value::Object(members)
            }
            Body::Json(document) => json!(self.value(document)?.to_string()),
        })
    }

    fn fill_of(&self, slot: usize) -> Option<&Value> {
        self.fills.get(&self.template.slots().get(slot)?.name)
    }

    fn id(&mut self, space: &str, number: usize) -> Value {
        let name = id_name(space, number);
        if let Some(known) = self.ids.get(&name) {
            return known.clone();
        }
        let form = self.schema.spaces.get(space).copied().unwrap_or(IdForm::Uuid);
        let id = match form {
            IdForm::Counter => json!(number.saturating_add(1)),
            IdForm::Uuid => json!(uuid::Builder::from_random_bytes((self.recipient.random)()).into_uuid()),
            IdForm::ObjectId => {
                let bytes = (self.recipient.random)();
                json!(data_encoding::HEXLOWER.encode(bytes.get(..12).unwrap_or_default()))
            }
        };
        self.ids.insert(name, id.clone());
        id
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
