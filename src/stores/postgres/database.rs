//! The store, and the store inside a transaction, as what the statements run on.

use super::{
    bind::{fetch, sql_state},
    reads::{DIALECT, rows_of},
    store::{ATTEMPTS, PostgresStore, PostgresTransaction},
    write::{Arrays, is_undone, put, put_onto, remove},
};
use crate::{
    host::CommitError,
    record::{Commit, MessageId, Receipt},
    stores::sql::{self, Columns, Database, Dialect, Row, SqlError, Value},
};
use sqlx::{Connection as _, Error, SqlStr};

/// Whatever the pool's connections have as their default: a stricter level fails where this one waits its turn.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

impl PostgresStore {
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
        if commit.is_withdrawal() {
            return self.put_onto(commit).await;
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

impl PostgresStore {
    /// A withdrawal on a dashboard that has moved on, in a transaction that waits its turn (G22).
    async fn put_onto(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let failed = |error: SqlError| CommitError::Failed(error.into());
        let columns = Columns::of(commit).map_err(failed)?;
        let mut connection = self.pool.acquire().await.map_err(SqlError::of).map_err(failed)?;
        let mut attempt = 1;
        loop {
            let begun = connection.begin_with(BEGIN).await;
            let mut transaction = begun.map_err(SqlError::of).map_err(failed)?;
            // Until it is told to commit, nothing of it is written: dropping it rolls it back.
            match put_onto(&mut transaction, commit, &columns).await {
                Ok(Some(revision)) => {
                    transaction.commit().await.map_err(|error| match is_undone(&error) {
                        true => failed(SqlError::of(error)),
                        false => CommitError::Unknown(SqlError::of(error).into()),
                    })?;
                    return sql::receipt_of(commit.key(), revision).map_err(failed);
                }
                Ok(None) => return Err(CommitError::Conflict),
                Err(SqlError::Overtaken(_)) if attempt < ATTEMPTS => attempt = attempt.saturating_add(1),
                Err(error) => return Err(failed(error)),
            }
        }
    }
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
        if let Some(found) = sql::receipt(self, commit.dashboard(), commit.key()).await.map_err(failed)? {
            return Ok(found);
        }
        if !commit.is_withdrawal() {
            return Err(CommitError::Conflict);
        }
        let put = put_onto(&mut **self.connection.lock().await, commit, &columns).await;
        let revision = put.map_err(failed)?.ok_or(CommitError::Conflict)?;
        sql::receipt_of(commit.key(), revision).map_err(failed)
    }

    async fn remove(&self, delivered: &[MessageId]) -> Result<(), SqlError> {
        remove(&mut **self.connection.lock().await, delivered).await
    }
}

sql::store!([] PostgresStore);
sql::store!(['t] PostgresTransaction<'t>);
