//! A ledger that does as it is told: it stops half way, fails, loses answers, and counts what it is asked.

use super::plain::pause;
use dashshare::{
    BoxError, TenantId, Timestamp,
    metering::{
        Batch, DynLedger, HandBack, Ledger, LedgerError, Line, LinePlace, LineQuery, MemoryLedger, Notice,
        NoticeId, Outcome, Take, Taken, Tally,
    },
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

/// What becomes of a call that writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Done,
    /// It is not written, and that is certain.
    Fails,
    /// It is written, and nobody is told.
    AnswerLost,
    /// It is not written, and nobody is told.
    RequestLost,
    /// It waits once before it is written, and once before it answers.
    Slow,
    /// The same, and its answer is lost.
    SlowAndLost,
}

#[derive(Default)]
pub(super) struct Told {
    /// For the calls to come; when there are none any more, the last word.
    pub(super) fates: VecDeque<Fate>,
    pub(super) always: Option<Fate>,
    /// The batches that were asked for, in their order.
    pub(super) batches: Vec<Batch>,
}

#[derive(Clone)]
pub(super) struct Obedient {
    pub(super) inner: Arc<dyn DynLedger>,
    pub(super) told: Arc<Mutex<Told>>,
}

impl Default for Obedient {
    fn default() -> Self {
        Self::over(Arc::new(MemoryLedger::default()))
    }
}

impl Obedient {
    pub(super) fn over(inner: Arc<dyn DynLedger>) -> Self {
        Self { inner, told: Arc::default() }
    }

    pub(super) fn next(&self, fates: impl IntoIterator<Item = Fate>) {
        self.told.lock().expect("a lock").fates.extend(fates);
    }

    pub(super) fn always(&self, fate: Option<Fate>) {
        self.told.lock().expect("a lock").always = fate;
    }

    /// The sizes of the batches that were asked for.
    pub(super) fn sizes(&self) -> Vec<usize> {
        self.told.lock().expect("a lock").batches.iter().map(|batch| batch.loads.len()).collect()
    }

    async fn through<T>(&self, call: impl Future<Output = Result<T, LedgerError>>) -> Result<T, LedgerError> {
        let fate = {
            let mut told = self.told.lock().expect("a lock");
            told.fates.pop_front().or(told.always).unwrap_or(Fate::Done)
        };
        let away = || BoxError::from("away");
        match fate {
            Fate::Done => call.await,
            Fate::Fails => Err(LedgerError::Failed(away())),
            Fate::RequestLost => Err(LedgerError::Unknown(away())),
            Fate::AnswerLost => {
                let _ = call.await;
                Err(LedgerError::Unknown(away()))
            }
            Fate::Slow | Fate::SlowAndLost => {
                pause().await;
                let done = call.await;
                pause().await;
                if fate == Fate::Slow { done } else { Err(LedgerError::Unknown(away())) }
            }
        }
    }
}

impl Ledger for Obedient {
    async fn charge(&self, batch: &Batch) -> Result<Outcome, LedgerError> {
        self.told.lock().expect("a lock").batches.push(batch.clone());
        self.through(self.inner.charge(batch)).await
    }

    async fn hand_back(&self, back: &HandBack) -> Result<bool, LedgerError> {
        self.through(self.inner.hand_back(back)).await
    }

    async fn tally(&self, tenant: TenantId, period: Timestamp) -> Result<Option<Tally>, BoxError> {
        self.inner.tally(tenant, period).await
    }

    async fn lines(
        &self,
        query: &LineQuery,
        after: Option<LinePlace>,
        limit: usize,
    ) -> Result<Vec<Line>, BoxError> {
        self.inner.lines(query, after, limit).await
    }

    async fn take(&self, take: &Take) -> Result<Taken, LedgerError> {
        self.inner.take(take).await
    }

    async fn notices(&self, after: Option<NoticeId>, limit: usize) -> Result<Vec<Notice>, BoxError> {
        self.inner.notices(after, limit).await
    }

    async fn lease_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Notice>, BoxError> {
        self.inner.lease_notices(now, until, limit).await
    }

    async fn acknowledge_notices(&self, delivered: &[NoticeId]) -> Result<(), BoxError> {
        self.inner.acknowledge_notices(delivered).await
    }

    async fn sweep_ledger(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        self.inner.sweep_ledger(before, limit).await
    }
}
