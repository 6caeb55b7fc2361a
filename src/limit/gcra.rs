//! What a limit says, and what is kept of one key: the generic cell rate algorithm.

use crate::value::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const SECOND: i64 = 1_000_000;

/// So much in so long: one more each interval, and as many at once as the burst.
///
/// In any window τ the cost that is let through is at most `burst + ⌊τ / interval⌋`, in whatever order the instants come:
/// a clock that steps back lets nothing more through.
///
/// ```
/// use dashshare::{limits::{Limit, Verdict}, Timestamp};
/// use std::time::Duration;
///
/// let limit = Limit::per_minute(6).with_burst(2);
/// let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// let Verdict::Accepted(first) = limit.judge(None, start, 1) else { panic!("nothing was taken yet") };
/// let Verdict::Accepted(second) = limit.judge(Some(first), start, 1) else { panic!("two may go at once") };
/// let third = limit.judge(Some(second), start, 1);
/// assert_eq!(third, Verdict::Refused(Some(Duration::from_secs(10))));
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
///
/// Rules: [R1](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    /// In microseconds.
    interval: i64,
    burst: u32,
}

/// What is said to whoever would take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict<T = Taken> {
    /// It may, and this is kept of it.
    Accepted(T),
    /// It may not before so long from now, to the microsecond. `None`: never, since it is more than the burst.
    Refused(Option<Duration>),
}

impl Limit {
    /// One more each interval, which is at least a microsecond; nothing but one at once.
    pub fn every(interval: Duration) -> Self {
        let micros = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
        Self { interval: micros.max(1), burst: 1 }
    }

    /// So many a second, and as many at once. None lets nothing through.
    pub const fn per_second(number: u32) -> Self {
        Self::per(SECOND, number)
    }

    /// So many a minute, and as many at once. None lets nothing through.
    pub const fn per_minute(number: u32) -> Self {
        Self::per(SECOND.saturating_mul(60), number)
    }

    /// So many an hour, and as many at once. None lets nothing through.
    pub const fn per_hour(number: u32) -> Self {
        Self::per(SECOND.saturating_mul(3_600), number)
    }

    /// So many in 24 hours, and as many at once. None lets nothing through.
    pub const fn per_day(number: u32) -> Self {
        Self::per(SECOND.saturating_mul(86_400), number)
    }

    /// The interval is rounded up: never more than `number`.
    const fn per(period: i64, number: u32) -> Self {
        let interval = match period.saturating_add(number as i64).saturating_sub(1).checked_div(number as i64)
        {
            Some(interval) => interval,
            None => i64::MAX,
        };
        Self { interval, burst: number }
    }

    /// The same with so many at once. None lets nothing through.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        Self { burst, ..self }
    }

    /// After which time one more is let through.
    pub const fn interval(self) -> Duration {
        Duration::from_micros(self.interval.unsigned_abs())
    }

    /// How many are let through at once.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// Judges a cost at an instant. `tat` is what was kept of the last one that was accepted: the instant at which all that
    /// was taken has been paid off. An acceptance has the one to keep from then on.
    ///
    /// One call of cost n is accepted if and only if n calls of cost 1 at that instant are, and keeps the same. A cost of 0
    /// is accepted whenever nothing is owed beyond the burst. What would last beyond the calendar is refused.
    ///
    /// Rules: [R1](crate::specification).
    pub fn judge(self, tat: Option<Timestamp>, now: Timestamp, cost: u32) -> Verdict<Timestamp> {
        let Some(left) = self.burst.checked_sub(cost) else { return Verdict::Refused(None) };
        let owed_until = tat.map_or(now, |tat| tat.max(now));
        let owed = i128::from(owed_until.micros()).saturating_sub(now.micros().into());
        let room = self.times(left);
        if owed > room {
            let wait = u64::try_from(owed.saturating_sub(room)).unwrap_or(u64::MAX);
            return Verdict::Refused(Some(Duration::from_micros(wait)));
        }
        match self.after(owed_until, cost) {
            Some(tat) => Verdict::Accepted(tat),
            None => Verdict::Refused(None),
        }
    }

    /// What a cost is worth in time.
    fn times(self, cost: u32) -> i128 {
        i128::from(self.interval).saturating_mul(cost.into())
    }

    /// The instant that lies a cost after another one, if the calendar has it.
    fn after(self, from: Timestamp, cost: u32) -> Option<Timestamp> {
        let micros = i128::from(from.micros()).saturating_add(self.times(cost));
        let micros = i64::try_from(micros).ok()?;
        (micros <= Timestamp::MAX.micros()).then(|| Timestamp::from_micros(micros))
    }
}

/// What was taken, so that it can be given back once.
///
/// Made by a [`Limiter`](crate::limits::Limiter).
#[derive(PartialEq, Eq, Debug)]
#[must_use = "what was let in is given back"]
pub struct Taken {
    cost: u32,
    /// The number of its last one among all that were taken of the key. `None` where nothing is given back.
    number: Option<u64>,
}

impl Taken {
    /// What a limiter keeps of so much, under a number of its own: how much had ever been taken of the key, this
    /// included.
    pub const fn numbered(cost: u32, number: u64) -> Self {
        Self { cost, number: Some(number) }
    }

    /// What is never given back.
    pub const fn for_good(cost: u32) -> Self {
        Self { cost, number: None }
    }

    /// How much it is.
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// Its number, if it can be given back.
    pub const fn number(&self) -> Option<u64> {
        self.number
    }
}

/// What is kept of one key, exactly: for a [`Limiter`](crate::limits::Limiter) of a host's own, which reads it, takes or gives
/// back, and writes it, in one atomic step. It is written as an object of numbers and an instant; of a key of which nothing is
/// kept it is the default.
///
/// ```
/// use dashshare::{limits::{KeyState, Limit, Verdict}, Timestamp};
///
/// let limit = Limit::per_minute(10).with_burst(2);
/// let now: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// let mut state = KeyState::default();
/// let Verdict::Accepted(first) = state.take(limit, 1, now) else { panic!("nothing was taken yet") };
/// let Verdict::Accepted(_) = state.take(limit, 1, now) else { panic!("two may go at once") };
/// assert!(matches!(state.take(limit, 1, now), Verdict::Refused(_)));
/// state.give_back(limit, first);
/// assert!(matches!(state.take(limit, 1, now), Verdict::Accepted(_)));
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
///
/// The bound of R1 counts what was taken and not given back. Lowering `tat` by what is given back would break it: part of
/// what was taken has been paid off meanwhile, while it kept others from being paid. Whoever has a link that opens could
/// guess twice as often beside it. So it is lowered no further than to where what was taken later leaves it, at the most.
///
/// Rules: [R1](crate::specification), [R3](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyState {
    tat: Timestamp,
    /// The latest instant at which anything was taken since nothing was owed.
    latest: Timestamp,
    /// How much was ever taken, in numbers that are never used again.
    taken: u64,
    /// How much of that was taken before the last instant at which nothing was owed.
    paid: u64,
    /// How much was taken since and not given back.
    kept: u64,
}

impl Default for KeyState {
    fn default() -> Self {
        Self::owing(Timestamp::MIN, 0)
    }
}

impl KeyState {
    /// Nothing was taken, as far as is known; what is owed is owed until `tat`. Numbers begin after `number`.
    pub(crate) const fn owing(tat: Timestamp, number: u64) -> Self {
        Self { tat, latest: Timestamp::MIN, taken: number, paid: number, kept: 0 }
    }

    /// Until when anything is owed.
    pub const fn owes_until(&self) -> Timestamp {
        self.tat
    }

    /// The last number that was given.
    pub(crate) const fn number(&self) -> u64 {
        self.taken
    }

    /// Takes a cost, if there is room at this instant.
    pub fn take(&mut self, limit: Limit, cost: u32, now: Timestamp) -> Verdict {
        match limit.judge(Some(self.tat), now, cost) {
            Verdict::Refused(wait) => Verdict::Refused(wait),
            Verdict::Accepted(tat) => {
                if self.tat <= now {
                    (self.paid, self.kept, self.latest) = (self.taken, 0, now);
                }
                self.tat = tat;
                self.latest = self.latest.max(now);
                self.taken = self.taken.saturating_add(cost.into());
                self.kept = self.kept.saturating_add(cost.into());
                Verdict::Accepted(Taken::numbered(cost, self.taken))
            }
        }
    }

    /// Gives back what was taken, as far as it is still owed.
    pub fn give_back(&mut self, limit: Limit, taken: Taken) {
        // Of an earlier time everything is paid off, or nothing of it is known any more.
        let is_owed = |number: &u64| self.paid < *number && *number <= self.taken;
        let Some(number) = taken.number.filter(is_owed) else { return };
        self.kept = self.kept.saturating_sub(taken.cost.into());
        let later = self.taken.saturating_sub(number).min(self.kept);
        let later = u32::try_from(later).unwrap_or(u32::MAX);
        let without = i128::from(self.tat.micros()).saturating_sub(limit.times(taken.cost));
        let least = match later {
            0 => without,
            later => without.max(i128::from(self.latest.micros()).saturating_add(limit.times(later))),
        };
        let tat = i64::try_from(least).map_or(self.tat, Timestamp::from_micros);
        self.tat = self.tat.min(tat);
    }
}
