//! Listing what fell with a withdrawal: a step of its own, which can be resumed and is done once (G21, G22).

use super::{
    command::{Command, Facts, Fallen, More, Needs, Verdict},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::Refusal,
    standing,
};
use crate::{
    record::{Event, Falling, Grant, Head, Phase, Revision, Seed},
    value::DashboardId,
};
use std::sync::Arc;

/// Lists what fell with one withdrawal, and tells whom it concerns.
pub(crate) struct ListFallen {
    pub(crate) dashboard: DashboardId,
    /// The revision of the withdrawal.
    pub(crate) with: Revision,
}

impl ListFallen {
    fn falling<'a>(&self, head: &'a Head) -> Option<&'a Falling> {
        head.falling.iter().find(|falling| falling.revision == self.with)
    }
}

impl Command for ListFallen {
    /// All that fell, with what the withdrawal's own record names; `None` when it was listed before.
    type Answer = Option<Fallen>;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs { ignores_tenant: true, lists_fallen: true, ..Needs::default() }
    }

    fn more(&self, ledger: &Ledger) -> More {
        let Some(falling) = self.falling(&ledger.head) else { return More::default() };
        let links = falling.link.iter().filter_map(|link| link.grant);
        let ended = falling.grants.iter().chain(&falling.listed).copied().chain(links);
        let seeds = ended.map(Seed::Grant).collect();
        More {
            seeds,
            below: falling.grants.clone(),
            everything: falling.grants.is_empty(),
            ..More::default()
        }
    }

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Option<Fallen>>, Refusal> {
        let Some(ledger) = facts.ledger else { return Ok(Verdict::standing(None)) };
        let Some(falling) = self.falling(&ledger.head) else { return Ok(Verdict::standing(None)) };
        let before = before(ledger, falling);
        let fell = |live: &Live<'_>| {
            let hangs = live.grant.ancestors.iter().any(|above| falling.grants.contains(above));
            (falling.grants.is_empty() || hangs) && !falling.listed.contains(&live.grant.id)
        };
        let is_all = |live: &Live<'_>| fell(live) || falling.listed.contains(&live.grant.id);
        let all = before.all_live().filter(is_all).map(|live| live.grant.id).collect();
        let mut draft = Draft::new(facts, ledger);
        draft.head.falling.retain(|other| other.revision != self.with);
        let grants = draft.tell_of_ended(falling.actor, before.all_live().filter(fell));
        let link =
            before.head.link.as_ref().filter(|_| before.link_stands() && !still_stands(ledger, falling));
        let fallen = Fallen { grants, link: link.map(|link| link.generation) };
        let event = Event::Fell { with: self.with };
        Ok(draft.write(falling.actor, event, fallen, Vec::new(), |fallen| {
            Some(Fallen { grants: all, link: fallen.link })
        }))
    }
}

/// The dashboard as it was right before the withdrawal. What hung on that has not changed since: nothing dead does.
fn before(ledger: &Ledger, falling: &Falling) -> Ledger {
    let head = Head {
        phase: Phase::Dashboard,
        link: falling.link.as_deref().cloned(),
        first_ordinal: falling.ordinals.0,
        ..Head::clone(&ledger.head)
    };
    let there = ledger.all().filter(|grant| grant.ordinal < falling.ordinals.1);
    let grants = there.map(|grant| {
        let ended = falling.grants.contains(&grant.id) || falling.listed.contains(&grant.id);
        if ended { Arc::new(undone(grant, falling)) } else { Arc::clone(grant) }
    });
    Ledger::new(Arc::new(head), grants, falling.at)
}

/// A grant as it was right before it was withdrawn.
fn undone(grant: &Grant, falling: &Falling) -> Grant {
    let mut grant = grant.clone();
    grant.revoked = grant.revoked.filter(|revoked| *revoked != falling.at);
    if falling.narrowed
        && let Some(history) = grant.history.as_mut()
        && let Some(past) = history.amended.last().filter(|past| past.until == falling.at).cloned()
    {
        grant.terms = past.terms;
        history.amended.pop();
    }
    grant
}

/// Whether the link that may have fallen stands after all: right after the withdrawal, all else being as it was.
fn still_stands(ledger: &Ledger, falling: &Falling) -> bool {
    let Some(link) = falling.link.as_deref().filter(|_| !falling.grants.is_empty()) else { return false };
    let head =
        Head { phase: Phase::Dashboard, first_ordinal: falling.ordinals.0, ..Head::clone(&ledger.head) };
    let after = Ledger::new(Arc::new(head), ledger.all().cloned(), falling.at);
    let makers = link.grant.and_then(|grant| after.judge(grant)).map(|found| found.map(|live| live.standing));
    standing::of_link(link, makers, falling.at).is_ok()
}
