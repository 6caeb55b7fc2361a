//! Sharing with a person: an account, or an address that becomes an invitation (G1, G6, G7, G17, I1).

use super::{
    admission::{Counts, Gift, To, admit, as_count, check_recipient, is_enough, looks_lapsed, waits},
    command::{Command, Facts, More, Needs, Verdict},
    draft::Draft,
    invitation::{answer, renew},
    ledger::{Ledger, Live},
    locks::Locks,
    refusal::{Refusal, check_lock},
    shelf::shelve,
};
use crate::{
    lock::StoredLock,
    record::{Actor, Claim, Event, Grant, Grantee, Holder, Invitation, Message, Seed, Terms},
    tenant::Limits,
    value::{Account, AccountId, DashboardId, EmailAddress, Expiry, GrantId, Rights, Timestamp},
};
use serde::Serialize;
use std::sync::Arc;

pub(crate) struct Share {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    /// `None` when the host knows no such account.
    pub(crate) with: Option<Recipient>,
    pub(crate) terms: Terms,
    /// The grant to share on from, if the caller names it.
    pub(crate) from: Option<GrantId>,
}

/// A share to make: the input of [`share`](crate::Dashshare::share).
///
/// ```
/// use dashshare::{AccountId, EmailAddress, Expiry, GrantId, NewShare, Terms};
/// let ann = AccountId::from(2u64);
/// let share = NewShare::with(ann, Terms::view(Expiry::Never));
/// let address: EmailAddress = "bob@example.com".parse()?;
/// let invitation = NewShare::with(address, Terms::view(Expiry::Never)).on_from(GrantId::from(9u64));
/// # assert_ne!(share, invitation);
/// # Ok::<(), dashshare::EmailError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NewShare {
    /// The account, or the address that is invited.
    pub with: Holder,
    /// On which terms.
    pub terms: Terms,
    /// The grant of the grantor's own to share on from; `None` for the one that fits best.
    pub from: Option<GrantId>,
}

impl NewShare {
    /// A share with an account or an address, on these terms.
    pub fn with(with: impl Into<Holder>, terms: Terms) -> Self {
        Self { with: with.into(), terms, from: None }
    }

    /// The same, shared on from this grant of the grantor's own.
    #[must_use]
    pub fn on_from(self, grant: GrantId) -> Self {
        Self { from: Some(grant), ..self }
    }
}

/// Whom a dashboard is shared with, as far as the host could tell.
pub(crate) enum Recipient {
    Account(Account),
    /// An address, and the account that has verified it, if one has.
    Address(EmailAddress, Option<Account>),
}

/// A share that stands (the answer to [`share`](crate::Dashshare::share)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Shared {
    /// The grant: a new one, or the one that stood already.
    pub grant: GrantId,
    /// Whether it stood already on identical terms (G17): then nothing was changed, but that an invitation that waits does
    /// so a full term anew, and is mailed again.
    pub standing: bool,
    /// Whether it went to an e-mail address. That says nothing about whether the address has an account, unless the
    /// tenant's rules reveal it: then it is true only for an invitation that waits to be claimed (I1).
    pub invited: bool,
    /// When access ends, the grantor's own end taken into account. An invitation may lapse before that (I4).
    pub ends: Expiry,
    /// How much of the data it shows now, the grantor's own lock and the tenant's taken into account; `None` for all of it.
    pub effective_lock: Option<Arc<StoredLock>>,
    /// What else the person, by the name that was given, holds from the same grantor. Rights are a union (G4);
    /// [`set_share`](crate::Dashshare::set_share) replaces all of it.
    pub others: Vec<GrantId>,
}

impl Recipient {
    pub(crate) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(account.id),
            Self::Address(_, account) => account.as_ref().map(|account| account.id),
        }
    }

    /// The name that it is given to, which tells of an address nothing more (I1).
    pub(crate) fn name(&self) -> Holder {
        match self {
            Self::Account(account) => Holder::Account(account.id),
            Self::Address(address, _) => Holder::Address(address.clone()),
        }
    }

    /// What is held by that name, and by the account behind it.
    pub(crate) fn seeds(&self) -> impl Iterator<Item = Seed> {
        let behind = self.account().map(Holder::from).filter(|account| *account != self.name());
        [self.name()].into_iter().chain(behind).map(Seed::Holder)
    }

    /// Who the holder of a grant to it is. An address that an account has verified counts as if it had been claimed at
    /// once: so that stopping with the address ends it, as it ends what was claimed later, and the grantor need not
    /// know which it was (G13, I1).
    pub(crate) fn grantee(&self, now: Timestamp, lapses: Timestamp) -> Grantee {
        let invitation = |address: &EmailAddress| Invitation { address: address.clone(), lapses };
        match self {
            Self::Account(account) => Grantee::Account(account.id),
            Self::Address(address, Some(account)) => Grantee::Claimed(Box::new(Claim {
                account: account.id,
                claimed: now,
                invitation: invitation(address),
            })),
            Self::Address(address, None) => Grantee::Pending(Box::new(invitation(address))),
        }
    }

    pub(crate) fn to(&self) -> To<'_> {
        match self {
            Self::Account(account) => To::Account(&account.verified),
            Self::Address(address, _) => To::Address(address),
        }
    }

    fn was_invited(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Account(_) => false,
            Self::Address(_, account) => !facts.tenant.rules.reveal_accounts || account.is_none(),
        }
    }
}

/// The parent that a new grant or link of an account hangs on; `None` for the owner's, who has no grant to name (G7).
pub(crate) fn parent_for<'a>(
    ledger: &'a Ledger,
    by: Actor,
    rights: Rights,
    lock: Option<&Arc<StoredLock>>,
    named: Option<GrantId>,
) -> Result<Option<Live<'a>>, Refusal> {
    if ledger.is_owner(by) && named.is_none() {
        return Ok(None);
    }
    let account = ledger.in_name_of(by);
    let held = || ledger.live_of(account).filter(|live| named.is_none_or(|named| live.grant.id == named));
    if held().next().is_none() {
        return Err(Refusal::UnknownGrant);
    }
    match ledger.best_parent(held(), rights, lock) {
        Some(parent) => Ok(Some(parent)),
        None => match held().filter(|live| live.standing.reshare).map(|live| live.standing.rights).max() {
            Some(held) => Err(Refusal::ExceedsOwnRights { held }),
            None => Err(Refusal::NoReshareRight),
        },
    }
}

/// A share that replaced what the person had (the answer to [`set_share`](crate::Dashshare::set_share)).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct ShareSet {
    /// The grant that stands now.
    pub grant: GrantId,
    /// Whether it was all that stood already, on identical terms (G17).
    pub standing: bool,
    /// As in [`Shared`].
    pub invited: bool,
    /// When access ends, the grantor's own end taken into account.
    pub ends: Expiry,
    /// As in [`Shared`].
    pub effective_lock: Option<Arc<StoredLock>>,
    /// What was replaced and what hung on it, which ended.
    pub fell: Vec<GrantId>,
    /// Whether the public link died, because it hung on what was replaced.
    pub link_fell: bool,
}

/// Puts one grant in place of all that the person, by that name, holds from the same grantor (G17).
pub(crate) struct SetShare(pub(crate) Share);

impl Command for Share {
    type Answer = Shared;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).handing_on().and(self.with.iter().flat_map(Recipient::seeds))
    }

    fn counted(&self, ledger: &Ledger, limits: &Limits) -> More {
        self.counts(ledger, &[]).due(ledger, limits)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Shared>, Refusal> {
        let asked = self.asked(facts)?;
        if let Some(live) = self.standing(&asked) {
            let others = asked.given.iter().map(|other| other.grant.id);
            let answer = Shared {
                grant: live.grant.id,
                standing: true,
                invited: asked.invited,
                ends: self.standing_end(&asked, live),
                effective_lock: self.standing_lock(facts, &asked, live),
                others: others.filter(|other| *other != live.grant.id).collect(),
            };
            return self.renewed(facts, &asked, live, answer);
        }
        self.admit(facts, &asked)?;
        // One that waits is in the way of another, and so is one that only looks so (I1).
        if let Some(live) = asked.given.iter().find(|live| waits(live.grant, &facts.tenant.rules, facts.now))
        {
            return Err(Refusal::AlreadyInvited { grant: live.grant.id });
        }
        let mut draft = Draft::new(facts, asked.ledger);
        let grant = self.give(facts, &asked, &[], &mut draft)?;
        let event = Event::Shared { grant, with: asked.with.name(), terms: self.terms.clone() };
        let others = asked.given.iter().map(|live| live.grant.id).collect();
        let effective_lock = asked.under_rules(facts).effective();
        let Asked { invited, ends, .. } = asked;
        let answer = Shared { grant, standing: false, invited, ends, effective_lock, others };
        Ok(draft.finish(self.by, event, |_| answer))
    }
}

impl Command for SetShare {
    type Answer = ShareSet;

    fn dashboard(&self) -> DashboardId {
        self.0.dashboard
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn more(&self, ledger: &Ledger) -> More {
        // What hangs on it ends with it, and whoever had that is told.
        More { below: self.replaced(ledger).collect(), ..More::default() }
    }

    fn counted(&self, ledger: &Ledger, limits: &Limits) -> More {
        self.0.counts(ledger, &[]).due(ledger, limits)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<ShareSet>, Refusal> {
        let share = &self.0;
        let asked = share.asked(facts)?;
        let answer = |grant, standing, ends, effective_lock| ShareSet {
            grant,
            standing,
            invited: asked.invited,
            ends,
            effective_lock,
            fell: Vec::new(),
            link_fell: false,
        };
        if let Some(live) = share.standing(&asked).filter(|_| asked.given.len() == 1) {
            let lock = share.standing_lock(facts, &asked, live);
            let answer = answer(live.grant.id, true, share.standing_end(&asked, live), lock);
            return share.renewed(facts, &asked, live, answer);
        }
        share.admit(facts, &asked)?;
        let replaced: Vec<GrantId> = self.replaced(asked.ledger).collect();
        let mut draft = Draft::new(facts, asked.ledger);
        let grant = share.give(facts, &asked, &replaced, &mut draft)?;
        draft.revoke(replaced.iter().filter_map(|id| asked.ledger.live(*id)));
        draft.untold.extend(replaced.iter().copied());
        let event = Event::ShareSet { grant, with: asked.with.name(), terms: share.terms.clone(), replaced };
        Ok(draft.finish(share.by, event, |fallen| ShareSet {
            fell: fallen.grants.clone(),
            link_fell: fallen.link.is_some(),
            ..answer(grant, false, asked.ends, asked.under_rules(facts).effective())
        }))
    }
}

impl SetShare {
    /// Every live grant of the person, by that name, from the same grantor: also one that looks as if it had lapsed.
    fn replaced(&self, ledger: &Ledger) -> impl Iterator<Item = GrantId> {
        let by = ledger.in_name_of(self.0.by);
        let name = self.0.with.as_ref().map(Recipient::name);
        let live = ledger.all_live().filter(move |live| {
            name.as_ref().is_some_and(|name| live.grant.is_named(name)) && ledger.made_by(live.grant) == by
        });
        live.map(|live| live.grant.id)
    }
}

/// A share that makes sense, before the rules are asked.
struct Asked<'a> {
    ledger: &'a Ledger,
    by: AccountId,
    with: &'a Recipient,
    parent: Option<Live<'a>>,
    /// The locks that it would have, without the tenant's.
    locks: Locks,
    /// The end of the parent.
    bound: Expiry,
    ends: Expiry,
    invited: bool,
    /// What the person, by that name, holds from the same grantor, as far as that one may count on it.
    given: Vec<Live<'a>>,
}

impl Asked<'_> {
    /// The locks that it would have, the tenant's among them (K23).
    fn under_rules(&self, facts: &Facts<'_>) -> Locks {
        self.locks.clone().under_rules(self.parent.is_some(), &facts.tenant.rules)
    }
}

impl Share {
    fn is_to_address(&self) -> bool {
        matches!(self.with, Some(Recipient::Address(..)))
    }

    fn counts<'a>(&self, ledger: &Ledger, replaced: &'a [GrantId]) -> Counts<'a> {
        Counts { by: ledger.in_name_of(self.by), invites: self.is_to_address(), replaced }
    }

    fn asked<'a>(&'a self, facts: &Facts<'a>) -> Result<Asked<'a>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let with = self.with.as_ref().ok_or(Refusal::UnknownAccount)?;
        let by = ledger.in_name_of(self.by);
        if with.account() == Some(by) {
            return Err(Refusal::ToSelf);
        }
        // That an address is the owner's a resharer does not learn: the invitation waits, and ends when it is claimed (I1).
        if !self.is_to_address() && with.account().is_some_and(|account| ledger.is_owner(account)) {
            return Err(Refusal::ToOwner);
        }
        if self.terms.rights.is_empty() {
            return Err(Refusal::EmptyRights);
        }
        check_lock(self.terms.lock.as_ref())?;
        let parent = parent_for(ledger, self.by, self.terms.rights, self.terms.lock.as_ref(), self.from)?;
        let locks = ledger.locks_below(parent.map(|parent| parent.grant.as_ref()));
        let locks = locks.and_new(self.terms.lock.as_ref());
        let bound = parent.map_or(Expiry::Never, |parent| parent.standing.ends);
        let (name, rules) = (with.name(), &facts.tenant.rules);
        let given = ledger.all_live().filter(|live| {
            live.grant.is_named(&name)
                && ledger.made_by(live.grant) == by
                && !looks_lapsed(live.grant, rules, facts.now)
        });
        Ok(Asked {
            ledger,
            by,
            with,
            parent,
            locks,
            bound,
            ends: self.terms.expiry.min(bound),
            invited: with.was_invited(facts),
            given: given.collect(),
        })
    }

    fn admit(&self, facts: &Facts<'_>, asked: &Asked<'_>) -> Result<(), Refusal> {
        if asked.under_rules(facts).show_nothing() {
            return Err(Refusal::LockShowsNothing);
        }
        let gift = Gift {
            barred: facts.barred,
            above: asked.parent.map_or(0, |parent| parent.grant.depth()),
            to: asked.with.to(),
            expiry: self.terms.expiry,
            bound: asked.bound,
        };
        admit(facts, &gift)
    }

    /// A live grant of this grantor to this name on these very terms that gives as much, and for as long, as a new
    /// one would (G17).
    fn standing<'a>(&self, asked: &Asked<'a>) -> Option<Live<'a>> {
        asked.given.iter().copied().find(|live| {
            live.grant.terms == self.terms
                && live.standing.rights.covers(self.terms.rights)
                && asked.ledger.locks_of(live.grant).cover(asked.locks.effective().as_ref())
                && match self.from {
                    Some(named) => live.grant.parent() == Some(named),
                    None => self.terms.expiry.min(asked.ledger.bound_of(live.grant)) >= asked.ends,
                }
        })
    }

    /// When what stands ends. An invitation's own lapse is left out, since the answer must not tell whether it is
    /// one (I1).
    fn standing_end(&self, asked: &Asked<'_>, live: Live<'_>) -> Expiry {
        self.terms.expiry.min(asked.ledger.bound_of(live.grant))
    }

    /// How much of the data what stands shows.
    fn standing_lock(&self, facts: &Facts<'_>, asked: &Asked<'_>, live: Live<'_>) -> Option<Arc<StoredLock>> {
        let (locks, rules) = (asked.ledger.locks_of(live.grant), &facts.tenant.rules);
        locks.under_rules(live.grant.parent().is_some(), rules).effective()
    }

    /// What stands already; an invitation that waits does so a full term anew, as far as the rules allow it today.
    fn renewed<A>(
        &self,
        facts: &Facts<'_>,
        asked: &Asked<'_>,
        live: Live<'_>,
        answer: A,
    ) -> Result<Verdict<A>, Refusal> {
        if !waits(live.grant, &facts.tenant.rules, facts.now) {
            return Ok(Verdict::standing(answer));
        }
        Ok(renew(facts, asked.ledger, live, self.by)?.map(|_| answer))
    }

    /// Writes the new grant, and the message to whom it is for.
    fn give(
        &self,
        facts: &Facts<'_>,
        asked: &Asked<'_>,
        replaced: &[GrantId],
        draft: &mut Draft<'_>,
    ) -> Result<GrantId, Refusal> {
        let Asked { ledger, by, with, parent, ends, .. } = asked;
        let rules = &facts.tenant.rules;
        let lapses = facts.now.plus_days(rules.invitation_duration_days());
        let mut grantee = with.grantee(facts.now, lapses);
        if let Some(account) = grantee.account() {
            let held = ledger.live_of(account).filter(|live| !replaced.contains(&live.grant.id)).count();
            let has_enough = is_enough(held, &rules.limits);
            match with {
                Recipient::Account(_) if has_enough => {
                    return Err(Refusal::TooManyGrants { limit: as_count(rules.limits.grants_of_person) });
                }
                Recipient::Address(address, Some(known)) => {
                    // Whoever could not be shared with by its account is asked when it claims.
                    let is_admitted = check_recipient(To::Account(&known.verified), rules).is_ok();
                    if has_enough || !is_admitted || ledger.is_owner(account) {
                        grantee = Recipient::Address(address.clone(), None).grantee(facts.now, lapses);
                    }
                }
                _ => {}
            }
        }
        self.counts(ledger, replaced).take(facts, ledger, &mut draft.head)?;
        let (ordinal, id) = draft.number();
        draft.tell(match grantee.holder() {
            Holder::Account(to) => {
                Message::Shared { grant: id, by: *by, to, terms: self.terms.clone(), ends: *ends }
            }
            Holder::Address(address) => Message::Invited { grant: id, by: *by, address, lapses },
        });
        draft.put(Grant {
            id,
            dashboard: self.dashboard,
            ordinal,
            ancestors: parent.map_or(Box::default(), |parent| parent.grant.path().collect()),
            grantor: *by,
            grantee,
            terms: self.terms.clone(),
            created: facts.now,
            revoked: None,
            history: None,
        });
        if let Some(parent) = *parent {
            answer(ledger, parent, draft);
        }
        shelve(ledger, with.account(), draft);
        Ok(id)
    }
}
