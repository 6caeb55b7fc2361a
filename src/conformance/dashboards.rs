//! S2, S3: what a holder has on a page of dashboards, read at once.

use super::desk::{Desk, RESHARE, VIEW, account, address, answer, board, expect_same};
use crate::{
    host::{Freshness, Store},
    record::{Holder, Revision, Seed, Snapshot},
    value::DashboardId,
};
use std::collections::BTreeMap;

/// Reads a page, in which each dashboard may be once.
async fn page<S: Store>(
    promise: &str,
    store: &S,
    dashboards: &[DashboardId],
    holder: &Holder,
    freshness: Freshness,
) -> BTreeMap<DashboardId, Snapshot> {
    let mut page = BTreeMap::new();
    for snapshot in answer(store.read_many(dashboards, holder, freshness).await) {
        let dashboard = snapshot.head.dashboard;
        if page.insert(dashboard, snapshot).is_some() {
            panic!("{promise}\n  the store answers {dashboard} twice");
        }
    }
    page
}

/// Each dashboard of a page has the chains that its holder has there, and no others: what a holder may do on one says
/// nothing about the next.
///
/// Rules: [S2](crate::specification).
pub async fn each_of_a_page_of_dashboards_has_its_own_chains<S: Store>(store: S) {
    const PROMISE: &str = "each snapshot of `read_many` has the head and the chains of its own dashboard, as `read` \
                           answers for it (S2)";
    let mut desk = Desk::new(&store);
    let ann = address("ann@example.com");
    let all: Vec<DashboardId> = (1..=5).map(board).collect();
    for dashboard in &all {
        desk.register(*dashboard, account(1)).await;
        desk.share(*dashboard, account(1), account(3), RESHARE).await;
    }
    // A direct grant, one that hangs on another, both, and a claimed address; on the last one nothing.
    let mut leaves = BTreeMap::from([(board(5), Vec::new())]);
    leaves.insert(board(1), vec![desk.share(board(1), account(1), account(2), VIEW).await]);
    leaves.insert(board(2), vec![desk.share(board(2), account(3), account(2), VIEW).await]);
    let direct = desk.share(board(3), account(1), account(2), RESHARE).await;
    leaves.insert(board(3), vec![direct, desk.share(board(3), account(3), account(2), VIEW).await]);
    let invited = desk.share(board(4), account(3), ann.clone(), VIEW).await;
    leaves.insert(board(4), vec![invited]);
    desk.claim(board(4), account(2), &ann).await;
    for freshness in [Freshness::Latest, Freshness::AtLeast(Revision::ZERO)] {
        let found = page(PROMISE, &store, &all, &account(2).into(), freshness).await;
        for (dashboard, leaves) in &leaves {
            let Some(snapshot) = found.get(dashboard) else {
                panic!("{PROMISE}\n  the store leaves {dashboard} out")
            };
            expect_same(PROMISE, &snapshot.head, &desk.board(*dashboard).head);
            desk.expect_chains(PROMISE, *dashboard, snapshot, leaves);
        }
    }
    let by_address = page(PROMISE, &store, &all, &ann.clone().into(), Freshness::Latest).await;
    for (dashboard, snapshot) in &by_address {
        let expected: &[_] = if *dashboard == board(4) { &[invited] } else { &[] };
        desk.expect_chains(PROMISE, *dashboard, snapshot, expected);
        let alone = desk.read(*dashboard, &[Seed::Holder(ann.clone().into())]).await;
        expect_same(PROMISE, &snapshot.chains, &alone.chains);
    }
}

/// A page has each dashboard that is known once, whether one holds something there or not, and no others.
///
/// Rules: [S2](crate::specification).
pub async fn a_page_of_dashboards_is_answered_whole<S: Store>(store: S) {
    const PROMISE: &str = "`read_many` answers with one snapshot for each dashboard that is known, hundreds of them if need \
                           be, and with none for any other (S2)";
    const MANY: u64 = 300;
    let mut desk = Desk::new(&store);
    for number in 1..=MANY {
        desk.register(board(number), account(1)).await;
    }
    desk.share(board(7), account(1), account(2), VIEW).await;
    desk.delete(board(9)).await;
    let holder = Holder::from(account(2));
    let known: Vec<DashboardId> = (1..=MANY).map(board).collect();
    let unknown: Vec<DashboardId> = (1000..1003).map(board).collect();
    let cases: [(Vec<DashboardId>, &[DashboardId]); 5] = [
        (Vec::new(), &[]),
        (unknown.clone(), &[]),
        (vec![board(7), unknown[0], board(8), board(9), board(7)], &known[6..9]),
        (known.iter().rev().copied().collect(), &known),
        ([unknown, known.clone(), known.clone()].concat(), &known),
    ];
    for (asked, expected) in cases {
        let found = page(PROMISE, &store, &asked, &holder, Freshness::Latest).await;
        expect_same(PROMISE, &found.keys().copied().collect(), &expected.to_vec());
        for (dashboard, snapshot) in &found {
            expect_same(PROMISE, &snapshot.head, &desk.board(*dashboard).head);
            expect_same(PROMISE, &snapshot.chains.len(), &usize::from(*dashboard == board(7)));
        }
    }
}

/// A page that is read after a commit returned sees it, and one that demands a revision is no older.
///
/// Rules: [S3](crate::specification), [D6](crate::specification).
pub async fn a_page_of_dashboards_sees_every_commit_before_it<S: Store>(store: S) {
    const PROMISE: &str = "`read_many` sees every commit that was acknowledged before it began, and is never older than the \
                           revision demanded (S3, D6)";
    let mut desk = Desk::new(&store);
    let both = [board(1), board(2)];
    for dashboard in both {
        desk.register(dashboard, account(1)).await;
    }
    let holder = Holder::from(account(2));
    for _ in 0..4 {
        let made = desk.share(board(1), account(1), account(2), VIEW).await;
        for revoked in [false, true] {
            if revoked {
                desk.revoke(board(1), account(1), made).await;
            }
            let revision = desk.board(board(1)).head.revision;
            for freshness in [Freshness::AtLeast(revision), Freshness::Latest] {
                let found = page(PROMISE, &store, &both, &holder, freshness).await;
                for dashboard in both {
                    let head = found.get(&dashboard).map(|found| &found.head);
                    expect_same(PROMISE, &head, &Some(&desk.board(dashboard).head));
                }
                let grants = found[&board(1)].chains.iter().filter_map(|chain| chain.first());
                let last = grants.max_by_key(|grant| grant.ordinal);
                expect_same(PROMISE, &last, &Some(desk.grant(board(1), made)));
            }
        }
    }
}
