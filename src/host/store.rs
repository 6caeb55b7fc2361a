//! The store behind the library, as a trait. **Start here to bring your own database.**
//!
//! A store keeps four things: a [`Head`] for each dashboard, [`Grant`]s, [`AuditRecord`]s and [`OutboxMessage`]s. All
//! of them are values with `Serialize` and `Deserialize`, so a store may keep columns or documents as it likes.
//!
//! One method changes what is shared. [`Store::commit`] compares the dashboard's revision with the expected one and then writes all
//! of the commit or nothing of it. Everything that has to be right under concurrency is in that one comparison:
//!
//! ```text
//! begin
//!   if receipts has (dashboard, key)          -> answer that receipt, or `KeyReused` if it is of another commit
//!   update heads set … where dashboard = ? and revision = expected   (insert, for revision 0)
//!   if no row was touched                     -> answer the receipt if there is one by now, else conflict
//!   upsert the grants, insert audit, outbox and receipt
//! commit
//! ```
//!
//! A key is random, and a random generator can break. So a receipt says of what it is, and one is an answer only to the
//! commit that it is of ([`Receipt::is_of`]).
//!
//! The second look for the receipt matters: a commit whose answer was lost may still be under way when it is sent
//! again, and then the first look comes too early. A conflict says that this commit was not applied and never will be,
//! so the library makes another one, and a link that had won would be lost (L2).
//!
//! Of the outbox, no row may hold up another one: what cannot be read is put aside as a [`DeadLetter`], and so is what was
//! leased too often.
//!
//! Reads never judge: they return rows, dead ones too, and the library decides. What it has put on the shelf
//! ([`Grant::is_shelved`]) is left out where all that somebody holds is asked for, and only there: keep it out of the
//! index that this is answered from, or the dead cost each decision (G23). Each is one round trip (S2). A read
//! that starts after a commit returned must see it (S3); only [`Freshness::AtLeast`] lets a store with a cache answer
//! from it.
//!
//! The conformance suite (feature `conformance`) checks a store against every promise made here; a whole store in one
//! short file, with the suite over it, is in `examples/own_store.rs`. A store that wraps another one is written with
//! [`delegate_store!`](crate::delegate_store!).

use crate::{
    record::{
        Actor, AuditRecord, Commit, CommitKey, DeadLetter, Grant, Head, Holder, MessageId, OutboxMessage,
        Receipt, Revision, Seed, Snapshot,
    },
    value::{AccountId, DashboardId, GrantId, LinkDigest, Timestamp},
};
use std::{error::Error, future::Future, sync::Arc};

/// The error of a host's own database or directory.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a commit was not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The dashboard has another revision than the expected one: nothing was written, read again.
    #[error("the dashboard has changed since it was read")]
    Conflict,
    /// Another commit of this dashboard was written under the same key, so the random generator repeats itself: nothing
    /// was written.
    #[error("another commit of the dashboard has the same key: the random generator repeats itself")]
    KeyReused,
    /// The answer was lost: it may have been written or not. [`Store::receipt`] tells.
    #[error("the answer of the commit was lost")]
    Unknown(#[source] BoxError),
    /// It failed and nothing was written.
    #[error("the store could not write")]
    Failed(#[source] BoxError),
}

/// How new the answer of a read has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// It sees every commit that returned before the read began.
    ///
    /// Rules: [S3](crate::specification).
    Latest,
    /// It may come from a cache, as old as the host chose, if it is of this revision or a later one. A store without a
    /// cache answers as for [`Latest`](Self::Latest), and so does any that has nothing new enough at hand; a revision
    /// that the dashboard has not reached is no error.
    ///
    /// Rules: [D6](crate::specification).
    AtLeast(Revision),
}

/// Where dashboards' heads, grants, audit and outbox are kept.
///
/// Implement the methods with plain `async fn`. Whatever is stored comes back equal to what went in.
///
/// - **Ids**, digests and e-mail addresses compare byte for byte, and ids are ordered by their bytes.
/// - **Instants** come back exactly, to the microsecond, and never later (S3); the years 1 to 9999 can occur. `Never`
///   stays `Never`.
/// - **Pages** have no gaps and no repeats while others write: a cursor is a place in the order, and need not name a
///   row that is still there (S3). A page that is shorter than its limit is the last one, so a store that cannot
///   return as many rows at once has to read on by itself. The library asks for 512 at the most, apart from what a
///   host asks for itself.
/// - **What is not known** reads as `None` or as an empty list, never as an error and never as another row.
/// - **What cannot be read** stays with its dashboard. A grant that cannot is left out of every answer, and a head that
///   cannot, with all that hangs on it, of [`held`](Self::held), [`owned`](Self::owned) and
///   [`read_many`](Self::read_many), which are asked of many dashboards; no page ends with it. Where one dashboard is
///   asked for, a head that cannot be read is an error.
///
/// No error may carry a secret; none is ever passed in.
pub trait Store: Send + Sync {
    /// Writes a commit, all or nothing, only if the dashboard has the expected revision, and once however often it is
    /// sent.
    ///
    /// A [withdrawal](Commit::is_withdrawal) wins, however busy others are (G22): when the dashboard has another revision,
    /// the store reads the head as it stands and the rows of the grants that it [rests on](Commit::rests_on), and writes
    /// [`commit.onto(head, rows)`](Commit::onto) in the place of the commit, all while nobody else writes to that
    /// dashboard (in the same transaction, under a lock on the head's row). The receipt has the revision that this made.
    /// Where `onto` answers `None` it is a conflict. A row that cannot be read is left out of the rows.
    ///
    /// A commit is known by its dashboard and its key together. One that was applied is answered with its receipt,
    /// whatever was written since and until that is [swept](Self::sweep), and brings no acknowledged message back. A
    /// receipt that is not [of the commit](Receipt::is_of) is no answer to it. A commit may bring hundreds of grants;
    /// what hangs on them is not touched (S5). A deleted dashboard keeps its head, grants and audit trail. No two dashboards'
    /// links have the same digest: a commit that would make that so fails.
    ///
    /// # Errors
    /// [`CommitError::KeyReused`] when the receipt that stands under its key is of another commit, whatever the
    /// dashboard's revision is.
    /// [`CommitError::Conflict`] only when this commit was not applied and the dashboard has another revision:
    /// [`Revision::ZERO`] while it is not known. For a withdrawal only when `onto` answers `None`. [`CommitError::Failed`]
    /// only when it is certain that nothing was written; in doubt, [`CommitError::Unknown`].
    ///
    /// Rules: [S1](crate::specification), [G22](crate::specification).
    fn commit(&self, commit: &Commit) -> impl Future<Output = Result<Receipt, CommitError>> + Send;

    /// The receipt that stands under a key, as it was answered: for a commit whose answer was lost. `None` when no commit
    /// of the dashboard with this key was ever applied, or when its receipt was [swept](Self::sweep). Whoever asks sees
    /// whether it is [of their commit](Receipt::is_of).
    fn receipt(
        &self,
        dashboard: DashboardId,
        key: CommitKey,
    ) -> impl Future<Output = Result<Option<Receipt>, BoxError>> + Send;

    /// The head of a dashboard and the grants that the seeds name, as of one moment and as new as is asked for; `None`
    /// when it is not known.
    ///
    /// Chains come in any order, and a grant that two seeds name may come twice. Seeds that name nothing, or a grant of
    /// another dashboard, add nothing. A store without snapshots reads the leaf of each chain first and
    /// its ancestors after it, and the head first of all: since grants only shrink, a chain found live that way was
    /// live when its leaf was read.
    fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> impl Future<Output = Result<Option<Snapshot>, BoxError>> + Send;

    /// For a page of dashboards, what [`read`](Self::read) answers for each with the holder as the only seed: one snapshot
    /// for every dashboard of the list that is known, in any order, each with that dashboard's own chains. All of it is
    /// one round trip.
    ///
    /// One that is not known has none, and one that is named twice has one. Each snapshot is as of one moment and as new
    /// as is asked for; two of them may be as of different moments. A list may name hundreds of dashboards, or none.
    ///
    /// A cache answers what it has, and asks its store for the rest in one call.
    fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Vec<Snapshot>, BoxError>> + Send;

    /// The dashboard whose link has this digest **now**, with the chain of the grant that the link hangs on, if it
    /// hangs on one; `None` when no dashboard's link has it. A paused or ended link is found like any other.
    ///
    /// It always sees the latest commit, whatever cache there is: after a rotation returned, no visit that starts later
    /// may be let in by the old token (L2).
    ///
    /// The link in the answered head has this very digest: a store that looks the digest up and then reads the head
    /// has to compare again (L2).
    fn read_link(
        &self,
        digest: &LinkDigest,
    ) -> impl Future<Output = Result<Option<Snapshot>, BoxError>> + Send;

    /// Up to `limit` of a dashboard's grants with an ordinal of `from` or more, by ordinal.
    fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Arc<Grant>>, BoxError>> + Send;

    /// Up to `limit` of the grants that have `above` among their ancestors and an ordinal of `from` or more, by
    /// ordinal.
    fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Arc<Grant>>, BoxError>> + Send;

    /// Up to `limit` of the grants of a holder across all dashboards, after the given place, by dashboard and ordinal;
    /// each with its dashboard's head and its chain.
    fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Snapshot>, BoxError>> + Send;

    /// Up to `limit` of the heads of the dashboards that an account owns and that are not deleted, after the given
    /// dashboard, by its id.
    fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Arc<Head>>, BoxError>> + Send;

    /// Up to `limit` of a dashboard's audit records after the given revision, oldest first.
    fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<AuditRecord>, BoxError>> + Send;

    /// Up to `limit` of the audit records of what one actor did, after the given place, by dashboard and revision. The
    /// host itself is an actor like any other, and no account.
    fn audit_of(
        &self,
        actor: Actor,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<AuditRecord>, BoxError>> + Send;

    /// Up to `limit` messages that were not acknowledged, after the given one, by id; leased ones and dead letters too. It
    /// leases nothing. What cannot be read is left out, and hides none behind it.
    fn outbox(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OutboxMessage>, BoxError>> + Send;

    /// Takes up to `limit` messages of those that were never leased or whose lease ended at or before `now`, leases them
    /// until `until`, and answers with them by id. Of several that lease at once, no two are given the same message.
    ///
    /// Those that were never leased are taken in the order of their ids. Whether those whose lease ended are taken before
    /// them, after them or between is the store's choice; the stores of this crate take them first, the longest ended
    /// before the others.
    ///
    /// Each lease adds one to [`OutboxMessage::attempts`], whatever becomes of it. A message that has been leased
    /// `attempts` times or more with it is leased no more: when this last lease ends, it is a dead letter.
    ///
    /// A row that cannot be read is put aside as a dead letter at once. It makes no answer fail, none shorter, and takes no
    /// other message away with it.
    fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<OutboxMessage>, BoxError>> + Send;

    /// Removes messages that were delivered, whoever leased them, and dead letters. One that is not there is no error.
    fn acknowledge(&self, delivered: &[MessageId]) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Up to `limit` dead letters after the given one, by id: the messages that are leased no more and whose last lease
    /// ended at or before `now`, and the rows that `lease` could not read.
    fn dead_letters(
        &self,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, BoxError>> + Send;

    /// Makes messages again that were never leased, with no attempts counted, of dead letters and of messages whose lease
    /// should end now, also their last one. What waits stays as it is, and what is not there is no error.
    fn put_back(&self, messages: &[MessageId]) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Removes up to `limit` of the receipts whose commits are of an instant before `before`, and answers how many those
    /// were: less than `limit` when none is left. Nothing else is removed, and nothing is applied anew: a commit that is
    /// sent again after its receipt was removed expects a revision that is gone, so it is a conflict.
    ///
    /// Rules: [G23](crate::specification).
    fn sweep(&self, before: Timestamp, limit: usize) -> impl Future<Output = Result<usize, BoxError>> + Send;
}

// A host may keep a handle on its store beside the one that the service has.
impl<S: Store + ?Sized> Store for &S {
    crate::delegate_store!(**self => ALL);
}

impl<S: Store + ?Sized> Store for Arc<S> {
    crate::delegate_store!(**self => ALL);
}

impl<S: Store + ?Sized> Store for Box<S> {
    crate::delegate_store!(**self => ALL);
}
