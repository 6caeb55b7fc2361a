//! L1, L2: a dashboard has one link, found by the digest that it has now and by no other.

use super::desk::{Desk, RESHARE, VIEW, account, answer, board, digest, expect_same};
use crate::{
    host::Store,
    sharing::{amend::Amendment, link::LinkChange},
    value::{DashboardId, GrantId, LinkDigest, Rights},
};

/// Checks what a digest finds: a dashboard, with the chain of the grant that its link hangs on.
async fn expect_link<S: Store>(
    desk: &Desk<'_, S>,
    promise: &str,
    digest: &LinkDigest,
    expected: Option<(DashboardId, &[GrantId])>,
) {
    let found = answer(desk.store.read_link(digest).await);
    expect_same(
        promise,
        &found.as_ref().map(|found| found.head.dashboard),
        &expected.map(|(board, _)| board),
    );
    if let Some((found, (board, leaves))) = found.zip(expected) {
        expect_same(promise, &found.head, &desk.board(board).head);
        desk.expect_chains(promise, board, &found, leaves);
    }
}

/// A digest finds the dashboard whose link has it, with the chain of the grant that the link hangs on.
///
/// Rules: [L4](crate::specification), [L6](crate::specification).
pub async fn a_link_is_found_with_its_makers_chain<S: Store>(store: S) {
    const PROMISE: &str = "`read_link` answers with the head, and the whole chain of the grant that the link hangs on, \
                           leaf first; with no chain when the owner made it (S2)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    let root = desk.share(board(1), account(1), account(2), RESHARE).await;
    let middle = desk.share(board(1), account(2), account(3), RESHARE).await;
    let leaf = desk.share(board(1), account(3), account(4), RESHARE).await;
    desk.share(board(1), account(1), account(4), VIEW).await;
    desk.rotate(board(1), account(4), digest(1)).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[leaf]))).await;
    // The chain is read as it is now, dead or alive.
    let narrowed = Amendment { rights: Some(Rights::VIEW), ..Amendment::default() };
    desk.amend(board(1), account(1), middle, narrowed).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[leaf]))).await;
    desk.revoke(board(1), account(1), root).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[leaf]))).await;
    desk.rotate(board(1), account(1), digest(2)).await;
    expect_link(&desk, PROMISE, &digest(2), Some((board(1), &[]))).await;
    // Another dashboard's link is another matter.
    desk.register(board(2), account(1)).await;
    desk.rotate(board(2), account(1), digest(3)).await;
    expect_link(&desk, PROMISE, &digest(2), Some((board(1), &[]))).await;
    expect_link(&desk, PROMISE, &digest(3), Some((board(2), &[]))).await;
}

/// Whatever a commit does not replace of a link stays: a pause, a transfer and a share keep it found.
///
/// Rules: [L5](crate::specification), [G18](crate::specification).
pub async fn a_standing_link_is_found_after_every_commit<S: Store>(store: S) {
    const PROMISE: &str = "a link is found, as it is now, after each commit that does not replace it (S3)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.rotate(board(1), account(1), digest(1)).await;
    desk.change_link(board(1), account(1), LinkChange::Pause).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[]))).await;
    desk.change_link(board(1), account(1), LinkChange::Resume).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[]))).await;
    desk.share(board(1), account(1), account(2), VIEW).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[]))).await;
    desk.transfer(board(1), account(2), Rights::NONE).await;
    expect_link(&desk, PROMISE, &digest(1), Some((board(1), &[]))).await;
}

/// From the moment that a rotation returns, no older digest finds anything.
///
/// Rules: [L1](crate::specification), [L2](crate::specification).
pub async fn a_replaced_link_is_found_no_more<S: Store>(store: S) {
    const PROMISE: &str = "a new link replaces the old one in the same commit: from then on the old digest finds nothing \
                           (L1, L2)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    desk.register(board(2), account(1)).await;
    desk.rotate(board(2), account(1), digest(100)).await;
    for number in 1..12 {
        desk.rotate(board(1), account(1), digest(number)).await;
        expect_link(&desk, PROMISE, &digest(number), Some((board(1), &[]))).await;
        for older in 0..number {
            expect_link(&desk, PROMISE, &digest(older), None).await;
        }
    }
    expect_link(&desk, PROMISE, &digest(100), Some((board(2), &[]))).await;
}

/// A link that was withdrawn, or whose dashboard was deleted, is not found.
///
/// Rules: [L5](crate::specification), [G19](crate::specification).
pub async fn a_withdrawn_link_is_found_no_more<S: Store>(store: S) {
    const PROMISE: &str = "a head without a link takes the old one away: its digest finds nothing (L5, G19)";
    let mut desk = Desk::new(&store);
    for number in 1..4 {
        desk.register(board(u64::from(number)), account(1)).await;
        desk.rotate(board(u64::from(number)), account(1), digest(number)).await;
    }
    desk.change_link(board(1), account(1), LinkChange::Withdraw).await;
    expect_link(&desk, PROMISE, &digest(1), None).await;
    desk.delete(board(2)).await;
    expect_link(&desk, PROMISE, &digest(2), None).await;
    desk.register(board(2), account(1)).await;
    expect_link(&desk, PROMISE, &digest(2), None).await;
    expect_link(&desk, PROMISE, &digest(3), Some((board(3), &[]))).await;
}

/// A digest that differs from a link's in one bit, anywhere, finds nothing.
///
/// Rules: [L4](crate::specification).
pub async fn a_digest_one_bit_off_finds_nothing<S: Store>(store: S) {
    const PROMISE: &str = "a digest finds a link only if all of its 256 bits are the link's (L4)";
    let mut desk = Desk::new(&store);
    desk.register(board(1), account(1)).await;
    // Letters in ASCII, so that a comparison that folds case would be seen.
    let bytes = *b"aBcDeFgHiJkLmNoPqRsTuVwXyZ012345";
    desk.rotate(board(1), account(1), LinkDigest::from_bytes(bytes)).await;
    for bit in 0..256 {
        let mut other = bytes;
        if let Some(byte) = other.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        expect_link(&desk, PROMISE, &LinkDigest::from_bytes(other), None).await;
    }
    expect_link(&desk, PROMISE, &LinkDigest::from_bytes(bytes), Some((board(1), &[]))).await;
}
