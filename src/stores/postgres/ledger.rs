//! A ledger in a PostgreSQL database.

use super::{
    bind::sql_state,
    ledger_statements::{Arrays, CHARGE, DELETE_NOTICES, HAND_BACK, INSERT_METER, TAKE},
    migration::migrate,
    store::{ATTEMPTS, PostgresStore},
    write::is_undone,
};
use crate::{
    host::{BoxError, Ledger, LedgerError},
    meter::{Batch, HandBack, Line, LinePlace, LineQuery, Notice, NoticeId, Outcome, Take, Taken, Tally},
    stores::sql::{SqlError, meter_rows as rows, meter_schema},
    value::{TenantId, Timestamp},
};
use sqlx::{AssertSqlSafe, Connection as _, Error, PgPool};
use uuid::Uuid;

/// Counts what leaves in a PostgreSQL database: that of the sharing or another one. For many processes at once. It needs a tokio
/// runtime.
///
/// ```no_run
/// use dashshare::{Meter, SystemEnv, metering::{MemoryPlans, PostgresLedger}};
/// # async fn start(pool: sqlx::PgPool) -> Result<(), dashshare::store::SqlError> {
/// let ledger = PostgresLedger::new(pool);
/// ledger.migrate().await?;
/// let meter = Meter::new(ledger, MemoryPlans::default(), SystemEnv);
/// # Ok(()) }
/// ```
///
/// A batch of charges is one statement and one round trip, which judges, writes the meter, its lines, notices and the outcome.
/// The batches of one tenant take turns on the meter's row, each for as long as a commit takes; those of others do not wait
/// for them. What it needs of the server is what [`PostgresStore`] needs, and `WITH RECURSIVE`.
#[derive(Clone, Debug)]
pub struct PostgresLedger {
    pool: PgPool,
}

/// What one sending of a batch came to.
enum Sent {
    Counted(Outcome),
    /// No row of the meter was touched.
    NoRow,
    /// Its id was used.
    Known,
}

impl PostgresLedger {
    /// A ledger on a pool of the host's. Call [`migrate`](Self::migrate) before its first use.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A ledger on a pool of its own, as [`PostgresStore::connect`] makes one.
    ///
    /// # Errors
    /// As of [`PostgresStore::connect`].
    pub async fn connect(url: &str) -> Result<Self, SqlError> {
        Ok(Self::new(PostgresStore::connect(url).await?.pool))
    }

    /// The pool.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Makes the tables, or looks at them, as [`PostgresStore::migrate`] does with its own.
    ///
    /// # Errors
    /// As of [`PostgresStore::migrate`].
    pub async fn migrate(&self) -> Result<(), SqlError> {
        migrate(&self.pool, &meter_schema::POSTGRES).await
    }

    async fn send(&self, batch: &Batch, arrays: &Arrays) -> Result<Sent, Error> {
        let mut connection = self.pool.acquire().await?;
        let (plan, id) = (&batch.plan, batch.id);
        let limit = plan.limit.filter(|_| !batch.is_owed);
        let statement = sqlx::query_as::<_, (i64, String)>(CHARGE)
            .bind(batch.tenant.to_uuid())
            .bind(plan.period.first.micros())
            .bind(plan.period.end.micros())
            .bind(limit.map_or(rows::number(u64::MAX), rows::number))
            .bind(plan.limit.map(|limit| limit.to_string()))
            .bind(i64::from(plan.version))
            .bind(plan.thresholds.iter().copied().map(i64::from).collect::<Vec<_>>())
            .bind(batch.at.micros())
            .bind(batch.is_owed)
            .bind(rows::maker(id))
            .bind(rows::number(id.number))
            .bind(Uuid::from_bytes(batch.digest()))
            .bind(rows::day(batch.day))
            .bind(&arrays.costs)
            .bind(&arrays.cached)
            .bind(&arrays.exports)
            .bind(&arrays.lines)
            .bind(&arrays.dashboards)
            .bind(&arrays.registered)
            .bind(&arrays.edges)
            .bind(&arrays.widgets)
            .bind(Timestamp::MIN.micros())
            .bind(rows::NEVER);
        // INVARIANT: all answers are waited for, since the server commits after it has answered with the rows.
        match statement.fetch_all(&mut *connection).await {
            Ok(found) => match found.first() {
                Some((before, found)) => {
                    let outcome = rows::outcome_of(*before, found);
                    Ok(Sent::Counted(outcome.map_err(|error| Error::Decode(error.into()))?))
                }
                None => Ok(Sent::NoRow),
            },
            Err(error) if sql_state(&error).as_deref() == Some("23505") => Ok(Sent::Known),
            Err(error) => Err(error),
        }
    }

    /// The outcome that stands under the id of a batch, if it is the batch's.
    async fn known(&self, batch: &Batch) -> Result<Option<Outcome>, LedgerError> {
        let known = sqlx::query_as::<_, rows::OutcomeRow>(rows::SELECT_OUTCOME).bind(batch.tenant.to_uuid());
        let known = known.bind(rows::maker(batch.id)).bind(rows::number(batch.id.number));
        let known = known.fetch_optional(&self.pool).await.map_err(unanswered)?;
        known.map(|row| rows::outcome(row, batch.digest())).transpose()
    }

    /// Why a batch touched no row, if not for want of one. Makes it then.
    async fn make_row(&self, batch: &Batch) -> Result<(), LedgerError> {
        let period = batch.plan.period;
        let later = sqlx::query_scalar::<_, Option<i64>>(rows::SELECT_LATER).bind(batch.tenant.to_uuid());
        let later = later.bind(period.end.micros()).bind(Timestamp::MIN.micros());
        let later = later.fetch_one(&self.pool).await.map_err(unanswered)?;
        if let Some(latest) = later.filter(|_| !batch.is_owed) {
            return Err(LedgerError::Passed(Timestamp::from_micros(latest)));
        }
        let made = sqlx::query(INSERT_METER).bind(batch.tenant.to_uuid()).bind(period.first.micros());
        let made = made.bind(period.end.micros()).bind(Timestamp::MIN.micros());
        made.execute(&self.pool).await.map(drop).map_err(unanswered)
    }

    async fn hand_back_once(&self, back: &HandBack) -> Result<bool, LedgerError> {
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let mut transaction = connection.begin().await.map_err(failed)?;
        let statement = sqlx::query_as::<_, (i64, i64, i64)>(HAND_BACK)
            .bind(back.tenant.to_uuid())
            .bind(rows::maker(back.charge.batch))
            .bind(rows::number(back.charge.batch.number))
            .bind(i64::from(back.charge.place))
            .bind(back.period_end.micros())
            .bind(back.period.micros())
            .bind(rows::number(back.cost))
            .bind(rows::day(back.day))
            .bind(back.outlet.dashboard.to_uuid())
            .bind(rows::number(back.outlet.registered.number()))
            .bind(rows::edge(&back.outlet.edge))
            .bind(back.outlet.widget.as_bytes());
        match statement.fetch_one(&mut *transaction).await.map_err(failed)? {
            (0, ..) => Ok(false),
            (_, 1, 1) => transaction.commit().await.map(|()| true).map_err(unanswered),
            // Dropping the transaction rolls it back.
            _ => Err(LedgerError::NotCharged),
        }
    }

    async fn take_once(&self, take: &Take, (n, cap): (i64, i64)) -> Result<Option<Taken>, Error> {
        let statement = sqlx::query_as::<_, (i64,)>(TAKE)
            .bind(&take.key)
            .bind(n)
            .bind(cap)
            .bind(Uuid::from_bytes(take.id))
            .bind(take.at.micros());
        match statement.fetch_all(&self.pool).await {
            Ok(found) => Ok(found.first().map(|(sum,)| rows::counted(*sum, take.at))),
            // Another sending of it has come through.
            Err(error) if sql_state(&error).as_deref() == Some("23505") => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn failed(error: Error) -> LedgerError {
    LedgerError::Failed(SqlError::of(error).into())
}

/// What an error says of a statement that may have been written.
fn unanswered(error: Error) -> LedgerError {
    if is_undone(&error) || matches!(error, Error::PoolTimedOut | Error::PoolClosed) {
        return failed(error);
    }
    LedgerError::Unknown(SqlError::of(error).into())
}

/// Whether another transaction came first: nothing was written, and it is sent again.
fn is_overtaken(error: &LedgerError) -> bool {
    let (LedgerError::Failed(cause) | LedgerError::Unknown(cause)) = error else { return false };
    matches!(cause.downcast_ref(), Some(SqlError::Overtaken(_)))
}

/// Sends something again while another transaction comes first each time.
macro_rules! patiently {
    ($send:expr) => {{
        let mut attempt = 1;
        loop {
            match $send {
                Err(error) if attempt < ATTEMPTS && is_overtaken(&error) => {
                    attempt = attempt.saturating_add(1);
                }
                done => break done,
            }
        }
    }};
}

impl Ledger for PostgresLedger {
    async fn charge(&self, batch: &Batch) -> Result<Outcome, LedgerError> {
        let arrays = Arrays::of(batch);
        // The row of the meter is made when it is missed, and then it is there.
        for _ in 0..ATTEMPTS {
            let sent = patiently!(self.send(batch, &arrays).await.map_err(unanswered))?;
            match sent {
                Sent::Counted(outcome) => return Ok(outcome),
                Sent::Known => return self.known(batch).await?.ok_or(LedgerError::Forgotten),
                Sent::NoRow => {
                    if let Some(known) = self.known(batch).await? {
                        return Ok(known);
                    }
                    patiently!(self.make_row(batch).await)?;
                }
            }
        }
        Err(LedgerError::Failed(SqlError::Torn.into()))
    }

    async fn hand_back(&self, back: &HandBack) -> Result<bool, LedgerError> {
        patiently!(self.hand_back_once(back).await)
    }

    async fn tally(&self, tenant: TenantId, period: Timestamp) -> Result<Option<Tally>, BoxError> {
        let found = sqlx::query_as::<_, rows::TallyRow>(rows::SELECT_TALLY).bind(tenant.to_uuid());
        let found = found.bind(period.micros()).fetch_optional(&self.pool).await.map_err(SqlError::of)?;
        Ok(found.map(rows::tally))
    }

    async fn lines(
        &self,
        query: &LineQuery,
        after: Option<LinePlace>,
        limit: usize,
    ) -> Result<Vec<Line>, BoxError> {
        let text = rows::select_lines(query, after.is_some(), limit);
        // Numbers of values are all that is put into it.
        let select = sqlx::query_as::<_, rows::LineRow>(AssertSqlSafe(text)).bind(query.tenant.to_uuid());
        let mut select = select.bind(rows::day(query.from)).bind(rows::day(query.until));
        if let Some(dashboard) = query.dashboard {
            select = select.bind(dashboard.to_uuid());
        }
        if let Some(period) = query.period {
            select = select.bind(period.micros());
        }
        if let Some(LinePlace { day, outlet, period }) = &after {
            let place = select.bind(rows::day(*day)).bind(outlet.dashboard.to_uuid());
            let place = place.bind(rows::number(outlet.registered.number())).bind(rows::edge(&outlet.edge));
            select = place.bind(outlet.widget.as_bytes().to_vec()).bind(period.micros());
        }
        let found = select.fetch_all(&self.pool).await.map_err(SqlError::of)?;
        Ok(found.into_iter().map(rows::line).collect::<Result<_, _>>()?)
    }

    async fn take(&self, take: &Take) -> Result<Taken, LedgerError> {
        if let Some(amount) = rows::amount(take) {
            let sent = patiently!(self.take_once(take, amount).await.map_err(unanswered));
            if let Some(taken) = sent? {
                return Ok(taken);
            }
        }
        // It was counted before, or does not fit: by a statement of its own, which sees what came first.
        let known = sqlx::query_as::<_, (i64, i64)>(rows::SELECT_TAKEN).bind(&take.key);
        let known =
            known.bind(Uuid::from_bytes(take.id)).fetch_optional(&self.pool).await.map_err(unanswered)?;
        let sum = sqlx::query_scalar::<_, i64>(rows::SELECT_SUM).bind(&take.key);
        let sum = sum.fetch_optional(&self.pool).await.map_err(unanswered)?.unwrap_or(0);
        match known {
            Some(known) => rows::taken(known, sum, take),
            None => Ok(rows::full(sum)),
        }
    }

    async fn notices(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Notice>, BoxError> {
        let text = rows::select_notices(after.is_some(), limit);
        let mut select = sqlx::query_as::<_, rows::NoticeRow>(AssertSqlSafe(text));
        if let Some(id) = after {
            let id = rows::notice_key(&id);
            select = select.bind(id.0).bind(id.1).bind(id.2).bind(id.3);
        }
        let found = select.fetch_all(&self.pool).await.map_err(SqlError::of)?;
        Ok(rows::notices(found)?)
    }

    async fn lease_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Notice>, BoxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let text = rows::lease(" FOR UPDATE SKIP LOCKED");
        let leased = patiently!({
            let lease = sqlx::query_as::<_, rows::NoticeRow>(AssertSqlSafe(text.clone()));
            let lease = lease.bind(now.micros()).bind(until.micros()).bind(limit);
            lease.fetch_all(&self.pool).await.map_err(unanswered)
        });
        Ok(rows::notices(leased?)?)
    }

    async fn acknowledge_notices(&self, delivered: &[NoticeId]) -> Result<(), BoxError> {
        let keys: Vec<_> = delivered.iter().map(rows::notice_key).collect();
        let deleted = patiently!({
            let delete = sqlx::query(DELETE_NOTICES)
                .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
                .bind(keys.iter().map(|key| key.1).collect::<Vec<_>>())
                .bind(keys.iter().map(|key| key.2).collect::<Vec<_>>())
                .bind(keys.iter().map(|key| key.3).collect::<Vec<_>>());
            delete.execute(&self.pool).await.map(drop).map_err(unanswered)
        });
        Ok(deleted?)
    }

    async fn sweep_ledger(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut swept = 0i64;
        for text in rows::SWEEPS {
            let left = limit.saturating_sub(swept);
            let gone = patiently!({
                let sweep = sqlx::query(text).bind(before.micros()).bind(left);
                sweep.execute(&self.pool).await.map(|done| done.rows_affected()).map_err(unanswered)
            });
            let gone = gone?;
            swept = swept.saturating_add(i64::try_from(gone).unwrap_or(i64::MAX));
        }
        Ok(usize::try_from(swept).unwrap_or(usize::MAX))
    }
}
