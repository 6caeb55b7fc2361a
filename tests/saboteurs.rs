//! Proves the conformance suite: a small store that keeps every promise, and the same store broken in one way after the
//! other. Each saboteur must be caught by the promise that was written against it.

mod store;

use dashshare::{
    MemoryStore,
    conformance::{PROMISES, check},
    store::DynStore,
};
use std::{
    cell::Cell,
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Once},
};
use store::PlainStore;

macro_rules! saboteurs {
    ($($sabotage:ident => $($promise:ident)+;)*) => {
        /// One defect each.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        enum Sabotage {
            $($sabotage,)*
        }

        /// Every saboteur with the promises that were written against it.
        const SABOTEURS: &[(Sabotage, &[&str])] = &[$((Sabotage::$sabotage, &[$(stringify!($promise)),+]),)*];
    };
}

saboteurs! {
    IgnoresTheExpectedRevision => a_commit_that_expects_another_revision_is_a_conflict;
    AcceptsANewerRevision => a_commit_that_expects_another_revision_is_a_conflict;
    ReplacesADashboardAtRevisionZero => only_an_unknown_dashboard_has_revision_zero;
    CreatesADashboardAtAnyRevision => only_an_unknown_dashboard_has_revision_zero;
    ComparesAndWritesInTwoSteps => of_commits_sent_at_once_exactly_one_wins no_acknowledged_change_is_lost_among_many_writers;
    LooksForTheKeyOnlyOnce => a_commit_sent_several_times_at_once_is_applied_once;
    ComparesBeforeItLooksForTheKey => a_commit_sent_again_after_others_changes_nothing;
    AppliesARepeatedCommitAgain => a_commit_sent_twice_is_applied_once;
    BringsDeliveredMessagesBack => a_commit_sent_again_after_others_changes_nothing;
    ComparesTheKeyOfAReceiptAlone => a_used_key_acknowledges_nothing_else;
    WritesUnderAUsedKey => a_used_key_acknowledges_nothing_else;
    CallsAUsedKeyAConflict => a_used_key_acknowledges_nothing_else;
    GivesADigestToWhoeverComesLast => a_digest_opens_one_dashboard;
    SweepsNothing => old_receipts_are_swept;
    SweepsEverything => old_receipts_are_swept;
    SweepsAllAtOnce => old_receipts_are_swept;
    SweepsWhatIsOfTheInstant => old_receipts_are_swept;
    SweepsOneDashboard => old_receipts_are_swept;
    SweepsTheAuditToo => old_receipts_are_swept;
    SaysThatItSweptAll => old_receipts_are_swept;
    AppliesWhatItSwept => old_receipts_are_swept;
    KnowsACommitByItsKeyAlone => a_key_counts_for_its_dashboard_only;
    FindsNoReceipt => a_receipt_tells_whether_a_commit_was_applied;
    MakesUpReceipts => a_receipt_tells_whether_a_commit_was_applied;
    AnswersTheLatestReceipt => a_receipt_tells_whether_a_commit_was_applied;
    LeavesTheAuditOfARefusedCommit => a_refused_commit_leaves_nothing;
    SwallowsAnUnknownFate => a_commit_is_applied_whole;
    LosesTheAudit => a_commit_is_applied_whole;
    LosesTheLastGrantOfACommit => a_commit_is_applied_whole;
    LosesTheLastMessageOfACommit => a_commit_is_applied_whole;
    KnowsAMessageWithoutItsDashboard => dashboards_do_not_disturb_each_other;
    CutsACommitAtAHundredGrants => a_commit_may_bring_hundreds_of_grants;
    CutsAPageAtAHundredRows => a_commit_may_bring_hundreds_of_grants;
    ReadsFromACacheThatIsNotTold => a_read_sees_every_commit_before_it;
    AnswersFromACacheWhateverIsDemanded => a_read_is_never_older_than_the_revision_demanded;
    CachesTheHeadApartFromTheGrants => a_read_is_never_older_than_the_revision_demanded;
    FailsForARevisionNotReached => a_read_is_never_older_than_the_revision_demanded;
    GivesChainsToTheNextDashboard => each_of_a_page_of_dashboards_has_its_own_chains;
    MakesUpADashboardOfAPage => a_page_of_dashboards_is_answered_whole;
    LeavesOutTheLastOfAPage => a_page_of_dashboards_is_answered_whole;
    LeavesOutWhereOneHoldsNothing => a_page_of_dashboards_is_answered_whole;
    AnswersADashboardTwice => a_page_of_dashboards_is_answered_whole;
    CutsAPageOfDashboards => a_page_of_dashboards_is_answered_whole;
    ReadsAPageFromACacheThatIsNotTold => a_page_of_dashboards_sees_every_commit_before_it;
    ReadsTheHeadLast => a_read_amid_commits_is_whole;
    ReadsTheFirstRowOnAMiss => what_is_not_there_reads_as_nothing;
    PutsTheRootFirst => a_chain_is_leaf_first_and_whole;
    LeavesTheRootOut => a_chain_is_leaf_first_and_whole;
    LeavesOutAnAncestorInTheMiddle => a_chain_is_leaf_first_and_whole;
    FindsOnlyDirectGrants => an_account_finds_every_grant_that_it_holds;
    HoldsOnlyDirectGrants => an_account_finds_every_grant_that_it_holds;
    FindsOnlyWaitingInvitations => an_address_finds_what_waits_and_what_was_claimed;
    FindsGrantsOfOtherDashboards => a_grant_is_found_on_its_own_dashboard_only;
    HidesRevokedGrants => ended_grants_are_read_like_any_other;
    HidesGrantsOfDeletedDashboards => ended_grants_are_read_like_any_other;
    ReadsWhatIsOnTheShelf => a_shelved_grant_is_read_only_when_all_is_asked_for;
    LosesWhatIsOnTheShelf => a_shelved_grant_is_read_only_when_all_is_asked_for;
    TakesNothingFromTheShelf => a_shelved_grant_is_read_only_when_all_is_asked_for;
    KeepsTheOldRowOfAGrant => a_changed_grant_replaces_its_row;
    AddsARowForAChangedGrant => a_changed_grant_replaces_its_row;
    ComparesFifteenBytesOfAnId => ids_that_differ_in_one_bit_are_different;
    FoldsTheCaseOfIds => ids_that_differ_in_one_bit_are_different;
    TakesUnderscoresForWildcards => addresses_that_look_alike_are_different;
    KeepsTheOldDigest => a_replaced_link_is_found_no_more;
    KeepsAWithdrawnLink => a_withdrawn_link_is_found_no_more;
    LosesTheLinkWithTheNextCommit => a_standing_link_is_found_after_every_commit;
    ForgetsTheMakersChain => a_link_is_found_with_its_makers_chain;
    ComparesFourBytesOfADigest => a_digest_one_bit_off_finds_nothing;
    FindsTheLinkThatCameAfter => a_link_found_amid_rotations_is_the_one_asked_for;
    CutsInstantsToSeconds => instants_come_back_to_the_microsecond;
    RoundsInstantsUpToMillis => instants_come_back_to_the_microsecond;
    KeepsInstantsAsNanoseconds => instants_come_back_to_the_microsecond;
    TurnsNeverIntoAnEnd => never_stays_never;
    DropsTheLock => every_lock_of_a_grant_comes_back_as_it_went_in;
    TruncatesAClause => every_lock_of_a_grant_comes_back_as_it_went_in;
    TakesAnEmptyClauseForNone => every_lock_of_a_grant_comes_back_as_it_went_in;
    TakesWhatItCannotReadForNone => every_lock_of_a_grant_comes_back_as_it_went_in;
    DropsTheLocksOfThePast => every_lock_of_a_grant_comes_back_as_it_went_in;
    RoundsTheWindowOfALock => every_lock_of_a_grant_comes_back_as_it_went_in;
    DropsTheLockOfTheLink => the_lock_of_a_link_comes_back_as_it_went_in;
    LosesTheHistoryOfAGrant => every_grant_comes_back_as_it_went_in;
    LosesTheFormerOwners => every_head_comes_back_as_it_went_in;
    LosesWhatFell => every_record_comes_back_as_it_went_in;
    RepeatsTheLastRowOfAPage => grants_come_by_ordinal_in_pages the_audit_trail_comes_in_pages dead_letters_come_in_pages;
    SkipsARowBetweenPages => what_one_owns_comes_in_pages the_outbox_comes_in_pages;
    PagesByOffset => pages_have_no_gaps_and_no_repeats_while_others_write;
    ReadsCursorsAsSignedNumbers => a_cursor_may_stand_at_any_place;
    ReadsCursorsAsThirtyTwoBits => a_cursor_may_stand_at_any_place;
    FailsForALargeLimit => a_cursor_may_stand_at_any_place;
    ListsChildrenOnly => what_hangs_on_a_grant_comes_in_pages;
    OrdersHeldByOrdinal => what_one_holds_comes_in_pages;
    OrdersTheOutboxAsText => the_outbox_comes_in_pages;
    OwnsForEver => a_dashboard_is_listed_under_its_owner_only;
    OwnsDeletedDashboards => a_dashboard_is_listed_under_its_owner_only;
    ForgetsDeletedDashboards => a_deleted_dashboard_is_kept_and_goes_on_counting;
    AcknowledgesEverythingBefore => acknowledging_removes_just_what_it_names;
    AcknowledgesTheWholeDashboard => acknowledging_removes_just_what_it_names;
    TakesTheHostForAnAccount => what_one_did_comes_in_pages;
    ListsDeedsByTime => what_one_did_comes_in_pages;
    PagesDeedsByRevision => what_one_did_comes_in_pages;
    ListsWhatOneDidAsOwnerOnly => what_one_did_comes_in_pages;
    LeasesWhatIsLeased => a_leased_message_comes_to_nobody_else;
    LeasesTheNewestFirst => a_leased_message_comes_to_nobody_else;
    LeasesAllAtOnce => a_leased_message_comes_to_nobody_else;
    HidesLeasedMessages => a_leased_message_comes_to_nobody_else;
    LeasesForEver => a_message_comes_again_when_its_lease_ends;
    EndsLeasesTooLate => a_message_comes_again_when_its_lease_ends;
    EndsLeasesInWholeSeconds => a_message_comes_again_when_its_lease_ends;
    EndsLeasesWithTheNextCommit => a_message_comes_again_when_its_lease_ends;
    KeepsLeasedMessages => an_acknowledged_message_is_leased_no_more;
    CountsNoAttempts => every_lease_counts_an_attempt a_message_leased_too_often_is_a_dead_letter;
    TellsTheAttemptsBefore => every_lease_counts_an_attempt;
    CountsTheAttemptsOfADashboard => every_lease_counts_an_attempt;
    LeasesDeadLetters => a_message_leased_too_often_is_a_dead_letter;
    RaisesTheDeadForMoreAttempts => a_message_leased_too_often_is_a_dead_letter;
    LosesDeadLetters => a_message_leased_too_often_is_a_dead_letter dead_letters_come_in_pages;
    LeasesOnceTooOften => a_message_leased_too_often_is_a_dead_letter;
    BuriesOneLeaseTooEarly => a_message_leased_too_often_is_a_dead_letter;
    BuriesWhileALeaseRuns => a_message_leased_too_often_is_a_dead_letter;
    ForgetsWhenALetterDied => a_message_leased_too_often_is_a_dead_letter;
    HidesDeadLetters => a_message_leased_too_often_is_a_dead_letter;
    LetsDeadLettersHoldUpTheOthers => a_message_leased_too_often_is_a_dead_letter;
    OrdersDeadLettersByAge => dead_letters_come_in_pages;
    PutsBackNothing => a_dead_letter_is_put_back_once;
    PutsBackACopy => a_dead_letter_is_put_back_once;
    PutsBackOnlyWhatIsGivenUp => a_lease_ends_when_its_message_is_put_back;
    PutsBackTheWholeDashboard => a_dead_letter_is_put_back_once;
    KeepsTheAttemptsOfWhatComesBack => a_dead_letter_is_put_back_once;
    KeepsDeadLetters => an_acknowledged_dead_letter_is_gone;
    FindsAndLeasesInTwoSteps => workers_that_lease_at_once_share_no_message;
    EndsWhatHangsOnARevokedGrant => a_revocation_writes_one_row;
    RefusesAWithdrawalOnAnotherRevision => a_withdrawal_is_written_on_whatever_came_before;
    WritesAWithdrawalOverWhatOthersDid => a_withdrawal_is_written_on_whatever_came_before;
    AnswersAWithdrawalAsOfTheRevisionItWasJudgedAt => a_withdrawal_is_written_on_whatever_came_before;
    WritesAWithdrawalOfWhatHasChanged => a_withdrawal_of_what_has_changed_is_a_conflict;
    LeavesAConflictingWithdrawalsMessages => a_withdrawal_of_what_has_changed_is_a_conflict;
}

/// The promise that a store breaks with a panic, and what it said.
fn broken(promise: &str, sabotage: Option<Sabotage>) -> Option<String> {
    let run = || check(promise, PlainStore::new(sabotage), |turn| pollster::block_on(turn));
    let outcome = quietly(|| catch_unwind(AssertUnwindSafe(run)));
    outcome.err().map(|panic| match panic.downcast::<String>() {
        Ok(said) => *said,
        Err(panic) => panic.downcast_ref::<&str>().copied().unwrap_or_default().to_owned(),
    })
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Without the report of every panic that is meant to be.
fn quietly<T>(act: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                report(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let done = act();
    IS_QUIET.set(false);
    done
}

#[test]
fn sound_stores_keep_every_promise() {
    for promise in PROMISES {
        check(promise, MemoryStore::default(), |turn| pollster::block_on(turn));
        check(promise, PlainStore::new(None), |turn| pollster::block_on(turn));
        let dynamic: Arc<dyn DynStore> = Arc::new(PlainStore::new(None));
        check(promise, dynamic, |turn| pollster::block_on(turn));
    }
}

/// S4: the suite catches each broken store by the check that was written for it.
#[test]
fn every_saboteur_is_caught_by_the_promise_written_against_it() {
    let mut missed = Vec::new();
    for (sabotage, promises) in SABOTEURS {
        for promise in *promises {
            match broken(promise, Some(*sabotage)) {
                None => missed.push(format!("{sabotage:?} keeps `{promise}`")),
                // What the suite itself got wrong would prove nothing.
                Some(said) if said.contains("the suite") => {
                    missed.push(format!("{sabotage:?} breaks `{promise}` by accident: {said}"));
                }
                Some(_) => {}
            }
        }
    }
    println!("{} saboteurs", SABOTEURS.len());
    assert!(missed.is_empty(), "not caught:\n  {}", missed.join("\n  "));
}

#[test]
fn every_promise_has_a_saboteur_written_against_it() {
    let proven: BTreeSet<&str> =
        SABOTEURS.iter().flat_map(|(_, promises)| promises.iter().copied()).collect();
    let all: BTreeSet<&str> = PROMISES.iter().copied().collect();
    assert_eq!(all.len(), PROMISES.len(), "a promise is listed twice");
    let unproven: Vec<_> = all.difference(&proven).collect();
    assert!(unproven.is_empty(), "nothing shows that these bite: {unproven:?}");
    let unknown: Vec<_> = proven.difference(&all).collect();
    assert!(unknown.is_empty(), "no such promises: {unknown:?}");
}

/// Which promises caught which saboteur: add `-- --ignored --nocapture`.
#[test]
#[ignore = "prints the whole matrix and asserts nothing"]
fn the_matrix_of_saboteurs_and_promises() {
    for (number, promise) in PROMISES.iter().enumerate() {
        println!("{number:>2} {promise}");
    }
    for (sabotage, promises) in SABOTEURS {
        let mut line = String::new();
        for promise in PROMISES {
            let caught = broken(promise, Some(*sabotage)).is_some();
            line.push(match (caught, promises.contains(promise)) {
                (true, true) => '#',
                (true, false) => '+',
                (false, true) => '!',
                (false, false) => '.',
            });
        }
        println!("{line} {sabotage:?}");
    }
    println!("# caught by the promise written against it, + by another one, ! not caught, . kept");
}
