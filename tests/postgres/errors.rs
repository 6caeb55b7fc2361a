//! Errors say what to do, keep their source, and hold no password; whoever was asking is denied.

use super::{LEVELS, Server, block_on};
use crate::support::operations::{chain, failures};
use dashshare::{
    NewShare, PostgresStore,
    store::{SqlError, Store},
};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::time::Duration;

super::cases! {
    a_bad_url_is_named_without_its_password
    a_server_that_is_not_there_is_named
    a_database_that_is_not_there_is_named
    an_exhausted_pool_is_named
    a_closed_pool_is_named
    a_connection_that_was_cut_is_an_error_and_then_another_one_serves
    a_row_that_was_tampered_with_is_an_error
    a_read_only_server_is_named
    a_server_that_is_down_is_named_at_once
    a_statement_that_the_server_stopped_is_named
}

pub(crate) async fn expect_everywhere(store: &impl Store, words: &str) {
    let all = failures(store).await;
    assert_eq!(all.len(), 22);
    for (operation, said) in all {
        assert!(said.contains(words), "`{operation}` says: {said}");
    }
}

fn store(options: PgConnectOptions) -> PostgresStore {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(200));
    PostgresStore::new(pool.connect_lazy_with(options))
}

fn a_bad_url_is_named_without_its_password(_: &Server) {
    for url in [
        "hunter2",
        "postgres//olga:hunter2@localhost/sharing",
        "postgres://olga:hunter2@localhost:port/sharing",
        "postgres://olga:hunter2@localhost:99999/sharing",
        "postgres://olga:hunter2@[::1/sharing",
        "postgres://olga:hunter2@localhost/sharing?sslmode=sometimes",
        "mysql://olga:hunter2@localhost/sharing?statement-cache-capacity=many",
        "mysql://olga:hunter2@localhost/sharing",
        "postgres:olga:hunter2@localhost/sharing",
        "postgres://olga@localhost/sharing?sslmode=hunter2",
        "postgres://olga@localhost/sharing?hostaddr=hunter2",
    ] {
        let error = block_on(PostgresStore::connect(url)).expect_err("the URL is bad");
        assert!(matches!(error, SqlError::Url(_)), "{url}: {error:?}");
        assert!(error.to_string().contains("postgres://user:password@host:port/database"), "{error}");
        let said = format!("{} {error:?}", chain(&error));
        assert!(!said.contains("hunter2"), "{said}");
    }
}

fn a_server_that_is_not_there_is_named(_: &Server) {
    let nowhere = PgConnectOptions::new_without_pgpass()
        .socket("/nowhere/at/all")
        .username("olga")
        .password("hunter2")
        .database("sharing");
    block_on(async {
        let store = store(nowhere);
        expect_everywhere(&store, "the database cannot be reached, or went away").await;
        let error = store.migrate().await.expect_err("nobody is there");
        assert!(matches!(error, SqlError::Unreachable(_)), "{error:?}");
        let said = format!("{} {error:?} {store:?}", chain(&error));
        assert!(!said.contains("hunter2"), "{said}");
    });
}

fn a_database_that_is_not_there_is_named(server: &Server) {
    for options in [
        server.options(LEVELS[0]).database("nothing_of_that_name"),
        server.options(LEVELS[0]).username("nobody_of_that_name"),
    ] {
        block_on(async {
            let store = store(options);
            expect_everywhere(&store, "check user, password, database name and TLS settings").await;
        });
    }
}

fn an_exhausted_pool_is_named(server: &Server) {
    block_on(async {
        let store = store(server.options(LEVELS[0]));
        let held = store.pool().acquire().await.expect("the only connection");
        expect_everywhere(&store, "raise the pool's `max_connections` or `acquire_timeout`").await;
        drop(held);
        store.migrate().await.expect("it is free again");
    });
}

fn a_closed_pool_is_named(server: &Server) {
    block_on(async {
        let store = store(server.options(LEVELS[0]));
        store.pool().close().await;
        expect_everywhere(&store, "the pool of connections was closed").await;
    });
}

fn a_connection_that_was_cut_is_an_error_and_then_another_one_serves(server: &Server) {
    block_on(async {
        // Nobody asks whether a connection is alive before it is used.
        let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
        let options = server.options(LEVELS[0]);
        let pool = pool.connect_with(options.clone()).await.expect("a pool");
        let store = PostgresStore::new(pool.clone());
        store.migrate().await.expect("it migrates");
        let executioner = PgPoolOptions::new().connect_with(options).await.expect("another pool");
        for _ in 0..3 {
            let backend: i32 =
                sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&pool).await.expect("its process");
            // The pool looks at a connection when it comes back, so it has to be back before it is cut.
            while pool.num_idle() == 0 {
                tokio::task::yield_now().await;
            }
            // Waits until it is gone.
            let cut: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1, 10000)")
                .bind(backend)
                .fetch_one(&executioner)
                .await
                .expect("it is ended");
            assert!(cut);
            let error = store.grants(1u64.into(), 0, 1).await.expect_err("the connection is cut");
            assert!(error.to_string().contains("the database cannot be reached, or went away"), "{error}");
            store.grants(1u64.into(), 0, 1).await.expect("another connection serves");
        }
    });
}

fn a_row_that_was_tampered_with_is_an_error(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = dashshare::MemoryDirectory::default();
        for account in 1..4u64 {
            directory.add_account(account.into());
        }
        let sharing = dashshare::Dashshare::new(&store, &directory, dashshare::SystemEnv);
        let (olga, ann, bob) =
            (1u64.into(), dashshare::AccountId::from(2u64), dashshare::AccountId::from(3u64));
        sharing.register(7u64.into(), 1u64.into(), olga).await.expect("it registers");
        let terms = dashshare::Terms::view(dashshare::Expiry::Never);
        sharing
            .share(olga, 7u64.into(), NewShare::with(ann, terms.clone().and_reshare()))
            .await
            .expect("it shares");
        sharing.share(ann, 7u64.into(), NewShare::with(bob, terms)).await.expect("it shares");
        let ask = || sharing.authorize(bob, 7u64.into(), dashshare::Action::View);
        assert!(ask().await.expect("a decision").is_allowed());
        sqlx::raw_sql("DELETE FROM dashshare_grant WHERE ordinal = 0")
            .execute(store.pool())
            .await
            .expect("gone");
        let said = chain(&ask().await.expect_err("a row is missing"));
        assert!(said.contains("a row is missing that another row names"), "{said}");
        sqlx::raw_sql("UPDATE dashshare_head SET body = '{}'").execute(store.pool()).await.expect("changed");
        let said = chain(&ask().await.expect_err("a row is not what it was"));
        assert!(said.contains("a row is not what dashshare wrote there"), "{said}");
    });
}

fn a_read_only_server_is_named(server: &Server) {
    block_on(async {
        let options = server.options(LEVELS[0]);
        let writable = store(options.clone());
        writable.migrate().await.expect("it migrates");
        let store = store(options.options([("default_transaction_read_only", "on")]));
        store.migrate().await.expect("there is nothing to do");
        for (operation, said) in failures(&store).await {
            let writes = ["register", "lease", "acknowledge"].contains(&operation);
            let expected = if writes { "the database is read-only" } else { "" };
            assert!(said.contains(expected), "`{operation}` says: {said}");
        }
    });
}

fn a_server_that_is_down_is_named_at_once(server: &Server) {
    // Nobody listens behind an address that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let url = format!("postgres://olga:hunter2@{}/sharing", port.expect("a free port"));
    let error = block_on(PostgresStore::connect(&url)).expect_err("nobody is there");
    assert!(matches!(error, SqlError::Unreachable(_)), "{error:?}");
    assert!(!format!("{} {error:?}", chain(&error)).contains("hunter2"), "{error:?}");
    // A pool that is there already goes on trying for as long as it is told to.
    block_on(async {
        let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(50));
        let store = PostgresStore::new(pool.connect_lazy(&url).expect("a pool"));
        expect_everywhere(&store, "or the database cannot be reached: see that it runs").await;
    });
    // It lets in whom it knows.
    let socket = server.options(LEVELS[0]).get_socket().expect("its socket").clone();
    let socket = socket.to_string_lossy().replace('/', "%2F");
    let known = format!("postgresql://postgres@{socket}/postgres");
    block_on(async { PostgresStore::connect(&known).await.expect("it connects").pool().close().await });
    let error = block_on(PostgresStore::connect(&format!("postgres://nobody@{socket}/postgres")));
    assert!(matches!(error, Err(SqlError::Refused(_))), "{error:?}");
}

fn a_statement_that_the_server_stopped_is_named(server: &Server) {
    block_on(async {
        let options = server.options(LEVELS[0]);
        let writable = store(options.clone());
        writable.migrate().await.expect("it migrates");
        for setting in ["statement_timeout", "lock_timeout"] {
            let mut transaction = writable.pool().begin().await.expect("a transaction");
            let lock = "LOCK TABLE dashshare_outbox IN ACCESS EXCLUSIVE MODE";
            sqlx::raw_sql(lock).execute(&mut *transaction).await.expect("it is locked");
            let store = store(options.clone().options([(setting, "20ms")]));
            let error = store.outbox(None, 1).await.expect_err("it is stopped");
            assert!(error.to_string().contains("raise `statement_timeout` or `lock_timeout`"), "{error}");
            transaction.rollback().await.expect("it is over");
        }
    });
}
