//! A dashboard begins, changes hands, and ends (G18, G19).

use super::{
    command::{Command, Facts, Fallen, More, Needs, Verdict, check_switches},
    draft::Draft,
    ledger::{Ledger, Live},
    offer::{grant_of, vacant},
    refusal::Refusal,
    revoke::Ended,
};
use crate::{
    record::{Actor, Event, Grant, Grantee, Head, Holder, Message, Phase, Revision, Seed},
    value::{Account, AccountId, DashboardId, Expiry, GrantId, Rights, TenantId, Terms},
};
use serde::Serialize;

/// Makes a dashboard of the host known to the library.
pub(crate) struct Register {
    pub(crate) dashboard: DashboardId,
    pub(crate) tenant: TenantId,
    pub(crate) owner: AccountId,
}

impl Command for Register {
    type Answer = ();

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

/// Hands a dashboard to another account.
pub(crate) struct Transfer {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    /// `None` when the host knows no such account.
    pub(crate) to: Option<Account>,
    pub(crate) keep: Rights,
}

/// The answer to [`transfer`](crate::Dashshare::transfer).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Transferred {
    /// The new owner's own grants, which ended, and the invitations that waited for the new owner. What had been shared
    /// on from them stays.
    pub fell: Vec<GrantId>,
    /// The grant that the old owner kept, if asked for.
    pub kept: Option<GrantId>,
}

/// Refuses whoever is neither the host nor the owner.
fn owners_ledger<'a>(facts: &Facts<'a>, by: Actor) -> Result<&'a Ledger, Refusal> {
    let ledger = facts.ledger_for(by)?;
    if ledger.is_owner(by) { Ok(ledger) } else { Err(Refusal::NotOwner) }
}

impl Command for Transfer {
    type Answer = Transferred;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        let to = self.to.iter();
        let addresses = to.clone().flat_map(|account| &account.verified).map(|email| email.address().clone());
        let holders = to.map(|account| account.id.into()).chain(addresses.map(Holder::from));
        Needs::of(self.by).and(holders.map(Seed::Holder))
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Transferred>, Refusal> {
        let ledger = owners_ledger(facts, self.by)?;
        let Some(Account { id: to, verified }) = &self.to else {
            return Err(Refusal::UnknownAccount);
        };
        let to = *to;
        let from = ledger.head.owner;
        if to == from {
            return Err(Refusal::ToOwner);
        }
        if !self.keep.is_empty() {
            check_switches(&facts.tenant.rules, false)?;
        }
        let mut draft = Draft::new(facts, ledger);
        draft.head.owner = to;
        draft.head.former_owners.push((facts.now, from));
        let waits = |live: &Live<'_>| {
            let address = live.grant.grantee.address().filter(|_| live.grant.grantee.is_pending());
            address.is_some_and(|address| verified.iter().any(|email| email.address() == address))
        };
        let waiting: Vec<Live<'_>> = ledger.all_live().filter(waits).collect();
        draft.untold.extend(waiting.iter().map(|live| live.grant.id));
        draft.revoke(waiting);
        for live in ledger.live_of(to) {
            let mut grant = Grant::clone(live.grant);
            grant.history_mut().absorbed = Some(facts.now);
            draft.put(grant);
        }
        if let Some(link) = draft.head.link.as_mut().filter(|_| ledger.link_stands())
            && (link.grant.is_none() || link.maker == to)
        {
            link.maker = to;
            link.grant = None;
        }
        let kept = (!self.keep.is_empty()).then(|| self.keep_grant(facts, &mut draft, from, to));
        let event = Event::Transferred { from, to, kept };
        Ok(draft.finish(self.by, event, |fallen| Transferred { fell: fallen.grants.clone(), kept }))
    }
}

impl Transfer {
    /// The grant that the old owner keeps: as long as the tenant's rules allow one to last.
    fn keep_grant(
        &self,
        facts: &Facts<'_>,
        draft: &mut Draft<'_>,
        from: AccountId,
        to: AccountId,
    ) -> GrantId {
        let longest = facts.tenant.rules.max_days.map(|days| facts.now.plus_days(days));
        let terms = Terms::of(self.keep, Expiry::from(longest));
        let (ordinal, id) = draft.number();
        draft.tell(Message::Shared { grant: id, by: to, to: from, terms: terms.clone() });
        draft.put(Grant {
            id,
            dashboard: self.dashboard,
            ordinal,
            ancestors: Box::default(),
            grantor: to,
            grantee: Grantee::Account(from),
            terms,
            created: facts.now,
            revoked: None,
            history: None,
        });
        id
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
        Ok(draft.finish(self.by, Event::Deleted, Ended::of))
    }
}
