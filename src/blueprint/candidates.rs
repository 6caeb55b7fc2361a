//! The devices that somebody may see on a blueprint, and what becomes of choices among them.

use super::{
    choices::{Choices, Named},
    compile::Blueprint,
    kept::{Kept, Scope},
    resolution::Resolution,
    resolve::{Asked, Base, among, fill},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What may fill the slots of a blueprint for whoever asked: the devices that meet the conditions and that a decision
/// lets its asker see.
///
/// Only the library makes one, by [`candidates`](crate::Dashshare::candidates), for a page that resolves several times
/// while it answers one request. It knows nothing of what changes later: keep it no longer than the decision that it was
/// made of, and not from one request to the next.
///
/// Rules: [B2](crate::specification), [B3](crate::specification), [B7](crate::specification).
#[derive(Clone, Debug)]
pub struct Candidates {
    blueprint: Arc<Blueprint>,
    scope: Scope,
    /// By the places of the blueprint's wants.
    found: Vec<Base>,
    /// What the terms of whoever let the asker in fix.
    fixed: BTreeMap<String, BTreeSet<String>>,
    named_only: bool,
}

impl Candidates {
    pub(crate) fn new(
        blueprint: Arc<Blueprint>,
        scope: Scope,
        found: Vec<Base>,
        fixed: BTreeMap<String, BTreeSet<String>>,
        named_only: bool,
    ) -> Self {
        Self { blueprint, scope, found, fixed, named_only }
    }

    /// The blueprint.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Resolves choices. The same choices among the same devices give the same, whatever the order of pairs, devices and
    /// tags.
    ///
    /// Rules: [B5](crate::specification).
    pub fn resolve(&self, choices: &Choices) -> Resolution {
        let slots = self.blueprint.slots();
        let bases: Vec<Base> =
            slots.iter().enumerate().map(|(at, slot)| self.base(at, &slot.name, choices)).collect();
        let kept = |slot| choices.kept.as_ref().and_then(|kept| kept.of(self.scope, slot));
        let asked: Vec<Asked<'_>> = slots
            .iter()
            .zip(&bases)
            .map(|(slot, base)| Asked { base, named: self.named(&slot.name, choices), kept: kept(slot) })
            .collect();
        let fallback = self.blueprint.falls_back() && !self.named_only && !choices.named_only;
        let filled = fill(&self.blueprint, &asked, fallback);
        Resolution::new(Arc::clone(&self.blueprint), self.scope, bases, filled, fallback)
    }

    /// What was chosen before, by the names of slots, for a host that keeps it in a form of its own.
    ///
    /// Rules: [B10](crate::specification).
    pub fn kept<D: AsRef<str>>(&self, chosen: impl IntoIterator<Item = (D, D)>) -> Kept {
        let mut kept = Kept::new(self.scope);
        for (name, device) in chosen {
            let slots = self.blueprint.slots();
            if let Some(slot) = slots.iter().find(|slot| slot.name == name.as_ref()) {
                kept.note(slot, device.as_ref());
            }
        }
        kept
    }

    /// What may fill a slot (B3), of which a fixed one leaves less (B11).
    fn base(&self, at: usize, name: &str, choices: &Choices) -> Base {
        let found = self.blueprint.want_of(at).and_then(|want| self.found.get(want));
        let mut base = found.map_or_else(|| Base::from([]), Arc::clone);
        for fixed in [&self.fixed, &choices.fixed].into_iter().filter_map(|fixed| fixed.get(name)) {
            base = among(&base, fixed);
        }
        base
    }

    /// What was said of a slot: a fixed one of which one device is left counts as named (B11).
    fn named<'a>(&'a self, name: &str, choices: &'a Choices) -> Named<'a> {
        let said = choices.of_slot(name);
        if said != Named::Not {
            return said;
        }
        let (by_terms, by_host) = (self.fixed.get(name), choices.fixed.get(name));
        let in_both = |id: &&String| by_host.is_none_or(|host| host.contains(*id));
        let mut left = by_terms.or(by_host).into_iter().flatten().filter(in_both);
        match (left.next(), left.next()) {
            (Some(only), None) => Named::Device(only),
            _ => said,
        }
    }
}
