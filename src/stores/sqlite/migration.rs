//! Tables that are made, and compared with what they should be.

use super::store::{BEGIN, SqliteStore, close_if_stuck};
use crate::stores::sql::{
    self, SqlError,
    schema::{self, Kind, Schema, Table},
};
use sqlx::{Connection as _, Error, SqliteConnection};

impl SqliteStore {
    /// Makes the tables, or brings them to the schema that this version knows. Once they have it, it only looks: whether
    /// each table has its columns, their types, and its keys.
    ///
    /// Any number of processes may call it at once, each time they start. Nothing is changed unless all of it is.
    ///
    /// # Errors
    /// [`SqlError::Newer`] when a newer version has been at work, [`SqlError::Damaged`] when a table is not what it
    /// should be.
    pub async fn migrate(&self) -> Result<(), SqlError> {
        migrate(self, &schema::SQLITE).await
    }
}

/// Makes the tables of a schema, or looks at them.
pub(super) async fn migrate(store: &SqliteStore, schema: &'static Schema) -> Result<(), SqlError> {
    if is_migrated(&mut *store.writer().await?, schema).await? {
        return probe(&mut *store.writer().await?, schema).await;
    }
    // INVARIANT: the turn comes before the connection, as for all who write: a pool may have no more than one.
    let _turn = store.turn.lock().await;
    let mut connection = store.writer().await?;
    let made = make_tables(&mut connection, schema).await;
    if made.is_err() {
        close_if_stuck(&mut connection).await;
    }
    made
}

/// Whether the schema is the newest that is known here; `false` when there is none.
async fn is_migrated(connection: &mut SqliteConnection, schema: &Schema) -> Result<bool, SqlError> {
    let found = sqlx::query_scalar::<_, i64>(schema.select_version).fetch_optional(connection).await;
    match found.map_err(|error| of_table(schema.versions(), error)) {
        Ok(Some(found)) if found > schema.version => Err(SqlError::Newer { found, known: schema.version }),
        Ok(found) => Ok(found.is_some()),
        Err(SqlError::NotMigrated(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn make_tables(connection: &mut SqliteConnection, schema: &'static Schema) -> Result<(), SqlError> {
    let mut transaction = connection.begin_with(BEGIN).await.map_err(SqlError::of)?;
    // Somebody else may have been quicker.
    if !is_migrated(&mut transaction, schema).await? {
        for statement in schema.statements {
            let made = sqlx::query(*statement).execute(&mut *transaction).await;
            made.map_err(|error| of_table(schema.table_of(statement), error))?;
        }
        probe(&mut transaction, schema).await?;
        let version = sqlx::query(schema.insert_version).bind(schema.version);
        version.execute(&mut *transaction).await.map_err(SqlError::of)?;
    } else {
        probe(&mut transaction, schema).await?;
    }
    transaction.commit().await.map_err(SqlError::of)
}

async fn probe(connection: &mut SqliteConnection, schema: &Schema) -> Result<(), SqlError> {
    for table in schema.tables {
        for statement in table.probes() {
            let probed = sqlx::query(statement).persistent(false).fetch_all(&mut *connection).await;
            probed.map_err(|error| match sql::code(&error).as_deref() {
                Some("1") => table.damaged(error),
                _ => SqlError::of(error),
            })?;
        }
        let found: Vec<(String, String)> =
            sqlx::query_as("SELECT name, upper(type) FROM pragma_table_info($1)")
                .bind(table.name)
                .fetch_all(&mut *connection)
                .await
                .map_err(SqlError::of)?;
        let of_column = |name: &str| found.iter().find(|(column, _)| column == name).map(|(_, kind)| kind);
        let found = table.columns.iter().map(|(name, _)| of_column(name).cloned().unwrap_or_default());
        table.compare(found, called)?;
    }
    Ok(())
}

/// A table that is not there is another matter than one that is something else.
fn of_table(table: &Table, error: Error) -> SqlError {
    match (sql::code(&error).as_deref() == Some("1"), SqlError::of(error)) {
        (true, SqlError::Database(error)) => table.damaged(error),
        (_, error) => error,
    }
}

fn called(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Bytes => "BLOB",
        Kind::Number | Kind::Flag => "INTEGER",
        Kind::Text | Kind::Ids => "TEXT",
    }
}
