//! A decision's explanation: as data for programs, and as a sentence that a support engineer can send to a customer.

use super::{
    answer::{Asker, Basis, Decision},
    denial::Denial,
};
use crate::{
    lock::Zone,
    policy::{self, RuleRef},
    record::{Chain, Holder, Revision},
    sharing::{Fall, Locked, LockedBy, standing},
    value::{AccountId, Action, DashboardId, Expiry, GrantId, Timestamp},
};
use serde::Serialize;
use std::{collections::BTreeSet, fmt::Write as _};

/// Why a decision came out as it did, as data.
///
/// Rules: [D4](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Who asked.
    pub asker: Asker,
    /// What for.
    pub action: Action,
    /// With which dashboard, if there is such a one and the asker may know.
    pub dashboard: Option<DashboardId>,
    /// The instant asked about.
    pub at: Timestamp,
    /// The revision of the dashboard that was looked at.
    pub revision: Option<Revision>,
    /// What decided.
    pub because: Because,
    /// The grants that allow it, from the root to the one held, or that did until one of them ended, or that show less than
    /// was asked for; empty when there are none.
    pub path: Vec<Step>,
    /// The grant of the path that ends first, or that ended, if one does.
    pub ends_first: Option<GrantId>,
    /// Until when an allowance can be relied on.
    pub valid_until: Option<Timestamp>,
    /// The locks along the path, from the tenant's and the root's down: how much of the data it shows. None for a visitor.
    pub locks: Vec<Locked>,
    /// The version of the zone data that they are read by, where there are any (K9).
    pub zone_data: Option<&'static str>,
    /// The first lock from the root that shuts what was asked for, where one does. None for a visitor.
    pub shut_by: Option<Locked>,
    /// What the tenant's policies said about the dashboard, or about the device that the decision was narrowed to, all
    /// that they considered, and the nearest thing that would change a denial (P8); `None` when they do not know the
    /// asker, or could not have changed the decision.
    pub policies: Option<policy::Explanation>,
}

/// What decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Because {
    /// The account owns the dashboard.
    Owner,
    /// A live grant has the right; see the path.
    Grant,
    /// A live public link was presented, and this rule of a policy lets its visitors see the dashboard.
    Link(RuleRef),
    /// This rule of a policy allows it.
    Policy(RuleRef),
    /// Nothing allows it.
    Denied(Denial),
}

/// One grant of a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The grant.
    pub grant: GrantId,
    /// Who made it.
    pub grantor: AccountId,
    /// Who holds it.
    pub grantee: Holder,
    /// Its own expiry.
    pub expiry: Expiry,
    /// Whether it only carries what hangs on it, because its holder became the owner (G18).
    pub only_carries: bool,
}

impl Decision {
    /// The explanation as data.
    pub fn explanation(&self) -> Explanation {
        let (because, path, ends_first) = match self.basis() {
            Basis::Owner => (Because::Owner, Vec::new(), None),
            Basis::Denied(denial) => {
                let path = self.shut_by().map_or(Vec::new(), |shut| self.steps(&shut.chain));
                (Because::Denied(denial.clone()), path, None)
            }
            Basis::Ended { fall, chain } => {
                (Because::Denied(Denial::Ended(*fall)), self.steps(chain), Some(fall.grant))
            }
            Basis::Grant { best, .. } => {
                let first = best.standing.ends.at().map(|_| best.standing.ends_with);
                (Because::Grant, self.steps(&best.chain), first)
            }
            Basis::Link { chain, rule, .. } => {
                let path = chain.as_ref().map_or(Vec::new(), |chain| self.steps(chain));
                (Because::Link(rule.clone()), path, None)
            }
            Basis::Policy(rule) => (Because::Policy(rule.clone()), Vec::new(), None),
        };
        // Not of a visit: what its link hides is like what the dashboard does not show (K22).
        let is_told = self.asker() != Asker::Visitor;
        let locks: Vec<Locked> = match self.basis() {
            Basis::Grant { best, .. } if is_told => best.locks.iter().cloned().collect(),
            _ => Vec::new(),
        };
        let zone_data = (!locks.is_empty() || self.shut_by().is_some()).then(Zone::data_version);
        Explanation {
            allowed: self.is_allowed(),
            asker: self.asker(),
            action: self.action(),
            dashboard: self.dashboard(),
            at: self.at(),
            revision: self.revision(),
            because,
            path,
            ends_first,
            valid_until: self.valid_until(),
            locks,
            zone_data,
            shut_by: self.shut_by().filter(|_| is_told).map(|shut| shut.locked.clone()),
            policies: self.explain_policies(),
        }
    }

    fn steps(&self, chain: &Chain) -> Vec<Step> {
        let Some(head) = self.head() else { return Vec::new() };
        let mut parent = None;
        let mut steps = Vec::with_capacity(chain.len());
        for grant in chain.iter().rev() {
            steps.push(Step {
                grant: grant.id,
                grantor: standing::made_by(grant, parent, head, self.at()),
                grantee: grant.grantee.holder(),
                expiry: grant.terms_at(self.at()).expiry,
                only_carries: grant.absorbed().is_some_and(|absorbed| absorbed <= self.at()),
            });
            parent = Some(grant.as_ref());
        }
        steps
    }

    /// The explanation as a sentence, with ids for names.
    ///
    /// It is for the host's own people, and for those who may know of the dashboard: it tells a dashboard that was
    /// never shared from one that does not exist, so a stranger is shown neither.
    pub fn explain(&self) -> String {
        self.explain_with(&|account| account.to_string())
    }

    /// The explanation as a sentence, with the host's names for accounts. To be shown with the same care.
    pub fn explain_with(&self, name: &dyn Fn(AccountId) -> String) -> String {
        self.explanation().sentence_with(name)
    }
}

impl Explanation {
    /// Every account in it, once each and by id: whose names a page has to look up.
    pub fn accounts(&self) -> Vec<AccountId> {
        let asker = match self.asker {
            Asker::Account(account) => Some(account),
            Asker::Visitor => None,
        };
        let of_path = self.path.iter().flat_map(|step| [Some(step.grantor), step.grantee.account()]);
        of_path.chain([asker]).flatten().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The explanation as a sentence, with the host's names for accounts.
    pub fn sentence_with(&self, name: &dyn Fn(AccountId) -> String) -> String {
        let who = match self.asker {
            Asker::Account(account) => name(account),
            Asker::Visitor => "the visitor".to_owned(),
        };
        let verb = self.action.verb();
        let may = if self.allowed { "may" } else { "may not" };
        let device = match &self.because {
            Because::Denied(denial) => denial.device(),
            _ => None,
        };
        let mut text = match device {
            Some(device) => format!("{who} may not see device `{device}` on the dashboard"),
            None => format!("{who} {may} {verb} the dashboard"),
        };
        // Writing to a String does not fail.
        let _ = match &self.because {
            Because::Owner => write!(text, ": {who} owns it."),
            Because::Grant => {
                write!(text, ": {}{}.", path_in_words(self, name), end_in_words(self, name))
            }
            Because::Link(rule) => {
                write!(text, " by its public link, as {rule} allows{}.", end_in_words(self, name))
            }
            Because::Policy(rule) => write!(text, ": {rule} allows it."),
            Because::Denied(denial) => {
                let sentence = match denial {
                    Denial::Ended(fall) => fall_in_words(fall, &self.path, name),
                    _ => denial.sentence(),
                };
                // Nobody can share what only the owner or a policy gives.
                let remedy = match (self.action, denial) {
                    (Action::Edit, Denial::NotShared | Denial::Ended(_)) => Denial::OwnersOnly.remedy(),
                    (Action::Arrange, Denial::NotShared | Denial::Ended(_)) => {
                        Denial::ArrangementNotGiven.remedy()
                    }
                    _ => denial.remedy(),
                };
                write!(text, ": {sentence} {remedy}")
            }
        };
        if let Some(locked) = &self.shut_by {
            text.push_str(&shut_in_words(locked, &self.path, name));
        }
        if let Self { policies: Some(said), .. } = self
            && let Some(stopped) = &said.stopped
        {
            let _ = write!(text, " Of the policies not all is told: {stopped}.");
        }
        text
    }
}

fn path_in_words(explanation: &Explanation, name: &dyn Fn(AccountId) -> String) -> String {
    let lock_in_words = |by: LockedBy| {
        let locked = explanation.locks.iter().find(|locked| locked.by == by);
        locked.map_or(String::new(), |locked| format!(" ({})", locked.lock))
    };
    let hop = |step: &Step| {
        let lock = lock_in_words(LockedBy::Grant(step.grant));
        format!("{} shared it with {}{lock}", name(step.grantor), grantee_in_words(step, name))
    };
    let path = explanation.path.iter().filter(|step| !step.only_carries).map(hop);
    let tenants = explanation.locks.iter().find(|locked| locked.by == LockedBy::Tenant);
    let tenants = tenants.map(|locked| format!("the tenant lets what is shared on show {}", locked.lock));
    path.chain(tenants).collect::<Vec<_>>().join(", ")
}

/// Which lock shut it, by the people that it is between.
fn shut_in_words(locked: &Locked, path: &[Step], name: &dyn Fn(AccountId) -> String) -> String {
    let whose = match locked.by {
        LockedBy::Tenant => "the tenant".to_owned(),
        LockedBy::Link(_) => "the public link".to_owned(),
        LockedBy::Grant(grant) => match path.iter().find(|step| step.grant == grant) {
            Some(step) => format!("what {} gave {}", name(step.grantor), grantee_in_words(step, name)),
            None => format!("grant {grant}"),
        },
    };
    format!(" {} shows only {}.", capital(&whose), locked.lock)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

fn grantee_in_words(step: &Step, name: &dyn Fn(AccountId) -> String) -> String {
    match &step.grantee {
        Holder::Account(account) => name(*account),
        Holder::Address(address) => address.to_string(),
    }
}

/// Names the share that ended by the people it was between.
fn fall_in_words(fall: &Fall, path: &[Step], name: &dyn Fn(AccountId) -> String) -> String {
    match path.iter().find(|step| step.grant == fall.grant) {
        Some(step) => {
            fall.told(&format!("what {} shared with {}", name(step.grantor), grantee_in_words(step, name)))
        }
        None => fall.sentence(),
    }
}

fn end_in_words(explanation: &Explanation, name: &dyn Fn(AccountId) -> String) -> String {
    let Some(end) = explanation.valid_until else { return ", with no end".to_owned() };
    let whose = explanation
        .path
        .iter()
        .find(|step| Some(step.grant) == explanation.ends_first)
        .filter(|_| explanation.path.len() > 1)
        .map_or(String::new(), |step| format!(", when what {} gave ends", name(step.grantor)));
    format!(", until {end}{whose}")
}
