//! Tables are made once, by however many processes at once, and never changed into something that is not understood.

use super::{LEVELS, Server, block_on};
use dashshare::{PostgresStore, store::SqlError};
use sqlx::{PgPool, postgres::PgPoolOptions};

super::cases! {
    migrating_again_changes_nothing
    many_who_migrate_at_once_all_succeed
    a_newer_schema_is_refused
    what_was_left_half_made_is_finished
    a_table_that_is_another_one_is_refused
    a_table_that_is_gone_is_refused
    without_tables_every_operation_says_what_to_do
    a_table_of_another_shape_is_refused_by_name
    a_version_of_four_bytes_is_read
    a_path_without_a_schema_is_named
    a_user_without_rights_is_told_what_to_grant
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
        super::errors::expect_everywhere(&store, "call `migrate()`").await;
    });
}

/// What a table is like instead, and which one is named.
const SHAPES: &[(&str, &str)] = &[
    ("dashshare_schema", "CREATE TABLE dashshare_schema (v INT)"),
    (
        "dashshare_schema",
        "CREATE TABLE dashshare_schema (version TEXT PRIMARY KEY); INSERT INTO dashshare_schema VALUES ('one')",
    ),
    ("dashshare_schema", "CREATE TABLE dashshare_schema (version BIGINT)"),
    ("dashshare_head", "CREATE TABLE dashshare_head (x INT)"),
    (
        "dashshare_head",
        "CREATE TABLE dashshare_head (dashboard TEXT PRIMARY KEY, revision BIGINT, owner UUID, deleted BOOLEAN, \
         link BYTEA UNIQUE, link_grant UUID, body TEXT)",
    ),
    (
        "dashshare_head",
        "CREATE TABLE dashshare_head (dashboard UUID PRIMARY KEY, revision BIGINT, owner UUID, deleted BOOLEAN, \
         link BYTEA UNIQUE, link_grant UUID, body JSONB)",
    ),
    (
        "dashshare_head",
        "CREATE TABLE dashshare_head (dashboard UUID, revision BIGINT, owner UUID, deleted BOOLEAN, \
         link BYTEA UNIQUE, link_grant UUID, body TEXT)",
    ),
    (
        "dashshare_head",
        "CREATE TABLE dashshare_head (dashboard UUID PRIMARY KEY, revision BIGINT, owner UUID, deleted BOOLEAN, \
         link BYTEA, link_grant UUID, body TEXT)",
    ),
    ("dashshare_receipt", "CREATE TABLE dashshare_receipt (x INT)"),
    ("dashshare_receipt", "CREATE TABLE dashshare_receipt (dashboard UUID, key UUID, revision BIGINT)"),
    (
        "dashshare_receipt",
        "CREATE TABLE dashshare_receipt (dashboard UUID, key UUID, revision INT, PRIMARY KEY (dashboard, key))",
    ),
    ("dashshare_outbox", "CREATE VIEW dashshare_outbox AS SELECT 1 AS x"),
    ("dashshare_head", "CREATE TYPE dashshare_head AS ENUM ('x')"),
];

fn a_table_of_another_shape_is_refused_by_name(server: &Server) {
    block_on(async {
        for (table, made) in SHAPES {
            let pool = pool(server);
            let store = PostgresStore::new(pool.clone());
            run(&pool, made).await;
            let shape_then = shape(&pool).await;
            let error = store.migrate().await.expect_err(made);
            assert!(
                matches!(error, SqlError::Damaged { table: named, .. } if named == *table),
                "{made}: {error:?}"
            );
            assert_eq!(shape(&pool).await, shape_then, "{made}: all of it was rolled back");
            pool.close().await;
        }
    });
}

fn a_version_of_four_bytes_is_read(server: &Server) {
    block_on(async {
        let pool = pool(server);
        let store = PostgresStore::new(pool.clone());
        run(&pool, "CREATE TABLE dashshare_schema (version INT PRIMARY KEY)").await;
        run(&pool, "INSERT INTO dashshare_schema VALUES (2)").await;
        let error = store.migrate().await.expect_err("the schema is newer");
        assert!(matches!(error, SqlError::Newer { found: 2, known: 1 }), "{error:?}");
    });
}

fn a_path_without_a_schema_is_named(server: &Server) {
    block_on(async {
        let options = server.options(LEVELS[0]).options([("search_path", "nowhere")]);
        let store = PostgresStore::new(PgPoolOptions::new().connect_lazy_with(options));
        let error = store.migrate().await.expect_err("there is no schema");
        assert!(matches!(error, SqlError::NoSchema(_)), "{error:?}");
        assert!(error.to_string().contains("`search_path` names no schema that is there"), "{error}");
    });
}

fn a_user_without_rights_is_told_what_to_grant(server: &Server) {
    block_on(async {
        let options = server.options(LEVELS[0]);
        let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(options.clone());
        let schema: String =
            sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&pool).await.expect("its name");
        let grant = async |right: String| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(right)).execute(&pool).await.expect("the test's own");
        };
        grant(format!("CREATE ROLE weak_{schema} LOGIN; GRANT USAGE ON SCHEMA {schema} TO weak_{schema}"))
            .await;
        let weak = options.username(&format!("weak_{schema}"));
        let weak = PostgresStore::new(PgPoolOptions::new().max_connections(1).connect_lazy_with(weak));
        let expect_refused = async |when: &str| {
            let error = weak.migrate().await.expect_err(when);
            assert!(matches!(error, SqlError::Forbidden(_)), "{when}: {error:?}");
            assert!(error.to_string().contains("SELECT, INSERT, UPDATE and DELETE on the tables"), "{error}");
        };
        expect_refused("it may not make tables").await;
        PostgresStore::new(pool.clone()).migrate().await.expect("it migrates");
        expect_refused("it may not read them").await;
        grant(format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO weak_{schema}")).await;
        expect_refused("it may not write to them").await;
        grant(format!("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO weak_{schema}"))
            .await;
        weak.migrate().await.expect("it may");
    });
}
