//! The golden examples of locks.

use dashshare::{
    Lock, Timestamp,
    lock::{DeviceSelector, LockFault, Query, Range, ReadKind, Unit, VariableSelector, Zone},
    policy::Tag,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn temp() -> Query {
    Query::new(ReadKind::Series, "p1", "temp")
}

/// Where the last n whole periods begin; they end now.
fn begins(n: u16, unit: Unit, name: &str, now: &str) -> String {
    let window = Lock::NONE.whole(n, unit, zone(name)).window(at(now));
    assert_eq!(window.until, Some(at(now)));
    window.from.expect("a rolling window begins somewhere").to_string()
}

/// K8, K9: G-K5 to G-K11; traps TA15 (the day of the lock's zone, not of UTC), TA16 (exactly n dates, the running one
/// included), TA17 (the start never moves back) and TA18 (Vancouver, by data of 2026).
#[test]
fn whole_periods_begin_where_the_examples_say() {
    use Unit::{Day, Month, Week, Year};
    let berlin = "Europe/Berlin";
    for (n, unit, zone, now, from) in [
        (2, Day, berlin, "2026-03-30T10:00:00Z", "2026-03-28T23:00:00Z"),
        (2, Day, berlin, "2026-10-25T23:30:00Z", "2026-10-24T22:00:00Z"),
        (1, Week, berlin, "2026-03-29T21:59:00Z", "2026-03-22T23:00:00Z"),
        (1, Week, berlin, "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z"),
        (1, Day, "America/Vancouver", "2026-11-10T08:30:00Z", "2026-11-10T07:00:00Z"),
        (1, Day, "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z"),
        (2, Day, "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z"),
        (3, Day, "Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-29T10:00:00Z"),
        (1, Day, "America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07T02:30:00Z"),
        (1, Day, "America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-07T02:30:00Z"),
        (1, Day, "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z"),
        (1, Day, "Asia/Kathmandu", "2026-01-01T00:00:00Z", "2025-12-31T18:15:00Z"),
        (2, Month, "UTC", "2026-03-31T00:00:00Z", "2026-02-01T00:00:00Z"),
        (2, Year, "UTC", "2028-02-29T12:00:00Z", "2027-01-01T00:00:00Z"),
        // 23:30 was followed by 00:30: the day began with the jump, not an hour after the midnight that never was.
        (1, Day, "America/Toronto", "1919-03-31T12:00:00Z", "1919-03-31T04:30:00Z"),
        (1, Year, "Pacific/Kiritimati", "2026-12-31T10:00:00Z", "2026-12-31T10:00:00Z"),
    ] {
        assert_eq!(begins(n, unit, zone, now), from, "{n} {unit:?} {zone} as of {now}");
    }
    assert!(Zone::data_version() >= "2026f", "{}", Zone::data_version());
}

/// K10, G-K6: a day that has 25 hours may be asked for at once, and not a microsecond more.
#[test]
fn a_day_of_the_wall_clock_is_as_long_as_it_is() {
    let day = Lock::NONE.max_range_whole(1, Unit::Day, zone("Europe/Berlin"));
    let of =
        |from: &str| day.longest_range().latest_end(at(from)).map(|end| end.to_string()).unwrap_or_default();
    assert_eq!(of("2026-10-24T22:00:00Z"), "2026-10-25T23:00:00Z");
    assert_eq!(of("2026-03-28T23:00:00Z"), "2026-03-29T22:00:00Z");
    // 02:30 is skipped on the 29th: 03:30 instead.
    assert_eq!(of("2026-03-28T01:30:00Z"), "2026-03-29T01:30:00Z");
    let month = Lock::NONE.max_range_whole(1, Unit::Month, zone("UTC"));
    let of = |from: &str| month.longest_range().latest_end(at(from));
    assert_eq!(of("2026-01-31T12:00:00Z"), Some(at("2026-02-28T12:00:00Z")));
    let both = day.max_range("12h".parse().expect("a length"));
    let end = both.longest_range().latest_end(at("2026-10-24T22:00:00Z"));
    assert_eq!(end, Some(at("2026-10-25T10:00:00Z")), "the shorter of two");
    assert_eq!(Lock::NONE.longest_range().latest_end(at("2026-01-01T00:00:00Z")), None);
}

/// K6, K7, G-K12; trap TA16: exactly 24 hours, the first instant in, now out.
#[test]
fn a_sliding_day_has_24_hours() {
    let day = Lock::NONE.last("1d".parse().expect("a length"));
    let now = at("2026-03-29T10:00:00Z");
    let admits = |instant: &str| day.admits(&temp(), &[], at(instant), now);
    assert!(admits("2026-03-28T10:00:00Z"));
    assert!(!admits("2026-03-28T09:59:59.999999Z"));
    assert!(admits("2026-03-29T09:59:59.999999Z"));
    assert!(!admits("2026-03-29T10:00:00Z"));
    let week = Lock::NONE.last("1w".parse().expect("a length"));
    assert_eq!(week, Lock::NONE.last("7d".parse().expect("a length")));
    let absolute = Lock::NONE.within(Range::new(at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z")));
    let admits = |instant: &str| absolute.admits(&temp(), &[], at(instant), now);
    assert!(admits("2026-03-01T00:00:00Z") && !admits("2026-02-28T23:59:59.999999Z"));
    assert!(admits("2026-03-01T23:59:59.999999Z") && !admits("2026-03-02T00:00:00Z"));
}

/// K5, G-K13; traps TA5 (`*` is a value like any other) and TA11 (no value of the asker replaces a fixed one).
#[test]
fn a_fixed_parameter_must_be_applied_and_stays_fixed() {
    let now = at("2026-01-02T00:00:00Z");
    let admits = |lock: &Lock, query: Query| lock.admits(&query, &[], at("2026-01-01T00:00:00Z"), now);
    let berlin = Lock::NONE.parameter("site", ["berlin"]);
    let site = || temp().applying("site");
    assert!(!admits(&berlin, temp()), "not applied");
    assert!(!admits(&berlin, temp().choosing("site", "berlin")), "said, and not applied");
    assert!(!admits(&berlin, temp().applying("Site").choosing("Site", "berlin")), "another name");
    assert!(admits(&berlin, site()), "the one value is given");
    assert!(admits(&berlin, site().choosing("site", "berlin")));
    for other in ["paris", "*", "", "Berlin", "berlin "] {
        assert!(!admits(&berlin, site().choosing("site", other)), "`{other}`");
    }
    let several = Lock::NONE.parameter("site", ["berlin", "paris"]);
    assert!(!admits(&several, site()), "not chosen");
    assert!(admits(&several, site().choosing("site", "paris")));
    let star = Lock::NONE.parameter("site", ["*"]);
    assert!(!admits(&star, site().choosing("site", "berlin")), "no wildcard in a lock either");
    assert!(admits(&star, site().choosing("site", "*")));
    let blank = Lock::NONE.parameter("site", [""]);
    assert!(admits(&blank, site()) && !admits(&blank, site().choosing("site", "berlin")));
    // Two that are fixed to different values leave none.
    let paris = Lock::NONE.parameter("site", ["paris"]);
    let none = berlin.clone().meet(paris);
    assert!(none.is_empty());
    for query in [temp(), site(), site().choosing("site", "berlin"), site().choosing("site", "paris")] {
        assert!(!admits(&none, query));
    }
    let nothing: [&str; 0] = [];
    assert!(!admits(&Lock::NONE.parameter("site", nothing), site().choosing("site", "berlin")), "TA3");
}

/// K5, B11: a parameter that fixes a slot acts on the device that is chosen for it, and for the library to apply.
#[test]
fn a_fixed_slot_lets_its_devices_through() {
    let now = at("2026-01-02T00:00:00Z");
    let lock = Lock::NONE.parameter("slot:Pump", ["p1", "p2"]);
    let admits = |query: &Query| lock.admits(query, &[], at("2026-01-01T00:00:00Z"), now);
    assert!(admits(&temp().in_slot("Pump")));
    assert!(!admits(&Query::new(ReadKind::Series, "p3", "temp").in_slot("Pump")));
    assert!(
        !admits(&Query::new(ReadKind::Series, "p1", "temp").in_slot("Site")),
        "what fills the other slot?"
    );
    assert!(!admits(&temp()), "no slot: nobody applies it");
    assert!(!admits(&temp().applying("slot:Pump").choosing("slot:Pump", "p1")), "nor can a host");
}

/// K3, K4; traps TA3 (an empty clause lets nothing through) and TA10: names are compared byte for byte, any value of a tag
/// that is repeated counts, and what is said of one device says nothing of another.
#[test]
fn names_are_compared_byte_for_byte() {
    let now = at("2026-01-02T00:00:00Z");
    let tags = [Tag::new("site", "north"), Tag::new("site", "south"), Tag::new("p2", "p2")];
    let admits = |lock: &Lock, query: &Query| lock.admits(query, &tags, at("2026-01-01T00:00:00Z"), now);
    let device = |selector: DeviceSelector| admits(&Lock::NONE.devices([selector]), &temp());
    assert!(device("p1".into()));
    for other in ["P1", "p1 ", "p", "", "p2", "north", "*"] {
        assert!(!device(other.into()), "`{other}`");
    }
    assert!(device(DeviceSelector::tag("site", "north")) && device(DeviceSelector::tag("site", "south")));
    for (key, value) in [("site", "North"), ("Site", "north"), ("site", ""), ("site", "*"), ("north", "site")]
    {
        assert!(!device(DeviceSelector::tag(key, value)), "{key}={value}");
    }
    assert!(!admits(&Lock::NONE.devices([]), &temp()));
    assert!(!admits(&Lock::NONE.variables([]), &temp()));
    let variable = |selector: VariableSelector| admits(&Lock::NONE.variables([selector]), &temp());
    assert!(variable("temp".into()) && variable(VariableSelector::of("p1", "temp")));
    assert!(!variable("Temp".into()) && !variable(VariableSelector::of("p2", "temp")));
    // A clause asks for one of its selectors, and each clause asks.
    let one_of = Lock::NONE.devices(["p2".into(), DeviceSelector::tag("site", "south")]);
    assert!(admits(&one_of, &temp()));
    assert!(!admits(&one_of.devices(["p2".into()]), &temp()));
}

/// K13, G-K16: what is empty as it is written is refused, and a window that lies in the future is not empty. Trap TA3.
#[test]
fn what_is_written_empty_is_refused() {
    let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    let nothing: [&str; 0] = [];
    for empty in [
        Lock::NONE.devices([]),
        Lock::NONE.devices(["p1".into()]).devices([]),
        Lock::NONE.variables([]),
        Lock::NONE.within(Range::new(late, early)),
        Lock::NONE.within(Range::new(early, early)),
        Lock::NONE.since(late).before(early),
        Lock::NONE.parameter("x", nothing),
        Lock::NONE.parameter("x", ["a"]).parameter("x", ["b"]),
        Lock::NONE.whole(0, Unit::Day, zone("UTC")),
        Lock::NONE.max_range_whole(0, Unit::Day, zone("UTC")),
    ] {
        assert_eq!(empty.check(), Err(LockFault::Empty), "{empty}");
        assert!(!empty.admits(&temp().applying("x"), &[], early, late), "{empty}");
    }
    let future = Lock::NONE.since(at("2999-01-01T00:00:00Z"));
    assert_eq!(future.check(), Ok(()));
    assert!(!future.is_empty() && !future.admits(&temp(), &[], early, late));
    // Empty is what tells it by its form; that these name no device in common is not asked.
    let apart = Lock::NONE.devices(["p1".into()]).devices(["p2".into()]);
    assert_eq!(apart.check(), Ok(()));
    assert!(!apart.admits(&temp(), &[], early, late));
    assert_eq!(Lock::NONE.check(), Ok(()));
}

/// K8, K9, K24; traps TA13 and TA14: a zone is one of the bundled data, in its very spelling: no other word is read as one,
/// least of all as UTC.
#[test]
fn an_unknown_zone_is_refused() {
    for name in [
        "Europe/Atlantis",
        "europe/berlin",
        "Europe/Berlin ",
        "",
        "+02:00",
        "CEST",
        "Local",
        "../UTC",
        "UTC+2",
    ] {
        assert!(name.parse::<Zone>().is_err(), "`{name}`");
    }
    for name in
        ["UTC", "Etc/UTC", "Europe/Berlin", "Asia/Calcutta", "Asia/Kolkata", "America/Argentina/Buenos_Aires"]
    {
        assert_eq!(zone(name).name(), name);
    }
}

/// K2: total, also at both ends of the calendar.
#[test]
fn windows_are_total_at_the_ends_of_the_calendar() {
    for now in [Timestamp::MIN, Timestamp::MIN.plus_days(1), Timestamp::MAX.plus_micros(-1), Timestamp::MAX] {
        for unit in [Unit::Day, Unit::Week, Unit::Month, Unit::Year] {
            for name in ["UTC", "Pacific/Apia", "America/St_Johns"] {
                for n in [1, 1000] {
                    let lock =
                        Lock::NONE.whole(n, unit, zone(name)).last("366000d".parse().expect("a length"));
                    let window = lock.window(now);
                    assert_eq!(window.until, Some(now));
                    assert!(window.from <= Some(now));
                    let longest = Lock::NONE.max_range_whole(n, unit, zone(name));
                    let longest = longest.longest_range();
                    assert!(longest.latest_end(now) >= Some(now) && longest.earliest_start(now) <= Some(now));
                }
            }
        }
    }
}
