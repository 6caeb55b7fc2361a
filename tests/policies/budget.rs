//! What is compiled and what is explained has limits (G23), and what can never match is handed over with the set (P6).

use super::{reference::Ask, world};
use dashshare::policy::{
    CompileError, Compiled, Document, Explanation, Finding, Limits, Nearest, PolicySet, Principal, Resource,
    Severity, lint,
};
use serde_json::{Value, json};

fn rule(effect: &str, action: &str, resource: &Value) -> Value {
    json!({"effect": effect, "action": [action], "resource": resource})
}

/// A policy of exactly so many bytes.
fn of_bytes(id: &str, bytes: usize) -> Document {
    let text = |name: &str| {
        let rules = [rule("allow", "access", &json!(["device"]))];
        json!({"id": id, "name": name, "targets": [["run_user"]], "permissions": rules}).to_string()
    };
    let document = Document::parse(&text(&"x".repeat(bytes - text("").len()))).expect("a document");
    assert_eq!(document.json().len(), bytes);
    document
}

/// G23: a policy may have 10,000 bytes and a tenant 200,000; what is more is refused with its place and the limit.
#[test]
fn policies_that_are_too_long_are_refused_with_their_place_and_the_limit() {
    assert_eq!(Limits::default(), Limits { policy_bytes: 10_000, set_bytes: 200_000 });
    let all = |lengths: &[usize]| -> Vec<Document> {
        lengths.iter().enumerate().map(|(n, bytes)| of_bytes(&format!("p{n:02}"), *bytes)).collect()
    };
    let refused = |documents: &[Document]| match PolicySet::compile(documents) {
        Ok(compiled) => panic!("{:?} was compiled", compiled.set),
        Err(error) => (error.code(), error.to_string(), error),
    };
    assert!(PolicySet::compile(&all(&[500, 10_000])).is_ok());
    let (code, sentence, error) = refused(&all(&[500, 10_001, 20_000]));
    let place =
        CompileError::PolicyTooLarge { place: 1, policy: "p01".to_owned(), bytes: 10_001, limit: 10_000 };
    assert_eq!((code, error), ("policy_too_large", place));
    assert_eq!(sentence, "at /1: policy `p01` has 10001 bytes, and a policy may have 10000 at most");

    let full = [10_000; 20];
    assert_eq!(PolicySet::compile(&all(&full)).expect("it fits").set.len(), 20);
    let mut over = all(&full);
    over.push(of_bytes("q", 200));
    let (code, sentence, error) = refused(&over);
    assert_eq!(
        (code, error),
        (
            "policies_too_large",
            CompileError::SetTooLarge { place: 20, policy: "q".to_owned(), limit: 200_000 }
        )
    );
    assert_eq!(
        sentence,
        "at /20: with policy `q` all policies have more than the 200000 bytes that they may have"
    );
    assert!(matches!(PolicySet::compile_strict(&over), Err(CompileError::SetTooLarge { .. })));

    // The host may say otherwise, and what is read back from the host's own store is held to the same.
    let wider = Limits { set_bytes: 200_200, ..Limits::default() };
    let set = PolicySet::compile_within(&over, &wider).expect("the host lets it").set;
    let tighter = Limits { policy_bytes: 9_999, ..wider };
    assert_eq!(tighter.check(&over).map_err(|error| error.code()), Err("policy_too_large"));
    let written = serde_json::to_string(&set).expect("JSON");
    let error = serde_json::from_str::<PolicySet>(&written).expect_err("it is too long");
    assert!(error.to_string().contains("200000 bytes"), "{error}");
    let written = serde_json::to_string(&set.without("q")).expect("JSON");
    assert_eq!(serde_json::from_str::<PolicySet>(&written).expect("it fits"), set.without("q"));
}

/// What the lint finds of denies that deny nothing.
fn idle_denies(compiled: &Compiled) -> Vec<(&str, &str)> {
    let idle = compiled.findings.iter().filter(|finding| finding.denies_nothing());
    idle.map(|finding| (finding.policy(), finding.pointer())).collect()
}

/// P6: compiling hands over what the lint finds; a deny that can never match is marked, and says so first.
#[test]
fn a_deny_that_denies_nothing_comes_with_the_set() {
    let idle = [
        json!(["device", "id"]),
        json!(["device", "tag.value", "north", "tag.key", "site"]),
        json!(["device", "ID", "d1"]),
        json!([]),
        json!(["device", "path", "/x"]),
    ];
    for resource in &idle {
        for (effect, is_deny) in [("deny", true), ("allow", false)] {
            let policy = json!({"id": "p", "targets": [["run_user"]], "permissions": [
                rule("allow", "access", &json!(["device"])), rule(effect, "access", resource)]});
            let documents = world::documents(&[policy]);
            let compiled = PolicySet::compile(&documents).expect("a set");
            let place = [("p", "/permissions/1/resource")];
            assert_eq!(idle_denies(&compiled), if is_deny { &place[..] } else { &[] }, "{resource}");
            let found = compiled.findings.iter().find(|finding| finding.severity() == Severity::Inert);
            let sentence = found.expect("it is inert").sentence();
            assert_eq!(sentence.starts_with("this deny denies nothing: "), is_deny, "{sentence}");
            assert!(matches!(compiled.strict(), Err(CompileError::Inert(_))));
        }
    }
    let deny = |action: &Value, targets: Value| {
        json!({"id": "p", "targets": targets, "permissions": [
            {"effect": "deny", "action": action, "resource": ["device", "id", "d1"]}]})
    };
    for (policy, place) in [
        (deny(&json!([]), json!([["run_user"]])), "/permissions/0/action"),
        (deny(&json!(["acess"]), json!([["run_user"]])), "/permissions/0/action/0"),
        (deny(&json!(["access", "create"]), json!([["run_user"]])), "/permissions/0/action/1"),
        (deny(&json!(["access"]), json!([])), "/targets"),
        (deny(&json!(["access"]), json!([["run_user"], ["run_users", "id", "u1"]])), "/targets/1"),
        (deny(&json!(["access"]), json!([["run_user", "tag", "role", "crew"]])), "/targets/0"),
    ] {
        let compiled = PolicySet::compile(&world::documents(&[policy])).expect("a set");
        assert_eq!(idle_denies(&compiled), [("p", place)]);
    }
    let right = deny(&json!(["access"]), json!([["run_user"]]));
    assert_eq!(PolicySet::compile(&world::documents(&[right])).expect("a set").findings, []);
}

fn drawn(dice: &mut world::Dice) -> (Vec<world::Policy>, Vec<Value>) {
    let style = world::style(dice);
    let policies = world::policies(dice, style);
    let written = policies.iter().map(world::Policy::json).collect();
    (policies, written)
}

/// P6: whether it allows or denies changes nothing about what can never match, but that an idle deny is marked; and the
/// findings of a set are those of its documents.
#[test]
fn an_idle_rule_is_found_whatever_its_effect() {
    let (mut denies, mut dice) = (0_usize, world::Dice::new(11));
    for _ in 0..4_000 {
        let policies = drawn(&mut dice).1;
        let documents = world::documents(&policies);
        let compiled = PolicySet::compile_within(&documents, &Limits::NONE).expect("a set");
        let own: Vec<Finding> = documents.iter().flat_map(|document| lint(document, None)).collect();
        assert_eq!(compiled.findings, own);
        for (policy, document) in policies.iter().zip(&documents) {
            let mut allowing = policy.clone();
            for rule in allowing["permissions"].as_array_mut().expect("an array") {
                rule["effect"] = json!("allow");
            }
            let inert = |findings: &[Finding]| -> Vec<String> {
                let inert = findings.iter().filter(|finding| finding.severity() == Severity::Inert);
                inert.map(|finding| finding.pointer().to_owned()).collect()
            };
            let (found, other) = (lint(document, None), lint(&world::document(&allowing), None));
            assert_eq!(inert(&found), inert(&other), "{policy}");
            assert!(other.iter().all(|finding| !finding.denies_nothing()));
            let is_deny = |pointer: &str| match pointer.strip_prefix("/permissions/") {
                Some(rest) => {
                    let rule = rest.split('/').next().and_then(|index| index.parse::<usize>().ok());
                    rule.is_some_and(|rule| policy["permissions"][rule]["effect"] == "deny")
                }
                None => policy["permissions"]
                    .as_array()
                    .expect("an array")
                    .iter()
                    .any(|rule| rule["effect"] == "deny"),
            };
            for finding in &found {
                let idle = finding.severity() == Severity::Inert && is_deny(finding.pointer());
                assert_eq!(finding.denies_nothing(), idle, "{finding} in {policy}");
                denies += usize::from(idle);
            }
        }
    }
    println!("{denies} denies that deny nothing");
    assert!(denies > 500, "only {denies} denies that deny nothing");
}

/// A policy of n targets and n rules, and a request of n tags on either side, of several makes.
fn large(n: usize) -> Vec<(&'static str, Vec<Document>, Principal, Resource)> {
    let tag = |key: &str, n: usize| json!(["run_user", "tag.key", key, "tag.value", format!("v{n}")]);
    let about = |key: &str, n: usize| json!(["device", "tag.key", key, "tag.value", format!("v{n}")]);
    let each = |of: &dyn Fn(usize) -> Value| (0..n).map(of).collect::<Vec<Value>>();
    let tagged = |key: &dyn Fn(usize) -> String, side: &str| {
        let principal = Principal::run_user("ann");
        let resource = Resource::new("device", "d");
        (0..n).fold((principal, resource), |(principal, resource), n| {
            (principal.with_tag(key(n), format!("{side}{n}")), resource.with_tag(key(n), format!("r{n}")))
        })
    };
    let policy = |id: &str, targets: Vec<Value>, rules: Vec<Value>| {
        world::document(&json!({"id": id, "targets": targets, "permissions": rules}))
    };
    let one_key = |_: usize| "site".to_owned();
    let own_key = |n: usize| format!("k{n}");
    let allow = |resource: &Value| rule("allow", "access", resource);
    let deny = |resource: &Value| rule("deny", "access", resource);
    let anyone = || vec![json!(["run_user"])];
    let matching = |n: usize| json!(["device", "tag_match", format!("k{n}")]);
    let (one, other) = (tagged(&one_key, "p"), tagged(&own_key, "p"));
    let request = |of: &(Principal, Resource)| of.clone();
    let (principal, resource) = request(&one);
    let one_denied = [
        each(&|_| allow(&json!(["device", "tag_match", "site"]))),
        vec![deny(&json!(["device", "tag_match", "site"]))],
    ];
    let whoever = || vec![json!(["run_user", "tag_match", "zone"])];
    let zoned =
        (0..n).fold(Resource::new("device", "d"), |device, n| device.with_tag("zone", format!("z{n}")));
    let helping = |n: usize| policy(&format!("p{n}"), whoever(), vec![allow(&json!(["device", "id", "d"]))]);
    let denying = policy("q", whoever(), vec![deny(&json!(["device", "id", "d"]))]);
    let many = [
        ("one key denied", vec![policy("p", anyone(), one_denied.concat())], principal, resource),
        (
            "policies of one key",
            (0..n).map(helping).chain([denying]).collect(),
            Principal::run_user("ann"),
            zoned,
        ),
    ];
    [
        (
            "aimed at others",
            policy("p", each(&|n| tag("role", n)), each(&|n| allow(&about("role", n)))),
            request(&one),
        ),
        ("about others", policy("p", anyone(), each(&|n| allow(&about("role", n)))), request(&one)),
        (
            "shared and denied",
            policy(
                "p",
                anyone(),
                [each(&|n| allow(&matching(n))), each(&|n| deny(&about(&own_key(n), n)))].concat(),
            ),
            request(&other),
        ),
        (
            "one key shared",
            policy("p", each(&|n| tag("site", n)), each(&|_| allow(&json!(["device", "tag_match", "site"])))),
            request(&one),
        ),
        (
            "keys carried",
            policy(
                "p",
                each(&|n| json!(["run_user", "tag_match", format!("x{n}")])),
                each(&|n| allow(&about(&own_key(n), n))),
            ),
            request(&other),
        ),
        (
            "slips",
            policy(
                "p",
                each(&|n| json!(["run_user", "tags", format!("v{n}")])),
                each(&|n| allow(&json!(["device", "tags", format!("v{n}")]))),
            ),
            request(&other),
        ),
    ]
    .into_iter()
    .map(|(name, first, (principal, resource))| {
        // Another one, which denies it to whomever the first is aimed at, so that no tag of theirs helps.
        let targets = first.targets().iter().map(|target| json!(target)).collect();
        let second = policy("q", targets, vec![deny(&json!(["device", "id", "d"]))]);
        let documents = if first.targets().len() > 1 { vec![first, second] } else { vec![first] };
        (name, documents, principal, resource)
    })
    .chain(many)
    .collect()
}

fn explain(set: &PolicySet, steps: u64, principal: &Principal, resource: &Resource) -> Explanation {
    set.explain_within(steps, principal, "access", resource)
}

/// P8, G23: an explanation of n targets, rules and tags takes a number of steps that grows as n does, and not as pairs of
/// them do; the default is enough for whatever a tenant may have.
#[test]
fn the_steps_of_an_explanation_grow_as_what_is_explained() {
    let needed = |n: usize| -> Vec<(&'static str, u64)> {
        large(n)
            .into_iter()
            .map(|(name, documents, principal, resource)| {
                let set = PolicySet::compile_within(&documents, &Limits::NONE).expect("a set").set;
                let (mut less, mut enough) = (0, PolicySet::EXPLANATION_STEPS);
                while enough - less > 1 {
                    let middle = less + (enough - less) / 2;
                    match explain(&set, middle, &principal, &resource).stopped {
                        Some(_) => less = middle,
                        None => enough = middle,
                    }
                }
                (name, enough)
            })
            .collect()
    };
    let (small, double) = (needed(250), needed(500));
    for ((name, steps), (_, twice)) in small.iter().zip(&double) {
        println!("{name}: {steps} steps, {twice} for twice as much");
        assert!((500..8_000).contains(steps), "{name}: {steps} steps");
        assert!(*twice <= 2 * steps + 50, "{name}: {steps} steps, and {twice} for twice as much");
    }
    for (name, documents, principal, resource) in large(2_000) {
        let set = PolicySet::compile_within(&documents, &Limits::NONE).expect("a set").set;
        let why = set.explain(&principal, "access", &resource);
        assert!(why.stopped.is_none() && why.nearest.is_some(), "{name}: {:?}", why.stopped);
    }
}

/// P8: whatever the number of steps is, what was decided is right, and what was considered is a beginning of the whole;
/// where it stopped is said, in words too.
#[test]
fn an_explanation_that_stops_says_where() {
    let (mut stopped, mut searching, mut dice) = (0_u32, 0_u32, world::Dice::new(3));
    for _ in 0..1_500 {
        let (drawn, policies) = drawn(&mut dice);
        let ask: Ask = world::ask(&mut dice, &drawn);
        let (set, principal, resource) =
            (world::compile(&policies), world::principal(&ask), world::resource(&ask));
        let whole = set.explain(&principal, &ask.action, &resource);
        assert_eq!(whole.stopped, None);
        for steps in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144] {
            let part = set.explain_within(steps, &principal, &ask.action, &resource);
            let decided = |why: &Explanation| (why.allowed, why.effect, why.policy.clone(), why.rule);
            assert_eq!(decided(&part), decided(&whole));
            assert!(whole.considered.starts_with(&part.considered));
            let Some(at) = &part.stopped else {
                assert_eq!(part, whole);
                continue;
            };
            stopped += 1;
            searching += u32::from(at.all_considered);
            assert_eq!((at.steps, &part.nearest), (steps, &None));
            assert!(set.document(&at.policy).is_some(), "{at}");
            assert_eq!(at.all_considered, part.considered == whole.considered && at.all_considered);
            let sentence = format!("the explanation stopped after {steps} steps at policy `{}`: ", at.policy);
            assert!(at.to_string().starts_with(&sentence), "{at}");
        }
    }
    println!("{stopped} explanations stopped, {searching} of them while they sought what would change it");
    assert!(stopped > 1_000 && searching > 100, "too few: {stopped}, {searching}");
    let nothing = PolicySet::default().explain_within(
        0,
        &Principal::run_user("ann"),
        "access",
        &Resource::new("device", "d"),
    );
    assert_eq!((nothing.nearest, nothing.stopped), (Some(Nearest::AddRule), None));
}
