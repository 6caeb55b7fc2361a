//! Audits, comparisons of sets and counts of use, against asking for everything.

use super::{
    reference::{self, Ask},
    world::{self, Dice, Policy, Style},
};
use dashshare::policy::{Diff, Permitted, PolicySet, Principal, Resource, Usage};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every action that is worth asking for.
fn actions(policies: &[&[Value]]) -> BTreeSet<String> {
    let known = [
        "access",
        "arrangement",
        "create",
        "delete",
        "edit",
        "execute",
        "upload",
        "get_data",
        "enter",
        "login_as_user",
        "manage_chunks",
        "duplicate",
    ];
    let mut actions: BTreeSet<String> = known.map(str::to_owned).into();
    for policy in policies.iter().copied().flatten() {
        for rule in policy["permissions"].as_array().expect("an array") {
            actions.extend(
                rule["action"]
                    .as_array()
                    .expect("an array")
                    .iter()
                    .map(|a| a.as_str().expect("a word").to_owned()),
            );
        }
    }
    actions
}

struct World {
    policies: Vec<Policy>,
    values: Vec<Value>,
    set: PolicySet,
    asks: Vec<Ask>,
    dice: Dice,
}

fn worlds(number: u64, asks: usize) -> impl Iterator<Item = World> {
    (0..number).map(move |place| {
        let mut dice = Dice::new(world::seed().wrapping_mul(77).wrapping_add(place));
        let style = if dice.chance(15) { Style::Busy } else { Style::Plain };
        let policies = world::policies(&mut dice, style);
        let values: Vec<Value> = policies.iter().map(Policy::json).collect();
        let set = world::compile(&values);
        let asks = (0..asks).map(|_| world::ask(&mut dice, &policies)).collect();
        World { policies, values, set, asks, dice }
    })
}

/// The principal of one request and the resource of another.
fn crossed(who: &Ask, what: &Ask, action: &str) -> Ask {
    Ask {
        who: who.who.clone(),
        who_id: who.who_id.clone(),
        who_tags: who.who_tags.clone(),
        action: action.to_owned(),
        ..what.clone()
    }
}

type May = BTreeSet<(Resource, String, String, usize)>;

fn may(values: &[Value], who: &Ask, asks: &[Ask], actions: &BTreeSet<String>) -> May {
    let mut all = May::new();
    for what in asks {
        for action in actions {
            if let Some(found) = reference::judge(values, &crossed(who, what, action))
                && !found.denies
            {
                all.insert((world::resource(what), action.clone(), found.policy.to_owned(), found.rule));
            }
        }
    }
    all
}

/// P9: an audit lists what the reference allows, no more and no less, and names what each rule by `any` is needed for.
#[test]
fn an_audit_lists_exactly_what_is_allowed() {
    let (mut listed, mut wide) = (0, 0);
    for World { values, set, asks, .. } in worlds(250, 12) {
        let actions = actions(&[&values]);
        let resources: Vec<Resource> = asks.iter().map(world::resource).collect();
        for who in &asks {
            let principal = world::principal(who);
            let audit = set.audit(&principal, &resources);
            let found: May = audit
                .may
                .iter()
                .cloned()
                .map(|Permitted { resource, action, policy, rule, .. }| (resource, action, policy, rule))
                .collect();
            assert_eq!(found, may(&values, who, &asks, &actions));
            let places: Vec<Option<usize>> =
                audit.may.iter().map(|one| resources.iter().position(|r| *r == one.resource)).collect();
            if resources.iter().collect::<BTreeSet<_>>().len() == resources.len() {
                assert!(places.is_sorted(), "not in the order of the resources");
            }
            listed += found.len();

            let mut expected = BTreeMap::new();
            for policy in values
                .iter()
                .filter(|policy| reference::is_active(policy) && reference::considers(policy, who))
            {
                for (index, rule) in policy["permissions"].as_array().expect("an array").iter().enumerate() {
                    let words = reference::words(&rule["resource"]);
                    if words.len() != 1 || rule["effect"] != "allow" {
                        continue;
                    }
                    // An entry counts if it would match something of its kind.
                    let anything =
                        |action: &str| Ask { kind: words[0].to_owned(), ..crossed(who, &asks[0], action) };
                    let live: Vec<&str> = rule["action"]
                        .as_array()
                        .expect("an array")
                        .iter()
                        .map(|a| a.as_str().expect("a word"))
                        .filter(|action| {
                            reference::rules_of(policy, &anything(action))
                                .iter()
                                .any(|found| found.rule == index)
                        })
                        .collect();
                    if live.is_empty() {
                        continue;
                    }
                    let mut less = values.clone();
                    for other in &mut less {
                        if other["id"] == policy["id"] {
                            other["permissions"].as_array_mut().expect("an array").remove(index);
                        }
                    }
                    let lost = |what: &&Ask| {
                        what.kind == words[0]
                            && live.iter().any(|action| {
                                let ask = crossed(who, what, action);
                                reference::allows(&values, &ask) && !reference::allows(&less, &ask)
                            })
                    };
                    let needed = asks.iter().filter(lost).count();
                    let live: Vec<String> = live.into_iter().map(str::to_owned).collect();
                    expected.insert(
                        (policy["id"].as_str().expect("an id").to_owned(), index),
                        (words[0].to_owned(), live, needed),
                    );
                }
            }
            wide += expected.len();
            let told: BTreeMap<_, _> = audit
                .wide
                .iter()
                .map(|wide| {
                    (
                        (wide.policy.clone(), wide.rule),
                        (wide.kind.clone(), wide.actions.clone(), wide.needed_for),
                    )
                })
                .collect();
            assert_eq!(told, expected);
            assert_eq!(audit.wide.len(), told.len());
        }
    }
    println!("{listed} permitted, {wide} wide");
    assert!(listed > 5000 && wide > 300);
}

/// P9: a wide rule is needed for what no other rule allows, and not for what another denies.
#[test]
fn a_wide_rule_is_needed_for_what_no_other_rule_allows() {
    let set = world::compile(&[
        json!({"id": "a", "targets": [["run_user"]], "permissions": [
            {"effect": "allow", "action": ["access"], "resource": ["device"]},
            {"effect": "allow", "action": ["access"], "resource": ["device", "id", "1"]}]}),
        json!({"id": "b", "targets": [["run_user", "id", "ann"]], "permissions": [
            {"effect": "allow", "action": ["access"], "resource": ["device", "id", "2"]},
            {"effect": "deny", "action": ["access"], "resource": ["device", "id", "3"]},
            {"effect": "allow", "action": ["access", "fly"], "resource": ["dashboard"]}]}),
        json!({"id": "c", "active": false, "targets": [["run_user"]], "permissions": [
            {"effect": "allow", "action": ["access"], "resource": ["device"]}]}),
    ]);
    let devices: Vec<Resource> = (1..=6).map(|n| Resource::new("device", n.to_string())).collect();
    let wide = |principal: &Principal| -> Vec<(String, usize, String, Vec<String>, usize)> {
        let audit = set.audit(principal, &devices);
        audit
            .wide
            .into_iter()
            .map(|wide| (wide.policy, wide.rule, wide.kind, wide.actions, wide.needed_for))
            .collect()
    };
    let access = || vec!["access".to_owned()];
    assert_eq!(
        wide(&Principal::run_user("ann")),
        [
            ("a".to_owned(), 0, "device".to_owned(), access(), 3),
            ("b".to_owned(), 2, "dashboard".to_owned(), access(), 0)
        ]
    );
    assert_eq!(wide(&Principal::run_user("bob")), [("a".to_owned(), 0, "device".to_owned(), access(), 5)]);
    assert_eq!(wide(&Principal::analysis("ann")), []);
}

/// P9: the difference of two sets is what asking for everything finds, and nothing for equal sets.
#[test]
fn the_difference_of_two_sets_is_what_asking_for_everything_finds() {
    let (mut opened, mut closed) = (0, 0);
    for World { policies, values, set, asks, mut dice } in worlds(250, 8) {
        // A few changes.
        let mut after = values.clone();
        let mut changed = set.clone();
        for _ in 0..dice.between(1, 3) {
            let place = dice.below(after.len());
            match dice.below(4) {
                3 => {
                    let mut policy = policies[place].clone();
                    policy.rules.retain(|rule| !rule.denies);
                    after[place] = policy.json();
                }
                0 => after[place]["active"] = json!(!policies[place].active),
                1 => {
                    let denies = dice.chance(30);
                    let mut policy = policies[place].clone();
                    policy.rules.push(world::rule(&mut dice, denies));
                    policy.rules.remove(0);
                    after[place] = policy.json();
                }
                _ => after[place]["permissions"] = after[dice.below(after.len())]["permissions"].clone(),
            }
            changed = changed.with(&world::document(&after[place]));
        }
        let actions = actions(&[&values, &after]);
        let resources: Vec<Resource> = asks.iter().map(world::resource).collect();
        let principals: Vec<Principal> = asks.iter().map(world::principal).collect();
        let diff = set.diff(&changed, &principals, &resources);
        let (mut opens, mut closes) = (Vec::new(), Vec::new());
        for who in &asks {
            for what in &asks {
                for action in &actions {
                    let ask = crossed(who, what, action);
                    let allowed = |policies| reference::judge(policies, &ask).filter(|found| !found.denies);
                    let change = |found: reference::Match<'_>| {
                        (
                            world::principal(who),
                            world::resource(what),
                            action.clone(),
                            found.policy.to_owned(),
                            found.rule,
                        )
                    };
                    match (allowed(&values), allowed(&after)) {
                        (None, Some(by)) => opens.push(change(by)),
                        (Some(by), None) => closes.push(change(by)),
                        _ => {}
                    }
                }
            }
        }
        let plain = |changes: &[dashshare::policy::Change]| -> Vec<_> {
            changes.iter().cloned().map(|c| (c.principal, c.resource, c.action, c.policy, c.rule)).collect()
        };
        assert_eq!(plain(&diff.opened), opens);
        assert_eq!(plain(&diff.closed), closes);
        opened += opens.len();
        closed += closes.len();
        let back = changed.diff(&set, &principals, &resources);
        assert_eq!((back.opened.len(), back.closed.len()), (closes.len(), opens.len()));
        assert_eq!(set.diff(&world::compile(&values), &principals, &resources), Diff::default());
    }
    println!("{opened} opened, {closed} closed");
    assert!(opened > 100 && closed > 500);
}

/// P9: the rules that no counted request used can go, and none of those requests is decided otherwise.
#[test]
fn rules_that_no_request_used_can_go() {
    let (mut unused, mut used, mut asked) = (0, 0, 0);
    for World { values, set, asks, .. } in worlds(1500, 30) {
        let mut usage = Usage::default();
        let mut counts: BTreeMap<(String, usize), u64> = BTreeMap::new();
        for ask in &asks {
            usage.note(&set.evaluate(&world::principal(ask), &ask.action, &world::resource(ask)));
            if let Some(found) = reference::judge(&values, ask) {
                *counts.entry((found.policy.to_owned(), found.rule)).or_default() += 1;
            }
        }
        let mut expected = BTreeSet::new();
        for policy in values.iter().filter(|policy| reference::is_active(policy)) {
            let id = policy["id"].as_str().expect("an id");
            for rule in 0..policy["permissions"].as_array().expect("an array").len() {
                let count = counts.get(&(id.to_owned(), rule)).copied().unwrap_or(0);
                assert_eq!(usage.of(id, rule), count);
                if count == 0 {
                    expected.insert((id.to_owned(), rule));
                }
            }
        }
        let found = set.unused(&usage);
        assert!(found.is_sorted());
        assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), expected);
        assert_eq!(found.len(), expected.len());
        unused += found.len();
        used += counts.len();
        let mut less = values.clone();
        for (id, rule) in found.iter().rev() {
            let policy = less.iter_mut().find(|policy| policy["id"] == id.as_str()).expect("a policy");
            policy["permissions"].as_array_mut().expect("an array").remove(*rule);
        }
        let less = world::compile(&less);
        for ask in &asks {
            let decide = |set: &PolicySet| {
                let (principal, resource) = (world::principal(ask), world::resource(ask));
                let verdict = set.evaluate(&principal, &ask.action, &resource);
                (verdict.effect(), verdict.policy().map(str::to_owned))
            };
            assert_eq!(decide(&less), decide(&set));
            asked += 1;
        }
    }
    println!("{unused} unused, {used} used, {asked} requests");
    assert!(unused > 3000 && used > 3000);
}

/// P9: counts are kept, written and read, and do not run over.
#[test]
fn counts_of_use_are_written_and_read() {
    let mut usage = Usage::default();
    usage.add("p", 1, 3);
    usage.add("p", 1, 4);
    usage.add("q", 0, u64::MAX);
    usage.add("q", 0, 5);
    assert_eq!((usage.of("p", 1), usage.of("q", 0), usage.of("p", 0)), (7, u64::MAX, 0));
    let text = serde_json::to_string(&usage).expect("JSON");
    assert_eq!(text, format!(r#"[["p",1,7],["q",0,{}]]"#, u64::MAX));
    assert_eq!(serde_json::from_str::<Usage>(&text).expect("counts"), usage);
    let twice: Usage = serde_json::from_str(r#"[["p",1,3],["p",1,4]]"#).expect("counts");
    assert_eq!(twice.of("p", 1), 7);
    let set = PolicySet::default();
    let before = usage.clone();
    usage.note(&set.evaluate(&Principal::run_user("ann"), "access", &Resource::new("device", "d")));
    assert_eq!(usage, before, "a request that no rule decided is none's");
    assert_eq!(set.unused(&usage), []);
}
