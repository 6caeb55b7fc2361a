//! The store for SQLite: the suite that every store passes, and what is its own: migration, the host's transaction, and
//! errors that say what to do.

mod errors;
mod migration;
mod transaction;

use crate::support::files::fresh_path;
use crate::support::runtime::block_on;
use dashshare::{SqliteStore, store::DynStore};
use std::sync::Arc;

/// A store in a new file.
async fn fresh() -> SqliteStore {
    let store = SqliteStore::open(fresh_path()).await.expect("it opens");
    store.migrate().await.expect("it migrates");
    store
}

mod plain {
    dashshare::conformance!(fresh = super::fresh().await, run = super::block_on);
}

mod cached {
    use dashshare::{SqliteStore, SystemEnv, store::CachedStore};
    use std::{num::NonZeroUsize, time::Duration};

    async fn fresh() -> CachedStore<SqliteStore, SystemEnv> {
        let (hour, room) = (Duration::from_secs(3600), NonZeroUsize::MIN);
        CachedStore::new(super::fresh().await, SystemEnv, hour, room)
    }

    dashshare::conformance!(fresh = fresh().await, run = super::block_on);
}

mod dynamic {
    use super::{Arc, DynStore};

    async fn fresh() -> Arc<dyn DynStore> {
        Arc::new(super::fresh().await)
    }

    dashshare::conformance!(fresh = fresh().await, run = super::block_on);
}
