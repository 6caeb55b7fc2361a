//! What is drawn once for a command, however often it is judged.

use crate::{
    record::CommitKey,
    value::{GrantId, Timestamp},
};
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;

/// The randomness of one command, drawn once before it is first judged. A command that is judged again after a
/// conflict uses the same, so that a token or a key is never made inside a retry.
pub(crate) struct Draw {
    seed: [u8; 32],
    links_seen: OnceLock<u64>,
}

impl Draw {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, links_seen: OnceLock::new() }
    }

    fn bytes(&self, purpose: &[u8], index: u64) -> [u8; 16] {
        let digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(purpose)
            .chain_update(index.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        for (byte, random) in bytes.iter_mut().zip(digest) {
            *byte = random;
        }
        bytes
    }

    /// A fresh grant id: a UUID of version 7, so that neighbours in time are neighbours in an index.
    pub(crate) fn grant_id(&self, now: Timestamp, index: u64) -> GrantId {
        let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
        let random = self.bytes(b"grant", index);
        let mut tail = [0; 10];
        for (byte, random) in tail.iter_mut().zip(random) {
            *byte = random;
        }
        GrantId::from(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }

    /// How many links had been made when the command was first judged, if this many have been by now.
    pub(crate) fn links_seen(&self, links_made: u64) -> u64 {
        *self.links_seen.get_or_init(|| links_made)
    }

    pub(crate) fn key(&self) -> CommitKey {
        CommitKey::from_bytes(self.bytes(b"commit", 0))
    }
}
