//! The host suspends a dashboard and resumes it (G25). While it is suspended, only what takes away is done.

use super::{
    command::{Command, Facts, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    refusal::Refusal,
};
use crate::{
    record::{Actor, Event},
    value::DashboardId,
};

/// Suspends a dashboard, or resumes it. Only the host does.
pub(crate) struct SetSuspended {
    pub(crate) dashboard: DashboardId,
    pub(crate) suspended: bool,
}

impl Command for SetSuspended {
    type Answer = ();

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        self.suspended
    }

    fn heeds_suspension(&self) -> bool {
        false
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs { ignores_tenant: true, ..Needs::default() }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let ledger = facts.ledger()?;
        if ledger.head.suspended.is_some() == self.suspended {
            return Ok(Verdict::standing(()));
        }
        let mut draft = Draft::new(facts, ledger);
        draft.head.suspended = self.suspended.then_some(facts.now);
        let event = if self.suspended { Event::Suspended } else { Event::Resumed };
        Ok(draft.finish(Actor::Host, event, |_| ()))
    }
}

/// Judges a command: the one place where a suspension stops it (G25). Whoever is no party is told what it is told of any
/// dashboard (D8).
pub(crate) fn judge<C: Command>(
    command: &C,
    needs: &Needs,
    facts: &Facts<'_>,
) -> Result<Verdict<C::Answer>, Refusal> {
    let is_party = |ledger: &Ledger| needs.asker.is_none_or(|asker| ledger.is_party(asker));
    if let Ok(ledger) = facts.ledger()
        && !facts.withdraws
        && command.heeds_suspension()
        && is_party(ledger)
    {
        check_suspension(ledger)?;
    }
    command.judge(facts)
}

/// Refuses while the dashboard is suspended.
pub(crate) fn check_suspension(ledger: &Ledger) -> Result<(), Refusal> {
    if ledger.head.suspended.is_some() { Err(Refusal::Suspended) } else { Ok(()) }
}
