//! The lint of slots, and TagoIO's documents (all of our own invention).

use dashshare::blueprint::{Blueprint, CompileError, Finding, RESERVED, Severity, Slot, TagoioDashboard};
use serde_json::{Value, json};

fn slot(name: &str) -> Slot {
    Slot::new(name).with_condition("type", "x")
}

fn findings(slots: Vec<Slot>) -> Vec<Finding> {
    match Blueprint::compile_lenient(slots, true, RESERVED) {
        Ok(compiled) => compiled.findings,
        Err(error) => error.findings().to_vec(),
    }
}

fn places(findings: &[Finding]) -> Vec<(Severity, &str)> {
    findings.iter().map(|finding| (finding.severity(), finding.pointer())).collect()
}

/// B1: each thing that is wrong is found at its place; what is broken cannot be compiled, and strictly nothing can that the lint
/// finds.
#[test]
fn what_is_wrong_with_slots_is_found_at_its_place() {
    use Severity::{Broken, Warning};
    let long = "ж".repeat(50) + "a";
    let cases: Vec<(Vec<Slot>, Vec<(Severity, &str)>)> = vec![
        (vec![slot("a"), slot(&"ж".repeat(50))], vec![]),
        (vec![], vec![]),
        (vec![slot("")], vec![(Broken, "/slots/0/name")]),
        (vec![slot("a"), slot(&long)], vec![(Broken, "/slots/1/name")]),
        (vec![slot("a"), slot("b"), slot("a")], vec![(Broken, "/slots/2/name")]),
        (vec![slot("a"), slot("A"), slot("a ")], vec![]),
        (vec![slot("tab"), slot("Tab")], vec![(Broken, "/slots/0/name")]),
        (vec![slot("a").with_filter("k", "b")], vec![(Broken, "/slots/0/filters/0/slot")]),
        (
            vec![slot("a").with_filter("k", "b").with_filter("k", "a"), slot("b")],
            vec![(Broken, "/slots/0/filters/1/slot")],
        ),
        (vec![slot("a"), Slot::new("b")], vec![(Warning, "/slots/1/conditions")]),
        (
            vec![
                slot("a").with_condition("k", "1"),
                slot("b").with_condition("k", "2").with_filter("j", "a").with_filter("k", "a"),
            ],
            vec![(Warning, "/slots/1/filters/1/slot")],
        ),
        (
            vec![
                slot("a").with_condition("k", "1").with_condition("k", "2"),
                slot("b").with_condition("k", "2").with_filter("k", "a"),
            ],
            vec![],
        ),
        ((0..20).map(|at| slot(&at.to_string())).collect(), vec![]),
        ((0..21).map(|_| slot("a")).collect(), vec![(Broken, "/slots")]),
    ];
    for (slots, expected) in cases {
        let found = findings(slots.clone());
        assert_eq!(places(&found), expected, "{slots:?}");
        let is_broken = expected.iter().any(|(severity, _)| *severity == Broken);
        assert_eq!(Blueprint::compile_lenient(slots.clone(), true, RESERVED).is_err(), is_broken);
        let strict = Blueprint::compile(slots, true, RESERVED);
        assert_eq!(
            strict.as_ref().err().map(CompileError::findings),
            Some(found.as_slice()).filter(|it| !it.is_empty())
        );
    }
}

/// B1: sentences say how to mend it, on one line whatever stands in the names; slots are read from JSON, and a member that is not known is an error.
#[test]
fn findings_are_lines_and_slots_are_read_strictly() {
    let found = findings(vec![slot("a\u{202e}\n").with_filter("k", "b\r")]);
    let line = found[0].to_string();
    assert_eq!(
        line,
        "at /slots/0/filters/0/slot: there is no slot `b\\r`, so nothing could ever fill slot `a\\u{202e}\\n`: name \
         another one, or leave the filter out"
    );
    let json = json!({ "name": "a", "kind": "entity", "conditions": [{ "key": "k", "value": "v" }],
        "filters": [{ "key": "k", "slot": "b" }], "hide_when_empty": true });
    let read: Slot = serde_json::from_value(json.clone()).expect("a slot");
    assert_eq!(serde_json::to_value(&read).expect("JSON"), json);
    for wrong in [
        json!({}),
        json!({ "name": "a", "tags": [] }),
        json!({ "name": "a", "kind": "user" }),
        json!({ "name": "a", "filters": [{ "key": "k", "slot": "b", "not": true }] }),
    ] {
        assert!(serde_json::from_value::<Slot>(wrong.clone()).is_err(), "{wrong}");
    }
}

/// A cold store with its doors, as a document of TagoIO's format.
fn document() -> Value {
    json!({
        "id": "0123456789abcdef01234567", "label": "Cold stores", "type": "blueprint",
        "disable_blueprint_fallback": true, "blueprint_device_behavior": "more_than_one",
        "blueprint_devices": [
            { "id": "b00000000000000000000001", "type": "device", "name": "store", "label": "Store", "placeholder": "Choose",
              "conditions": [{ "key": "kind", "value": "store" }], "filter_conditions": [] },
            { "id": "b00000000000000000000002", "type": "device", "name": "door", "hide_when_empty": true,
              "conditions": [{ "key": "kind", "value": "door" }, { "key": "in_use", "value": "yes" }],
              "filter_conditions": [{ "type": "tag_match", "tag_key": "store", "blueprint_device": "store" }] },
            { "id": "b00000000000000000000003", "type": "entity", "name": "shift", "use_item_label_tag": null,
              "conditions": [{ "key": "kind", "value": "shift" }] },
        ],
        "tabs": [
            { "key": "1", "value": "All", "link": null },
            { "key": "2", "value": "Service", "conditions": [
                { "resource": "device", "key": "store", "value": "north", "resourceId": "b00000000000000000000001" }] },
            { "key": "3", "value": "Old", "hidden": true },
        ],
    })
}

/// B1, B13, B15: a document of TagoIO's is read for its slots, alone or in an export; hidden tabs get a remark, which no compile refuses.
#[test]
fn tagoios_document_is_read_for_its_slots() {
    let export = json!({ "dashboard": document(), "widgets": [] });
    for (document, above) in [(document(), ""), (export, "/dashboard")] {
        let dashboard = TagoioDashboard::parse(&document.to_string()).expect("a dashboard");
        let expected = [
            Slot::new("store").with_condition("kind", "store"),
            Slot::new("door")
                .with_condition("kind", "door")
                .with_condition("in_use", "yes")
                .with_filter("store", "store")
                .hidden_when_empty(),
            Slot::new("shift")
                .of_kind(dashshare::blueprint::SlotKind::Entity)
                .with_condition("kind", "shift"),
        ];
        assert_eq!((dashboard.slots(), dashboard.falls_back()), (&expected[..], false));
        let compiled = dashboard.compile_lenient(RESERVED).expect("a blueprint");
        let remarks = [format!("{above}/tabs/1/conditions"), format!("{above}/tabs/2/hidden")];
        let expected: Vec<_> = remarks.iter().map(|place| (Severity::Remark, place.as_str())).collect();
        assert_eq!(places(&compiled.findings), expected);
        assert!(compiled.findings[0].sentence().contains("a hidden tab is no access control"));
        assert_eq!(dashboard.compile(RESERVED).expect("a blueprint"), compiled.blueprint);
    }
    let usual = TagoioDashboard::parse(r#"{"type": "dashboard", "label": "x"}"#).expect("a dashboard");
    assert!(usual.slots().is_empty() && usual.falls_back());
}

/// B1: what is wrong in a document has its place there; a filter of another kind is not left out, and an id in a name's place is told.
#[test]
fn what_is_wrong_with_a_document_is_found_at_its_place() {
    use Severity::{Broken, Warning};
    type Spoil = fn(&mut Value);
    let cases: [(Spoil, &[(Severity, &str)]); 6] = [
        (
            |it| it["blueprint_devices"][0]["conditions"] = json!([]),
            &[(Warning, "/blueprint_devices/0/conditions")],
        ),
        (
            |it| it["blueprint_devices"][0]["conditions"] = Value::Null,
            &[(Warning, "/blueprint_devices/0/conditions")],
        ),
        (
            |it| it["blueprint_devices"][1]["filter_conditions"][0]["type"] = json!("tag_differs"),
            &[(Broken, "/blueprint_devices/1/filter_conditions/0/type")],
        ),
        (
            |it| {
                it["blueprint_devices"][1]["filter_conditions"][0]["blueprint_device"] =
                    json!("b00000000000000000000001")
            },
            &[
                (Broken, "/blueprint_devices/1/filter_conditions/0/blueprint_device"),
                (Broken, "/blueprint_devices/1/filter_conditions/0/blueprint_device"),
            ],
        ),
        (|it| it["blueprint_devices"][2]["name"] = json!("token"), &[(Broken, "/blueprint_devices/2/name")]),
        (
            |it| it["blueprint_devices"] = json!(vec![it["blueprint_devices"][0].clone(); 21]),
            &[(Broken, "/blueprint_devices")],
        ),
    ];
    for (spoil, expected) in cases {
        let mut spoilt = document();
        spoil(&mut spoilt);
        spoilt["tabs"] = json!([]);
        let dashboard = TagoioDashboard::parse(&spoilt.to_string()).expect("a dashboard");
        let found = dashboard.compile(RESERVED).unwrap_err();
        assert_eq!(places(found.findings()), expected);
        let is_broken = expected.iter().any(|(severity, _)| *severity == Broken);
        assert_eq!(dashboard.compile_lenient(RESERVED).is_err(), is_broken);
    }
    let unreadable = [
        ("", ""),
        ("[]", ""),
        ("{} {}", ""),
        (r#"{"blueprint_devices": {}}"#, "/blueprint_devices"),
        (r#"{"dashboard": {"blueprint_devices": [{"type": "device"}]}}"#, "/dashboard/blueprint_devices/0"),
        (r#"{"blueprint_devices": [{"name": "a", "type": "user"}]}"#, "/blueprint_devices/0/type"),
        (
            r#"{"blueprint_devices": [{"name": "a", "conditions": [{"key": "k"}]}]}"#,
            "/blueprint_devices/0/conditions/0",
        ),
        (
            r#"{"blueprint_devices": [{"name": "a", "conditions": [], "conditions": []}]}"#,
            "/blueprint_devices/0",
        ),
        (r#"{"disable_blueprint_fallback": "yes"}"#, "/disable_blueprint_fallback"),
    ];
    for (text, place) in unreadable {
        let error = TagoioDashboard::parse(text).expect_err(text);
        assert!(
            error.pointer() == place || error.pointer().starts_with(place) && !place.is_empty(),
            "{text}: {error}"
        );
    }
}
