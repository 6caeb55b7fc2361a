//! A grant: one private share, and the chain of grants that it hangs on.

use super::terms::Terms;
use crate::value::{AccountId, DashboardId, EmailAddress, Expiry, GrantId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One private share: an instance with an id of its own that is never merged with another and never reused.
///
/// What it gives at an instant follows from it and its ancestors alone; nothing derived is stored. Its parent is the
/// last of its ancestors; a grant without one was made by the owner.
///
/// Rules: [G1](crate::specification), [G2](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// The dashboard that it is about.
    pub dashboard: DashboardId,
    /// Its place in the order in which the dashboard's grants were made, from 0. Ancestors come before it.
    pub ordinal: u64,
    /// The grants it hangs on, root first. Fixed when it is made.
    pub ancestors: Box<[GrantId]>,
    /// Who made it.
    pub grantor: AccountId,
    /// Who holds it, or who is invited to.
    pub grantee: Grantee,
    /// The terms as they are now. After creation they only shrink, but for an expiry moved later while live (G9).
    pub terms: Terms,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked, renounced or stopped, if it was.
    pub revoked: Option<Timestamp>,
    /// What happened to it later, if anything did that is worth remembering. Most grants need none.
    pub history: Option<Box<History>>,
}

/// What happened to a grant after it was made.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct History {
    /// When its grantee became the owner, if so (G18): from then on it gives its grantee nothing and only carries
    /// what was shared on from it.
    pub absorbed: Option<Timestamp>,
    /// The end that its grantee was last told of (see [`remind`](crate::Dashshare::remind)).
    pub reminded: Option<Timestamp>,
    /// When its grantee claimed it, if that cannot be told from the [`Claim`]: it was bound to an account at once, or claimed
    /// at the instant at which it was made.
    pub accepted: Option<Timestamp>,
    /// Whether it is on the shelf: dead for good, and read only when all that its holder ever had is asked for
    /// ([`Seed::EverHeld`]), so that it costs a decision nothing (G23).
    pub shelved: bool,
    /// The terms that it had before, oldest first, so that a past instant can still be asked about (D7).
    pub amended: Vec<PastTerms>,
}

/// The terms that a grant had until it was amended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PastTerms {
    /// The first instant at which they were no longer its terms.
    pub until: Timestamp,
    /// The terms.
    pub terms: Terms,
}

/// Who holds a grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Grantee {
    /// An account, from the start.
    Account(AccountId),
    /// Nobody yet: an invitation to an address (I1).
    Pending(Box<Invitation>),
    /// An account that claimed an invitation (I3), or that had verified the address when it was shared with.
    Claimed(Box<Claim>),
}

/// An e-mail address that was invited, and when the invitation lapses if nobody claims it.
///
/// Rules: [I4](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Invitation {
    /// The invited address.
    pub address: EmailAddress,
    /// Dead from this instant on unless claimed before.
    pub lapses: Timestamp,
}

/// An invitation that became an account's grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim {
    /// The account that claimed it. Later changes of its address change nothing here (I5).
    pub account: AccountId,
    /// When.
    pub claimed: Timestamp,
    /// The invitation.
    pub invitation: Invitation,
}

impl Grantee {
    /// The account that holds the grant now, or `None` for an invitation that waits.
    #[inline]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(*account),
            Self::Claimed(claim) => Some(claim.account),
            Self::Pending(_) => None,
        }
    }

    /// The address that was invited, claimed or not; `None` when the grant was made to an account.
    pub fn address(&self) -> Option<&EmailAddress> {
        match self {
            Self::Account(_) => None,
            Self::Pending(invitation) => Some(&invitation.address),
            Self::Claimed(claim) => Some(&claim.invitation.address),
        }
    }

    /// Whether it is an invitation that nobody has claimed.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    /// The account that held the grant at an instant.
    #[inline]
    pub(crate) fn account_at(&self, t: Timestamp) -> Option<AccountId> {
        match self {
            Self::Claimed(claim) if t < claim.claimed => None,
            _ => self.account(),
        }
    }

    /// The instant at which an unclaimed invitation lapses, as seen at `t`.
    #[inline]
    pub(crate) fn lapses(&self, t: Timestamp) -> Expiry {
        match self {
            Self::Pending(invitation) => Expiry::At(invitation.lapses),
            Self::Claimed(claim) if t < claim.claimed => Expiry::At(claim.invitation.lapses),
            _ => Expiry::Never,
        }
    }

    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Account(account) => Holder::Account(*account),
            Self::Claimed(claim) => Holder::Account(claim.account),
            Self::Pending(invitation) => Holder::Address(invitation.address.clone()),
        }
    }
}

impl Grant {
    /// The grant it was shared on from; `None` when the owner made it.
    #[inline]
    pub fn parent(&self) -> Option<GrantId> {
        self.ancestors.last().copied()
    }

    /// How many grants its path has, itself included: 1 for one that the owner made.
    pub fn depth(&self) -> usize {
        self.ancestors.len().saturating_add(1)
    }

    /// The grants from the root to this one.
    pub fn path(&self) -> impl Iterator<Item = GrantId> {
        self.ancestors.iter().copied().chain([self.id])
    }

    /// Whether it was made to an address that an account had verified by then, so that nobody had to claim it.
    pub(crate) fn was_bound_at_once(&self) -> bool {
        matches!(&self.grantee, Grantee::Claimed(claim) if claim.claimed == self.created)
    }

    /// The invitation that nobody has answered yet, for all that whoever made it may know: one that waits, or one that
    /// was bound at once to an account which has not claimed it since (I1).
    pub(crate) fn unanswered(&self) -> Option<&Invitation> {
        let accepted = self.history.as_ref().and_then(|history| history.accepted);
        match &self.grantee {
            Grantee::Pending(invitation) => Some(invitation),
            Grantee::Claimed(claim) if self.was_bound_at_once() && accepted.is_none() => {
                Some(&claim.invitation)
            }
            _ => None,
        }
    }

    /// Moves the lapse of its invitation, claimed or not.
    pub(crate) fn set_lapses(&mut self, lapses: Timestamp) {
        match &mut self.grantee {
            Grantee::Account(_) => {}
            Grantee::Pending(invitation) => invitation.lapses = lapses,
            Grantee::Claimed(claim) => claim.invitation.lapses = lapses,
        }
    }

    /// Whether it was made to this name: an account and an address are two, also while one person has both (G17).
    pub(crate) fn is_named(&self, name: &Holder) -> bool {
        match (name, &self.grantee) {
            (Holder::Account(name), Grantee::Account(account)) => name == account,
            (Holder::Account(_), _) => false,
            (Holder::Address(name), grantee) => grantee.address() == Some(name),
        }
    }

    /// When its grantee became the owner, if so.
    ///
    /// Rules: [G18](crate::specification).
    #[inline]
    pub fn absorbed(&self) -> Option<Timestamp> {
        self.history.as_ref()?.absorbed
    }

    /// Whether it is on the shelf: a [`Store`](crate::store::Store) does not answer it to [`Seed::Holder`].
    ///
    /// Rules: [G23](crate::specification).
    #[inline]
    pub fn is_shelved(&self) -> bool {
        self.history.as_ref().is_some_and(|history| history.shelved)
    }

    /// When the reshare right was taken away, if it was there once and is not now.
    pub(crate) fn reshare_lost(&self) -> Option<Timestamp> {
        let amended = &self.history.as_ref().filter(|_| !self.terms.reshare)?.amended;
        amended.iter().rev().find(|past| past.terms.reshare).map(|past| past.until)
    }

    pub(crate) fn reminded(&self) -> Option<Timestamp> {
        self.history.as_ref()?.reminded
    }

    pub(crate) fn history_mut(&mut self) -> &mut History {
        self.history.get_or_insert_default()
    }

    /// Its own terms at an instant.
    #[inline]
    pub(crate) fn terms_at(&self, t: Timestamp) -> &Terms {
        let earlier =
            self.history.as_ref().and_then(|history| history.amended.iter().find(|past| t < past.until));
        earlier.map_or(&self.terms, |past| &past.terms)
    }
}

/// A person as grants know one: an account, or an e-mail address that was invited.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// An account.
    Account(AccountId),
    /// An invited address. To a [`Store`](crate::store::Store) it stands for every grant made to it, claimed or not.
    Address(EmailAddress),
}

impl Holder {
    /// The account, if it is one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(*account),
            Self::Address(_) => None,
        }
    }
}

impl From<AccountId> for Holder {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl From<EmailAddress> for Holder {
    fn from(address: EmailAddress) -> Self {
        Self::Address(address)
    }
}

/// A grant and the grants it hangs on, **leaf first**, the root last.
pub type Chain = Vec<Arc<Grant>>;

/// The grant that a chain is about: its leaf.
#[inline]
pub(crate) fn leaf(chain: &Chain) -> Option<&Arc<Grant>> {
    chain.first()
}

/// Which grants of a dashboard to read, each with all that it hangs on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seed {
    /// Every grant held by an account, or made to an address (claimed or not), that is not
    /// [on the shelf](Grant::is_shelved). What is on it still appears among what others hang on.
    Holder(Holder),
    /// The same with all that is on the shelf: what a question as of another instant needs.
    EverHeld(Holder),
    /// One grant.
    Grant(GrantId),
}

impl From<AccountId> for Seed {
    fn from(account: AccountId) -> Self {
        Self::Holder(account.into())
    }
}
