//! The one door to data, where a history of commands does not come: streams, computed values, keys of caches, and what a
//! lock hides. What commands do to what is seen is compared in `histories.rs`, and `rules.txt` tells the stories.

use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Directory, Expiry, FixedEnv, Lock, MemoryDirectory,
    MemoryStore, NewShare, TenantId, Terms, Timestamp,
    directory::Tenant,
    explain::Denial,
    lock::{LockFinding, Query, Range, ReadKind, VariableSelector, Variables, Widget},
    policy::{Principal, Resource, Tag},
    questions::Admitted,
};
use pollster::block_on;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use crate::model::generator::Rng;

const HOUR: i64 = 3_600_000_000;
const OLGA: u64 = 1;
const ANN: u64 = 2;
const BEN: u64 = 3;

type Sharing<D = Arc<MemoryDirectory>> = Dashshare<MemoryStore, D, Arc<FixedEnv>>;

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("an instant")
}

fn at(hours: i64) -> Timestamp {
    start().plus_micros(hours * HOUR)
}

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn board(number: u64) -> DashboardId {
    DashboardId::from(number)
}

fn directory() -> Arc<MemoryDirectory> {
    let directory = Arc::new(MemoryDirectory::default());
    for number in [OLGA, ANN, BEN] {
        directory.add_account(account(number));
    }
    for dashboard in [7, 8] {
        for pump in ["p1", "p2"] {
            directory.add_device(board(dashboard), Resource::new("device", pump));
        }
        directory.set_variables(board(dashboard), "p2", ["temp"]);
    }
    directory
}

/// Two dashboards of Olga's, each with two pumps.
fn world<D: Directory>(directory: D) -> (Sharing<D>, Arc<FixedEnv>) {
    let env = Arc::new(FixedEnv::new(start(), 1));
    let sharing = Dashshare::new(MemoryStore::default(), directory, Arc::clone(&env));
    for dashboard in [7, 8] {
        block_on(sharing.register(board(dashboard), TenantId::from(1u64), account(OLGA)))
            .expect("registered");
    }
    (sharing, env)
}

fn share<D: Directory>(sharing: &Sharing<D>, with: u64, terms: Terms) {
    block_on(sharing.share(account(OLGA), board(7), NewShare::with(account(with), terms))).expect("shared");
}

fn last(span: &str) -> Lock {
    Lock::NONE.last(span.parse().expect("a span"))
}

fn ask<D: Directory>(sharing: &Sharing<D>, who: u64, query: &Query) -> Result<Admitted, Denial> {
    let decision =
        block_on(sharing.authorize(account(who), board(7), query.kind.action())).expect("a decision");
    let answer = block_on(sharing.admit(&decision, query)).expect("memory never fails");
    answer.map_err(|denied| denied.denial().clone())
}

fn temp() -> Query {
    Query::new(ReadKind::Series, "p1", "temp")
}

/// K17: a decision that is kept holds the locks and no frozen window, so that a stream slides with the clock; an instant
/// before the decision counts as its own, a grant that ended admits nothing, and at the end of the decision all is stale.
#[test]
fn a_stream_slides_until_its_decision_is_stale() {
    let (sharing, _) = world(directory());
    share(&sharing, ANN, Terms::view(Expiry::At(at(10))).locked(last("1h")));
    share(&sharing, ANN, Terms::view(Expiry::At(at(4))).locked(last("5h")));
    let decision = block_on(sharing.authorize(account(ANN), board(7), Action::View)).expect("a decision");
    let stream = block_on(sharing.authorize_device(&decision, "p1")).expect("a decision");
    let window = |now: i64| {
        let admitted = stream.admit(&temp(), at(now)).map_err(|denied| denied.denial().clone())?;
        let sides = admitted.pieces().iter().map(|piece| (piece.range.from, piece.range.until));
        Ok::<_, Denial>(sides.fold((None, None), |(from, _), side| (from.or(side.0), side.1)))
    };
    assert_eq!(window(0), Ok((Some(at(-5)), Some(at(0)))));
    assert_eq!(window(3), Ok((Some(at(-2)), Some(at(3)))), "both slide");
    assert_eq!(window(4), Ok((Some(at(3)), Some(at(4)))), "one has ended, the other goes on");
    assert_eq!(window(-9), window(0), "no earlier instant is shown than the decision's");
    let just_before = stream.admit(&temp(), at(10).plus_micros(-1));
    assert!(just_before.is_ok_and(|admitted| admitted.admits(at(9))));
    assert_eq!(window(10), Err(Denial::Stale));
    assert_eq!(window(11), Err(Denial::Stale));
}

/// K16, trap TA22: a computed value is admitted where all its inputs are, and one input that is denied denies all (G-K14).
/// Several variables that are asked for one by one are admitted one by one.
#[test]
fn a_computed_value_needs_all_its_inputs() {
    let (sharing, _) = world(directory());
    let window = |from, until| Lock::NONE.within(Range::new(at(from), at(until)));
    share(&sharing, ANN, Terms::view(Expiry::Never).locked(Lock::NONE.variables(["temp".into()])));
    let decision = block_on(sharing.authorize(account(ANN), board(7), Action::View)).expect("a decision");
    let pressure = Query::new(ReadKind::Series, "p1", "pressure");
    let computed = |decision, inputs: &[Query]| {
        let answer = block_on(sharing.admit_computed(decision, inputs)).expect("memory never fails");
        answer.map_err(|denied| denied.denial().clone())
    };
    for inputs in [[temp(), pressure.clone()], [pressure.clone(), temp()]] {
        assert_eq!(computed(&decision, &inputs), Err(Denial::DeviceNotShown("p1".to_owned())));
    }
    assert!(ask(&sharing, ANN, &temp()).is_ok());
    assert!(ask(&sharing, ANN, &pressure).is_err());

    let of = |variable: &str, from, until| {
        Terms::view(Expiry::Never).locked(window(from, until).variables([variable.into()]))
    };
    share(&sharing, BEN, of("temp", -9, -5));
    share(&sharing, BEN, of("temp", -3, -1));
    share(&sharing, BEN, of("pressure", -6, -2));
    let decision = block_on(sharing.authorize(account(BEN), board(7), Action::View)).expect("a decision");
    let common = computed(&decision, &[temp(), pressure.clone()]).expect("two pieces in common");
    for input in &common {
        let pieces: Vec<Range> = input.pieces().iter().map(|piece| piece.range).collect();
        assert_eq!(pieces, [Range::new(at(-6), at(-5)), Range::new(at(-3), at(-2))], "{}", input.variable());
        assert!(input.is_cut());
    }
    let apart = [temp().between(at(-9), at(-7)), pressure];
    assert!(matches!(computed(&decision, &apart), Err(Denial::OutsideWindow { .. })));
}

/// K16, traps TA12 and TA20: what is checked is the range that is read, a comparison with an earlier time too, and the
/// answer is that range, so that a page draws nothing else. Trap TA27: no control takes part in it, whatever is asked for.
#[test]
fn what_is_admitted_is_what_is_read() {
    let (sharing, _) = world(directory());
    share(&sharing, ANN, Terms::view(Expiry::Never).locked(last("24h")));
    let today = temp().between(at(-24), at(0));
    let yesterday = temp().between(at(-48), at(-24));
    assert_eq!(ask(&sharing, ANN, &today).expect("all of it").pieces()[0].range, today.range);
    let window = Range::new(at(-24), at(0));
    assert_eq!(ask(&sharing, ANN, &yesterday), Err(Denial::OutsideWindow { window }));
    for hours in [1, 24, 25, 1_000, 100_000] {
        let zoomed = temp().between(at(-hours), at(hours));
        let admitted = ask(&sharing, ANN, &zoomed).expect("its part in the window");
        assert_eq!(admitted.pieces()[0].range, zoomed.range.intersection(window));
        assert_eq!(admitted.pieces().len(), 1);
        assert!(admitted.is_cut());
    }
    // Bound to the window, and so, asked for again, the same.
    let again = temp().within(ask(&sharing, ANN, &temp()).expect("the window").pieces()[0].range);
    assert!(!ask(&sharing, ANN, &again).expect("the window").is_cut());
}

/// K14, K16, traps TA6 and TA8: what may be exported may be viewed under the same grant, and an answer depends on device,
/// variable, range and parameters and on nothing that was asked before, in whatever order.
#[test]
fn exports_show_no_more_than_views_and_the_order_of_questions_says_nothing() {
    let (sharing, _) = world(directory());
    let mut rng = Rng::new(7);
    for _ in 0..6 {
        let terms = Terms::view(Expiry::Never).locked(lock(&mut rng));
        share(&sharing, ANN, if rng.percent(50) { terms.and_export() } else { terms });
    }
    let queries: Vec<Query> = (0..400).map(|_| query(&mut rng)).collect();
    let mut first: Vec<Result<Admitted, Denial>> =
        queries.iter().map(|query| ask(&sharing, ANN, query)).collect();
    let second = queries.iter().rev().map(|query| ask(&sharing, ANN, query));
    first.reverse();
    assert!(first.into_iter().eq(second));
    let mut both = 0;
    for query in &queries {
        let of = |kind| {
            let mut query = query.clone();
            query.kind = kind;
            ask(&sharing, ANN, &query)
        };
        let Ok(exported) = of(ReadKind::Export) else { continue };
        let viewed = meaning(&of(ReadKind::Table).expect("what may be exported may be viewed"));
        both += 1;
        for (parameters, ranges) in meaning(&exported) {
            let seen = viewed.get(&parameters).map_or(&[][..], Vec::as_slice);
            let is_seen = |range: &Range| seen.iter().any(|seen| seen.covers(*range));
            assert!(ranges.iter().all(is_seen), "{ranges:?} beside {seen:?}");
        }
    }
    assert!(both > 50, "{both} exports are too few to mean anything");
}

/// What is admitted of a question whoever admits it: instants by the values of parameters, as ranges that do not touch.
fn meaning(admitted: &Admitted) -> BTreeMap<BTreeMap<String, String>, Vec<Range>> {
    let mut found: BTreeMap<_, Vec<Range>> = BTreeMap::new();
    for piece in admitted.pieces() {
        let ranges = found.entry(piece.parameters.clone()).or_default();
        match ranges.last_mut() {
            Some(last) if last.until == piece.range.from => last.until = piece.range.until,
            _ => ranges.push(piece.range),
        }
    }
    found
}

fn lock(rng: &mut Rng) -> Lock {
    let mut lock = Lock::NONE;
    if rng.percent(30) {
        lock = lock.devices([["p1", "p2"][rng.below(2)].into()]);
    }
    if rng.percent(50) {
        lock = lock.last(["6h", "12h", "24h"][rng.below(3)].parse().expect("a span"));
    }
    if rng.percent(30) {
        lock = lock.since(at(-6 * rng.below(5) as i64));
    }
    if rng.percent(40) {
        lock = lock.parameter("site", if rng.percent(50) { vec!["a"] } else { vec!["a", "b"] });
    }
    lock
}

fn query(rng: &mut Rng) -> Query {
    let kind =
        [ReadKind::Series, ReadKind::Last, ReadKind::Other("series ".to_owned())][rng.below(3)].clone();
    let mut query = Query::new(kind, ["p1", "p2"][rng.below(2)], ["temp", "rpm"][rng.below(2)]);
    if rng.percent(70) {
        let from = -6 * rng.below(6) as i64;
        query = query.between(at(from), at(from + 6 * (1 + rng.below(3) as i64)));
    }
    if rng.percent(80) {
        query = query.applying("site");
    }
    if rng.percent(60) {
        query = query.choosing("site", ["a", "b"][rng.below(2)]);
    }
    query
}

/// K18, trap TA7: two keys of a cache are equal if and only if what is admitted is: dashboard, kind, device, variable, the
/// values of parameters and the instants, whoever asks and whatever admits it.
#[test]
fn keys_of_caches_are_equal_where_the_same_is_admitted_and_nowhere_else() {
    let directory = directory();
    for number in 10..40 {
        directory.add_account(account(number));
    }
    let (sharing, _) = world(directory);
    let mut rng = Rng::new(18);
    for number in 10..40 {
        for _ in 0..1 + rng.below(3) {
            let terms = Terms::view(Expiry::Never).locked(lock(&mut rng));
            let on = board([7, 8][rng.below(2)]);
            block_on(sharing.share(account(OLGA), on, NewShare::with(account(number), terms)))
                .expect("shared");
        }
    }
    type Meaning = (DashboardId, ReadKind, String, String, BTreeMap<BTreeMap<String, String>, Vec<Range>>);
    let mut of_key: HashMap<[u8; 32], Meaning> = HashMap::new();
    let mut of_meaning: BTreeMap<Meaning, [u8; 32]> = BTreeMap::new();
    let (mut admissions, mut shared) = (0, 0);
    for _ in 0..8_000 {
        let (who, on) = (account(10 + rng.below(30) as u64), board([7, 8][rng.below(2)]));
        let decision = block_on(sharing.authorize(who, on, Action::View)).expect("a decision");
        let Ok(admitted) = block_on(sharing.admit(&decision, &query(&mut rng))).expect("an answer") else {
            continue;
        };
        admissions += 1;
        let key = admitted.cache_key();
        let (device, variable) = (admitted.device().to_owned(), admitted.variable().to_owned());
        let means = (admitted.dashboard(), admitted.kind().clone(), device, variable, meaning(&admitted));
        shared += usize::from(of_key.contains_key(&key));
        let of_key = of_key.entry(key).or_insert_with(|| means.clone());
        assert_eq!(*of_key, means, "one key for two");
        let of_meaning = of_meaning.entry(means.clone()).or_insert(key);
        assert_eq!(*of_meaning, key, "two keys for {means:?}");
    }
    println!("{admissions} admissions, {} keys", of_key.len());
    assert!(admissions > 2_000 && shared > 1_000 && of_key.len() > 200, "too few to mean anything");
}

/// K18, trap TA21: what a cache answers is clipped to what is admitted at the moment it is served: of a wider answer no
/// value that the window has left behind is shown. That a host filters before it sums is checked by `canary.rs`.
#[test]
fn what_a_cache_holds_is_clipped_when_it_is_served() {
    let (sharing, env) = world(directory());
    share(&sharing, ANN, Terms::view(Expiry::Never).locked(last("2h")));
    let before = ask(&sharing, ANN, &temp()).expect("the window");
    let cached: Vec<Timestamp> = (-4..4).map(at).filter(|instant| before.admits(*instant)).collect();
    assert_eq!(cached, [at(-2), at(-1)]);
    env.set(at(1));
    let now = ask(&sharing, ANN, &temp()).expect("the window");
    assert_ne!(before.cache_key(), now.cache_key());
    let served: Vec<Timestamp> = cached.into_iter().filter(|instant| now.admits(*instant)).collect();
    assert_eq!(served, [at(-1)]);
}

/// K26: whoever chooses a lock is told what of it does nothing, what it leaves blank, and what it does not cover.
#[test]
fn the_sharer_is_told_what_a_lock_does_nothing_about() {
    let directory = directory();
    directory.add_device(board(7), Resource::new("device", "p3").with_tag("site", "north"));
    let (sharing, _) = world(directory);
    let found = |lock: Lock, widgets: &[Widget]| {
        block_on(sharing.lock_findings(board(7), &lock, widgets)).expect("an answer")
    };
    let tag = |value| Tag::new("site", value);
    let devices = Lock::NONE.devices(["p1".into(), "p9".into(), tag("north").into(), tag("south").into()]);
    let of_devices = found(devices.variables(["temp".into(), VariableSelector::of("p2", "rpm")]), &[]);
    assert_eq!(
        of_devices,
        [
            LockFinding::DeviceNotShown("p9".to_owned()),
            LockFinding::TagOfNoDevice(tag("south")),
            LockFinding::OpensWhatIsTagged(tag("north")),
            LockFinding::OpensWhatIsTagged(tag("south")),
            LockFinding::VariableNotShown(VariableSelector::of("p2", "rpm")),
        ]
    );

    let locked = last("24h").parameter("site", ["a"]);
    let filtered = temp().applying("site");
    let widgets = [
        Widget::reading("good", [filtered.clone().between(at(-30), at(-20))]),
        Widget::reading("old", [filtered.between(at(-30), at(-25))]),
        Widget::reading("unfiltered", [temp()]),
        Widget::fixed("text"),
    ];
    let of_widgets = found(locked, &widgets);
    assert_eq!(
        of_widgets,
        [
            LockFinding::WillBeBlank { widget: "unfiltered".to_owned(), parameter: "site".to_owned() },
            LockFinding::RangeOutside { widget: "old".to_owned() },
            LockFinding::NotCovered { widget: "text".to_owned() },
        ]
    );

    // Nothing but what lies in the future, and nothing at all.
    assert_eq!(found(Lock::NONE.since(at(1)).before(at(2)), &[]), []);
    assert_eq!(
        found(Lock::NONE.since(at(1)).last("1h".parse().expect("a span")), &[]),
        [LockFinding::ShowsNothingNow]
    );
    assert_eq!(found(Lock::NONE, &[]), []);
}

/// A directory that notes what it is asked.
#[derive(Default)]
struct Noting {
    inner: Arc<MemoryDirectory>,
    asked: Mutex<Vec<&'static str>>,
}

impl Noting {
    fn note(&self, what: &'static str) {
        self.asked.lock().expect("a list").push(what);
    }

    fn taken(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.asked.lock().expect("a list"))
    }
}

impl Directory for Noting {
    async fn tenant(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, BoxError> {
        self.note("tenant");
        self.inner.tenant(id).await
    }

    async fn principal(
        &self,
        tenant: TenantId,
        account: AccountId,
    ) -> Result<Option<Arc<Principal>>, BoxError> {
        self.note("principal");
        self.inner.principal(tenant, account).await
    }

    async fn device(&self, dashboard: DashboardId, device: &str) -> Result<Option<Arc<Resource>>, BoxError> {
        self.note("device");
        self.inner.device(dashboard, device).await
    }

    async fn variables(&self, dashboard: DashboardId, device: &str) -> Result<Variables, BoxError> {
        self.note("variables");
        self.inner.variables(dashboard, device).await
    }

    dashshare::delegate_directory!(self.inner => account, account_of, dashboard, devices, blueprint, candidates);
}

/// K22, K4, traps TA9 and TA28: a device or a variable that the lock hides is told like one that the dashboard does not
/// show, by the same calls to the host, and whatever the lock is.
#[test]
fn what_a_lock_hides_is_told_like_what_is_not_shown_after_the_same_calls() {
    let noting = Arc::new(Noting { inner: directory(), ..Noting::default() });
    let (sharing, _) = world(Arc::clone(&noting));
    let locked = Lock::NONE.devices(["p2".into()]).variables(["temp".into(), "rpm".into()]);
    share(&sharing, ANN, Terms::view(Expiry::Never).locked(locked));
    let decision = block_on(sharing.authorize(account(ANN), board(7), Action::View)).expect("a decision");
    noting.taken();
    let mut told = BTreeSet::new();
    for (device, variable, hidden_by) in [
        ("p1", "temp", "the lock"),
        ("p2", "noise", "the lock"),
        ("p2", "rpm", "the host"),
        ("p9", "temp", "the host"),
    ] {
        let query = Query::new(ReadKind::Series, device, variable);
        let denied = block_on(sharing.admit(&decision, &query)).expect("an answer").expect_err("is denied");
        assert_eq!(*denied.denial(), Denial::DeviceNotShown(device.to_owned()), "{hidden_by}");
        let by_lock = denied.explanation().shut_by.is_some();
        // Both hide `noise`, and what the host does not show comes first.
        assert_eq!(by_lock, (device, variable) == ("p1", "temp"), "{device} {variable}");
        told.insert((format!("{:?}", denied.tell()), noting.taken()));
    }
    assert_eq!(told.len(), 1, "{told:#?}");
    let calls = told.into_iter().next().map(|(_, calls)| calls);
    assert!(calls.is_some_and(|calls| calls.contains(&"device") && calls.contains(&"variables")));
}
