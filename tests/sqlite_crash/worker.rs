//! The process that works on a store until it is killed: it goes on where the last one stopped, gives commands from
//! several tasks at once, and tells each one's answer after it has it.

use super::{chain, random::Random};
use dashshare::{
    AccountId, BoxError, DashboardId, Dashshare, Error, Expiry, GrantId, MemoryDirectory, NewShare, Revision,
    RevokeMode, SqliteStore, SystemEnv, TenantId, Terms, Timestamp, Unresolved, store::Store,
};
use std::{
    io::{self, Write},
    sync::Arc,
};

pub(crate) const TENANT: u64 = 1;
pub(crate) const OWNER: u64 = 1;
const ACCOUNTS: std::ops::RangeInclusive<u64> = 2..=400;
pub(crate) type Sharing = Dashshare<SqliteStore, MemoryDirectory, SystemEnv>;

pub(crate) fn service(store: SqliteStore) -> Sharing {
    let directory = MemoryDirectory::default();
    (OWNER..=*ACCOUNTS.end()).for_each(|account| directory.add_account(account.into()));
    Dashshare::new(store, directory, SystemEnv)
}

/// What a command made, once the store had acknowledged its commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) dashboard: DashboardId,
    pub(crate) revision: Revision,
    pub(crate) made: Made,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Made {
    Dashboard,
    Grant(GrantId),
    /// This one was revoked.
    Revoked(GrantId),
    /// Its generation and its token.
    Link(u64, String),
}

impl Acknowledged {
    fn to_line(&self) -> String {
        let made = match &self.made {
            Made::Dashboard => "dashboard 0 -".to_owned(),
            Made::Grant(grant) => format!("grant {} -", grant.to_u128()),
            Made::Revoked(grant) => format!("revoked {} -", grant.to_u128()),
            Made::Link(generation, token) => format!("link {generation} {token}"),
        };
        format!("done {} {} {made}\n", self.dashboard.to_u128(), self.revision)
    }

    fn of_words(words: &[&str]) -> Option<Self> {
        let [dashboard, revision, kind, number, token] = words else { return None };
        let dashboard = DashboardId::from(dashboard.parse::<u128>().ok()?);
        let number: u128 = number.parse().ok()?;
        let made = match *kind {
            "dashboard" => Made::Dashboard,
            "grant" => Made::Grant(number.into()),
            "revoked" => Made::Revoked(number.into()),
            "link" => Made::Link(number.try_into().ok()?, (*token).to_owned()),
            _ => return None,
        };
        Some(Self { dashboard, revision: Revision::new(revision.parse().ok()?), made })
    }
}

/// A line that a worker writes.
#[derive(Debug)]
pub(crate) enum Line {
    /// The store is open and has its tables.
    Ready,
    /// A command begins.
    Begun,
    /// It has ended without a commit.
    Nothing,
    Done(Acknowledged),
    /// Something that should not happen, or that a count is kept of.
    Said(String),
}

impl Line {
    pub(crate) fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ready"] => Self::Ready,
            ["begun"] => Self::Begun,
            ["nothing"] => Self::Nothing,
            ["done", words @ ..] => {
                Acknowledged::of_words(words).map_or_else(|| Self::Said(line.to_owned()), Self::Done)
            }
            _ => Self::Said(line.to_owned()),
        }
    }
}

/// One call of `write` for each line, so that a line is there whole or not at all.
pub(crate) fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).expect("somebody listens");
}

/// A command that was chosen.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    Register(DashboardId),
    Share(DashboardId, AccountId, AccountId, Terms),
    Revoke(DashboardId, GrantId),
    Rotate(DashboardId),
}

impl Errand {
    /// Chooses one by what is there; grants are made, shared on and revoked.
    pub(crate) async fn choose(
        store: &impl Store,
        random: &mut Random,
        dashboards: u64,
    ) -> Result<Self, BoxError> {
        let dashboard = DashboardId::from(1 + random.below(dashboards));
        if store.read(dashboard, &[], dashshare::store::Freshness::Latest).await?.is_none() {
            return Ok(Self::Register(dashboard));
        }
        let grants = store.grants(dashboard, 0, 512).await?;
        let live: Vec<_> = grants.iter().filter(|grant| grant.revoked.is_none()).collect();
        let pick = |random: &mut Random| {
            let place =
                usize::try_from(random.below(u64::try_from(live.len()).unwrap_or(0).max(1))).unwrap_or(0);
            live.get(place).copied()
        };
        let owner = AccountId::from(OWNER);
        let with = AccountId::from(ACCOUNTS.start() + random.below(ACCOUNTS.end() - ACCOUNTS.start()));
        // Terms that nobody has yet, so that it is a new grant each time.
        let ends =
            Timestamp::from_micros(4_000_000_000_000_000 + i64::try_from(random.below(1 << 40)).unwrap_or(0));
        let terms = Terms::view(Expiry::At(ends)).and_reshare();
        Ok(match random.below(10) {
            0..=3 => Self::Share(dashboard, owner, with, terms),
            4..=5 => {
                let by = pick(random).and_then(|grant| grant.grantee.account()).unwrap_or(owner);
                Self::Share(dashboard, by, with, terms)
            }
            6..=7 => match pick(random) {
                Some(grant) => Self::Revoke(dashboard, grant.id),
                None => Self::Share(dashboard, owner, with, terms),
            },
            _ => Self::Rotate(dashboard),
        })
    }

    /// Runs it. `None`: it was refused, or nothing had to change.
    pub(crate) async fn run(&self, sharing: &Sharing) -> Result<Option<Acknowledged>, Error> {
        let owner = AccountId::from(OWNER);
        let outcome = match self.clone() {
            Self::Register(dashboard) => {
                let done = sharing.register(dashboard, TenantId::from(TENANT), owner).await;
                done.map(|done| {
                    Some(Acknowledged { dashboard, revision: done.revision, made: Made::Dashboard })
                })
            }
            Self::Share(dashboard, by, with, terms) => {
                sharing.share(by, dashboard, NewShare::with(with, terms)).await.map(|done| {
                    let made = Made::Grant(done.grant);
                    (!done.standing).then_some(Acknowledged { dashboard, revision: done.revision, made })
                })
            }
            Self::Revoke(dashboard, grant) => {
                let done = sharing.revoke(owner, dashboard, grant, RevokeMode::Cascade).await;
                let made = Made::Revoked(grant);
                done.map(|done| Some(Acknowledged { dashboard, revision: done.revision, made }))
            }
            Self::Rotate(dashboard) => {
                sharing.rotate_link(owner, dashboard, Expiry::Never).await.map(|link| {
                    let made = Made::Link(link.generation, link.token.expose().to_owned());
                    Some(Acknowledged { dashboard, revision: link.revision, made })
                })
            }
        };
        match outcome {
            Err(Error::Refused(_) | Error::Contended) => Ok(None),
            outcome => outcome,
        }
    }

    /// Finds out about a commit whose answer was lost, and finishes it. `None`: it was not applied and never will be, or
    /// it was a share, whose grant only the lost answer named.
    pub(crate) async fn resume(
        &self,
        sharing: &Sharing,
        unresolved: Unresolved,
    ) -> Result<Option<Acknowledged>, Error> {
        let done = match sharing.resume(unresolved).await {
            Err(Error::Refused(_) | Error::Contended) => return Ok(None),
            done => done?,
        };
        let (dashboard, made) = match (self, &done.answer) {
            (Self::Rotate(dashboard), Some(link)) => {
                (*dashboard, Made::Link(link.generation, link.token.expose().to_owned()))
            }
            (Self::Revoke(dashboard, grant), _) => (*dashboard, Made::Revoked(*grant)),
            (Self::Register(dashboard), _) => (*dashboard, Made::Dashboard),
            (Self::Share(..) | Self::Rotate(_), _) => return Ok(None),
        };
        Ok(Some(Acknowledged { dashboard, revision: done.revision, made }))
    }
}

/// Works with some tasks at once, each for so many commands, and then closes the store.
pub(crate) async fn work(store: SqliteStore, seed: u64, dashboards: u64, tasks: u64, commands: u64) {
    store.migrate().await.expect("it migrates");
    say("ready\n");
    let sharing = Arc::new(service(store));
    let tasks: Vec<_> = (0..tasks)
        .map(|task| {
            let (sharing, mut random) = (Arc::clone(&sharing), Random::new(seed.wrapping_add(task)));
            tokio::spawn(async move {
                for _ in 0..commands {
                    say("begun\n");
                    let line = match Errand::choose(sharing.store(), &mut random, dashboards).await {
                        Ok(errand) => match errand.run(&sharing).await {
                            Ok(Some(acknowledged)) => acknowledged.to_line(),
                            Ok(None) => "nothing\n".to_owned(),
                            Err(error) => format!("failed {errand:?}: {}\n", chain(&error)),
                        },
                        Err(error) => format!("failed: {}\n", chain(&*error)),
                    };
                    say(&line);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it works to its end");
    }
    sharing.store().pool().close().await;
}
