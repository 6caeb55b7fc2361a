//! G22: a withdrawal is written whatever revision the dashboard has by now, as long as what it ends is still there.

use super::{
    desk::{Desk, RESHARE, VIEW, account, board, digest, expect_same},
    lists::List,
};
use crate::{
    host::{CommitError, Store},
    record::{Actor, Commit},
    sharing::{
        amend::Amendment,
        link::{ChangeLink, LinkChange},
        ownership::DeleteDashboard,
        revoke::{Revoke, RevokeMode},
    },
};

/// A withdrawal that was judged before others changed the dashboard takes away what it names and nothing of what the
/// others did, and makes the next revision. Sent again it is answered as before.
///
/// Rules: [G22](crate::specification), [S1](crate::specification).
pub async fn a_withdrawal_is_written_on_whatever_came_before<S: Store>(store: S) {
    const PROMISE: &str = "a withdrawal is written onto the dashboard as it is, whatever revision it has by now, and \
                           leaves alone what others did (G22)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let root = desk.share(board(1), account(1), account(2), RESHARE).await;
    desk.share(board(1), account(2), account(3), VIEW).await;
    let revoke =
        Revoke { dashboard: board(1), by: account(1).into(), grant: root, mode: RevokeMode::Cascade };
    let revoke = desk.commit_of(&revoke);
    // Others share on below, beside it, and publish.
    desk.share(board(1), account(2), account(4), VIEW).await;
    desk.share(board(1), account(1), account(5), RESHARE).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    apply(&mut desk, &revoke, PROMISE).await;
    desk.expect_all(PROMISE, board(1)).await;
    // What hangs on the revoked grant has no row changed.
    let below = List::Below(board(1), root);
    expect_same(PROMISE, &below.walk(&store, 1000, 10).await, &below.expected(&desk));

    let pause = ChangeLink { dashboard: board(1), by: account(1).into(), change: LinkChange::Pause };
    let pause = desk.commit_of(&pause);
    let others = desk.share(board(1), account(5), account(6), RESHARE).await;
    apply(&mut desk, &pause, PROMISE).await;
    desk.expect_all(PROMISE, board(1)).await;

    let delete = desk.commit_of(&DeleteDashboard { dashboard: board(1), by: Actor::Host });
    desk.revoke(board(1), account(1), others).await;
    apply(&mut desk, &delete, PROMISE).await;
    desk.expect_all(PROMISE, board(1)).await;
}

/// A withdrawal whose grant or link was changed meanwhile, or is of a dashboard that began anew, is a conflict.
///
/// Rules: [G22](crate::specification), [S1](crate::specification).
pub async fn a_withdrawal_of_what_has_changed_is_a_conflict<S: Store>(store: S) {
    const PROMISE: &str = "a withdrawal whose grant, link or dashboard is not what it was judged by is a conflict, and \
                           leaves nothing behind (G22)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let root = desk.share(board(1), account(1), account(2), RESHARE).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    let revoke =
        Revoke { dashboard: board(1), by: account(1).into(), grant: root, mode: RevokeMode::Cascade };
    let revoke = desk.commit_of(&revoke);
    let pause = ChangeLink { dashboard: board(1), by: account(1).into(), change: LinkChange::Pause };
    let pause = desk.commit_of(&pause);
    desk.amend(board(1), account(1), root, Amendment::default().no_reshare()).await;
    desk.rotate(board(1), account(1), digest(2)).await;
    for commit in [&revoke, &pause] {
        expect_conflict(&store, commit, PROMISE).await;
        desk.expect_all(PROMISE, board(1)).await;
    }
    let late = Revoke { dashboard: board(1), by: account(1).into(), grant: root, mode: RevokeMode::Cascade };
    let late = desk.commit_of(&late);
    desk.delete(board(1)).await;
    desk.register(board(1), account(1)).await;
    expect_conflict(&store, &late, PROMISE).await;
    desk.expect_all(PROMISE, board(1)).await;
    desk.expect_found(PROMISE, board(1), &[account(2).into()], &[root]).await;
}

async fn expect_conflict<S: Store>(store: &S, commit: &Commit, promise: &str) {
    match store.commit(commit).await {
        Err(CommitError::Conflict) => {}
        other => panic!("{promise}: the store answers {other:?} in place of a conflict"),
    }
}

/// Sends a withdrawal that was judged at an earlier revision, twice, and notes what it must have written.
async fn apply<S: Store>(desk: &mut Desk<'_, S>, commit: &Commit, promise: &str) {
    let stands = desk.board(commit.dashboard());
    let grants: Vec<_> = stands.grants.values().cloned().collect();
    let carried = commit.onto(&stands.head, &grants);
    let carried = carried.unwrap_or_else(|| panic!("the suite gave a withdrawal that conflicts"));
    for _ in 0..2 {
        match desk.store.commit(commit).await {
            Ok(receipt) => expect_same(promise, &receipt, &carried.receipt()),
            Err(error) => panic!("{promise}: the store answers `{error}`"),
        }
    }
    desk.note(&carried);
}
