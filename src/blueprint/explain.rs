//! Why a slot is filled by what fills it, with counts, for the owner; and what visitors can reach (B14).

use super::resolve::Why;
use serde::Serialize;

/// How a slot came to what fills it, for the dashboard's owner: how many candidates were left after each step.
///
/// Made by [`explain_slots`](crate::Dashshare::explain_slots). Nobody else is shown it: the counts tell of devices that
/// they may not see.
///
/// Rules: [B14](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct SlotExplanation {
    /// The name of the slot.
    pub slot: String,
    /// What fills it.
    pub placed: Option<String>,
    /// Why nothing does, if nothing does.
    pub open: Option<Why>,
    /// How many of its kind the tenant has.
    pub of_kind: usize,
    /// How many of those meet the conditions.
    pub conditions: usize,
    /// How many of those the tenant's policies leave to whoever asks.
    pub policies: usize,
    /// How many of those the lock of whatever lets them in leaves, and what it fixes.
    pub lock: usize,
    /// How many of those fit what fills the slots that this one depends on.
    pub filters: usize,
}

/// What visitors can reach through a slot, whatever they write into the address.
///
/// Made by [`audit_slots`](crate::Dashshare::audit_slots).
///
/// Rules: [B14](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct SlotReach {
    /// The name of the slot.
    pub slot: String,
    /// The ids of the devices, by their bytes.
    pub devices: Vec<String>,
}
