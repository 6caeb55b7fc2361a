//! A store whose outbox has a fault.

use dashshare::{
    AccountId, Actor, AuditRecord, BoxError, Commit, CommitError, CommitKey, DashboardId, Freshness, Grant,
    GrantId, Head, Holder, LinkDigest, MemoryStore, MessageId, OutboxMessage, Receipt, Revision, Seed,
    Snapshot, Store, Timestamp,
};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    LeasesWhatIsLeased,
    LeasesForEver,
    RemovesWhatItLeases,
    ForgetsAcknowledgements,
    AcknowledgesANeighbour,
}

pub(crate) struct Planted {
    pub(crate) fault: Fault,
    pub(crate) store: MemoryStore,
}

macro_rules! pass_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(async fn $name(&self, $($argument: $type),*) -> $answer {
            self.store.$name($($argument),*).await
        })*
    };
}

impl Store for Planted {
    pass_on! {
        commit(commit: &Commit) -> Result<Receipt, CommitError>;
        receipt(dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError>;
        read(dashboard: DashboardId, seeds: &[Seed], freshness: Freshness) -> Result<Option<Snapshot>, BoxError>;
        read_link(digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError>;
        grants(dashboard: DashboardId, from: u64, limit: usize) -> Result<Vec<Arc<Grant>>, BoxError>;
        grants_below(dashboard: DashboardId, above: GrantId, from: u64, limit: usize)
            -> Result<Vec<Arc<Grant>>, BoxError>;
        held(holder: &Holder, after: Option<(DashboardId, u64)>, limit: usize) -> Result<Vec<Snapshot>, BoxError>;
        owned(owner: AccountId, after: Option<DashboardId>, limit: usize) -> Result<Vec<Arc<Head>>, BoxError>;
        audit(dashboard: DashboardId, after: Revision, limit: usize) -> Result<Vec<AuditRecord>, BoxError>;
        audit_of(actor: Actor, after: Option<(DashboardId, Revision)>, limit: usize)
            -> Result<Vec<AuditRecord>, BoxError>;
        outbox(after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError>;
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        match self.fault {
            Fault::LeasesWhatIsLeased => self.store.outbox(None, limit).await,
            Fault::LeasesForEver => self.store.lease(now, Timestamp::MAX, limit).await,
            Fault::RemovesWhatItLeases => {
                let leased = self.store.lease(now, until, limit).await?;
                let ids: Vec<MessageId> = leased.iter().map(|message| message.id).collect();
                self.store.acknowledge(&ids).await?;
                Ok(leased)
            }
            _ => self.store.lease(now, until, limit).await,
        }
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        match self.fault {
            Fault::ForgetsAcknowledgements => Ok(()),
            Fault::AcknowledgesANeighbour => {
                let next = self.store.outbox(delivered.last().copied(), 1).await?;
                let all: Vec<MessageId> =
                    delivered.iter().copied().chain(next.iter().map(|message| message.id)).collect();
                self.store.acknowledge(&all).await
            }
            _ => self.store.acknowledge(delivered).await,
        }
    }
}
