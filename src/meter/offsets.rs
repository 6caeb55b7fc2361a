//! A zone given by its offsets from UTC: its days.

use crate::value::Timestamp;
use chrono::{FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A zone as the offsets of its clocks from UTC: the first one, and each later one with the instant from which on it holds.
///
/// The library reads no zone database for periods and days: the host gives the offsets that it knows, the coming ones
/// too.
///
/// ```
/// use chrono::FixedOffset;
/// use dashshare::metering::Offsets;
/// let (winter, summer): (FixedOffset, FixedOffset) = ("+01:00".parse()?, "+02:00".parse()?);
/// let berlin = Offsets::fixed(winter).then("2026-03-29T01:00:00Z".parse()?, summer);
/// assert_eq!(berlin.date("2026-03-29T22:00:00Z".parse()?).to_string(), "2026-03-30");
/// assert_eq!(berlin.start_of("2026-03-30".parse()?).to_string(), "2026-03-29T22:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Rules: [M8](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Offsets {
    /// In seconds, as every later one.
    first: i32,
    /// By their instants.
    later: Vec<(Timestamp, i32)>,
}

impl Offsets {
    /// UTC itself.
    pub const UTC: Self = Self { first: 0, later: Vec::new() };

    /// Clocks that are never changed.
    pub const fn fixed(offset: FixedOffset) -> Self {
        Self { first: offset.local_minus_utc(), later: Vec::new() }
    }

    /// The same with clocks that stand at another offset from an instant on. Given in any order; of two for one instant the
    /// later given counts.
    #[must_use]
    pub fn then(mut self, from: Timestamp, offset: FixedOffset) -> Self {
        self.later.retain(|(at, _)| *at != from);
        self.later.push((from, offset.local_minus_utc()));
        self.later.sort_unstable();
        self
    }

    /// The date that the clocks show at an instant.
    pub fn date(&self, at: Timestamp) -> NaiveDate {
        let before = self.later.iter().take_while(|(from, _)| *from <= at);
        let offset = before.last().map_or(self.first, |(_, offset)| *offset);
        let days = at.micros().saturating_add(micros(offset)).div_euclid(MICROS_PER_DAY);
        days.try_into().ok().and_then(NaiveDate::from_epoch_days).unwrap_or_default()
    }

    /// The first instant of a date: the least at which the clocks show its midnight or later. Of a date that begins twice
    /// the earlier, and where midnight is skipped the instant of the jump.
    pub fn start_of(&self, date: NaiveDate) -> Timestamp {
        let midnight = i64::from(date.to_epoch_days()).saturating_mul(MICROS_PER_DAY);
        let (mut from, mut offset) = (Timestamp::MIN, self.first);
        for (until, next) in &self.later {
            let shown = from.max(instant(midnight, offset));
            if shown < *until {
                return shown;
            }
            (from, offset) = (*until, *next);
        }
        from.max(instant(midnight, offset))
    }
}

fn micros(offset: i32) -> i64 {
    i64::from(offset).saturating_mul(MICROS_PER_SECOND)
}

fn instant(local: i64, offset: i32) -> Timestamp {
    Timestamp::from_micros(local.saturating_sub(micros(offset)))
}
