//! The store, and the store inside a transaction, as what the statements run on.

use super::{
    bind::{change, fetch, letters},
    savepoint::Savepoint,
    statements::DIALECT,
    store::{SqliteStore, SqliteStoreTransaction, close_if_stuck},
    write::{failed, put_onto, write},
};
use crate::{
    host::CommitError,
    record::{Commit, Receipt},
    stores::sql::{self, Columns, Database, Dialect, Letter, ReceiptRow, Row, SqlError, Value},
};
use sqlx::SqlStr;

impl Database for SqliteStore {
    const DIALECT: &'static Dialect = &DIALECT;

    async fn documents(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        fetch(&mut connection, sql, values).await
    }

    async fn chained(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        self.documents(sql, values).await
    }

    async fn receipts(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<ReceiptRow>, SqlError> {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        fetch(&mut connection, sql, values).await
    }

    async fn letters(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Letter>, SqlError> {
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        letters(&mut connection, sql, values).await
    }

    async fn lease(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Letter>, SqlError> {
        let _turn = self.turn.lock().await;
        self.letters(sql, values).await
    }

    async fn change(&self, sql: SqlStr, values: &[Value]) -> Result<u64, SqlError> {
        let _turn = self.turn.lock().await;
        let mut connection = self.pool.acquire().await.map_err(SqlError::of)?;
        change(&mut connection, sql, values).await
    }

    async fn put(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let columns = Columns::of(commit).map_err(failed)?;
        let _turn = self.turn.lock().await;
        let mut connection = self.writer().await.map_err(failed)?;
        let outcome = write(&mut connection, commit, &columns).await;
        if outcome.is_err() {
            close_if_stuck(&mut connection).await;
        }
        outcome
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

    async fn receipts(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<ReceiptRow>, SqlError> {
        fetch(&mut **self.connection.lock().await, sql, values).await
    }

    async fn letters(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Letter>, SqlError> {
        letters(&mut **self.connection.lock().await, sql, values).await
    }

    async fn lease(&self, sql: SqlStr, values: &[Value]) -> Result<Vec<Letter>, SqlError> {
        self.letters(sql, values).await
    }

    async fn change(&self, sql: SqlStr, values: &[Value]) -> Result<u64, SqlError> {
        change(&mut **self.connection.lock().await, sql, values).await
    }

    /// Never with an unknown fate: until the host commits, nothing stands. A savepoint keeps a commit that fails half
    /// way, or is dropped, out of what the host goes on to commit.
    async fn put(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let columns = Columns::of(commit).map_err(failed)?;
        let mut connection = self.connection.lock().await;
        let made = Savepoint::make(&mut connection).await;
        let mut savepoint = made.map_err(SqlError::of).map_err(failed)?;
        let put = put_onto(savepoint.connection(), commit, &columns).await.map_err(failed)?;
        let receipt = put.receipt(&columns)?;
        savepoint.keep().await.map_err(SqlError::of).map_err(failed)?;
        Ok(receipt)
    }
}

sql::store!([] SqliteStore);
sql::store!(['t] SqliteStoreTransaction<'t>);

#[cfg(test)]
mod tests {
    use crate::stores::{
        sql,
        sqlite::{
            statements::{DIALECT, INSERT_HEAD, UPDATE_HEAD, UPSERT_GRANT},
            store::SqliteStore,
        },
    };

    const BACKLOG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
        INSERT INTO dashshare_outbox SELECT unhex(printf('%032x', i)), 1, 0, 9000000000000000000, 1, NULL, '' FROM n; ANALYZE";

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
            let writes = [DIALECT.held_by_address, DIALECT.lease, UPDATE_HEAD, INSERT_HEAD, UPSERT_GRANT];
            let named = [DIALECT.acknowledge, DIALECT.put_aside, DIALECT.put_back, DIALECT.sweep];
            let statements = dialect.into_iter().chain(many).chain(writes).chain(named);
            // A walk along another key would do without a scan too. What is on the shelf stands apart in the index, so a page of
            // what somebody holds is sorted by ordinal within a dashboard.
            let indices = [
                (DIALECT.account, "dashshare_grant_account (account=? AND dashboard=? AND shelved=?)"),
                (
                    DIALECT.many_by_account,
                    "dashshare_grant_account (account=? AND dashboard=? AND shelved=?)",
                ),
                (
                    DIALECT.many_by_address,
                    "dashshare_grant_address (address=? AND dashboard=? AND shelved=?)",
                ),
                (DIALECT.seeds, "dashshare_grant_address (address=? AND dashboard=? AND shelved=?)"),
                (DIALECT.held_by_account, "dashshare_grant_account (account=? AND dashboard>?)"),
                (DIALECT.held_by_address, "dashshare_grant_address (address=? AND dashboard>?)"),
                (sql::SELECT_OWNED, "dashshare_head_owner (owner=? AND deleted=? AND dashboard>?)"),
                (
                    sql::SELECT_DEEDS,
                    "dashshare_audit_actor (actor=? AND host=? AND (dashboard,revision)>(?,?))",
                ),
                (
                    sql::SELECT_DEAD,
                    "dashshare_outbox_lease (leased_until=? AND (dashboard,revision,place)>(?,?,?))",
                ),
                (DIALECT.acknowledge, "(dashboard=? AND revision=? AND place=?)"),
                (DIALECT.put_aside, "(dashboard=? AND revision=? AND place=?)"),
                (DIALECT.put_back, "(dashboard=? AND revision=? AND place=?)"),
                (DIALECT.sweep, "dashshare_receipt_at (at<?)"),
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
            assert_eq!(seen, 24);
        });
    }
}
