//! What goes wrong between a store and its database, in words that say what to do.

use sqlx::Error;

/// Why a store could not reach its database or use its tables. It names no password and no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The tables are not there, or not all of them.
    #[error("the database has no tables of dashshare: call `migrate()` on the store before anything else")]
    NotMigrated(#[source] Error),
    /// A newer version of dashshare has migrated the database.
    #[error(
        "the tables of dashshare are of schema {found}, and this version knows schema {known} at most: upgrade \
         dashshare; nothing was changed"
    )]
    Newer {
        /// The database's schema.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// A table is there and is another one.
    #[error(
        "the table `{table}` is not as schema {version} has it: restore it from a backup, or move it out of the way \
         and call `migrate()` again; nothing was changed"
    )]
    Damaged {
        /// The table.
        table: &'static str,
        /// The schema that it should have.
        version: i64,
        /// What the database says of it.
        source: Error,
    },
    /// The URL of a database cannot be read.
    #[error("the database's URL is not valid: it is written `postgres://user:password@host:port/database`")]
    Url(#[source] Error),
    /// Nobody answers there.
    #[error("the database cannot be reached, or went away: see that it runs, and check host and port")]
    Unreachable(#[source] Error),
    /// The server answers and lets nobody in.
    #[error("the server refuses the connection: check user, password, database name and TLS settings")]
    Refused(#[source] Error),
    /// Within the time that the pool waits, no connection became free, or none could be made: a pool goes on trying for
    /// that long when the server does not answer.
    #[error(
        "no connection became free in time, or the database cannot be reached: see that it runs, or raise the pool's \
         `max_connections` or `acquire_timeout`"
    )]
    Exhausted(#[source] Error),
    /// The user lacks a right.
    #[error(
        "the database does not let this user do that: whoever calls `migrate()` for the first time needs CREATE on the \
         schema, and whoever uses the store SELECT, INSERT, UPDATE and DELETE on the tables `dashshare_…`"
    )]
    Forbidden(#[source] Error),
    /// There is no schema to make the tables in.
    #[error(
        "the connection's `search_path` names no schema that is there: make the schema, or set another path"
    )]
    NoSchema(#[source] Error),
    /// The database gave a statement up.
    #[error(
        "the database stopped the statement before it was done: let whoever holds the dashboard finish, or raise \
         `statement_timeout` or `lock_timeout`; nothing was written"
    )]
    Stopped(#[source] Error),
    /// The file cannot be opened.
    #[error(
        "the file cannot be opened: check the file name, that its folder is there, that it is no folder itself, and the \
         rights to both"
    )]
    NoFile(#[source] Error),
    /// The pool was closed.
    #[error("the pool of connections was closed: make the store with one that is open")]
    Closed(#[source] Error),
    /// Another transaction came first; what was done in this one is void.
    #[error("another transaction came first: roll this one back and begin it again")]
    Overtaken(#[source] Error),
    /// An earlier error voided the transaction.
    #[error("an earlier error has made this transaction void: roll it back and begin it again")]
    Void(#[source] Error),
    /// The file is locked by somebody else.
    #[error("the database is locked by another writer: let it finish, or raise `busy_timeout`")]
    Locked(#[source] Error),
    /// The file or the server does not take changes.
    #[error("the database is read-only: check the file's rights, or connect to a server that takes writes")]
    ReadOnly(#[source] Error),
    /// There is no room left.
    #[error("the disk is full: make room for the database, then try again")]
    Full(#[source] Error),
    /// The disk fails.
    #[error(
        "the disk fails to read, write or sync: see that the disk and its file system are sound, then try again"
    )]
    Disk(#[source] Error),
    /// The file is damaged, or it is no database.
    #[error(
        "the file is damaged or no database: check its name, or restore it from a backup; nothing was changed"
    )]
    Corrupt(#[source] Error),
    /// A document in a row does not read.
    #[error(
        "a row is not what dashshare wrote there: something else changed it, or a newer version wrote it"
    )]
    Row(#[source] serde_json::Error),
    /// A row that another one names is missing.
    #[error("a row is missing that another row names: something else than dashshare removed it")]
    Torn,
    /// A revision or an ordinal beyond 63 bits.
    #[error("a number is too large for the database")]
    TooLarge,
    /// Anything else.
    #[error("the database failed")]
    Database(#[source] Error),
}

impl SqlError {
    /// What an error of the driver means, whichever database it is from.
    pub(crate) fn of(error: Error) -> Self {
        match &error {
            Error::PoolTimedOut => Self::Exhausted(error),
            Error::PoolClosed => Self::Closed(error),
            Error::Configuration(_) => Self::Url(error),
            Error::Tls(_) => Self::Refused(error),
            Error::Io(_) | Error::WorkerCrashed => Self::Unreachable(error),
            _ => match code(&error) {
                Some(code) if code.len() == 5 => Self::of_state(&code, error),
                Some(code) => Self::of_number(&code, error),
                None => Self::Database(error),
            },
        }
    }

    /// By the SQLSTATE of a server.
    fn of_state(state: &str, error: Error) -> Self {
        match state {
            "42P01" => Self::NotMigrated(error),
            "3F000" => Self::NoSchema(error),
            "42501" => Self::Forbidden(error),
            "57014" | "55P03" => Self::Stopped(error),
            "40001" | "40P01" => Self::Overtaken(error),
            "25P02" => Self::Void(error),
            "25006" => Self::ReadOnly(error),
            "53100" => Self::Full(error),
            "58030" => Self::Disk(error),
            "XX001" | "XX002" => Self::Corrupt(error),
            "53300" => Self::Exhausted(error),
            "57P01" | "57P02" | "57P03" | "57P05" => Self::Unreachable(error),
            "3D000" => Self::Refused(error),
            _ if state.starts_with("08") => Self::Unreachable(error),
            _ if state.starts_with("28") => Self::Refused(error),
            _ => Self::Database(error),
        }
    }

    /// By SQLite's extended result code.
    fn of_number(code: &str, error: Error) -> Self {
        match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(1) if says(&error, "no such table: dashshare_") => Self::NotMigrated(error),
            // The snapshot of a transaction that began as a reader is too old to write (517).
            Ok(5) if code == "517" => Self::Overtaken(error),
            Ok(5 | 6) => Self::Locked(error),
            Ok(8) => Self::ReadOnly(error),
            Ok(10) => Self::Disk(error),
            Ok(11 | 26) => Self::Corrupt(error),
            Ok(13) => Self::Full(error),
            Ok(14) => Self::NoFile(error),
            _ => Self::Database(error),
        }
    }
}

fn says(error: &Error, words: &str) -> bool {
    error.as_database_error().is_some_and(|error| error.message().contains(words))
}

/// The code that the database gave, if it was the database that spoke.
pub(crate) fn code(error: &Error) -> Option<String> {
    error.as_database_error().and_then(|error| Some(error.code()?.into_owned()))
}
