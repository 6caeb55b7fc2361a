//! The grants of one dashboard as a command or an answer needs them: who holds what, at one instant.

use super::{
    locks::Locks,
    standing::{self, Fall, LinkFall, Standing},
};
use crate::{
    lock::StoredLock,
    record::{Actor, Chain, Grant, Head, Link, Snapshot},
    tenant::SharingRules,
    value::{AccountId, Expiry, GrantId, Rights, Timestamp},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// A dashboard's head and the grants that were read of it, judged at one instant.
///
/// INVARIANT: every grant comes with all of its ancestors, as [`Store`](crate::store::Store) reads them.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) head: Arc<Head>,
    pub(crate) now: Timestamp,
    /// By ordinal, so that parents come before children.
    grants: BTreeMap<u64, Entry>,
    ordinals: HashMap<GrantId, u64>,
    /// The grants that others hang on, which were not read; `None` when the dashboard has grants that were not.
    carriers: BTreeSet<Option<GrantId>>,
}

#[derive(Debug)]
struct Entry {
    grant: Arc<Grant>,
    /// What the grant passes on, absorbed or not.
    carried: Result<Standing, Fall>,
}

/// A grant that is live at the ledger's instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live<'a> {
    pub(crate) grant: &'a Arc<Grant>,
    pub(crate) standing: Standing,
}

impl Ledger {
    pub(crate) fn new(head: Arc<Head>, grants: impl IntoIterator<Item = Arc<Grant>>, now: Timestamp) -> Self {
        let mut ledger =
            Self { head, now, grants: BTreeMap::new(), ordinals: HashMap::new(), carriers: BTreeSet::new() };
        let by_ordinal: BTreeMap<u64, Arc<Grant>> =
            grants.into_iter().map(|grant| (grant.ordinal, grant)).collect();
        for (ordinal, grant) in by_ordinal {
            let parent = grant.parent().map(|parent| {
                ledger
                    .entry(parent)
                    .map_or(Err(Fall { grant: parent, cause: standing::FallCause::PathUnknown }), |entry| {
                        entry.carried
                    })
            });
            let carried = standing::fold(&grant, parent, &ledger.head, now);
            ledger.ordinals.insert(grant.id, ordinal);
            ledger.grants.insert(ordinal, Entry { grant, carried });
        }
        ledger
    }

    /// The same, knowing on which grants others hang that were not read.
    pub(crate) fn with_carriers(self, carriers: BTreeSet<Option<GrantId>>) -> Self {
        Self { carriers, ..self }
    }

    /// The same grants at another instant.
    pub(crate) fn at(&self, now: Timestamp) -> Self {
        Self::new(Arc::clone(&self.head), self.all().map(Arc::clone), now)
    }

    /// This dashboard with another state of all that was read of it.
    pub(crate) fn with_all(
        &self,
        head: Arc<Head>,
        grants: impl IntoIterator<Item = Arc<Grant>>,
        now: Timestamp,
    ) -> Self {
        Self::new(head, grants, now).with_carriers(self.carriers.clone())
    }

    pub(crate) fn of_snapshot(snapshot: Snapshot, now: Timestamp) -> Self {
        Self::new(snapshot.head, snapshot.chains.into_iter().flatten(), now)
    }

    fn entry(&self, id: GrantId) -> Option<&Entry> {
        self.grants.get(self.ordinals.get(&id)?)
    }

    pub(crate) fn get(&self, id: GrantId) -> Option<&Arc<Grant>> {
        self.entry(id).map(|entry| &entry.grant)
    }

    /// The grant and what it is worth, or why it is dead; `None` when it was not read.
    pub(crate) fn judge(&self, id: GrantId) -> Option<Result<Live<'_>, Fall>> {
        self.entry(id).map(|entry| entry.judge(self.now))
    }

    pub(crate) fn live(&self, id: GrantId) -> Option<Live<'_>> {
        self.judge(id)?.ok()
    }

    /// Every grant that was read, oldest first, dead ones too.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.values().map(|entry| &entry.grant)
    }

    /// Every live grant, oldest first. An absorbed one is not among them.
    pub(crate) fn all_live(&self) -> impl Iterator<Item = Live<'_>> {
        self.grants.values().filter_map(|entry| entry.judge(self.now).ok())
    }

    /// What a grant passes on to those that hang on it; an absorbed one does so too (G18).
    pub(crate) fn carried(&self, id: GrantId) -> Option<Standing> {
        self.entry(id)?.carried.ok()
    }

    /// Every grant that passes something on, oldest first.
    pub(crate) fn all_carried(&self) -> impl Iterator<Item = (&Arc<Grant>, Standing)> {
        self.grants.values().filter_map(|entry| Some((&entry.grant, entry.carried.ok()?)))
    }

    /// The end of what a grant hangs on, which bounds its own (G3).
    pub(crate) fn bound_of(&self, grant: &Grant) -> Expiry {
        let parent = grant.parent().and_then(|parent| self.carried(parent));
        parent.map_or(Expiry::Never, |standing| standing.ends)
    }

    /// A grant with all that it hangs on.
    pub(crate) fn chain(&self, grant: &Arc<Grant>) -> Chain {
        let above = grant.ancestors.iter().rev().filter_map(|id| self.get(*id));
        [grant].into_iter().chain(above).map(Arc::clone).collect()
    }

    /// The locks of a grant and of all that it hangs on, without the tenant's (K12).
    pub(crate) fn locks_of(&self, grant: &Grant) -> Locks {
        let above = grant.ancestors.iter().filter_map(|id| self.get(*id)).map(Arc::as_ref);
        Locks::of_path(above.chain([grant]), self.now)
    }

    /// The locks of what hangs, or would hang, on a grant, or of what the owner gives.
    pub(crate) fn locks_below(&self, parent: Option<&Grant>) -> Locks {
        parent.map_or(Locks::default(), |parent| self.locks_of(parent))
    }

    /// The locks of a link, the tenant's among them (K12, K23).
    pub(crate) fn locks_of_link(&self, link: &Link, rules: &SharingRules) -> Locks {
        let makers = link.grant.and_then(|grant| self.get(grant));
        self.locks_below(makers.map(Arc::as_ref)).of_link(link, rules)
    }

    pub(crate) fn live_of(&self, account: AccountId) -> impl Iterator<Item = Live<'_>> {
        self.all_live().filter(move |live| live.grant.grantee.account_at(self.now) == Some(account))
    }

    /// Whether the actor may do what an owner may: the owner, and the host in its place (G25).
    pub(crate) fn is_owner(&self, by: impl Into<Actor>) -> bool {
        let owner = self.head.owner_at(self.now);
        match by.into() {
            Actor::Account(account) => owner == Some(account),
            Actor::Host => owner.is_some(),
        }
    }

    /// The account in whose name something is done: for the host the owner's (G25).
    pub(crate) fn in_name_of(&self, by: Actor) -> AccountId {
        by.account().unwrap_or(self.head.owner)
    }

    /// Whether the actor has anything to do with the dashboard.
    pub(crate) fn is_party(&self, by: impl Into<Actor>) -> bool {
        let by = by.into();
        self.is_owner(by) || by.account().is_some_and(|account| self.live_of(account).next().is_some())
    }

    pub(crate) fn made_by(&self, grant: &Grant) -> AccountId {
        let parent = grant.parent().and_then(|parent| self.get(parent));
        standing::made_by(grant, parent.map(Arc::as_ref), &self.head, self.now)
    }

    /// Whether an account holds, by itself, one of the grants that this one hangs on (G12).
    pub(crate) fn is_above(&self, by: impl Into<Actor>, grant: &Grant) -> bool {
        let Some(account) = by.into().account() else { return false };
        grant
            .ancestors
            .iter()
            .filter_map(|ancestor| self.live(*ancestor))
            .any(|live| live.grant.grantee.account_at(self.now) == Some(account))
    }

    /// The live grant to share on from: of those that carry the reshare right and cover the rights first those that show
    /// all that the lock lets through (K19), then the one that ends last, then the shallowest, then the oldest (G7).
    pub(crate) fn best_parent<'a>(
        &self,
        candidates: impl Iterator<Item = Live<'a>>,
        rights: Rights,
        lock: Option<&Arc<StoredLock>>,
    ) -> Option<Live<'a>> {
        let order = |live: &Live<'a>| {
            let shows_less = !self.locks_of(live.grant).cover(lock);
            (shows_less, std::cmp::Reverse(live.standing.ends), live.grant.depth(), live.grant.ordinal)
        };
        let can_carry = |live: &Live<'a>| live.standing.reshare && live.standing.rights.covers(rights);
        candidates.filter(can_carry).min_by_key(order)
    }

    /// Those of some grants on which others hang that were not read.
    pub(crate) fn carriers_among(&self, grants: &[GrantId]) -> impl Iterator<Item = GrantId> {
        grants.iter().copied().filter(|grant| self.carriers.contains(&Some(*grant)))
    }

    /// These grants and all that they hang on, once each, as they were read.
    pub(crate) fn paths(&self, grants: impl Iterator<Item = GrantId>) -> Vec<Arc<Grant>> {
        let ids: BTreeSet<GrantId> =
            grants.filter_map(|id| self.get(id)).flat_map(|grant| grant.path()).collect();
        ids.into_iter().filter_map(|id| self.get(id).cloned()).collect()
    }

    /// Whether the dashboard has grants that were not read.
    pub(crate) fn holds_more(&self) -> bool {
        self.carriers.contains(&None)
    }

    /// The end of the dashboard's link, if it stands (L5, L6); why not, if it does not; `None` without a link.
    pub(crate) fn link(&self) -> Option<Result<Expiry, LinkFall>> {
        let link = self.head.link.as_ref()?;
        let makers =
            link.grant.and_then(|grant| self.judge(grant)).map(|found| found.map(|live| live.standing));
        Some(standing::of_link(link, makers, self.now))
    }

    pub(crate) fn standing_link(&self) -> Option<&Link> {
        self.head.link.as_ref().filter(|_| self.link_stands())
    }

    pub(crate) fn link_stands(&self) -> bool {
        matches!(self.link(), Some(Ok(_)))
    }
}

impl Entry {
    fn judge(&self, now: Timestamp) -> Result<Live<'_>, Fall> {
        let standing = standing::unless_absorbed(&self.grant, self.carried?, now)?;
        Ok(Live { grant: &self.grant, standing })
    }
}
