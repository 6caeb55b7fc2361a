//! Instants: what is read as one, and what is not (S3, G6). The reading here is written by the grammar of RFC 3339 and
//! shares no code with the library's.

use chrono::{DateTime, NaiveDate, Utc};
use dashshare::Timestamp;
use proptest::prelude::*;

/// Days of a month, by the Gregorian calendar.
fn days_in(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A number of exactly these digits at a place of the text.
fn number(text: &[u8], from: usize, digits: usize) -> Option<u64> {
    let part = text.get(from..from + digits)?;
    part.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
}

/// The instant that a text of RFC 3339 stands for, in microseconds and rounded down; `None` if it is none.
fn reading(text: &[u8]) -> Option<i64> {
    let marks = [(4, &b"-"[..]), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")];
    marks
        .iter()
        .all(|(place, marks)| text.get(*place).is_some_and(|mark| marks.contains(mark)))
        .then_some(())?;
    let [year, month, day, hour, minute, second] =
        [(0, 4), (5, 2), (8, 2), (11, 2), (14, 2), (17, 2)].map(|(from, digits)| number(text, from, digits));
    let (year, month, day, hour, minute, second) = (year?, month?, day?, hour?, minute?, second?);
    let is_date = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    (is_date && hour < 24 && minute < 60 && second <= 60).then_some(())?;
    let mut rest = text.get(19..)?;
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|digit| digit.is_ascii_digit()).count();
        (digits > 0).then_some(())?;
        micros = (0..6).fold(0, |sum, place| {
            sum * 10 + fraction[..digits].get(place).map_or(0, |digit| i64::from(digit - b'0'))
        });
        rest = &fraction[digits..];
    }
    let offset = match rest {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), offset @ ..] if offset.len() == 5 && offset[2] == b':' => {
            let (hours, minutes) = (number(offset, 0, 2)?, number(offset, 3, 2)?);
            (hours < 24 && minutes < 60).then_some(())?;
            i64::try_from(hours * 60 + minutes).ok()? * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let past: u64 = (1..month).map(|month| days_in(year, month)).sum();
    let leap_days = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let days = i64::try_from(year * 365 + leap_days + past + day - 1).ok()? - 719_528;
    let minutes = days * 1440 + i64::try_from(hour * 60 + minute).ok()? - offset;
    if second == 60 {
        // In UTC it must be the last minute of a month: the next day is a first one.
        (minutes.rem_euclid(1440) == 1439 && is_first(minutes.div_euclid(1440) + 1)).then_some(())?;
        return Some((minutes + 1) * 60_000_000 - 1);
    }
    Some((minutes * 60 + i64::try_from(second).ok()?) * 1_000_000 + micros)
}

/// Whether a day since 1970 is the first of a month, found by walking the months of its 400 years.
fn is_first(day: i64) -> bool {
    let mut left = (day + 719_528).rem_euclid(146_097);
    for year in 0..400 {
        for month in 1..=12 {
            if left <= 0 {
                return left == 0;
            }
            left -= i64::try_from(days_in(year, month)).unwrap_or(i64::MAX);
        }
    }
    left == 0
}

/// Texts that are nearly instants: each part is mostly right.
fn near_instants() -> impl Strategy<Value = String> {
    let part = |right: std::ops::RangeInclusive<u32>| prop_oneof![8 => right, 1 => 0u32..100];
    let second = prop_oneof![4 => 0u32..60, 4 => Just(60), 1 => 0u32..100];
    let time = prop_oneof![3 => (part(0..=23), part(0..=59)), 3 => Just((23, 59)), 1 => Just((22, 59))];
    let day = prop_oneof![2 => part(1..=28), 2 => 28u32..32];
    let fraction = prop_oneof![4 => Just(String::new()), 4 => "\\.[0-9]{1,10}", 1 => Just(".".to_owned()), 1 => "[,:][0-9]"];
    let offset = prop_oneof![
        6 => Just("Z".to_owned()), 1 => Just("z".to_owned()), 3 => "[+-](0[0-9]|1[0-9]|2[0-4]):[0-6][0-9]",
        2 => Just("-01:00".to_owned()), 1 => "[−–]0[0-9]:00", 1 => "[+-][0-9]{2,4}", 1 => "(|UTC|ZZ| Z|Z )",
    ];
    let year = prop_oneof![4 => 1970u32..2100, 1 => 0u32..10_000, 1 => Just(0), 1 => Just(9999)];
    let mark = prop_oneof![8 => Just("T"), 1 => Just("t"), 1 => Just(" "), 1 => Just("_"), 1 => Just("")];
    (year, part(1..=12), day, mark, time, second, fraction, offset).prop_map(
        |(year, month, day, mark, (hour, minute), second, fraction, offset)| {
            format!("{year:04}-{month:02}-{day:02}{mark}{hour:02}:{minute:02}:{second:02}{fraction}{offset}")
        },
    )
}

/// S3, G6: a text is an instant exactly if RFC 3339 says so, and then it is that one, rounded down; a second 60 is one
/// only at the end of a month.
#[test]
fn an_instant_is_read_exactly_as_rfc_3339_has_it() {
    let (read, refused, leap) = Default::default();
    let counts: [&std::cell::Cell<u32>; 3] = [&read, &refused, &leap];
    let count = |which: usize| counts[which].set(counts[which].get() + 1);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let checked = runner.run(&near_instants(), |text| {
        let expected = reading(text.as_bytes());
        let range = Timestamp::MIN.micros()..=Timestamp::MAX.micros();
        let expected = expected.map(|micros| micros.clamp(*range.start(), *range.end()));
        prop_assert_eq!(text.parse::<Timestamp>().ok().map(Timestamp::micros), expected, "`{}`", text);
        let json = serde_json::to_string(&text).expect("a text");
        let by_serde = serde_json::from_str::<Timestamp>(&json).ok().map(Timestamp::micros);
        prop_assert_eq!(by_serde, expected, "`{}`", text);
        count(usize::from(expected.is_none()));
        if expected.is_some() && text.get(17..19) == Some("60") {
            count(2);
        }
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
    println!("{} read, {} refused, {} leap seconds", read.get(), refused.get(), leap.get());
    assert!(read.get() > 3_000 && refused.get() > 3_000 && leap.get() > 60, "too few to mean anything");
}

/// S3: no clock shows a second 60 within a day, nor at an end of a day that ends no month.
#[test]
fn a_second_sixty_is_an_instant_only_at_the_end_of_a_month() {
    for text in [
        "2026-06-30T12:34:60Z",
        "2026-06-30T00:00:60Z",
        "2026-06-29T23:59:60Z",
        "2026-06-30T23:58:60Z",
        "2026-06-30T22:59:60Z",
        "2026-06-30T23:59:60+01:00",
        "2026-06-30T23:59:61Z",
        "2026-02-28T24:00:00Z",
        "2026-06-30T12:34:56\u{2212}01:00",
        "2026-02-29T00:00:00Z",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    let before: Timestamp = "2016-12-31T23:59:59.999999Z".parse().expect("an instant");
    for text in ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2016-12-31T15:59:60-08:00"] {
        assert_eq!(text.parse::<Timestamp>().ok(), Some(before), "{text}");
    }
    assert_eq!("9999-12-31T23:59:60Z".parse::<Timestamp>().ok(), Some(Timestamp::MAX));
}

/// S3: a leap second that comes from chrono is rounded down like one that is read, wherever chrono lets it stand.
#[test]
fn a_leap_second_of_chrono_is_rounded_down() {
    for (hour, minute, nanos) in [(23, 59, 1_000_000_000), (12, 34, 1_999_999_999)] {
        let day = NaiveDate::from_ymd_opt(2026, 6, 30).expect("a day");
        let leap: DateTime<Utc> =
            day.and_hms_nano_opt(hour, minute, 59, nanos).expect("chrono has it").and_utc();
        let exact = day.and_hms_micro_opt(hour, minute, 59, 999_999).expect("an instant").and_utc();
        assert_eq!(Timestamp::from(leap).to_datetime(), exact);
    }
}
