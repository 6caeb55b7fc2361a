//! Commits and acknowledgements.

use super::{
    bind::{hex, json_of},
    statements::{
        DELETE_MESSAGES, INSERT_AUDIT, INSERT_BELOW, INSERT_HEAD, INSERT_MESSAGE, INSERT_RECEIPT,
        SELECT_GRANTS_BODY, SELECT_HEADS_BODY, UPDATE_HEAD, UPSERT_GRANT,
    },
    store::BEGIN,
};
use crate::{
    host::CommitError,
    record::{Commit, MessageId},
    stores::sql::{self, Columns, NEVER_LEASED, SqlError},
};
use sqlx::{Connection as _, Error, SqliteConnection};

/// Writes a commit inside a transaction that may write; the revision that stands when it was applied before, or else
/// none when the dashboard has another revision.
pub(super) async fn put(connection: &mut SqliteConnection, columns: &Columns) -> Result<Option<i64>, Error> {
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

/// The same, and a withdrawal also where the dashboard has moved on (G22).
pub(super) async fn put_onto(
    connection: &mut SqliteConnection,
    commit: &Commit,
    columns: &Columns,
) -> Result<Option<i64>, SqlError> {
    let revision = put(connection, columns).await.map_err(SqlError::of)?;
    if revision.is_some() || !commit.is_withdrawal() {
        return Ok(revision);
    }
    let head = sqlx::query_scalar(SELECT_HEADS_BODY).bind(columns.dashboard);
    let head: Option<String> = head.fetch_optional(&mut *connection).await.map_err(SqlError::of)?;
    let Some(head) = head else { return Ok(None) };
    let mut grants: Vec<String> = Vec::with_capacity(columns.grants.len());
    for grant in &columns.grants {
        let stored = sqlx::query_scalar(SELECT_GRANTS_BODY).bind(columns.dashboard).bind(grant.ordinal);
        grants.extend(stored.fetch_optional(&mut *connection).await.map_err(SqlError::of)?);
    }
    match Columns::onto(commit, &head, &grants)? {
        Some(carried) => put(connection, &carried).await.map_err(SqlError::of),
        None => Ok(None),
    }
}

/// A commit in a transaction of its own; the revision that stands.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    commit: &Commit,
    columns: &Columns,
) -> Result<i64, CommitError> {
    let begun = connection.begin_with(BEGIN).await;
    let mut transaction = begun.map_err(SqlError::of).map_err(failed)?;
    match put_onto(&mut transaction, commit, columns).await {
        Ok(Some(revision)) => {
            transaction.commit().await.map_err(|error| match is_undone(&error) {
                true => failed(SqlError::of(error)),
                false => CommitError::Unknown(SqlError::of(error).into()),
            })?;
            Ok(revision)
        }
        // Dropping the transaction rolls it back.
        Ok(None) => Err(CommitError::Conflict),
        Err(error) => Err(failed(error)),
    }
}

/// Whether an error of the final `COMMIT` tells for certain that nothing is on the disk: it was locked (5, 6), read-only
/// (8) or against a constraint (19). After any other the log may hold all of it already, and bring it back when it is read
/// anew. So after a full disk too: the half of a page that was not written can be there from before.
fn is_undone(error: &Error) -> bool {
    let code = sql::code(error).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 19))
}

pub(super) fn failed(error: SqlError) -> CommitError {
    CommitError::Failed(error.into())
}

pub(super) async fn remove(
    connection: &mut SqliteConnection,
    delivered: &[MessageId],
) -> Result<(), SqlError> {
    let names = delivered.iter().map(|id| (hex(&id.dashboard.to_uuid()), id.revision, id.index));
    let names = serde_json::to_string(&names.collect::<Vec<_>>()).map_err(SqlError::Row)?;
    let statement = sqlx::query(DELETE_MESSAGES).bind(names);
    statement.execute(connection).await.map(drop).map_err(SqlError::of)
}
