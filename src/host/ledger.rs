//! The ledger behind the meter, as a trait: where what leaves is counted. **Start here to bring your own database.**
//!
//! A ledger keeps a [`Tally`] for each tenant and period, [`Line`]s, [`Notice`]s, and counters with a cap. It knows nothing
//! of sharing, and may live in another database than the [`Store`](super::store::Store).
//!
//! Everything that has to be right under concurrency is in [`Ledger::charge`]:
//!
//! ```text
//! begin
//!   lock the meter's row                          (insert it, for the first batch of a period)
//!   if outcomes has the batch's id                -> answer that outcome, or `KeyReused` if it is of another batch
//!   if a meter of a later period of the tenant is there -> `Passed`
//!   judge the batch (`Tally::charge`), write the row, add to the lines, insert notices and the outcome
//! commit
//! ```
//!
//! It is one statement where the database can say it in one, and there is no moment between the judging and the writing
//! in which another process could charge. The conformance suite (feature `conformance`) checks a ledger against every
//! promise made here.

use super::store::BoxError;
use crate::{
    meter::{Batch, HandBack, Line, LinePlace, LineQuery, Notice, NoticeId, Outcome, Take, Taken, Tally},
    value::{TenantId, Timestamp},
};
use std::{future::Future, pin::Pin, sync::Arc};

/// Why a ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The tenant was charged in a later period already, last at this instant: nothing was written.
    #[error("a later period of the tenant has begun: it was charged at {0}")]
    Passed(Timestamp),
    /// Another batch was counted under the same id, so the random generator repeats itself: nothing was written.
    #[error("another batch has the same id: the random generator repeats itself")]
    KeyReused,
    /// The batch was counted or overtaken so long ago that its outcome is not remembered: nothing was written.
    #[error("what became of the batch is not remembered any more")]
    Forgotten,
    /// The meter does not hold what is handed back: nothing was written.
    #[error("the meter does not hold what is handed back")]
    NotCharged,
    /// The answer was lost: it may have been written or not. Sent again it counts once.
    #[error("the answer of the ledger was lost")]
    Unknown(#[source] BoxError),
    /// It failed and nothing was written.
    #[error("the ledger could not write")]
    Failed(#[source] BoxError),
}

/// Where what leaves is counted.
///
/// Implement the methods with plain `async fn`. A read that starts after a write returned must see it. Instants come back
/// exactly, names byte for byte. What is not known reads as `None` or as an empty list.
///
/// A call that is dropped before it answered was done whole or not at all.
pub trait Ledger: Send + Sync {
    /// Judges a batch and counts what fits, with its lines and notices in the same commit, and once however often it is
    /// sent.
    ///
    /// It is judged as [`Tally::charge`] judges it, on the meter of the batch's tenant and period as it is when it is
    /// written. One that was counted is answered with its outcome until that is [swept](Self::sweep_ledger), for ten
    /// minutes at least. After that nobody sends it any more; a ledger that can tell answers [`LedgerError::Forgotten`].
    ///
    /// # Errors
    /// [`LedgerError::Passed`] for a batch that is not [owed](Batch::is_owed) once the tenant was charged in a period that
    /// begins at or after the end of the batch's. [`LedgerError::KeyReused`] when the outcome under its id is of another
    /// batch. [`LedgerError::Failed`] only when it is certain that nothing was written; in doubt,
    /// [`LedgerError::Unknown`].
    ///
    /// Rules: [M3](crate::specification), [M4](crate::specification), [M5](crate::specification),
    /// [M6](crate::specification), [M8](crate::specification), [M11](crate::specification).
    fn charge(&self, batch: &Batch) -> impl Future<Output = Result<Outcome, LedgerError>> + Send;

    /// Takes a load back, once however often it is sent, and as long as its period is kept: from the meter and from its
    /// line in one commit. `false` when it was taken back before. No notice is armed again by it.
    ///
    /// # Errors
    /// [`LedgerError::NotCharged`] when the meter or the line does not hold so much.
    ///
    /// Rules: [M7](crate::specification).
    fn hand_back(&self, back: &HandBack) -> impl Future<Output = Result<bool, LedgerError>> + Send;

    /// The meter of a tenant in the period that begins at this instant; `None` when nothing was ever charged or refused.
    fn tally(
        &self,
        tenant: TenantId,
        period: Timestamp,
    ) -> impl Future<Output = Result<Option<Tally>, BoxError>> + Send;

    /// Up to `limit` of the lines that are asked for, after the given place, in their order. Pages have no gaps and no
    /// repeats while others write.
    ///
    /// Rules: [S3](crate::specification).
    fn lines(
        &self,
        query: &LineQuery,
        after: Option<LinePlace>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Line>, BoxError>> + Send;

    /// Adds to a counter if it stays within the cap, in one conditional statement; once for each id, which is remembered
    /// for ten minutes at least.
    ///
    /// # Errors
    /// As of [`charge`](Self::charge). A repeated id with another number is [`LedgerError::KeyReused`].
    ///
    /// Rules: [S6](crate::specification).
    fn take(&self, take: &Take) -> impl Future<Output = Result<Taken, LedgerError>> + Send;

    /// Up to `limit` of the notices that were not acknowledged, after the given one, by id; leased ones too.
    fn notices(
        &self,
        after: Option<NoticeId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Notice>, BoxError>> + Send;

    /// Takes up to `limit` notices that were never leased or whose lease ended at or before `now`, leases them until
    /// `until`, and answers with them by id. Of several that lease at once, no two are given the same notice.
    fn lease_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Notice>, BoxError>> + Send;

    /// Removes notices that were delivered, whoever leased them, for good: none is written anew. One that is not there is
    /// no error.
    fn acknowledge_notices(
        &self,
        delivered: &[NoticeId],
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Removes up to `limit` of the outcomes of batches and of the ids of counters that are of an instant before
    /// `before`, and of what is remembered of hand-backs of periods that ended before it. How many those were: less than
    /// `limit` when none is left. No figure changes.
    fn sweep_ledger(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<usize, BoxError>> + Send;
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

macro_rules! declare {
    ($method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty) => {
        #[doc = concat!("[`Ledger::", stringify!($method), "`].")]
        fn $boxed<'a>(&'a self, $($argument: $($and 'a)? $kind),*) -> Boxed<'a, Result<$answer, $error>>;
    };
}

macro_rules! erase {
    ($method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty) => {
        fn $boxed<'a>(&'a self, $($argument: $($and 'a)? $kind),*) -> Boxed<'a, Result<$answer, $error>> {
            Box::pin(self.$method($($argument),*))
        }
    };
}

macro_rules! restore {
    ($method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty) => {
        async fn $method(&self, $($argument: $($and)? $kind),*) -> Result<$answer, $error> {
            self.$boxed($($argument),*).await
        }
    };
}

macro_rules! pass_on {
    ($method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty) => {
        async fn $method(&self, $($argument: $($and)? $kind),*) -> Result<$answer, $error> {
            (**self).$method($($argument),*).await
        }
    };
}

/// The one list of what a ledger is asked, for trait objects and handles.
macro_rules! methods {
    ($then:ident) => {
        $then! { charge boxed_charge(batch: [&] Batch) -> Outcome, LedgerError }
        $then! { hand_back boxed_hand_back(back: [&] HandBack) -> bool, LedgerError }
        $then! { tally boxed_tally(tenant: [] TenantId, period: [] Timestamp) -> Option<Tally>, BoxError }
        $then! { lines boxed_lines(query: [&] LineQuery, after: [] Option<LinePlace>, limit: [] usize)
        -> Vec<Line>, BoxError }
        $then! { take boxed_take(take: [&] Take) -> Taken, LedgerError }
        $then! { notices boxed_notices(after: [] Option<NoticeId>, limit: [] usize) -> Vec<Notice>, BoxError }
        $then! { lease_notices boxed_lease_notices(now: [] Timestamp, until: [] Timestamp, limit: [] usize)
        -> Vec<Notice>, BoxError }
        $then! { acknowledge_notices boxed_acknowledge_notices(delivered: [&] [NoticeId]) -> (), BoxError }
        $then! { sweep_ledger boxed_sweep_ledger(before: [] Timestamp, limit: [] usize) -> usize, BoxError }
    };
}

/// The twin of [`Ledger`] for trait objects: every `Ledger` is one, and `Arc<dyn DynLedger>` is a `Ledger` again. For a
/// host that chooses its ledger when it starts.
pub trait DynLedger: Send + Sync {
    methods!(declare);
}

impl<L: Ledger> DynLedger for L {
    methods!(erase);
}

impl Ledger for dyn DynLedger + '_ {
    methods!(restore);
}

impl<L: Ledger + ?Sized> Ledger for &L {
    methods!(pass_on);
}

impl<L: Ledger + ?Sized> Ledger for Arc<L> {
    methods!(pass_on);
}

impl<L: Ledger + ?Sized> Ledger for Box<L> {
    methods!(pass_on);
}
