//! The lint: every shape that can never match is found at its place, and nothing else is called so.

use super::{
    reference::Ask,
    world::{self, Dice, Meaning, Policy, Style},
};
use dashshare::policy::{CompileError, Document, Finding, PolicySet, Principal, Severity, lint};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn policy(targets: Value, permissions: Value) -> Value {
    json!({"id": "p", "targets": targets, "permissions": permissions})
}

fn rule(effect: &str, actions: Value, resource: Value) -> Value {
    json!({"effect": effect, "action": actions, "resource": resource})
}

fn with_target(target: Value) -> Value {
    policy(
        json!([["run_user", "id", "u"], target]),
        json!([rule("allow", json!(["access"]), json!(["device", "id", "d"]))]),
    )
}

fn with_rule(actions: Value, resource: Value) -> Value {
    let good = rule("allow", json!(["access"]), json!(["dashboard", "id", "d"]));
    policy(json!([["run_user", "id", "u"]]), json!([good, rule("allow", actions, resource)]))
}

fn of(findings: &[Finding], severity: Severity) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity() == severity).collect()
}

/// P6: every shape that can never match has its place, and a sentence that says how to mend it; a strict compile refuses
/// it, and a compile that is not strict takes it.
#[test]
fn every_inert_shape_is_found_at_its_place_with_its_mend() {
    let good = json!([rule("allow", json!(["access"]), json!(["device", "id", "d"]))]);
    let access = || json!(["access"]);
    let cases = [
        (policy(json!([]), good), "/targets", "add a target"),
        (with_target(json!([])), "/targets/1", "write `run_user` or `analysis`"),
        (
            with_target(json!(["run_user", "id"])),
            "/targets/1",
            "a tuple of 2 words matches nothing: write one",
        ),
        (with_target(json!(["run_user", "tag.key", "k", "tag.value"])), "/targets/1", "a tuple of 4 words"),
        (
            with_target(json!(["run_user", "tag.key", "k", "tag.value", "v", "x"])),
            "/targets/1",
            "never cut to fit",
        ),
        (
            with_target(json!(["run_user", "name", "x"])),
            "/targets/1",
            "`name` is no way to match: write `id` or `tag_match`",
        ),
        (
            with_target(json!(["run_user", "tag_key", "k", "tag.value", "v"])),
            "/targets/1",
            "`tag_key` does not belong here: write `tag.key`",
        ),
        (
            with_target(json!(["run_user", "tag.key", "k", "tag_value", "v"])),
            "/targets/1",
            "`tag_value` does not belong here",
        ),
        (
            with_target(json!(["run_user", "tag.value", "v", "tag.key", "k"])),
            "/targets/1",
            "the wrong way round: write `tag.key`",
        ),
        (
            with_target(json!(["run_user", "path", "/a"])),
            "/targets/1",
            "a target has no path: match it by `id`",
        ),
        (with_target(json!(["file", "path", "/a"])), "/targets/1", "a target has no path"),
        (
            with_target(json!(["device"])),
            "/targets/1",
            "`device` is no kind of target: write `run_user` or `analysis`",
        ),
        (with_target(json!(["Run_user", "id", "x"])), "/targets/1", "`Run_user` is no kind of target"),
        (policy(json!([["run_user"]]), json!([])), "/permissions", "add one"),
        (with_rule(json!([]), json!(["device", "id", "d"])), "/permissions/1/action", "name one"),
        (
            with_rule(json!(["access", "fly"]), json!(["device", "id", "d"])),
            "/permissions/1/action/1",
            "`device` has no action `fly`: it has `access`, `create`",
        ),
        (
            with_rule(json!(["Access"]), json!(["dashboard", "id", "d"])),
            "/permissions/1/action/0",
            "`dashboard` has no action `Access`: it has `access`, `arrangement`",
        ),
        (
            with_rule(json!(["access", "create"]), json!(["device", "id", "d"])),
            "/permissions/1/action/1",
            "has no id: match it by tag",
        ),
        (
            with_rule(json!(["create"]), json!(["building", "id", "d"])),
            "/permissions/1/action/0",
            "has no id",
        ),
        (with_rule(access(), json!([])), "/permissions/1/resource", "write the kind of resource"),
        (with_rule(access(), json!(["device", "d"])), "/permissions/1/resource", "a tuple of 2 words"),
        (
            with_rule(access(), json!(["device", "tag.key", "k", "v"])),
            "/permissions/1/resource",
            "a tuple of 4 words",
        ),
        (
            with_rule(access(), json!(["device", "tag.key", "k", "tag.value", "v", "x"])),
            "/permissions/1/resource",
            "a tuple of 6 words matches nothing, and is never cut to fit",
        ),
        (
            with_rule(access(), json!(["device", "name", "d"])),
            "/permissions/1/resource",
            "write `id` or `tag_match`",
        ),
        (with_rule(access(), json!(["file", "name", "d"])), "/permissions/1/resource", "write `path`"),
        (
            with_rule(access(), json!(["device", "tag.match", "k"])),
            "/permissions/1/resource",
            "`tag.match` is no way to match",
        ),
        (
            with_rule(access(), json!(["device", "tag_key", "k", "tag.value", "v"])),
            "/permissions/1/resource",
            "`tag_key` does not belong here",
        ),
        (
            with_rule(access(), json!(["device", "tag.value", "v", "tag.key", "k"])),
            "/permissions/1/resource",
            "the wrong way round",
        ),
        (
            with_rule(access(), json!(["device", "path", "/a"])),
            "/permissions/1/resource",
            "`device` has no path, only a file has",
        ),
    ];
    for (value, pointer, mend) in cases {
        let document = world::document(&value);
        let findings = lint(&document, None);
        let inert = of(&findings, Severity::Inert);
        let [found] = inert.as_slice() else { panic!("{findings:?} in {value}") };
        assert_eq!(found.pointer(), pointer, "{value}");
        assert!(found.sentence().contains(mend), "`{}` lacks `{mend}`", found.sentence());
        assert_eq!(found.to_string(), format!("policy `p` at {pointer}: {}", found.sentence()));
        assert!(value.pointer(pointer).is_some());
        let refused = PolicySet::compile_strict(std::slice::from_ref(&document));
        assert_eq!(refused.expect_err("inert"), CompileError::Inert(vec![(*found).clone()]));
        assert!(PolicySet::compile(&[document]).is_ok());
    }
}

/// P5, P6, P7: what works and may be a slip is a warning, which a strict compile lets through.
#[test]
fn what_looks_like_a_slip_is_a_warning_at_its_place() {
    let allow = |actions: Value, resource: Value| rule("allow", actions, resource);
    let user = || json!([["run_user", "id", "u"]]);
    let cases = [
        (
            policy(
                json!([["run_user", "id", "u"], ["run_user", "id", "u"]]),
                json!([allow(json!(["access"]), json!(["device", "id", "d"]))]),
            ),
            "/targets/1",
            "twice",
        ),
        (
            with_rule(json!(["access", "access"]), json!(["device", "id", "d"])),
            "/permissions/1/action/1",
            "twice",
        ),
        (
            with_rule(json!(["access"]), json!(["devise", "id", "d"])),
            "/permissions/1/resource",
            "`devise` is none of the product's kinds",
        ),
        (with_rule(json!(["access"]), json!(["device", "id", " d"])), "/permissions/1/resource/2", "blanks"),
        (
            with_rule(json!(["access"]), json!(["device", "tag_match", ""])),
            "/permissions/1/resource/2",
            "empty",
        ),
        (
            with_rule(json!(["access"]), json!(["device", "tag.key", "k", "tag.value", "v\u{a0}"])),
            "/permissions/1/resource/4",
            "blanks",
        ),
        (with_target(json!(["run_user", "tag.key", "", "tag.value", "v"])), "/targets/1/2", "empty"),
        (with_target(json!(["run_user", "id", "u\n"])), "/targets/1/2", "blanks"),
        (
            policy(json!([["analysis"]]), json!([allow(json!(["access"]), json!(["file", "path", ""]))])),
            "/permissions/0/resource/2",
            "every path",
        ),
        (
            policy(json!([["analysis"]]), json!([allow(json!(["access"]), json!(["file", "id", "f"]))])),
            "/permissions/0/resource",
            "by path or as a whole",
        ),
        (
            policy(user(), json!([allow(json!(["edit"]), json!(["device", "id", "d"]))])),
            "/permissions/0/action/0",
            "the product gives portal users no `edit` on `device`",
        ),
        (
            policy(json!([["analysis"]]), json!([allow(json!(["arrangement"]), json!(["dashboard"]))])),
            "/permissions/0/action/0",
            "gives analyses no `arrangement`",
        ),
        (
            policy(
                json!([["analysis"], ["run_user", "id", "u"]]),
                json!([allow(json!(["access", "edit"]), json!(["device", "id", "d"]))]),
            ),
            "/permissions/0/action/1",
            "write two policies",
        ),
        (
            policy(
                user(),
                json!([
                    allow(json!(["access"]), json!(["device", "id", "d"])),
                    rule("deny", json!(["access"]), json!(["device"]))
                ]),
            ),
            "/permissions/0",
            "rule 1 denies all",
        ),
        (
            policy(
                user(),
                json!([
                    rule("deny", json!(["execute", "access"]), json!(["sql", "id", "q"])),
                    allow(json!(["access"]), json!(["sql", "id", "q"]))
                ]),
            ),
            "/permissions/1",
            "rule 0 denies all",
        ),
        (
            policy(json!([["run_user"]]), json!([allow(json!(["access"]), json!(["device"]))])),
            "/permissions/0/resource",
            "every visitor of a public link",
        ),
    ];
    for (value, pointer, words) in cases {
        let document = world::document(&value);
        let findings = lint(&document, None);
        let [found] = findings.as_slice() else { panic!("{findings:?} in {value}") };
        assert_eq!((found.severity(), found.pointer()), (Severity::Warning, pointer), "{value}");
        assert!(found.sentence().contains(words), "`{}` lacks `{words}`", found.sentence());
        assert!(PolicySet::compile_strict(&[document]).is_ok());
    }
    for clean in [
        with_rule(json!(["access"]), json!(["device", "tag_match", "site"])),
        policy(json!([["run_user"]]), json!([rule("deny", json!(["access"]), json!(["device"]))])),
        policy(
            json!([["run_user", "tag_match", "role"]]),
            json!([allow(json!(["access"]), json!(["device"]))]),
        ),
        // A part of what it allows is left, and a narrower deny leaves the rest.
        policy(
            user(),
            json!([
                allow(json!(["access", "execute"]), json!(["sql", "id", "q"])),
                rule("deny", json!(["access"]), json!(["sql"]))
            ]),
        ),
        policy(
            user(),
            json!([
                allow(json!(["access"]), json!(["sql"])),
                rule("deny", json!(["access"]), json!(["sql", "id", "q"]))
            ]),
        ),
        policy(
            json!([["analysis"]]),
            json!([
                allow(json!(["login_as_user"]), json!(["run_user"])),
                allow(json!(["access"]), json!(["file", "path", "/a"]))
            ]),
        ),
    ] {
        assert_eq!(lint(&world::document(&clean), None), [], "{clean}");
    }
}

/// P6: with the anonymous user at hand, the rules that let visitors at everything are those of the policies aimed at it.
#[test]
fn a_wide_rule_for_the_anonymous_user_is_a_warning() {
    let wide = |target: Value| {
        world::document(&policy(
            json!([target]),
            json!([
                rule("allow", json!(["access"]), json!(["dashboard", "id", "d"])),
                rule("allow", json!(["access"]), json!(["device"])),
                rule("deny", json!(["access"]), json!(["entity"]))
            ]),
        ))
    };
    let visitor = Principal::run_user("visitor").with_tag("role", "public");
    for (target, with, without) in [
        (json!(["run_user"]), true, true),
        (json!(["run_user", "id", "visitor"]), true, false),
        (json!(["run_user", "tag.key", "role", "tag.value", "public"]), true, false),
        (json!(["run_user", "tag_match", "role"]), true, false),
        (json!(["run_user", "tag.key", "role", "tag.value", "staff"]), false, false),
        (json!(["run_user", "id", "ann"]), false, false),
        (json!(["analysis"]), false, false),
    ] {
        let document = wide(target.clone());
        for (anonymous, expected) in [(Some(&visitor), with), (None, without)] {
            let findings = lint(&document, anonymous);
            let pointers: Vec<&str> = findings.iter().map(Finding::pointer).collect();
            let all = if expected { vec!["/permissions/1/resource"] } else { vec![] };
            assert_eq!(pointers, all, "{target} {findings:?}");
            assert!(findings.iter().all(|finding| finding.severity() == Severity::Warning));
        }
    }
}

/// What the lint calls inert in a document: rules as a whole, and single actions.
fn inert(document: &Document) -> (BTreeSet<usize>, BTreeSet<(usize, usize)>) {
    let findings = lint(document, None);
    let (mut rules, mut actions) = (BTreeSet::new(), BTreeSet::new());
    for finding in of(&findings, Severity::Inert) {
        match finding.pointer().split('/').collect::<Vec<_>>()[..] {
            ["", "permissions", rule, "resource" | "action"] => {
                rules.insert(rule.parse().expect("an index"));
            }
            ["", "permissions", rule, "action", action] => {
                actions.insert((rule.parse().expect("an index"), action.parse().expect("an index")));
            }
            _ => {}
        }
    }
    (rules, actions)
}

/// A request that an entry matches if it can match at all: the policy is aimed at everybody.
fn fitting(rule: &world::Rule, action: &str) -> Ask {
    let mut ask = Ask {
        who: "run_user".to_owned(),
        who_id: "u".to_owned(),
        who_tags: Vec::new(),
        action: action.to_owned(),
        kind: rule.line.head.clone(),
        id: Some("none".to_owned()),
        tags: Vec::new(),
        path: None,
    };
    match &rule.line.meaning {
        Meaning::Any => {}
        Meaning::Id(id) => ask.id = Some(id.clone()),
        Meaning::Tag(key, value) => ask.tags.push((key.clone(), value.clone())),
        Meaning::Match(key) => {
            ask.tags.push((key.clone(), "v".to_owned()));
            ask.who_tags.push((key.clone(), "v".to_owned()));
        }
        Meaning::Path(prefix) => ask.path = Some(format!("{prefix}x")),
    }
    ask
}

/// P6: what the lint calls inert never matches and can go without a change; what it leaves can match; and a strict
/// compile refuses exactly the documents in which it finds any.
#[test]
fn what_the_lint_calls_inert_never_matches_and_the_rest_can() {
    let (mut dead, mut live, mut asked, mut refused, mut strict) = (0, 0, 0, 0, 0);
    for number in 0..4000 {
        let mut dice = Dice::new(world::seed().wrapping_mul(31).wrapping_add(number));
        let style = if dice.chance(5) { Style::Busy } else { Style::Plain };
        let policies = world::policies(&mut dice, style);
        let values: Vec<Value> = policies.iter().map(Policy::json).collect();
        let documents = world::documents(&values);

        let findings: Vec<Finding> = documents.iter().flat_map(|document| lint(document, None)).collect();
        let all: Vec<Finding> = of(&findings, Severity::Inert).into_iter().cloned().collect();
        match PolicySet::compile_strict(&documents) {
            Ok(set) => {
                assert!(all.is_empty(), "{all:?}");
                assert!(set.set == world::compile(&values));
                strict += 1;
            }
            Err(error) => {
                assert!(!all.is_empty());
                assert_eq!(error, CompileError::Inert(all));
                refused += 1;
            }
        }

        let (mut only_inert, mut none_inert) = (values.clone(), values.clone());
        for (place, policy) in policies.iter().enumerate() {
            let (rules, actions) = inert(&documents[place]);
            only_inert[place]["active"] = json!(true);
            for (index, rule) in policy.rules.iter().enumerate() {
                let is_dead = |action: usize| rules.contains(&index) || actions.contains(&(index, action));
                let keep = |dead: bool| -> Vec<&String> {
                    rule.actions
                        .iter()
                        .enumerate()
                        .filter(|(n, _)| is_dead(*n) == dead)
                        .map(|(_, a)| a)
                        .collect()
                };
                only_inert[place]["permissions"][index]["action"] = json!(keep(true));
                none_inert[place]["permissions"][index]["action"] = json!(keep(false));
                for (action, word) in rule.actions.iter().enumerate() {
                    let mut alone = values[place].clone();
                    alone["active"] = json!(true);
                    alone["targets"] = json!([["run_user"]]);
                    alone["permissions"] = json!([values[place]["permissions"][index]]);
                    let matched = world::compile(&[alone])
                        .evaluate(
                            &world::principal(&fitting(rule, word)),
                            word,
                            &world::resource(&fitting(rule, word)),
                        )
                        .rule()
                        .is_some();
                    assert_eq!(
                        matched,
                        !is_dead(action),
                        "action {action} of {}",
                        values[place]["permissions"][index]
                    );
                    *(if matched { &mut live } else { &mut dead }) += 1;
                }
            }
        }
        let (whole, only_inert, none_inert) =
            (world::compile(&values), world::compile(&only_inert), world::compile(&none_inert));
        for _ in 0..10 {
            let ask = world::ask(&mut dice, &policies);
            let (principal, resource) = (world::principal(&ask), world::resource(&ask));
            let verdict = |set: &PolicySet| {
                let verdict = set.evaluate(&principal, &ask.action, &resource);
                (verdict.effect(), verdict.policy().map(str::to_owned), verdict.rule())
            };
            assert_eq!(verdict(&only_inert), (None, None, None), "{ask:?} {values:?}");
            assert_eq!(verdict(&none_inert), verdict(&whole), "{ask:?} {values:?}");
            asked += 1;
        }
    }
    println!("{dead} entries inert, {live} not; {asked} requests; {refused} sets refused, {strict} not");
    assert!(dead > 4000 && live > 20_000 && refused > 500 && strict > 200);
}

/// P1, P6: two documents of one id are refused by either compile, by name.
#[test]
fn two_documents_of_one_id_are_refused() {
    let value = with_target(json!(["run_user", "id", "x"]));
    let documents = [world::document(&value), world::document(&value)];
    for compiled in [PolicySet::compile(&documents), PolicySet::compile_strict(&documents)] {
        assert_eq!(compiled.expect_err("twice"), CompileError::DuplicateId("p".to_owned()));
    }
}
