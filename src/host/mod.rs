//! The traits that a host implements: its store, its directory, its clock and randomness, and the limiter that its
//! processes share.

mod delegate;
mod delegate_directory;
mod delegate_store;
mod directory;
mod dynamic;
mod env;
mod fixed;
mod ledger;
mod limiter;
mod plans;
mod rate_limits;
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
    limiter::{Limiter, ProcessLimiter},
    plans::{MemoryPlans, Plans},
    rate_limits::{Limited, Permit, RateLimits, Unanswered},
    store::{BoxError, CommitError, Freshness, Store},
    transactional::Transactional,
};
