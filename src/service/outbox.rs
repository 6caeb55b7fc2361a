//! The outbox, for the workers that deliver, and the reminders that fill it.

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
};
use crate::{
    host::{Directory, Env, Store},
    record::{MessageId, OutboxMessage},
    sharing::reminder::Remind,
    value::{DashboardId, GrantId, Timestamp},
};
use std::time::Duration;

/// # The outbox
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Writes a message for each live grant and invitation that ends by `until` and of whose end nobody was told
    /// yet, and answers with them. For a host's daily job.
    pub async fn remind(
        &self,
        dashboard: DashboardId,
        until: Timestamp,
    ) -> Result<Done<Vec<GrantId>>, Error> {
        self.done(&Remind { dashboard, until }).await
    }

    /// Up to `limit` messages that wait to be delivered, for whoever wants to see them. Workers that deliver use
    /// [`lease`](Self::lease), so that no two of them send the same.
    pub async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, Error> {
        self.store.outbox(after, limit).await.map_err(Error::Store)
    }

    /// Takes up to `limit` messages to deliver, and keeps them from other workers for a while.
    ///
    /// A worker leases some messages, delivers each, and [acknowledges](Self::acknowledge) it. Any number of workers may
    /// do so at once, in any number of processes. Each message is delivered at least once: one that a dead worker had
    /// leased comes again when its lease has ended by the clock of [`Env`], and none comes again after it was
    /// acknowledged. A worker that is slower than its lease delivers what another one delivers too, so the lease should
    /// be longer than a delivery ever takes, and what receives the messages may tell by [`OutboxMessage::id`] whether it
    /// has one already. When a delivery fails, do nothing: the lease ends by itself.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{NewShare, *, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # use std::time::Duration;
    /// # fn send(_: &OutboxMessage) -> Result<(), BoxError> { Ok(()) }
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, dashboard) = (AccountId::from(1u64), DashboardId::from(7u64));
    /// # sharing.directory().add_account(olga);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// # let ann: EmailAddress = "ann@example.com".parse()?;
    /// sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    /// loop {
    ///     let messages = sharing.lease(Duration::from_secs(60), 10).await?;
    ///     if messages.is_empty() {
    ///         break; // a worker waits here and looks again
    ///     }
    ///     for message in messages {
    ///         if send(&message).is_ok() {
    ///             sharing.acknowledge(&[message.id]).await?;
    ///         }
    ///     }
    /// }
    /// assert!(sharing.outbox(None, 1).await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn lease(&self, lasting: Duration, limit: usize) -> Result<Vec<OutboxMessage>, Error> {
        let now = self.env.now();
        let until = now.plus_micros(i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX));
        loop {
            let leased = self.store.lease(now, until, limit).await.map_err(Error::Store)?;
            let is_last = leased.is_empty();
            let mut messages = Vec::with_capacity(leased.len());
            for message in leased {
                // What the library noted for itself is done here. What fails comes again when its lease has ended.
                match self.follow(&message.message, message.id).await {
                    Ok(false) => messages.push(message),
                    Ok(true) | Err(_) => {}
                }
            }
            if is_last || !messages.is_empty() {
                return Ok(messages);
            }
        }
    }

    /// Removes delivered messages from the outbox, whoever leased them.
    pub async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), Error> {
        self.store.acknowledge(delivered).await.map_err(Error::Store)
    }
}
