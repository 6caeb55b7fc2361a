//! Limiters that are broken in one way each, as others have been. Each is found by the check of `subject.rs` that is named
//! beside it, and the same limiter without the fault passes that check.

use super::{
    exact::parts,
    subject::{CHECKS, Make, Subject},
};
use dashshare::limits::{Limit, ProcessLimiter, Taken, Verdict};
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

/// How one is broken.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    None,
    /// Counts by the window that it is: two bursts at its turn.
    Window,
    /// One more at once.
    OneMore,
    /// Every cost is 1.
    CostOne,
    /// Goes on from the present, whatever is owed.
    FromNow,
    /// Goes on from what was owed, however long ago that was: what was not used is saved up.
    Saved,
    /// A clock that steps back starts anew.
    BackIsNew,
    /// Waits are told in whole milliseconds, rounded down.
    CoarseWait,
    /// Gives back by lowering what is owed, whatever has been paid off.
    PlainGiveBack,
    /// Gives back what was taken of a key that has been forgotten since.
    StaleGiveBack,
    /// Gives nothing back.
    NoGiveBack,
    /// Gives back one more than was taken.
    GivesMore,
    /// Whoever came first makes room.
    Flush,
    /// Refuses newcomers when it is full.
    FullRefuses,
    /// Never forgets.
    Grows,
    /// What it forgets, it forgets.
    Forgets,
    /// Cells are set to the present, not raised.
    SetCells,
    /// One whose place in the cells becomes free starts with nothing.
    MovesFree,
}

const EXACT: &str = "as exact as one key alone";
const WINDOWS: &str = "never more in a window";
const GIVEN_BACK: &str = "what was let in leaves nothing";
const KEPT_BUSY: &str = "what was let in beside guesses frees none";
const STALE: &str = "nothing is given back to another time";
const SPRAY: &str = "a spray flushes nobody";
const NEWCOMERS: &str = "a full one lets newcomers in";
const FIXED: &str = "a fixed size";
const BACK: &str = "a forgotten key is owed still when the clock steps back";

const SIMPLE: [(Fault, &str); 16] = [
    (Fault::Window, WINDOWS),
    (Fault::OneMore, WINDOWS),
    (Fault::CostOne, EXACT),
    (Fault::CostOne, WINDOWS),
    (Fault::FromNow, WINDOWS),
    (Fault::Saved, WINDOWS),
    (Fault::BackIsNew, EXACT),
    (Fault::CoarseWait, EXACT),
    (Fault::PlainGiveBack, KEPT_BUSY),
    (Fault::StaleGiveBack, STALE),
    (Fault::Flush, SPRAY),
    (Fault::FullRefuses, NEWCOMERS),
    (Fault::Grows, FIXED),
    (Fault::Forgets, BACK),
    (Fault::SetCells, WINDOWS),
    (Fault::MovesFree, WINDOWS),
];

/// Around the library's own.
const AROUND: [(Fault, &str); 7] = [
    (Fault::CostOne, EXACT),
    (Fault::OneMore, EXACT),
    (Fault::CoarseWait, EXACT),
    (Fault::NoGiveBack, GIVEN_BACK),
    (Fault::GivesMore, WINDOWS),
    (Fault::Flush, SPRAY),
    (Fault::Grows, FIXED),
];

/// What a simple limiter keeps of a key.
#[derive(Clone, Copy)]
struct Kept {
    tat: i64,
    /// For the one that counts by windows: which it is, and how much was taken in it.
    window: (i64, i64),
    first: u64,
    last: u64,
}

/// A simple limiter of a fixed number of keys and two rows of cells, that gives back only what was taken last.
struct Simple {
    fault: Fault,
    room: usize,
    kept: HashMap<[u8; 16], Kept>,
    order: VecDeque<[u8; 16]>,
    cells: [Vec<i64>; 2],
    forgotten: i64,
    number: u64,
}

const NEVER: i64 = i64::MIN / 4;

impl Simple {
    fn new(fault: Fault, room: usize) -> Self {
        let (kept, order, cells) = (HashMap::new(), VecDeque::new(), [vec![NEVER; room], vec![NEVER; room]]);
        Self { fault, room, kept, order, cells, forgotten: NEVER, number: 0 }
    }

    /// Whether there is room for one more, after somebody made some.
    fn has_room(&mut self, now: i64) -> bool {
        if self.kept.len() < self.room || self.fault == Fault::Grows {
            return true;
        }
        for _ in 0..8 {
            let Some(first) = self.order.pop_front() else { return false };
            let tat = self.kept[&first].tat;
            if tat <= now || self.fault == Fault::Flush {
                self.kept.remove(&first);
                let keeps = !matches!(self.fault, Fault::Forgets | Fault::Flush);
                self.forgotten = if keeps { self.forgotten.max(tat) } else { NEVER };
                return true;
            }
            self.order.push_back(first);
        }
        false
    }

    fn owed(&mut self, key: [u8; 16]) -> i64 {
        let [one, other] = self.cells(key);
        *one.min(other)
    }

    fn cells(&mut self, key: [u8; 16]) -> [&mut i64; 2] {
        let places = [[key[4], key[5]], [key[8], key[9]]].map(|part| usize::from(u16::from_be_bytes(part)));
        let (room, [one, other]) = (self.room, &mut self.cells);
        [&mut one[places[0] % room], &mut other[places[1] % room]]
    }
}

/// What is owed from then on, or how long to wait.
fn judge(fault: Fault, limit: Limit, kept: &mut Kept, cost: i64, now: i64) -> Result<(), Option<i64>> {
    let (interval, burst) = parts(limit);
    let burst = if fault == Fault::OneMore { burst + 1 } else { burst };
    let cost = if fault == Fault::CostOne { 1 } else { cost };
    if cost > burst {
        return Err(None);
    }
    if fault == Fault::Window {
        let length = interval * burst;
        let window = now.div_euclid(length);
        if kept.window.0 != window {
            kept.window = (window, 0);
        }
        if kept.window.1 + cost > burst {
            return Err(Some((window + 1) * length - now));
        }
        kept.window.1 += cost;
        kept.tat = (window + 1) * length;
        return Ok(());
    }
    let from = match fault {
        Fault::FromNow => now,
        Fault::Saved if kept.tat > 0 => kept.tat,
        Fault::BackIsNew if kept.tat - now > interval * burst => now,
        _ => kept.tat.max(now),
    };
    let wait = from - now - (burst - cost) * interval;
    if wait > 0 {
        return Err(Some(if fault == Fault::CoarseWait { wait / 1_000 * 1_000 } else { wait }));
    }
    kept.tat = from + cost * interval;
    Ok(())
}

fn refused(wait: Option<i64>) -> Verdict {
    Verdict::Refused(wait.map(|wait| Duration::from_micros(wait.unsigned_abs())))
}

impl Subject for Simple {
    fn take(&mut self, key: [u8; 16], limit: Limit, cost: u32, now: i64) -> Verdict {
        let fault = self.fault;
        let is_known = self.kept.contains_key(&key);
        let is_exact = is_known || self.has_room(now);
        if !is_exact && fault == Fault::FullRefuses {
            return refused(Some(1));
        }
        let owed = if fault == Fault::MovesFree && is_exact { NEVER } else { self.owed(key) };
        let first = self.number;
        let fresh = Kept { tat: owed.max(self.forgotten), window: (i64::MIN, 0), first, last: first };
        let mut kept = self.kept.get(&key).copied().unwrap_or(fresh);
        if let Err(wait) = judge(fault, limit, &mut kept, cost.into(), now) {
            return refused(wait);
        }
        if !is_exact {
            for cell in self.cells(key) {
                *cell = if fault == Fault::SetCells { now } else { kept.tat.max(*cell) };
            }
            return Verdict::Accepted(Taken::for_good(cost));
        }
        self.number += u64::from(cost);
        kept.last = self.number;
        if self.kept.insert(key, kept).is_none() {
            self.order.push_back(key);
        }
        Verdict::Accepted(Taken::numbered(cost, self.number))
    }

    fn give_back(&mut self, key: [u8; 16], limit: Limit, taken: Taken) {
        let (Some(kept), Some(number)) = (self.kept.get_mut(&key), taken.number()) else { return };
        let gives = match self.fault {
            Fault::PlainGiveBack => number > kept.first,
            Fault::StaleGiveBack => number == kept.last || number <= kept.first,
            _ => number == kept.last,
        };
        if gives {
            kept.tat -= parts(limit).0 * i64::from(taken.cost());
            // Once.
            kept.last = u64::MAX;
        }
    }

    fn size(&self) -> usize {
        self.kept.len().max(self.room)
    }
}

/// The library's own, with something around it that is broken.
struct Around {
    inner: ProcessLimiter,
    fault: Fault,
    seen: Vec<[u8; 16]>,
}

impl Subject for Around {
    fn take(&mut self, key: [u8; 16], limit: Limit, cost: u32, now: i64) -> Verdict {
        match self.fault {
            Fault::CostOne => return self.inner.take(key, limit, 1, now),
            Fault::OneMore => {
                let more = Limit::every(limit.interval()).with_burst(limit.burst() + 1);
                return self.inner.take(key, more, cost, now);
            }
            Fault::Grows => self.seen.push(key),
            Fault::Flush => {
                self.seen.push(key);
                if self.seen.len() > 70_000 {
                    self.seen.clear();
                    self.inner = ProcessLimiter::with_keys(65_536);
                }
            }
            _ => {}
        }
        match self.inner.take(key, limit, cost, now) {
            Verdict::Refused(Some(wait)) if self.fault == Fault::CoarseWait => Verdict::Refused(Some(
                wait - Duration::from_micros(u64::try_from(wait.as_micros() % 1_000).unwrap()),
            )),
            verdict => verdict,
        }
    }

    fn give_back(&mut self, key: [u8; 16], limit: Limit, taken: Taken) {
        match (self.fault, taken.number()) {
            (Fault::NoGiveBack, _) => {}
            (Fault::GivesMore, Some(number)) => {
                self.inner.give_back(key, limit, Taken::numbered(taken.cost() + 1, number));
            }
            _ => self.inner.give_back(key, limit, taken),
        }
    }

    fn size(&self) -> usize {
        self.inner.bytes() + self.seen.capacity()
    }
}

fn check(name: &str, make: Make<'_>) -> Result<(), String> {
    let (_, check) = CHECKS.iter().find(|(other, _)| *other == name).expect("a check of that name");
    check(make)
}

/// R1, R3, R5: each broken limiter is found by the check that is there for it, and not without its fault.
#[test]
fn every_limiter_that_is_broken_is_found() {
    for (fault, name) in SIMPLE {
        let found = check(name, &|room| Box::new(Simple::new(fault, room)));
        println!("{fault:?}, {name}: {found:?}");
        assert!(found.is_err(), "{fault:?} is not found by `{name}`");
        assert_eq!(check(name, &|room| Box::new(Simple::new(Fault::None, room))), Ok(()), "{name}");
    }
    for (fault, name) in AROUND {
        let around = |room, fault| Around { inner: ProcessLimiter::with_keys(room), fault, seen: Vec::new() };
        let found = check(name, &|room| Box::new(around(room, fault)));
        println!("around, {fault:?}, {name}: {found:?}");
        assert!(found.is_err(), "{fault:?} around the library's is not found by `{name}`");
        assert_eq!(check(name, &|room| Box::new(around(room, Fault::None))), Ok(()), "{name}");
    }
}
