//! The store for SQLite: one file, for one machine. It needs a tokio runtime.

mod migration;
mod savepoint;

use crate::{
    host::{CommitError, Transactional},
    record::{Commit, MessageId, Receipt},
    stores::sql::{self, Columns, Database, Dialect, NEVER_LEASED, Row, SqlError, Value},
};
use savepoint::Savepoint;
use sqlx::{
    Arguments as _, Connection as _, Error, SqlStr, Sqlite, SqliteConnection, SqlitePool, SqliteTransaction,
    error::BoxDynError,
    pool::PoolConnection,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    },
};
use std::{fmt, ops::DerefMut, path::Path, sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// How often a new file is opened while others are making it.
const ATTEMPTS: usize = 100;
const BEGIN: &str = "BEGIN IMMEDIATE";

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
/// [`dashshare::store::sqlx`](crate::sqlx).
///
/// A commit is on the disk when it returns. Reads go on while others write. Writers take turns: those of one process
/// wait in line, those of others for as long as `busy_timeout` says.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    /// Whose turn it is to write, among the tasks of this process.
    turn: Arc<Mutex<()>>,
}

/// A [`SqliteStore`] inside a transaction that the host has open; [`SqliteStore::within`] makes it.
///
/// Its clones are handles on the same transaction: a directory that has one reads what the host has written there.
#[derive(Clone)]
pub struct SqliteStoreTransaction<'t> {
    connection: Arc<Mutex<&'t mut SqliteConnection>>,
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
    async fn writer(&self) -> Result<PoolConnection<Sqlite>, SqlError> {
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
async fn close_if_stuck(connection: &mut PoolConnection<Sqlite>) {
    // A transaction that was dropped is ended by then.
    if connection.ping().await.is_err() || connection.is_in_transaction() {
        connection.close_on_drop();
    }
}

fn hex(id: &Uuid) -> String {
    id.simple().to_string()
}

/// Ids as a statement reads them with `json_each` and `unhex`.
fn json_of(ids: &[Uuid]) -> Result<String, BoxDynError> {
    Ok(serde_json::to_string(&ids.iter().map(hex).collect::<Vec<_>>())?)
}

fn bind(values: &[Value]) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Id(id) => arguments.add(*id)?,
            Value::Number(number) => arguments.add(*number)?,
            Value::Flag(flag) => arguments.add(*flag)?,
            Value::Text(text) => arguments.add(text.clone())?,
            Value::Bytes(bytes) => arguments.add(bytes.clone())?,
            // It has no arrays, but reads JSON.
            Value::Ids(ids) => arguments.add(json_of(ids)?)?,
            Value::Texts(texts) => arguments.add(serde_json::to_string(texts)?)?,
        }
    }
    Ok(arguments)
}

async fn fetch<T>(
    connection: &mut SqliteConnection,
    sql: SqlStr,
    values: &[Value],
) -> Result<Vec<T>, SqlError>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let arguments = bind(values).map_err(|error| SqlError::of(Error::Encode(error)))?;
    sqlx::query_as_with(sql, arguments).fetch_all(connection).await.map_err(SqlError::of)
}

const UPDATE_HEAD: &str = "UPDATE dashshare_head SET revision = $3, owner = $4, deleted = $5, link = $6, \
    link_grant = $7, body = $8 WHERE dashboard = $1 AND revision = $2";
const INSERT_HEAD: &str = "INSERT INTO dashshare_head (dashboard, revision, owner, deleted, link, link_grant, body) \
    SELECT $1, $3, $4, $5, $6, $7, $8 WHERE $2 = 0 ON CONFLICT (dashboard) DO NOTHING";
const UPSERT_GRANT: &str = "INSERT INTO dashshare_grant (dashboard, ordinal, id, ancestors, account, address, body) \
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (dashboard, ordinal) DO UPDATE \
    SET account = excluded.account, address = excluded.address, body = excluded.body";
const INSERT_BELOW: &str = "INSERT INTO dashshare_below (dashboard, above, ordinal) VALUES ($1, $2, $3) \
    ON CONFLICT (dashboard, above, ordinal) DO NOTHING";
const INSERT_AUDIT: &str =
    "INSERT INTO dashshare_audit (dashboard, revision, host, actor, body) VALUES ($1, $2, $3, $4, $5)";
const INSERT_MESSAGE: &str = "INSERT INTO dashshare_outbox (dashboard, revision, place, leased_until, body) \
    VALUES ($1, $2, $3, $4, $5)";
const INSERT_RECEIPT: &str = "INSERT INTO dashshare_receipt (dashboard, key, revision) VALUES ($1, $2, $3)";

/// Writes a commit inside a transaction that may write; the revision that stands when it was applied before, or else
/// none when the dashboard has another revision.
async fn put(connection: &mut SqliteConnection, columns: &Columns) -> Result<Option<i64>, Error> {
    let sql = if columns.expected == 0 { INSERT_HEAD } else { UPDATE_HEAD };
    let head = sqlx::query(sql)
        .bind(columns.dashboard)
        .bind(columns.expected)
        .bind(columns.revision)
        .bind(columns.owner)
        .bind(columns.deleted)
        .bind(columns.link.clone())
        .bind(columns.link_grant)
        .bind(columns.head.clone());
    if head.execute(&mut *connection).await?.rows_affected() == 0 {
        // Nobody else writes, so one look is enough: a commit that was applied has moved the revision on.
        let receipt = sqlx::query_scalar(sql::SELECT_RECEIPT).bind(columns.dashboard).bind(columns.key);
        return receipt.fetch_optional(&mut *connection).await;
    }
    for grant in &columns.grants {
        let ancestors = json_of(&grant.ancestors).map_err(Error::Encode)?;
        sqlx::query(UPSERT_GRANT)
            .bind(columns.dashboard)
            .bind(grant.ordinal)
            .bind(grant.id)
            .bind(ancestors)
            .bind(grant.account)
            .bind(grant.address.clone())
            .bind(grant.body.clone())
            .execute(&mut *connection)
            .await?;
        for above in &grant.ancestors {
            let below = sqlx::query(INSERT_BELOW).bind(columns.dashboard).bind(*above).bind(grant.ordinal);
            below.execute(&mut *connection).await?;
        }
    }
    sqlx::query(INSERT_AUDIT)
        .bind(columns.dashboard)
        .bind(columns.revision)
        .bind(columns.host)
        .bind(columns.actor)
        .bind(columns.audit.clone())
        .execute(&mut *connection)
        .await?;
    for (place, body) in &columns.messages {
        sqlx::query(INSERT_MESSAGE)
            .bind(columns.dashboard)
            .bind(columns.revision)
            .bind(*place)
            .bind(NEVER_LEASED)
            .bind(body.clone())
            .execute(&mut *connection)
            .await?;
    }
    let receipt =
        sqlx::query(INSERT_RECEIPT).bind(columns.dashboard).bind(columns.key).bind(columns.revision);
    receipt.execute(&mut *connection).await?;
    Ok(Some(columns.revision))
}

/// A commit in a transaction of its own; the revision that stands.
async fn write(connection: &mut SqliteConnection, columns: &Columns) -> Result<i64, CommitError> {
    let begun = connection.begin_with(BEGIN).await;
    let mut transaction = begun.map_err(SqlError::of).map_err(failed)?;
    match put(&mut transaction, columns).await {
        Ok(Some(revision)) => {
            transaction.commit().await.map_err(|error| match is_undone(&error) {
                true => failed(SqlError::of(error)),
                false => CommitError::Unknown(SqlError::of(error).into()),
            })?;
            Ok(revision)
        }
        // Dropping the transaction rolls it back.
        Ok(None) => Err(CommitError::Conflict),
        Err(error) => Err(failed(SqlError::of(error))),
    }
}

/// Whether an error of the final `COMMIT` tells for certain that nothing is on the disk: it was locked (5, 6), read-only
/// (8) or against a constraint (19). After any other the log may hold all of it already, and bring it back when it is read
/// anew. So after a full disk too: the half of a page that was not written can be there from before.
fn is_undone(error: &Error) -> bool {
    let code = sql::code(error).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 19))
}

fn failed(error: SqlError) -> CommitError {
    CommitError::Failed(error.into())
}

macro_rules! many_by {
    ($holder:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (SELECT unhex(value) AS dashboard FROM json_each($1)), \
            leaf AS MATERIALIZED (SELECT g.dashboard, g.ancestors, g.body FROM page \
                CROSS JOIN dashshare_grant g ON g.",
            $holder,
            " = $2 AND g.dashboard = page.dashboard) \
            SELECT 0, head.body FROM page CROSS JOIN dashshare_head head ON head.dashboard = page.dashboard \
            UNION ALL SELECT 1, body FROM leaf \
            UNION ALL \
            SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
            CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)"
        )
    };
}

/// A `CROSS JOIN` is done in the order in which it is written: first what hangs on others, then those.
static DIALECT: Dialect = Dialect {
    account: "SELECT 0, body FROM dashshare_head WHERE dashboard = $1 \
        UNION ALL \
        SELECT 1, body FROM dashshare_grant WHERE account = $2 AND dashboard = $1 \
        UNION ALL \
        SELECT 2, a.body FROM dashshare_grant g CROSS JOIN json_each(g.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = g.dashboard AND a.id = unhex(above.value) \
        WHERE g.account = $2 AND g.dashboard = $1",
    seeds: "WITH leaf AS MATERIALIZED (\
            SELECT ancestors, body FROM dashshare_grant \
            WHERE account IN (SELECT unhex(value) FROM json_each($2)) AND dashboard = $1 \
            UNION ALL \
            SELECT ancestors, body FROM dashshare_grant \
            WHERE address IN (SELECT value FROM json_each($3)) AND dashboard = $1 \
            UNION ALL \
            SELECT ancestors, body FROM dashshare_grant \
            WHERE dashboard = $1 AND id IN (SELECT unhex(value) FROM json_each($4))) \
        SELECT 0, body FROM dashshare_head WHERE dashboard = $1 \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = $1 AND a.id = unhex(above.value)",
    many_by_account: many_by!("account"),
    many_by_address: many_by!("address"),
    link: "WITH found AS MATERIALIZED (SELECT dashboard, link_grant, body FROM dashshare_head WHERE link = $1), \
        leaf AS MATERIALIZED (SELECT g.dashboard, g.ancestors, g.body FROM found \
            JOIN dashshare_grant g ON g.dashboard = found.dashboard AND g.id = found.link_grant) \
        SELECT 0, body FROM found \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)",
    held_by_account: "WITH leaf AS MATERIALIZED (SELECT dashboard, ancestors, body FROM dashshare_grant \
            WHERE account = $1 AND (dashboard, ordinal) > ($2, $3) ORDER BY dashboard, ordinal LIMIT {limit}) \
        SELECT 0, head.body FROM (SELECT DISTINCT dashboard FROM leaf) AS boards \
        JOIN dashshare_head head ON head.dashboard = boards.dashboard \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)",
    held_by_address: "WITH leaf AS MATERIALIZED (SELECT dashboard, ancestors, body FROM dashshare_grant \
            WHERE address = $1 AND (dashboard, ordinal) > ($2, $3) ORDER BY dashboard, ordinal LIMIT {limit}) \
        SELECT 0, head.body FROM (SELECT DISTINCT dashboard FROM leaf) AS boards \
        JOIN dashshare_head head ON head.dashboard = boards.dashboard \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)",
    lease: "WITH ended AS MATERIALIZED (SELECT rowid AS message FROM dashshare_outbox \
            WHERE leased_until > -9223372036854775808 AND leased_until <= $1 \
            ORDER BY leased_until, dashboard, revision, place LIMIT {limit}), \
        unleased AS MATERIALIZED (SELECT rowid AS message FROM dashshare_outbox \
            WHERE leased_until = -9223372036854775808 \
            ORDER BY dashboard, revision, place LIMIT {limit} - (SELECT count(*) FROM ended)), \
        taken AS MATERIALIZED (SELECT message FROM ended UNION ALL SELECT message FROM unleased) \
        UPDATE dashshare_outbox SET leased_until = $2 WHERE rowid IN (SELECT message FROM taken) \
        RETURNING 4, body",
};

const DELETE_MESSAGES: &str = "DELETE FROM dashshare_outbox WHERE (dashboard, revision, place) IN \
    (SELECT unhex(value ->> 0), value ->> 1, value ->> 2 FROM json_each($1))";

async fn remove(connection: &mut SqliteConnection, delivered: &[MessageId]) -> Result<(), SqlError> {
    let names = delivered.iter().map(|id| (hex(&id.dashboard.to_uuid()), id.revision, id.index));
    let names = serde_json::to_string(&names.collect::<Vec<_>>()).map_err(SqlError::Row)?;
    let statement = sqlx::query(DELETE_MESSAGES).bind(names);
    statement.execute(connection).await.map(drop).map_err(SqlError::of)
}

impl Database for SqliteStore {
    const DIALECT: &'static Dialect = &DIALECT;

    async fn documents(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        fetch(&mut connection, sql, values).await
    }

    async fn chained(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.documents(sql, values).await
    }

    async fn numbers(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<i64>, SqlError> {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        let numbers = fetch::<(i64,)>(&mut connection, sql, values).await?;
        Ok(numbers.into_iter().map(|(number,)| number).collect())
    }

    async fn change(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let _turn = self.turn.lock().await;
        self.documents(sql, values).await
    }

    async fn put(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let columns = Columns::of(commit).map_err(failed)?;
        let _turn = self.turn.lock().await;
        let mut connection = self.writer().await.map_err(failed)?;
        let outcome = write(&mut connection, &columns).await;
        if outcome.is_err() {
            close_if_stuck(&mut connection).await;
        }
        sql::receipt_of(commit.key(), outcome?).map_err(failed)
    }

    async fn remove(&self, delivered: &[MessageId]) -> Result<(), SqlError> {
        let _turn = self.turn.lock().await;
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        remove(&mut connection, delivered).await
    }
}

impl Database for SqliteStoreTransaction<'_> {
    const DIALECT: &'static Dialect = &DIALECT;

    async fn documents(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        fetch(&mut **self.connection.lock().await, sql, values).await
    }

    async fn chained(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.documents(sql, values).await
    }

    async fn numbers(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<i64>, SqlError> {
        let numbers = fetch::<(i64,)>(&mut **self.connection.lock().await, sql, values).await?;
        Ok(numbers.into_iter().map(|(number,)| number).collect())
    }

    async fn change(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.documents(sql, values).await
    }

    /// Never with an unknown fate: until the host commits, nothing stands. A savepoint keeps a commit that fails half
    /// way, or is dropped, out of what the host goes on to commit.
    async fn put(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let columns = Columns::of(commit).map_err(failed)?;
        let mut connection = self.connection.lock().await;
        let made = Savepoint::make(&mut connection).await;
        let mut savepoint = made.map_err(SqlError::of).map_err(failed)?;
        match put(savepoint.connection(), &columns).await.map_err(SqlError::of).map_err(failed)? {
            Some(revision) => {
                savepoint.keep().await.map_err(SqlError::of).map_err(failed)?;
                sql::receipt_of(commit.key(), revision).map_err(failed)
            }
            None => Err(CommitError::Conflict),
        }
    }

    async fn remove(&self, delivered: &[MessageId]) -> Result<(), SqlError> {
        remove(&mut **self.connection.lock().await, delivered).await
    }
}

sql::store!([] SqliteStore);
sql::store!(['t] SqliteStoreTransaction<'t>);

#[cfg(test)]
mod tests {
    use super::{DELETE_MESSAGES, DIALECT, INSERT_HEAD, SqliteStore, UPDATE_HEAD, UPSERT_GRANT};
    use crate::stores::sql;

    const BACKLOG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
        INSERT INTO dashshare_outbox SELECT unhex(printf('%032x', i)), 1, 0, 9000000000000000000, '' FROM n; ANALYZE";

    /// Every statement goes by an index: none reads a whole table, whatever the table's size.
    #[test]
    fn no_statement_reads_a_whole_table() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            // One connection: each has a memory of its own.
            let options = SqliteStore::options(":memory:");
            let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options);
            let store = SqliteStore::new(pool.await.expect("a pool"));
            store.migrate().await.expect("it migrates");
            sqlx::raw_sql(BACKLOG).execute(store.pool()).await.expect("messages that are leased");
            let many = [DIALECT.many_by_account, DIALECT.many_by_address];
            let dialect = [DIALECT.account, DIALECT.seeds, DIALECT.link, DIALECT.held_by_account];
            let writes = [DIALECT.held_by_address, DIALECT.lease, DELETE_MESSAGES, UPDATE_HEAD, INSERT_HEAD];
            let statements = dialect.into_iter().chain(many).chain(writes).chain([UPSERT_GRANT]);
            // A walk along another key would do without a scan too.
            let indices = [
                (DIALECT.account, "dashshare_grant_account (account=? AND dashboard=?)"),
                (DIALECT.many_by_account, "dashshare_grant_account (account=? AND dashboard=?)"),
                (DIALECT.many_by_address, "dashshare_grant_address (address=? AND dashboard=?)"),
                (DIALECT.seeds, "dashshare_grant_address (address=? AND dashboard=?)"),
                (
                    DIALECT.held_by_account,
                    "dashshare_grant_account (account=? AND (dashboard,ordinal)>(?,?))",
                ),
                (
                    DIALECT.held_by_address,
                    "dashshare_grant_address (address=? AND (dashboard,ordinal)>(?,?))",
                ),
                (sql::SELECT_OWNED, "dashshare_head_owner (owner=? AND deleted=? AND dashboard>?)"),
                (
                    sql::SELECT_DEEDS,
                    "dashshare_audit_actor (actor=? AND host=? AND (dashboard,revision)>(?,?))",
                ),
            ];
            let mut seen = 0;
            for statement in statements.chain(sql::LISTS) {
                let explain = format!("EXPLAIN QUERY PLAN {}", statement.replace("{limit}", "20"));
                let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(explain))
                    .fetch_all(store.pool())
                    .await
                    .expect("a plan");
                let steps: Vec<&String> = plan.iter().map(|(.., step)| step).collect();
                let scans = |step: &&&String| {
                    let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
                    table.is_some_and(|table| {
                        table.starts_with("dashshare_") || ["g", "a", "b"].contains(&table)
                    })
                };
                let whole: Vec<_> = steps.iter().filter(scans).collect();
                assert!(whole.is_empty(), "{statement}\n{steps:#?}");
                let index =
                    indices.iter().find(|(indexed, _)| *indexed == statement).map(|(_, index)| *index);
                let goes_by_it = index.is_none_or(|index| steps.iter().any(|step| step.contains(index)));
                assert!(goes_by_it, "{statement}\n{steps:#?}\nand not by {index:?}");
                // The order of the leases is the index's own.
                let sorts = steps.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
                assert!(!(statement == DIALECT.lease && sorts), "{statement}\n{steps:#?}");
                seen += 1;
            }
            assert_eq!(seen, 20);
        });
    }
}
