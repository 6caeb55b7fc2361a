//! Rate limits: what a limit is, whom it counts, and the state of a fixed size that a process keeps of it. Pure: the
//! present and the secret are arguments.

mod ask;
mod gcra;
mod key;
mod purpose;
mod rates;
mod table;

pub use {
    ask::Ask,
    gcra::{KeyState, Limit, Taken, Verdict},
    key::{Client, LimitKey, Network},
    purpose::Purpose,
    rates::Rates,
};
pub(crate) use {ask::Asked, key::Keys, table::Table};
