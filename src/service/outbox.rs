//! The outbox, for the workers that deliver, and the reminders that fill it.

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
    falling::{Notes, is_dead_note, is_note},
};
use crate::{
    host::{Directory, Env, Store},
    record::{DeadLetter, MessageId, OutboxMessage},
    sharing::reminder::Remind,
    value::{DashboardId, GrantId, Timestamp},
};
use std::time::Duration;

/// How often a message is leased before it is a dead letter.
const ATTEMPTS: u32 = 10;
/// How long receipts are kept, if the host says nothing else (G23).
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long they are kept whatever the host says.
const KEPT_AT_LEAST: Duration = Duration::from_secs(60 * 60);

/// # The outbox
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Writes a message for each live grant and invitation that ends by `until` and of whose end nobody was told
    /// yet, and answers with them. For a host's daily job.
    pub async fn remind(
        &self,
        dashboard: DashboardId,
        until: Timestamp,
    ) -> Result<Done<Vec<GrantId>>, Error> {
        let words = self.words_of_reminder(dashboard, until).await?;
        self.done(&Remind { dashboard, until, words }).await
    }

    /// Up to `limit` messages that were not acknowledged, after the given one, for whoever wants to see them: leased ones
    /// and dead letters too. Workers that deliver use [`lease`](Self::lease), so that no two of them send the same.
    ///
    /// A message that the store cannot read is left out; [`dead_letters`](Self::dead_letters) lists it once a worker has
    /// met it.
    pub async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, Error> {
        self.store.outbox(after, limit).await.map_err(Error::Store)
    }

    /// Takes up to `limit` messages to deliver, and keeps them from other workers for a while.
    ///
    /// A worker leases some messages, delivers each, and [acknowledges](Self::acknowledge) it. Any number of workers may
    /// do so at once, in any number of processes. Each message is delivered at least once: one that a dead worker had
    /// leased comes again when its lease has ended by the clock of [`Env`] (the earlier, if it has [two](Env::witness)), and
    /// none comes again after it was acknowledged. A worker that is slower than its lease delivers what another one delivers too, so the lease should
    /// be longer than a delivery ever takes, and what receives the messages may tell by [`OutboxMessage::id`] whether it
    /// has one already. When a delivery fails, do nothing: the lease ends by itself.
    ///
    /// What a clock that ran ahead has leased until a day in the far future is freed by [`put_back`](Self::put_back).
    ///
    /// Every lease is counted ([`OutboxMessage::attempts`]). The tenth is the last: when it ends, the message is one of
    /// the [`dead_letters`](Self::dead_letters). [`lease_at_most`](Self::lease_at_most) takes another number.
    ///
    /// A message that the store cannot read is put aside among the dead letters, and holds up none of the others.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
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
        self.lease_at_most(ATTEMPTS, lasting, limit).await
    }

    /// The same as [`lease`](Self::lease), with the host's own number of attempts: a message that has been leased so often
    /// or more, with this lease, is not leased again. All workers should give the same number.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub async fn lease_at_most(
        &self,
        attempts: u32,
        lasting: Duration,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, Error> {
        let mut now = self.earliest();
        let until = now.plus_micros(micros(lasting));
        let mut notes = Notes::default();
        loop {
            let leased = self.store.lease(now, until, attempts, limit).await.map_err(Error::Store)?;
            let (own, messages): (Vec<_>, Vec<_>) = leased.into_iter().partition(|it| is_note(&it.message));
            let is_new = self.follow_all(own, attempts, &mut notes).await;
            if !messages.is_empty() || !(is_new || self.is_any_note_back(&mut notes).await) {
                if !notes.last_leased.is_empty() {
                    // If it fails, they are found among the dead letters.
                    let _ = self.store.put_back(&notes.last_leased).await;
                }
                return Ok(messages);
            }
            // What this call has leased does not come again in it, however short its lease is.
            now = now.min(until.plus_micros(-1));
        }
    }

    /// Removes delivered messages from the outbox, whoever leased them, and dead letters that the host is done with.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), Error> {
        self.store.acknowledge(delivered).await.map_err(Error::Store)
    }

    /// Up to `limit` messages that are not delivered any more, after the given one, by id: those that were leased as often
    /// as the host allows and not acknowledged, and those that the store cannot read. Nothing removes them but
    /// [`acknowledge`](Self::acknowledge). What the library notes for itself in the outbox is never one for having been
    /// leased too often.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{NewShare, *, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # use std::time::Duration;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, dashboard) = (AccountId::from(1u64), DashboardId::from(7u64));
    /// # sharing.directory().add_account(olga);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// # let ann: EmailAddress = "ann@example.com".parse()?;
    /// # sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    /// // The mail server is down, and each delivery fails.
    /// for day in 1..4 {
    ///     let leased = sharing.lease_at_most(3, Duration::from_secs(60), 10).await?;
    ///     assert_eq!(leased[0].attempts, day);
    ///     sharing.env().set(start.plus_days(day));
    /// }
    /// assert!(sharing.lease_at_most(3, Duration::from_secs(60), 10).await?.is_empty());
    /// let dead = sharing.dead_letters(None, 10).await?;
    /// println!("{:?}: {}", dead[0].id, dead[0].reason);
    ///
    /// // It is up again.
    /// sharing.put_back(&[dead[0].id]).await?;
    /// assert_eq!(sharing.lease(Duration::from_secs(60), 10).await?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn dead_letters(
        &self,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Error> {
        let (mut letters, mut after): (Vec<DeadLetter>, _) = (Vec::new(), after);
        loop {
            let left = limit.saturating_sub(letters.len());
            let page = self.store.dead_letters(self.earliest(), after, left).await.map_err(Error::Store)?;
            let is_last = page.len() < left;
            after = page.last().map(|letter| letter.id).or(after);
            let (own, others): (Vec<_>, Vec<_>) = page.into_iter().partition(is_dead_note);
            letters.extend(others);
            if !own.is_empty() {
                let own: Vec<MessageId> = own.iter().map(|letter| letter.id).collect();
                self.store.put_back(&own).await.map_err(Error::Store)?;
            }
            if is_last || letters.len() >= limit {
                return Ok(letters);
            }
        }
    }

    /// Puts dead letters back into the outbox, and messages whose lease should end now: each comes to whoever leases next,
    /// as if it were new, with no attempts counted. What waits stays as it is.
    ///
    /// A lease ends so however long it still runs: for the host after a worker whose clock ran ahead has leased messages
    /// until a day in the far future, which [`outbox`](Self::outbox) lists with their
    /// [`attempts`](OutboxMessage::attempts). A worker that is still about to deliver one delivers what another one
    /// delivers too.
    ///
    /// Rules: [S3](crate::specification).
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub async fn put_back(&self, messages: &[MessageId]) -> Result<(), Error> {
        self.store.put_back(messages).await.map_err(Error::Store)
    }

    /// Forgets up to `limit` receipts of changes that are older than 30 days, and answers how many: less than `limit` when
    /// none is left. For a host's daily job, which calls it until then.
    ///
    /// A receipt tells whether a change whose answer was lost was made after all. So an
    /// [`Unresolved`](crate::Unresolved) change is to be resumed within the 30 days. The audit trail stays whole.
    ///
    /// Rules: [G23](crate::specification).
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub async fn sweep(&self, limit: usize) -> Result<usize, Error> {
        self.sweep_older_than(KEPT, limit).await
    }

    /// The same as [`sweep`](Self::sweep), with an age of the host's own. Whatever it is, nothing of the last hour is
    /// forgotten: a change may still be under way. The age is taken by the earlier of the host's clocks, if it has
    /// [two](Env::witness).
    ///
    /// Rules: [G23](crate::specification).
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub async fn sweep_older_than(&self, age: Duration, limit: usize) -> Result<usize, Error> {
        let age = age.max(KEPT_AT_LEAST);
        let before = self.earliest().plus_micros(micros(age).saturating_neg());
        self.store.sweep(before, limit).await.map_err(Error::Store)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
