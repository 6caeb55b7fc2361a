//! What was counted, and the notices.

use super::{charge::Meter, error::MeterError};
use crate::{
    host::{Env, Freshness, Ledger, Plans, Store},
    meter::{Figures, Line, LinePlace, LineQuery, Notice, NoticeId, Period, Plan, Sums},
    record::{Grant, Seed},
    value::{DashboardId, GrantId, TenantId, Timestamp},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How many lines are read at a time.
const PAGE: usize = 512;
/// For how long is remembered whatever the host says, and if it says nothing, in microseconds.
const REMEMBERED: (i64, i64) = (10 * 60 * 1_000_000, 60 * 60 * 1_000_000);

/// The meter of a tenant in a period.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MeterFigures {
    /// The period.
    pub period: Period,
    /// The limit, as the host's plan has it now.
    pub limit: Option<u64>,
    /// Which limit that is.
    pub version: u32,
    /// What is counted.
    pub figures: Figures,
}

/// # Figures and notices
impl<L: Ledger, P: Plans, E: Env> Meter<L, P, E> {
    /// What was counted of a tenant in the period that holds now. The plan is asked for anew.
    ///
    /// # Errors
    /// [`MeterError::NoPlan`], [`MeterError::Plans`] or [`MeterError::Unavailable`].
    pub async fn figures(&self, tenant: TenantId) -> Result<MeterFigures, MeterError> {
        let plan = self.plan_now(tenant).await?;
        let tally = self.ledger.tally(tenant, plan.period.first).await.map_err(MeterError::unavailable)?;
        let figures = tally.map(|tally| tally.figures).unwrap_or_default();
        Ok(MeterFigures { period: plan.period, limit: plan.limit, version: plan.version, figures })
    }

    async fn plan_now(&self, tenant: TenantId) -> Result<Plan, MeterError> {
        let at = self.clock().max(self.till(tenant).lock().latest);
        let plan = self.plans.plan(tenant, at).await.map_err(|error| MeterError::Plans(error.into()))?;
        plan.ok_or(MeterError::NoPlan)
    }

    /// Up to `limit` lines of a tenant after a place, in their order.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`].
    ///
    /// Rules: [M10](crate::specification), [S3](crate::specification).
    pub async fn lines(
        &self,
        query: &LineQuery,
        after: Option<LinePlace>,
        limit: usize,
    ) -> Result<Vec<Line>, MeterError> {
        self.ledger.lines(query, after, limit).await.map_err(MeterError::unavailable)
    }

    /// The sums of all lines that are asked for, page after page.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`].
    ///
    /// Rules: [M10](crate::specification).
    pub async fn sums(&self, query: &LineQuery) -> Result<Sums, MeterError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.lines(query, after, PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|line| line.place.clone());
            all.extend(page);
            if is_last {
                return Ok(Sums::of(&all));
            }
        }
    }

    /// The grants that sums name, each with those it hangs on, from the store of what is shared: for
    /// [`Sums::by_sharer`] and [`Sums::branch`].
    ///
    /// # Errors
    /// [`MeterError::Unavailable`] when that store fails.
    pub async fn grants_in(&self, store: &impl Store, sums: &Sums) -> Result<Vec<Arc<Grant>>, MeterError> {
        let mut found: BTreeMap<(DashboardId, GrantId), Arc<Grant>> = BTreeMap::new();
        let mut boards: Vec<DashboardId> = sums.by_edge().keys().map(|(board, _)| *board).collect();
        boards.dedup();
        for board in boards {
            for named in sums.grants(board).chunks(PAGE) {
                let seeds: Vec<Seed> = named.iter().map(|grant| Seed::Grant(*grant)).collect();
                let read = store.read(board, &seeds, Freshness::Latest).await;
                let chains = read.map_err(MeterError::unavailable)?.map_or(Vec::new(), |it| it.chains);
                found.extend(chains.into_iter().flatten().map(|grant| ((board, grant.id), grant)));
            }
        }
        Ok(found.into_values().collect())
    }

    /// Up to `limit` notices that were not acknowledged, after the given one; leased ones too.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`].
    pub async fn notices(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Notice>, MeterError> {
        self.ledger.notices(after, limit).await.map_err(MeterError::unavailable)
    }

    /// Takes up to `limit` notices to deliver, and keeps them from other workers for a while, as
    /// [`Dashshare::lease`](crate::Dashshare::lease) does with messages.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`].
    ///
    /// Rules: [M11](crate::specification).
    pub async fn lease_notices(&self, lasting: Duration, limit: usize) -> Result<Vec<Notice>, MeterError> {
        let now = self.clock();
        let until = now.plus_micros(i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX));
        self.ledger.lease_notices(now, until, limit).await.map_err(MeterError::unavailable)
    }

    /// Removes notices that were delivered.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`].
    pub async fn acknowledge_notices(&self, delivered: &[NoticeId]) -> Result<(), MeterError> {
        self.ledger.acknowledge_notices(delivered).await.map_err(MeterError::unavailable)
    }

    /// Forgets what became of batches that are older than an hour, or than the host says, ten minutes at the least; so many
    /// at a time. Answers how many those were: less than `limit` when none is left. No figure changes.
    ///
    /// # Errors
    /// [`MeterError::Unavailable`].
    pub async fn sweep(&self, older_than: Option<Duration>, limit: usize) -> Result<usize, MeterError> {
        let (least, usual) = REMEMBERED;
        let age = older_than.map(|age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        let age = age.unwrap_or(usual).max(least);
        let before: Timestamp = self.clock().plus_micros(age.saturating_neg());
        self.ledger.sweep_ledger(before, limit).await.map_err(MeterError::unavailable)
    }
}
