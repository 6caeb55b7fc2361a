//! A ledger in memory: for tests, for hosts that keep no state, and as the simplest ledger to read.

use crate::{
    host::{BoxError, Ledger, LedgerError},
    meter::{
        Batch, ChargeId, Figures, HandBack, Line, LinePlace, LineQuery, Notice, NoticeId, Outcome, Outlet,
        Take, Taken, Tally,
    },
    value::{TenantId, Timestamp},
};
use chrono::NaiveDate;
use hashbrown::{HashMap, HashSet};
use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound::{Excluded, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// For how long outcomes are remembered at least, in microseconds.
const REMEMBERED: i64 = 10 * 60 * 1_000_000;
/// How many outcomes of one meter are remembered at most, for one tenant: an answer in memory is hardly ever lost.
const OUTCOMES: usize = 65_536;

/// Counts in memory, behind one lock. What became of a batch it remembers for ten minutes, of the last 65,536 of a meter
/// and tenant.
///
/// Rules: [M3](crate::specification), [M5](crate::specification).
#[derive(Default, Debug)]
pub struct MemoryLedger {
    books: Mutex<Books>,
}

#[derive(Default, Debug)]
struct Books {
    /// By tenant and the first instant of the period.
    meters: HashMap<TenantId, BTreeMap<Timestamp, Meter>>,
    /// By maker.
    outcomes: HashMap<([u8; 16], TenantId), Outcomes>,
    counters: HashMap<Vec<u8>, Counter>,
    notices: BTreeMap<NoticeId, Waiting>,
}

#[derive(Default, Debug)]
struct Meter {
    tally: Tally,
    lines: BTreeMap<NaiveDate, HashMap<Arc<Outlet>, Figures>>,
    /// What was handed back, and until when that has to be known.
    backs: HashSet<ChargeId>,
    end: Option<Timestamp>,
}

/// What became of the batches of one maker, by their numbers.
#[derive(Default, Debug)]
struct Outcomes {
    newest: Option<u64>,
    remembered: VecDeque<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    number: u64,
    at: Timestamp,
    said: u64,
    outcome: Outcome,
}

#[derive(Default, Debug)]
struct Counter {
    sum: u64,
    taken: HashMap<[u8; 16], (u64, Timestamp)>,
}

#[derive(Debug)]
struct Waiting {
    notice: Notice,
    leased_until: Option<Timestamp>,
}

/// A number that two batches with one id hardly have in common, unless they are one.
fn said(batch: &Batch) -> u64 {
    let mix = |sum: u64, n: u64| (sum ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    let [high, low] = [batch.at.micros(), batch.plan.period.first.micros()].map(i64::cast_unsigned);
    batch.loads.iter().fold(mix(mix(7, high), low), |sum, load| {
        let dashboard = load.outlet.dashboard.to_u128();
        let folded = u64::try_from(dashboard ^ (dashboard >> 64) & u128::from(u64::MAX)).unwrap_or(0);
        mix(mix(sum, load.cost), folded ^ load.cached.unwrap_or(u64::MAX))
    })
}

impl Outcomes {
    /// What became of a batch, if it was counted.
    fn find(&self, batch: &Batch) -> Option<Result<Outcome, LedgerError>> {
        if self.newest.is_none_or(|newest| batch.id.number > newest) {
            return None;
        }
        let at = self.remembered.binary_search_by_key(&batch.id.number, |it| it.number);
        let found = at.ok().and_then(|at| self.remembered.get(at));
        Some(match found {
            Some(found) if found.said == said(batch) => Ok(found.outcome.clone()),
            Some(_) => Err(LedgerError::KeyReused),
            None => Err(LedgerError::Forgotten),
        })
    }

    fn remember(&mut self, batch: &Batch, outcome: &Outcome) {
        let is_old = |it: &Remembered| it.at.plus_micros(REMEMBERED) < batch.at;
        while self.remembered.len() >= OUTCOMES || self.remembered.front().is_some_and(is_old) {
            self.remembered.pop_front();
        }
        self.newest = Some(batch.id.number);
        self.remembered.push_back(Remembered {
            number: batch.id.number,
            at: batch.at,
            said: said(batch),
            outcome: outcome.clone(),
        });
    }
}

impl Books {
    fn charge(&mut self, batch: &Batch) -> Result<Outcome, LedgerError> {
        let outcomes = self.outcomes.entry((batch.id.maker, batch.tenant)).or_default();
        if let Some(known) = outcomes.find(batch) {
            return known;
        }
        let meters = self.meters.entry(batch.tenant).or_default();
        let period = batch.plan.period;
        let later = meters.range(period.end..).map(|(_, meter)| meter.tally.latest).max();
        if let Some(latest) = later.filter(|latest| !batch.is_owed && *latest > Timestamp::MIN) {
            return Err(LedgerError::Passed(latest));
        }
        let meter = meters.entry(period.first).or_default();
        meter.end = meter.end.max(Some(period.end));
        let lines = meter.lines.entry(batch.day).or_default();
        let (outcome, warnings) = meter.tally.charge(batch, |outlet, gain| match lines.get_mut(outlet) {
            Some(figures) => *figures = figures.plus(gain),
            None => drop(lines.insert(Arc::clone(outlet), gain)),
        });
        for notice in warnings.notices(batch, meter.tally.figures.charged) {
            self.notices.entry(notice.id).or_insert(Waiting { notice, leased_until: None });
        }
        outcomes.remember(batch, &outcome);
        Ok(outcome)
    }

    fn hand_back(&mut self, back: &HandBack) -> Result<bool, LedgerError> {
        let meter = self.meters.get_mut(&back.tenant).and_then(|meters| meters.get_mut(&back.period));
        let meter = meter.ok_or(LedgerError::NotCharged)?;
        if meter.backs.contains(&back.charge) {
            return Ok(false);
        }
        let line = meter.lines.get_mut(&back.day).and_then(|lines| lines.get_mut(&back.outlet));
        let line = line.filter(|line| line.charged >= back.cost).ok_or(LedgerError::NotCharged)?;
        if !meter.tally.hand_back(back.cost) {
            return Err(LedgerError::NotCharged);
        }
        *line = line.less(back.cost);
        meter.backs.insert(back.charge);
        Ok(true)
    }

    fn lines(&self, query: &LineQuery, after: Option<&LinePlace>, limit: usize) -> Vec<Line> {
        let meters = self.meters.get(&query.tenant).into_iter().flatten();
        let mut found: Vec<Line> = Vec::new();
        for (first, meter) in meters {
            for (day, lines) in &meter.lines {
                for (outlet, figures) in lines {
                    let outlet = Outlet::clone(outlet);
                    let place = LinePlace { day: *day, outlet, period: *first };
                    if query.asks(&place) && after.is_none_or(|after| *after < place) {
                        found.push(Line::new(place, *figures));
                    }
                }
            }
        }
        found.sort_unstable_by(|a, b| a.place.cmp(&b.place));
        found.truncate(limit);
        found
    }

    fn take(&mut self, take: &Take) -> Result<Taken, LedgerError> {
        let counter = self.counters.entry(take.key.clone()).or_default();
        if let Some((n, at)) = counter.taken.get(&take.id) {
            let is_same = *n == take.n;
            return if is_same {
                Ok(Taken::Counted { sum: counter.sum, at: *at })
            } else {
                Err(LedgerError::KeyReused)
            };
        }
        match counter.sum.checked_add(take.n).filter(|sum| *sum <= take.cap.min(crate::meter::MOST)) {
            Some(sum) => {
                counter.sum = sum;
                counter.taken.insert(take.id, (take.n, take.at));
                Ok(Taken::Counted { sum, at: take.at })
            }
            None => Ok(Taken::Full { sum: counter.sum }),
        }
    }

    fn lease(&mut self, now: Timestamp, until: Timestamp, limit: usize) -> Vec<Notice> {
        let is_free = |waiting: &&mut Waiting| waiting.leased_until.is_none_or(|end| end <= now);
        let free = self.notices.values_mut().filter(is_free).take(limit);
        free.map(|waiting| {
            waiting.leased_until = Some(until);
            waiting.notice.attempts = waiting.notice.attempts.saturating_add(1);
            waiting.notice.clone()
        })
        .collect()
    }

    fn sweep(&mut self, before: Timestamp, limit: usize) -> usize {
        let mut left = limit;
        let mut sweep = |is_old: bool| {
            let takes = is_old && left > 0;
            left = left.saturating_sub(usize::from(takes));
            takes
        };
        for outcomes in self.outcomes.values_mut() {
            outcomes.remembered.retain(|it| !sweep(it.at < before));
        }
        for counter in self.counters.values_mut() {
            counter.taken.retain(|_, (_, at)| !sweep(*at < before));
        }
        for meter in self.meters.values_mut().flat_map(BTreeMap::values_mut) {
            let is_over = meter.end.is_some_and(|end| end < before);
            meter.backs.retain(|_| !sweep(is_over));
        }
        limit.saturating_sub(left)
    }
}

impl MemoryLedger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger for MemoryLedger {
    async fn charge(&self, batch: &Batch) -> Result<Outcome, LedgerError> {
        self.books().charge(batch)
    }

    async fn hand_back(&self, back: &HandBack) -> Result<bool, LedgerError> {
        self.books().hand_back(back)
    }

    async fn tally(&self, tenant: TenantId, period: Timestamp) -> Result<Option<Tally>, BoxError> {
        let books = self.books();
        Ok(books.meters.get(&tenant).and_then(|meters| meters.get(&period)).map(|meter| meter.tally))
    }

    async fn lines(
        &self,
        query: &LineQuery,
        after: Option<LinePlace>,
        limit: usize,
    ) -> Result<Vec<Line>, BoxError> {
        Ok(self.books().lines(query, after.as_ref(), limit))
    }

    async fn take(&self, take: &Take) -> Result<Taken, LedgerError> {
        self.books().take(take)
    }

    async fn notices(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Notice>, BoxError> {
        let books = self.books();
        let behind = books.notices.range((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(behind.take(limit).map(|(_, waiting)| waiting.notice.clone()).collect())
    }

    async fn lease_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Notice>, BoxError> {
        Ok(self.books().lease(now, until, limit))
    }

    async fn acknowledge_notices(&self, delivered: &[NoticeId]) -> Result<(), BoxError> {
        let mut books = self.books();
        delivered.iter().for_each(|id| drop(books.notices.remove(id)));
        Ok(())
    }

    async fn sweep_ledger(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        Ok(self.books().sweep(before, limit))
    }
}
