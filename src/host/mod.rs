//! The traits that a host implements: its store, its directory, its clock and randomness.

mod delegate;
mod delegate_directory;
mod delegate_store;
mod directory;
mod dynamic;
mod env;
mod fixed;
mod ledger;
mod plans;
mod store;
mod transactional;

#[doc(hidden)]
pub use delegate::named;
pub use {
    directory::{CandidatePage, Directory},
    dynamic::{DynDirectory, DynStore},
    env::{Env, SystemEnv},
    fixed::{FixedEnv, MemoryDirectory},
    ledger::{DynLedger, Ledger, LedgerError},
    plans::{MemoryPlans, Plans},
    store::{BoxError, CommitError, Freshness, Store},
    transactional::Transactional,
};
