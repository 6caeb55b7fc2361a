//! The store for SQLite: one file, for one machine. It needs a tokio runtime.

mod bind;
mod database;
mod ledger;
mod migration;
mod savepoint;
mod statements;
mod store;
mod write;

pub use ledger::SqliteLedger;
pub use store::{SqliteStore, SqliteStoreTransaction};
