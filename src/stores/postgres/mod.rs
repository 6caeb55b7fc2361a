//! The store for PostgreSQL, and for distributed engines that speak its protocol.

mod bind;
mod connect;
mod database;
mod ledger;
mod ledger_statements;
mod migration;
mod reads;
mod store;
mod write;

pub use ledger::PostgresLedger;
pub use store::{PostgresStore, PostgresTransaction};
