//! The devices that somebody may see on a blueprint, and what becomes of choices among them.

use super::{
    choices::{Choices, Named},
    compile::Blueprint,
    kept::{Kept, Scope},
    resolution::Resolution,
    resolve::{Asked, Base, among, fill, fitting, id_of},
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
    fixed: BTreeMap<String, Fixed>,
    named_only: bool,
}

/// What terms leave of a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fixed {
    pub(crate) ids: BTreeSet<String>,
    /// Whether all terms that let the asker in fix the slot.
    pub(crate) by_all: bool,
}

impl Candidates {
    pub(crate) fn new(
        blueprint: Arc<Blueprint>,
        scope: Scope,
        found: Vec<Base>,
        fixed: BTreeMap<String, Fixed>,
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
        let bases = self.bases(choices);
        let kept = |slot| choices.kept.as_ref().and_then(|kept| kept.of(self.scope, slot));
        let asked: Vec<Asked<'_>> = slots
            .iter()
            .zip(&bases)
            .map(|(slot, base)| Asked {
                base,
                named: self.named(&slot.name, choices),
                kept: kept(slot),
                is_fixed: self.is_fixed(&slot.name, choices),
            })
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

    /// The devices that may fill each slot, whatever is chosen: by the places of the slots.
    pub(crate) fn reach(&self) -> Vec<Vec<String>> {
        let ids = |base: Base| base.iter().map(|found| id_of(found).to_owned()).collect();
        self.bases(&Choices::default()).into_iter().map(ids).collect()
    }

    /// What may fill the slots, of which a fixed one leaves less to those that are tied to it: what fits nothing that may
    /// fill it is never shown.
    fn bases(&self, choices: &Choices) -> Vec<Base> {
        let slots = self.blueprint.slots();
        let all: Vec<Base> =
            slots.iter().enumerate().map(|(at, slot)| self.base(at, &slot.name, choices)).collect();
        let fixed: Vec<bool> = slots.iter().map(|slot| self.is_fixed(&slot.name, choices)).collect();
        let narrowed = all.iter().enumerate().map(|(at, base)| {
            let ties = self.blueprint.all_ties(at).iter().filter(|tie| fixed.get(tie.other) == Some(&true));
            ties.fold(Arc::clone(base), |base, tie| {
                fitting(&base, &tie.key, all.get(tie.other).map_or(&[][..], Arc::as_ref))
            })
        });
        narrowed.collect()
    }

    /// What may fill a slot (B3), of which a fixed one leaves less (B11). To fix what is no slot leaves nothing at all (K2).
    fn base(&self, at: usize, name: &str, choices: &Choices) -> Base {
        let found = self.blueprint.want_of(at).and_then(|want| self.found.get(want));
        if choices.fixed.keys().any(|slot| self.blueprint.place_of(slot).is_none()) {
            return Base::from([]);
        }
        let mut base = found.map_or_else(|| Base::from([]), Arc::clone);
        for ids in
            [self.fixed.get(name).map(|fixed| &fixed.ids), choices.fixed.get(name)].into_iter().flatten()
        {
            base = among(&base, ids);
        }
        base
    }

    fn is_fixed(&self, name: &str, choices: &Choices) -> bool {
        self.fixed.get(name).is_some_and(|fixed| fixed.by_all) || choices.fixed.contains_key(name)
    }

    /// What was said of a slot: a fixed one of which one device is left counts as named (B11).
    fn named<'a>(&'a self, name: &str, choices: &'a Choices) -> Named<'a> {
        let said = choices.of_slot(name);
        if said != Named::Not {
            return said;
        }
        let (by_terms, by_host) = (self.fixed.get(name).map(|fixed| &fixed.ids), choices.fixed.get(name));
        let in_both = |id: &&String| by_host.is_none_or(|host| host.contains(*id));
        let mut left = by_terms.or(by_host).into_iter().flatten().filter(in_both);
        match (left.next(), left.next()) {
            (Some(only), None) => Named::Device(only),
            _ => said,
        }
    }
}
