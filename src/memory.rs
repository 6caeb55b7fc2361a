//! A store in memory: for tests, for hosts that keep no state, and as the simplest store to read.

use crate::{
    commit::{Commit, CommitKey, Receipt},
    dashboard::{Head, Revision, Snapshot},
    grant::{Chain, Grant, Holder},
    id::{AccountId, DashboardId, GrantId},
    record::{AuditRecord, MessageId, OutboxMessage},
    store::{BoxError, CommitError, Seed, Store},
    token::LinkDigest,
};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::BuildHasher as _,
    sync::{Arc, PoisonError, RwLock},
};

/// Keeps everything in memory, behind one lock. Linearizable: a read that starts after a commit returned sees it.
#[derive(Default, Debug)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Default, Debug)]
struct State {
    boards: Vec<Board>,
    /// Where each dashboard is in `boards`.
    places: HashMap<DashboardId, u32>,
    /// Where each grant is: only the place is kept, the id is read from the grant.
    grants: HashTable<Place>,
    hasher: DefaultHashBuilder,
    /// The grants of each holder, by dashboard and ordinal.
    held: HashMap<Holder, Vec<Place>>,
    links: HashMap<LinkDigest, u32>,
    owned: BTreeSet<(AccountId, DashboardId)>,
    /// By the place of the dashboard: a key counts for its dashboard only.
    receipts: HashMap<(u32, CommitKey), Revision>,
    outbox: BTreeMap<MessageId, OutboxMessage>,
}

#[derive(Debug)]
struct Board {
    head: Arc<Head>,
    /// By ordinal.
    rows: Vec<Row>,
    audit: Vec<AuditRecord>,
}

#[derive(Debug)]
struct Row {
    grant: Arc<Grant>,
    /// Row numbers within the board.
    parent: Option<u32>,
    last_child: Option<u32>,
    previous_sibling: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    board: u32,
    row: u32,
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// More than four billion dashboards, or grants of one, do not fit; the store says so instead of mixing them up.
fn number(index: usize) -> Result<u32, BoxError> {
    u32::try_from(index).map_err(|_| "the memory store is full".into())
}

impl State {
    fn board(&self, dashboard: DashboardId) -> Option<(u32, &Board)> {
        let place = *self.places.get(&dashboard)?;
        Some((place, self.boards.get(index(place))?))
    }

    fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Option<Receipt> {
        let place = *self.places.get(&dashboard)?;
        let revision = *self.receipts.get(&(place, key))?;
        Some(Receipt { key, revision })
    }

    fn row(&self, place: Place) -> Option<&Row> {
        self.boards.get(index(place.board))?.rows.get(index(place.row))
    }

    fn place(&self, id: GrantId) -> Option<Place> {
        let is_it = |place: &Place| self.row(*place).is_some_and(|row| row.grant.id == id);
        self.grants.find(self.hasher.hash_one(id), is_it).copied()
    }

    /// The order of a holder's grants: by dashboard, then by ordinal.
    fn rank(&self, place: Place) -> Option<(DashboardId, u64)> {
        let row = self.row(place)?;
        Some((row.grant.dashboard, row.grant.ordinal))
    }

    fn chain(&self, place: Place) -> Chain {
        let mut chain = Vec::new();
        let mut next = Some(place.row);
        let Some(board) = self.boards.get(index(place.board)) else { return chain };
        while let Some(row) = next.and_then(|row| board.rows.get(index(row))) {
            if chain.is_empty() {
                chain.reserve_exact(row.grant.depth());
            }
            chain.push(Arc::clone(&row.grant));
            next = row.parent;
        }
        chain
    }

    /// The places of a holder's grants on one board.
    fn held_on<'a>(
        &'a self,
        holder: &Holder,
        board: u32,
        dashboard: DashboardId,
    ) -> impl Iterator<Item = Place> + 'a {
        let all = self.held.get(holder).map_or(&[][..], Vec::as_slice);
        // A short list is quicker to walk than to search.
        let from = match all.len() {
            0..=32 => 0,
            _ => all.partition_point(|place| self.rank(*place) < Some((dashboard, 0))),
        };
        let rest = all.get(from..).unwrap_or_default();
        rest.iter()
            .skip_while(move |place| place.board != board)
            .take_while(move |place| place.board == board)
            .copied()
    }

    fn read(&self, dashboard: DashboardId, seeds: &[Seed]) -> Option<Snapshot> {
        let (place, board) = self.board(dashboard)?;
        let mut chains = Vec::new();
        for seed in seeds {
            match seed {
                Seed::Holder(holder) => {
                    chains.extend(self.held_on(holder, place, dashboard).map(|place| self.chain(place)));
                }
                Seed::Grant(id) => {
                    let found = self.place(*id).filter(|found| found.board == place);
                    chains.extend(found.map(|place| self.chain(place)));
                }
            }
        }
        Some(Snapshot { head: Arc::clone(&board.head), chains })
    }

    /// Applies a commit whose revision was compared. Everything that can fail comes first.
    fn apply(&mut self, commit: &Commit) -> Result<(), BoxError> {
        let dashboard = commit.dashboard();
        let board_place = match self.places.get(&dashboard) {
            Some(place) => *place,
            None => number(self.boards.len())?,
        };
        let rows = self.boards.get(index(board_place)).map_or(0, |board| board.rows.len());
        number(rows.saturating_add(commit.grants().len()))?;

        if let Some(before) = self.boards.get(index(board_place)).map(|board| Arc::clone(&board.head)) {
            if let Some(link) = &before.link {
                self.links.remove(&link.digest);
            }
            self.owned.remove(&(before.owner, dashboard));
        } else {
            self.places.insert(dashboard, board_place);
            self.boards.push(Board { head: Arc::clone(&commit.head), rows: Vec::new(), audit: Vec::new() });
        }
        if commit.head.deleted.is_none() {
            self.owned.insert((commit.head.owner, dashboard));
        }
        self.links.extend(commit.head.link.as_ref().map(|link| (link.digest, board_place)));
        for grant in &commit.grants {
            self.put(board_place, grant)?;
        }
        if let Some(board) = self.boards.get_mut(index(board_place)) {
            board.head = Arc::clone(&commit.head);
            board.audit.push(commit.audit.clone());
        }
        self.outbox.extend(commit.outbox.iter().map(|message| (message.id, message.clone())));
        self.receipts.insert((board_place, commit.key), commit.head.revision);
        Ok(())
    }

    fn put(&mut self, board_place: u32, grant: &Arc<Grant>) -> Result<(), BoxError> {
        let known = self.place(grant.id).filter(|place| place.board == board_place);
        let place = match known {
            Some(place) => place,
            None => self.append(board_place, grant)?,
        };
        if let Some(row) =
            self.boards.get_mut(index(place.board)).and_then(|b| b.rows.get_mut(index(place.row)))
        {
            row.grant = Arc::clone(grant);
        }
        for holder in holders(grant) {
            let rank = self.rank(place);
            let all = self.held.get(&holder).map_or(&[][..], Vec::as_slice);
            let at = all.partition_point(|other| self.rank(*other) < rank);
            if all.get(at) != Some(&place) {
                self.held.entry(holder).or_default().insert(at, place);
            }
        }
        Ok(())
    }

    fn append(&mut self, board_place: u32, grant: &Arc<Grant>) -> Result<Place, BoxError> {
        let parent = grant.parent().and_then(|parent| self.place(parent)).map(|place| place.row);
        let board = self.boards.get_mut(index(board_place)).ok_or("the board is gone")?;
        let place = Place { board: board_place, row: number(board.rows.len())? };
        let elder = parent.and_then(|parent| board.rows.get_mut(index(parent)));
        let previous_sibling = elder.and_then(|elder| elder.last_child.replace(place.row));
        board.rows.push(Row { grant: Arc::clone(grant), parent, last_child: None, previous_sibling });
        let Self { boards, grants, hasher, .. } = self;
        let id_at = |place: &Place| {
            boards.get(index(place.board)).and_then(|b| b.rows.get(index(place.row))).map(|row| row.grant.id)
        };
        let hash = hasher.hash_one(grant.id);
        grants.insert_unique(hash, place, |place| id_at(place).map_or(0, |id| hasher.hash_one(id)));
        Ok(place)
    }

    /// The rows below one, by row number.
    fn below(board: &Board, above: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut open = vec![above];
        while let Some(row) = open.pop() {
            let mut child = board.rows.get(index(row)).and_then(|row| row.last_child);
            while let Some(row) = child {
                found.insert(row);
                open.push(row);
                child = board.rows.get(index(row)).and_then(|row| row.previous_sibling);
            }
        }
        found
    }
}

/// Whose list a grant is on: its account's, and that of the address it was made to, claimed or not.
fn holders(grant: &Grant) -> impl Iterator<Item = Holder> {
    let account = grant.grantee.account().map(Holder::Account);
    let address = grant.grantee.address().cloned().map(Holder::Address);
    account.into_iter().chain(address)
}

impl MemoryStore {
    // A lock is poisoned only when a thread panicked inside it; nothing here panics between two writes.
    fn state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(receipt) = state.receipt(commit.dashboard(), commit.key) {
            return Ok(receipt);
        }
        let found = state.board(commit.dashboard()).map_or(Revision::ZERO, |(_, board)| board.head.revision);
        if found != commit.expected {
            return Err(CommitError::Conflict);
        }
        state.apply(commit).map_err(CommitError::Failed)?;
        Ok(commit.receipt())
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        Ok(self.state().receipt(dashboard, key))
    }

    async fn read(&self, dashboard: DashboardId, seeds: &[Seed]) -> Result<Option<Snapshot>, BoxError> {
        Ok(self.state().read(dashboard, seeds))
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        let state = self.state();
        let board = state.links.get(digest).and_then(|place| state.boards.get(index(*place)));
        Ok(board.map(|board| {
            let hangs_on = board.head.link.as_ref().and_then(|link| state.place(link.grant?));
            let chains = hangs_on.map(|place| state.chain(place)).into_iter().collect();
            Snapshot { head: Arc::clone(&board.head), chains }
        }))
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let state = self.state();
        let Some((_, board)) = state.board(dashboard) else { return Ok(Vec::new()) };
        let at = board.rows.partition_point(|row| row.grant.ordinal < from);
        let rows = board.rows.get(at..).unwrap_or_default();
        Ok(rows.iter().take(limit).map(|row| Arc::clone(&row.grant)).collect())
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let state = self.state();
        let found = state.board(dashboard).zip(state.place(above));
        let Some(((place, board), above)) = found.filter(|((place, _), above)| above.board == *place) else {
            return Ok(Vec::new());
        };
        debug_assert_eq!(above.board, place);
        let below = State::below(board, above.row);
        let rows = below.into_iter().filter_map(|row| board.rows.get(index(row)));
        Ok(rows
            .filter(|row| row.grant.ordinal >= from)
            .take(limit)
            .map(|row| Arc::clone(&row.grant))
            .collect())
    }

    async fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let state = self.state();
        let all = state.held.get(holder).map_or(&[][..], Vec::as_slice);
        let at = all.partition_point(|place| after.is_some() && state.rank(*place) <= after);
        let page = all.get(at..).unwrap_or_default().iter().take(limit);
        Ok(page
            .filter_map(|place| {
                let head = Arc::clone(&state.boards.get(index(place.board))?.head);
                Some(Snapshot { head, chains: vec![state.chain(*place)] })
            })
            .collect())
    }

    async fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<DashboardId>, BoxError> {
        let state = self.state();
        let first = DashboardId::from_bytes([0; 16]);
        let from = state.owned.range((owner, after.unwrap_or(first))..);
        let own = from.take_while(|(account, _)| *account == owner).map(|(_, dashboard)| *dashboard);
        Ok(own.filter(|dashboard| after != Some(*dashboard)).take(limit).collect())
    }

    async fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let state = self.state();
        let Some((_, board)) = state.board(dashboard) else { return Ok(Vec::new()) };
        let at = board.audit.partition_point(|record| record.revision <= after);
        Ok(board.audit.get(at..).unwrap_or_default().iter().take(limit).cloned().collect())
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        let state = self.state();
        let waiting = state.outbox.values().filter(|message| after.is_none_or(|after| message.id > after));
        Ok(waiting.take(limit).cloned().collect())
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        delivered.iter().for_each(|id| drop(state.outbox.remove(id)));
        Ok(())
    }
}
