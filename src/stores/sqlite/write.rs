//! Commits.

use super::{
    bind::json_of,
    statements::{
        INSERT_AUDIT, INSERT_BELOW, INSERT_HEAD, INSERT_MESSAGE, INSERT_RECEIPT, SELECT_GRANTS_BODY,
        SELECT_HEADS_BODY, UPDATE_HEAD, UPSERT_GRANT,
    },
    store::BEGIN,
};
use crate::{
    host::CommitError,
    record::{Commit, Receipt},
    stores::sql::{self, Columns, NEVER_LEASED, ReceiptRow, SqlError},
};
use sqlx::{Connection as _, Error, SqliteConnection};

/// What became of a commit inside a transaction.
pub(super) enum Put {
    Written(Receipt),
    /// It was applied before, or another commit with its key was.
    Known(ReceiptRow),
    Conflict,
    /// Another commit has its key. What was written is to be rolled back.
    KeyReused,
}

impl Put {
    /// The receipt, if the transaction is to stand.
    pub(super) fn receipt(self, columns: &Columns) -> Result<Receipt, CommitError> {
        let own = columns.receipt;
        match self {
            Self::Written(receipt) => Ok(receipt),
            Self::Known(row) => match sql::receipt_of(own.key, row).map_err(failed)? {
                known if known.digest == own.digest => Ok(known),
                _ => Err(CommitError::KeyReused),
            },
            Self::Conflict => Err(CommitError::Conflict),
            Self::KeyReused => Err(CommitError::KeyReused),
        }
    }
}

/// Writes a commit inside a transaction that may write.
pub(super) async fn put(connection: &mut SqliteConnection, columns: &Columns) -> Result<Put, Error> {
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
        let receipt = sqlx::query_as(sql::SELECT_RECEIPT).bind(columns.dashboard).bind(columns.key());
        return Ok(receipt.fetch_optional(&mut *connection).await?.map_or(Put::Conflict, Put::Known));
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
            .bind(grant.shelved)
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
    let receipt = sqlx::query(INSERT_RECEIPT)
        .bind(columns.dashboard)
        .bind(columns.key())
        .bind(columns.digest())
        .bind(columns.revision)
        .bind(columns.receipt.at.micros());
    let is_new = receipt.execute(&mut *connection).await?.rows_affected() > 0;
    Ok(if is_new { Put::Written(columns.receipt) } else { Put::KeyReused })
}

/// The same, and a withdrawal also where the dashboard has moved on (G22).
pub(super) async fn put_onto(
    connection: &mut SqliteConnection,
    commit: &Commit,
    columns: &Columns,
) -> Result<Put, SqlError> {
    let done = put(connection, columns).await.map_err(SqlError::of)?;
    if !matches!(done, Put::Conflict) || !commit.is_withdrawal() {
        return Ok(done);
    }
    let head = sqlx::query_scalar(SELECT_HEADS_BODY).bind(columns.dashboard);
    let head: Option<String> = head.fetch_optional(&mut *connection).await.map_err(SqlError::of)?;
    let Some(head) = head else { return Ok(Put::Conflict) };
    let mut grants: Vec<String> = Vec::with_capacity(columns.rests_on.len());
    for ordinal in &columns.rests_on {
        let stored = sqlx::query_scalar(SELECT_GRANTS_BODY).bind(columns.dashboard).bind(*ordinal);
        grants.extend(stored.fetch_optional(&mut *connection).await.map_err(SqlError::of)?);
    }
    match Columns::onto(commit, &head, &grants)? {
        Some(carried) => put(connection, &carried).await.map_err(SqlError::of),
        None => Ok(Put::Conflict),
    }
}

/// A commit in a transaction of its own.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    commit: &Commit,
    columns: &Columns,
) -> Result<Receipt, CommitError> {
    let begun = connection.begin_with(BEGIN).await;
    let mut transaction = begun.map_err(SqlError::of).map_err(failed)?;
    // Dropping the transaction rolls it back.
    let receipt = put_onto(&mut transaction, commit, columns).await.map_err(failed)?.receipt(columns)?;
    transaction.commit().await.map_err(|error| match is_undone(&error) {
        true => failed(SqlError::of(error)),
        false => CommitError::Unknown(SqlError::of(error).into()),
    })?;
    Ok(receipt)
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
