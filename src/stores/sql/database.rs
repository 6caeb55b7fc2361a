//! What a database does for the statements: each store says how.

use super::error::SqlError;
use crate::{
    host::CommitError,
    record::{Commit, Receipt},
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
    /// The name of a message: three values.
    Name(Name),
    /// Names of messages: as many values as the database needs for them.
    Names(Vec<Name>),
}

/// The key of a message's row, whatever stands there.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) dashboard: Vec<u8>,
    pub(crate) revision: i64,
    pub(crate) place: i64,
}

/// A message's row, whatever stands there.
pub(crate) struct Letter {
    pub(crate) name: Name,
    pub(crate) attempts: i64,
    pub(crate) dead_from: Option<i64>,
    pub(crate) body: Vec<u8>,
}

/// The digest, the revision and the instant of a receipt.
pub(crate) type ReceiptRow = (Uuid, i64, i64);

/// A document, and as what it was found: [`HEAD`], [`LEAF`], [`ABOVE`], or something else.
pub(crate) type Row = (i32, String);

pub(crate) const HEAD: i32 = 0;
/// A grant that was asked for.
pub(crate) const LEAF: i32 = 1;
/// A grant that a leaf hangs on.
#[cfg(feature = "postgres")]
pub(crate) const ABOVE: i32 = 2;

/// The statements that differ, by what they are given. Those that read are run by
/// [`Database::chained`].
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
    /// Now, until, attempts.
    pub(crate) lease: &'static str,
    /// Now, until, names: those that were leased until then.
    pub(crate) put_aside: &'static str,
    /// Now, names.
    pub(crate) put_back: &'static str,
    /// Names.
    pub(crate) acknowledge: &'static str,
    /// Before.
    pub(crate) sweep: &'static str,
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

    /// Runs a statement that reads receipts.
    fn receipts(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<ReceiptRow>, SqlError>> + Send;

    /// Runs a statement that reads messages.
    fn letters(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Letter>, SqlError>> + Send;

    /// Runs a statement that changes messages and answers with them.
    fn lease(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Letter>, SqlError>> + Send;

    /// Runs a statement that changes rows, and answers how many.
    fn change(&self, sql: SqlStr, values: &[Value]) -> impl Future<Output = Result<u64, SqlError>> + Send;

    fn put(&self, commit: &Commit) -> impl Future<Output = Result<Receipt, CommitError>> + Send;
}
