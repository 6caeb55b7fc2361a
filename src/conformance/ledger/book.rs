//! What the promises are checked with: batches that differ in what matters.

use crate::{
    decision::Edge,
    host::{BoxError, Ledger, LedgerError},
    meter::{
        Batch, BatchId, Charge, Figures, Line, LineQuery, Notice, Outcome, Outlet, Period, Plan, Warning,
    },
    record::Revision,
    value::{DashboardId, GrantId, TenantId, Timestamp},
};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(super) const HOUR: i64 = 3_600_000_000;

/// Batches of one maker, in the order in which they are made.
pub(super) struct Book<'l, L> {
    pub(super) ledger: &'l L,
    maker: [u8; 16],
    number: AtomicU64,
}

pub(super) fn tenant(number: u64) -> TenantId {
    TenantId::from(number)
}

/// A period of an hour, so many after the first.
pub(super) fn period(number: i64) -> Period {
    let first = Timestamp::from_micros(1_800_000_000_000_000 / HOUR * HOUR).plus_micros(number * HOUR);
    Period { first, end: first.plus_micros(HOUR) }
}

pub(super) fn plan(limit: u64) -> Plan {
    Plan::of(period(0)).limited(limit, 1)
}

pub(super) fn grant(number: u64) -> Edge {
    Edge::Grant(GrantId::from(number))
}

pub(super) fn outlet(board: u64, registered: u64, edge: Edge, widget: &str) -> Arc<Outlet> {
    Arc::new(Outlet {
        dashboard: DashboardId::from(board),
        registered: Revision::new(registered),
        edge,
        widget: widget.into(),
    })
}

pub(super) fn usual() -> Arc<Outlet> {
    outlet(7, 1, grant(1), "w1")
}

/// Charges of these costs, of one outlet.
pub(super) fn loads(costs: &[u64]) -> Vec<Charge> {
    let outlet = usual();
    costs.iter().map(|cost| Charge::of(Arc::clone(&outlet), *cost)).collect()
}

pub(super) fn done<T>(result: Result<T, LedgerError>) -> T {
    result.unwrap_or_else(|error| panic!("the ledger failed: {error}"))
}

pub(super) fn read<T>(result: Result<T, BoxError>) -> T {
    result.unwrap_or_else(|error| panic!("the ledger failed to read: {error}"))
}

#[track_caller]
pub(super) fn same<T: PartialEq + fmt::Debug>(promise: &str, found: T, expected: T) {
    if found != expected {
        panic!("{promise}\n  the ledger answers {found:?}\n  in place of        {expected:?}");
    }
}

/// What a notice says, in short.
pub(super) fn words(notice: &Notice) -> String {
    match &notice.warning {
        Warning::Refused => format!("refused at {}", notice.charged),
        Warning::Crossed(all) => format!("{all:?} of v{} at {}", notice.id.version, notice.charged),
    }
}

impl<'l, L: Ledger> Book<'l, L> {
    pub(super) fn new(ledger: &'l L) -> Self {
        Self::of_maker(ledger, 1)
    }

    pub(super) fn of_maker(ledger: &'l L, maker: u8) -> Self {
        Self { ledger, maker: [maker; 16], number: AtomicU64::new(1) }
    }

    pub(super) fn id(&self) -> BatchId {
        BatchId { maker: self.maker, number: self.number.fetch_add(1, Ordering::Relaxed) }
    }

    /// A batch under a plan, a second after the period's beginning.
    pub(super) fn batch(&self, plan: &Plan, loads: Vec<Charge>) -> Batch {
        let at = plan.period.first.plus_micros(1_000_000);
        Batch::new(self.id(), tenant(1), Arc::new(plan.clone()), at).with(loads)
    }

    pub(super) async fn send(&self, batch: &Batch) -> Outcome {
        done(self.ledger.charge(batch).await)
    }

    /// Charges these costs together.
    pub(super) async fn charge(&self, plan: &Plan, costs: &[u64]) -> Outcome {
        self.send(&self.batch(plan, loads(costs))).await
    }

    pub(super) async fn figures(&self, of: u64, period: Period) -> Figures {
        read(self.ledger.tally(tenant(of), period.first).await).map_or(Figures::default(), |it| it.figures)
    }

    pub(super) async fn charged(&self) -> u64 {
        self.figures(1, period(0)).await.charged
    }

    pub(super) async fn lines(&self, of: u64) -> Vec<Line> {
        read(self.ledger.lines(&LineQuery::of(tenant(of)), None, 10_000).await)
    }

    /// The notices in words, in the order of what they were charged at; takes them away.
    pub(super) async fn told(&self) -> Vec<String> {
        let mut notices = read(self.ledger.notices(None, 1_000).await);
        let ids: Vec<_> = notices.iter().map(|notice| notice.id).collect();
        read(self.ledger.acknowledge_notices(&ids).await);
        notices.sort_by_key(|notice| (notice.charged, notice.id.threshold));
        notices.iter().map(words).collect()
    }
}
