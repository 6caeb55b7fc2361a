//! What a grant is worth at an instant. One fold from root to leaf, used by every decision and every command.

use crate::{
    record::{Chain, Grant, Head, Link, Terms},
    tenant::SharingRules,
    value::{AccountId, Expiry, GrantId, Right, Rights, Timestamp},
};
use serde::Serialize;

/// What a live grant gives, with its whole path taken into account (G3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    /// Its own rights, cut down to what each of its ancestors has.
    pub(crate) rights: Rights,
    /// Whether it can be shared on.
    pub(crate) reshare: bool,
    /// The earliest end along the path.
    pub(crate) ends: Expiry,
    /// The grant whose end that is.
    pub(crate) ends_with: GrantId,
    /// Whether a grant of its path is locked.
    pub(crate) is_locked: bool,
}

/// Why a grant is dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Fall {
    /// The grant of the path that ended; the others only hung on it.
    pub grant: GrantId,
    /// How it ended.
    pub cause: FallCause,
}

/// How a grant ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FallCause {
    /// It was made later than the instant asked about.
    NotYetMade(Timestamp),
    /// It reached its expiry.
    Lapsed(Timestamp),
    /// It was an invitation that nobody claimed in time.
    NotClaimed(Timestamp),
    /// It was revoked, renounced or stopped.
    Revoked(Timestamp),
    /// The right to share on was taken from it, which ends what hung on it (G11).
    ReshareTaken,
    /// Its grantee became the owner (G18).
    Absorbed(Timestamp),
    /// Its dashboard was deleted (G19).
    DashboardDeleted,
    /// Its ancestors could not be read, so nothing supports it.
    PathUnknown,
}

/// One step of the fold: a grant under its parent's outcome. G2 and G3 are these lines.
#[inline]
pub(crate) fn fold(
    grant: &Grant,
    parent: Option<Result<Standing, Fall>>,
    head: &Head,
    t: Timestamp,
) -> Result<Standing, Fall> {
    let fall = |cause| Err(Fall { grant: grant.id, cause });
    let above = parent.transpose()?;
    if head.is_deleted() || grant.ordinal < head.first_ordinal {
        return fall(FallCause::DashboardDeleted);
    }
    if t < grant.created {
        return fall(FallCause::NotYetMade(grant.created));
    }
    if let Some(revoked) = grant.revoked.filter(|revoked| *revoked <= t) {
        return fall(FallCause::Revoked(revoked));
    }
    let &Terms { rights, reshare, expiry, ref lock } = grant.terms_at(t);
    let is_locked = lock.is_some();
    if let Expiry::At(end) = expiry
        && end <= t
    {
        return fall(FallCause::Lapsed(end));
    }
    let lapses = grant.grantee.lapses(t);
    if let Expiry::At(end) = lapses
        && end <= t
    {
        return fall(FallCause::NotClaimed(end));
    }
    let own_end = expiry.min(lapses);
    match (above, grant.parent()) {
        (None, None) => Ok(Standing { rights, reshare, ends: own_end, ends_with: grant.id, is_locked }),
        (Some(above), Some(parent)) => {
            if !above.reshare {
                return Err(Fall { grant: parent, cause: FallCause::ReshareTaken });
            }
            let (ends, ends_with) =
                if own_end < above.ends { (own_end, grant.id) } else { (above.ends, above.ends_with) };
            let (rights, is_locked) = (rights.intersection(above.rights), is_locked || above.is_locked);
            Ok(Standing { rights, reshare, ends, ends_with, is_locked })
        }
        _ => fall(FallCause::PathUnknown),
    }
}

/// Whether a grant stopped being its grantee's own because the grantee became the owner. What hangs on it goes on.
#[inline]
pub(crate) fn unless_absorbed(grant: &Grant, standing: Standing, t: Timestamp) -> Result<Standing, Fall> {
    match grant.absorbed().filter(|absorbed| *absorbed <= t) {
        Some(at) => Err(Fall { grant: grant.id, cause: FallCause::Absorbed(at) }),
        None => Ok(standing),
    }
}

/// What the leaf of a chain is worth at an instant.
#[inline]
pub(crate) fn of_chain(chain: &Chain, head: &Head, t: Timestamp) -> Result<Standing, Fall> {
    let mut below = None;
    let mut outcome = None;
    for grant in chain.iter().rev() {
        // INVARIANT: each grant's parent is the one before it on the way down; a store that mixes chains up denies.
        if grant.parent() != below {
            return Err(Fall { grant: grant.id, cause: FallCause::PathUnknown });
        }
        outcome = Some(fold(grant, outcome, head, t));
        below = Some(grant.id);
    }
    match (outcome, chain.first()) {
        (Some(outcome), Some(leaf)) => unless_absorbed(leaf, outcome?, t),
        _ => Err(Fall { grant: GrantId::from(0u64), cause: FallCause::PathUnknown }),
    }
}

/// When a chain that is dead ended: the earliest end along it. `None` when it could not be read.
pub(crate) fn ended_at(chain: &Chain, t: Timestamp) -> Option<Timestamp> {
    let ends = chain.iter().enumerate().flat_map(|(above, grant)| {
        let terms = grant.terms_at(t);
        let is_leaf = above == 0;
        [
            grant.revoked,
            terms.expiry.at(),
            grant.grantee.lapses(t).at(),
            grant.absorbed().filter(|_| is_leaf),
            grant.reshare_lost().filter(|_| !is_leaf && !terms.reshare),
        ]
    });
    ends.flatten().filter(|end| *end <= t).min()
}

/// Whether the tenant's switches let a grant count at a decision (G20).
#[inline]
pub(crate) fn is_honoured(grant: &Grant, rules: &SharingRules) -> bool {
    rules.private && (rules.resharing || grant.parent().is_none())
}

/// Whether a share from a grant could succeed, as far as the grant and the tenant's switches and depth decide it (G7,
/// G20). From a grant that is left without rights nothing can be shared.
#[inline]
pub(crate) fn can_share_on(grant: &Grant, standing: &Standing, rules: &SharingRules) -> bool {
    standing.reshare
        && !standing.rights.is_empty()
        && rules.private
        && rules.resharing
        && grant.depth() < rules.depth_limit()
}

/// Whether the tenant's switches let a link count: a grantee's is sharing on, through a private grant (G20).
#[inline]
pub(crate) fn is_link_honoured(link: &Link, rules: &SharingRules) -> bool {
    link.grant.is_none() || (rules.private && rules.resharing)
}

/// Why a public link is dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkFall {
    /// It reached its expiry.
    Lapsed(Timestamp),
    /// The grant it hangs on is dead.
    MakersGrant(Fall),
    /// Its maker's grant may no longer be shared on, or no longer lets its maker view.
    MakersRights(GrantId),
}

/// The end of a link that stands: not withdrawn, not expired, its maker's grant alive. A paused one stands too.
#[inline]
pub(crate) fn of_link(
    link: &Link,
    makers: Option<Result<Standing, Fall>>,
    t: Timestamp,
) -> Result<Expiry, LinkFall> {
    if let Expiry::At(end) = link.expiry
        && end <= t
    {
        return Err(LinkFall::Lapsed(end));
    }
    match (link.grant, makers) {
        (None, _) => Ok(link.expiry),
        (Some(_), Some(Ok(standing))) if standing.reshare && standing.rights.contains(Right::View) => {
            Ok(link.expiry.min(standing.ends))
        }
        (Some(grant), Some(Ok(_))) => Err(LinkFall::MakersRights(grant)),
        (Some(_), Some(Err(fall))) => Err(LinkFall::MakersGrant(fall)),
        (Some(grant), None) => Err(LinkFall::MakersGrant(Fall { grant, cause: FallCause::PathUnknown })),
    }
}

/// Who counts as the grantor at an instant: what an owner made, the owner of that time made (G18).
pub(crate) fn made_by(grant: &Grant, parent: Option<&Grant>, head: &Head, t: Timestamp) -> AccountId {
    let absorbed = |parent: &Grant| parent.absorbed().is_some_and(|absorbed| absorbed <= t);
    match parent {
        Some(parent) if !absorbed(parent) => grant.grantor,
        _ => head.owner_at(t).unwrap_or(head.owner),
    }
}

impl Fall {
    /// How the grant ended, as a sentence that names it by its id.
    pub fn sentence(&self) -> String {
        self.told(&format!("grant {}", self.grant))
    }

    pub(crate) fn told(&self, what: &str) -> String {
        match self.cause {
            FallCause::NotYetMade(at) => format!("{what} was shared only at {at}."),
            FallCause::Lapsed(at) => format!("{what} lapsed at {at}."),
            FallCause::NotClaimed(at) => format!("{what} was an invitation, not claimed before {at}."),
            FallCause::Revoked(at) => format!("{what} was taken back at {at}."),
            FallCause::ReshareTaken => format!("{what} may no longer be shared on."),
            FallCause::Absorbed(at) => format!("{what} ended at {at}, when its holder became the owner."),
            FallCause::DashboardDeleted => "the dashboard was deleted.".to_owned(),
            FallCause::PathUnknown => format!("what supports {what} could not be read."),
        }
    }
}
