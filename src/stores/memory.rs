//! A store in memory: for tests, for hosts that keep no state, and as the simplest store to read.

use super::{
    outbox::Outbox,
    pairs::{Pair, Place, hash_pair, holders, index},
};
use crate::{
    host::{BoxError, CommitError, Freshness, Store},
    record::{
        Actor, AuditRecord, Chain, Commit, CommitKey, DeadLetter, Grant, Head, Holder, MessageId,
        OutboxMessage, Receipt, Revision, Seed, Snapshot,
    },
    value::{AccountId, DashboardId, GrantId, LinkDigest, Timestamp},
};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable, hash_table::Entry};
use std::{
    collections::BTreeSet,
    hash::BuildHasher as _,
    sync::{Arc, PoisonError, RwLock},
};

/// Keeps everything in memory, behind one lock. Linearizable: a read that starts after a commit returned sees it.
#[derive(Default, Debug)]
pub struct MemoryStore {
    state: RwLock<State>,
}

// A look-up among a million grants costs what it has to wait for: one cache miss after the other. A question about a
// grant that its owner made waits for its pair, and then for the grant with the head beside it; no row is asked. The
// tables read their keys from what they lead to: a key is kept once.
#[derive(Default, Debug)]
struct State {
    /// By board number. Apart from the boards because every question needs its head.
    heads: Vec<Arc<Head>>,
    boards: Vec<Board>,
    /// The board number of each dashboard.
    numbers: HashMap<DashboardId, u32>,
    /// All grants, in the order in which they came.
    rows: Vec<Row>,
    by_id: HashTable<Place>,
    /// What each holder has on each dashboard, the shelf apart.
    pairs: HashTable<Pair>,
    hasher: DefaultHashBuilder,
    /// The grants of each holder, by dashboard and ordinal, without those on the shelf.
    held: HashMap<Holder, Vec<Place>>,
    /// Those on the shelf, likewise.
    shelf: HashMap<Holder, Vec<Place>>,
    links: HashMap<LinkDigest, u32>,
    owned: BTreeSet<(AccountId, DashboardId)>,
    /// By the board's number: a key counts for its dashboard only.
    receipts: HashMap<(u32, CommitKey), Receipt>,
    /// The receipts by the instants of their commits.
    receipts_by_age: BTreeSet<(Timestamp, u32, CommitKey)>,
    outbox: Outbox,
    /// The dashboards that each actor has changed.
    by_actor: HashMap<Actor, BTreeSet<DashboardId>>,
}

#[derive(Default, Debug)]
struct Board {
    /// By ordinal.
    rows: Vec<Place>,
    audit: Vec<AuditRecord>,
}

#[derive(Debug)]
struct Row {
    grant: Arc<Grant>,
    board: u32,
    parent: Option<Place>,
    last_child: Option<Place>,
    previous_sibling: Option<Place>,
}

impl State {
    fn number(&self, dashboard: DashboardId) -> Option<u32> {
        self.numbers.get(&dashboard).copied()
    }

    fn head(&self, number: u32) -> Option<&Arc<Head>> {
        self.heads.get(index(number))
    }

    fn board(&self, dashboard: DashboardId) -> Option<&Board> {
        self.boards.get(index(self.number(dashboard)?))
    }

    fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Option<Receipt> {
        self.receipts.get(&(self.number(dashboard)?, key)).copied()
    }

    fn row(&self, place: Place) -> Option<&Row> {
        self.rows.get(place.index())
    }

    fn grant(&self, place: Place) -> Option<&Arc<Grant>> {
        self.row(place).map(|row| &row.grant)
    }

    /// A grant's place. Ids are random, and a random generator can break: the same id on another dashboard is another
    /// grant.
    fn place(&self, dashboard: DashboardId, id: GrantId) -> Option<Place> {
        let is_its = |grant: &Arc<Grant>| grant.id == id && grant.dashboard == dashboard;
        let is_it = |place: &Place| self.grant(*place).is_some_and(is_its);
        self.by_id.find(hash_id(&self.hasher, id), is_it).copied()
    }

    /// The order of a holder's grants: by dashboard, then by ordinal.
    fn rank(&self, place: Place) -> Option<(DashboardId, u64)> {
        self.grant(place).map(|grant| (grant.dashboard, grant.ordinal))
    }

    /// A grant and those it hangs on.
    fn chain(&self, place: Place) -> Chain {
        let Some(leaf) = self.grant(place) else { return Chain::new() };
        let mut chain = Vec::with_capacity(leaf.depth());
        chain.extend(self.path(place).cloned());
        chain
    }

    /// A grant and those it hangs on, leaf first.
    fn path(&self, leaf: Place) -> impl Iterator<Item = &Arc<Grant>> {
        let rows = std::iter::successors(self.row(leaf), |row| self.row(row.parent?));
        rows.map(|row| &row.grant)
    }

    fn pair(&self, dashboard: DashboardId, holder: &Holder) -> Option<&Pair> {
        // Asks the head which dashboard it is: the head and the grant are waited for at the same time.
        let is_here = |board| self.head(board).is_some_and(|head| head.dashboard == dashboard);
        self.pairs.find(hash_pair(&self.hasher, dashboard, holder), |pair| {
            is_here(pair.board()) && pair.is_of(holder)
        })
    }

    /// The places of a holder's grants on one dashboard.
    fn held_on(&self, holder: &Holder, dashboard: DashboardId) -> impl Iterator<Item = Place> {
        self.listed_on(self.held.get(holder), dashboard)
    }

    /// Those of a list that are of one dashboard.
    fn listed_on(&self, list: Option<&Vec<Place>>, dashboard: DashboardId) -> impl Iterator<Item = Place> {
        let all = list.map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|place| self.rank(*place) < Some((dashboard, 0)));
        let rest = all.get(from..).unwrap_or_default();
        let is_here =
            move |place: &&Place| self.grant(**place).is_some_and(|grant| grant.dashboard == dashboard);
        rest.iter().take_while(is_here).copied()
    }

    fn read(&self, dashboard: DashboardId, seeds: &[Seed]) -> Option<Snapshot> {
        let mut chains = Vec::new();
        let mut number = None;
        for seed in seeds {
            match seed {
                Seed::Holder(holder) => {
                    let Some(pair) = self.pair(dashboard, holder) else { continue };
                    number = Some(pair.board());
                    if pair.has_more() {
                        chains.extend(self.held_on(holder, dashboard).map(|place| self.chain(place)));
                    } else if pair.grant.parent().is_none() {
                        // Most are like this: no row is asked.
                        chains.push(vec![Arc::clone(&pair.grant)]);
                    } else {
                        chains.push(self.chain(pair.place));
                    }
                }
                Seed::EverHeld(holder) => {
                    let shelved = self.listed_on(self.shelf.get(holder), dashboard);
                    let ever = self.held_on(holder, dashboard).chain(shelved);
                    chains.extend(ever.map(|place| self.chain(place)));
                }
                Seed::Grant(id) => {
                    chains.extend(self.place(dashboard, *id).map(|place| self.chain(place)));
                }
            }
        }
        let head = self.head(number.or_else(|| self.number(dashboard))?)?;
        Some(Snapshot { head: Arc::clone(head), chains })
    }

    /// Applies a commit whose revision was compared. Everything that can fail comes first.
    fn apply(&mut self, commit: &Commit) -> Result<Receipt, BoxError> {
        let dashboard = commit.dashboard();
        let known = self.number(dashboard);
        let number = match known {
            Some(number) => number,
            None => {
                let number = u32::try_from(self.boards.len()).ok().filter(|number| *number <= Pair::BOARD);
                number.ok_or("the memory store is full")?
            }
        };
        Place::after(self.rows.len().saturating_add(commit.grants().len()))?;
        let opens = commit.head.link.as_ref().and_then(|link| self.links.get(&link.digest));
        if opens.is_some_and(|opens| *opens != number) {
            return Err("the digest of the link is another dashboard's".into());
        }

        match self.heads.get_mut(index(number)) {
            Some(head) => {
                if let Some(link) = &head.link {
                    self.links.remove(&link.digest);
                }
                if head.owner != commit.head.owner || commit.head.is_deleted() {
                    self.owned.remove(&(head.owner, dashboard));
                }
                *head = Arc::clone(&commit.head);
            }
            None => {
                self.numbers.insert(dashboard, number);
                self.heads.push(Arc::clone(&commit.head));
                self.boards.push(Board::default());
            }
        }
        if !commit.head.is_deleted() {
            self.owned.insert((commit.head.owner, dashboard));
        }
        self.links.extend(commit.head.link.as_ref().map(|link| (link.digest, number)));
        for grant in &commit.grants {
            self.put(number, grant)?;
        }
        if let Some(board) = self.boards.get_mut(index(number)) {
            board.audit.push(commit.audit.clone());
        }
        self.by_actor.entry(commit.audit.actor).or_default().insert(dashboard);
        self.outbox.append(&commit.outbox);
        let receipt = commit.receipt();
        self.receipts.insert((number, commit.key), receipt);
        self.receipts_by_age.insert((receipt.at, number, commit.key));
        Ok(receipt)
    }

    fn put(&mut self, board: u32, grant: &Arc<Grant>) -> Result<(), BoxError> {
        let place = match self.place(grant.dashboard, grant.id) {
            Some(place) => place,
            None => self.append(board, grant)?,
        };
        if let Some(row) = self.rows.get_mut(place.index()) {
            row.grant = Arc::clone(grant);
        }
        for holder in holders(grant) {
            if grant.is_shelved() {
                self.shelve(&holder, place, board, grant);
            } else {
                if let Some(list) = self.shelf.get_mut(&holder) {
                    list.retain(|other| *other != place);
                }
                self.list(holder, place, board, grant);
            }
        }
        Ok(())
    }

    fn append(&mut self, board: u32, grant: &Arc<Grant>) -> Result<Place, BoxError> {
        let place = Place::after(self.rows.len())?;
        let parent = grant.parent().and_then(|parent| self.place(grant.dashboard, parent));
        let elder = parent.and_then(|parent| self.rows.get_mut(parent.index()));
        let previous_sibling = elder.and_then(|elder| elder.last_child.replace(place));
        self.rows.push(Row { grant: Arc::clone(grant), board, parent, last_child: None, previous_sibling });
        let Self { rows, by_id, hasher, .. } = self;
        by_id.insert_unique(hash_id(hasher, grant.id), place, |place| {
            rows.get(place.index()).map_or(0, |row| hash_id(hasher, row.grant.id))
        });
        if let Some(board) = self.boards.get_mut(index(board)) {
            board.rows.push(place);
        }
        Ok(place)
    }

    /// Puts a grant where its holder's are found.
    fn list(&mut self, holder: Holder, place: Place, board: u32, grant: &Arc<Grant>) {
        let bits = if matches!(holder, Holder::Address(_)) { Pair::IS_ADDRESS } else { 0 };
        let hash = hash_pair(&self.hasher, grant.dashboard, &holder);
        let pair = Pair { grant: Arc::clone(grant), place, board: board | bits };
        let Self { pairs, hasher, .. } = self;
        let is_it = |pair: &Pair| pair.board() == board && pair.is_of(&holder);
        match pairs.entry(hash, is_it, |pair| pair.hash(hasher)) {
            Entry::Occupied(mut known) if known.get().place == place => known.get_mut().grant = pair.grant,
            Entry::Occupied(mut known) => known.get_mut().board |= Pair::HAS_MORE,
            Entry::Vacant(free) => drop(free.insert(pair)),
        }
        if let Err(at) = self.position(self.held.get(&holder), place) {
            self.held.entry(holder).or_default().insert(at, place);
        }
    }

    /// Puts a grant on the shelf: its holder's other grants are found without it.
    fn shelve(&mut self, holder: &Holder, place: Place, board: u32, grant: &Arc<Grant>) {
        if let Ok(at) = self.position(self.held.get(holder), place)
            && let Some(list) = self.held.get_mut(holder)
        {
            list.remove(at);
        }
        if let Err(at) = self.position(self.shelf.get(holder), place) {
            self.shelf.entry(holder.clone()).or_default().insert(at, place);
        }
        let mut left = self.held_on(holder, grant.dashboard);
        let first = left.next().and_then(|place| Some((place, Arc::clone(self.grant(place)?))));
        let more = if left.next().is_some() { Pair::HAS_MORE } else { 0 };
        drop(left);
        let hash = hash_pair(&self.hasher, grant.dashboard, holder);
        let is_it = |pair: &Pair| pair.board() == board && pair.is_of(holder);
        let Ok(mut pair) = self.pairs.find_entry(hash, is_it) else { return };
        match first {
            Some((place, grant)) => {
                let bits = pair.get().board & Pair::IS_ADDRESS;
                *pair.get_mut() = Pair { grant, place, board: board | bits | more };
            }
            None => drop(pair.remove()),
        }
    }

    /// Where a place is in a list, or belongs.
    fn position(&self, list: Option<&Vec<Place>>, place: Place) -> Result<usize, usize> {
        let all = list.map_or(&[][..], Vec::as_slice);
        let rank = self.rank(place);
        let at = all.partition_point(|other| self.rank(*other) < rank);
        if all.get(at) == Some(&place) { Ok(at) } else { Err(at) }
    }

    /// The rows below one.
    fn below(&self, above: Place) -> BTreeSet<Place> {
        let mut found = BTreeSet::new();
        let mut open = vec![above];
        while let Some(place) = open.pop() {
            let mut child = self.row(place).and_then(|row| row.last_child);
            while let Some(place) = child {
                found.insert(place);
                open.push(place);
                child = self.row(place).and_then(|row| row.previous_sibling);
            }
        }
        found
    }
}

fn hash_id(hasher: &DefaultHashBuilder, id: GrantId) -> u64 {
    hasher.hash_one(id.to_u128())
}

impl MemoryStore {
    // A lock is poisoned only when a thread panicked inside it; nothing here panics between two writes.
    fn state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_to_change(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let mut state = self.state_to_change();
        if let Some(receipt) = state.receipt(commit.dashboard(), commit.key) {
            return if receipt.is_of(commit) { Ok(receipt) } else { Err(CommitError::KeyReused) };
        }
        let head = state.number(commit.dashboard()).and_then(|number| state.head(number));
        let found = head.map_or(Revision::ZERO, |head| head.revision);
        if found == commit.expected {
            return state.apply(commit).map_err(CommitError::Failed);
        }
        let stored =
            commit.rests_on().iter().filter_map(|grant| state.grant(state.place(grant.dashboard, grant.id)?));
        let stored: Vec<Arc<Grant>> = stored.map(Arc::clone).collect();
        let carried = head.and_then(|head| commit.onto(head, &stored)).ok_or(CommitError::Conflict)?;
        state.apply(&carried).map_err(CommitError::Failed)
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        Ok(self.state().receipt(dashboard, key))
    }

    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        _: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        Ok(self.state().read(dashboard, seeds))
    }

    async fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        _: Freshness,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let seed = [Seed::Holder(holder.clone())];
        let wanted: BTreeSet<DashboardId> = dashboards.iter().copied().collect();
        let state = self.state();
        Ok(wanted.into_iter().filter_map(|dashboard| state.read(dashboard, &seed)).collect())
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        let state = self.state();
        let head = state.links.get(digest).and_then(|number| state.head(*number));
        Ok(head.map(|head| {
            let hangs_on = head.link.as_ref().and_then(|link| state.place(head.dashboard, link.grant?));
            let chains = hangs_on.map(|place| state.chain(place)).into_iter().collect();
            Snapshot { head: Arc::clone(head), chains }
        }))
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let state = self.state();
        let rows = state.board(dashboard).map_or(&[][..], |board| board.rows.as_slice());
        let at = rows.partition_point(|place| state.grant(*place).is_some_and(|grant| grant.ordinal < from));
        let rows = rows.get(at..).unwrap_or_default();
        Ok(rows.iter().take(limit).filter_map(|place| state.grant(*place).cloned()).collect())
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let state = self.state();
        let Some(above) = state.place(dashboard, above) else { return Ok(Vec::new()) };
        let below = state.below(above).into_iter().filter_map(|place| state.grant(place));
        Ok(below.filter(|grant| grant.ordinal >= from).take(limit).map(Arc::clone).collect())
    }

    async fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let state = self.state();
        let behind = |list: Option<&Vec<Place>>| {
            let all = list.map_or(&[][..], Vec::as_slice);
            let at = all.partition_point(|place| after.is_some() && state.rank(*place) <= after);
            all.get(at..).unwrap_or_default().iter().take(limit).copied().collect::<Vec<Place>>()
        };
        let mut page = behind(state.held.get(holder));
        let shelved = behind(state.shelf.get(holder));
        if !shelved.is_empty() {
            page.extend(shelved);
            page.sort_by_key(|place| state.rank(*place));
            page.truncate(limit);
        }
        Ok(page
            .iter()
            .filter_map(|place| {
                let row = state.row(*place)?;
                let head = Arc::clone(state.head(row.board)?);
                Some(Snapshot { head, chains: vec![state.chain(*place)] })
            })
            .collect())
    }

    async fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<Arc<Head>>, BoxError> {
        let state = self.state();
        let first = DashboardId::from_bytes([0; 16]);
        let from = state.owned.range((owner, after.unwrap_or(first))..);
        let own = from.take_while(|(account, _)| *account == owner).map(|(_, dashboard)| *dashboard);
        let page = own.filter(|dashboard| after != Some(*dashboard)).take(limit);
        let head = |dashboard| state.head(state.number(dashboard)?).cloned();
        Ok(page.filter_map(head).collect())
    }

    async fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let state = self.state();
        let Some(board) = state.board(dashboard) else { return Ok(Vec::new()) };
        let at = board.audit.partition_point(|record| record.revision <= after);
        Ok(board.audit.get(at..).unwrap_or_default().iter().take(limit).cloned().collect())
    }

    async fn audit_of(
        &self,
        actor: Actor,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let state = self.state();
        let Some(touched) = state.by_actor.get(&actor) else { return Ok(Vec::new()) };
        let from = after.map_or(DashboardId::from_bytes([0; 16]), |(dashboard, _)| dashboard);
        let boards = touched.range(from..).filter_map(|dashboard| state.board(*dashboard));
        let records = boards.flat_map(|board| &board.audit).filter(|record| record.actor == actor);
        let behind = records.filter(|record| after.is_none_or(|it| (record.dashboard, record.revision) > it));
        Ok(behind.take(limit).cloned().collect())
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        Ok(self.state().outbox.page(after, limit))
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        Ok(self.state_to_change().outbox.lease(now, until, attempts, limit))
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        self.state_to_change().outbox.acknowledge(delivered);
        Ok(())
    }

    async fn dead_letters(
        &self,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BoxError> {
        Ok(self.state().outbox.dead_letters(now, after, limit))
    }

    async fn put_back(&self, messages: &[MessageId]) -> Result<(), BoxError> {
        self.state_to_change().outbox.put_back(messages);
        Ok(())
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        let mut state = self.state_to_change();
        let State { receipts, receipts_by_age, .. } = &mut *state;
        let mut swept: usize = 0;
        while swept < limit && receipts_by_age.first().is_some_and(|(at, ..)| *at < before) {
            if let Some((_, board, key)) = receipts_by_age.pop_first() {
                receipts.remove(&(board, key));
            }
            swept = swept.saturating_add(1);
        }
        Ok(swept)
    }
}
