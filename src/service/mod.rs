//! The service: loads what a command needs, lets the rules judge it, commits, and retries what lost a race.

mod commands;
mod error;
mod offers;
mod questions;
mod within;

pub use self::error::{Error, Unresolved};
use crate::{
    host::{BoxError, CommitError, Directory, Env, Freshness, Store},
    record::{Commit, Grant, Head, Revision, Seed, Snapshot},
    sharing::{AnonymousAccess, Barred, Command, Consulted, Draw, Facts, Ledger, More, Verdict},
    tenant::{SharingRules, Tenant},
    value::{Account, AccountId, Attestor, DashboardId, TenantId, Timestamp},
};
use std::{ops::Deref, sync::Arc};

/// How often a command is judged anew after others changed the dashboard, and a lost answer asked for.
const ATTEMPTS: usize = 8;
/// How many rows are read at once.
const PAGE: usize = 512;

/// Dashboard sharing over a host's store, directory and environment.
///
/// All methods are `async` and depend on no runtime: any executor runs them, and a synchronous host whose store never
/// waits can block on them (`examples/sync_host.rs`). Only `SqliteStore` and `PostgresStore` need tokio's. It is cheap to
/// keep one for the life of the process.
///
/// ```
/// use dashshare::{
///     AccountId, Action, Dashshare, DashboardId, Expiry, MemoryDirectory, MemoryStore, SystemEnv, TenantId, Terms,
/// };
/// # pollster::block_on(async {
/// let directory = MemoryDirectory::default();
/// let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
/// directory.add_account(olga);
/// directory.add_account(ann);
/// let sharing = Dashshare::new(MemoryStore::default(), directory, SystemEnv);
///
/// let dashboard = DashboardId::from(7u64);
/// sharing.register(dashboard, TenantId::from(1u64), olga).await?;
/// let terms = Terms::view(Expiry::Never);
/// sharing.share(olga, dashboard, ann, terms).await?;
///
/// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
/// assert!(decision.is_allowed());
/// assert!(!sharing.authorize(ann, dashboard, Action::Edit).await?.is_allowed());
/// # Ok::<(), dashshare::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Dashshare<S, D, E> {
    store: S,
    directory: D,
    env: E,
}

/// What a command answers, and the revision of the dashboard that it made (or found, if nothing had to change): a
/// later check that demands it reflects the change (D6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done<T> {
    /// The answer; `Done` dereferences to it.
    pub answer: T,
    /// The revision.
    pub revision: Revision,
}

impl<T> Deref for Done<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.answer
    }
}

/// How a commit ended.
enum Settled {
    Applied,
    Conflict,
    /// It may stand or not, and nobody can be asked.
    Unknown(BoxError),
}

/// A verdict, and what became of its commit.
struct Outcome<A> {
    answer: A,
    revision: Revision,
    fate: Fate,
}

enum Fate {
    /// There was nothing to commit.
    Standing,
    Applied(Box<Commit>),
    Unknown(Box<Commit>, BoxError),
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Ties a store, a directory and an environment together.
    pub fn new(store: S, directory: D, env: E) -> Self {
        Self { store, directory, env }
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The directory.
    pub fn directory(&self) -> &D {
        &self.directory
    }

    /// The environment.
    pub fn env(&self) -> &E {
        &self.env
    }

    fn random(&self) -> Result<[u8; 32], Error> {
        let mut bytes = [0; 32];
        self.env.fill(&mut bytes).map_err(Error::Random)?;
        Ok(bytes)
    }

    async fn run<C: Command>(&self, command: &C) -> Result<Outcome<C::Answer>, Error> {
        let draw = Draw::new(self.random()?);
        let mut links_seen = None;
        for _ in 0..ATTEMPTS {
            let Some(ledger) = self.load(command).await? else { continue };
            let links_made = ledger.as_ref().map_or(0, |ledger| ledger.head.links_made);
            let links_seen = *links_seen.get_or_insert(links_made);
            let verdict = self.verdict(command, ledger.as_ref(), &draw, links_seen).await?;
            let found = ledger.as_ref().map_or(Revision::ZERO, |ledger| ledger.head.revision);
            let answer = verdict.answer;
            let Some(commit) = verdict.commit.map(Box::new) else {
                return Ok(Outcome { answer, revision: found, fate: Fate::Standing });
            };
            let revision = commit.head.revision;
            let fate = match self.settle(&commit, None).await? {
                Settled::Applied => Fate::Applied(commit),
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
        ledger: Option<&Ledger>,
        draw: &Draw,
        links_seen: u64,
    ) -> Result<Verdict<C::Answer>, Error> {
        let now = ledger.map_or_else(|| self.env.now(), |ledger| ledger.now);
        let (tenant, access) = match ledger {
            Some(ledger) => {
                let tenant = self.tenant(ledger.head.tenant).await?;
                let access = match command.publishes() {
                    true => self.access(&tenant, ledger.head.dashboard).await?,
                    false => AnonymousAccess::default(),
                };
                (tenant, access)
            }
            None => (Arc::new(Tenant::closed()), AnonymousAccess::default()),
        };
        let barred = match (ledger, command.hands_on()) {
            (Some(ledger), Some(by)) if !ledger.is_owner(by) => {
                self.barred(&tenant, &ledger.head, by).await?
            }
            _ => None,
        };
        let (tenant, access, barred) = (&*tenant, &access, barred.as_ref());
        Ok(command.judge(&Facts { ledger, tenant, access, barred, now, links_seen, draw })?)
    }

    /// Judges a command and writes nothing.
    async fn judge<C: Command>(&self, command: &C) -> Result<C::Answer, Error> {
        for _ in 0..ATTEMPTS {
            let Some(ledger) = self.load(command).await? else { continue };
            let links_made = ledger.as_ref().map_or(0, |ledger| ledger.head.links_made);
            let draw = Draw::new([0; 32]);
            return Ok(self.verdict(command, ledger.as_ref(), &draw, links_made).await?.answer);
        }
        Err(Error::Contended)
    }

    async fn done<C: Command>(&self, command: &C) -> Result<Done<C::Answer>, Error> {
        let outcome = self.run(command).await?;
        match outcome.fate {
            Fate::Standing | Fate::Applied(_) => {
                Ok(Done { answer: outcome.answer, revision: outcome.revision })
            }
            Fate::Unknown(commit, source) => {
                Err(Error::Unresolved(Unresolved { commit, link: None, source }))
            }
        }
    }

    /// Sends a commit until its fate is known: the same commit under the same key, so that it is applied once. `lost`
    /// is why an answer to it was lost already, if one was: then no failure says that nothing was written.
    async fn settle(&self, commit: &Commit, mut lost: Option<BoxError>) -> Result<Settled, Error> {
        for _ in 0..ATTEMPTS {
            let conflicts = match self.store.commit(commit).await {
                Ok(_) => return Ok(Settled::Applied),
                Err(CommitError::Conflict) if lost.is_none() => return Ok(Settled::Conflict),
                Err(CommitError::Failed(source)) if lost.is_none() => return Err(Error::Store(source)),
                Err(CommitError::Conflict) => true,
                Err(CommitError::Failed(source) | CommitError::Unknown(source)) => {
                    lost = Some(source);
                    false
                }
            };
            match self.store.receipt(commit.dashboard(), commit.key).await {
                Ok(Some(_)) => return Ok(Settled::Applied),
                // Not applied, and with its revision gone it never will be.
                Ok(None) if conflicts => return Ok(Settled::Conflict),
                _ => {}
            }
        }
        Ok(Settled::Unknown(lost.unwrap_or_else(|| "the store gave no answer".into())))
    }

    /// Reads what a command must see. The inner `None` is a dashboard that is not known; the outer one says that the
    /// dashboard changed between two reads.
    async fn load<C: Command>(&self, command: &C) -> Result<Option<Option<Ledger>>, Error> {
        let dashboard = command.dashboard();
        let Some(snapshot) =
            self.store.read(dashboard, &command.seeds(), Freshness::Latest).await.map_err(Error::Store)?
        else {
            return Ok(Some(None));
        };
        let now = self.env.now().max(snapshot.head.clock);
        let revision = snapshot.head.revision;
        let more = command.more(&Ledger::of_snapshot(snapshot.clone(), now));
        let Snapshot { head, chains } = snapshot;
        let mut grants: Vec<Arc<Grant>> = chains.into_iter().flatten().collect();
        if !self.read_more(dashboard, revision, more, &mut grants).await? {
            return Ok(None);
        }
        Ok(Some(Some(Ledger::new(head, grants, now))))
    }

    /// Adds what else is needed; `false` when the dashboard has another revision by now.
    async fn read_more(
        &self,
        dashboard: DashboardId,
        revision: Revision,
        more: More,
        grants: &mut Vec<Arc<Grant>>,
    ) -> Result<bool, Error> {
        if !more.seeds.is_empty() {
            match self.store.read(dashboard, &more.seeds, Freshness::Latest).await.map_err(Error::Store)? {
                Some(again) if again.head.revision == revision => {
                    grants.extend(again.chains.into_iter().flatten());
                }
                _ => return Ok(false),
            }
        }
        if more.everything {
            self.read_pages(grants, |from| self.store.grants(dashboard, from, PAGE)).await?;
        }
        for above in more.below {
            self.read_pages(grants, |from| self.store.grants_below(dashboard, above, from, PAGE)).await?;
        }
        Ok(true)
    }

    async fn read_pages<F>(
        &self,
        grants: &mut Vec<Arc<Grant>>,
        mut page: impl FnMut(u64) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<Vec<Arc<Grant>>, BoxError>>,
    {
        let mut from = 0;
        loop {
            let rows = page(from).await.map_err(Error::Store)?;
            let (count, last) = (rows.len(), rows.last().map(|grant| grant.ordinal));
            grants.extend(rows);
            match last {
                Some(last) if count >= PAGE => from = last.saturating_add(1),
                _ => return Ok(()),
            }
        }
    }

    /// A dashboard as it is judged at an instant, or now: what the seeds name, and more, all of one revision. An offer
    /// is none (T9).
    async fn ledger(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        more: impl Fn(&Ledger) -> More,
        at: Option<Timestamp>,
    ) -> Result<Option<Ledger>, Error> {
        let ledger = self.whole_ledger(dashboard, seeds, more, at).await?;
        Ok(ledger.filter(|ledger| ledger.head.offer().is_none()))
    }

    /// The same, offers too.
    async fn whole_ledger(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        more: impl Fn(&Ledger) -> More,
        at: Option<Timestamp>,
    ) -> Result<Option<Ledger>, Error> {
        for _ in 0..ATTEMPTS {
            let Some(snapshot) =
                self.store.read(dashboard, seeds, Freshness::Latest).await.map_err(Error::Store)?
            else {
                return Ok(None);
            };
            let at = at.unwrap_or_else(|| self.env.now().max(snapshot.head.clock));
            let more = more(&Ledger::of_snapshot(snapshot.clone(), at));
            let Snapshot { head, chains } = snapshot;
            let mut grants: Vec<Arc<Grant>> = chains.into_iter().flatten().collect();
            let reads_pages = more.everything || !more.below.is_empty();
            let mut whole = self.read_more(dashboard, head.revision, more, &mut grants).await?;
            if whole && reads_pages {
                // Pages carry no revision, so it is asked for once more after them.
                let again = self.store.read(dashboard, &[], Freshness::Latest).await.map_err(Error::Store)?;
                whole = again.is_some_and(|again| again.head.revision == head.revision);
            }
            if whole {
                return Ok(Some(Ledger::new(head, grants, at)));
            }
        }
        Err(Error::Contended)
    }

    async fn tenant(&self, tenant: TenantId) -> Result<Arc<Tenant>, Error> {
        let known = self.directory.tenant(tenant).await.map_err(Error::Directory)?;
        Ok(known.unwrap_or_else(|| Arc::new(Tenant::closed())))
    }

    /// What the anonymous user may see of a dashboard and of every device that it shows.
    async fn access(&self, tenant: &Tenant, dashboard: DashboardId) -> Result<AnonymousAccess, Error> {
        let known = self.directory.dashboard(dashboard).await.map_err(Error::Directory)?;
        let devices = self.directory.devices(dashboard).await.map_err(Error::Directory)?;
        Ok(AnonymousAccess::of(tenant, known.as_deref(), &devices))
    }

    /// What the tenant's policies are to be asked with, if they know the account.
    async fn consult(
        &self,
        tenant: Arc<Tenant>,
        head: &Head,
        account: AccountId,
    ) -> Result<Option<Consulted>, Error> {
        if tenant.policies.is_empty() {
            return Ok(None);
        }
        let principal = self.directory.principal(head.tenant, account).await.map_err(Error::Directory)?;
        let Some(principal) = principal else { return Ok(None) };
        let dashboard = self.directory.dashboard(head.dashboard).await.map_err(Error::Directory)?;
        Ok(Some(Consulted { tenant, account: Some(principal), dashboard }))
    }

    /// What keeps an account from a dashboard, whatever was shared with it, if the tenant's policies do.
    async fn barred(
        &self,
        tenant: &Arc<Tenant>,
        head: &Head,
        account: AccountId,
    ) -> Result<Option<Barred>, Error> {
        if !tenant.policies.has_denies() {
            return Ok(None);
        }
        let consulted = self.consult(Arc::clone(tenant), head, account).await?;
        Ok(consulted.and_then(|consulted| consulted.barred()))
    }

    async fn account(&self, account: AccountId) -> Result<Option<Account>, Error> {
        self.directory.account(account, &Attestor::new()).await.map_err(Error::Directory)
    }
}

impl Tenant {
    /// What counts for a tenant that the directory does not know: nothing may be shared.
    fn closed() -> Self {
        let rules =
            SharingRules { private: false, public: false, resharing: false, ..SharingRules::default() };
        Self { rules, ..Self::default() }
    }
}
