//! Commits, a statement each.

use crate::{
    record::{Commit, Receipt},
    stores::sql::{self, Columns, NEVER_LEASED, SELECT_RECEIPT, SqlError},
};
use sqlx::{
    Error, PgConnection,
    postgres::{PgDatabaseError, PgSeverity},
};
use uuid::Uuid;

/// The arrays of a commit's grants, of what they hang on, and of its messages.
#[derive(Default)]
pub(super) struct Arrays {
    ordinals: Vec<i64>,
    ids: Vec<Uuid>,
    /// As literals: an array of arrays of different lengths cannot be bound.
    ancestors: Vec<String>,
    accounts: Vec<Option<Uuid>>,
    addresses: Vec<Option<String>>,
    bodies: Vec<String>,
    shelved: Vec<i64>,
    aboves: Vec<Uuid>,
    belows: Vec<i64>,
}

impl Arrays {
    pub(super) fn of(columns: &Columns) -> Self {
        let mut arrays = Self::default();
        for grant in &columns.grants {
            let ancestors: Vec<String> = grant.ancestors.iter().map(Uuid::to_string).collect();
            arrays.ordinals.push(grant.ordinal);
            arrays.ids.push(grant.id);
            arrays.ancestors.push(format!("{{{}}}", ancestors.join(",")));
            arrays.accounts.push(grant.account);
            arrays.addresses.push(grant.address.clone());
            arrays.bodies.push(grant.body.clone());
            arrays.shelved.push(grant.shelved);
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
            receipt AS (INSERT INTO dashshare_receipt (dashboard, key, digest, revision, at) \
                SELECT dashboard, $12::uuid, $24::uuid, revision, $25::int8 FROM head), \
            granted AS (INSERT INTO dashshare_grant (dashboard, ordinal, id, ancestors, account, address, body, shelved) \
                SELECT head.dashboard, g.ordinal, g.id, g.ancestors::uuid[], g.account, g.address, g.body, g.shelved \
                FROM head, \
                unnest($13::int8[], $14::uuid[], $15::text[], $16::uuid[], $17::text[], $18::text[], \
                $26::int8[]) \
                AS g (ordinal, id, ancestors, account, address, body, shelved) \
                ON CONFLICT (dashboard, ordinal) DO UPDATE \
                SET account = excluded.account, address = excluded.address, body = excluded.body, \
                shelved = excluded.shelved), \
            below AS (INSERT INTO dashshare_below (dashboard, above, ordinal) \
                SELECT head.dashboard, b.above, b.ordinal FROM head, \
                unnest($19::uuid[], $20::int8[]) AS b (above, ordinal) \
                ON CONFLICT (dashboard, above, ordinal) DO NOTHING), \
            messages AS (INSERT INTO dashshare_outbox (dashboard, revision, place, leased_until, attempts, body) \
                SELECT head.dashboard, head.revision, m.place, $21::int8, 0, m.body FROM head, \
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
pub(super) async fn put(
    connection: &mut PgConnection,
    columns: &Columns,
    arrays: &Arrays,
) -> Result<bool, Error> {
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
        .bind(columns.key())
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
        .bind(messages)
        .bind(columns.digest())
        .bind(columns.receipt.at.micros())
        .bind(&arrays.shelved);
    // INVARIANT: all answers are waited for, since the server commits after it has answered with the rows.
    Ok(!statement.fetch_all(connection).await?.is_empty())
}

/// Locked, so that nobody else writes to the dashboard until the transaction ends.
const SELECT_HEADS_BODY: &str = "SELECT body FROM dashshare_head WHERE dashboard = $1 FOR UPDATE";
const SELECT_GRANTS_BODY: &str =
    "SELECT body FROM dashshare_grant WHERE dashboard = $1 AND ordinal = ANY($2::int8[])";

/// Writes a withdrawal onto the dashboard as it is (G22), inside a transaction. The receipt that stands under its
/// key; `None` when it conflicts after all.
pub(super) async fn put_onto(
    connection: &mut PgConnection,
    commit: &Commit,
    columns: &Columns,
) -> Result<Option<Receipt>, SqlError> {
    let head = sqlx::query_scalar(SELECT_HEADS_BODY).bind(columns.dashboard);
    let head: Option<String> = head.fetch_optional(&mut *connection).await.map_err(SqlError::of)?;
    let Some(head) = head else { return Ok(None) };
    // An earlier sending of it may have come through while this one waited for the lock.
    let receipt = sqlx::query_as(SELECT_RECEIPT).bind(columns.dashboard).bind(columns.key());
    if let Some(row) = receipt.fetch_optional(&mut *connection).await.map_err(SqlError::of)? {
        return sql::receipt_of(columns.receipt.key, row).map(Some);
    }
    let grants = sqlx::query_scalar(SELECT_GRANTS_BODY).bind(columns.dashboard).bind(&columns.rests_on);
    let grants: Vec<String> = grants.fetch_all(&mut *connection).await.map_err(SqlError::of)?;
    let Some(carried) = Columns::onto(commit, &head, &grants)? else { return Ok(None) };
    let is_put = put(connection, &carried, &Arrays::of(&carried)).await.map_err(SqlError::of)?;
    Ok(is_put.then_some(carried.receipt))
}

/// Whether an error tells for certain that the server has undone the statement.
pub(super) fn is_undone(error: &Error) -> bool {
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

/// Whether a commit was undone since a receipt with its key is there.
pub(super) fn is_of_a_used_key(error: &Error) -> bool {
    let of_table = error.as_database_error().and_then(|error| error.table());
    sql::code(error).as_deref() == Some("23505") && of_table == Some("dashshare_receipt")
}
