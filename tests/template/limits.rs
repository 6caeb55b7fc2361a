//! What is no document of the format is refused (T6), and so is what is larger than an extraction takes (G23).

use super::{IDS, assert_returns, cold_room, house, of};
use dashshare::template::{ExtractError, Limits, Options, Profile, Template, extract, extract_json};
use serde_json::{Value, json};

fn code(document: &Value, profile: &Profile) -> String {
    match extract(document, profile, Options::default()) {
        Ok(found) => found.template.to_json()["body"].to_string(),
        Err(error) => error.code().to_owned(),
    }
}

/// T6: a document of which nothing could be read is refused without being asked to, whatever it comes wrapped in.
#[test]
fn a_document_of_which_nothing_could_be_read_is_refused() {
    let panel =
        json!({"id": 3, "type": "stat", "title": "Level", "gridPos": {"x": 0, "y": 0, "w": 6, "h": 4}});
    let board = json!({"title": "Silos", "schemaVersion": 39, "panels": [panel]});
    let tago =
        json!({"dashboard": {"label": "Silos"}, "widgets": [{"id": "w", "type": "card", "label": "Level"}]});
    let thing = json!({"title": "Silos", "configuration": {"settings": {"showTitle": true}}});
    let element = json!({"kind": "Panel", "spec": {"id": 3, "title": "Level", "vizConfig": {"kind": "VizConfig", "group": "stat"}}});
    let resource = |version: &str, spec: &Value| json!({"apiVersion": format!("dashboard.grafana.app/{version}"), "kind": "Dashboard", "metadata": {"name": "silos"}, "spec": spec});
    let newer = json!({"title": "Silos", "elements": {"panel-3": element}, "layout": {"kind": "GridLayout"}});
    for (profile, right) in
        [(Profile::grafana(), &board), (Profile::tagoio(), &tago), (Profile::thingsboard(), &thing)]
    {
        extract(right, &profile, Options::default()).unwrap_or_else(|error| panic!("{error}"));
        for foreign in [
            json!({"status": true, "result": right}),
            json!({"meta": {"slug": "silos"}, "data": right}),
            json!({"data": [right]}),
            json!([right]),
            resource("v1beta1", right),
            resource("v2", &newer),
            json!({}),
            json!({"silos": 3}),
            json!("silos"),
            Value::Null,
        ] {
            assert_eq!(code(&foreign, &profile), "foreign_document", "{}: {foreign}", profile.format());
        }
    }
    assert_eq!(
        code(&json!({"dashboard": board, "meta": {"slug": "silos"}}), &Profile::grafana()),
        "foreign_document"
    );
    let report = match extract(&json!({"result": tago}), &Profile::tagoio(), Options::default()) {
        Err(ExtractError::Foreign(report)) => report,
        other => panic!("{other:?}"),
    };
    assert_eq!(report.unknown.keys().collect::<Vec<_>>(), ["result"]);
}

/// T1: a template of nothing cannot have been extracted, so that none is read.
#[test]
fn a_template_of_nothing_is_none() {
    let empty = json!({"format": "house", "version": 1, "slots": [], "body": {}});
    assert!(Template::read(&house(), &empty.to_string()).is_err());
    let map = of(&json!({}), &json!({"map": {"keys": "name", "values": {"object": {"title": "text"}}}}));
    assert!(Template::read(&map, &empty.to_string()).is_err());
}

/// T3, T6: what the profile does not keep does not tell whether a document is refused.
#[test]
fn what_is_not_kept_does_not_show_in_whether_a_document_is_foreign() {
    let bare = json!({"cached": {"last": [4.5]}, "owner": "olga", "schema": 7, "unheard": "of"});
    assert_eq!(code(&bare, &house()), "foreign_document");
    let titled = json!({"cached": null, "title": "Cold room"});
    assert_eq!(
        code(&titled, &house()),
        json!({"title": "Cold room", "owner": {"$owner": true}, "schema": 3}).to_string()
    );
}

/// G23: a document may have ten million bytes, and not one more, unless the host says otherwise.
#[test]
fn a_document_that_is_too_long_is_refused_with_the_limit() {
    assert_eq!(Limits::default(), Limits { document_bytes: 10_000_000, slots: 10_000 });
    let of_bytes = |bytes: usize| {
        let frame = json!({"title": "Cold room", "cached": ""}).to_string();
        frame.replace(r#""cached":"""#, &format!(r#""cached":"{}""#, "x".repeat(bytes - frame.len())))
    };
    let within = of_bytes(10_000_000);
    assert_eq!(within.len(), 10_000_000);
    for (text, fits) in [(within, true), (of_bytes(10_000_001), false)] {
        let value: Value = serde_json::from_str(&text).expect("JSON");
        for found in
            [extract_json(&text, &house(), Options::default()), extract(&value, &house(), Options::default())]
        {
            match found {
                Ok(_) => assert!(fits),
                Err(error) => {
                    assert!(
                        !fits && matches!(error, ExtractError::TooLarge { limit: 10_000_000 }),
                        "{error:?}"
                    );
                    assert_eq!(error.code(), "document_too_large");
                    assert_eq!(error.to_string(), "a document may have 10000000 bytes at most");
                }
            }
        }
    }
    let wider =
        Options { limits: Limits { document_bytes: 10_000_001, ..Limits::default() }, ..Options::default() };
    assert!(extract_json(&of_bytes(10_000_001), &house(), wider).is_ok());
}

/// G23: a template may have ten thousand slots, equal ones counted once, unless the host says otherwise; and so many
/// are extracted, read and filled.
#[test]
fn a_template_of_too_many_slots_is_refused_with_the_limit() {
    let profile = of(
        &json!({}),
        &json!({"object": {"devices": {"array": {"either": [{"slot": {"kind": "device"}}, {"object": {"id": {"slot": {"kind": "device"}}}}]}},
            "by": {"map": {"keys": {"slot": {"kind": "query"}}, "values": "text"}}}}),
    );
    let document = |devices: usize, queries: usize| {
        let by: serde_json::Map<String, Value> =
            (0..queries).map(|n| (format!("q{n}"), json!("Air"))).collect();
        let all = (0..devices).chain(0..devices.min(50)).map(|n| json!({"id": format!("d{n}")}));
        json!({"devices": all.collect::<Vec<_>>(), "by": by})
    };
    let options = Options::default();
    let most = extract(&document(9_000, 1_000), &profile, options).expect("so many fit").template;
    assert_eq!(most.slots().len(), 10_000);
    assert_returns(&profile, &most);
    match extract(&document(9_001, 1_000), &profile, options) {
        Err(error @ ExtractError::TooManySlots { limit: 10_000, slots: 10_001 }) => {
            assert_eq!(error.code(), "too_many_slots");
            assert_eq!(
                error.to_string(),
                "a template may have 10000 slots at most, and this one would have 10001"
            );
        }
        other => panic!("{:?}", other.map(|found| found.template.slots().len())),
    }
    let few = Options { limits: Limits { slots: 3, ..Limits::default() }, ..options };
    assert!(extract(&document(2, 1), &profile, few).is_ok());
    assert!(matches!(
        extract(&document(2, 2), &profile, few),
        Err(ExtractError::TooManySlots { limit: 3, slots: 4 })
    ));
    // Small documents are what they were.
    assert!(extract(&cold_room(IDS, "olga-1"), &house(), options).is_ok());
}
