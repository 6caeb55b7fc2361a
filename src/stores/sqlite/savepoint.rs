//! A savepoint of one commit inside the host's transaction.

use sqlx::{AssertSqlSafe, Error, SqliteConnection};
use std::{
    future::Future as _,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Waker},
};

/// No two savepoints have the same name, so that ending one a second time never ends another.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Whatever becomes of the commit's future, all of it is kept or nothing. It is made of plain statements: when one of the
/// driver's own is dropped while it is being made, the driver ends the host's transaction with it.
pub(super) struct Savepoint<'c> {
    connection: &'c mut SqliteConnection,
    name: u64,
    is_open: bool,
}

async fn send(connection: &mut SqliteConnection, statement: &str, name: u64) -> Result<(), Error> {
    // A number is all that is put into it.
    let sql = AssertSqlSafe(format!("{statement} dashshare_{name}"));
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}

impl<'c> Savepoint<'c> {
    pub(super) async fn make(connection: &'c mut SqliteConnection) -> Result<Self, Error> {
        let name = MADE.fetch_add(1, Ordering::Relaxed);
        // When it is dropped here, an empty savepoint is left at most: it goes with the transaction.
        send(connection, "SAVEPOINT", name).await?;
        Ok(Self { connection, name, is_open: true })
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.connection
    }

    /// Keeps what was done since it was made.
    pub(super) async fn keep(mut self) -> Result<(), Error> {
        send(self.connection, "RELEASE", self.name).await?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // Asking once puts it in the connection's line, before whatever the host does next. Behind a `RELEASE` that
            // is in the line already, it finds nothing to undo.
            let undo = pin!(send(self.connection, "ROLLBACK TO", self.name));
            drop(undo.poll(&mut Context::from_waker(Waker::noop())));
        }
    }
}
