//! A store that tells what was asked of it and how long its commits took.

use dashshare::store::{Commit, CommitError, Receipt, Store};
use std::{
    sync::atomic::{AtomicU64, Ordering},
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

    fn count<F>(&self, call: F) -> F {
        self.reads.fetch_add(1, Ordering::Relaxed);
        call
    }
}

impl<S: Store> Store for Timed<S> {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let start = Instant::now();
        let answer = self.store.commit(commit).await;
        self.committing.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        answer
    }

    dashshare::delegate_store!(self.store => receipt, read, read_many, read_link, grants, grants_below, held, owned, audit, audit_of,
        outbox, lease, acknowledge, dead_letters, put_back, sweep, |_, call| self.count(call()));
}
