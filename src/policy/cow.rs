//! A hash map in shards: a copy costs one reference count for each shard, and a change to the copy one shard.

use hashbrown::{HashTable, hash_table};
use std::sync::Arc;

/// How full a shard is before their number doubles.
const SHARD: usize = 64;

/// Values by a hash that comes with them. Two values may have one hash; whoever looks tells them apart.
#[derive(Clone)]
pub(super) struct CowMap<V> {
    /// Their number is a power of two.
    shards: Vec<Arc<HashTable<(u64, V)>>>,
    len: usize,
}

impl<V> Default for CowMap<V> {
    fn default() -> Self {
        Self { shards: vec![Arc::default()], len: 0 }
    }
}

impl<V: Clone> CowMap<V> {
    /// An empty map with room for so many.
    pub(super) fn with_room_for(len: usize) -> Self {
        let shards = len.div_ceil(SHARD).next_power_of_two();
        let room = len.div_ceil(shards);
        Self { shards: (0..shards).map(|_| Arc::new(HashTable::with_capacity(room))).collect(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.shards.iter().flat_map(|shard| shard.iter().map(|(_, value)| value))
    }

    /// The table itself picks by the lowest and the highest bits, so a shard is picked by some between them.
    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 32) as usize & self.shards.len().wrapping_sub(1)
    }

    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(&V) -> bool) -> Option<&V> {
        let shard = self.shards.get(self.shard_of(hash))?;
        shard.find(hash, |(_, value)| is_it(value)).map(|(_, value)| value)
    }

    /// Changes the value of a hash, in a shard that nobody else holds: `change` gets the value or a fresh one, and
    /// says whether it stays.
    pub(super) fn change(
        &mut self,
        hash: u64,
        mut is_it: impl FnMut(&V) -> bool,
        fresh: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> bool,
    ) {
        if self.len >= self.shards.len().saturating_mul(SHARD) {
            self.spread();
        }
        let shard = self.shard_of(hash);
        let Some(shard) = self.shards.get_mut(shard) else { return };
        match Arc::make_mut(shard).entry(hash, |(_, value)| is_it(value), |(hash, _)| *hash) {
            hash_table::Entry::Occupied(mut entry) => {
                if !change(&mut entry.get_mut().1) {
                    entry.remove();
                    self.len = self.len.saturating_sub(1);
                }
            }
            hash_table::Entry::Vacant(entry) => {
                let mut value = fresh();
                if change(&mut value) {
                    entry.insert((hash, value));
                    self.len = self.len.saturating_add(1);
                }
            }
        }
    }

    /// Doubles the number of shards.
    fn spread(&mut self) {
        let mut wider = Self::with_room_for(self.shards.len().saturating_mul(SHARD).saturating_mul(2));
        for (hash, value) in self.shards.drain(..).flat_map(Arc::unwrap_or_clone) {
            let shard = wider.shard_of(hash);
            let Some(shard) = wider.shards.get_mut(shard) else { continue };
            Arc::make_mut(shard).insert_unique(hash, (hash, value), |(hash, _)| *hash);
            wider.len = wider.len.saturating_add(1);
        }
        *self = wider;
    }
}
