//! Narrowing what the public link shows, with the same token (K20).

use super::{
    command::{Command, Facts, More, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    link::own_link,
    refusal::{Refusal, check_narrowing},
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
    /// The lock that the link has now; `None` for none. What it really shows, with what it hangs on and the tenant's rules,
    /// says [`access_list`](crate::Dashshare::access_list): a withdrawal asks the directory nothing.
    pub lock: Option<Arc<StoredLock>>,
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
        check_narrowing(&self.lock, lock.as_ref())?;
        let answer = LinkNarrowed { generation: link.generation, lock: lock.clone() };
        if lock == link.lock {
            return Ok(Verdict::standing(answer));
        }
        let mut draft = Draft::new(facts, ledger);
        draft.head.link = Some(Link { lock: lock.clone(), ..link.clone() });
        let event =
            Event::LinkNarrowed { generation: link.generation, before: link.lock.clone(), after: lock };
        Ok(draft.finish(self.by, event, |_| answer))
    }
}
