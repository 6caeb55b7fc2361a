//! The conformance suite over the store in memory, and over a shared handle on it.
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
