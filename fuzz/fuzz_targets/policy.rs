//! Policy documents (P1 to P7): what is read is written as it came, and decides as a slow second reading of the rules
//! says.
//!
//! The input is one document or an array of documents. Who asks and for what is taken from the documents' own words.

#![no_main]

#[expect(dead_code, reason = "the tests ask more of it")]
#[path = "../../tests/policies/reference.rs"]
mod reference;

use dashshare::policy::{
    CompileError, Compiled, Document, Limits, PolicySet, Principal, PrincipalKind, Resource, Severity, Tuple,
    lint,
};
use libfuzzer_sys::fuzz_target;
use reference::Ask;
use serde_json::Value;
use std::collections::BTreeSet;

fuzz_target!(|text: &str| {
    let documents = match Document::parse_all(text) {
        Ok(documents) => documents,
        Err(_) => match Document::parse(text) {
            Ok(document) => vec![document],
            Err(error) => {
                assert!(error.pointer().is_empty() || error.pointer().starts_with('/'), "{error}");
                return;
            }
        },
    };
    documents.iter().for_each(prints_the_same);
    let inert = documents
        .iter()
        .any(|document| lint(document, None).iter().any(|finding| finding.severity() == Severity::Inert));
    let ids: BTreeSet<&str> = documents.iter().map(Document::id).collect();
    let compile = || PolicySet::compile_within(&documents, &Limits::NONE);
    let strict = compile().and_then(Compiled::strict);
    let set = match compile() {
        Ok(compiled) => compiled.set,
        Err(error) => {
            assert!(matches!(error, CompileError::DuplicateId(_)) && ids.len() < documents.len(), "{error}");
            assert!(strict.is_err());
            return;
        }
    };
    assert_eq!((ids.len(), set.len()), (documents.len(), documents.len()));
    match strict {
        Ok(strict) => assert!(!inert && strict.set == set, "what the lint calls inert is compiled"),
        Err(error) => assert!(inert && matches!(error, CompileError::Inert(_)), "{error}"),
    }
    decides(&documents, &set);
});

/// The text stays, and every finding of the lint is about a place of it.
fn prints_the_same(document: &Document) {
    let text = serde_json::to_string(document).expect("a document is written");
    assert_eq!(text, document.json());
    let again = Document::parse(&text).expect("a document is read again");
    assert_eq!(
        (again.json(), again.id(), again.is_active()),
        (document.json(), document.id(), document.is_active())
    );
    assert_eq!((again.targets(), again.permissions()), (document.targets(), document.permissions()));
    let Ok(value) = serde_json::from_str::<Value>(&text) else { return };
    for finding in lint(document, None) {
        assert_eq!(finding.policy(), document.id());
        assert!(value.pointer(finding.pointer()).is_some(), "{finding}: there is no {}", finding.pointer());
        assert!(!finding.sentence().is_empty());
    }
}

/// Every question is answered, the same way by each road to the set, and as the second reading answers it.
fn decides(documents: &[Document], set: &PolicySet) {
    let one_by_one = documents.iter().rev().fold(PolicySet::default(), |set, document| set.with(document));
    let extra = Document::parse(
        r#"{"id": "\u0000", "targets": [["run_user"], ["analysis"]], "permissions": [
        {"effect": "deny", "action": ["access"], "resource": ["device"]}]}"#,
    );
    let extra = extra.expect("a document of our own");
    let and_back = match set.document(extra.id()) {
        None => set.with(&extra).without(extra.id()),
        Some(_) => set.clone(),
    };
    assert!(one_by_one == *set && and_back == *set);
    let values: Option<Vec<Value>> =
        documents.iter().map(|document| serde_json::from_str(document.json()).ok()).collect();
    let (principals, resources, actions) = (principals(documents), resources(documents), actions(documents));
    for principal in &principals {
        for resource in &resources {
            for action in &actions {
                let verdict = set.evaluate(principal, action, resource);
                assert_eq!(one_by_one.evaluate(principal, action, resource), verdict);
                assert_eq!(and_back.evaluate(principal, action, resource), verdict);
                let why = set.explain(principal, action, resource);
                assert_eq!(
                    (why.effect, why.policy.as_deref(), why.rule),
                    (verdict.effect(), verdict.policy(), verdict.rule())
                );
                assert_eq!(why.nearest.is_some(), !verdict.is_allowed());
                if let Some(values) = &values {
                    let ask = ask(principal, action, resource);
                    let judged = reference::judge(values, &ask);
                    let told = judged.map(|rule| (Some(rule.policy), Some(rule.rule), !rule.denies));
                    let found = (verdict.policy(), verdict.rule(), verdict.is_allowed());
                    assert_eq!(found, told.unwrap_or((None, None, false)), "{ask:?}");
                }
            }
        }
        set.audit(principal, &resources);
    }
}

fn ask(principal: &Principal, action: &str, resource: &Resource) -> Ask {
    let tags = |tags: &[dashshare::policy::Tag]| {
        tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
    };
    Ask {
        who: principal.kind.word().to_owned(),
        who_id: principal.id.clone(),
        who_tags: tags(&principal.tags),
        action: action.to_owned(),
        kind: resource.kind.clone(),
        id: resource.id.clone(),
        tags: tags(&resource.tags),
        path: resource.path.clone(),
    }
}

/// The words of a tuple that are not its grammar: an id, a key, a path, or a key and its value.
fn words(tuple: &Tuple) -> (&str, &str) {
    match tuple.iter().map(|word| &**word).collect::<Vec<&str>>()[..] {
        [_, _, one] => (one, one),
        [_, _, one, _, other, ..] => (one, other),
        _ => ("", ""),
    }
}

/// Nobody in particular, and one or two whom each of the first targets may be aimed at.
fn principals(documents: &[Document]) -> Vec<Principal> {
    let mut principals = vec![Principal::run_user("nobody"), Principal::analysis("nothing")];
    for tuple in documents.iter().flat_map(|document| document.targets()).take(3) {
        let (one, other) = words(tuple);
        for kind in [PrincipalKind::RunUser, PrincipalKind::Analysis] {
            let principal = Principal { kind, ..Principal::run_user(one) };
            principals.push(principal.with_tag(one, other).with_tag("site", "north"));
        }
    }
    principals
}

/// What each of the first rules may be about, tagged like it or like nothing.
fn resources(documents: &[Document]) -> Vec<Resource> {
    let mut resources = vec![Resource::new("device", "d1").with_tag("site", "north")];
    let rules = documents.iter().flat_map(|document| document.permissions());
    for tuple in rules.map(|rule| &rule.resource).take(4) {
        let (one, other) = words(tuple);
        let kind = tuple.first().map_or("dashboard", |head| head);
        let mut resource = Resource::new(kind, one).with_tag(one, other).with_tag("site", "north");
        resource.path = Some(format!("{one}/of"));
        resources.push(resource);
    }
    resources
}

fn actions(documents: &[Document]) -> BTreeSet<&str> {
    let rules = documents.iter().flat_map(|document| document.permissions());
    let actions = rules.flat_map(|rule| &rule.action).map(|action| &**action).take(5);
    actions.chain(["access"]).collect()
}
