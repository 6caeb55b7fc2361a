//! Rate limits (R): what one says, what a limiter of a fixed size keeps of many keys, and where the service asks.

mod commands;
mod exact;
mod gcra;
mod keys;
mod limiter;
mod planted;
mod shared;
mod subject;
mod visits;
