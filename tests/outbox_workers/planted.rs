//! A store whose outbox has a fault.

use dashshare::{
    BoxError, MemoryStore, Timestamp,
    store::Store,
    trail::{MessageId, OutboxMessage},
};

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

impl Store for Planted {
    dashshare::delegate_store!(self.store => commit, receipt, read, read_many, read_link, grants, grants_below, held, owned, audit,
        audit_of, outbox, dead_letters, put_back, sweep);

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        match self.fault {
            Fault::LeasesWhatIsLeased => self.store.outbox(None, limit).await,
            Fault::LeasesForEver => self.store.lease(now, Timestamp::MAX, attempts, limit).await,
            Fault::RemovesWhatItLeases => {
                let leased = self.store.lease(now, until, attempts, limit).await?;
                let ids: Vec<MessageId> = leased.iter().map(|message| message.id).collect();
                self.store.acknowledge(&ids).await?;
                Ok(leased)
            }
            _ => self.store.lease(now, until, attempts, limit).await,
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
