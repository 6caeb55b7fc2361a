//! A dashboard changes hands: its owner asks somebody, who takes it or declines, or the host hands it over (G18).

use super::{
    admission::{Counts, Gift, To, admit, as_count, check_not_denied, check_recipient},
    command::{Command, Facts, More, Needs, Verdict, check_switches},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::Refusal,
};
use crate::{
    lock::StoredLock,
    record::{Actor, AskedTransfer, Event, Grant, Grantee, Head, Holder, Link, Message, Seed, Terms},
    tenant::Limits,
    value::{Account, AccountId, DashboardId, Expiry, GrantId, Rights, Timestamp, VerifiedEmail},
};
use serde::Serialize;
use std::sync::Arc;

/// Refuses whoever is neither the host nor the owner.
pub(crate) fn owners_ledger<'a>(facts: &Facts<'a>, by: Actor) -> Result<&'a Ledger, Refusal> {
    let ledger = facts.ledger_for(by)?;
    if ledger.is_owner(by) { Ok(ledger) } else { Err(Refusal::NotOwner) }
}

/// Asks an account to take a dashboard over.
pub(crate) struct OfferTransfer {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    /// `None` when the host knows no such account.
    pub(crate) to: Option<Account>,
    pub(crate) keep: Rights,
}

/// The answer to [`offer_transfer`](crate::Dashshare::offer_transfer).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct TransferAsked {
    /// Who is asked.
    pub to: AccountId,
    /// Until when it can be taken.
    pub lapses: Timestamp,
}

/// The answer to [`take_transfer`](crate::Dashshare::take_transfer) and [`transfer`](crate::Dashshare::transfer).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Transferred {
    /// The new owner's own grants, which ended, and the invitations that waited for the new owner or for the old one.
    /// What had been shared on from them stays.
    pub fell: Vec<GrantId>,
    /// The grant that the old owner kept, if asked for.
    pub kept: Option<GrantId>,
    /// When what was kept ends: the tenant's rules may let no grant last for longer.
    pub ends: Option<Expiry>,
}

/// Refuses to make somebody the owner, or to leave the old owner a grant, whom the tenant's rules or policies would not
/// let be shared with (G18, G20).
fn check_both(facts: &Facts<'_>, to: &Account, from: AccountId, keep: Rights) -> Result<(), Refusal> {
    let rules = &facts.tenant.rules;
    check_switches(rules, false)?;
    check_recipient(To::Account(&to.verified), rules)?;
    check_not_denied(facts, to.id)?;
    if keep.is_empty() {
        return Ok(());
    }
    check_not_denied(facts, from)?;
    let terms = kept_terms(facts, keep);
    let to = To::Account(facts.people.verified(from));
    admit(facts, &Gift { barred: None, above: 0, to, expiry: terms.expiry, bound: Expiry::Never })
}

/// What must be read to count what the old owner would keep.
fn due(ledger: &Ledger, keep: Rights, limits: &Limits) -> More {
    let counts = Counts { by: ledger.head.owner, invites: false, replaced: &[] };
    if keep.is_empty() { More::default() } else { counts.due(ledger, limits) }
}

/// Takes a place for what the old owner keeps, in that of what the new one held, or refuses (G23).
fn take_place(facts: &Facts<'_>, ledger: &Ledger, keep: Rights, to: AccountId) -> Result<(), Refusal> {
    let replaced: Vec<GrantId> = ledger.live_of(to).map(|live| live.grant.id).collect();
    let counts = Counts { by: ledger.head.owner, invites: false, replaced: &replaced };
    // Only looked at: what was counted is kept by whoever shares.
    let mut head = Head::clone(&ledger.head);
    if keep.is_empty() { Ok(()) } else { counts.take(facts, ledger, &mut head) }
}

/// The terms of what the old owner keeps: as long as the tenant's rules allow a grant to last.
fn kept_terms(facts: &Facts<'_>, keep: Rights) -> Terms {
    let longest = facts.tenant.rules.max_days.map(|days| facts.now.plus_days(days));
    Terms::of(keep, Expiry::from(longest))
}

impl Command for OfferTransfer {
    type Answer = TransferAsked;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by)
    }

    fn people(&self, ledger: &Ledger) -> Vec<AccountId> {
        self.to.iter().map(|to| to.id).chain([ledger.head.owner]).collect()
    }

    fn counted(&self, ledger: &Ledger, limits: &Limits) -> More {
        due(ledger, self.keep, limits)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<TransferAsked>, Refusal> {
        let ledger = owners_ledger(facts, self.by)?;
        let account = self.to.as_ref().ok_or(Refusal::UnknownAccount)?;
        let (to, owner) = (account.id, ledger.head.owner);
        if to == owner {
            return Err(Refusal::ToOwner);
        }
        check_both(facts, account, owner, self.keep)?;
        take_place(facts, ledger, self.keep, to)?;
        let lapses = facts.now.plus_days(facts.tenant.rules.invitation_duration_days());
        let mut draft = Draft::new(facts, ledger);
        if ledger.head.asks(to, facts.now).is_none() {
            end_question(ledger, &mut draft);
        }
        draft.head.transfer = Some(Box::new(AskedTransfer { to, keep: self.keep, asked: facts.now, lapses }));
        draft.tell(Message::TransferAsked { to, by: owner, keep: self.keep, lapses });
        let event = Event::TransferAsked { to, keep: self.keep, lapses };
        Ok(draft.finish(self.by, event, |_| TransferAsked { to, lapses }))
    }
}

/// Whoever was asked to take the dashboard over is told that the question is gone.
pub(crate) fn end_question(ledger: &Ledger, draft: &mut Draft<'_>) {
    draft.head.transfer = None;
    if let Some(asked) = ledger.head.asks_somebody(ledger.now) {
        draft.tell(Message::TransferWithdrawn { to: asked.to });
    }
}

/// Takes a question back.
pub(crate) struct WithdrawTransfer {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
}

impl Command for WithdrawTransfer {
    type Answer = ();

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs { ignores_tenant: true, ..Needs::of(self.by) }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let ledger = owners_ledger(facts, self.by)?;
        ledger.head.asks_somebody(facts.now).ok_or(Refusal::NoTransfer)?;
        let mut draft = Draft::new(facts, ledger);
        end_question(ledger, &mut draft);
        Ok(draft.finish(self.by, Event::TransferWithdrawn, |_| ()))
    }
}

/// The question to an account. To everybody else there is none, and a stranger is told as of an unknown dashboard.
fn question<'a>(facts: &Facts<'a>, account: AccountId) -> Result<(&'a Ledger, &'a AskedTransfer), Refusal> {
    let ledger = facts.ledger()?;
    match ledger.head.asks(account, facts.now) {
        Some(asked) => Ok((ledger, asked)),
        None if ledger.is_party(account) => Err(Refusal::NoTransfer),
        None => Err(Refusal::UnknownDashboard),
    }
}

/// Declines to take a dashboard over.
pub(crate) struct DeclineTransfer {
    pub(crate) dashboard: DashboardId,
    pub(crate) account: AccountId,
}

impl Command for DeclineTransfer {
    type Answer = ();

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs { ignores_tenant: true, ..Needs::of(self.account) }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let (ledger, asked) = question(facts, self.account)?;
        let mut draft = Draft::new(facts, ledger);
        draft.head.transfer = None;
        draft.tell(Message::TransferDeclined { to: ledger.head.owner, by: asked.to });
        Ok(draft.finish(self.account.into(), Event::TransferDeclined, |_| ()))
    }
}

/// The two between whom a dashboard changes hands, as the directory knows them.
pub(crate) struct Sides<'a> {
    pub(crate) from: AccountId,
    /// The addresses that the old owner has verified.
    pub(crate) left: &'a [VerifiedEmail],
    pub(crate) to: &'a Account,
}

impl Sides<'_> {
    fn seeds(&self) -> Vec<Seed> {
        let addresses = self.left.iter().chain(&self.to.verified).map(|email| email.address().clone());
        let accounts = [self.from, self.to.id].map(Holder::from);
        accounts.into_iter().chain(addresses.map(Holder::from)).map(Seed::Holder).collect()
    }

    /// Writes that the dashboard is the new owner's. What the new owner held ends, and carries what hangs on it; what
    /// the old owner holds, and what waits for an address of either, ends.
    fn hand_over<'a>(
        &self,
        facts: &'a Facts<'a>,
        ledger: &'a Ledger,
        actor: Actor,
        keep: Rights,
    ) -> Verdict<Transferred> {
        let (from, to) = (self.from, self.to.id);
        let mut draft = Draft::new(facts, ledger);
        draft.head.owner = to;
        let former = &mut draft.head.former_owners;
        former.push((facts.now, from));
        let kept = as_count(facts.tenant.rules.limits.former_owners_kept);
        former.drain(..former.len().saturating_sub(kept));
        match ledger.head.asks(to, facts.now) {
            Some(_) => draft.head.transfer = None,
            None => end_question(ledger, &mut draft),
        }
        let is_either = |live: &Live<'_>| match &live.grant.grantee {
            Grantee::Pending(invitation) => {
                self.left.iter().chain(&self.to.verified).any(|email| *email.address() == invitation.address)
            }
            other => other.account() == Some(from),
        };
        let ending: Vec<Live<'_>> = ledger.all_live().filter(is_either).collect();
        draft.untold.extend(ending.iter().map(|live| live.grant.id));
        draft.revoke(ending);
        for live in ledger.live_of(to) {
            let mut grant = Grant::clone(live.grant);
            grant.history_mut().absorbed = Some(facts.now);
            draft.put(grant);
        }
        if let Some(link) = draft.head.link.as_mut().filter(|_| ledger.link_stands())
            && (link.grant.is_none() || link.maker == to)
        {
            link.maker = to;
            link.lock = lock_of_own(ledger, link);
            link.grant = None;
        }
        let kept = (!keep.is_empty()).then(|| self.keep_grant(facts, &mut draft, keep));
        for told in [from, to] {
            draft.tell(Message::Transferred { to: told, from, owner: to, kept });
        }
        let event = Event::Transferred { from, to, kept };
        let ends = kept.map(|_| kept_terms(facts, keep).expiry);
        draft.finish(actor, event, |fallen| Transferred { fell: fallen.grants.clone(), kept, ends })
    }

    /// The grant that the old owner keeps.
    fn keep_grant(&self, facts: &Facts<'_>, draft: &mut Draft<'_>, keep: Rights) -> GrantId {
        let terms = kept_terms(facts, keep);
        let (ordinal, id) = draft.number();
        draft.tell(Message::Shared {
            grant: id,
            by: self.to.id,
            to: self.from,
            terms: terms.clone(),
            ends: terms.expiry,
        });
        draft.put(Grant {
            id,
            dashboard: draft.head.dashboard,
            ordinal,
            ancestors: Box::default(),
            grantor: self.to.id,
            grantee: Grantee::Account(self.from),
            terms,
            created: facts.now,
            revoked: None,
            history: None,
        });
        id
    }
}

/// The lock of a link that becomes the owner's: it shows no more than it did through what it hung on, since with the same
/// token it never shows more (K20, K21).
fn lock_of_own(ledger: &Ledger, link: &Link) -> Option<Arc<StoredLock>> {
    let hung_on = ledger.locks_below(link.grant.and_then(|grant| ledger.get(grant)).map(Arc::as_ref));
    hung_on.and_own(link).effective()
}

/// Makes whoever was asked the owner.
pub(crate) struct TakeTransfer<'a> {
    pub(crate) dashboard: DashboardId,
    pub(crate) account: AccountId,
    /// `None` when nobody asks the account, as far as was seen.
    pub(crate) sides: Option<Sides<'a>>,
}

impl Command for TakeTransfer<'_> {
    type Answer = Transferred;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        // Whoever is asked need be no party, and everybody else is a stranger.
        self.sides.as_ref().map_or_else(|| Needs::of(self.account), |sides| Needs::seeds(sides.seeds()))
    }

    fn more(&self, ledger: &Ledger) -> More {
        self.sides.as_ref().map_or_else(More::default, |_| More::links_grant(ledger))
    }

    fn people(&self, ledger: &Ledger) -> Vec<AccountId> {
        vec![self.account, ledger.head.owner]
    }

    fn counted(&self, ledger: &Ledger, limits: &Limits) -> More {
        ledger.head.transfer.as_ref().map_or_else(More::default, |asked| due(ledger, asked.keep, limits))
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Transferred>, Refusal> {
        let (ledger, asked) = question(facts, self.account)?;
        let sides = self.sides.as_ref().filter(|sides| sides.from == ledger.head.owner);
        let sides = sides.ok_or(Refusal::NoTransfer)?;
        check_both(facts, sides.to, sides.from, asked.keep)?;
        take_place(facts, ledger, asked.keep, sides.to.id)?;
        Ok(sides.hand_over(facts, ledger, self.account.into(), asked.keep))
    }
}

/// Hands a dashboard to another account, by the host's word.
pub(crate) struct Transfer<'a> {
    pub(crate) dashboard: DashboardId,
    pub(crate) sides: Sides<'a>,
    pub(crate) keep: Rights,
}

impl Command for Transfer<'_> {
    /// `None` when it has another owner than was seen.
    type Answer = Option<Transferred>;

    fn heeds_suspension(&self) -> bool {
        false
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::seeds(self.sides.seeds())
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Option<Transferred>>, Refusal> {
        let ledger = facts.ledger()?;
        if ledger.head.owner != self.sides.from {
            return Ok(Verdict::standing(None));
        }
        if self.sides.to.id == self.sides.from {
            return Err(Refusal::ToOwner);
        }
        Ok(self.sides.hand_over(facts, ledger, Actor::Host, self.keep).map(Some))
    }
}
