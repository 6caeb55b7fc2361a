//! The windows of locks against a second reading of the zones: other data, other code. Compared is every zone whose clocks
//! are the same in both, around everything that happened to them.

use super::{
    calendar::{Clocks, DAY, HOUR, MINUTE, PERIODS, Period, SECOND, new_year},
    chance::{at, unit},
};
use chrono_tz::{IANA_TZDB_VERSION, TZ_VARIANTS};
use dashshare::{Lock, Timestamp, lock::Zone};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::{collections::BTreeSet, sync::LazyLock, thread};

/// From when on the clocks must be the same. What is asked for begins in 1970 and reaches two years back.
const SAME_SINCE: i32 = 1966;
const FIRST: i32 = 1970;
const END: i32 = 2038;

/// How many periods the windows hold.
const PIECES: [(u16, Period); 9] = [
    (1, Period::Day),
    (2, Period::Day),
    (3, Period::Day),
    (1, Period::Week),
    (2, Period::Week),
    (1, Period::Month),
    (7, Period::Month),
    (1, Period::Year),
    (2, Period::Year),
];

/// A zone that both sources know.
struct Known {
    name: &'static str,
    zone: Zone,
    /// Since 1850, by the second source.
    clocks: Clocks,
    /// From which year on both sources agree.
    same_since: i32,
}

struct Zones {
    known: Vec<Known>,
    differing: Vec<&'static str>,
    unknown: Vec<&'static str>,
}

/// The instants at which the bundled data say that the clocks change, and how far they are ahead from there on.
fn bundled(rules: &TimeZone, since: i32) -> (i64, Vec<(i64, i64)>) {
    let instant = |year: i32| jiff::Timestamp::from_microsecond(new_year(year)).expect("a year");
    let ahead = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * SECOND;
    let steps = rules.following(instant(since)).take_while(|step| step.timestamp() < instant(END + 1));
    let steps = steps.map(|step| (step.timestamp().as_microsecond(), ahead(step.offset())));
    (ahead(rules.to_offset(instant(since))), steps.collect())
}

static ZONES: LazyLock<Zones> = LazyLock::new(|| {
    let mut zones = Zones { known: Vec::new(), differing: Vec::new(), unknown: Vec::new() };
    for tz in TZ_VARIANTS {
        let name = tz.name();
        let (Ok(zone), Ok(rules)) = (name.parse::<Zone>(), TimeZoneDatabase::bundled().get(name)) else {
            zones.unknown.push(name);
            continue;
        };
        let (first, steps) = bundled(&rules, 1850);
        let hints: Vec<i64> = steps.iter().map(|(from, _)| *from / SECOND).collect();
        let clocks = Clocks::read(tz, 1850..END + 1, &hints);
        let theirs = Clocks::of(first, steps);
        match [1850, SAME_SINCE].into_iter().find(|year| !clocks.differ_from(&theirs, new_year(*year))) {
            Some(same_since) => zones.known.push(Known { name, zone, clocks, same_since }),
            None => zones.differing.push(name),
        }
    }
    println!(
        "zone data {} against {IANA_TZDB_VERSION}: {} zones compared, {} of them since 1850; {} left out since their data \
         differ ({}), {} since they have no such name here ({})",
        Zone::data_version(),
        zones.known.len(),
        zones.known.iter().filter(|known| known.same_since == 1850).count(),
        zones.differing.len(),
        zones.differing.join(", "),
        zones.unknown.len(),
        zones.unknown.join(", "),
    );
    assert!(zones.known.len() >= 500, "{} zones are not every zone", zones.known.len());
    assert!(zones.differing.len() <= 60, "{} zones differ", zones.differing.len());
    assert!(zones.unknown.len() <= 5, "{:?} are unknown", zones.unknown);
    zones
});

fn is_full() -> bool {
    std::env::var("DASHSHARE_WINDOWS").is_ok_and(|value| value == "full")
}

/// The zones, each with whether its clocks are the first such: the others are names for the same.
fn zones() -> Vec<(&'static Known, bool)> {
    let zones = &*ZONES;
    let mut seen: Vec<&Clocks> = Vec::new();
    let firsts = zones.known.iter().map(|known| {
        let is_first = !seen.contains(&&known.clocks);
        if is_first {
            seen.push(&known.clocks);
        }
        (known, is_first)
    });
    firsts.collect()
}

/// Instants around everything that happens to the clocks of a zone, two days before and after; in order.
fn instants(known: &Known, is_first: bool) -> Vec<i64> {
    let mut all = BTreeSet::new();
    let within = new_year(FIRST) - 2 * DAY..new_year(END);
    for step in known.clocks.steps().filter(|step| within.contains(step)) {
        all.extend([step - 1, step, step + 1]);
        if !is_first && !is_full() {
            continue;
        }
        let near = [-2 * DAY, -DAY, -HOUR, HOUR, 2 * HOUR, DAY, 25 * HOUR, 2 * DAY];
        all.extend(near.iter().map(|near| step + near));
        // The first instants of the days around it.
        for n in 1..=3 {
            let start = known.clocks.start(n, Period::Day, step + 36 * HOUR);
            all.extend([start - 1, start]);
        }
        if is_full() {
            all.extend((-96..=96).map(|half| step + half * 30 * MINUTE));
            all.extend((-2880..=2880).step_by(37).map(|minute| step + minute * MINUTE + 1));
        }
    }
    // And where nothing happens.
    all.extend((0..4).map(|quarter| new_year(1999) + quarter * 91 * DAY));
    all.into_iter().collect()
}

/// Runs something for all zones, on two threads, and adds up what it counted.
fn over_zones(each: impl Fn(&Known, bool) -> u64 + Sync) -> u64 {
    let zones = zones();
    let (even, odd): (Vec<_>, Vec<_>) = zones.into_iter().enumerate().partition(|(place, _)| place % 2 == 0);
    thread::scope(|scope| {
        let run = |half: Vec<(usize, (&'static Known, bool))>| {
            let each = &each;
            scope.spawn(move || {
                half.into_iter().map(|(_, (known, is_first))| each(known, is_first)).sum::<u64>()
            })
        };
        let halves = [run(even), run(odd)];
        halves.map(|half| half.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).iter().sum()
    })
}

fn lock(n: u16, period: Period, zone: &Zone) -> Lock {
    Lock::NONE.whole(n, unit(period), zone.clone())
}

/// Where a window begins.
fn start(lock: &Lock, now: i64) -> i64 {
    let window = lock.window(at(now));
    assert_eq!(window.until, Some(at(now)), "a rolling window ends now");
    window.from.map(Timestamp::micros).expect("a rolling window begins somewhere")
}

/// K8, K9; traps TA14–TA17: in every zone whose data agree, around every step of its clocks from 1970 to 2037, windows of
/// whole days, weeks, months and years begin where the second reading says, and never move back as now moves on.
#[test]
fn windows_begin_where_a_second_calendar_says_and_never_move_back() {
    let compared = over_zones(|known, is_first| {
        let instants = instants(known, is_first);
        let mut compared = 0;
        for (n, period) in PIECES {
            if !is_first && !is_full() && (n, period) != (2, Period::Day) {
                continue;
            }
            let lock = lock(n, period, &known.zone);
            let mut latest = i64::MIN;
            for now in &instants {
                let found = start(&lock, *now);
                let wanted = known.clocks.start(n, period, *now);
                let at_all = || format!("{lock} as of {} in {}", at(*now), known.name);
                assert_eq!(at(found), at(wanted), "{}", at_all());
                assert!(latest <= found, "moved back: {}", at_all());
                latest = found;
                compared += 1;
            }
        }
        compared
    });
    println!("{compared} starts (zone, instant, unit) compared");
    assert!(compared >= 2_000_000, "{compared} starts are not every step of every zone");
}

/// K8: also the windows that are long, up to 1,000 periods, where the two sources agree as far back.
#[test]
fn long_windows_begin_where_a_second_calendar_says() {
    let compared = over_zones(|known, is_first| {
        if !is_first || known.same_since != 1850 {
            return 0;
        }
        let mut compared = 0;
        for (place, n) in [4, 13, 99, 366, 999, 1000].into_iter().enumerate() {
            for period in PERIODS {
                // Years go back to before there were zones.
                let n = if period == Period::Year { n.min(119) } else { n };
                let lock = lock(n, period, &known.zone);
                let nows = (0..8).map(|eighth| {
                    new_year(1970) + eighth * 8 * 365 * DAY + place as i64 * 77 * DAY + eighth * 5 * HOUR
                });
                for now in nows.chain(known.clocks.steps().filter(|step| *step > new_year(2000)).take(8)) {
                    let wanted = known.clocks.start(n, period, now);
                    assert_eq!(
                        at(start(&lock, now)),
                        at(wanted),
                        "{lock} as of {} in {}",
                        at(now),
                        known.name
                    );
                    compared += 1;
                }
            }
        }
        compared
    });
    println!("{compared} starts of long windows compared");
    assert!(compared >= 20_000);
}

/// K8, K9: the same before 1970, where clocks did what they do no more, such as going forward from before midnight to after
/// it.
#[test]
fn windows_of_days_long_ago_begin_where_a_second_calendar_says() {
    let compared = over_zones(|known, is_first| {
        if !is_first || known.same_since != 1850 {
            return 0;
        }
        let mut compared = 0;
        for n in 1..=2 {
            let lock = lock(n, Period::Day, &known.zone);
            let mut latest = i64::MIN;
            for step in known.clocks.steps().filter(|step| (new_year(1851)..new_year(FIRST)).contains(step)) {
                for near in [-HOUR, -1, 0, HOUR, 12 * HOUR, 36 * HOUR] {
                    let now = step + near;
                    let (found, wanted) = (start(&lock, now), known.clocks.start(n, Period::Day, now));
                    assert_eq!(at(found), at(wanted), "{lock} as of {} in {}", at(now), known.name);
                    assert!(
                        near < 0 || latest <= found,
                        "moved back: {lock} as of {} in {}",
                        at(now),
                        known.name
                    );
                    latest = found;
                    compared += 1;
                }
            }
        }
        compared
    });
    println!("{compared} starts before {FIRST} compared");
    assert!(compared >= 20_000);
}

/// K9; trap TA17: the dates that clocks went back over do occur among what is compared: without K9's 'latest date that was
/// shown' windows would move back there, and with it they stay.
#[test]
fn the_dates_that_came_twice_are_among_the_compared() {
    let (mut steps, mut zones_with, mut last) = (0, BTreeSet::new(), i64::MIN);
    for (known, _) in zones() {
        for step in known.clocks.steps().filter(|step| *step >= new_year(FIRST)) {
            let raw = |now: i64| known.clocks.raw_start(1, Period::Day, now);
            if raw(step) < raw(step - 1) {
                let lock = lock(1, Period::Day, &known.zone);
                assert!(start(&lock, step) >= start(&lock, step - 1), "{} at {}", known.name, at(step));
                (steps, last) = (steps + 1, last.max(step));
                zones_with.insert(known.name);
            }
        }
    }
    println!("{steps} times in {} zones, the last at {}", zones_with.len(), at(last));
    assert!(steps >= 60, "{steps} times");
    assert!(zones_with.contains("America/St_Johns") && zones_with.contains("Antarctica/Casey"));
}

/// K10 for whole units, by the rule's own words, in every zone around every step of its clocks: a range from an instant may
/// end n units later by the wall clock and not a microsecond after; and the newest part that is read where no range is
/// asked for is allowed, and as long as allowed.
#[test]
fn the_longest_range_is_that_of_the_wall_clock() {
    let compared = over_zones(|known, is_first| {
        if !is_first {
            return 0;
        }
        let mut compared = 0;
        for (n, period) in
            [(1, Period::Day), (3, Period::Day), (1, Period::Week), (1, Period::Month), (1, Period::Year)]
        {
            let lock = Lock::NONE.max_range_whole(n, unit(period), known.zone.clone());
            let longest = lock.longest_range();
            for near in instants(known, true) {
                // So that the end is near a step, and the beginning.
                let long = i64::from(n) * if period == Period::Week { 7 * DAY } else { DAY };
                for from in [near, near - long] {
                    let end = longest.latest_end(at(from)).map(Timestamp::micros);
                    let wanted = known.clocks.later(from, n, period);
                    assert_eq!(end.map(at), Some(at(wanted)), "{lock} from {} in {}", at(from), known.name);
                    compared += 1;
                }
                newest(known, n, period, near, longest.earliest_start(at(near)));
                compared += 1;
            }
        }
        compared
    });
    println!("{compared} ends and starts of ranges compared");
    assert!(compared >= 1_000_000);
}

/// K10: the newest part that is read where no range is asked for: allowed, and not if it began a microsecond before.
fn newest(known: &Known, n: u16, period: Period, until: i64, found: Option<Timestamp>) {
    let found = found.map(Timestamp::micros).expect("a beginning");
    let is_allowed = |from: i64| until <= known.clocks.later(from, n, period);
    let whence = || format!("{n} {period:?} until {} in {}: found {}", at(until), known.name, at(found));
    assert!(found < until && is_allowed(found), "not allowed: {}", whence());
    assert!(!is_allowed(found - 1), "not as long as allowed: {}", whence());
}
