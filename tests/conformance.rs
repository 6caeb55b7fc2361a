//! The conformance suite over the store in memory, over a shared handle on it, over one of a type that is known at run
//! time only, and behind the cache.

mod memory {
    dashshare::conformance!(fresh = dashshare::MemoryStore::default(), run = pollster::block_on);
}

mod shared_memory {
    use dashshare::MemoryStore;
    use std::sync::Arc;

    async fn fresh() -> Arc<MemoryStore> {
        Arc::new(MemoryStore::default())
    }

    dashshare::conformance!(fresh = fresh().await, run = pollster::block_on);
}

mod dynamic_memory {
    use dashshare::{MemoryStore, store::DynStore};
    use std::sync::Arc;

    async fn fresh() -> Arc<dyn DynStore> {
        Arc::new(MemoryStore::default())
    }

    dashshare::conformance!(fresh = fresh().await, run = pollster::block_on);
}

mod cached_memory {
    use dashshare::{MemoryStore, SystemEnv, store::CachedStore};
    use std::{num::NonZeroUsize, time::Duration};

    fn fresh() -> CachedStore<MemoryStore, SystemEnv> {
        CachedStore::new(MemoryStore::default(), SystemEnv, Duration::from_secs(3600), NonZeroUsize::MIN)
    }

    dashshare::conformance!(fresh = fresh(), run = pollster::block_on);
}
