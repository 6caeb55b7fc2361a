//! What is offered: a clone that waits to be taken.

use crate::value::GrantId;
use serde::{Deserialize, Serialize};

/// A clone that somebody was offered: the structure of a dashboard, and nothing that leads back to it.
///
/// Rules: [T8](crate::specification), [T9](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Offer {
    /// The grant that says whom it is for, and until when. It carries no right.
    pub grant: GrantId,
    /// A word of the giver's to the recipient.
    pub message: Option<String>,
    /// Which devices the recipient needs for it.
    pub devices: Option<String>,
    /// The template, as JSON.
    pub template: String,
}
