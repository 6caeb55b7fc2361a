//! Periods, and the months that they are in most cases.

use super::offsets::Offsets;
use crate::value::Timestamp;
use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

/// For how long is counted: from its first instant up to its end, which is no part of it.
///
/// The host gives it, and those of a tenant tile time: each ends where the next begins. Three helpers make the usual ones.
///
/// ```
/// use dashshare::{Timestamp, metering::Period};
/// let now: Timestamp = "2026-02-14T12:00:00Z".parse()?;
/// assert_eq!(Period::utc_month(now).to_string(), "2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z");
/// // From the anchor itself, not from the month before: 31 January, 28 February, 31 March.
/// assert_eq!(Period::anchored(31, now).to_string(), "2026-01-31T00:00:00Z to 2026-02-28T00:00:00Z");
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
///
/// Rules: [M8](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Period {
    /// Its first instant, by which it is known.
    pub first: Timestamp,
    /// The instant at which it is over.
    pub end: Timestamp,
}

impl Period {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.first <= at && at < self.end
    }

    /// The calendar month of an instant, in UTC.
    pub fn utc_month(now: Timestamp) -> Self {
        Self::month(&Offsets::UTC, now)
    }

    /// The calendar month of an instant, by the clocks of a zone.
    pub fn month(zone: &Offsets, now: Timestamp) -> Self {
        Self::anchored_in(zone, 1, now)
    }

    /// The month that begins at a day of the month, in UTC. See [`anchored_in`](Self::anchored_in).
    pub fn anchored(day: u8, now: Timestamp) -> Self {
        Self::anchored_in(&Offsets::UTC, day, now)
    }

    /// The month that begins at a day of the month, by the clocks of a zone. Where a month has no such day it begins at the
    /// last that it has; the next one begins at the day again. Days are 1 to 31: what is beyond is the nearest of them.
    pub fn anchored_in(zone: &Offsets, day: u8, now: Timestamp) -> Self {
        let date = zone.date(now);
        let month = i64::from(date.year()).saturating_mul(12).saturating_add(i64::from(date.month0()));
        let starts = |months: i64| zone.start_of(anchor(day, month.saturating_add(months)));
        // Clocks that go back over midnight show a date again that has begun before.
        let begun = [1, 0, -1].into_iter().find(|months| starts(*months) <= now).unwrap_or(-1);
        Self { first: starts(begun), end: starts(begun.saturating_add(1)) }
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.first, self.end)
    }
}

/// The date at which a month begins that is anchored at a day. Months are counted from the year 0.
fn anchor(day: u8, month: i64) -> NaiveDate {
    let year = i32::try_from(month.div_euclid(12)).unwrap_or(i32::MAX);
    let number = u32::try_from(month.rem_euclid(12)).unwrap_or(0).saturating_add(1);
    let mut days = (1..=u32::from(day.clamp(1, 31))).rev();
    days.find_map(|day| NaiveDate::from_ymd_opt(year, number, day)).unwrap_or(NaiveDate::MAX)
}
