//! The store for PostgreSQL, and for distributed engines that speak its protocol.

mod connect;
mod migration;

use crate::{
    host::{CommitError, Transactional},
    record::{Commit, MessageId, Receipt},
    stores::sql::{self, ABOVE, Columns, Database, Dialect, HEAD, LEAF, NEVER_LEASED, Row, SqlError, Value},
};
use sqlx::{
    Arguments as _, Error, PgConnection, PgPool, PgTransaction, SqlStr,
    error::BoxDynError,
    postgres::{PgArguments, PgDatabaseError, PgSeverity},
};
use std::{fmt, ops::DerefMut, sync::Arc};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// How often a statement is sent when another transaction came first each time. At the stricter levels of isolation
/// every worker of a busy outbox is in every other's way; each failure means that another one got on.
const ATTEMPTS: usize = 64;

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
/// [`dashshare::store::sqlx`](crate::sqlx).
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
/// | `acknowledge` | `DELETE … USING`, `unnest` |
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
    pool: PgPool,
}

/// A [`PostgresStore`] inside a transaction that the host has open; [`PostgresStore::within`] makes it.
///
/// Its clones are handles on the same transaction: a directory that has one reads what the host has written there.
#[derive(Clone)]
pub struct PostgresTransaction<'t> {
    connection: Arc<Mutex<&'t mut PgConnection>>,
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

    /// Runs a statement, again when another transaction came first.
    async fn fetch<T>(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<T>, SqlError>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        let mut attempt = 1;
        loop {
            match fetch(&mut connection, sql.clone(), values).await {
                Err(SqlError::Overtaken(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                done => return done,
            }
        }
    }

    /// What became of a commit that touched no row, or lost every time it was sent.
    async fn settle(&self, commit: &Commit, lost: Option<Error>) -> Result<Receipt, CommitError> {
        let unknown = |error: SqlError| CommitError::Unknown(error.into());
        if let Some(receipt) = sql::receipt(self, commit.dashboard(), commit.key()).await.map_err(unknown)? {
            return Ok(receipt);
        }
        let Some(error) = lost else { return Err(CommitError::Conflict) };
        let id = [Value::Id(commit.dashboard().to_uuid())];
        let found = self
            .numbers(sqlx::SqlSafeStr::into_sql_str(sql::SELECT_REVISION), &id)
            .await
            .map_err(unknown)?
            .first()
            .copied();
        match found.unwrap_or(0) == i64::try_from(commit.expected().number()).unwrap_or(i64::MAX) {
            // An earlier sending of it may still be under way, so this is no conflict.
            true => Err(CommitError::Failed(SqlError::Overtaken(error).into())),
            false => Err(CommitError::Conflict),
        }
    }
}

fn sql_state(error: &Error) -> Option<String> {
    sql::code(error)
}

fn bind(values: &[Value]) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Id(id) => arguments.add(id)?,
            Value::Number(number) => arguments.add(number)?,
            Value::Flag(flag) => arguments.add(flag)?,
            Value::Text(text) => arguments.add(text)?,
            Value::Bytes(bytes) => arguments.add(bytes)?,
            Value::Ids(ids) => arguments.add(ids)?,
            Value::Texts(texts) => arguments.add(texts)?,
        }
    }
    Ok(arguments)
}

async fn fetch<T>(connection: &mut PgConnection, sql: SqlStr, values: &[Value]) -> Result<Vec<T>, SqlError>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let arguments = bind(values).map_err(|error| SqlError::of(Error::Encode(error)))?;
    sqlx::query_as_with(sql, arguments).fetch_all(connection).await.map_err(SqlError::of)
}

/// The arrays of a commit's grants, of what they hang on, and of its messages.
#[derive(Default)]
struct Arrays {
    ordinals: Vec<i64>,
    ids: Vec<Uuid>,
    /// As literals: an array of arrays of different lengths cannot be bound.
    ancestors: Vec<String>,
    accounts: Vec<Option<Uuid>>,
    addresses: Vec<Option<String>>,
    bodies: Vec<String>,
    aboves: Vec<Uuid>,
    belows: Vec<i64>,
}

impl Arrays {
    fn of(columns: &Columns) -> Self {
        let mut arrays = Self::default();
        for grant in &columns.grants {
            let ancestors: Vec<String> = grant.ancestors.iter().map(Uuid::to_string).collect();
            arrays.ordinals.push(grant.ordinal);
            arrays.ids.push(grant.id);
            arrays.ancestors.push(format!("{{{}}}", ancestors.join(",")));
            arrays.accounts.push(grant.account);
            arrays.addresses.push(grant.address.clone());
            arrays.bodies.push(grant.body.clone());
            arrays.aboves.extend(&grant.ancestors);
            arrays.belows.extend(std::iter::repeat_n(grant.ordinal, grant.ancestors.len()));
        }
        arrays
    }
}

macro_rules! commit {
    ($head:literal) => {
        concat!(
            "WITH head AS (",
            $head,
            " RETURNING dashboard, revision), \
            audit AS (INSERT INTO dashshare_audit (dashboard, revision, host, actor, body) \
                SELECT dashboard, revision, $9::bool, $10::uuid, $11::text FROM head), \
            receipt AS (INSERT INTO dashshare_receipt (dashboard, key, revision) \
                SELECT dashboard, $12::uuid, revision FROM head), \
            granted AS (INSERT INTO dashshare_grant (dashboard, ordinal, id, ancestors, account, address, body) \
                SELECT head.dashboard, g.ordinal, g.id, g.ancestors::uuid[], g.account, g.address, g.body FROM head, \
                unnest($13::int8[], $14::uuid[], $15::text[], $16::uuid[], $17::text[], $18::text[]) \
                AS g (ordinal, id, ancestors, account, address, body) \
                ON CONFLICT (dashboard, ordinal) DO UPDATE \
                SET account = excluded.account, address = excluded.address, body = excluded.body), \
            below AS (INSERT INTO dashshare_below (dashboard, above, ordinal) \
                SELECT head.dashboard, b.above, b.ordinal FROM head, \
                unnest($19::uuid[], $20::int8[]) AS b (above, ordinal) \
                ON CONFLICT (dashboard, above, ordinal) DO NOTHING), \
            messages AS (INSERT INTO dashshare_outbox (dashboard, revision, place, leased_until, body) \
                SELECT head.dashboard, head.revision, m.place, $21::int8, m.body FROM head, \
                unnest($22::int8[], $23::text[]) AS m (place, body)) \
            SELECT revision FROM head"
        )
    };
}

/// Everything hangs on the head's row having been written: when it is not, nothing is.
const UPDATE: &str = commit!(
    "UPDATE dashshare_head SET revision = $3::int8, owner = $4::uuid, deleted = $5::bool, link = $6::bytea, \
    link_grant = $7::uuid, body = $8::text WHERE dashboard = $1::uuid AND revision = $2::int8"
);
const INSERT: &str = commit!(
    "INSERT INTO dashshare_head (dashboard, revision, owner, deleted, link, link_grant, body) \
    SELECT $1::uuid, $3::int8, $4::uuid, $5::bool, $6::bytea, $7::uuid, $8::text WHERE $2::int8 = 0 \
    ON CONFLICT (dashboard) DO NOTHING"
);

/// Sends a commit; `false` when no row had the expected revision.
async fn put(connection: &mut PgConnection, columns: &Columns, arrays: &Arrays) -> Result<bool, Error> {
    let (places, messages): (Vec<i64>, Vec<&str>) =
        columns.messages.iter().map(|(place, body)| (*place, body.as_str())).unzip();
    let sql = if columns.expected == 0 { INSERT } else { UPDATE };
    let statement = sqlx::query_scalar::<_, i64>(sql)
        .bind(columns.dashboard)
        .bind(columns.expected)
        .bind(columns.revision)
        .bind(columns.owner)
        .bind(columns.deleted)
        .bind(&columns.link)
        .bind(columns.link_grant)
        .bind(&columns.head)
        .bind(columns.host)
        .bind(columns.actor)
        .bind(&columns.audit)
        .bind(columns.key)
        .bind(&arrays.ordinals)
        .bind(&arrays.ids)
        .bind(&arrays.ancestors)
        .bind(&arrays.accounts)
        .bind(&arrays.addresses)
        .bind(&arrays.bodies)
        .bind(&arrays.aboves)
        .bind(&arrays.belows)
        .bind(NEVER_LEASED)
        .bind(places)
        .bind(messages);
    // INVARIANT: all answers are waited for, since the server commits after it has answered with the rows.
    Ok(!statement.fetch_all(connection).await?.is_empty())
}

/// Whether an error tells for certain that the server has undone the statement.
fn is_undone(error: &Error) -> bool {
    match error {
        Error::Database(error) => {
            let error = error.try_downcast_ref::<PgDatabaseError>();
            error.is_some_and(|error| {
                let state = error.code();
                // A server that ends the connection may have committed before; 40003 and an engine's inner errors say
                // nothing either.
                error.severity() == PgSeverity::Error
                    && state != "40003"
                    && !["08", "57P", "58", "XX"].iter().any(|class| state.starts_with(class))
            })
        }
        // It was never sent.
        Error::Encode(_) | Error::Configuration(_) | Error::PoolTimedOut | Error::PoolClosed => true,
        _ => false,
    }
}

/// A head, one of its grants that was asked for, and what that hangs on. The head is the same in many rows.
/// One that is not there is none, and then its leaf's chain is torn.
type Chained = (String, Option<String>, Vec<Option<String>>);

/// What a leaf hangs on, each found by its id: a join, or `id = ANY(ancestors)`, may read all grants of the dashboard
/// instead, where the planner thinks that dashboards have few.
macro_rules! above {
    ($leaf:literal) => {
        concat!(
            "ARRAY(SELECT (SELECT a.body FROM dashshare_grant a WHERE a.dashboard = ",
            $leaf,
            ".dashboard AND a.id = up.id) FROM (SELECT unnest(",
            $leaf,
            ".ancestors) AS id) up)"
        )
    };
}

/// The grants of the first dashboard that have one of some values. Each value is looked up by itself, for the same
/// reason.
macro_rules! sought {
    ($column:literal, $values:literal) => {
        concat!(
            "SELECT g.dashboard, g.ancestors, g.body FROM (SELECT unnest(",
            $values,
            ") AS value) sought CROSS JOIN LATERAL (SELECT dashboard, ancestors, body FROM dashshare_grant WHERE ",
            $column,
            " = sought.value AND dashboard = $1 OFFSET 0) g"
        )
    };
}

/// A page of dashboards. Each head and each grant is looked up by itself, for the same reason.
macro_rules! many_by {
    ($holder:literal) => {
        concat!(
            "SELECT h.body, g.body, ",
            above!("g"),
            " FROM (SELECT unnest($1::uuid[]) AS dashboard) page \
            CROSS JOIN LATERAL (SELECT body FROM dashshare_head \
                WHERE dashboard = page.dashboard OFFSET 0) h \
            LEFT JOIN LATERAL (SELECT dashboard, ancestors, body FROM dashshare_grant WHERE ",
            $holder,
            " = $2 AND dashboard = page.dashboard OFFSET 0) g ON TRUE"
        )
    };
}

macro_rules! held_by {
    ($holder:literal) => {
        concat!(
            "WITH leaf AS (SELECT dashboard, ancestors, body FROM dashshare_grant WHERE ",
            $holder,
            " = $1 AND (dashboard, ordinal) > ($2, $3) ORDER BY dashboard, ordinal LIMIT {limit}) \
            SELECT h.body, leaf.body, ",
            above!("leaf"),
            " FROM leaf JOIN dashshare_head h ON h.dashboard = leaf.dashboard"
        )
    };
}

static DIALECT: Dialect = Dialect {
    account: concat!(
        "SELECT h.body, g.body, ",
        above!("g"),
        " FROM dashshare_head h \
        LEFT JOIN dashshare_grant g ON g.account = $2 AND g.dashboard = h.dashboard WHERE h.dashboard = $1"
    ),
    seeds: concat!(
        "WITH leaf AS (",
        sought!("account", "$2::uuid[]"),
        " UNION ALL ",
        sought!("address", "$3::text[]"),
        " UNION ALL ",
        sought!("id", "$4::uuid[]"),
        ") \
        SELECT h.body, leaf.body, ",
        above!("leaf"),
        " FROM dashshare_head h LEFT JOIN leaf ON leaf.dashboard = h.dashboard WHERE h.dashboard = $1"
    ),
    many_by_account: many_by!("account"),
    many_by_address: many_by!("address"),
    link: concat!(
        "SELECT h.body, g.body, ",
        above!("g"),
        " FROM dashshare_head h \
        LEFT JOIN dashshare_grant g ON g.dashboard = h.dashboard AND g.id = h.link_grant WHERE h.link = $1"
    ),
    held_by_account: held_by!("account"),
    held_by_address: held_by!("address"),
    // Each limit stands where the planner knows it; the outer one takes, and locks, no more than are left to take. When a
    // row has changed since the snapshot, the server asks for `ended` again without its limit, so that may be none.
    lease: "WITH ended AS (SELECT dashboard, revision, place FROM dashshare_outbox \
            WHERE leased_until > '-9223372036854775808'::int8 AND leased_until <= $1 \
            ORDER BY leased_until, dashboard, revision, place LIMIT {limit} FOR UPDATE SKIP LOCKED), \
        unleased AS (SELECT dashboard, revision, place FROM (\
                SELECT dashboard, revision, place FROM dashshare_outbox \
                WHERE leased_until = '-9223372036854775808'::int8 \
                ORDER BY dashboard, revision, place LIMIT {limit} FOR UPDATE SKIP LOCKED) AS first \
            LIMIT greatest(0, {limit} - (SELECT count(*) FROM ended))), \
        taken AS (SELECT dashboard, revision, place FROM ended UNION ALL \
            SELECT dashboard, revision, place FROM unleased) \
        UPDATE dashshare_outbox o SET leased_until = $2 FROM taken \
        WHERE o.dashboard = taken.dashboard AND o.revision = taken.revision AND o.place = taken.place \
        RETURNING 4, o.body",
};

fn rows_of(chained: Vec<Chained>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(chained.len().saturating_mul(2));
    let mut newest: Option<usize> = None;
    for (head, leaf, above) in chained {
        // Reading a head once is enough.
        if newest.and_then(|at| rows.get(at)).is_none_or(|(_, known)| *known != head) {
            newest = Some(rows.len());
            rows.push((HEAD, head));
        }
        rows.extend(leaf.map(|leaf| (LEAF, leaf)));
        rows.extend(above.into_iter().flatten().map(|above| (ABOVE, above)));
    }
    rows
}

const DELETE_MESSAGES: &str = "DELETE FROM dashshare_outbox o \
    USING unnest($1::uuid[], $2::int8[], $3::int8[]) AS d (dashboard, revision, place) \
    WHERE o.dashboard = d.dashboard AND o.revision = d.revision AND o.place = d.place";

async fn remove(connection: &mut PgConnection, delivered: &[MessageId]) -> Result<(), SqlError> {
    let dashboards: Vec<Uuid> = delivered.iter().map(|id| id.dashboard.to_uuid()).collect();
    let revisions: Vec<i64> =
        delivered.iter().map(|id| i64::try_from(id.revision.number()).unwrap_or(i64::MAX)).collect();
    let places: Vec<i64> = delivered.iter().map(|id| i64::from(id.index)).collect();
    let statement = sqlx::query(DELETE_MESSAGES).bind(dashboards).bind(revisions).bind(places);
    statement.execute(connection).await.map(drop).map_err(SqlError::of)
}

impl Database for PostgresStore {
    const DIALECT: &'static Dialect = &DIALECT;

    async fn documents(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.fetch(sql, values).await
    }

    async fn chained(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        Ok(rows_of(self.fetch(sql, values).await?))
    }

    async fn numbers(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<i64>, SqlError> {
        Ok(self.fetch::<(i64,)>(sql, values).await?.into_iter().map(|(number,)| number).collect())
    }

    async fn change(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.fetch(sql, values).await
    }

    async fn put(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let failed = |error: SqlError| CommitError::Failed(error.into());
        let columns = Columns::of(commit).map_err(failed)?;
        let arrays = Arrays::of(&columns);
        let mut lost = None;
        for _ in 0..ATTEMPTS {
            let mut connection = self.pool.acquire().await.map_err(SqlError::of).map_err(failed)?;
            match put(&mut connection, &columns, &arrays).await {
                Ok(true) => return Ok(commit.receipt()),
                Ok(false) => {
                    drop(connection);
                    return self.settle(commit, None).await;
                }
                // Undone by the server. With a new snapshot it is applied, or finds that the dashboard has changed.
                Err(error) if matches!(sql_state(&error).as_deref(), Some("40001" | "40P01")) => {
                    lost = Some(error);
                }
                Err(error) if is_undone(&error) => return Err(failed(SqlError::of(error))),
                Err(error) => return Err(CommitError::Unknown(SqlError::of(error).into())),
            }
        }
        self.settle(commit, lost).await
    }

    async fn remove(&self, delivered: &[MessageId]) -> Result<(), SqlError> {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        let mut attempt = 1;
        loop {
            match remove(&mut connection, delivered).await {
                Err(SqlError::Overtaken(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                done => return done,
            }
        }
    }
}

impl Database for PostgresTransaction<'_> {
    const DIALECT: &'static Dialect = &DIALECT;

    async fn documents(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        fetch(&mut **self.connection.lock().await, sql, values).await
    }

    async fn chained(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        Ok(rows_of(fetch(&mut **self.connection.lock().await, sql, values).await?))
    }

    async fn numbers(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<i64>, SqlError> {
        let numbers = fetch::<(i64,)>(&mut **self.connection.lock().await, sql, values).await?;
        Ok(numbers.into_iter().map(|(number,)| number).collect())
    }

    async fn change(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.documents(sql, values).await
    }

    /// Never with an unknown fate: whatever goes wrong here, the transaction is void.
    async fn put(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let failed = |error: SqlError| CommitError::Failed(error.into());
        let columns = Columns::of(commit).map_err(failed)?;
        let arrays = Arrays::of(&columns);
        let sent = put(&mut **self.connection.lock().await, &columns, &arrays).await;
        if sent.map_err(SqlError::of).map_err(failed)? {
            return Ok(commit.receipt());
        }
        let found = sql::receipt(self, commit.dashboard(), commit.key()).await.map_err(failed)?;
        found.ok_or(CommitError::Conflict)
    }

    async fn remove(&self, delivered: &[MessageId]) -> Result<(), SqlError> {
        remove(&mut **self.connection.lock().await, delivered).await
    }
}

sql::store!([] PostgresStore);
sql::store!(['t] PostgresTransaction<'t>);
