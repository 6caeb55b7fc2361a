//! An account as the host describes it.

use super::{email::VerifiedEmail, id::AccountId};

/// An account as the host's directory describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The addresses that it has verified. One that was only typed in does not belong here.
    pub verified: Vec<VerifiedEmail>,
}
