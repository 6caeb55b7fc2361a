//! A ledger that is written as plainly as can be, from the words of the trait and of the rules, and the same ledger broken in
//! one way after the other. It shares no code with the library's: it judges by itself.

use dashshare::{
    BoxError, TenantId, Timestamp,
    metering::{
        Batch, BatchId, ChargeId, Edge, Figures, HandBack, Ledger, LedgerError, Line, LinePlace, LineQuery,
        MOST, Notice, NoticeId, Outcome, Take, Taken, Tally, Warning,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

/// One defect each.
#[cfg_attr(
    not(feature = "conformance"),
    expect(dead_code, reason = "the suite for ledgers has use for all of them")
)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sabotage {
    ChecksThenAdds,
    CountsARetryAgain,
    AnswersARetryWithNothingRefused,
    TakesAnotherBatchForARetry,
    LosesEveryThirdLine,
    WritesLinesAfterTheMeter,
    WrapsOnALoweredLimit,
    LetsTheLastThrough,
    CutsALoad,
    ChargesWhatItRefuses,
    StopsBehindARefusal,
    JudgesTheSumOfABatch,
    CountsNoRefusals,
    RefusesWithoutALimit,
    OverflowsItsMeter,
    RefusesWhatIsOwed,
    CountsCachedRecords,
    ForgetsCachedRecords,
    MixesPeriods,
    MixesTenants,
    MixesEdges,
    MixesIncarnations,
    MixesDays,
    MixesWidgets,
    ChargesAPeriodThatHasPassed,
    RefusesWhatIsOwedToAPassedPeriod,
    TellsAgain,
    TellsEachThresholdByItself,
    TellsOnlyTheHighest,
    TellsNoRefusal,
    TellsEveryRefusal,
    TellsOneRecordLate,
    ArmsNothingAgain,
    ArmsEverythingAgain,
    TellsByAnOlderLimit,
    JudgesThresholdsByTheIncrement,
    TakesBackTwice,
    TakesBackFromTheMeterOnly,
    TakesBackWithoutCounting,
    TakesBackMoreThanThereIs,
    ArmsByAHandBack,
    PagesWithAGap,
    PagesWithARepeat,
    IgnoresTheDashboard,
    IgnoresTheDays,
    LeasesWhatIsLeased,
    LeasesForEver,
    FindsAndLeasesInTwoSteps,
    CountsNoLeases,
    KeepsWhatIsAcknowledged,
    TakesOverTheCap,
    TakesAgain,
    TakesAnewWhatItRefused,
    ForgetsWhenItTook,
    MixesCounters,
    SweepsFigures,
    SweepsWhatIsYoung,
    SweepsAllAtOnce,
    SweepsNothing,
}

use Sabotage as S;

#[derive(Default)]
struct Books {
    tallies: BTreeMap<(TenantId, Timestamp), (Tally, BTreeSet<u8>, Timestamp)>,
    lines: BTreeMap<(TenantId, LinePlace), Figures>,
    outcomes: HashMap<(TenantId, BatchId), (Batch, Outcome)>,
    backs: HashMap<(TenantId, ChargeId), Timestamp>,
    notices: BTreeMap<NoticeId, (Notice, Option<Timestamp>)>,
    counters: BTreeMap<Vec<u8>, u64>,
    taken: BTreeMap<(Vec<u8>, [u8; 16]), (u64, Timestamp)>,
    batches: u64,
}

pub(super) struct PlainLedger {
    books: Mutex<Books>,
    sabotage: Option<Sabotage>,
}

/// Lets others go first.
pub(super) async fn pause() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

fn add(into: &mut Figures, cost: u64, cached: Option<u64>, is_export: bool) {
    into.charged += cost;
    into.loads += 1;
    into.exports += u64::from(is_export);
    into.cached = into.cached.saturating_add(cached.unwrap_or(0));
    into.cached_loads += u64::from(cached.is_some());
}

impl PlainLedger {
    pub(super) fn new(sabotage: Option<Sabotage>) -> Self {
        Self { books: Mutex::default(), sabotage }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("a lock")
    }

    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    fn key(&self, tenant: TenantId, period: Timestamp) -> (TenantId, Timestamp) {
        let tenant = if self.is(S::MixesTenants) { TenantId::from(0u64) } else { tenant };
        (tenant, if self.is(S::MixesPeriods) { Timestamp::MIN } else { period })
    }

    fn place(&self, place: LinePlace) -> LinePlace {
        let mut place = place;
        match self.sabotage {
            Some(S::MixesEdges) if matches!(place.outlet.edge, Edge::Grant(_)) => {
                place.outlet.edge = Edge::Owner
            }
            Some(S::MixesIncarnations) => place.outlet.registered = dashshare::Revision::new(1),
            Some(S::MixesDays) => place.day = "2026-01-01".parse().expect("a day"),
            Some(S::MixesWidgets) => place.outlet.widget = Arc::from("w"),
            Some(S::MixesPeriods) => place.period = Timestamp::MIN,
            _ => {}
        }
        place
    }

    /// Which loads do not fit.
    fn judge(&self, batch: &Batch, before: u64) -> Vec<u32> {
        let limit = batch.plan.limit.unwrap_or(if self.is(S::RefusesWithoutALimit) { 50 } else { MOST });
        let mut charged = u128::from(before);
        let mut refused = Vec::new();
        let total: u128 = batch.loads.iter().map(|load| u128::from(load.cost)).sum();
        for (at, load) in batch.loads.iter().enumerate() {
            let after = charged + u128::from(load.cost);
            let mut fits = after <= u128::from(limit) && after <= u128::from(MOST);
            match self.sabotage {
                Some(S::WrapsOnALoweredLimit) => {
                    fits = load.cost <= limit.wrapping_sub(u64::try_from(charged).expect("64 bits"));
                }
                Some(S::LetsTheLastThrough | S::CutsALoad) => fits = fits || charged < u128::from(limit),
                Some(S::StopsBehindARefusal) => fits = fits && refused.is_empty(),
                Some(S::JudgesTheSumOfABatch) => fits = u128::from(before) + total <= u128::from(limit),
                Some(S::OverflowsItsMeter) => {
                    fits = after <= u128::from(batch.plan.limit.unwrap_or(u64::MAX))
                }
                _ => {}
            }
            if fits || batch.is_owed && !self.is(S::RefusesWhatIsOwed) {
                charged += u128::from(load.cost);
            } else {
                refused.push(u32::try_from(at).expect("few loads"));
            }
        }
        refused
    }

    fn write(&self, books: &mut Books, batch: &Batch, refused: Vec<u32>) -> Outcome {
        let key = self.key(batch.tenant, batch.plan.period.first);
        books.batches += 1;
        let is_lost = match self.sabotage {
            Some(S::LosesEveryThirdLine) => books.batches % 3 == 0,
            Some(S::WritesLinesAfterTheMeter) => !refused.is_empty(),
            _ => false,
        };
        let (mut tally, mut told, _) =
            books.tallies.get(&key).cloned().unwrap_or_default_at(batch.plan.period.end);
        let before = tally.figures;
        for (at, load) in batch.loads.iter().enumerate() {
            let mut gain = Figures::default();
            if refused.contains(&u32::try_from(at).expect("few loads")) {
                gain.refused = u64::from(!self.is(S::CountsNoRefusals));
                if self.is(S::ChargesWhatItRefuses) {
                    gain.charged = load.cost.min(1000);
                }
            } else {
                let limit = batch.plan.limit.unwrap_or(MOST);
                let mut cost = load.cost.min(MOST.saturating_sub(tally.figures.charged));
                if self.is(S::CutsALoad) {
                    cost = cost.min(limit.saturating_sub(tally.figures.charged));
                }
                if self.is(S::CountsCachedRecords) {
                    cost += load.cached.unwrap_or(0).min(1000);
                }
                if self.is(S::OverflowsItsMeter) {
                    cost = load.cost.min(u64::MAX - tally.figures.charged);
                }
                let cached = if self.is(S::ForgetsCachedRecords) { None } else { load.cached };
                add(&mut gain, cost, cached, load.is_export);
            }
            tally.figures = tally.figures.plus(gain);
            if !is_lost {
                let outlet = (*load.outlet).clone();
                let place = LinePlace { day: batch.day, outlet, period: batch.plan.period.first };
                let line = books.lines.entry((key.0, self.place(place))).or_default();
                *line = line.plus(gain);
            }
        }
        if refused.len() < batch.loads.len() {
            tally.latest = tally.latest.max(batch.at);
        }
        self.tell(books, batch, &before, &mut tally, &mut told);
        books.tallies.insert(key, (tally, told, batch.plan.period.end));
        Outcome { before: before.charged, refused }
    }

    fn tell(
        &self,
        books: &mut Books,
        batch: &Batch,
        before: &Figures,
        tally: &mut Tally,
        told: &mut BTreeSet<u8>,
    ) {
        let plan = &batch.plan;
        let after = tally.figures;
        let reached = |percent: u8, charged: u64, limit: u64| {
            u128::from(charged) * 100 >= u128::from(percent) * u128::from(limit)
        };
        let limit = plan.limit.filter(|limit| *limit > 0);
        if plan.version > tally.version {
            tally.version = plan.version;
            match (self.sabotage, limit) {
                (Some(S::ArmsNothingAgain), _) | (_, None) => {}
                (Some(S::ArmsEverythingAgain), _) => told.clear(),
                (_, Some(limit)) => told.retain(|percent| reached(*percent, before.charged, limit)),
            }
        }
        let is_current = plan.version == tally.version || self.is(S::TellsByAnOlderLimit);
        let mut crossed: Vec<u8> = Vec::new();
        if let Some(limit) = limit.filter(|_| after.charged > before.charged && is_current) {
            let charged = if self.is(S::TellsOneRecordLate) { after.charged - 1 } else { after.charged };
            let is_new = |percent: &u8| {
                let is_known = told.contains(percent) && !self.is(S::TellsAgain);
                let before_too =
                    self.is(S::JudgesThresholdsByTheIncrement) && reached(*percent, before.charged, limit);
                reached(*percent, charged, limit) && !is_known && !before_too
            };
            crossed = plan.thresholds.iter().copied().filter(is_new).collect();
            told.extend(&crossed);
        }
        let mut notices: Vec<(u8, Warning)> = Vec::new();
        match self.sabotage {
            Some(S::TellsEachThresholdByItself) => {
                notices.extend(crossed.iter().map(|percent| (*percent, Warning::Crossed(vec![*percent]))));
            }
            Some(S::TellsOnlyTheHighest) => {
                notices.extend(crossed.last().map(|percent| (*percent, Warning::Crossed(vec![*percent]))));
            }
            _ => notices.extend(crossed.last().map(|percent| (*percent, Warning::Crossed(crossed.clone())))),
        }
        let is_first = before.refused == 0 || self.is(S::TellsEveryRefusal);
        if is_first && after.refused > before.refused && !self.is(S::TellsNoRefusal) {
            notices.push((0, Warning::Refused));
        }
        for (threshold, warning) in notices {
            let id = NoticeId {
                tenant: batch.tenant,
                period: plan.period.first,
                version: plan.version,
                threshold,
            };
            let notice = Notice::new(id, plan.period, warning, plan.limit, after.charged, batch.at);
            books.notices.entry(id).or_insert((notice, None));
        }
    }
}

trait OrEmpty {
    fn unwrap_or_default_at(self, end: Timestamp) -> (Tally, BTreeSet<u8>, Timestamp);
}

impl OrEmpty for Option<(Tally, BTreeSet<u8>, Timestamp)> {
    fn unwrap_or_default_at(self, end: Timestamp) -> (Tally, BTreeSet<u8>, Timestamp) {
        self.unwrap_or((Tally::default(), BTreeSet::new(), end))
    }
}

impl Ledger for PlainLedger {
    async fn charge(&self, batch: &Batch) -> Result<Outcome, LedgerError> {
        let name = (batch.tenant, batch.id);
        let key = self.key(batch.tenant, batch.plan.period.first);
        if let Some((known, outcome)) = self.books().outcomes.get(&name) {
            match self.sabotage {
                Some(S::CountsARetryAgain) => {}
                Some(S::AnswersARetryWithNothingRefused) => {
                    return Ok(Outcome { before: outcome.before, refused: Vec::new() });
                }
                Some(S::TakesAnotherBatchForARetry) => return Ok(outcome.clone()),
                _ if known == batch => return Ok(outcome.clone()),
                _ => return Err(LedgerError::KeyReused),
            }
        }
        let is_later = |(of, first): &(TenantId, Timestamp)| *of == key.0 && *first >= batch.plan.period.end;
        let later =
            self.books().tallies.iter().filter(|(key, _)| is_later(key)).map(|(_, it)| it.0.latest).max();
        if let Some(latest) = later.filter(|latest| *latest > Timestamp::MIN)
            && (!batch.is_owed || self.is(S::RefusesWhatIsOwedToAPassedPeriod))
            && !self.is(S::ChargesAPeriodThatHasPassed)
        {
            return Err(LedgerError::Passed(latest));
        }
        let charged = |books: &Books| books.tallies.get(&key).map_or(0, |it| it.0.figures.charged);
        let refused = if self.is(S::ChecksThenAdds) {
            let refused = self.judge(batch, charged(&self.books()));
            pause().await;
            for _ in 0..50 {
                std::thread::yield_now();
            }
            refused
        } else {
            Vec::new()
        };
        let mut books = self.books();
        if let Some((known, outcome)) = books.outcomes.get(&name).filter(|_| !self.is(S::CountsARetryAgain)) {
            return if known == batch { Ok(outcome.clone()) } else { Err(LedgerError::KeyReused) };
        }
        let refused = match self.sabotage {
            Some(S::ChecksThenAdds) => refused,
            _ => self.judge(batch, charged(&books)),
        };
        let outcome = self.write(&mut books, batch, refused);
        books.outcomes.insert(name, (batch.clone(), outcome.clone()));
        Ok(outcome)
    }

    async fn hand_back(&self, back: &HandBack) -> Result<bool, LedgerError> {
        let mut books = self.books();
        let key = self.key(back.tenant, back.period);
        if books.backs.contains_key(&(back.tenant, back.charge)) && !self.is(S::TakesBackTwice) {
            return Ok(false);
        }
        let place = LinePlace { day: back.day, outlet: (*back.outlet).clone(), period: back.period };
        let line_key = (key.0, self.place(place));
        let holds = |charged: u64| charged >= back.cost || self.is(S::TakesBackMoreThanThereIs);
        let line = books.lines.get(&line_key).copied().filter(|line| holds(line.charged));
        let tally = books.tallies.get(&key).cloned().filter(|it| holds(it.0.figures.charged));
        let (Some(mut line), Some((mut tally, mut told, end))) = (line, tally) else {
            return Err(LedgerError::NotCharged);
        };
        for figures in [&mut line, &mut tally.figures] {
            figures.charged = figures.charged.saturating_sub(back.cost);
            if !self.is(S::TakesBackWithoutCounting) {
                figures.handed_back += back.cost;
                figures.hand_backs += 1;
            }
        }
        if self.is(S::ArmsByAHandBack) {
            told.clear();
        }
        if !self.is(S::TakesBackFromTheMeterOnly) {
            books.lines.insert(line_key, line);
        }
        books.tallies.insert(key, (tally, told, end));
        books.backs.insert((back.tenant, back.charge), back.period_end);
        Ok(true)
    }

    async fn tally(&self, tenant: TenantId, period: Timestamp) -> Result<Option<Tally>, BoxError> {
        Ok(self.books().tallies.get(&self.key(tenant, period)).map(|it| it.0))
    }

    async fn lines(
        &self,
        query: &LineQuery,
        after: Option<LinePlace>,
        limit: usize,
    ) -> Result<Vec<Line>, BoxError> {
        let books = self.books();
        let tenant = self.key(query.tenant, Timestamp::MIN).0;
        let asks = |place: &LinePlace| {
            let is_day = query.from <= place.day && place.day < query.until || self.is(S::IgnoresTheDays);
            let is_board = query.dashboard.is_none_or(|board| board == place.outlet.dashboard)
                || self.is(S::IgnoresTheDashboard);
            let is_period = query.period.is_none_or(|first| first == place.period);
            is_day && is_board && is_period
        };
        let is_behind = |place: &LinePlace| match (&after, self.sabotage) {
            (Some(after), Some(S::PagesWithARepeat)) => after <= place,
            (Some(after), _) => after < place,
            (None, _) => true,
        };
        let gap = usize::from(self.is(S::PagesWithAGap) && after.is_some());
        let all =
            books.lines.iter().filter(|((of, place), _)| *of == tenant && asks(place) && is_behind(place));
        Ok(all
            .skip(gap)
            .take(limit)
            .map(|((_, place), figures)| Line::new(place.clone(), *figures))
            .collect())
    }

    async fn take(&self, take: &Take) -> Result<Taken, LedgerError> {
        let mut books = self.books();
        let key = if self.is(S::MixesCounters) { Vec::new() } else { take.key.clone() };
        let sum = books.counters.get(&key).copied().unwrap_or(0);
        if let Some((n, at)) = books.taken.get(&(key.clone(), take.id)).filter(|_| !self.is(S::TakesAgain)) {
            let at = if self.is(S::ForgetsWhenItTook) { take.at } else { *at };
            return if *n == take.n { Ok(Taken::Counted { sum, at }) } else { Err(LedgerError::KeyReused) };
        }
        let cap = if self.is(S::TakesOverTheCap) { take.cap.saturating_add(1) } else { take.cap };
        let after = sum.checked_add(take.n).filter(|after| *after <= cap.min(MOST));
        if self.is(S::TakesAnewWhatItRefused) || after.is_some() {
            books.taken.insert((key.clone(), take.id), (take.n, take.at));
        }
        let Some(after) = after else { return Ok(Taken::Full { sum }) };
        books.counters.insert(key, after);
        Ok(Taken::Counted { sum: after, at: take.at })
    }

    async fn notices(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Notice>, BoxError> {
        let books = self.books();
        let behind = books.notices.values().filter(|(notice, _)| after.is_none_or(|after| after < notice.id));
        Ok(behind.take(limit).map(|(notice, _)| notice.clone()).collect())
    }

    async fn lease_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Notice>, BoxError> {
        if self.is(S::FindsAndLeasesInTwoSteps) {
            let is_free = |lease: &Option<Timestamp>| lease.is_none_or(|end| end <= now);
            let found: Vec<NoticeId> = {
                let books = self.books();
                let free = books.notices.values().filter(|(_, lease)| is_free(lease)).take(limit);
                free.map(|(notice, _)| notice.id).collect()
            };
            for _ in 0..50 {
                std::thread::yield_now();
            }
            let mut books = self.books();
            let leased = found.iter().map(|id| {
                let (notice, lease) = books.notices.get_mut(id).expect("a notice");
                *lease = Some(until);
                notice.attempts += 1;
                notice.clone()
            });
            return Ok(leased.collect());
        }
        let mut books = self.books();
        let is_free = |lease: &Option<Timestamp>| match self.sabotage {
            Some(S::LeasesWhatIsLeased) => true,
            Some(S::LeasesForEver) => lease.is_none(),
            _ => lease.is_none_or(|end| end <= now),
        };
        let free = books.notices.values_mut().filter(|(_, lease)| is_free(lease)).take(limit);
        Ok(free
            .map(|(notice, lease)| {
                *lease = Some(until);
                notice.attempts += u32::from(!self.is(S::CountsNoLeases));
                notice.clone()
            })
            .collect())
    }

    async fn acknowledge_notices(&self, delivered: &[NoticeId]) -> Result<(), BoxError> {
        let mut books = self.books();
        if !self.is(S::KeepsWhatIsAcknowledged) {
            delivered.iter().for_each(|id| drop(books.notices.remove(id)));
        }
        Ok(())
    }

    async fn sweep_ledger(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        if self.is(S::SweepsNothing) {
            return Ok(0);
        }
        let mut books = self.books();
        let limit = if self.is(S::SweepsAllAtOnce) { usize::MAX } else { limit };
        let mut swept = 0;
        let mut keeps = |is_old: bool| {
            let takes = (is_old || self.is(S::SweepsWhatIsYoung)) && swept < limit;
            swept += usize::from(takes);
            !takes
        };
        books.outcomes.retain(|_, (batch, _)| keeps(batch.at < before));
        books.taken.retain(|_, (_, at)| keeps(*at < before));
        books.backs.retain(|_, end| keeps(*end < before));
        if self.is(S::SweepsFigures) {
            books.lines.clear();
        }
        Ok(swept)
    }
}
