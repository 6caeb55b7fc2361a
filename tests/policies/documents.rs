//! Documents: what comes in goes out, and what is no document is refused with its place.

use dashshare::policy::{Document, Effect, PolicySet, Principal, Resource, lint};
use proptest::{collection::vec, prelude::*, sample::select};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// P1: unknown fields, the order of members, blanks, large numbers and escapes stay as they are.
#[test]
fn a_document_is_written_as_it_was_read() {
    for text in [
        r#"{"id":"p","targets":[],"permissions":[]}"#,
        r#"{"permissions":[],"z":1,"targets":[["run_user"]],"a":{"b":[null,true]},"id":"p"}"#,
        r#"{ "id" : "p",	"targets":[ [ "run_user" ] ] , "permissions":[],"n":9007199254740993,"x":1e400,"y":-0.0,"w":1.50}"#,
        "{\n  \"id\": \"p\",\r\n  \"targets\": [],\n  \"permissions\": []\n}",
        r#"{"id":"\u0070","name":"caf\u00e9 \ud83d\ude00 \/ \"","targets":[["run_user","id","\u00e9"]],"permissions":[]}"#,
        r#"{"id":"p","targets":[],"permissions":[{"effect":"deny","why":"x","action":["access"],"resource":["device"],"n":1}],"tags":[{"value":"v","key":"k","of":[]}]}"#,
        r#"{"id":"p","targets":[],"permissions":[],"twice":1,"twice":2,"lone":"\ud800"}"#,
        r#"{"id":"","name":"","active":false,"tags":[],"targets":[],"permissions":[],"created_at":"2025-01-01T00:00:00.000Z"}"#,
    ] {
        let document = Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(document.json(), text);
        assert_eq!(serde_json::to_string(&document).expect("JSON"), text);
        let set = PolicySet::default().with(&document);
        assert_eq!(set.document(document.id()).map(Document::json), Some(text), "nor does a set change it");
        let all = Document::parse_all(&format!("[{text} , {text}]")).expect("documents");
        assert_eq!(all, [document.clone(), document]);
    }
}

/// P1: what is read is what is written there; only `id`, `targets` and `permissions` must be.
#[test]
fn fields_are_read_and_have_defaults() {
    let document = Document::parse(
        r#"{"id":"\u0070\n","name":"N","active":false,"tags":[{"key":"k","value":"v"}],"targets":[["run_user","id","\u00e9"],[]],
        "permissions":[{"effect":"deny","action":["access","access"],"resource":["device"]}]}"#,
    )
    .expect("a document");
    assert_eq!((document.id(), document.name(), document.is_active()), ("p\n", "N", false));
    assert_eq!((document.tags()[0].key.as_str(), document.tags()[0].value.as_str()), ("k", "v"));
    assert_eq!(
        document.targets(),
        [vec!["run_user".into(), "id".into(), "é".into()], Vec::<Box<str>>::new()]
    );
    let rule = &document.permissions()[0];
    assert_eq!((rule.effect, rule.action.len(), rule.resource.len()), (Effect::Deny, 2, 1));
    let least = Document::parse(r#"{"id":"p","targets":[],"permissions":[]}"#).expect("a document");
    assert_eq!((least.name(), least.is_active(), least.tags().len()), ("", true, 0));
}

fn whole() -> Value {
    json!({
        "id": "p", "name": "n", "active": true, "tags": [{"key": "k", "value": "v"}],
        "targets": [["run_user"], ["analysis", "id", "a"]],
        "permissions": [{"effect": "allow", "action": ["access", "edit"], "resource": ["device", "id", "d"]}]
    })
}

fn pointer_of(text: &str) -> String {
    let error = Document::parse(text).expect_err(text);
    assert!(error.to_string().len() > 8, "{error}");
    let (_, below) = (error.pointer().to_owned(), error.pointer());
    // The same in an array, below its index.
    let all = Document::parse_all(&format!("[{0},{0},{0},{text}]", whole())).expect_err(text);
    assert_eq!(all.pointer(), format!("/3{below}"), "{text}");
    below.to_owned()
}

/// P1: a field that is missing is reported at the object that lacks it, one of a wrong type at its own place.
#[test]
fn what_is_no_document_is_refused_with_its_place() {
    assert!(Document::parse(&whole().to_string()).is_ok());
    for (object, field) in [
        ("", "id"),
        ("", "targets"),
        ("", "permissions"),
        ("/permissions/0", "effect"),
        ("/permissions/0", "action"),
        ("/permissions/0", "resource"),
        ("/tags/0", "key"),
        ("/tags/0", "value"),
    ] {
        let mut document = whole();
        document.pointer_mut(object).and_then(Value::as_object_mut).expect("an object").remove(field);
        assert_eq!(pointer_of(&document.to_string()), object, "without {field}");
    }
    let kinds = [
        json!(null),
        json!(true),
        json!(7),
        json!("word"),
        json!(["word"]),
        json!([["word"]]),
        json!({"a": 1}),
        json!({"allow": null}),
    ];
    let mut refused = 0;
    for (pointer, fits) in [
        ("", ""),
        ("/id", "word"),
        ("/name", "word"),
        ("/active", "bool"),
        ("/tags", ""),
        ("/tags/0", ""),
        ("/tags/0/key", "word"),
        ("/tags/0/value", "word"),
        ("/targets", "words of words"),
        ("/targets/1", "words"),
        ("/targets/1/2", "word"),
        ("/permissions", ""),
        ("/permissions/0", ""),
        ("/permissions/0/effect", ""),
        ("/permissions/0/action", "words"),
        ("/permissions/0/action/1", "word"),
        ("/permissions/0/resource", "words"),
        ("/permissions/0/resource/0", "word"),
    ] {
        for value in &kinds {
            let kind = match value {
                Value::Bool(_) => "bool",
                Value::String(_) => "word",
                Value::Array(all) if all[0].is_array() => "words of words",
                Value::Array(_) => "words",
                _ => "another",
            };
            let mut document = whole();
            *document.pointer_mut(pointer).expect("a place") = value.clone();
            let text = document.to_string();
            if kind == fits {
                assert!(Document::parse(&text).is_ok(), "{text}");
                continue;
            }
            let found = pointer_of(&text);
            assert!(found.starts_with(pointer), "{text}: {found} for {pointer}");
            // An array or object may be wrong only further in; what holds no other is wrong where it stands.
            let at_most = if value.is_array() {
                pointer.matches('/').count() + 2
            } else {
                pointer.matches('/').count()
            };
            assert!(found.matches('/').count() <= at_most, "{text}: {found} for {pointer}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused}");
    for effect in ["Allow", "denied", "", "allow "] {
        let mut document = whole();
        document["permissions"][0]["effect"] = json!(effect);
        assert_eq!(pointer_of(&document.to_string()), "/permissions/0/effect");
    }
}

/// P1: an object is an object: its fields in a row, without their names, are none.
#[test]
fn arrays_are_not_taken_for_objects() {
    let rule = r#"["allow",["access"],["device"]]"#;
    for (text, pointer) in [
        (r#"["p","n",true,[],[["run_user"]],[]]"#.to_owned(), ""),
        (format!(r#"{{"id":"p","targets":[["run_user"]],"permissions":[{rule}]}}"#), "/permissions/0"),
        (r#"{"id":"p","tags":[["k","v"]],"targets":[],"permissions":[]}"#.to_owned(), "/tags/0"),
    ] {
        let error = Document::parse(&text).expect_err(&text);
        assert_eq!(error.pointer(), pointer, "{text}");
    }
}

/// P1: what is not JSON is refused as a whole, and so is what follows it.
#[test]
fn what_is_not_json_is_refused() {
    let good = whole().to_string();
    for text in ["", " ", "{", "nul", "\u{feff}{}", "[1,]", "{'id':'p'}"] {
        assert_eq!(Document::parse(text).expect_err(text).pointer(), "");
        assert_eq!(Document::parse_all(text).expect_err(text).pointer(), "");
    }
    for text in [format!("{good}x"), format!("{good}{good}"), good[..good.len() - 1].to_owned()] {
        assert_eq!(Document::parse(&text).expect_err(&text).pointer(), "");
    }
    assert_eq!(Document::parse_all(&good).expect_err("no array").pointer(), "");
    assert_eq!(Document::parse_all("[]").expect("documents"), []);
    assert!(Document::parse_all(&format!("[{good},]")).is_err());
    let twice = r#"{"id":"p","id":"q","targets":[],"permissions":[]}"#;
    assert!(Document::parse(twice).is_err(), "which of two ids counts cannot be told");
}

/// P1: a host may keep documents inside its own structures.
#[test]
fn a_document_survives_inside_a_structure() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Kept {
        tenant: u8,
        policies: Vec<Document>,
        first: Option<Document>,
    }
    let text = r#"{"tenant":7,"policies":[{"id":"p", "n":9007199254740993,"targets":[],"permissions":[]}],"first":{"x":1.0,"id":"q","targets":[],"permissions":[]}}"#;
    let kept: Kept = serde_json::from_str(text).expect("a structure");
    assert_eq!((kept.policies[0].id(), kept.first.as_ref().map(Document::id)), ("p", Some("q")));
    assert_eq!(serde_json::to_string(&kept).expect("JSON"), text);
    let broken = text.replace(r#""id":"q","#, "");
    let error = serde_json::from_str::<Kept>(&broken).expect_err("no id").to_string();
    assert!(error.contains("`id`"), "{error}");
    // By way of a value too, where the text is made anew.
    let value: Value = serde_json::from_str(text).expect("JSON");
    let again: Kept = serde_json::from_value(value.clone()).expect("a structure");
    assert_eq!(serde_json::to_value(&again).expect("JSON"), value);
}

/// P1: nesting is no way to a crash.
#[test]
fn a_deeply_nested_text_is_answered() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for text in [deep.clone(), format!(r#"{{"id":"p","targets":{deep},"permissions":[]}}"#)] {
        assert!(Document::parse(&text).is_err());
    }
    let odd = format!(r#"{{"id":"p","more":{deep},"targets":[],"permissions":[]}}"#);
    if let Ok(document) = Document::parse(&odd) {
        assert_eq!(document.json(), odd);
    }
}

fn json_values() -> impl Strategy<Value = Value> {
    let words = select(vec![
        "run_user",
        "analysis",
        "id",
        "tag.key",
        "tag.value",
        "tag_match",
        "path",
        "file",
        "device",
        "access",
        "allow",
        "deny",
        "",
        "é",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let names = select(vec![
        "id",
        "name",
        "active",
        "tags",
        "targets",
        "permissions",
        "effect",
        "action",
        "resource",
        "key",
        "value",
        "x",
    ]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((names.clone(), inner), 0..6)
                .prop_map(|all| Value::Object(all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

/// A document with something random in one place.
fn near_documents() -> impl Strategy<Value = Value> {
    let places = select(vec![
        "",
        "/id",
        "/name",
        "/active",
        "/tags",
        "/tags/0",
        "/tags/0/key",
        "/targets",
        "/targets/1",
        "/targets/1/1",
        "/permissions",
        "/permissions/0",
        "/permissions/0/effect",
        "/permissions/0/action",
        "/permissions/0/resource",
        "/permissions/0/resource/1",
    ]);
    (places, json_values()).prop_map(|(place, value)| {
        let mut document = whole();
        *document.pointer_mut(place).expect("a place") = value;
        document
    })
}

fn use_it(text: &str) -> bool {
    let Ok(document) = Document::parse(text) else { return false };
    assert_eq!(document.json(), text);
    let findings = lint(&document, Some(&Principal::run_user("visitor")));
    assert!(findings.iter().all(|finding| finding.policy() == document.id()));
    let value: Value = serde_json::from_str(text).expect("JSON");
    for finding in &findings {
        assert!(value.pointer(finding.pointer()).is_some(), "{finding} in {text}");
    }
    let set = PolicySet::default().with(&document);
    let (ann, device) = (Principal::run_user("a"), Resource::new("device", "d"));
    let verdict = set.evaluate(&ann, "access", &device);
    assert_eq!(set.explain(&ann, "access", &device).allowed, verdict.is_allowed());
    assert!(set.without(document.id()).is_empty());
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// P1: no text and no JSON makes anything panic, and whatever is accepted is kept.
    #[test]
    fn nothing_that_comes_in_panics(text in ".{0,60}", value in json_values(), near in near_documents()) {
        use_it(text.trim());
        use_it(&value.to_string());
        use_it(&near.to_string());
        let _ = Document::parse_all(&text);
        let _ = Document::parse_all(&json!([near, value]).to_string());
    }

    /// P1: whatever stands in a document's words is read as it is.
    #[test]
    fn any_word_is_read_as_it_is(id in ".*", name in ".*", word in ".*") {
        let value = json!({"id": id, "name": name, "targets": [["run_user", "id", word]], "permissions": [
            {"effect": "allow", "action": ["access"], "resource": ["device", "id", word]}
        ]});
        let document = Document::parse(&value.to_string()).expect("a document");
        prop_assert_eq!((document.id(), document.name()), (id.as_str(), name.as_str()));
        let set = PolicySet::default().with(&document);
        prop_assert!(set.evaluate(&Principal::run_user(&word), "access", &Resource::new("device", &word)).is_allowed());
        prop_assert!(use_it(&value.to_string()));
    }
}
