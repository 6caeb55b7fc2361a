//! What the memory store finds a holder's grants by.

use crate::{
    host::BoxError,
    record::{Grant, Holder},
    value::DashboardId,
};
use hashbrown::DefaultHashBuilder;
use std::{
    hash::{BuildHasher as _, Hash as _, Hasher as _},
    num::NonZeroU32,
    sync::Arc,
};

/// Where a row is: its index and one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place(NonZeroU32);

impl Place {
    /// The place after so many others. More than four billion do not fit; the store says so instead of mixing them up.
    pub(super) fn after(rows: usize) -> Result<Self, BoxError> {
        let number = u32::try_from(rows).ok().and_then(|rows| NonZeroU32::new(rows.checked_add(1)?));
        Ok(Self(number.ok_or("the memory store is full")?))
    }

    pub(super) fn index(self) -> usize {
        index(self.0.get().saturating_sub(1))
    }
}

/// What a holder has on a dashboard: a grant, and whether there are more.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) grant: Arc<Grant>,
    /// The grant's own place.
    pub(super) place: Place,
    /// The number of its board, and two bits.
    pub(super) board: u32,
}

impl Pair {
    pub(super) const IS_ADDRESS: u32 = 1 << 31;
    pub(super) const HAS_MORE: u32 = 1 << 30;
    pub(super) const BOARD: u32 = Self::HAS_MORE - 1;

    pub(super) fn board(&self) -> u32 {
        self.board & Self::BOARD
    }

    pub(super) fn has_more(&self) -> bool {
        self.board & Self::HAS_MORE != 0
    }

    pub(super) fn is_address(&self) -> bool {
        self.board & Self::IS_ADDRESS != 0
    }

    pub(super) fn is_of(&self, holder: &Holder) -> bool {
        match holder {
            Holder::Account(account) => !self.is_address() && self.grant.grantee.account() == Some(*account),
            Holder::Address(address) => self.is_address() && self.grant.grantee.address() == Some(address),
        }
    }

    /// What it was put into its table under.
    pub(super) fn hash(&self, hasher: &DefaultHashBuilder) -> u64 {
        let is_its = |holder: &Holder| matches!(holder, Holder::Address(_)) == self.is_address();
        let holder = holders(&self.grant).find(is_its);
        holder.map_or(0, |holder| hash_pair(hasher, self.grant.dashboard, &holder))
    }
}

pub(super) fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

pub(super) fn hash_pair(hasher: &DefaultHashBuilder, dashboard: DashboardId, holder: &Holder) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u128(dashboard.to_u128());
    match holder {
        Holder::Account(account) => state.write_u128(account.to_u128()),
        Holder::Address(address) => address.hash(&mut state),
    }
    state.finish()
}

/// Whose list a grant is on: its account's, and that of the address it was made to, claimed or not.
pub(super) fn holders(grant: &Grant) -> impl Iterator<Item = Holder> {
    let account = grant.grantee.account().map(Holder::Account);
    let address = grant.grantee.address().cloned().map(Holder::Address);
    account.into_iter().chain(address)
}
