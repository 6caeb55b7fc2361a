//! Sharing with a person: an account, or an address that becomes an invitation (G1, G6, G7, G17, I1).

use super::{
    command::{Command, Facts, Needs, Verdict, check_switches},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::{Refusal, check_expiry},
};
use crate::{
    record::{Actor, Claim, Event, Grant, Grantee, Holder, Invitation, Message, Seed},
    tenant::SharingRules,
    value::{Account, AccountId, DashboardId, EmailAddress, Expiry, GrantId, Rights, Terms, Timestamp},
};
use serde::Serialize;

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
    Address(EmailAddress, Option<AccountId>),
}

/// A share that stands (the answer to [`share`](crate::Dashshare::share)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Shared {
    /// The grant: a new one, or the one that stood already.
    pub grant: GrantId,
    /// Whether it stood already on identical terms, so that nothing was changed (G17).
    pub standing: bool,
    /// Whether it went to an e-mail address. That says nothing about whether the address has an account, unless the
    /// tenant's rules reveal it: then it is true only for an invitation that waits to be claimed (I1).
    pub invited: bool,
    /// When access ends, the grantor's own end taken into account. An invitation may lapse before that (I4).
    pub ends: Expiry,
}

impl Recipient {
    pub(crate) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(account.id),
            Self::Address(_, account) => *account,
        }
    }

    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Address(address, None) => Holder::Address(address.clone()),
            Self::Account(Account { id: account, .. }) | Self::Address(_, Some(account)) => {
                Holder::Account(*account)
            }
        }
    }

    /// Who the holder of a grant to it is. An address that an account has verified counts as if it had been claimed at
    /// once: so that stopping with the address ends it, as it ends what was claimed later, and the grantor need not
    /// know which it was (G13, I1).
    pub(crate) fn grantee(&self, now: Timestamp, lapses: Timestamp) -> Grantee {
        let invitation = |address: &EmailAddress| Invitation { address: address.clone(), lapses };
        match self {
            Self::Account(account) => Grantee::Account(account.id),
            Self::Address(address, Some(account)) => Grantee::Claimed(Box::new(Claim {
                account: *account,
                claimed: now,
                invitation: invitation(address),
            })),
            Self::Address(address, None) => Grantee::Pending(Box::new(invitation(address))),
        }
    }

    fn is_admitted(&self, rules: &SharingRules) -> bool {
        match self {
            Self::Address(address, _) => rules.admits(address),
            Self::Account(account) if account.verified.is_empty() => rules.allowed_domains.is_empty(),
            Self::Account(account) => {
                let addresses = || account.verified.iter().map(|email| email.address());
                addresses().any(|address| rules.admits(address))
                    && !addresses().any(|address| rules.blocks(address))
            }
        }
    }

    fn was_invited(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Account(_) => false,
            Self::Address(_, account) => !facts.tenant.rules.reveal_accounts || account.is_none(),
        }
    }
}

/// Refuses whom the tenant's rules do not let be shared with (G20).
pub(crate) fn check_admitted(with: &Recipient, rules: &SharingRules) -> Result<(), Refusal> {
    if with.is_admitted(rules) { Ok(()) } else { Err(Refusal::DomainBlocked) }
}

/// The parent that a new grant or link of an account hangs on; `None` for the owner's, who has no grant to name (G7).
pub(crate) fn parent_for<'a>(
    ledger: &'a Ledger,
    by: Actor,
    rights: Rights,
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
    match ledger.best_parent(held(), rights) {
        Some(parent) => Ok(Some(parent)),
        None => match held().filter(|live| live.standing.reshare).map(|live| live.standing.rights).max() {
            Some(held) => Err(Refusal::ExceedsOwnRights { held }),
            None => Err(Refusal::NoReshareRight),
        },
    }
}

impl Command for Share {
    type Answer = Shared;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        let with = self.with.as_ref().map(|with| Seed::Holder(with.holder()));
        Needs::of(self.by).handing_on().and(with)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Shared>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let with = self.with.as_ref().ok_or(Refusal::UnknownAccount)?;
        let by = ledger.in_name_of(self.by);
        if with.account() == Some(by) {
            return Err(Refusal::ToSelf);
        }
        if with.account().is_some_and(|account| ledger.is_owner(account)) {
            return Err(Refusal::ToOwner);
        }
        if self.terms.rights.is_empty() {
            return Err(Refusal::EmptyRights);
        }
        let parent = parent_for(ledger, self.by, self.terms.rights, self.from)?;
        let bound = parent.map_or(Expiry::Never, |parent| parent.standing.ends);
        let ends = self.terms.expiry.min(bound);
        let invited = with.was_invited(facts);

        if let Some(standing) = self.standing(ledger, by, with, ends) {
            return Ok(Verdict::standing(Shared {
                grant: standing.grant.id,
                standing: true,
                invited,
                // An invitation's own lapse is left out, since the answer must not tell whether it is one (I1).
                ends: self.terms.expiry.min(ledger.bound_of(standing.grant)),
            }));
        }

        facts.check_policies()?;
        let rules = &facts.tenant.rules;
        check_switches(rules, parent.is_some())?;
        check_admitted(with, rules)?;
        check_expiry(self.terms.expiry, bound, facts.now)?;
        facts.check_duration(ends)?;
        let ancestors: Box<[GrantId]> = parent.map_or(Box::default(), |parent| parent.grant.path().collect());
        if ancestors.len() >= rules.depth_limit() {
            return Err(Refusal::TooDeep { limit: rules.depth_limit() });
        }

        let mut draft = Draft::new(facts, ledger);
        let (ordinal, id) = draft.number();
        let lapses = facts.now.plus_days(rules.invitation_duration_days());
        let grantee = with.grantee(facts.now, lapses);
        draft.tell(match grantee.holder() {
            Holder::Account(to) => Message::Shared { grant: id, by, to, terms: self.terms.clone() },
            Holder::Address(address) => Message::Invited { grant: id, by, address, lapses },
        });
        draft.put(Grant {
            id,
            dashboard: self.dashboard,
            ordinal,
            ancestors,
            grantor: by,
            grantee,
            terms: self.terms.clone(),
            created: facts.now,
            revoked: None,
            history: None,
        });
        let event = Event::Shared { grant: id, with: with.holder(), terms: self.terms.clone() };
        Ok(draft.finish(self.by, event, |_| Shared { grant: id, standing: false, invited, ends }))
    }
}

impl Share {
    /// A live grant of this grantor to this person on these very terms that gives as much, and for as long, as a new
    /// one would (G17).
    fn standing<'a>(
        &self,
        ledger: &'a Ledger,
        by: AccountId,
        with: &Recipient,
        ends: Expiry,
    ) -> Option<Live<'a>> {
        ledger.all_live().find(|live| {
            let grant = live.grant;
            grant.grantee.holder() == with.holder()
                && grant.terms == self.terms
                && live.standing.rights.covers(self.terms.rights)
                && ledger.made_by(grant) == by
                && match self.from {
                    Some(named) => grant.parent() == Some(named),
                    None => self.terms.expiry.min(ledger.bound_of(grant)) >= ends,
                }
        })
    }
}
