//! The golden examples of the research, in the scenario language. Each is asked by Ben, whom it was shared with.

use crate::support::table::engine::Engine;
use dashshare::MemoryStore;
use serde_json::{Value, json};
use std::sync::Arc;

/// Two sites and their sensors; `lines` come before anybody asks.
fn world(fallback: bool, lines: &[Value]) -> Engine {
    let mut engine = Engine::over(Arc::<MemoryStore>::default(), true);
    let tags = |tags: &[(&str, &str)]| -> Vec<Value> {
        tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
    };
    let devices = json!([
        { "id": "siteB", "tags": tags(&[("type", "site"), ("site", "B")]) },
        { "id": "b1", "tags": tags(&[("site", "B"), ("type", "s")]) },
        { "id": "a2", "tags": tags(&[("site", "A"), ("type", "s")]) },
        { "id": "a1", "tags": tags(&[("site", "A"), ("type", "s")]) },
        { "id": "siteA", "tags": tags(&[("site", "A"), ("type", "site")]) },
    ]);
    let slots = json!([
        { "name": "Site", "kind": "device", "conditions": tags(&[("type", "site")]), "filters": [], "hide_when_empty": false },
        { "name": "Sensor", "conditions": tags(&[("type", "s")]), "filters": [{ "key": "site", "slot": "Site" }] },
    ]);
    let mut all = vec![
        json!({ "do": "account", "account": "ben" }),
        json!({ "do": "dashboard", "dashboard": "d1", "owner": "olga" }),
        json!({ "do": "share", "dashboard": "d1", "by": "olga", "with": "ben", "rights": ["view"], "expiry": "never" }),
        json!({ "do": "rotate_link", "dashboard": "d1", "by": "olga", "expiry": "never", "as": "k1" }),
        json!({ "do": "devices", "tenant": "default", "devices": devices }),
        json!({ "do": "blueprint", "dashboard": "d1", "fallback": fallback, "slots": slots, "strict": true }),
    ];
    all.extend_from_slice(lines);
    for line in all {
        let answer = engine.line(&line.to_string()).expect("an answer");
        assert_eq!(answer["ok"], true, "{line}: {answer}");
    }
    engine
}

/// What Ben gets with these members, and the visitor, who may see the same.
fn asked(engine: &mut Engine, with: Value) -> Value {
    let mut answers = ["who", "token"].map(|by| {
        let mut line = json!({ "do": "resolve", "dashboard": "d1" });
        line[by] = if by == "who" { json!("ben") } else { json!("k1") };
        for (name, value) in with.as_object().expect("members") {
            line[name] = value.clone();
        }
        let mut answer = engine.line(&line.to_string()).expect("an answer");
        assert_eq!((&answer["ok"], &answer["allowed"]), (&json!(true), &json!(true)), "{line}: {answer}");
        answer.as_object_mut().expect("an object").remove("line");
        answer
    });
    assert_eq!(answers[0], answers[1]);
    answers[0].take()
}

fn chosen(answer: &Value) -> (Value, Value) {
    (answer["chosen"].clone(), answer["open"].clone())
}

/// B5, B8, B9: G-B1 with fallback and no address, the least of each that fit are placed, and selectors list what they may.
#[test]
fn golden_1_nothing_is_named() {
    let answer = asked(&mut world(true, &[]), json!({}));
    assert_eq!(chosen(&answer), (json!({ "Site": "siteA", "Sensor": "a1" }), json!({})));
    assert_eq!(answer["listed"], json!({ "Site": ["siteA", "siteB"], "Sensor": ["a1", "a2"] }));
    assert_eq!((&answer["hidden"], &answer["address"]), (&json!([]), &json!("Sensor=a1&Site=siteA")));
}

/// B5: G-B2 what is named is placed first, and the rest fits it.
#[test]
fn golden_2_the_child_is_named() {
    let answer = asked(&mut world(true, &[]), json!({ "choose": { "Sensor": "b1" }, "kept": {} }));
    assert_eq!(chosen(&answer), (json!({ "Site": "siteB", "Sensor": "b1" }), json!({})));
    assert_eq!(answer["address"], "Sensor=b1&Site=siteB");
}

/// B6, B7: G-B3 what does not fit is refused, and not replaced.
#[test]
fn golden_3_what_does_not_fit_is_not_replaced() {
    let answer = asked(&mut world(true, &[]), json!({ "choose": { "Site": "siteA", "Sensor": "b1" } }));
    assert_eq!(chosen(&answer), (json!({ "Site": "siteA" }), json!({ "Sensor": "refused" })));
    assert_eq!(answer["address"], "Sensor=&Site=siteA");
}

/// B4: G-B4 what may not be seen is answered as what nobody has, byte for byte.
#[test]
fn golden_4_what_may_not_be_seen_is_what_nobody_has() {
    let hide = json!({ "do": "policies", "set": [
        { "id": "hide", "targets": [["run_user"]], "permissions": [
            { "effect": "deny", "action": ["access"], "resource": ["device", "id", "b1"] },
            { "effect": "allow", "action": ["access"], "resource": ["device"] },
            { "effect": "allow", "action": ["access"], "resource": ["dashboard"] },
        ] },
    ] });
    let mut engine = world(true, &[hide]);
    let hidden = asked(&mut engine, json!({ "choose": { "Sensor": "b1" } }));
    assert_eq!(chosen(&hidden), (json!({ "Site": "siteA" }), json!({ "Sensor": "refused" })));
    assert_eq!(hidden.to_string(), asked(&mut engine, json!({ "choose": { "Sensor": "zz" } })).to_string());
}

/// B6, B8: G-B5 without fallback nothing is placed or listed that was not named, and a child waits for its parent.
#[test]
fn golden_5_without_fallback() {
    let mut engine = world(false, &[]);
    let answer = asked(&mut engine, json!({}));
    assert_eq!(chosen(&answer), (json!({}), json!({ "Site": "not_named", "Sensor": "not_named" })));
    assert_eq!(answer["listed"], json!({ "Site": [], "Sensor": [] }));
    let answer = asked(&mut engine, json!({ "choose": { "Sensor": "a1" } }));
    assert_eq!(chosen(&answer), (json!({}), json!({ "Site": "not_named", "Sensor": "waits_for" })));
    let answer = asked(&mut engine, json!({ "choose": { "Sensor": "a1", "Site": "siteA" } }));
    assert_eq!(chosen(&answer), (json!({ "Site": "siteA", "Sensor": "a1" }), json!({})));
    assert_eq!(answer["listed"], json!({ "Site": ["siteA"], "Sensor": ["a1"] }));
}

/// B10, B12: G-B6 another parent is chosen in the page, and a child that was kept and does not fit follows.
#[test]
fn golden_6_a_child_follows_its_parent() {
    let kept = json!({ "choose": { "Site": "siteB" }, "kept": { "Sensor": "a1" } });
    let answer = asked(&mut world(true, &[]), kept);
    assert_eq!(chosen(&answer), (json!({ "Site": "siteB", "Sensor": "b1" }), json!({})));
    let fits =
        asked(&mut world(true, &[]), json!({ "choose": { "Site": "siteA" }, "kept": { "Sensor": "a2" } }));
    assert_eq!(fits["chosen"], json!({ "Site": "siteA", "Sensor": "a2" }));
}

/// B11: G-B7 a fixed slot refuses what it is not fixed to, and needs no name.
#[test]
fn golden_7_a_fixed_slot() {
    let fixed = json!({ "Site": ["siteB"] });
    let mut engine = world(true, &[]);
    let refused = asked(&mut engine, json!({ "choose": { "Site": "siteA" }, "fixed": fixed }));
    assert_eq!(refused["open"]["Site"], "refused");
    let mut engine = world(false, &[]);
    let refused = asked(&mut engine, json!({ "choose": { "Site": "siteA" }, "fixed": fixed }));
    assert_eq!(refused["open"]["Site"], "refused");
    let named = asked(&mut engine, json!({ "fixed": fixed }));
    assert_eq!(chosen(&named), (json!({ "Site": "siteB" }), json!({ "Sensor": "not_named" })));
    let two = asked(&mut engine, json!({ "fixed": { "Site": ["siteA", "siteB"] } }));
    assert_eq!(two["open"]["Site"], "not_named", "of two, nobody has named one");
}

/// B9: G-B8 what is named twice is refused, and an empty value is a choice of nothing; both stay so.
#[test]
fn golden_8_named_twice_and_named_as_nothing() {
    let mut engine = world(true, &[]);
    for (address, word) in
        [("Sensor=a1&Sensor=a2", "refused"), ("Sensor=a1&Sensor=a1", "refused"), ("Sensor=", "not_named")]
    {
        let answer = asked(&mut engine, json!({ "address": address }));
        assert_eq!(chosen(&answer), (json!({ "Site": "siteA" }), json!({ "Sensor": word })), "{address}");
        assert_eq!(answer["address"], "Sensor=&Site=siteA");
        let again = asked(&mut engine, json!({ "address": answer["address"] }));
        assert_eq!((&again["chosen"], &again["address"]), (&answer["chosen"], &answer["address"]));
    }
    let listed = asked(&mut engine, json!({ "choose": { "Sensor": ["a1", "a2"] } }));
    assert_eq!(listed["open"], json!({ "Sensor": "refused" }));
}

/// B3: G-B9 a device with two values of a key fits either.
#[test]
fn golden_9_several_values_of_a_key() {
    let both = json!({ "do": "devices", "devices": [{ "id": "a1", "tags": [
        { "key": "site", "value": "A" }, { "key": "type", "value": "s" }, { "key": "site", "value": "B" },
    ] }] });
    let mut engine = world(true, &[both]);
    for site in ["siteA", "siteB"] {
        let answer = asked(&mut engine, json!({ "choose": { "Sensor": "a1", "Site": site } }));
        assert_eq!(chosen(&answer), (json!({ "Site": site, "Sensor": "a1" }), json!({})));
    }
}

/// B8: G-B10 a selector of a slot that nothing can fill is hidden, and the other one stays.
#[test]
fn golden_10_a_hidden_selector() {
    let slots = json!([
        { "name": "Site", "conditions": [{ "key": "type", "value": "site" }], "hide_when_empty": true },
        { "name": "Sensor", "conditions": [{ "key": "type", "value": "s" }], "hide_when_empty": true,
          "filters": [{ "key": "site", "slot": "Site" }] },
    ]);
    let none = json!({ "do": "devices", "devices": [], "gone": ["a1", "a2", "b1"] });
    let blueprint = json!({ "do": "blueprint", "dashboard": "d1", "slots": slots });
    let answer = asked(&mut world(true, &[none, blueprint]), json!({}));
    assert_eq!(chosen(&answer), (json!({ "Site": "siteA" }), json!({ "Sensor": "no_candidate" })));
    assert_eq!(answer["hidden"], json!(["Sensor"]));
}

/// B5: G-B11 two slots that filter each other are resolved as one way.
#[test]
fn golden_11_a_ring_of_filters() {
    let slots = json!([
        { "name": "Site", "conditions": [{ "key": "type", "value": "site" }], "filters": [{ "key": "site", "slot": "Sensor" }] },
        { "name": "Sensor", "conditions": [{ "key": "type", "value": "s" }], "filters": [{ "key": "site", "slot": "Site" }] },
    ]);
    let blueprint = json!({ "do": "blueprint", "dashboard": "d1", "slots": slots, "strict": true });
    let answer = asked(&mut world(true, &[blueprint]), json!({}));
    assert_eq!(chosen(&answer), (json!({ "Site": "siteA", "Sensor": "a1" }), json!({})));
}

/// B9, D8, L10: who may not look at it gets the decision; a link opens no other blueprint; an address that is too long is refused.
#[test]
fn who_may_not_look_at_it_gets_no_resolution() {
    let other = json!({ "do": "dashboard", "dashboard": "d2", "owner": "olga" });
    let mut engine = world(true, &[other]);
    let mut said = |line: Value| engine.line(&line.to_string()).expect("an answer");
    let denied = said(json!({ "do": "resolve", "dashboard": "d2", "who": "ben" }));
    assert_eq!((&denied["allowed"], &denied["tell"]["code"]), (&json!(false), &json!("unknown_dashboard")));
    assert_eq!(denied.get("chosen"), None);
    let denied = said(json!({ "do": "resolve", "dashboard": "d2", "token": "k1" }));
    assert_eq!(
        (&denied["ok"], &denied["allowed"], denied.get("chosen")),
        (&json!(true), &json!(false), None)
    );
    let no_blueprint = said(json!({ "do": "resolve", "dashboard": "d2", "who": "olga" }));
    assert_eq!((&no_blueprint["chosen"], &no_blueprint["address"]), (&json!({}), &json!("")));
    let many: Value =
        (0..65).map(|at| (format!("x{at}"), json!("1"))).collect::<serde_json::Map<_, _>>().into();
    let refused = said(json!({ "do": "resolve", "dashboard": "d1", "who": "ben", "choose": many }));
    assert_eq!(refused["refused"], "too_many_pairs");
    let long = "x".repeat(8_193);
    let refused = said(json!({ "do": "resolve", "dashboard": "d1", "who": "ben", "address": long }));
    assert_eq!(refused["refused"], "address_too_long");
}
