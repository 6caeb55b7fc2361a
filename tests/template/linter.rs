//! The linter of profiles.

use super::{becomes, profile};
use dashshare::template::{Profile, ProfileError};
use serde_json::{Value, json};

/// T2: ways for data that a profile may leave open.
#[test]
fn the_linter_flags_open_maps_and_what_tells_of_people() {
    let refused = |more: &Value, node: &Value, field: &str| {
        let root = json!({"object": {field: node}});
        matches!(profile(more, &root), Err(ProfileError::Refused(_)))
    };
    let none = &Value::Null;
    assert!(refused(none, &json!({"map": {"keys": "name", "values": "text"}}), "a"));
    assert!(refused(none, &json!({"map": {"keys": "name", "values": {"array": "name"}}}), "a"));
    assert!(!refused(
        none,
        &json!({"map": {"keys": "name", "values": {"text": null, "acknowledged": true}}}),
        "a"
    ));
    for host in ["olga@acme.example", "acme.example/olga", "acme..example", "*"] {
        assert!(refused(none, &json!({"asset": {"hosts": [host]}}), "a"), "{host}");
    }
    for word in ["67599bcd999d25000a9c10bd", "olga@acme.com", "ghp_0123456789abcdef"] {
        let words = json!({"vocabularies": {"it": {"words": ["a", word]}}});
        assert!(refused(&words, &json!({"keep": "it"}), "a"), "{word}");
        assert!(!refused(&words, &json!({"keep": "it", "acknowledged": true}), "a"), "{word}");
        assert!(refused(none, &json!({"neutral": {"deep": [word]}}), "a"), "{word}");
    }
    for field in [
        "pw",
        "pin",
        "passphrase",
        "otp",
        "auth",
        "session",
        "cookies",
        "mac",
        "imei",
        "iban",
        "devEui",
        "customer",
        "company",
        "tenant",
        "org",
        "author",
        "link",
        "links",
        "gatewayMac",
        "sim_pin",
    ] {
        assert!(refused(none, &json!("text"), field), "{field}");
        assert!(!refused(none, &json!({"text": null, "acknowledged": true}), field), "{field}");
    }
    let number = json!({"vocabularies": {"it": {"number": {"min": -180, "max": 180}}}});
    for field in ["lat", "lng"] {
        assert!(refused(&number, &json!({"keep": "it"}), field), "{field}");
    }
    for field in ["spinning", "machine", "organic", "flat", "linked_to_nothing"] {
        assert!(!refused(none, &json!("text"), field), "{field}");
    }
    let node = json!({"asset": {"hosts": ["acme.example"]}});
    for url in ["https://acme.example/../../a", "https://acme.example/a/./b"] {
        assert_eq!(becomes(none, &node, &json!(url)), Value::Null, "{url}");
    }
}

/// T2: a profile is checked when it is loaded, and all findings are told with their places.
#[test]
fn the_linter_refuses_what_would_let_data_through_or_never_apply() {
    let kinds = json!({"vocabularies": {"kind": {"words": ["chart"]}}});
    let kept = json!({"keep": "kind"});
    let with = |field: &str, node: Value| json!({"object": {"type": kept, field: node}});
    let suspicious = "hardly ever structure";
    let refused: Vec<(Value, Value, &str, &str)> = vec![
        (json!({}), json!("text"), "root", "a document is an object"),
        (json!({}), json!({"array": "text"}), "root", "a document is an object"),
        (kinds.clone(), with("a", json!({"keep": "unheard"})), "root.a", "does not have"),
        (kinds.clone(), with("a", json!({"ref": "unheard"})), "unheard", "does not have"),
        (kinds.clone(), json!({"object": {"a": "text"}}), "kind", "nothing keeps this vocabulary"),
        (json!({"types": {"box": "text"}}), json!({"object": {"a": "text"}}), "box", "nothing refers"),
        (
            json!({"types": {"box": {"ref": "box"}}}),
            json!({"object": {"a": {"ref": "box"}}}),
            "box",
            "itself",
        ),
        (json!({"spaces": {"w": "uuid"}}), json!({"object": {"a": "text"}}), "w", "no id is of this space"),
        (
            json!({"spaces": {"w": "uuid"}}),
            json!({"object": {"a": {"id": {"space": "w"}}}}),
            "w",
            "nothing defines",
        ),
        (json!({}), json!({"object": {"a": {"id": {"space": "w", "defines": true}}}}), "w", "spelling"),
        (kinds.clone(), with("api_token", json!("text")), "root.api_token", suspicious),
        (kinds.clone(), with("tokens", json!({"array": "name"})), "root.tokens[]", suspicious),
        (kinds.clone(), with("created_at", json!("name")), "root.created_at", suspicious),
        (kinds.clone(), with("$slot", json!("text")), "root.$slot", "marker"),
        (kinds.clone(), with("a", json!({"asset": {"hosts": ["*.example"]}})), "root.a", "in full"),
        (kinds.clone(), with("a", json!({"asset": {"hosts": [""]}})), "root.a", "in full"),
        (
            kinds.clone(),
            with("a", json!({"drop": null, "acknowledged": true})),
            "root.a",
            "needs to be acknowledged",
        ),
        (kinds.clone(), with("a", json!({"either": ["text"]})), "root.a", "either of one"),
        (
            kinds.clone(),
            with("a", json!({"either": ["text", {"slot": {"kind": "x"}}]})),
            "root.a(either 1)",
            "before this one",
        ),
        (
            kinds.clone(),
            with("a", json!({"variant": {"on": "type", "cases": {}, "other": "drop"}})),
            "root.a",
            "without a case",
        ),
        (
            kinds.clone(),
            with(
                "a",
                json!({"variant": {"on": "type", "cases": {"chart": {"object": {"label": "text"}}}, "other": "drop"}}),
            ),
            "root.a(chart)",
            "told by",
        ),
        (
            kinds.clone(),
            with(
                "a",
                json!({"variant": {"on": "type", "cases": {"table": {"object": {"type": kept}}}, "other": "drop"}}),
            ),
            "root.a(table)",
            "told by",
        ),
    ];
    for (more, root, place, sentence) in refused {
        match profile(&more, &root) {
            Err(ProfileError::Refused(findings)) => assert!(
                findings.iter().any(|finding| finding.place == place && finding.sentence.contains(sentence)),
                "{root}: {findings:?}"
            ),
            other => panic!("{root}: {other:?}"),
        }
    }
}

/// T2: an open vocabulary is a way for data.
#[test]
fn the_linter_refuses_open_and_empty_vocabularies() {
    for vocabulary in [
        json!({"words": []}),
        json!({"numbers": []}),
        json!({"any": []}),
        json!({"number": {"min": 0, "max": 1e12}}),
        json!({"number": {"min": 5, "max": 1}}),
        json!({"number_text": {"min": -1e300, "max": 1e300}}),
        json!({"any": ["bool", {"number": {"min": 0, "max": 1e9}}]}),
    ] {
        let found =
            profile(&json!({"vocabularies": {"it": vocabulary}}), &json!({"object": {"a": {"keep": "it"}}}));
        assert!(
            matches!(found, Err(ProfileError::Refused(ref findings)) if findings.len() == 1),
            "{vocabulary}: {found:?}"
        );
    }
    // There is no word for an open one.
    for vocabulary in [json!("any"), json!({"regex": ".*"}), json!("string"), json!({"words": "*"})] {
        let found =
            profile(&json!({"vocabularies": {"it": vocabulary}}), &json!({"object": {"a": {"keep": "it"}}}));
        assert!(matches!(found, Err(ProfileError::Malformed(_))), "{vocabulary}: {found:?}");
    }
}

#[test]
fn a_text_that_is_no_profile_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"format": "house", "version": 1}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {}}, "extra": 1}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"a": "keep"}}}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"a": {"slot": {"kind": "device", "requried": true}}}}}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"a": {"text": null, "drop": null}}}}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"**": {"keep": "everything"}}}}"#,
    ] {
        assert!(Profile::parse(text).is_err(), "{text}");
    }
    let deep = format!("{}\"text\"{}", r#"{"array": "#.repeat(500), "}".repeat(500));
    assert!(profile(&Value::Null, &Value::Null).is_err());
    assert!(Profile::parse(&format!(r#"{{"format": "h", "version": 1, "root": {deep}}}"#)).is_err());
}
