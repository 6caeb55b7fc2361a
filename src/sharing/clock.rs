//! What a clock that ran ahead has left in a dashboard, and how it is put right.

use super::{
    command::{Command, Facts, Fallen, More, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    refusal::Refusal,
};
use crate::{
    record::{Actor, Commit, Event, Grant, Grantee, Head, Phase},
    value::{DashboardId, GrantId, Timestamp},
};
use serde::Serialize;
use std::sync::Arc;

/// The longest that an invitation waits, in days (I4).
const LONGEST_WAIT: u32 = 90;

/// Sets the clock of a dashboard back to the present. Only the host does.
pub(crate) struct RepairClock {
    pub(crate) dashboard: DashboardId,
    pub(crate) present: Timestamp,
    /// By how many microseconds the clock may be ahead without being wrong.
    pub(crate) skew: i64,
}

/// The answer to [`repair_clock`](crate::Dashshare::repair_clock).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct ClockRepaired {
    /// The latest instant that the dashboard had seen.
    pub before: Timestamp,
    /// The one that it has now. The same as before if there was nothing to repair.
    pub after: Timestamp,
    /// The grants of which an instant lay in the future: look at their ends.
    pub grants: Vec<GrantId>,
}

impl Command for RepairClock {
    type Answer = ClockRepaired;

    fn heeds_suspension(&self) -> bool {
        false
    }

    fn heeds_clock(&self) -> bool {
        false
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs { ignores_tenant: true, ..Needs::default() }
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::everything(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<ClockRepaired>, Refusal> {
        // What is no dashboard, or none any more, is put right too: its clock is that of the next one of its id.
        let ledger = facts.ledger.ok_or(Refusal::UnknownDashboard)?;
        let (before, after) = (ledger.head.clock, self.present);
        if before <= after.plus_micros(self.skew) {
            return Ok(Verdict::standing(ClockRepaired { before, after: before, grants: Vec::new() }));
        }
        let mut draft = Draft::new(facts, ledger);
        let mut grants = Vec::new();
        draft.head = head_by(&ledger.head, self.present);
        let restated = ledger.restated_under(draft.head.clone(), self.present);
        for (grant, now) in ledger.all().zip(restated.all()) {
            if now != grant {
                grants.push(grant.id);
            }
            // What lives again is not on the shelf.
            let is_revived = now.is_shelved() && restated.carried(now.id).is_some();
            if is_revived || now != grant {
                let mut now = Grant::clone(now);
                if let Some(history) = now.history.as_mut().filter(|_| is_revived) {
                    history.shelved = false;
                }
                draft.put(now);
            }
        }
        let event = Event::ClockRepaired { before, after, grants: grants.clone() };
        let answer = |_: &Fallen| ClockRepaired { before, after, grants };
        let mut verdict = draft.write(Actor::Host, event, Fallen::default(), Vec::new(), answer);
        if let Some(commit) = &mut verdict.commit {
            Arc::make_mut(&mut commit.head).clock = self.present;
            commit.audit.at = self.present;
        }
        Ok(verdict)
    }
}

/// A grant with no instant of what happened to it after the present: what was done by a clock that ran ahead counts as
/// done now. Its expiry is what somebody chose, and stays.
pub(crate) fn grant_by(grant: &Grant, present: Timestamp) -> Grant {
    let ahead = grant.created.micros().saturating_sub(present.micros()).max(0);
    let lapse = |lapses: Timestamp| {
        lapses.plus_micros(ahead.saturating_neg()).min(present.plus_days(LONGEST_WAIT)).max(present)
    };
    let mut grant = grant.clone();
    grant.created = grant.created.min(present);
    grant.revoked = grant.revoked.map(|at| at.min(present));
    if let Some(history) = &mut grant.history {
        history.absorbed = history.absorbed.map(|at| at.min(present));
        for past in &mut history.amended {
            past.until = past.until.min(present);
        }
    }
    match &mut grant.grantee {
        Grantee::Account(_) => {}
        Grantee::Pending(invitation) if present < invitation.lapses => {
            invitation.lapses = lapse(invitation.lapses);
        }
        Grantee::Pending(_) => {}
        Grantee::Claimed(claim) => claim.claimed = claim.claimed.min(present),
    }
    grant
}

/// The same for a head; its clock is the caller's to set.
fn head_by(head: &Head, present: Timestamp) -> Head {
    let mut head = owners_by(head, present);
    head.suspended = head.suspended.map(|at| at.min(present));
    if let Some(link) = &mut head.link {
        link.created = link.created.min(present);
        link.paused = link.paused.map(|at| at.min(present));
    }
    if let Phase::Deleted(at) = &mut head.phase {
        *at = (*at).min(present);
    }
    for falling in &mut head.falling {
        falling.at = falling.at.min(present);
    }
    head
}

/// A head that says of the present whose the dashboard is.
fn owners_by(head: &Head, present: Timestamp) -> Head {
    let former = head.former_owners.iter().map(|(until, owner)| ((*until).min(present), *owner));
    Head { created: head.created.min(present), former_owners: former.collect(), ..head.clone() }
}

impl Ledger {
    /// The dashboard as a withdrawal is judged by while nobody knows which clock is right: at the present of this process,
    /// with all that was ever made and has not ended by it.
    pub(crate) fn restated(&self, present: Timestamp) -> Self {
        self.restated_under(owners_by(&self.head, present), present)
    }

    fn restated_under(&self, head: Head, present: Timestamp) -> Self {
        let grants = self.all().map(|grant| Arc::new(grant_by(grant, present)));
        self.with_all(Arc::new(head), grants, present)
    }
}

/// Leaves the history of owners as it was read: only the judgement needed another.
pub(crate) fn keep_owners(commit: &mut Commit, read: &Head) {
    let head = Arc::make_mut(&mut commit.head);
    (head.created, head.former_owners) = (read.created, read.former_owners.clone());
}
