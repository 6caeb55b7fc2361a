//! The clock and the randomness that a host lends.

use super::store::BoxError;
use crate::value::Timestamp;
use rand::{TryRng as _, rngs::SysRng};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// The clock and the randomness. Everything below the service gets both as arguments.
pub trait Env: Send + Sync {
    /// The present, in UTC, to the microsecond.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` from a generator that is fit for secrets.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError>;

    /// A second clock, if the host has one that does not go wrong together with the first: its database's, asked now and
    /// then and carried on by a clock that never steps, or a time service's. While it and [`now`](Self::now) differ by more
    /// than [the host allows](crate::Dashshare::with_clock_skew), nothing is made, whichever is ahead.
    ///
    /// What has ended by one of the two has ended for every question. Leases of the outbox, dead letters and the age of
    /// receipts go by the earlier, so that a clock which runs ahead keeps no message for decades and forgets no fresh
    /// receipt. `None` if this is not written.
    fn witness(&self) -> Option<Timestamp> {
        None
    }
}

macro_rules! handles {
    ($($handle:ty),+) => {$(
        impl<E: Env + ?Sized> Env for $handle {
            fn now(&self) -> Timestamp {
                E::now(self)
            }

            fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
                E::fill(self, bytes)
            }

            fn witness(&self) -> Option<Timestamp> {
                E::witness(self)
            }
        }
    )+};
}

handles!(&E, Arc<E>, Box<E>);

/// The clock and the random generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnv;

impl Env for SystemEnv {
    fn now(&self) -> Timestamp {
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp::from_micros(micros(since)),
            Err(before) => Timestamp::from_micros(micros(before.duration()).saturating_neg()),
        }
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        Ok(SysRng.try_fill_bytes(bytes)?)
    }
}
