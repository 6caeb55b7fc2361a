//! S1: a commit is applied whole or not at all, against the expected revision, once.

use super::{
    desk::{Desk, RESHARE, VIEW, account, address, answer, board, digest, expect_same},
    lists::List,
};
use crate::{
    host::{CommitError, Freshness, Store},
    record::{Commit, CommitKey, Grant, Head, Message, Revision, Seed},
    sharing::{
        link::RotateLink,
        ownership::{DeleteDashboard, Register},
        revoke::{Person, Revoke, RevokeMode, StopSharing},
    },
    value::{DashboardId, Expiry, TenantId},
};
use std::sync::Arc;

/// Sends a commit that the store must refuse as a conflict.
async fn expect_conflict<S: Store>(store: &S, commit: &Commit, promise: &str) {
    match store.commit(commit).await {
        Err(CommitError::Conflict) => {}
        Ok(receipt) => panic!("{promise}: the store answers {receipt:?} in place of a conflict"),
        Err(error) => panic!("{promise}: the store answers `{error}` in place of a conflict"),
    }
}

/// Head, grants, audit record and messages of a commit are all there once it is acknowledged.
///
/// Rules: [S1](crate::specification), [G21](crate::specification).
pub async fn a_commit_is_applied_whole<S: Store>(store: S) {
    const PROMISE: &str = "an acknowledged commit has written its head, each of its grants, its audit record and \
                           each of its messages (S1)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.expect_all(PROMISE, board(1)).await;
    for number in 2..6 {
        desk.share(board(1), account(1), account(number), RESHARE).await;
        desk.share(board(1), account(number), account(9), VIEW).await;
        desk.expect_all(PROMISE, board(1)).await;
    }
    // One command that changes several grants, and one commit that brings several of everything.
    let with = Person { named: account(9).into(), account: Some(account(9)), addresses: Vec::new() };
    desk.give(StopSharing { dashboard: board(1), by: account(1).into(), with }).await;
    desk.expect_all(PROMISE, board(1)).await;
    let first = desk.board(board(1)).head.next_ordinal;
    let grants: Vec<Grant> =
        (0..3).map(|n| desk.blank_grant(board(1), first + n, None, account(20 + n))).collect();
    let told = |grant: &Grant| Message::Ended { lost: vec![(account(8).into(), vec![grant.id])] };
    let messages = grants.iter().map(told).collect();
    let commit = desk.forge(board(1), grants, messages, |head| head.links_made += 7);
    desk.send(&commit).await;
    desk.expect_all(PROMISE, board(1)).await;
}

/// A commit that expects another revision than the dashboard has, older or newer, is a conflict.
///
/// Rules: [S1](crate::specification).
pub async fn a_commit_that_expects_another_revision_is_a_conflict<S: Store>(store: S) {
    const PROMISE: &str =
        "a commit is applied only if the dashboard has the very revision that it expects (S1)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let early = desk.share_command(board(1), account(1), account(2), VIEW);
    let early = desk.commit_of(&early);
    desk.share(board(1), account(1), account(3), VIEW).await;
    expect_conflict(&store, &early, PROMISE).await;
    desk.share(board(1), account(1), account(4), VIEW).await;
    expect_conflict(&store, &early, PROMISE).await;
    // Two commits ahead: the store has not seen the one between.
    let before = desk.boards.clone();
    for number in [5, 6] {
        let command = desk.share_command(board(1), account(1), account(number), VIEW);
        let commit = desk.commit_of(&command);
        desk.note(&commit);
    }
    let command = desk.share_command(board(1), account(1), account(7), VIEW);
    let ahead = desk.commit_of(&command);
    desk.boards = before;
    expect_conflict(&store, &ahead, PROMISE).await;
    desk.share(board(1), account(1), account(8), VIEW).await;
}

/// A commit that is refused has written nothing: no head, grant, link, owner, audit record, message or receipt.
///
/// Rules: [S1](crate::specification).
pub async fn a_refused_commit_leaves_nothing<S: Store>(store: S) {
    const PROMISE: &str = "a commit that is refused as a conflict must leave nothing behind (S1)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    let kept = desk.share(board(1), account(1), account(2), RESHARE).await;
    let new = desk.blank_grant(board(1), 7, None, account(5));
    let mut changed = Grant::clone(desk.grant(board(1), kept));
    changed.terms = VIEW;
    let message = Message::Ended { lost: vec![(account(2).into(), vec![kept])] };
    let rotate = desk.commit_of(&RotateLink {
        dashboard: board(1),
        by: account(1).into(),
        new: Expiry::Never.into(),
        digest: digest(2),
    });
    let link = rotate.head.link.clone();
    let stale = desk.forge(board(1), vec![changed, new.clone()], vec![message], |head| {
        (head.owner, head.link) = (account(9), link);
    });
    desk.share(board(1), account(1), account(3), VIEW).await;
    expect_conflict(&store, &stale, PROMISE).await;

    desk.expect_all(PROMISE, board(1)).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(kept)], &[kept]).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(new.id), account(5).into()], &[]).await;
    expect_same(PROMISE, &answer(store.receipt(board(1), stale.key()).await), &None);
    expect_same(PROMISE, &answer(store.read_link(&digest(2)).await).is_some(), &false);
    expect_same(PROMISE, &answer(store.read_link(&digest(1)).await).is_some(), &true);
    for list in [List::Owned(account(9)), List::Owned(account(1)), List::Held(account(5).into())] {
        expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
    }
}

/// Revision zero is expected of a dashboard that is not known, and of no other, a deleted one included.
///
/// Rules: [S1](crate::specification).
pub async fn only_an_unknown_dashboard_has_revision_zero<S: Store>(store: S) {
    const PROMISE: &str = "a commit that expects revision 0 is applied only to a dashboard that is not known, and \
                           one that expects another only to a known one (S1)";
    let mut desk = Desk::new(&store);
    desk.register(board(2), account(1)).await;
    let register = |owner| Register { dashboard: board(1), tenant: TenantId::from(1u64), owner };
    let (first, second) = (desk.commit_of(&register(account(1))), desk.commit_of(&register(account(2))));
    expect_same("the suite", &second.expected(), &Revision::ZERO);
    // Nothing is known of dashboard 1 yet, so it has no revision 1.
    desk.note(&first);
    let command = desk.share_command(board(1), account(1), account(3), VIEW);
    let early = desk.commit_of(&command);
    desk.boards.remove(&board(1));
    expect_conflict(&store, &early, PROMISE).await;
    expect_same(PROMISE, &answer(store.read(board(1), &[], Freshness::Latest).await).is_some(), &false);
    let grants = List::Grants(board(1)).fetch(&store, None, 10).await;
    expect_same(PROMISE, &grants, &Vec::new());

    desk.send(&first).await;
    expect_conflict(&store, &second, PROMISE).await;
    desk.give(DeleteDashboard { dashboard: board(1), by: account(1).into() }).await;
    let third = desk.commit_of(&register(account(4)));
    expect_conflict(&store, &second, PROMISE).await;
    desk.send(&third).await;
    desk.expect_all(PROMISE, board(1)).await;
}

/// A commit that is sent again at once is answered with the same receipt and applied once.
///
/// Rules: [S1](crate::specification).
pub async fn a_commit_sent_twice_is_applied_once<S: Store>(store: S) {
    const PROMISE: &str =
        "a commit that is sent again is answered with the same receipt and writes nothing more (S1)";
    let mut desk = Desk::new(&store);
    let register = Register { dashboard: board(1), tenant: TenantId::from(1u64), owner: account(1) };
    let mut commit = desk.commit_of(&register);
    for number in 2..6 {
        desk.send(&commit).await;
        expect_again(&store, &commit, PROMISE).await;
        desk.expect_all(PROMISE, board(1)).await;
        let command = desk.share_command(board(1), account(1), account(number), VIEW);
        commit = desk.commit_of(&command);
    }
}

async fn expect_again<S: Store>(store: &S, commit: &Commit, promise: &str) {
    match store.commit(commit).await {
        Ok(receipt) => expect_same(promise, &receipt, &commit.receipt()),
        Err(error) => panic!("{promise}: the store answers `{error}`"),
    }
}

/// A commit that is sent again after others were applied, and after its messages were delivered, changes nothing.
///
/// Rules: [S1](crate::specification).
pub async fn a_commit_sent_again_after_others_changes_nothing<S: Store>(store: S) {
    const PROMISE: &str = "a commit that is sent again after others is answered with its own receipt, undoes nothing \
                           and brings no delivered message back: look for the key before the revision (S1)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let command = desk.share_command(board(1), account(1), account(2), VIEW);
    let commit = desk.commit_of(&command);
    desk.send(&commit).await;
    let grant = commit.grants().first().map(|grant| grant.id);
    desk.revoke(board(1), account(1), grant.unwrap_or_else(|| panic!("the suite shared nothing"))).await;
    let delivered: Vec<_> = desk.outbox.keys().copied().collect();
    answer(store.acknowledge(&delivered).await);
    desk.outbox.clear();
    for number in 3..6 {
        expect_again(&store, &commit, PROMISE).await;
        desk.expect_all(PROMISE, board(1)).await;
        desk.share(board(1), account(1), account(number), VIEW).await;
    }
}

/// A receipt is there for each commit that was applied, for good, and for no other.
///
/// Rules: [S1](crate::specification).
pub async fn a_receipt_tells_whether_a_commit_was_applied<S: Store>(store: S) {
    const PROMISE: &str =
        "`receipt` finds every commit that was applied, and `None` for one that was not (S1)";
    let mut desk = Desk::new(&store);
    let unknown = CommitKey::from_bytes([0; 16]);
    expect_same(PROMISE, &answer(store.receipt(board(1), unknown).await), &None);
    desk.register(board(1), account(1)).await;
    let mut applied = Vec::new();
    for number in 2..6 {
        let command = desk.share_command(board(1), account(1), account(number), VIEW);
        let commit = desk.commit_of(&command);
        expect_same(PROMISE, &answer(store.receipt(board(1), commit.key()).await), &None);
        desk.send(&commit).await;
        applied.push(commit);
    }
    for commit in &applied {
        let found = answer(store.receipt(board(1), commit.key()).await);
        expect_same(PROMISE, &found, &Some(commit.receipt()));
    }
    expect_same(PROMISE, &answer(store.receipt(board(1), unknown).await), &None);
}

/// A key belongs to its dashboard: the same one on another dashboard is another commit.
///
/// Rules: [S1](crate::specification).
pub async fn a_key_counts_for_its_dashboard_only<S: Store>(store: S) {
    const PROMISE: &str = "a commit is known by its dashboard and its key together (S1)";
    let mut desk = Desk::new(&store);
    let register = |board| Register { dashboard: board, tenant: TenantId::from(1u64), owner: account(1) };
    let first = desk.commit_of(&register(board(1)));
    let mut second = desk.commit_of(&register(board(2)));
    second.key = first.key();
    desk.send(&first).await;
    expect_same(PROMISE, &answer(store.receipt(board(2), first.key()).await), &None);
    desk.send(&second).await;
    desk.expect_all(PROMISE, board(2)).await;
    desk.expect_all(PROMISE, board(1)).await;
}

/// A key that another commit has acknowledges nothing: that one stands alone, and its receipt is its own.
///
/// Rules: [S1](crate::specification).
pub async fn a_used_key_acknowledges_nothing_else<S: Store>(store: S) {
    const PROMISE: &str = "a commit under a key that another one of its dashboard was written under is refused with \
                           `KeyReused` and writes nothing, whatever revision it expects: a receipt is compared by what \
                           it is of (S1)";
    let mut desk = Desk::new(&store);
    let register = |owner| Register { dashboard: board(1), tenant: TenantId::from(1u64), owner };
    let (first, mut rival) = (desk.commit_of(&register(account(1))), desk.commit_of(&register(account(2))));
    rival.key = first.key();
    desk.send(&first).await;
    let command = desk.share_command(board(1), account(1), account(3), VIEW);
    let mut stale = desk.commit_of(&command);
    stale.key = first.key();
    desk.share(board(1), account(1), account(4), VIEW).await;
    for next in 5..8 {
        let command = desk.share_command(board(1), account(1), account(next), VIEW);
        let mut new = desk.commit_of(&command);
        new.key = first.key();
        // All that a commit says counts: this one differs in its message alone.
        let mut quiet = first.clone();
        quiet.outbox = new.outbox.clone();
        for commit in [&rival, &stale, &new, &quiet] {
            match store.commit(commit).await {
                Err(CommitError::KeyReused) => {}
                Ok(receipt) => panic!("{PROMISE}: the store answers {receipt:?}"),
                Err(error) => panic!("{PROMISE}: the store answers `{error}`"),
            }
            desk.expect_all(PROMISE, board(1)).await;
        }
        let found = answer(store.receipt(board(1), first.key()).await);
        expect_same(PROMISE, &found, &Some(first.receipt()));
        expect_again(&store, &first, PROMISE).await;
        desk.share(board(1), account(1), account(next), VIEW).await;
    }
}

/// Two dashboards' links never have the same digest: a token opens one dashboard, also when it was drawn twice.
///
/// Rules: [L4](crate::specification), [L10](crate::specification).
pub async fn a_digest_opens_one_dashboard<S: Store>(store: S) {
    const PROMISE: &str = "a commit whose link has the digest of another dashboard's link fails and writes nothing: \
                           whoever holds that token must not come to another dashboard (L4, L10)";
    let mut desk = Desk::new(&store);
    for number in 1..3 {
        desk.register(board(number), account(number)).await;
    }
    desk.rotate(board(1), account(1), digest(5)).await;
    let rotate = RotateLink {
        dashboard: board(2),
        by: account(2).into(),
        new: Expiry::Never.into(),
        digest: digest(5),
    };
    let second = desk.commit_of(&rotate);
    match store.commit(&second).await {
        Err(CommitError::Failed(_)) => {}
        Ok(receipt) => panic!("{PROMISE}: the store answers {receipt:?}"),
        Err(error) => panic!("{PROMISE}: the store answers `{error}`"),
    }
    for number in 1..3 {
        desk.expect_all(PROMISE, board(number)).await;
    }
    let found = answer(store.read_link(&digest(5)).await);
    expect_same(PROMISE, &found.map(|found| found.head.dashboard), &Some(board(1)));
    // The dashboard's own link may keep its digest.
    desk.share(board(1), account(1), account(3), VIEW).await;
}

/// Receipts that are old enough are swept, so many at a time and nothing else; what was applied is not applied again.
///
/// Rules: [G23](crate::specification), [S1](crate::specification).
pub async fn old_receipts_are_swept<S: Store>(store: S) {
    const PROMISE: &str = "`sweep` removes up to `limit` receipts of commits before an instant, of every dashboard, tells \
                           how many, and removes nothing else (G23)";
    let mut desk = Desk::new(&store);
    let mut commits = Vec::new();
    for number in [2, 1] {
        let register = Register { dashboard: board(number), tenant: TenantId::from(1u64), owner: account(1) };
        commits.push(desk.commit_of(&register));
        desk.send(&commits[commits.len() - 1]).await;
    }
    for number in 2..10 {
        let command = desk.share_command(board(number % 2 + 1), account(1), account(number), VIEW);
        commits.push(desk.commit_of(&command));
        desk.send(&commits[commits.len() - 1]).await;
    }
    let (old, new) = commits.split_at(6);
    let before = new[0].audit().at;
    expect_same(PROMISE, &answer(store.sweep(before, 0).await), &0);
    expect_same(PROMISE, &answer(store.sweep(old[0].audit().at, 100).await), &0);
    for (limit, left) in [(2, 4), (1, 3), (4, 0), (100, 0)] {
        let swept = answer(store.sweep(before, limit).await);
        let mut standing = 0;
        for commit in old {
            let found = answer(store.receipt(commit.dashboard(), commit.key()).await);
            expect_same(PROMISE, &found.is_none_or(|found| found == commit.receipt()), &true);
            standing += usize::from(found.is_some());
        }
        expect_same(PROMISE, &standing, &left);
        let expected = [(2, 2), (1, 1), (4, 3), (100, 0)].into_iter().find(|(of, _)| *of == limit);
        expect_same(PROMISE, &Some((limit, swept)), &expected);
    }
    for commit in old {
        let again = "a commit whose receipt was swept is not applied again: its revision is gone (S1, G23)";
        expect_conflict(&store, commit, again).await;
    }
    for commit in new {
        expect_again(&store, commit, PROMISE).await;
    }
    for number in 1..3 {
        desk.expect_all(PROMISE, board(number)).await;
    }
}

/// One commit may bring hundreds of grants, and a page may hold hundreds: it is short only at the end.
///
/// Rules: [S1](crate::specification), [S3](crate::specification).
pub async fn a_commit_may_bring_hundreds_of_grants<S: Store>(store: S) {
    const PROMISE: &str = "a commit with hundreds of grants is applied whole, and a page is shorter than its limit only \
                           at the end of the list (S1, S3)";
    let mut desk = Desk::new(&store);
    let root = many_below(&mut desk, board(1)).await;
    for list in [List::Grants(board(1)), List::Below(board(1), root.id)] {
        let expected = list.expected(&desk);
        for limit in [512, 2000] {
            expect_same(PROMISE, &list.walk(&store, limit, 10).await, &expected);
        }
    }
}

/// A root with 600 grants below it, made in one commit.
async fn many_below<S: Store>(desk: &mut Desk<'_, S>, dashboard: DashboardId) -> Arc<Grant> {
    desk.register(dashboard, account(1)).await;
    let root = desk.share(dashboard, account(1), account(2), RESHARE).await;
    let root = Arc::clone(desk.grant(dashboard, root));
    let mut middle: Option<Grant> = None;
    let mut grants = Vec::new();
    for ordinal in 1..=600 {
        let parent = middle.clone().filter(|_| ordinal % 3 == 0).unwrap_or_else(|| Grant::clone(&root));
        let grant = desk.blank_grant(dashboard, ordinal, Some(&parent), account(100 + ordinal));
        middle.get_or_insert_with(|| grant.clone());
        grants.push(grant);
    }
    let commit = desk.forge(dashboard, grants, Vec::new(), |_: &mut Head| {});
    desk.send(&commit).await;
    root
}

/// Revoking a grant writes one row however much hangs on it; whatever hangs on it is read as it was.
///
/// Rules: [S5](crate::specification), [G14](crate::specification).
pub async fn a_revocation_writes_one_row<S: Store>(store: S) {
    const PROMISE: &str = "a commit writes the rows that it brings and no other: what hangs on a revoked grant is \
                           not touched, its end is derived (S5)";
    let mut desk = Desk::new(&store);
    let root = many_below(&mut desk, board(1)).await;
    let revoke =
        Revoke { dashboard: board(1), by: account(1).into(), grant: root.id, mode: RevokeMode::Cascade };
    let commit = desk.commit_of(&revoke);
    expect_same("the suite: a revocation brings one grant", &commit.grants().len(), &1);
    desk.send(&commit).await;
    let list = List::Below(board(1), root.id);
    expect_same(PROMISE, &list.walk(&store, 1000, 10).await, &list.expected(&desk));
    let ended = desk.board(board(1)).grants.values().filter(|grant| grant.revoked.is_some()).count();
    expect_same("the suite: one grant is revoked", &ended, &1);
    let holder = account(103);
    let leaf = desk.board(board(1)).grants.get(&3).map(|grant| grant.id);
    let leaf = leaf.unwrap_or_else(|| panic!("the suite made no grant 3"));
    desk.expect_found(PROMISE, board(1), &[holder.into()], &[leaf]).await;
}

/// Dashboards do not disturb each other: each has its own revision, grants, audit trail and messages.
///
/// Rules: [S1](crate::specification).
pub async fn dashboards_do_not_disturb_each_other<S: Store>(store: S) {
    const PROMISE: &str = "a commit changes nothing of any other dashboard (S1)";
    let mut desk = Desk::new(&store);
    for number in 1..4 {
        desk.register(board(number), account(1)).await;
    }
    for number in 1..4 {
        let invited = address("ann@example.com");
        desk.share(board(number), account(1), account(2), RESHARE).await;
        desk.share(board(number), account(2), invited, VIEW).await;
        desk.rotate(board(number), account(1), digest(u8::try_from(number).unwrap_or(0))).await;
        for other in 1..4 {
            desk.expect_all(PROMISE, board(other)).await;
        }
    }
}
