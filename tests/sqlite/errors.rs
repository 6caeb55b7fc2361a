//! Errors say what to do, and do no damage; whoever was asking is denied.

use super::{block_on, fresh, fresh_path};
use crate::support::operations::{chain, failures};
use dashshare::{
    AccountId, Dashshare, Error, Expiry, MemoryDirectory, NewShare, SqliteStore, SystemEnv, Terms,
    store::{SqlError, Store},
};
use sqlx::sqlite::SqlitePoolOptions;
use std::{fs, time::Duration};

pub(crate) async fn expect_everywhere(store: &impl Store, words: &str) {
    let all = failures(store).await;
    assert_eq!(all.len(), 22);
    for (operation, said) in all {
        assert!(said.contains(words), "`{operation}` says: {said}");
    }
}

async fn is_sound(store: &SqliteStore) {
    let found: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(store.pool()).await.expect("a check");
    assert_eq!(found, "ok");
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    block_on(async {
        let nowhere = fresh_path().join("no").join("such").join("folder.db");
        let error = SqliteStore::open(nowhere).await.expect_err("there is no such folder");
        assert!(matches!(error, SqlError::NoFile(_)), "{error:?}");
        assert!(error.to_string().contains("check the file name, that its folder is there"), "{error}");
        let folder = fresh_path();
        fs::create_dir_all(&folder).expect("a folder");
        let error = SqliteStore::open(folder).await.expect_err("it is a folder");
        assert!(matches!(error, SqlError::NoFile(_)), "{error:?}");
    });
}

/// Each connection would have such a database of its own.
#[test]
fn what_is_in_no_file_is_one_database() {
    block_on(async {
        for path in [":memory:", "", "file::memory:", "file:sharing?mode=memory"] {
            let store = SqliteStore::open(path).await.expect("it opens");
            store.migrate().await.expect("it migrates");
            assert_eq!(store.pool().options().get_max_connections(), 1, "{path}");
            let directory = MemoryDirectory::default();
            directory.add_account(1u64.into());
            let sharing = Dashshare::new(&store, &directory, SystemEnv);
            sharing.register(7u64.into(), 1u64.into(), 1u64.into()).await.expect("it registers");
            let asks: Vec<_> = (0..20)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move { store.owned(1u64.into(), None, 10).await })
                })
                .collect();
            for ask in asks {
                assert_eq!(ask.await.expect("no panic").expect("its tables are there").len(), 1, "{path}");
            }
        }
    });
}

#[test]
fn a_file_that_is_no_database_is_an_error() {
    block_on(async {
        let path = fresh_path();
        fs::write(&path, "a letter to Ann, and no database at all\n".repeat(100)).expect("a file");
        let error = SqliteStore::open(&path).await.expect_err("it is no database");
        assert!(error.to_string().contains("no database: check its name"), "{error}");
        assert!(chain(&error).contains("file is not a database"), "{}", chain(&error));
        assert!(fs::read_to_string(&path).expect("it is there").starts_with("a letter to Ann"));
    });
}

#[test]
fn the_file_is_opened_with_the_settings_that_keep_what_was_acknowledged() {
    block_on(async {
        let store = fresh().await;
        let pragma = async |sql: &'static str| -> String {
            let value: sqlx::sqlite::SqliteRow =
                sqlx::query(sql).fetch_one(store.pool()).await.expect("a pragma");
            sqlx::Row::try_get_unchecked::<String, _>(&value, 0).expect("a value")
        };
        assert_eq!(pragma("PRAGMA journal_mode").await, "wal");
        assert_eq!(pragma("SELECT synchronous || '' FROM pragma_synchronous").await, "2");
        assert_eq!(pragma("SELECT foreign_keys || '' FROM pragma_foreign_keys").await, "1");
        assert_eq!(pragma("SELECT timeout || '' FROM pragma_busy_timeout").await, "10000");
        let loose: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM pragma_table_list WHERE name LIKE 'dashshare%' AND strict = 0",
        )
        .fetch_all(store.pool())
        .await
        .expect("tables");
        assert_eq!(loose, Vec::<String>::new(), "every table is STRICT");
    });
}

#[test]
fn a_full_disk_is_named_and_nothing_is_damaged() {
    block_on(async {
        // SQLite's own way to run out of room.
        let options = SqliteStore::options(fresh_path()).pragma("max_page_count", "60");
        let store = SqliteStore::new(SqlitePoolOptions::new().connect_with(options).await.expect("a pool"));
        store.migrate().await.expect("it migrates");
        let directory = MemoryDirectory::default();
        (1..2000u64).for_each(|account| directory.add_account(account.into()));
        let sharing = Dashshare::new(&store, &directory, SystemEnv);
        let olga = AccountId::from(1u64);
        sharing.register(7u64.into(), 1u64.into(), olga).await.expect("it registers");
        let mut shared = 0u64;
        let error = loop {
            let next = AccountId::from(2 + shared);
            match sharing.share(olga, 7u64.into(), NewShare::with(next, Terms::view(Expiry::Never))).await {
                Ok(_) => shared += 1,
                Err(error) => break error,
            }
            assert!(shared < 1_900, "the disk is never full");
        };
        assert!(matches!(error, Error::Store(_)), "{error:?}");
        assert!(chain(&error).contains("the disk is full: make room"), "{}", chain(&error));
        is_sound(&store).await;
        let grants = store.grants(7u64.into(), 0, 100_000).await.expect("they read");
        let audit = store.audit(7u64.into(), dashshare::Revision::ZERO, 100_000).await.expect("it reads");
        let count = usize::try_from(shared).expect("a count");
        assert!(count > 10);
        assert_eq!((grants.len(), audit.len()), (count, count + 1), "all of a commit or nothing of it");
    });
}

#[test]
fn a_read_only_file_is_named_and_nothing_is_damaged() {
    block_on(async {
        let path = fresh_path();
        let store = SqliteStore::open(&path).await.expect("it opens");
        store.migrate().await.expect("it migrates");
        let options = SqliteStore::options(&path).read_only(true).create_if_missing(false);
        let pool = SqlitePoolOptions::new().connect_with(options).await.expect("a pool that only reads");
        let reader = SqliteStore::new(pool);
        reader.migrate().await.expect("there is nothing to do");
        for (operation, said) in failures(&reader).await {
            let writes = ["register", "lease", "acknowledge"].contains(&operation);
            let expected = if writes { "the database is read-only: check the file's rights" } else { "" };
            assert!(said.contains(expected), "`{operation}` says: {said}");
        }
        is_sound(&store).await;
    });
}

#[test]
fn a_file_that_another_one_writes_to_is_named() {
    block_on(async {
        let path = fresh_path();
        let other = SqliteStore::open(&path).await.expect("it opens");
        other.migrate().await.expect("it migrates");
        let options = SqliteStore::options(&path).busy_timeout(Duration::ZERO);
        let store = SqliteStore::new(SqlitePoolOptions::new().connect_with(options).await.expect("a pool"));
        let transaction = other.pool().begin_with("BEGIN IMMEDIATE").await.expect("another writer");
        for (operation, said) in failures(&store).await {
            let writes = ["register", "lease", "acknowledge"].contains(&operation);
            let expected = if writes { "locked by another writer" } else { "" };
            assert!(said.contains(expected), "`{operation}` says: {said}");
        }
        drop(transaction);
    });
}

#[test]
fn an_exhausted_pool_is_named() {
    block_on(async {
        let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(50));
        let pool = pool.connect_with(SqliteStore::options(fresh_path())).await.expect("a pool");
        let store = SqliteStore::new(pool);
        store.migrate().await.expect("it migrates");
        let held = store.pool().acquire().await.expect("the only connection");
        expect_everywhere(&store, "raise the pool's `max_connections` or `acquire_timeout`").await;
        drop(held);
        store.pool().close().await;
        expect_everywhere(&store, "the pool of connections was closed").await;
    });
}
