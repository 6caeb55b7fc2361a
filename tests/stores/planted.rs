//! Stores that are broken on purpose: a comparison that does not see each of them soon proves nothing.

use super::histories::{Counts, play};
use crate::support::runtime;
use dashshare::{
    AccountId, BoxError, DashboardId, Expiry, GrantId, Holder, MemoryStore, Revision, Timestamp,
    store::{
        Commit, CommitError, CommitKey, Freshness, Grant, Head, LinkDigest, Phase, Receipt, Seed, Snapshot,
        Store,
    },
    trail::{Actor, AuditRecord, MessageId, OutboxMessage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

/// Within how many histories each has to be found.
const PATIENCE: u64 = 60;

/// One defect each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Defect {
    LosesTheLastMessageOfACommit,
    ListsTheHeadBeforeTheLastChange,
    DecidesByTheHeadBeforeTheLastChange,
    AnswersFromACacheForEver,
    LosesTheHistoryOfAGrant,
    LosesTheHistoryInChains,
    LosesTheFormerOwners,
    LosesWhatFell,
    LosesTheLinkThatFell,
    TakesTheHostForAnAccount,
    LosesTheChainOfALink,
    KeepsTheOldLink,
    CutsInstantsToSeconds,
    TurnsNeverIntoAnEnd,
    ForgetsTheAddressOfAClaim,
    CutsTheRootOffAChain,
    FindsOnlyWhatHangsDirectly,
    SkipsTheFirstRowOfAPage,
    RepeatsTheLastRowOfAPage,
    KeepsOneRecordOfAnInstant,
    KeepsAcknowledgedMessages,
    LeasesWhatIsLeased,
    OwnsDeletedDashboards,
    KeepsTheOldOwner,
    LosesTheWordOfAnOffer,
    ForgetsWhoWasOffered,
    /// Only what goes wrong on the way shows it.
    ForgetsItsCommits,
    /// No defect: chains come in any order, and nobody may see a difference.
    AnswersInAnotherOrder,
}

impl Defect {
    pub(crate) const ALL: [Self; 26] = [
        Self::LosesTheLastMessageOfACommit,
        Self::ListsTheHeadBeforeTheLastChange,
        Self::DecidesByTheHeadBeforeTheLastChange,
        Self::AnswersFromACacheForEver,
        Self::LosesTheHistoryOfAGrant,
        Self::LosesTheHistoryInChains,
        Self::LosesTheFormerOwners,
        Self::LosesWhatFell,
        Self::LosesTheLinkThatFell,
        Self::TakesTheHostForAnAccount,
        Self::LosesTheChainOfALink,
        Self::KeepsTheOldLink,
        Self::CutsInstantsToSeconds,
        Self::TurnsNeverIntoAnEnd,
        Self::ForgetsTheAddressOfAClaim,
        Self::CutsTheRootOffAChain,
        Self::FindsOnlyWhatHangsDirectly,
        Self::SkipsTheFirstRowOfAPage,
        Self::RepeatsTheLastRowOfAPage,
        Self::KeepsOneRecordOfAnInstant,
        Self::KeepsAcknowledgedMessages,
        Self::LeasesWhatIsLeased,
        Self::OwnsDeletedDashboards,
        Self::KeepsTheOldOwner,
        Self::LosesTheWordOfAnOffer,
        Self::ForgetsWhoWasOffered,
    ];
}

/// Plays histories against each broken store until they part.
pub(crate) fn each_is_found() {
    let _inside = runtime::RUNTIME.enter();
    let mut missed = Vec::new();
    for defect in Defect::ALL {
        let found = (0..PATIENCE).find_map(|seed| {
            Some((seed, play(seed, Arc::new(Broken::new(defect)), &mut Counts::default()).err()?))
        });
        match found {
            Some((seed, found)) => {
                let what = found.lines().nth(1).filter(|_| found.contains("Step")).or(found.lines().next());
                let what: String = what.unwrap_or_default().chars().take(90).collect();
                println!("{:>4} histories find {defect:?}: {what}", seed + 1);
            }
            None => missed.push(defect),
        }
    }
    for seed in 0..PATIENCE {
        let store = Arc::new(Broken::new(Defect::AnswersInAnotherOrder));
        if let Err(found) = play(seed, store, &mut Counts::default()) {
            panic!("history {seed} depends on the order of chains: {found}");
        }
    }
    assert!(missed.is_empty(), "not found within {PATIENCE} histories: {missed:?}");
}

/// The memory store with one defect.
pub(crate) struct Broken {
    inner: MemoryStore,
    defect: Defect,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lost: BTreeSet<MessageId>,
    /// The head that each dashboard had before its last change.
    before: BTreeMap<DashboardId, Arc<Head>>,
    newest: BTreeMap<DashboardId, Arc<Head>>,
    first_seen: BTreeMap<String, Option<Snapshot>>,
    links: BTreeMap<LinkDigest, DashboardId>,
}

impl Broken {
    pub(crate) fn new(defect: Defect) -> Self {
        Self { inner: MemoryStore::default(), defect, state: Mutex::default() }
    }

    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic inside")
    }

    fn grant(&self, grant: &Arc<Grant>) -> Arc<Grant> {
        let mut kept = Grant::clone(grant);
        match (self.defect, kept.terms.expiry) {
            (Defect::CutsInstantsToSeconds, Expiry::At(end)) => {
                let micros = end.micros();
                kept.terms.expiry = Expiry::At(Timestamp::from_micros(micros - micros.rem_euclid(1_000_000)));
            }
            (Defect::TurnsNeverIntoAnEnd, Expiry::Never) => {
                kept.terms.expiry = Expiry::At(kept.created.plus_days(36_500));
            }
            _ => {}
        }
        Arc::new(kept)
    }

    fn head(&self, head: &Arc<Head>) -> Arc<Head> {
        let mut kept = Head::clone(head);
        if self.is(Defect::LosesTheFormerOwners) {
            kept.former_owners.clear();
        }
        if let (Phase::Offer(offer), true) = (&mut kept.phase, self.is(Defect::LosesTheWordOfAnOffer)) {
            offer.message = None;
        }
        Arc::new(kept)
    }

    fn snapshot(&self, snapshot: Snapshot) -> Snapshot {
        let mut snapshot = snapshot;
        snapshot.head = self.head(&snapshot.head);
        if self.is(Defect::AnswersInAnotherOrder) {
            snapshot.chains.reverse();
        }
        for chain in &mut snapshot.chains {
            for grant in chain.iter_mut() {
                *grant = self.grant(grant);
                if self.is(Defect::LosesTheHistoryInChains) {
                    Arc::make_mut(grant).history = None;
                }
            }
            if self.is(Defect::CutsTheRootOffAChain) && chain.len() > 2 {
                chain.pop();
            }
        }
        snapshot
    }

    fn record(&self, mut record: AuditRecord) -> AuditRecord {
        if self.is(Defect::LosesWhatFell) {
            record.fell.clear();
        }
        if self.is(Defect::LosesTheLinkThatFell) {
            record.link_fell = None;
        }
        record
    }

    fn messages(&self, mut messages: Vec<OutboxMessage>) -> Vec<OutboxMessage> {
        let state = self.state();
        messages.retain(|message| !state.lost.contains(&message.id));
        messages
    }
}

impl Store for Broken {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let known = self.inner.receipt(commit.dashboard(), commit.key()).await;
        if self.is(Defect::ForgetsItsCommits) && known.is_ok_and(|known| known.is_some()) {
            return Err(CommitError::Conflict);
        }
        let receipt = self.inner.commit(commit).await?;
        let mut state = self.state();
        if let (Some(last), true) = (
            commit.outbox().last(),
            self.is(Defect::LosesTheLastMessageOfACommit) && commit.outbox().len() > 1,
        ) {
            state.lost.insert(last.id);
        }
        if let Some(before) = state.newest.insert(commit.dashboard(), Arc::clone(commit.head())) {
            state.before.insert(commit.dashboard(), before);
        }
        if let Some(link) = &commit.head().link {
            state.links.insert(link.digest, commit.dashboard());
        }
        Ok(receipt)
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        if self.is(Defect::ForgetsItsCommits) {
            return Ok(None);
        }
        self.inner.receipt(dashboard, key).await
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        let found = self.inner.read(dashboard, seeds, freshness).await?;
        let mut found = found.map(|snapshot| self.snapshot(snapshot));
        if let Freshness::AtLeast(_) = freshness {
            let mut state = self.state();
            if self.is(Defect::AnswersFromACacheForEver) {
                let key = format!("{dashboard:?} {seeds:?}");
                return Ok(state.first_seen.entry(key).or_insert(found).clone());
            }
            if let (Some(found), Some(before), true) = (
                &mut found,
                state.before.get(&dashboard),
                self.is(Defect::DecidesByTheHeadBeforeTheLastChange),
            ) {
                found.head = Arc::clone(before);
            }
        }
        Ok(found)
    }

    async fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        freshness: Freshness,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let mut found = Vec::new();
        for dashboard in dashboards.iter().collect::<BTreeSet<_>>() {
            found.extend(self.read(*dashboard, &[Seed::Holder(holder.clone())], freshness).await?);
        }
        Ok(found)
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        let found = self.inner.read_link(digest).await?.map(|snapshot| self.snapshot(snapshot));
        let old = self.state().links.get(digest).copied();
        match (found, old) {
            (Some(mut found), _) => {
                if self.is(Defect::LosesTheChainOfALink) {
                    found.chains.clear();
                }
                Ok(Some(found))
            }
            (None, Some(dashboard)) if self.is(Defect::KeepsTheOldLink) => {
                self.inner.read(dashboard, &[], Freshness::Latest).await
            }
            (None, _) => Ok(None),
        }
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let from = from + u64::from(from > 0 && self.is(Defect::SkipsTheFirstRowOfAPage));
        let found = self.inner.grants(dashboard, from, limit).await?;
        let mut found: Vec<Arc<Grant>> = found.iter().map(|grant| self.grant(grant)).collect();
        if self.is(Defect::LosesTheHistoryOfAGrant) {
            found.iter_mut().for_each(|grant| Arc::make_mut(grant).history = None);
        }
        Ok(found)
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let mut found = self.inner.grants_below(dashboard, above, from, limit).await?;
        if self.is(Defect::FindsOnlyWhatHangsDirectly) {
            found.retain(|grant| grant.ancestors.last() == Some(&above));
        }
        Ok(found.iter().map(|grant| self.grant(grant)).collect())
    }

    async fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let found = self.inner.held(holder, after, limit).await?;
        let mut found: Vec<Snapshot> = found.into_iter().map(|held| self.snapshot(held)).collect();
        if self.is(Defect::ForgetsTheAddressOfAClaim) && matches!(holder, Holder::Address(_)) {
            found.retain(|held| {
                held.chains.iter().flatten().next().is_some_and(|leaf| leaf.grantee.is_pending())
            });
        }
        if self.is(Defect::ForgetsWhoWasOffered) && matches!(holder, Holder::Account(_)) {
            found.retain(|held| held.head.offer().is_none());
        }
        Ok(found)
    }

    async fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<Arc<Head>>, BoxError> {
        let mut found = self.inner.owned(owner, after, limit).await?;
        let state = self.state();
        match self.defect {
            Defect::ListsTheHeadBeforeTheLastChange => {
                for head in &mut found {
                    *head = state.before.get(&head.dashboard).cloned().unwrap_or(Arc::clone(head));
                }
            }
            Defect::OwnsDeletedDashboards | Defect::KeepsTheOldOwner if found.is_empty() => {
                let heads = match self.defect {
                    Defect::OwnsDeletedDashboards => state.newest.values(),
                    _ => state.before.values(),
                };
                let is_wrong = |head: &&Arc<Head>| self.is(Defect::KeepsTheOldOwner) || head.is_deleted();
                let heads = heads
                    .filter(|head| head.owner == owner && after.is_none_or(|after| head.dashboard > after));
                found.extend(heads.filter(is_wrong).take(limit).cloned());
            }
            _ => {}
        }
        Ok(found.iter().map(|head| self.head(head)).collect())
    }

    async fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let mut found = self.inner.audit(dashboard, after, limit).await?;
        if self.is(Defect::RepeatsTheLastRowOfAPage) && after > Revision::ZERO && !found.is_empty() {
            let before = Revision::new(after.number() - 1);
            found = self.inner.audit(dashboard, before, limit).await?;
        }
        if self.is(Defect::KeepsOneRecordOfAnInstant) {
            found.dedup_by_key(|record| record.at);
        }
        Ok(found.into_iter().map(|record| self.record(record)).collect())
    }

    async fn audit_of(
        &self,
        actor: Actor,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let actor = match actor {
            Actor::Host if self.is(Defect::TakesTheHostForAnAccount) => Actor::Account(AccountId::from(0u64)),
            actor => actor,
        };
        let found = self.inner.audit_of(actor, after, limit).await?;
        Ok(found.into_iter().map(|record| self.record(record)).collect())
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        Ok(self.messages(self.inner.outbox(after, limit).await?))
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        if self.is(Defect::LeasesWhatIsLeased) {
            return self.inner.outbox(None, limit).await;
        }
        Ok(self.messages(self.inner.lease(now, until, attempts, limit).await?))
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        if self.is(Defect::KeepsAcknowledgedMessages) {
            return Ok(());
        }
        self.inner.acknowledge(delivered).await
    }

    dashshare::delegate_store!(self.inner => dead_letters, put_back, sweep);
}
