//! What a limit says (R1).

use super::exact::{Dice, Log, micros, parts, runs};
use dashshare::{
    Timestamp,
    limits::{Limit, Verdict},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, FakeRelativeClock},
};
use std::{num::NonZeroU32, time::Duration};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn limit(interval: u64, burst: u32) -> Limit {
    Limit::every(Duration::from_micros(interval)).with_burst(burst)
}

fn accepted(verdict: Verdict<Timestamp>) -> i64 {
    match verdict {
        Verdict::Accepted(tat) => tat.micros(),
        refused => panic!("{refused:?}"),
    }
}

fn refused(micros: u64) -> Verdict<Timestamp> {
    Verdict::Refused(Some(Duration::from_micros(micros)))
}

/// R1: three at once, then one each interval; a cost above the burst never; a clock that steps back admits nothing more
/// and is told the exact wait.
#[test]
fn the_golden_examples_of_a_limit_hold() {
    let limit = limit(10, 3);
    let mut tat = None;
    for expected in [110, 120, 130] {
        tat = Some(at(accepted(limit.judge(tat, at(100), 1))));
        assert_eq!(tat, Some(at(expected)));
    }
    assert_eq!(limit.judge(tat, at(100), 1), refused(10));
    assert_eq!(accepted(limit.judge(tat, at(110), 1)), 140);
    assert_eq!(limit.judge(tat, at(90), 1), refused(20));
    assert_eq!(accepted(limit.judge(None, at(100), 3)), 130);
    assert_eq!(limit.judge(None, at(100), 4), Verdict::Refused(None));
}

/// R1: one call of cost n is what n calls of cost 1 are, and what is paid off gives no more than the burst.
#[test]
fn a_cost_is_so_many_calls_of_one() {
    let mut dice = Dice(11);
    for _ in 0..runs(20_000) {
        let limit = limit(1 + dice.roll(50), 1 + u32::try_from(dice.roll(6)).expect("small"));
        let now = at(i64::try_from(dice.roll(500)).expect("small"));
        let tat = dice.is(80).then(|| at(i64::try_from(dice.roll(700)).expect("small")));
        let cost = u32::try_from(dice.roll(7)).expect("small");
        let together = limit.judge(tat, now, cost);
        let singly = (0..cost).try_fold(tat, |tat, _| match limit.judge(tat, now, 1) {
            Verdict::Accepted(tat) => Ok(Some(tat)),
            Verdict::Refused(_) => Err(()),
        });
        match (together, singly) {
            (Verdict::Accepted(tat), Ok(Some(singly))) => assert!(cost == 0 || tat == singly),
            (Verdict::Accepted(_), Ok(None)) => assert_eq!(cost, 0),
            (Verdict::Refused(_), Err(())) => {}
            // Of nothing there may be nothing left either.
            (Verdict::Refused(_), Ok(_)) => assert_eq!(cost, 0),
            other => panic!("{limit:?} {tat:?} {now} {cost}: {other:?}"),
        }
    }
}

/// R1: in every window, by the callers' instants in any order, no more is let through than the rule says; and what is
/// refused is let through after exactly the wait that is told, and not a microsecond before.
#[test]
fn no_window_holds_more_than_it_may_and_every_wait_is_exact() {
    let mut dice = Dice(12);
    let (mut accepted, mut refused, mut back) = (0, 0, 0);
    for _ in 0..runs(100_000) {
        let limit = limit(1 + dice.roll(30), 1 + u32::try_from(dice.roll(5)).expect("small"));
        let (interval, burst) = parts(limit);
        let (mut tat, mut log) = (None, Log::default());
        let mut now = 1_000;
        for _ in 0..12 {
            let step = i64::try_from(dice.roll(40)).expect("small");
            if dice.is(15) {
                now -= step * 3;
                back += 1;
            } else if dice.is(70) {
                now += step;
            }
            let cost = 1 + i64::try_from(dice.roll(3)).expect("small");
            let judge = |now: i64| limit.judge(tat, at(now), u32::try_from(cost).expect("small"));
            match judge(now) {
                Verdict::Accepted(next) => {
                    assert_eq!(log.wait(limit, now, cost), None, "{limit:?} {log:?} at {now}");
                    log.0.push((now, cost));
                    assert_eq!(Some(next.micros()), log.owes_until(interval));
                    tat = Some(next);
                    accepted += 1;
                }
                Verdict::Refused(None) => assert!(cost > burst),
                Verdict::Refused(Some(wait)) => {
                    let wait = micros(wait);
                    assert_eq!(log.wait(limit, now, cost), Some(wait), "{limit:?} {log:?} at {now}");
                    assert!(matches!(judge(now + wait), Verdict::Accepted(_)));
                    assert!(matches!(judge(now + wait - 1), Verdict::Refused(_)));
                    refused += 1;
                }
            }
        }
        assert_eq!(log.overfull(limit), None);
    }
    println!("{accepted} accepted, {refused} refused, {back} steps back");
    assert!(accepted > 100_000 && refused > 100_000 && back > 10_000);
}

/// R1: the same as governor says by its fake clock, which cannot step back.
#[test]
fn governor_says_the_same_by_its_fake_clock() {
    let mut dice = Dice(13);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..runs(30_000) {
        // Governor's clock starts at 0, and it keeps nanoseconds.
        let (interval, burst) = (1 + dice.roll(30), 1 + u32::try_from(dice.roll(5)).expect("small"));
        let limit = limit(interval, burst);
        let quota = Quota::with_period(Duration::from_micros(interval)).expect("a period");
        let clock = FakeRelativeClock::default();
        let burst = NonZeroU32::new(burst).expect("a burst");
        let other = RateLimiter::direct_with_clock(quota.allow_burst(burst), clock.clone());
        let (mut tat, mut now) = (None, 0);
        for _ in 0..12 {
            if dice.is(70) {
                let step = dice.roll(40);
                clock.advance(Duration::from_micros(step));
                now += i64::try_from(step).expect("small");
            }
            let cost = NonZeroU32::new(1 + u32::try_from(dice.roll(3)).expect("small")).expect("a cost");
            match (limit.judge(tat, at(now), cost.get()), other.check_n(cost)) {
                (Verdict::Accepted(next), Ok(Ok(()))) => {
                    tat = Some(next);
                    accepted += 1;
                }
                (Verdict::Refused(Some(wait)), Ok(Err(not_until))) => {
                    assert_eq!(wait, not_until.wait_time_from(clock.now()));
                    refused += 1;
                }
                (Verdict::Refused(None), Err(_)) => {}
                (ours, theirs) => panic!("{limit:?} at {now}, cost {cost}: {ours:?}, governor {theirs:?}"),
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 30_000 && refused > 30_000);
}

/// R1: what no calendar holds is refused, and no number is too large; a limit of none lets nothing through.
#[test]
fn the_largest_numbers_are_refused_or_exact() {
    let day = Limit::per_day(1);
    assert_eq!(day.judge(None, Timestamp::MAX, 1), Verdict::Refused(None));
    assert!(matches!(day.judge(Some(Timestamp::MIN), at(0), 1), Verdict::Accepted(_)));
    let far = day.judge(Some(Timestamp::MAX), Timestamp::MIN, 1);
    let whole = Timestamp::MAX.micros() - Timestamp::MIN.micros();
    assert_eq!(far, refused(u64::try_from(whole).expect("a length")));
    let wide = Limit::every(Duration::MAX).with_burst(u32::MAX);
    assert_eq!(wide.judge(None, at(0), u32::MAX), Verdict::Refused(None));
    assert_eq!(wide.judge(None, at(0), 1), Verdict::Refused(None), "its end lies behind the calendar");
    let quick = Limit::every(Duration::ZERO).with_burst(u32::MAX);
    assert_eq!(accepted(quick.judge(None, at(0), u32::MAX)), i64::from(u32::MAX));
    for none in
        [Limit::per_second(0), Limit::per_minute(0), Limit::per_hour(0), Limit::per_day(9).with_burst(0)]
    {
        assert_eq!(none.judge(None, at(0), 1), Verdict::Refused(None));
    }
}

/// R1: so many a minute is never more, also where a minute cannot be divided by them.
#[test]
fn a_rate_is_rounded_to_less() {
    for number in 1..1_000u32 {
        let limit = Limit::per_minute(number);
        assert!(limit.interval() * number >= Duration::from_secs(60), "{limit:?}");
        assert!(limit.interval() * number < Duration::from_secs(60) + Duration::from_micros(number.into()));
        assert_eq!(limit.burst(), number);
    }
    assert_eq!(Limit::per_second(1).interval(), Duration::from_secs(1));
    assert_eq!(Limit::per_hour(2).interval(), Duration::from_secs(1_800));
    assert_eq!(Limit::per_day(2).with_burst(7), Limit::every(Duration::from_secs(43_200)).with_burst(7));
}
