//! The store for PostgreSQL: the suite that every store passes, at each level of isolation, and what is its own:
//! migration, the host's transaction, plans that go by an index, and errors that say what to do.
//!
//! A server of its own is started for the run. Where no PostgreSQL is installed every trial is reported as ignored, or
//! fails if `DASHSHARE_REQUIRE_POSTGRES` is set.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "postgres/errors.rs"]
mod errors;
#[path = "postgres/migration.rs"]
mod migration;
#[path = "support/operations.rs"]
mod operations;
#[path = "postgres/plans.rs"]
mod plans;
#[path = "support/runtime.rs"]
mod runtime;
#[path = "postgres/transaction.rs"]
mod transaction;

use cluster::{Cluster, Installation, psql::Psql};
use dashshare::{
    DynStore, PostgresStore,
    conformance::{PROMISES, check},
};
use libtest_mimic::{Arguments, Trial};
use runtime::block_on;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::{
    env,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The isolation that the connections of a store have unless a transaction says otherwise.
const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = Arc::new(Server { installation: Installation::find(), ..Server::default() });
    let ignored = server.installation.is_none() && env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none();
    let mut trials = Vec::new();
    for level in LEVELS {
        for promise in PROMISES {
            let server = Arc::clone(&server);
            let name = format!("{}::{promise}", level.replace(' ', "_"));
            trials.push(Trial::test(name, move || {
                let store = block_on(server.migrated(level));
                let pool = store.pool().clone();
                check(promise, store, |turn| block_on(turn));
                block_on(pool.close());
                Ok(())
            }));
        }
    }
    for promise in PROMISES {
        let server = Arc::clone(&server);
        trials.push(Trial::test(format!("dynamic::{promise}"), move || {
            let store = block_on(server.migrated(LEVELS[0]));
            let pool = store.pool().clone();
            let store: Arc<dyn DynStore> = Arc::new(store);
            check(promise, store, |turn| block_on(turn));
            block_on(pool.close());
            Ok(())
        }));
    }
    for (name, run) in [errors::TRIALS, migration::TRIALS, plans::TRIALS, transaction::TRIALS].concat() {
        let server = Arc::clone(&server);
        trials.push(Trial::test(name, move || {
            run(&server);
            Ok(())
        }));
    }
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(ignored)).collect();
    if ignored && !arguments.list {
        println!("no PostgreSQL server was found on this machine, so every trial here is ignored");
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    server.stop();
    conclusion.exit_code()
}

/// A trial that is not of the suite: its name, and what it does.
type Case = (&'static str, fn(&Server));

macro_rules! trials {
    ($($name:ident)*) => {
        pub(crate) const TRIALS: &[crate::Case] = &[$((stringify!($name), $name)),*];
    };
}
use trials;

/// The one cluster of this run, started by the first trial that needs it.
#[derive(Default)]
struct Server {
    installation: Option<Installation>,
    cluster: Mutex<Option<(Cluster, Psql)>>,
    schemas: AtomicUsize,
}

impl Server {
    /// How to connect to it. Each call has a new schema of its own, and connections that begin at this isolation.
    fn options(&self, level: &str) -> PgConnectOptions {
        let schema = format!("s{}", self.schemas.fetch_add(1, Ordering::Relaxed));
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let (running, psql) = cluster.get_or_insert_with(|| {
            let installation = self.installation.as_ref().expect("PostgreSQL is required and not installed");
            let running = Cluster::start(installation).expect("the cluster starts");
            let psql = running.psql().expect("it answers");
            (running, psql)
        });
        let made = psql.send(&format!("CREATE SCHEMA {schema};")).expect("it answers");
        assert_eq!((made.rows, made.complaints), (Vec::new(), Vec::new()));
        PgConnectOptions::new_without_pgpass()
            .socket(running.socket_dir())
            .username("postgres")
            .database("postgres")
            // Whoever waits for ever is wrong, and is told so.
            .options([("lock_timeout", "20s")])
            .options([("search_path", schema.as_str()), ("default_transaction_isolation", level)])
    }

    /// A store on a new schema that has its tables.
    async fn migrated(&self, level: &str) -> PostgresStore {
        let pool = PgPoolOptions::new().max_connections(8).connect_with(self.options(level));
        let store = PostgresStore::new(pool.await.expect("a pool"));
        store.migrate().await.expect("it migrates");
        store
    }

    fn stop(&self) {
        if let Some((cluster, psql)) = self.cluster.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(psql);
            cluster.stop();
        }
    }
}
