//! S2, S3: what a read finds, in which order, and that it sees what was committed.

use super::{
    desk::{Desk, RESHARE, VIEW, account, address, answer, board, digest, expect_same},
    lists::List,
};
use crate::{
    host::{Freshness, Store},
    record::{CommitKey, Grant, Grantee, Holder, Invitation, Revision, Seed, Terms},
    sharing::amend::Amendment,
    value::{AccountId, DashboardId, Expiry, GrantId, Rights},
};
use std::sync::Arc;

/// A read that starts after a commit returned sees it, whichever way it reads.
///
/// Rules: [S3](crate::specification).
pub async fn a_read_sees_every_commit_before_it<S: Store>(store: S) {
    const PROMISE: &str = "a read that starts after a commit was acknowledged must see it: no replica that lags, no \
                           cache that is not told (S3)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    for number in 2..8 {
        let made = desk.share(board(1), account(1), account(number), VIEW).await;
        desk.expect_found(PROMISE, board(1), &[account(number).into(), Seed::Grant(made)], &[made]).await;
        desk.rotate(board(1), account(1), digest(u8::try_from(number).unwrap_or(0))).await;
        let link = answer(store.read_link(&digest(u8::try_from(number).unwrap_or(0))).await);
        let head = link.map(|found| found.head);
        expect_same(PROMISE, &head.as_ref(), &Some(&desk.board(board(1)).head));
        desk.revoke(board(1), account(1), made).await;
        desk.expect_found(PROMISE, board(1), &[account(number).into()], &[made]).await;
        for list in [List::Held(account(number).into()), List::Owned(account(1))] {
            expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
        }
        desk.expect_all(PROMISE, board(1)).await;
    }
}

/// A read that demands a revision is of that revision or a later one, and the latest is always the latest; whatever it
/// is, it is whole.
///
/// Rules: [S3](crate::specification), [D6](crate::specification).
pub async fn a_read_is_never_older_than_the_revision_demanded<S: Store>(store: S) {
    const PROMISE: &str = "a read that demands a revision answers as of that revision or a later one, however much it is \
                           cached (D6)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let grant = desk.share(board(1), account(1), account(2), RESHARE).await;
    let seeds = [account(2).into(), Seed::Grant(grant)];
    let mut known = vec![desk.board(board(1)).clone()];
    for days in (90..98).rev() {
        // Whoever asked before may have filled a cache.
        for wanted in [0, known[0].head.revision.number(), desk.board(board(1)).head.revision.number()] {
            let freshness = Freshness::AtLeast(Revision::new(wanted));
            let Some(found) = answer(store.read(board(1), &seeds, freshness).await) else {
                panic!("{PROMISE}\n  the store answers `None` for a dashboard that is known")
            };
            if found.head.revision.number() < wanted {
                panic!("{PROMISE}\n  wanted was {wanted}, and the head is of {}", found.head.revision);
            }
            let Some(then) = known.iter().find(|board| board.head.revision == found.head.revision) else {
                panic!("{PROMISE}\n  the dashboard never had the revision {}", found.head.revision);
            };
            expect_same("a read is as of one moment, cached or not (S2)", &found.head, &then.head);
            let row = then.grants.values().find(|row| row.id == grant).map(|row| vec![Arc::clone(row)]);
            for chain in &found.chains {
                expect_same("a read is as of one moment, cached or not (S2)", &Some(chain), &row.as_ref());
            }
        }
        desk.expect_found(PROMISE, board(1), &seeds, &[grant]).await;
        let expiry = Some(Expiry::At(desk.now.plus_days(days)));
        desk.amend(board(1), account(1), grant, Amendment { expiry, ..Amendment::default() }).await;
        known.push(desk.board(board(1)).clone());
    }
    let beyond = Freshness::AtLeast(desk.board(board(1)).head.revision.next());
    let found = answer(store.read(board(1), &seeds, beyond).await).map(|found| found.head);
    let latest = Some(Arc::clone(&desk.board(board(1)).head));
    expect_same("a revision that was not reached yet is answered with the latest (D6)", &found, &latest);
    let unknown = answer(store.read(board(9), &seeds, beyond).await).is_some();
    expect_same("a dashboard that is not known is `None` whatever is demanded (S2)", &unknown, &false);
}

/// What is not there is answered with nothing, and never with something else.
///
/// Rules: [S2](crate::specification).
pub async fn what_is_not_there_reads_as_nothing<S: Store>(store: S) {
    const PROMISE: &str = "what is not there must read as nothing, not as the first row (S2)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    let grant = desk.share(board(1), account(1), account(2), RESHARE).await;
    desk.share(board(1), account(2), account(3), VIEW).await;
    let nobody: Vec<Seed> = vec![
        account(9).into(),
        Seed::Holder(address("nobody@example.com").into()),
        Seed::Grant(GrantId::from(9u64)),
    ];
    expect_same(PROMISE, &answer(store.read(board(9), &[], Freshness::Latest).await).is_some(), &false);
    expect_same(
        PROMISE,
        &answer(store.read(board(9), &[Seed::Grant(grant)], Freshness::Latest).await).is_some(),
        &false,
    );
    desk.expect_found(PROMISE, board(1), &nobody, &[]).await;
    desk.expect_found(PROMISE, board(1), &[], &[]).await;
    expect_same(PROMISE, &answer(store.read_link(&digest(9)).await).is_some(), &false);
    let key = CommitKey::from_bytes([9; 16]);
    expect_same(PROMISE, &answer(store.receipt(board(1), key).await), &None);
    let unknown = [
        List::Grants(board(9)),
        List::Below(board(9), grant),
        List::Below(board(1), GrantId::from(9u64)),
        List::Held(account(9).into()),
        List::Held(address("nobody@example.com").into()),
        List::Owned(account(9)),
        List::Audit(board(9)),
    ];
    for list in unknown {
        expect_same(PROMISE, &list.fetch(&store, None, 10).await, &Vec::new());
    }
}

/// An account finds every grant that it holds, by whatever way it came to it, and nobody else's.
///
/// Rules: [S2](crate::specification).
pub async fn an_account_finds_every_grant_that_it_holds<S: Store>(store: S) {
    const PROMISE: &str =
        "an account finds every grant that it holds on a dashboard: direct, reshared and claimed (S2)";
    let mut desk = Desk::new(&store);
    let ann = address("ann@example.com");
    for dashboard in [board(1), board(2)] {
        desk.register(dashboard, account(1)).await;
        desk.share(dashboard, account(1), account(3), RESHARE).await;
    }
    let direct = desk.share(board(1), account(1), account(2), RESHARE).await;
    let reshared = desk.share(board(1), account(3), account(2), VIEW).await;
    let invited = desk.share(board(1), account(3), ann.clone(), RESHARE).await;
    desk.share(board(2), account(1), account(2), VIEW).await;
    desk.expect_found(PROMISE, board(1), &[account(2).into()], &[direct, reshared]).await;
    desk.claim(board(1), account(2), &ann).await;
    let all = [direct, reshared, invited];
    desk.expect_found(PROMISE, board(1), &[account(2).into()], &all).await;
    let below = desk.share(board(1), account(2), account(4), VIEW).await;
    desk.expect_found(
        PROMISE,
        board(1),
        &[account(2).into(), account(4).into()],
        &[direct, reshared, invited, below],
    )
    .await;
    let held = List::Held(account(2).into());
    expect_same(PROMISE, &held.fetch(&store, None, 10).await, &held.expected(&desk));
}

/// An address finds every grant that was made to it, waiting and claimed alike.
///
/// Rules: [S2](crate::specification), [I3](crate::specification).
pub async fn an_address_finds_what_waits_and_what_was_claimed<S: Store>(store: S) {
    const PROMISE: &str = "an address finds every grant that was made to it, claimed or not (S2, I3)";
    let mut desk = Desk::new(&store);
    let (ann, bob) = (address("ann@example.com"), address("bob@example.com"));
    desk.register(board(1), account(1)).await;
    desk.share(board(1), account(1), account(3), RESHARE).await;
    let first = desk.share(board(1), account(1), ann.clone(), RESHARE).await;
    let bobs = desk.share(board(1), account(3), bob.clone(), VIEW).await;
    let seed = |address: &crate::value::EmailAddress| [Seed::Holder(address.clone().into())];
    desk.expect_found(PROMISE, board(1), &seed(&ann), &[first]).await;
    desk.claim(board(1), account(2), &ann).await;
    desk.expect_found(PROMISE, board(1), &seed(&ann), &[first]).await;
    let second = desk.share(board(1), account(3), ann.clone(), VIEW).await;
    desk.expect_found(PROMISE, board(1), &seed(&ann), &[first, second]).await;
    desk.expect_found(PROMISE, board(1), &seed(&bob), &[bobs]).await;
    for holder in [Holder::from(ann), Holder::from(bob)] {
        let held = List::Held(holder);
        expect_same(PROMISE, &held.fetch(&store, None, 10).await, &held.expected(&desk));
    }
}

/// A grant is found by its id on its own dashboard and on no other.
///
/// Rules: [S2](crate::specification).
pub async fn a_grant_is_found_on_its_own_dashboard_only<S: Store>(store: S) {
    const PROMISE: &str = "the id of a grant finds it on its own dashboard, and nothing on any other (S2)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.register(board(2), account(1)).await;
    let here = desk.share(board(1), account(1), account(2), RESHARE).await;
    let there = desk.share(board(2), account(1), account(2), RESHARE).await;
    let below = desk.share(board(2), account(2), account(3), VIEW).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(here)], &[here]).await;
    desk.expect_found(PROMISE, board(2), &[Seed::Grant(below)], &[below]).await;
    desk.expect_found(PROMISE, board(1), &[Seed::Grant(there), Seed::Grant(below)], &[]).await;
    desk.expect_found(PROMISE, board(1), &[account(3).into()], &[]).await;
    let elsewhere = List::Below(board(1), there).fetch(&store, None, 10).await;
    expect_same(PROMISE, &elsewhere, &Vec::new());
}

/// A chain is the grant itself first, then all that it hangs on up to the root, sixteen deep if need be.
///
/// Rules: [S2](crate::specification), [G1](crate::specification).
pub async fn a_chain_is_leaf_first_and_whole<S: Store>(store: S) {
    const PROMISE: &str = "a chain is the grant itself, then its parent, and so on to the root: none left out, in this \
                           order (S2)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let mut path = Vec::new();
    for depth in 1..=16 {
        path.push(desk.share(board(1), account(depth), account(depth + 1), RESHARE).await);
        desk.share(board(1), account(depth), account(50), VIEW).await;
    }
    for (leaf, number) in path.iter().zip(2..) {
        let snapshot = desk.read(board(1), &[account(number).into(), Seed::Grant(*leaf)]).await;
        desk.expect_chains(PROMISE, board(1), &snapshot, &[*leaf]);
        for chain in &snapshot.chains {
            expect_same(PROMISE, &(chain.len() + 1), &usize::try_from(number).unwrap_or(0));
        }
    }
    // A change in the middle shows in every chain that runs through it.
    let middle = path.get(7).copied().unwrap_or_else(|| panic!("the suite made no path"));
    desk.revoke(board(1), account(1), middle).await;
    desk.expect_found(
        PROMISE,
        board(1),
        &[account(17).into()],
        path.last().map_or(&[], std::slice::from_ref),
    )
    .await;
    let held = List::Held(account(50).into());
    expect_same(PROMISE, &held.fetch(&store, None, 100).await, &held.expected(&desk));
}

/// Reads do not judge: revoked, lapsed, absorbed grants and those of a deleted dashboard are read like any other.
pub async fn ended_grants_are_read_like_any_other<S: Store>(store: S) {
    const PROMISE: &str =
        "a store returns dead grants too: whether a grant is live is for the library to judge";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let revoked = desk.share(board(1), account(1), account(2), RESHARE).await;
    let under = desk.share(board(1), account(2), account(3), VIEW).await;
    let soon = Terms { expiry: Expiry::At(desk.now.plus_micros(3_000_000)), ..VIEW };
    let lapsed = desk.share(board(1), account(1), account(4), soon).await;
    let absorbed = desk.share(board(1), account(1), account(5), VIEW).await;
    desk.revoke(board(1), account(1), revoked).await;
    desk.transfer(board(1), account(5), Rights::VIEW).await;
    let all: Vec<(AccountId, GrantId)> =
        [(2, revoked), (3, under), (4, lapsed), (5, absorbed)].map(|(n, grant)| (account(n), grant)).into();
    for deleted in [false, true] {
        if deleted {
            desk.delete(board(1)).await;
        }
        for (holder, grant) in &all {
            let seeds = [Seed::from(*holder), Seed::Grant(*grant)];
            desk.expect_found(PROMISE, board(1), &seeds, &[*grant]).await;
            let held = List::Held((*holder).into());
            expect_same(PROMISE, &held.fetch(&store, None, 10).await, &held.expected(&desk));
        }
        for list in [List::Grants(board(1)), List::Below(board(1), revoked)] {
            expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
        }
    }
}

/// What is on the shelf is left out of what somebody holds, and found by everything else; taken from it, it is back.
///
/// Rules: [G23](crate::specification), [D7](crate::specification).
pub async fn a_shelved_grant_is_read_only_when_all_is_asked_for<S: Store>(store: S) {
    const PROMISE: &str = "a shelved grant is read only when all that was ever held is asked for (G23)";
    let mut desk = Desk::new(&store);
    let ann = address("ann@example.com");
    desk.register(board(1), account(1)).await;
    let others = desk.share(board(1), account(1), account(9), RESHARE).await;
    let first = desk.share(board(1), account(1), account(2), RESHARE).await;
    let below = desk.share(board(1), account(2), account(3), RESHARE).await;
    let claimed = desk.share(board(1), account(9), ann.clone(), RESHARE).await;
    desk.claim(board(1), account(2), &ann).await;
    let last = desk.share(board(1), account(9), account(2), VIEW).await;
    let person = [Holder::from(account(2)), Holder::from(ann)];
    let (mine, all) = (vec![first, claimed, last], [first, below, claimed, last]);
    for shelf in [&[][..], &[first], &[first, claimed], &[claimed], &mine, &[last], &[]] {
        let rows = mine.iter().map(|id| {
            let mut grant = Grant::clone(desk.grant(board(1), *id));
            grant.history_mut().shelved = shelf.contains(id);
            grant
        });
        let commit = desk.forge(board(1), rows.collect(), Vec::new(), |_| {});
        desk.send(&commit).await;
        let left = |grants: &[GrantId]| -> Vec<GrantId> {
            grants.iter().copied().filter(|grant| !shelf.contains(grant)).collect()
        };
        for (holder, held) in person.iter().zip([&mine[..], &[claimed]]) {
            let (present, ever) = (Seed::Holder(holder.clone()), Seed::EverHeld(holder.clone()));
            desk.expect_found(PROMISE, board(1), std::slice::from_ref(&present), &left(held)).await;
            let both = [&left(held)[..], &[others]].concat();
            desk.expect_found(PROMISE, board(1), &[present, account(9).into()], &both).await;
            desk.expect_found(PROMISE, board(1), std::slice::from_ref(&ever), held).await;
            desk.expect_found(PROMISE, board(1), &[ever, Seed::Grant(below)], &[held, &[below]].concat())
                .await;
            let page = answer(store.read_many(&[board(1)], holder, Freshness::Latest).await);
            expect_same(PROMISE, &page.len(), &1);
            desk.expect_chains(PROMISE, board(1), &page[0], &left(held));
            let list = List::Held(holder.clone());
            expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
            expect_same(PROMISE, &list.fetch(&store, None, 1).await.len(), &1);
        }
        for id in all {
            desk.expect_found(PROMISE, board(1), &[Seed::Grant(id)], &[id]).await;
        }
        // What hangs on one still comes with it.
        desk.expect_found(PROMISE, board(1), &[account(3).into()], &[below]).await;
        for list in [List::Grants(board(1)), List::Below(board(1), first)] {
            expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
        }
    }
}

/// A grant that was changed has one row, the new one, wherever it is read.
///
/// Rules: [S1](crate::specification).
pub async fn a_changed_grant_replaces_its_row<S: Store>(store: S) {
    const PROMISE: &str = "a commit that brings a grant which is known already replaces its row (S1)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let ann = address("ann@example.com");
    let direct = desk.share(board(1), account(1), account(2), RESHARE).await;
    let invited = desk.share(board(1), account(2), ann.clone(), RESHARE).await;
    desk.claim(board(1), account(3), &ann).await;
    let narrower = Amendment { rights: Some(Rights::VIEW), ..Amendment::default() };
    desk.amend(board(1), account(1), direct, narrower.clone()).await;
    desk.amend(board(1), account(1), invited, Amendment { reshare: Some(false), ..narrower }).await;
    desk.revoke(board(1), account(1), invited).await;
    for list in [
        List::Grants(board(1)),
        List::Below(board(1), direct),
        List::Held(account(2).into()),
        List::Held(account(3).into()),
        List::Held(ann.into()),
    ] {
        expect_same(PROMISE, &list.fetch(&store, None, 10).await, &list.expected(&desk));
    }
    let seeds = [Seed::from(account(2)), Seed::from(account(3))];
    desk.expect_found(PROMISE, board(1), &seeds, &[direct, invited]).await;
    let snapshot = desk.read(board(1), &[account(3).into()]).await;
    expect_same(PROMISE, &snapshot.chains.len(), &1);
}

/// Ids as bytes that a comparison as text, as a number or of a part would take for each other.
fn look_alikes() -> Vec<[u8; 16]> {
    let base = *b"dashboard-id-abc";
    let mut all =
        vec![base, *b"DASHBOARD-ID-ABC", *b"dashboard-id-ab ", *b"dashboard-id-ab\0", [0; 16], [0xff; 16]];
    for at in [0, 7, 8, 15] {
        for bit in [0, 5, 7] {
            let mut other = base;
            if let Some(byte) = other.get_mut(at) {
                *byte ^= 1 << bit;
            }
            if !all.contains(&other) {
                all.push(other);
            }
        }
    }
    all
}

/// Ids compare byte for byte: dashboards, accounts and grants that differ in one bit are not the same.
///
/// Rules: [S3](crate::specification).
pub async fn ids_that_differ_in_one_bit_are_different<S: Store>(store: S) {
    const PROMISE: &str = "ids compare byte for byte, all 16 of them (S3)";
    let ids = look_alikes();
    let mut desk = Desk::new(&store);
    let dashboard = DashboardId::from_bytes;
    let person = AccountId::from_bytes;
    for id in &ids {
        // Each has another owner, so one taken for another is seen in its head.
        desk.register(dashboard(*id), person(*id)).await;
    }
    let (first, rest) = (board(1), ids.as_slice());
    desk.register(first, account(1)).await;
    let mut grants = Vec::new();
    for (id, ordinal) in rest.iter().zip(0..) {
        let mut grant = desk.blank_grant(first, ordinal, None, person(*id));
        grant.id = GrantId::from_bytes(*id);
        grants.push(grant);
    }
    let commit = desk.forge(first, grants, Vec::new(), |_| {});
    desk.send(&commit).await;
    for id in &ids {
        desk.expect_all(PROMISE, dashboard(*id)).await;
        let grant = GrantId::from_bytes(*id);
        desk.expect_found(PROMISE, first, &[person(*id).into()], &[grant]).await;
        desk.expect_found(PROMISE, first, &[Seed::Grant(grant)], &[grant]).await;
        let held = List::Held(person(*id).into());
        expect_same(PROMISE, &held.fetch(&store, None, 100).await, &held.expected(&desk));
        let owned = List::Owned(person(*id));
        expect_same(PROMISE, &owned.fetch(&store, None, 100).await, &owned.expected(&desk));
    }
    let mut absent = *b"dashboard-id-abc";
    absent.reverse();
    expect_same(
        PROMISE,
        &answer(store.read(dashboard(absent), &[], Freshness::Latest).await).is_some(),
        &false,
    );
}

/// Addresses compare byte for byte too: nothing in one is a wildcard, a blank to trim or a letter to fold.
///
/// Rules: [S3](crate::specification), [I2](crate::specification).
pub async fn addresses_that_look_alike_are_different<S: Store>(store: S) {
    const PROMISE: &str = "addresses compare byte for byte: nothing in one is a wildcard (S3, I2)";
    let texts = [
        "a_b@example.com",
        "axb@example.com",
        "a%b@example.com",
        "a.b@example.com",
        "ab@example.com",
        "a+b@example.com",
        "a'b@example.com",
        "a*b@example.com",
        "a_b@example.co",
        "a_b@example.com.au",
        "xn--a_b@xn--bcher-kva.example",
        "a_b@bucher.example",
    ];
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let mut grants = Vec::new();
    for (text, ordinal) in texts.iter().zip(0..) {
        let mut grant = desk.blank_grant(board(1), ordinal, None, account(1));
        let lapses = desk.now.plus_days(14);
        grant.grantee = Grantee::Pending(Box::new(Invitation { address: address(text), lapses }));
        grants.push(grant);
    }
    let made: Vec<GrantId> = grants.iter().map(|grant| grant.id).collect();
    let commit = desk.forge(board(1), grants, Vec::new(), |_| {});
    desk.send(&commit).await;
    for (text, grant) in texts.iter().zip(&made) {
        let holder = Holder::from(address(text));
        let seeds = [Seed::Holder(holder.clone())];
        desk.expect_found(PROMISE, board(1), &seeds, std::slice::from_ref(grant)).await;
        let held = List::Held(holder);
        expect_same(PROMISE, &held.fetch(&store, None, 100).await, &held.expected(&desk));
    }
}
