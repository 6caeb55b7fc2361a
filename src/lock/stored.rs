//! A lock as it stands in a store.

use super::meet::Lock;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// A lock that a store gave back: one that can be read, or whatever stands in its place. The second lets nothing through,
/// and is never read as no lock.
///
/// Rules: [K24](crate::specification).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StoredLock {
    /// A lock.
    Lock(Lock),
    /// What cannot be read as one: an unknown member, unit, selector or zone, or no object at all. It is kept as it is, so
    /// that a newer version can read it.
    Unreadable(Box<Value>),
}

impl StoredLock {
    /// The lock, if it can be read.
    pub fn lock(&self) -> Option<&Lock> {
        match self {
            Self::Lock(lock) => Some(lock),
            Self::Unreadable(_) => None,
        }
    }

    /// As a grant or a link keeps it; `None` for a lock that restricts nothing.
    pub(crate) fn kept(lock: Lock) -> Option<Arc<Self>> {
        (!lock.is_none()).then(|| Arc::new(Self::Lock(lock)))
    }

    /// What is left of it under another lock. What cannot be read stays so: it lets nothing through anyway.
    pub(crate) fn narrowed(this: Option<&Arc<Self>>, by: Lock) -> Option<Arc<Self>> {
        match this.map(Arc::as_ref) {
            Some(Self::Unreadable(_)) => this.cloned(),
            Some(Self::Lock(lock)) => Self::kept(lock.clone().meet(by)),
            None => Self::kept(by),
        }
    }

    /// What is left under both; one that cannot be read lets nothing through (K24).
    pub(crate) fn both(a: Option<&Arc<Self>>, b: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        match (a, b) {
            (Some(only), None) | (None, Some(only)) => Some(Arc::clone(only)),
            (None, None) => None,
            (Some(a), Some(b)) => match b.as_ref() {
                Self::Lock(lock) => Self::narrowed(Some(a), lock.clone()),
                Self::Unreadable(_) => Some(Arc::clone(if a.lock().is_some() { b } else { a })),
            },
        }
    }

    /// Reads what stands there. For a member that may be left out: `null` is not 'left out'.
    pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<Self>>, D::Error> {
        Self::deserialize(deserializer).map(|read| Some(Arc::new(read)))
    }
}

impl fmt::Display for StoredLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(lock) => lock.fmt(f),
            Self::Unreadable(_) => f.write_str("nothing, because its lock cannot be read"),
        }
    }
}

impl From<Lock> for StoredLock {
    fn from(lock: Lock) -> Self {
        Self::Lock(lock)
    }
}

impl Serialize for StoredLock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Lock(lock) => lock.serialize(serializer),
            Self::Unreadable(raw) => raw.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StoredLock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        Ok(match Lock::deserialize(&raw) {
            Ok(lock) => Self::Lock(lock),
            Err(_) => Self::Unreadable(Box::new(raw)),
        })
    }
}
