//! What an extraction reports (T2).

use super::{IDS, cold_room, extracted, house};
use dashshare::template::{ExtractError, Options, extract};
use serde_json::json;

/// T2: the report counts what was dropped, what was unknown and what was kept, by path.
#[test]
fn the_report_counts_what_was_dropped_and_what_was_unknown() {
    let mut document = cold_room(IDS, "olga-1");
    document["layout"][0]["x"] = json!(1000);
    document["layout"][1]["x"] = json!("left");
    document["layout"][1]["who"] = json!("olga");
    let report = extracted(&house(), &document).report;
    let counts = |of: &std::collections::BTreeMap<String, usize>| -> Vec<(String, usize)> {
        of.iter().map(|(path, count)| (path.clone(), *count)).collect()
    };
    assert_eq!(counts(&report.dropped), [("cached".to_owned(), 1), ("layout.[].x".to_owned(), 2)]);
    assert_eq!(
        counts(&report.unknown),
        [("layout.[].who".to_owned(), 1), ("unheard".to_owned(), 1), ("widgets.*.device".to_owned(), 1)]
    );
    // The title, the constant, two heights, and of the widgets two types, two labels and a variable.
    assert_eq!(report.kept, 9);
    assert_eq!(
        report.slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>(),
        ["device-1", "code:sql-1"]
    );
}

/// T2: on wish, what the profile does not know is an error.
#[test]
fn a_strict_extraction_fails_on_what_the_profile_does_not_know() {
    let options = Options { strict: true, ..Options::default() };
    let document = cold_room(IDS, "olga-1");
    match extract(&document, &house(), options) {
        Err(ExtractError::Unknown(report)) => assert_eq!(report.unknown.len(), 2),
        other => panic!("{other:?}"),
    }
    let mut known = document;
    known.as_object_mut().expect("an object").remove("unheard");
    known["widgets"]["w-2"].as_object_mut().expect("an object").remove("device");
    assert!(extract(&known, &house(), options).is_ok());
}
