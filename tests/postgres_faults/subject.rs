//! What the workers of a run drive: the library on a store that is watched, or a rotation of the naive kind.

use super::{
    history::{Act, Change, FOREIGN, Link, Place, Token},
    progress::{Progress, Seen},
};
use dashshare::{
    AccountId, BoxError, DashboardId, Dashshare, Done, Env, Error, Expiry, LinkToken, MemoryDirectory,
    PostgresStore, Refusal, Rotated, SystemEnv, Timestamp,
    store::{Commit, CommitError, CommitKey, Freshness, LinkDigest, Receipt, Store},
};
use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

pub(crate) const OWNER: u64 = 1;
pub(crate) const BOARD: u64 = 7;

/// How often a commit of unknown fate is taken up again.
const PATIENCE: usize = 50;

pub(crate) trait Subject: Send + Sync + 'static {
    /// Rotates with a new token. `None`: it failed, certainly without effect. An error is one that must not be.
    fn rotate(&self) -> impl Future<Output = Result<Option<Act>, String>> + Send;
    fn change(&self, change: Change) -> impl Future<Output = Result<Option<Act>, String>> + Send;
    fn visit(&self, token: Token) -> impl Future<Output = Result<Option<Act>, String>> + Send;
    fn look(&self) -> impl Future<Output = Result<Option<Act>, String>> + Send;
    /// Which faults the last operation saw.
    fn seen(&self) -> Seen;
}

/// The tokens of a run, whether they were handed out or not.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Drawn>);

#[derive(Default)]
struct Drawn {
    texts: Vec<Arc<str>>,
    numbers: HashMap<LinkDigest, Token>,
    handed_out: Vec<Token>,
}

impl Tokens {
    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, secret: [u8; 32]) -> Token {
        let token = LinkToken::from_random(secret);
        let mut drawn = self.drawn();
        let number = drawn.texts.len();
        drawn.texts.push(token.expose().into());
        drawn.numbers.insert(token.digest(), number);
        number
    }

    /// The number of a token that has no secret.
    pub(crate) fn draw_number(&self) -> Token {
        let mut drawn = self.drawn();
        drawn.texts.push("".into());
        drawn.texts.len() - 1
    }

    fn text(&self, token: Token) -> Arc<str> {
        Arc::clone(&self.drawn().texts[token])
    }

    fn number(&self, digest: &LinkDigest) -> Token {
        self.drawn().numbers.get(digest).copied().unwrap_or(FOREIGN)
    }

    pub(crate) fn hand_out(&self, token: Token) {
        self.drawn().handed_out.push(token);
    }

    /// The token that was handed out so many before the last one.
    pub(crate) fn handed_out(&self, before: usize) -> Option<Token> {
        self.drawn().handed_out.iter().rev().nth(before).copied()
    }

    pub(crate) fn count(&self) -> usize {
        self.drawn().texts.len()
    }
}

/// The clock stands still, and the token that a rotation draws is noted.
struct Purse {
    tokens: Arc<Tokens>,
    /// The next draw is a token's.
    is_awaited: AtomicBool,
    drawn: Mutex<Option<Token>>,
}

impl Env for Purse {
    fn now(&self) -> Timestamp {
        SystemEnv.now()
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        SystemEnv.fill(bytes)?;
        if self.is_awaited.swap(false, Ordering::Relaxed) {
            let token = self.tokens.draw(<[u8; 32]>::try_from(&*bytes)?);
            *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        }
        Ok(())
    }
}

/// The library as one worker has it.
pub(crate) struct Library {
    sharing: Dashshare<Watched, Arc<MemoryDirectory>, Purse>,
}

impl Library {
    pub(crate) fn new(
        store: PostgresStore,
        directory: Arc<MemoryDirectory>,
        tokens: Arc<Tokens>,
        progress: Arc<Progress>,
    ) -> Self {
        let purse = Purse { tokens, is_awaited: AtomicBool::new(false), drawn: Mutex::new(None) };
        let store = Watched { store, progress, seen: Mutex::default() };
        Self { sharing: Dashshare::new(store, directory, purse) }
    }

    /// Takes up what is not resolved until it is. Nobody gives up while the server comes back.
    async fn resolve<T>(
        &self,
        mut answer: Result<T, Error>,
        with: impl Fn(Done<Option<Rotated>>) -> Option<T>,
    ) -> Result<Result<T, Error>, String> {
        for _ in 0..PATIENCE {
            let Err(Error::Unresolved(unresolved)) = answer else { break };
            answer = match self.sharing.resume(unresolved).await {
                Ok(done) => Ok(with(done).ok_or("a rotation was resumed and gave no link")?),
                Err(error) => Err(error),
            };
        }
        Ok(answer)
    }
}

impl Subject for Library {
    async fn rotate(&self) -> Result<Option<Act>, String> {
        let purse = self.sharing.env();
        purse.is_awaited.store(true, Ordering::Relaxed);
        let answer = self.sharing.rotate_link(AccountId::from(OWNER), BOARD.into(), Expiry::Never).await;
        let token = purse.drawn.lock().unwrap_or_else(PoisonError::into_inner).take();
        let token = token.ok_or("a rotation has drawn no token")?;
        let answer = self
            .resolve(answer, |done| {
                Some(Done { answer: done.answer?, dashboard: done.dashboard, revision: done.revision })
            })
            .await?;
        Ok(Some(match answer {
            Ok(link) if purse.tokens.number(&link.token.digest()) != token => {
                return Err("a rotation handed out another token than it drew".into());
            }
            Ok(link) => {
                let place = Place { generation: link.generation, revision: link.revision.number() };
                Act::Rotated { token, place: Some(place) }
            }
            Err(Error::Refused(Refusal::Superseded | Refusal::NoLink)) => Act::Overtaken { token },
            Err(Error::Unresolved(_)) => Act::Unresolved(Change::Rotate(token)),
            Err(Error::Store(_) | Error::Contended) => return Ok(None),
            Err(error) => return Err(told(&error)),
        }))
    }

    async fn change(&self, change: Change) -> Result<Option<Act>, String> {
        let (owner, board) = (AccountId::from(OWNER), DashboardId::from(BOARD));
        let answer = match change {
            Change::Rotate(_) => return self.rotate().await,
            Change::Pause => self.sharing.pause_link(owner, board).await,
            Change::Resume => self.sharing.resume_link(owner, board).await,
            Change::Withdraw => self.sharing.withdraw_link(owner, board).await,
        };
        let answer = answer.map(|done| done.revision);
        let answer = self.resolve(answer, |done| Some(done.revision)).await?;
        Ok(Some(match answer {
            Ok(revision) => Act::Changed { change, revision: revision.number() },
            Err(Error::Refused(Refusal::NoLink)) => Act::NoLink,
            Err(Error::Unresolved(_)) => Act::Unresolved(change),
            Err(Error::Store(_) | Error::Contended) => return Ok(None),
            Err(error) => return Err(told(&error)),
        }))
    }

    async fn visit(&self, token: Token) -> Result<Option<Act>, String> {
        let text = self.sharing.env().tokens.text(token);
        match self.sharing.visit(&*text).await {
            Ok(decision) => Ok(Some(Act::Visited { token, allowed: decision.is_allowed() })),
            Err(Error::Store(_)) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    async fn look(&self) -> Result<Option<Act>, String> {
        let Ok(seen) = self.sharing.store().read(BOARD.into(), &[], Freshness::Latest).await else {
            return Ok(None);
        };
        let head = seen.ok_or("the dashboard is gone")?.head;
        let tokens = &self.sharing.env().tokens;
        let link = head.link.as_ref();
        if link.is_some_and(|link| link.generation != head.links_made) {
            return Err(format!("the link is not the newest one that was made: {head:?}"));
        }
        Ok(Some(Act::Looked(Link {
            revision: head.revision.number(),
            generation: head.links_made,
            token: link.map(|link| tokens.number(&link.digest)),
            paused: link.is_some_and(|link| link.paused.is_some()),
        })))
    }

    fn seen(&self) -> Seen {
        std::mem::take(&mut *self.sharing.store().seen())
    }
}

/// An error with its causes.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The store, and what goes wrong between it and the library.
pub(crate) struct Watched {
    store: PostgresStore,
    progress: Arc<Progress>,
    seen: Mutex<Seen>,
}

impl Watched {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blame(&self, error: &BoxError) {
        let blamed = self.progress.blame(&**error);
        self.seen().iter_mut().zip(blamed).for_each(|(seen, blamed)| *seen |= blamed);
    }

    async fn watch<T>(&self, answer: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
        answer.await.inspect_err(|error| self.blame(error))
    }
}

impl Store for Watched {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        self.store.commit(commit).await.inspect_err(|error| match error {
            CommitError::Unknown(source) => {
                self.progress.note_unknown();
                self.blame(source);
            }
            CommitError::Failed(source) => self.blame(source),
            _ => {}
        })
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        let found = self.watch(self.store.receipt(dashboard, key)).await?;
        found.iter().for_each(|_| self.progress.note_stood());
        Ok(found)
    }

    dashshare::delegate_store!(self.store => read, read_many, read_link, grants, grants_below, held, owned, audit, audit_of, outbox,
        lease, acknowledge, dead_letters, put_back, sweep, |_, call| self.watch(call()));
}
