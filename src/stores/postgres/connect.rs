//! The first connection, and what is said when there is none.

use super::store::PostgresStore;
use crate::stores::sql::SqlError;
use sqlx::{
    Connection as _, Error, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::io;

impl PostgresStore {
    /// A store on a pool of its own, with the driver's settings for pools. It tries one connection before it makes the
    /// pool, since a pool goes on trying for as long as its callers wait.
    ///
    /// # Errors
    /// [`SqlError::Url`], [`SqlError::Unreachable`] or [`SqlError::Refused`], at once: when the URL is not valid, or the
    /// server does not answer or refuses. No error quotes the URL.
    pub async fn connect(url: &str) -> Result<Self, SqlError> {
        let options = read(url)?;
        let pool = PgPoolOptions::new();
        let first = PgConnection::connect_with(&options);
        let first = tokio::time::timeout(pool.get_acquire_timeout(), first).await;
        let first = first.map_err(|_| SqlError::Unreachable(Error::Io(io::ErrorKind::TimedOut.into())))?;
        first.map_err(SqlError::of)?.close().await.map_err(SqlError::of)?;
        pool.connect_with(options).await.map(Self::new).map_err(SqlError::of)
    }
}

fn wrong(words: &'static str) -> SqlError {
    SqlError::Url(Error::Configuration(words.into()))
}

fn read(url: &str) -> Result<PgConnectOptions, SqlError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong("it begins neither with `postgres://` nor with `postgresql://`"));
    }
    url.parse().map_err(|error: Error| {
        // The driver quotes a setting that it does not know, and a password may have got there.
        match error.to_string().contains(['"', '`', '\'']) {
            true => wrong("a setting behind the `?` has a value that is not known"),
            false => SqlError::Url(error),
        }
    })
}
