//! Random documents and requests: small words that meet often, spelled as nastily as words may be.

use super::translation::{has, list, words};
use crate::random::Random;
use dashshare::policy::{Principal, Resource, Tag};
use serde_json::{Value, json};

const KEYS: [&str; 8] = ["site", "Site", "k\"ey", "k\\ey", "ключ", "", "s*te", "tag.key"];
const VALUES: [&str; 9] =
    ["north", "North", "v\"", "v\\u{41}", "значение", "", "n*", "\u{1f600}\u{0}\n", "tag.value"];
const IDS: [&str; 8] =
    ["one", "One", "o\"ne", "one\\", "едно", "", "o*", "'; permit(principal, action, resource);"];
const KINDS: [&str; 12] = [
    "device",
    "device",
    "device",
    "dashboard",
    "file",
    "file",
    "sql",
    "run_user",
    "dictionary",
    "account",
    "gate",
    "Ga\"te",
];
const ACTIONS: [&str; 11] = [
    "access",
    "access",
    "create",
    "edit",
    "Edit",
    "get_data",
    "upload",
    "execute",
    "arrangement",
    "fly",
    "о\"\\",
];
/// Actions that some kinds have.
const COMMON: [(&str, [&str; 3]); 6] = [
    ("device", ["access", "get_data", "edit"]),
    ("dashboard", ["access", "arrangement", "edit"]),
    ("file", ["access", "upload", "edit"]),
    ("sql", ["access", "execute", "create"]),
    ("run_user", ["access", "edit", "create"]),
    ("account", ["access", "access", "access_profile"]),
];
const PATHS: [&str; 8] = ["/a", "/a/", "/a*", "/ä/\"b\"", "", "*", "/a\\", "/A"];

/// A request.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) principal: Principal,
    pub(crate) action: String,
    pub(crate) resource: Resource,
}

/// The targets or the resource of a rule, often enough one that can never match.
fn tuple(head: &str, random: &mut Random) -> Value {
    let (id, key, value) = (*random.pick(&IDS), *random.pick(&KEYS), *random.pick(&VALUES));
    match random.below(40) {
        0 => json!([]),
        1 => json!([head, "id"]),
        2 => json!([head, "ID", id]),
        3 => json!([head, "id", id, "id"]),
        4 => json!([head, "id", id, "tag.value", value]),
        5 => json!([head, "tag.key", key, "tag.value"]),
        6 => json!([head, "tag.value", value, "tag.key", key]),
        7 => json!([head, "tag.key", key, "tag.value", value, "more", "words"]),
        8 => json!([head, "tag_match", key, "tag.value", value]),
        9 => json!([head, "tag.key", key]),
        10..13 => json!([head]),
        13..20 => json!([head, "id", id]),
        20..27 => json!([head, "tag_match", key]),
        27..31 => json!([head, "path", random.pick(&PATHS)]),
        _ => json!([head, "tag.key", key, "tag.value", value]),
    }
}

fn target(random: &mut Random) -> Value {
    let kind = ["run_user", "run_user", "analysis", "analysis", "Run_User"][random.below(5)];
    tuple(kind, random)
}

fn permission(random: &mut Random, kind: Option<&str>) -> Value {
    let effect = if random.percent(30) { "deny" } else { "allow" };
    let kind = kind.unwrap_or_else(|| *random.pick(&KINDS));
    let common = COMMON.iter().find(|(of, _)| *of == kind).map(|(_, actions)| &actions[..]);
    let mut action = || match common.filter(|_| random.percent(75)) {
        Some(common) => *random.pick(common),
        None => *random.pick(&ACTIONS),
    };
    let actions: Vec<&str> = (0..4).map(|_| action()).collect();
    let actions = &actions[random.below(5)..];
    json!({"effect": effect, "action": actions, "resource": tuple(kind, random)})
}

fn document(at: usize, random: &mut Random) -> Value {
    let targets: Vec<Value> = (0..1 + random.below(3)).map(|_| target(random)).collect();
    let permissions: Vec<Value> = (0..1 + random.below(3)).map(|_| permission(random, None)).collect();
    // Some that differ late.
    let id = format!("{}{at}", ["", "the policy of number "][random.below(2)]);
    let mut document = json!({"id": id, "targets": targets, "permissions": permissions});
    match random.below(10) {
        0 | 1 => document["active"] = json!(false),
        2 => document["active"] = json!(true),
        _ => {}
    }
    document
}

/// The documents of a set. Some sets have a crowd at one target, some a policy with very many targets and rules: both
/// are kept in other ways by dashshare.
pub(crate) fn documents(random: &mut Random) -> Vec<Value> {
    let mut documents: Vec<Value> = (0..1 + random.below(12)).map(|at| document(at, random)).collect();
    match random.below(10) {
        0 => {
            let target = target(random);
            for at in 0..80 {
                let mut document = document(100 + at, random);
                document["targets"] = json!([target]);
                documents.push(document);
            }
        }
        1 => {
            let targets: Vec<Value> = (0..100).map(|_| target(random)).collect();
            let permissions: Vec<Value> = (0..100).map(|_| permission(random, Some("dictionary"))).collect();
            documents.push(json!({"id": "broad", "targets": targets, "permissions": permissions}));
        }
        _ => {}
    }
    random.shuffle(&mut documents);
    documents
}

fn tags(count: usize, random: &mut Random) -> Vec<Tag> {
    (0..count).map(|_| Tag::new(*random.pick(&KEYS), *random.pick(&VALUES))).collect()
}

/// A request that some rule is about, or one about anything.
pub(crate) fn request(documents: &[Value], random: &mut Random) -> Asked {
    let name = (*random.pick(&IDS)).to_owned();
    let mut principal =
        if random.percent(50) { Principal::run_user(name) } else { Principal::analysis(name) };
    let mut resource = Resource::new(*random.pick(&KINDS), *random.pick(&IDS));
    let mut action = (*random.pick(&ACTIONS)).to_owned();
    (principal.tags, resource.tags) = (tags(random.below(3), random), tags(random.below(3), random));
    match random.below(20) {
        // More than are looked up at once, and more than are compared one by one.
        0 => resource.tags.extend(tags(15, random)),
        1 => {
            principal.tags.extend(tags(90, random));
            resource.tags.extend(tags(90, random));
        }
        _ => {}
    }
    if random.percent(10) {
        resource.id = None;
    }
    if random.percent(10) || resource.kind == "file" {
        resource.path = Some(format!("{}{}", random.pick(&PATHS), random.pick(&PATHS)));
    }
    if !random.percent(5) {
        // Mostly what can match, as far as its shape goes.
        let careful = random.percent(90);
        let is_good = |tuple: &&Value| !careful || is_shapely(&words(tuple));
        let effect = if random.percent(60) { "deny" } else { "allow" };
        let mut rules = Vec::new();
        for document in documents.iter().filter(|document| document["active"] != false) {
            let targets: Vec<&Value> = list(document, "targets").iter().filter(is_good).collect();
            for rule in list(document, "permissions").iter().filter(|rule| is_good(&&rule["resource"])) {
                for target in targets.iter().take(4) {
                    let (target, resource) = (words(target), words(&rule["resource"]));
                    let (kind, head) = (target.first().unwrap_or(&""), resource.first().unwrap_or(&""));
                    for action in words(&rule["action"]) {
                        if !careful || has(&[kind], head, action) {
                            rules.push((rule["effect"] == effect, target.clone(), resource.clone(), action));
                        }
                    }
                }
            }
        }
        let is_wanted = rules.iter().any(|(is_of_effect, ..)| *is_of_effect);
        rules.retain(|(is_of_effect, ..)| *is_of_effect == is_wanted);
        if !rules.is_empty() {
            let (_, target, rule, of) = random.pick(&rules);
            aim(target, &mut principal);
            about(rule, &mut principal, &mut resource, random);
            (*of).clone_into(&mut action);
        }
    }
    random.shuffle(&mut principal.tags);
    random.shuffle(&mut resource.tags);
    Asked { principal, action, resource }
}

fn is_shapely(tuple: &[&str]) -> bool {
    let is_right = matches!(
        tuple,
        [_] | [_, "id" | "tag_match", _] | ["file", "path", _] | [_, "tag.key", _, "tag.value", _]
    );
    is_right && tuple[0] != "Run_User"
}

/// Makes a principal one that a target is aimed at, or almost.
fn aim(target: &[&str], principal: &mut Principal) {
    principal.kind = match target.first() {
        Some(&"analysis") => Principal::analysis("").kind,
        _ => Principal::run_user("").kind,
    };
    match *target {
        [_, "id", id, ..] => principal.id = id.to_owned(),
        [_, "tag_match", key, ..] => principal.tags.push(Tag::new(key, "any")),
        [_, "tag.key", key, "tag.value", value, ..] | [_, "tag.value", value, "tag.key", key] => {
            principal.tags.push(Tag::new(key, value));
        }
        _ => {}
    }
}

/// Makes a resource one that a rule is about, or almost.
fn about(rule: &[&str], principal: &mut Principal, resource: &mut Resource, random: &mut Random) {
    if let Some(kind) = rule.first() {
        (*kind).clone_into(&mut resource.kind);
    }
    match *rule {
        [_, "id", id, ..] => resource.id = Some(id.to_owned()),
        [_, "tag_match", key, ..] => {
            let value = *random.pick(&VALUES);
            principal.tags.push(Tag::new(key, value));
            resource.tags.push(Tag::new(key, if random.percent(90) { value } else { "another" }));
        }
        [_, "tag.key", key, "tag.value", value, ..] | [_, "tag.value", value, "tag.key", key] => {
            resource.tags.push(Tag::new(key, value));
        }
        [_, "path", prefix] => {
            let star = if random.percent(20) { prefix.replace('*', "x") } else { prefix.to_owned() };
            resource.path = Some(format!("{star}{}", random.pick(&PATHS)));
        }
        _ => {}
    }
}
