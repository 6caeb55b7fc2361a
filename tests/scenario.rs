//! The scenario language itself: bad lines change nothing, what a line wants is compared, strict mode, comments, several
//! addresses of one account, and the host as an actor.

use crate::support::table::engine::Engine;
use dashshare::MemoryStore;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

fn world(strict: bool) -> Engine {
    Engine::over(Arc::<MemoryStore>::default(), strict)
}

/// The answers of a new world, one a line; comments have none.
fn answers(strict: bool, lines: &[&str]) -> Vec<Value> {
    let mut engine = world(strict);
    lines.iter().filter_map(|line| engine.line(line)).collect()
}

fn said(answer: &Value) -> &str {
    if answer["ok"] == true { "ok" } else { answer["refused"].as_str().unwrap_or_default() }
}

/// A world in which every verb has something to do.
const WORLD: [&str; 17] = [
    r#"{"do":"dashboard","dashboard":"d","owner":"olga","devices":["door"]}"#,
    r#"{"do":"dashboard","dashboard":"e","owner":"zed"}"#,
    r#"{"do":"account","account":"ann","email":"ann@x.test","verified":true}"#,
    r#"{"do":"account","account":"ben","email":"ben@x.test"}"#,
    r#"{"do":"share","dashboard":"d","by":"olga","with":"ann","rights":["view","export"],"reshare":true,"expiry":"2026-02-01T00:00:00Z","as":"g1"}"#,
    r#"{"do":"share","dashboard":"d","by":"ann","with":"ben","rights":["view"],"expiry":"never","as":"g2"}"#,
    r#"{"do":"share","dashboard":"d","by":"olga","with":"ann@x.test","rights":["view"],"expiry":"never","as":"g3"}"#,
    r#"{"do":"share","dashboard":"e","by":"zed","with":"cyd","rights":["view"],"reshare":true,"expiry":"never","as":"g4"}"#,
    r#"{"do":"rotate_link","dashboard":"d","by":"olga","expiry":"never","as":"k1"}"#,
    r#"{"do":"offer","dashboard":"d","by":"olga","with":"ben","clone":"c1","expiry":"never"}"#,
    r#"{"do":"offer","dashboard":"d","by":"olga","with":"ann","clone":"c2","expiry":"never"}"#,
    r#"{"do":"policies","set":[{"id":"p","name":"p","targets":[["run_user","tag.key","k","tag.value","v"]],"permissions":[{"effect":"deny","action":["access"],"resource":["dashboard"]}]},{"id":"q","name":"q","targets":[["run_user","id","anonymous"],["run_user","tag.key","in","tag.value","v"]],"permissions":[{"effect":"allow","action":["access"],"resource":["dashboard"]},{"effect":"allow","action":["access"],"resource":["device"]}]}]}"#,
    r#"{"do":"rotate_link","dashboard":"e","by":"zed","expiry":"never","as":"k2"}"#,
    r#"{"do":"pause_link","dashboard":"e","by":"zed"}"#,
    r#"{"do":"dashboard","dashboard":"f","owner":"olga"}"#,
    r#"{"do":"devices","devices":[{"id":"shed","tags":[{"key":"k","value":"v"}]}]}"#,
    r#"{"do":"blueprint","dashboard":"e","slots":[{"name":"Door","conditions":[{"key":"k","value":"v"}]}]}"#,
];

/// A line of every verb, each with all that it may have, which the world above accepts.
const VERBS: [&str; 41] = [
    r#"{"do":"dashboard","dashboard":"new","owner":"nobody","tenant":"t","tags":[{"key":"k","value":"v"}],"devices":["a",{"id":"b","tags":[{"key":"k","value":"v"}]}]}"#,
    r#"{"do":"dashboard","dashboard":"d","owner":"olga","tags":[{"key":"k","value":"v"}],"devices":["window"]}"#,
    r#"{"do":"rules","tenant":"default","private":false,"public":false,"resharing":false,"reveal_accounts":true,"max_days":1,"invitation_days":2,"max_depth":1,"allowed_domains":["y.test"],"blocked_domains":["x.test"]}"#,
    r#"{"do":"portal","tenant":"default","active":false}"#,
    r#"{"do":"anonymous","tenant":"default","exists":true,"active":false,"id":"guest","tags":[{"key":"k","value":"v"}]}"#,
    r#"{"do":"policies","tenant":"default","set":[{"id":"p","name":"p","targets":[["run_user"]],"permissions":[{"effect":"deny","action":["access"],"resource":["dashboard"]}]}],"strict":true}"#,
    r#"{"do":"account","account":"ben","email":"new@x.test","verified":true,"tags":[{"key":"k","value":"v"}]}"#,
    r#"{"do":"account","account":"ann","emails":[{"email":"ben@x.test","verified":true},{"email":"ann@x.test","verified":false}],"tags":[{"key":"k","value":"v"}]}"#,
    r#"{"do":"account","account":"ben","verified":true,"tags":[{"key":"in","value":"v"}]}"#,
    r#"{"do":"share","dashboard":"d","by":"olga","with":"new","rights":["view"],"reshare":true,"expiry":"never","from":null,"as":"g9"}"#,
    r#"{"do":"share","dashboard":"d","by":"ann","with":"new@x.test","rights":["view"],"reshare":true,"expiry":"2026-01-20T00:00:00Z","from":"g1","as":"g1"}"#,
    r#"{"do":"amend","grant":"g1","by":"olga","rights":["view"],"reshare":false,"expiry":"2026-01-20T00:00:00Z"}"#,
    r#"{"do":"revoke","grant":"g1","by":"olga","mode":"rebind"}"#,
    r#"{"do":"stop_sharing","dashboard":"d","by":"olga","with":"ann"}"#,
    r#"{"do":"renounce","grant":"g1","by":"ann"}"#,
    r#"{"do":"claim","account":"ann","email":"ann@x.test"}"#,
    r#"{"do":"transfer","dashboard":"d","by":"host","to":"ben","keep":["view"],"as":"g1"}"#,
    r#"{"do":"delete_dashboard","dashboard":"d","by":"olga"}"#,
    r#"{"do":"delete_account","account":"ann"}"#,
    r#"{"do":"offer","dashboard":"d","by":"olga","with":"new","clone":"c9","expiry":"never","message":"Hello","devices":"two doors","document":{"dashboard":{"label":"d"},"widgets":[]}}"#,
    r#"{"do":"offers","who":"ann"}"#,
    r#"{"do":"offers_made","by":"olga"}"#,
    r#"{"do":"take_offer","account":"ann","clone":"c2","tenant":"default"}"#,
    r#"{"do":"decline_offer","account":"ann","clone":"c2"}"#,
    r#"{"do":"withdraw_offer","clone":"c1","by":"olga"}"#,
    r#"{"do":"rotate_link","dashboard":"d","by":"olga","expiry":"2026-02-01T00:00:00Z","as":"k1"}"#,
    r#"{"do":"pause_link","dashboard":"d","by":"olga"}"#,
    r#"{"do":"resume_link","dashboard":"e","by":"zed"}"#,
    r#"{"do":"withdraw_link","dashboard":"d","by":"olga"}"#,
    r#"{"do":"visit","token":"k1","device":"door"}"#,
    r#"{"do":"check","dashboard":"d","who":"ann","right":"view","as_of":"2026-01-01T00:00:00Z","device":"door"}"#,
    r#"{"do":"blueprint","dashboard":"d","fallback":true,"slots":[{"name":"Gate","kind":"device","conditions":[{"key":"k","value":"v"}],"filters":[],"hide_when_empty":true},{"name":"Door","conditions":[{"key":"k","value":"v"}],"filters":[{"key":"k","slot":"Gate"}]}],"strict":true}"#,
    r#"{"do":"devices","tenant":"default","kind":"device","devices":[{"id":"gate","tags":[{"key":"k","value":"v"}]},"plain"],"gone":["shed"]}"#,
    r#"{"do":"resolve","dashboard":"d","who":"ann","choose":{"Door":"shed"},"kept":{"Door":"shed"},"fixed":{"Door":["shed"]},"named_only":true}"#,
    r#"{"do":"resolve","dashboard":"d","token":"k1","address":"Door=shed"}"#,
    r#"{"do":"setup","dashboard":"d","by":"olga"}"#,
    r#"{"do":"list","dashboard":"d","by":"olga","as_of":"2026-01-01T00:00:00Z"}"#,
    r#"{"do":"impact","grant":"g1","by":"olga"}"#,
    r#"{"do":"shared_with_me","who":"ann","as_of":"2026-01-01T00:00:00Z"}"#,
    r#"{"do":"remind","dashboard":"d","days":90}"#,
    r#"{"do":"diagnose_link","dashboard":"d","by":"olga","token":"k1"}"#,
];

/// What can be seen of the world. The dashboards and accounts that are named last came into being in this order, which
/// is the order of some lists.
fn probes() -> Vec<String> {
    let mut lines = vec![json!({"do":"outbox"})];
    for (dashboard, owner) in
        [("d", "olga"), ("e", "zed"), ("new", "nobody"), ("c1", "ben"), ("c2", "ann"), ("c9", "new")]
    {
        lines.push(json!({"do":"audit","dashboard":dashboard}));
        lines.push(json!({"do":"list","dashboard":dashboard,"by":owner}));
        lines.push(json!({"do":"check","dashboard":dashboard,"who":owner,"right":"view","device":"door"}));
    }
    for who in ["ann", "ben", "new"] {
        lines.push(json!({"do":"check","dashboard":"d","who":who,"right":"view","device":"door"}));
        lines.push(json!({"do":"offers","who":who}));
        lines.push(json!({"do":"claim","account":who,"email":format!("{who}@x.test")}));
        lines.push(json!({"do":"shared_with_me","who":who}));
    }
    lines.extend(["k1", "k2"].map(|token| json!({"do":"visit","token":token})));
    lines.extend(
        [("d", "olga"), ("e", "zed")]
            .map(|(dashboard, who)| json!({"do":"resolve","dashboard":dashboard,"who":who})),
    );
    lines.push(json!({"do":"setup","dashboard":"f","by":"olga"}));
    lines.push(json!({"do":"dashboard","dashboard":"late","owner":"nobody"}));
    for with in ["new", "ann"] {
        let share = json!({"do":"share","dashboard":"late","by":"nobody","with":with,"rights":["view"],"expiry":"2026-02-01T00:00:00Z","as":format!("late-{with}")});
        lines.push(share);
    }
    lines.push(json!({"do":"losing","dashboard":"late","days":400}));
    lines.push(json!({"do":"shared_with_me","who":"ann"}));
    lines.push(json!({"do":"outbox"}));
    lines.iter().map(Value::to_string).collect()
}

/// A world with all that is in it.
fn furnished() -> Engine {
    let mut engine = world(false);
    for line in WORLD {
        let answer = engine.line(line).expect("it is no comment");
        assert_eq!(answer["ok"], true, "{line} is answered {answer}");
    }
    engine
}

fn is_bad(engine: &mut Engine, line: &Value) -> bool {
    engine.line(&line.to_string()).is_some_and(|answer| answer["refused"] == "bad_line")
}

/// The answers to all probes, in order, without the numbers of their lines.
fn seen(mut engine: Engine) -> Vec<Option<Value>> {
    let seen = probes().into_iter().map(|line| engine.line(&line));
    seen.map(|mut answer| {
        answer.as_mut().and_then(|answer| answer.as_object_mut()?.remove("line"));
        answer
    })
    .collect()
}

/// The line with each of its members left out, and made into what it cannot be.
fn spoilt(line: &str) -> Vec<Value> {
    let line: Value = serde_json::from_str(line).expect("a line");
    let wrong = [
        json!(5),
        json!(-1),
        json!(""),
        json!("@"),
        json!("a@b@"),
        json!("host"),
        json!({}),
        json!({"x": 1}),
        json!([]),
        json!([1]),
        json!(["view", "edit"]),
        json!([{"key": "k"}]),
        json!([{"id": "a", "tags": 1}]),
        json!(true),
        json!(null),
        json!("2026-01-01T12:34:60Z"),
        json!("no"),
        json!([{"email": "a@x.test", "verified": true}, {"email": "a@x.test"}]),
        json!([{"email": "b@x.test", "verified": true}, {"email": 1}]),
        json!([{"verified": true}]),
    ];
    let mut lines = Vec::new();
    let names: Vec<String> = line.as_object().expect("an object").keys().cloned().collect();
    for name in names.iter().filter(|name| *name != "do") {
        let mut left_out = line.clone();
        left_out.as_object_mut().expect("an object").remove(name);
        lines.push(left_out);
        for wrong in &wrong {
            let mut spoilt = line.clone();
            spoilt[name] = wrong.clone();
            lines.push(spoilt);
        }
    }
    for spoilt in &mut lines {
        spoilt["at"] = json!("2026-01-02T00:00:00Z");
    }
    let mut late = line.clone();
    late["at"] = json!("2025-12-31T23:59:59Z");
    let mut wanting = line;
    wanting["want"] = json!("everything");
    lines.extend([late, wanting]);
    lines
}

/// G8: whatever is wrong with a line, and wherever in it, a bad line changes nothing that any question shows, the clock
/// and the order in which things came into being included. Every verb is spoilt in each of its members.
#[test]
fn a_bad_line_of_any_verb_changes_nothing() {
    let untouched = seen(furnished());
    let (mut bad, mut verbs) = (0, BTreeSet::new());
    for line in VERBS {
        let answer = furnished().line(line).expect("it is no comment");
        assert_eq!(answer["ok"], true, "{line} is answered {answer}");
        // Those that are no bad lines change the world in which they are told from those that are.
        let (mut changed, mut lines) = (furnished(), spoilt(line));
        lines.retain(|line| is_bad(&mut changed, line));
        let mut engine = furnished();
        while !lines.iter().all(|line| is_bad(&mut engine, line)) {
            lines.retain(|line| is_bad(&mut furnished(), line));
            engine = furnished();
        }
        for (probe, (found, untouched)) in probes().iter().zip(seen(engine).iter().zip(&untouched)) {
            assert_eq!(
                found, untouched,
                "{probe} shows that one of these bad lines changed something: {lines:#?}"
            );
        }
        bad += lines.len();
        verbs.extend(lines.iter().filter(|line| !line["do"].is_null()).map(|line| line["do"].to_string()));
    }
    println!("{bad} bad lines of {} verbs", verbs.len());
    assert!(bad > 1_000 && verbs.len() >= 33, "{bad} bad lines of {verbs:?}");
}

/// What a line wants is compared with its answer: what is given must be there and equal, lists as a whole, `null` is
/// absent or null.
#[test]
fn what_a_line_wants_is_compared_with_its_answer() {
    let line = |want: &str| {
        let line = format!(r#"{{"do":"dashboard","dashboard":"d","owner":"olga","want":{want}}}"#);
        answers(false, &[&line])[0].clone()
    };
    for (want, met) in [
        ("{}", true),
        (r#"{"ok":true}"#, true),
        (r#"{"ok":true,"line":1,"refused":null}"#, true),
        (r#"{"ok":false}"#, false),
        (r#"{"ok":null}"#, false),
        (r#"{"grant":"g1"}"#, false),
        (r#"{"tell":{"code":"x"}}"#, false),
    ] {
        let answer = line(want);
        assert_eq!(answer["met"], met, "{want}: {answer}");
        assert_eq!(answer["unmet"].is_string(), !met, "{want}: {answer}");
    }
    assert_eq!(line("null"), json!({"line":1,"ok":true}));
    let refused = answers(
        false,
        &[
            r#"{"do":"fly","want":{"refused":"bad_line"}}"#,
            r#"{"do":"share","dashboard":"d","by":"a","with":"b","rights":["view"],"expiry":"never","want":{"refused":"unknown_dashboard","tell":{"status":404}}}"#,
            r#"{"do":"share","dashboard":"d","by":"a","with":"b@@","rights":["view"],"expiry":"never","want":{"refused":"bad_email"}}"#,
        ],
    );
    assert!(refused.iter().all(|answer| answer["met"] == true), "{refused:?}");
    let lists = |want: &str| {
        let share =
            r#"{"do":"share","dashboard":"d","by":"olga","with":"ann","rights":["view"],"expiry":"never"}"#;
        let list = format!(r#"{{"do":"list","dashboard":"d","by":"olga","want":{{"grants":{want}}}}}"#);
        answers(false, &[r#"{"do":"dashboard","dashboard":"d","owner":"olga"}"#, share, share, &list])[3]["met"].clone()
    };
    assert_eq!(lists(r#"[{"grant":"g2"}]"#), false, "a list is compared as a whole");
    assert_eq!(
        lists(
            r#"[{"depth":1,"ends":null,"expiry":"never","grant":"g2","grantee":"ann","grantor":"olga","path":["g2"],"pending":false,"reshare":false,"rights":["view"]}]"#
        ),
        true
    );
    let sentence = line(r#"{"ok":true,"tell":{"code":"x"}}"#);
    assert_eq!(sentence["unmet"], "`tell` is missing, and should be {\"code\":\"x\"}");
}

/// A want that is none is a bad line, and not met.
#[test]
fn a_want_that_cannot_be_compared_is_not_met() {
    let found = answers(false, &[r#"{"do":"dashboard","dashboard":"d","owner":"olga","want":[]}"#]);
    assert_eq!((said(&found[0]), &found[0]["met"]), ("bad_line", &json!(false)));
}

/// Comments have no answer and count as lines; an empty line is a bad one, as ever.
#[test]
fn comments_are_counted_and_not_answered() {
    let lines = ["# a history", "// of mine", "  # indented", "", r#"{"do":"outbox"}"#, "/ none"];
    let found: Vec<(Value, Value)> = answers(false, &lines)
        .iter()
        .map(|answer| (answer["line"].clone(), answer.get("refused").unwrap_or(&answer["ok"]).clone()))
        .collect();
    assert_eq!(
        found,
        [(json!(4), json!("bad_line")), (json!(5), json!(true)), (json!(6), json!("bad_line"))]
    );
}

/// In strict mode a member that no verb reads is a mistake, wherever it stands; otherwise it is ignored.
#[test]
fn strict_mode_knows_every_member() {
    let mut engine = world(true);
    let introduce = ["ann", "ben", "zed", "cyd", "new", "olga"];
    for name in introduce {
        engine.line(&json!({"do":"account","account":name}).to_string());
    }
    for line in WORLD.iter().chain(&VERBS) {
        let mut with_one_more: Value = serde_json::from_str(line).expect("a line");
        let mut fresh = world(true);
        for line in introduce.map(|name| json!({"do":"account","account":name}).to_string()) {
            fresh.line(&line);
        }
        WORLD.iter().for_each(|line| drop(fresh.line(line)));
        with_one_more["whatever"] = json!(1);
        let answer = fresh.line(&with_one_more.to_string()).expect("it is no comment");
        assert_eq!(said(&answer), "bad_line", "{with_one_more}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|it| it.contains("`whatever`")), "{answer}");
        if VERBS.contains(line) {
            with_one_more.as_object_mut().expect("an object").remove("whatever");
            let answer = fresh.line(&with_one_more.to_string()).expect("it is no comment");
            assert_eq!(said(&answer), "ok", "{line}: {answer}");
        }
    }
    for nested in [
        r#"{"do":"account","account":"ann","tags":[{"key":"k","value":"v","x":1}]}"#,
        r#"{"do":"account","account":"ann","emails":[{"email":"a@x.test","x":1}]}"#,
        r#"{"do":"dashboard","dashboard":"d9","owner":"olga","devices":[{"id":"a","x":1}]}"#,
        r#"{"do":"devices","devices":[{"id":"a","tags":[{"key":"k","value":"v","x":1}]}]}"#,
        r#"{"do":"blueprint","dashboard":"d","slots":[{"name":"a","x":1}]}"#,
        r#"{"do":"blueprint","dashboard":"d","slots":[{"name":"a"},{"name":"b","filters":[{"key":"k","slot":"a","x":1}]}]}"#,
    ] {
        assert_eq!(said(&engine.line(nested).expect("it is no comment")), "bad_line", "{nested}");
        assert_eq!(said(&answers(false, &[nested])[0]), "ok", "{nested}");
    }
}

/// In strict mode a line can only be about what a line before it has introduced; otherwise it comes into being.
#[test]
fn strict_mode_knows_every_label() {
    let history = [
        r#"{"do":"dashboard","dashboard":"d","owner":"olga"}"#,
        r#"{"do":"share","dashboard":"d","by":"olga","with":"ann","rights":["view"],"reshare":true,"expiry":"never","as":"g1"}"#,
        r#"{"do":"rotate_link","dashboard":"d","by":"olga","expiry":"never","as":"k1"}"#,
        r#"{"do":"offer","dashboard":"d","by":"olga","with":"ben","clone":"c","expiry":"never"}"#,
    ];
    let unknown = [
        r#"{"do":"check","dashboard":"dd","who":"ann","right":"view"}"#,
        r#"{"do":"check","dashboard":"d","who":"anm","right":"view"}"#,
        r#"{"do":"share","dashboard":"d","by":"anm","with":"cyd","rights":["view"],"expiry":"never"}"#,
        r#"{"do":"share","dashboard":"d","by":"ann","with":"cyd","rights":["view"],"expiry":"never","from":"g9"}"#,
        r#"{"do":"stop_sharing","dashboard":"d","by":"olga","with":"anm"}"#,
        r#"{"do":"revoke","grant":"g9","by":"olga"}"#,
        r#"{"do":"claim","account":"anm","email":"a@x.test"}"#,
        r#"{"do":"visit","token":"k9"}"#,
        r#"{"do":"diagnose_link","dashboard":"d","by":"olga","token":"k9"}"#,
        r#"{"do":"take_offer","account":"ben","clone":"cc"}"#,
        r#"{"do":"take_offer","account":"ben","clone":"c","tenant":"tt"}"#,
        r#"{"do":"delete_account","account":"anm"}"#,
        r#"{"do":"transfer","dashboard":"dd","by":"olga","to":"ann"}"#,
        r#"{"do":"shared_with_me","who":"anm"}"#,
        r#"{"do":"remind","dashboard":"dd","days":1}"#,
    ];
    for line in unknown {
        let lines: Vec<&str> = history.iter().copied().chain([line]).collect();
        let strict = answers(true, &lines);
        assert!(strict[..4].iter().all(|answer| said(answer) == "ok"), "{strict:?}");
        assert_eq!(said(&strict[4]), "bad_line", "{line}: {}", strict[4]);
        assert_ne!(said(&answers(false, &lines)[4]), "bad_line", "{line}");
    }
    for line in [
        r#"{"do":"check","dashboard":"d","who":"ben","right":"view"}"#,
        r#"{"do":"visit","token":"dsl_not-a-token"}"#,
        r#"{"do":"transfer","dashboard":"d","by":"host","to":"dan"}"#,
        r#"{"do":"audit","dashboard":"d"}"#,
    ] {
        let lines: Vec<&str> = history.iter().copied().chain([line]).collect();
        assert_eq!(said(&answers(true, &lines)[4]), "ok", "{line}");
    }
}

/// I3: an account may have several addresses, each verified or not, and claims by each that is.
#[test]
fn an_account_has_several_addresses() {
    let claim = |email| format!(r#"{{"do":"claim","account":"ann","email":"{email}"}}"#);
    let invite = |email| {
        format!(
            r#"{{"do":"share","dashboard":"d","by":"olga","with":"{email}","rights":["view"],"expiry":"never"}}"#
        )
    };
    let [a, b, c] = ["a@x.test", "b@x.test", "c@x.test"];
    let mut engine = world(false);
    let mut says = |line: &str| said(&engine.line(line).expect("it is no comment")).to_owned();
    assert_eq!(says(r#"{"do":"dashboard","dashboard":"d","owner":"olga"}"#), "ok");
    for email in [a, b, c] {
        assert_eq!(says(&invite(email)), "ok");
    }
    let several = r#"{"do":"account","account":"ann","emails":[{"email":"a@x.test","verified":true},{"email":"b@x.test","verified":true},{"email":"c@x.test"}]}"#;
    assert_eq!(says(several), "ok");
    assert_eq!([says(&claim(a)), says(&claim(b)), says(&claim(c))], ["ok", "ok", "email_not_verified"]);
    // `verified` alone is about the last; said again without `verified`, the others stay as they were.
    assert_eq!(says(r#"{"do":"account","account":"ann","verified":true}"#), "ok");
    assert_eq!([says(&claim(a)), says(&claim(c))], ["ok", "ok"]);
    assert_eq!(says(r#"{"do":"account","account":"ann","emails":[{"email":"b@x.test"}]}"#), "ok");
    assert_eq!(
        [says(&claim(a)), says(&claim(b)), says(&claim(c))],
        ["email_not_verified", "ok", "email_not_verified"]
    );
    // One `email` takes the place of all before it.
    assert_eq!(says(r#"{"do":"account","account":"ann","email":"a@x.test","verified":true}"#), "ok");
    assert_eq!([says(&claim(a)), says(&claim(b))], ["ok", "email_not_verified"]);
    assert_eq!(says(r#"{"do":"account","account":"ann","emails":[]}"#), "ok");
    assert_eq!(says(&claim(a)), "email_not_verified");
    for line in [
        r#"{"do":"account","account":"ann","email":"a@x.test","emails":[]}"#,
        r#"{"do":"account","account":"ann","emails":[{"email":"a@x.test"}],"verified":true}"#,
        r#"{"do":"account","account":"ann","emails":[{"email":"a@x.test"},{"email":"A@X.test"}]}"#,
        r#"{"do":"account","account":"ann","verified":true}"#,
    ] {
        assert_eq!(says(line), "bad_line", "{line}");
    }
}

/// G21: the host gives an owner's commands as `host`, which no account can be called; the records say so.
#[test]
fn the_host_acts_as_host_and_nobody_is_called_so() {
    let found = answers(
        false,
        &[
            r#"{"do":"dashboard","dashboard":"d","owner":"olga"}"#,
            r#"{"do":"share","dashboard":"d","by":"host","with":"ann","rights":["view"],"expiry":"never","as":"g1"}"#,
            r#"{"do":"rotate_link","dashboard":"d","by":"host","expiry":"never"}"#,
            r#"{"do":"pause_link","dashboard":"d","by":"host"}"#,
            r#"{"do":"resume_link","dashboard":"d","by":"host"}"#,
            r#"{"do":"setup","dashboard":"d","by":"host"}"#,
            r#"{"do":"withdraw_link","dashboard":"d","by":"host"}"#,
            r#"{"do":"amend","grant":"g1","by":"host","expiry":"2026-02-01T00:00:00Z"}"#,
            r#"{"do":"revoke","grant":"g1","by":"host"}"#,
            r#"{"do":"transfer","dashboard":"d","by":"host","to":"ben"}"#,
            r#"{"do":"audit","dashboard":"d"}"#,
        ],
    );
    let refused: Vec<&Value> = found.iter().filter(|answer| answer["ok"] != true).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let by: BTreeSet<&str> =
        found[10]["records"].as_array().expect("a list").iter().filter_map(|it| it["by"].as_str()).collect();
    assert_eq!(by, BTreeSet::from(["host"]));
    for line in [
        r#"{"do":"dashboard","dashboard":"d","owner":"host"}"#,
        r#"{"do":"account","account":"host"}"#,
        r#"{"do":"share","dashboard":"d","by":"olga","with":"host","rights":["view"],"expiry":"never"}"#,
        r#"{"do":"transfer","dashboard":"d","by":"olga","to":"host"}"#,
        r#"{"do":"check","dashboard":"d","who":"host","right":"view"}"#,
        r#"{"do":"renounce","grant":"g1","by":"host"}"#,
        r#"{"do":"claim","account":"host","email":"a@x.test"}"#,
    ] {
        assert_eq!(said(&answers(false, &[line])[0]), "bad_line", "{line}");
    }
}
