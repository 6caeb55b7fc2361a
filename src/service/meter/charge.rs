//! Charging, and handing back.

use super::{
    error::{MeterError, NotHandedBack},
    keys::{Found, Keys},
    load::{Load, Metered, Request},
    turn::{Entry, Next, Seat, Settled, Slot, Till, Waiting},
};
use crate::{
    host::{Env, Ledger, LedgerError, Plans},
    meter::{BatchId, Ticket},
    value::{TenantId, Timestamp},
};
use hashbrown::HashMap;
use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// For how long a plan is believed unless the host says otherwise: a minute.
const STALENESS: i64 = 60 * 1_000_000;
/// How many request keys are remembered unless the host says otherwise.
const KEYS: usize = 65_536;
/// How often something is sent whose answer was lost.
pub(super) const ATTEMPTS: usize = 3;

/// Counts what leaves, before it leaves: a quota of records for each tenant and period, kept exactly by any number of
/// processes, and figures of what let it out.
///
/// It stands beside [`Dashshare`](crate::Dashshare) and takes its decisions; a host that does not meter has none. Like it,
/// it depends on no runtime and starts no task. One for each process, kept for its life: it is what makes the charges of
/// one tenant go together.
///
/// ```
/// use dashshare::{
///     AccountId, Action, DashboardId, Dashshare, FixedEnv, MemoryDirectory, MemoryStore, Meter, TenantId, Timestamp,
///     metering::{MemoryLedger, MemoryPlans, Period, Plan, Ticket},
/// };
/// # pollster::block_on(async {
/// let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
/// let (olga, board, tenant) = (AccountId::from(1u64), DashboardId::from(7u64), TenantId::from(1u64));
/// sharing.directory().add_account(olga);
/// sharing.register(board, tenant, olga).await?;
///
/// let meter = Meter::new(MemoryLedger::default(), MemoryPlans::default(), FixedEnv::new(start, 2));
/// meter.plans().set(tenant, Plan::of(Period::utc_month(start)).limited(100, 1));
///
/// // The host's function that lets data out takes the ticket, so that none leave uncounted.
/// fn respond(ticket: Ticket, rows: Vec<u64>) -> usize {
///     assert_eq!(ticket.records(), rows.len() as u64);
///     rows.len()
/// }
///
/// let decision = sharing.authorize(olga, board, Action::View).await?;
/// let rows = vec![0; 60]; // what the host has read under that decision
/// let ticket = meter.charge(&decision, "chart", rows.len() as u64).await?;
/// respond(ticket, rows);
///
/// // What does not fit whole is refused whole.
/// let refused = meter.charge(&decision, "chart", 50).await.unwrap_err();
/// assert_eq!(refused.code(), "quota");
/// assert_eq!(meter.figures(tenant).await?.figures.charged, 60);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// # A call that is dropped
///
/// A charge that waits in the line and is dropped is not made, unless it has a request key. One that is under way may
/// stand as charged though nobody has its ticket; with a request key, the same again within ten minutes answers with it.
/// Nobody else waits longer for it: whoever comes next sends what was under way again, and it counts once.
///
/// # What is lost with a process
///
/// Charges that were sent and whose answer nobody got, and what was [allowed](Self::with_allowance) and not yet booked.
///
/// Rules: [M2](crate::specification), [M3](crate::specification), [M4](crate::specification),
/// [M5](crate::specification), [M6](crate::specification).
pub struct Meter<L, P, E> {
    pub(super) ledger: L,
    pub(super) plans: P,
    pub(super) env: E,
    pub(super) staleness: i64,
    pub(super) allowance: u64,
    /// Drawn when the first batch is made.
    maker: OnceLock<[u8; 16]>,
    batches: AtomicU64,
    tills: RwLock<HashMap<TenantId, Arc<Till>>>,
    keys: Mutex<Keys>,
}

impl<L, P, E> fmt::Debug for Meter<L, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

/// # Making one
impl<L: Ledger, P: Plans, E: Env> Meter<L, P, E> {
    /// A meter over a ledger, the host's plans, and an environment.
    pub fn new(ledger: L, plans: P, env: E) -> Self {
        Self {
            ledger,
            plans,
            env,
            staleness: STALENESS,
            allowance: 0,
            maker: OnceLock::new(),
            batches: AtomicU64::new(0),
            tills: RwLock::default(),
            keys: Mutex::new(Keys::with_room(KEYS)),
        }
    }

    /// For how long a plan is believed before the host is asked again: a minute if it is never said.
    ///
    /// Rules: [M12](crate::specification).
    #[must_use]
    pub fn with_staleness(self, staleness: Duration) -> Self {
        Self { staleness: i64::try_from(staleness.as_micros()).unwrap_or(i64::MAX), ..self }
    }

    /// How many records of each tenant this process may let out while the ledger certainly does not take them: none if it
    /// is never said. They are booked before anything else when it is back, and then the limit may be exceeded by so many
    /// for each process.
    ///
    /// Rules: [M13](crate::specification).
    #[must_use]
    pub fn with_allowance(self, records: u64) -> Self {
        Self { allowance: records, ..self }
    }

    /// How many request keys are remembered at the most: 65,536 if it is never said. Beyond, the oldest is forgotten before
    /// its ten minutes are over.
    ///
    /// Rules: [M6](crate::specification).
    #[must_use]
    pub fn with_request_keys(self, most: usize) -> Self {
        self.keys().room = most;
        self
    }

    /// The ledger.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// The plans.
    pub fn plans(&self) -> &P {
        &self.plans
    }

    /// The environment.
    pub fn env(&self) -> &E {
        &self.env
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present: the earlier of the host's clocks, so that one that runs ahead begins no period.
    pub(super) fn clock(&self) -> Timestamp {
        let now = self.env.now();
        self.env.witness().map_or(now, |witness| witness.min(now))
    }

    pub(super) fn till(&self, tenant: TenantId) -> Arc<Till> {
        let known = self.tills.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(till) = known.get(&tenant) {
            return Arc::clone(till);
        }
        drop(known);
        let mut tills = self.tills.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tills.entry(tenant).or_insert_with(|| Arc::new(Till::of(tenant))))
    }

    pub(super) fn tills(&self) -> Vec<Arc<Till>> {
        self.tills.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }

    pub(super) fn next_batch(&self) -> Result<BatchId, MeterError> {
        let maker = match self.maker.get() {
            Some(maker) => *maker,
            None => {
                let mut drawn = [0; 16];
                self.env.fill(&mut drawn).map_err(|error| MeterError::Random(error.into()))?;
                *self.maker.get_or_init(|| drawn)
            }
        };
        Ok(BatchId { maker, number: self.batches.fetch_add(1, Ordering::Relaxed) })
    }
}

/// # Charging
impl<L: Ledger, P: Plans, E: Env> Meter<L, P, E> {
    /// Charges a load of a widget before it leaves: so many records, counted from the result itself. With a decision to
    /// [`Export`](crate::Action::Export) it is an export, charged whole before its first byte.
    ///
    /// # Errors
    /// Why nothing may leave: [`MeterError::Quota`] if it does not fit whole into what is left of the limit.
    ///
    /// Rules: [M1](crate::specification), [M2](crate::specification), [M3](crate::specification).
    pub async fn charge(
        &self,
        of: impl Into<Metered<'_>>,
        widget: &str,
        records: u64,
    ) -> Result<Ticket, MeterError> {
        self.charge_load(of, Load::of(widget, records)).await
    }

    /// The same for a load that comes from the host's cache, or that has a request key.
    ///
    /// # Errors
    /// As of [`charge`](Self::charge); [`MeterError::KeyReused`] if the key was used for another load.
    ///
    /// Rules: [M6](crate::specification), [M9](crate::specification).
    pub async fn charge_load(
        &self,
        of: impl Into<Metered<'_>>,
        load: Load<'_>,
    ) -> Result<Ticket, MeterError> {
        let now = self.clock();
        let request = of.into().request(&load, now)?;
        let till = self.till(request.tenant);
        let (settled, key) = match load.key {
            Some(key) => {
                let (key, slot) = self.enter_keyed(&till, key, &request, now)?;
                (self.wait(&till, &slot).await, Some(key))
            }
            None => match self.at_once(&till, &request, now).await {
                Some(settled) => (settled, None),
                None => {
                    let slot: Arc<Slot> = Arc::default();
                    let _waiting = Waiting::at(&slot);
                    queue(&till, &request, &slot, None);
                    (self.wait(&till, &slot).await, None)
                }
            },
        };
        settled.map(|accepted| accepted.ticket(request, key))
    }

    /// Finds what was asked for under a key, or puts the load in the line under it.
    fn enter_keyed(
        &self,
        till: &Till,
        key: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<(Arc<str>, Arc<Slot>), MeterError> {
        let mut keys = self.keys();
        match keys.enter(key, request, now) {
            Found::Same(key, slot) => Ok((key, slot)),
            Found::Other => Err(MeterError::KeyReused),
            Found::New(key, slot) => {
                // Whoever comes with the same key after this finds it in the line.
                queue(till, request, &slot, Some(Arc::clone(&key)));
                Ok((key, slot))
            }
        }
    }

    /// Waits for what becomes of a load in the line, and does what is to be done when it is this one's turn.
    async fn wait(&self, till: &Till, slot: &Arc<Slot>) -> Settled {
        let _waiting = Waiting::at(slot);
        loop {
            match poll_fn(|context| till.poll_turn(Some(slot), context)).await {
                Next::Settled(settled) => return settled,
                Next::Turn(mut turn) => {
                    let done = self.take_turn(&mut turn).await;
                    drop(turn);
                    match (slot.settled(), done) {
                        (Some(settled), _) => return settled,
                        (None, Ok(true)) => {}
                        (None, Ok(false)) => {
                            let lost = "what became of the load is not known any more";
                            return Err(MeterError::unavailable(lost.into()));
                        }
                        (None, Err(error)) => return Err(error),
                    }
                }
            }
        }
    }

    /// Hands a ticket back of which nothing has left, in its period: what it had cost is free again, and its request key is
    /// not known any more. It counts once, also when it is sent again.
    ///
    /// # Errors
    /// With the ticket, which may be tried again: [`MeterError::PeriodOver`] at the end of its period or after it.
    ///
    /// Rules: [M7](crate::specification).
    pub async fn hand_back(&self, ticket: Ticket) -> Result<(), NotHandedBack> {
        match self.try_hand_back(&ticket).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(NotHandedBack { ticket, cause }),
        }
    }

    async fn try_hand_back(&self, ticket: &Ticket) -> Result<(), MeterError> {
        let till = self.till(ticket.tenant);
        let now = self.clock().max(till.lock().latest);
        if now >= ticket.period.1 {
            return Err(MeterError::PeriodOver);
        }
        let is_owed = till.lock().owed.iter().any(|batch| batch.id == ticket.charge.batch);
        if is_owed {
            self.catch_up_alone(&till).await?;
        }
        let back = ticket.hand_back();
        let mut attempt = 1;
        let done = loop {
            match self.ledger.hand_back(&back).await {
                Err(LedgerError::Unknown(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                done => break done,
            }
        };
        done.map_err(|error| MeterError::unavailable(error.into()))?;
        if let Some(key) = &ticket.key {
            self.keys().forget_charge(key, ticket.charge);
        }
        Ok(())
    }

    /// Books what was allowed while the ledger was away, and asks for what became of charges whose answer was lost. A host
    /// with an allowance calls it now and then; the next charge of the tenant does the same.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`] while the ledger does not answer: nothing is lost by it.
    ///
    /// Rules: [M13](crate::specification).
    pub async fn flush(&self) -> Result<(), MeterError> {
        for till in self.tills() {
            self.catch_up_alone(&till).await?;
        }
        Ok(())
    }

    async fn catch_up_alone(&self, till: &Till) -> Result<(), MeterError> {
        match poll_fn(|context| till.poll_turn(None, context)).await {
            Next::Turn(mut turn) => self.catch_up(&mut turn).await.map(drop),
            Next::Settled(_) => Ok(()),
        }
    }
}

fn queue(till: &Till, request: &Request, slot: &Arc<Slot>, key: Option<Arc<str>>) {
    let seat = Seat { slot: Arc::clone(slot), key, is_visitor: request.is_visitor };
    till.lock().line.push_back(Entry { request: request.clone(), seat });
}
