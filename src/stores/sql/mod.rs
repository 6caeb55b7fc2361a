//! What the stores for SQLite and PostgreSQL share: the statements that both speak, their rows, and the reads made of
//! them. Each store adds how it binds, fetches and commits, and what its dialect says otherwise.

mod columns;
mod database;
mod error;
mod letters;
pub(crate) mod meter_rows;
pub(crate) mod meter_schema;
pub(crate) mod questions;
mod rows;
pub(crate) mod schema;
mod statements;

#[cfg(feature = "postgres")]
pub(crate) use database::{ABOVE, HEAD, LEAF};
pub use error::SqlError;
#[cfg(feature = "postgres")]
pub(crate) use questions::receipt;
#[cfg(feature = "postgres")]
pub(crate) use statements::SELECT_REVISION;
#[cfg(all(test, feature = "sqlite"))]
pub(crate) use statements::{LISTS, SELECT_DEAD, SELECT_DEEDS, SELECT_OWNED};
pub(crate) use {
    columns::Columns,
    database::{Database, Dialect, Letter, Name, ReceiptRow, Row, Value},
    error::code,
    questions::{receipt_of, store},
    statements::{NEVER_LEASED, SELECT_RECEIPT},
};
