//! The store itself: how it is opened, and how it works inside a transaction of the host's.

use crate::{host::Transactional, stores::sql::SqlError};
use sqlx::{
    Connection as _, Sqlite, SqliteConnection, SqlitePool, SqliteTransaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{fmt, ops::DerefMut, path::Path, sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};

/// How often a new file is opened while others are making it.
const ATTEMPTS: usize = 100;
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

/// Keeps everything in one SQLite file. For one machine, any number of processes on it. It needs a tokio runtime.
///
/// ```no_run
/// use dashshare::{Dashshare, MemoryDirectory, SqliteStore, SystemEnv};
/// # async fn start() -> Result<(), dashshare::store::SqlError> {
/// let store = SqliteStore::open("sharing.db").await?;
/// store.migrate().await?;
/// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
/// # Ok(()) }
/// ```
///
/// The pool and the transactions that it is given are those of `sqlx` 0.9: depend on that version, or use
/// [`dashshare::store::sqlx`](crate::store::sqlx).
///
/// A commit is on the disk when it returns. Reads go on while others write. Writers take turns: those of one process
/// wait in line, those of others for as long as `busy_timeout` says.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(super) pool: SqlitePool,
    /// Whose turn it is to write, among the tasks of this process.
    pub(super) turn: Arc<Mutex<()>>,
}

/// A [`SqliteStore`] inside a transaction that the host has open; [`SqliteStore::within`] makes it.
///
/// Its clones are handles on the same transaction: a directory that has one reads what the host has written there.
#[derive(Clone)]
pub struct SqliteStoreTransaction<'t> {
    pub(super) connection: Arc<Mutex<&'t mut SqliteConnection>>,
}

impl fmt::Debug for SqliteStoreTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteStoreTransaction(..)")
    }
}

impl SqliteStoreTransaction<'_> {
    /// The connection of the transaction, to read and write there beside the store.
    ///
    /// It is lent to one at a time, and the store waits for it: give it back before calling the service.
    pub async fn connection(&self) -> impl DerefMut<Target = SqliteConnection> + Send + '_ {
        MutexGuard::map(self.connection.lock().await, |connection| &mut **connection)
    }
}

impl Transactional for SqliteStore {
    type Transaction<'c> = SqliteTransaction<'c>;
    type Open<'t> = SqliteStoreTransaction<'t>;

    fn within<'t>(&self, transaction: &'t mut Self::Transaction<'_>) -> Self::Open<'t> {
        Self::within(self, transaction)
    }
}

impl SqliteStore {
    /// Opens a file, or makes it, with the settings that keep its promises: a write-ahead log, `synchronous=FULL`, ten
    /// seconds of `busy_timeout`, foreign keys on. Call [`migrate`](Self::migrate) before the first use.
    ///
    /// `:memory:`, and an empty path, are no file: what is kept there is gone with the store. Each connection would have
    /// such a database of its own, so the pool has one for all, and a call waits for whoever has it.
    ///
    /// # Errors
    /// When the file cannot be opened, is read-only or is no database.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqlError> {
        let path = path.as_ref();
        if is_no_file(path) {
            let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
            return pool.connect_with(Self::options(path)).await.map(Self::new).map_err(SqlError::of);
        }
        let mut attempt = 1;
        loop {
            match SqlitePoolOptions::new().connect_with(Self::options(path)).await.map_err(SqlError::of) {
                // SQLite does not wait when several make a new file's log at once, so that is done here.
                Err(SqlError::Locked(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                made => return made.map(Self::new),
            }
            wait_for_others(path).await?;
        }
    }

    /// The settings that [`open`](Self::open) uses, for a pool of the host's.
    pub fn options(path: impl AsRef<Path>) -> SqliteConnectOptions {
        plain_options(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
    }

    /// A store on a pool of the host's. Its connections should have the settings of [`options`](Self::options): with
    /// less than `synchronous=FULL`, a commit that was acknowledged can be lost when the power fails.
    pub fn new(pool: SqlitePool) -> Self {
        Self { pool, turn: Arc::default() }
    }

    /// The pool.
    pub fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// The same store inside a transaction of the host's: what is done through it lands together with the host's own
    /// changes when the host commits, or not at all.
    ///
    /// ```no_run
    /// use dashshare::{AccountId, DashboardId, Dashshare, Directory, Expiry, NewShare, SqliteStore, SystemEnv, Terms};
    /// # async fn hire(store: &SqliteStore, directory: &impl Directory, olga: AccountId, ann: AccountId,
    /// #     dashboard: DashboardId) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut transaction = store.pool().begin_with("BEGIN IMMEDIATE").await?;
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
    /// What it answers (a new link's token, say) counts once the host's commit has returned. Begin with `BEGIN
    /// IMMEDIATE`: a transaction that begins as a reader is void when another one has written since
    /// ([`SqlError::Overtaken`]; `cause.downcast_ref::<SqlError>()` finds it in an
    /// [`Error::Store(cause)`](crate::Error::Store)): roll it back and begin it again. Nobody else can write until the host commits, so never call the plain store in the same
    /// task meanwhile: it would wait for the transaction, and the transaction for it.
    ///
    /// A call that was dropped before it answered (by a timeout, say) was done as a whole or not at all, and the
    /// transaction goes on: roll it back unless either is right. Roll back after [`SqlError::Full`] and
    /// [`SqlError::Disk`] too: SQLite has ended the transaction by itself then.
    pub fn within<'t>(&self, transaction: &'t mut SqliteTransaction<'_>) -> SqliteStoreTransaction<'t> {
        SqliteStoreTransaction { connection: Arc::new(Mutex::new(&mut **transaction)) }
    }
}

/// Whether a path is of a database that only its own connection sees.
fn is_no_file(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let is_uri = name.starts_with("file:");
    name.is_empty()
        || name == ":memory:"
        || is_uri && (name.contains(":memory:") || name.contains("mode=memory"))
}

fn plain_options(path: impl AsRef<Path>) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.busy_timeout(Duration::from_secs(10)).foreign_keys(true)
}

/// Returns when nobody else is writing to the file.
async fn wait_for_others(path: &Path) -> Result<(), SqlError> {
    let mut connection = SqliteConnection::connect_with(&plain_options(path)).await.map_err(SqlError::of)?;
    let turn = connection.begin_with(BEGIN).await.map_err(SqlError::of)?;
    turn.rollback().await.map_err(SqlError::of)?;
    connection.close().await.map_err(SqlError::of)
}

impl SqliteStore {
    /// A connection to write with: not one that got stuck in a transaction.
    pub(super) async fn writer(&self) -> Result<PoolConnection<Sqlite>, SqlError> {
        loop {
            let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
            if !connection.is_in_transaction() {
                return Ok(connection);
            }
            connection.close_on_drop();
        }
    }
}

/// When the disk is full or fails, SQLite ends a transaction by itself. The driver's own end of it fails then, and it
/// takes the connection for one inside a transaction for good: it can never begin another, and is of no more use.
pub(super) async fn close_if_stuck(connection: &mut PoolConnection<Sqlite>) {
    // A transaction that was dropped is ended by then.
    if connection.ping().await.is_err() || connection.is_in_transaction() {
        connection.close_on_drop();
    }
}
