//! The terms of a share: what it lets its grantee do, how much of the data it shows, and until when.

use crate::{
    lock::{Lock, StoredLock},
    value::{Expiry, Object, Right, Rights},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The terms of a share: what it allows, whether it may be shared on, and when it ends.
///
/// Made by the builder below, since terms will hold more than today.
///
/// ```
/// use dashshare::{Expiry, Right, Rights, Terms};
/// let terms = Terms::view(Expiry::Never).and_export().and_reshare();
/// assert_eq!(terms.rights, Rights::ALL);
/// assert!(terms.reshare);
/// assert_eq!(Terms::of(Right::Export, Expiry::Never).rights, Rights::EXPORT);
/// ```
/// Terms with a member that is not known are refused when they are read, so that a restriction that a newer process wrote is
/// not lost by an older one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "Object<TermsMembers>")]
#[non_exhaustive]
pub struct Terms {
    /// What the grantee may do.
    pub rights: Rights,
    /// Whether the grantee may share on: the reshare right.
    pub reshare: bool,
    /// When it ends by itself.
    pub expiry: Expiry,
    /// How much of the data it shows; `None` for all of it. What it really shows is cut down to what its path does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Arc<StoredLock>>,
}

impl Terms {
    /// Leave to view until `expiry`, and nothing more.
    pub const fn view(expiry: Expiry) -> Self {
        Self { rights: Rights::VIEW, reshare: false, expiry, lock: None }
    }

    /// These rights until `expiry`, not to be shared on.
    pub fn of(rights: impl Into<Rights>, expiry: Expiry) -> Self {
        Self { rights: rights.into(), reshare: false, expiry, lock: None }
    }

    /// The same with leave to download the data shown.
    #[must_use]
    pub const fn and_export(mut self) -> Self {
        self.rights = self.rights.with(Right::Export);
        self
    }

    /// The same with the right to share on.
    #[must_use]
    pub const fn and_reshare(self) -> Self {
        self.reshare(true)
    }

    /// The same, with or without the right to share on.
    #[must_use]
    pub const fn reshare(mut self, reshare: bool) -> Self {
        self.reshare = reshare;
        self
    }

    /// The same, showing no more of the data than a lock lets through.
    ///
    /// Rules: [K1](crate::specification).
    #[must_use]
    pub fn locked(self, lock: Lock) -> Self {
        Self { lock: StoredLock::narrowed(self.lock.as_ref(), lock), ..self }
    }

    /// The same until another end.
    #[must_use]
    pub const fn until(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsMembers {
    rights: Rights,
    reshare: bool,
    expiry: Expiry,
    #[serde(default, deserialize_with = "StoredLock::present")]
    lock: Option<Arc<StoredLock>>,
}

impl From<Object<TermsMembers>> for Terms {
    fn from(Object(TermsMembers { rights, reshare, expiry, lock }): Object<TermsMembers>) -> Self {
        Self { rights, reshare, expiry, lock }
    }
}
