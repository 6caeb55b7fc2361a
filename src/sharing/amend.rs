//! Changing the terms of a grant: they shrink, but for an expiry moved later while it is live (G9, G11, G12).

use super::{
    admission::{Gift, To, admit, as_count},
    command::{Command, Facts, Fallen, More, Needs, Verdict},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::{Refusal, check_expiry, check_narrowing},
    unseen,
};
use crate::{
    lock::{Lock, StoredLock},
    record::{Actor, Event, Grant, Message, PastTerms, Seed, Terms},
    value::{AccountId, DashboardId, Expiry, GrantId, Rights},
};
use serde::Serialize;

pub(crate) struct Amend {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) grant: GrantId,
    pub(crate) amendment: Amendment,
}

/// What to change of a grant's terms: the input of [`amend`](crate::Dashshare::amend). What is not said stays as it is.
///
/// ```
/// use dashshare::{Amendment, Expiry, Rights};
/// let amendment = Amendment::default().rights(Rights::VIEW).no_reshare().expiry(Expiry::Never);
/// assert_eq!(amendment.reshare, Some(false));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Amendment {
    /// The rights, which must be among those it has.
    pub rights: Option<Rights>,
    /// `Some(false)` takes the reshare right away, and ends for good what was shared on (G11).
    pub reshare: Option<bool>,
    /// The expiry, earlier or later.
    pub expiry: Option<Expiry>,
    /// What it shows no more than from now on: met with the lock that stands, the only way to change one (K20).
    pub narrow: Option<Lock>,
}

impl Amendment {
    /// Narrows the rights to these.
    #[must_use]
    pub fn rights(self, rights: impl Into<Rights>) -> Self {
        Self { rights: Some(rights.into()), ..self }
    }

    /// Says whether it can be shared on. To give what was not there is refused.
    #[must_use]
    pub fn reshare(self, reshare: bool) -> Self {
        Self { reshare: Some(reshare), ..self }
    }

    /// Takes the reshare right away, and ends for good what was shared on.
    #[must_use]
    pub fn no_reshare(self) -> Self {
        self.reshare(false)
    }

    /// Shows no more of the data than this lock lets through, beside the one that stands.
    ///
    /// Rules: [K20](crate::specification).
    #[must_use]
    pub fn narrow(self, lock: Lock) -> Self {
        Self { narrow: Some(lock), ..self }
    }

    /// Moves the expiry, earlier or later.
    #[must_use]
    pub fn expiry(self, expiry: Expiry) -> Self {
        Self { expiry: Some(expiry), ..self }
    }
}

/// The answer to [`amend`](crate::Dashshare::amend).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Amended {
    /// The terms as they are now.
    pub terms: Terms,
    /// When access ends, the whole path taken into account.
    pub ends: Expiry,
    /// The grants that ended because the reshare right was taken away.
    pub fell: Vec<GrantId>,
    /// Whether the public link died, because it hung on what was taken away.
    pub link_fell: bool,
    /// Whether that is all of it; see [`list_fallen`](crate::Dashshare::list_fallen).
    pub listed: bool,
}

/// The live grant that a command names, if the actor has anything to do with the dashboard: all else is refused alike.
pub(crate) fn named_grant<'a>(
    facts: &Facts<'a>,
    actor: Actor,
    grant: GrantId,
) -> Result<(&'a Ledger, Live<'a>), Refusal> {
    let ledger = facts.ledger_for(actor).map_err(|_| Refusal::UnknownGrant)?;
    Ok((ledger, ledger.live(grant).ok_or(Refusal::UnknownGrant)?))
}

/// Refuses whoever is neither the owner nor above the grant (G12).
pub(crate) fn check_power(ledger: &Ledger, actor: Actor, grant: &Grant) -> Result<(), Refusal> {
    if ledger.is_owner(actor) || ledger.is_above(actor, grant) { Ok(()) } else { Err(Refusal::NotYours) }
}

impl Command for Amend {
    type Answer = Amended;

    fn withdraws(&self, ledger: &Ledger) -> bool {
        let before = ledger.get(self.grant).map(|grant| grant.terms.expiry);
        before.is_some_and(|before| self.amendment.expiry.is_none_or(|after| after <= before))
    }

    fn put_fallen(&self, answer: &mut Amended, all: Option<Fallen>) {
        match all {
            Some(all) => {
                answer.fell = all.grants;
                answer.link_fell |= all.link.is_some();
            }
            None => answer.listed = false,
        }
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).handing_on().and([Seed::Grant(self.grant)])
    }

    fn more(&self, _ledger: &Ledger) -> More {
        More { hanging: vec![Some(self.grant)], ..More::default() }
    }

    fn people(&self, ledger: &Ledger) -> Vec<AccountId> {
        let prolonged = ledger.get(self.grant).filter(|grant| {
            grant.grantee.address().is_none()
                && self.amendment.expiry.is_some_and(|expiry| expiry > grant.terms.expiry)
        });
        prolonged.and_then(|grant| grant.grantee.account()).into_iter().collect()
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Amended>, Refusal> {
        let (ledger, live) = named_grant(facts, self.by, self.grant)?;
        check_power(ledger, self.by, live.grant)?;
        let before = &live.grant.terms;
        let after = Terms {
            rights: self.amendment.rights.unwrap_or(before.rights),
            reshare: self.amendment.reshare.unwrap_or(before.reshare),
            expiry: self.amendment.expiry.unwrap_or(before.expiry),
            lock: match &self.amendment.narrow {
                Some(by) => StoredLock::narrowed(before.lock.as_ref(), by.clone()),
                None => before.lock.clone(),
            },
        };
        if after.rights.is_empty() {
            return Err(Refusal::EmptyRights);
        }
        if !before.rights.covers(after.rights) || (after.reshare && !before.reshare) {
            return Err(Refusal::Widening);
        }
        if let Some(by) = &self.amendment.narrow {
            check_narrowing(by, after.lock.as_ref())?;
        }
        let bound = ledger.bound_of(live.grant);
        if after.expiry != before.expiry {
            check_expiry(after.expiry, bound, facts.now)?;
        }
        if after.expiry > before.expiry {
            self.check_prolonging(facts, ledger, live.grant, after.expiry)?;
        }
        let really = after.expiry.min(bound).min(live.grant.grantee.lapses(facts.now));
        // Whoever shares is not told by it that an address had an account (I1).
        let lapse = unseen::lapse_as_told(live.grant, self.by, &facts.tenant.rules, facts.now);
        let ends = really.min(lapse);
        if after == *before {
            return Ok(Verdict::standing(Amended {
                terms: after,
                ends,
                fell: Vec::new(),
                link_fell: false,
                listed: true,
            }));
        }

        let mut draft = Draft::new(facts, ledger);
        let mut grant = Grant::clone(live.grant);
        let past = &mut grant.history_mut().amended;
        past.push(PastTerms { until: facts.now, terms: before.clone() });
        merge_oldest(past, as_count(facts.tenant.rules.limits.amendments_kept));
        grant.terms = after.clone();
        draft.tell(Message::Amended {
            grant: self.grant,
            by: ledger.in_name_of(self.by),
            to: grant.grantee.holder(),
            before: before.clone(),
            after: after.clone(),
            ends: really,
        });
        draft.put(grant);
        let event = Event::Amended { grant: self.grant, before: before.clone(), after: after.clone() };
        Ok(draft.finish(self.by, event, |fallen| Amended {
            terms: after,
            ends,
            fell: fallen.grants.clone(),
            link_fell: fallen.link.is_some(),
            listed: true,
        }))
    }
}

impl Amend {
    /// Moving an expiry later is the one thing that widens, so the tenant's rules count, and nobody does it to what
    /// they hold themselves (G9, G12, G20).
    fn check_prolonging(
        &self,
        facts: &Facts<'_>,
        ledger: &Ledger,
        grant: &Grant,
        expiry: Expiry,
    ) -> Result<(), Refusal> {
        if grant.grantee.account() == Some(ledger.in_name_of(self.by)) && !ledger.is_owner(self.by) {
            return Err(Refusal::NotYours);
        }
        let gift = Gift {
            barred: facts.barred,
            above: grant.ancestors.len(),
            to: To::of(grant, facts.people),
            expiry,
            bound: ledger.bound_of(grant),
        };
        admit(facts, &gift)
    }
}

/// Merges the oldest past terms into those after them, down to `kept` (G23). When the reshare right was taken is the last
/// to be forgotten, since what hung on it ended then.
fn merge_oldest(past: &mut Vec<PastTerms>, kept: usize) {
    while past.len() > kept {
        let second = past.get(1).map(|past| past.terms.reshare);
        let tells = past.first().is_some_and(|first| first.terms.reshare) && second == Some(false);
        past.remove(usize::from(tells && past.len() > 2));
    }
}
