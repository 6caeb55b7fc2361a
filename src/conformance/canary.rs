//! A check for a host's reading functions: that nothing outside of what was admitted leaves by any of them.
//!
//! The library says what may be read, and the host reads it. Whether it filters before it averages, whether its cache
//! tells two locks apart, whether its exports and annotations go through the same door, only the host's own functions can
//! show. So this check hands them a little data set, asks for every kind of read under every kind of lock, and then asks
//! again with other values wherever nothing was admitted: not one byte of an answer may change.
//!
//! ```
//! use dashshare::{conformance::canary::{self, Point, Reader}, questions::Admitted};
//! use std::fmt::Write as _;
//!
//! /// Stands for a host's database and the functions that read it.
//! #[derive(Default)]
//! struct Host {
//!     points: Vec<Point>,
//! }
//!
//! impl Reader for Host {
//!     async fn load(&mut self, points: &[Point]) {
//!         self.points = points.to_vec();
//!     }
//!
//!     async fn read(&mut self, admitted: &Admitted) -> Vec<u8> {
//!         let mut answer = String::new();
//!         for point in self.points.iter().filter(|point| point.is_admitted(admitted)) {
//!             writeln!(answer, "{} {}", point.at, point.value).expect("a String");
//!         }
//!         answer.into_bytes()
//!     }
//! }
//!
//! pollster::block_on(canary::check(Host::default));
//! ```
//!
//! Rules: [K16](crate::specification), [K18](crate::specification).

use crate::{
    decision::Admitted,
    host::{FixedEnv, MemoryDirectory},
    lock::{Lock, Query, ReadKind, Span, Unit, Zone},
    policy::Resource,
    record::Terms,
    service::Dashshare,
    sharing::share::NewShare,
    stores::MemoryStore,
    value::{AccountId, Action, DashboardId, Expiry, TenantId, Timestamp},
};
use std::{collections::BTreeMap, future::Future};

/// A value of the data set.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Point {
    /// The device that it is of.
    pub device: String,
    /// The variable.
    pub variable: String,
    /// The instant.
    pub at: Timestamp,
    /// The value.
    pub value: i64,
    /// What a parameter filters by: here `site` with `berlin` or `paris`.
    pub parameters: BTreeMap<String, String>,
}

impl Point {
    /// Whether it is among what was admitted: the one test that a host's functions have to make, before all else.
    pub fn is_admitted(&self, admitted: &Admitted) -> bool {
        self.device == admitted.device()
            && self.variable == admitted.variable()
            && admitted.pieces().iter().any(|piece| {
                piece.range.contains(self.at)
                    && piece.parameters.iter().all(|(name, value)| self.parameters.get(name) == Some(value))
            })
    }
}

/// A host's functions that read data, behind one name: which of them answers, is told by the kind of the question.
///
/// What it answers is what would leave the service: a series, a number, the bytes of a file. It may depend on nothing but
/// the data and the question.
pub trait Reader {
    /// Replaces all data by these points. What was cached of the data before must not be served any more.
    fn load(&mut self, points: &[Point]) -> impl Future<Output = ()>;

    /// Answers a question of which this much was admitted. It may come from a cache.
    fn read(&mut self, admitted: &Admitted) -> impl Future<Output = Vec<u8>>;
}

const DEVICES: [&str; 3] = ["pump-1", "pump-2", "meter"];
const VARIABLES: [&str; 2] = ["temp", "rpm"];
const SITES: [&str; 2] = ["berlin", "paris"];
const HOUR: i64 = 3_600_000_000;

/// The hours of the data set: twelve days back, denser on the last one, and a few ahead, since forecasts are data too.
fn hours() -> impl Iterator<Item = i64> {
    (-24 * 12..-24).step_by(6).chain(-24..6)
}

/// Noon of a day on which the clocks of Berlin go forward.
fn now() -> Timestamp {
    Timestamp::from_micros(1_774_778_400_000_000)
}

/// The data set: three devices with two variables each, values for twelve days and a few hours ahead, for each of two sites. Every value is another one.
pub fn points() -> Vec<Point> {
    let mut points = Vec::new();
    for (device, variable) in
        DEVICES.iter().flat_map(|device| VARIABLES.iter().map(move |variable| (device, variable)))
    {
        for (hour, site) in hours().flat_map(|hour| SITES.iter().map(move |site| (hour, site))) {
            points.push(Point {
                device: (*device).to_owned(),
                variable: (*variable).to_owned(),
                at: now().plus_micros(hour.saturating_mul(HOUR)),
                value: i64::try_from(points.len()).unwrap_or(0),
                parameters: BTreeMap::from([("site".to_owned(), (*site).to_owned())]),
            });
        }
    }
    points
}

fn span(text: &str) -> Span {
    text.parse().unwrap_or_else(|error| panic!("the check: {error}"))
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap_or_else(|error| panic!("the check: {error}"))
}

/// The widest first, so that a cache that does not tell them apart serves too much.
fn locks() -> Vec<Lock> {
    let t = now();
    vec![
        Lock::NONE,
        Lock::NONE.devices(["pump-1".into(), "meter".into()]),
        Lock::NONE.variables(["temp".into()]),
        Lock::NONE.last(span("7d")),
        Lock::NONE.last(span("90m")),
        Lock::NONE.whole(2, Unit::Day, zone("Europe/Berlin")),
        Lock::NONE.whole(1, Unit::Week, zone("America/New_York")),
        Lock::NONE.since(t.plus_micros(-50 * HOUR)).before(t.plus_micros(-20 * HOUR)),
        Lock::NONE.parameter("site", ["berlin"]),
        Lock::NONE.parameter("site", ["paris"]).last(span("3d")),
        Lock::NONE.max_range(span("1d")),
        Lock::NONE.devices(["pump-2".into()]).last(span("1d")).before(t.plus_micros(-5 * HOUR)),
    ]
}

/// The questions of one kind: with and without a range, within the windows, across their edges and shifted back.
fn queries(kind: &ReadKind, now: Timestamp) -> Vec<Query> {
    let mut queries = Vec::new();
    for (device, variable) in [("pump-1", "temp"), ("pump-2", "rpm")] {
        let query = Query::new(kind.clone(), device, variable).applying("site");
        let back = |from: i64, until: i64| {
            let at = |hours: i64| now.plus_micros(hours.saturating_mul(HOUR));
            query.clone().between(at(from.saturating_neg()), at(until.saturating_neg()))
        };
        queries.extend([query.clone(), back(24, 0), back(200, -3), back(72, 48), back(51, 19)]);
    }
    queries
}

type Sharing = Dashshare<MemoryStore, MemoryDirectory, FixedEnv>;

/// A dashboard that was shared under a lock, asked at an instant.
struct Case {
    kind: ReadKind,
    lock: Lock,
    admitted: Vec<Admitted>,
}

async fn cases(now: Timestamp) -> Vec<Case> {
    let mut cases = Vec::new();
    let (owner, viewer, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(7u64));
    for lock in locks() {
        let directory = MemoryDirectory::default();
        directory.add_account(owner);
        directory.add_account(viewer);
        for device in DEVICES {
            directory.add_device(dashboard, Resource::new("device", device));
        }
        let sharing: Sharing = Dashshare::new(MemoryStore::default(), directory, FixedEnv::new(now, 1));
        let failed = |error: crate::service::Error| -> ! { panic!("the check: {error}") };
        if let Err(error) = sharing.register(dashboard, TenantId::from(1u64), owner).await {
            failed(error);
        }
        let terms = Terms::view(Expiry::Never).and_export().locked(lock.clone());
        if let Err(error) = sharing.share(owner, dashboard, NewShare::with(viewer, terms)).await {
            failed(error);
        }
        for kind in ReadKind::EVERY {
            let action = if *kind == ReadKind::Export { Action::Export } else { Action::View };
            let decision = match sharing.authorize(viewer, dashboard, action).await {
                Ok(decision) => decision,
                Err(error) => failed(error),
            };
            let mut admitted = Vec::new();
            for query in queries(kind, now) {
                match sharing.admit(&decision, &query).await {
                    Ok(answer) => admitted.extend(answer.ok()),
                    Err(error) => failed(error),
                }
            }
            cases.push(Case { kind: kind.clone(), lock: lock.clone(), admitted });
        }
    }
    cases
}

/// Checks a host's reading functions; `fresh` makes them anew, with nothing in a cache.
///
/// # Panics
///
/// If an answer changes with values that were not admitted (a canary left), if it does not change with values that were
/// (then nothing was tested), or if a cache answers what would not be answered anew.
pub async fn check<R: Reader>(fresh: impl Fn() -> R) {
    let points = points();
    // One that lives through all questions, as a service does, with whatever it caches.
    let mut cached = fresh();
    cached.load(&points).await;
    let mut asked: usize = 0;
    for now in [now(), now().plus_micros(HOUR)] {
        for Case { kind, lock, admitted } in cases(now).await {
            for admitted in &admitted {
                let place = format!("{} under {lock}, {:?}", kind.word(), admitted.pieces());
                let answer = answer(&fresh, &points, admitted).await;
                let canaries = changed(&points, |point| !point.is_admitted(admitted));
                assert!(
                    self::answer(&fresh, &canaries, admitted).await == answer,
                    "a value that was not admitted changed the answer: {place}"
                );
                let inside = changed(&points, |point| point.is_admitted(admitted));
                let is_empty = inside == points;
                assert!(
                    is_empty || self::answer(&fresh, &inside, admitted).await != answer,
                    "the answer does not depend on the values that were admitted: {place}"
                );
                assert!(
                    cached.read(admitted).await == answer,
                    "a cache answered what would not be answered anew: {place}"
                );
                asked = asked.saturating_add(1);
            }
        }
    }
    assert!(asked > 1_000, "the check: {asked} questions were admitted");
}

async fn answer<R: Reader>(fresh: &impl Fn() -> R, points: &[Point], admitted: &Admitted) -> Vec<u8> {
    let mut reader = fresh();
    reader.load(points).await;
    reader.read(admitted).await
}

/// Other values, and here and there none, wherever the given ones are.
fn changed(points: &[Point], is_one: impl Fn(&Point) -> bool) -> Vec<Point> {
    let change = |point: &Point| match is_one(point) {
        false => Some(point.clone()),
        true if point.value.checked_rem(5) == Some(0) => None,
        true => Some(Point { value: point.value.saturating_add(1_000_000), ..point.clone() }),
    };
    points.iter().filter_map(change).collect()
}
