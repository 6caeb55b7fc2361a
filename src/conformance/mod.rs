//! The contract of a [`Store`](crate::store::Store), as tests: one for each promise, over the host's own store.
//!
//! Switch the feature `conformance` on for your tests and make one call:
//!
//! ```toml
//! [dev-dependencies]
//! dashshare = { version = "0.1", features = ["conformance"] }
//! ```
//!
//! ```
//! mod my_store {
//!     dashshare::conformance!(fresh = dashshare::MemoryStore::default(), run = pollster::block_on);
//! }
//! # fn main() {}
//! ```
//!
//! [`conformance!`](crate::conformance!) says what `fresh` and `run` are. Each test is named after its promise, and the
//! functions in this module are those promises: their documentation says what is demanded. A store that breaks one
//! panics with a sentence that says which, and why it matters.
//!
//! The checks judge the store against a truth that they keep themselves, so what a broken store answers does not mislead
//! the next step. Those that race let several threads loose at once, wait for all, and judge afterwards; nothing sleeps.
//!
//! That the suite bites is tested too: `tests/saboteurs.rs` breaks a store in more than a hundred ways, and each must be
//! caught by the promise that was written against it.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a suite of tests fails by panicking, and counts what it made itself"
)]

mod commits;
mod dashboards;
mod dead_letters;
mod desk;
mod leases;
mod links;
mod lists;
mod locks;
mod pages;
mod races;
mod reads;
mod suite;
mod values;
mod withdrawals;

pub mod canary;
pub mod ledger;

pub use commits::{
    a_commit_is_applied_whole, a_commit_may_bring_hundreds_of_grants,
    a_commit_sent_again_after_others_changes_nothing, a_commit_sent_twice_is_applied_once,
    a_commit_that_expects_another_revision_is_a_conflict, a_digest_opens_one_dashboard,
    a_key_counts_for_its_dashboard_only, a_receipt_tells_whether_a_commit_was_applied,
    a_refused_commit_leaves_nothing, a_revocation_writes_one_row, a_used_key_acknowledges_nothing_else,
    dashboards_do_not_disturb_each_other, old_receipts_are_swept,
    only_an_unknown_dashboard_has_revision_zero,
};
pub use dashboards::{
    a_page_of_dashboards_is_answered_whole, a_page_of_dashboards_sees_every_commit_before_it,
    each_of_a_page_of_dashboards_has_its_own_chains,
};
pub use dead_letters::{
    a_dead_letter_is_put_back_once, a_lease_ends_when_its_message_is_put_back,
    a_message_leased_too_often_is_a_dead_letter, an_acknowledged_dead_letter_is_gone,
    dead_letters_come_in_pages,
};
pub use leases::{
    a_leased_message_comes_to_nobody_else, a_message_comes_again_when_its_lease_ends,
    an_acknowledged_message_is_leased_no_more, every_lease_counts_an_attempt,
    workers_that_lease_at_once_share_no_message,
};
pub use links::{
    a_digest_one_bit_off_finds_nothing, a_link_is_found_with_its_makers_chain,
    a_replaced_link_is_found_no_more, a_standing_link_is_found_after_every_commit,
    a_withdrawn_link_is_found_no_more,
};
pub use locks::{
    every_lock_of_a_grant_comes_back_as_it_went_in, the_lock_of_a_link_comes_back_as_it_went_in,
};
pub use pages::{
    a_cursor_may_stand_at_any_place, a_dashboard_is_listed_under_its_owner_only,
    a_deleted_dashboard_is_kept_and_goes_on_counting, acknowledging_removes_just_what_it_names,
    grants_come_by_ordinal_in_pages, pages_have_no_gaps_and_no_repeats_while_others_write,
    the_audit_trail_comes_in_pages, the_outbox_comes_in_pages, what_hangs_on_a_grant_comes_in_pages,
    what_one_did_comes_in_pages, what_one_holds_comes_in_pages, what_one_owns_comes_in_pages,
};
pub use races::{
    Turn, a_commit_sent_several_times_at_once_is_applied_once,
    a_link_found_amid_rotations_is_the_one_asked_for, a_read_amid_commits_is_whole,
    no_acknowledged_change_is_lost_among_many_writers, of_commits_sent_at_once_exactly_one_wins,
};
pub use reads::{
    a_chain_is_leaf_first_and_whole, a_changed_grant_replaces_its_row,
    a_grant_is_found_on_its_own_dashboard_only, a_read_is_never_older_than_the_revision_demanded,
    a_read_sees_every_commit_before_it, a_shelved_grant_is_read_only_when_all_is_asked_for,
    addresses_that_look_alike_are_different, an_account_finds_every_grant_that_it_holds,
    an_address_finds_what_waits_and_what_was_claimed, ended_grants_are_read_like_any_other,
    ids_that_differ_in_one_bit_are_different, what_is_not_there_reads_as_nothing,
};
pub use suite::{PROMISES, check};
pub use values::{
    every_grant_comes_back_as_it_went_in, every_head_comes_back_as_it_went_in,
    every_record_comes_back_as_it_went_in, instants_come_back_to_the_microsecond, never_stays_never,
};
pub use withdrawals::{
    a_withdrawal_is_written_on_whatever_came_before, a_withdrawal_of_what_has_changed_is_a_conflict,
};
