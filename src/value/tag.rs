//! Tags: pairs of text that a host puts on its users, devices and dashboards, and that policies match.

use super::object::Object;
use serde::{Deserialize, Serialize};

/// A key with a value. A key may stand on one entity several times, with different values. Both compare byte for byte,
/// case included.
///
/// Rules: [P2](crate::specification), [P5](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "Object<TagFields>")]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

#[derive(Deserialize)]
struct TagFields {
    key: String,
    value: String,
}

impl From<Object<TagFields>> for Tag {
    fn from(Object(fields): Object<TagFields>) -> Self {
        Self { key: fields.key, value: fields.value }
    }
}

impl Tag {
    /// A tag of this key and value.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}
