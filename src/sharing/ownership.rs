//! A dashboard begins and ends (G19).

use super::{
    command::{Command, Facts, Fallen, More, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    offer::{grant_of, vacant},
    refusal::Refusal,
    revoke::Ended,
    transfer::{end_question, owners_ledger},
};
use crate::{
    record::{Actor, Event, Head, Phase, Revision},
    value::{AccountId, DashboardId, TenantId},
};

/// Makes a dashboard of the host known to the library.
pub(crate) struct Register {
    pub(crate) dashboard: DashboardId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: AccountId,
}

impl Command for Register {
    type Answer = ();

    fn heeds_suspension(&self) -> bool {
        false
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn more(&self, ledger: &Ledger) -> More {
        grant_of(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let before = match vacant(facts.ledger) {
            Ok(before) => before,
            Err(head) => {
                let same = (head.tenant, head.owner) == (self.tenant, self.owner) && head.is_dashboard();
                return if same { Ok(Verdict::standing(())) } else { Err(Refusal::AlreadyExists) };
            }
        };
        let expected = before.map_or(Revision::ZERO, |head| head.revision);
        let head = Head::new(self.dashboard, self.tenant, self.owner, facts.now, before);
        let draft = Draft::of_unregistered(facts, expected, head);
        Ok(draft.finish(Actor::Host, Event::Registered { owner: self.owner }, |_| ()))
    }
}

/// Ends a dashboard: its grants and its link are dead, also for one that gets the same id later.
pub(crate) struct DeleteDashboard {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
}

impl Command for DeleteDashboard {
    type Answer = Ended;

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn put_fallen(&self, answer: &mut Ended, all: Option<Fallen>) {
        answer.put(all);
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by)
    }

    fn more(&self, _ledger: &Ledger) -> More {
        More { hanging: vec![None], ..More::default() }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Ended>, Refusal> {
        let ledger = owners_ledger(facts, self.by)?;
        let mut draft = Draft::new(facts, ledger);
        draft.head.phase = Phase::Deleted(facts.now);
        draft.head.link = None;
        end_question(ledger, &mut draft);
        Ok(draft.finish(self.by, Event::Deleted, Ended::of))
    }
}
