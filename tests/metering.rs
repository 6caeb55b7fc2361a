//! Metering: what leaves is charged before it leaves, exactly, to one edge, and told in time.

mod combined;
mod goldens;
mod ledger;
mod periods;
mod traps;
mod world;
