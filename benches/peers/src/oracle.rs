//! The oracle: random policies and requests, decided by dashshare and by Cedar.

mod draw;
mod translation;

use crate::random::Random;
use cedar_policy::{Authorizer, Decision};
use dashshare::policy::{Document, Effect, Limits, PolicySet};
use draw::Asked;
use serde_json::Value;
use std::process::ExitCode;
use translation::{Fault, Translation};

const SETS: u64 = 1_000;
const REQUESTS: usize = 50;

/// What both said, over many requests.
#[derive(Default)]
struct Counts {
    requests: usize,
    policies: usize,
    allowed: usize,
    denied: usize,
    nothing: usize,
}

/// An answer, and the rule that gave it: which effect, of which policy and which of its rules.
type Answer = Option<(Effect, String, usize)>;

/// A request to which the two answered differently.
struct Divergence {
    documents: Vec<Value>,
    cedar: String,
    asked: Asked,
    ours: Answer,
    theirs: Answer,
}

/// Compiles, in one step or in several: what a set is made of must not depend on how.
fn compile(documents: &[Value], random: &mut Random) -> PolicySet {
    let parsed: Vec<Document> =
        documents.iter().map(|document| Document::parse(&document.to_string()).unwrap()).collect();
    if random.percent(50) {
        return PolicySet::compile_within(&parsed, &Limits::NONE).unwrap().set;
    }
    let (early, late) = parsed.split_at(random.below(parsed.len() + 1));
    let mut set = PolicySet::compile_within(early, &Limits::NONE).unwrap().set;
    for document in late {
        set = set.with(document);
    }
    // Replaced, and taken away and put back.
    set = set.with(random.pick(&parsed));
    let document = random.pick(&parsed);
    set.without(document.id()).with(document)
}

/// Puts one random set to the test.
fn compare(seed: u64, fault: Option<Fault>, counts: &mut Counts) -> Option<Divergence> {
    let mut random = Random::new(seed);
    let documents = draw::documents(&mut random);
    let set = compile(&documents, &mut random);
    let translation = Translation::new(&documents, fault);
    counts.policies += documents.len();
    let authorizer = Authorizer::new();
    for _ in 0..REQUESTS {
        let asked = draw::request(&documents, &mut random);
        let verdict = set.evaluate(&asked.principal, &asked.action, &asked.resource);
        let ours = verdict.effect().map(|effect| {
            (effect, verdict.policy().unwrap_or_default().to_owned(), verdict.rule().unwrap_or_default())
        });
        let (request, entities) = translation.request(&asked);
        let response = authorizer.is_authorized(&request, &translation.policies, &entities);
        // A policy that fails is skipped by Cedar: that would hide what it says.
        assert_eq!(response.diagnostics().errors().count(), 0, "{response:?}");
        let effect = match response.decision() {
            Decision::Allow => Effect::Allow,
            Decision::Deny => Effect::Deny,
        };
        // Cedar names all that decided; the first by policy and rule is the one that P3 names.
        let first = response.diagnostics().reason().map(|id| translation.rule(id)).min();
        let theirs = first.map(|(policy, rule)| (effect, policy.to_owned(), rule));
        counts.requests += 1;
        match &ours {
            Some((Effect::Allow, ..)) => counts.allowed += 1,
            Some((Effect::Deny, ..)) => counts.denied += 1,
            None => counts.nothing += 1,
        }
        if ours != theirs || verdict.is_allowed() != (response.decision() == Decision::Allow) {
            let cedar = translation.policies.to_string();
            return Some(Divergence { documents, cedar, asked, ours, theirs });
        }
    }
    None
}

pub(crate) fn run() -> ExitCode {
    let mut counts = Counts::default();
    for seed in 0..SETS {
        if let Some(Divergence { documents, cedar, asked, ours, theirs }) = compare(seed, None, &mut counts) {
            println!("DIVERGENCE at seed {seed}\n{}", Value::Array(documents));
            println!("{cedar}\n{asked:#?}\ndashshare: {ours:?}\nCedar: {theirs:?}");
            return ExitCode::FAILURE;
        }
    }
    let Counts { requests, policies, allowed, denied, nothing } = counts;
    println!(
        "{requests} requests to {SETS} sets of {policies} policies: dashshare and Cedar agree on every one"
    );
    println!("{allowed} allowed, {denied} denied by a rule, {nothing} about which no rule said anything");
    assert!(requests >= 20_000 && allowed * 3 >= requests && denied * 3 >= requests, "too one-sided");
    saboteurs()
}

/// Translations with a fault each: an oracle that lets one through proves nothing.
fn saboteurs() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for fault in Fault::ALL {
        let mut counts = Counts::default();
        match (0..SETS).find(|seed| compare(*seed, Some(fault), &mut counts).is_some()) {
            Some(_) => println!("SABOTEUR {fault:?} convicted by request {}", counts.requests),
            None => {
                println!("SABOTEUR {fault:?} NOT convicted by {} requests", counts.requests);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
