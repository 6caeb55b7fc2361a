//! The histories of `rules.txt`, `cases.txt` and `kinds.txt` have the same answers from every store, line for line (S1, S2, S3).
//!
//! A PostgreSQL server of its own is started for the run. Where none is installed its trial is reported as ignored, or
//! fails if `DASHSHARE_REQUIRE_POSTGRES` is set.

use crate::File;
use crate::support::files::fresh_path;
use crate::support::runtime::block_on;
use crate::support::server::{LEVELS, Server};
use crate::support::table::{self, Case, engine::Engine};
use dashshare::{MemoryStore, SqliteStore, store::DynStore};
use libtest_mimic::Trial;
use std::sync::Arc;

const TABLES: [(&str, &str); 3] = [
    ("rules.txt", include_str!("rules.txt")),
    ("cases.txt", include_str!("cases.txt")),
    ("kinds.txt", include_str!("kinds.txt")),
];

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let server = Server::new();
    let ignored = server.is_missing();
    vec![
        file.trial("sqlite_answers_as_memory_does", || {
            compare(|| {
                let store = block_on(SqliteStore::open(fresh_path())).expect("it opens");
                block_on(store.migrate()).expect("it migrates");
                let pool = store.pool().clone();
                (Arc::new(store), Box::new(move || block_on(pool.close())))
            })
        }),
        file.trial("postgres_answers_as_memory_does", move || {
            compare(|| {
                let store = block_on(server.migrated(LEVELS[0]));
                let pool = store.pool().clone();
                (Arc::new(store), Box::new(move || block_on(pool.close())))
            })
        })
        .with_ignored_flag(ignored),
    ]
}

/// A new store, and what to do when it has served.
type Fresh = (Arc<dyn DynStore>, Box<dyn FnOnce()>);

/// Plays every history on a new store and in memory.
fn compare(fresh: impl Fn() -> Fresh) -> Result<(), libtest_mimic::Failed> {
    let (mut histories, mut lines, mut differences) = (0, 0, Vec::new());
    for (file, text) in TABLES {
        for case in table::parse(text)? {
            let (store, end) = fresh();
            let found = play(&case, store);
            end();
            let expected = play(&case, Arc::<MemoryStore>::default());
            for ((step, found), expected) in case.steps.iter().zip(&found).zip(&expected) {
                if found != expected {
                    let place = format!("{file}:{}: {}", step.number, step.input);
                    differences.push(format!("{place}\n  memory {expected}\n  store  {found}"));
                }
            }
            histories += 1;
            lines += found.len();
        }
    }
    println!("{histories} histories of {lines} lines");
    if histories < 230 || lines < 2_000 {
        return Err(format!("only {histories} histories of {lines} lines were played").into());
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("{} lines differ:\n{}", differences.len(), differences.join("\n")).into()),
    }
}

fn play(case: &Case, store: Arc<dyn DynStore>) -> Vec<String> {
    let mut engine = Engine::over(store, false);
    case.steps.iter().map(|step| engine.line(&step.input).unwrap_or_default().to_string()).collect()
}
