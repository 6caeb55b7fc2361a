//! Tables that are made, and compared with what they should be.

use super::{
    bind::sql_state,
    store::{ATTEMPTS, PostgresStore},
};
use crate::stores::sql::{
    SqlError,
    schema::{self, Kind, Schema, Table},
};
use sqlx::{AssertSqlSafe, Error, PgConnection, PgPool};

impl PostgresStore {
    /// Makes the tables, or brings them to the schema that this version knows. Once they have it, it only looks: whether
    /// each table has its columns, their types, and its keys, and whether this user may write to it. Whoever only reads
    /// need not call it.
    ///
    /// Any number of processes may call it at once, each time they start. Nothing is changed unless all of it is; where
    /// an engine cannot do that, what a call left half done is finished by the next.
    ///
    /// # Errors
    /// [`SqlError::Newer`] when a newer version has been at work, [`SqlError::Damaged`] when a table is not what it
    /// should be, [`SqlError::Forbidden`] when the user may not make the tables or not write to them.
    pub async fn migrate(&self) -> Result<(), SqlError> {
        migrate(&self.pool, &schema::POSTGRES).await
    }
}

/// Makes the tables of a schema, or looks at them.
pub(super) async fn migrate(pool: &PgPool, schema: &'static Schema) -> Result<(), SqlError> {
    let mut attempt = 1;
    loop {
        match migrate_once(pool, schema).await {
            Err(SqlError::Database(error) | SqlError::Overtaken(error))
                if attempt < ATTEMPTS && is_of_another_migration(&error) =>
            {
                attempt = attempt.saturating_add(1);
            }
            done => return done,
        }
    }
}

async fn migrate_once(pool: &PgPool, schema: &'static Schema) -> Result<(), SqlError> {
    let mut connection = pool.acquire().await.map_err(SqlError::of)?;
    let found: Option<i64> =
        match sqlx::query_scalar(schema.select_version).fetch_optional(&mut *connection).await {
            Ok(found) => found,
            Err(error) if sql_state(&error).as_deref() == Some("42P01") => None,
            Err(error) => return Err(of_table(schema.versions(), error)),
        };
    match found {
        Some(found) if found > schema.version => {
            return Err(SqlError::Newer { found, known: schema.version });
        }
        Some(_) => return probe(&mut connection, schema).await,
        None => {}
    }
    let mut transaction = sqlx::Connection::begin(&mut *connection).await.map_err(SqlError::of)?;
    for statement in schema.statements {
        let table = schema.table_of(statement);
        if let Err(error) = sqlx::query(*statement).execute(&mut *transaction).await {
            drop(transaction);
            let is_taken =
                sql_state(&error).as_deref() == Some("42710") && is_a_type(&mut connection, table).await?;
            return Err(if is_taken { table.damaged(error) } else { of_table(table, error) });
        }
    }
    probe(&mut transaction, schema).await?;
    let version = sqlx::query(schema.insert_version).bind(schema.version);
    version.execute(&mut *transaction).await.map_err(SqlError::of)?;
    transaction.commit().await.map_err(SqlError::of)
}

/// Whether two migrations got in each other's way: the catalogue says so in several ways.
fn is_of_another_migration(error: &Error) -> bool {
    let states = ["23505", "42P07", "42710", "40001", "40P01", "XX000"];
    sql_state(error).is_some_and(|state| states.contains(&state.as_str()))
}

/// Whether the name of a table is taken by a type that is none of a table: no other migration has made that.
async fn is_a_type(connection: &mut PgConnection, table: &Table) -> Result<bool, SqlError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
        WHERE t.typname = $1 AND n.nspname = current_schema() AND t.typrelid = 0)";
    sqlx::query_scalar(sql).bind(table.name).fetch_one(connection).await.map_err(SqlError::of)
}

async fn probe(connection: &mut PgConnection, schema: &Schema) -> Result<(), SqlError> {
    for table in schema.tables {
        for statement in table.probes() {
            let probed = sqlx::query(statement).persistent(false).fetch_all(&mut *connection).await;
            probed.map_err(|error| match sql_state(&error).as_deref() {
                Some("42P01") => table.damaged(error),
                _ => of_table(table, error),
            })?;
        }
        let names: Vec<String> =
            table.columns.iter().map(|(name, _)| format!("pg_typeof(t.{name})::text")).collect();
        // One row, whatever the table has.
        let sql = AssertSqlSafe(format!(
            "SELECT ARRAY[{}] FROM (SELECT 1) one LEFT JOIN {} t ON FALSE",
            names.join(", "),
            table.name
        ));
        let found: Vec<String> = sqlx::query_scalar(sql)
            .persistent(false)
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| of_table(table, error))?;
        table.compare(found, called)?;
    }
    Ok(())
}

/// What is said of a table that is something else: a column is missing (42703) or is no number (22P02, 42846), a key is
/// missing (42P10), it is a view (42809, 0A000, 55000).
fn of_table(table: &Table, error: Error) -> SqlError {
    match sql_state(&error).as_deref() {
        Some(
            "42703" | "42804" | "42883" | "42809" | "42846" | "22P02" | "42P10" | "42P16" | "0A000" | "55000",
        ) => table.damaged(error),
        _ => SqlError::of(error),
    }
}

fn called(kind: Kind) -> &'static str {
    match kind {
        Kind::Id => "uuid",
        Kind::Ids => "uuid[]",
        Kind::Number => "bigint",
        Kind::Flag => "boolean",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
    }
}
