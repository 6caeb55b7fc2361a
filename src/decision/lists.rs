//! Answers about a dashboard and about a person, at any instant: who has access and through whom, who would lose it.

use crate::{
    lock::StoredLock,
    record::{Actor, Grant, Head, Holder, Revision, Snapshot, leaf},
    sharing::{
        Effective, Ledger, Live, Locks, Sight,
        access::{Access, Loss, May},
        standing,
        unseen::{self, Unseen},
    },
    tenant::SharingRules,
    value::{AccountId, DashboardId, Expiry, GrantId, Rights, Timestamp},
};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Every live authority over a dashboard that the asker may see.
///
/// Rules: [G16](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct AccessList {
    /// The dashboard.
    pub dashboard: DashboardId,
    /// Its owner at that instant.
    pub owner: AccountId,
    /// The revision that was read.
    pub revision: Revision,
    /// The instant asked about.
    pub at: Timestamp,
    /// The live grants, pending invitations among them, in the order in which they were made.
    pub grants: Vec<GrantView>,
    /// The public link, if one stands. A list of a past instant has none.
    pub link: Option<LinkView>,
}

/// A live grant as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct GrantView {
    /// The grant.
    pub grant: GrantId,
    /// Who made it; what an earlier owner made counts as made by the present one (G18).
    pub grantor: AccountId,
    /// Who holds it, or the address that is invited.
    pub grantee: Holder,
    /// Whether it is an invitation that nobody has claimed.
    pub pending: bool,
    /// What it gives with its whole path taken into account.
    pub rights: Rights,
    /// Whether it can be shared on.
    pub reshare: bool,
    /// Its own expiry, as declared.
    pub expiry: Expiry,
    /// When it ends: the earliest end along its path, or the lapse of the invitation.
    pub ends: Expiry,
    /// When it was made.
    pub created: Timestamp,
    /// The grants from the root to this one, itself included.
    pub path: Vec<GrantId>,
    /// Its own lock; `None` for none.
    pub lock: Option<Arc<StoredLock>>,
    /// How much of the data it shows, with its whole path and the tenant's rules taken into account; `None` for all of it.
    pub effective_lock: Option<Arc<StoredLock>>,
    /// Whether that shows nothing at all, by its form alone: to be marked (K13).
    pub shows_nothing: bool,
}

impl AccessList {
    /// The grants that the list shows under no other one: those of the owner, or those that hang on the asker's own.
    pub fn roots(&self) -> impl Iterator<Item = &GrantView> {
        self.grants.iter().filter(|grant| self.parent(grant.grant).is_none())
    }

    /// The grant that this one was shared on from, if the list shows it.
    pub fn parent(&self, grant: GrantId) -> Option<&GrantView> {
        let parent = self.get(grant)?.path.iter().rev().nth(1)?;
        self.get(*parent)
    }

    /// The grants that were shared on from this one directly.
    pub fn below(&self, grant: GrantId) -> impl Iterator<Item = &GrantView> {
        self.grants.iter().filter(move |child| child.path.iter().rev().nth(1) == Some(&grant))
    }

    /// The grant of this id, if the list shows it.
    pub fn get(&self, grant: GrantId) -> Option<&GrantView> {
        self.grants.iter().find(|view| view.grant == grant)
    }

    /// Every account in the list, once each and by id: whose names a page has to look up.
    pub fn accounts(&self) -> Vec<AccountId> {
        let of_grants = self.grants.iter().flat_map(|grant| [Some(grant.grantor), grant.grantee.account()]);
        let others = [Some(self.owner), self.link.as_ref().map(|link| link.maker)];
        of_grants.chain(others).flatten().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Impact {
    /// Every account in the answer, once each and by id.
    pub fn accounts(&self) -> Vec<AccountId> {
        let kept = self.keep.iter().map(|(account, _)| *account);
        let makers = self.link.iter().map(|link| link.maker);
        let all = self.lose.iter().copied().chain(kept).chain(makers);
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl GrantView {
    /// How many grants its path has: 1 for one that the owner made.
    pub fn depth(&self) -> usize {
        self.path.len()
    }
}

/// The public link as a list shows it: never its token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LinkView {
    /// Counts the dashboard's links.
    pub generation: u64,
    /// Who made it.
    pub maker: AccountId,
    /// The grant that it hangs on, if a grantee made it.
    pub grant: Option<GrantId>,
    /// When it was made.
    pub created: Timestamp,
    /// Its own expiry, as declared.
    pub expiry: Expiry,
    /// When it ends, its maker's grant taken into account.
    pub ends: Expiry,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether the owner paused it, or the host in its place: then only they resume it (L6).
    pub paused_by_owner: bool,
    /// Whether nothing fills a slot of a blueprint that the address does not name (B6).
    pub named_only: bool,
    /// Its own lock; `None` for none.
    pub lock: Option<Arc<StoredLock>>,
    /// How much of the data it shows, what it hangs on and the tenant's rules taken into account; `None` for all of it.
    pub effective_lock: Option<Arc<StoredLock>>,
    /// Whether that shows nothing at all, by its form alone (K13).
    pub shows_nothing: bool,
}

/// What revoking a grant would do.
///
/// Rules: [G15](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Impact {
    /// Accounts that could do nothing with the dashboard any more.
    pub lose: Vec<AccountId>,
    /// Accounts that lose a grant and keep these rights another way.
    pub keep: Vec<(AccountId, Rights)>,
    /// What those accounts would still see: rights and lock of each grant that they keep, and of the policies. Of who
    /// would be the owner nothing.
    pub sights: Vec<(AccountId, Vec<Sight>)>,
    /// Addresses whose pending invitations would end.
    pub invitations: Vec<Holder>,
    /// The link that would die, if one would.
    pub link: Option<LinkView>,
}

/// A dashboard that somebody shared with an account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct SharedDashboard {
    /// The dashboard.
    pub dashboard: DashboardId,
    /// Its owner.
    pub owner: AccountId,
    /// The union of what the account's live grants give (G4).
    pub rights: Rights,
    /// Whether one of them can be shared on now: the tenant's switches and its depth let a share succeed.
    pub reshare: bool,
    /// When the last of them ends.
    pub ends: Expiry,
    /// The grants.
    pub grants: Vec<GrantId>,
    /// What each of them shows, in their order.
    pub sights: Vec<Sight>,
}

/// A person who may do something with a dashboard by what was shared.
///
/// Rules: [D7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Viewer {
    /// Who.
    pub account: AccountId,
    /// The union of what the person's live grants give (G4).
    pub rights: Rights,
    /// When the last of them ends.
    pub ends: Expiry,
    /// What each of them shows: two are never combined, and a datum is seen if one of them admits it (K14).
    pub sights: Vec<Sight>,
}

/// A person who may see data of a device behind a dashboard.
///
/// Rules: [D7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct DeviceViewer {
    /// Who: the owner too.
    pub account: AccountId,
    /// When the last of what lets the person see it ends.
    pub ends: Expiry,
    /// What each grant shows that lets the person see some of it; one without a lock for the owner, and for whom a policy
    /// lets see it.
    pub sights: Vec<Sight>,
}

/// Who may see data of a device behind a dashboard.
///
/// Rules: [D7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct DeviceViewers {
    /// The persons, by account.
    pub viewers: Vec<DeviceViewer>,
    /// What visitors see by the public link, if they see the device. Of another instant than now nothing is known of it.
    pub link: Option<Sight>,
}

/// A person from whom something ends by itself: access to a dashboard, or a part of it while a lesser right stays.
///
/// Rules: [D7](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Losing {
    /// Who.
    pub account: AccountId,
    /// The rights that the person has and loses; what is not named stays.
    pub rights: Rights,
    /// Whether the person can share the dashboard on and loses that.
    pub reshare: bool,
    /// When the last of what is lost ends.
    pub ends: Timestamp,
}

/// Everything live on a dashboard at the ledger's instant, as far as `asker` may see it: all for the owner and the host,
/// for a resharer what hangs on its own grants (G16); what is `unseen` as an invitation (I1). Who asks about the past is
/// judged by the `present`, so that nobody sees more of it than of today; of the link nothing is kept but what it is now,
/// so the past has none.
pub(crate) fn list(
    ledger: &Ledger,
    present: Option<&Ledger>,
    rules: &SharingRules,
    unseen: &Unseen,
    asker: Actor,
) -> Option<AccessList> {
    let owner = ledger.head.owner_at(ledger.now)?;
    let judge = present.unwrap_or(ledger);
    let sees_all = judge.is_owner(asker);
    let visible = |grant: &Grant| sees_all || judge.is_above(asker, grant);
    let link = link_view(ledger, rules).filter(|_| present.is_none()).filter(|link| {
        let hangs_on = link.grant.and_then(|grant| ledger.get(grant));
        sees_all || asker.account() == Some(link.maker) || hangs_on.is_some_and(|grant| visible(grant))
    });
    let mut effective = Effective::new(ledger, rules);
    let grants = ledger.all_live().filter(|live| visible(live.grant));
    Some(AccessList {
        dashboard: ledger.head.dashboard,
        owner,
        revision: ledger.head.revision,
        at: ledger.now,
        grants: grants.filter_map(|live| grant_view(ledger, live, &mut effective, unseen)).collect(),
        link,
    })
}

/// `None` for what the asker has to take for an invitation that has lapsed by the ledger's instant.
fn grant_view(
    ledger: &Ledger,
    live: Live<'_>,
    effective: &mut Effective<'_>,
    unseen: &Unseen,
) -> Option<GrantView> {
    let Live { grant, standing } = live;
    let hidden = unseen.hides(grant);
    let grantee = match grant.grantee.account_at(ledger.now) {
        Some(account) if !hidden => Holder::Account(account),
        _ => grant.grantee.address().map_or(grant.grantee.holder(), |address| address.clone().into()),
    };
    let ends = if hidden { standing.ends.min(unseen::lapse(grant)) } else { standing.ends };
    let effective_lock = effective.sight(&live).lock;
    (!ends.is_over(ledger.now)).then(|| GrantView {
        lock: grant.terms_at(ledger.now).lock.clone(),
        shows_nothing: effective_lock.as_ref().is_some_and(|lock| lock.shows_nothing()),
        effective_lock,
        grant: grant.id,
        grantor: ledger.made_by(grant),
        pending: matches!(grantee, Holder::Address(_)),
        grantee,
        rights: standing.rights,
        reshare: standing.reshare,
        expiry: grant.terms_at(ledger.now).expiry,
        ends,
        created: grant.created,
        path: grant.path().collect(),
    })
}

/// A lock as it is told to whom it locks: without ids that it lets nobody see anyway (K22).
fn told(lock: Option<Arc<StoredLock>>) -> Option<Arc<StoredLock>> {
    match lock.as_deref() {
        Some(StoredLock::Lock(lock)) => Some(Arc::new(StoredLock::Lock(lock.without_hidden_ids()))),
        _ => lock,
    }
}

fn link_view(ledger: &Ledger, rules: &SharingRules) -> Option<LinkView> {
    let link = ledger.head.link.as_ref().filter(|link| link.created <= ledger.now)?;
    let ends = ledger.link()?.ok()?;
    let effective_lock = ledger.locks_of_link(link, rules).effective();
    Some(LinkView {
        named_only: link.named_only,
        lock: link.lock.clone(),
        shows_nothing: effective_lock.as_ref().is_some_and(|lock| lock.shows_nothing()),
        effective_lock,
        generation: link.generation,
        maker: link.maker,
        grant: link.grant,
        created: link.created,
        expiry: link.expiry,
        ends,
        paused: link.paused.is_some(),
        paused_by_owner: link.paused_by_owner,
    })
}

/// What the end of one grant would do, with everything that hangs on it (G15).
pub(crate) fn impact(access: &Access<'_>, revoked: GrantId) -> Impact {
    let ledger = access.ledger;
    let falls = |grant: &Grant| grant.path().any(|id| id == revoked);
    let (lose, keep): (Vec<_>, Vec<_>) =
        access.without(falls).into_iter().partition(|(_, left)| left.is_nothing());
    let waits = |grant: &Grant| grant.grantee.is_pending() || access.unseen.hides(grant);
    let waiting = ledger.all_live().filter(|live| falls(live.grant) && waits(live.grant));
    let addresses = waiting.filter_map(|live| live.grant.grantee.address());
    let invitations: BTreeSet<Holder> = addresses.cloned().map(Holder::from).collect();
    let link = link_view(ledger, access.rules)
        .filter(|link| link.grant.and_then(|grant| ledger.get(grant)).is_some_and(|grant| falls(grant)));
    let mut left = access.sights(|grant| !falls(grant));
    let sights = keep.iter().map(|(account, _)| (*account, left.remove(account).unwrap_or_default()));
    Impact {
        sights: sights.filter(|(account, _)| !ledger.is_owner(*account)).collect(),
        lose: lose.into_iter().map(|(account, _)| account).collect(),
        keep: keep.into_iter().map(|(account, left)| (account, left.rights())).collect(),
        invitations: invitations.into_iter().collect(),
        link,
    }
}

/// Who could do what with a dashboard at the ledger's instant, the owner left out (D7).
pub(crate) fn viewers(access: &Access<'_>) -> Vec<Viewer> {
    let mut sights = access.sights(|_| true);
    let viewer = |(account, may): (AccountId, May)| {
        let sights = sights.remove(&account).unwrap_or_default();
        Some(Viewer { account, rights: may.rights(), ends: may.last_end()?, sights })
    };
    access.viewers().filter_map(viewer).collect()
}

/// Who may do something now and could not do it at `until`, if nothing is changed (D7).
pub(crate) fn losing(access: &Access<'_>, until: Timestamp) -> Vec<Losing> {
    let losing = |Loss { account, lost }| {
        let ends = lost.last_end()?.at()?;
        Some(Losing { account, rights: lost.rights(), reshare: lost.shares(), ends })
    };
    access.losing(until).into_iter().filter_map(losing).collect()
}

/// Adds what one held grant gives. Grants come by dashboard, so the last entry is the only one that can be of the same.
pub(crate) fn note_shared(shared: &mut Vec<SharedDashboard>, found: SharedDashboard) {
    match shared.last_mut().filter(|last| last.dashboard == found.dashboard) {
        Some(last) => {
            last.rights = last.rights | found.rights;
            last.reshare |= found.reshare;
            last.ends = last.ends.max(found.ends);
            last.grants.extend(found.grants);
            last.sights.extend(found.sights);
        }
        None => shared.push(found),
    }
}

/// What one held grant gives, unless it is dead, switched off, or of a dashboard that is suspended or the account's own.
pub(crate) fn worth(
    account: AccountId,
    held: &Snapshot,
    rules: &SharingRules,
    t: Timestamp,
) -> Option<SharedDashboard> {
    let head: &Head = &held.head;
    let owner = head.owner_at(t).filter(|owner| *owner != account && head.suspended.is_none())?;
    let chain = held.chains.first()?;
    let grant = leaf(chain).filter(|grant| grant.grantee.account_at(t) == Some(account))?;
    let standing = standing::of_chain(chain, head, t).ok()?;
    let counts = !standing.rights.is_empty() && standing::is_honoured(grant, rules);
    let locks = Locks::of_chain(chain, t).under_rules(chain.len() > 1, rules);
    counts.then(|| SharedDashboard {
        sights: vec![Sight { rights: standing.rights, lock: told(locks.effective()) }],
        dashboard: head.dashboard,
        owner,
        rights: standing.rights,
        reshare: standing::can_share_on(grant, &standing, rules),
        ends: standing.ends,
        grants: vec![grant.id],
    })
}
