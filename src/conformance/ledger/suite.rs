//! The list of promises, and the tests that are made of it.

use super::{
    backs::{a_hand_back_counts_once, a_hand_back_holds_to_what_was_charged},
    charges::{
        a_batch_is_judged_in_its_order, a_batch_sent_again_is_counted_once,
        a_limit_below_what_is_charged_refuses_everything, a_period_that_has_passed_is_not_charged,
        numbers_at_the_ends_of_their_range_are_kept, old_outcomes_are_swept, what_is_owed_is_never_refused,
    },
    counters::a_counter_keeps_its_cap,
    lines::{
        every_kind_of_edge_comes_back_as_it_went_in, lines_are_written_with_their_meter, lines_come_in_pages,
        tenants_periods_and_lines_are_kept_apart,
    },
    races::{
        a_batch_sent_several_times_at_once_is_counted_once, batches_that_race_keep_the_limit,
        takes_that_race_keep_the_cap, workers_that_lease_notices_share_none,
    },
    warnings::{
        a_newer_limit_arms_again_what_it_no_longer_crosses, notices_are_leased_and_acknowledged,
        the_first_refusal_of_a_period_is_told, thresholds_are_told_once,
    },
};
use crate::{conformance::races::Turn, host::Ledger};

/// Tests a ledger against every promise that [`Ledger`] makes: one `#[test]` a promise, where the call stands. It is given what
/// [`conformance!`](crate::conformance!) is given.
#[macro_export]
macro_rules! ledger_conformance {
    ($(#[$attribute:meta])* fresh = $fresh:expr, run = $run:expr $(,)?) => {
        $crate::__ledger_promises! { $crate::__ledger_tests [$(#[$attribute])*] [$fresh] [$run] }
    };
}

/// The one list of promises. Calls a macro with it, and with what else it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __ledger_promises {
    ($then:path $([$($with:tt)*])*) => {
        $then! {
            $([$($with)*])*
            alone: [
                a_batch_is_judged_in_its_order
                a_batch_sent_again_is_counted_once
                a_limit_below_what_is_charged_refuses_everything
                numbers_at_the_ends_of_their_range_are_kept
                what_is_owed_is_never_refused
                a_period_that_has_passed_is_not_charged
                old_outcomes_are_swept
                lines_are_written_with_their_meter
                tenants_periods_and_lines_are_kept_apart
                lines_come_in_pages
                every_kind_of_edge_comes_back_as_it_went_in
                thresholds_are_told_once
                a_newer_limit_arms_again_what_it_no_longer_crosses
                the_first_refusal_of_a_period_is_told
                notices_are_leased_and_acknowledged
                a_hand_back_counts_once
                a_hand_back_holds_to_what_was_charged
                a_counter_keeps_its_cap
            ]
            racing: [
                batches_that_race_keep_the_limit
                a_batch_sent_several_times_at_once_is_counted_once
                takes_that_race_keep_the_cap
                workers_that_lease_notices_share_none
            ]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __ledger_tests {
    ($attributes:tt $fresh:tt $run:tt alone: [$($alone:ident)*] racing: [$($racing:ident)*]) => {
        $($crate::__ledger_test! { $attributes $fresh $run alone $alone })*
        $($crate::__ledger_test! { $attributes $fresh $run racing $racing })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __ledger_test {
    ([$($attribute:tt)*] [$fresh:expr] [$run:expr] alone $name:ident) => {
        $($attribute)*
        #[test]
        fn $name() {
            ($run)(async { $crate::conformance::ledger::$name($fresh).await })
        }
    };
    ([$($attribute:tt)*] [$fresh:expr] [$run:expr] racing $name:ident) => {
        $($attribute)*
        #[test]
        fn $name() {
            let ledger = ($run)(async { $fresh });
            $crate::conformance::ledger::$name(ledger, |turn: $crate::conformance::Turn<'_>| ($run)(turn))
        }
    };
}

macro_rules! list {
    (alone: [$($alone:ident)*] racing: [$($racing:ident)*]) => {
        /// The names of all promises, in the order in which the suite tests them.
        pub const PROMISES: &[&str] = &[$(stringify!($alone),)* $(stringify!($racing),)*];

        /// Checks one promise by its name, for a test harness of one's own.
        ///
        /// # Panics
        /// If the ledger breaks the promise, and if no promise has this name.
        pub fn check<L: Ledger>(promise: &str, ledger: L, run: impl for<'a> Fn(Turn<'a>) + Sync) {
            match promise {
                $(stringify!($alone) => run(Box::pin($alone(ledger))),)*
                $(stringify!($racing) => $racing(ledger, run),)*
                _ => panic!("no promise is called `{promise}`"),
            }
        }
    };
}
__ledger_promises! { list }
