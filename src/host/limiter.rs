//! Where what was taken of limits is kept: in the process, or for several of them together.

use super::store::BoxError;
use crate::{
    limit::{Asked, Limit, LimitKey, Table, Taken, Verdict},
    value::Timestamp,
};
use std::{
    fmt,
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How many keys a process keeps exactly.
const KEYS: usize = 65_536;

/// Keeps what was taken of limits. [`ProcessLimiter`] is the one that comes with the crate; one that several processes
/// share is the host's, over whatever they share.
///
/// One call is one atomic step: of two that come at once, the second is judged by what the first has left
/// ([`KeyState`](crate::limits::KeyState) is what is to be kept of a key, and does both). An implementation answers within a time of its own, and with an error if it cannot: what guards
/// against guessing is judged in the process then, and the rest passes.
///
/// With clocks that differ by ε, a shared limiter lets ε / interval more through.
///
/// Rules: [R6](crate::specification).
pub trait Limiter: Send + Sync {
    /// Takes a cost of a key, if there is room at this instant.
    fn take(
        &self,
        key: &LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Verdict, BoxError>> + Send;

    /// Gives back what was taken of a key: as if it had not been, and never more than that. One that cannot tell may give
    /// back nothing.
    fn give_back(
        &self,
        key: &LimitKey,
        limit: Limit,
        taken: Taken,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl<L: Limiter + ?Sized> Limiter for Arc<L> {
    fn take(
        &self,
        key: &LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Verdict, BoxError>> + Send {
        L::take(self, key, limit, cost, now)
    }

    fn give_back(
        &self,
        key: &LimitKey,
        limit: Limit,
        taken: Taken,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        L::give_back(self, key, limit, taken)
    }
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// The twin of [`Limiter`] for trait objects, so that a service has no type parameter more.
pub(super) trait DynLimiter: Send + Sync {
    fn take_boxed<'a>(
        &'a self,
        key: &'a LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
    ) -> Boxed<'a, Verdict>;
    fn give_back_boxed<'a>(&'a self, key: &'a LimitKey, limit: Limit, taken: Taken) -> Boxed<'a, ()>;
}

impl<L: Limiter> DynLimiter for L {
    fn take_boxed<'a>(
        &'a self,
        key: &'a LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
    ) -> Boxed<'a, Verdict> {
        Box::pin(self.take(key, limit, cost, now))
    }

    fn give_back_boxed<'a>(&'a self, key: &'a LimitKey, limit: Limit, taken: Taken) -> Boxed<'a, ()> {
        Box::pin(self.give_back(key, limit, taken))
    }
}

/// A limiter in this process, of a fixed size: 65,536 keys exactly, and cells that all others share.
///
/// Whoever is throttled stays so however many others come, and no number of them makes it larger. While so many keys owe
/// something at once that there is no room, those that come later share two cells each: nothing more is let through, what
/// was let in is not given back, and some are refused for what others do. A clock that ran ahead leaves what was taken by
/// it owed until then: a new limiter starts with nothing.
///
/// It takes 4 MiB, and 1 MiB for each purpose that ever found no room.
///
/// Rules: [R5](crate::specification).
pub struct ProcessLimiter(Mutex<Table>);

impl Default for ProcessLimiter {
    fn default() -> Self {
        Self::with_keys(KEYS)
    }
}

impl fmt::Debug for ProcessLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessLimiter").finish_non_exhaustive()
    }
}

impl ProcessLimiter {
    /// One of another size: so many keys exactly, at least one.
    pub fn with_keys(keys: usize) -> Self {
        Self(Mutex::new(Table::new(keys)))
    }

    /// The bytes that it has asked for.
    pub fn bytes(&self) -> usize {
        self.table().bytes()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No step leaves a table half changed, so one that a panic left is as good as any.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes of all keys, or of none.
    pub(super) fn take_all(
        &self,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<[Option<Taken>; 2], Option<Duration>> {
        let mut table = self.table();
        let [one, other] = &asked.keys;
        let mut take = |key: &Option<(LimitKey, Limit)>| match key {
            None => Ok(None),
            Some((key, limit)) => match table.take(key, *limit, asked.cost, now) {
                Verdict::Accepted(taken) => Ok(Some(taken)),
                Verdict::Refused(wait) => Err(wait),
            },
        };
        let first = take(one)?;
        match take(other) {
            Ok(second) => Ok([first, second]),
            Err(wait) => {
                if let (Some(taken), Some((key, limit))) = (first, one) {
                    table.give_back(key, *limit, taken);
                }
                Err(wait)
            }
        }
    }

    /// Gives back what was taken of several keys.
    pub(super) fn give_all_back(&self, held: impl Iterator<Item = (LimitKey, Limit, Taken)>) {
        let mut table = self.table();
        for (key, limit, taken) in held {
            table.give_back(&key, limit, taken);
        }
    }
}

impl Limiter for ProcessLimiter {
    fn take(
        &self,
        key: &LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Verdict, BoxError>> + Send {
        ready(Ok(self.table().take(key, limit, cost, now)))
    }

    fn give_back(
        &self,
        key: &LimitKey,
        limit: Limit,
        taken: Taken,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.table().give_back(key, limit, taken);
        ready(Ok(()))
    }
}
