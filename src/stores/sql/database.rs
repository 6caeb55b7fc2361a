//! What a database does for the statements: each store says how.

use super::error::SqlError;
use crate::{
    host::CommitError,
    record::{Commit, MessageId, Receipt},
};
use sqlx::SqlStr;
use std::future::Future;
use uuid::Uuid;

/// What a statement is given.
pub(crate) enum Value {
    Id(Uuid),
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
    Ids(Vec<Uuid>),
    Texts(Vec<String>),
}

/// A document, and as what it was found: [`HEAD`], [`LEAF`], [`ABOVE`], or something else.
pub(crate) type Row = (i32, String);

pub(crate) const HEAD: i32 = 0;
/// A grant that was asked for.
pub(crate) const LEAF: i32 = 1;
/// A grant that a leaf hangs on.
#[cfg(feature = "postgres")]
pub(crate) const ABOVE: i32 = 2;

/// The statements that differ, by what they are given. All but `lease` are run by [`Database::chained`].
pub(crate) struct Dialect {
    /// Dashboard, account.
    pub(crate) account: &'static str,
    /// Dashboard, accounts, addresses, grants.
    pub(crate) seeds: &'static str,
    /// Dashboards, account.
    pub(crate) many_by_account: &'static str,
    /// Dashboards, address.
    pub(crate) many_by_address: &'static str,
    /// Digest.
    pub(crate) link: &'static str,
    /// Account, dashboard, ordinal.
    pub(crate) held_by_account: &'static str,
    /// Address, dashboard, ordinal.
    pub(crate) held_by_address: &'static str,
    /// Now, until.
    pub(crate) lease: &'static str,
}

/// A database that the statements run on: a pool, or one transaction.
pub(crate) trait Database: Send + Sync {
    const DIALECT: &'static Dialect;

    /// Runs a statement that reads.
    fn documents(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, SqlError>> + Send;

    /// Runs a statement that reads heads, leaves, and what those hang on.
    fn chained(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, SqlError>> + Send;

    /// Runs a statement that reads numbers.
    fn numbers(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<i64>, SqlError>> + Send;

    /// Runs a statement that changes rows and answers with them.
    fn change(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, SqlError>> + Send;

    fn put(&self, commit: &Commit) -> impl Future<Output = Result<Receipt, CommitError>> + Send;

    fn remove(&self, delivered: &[MessageId]) -> impl Future<Output = Result<(), SqlError>> + Send;
}
