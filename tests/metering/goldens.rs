//! The golden examples of metering.

use super::world::{ANN, BOB, OLGA, World, account, at, board, code, process, tenant};
use dashshare::{
    Expiry, RevokeMode,
    metering::{Edge, Ledger as _, Load, MemoryLedger, Offsets, Period},
};
use pollster::block_on;
use std::{sync::Arc, thread};

/// M3, M11: what does not fit is refused whole, thresholds that one commit crosses are one notice, and the first refusal is
/// one of its own.
#[test]
fn t1_a_load_that_does_not_fit_is_refused_whole() {
    let world = World::new();
    world.limit(100, 1);
    assert_eq!(code(world.load(OLGA, 60)), "charged");
    let refused = world.load(OLGA, 50).expect_err("40 are left");
    assert_eq!(
        refused.to_string(),
        "50 records do not fit: 60 of 100 are charged until 2026-02-01T00:00:00Z"
    );
    assert_eq!((world.figures().charged, world.figures().refused), (60, 1));
    assert_eq!(world.told(), ["refused"]);
    assert_eq!(code(world.load(OLGA, 40)), "charged");
    assert_eq!(world.told(), ["[80, 90, 100] of v1"]);
    assert_eq!(code(world.load(OLGA, 1)), "quota");
    assert_eq!(world.told(), [""; 0], "a refusal is told once");
    assert_eq!((world.figures().charged, world.figures().refused), (100, 2));
}

/// M3, M4: fifty at once, in one process and in many, take what there is and no more; a smaller load still fits.
#[test]
fn t2_fifty_tasks_take_what_there_is() {
    for processes in [1, 4] {
        let ledger: Arc<MemoryLedger> = Arc::default();
        let world = World::over(Arc::clone(&ledger));
        world.limit(100, 1);
        let decision = world.may(OLGA);
        let meters: Vec<_> =
            (0..processes).map(|seed| process(Arc::clone(&ledger), &world.plans, 10 + seed)).collect();
        let charged = thread::scope(|scope| {
            let (meters, decision) = (&meters, &decision);
            let task = |at: usize| {
                let meter = &meters[at % meters.len()];
                scope.spawn(move || block_on(meter.charge(decision, "w1", 3)).is_ok())
            };
            let tasks: Vec<_> = (0..50).map(task).collect();
            tasks.into_iter().map(|task| u64::from(task.join().expect("a task"))).sum::<u64>()
        });
        assert_eq!((charged, world.charged()), (33, 99));
        assert_eq!(code(world.load(OLGA, 2)), "quota");
        assert_eq!(code(world.load(OLGA, 1)), "charged");
        assert_eq!(world.charged(), 100);
    }
}

/// M8: a charge a microsecond before the end of January is January's, one at the end is February's, and when the clock
/// steps back after that it stays February.
#[test]
fn t5_a_charge_belongs_to_the_period_of_its_instant() {
    let world = World::new();
    let (january, february) = (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    let charged = |first| {
        let tally = block_on(world.meter.ledger().tally(tenant(), first));
        tally.expect("a tally").map_or(0, |tally| tally.figures.charged)
    };
    world.clock(at("2026-01-31T23:59:59.999999Z"));
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    assert_eq!((charged(january), charged(february)), (1, 0));
    world.clock(february);
    assert_eq!(code(world.load(OLGA, 10)), "charged");
    assert_eq!((charged(january), charged(february)), (1, 10));
    world.clock(at("2026-01-31T23:59:58Z"));
    assert_eq!(code(world.load(OLGA, 100)), "charged");
    assert_eq!((charged(january), charged(february)), (1, 110));
    // Another process, or this one after a crash, whose clock is behind: the ledger knows that February has begun.
    let other = process(Arc::clone(world.meter.ledger()), &world.plans, 77);
    other.env().set(at("2026-01-31T23:59:57Z"));
    let ticket = block_on(other.charge(&world.may(OLGA), "w1", 1000)).expect("a ticket");
    assert_eq!((charged(january), charged(february)), (1, 1110));
    drop(ticket);
}

/// M8: the months of a zone given by its offsets, and those anchored at a day.
#[test]
fn t6_months_of_kolkata_and_of_the_31st() {
    let kolkata = Offsets::fixed("+05:30".parse().expect("an offset"));
    let november = Period::month(&kolkata, at("2026-11-15T00:00:00Z"));
    assert_eq!(november.to_string(), "2026-10-31T18:30:00Z to 2026-11-30T18:30:00Z");
    let first = |day: &str| Period::anchored(31, at(&format!("{day}T00:00:00Z"))).first.to_string();
    let starts = ["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"].map(first);
    assert_eq!(
        starts,
        ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"].map(|day| format!("{day}T00:00:00Z"))
    );
}

/// M11, M12: a newer limit arms again what it no longer crosses; one below what is charged refuses everything and changes no
/// figure.
#[test]
fn t7_limits_that_change() {
    let world = World::new();
    world.limit(100, 1);
    assert_eq!(code(world.load(OLGA, 95)), "charged");
    assert_eq!(world.told(), ["[80, 90] of v1"]);
    world.limit(200, 2);
    assert_eq!(code(world.load(OLGA, 1)), "charged");
    assert_eq!(world.told(), [""; 0]);
    assert_eq!(code(world.load(OLGA, 64)), "charged");
    assert_eq!(world.told(), ["[80] of v2"], "at 160");
    world.limit(50, 3);
    let before = world.figures();
    for records in [1, 50, u64::MAX] {
        assert_eq!(code(world.load(OLGA, records)), "quota");
    }
    let after = world.figures();
    assert_eq!((after.charged, after.loads, after.refused), (before.charged, before.loads, 3));
    assert_eq!(world.told(), ["refused"]);
    assert_eq!(code(world.load(OLGA, 0)), "quota", "nothing fits under a limit that is passed");
}

/// M9, M10: every record to one edge; cached ones apart; sums by branch and by sharer from the grants, also after one of
/// them was revoked.
#[test]
fn t8_records_by_edge_branch_and_sharer() {
    let world = World::new();
    assert_eq!(code(world.load(BOB, 10)), "charged");
    let bobs = world.may(BOB);
    let cached = world.meter.charge_load(&bobs, Load::of("w1", 10).cached());
    assert_eq!(block_on(cached).expect("a ticket").cost(), 0);
    assert_eq!(code(world.load(ANN, 5)), "charged");
    let rotated = block_on(world.sharing.rotate_link(account(OLGA), board(), Expiry::Never));
    let visit = block_on(world.sharing.visit(rotated.expect("a link").token.expose())).expect("a visit");
    assert_eq!(code(block_on(world.meter.charge(&visit, "w1", 7))), "charged");
    assert_eq!(code(world.load(OLGA, 3)), "charged");
    let check = || {
        let sums = world.sums();
        let link = Edge::Link { generation: 2, under: None };
        for (edge, records) in
            [(Edge::Grant(world.g2), 10), (Edge::Grant(world.g1), 5), (link, 7), (Edge::Owner, 3)]
        {
            assert_eq!(world.by_edge(&edge), records, "{edge:?}");
        }
        assert_eq!((sums.all().charged, sums.all().cached, sums.all().cached_loads), (25, 10, 1));
        assert_eq!(sums.by_link()[&(board(), 2)].charged, 7);
        let grants = block_on(world.meter.grants_in(world.sharing.store(), &sums)).expect("grants");
        let top = grants.iter().find(|grant| grant.id == world.g1).expect("g1");
        assert_eq!(sums.branch(top, &grants).charged, 15);
        let sharers = sums.by_sharer(&grants);
        assert_eq!((sharers[&account(ANN)].charged, sharers[&account(OLGA)].charged), (10, 5));
        assert_eq!(world.charged(), 25);
    };
    check();
    let revoked = world.sharing.revoke(account(OLGA), board(), world.g1, RevokeMode::Cascade);
    block_on(revoked).expect("revoked");
    check();
}
