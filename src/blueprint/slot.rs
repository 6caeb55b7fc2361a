//! Slots: the holes of a blueprint, each with what a device needs to fill it.

use crate::value::Tag;
use serde::{Deserialize, Serialize};

/// What fills a slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    /// A device.
    #[default]
    Device,
    /// An entity, which behaves like a device and is another kind of resource to policies.
    ///
    /// Rules: [B15](crate::specification).
    Entity,
}

impl SlotKind {
    /// The kind of resource that fills it, as policies spell it: `device` or `entity`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Entity => "entity",
        }
    }
}

/// Ties a slot to another one: what fills the two must have a value of this key in common.
///
/// Rules: [B3](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The key of the tag.
    pub key: String,
    /// The name of the other slot.
    pub slot: String,
}

/// One hole of a blueprint.
///
/// As JSON it has `name`, and may have `kind` (`device` if left out), `conditions`, `filters` and `hide_when_empty`. A
/// member that it does not know is an error: it may have been meant to narrow.
///
/// ```
/// use dashshare::blueprint::{Slot, SlotKind};
/// let sensor = Slot::new("Sensor").with_condition("type", "sensor").with_filter("site", "Site");
/// let read: Slot = serde_json::from_str(r#"{"name": "Sensor",
///     "conditions": [{"key": "type", "value": "sensor"}], "filters": [{"key": "site", "slot": "Site"}]}"#)?;
/// assert_eq!(read, sensor);
/// assert_eq!(Slot::new("Room").of_kind(SlotKind::Entity).kind.word(), "entity");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Rules: [B1](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Slot {
    /// Its name, 1 to 100 bytes: the member of an address that chooses what fills it.
    pub name: String,
    /// What fills it.
    #[serde(default)]
    pub kind: SlotKind,
    /// The tags that a device needs, all of them.
    #[serde(default)]
    pub conditions: Vec<Tag>,
    /// The slots that it depends on.
    #[serde(default)]
    pub filters: Vec<Filter>,
    /// Whether its selector is not drawn while there is nothing to select. That is presentation, and hides no data.
    ///
    /// Rules: [B8](crate::specification).
    #[serde(default)]
    pub hide_when_empty: bool,
}

impl Slot {
    /// A slot for a device, without conditions and filters.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: SlotKind::Device,
            conditions: Vec::new(),
            filters: Vec::new(),
            hide_when_empty: false,
        }
    }

    /// The same for something of this kind.
    #[must_use]
    pub fn of_kind(self, kind: SlotKind) -> Self {
        Self { kind, ..self }
    }

    /// The same with one condition more.
    #[must_use]
    pub fn with_condition(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.conditions.push(Tag::new(key, value));
        self
    }

    /// The same with one filter more: it must have a value of this key in common with what fills the other slot.
    #[must_use]
    pub fn with_filter(mut self, key: impl Into<String>, slot: impl Into<String>) -> Self {
        self.filters.push(Filter { key: key.into(), slot: slot.into() });
        self
    }

    /// The same, with a selector that is not drawn while there is nothing to select.
    #[must_use]
    pub fn hidden_when_empty(self) -> Self {
        Self { hide_when_empty: true, ..self }
    }
}
