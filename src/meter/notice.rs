//! When somebody is told, and what.

use super::period::Period;
use crate::value::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// The usual thresholds, in per cent.
pub(super) const THRESHOLDS: [u8; 3] = [80, 90, 100];

/// That a tenant's meter has crossed thresholds, or refused for the first time in its period. It is written by the commit
/// that did so, and waits in an outbox of the ledger's until it was acknowledged.
///
/// Rules: [M11](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// What it is known by, for receivers that may get it twice.
    pub id: NoticeId,
    /// The period.
    pub period: Period,
    /// What happened.
    pub warning: Warning,
    /// The limit that it was judged by.
    pub limit: Option<u64>,
    /// What was charged then.
    pub charged: u64,
    /// When.
    pub at: Timestamp,
    /// How often it was leased, with this lease.
    pub attempts: u32,
}

impl Notice {
    /// A notice that nobody has leased.
    pub const fn new(
        id: NoticeId,
        period: Period,
        warning: Warning,
        limit: Option<u64>,
        charged: u64,
        at: Timestamp,
    ) -> Self {
        Self { id, period, warning, limit, charged, at, attempts: 0 }
    }
}

/// What a notice is known by. No two have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NoticeId {
    /// Whose meter.
    pub tenant: TenantId,
    /// The first instant of the period.
    pub period: Timestamp,
    /// The version of the limit.
    pub version: u32,
    /// The highest threshold that it names; 0 for the first refusal.
    pub threshold: u8,
}

/// What somebody is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// These thresholds were crossed, in per cent, rising: all that one commit crossed.
    Crossed(Vec<u8>),
    /// A load was refused, for the first time in the period. A hundred per cent may never be reached.
    Refused,
}

/// Whether a threshold is reached: in integers, `charged · 100 ≥ threshold · limit`.
pub(super) fn is_reached(threshold: u8, charged: u64, limit: u64) -> bool {
    // Both products fit: 64 bits and 7.
    u128::from(charged).saturating_mul(100) >= u128::from(threshold).saturating_mul(u128::from(limit))
}
