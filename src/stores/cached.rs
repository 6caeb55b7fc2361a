//! A cache in front of any store, for decisions.

use crate::{
    host::{BoxError, CommitError, Env, Freshness, Store, Transactional},
    record::{Commit, Head, Holder, Receipt, Revision, Seed, Snapshot},
    value::{DashboardId, LinkDigest, Timestamp},
};
use lru::LruCache;
use std::{
    collections::BTreeSet,
    fmt,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Keeps what decisions about accounts were made of, so that the next one needs no store.
///
/// What [`authorize`](crate::Dashshare::authorize) reads is kept for as long as the host says, its **staleness**, and no
/// longer however often it is asked for. Within that time a decision may not know of a change that another process
/// made: whoever revokes a grant through one process may see it honoured by another one for that long. So:
///
/// - a change made **through this cache** counts at once, and so does one that another read through it has shown (one
///   that a host makes in a transaction of its own goes past the cache, like those of other processes);
/// - a grant that **lapses** is dead at its instant: what is kept are grants, and each decision judges them by the clock
///   (D4);
/// - [`at_least`](crate::Dashshare::at_least) with the revision of a change is answered by what
///   reflects that change, from here or from the store (D6);
/// - a **public link** is never kept, nor what commands and lists are judged by: all of that is read from the store (L2).
///
/// Both clocks count, that of [`Env`] and the one of the machine that never steps: what is older by either is not served.
///
/// ```
/// use dashshare::{store::CachedStore, Dashshare, MemoryDirectory, MemoryStore, SystemEnv};
/// use std::{num::NonZeroUsize, time::Duration};
///
/// let room = NonZeroUsize::new(100_000).expect("some room");
/// let store = CachedStore::new(MemoryStore::default(), SystemEnv, Duration::from_secs(5), room);
/// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
/// ```
pub struct CachedStore<S, E> {
    store: S,
    env: E,
    staleness: Duration,
    kept: Mutex<Kept>,
}

struct Kept {
    entries: LruCache<(DashboardId, Holder), Entry>,
    /// The newest revision that was seen of each dashboard: what is older is not served, also if a slow read brings it
    /// later. Of a dashboard that is not here nothing is served.
    newest: LruCache<DashboardId, Revision>,
    /// How many dashboards were forgotten for want of room.
    forgotten: u64,
}

struct Entry {
    since: Since,
    snapshot: Snapshot,
}

/// The instant before a read began, and what was known then.
// INVARIANT: it is never moved, so that no hit prolongs an entry.
#[derive(Clone, Copy)]
struct Since {
    clock: Timestamp,
    machine: Instant,
    forgotten: u64,
}

impl Kept {
    fn note(&mut self, dashboard: DashboardId, revision: Revision) {
        let known = self.newest.get(&dashboard).copied();
        let newest = known.map_or(revision, |known| known.max(revision));
        let made_room = self.newest.push(dashboard, newest).is_some_and(|(gone, _)| gone != dashboard);
        self.forgotten = self.forgotten.saturating_add(u64::from(made_room));
    }
}

impl<S: Store, E: Env> CachedStore<S, E> {
    /// A cache that keeps what was read for `staleness`, of up to `room` pairs of a dashboard and an account, by a clock
    /// that should be the service's own. A staleness of zero keeps nothing.
    pub fn new(store: S, env: E, staleness: Duration, room: NonZeroUsize) -> Self {
        let kept = Kept { entries: LruCache::new(room), newest: LruCache::new(room), forgotten: 0 };
        Self { store, env, staleness, kept: Mutex::new(kept) }
    }

    /// The store behind it.
    pub fn store(&self) -> &S {
        &self.store
    }

    // A lock is poisoned only when a thread panicked inside it; nothing here panics between two writes.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, head: &Head) {
        self.kept().note(head.dashboard, head.revision);
    }

    /// A commit that is about to be sent. A withdrawal may be written on any revision, so that nothing kept is new enough.
    fn note_commit(&self, commit: &Commit) {
        let mut kept = self.kept();
        let known = kept.newest.get(&commit.dashboard()).copied().filter(|_| commit.is_withdrawal());
        let revision = known.map_or(commit.head.revision, |known| known.next().max(commit.head.revision));
        kept.note(commit.dashboard(), revision);
    }

    fn present(&self) -> Since {
        let forgotten = self.kept().forgotten;
        Since { clock: self.env.now(), machine: Instant::now(), forgotten }
    }

    fn is_fresh(&self, since: Since, now: Since) -> bool {
        let micros = i64::try_from(self.staleness.as_micros()).unwrap_or(i64::MAX);
        since.clock <= now.clock
            && now.clock < since.clock.plus_micros(micros)
            && now.machine.saturating_duration_since(since.machine) < self.staleness
    }

    /// What is kept for a key, if it is new enough.
    fn find(&self, key: &(DashboardId, Holder), at_least: Revision, now: Since) -> Option<Snapshot> {
        let mut kept = self.kept();
        let wanted = (*kept.newest.get(&key.0)?).max(at_least);
        let Entry { since, snapshot } = kept.entries.get(key)?;
        let is_known = wanted <= snapshot.head.revision && self.is_fresh(*since, now);
        is_known.then(|| snapshot.clone())
    }

    fn keep(&self, key: (DashboardId, Holder), since: Since, snapshot: &Snapshot) {
        let mut kept = self.kept();
        // A change that was noted while this was read may have been forgotten again.
        let may_be_overtaken = kept.forgotten != since.forgotten && !kept.newest.contains(&key.0);
        if !may_be_overtaken {
            kept.note(key.0, snapshot.head.revision);
            kept.entries.put(key, Entry { since, snapshot: snapshot.clone() });
        }
    }
}

impl<S: Store, E: Env> Store for CachedStore<S, E> {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        // Before it is sent: it may be applied although its answer is lost, or nobody waits for it any more. If it is
        // not, the dashboard is read from the store until its next change.
        self.note_commit(commit);
        let receipt = self.store.commit(commit).await?;
        if commit.is_withdrawal() {
            self.kept().note(commit.dashboard(), receipt.revision);
        }
        Ok(receipt)
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        let (Freshness::AtLeast(at_least), [Seed::Holder(holder)]) = (freshness, seeds) else {
            let found = self.store.read(dashboard, seeds, freshness).await?;
            found.iter().for_each(|snapshot| self.note(&snapshot.head));
            return Ok(found);
        };
        let key = (dashboard, holder.clone());
        let since = self.present();
        if let Some(snapshot) = self.find(&key, at_least, since) {
            return Ok(Some(snapshot));
        }
        let found = self.store.read(dashboard, seeds, freshness).await?;
        if let Some(snapshot) = &found {
            self.keep(key, since, snapshot);
        }
        Ok(found)
    }

    async fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        freshness: Freshness,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let Freshness::AtLeast(at_least) = freshness else {
            let found = self.store.read_many(dashboards, holder, freshness).await?;
            found.iter().for_each(|snapshot| self.note(&snapshot.head));
            return Ok(found);
        };
        let since = self.present();
        let (mut known, mut rest) = (Vec::new(), Vec::new());
        for dashboard in dashboards.iter().copied().collect::<BTreeSet<_>>() {
            match self.find(&(dashboard, holder.clone()), at_least, since) {
                Some(snapshot) => known.push(snapshot),
                None => rest.push(dashboard),
            }
        }
        if !rest.is_empty() {
            let found = self.store.read_many(&rest, holder, freshness).await?;
            for snapshot in &found {
                self.keep((snapshot.head.dashboard, holder.clone()), since, snapshot);
            }
            known.extend(found);
        }
        Ok(known)
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        let found = self.store.read_link(digest).await?;
        found.iter().for_each(|snapshot| self.note(&snapshot.head));
        Ok(found)
    }

    crate::delegate_store!(self.store => receipt, grants, grants_below, held, owned, audit, audit_of, outbox, lease,
        acknowledge);
}

impl<S: Transactional, E: Env> Transactional for CachedStore<S, E> {
    type Transaction<'c> = S::Transaction<'c>;
    type Open<'t> = S::Open<'t>;

    fn within<'t>(&self, transaction: &'t mut Self::Transaction<'_>) -> Self::Open<'t> {
        self.store.within(transaction)
    }
}

impl<S: fmt::Debug, E> fmt::Debug for CachedStore<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("store", &self.store)
            .field("staleness", &self.staleness)
            .finish_non_exhaustive()
    }
}
