//! Telling people that their access ends soon.

use super::{
    command::{Command, Facts, More, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    refusal::Refusal,
};
use crate::{
    record::{Actor, Event, Message},
    value::{DashboardId, GrantId, Timestamp},
};

/// Writes a message for every live grant that ends by an instant and of which nobody was told yet.
pub(crate) struct Remind {
    pub(crate) dashboard: DashboardId,
    pub(crate) until: Timestamp,
}

impl Command for Remind {
    type Answer = Vec<GrantId>;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::everything(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Vec<GrantId>>, Refusal> {
        let ledger = facts.ledger()?;
        let mut draft = Draft::new(facts, ledger);
        let mut grants = Vec::new();
        for live in ledger.all_live() {
            let Some(ends) = live.standing.ends.at().filter(|ends| *ends <= self.until) else { continue };
            if live.grant.reminded() == Some(ends) {
                continue;
            }
            let mut grant = live.grant.as_ref().clone();
            grant.history_mut().reminded = Some(ends);
            draft.tell(Message::Expiring { grant: grant.id, to: grant.grantee.holder(), ends });
            grants.push(grant.id);
            draft.put(grant);
        }
        if grants.is_empty() {
            return Ok(Verdict::standing(grants));
        }
        let event = Event::Reminded { grants: grants.clone() };
        Ok(draft.finish(Actor::Host, event, |_| grants))
    }
}
