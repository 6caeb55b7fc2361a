//! The resolution: what fills each slot, and what there is to choose from.

use super::{
    address,
    choices::Choices,
    compile::{Blueprint, Tie},
    kept::{Kept, Scope},
    resolve::{Base, Why, find, id_of},
    ties::Ties,
};
use crate::policy::Resource;
use serde::{Serialize, Serializer};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What fills the slots of a blueprint for whoever asked, and why nothing does where nothing does.
///
/// Only the library makes one, of a decision that allows: by [`resolve`](crate::Dashshare::resolve). A query for a widget
/// takes the device from [`placed`](Self::placed), so that a widget whose slot is open has nothing to ask for; there is no
/// value for all devices.
///
/// It is written as JSON with `chosen`, `open`, `hidden` and `address`. [`listed`](Self::listed) is what a selector shows.
///
/// ```compile_fail
/// let resolution = dashshare::blueprint::Resolution::default();
/// ```
///
/// Rules: [B5](crate::specification), [B7](crate::specification), [D5](crate::specification).
#[derive(Clone, Debug)]
pub struct Resolution {
    blueprint: Arc<Blueprint>,
    scope: Scope,
    bases: Vec<Base>,
    filled: Vec<Result<Arc<Resource>, Why>>,
    fallback: bool,
    hidden: BTreeSet<String>,
    address: String,
}

/// A slot that nothing fills, so that there is nothing to read for its widgets.
///
/// Rules: [B7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, thiserror::Error)]
#[error("nothing fills the slot: {}", .why.code())]
#[non_exhaustive]
pub struct SlotUnresolved {
    /// The name of the slot.
    pub slot: String,
    /// Why.
    pub why: Why,
}

impl SlotUnresolved {
    /// The name of its kind, which stays the same whatever its sentence says.
    pub fn code(&self) -> &'static str {
        "slot_unresolved"
    }
}

/// A page of what a selector shows. As JSON it has the ids of the devices and not their tags, which are not for visitors.
///
/// Rules: [B8](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Listed {
    /// The devices, by the bytes of their ids; as many as were asked for unless it is the last page.
    #[serde(serialize_with = "ids")]
    pub devices: Vec<Arc<Resource>>,
    /// The id after which the next page begins; `None` when this is the last.
    pub next: Option<String>,
}

fn ids<S: Serializer>(devices: &[Arc<Resource>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(devices.iter().map(|found| id_of(found)))
}

impl Listed {
    /// The ids of the devices.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.devices.iter().map(|found| id_of(found))
    }
}

impl Resolution {
    pub(super) fn new(
        blueprint: Arc<Blueprint>,
        scope: Scope,
        bases: Vec<Base>,
        filled: Vec<Result<Arc<Resource>, Why>>,
        fallback: bool,
    ) -> Self {
        let mut resolution = Self {
            blueprint,
            scope,
            bases,
            filled,
            fallback,
            hidden: BTreeSet::new(),
            address: String::new(),
        };
        resolution.address = address::write(
            resolution.each().map(|(name, filled)| (name, filled.as_ref().map_or("", |found| id_of(found)))),
        );
        let slots = resolution.blueprint.slots().iter();
        let hidden = slots.filter(|slot| slot.hide_when_empty && resolution.is_empty(&slot.name));
        resolution.hidden = hidden.map(|slot| slot.name.clone()).collect();
        resolution
    }

    /// The slots by name with what fills them.
    fn each(&self) -> impl Iterator<Item = (&str, &Result<Arc<Resource>, Why>)> {
        self.blueprint.slots().iter().map(|slot| slot.name.as_str()).zip(&self.filled)
    }

    /// The device that fills a slot: what a query for a widget is built with, and the only thing.
    ///
    /// # Errors
    /// [`SlotUnresolved`] where nothing does: the widget gets no query and no data. A slot that the blueprint does not
    /// have is one that nobody named.
    ///
    /// Rules: [B7](crate::specification).
    pub fn placed(&self, slot: &str) -> Result<&Arc<Resource>, SlotUnresolved> {
        let filled = self.blueprint.place_of(slot).and_then(|at| self.filled.get(at));
        match filled {
            Some(Ok(found)) => Ok(found),
            Some(Err(why)) => Err(SlotUnresolved { slot: slot.to_owned(), why: why.clone() }),
            None => Err(SlotUnresolved { slot: slot.to_owned(), why: Why::NotNamed }),
        }
    }

    /// Every slot that something fills, with its id.
    pub fn chosen(&self) -> BTreeMap<&str, &str> {
        self.each().filter_map(|(name, filled)| Some((name, id_of(filled.as_ref().ok()?)))).collect()
    }

    /// Every slot that nothing fills, with why.
    pub fn open(&self) -> BTreeMap<&str, &Why> {
        self.each().filter_map(|(name, filled)| Some((name, filled.as_ref().err()?))).collect()
    }

    /// The slots whose selectors are not drawn. It is presentation: what may be read is [`placed`](Self::placed).
    ///
    /// Rules: [B8](crate::specification).
    pub fn hidden(&self) -> &BTreeSet<String> {
        &self.hidden
    }

    /// The canonical address: `name=id` for every slot, by the bytes of the names, with nothing behind the `=` of a slot
    /// that nothing fills. Asked for again it gives the same. Where many names and ids are long it is longer than what
    /// [`Choices::parse`] reads; a page gives such choices by name.
    ///
    /// Rules: [B9](crate::specification).
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the selector of a slot shows, in pages: with fallback what may fill it beside the slots that it depends on,
    /// by id; else what fills it, alone. A page goes on after an id, so none is left out or twice while devices come and
    /// go.
    ///
    /// Rules: [B8](crate::specification).
    pub fn listed(&self, slot: &str, after: Option<&str>, limit: usize) -> Listed {
        let Some(at) = self.blueprint.place_of(slot) else {
            return Listed { devices: Vec::new(), next: None };
        };
        let from = after.map_or(0, |after| match self.base(at) {
            Some(base) => find(base, after).map_or_else(|next| next, |found| found.saturating_add(1)),
            None => 0,
        });
        let mut found = self.candidates(at).skip_while(|(place, _)| *place < from);
        let devices: Vec<Arc<Resource>> = found.by_ref().take(limit).map(|(_, it)| Arc::clone(it)).collect();
        let next = devices.last().filter(|_| found.next().is_some()).map(|last| id_of(last).to_owned());
        Listed { devices, next }
    }

    fn is_empty(&self, slot: &str) -> bool {
        let at = self.blueprint.place_of(slot);
        at.is_some_and(|at| {
            !matches!(self.filled.get(at), Some(Ok(_))) && self.candidates(at).next().is_none()
        })
    }

    fn base(&self, at: usize) -> Option<&Base> {
        self.bases.get(at)
    }

    /// What is listed for a slot, with the places in its base.
    fn candidates(&self, at: usize) -> impl Iterator<Item = (usize, &Arc<Resource>)> {
        let alone = self.filled.get(at).and_then(|filled| filled.as_ref().ok());
        let is_listed = move |found: &Arc<Resource>| {
            self.fallback || alone.is_some_and(|alone| id_of(alone) == id_of(found))
        };
        self.fitting(at).filter(move |(_, found)| is_listed(found))
    }

    /// What may fill a slot beside the slots that it depends on itself, so that what it is tied to can be switched.
    fn fitting(&self, at: usize) -> impl Iterator<Item = (usize, &Arc<Resource>)> {
        let placed = |tie: &Tie| self.filled.get(tie.other)?.as_ref().ok();
        let own = self.blueprint.own_ties(at).iter();
        let ties = Ties::new(own.filter_map(|tie| Some((tie.key.as_str(), placed(tie)?.as_ref()))));
        let base = self.base(at).into_iter().flat_map(|base| base.iter());
        base.enumerate().filter(move |(_, found)| ties.hold(found))
    }

    /// How many devices could be listed for a slot if all were.
    pub(crate) fn count_fitting(&self, at: usize) -> usize {
        self.fitting(at).count()
    }

    /// How many devices could fill a slot if it had no filters.
    pub(crate) fn count_base(&self, at: usize) -> usize {
        self.base(at).map_or(0, |base| base.len())
    }

    /// What fills the slots, to be brought the next time.
    ///
    /// Rules: [B10](crate::specification).
    pub fn kept(&self) -> Kept {
        let mut kept = Kept::new(self.scope);
        for (slot, filled) in self.blueprint.slots().iter().zip(&self.filled) {
            if let Ok(found) = filled {
                kept.note(slot, id_of(found));
            }
        }
        kept
    }

    /// The choices of somebody who picks a device in the page: that one for its slot, and for the rest what fills them
    /// now, as far as it still fits. Where nothing is filled by itself there is nothing to pick from, and the rest is left
    /// open: such a page asks with an address that names every slot.
    ///
    /// Rules: [B12](crate::specification).
    pub fn choosing(&self, slot: &str, device: &str) -> Choices {
        let picked = self.blueprint.place_of(slot).and_then(|at| self.blueprint.slots().get(at));
        let kept = picked.map_or_else(|| self.kept(), |picked| self.kept().without(picked));
        Choices::default().choose(slot, device).keeping(kept)
    }
}

impl Serialize for Resolution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            chosen: BTreeMap<&'a str, &'a str>,
            open: BTreeMap<&'a str, &'a Why>,
            hidden: &'a BTreeSet<String>,
            address: &'a str,
        }
        let Self { hidden, address, .. } = self;
        Members { chosen: self.chosen(), open: self.open(), hidden, address }.serialize(serializer)
    }
}
