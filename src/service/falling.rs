//! Listing what fell with withdrawals, and telling whom it concerns: a step of its own (G21, G22).

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
};
use crate::{
    host::{Directory, Env, Freshness, Store},
    record::{Message, MessageId},
    sharing::revoke::Ended,
    value::DashboardId,
};

/// # What fell
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Lists what fell with the withdrawals on a dashboard of which that is still to be done, and tells whom it concerns.
    ///
    /// The commands do it by themselves right after they took something away, and [`lease`](Self::lease) does it for
    /// whatever was left behind by a process that died. So a host needs it only if it wants the list now, where an answer
    /// said that it was not [`listed`](Ended::listed). It is done once, whoever does it.
    ///
    /// Rules: [G21](crate::specification), [G22](crate::specification).
    ///
    /// # Errors
    /// When the grants below cannot be read; what was taken away stays taken away.
    pub async fn list_fallen(&self, dashboard: DashboardId) -> Result<Vec<Done<Ended>>, Error> {
        let found = self.store.read(dashboard, &[], Freshness::Latest).await.map_err(Error::Store)?;
        let mut listed = Vec::new();
        for falling in found.map_or(Vec::new(), |found| found.head.falling.clone()) {
            if let Some((fallen, revision)) = self.list_fallen_of(dashboard, falling.revision).await? {
                listed.push(Done { answer: Ended::of(&fallen), dashboard, revision });
            }
        }
        Ok(listed)
    }

    /// Does what the library noted for itself in the outbox; `false` for a message that is the host's.
    pub(super) async fn follow(&self, message: &Message, id: MessageId) -> Result<bool, Error> {
        if *message != Message::Falling {
            return Ok(false);
        }
        self.list_fallen_of(id.dashboard, id.revision).await?;
        self.store.acknowledge(&[id]).await.map_err(Error::Store)?;
        Ok(true)
    }
}
