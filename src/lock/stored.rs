//! A lock as it stands in a store.

use super::meet::Lock;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fmt, sync::Arc};

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
    /// that a newer version can read it; only an object that names a member twice is kept as a list of its members.
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

    /// Whether it lets nothing through, by its form alone or because it cannot be read (K13, K24).
    pub(crate) fn shows_nothing(&self) -> bool {
        self.lock().is_none_or(Lock::is_empty)
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
        let Raw(raw) = Raw::deserialize(deserializer)?;
        Ok(match Lock::deserialize(&raw) {
            Ok(lock) => Self::Lock(lock),
            Err(_) => Self::Unreadable(Box::new(raw)),
        })
    }
}

/// Any JSON value. An object that names a member twice is kept as a list of its members, each an object of its own: none of
/// them gets lost, and there is no place in a lock where such a list can be read.
struct Raw(Value);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw(value.into()))
            }

            fn visit_string<E>(self, value: String) -> Result<Raw, E> {
                Ok(Raw(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw(Value::Null))
            }

            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw(Value::Null))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
                let mut all = Vec::new();
                while let Some(Raw(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(Raw(Value::Array(all)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Raw, A::Error> {
                let mut all: Vec<(String, Value)> = Vec::new();
                while let Some((name, Raw(value))) = members.next_entry()? {
                    all.push((name, value));
                }
                let names: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
                Ok(Raw(if names.len() == all.len() {
                    Value::Object(all.into_iter().collect())
                } else {
                    let alone = |member| Value::Object(Map::from_iter([member]));
                    Value::Array(all.into_iter().map(alone).collect())
                }))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
