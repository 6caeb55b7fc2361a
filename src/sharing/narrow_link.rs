//! Narrowing what the public link shows, with the same token (K20).

use super::{
    command::{Command, Facts, More, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    link::own_link,
    refusal::{Refusal, check_lock},
};
use crate::{
    lock::{Lock, StoredLock},
    record::{Actor, Event, Link},
    value::DashboardId,
};
use serde::Serialize;
use std::sync::Arc;

pub(crate) struct NarrowLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) lock: Lock,
}

/// The answer to [`narrow_link`](crate::Dashshare::narrow_link).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LinkNarrowed {
    /// Counts the links of the dashboard.
    pub generation: u64,
    /// The lock that the link has now; `None` for none.
    pub lock: Option<Arc<StoredLock>>,
    /// How much of the data it shows now, its maker's own lock and the tenant's taken into account.
    pub effective_lock: Option<Arc<StoredLock>>,
}

impl Command for NarrowLink {
    type Answer = LinkNarrowed;

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by)
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<LinkNarrowed>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let link = own_link(ledger, self.by)?;
        let lock = StoredLock::narrowed(link.lock.as_ref(), self.lock.clone());
        let narrowed = Link { lock: lock.clone(), ..link.clone() };
        let effective_lock = ledger.locks_of_link(&narrowed, &facts.tenant.rules).effective();
        let answer = LinkNarrowed { generation: link.generation, lock: lock.clone(), effective_lock };
        if lock == link.lock {
            return Ok(Verdict::standing(answer));
        }
        check_lock(lock.as_ref())?;
        let mut draft = Draft::new(facts, ledger);
        draft.head.link = Some(narrowed);
        let event =
            Event::LinkNarrowed { generation: link.generation, before: link.lock.clone(), after: lock };
        Ok(draft.finish(self.by, event, |_| answer))
    }
}
