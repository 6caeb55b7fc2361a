//! What a command is, and what it is judged by.

use super::{
    consult::{AnonymousAccess, Barred},
    draft::Draw,
    ledger::Ledger,
    refusal::{Refusal, check_duration},
};
use crate::{
    record::{Commit, Seed},
    tenant::Tenant,
    value::{AccountId, DashboardId, Expiry, GrantId, Timestamp},
};

/// A change to one dashboard that somebody asks for.
pub(crate) trait Command {
    /// What the caller gets to know.
    type Answer;

    fn dashboard(&self) -> DashboardId;

    /// The grants it must see.
    fn seeds(&self) -> Vec<Seed>;

    /// What else it must see, once the seeds are read.
    fn more(&self, _ledger: &Ledger) -> More {
        More::default()
    }

    /// Whether it must know what the tenant's policies let the anonymous user see.
    fn publishes(&self) -> bool {
        false
    }

    /// The account that gives others what it has, which it cannot while a policy denies it that (D2).
    fn hands_on(&self) -> Option<AccountId> {
        None
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Self::Answer>, Refusal>;
}

/// What a command must see beyond its seeds.
#[derive(Default)]
pub(crate) struct More {
    pub(crate) seeds: Vec<Seed>,
    /// All that hangs on these grants.
    pub(crate) below: Vec<GrantId>,
    /// Every grant of the dashboard.
    pub(crate) everything: bool,
}

/// What a command is judged by.
pub(crate) struct Facts<'a> {
    /// `None` when the dashboard is not known.
    pub(crate) ledger: Option<&'a Ledger>,
    pub(crate) tenant: &'a Tenant,
    pub(crate) access: &'a AnonymousAccess,
    /// What keeps whoever hands the dashboard on from it.
    pub(crate) barred: Option<&'a Barred>,
    pub(crate) now: Timestamp,
    /// How many links had been made when the command was first judged.
    pub(crate) links_seen: u64,
    pub(crate) draw: &'a Draw,
}

impl<'a> Facts<'a> {
    /// The ledger of a dashboard that exists. A clone that nobody has taken yet is none (T9).
    pub(crate) fn ledger(&self) -> Result<&'a Ledger, Refusal> {
        self.ledger.filter(|ledger| ledger.head.is_dashboard()).ok_or(Refusal::UnknownDashboard)
    }

    /// The ledger of an offer.
    pub(crate) fn offer(&self) -> Option<&'a Ledger> {
        self.ledger.filter(|ledger| ledger.head.offer().is_some())
    }

    /// The ledger, if the account has anything to do with the dashboard.
    pub(crate) fn ledger_for(&self, account: AccountId) -> Result<&'a Ledger, Refusal> {
        self.ledger().ok().filter(|ledger| ledger.is_party(account)).ok_or(Refusal::UnknownDashboard)
    }

    /// Refuses to hand on what a policy denies to the actor.
    pub(crate) fn check_policies(&self) -> Result<(), Refusal> {
        match self.barred {
            None => Ok(()),
            Some(Barred::Unknown) => Err(Refusal::UnknownDashboard),
            Some(Barred::By(rule)) => Err(Refusal::PolicyDenies(rule.clone())),
        }
    }

    /// Refuses what would last longer than the tenant allows (G20).
    pub(crate) fn check_duration(&self, ends: Expiry) -> Result<(), Refusal> {
        check_duration(ends, &self.tenant.rules, self.now)
    }
}

/// An answer, and what must be written for it to be true: nothing, if it is true already.
pub(crate) struct Verdict<A> {
    pub(crate) answer: A,
    pub(crate) commit: Option<Commit>,
}

impl<A> Verdict<A> {
    pub(crate) fn standing(answer: A) -> Self {
        Self { answer, commit: None }
    }
}
