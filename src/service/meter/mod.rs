//! The meter: counts what leaves before it leaves.

mod charge;
mod error;
mod figures;
mod keys;
mod lead;
mod load;
mod turn;

pub use {
    charge::Meter,
    error::{MeterError, NotHandedBack, Quota},
    figures::MeterFigures,
    load::{Load, Metered},
};
