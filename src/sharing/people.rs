//! What is known of the accounts that a command concerns beside its actor.

use super::consult::Barred;
use crate::value::{AccountId, VerifiedEmail};
use std::collections::BTreeMap;

/// What the directory and the policies say of the accounts that a command gives something, or in whose name it gives.
/// Who has nothing to be said against it is not in it.
#[derive(Default)]
pub(crate) struct People(BTreeMap<AccountId, Known>);

/// What is known of one account.
#[derive(Default)]
pub(crate) struct Known {
    /// The addresses that it has verified, if the tenant has lists of domains.
    pub(crate) verified: Vec<VerifiedEmail>,
    /// What keeps it from the dashboard, if a policy does.
    pub(crate) barred: Option<Barred>,
}

impl People {
    pub(crate) fn note(&mut self, account: AccountId, known: Known) {
        self.0.insert(account, known);
    }

    pub(crate) fn verified(&self, account: AccountId) -> &[VerifiedEmail] {
        self.0.get(&account).map_or(&[], |known| &known.verified)
    }

    pub(crate) fn barred(&self, account: AccountId) -> Option<&Barred> {
        self.0.get(&account)?.barred.as_ref()
    }
}
