//! Random histories of several processes against the model: charges alone and together, hand-backs, crashes, lost answers,
//! limits that change, clocks that step, periods that end. After each step the meter, its lines and its notices are what the
//! model adds up. `DASHSHARE_METER_HISTORIES` plays more of them.

use super::{
    ledger::{Fate, Obedient},
    model::{self, Answer, Ask, HOUR, Limit, Model, Seer, Way, hour},
    plain::{PlainLedger, Sabotage},
};
use dashshare::{
    FixedEnv, Meter, TenantId, Timestamp,
    metering::{
        ChargeId, DynLedger, Edge, Ledger, LineQuery, Load, MemoryLedger, MemoryPlans, MeterError, Offsets,
        Period, Plan, Ticket, Warning,
    },
};
use pollster::block_on;
use std::{
    collections::BTreeMap,
    env,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What goes wrong above the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slip {
    /// The load of a grantee is attributed to who shared with it.
    EdgeOfTheGrantor,
    /// What comes from a cache is charged like anything else.
    CachedIsCharged,
    /// Who hands back leaves the load charged.
    NothingIsHandedBack,
    /// A charge whose answer was lost is made anew.
    LostIsMadeAnew,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Ledger(Sabotage),
    Above(Slip),
}

type TestMeter = Meter<Obedient, Arc<MemoryPlans>, FixedEnv>;

struct Host<'s> {
    seers: &'s [Seer],
    ledger: Obedient,
    plans: Arc<MemoryPlans>,
    limits: Arc<Mutex<BTreeMap<TenantId, Limit>>>,
    meters: Vec<TestMeter>,
    tickets: Vec<(usize, Ticket)>,
    slip: Option<Slip>,
    drawn: u64,
}

#[derive(Default, Debug)]
pub(super) struct Seen {
    charged: u64,
    refused: u64,
    handed_back: u64,
    late: u64,
    lost: u64,
    crashes: u64,
    notices: u64,
    passed: u64,
    together: u64,
}

fn tenants() -> [TenantId; 2] {
    [1u64, 2].map(TenantId::from)
}

impl<'s> Host<'s> {
    fn new(seers: &'s [Seer], processes: usize, fault: Option<Fault>) -> Self {
        let ledger: Arc<dyn DynLedger> = match fault {
            Some(Fault::Ledger(sabotage)) => Arc::new(PlainLedger::new(Some(sabotage))),
            _ => Arc::new(MemoryLedger::default()),
        };
        let limits: Arc<Mutex<BTreeMap<TenantId, Limit>>> = Arc::default();
        let plans = Arc::new(MemoryPlans::default());
        let zone = Offsets::fixed("+00:20".parse().expect("an offset"));
        for tenant in tenants() {
            let (limits, zone) = (Arc::clone(&limits), zone.clone());
            plans.set_with(tenant, move |now| {
                let (first, end) = hour(now);
                let plan = Plan::of(Period { first, end }).in_zone(zone.clone());
                let Some(limit) = limits.lock().expect("a lock").get(&tenant).copied() else {
                    return Some(plan);
                };
                let plan = if limit.counts_cached { plan.counting_cached() } else { plan };
                Some(match limit.records {
                    Some(records) => plan.limited(records, limit.version),
                    None => plan.unlimited(limit.version),
                })
            });
        }
        let slip = match fault {
            Some(Fault::Above(slip)) => Some(slip),
            _ => None,
        };
        let ledger = Obedient::over(ledger);
        let mut host =
            Self { seers, ledger, plans, limits, meters: Vec::new(), tickets: Vec::new(), slip, drawn: 0 };
        for _ in 0..processes {
            host.drawn += 1;
            host.meters.push(host.process(model::start()));
        }
        host
    }

    fn process(&self, now: Timestamp) -> TestMeter {
        // No two processes draw alike.
        let env = FixedEnv::new(now, 1000 + self.drawn);
        Meter::new(self.ledger.clone(), Arc::clone(&self.plans), env)
            .with_staleness(std::time::Duration::ZERO)
    }

    fn decision(&self, ask: Ask) -> &dashshare::Decision {
        let seer = match self.slip {
            // The second grantee's load goes to the first's grant.
            Some(Slip::EdgeOfTheGrantor) if ask.seer % 5 == 2 => ask.seer - 1,
            _ => ask.seer,
        };
        &self.seers[seer].decision
    }

    fn charge(&self, process: usize, asks: &[Ask]) -> Vec<Result<Ticket, MeterError>> {
        let meter = &self.meters[process];
        let mut tasks: Vec<Pin<Box<dyn Future<Output = Result<Ticket, MeterError>> + '_>>> = asks
            .iter()
            .map(|ask| {
                let load = Load::of(ask.widget, ask.records);
                let is_cached = ask.is_cached && self.slip != Some(Slip::CachedIsCharged);
                let load = if is_cached { load.cached() } else { load };
                Box::pin(meter.charge_load(self.decision(*ask), load))
                    as Pin<Box<dyn Future<Output = _> + '_>>
            })
            .collect();
        let mut done: Vec<Option<Result<Ticket, MeterError>>> = asks.iter().map(|_| None).collect();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            for (task, done) in tasks.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
                if let Poll::Ready(answer) = task.as_mut().poll(&mut context) {
                    *done = Some(answer);
                }
            }
        }
        done.into_iter().map(|done| done.expect("nobody waits for ever")).collect()
    }
}

fn answer(result: &Result<Ticket, MeterError>) -> Answer {
    match result {
        Ok(ticket) => Answer::Charged { cost: ticket.cost() },
        Err(MeterError::Quota(quota)) => {
            Answer::Quota { limit: quota.limit, charged: quota.charged, asked: quota.asked, ends: quota.ends }
        }
        Err(MeterError::Unavailable(_)) => Answer::Unavailable,
        Err(other) => Answer::Other(other.to_string()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: found {found:?}, wanted {wanted:?}")) }
}

/// Whether everything that is kept is what the model adds up.
fn compare(host: &Host<'_>, model: &mut Model, seen: &mut Seen) -> Result<(), String> {
    let ledger = &host.ledger.inner;
    for (tenant, period) in model.periods() {
        let tally = block_on(ledger.tally(tenant, period)).expect("a tally").unwrap_or_default();
        same(&format!("the meter of {tenant} from {period}"), tally.figures, model.tally(tenant, period))?;
    }
    for tenant in tenants() {
        let lines = block_on(ledger.lines(&LineQuery::of(tenant), None, 100_000)).expect("lines");
        let found: BTreeMap<String, _> =
            lines.iter().map(|line| (model::words(line), line.figures)).collect();
        same(&format!("lines of {tenant}"), found.len(), lines.len())?;
        same(&format!("the lines of {tenant}"), found, model.lines(tenant))?;
    }
    let notices = block_on(ledger.notices(None, 1000)).expect("notices");
    let ids: Vec<_> = notices.iter().map(|notice| notice.id).collect();
    block_on(ledger.acknowledge_notices(&ids)).expect("acknowledged");
    seen.notices += ids.len() as u64;
    let sorted = |mut all: Vec<(TenantId, Timestamp, u32, Warning)>| {
        all.sort_by_key(|notice| format!("{notice:?}"));
        all
    };
    let found =
        notices.into_iter().map(|it| (it.id.tenant, it.id.period, it.id.version, it.warning)).collect();
    same("notices", sorted(found), sorted(std::mem::take(&mut model.notices)))
}

fn ask(dice: &mut Dice, seers: &[Seer]) -> Ask {
    Ask {
        seer: usize::try_from(dice.roll(seers.len() as u64)).expect("few"),
        widget: ["w1", "w2"][usize::from(dice.roll(4) == 0)],
        records: [0, 1, 1, 2, 5, 9, 20][usize::try_from(dice.roll(7)).expect("few")],
        is_cached: dice.roll(5) == 0,
    }
}

fn several(host: &mut Host<'_>, model: &mut Model, dice: &mut Dice, seen: &mut Seen) -> Result<(), String> {
    let process = usize::try_from(dice.roll(host.meters.len() as u64)).expect("few");
    let first = ask(dice, host.seers);
    let mut asks = vec![first];
    let (fates, way) = match dice.roll(10) {
        0 => (vec![Fate::AnswerLost, Fate::Done], Way::Open),
        1 => (vec![Fate::RequestLost, Fate::AnswerLost, Fate::Done], Way::Open),
        2 => (vec![Fate::Fails; 4], Way::Closed),
        3 => (vec![Fate::AnswerLost; 3], Way::NoAnswer),
        4 => (vec![Fate::RequestLost; 3], Way::Closed),
        5 | 6 => {
            // Of one tenant, so that they go together.
            let tenant = host.seers[first.seer].tenant;
            asks.extend(
                (0..4).map(|_| ask(dice, host.seers)).filter(|it| host.seers[it.seer].tenant == tenant),
            );
            seen.together += u64::from(asks.len() > 2);
            (vec![Fate::Slow; 8], Way::Open)
        }
        _ => (Vec::new(), Way::Open),
    };
    // What the ledger says of a later period is one answer more, which gets through.
    let is_behind = way == Way::NoAnswer;
    if is_behind && asks.len() == 1 && is_passed(host, model, process, first) {
        seen.passed += 1;
        host.ledger.next([Fate::Done]);
    }
    host.ledger.next(fates);
    let answers = host.charge(process, &asks);
    host.ledger.told.lock().expect("a lock").fates.clear();
    // The first goes by itself, and those who came meanwhile in one commit.
    let mut wanted = vec![model.charge(process, first, way)];
    model.commit();
    wanted.extend(asks[1..].iter().map(|ask| model.charge(process, *ask, way)));
    model.commit();
    let found: Vec<Answer> = answers.iter().map(answer).collect();
    if host.slip == Some(Slip::LostIsMadeAnew) && way == Way::NoAnswer {
        let _ = host.charge(process, &asks);
    }
    seen.lost += u64::from(way != Way::Open);
    same("answers", &found, &wanted)?;
    let tickets: Vec<Ticket> = answers.into_iter().filter_map(Result::ok).collect();
    seen.charged += tickets.len() as u64;
    seen.refused += found.iter().filter(|it| matches!(it, Answer::Quota { .. })).count() as u64;
    for (back, ticket) in tickets.iter().rev().enumerate() {
        same(
            "the edge of a ticket",
            ticket.edge().clone(),
            edge_of(host, &asks, &found, tickets.len() - 1 - back),
        )?;
        model.name_last(ticket.charge(), back);
    }
    host.tickets.extend(tickets.into_iter().map(|ticket| (process, ticket)));
    Ok(())
}

fn edge_of(host: &Host<'_>, asks: &[Ask], found: &[Answer], at: usize) -> Edge {
    let charged = asks.iter().zip(found).filter(|(_, found)| matches!(found, Answer::Charged { .. }));
    let (ask, _) = charged.skip(at).next().expect("a charge");
    host.seers[ask.seer].edge.clone()
}

/// Whether the ledger will say that a later period has begun.
fn is_passed(host: &Host<'_>, model: &Model, process: usize, ask: Ask) -> bool {
    let tenant = host.seers[ask.seer].tenant;
    model.is_behind(process, tenant)
}

fn play(seers: &[Seer], seed: u64, fault: Option<Fault>, seen: &mut Seen) -> Result<(), String> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let processes = usize::try_from(1 + dice.roll(4)).expect("few");
    let mut host = Host::new(seers, processes, fault);
    let mut model = Model::new(seers, processes);
    let mut back_again: Vec<ChargeId> = Vec::new();
    for step in 0..80 {
        let process = usize::try_from(dice.roll(processes as u64)).expect("few");
        let done = match dice.roll(20) {
            0..12 => several(&mut host, &mut model, &mut dice, seen),
            12 | 13 if !host.tickets.is_empty() => {
                let at = usize::try_from(dice.roll(host.tickets.len() as u64)).expect("few");
                let (process, ticket) = host.tickets.swap_remove(at);
                let charge = ticket.charge();
                let wanted = model.hand_back(process, charge);
                if dice.roll(3) == 0 {
                    host.ledger.next([Fate::AnswerLost]);
                }
                let found = match host.slip {
                    Some(Slip::NothingIsHandedBack) => true,
                    _ => block_on(host.meters[process].hand_back(ticket)).is_ok(),
                };
                host.ledger.told.lock().expect("a lock").fates.clear();
                back_again.push(charge);
                if wanted {
                    seen.handed_back += 1
                } else {
                    seen.late += 1
                }
                same("a hand-back", found, wanted)
            }
            14 => {
                host.drawn += 1;
                model.crash(process);
                host.tickets.retain(|(of, _)| *of != process);
                host.meters[process] = host.process(model.clocks[process]);
                seen.crashes += 1;
                Ok(())
            }
            15 | 16 => {
                let tenant = tenants()[usize::try_from(dice.roll(2)).expect("few")];
                let records = [Some(0), Some(10), Some(25), Some(50), Some(80), Some(200), None];
                let records = records[usize::try_from(dice.roll(7)).expect("few")];
                let before = model.limits.get(&tenant).map_or(0, |limit| limit.version);
                // Now and then a host answers with what was true before.
                let version = if dice.roll(8) == 0 { before.saturating_sub(1) } else { before + 1 };
                let limit = Limit { records, version, counts_cached: dice.roll(6) == 0 };
                host.limits.lock().expect("a lock").insert(tenant, limit);
                model.limits.insert(tenant, limit);
                Ok(())
            }
            _ => {
                let minutes = [-70i64, -10, -1, 1, 5, 20, 40][usize::try_from(dice.roll(7)).expect("few")];
                let clock = &mut model.clocks[process];
                *clock = clock.plus_micros(minutes * HOUR / 60);
                host.meters[process].env().set(*clock);
                Ok(())
            }
        };
        done.and_then(|()| compare(&host, &mut model, seen))
            .map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
    }
    Ok(())
}

/// M3, M5, M6, M7, M8, M9, M10, M11, M12, M14: after each step of random histories the ledger is what a list of events adds
/// up to.
#[test]
fn histories_are_what_their_events_add_up_to() {
    let histories: u64 =
        env::var("DASHSHARE_METER_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let seers = model::seers();
    let mut seen = Seen::default();
    for seed in 0..histories {
        if let Err(why) = play(&seers, seed, None, &mut seen) {
            panic!("{why}");
        }
    }
    println!("{histories} histories: {seen:?}");
    let least = [
        seen.charged,
        seen.refused,
        seen.handed_back,
        seen.late,
        seen.lost,
        seen.crashes,
        seen.notices,
        seen.passed,
        seen.together,
    ];
    assert!(least.iter().all(|count| *count > histories / 10), "too little happens: {seen:?}");
}

/// The ledger that is written apart from the library's plays the same histories.
#[test]
fn a_ledger_written_apart_plays_the_same() {
    let seers = model::seers();
    let mut seen = Seen::default();
    for seed in 0..150 {
        // A defect that no history of this kind can show stands for none.
        let sound = Some(Fault::Ledger(Sabotage::SweepsNothing));
        if let Err(why) = play(&seers, seed, sound, &mut seen) {
            panic!("{why}");
        }
    }
}

/// The model sees what goes wrong: each planted fault within 200 histories.
#[test]
fn planted_faults_are_found() {
    use Sabotage as S;
    let ledgers = [
        S::CountsARetryAgain,
        S::LosesEveryThirdLine,
        S::WritesLinesAfterTheMeter,
        S::WrapsOnALoweredLimit,
        S::LetsTheLastThrough,
        S::CutsALoad,
        S::ChargesWhatItRefuses,
        S::StopsBehindARefusal,
        S::JudgesTheSumOfABatch,
        S::CountsNoRefusals,
        S::RefusesWithoutALimit,
        S::CountsCachedRecords,
        S::ForgetsCachedRecords,
        S::MixesPeriods,
        S::MixesTenants,
        S::MixesEdges,
        S::MixesIncarnations,
        S::MixesDays,
        S::MixesWidgets,
        S::ChargesAPeriodThatHasPassed,
        S::TellsAgain,
        S::TellsEachThresholdByItself,
        S::TellsOnlyTheHighest,
        S::TellsNoRefusal,
        S::TellsEveryRefusal,
        S::TellsOneRecordLate,
        S::ArmsNothingAgain,
        S::ArmsEverythingAgain,
        S::TellsByAnOlderLimit,
        S::JudgesThresholdsByTheIncrement,
        S::TakesBackTwice,
        S::TakesBackFromTheMeterOnly,
        S::TakesBackWithoutCounting,
        S::ArmsByAHandBack,
        S::AnswersARetryWithNothingRefused,
    ];
    let above =
        [Slip::EdgeOfTheGrantor, Slip::CachedIsCharged, Slip::NothingIsHandedBack, Slip::LostIsMadeAnew];
    let faults: Vec<Fault> =
        ledgers.into_iter().map(Fault::Ledger).chain(above.into_iter().map(Fault::Above)).collect();
    let seers = model::seers();
    let mut missed = Vec::new();
    for fault in &faults {
        let found = (0..200).find_map(|seed| play(&seers, seed, Some(*fault), &mut Seen::default()).err());
        match found {
            Some(why) => println!("{fault:?}: {}", why.chars().take(60).collect::<String>()),
            None => missed.push(*fault),
        }
    }
    println!("{} faults", faults.len());
    assert!(missed.is_empty() && faults.len() >= 14, "not found: {missed:?}");
}
