//! Listing what fell with withdrawals, and telling whom it concerns: a step of its own (G21, G22).

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
    load::PAGE,
};
use crate::{
    host::{Directory, Env, Freshness, Store},
    record::{DeadLetter, Message, MessageId, OutboxMessage},
    sharing::revoke::Ended,
    value::DashboardId,
};
use std::collections::BTreeSet;

/// What one call of `lease` has done about what the library noted for itself in the outbox.
#[derive(Default)]
pub(super) struct Notes {
    tried: BTreeSet<MessageId>,
    /// Those that failed and would be leased no more.
    pub(super) last_leased: Vec<MessageId>,
    /// Whether the dead letters were looked through.
    has_looked: bool,
}

/// Whether a message is the library's own.
pub(super) fn is_note(message: &Message) -> bool {
    *message == Message::Falling
}

/// Whether a dead letter is the library's own, which was leased too often.
pub(super) fn is_dead_note(letter: &DeadLetter) -> bool {
    letter.message.as_ref().is_some_and(|letter| is_note(&letter.message))
}

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

    /// Does what the library noted for itself in the outbox, each note once; `false` when none of them was new. What fails
    /// comes again when its lease has ended, and is no dead letter after its last.
    pub(super) async fn follow_all(
        &self,
        leased: Vec<OutboxMessage>,
        attempts: u32,
        notes: &mut Notes,
    ) -> bool {
        let mut is_new = false;
        for note in leased {
            if !notes.tried.insert(note.id) {
                continue;
            }
            is_new = true;
            if self.follow(note.id).await.is_err() && note.attempts >= attempts {
                notes.last_leased.push(note.id);
            }
        }
        is_new
    }

    async fn follow(&self, note: MessageId) -> Result<(), Error> {
        self.list_fallen_of(note.dashboard, note.revision).await?;
        self.store.acknowledge(&[note]).await.map_err(Error::Store)
    }

    /// Looks once a call for notes among the dead letters, whose last worker has died with them, and puts them back;
    /// whether there were any.
    pub(super) async fn is_any_note_back(&self, notes: &mut Notes) -> bool {
        if std::mem::replace(&mut notes.has_looked, true) {
            return false;
        }
        let (mut after, mut is_back) = (None, false);
        loop {
            // If it fails, whoever leases next looks again.
            let Ok(page) = self.store.dead_letters(self.earliest(), after, PAGE).await else {
                return is_back;
            };
            let own = page.iter().filter(|letter| is_dead_note(letter)).map(|letter| letter.id);
            let own: Vec<MessageId> = own.filter(|note| !notes.tried.contains(note)).collect();
            is_back |= !own.is_empty() && self.store.put_back(&own).await.is_ok();
            match page.last() {
                Some(last) if page.len() >= PAGE => after = Some(last.id),
                _ => return is_back,
            }
        }
    }
}
