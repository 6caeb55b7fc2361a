//! Large and odd input: nothing panics, and nothing that differs is taken for the same.

use super::world;
use dashshare::policy::{Document, Limits, PolicySet, Principal, Resource, lint};
use serde_json::{Value, json};

fn allow(action: &str, resource: Value) -> Value {
    json!({"effect": "allow", "action": [action], "resource": resource})
}

fn is_allowed(set: &PolicySet, principal: &Principal, resource: &Resource) -> bool {
    set.evaluate(principal, "access", resource).is_allowed()
}

/// P2: ten thousand targets aim at each of them, whether a policy has few rules or many, and go with it.
#[test]
fn a_policy_of_ten_thousand_targets_is_aimed_at_each() {
    let targets: Vec<Value> = (0..10_000).map(|n| json!(["run_user", "id", format!("u{n}")])).collect();
    for rules in [1, 120] {
        let rules: Vec<Value> =
            (0..rules).map(|n| allow("access", json!(["device", "id", format!("d{n}")]))).collect();
        let last = Resource::new("device", format!("d{}", rules.len() - 1));
        let document = world::document(&json!({"id": "p", "targets": targets, "permissions": rules}));
        let set = PolicySet::default().with(&document);
        for user in ["u0", "u4999", "u9999"] {
            assert!(is_allowed(&set, &Principal::run_user(user), &last));
            assert!(!is_allowed(&set, &Principal::run_user(user), &Resource::new("device", "other")));
            assert!(!is_allowed(&set, &Principal::analysis(user), &last));
        }
        assert!(!is_allowed(&set, &Principal::run_user("u10000"), &last));
        assert!(set.explain(&Principal::run_user("u9999"), "access", &last).allowed);
        assert_eq!(lint(&document, None), []);
        let gone = set.without("p");
        assert!(!is_allowed(&gone, &Principal::run_user("u0"), &last));
        assert!(is_allowed(&gone.with(&document), &Principal::run_user("u9999"), &last));
        assert!(is_allowed(&set, &Principal::run_user("u0"), &last), "the set before is what it was");
    }
}

/// P2: a megabyte of tags on the principal, the resource and the policy is looked through.
#[test]
fn a_megabyte_of_tags_is_looked_through() {
    let number = 12_000;
    let value = |side: &str, n: usize| format!("{side} {n} {}", "x".repeat(80));
    let tags: Vec<Value> = (0..number).map(|n| json!({"key": "site", "value": value("p", n)})).collect();
    let document =
        world::document(&json!({"id": "p", "tags": tags, "targets": [["run_user", "tag_match", "site"]],
        "permissions": [allow("access", json!(["device", "tag_match", "site"]))]}));
    assert!(document.json().len() > 1_000_000);
    let set = PolicySet::default().with(&document);
    // Bytes by bytes, so that what is shared is only the last.
    let mut principal = Principal::run_user("ann");
    let mut resource = Resource::new("device", "d");
    for n in 0..number {
        principal = principal.with_tag("site", value("u", n));
        resource = resource.with_tag("site", value("d", n));
    }
    assert!(!is_allowed(&set, &principal, &resource));
    assert!(!set.explain(&principal, "access", &resource).allowed);
    let (principal, resource) = (principal.with_tag("site", "here"), resource.with_tag("site", "here"));
    assert!(is_allowed(&set, &principal, &resource));
    assert!(set.explain(&principal, "access", &resource).allowed);
    let few = Principal::run_user("ann").with_tag("site", "here");
    assert!(is_allowed(&set, &few, &resource));
    assert!(is_allowed(&set, &principal, &Resource::new("device", "d").with_tag("site", "here")));
    let mut other = few.clone();
    other.tags[0].key = "Site".to_owned();
    assert!(!is_allowed(&set, &other, &resource));
}

fn many(target: impl Fn(usize) -> Value, resource: impl Fn(usize) -> Value) -> Vec<Document> {
    (0..100_000)
        .map(|n| {
            world::document(&json!({"id": format!("{n:06}"), "targets": [target(n)], "permissions": [allow("access", resource(n))]}))
        })
        .collect()
}

/// P3: a hundred thousand policies compile, each aimed at a user of its own.
#[test]
fn a_hundred_thousand_policies_compile() {
    let documents =
        many(|n| json!(["run_user", "id", format!("u{n}")]), |n| json!(["device", "id", format!("d{n}")]));
    let set = PolicySet::compile_within(&documents, &Limits::NONE).expect("a set").set;
    assert_eq!(set.len(), 100_000);
    for n in (0..100_000).step_by(997) {
        let (user, device) = (Principal::run_user(format!("u{n}")), Resource::new("device", format!("d{n}")));
        let verdict = set.evaluate(&user, "access", &device);
        assert_eq!((verdict.policy(), verdict.rule()), (Some(format!("{n:06}").as_str()), Some(0)));
        assert!(!is_allowed(&set, &user, &Resource::new("device", format!("d{}", n + 1))));
        assert!(!is_allowed(&set.without(&format!("{n:06}")), &user, &device));
    }
}

/// P3: a hundred thousand policies with one target and one resource compile, and the first of them is named.
#[test]
fn a_hundred_thousand_policies_at_one_target_compile() {
    let documents = many(|_| json!(["run_user"]), |_| json!(["device", "id", "d"]));
    let set = PolicySet::compile_within(&documents, &Limits::NONE).expect("a set").set;
    let (ann, device) = (Principal::run_user("ann"), Resource::new("device", "d"));
    assert_eq!(set.evaluate(&ann, "access", &device).policy(), Some("000000"));
    let fewer = set.without("000000").without("000001");
    assert_eq!(fewer.evaluate(&ann, "access", &device).policy(), Some("000002"));
    assert_eq!(fewer.with(&documents[1]).evaluate(&ann, "access", &device).policy(), Some("000001"));
    assert_eq!(set.evaluate(&ann, "access", &device).policy(), Some("000000"));
    let deny = world::document(&json!({"id": "z", "targets": [["run_user", "id", "ann"]], "permissions": [
        {"effect": "deny", "action": ["access"], "resource": ["device", "id", "d"]}]}));
    assert_eq!(set.with(&deny).evaluate(&ann, "access", &device).policy(), Some("z"));
}

/// P5: case, normal form and blanks tell words apart, in targets, in resources, in ids of policies, and in large sets.
#[test]
fn words_that_look_alike_stay_distinct() {
    let alike = [
        "caf\u{e9}",
        "cafe\u{301}",
        "Caf\u{e9}",
        "caf\u{e9} ",
        " caf\u{e9}",
        "caf\u{e9}\0",
        "CAF\u{c9}",
        "cafe",
        "",
    ];
    for filler in [0, 40] {
        for form in ["id", "tag", "tag value", "tag_match"] {
            let tuple = |head: &str, word: &str| match form {
                "id" => json!([head, "id", word]),
                "tag" => json!([head, "tag.key", word, "tag.value", "v"]),
                "tag value" => json!([head, "tag.key", "k", "tag.value", word]),
                _ => json!([head, "tag_match", word]),
            };
            let policies: Vec<Value> = alike
                .iter()
                .map(|word| {
                    let mut rules = vec![allow("access", tuple("device", word))];
                    rules.extend((0..filler).map(|n| allow("access", json!(["device", "id", format!("filler {n}")]))));
                    json!({"id": format!("p{word}"), "targets": [tuple("run_user", word)], "permissions": rules})
                })
                .collect();
            let set = world::compile(&policies);
            let tag = |word: &str| match form {
                "tag value" => ("k".to_owned(), word.to_owned()),
                _ => (word.to_owned(), "v".to_owned()),
            };
            let principal = |word: &str| match form {
                "id" => Principal::run_user(word),
                _ => Principal::run_user("u").with_tag(tag(word).0, tag(word).1),
            };
            let resource = |word: &str| match form {
                "id" => Resource::new("device", word),
                _ => Resource::new("device", "d").with_tag(tag(word).0, tag(word).1),
            };
            for user in alike {
                for device in alike {
                    let (user_, device_) = (principal(user), resource(device));
                    let verdict = set.evaluate(&user_, "access", &device_);
                    assert_eq!(verdict.is_allowed(), user == device, "{form} {user:?} {device:?}");
                    assert_eq!(verdict.policy(), (user == device).then_some(format!("p{user}").as_str()));
                }
            }
            for word in alike {
                assert!(set.document(&format!("p{word}")).is_some());
                assert_eq!(set.without(&format!("p{word}")).len(), alike.len() - 1);
            }
        }
    }
    assert!(set_of_words_in_actions());
}

/// Actions and kinds of resource compare so as well.
fn set_of_words_in_actions() -> bool {
    let set = world::compile(&[json!({"id": "p", "targets": [["run_user"]], "permissions": [
        {"effect": "allow", "action": ["Caf\u{e9} "], "resource": ["Caf\u{e9}"]}]})]);
    let ask = |action: &str, kind: &str| {
        set.evaluate(&Principal::run_user("u"), action, &Resource::new(kind, "r")).is_allowed()
    };
    ask("Caf\u{e9} ", "Caf\u{e9}")
        && !ask("caf\u{e9} ", "Caf\u{e9}")
        && !ask("Caf\u{e9}", "Caf\u{e9}")
        && !ask("Caf\u{e9} ", "Cafe\u{301}")
}

/// P1, P5: prefixes of several bytes a character are compared byte for byte, and end anywhere in a path.
#[test]
fn path_prefixes_of_many_bytes_are_compared_byte_for_byte() {
    let prefixes = ["/\u{e9}", "/e\u{301}", "/\u{1f600}/a", "/\u{1f600}", "/\u{4e2d}\u{6587}/", "/ab"];
    let paths = [
        "",
        "/",
        "/\u{e9}",
        "/\u{e9}t\u{e9}",
        "/e",
        "/e\u{301}",
        "/e\u{301}x",
        "/\u{e8}",
        "/\u{1f600}",
        "/\u{1f601}/a",
        "/\u{1f600}/a/b",
        "/\u{4e2d}\u{6587}",
        "/\u{4e2d}\u{6587}/x",
        "/\u{4e2d}",
        "/a",
        "/ab",
        "/abc",
        "/AB",
    ];
    let cron = Principal::analysis("cron");
    for filler in [0, 40] {
        for some in [&prefixes[..], &prefixes[..1], &prefixes[3..]] {
            let mut rules: Vec<Value> =
                some.iter().map(|prefix| allow("access", json!(["file", "path", prefix]))).collect();
            rules.extend((0..filler).map(|n| allow("upload", json!(["file", "path", format!("/f{n}")]))));
            let set = world::compile(&[json!({"id": "p", "targets": [["analysis"]], "permissions": rules})]);
            for path in paths {
                let mut file = Resource::new("file", "f");
                file.path = Some(path.to_owned());
                let expected = some.iter().any(|prefix| path.as_bytes().starts_with(prefix.as_bytes()));
                assert_eq!(is_allowed(&set, &cron, &file), expected, "{path:?} by {some:?}");
                file.kind = "device".to_owned();
                assert!(!is_allowed(&set, &cron, &file));
            }
            assert!(!is_allowed(&set, &cron, &Resource::new("file", "/\u{e9}")), "an id is no path");
        }
    }
}
