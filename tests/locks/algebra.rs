//! The meet of locks, over random locks in threes.

use super::{
    chance::{self, at, heard},
    model::{Canonical, Datum, Model, common, holds},
};
use crate::policies::world::{self, Dice};
use dashshare::{Lock, lock::StoredLock};
use std::collections::BTreeMap;

const LOCKS: u64 = 200_000;

/// What was really tried, and how often.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn count(&mut self, what: &'static str, happened: bool) {
        *self.0.entry(what).or_default() += u64::from(happened);
    }

    fn print(&self) {
        for (what, times) in &self.0 {
            println!("{times:>9}  {what}");
        }
    }
}

/// A lock, as the model and as the library have it.
struct Pair {
    model: Model,
    canonical: Canonical,
    lock: Lock,
}

impl Pair {
    fn of(model: Model) -> Self {
        Self { lock: model.said(), canonical: model.canonical(), model }
    }

    fn meet(&self, other: &Self) -> Self {
        let model = self.model.meet(&other.model);
        Self { canonical: model.canonical(), lock: self.lock.clone().meet(other.lock.clone()), model }
    }
}

/// K2–K11, K13; traps TA3, TA5, TA11: over random locks a, b and c, the library's meet is commutative, associative and
/// idempotent, and `NONE` is neutral; `a ∧ b` admits what both admit; whatever has one meaning is one value and one text,
/// and whatever is one value is read back from it; a lock within another admits nothing that the other does not; and
/// their windows are those of the model at each of their boundaries and a microsecond before and after.
#[test]
fn locks_meet_as_the_model_says() {
    let number = world::number("DASHSHARE_LOCKS").unwrap_or(LOCKS);
    let seed = world::seed();
    let mut tally = Tally::default();
    for triple in 0..number.div_ceil(3) {
        let mut dice = Dice::new(seed.wrapping_add(triple));
        let whence = format!("DASHSHARE_LOCKS=1 DASHSHARE_SEED={}", seed.wrapping_add(triple));
        let now = chance::now(&mut dice);
        let a = Pair::of(chance::lock(&mut dice, now));
        let b = Pair::of(if dice.chance(25) {
            let weaker = chance::weakened(&mut dice, &a.model);
            chance::weakened(&mut dice, &weaker)
        } else {
            chance::lock(&mut dice, now)
        });
        let c = Pair::of(chance::lock(&mut dice, now));
        let both = a.meet(&b);
        laws(&a, &b, &c, &both, &whence);
        order(&a, &b, &both, &mut tally, &whence);
        for pair in [&a, &b, &c, &both] {
            form(pair, &mut dice, now, &mut tally, &whence);
        }
        let instants = windows(&[&a, &b, &both], now, &mut tally, &whence);
        for _ in 0..3 {
            let instant = instants[dice.below(instants.len())];
            let datum = chance::fitting(&mut dice, &both.model, instant);
            admitted(&a, &b, &both, &datum, now, &mut tally, &whence);
        }
        (0..3).for_each(|_| tally.count("locks", true));
    }
    tally.print();
    for (what, share) in LEAST {
        let found = tally.0.get(what).copied().unwrap_or(0);
        assert!(number < 1000 || found * share >= number, "`{what}` happened {found} times");
    }
}

/// What must happen, once in so many locks at least.
const LEAST: [(&str, u64); 22] = [
    ("a within b", 30),
    ("neither within the other", 10),
    ("a admits and so does b, which it is within", 100),
    ("a is within b, which admits more", 100),
    ("admitted by both", 10),
    ("admitted by one of two", 10),
    ("admitted by neither", 10),
    ("completed by the one value that is left", 200),
    ("each gives a value of its own", 20_000),
    ("empty", 10),
    ("empty only as a meet", 200),
    ("an empty clause", 50),
    ("an empty window", 20),
    ("an empty set of values", 20),
    ("clauses that others contain", 10),
    ("several clauses that all stay", 10),
    ("several spans that all stay", 10),
    ("said in other words", 5),
    ("a window", 2),
    ("a window that rolls", 3),
    ("a window with no instant", 20),
    ("an instant inside", 1),
];

fn laws(a: &Pair, b: &Pair, c: &Pair, both: &Pair, whence: &str) {
    let meet = |x: &Lock, y: &Lock| x.clone().meet(y.clone());
    assert_eq!(meet(&b.lock, &a.lock), both.lock, "commutative: {whence}");
    assert_eq!(meet(&both.lock, &c.lock), meet(&a.lock, &meet(&b.lock, &c.lock)), "associative: {whence}");
    assert_eq!(meet(&a.lock, &a.lock), a.lock, "idempotent: {whence}");
    assert_eq!(meet(&both.lock, &a.lock), both.lock, "absorbing: {whence}");
    assert_eq!(meet(&a.lock, &Lock::NONE), a.lock, "neutral: {whence}");
    assert_eq!(meet(&Lock::NONE, &a.lock), a.lock, "neutral: {whence}");
}

fn order(a: &Pair, b: &Pair, both: &Pair, tally: &mut Tally, whence: &str) {
    let (of_a, of_b, of_both) = (&a.canonical, &b.canonical, &both.canonical);
    assert_eq!(a.lock.is_within(&b.lock), of_both == of_a, "{} within {}: {whence}", a.lock, b.lock);
    assert_eq!(b.lock.is_within(&a.lock), of_both == of_b, "{} within {}: {whence}", b.lock, a.lock);
    assert_eq!(a.lock == b.lock, of_a == of_b, "{} and {}: {whence}", a.lock, b.lock);
    assert!(both.lock.is_within(&a.lock) && both.lock.is_within(&b.lock) && a.lock.is_within(&Lock::NONE));
    tally.count("a within b", of_both == of_a && of_a != of_b);
    tally.count("neither within the other", of_both != of_a && of_both != of_b);
    tally.count("empty only as a meet", both.lock.is_empty() && !a.lock.is_empty() && !b.lock.is_empty());
}

fn form(pair: &Pair, dice: &mut Dice, now: i64, tally: &mut Tally, whence: &str) {
    let Pair { model, canonical, lock } = pair;
    assert_eq!(heard(lock), *canonical, "{lock}: {whence}");
    assert_eq!(lock.is_empty(), canonical.is_empty(), "{lock}: {whence}");
    assert_eq!(lock.is_none(), *lock == Lock::NONE, "{lock}: {whence}");
    let text = serde_json::to_string(lock).expect("a lock is written");
    let read: Lock = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}: {whence}"));
    assert_eq!(read, *lock, "{text}: {whence}");
    assert_eq!(serde_json::to_string(&read).expect("a lock is written"), text, "{whence}");
    if dice.chance(30) {
        let other = chance::reworded(dice, model, now);
        let said = other.said();
        assert_eq!(other.canonical(), *canonical, "the model words it otherwise: {whence}");
        assert_eq!(said, *lock, "{whence}");
        assert_eq!(serde_json::to_string(&said).expect("a lock is written"), text, "{whence}");
        tally.count("said in other words", other != *model);
    }
    if dice.chance(20) {
        let stored: StoredLock = serde_json::from_str(&text).expect("whatever stands there is read");
        assert_eq!(stored.lock(), Some(lock), "{text}: {whence}");
    }
    tally.count("empty", canonical.is_empty());
    tally.count("an empty clause", canonical.devices.iter().any(|clause| clause.is_empty()));
    tally.count("an empty window", canonical.absolute.is_none());
    tally.count("an empty set of values", canonical.parameters.values().any(|set| set.is_empty()));
    tally.count("clauses that others contain", canonical.devices.len() < model.devices.len());
    tally.count("several clauses that all stay", canonical.devices.len() > 1);
    tally.count("several spans that all stay", canonical.whole.len() > 1);
}

/// All boundaries, each with the microseconds beside it.
fn windows(pairs: &[&Pair; 3], now: i64, tally: &mut Tally, whence: &str) -> Vec<i64> {
    let ranges = pairs.map(|pair| pair.model.instants(now));
    let mut instants: Vec<i64> =
        ranges.iter().flatten().flat_map(|(from, until)| [*from, *until]).flatten().collect();
    instants.push(now);
    instants.sort_unstable();
    instants.dedup();
    let instants: Vec<i64> =
        instants.iter().flat_map(|instant| [instant - 1, *instant, instant + 1]).collect();
    for (pair, ranges) in pairs.iter().zip(&ranges) {
        let window = pair.lock.window(at(now));
        assert_eq!(chance::range(window), common(ranges), "{} as of {}: {whence}", pair.lock, at(now));
        for instant in &instants {
            let inside = ranges.iter().all(|range| holds(*range, *instant));
            assert_eq!(window.contains(at(*instant)), inside, "{} at {}: {whence}", pair.lock, at(*instant));
            tally.count("an instant inside", inside && !ranges.is_empty());
        }
        tally.count("a window", !ranges.is_empty());
        tally.count("a window that rolls", !pair.lock.rolling_windows().is_empty());
        tally.count("a window with no instant", common(ranges).is_none());
    }
    instants
}

/// K2, and K11 for data: what the meet admits, both admit, and the other way about. A question that leaves a value out is
/// the same as the one that gives the value which the meet leaves (K5); where it leaves none or several, it is denied.
fn admitted(a: &Pair, b: &Pair, both: &Pair, datum: &Datum, now: i64, tally: &mut Tally, whence: &str) {
    let tags = datum.tagged();
    let admits = |pair: &Pair, datum: &Datum| {
        let answer = pair.lock.admits(&datum.asked(), &tags, at(datum.instant), at(now));
        assert_eq!(answer, pair.model.admits(datum, now), "{}: {datum:?}: {whence}", pair.lock);
        answer
    };
    let whole = both.model.completed(datum);
    let (by_a, by_b) = (admits(a, &whole), admits(b, &whole));
    let by_both = admits(both, datum);
    if both.model.sets().keys().all(|name| whole.chosen(name).is_some()) {
        assert_eq!(by_both, by_a && by_b, "{} and {}: {datum:?}: {whence}", a.lock, b.lock);
    } else {
        // Each may give a value of its own, but what is read can only have one.
        assert!(!by_both, "{} and {}: {datum:?}: {whence}", a.lock, b.lock);
        tally.count("each gives a value of its own", by_a && by_b);
    }
    assert!(whole.values == datum.values || by_both == admits(both, &whole), "{datum:?}: {whence}");
    if whole.values != datum.values {
        admits(a, datum);
        admits(b, datum);
    }
    if a.lock.is_within(&b.lock) && a.lock != b.lock {
        assert!(!by_a || by_b, "{} admits what {} does not: {datum:?}: {whence}", a.lock, b.lock);
        tally.count("a admits and so does b, which it is within", by_a);
        tally.count("a is within b, which admits more", by_b && !by_a);
    }
    tally.count("admitted by both", by_both);
    tally.count("admitted by one of two", by_a != by_b);
    tally.count("admitted by neither", !by_a && !by_b);
    tally.count("completed by the one value that is left", by_both && whole.values != datum.values);
}
