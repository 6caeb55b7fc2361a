//! Kept selections: what somebody chose before, as a wish for the next time (B10).

use super::slot::Slot;
use crate::value::{AccountId, DashboardId, TenantId};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What a kept selection is kept under: slots of one name, kind, conditions and filters are one slot, on any dashboard.
/// It is written as 64 hexadecimal digits.
///
/// Rules: [B10](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotKey([u8; 32]);

impl SlotKey {
    /// The key of a slot. The order of conditions and filters takes no part, nor does what only its selector does.
    pub fn of(slot: &Slot) -> Self {
        let mut digest = Sha256::new().chain_update(b"dashshare blueprint slot 1");
        let mut text = |text: &str| {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            digest.update(length.to_be_bytes());
            digest.update(text.as_bytes());
        };
        text(&slot.name);
        text(slot.kind.word());
        // Each list ends with its length, so that no condition is taken for a filter.
        let conditions: BTreeSet<_> = slot.conditions.iter().collect();
        for tag in &conditions {
            text(&tag.key);
            text(&tag.value);
        }
        text(&conditions.len().to_string());
        let filters: BTreeSet<_> = slot.filters.iter().collect();
        for filter in &filters {
            text(&filter.key);
            text(&filter.slot);
        }
        text(&filters.len().to_string());
        Self(digest.finalize().into())
    }
}

impl fmt::Display for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotKey({self})")
    }
}

impl Serialize for SlotKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SlotKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("a slot's key has 64 hexadecimal digits"))
    }
}

/// Whose selections these are: an account's, or those of whoever came by one link, within one tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    pub(crate) tenant: TenantId,
    pub(crate) who: Who,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Who {
    Account(AccountId),
    Link { dashboard: DashboardId, generation: u64 },
}

/// What somebody has chosen before, for a host to keep (as JSON, in a session or in the browser) and to bring the next time.
///
/// It is a wish and no choice: where it does not fit, or the slot is chosen for, it is ignored. It carries whose it is, an
/// account's or a link's, and within which tenant; brought by anybody else, or by another link, all of it is ignored. Made
/// by [`Resolution::kept`](super::Resolution::kept).
///
/// Rules: [B10](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    scope: Scope,
    chosen: BTreeMap<SlotKey, String>,
}

impl Kept {
    pub(super) fn new(scope: Scope) -> Self {
        Self { scope, chosen: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, slot: &Slot, device: &str) {
        self.chosen.insert(SlotKey::of(slot), device.to_owned());
    }

    pub(super) fn without(mut self, slot: &Slot) -> Self {
        self.chosen.remove(&SlotKey::of(slot));
        self
    }

    /// What is kept for a slot, if it is this one's.
    pub(super) fn of(&self, scope: Scope, slot: &Slot) -> Option<&str> {
        let own = Some(self).filter(|kept| kept.scope == scope)?;
        own.chosen.get(&SlotKey::of(slot)).map(String::as_str)
    }

    /// Adds what was chosen later, on another dashboard too. `false`, and nothing is added, if it is somebody else's.
    pub fn update(&mut self, later: Self) -> bool {
        let is_own = later.scope == self.scope;
        if is_own {
            self.chosen.extend(later.chosen);
        }
        is_own
    }
}
