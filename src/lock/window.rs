//! Ranges of instants, and the window of a lock at an instant.

use super::span::Spans;
use crate::value::Timestamp;
use serde::Serialize;
use std::fmt;

/// A range of instants: from its first one up to, and without, its end. A side that is `None` is open.
///
/// Rules: [K6](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Range {
    /// The first instant.
    pub from: Option<Timestamp>,
    /// The first instant that is no more part of it.
    pub until: Option<Timestamp>,
}

impl Range {
    /// All of time.
    pub const EVER: Self = Self { from: None, until: None };

    /// From an instant up to another.
    pub const fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from: Some(from), until: Some(until) }
    }

    /// Whether no instant lies in it.
    pub fn is_empty(self) -> bool {
        self.from.zip(self.until).is_some_and(|(from, until)| from >= until)
    }

    /// What lies in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let until = match (self.until, other.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        // `None` orders before every instant, which is what an open beginning is.
        Self { from: self.from.max(other.from), until }
    }

    /// Whether all of `other` lies in it.
    pub fn covers(self, other: Self) -> bool {
        other.is_empty() || self.intersection(other) == other
    }

    /// Whether an instant lies in it.
    pub fn contains(self, t: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= t) && self.until.is_none_or(|until| t < until)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.until) {
            (None, None) => f.write_str("any time"),
            (Some(from), None) => write!(f, "from {from} on"),
            (None, Some(until)) => write!(f, "before {until}"),
            (Some(from), Some(until)) => write!(f, "from {from} until {until}"),
        }
    }
}

/// The instants that a lock admits, as far as time decides: an absolute window, and windows that move with now. All must
/// hold.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(super) struct TimeLock {
    pub(super) absolute: Range,
    pub(super) rolling: Spans,
}

/// The one canonical empty window: however it came to be, it admits nothing.
pub(super) const NEVER: Range = Range::new(Timestamp::MIN, Timestamp::MIN);

impl TimeLock {
    pub(super) fn meet(self, other: Self) -> Self {
        let absolute = self.absolute.intersection(other.absolute);
        Self {
            absolute: if absolute.is_empty() { NEVER } else { absolute },
            rolling: self.rolling.meet(other.rolling),
        }
    }

    /// The window at an instant. Rolling ones end now: data that is stamped later is outside.
    ///
    /// Rules: K6 to K9.
    pub(super) fn at(&self, now: Timestamp) -> Range {
        match self.rolling.start(now) {
            None => self.absolute,
            Some(start) => self.absolute.intersection(Range::new(start, now)),
        }
    }
}
