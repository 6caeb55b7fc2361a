//! The list of promises, and the tests that are made of it.

use super::{
    commits::{
        a_commit_is_applied_whole, a_commit_may_bring_hundreds_of_grants,
        a_commit_sent_again_after_others_changes_nothing, a_commit_sent_twice_is_applied_once,
        a_commit_that_expects_another_revision_is_a_conflict, a_digest_opens_one_dashboard,
        a_key_counts_for_its_dashboard_only, a_receipt_tells_whether_a_commit_was_applied,
        a_refused_commit_leaves_nothing, a_revocation_writes_one_row, a_used_key_acknowledges_nothing_else,
        dashboards_do_not_disturb_each_other, old_receipts_are_swept,
        only_an_unknown_dashboard_has_revision_zero,
    },
    dashboards::{
        a_page_of_dashboards_is_answered_whole, a_page_of_dashboards_sees_every_commit_before_it,
        each_of_a_page_of_dashboards_has_its_own_chains,
    },
    dead_letters::{
        a_dead_letter_is_put_back_once, a_lease_ends_when_its_message_is_put_back,
        a_message_leased_too_often_is_a_dead_letter, an_acknowledged_dead_letter_is_gone,
        dead_letters_come_in_pages,
    },
    leases::{
        a_leased_message_comes_to_nobody_else, a_message_comes_again_when_its_lease_ends,
        an_acknowledged_message_is_leased_no_more, every_lease_counts_an_attempt,
        workers_that_lease_at_once_share_no_message,
    },
    links::{
        a_digest_one_bit_off_finds_nothing, a_link_is_found_with_its_makers_chain,
        a_replaced_link_is_found_no_more, a_standing_link_is_found_after_every_commit,
        a_withdrawn_link_is_found_no_more,
    },
    locks::{every_lock_of_a_grant_comes_back_as_it_went_in, the_lock_of_a_link_comes_back_as_it_went_in},
    pages::{
        a_cursor_may_stand_at_any_place, a_dashboard_is_listed_under_its_owner_only,
        a_deleted_dashboard_is_kept_and_goes_on_counting, acknowledging_removes_just_what_it_names,
        grants_come_by_ordinal_in_pages, pages_have_no_gaps_and_no_repeats_while_others_write,
        the_audit_trail_comes_in_pages, the_outbox_comes_in_pages, what_hangs_on_a_grant_comes_in_pages,
        what_one_did_comes_in_pages, what_one_holds_comes_in_pages, what_one_owns_comes_in_pages,
    },
    races::{
        Turn, a_commit_sent_several_times_at_once_is_applied_once,
        a_link_found_amid_rotations_is_the_one_asked_for, a_read_amid_commits_is_whole,
        no_acknowledged_change_is_lost_among_many_writers, of_commits_sent_at_once_exactly_one_wins,
    },
    reads::{
        a_chain_is_leaf_first_and_whole, a_changed_grant_replaces_its_row,
        a_grant_is_found_on_its_own_dashboard_only, a_read_is_never_older_than_the_revision_demanded,
        a_read_sees_every_commit_before_it, a_shelved_grant_is_read_only_when_all_is_asked_for,
        addresses_that_look_alike_are_different, an_account_finds_every_grant_that_it_holds,
        an_address_finds_what_waits_and_what_was_claimed, ended_grants_are_read_like_any_other,
        ids_that_differ_in_one_bit_are_different, what_is_not_there_reads_as_nothing,
    },
    values::{
        every_grant_comes_back_as_it_went_in, every_head_comes_back_as_it_went_in,
        every_record_comes_back_as_it_went_in, instants_come_back_to_the_microsecond, never_stays_never,
    },
    withdrawals::{
        a_withdrawal_is_written_on_whatever_came_before, a_withdrawal_of_what_has_changed_is_a_conflict,
    },
};
use crate::host::Store;

/// Tests a store against every promise that [`Store`] makes: one `#[test]` a promise, where the call stands.
///
/// `fresh` is an expression that makes an empty store; it is evaluated once for each test, inside an `async` block, so
/// it may `.await`. `run` is what blocks on a future, a function or a closure written in place. The tests that race call
/// it from several threads at once on one store, so with tokio it should use one runtime for all of them:
///
/// ```
/// # struct Runtime;
/// # impl Runtime { fn block_on<F: Future>(&self, f: F) -> F::Output { pollster::block_on(f) } }
/// # static RUNTIME: std::sync::LazyLock<Runtime> = std::sync::LazyLock::new(|| Runtime);
/// # async fn new_schema() -> dashshare::MemoryStore { dashshare::MemoryStore::default() }
/// mod postgres {
///     use super::{RUNTIME, new_schema};
///     dashshare::conformance!(fresh = new_schema().await, run = |future| RUNTIME.block_on(future));
/// }
/// # fn main() {}
/// ```
///
/// Attributes before `fresh`, such as `#[ignore = "needs a database"]`, go to every test.
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* fresh = $fresh:expr, run = $run:expr $(,)?) => {
        $crate::__promises! { $crate::__conformance_tests [$(#[$attribute])*] [$fresh] [$run] }
    };
}

/// The one list of promises. Calls a macro with it, and with what else it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __promises {
    ($then:path $([$($with:tt)*])*) => {
        $then! {
            $([$($with)*])*
            alone: [
                a_commit_is_applied_whole
                a_refused_commit_leaves_nothing
                a_commit_that_expects_another_revision_is_a_conflict
                only_an_unknown_dashboard_has_revision_zero
                a_commit_sent_twice_is_applied_once
                a_commit_sent_again_after_others_changes_nothing
                a_receipt_tells_whether_a_commit_was_applied
                a_key_counts_for_its_dashboard_only
                a_used_key_acknowledges_nothing_else
                a_digest_opens_one_dashboard
                old_receipts_are_swept
                a_commit_may_bring_hundreds_of_grants
                dashboards_do_not_disturb_each_other
                a_read_sees_every_commit_before_it
                a_read_is_never_older_than_the_revision_demanded
                what_is_not_there_reads_as_nothing
                an_account_finds_every_grant_that_it_holds
                an_address_finds_what_waits_and_what_was_claimed
                a_grant_is_found_on_its_own_dashboard_only
                a_chain_is_leaf_first_and_whole
                ended_grants_are_read_like_any_other
                a_shelved_grant_is_read_only_when_all_is_asked_for
                a_changed_grant_replaces_its_row
                ids_that_differ_in_one_bit_are_different
                addresses_that_look_alike_are_different
                each_of_a_page_of_dashboards_has_its_own_chains
                a_page_of_dashboards_is_answered_whole
                a_page_of_dashboards_sees_every_commit_before_it
                a_link_is_found_with_its_makers_chain
                a_standing_link_is_found_after_every_commit
                a_replaced_link_is_found_no_more
                a_withdrawn_link_is_found_no_more
                a_digest_one_bit_off_finds_nothing
                every_grant_comes_back_as_it_went_in
                every_head_comes_back_as_it_went_in
                every_record_comes_back_as_it_went_in
                every_lock_of_a_grant_comes_back_as_it_went_in
                the_lock_of_a_link_comes_back_as_it_went_in
                instants_come_back_to_the_microsecond
                never_stays_never
                grants_come_by_ordinal_in_pages
                what_hangs_on_a_grant_comes_in_pages
                what_one_holds_comes_in_pages
                what_one_owns_comes_in_pages
                the_audit_trail_comes_in_pages
                what_one_did_comes_in_pages
                the_outbox_comes_in_pages
                pages_have_no_gaps_and_no_repeats_while_others_write
                a_cursor_may_stand_at_any_place
                acknowledging_removes_just_what_it_names
                a_leased_message_comes_to_nobody_else
                a_message_comes_again_when_its_lease_ends
                an_acknowledged_message_is_leased_no_more
                every_lease_counts_an_attempt
                a_message_leased_too_often_is_a_dead_letter
                dead_letters_come_in_pages
                a_dead_letter_is_put_back_once
                a_lease_ends_when_its_message_is_put_back
                an_acknowledged_dead_letter_is_gone
                a_dashboard_is_listed_under_its_owner_only
                a_deleted_dashboard_is_kept_and_goes_on_counting
                a_revocation_writes_one_row
                a_withdrawal_is_written_on_whatever_came_before
                a_withdrawal_of_what_has_changed_is_a_conflict
            ]
            racing: [
                of_commits_sent_at_once_exactly_one_wins
                a_commit_sent_several_times_at_once_is_applied_once
                no_acknowledged_change_is_lost_among_many_writers
                a_read_amid_commits_is_whole
                a_link_found_amid_rotations_is_the_one_asked_for
                workers_that_lease_at_once_share_no_message
            ]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($attributes:tt $fresh:tt $run:tt alone: [$($alone:ident)*] racing: [$($racing:ident)*]) => {
        $($crate::__conformance_test! { $attributes $fresh $run alone $alone })*
        $($crate::__conformance_test! { $attributes $fresh $run racing $racing })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_test {
    ([$($attribute:tt)*] [$fresh:expr] [$run:expr] alone $name:ident) => {
        $($attribute)*
        #[test]
        fn $name() {
            ($run)(async { $crate::conformance::$name($fresh).await })
        }
    };
    ([$($attribute:tt)*] [$fresh:expr] [$run:expr] racing $name:ident) => {
        $($attribute)*
        #[test]
        fn $name() {
            let store = ($run)(async { $fresh });
            $crate::conformance::$name(store, |turn: $crate::conformance::Turn<'_>| ($run)(turn))
        }
    };
}

macro_rules! list {
    (alone: [$($alone:ident)*] racing: [$($racing:ident)*]) => {
        /// The names of all promises, in the order in which the suite tests them.
        pub const PROMISES: &[&str] = &[$(stringify!($alone),)* $(stringify!($racing),)*];

        /// Checks one promise by its name, for a test harness of one's own; [`conformance!`](crate::conformance!) is the
        /// usual way.
        ///
        /// # Panics
        /// If the store breaks the promise, and if no promise has this name.
        pub fn check<S: Store>(promise: &str, store: S, run: impl for<'a> Fn(Turn<'a>) + Sync) {
            match promise {
                $(stringify!($alone) => run(Box::pin($alone(store))),)*
                $(stringify!($racing) => $racing(store, run),)*
                _ => panic!("no promise is called `{promise}`"),
            }
        }
    };
}
__promises! { list }
