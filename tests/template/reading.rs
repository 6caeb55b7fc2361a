//! A template is read as strictly as it was made (T1), and what cannot be read is an error.

use super::{IDS, cold_room, device, extracted, house, of};
use dashshare::template::{ExtractError, Limits, Options, Profile, Template, extract, extract_json};
use serde_json::{Value, json};

/// T1: reading refuses what extracting could not have left, and says where.
#[test]
fn a_forged_template_is_refused_with_its_place() {
    let template = extracted(&house(), &cold_room(IDS, "olga-1")).template.to_json();
    assert!(Template::read(&house(), &template.to_string()).is_ok());
    let forgeries: Vec<(&str, &str, Value, &str)> = vec![
        ("a device id in a leaf", "/body/layout/0/x", json!("5f2b9c0d7a1e4b6c8d9e0f1a"), "/layout/0/x"),
        ("a number beyond the vocabulary", "/body/layout/0/x", json!(101), "/layout/0/x"),
        ("a device id in a slot's place", "/body/widgets/$id:widget-1/device", json!("olga-1"), "device"),
        (
            "a device id in a name",
            "/body/widgets/$id:widget-1/variable",
            json!("5f2b9c0d7a1e4b6c8d9e0f1a"),
            "variable",
        ),
        ("an unknown field", "/body/token", json!("olga"), "token"),
        ("a dropped field", "/body/cached", json!(1), "/cached"),
        ("an unknown slot", "/body/widgets/$id:widget-1/device", json!({"$slot": "device-2"}), "device"),
        (
            "a slot of another kind",
            "/body/widgets/$id:widget-1/device",
            json!({"$slot": "code:sql-1"}),
            "device",
        ),
        (
            "a slot with more in it",
            "/body/widgets/$id:widget-1/device",
            json!({"$slot": "device-1", "was": "olga-1"}),
            "device",
        ),
        ("an id out of range", "/body/start", json!({"$id": "widget-1000001"}), "/start"),
        ("an id that nothing defines", "/body/start", json!({"$id": "widget-31337"}), "widget-31337"),
        ("an id of another space", "/body/start", json!({"$id": "row-1"}), "/start"),
        ("an id spelt otherwise", "/body/start", json!({"$id": "widget-01"}), "/start"),
        ("an id that is none", "/body/start", json!({"$id": "widget-0"}), "/start"),
        ("a source's id", "/body/start", json!("w-2"), "/start"),
        ("markup in a text", "/body/title", json!("<script>alert(1)</script>"), "/title"),
        ("a link in a text", "/body/title", json!("http://olga.example"), "/title"),
        ("an address in a text", "/body/title", json!("olga@example.com"), "/title"),
        ("a key of the source's", "/body/widgets/w-3", json!({"label": "Air"}), "/widgets"),
        ("a marker as key", "/body/widgets/$slot:device-1", json!({"label": "Air"}), "/widgets"),
        ("an owner", "/body/owner", json!("olga"), "/owner"),
        ("a marker with more", "/body/owner", json!({"$owner": "olga"}), "/owner"),
        ("another constant", "/body/schema", json!(4), "/schema"),
        ("an object for a list", "/body/layout", json!({"0": {}}), "/layout"),
        ("a list for the body", "/body", json!([]), "/"),
        ("a member beside", "/source", json!("p-1"), "source"),
        ("another format", "/format", json!("barn"), "house"),
        ("another version", "/version", json!(2), "house"),
        ("a slot of the author's naming", "/slots/0/name", json!("olga's freezer"), "slot"),
        ("a slot of an unknown kind", "/slots/0/kind", json!("person"), "slot"),
        ("a slot with a label", "/slots/0/label", json!("olga's freezer"), "label"),
        ("a slot that is none", "/slots/0", json!("device-1"), "slot"),
        ("no slots", "/slots", Value::Null, "slots"),
    ];
    for (what, place, forged, says) in forgeries {
        let mut text = template.clone();
        let (parent, name) = place.rsplit_once('/').expect("a pointer");
        let there = text.pointer_mut(parent).unwrap_or_else(|| panic!("{place} in {template}"));
        match there {
            Value::Array(items) => items[name.parse::<usize>().expect("an index")] = forged,
            other => other[name] = forged,
        }
        let error = Template::read(&house(), &text.to_string()).expect_err(what).to_string();
        assert!(error.contains(says), "{what}: `{says}` is not in: {error}");
    }
}

/// T1: who reads a member that stands twice elsewhere may see the other one.
#[test]
fn a_template_with_a_member_twice_or_an_idle_slot_is_refused() {
    let profile = of(&Value::Null, &json!({"object": {"title": "text", "device": device()}}));
    let text = |slots: &str, body: &str| {
        format!(r#"{{"format":"house","version":1,"slots":[{slots}],"body":{{{body}}}}}"#)
    };
    let slot = r#"{"name":"device-1","kind":"device","required":true,"uses":1}"#;
    assert!(Template::read(&profile, &text(slot, r#""device":{"$slot":"device-1"}"#)).is_ok());
    for (slots, body) in [
        (slot, ""),
        ("", r#""title":"a","title":"b""#),
        ("", r#""device":{"$slot":"device-1"}"#),
        ("", r#""title":"\ud800""#),
    ] {
        assert!(Template::read(&profile, &text(slots, body)).is_err(), "{slots} {body}");
    }
    for text in ["", "[]", "null", "{}", &"[".repeat(100_000)] {
        assert!(Template::read(&profile, text).is_err());
    }
}

/// T2: under a wrong profile hardly anything is left, and the report says what was not known.
#[test]
fn a_wrong_profile_leaves_almost_nothing_and_reports_it() {
    let document = cold_room(IDS, "olga-1");
    for (profile, rest) in [
        (Profile::grafana(), json!({"title": "Cold room", "rows": [{"height": 30}, {"height": 20}]})),
        (Profile::thingsboard(), json!({"title": "Cold room"})),
    ] {
        let found = extracted(&profile, &document);
        assert_eq!(found.template.to_json()["body"], rest, "{}", profile.format());
        assert!(found.report.unknown.contains_key("layout") && found.template.slots().is_empty());
    }
    for document in [json!(null), json!(7), json!("olga"), json!([cold_room(IDS, "olga-1")])] {
        let found = extract(&document, &house(), Options::default());
        assert!(matches!(found, Err(ExtractError::Foreign(_))), "{document}: {found:?}");
    }
}

/// T2: what is no JSON, or has a member twice, is an error and no part of it a template.
#[test]
fn a_document_that_cannot_be_read_is_an_error() {
    for text in [
        "",
        "{",
        "{\"title\": \"Cold room\"} x",
        "{\"title\": \"a\", \"title\": \"b\"}",
        "{\"unheard\": {\"a\": 1, \"a\": 1}}",
        "{\"title\": 1e999}",
        "{'title': 'Cold room'}",
        "title: Cold room",
    ] {
        let found = extract_json(text, &house(), Options::default());
        assert!(matches!(found, Err(ExtractError::Malformed(_))), "{text}: {found:?}");
    }
}

#[test]
fn sixty_megabytes_are_read_and_dropped() {
    let reading = r#"{"time": "2024-12-11T14:03:57Z", "value": 4.5, "device": "5f2b9c0d7a1e4b6c8d9e0f1a"},"#;
    let count = 60_000_000 / reading.len() + 1;
    let mut text = String::from(r#"{"title": "Cold room", "cached": ["#);
    text.push_str(&reading.repeat(count));
    text.push_str("0]}");
    assert!(text.len() > 60_000_000);
    let limits = Limits { document_bytes: 61_000_000, ..Limits::default() };
    let found =
        extract_json(&text, &house(), Options { limits, ..Options::default() }).expect("it is only long");
    let left = found.template.to_json()["body"].clone();
    assert_eq!(left, json!({"title": "Cold room", "owner": {"$owner": true}, "schema": 3}));
    assert_eq!(found.report.dropped["cached"], 1);
}
