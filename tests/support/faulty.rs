//! A host whose every call can fail, be lost, conflict, or be overtaken: wrappers around the memory twins that share
//! one count of calls, so that a test can say what happens at the n-th call, whichever part of the host it goes to.

use dashshare::{
    BoxError, DashboardId, Dashshare, Directory, Env, FixedEnv, MemoryDirectory, MemoryStore, Timestamp,
    store::{Commit, CommitError, DynStore, Freshness, Receipt, Seed, Snapshot, Store},
};
use std::{
    fmt,
    future::{pending, poll_fn},
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

/// A call of the library to its host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Call {
    Fill,
    Account,
    AccountOf,
    Tenant,
    Principal,
    Dashboard,
    Device,
    Devices,
    Variables,
    Blueprint,
    Candidates,
    Commit,
    Receipt,
    Read,
    ReadMany,
    ReadLink,
    Grants,
    GrantsBelow,
    Held,
    Owned,
    Audit,
    AuditOf,
    Outbox,
    Lease,
    Acknowledge,
    DeadLetters,
    PutBack,
    Sweep,
}

impl Call {
    /// Whether it goes to the store.
    pub(crate) fn is_stores(self) -> bool {
        self >= Self::Commit
    }

    fn to_directory(method: &str) -> Self {
        match method {
            "account" => Self::Account,
            "account_of" => Self::AccountOf,
            "tenant" => Self::Tenant,
            "principal" => Self::Principal,
            "dashboard" => Self::Dashboard,
            "device" => Self::Device,
            "devices" => Self::Devices,
            "variables" => Self::Variables,
            "blueprint" => Self::Blueprint,
            "candidates" => Self::Candidates,
            other => panic!("`{other}` has no call of its own"),
        }
    }

    /// The call of one of the store's methods that are passed on.
    fn to_store(method: &str) -> Self {
        match method {
            "receipt" => Self::Receipt,
            "read_many" => Self::ReadMany,
            "read_link" => Self::ReadLink,
            "grants" => Self::Grants,
            "grants_below" => Self::GrantsBelow,
            "held" => Self::Held,
            "owned" => Self::Owned,
            "audit" => Self::Audit,
            "audit_of" => Self::AuditOf,
            "outbox" => Self::Outbox,
            "lease" => Self::Lease,
            "acknowledge" => Self::Acknowledge,
            "dead_letters" => Self::DeadLetters,
            "put_back" => Self::PutBack,
            "sweep" => Self::Sweep,
            other => panic!("`{other}` has no call of its own"),
        }
    }
}

/// What somebody else does at the same time.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// What happens at a call.
pub(crate) enum Fault {
    /// Nothing: the call is passed on.
    None,
    /// It fails, and nothing was done.
    Fail,
    /// It is done, and its answer is lost.
    Lose,
    /// It is done, and the answer says that it failed: no store may do that to a commit.
    FalseFailure,
    /// It is done, and the answer says that it conflicts: no store may do that either.
    FalseConflict,
    /// Its answer is lost, and nothing was done.
    LoseUndone,
    /// It is done, and never answered.
    Hang,
    /// A commit conflicts although nobody else changed anything.
    Conflict,
    /// Somebody else is quicker.
    Before(Hook),
    /// Somebody else acts before the answer arrives.
    After(Hook),
    /// A read answers with this snapshot, which may be an old one.
    Answer(Option<Snapshot>),
}

/// Says what happens at each call, given its number from 0.
pub(crate) type Plan = Box<dyn FnMut(usize, Call) -> Fault + Send>;

/// The source of every error that these wrappers make.
#[derive(Debug)]
pub(crate) struct Injected {
    pub(crate) number: usize,
    pub(crate) call: Call,
}

impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "injected at call {} ({:?})", self.number, self.call)
    }
}

impl std::error::Error for Injected {}

/// What the three wrappers share. Its `Debug` prints nothing, since it remembers secrets.
pub(crate) struct Gate {
    state: Mutex<State>,
}

struct State {
    trace: Vec<Call>,
    plan: Plan,
    drawn: Vec<[u8; 32]>,
    paced: bool,
    witness: Option<Timestamp>,
}

impl Gate {
    fn new() -> Self {
        let plan: Plan = Box::new(|_, _| Fault::None);
        let state = State { trace: Vec::new(), plan, drawn: Vec::new(), paced: false, witness: None };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics inside the gate")
    }

    /// Follows a plan from here on, and counts calls from 0.
    pub(crate) fn follow(&self, plan: impl FnMut(usize, Call) -> Fault + Send + 'static) {
        let mut state = self.state();
        state.plan = Box::new(plan);
        state.trace.clear();
    }

    /// Passes every call on, and counts from 0.
    pub(crate) fn heal(&self) {
        self.follow(|_, _| Fault::None);
    }

    /// Stops before every call to the store until polled again.
    pub(crate) fn pace(&self) {
        self.state().paced = true;
    }

    /// Gives the process a second clock, which stands here.
    pub(crate) fn bear_witness(&self, now: Timestamp) {
        self.state().witness = Some(now);
    }

    /// The calls since the plan was made.
    pub(crate) fn trace(&self) -> Vec<Call> {
        self.state().trace.clone()
    }

    /// Every 32 bytes of randomness that were drawn.
    pub(crate) fn drawn(&self) -> Vec<[u8; 32]> {
        self.state().drawn.clone()
    }

    fn enter(&self, call: Call) -> (Injected, Fault) {
        let mut state = self.state();
        let number = state.trace.len();
        state.trace.push(call);
        let fault = (state.plan)(number, call);
        (Injected { number, call }, fault)
    }

    async fn pause(&self) {
        let mut open = !self.state().paced;
        poll_fn(|_| if std::mem::replace(&mut open, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    async fn pass<T>(
        &self,
        call: Call,
        inner: impl Future<Output = Result<T, BoxError>> + Send,
    ) -> Result<T, BoxError> {
        if call.is_stores() {
            self.pause().await;
        }
        let (injected, fault) = self.enter(call);
        match fault {
            Fault::None | Fault::Answer(_) | Fault::FalseFailure | Fault::FalseConflict => inner.await,
            Fault::Fail | Fault::LoseUndone | Fault::Conflict => Err(injected.into()),
            Fault::Lose => {
                inner.await?;
                Err(injected.into())
            }
            Fault::Hang => {
                inner.await?;
                pending().await
            }
            Fault::Before(hook) => {
                hook();
                inner.await
            }
            Fault::After(hook) => {
                let answer = inner.await;
                hook();
                answer
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate(..)")
    }
}

/// A store behind a gate.
#[derive(Clone)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn DynStore>,
    pub(crate) gate: Arc<Gate>,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore").field("gate", &self.gate).finish_non_exhaustive()
    }
}

/// A memory directory behind a gate.
#[derive(Clone, Debug)]
pub(crate) struct FaultyDirectory {
    pub(crate) inner: Arc<MemoryDirectory>,
    gate: Arc<Gate>,
}

/// A fixed environment behind a gate.
#[derive(Clone, Debug)]
pub(crate) struct FaultyEnv {
    pub(crate) inner: Arc<FixedEnv>,
    gate: Arc<Gate>,
}

pub(crate) type Sharing = Dashshare<FaultyStore, FaultyDirectory, FaultyEnv>;

/// One process of the host, with a gate of its own, over a store and a directory that others may use too.
pub(crate) fn process(
    store: &Arc<MemoryStore>,
    directory: &Arc<MemoryDirectory>,
    now: Timestamp,
    seed: u64,
) -> Sharing {
    process_over(Arc::<MemoryStore>::clone(store), directory, now, seed)
}

/// The same over any store.
pub(crate) fn process_over(
    store: Arc<dyn DynStore>,
    directory: &Arc<MemoryDirectory>,
    now: Timestamp,
    seed: u64,
) -> Sharing {
    let gate = Arc::new(Gate::new());
    Dashshare::new(
        FaultyStore { inner: store, gate: Arc::clone(&gate) },
        FaultyDirectory { inner: Arc::clone(directory), gate: Arc::clone(&gate) },
        FaultyEnv { inner: Arc::new(FixedEnv::new(now, seed)), gate },
    )
}

impl Store for FaultyStore {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        self.gate.pause().await;
        let (injected, fault) = self.gate.enter(Call::Commit);
        match fault {
            Fault::None | Fault::Answer(_) => self.inner.commit(commit).await,
            Fault::Fail => Err(CommitError::Failed(injected.into())),
            Fault::LoseUndone => Err(CommitError::Unknown(injected.into())),
            Fault::Conflict => Err(CommitError::Conflict),
            Fault::FalseFailure => {
                self.inner.commit(commit).await?;
                Err(CommitError::Failed(injected.into()))
            }
            Fault::FalseConflict => {
                self.inner.commit(commit).await?;
                Err(CommitError::Conflict)
            }
            Fault::Hang => {
                self.inner.commit(commit).await?;
                pending().await
            }
            Fault::Lose => match self.inner.commit(commit).await {
                Ok(_) => Err(CommitError::Unknown(injected.into())),
                Err(error) => Err(error),
            },
            Fault::Before(hook) => {
                hook();
                self.inner.commit(commit).await
            }
            Fault::After(hook) => {
                let answer = self.inner.commit(commit).await;
                hook();
                answer
            }
        }
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        self.gate.pause().await;
        let (injected, fault) = self.gate.enter(Call::Read);
        match fault {
            Fault::Answer(snapshot) => Ok(snapshot),
            Fault::None | Fault::FalseFailure | Fault::FalseConflict => {
                self.inner.read(dashboard, seeds, freshness).await
            }
            Fault::Before(hook) => {
                hook();
                self.inner.read(dashboard, seeds, freshness).await
            }
            Fault::After(hook) => {
                let answer = self.inner.read(dashboard, seeds, freshness).await;
                hook();
                answer
            }
            Fault::Fail | Fault::Lose | Fault::LoseUndone | Fault::Conflict | Fault::Hang => {
                Err(injected.into())
            }
        }
    }

    dashshare::delegate_store!(self.inner => receipt, read_many, read_link, grants, grants_below, held, owned, audit, audit_of, outbox,
        lease, acknowledge, dead_letters, put_back, sweep, |name, call| self.gate.pass(Call::to_store(name), call()));
}

impl Directory for FaultyDirectory {
    dashshare::delegate_directory!(self.inner => ALL, |name, call| self.gate.pass(Call::to_directory(name), call()));
}

impl Env for FaultyEnv {
    fn witness(&self) -> Option<Timestamp> {
        self.gate.state().witness
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        let (injected, fault) = self.gate.enter(Call::Fill);
        match fault {
            Fault::Fail | Fault::Lose | Fault::LoseUndone => return Err(injected.into()),
            Fault::Before(hook) | Fault::After(hook) => hook(),
            Fault::None
            | Fault::Hang
            | Fault::Conflict
            | Fault::Answer(_)
            | Fault::FalseFailure
            | Fault::FalseConflict => {}
        }
        self.inner.fill(bytes)?;
        self.gate.state().drawn.extend(<[u8; 32]>::try_from(&*bytes));
        Ok(())
    }
}
