//! The public link of a dashboard, without its secret.

use crate::{
    lock::StoredLock,
    value::{AccountId, Expiry, GrantId, LinkDigest, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The public link of a dashboard: all of it but the secret.
///
/// Rules: [L4](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Link {
    /// The digest of its token.
    pub digest: LinkDigest,
    /// Who made it.
    pub maker: AccountId,
    /// The grant it hangs on, when a grantee made it (L6); `None` for the owner's.
    pub grant: Option<GrantId>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself.
    pub expiry: Expiry,
    /// Since when it is paused, if it is (L5).
    pub paused: Option<Timestamp>,
    /// Whether the owner paused it, or the host in its place: then only they resume or replace it (L6).
    #[serde(default)]
    pub paused_by_owner: bool,
    /// The first link of a dashboard is 1, the next 2, and so on.
    pub generation: u64,
    /// Whether nothing fills a slot of a blueprint for its visitors that the address does not name (B6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named_only: bool,
    /// How much of the data it shows; `None` for all that what it hangs on shows.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "StoredLock::present")]
    pub lock: Option<Arc<StoredLock>>,
}
