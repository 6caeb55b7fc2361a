//! Locks against a model that is written from their rules, their windows against a second reading of the zones, their
//! golden examples, and the form in which they are written.
//!
//! `DASHSHARE_LOCKS` says how many locks the algebra is tried on (200,000 unless set), `DASHSHARE_SEED` where the random
//! numbers begin; `DASHSHARE_WINDOWS=full` compares the windows around every step of every zone at many more instants.

mod age;
mod algebra;
mod calendar;
pub(crate) mod chance;
mod goldens;
mod json;
pub(crate) mod model;
mod windows;
