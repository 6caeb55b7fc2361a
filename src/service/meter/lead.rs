//! What is done by whose turn it is: catching up, then one batch of all who wait.

use super::{
    charge::{ATTEMPTS, Meter},
    error::{MeterError, Quota},
    load::Request,
    turn::{Accepted, Entry, Flight, Settled, State, Till, Turn},
};
use crate::{
    host::{BoxError, Env, Ledger, LedgerError, Plans},
    meter::{Batch, Charge, ChargeId, MOST, Outcome, Plan},
    value::Timestamp,
};
use std::sync::Arc;

/// How many loads go together at the most.
const TOGETHER: usize = 512;
/// How many loads of a tenant may be owed at the most.
const OWED: usize = 4_096;
/// How many batches of a tenant may be waiting to be asked for at the most.
const LOST: usize = 64;
/// For how long those are asked for, in microseconds: a ledger remembers them for as long.
const ASKED_FOR: i64 = 10 * 60 * 1_000_000;
/// How often a period is found to be over before the plan is taken to be wrong.
const PERIODS: usize = 3;

impl<L: Ledger, P: Plans, E: Env> Meter<L, P, E> {
    /// Charges a load by itself, if nobody waits and the plan is known: most are like this. `None` if it has to wait in the
    /// line.
    pub(super) async fn at_once(&self, till: &Till, request: &Request, now: Timestamp) -> Option<Settled> {
        let (mut turn, plan, at) = {
            let mut state = till.lock();
            let (plan, at) = fresh_plan(&state, now, self.staleness)?;
            (Turn::at_once(till, &mut state)?, plan, at)
        };
        let batch = match self.next_batch() {
            Ok(id) => {
                let load = charge_of(request, &plan);
                Batch::new(id, till.tenant, plan, at).with(vec![load])
            }
            Err(error) => return Some(Err(error)),
        };
        turn.flight = Some(Flight { batch, entries: Vec::new() });
        let sent = self.send(&turn).await;
        let Flight { batch, .. } = turn.flight.take()?;
        match sent {
            Ok(outcome) => {
                let charged = outcome.before;
                turn.charged(&batch, &outcome);
                Some(judged(&batch, &outcome, (0, charged), request.is_visitor))
            }
            Err(LedgerError::Passed(latest)) => {
                pass(&mut till.lock(), latest);
                None
            }
            Err(error) => self.refused_by_ledger(till, &batch, error).pop(),
        }
    }

    /// Does what is to be done in a turn; whether there was anything, or why it could not be done.
    pub(super) async fn take_turn(&self, turn: &mut Turn<'_>) -> Result<bool, MeterError> {
        let caught_up = self.catch_up(turn).await;
        turn.fill(TOGETHER);
        if turn.entries.is_empty() {
            return caught_up;
        }
        let mut away = caught_up.err();
        for _ in 0..PERIODS {
            let planned = self.plan(turn.till).await;
            let batch = planned.and_then(|(plan, at)| {
                let loads = turn.entries.iter().map(|entry| charge_of(&entry.request, &plan)).collect();
                Ok(Batch::new(self.next_batch()?, turn.till.tenant, plan, at).with(loads))
            });
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    let entries = Vec::from(std::mem::take(&mut turn.entries));
                    self.settle_all(entries, |_| Err(error.clone()));
                    return Ok(true);
                }
            };
            if let Some(cause) = away.take() {
                // It was not sent, so for certain nothing of it was written.
                let settled = self.allowed(turn.till, &batch, &cause);
                self.settle(Vec::from(std::mem::take(&mut turn.entries)), settled);
                return Ok(true);
            }
            let entries = Vec::from(std::mem::take(&mut turn.entries));
            turn.flight = Some(Flight { batch, entries });
            let sent = self.send(turn).await;
            let Some(flight) = turn.flight.take() else { return Ok(true) };
            match sent {
                Err(LedgerError::Passed(latest)) => {
                    pass(&mut turn.till.lock(), latest);
                    turn.entries = flight.entries.into();
                }
                Ok(outcome) => {
                    self.land(turn, flight, &outcome);
                    return Ok(true);
                }
                Err(error) => {
                    self.crash(turn.till, flight, error);
                    return Ok(true);
                }
            }
        }
        let (period, at) = {
            let state = turn.till.lock();
            let period = state.plan.as_ref().map(|(plan, _)| plan.period);
            (period, self.clock().max(state.latest))
        };
        let entries = Vec::from(std::mem::take(&mut turn.entries));
        self.settle_all(entries, |_| match period {
            Some(period) => Err(MeterError::NotNow { period, at }),
            None => Err(MeterError::NoPlan),
        });
        Ok(true)
    }

    /// Sends the batch of a turn, again if its answer is lost.
    async fn send(&self, turn: &Turn<'_>) -> Result<Outcome, LedgerError> {
        match &turn.flight {
            Some(flight) => self.send_batch(&flight.batch).await,
            None => Err(LedgerError::Forgotten),
        }
    }

    async fn send_batch(&self, batch: &Batch) -> Result<Outcome, LedgerError> {
        let mut attempt = 1;
        loop {
            match self.ledger.charge(batch).await {
                Err(LedgerError::Unknown(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                done => return done,
            }
        }
    }

    /// Asks for what became of batches whose answer was lost, and books what is owed; whether there was anything.
    pub(super) async fn catch_up(&self, turn: &mut Turn<'_>) -> Result<bool, MeterError> {
        let mut is_any = false;
        loop {
            let Some(flight) = turn.till.lock().lost.pop_front() else { break };
            is_any = true;
            if flight.batch.at.plus_micros(ASKED_FOR) < self.clock() {
                self.settle_all(flight.entries, |_| {
                    Err(MeterError::unavailable(LedgerError::Forgotten.into()))
                });
                continue;
            }
            turn.flight = Some(flight);
            let sent = self.send(turn).await;
            let Some(flight) = turn.flight.take() else { continue };
            match sent {
                Ok(outcome) => self.land(turn, flight, &outcome),
                // It was not counted, and never will be: its loads are charged in the period that has begun.
                Err(LedgerError::Passed(latest)) => {
                    let mut state = turn.till.lock();
                    pass(&mut state, latest);
                    flight.entries.into_iter().rev().for_each(|entry| state.line.push_front(entry));
                }
                Err(LedgerError::Failed(cause) | LedgerError::Unknown(cause)) => {
                    turn.till.lock().lost.push_front(flight);
                    return Err(MeterError::unavailable(cause));
                }
                Err(error) => self.settle_all(flight.entries, |_| Err(unanswered(&error))),
            }
        }
        Ok(self.book(turn.till).await? || is_any)
    }

    /// Books what was let through while the ledger was away.
    async fn book(&self, till: &Till) -> Result<bool, MeterError> {
        let mut is_any = false;
        loop {
            let Some(owed) = till.lock().owed.front().cloned() else { return Ok(is_any) };
            is_any = true;
            match self.send_batch(&owed).await {
                Ok(_) | Err(LedgerError::Forgotten) => {
                    let mut state = till.lock();
                    state.owed.pop_front();
                    let booked = owed.loads.iter().fold(0u64, |sum, load| sum.saturating_add(load.cost));
                    state.allowed = state.allowed.saturating_sub(booked);
                }
                Err(LedgerError::KeyReused) => {
                    let id = self.next_batch()?;
                    if let Some(first) = till.lock().owed.front_mut() {
                        first.id = id;
                    }
                }
                Err(error) => return Err(MeterError::unavailable(error.into())),
            }
        }
    }

    /// The plan of a tenant, and the instant at which it is charged now.
    async fn plan(&self, till: &Till) -> Result<(Arc<Plan>, Timestamp), MeterError> {
        let now = self.clock();
        let at = {
            let state = till.lock();
            if let Some(fresh) = fresh_plan(&state, now, self.staleness) {
                return Ok(fresh);
            }
            now.max(state.latest)
        };
        let answered = self.plans.plan(till.tenant, at).await;
        let answered = answered.map_err(|error| MeterError::Plans(error.into()))?;
        let mut plan = Arc::new(answered.ok_or(MeterError::NoPlan)?);
        if !plan.period.contains(at) {
            return Err(MeterError::NotNow { period: plan.period, at });
        }
        let mut state = till.lock();
        if let Some((known, _)) = &state.plan
            && known.period == plan.period
            && known.version > plan.version
        {
            // An answer from before the change: the newer plan is known.
            plan = Arc::clone(known);
        }
        state.plan = Some((Arc::clone(&plan), now));
        Ok((plan, at))
    }

    /// Tells those who wait what became of their loads.
    fn land(&self, turn: &Turn<'_>, flight: Flight, outcome: &Outcome) {
        let Flight { batch, entries } = flight;
        let mut charged = outcome.before;
        let mut settled = Vec::with_capacity(entries.len());
        for (place, entry) in entries.iter().enumerate() {
            let of_load = judged(&batch, outcome, (place, charged), entry.seat.is_visitor);
            charged = charged.saturating_add(of_load.as_ref().map_or(0, |accepted| accepted.cost));
            settled.push(of_load);
        }
        turn.charged(&batch, outcome);
        self.settle(entries, settled);
    }

    /// Tells those who wait that their batch has no answer. Who comes again with a request key asks for it once more.
    fn crash(&self, till: &Till, mut flight: Flight, error: LedgerError) {
        let LedgerError::Unknown(cause) = error else {
            let settled = self.refused_by_ledger(till, &flight.batch, error);
            return self.settle(flight.entries, settled);
        };
        let error = MeterError::unavailable(cause);
        let mut keys = self.keys();
        for Entry { seat, .. } in &mut flight.entries {
            let answered = Arc::clone(&seat.slot);
            if let Some(next) = seat.key.as_ref().and_then(|key| keys.reseat(key, &answered)) {
                seat.slot = next;
            }
            answered.settle(Err(error.clone()));
        }
        drop(keys);
        if flight.entries.iter().any(|entry| entry.seat.key.is_some()) {
            let dropped = {
                let mut state = till.lock();
                state.lost.push_back(flight);
                if state.lost.len() > LOST { state.lost.pop_front() } else { None }
            };
            let entries = dropped.map_or(Vec::new(), |flight| flight.entries);
            self.settle_all(entries, |_| Err(error.clone()));
        }
    }

    /// What becomes of loads that the ledger did not count.
    fn refused_by_ledger(&self, till: &Till, batch: &Batch, error: LedgerError) -> Vec<Settled> {
        match error {
            LedgerError::Failed(cause) => self.allowed(till, batch, &MeterError::unavailable(cause)),
            error => batch.loads.iter().map(|_| Err(unanswered(&error))).collect(),
        }
    }

    /// Lets loads through that the ledger certainly has not counted, as far as the allowance goes. They are owed.
    fn allowed(&self, till: &Till, batch: &Batch, away: &MeterError) -> Vec<Settled> {
        let refused = || Err(away.clone());
        let Ok(id) = self.next_batch() else { return batch.loads.iter().map(|_| refused()).collect() };
        let mut state = till.lock();
        let mut owed = Batch { id, loads: Vec::new(), is_owed: true, ..batch.clone() };
        let owed_before = state.owed.iter().map(|batch| batch.loads.len()).fold(0, usize::saturating_add);
        let mut settled = Vec::with_capacity(batch.loads.len());
        for load in &batch.loads {
            let room = OWED.saturating_sub(owed_before.saturating_add(owed.loads.len()));
            let sum = state.allowed.checked_add(load.cost).filter(|sum| *sum <= self.allowance);
            let Some(sum) = sum.filter(|_| self.allowance > 0 && room > 0) else {
                settled.push(refused());
                continue;
            };
            state.allowed = sum;
            settled.push(Ok(accepted(&owed, owed.loads.len(), load.cost)));
            owed.loads.push(load.clone());
        }
        if !owed.loads.is_empty() {
            state.latest = state.latest.max(owed.at);
            state.owed.push_back(owed);
        }
        settled
    }

    fn settle(&self, entries: Vec<Entry>, settled: Vec<Settled>) {
        let mut settled = settled.into_iter();
        let lost = || Err(MeterError::unavailable(LedgerError::Forgotten.into()));
        self.settle_all(entries, |_| settled.next().unwrap_or_else(lost));
    }

    fn settle_all(&self, entries: Vec<Entry>, mut of_entry: impl FnMut(&Entry) -> Settled) {
        for entry in entries {
            let settled = of_entry(&entry);
            // A key under which nothing is charged is free again.
            if let Some(key) = entry.seat.key.as_ref().filter(|_| settled.is_err()) {
                self.keys().forget(key, &entry.seat.slot);
            }
            entry.seat.slot.settle(settled);
        }
    }
}

/// The plan that is known, if it is not too old and its period holds, and the instant at which is charged.
fn fresh_plan(state: &State, now: Timestamp, staleness: i64) -> Option<(Arc<Plan>, Timestamp)> {
    let (plan, asked) = state.plan.as_ref()?;
    let at = now.max(state.latest);
    let is_fresh = *asked <= now && now.micros().saturating_sub(asked.micros()) < staleness;
    (is_fresh && plan.period.contains(at)).then(|| (Arc::clone(plan), at))
}

/// Notes that the tenant was charged in a later period.
fn pass(state: &mut State, latest: Timestamp) {
    state.latest = state.latest.max(latest);
    state.plan = None;
}

fn charge_of(request: &Request, plan: &Plan) -> Charge {
    Charge {
        outlet: Arc::clone(&request.outlet),
        cost: plan.cost(request.records, request.is_cached),
        cached: request.is_cached.then_some(request.records),
        is_export: request.is_export(),
    }
}

fn accepted(batch: &Batch, place: usize, cost: u64) -> Accepted {
    let period = batch.plan.period;
    Accepted {
        charge: ChargeId { batch: batch.id, place: u32::try_from(place).unwrap_or(u32::MAX) },
        cost,
        period: (period.first, period.end),
        day: batch.day,
    }
}

/// What became of a load, by its place and what was charged when it had its turn.
fn judged(batch: &Batch, outcome: &Outcome, (place, charged): (usize, u64), is_visitor: bool) -> Settled {
    let asked = batch.loads.get(place).map_or(0, |load| load.cost);
    let is_refused = u32::try_from(place).is_ok_and(|place| outcome.refused.binary_search(&place).is_ok());
    if !is_refused {
        return Ok(accepted(batch, place, asked));
    }
    Err(match batch.plan.limit {
        Some(limit) if limit <= MOST || charged.checked_add(asked).is_none_or(|sum| sum > limit) => {
            let ends = batch.plan.period.end;
            MeterError::Quota(Quota { limit, charged, asked, ends, is_visitor })
        }
        _ => MeterError::Overflow { charged, asked },
    })
}

fn unanswered(error: &LedgerError) -> MeterError {
    let cause: BoxError = error.to_string().into();
    match error {
        LedgerError::KeyReused => MeterError::Random(cause.into()),
        _ => MeterError::unavailable(cause),
    }
}
