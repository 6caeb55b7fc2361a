//! The store for PostgreSQL, and for distributed engines that speak its protocol.

mod bind;
mod connect;
mod database;
mod migration;
mod reads;
mod store;
mod write;

pub use store::{PostgresStore, PostgresTransaction};
