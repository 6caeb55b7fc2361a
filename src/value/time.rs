//! Instants, to the microsecond: the precision that is stored is the precision that is compared.

use super::shown::Shown;
use chrono::{DateTime, Datelike as _, SecondsFormat, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, num::NonZeroI64, str::FromStr};

/// An instant, as whole microseconds since 1970-01-01T00:00:00Z.
///
/// Finer instants are rounded **down**. Because the present is rounded the same way as an expiry, nothing lives longer
/// than it was declared to. Time is always an argument of this library, never read by it, except by the host's
/// [`Env`](crate::Env).
///
/// Read is RFC 3339 and nothing more. A second `60` is read only where a leap second can be, as `23:59:60` UTC on the
/// last day of a month; it has no microsecond of its own, so it is rounded down to the last one before it.
///
/// Rules: [S3](crate::specification).
///
/// ```
/// use dashshare::Timestamp;
/// let new_year: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// assert_eq!(new_year.plus_days(31).to_string(), "2026-02-01T00:00:00Z");
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(NonZeroI64);

/// A text that is not an RFC 3339 instant.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{}` is not an RFC 3339 instant such as `2026-01-01T00:00:00Z`", Shown(.0))]
pub struct TimestampError(String);

const MICROS_PER_DAY: i64 = 86_400_000_000;
const LAST_MICRO: u32 = 999_999;
const LAST_SECOND_OF_DAY: u32 = 86_399;
const FIRST: i64 = -62_167_219_200_000_000;
const LAST: i64 = 253_402_300_799_999_999;
/// What is kept is the distance to this, which is never zero: so an `Option<Timestamp>` takes no more room than a
/// `Timestamp`, and there are millions of them.
const BEFORE_FIRST: i64 = FIRST - 1;

impl Timestamp {
    /// The first instant of RFC 3339's calendar, 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self::from_micros(FIRST);
    /// The last instant of RFC 3339's calendar, the last microsecond of the year 9999.
    pub const MAX: Self = Self::from_micros(LAST);

    /// The instant this many microseconds after 1970-01-01T00:00:00Z; one beyond [`MIN`](Self::MIN) or
    /// [`MAX`](Self::MAX) becomes that, so that every instant can be written and read back.
    pub const fn from_micros(micros: i64) -> Self {
        let within = if micros < FIRST {
            FIRST
        } else if micros > LAST {
            LAST
        } else {
            micros
        };
        match NonZeroI64::new(within.saturating_sub(BEFORE_FIRST)) {
            Some(distance) => Self(distance),
            // What is within is beyond `BEFORE_FIRST`.
            None => Self(NonZeroI64::MIN),
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0.get().saturating_add(BEFORE_FIRST)
    }

    /// This instant moved by whole days of 24 hours; it stops at [`MAX`](Self::MAX).
    #[must_use]
    pub const fn plus_days(self, days: u32) -> Self {
        self.plus_micros((days as i64).saturating_mul(MICROS_PER_DAY))
    }

    /// This instant moved by microseconds; it stops at either end of the calendar.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.micros().saturating_add(micros))
    }

    /// The same instant for chrono.
    pub fn to_datetime(self) -> DateTime<Utc> {
        // The calendar of RFC 3339 lies within chrono's, so the fallback is never taken.
        DateTime::from_timestamp_micros(self.micros()).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for Timestamp {
    /// A leap second is rounded down to the last microsecond before it.
    fn from(instant: DateTime<Utc>) -> Self {
        // chrono keeps nanoseconds as a positive rest, so its own conversion rounds down, also before 1970. A leap
        // second is a rest of more than a second: what it has too much would be counted to the next second.
        let excess = instant.timestamp_subsec_micros().saturating_sub(LAST_MICRO);
        Self::from_micros(instant.timestamp_micros().saturating_sub(excess.into()))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        // chrono reads a second 60 in any minute, and the minus sign of mathematics before an offset.
        let read = if text.is_ascii() { DateTime::parse_from_rfc3339(text).ok() } else { None };
        read.map(|instant| instant.to_utc())
            .filter(|instant| !is_leap_second(instant) || ends_a_month(instant))
            .map(Self::from)
            .ok_or_else(|| TimestampError(text.chars().take(64).collect()))
    }
}

fn is_leap_second(instant: &DateTime<Utc>) -> bool {
    instant.timestamp_subsec_micros() > LAST_MICRO
}

/// Whether it lies in the last second of a month, after which a leap second may be inserted.
fn ends_a_month(instant: &DateTime<Utc>) -> bool {
    let is_last_day = u32::from(instant.num_days_in_month()) == instant.day();
    is_last_day && instant.num_seconds_from_midnight() == LAST_SECOND_OF_DAY
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
