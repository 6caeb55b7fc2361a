//! Whose turn it is: one batch of a tenant is under way at a time, and whoever comes meanwhile waits for the next.

use super::{error::MeterError, load::Request};
use crate::{
    meter::{Batch, ChargeId, Outcome, Plan, Ticket},
    value::{TenantId, Timestamp},
};
use chrono::NaiveDate;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// What a load was charged as.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) charge: ChargeId,
    pub(super) cost: u64,
    pub(super) period: (Timestamp, Timestamp),
    pub(super) day: NaiveDate,
}

/// What became of a load.
pub(super) type Settled = Result<Accepted, MeterError>;

impl Accepted {
    pub(super) fn ticket(self, request: Request, key: Option<Arc<str>>) -> Ticket {
        let Self { charge, cost, period, day } = self;
        let Request { tenant, outlet, action, records, .. } = request;
        Ticket { charge, tenant, outlet, action, records, cost, period, day, key }
    }
}

/// Where what becomes of a load is laid down for those who wait.
#[derive(Default, Debug)]
pub(super) struct Slot {
    settled: Mutex<Option<Settled>>,
    waiting: AtomicUsize,
}

impl Slot {
    pub(super) fn settled(&self) -> Option<Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn settle(&self, settled: Settled) {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(settled);
    }

    fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }
}

/// Somebody who waits, until it is dropped.
pub(super) struct Waiting<'a>(pub(super) &'a Slot);

impl<'a> Waiting<'a> {
    pub(super) fn at(slot: &'a Slot) -> Self {
        slot.waiting.fetch_add(1, Ordering::AcqRel);
        Self(slot)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A load in the line.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) request: Request,
    pub(super) seat: Seat,
}

/// Who waits for a load of a batch.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) slot: Arc<Slot>,
    pub(super) key: Option<Arc<str>>,
    pub(super) is_visitor: bool,
}

impl Seat {
    /// Whether anybody will ask what became of it: whoever waits, or who comes again with its key.
    fn is_taken(&self) -> bool {
        self.key.is_some() || self.slot.is_awaited()
    }
}

/// A batch that was sent, and who waits for its loads, in their order. Without entries nobody is asked for but by whoever
/// sent it.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) batch: Batch,
    pub(super) entries: Vec<Entry>,
}

/// One tenant's line.
#[derive(Debug)]
pub(super) struct Till {
    pub(super) tenant: TenantId,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// Whether a batch is under way.
    pub(super) is_busy: bool,
    pub(super) line: VecDeque<Entry>,
    /// Batches whose answer was lost and that somebody still asks for.
    pub(super) lost: VecDeque<Flight>,
    /// What was let through while the ledger was away, still to be booked.
    pub(super) owed: VecDeque<Batch>,
    /// How many records those are.
    pub(super) allowed: u64,
    /// The plan, and when it was asked for.
    pub(super) plan: Option<(Arc<Plan>, Timestamp)>,
    /// The latest instant at which anything was charged.
    pub(super) latest: Timestamp,
    /// Who looks again when the batch that is under way has landed.
    watchers: Vec<Waker>,
}

impl Till {
    pub(super) fn of(tenant: TenantId) -> Self {
        let state = State {
            is_busy: false,
            line: VecDeque::new(),
            lost: VecDeque::new(),
            owed: VecDeque::new(),
            allowed: 0,
            plan: None,
            latest: Timestamp::MIN,
            watchers: Vec::new(),
        };
        Self { tenant, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn if it is free; else looks again later.
    pub(super) fn poll_turn(&self, slot: Option<&Slot>, context: &Context<'_>) -> Poll<Next<'_>> {
        let mut state = self.lock();
        if let Some(settled) = slot.and_then(Slot::settled) {
            return Poll::Ready(Next::Settled(settled));
        }
        if state.is_busy {
            state.watchers.push(context.waker().clone());
            return Poll::Pending;
        }
        state.is_busy = true;
        Poll::Ready(Next::Turn(Turn { till: self, entries: VecDeque::new(), flight: None }))
    }
}

/// What somebody who waited is to do.
pub(super) enum Next<'t> {
    Settled(Settled),
    Turn(Turn<'t>),
}

/// The turn of a tenant. When it is dropped, whoever waits takes it: also when it is dropped half way, since what was not
/// sent goes back to the line, and what was sent is sent again.
pub(super) struct Turn<'t> {
    pub(super) till: &'t Till,
    /// What was taken from the line and not sent.
    pub(super) entries: VecDeque<Entry>,
    /// What was sent and not answered.
    pub(super) flight: Option<Flight>,
}

impl<'t> Turn<'t> {
    /// The turn, if nobody has it and nobody waits for it.
    pub(super) fn at_once(till: &'t Till, state: &mut State) -> Option<Self> {
        let is_free =
            !state.is_busy && state.line.is_empty() && state.lost.is_empty() && state.owed.is_empty();
        is_free.then(|| {
            state.is_busy = true;
            Self { till, entries: VecDeque::new(), flight: None }
        })
    }

    /// Notes when a batch was charged.
    pub(super) fn charged(&self, batch: &Batch, outcome: &Outcome) {
        if outcome.refused.len() < batch.loads.len() {
            let mut state = self.till.lock();
            state.latest = state.latest.max(batch.at);
        }
    }

    /// Takes up to so many loads from the line, without those for which nobody waits any more.
    pub(super) fn fill(&mut self, most: usize) {
        let mut state = self.till.lock();
        while self.entries.len() < most {
            let Some(entry) = state.line.pop_front() else { break };
            if entry.seat.is_taken() {
                self.entries.push_back(entry);
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.till.lock();
        while let Some(entry) = self.entries.pop_back() {
            state.line.push_front(entry);
        }
        if let Some(flight) =
            self.flight.take().filter(|flight| flight.entries.iter().any(|it| it.seat.is_taken()))
        {
            state.lost.push_front(flight);
        }
        state.is_busy = false;
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        watchers.into_iter().for_each(Waker::wake);
    }
}
