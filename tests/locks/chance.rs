//! Random locks and questions from a small vocabulary, so that they collide, and the same as values of the library.

use super::{
    calendar::{DAY, HOUR, MINUTE, PERIODS, Period},
    model::{Canonical, Datum, Device, Model, Variable, Whole, ZONES},
};
use crate::policies::world::Dice;
use dashshare::{
    Lock, Timestamp,
    lock::{DeviceSelector, Query, Range, ReadKind, Span, Spans, Unit, VariableSelector, Zone},
    policy::Tag,
};
use std::{collections::BTreeMap, sync::LazyLock};

const DEVICES: [&str; 3] = ["p1", "p2", "P1"];
const KEYS: [&str; 2] = ["site", "line"];
const TAGS: [&str; 2] = ["north", "p1"];
const VARIABLES: [&str; 3] = ["temp", "rpm", "Temp"];
const NAMES: [&str; 2] = ["site", "mode"];
const VALUES: [&str; 4] = ["berlin", "*", "", "Berlin"];
const MINUTES: [u32; 6] = [1, 60, 720, 1440, 2880, 7 * 1440];

/// Instants at which something happens to the clocks of one of the zones, and dull ones.
const NOWS: [&str; 14] = [
    "2026-03-29T10:00:00Z",
    "2026-03-29T22:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-10-25T23:30:00Z",
    "2011-12-30T12:00:00Z",
    "2011-12-30T10:00:00Z",
    "2010-11-07T02:30:30Z",
    "2010-11-07T02:31:00Z",
    "2010-11-07T03:30:00Z",
    "2024-04-25T22:00:00Z",
    "2018-11-04T03:00:00Z",
    "2018-02-18T02:00:00Z",
    "2026-01-01T00:00:00Z",
    "2026-07-31T18:15:00Z",
];

static NOW_MICROS: LazyLock<Vec<i64>> =
    LazyLock::new(|| NOWS.iter().map(|now| now.parse::<Timestamp>().expect("an instant").micros()).collect());
static KNOWN: LazyLock<Vec<Zone>> =
    LazyLock::new(|| ZONES.iter().map(|name| name.parse().expect("a zone")).collect());

fn one<T: Copy>(dice: &mut Dice, of: &[T]) -> T {
    of[dice.below(of.len())]
}

pub(crate) fn now(dice: &mut Dice) -> i64 {
    let about = one(dice, &[0, 0, 1, -1, HOUR, -HOUR, 5 * HOUR, DAY, -DAY]);
    one(dice, &NOW_MICROS) + about
}

/// An instant near now, so that windows meet.
fn near(dice: &mut Dice, now: i64) -> i64 {
    let far = one(dice, &[0, HOUR, DAY, 2 * DAY, 3 * DAY, 7 * DAY, -HOUR, -DAY]);
    now - far + one(dice, &[0, 0, 1, -1])
}

fn clause<T>(dice: &mut Dice, mut selector: impl FnMut(&mut Dice) -> T) -> Vec<T> {
    // An empty one admits nothing, so it must not come often.
    let selectors = if dice.chance(3) { 0 } else { dice.between(1, 3) };
    (0..selectors).map(|_| selector(dice)).collect()
}

fn device(dice: &mut Dice) -> Device {
    if dice.chance(60) {
        Device::Id(one(dice, &DEVICES))
    } else {
        Device::Tag(one(dice, &KEYS), one(dice, &TAGS))
    }
}

fn variable(dice: &mut Dice) -> Variable {
    let name = one(dice, &VARIABLES);
    if dice.chance(60) { Variable::Named(name) } else { Variable::Of(one(dice, &DEVICES), name) }
}

fn minutes(dice: &mut Dice) -> u32 {
    one(dice, &MINUTES)
}

fn whole(dice: &mut Dice) -> Whole {
    let n = if dice.chance(5) { dice.between(4, 60) } else { dice.between(1, 3) };
    (n as u16, one(dice, &PERIODS), dice.below(ZONES.len()))
}

/// Some of what `make` makes; most often one, or none.
fn some<T>(dice: &mut Dice, percent: usize, mut make: impl FnMut(&mut Dice) -> T) -> Vec<T> {
    if !dice.chance(percent) {
        return Vec::new();
    }
    (0..one(dice, &[1, 1, 1, 2, 3])).map(|_| make(dice)).collect()
}

fn absolute(dice: &mut Dice, now: i64) -> (Option<i64>, Option<i64>) {
    let (a, b) = (near(dice, now), near(dice, now));
    match dice.below(10) {
        0 | 1 => (Some(a), None),
        2 | 3 => (None, Some(a)),
        4 => (Some(a), Some(b)),
        5 | 6 => (Some(now - 7 * DAY), Some(now - a.rem_euclid(HOUR))),
        _ => (Some(a.min(b)), Some(a.max(b))),
    }
}

pub(crate) fn lock(dice: &mut Dice, now: i64) -> Model {
    Model {
        devices: some(dice, 50, |dice| clause(dice, device)),
        variables: some(dice, 40, |dice| clause(dice, variable)),
        absolute: some(dice, 40, |dice| absolute(dice, now)),
        minutes: some(dice, 30, minutes),
        whole: some(dice, 30, whole),
        parameters: some(dice, 35, |dice| {
            let values = if dice.chance(5) { 0 } else { dice.between(1, 3) };
            (one(dice, &NAMES), (0..values).map(|_| one(dice, &VALUES)).collect())
        }),
        longest_minutes: some(dice, 20, minutes),
        longest_whole: some(dice, 20, whole),
    }
}

/// The same with one entry less: it admits as much, or more.
pub(crate) fn weakened(dice: &mut Dice, lock: &Model) -> Model {
    fn less<T>(dice: &mut Dice, list: &mut Vec<T>) {
        if !list.is_empty() {
            list.swap_remove(dice.below(list.len()));
        }
    }
    let mut weaker = lock.clone();
    match dice.below(7) {
        0 => less(dice, &mut weaker.devices),
        1 => less(dice, &mut weaker.variables),
        2 => less(dice, &mut weaker.absolute),
        3 => less(dice, &mut weaker.minutes),
        4 => less(dice, &mut weaker.whole),
        5 => less(dice, &mut weaker.parameters),
        _ => less(dice, &mut weaker.longest_whole),
    }
    weaker
}

/// The same meaning said otherwise: in another order, twice, and with what follows from it anyway.
pub(crate) fn reworded(dice: &mut Dice, lock: &Model, now: i64) -> Model {
    let mut other = lock.clone();
    if let [first, ..] = lock.devices.as_slice() {
        other.devices.push([first.as_slice(), &[device(dice), device(dice)]].concat());
        other.devices.push(first.clone());
    }
    if let [first, ..] = lock.variables.as_slice() {
        other.variables.push([first.as_slice(), &[variable(dice)]].concat());
    }
    if let [first, ..] = lock.absolute.as_slice() {
        let (from, until) = *first;
        other.absolute.push((from.map(|from| from - HOUR), until.map(|until| until + HOUR)));
        if lock.canonical().absolute.is_none() {
            // Whatever is added to what is empty.
            other.absolute.push(absolute(dice, now));
        }
    }
    other.minutes.extend(lock.minutes.iter().map(|minutes| minutes + 1));
    other.whole.extend(lock.whole.iter().map(|(n, period, zone)| (n + 1, *period, *zone)));
    if let Some((name, values)) = lock.parameters.first() {
        other.parameters.push((name, [values.as_slice(), &VALUES[..1], &VALUES[..2]].concat()));
    }
    other.longest_minutes.extend(lock.longest_minutes.iter().map(|minutes| minutes * 2));
    other.longest_whole.extend(lock.longest_whole.iter().map(|(n, period, zone)| (n + 3, *period, *zone)));
    dice.shuffle(&mut other.devices);
    for clause in &mut other.devices {
        dice.shuffle(clause);
    }
    for clause in &mut other.variables {
        dice.shuffle(clause);
    }
    dice.shuffle(&mut other.variables);
    dice.shuffle(&mut other.absolute);
    dice.shuffle(&mut other.minutes);
    dice.shuffle(&mut other.whole);
    dice.shuffle(&mut other.parameters);
    dice.shuffle(&mut other.longest_whole);
    other
}

/// A question that often fits a lock: its names are mostly taken from it.
pub(crate) fn fitting(dice: &mut Dice, lock: &Model, instant: i64) -> Datum {
    let mut datum = datum(dice, instant);
    for clause in &lock.devices {
        match clause.first() {
            Some(Device::Id(id)) if dice.chance(90) => datum.device = id,
            Some(Device::Tag(key, value)) if dice.chance(90) => datum.tags.push((key, value)),
            _ => {}
        }
    }
    match lock.variables.first().and_then(|clause| clause.first()) {
        Some(Variable::Named(name)) if dice.chance(90) => datum.variable = name,
        Some(Variable::Of(device, name)) if dice.chance(90) => {
            (datum.device, datum.variable) = (device, name)
        }
        _ => {}
    }
    for (name, set) in lock.sets() {
        let only = set.len() == 1 && dice.chance(40);
        if only {
            datum.values.remove(name);
        } else if let Some(value) = set.first().filter(|_| dice.chance(80)) {
            datum.values.insert(name, value);
        }
    }
    datum
}

/// A range to ask for, near now; often none, sometimes with one side only.
pub(crate) fn asked(dice: &mut Dice, now: i64) -> (Option<i64>, Option<i64>) {
    let (a, b) = (near(dice, now), near(dice, now));
    match dice.below(6) {
        0 | 1 => (None, None),
        2 => (Some(a), None),
        3 => (None, Some(a)),
        _ => (Some(a.min(b)), Some(a.max(b))),
    }
}

fn datum(dice: &mut Dice, instant: i64) -> Datum {
    let mut values = BTreeMap::new();
    for name in NAMES {
        if dice.chance(60) {
            values.insert(name, one(dice, &VALUES));
        }
    }
    Datum {
        device: one(dice, &DEVICES),
        tags: some(dice, 60, |dice| (one(dice, &KEYS), one(dice, &TAGS))),
        variable: one(dice, &VARIABLES),
        instant,
        values,
        applies: NAMES.iter().copied().filter(|_| dice.chance(85)).collect(),
    }
}

// The same as values of the library.

pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

pub(crate) fn unit(period: Period) -> Unit {
    match period {
        Period::Day => Unit::Day,
        Period::Week => Unit::Week,
        Period::Month => Unit::Month,
        Period::Year => Unit::Year,
    }
}

fn span(minutes: u32) -> Span {
    Span::minutes(minutes).expect("a length")
}

impl Device {
    pub(crate) fn said(self) -> DeviceSelector {
        match self {
            Self::Id(id) => id.into(),
            Self::Tag(key, value) => DeviceSelector::tag(key, value),
        }
    }
}

impl Variable {
    pub(crate) fn said(self) -> VariableSelector {
        match self {
            Self::Named(name) => name.into(),
            Self::Of(device, name) => VariableSelector::of(device, name),
        }
    }
}

impl Model {
    /// As a lock, one entry after the other.
    pub(crate) fn said(&self) -> Lock {
        let mut lock = Lock::NONE;
        for (n, period, zone) in &self.longest_whole {
            lock = lock.max_range_whole(*n, unit(*period), KNOWN[*zone].clone());
        }
        for clause in &self.devices {
            lock = lock.devices(clause.iter().map(|selector| selector.said()));
        }
        for (n, period, zone) in &self.whole {
            lock = lock.whole(*n, unit(*period), KNOWN[*zone].clone());
        }
        for clause in &self.variables {
            lock = lock.variables(clause.iter().map(|selector| selector.said()));
        }
        for (name, values) in &self.parameters {
            lock = lock.parameter(*name, values.iter().copied());
        }
        for (from, until) in &self.absolute {
            lock = match (from, until) {
                (Some(from), None) => lock.since(at(*from)),
                (None, Some(until)) => lock.before(at(*until)),
                (from, until) => lock.within(Range { from: from.map(at), until: until.map(at) }),
            };
        }
        for minutes in &self.minutes {
            lock = lock.last(span(*minutes));
        }
        for minutes in &self.longest_minutes {
            lock = lock.max_range(span(*minutes));
        }
        lock
    }
}

impl Datum {
    pub(crate) fn asked(&self) -> Query {
        let mut query = Query::new(ReadKind::Series, self.device, self.variable);
        for name in &self.applies {
            query = query.applying(*name);
        }
        for (name, value) in &self.values {
            query = query.choosing(*name, *value);
        }
        query
    }

    pub(crate) fn tagged(&self) -> Vec<Tag> {
        self.tags.iter().map(|(key, value)| Tag::new(*key, *value)).collect()
    }
}

/// The word of the vocabulary that a text is.
fn word(text: &str) -> &'static str {
    let all = [&DEVICES[..], &KEYS, &TAGS, &VARIABLES, &NAMES, &VALUES].concat();
    all.into_iter().find(|word| *word == text).unwrap_or_else(|| panic!("`{text}` was never said"))
}

fn spans(spans: &Spans) -> (Option<u32>, BTreeMap<(Period, usize), u16>) {
    let minutes = spans.exact().map(|span| u32::try_from(span.micros() / MINUTE).expect("minutes"));
    let whole = spans.whole().map(|(n, of, zone)| {
        let period = PERIODS.into_iter().find(|period| unit(*period) == of).expect("a period");
        ((period, ZONES.iter().position(|name| *name == zone.name()).expect("a zone")), n)
    });
    (minutes, whole.collect())
}

/// What a lock of the library holds.
pub(crate) fn heard(lock: &Lock) -> Canonical {
    let device = |selector: &DeviceSelector| match selector {
        DeviceSelector::Id(id) => Device::Id(word(id)),
        DeviceSelector::Tag(tag) => Device::Tag(word(&tag.key), word(&tag.value)),
        other => panic!("{other:?}"),
    };
    let variable = |selector: &VariableSelector| match selector {
        VariableSelector::Named(name) => Variable::Named(word(name)),
        VariableSelector::Of { device, name } => Variable::Of(word(device), word(name)),
        other => panic!("{other:?}"),
    };
    let absolute = lock.absolute_window();
    let (minutes, whole) = spans(lock.rolling_windows());
    let (longest_minutes, longest_whole) = spans(lock.longest_range());
    Canonical {
        devices: lock.device_clauses().iter().map(|clause| clause.iter().map(device).collect()).collect(),
        variables: lock
            .variable_clauses()
            .iter()
            .map(|clause| clause.iter().map(variable).collect())
            .collect(),
        absolute: range(absolute),
        minutes,
        whole,
        parameters: lock
            .parameters()
            .iter()
            .map(|(name, values)| (word(name), values.iter().map(|value| word(value)).collect()))
            .collect(),
        longest_minutes,
        longest_whole,
    }
}

/// A range as the model says it; `None` for one without an instant.
pub(crate) fn range(range: Range) -> Option<(Option<i64>, Option<i64>)> {
    let (from, until) = (range.from.map(Timestamp::micros), range.until.map(Timestamp::micros));
    from.zip(until).is_none_or(|(from, until)| from < until).then_some((from, until))
}
