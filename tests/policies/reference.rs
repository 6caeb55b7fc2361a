//! A second reading of rules P1 to P7: nested loops over JSON values, slow and without any index. It shares no code and
//! no type with the library, so that a slip would have to be made twice to go unseen.

use serde_json::Value;

/// A request, in plain words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) who: String,
    pub(crate) who_id: String,
    pub(crate) who_tags: Vec<(String, String)>,
    pub(crate) action: String,
    pub(crate) kind: String,
    pub(crate) id: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) path: Option<String>,
}

/// A rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match<'a> {
    pub(crate) policy: &'a str,
    pub(crate) rule: usize,
    pub(crate) denies: bool,
    pub(crate) target_form: &'static str,
    pub(crate) resource_form: &'static str,
}

/// The catalogue: a kind of resource, and what portal users and analyses have on it. `*` is every action.
const CATALOG: &[(&str, &str, &str)] = &[
    (
        "dashboard",
        "access arrangement",
        "access create edit delete duplicate related_devices related_analysis",
    ),
    (
        "device",
        "access",
        "access create delete edit token_access get_data send_data edit_data delete_data manage_chunks export_data import_data",
    ),
    ("entity", "access", "*"),
    ("run_user", "access", "*"),
    ("sql", "access execute", "access create execute"),
    ("access_management", "", "access create edit delete"),
    ("file", "", "access upload edit delete"),
    ("account", "", "access access_profile access_profile_statistics"),
    ("action", "", "*"),
    ("analysis", "", "*"),
    ("connector", "", "*"),
    ("dictionary", "", "*"),
    ("network", "", "*"),
    ("profile", "", "*"),
    ("secrets", "", "*"),
    ("service_authorization", "", "*"),
];

pub(crate) fn has(who: &str, kind: &str, action: &str) -> bool {
    let Some((_, users, analyses)) = CATALOG.iter().find(|(of, ..)| *of == kind) else { return true };
    let list = if who == "run_user" { users } else { analyses };
    *list == "*" || list.split_whitespace().any(|word| word == action)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn words(tuple: &Value) -> Vec<&str> {
    list(tuple).iter().map(|word| word.as_str().expect("a word")).collect()
}

pub(crate) fn is_active(policy: &Value) -> bool {
    policy.get("active").is_none_or(|active| active == &Value::Bool(true))
}

fn carries(tags: &[(String, String)], key: &str, value: &str) -> bool {
    tags.iter().any(|(k, v)| k == key && v == value)
}

/// How a target matches the one who asks, if it does.
fn aims(target: &Value, ask: &Ask) -> Option<&'static str> {
    let words = words(target);
    if *words.first()? != ask.who || (ask.who != "run_user" && ask.who != "analysis") {
        return None;
    }
    let (form, yes) = match words[1..] {
        [] => ("any", true),
        ["id", id] => ("id", id == ask.who_id),
        ["tag_match", key] => ("tag_match", ask.who_tags.iter().any(|(k, _)| k == key)),
        ["tag.key", key, "tag.value", value] => ("tag", carries(&ask.who_tags, key, value)),
        _ => ("", false),
    };
    yes.then_some(form)
}

/// How a resource tuple matches what is asked for, if it does.
fn is_about(resource: &Value, ask: &Ask) -> Option<&'static str> {
    let words = words(resource);
    if *words.first()? != ask.kind {
        return None;
    }
    let (form, yes) = match words[1..] {
        [] => ("any", true),
        ["id", id] => ("id", ask.id.as_deref() == Some(id) && ask.action != "create"),
        ["tag_match", key] => {
            ("tag_match", ask.tags.iter().any(|(k, v)| k == key && carries(&ask.who_tags, k, v)))
        }
        ["tag.key", key, "tag.value", value] => ("tag", carries(&ask.tags, key, value)),
        ["path", prefix] if ask.kind == "file" => {
            ("path", ask.path.as_deref().is_some_and(|path| path.starts_with(prefix)))
        }
        _ => ("", false),
    };
    yes.then_some(form)
}

/// Whether a policy is aimed at the one who asks, active or not.
pub(crate) fn considers(policy: &Value, ask: &Ask) -> bool {
    list(&policy["targets"]).iter().any(|target| aims(target, ask).is_some())
}

/// Every rule of a policy that matches, as if the policy were active.
pub(crate) fn rules_of<'a>(policy: &'a Value, ask: &Ask) -> Vec<Match<'a>> {
    let names = |who: &str| {
        list(&policy["targets"]).iter().any(|target| match words(target).as_slice() {
            [kind] | [kind, "id" | "tag_match", _] | [kind, "tag.key", _, "tag.value", _] => *kind == who,
            _ => false,
        })
    };
    let mixed = names("run_user") && names("analysis");
    let mut found = Vec::new();
    for target in list(&policy["targets"]) {
        let Some(target_form) = aims(target, ask) else { continue };
        for (rule, permission) in list(&policy["permissions"]).iter().enumerate() {
            for action in list(&permission["action"]) {
                if action != &ask.action {
                    continue;
                }
                let anyone =
                    has("run_user", &ask.kind, &ask.action) || has("analysis", &ask.kind, &ask.action);
                let denies = permission["effect"] == "deny";
                if !anyone || (mixed && !denies && !has(&ask.who, &ask.kind, &ask.action)) {
                    continue;
                }
                if let Some(resource_form) = is_about(&permission["resource"], ask) {
                    let policy = policy["id"].as_str().expect("an id");
                    found.push(Match { policy, rule, denies, target_form, resource_form });
                }
            }
        }
    }
    found
}

/// Every rule that counts and matches.
pub(crate) fn matches<'a>(policies: &'a [Value], ask: &Ask) -> Vec<Match<'a>> {
    let mut found = Vec::new();
    for policy in policies {
        if is_active(policy) {
            found.extend(rules_of(policy, ask));
        }
    }
    found
}

/// The rule that decides: of the denies that match, or else of the allows, the first by id and index. None denies.
pub(crate) fn judge<'a>(policies: &'a [Value], ask: &Ask) -> Option<Match<'a>> {
    let found = matches(policies, ask);
    let first = |denies: bool| {
        found.iter().filter(|m| m.denies == denies).min_by_key(|m| (m.policy, m.rule)).copied()
    };
    first(true).or_else(|| first(false))
}

pub(crate) fn allows(policies: &[Value], ask: &Ask) -> bool {
    judge(policies, ask).is_some_and(|decided| !decided.denies)
}
