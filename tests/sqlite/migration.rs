//! Tables are made once, by however many processes at once, and never changed into something that is not understood.

use crate::{block_on, errors::expect_everywhere, fresh, fresh_path};
use dashshare::{SqlError, SqliteStore};
use sqlx::SqlitePool;

async fn run(pool: &SqlitePool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.expect("the test's own statement");
}

async fn shape(pool: &SqlitePool) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema WHERE name LIKE 'dashshare%' AND sql IS NOT NULL ORDER BY name";
    sqlx::query_scalar(sql).fetch_all(pool).await.expect("the schema")
}

#[test]
fn migrating_again_changes_nothing() {
    block_on(async {
        let store = fresh().await;
        let shape_then = shape(store.pool()).await;
        assert_eq!(shape_then.len(), 11, "seven tables, four indices: {shape_then:#?}");
        for _ in 0..3 {
            store.migrate().await.expect("again");
        }
        assert_eq!(shape(store.pool()).await, shape_then);
    });
}

#[test]
fn many_who_migrate_at_once_all_succeed() {
    block_on(async {
        for _ in 0..10 {
            let path = fresh_path();
            let migrations: Vec<_> = (0..6)
                .map(|_| {
                    let path = path.clone();
                    // As processes of their own do: nothing but the file is shared.
                    tokio::spawn(async move { SqliteStore::open(path).await?.migrate().await })
                })
                .collect();
            for migration in migrations {
                migration.await.expect("no panic").expect("it migrates");
            }
        }
    });
}

#[test]
fn a_newer_schema_is_refused() {
    block_on(async {
        let store = fresh().await;
        run(store.pool(), "INSERT INTO dashshare_schema (version) VALUES (7)").await;
        let shape_then = shape(store.pool()).await;
        let error = store.migrate().await.expect_err("the schema is newer");
        assert!(matches!(error, SqlError::Newer { found: 7, known: 1 }), "{error:?}");
        assert!(error.to_string().contains("upgrade dashshare"), "{error}");
        assert_eq!(shape(store.pool()).await, shape_then);
    });
}

#[test]
fn what_was_left_half_made_is_finished() {
    block_on(async {
        let store = fresh().await;
        let whole = shape(store.pool()).await;
        run(
            store.pool(),
            "DELETE FROM dashshare_schema; DROP TABLE dashshare_outbox; DROP TABLE dashshare_below",
        )
        .await;
        assert_ne!(shape(store.pool()).await, whole);
        store.migrate().await.expect("it finishes");
        assert_eq!(shape(store.pool()).await, whole);
    });
}

#[test]
fn a_table_that_is_another_one_is_refused() {
    block_on(async {
        let store = SqliteStore::open(fresh_path()).await.expect("it opens");
        run(
            store.pool(),
            "CREATE TABLE dashshare_grant (id BLOB PRIMARY KEY, dashboard BLOB, ordinal INTEGER, account BLOB, \
             address TEXT)",
        )
        .await;
        let shape_then = shape(store.pool()).await;
        let error = store.migrate().await.expect_err("the table is another one");
        assert!(matches!(error, SqlError::Damaged { table: "dashshare_grant", version: 1, .. }), "{error:?}");
        assert_eq!(shape(store.pool()).await, shape_then, "all of it was rolled back");
        run(store.pool(), "ALTER TABLE dashshare_grant RENAME TO somebody_elses").await;
        store.migrate().await.expect("moved out of the way");
    });
}

#[test]
fn a_table_that_is_gone_is_refused() {
    block_on(async {
        let store = fresh().await;
        run(store.pool(), "DROP TABLE dashshare_grant").await;
        // An empty one in its place would hide that everything was lost.
        let error = store.migrate().await.expect_err("a table is gone");
        assert!(matches!(error, SqlError::Damaged { table: "dashshare_grant", .. }), "{error:?}");
    });
}

#[test]
fn without_tables_every_operation_says_what_to_do() {
    block_on(async {
        let store = SqliteStore::open(fresh_path()).await.expect("it opens");
        expect_everywhere(&store, "call `migrate()`").await;
    });
}
