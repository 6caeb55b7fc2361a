//! The conformance suite over the store in memory, over a shared handle on it, and over one of a type that is known at
//! run time only.
#![cfg(feature = "conformance")]

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
    use dashshare::{DynStore, MemoryStore};
    use std::sync::Arc;

    async fn fresh() -> Arc<dyn DynStore> {
        Arc::new(MemoryStore::default())
    }

    dashshare::conformance!(fresh = fresh().await, run = pollster::block_on);
}
