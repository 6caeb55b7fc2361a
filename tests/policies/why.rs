//! Explanations: they say what was decided, by what, and their nearest mend mends.

use super::{
    comparison::{Tally, expected, pairs},
    reference::{self, Ask},
    world,
};
use dashshare::policy::{Document, Effect, Nearest, Outcome, PolicySet, Principal, Resource};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn by_id<'a>(policies: &'a mut [Value], id: &str) -> &'a mut Value {
    policies.iter_mut().find(|policy| policy["id"] == id).unwrap_or_else(|| panic!("no policy `{id}`"))
}

/// The policies and the request after the mend.
fn mended(policies: &[Value], ask: &Ask, nearest: &Nearest) -> Option<(Vec<Value>, Vec<Ask>)> {
    let (mut policies, mut ask) = (policies.to_vec(), ask.clone());
    match nearest {
        Nearest::RemoveDeny { .. } => {
            let denies: BTreeSet<(String, usize)> = reference::matches(&policies, &ask)
                .iter()
                .filter(|found| found.denies)
                .map(|found| (found.policy.to_owned(), found.rule))
                .collect();
            for (policy, rule) in denies.iter().rev() {
                by_id(&mut policies, policy)["permissions"].as_array_mut().expect("an array").remove(*rule);
            }
        }
        Nearest::Activate { policy } => by_id(&mut policies, policy)["active"] = json!(true),
        Nearest::AddAction { policy, rule, action } => {
            assert_eq!(*action, ask.action);
            let rule = &mut by_id(&mut policies, policy)["permissions"][*rule];
            rule["action"].as_array_mut().expect("an array").push(json!(action));
        }
        Nearest::TagResource { key, value, .. } => ask.tags.push((key.clone(), value.clone())),
        Nearest::TagPrincipal { key, value: Some(value), .. } => {
            ask.who_tags.push((key.clone(), value.clone()));
        }
        Nearest::TagPrincipal { key, value: None, .. } => {
            // Any value will do: one that nobody knows, and those that policies and resources know.
            let tagged = |value: &str| {
                let mut ask = ask.clone();
                ask.who_tags.push((key.clone(), value.to_owned()));
                ask
            };
            let values = world::VALUES.iter().chain(&["unheard of"]);
            let asks = values.map(|value| tagged(value)).collect();
            return Some((policies, asks));
        }
        // What these name cannot be done by rote: a word must be chosen, or a rule rewritten.
        Nearest::AddRule | Nearest::Mend { .. } | Nearest::UnknownAction { .. } => return None,
        other => panic!("{other:?} is new"),
    }
    Some((policies, vec![ask]))
}

/// How near a mend is: only one that is farther off may be named if this one helps.
fn rank(nearest: &Nearest) -> usize {
    match nearest {
        Nearest::RemoveDeny { .. } => 0,
        Nearest::Activate { .. } => 1,
        Nearest::AddAction { .. } => 2,
        Nearest::TagResource { .. } => 3,
        Nearest::TagPrincipal { .. } | Nearest::Mend { .. } => 4,
        _ => 5,
    }
}

/// Whether activating one policy helps, or adding the action to one rule.
fn helps(policies: &[Value], ask: &Ask) -> (bool, bool) {
    let (mut activating, mut adding) = (false, false);
    for place in 0..policies.len() {
        let mut changed = policies.to_vec();
        if !reference::is_active(&changed[place]) {
            changed[place]["active"] = json!(true);
            activating |= reference::allows(&changed, ask);
            continue;
        }
        for rule in 0..changed[place]["permissions"].as_array().map_or(0, Vec::len) {
            let mut changed = policies.to_vec();
            let rule = &mut changed[place]["permissions"][rule];
            if rule["effect"] == "allow" {
                rule["action"].as_array_mut().expect("an array").push(json!(ask.action));
                adding |= reference::allows(&changed, ask);
            }
        }
    }
    (activating, adding)
}

fn check(set: &PolicySet, policies: &[Value], ask: &Ask, whence: &str) -> Option<Nearest> {
    let why = set.explain(&world::principal(ask), &ask.action, &world::resource(ask));
    let own = expected(policies, ask);
    let named = why.policy.as_deref().zip(why.rule).zip(why.effect);
    let named = named.map(|((policy, rule), effect)| (policy, rule, effect == Effect::Deny));
    assert_eq!(named, own, "{whence}: {ask:?}");
    assert_eq!(why.allowed, own.is_some_and(|(_, _, denies)| !denies), "{whence}");
    assert_eq!(why.nearest.is_some(), !why.allowed, "{whence}: a denial has a mend, and nothing else");

    let considered: Vec<&str> = why.considered.iter().map(|policy| policy.policy.as_str()).collect();
    let mut aimed: Vec<&Value> = policies.iter().filter(|policy| reference::considers(policy, ask)).collect();
    aimed.sort_by_key(|policy| policy["id"].as_str());
    assert_eq!(considered, aimed.iter().map(|policy| &policy["id"]).collect::<Vec<_>>(), "{whence}");
    for (told, policy) in why.considered.iter().zip(&aimed) {
        assert_eq!(told.name, policy["name"]);
        assert_eq!(told.active, reference::is_active(policy));
        let found: BTreeSet<usize> =
            reference::rules_of(policy, ask).iter().map(|found| found.rule).collect();
        let rules = policy["permissions"].as_array().expect("an array");
        assert_eq!(told.rules.len(), rules.len());
        for (index, (rule, written)) in told.rules.iter().zip(rules).enumerate() {
            assert_eq!(rule.effect == Effect::Deny, written["effect"] == "deny");
            let words = reference::words(&written["resource"]);
            let right = match rule.outcome {
                Outcome::Matched => found.contains(&index),
                Outcome::OtherKind => words[0] != ask.kind,
                Outcome::OtherAction => words[0] == ask.kind,
                Outcome::OtherResource => {
                    words[0] == ask.kind
                        && written["action"].as_array().expect("an array").contains(&json!(ask.action))
                }
                Outcome::Inert => true,
                other => panic!("{other:?} is new"),
            };
            let agrees = right && (rule.outcome == Outcome::Matched) == found.contains(&index);
            assert!(agrees, "{whence}: rule {index} of {policy}, {:?}: {ask:?}", rule.outcome);
        }
    }

    let nearest = why.nearest?;
    let shown = || format!("{whence}: {nearest:?} for {ask:?} by {}", json!(policies));
    if let Nearest::RemoveDeny { policy, rule, denies, .. } = &nearest {
        let matches = reference::matches(policies, ask);
        let all: BTreeSet<_> =
            matches.iter().filter(|found| found.denies).map(|found| (found.policy, found.rule)).collect();
        assert_eq!(all.first(), Some(&(policy.as_str(), *rule)), "{}", shown());
        assert_eq!(all.len(), *denies, "{}", shown());
    }
    let suffices = !matches!(nearest, Nearest::RemoveDeny { suffices: false, .. });
    if let Some((after, asks)) = mended(policies, ask, &nearest) {
        for mended in asks {
            assert_eq!(reference::allows(&after, &mended), suffices, "{} mended to {mended:?}", shown());
        }
    }
    if rank(&nearest) > 0 {
        let (activating, adding) = helps(policies, ask);
        assert_eq!(activating, rank(&nearest) == 1, "{}", shown());
        assert!(activating || adding == (rank(&nearest) == 2), "{}", shown());
    }
    Some(nearest)
}

/// P8: an explanation agrees with the decision and with the reference, rule by rule, and its nearest mend mends.
#[test]
fn what_an_explanation_names_as_the_nearest_mend_makes_it_allowed() {
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    let mut tally = Tally::default();
    let mut large = 0_u32;
    pairs(60_000, &mut tally, |set, policies, ask, whence, _| {
        if policies.iter().any(|policy| policy["targets"].as_array().is_some_and(|all| all.len() > 80)) {
            large += 1;
            if !large.is_multiple_of(20) {
                return;
            }
        }
        if let Some(nearest) = check(set, policies, ask, whence) {
            *counts.entry(rank(&nearest)).or_default() += 1;
        }
    });
    let names = [
        "remove denies",
        "activate",
        "add the action",
        "tag the resource",
        "tag the principal",
        "add a rule",
    ];
    for (rank, name) in names.iter().enumerate() {
        println!("{:9} {name}", counts.get(&rank).copied().unwrap_or(0));
    }
    for (rank, name) in names.iter().enumerate() {
        assert!(counts.get(&rank).is_some_and(|count| *count >= 100), "too few: {name}");
    }
}

/// P8: 'dashboard allowed, device not', by name.
#[test]
fn a_device_that_a_dashboard_shows_and_the_rule_misses_is_told_with_the_tag_it_lacks() {
    let text = r#"{"id": "guests", "name": "Guests", "targets": [["run_user", "tag_match", "site"]], "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["dashboard", "id", "lobby"]},
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag_match", "site"]}
    ]}"#;
    let set = PolicySet::default().with(&Document::parse(text).expect("a document"));
    let ann = Principal::run_user("ann").with_tag("site", "north");
    assert!(set.explain(&ann, "access", &Resource::new("dashboard", "lobby")).allowed);
    let why = set.explain(&ann, "access", &Resource::new("device", "d1"));
    assert!(!why.allowed);
    let outcomes: Vec<Outcome> = why.considered[0].rules.iter().map(|rule| rule.outcome).collect();
    assert_eq!(outcomes, [Outcome::OtherKind, Outcome::OtherResource]);
    assert_eq!(
        why.nearest.expect("a mend").to_string(),
        "give the resource the tag `site` = `north`, which rule 1 of policy `guests` asks for"
    );
    let json =
        serde_json::to_value(set.explain(&ann, "access", &Resource::new("device", "d1"))).expect("JSON");
    assert_eq!(json["nearest"]["tag_resource"]["value"], "north");
    assert_eq!(json["considered"][0]["rules"][1]["outcome"], "other_resource");
}

/// P8: each mend is a sentence that names what to change.
#[test]
fn each_mend_is_a_sentence() {
    let policy = || "p".to_owned();
    let deny = |denies, suffices| Nearest::RemoveDeny { policy: policy(), rule: 2, denies, suffices };
    for (nearest, sentence) in [
        (deny(1, true), "take away rule 2 of policy `p`"),
        (deny(1, false), "take away rule 2 of policy `p`; something must still allow it then"),
        (deny(3, true), "take away rule 2 of policy `p` and the 2 others that deny it"),
        (Nearest::Activate { policy: policy() }, "activate policy `p`"),
        (
            Nearest::AddAction { policy: policy(), rule: 0, action: "edit".to_owned() },
            "add the action `edit` to rule 0 of policy `p`",
        ),
        (
            Nearest::TagPrincipal {
                policy: policy(),
                rule: None,
                key: "k".to_owned(),
                value: Some("v".to_owned()),
            },
            "give the principal the tag `k` = `v`, which policy `p` is aimed at",
        ),
        (
            Nearest::TagPrincipal { policy: policy(), rule: None, key: "k".to_owned(), value: None },
            "give the principal a tag `k`, which policy `p` is aimed at",
        ),
        (
            Nearest::TagPrincipal {
                policy: policy(),
                rule: Some(1),
                key: "k".to_owned(),
                value: Some("v".to_owned()),
            },
            "give the principal the tag `k` = `v`, which rule 1 of policy `p` asks it to share with the resource",
        ),
        (
            Nearest::Mend { policy: policy(), pointer: "/targets/3".to_owned() },
            "look at /targets/3 of policy `p`, which can never match as it is written",
        ),
        (
            Nearest::UnknownAction { known: vec!["access".to_owned(), "edit".to_owned()] },
            "ask for an action that there is: `access`, `edit`",
        ),
        (Nearest::AddRule, "add a rule that allows it to a policy that is aimed at the principal"),
    ] {
        assert_eq!(nearest.to_string(), sentence);
    }
}

/// P8: a mend that another rule would undo is not named, and a value is named where not any will do.
#[test]
fn a_mend_that_another_rule_undoes_is_not_named() {
    let rule =
        |effect: &str, resource: Value| json!({"effect": effect, "action": ["access"], "resource": resource});
    let nearest = |policies: Value, device: &Resource| {
        let policies = policies.as_array().expect("an array");
        world::compile(policies).explain(&Principal::run_user("ann"), "access", device).nearest
    };
    let bare = Resource::new("device", "d");
    let both = |resource: Value| json!([rule("allow", resource.clone()), rule("deny", resource)]);
    let inactive = json!([{"id": "p", "active": false, "targets": [["run_user"]], "permissions": both(json!(["device"]))}]);
    assert_eq!(nearest(inactive, &bare), Some(Nearest::AddRule));
    let north = json!(["device", "tag.key", "site", "tag.value", "north"]);
    let tagged = json!([{"id": "p", "targets": [["run_user"]], "permissions": both(north)}]);
    assert_eq!(nearest(tagged, &bare), Some(Nearest::AddRule));

    let wanted = |value: Option<&str>| {
        let (policy, key) = ("p".to_owned(), "site".to_owned());
        Some(Nearest::TagPrincipal { policy, rule: None, key, value: value.map(str::to_owned) })
    };
    let open = json!({"id": "p", "targets": [["run_user", "tag_match", "site"]],
        "permissions": [rule("allow", json!(["device"]))]});
    let at = |id: &str, site: &str, effect: &str| {
        json!({"id": id, "targets": [["run_user", "tag.key", "site", "tag.value", site]],
            "permissions": [rule(effect, json!(["device", "id", "d"]))]})
    };
    assert_eq!(nearest(json!([open]), &bare), wanted(None));
    assert_eq!(
        nearest(json!([open, at("q", "north", "deny"), at("r", "south", "allow")]), &bare),
        wanted(Some("south"))
    );
    let shared = json!([{"id": "p", "targets": [["run_user", "tag_match", "site"]],
        "permissions": [rule("allow", json!(["device", "tag_match", "site"]))]}]);
    for site in ["north", ""] {
        let device = Resource::new("device", "d").with_tag("site", site);
        assert_eq!(nearest(shared.clone(), &device), wanted(Some(site)));
    }
}

/// P8, P6: a rule that was meant for the request and can never match is named, and an action that does not exist; a tag
/// that principal and resource should share is the resource's, and no other team's.
#[test]
fn a_slip_is_named_before_what_would_only_go_around_it() {
    let nearest = |permissions: Value, who: &Principal, action: &str, device: &Resource| {
        let quality = json!({"id": "quality", "targets": [["run_user", "tag.key", "role", "tag.value", "quality"]],
            "permissions": [{"effect": "allow", "action": ["access"], "resource": ["device"]}]});
        let crew = json!({"id": "crew", "targets": [["run_user", "tag.key", "role", "tag.value", "crew"]],
            "permissions": permissions});
        world::compile(&[quality, crew]).explain(who, action, device).nearest
    };
    let crew = Principal::run_user("ann").with_tag("role", "crew");
    let device = Resource::new("device", "d").with_tag("site", "north");
    let rule = |resource: Value| json!([{"effect": "allow", "action": ["access"], "resource": resource}]);

    let shared = rule(json!(["device", "tag_match", "site"]));
    let (policy, key, value) = ("crew".to_owned(), "site".to_owned(), Some("north".to_owned()));
    let share = Nearest::TagPrincipal { policy, rule: Some(0), key, value };
    assert_eq!(nearest(shared.clone(), &crew, "access", &device), Some(share));
    let south = crew.clone().with_tag("site", "south");
    let (policy, key, value) = ("crew".to_owned(), "site".to_owned(), "south".to_owned());
    let tag = Nearest::TagResource { policy, rule: 0, key, value };
    assert_eq!(nearest(shared, &south, "access", &device), Some(tag));

    let swapped = rule(json!(["device", "tag.value", "north", "tag.key", "site"]));
    let mend = |pointer: &str| Nearest::Mend { policy: "crew".to_owned(), pointer: pointer.to_owned() };
    let place = "/permissions/0/resource";
    assert_eq!(nearest(swapped.clone(), &crew, "access", &device), Some(mend(place)));
    // Mended it would be about other devices, so that is no remedy here; a misspelt one may be about anything.
    let elsewhere = Resource::new("device", "d").with_tag("site", "south");
    let around = nearest(swapped.clone(), &crew, "access", &elsewhere);
    assert!(matches!(around, Some(Nearest::TagPrincipal { rule: None, .. })), "{around:?}");
    let misspelt = rule(json!(["device", "tags", "site"]));
    assert_eq!(nearest(misspelt, &crew, "access", &elsewhere), Some(mend(place)));
    let target = json!([{"id": "crew", "targets": [["run_user", "tag_key", "role", "tag.value", "crew"]],
        "permissions": rule(json!(["device"]))}]);
    let nearest_of = |policies: &Value, who: &Principal| {
        world::compile(policies.as_array().expect("an array")).explain(who, "access", &device).nearest
    };
    assert_eq!(nearest_of(&target, &crew), Some(mend("/targets/0")));
    let tag = nearest(swapped, &crew, "access", &Resource::new("dashboard", "d"));
    assert_eq!(tag, Some(Nearest::AddRule));

    // Of several values of a repeated key, one that no deny is about.
    let sites = json!([{"id": "p", "targets": [["run_user"]], "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag_match", "site"]},
        {"effect": "deny", "action": ["access"], "resource": ["device", "tag.key", "site", "tag.value", "n"]}]}]);
    let roamer = Principal::run_user("bob").with_tag("site", "n").with_tag("site", "s");
    let (policy, key, value) = ("p".to_owned(), "site".to_owned(), "s".to_owned());
    let tag = Nearest::TagResource { policy, rule: 0, key, value };
    let bare = Resource::new("device", "d");
    let found = world::compile(sites.as_array().expect("an array")).explain(&roamer, "access", &bare).nearest;
    assert_eq!(found, Some(tag));

    let Some(Nearest::UnknownAction { known }) = nearest(json!([]), &crew, "acess", &device) else {
        panic!("there is no such action");
    };
    assert!(known.contains(&"access".to_owned()) && !known.contains(&"acess".to_owned()));
}
