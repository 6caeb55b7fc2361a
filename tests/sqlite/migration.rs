//! Tables are made once, by however many processes at once, and never changed into something that is not understood.

use super::{block_on, errors::expect_everywhere, fresh, fresh_path};
use dashshare::{
    SqliteStore,
    store::{SqlError, Store as _},
};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

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
        assert_eq!(shape_then.len(), 13, "seven tables, six indices: {shape_then:#?}");
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

/// What a table is like instead, and which one is named.
const SHAPES: &[(&str, &str)] = &[
    ("dashshare_schema", "CREATE TABLE dashshare_schema (v INTEGER)"),
    (
        "dashshare_schema",
        "CREATE TABLE dashshare_schema (version TEXT PRIMARY KEY); INSERT INTO dashshare_schema VALUES ('one')",
    ),
    ("dashshare_schema", "CREATE TABLE dashshare_schema (version INTEGER)"),
    ("dashshare_head", "CREATE TABLE dashshare_head (x INTEGER)"),
    (
        "dashshare_head",
        "CREATE TABLE dashshare_head (dashboard BLOB, revision INTEGER, owner BLOB, deleted INTEGER, link BLOB UNIQUE, \
         link_grant BLOB, body TEXT)",
    ),
    (
        "dashshare_head",
        "CREATE TABLE dashshare_head (dashboard BLOB PRIMARY KEY, revision INTEGER, owner BLOB, deleted INTEGER, \
         link BLOB, link_grant BLOB, body TEXT)",
    ),
    ("dashshare_receipt", "CREATE TABLE dashshare_receipt (x INTEGER)"),
    ("dashshare_receipt", "CREATE TABLE dashshare_receipt (dashboard BLOB, key BLOB, revision INTEGER)"),
    (
        "dashshare_receipt",
        "CREATE TABLE dashshare_receipt (dashboard TEXT, key TEXT, revision INTEGER, PRIMARY KEY (dashboard, key))",
    ),
    ("dashshare_outbox", "CREATE VIEW dashshare_outbox AS SELECT 1 AS x"),
];

#[test]
fn a_table_of_another_shape_is_refused_by_name() {
    block_on(async {
        for (table, made) in SHAPES {
            let store = SqliteStore::open(fresh_path()).await.expect("it opens");
            run(store.pool(), made).await;
            let shape_then = shape(store.pool()).await;
            let error = store.migrate().await.expect_err(made);
            assert!(
                matches!(error, SqlError::Damaged { table: named, .. } if named == *table),
                "{made}: {error:?}"
            );
            assert_eq!(shape(store.pool()).await, shape_then, "{made}: all of it was rolled back");
        }
    });
}

fn answer<T>(polled: Poll<T>) -> Option<T> {
    match polled {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// Who writes takes the turn, then a connection. One who migrates and has the only connection would wait for the turn.
#[test]
fn migrating_and_writing_share_a_pool_of_one() {
    block_on(async {
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(3));
        let pool = pool.connect_with(SqliteStore::options(fresh_path())).await.expect("a pool");
        let store = SqliteStore::new(pool);
        let held = store.pool().acquire().await.expect("the only connection");
        let (mut migrate, mut write) = (pin!(store.migrate()), pin!(store.acknowledge(&[])));
        poll_fn(|context| {
            assert!(migrate.as_mut().poll(context).is_pending(), "it waits for the connection");
            assert!(write.as_mut().poll(context).is_pending(), "it has the turn, and waits too");
            Poll::Ready(())
        })
        .await;
        drop(held);
        let (mut migrated, mut written) = (None, None);
        poll_fn(|context| {
            if migrated.is_none() {
                migrated = answer(migrate.as_mut().poll(context));
            }
            if written.is_none() {
                written = answer(write.as_mut().poll(context));
            }
            if migrated.is_some() && written.is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        migrated.expect("it is done").expect("it migrates");
        let said = written.expect("it is done").map_err(|error| error.to_string());
        // Without tables yet, perhaps, but not without a connection.
        assert!(said.as_ref().err().is_none_or(|said| said.contains("call `migrate()`")), "{said:?}");
    });
}
