//! What somebody may want to do with a dashboard.

use serde::{Deserialize, Serialize};

/// What somebody wants to do with a dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// See it with its data: [`Right::View`](crate::Right::View).
    View,
    /// Download its data: [`Right::Export`](crate::Right::Export).
    Export,
    /// Share it with others: the reshare right.
    Share,
    /// Move and resize its widgets. The owner can, and whom a policy lets access and arrange it; no grant and no link
    /// allows it (D2, G5).
    Arrange,
    /// Edit it. Only the owner can (D2, G5).
    Edit,
}

impl Action {
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Export => "export the data of",
            Self::Share => "share",
            Self::Arrange => "arrange",
            Self::Edit => "edit",
        }
    }
}
