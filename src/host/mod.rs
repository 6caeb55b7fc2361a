//! The traits that a host implements: its store, its directory, its clock and randomness.

mod directory;
mod dynamic;
mod env;
mod fixed;
mod store;

pub use {
    directory::Directory,
    dynamic::DynStore,
    env::{Env, SystemEnv},
    fixed::{FixedEnv, MemoryDirectory},
    store::{BoxError, CommitError, Freshness, Store},
};
