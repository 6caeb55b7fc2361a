//! Calendar days as ends of shares: through the whole day, by the clocks of whoever picked it, and not a moment longer.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, TimeZone as _};
use dashshare::{Expiry, Timestamp};
use proptest::prelude::*;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn offset(seconds: i32) -> FixedOffset {
    FixedOffset::east_opt(seconds).expect("less than a day")
}

/// From −12:00 to +14:00, whole hours and quarters more often than odd seconds.
fn offsets() -> impl Strategy<Value = FixedOffset> {
    prop_oneof![
        (-12..=14).prop_map(|hours| offset(hours * 3600)),
        (-48..=56).prop_map(|quarters| offset(quarters * 900)),
        (-43_200..=50_400).prop_map(offset),
    ]
}

/// From year 0 to year 9999.
fn days() -> impl Strategy<Value = NaiveDate> {
    let first = day(0, 1, 1);
    (0..=3_652_424u64).prop_map(move |more| first.checked_add_days(Days::new(more)).expect("a day"))
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day")
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn a_share_through_a_day_is_alive_in_its_last_microsecond_and_dead_at_midnight(
        day in days(), offset in offsets(),
    ) {
        let expiry = Expiry::through_day(day, offset);
        prop_assert_eq!(expiry.last_day(offset), Some(day));
        let midnight = day.and_hms_opt(0, 0, 0).expect("midnight") + Days::new(1);
        let end: Timestamp = offset.from_local_datetime(&midnight).unwrap().to_utc().into();
        prop_assert_eq!(expiry, Expiry::At(end));
        prop_assert!(expiry.is_over(end));
        prop_assert!(!expiry.is_over(end.plus_micros(-1)));
    }

    #[test]
    fn the_last_day_is_that_of_the_instant_before_the_end(
        micros in any::<i64>(), offset in offsets(),
    ) {
        let end = Timestamp::from_micros(micros);
        let before: DateTime<_> = end.to_datetime() - chrono::TimeDelta::microseconds(1);
        let expected = before.with_timezone(&offset).date_naive();
        prop_assert_eq!(Expiry::At(end).last_day(offset), Some(expected));
    }
}

#[test]
fn never_has_no_last_day() {
    assert_eq!(Expiry::Never.last_day(offset(0)), None);
}

#[test]
fn days_beyond_the_calendar_of_instants_end_at_its_limits() {
    for hours in [-12, 0, 14] {
        let offset = offset(hours * 3600);
        assert_eq!(Expiry::through_day(NaiveDate::MAX, offset), Expiry::At(Timestamp::MAX));
        assert_eq!(Expiry::through_day(NaiveDate::MIN, offset), Expiry::At(Timestamp::MIN));
        assert_eq!(Expiry::through_day(day(9999, 12, 31), offset).last_day(offset), Some(day(9999, 12, 31)));
    }
    // What ends after the last instant ends with it.
    assert_eq!(Expiry::through_day(day(9999, 12, 31), offset(-3600)), Expiry::At(Timestamp::MAX));
    assert_eq!(Expiry::through_day(day(-1, 12, 31), offset(0)), Expiry::At(Timestamp::MIN));
}
