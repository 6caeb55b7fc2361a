//! Lengths of time: exact ones, and whole periods in a zone.

use super::zone::{Unit, Zone};
use crate::value::{Shown, Timestamp};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

/// An exact length of time, a whole number of minutes: at least one, and at most 1,000 years of 366 days. A day is 24
/// hours and a week 7 days; no zone and no calendar has a part in it.
///
/// ```
/// use dashshare::lock::Span;
/// let week: Span = "7d".parse()?;
/// assert_eq!(week, "168h".parse()?);
/// assert_eq!(week.to_string(), "7d");
/// assert!("0d".parse::<Span>().is_err());
/// # Ok::<(), dashshare::lock::SpanError>(())
/// ```
///
/// Rules: [K7](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct Span {
    minutes: u32,
}

const MINUTES_PER_HOUR: u32 = 60;
const MINUTES_PER_DAY: u32 = 24 * MINUTES_PER_HOUR;
const MINUTES_PER_WEEK: u32 = 7 * MINUTES_PER_DAY;
const MOST_MINUTES: u32 = 366_000 * MINUTES_PER_DAY;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// A text that is not a length of time such as `30m`, `12h`, `7d` or `2w`.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{}` is not a length of time such as `30m`, `12h`, `7d` or `2w`", Shown(.0))]
pub struct SpanError(String);

impl Span {
    /// So many minutes; `None` for none, or too many.
    pub const fn minutes(n: u32) -> Option<Self> {
        if n == 0 || n > MOST_MINUTES { None } else { Some(Self { minutes: n }) }
    }

    /// So many days of 24 hours; `None` for none, or too many.
    pub const fn days(n: u32) -> Option<Self> {
        match n.checked_mul(MINUTES_PER_DAY) {
            Some(minutes) => Self::minutes(minutes),
            None => None,
        }
    }

    /// The length in microseconds.
    pub const fn micros(self) -> i64 {
        (self.minutes as i64).saturating_mul(MICROS_PER_MINUTE)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let read = || {
            let minutes_of = match text.as_bytes().last()? {
                b'm' => 1,
                b'h' => MINUTES_PER_HOUR,
                b'd' => MINUTES_PER_DAY,
                b'w' => MINUTES_PER_WEEK,
                _ => return None,
            };
            let digits = text.get(..text.len().checked_sub(1)?)?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let n: u32 = digits.parse().ok().filter(|_| is_number)?;
            Self::minutes(n.checked_mul(minutes_of)?)
        };
        read().ok_or_else(|| SpanError(text.chars().take(64).collect()))
    }
}

impl TryFrom<Cow<'_, str>> for Span {
    type Error = SpanError;

    fn try_from(text: Cow<'_, str>) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    /// In the largest of days, hours and minutes that divides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(MINUTES_PER_DAY, 'd'), (MINUTES_PER_HOUR, 'h'), (1, 'm')];
        let fits = units.iter().find(|(of, _)| self.minutes.checked_rem(*of) == Some(0));
        let (of, letter) = fits.unwrap_or(&(1, 'm'));
        write!(f, "{}{letter}", self.minutes.checked_div(*of).unwrap_or(0))
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Span({self})")
    }
}

/// Lengths that all hold: the smallest exact one, and for each unit and zone the smallest number of whole periods. They
/// cannot be compared with each other, so each is kept.
///
/// Rules: [K11](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Spans {
    pub(super) exact: Option<Span>,
    pub(super) whole: BTreeMap<(Unit, Zone), u16>,
}

/// The most whole periods of a unit (K8).
pub(super) const MOST_PERIODS: u16 = 1_000;

impl Spans {
    pub(super) const NONE: Self = Self { exact: None, whole: BTreeMap::new() };

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_none() && self.whole.is_empty()
    }

    /// The exact length.
    pub fn exact(&self) -> Option<Span> {
        self.exact
    }

    /// The whole periods: how many, of which unit, in which zone.
    pub fn whole(&self) -> impl ExactSizeIterator<Item = (u16, Unit, &Zone)> {
        self.whole.iter().map(|((unit, zone), n)| (*n, *unit, zone))
    }

    pub(super) fn meet(mut self, other: Self) -> Self {
        self.exact = match (self.exact, other.exact) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        for (of, n) in other.whole {
            self.whole.entry(of).and_modify(|mine| *mine = (*mine).min(n)).or_insert(n);
        }
        self
    }

    /// The latest start of windows of these lengths up to `now`: of a sliding one exactly so long before, of whole periods
    /// the first instant of the first. What lies beyond the calendar starts now: nothing is admitted.
    pub(super) fn start(&self, now: Timestamp) -> Option<Timestamp> {
        let sliding = self.exact.map(|span| now.plus_micros(span.micros().saturating_neg()));
        let whole = self.whole.iter().map(|((unit, zone), n)| zone.start(*n, *unit, now).unwrap_or(now));
        whole.chain(sliding).max()
    }

    /// The latest end of a range that begins at `from` and is no longer than any of these; `None` without any. Whole periods
    /// are added by the wall clock: the day of a month is clamped, and a wall time that is skipped moves on by the jump.
    ///
    /// ```
    /// use dashshare::{Lock, lock::Unit};
    /// let day = Lock::NONE.max_range_whole(1, Unit::Day, "Europe/Berlin".parse()?);
    /// let end = day.longest_range().latest_end("2026-10-24T22:00:00Z".parse()?);
    /// assert_eq!(end, Some("2026-10-25T23:00:00Z".parse()?), "a day of 25 hours");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Rules: [K10](crate::specification).
    pub fn latest_end(&self, from: Timestamp) -> Option<Timestamp> {
        let exact = self.exact.map(|span| from.plus_micros(span.micros()));
        let whole =
            self.whole.iter().map(|((unit, zone), n)| zone.moved(from, i64::from(*n), *unit).unwrap_or(from));
        whole.chain(exact).min()
    }

    fn allow(&self, from: Timestamp, until: Timestamp) -> bool {
        self.latest_end(from).is_none_or(|end| until <= end)
    }

    /// An early start of a range that ends at `until` and is no longer than any of these: one that began a microsecond before
    /// would be. `None` without any.
    ///
    /// Rules: [K10](crate::specification).
    pub fn earliest_start(&self, until: Timestamp) -> Option<Timestamp> {
        let exact = self.exact.map(|span| until.plus_micros(span.micros().saturating_neg()));
        let whole = self.whole.iter().map(|((unit, zone), n)| {
            zone.moved(until, i64::from(*n).saturating_neg(), *unit).unwrap_or(until)
        });
        let near = whole.chain(exact).max()?;
        if self.allow(near, until) && !self.allow(near.plus_micros(-1), until) {
            return Some(near);
        }
        // A clamped day of a month or a step of the clocks: search around it. What is found is allowed in every case.
        const DAY: i64 = 86_400_000_000;
        let (mut long, mut allowed) = (near.plus_micros(-2 * DAY), near.plus_micros(4 * DAY).min(until));
        if !self.allow(allowed, until) {
            return Some(until);
        }
        while allowed.micros().saturating_sub(long.micros()) > 1 {
            let half = allowed.micros().saturating_sub(long.micros()) / 2;
            let middle = long.plus_micros(half);
            if self.allow(middle, until) {
                allowed = middle;
            } else {
                long = middle;
            }
        }
        Some(allowed)
    }
}

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.exact.map(|span| span.to_string());
        let whole = self.whole().map(|(n, unit, zone)| {
            let (unit, plural) = (unit.word(), if n == 1 { "" } else { "s" });
            format!("{n} whole {unit}{plural}, {zone}")
        });
        let all: Vec<String> = exact.into_iter().chain(whole).collect();
        f.write_str(&all.join(" and "))
    }
}
