//! Metering: what leaves is charged before it leaves, exactly, to one edge, and told in time.

mod combined;
mod goldens;
mod histories;
mod interleavings;
mod ledger;
mod model;
mod periods;
mod plain;
#[cfg(all(feature = "sqlite", feature = "conformance"))]
mod sqlite;
#[cfg(feature = "conformance")]
mod suite;
mod traps;
mod world;
