//! What somebody who chooses a lock should know before, and after: what of it does nothing, and what it does not cover.

use super::{
    meet::Lock,
    query::{Query, SLOT, Variables},
    selectors::{DeviceSelector, VariableSelector},
    window::Range,
};
use crate::value::{Shown, Tag, Timestamp};
use serde::Serialize;
use std::{collections::BTreeSet, fmt};

/// A widget of a dashboard, as far as a lock has to do with it: what the host knows of its own document.
///
/// ```
/// use dashshare::lock::{Query, ReadKind, Widget};
/// let chart = Widget::reading("w1", [Query::new(ReadKind::Series, "pump-1", "temp").applying("site")]);
/// let text = Widget::fixed("w2");
/// # assert_ne!(chart, text);
/// ```
///
/// Rules: [K26](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Widget {
    /// Its name.
    pub id: String,
    /// What it reads, each with the parameters that it applies and with the range that is fixed for it, if one is.
    pub reads: Vec<Query>,
}

impl Widget {
    /// One that reads data.
    pub fn reading(id: impl Into<String>, reads: impl IntoIterator<Item = Query>) -> Self {
        Self { id: id.into(), reads: reads.into_iter().collect() }
    }

    /// One that holds a text, an image, mock data or a snapshot, and reads nothing.
    pub fn fixed(id: impl Into<String>) -> Self {
        Self { id: id.into(), reads: Vec::new() }
    }
}

/// A device that a dashboard shows.
pub(crate) struct ShownDevice<'a> {
    pub(crate) id: &'a str,
    pub(crate) tags: &'a [Tag],
    pub(crate) variables: Variables,
}

/// Something about a lock on a dashboard that whoever chooses it should know. Its `Display` is a sentence.
///
/// Rules: [K26](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LockFinding {
    /// The lock names a device that the dashboard does not show.
    DeviceNotShown(String),
    /// No device that the dashboard shows has this tag.
    TagOfNoDevice(Tag),
    /// Whoever may put this tag on a device of the dashboard may open that device by it.
    OpensWhatIsTagged(Tag),
    /// The lock names a variable that the dashboard does not show.
    VariableNotShown(VariableSelector),
    /// The widget is not filtered by this parameter, so it will be blank (K5).
    WillBeBlank {
        /// The widget.
        widget: String,
        /// The parameter.
        parameter: String,
    },
    /// The lock fixes something that is no slot of the dashboard, so all of it will be blank (K2).
    NoSuchSlot(String),
    /// The range that is fixed for the widget lies outside of the window, so it will be blank.
    RangeOutside {
        /// The widget.
        widget: String,
    },
    /// The widget holds a text, an image, mock data or a snapshot: no lock covers that.
    NotCovered {
        /// The widget.
        widget: String,
    },
    /// The lock admits nothing of what the dashboard shows, as of now.
    ShowsNothingNow,
}

impl fmt::Display for LockFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeviceNotShown(device) => {
                write!(f, "the dashboard does not show device `{}`", Shown(device))
            }
            Self::TagOfNoDevice(Tag { key, value }) => {
                write!(f, "no device of the dashboard has the tag {}={}", Shown(key), Shown(value))
            }
            Self::OpensWhatIsTagged(Tag { key, value }) => write!(
                f,
                "whoever may put the tag {}={} on a device may open the device by it",
                Shown(key),
                Shown(value)
            ),
            Self::VariableNotShown(variable) => {
                write!(f, "the dashboard does not show the variable {}", Shown(&variable.to_string()))
            }
            Self::WillBeBlank { widget, parameter } => write!(
                f,
                "widget `{}` is not filtered by `{}`, so it will be blank",
                Shown(widget),
                Shown(parameter)
            ),
            Self::NoSuchSlot(slot) => {
                write!(f, "the dashboard has no slot `{}`, so all of it will be blank", Shown(slot))
            }
            Self::RangeOutside { widget } => {
                write!(f, "the range of widget `{}` lies outside, so it will be blank", Shown(widget))
            }
            Self::NotCovered { widget } => {
                write!(f, "widget `{}` holds something that no lock covers", Shown(widget))
            }
            Self::ShowsNothingNow => f.write_str("as of now this shows nothing at all"),
        }
    }
}

impl Lock {
    /// What is to be known about it on a dashboard that shows these devices, in these slots among others, by these widgets.
    pub(crate) fn findings(
        &self,
        devices: &[ShownDevice<'_>],
        slots: &BTreeSet<String>,
        widgets: &[Widget],
        now: Timestamp,
    ) -> BTreeSet<LockFinding> {
        let mut found = BTreeSet::new();
        for selector in self.devices.iter().flatten() {
            match selector {
                DeviceSelector::Id(id) if devices.iter().all(|device| device.id != id) => {
                    found.insert(LockFinding::DeviceNotShown(id.clone()));
                }
                DeviceSelector::Id(_) => {}
                DeviceSelector::Tag(tag) => {
                    if devices.iter().all(|device| !device.tags.contains(tag)) {
                        found.insert(LockFinding::TagOfNoDevice(tag.clone()));
                    }
                    found.insert(LockFinding::OpensWhatIsTagged(tag.clone()));
                }
            }
        }
        for selector in self.variables.iter().flatten() {
            let is_shown = devices.iter().any(|device| match selector {
                VariableSelector::Named(name) => device.variables.has(name),
                VariableSelector::Of { device: of, name } => device.id == of && device.variables.has(name),
            });
            if !is_shown {
                found.insert(LockFinding::VariableNotShown(selector.clone()));
            }
        }
        let unknown = self.slots().map(|(slot, _)| slot).filter(|slot| !slots.contains(*slot));
        found.extend(unknown.map(|slot| LockFinding::NoSuchSlot(slot.to_owned())));
        let window = self.window(now);
        for widget in widgets {
            self.of_widget(widget, window, &mut found);
        }
        if self.is_empty() || window.is_empty() || !devices.iter().any(|device| self.shows(device)) {
            found.insert(LockFinding::ShowsNothingNow);
        }
        found
    }

    fn of_widget(&self, widget: &Widget, window: Range, found: &mut BTreeSet<LockFinding>) {
        let id = &widget.id;
        if widget.reads.is_empty() {
            found.insert(LockFinding::NotCovered { widget: id.clone() });
        }
        for query in &widget.reads {
            let is_applied = |name: &&String| query.applies.contains(*name) || name.starts_with(SLOT);
            let unapplied = self.parameters.keys().filter(|name| !is_applied(name));
            found.extend(
                unapplied
                    .map(|name| LockFinding::WillBeBlank { widget: id.clone(), parameter: name.clone() }),
            );
            if query.range != Range::EVER && query.range.intersection(window).is_empty() {
                found.insert(LockFinding::RangeOutside { widget: id.clone() });
            }
        }
    }

    /// Whether it lets through some variable of a device that the dashboard shows, as far as names tell.
    pub(crate) fn shows(&self, device: &ShownDevice<'_>) -> bool {
        let passes = |name: &str| device.variables.has(name) && self.variables.pass(device.id, name);
        let named = self.variables.iter().flatten().any(|selector| match selector {
            VariableSelector::Named(name) | VariableSelector::Of { name, .. } => passes(name),
        });
        self.devices.pass(device.id, device.tags) && (self.variables.is_open() || named)
    }
}
