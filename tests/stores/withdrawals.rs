//! Withdrawals win on a database, in a storm of commits and with damaged rows (G21, G22).

use super::databases::Database;
use crate::support::{
    runtime,
    scene::{self, BARE, BIG, OFFERED, PAUSED, Scene, account, address, board, done},
    storm,
};
use dashshare::{
    AccountId, Action, DashboardId, Error, GrantId, Revision, RevokeMode,
    questions::Page,
    store::{Freshness, Store as _},
};
use pollster::block_on;
use std::sync::Arc;

pub(crate) fn win(database: &Database) {
    let _inside = runtime::RUNTIME.enter();
    database.clear();
    storm::withdrawals_win(&database.store);
    storm::damage_is_in_no_withdrawals_way(&database.store);
    one_damaged_row(database);
    one_damaged_head(database);
}

/// One altered address in one row: the list goes on without it, and so do revoking, stopping, pausing and deleting.
fn one_damaged_row(database: &Database) {
    database.clear();
    let scene = Scene::over(Arc::clone(&database.store));
    let damaged = scene.grant("eve");
    let before = done(scene.process(2).access_list(account(scene::OLGA), board(BIG)));
    assert!(before.get(damaged).is_some());
    let all = one_by_one(database);
    database.run("UPDATE dashshare_grant SET body = replace(body, 'eve@', 'e ve@')".to_owned());
    let sharing = scene.process(3);
    let list = done(sharing.access_list(account(scene::OLGA), board(BIG)));
    assert_eq!(list.grants.len() + 1, before.grants.len());
    // Pages do not end with it.
    let without: Vec<GrantId> = all.into_iter().filter(|id| *id != damaged).collect();
    assert_eq!(one_by_one(database), without);
    done(sharing.revoke(account(scene::OLGA), board(BIG), scene.grant("ann"), RevokeMode::Cascade));
    done(sharing.stop_sharing(account(scene::OLGA), board(BIG), account(scene::ANN)));
    done(sharing.pause_link(account(scene::OLGA), board(BIG)));
    for number in [scene::ANN, scene::BOB, scene::CYD] {
        let decision = done(sharing.authorize(account(number), board(BIG), Action::View));
        assert!(!decision.is_allowed(), "account {number}");
    }
    done(sharing.delete_dashboard(account(scene::OLGA), board(BIG)));
    let records = done(database.store.audit(board(BIG), Revision::ZERO, 100));
    assert!(records.iter().all(|record| !record.fell.contains(&damaged)));
}

/// All grants of the dashboard, a page for each.
fn one_by_one(database: &Database) -> Vec<GrantId> {
    let (mut seen, mut next) = (Vec::new(), 0);
    while let Some(row) = done(database.store.grants(board(BIG), next, 1)).pop() {
        seen.push(row.id);
        next = row.ordinal + 1;
    }
    seen
}

/// One altered head: what is asked of many dashboards goes on without its dashboard, also in pages of one, and so do
/// claiming and deleting an account. Of the dashboard itself nobody is let in.
fn one_damaged_head(database: &Database) {
    database.clear();
    let scene = Scene::over(Arc::clone(&database.store));
    let people = [scene::ANN, scene::DAN].map(account);
    let held = people.map(|person| held_one_by_one(database, person));
    let owned = owned_one_by_one(database, account(scene::OLGA));
    assert!(held.iter().all(|held| held.iter().any(|(dashboard, _)| *dashboard == board(BIG))));
    assert_eq!(owned, [BIG, BARE, PAUSED, OFFERED].map(board));
    database.run(format!(
        "UPDATE dashshare_head SET body = replace(body, 'owner', 'own r') WHERE body LIKE '%{}%'",
        board(BIG)
    ));
    for (person, mut held) in people.into_iter().zip(held) {
        held.retain(|(dashboard, _)| *dashboard != board(BIG));
        assert_eq!(held_one_by_one(database, person), held);
    }
    assert_eq!(owned_one_by_one(database, account(scene::OLGA)), [BARE, PAUSED, OFFERED].map(board));
    let both = [BIG, BARE].map(board);
    let read = done(database.store.read_many(&both, &account(scene::ANN).into(), Freshness::Latest));
    assert_eq!(read.iter().map(|found| found.head.dashboard).collect::<Vec<_>>(), [board(BARE)]);

    let sharing = scene.process(3);
    let decided = done(sharing.authorize_many(account(scene::ANN), &both, Action::View));
    assert_eq!(decided.iter().map(|decision| decision.is_allowed()).collect::<Vec<_>>(), [false, true]);
    let asked = block_on(sharing.authorize(account(scene::ANN), board(BIG), Action::View));
    assert!(matches!(asked, Err(Error::Store(_))), "{asked:?}");
    let shared = done(sharing.shared_with(account(scene::DAN), Page::first(9)));
    assert_eq!(shared.iter().map(|shared| shared.dashboard).collect::<Vec<_>>(), [board(BARE)]);
    assert_eq!(*done(sharing.owned(account(scene::OLGA), Page::first(9))), [BARE, PAUSED].map(board));
    let claimed = done(sharing.claim(account(scene::EVE), &address("eve@example.com")));
    assert_eq!(claimed.iter().map(|done| done.dashboard).collect::<Vec<_>>(), [board(BARE)]);
    let ended = done(sharing.delete_account(account(scene::DAN)));
    assert_eq!(ended.iter().map(|done| done.dashboard).collect::<Vec<_>>(), [BARE, OFFERED].map(board));
    let ended = done(sharing.delete_account(account(scene::ANN)));
    assert_eq!(ended.iter().map(|done| done.dashboard).collect::<Vec<_>>(), [board(BARE)]);
}

/// The places of all that somebody holds, a page for each.
fn held_one_by_one(database: &Database, account: AccountId) -> Vec<(DashboardId, u64)> {
    let mut seen: Vec<(DashboardId, u64)> = Vec::new();
    while let Some(held) = done(database.store.held(&account.into(), seen.last().copied(), 1)).pop() {
        seen.push((held.head.dashboard, held.chains[0][0].ordinal));
    }
    seen
}

/// All that somebody owns, a page for each.
fn owned_one_by_one(database: &Database, owner: AccountId) -> Vec<DashboardId> {
    let mut seen: Vec<DashboardId> = Vec::new();
    while let Some(head) = done(database.store.owned(owner, seen.last().copied(), 1)).pop() {
        seen.push(head.dashboard);
    }
    seen
}
