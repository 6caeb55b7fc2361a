//! A withdrawal in a storm: a resharer shares on below, right before every call that is to take it away from him, and rows
//! below that cannot be read. It comes through all the same, on whatever store (G21, G22).

use crate::support::faulty::process_over;
use dashshare::{
    AccountId, Action, Amendment, BoxError, DashboardId, Dashshare, Ended, Error, Expiry, FixedEnv, GrantId,
    MemoryDirectory, NewShare, Revision, RevokeMode, Rights, TenantId, Terms, Timestamp, delegate_store,
    directory::{AnonymousUser, Portal, Tenant},
    policy::PolicySet,
    store::{Commit, CommitError, DynStore, Freshness, Grant, Receipt, Seed, Snapshot, Store},
    trail::{Event, Message},
};
use pollster::block_on;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

const OLGA: u64 = 1;
const BUSY: u64 = 2;
const FIRST_BELOW: u64 = 10;
/// Whom the storm shares with.
const FIRST_GUEST: u64 = 100;
const GUESTS: u64 = 60;

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("an instant")
}

type Service = Dashshare<Arc<dyn DynStore>, Arc<MemoryDirectory>, FixedEnv>;

/// A store in a storm.
struct Storm {
    inner: Arc<dyn DynStore>,
    busy: Service,
    board: DashboardId,
    guests: AtomicU64,
    /// How often somebody shared on in between.
    gusts: AtomicU64,
    blows: AtomicBool,
    /// Whether what hangs below cannot be read.
    is_damaged: AtomicBool,
}

impl Storm {
    async fn blow(&self) {
        if !self.blows.load(Ordering::Relaxed) {
            return;
        }
        let guest = FIRST_GUEST + self.guests.fetch_add(1, Ordering::Relaxed) % GUESTS;
        let share = NewShare::with(account(guest), Terms::view(Expiry::Never));
        if self.busy.share(account(BUSY), self.board, share).await.is_ok() {
            self.gusts.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn below(&self, rows: Result<Vec<Arc<Grant>>, BoxError>) -> Result<Vec<Arc<Grant>>, BoxError> {
        if self.is_damaged.load(Ordering::Relaxed) { Err("a row cannot be read".into()) } else { rows }
    }
}

impl Store for Storm {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        self.blow().await;
        self.inner.commit(commit).await
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        self.blow().await;
        self.inner.read(dashboard, seeds, freshness).await
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        self.below(self.inner.grants(dashboard, from, limit).await)
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        self.below(self.inner.grants_below(dashboard, above, from, limit).await)
    }

    delegate_store!(self.inner => receipt, read_many, read_link, held, owned, audit, audit_of, outbox, lease, acknowledge,
        dead_letters, put_back, sweep);
}

/// What somebody takes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Taking {
    Revoke,
    Stop,
    Renounce,
    NoReshare,
    FewerRights,
    Pause,
    Withdraw,
    Delete,
}

const ALL: [Taking; 8] = [
    Taking::Revoke,
    Taking::Stop,
    Taking::Renounce,
    Taking::NoReshare,
    Taking::FewerRights,
    Taking::Pause,
    Taking::Withdraw,
    Taking::Delete,
];

impl Taking {
    /// Whether what hangs below ends.
    fn ends_all_below(self) -> bool {
        !matches!(self, Self::FewerRights | Self::Pause | Self::Withdraw)
    }
}

/// What is told of an ending: what fell, and whether that is all.
fn told(ended: &Ended) -> (Vec<GrantId>, bool) {
    (ended.fell.clone(), ended.listed)
}

struct World {
    storm: Arc<Storm>,
    directory: Arc<MemoryDirectory>,
    board: DashboardId,
    busys: GrantId,
    token: String,
}

impl World {
    fn new(store: &Arc<dyn DynStore>, board: u64) -> Self {
        let directory = Arc::<MemoryDirectory>::default();
        let (number, board, tenant) = (board, DashboardId::from(board), TenantId::from(1u64));
        let people = (OLGA..FIRST_BELOW + 5).chain(FIRST_GUEST..FIRST_GUEST + GUESTS);
        people.for_each(|number| directory.add_account(account(number)));
        let everybody = r#"[{"id":"open","name":"open","targets":[["run_user"]],"permissions":
            [{"effect":"allow","action":["access"],"resource":["dashboard"]}]}]"#;
        let policies: PolicySet = serde_json::from_str(everybody).expect("policies");
        let portal = Portal { active: true, anonymous: Some(AnonymousUser::new("anonymous")) };
        directory.set_tenant(tenant, Tenant { portal, policies, ..Tenant::default() });
        let sharing = process_over(Arc::clone(store), &directory, now(), number);
        block_on(sharing.register(board, tenant, account(OLGA))).expect("a dashboard");
        let busys = NewShare::with(account(BUSY), Terms::of(Rights::ALL, Expiry::Never).and_reshare());
        let busys = block_on(sharing.share(account(OLGA), board, busys)).expect("a share").grant;
        for number in FIRST_BELOW..FIRST_BELOW + 5 {
            let by = if number == FIRST_BELOW { BUSY } else { number - 1 };
            let below = Terms::of(Rights::ALL, Expiry::Never).and_reshare();
            let below = NewShare::with(account(number), below);
            block_on(sharing.share(account(by), board, below)).expect("a share");
        }
        let link = block_on(sharing.rotate_link(account(OLGA), board, Expiry::Never)).expect("a link");
        let busy =
            Dashshare::new(Arc::clone(store), Arc::clone(&directory), FixedEnv::new(now(), 7_000 + number));
        let storm = Arc::new(Storm {
            inner: Arc::clone(store),
            busy,
            board,
            guests: AtomicU64::new(0),
            gusts: AtomicU64::new(0),
            blows: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
        });
        Self { storm, directory, board, busys, token: link.token.expose().to_owned() }
    }

    fn take(&self, taking: Taking, seed: u64) -> Result<(Vec<GrantId>, bool), Error> {
        let store: Arc<dyn DynStore> = Arc::clone(&self.storm) as Arc<dyn DynStore>;
        let sharing = Dashshare::new(store, Arc::clone(&self.directory), FixedEnv::new(now(), seed));
        let (olga, board) = (account(OLGA), self.board);
        let amend = |amendment| {
            block_on(sharing.amend(olga, board, self.busys, amendment)).map(|it| (it.fell.clone(), it.listed))
        };
        match taking {
            Taking::Revoke => {
                block_on(sharing.revoke(olga, board, self.busys, RevokeMode::Cascade)).map(|it| told(&it))
            }
            Taking::Stop => block_on(sharing.stop_sharing(olga, board, account(BUSY))).map(|it| told(&it)),
            Taking::Renounce => {
                block_on(sharing.renounce(account(BUSY), board, self.busys)).map(|it| told(&it))
            }
            Taking::NoReshare => amend(Amendment::default().no_reshare()),
            Taking::FewerRights => amend(Amendment::default().rights(Rights::VIEW)),
            Taking::Pause => block_on(sharing.pause_link(olga, board)).map(|_| (Vec::new(), true)),
            Taking::Withdraw => block_on(sharing.withdraw_link(olga, board)).map(|_| (Vec::new(), true)),
            Taking::Delete => block_on(sharing.delete_dashboard(olga, board)).map(|it| told(&it)),
        }
    }

    fn quiet(&self) -> Service {
        Dashshare::new(Arc::clone(&self.storm.inner), Arc::clone(&self.directory), FixedEnv::new(now(), 9))
    }

    fn may(&self, number: u64, action: Action) -> bool {
        block_on(self.quiet().authorize(account(number), self.board, action))
            .expect("a decision")
            .is_allowed()
    }

    /// Checks that it was taken away, from everybody below too.
    fn expect_taken(&self, taking: Taking) {
        let below = (FIRST_BELOW..FIRST_BELOW + 5).chain(FIRST_GUEST..FIRST_GUEST + GUESTS);
        if taking.ends_all_below() {
            for number in below {
                assert!(!self.may(number, Action::View), "{taking:?}: account {number} sees it still");
            }
        }
        match taking {
            Taking::Pause | Taking::Withdraw => {
                let visit = block_on(self.quiet().visit(&self.token)).expect("a decision");
                assert!(!visit.is_allowed(), "{taking:?}: the link opens");
            }
            Taking::FewerRights => assert!(!self.may(FIRST_BELOW, Action::Export), "{taking:?}"),
            Taking::NoReshare => assert!(!self.may(BUSY, Action::Share), "{taking:?}"),
            _ => assert!(!self.may(BUSY, Action::View), "{taking:?}"),
        }
    }

    /// Checks that all is listed once, and that each who lost a grant by somebody else's act is told once.
    fn expect_listed_once(&self, taking: Taking) {
        let store = &self.storm.inner;
        let audit = block_on(store.audit(self.board, Revision::ZERO, 1000)).expect("a trail");
        let mut times: BTreeMap<GrantId, usize> = BTreeMap::new();
        for grant in audit.iter().flat_map(|record| &record.fell) {
            *times.entry(*grant).or_default() += 1;
        }
        let grants = block_on(store.grants(self.board, 0, 1000)).expect("grants");
        for grant in &grants {
            let is_below = grant.parent().is_some();
            let falls = match taking {
                Taking::FewerRights | Taking::Pause | Taking::Withdraw => false,
                Taking::NoReshare => is_below,
                _ => true,
            };
            let listed = times.get(&grant.id).copied().unwrap_or(0);
            assert_eq!(listed, usize::from(falls), "{taking:?}: grant {} was listed", grant.ordinal);
        }
        let lists = audit.iter().filter(|record| matches!(record.event, Event::Fell { .. })).count();
        assert_eq!(lists, usize::from(taking.ends_all_below()), "{taking:?}: lists");
        let mut heard: BTreeMap<AccountId, usize> = BTreeMap::new();
        for message in block_on(store.outbox(None, 1000)).expect("an outbox") {
            assert_ne!(message.message, Message::Falling, "{taking:?}: the note is still there");
            let Message::Ended { lost } = message.message else { continue };
            for (holder, grants) in lost.into_iter().filter(|_| message.id.dashboard == self.board) {
                *heard.entry(holder.account().expect("an account")).or_default() += grants.len();
            }
        }
        for grant in grants.iter().filter(|grant| times.contains_key(&grant.id)) {
            let holder = grant.grantee.account().expect("an account");
            let by_itself = taking == Taking::Renounce && holder == account(BUSY);
            let owns = grants
                .iter()
                .filter(|other| other.grantee.account() == Some(holder) && times.contains_key(&other.id));
            let told = heard.get(&holder).copied().unwrap_or(0);
            assert_eq!(
                told,
                if by_itself { 0 } else { owns.count() },
                "{taking:?}: account {holder:?} was told"
            );
        }
    }
}

/// However busily others share on below, in between every two calls, a withdrawal comes through at once, and everything
/// that fell with it is listed and told once.
pub(crate) fn withdrawals_win(store: &Arc<dyn DynStore>) {
    for (number, taking) in (500..).zip(ALL) {
        let world = World::new(store, number);
        world.storm.blows.store(true, Ordering::Relaxed);
        let taken = world.take(taking, 5);
        world.storm.blows.store(false, Ordering::Relaxed);
        let (fell, listed) = taken.unwrap_or_else(|error| panic!("{taking:?} lost: {error}"));
        let gusts = world.storm.gusts.load(Ordering::Relaxed);
        assert!(gusts >= 2, "{taking:?}: there was no storm, but {gusts} gusts");
        assert!(listed, "{taking:?}");
        world.expect_taken(taking);
        world.expect_listed_once(taking);
        let expected = if taking.ends_all_below() { 5 } else { 0 };
        assert!(fell.len() >= expected, "{taking:?}: only {} fell", fell.len());
    }
}

/// No row below that cannot be read stands in the way of a withdrawal. What fell is listed when it can be read again, once,
/// by whoever leases.
pub(crate) fn damage_is_in_no_withdrawals_way(store: &Arc<dyn DynStore>) {
    for (number, taking) in (600..).zip(ALL) {
        let world = World::new(store, number);
        world.storm.is_damaged.store(true, Ordering::Relaxed);
        let taken = world.take(taking, 5);
        let (_, listed) = taken.unwrap_or_else(|error| panic!("{taking:?} was blocked: {error}"));
        assert_eq!(listed, !taking.ends_all_below() && taking != Taking::FewerRights, "{taking:?}: listed");
        world.expect_taken(taking);
        world.storm.is_damaged.store(false, Ordering::Relaxed);
        for _ in 0..2 {
            let lasting = std::time::Duration::from_secs(60);
            let leased = block_on(world.quiet().lease(lasting, 1000)).expect("messages");
            assert!(leased.iter().all(|message| message.message != Message::Falling), "{taking:?}");
        }
        if taking != Taking::FewerRights {
            world.expect_listed_once(taking);
        }
        let again = block_on(world.quiet().list_fallen(world.board)).expect("a list");
        assert!(again.is_empty(), "{taking:?}: listed again");
    }
}
