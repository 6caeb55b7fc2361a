//! What a statement is given, and what it answers.

use crate::stores::sql::{self, SqlError, Value};
use sqlx::{Arguments as _, Error, PgConnection, SqlStr, error::BoxDynError, postgres::PgArguments};

pub(super) fn sql_state(error: &Error) -> Option<String> {
    sql::code(error)
}

fn bind(values: &[Value]) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Id(id) => arguments.add(id)?,
            Value::Number(number) => arguments.add(number)?,
            Value::Flag(flag) => arguments.add(flag)?,
            Value::Text(text) => arguments.add(text)?,
            Value::Bytes(bytes) => arguments.add(bytes)?,
            Value::Ids(ids) => arguments.add(ids)?,
            Value::Texts(texts) => arguments.add(texts)?,
        }
    }
    Ok(arguments)
}

pub(super) async fn fetch<T>(
    connection: &mut PgConnection,
    sql: SqlStr,
    values: &[Value],
) -> Result<Vec<T>, SqlError>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let arguments = bind(values).map_err(|error| SqlError::of(Error::Encode(error)))?;
    sqlx::query_as_with(sql, arguments).fetch_all(connection).await.map_err(SqlError::of)
}
