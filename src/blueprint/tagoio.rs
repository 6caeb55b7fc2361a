//! TagoIO's dashboard document, read for its slots.

use super::{
    compile::{Blueprint, CompileError, Compiled},
    lint::{Finding, Places, Severity},
    slot::{Filter, Slot, SlotKind},
};
use crate::value::{Object, Shown, Tag, pointer, shown};
use serde::{Deserialize, de::IgnoredAny};

/// The slots of a dashboard in TagoIO's format: its `blueprint_devices`, and whether `disable_blueprint_fallback` is set.
///
/// It is read from the dashboard itself or from an export that has it as `dashboard`. What else stands in the document is
/// left alone. A filter of a kind that is not known is not left out, which would show more, but found broken.
///
/// ```
/// use dashshare::blueprint::{RESERVED, TagoioDashboard};
/// let document = r#"{"type": "blueprint", "disable_blueprint_fallback": true, "blueprint_devices": [
///     {"id": "1", "type": "device", "name": "site", "conditions": [{"key": "type", "value": "site"}]},
///     {"id": "2", "type": "device", "name": "pump", "conditions": [{"key": "type", "value": "pump"}],
///      "filter_conditions": [{"type": "tag_match", "tag_key": "site", "blueprint_device": "site"}]}
/// ]}"#;
/// let dashboard = TagoioDashboard::parse(document)?;
/// let blueprint = dashboard.compile(RESERVED)?;
/// assert_eq!(blueprint.slots()[1].filters[0].slot, "site");
/// assert!(!blueprint.falls_back());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Rules: [B1](crate::specification), [B13](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TagoioDashboard {
    slots: Vec<Slot>,
    fallback: bool,
    places: Places,
    /// What only a reader of the document can find.
    found: Vec<Finding>,
}

/// A text that is no dashboard of TagoIO's, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {problem}", if .pointer.is_empty() { "at the root".to_owned() } else { format!("at `{}`", Shown(.pointer)) })]
pub struct DashboardError {
    pointer: String,
    problem: String,
}

impl DashboardError {
    /// The place, as a JSON pointer (RFC 6901); empty for the whole text. A field that is missing is reported at the
    /// object that lacks it.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// The document, or what stands in an export as `dashboard`.
#[derive(Deserialize)]
struct Root {
    dashboard: Option<Object<Board>>,
    blueprint_devices: Option<Vec<Object<Device>>>,
    disable_blueprint_fallback: Option<bool>,
    tabs: Option<Vec<Object<Tab>>>,
}

#[derive(Deserialize)]
struct Board {
    blueprint_devices: Option<Vec<Object<Device>>>,
    disable_blueprint_fallback: Option<bool>,
    tabs: Option<Vec<Object<Tab>>>,
}

#[derive(Deserialize)]
struct Device {
    id: Option<String>,
    name: String,
    #[serde(rename = "type")]
    kind: Option<SlotKind>,
    conditions: Option<Vec<Tag>>,
    filter_conditions: Option<Vec<Object<FilterCondition>>>,
    hide_when_empty: Option<bool>,
}

#[derive(Deserialize)]
struct FilterCondition {
    #[serde(rename = "type")]
    kind: String,
    tag_key: String,
    blueprint_device: String,
}

#[derive(Deserialize)]
struct Tab {
    conditions: Option<Vec<IgnoredAny>>,
    hidden: Option<bool>,
}

const TAG_MATCH: &str = "tag_match";

impl TagoioDashboard {
    /// Reads a document.
    ///
    /// # Errors
    /// With the place of what is not JSON, is missing, or has a wrong type.
    pub fn parse(json: &str) -> Result<Self, DashboardError> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let Object(root) =
            serde_path_to_error::deserialize::<_, Object<Root>>(&mut reader).map_err(|error| {
                DashboardError { pointer: pointer(error.path()), problem: shown(error.inner()) }
            })?;
        reader.end().map_err(|error| DashboardError { pointer: String::new(), problem: shown(error) })?;
        let Root { dashboard, blueprint_devices, disable_blueprint_fallback, tabs } = root;
        Ok(match dashboard {
            Some(Object(board)) => Self::of(board, "/dashboard"),
            None => Self::of(Board { blueprint_devices, disable_blueprint_fallback, tabs }, ""),
        })
    }

    fn of(board: Board, above: &str) -> Self {
        let places = Places {
            slots: format!("{above}/blueprint_devices"),
            filters: "filter_conditions",
            other_slot: "blueprint_device",
        };
        let devices: Vec<Device> =
            board.blueprint_devices.into_iter().flatten().map(|Object(it)| it).collect();
        let mut found = Vec::new();
        for (at, device) in devices.iter().enumerate() {
            for (index, Object(filter)) in device.filter_conditions.iter().flatten().enumerate() {
                let place = |part| format!("{}/{at}/filter_conditions/{index}/{part}", places.slots);
                if filter.kind != TAG_MATCH {
                    let sentence = format!(
                        "a filter of type `{}` is not known, and to leave it out would show more: write `{TAG_MATCH}`",
                        filter.kind
                    );
                    found.push(Finding::new(Severity::Broken, place("type"), sentence));
                }
                let named = |other: &&Device| other.name == filter.blueprint_device;
                let by_id = |other: &&Device| other.id.as_ref() == Some(&filter.blueprint_device);
                if let (None, Some(other)) = (devices.iter().find(named), devices.iter().find(by_id)) {
                    let sentence = format!("this is the id of slot `{0}`: write its name, `{0}`", other.name);
                    found.push(Finding::new(Severity::Broken, place("blueprint_device"), sentence));
                }
            }
        }
        for (at, Object(tab)) in board.tabs.into_iter().flatten().enumerate() {
            let place = match tab {
                Tab { conditions: Some(conditions), .. } if !conditions.is_empty() => "conditions",
                Tab { hidden: Some(true), .. } => "hidden",
                _ => continue,
            };
            let sentence = "this decides what is drawn and nothing else: a hidden tab is no access control, so lock the devices \
                            on it or deny them by a policy";
            found.push(Finding::new(Severity::Remark, format!("{above}/tabs/{at}/{place}"), sentence));
        }
        let fallback = board.disable_blueprint_fallback != Some(true);
        Self { slots: devices.into_iter().map(slot).collect(), fallback, places, found }
    }

    /// The slots, in the order of the document.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether a slot that nobody has chosen for is filled by itself.
    pub fn falls_back(&self) -> bool {
        self.fallback
    }

    /// Compiles it, strictly: what the lint finds is refused, remarks apart.
    ///
    /// # Errors
    /// With everything that was found, at its place in the document.
    ///
    /// Rules: [B1](crate::specification).
    pub fn compile(&self, reserved: &[&str]) -> Result<Blueprint, CompileError> {
        self.compile_lenient(reserved)?.strict()
    }

    /// The same, with warnings and remarks beside it.
    ///
    /// # Errors
    /// With everything that was found, if there is something that cannot be compiled.
    ///
    /// Rules: [B1](crate::specification), [B13](crate::specification).
    pub fn compile_lenient(&self, reserved: &[&str]) -> Result<Compiled, CompileError> {
        Compiled::of(self.slots.clone(), self.fallback, reserved, &self.places, self.found.clone())
    }
}

fn slot(device: Device) -> Slot {
    let filters = device.filter_conditions.into_iter().flatten();
    let mut slot = Slot::new(device.name).of_kind(device.kind.unwrap_or_default());
    slot.conditions = device.conditions.unwrap_or_default();
    slot.filters = filters.map(|Object(it)| Filter { key: it.tag_key, slot: it.blueprint_device }).collect();
    slot.hide_when_empty = device.hide_when_empty == Some(true);
    slot
}
