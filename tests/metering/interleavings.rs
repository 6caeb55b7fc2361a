//! Every interleaving of two processes that charge one meter: limit 5, loads of 1 to 3, at most one crash and one lost answer.
//!
//! The futures of the meter itself are polled, in every order in which a runtime could: each step is one poll of a task that
//! was woken, the crash of a process, or the loss of the next answer. That needs no second description of the meter, which a
//! model checker would check in its place, and no threads, since tasks meet nowhere but in the ledger's one statement and in
//! the line of their process, both of which are entered within one poll.

use super::{
    ledger::{Fate, Obedient},
    model::{self, Seer},
    plain::{PlainLedger, Sabotage},
};
use dashshare::{
    FixedEnv, Meter, TenantId,
    metering::{
        DynLedger, Ledger as _, LineQuery, MemoryLedger, MemoryPlans, MeterError, Period, Plan, Sums, Ticket,
    },
};
use pollster::block_on;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

const LIMIT: u64 = 5;

/// The choices of one run: those that lead to it, and how many there were at each.
#[derive(Default)]
struct Choices {
    made: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, among: usize) -> usize {
        if self.at == self.made.len() {
            self.made.push((0, among));
        }
        let (choice, width) = self.made[self.at];
        assert_eq!(width, among, "the same choices lead to the same place");
        self.at += 1;
        choice
    }

    /// Goes to the next run; `false` when that was the last.
    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, among)) = self.made.pop() {
            if choice + 1 < among {
                self.made.push((choice + 1, among));
                return true;
            }
        }
        false
    }
}

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task<'m> {
    process: usize,
    records: u64,
    bell: Arc<Bell>,
    future: Option<Pin<Box<dyn Future<Output = Result<Ticket, MeterError>> + 'm>>>,
    done: Option<Result<Ticket, MeterError>>,
}

/// What may happen beside.
#[derive(Clone, Copy)]
struct Mishaps {
    crash: bool,
    loss: bool,
}

#[derive(Default, Debug)]
struct Seen {
    schedules: u64,
    refused: u64,
    crashed: u64,
    lost: u64,
    undelivered: u64,
}

fn charged(ledger: &Arc<dyn DynLedger>, tenant: TenantId, plan: &Plan) -> Result<u64, String> {
    let tally = block_on(ledger.tally(tenant, plan.period.first)).expect("a tally").unwrap_or_default();
    let lines = block_on(ledger.lines(&LineQuery::of(tenant), None, 100)).expect("lines");
    if Sums::of(&lines).all() != tally.figures {
        return Err(format!("the lines {lines:?} are not the meter {tally:?}"));
    }
    if tally.figures.charged > LIMIT {
        return Err(format!("{} are charged", tally.figures.charged));
    }
    Ok(tally.figures.charged)
}

/// One run. The loads of the two processes, and what came of them.
fn run(
    seer: &Seer,
    loads: [&[u64]; 2],
    mishaps: Mishaps,
    sabotage: Option<Sabotage>,
    choices: &mut Choices,
    seen: &mut Seen,
) -> Result<(), String> {
    let inner: Arc<dyn DynLedger> = match sabotage {
        Some(sabotage) => Arc::new(PlainLedger::new(Some(sabotage))),
        None => Arc::new(MemoryLedger::default()),
    };
    let plan = Plan::of(Period::utc_month(model::start())).limited(LIMIT, 1);
    let plans = Arc::new(MemoryPlans::default());
    plans.set(seer.tenant, plan.clone());
    let ledger = Obedient::over(Arc::clone(&inner));
    ledger.always(Some(Fate::Slow));
    let meters: Vec<_> = [1, 2]
        .map(|seed| Meter::new(ledger.clone(), Arc::clone(&plans), FixedEnv::new(model::start(), seed)))
        .into_iter()
        .collect();
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for (process, loads) in loads.into_iter().enumerate() {
        for records in loads {
            tasks.push(Task {
                process,
                records: *records,
                bell: Arc::new(Bell(AtomicBool::new(true))),
                future: Some(Box::pin(meters[process].charge(&seer.decision, "w1", *records))),
                done: None,
            });
        }
    }
    let (mut crashes, mut losses) = (u64::from(mishaps.crash), u64::from(mishaps.loss));
    let mut crashed = None;
    loop {
        let ready: Vec<usize> = (0..tasks.len())
            .filter(|at| tasks[*at].future.is_some() && tasks[*at].bell.0.load(Ordering::Relaxed))
            .collect();
        if ready.is_empty() {
            break;
        }
        let choice = choices.choose(ready.len() + usize::from(crashes > 0) * 2 + usize::from(losses > 0));
        match choice.checked_sub(ready.len()) {
            None => {
                let task = &mut tasks[ready[choice]];
                task.bell.0.store(false, Ordering::Relaxed);
                let waker = Waker::from(Arc::clone(&task.bell));
                let future = task.future.as_mut().expect("a future");
                if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    (task.done, task.future) = (Some(done), None);
                }
            }
            Some(process) if crashes > 0 && process < 2 => {
                crashes -= 1;
                crashed = Some(process);
                tasks.iter_mut().filter(|task| task.process == process).for_each(|task| task.future = None);
            }
            Some(_) => {
                losses -= 1;
                ledger.next([Fate::SlowAndLost]);
            }
        }
        let now = charged(&inner, seer.tenant, &plan)?;
        for task in &tasks {
            if let Some(Err(MeterError::Quota(quota))) = &task.done
                && (quota.charged + task.records <= LIMIT || quota.charged > now)
            {
                return Err(format!("{quota} is no reason"));
            }
        }
    }
    let now = charged(&inner, seer.tenant, &plan)?;
    let delivered: u64 =
        tasks.iter().filter(|task| matches!(task.done, Some(Ok(_)))).map(|task| task.records).sum();
    let in_flight: u64 = tasks
        .iter()
        .filter(|task| task.done.is_none() && crashed == Some(task.process))
        .map(|task| task.records)
        .sum();
    if tasks.iter().any(|task| task.done.is_none() && crashed != Some(task.process)) {
        return Err("somebody waits for ever".to_owned());
    }
    if now < delivered || now > delivered + in_flight {
        return Err(format!("{now} are charged, {delivered} delivered and {in_flight} were under way"));
    }
    seen.schedules += 1;
    seen.refused += tasks.iter().filter(|task| matches!(task.done, Some(Err(_)))).count() as u64;
    seen.crashed += u64::from(crashed.is_some());
    seen.lost += u64::from(losses == 0 && mishaps.loss);
    seen.undelivered += u64::from(now > delivered);
    Ok(())
}

/// Every run for these loads.
fn explore(
    seer: &Seer,
    loads: [&[u64]; 2],
    mishaps: Mishaps,
    sabotage: Option<Sabotage>,
    seen: &mut Seen,
) -> Result<(), String> {
    let mut choices = Choices::default();
    loop {
        let done = run(seer, loads, mishaps, sabotage, &mut choices, seen);
        done.map_err(|why| format!("{loads:?}, choices {:?}: {why}", choices.made))?;
        if !choices.next() {
            return Ok(());
        }
    }
}

const BOTH: Mishaps = Mishaps { crash: true, loss: true };
const NONE: Mishaps = Mishaps { crash: false, loss: false };

/// M3, M4, M5, M6: in every interleaving what is charged stays within the limit at each step, the lines are the meter, nobody
/// waits for ever, a refusal has its reason, and what is charged and not delivered was under way in the process that died.
#[test]
fn two_processes_in_every_order() {
    let seers = model::seers();
    let seer = &seers[0];
    let mut seen = Seen::default();
    let sizes = [1u64, 2, 3];
    for first in sizes {
        for second in sizes {
            explore(seer, [&[first], &[second]], BOTH, None, &mut seen).unwrap_or_else(|why| panic!("{why}"));
            for third in sizes {
                let loads: [&[u64]; 2] = [&[first, second], &[third]];
                explore(seer, loads, NONE, None, &mut seen).unwrap_or_else(|why| panic!("{why}"));
            }
        }
    }
    for loads in [[3u64, 2, 1], [1, 3, 2], [2, 2, 2]] {
        let [first, second, third] = loads;
        explore(seer, [&[first, second], &[third]], BOTH, None, &mut seen)
            .unwrap_or_else(|why| panic!("{why}"));
    }
    println!("all schedules: {seen:?}");
    assert!(
        seen.schedules > 10_000
            && seen.refused > 0
            && seen.crashed > 0
            && seen.lost > 0
            && seen.undelivered > 0
    );
}

/// The explorer finds what only an interleaving shows, and what only a lost answer does.
#[test]
fn faults_of_interleavings_are_found() {
    let seers = model::seers();
    for sabotage in
        [Sabotage::ChecksThenAdds, Sabotage::CountsARetryAgain, Sabotage::WritesLinesAfterTheMeter]
    {
        let found = explore(&seers[0], [&[3], &[3]], BOTH, Some(sabotage), &mut Seen::default());
        let why = found.expect_err("it is found");
        println!("{sabotage:?} found: {why}");
    }
}
