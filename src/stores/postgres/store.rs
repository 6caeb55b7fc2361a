//! The store itself, and how it works inside a transaction of the host's.

use crate::host::Transactional;
use sqlx::{PgConnection, PgPool, PgTransaction};
use std::{fmt, ops::DerefMut, sync::Arc};
use tokio::sync::{Mutex, MutexGuard};

/// How often a statement is sent when another transaction came first each time. At the stricter levels of isolation
/// every worker of a busy outbox is in every other's way; each failure means that another one got on.
pub(super) const ATTEMPTS: usize = 64;

/// Keeps everything in a PostgreSQL database, on a pool of the host's. For many processes at once. It needs a tokio
/// runtime.
///
/// ```no_run
/// use dashshare::{Dashshare, MemoryDirectory, PostgresStore, SystemEnv};
/// # async fn start(pool: sqlx::PgPool) -> Result<(), dashshare::store::SqlError> {
/// let store = PostgresStore::new(pool);
/// store.migrate().await?;
/// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
/// # Ok(()) }
/// ```
///
/// The pool and the transactions that it is given are those of `sqlx` 0.9: depend on that version, or use
/// [`dashshare::store::sqlx`](crate::store::sqlx).
///
/// # What it costs
///
/// Every read is one statement and one round trip, by an index; so is every commit, and one that finds the dashboard
/// changed asks for the receipt in a second. The first time that a connection runs a statement it prepares it: a round
/// trip more. A list's limit is written into its text, so keep to a few limits. A pool asks each connection whether it is
/// alive before it lends it, unless it was made with `test_before_acquire(false)`: that is a round trip more. Without it,
/// a dead connection is an error once, a commit on it has an unknown fate that the service settles, and the next call has
/// another connection.
///
/// # What it needs of the server
///
/// PostgreSQL 12 or later, or an engine with its protocol and these parts of its language:
///
/// | statement | needs |
/// | --- | --- |
/// | commit | `INSERT … ON CONFLICT`, statements that change data inside `WITH`, `unnest` of several arrays |
/// | `read`, `read_many`, `read_link`, `held` | `WITH`, `unnest`, `LATERAL`, arrays of a subquery's rows, comparison of rows |
/// | `lease` | `FOR UPDATE SKIP LOCKED`, also inside a subquery, `UPDATE … FROM … RETURNING` |
/// | `acknowledge`, `put_back` | `DELETE … USING` and `UPDATE … FROM`, `unnest` of several arrays |
/// | `sweep` | `FOR UPDATE SKIP LOCKED`, `DELETE … USING` |
/// | `migrate` | `CREATE TABLE` and `CREATE INDEX` with `IF NOT EXISTS`, in a transaction if there are such; `EXPLAIN`, `pg_typeof` |
/// | the tables | the types `UUID`, `UUID[]`, `BIGINT`, `BOOLEAN`, `BYTEA`, `TEXT` and `TEXT COLLATE "C"` |
/// | all | arrays as values, and of a subquery's rows: `ARRAY(SELECT …)` |
///
/// There are no sequences, triggers, advisory locks or notifications. It is right at READ COMMITTED, REPEATABLE READ
/// and SERIALIZABLE, whichever the pool's connections have as their default: a statement that loses against another
/// transaction (40001, 40P01) is sent again, and a commit is answered with a conflict when the dashboard has moved on.
///
/// Statements are prepared once for each connection, and have names. A pooler that gives each transaction another
/// connection has to keep track of them (PgBouncer does from 1.21, with `max_prepared_statements` above 0), or the driver
/// must not keep any: `PgConnectOptions::statement_cache_capacity(0)`, or `?statement-cache-capacity=0` in the URL.
///
/// The tables are found by the connection's `search_path`. TLS is the host's choice: it switches one of the driver's
/// features on, such as `sqlx/tls-rustls`.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pub(super) pool: PgPool,
}

/// A [`PostgresStore`] inside a transaction that the host has open; [`PostgresStore::within`] makes it.
///
/// Its clones are handles on the same transaction: a directory that has one reads what the host has written there.
#[derive(Clone)]
pub struct PostgresTransaction<'t> {
    pub(super) connection: Arc<Mutex<&'t mut PgConnection>>,
}

impl fmt::Debug for PostgresTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresTransaction(..)")
    }
}

impl PostgresTransaction<'_> {
    /// The connection of the transaction, to read and write there beside the store.
    ///
    /// It is lent to one at a time, and the store waits for it: give it back before calling the service.
    pub async fn connection(&self) -> impl DerefMut<Target = PgConnection> + Send + '_ {
        MutexGuard::map(self.connection.lock().await, |connection| &mut **connection)
    }
}

impl Transactional for PostgresStore {
    type Transaction<'c> = PgTransaction<'c>;
    type Open<'t> = PostgresTransaction<'t>;

    fn within<'t>(&self, transaction: &'t mut Self::Transaction<'_>) -> Self::Open<'t> {
        Self::within(self, transaction)
    }
}

impl PostgresStore {
    /// A store on a pool of the host's. Call [`migrate`](Self::migrate) before its first use.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The same store inside a transaction of the host's: what is done through it lands together with the host's own
    /// changes when the host commits, or not at all.
    ///
    /// ```no_run
    /// use dashshare::{AccountId, DashboardId, Dashshare, Directory, Expiry, NewShare, PostgresStore, SystemEnv, Terms};
    /// # async fn hire(store: &PostgresStore, directory: &impl Directory, olga: AccountId, ann: AccountId,
    /// #     dashboard: DashboardId) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut transaction = store.pool().begin().await?;
    /// sqlx::query("UPDATE staff SET hired = TRUE WHERE name = 'Ann'").execute(&mut *transaction).await?;
    /// let sharing = Dashshare::new(store.within(&mut transaction), directory, SystemEnv);
    /// sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    /// transaction.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// [`Dashshare::within`](crate::Dashshare::within) does the same to a whole service, and
    /// [`Dashshare::within_with`](crate::Dashshare::within_with) with a directory that reads in the transaction too.
    ///
    /// What it answers (a new link's token, say) counts once the host's commit has returned. At READ COMMITTED a
    /// conflict is judged anew inside the transaction. At the stricter levels, and after every error of the database,
    /// the transaction is void: roll it back and begin it again, the host's own statements included. Never commit it: the
    /// server rolls a void transaction back, and the driver's `commit()` answers `Ok` all the same. Roll it back too
    /// when a call was dropped before it answered.
    ///
    /// When it was overtaken, beginning again is worth it:
    ///
    /// ```no_run
    /// fn was_overtaken(error: &dashshare::Error) -> bool {
    ///     let dashshare::Error::Store(cause) = error else { return false };
    ///     matches!(cause.downcast_ref(), Some(dashshare::store::SqlError::Overtaken(_)))
    /// }
    /// ```
    ///
    /// The dashboards that were changed stay locked until the host commits. A call on the plain store that changes one
    /// waits for that, so never make one in the same task meanwhile: each would wait for the other.
    pub fn within<'t>(&self, transaction: &'t mut PgTransaction<'_>) -> PostgresTransaction<'t> {
        PostgresTransaction { connection: Arc::new(Mutex::new(&mut **transaction)) }
    }
}
