//! The head record of a dashboard: owner, public link, revision. One row, replaced by every commit.

use super::{actor::Actor, grant::Chain, link::Link, offer::Offer};
use crate::value::{AccountId, DashboardId, GrantId, Rights, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Counts the commits of a dashboard. Every change answers with the one it made, and a check can demand one.
///
/// Rules: [D6](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(u64);

impl Revision {
    /// Before the first commit.
    pub const ZERO: Self = Self(0);

    /// The revision with this number, for a store that reads one back.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a store keeps once for each dashboard.
///
/// It has room for one link and no more, so a second one cannot be stored. A deleted dashboard keeps its head, so that
/// its revisions never start again.
///
/// Rules: [L1](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head {
    /// The dashboard.
    pub dashboard: DashboardId,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// Whose it is.
    pub owner: AccountId,
    /// Who owned it before, each with the first instant at which it was no longer theirs.
    pub former_owners: Vec<(Timestamp, AccountId)>,
    /// When it was registered.
    pub created: Timestamp,
    /// The revision that registered it; those before are of a deleted dashboard of the same id (G19).
    pub registered: Revision,
    /// What stands under this id.
    pub phase: Phase,
    /// The commits so far.
    pub revision: Revision,
    /// The latest instant that a commit was made at. A clock that steps back does not revive what this one saw end.
    pub clock: Timestamp,
    /// The ordinal of the next grant.
    pub next_ordinal: u64,
    /// Grants before this ordinal belonged to a deleted dashboard of the same id, and are dead (G19).
    pub first_ordinal: u64,
    /// The public link.
    pub link: Option<Link>,
    /// How many links were made so far; the newest has this generation.
    pub links_made: u64,
    /// Since when the host has suspended it, if it has (G25).
    #[serde(default)]
    pub suspended: Option<Timestamp>,
    /// The withdrawals of which it is still to be listed what fell with them.
    #[serde(default)]
    pub falling: Vec<Falling>,
    /// Whom the owner has asked to take it over, if somebody (G18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Box<AskedTransfer>>,
    /// What was found when its grants were counted last (G23), the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub room: Vec<Room>,
}

/// A question of an owner's: whether an account takes the dashboard over.
///
/// Rules: [G18](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AskedTransfer {
    /// Who is asked.
    pub to: AccountId,
    /// What the owner would keep.
    pub keep: Rights,
    /// When it was asked.
    pub asked: Timestamp,
    /// From this instant on it cannot be taken.
    pub lapses: Timestamp,
}

/// How many more grants of a kind can be made before those that are live have to be counted again.
///
/// Rules: [G23](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Room {
    /// Of what kind.
    pub of: Counted,
    /// The limit that it was counted against.
    pub limit: u32,
    /// How many more.
    pub left: u32,
}

/// What is counted on a dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Counted {
    /// Every live grant.
    All,
    /// The live ones that an account shared on.
    SharedOnBy(AccountId),
    /// The invitations of an account that nobody has answered.
    InvitedBy(AccountId),
}

/// What a withdrawal ended, while what fell with it is still to be listed (G21): a step of its own, done once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Falling {
    /// The revision of the withdrawal.
    pub revision: Revision,
    /// When it was.
    pub at: Timestamp,
    /// Whose it was.
    #[serde(deserialize_with = "Actor::read")]
    pub actor: Actor,
    /// The grants that it ended; none when it ended the whole dashboard.
    pub grants: Vec<GrantId>,
    /// Whether it took the right to share on from them, and not them.
    pub narrowed: bool,
    /// The grants that its own record names.
    pub listed: Vec<GrantId>,
    /// The ordinals of the grants that there were: from the first, up to the second.
    pub ordinals: (u64, u64),
    /// The link that may have died with them.
    pub link: Option<Box<Link>>,
}

/// What stands under the id of a head.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A dashboard.
    Dashboard,
    /// No dashboard yet: a clone that waits to be taken. The owner is who gives it, and the tenant is the giver's.
    Offer(Box<Offer>),
    /// A dashboard that was deleted, or an offer that ended, at this instant.
    Deleted(Timestamp),
}

impl Head {
    /// The head of a dashboard that begins now, still to be committed. One of the same id that was there before goes on
    /// counting, and what belonged to it stays dead (G19).
    pub(crate) fn new(
        dashboard: DashboardId,
        tenant: TenantId,
        owner: AccountId,
        now: Timestamp,
        before: Option<&Self>,
    ) -> Self {
        let revision = before.map_or(Revision::ZERO, |head| head.revision);
        let next_ordinal = before.map_or(0, |head| head.next_ordinal);
        Self {
            dashboard,
            tenant,
            owner,
            former_owners: Vec::new(),
            created: now,
            registered: revision.next(),
            phase: Phase::Dashboard,
            revision,
            clock: before.map_or(now, |head| head.clock),
            next_ordinal,
            first_ordinal: next_ordinal,
            link: None,
            links_made: before.map_or(0, |head| head.links_made),
            suspended: None,
            transfer: None,
            room: Vec::new(),
            falling: before.map_or(Vec::new(), |head| head.falling.clone()),
        }
    }

    /// The instant that a commit is made at, by a clock that shows `now`: never before what was committed, and behind every
    /// withdrawal of which it is still to be listed what fell, so that nothing that comes later is taken for earlier (G21).
    #[inline]
    pub(crate) fn next_instant(&self, now: Timestamp) -> Timestamp {
        let next = now.max(self.clock);
        let pending = self.falling.iter().map(|falling| falling.at).max();
        pending.filter(|at| *at >= next).map_or(next, |at| at.plus_micros(1))
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        match self.phase {
            Phase::Deleted(_) => true,
            Phase::Dashboard | Phase::Offer(_) => false,
        }
    }

    /// The offer that waits to be taken, if it is one.
    #[inline]
    pub fn offer(&self) -> Option<&Offer> {
        match &self.phase {
            Phase::Offer(offer) => Some(offer),
            Phase::Dashboard | Phase::Deleted(_) => None,
        }
    }

    /// Whether it is one now: every question and command but those about offers begins with this.
    #[inline]
    pub(crate) fn is_dashboard(&self) -> bool {
        match self.phase {
            Phase::Dashboard => true,
            Phase::Offer(_) | Phase::Deleted(_) => false,
        }
    }

    /// The question whether an account takes the dashboard over, if it waits for an answer.
    pub(crate) fn asks(&self, to: AccountId, now: Timestamp) -> Option<&AskedTransfer> {
        self.asks_somebody(now).filter(|asked| asked.to == to)
    }

    pub(crate) fn asks_somebody(&self, now: Timestamp) -> Option<&AskedTransfer> {
        self.transfer.as_deref().filter(|asked| self.is_dashboard() && now < asked.lapses)
    }

    /// The owner at an instant, or `None` before it was registered, after it was deleted, and of an offer.
    #[inline]
    pub(crate) fn owner_at(&self, t: Timestamp) -> Option<AccountId> {
        if t < self.created || !self.is_dashboard() {
            return None;
        }
        let former = self.former_owners.iter().find(|(until, _)| t < *until);
        Some(former.map_or(self.owner, |(_, owner)| *owner))
    }
}

/// A dashboard's head together with some of its grants, read at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The head.
    pub head: Arc<Head>,
    /// The grants asked for, each with all it hangs on.
    pub chains: Vec<Chain>,
}
