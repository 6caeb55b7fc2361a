//! What is dead costs a decision nothing (G23): it is put on a shelf that only questions as of another instant read.

use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, EmailAddress, Expiry, FixedEnv, GrantId, Holder,
    MemoryDirectory, MemoryStore, NewShare, RevokeMode, Rights, TenantId, Terms, Timestamp,
    store::{Freshness, Grant, Seed, Snapshot, Store},
};
use pollster::block_on;
use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Counts the chains and the rows that are read by seeds.
#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    chains: AtomicUsize,
    rows: AtomicUsize,
}

impl Counting {
    fn count<'a>(&self, found: impl IntoIterator<Item = &'a Snapshot>) {
        for snapshot in found {
            self.chains.fetch_add(snapshot.chains.len(), Ordering::SeqCst);
            self.rows.fetch_add(snapshot.chains.iter().map(Vec::len).sum(), Ordering::SeqCst);
        }
    }
}

impl Store for Counting {
    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        let found = self.inner.read(dashboard, seeds, freshness).await?;
        self.count(&found);
        Ok(found)
    }

    async fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        freshness: Freshness,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let found = self.inner.read_many(dashboards, holder, freshness).await?;
        self.count(&found);
        Ok(found)
    }

    dashshare::delegate_store!(self.inner => commit, receipt, read_link, grants, grants_below, held, owned, audit,
        audit_of, outbox, lease, acknowledge, dead_letters, put_back, sweep);
}

const BOARD: u64 = 7;
const OLGA: u64 = 1;
const ANN: u64 = 2;
const BOB: u64 = 3;
const CYD: u64 = 4;

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

fn account(number: u64) -> AccountId {
    number.into()
}

fn board() -> DashboardId {
    BOARD.into()
}

fn address(text: &str) -> EmailAddress {
    text.parse().expect("an address")
}

fn done<T, E: Debug>(outcome: impl Future<Output = Result<T, E>>) -> T {
    block_on(outcome).expect("it is done")
}

/// Olga's dashboard, and what is known of who could see it.
struct World {
    sharing: Dashshare<Counting, MemoryDirectory, FixedEnv>,
    hours: u32,
    /// From when to when Ann held something: a plain list.
    held: Vec<(Timestamp, Timestamp)>,
}

impl World {
    fn new() -> Self {
        let env = FixedEnv::new(start(), 1);
        let sharing = Dashshare::new(Counting::default(), MemoryDirectory::default(), env);
        for number in OLGA..=CYD {
            sharing.directory().add_account(account(number));
        }
        sharing.directory().verify_email(account(ANN), address("ann@example.com"), start());
        done(sharing.register(board(), TenantId::from(1u64), account(OLGA)));
        Self { sharing, hours: 0, held: Vec::new() }
    }

    fn now(&self) -> Timestamp {
        start().plus_micros(i64::from(self.hours) * 3_600_000_000)
    }

    fn hour_passes(&mut self) {
        self.hours += 1;
        self.sharing.env().set(self.now());
    }

    fn share(&self, by: u64, with: impl Into<Holder>, terms: Terms) -> GrantId {
        done(self.sharing.share(account(by), board(), NewShare::with(with, terms))).grant
    }

    fn revoke(&self, grant: GrantId) {
        done(self.sharing.revoke(account(OLGA), board(), grant, RevokeMode::Cascade));
    }

    fn grant(&self, id: GrantId) -> Arc<Grant> {
        let all = done(self.sharing.store().grants(board(), 0, 10_000));
        all.into_iter().find(|grant| grant.id == id).expect("it is kept")
    }

    fn sees(&self, who: u64) -> bool {
        done(self.sharing.authorize(account(who), board(), Action::View)).is_allowed()
    }

    /// How many chains and rows a check of Ann's reads, alone and on a page; the same for both.
    fn costs(&self) -> (usize, usize) {
        let store = self.sharing.store();
        let taken = || (store.chains.swap(0, Ordering::SeqCst), store.rows.swap(0, Ordering::SeqCst));
        taken();
        self.sees(ANN);
        let alone = taken();
        done(self.sharing.authorize_many(account(ANN), &[board()], Action::View));
        assert_eq!(taken(), alone);
        alone
    }

    /// One share with Ann that begins and ends, in one of many ways; it is held for an hour.
    fn pair(&mut self, way: u32) {
        let from = self.now();
        let until = from.plus_micros(3_600_000_000);
        let ann = Holder::from(account(ANN));
        let never = Terms::view(Expiry::Never);
        match way {
            0 => {
                let grant = self.share(OLGA, ann, never);
                self.hour_passes();
                self.revoke(grant);
            }
            1 => {
                self.share(OLGA, ann, Terms::view(Expiry::At(until)));
                self.hour_passes();
            }
            2 => {
                self.share(OLGA, address("ann@example.com"), never);
                self.hour_passes();
                done(self.sharing.stop_sharing(account(OLGA), board(), address("ann@example.com")));
            }
            3 => {
                let above = self.share(OLGA, account(BOB), never.and_reshare());
                self.share(BOB, ann, Terms::view(Expiry::Never));
                self.hour_passes();
                self.revoke(above);
            }
            4 => {
                let share = NewShare::with(ann, Terms::view(Expiry::At(until)));
                done(self.sharing.set_share(account(OLGA), board(), share));
                self.hour_passes();
            }
            _ => {
                let grant = self.share(OLGA, ann, Terms::view(Expiry::At(from.plus_days(900))));
                self.hour_passes();
                done(self.sharing.renounce(account(ANN), board(), grant));
            }
        }
        self.held.push((from, until));
    }

    /// Ann is told when the last of what she held ended, and each past instant is answered as the plain list says.
    fn check(&self) {
        let told = done(self.sharing.authorize(account(ANN), board(), Action::View)).tell();
        let last = self.held.iter().map(|(_, until)| *until).max().expect("something was held");
        assert_eq!((told.code(), told.ends()), ("ended", Some(last)));
        for hour in 0..=self.hours {
            let t = start().plus_micros(i64::from(hour) * 3_600_000_000);
            for t in [t.plus_micros(-1), t, t.plus_micros(1)].into_iter().filter(|t| *t <= self.now()) {
                let held = self.held.iter().any(|(from, until)| *from <= t && t < *until);
                let past = self.sharing.as_of(t);
                let decision = done(past.authorize(account(ANN), board(), Action::View));
                assert_eq!(decision.was_allowed(), held, "at {t}");
            }
        }
    }
}

/// G23: hundreds of shares that have ended are read by no check.
#[test]
fn what_is_dead_is_read_by_no_check() {
    let mut world = World::new();
    for number in 0..300 {
        world.pair(0);
        let (chains, rows) = world.costs();
        assert!(chains <= 3 && rows <= 3, "{chains} chains of {rows} rows after {number} pairs");
        if number % 4 == 0 {
            world.hour_passes();
        }
    }
    world.check();
    let held = done(world.sharing.store().held(&account(ANN).into(), None, 1_000));
    assert_eq!(held.len(), 300);
    assert!(done(world.sharing.access_list(account(OLGA), board())).grants.is_empty());
    let grant = world.share(OLGA, account(ANN), Terms::view(Expiry::Never));
    assert!(world.sees(ANN));
    let ended = done(world.sharing.stop_sharing(account(OLGA), board(), account(ANN)));
    assert_eq!(ended.fell, [grant]);
}

/// G23, D7, D8: the same in whatever ways they began and ended, one after the other and several at once.
#[test]
fn however_it_ended_the_past_is_answered_as_before() {
    let mut state = 0x9e37_79b9_u32;
    let mut world = World::new();
    for number in 0..120 {
        for bits in [13, 17, 5] {
            state ^= if bits == 17 { state >> bits } else { state << bits };
        }
        world.pair(state % 6);
        let (chains, rows) = world.costs();
        assert!(chains <= 3 && rows <= 6, "{chains} chains of {rows} rows after {number} pairs");
        if state & 64 != 0 {
            world.hour_passes();
        }
        if number % 40 == 39 {
            world.check();
        }
    }
}

/// D8: of several that ended, the one that ended last is told of, also where it was made first and what came after it
/// waits for an address.
#[test]
fn the_end_that_came_last_is_told_whatever_is_shelved() {
    let mut world = World::new();
    let never = Terms::view(Expiry::Never);
    let bob = world.share(OLGA, account(BOB), never.clone().and_reshare());
    let from = world.now();
    let last = world.share(BOB, account(ANN), never.clone());
    world.hour_passes();
    for _ in 0..4 {
        let grant = world.share(OLGA, account(ANN), never.clone());
        world.hour_passes();
        world.revoke(grant);
    }
    world.hour_passes();
    world.revoke(bob);
    world.held.push((from, world.now()));
    world.check();
    // Now the address is nobody's, so what is made to it waits.
    world.sharing.directory().forget_email(account(ANN), &address("ann@example.com"));
    for _ in 0..4 {
        let grant = world.share(OLGA, address("ann@example.com"), never.clone());
        world.hour_passes();
        world.revoke(grant);
    }
    world.check();
    // A share with the account puts its dead on the shelf, and not that one.
    world.share(OLGA, account(ANN), never);
    assert!(!world.grant(last).is_shelved());
}

/// What an account claimed is not shelved for an address that it has lost: its own other grants were not read.
#[test]
fn what_is_somebody_elses_is_left_alone() {
    let mut world = World::new();
    let never = Terms::view(Expiry::Never);
    let ann = || address("ann@example.com");
    let from = world.now();
    world.share(OLGA, ann(), never.clone());
    world.hour_passes();
    done(world.sharing.stop_sharing(account(OLGA), board(), account(ANN)));
    world.held.push((from, world.now()));
    world.sharing.directory().forget_email(account(ANN), &ann());
    world.sharing.directory().verify_email(account(CYD), ann(), world.now());
    for _ in 0..5 {
        let grant = world.share(OLGA, ann(), never.clone());
        assert!(world.sees(CYD));
        world.hour_passes();
        world.revoke(grant);
    }
    world.check();
}

/// G18: what was absorbed and carries others is not shelved, and they live on.
#[test]
fn what_still_carries_is_not_shelved() {
    let mut world = World::new();
    let never = Terms::view(Expiry::Never);
    let carrier = world.share(OLGA, account(ANN), never.clone().and_reshare());
    world.share(ANN, account(CYD), never.clone());
    for (from, to) in [(OLGA, ANN), (ANN, OLGA)] {
        done(world.sharing.offer_transfer(account(from), board(), account(to), Rights::NONE));
        done(world.sharing.take_transfer(account(to), board()));
    }
    for _ in 0..6 {
        let grant = world.share(OLGA, account(ANN), never.clone());
        world.hour_passes();
        world.revoke(grant);
    }
    let (absorbed, shelved) = (world.grant(carrier), world.costs().0);
    assert!(absorbed.absorbed().is_some() && !absorbed.is_shelved());
    assert!(world.sees(CYD) && !world.sees(ANN) && shelved <= 4);
}

/// Several shares that a clock of the year 2090 takes for lapsed and puts on the shelf.
fn shelved_by_a_wrong_clock() -> (World, GrantId, [GrantId; 3]) {
    let world = World::new();
    let until = |days| Terms::view(Expiry::At(start().plus_days(days)));
    let share = |days| world.share(OLGA, account(ANN), until(days));
    let (first, second, third) = (share(100), share(300), share(200));
    world.sharing.env().set("2090-01-01T00:00:00Z".parse().expect("an instant"));
    let fourth = world.share(OLGA, account(ANN), Terms::view(Expiry::Never));
    assert!(world.grant(first).is_shelved());
    world.sharing.env().set(start());
    (world, first, [second, third, fourth])
}

/// G10, G23: what a repaired clock lets live again is back from the shelf.
#[test]
fn what_a_repair_revives_is_taken_from_the_shelf() {
    let (world, first, others) = shelved_by_a_wrong_clock();
    done(world.sharing.repair_clock(board()));
    assert!(!world.grant(first).is_shelved());
    others.into_iter().for_each(|grant| world.revoke(grant));
    assert!(world.sees(ANN));
    world.revoke(first);
    assert!(!world.sees(ANN));
}

/// G22, G23: a stop while the clock is in doubt ends also what that clock has put on the shelf.
#[test]
fn a_stop_ends_what_a_wrong_clock_has_shelved() {
    let (world, ..) = shelved_by_a_wrong_clock();
    done(world.sharing.stop_sharing(account(OLGA), board(), account(ANN)));
    done(world.sharing.repair_clock(board()));
    assert!(!world.sees(ANN));
}
