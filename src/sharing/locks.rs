//! The locks along a path: how much of the data a grant or a link shows, with all that it hangs on taken into account.

use crate::{
    lock::{Lock, Slots, StoredLock, device_passes},
    policy::Resource,
    record::{Chain, Grant, Link},
    tenant::SharingRules,
    value::{GrantId, Rights, Timestamp},
};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Whose lock it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LockedBy {
    /// The tenant's rules, for what is shared on or for public links.
    Tenant,
    /// A grant of the path.
    Grant(GrantId),
    /// The public link, of this generation.
    Link(u64),
}

/// One lock of a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Locked {
    /// Whose it is.
    pub by: LockedBy,
    /// The lock, as it was at the instant asked about.
    pub lock: Arc<StoredLock>,
}

/// What one grant, or a policy, shows to whom it is for: rights and lock belong together, and two of them are never mixed.
///
/// Rules: [K14](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Sight {
    /// The rights.
    pub rights: Rights,
    /// How much of the data, with the whole path and the tenant's rules taken into account; `None` for all of it.
    pub lock: Option<Arc<StoredLock>>,
}

/// The locks of a path, from the tenant's and the root's down; none for most paths, and then they cost nothing.
///
/// Rules: K12, K23.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Locks(Option<Arc<[Locked]>>);

impl Locks {
    /// Those of a chain of grants, without the tenant's.
    #[inline]
    pub(crate) fn of_chain(chain: &Chain, t: Timestamp) -> Self {
        match chain.iter().any(|grant| grant.terms_at(t).lock.is_some()) {
            false => Self(None),
            true => Self::of_path(chain.iter().rev().map(Arc::as_ref), t),
        }
    }

    /// Those of grants from the root down, without the tenant's.
    pub(crate) fn of_path<'a>(path: impl IntoIterator<Item = &'a Grant>, t: Timestamp) -> Self {
        let own = |grant: &Grant| {
            let lock = grant.terms_at(t).lock.clone()?;
            Some(Locked { by: LockedBy::Grant(grant.id), lock })
        };
        Self::from(path.into_iter().filter_map(own).collect::<Vec<_>>())
    }

    /// The same for what was shared on, under the tenant's lock for that (K23).
    #[inline]
    pub(crate) fn under_rules(self, is_shared_on: bool, rules: &SharingRules) -> Self {
        match &rules.reshare_lock {
            Some(lock) if is_shared_on => self.below(lock),
            _ => self,
        }
    }

    /// Those of a link whose maker's grant has these.
    pub(crate) fn of_link(self, link: &Link, rules: &SharingRules) -> Self {
        // A grantee's link is sharing on.
        let above = self.under_rules(link.grant.is_some(), rules);
        let above = match &rules.link_lock {
            Some(lock) => above.below(lock),
            None => above,
        };
        above.and_own(link)
    }

    /// The same and a link's own lock below them.
    pub(crate) fn and_own(self, link: &Link) -> Self {
        match &link.lock {
            Some(lock) => self.and(Locked { by: LockedBy::Link(link.generation), lock: Arc::clone(lock) }),
            None => self,
        }
    }

    fn below(self, lock: &Arc<StoredLock>) -> Self {
        let first = Locked { by: LockedBy::Tenant, lock: Arc::clone(lock) };
        [first].into_iter().chain(self.iter().cloned()).collect::<Vec<_>>().into()
    }

    /// The same and one more below them.
    pub(crate) fn and(self, last: Locked) -> Self {
        self.iter().cloned().chain([last]).collect::<Vec<_>>().into()
    }

    /// The same and the lock of a grant that is still to be made below them.
    pub(crate) fn and_new(self, lock: Option<&Arc<StoredLock>>) -> Self {
        match lock {
            Some(lock) => {
                self.and(Locked { by: LockedBy::Grant(GrantId::from(0u64)), lock: Arc::clone(lock) })
            }
            None => self,
        }
    }

    /// Whether a device passes all of them, whatever slot holds it.
    pub(crate) fn pass_device(&self, device: &Resource) -> bool {
        let id = device.id.as_deref().unwrap_or_default();
        self.is_none() || device_passes(&self.stored(), id, &device.tags, &Slots::default()).is_ok()
    }

    /// The slots of a blueprint that one of them fixes.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &str> {
        self.iter()
            .filter_map(|locked| locked.lock.lock())
            .flat_map(|lock| lock.slots())
            .map(|(slot, _)| slot)
    }

    /// The ids that a slot of a blueprint is fixed to, by the parameter `slot:<name>` of one of them or of several (B11).
    pub(crate) fn slot_ids(&self, slot: &str) -> Option<BTreeSet<String>> {
        let fixed = self.readable().flat_map(|lock| lock.slots());
        let sets = fixed.filter(|(fixed, _)| *fixed == slot).map(|(_, ids)| ids);
        sets.fold(None, |met: Option<BTreeSet<String>>, ids| {
            Some(met.map_or_else(|| ids.clone(), |met| met.intersection(ids).cloned().collect()))
        })
    }

    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Locked> {
        self.0.iter().flat_map(|locks| locks.iter())
    }

    /// The locks, as far as they can be read.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &Lock> + Clone {
        self.0.iter().flat_map(|locks| locks.iter()).filter_map(|locked| locked.lock.lock())
    }

    pub(crate) fn stored(&self) -> Vec<&StoredLock> {
        self.iter().map(|locked| locked.lock.as_ref()).collect()
    }

    /// What all of them let through together; `None` where nothing is locked. One that cannot be read lets nothing through
    /// (K24).
    pub(crate) fn effective(&self) -> Option<Arc<StoredLock>> {
        self.iter().fold(None, |met, locked| StoredLock::both(met.as_ref(), Some(&locked.lock)))
    }

    /// Whether their form alone lets nothing through (K13).
    pub(crate) fn show_nothing(&self) -> bool {
        self.effective().is_some_and(|lock| lock.shows_nothing())
    }

    /// Whether they let through all that a lock does, as far as their form tells.
    pub(crate) fn cover(&self, lock: Option<&Arc<StoredLock>>) -> bool {
        let Some(effective) = self.effective() else { return true };
        match (effective.lock(), lock.map(|lock| lock.lock())) {
            (Some(effective), Some(Some(lock))) => lock.is_within(effective),
            (Some(effective), None) => effective.is_none(),
            _ => false,
        }
    }
}

impl From<Vec<Locked>> for Locks {
    fn from(locks: Vec<Locked>) -> Self {
        Self((!locks.is_empty()).then(|| locks.into()))
    }
}
