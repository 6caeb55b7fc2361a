//! The blueprint: slots that have passed the lint, with what ties them.

use super::{
    lint::{Finding, Places, Severity, lint},
    slot::{Slot, SlotKind},
};
use crate::{policy::Resource, value::Tag};
use std::collections::{BTreeMap, BTreeSet};

/// Names that stand for something else in the addresses of dashboards, unless a host has others.
///
/// Rules: [B1](crate::specification).
pub const RESERVED: &[&str] = &["tab", "token", "anonymousToken"];

/// A dashboard whose widgets are bound to slots instead of devices, so that everybody sees one's own devices on it.
///
/// ```
/// use dashshare::blueprint::{Blueprint, RESERVED, Slot};
/// let site = Slot::new("Site").with_condition("type", "site");
/// let sensor = Slot::new("Sensor").with_condition("type", "sensor").with_filter("site", "Site");
/// let blueprint = Blueprint::compile(vec![site, sensor.clone()], true, RESERVED)?;
/// assert_eq!(blueprint.slots().len(), 2);
///
/// let refused = Blueprint::compile(vec![sensor], true, RESERVED).unwrap_err();
/// assert_eq!(refused.findings()[0].pointer(), "/slots/0/filters/0/slot");
/// # Ok::<(), dashshare::blueprint::CompileError>(())
/// ```
///
/// Rules: [B1](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Blueprint {
    slots: Vec<Slot>,
    fallback: bool,
    /// What a directory is asked for: each kind with its conditions once.
    wants: Vec<Want>,
    /// Which of them fill each slot.
    want_of: Vec<usize>,
    /// The filters of each slot itself.
    own: Vec<Vec<Tie>>,
    /// The same with the filters of other slots that name it.
    all: Vec<Vec<Tie>>,
}

/// What fills a slot, before anybody's leave and the filters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Want {
    pub(crate) kind: SlotKind,
    /// Sorted, each once.
    pub(crate) conditions: Vec<Tag>,
}

impl Want {
    /// Whether something is of the kind, and has every tag.
    pub(crate) fn admits(&self, found: &Resource) -> bool {
        found.kind == self.kind.word() && self.conditions.iter().all(|tag| found.tags.contains(tag))
    }
}

/// A key of which what fills a slot has a value in common with what fills another one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Tie {
    /// The place of the other slot.
    pub(super) other: usize,
    pub(super) key: String,
}

/// What came of a compile that was not strict.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Compiled {
    /// The blueprint.
    pub blueprint: Blueprint,
    /// What the lint has to say, in the order of the slots; nothing of it is [`Severity::Broken`].
    pub findings: Vec<Finding>,
}

/// Why slots were not compiled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the blueprint is refused: {}", .findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CompileError {
    findings: Vec<Finding>,
}

impl CompileError {
    /// Everything that stands in the way, in the order of the slots.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The name of its kind, which stays the same whatever its sentence says.
    pub fn code(&self) -> &'static str {
        "bad_blueprint"
    }
}

impl Blueprint {
    /// Compiles slots, strictly: what the lint finds is refused. `fallback` says whether a slot that nobody has chosen for
    /// is filled by itself; `reserved` are the names that no slot may have, such as [`RESERVED`].
    ///
    /// # Errors
    /// With everything that the lint found, warnings too.
    ///
    /// Rules: [B1](crate::specification).
    pub fn compile(slots: Vec<Slot>, fallback: bool, reserved: &[&str]) -> Result<Self, CompileError> {
        Compiled::of(slots, fallback, reserved, &Places::own(), Vec::new())?.strict()
    }

    /// The same, with warnings beside it: for blueprints that were in use before there was a lint.
    ///
    /// # Errors
    /// With everything that cannot be compiled.
    ///
    /// Rules: [B1](crate::specification).
    pub fn compile_lenient(
        slots: Vec<Slot>,
        fallback: bool,
        reserved: &[&str],
    ) -> Result<Compiled, CompileError> {
        Compiled::of(slots, fallback, reserved, &Places::own(), Vec::new())
    }

    /// The slots, in the order of the document.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether a slot that nobody has chosen for is filled by itself.
    ///
    /// Rules: [B6](crate::specification).
    pub fn falls_back(&self) -> bool {
        self.fallback
    }

    /// Whether the dashboard shows something: whether it is of the kind of some slot and meets its conditions.
    ///
    /// Rules: [B2](crate::specification).
    pub fn shows(&self, found: &Resource) -> bool {
        self.wants.iter().any(|want| want.admits(found))
    }

    pub(crate) fn wants(&self) -> &[Want] {
        &self.wants
    }

    /// Which of [`wants`](Self::wants) fills a slot.
    pub(crate) fn want_of(&self, slot: usize) -> Option<usize> {
        self.want_of.get(slot).copied()
    }

    pub(crate) fn place_of(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    pub(super) fn own_ties(&self, slot: usize) -> &[Tie] {
        self.own.get(slot).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all_ties(&self, slot: usize) -> &[Tie] {
        self.all.get(slot).map_or(&[], Vec::as_slice)
    }

    /// Slots whose names are told apart, and whose filters name one another.
    fn of(slots: Vec<Slot>, fallback: bool) -> Self {
        let places: BTreeMap<&str, usize> =
            slots.iter().enumerate().map(|(at, slot)| (slot.name.as_str(), at)).collect();
        let mut own = vec![BTreeSet::new(); slots.len()];
        let mut all = own.clone();
        for (at, slot) in slots.iter().enumerate() {
            for filter in &slot.filters {
                let Some(other) = places.get(filter.slot.as_str()).copied() else { continue };
                let tie = |other| Tie { other, key: filter.key.clone() };
                own.get_mut(at).map(|ties| ties.insert(tie(other)));
                all.get_mut(at).map(|ties| ties.insert(tie(other)));
                all.get_mut(other).map(|ties| ties.insert(tie(at)));
            }
        }
        let mut wants: Vec<Want> = Vec::new();
        let mut want_of = Vec::with_capacity(slots.len());
        for slot in &slots {
            let conditions: BTreeSet<Tag> = slot.conditions.iter().cloned().collect();
            let want = Want { kind: slot.kind, conditions: conditions.into_iter().collect() };
            let known = wants.iter().position(|known| *known == want);
            want_of.push(known.unwrap_or(wants.len()));
            if known.is_none() {
                wants.push(want);
            }
        }
        let listed = |ties: Vec<BTreeSet<Tie>>| ties.into_iter().map(|it| it.into_iter().collect()).collect();
        Self { fallback, wants, want_of, own: listed(own), all: listed(all), slots }
    }
}

impl Compiled {
    /// Lints and compiles; `before` is what the reader of a document has found.
    pub(super) fn of(
        slots: Vec<Slot>,
        fallback: bool,
        reserved: &[&str],
        places: &Places,
        before: Vec<Finding>,
    ) -> Result<Self, CompileError> {
        let mut findings = before;
        findings.extend(lint(&slots, reserved, places));
        if findings.iter().any(|finding| finding.severity() == Severity::Broken) {
            return Err(CompileError { findings });
        }
        Ok(Self { blueprint: Blueprint::of(slots, fallback), findings })
    }

    pub(super) fn strict(self) -> Result<Blueprint, CompileError> {
        match self.findings.iter().any(|finding| finding.severity() > Severity::Remark) {
            true => Err(CompileError { findings: self.findings }),
            false => Ok(self.blueprint),
        }
    }
}
