//! The cache in front of a store: what it saves, and how long at most it may not know of a change (D4, D6, L2).

use crate::support::faulty::{self, Call, Fault, FaultyStore};
use dashshare::{
    AccountId, Action, Amendment, DashboardId, Dashshare, Error, Expiry, FixedEnv, GrantId, MemoryDirectory,
    MemoryStore, NewShare, Revision, RevokeMode, Rights, TenantId, Terms, Timestamp, store::CachedStore,
};
use pollster::block_on;
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Far longer than a test takes: the machine's own clock counts as well.
const STALENESS: i64 = 3_600_000_000;
const DASHBOARD: u64 = 7;

type Other = Dashshare<Arc<MemoryStore>, Arc<MemoryDirectory>, Arc<FixedEnv>>;
type Cached = Dashshare<CachedStore<FaultyStore, Arc<FixedEnv>>, Arc<MemoryDirectory>, Arc<FixedEnv>>;

/// Two processes over one store: one behind a cache, one that goes to the store.
struct World {
    env: Arc<FixedEnv>,
    cached: Cached,
    other: Other,
}

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn board() -> DashboardId {
    DashboardId::from(DASHBOARD)
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

fn after(micros: i64) -> Timestamp {
    start().plus_micros(micros)
}

impl World {
    fn with_room(room: usize) -> Self {
        Self::with(room, STALENESS)
    }

    fn with(room: usize, staleness: i64) -> Self {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        let env = Arc::new(FixedEnv::new(start(), 1));
        (1..=9).for_each(|number| directory.add_account(account(number)));
        let faulty = faulty::process(&store, &directory, start(), 2).store().clone();
        let room = NonZeroUsize::new(room).expect("some room");
        let staleness = Duration::from_micros(staleness.unsigned_abs());
        let cache = CachedStore::new(faulty, Arc::clone(&env), staleness, room);
        let other = Dashshare::new(store, Arc::clone(&directory), Arc::clone(&env));
        block_on(other.register(board(), TenantId::from(1u64), account(1))).expect("registered");
        Self { cached: Dashshare::new(cache, directory, Arc::clone(&env)), other, env }
    }

    fn new() -> Self {
        Self::with_room(100)
    }

    fn at(&self, micros: i64) {
        self.env.set(after(micros));
    }

    fn share(&self, with: u64, expiry: Expiry) -> GrantId {
        let terms = Terms::view(expiry).and_reshare();
        block_on(self.other.share(account(1), board(), NewShare::with(account(with), terms)))
            .expect("shared")
            .grant
    }

    fn revoke(&self, grant: GrantId) -> Revision {
        let ended = self.other.revoke(account(1), board(), grant, RevokeMode::Cascade);
        block_on(ended).expect("revoked").revision
    }

    fn sees(&self, who: u64) -> bool {
        let decision = self.cached.authorize(account(who), board(), Action::View);
        block_on(decision).expect("decided").is_allowed()
    }

    /// How many reads have come to the store so far.
    fn reads(&self) -> usize {
        let trace = self.cached.store().store().gate.trace();
        trace.iter().filter(|call| matches!(call, Call::Read | Call::ReadLink)).count()
    }
}

/// S5: what was read once is not read again within its time, and is again after it.
#[test]
fn a_second_decision_needs_no_store() {
    let world = World::new();
    world.share(2, Expiry::Never);
    for micros in [0, 1, STALENESS - 1] {
        world.at(micros);
        assert!(world.sees(2));
        assert_eq!(world.reads(), 1, "after {micros} microseconds");
    }
    world.at(STALENESS);
    assert!(world.sees(2));
    assert_eq!(world.reads(), 2);
}

/// D6: a grant that another process revoked is served until the staleness is over and not a microsecond longer, also
/// when it was asked for all the time: a hit prolongs nothing.
#[test]
fn a_revoked_grant_is_never_served_beyond_the_staleness() {
    let world = World::new();
    let grant = world.share(2, Expiry::Never);
    assert!(world.sees(2));
    world.at(1);
    world.revoke(grant);
    for tenth in 1..10 {
        world.at(tenth * STALENESS / 10);
        assert!(world.sees(2), "that is what a cache is for");
    }
    world.at(STALENESS - 1);
    assert!(world.sees(2));
    world.at(STALENESS);
    assert!(!world.sees(2));
    assert_eq!(world.reads(), 2);
}

/// D6: who demands the revision of a change is never answered by what is older, however fresh it is.
#[test]
fn a_demanded_revision_is_never_answered_by_an_older_entry() {
    let world = World::new();
    let grant = world.share(2, Expiry::Never);
    assert!(world.sees(2));
    let revoked = world.revoke(grant);
    assert!(world.sees(2), "nobody demanded anything");
    let demanding = |revision| {
        let decision = world.cached.at_least(revision).authorize(account(2), board(), Action::View);
        block_on(decision).map(|decision| decision.is_allowed())
    };
    assert!(demanding(Revision::new(revoked.number() - 1)).expect("decided"), "that far the entry knows");
    assert!(!demanding(revoked).expect("decided"));
    let reads = world.reads();
    assert!(!world.sees(2), "now it is known");
    assert!(!demanding(revoked).expect("decided"));
    assert_eq!(world.reads(), reads, "and answered from the cache");
    assert!(matches!(demanding(revoked.next()), Err(Error::Stale { .. })), "no such revision is there yet");
}

/// D6: a change that goes through the cache counts at once, for everybody on the dashboard.
#[test]
fn a_change_through_the_cache_counts_at_once() {
    let world = World::new();
    let grant = world.share(2, Expiry::Never);
    let below = Terms::view(Expiry::Never);
    block_on(world.other.share(account(2), board(), NewShare::with(account(3), below.clone())))
        .expect("shared on");
    assert!(world.sees(2) && world.sees(3) && !world.sees(4));
    block_on(world.cached.revoke(account(1), board(), grant, RevokeMode::Cascade)).expect("revoked");
    assert!(!world.sees(2) && !world.sees(3));
    block_on(world.cached.share(account(1), board(), NewShare::with(account(4), below))).expect("shared");
    assert!(world.sees(4));
}

/// D6: whatever else was read through the cache and showed a newer dashboard ends what is older.
#[test]
fn what_another_read_has_shown_is_known() {
    let world = World::new();
    let grant = world.share(2, Expiry::Never);
    assert!(world.sees(2));
    world.revoke(grant);
    assert!(world.sees(2));
    block_on(world.cached.access_list(account(1), board())).expect("listed");
    assert!(!world.sees(2));

    let link = block_on(world.other.rotate_link(account(1), board(), Expiry::Never)).expect("a link");
    let grant = world.share(2, Expiry::Never);
    world.at(STALENESS);
    assert!(world.sees(2));
    world.revoke(grant);
    assert!(world.sees(2));
    assert!(block_on(world.cached.visit(link.token.expose())).expect("decided").is_allowed());
    assert!(!world.sees(2), "the visit's head was newer");
}

/// D4: a grant lapses at its instant, whatever is kept, and the decision says so beforehand.
#[test]
fn a_kept_grant_lapses_at_its_instant() {
    let world = World::new();
    world.share(2, Expiry::At(after(1000)));
    assert!(world.sees(2));
    world.at(999);
    let decision = block_on(world.cached.authorize(account(2), board(), Action::View)).expect("decided");
    assert_eq!((decision.is_allowed(), decision.valid_until()), (true, Some(after(1000))));
    world.at(1000);
    assert!(!world.sees(2));
    assert_eq!(world.reads(), 1, "no store was asked");
}

/// D6: what a slow read brings after a newer change was seen is answered to whoever asked, and to nobody else.
#[test]
fn a_read_that_comes_late_is_not_kept() {
    let world = Arc::new(World::new());
    let grant = world.share(2, Expiry::Never);
    let of = Arc::clone(&world);
    let gate = Arc::clone(&world.cached.store().store().gate);
    // The read is on its way back when the grant is revoked through the cache.
    let asked = AtomicUsize::new(0);
    gate.follow(move |_, call| {
        let (of, first) = (Arc::clone(&of), asked.fetch_add(1, Ordering::Relaxed) == 0);
        if !first || call != Call::Read {
            return Fault::None;
        }
        Fault::After(Box::new(move || {
            let ended = of.cached.revoke(account(1), board(), grant, RevokeMode::Cascade);
            block_on(ended).expect("revoked");
        }))
    });
    assert!(world.sees(2), "when it was read, it stood");
    assert!(!world.sees(2));
}

/// L2: links are never kept. After a rotation by whomever, the old token opens nothing.
#[test]
fn a_link_is_never_kept() {
    let world = World::new();
    let old = block_on(world.other.rotate_link(account(1), board(), Expiry::Never)).expect("a link");
    let opens = |token: &str| block_on(world.cached.visit(token)).expect("decided").is_allowed();
    assert!(opens(old.token.expose()));
    let new = block_on(world.other.rotate_link(account(1), board(), Expiry::Never)).expect("a link");
    assert!(!opens(old.token.expose()) && opens(new.token.expose()));
}

/// D6: a commit whose answer was lost may have been applied, so that what was kept before it is not served.
#[test]
fn a_lost_commit_ends_what_was_kept() {
    let world = World::new();
    let grant = world.share(2, Expiry::Never);
    assert!(world.sees(2));
    let gate = Arc::clone(&world.cached.store().store().gate);
    gate.follow(|_, call| match call {
        Call::Commit => Fault::Lose,
        Call::Receipt => Fault::Fail,
        _ => Fault::None,
    });
    let ended = block_on(world.cached.revoke(account(1), board(), grant, RevokeMode::Cascade));
    assert!(matches!(ended, Err(Error::Unresolved(_))));
    gate.heal();
    assert!(!world.sees(2));
}

/// D6: a store that fails means denial when nothing fresh is kept, and the cache does not fall back on the old.
#[test]
fn a_failing_store_is_not_covered_up() {
    let world = World::new();
    world.share(2, Expiry::Never);
    assert!(world.sees(2));
    world.cached.store().store().gate.follow(|_, _| Fault::Fail);
    world.at(STALENESS - 1);
    assert!(world.sees(2));
    world.at(STALENESS);
    let decision = block_on(world.cached.authorize(account(2), board(), Action::View));
    assert!(matches!(decision, Err(Error::Store(_))));
}

/// D6: a clock that steps back makes nothing fresh that was kept under a later time.
#[test]
fn a_clock_that_steps_back_serves_nothing_of_the_future() {
    let world = World::new();
    world.at(1000);
    world.share(2, Expiry::Never);
    assert!(world.sees(2));
    world.at(999);
    assert!(world.sees(2));
    assert_eq!(world.reads(), 2);
}

/// S5: no more is kept than there is room for, and what was used last stays.
#[test]
fn the_room_is_bounded() {
    let world = World::with_room(2);
    for who in 2..=4 {
        world.share(who, Expiry::Never);
    }
    for who in [2, 3, 2, 4, 2] {
        assert!(world.sees(who));
    }
    assert_eq!(world.reads(), 3, "2, 3 and 4 were read once each: 4 took the place of 3");
    assert!(world.sees(3));
    assert_eq!(world.reads(), 4);
}

/// D6: a change through the cache counts although the cache has meanwhile seen so many other dashboards that it has
/// forgotten which revision the change made.
#[test]
fn a_change_through_the_cache_is_not_forgotten() {
    for room in [1, 2, 10] {
        let world = World::with_room(room);
        let grant = world.share(2, Expiry::Never);
        assert!(world.sees(2));
        block_on(world.cached.revoke(account(1), board(), grant, RevokeMode::Cascade)).expect("revoked");
        for other in 100..111u64 {
            let registering = world.cached.register(other.into(), TenantId::from(1u64), account(1));
            block_on(registering).expect("registered");
        }
        assert!(!world.sees(2), "with room for {room}");
    }
}

/// D6: the same of a read that was under way meanwhile.
#[test]
fn a_late_read_is_not_kept_when_too_much_was_seen_meanwhile() {
    let world = Arc::new(World::with_room(1));
    let grant = world.share(2, Expiry::Never);
    let (of, asked) = (Arc::clone(&world), AtomicUsize::new(0));
    world.cached.store().store().gate.follow(move |_, call| {
        let (of, first) = (Arc::clone(&of), asked.fetch_add(1, Ordering::Relaxed) == 0);
        if !first || call != Call::Read {
            return Fault::None;
        }
        Fault::After(Box::new(move || {
            let ended = of.cached.revoke(account(1), board(), grant, RevokeMode::Cascade);
            block_on(ended).expect("revoked");
            let registering = of.cached.register(100u64.into(), TenantId::from(1u64), account(1));
            block_on(registering).expect("registered");
        }))
    });
    assert!(world.sees(2), "when it was read, it stood");
    assert!(!world.sees(2));
}

/// D6: a change that was applied counts although whoever asked for it went away before the answer came.
#[test]
fn a_change_that_nobody_waited_for_counts() {
    let world = World::new();
    let grant = world.share(2, Expiry::Never);
    assert!(world.sees(2));
    let gate = Arc::clone(&world.cached.store().store().gate);
    gate.follow(|_, call| if call == Call::Commit { Fault::Hang } else { Fault::None });
    {
        let revoking = world.cached.revoke(account(1), board(), grant, RevokeMode::Cascade);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(std::pin::pin!(revoking).poll(&mut context).is_pending(), "the answer does not come");
    }
    gate.heal();
    assert!(
        !block_on(world.other.authorize(account(2), board(), Action::View)).expect("decided").is_allowed()
    );
    assert!(!world.sees(2));
}

/// D6: what is too old by the machine's clock is not served, whatever the host's clock says.
#[test]
fn a_clock_that_stands_still_keeps_nothing_for_ever() {
    let world = World::with(100, 1);
    world.share(2, Expiry::Never);
    let begun = std::time::Instant::now();
    assert!(world.sees(2));
    while begun.elapsed() < Duration::from_micros(2) {
        std::hint::spin_loop();
    }
    assert!(world.sees(2));
    assert_eq!(world.reads(), 2);
}

/// A step of a random story: who does what, and how far the clock moves before it.
#[derive(Clone, Debug)]
enum Step {
    Share { through_cache: bool, with: u64 },
    Revoke { through_cache: bool, which: usize },
    Narrow { through_cache: bool, which: usize },
    Ask { who: u64, knows: bool },
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        1 => (any::<bool>(), 2..5u64).prop_map(|(through_cache, with)| Step::Share { through_cache, with }),
        1 => (any::<bool>(), 0..4usize).prop_map(|(through_cache, which)| Step::Revoke { through_cache, which }),
        1 => (any::<bool>(), 0..4usize).prop_map(|(through_cache, which)| Step::Narrow { through_cache, which }),
        4 => (2..5u64, any::<bool>()).prop_map(|(who, knows)| Step::Ask { who, knows }),
    ];
    prop::collection::vec((0..STALENESS / 6, step), 1..60)
}

/// D4, D6: in random stories, every answer through the cache is the truth of an instant that lies back less than the
/// staleness, and never of one before a change that was made through the cache or whose revision was demanded.
#[test]
fn every_answer_was_true_within_the_staleness() {
    let (mut asked, mut stale) = (0usize, 0usize);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 500, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let counts = (&mut asked, &mut stale);
    let counts = std::sync::Mutex::new(counts);
    let story = |story: Vec<(i64, Step)>| {
        let world = World::new();
        let mut now = 0;
        let mut grants: Vec<(GrantId, Revision)> = Vec::new();
        // For each account: since when which answer is the truth, and the revision that made it so.
        let mut truths: Vec<(i64, Revision, [bool; 3])> = vec![(0, Revision::new(1), [false; 3])];
        for (pause, step) in story {
            now += pause;
            world.at(now);
            let mut changed = None;
            match step {
                Step::Share { through_cache, with } => {
                    let terms = Terms::view(Expiry::Never).and_export();
                    let done = match through_cache {
                        true => block_on(world.cached.share(
                            account(1),
                            board(),
                            NewShare::with(account(with), terms),
                        )),
                        false => block_on(world.other.share(
                            account(1),
                            board(),
                            NewShare::with(account(with), terms),
                        )),
                    };
                    let done = done.expect("shared");
                    if !done.standing {
                        grants.push((done.grant, done.revision));
                    }
                    changed = Some((done.revision, through_cache));
                }
                Step::Revoke { through_cache, which } if which < grants.len() => {
                    let (grant, _) = grants.remove(which);
                    let (by, mode) = (account(1), RevokeMode::Cascade);
                    let done = match through_cache {
                        true => block_on(world.cached.revoke(by, board(), grant, mode)),
                        false => block_on(world.other.revoke(by, board(), grant, mode)),
                    };
                    changed = Some((done.expect("revoked").revision, through_cache));
                }
                Step::Narrow { through_cache, which } if which < grants.len() => {
                    // A grant that only exports shows nothing any more.
                    let amendment = Amendment::default().rights(Rights::EXPORT);
                    let (by, grant) = (account(1), grants[which].0);
                    let done = match through_cache {
                        true => block_on(world.cached.amend(by, board(), grant, amendment)),
                        false => block_on(world.other.amend(by, board(), grant, amendment)),
                    };
                    changed = Some((done.expect("amended").revision, through_cache));
                }
                Step::Revoke { .. } | Step::Narrow { .. } => {}
                Step::Ask { who, knows } => {
                    let newest = truths.last().expect("the first").1;
                    let demanded = if knows { newest } else { Revision::ZERO };
                    let asking =
                        world.cached.at_least(demanded).authorize(account(who), board(), Action::View);
                    let decision = block_on(asking).expect("decided");
                    let index = usize::try_from(who - 2).expect("small");
                    let mut counts = counts.lock().expect("no panic");
                    *counts.0 += 1;
                    *counts.1 += usize::from(decision.revision() < Some(newest));
                    drop(counts);
                    // The truths that were the latest one at some instant of the last while.
                    let ends = truths.iter().skip(1).map(|(since, ..)| *since).chain([i64::MAX]);
                    let true_then = truths.iter().zip(ends).any(|((_, revision, truth), until)| {
                        decision.revision() == Some(*revision)
                            && truth[index] == decision.is_allowed()
                            && now - STALENESS < until
                    });
                    prop_assert!(true_then, "{who} at {now}: {decision:?} of {truths:?}");
                    prop_assert!(decision.revision() >= Some(demanded));
                    prop_assert!(!knows || decision.revision() == Some(newest));
                }
            }
            if let Some((revision, through_cache)) = changed {
                let sees = |who: u64| {
                    let asking = world.other.authorize(account(who), board(), Action::View);
                    block_on(asking).expect("decided").is_allowed()
                };
                truths.push((now, revision, [2, 3, 4].map(sees)));
                if through_cache {
                    for who in 2..5 {
                        let asking = world.cached.authorize(account(who), board(), Action::View);
                        let decision = block_on(asking).expect("decided");
                        prop_assert!(
                            decision.revision() >= Some(revision),
                            "a change through the cache is known"
                        );
                    }
                }
            }
        }
        Ok(())
    };
    runner.run(&steps(), story).unwrap_or_else(|error| panic!("{error}"));
    let counts = counts.into_inner().expect("no panic");
    println!("{} answers, {} of them older than the latest change", counts.0, counts.1);
    assert!(*counts.0 > 3_000 && *counts.1 > 200, "too little happened");
}
