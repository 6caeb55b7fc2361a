//! A meter, and how it judges a batch: the one place that knows what fits.

use super::{
    batch::{Batch, Outcome},
    line::{Figures, Outlet},
    notice::{Notice, NoticeId, Warning, is_reached},
};
use crate::value::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most that a meter can hold. A load that would make it more does not fit, with or without a limit.
pub const MOST: u64 = 0x7fff_ffff_ffff_fffe;

/// The meter of one tenant in one period: what a ledger keeps in one row.
///
/// A ledger of a host's own keeps these as it likes, and lets [`charge`](Self::charge) judge under a lock on the row;
/// whoever writes it as a statement instead does the same in its own words, and the conformance suite compares.
///
/// Rules: [M3](crate::specification), [M4](crate::specification), [M11](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tally {
    /// The figures, those of all its lines together.
    pub figures: Figures,
    /// The newest version of the limit that a batch was judged by.
    pub version: u32,
    /// The highest threshold that somebody was told of and that is still crossed under that version.
    pub told: u8,
    /// The latest instant at which anything was charged.
    pub latest: Timestamp,
}

impl Default for Tally {
    fn default() -> Self {
        Self { figures: Figures::default(), version: 0, told: 0, latest: Timestamp::MIN }
    }
}

/// What somebody is to be told after a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Warnings {
    /// The thresholds that it crossed, rising.
    pub crossed: Vec<u8>,
    /// Whether it holds the first refusal of the period.
    pub is_first_refusal: bool,
}

impl Tally {
    /// Judges a batch, and counts what fits: each load in its turn against what is left then, so that one that does not fit
    /// stops none behind it. Once more is charged than the limit allows, not even a load of nothing fits. `line` is called for each load with what its line gains.
    ///
    /// Rules: [M1](crate::specification), [M3](crate::specification), [M4](crate::specification),
    /// [M12](crate::specification).
    #[inline]
    pub fn charge(
        &mut self,
        batch: &Batch,
        mut line: impl FnMut(&Arc<Outlet>, Figures),
    ) -> (Outcome, Warnings) {
        let before = self.figures.charged;
        let refused_before = self.figures.refused;
        // What is owed is held against what a meter can hold alone.
        let limit = batch.plan.limit.filter(|_| !batch.is_owed).unwrap_or(MOST).min(MOST);
        let mut outcome = Outcome { before, refused: Vec::new() };
        for (place, load) in batch.loads.iter().enumerate() {
            let left = limit.checked_sub(self.figures.charged);
            let gain = if left.is_some_and(|left| load.cost <= left) {
                Figures::load(load.cost, load.cached, load.is_export)
            } else {
                outcome.refused.push(u32::try_from(place).unwrap_or(u32::MAX));
                Figures::refusal()
            };
            self.figures = self.figures.plus(gain);
            line(&load.outlet, gain);
        }
        let is_any_charged = outcome.refused.len() < batch.loads.len();
        if is_any_charged {
            self.latest = self.latest.max(batch.at);
        }
        let crossed = self.warn(batch, before);
        let is_first_refusal = refused_before == 0 && self.figures.refused > 0;
        (outcome, Warnings { crossed, is_first_refusal })
    }

    /// The thresholds that are crossed now and of which nobody was told. A newer limit arms again what it no longer
    /// crosses; an older one, of a process that has not heard of the newer, tells nobody anything.
    #[inline]
    fn warn(&mut self, batch: &Batch, before: u64) -> Vec<u8> {
        let plan = &batch.plan;
        let limit = plan.limit.filter(|limit| *limit > 0);
        if plan.version > self.version {
            self.version = plan.version;
            if let Some(limit) = limit {
                let crossed = u128::from(before).saturating_mul(100).checked_div(u128::from(limit));
                self.told = self.told.min(crossed.unwrap_or(0).try_into().unwrap_or(u8::MAX));
            }
        }
        let charged = self.figures.charged;
        let Some(limit) = limit.filter(|_| plan.version >= self.version && charged > before) else {
            return Vec::new();
        };
        let is_new = |percent: &&u8| **percent > self.told && is_reached(**percent, charged, limit);
        let crossed: Vec<u8> = plan.thresholds.iter().filter(is_new).copied().collect();
        self.told = crossed.iter().copied().max().unwrap_or(self.told);
        crossed
    }

    /// Takes back what a load had cost; `false` and nothing if the meter does not hold so much.
    ///
    /// Rules: [M7](crate::specification).
    #[must_use]
    pub fn hand_back(&mut self, cost: u64) -> bool {
        let holds = self.figures.charged >= cost;
        if holds {
            self.figures = self.figures.less(cost);
        }
        holds
    }
}

impl Warnings {
    /// The notices to write: at most one of crossed thresholds, and one of a refusal.
    pub fn notices(self, batch: &Batch, charged: u64) -> impl Iterator<Item = Notice> {
        let plan = &batch.plan;
        let notice = |threshold: u8, warning: Warning| {
            let id = NoticeId {
                tenant: batch.tenant,
                period: plan.period.first,
                version: plan.version,
                threshold,
            };
            Notice::new(id, plan.period, warning, plan.limit, charged, batch.at)
        };
        let highest = self.crossed.last().copied();
        let crossed = highest.map(|highest| notice(highest, Warning::Crossed(self.crossed)));
        let refused = self.is_first_refusal.then(|| notice(0, Warning::Refused));
        [refused, crossed].into_iter().flatten()
    }
}
