//! What went wrong elsewhere: each trap of metering by its number, as a test, or as a sentence why it cannot occur here.
//!
//! | trap | where |
//! | --- | --- |
//! | 1 check, then count; 2 limit × processes | `goldens::t2_fifty_tasks_take_what_there_is`, `interleavings` |
//! | 3 a counter loaded by adding to it | `histories`: the model adds up a list of events |
//! | 4 meters that mix | `meters_of_tenants_and_ledgers_never_mix` |
//! | 5 milliseconds for seconds | cannot occur: instants and periods are types of their own, in microseconds, and nothing expires by a count |
//! | 6, 7, 8 retries that bill again, or half; a new key on the retry | `a_batch_keeps_its_id_and_counts_once` |
//! | 9 a known key with another load; 10 a refund that leaves its key spent | `request_keys` |
//! | 11 refunds for provoked failures | `hand_backs_are_counted_by_edge_and_once` |
//! | 12 months that overflow | `periods` |
//! | 13 the zone that is shown is not the one that counts | `a_refusal_names_the_end_that_counts` |
//! | 14 a calendar month beside a billing month | `the_host_gives_the_period` |
//! | 15 January's lease spent in February | there are no leases; `goldens::t5_a_charge_belongs_to_the_period_of_its_instant`, `hand_backs_end_with_their_period` |
//! | 16 twenty mails; 17 a warning after the stop; 19 two figures | `one_notice_for_all_processes_in_the_commit_that_crosses` |
//! | 18 a hundred per cent is never reached; 23 the stop comes late | `goldens::t1_a_load_that_does_not_fit_is_refused_whole` |
//! | 20 only what came after the alert counts | `thresholds_are_judged_by_the_figure` |
//! | 21 an idle process holds what is left | `nobody_holds_what_is_left` |
//! | 22 a lowered limit wraps | `goldens::t7_limits_that_change`, `bad_input` |
//! | 24 what was denied or failed is charged | `what_is_denied_costs_nothing` |
//! | 25 half a file | `an_export_is_charged_whole` |

use super::{
    ledger::{Fate, Obedient},
    world::{ANN, BOB, OLGA, World, account, at, board, code, january, process, start, tenant},
};
use dashshare::{
    AccountId, Action, DashboardId, FixedEnv, Meter, TenantId,
    metering::{Edge, Ledger, Load, MemoryLedger, MemoryPlans, MeterError, Period, Plan, Plans, Ticket},
};
use pollster::block_on;
use std::{sync::Arc, time::Duration};

/// M14: trap 4. Two tenants on one ledger, and one tenant on two, count apart.
#[test]
fn meters_of_tenants_and_ledgers_never_mix() {
    let ledger: Arc<MemoryLedger> = Arc::default();
    let (here, there) = (World::over(Arc::clone(&ledger)), World::new());
    let (other, theirs) = (TenantId::from(2u64), DashboardId::from(8u64));
    block_on(here.sharing.register(theirs, other, account(BOB))).expect("a dashboard");
    let decision = block_on(here.sharing.authorize(account(BOB), theirs, Action::View)).expect("a decision");
    here.plans.set_with(other, |now| Some(Plan::of(Period::utc_month(now)).limited(5, 1)));
    assert_eq!(code(block_on(here.meter.charge(&decision, "w1", 5))), "charged");
    assert_eq!(code(block_on(here.meter.charge(&decision, "w1", 1))), "quota");
    assert_eq!(code(here.load(OLGA, 30)), "charged");
    assert_eq!(code(there.load(OLGA, 7)), "charged");
    let of = |world: &World, tenant| block_on(world.meter.figures(tenant)).expect("figures").figures.charged;
    assert_eq!(
        [of(&here, tenant()), of(&here, other), of(&there, tenant()), of(&there, other)],
        [30, 5, 7, 0]
    );
}

/// M5, M6: traps 6 to 8. However often a batch is sent, under the one id that it was given first, it counts once, in the
/// meter and in its lines.
#[test]
fn a_batch_keeps_its_id_and_counts_once() {
    let ledger = Obedient::default();
    let world = World::over(ledger.clone());
    for (at, fates) in [
        vec![Fate::Done],
        vec![Fate::AnswerLost],
        vec![Fate::AnswerLost, Fate::AnswerLost],
        vec![Fate::RequestLost, Fate::AnswerLost, Fate::Done],
    ]
    .into_iter()
    .enumerate()
    {
        ledger.next(fates);
        assert_eq!(code(world.load(OLGA, 10)), "charged");
        assert_eq!(world.charged(), 10 * (at as u64 + 1));
        assert_eq!(world.sums().all(), world.figures());
    }
    let told = ledger.told.lock().expect("a lock");
    let mut ids: Vec<_> = told.batches.iter().map(|batch| batch.id).collect();
    assert_eq!(ids.len(), 1 + 2 + 3 + 3);
    ids.dedup();
    assert_eq!(ids.len(), 4, "a retry is sent under the id of the first try");
    // Any of them, sent again later and in any order, changes nothing.
    for batch in told.batches.iter().rev().chain(&told.batches) {
        let _ = block_on(ledger.inner.charge(batch)).expect("the same outcome");
    }
    assert_eq!((world.charged(), world.sums().all().loads), (40, 4));
}

/// M6, M7: traps 9 and 10. A key answers with the same charge for ten minutes, refuses every other load, and is free again
/// after a hand-back and after a refusal.
#[test]
fn request_keys() {
    let world = World::new();
    world.limit(100, 1);
    let first = world.keyed(BOB, 10, "r1").expect("a ticket");
    let again = world.keyed(BOB, 10, "r1").expect("the same charge");
    assert_eq!((first.charge(), world.charged()), (again.charge(), 10));
    let bobs = world.may(BOB);
    let other_widget = world.meter.charge_load(&bobs, Load::of("w2", 10).keyed("r1"));
    assert_eq!(code(block_on(other_widget)), "key_reused");
    assert_eq!(code(world.keyed(BOB, 11, "r1")), "key_reused");
    assert_eq!(code(world.keyed(ANN, 10, "r1")), "key_reused", "another edge");
    block_on(world.meter.hand_back(first)).expect("handed back");
    block_on(world.meter.hand_back(again)).expect("the same again");
    assert_eq!((world.charged(), world.figures().hand_backs), (0, 1), "two tickets of one charge");
    let anew = world.keyed(BOB, 10, "r1").expect("charged anew");
    assert_eq!(world.charged(), 10);
    // A refusal leaves nothing behind.
    assert_eq!(code(world.keyed(BOB, 95, "r2")), "quota");
    block_on(world.meter.hand_back(anew)).expect("handed back");
    assert_eq!(code(world.keyed(BOB, 95, "r2")), "charged");
    // Within ten minutes, and then no longer.
    world.clock(start().plus_micros(10 * 60 * 1_000_000 - 1));
    assert_eq!((code(world.keyed(BOB, 95, "r2")), world.charged()), ("charged", 95));
    world.clock(start().plus_micros(10 * 60 * 1_000_000));
    assert_eq!(code(world.keyed(BOB, 95, "r2")), "quota", "it is another load by now");
}

/// M6: what is remembered of keys is bounded; the oldest goes first.
#[test]
fn request_keys_are_bounded() {
    let world = World::new();
    let meter = process(Arc::clone(world.meter.ledger()), &world.plans, 5).with_request_keys(3);
    let decision = world.may(OLGA);
    let load =
        |key: &str| block_on(meter.charge_load(&decision, Load::of("w1", 1).keyed(key))).expect("a ticket");
    let keys = ["a", "b", "c", "d"].map(|key| load(key).charge());
    assert_eq!(load("d").charge(), keys[3]);
    assert_eq!(load("c").charge(), keys[2]);
    assert_ne!(load("a").charge(), keys[0], "forgotten");
}

/// M7: trap 11. A hand-back takes a ticket, so there is none once something has left; it is counted by edge, and once.
#[test]
fn hand_backs_are_counted_by_edge_and_once() {
    let ledger = Obedient::default();
    let world = World::over(ledger.clone());
    let ticket = world.load(BOB, 10).expect("a ticket");
    assert_eq!(code(world.load(ANN, 5)), "charged");
    // The answer is lost and it is sent again; then the ledger is away for good.
    ledger.next([Fate::AnswerLost]);
    block_on(world.meter.hand_back(ticket)).expect("handed back");
    let ticket = world.load(ANN, 7).expect("a ticket");
    ledger.always(Some(Fate::RequestLost));
    let kept = block_on(world.meter.hand_back(ticket)).expect_err("away");
    assert_eq!(kept.cause.code(), "unavailable");
    ledger.always(None);
    assert_eq!(world.charged(), 12);
    block_on(world.meter.hand_back(kept.ticket)).expect("handed back");
    let of = |edge: Edge| world.sums().by_edge()[&(board(), edge)];
    let (bob, ann) = (of(Edge::Grant(world.g2)), of(Edge::Grant(world.g1)));
    assert_eq!((bob.charged, bob.loads, bob.hand_backs, bob.handed_back), (0, 1, 1, 10));
    assert_eq!((ann.charged, ann.loads, ann.hand_backs, ann.handed_back), (5, 2, 1, 7));
    assert_eq!(world.sums().all(), world.figures());
}

/// M7, M11: a hand-back frees what the load had cost and arms no notice again.
#[test]
fn a_hand_back_arms_no_notice() {
    let world = World::new();
    world.limit(100, 1);
    let ticket = world.load(OLGA, 95).expect("a ticket");
    assert_eq!(world.told(), ["[80, 90] of v1"]);
    block_on(world.meter.hand_back(ticket)).expect("handed back");
    assert_eq!(code(world.load(OLGA, 95)), "charged");
    assert_eq!(world.told(), [""; 0]);
    assert_eq!(code(world.load(OLGA, 5)), "charged");
    assert_eq!(world.told(), ["[100] of v1"]);
}

/// M7: trap 15. A ticket is handed back in its period, and not at its end or later.
#[test]
fn hand_backs_end_with_their_period() {
    let world = World::new();
    let [first, second] = [4, 5].map(|records| world.load(OLGA, records).expect("a ticket"));
    world.clock(at("2026-01-31T23:59:59.999999Z"));
    block_on(world.meter.hand_back(first)).expect("handed back");
    world.clock(at("2026-02-01T00:00:00Z"));
    let late = block_on(world.meter.hand_back(second)).expect_err("too late");
    assert_eq!(late.cause.code(), "period_over");
}

/// M3, M8: trap 13. What a refusal says of the end, and what the figures say of the period, is what was counted by.
#[test]
fn a_refusal_names_the_end_that_counts() {
    let world = World::new();
    let zone = dashshare::metering::Offsets::fixed("+05:30".parse().expect("an offset"));
    world.plans.set_with(tenant(), move |now| {
        Some(Plan::of(Period::month(&zone, now)).limited(10, 1).in_zone(zone.clone()))
    });
    world.clock(at("2026-01-31T18:29:59Z"));
    assert_eq!(code(world.load(OLGA, 10)), "charged");
    let Err(MeterError::Quota(quota)) = world.load(OLGA, 1) else { panic!("it is refused") };
    assert_eq!(quota.ends, at("2026-01-31T18:30:00Z"));
    assert_eq!((quota.limit, quota.charged, quota.asked), (10, 10, 1));
    world.clock(quota.ends);
    assert_eq!(code(world.load(OLGA, 1)), "charged", "a client that waits until then is let in");
    let figures = block_on(world.meter.figures(tenant())).expect("figures");
    assert_eq!(figures.period.first, quota.ends);
    let lines =
        block_on(world.meter.lines(&dashshare::metering::LineQuery::of(tenant()), None, 9)).expect("lines");
    let days: Vec<String> = lines.iter().map(|line| line.place.day.to_string()).collect();
    assert_eq!(days, ["2026-01-31", "2026-02-01"], "by the days of the zone");
}

/// M3: a visitor is told neither limit nor figures nor the end; an account the end.
#[test]
fn a_visitor_is_told_nothing_of_the_quota() {
    let world = World::new();
    world.limit(0, 1);
    let of_visitor = block_on(world.meter.charge(&world.visit(), "w1", 1)).expect_err("refused");
    let ledger_away = MeterError::Unavailable(Arc::from(dashshare::BoxError::from("away")));
    assert_eq!(of_visitor.tell(), ledger_away.tell(), "like any failure");
    let of_account = world.load(BOB, 1).expect_err("refused").tell();
    assert_eq!((of_account.code(), of_account.status()), ("quota", 429));
    assert!(of_account.to_string().contains("2026-02-01T00:00:00Z"));
}

/// M8: trap 14. The period is the host's: a billing month, or an hour.
#[test]
fn the_host_gives_the_period() {
    let world = World::new();
    world.plans.set_with(tenant(), |now| Some(Plan::of(Period::anchored(17, now)).limited(10, 1)));
    world.clock(at("2026-01-16T23:59:59Z"));
    assert_eq!(code(world.load(OLGA, 10)), "charged");
    assert_eq!(code(world.load(OLGA, 1)), "quota");
    world.clock(at("2026-01-17T00:00:00Z"));
    assert_eq!(code(world.load(OLGA, 10)), "charged", "just paid, and not blocked");
}

/// M11: traps 16, 17 and 19. However many processes cross a threshold together, there is one notice; it stands when the
/// charge returns, and has the figure that the refusal has.
#[test]
fn one_notice_for_all_processes_in_the_commit_that_crosses() {
    let ledger: Arc<MemoryLedger> = Arc::default();
    let world = World::over(Arc::clone(&ledger));
    world.limit(1000, 1);
    let decision = world.may(OLGA);
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let meter = process(Arc::clone(&ledger), &world.plans, 20 + seed);
            let decision = &decision;
            scope.spawn(move || {
                for _ in 0..200 {
                    drop(block_on(meter.charge(decision, "w1", 1)));
                }
            });
        }
    });
    assert_eq!(world.charged(), 1000);
    let notices = world.notices();
    assert_eq!(notices.len(), 4, "{notices:#?}");
    let mut charged: Vec<u64> = notices.iter().map(|notice| notice.charged).collect();
    charged.sort_unstable();
    assert!(charged[0] >= 800 && charged[0] < 900 && charged[2..] == [1000, 1000], "{charged:?}");

    let world = World::new();
    world.limit(100, 1);
    assert_eq!(code(world.load(OLGA, 79)), "charged");
    assert!(world.notices().is_empty());
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    let [notice] = &world.notices()[..] else { panic!("one notice stands") };
    assert_eq!((notice.charged, notice.limit), (80, Some(100)));
    let Err(MeterError::Quota(quota)) = world.load(OLGA, 21) else { panic!("it is refused") };
    assert_eq!(quota.charged, notice.charged);
}

/// M11: trap 20. A limit that is set later is crossed by what was charged before it.
#[test]
fn thresholds_are_judged_by_the_figure() {
    let world = World::new();
    assert_eq!(code(world.load(OLGA, 95)), "charged");
    world.limit(100, 1);
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    assert_eq!(world.told(), ["[80, 90] of v1"]);
    // And one that is lowered is crossed by what was charged under the higher one.
    world.limit(97, 2);
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    assert_eq!(world.told(), ["[100] of v2"]);
    // Thresholds compare in integers: 80 % of 7 is reached at 6.
    let world = World::new();
    world.limit(7, 1);
    assert_eq!(code(world.load(OLGA, 5)), "charged");
    assert_eq!(world.told(), [""; 0]);
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    assert_eq!(world.told(), ["[80] of v1"]);
    // Under limit 0 and without a limit there are none.
    let world = World::new();
    world.limit(0, 1);
    assert_eq!(code(world.load(OLGA, 0)), "charged");
    assert_eq!(world.told(), [""; 0]);
}

/// M3: trap 21. Whoever comes gets all that is left: nothing is set aside for a process.
#[test]
fn nobody_holds_what_is_left() {
    let ledger: Arc<MemoryLedger> = Arc::default();
    let world = World::over(Arc::clone(&ledger));
    world.limit(100, 1);
    let other = process(ledger, &world.plans, 9);
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    let ticket = block_on(other.charge(&world.may(OLGA), "w1", 99)).expect("all that is left");
    assert_eq!(ticket.cost(), 99);
}

/// M2, M15: trap 24. A denial is never charged, nor a decision about another action, nor one that has ended; none of them
/// asks the ledger, and none touches the dashboard.
#[test]
fn what_is_denied_costs_nothing() {
    let ledger = Obedient::default();
    let world = World::over(ledger.clone());
    let stranger = block_on(world.sharing.authorize(AccountId::from(99u64), board(), Action::View));
    let share = block_on(world.sharing.authorize(account(OLGA), board(), Action::Share)).expect("a decision");
    assert!(share.is_allowed());
    let junk = block_on(world.sharing.visit("junk")).expect("a decision");
    for decision in [stranger.expect("a decision"), share, junk] {
        let refused = block_on(world.meter.charge(&decision, "w1", 1)).expect_err("nothing leaves");
        assert_eq!(refused.code(), "not_allowed");
        assert_eq!(refused.tell().code(), "unknown_dashboard");
    }
    assert!(ledger.sizes().is_empty());
    let terms = dashshare::Terms::view(dashshare::Expiry::At(start().plus_days(1)));
    let dan = AccountId::from(4u64);
    world.sharing.directory().add_account(dan);
    let shared = world.sharing.share(account(OLGA), board(), dashshare::NewShare::with(dan, terms));
    block_on(shared).expect("shared");
    let dans = block_on(world.sharing.authorize(dan, board(), Action::View)).expect("a decision");
    let revision = dans.revision();
    assert_eq!(code(block_on(world.meter.charge(&dans, "w1", 1))), "charged");
    world.clock(start().plus_days(1));
    assert_eq!(code(block_on(world.meter.charge(&dans, "w1", 1))), "stale");
    let after = block_on(world.sharing.authorize(account(OLGA), board(), Action::View)).expect("a decision");
    assert_eq!(after.revision(), revision, "no head has moved");
    // No records cost nothing, and are a load.
    assert_eq!(code(world.load(OLGA, 0)), "charged");
    assert_eq!((world.charged(), world.figures().loads), (1, 2));
}

/// M1, M2: trap 25. A file is charged whole before its first byte, and needs leave to export; the ticket says which it is.
#[test]
fn an_export_is_charged_whole() {
    let world = World::new();
    world.limit(100, 1);
    let export = |who: u64| {
        block_on(world.sharing.authorize(account(who), board(), Action::Export)).expect("a decision")
    };
    assert_eq!(
        code(block_on(world.meter.charge(&export(BOB), "csv", 1))),
        "not_allowed",
        "Bob may only view"
    );
    let ticket = block_on(world.meter.charge(&export(ANN), "csv", 60)).expect("a ticket");
    assert!(ticket.permits(board(), "csv", Action::Export));
    for (dashboard, widget, action) in [
        (board(), "csv", Action::View),
        (board(), "w1", Action::Export),
        (DashboardId::from(8u64), "csv", Action::Export),
    ] {
        assert!(!ticket.permits(dashboard, widget, action));
    }
    assert_eq!((ticket.records(), ticket.action(), ticket.tenant()), (60, Action::Export, tenant()));
    assert_eq!(code(block_on(world.meter.charge(&export(ANN), "csv", 41))), "quota");
    assert_eq!((world.charged(), world.figures().exports), (60, 1));
}

/// M9: what comes from a cache costs nothing unless the plan says otherwise, and is counted apart either way.
#[test]
fn cached_loads() {
    let world = World::new();
    let cached = |records| {
        let decision = world.may(BOB);
        block_on(world.meter.charge_load(&decision, Load::of("w1", records).cached()))
    };
    assert_eq!(cached(10).expect("a ticket").cost(), 0);
    assert_eq!(cached(u64::MAX).expect("a ticket").records(), u64::MAX);
    assert_eq!((world.charged(), world.figures().loads, world.figures().cached_loads), (0, 2, 2));
    world
        .plans
        .set_with(tenant(), |now| Some(Plan::of(Period::utc_month(now)).limited(15, 1).counting_cached()));
    assert_eq!(cached(10).expect("a ticket").cost(), 10);
    assert_eq!(code(cached(10)), "quota");
    assert_eq!(world.charged(), 10);
}

/// M10: of several grants the one that ends last, then the shallowest, then the oldest; a grant before a policy.
#[test]
fn a_load_goes_to_the_first_that_it_rests_on() {
    use dashshare::{Expiry, NewShare, Terms};
    let world = World::new();
    let share = |by: u64, expiry: Expiry| {
        let new = NewShare::with(account(BOB), Terms::view(expiry));
        block_on(world.sharing.share(account(by), board(), new)).expect("shared").grant
    };
    let days = |n| Expiry::At(start().plus_days(n));
    let edge = || world.may(BOB).edge().expect("it is allowed");
    // g2 never ends, and hangs on g1.
    assert_eq!(edge(), Edge::Grant(world.g2));
    let ends_first = share(OLGA, days(5));
    assert_eq!(edge(), Edge::Grant(world.g2), "the one that ends last");
    let shallow = share(OLGA, Expiry::Never);
    assert_eq!(edge(), Edge::Grant(shallow), "as long, and shallower, though it is younger");
    let younger = share(OLGA, Expiry::Never);
    assert_eq!(younger, shallow, "the same stands");
    let rights = dashshare::Rights::VIEW | dashshare::Rights::EXPORT;
    let twin = NewShare::with(account(BOB), Terms::of(rights, Expiry::Never));
    block_on(world.sharing.share(account(OLGA), board(), twin)).expect("shared");
    assert_eq!(edge(), Edge::Grant(shallow), "as long, as deep, and older");
    assert_ne!(ends_first, shallow);
}

/// M8, M12: plans that do not hold now, that are missing, that fail, and whose version goes back, are named.
#[test]
fn plans_that_are_wrong() {
    let world = World::new();
    world.plans.set(
        tenant(),
        Plan::of(Period { first: at("2025-12-01T00:00:00Z"), end: at("2026-01-01T00:00:00Z") }),
    );
    let refused = world.load(OLGA, 1).expect_err("it is of December");
    assert_eq!((refused.code(), world.figures().charged), ("not_now", 0));
    assert!(refused.to_string().contains("2026-01-10T12:00:00Z"));
    world.plans.set(tenant(), Plan::of(Period { first: start(), end: start() }));
    assert_eq!(code(world.load(OLGA, 1)), "not_now", "an empty period holds never");
    world.plans.set_with(tenant(), |_| None);
    assert_eq!(code(world.load(OLGA, 1)), "no_plan");
    // A version that goes back is an answer from before the change: the newer limit goes on counting.
    world.limit(100, 7);
    assert_eq!(code(world.load(OLGA, 60)), "charged");
    world.limit(1000, 6);
    assert_eq!(code(world.load(OLGA, 60)), "quota");
    world.limit(1000, 8);
    assert_eq!(code(world.load(OLGA, 60)), "charged");
    // In another process that never heard of the newer one the older counts, and tells nobody anything.
    world.told();
    world.limit(121, 2);
    let other = process(Arc::clone(world.meter.ledger()), &world.plans, 9);
    let ticket = block_on(other.charge(&world.may(OLGA), "w1", 1)).expect("it fits");
    assert_eq!((ticket.cost(), world.told()), (1, Vec::<String>::new()));

    struct Broken;
    impl Plans for Broken {
        async fn plan(
            &self,
            _: TenantId,
            _: dashshare::Timestamp,
        ) -> Result<Option<Plan>, dashshare::BoxError> {
            Err("no plans".into())
        }
    }
    let meter = Meter::new(MemoryLedger::default(), Broken, FixedEnv::new(start(), 3));
    assert_eq!(code(block_on(meter.charge(&world.may(OLGA), "w1", 1))), "plans");
}

/// M12: a plan is asked for again when it is older than allowed, and not before.
#[test]
fn a_plan_is_believed_for_as_long_as_the_host_says() {
    let world = World::new();
    let meter =
        Meter::new(Arc::clone(world.meter.ledger()), Arc::clone(&world.plans), FixedEnv::new(start(), 9))
            .with_staleness(Duration::from_secs(60));
    world.limit(10, 1);
    let decision = world.may(OLGA);
    let load = || code(block_on(meter.charge(&decision, "w1", 10)));
    assert_eq!(load(), "charged");
    world.limit(20, 2);
    assert_eq!(load(), "quota");
    meter.env().set(start().plus_micros(59_999_999));
    assert_eq!(load(), "quota");
    meter.env().set(start().plus_micros(60_000_000));
    assert_eq!(load(), "charged");
    // A clock that steps back knows nothing of the age.
    world.limit(30, 3);
    meter.env().set(start());
    assert_eq!(load(), "charged");
}

/// M1, M3: numbers at the ends of their range, with and without limits: each is charged whole or refused by name, and
/// nothing wraps.
#[test]
fn bad_input() {
    let world = World::new();
    assert_eq!(code(world.load(OLGA, u64::MAX)), "overflow");
    assert_eq!(code(world.load(OLGA, dashshare::metering::MOST)), "charged");
    assert_eq!(code(world.load(OLGA, 1)), "overflow");
    assert_eq!(code(world.load(OLGA, 0)), "charged");
    world.limit(u64::MAX, 1);
    assert_eq!(code(world.load(OLGA, 1)), "overflow", "the meter is full before the limit");
    world.limit(100, 2);
    assert_eq!(code(world.load(OLGA, u64::MAX)), "quota");
    assert_eq!((world.charged(), world.figures().refused), (dashshare::metering::MOST, 4));
    let long = "x".repeat(256);
    let decision = world.may(OLGA);
    for name in ["", &long] {
        assert_eq!(code(block_on(world.meter.charge(&decision, name, 1))), "bad_name");
        let keyed = world.meter.charge_load(&decision, Load::of("w", 1).keyed(name));
        assert_eq!(code(block_on(keyed)), "bad_name");
    }
    let odd = world.meter.charge(&decision, "a\0\u{202e}'; --", 0);
    assert_eq!(code(block_on(odd)), "quota", "a name is a name");
}

/// M13: while the ledger is away nothing leaves, and no quota is blamed; with an allowance so many records leave, and are
/// booked first when it is back, over the limit if need be.
#[test]
fn a_ledger_that_is_away() {
    let ledger = Obedient::default();
    let world = World::over(ledger.clone());
    world.limit(100, 1);
    assert_eq!(code(world.load(OLGA, 95)), "charged");
    for fate in [Fate::Fails, Fate::RequestLost, Fate::AnswerLost] {
        ledger.always(Some(fate));
        assert_eq!(code(world.load(OLGA, 1)), "unavailable", "{fate:?}");
    }
    ledger.always(None);
    assert_eq!(world.charged(), 96, "one was counted, and its answer lost");

    let meter = process(ledger.clone(), &world.plans, 9).with_allowance(10);
    let decision = world.may(OLGA);
    let load = |records| block_on(meter.charge(&decision, "w1", records));
    ledger.always(Some(Fate::Fails));
    let allowed = [6, 5, 4, 1].map(|records| code(load(records)));
    assert_eq!(allowed, ["charged", "unavailable", "charged", "unavailable"], "ten records and no more");
    assert_eq!(block_on(meter.flush()).expect_err("still away").code(), "unavailable");
    // Where a batch may have been written, nothing leaves by the allowance.
    ledger.always(Some(Fate::RequestLost));
    let other = process(ledger.clone(), &world.plans, 10).with_allowance(10);
    assert_eq!(code(block_on(other.charge(&decision, "w1", 1))), "unavailable");
    ledger.always(None);
    assert_eq!(code(load(4)), "quota", "what was allowed is booked first");
    assert_eq!(world.charged(), 106, "limit + allowance");
    assert_eq!(world.sums().all(), world.figures());
    // And then there is an allowance again.
    world.limit(1000, 2);
    ledger.always(Some(Fate::Fails));
    let ticket = load(10).expect("allowed anew");
    ledger.always(None);
    block_on(meter.hand_back(ticket)).expect("booked, and handed back");
    assert_eq!((world.charged(), world.figures().handed_back), (106, 10));
}

/// M13: what was allowed in a period is booked in it, also when the ledger is back in the next one only.
#[test]
fn what_was_allowed_is_booked_in_its_period() {
    let ledger = Obedient::default();
    let world = World::over(ledger.clone());
    let meter = process(ledger.clone(), &world.plans, 9).with_allowance(10);
    let decision = world.may(OLGA);
    let load = |records| code(block_on(meter.charge(&decision, "w1", records)));
    ledger.always(Some(Fate::Fails));
    assert_eq!(load(7), "charged");
    world.clock(at("2026-02-02T00:00:00Z"));
    meter.env().set(at("2026-02-02T00:00:00Z"));
    ledger.always(None);
    assert_eq!(code(world.load(OLGA, 1)), "charged", "another process has begun February");
    block_on(meter.flush()).expect("booked");
    let january = block_on(ledger.tally(tenant(), january().period.first)).expect("a tally");
    assert_eq!((january.expect("January").figures.charged, world.charged()), (7, 1));
}

/// M6: a charge whose answer was lost for good and that had a key is the same charge when it is asked for again, counted
/// once.
#[test]
fn a_lost_charge_is_found_by_its_key() {
    for fate in [Fate::RequestLost, Fate::AnswerLost] {
        let ledger = Obedient::default();
        let world = World::over(ledger.clone());
        ledger.always(Some(fate));
        assert_eq!(code(world.keyed(OLGA, 10, "r1")), "unavailable");
        assert_eq!(code(world.keyed(OLGA, 10, "r1")), "unavailable");
        ledger.always(None);
        let ticket = world.keyed(OLGA, 10, "r1").expect("the charge");
        assert_eq!((ticket.records(), world.charged()), (10, 10), "{fate:?}");
        let again = world.keyed(OLGA, 10, "r1").expect("the charge");
        assert_eq!((again.charge(), world.charged()), (ticket.charge(), 10), "{fate:?}");
    }
}

/// M2: the meter of a process that cannot draw has no ticket to give.
#[test]
fn without_randomness_nothing_is_charged() {
    #[derive(Debug)]
    struct Dry;
    impl dashshare::Env for Dry {
        fn now(&self) -> dashshare::Timestamp {
            start()
        }
        fn fill(&self, _: &mut [u8]) -> Result<(), dashshare::BoxError> {
            Err("dry".into())
        }
    }
    let world = World::new();
    let meter = Meter::new(MemoryLedger::default(), MemoryPlans::default(), Dry);
    let refused: Result<Ticket, MeterError> = block_on(meter.charge(&world.may(OLGA), "w1", 1));
    assert_eq!(code(refused), "random");
}
