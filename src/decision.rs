//! The decision: may this person do this with this dashboard at this instant, and why.

use crate::{
    dashboard::{Head, Revision, Snapshot},
    grant::Chain,
    id::{AccountId, DashboardId},
    standing::{self, Fall, Standing},
    store::leaf,
    tenant::{AnonymousAccess, SharingRules, Tenant},
    terms::{Expiry, Right, Rights},
    time::Timestamp,
    token::LinkDigest,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What somebody wants to do with a dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// See it with its data: [`Right::View`].
    View,
    /// Download its data: [`Right::Export`].
    Export,
    /// Share it with others: the reshare right.
    Share,
    /// Move, resize or edit it. Only the owner can; no grant and no link allows it (D2, G5).
    Edit,
}

/// Who wants to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Principal {
    /// An account that the host has authenticated.
    Account(AccountId),
    /// Somebody without an account who presented the token of a public link.
    Visitor,
}

/// The answer: allow or deny, with its reason (D4).
///
/// Only the library's evaluator makes one (D5). A host's function that shows something takes a decision and asks
/// what it has [`permitted`](Self::permitted), so it cannot be reached without the question having been asked.
///
/// ```compile_fail
/// let decision = dashshare::Decision { allowed: true };
/// ```
#[derive(Clone, Debug)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub struct Decision {
    principal: Principal,
    action: Action,
    at: Timestamp,
    /// `None` for a dashboard that is not known, and for every denied visit (L9).
    head: Option<Arc<Head>>,
    basis: Basis,
}

/// What a decision rests on.
#[derive(Clone, Debug)]
pub(crate) enum Basis {
    Owner,
    Grant {
        chain: Chain,
        standing: Standing,
    },
    Link {
        chain: Option<Chain>,
        ends: Expiry,
    },
    Denied(Denial),
    /// Denied, and this is the latest of the account's grants that fell.
    Ended {
        fall: Fall,
        chain: Chain,
    },
}

/// Why something was denied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Denial {
    /// There is no such dashboard, or it was deleted.
    UnknownDashboard,
    /// The dashboard was never shared with this account.
    NotShared,
    /// It was, and that ended. The latest of the account's grants fell like this.
    Ended(Fall),
    /// The account's live grants give only these rights.
    RightNotGiven(Rights),
    /// The account may see it and not share it on.
    NoReshareRight,
    /// Only the owner can move, resize or edit, whatever was shared.
    OwnersOnly,
    /// The tenant's rules have sharing with persons off.
    PrivateSharingOff,
    /// The tenant's rules have sharing on off, and access was shared on.
    ResharingOff,
    /// The token opens nothing. Whatever the cause, a visitor gets this one answer (L9).
    LinkNotUsable,
    /// A public link shows the dashboard and nothing more.
    LinkOnlyShows,
    /// The dashboard does not show this device.
    DeviceNotShown(String),
    /// The dashboard is allowed and this device is not: no policy lets the anonymous user access it (D3).
    DeviceNotAllowed(String),
}

impl Decision {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        !matches!(self.basis, Basis::Denied(_) | Basis::Ended { .. })
    }

    /// The dashboard that it allows this very action with, if it does: what a reading function of a host asks of the
    /// decision that it takes, so that leave to view one dashboard serves no download, and no other one (D5, L10).
    pub fn permitted(&self, action: Action) -> Option<DashboardId> {
        self.dashboard().filter(|_| self.is_allowed() && self.action == action)
    }

    /// Who asked.
    pub fn principal(&self) -> Principal {
        self.principal
    }

    /// What was asked for.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The dashboard that it is about, and the only one that it allows anything with (L10). `None` for one that is
    /// not known, and for a denied visit.
    pub fn dashboard(&self) -> Option<DashboardId> {
        self.head.as_ref().map(|head| head.dashboard)
    }

    /// The instant that it was asked about.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The revision of the dashboard that it was taken at, in which every change up to it is reflected (D6).
    pub fn revision(&self) -> Option<Revision> {
        self.head.as_ref().map(|head| head.revision)
    }

    /// Until when an allowance can be relied on if nothing changes: never later than the earliest end along the path
    /// (D4). `None` when nothing along it ends. A host that streams asks again at that instant, or on a newer revision.
    pub fn valid_until(&self) -> Option<Timestamp> {
        match &self.basis {
            Basis::Grant { standing, .. } => standing.ends.at(),
            Basis::Link { ends, .. } => ends.at(),
            Basis::Owner | Basis::Denied(_) | Basis::Ended { .. } => None,
        }
    }

    /// Why it was denied, if it was.
    pub fn denial(&self) -> Option<Denial> {
        match &self.basis {
            Basis::Denied(denial) => Some(denial.clone()),
            Basis::Ended { fall, .. } => Some(Denial::Ended(*fall)),
            _ => None,
        }
    }

    pub(crate) fn basis(&self) -> &Basis {
        &self.basis
    }

    pub(crate) fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// The same decision, denied.
    fn denied(&self, denial: Denial) -> Self {
        Self { basis: Basis::Denied(denial), ..self.clone() }
    }

    /// Narrows the decision to one device behind the dashboard (D3): a grant covers what the dashboard shows, a visitor
    /// needs the policies too.
    pub(crate) fn for_device(&self, device: &str, is_shown: bool, access: Option<&AnonymousAccess>) -> Self {
        let blocked =
            access.is_some_and(|access| access.blocked_devices.iter().any(|blocked| blocked == device));
        match self.basis {
            Basis::Denied(_) | Basis::Ended { .. } => self.clone(),
            _ if !is_shown => self.denied(Denial::DeviceNotShown(device.to_owned())),
            Basis::Link { .. } if blocked => self.denied(Denial::DeviceNotAllowed(device.to_owned())),
            _ => self.clone(),
        }
    }
}

/// Decides for an account. Total: what it does not know, it denies (D1).
///
/// The order is D2: the owner, then a live grant with the right, else denied.
pub(crate) fn decide(
    account: AccountId,
    action: Action,
    snapshot: Option<Snapshot>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Decision {
    let principal = Principal::Account(account);
    let Some(Snapshot { head, chains }) = snapshot else {
        return Decision {
            principal,
            action,
            at: t,
            head: None,
            basis: Basis::Denied(Denial::UnknownDashboard),
        };
    };
    let basis = match head.owner_at(t) {
        None => Basis::Denied(Denial::UnknownDashboard),
        Some(owner) if owner == account => Basis::Owner,
        Some(_) => by_grants(account, action, &head, chains, rules, t),
    };
    let unknown = matches!(basis, Basis::Denied(Denial::UnknownDashboard));
    Decision { principal, action, at: t, head: (!unknown).then_some(head), basis }
}

fn by_grants(
    account: AccountId,
    action: Action,
    head: &Head,
    chains: Vec<Chain>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Basis {
    let mut best: Option<(Standing, Chain)> = None;
    let mut tally = Tally::default();
    for chain in chains {
        let Some(grant) = leaf(&chain).filter(|grant| {
            // What a deleted dashboard of the same id had is nobody's business any more (G19).
            grant.ordinal >= head.first_ordinal && grant.grantee.account_at(t) == Some(account)
        }) else {
            continue;
        };
        let standing = match standing::of_chain(&chain, head, t) {
            Ok(standing) => standing,
            Err(fall) => {
                tally.note_fall(fall, chain);
                continue;
            }
        };
        if !rules.is_some_and(|rules| standing::is_honoured(grant, rules)) {
            tally.switched_off = true;
            continue;
        }
        tally.held = tally.held | standing.rights;
        tally.live = true;
        // Nothing can be shared on from a grant that is left without rights.
        let can_share = standing.reshare && !standing.rights.is_empty();
        let allows = match action {
            Action::View => standing.rights.contains(Right::View),
            Action::Export => standing.rights.contains(Right::Export),
            Action::Share => can_share && rules.is_some_and(|rules| rules.resharing),
            Action::Edit => false,
        };
        tally.reshare |= can_share;
        if allows && best.as_ref().is_none_or(|(best, _)| best.ends < standing.ends) {
            best = Some((standing, chain));
        }
    }
    match best {
        Some((standing, chain)) => Basis::Grant { chain, standing },
        None => tally.basis(action, rules),
    }
}

/// What was seen on the way to a denial.
#[derive(Default)]
struct Tally {
    held: Rights,
    live: bool,
    reshare: bool,
    switched_off: bool,
    latest_fall: Option<(Fall, Chain)>,
}

impl Tally {
    fn note_fall(&mut self, fall: Fall, chain: Chain) {
        let ordinal = |chain: &Chain| leaf(chain).map(|grant| grant.ordinal);
        if self.latest_fall.as_ref().is_none_or(|(_, latest)| ordinal(latest) < ordinal(&chain)) {
            self.latest_fall = Some((fall, chain));
        }
    }

    fn basis(self, action: Action, rules: Option<&SharingRules>) -> Basis {
        let private = rules.is_some_and(|rules| rules.private);
        if !self.held.is_empty() {
            return Basis::Denied(match action {
                Action::Edit => Denial::OwnersOnly,
                Action::Share if self.reshare => Denial::ResharingOff,
                Action::Share => Denial::NoReshareRight,
                Action::View | Action::Export => Denial::RightNotGiven(self.held),
            });
        }
        match self.latest_fall {
            _ if self.switched_off && !private => Basis::Denied(Denial::PrivateSharingOff),
            _ if self.switched_off => Basis::Denied(Denial::ResharingOff),
            _ if self.live => Basis::Denied(Denial::RightNotGiven(Rights::NONE)),
            Some((fall, chain)) => Basis::Ended { fall, chain },
            None => Basis::Denied(Denial::NotShared),
        }
    }
}

/// What a visit is judged by, beside the time.
pub(crate) struct VisitFacts<'a> {
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) tenant: Option<&'a Tenant>,
    pub(crate) access: &'a AnonymousAccess,
}

/// Decides for a visitor who presents a token. Every denial is the same value (L9).
pub(crate) fn decide_visit(
    digest: &LinkDigest,
    action: Action,
    facts: VisitFacts<'_>,
    now: Timestamp,
) -> Decision {
    let (principal, access, tenant) = (Principal::Visitor, facts.access, facts.tenant);
    let t = facts.snapshot.as_ref().map_or(now, |snapshot| now.max(snapshot.head.clock));
    let opened = facts.snapshot.and_then(|snapshot| {
        let (ends, chain) = open(digest, &snapshot, tenant?, access, t)?;
        Some((snapshot.head, Basis::Link { chain, ends }))
    });
    match opened {
        Some((head, basis)) => {
            // L5, G5: a link shows; it exports, shares and edits nothing.
            let basis = if action == Action::View { basis } else { Basis::Denied(Denial::LinkOnlyShows) };
            Decision { principal, action, at: t, head: Some(head), basis }
        }
        None => {
            let basis = Basis::Denied(Denial::LinkNotUsable);
            // Not `t`: a dashboard's clock that is ahead of the host's would tell that the link exists (L9).
            Decision { principal, action, at: now, head: None, basis }
        }
    }
}

/// The end of a link that opens now, and the chain that it hangs on (L5–L7).
fn open(
    digest: &LinkDigest,
    snapshot: &Snapshot,
    tenant: &Tenant,
    access: &AnonymousAccess,
    t: Timestamp,
) -> Option<(Expiry, Option<Chain>)> {
    let head = &snapshot.head;
    let link = head.link.as_ref().filter(|link| link.digest == *digest && link.paused.is_none())?;
    head.owner_at(t)?;
    let chain = link
        .grant
        .and_then(|id| snapshot.chains.iter().find(|chain| leaf(chain).is_some_and(|g| g.id == id)));
    let makers = chain.map(|chain| standing::of_chain(chain, head, t));
    let ends = standing::of_link(link, makers, t).ok()?;
    // A grantee's link is sharing on, through a private grant: both switches count.
    let honoured = link.grant.is_none() || (tenant.rules.private && tenant.rules.resharing);
    (honoured && tenant.missing_to_visit(access).is_empty()).then(|| (ends, chain.cloned()))
}
