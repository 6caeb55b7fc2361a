//! Periods tile time, whatever the zone and the anchor.

use super::world::at;
use dashshare::{
    Timestamp,
    metering::{Offsets, Period},
};

/// M8: for every hour of thirty years the period holds, and it begins where the one before it ends; no month is skipped, none
/// comes twice.
fn tiles(name: &str, of: impl Fn(Timestamp) -> Period) {
    const HOUR: i64 = 3_600_000_000;
    let (mut now, end) = (at("1996-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    let mut last = of(now);
    let mut months = 0;
    while now < end {
        let period = of(now);
        assert!(period.contains(now), "{name}: {period} at {now}");
        if period != last {
            assert_eq!(last.end, period.first, "{name}: {last}, then {period}");
            let days = (period.end.micros() - period.first.micros()) / (24 * HOUR);
            assert!((27..=31).contains(&days), "{name}: {period}");
            months += 1;
            last = period;
        }
        // Just before its end it is the same, and at its end another.
        assert_eq!(of(period.end.plus_micros(-1)), period, "{name}");
        assert!(of(period.end).first == period.end, "{name}: {period}");
        now = now.plus_micros(HOUR * 7);
    }
    assert!((359..=360).contains(&months), "{name}: {months} months");
}

/// A zone whose clocks go forward and back every year, at these local midnights or elsewhere.
fn summer_time(winter: &str, summer: &str, hour: &str) -> Offsets {
    let offset = |text: &str| text.parse().expect("an offset");
    (1990..2030).fold(Offsets::fixed(offset(winter)), |zone, year| {
        let on = |month: u32, day: u32| at(&format!("{year}-{month:02}-{day:02}T{hour}:00:00Z"));
        zone.then(on(3, 31), offset(summer)).then(on(10, 1), offset(winter))
    })
}

/// M8: months of UTC, of zones with and without summer time, of clocks that go back over midnight into the month before,
/// and months anchored at each day.
#[test]
fn periods_tile_time() {
    tiles("UTC", Period::utc_month);
    let kolkata = summer_time("+05:30", "+05:30", "12");
    tiles("Kolkata", |now| Period::month(&kolkata, now));
    let berlin = summer_time("+01:00", "+02:00", "01");
    tiles("like Berlin", |now| Period::month(&berlin, now));
    // On 1 October clocks go back from 00:30 to 23:30 of 30 September.
    let back = summer_time("+00:00", "+01:00", "23");
    tiles("back over midnight", |now| Period::month(&back, now));
    for day in [1, 15, 28, 29, 30, 31] {
        tiles(&format!("anchored at {day}"), |now| Period::anchored(day, now));
        tiles(&format!("anchored at {day} with summer time"), |now| Period::anchored_in(&back, day, now));
    }
}

/// M8: an anchor is clamped in each month from the anchor itself: trap 12, that setting a month back from the 31st overflows.
#[test]
fn anchors_are_clamped_from_the_anchor() {
    let firsts = |day: u8, year: i32| -> Vec<String> {
        let month = |month: u32| Period::anchored(day, at(&format!("{year}-{month:02}-27T23:59:59.999999Z")));
        (1..=12).map(|at| month(at).end.to_string()[5..10].to_owned()).collect()
    };
    assert_eq!(firsts(31, 2027)[..4], ["01-31", "02-28", "03-31", "04-30"]);
    assert_eq!(firsts(30, 2028)[1], "02-29", "in a leap year");
    let march = Period::anchored(31, at("2026-03-31T12:00:00Z"));
    assert_eq!(march.to_string(), "2026-03-31T00:00:00Z to 2026-04-30T00:00:00Z");
    // Days that no month has are the nearest that one has.
    let now = at("2026-03-15T00:00:00Z");
    assert_eq!(Period::anchored(0, now), Period::anchored(1, now));
    assert_eq!(Period::anchored(200, now), Period::anchored(31, now));
}

/// M8: the first instant of a date that begins twice, and of one that clocks skip.
#[test]
fn a_date_begins_at_the_first_instant_that_shows_it() {
    let offset = |text: &str| text.parse().expect("an offset");
    let twice = Offsets::fixed(offset("+01:00")).then(at("2026-09-30T23:30:00Z"), offset("+00:00"));
    assert_eq!(twice.start_of("2026-10-01".parse().expect("a date")), at("2026-09-30T23:00:00Z"));
    assert_eq!(twice.date(at("2026-09-30T23:40:00Z")).to_string(), "2026-09-30", "shown again");
    let skipped = Offsets::fixed(offset("-10:00")).then(at("2011-12-30T10:00:00Z"), offset("+14:00"));
    assert_eq!(skipped.start_of("2011-12-30".parse().expect("a date")), at("2011-12-30T10:00:00Z"));
    assert_eq!(skipped.start_of("2011-12-31".parse().expect("a date")), at("2011-12-30T10:00:00Z"));
    // At the ends of the calendar nothing overflows.
    for edge in [Timestamp::MIN, Timestamp::MAX] {
        let _ = (Period::utc_month(edge), Period::anchored(31, edge), twice.date(edge));
    }
}
