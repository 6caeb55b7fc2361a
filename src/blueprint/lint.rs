//! The lint: what makes a blueprint useless or wider than it looks (B1).

use super::slot::Slot;
use crate::value::{Shown, shown};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong, and somebody may take it for more than it is.
    Remark,
    /// It works, and may not be what was meant. A strict compile refuses it.
    Warning,
    /// It cannot be compiled.
    Broken,
}

/// Something that the lint found. Its `Display` says where it is and how to mend it.
///
/// Rules: [B1](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    severity: Severity,
    pointer: String,
    sentence: String,
}

impl Finding {
    pub(super) fn new(severity: Severity, pointer: String, sentence: impl fmt::Display) -> Self {
        Self { severity, pointer, sentence: shown(sentence) }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Its place, as a JSON pointer (RFC 6901): into the document that it was read from, or into
    /// `{"slots": […]}` as the slots were given.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What is the matter, and how to mend it.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", Shown(&self.pointer), self.sentence)
    }
}

/// How the places of a format are called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Places {
    pub(super) slots: String,
    pub(super) filters: &'static str,
    pub(super) other_slot: &'static str,
}

impl Places {
    /// Those of slots that were given as they are.
    pub(super) fn own() -> Self {
        Self { slots: "/slots".to_owned(), filters: "filters", other_slot: "slot" }
    }

    fn of(&self, slot: usize, part: &str) -> String {
        format!("{}/{slot}/{part}", self.slots)
    }

    fn of_filter(&self, slot: usize, filter: usize) -> String {
        format!("{}/{slot}/{}/{filter}/{}", self.slots, self.filters, self.other_slot)
    }
}

/// How many slots a blueprint has at the most.
pub(super) const MOST_SLOTS: usize = 20;
/// How many bytes the name of a slot has at the most.
pub(super) const LONGEST_NAME: usize = 100;

/// Everything that is the matter with slots, in their order.
pub(super) fn lint(slots: &[Slot], reserved: &[&str], places: &Places) -> Vec<Finding> {
    let mut lint = Lint { slots, places, by_name: BTreeMap::new(), findings: Vec::new() };
    if slots.len() > MOST_SLOTS {
        let sentence = format!(
            "a blueprint has {MOST_SLOTS} slots at the most, and this one has {}: leave some out",
            slots.len()
        );
        lint.note(Severity::Broken, places.slots.clone(), sentence);
        return lint.findings;
    }
    for (at, slot) in slots.iter().enumerate() {
        lint.name(at, slot, reserved);
    }
    for (at, slot) in slots.iter().enumerate() {
        if slot.conditions.is_empty() {
            lint.note(
                Severity::Warning,
                places.of(at, "conditions"),
                format!(
                    "slot `{}` has no condition, so everything of its kind that somebody may see can fill it: name a tag",
                    slot.name
                ),
            );
        }
        lint.filters(at, slot);
    }
    lint.findings
}

struct Lint<'a> {
    slots: &'a [Slot],
    places: &'a Places,
    /// The first slot of each name.
    by_name: BTreeMap<&'a str, usize>,
    findings: Vec<Finding>,
}

impl<'a> Lint<'a> {
    fn note(&mut self, severity: Severity, pointer: String, sentence: String) {
        self.findings.push(Finding::new(severity, pointer, sentence));
    }

    fn name(&mut self, at: usize, slot: &'a Slot, reserved: &[&str]) {
        let name = slot.name.as_str();
        let sentence = if name.is_empty() {
            Some("a slot needs a name: its address names it".to_owned())
        } else if name.len() > LONGEST_NAME {
            Some(format!(
                "the name of a slot has {LONGEST_NAME} bytes at the most, and this one has {}: shorten it",
                name.len()
            ))
        } else if reserved.contains(&name) {
            Some(format!("`{name}` stands for something else in an address: call the slot otherwise"))
        } else if self.by_name.contains_key(name) {
            Some(format!(
                "there is a slot `{name}` before, so an address cannot tell them apart: call one of them otherwise"
            ))
        } else {
            None
        };
        self.by_name.entry(name).or_insert(at);
        if let Some(sentence) = sentence {
            self.note(Severity::Broken, self.places.of(at, "name"), sentence);
        }
    }

    fn filters(&mut self, at: usize, slot: &'a Slot) {
        for (index, filter) in slot.filters.iter().enumerate() {
            let place = self.places.of_filter(at, index);
            let other = self.by_name.get(filter.slot.as_str()).and_then(|other| self.slots.get(*other));
            match other {
                None => {
                    let sentence = format!(
                        "there is no slot `{}`, so nothing could ever fill slot `{}`: name another one, or leave the filter out",
                        filter.slot, slot.name
                    );
                    self.note(Severity::Broken, place, sentence);
                }
                Some(other) if other.name == slot.name => {
                    let sentence = format!(
                        "slot `{}` waits for itself: name another one, or leave the filter out",
                        slot.name
                    );
                    self.note(Severity::Broken, place, sentence);
                }
                Some(other) => {
                    if let Some(sentence) = apart(slot, other, &filter.key) {
                        self.note(Severity::Warning, place, sentence);
                    }
                }
            }
        }
    }
}

/// Why two slots are never both filled, if they are not: their conditions ask for different values of the key that they
/// must have in common.
fn apart(slot: &Slot, other: &Slot, key: &str) -> Option<String> {
    let values = |slot: &'_ Slot| -> BTreeSet<String> {
        slot.conditions.iter().filter(|tag| tag.key == key).map(|tag| tag.value.clone()).collect()
    };
    let (ours, theirs) = (values(slot), values(other));
    let mine = ours.first().filter(|_| ours.is_disjoint(&theirs))?;
    let yours = theirs.first()?;
    Some(format!(
        "slots `{}` and `{}` must have a `{key}` in common, and their conditions ask for `{mine}` and `{yours}`: both can \
         be filled only by what has several",
        slot.name, other.name
    ))
}
