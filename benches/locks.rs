//! What locks cost beside what they start from: `cargo bench --bench locks`. Each contender and its floor take turns, and
//! the median of the rounds' own ratios is printed as `RATIO <name> <value> <=<aim> met|missed`.
//!
//! `admit_depth_1` and `_8`: a question for data under a lock of three parts (devices, a sliding window, a parameter) on
//! each grant of the path, beside the decision about the dashboard that it starts from. `admit_unlocked`: the same without
//! a lock. `fold_16`: the meet of sixteen locks that are as large as one may be, beside reading one of them from JSON.

#[expect(dead_code, reason = "shared with the other benches")]
mod support;

use dashshare::{
    AccountId, Action, DashboardId, Expiry, Lock, MemoryStore, NewShare, Terms, Timestamp,
    lock::{DeviceSelector, Query, ReadKind},
};
use std::{hint::black_box, time::Instant};
use support::{NOW, Service, TENANT, median, ready, service};

const ROUNDS: usize = 400;
const BATCH: usize = 200;

/// Nanoseconds that one of a batch takes.
fn time(batch: usize, run: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..batch).for_each(|_| run());
    start.elapsed().as_secs_f64() * 1e9 / batch as f64
}

fn ratio(name: &str, aim: f64, batch: usize, mut ours: impl FnMut(), mut floor: impl FnMut()) {
    let mut measured = Vec::new();
    for round in 0..ROUNDS {
        let pair = if round % 2 == 0 {
            let ours = time(batch, &mut ours);
            (ours, time(batch, &mut floor))
        } else {
            let floor = time(batch, &mut floor);
            (time(batch, &mut ours), floor)
        };
        // The first tenth warms up.
        if round >= ROUNDS / 10 {
            measured.push(pair);
        }
    }
    let value = median(measured.iter().map(|(ours, floor)| ours / floor).collect());
    let ours = median(measured.iter().map(|(ours, _)| *ours).collect());
    let floor = median(measured.iter().map(|(_, floor)| *floor).collect());
    let verdict = if value <= aim { "met" } else { "missed" };
    println!("RATIO {name} {value:.2} <={aim} {verdict}    # {ours:.0} ns beside {floor:.0} ns");
}

fn three_parts() -> Lock {
    let devices = ["pump-1", "pump-2", "pump-3"].map(DeviceSelector::from);
    Lock::NONE.devices(devices).last("7d".parse().unwrap()).parameter("site", ["berlin", "paris"])
}

/// A dashboard shared along a path of so many grants, each under the lock; with whoever holds the last.
fn shared(depth: u64, lock: Option<&Lock>) -> (Service<MemoryStore>, DashboardId, AccountId) {
    let sharing = service(MemoryStore::default(), depth, false);
    let (dashboard, owner) = (DashboardId::from(7u64), AccountId::from(100u64));
    ready(sharing.register(dashboard, TENANT.into(), owner)).unwrap();
    for at in 0..depth {
        let (by, with) = (AccountId::from(100 + at), AccountId::from(101 + at));
        let terms = Terms::view(Expiry::Never).and_reshare();
        let terms = lock.cloned().into_iter().fold(terms, Terms::locked);
        ready(sharing.share(by, dashboard, NewShare::with(with, terms))).unwrap();
    }
    (sharing, dashboard, AccountId::from(100 + depth))
}

fn admit(name: &str, aim: f64, depth: u64, lock: Option<&Lock>) {
    let (sharing, dashboard, viewer) = shared(depth, lock);
    let now = Timestamp::from_micros(NOW);
    let query = Query::new(ReadKind::Series, "pump-2", "temp")
        .between(now.plus_days(0).plus_micros(-3_600_000_000), now)
        .applying("site")
        .choosing("site", "berlin");
    let decision = ready(sharing.authorize(viewer, dashboard, Action::View)).unwrap();
    let device = ready(sharing.authorize_device(&decision, "pump-2")).unwrap();
    ratio(
        name,
        aim,
        BATCH,
        || {
            let admitted = black_box(&device).admit(black_box(&query), now).expect("admitted");
            assert!(!admitted.pieces().is_empty());
            let _ = black_box(admitted);
        },
        || {
            let decision = ready(sharing.authorize(viewer, dashboard, Action::View)).unwrap();
            assert!(black_box(decision).is_allowed());
        },
    );
}

/// A lock as large as one may be: clauses that do not contain one another, up to the bytes.
fn full(seed: usize) -> Lock {
    let mut lock = Lock::NONE;
    for clause in 0..4 {
        let names =
            (0..100).map(|n| DeviceSelector::from(format!("device-{seed:02}-{clause}-{n:08}-{:08}", n * 7)));
        lock = lock.devices(names);
    }
    lock.check().expect("within the limits");
    lock
}

fn main() {
    let lock = three_parts();
    admit("admit_depth_1", 0.5, 1, Some(&lock));
    admit("admit_depth_8", 1.5, 8, Some(&lock));
    admit("admit_unlocked", 0.5, 1, None);
    let locks: Vec<Lock> = (0..16).map(full).collect();
    let text = serde_json::to_string(&locks[0]).expect("JSON");
    ratio(
        "fold_16",
        16.0 * 3.0,
        1,
        || {
            let met = locks.iter().cloned().fold(Lock::NONE, Lock::meet);
            assert_eq!(black_box(met).device_clauses().iter().len(), 64);
        },
        || {
            let read: Lock = serde_json::from_str(black_box(&text)).expect("a lock");
            black_box(read);
        },
    );
}
