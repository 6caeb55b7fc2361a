//! A ledger in a SQLite file.
//!
//! Whoever writes has the whole file to itself from the first statement on, so a batch is judged between two statements of one
//! transaction and nobody comes in between.

use super::{
    migration::migrate,
    store::{BEGIN, SqliteStore, close_if_stuck},
};
use crate::{
    host::{BoxError, Ledger, LedgerError},
    meter::{
        Batch, Figures, HandBack, Line, LinePlace, LineQuery, Notice, NoticeId, Outcome, Outlet, Take, Taken,
        Tally,
    },
    stores::sql::{SqlError, code, meter_rows as rows, meter_schema},
    value::{TenantId, Timestamp},
};
use sqlx::{AssertSqlSafe, Connection as _, Error, SqliteConnection, SqlitePool};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use uuid::Uuid;

/// Counts what leaves in one SQLite file: that of the sharing or another one. For one machine, any number of processes on it.
/// It needs a tokio runtime.
///
/// ```no_run
/// use dashshare::{Meter, SystemEnv, metering::{MemoryPlans, SqliteLedger}};
/// # async fn start() -> Result<(), dashshare::store::SqlError> {
/// let ledger = SqliteLedger::open("meters.db").await?;
/// ledger.migrate().await?;
/// let meter = Meter::new(ledger, MemoryPlans::default(), SystemEnv);
/// # Ok(()) }
/// ```
///
/// Its settings, its pool and how its writers take turns are those of [`SqliteStore`].
#[derive(Clone, Debug)]
pub struct SqliteLedger {
    store: SqliteStore,
}

const INSERT_METER: &str = "INSERT INTO dashshare_meter (tenant, first, ends, charged, loads, exports, cached, \
    cached_loads, refused, handed_back, hand_backs, version, told, latest) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (tenant, first) DO UPDATE SET \
    ends = excluded.ends, charged = excluded.charged, loads = excluded.loads, exports = excluded.exports, \
    cached = excluded.cached, cached_loads = excluded.cached_loads, refused = excluded.refused, \
    handed_back = excluded.handed_back, hand_backs = excluded.hand_backs, version = excluded.version, \
    told = excluded.told, latest = excluded.latest";
const INSERT_LINE: &str = "INSERT INTO dashshare_line AS l (tenant, day, dashboard, registered, edge, widget, first, \
    charged, loads, exports, cached, cached_loads, refused) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
    ON CONFLICT (tenant, day, dashboard, registered, edge, widget, first) DO UPDATE SET \
    charged = l.charged + excluded.charged, loads = l.loads + excluded.loads, exports = l.exports + excluded.exports, \
    cached = l.cached + min(excluded.cached, 9223372036854775806 - l.cached), \
    cached_loads = l.cached_loads + excluded.cached_loads, refused = l.refused + excluded.refused";
const INSERT_CHARGE: &str = "INSERT INTO dashshare_charge (tenant, maker, number, digest, at, before, found) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const INSERT_NOTICE: &str = "INSERT INTO dashshare_notice (tenant, first, version, threshold, ends, most, charged, at, \
    crossed, leased_until, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0) ON CONFLICT DO NOTHING";
const INSERT_BACK: &str = "INSERT INTO dashshare_hand_back (tenant, maker, number, place, ends) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const UPDATE_METER: &str = "UPDATE dashshare_meter SET charged = charged - $3, handed_back = handed_back + $3, \
    hand_backs = hand_backs + 1 WHERE tenant = $1 AND first = $2 AND charged >= $3";
const UPDATE_LINE: &str = "UPDATE dashshare_line SET charged = charged - $8, handed_back = handed_back + $8, \
    hand_backs = hand_backs + 1 WHERE tenant = $1 AND day = $2 AND dashboard = $3 AND registered = $4 AND edge = $5 \
    AND widget = $6 AND first = $7 AND charged >= $8";
const UPSERT_COUNTER: &str = "INSERT INTO dashshare_counter AS c (name, sum) SELECT $1, $2 WHERE $2 <= $3 \
    ON CONFLICT (name) DO UPDATE SET sum = c.sum + $2 WHERE c.sum <= $3 - $2 RETURNING sum";
const INSERT_TAKEN: &str = "INSERT INTO dashshare_taken (name, id, n, at) VALUES ($1, $2, $3, $4)";

/// What came of a piece of work inside a transaction: whether it is to be kept.
enum Work<T> {
    Keep(T),
    Undo(Result<T, LedgerError>),
}

impl SqliteLedger {
    /// Opens a file, or makes it, as [`SqliteStore::open`] does. Call [`migrate`](Self::migrate) before the first use.
    ///
    /// # Errors
    /// As of [`SqliteStore::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqlError> {
        Ok(Self { store: SqliteStore::open(path).await? })
    }

    /// A ledger on a pool of the host's, with the settings of [`SqliteStore::options`].
    pub fn new(pool: SqlitePool) -> Self {
        Self { store: SqliteStore::new(pool) }
    }

    /// A ledger in the file of a store: their writers take turns.
    pub fn beside(store: &SqliteStore) -> Self {
        Self { store: store.clone() }
    }

    /// The pool.
    pub fn pool(&self) -> &SqlitePool {
        self.store.pool()
    }

    /// Makes the tables, or looks at them, as [`SqliteStore::migrate`] does with its own.
    ///
    /// # Errors
    /// As of [`SqliteStore::migrate`].
    pub async fn migrate(&self) -> Result<(), SqlError> {
        migrate(&self.store, &meter_schema::SQLITE).await
    }

    /// Does something in a transaction that has the file to itself.
    async fn work<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        F: AsyncFnOnce(&mut SqliteConnection) -> Result<Work<T>, SqlError>,
    {
        let _turn = self.store.turn.lock().await;
        let mut connection = self.store.writer().await.map_err(failed)?;
        let done = in_transaction(&mut connection, work).await;
        if done.is_err() {
            close_if_stuck(&mut connection).await;
        }
        done
    }
}

async fn in_transaction<T, F>(connection: &mut SqliteConnection, work: F) -> Result<T, LedgerError>
where
    F: AsyncFnOnce(&mut SqliteConnection) -> Result<Work<T>, SqlError>,
{
    let begun = connection.begin_with(BEGIN).await;
    let mut transaction = begun.map_err(SqlError::of).map_err(failed)?;
    match work(&mut transaction).await.map_err(failed)? {
        // Dropping the transaction rolls it back.
        Work::Undo(answer) => answer,
        Work::Keep(answer) => match transaction.commit().await {
            Ok(()) => Ok(answer),
            Err(error) if is_undone(&error) => Err(failed(SqlError::of(error))),
            Err(error) => Err(LedgerError::Unknown(SqlError::of(error).into())),
        },
    }
}

/// Whether an error of the final `COMMIT` tells for certain that nothing is on the disk, as of a commit of sharing.
fn is_undone(error: &Error) -> bool {
    let code = code(error).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 19))
}

fn failed(error: SqlError) -> LedgerError {
    LedgerError::Failed(error.into())
}

async fn charge(connection: &mut SqliteConnection, batch: &Batch) -> Result<Work<Outcome>, SqlError> {
    let (tenant, period, id) = (batch.tenant.to_uuid(), batch.plan.period, batch.id);
    let known = sqlx::query_as::<_, rows::OutcomeRow>(rows::SELECT_OUTCOME).bind(tenant);
    let known = known.bind(rows::maker(id)).bind(rows::number(id.number));
    if let Some(known) = known.fetch_optional(&mut *connection).await.map_err(SqlError::of)? {
        return Ok(Work::Undo(rows::outcome(known, batch.digest())));
    }
    if !batch.is_owed {
        let later = sqlx::query_scalar::<_, Option<i64>>(rows::SELECT_LATER).bind(tenant);
        let later = later.bind(period.end.micros()).bind(Timestamp::MIN.micros());
        if let Some(latest) = later.fetch_one(&mut *connection).await.map_err(SqlError::of)? {
            return Ok(Work::Undo(Err(LedgerError::Passed(Timestamp::from_micros(latest)))));
        }
    }
    let mut tally = tally(connection, batch.tenant, period.first).await?.unwrap_or_default();
    let mut lines: BTreeMap<Arc<Outlet>, Figures> = BTreeMap::new();
    let (outcome, warnings) = tally.charge(batch, |outlet, gain| {
        let line = lines.entry(Arc::clone(outlet)).or_default();
        *line = line.plus(gain);
    });
    put_tally(connection, batch, &tally).await?;
    for (outlet, gain) in &lines {
        put_line(connection, batch, outlet, gain).await?;
    }
    for notice in warnings.notices(batch, tally.figures.charged) {
        put_notice(connection, &notice).await?;
    }
    sqlx::query(INSERT_CHARGE)
        .bind(tenant)
        .bind(rows::maker(id))
        .bind(rows::number(id.number))
        .bind(Uuid::from_bytes(batch.digest()))
        .bind(batch.at.micros())
        .bind(rows::number(outcome.before))
        .bind(rows::found(&outcome))
        .execute(&mut *connection)
        .await
        .map_err(SqlError::of)?;
    Ok(Work::Keep(outcome))
}

async fn tally(
    connection: &mut SqliteConnection,
    tenant: TenantId,
    period: Timestamp,
) -> Result<Option<Tally>, SqlError> {
    let found = sqlx::query_as::<_, rows::TallyRow>(rows::SELECT_TALLY).bind(tenant.to_uuid());
    let found = found.bind(period.micros()).fetch_optional(connection).await.map_err(SqlError::of)?;
    Ok(found.map(rows::tally))
}

async fn put_tally(connection: &mut SqliteConnection, batch: &Batch, tally: &Tally) -> Result<(), SqlError> {
    let figures = tally.figures;
    let put = sqlx::query(INSERT_METER)
        .bind(batch.tenant.to_uuid())
        .bind(batch.plan.period.first.micros())
        .bind(batch.plan.period.end.micros())
        .bind(rows::number(figures.charged))
        .bind(rows::number(figures.loads))
        .bind(rows::number(figures.exports))
        .bind(rows::number(figures.cached))
        .bind(rows::number(figures.cached_loads))
        .bind(rows::number(figures.refused))
        .bind(rows::number(figures.handed_back))
        .bind(rows::number(figures.hand_backs))
        .bind(i64::from(tally.version))
        .bind(i64::from(tally.told))
        .bind(tally.latest.micros());
    put.execute(connection).await.map(drop).map_err(SqlError::of)
}

async fn put_line(
    connection: &mut SqliteConnection,
    batch: &Batch,
    outlet: &Outlet,
    gain: &Figures,
) -> Result<(), SqlError> {
    let put = sqlx::query(INSERT_LINE)
        .bind(batch.tenant.to_uuid())
        .bind(rows::day(batch.day))
        .bind(outlet.dashboard.to_uuid())
        .bind(rows::number(outlet.registered.number()))
        .bind(rows::edge(&outlet.edge))
        .bind(outlet.widget.as_bytes().to_vec())
        .bind(batch.plan.period.first.micros())
        .bind(rows::number(gain.charged))
        .bind(rows::number(gain.loads))
        .bind(rows::number(gain.exports))
        .bind(rows::number(gain.cached))
        .bind(rows::number(gain.cached_loads))
        .bind(rows::number(gain.refused));
    put.execute(connection).await.map(drop).map_err(SqlError::of)
}

async fn put_notice(connection: &mut SqliteConnection, notice: &Notice) -> Result<(), SqlError> {
    let put = sqlx::query(INSERT_NOTICE)
        .bind(notice.id.tenant.to_uuid())
        .bind(notice.id.period.micros())
        .bind(i64::from(notice.id.version))
        .bind(i64::from(notice.id.threshold))
        .bind(notice.period.end.micros())
        .bind(notice.limit.map(|limit| limit.to_string()))
        .bind(rows::number(notice.charged))
        .bind(notice.at.micros())
        .bind(rows::crossed(notice))
        .bind(rows::NEVER);
    put.execute(connection).await.map(drop).map_err(SqlError::of)
}

async fn hand_back(connection: &mut SqliteConnection, back: &HandBack) -> Result<Work<bool>, SqlError> {
    let (tenant, cost) = (back.tenant.to_uuid(), rows::number(back.cost));
    let noted = sqlx::query(INSERT_BACK)
        .bind(tenant)
        .bind(rows::maker(back.charge.batch))
        .bind(rows::number(back.charge.batch.number))
        .bind(i64::from(back.charge.place))
        .bind(back.period_end.micros());
    if noted.execute(&mut *connection).await.map_err(SqlError::of)?.rows_affected() == 0 {
        return Ok(Work::Undo(Ok(false)));
    }
    let meter = sqlx::query(UPDATE_METER).bind(tenant).bind(back.period.micros()).bind(cost);
    let meter = meter.execute(&mut *connection).await.map_err(SqlError::of)?;
    let line = sqlx::query(UPDATE_LINE)
        .bind(tenant)
        .bind(rows::day(back.day))
        .bind(back.outlet.dashboard.to_uuid())
        .bind(rows::number(back.outlet.registered.number()))
        .bind(rows::edge(&back.outlet.edge))
        .bind(back.outlet.widget.as_bytes().to_vec())
        .bind(back.period.micros())
        .bind(cost);
    let line = line.execute(&mut *connection).await.map_err(SqlError::of)?;
    Ok(match (meter.rows_affected(), line.rows_affected()) {
        (1, 1) => Work::Keep(true),
        _ => Work::Undo(Err(LedgerError::NotCharged)),
    })
}

async fn take(connection: &mut SqliteConnection, take: &Take) -> Result<Work<Taken>, SqlError> {
    let id = Uuid::from_bytes(take.id);
    let known = sqlx::query_as::<_, (i64, i64)>(rows::SELECT_TAKEN).bind(take.key.clone()).bind(id);
    let known = known.fetch_optional(&mut *connection).await.map_err(SqlError::of)?;
    let sum = sqlx::query_scalar::<_, i64>(rows::SELECT_SUM).bind(take.key.clone());
    let sum = sum.fetch_optional(&mut *connection).await.map_err(SqlError::of)?.unwrap_or(0);
    if let Some(known) = known {
        return Ok(Work::Undo(rows::taken(known, sum, take)));
    }
    let Some((n, cap)) = rows::amount(take) else {
        return Ok(Work::Undo(Ok(rows::full(sum))));
    };
    let added = sqlx::query_scalar::<_, i64>(UPSERT_COUNTER).bind(take.key.clone()).bind(n).bind(cap);
    let Some(sum_now) = added.fetch_optional(&mut *connection).await.map_err(SqlError::of)? else {
        return Ok(Work::Undo(Ok(rows::full(sum))));
    };
    let noted = sqlx::query(INSERT_TAKEN).bind(take.key.clone()).bind(id).bind(n).bind(take.at.micros());
    noted.execute(&mut *connection).await.map_err(SqlError::of)?;
    Ok(Work::Keep(rows::counted(sum_now, take.at)))
}

impl Ledger for SqliteLedger {
    async fn charge(&self, batch: &Batch) -> Result<Outcome, LedgerError> {
        self.work(async |connection: &mut SqliteConnection| charge(connection, batch).await).await
    }

    async fn hand_back(&self, back: &HandBack) -> Result<bool, LedgerError> {
        self.work(async |connection: &mut SqliteConnection| hand_back(connection, back).await).await
    }

    async fn tally(&self, tenant: TenantId, period: Timestamp) -> Result<Option<Tally>, BoxError> {
        let mut connection = self.pool().acquire().await.map_err(SqlError::of)?;
        Ok(tally(&mut connection, tenant, period).await?)
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
        let found = select.fetch_all(self.pool()).await.map_err(SqlError::of)?;
        Ok(found.into_iter().map(rows::line).collect::<Result<_, _>>()?)
    }

    async fn take(&self, asked: &Take) -> Result<Taken, LedgerError> {
        self.work(async |connection: &mut SqliteConnection| take(connection, asked).await).await
    }

    async fn notices(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Notice>, BoxError> {
        let text = rows::select_notices(after.is_some(), limit);
        let mut select = sqlx::query_as::<_, rows::NoticeRow>(AssertSqlSafe(text));
        if let Some(id) = after {
            let id = rows::notice_key(&id);
            select = select.bind(id.0).bind(id.1).bind(id.2).bind(id.3);
        }
        let found = select.fetch_all(self.pool()).await.map_err(SqlError::of)?;
        Ok(rows::notices(found)?)
    }

    async fn lease_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Notice>, BoxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let work = async |connection: &mut SqliteConnection| {
            let lease = sqlx::query_as::<_, rows::NoticeRow>(AssertSqlSafe(rows::lease("")));
            let lease = lease.bind(now.micros()).bind(until.micros()).bind(limit);
            let leased = lease.fetch_all(connection).await.map_err(SqlError::of)?;
            Ok(Work::Keep(rows::notices(leased)?))
        };
        Ok(self.work(work).await?)
    }

    async fn acknowledge_notices(&self, delivered: &[NoticeId]) -> Result<(), BoxError> {
        let work = async |connection: &mut SqliteConnection| {
            for id in delivered {
                let id = rows::notice_key(id);
                let delete = sqlx::query(rows::DELETE_NOTICE).bind(id.0).bind(id.1).bind(id.2).bind(id.3);
                delete.execute(&mut *connection).await.map_err(SqlError::of)?;
            }
            Ok(Work::Keep(()))
        };
        Ok(self.work(work).await?)
    }

    async fn sweep_ledger(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let work = async |connection: &mut SqliteConnection| {
            let mut swept = 0i64;
            for sweep in rows::SWEEPS {
                let sweep = sqlx::query(sweep).bind(before.micros()).bind(limit.saturating_sub(swept));
                let gone = sweep.execute(&mut *connection).await.map_err(SqlError::of)?.rows_affected();
                swept = swept.saturating_add(i64::try_from(gone).unwrap_or(i64::MAX));
            }
            Ok(Work::Keep(usize::try_from(swept).unwrap_or(usize::MAX)))
        };
        Ok(self.work(work).await?)
    }
}
