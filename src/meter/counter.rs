//! A counter with a cap.

use crate::value::Timestamp;
use serde::{Deserialize, Serialize};

/// So much is to be added to a counter, if it stays within a cap.
///
/// Rules: [S6](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Take {
    /// Which counter: up to 64 bytes of the caller's.
    pub key: Vec<u8>,
    /// How much.
    pub n: u64,
    /// The most that the counter may hold with it.
    pub cap: u64,
    /// What this is known by: it counts once for its counter, however often it is sent.
    pub id: [u8; 16],
    /// When.
    pub at: Timestamp,
}

impl Take {
    /// One more.
    pub fn one(key: impl Into<Vec<u8>>, cap: u64, id: [u8; 16], at: Timestamp) -> Self {
        Self { key: key.into(), n: 1, cap, id, at }
    }

    /// The same of another number.
    #[must_use]
    pub fn of(self, n: u64) -> Self {
        Self { n, ..self }
    }
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// It is counted, and was first at this instant.
    Counted {
        /// The counter now.
        sum: u64,
        /// When it was first counted.
        at: Timestamp,
    },
    /// It would have gone over the cap: nothing has changed.
    Full {
        /// The counter now.
        sum: u64,
    },
}
