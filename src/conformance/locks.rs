//! Locks come back as they went in: what a store loses of one, it shows to people (K24).

use super::desk::{Desk, account, board, digest};
use crate::{
    host::Store,
    lock::{Lock, StoredLock},
    record::{Grant, History, Link, PastTerms, Seed},
    value::{Expiry, GrantId},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A lock of every form: each part alone, several clauses, names in other scripts, the longest ones, those that let
/// nothing through, and what cannot be read.
fn forms() -> Vec<Arc<StoredLock>> {
    let long = "ö".repeat(127);
    let selectors: Vec<String> = (0..200).map(|n| format!("device-{n:03}")).collect();
    let forms: Vec<Value> = vec![
        json!({}),
        json!({ "devices": ["p1"] }),
        json!({ "devices": [{ "key": "site", "value": "north" }, { "key": "", "value": "" }] }),
        json!({ "devices": [["p1", "p2"], ["p2", "p3"], [{ "key": "a", "value": "b" }]] }),
        json!({ "devices": selectors }),
        json!({ "devices": [] }),
        json!({ "variables": ["temp", { "device": "p1", "name": "rpm" }] }),
        json!({ "variables": [] }),
        json!({ "from": "2026-01-01T00:00:00.000001Z", "until": "2026-02-01T00:00:00Z" }),
        json!({ "from": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z" }),
        json!({ "last": "30m", "whole": [{ "n": 2, "unit": "week", "zone": "Europe/Berlin" }] }),
        json!({ "parameters": { "site": ["*", "", "berlin"], long.clone(): [long], "none": [] } }),
        json!({ "max_range": { "last": "3d", "whole": [{ "n": 1, "unit": "month", "zone": "UTC" }] } }),
        // None of these is a lock, and none of them is no lock.
        json!({ "devices": ["p1"], "widgets": ["w1"] }),
        json!({ "whole": [{ "n": 2, "unit": "day", "zone": "Mars/Olympus" }] }),
        json!({ "devices": null }),
        json!(["p1"]),
        json!(null),
    ];
    let read = |form: Value| -> StoredLock {
        serde_json::from_value(form).unwrap_or_else(|error| panic!("the suite: {error}"))
    };
    forms.into_iter().map(|form| Arc::new(read(form))).collect()
}

/// Every lock of a grant comes back as it went in, those of its past terms too, whatever form it has: also one that lets
/// nothing through, and one that cannot be read.
///
/// Rules: [K24](crate::specification), [S3](crate::specification).
pub async fn every_lock_of_a_grant_comes_back_as_it_went_in<S: Store>(store: S) {
    const PROMISE: &str = "a lock of a grant comes back as it went in (K24)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let forms = forms();
    let mut grants: Vec<Grant> = Vec::new();
    for (ordinal, form) in (0..).zip(&forms) {
        let mut grant = desk.blank_grant(board(1), ordinal, None, account(2));
        grant.terms.lock = Some(Arc::clone(form));
        // The terms before had another one, those before that had none.
        let other = forms.iter().rev().nth(usize::try_from(ordinal).unwrap_or(0)).cloned();
        let past = [None, other].into_iter().zip(1..).map(|(lock, micros)| {
            let mut terms = grant.terms.clone();
            terms.lock = lock;
            PastTerms { until: desk.now.plus_micros(micros), terms }
        });
        grant.history = Some(Box::new(History { amended: past.collect(), ..History::default() }));
        grants.push(grant);
    }
    let ids: Vec<GrantId> = grants.iter().map(|grant| grant.id).collect();
    let seeds: Vec<Seed> = ids.iter().copied().map(Seed::Grant).collect();
    let commit = desk.forge(board(1), grants, Vec::new(), |_| {});
    desk.send(&commit).await;
    desk.expect_all(PROMISE, board(1)).await;
    desk.expect_found(PROMISE, board(1), &seeds, &ids).await;
}

/// The lock of a link comes back as it went in, whatever form it has, and so does the record of its narrowing.
///
/// Rules: [K24](crate::specification), [S3](crate::specification).
pub async fn the_lock_of_a_link_comes_back_as_it_went_in<S: Store>(store: S) {
    const PROMISE: &str = "the lock of a link comes back as it went in (K24)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let mut before = None;
    for (generation, form) in (1..).zip(forms().into_iter().map(Some).chain([None])) {
        let link = Link {
            digest: digest(9),
            maker: account(1),
            grant: None,
            created: desk.now,
            expiry: Expiry::Never,
            paused: None,
            paused_by_owner: false,
            generation,
            named_only: generation % 2 == 0,
            lock: form.clone(),
        };
        let mut commit = desk.forge(board(1), Vec::new(), Vec::new(), |head| head.link = Some(link));
        commit.audit.event = crate::record::Event::LinkNarrowed { generation, before, after: form.clone() };
        desk.send(&commit).await;
        desk.expect_all(PROMISE, board(1)).await;
        before = form;
    }
    // And a lock is a lock: one more reading of the same text is equal to it.
    let read: Option<Lock> = serde_json::from_value(json!({ "devices": ["p1"] })).ok();
    assert!(read.is_some_and(|lock| !lock.is_none()), "the suite: a lock that is none");
}
