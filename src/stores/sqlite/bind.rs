//! What a statement is given, and what it answers.

use crate::stores::sql::{Letter, Name, SqlError, Value};
use data_encoding::HEXLOWER;
use sqlx::{Arguments as _, Error, SqlStr, SqliteConnection, error::BoxDynError, sqlite::SqliteArguments};
use uuid::Uuid;

fn hex(id: &Uuid) -> String {
    id.simple().to_string()
}

/// Ids as a statement reads them with `json_each` and `unhex`.
pub(super) fn json_of(ids: &[Uuid]) -> Result<String, BoxDynError> {
    Ok(serde_json::to_string(&ids.iter().map(hex).collect::<Vec<_>>())?)
}

fn bind(values: &[Value]) -> Result<SqliteArguments, BoxDynError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Id(id) => arguments.add(*id)?,
            Value::Number(number) => arguments.add(*number)?,
            Value::Flag(flag) => arguments.add(*flag)?,
            Value::Text(text) => arguments.add(text.clone())?,
            Value::Bytes(bytes) => arguments.add(bytes.clone())?,
            // It has no arrays, but reads JSON.
            Value::Ids(ids) => arguments.add(json_of(ids)?)?,
            Value::Texts(texts) => arguments.add(serde_json::to_string(texts)?)?,
            Value::Name(Name { dashboard, revision, place }) => {
                arguments.add(dashboard.clone())?;
                arguments.add(*revision)?;
                arguments.add(*place)?;
            }
            Value::Names(names) => {
                let names =
                    names.iter().map(|name| (HEXLOWER.encode(&name.dashboard), name.revision, name.place));
                arguments.add(serde_json::to_string(&names.collect::<Vec<_>>())?)?;
            }
        }
    }
    Ok(arguments)
}

pub(super) async fn fetch<T>(
    connection: &mut SqliteConnection,
    sql: SqlStr,
    values: &[Value],
) -> Result<Vec<T>, SqlError>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    let arguments = bind(values).map_err(|error| SqlError::of(Error::Encode(error)))?;
    sqlx::query_as_with(sql, arguments).fetch_all(connection).await.map_err(SqlError::of)
}

/// Runs a statement that changes rows; how many those were.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    sql: SqlStr,
    values: &[Value],
) -> Result<u64, SqlError> {
    let arguments = bind(values).map_err(|error| SqlError::of(Error::Encode(error)))?;
    let done = sqlx::query_with(sql, arguments).execute(connection).await.map_err(SqlError::of)?;
    Ok(done.rows_affected())
}

/// Key, attempts, since when it is dead, and body.
type LetterRow = (Vec<u8>, i64, i64, i64, Option<i64>, Vec<u8>);

pub(super) async fn letters(
    connection: &mut SqliteConnection,
    sql: SqlStr,
    values: &[Value],
) -> Result<Vec<Letter>, SqlError> {
    let rows: Vec<LetterRow> = fetch(connection, sql, values).await?;
    let letter = |(dashboard, revision, place, attempts, dead_from, body)| Letter {
        name: Name { dashboard, revision, place },
        attempts,
        dead_from,
        body,
    };
    Ok(rows.into_iter().map(letter).collect())
}
