//! Withdrawals win on a database, in a storm of commits and with damaged rows (G21, G22).

use super::databases::Database;
use crate::support::{
    runtime,
    scene::{self, BIG, Scene, account, board, done},
    storm,
};
use dashshare::{Action, GrantId, Revision, RevokeMode, store::Store as _};
use std::sync::Arc;

pub(crate) fn win(database: &Database) {
    let _inside = runtime::RUNTIME.enter();
    database.clear();
    storm::withdrawals_win(&database.store);
    storm::damage_is_in_no_withdrawals_way(&database.store);
    one_damaged_row(database);
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
