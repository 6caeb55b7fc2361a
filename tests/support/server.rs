//! The one PostgreSQL server of a file of tests, with a new schema for whoever asks.

use super::cluster::{Cluster, Installation, psql::Psql};
use dashshare::PostgresStore;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::{
    env,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The isolation that the connections of a store have unless a transaction says otherwise.
pub(crate) const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];

/// The one cluster of its trials, started by the first that needs it, and gone with the last.
pub(crate) struct Server {
    installation: Option<Installation>,
    cluster: Mutex<Option<(Psql, Cluster)>>,
    schemas: AtomicUsize,
}

impl Server {
    /// Not started yet.
    pub(crate) fn new() -> Self {
        Self { installation: Installation::find(), cluster: Mutex::default(), schemas: AtomicUsize::new(0) }
    }

    /// Whether its trials are to be reported as ignored: no server is installed, and nobody demands one.
    pub(crate) fn is_missing(&self) -> bool {
        self.installation.is_none() && env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none()
    }

    /// How to connect to it. Each call has a new schema of its own, and connections that begin at this isolation.
    pub(crate) fn options(&self, level: &str) -> PgConnectOptions {
        let schema = format!("s{}", self.schemas.fetch_add(1, Ordering::Relaxed));
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let (psql, running) = cluster.get_or_insert_with(|| {
            let installation = self.installation.as_ref().expect("PostgreSQL is required and not installed");
            let running = Cluster::start(installation).expect("the cluster starts");
            let psql = running.psql().expect("it answers");
            (psql, running)
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
    pub(crate) async fn migrated(&self, level: &str) -> PostgresStore {
        let pool = PgPoolOptions::new().max_connections(8).connect_with(self.options(level));
        let store = PostgresStore::new(pool.await.expect("a pool"));
        store.migrate().await.expect("it migrates");
        store
    }
}
