//! Telling people that their access ends soon.

use super::{
    access::{Access, Ending, Words},
    command::{Command, Facts, More, Needs, Verdict},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::Refusal,
    standing, unseen,
};
use crate::{
    record::{Actor, Event, Grant, Message},
    tenant::SharingRules,
    value::{AccountId, DashboardId, Expiry, GrantId, Timestamp},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Writes a message for every end up to an instant that takes something from an account, and for every invitation that
/// waits and lapses by then, to the invitee and to the inviter, unless it was written already (G24). To the inviter also
/// an invitation that only looks as if it waited lapses (I1).
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
        let due = self.due(ledger, &facts.tenant.rules);
        if due.is_empty() {
            return Ok(Verdict::standing(Vec::new()));
        }
        let mut draft = Draft::new(facts, ledger);
        let grants: Vec<GrantId> = due.values().map(|due| due.grant.id).collect();
        for Due { grant, ends, messages } in due.into_values() {
            let mut grant = Grant::clone(grant);
            grant.history_mut().reminded = Some(ends);
            draft.put(grant);
            messages.into_iter().for_each(|message| draft.tell(message));
        }
        let event = Event::Reminded { grants: grants.clone() };
        Ok(draft.finish(Actor::Host, event, |_| grants))
    }
}

/// What is to be told of one grant, and the end that it was told of then.
struct Due<'a> {
    grant: &'a Arc<Grant>,
    ends: Timestamp,
    messages: Vec<Message>,
}

impl Remind {
    /// What is to be told, by the age of the grants.
    fn due<'a>(&'a self, ledger: &'a Ledger, rules: &'a SharingRules) -> BTreeMap<u64, Due<'a>> {
        let access = Access::of_all(ledger, rules, &self.words);
        let told: BTreeSet<(AccountId, Timestamp)> =
            ledger.all().filter_map(|grant| told_of(ledger, grant)).collect();
        let mut all: BTreeMap<u64, Due<'a>> = BTreeMap::new();
        let mut note = |grant: &'a Arc<Grant>, ends: Timestamp, message: Message| {
            let due = all.entry(grant.ordinal).or_insert_with(|| Due { grant, ends, messages: Vec::new() });
            due.ends = due.ends.max(ends);
            due.messages.push(message);
        };
        for Ending { account, ends, grant } in access.endings(self.until) {
            if !told.contains(&(account, ends)) {
                note(grant, ends, Message::Expiring { grant: grant.id, to: account.into(), ends });
            }
        }
        let counts = ledger
            .all_live()
            .filter(|live| !live.standing.rights.is_empty() && standing::is_honoured(live.grant, rules));
        for Live { grant, standing } in counts {
            let waits = grant.grantee.is_pending();
            let only_looks_so = unseen::is_hidden(grant, rules, ledger.now);
            let (true, Some(address)) = (waits || only_looks_so, grant.grantee.address()) else { continue };
            let Expiry::At(lapses) = standing.ends.min(unseen::lapse(grant)) else { continue };
            let is_told = grant.reminded().is_some_and(|told| told == lapses || (!waits && lapses < told));
            if self.until < lapses || is_told {
                continue;
            }
            if waits {
                let to = grant.grantee.holder();
                note(grant, lapses, Message::Expiring { grant: grant.id, to, ends: lapses });
            }
            let (to, address) = (ledger.made_by(grant), address.clone());
            note(grant, lapses, Message::Lapsing { to, address, grant: grant.id, lapses });
        }
        all
    }
}

/// The account that was told of an end of what this dashboard gave it, and the end.
fn told_of(ledger: &Ledger, grant: &Grant) -> Option<(AccountId, Timestamp)> {
    let is_of_this = grant.ordinal >= ledger.head.first_ordinal;
    Some((grant.grantee.account().filter(|_| is_of_this)?, grant.reminded()?))
}
