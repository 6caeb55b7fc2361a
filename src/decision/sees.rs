//! The ways by which a decision lets its asker see devices, and what its terms fix of a blueprint's slots.

use super::{
    answer::{Asker, Basis, Decision, Held},
    pieces::Admits,
};
use crate::{
    blueprint::{Blueprint, Fixed, Scope, Who},
    policy::Resource,
    sharing::{Consulted, Locks, Said},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Whether a device may be seen, and if not, what is in the way first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Yes,
    NotByPolicies,
    /// What let the asker in leaves the device out.
    NotByLock,
}

/// One way to see devices: as the owner, by a grant, the link or a policy.
#[derive(Clone, Debug)]
struct Way {
    by: Admits,
    locks: Locks,
}

/// The ways by which somebody sees devices. What two of them show is never put together (K14).
#[derive(Clone, Debug)]
pub(crate) struct Ways<'a> {
    ways: Vec<Way>,
    /// Whether a device is seen only where the policies allow it.
    is_by_policies: bool,
    /// As whom policies are asked about devices.
    consulted: Option<&'a Consulted>,
}

impl<'a> Ways<'a> {
    /// Those of visitors, by a link with these locks.
    pub(crate) fn of_link(locks: Locks, consulted: &'a Consulted, blueprint: &Blueprint) -> Self {
        let ways = vec![Way { by: Admits::Link, locks }];
        Self { ways, is_by_policies: true, consulted: Some(consulted) }.knowing(blueprint)
    }

    /// The same without those that fix what is no slot of the blueprint: what is not known lets nothing through (K2).
    fn knowing(mut self, blueprint: &Blueprint) -> Self {
        self.ways.retain(|way| way.locks.slots().all(|slot| blueprint.place_of(slot).is_some()));
        self
    }

    /// Each by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Admits, Self)> {
        self.ways.iter().map(|way| (way.by, Self { ways: vec![way.clone()], ..self.clone() }))
    }

    /// Whether the asker may see a device that the dashboard shows (B2): owners and grantees unless a policy denies it to
    /// them, visitors and whoever a policy let in only what the policies allow. The same as of `authorize_device` (D3).
    pub(crate) fn see(&self, device: &Resource) -> Seen {
        let said = self.consulted.map_or(Said::Nothing, |consulted| consulted.of_device(device));
        let is_allowed = matches!(said, Said::Allowed);
        if matches!(said, Said::Denied(_)) || (self.is_by_policies && !is_allowed) {
            return Seen::NotByPolicies;
        }
        match self.ways.iter().any(|way| way.passes(device, is_allowed)) {
            false => Seen::NotByLock,
            true => Seen::Yes,
        }
    }

    /// The devices that slots are fixed to, by the parameters `slot:<name>` of the locks (B11), for slots with what may fill
    /// them. Of one way they are the ids in its locks; of several those that one of them lets into the slot by itself.
    pub(crate) fn fixed_slots<'s>(
        &self,
        slots: impl IntoIterator<Item = (&'s str, &'s [Arc<Resource>])>,
    ) -> BTreeMap<String, Fixed> {
        let mut fixed = BTreeMap::new();
        for (slot, found) in slots {
            let named: Vec<Option<BTreeSet<String>>> =
                self.ways.iter().map(|way| way.locks.slot_ids(slot)).collect();
            if let [Some(ids)] = named.as_slice() {
                fixed.insert(slot.to_owned(), Fixed { ids: ids.clone(), by_all: true });
                continue;
            }
            if named.iter().all(Option::is_none) {
                continue;
            }
            let lets = |device: &Resource| {
                let id = device.id.as_deref().unwrap_or_default();
                let said = self.consulted.map_or(Said::Nothing, |consulted| consulted.of_device(device));
                let is_allowed = matches!(said, Said::Allowed);
                self.ways.iter().zip(&named).any(|(way, named)| {
                    named.as_ref().is_none_or(|named| named.contains(id)) && way.passes(device, is_allowed)
                })
            };
            let ids = found.iter().filter(|device| lets(device)).filter_map(|device| device.id.clone());
            let by_all = named.iter().all(Option::is_some);
            fixed.insert(slot.to_owned(), Fixed { ids: ids.collect(), by_all });
        }
        fixed
    }
}

impl Way {
    fn passes(&self, device: &Resource, is_allowed: bool) -> bool {
        match self.by {
            Admits::Policy => is_allowed,
            _ => self.locks.pass_device(device),
        }
    }
}

impl Decision {
    /// The ways by which it lets its asker see what fills the slots of a blueprint.
    pub(crate) fn ways<'a>(&self, blueprint: &Blueprint, consulted: Option<&'a Consulted>) -> Ways<'a> {
        let open = |by| vec![Way { by, locks: Locks::default() }];
        let ways = match self.basis() {
            Basis::Owner => open(Admits::Owner),
            Basis::Policy(_) => open(Admits::Policy),
            Basis::Link { locks, .. } => vec![Way { by: Admits::Link, locks: locks.clone() }],
            Basis::Grant { best, others } => {
                let held = [best].into_iter().chain(others);
                let of_grant = |held: &Held| Some(Way { by: held.way()?, locks: held.locks.clone() });
                let by_policy = consulted.and_then(|it| it.allows(self.action()));
                held.filter_map(of_grant)
                    .chain(by_policy.into_iter().flat_map(|_| open(Admits::Policy)))
                    .collect()
            }
            Basis::Denied(_) | Basis::Ended { .. } => Vec::new(),
        };
        let is_by_policies = matches!(self.basis(), Basis::Link { .. } | Basis::Policy(_));
        Ways { ways, is_by_policies, consulted }.knowing(blueprint)
    }

    /// Whether one of the terms that let the asker in fixes a slot of a blueprint.
    pub(crate) fn fixes_slots(&self) -> bool {
        let fixes = |locks: &Locks| locks.slots().next().is_some();
        match self.basis() {
            Basis::Link { locks, .. } => fixes(locks),
            Basis::Grant { best, others } => [best].into_iter().chain(others).any(|held| fixes(&held.locks)),
            _ => false,
        }
    }

    /// Whether the link's terms have nothing filled that is not named (B6).
    pub(crate) fn is_named_only(&self) -> bool {
        let link = self.head().and_then(|head| head.link.as_ref());
        self.asker() == Asker::Visitor && link.is_none_or(|link| link.named_only)
    }

    /// Whose the selections are that the asker leaves and brings (B10): an account's, or those of one link.
    pub(crate) fn scope(&self) -> Option<Scope> {
        let head = self.head()?;
        let who = match self.asker() {
            Asker::Account(account) => Who::Account(account),
            Asker::Visitor => {
                let generation = head.link.as_ref()?.generation;
                Who::Link { dashboard: head.dashboard, generation }
            }
        };
        Some(Scope { tenant: head.tenant, who })
    }
}
