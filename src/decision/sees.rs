//! Which devices a decision lets its asker see, and what its terms fix of a blueprint's slots.

use super::answer::{Asker, Basis, Decision};
use crate::{
    blueprint::{Scope, Who},
    policy::Resource,
    sharing::{Consulted, Said},
};
use std::collections::{BTreeMap, BTreeSet};

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
        let by_policies = match (self.basis(), said) {
            (_, Said::Denied(_)) | (Basis::Denied(_) | Basis::Ended { .. }, _) => false,
            (Basis::Owner | Basis::Grant { .. }, _) | (_, Said::Allowed) => true,
            (Basis::Link { .. } | Basis::Policy(_), Said::Nothing) => false,
        };
        match (by_policies, self.lock_admits(device)) {
            (false, _) => Seen::NotByPolicies,
            (true, false) => Seen::NotByLock,
            (true, true) => Seen::Yes,
        }
    }

    /// Whether the locks of what let the asker in leave a device to be seen. Today nothing has a lock.
    fn lock_admits(&self, _device: &Resource) -> bool {
        true
    }

    /// The devices that slots are fixed to, by the parameters `slot:<name>` of the locks (B11). Today nothing has a lock.
    pub(crate) fn fixed_slots(&self) -> BTreeMap<String, BTreeSet<String>> {
        BTreeMap::new()
    }

    /// Whether the link's terms have nothing filled that is not named (B6). Today no link has such terms.
    pub(crate) fn is_named_only(&self) -> bool {
        false
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
