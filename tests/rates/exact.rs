//! What is right, written by the letter of R1 and of nothing else: shares no line with the library.

use dashshare::limits::Limit;
use std::time::Duration;

/// A generator of its own, so that every run is the same.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    pub(super) fn is(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    pub(super) fn hash(&mut self) -> [u8; 16] {
        let mut hash = [0; 16];
        hash.iter_mut().for_each(|byte| *byte = u8::try_from(self.roll(256)).expect("a byte"));
        hash
    }
}

/// How many runs a test makes: `DASHSHARE_RATES` times as many where that is set.
pub(super) fn runs(number: usize) -> usize {
    let times = std::env::var("DASHSHARE_RATES").ok().and_then(|times| times.parse().ok());
    number * times.unwrap_or(1usize)
}

/// The interval and the burst of a limit, in microseconds.
pub(super) fn parts(limit: Limit) -> (i64, i64) {
    (i64::try_from(limit.interval().as_micros()).expect("an interval"), i64::from(limit.burst()))
}

pub(super) fn micros(wait: Duration) -> i64 {
    i64::try_from(wait.as_micros()).expect("a wait")
}

/// What was let through of one key, in the order in which it was: when, and how much.
#[derive(Clone, Default, Debug)]
pub(super) struct Log(pub(super) Vec<(i64, i64)>);

impl Log {
    /// Until when it owes, by the sum over every suffix.
    pub(super) fn owes_until(&self, interval: i64) -> Option<i64> {
        let suffix = |from: usize| self.0[from..].iter().map(|(_, cost)| cost * interval).sum::<i64>();
        (0..self.0.len()).map(|from| self.0[from].0 + suffix(from)).max()
    }

    /// How long to wait, or `None` if it is let through.
    pub(super) fn wait(&self, limit: Limit, now: i64, cost: i64) -> Option<i64> {
        let (interval, burst) = parts(limit);
        let owed = self.owes_until(interval).map_or(0, |until| (until - now).max(0));
        let room = (burst - cost) * interval;
        (owed > room).then(|| owed - room)
    }

    /// A window in which more was let through than R1 allows.
    pub(super) fn overfull(&self, limit: Limit) -> Option<String> {
        let (interval, burst) = parts(limit);
        for (start, _) in &self.0 {
            for (end, _) in self.0.iter().filter(|(end, _)| end >= start) {
                let inside = self.0.iter().filter(|(at, _)| (start..=end).contains(&at));
                let cost: i64 = inside.map(|(_, cost)| cost).sum();
                let most = burst + (end - start) / interval;
                if cost > most {
                    return Some(format!("{cost} in [{start}, {end}], at most {most} of {limit:?}"));
                }
            }
        }
        None
    }
}
