//! Listing what fell with withdrawals, and telling whom it concerns: a step of its own (G21, G22).

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
    run::Fate,
};
use crate::{
    host::{Directory, Env, Freshness, Store},
    record::{Commit, Message, MessageId, Revision},
    sharing::{Fallen, falling::ListFallen, revoke::Ended},
    value::DashboardId,
};

/// What came of listing what fell with a commit.
pub(super) enum Listed {
    /// There was nothing to list.
    Nothing,
    /// All that fell, and the revision that the list made.
    All(Fallen, Revision),
    /// It could not be listed now, or somebody else does it.
    Later,
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

    /// What fell with a commit that was just applied.
    pub(super) async fn list_fallen_with(&self, commit: &Commit, made: Revision) -> Listed {
        let note = commit.outbox.iter().position(|message| message.message == Message::Falling);
        // Written on a later revision it may have found something below that was not there when it was judged.
        if note.is_none() && made == commit.head.revision {
            return Listed::Nothing;
        }
        let dashboard = commit.dashboard();
        let (all, listed) = match self.list_fallen_of(dashboard, made).await {
            Ok(Some(done)) => done,
            Ok(None) if note.is_none() => return Listed::Nothing,
            Ok(None) | Err(_) => return Listed::Later,
        };
        if let Ok(index) = u32::try_from(note.unwrap_or(commit.outbox.len())) {
            // If the note stays, it is found out later that there is nothing left to do.
            let _ = self.store.acknowledge(&[MessageId { dashboard, revision: made, index }]).await;
        }
        Listed::All(all, listed)
    }

    /// What fell with a withdrawal; `None` when it was listed before.
    pub(super) async fn list_fallen_of(
        &self,
        dashboard: DashboardId,
        with: Revision,
    ) -> Result<Option<(Fallen, Revision)>, Error> {
        let done = self.run(&ListFallen { dashboard, with }).await?;
        match (done.answer, done.fate) {
            (_, Fate::Unknown(_, source)) => Err(Error::Store(source)),
            (answer, _) => Ok(answer.map(|fallen| (fallen, done.revision))),
        }
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
