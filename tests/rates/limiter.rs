//! The limiter of the process (R5).

use super::{
    exact::{Dice, Log, runs},
    subject::{CHECKS, Subject},
};
use dashshare::{
    Timestamp,
    limits::{KeyState, Limit, LimitKey, Limiter as _, ProcessLimiter, Purpose, Taken, Verdict},
};
use pollster::block_on;
use std::{
    collections::BTreeMap,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// R1, R3, R5: in a fixed size each key is exact while there is room, nobody is let through more often than by itself, and
/// whoever is throttled stays so under a million others.
#[test]
fn the_limiter_of_the_process_holds_to_every_check() {
    for (name, check) in CHECKS {
        let found = check(&|keys| Box::new(ProcessLimiter::with_keys(keys)));
        assert_eq!(found, Ok(()), "{name}");
    }
}

/// R5: the limiter of the default size is as large after many keys as after 100,000. `DASHSHARE_RATES=10` makes them ten
/// million.
#[test]
fn many_keys_take_no_more_room_than_some() {
    let mut dice = Dice(31);
    let mut limiter = ProcessLimiter::default();
    let empty = limiter.bytes();
    let mut spray = |limiter: &mut ProcessLimiter, keys: usize| {
        let mut refused = 0;
        for number in 0..keys {
            // A hundred thousand a second.
            let now = i64::try_from(number).expect("small") * 10;
            let verdict = Subject::take(limiter, dice.hash(), Limit::per_minute(10).with_burst(20), 1, now);
            refused += usize::from(matches!(verdict, Verdict::Refused(_)));
        }
        (limiter.bytes(), refused)
    };
    let some = spray(&mut limiter, 100_000).0;
    let (many, refused) = spray(&mut limiter, runs(1_000_000));
    println!(
        "{empty} bytes when empty, {some} after 100,000 keys, {many} after {}: {refused} refused",
        runs(1_000_000)
    );
    assert_eq!(some, many);
    assert!(many <= 6 << 20, "{many} bytes");
}

/// R5: what one purpose's flood takes up refuses nobody of another purpose.
#[test]
fn a_flood_of_visits_refuses_no_claim() {
    let (limiter, limit, now) =
        (ProcessLimiter::with_keys(256), Limit::per_hour(2), Timestamp::from_micros(0));
    let mut dice = Dice(32);
    let mut take = |purpose| {
        let key = LimitKey::of_hash(purpose, dice.hash());
        matches!(block_on(limiter.take(&key, limit, 1, now)).expect("it answers"), Verdict::Accepted(_))
    };
    let visits = (0..20_000).filter(|_| take(Purpose::Visits)).count();
    assert!(visits < 5_000, "the cells of visits are not full: {visits} let in");
    let claims = (0..100).filter(|_| take(Purpose::Claims)).count();
    assert!(claims > 90, "only {claims} of 100 claims let in");
}

/// R1: of many that come at once no more are let through than the burst.
#[test]
fn of_many_at_once_no_more_are_let_through() {
    let (limiter, limit) = (ProcessLimiter::default(), Limit::per_hour(50));
    let key = LimitKey::of_hash(Purpose::Visits, [7; 16]);
    let (accepted, barrier) = (AtomicUsize::new(0), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..200 {
                    let verdict = block_on(limiter.take(&key, limit, 1, Timestamp::from_micros(9)));
                    if matches!(verdict, Ok(Verdict::Accepted(_))) {
                        accepted.fetch_add(1, SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(accepted.into_inner(), 50);
}

/// R3: a network from which fifty visits a second are let in, of which some take up to ten seconds, is never refused by a limit of one
/// a second, however they overlap; and what it guesses beside them is as much as without them.
#[test]
fn a_busy_network_that_is_let_in_is_not_refused() {
    let (limit, key) = (Limit::per_minute(60).with_burst(120), [9; 16]);
    let (mut limiter, mut dice): (Box<dyn Subject>, _) = (Box::new(ProcessLimiter::default()), Dice(33));
    let mut open: BTreeMap<(i64, usize), Taken> = BTreeMap::new();
    let (mut guesses, mut guessed) = (Log::default(), 0);
    // What was guessed long ago, and has been paid off, is in nobody's way.
    for second in 0..1_000 {
        let verdict = limiter.take(key, limit, 1, second * 1_000_000);
        assert!(matches!(verdict, Verdict::Accepted(_)));
    }
    for visit in 0..30_000 {
        let now = 1_000_000_000 + i64::try_from(visit).expect("small") * 20_000;
        while let Some(entry) = open.first_entry().filter(|entry| entry.key().0 <= now) {
            limiter.give_back(key, limit, entry.remove());
        }
        let most = if dice.is(6) { 10_000_000 } else { 400_000 };
        let ends = now + 5_000 + i64::try_from(dice.roll(most)).expect("small");
        match limiter.take(key, limit, 1, now) {
            Verdict::Accepted(taken) => drop(open.insert((ends, visit), taken)),
            // In the second half somebody guesses as fast as may be.
            Verdict::Refused(wait) => assert!(visit > 15_000, "visit {visit} is to wait {wait:?}"),
        }
        if visit > 15_000 && matches!(limiter.take(key, limit, 1, now), Verdict::Accepted(_)) {
            guesses.0.push((now, 1));
            guessed += 1;
        }
    }
    println!("{guessed} guesses in five minutes");
    assert_eq!(guesses.overfull(limit), None);
    assert!(guessed > 200, "{guessed} guesses");
}

/// A limiter as a host writes one: what is kept of a key is kept as JSON.
#[derive(Default)]
struct Written(BTreeMap<[u8; 16], String>);

impl Written {
    fn change<T>(&mut self, key: [u8; 16], change: impl FnOnce(&mut KeyState) -> T) -> T {
        let text = self.0.get(&key);
        let mut state =
            text.map_or_else(KeyState::default, |text| serde_json::from_str(text).expect("a state"));
        let answer = change(&mut state);
        self.0.insert(key, serde_json::to_string(&state).expect("JSON"));
        answer
    }
}

impl Subject for Written {
    fn take(&mut self, key: [u8; 16], limit: Limit, cost: u32, now: i64) -> Verdict {
        self.change(key, |state| state.take(limit, cost, Timestamp::from_micros(now)))
    }

    fn give_back(&mut self, key: [u8; 16], limit: Limit, taken: Taken) {
        self.change(key, |state| state.give_back(limit, taken));
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

/// R1, R3, R6: a limiter of a host's own that keeps the library's state of each key, written down, is exact and gives back
/// as the library's does.
#[test]
fn what_is_kept_of_a_key_can_be_written_down() {
    let names = [
        "as exact as one key alone",
        "what was let in leaves nothing",
        "what was let in beside guesses frees none",
    ];
    for name in names {
        let (_, check) = CHECKS.iter().find(|(other, _)| *other == name).expect("a check of that name");
        assert_eq!(check(&|_| Box::new(Written::default())), Ok(()), "{name}");
    }
}
