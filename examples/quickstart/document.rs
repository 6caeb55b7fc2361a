//! Reads a dashboard document in TagoIO's format, as far as the story needs it. Sharing itself needs none of this: the
//! library knows a dashboard by its id alone.

use dashshare::DashboardId;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// What the story tells of a dashboard.
pub(crate) struct Document {
    pub(crate) id: DashboardId,
    pub(crate) label: String,
    pub(crate) is_blueprint: bool,
    /// How many widgets there are of each type.
    pub(crate) widgets: BTreeMap<String, usize>,
    pub(crate) tabs: Vec<String>,
    /// The devices whose data it shows, with what the document calls them.
    pub(crate) devices: BTreeMap<String, String>,
}

// The format, with every member optional: documents in the wild leave out or null what they do not use.

#[derive(Deserialize)]
struct File {
    dashboard: Board,
    widgets: Option<Vec<Widget>>,
}

#[derive(Deserialize)]
struct Board {
    id: Option<String>,
    label: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    tabs: Option<Vec<Tab>>,
    blueprint_devices: Option<Vec<Slot>>,
    setup: Option<Setup>,
}

#[derive(Deserialize)]
struct Tab {
    value: Option<String>,
}

/// A blueprint device: a place in the dashboard that a device is put into.
#[derive(Deserialize)]
struct Slot {
    id: String,
    name: Option<String>,
    label: Option<String>,
}

#[derive(Deserialize)]
struct Setup {
    blueprint_devices: Option<BTreeMap<String, Filling>>,
    config: Option<Vec<Device>>,
}

#[derive(Deserialize)]
struct Filling {
    device: Option<Device>,
}

#[derive(Deserialize)]
struct Device {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Widget {
    #[serde(rename = "type")]
    kind: Option<String>,
    data: Option<Vec<Query>>,
}

#[derive(Deserialize)]
struct Query {
    /// A device, or a slot of a blueprint.
    origin: Option<String>,
}

impl Document {
    /// Reads a document, or says in a sentence why that cannot be done.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {name}: {error}"))?;
        let file: File = serde_json::from_str(&text).map_err(|error| match error.is_data() {
            true => format!("{name} is not a dashboard document: {error}"),
            false => format!("{name} is not JSON: {error}"),
        })?;
        Ok(file.into())
    }
}

impl From<File> for Document {
    fn from(file: File) -> Self {
        let board = file.dashboard;
        let widgets = file.widgets.unwrap_or_default();
        let mut kinds = BTreeMap::new();
        for widget in &widgets {
            *kinds.entry(clean(widget.kind.as_deref().unwrap_or("untyped"))).or_insert(0) += 1;
        }
        let tabs = board.tabs.unwrap_or_default().into_iter().filter_map(|tab| tab.value);
        Self {
            id: board.id.as_deref().and_then(dashboard_id).unwrap_or(DashboardId::from(1u64)),
            label: board.label.map_or("Untitled dashboard".to_owned(), |label| clean(&label)),
            is_blueprint: board.kind.as_deref() == Some("blueprint"),
            widgets: kinds,
            tabs: tabs.map(|tab| clean(&tab)).collect(),
            devices: devices(&widgets, board.blueprint_devices.unwrap_or_default(), board.setup),
        }
    }
}

/// TagoIO's ids are 12 bytes in hexadecimal. Read as a number, they are just what a [`DashboardId`] holds.
fn dashboard_id(text: &str) -> Option<DashboardId> {
    u128::from_str_radix(text, 16).ok().map(DashboardId::from)
}

/// The devices behind the widgets: slots of a blueprint are replaced by the devices that fill them.
fn devices(widgets: &[Widget], slots: Vec<Slot>, setup: Option<Setup>) -> BTreeMap<String, String> {
    let (fillings, config) = setup.map_or((None, None), |setup| (setup.blueprint_devices, setup.config));
    let mut fillings = fillings.unwrap_or_default();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for device in config.unwrap_or_default() {
        names.extend(device.name.map(|name| (device.id, clean(&name))));
    }
    let mut fills: BTreeMap<String, String> = BTreeMap::new();
    for slot in slots {
        let device = fillings.remove(&slot.id).and_then(|filling| filling.device);
        let device = device.map_or(slot.id.clone(), |device| device.id);
        names.extend(slot.label.or(slot.name).map(|name| (device.clone(), clean(&name))));
        fills.insert(slot.id, device);
    }
    let queries = widgets.iter().flat_map(|widget| widget.data.iter().flatten());
    let origins: BTreeSet<&String> = queries.filter_map(|query| query.origin.as_ref()).collect();
    let shown = origins.into_iter().map(|origin| fills.get(origin).unwrap_or(origin));
    shown.map(|device| (clean(device), names.get(device).cloned().unwrap_or_default())).collect()
}

/// A text of the document as it may be printed to a terminal: on one line, not too long, without control characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(48).collect()
}
