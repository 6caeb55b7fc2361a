//! S3: lists come in pages, in order, with no gap and no repeat, also while others write.

use super::{
    desk::{Desk, RESHARE, VIEW, account, address, answer, board, digest, expect_same},
    lists::{List, Row},
};
use crate::{
    host::Store,
    record::{Actor, Grant, Message, MessageId, Revision, Seed, Terms},
    sharing::amend::Amendment,
    value::{AccountId, DashboardId, Expiry, Rights},
};

/// Dashboards whose order as bytes is not that of signed or little-endian numbers, nor of a UUID's fields.
fn boards() -> [DashboardId; 7] {
    let mut ids = [[0u8; 16]; 7];
    for (id, (at, byte)) in
        ids.iter_mut().zip([(15, 1), (15, 2), (14, 1), (8, 1), (0, 1), (0, 0x7f), (0, 0x80)])
    {
        if let Some(place) = id.get_mut(at) {
            *place = byte;
        }
    }
    ids.map(DashboardId::from_bytes)
}

/// A dashboard's grants come by ordinal, in pages.
///
/// Rules: [S3](crate::specification).
pub async fn grants_come_by_ordinal_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.register(board(2), account(1)).await;
    for number in 2..14 {
        let grant = desk.share(board(1), account(1), account(number), VIEW).await;
        desk.share(board(2), account(1), account(number), VIEW).await;
        if number % 4 == 0 {
            desk.revoke(board(1), account(1), grant).await;
        }
    }
    List::Grants(board(1)).expect_in_pages(&desk).await;
    // An ordinal that no grant has is a place like any other.
    let first = desk.board(board(1)).head.next_ordinal + 10;
    let late = (0..3).map(|n| desk.blank_grant(board(1), first + 10 * n, None, account(3))).collect();
    let commit = desk.forge(board(1), late, Vec::new(), |_| {});
    desk.send(&commit).await;
    List::Grants(board(1)).expect_in_pages(&desk).await;
    let found = answer(store.grants(board(1), first + 1, 1).await);
    expect_same(
        "`grants` begins with the first ordinal of `from` or more (S3)",
        &found.iter().map(|grant| grant.ordinal).collect::<Vec<_>>(),
        &vec![first + 10],
    );
}

/// All that hangs on a grant comes by ordinal, in pages: children, their children, and so on, and nothing else.
///
/// Rules: [S3](crate::specification).
pub async fn what_hangs_on_a_grant_comes_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let root = desk.share(board(1), account(1), account(2), RESHARE).await;
    let beside = desk.share(board(1), account(1), account(3), RESHARE).await;
    let mut middle = root;
    for number in 4..10 {
        middle = desk.share(board(1), account(2), account(number), RESHARE).await;
        desk.share(board(1), account(number), account(number + 20), RESHARE).await;
        desk.share(board(1), account(number + 20), account(number + 40), VIEW).await;
        desk.share(board(1), account(3), account(number + 60), VIEW).await;
    }
    for _ in 0..2 {
        List::Below(board(1), root).expect_in_pages(&desk).await;
        List::Below(board(1), beside).expect_in_pages(&desk).await;
        let few = List::Below(board(1), middle);
        let promise =
            "`grants_below` answers with what hangs on that grant, dead or alive, and nothing else (S3)";
        expect_same(promise, &few.fetch(&store, None, 100).await, &few.expected(&desk));
        if desk.grant(board(1), middle).revoked.is_none() {
            desk.revoke(board(1), account(1), middle).await;
            desk.revoke(board(1), account(1), root).await;
        }
    }
}

/// A holder's grants come by dashboard and ordinal, in pages, each with its head and its chain.
///
/// Rules: [S3](crate::specification).
pub async fn what_one_holds_comes_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    let ann = address("ann@example.com");
    let mut order = boards();
    order.reverse();
    for dashboard in order {
        desk.register(dashboard, account(1)).await;
        desk.share(dashboard, account(1), account(3), RESHARE).await;
        desk.share(dashboard, account(1), account(2), RESHARE).await;
        desk.share(dashboard, account(3), account(2), VIEW).await;
        desk.share(dashboard, account(3), ann.clone(), VIEW).await;
    }
    for dashboard in order.into_iter().step_by(2) {
        desk.claim(dashboard, account(2), &ann).await;
    }
    desk.delete(order[1]).await;
    List::Held(account(2).into()).expect_in_pages(&desk).await;
    List::Held(ann.into()).expect_in_pages(&desk).await;
}

/// The dashboards that an account owns come by id, in pages.
///
/// Rules: [S3](crate::specification).
pub async fn what_one_owns_comes_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    let mut order = boards();
    order.reverse();
    for dashboard in order {
        desk.register(dashboard, account(1)).await;
    }
    for number in 20..23 {
        desk.register(board(number), account(2)).await;
    }
    List::Owned(account(1)).expect_in_pages(&desk).await;
}

/// An owner's list follows every transfer, deletion and registration.
///
/// Rules: [G18](crate::specification), [G19](crate::specification).
pub async fn a_dashboard_is_listed_under_its_owner_only<S: Store>(store: S) {
    const PROMISE: &str = "`owned` lists a dashboard under the owner that it has now, and not once it is deleted (G18, \
                           G19)";
    let mut desk = Desk::new(&store);
    for number in 1..5 {
        desk.register(board(number), account(1)).await;
    }
    for step in 0..6 {
        match step {
            0 => {}
            1 => desk.transfer(board(2), account(2), Rights::VIEW).await,
            2 => desk.transfer(board(2), account(3), Rights::NONE).await,
            3 => desk.delete(board(3)).await,
            4 => desk.register(board(3), account(2)).await,
            _ => desk.transfer(board(2), account(1), Rights::NONE).await,
        }
        for owner in 1..4 {
            let list = List::Owned(account(owner));
            expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
        }
    }
}

/// A deleted dashboard keeps its head, its grants and its audit trail, and its revisions go on.
///
/// Rules: [G19](crate::specification).
pub async fn a_deleted_dashboard_is_kept_and_goes_on_counting<S: Store>(store: S) {
    const PROMISE: &str = "a deleted dashboard keeps its head, grants and audit trail, also when its id is registered \
                           again (G19)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let old = desk.share(board(1), account(1), account(2), RESHARE).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    desk.delete(board(1)).await;
    desk.expect_all(PROMISE, board(1)).await;
    desk.register(board(1), account(3)).await;
    desk.expect_all(PROMISE, board(1)).await;
    let new = desk.share(board(1), account(3), account(2), VIEW).await;
    desk.expect_all(PROMISE, board(1)).await;
    desk.expect_found(PROMISE, board(1), &[Seed::EverHeld(account(2).into())], &[old, new]).await;
}

/// The audit trail comes by revision, oldest first, in pages, with one record for each commit.
///
/// Rules: [S3](crate::specification), [G21](crate::specification).
pub async fn the_audit_trail_comes_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    for number in 1..3 {
        desk.register(board(number), account(1)).await;
    }
    for number in 2..14 {
        desk.share(board(1), account(1), account(number), VIEW).await;
        desk.share(board(2), account(1), account(number), VIEW).await;
    }
    List::Audit(board(1)).expect_in_pages(&desk).await;
}

/// What an actor did comes by dashboard and revision, in pages; the host is an actor, and no account.
///
/// Rules: [S3](crate::specification), [G21](crate::specification).
pub async fn what_one_did_comes_in_pages<S: Store>(store: S) {
    const PROMISE: &str =
        "`audit_of` answers with what this actor did and nothing else; the host is no account (G21)";
    let mut desk = Desk::new(&store);
    let nil = AccountId::from_bytes([0; 16]);
    let mut order = boards();
    order.reverse();
    for (dashboard, number) in order.into_iter().zip(0..) {
        let owner = if number % 2 == 0 { account(1) } else { nil };
        desk.register(dashboard, owner).await;
        for with in 3..6 + number {
            desk.share(dashboard, owner, account(with), RESHARE).await;
        }
        desk.share(dashboard, account(3), account(50), VIEW).await;
        desk.transfer(dashboard, account(2), Rights::NONE).await;
        desk.share(dashboard, account(2), account(51), VIEW).await;
    }
    for actor in [Actor::Host, nil.into(), account(1).into(), account(2).into(), account(3).into()] {
        List::Deeds(actor).expect_in_pages(&desk).await;
    }
    for actor in [account(4), account(50)] {
        let nothing = List::Deeds(actor.into()).fetch(&store, None, 10).await;
        expect_same(PROMISE, &nothing, &Vec::new());
    }
}

/// Messages come by dashboard, revision and index, in pages, however many digits those have.
///
/// Rules: [S3](crate::specification).
pub async fn the_outbox_comes_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    let mut order = boards();
    order.reverse();
    for dashboard in order {
        desk.register(dashboard, account(1)).await;
        desk.share(dashboard, account(1), account(2), VIEW).await;
    }
    for number in 3..14 {
        desk.share(order[0], account(1), account(number), VIEW).await;
    }
    let told = |n| Message::Ended { lost: vec![(account(n).into(), Vec::new())] };
    let commit = desk.forge(order[1], Vec::<Grant>::new(), (0..12).map(told).collect(), |_| {});
    desk.send(&commit).await;
    List::Outbox.expect_in_pages(&desk).await;
}

/// Acknowledging removes the messages that are named and no others; doing it twice is no error.
///
/// Rules: [S3](crate::specification).
pub async fn acknowledging_removes_just_what_it_names<S: Store>(store: S) {
    const PROMISE: &str = "`acknowledge` removes the messages that it names, no others, and does not mind one that is \
                           not there";
    let mut desk = Desk::new(&store);
    for number in 1..4 {
        desk.register(board(number), account(1)).await;
        desk.share(board(number), account(1), account(2), VIEW).await;
        let told = |n| Message::Ended { lost: vec![(account(n).into(), Vec::new())] };
        let commit = desk.forge(board(number), Vec::new(), (0..4).map(told).collect(), |_| {});
        desk.send(&commit).await;
    }
    answer(store.acknowledge(&[]).await);
    desk.expect_all(PROMISE, board(1)).await;
    let all: Vec<MessageId> = desk.outbox.keys().copied().collect();
    for chosen in [&all[6..7], &all[6..9], &all[0..1], &all[14..15], &all[2..12], &all[..]] {
        answer(store.acknowledge(chosen).await);
        desk.outbox.retain(|id, _| !chosen.contains(id));
        desk.expect_all(PROMISE, board(1)).await;
    }
    let unknown = MessageId { dashboard: board(77), revision: Revision::new(1), index: 0 };
    answer(store.acknowledge(&[unknown, unknown]).await);
    // What was delivered leaves its cursor usable: the page after it goes on.
    desk.share(board(1), account(1), account(5), VIEW).await;
    desk.share(board(3), account(1), account(5), VIEW).await;
    let found = answer(store.outbox(all.get(7).copied(), 10).await);
    let after: Vec<_> =
        desk.outbox.values().filter(|m| all.get(7).is_some_and(|id| m.id > *id)).cloned().collect();
    expect_same(PROMISE, &found, &after);
}

/// A cursor may stand at any place, beyond the last row and at the end of all numbers; a limit may be of any size.
///
/// Rules: [S3](crate::specification).
pub async fn a_cursor_may_stand_at_any_place<S: Store>(store: S) {
    const PROMISE: &str = "a cursor is a place in the order: beyond every row there is nothing, however large its number \
                           is, and no number counts as negative (S3)";
    let mut desk = Desk::new(&store);
    for dashboard in boards() {
        desk.register(dashboard, account(1)).await;
        let root = desk.share(dashboard, account(1), account(2), RESHARE).await;
        desk.share(dashboard, account(2), account(3), VIEW).await;
        let all = List::Below(dashboard, root).fetch(&store, None, usize::MAX).await;
        expect_same("a limit may be of any size (S3)", &all.len(), &1);
    }
    let [first, .., last] = boards();
    let root = desk.board(first).grants.values().next().map(|grant| grant.id);
    let root = root.unwrap_or_else(|| panic!("the suite shared nothing"));
    for far in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, 1 << 62, 1 << 32] {
        let revision = Revision::new(far);
        for limit in [3, usize::MAX] {
            let grants = answer(store.grants(first, far, limit).await);
            expect_same(PROMISE, &grants, &Vec::new());
            let below = answer(store.grants_below(first, root, far, limit).await);
            expect_same(PROMISE, &below, &Vec::new());
            let audit = answer(store.audit(first, revision, limit).await);
            expect_same(PROMISE, &audit, &Vec::new());
            let held = answer(store.held(&account(2).into(), Some((last, far)), limit).await);
            expect_same(PROMISE, &held.len(), &0);
            let deeds = answer(store.audit_of(account(1).into(), Some((last, revision)), limit).await);
            expect_same(PROMISE, &deeds, &Vec::new());
            let after = MessageId { dashboard: last, revision, index: u32::MAX };
            expect_same(PROMISE, &answer(store.outbox(Some(after), limit).await), &Vec::new());
            // In the middle, only what comes on later dashboards is left.
            let held = answer(store.held(&account(2).into(), Some((first, far)), limit).await);
            expect_same(PROMISE, &held.len(), &limit.min(boards().len() - 1));
        }
    }
    for owner in [account(1), account(9)] {
        let beyond = DashboardId::from_bytes([0xff; 16]);
        expect_same(PROMISE, &answer(store.owned(owner, Some(beyond), usize::MAX).await), &Vec::new());
    }
    for list in [List::Held(account(2).into()), List::Owned(account(1)), List::Audit(first), List::Outbox] {
        let all = list.fetch(&store, None, usize::MAX).await;
        expect_same("a limit may be of any size (S3)", &all, &list.expected(&desk));
    }
}

/// Whoever pages while others write meets every row that stood all along once, and none twice.
///
/// Rules: [S3](crate::specification).
pub async fn pages_have_no_gaps_and_no_repeats_while_others_write<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    let mut roots = Vec::new();
    for dashboard in boards() {
        desk.register(dashboard, account(1)).await;
        let root = desk.share(dashboard, account(1), account(2), RESHARE).await;
        for number in 3..9 {
            desk.share(dashboard, account(2), account(number), VIEW).await;
        }
        roots.push(root);
    }
    let (first, root) = (boards()[0], roots[0]);
    let lists = [
        List::Grants(first),
        List::Below(first, root),
        List::Held(account(2).into()),
        List::Owned(account(1)),
        List::Audit(first),
        List::Deeds(account(1).into()),
        List::Outbox,
    ];
    let standing = lists.each_ref().map(|list| list.expected(&desk).iter().map(name).collect::<Vec<_>>());
    let mut found = lists.each_ref().map(|_| Vec::<Row>::new());
    for step in 0..80u64 {
        for (list, rows) in lists.iter().zip(&mut found) {
            let page = list.fetch(&store, rows.last(), 2).await;
            rows.extend(page);
        }
        if step < 12 {
            others_write(&mut desk, first, step).await;
        }
    }
    for ((list, standing), rows) in lists.iter().zip(standing).zip(&found) {
        let names: Vec<String> = rows.iter().map(name).collect();
        for pair in names.windows(2) {
            if names.iter().filter(|name| Some(*name) == pair.first()).count() > 1 {
                panic!("a row must not come twice while others write (S3): {list:?} answers {names:?}");
            }
        }
        // A grant or a dashboard is never taken off these lists here, and no message was acknowledged.
        if let Some(missed) = standing.iter().find(|name| !names.contains(name)) {
            panic!(
                "a row that stood all along must not be left out while others write (S3): {list:?} has no {missed}"
            );
        }
    }
}

/// Changes rows that were read, rows that were not, and adds rows before and after every cursor.
async fn others_write<S: Store>(desk: &mut Desk<'_, S>, first: DashboardId, step: u64) {
    let narrower = Amendment { rights: Some(Rights::VIEW), ..Amendment::default() };
    for dashboard in [first, boards()[usize::try_from(step % 7).unwrap_or(0)]] {
        let by = account(1);
        let root = desk.board(dashboard).grants.values().next().map(|grant| grant.id);
        let root = root.unwrap_or_else(|| panic!("the suite shared nothing"));
        if desk.grant(dashboard, root).terms.rights == Rights::ALL {
            desk.amend(dashboard, by, root, narrower.clone()).await;
        }
        let live = desk.board(dashboard).grants.values().rfind(|grant| grant.revoked.is_none());
        if let Some(live) = live.map(|grant| grant.id).filter(|live| *live != root) {
            desk.revoke(dashboard, by, live).await;
        }
        for with in [account(2), account(200 + step)] {
            let terms = Terms { expiry: Expiry::At(desk.now.plus_days(30)), ..VIEW };
            desk.share(dashboard, by, with, terms).await;
        }
    }
    let between = [0x10 + u8::try_from(step * 7 % 12).unwrap_or(0); 16];
    desk.register(DashboardId::from_bytes(between), account(1)).await;
}

/// What a row is about, without what others may change of it.
fn name(row: &Row) -> String {
    match row {
        Row::Grant(grant) => grant.id.to_string(),
        Row::Held(head, chains) => {
            let leaf = chains.first().and_then(|chain| chain.first());
            format!("{} {:?}", head.dashboard, leaf.map(|grant| grant.id))
        }
        Row::Owned(head) => head.dashboard.to_string(),
        Row::Audit(record) => format!("{} {}", record.dashboard, record.revision),
        Row::Message(message) => format!("{:?}", message.id),
        Row::Dead(letter) => format!("{:?}", letter.id),
    }
}
