//! The stores that come with the crate.

mod cached;
mod memory;
mod memory_ledger;
mod outbox;
mod pairs;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use cached::CachedStore;
pub use memory::MemoryStore;
pub use memory_ledger::MemoryLedger;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresLedger, PostgresStore, PostgresTransaction};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::SqlError;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteLedger, SqliteStore, SqliteStoreTransaction};
