//! A hash map in shares: a copy costs one reference count for each share, and a change to the copy one share.

use hashbrown::{HashTable, hash_table::Entry};
use std::sync::Arc;

/// How full a share is before their number doubles.
const SHARE: usize = 64;

/// Values by a hash that comes with them. Two values may have one hash; whoever looks tells them apart.
#[derive(Clone)]
pub(super) struct CowMap<V> {
    /// Their number is a power of two.
    shares: Vec<Arc<HashTable<(u64, V)>>>,
    len: usize,
}

impl<V> Default for CowMap<V> {
    fn default() -> Self {
        Self { shares: vec![Arc::default()], len: 0 }
    }
}

impl<V: Clone> CowMap<V> {
    /// An empty map with room for so many.
    pub(super) fn with_room_for(len: usize) -> Self {
        let shares = len.div_ceil(SHARE).next_power_of_two();
        let room = len.div_ceil(shares);
        Self { shares: (0..shares).map(|_| Arc::new(HashTable::with_capacity(room))).collect(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shares.iter().flat_map(|share| share.iter().map(|(_, value)| value))
    }

    /// The table itself picks by the lowest and the highest bits, so a share is picked by some between them.
    fn share_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.shares.len().wrapping_sub(1)
    }

    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(&V) -> bool) -> Option<&V> {
        let share = self.shares.get(self.share_of(hash))?;
        share.find(hash, |(_, value)| is_it(value)).map(|(_, value)| value)
    }

    /// Changes the value of a hash, in a share that nobody else holds: `change` gets the value or a fresh one, and
    /// says whether it stays.
    pub(super) fn change(
        &mut self,
        hash: u64,
        mut is_it: impl FnMut(&V) -> bool,
        fresh: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> bool,
    ) {
        if self.len >= self.shares.len().saturating_mul(SHARE) {
            self.spread();
        }
        let share = self.share_of(hash);
        let Some(share) = self.shares.get_mut(share) else { return };
        match Arc::make_mut(share).entry(hash, |(_, value)| is_it(value), |(hash, _)| *hash) {
            Entry::Occupied(mut entry) => {
                if !change(&mut entry.get_mut().1) {
                    entry.remove();
                    self.len = self.len.saturating_sub(1);
                }
            }
            Entry::Vacant(entry) => {
                let mut value = fresh();
                if change(&mut value) {
                    entry.insert((hash, value));
                    self.len = self.len.saturating_add(1);
                }
            }
        }
    }

    /// Doubles the number of shares.
    fn spread(&mut self) {
        let mut wider = Self::with_room_for(self.shares.len().saturating_mul(SHARE).saturating_mul(2));
        for (hash, value) in self.shares.drain(..).flat_map(Arc::unwrap_or_clone) {
            let share = wider.share_of(hash);
            let Some(share) = wider.shares.get_mut(share) else { continue };
            Arc::make_mut(share).insert_unique(hash, (hash, value), |(hash, _)| *hash);
            wider.len = wider.len.saturating_add(1);
        }
        *self = wider;
    }
}
