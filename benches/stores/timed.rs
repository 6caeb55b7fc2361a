//! A store that tells what was asked of it and how long its commits took.

use dashshare::{
    AccountId, Actor, AuditRecord, BoxError, Commit, CommitError, CommitKey, DashboardId, Freshness, Grant,
    GrantId, Head, Holder, LinkDigest, MessageId, OutboxMessage, Receipt, Revision, Seed, Snapshot, Store,
    Timestamp,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

pub(crate) struct Timed<S> {
    pub(crate) store: S,
    /// How many reads there were, each a round trip.
    pub(crate) reads: AtomicU64,
    /// Nanoseconds inside `commit`.
    pub(crate) committing: AtomicU64,
}

impl<S> Timed<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, reads: AtomicU64::new(0), committing: AtomicU64::new(0) }
    }
}

macro_rules! forward {
    ($($name:ident($($given:ident: $kind:ty),*) -> $answer:ty;)*) => {$(
        async fn $name(&self, $($given: $kind),*) -> Result<$answer, BoxError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.store.$name($($given),*).await
        }
    )*};
}

impl<S: Store> Store for Timed<S> {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let start = Instant::now();
        let answer = self.store.commit(commit).await;
        self.committing.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        answer
    }

    forward! {
        receipt(dashboard: DashboardId, key: CommitKey) -> Option<Receipt>;
        read(dashboard: DashboardId, seeds: &[Seed], freshness: Freshness) -> Option<Snapshot>;
        read_link(digest: &LinkDigest) -> Option<Snapshot>;
        grants(dashboard: DashboardId, from: u64, limit: usize) -> Vec<Arc<Grant>>;
        grants_below(dashboard: DashboardId, above: GrantId, from: u64, limit: usize) -> Vec<Arc<Grant>>;
        held(holder: &Holder, after: Option<(DashboardId, u64)>, limit: usize) -> Vec<Snapshot>;
        owned(owner: AccountId, after: Option<DashboardId>, limit: usize) -> Vec<Arc<Head>>;
        audit(dashboard: DashboardId, after: Revision, limit: usize) -> Vec<AuditRecord>;
        audit_of(actor: Actor, after: Option<(DashboardId, Revision)>, limit: usize) -> Vec<AuditRecord>;
        outbox(after: Option<MessageId>, limit: usize) -> Vec<OutboxMessage>;
        lease(now: Timestamp, until: Timestamp, limit: usize) -> Vec<OutboxMessage>;
        acknowledge(delivered: &[MessageId]) -> ();
    }
}
