//! Lines: what figures are kept by, and their pages.

use super::book::{Book, grant, loads, outlet, period, plan, read, same, tenant};
use crate::{
    decision::Edge,
    host::Ledger,
    meter::{Batch, Charge, Figures, Line, LineQuery, Offsets, Outlet, Plan},
    policy::RuleRef,
    value::{DashboardId, GrantId},
};
use std::sync::Arc;

fn sum(lines: &[Line]) -> Figures {
    lines.iter().map(|line| line.figures).sum()
}

/// In every state that can be read the lines of a period add up to its meter, figure by figure: refusals, exports and cached
/// loads too.
///
/// Rules: [M5](crate::specification), [M9](crate::specification).
pub async fn lines_are_written_with_their_meter<L: Ledger>(ledger: L) {
    const PROMISE: &str = "the lines of a period add up to its meter: one commit writes both (M5)";
    let book = Book::new(&ledger);
    let mut wanted = Figures::default();
    for n in 0..12u64 {
        let of = |widget: &str| outlet(7, 1, grant(n % 3), widget);
        let export = Charge { is_export: true, ..Charge::of(of("csv"), n) };
        let cached = Charge { cached: Some(5), ..Charge::of(of("w1"), 0) };
        let batch = book.batch(&plan(60), vec![Charge::of(of("w1"), n), export, cached]);
        let outcome = book.send(&batch).await;
        for (place, load) in (0u32..).zip(&batch.loads) {
            wanted = wanted.plus(match outcome.refused.contains(&place) {
                true => Figures::refusal(),
                false => Figures::load(load.cost, load.cached, load.is_export),
            });
        }
        same(PROMISE, book.figures(1, period(0)).await, wanted);
        same(PROMISE, sum(&book.lines(1).await), wanted);
    }
    same("the suite refuses something", wanted.refused > 3, true);
    let tally = read(ledger.tally(tenant(1), period(0).first).await).unwrap_or_default();
    same("the meter knows the version of the limit and the latest charge", tally.version, 1);
    same("the meter knows the latest charge", tally.latest, period(0).first.plus_micros(1_000_000));
}

/// Tenants, periods, days, incarnations, dashboards, edges and widgets have lines of their own.
///
/// Rules: [M10](crate::specification), [M14](crate::specification).
pub async fn tenants_periods_and_lines_are_kept_apart<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "what differs in tenant, period, day, incarnation, edge or widget is counted apart (M10)";
    let book = Book::new(&ledger);
    let outlets = [
        outlet(7, 1, grant(1), "w1"),
        outlet(7, 1, grant(1), "w2"),
        outlet(7, 1, grant(2), "w1"),
        outlet(7, 9, grant(1), "w1"),
        outlet(8, 1, grant(1), "w1"),
    ];
    let ahead =
        Offsets::fixed(chrono::FixedOffset::east_opt(20 * 3600).unwrap_or_else(|| panic!("an offset")));
    let mut number = 0;
    for (of, plan) in [
        (1, Plan::of(period(0))),
        (1, Plan::of(period(0)).in_zone(ahead.clone())),
        (1, Plan::of(period(1)).in_zone(ahead)),
        (2, Plan::of(period(0))),
    ] {
        for outlet in &outlets {
            number += 1;
            let loads = vec![Charge::of(Arc::clone(outlet), number)];
            let _ = book.send(&Batch { tenant: tenant(of), ..book.batch(&plan, loads) }).await;
        }
    }
    let costs = |lines: &[Line]| {
        let mut costs: Vec<u64> = lines.iter().map(|line| line.figures.charged).collect();
        costs.sort_unstable();
        costs
    };
    same(PROMISE, costs(&book.lines(1).await), (1..=15).collect());
    same(PROMISE, costs(&book.lines(2).await), (16..=20).collect());
    same(PROMISE, book.charged().await, (1..=10).sum());
    same(PROMISE, book.figures(1, period(1)).await.charged, (11..=15).sum());
    same(PROMISE, book.figures(2, period(0)).await.charged, (16..=20).sum());
    same("what is not known has no meter", read(ledger.tally(tenant(3), period(0).first).await), None);
}

/// Lines come in their order, in pages without gaps and repeats while others write, and only those that are asked for.
///
/// Rules: [S3](crate::specification).
pub async fn lines_come_in_pages<L: Ledger>(ledger: L) {
    const PROMISE: &str = "lines come in pages, by day, dashboard, incarnation, edge, widget and period (S3)";
    let book = Book::new(&ledger);
    let unlimited = Plan::of(period(0));
    for (board, widget) in [(8, "b"), (7, "a"), (7, "c"), (9, "a"), (8, "a")] {
        for days in [0u32, 40, 1] {
            let load = Charge::of(outlet(board, 1, grant(u64::from(days)), widget), 1);
            let batch = book.batch(&unlimited, vec![load]);
            let day = batch.day.checked_add_days(chrono::Days::new(u64::from(days))).unwrap_or(batch.day);
            let _ = book.send(&Batch { day, ..batch }).await;
        }
    }
    let all = book.lines(1).await;
    same(PROMISE, all.len(), 15);
    same(PROMISE, all.is_sorted_by(|a, b| a.place < b.place), true);
    let first = all[0].place.day;
    let query = LineQuery::of(tenant(1));
    let month = query.clone().days(first, first.checked_add_days(chrono::Days::new(40)).unwrap_or(first));
    let board = DashboardId::from(8u64);
    for query in [
        query.clone(),
        month.clone(),
        query.clone().dashboard(board),
        month.dashboard(board),
        query.clone().period(period(0).first),
        query.period(period(1).first),
    ] {
        let wanted: Vec<Line> = all.iter().filter(|line| query.asks(&line.place)).cloned().collect();
        let (mut found, mut after): (Vec<Line>, _) = (Vec::new(), None);
        loop {
            let page = read(ledger.lines(&query, after, 2).await);
            after = page.last().map(|line| line.place.clone());
            found.extend(page.iter().cloned());
            // What is written meanwhile before the cursor, and to lines that were read, is in nobody's way.
            let _ = book.send(&book.batch(&unlimited, loads(&[0]))).await;
            if page.len() < 2 {
                break;
            }
        }
        let usual = |line: &Line| line.place.outlet.edge == grant(1) && &*line.place.outlet.widget == "w1";
        found.retain(|line| !usual(line));
        same(PROMISE, found, wanted);
    }
}

/// Every kind of edge comes back as it went in, and orders as it does in memory.
///
/// Rules: [M10](crate::specification).
pub async fn every_kind_of_edge_comes_back_as_it_went_in<L: Ledger>(ledger: L) {
    const PROMISE: &str = "an edge comes back as it went in (M10)";
    let book = Book::new(&ledger);
    let policy = |policy: &str, rule| Edge::Policy(RuleRef { policy: policy.to_owned(), rule });
    let mut edges = vec![
        Edge::Owner,
        grant(3),
        Edge::Grant(GrantId::from(u128::MAX)),
        Edge::Link { generation: 1, under: None },
        Edge::Link { generation: 1, under: Some(GrantId::from(3u64)) },
        Edge::Link { generation: 300, under: None },
        policy("a", 0),
        policy("a", 300),
        policy("a\0", 0),
        policy("a\0b", 1),
        policy("ab", 0),
        policy("é", 2),
        policy("", 0),
    ];
    let of = |edge: &Edge| Outlet { edge: edge.clone(), ..(*outlet(7, 1, Edge::Owner, "w1")).clone() };
    let charges = edges.iter().map(|edge| Charge::of(Arc::new(of(edge)), 1)).collect();
    let _ = book.send(&book.batch(&plan(100), charges)).await;
    edges.sort();
    let found: Vec<Edge> = book.lines(1).await.into_iter().map(|line| line.place.outlet.edge).collect();
    same(PROMISE, found, edges);
}
