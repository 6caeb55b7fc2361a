//! From what may be seen and what is asked for to what is shown, step by step (B5).

use super::{choices::Named, compile::Blueprint, ties::Ties};
use crate::{policy::Resource, value::Tag};
use serde::Serialize;
use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

/// Why nothing fills a slot.
///
/// Rules: [B7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// What was asked for by name is not available, whatever the reason: it is unknown, deleted, another tenant's, not for
    /// whoever asked, of another kind, without the tags, does not fit, or was asked for twice.
    ///
    /// Rules: [B4](crate::specification).
    Refused,
    /// It must have something in common with what fills this slot, and nothing does.
    WaitsFor(String),
    /// Nothing that whoever asked may see fits.
    NoCandidate,
    /// Nobody named anything for it, and it is not filled by itself; or the address leaves it open.
    NotNamed,
}

impl Why {
    /// A stable word for it: `refused`, `waits_for`, `no_candidate` or `not_named`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::WaitsFor(_) => "waits_for",
            Self::NoCandidate => "no_candidate",
            Self::NotNamed => "not_named",
        }
    }
}

/// The devices that may fill a slot, by id.
pub(super) type Base = Arc<[Arc<Resource>]>;

pub(crate) fn id_of(resource: &Resource) -> &str {
    resource.id.as_deref().unwrap_or_default()
}

/// The place of an id among devices in its order.
pub(super) fn find(base: &[Arc<Resource>], id: &str) -> Result<usize, usize> {
    base.binary_search_by(|found| id_of(found).cmp(id))
}

/// What is known of a slot on the way.
#[derive(Clone, Debug)]
enum State {
    Free,
    Placed(Arc<Resource>),
    Open(Why),
}

/// What is asked of one slot.
pub(super) struct Asked<'a> {
    pub(super) base: &'a Base,
    pub(super) named: Named<'a>,
    /// What was chosen before.
    pub(super) kept: Option<&'a str>,
    /// Whether the terms of whoever let the asker in fix it: then nothing is shown without it (K5).
    pub(super) is_fixed: bool,
}

/// Fills the slots: what is named, then, with fallback, what was chosen before and the least that fits; at last what waits
/// for a slot that nothing fills is taken out. Slots are in the document's order within each step (B5). All wait for those
/// that are fixed.
pub(super) fn fill(
    blueprint: &Blueprint,
    asked: &[Asked<'_>],
    fallback: bool,
) -> Vec<Result<Arc<Resource>, Why>> {
    let fixed = (0..).zip(asked).filter(|(_, asked)| asked.is_fixed).map(|(at, _)| at).collect();
    let mut slots = Filling { blueprint, states: vec![State::Free; asked.len()], fixed };
    for (at, asked) in asked.iter().enumerate() {
        let state = match asked.named {
            Named::Not => continue,
            Named::Nothing => State::Open(Why::NotNamed),
            Named::Wrongly => State::Open(Why::Refused),
            Named::Device(id) => {
                slots.available(at, asked.base, id).map_or(State::Open(Why::Refused), State::Placed)
            }
        };
        slots.set(at, state);
    }
    if fallback {
        for (at, asked) in asked.iter().enumerate() {
            if let (true, Some(id)) = (slots.is_free(at), asked.kept)
                && let Some(found) = slots.available(at, asked.base, id)
            {
                slots.set(at, State::Placed(found));
            }
        }
        for (at, asked) in asked.iter().enumerate().collect::<Vec<_>>() {
            if slots.is_free(at) {
                let state = slots.least(at, asked.base).map_or(State::Open(Why::NoCandidate), State::Placed);
                slots.set(at, state);
            }
        }
    }
    slots.take_out_what_waits();
    let ended = |state| match state {
        State::Placed(found) => Ok(found),
        State::Open(why) => Err(why),
        State::Free => Err(Why::NotNamed),
    };
    slots.states.into_iter().map(ended).collect()
}

struct Filling<'a> {
    blueprint: &'a Blueprint,
    states: Vec<State>,
    fixed: Vec<usize>,
}

impl Filling<'_> {
    fn set(&mut self, at: usize, state: State) {
        if let Some(place) = self.states.get_mut(at) {
            *place = state;
        }
    }

    fn is_free(&self, at: usize) -> bool {
        matches!(self.states.get(at), Some(State::Free))
    }

    fn placed(&self, at: usize) -> Option<&Arc<Resource>> {
        match self.states.get(at) {
            Some(State::Placed(found)) => Some(found),
            _ => None,
        }
    }

    fn ties(&self, at: usize) -> Ties<'_> {
        let ties = self.blueprint.all_ties(at).iter();
        Ties::new(ties.filter_map(|tie| Some((tie.key.as_str(), self.placed(tie.other)?.as_ref()))))
    }

    /// The device of this id, if it may fill the slot beside those that are placed.
    fn available(&self, at: usize, base: &Base, id: &str) -> Option<Arc<Resource>> {
        let found = base.get(find(base, id).ok()?)?;
        self.ties(at).hold(found).then(|| Arc::clone(found))
    }

    fn least(&self, at: usize, base: &Base) -> Option<Arc<Resource>> {
        let ties = self.ties(at);
        base.iter().find(|found| ties.hold(found)).cloned()
    }

    fn take_out_what_waits(&mut self) {
        loop {
            let waits =
                (0..self.states.len()).find(|at| self.placed(*at).is_some() && self.waits_for(*at).is_some());
            let Some(at) = waits else { break };
            self.set(at, State::Open(Why::WaitsFor(String::new())));
        }
        // Named only now, so that the order in which they were taken out tells nothing.
        for at in 0..self.states.len() {
            if matches!(self.states.get(at), Some(State::Open(Why::WaitsFor(_)))) {
                let other = self.waits_for(at).and_then(|other| self.blueprint.slots().get(other));
                let name = other.map(|slot| slot.name.clone()).unwrap_or_default();
                self.set(at, State::Open(Why::WaitsFor(name)));
            }
        }
    }

    /// The first slot that nothing fills, of those that a slot's own filters name and those that are fixed.
    fn waits_for(&self, at: usize) -> Option<usize> {
        let named = self.blueprint.own_ties(at).iter().map(|tie| tie.other);
        named.chain(self.fixed.iter().copied()).find(|other| *other != at && self.placed(*other).is_none())
    }
}

/// The devices of a base that are among a set of ids.
pub(super) fn among<'i>(base: &Base, ids: impl IntoIterator<Item = &'i String>) -> Base {
    let mut found: Vec<Arc<Resource>> =
        ids.into_iter().filter_map(|id| base.get(find(base, id).ok()?)).cloned().collect();
    found.sort_by(|a, b| Ord::cmp(id_of(a), id_of(b)));
    found.into()
}

/// The devices of a base that have a value of a key in common with one of others.
pub(super) fn fitting(base: &Base, key: &str, others: &[Arc<Resource>]) -> Base {
    let of_key = |tag: &&Tag| tag.key == key;
    let values: BTreeSet<&str> = others
        .iter()
        .flat_map(|other| other.tags.iter().filter(of_key))
        .map(|tag| tag.value.as_str())
        .collect();
    let fits = |found: &&Arc<Resource>| {
        found.tags.iter().filter(of_key).any(|tag| values.contains(tag.value.as_str()))
    };
    base.iter().filter(fits).cloned().collect()
}

/// Whether devices are in the order of their ids, each id once.
pub(crate) fn is_next(before: Option<&str>, id: &str) -> bool {
    before.is_none_or(|before| Ord::cmp(before, id) == Ordering::Less)
}
