//! Which devices a decision lets its asker see, and what its terms fix of a blueprint's slots.

use super::answer::{Asker, Basis, Decision};
use crate::{
    blueprint::{Scope, Who},
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

impl Decision {
    /// Whether the asker may see a device that the dashboard shows (B2): owners and grantees unless a policy denies it to
    /// them, visitors and whoever a policy let in only what the policies allow. The same as of `authorize_device` (D3).
    pub(crate) fn sees(&self, device: &Resource, consulted: Option<&Consulted>) -> Seen {
        let said = consulted.map_or(Said::Nothing, |consulted| consulted.of_device(device));
        let is_allowed = matches!(said, Said::Allowed);
        let by_policies = match (self.basis(), said) {
            (_, Said::Denied(_)) | (Basis::Denied(_) | Basis::Ended { .. }, _) => false,
            (Basis::Owner | Basis::Grant { .. }, _) | (_, Said::Allowed) => true,
            (Basis::Link { .. } | Basis::Policy(_), Said::Nothing) => false,
        };
        let by_policy = is_allowed && consulted.is_some_and(|it| it.allows(self.action()).is_some());
        match (by_policies, by_policy || self.paths().any(|path| path.pass_device(device))) {
            (false, _) => Seen::NotByPolicies,
            (true, false) => Seen::NotByLock,
            (true, true) => Seen::Yes,
        }
    }

    /// The locks of each path that lets the asker in; of the owner, and of whom a policy let in, one path without any.
    fn paths(&self) -> impl Iterator<Item = Locks> {
        let paths = match self.basis() {
            Basis::Owner | Basis::Policy(_) => vec![Locks::default()],
            Basis::Link { locks, .. } => vec![locks.clone()],
            Basis::Grant { best, others } => {
                [best].into_iter().chain(others).map(|held| held.locks.clone()).collect()
            }
            Basis::Denied(_) | Basis::Ended { .. } => Vec::new(),
        };
        paths.into_iter()
    }

    /// The devices that slots are fixed to, by the parameters `slot:<name>` of the locks (B11), for slots with what may fill
    /// them. Of one path they are the ids in its locks; of several those that one of them lets into the slot by itself
    /// (K14).
    pub(crate) fn fixed_slots<'a>(
        &self,
        slots: impl IntoIterator<Item = (&'a str, &'a [Arc<Resource>])>,
        consulted: Option<&Consulted>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let paths: Vec<Locks> = self.paths().collect();
        let mut fixed = BTreeMap::new();
        for (slot, found) in slots {
            let named: Vec<Option<BTreeSet<String>>> = paths.iter().map(|path| path.slot_ids(slot)).collect();
            if let [Some(ids)] = named.as_slice() {
                fixed.insert(slot.to_owned(), ids.clone());
                continue;
            }
            if named.iter().all(Option::is_none) {
                continue;
            }
            let lets = |device: &Resource| {
                let id = device.id.as_deref().unwrap_or_default();
                let by_path = paths.iter().zip(&named).any(|(path, named)| {
                    named.as_ref().is_none_or(|named| named.contains(id)) && path.pass_device(device)
                });
                let allowed = |it: &Consulted| matches!(it.of_device(device), Said::Allowed);
                by_path || consulted.is_some_and(|it| it.allows(self.action()).is_some() && allowed(it))
            };
            let ids = found.iter().filter(|device| lets(device)).filter_map(|device| device.id.clone());
            fixed.insert(slot.to_owned(), ids.collect());
        }
        fixed
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
