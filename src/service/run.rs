//! Running a command: load what it needs, let the rules judge it, commit, and judge anew what lost a race.

use super::{
    dashshare::{Dashshare, Done},
    error::{Error, Unresolved},
    limited::Charged,
    load::{ATTEMPTS, Loaded},
};
use crate::{
    host::{BoxError, CommitError, Directory, Env, Store},
    record::{Commit, Message, MessageId, Revision},
    sharing::{
        AnonymousAccess, Command, Draw, Facts, Fallen, Ledger, Needs, People, Verdict, clock::keep_owners,
        falling::ListFallen, suspension,
    },
    tenant::Tenant,
    value::DashboardId,
};
use std::sync::Arc;

/// How a commit ended.
pub(super) enum Settled {
    /// With the revision that it made.
    Applied(Revision),
    Conflict,
    /// It may stand or not, and nobody can be asked.
    Unknown(BoxError),
}

/// A verdict, and what became of its commit.
pub(super) struct Outcome<A> {
    pub(super) answer: A,
    pub(super) revision: Revision,
    pub(super) fate: Fate,
}

pub(super) enum Fate {
    /// There was nothing to commit. It may still be to be listed what fell with a withdrawal.
    Standing {
        pending: bool,
    },
    Applied(Box<Commit>),
    Unknown(Box<Commit>, BoxError),
}

/// What came of listing what fell with a commit.
enum Listed {
    /// There was nothing to list.
    Nothing,
    /// All that fell, and the revision that the list made.
    All(Fallen, Revision),
    /// It could not be listed now, or somebody else does it.
    Later,
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    pub(super) fn random(&self) -> Result<[u8; 32], Error> {
        let mut bytes = [0; 32];
        self.env.fill(&mut bytes).map_err(Error::Random)?;
        Ok(bytes)
    }

    pub(super) async fn done<C: Command>(&self, command: &C) -> Result<Done<C::Answer>, Error> {
        let Outcome { mut answer, mut revision, fate } = self.run(command).await?;
        match fate {
            Fate::Standing { pending } => {
                if pending {
                    command.put_fallen(&mut answer, None);
                }
                Ok(Done { answer, dashboard: command.dashboard(), revision })
            }
            Fate::Applied(commit) => {
                // What cannot be listed now is listed by whoever leases the note of it.
                match self.list_fallen_with(&commit, revision).await {
                    Listed::Nothing => {}
                    Listed::All(all, listed) => {
                        command.put_fallen(&mut answer, Some(all));
                        revision = listed;
                    }
                    Listed::Later => command.put_fallen(&mut answer, None),
                }
                Ok(Done { answer, dashboard: command.dashboard(), revision })
            }
            Fate::Unknown(commit, source) => {
                Err(Error::Unresolved(Unresolved { commit, link: None, source }))
            }
        }
    }

    /// What fell with a commit that was just applied.
    async fn list_fallen_with(&self, commit: &Commit, made: Revision) -> Listed {
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

    pub(super) async fn run<C: Command>(&self, command: &C) -> Result<Outcome<C::Answer>, Error> {
        let mut charged = Charged::default();
        let outcome = self.run_charging(command, &mut charged).await;
        if outcome.is_err() {
            // Nothing was written.
            self.give_back(charged).await;
        }
        outcome
    }

    async fn run_charging<C: Command>(
        &self,
        command: &C,
        charged: &mut Charged,
    ) -> Result<Outcome<C::Answer>, Error> {
        let draw = Draw::new(self.random()?);
        let needs = command.needs();
        for _ in 0..ATTEMPTS {
            let more = |ledger: &Ledger| command.more(ledger);
            let ledger = match self.load(command.dashboard(), &needs, more, None).await? {
                // A commit expects the revision that was read, so nothing needs to be read again.
                Loaded::Whole(ledger) | Loaded::InPages(ledger) => Some(ledger),
                Loaded::Unknown => None,
                // What only takes away needs no more than what it ends to be as it was (G22).
                Loaded::Changed(ledger) if command.withdraws(&ledger) => Some(ledger),
                Loaded::Changed(_) => continue,
            };
            let (ledger, read) = self.in_time(command, &needs, ledger)?;
            let Verdict { answer, commit } = self.verdict(command, &needs, ledger.as_ref(), &draw).await?;
            let found = ledger.as_ref().map_or(Revision::ZERO, |ledger| ledger.head.revision);
            let Some(mut commit) = commit.map(Box::new) else {
                let is_pending = |it: &Ledger| !it.head.falling.is_empty() && command.withdraws(it);
                let pending = ledger.as_ref().is_some_and(is_pending);
                return Ok(Outcome { answer, revision: found, fate: Fate::Standing { pending } });
            };
            self.charge(&commit, charged).await?;
            if let Some(read) = read {
                keep_owners(&mut commit, &read);
            }
            let revision = commit.head.revision;
            let fate = match self.settle(&commit, None).await? {
                Settled::Applied(made) => {
                    return Ok(Outcome { answer, revision: made, fate: Fate::Applied(commit) });
                }
                Settled::Unknown(source) => Fate::Unknown(commit, source),
                Settled::Conflict => continue,
            };
            return Ok(Outcome { answer, revision, fate });
        }
        Err(Error::Contended)
    }

    /// Judges a command by what the host knows.
    async fn verdict<C: Command>(
        &self,
        command: &C,
        needs: &Needs,
        ledger: Option<&Ledger>,
        draw: &Draw,
    ) -> Result<Verdict<C::Answer>, Error> {
        let now = ledger.map_or_else(|| self.now(), |ledger| ledger.now);
        let (mut tenant, mut access) = (Arc::new(Tenant::closed()), AnonymousAccess::default());
        let mut barred = None;
        // Whoever is no party is refused, whatever the directory would say: so it is not asked (D8).
        let is_strangers = |ledger: &Ledger| needs.asker.is_some_and(|asker| !ledger.is_party(asker));
        let mut people = People::default();
        let mut counted = None;
        let withdraws = ledger.is_some_and(|ledger| command.withdraws(ledger));
        // What only takes away asks nobody (G20, G22).
        let asks_nobody = needs.ignores_tenant || withdraws;
        if let Some(ledger) = ledger.filter(|ledger| !asks_nobody && !is_strangers(ledger)) {
            tenant = self.tenant(ledger.head.tenant).await?;
            if needs.publishes {
                access = self.access(&tenant, ledger.head.dashboard).await?;
            }
            if let Some(by) = needs.hands_on.filter(|by| !ledger.is_owner(*by)) {
                barred = self.barred(&tenant, &ledger.head, by).await?;
            }
            people = self.people(&tenant, &ledger.head, command.people(ledger)).await?;
            let more = command.counted(ledger, &tenant.rules.limits);
            if !more.is_nothing() {
                counted = Some(self.with_more(ledger, more).await?);
            }
        }
        let ledger = counted.as_ref().or(ledger);
        let (tenant, access, barred) = (&*tenant, &access, barred.as_ref());
        let facts = Facts { ledger, tenant, access, barred, people: &people, now, draw, withdraws };
        Ok(suspension::judge(command, needs, &facts)?)
    }

    /// Sends a commit until its fate is known: the same commit under the same key, so that it is applied once. `lost`
    /// is why an answer to it was lost already, if one was: then no failure says that nothing was written.
    pub(super) async fn settle(&self, commit: &Commit, mut lost: Option<BoxError>) -> Result<Settled, Error> {
        for _ in 0..ATTEMPTS {
            let conflicts = match self.store.commit(commit).await {
                Ok(receipt) if receipt.is_of(commit) => return Ok(Settled::Applied(receipt.revision)),
                // Another commit stands under its key, so it was not applied and never will be.
                Ok(_) | Err(CommitError::KeyReused) => return Err(repeats_itself()),
                Err(CommitError::Conflict) if lost.is_none() => return Ok(Settled::Conflict),
                Err(CommitError::Failed(source)) if lost.is_none() => return Err(Error::Store(source)),
                Err(CommitError::Conflict) => true,
                Err(CommitError::Failed(source) | CommitError::Unknown(source)) => {
                    lost = Some(source);
                    false
                }
            };
            match self.store.receipt(commit.dashboard(), commit.key).await {
                Ok(Some(receipt)) if receipt.is_of(commit) => return Ok(Settled::Applied(receipt.revision)),
                Ok(Some(_)) => return Err(repeats_itself()),
                // Not applied, and with its revision gone it never will be.
                Ok(None) if conflicts => return Ok(Settled::Conflict),
                _ => {}
            }
        }
        Ok(Settled::Unknown(lost.unwrap_or_else(|| "the store gave no answer".into())))
    }
}

/// The error of a command whose key was drawn before. Nothing of it was written.
fn repeats_itself() -> Error {
    Error::Random(CommitError::KeyReused.into())
}
