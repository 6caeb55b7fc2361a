//! Proves the suite for ledgers: the one in memory and one that is written apart keep every promise, and the latter broken in
//! one way after the other is caught by the promise that was written against it.

use super::plain::{PlainLedger, Sabotage as S};
use dashshare::{
    conformance::ledger::{PROMISES, check},
    metering::{DynLedger, MemoryLedger},
};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

mod memory {
    dashshare::ledger_conformance!(
        fresh = dashshare::metering::MemoryLedger::default(),
        run = pollster::block_on
    );
}

/// Every saboteur with the promise that was written against it.
const SABOTEURS: &[(S, &str)] = &[
    (S::ChecksThenAdds, "batches_that_race_keep_the_limit"),
    (S::CountsARetryAgain, "a_batch_sent_again_is_counted_once"),
    (S::CountsARetryAgain, "a_batch_sent_several_times_at_once_is_counted_once"),
    (S::AnswersARetryWithNothingRefused, "a_batch_sent_again_is_counted_once"),
    (S::TakesAnotherBatchForARetry, "a_batch_sent_again_is_counted_once"),
    (S::LosesEveryThirdLine, "lines_are_written_with_their_meter"),
    (S::WritesLinesAfterTheMeter, "lines_are_written_with_their_meter"),
    (S::WrapsOnALoweredLimit, "a_limit_below_what_is_charged_refuses_everything"),
    (S::LetsTheLastThrough, "a_batch_is_judged_in_its_order"),
    (S::CutsALoad, "a_batch_is_judged_in_its_order"),
    (S::ChargesWhatItRefuses, "a_batch_is_judged_in_its_order"),
    (S::StopsBehindARefusal, "a_batch_is_judged_in_its_order"),
    (S::JudgesTheSumOfABatch, "a_batch_is_judged_in_its_order"),
    (S::CountsNoRefusals, "a_batch_is_judged_in_its_order"),
    (S::RefusesWithoutALimit, "a_limit_below_what_is_charged_refuses_everything"),
    (S::OverflowsItsMeter, "numbers_at_the_ends_of_their_range_are_kept"),
    (S::RefusesWhatIsOwed, "what_is_owed_is_never_refused"),
    (S::CountsCachedRecords, "lines_are_written_with_their_meter"),
    (S::ForgetsCachedRecords, "lines_are_written_with_their_meter"),
    (S::MixesPeriods, "tenants_periods_and_lines_are_kept_apart"),
    (S::MixesTenants, "tenants_periods_and_lines_are_kept_apart"),
    (S::MixesEdges, "every_kind_of_edge_comes_back_as_it_went_in"),
    (S::MixesEdges, "tenants_periods_and_lines_are_kept_apart"),
    (S::MixesIncarnations, "tenants_periods_and_lines_are_kept_apart"),
    (S::MixesDays, "tenants_periods_and_lines_are_kept_apart"),
    (S::MixesWidgets, "tenants_periods_and_lines_are_kept_apart"),
    (S::ChargesAPeriodThatHasPassed, "a_period_that_has_passed_is_not_charged"),
    (S::RefusesWhatIsOwedToAPassedPeriod, "what_is_owed_is_never_refused"),
    (S::TellsAgain, "thresholds_are_told_once"),
    (S::TellsEachThresholdByItself, "thresholds_are_told_once"),
    (S::TellsOnlyTheHighest, "thresholds_are_told_once"),
    (S::TellsNoRefusal, "the_first_refusal_of_a_period_is_told"),
    (S::TellsEveryRefusal, "the_first_refusal_of_a_period_is_told"),
    (S::TellsOneRecordLate, "thresholds_are_told_once"),
    (S::ArmsNothingAgain, "a_newer_limit_arms_again_what_it_no_longer_crosses"),
    (S::ArmsEverythingAgain, "a_newer_limit_arms_again_what_it_no_longer_crosses"),
    (S::TellsByAnOlderLimit, "a_newer_limit_arms_again_what_it_no_longer_crosses"),
    (S::JudgesThresholdsByTheIncrement, "thresholds_are_told_once"),
    (S::TakesBackTwice, "a_hand_back_counts_once"),
    (S::TakesBackFromTheMeterOnly, "a_hand_back_counts_once"),
    (S::TakesBackWithoutCounting, "a_hand_back_counts_once"),
    (S::TakesBackMoreThanThereIs, "a_hand_back_holds_to_what_was_charged"),
    (S::ArmsByAHandBack, "a_newer_limit_arms_again_what_it_no_longer_crosses"),
    (S::PagesWithAGap, "lines_come_in_pages"),
    (S::PagesWithARepeat, "lines_come_in_pages"),
    (S::IgnoresTheDashboard, "lines_come_in_pages"),
    (S::IgnoresTheDays, "lines_come_in_pages"),
    (S::LeasesWhatIsLeased, "notices_are_leased_and_acknowledged"),
    (S::FindsAndLeasesInTwoSteps, "workers_that_lease_notices_share_none"),
    (S::LeasesForEver, "notices_are_leased_and_acknowledged"),
    (S::CountsNoLeases, "notices_are_leased_and_acknowledged"),
    (S::KeepsWhatIsAcknowledged, "notices_are_leased_and_acknowledged"),
    (S::TakesOverTheCap, "a_counter_keeps_its_cap"),
    (S::TakesOverTheCap, "takes_that_race_keep_the_cap"),
    (S::TakesAgain, "a_counter_keeps_its_cap"),
    (S::TakesAnewWhatItRefused, "a_counter_keeps_its_cap"),
    (S::ForgetsWhenItTook, "a_counter_keeps_its_cap"),
    (S::MixesCounters, "a_counter_keeps_its_cap"),
    (S::SweepsFigures, "old_outcomes_are_swept"),
    (S::SweepsWhatIsYoung, "old_outcomes_are_swept"),
    (S::SweepsAllAtOnce, "old_outcomes_are_swept"),
    (S::SweepsNothing, "old_outcomes_are_swept"),
];

fn keeps(promise: &str, sabotage: Option<S>) -> bool {
    let run = || check(promise, PlainLedger::new(sabotage), |turn| pollster::block_on(turn));
    catch_unwind(AssertUnwindSafe(run)).is_ok()
}

/// M3 to M13, S6: ledgers that are sound keep every promise, also through a trait object.
#[test]
fn sound_ledgers_keep_every_promise() {
    for promise in PROMISES {
        check(promise, PlainLedger::new(None), |turn| pollster::block_on(turn));
        let dynamic: Arc<dyn DynLedger> = Arc::new(MemoryLedger::default());
        check(promise, dynamic, |turn| pollster::block_on(turn));
    }
}

/// S4: the suite catches each broken ledger by the promise that was written against it, and nothing is without one.
#[test]
fn every_broken_ledger_is_caught() {
    let missed: Vec<_> =
        SABOTEURS.iter().filter(|(sabotage, promise)| keeps(promise, Some(*sabotage))).collect();
    println!("{} saboteurs", SABOTEURS.len());
    assert!(missed.is_empty(), "not caught: {missed:#?}");
    let proven: BTreeSet<&str> = SABOTEURS.iter().map(|(_, promise)| *promise).collect();
    let unproven: Vec<_> = PROMISES.iter().filter(|promise| !proven.contains(*promise)).collect();
    assert!(unproven.is_empty(), "nothing shows that these bite: {unproven:?}");
}
