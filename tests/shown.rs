//! Errors and explanations go into logs, terminals and pages: whatever the input was, they are lines without control
//! characters and without what is not seen or turns the direction of writing.

use dashshare::{
    AccountId, EmailAddress, LinkToken, Timestamp,
    directory::{AnonymousUser, Portal, SharingRules, Tenant},
    policy::{Document, Limits, PolicySet, Principal, Resource, lint},
    template::{Fills, Options, Profile, Recipient, Template, extract_json, fill},
};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};
use std::error::Error;

/// An own reading of what may not be in a line: of Unicode's control and format characters those that editors, terminals
/// and browsers act upon.
fn is_trick(c: char) -> bool {
    c.is_control()
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{2028}'..='\u{202e}').contains(&c)
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || ['\u{ad}', '\u{61c}', '\u{feff}', '\u{e0041}'].contains(&c)
}

/// Words with something in them that does not belong into a line.
fn tricks() -> impl Strategy<Value = String> {
    let trick = select(
        &[
            "\n",
            "\r\n",
            "\0",
            "\u{1b}[31m",
            "\u{7}",
            "\u{85}",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{2028}",
            "\u{feff}",
            "\u{ad}",
            "\u{e0041}",
            "\t",
        ][..],
    );
    ("[a-z]{0,4}", trick, "[a-z@.]{0,4}")
        .prop_map(|(before, trick, behind)| format!("{before}{trick}{behind}"))
}

/// All that was said, to be looked at.
#[derive(Default)]
struct Said(Vec<String>);

impl Said {
    fn error(&mut self, error: &dyn Error) {
        self.0.push(error.to_string());
        if let Some(source) = error.source() {
            self.error(source);
        }
    }

    fn result<T, E: Error>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.error(&error)).ok()
    }
}

/// Everything that reads the values of the library.
fn of_values(said: &mut Said, word: &str) {
    said.result(word.parse::<EmailAddress>());
    said.result(format!("{word}@example.com").parse::<EmailAddress>());
    said.result(word.parse::<AccountId>());
    said.result(word.parse::<Timestamp>());
    said.result(LinkToken::parse(word));
}

fn of_templates(said: &mut Said, word: &str) {
    let root = json!({"object": {"title": "text", "device": {"slot": {"kind": word}}, "by": {"map": {"keys": "name", "values": "text"}}}});
    for profile in [
        json!({"format": word, "version": 1, "root": {"object": {word: "text", "x": {"keep": word}}}}),
        json!({"format": word, "version": 1, "root": {"object": {"x": {word: 1}}}}),
        json!({"format": "f", "version": 1, "root": root, word: 1}),
        json!({"format": "f", "version": 1, "types": {word: {"ref": word}}, "vocabularies": {word: {"words": []}}, "spaces": {word: "uuid"},
            "root": {"object": {"token": {"keep": word}, word: {"ref": word}}}}),
        json!({"format": "f", "version": 1, "vocabularies": {"v": {word: 1}}, "root": root}),
        json!({"format": "f", "version": 1, "spaces": {"v": word}, "root": root}),
    ] {
        said.result(Profile::parse(&profile.to_string()));
        said.result(Profile::parse(&format!("{profile}{word}")));
    }
    let profile = json!({"format": word, "version": 1, "root": root}).to_string();
    let Some(profile) = said.result(Profile::parse(&profile)) else { return };
    let document = json!({"title": "Pumps", "device": word, "by": {word: "x"}, word: 1}).to_string();
    said.result(extract_json(&format!("{document}{word}"), &profile, Options::default()));
    let strict = Options { strict: true, ..Options::default() };
    said.result(extract_json(&document, &profile, strict));
    let Some(extracted) = said.result(extract_json(&document, &profile, Options::default())) else { return };
    let written = extracted.template.to_json();
    for (place, value) in [
        ("/body/title", json!({"$slot": word})),
        ("/body/device", json!({"$slot": word})),
        ("/slots/0/name", json!(word)),
        ("/slots/0/kind", json!(word)),
        ("/body", json!({word: 1})),
        ("/body", json!({"by": {word: 1}})),
        ("/slots/0", json!({word: 1, "required": true, "uses": 1})),
        ("/format", json!(word.repeat(2))),
    ] {
        let mut forged = written.clone();
        if let Some(there) = forged.pointer_mut(place) {
            *there = value;
        }
        said.result(Template::read(&profile, &forged.to_string()));
    }
    let mut stray = written.clone();
    stray[word] = json!(1);
    said.result(Template::read(&profile, &stray.to_string()));
    said.result(Template::read(&profile, &format!("{written}{word}")));
    for fills in [
        Fills::new(),
        [(word.to_owned(), json!("mine"))].into(),
        [(format!("{word}-1"), json!([]))].into(),
        [(format!("{word}-1"), json!("no"))].into(),
    ] {
        let recipient = Recipient {
            owner: "ann",
            accepts_code: false,
            partial: false,
            may_use: &|_, _| false,
            random: &mut || [1; 16],
        };
        for error in fill(&extracted.template, &profile, &fills, recipient).err().into_iter().flatten() {
            said.error(&error);
        }
    }
}

/// Policies that are wrong in every way there is, with a word for each word in them.
fn of_policies(said: &mut Said, word: &str) {
    let policy = |targets: Value, resource: Value, action: &str| {
        json!({"id": word, "targets": targets, "permissions": [
            {"effect": "allow", "action": [action], "resource": resource},
            {"effect": "deny", "action": [action, action], "resource": resource}]})
    };
    for text in [
        format!("{{\"id\": \"p\"}}{word}"),
        json!({"id": "p", "targets": [[word, 7]], "permissions": [{"effect": word, "action": [], "resource": []}]}).to_string(),
        json!({"id": "p", "targets": [[word]], "permissions": [{"effect": word, "action": [], "resource": []}]}).to_string(),
        json!({"id": "p", "targets": {word: 1}, "permissions": word}).to_string(),
        json!([{"id": "p", "active": word, "targets": [], "permissions": []}]).to_string(),
    ] {
        said.result(Document::parse(&text));
        said.result(Document::parse_all(&text));
    }
    said.result(serde_json::from_value::<Principal>(json!({"kind": word, "id": "u"})));
    let shared = json!(["device", "tag_match", word]);
    let one = json!(["device", "tag.key", word, "tag.value", word]);
    let user = json!(["run_user"]);
    let aimed = json!(["run_user", "tag.key", word, "tag.value", word]);
    let documents: Vec<Document> = [
        policy(json!([[word], ["run_user", word, word], [word, word]]), json!([word]), word),
        policy(json!([user]), json!(["device", word, word]), word),
        policy(json!([user]), json!(["device", "tag.key", word, word, word]), "access"),
        policy(json!([user, ["run_user", "tag_match", word]]), json!(["device", "path", word]), "access"),
        policy(json!([aimed]), one.clone(), "access"),
        json!({"id": word, "targets": [user], "permissions": [{"effect": "allow", "action": ["access"], "resource": shared}]}),
        json!({"id": word, "targets": [user], "permissions": [{"effect": "allow", "action": ["access"], "resource": one}]}),
        json!({"id": word, "targets": [user], "permissions": [{"effect": "allow", "action": [], "resource": ["device"]}]}),
        json!({"id": word, "targets": [aimed], "permissions": [{"effect": "allow", "action": ["access"], "resource": ["device"]}]}),
        json!({"id": word, "active": false, "targets": [user], "permissions": [{"effect": "allow", "action": ["access"], "resource": ["device"]}]}),
    ]
    .iter()
    .filter_map(|policy| said.result(Document::parse(&policy.to_string())))
    .collect();
    let (ann, device) = (Principal::run_user("ann"), Resource::new("device", "d"));
    for document in &documents {
        for finding in lint(document, None) {
            said.0.extend([finding.to_string(), finding.sentence().to_owned(), finding.pointer().to_owned()]);
        }
        let set = PolicySet::default().with(document);
        for (principal, resource) in [
            (ann.clone(), device.clone()),
            (ann.clone().with_tag(word, word), device.clone()),
            (ann.clone(), device.clone().with_tag(word, word)),
            (ann.clone(), Resource::new(word, word)),
        ] {
            for action in ["access", word] {
                let why = set.explain(&principal, action, &resource);
                said.0.extend(why.nearest.map(|nearest| nearest.to_string()));
                said.0.extend(
                    set.evaluate(&principal, action, &resource).rule_ref().map(|rule| rule.to_string()),
                );
                let cut = set.explain_within(1, &principal, action, &resource);
                said.0.extend(cut.stopped.map(|stopped| stopped.to_string()));
            }
        }
        let strict = PolicySet::compile_strict(std::slice::from_ref(document));
        said.result(strict);
        for limits in [Limits { policy_bytes: 1, ..Limits::NONE }, Limits { set_bytes: 1, ..Limits::NONE }] {
            said.result(PolicySet::compile_within(std::slice::from_ref(document), &limits));
        }
    }
    said.result(PolicySet::compile(&documents));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(120) })]

    /// Whatever stands in the input, errors, findings and explanations hold nothing of it that is not seen.
    #[test]
    fn nothing_that_is_not_seen_stands_in_what_is_said(word in tricks()) {
        let mut said = Said::default();
        of_values(&mut said, &word);
        let values = said.0.len();
        of_templates(&mut said, &word);
        let templates = said.0.len() - values;
        of_policies(&mut said, &word);
        let policies = said.0.len() - templates - values;
        prop_assert!(values >= 4 && templates >= 20 && policies >= 60, "{values}, {templates}, {policies}");
        for sentence in &said.0 {
            prop_assert!(!sentence.chars().any(is_trick), "{sentence:?}");
        }
    }
}

/// G20, L7: a slip in the configuration of a tenant is an error, and leaves no rule as it was by default.
#[test]
fn an_unknown_field_of_a_tenant_is_an_error() {
    let anonymous = json!({"active": true, "principal": {"kind": "run_user", "id": "anonymous"}});
    let right = json!({"rules": {"public": false, "max_days": 7}, "portal": {"active": true, "anonymous": anonymous}, "policies": []});
    let tenant: Tenant = serde_json::from_value(right.clone()).expect("it is right");
    assert!(!tenant.rules.public && tenant.portal.active);
    let again: Tenant =
        serde_json::from_str(&serde_json::to_string(&tenant).expect("JSON")).expect("as it was written");
    assert_eq!(again, tenant);
    assert_eq!(serde_json::from_value::<Tenant>(json!({})).expect("the defaults"), Tenant::default());
    for place in ["", "/rules", "/portal", "/portal/anonymous"] {
        for slip in ["Public", "publik", "max_day", "activ", "policy", "", "rules "] {
            let mut wrong = right.clone();
            wrong.pointer_mut(place).expect("an object")[slip] = json!(false);
            let error = serde_json::from_value::<Tenant>(wrong.clone()).expect_err("a slip");
            assert!(error.to_string().contains("unknown field"), "{wrong}: {error}");
        }
    }
    assert!(serde_json::from_value::<SharingRules>(json!({"Public": false})).is_err());
    assert!(serde_json::from_value::<Portal>(json!({"enabled": true})).is_err());
    let user = serde_json::from_value::<AnonymousUser>(
        json!({"active": true, "principal": anonymous["principal"], "tags": []}),
    );
    assert!(user.is_err());
}
