//! A second reading of zones, by other data and other code: the clocks of a zone as a list of steps, and everything else
//! by plain arithmetic over that list. Nothing of `src/lock` and nothing of its calendar is used.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Offset as _, TimeZone as _};
use chrono_tz::Tz;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Clocks of two places are never further apart than this.
const APART: i64 = 2 * DAY;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub(crate) enum Period {
    Day,
    Week,
    Month,
    Year,
}

pub(crate) const PERIODS: [Period; 4] = [Period::Day, Period::Week, Period::Month, Period::Year];

/// The clocks of a zone: from each instant on, how far they are ahead of UTC. All in microseconds. The first step has
/// always been there, the last one stays.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    steps: Vec<(i64, i64)>,
}

/// From midnight UTC of a date.
pub(crate) fn midnight(date: NaiveDate) -> i64 {
    date.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp_micros()
}

pub(crate) fn new_year(year: i32) -> i64 {
    midnight(NaiveDate::from_ymd_opt(year, 1, 1).expect("a year"))
}

/// What a clock that shows this stands at: the date.
fn date(wall: i64) -> NaiveDate {
    DateTime::from_timestamp_micros(wall).expect("an instant of the calendar").date_naive()
}

fn ahead(tz: Tz, second: i64) -> i64 {
    let utc = DateTime::from_timestamp(second, 0).expect("an instant of the calendar").naive_utc();
    i64::from(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

impl Clocks {
    /// Reads a zone from one year up to another, by looking at its clocks every week, and a second before and after each
    /// of the instants that others say to be steps; where two looks differ the step between them is searched for.
    pub(crate) fn read(tz: Tz, years: std::ops::Range<i32>, hints: &[i64]) -> Self {
        const WEEK: i64 = 7 * 86_400;
        let (first, last) = (new_year(years.start) / SECOND, new_year(years.end) / SECOND);
        let weekly = (first..last).step_by(WEEK as usize);
        let hinted = hints.iter().flat_map(|hint| [hint.div_euclid(SECOND) - 1, hint.div_euclid(SECOND)]);
        let mut looks: Vec<i64> =
            weekly.chain(hinted).chain([last]).filter(|look| (first..=last).contains(look)).collect();
        looks.sort_unstable();
        looks.dedup();
        let mut steps = vec![(i64::MIN, ahead(tz, first) * SECOND)];
        let (mut before, mut offset) = (first, ahead(tz, first));
        for look in looks {
            while offset != ahead(tz, look) {
                let (mut same, mut other) = (before, look);
                while other - same > 1 {
                    let middle = same + (other - same) / 2;
                    if ahead(tz, middle) == offset { same = middle } else { other = middle }
                }
                (before, offset) = (other, ahead(tz, other));
                steps.push((other * SECOND, offset * SECOND));
            }
            before = look;
        }
        Self { steps }
    }

    /// Clocks that somebody else has read.
    pub(crate) fn of(first: i64, steps: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut all = vec![(i64::MIN, first)];
        for (from, ahead) in steps {
            if all.last().is_some_and(|(_, last)| *last != ahead) {
                all.push((from, ahead));
            }
        }
        Self { steps: all }
    }

    /// The instants at which the clocks are put forward or back.
    pub(crate) fn steps(&self) -> impl Iterator<Item = i64> {
        self.steps.iter().skip(1).map(|(from, _)| *from)
    }

    /// The steps that are not the same in other clocks, from an instant on.
    pub(crate) fn differ_from(&self, others: &Self, from: i64) -> bool {
        let since = |clocks: &Self| -> Vec<(i64, i64)> {
            let begun = clocks.steps.partition_point(|(step, _)| *step <= from).saturating_sub(1);
            clocks.steps[begun..].iter().map(|(step, ahead)| ((*step).max(from), *ahead)).collect()
        };
        since(self) != since(others)
    }

    fn at(&self, instant: i64) -> usize {
        self.steps.partition_point(|(from, _)| *from <= instant) - 1
    }

    fn end(&self, step: usize) -> i64 {
        self.steps.get(step + 1).map_or(i64::MAX, |(from, _)| *from)
    }

    /// What the clocks show.
    pub(crate) fn wall(&self, instant: i64) -> i64 {
        instant + self.steps[self.at(instant)].1
    }

    /// The least instant at which the clocks show this or more.
    fn least_showing(&self, wall: i64) -> i64 {
        let far = self.at(wall - APART);
        (far..self.steps.len())
            .filter_map(|step| {
                let (from, ahead) = self.steps[step];
                let least = from.max(wall - ahead);
                (least < self.end(step)).then_some(least)
            })
            .min()
            .expect("clocks go on")
    }

    /// K9: the latest date that the clocks have shown up to now.
    pub(crate) fn latest_date(&self, now: i64) -> NaiveDate {
        let current = self.at(now);
        (self.at(now - APART)..=current)
            .map(|step| date(now.min(self.end(step) - 1) + self.steps[step].1))
            .max()
            .expect("a clock")
    }

    /// K8: where a window of the running period and the n − 1 before it begins.
    pub(crate) fn start(&self, n: u16, period: Period, now: i64) -> i64 {
        self.start_by(n, period, self.latest_date(now))
    }

    /// The same by today's date alone, as K8 would be without K9.
    pub(crate) fn raw_start(&self, n: u16, period: Period, now: i64) -> i64 {
        self.start_by(n, period, date(self.wall(now)))
    }

    fn start_by(&self, n: u16, period: Period, latest: NaiveDate) -> i64 {
        let back = u32::from(n) - 1;
        let first = match period {
            Period::Day => latest - Days::new(u64::from(back)),
            Period::Week => {
                let monday = latest - Days::new(u64::from(latest.weekday().num_days_from_monday()));
                monday - Days::new(7 * u64::from(back))
            }
            Period::Month => latest.with_day(1).expect("a first day") - Months::new(back),
            Period::Year => NaiveDate::from_ymd_opt(latest.year() - back as i32, 1, 1).expect("a year"),
        };
        self.least_showing(midnight(first))
    }

    /// The instant at which the clocks show this: the earlier of two, and what is skipped is moved forward by the jump.
    fn showing(&self, wall: i64) -> i64 {
        for step in self.at(wall - APART)..self.steps.len() {
            let (from, ahead) = self.steps[step];
            let instant = wall - ahead;
            if from <= instant && instant < self.end(step) {
                return instant;
            }
            if let Some((next, then)) = self.steps.get(step + 1).copied() {
                let skipped = next + ahead..next + then;
                if skipped.contains(&wall) {
                    return wall + (then - ahead) - then;
                }
            }
        }
        panic!("no clock shows {wall}")
    }

    /// K10: an instant and n periods more, by the wall clock.
    pub(crate) fn later(&self, from: i64, n: u16, period: Period) -> i64 {
        let wall = self.wall(from);
        let (day, time) = (date(wall), wall.rem_euclid(DAY));
        let day = match period {
            Period::Day => day + Days::new(n.into()),
            Period::Week => day + Days::new(7 * u64::from(n)),
            Period::Month => day + Months::new(n.into()),
            Period::Year => day + Months::new(12 * u32::from(n)),
        };
        self.showing(midnight(day) + time)
    }
}
