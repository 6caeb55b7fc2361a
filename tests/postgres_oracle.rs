//! PostgreSQL as an independent judge of who holds what (G2, G3, G7, G9–G14): each grant is a database role of its
//! own, each share a `GRANT … [WITH GRANT OPTION]` by the role it hangs on, and each end a `REVOKE … CASCADE`. After
//! every event of a random history the rights that the library derives are compared with the ones that PostgreSQL
//! has left, for every grant and for every person; so are what it foresaw for the instant that time moves to, what it
//! remembers of the past (D7), what it says a revocation would do and what fell by it (G15, G21). Whether somebody may
//! share on is PostgreSQL's to say too.
//!
//! PostgreSQL knows no expiry, so the test revokes what runs out by its own declared end; all that hangs on it falls
//! by PostgreSQL's own rules, in whatever order the ends of one instant are taken.
//!
//! - No server on this machine: every trial is reported as ignored, or fails if `DASHSHARE_REQUIRE_POSTGRES` is set.
//! - `DASHSHARE_ORACLE_HISTORIES` says how many histories are played: 300 unless set.
//! - `DASHSHARE_SEED` plays one history again. A divergence is reported with its seed and the shortest history found.

mod counts;
mod generator;
mod history;
mod library;
mod meaning;
mod planted;
mod table;
mod words;

use crate::File;
use crate::support::cluster::{Cluster, Installation};
use counts::Counts;
use history::{History, Trouble};
use library::Library;
use libtest_mimic::{Failed, Trial};
use planted::{Evaluator, Fault};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::{env, thread};
use table::{Table, make_roles};
use words::{Answerer, Event, Person};

const EVENTS: usize = 80;

/// Few people, so that most of them hold several grants at once, from different hands.
const PEOPLE: Range<Person> = 1..7;

const OWNER: Person = 0;

const DEEPEST: usize = 8;

const FIRST_SEED: u64 = 1;

/// How many histories a planted fault may survive.
const PATIENCE: usize = 200;

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let server = Arc::new(Server { installation: Installation::find(), ..Server::default() });
    // Without a server a trial is never passed: it is ignored by name, or fails where one is required.
    let ignored = server.installation.is_none() && env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none();
    let trial = |name: &str, run: fn(&Server) -> Result<(), Failed>| {
        let server = Arc::clone(&server);
        file.trial(name, move || run(&server)).with_ignored_flag(ignored)
    };
    let mut trials = vec![
        trial("postgres_agrees_with_every_grant_at_every_step", |server| {
            agrees(server, "library", histories()?, Library::new)
        }),
        trial("postgres_agrees_with_an_evaluator_that_has_no_fault", |server| {
            agrees(server, "evaluator", PATIENCE, || Ok(Evaluator::sound()))
        }),
    ];
    trials.extend(Fault::ALL.map(|(fault, name)| {
        let server = Arc::clone(&server);
        file.trial(format!("postgres_convicts_an_evaluator_that_{name}"), move || {
            convicts(&server, fault, name)
        })
        .with_ignored_flag(ignored)
    }));
    trials
}

/// The one cluster of this file, started by the first trial that needs it, and gone with the last.
#[derive(Default)]
struct Server {
    installation: Option<Installation>,
    cluster: Mutex<Option<Cluster>>,
    tables: AtomicUsize,
}

impl Server {
    /// A connection and a table of its own: grants on one table from two connections at once would collide.
    fn table(&self) -> Result<Table, String> {
        let installation =
            self.installation.as_ref().ok_or("no PostgreSQL server was found on this machine")?;
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match cluster.take() {
            Some(running) => running,
            None => {
                let started = Cluster::start(installation)?;
                make_roles(&mut started.psql().map_err(|error| error.to_string())?)?;
                started
            }
        };
        let psql = running.psql().map_err(|error| error.to_string());
        *cluster = Some(running);
        Ok(Table { psql: psql?, name: format!("d_{}", self.tables.fetch_add(1, Ordering::Relaxed)) })
    }
}

fn histories() -> Result<usize, String> {
    match env::var("DASHSHARE_ORACLE_HISTORIES") {
        Ok(number) => {
            number.parse().map_err(|_| format!("DASHSHARE_ORACLE_HISTORIES: `{number}` is no number"))
        }
        Err(_) => Ok(300),
    }
}

/// Plays the histories in two threads, and fails at the first divergence or when they were too tame to mean anything.
fn agrees<S: Answerer>(
    server: &Server,
    name: &str,
    histories: usize,
    subject: fn() -> Result<S, String>,
) -> Result<(), Failed> {
    let replayed = env::var("DASHSHARE_SEED").ok();
    let seeds = match &replayed {
        Some(seed) => {
            let seed: u64 = seed.parse().map_err(|_| format!("DASHSHARE_SEED: `{seed}` is no number"))?;
            seed..seed + 1
        }
        None => FIRST_SEED..FIRST_SEED + histories as u64,
    };
    let started = Instant::now();
    let (counts, divergence) = play_all(server, seeds.clone(), 2, subject)?;
    if let Some(divergence) = divergence {
        return Err(divergence.into());
    }
    println!(
        "PostgreSQL and the {name}, seeds {seeds:?}, {:.1} s:\n{counts}",
        started.elapsed().as_secs_f64()
    );
    if replayed.is_none() { Ok(counts.are_enough_for(histories)?) } else { Ok(()) }
}

/// A planted fault has to show as a divergence soon, or the comparison has no teeth.
fn convicts(server: &Server, fault: Fault, name: &str) -> Result<(), Failed> {
    let seeds = FIRST_SEED..FIRST_SEED + PATIENCE as u64;
    let (counts, divergence) = play_all(server, seeds, 1, || Ok(Evaluator::with(fault)))?;
    let divergence = divergence.ok_or_else(|| format!("{PATIENCE} histories did not show that it {name}"))?;
    let shown = divergence.lines().next().unwrap_or_default();
    println!("{name}: convicted in history {}: {shown}", counts.histories);
    Ok(())
}

/// Plays histories until one diverges: what happened in them, and that divergence with its history cut short.
fn play_all<S: Answerer>(
    server: &Server,
    seeds: Range<u64>,
    threads: usize,
    subject: impl Fn() -> Result<S, String> + Sync,
) -> Result<(Counts, Option<String>), String> {
    let next = Mutex::new(seeds);
    let work = || -> Result<(Counts, Option<String>), String> {
        let mut table = server.table()?;
        let mut counts = Counts::default();
        loop {
            let seed = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(seed) = seed else { return Ok((counts, None)) };
            let mut history = History::begin(seed, &mut table, subject()?)?;
            let outcome = history.generate();
            counts += history.counts;
            match outcome {
                Ok(()) => {}
                Err(Trouble::Broken(why)) => return Err(format!("history {seed}: {why}")),
                Err(Trouble::Diverged(first)) => {
                    *next.lock().unwrap_or_else(PoisonError::into_inner) = 0..0;
                    let events = history.events;
                    return Ok((counts, Some(shorten(seed, events, first, &mut table, &subject)?)));
                }
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = (Counts::default(), None);
        for worker in workers {
            let (counts, divergence) = worker.join().map_err(|_| "a worker panicked".to_owned())??;
            all.0 += counts;
            all.1 = all.1.or(divergence);
        }
        Ok(all)
    })
}

/// Leaves out events as long as some divergence remains, so that a person can read what is left.
fn shorten<S: Answerer>(
    seed: u64,
    mut events: Vec<Event>,
    mut divergence: String,
    table: &mut Table,
    subject: &impl Fn() -> Result<S, String>,
) -> Result<String, String> {
    let mut chunk = events.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        let before = events.len();
        while at < events.len() {
            let mut fewer = events.clone();
            fewer.drain(at..(at + chunk).min(events.len()));
            let mut history = History::begin(seed, table, subject()?)?;
            match history.replay(&fewer) {
                Err(Trouble::Diverged(shorter)) => (events, divergence) = (history.events, shorter),
                _ => at += chunk,
            }
        }
        // At the end single events are tried until none of them can be spared.
        chunk = if chunk > 1 { chunk / 2 } else { usize::from(events.len() < before) };
    }
    let lines: Vec<String> = events.iter().map(|event| format!("  {event:?}")).collect();
    Ok(format!(
        "{divergence}\nin this history, cut short (all of it: DASHSHARE_SEED={seed}):\n{}",
        lines.join("\n")
    ))
}
