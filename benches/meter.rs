//! What metering costs beside what it cannot do without: `cargo bench --bench meter`. Each contender and its floor take turns, and
//! the median of the rounds' own ratios is printed as `RATIO <name> <value> <=<aim> met|missed`.
//!
//! `charge_memory`: a charge in memory, beside an atomic add behind a hash look-up of the key that it is counted under.

#[expect(dead_code, reason = "shared with the other benches")]
mod support;

use dashshare::{
    AccountId, Action, DashboardId, MemoryStore, Meter, Revision, TenantId, Timestamp,
    metering::{Edge, MemoryLedger, MemoryPlans, Outlet, Period, Plan},
};
use std::{
    collections::HashMap,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use support::{BenchEnv, NOW, TENANT, median, ready, service};

const ROUNDS: usize = 400;
const BATCH: usize = 500;
/// How many widgets are loaded in turn.
const WIDGETS: usize = 64;

/// Nanoseconds that one of a batch takes.
fn time(run: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..BATCH).for_each(|_| run());
    start.elapsed().as_secs_f64() * 1e9 / BATCH as f64
}

fn ratio(name: &str, aim: f64, mut ours: impl FnMut(), mut floor: impl FnMut()) {
    let mut measured = Vec::new();
    for round in 0..ROUNDS {
        let pair = if round % 2 == 0 {
            let ours = time(&mut ours);
            (ours, time(&mut floor))
        } else {
            let floor = time(&mut floor);
            (time(&mut ours), floor)
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

fn main() {
    let sharing = service(MemoryStore::default(), 1, false);
    let (dashboard, owner) = (DashboardId::from(7u64), AccountId::from(100u64));
    ready(sharing.register(dashboard, TENANT.into(), owner)).unwrap();
    let decision = ready(sharing.authorize(owner, dashboard, Action::View)).unwrap();
    let plans = MemoryPlans::default();
    let now = Timestamp::from_micros(NOW);
    plans.set(TENANT.into(), Plan::of(Period::utc_month(now)).limited(u64::MAX / 4, 1));
    let meter = Meter::new(MemoryLedger::default(), plans, BenchEnv::new(9, false));
    let widgets: Vec<String> = (0..WIDGETS).map(|n| format!("widget-{n}")).collect();

    // The same key: tenant, day, incarnation, edge and widget.
    let day = Plan::of(Period::utc_month(now)).day(now);
    let keys: Vec<(TenantId, _, Outlet)> = widgets
        .iter()
        .map(|widget| {
            let outlet = Outlet {
                dashboard,
                registered: Revision::new(1),
                edge: Edge::Owner,
                widget: Arc::from(widget.as_str()),
            };
            (TENANT.into(), day, outlet)
        })
        .collect();
    let counters: HashMap<_, AtomicU64> = keys.iter().map(|key| (key.clone(), AtomicU64::new(0))).collect();
    let (mut at, mut floor_at) = (0, 0);
    ratio(
        "charge_memory",
        2.0,
        || {
            at = (at + 1) % WIDGETS;
            drop(black_box(ready(meter.charge(&decision, &widgets[at], 3)).unwrap()));
        },
        || {
            floor_at = (floor_at + 1) % WIDGETS;
            black_box(counters[black_box(&keys[floor_at])].fetch_add(3, Ordering::Relaxed));
        },
    );
}
