//! The traits that a host implements: its store, its directory, its clock and randomness, and the limiter that its
//! processes share.

mod delegate;
mod delegate_directory;
mod delegate_store;
mod directory;
mod dynamic;
mod env;
mod fixed;
mod limiter;
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
    limiter::{Limiter, ProcessLimiter},
    rate_limits::{Limited, Permit, RateLimits, Unanswered},
    store::{BoxError, CommitError, Freshness, Store},
    transactional::Transactional,
};
