//! Stores that also work inside a transaction that the host has open.

use super::store::Store;
use std::sync::Arc;

/// A store that also works inside a transaction that the host has open.
///
/// [`Dashshare::within`](crate::Dashshare::within) is made of it. `SqliteStore` and `PostgresStore` are such stores, and
/// so is a cache in front of one: what is done inside a transaction goes past the cache.
pub trait Transactional: Store {
    /// The host's transaction.
    type Transaction<'c>;
    /// The store inside it. Its clones are handles on the same transaction, so that a directory can read there too.
    type Open<'t>: Store + Clone;

    /// The same store inside a transaction of the host's: what is done through it lands together with the host's own
    /// changes when the host commits, or not at all.
    fn within<'t>(&self, transaction: &'t mut Self::Transaction<'_>) -> Self::Open<'t>;
}

macro_rules! handles {
    ($($handle:ty),+) => {$(
        impl<S: Transactional> Transactional for $handle {
            type Transaction<'c> = S::Transaction<'c>;
            type Open<'t> = S::Open<'t>;

            fn within<'t>(&self, transaction: &'t mut Self::Transaction<'_>) -> Self::Open<'t> {
                S::within(self, transaction)
            }
        }
    )+};
}

handles!(&S, Arc<S>, Box<S>);
