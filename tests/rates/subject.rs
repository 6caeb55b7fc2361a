//! What every limiter of a fixed size has to hold to, as checks that a broken one fails.

use super::exact::{Dice, Log, micros, parts};
use dashshare::{
    Timestamp,
    limits::{Limit, LimitKey, Limiter, ProcessLimiter, Purpose, Taken, Verdict},
};
use pollster::block_on;
use std::{collections::BTreeMap, time::Duration};

/// A limiter that is checked.
pub(super) trait Subject {
    fn take(&mut self, key: [u8; 16], limit: Limit, cost: u32, now: i64) -> Verdict;
    fn give_back(&mut self, key: [u8; 16], limit: Limit, taken: Taken);
    /// How much it keeps.
    fn size(&self) -> usize;
}

/// Makes one of so many exact keys.
pub(super) type Make<'a> = &'a dyn Fn(usize) -> Box<dyn Subject>;

/// A check, and what it found wrong.
pub(super) type Check = (&'static str, fn(Make<'_>) -> Result<(), String>);

impl Subject for ProcessLimiter {
    fn take(&mut self, key: [u8; 16], limit: Limit, cost: u32, now: i64) -> Verdict {
        let key = LimitKey::of_hash(Purpose::Visits, key);
        block_on(Limiter::take(self, &key, limit, cost, Timestamp::from_micros(now))).expect("it answers")
    }

    fn give_back(&mut self, key: [u8; 16], limit: Limit, taken: Taken) {
        block_on(Limiter::give_back(self, &LimitKey::of_hash(Purpose::Visits, key), limit, taken))
            .expect("it answers");
    }

    fn size(&self) -> usize {
        self.bytes()
    }
}

pub(super) const CHECKS: &[Check] = &[
    ("as exact as one key alone", exact),
    ("never more in a window", windows),
    ("what was let in leaves nothing", given_back),
    ("what was let in beside guesses frees none", kept_busy),
    ("nothing is given back to another time", stale),
    ("a spray flushes nobody", spray),
    ("a full one lets newcomers in", newcomers),
    ("a fixed size", fixed_size),
    ("a forgotten key is owed still when the clock steps back", stepping_back),
];

fn limit(interval: u64, burst: u32) -> Limit {
    Limit::every(Duration::from_micros(interval)).with_burst(burst)
}

fn small(dice: &mut Dice, sides: u64) -> i64 {
    i64::try_from(dice.roll(sides)).expect("small")
}

fn is_accepted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Accepted(_))
}

/// While there is room for every key, each is judged as by itself, and every wait is exact; the clock may step back.
fn exact(make: Make<'_>) -> Result<(), String> {
    let mut dice = Dice(21);
    for _ in 0..3_000 {
        let limit = limit(1 + dice.roll(30), 1 + u32::try_from(dice.roll(4)).expect("small"));
        let mut subject = make(64);
        let keys = [dice.hash(), dice.hash(), dice.hash()];
        let mut logs = [(); 3].map(|()| Log::default());
        let mut now = 1_000;
        for _ in 0..20 {
            now += small(&mut dice, 30) - if dice.is(20) { 40 } else { 0 };
            let who = usize::try_from(dice.roll(3)).expect("small");
            let cost = 1 + small(&mut dice, 2);
            let verdict = subject.take(keys[who], limit, u32::try_from(cost).expect("small"), now);
            let wait = logs[who].wait(limit, now, cost);
            let is_right = match &verdict {
                Verdict::Accepted(taken) => wait.is_none() && i64::from(taken.cost()) == cost,
                Verdict::Refused(None) => cost > parts(limit).1,
                Verdict::Refused(Some(told)) => wait == Some(micros(*told)),
            };
            if !is_right {
                return Err(format!("{limit:?} {:?} at {now}, {cost}: {verdict:?}, not {wait:?}", logs[who]));
            }
            if is_accepted(&verdict) {
                logs[who].0.push((now, cost));
            }
        }
    }
    Ok(())
}

/// With more keys than there is room for, with steps back and with much that is given back, nobody gets more than R1 allows:
/// of what was not given back.
fn windows(make: Make<'_>) -> Result<(), String> {
    let mut dice = Dice(22);
    let (mut kept, mut given, mut crowded) = (0, 0, 0);
    for _ in 0..3_000 {
        let limit = limit(1 + dice.roll(20), 1 + u32::try_from(dice.roll(5)).expect("small"));
        let people = 1 + dice.roll(12);
        let mut subject = make(4);
        let keys: Vec<[u8; 16]> = (0..people).map(|_| dice.hash()).collect();
        // What was taken and not given back, by key and by turn; and what still may be.
        let mut log: BTreeMap<(usize, usize), (i64, i64)> = BTreeMap::new();
        let mut open: Vec<(usize, usize, Taken)> = Vec::new();
        let mut now = 1_000;
        for turn in 0..40 {
            now += small(&mut dice, 12) - if dice.is(10) { 30 } else { 0 };
            if dice.is(45) && !open.is_empty() {
                let at = usize::try_from(dice.roll(open.len().try_into().expect("small"))).expect("small");
                let (who, turn, taken) = open.swap_remove(at);
                // What is kept in a cell counts as taken.
                if taken.number().is_some() {
                    log.remove(&(who, turn));
                    given += 1;
                } else {
                    crowded += 1;
                }
                subject.give_back(keys[who], limit, taken);
                continue;
            }
            let who = usize::try_from(dice.roll(people)).expect("small");
            let cost = 1 + small(&mut dice, 2);
            let verdict = subject.take(keys[who], limit, u32::try_from(cost).expect("small"), now);
            if let Verdict::Accepted(taken) = verdict {
                log.insert((who, turn), (now, cost));
                open.push((who, turn, taken));
                kept += 1;
            }
        }
        for who in 0..keys.len() {
            let of_one = log.range((who, 0)..(who + 1, 0)).map(|(_, taken)| *taken).collect();
            if let Some(found) = Log(of_one).overfull(limit) {
                return Err(found);
            }
        }
    }
    match kept > 20_000 && given > 5_000 && crowded > 500 {
        true => Ok(()),
        false => Err(format!("{kept} taken, {given} given back, {crowded} in cells are too few to tell")),
    }
}

/// One after the other and as many at once as the burst: who is let in each time is never refused.
fn given_back(make: Make<'_>) -> Result<(), String> {
    let limit = limit(1_000, 20);
    let mut dice = Dice(23);
    let (mut subject, key) = (make(64), dice.hash());
    for turn in 0..1_000 {
        let at_once = 1 + dice.roll(20);
        let mut open = Vec::new();
        for _ in 0..at_once {
            match subject.take(key, limit, 1, turn) {
                Verdict::Accepted(taken) => open.push(taken),
                Verdict::Refused(wait) => return Err(format!("refused for {wait:?} at turn {turn}")),
            }
        }
        while !open.is_empty() {
            let at = usize::try_from(dice.roll(open.len().try_into().expect("small"))).expect("small");
            subject.give_back(key, limit, open.swap_remove(at));
        }
    }
    Ok(())
}

/// Whoever keeps visits that are let in under way all the time guesses no more beside them than without.
fn kept_busy(make: Make<'_>) -> Result<(), String> {
    let limit = limit(6, 20);
    let (mut subject, key) = (make(64), Dice(24).hash());
    let (mut open, mut guessed): (Vec<Taken>, Log) = (Vec::new(), Log::default());
    for now in 0..2_000 {
        // Ten are always under way, each for ten steps.
        if let Verdict::Accepted(taken) = subject.take(key, limit, 1, now) {
            open.push(taken);
        }
        if open.len() > 10 {
            subject.give_back(key, limit, open.remove(0));
        }
        if now % 120 == 60 {
            while is_accepted(&subject.take(key, limit, 1, now)) {
                guessed.0.push((now, 1));
            }
            for taken in open.drain(..) {
                subject.give_back(key, limit, taken);
            }
            while is_accepted(&subject.take(key, limit, 1, now)) {
                guessed.0.push((now, 1));
            }
        }
    }
    match guessed.overfull(limit) {
        None if guessed.0.len() > 10 => Ok(()),
        None => Err(format!("only {} guesses", guessed.0.len())),
        Some(found) => Err(found),
    }
}

/// What was paid off long ago, or was taken of a key that has been forgotten since, gives nothing back.
fn stale(make: Make<'_>) -> Result<(), String> {
    let (limit, mut dice) = (limit(10, 3), Dice(25));
    for forget in [false, true] {
        let (mut subject, key) = (make(4), dice.hash());
        let take = |subject: &mut Box<dyn Subject>, key, now| match subject.take(key, limit, 1, now) {
            Verdict::Accepted(taken) => Ok(taken),
            refused => Err(format!("{refused:?} at {now}")),
        };
        let old = [take(&mut subject, key, 0)?, take(&mut subject, key, 0)?];
        if forget {
            // One after the other, so that each finds room.
            for number in 10..50 {
                let _ = take(&mut subject, dice.hash(), number * 100)?;
            }
        }
        let now = 10_000;
        for _ in 0..3 {
            let _ = take(&mut subject, key, now)?;
        }
        for taken in old {
            subject.give_back(key, limit, taken);
        }
        if is_accepted(&subject.take(key, limit, 1, now)) {
            return Err(format!("a fourth at once, forgotten: {forget}"));
        }
    }
    Ok(())
}

/// A key that is throttled stays so under a million others, and is let in when its time has come, once.
fn spray(make: Make<'_>) -> Result<(), String> {
    let (limit, mut dice) = (limit(6_000_000, 20), Dice(26));
    let (mut subject, key) = (make(65_536), dice.hash());
    for _ in 0..20 {
        if !is_accepted(&subject.take(key, limit, 1, 0)) {
            return Err("refused at once".to_owned());
        }
    }
    for number in 0..1_000_000 {
        let _ = subject.take(dice.hash(), limit, 1, 5);
        if number % 1_000 == 0 && is_accepted(&subject.take(key, limit, 1, 5)) {
            return Err(format!("let in after {number} others"));
        }
    }
    let last = subject.take(key, limit, 1, 5_999_999);
    let due = subject.take(key, limit, 1, 6_000_000);
    let again = subject.take(key, limit, 1, 6_000_000);
    match is_accepted(&due) && !is_accepted(&last) && !is_accepted(&again) {
        true => Ok(()),
        false => Err(format!("{last:?} before its time, {due:?} at it, {again:?} after")),
    }
}

/// With every place taken by somebody who owes, newcomers are let in, and few of them are refused for what others do.
fn newcomers(make: Make<'_>) -> Result<(), String> {
    let (limit, mut dice) = (limit(6_000_000, 20), Dice(27));
    let mut subject = make(1_024);
    for _ in 0..1_024 {
        let _ = subject.take(dice.hash(), limit, 1, 0);
    }
    // A thousand of the flood spend all they can.
    for _ in 0..100 {
        let key = dice.hash();
        for _ in 0..20 {
            let _ = subject.take(key, limit, 1, 1);
        }
    }
    let refused = (0..1_000).filter(|_| !is_accepted(&subject.take(dice.hash(), limit, 1, 1))).count();
    // Both cells of a newcomer are among the 100 of 1,024 that are spent: about one in a hundred.
    match refused {
        0..=30 => Ok(()),
        refused => Err(format!("{refused} of 1000 newcomers refused")),
    }
}

/// As large after ever so many keys as after the first of them that found no room.
fn fixed_size(make: Make<'_>) -> Result<(), String> {
    let (limit, mut dice) = (limit(6_000_000, 20), Dice(28));
    let mut subject = make(1_024);
    let mut spray = |subject: &mut Box<dyn Subject>, keys: i64| {
        for number in 0..keys {
            let _ = subject.take(dice.hash(), limit, 1, number * 50);
        }
        subject.size()
    };
    let (first, then) = (spray(&mut subject, 4_000), spray(&mut subject, 40_000));
    match first == then {
        true => Ok(()),
        false => Err(format!("{first} bytes, and then {then}")),
    }
}

/// A key that made room owes what it owed when the clock steps back to then.
fn stepping_back(make: Make<'_>) -> Result<(), String> {
    let (limit, mut dice) = (limit(10, 3), Dice(29));
    let (mut subject, key) = (make(4), dice.hash());
    for _ in 0..3 {
        let _ = subject.take(key, limit, 1, 100);
    }
    for number in 10..50 {
        let _ = subject.take(dice.hash(), limit, 1, number * 100);
    }
    match subject.take(key, limit, 1, 100) {
        Verdict::Accepted(_) => Err("a fourth at once".to_owned()),
        Verdict::Refused(_) => Ok(()),
    }
}
