//! What a tenant may have in a period, as the host says.

use super::{notice, offsets::Offsets, period::Period};
use crate::value::Timestamp;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What a tenant may have: how many records in which period, and when somebody is to be told.
///
/// ```
/// use dashshare::{Timestamp, metering::{Period, Plan}};
/// let now: Timestamp = "2026-02-14T12:00:00Z".parse()?;
/// let plan = Plan::of(Period::utc_month(now)).limited(100_000, 3).warning_at([80, 100]);
/// assert_eq!((plan.limit, plan.version), (Some(100_000), 3));
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
///
/// Rules: [M11](crate::specification), [M12](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The period that holds now.
    pub period: Period,
    /// How many records may leave in the period; `None` counts and never refuses.
    pub limit: Option<u64>,
    /// Which limit this is: it goes up by one or more whenever the limit changes.
    pub version: u32,
    /// At how many per cent of the limit somebody is told: from 1 to 100, rising, each once.
    pub thresholds: Vec<u8>,
    /// Whether what comes from the host's cache costs as much as any other load.
    pub counts_cached: bool,
    /// Whose days the figures are kept by.
    pub zone: Offsets,
}

impl Plan {
    /// A plan for a period: without a limit, with the usual thresholds, by the days of UTC.
    pub fn of(period: Period) -> Self {
        Self {
            period,
            limit: None,
            version: 0,
            thresholds: notice::THRESHOLDS.to_vec(),
            counts_cached: false,
            zone: Offsets::UTC,
        }
    }

    /// The same with a limit, and which it is.
    #[must_use]
    pub fn limited(self, records: u64, version: u32) -> Self {
        Self { limit: Some(records), version, ..self }
    }

    /// The same without a limit, from this version on.
    #[must_use]
    pub fn unlimited(self, version: u32) -> Self {
        Self { limit: None, version, ..self }
    }

    /// The same with other thresholds: those that are not of 1 to 100 are left out.
    #[must_use]
    pub fn warning_at(self, thresholds: impl IntoIterator<Item = u8>) -> Self {
        let mut thresholds: Vec<u8> =
            thresholds.into_iter().filter(|percent| (1..=100).contains(percent)).collect();
        thresholds.sort_unstable();
        thresholds.dedup();
        Self { thresholds, ..self }
    }

    /// The same counting what comes from the host's cache.
    #[must_use]
    pub fn counting_cached(self) -> Self {
        Self { counts_cached: true, ..self }
    }

    /// The same by the days of a zone.
    #[must_use]
    pub fn in_zone(self, zone: Offsets) -> Self {
        Self { zone, ..self }
    }

    /// What a load costs: a cached one nothing, unless the plan says otherwise.
    ///
    /// Rules: [M9](crate::specification).
    pub fn cost(&self, records: u64, is_cached: bool) -> u64 {
        if is_cached && !self.counts_cached { 0 } else { records }
    }

    /// The day that figures of an instant are kept under.
    pub fn day(&self, at: Timestamp) -> NaiveDate {
        self.zone.date(at)
    }
}
