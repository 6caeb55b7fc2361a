//! Telling people that their access ends soon.

use super::{
    access::{Access, Ending, Words},
    command::{Command, Facts, More, Needs, Verdict},
    draft::Draft,
    ledger::Ledger,
    refusal::Refusal,
    standing,
};
use crate::{
    record::{Actor, Event, Grant, Message},
    value::{AccountId, DashboardId, GrantId, Timestamp},
};
use std::collections::{BTreeMap, BTreeSet};

/// Writes a message for every end up to an instant that takes something from an account, and for every invitation that
/// waits and lapses by then, unless it was written already (G24).
pub(crate) struct Remind {
    pub(crate) dashboard: DashboardId,
    pub(crate) until: Timestamp,
    /// What the policies say. Who got a grant after they were asked is told next time.
    pub(crate) words: Words,
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
        let rules = &facts.tenant.rules;
        let access = Access { ledger, rules, words: &self.words };
        let told: BTreeSet<(AccountId, Timestamp)> =
            ledger.all().filter_map(|it| told_of(ledger, it)).collect();
        let mut due = BTreeMap::new();
        for Ending { account, ends, grant } in access.endings(self.until) {
            if !told.contains(&(account, ends)) {
                due.insert(grant.ordinal, (grant, account.into(), ends));
            }
        }
        for live in ledger.all_live().filter(|live| live.grant.grantee.is_pending()) {
            let Some(ends) = live.standing.ends.at().filter(|ends| *ends <= self.until) else { continue };
            let gives = !live.standing.rights.is_empty() && standing::is_honoured(live.grant, rules);
            if gives && live.grant.reminded() != Some(ends) {
                due.insert(live.grant.ordinal, (live.grant, live.grant.grantee.holder(), ends));
            }
        }
        if due.is_empty() {
            return Ok(Verdict::standing(Vec::new()));
        }
        let mut draft = Draft::new(facts, ledger);
        let grants: Vec<GrantId> = due.values().map(|(grant, ..)| grant.id).collect();
        for (grant, to, ends) in due.into_values() {
            let mut grant = Grant::clone(grant);
            grant.history_mut().reminded = Some(ends);
            draft.tell(Message::Expiring { grant: grant.id, to, ends });
            draft.put(grant);
        }
        let event = Event::Reminded { grants: grants.clone() };
        Ok(draft.finish(Actor::Host, event, |_| grants))
    }
}

/// The account that was told of an end of what this dashboard gave it, and the end.
fn told_of(ledger: &Ledger, grant: &Grant) -> Option<(AccountId, Timestamp)> {
    let is_of_this = grant.ordinal >= ledger.head.first_ordinal;
    Some((grant.grantee.account().filter(|_| is_of_this)?, grant.reminded()?))
}
