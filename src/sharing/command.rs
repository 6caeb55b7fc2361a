//! What a command is, and what it is judged by.

use super::{
    consult::{AnonymousAccess, Barred},
    draw::Draw,
    ledger::Ledger,
    people::People,
    refusal::{Refusal, check_duration},
};
use crate::{
    record::{Actor, Commit, Seed},
    tenant::{Limits, SharingRules, Tenant},
    value::{AccountId, DashboardId, Expiry, GrantId, Timestamp},
};

/// A change to one dashboard that somebody asks for.
pub(crate) trait Command {
    /// What the caller gets to know.
    type Answer;

    fn dashboard(&self) -> DashboardId;

    fn needs(&self) -> Needs;

    /// What else it must see, once the seeds are read.
    fn more(&self, _ledger: &Ledger) -> More {
        More::default()
    }

    /// The accounts beside the actor that it gives something, or in whose name it gives: whether the tenant's rules and
    /// policies let it is asked of the directory, where it has lists of domains or policies (G20).
    fn people(&self, _ledger: &Ledger) -> Vec<AccountId> {
        Vec::new()
    }

    /// What must be read to count what is limited (G23).
    fn counted(&self, _ledger: &Ledger, _limits: &Limits) -> More {
        More::default()
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Self::Answer>, Refusal>;

    /// Whether it only takes away: then it is written whatever others write meanwhile, and a suspension is not in its
    /// way (G22, G25).
    fn withdraws(&self, _ledger: &Ledger) -> bool {
        false
    }

    /// Whether a suspension stops it, unless it only takes away (G25). What is not asked about that dashboard, the host's
    /// transfer, and the end of the suspension go on.
    fn heeds_suspension(&self) -> bool {
        true
    }

    /// Whether it must not be judged by a clock that cannot be right: all but its repair.
    fn heeds_clock(&self) -> bool {
        true
    }

    /// Puts into the answer all that fell, once what hung on it was listed too; `None` if that could not be done.
    fn put_fallen(&self, _answer: &mut Self::Answer, _all: Option<Fallen>) {}
}

/// What a command must know before it can be judged.
#[derive(Default)]
pub(crate) struct Needs {
    /// The grants that it must see.
    pub(crate) seeds: Vec<Seed>,
    /// The account that asks, where a stranger is told nothing. Its grants are among the seeds, and if it turns out to be
    /// no party, nothing more is read: so a dashboard that does not exist costs the same calls (D8).
    pub(crate) asker: Option<AccountId>,
    /// Whether it lists what fell with a withdrawal, so that it need not come behind it.
    pub(crate) lists_fallen: bool,
    /// Whether it is judged without the tenant: the directory is not asked then.
    pub(crate) ignores_tenant: bool,
    /// Whether it must know what the tenant's policies let the anonymous user see.
    pub(crate) publishes: bool,
    /// The account that gives others what it has, which it cannot while a policy denies it that (D2).
    pub(crate) hands_on: Option<AccountId>,
}

impl Needs {
    /// The grants of whoever asks, who is told nothing as a stranger. The host has none, and is no stranger.
    pub(crate) fn of(by: impl Into<Actor>) -> Self {
        let asker = by.into().account();
        Self { seeds: asker.map(Seed::from).into_iter().collect(), asker, ..Self::default() }
    }

    pub(crate) fn seeds(seeds: Vec<Seed>) -> Self {
        Self { seeds, ..Self::default() }
    }

    pub(crate) fn and(mut self, seeds: impl IntoIterator<Item = Seed>) -> Self {
        self.seeds.extend(seeds);
        self
    }

    pub(crate) fn handing_on(self) -> Self {
        Self { hands_on: self.asker, ..self }
    }

    pub(crate) fn publishing(self) -> Self {
        Self { publishes: true, ..self.handing_on() }
    }
}

/// What must be seen beyond the seeds.
#[derive(Default)]
pub(crate) struct More {
    pub(crate) seeds: Vec<Seed>,
    /// All that hangs on these grants.
    pub(crate) below: Vec<GrantId>,
    /// Whether anything hangs on these grants; with `None`, whether there is any grant at all.
    pub(crate) hanging: Vec<Option<GrantId>>,
    /// Every grant of the dashboard.
    pub(crate) everything: bool,
}

impl More {
    pub(crate) fn is_nothing(&self) -> bool {
        self.seeds.is_empty() && self.hanging.is_empty() && !self.reads_pages()
    }

    /// Whether it reads pages of grants, which carry no revision.
    pub(crate) fn reads_pages(&self) -> bool {
        self.everything || !self.below.is_empty()
    }

    pub(crate) fn everything(_: &Ledger) -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// The grant that the public link hangs on.
    pub(crate) fn links_grant(ledger: &Ledger) -> Self {
        let grant = ledger.head.link.as_ref().and_then(|link| link.grant);
        Self { seeds: grant.map(Seed::Grant).into_iter().collect(), ..Self::default() }
    }
}

/// What a command is judged by.
pub(crate) struct Facts<'a> {
    /// `None` when the dashboard is not known.
    pub(crate) ledger: Option<&'a Ledger>,
    pub(crate) tenant: &'a Tenant,
    pub(crate) access: &'a AnonymousAccess,
    /// What keeps whoever hands the dashboard on from it.
    pub(crate) barred: Option<&'a Barred>,
    /// What is known of whomever else the command asks for.
    pub(crate) people: &'a People,
    pub(crate) now: Timestamp,
    pub(crate) draw: &'a Draw,
    /// Whether the command only takes away.
    pub(crate) withdraws: bool,
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

    /// The ledger, if the actor has anything to do with the dashboard.
    pub(crate) fn ledger_for(&self, by: impl Into<Actor>) -> Result<&'a Ledger, Refusal> {
        self.ledger().ok().filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownDashboard)
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

/// Refuses what the tenant's switches do not let be given to a person: sharing at all, and sharing on from a grant
/// (G20). The one place that asks them of a command, private sharing first.
pub(crate) fn check_switches(rules: &SharingRules, shared_on: bool) -> Result<(), Refusal> {
    match () {
        () if !rules.private => Err(Refusal::PrivateSharingOff),
        () if shared_on && !rules.resharing => Err(Refusal::ResharingOff),
        () => Ok(()),
    }
}

/// What was live before a commit and is not any more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Fallen {
    pub(crate) grants: Vec<GrantId>,
    /// The generation of the link that died.
    pub(crate) link: Option<u64>,
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

    pub(crate) fn map<B>(self, answer: impl FnOnce(A) -> B) -> Verdict<B> {
        Verdict { answer: answer(self.answer), commit: self.commit }
    }
}
