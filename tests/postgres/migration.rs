//! Tables are made once, by however many processes at once, and never changed into something that is not understood.

use crate::{LEVELS, Server, block_on};
use dashshare::{PostgresStore, SqlError};
use sqlx::{PgPool, postgres::PgPoolOptions};

crate::trials! {
    migrating_again_changes_nothing
    many_who_migrate_at_once_all_succeed
    a_newer_schema_is_refused
    what_was_left_half_made_is_finished
    a_table_that_is_another_one_is_refused
    a_table_that_is_gone_is_refused
    without_tables_every_operation_says_what_to_do
}

fn pool(server: &Server) -> PgPool {
    let options = server.options(LEVELS[0]);
    PgPoolOptions::new().max_connections(8).connect_lazy_with(options)
}

async fn run(pool: &PgPool, sql: &'static str) {
    sqlx::raw_sql(sql).execute(pool).await.expect("the test's own statement");
}

/// Every table and column with its type, in words.
async fn shape(pool: &PgPool) -> Vec<String> {
    let sql = "SELECT table_name || '.' || column_name || ' ' || udt_name || ' ' || is_nullable \
        FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1";
    sqlx::query_scalar(sql).fetch_all(pool).await.expect("the catalogue")
}

fn migrating_again_changes_nothing(server: &Server) {
    block_on(async {
        let pool = pool(server);
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("the first time");
        let shape_then = shape(&pool).await;
        assert!(shape_then.len() > 25, "{shape_then:?}");
        for _ in 0..3 {
            store.migrate().await.expect("again");
        }
        assert_eq!(shape(&pool).await, shape_then);
        let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM dashshare_schema")
            .fetch_all(&pool)
            .await
            .expect("versions");
        assert_eq!(versions, [1]);
    });
}

fn many_who_migrate_at_once_all_succeed(server: &Server) {
    block_on(async {
        for _ in 0..5 {
            let pool = pool(server);
            let migrations: Vec<_> = (0..6)
                .map(|_| {
                    let store = PostgresStore::new(pool.clone());
                    tokio::spawn(async move { store.migrate().await })
                })
                .collect();
            for migration in migrations {
                migration.await.expect("no panic").expect("it migrates");
            }
            pool.close().await;
        }
    });
}

fn a_newer_schema_is_refused(server: &Server) {
    block_on(async {
        let pool = pool(server);
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        run(&pool, "INSERT INTO dashshare_schema (version) VALUES (7)").await;
        let shape_then = shape(&pool).await;
        let error = store.migrate().await.expect_err("the schema is newer");
        assert!(matches!(error, SqlError::Newer { found: 7, known: 1 }), "{error:?}");
        assert_eq!(
            error.to_string(),
            "the tables of dashshare are of schema 7, and this version knows schema 1 at most: upgrade dashshare; \
             nothing was changed"
        );
        assert_eq!(shape(&pool).await, shape_then);
    });
}

fn what_was_left_half_made_is_finished(server: &Server) {
    block_on(async {
        let pool = pool(server);
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        let whole = shape(&pool).await;
        // As an engine leaves it that makes tables one by one and stopped in between.
        run(
            &pool,
            "DELETE FROM dashshare_schema; DROP TABLE dashshare_outbox, dashshare_receipt, dashshare_below",
        )
        .await;
        assert_ne!(shape(&pool).await, whole);
        store.migrate().await.expect("it finishes");
        assert_eq!(shape(&pool).await, whole);
    });
}

fn a_table_that_is_another_one_is_refused(server: &Server) {
    block_on(async {
        let pool = pool(server);
        let store = PostgresStore::new(pool.clone());
        run(
            &pool,
            "CREATE TABLE dashshare_grant (id INT PRIMARY KEY, dashboard UUID, ordinal BIGINT, account UUID, \
            address TEXT)",
        )
        .await;
        let shape_then = shape(&pool).await;
        let error = store.migrate().await.expect_err("the table is another one");
        assert!(matches!(error, SqlError::Damaged { table: "dashshare_grant", version: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("restore it from a backup, or move it out of the way"), "{error}");
        assert_eq!(shape(&pool).await, shape_then, "all of it was rolled back");
        run(&pool, "ALTER TABLE dashshare_grant RENAME TO somebody_elses").await;
        store.migrate().await.expect("moved out of the way");
    });
}

fn a_table_that_is_gone_is_refused(server: &Server) {
    block_on(async {
        let pool = pool(server);
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        run(&pool, "DROP TABLE dashshare_grant").await;
        // An empty one in its place would hide that everything was lost.
        let error = store.migrate().await.expect_err("a table is gone");
        assert!(matches!(error, SqlError::Damaged { table: "dashshare_grant", .. }), "{error:?}");
    });
}

fn without_tables_every_operation_says_what_to_do(server: &Server) {
    block_on(async {
        let store = PostgresStore::new(pool(server));
        crate::errors::expect_everywhere(&store, "call `migrate()`").await;
    });
}
