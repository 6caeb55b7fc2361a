//! The contract of a [`Ledger`](crate::metering::Ledger), as tests: one for each promise, over the host's own ledger.
//!
//! ```
//! mod my_ledger {
//!     use dashshare::metering::MemoryLedger;
//!     dashshare::ledger_conformance!(fresh = MemoryLedger::default(), run = pollster::block_on);
//! }
//! # fn main() {}
//! ```
//!
//! [`ledger_conformance!`](crate::ledger_conformance!) takes what [`conformance!`](crate::conformance!) takes. That the suite
//! bites is tested too: a plain ledger is broken in fifty ways, and each is caught by the promise written against it.

mod backs;
mod book;
mod charges;
mod counters;
mod lines;
mod races;
mod suite;
mod warnings;

pub use backs::{a_hand_back_counts_once, a_hand_back_holds_to_what_was_charged};
pub use charges::{
    a_batch_is_judged_in_its_order, a_batch_sent_again_is_counted_once,
    a_limit_below_what_is_charged_refuses_everything, a_period_that_has_passed_is_not_charged,
    numbers_at_the_ends_of_their_range_are_kept, old_outcomes_are_swept, what_is_owed_is_never_refused,
};
pub use counters::a_counter_keeps_its_cap;
pub use lines::{
    every_kind_of_edge_comes_back_as_it_went_in, lines_are_written_with_their_meter, lines_come_in_pages,
    tenants_periods_and_lines_are_kept_apart,
};
pub use races::{
    a_batch_sent_several_times_at_once_is_counted_once, batches_that_race_keep_the_limit,
    takes_that_race_keep_the_cap, workers_that_lease_notices_share_none,
};
pub use suite::{PROMISES, check};
pub use warnings::{
    a_newer_limit_arms_again_what_it_no_longer_crosses, notices_are_leased_and_acknowledged,
    the_first_refusal_of_a_period_is_told, thresholds_are_told_once,
};
