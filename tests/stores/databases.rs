//! The databases that the stores under test keep their tables in, emptied or put back between two runs.

use crate::support::{
    cluster::{Cluster, Installation, psql::Psql},
    files::fresh_path,
    runtime::block_on,
};
use dashshare::{PostgresStore, SqliteStore, store::DynStore};
use sqlx::{
    PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqlitePoolOptions, SqliteSynchronous},
};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

const TABLES: [&str; 6] = ["head", "grant", "below", "audit", "outbox", "receipt"];
/// After so many runs PostgreSQL throws away what they left behind.
const SWEEP_EVERY: usize = 25;

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A database that has the tables.
pub(crate) struct Database {
    pub(crate) store: Arc<dyn DynStore>,
    pool: Pool,
    runs: AtomicUsize,
}

impl Database {
    /// In a new file. Nothing here fails with the power, so nothing waits for the disk.
    pub(crate) fn sqlite() -> Self {
        block_on(async {
            let options = SqliteStore::options(fresh_path()).synchronous(SqliteSynchronous::Off);
            let pool = SqlitePoolOptions::new().max_connections(2).test_before_acquire(false);
            let pool = pool.connect_with(options).await.expect("it opens");
            let store = SqliteStore::new(pool.clone());
            store.migrate().await.expect("it migrates");
            Self { store: Arc::new(store), pool: Pool::Sqlite(pool), runs: AtomicUsize::new(0) }
        })
    }

    fn postgres(options: PgConnectOptions) -> Self {
        block_on(async {
            let pool = PgPoolOptions::new().max_connections(2).test_before_acquire(false);
            let pool = pool.connect_with(options).await.expect("it connects");
            let store = PostgresStore::new(pool.clone());
            store.migrate().await.expect("it migrates");
            Self { store: Arc::new(store), pool: Pool::Postgres(pool), runs: AtomicUsize::new(0) }
        })
    }

    pub(crate) fn run(&self, statements: String) {
        let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
        block_on(async {
            match &self.pool {
                Pool::Sqlite(pool) => statements.execute(pool).await.map(drop),
                Pool::Postgres(pool) => statements.execute(pool).await.map(drop),
            }
        })
        .expect("it runs");
    }

    fn sweep(&self) {
        let due = (self.runs.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SWEEP_EVERY);
        if due && matches!(self.pool, Pool::Postgres(_)) {
            let tables = TABLES.map(|table| format!("dashshare_{table}"));
            self.run(format!("VACUUM ANALYZE {}", tables.join(", ")));
        }
    }

    /// Removes all rows.
    pub(crate) fn clear(&self) {
        self.sweep();
        self.run(TABLES.map(|table| format!("DELETE FROM dashshare_{table};")).concat());
    }

    /// Remembers what is in the tables now.
    pub(crate) fn keep(&self) {
        self.run(
            TABLES
                .map(|table| format!("CREATE TABLE kept_{table} AS SELECT * FROM dashshare_{table};"))
                .concat(),
        );
    }

    /// Brings it back.
    pub(crate) fn put_back(&self) {
        self.sweep();
        let of = |table| {
            format!(
                "DELETE FROM dashshare_{table}; INSERT INTO dashshare_{table} SELECT * FROM kept_{table};"
            )
        };
        self.run(TABLES.map(of).concat());
    }

    pub(crate) fn close(&self) {
        block_on(async {
            match &self.pool {
                Pool::Sqlite(pool) => pool.close().await,
                Pool::Postgres(pool) => pool.close().await,
            }
        });
    }
}

/// The one cluster of its trials, started by the first that needs it, and gone with the last.
pub(crate) struct Server {
    installation: Option<Installation>,
    cluster: Mutex<Option<(Psql, Cluster)>>,
    schemas: AtomicUsize,
}

impl Server {
    pub(crate) fn new(installation: Option<Installation>) -> Self {
        Self { installation, cluster: Mutex::default(), schemas: AtomicUsize::new(0) }
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.installation.is_some()
    }

    /// A new schema that has the tables.
    pub(crate) fn database(&self) -> Database {
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
        let options = PgConnectOptions::new_without_pgpass()
            .socket(running.socket_dir())
            .username("postgres")
            .database("postgres")
            .options([("search_path", schema.as_str())]);
        drop(cluster);
        Database::postgres(options)
    }
}
