//! The lock, how it is built, and how two of them meet.

use super::{
    selectors::{Clauses, DeviceSelector, VariableSelector},
    span::{Span, Spans},
    window::{NEVER, Range, TimeLock},
    zone::{Unit, Zone},
};
use crate::value::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// How much of a dashboard's data a share or a link shows: which devices and variables, which instants, which values of
/// parameters, and how long a range may be asked for at once.
///
/// A part that is not given restricts nothing. Each method narrows: there is none that widens, here or anywhere in the
/// library. A lock is always in canonical form, so that two that say the same are equal.
///
/// ```
/// use dashshare::{Lock, lock::{DeviceSelector, Span, Unit}};
/// let pumps = Lock::NONE.devices(["pump-1".into(), DeviceSelector::tag("site", "north")]);
/// let week = Lock::NONE.last("7d".parse()?);
/// let both = pumps.clone().meet(week);
/// assert!(both.is_within(&pumps));
/// assert_eq!(both.to_string(), "devices pump-1 or site=north, the last 7d");
/// assert_eq!(
///     serde_json::to_string(&both)?,
///     r#"{"devices":["pump-1",{"key":"site","value":"north"}],"last":"7d"}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Rules: [K1](crate::specification), [K2](crate::specification), [K11](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lock {
    pub(super) devices: Clauses<DeviceSelector>,
    pub(super) variables: Clauses<VariableSelector>,
    pub(super) time: TimeLock,
    pub(super) parameters: BTreeMap<String, BTreeSet<String>>,
    pub(super) max_range: Spans,
}

impl Lock {
    /// Nothing is restricted.
    pub const NONE: Self = Self {
        devices: Clauses::OPEN,
        variables: Clauses::OPEN,
        time: TimeLock { absolute: Range::EVER, rolling: Spans::NONE },
        parameters: BTreeMap::new(),
        max_range: Spans::NONE,
    };

    /// Only devices that one of these names.
    #[must_use]
    pub fn devices(self, one_of: impl IntoIterator<Item = DeviceSelector>) -> Self {
        let clause = Clauses::of([one_of.into_iter().collect()]);
        Self { devices: self.devices.meet(clause), ..self }
    }

    /// Only variables that one of these names.
    #[must_use]
    pub fn variables(self, one_of: impl IntoIterator<Item = VariableSelector>) -> Self {
        let clause = Clauses::of([one_of.into_iter().collect()]);
        Self { variables: self.variables.meet(clause), ..self }
    }

    /// Only data from this instant on.
    #[must_use]
    pub fn since(self, from: Timestamp) -> Self {
        self.within(Range { from: Some(from), until: None })
    }

    /// Only data from before this instant.
    #[must_use]
    pub fn before(self, until: Timestamp) -> Self {
        self.within(Range { from: None, until: Some(until) })
    }

    /// Only data in this range.
    #[must_use]
    pub fn within(self, absolute: Range) -> Self {
        let time = self.time.meet(TimeLock { absolute, rolling: Spans::default() });
        Self { time, ..self }
    }

    /// Only data of so long up to the moment of the question.
    #[must_use]
    pub fn last(self, span: Span) -> Self {
        self.rolling(Spans { exact: Some(span), ..Spans::default() })
    }

    /// Only data of the period that is running in this zone and of the n − 1 before it. Zero admits nothing, and is
    /// refused when it is written.
    #[must_use]
    pub fn whole(self, n: u16, unit: Unit, zone: Zone) -> Self {
        if n == 0 {
            return self.within(NEVER);
        }
        self.rolling(Spans { whole: BTreeMap::from([((unit, zone), n)]), ..Spans::default() })
    }

    fn rolling(self, rolling: Spans) -> Self {
        Self { time: self.time.meet(TimeLock { absolute: Range::EVER, rolling }), ..self }
    }

    /// Only questions that apply this parameter with one of these values.
    #[must_use]
    pub fn parameter<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        one_of: impl IntoIterator<Item = V>,
    ) -> Self {
        let values: BTreeSet<String> = one_of.into_iter().map(Into::into).collect();
        self.meet_parameter(name.into(), values);
        self
    }

    fn meet_parameter(&mut self, name: String, values: BTreeSet<String>) {
        self.parameters
            .entry(name)
            .and_modify(|mine| mine.retain(|value| values.contains(value)))
            .or_insert(values);
    }

    /// No range longer than this may be asked for.
    #[must_use]
    pub fn max_range(self, span: Span) -> Self {
        self.longest(Spans { exact: Some(span), ..Spans::default() })
    }

    /// No range longer than n whole periods, by the wall clock of this zone, may be asked for. Zero admits nothing, and is
    /// refused when it is written.
    #[must_use]
    pub fn max_range_whole(self, n: u16, unit: Unit, zone: Zone) -> Self {
        if n == 0 {
            return self.within(NEVER);
        }
        self.longest(Spans { whole: BTreeMap::from([((unit, zone), n)]), ..Spans::default() })
    }

    pub(super) fn longest(self, spans: Spans) -> Self {
        Self { max_range: self.max_range.meet(spans), ..self }
    }

    /// What both locks admit.
    ///
    /// Rules: [K11](crate::specification).
    #[must_use]
    pub fn meet(mut self, other: Self) -> Self {
        for (name, values) in other.parameters {
            self.meet_parameter(name, values);
        }
        Self {
            devices: self.devices.meet(other.devices),
            variables: self.variables.meet(other.variables),
            time: self.time.meet(other.time),
            parameters: self.parameters,
            max_range: self.max_range.meet(other.max_range),
        }
    }

    /// The same predicate without the ids of devices that one of its clauses names and another one shuts out: two clauses
    /// of ids alone become the one that has what they share.
    pub(crate) fn without_hidden_ids(&self) -> Self {
        Self { devices: self.devices.without_hidden_ids(), ..self.clone() }
    }

    /// Whether it admits no more than another at any instant, as far as their form tells: whether the two meet in this
    /// one.
    ///
    /// Rules: [K11](crate::specification).
    pub fn is_within(&self, other: &Self) -> bool {
        *other == Self::NONE || self.clone().meet(other.clone()) == *self
    }

    /// Whether nothing is restricted.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether its form alone lets nothing through: an empty clause, a parameter without values, an empty absolute window.
    /// A window in the future is not empty.
    ///
    /// Rules: [K13](crate::specification).
    pub fn is_empty(&self) -> bool {
        self.devices.is_shut()
            || self.variables.is_shut()
            || self.time.absolute == NEVER
            || self.parameters.values().any(BTreeSet::is_empty)
    }

    /// The clauses of devices.
    pub fn device_clauses(&self) -> &Clauses<DeviceSelector> {
        &self.devices
    }

    /// The clauses of variables.
    pub fn variable_clauses(&self) -> &Clauses<VariableSelector> {
        &self.variables
    }

    /// The absolute window.
    pub fn absolute_window(&self) -> Range {
        self.time.absolute
    }

    /// The windows that move with now.
    pub fn rolling_windows(&self) -> &Spans {
        &self.time.rolling
    }

    /// The values that each locked parameter may have.
    pub fn parameters(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.parameters
    }

    /// The longest range that may be asked for.
    pub fn longest_range(&self) -> &Spans {
        &self.max_range
    }

    /// The instants that it admits as of now, as far as time decides.
    ///
    /// Rules: [K6](crate::specification), [K7](crate::specification), [K8](crate::specification),
    /// [K9](crate::specification).
    pub fn window(&self, now: Timestamp) -> Range {
        self.time.at(now)
    }
}

impl fmt::Display for Lock {
    /// Its parts in words, each clause apart; `everything` where nothing is restricted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        let or = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(" or ") };
        for clause in self.devices.iter() {
            parts.push(format!("devices {}", or(clause.iter().map(ToString::to_string).collect())));
        }
        for clause in self.variables.iter() {
            parts.push(format!("variables {}", or(clause.iter().map(ToString::to_string).collect())));
        }
        match self.time.absolute {
            NEVER => parts.push("no time at all".to_owned()),
            Range::EVER => {}
            absolute => parts.push(format!("data {absolute}")),
        }
        if !self.time.rolling.is_empty() {
            parts.push(format!("the last {}", self.time.rolling));
        }
        for (name, values) in &self.parameters {
            parts.push(format!("{name} {}", or(values.iter().cloned().collect())));
        }
        if !self.max_range.is_empty() {
            parts.push(format!("at most {} at once", self.max_range));
        }
        let words = if parts.is_empty() { "everything".to_owned() } else { parts.join(", ") };
        crate::value::Shown(&words).fmt(f)
    }
}
