//! What a process keeps of all keys, in a fixed size.

use super::{
    gcra::{KeyState, Limit, Taken, Verdict},
    key::LimitKey,
    purpose::Purpose,
};
use crate::value::Timestamp;

/// How many of the keys that could make room are looked at for one that comes in.
const TRIES: usize = 8;
const NOBODY: u32 = u32::MAX;

/// A fixed number of keys, each exactly, and cells that all others share.
///
/// A key makes room only when nothing is owed by it, so whoever is throttled stays so however many others come. One that
/// finds no room shares two cells of its purpose, chosen by its hash, with others: it is judged by the lesser of the two,
/// and raises both. What a cell owes is never less than what any one of its keys does, so sharing lets nothing more
/// through, and refuses without cause only one both of whose cells are kept busy by others. In cells nothing is given back.
///
/// Rules: [R5](crate::specification).
#[derive(Debug)]
pub(crate) struct Table {
    capacity: usize,
    /// The first entry of each chain.
    chains: Box<[u32]>,
    entries: Vec<Entry>,
    /// The next entry to be asked for room.
    hand: usize,
    /// The latest instant until which a key owed that is forgotten: a clock that steps back finds it owing still.
    forgotten: Timestamp,
    /// The greatest number that was given for a key that is forgotten.
    number: u64,
    /// Those of a purpose come with its first key that finds no room.
    cells: [Option<Box<Cells>>; Purpose::COUNT],
}

// A line of a processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Entry {
    hash: [u8; 16],
    next: u32,
    state: KeyState,
}

/// Two rows, of each of which a key has one cell: the instants until which is owed.
#[derive(Debug)]
struct Cells([Box<[Timestamp]>; 2]);

impl Table {
    /// A table of so many exact keys, and twice as many cells for each purpose that ever needs them.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, 1 << 30);
        Self {
            capacity,
            chains: vec![NOBODY; capacity].into(),
            entries: Vec::with_capacity(capacity),
            hand: 0,
            forgotten: Timestamp::MIN,
            number: 0,
            cells: [const { None }; Purpose::COUNT],
        }
    }

    /// Takes a cost of a key, if there is room.
    pub(crate) fn take(&mut self, key: &LimitKey, limit: Limit, cost: u32, now: Timestamp) -> Verdict {
        let hash = key.hash();
        if let Some(entry) = self.find(hash).and_then(|at| self.entries.get_mut(at)) {
            return entry.state.take(limit, cost, now);
        }
        // What it owes is not known: no more than its cells do, and what it owed when it was forgotten.
        let shared = self.shared(key);
        let Some(place) = self.room(now) else { return self.take_shared(key, limit, cost, now, shared) };
        let mut state = KeyState::owing(shared.max(self.forgotten), self.number);
        let verdict = state.take(limit, cost, now);
        if matches!(verdict, Verdict::Accepted(_)) {
            self.put(place, hash, state);
        }
        verdict
    }

    /// Gives back what was taken, where the key is still known.
    pub(crate) fn give_back(&mut self, key: &LimitKey, limit: Limit, taken: Taken) {
        if let Some(entry) = self.find(key.hash()).and_then(|at| self.entries.get_mut(at)) {
            entry.state.give_back(limit, taken);
        }
    }

    /// The bytes that it has asked for.
    pub(crate) fn bytes(&self) -> usize {
        let cells = self.cells.iter().flatten().flat_map(|cells| &cells.0);
        size_of_val(&*self.chains)
            .saturating_add(self.entries.capacity().saturating_mul(size_of::<Entry>()))
            .saturating_add(cells.map(|row| size_of_val(&**row)).fold(0, usize::saturating_add))
    }

    fn find(&self, hash: [u8; 16]) -> Option<usize> {
        let mut at = *self.chains.get(self.chain(hash))?;
        loop {
            let place = usize::try_from(at).ok()?;
            let entry = self.entries.get(place)?;
            if entry.hash == hash {
                return Some(place);
            }
            at = entry.next;
        }
    }

    /// The chain of a hash, which is as good as random.
    fn chain(&self, hash: [u8; 16]) -> usize {
        below(self.capacity, hash, 0)
    }

    /// A place for one key more: a new one, or that of a key that owes nothing.
    fn room(&mut self, now: Timestamp) -> Option<usize> {
        if self.entries.len() < self.capacity {
            return Some(self.entries.len());
        }
        for _ in 0..TRIES {
            let place = self.hand;
            self.hand = place.saturating_add(1).checked_rem(self.capacity).unwrap_or(0);
            if self.entries.get(place).is_some_and(|entry| entry.state.owes_until() <= now) {
                return Some(place);
            }
        }
        None
    }

    fn put(&mut self, place: usize, hash: [u8; 16], state: KeyState) {
        if let Some(gone) = self.entries.get(place).copied() {
            self.forgotten = self.forgotten.max(gone.state.owes_until());
            self.number = self.number.max(gone.state.number());
            self.unchain(place, gone);
        }
        let chain = self.chain(hash);
        let Some(first) = self.chains.get_mut(chain) else { return };
        let entry = Entry { hash, next: *first, state };
        *first = u32::try_from(place).unwrap_or(NOBODY);
        match self.entries.get_mut(place) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
    }

    /// Takes an entry out of its chain.
    fn unchain(&mut self, place: usize, gone: Entry) {
        let Ok(wanted) = u32::try_from(place) else { return };
        let chain = self.chain(gone.hash);
        let Some(first) = self.chains.get_mut(chain) else { return };
        if *first == wanted {
            *first = gone.next;
            return;
        }
        let mut at = *first;
        while let Some(entry) = usize::try_from(at).ok().and_then(|at| self.entries.get_mut(at)) {
            if entry.next == wanted {
                entry.next = gone.next;
                return;
            }
            at = entry.next;
        }
    }

    /// Until when a key owes by its cells.
    fn shared(&self, key: &LimitKey) -> Timestamp {
        let cells = self.cells.get(key.purpose().place()).and_then(Option::as_ref);
        cells.map_or(Timestamp::MIN, |cells| cells.owed(key.hash()))
    }

    fn take_shared(
        &mut self,
        key: &LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
        owed: Timestamp,
    ) -> Verdict {
        let owed = owed.max(self.forgotten);
        match limit.judge(Some(owed), now, cost) {
            Verdict::Refused(wait) => Verdict::Refused(wait),
            Verdict::Accepted(tat) => {
                let capacity = self.capacity;
                if let Some(cells) = self.cells.get_mut(key.purpose().place()) {
                    cells.get_or_insert_with(|| Box::new(Cells::new(capacity))).raise(key.hash(), tat);
                }
                Verdict::Accepted(Taken::for_good(cost))
            }
        }
    }
}

impl Cells {
    fn new(width: usize) -> Self {
        Self([width; 2].map(|width| vec![Timestamp::MIN; width].into()))
    }

    /// The lesser of its two.
    fn owed(&self, hash: [u8; 16]) -> Timestamp {
        let row = |row: &[Timestamp], part| row.get(below(row.len(), hash, part)).copied();
        let [one, other] = &self.0;
        let owed = row(one, 1).into_iter().chain(row(other, 2)).min();
        owed.unwrap_or(Timestamp::MAX)
    }

    fn raise(&mut self, hash: [u8; 16], tat: Timestamp) {
        for (row, part) in self.0.iter_mut().zip(1..) {
            let at = below(row.len(), hash, part);
            if let Some(cell) = row.get_mut(at) {
                *cell = tat.max(*cell);
            }
        }
    }
}

/// A number below another, by one of the four parts of a hash.
fn below(bound: usize, hash: [u8; 16], part: usize) -> usize {
    let bytes = hash.iter().skip(part.saturating_mul(4)).take(4);
    let number = bytes.fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(number.checked_rem(bound).unwrap_or(0)).unwrap_or(0)
}
