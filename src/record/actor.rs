//! Who gives a command.

use crate::value::AccountId;
use serde::{Deserialize, Deserializer, Serialize};

/// Who gave a command: an account, or the host itself in an owner's place.
///
/// It can be written as JSON and not read, so that no client's JSON becomes the host's word: a host says
/// [`Actor::Host`] in its code.
///
/// Rules: [G25](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// An account.
    Account(AccountId),
    /// The host itself: it registers and transfers dashboards, and may give every command in the owner's place.
    Host,
}

impl Actor {
    /// The account, if it is one.
    #[inline]
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(account),
            Self::Host => None,
        }
    }

    /// Reads the actor of a record that a store kept.
    pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kept {
            Account(AccountId),
            Host,
        }
        Ok(match Kept::deserialize(deserializer)? {
            Kept::Account(account) => Self::Account(account),
            Kept::Host => Self::Host,
        })
    }
}

impl From<AccountId> for Actor {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}
