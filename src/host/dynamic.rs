//! Stores of a type that is known at run time only.

use super::store::{BoxError, CommitError, Freshness, Store};
use crate::{
    record::{
        Actor, AuditRecord, Commit, CommitKey, Grant, Head, Holder, MessageId, OutboxMessage, Receipt,
        Revision, Seed, Snapshot,
    },
    value::{AccountId, DashboardId, GrantId, LinkDigest, Timestamp},
};
use std::{future::Future, pin::Pin, sync::Arc};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

macro_rules! twins {
    ($($name:ident $boxed:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        /// The twin of [`Store`] for trait objects: every `Store` is one, and `Arc<dyn DynStore>` is a `Store` again.
        ///
        /// For a host that chooses its store when it starts. A call costs one allocation more. Implement and call
        /// `Store`; the methods here only lead to it.
        ///
        /// ```
        /// use dashshare::{Dashshare, DynStore, MemoryDirectory, MemoryStore, SystemEnv};
        /// use std::sync::Arc;
        ///
        /// let store: Arc<dyn DynStore> = match "memory" {
        ///     "memory" => Arc::new(MemoryStore::default()),
        ///     other => panic!("no store is called `{other}`"),
        /// };
        /// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
        /// ```
        pub trait DynStore: Send + Sync {
            $(
                #[doc = concat!("[`Store::", stringify!($name), "`].")]
                fn $boxed<'a>(&'a self, $($argument: $type),*) -> Boxed<'a, $answer>;
            )*
        }

        impl<S: Store> DynStore for S {
            $(
                fn $boxed<'a>(&'a self, $($argument: $type),*) -> Boxed<'a, $answer> {
                    Box::pin(Store::$name(self, $($argument),*))
                }
            )*
        }
    };
}

twins! {
    commit boxed_commit(commit: &'a Commit) -> Result<Receipt, CommitError>;
    receipt boxed_receipt(dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError>;
    read boxed_read(dashboard: DashboardId, seeds: &'a [Seed], freshness: Freshness) -> Result<Option<Snapshot>, BoxError>;
    read_link boxed_read_link(digest: &'a LinkDigest) -> Result<Option<Snapshot>, BoxError>;
    grants boxed_grants(dashboard: DashboardId, from: u64, limit: usize) -> Result<Vec<Arc<Grant>>, BoxError>;
    grants_below boxed_grants_below(dashboard: DashboardId, above: GrantId, from: u64, limit: usize) -> Result<Vec<Arc<Grant>>, BoxError>;
    held boxed_held(holder: &'a Holder, after: Option<(DashboardId, u64)>, limit: usize) -> Result<Vec<Snapshot>, BoxError>;
    owned boxed_owned(owner: AccountId, after: Option<DashboardId>, limit: usize) -> Result<Vec<Arc<Head>>, BoxError>;
    audit boxed_audit(dashboard: DashboardId, after: Revision, limit: usize) -> Result<Vec<AuditRecord>, BoxError>;
    audit_of boxed_audit_of(actor: Actor, after: Option<(DashboardId, Revision)>, limit: usize) -> Result<Vec<AuditRecord>, BoxError>;
    outbox boxed_outbox(after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError>;
    lease boxed_lease(now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<OutboxMessage>, BoxError>;
    acknowledge boxed_acknowledge(delivered: &'a [MessageId]) -> Result<(), BoxError>;
}

impl Store for dyn DynStore + '_ {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        self.boxed_commit(commit).await
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        self.boxed_receipt(dashboard, key).await
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        self.boxed_read(dashboard, seeds, freshness).await
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        self.boxed_read_link(digest).await
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        self.boxed_grants(dashboard, from, limit).await
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        self.boxed_grants_below(dashboard, above, from, limit).await
    }

    async fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, BoxError> {
        self.boxed_held(holder, after, limit).await
    }

    async fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<Arc<Head>>, BoxError> {
        self.boxed_owned(owner, after, limit).await
    }

    async fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        self.boxed_audit(dashboard, after, limit).await
    }

    async fn audit_of(
        &self,
        actor: Actor,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        self.boxed_audit_of(actor, after, limit).await
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        self.boxed_outbox(after, limit).await
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        self.boxed_lease(now, until, limit).await
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        self.boxed_acknowledge(delivered).await
    }
}
