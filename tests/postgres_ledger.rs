//! The ledger for PostgreSQL: the suite that every ledger passes, at each level of isolation, and many processes on one meter.
//!
//! A server of its own is started for the run. Where no PostgreSQL is installed every trial is reported as ignored, or fails if
//! `DASHSHARE_REQUIRE_POSTGRES` is set.

use crate::File;
use crate::support::{
    runtime::block_on,
    server::{LEVELS, Server},
};
use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Decision, FixedEnv, MemoryDirectory, MemoryStore, Meter,
    TenantId, Timestamp,
    conformance::ledger::{PROMISES, check},
    metering::{Ledger as _, LineQuery, MemoryPlans, MeterError, Period, Plan, PostgresLedger, Sums},
};
use libtest_mimic::Trial;
use sqlx::postgres::PgPoolOptions;
use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

async fn migrated(server: &Server, level: &str) -> PostgresLedger {
    let pool = PgPoolOptions::new().max_connections(8).connect_with(server.options(level));
    let ledger = PostgresLedger::new(pool.await.expect("a pool"));
    ledger.migrate().await.expect("it migrates");
    ledger.migrate().await.expect("once more is nothing");
    ledger
}

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let server = Arc::new(Server::new());
    let ignored = server.is_missing();
    let mut trials = Vec::new();
    for level in LEVELS {
        for promise in PROMISES {
            let server = Arc::clone(&server);
            let name = format!("{}::{promise}", level.replace(' ', "_"));
            trials.push(file.trial(name, move || {
                let ledger = block_on(migrated(&server, level));
                let pool = ledger.pool().clone();
                check(promise, ledger, |turn| block_on(turn));
                block_on(pool.close());
                Ok(())
            }));
        }
    }
    let of_server = Arc::clone(&server);
    trials.push(file.trial("killed_backends_lose_nothing", move || {
        block_on(killed_backends_lose_nothing(&of_server));
        Ok(())
    }));
    trials.into_iter().map(|trial| trial.with_ignored_flag(ignored)).collect()
}

fn start() -> Timestamp {
    "2026-01-10T12:00:00Z".parse().expect("an instant")
}

async fn decision(tenant: TenantId) -> Decision {
    let sharing =
        Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start(), 1));
    let (olga, board) = (AccountId::from(1u64), DashboardId::from(7u64));
    sharing.directory().add_account(olga);
    sharing.register(board, tenant, olga).await.expect("a dashboard");
    sharing.authorize(olga, board, Action::View).await.expect("a decision")
}

/// M3, M5, M6: four meters with sixteen tasks each at one limit, while the server's backends are killed again and again: the
/// meter never goes over the limit, its lines add up to it, and what is charged and was not delivered was under way when its
/// answer was lost.
async fn killed_backends_lose_nothing(server: &Arc<Server>) {
    const METERS: u64 = 4;
    const TASKS: u64 = 16;
    // At 5,000 each the limit is 250,000.
    let charges: u64 =
        env::var("DASHSHARE_METER_CHARGES").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let limit = METERS * TASKS * charges / 64 * 50;
    let tenant = TenantId::from(1u64);
    let plans = Arc::new(MemoryPlans::default());
    plans.set(tenant, Plan::of(Period::utc_month(start())).limited(limit, 1));
    let options = server.options(LEVELS[0]);
    let pool = || PgPoolOptions::new().max_connections(4).connect_with(options.clone());
    let ledger = PostgresLedger::new(pool().await.expect("a pool"));
    ledger.migrate().await.expect("it migrates");
    let decision = decision(tenant).await;
    let (delivered, unknown, refused) =
        (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for seed in 0..METERS {
        let theirs = PostgresLedger::new(pool().await.expect("a pool"));
        let meter = Arc::new(Meter::new(theirs, Arc::clone(&plans), FixedEnv::new(start(), 10 + seed)));
        for _ in 0..TASKS {
            let (meter, decision) = (Arc::clone(&meter), decision.clone());
            let (delivered, unknown, refused) =
                (Arc::clone(&delivered), Arc::clone(&unknown), Arc::clone(&refused));
            tasks.push(tokio::spawn(async move {
                for _ in 0..charges {
                    match meter.charge(&decision, "w1", 1).await {
                        Ok(ticket) => delivered.fetch_add(ticket.cost(), Relaxed),
                        Err(MeterError::Quota(_)) => refused.fetch_add(1, Relaxed),
                        Err(MeterError::Unavailable(_)) => unknown.fetch_add(1, Relaxed),
                        Err(other) => panic!("{other}"),
                    };
                }
            }));
        }
    }
    let killer = {
        let (ledger, is_over) = (ledger.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let (mut kills, mut next) = (0u64, limit / 50);
            while !is_over.load(Relaxed) {
                tokio::task::yield_now().await;
                let read = ledger.tally(TenantId::from(1u64), Period::utc_month(start()).first).await;
                let Ok(Some(tally)) = read else { continue };
                assert!(tally.figures.charged <= limit, "{tally:?}");
                if tally.figures.charged < next {
                    continue;
                }
                let kill = "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
                    WHERE pid <> pg_backend_pid() AND query LIKE '%FROM dashshare_meter r WHERE%' AND state = 'active' LIMIT 2) k";
                let killed: Result<i64, _> = sqlx::query_scalar(kill).fetch_one(ledger.pool()).await;
                let killed = killed.unwrap_or(0).unsigned_abs();
                kills += killed;
                next += if killed > 0 { limit / 50 } else { 0 };
            }
            kills
        })
    };
    for task in tasks {
        task.await.expect("a task");
    }
    is_over.store(true, Relaxed);
    let kills = killer.await.expect("the killer");
    let took = began.elapsed();
    let [delivered, unknown, refused] = [delivered, unknown, refused].map(|count| count.load(Relaxed));
    let figures = ledger.tally(tenant, Period::utc_month(start()).first).await.expect("a tally");
    let figures = figures.expect("a meter").figures;
    let lines = ledger.lines(&LineQuery::of(tenant), None, 100).await.expect("lines");
    println!(
        "{} charges in {took:?}: {delivered} delivered, {refused} refused, {unknown} unknown, {kills} kills, {figures:?}",
        METERS * TASKS * charges
    );
    assert_eq!(Sums::of(&lines).all(), figures, "the lines add up to the meter");
    assert!(figures.charged <= limit && figures.charged >= delivered);
    assert!(figures.charged - delivered <= unknown, "what is not delivered was under way");
    assert!(kills >= 20 && refused > 0, "an empty run: {kills} kills, {refused} refused");
}
