//! What is sent to a ledger: charges that go together, and hand-backs.

use super::{line::Outlet, plan::Plan};
use crate::{
    decision::Edge,
    value::{TenantId, Timestamp},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc};

/// What a batch is known by: who made it, and its number there. It is made before the batch is sent for the first time.
///
/// The numbers of one maker rise, and it waits for what becomes of a batch of a tenant before it sends that tenant's next.
///
/// Rules: [M6](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchId {
    /// The meter that made it: drawn once for each.
    pub maker: [u8; 16],
    /// Its number.
    pub number: u64,
}

impl fmt::Debug for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BatchId({:032x}/{})", u128::from_be_bytes(self.maker), self.number)
    }
}

/// What one charge is known by: its batch, and its place there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ChargeId {
    /// The batch.
    pub batch: BatchId,
    /// The place, from 0.
    pub place: u32,
}

/// Charges of one tenant that go together, in the order in which they came.
///
/// Rules: [M4](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Batch {
    /// What it is known by.
    pub id: BatchId,
    /// Whose meter.
    pub tenant: TenantId,
    /// By what it is judged; its period is that of the meter.
    pub plan: Arc<Plan>,
    /// When: an instant in the period.
    pub at: Timestamp,
    /// The day that its lines are kept under.
    pub day: NaiveDate,
    /// The loads.
    pub loads: Vec<Charge>,
    /// Whether it is of what was let through while the ledger was away: then nothing of it is refused, not even in a period
    /// that is over (M13).
    pub is_owed: bool,
}

/// One load, as it is charged.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Charge {
    /// Through what it leaves.
    pub outlet: Arc<Outlet>,
    /// What it costs.
    pub cost: u64,
    /// How many records of it came from the host's cache, if it came from there.
    pub cached: Option<u64>,
    /// Whether it is an export.
    pub is_export: bool,
}

impl Charge {
    /// A load that costs so many records.
    pub const fn of(outlet: Arc<Outlet>, cost: u64) -> Self {
        Self { outlet, cost, cached: None, is_export: false }
    }
}

impl Batch {
    /// A batch without loads.
    pub fn new(id: BatchId, tenant: TenantId, plan: Arc<Plan>, at: Timestamp) -> Self {
        let day = plan.day(at);
        Self { id, tenant, plan, at, day, loads: Vec::new(), is_owed: false }
    }

    /// The same with these loads.
    #[must_use]
    pub fn with(self, loads: Vec<Charge>) -> Self {
        Self { loads, ..self }
    }

    /// A digest of all that it says, its id apart, for ledgers: a generator that repeats itself gives two batches one id,
    /// and then nothing must be taken for charged that was not.
    pub fn digest(&self) -> [u8; 16] {
        let mut digest = Sha256::new_with_prefix(b"dashshare batch\0");
        let mut put = |bytes: &[u8]| {
            digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(bytes);
        };
        put(&self.tenant.to_bytes());
        // What is written comes out the same each time, and nothing of it can fail to be written.
        put(&serde_json::to_vec(&(&self.plan, self.at, self.day, self.is_owed)).unwrap_or_default());
        for Charge { outlet, cost, cached, is_export } in &self.loads {
            put(&outlet.dashboard.to_bytes());
            put(&outlet.registered.number().to_be_bytes());
            put(outlet.widget.as_bytes());
            match &outlet.edge {
                Edge::Owner => put(b"owner"),
                Edge::Grant(grant) => put(&grant.to_bytes()),
                Edge::Link { generation, under } => {
                    put(&generation.to_be_bytes());
                    put(&under.map_or([0; 17], |grant| with_one(grant.to_bytes())));
                }
                Edge::Policy(rule) => {
                    put(rule.policy.as_bytes());
                    put(&u64::try_from(rule.rule).unwrap_or(u64::MAX).to_be_bytes());
                }
            }
            put(&cost.to_be_bytes());
            put(&cached.map_or([0; 9], |cached| with_one(cached.to_be_bytes())));
            put(&[u8::from(*is_export)]);
        }
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest.finalize()).for_each(|(byte, digested)| *byte = digested);
        bytes
    }
}

/// Some bytes behind a one, so that they are told from nothing.
fn with_one<const N: usize, const M: usize>(bytes: [u8; N]) -> [u8; M] {
    let mut told = [1; M];
    told.iter_mut().skip(1).zip(bytes).for_each(|(to, from)| *to = from);
    told
}

/// What became of a batch: the same however often it is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What was charged before it.
    pub before: u64,
    /// The places of the loads that did not fit, rising. All others are charged.
    pub refused: Vec<u32>,
}

/// A load that is handed back: nothing of it has left.
///
/// Rules: [M7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HandBack {
    /// The charge.
    pub charge: ChargeId,
    /// Whose meter.
    pub tenant: TenantId,
    /// The first instant of the period that it was charged to.
    pub period: Timestamp,
    /// The end of that period, after which it need not be remembered.
    pub period_end: Timestamp,
    /// The day of its line.
    pub day: NaiveDate,
    /// Its outlet.
    pub outlet: Arc<Outlet>,
    /// What it had cost.
    pub cost: u64,
}

impl HandBack {
    /// The hand-back of a load of a batch.
    pub fn of(batch: &Batch, place: u32) -> Option<Self> {
        let load = batch.loads.get(usize::try_from(place).ok()?)?;
        Some(Self {
            charge: ChargeId { batch: batch.id, place },
            tenant: batch.tenant,
            period: batch.plan.period.first,
            period_end: batch.plan.period.end,
            day: batch.day,
            outlet: Arc::clone(&load.outlet),
            cost: load.cost,
        })
    }
}
