//! Policies against a second reading of their rules, written down apart from the library (`policies/reference.rs`), over
//! random policies and requests; the bugs that the original product had; and what documents, lint and audit promise.
//!
//! `DASHSHARE_POLICY_PAIRS` says how many pairs of policies and request are compared (200,000 unless set), `DASHSHARE_SEED`
//! where the random numbers begin.

mod audits;
mod budget;
mod comparison;
mod documents;
mod lints;
mod reference;
mod saboteurs;
mod size;
mod why;
pub(crate) mod world;

use comparison::{Tally, compare, expected, pairs, shuffled, verdict};
use dashshare::policy::{Document, PolicySet, Principal, Resource};
use reference::Ask;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use world::{Dice, Line, Meaning, Policy, Style};

const PAIRS: usize = 200_000;

/// P1, P2, P3, P5, P6, P7: effect, policy and index are those of the reference, over every form and every slip.
#[test]
fn the_library_decides_as_the_reference_does() {
    let number = world::number("DASHSHARE_POLICY_PAIRS").map_or(PAIRS, |number| number as usize);
    let mut tally = Tally::default();
    pairs(number, &mut tally, |set, policies, ask, whence, _| compare(set, policies, ask, whence));
    tally.print();
    let pairs = tally.of("pairs");
    assert!(pairs >= number as u64);
    let mut least = vec![("allowed", pairs / 3), ("denied by a deny", pairs / 3)];
    let often = [
        "denied, since no rule matches",
        "decided by target: any",
        "decided by target: id",
        "decided by target: tag",
        "decided by target: tag_match",
        "decided by resource: any",
        "decided by resource: id",
        "decided by resource: tag",
        "decided by resource: tag_match",
        "decided by resource: path",
        "set: several policies",
        "set: an inactive policy",
        "set: a policy aimed at both kinds",
        "set: more than 24 rules at one target",
        "set: a tuple that is too short",
        "set: a target longer than its grammar",
        "set: a resource longer than its grammar",
        "set: an unknown separator",
        "set: swapped words",
        "set: a path in a target",
        "set: a path of what is no file",
        "set: an empty list of actions",
        "set: an unknown kind of target",
        "ask: a repeated key",
        "ask: more than 10 tags on the resource",
        "ask: nothing there yet",
    ];
    least.extend(often.map(|what| (what, pairs / 50)));
    least.push(("set: more than 4096 entries of a policy", pairs / 200));
    least.push(("ask: to create what a rule names by id", pairs / 500));
    least.push(("ask: an action that the resource does not have", pairs / 200));
    least.push(("ask: tags that are compared by a table", pairs / 1000));
    let missing = tally.missing(&least);
    assert!(missing.is_empty(), "too few pairs of a sort: {missing:#?}");
}

/// P3, P4: a set that was changed again and again is the set compiled whole, and the sets it was made from stay.
#[test]
fn a_set_that_grew_by_changes_decides_as_one_compiled_whole() {
    let (mut steps, mut compared) = (0, 0);
    for history in 0..400 {
        let mut dice = Dice::new(world::seed().wrapping_add(history).wrapping_mul(7919));
        let style = match dice.below(60) {
            0 => Style::Broad,
            1..=20 => Style::Busy,
            _ => Style::Plain,
        };
        // What is put in, again and again: several policies for each of a few ids.
        let mut pool: Vec<Policy> = Vec::new();
        for _ in 0..if style == Style::Broad { 2 } else { 5 } {
            pool.extend(world::policies(&mut dice, style));
        }
        let ids = dice.between(3, 9);
        for (place, policy) in pool.iter_mut().enumerate() {
            policy.id = format!("p{}", place % ids);
        }
        let values: Vec<Value> = pool.iter().map(Policy::json).collect();
        let documents = world::documents(&values);
        let mut set = PolicySet::default();
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        let mut earlier: Vec<(PolicySet, Vec<Value>)> = Vec::new();
        for step in 0..if style == Style::Broad { 25 } else { 60 } {
            steps += 1;
            if dice.chance(65) {
                let place = dice.below(pool.len());
                set = set.with(&documents[place]);
                held.insert(pool[place].id.clone(), place);
            } else {
                let id = format!("p{}", dice.below(ids + 1));
                set = set.without(&id);
                held.remove(&id);
            }
            let now: Vec<Value> = held.values().map(|place| values[*place].clone()).collect();
            assert_eq!(set.len(), now.len());
            assert_eq!(set.is_empty(), now.is_empty());
            if step % 5 != 4 || now.is_empty() {
                continue;
            }
            let policies: Vec<Policy> = held.values().map(|place| pool[*place].clone()).collect();
            let whole = world::compile(&now);
            assert!(set == whole, "the documents differ");
            for _ in 0..6 {
                // Of all that was ever in, so that what stayed behind by mistake is asked for.
                let ask = if dice.chance(50) {
                    world::ask(&mut dice, &policies)
                } else {
                    world::ask(&mut dice, &pool)
                };
                compare(&set, &now, &ask, &format!("history {history}, step {step}"));
                assert_eq!(verdict(&set, &ask), verdict(&whole, &ask));
                compared += 1;
                for (before, then) in &earlier {
                    compare(before, then, &ask, &format!("history {history}, before step {step}"));
                }
            }
            if earlier.len() < 4 {
                earlier.push((set.clone(), now));
            }
        }
        for id in held.keys() {
            set = set.without(id);
        }
        assert!(set.is_empty() && set == PolicySet::default());
        let ask = world::ask(&mut dice, &pool);
        assert_eq!(verdict(&set, &ask), None, "something stayed behind");
    }
    println!("{steps} changes, {compared} comparisons");
    assert!(steps > 10_000 && compared > 15_000);
}

/// P4: policies, rules, actions, targets and tags in another order give the same decision by the same policy.
#[test]
fn no_order_matters() {
    let mut allowed = 0;
    let mut tally = Tally::default();
    pairs(20_000, &mut tally, |set, policies, ask, whence, dice| {
        let (others, other) = shuffled(dice, policies, ask);
        let here = verdict(set, ask).map(|(policy, _, denies)| (policy, denies));
        let there = world::compile(&others);
        let there = verdict(&there, &other).map(|(policy, _, denies)| (policy, denies));
        assert_eq!(here, there, "{whence}: {ask:?}");
        allowed += u64::from(here.is_some_and(|(_, denies)| !denies));
    });
    assert!(allowed > 5000, "{allowed} allowed");
}

/// P3, P4: one more allow never takes access away, one more deny never gives any, and what nobody denies stays.
#[test]
fn allows_only_give_and_denies_only_take() {
    let (mut given, mut taken) = (0, 0);
    let mut tally = Tally::default();
    pairs(30_000, &mut tally, |set, policies, ask, whence, dice| {
        let before = verdict(set, ask).is_some_and(|(_, _, denies)| !denies);
        for denies in [false, true] {
            let mut extra = world::policy(dice, "extra".to_owned(), 2, 3, 0);
            extra.targets[0] =
                Line { head: ask.who.clone(), meaning: Meaning::Id(ask.who_id.clone()), slip: None };
            for rule in &mut extra.rules {
                rule.denies = denies;
                // Often about what is asked for.
                if dice.chance(60) {
                    rule.line.head.clone_from(&ask.kind);
                    rule.actions.push(ask.action.clone());
                    rule.line.slip = None;
                    rule.line.meaning = Meaning::Any;
                }
            }
            let extra = extra.json();
            let as_policy = set.with(&world::document(&extra));
            let mut grown = policies[dice.below(policies.len())].clone();
            let rules = grown["permissions"].as_array_mut().expect("an array");
            rules.insert(dice.below(rules.len() + 1), extra["permissions"][0].clone());
            let as_rule = set.with(&world::document(&grown));
            for changed in [as_policy, as_rule] {
                let after = verdict(&changed, ask).is_some_and(|(_, _, denies)| !denies);
                assert!(
                    if denies { !after || before } else { after || !before },
                    "{whence}: {ask:?} {extra}"
                );
                given += u64::from(after && !before);
                taken += u64::from(before && !after);
            }
        }
    });
    println!("{given} times given, {taken} times taken");
    assert!(given > 500 && taken > 500, "{given} given, {taken} taken");
}

/// P2, P3, P5, P6, P7: each evaluator with a fault is told from the reference by few pairs.
#[test]
fn every_evaluator_with_a_planted_fault_is_convicted() {
    const WITHIN: usize = 40_000;
    let mut convicted: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut number, mut tally) = (0, Tally::default());
    pairs(WITHIN, &mut tally, |_, policies, ask, _, _| {
        number += 1;
        if convicted.len() == saboteurs::SABOTEURS.len() {
            return;
        }
        let right = reference::allows(policies, ask);
        for (name, decides) in saboteurs::SABOTEURS {
            if !convicted.contains_key(name) && decides(policies, ask) != right {
                convicted.insert(name, number);
            }
        }
    });
    for (name, _) in saboteurs::SABOTEURS {
        match convicted.get(name) {
            Some(pairs) => println!("{pairs:6} {name}"),
            None => println!("  free {name}"),
        }
    }
    assert!(saboteurs::SABOTEURS.len() >= 30);
    assert_eq!(convicted.len(), saboteurs::SABOTEURS.len(), "a fault is not seen in {WITHIN} pairs");
}

fn set(policies: &Value) -> PolicySet {
    let documents = Document::parse_all(&policies.to_string()).unwrap_or_else(|error| panic!("{error}"));
    let whole = PolicySet::compile(&documents).unwrap_or_else(|error| panic!("{error}")).set;
    // However a set came about, it is the same one.
    let grown = documents.iter().rev().fold(PolicySet::default(), |set, document| set.with(document));
    assert_eq!(whole, grown);
    grown
}

fn allows(set: &PolicySet, principal: &Principal, action: &str, resource: &Resource) -> bool {
    set.evaluate(principal, action, resource).is_allowed()
}

/// P2: the original looked at the first tag of a key only; all of them count, on either side.
#[test]
fn repeated_tag_keys_all_count() {
    let rules = json!([{"id": "p", "targets": [["run_user", "tag.key", "role", "tag.value", "guest"]], "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag_match", "site"]},
        {"effect": "deny", "action": ["access"], "resource": ["device", "tag.key", "state", "tag.value", "off"]}
    ]}]);
    let set = set(&rules);
    let ann = Principal::run_user("ann").with_tag("role", "staff").with_tag("role", "guest");
    let ann = ann.with_tag("site", "north").with_tag("site", "south");
    let device = |sites: &[&str], states: &[&str]| {
        let mut device = Resource::new("device", "d");
        device = sites.iter().fold(device, |device, site| device.with_tag("site", *site));
        states.iter().fold(device, |device, state| device.with_tag("state", *state))
    };
    assert!(allows(&set, &ann, "access", &device(&["south"], &[])));
    assert!(allows(&set, &ann, "access", &device(&["east", "west", "south"], &["on"])));
    assert!(!allows(&set, &ann, "access", &device(&["east", "west"], &[])));
    assert!(!allows(&set, &ann, "access", &device(&["south"], &["on", "off"])));
}

/// P3: a policy with only denies allowed everything else in the original.
#[test]
fn a_policy_with_only_denies_allows_nothing() {
    let set = set(&json!([{"id": "p", "targets": [["run_user"]], "permissions": [
        {"effect": "deny", "action": ["access"], "resource": ["dashboard", "id", "secret"]}
    ]}]));
    let ann = Principal::run_user("ann");
    for (id, by) in [("secret", Some("p")), ("other", None)] {
        let dashboard = Resource::new("dashboard", id);
        let verdict = set.evaluate(&ann, "access", &dashboard);
        assert!(!verdict.is_allowed());
        assert_eq!(verdict.policy(), by);
    }
}

/// P3: `active: false` was not honoured in the original, for allows and for denies.
#[test]
fn an_inactive_policy_does_nothing() {
    let policies = |allowing: bool, denying: bool| {
        json!([
            {"id": "a", "active": allowing, "targets": [["run_user"]], "permissions": [
                {"effect": "allow", "action": ["access"], "resource": ["dashboard"]}
            ]},
            {"id": "d", "active": denying, "targets": [["run_user"]], "permissions": [
                {"effect": "deny", "action": ["access"], "resource": ["dashboard"]}
            ]}
        ])
    };
    for (allowing, denying, expected) in
        [(true, false, true), (true, true, false), (false, false, false), (false, true, false)]
    {
        let set = set(&policies(allowing, denying));
        assert_eq!(set.len(), 2);
        assert_eq!(
            allows(&set, &Principal::run_user("ann"), "access", &Resource::new("dashboard", "d")),
            expected
        );
    }
}

/// P3: portal users could arrange what they may only access, before August 2023.
#[test]
fn arranging_needs_its_own_permission() {
    let rule =
        |action: &str| json!({"effect": "allow", "action": [action], "resource": ["dashboard", "id", "d"]});
    let policy = |rules: Value| set(&json!([{"id": "p", "targets": [["run_user"]], "permissions": rules}]));
    let (ann, dashboard) = (Principal::run_user("ann"), Resource::new("dashboard", "d"));
    let looking = policy(json!([rule("access")]));
    assert!(allows(&looking, &ann, "access", &dashboard));
    assert!(!allows(&looking, &ann, "arrangement", &dashboard));
    let arranging = policy(json!([rule("arrangement")]));
    assert!(allows(&arranging, &ann, "arrangement", &dashboard));
    assert!(!allows(&arranging, &ann, "access", &dashboard), "nor does it come the other way round");
}

/// P3, P4: a deny of another policy won or lost by the order of rows in the original.
#[test]
fn a_deny_of_another_policy_wins_in_whatever_order() {
    let policy = |id: &str, effect: &str, target: Value| {
        json!({"id": id, "targets": [target], "permissions": [
            {"effect": effect, "action": ["access"], "resource": ["device", "id", "d"]}
        ]})
    };
    let (wide, narrow) = (json!(["run_user"]), json!(["run_user", "id", "ann"]));
    let (ann, device) = (Principal::run_user("ann"), Resource::new("device", "d"));
    for (allowing, denying) in [("1", "2"), ("2", "1")] {
        for (first, second) in [(&wide, &narrow), (&narrow, &wide), (&wide, &wide)] {
            let allow = policy(allowing, "allow", first.clone());
            let deny = policy(denying, "deny", second.clone());
            for policies in [json!([allow, deny]), json!([deny, allow])] {
                let set = set(&policies);
                let verdict = set.evaluate(&ann, "access", &device);
                assert!(!verdict.is_allowed());
                assert_eq!((verdict.policy(), verdict.rule()), (Some(denying), Some(0)));
            }
        }
    }
    let both = |first: &str, second: &str| {
        let rule =
            |effect: &str| json!({"effect": effect, "action": ["access"], "resource": ["device", "id", "d"]});
        set(&json!([{"id": "p", "targets": [["run_user"]], "permissions": [rule(first), rule(second)]}]))
    };
    assert_eq!(both("allow", "deny").evaluate(&ann, "access", &device).rule(), Some(1));
    assert_eq!(both("deny", "allow").evaluate(&ann, "access", &device).rule(), Some(0));
}

/// P7: the rules for analyses went to the portal users of the same policy in the original.
#[test]
fn two_kinds_of_target_in_one_policy_keep_their_rules_apart() {
    let targets = json!([["run_user", "id", "ann"], ["analysis", "id", "cron"]]);
    let rules =
        json!([{"effect": "allow", "action": ["access", "edit", "arrangement"], "resource": ["dashboard"]}]);
    let mixed = set(&json!([{"id": "p", "targets": targets, "permissions": rules}]));
    let (ann, cron) = (Principal::run_user("ann"), Principal::analysis("cron"));
    let dashboard = Resource::new("dashboard", "d");
    for (principal, action, expected) in [
        (&ann, "access", true),
        (&ann, "arrangement", true),
        (&ann, "edit", false),
        (&cron, "access", true),
        (&cron, "arrangement", false),
        (&cron, "edit", true),
    ] {
        assert_eq!(allows(&mixed, principal, action, &dashboard), expected, "{principal:?} {action}");
    }
    let one = set(&json!([{"id": "p", "targets": [["run_user", "id", "ann"]], "permissions": rules}]));
    assert!(allows(&one, &ann, "edit", &dashboard), "aimed at one kind, it is taken at its word");
    assert!(!allows(&one, &cron, "access", &dashboard));
    // The ids of one kind are not those of the other.
    assert!(!allows(&mixed, &Principal::analysis("ann"), "access", &dashboard));
    assert!(!allows(&mixed, &Principal::run_user("cron"), "access", &dashboard));
}

/// P3, P7: what a policy for both kinds denies, it denies to both, and a target that can never match changes nothing.
#[test]
fn another_target_opens_nothing_that_a_policy_denies() {
    let ann = Principal::run_user("ann");
    let device = Resource::new("device", "d");
    let rule = |effect: &str| json!([{"effect": effect, "action": ["export_data"], "resource": ["device"]}]);
    let open = json!({"id": "open", "targets": [["run_user"]], "permissions": rule("allow")});
    assert!(allows(&set(&json!([open])), &ann, "export_data", &device));
    for more in [json!([]), json!([["analysis", "id", "a"]]), json!([["analysis", "idd", "a"]])] {
        let mut targets = json!([["run_user"]]);
        targets.as_array_mut().expect("an array").extend(more.as_array().expect("an array").clone());
        let with = |effect: &str| json!({"id": "p", "targets": targets, "permissions": rule(effect)});
        assert!(!allows(&set(&json!([with("deny"), open])), &ann, "export_data", &device), "{targets}");
        // It gives portal users what only analyses have unless it is aimed at analyses too.
        let is_mixed = more == json!([["analysis", "id", "a"]]);
        assert_eq!(
            allows(&set(&json!([with("allow")])), &ann, "export_data", &device),
            !is_mixed,
            "{targets}"
        );
    }
}

/// P6: the original cuts a tuple to five words, and what is left may match.
#[test]
fn a_tuple_longer_than_its_grammar_matches_nothing() {
    let long = |head: &str| json!([head, "tag.key", "site", "tag.value", "north", "or", "south"]);
    let cut = |head: &str| json!([head, "tag.key", "site", "tag.value", "north"]);
    let policy = |target: Value, resource: Value| {
        set(&json!([{"id": "p", "targets": [target], "permissions": [
            {"effect": "allow", "action": ["access"], "resource": resource}
        ]}]))
    };
    let ann = Principal::run_user("ann").with_tag("site", "north");
    let device = Resource::new("device", "d").with_tag("site", "north");
    assert!(allows(&policy(cut("run_user"), cut("device")), &ann, "access", &device));
    assert!(!allows(&policy(long("run_user"), cut("device")), &ann, "access", &device));
    assert!(!allows(&policy(cut("run_user"), long("device")), &ann, "access", &device));
    for more in [2, 4, 6] {
        let mut words = vec!["device", "id", "d", "x", "y", "z"];
        words.truncate(more);
        assert!(!allows(&policy(cut("run_user"), json!(words)), &ann, "access", &device), "{words:?}");
    }
}

/// P2: in a target `tag_match` asks that the key is carried, in a permission that a value is shared.
#[test]
fn tag_match_means_carrying_in_a_target_and_sharing_in_a_permission() {
    let set = set(&json!([{"id": "p", "targets": [["run_user", "tag_match", "site"]], "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag_match", "site"]},
        {"effect": "allow", "action": ["access"], "resource": ["dashboard"]}
    ]}]));
    let (north, nobody) = (Principal::run_user("ann").with_tag("site", "north"), Principal::run_user("bob"));
    let device = |site: &str| Resource::new("device", "d").with_tag("site", site);
    assert!(allows(&set, &north, "access", &Resource::new("dashboard", "d")));
    assert!(!allows(&set, &nobody, "access", &Resource::new("dashboard", "d")));
    assert!(allows(&set, &north, "access", &device("north")));
    assert!(!allows(&set, &north, "access", &device("south")));
    assert!(!allows(&set, &north, "access", &Resource::new("device", "d")));
}

/// P3: of several rules that match, the one named is the first by id, byte for byte, then by index.
#[test]
fn the_rule_named_is_the_first_by_id_and_index() {
    let rule = |effect: &str| json!({"effect": effect, "action": ["access"], "resource": ["device"]});
    let policy = |id: &str, target: Value, effects: [&str; 3]| json!({"id": id, "targets": [target], "permissions": effects.map(rule)});
    let ann = Principal::run_user("ann").with_tag("site", "north");
    let ask = Ask {
        who: "run_user".to_owned(),
        who_id: "ann".to_owned(),
        who_tags: vec![("site".to_owned(), "north".to_owned())],
        action: "access".to_owned(),
        kind: "device".to_owned(),
        id: Some("d".to_owned()),
        tags: Vec::new(),
        path: None,
    };
    let targets =
        [json!(["run_user"]), json!(["run_user", "id", "ann"]), json!(["run_user", "tag_match", "site"])];
    for order in [["10", "9", "B"], ["B", "10", "9"], ["9", "B", "10"], ["a", "\u{e9}", "b"]] {
        let with = |effects: [&str; 3]| -> Vec<Value> {
            order.iter().zip(&targets).map(|(id, target)| policy(id, target.clone(), effects)).collect()
        };
        let first = *order.iter().min().expect("an id");
        for (effects, index) in [
            (["allow", "allow", "allow"], 0),
            (["allow", "deny", "deny"], 1),
            (["allow", "allow", "deny"], 2),
        ] {
            let policies = with(effects);
            let set = set(&json!(policies));
            let verdict = set.evaluate(&ann, "access", &Resource::new("device", "d"));
            assert_eq!((verdict.policy(), verdict.rule()), (Some(first), Some(index)));
            assert_eq!(expected(&policies, &ask), Some((first, index, effects.contains(&"deny"))));
        }
    }
}
