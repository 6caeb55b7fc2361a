//! The store for SQLite when its process is killed, the power fails, the disk is full or broken: nothing that was
//! acknowledged is lost, nothing is half there, and it goes on from there.
//!
//! A process that is killed leaves its writes to the operating system, so killing proves nothing about syncs. For those
//! a small library in C (`support/power_cut.c`) is preloaded into a child and writes down each call on the store's files;
//! the files are then built anew as a power cut at any point could leave them. Where a library cannot be preloaded, those
//! trials are reported as ignored, or fail if `DASHSHARE_REQUIRE_POWER_CUTS` is set.

mod books;
mod child;
mod cut;
mod failing;
mod kill;
mod preload;
mod random;
mod worker;

use crate::File;
use crate::support::runtime::block_on;
use dashshare::SqliteStore;
use libtest_mimic::{Completion, Failed, Trial};
use preload::Preload;
use sqlx::sqlite::{SqlitePoolOptions, SqliteSynchronous};
use std::{
    env,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::{SystemTime, UNIX_EPOCH},
};

/// Whether this process is a child of a trial. It has done its work then.
pub(crate) fn is_child() -> bool {
    let mut arguments = env::args().skip(1);
    if arguments.next().as_deref() != Some(child::MARK) {
        return false;
    }
    let mode = arguments.next().expect("what to do");
    let path = PathBuf::from(arguments.next().expect("on which file"));
    work(&mode, path, &arguments.collect::<Vec<_>>());
    true
}

/// An error with all its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |said, source| format!("{said}: {source}"))
}

/// Made by the first trial that needs it.
type Preloaded = LazyLock<Result<Preload, String>>;

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let is_required = env::var_os("DASHSHARE_REQUIRE_POWER_CUTS").is_some();
    let preload = Arc::<Preloaded>::new(LazyLock::new(Preload::make));
    let mut trials = vec![file.trial("killed::nothing_acknowledged_is_lost", || {
        kill::nothing_acknowledged_is_lost(number("DASHSHARE_CRASHES", 200)?, seed()?);
        Ok(())
    })];
    let mut with_preload = |name: &str, test: fn(&Preload, usize, u64)| {
        let preload = Arc::clone(&preload);
        trials.push(Trial::ignorable_test(file.name(name), move || {
            let preload = match &**preload {
                Err(reason) if !is_required => return Ok(Completion::ignored_with(reason)),
                made => made.as_ref()?,
            };
            let cuts = usize::try_from(number("DASHSHARE_POWER_CUTS", 600)?).map_err(|_| "too many cuts")?;
            test(preload, cuts, seed()?);
            Ok(Completion::Completed)
        }));
    };
    with_preload("power_cut::nothing_acknowledged_is_lost", cut::nothing_acknowledged_is_lost);
    with_preload("power_cut::synchronous_off_is_convicted", |preload, cuts, seed| {
        cut::synchronous_off_is_convicted(preload, cuts / 3, seed);
    });
    with_preload("power_cut::synchronous_normal_is_convicted", |preload, cuts, seed| {
        cut::synchronous_normal_is_convicted(preload, cuts / 3, seed);
    });
    with_preload("failing_calls::none_is_acknowledged", |preload, _, seed| {
        failing::no_failure_is_acknowledged(preload, seed);
    });
    trials
}

fn number(name: &str, usual: u64) -> Result<u64, Failed> {
    match env::var(name) {
        Ok(number) => number.parse().map_err(|_| format!("{name}: `{number}` is no number").into()),
        Err(_) => Ok(usual),
    }
}

/// Another one each time, and told when something is found.
fn seed() -> Result<u64, Failed> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    number("DASHSHARE_SEED", u64::from(since.subsec_nanos()))
}

/// What a child does.
fn work(mode: &str, path: PathBuf, arguments: &[String]) {
    let number = |place: usize| arguments[place].parse::<u64>().expect("a number");
    match mode {
        "probe" => std::fs::write(path, "a write").expect("a file"),
        "work" => block_on(async {
            let store = SqliteStore::open(path).await.expect("it opens");
            worker::work(store, number(0), number(1), number(2), number(3)).await;
        }),
        // A short log, so that it is often copied into the database and begun anew.
        "cut" => block_on(async {
            let options = SqliteStore::options(path).pragma("wal_autocheckpoint", "24");
            let options = match arguments[1].as_str() {
                "off" => options.synchronous(SqliteSynchronous::Off),
                "normal" => options.synchronous(SqliteSynchronous::Normal),
                _ => options,
            };
            let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a pool");
            worker::work(SqliteStore::new(pool), number(0), 3, 3, 40).await;
        }),
        "failing" => block_on(failing::run(&path, number(0))),
        other => panic!("nobody knows how to `{other}`"),
    }
}
