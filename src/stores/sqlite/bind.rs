//! What a statement is given, and what it answers.

use crate::stores::sql::{SqlError, Value};
use sqlx::{Arguments as _, Error, SqlStr, SqliteConnection, error::BoxDynError, sqlite::SqliteArguments};
use uuid::Uuid;

pub(super) fn hex(id: &Uuid) -> String {
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
