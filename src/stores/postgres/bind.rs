//! What a statement is given, and what it answers.

use crate::stores::sql::{self, Letter, Name, SqlError, Value};
use sqlx::{Arguments as _, Error, PgConnection, SqlStr, error::BoxDynError, postgres::PgArguments};
use uuid::Uuid;

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
            Value::Name(Name { dashboard, revision, place }) => {
                arguments.add(Uuid::from_slice(dashboard)?)?;
                arguments.add(revision)?;
                arguments.add(place)?;
            }
            Value::Names(names) => {
                let dashboards = names.iter().map(|name| Uuid::from_slice(&name.dashboard));
                arguments.add(dashboards.collect::<Result<Vec<_>, _>>()?)?;
                arguments.add(names.iter().map(|name| name.revision).collect::<Vec<_>>())?;
                arguments.add(names.iter().map(|name| name.place).collect::<Vec<_>>())?;
            }
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

/// Runs a statement that changes rows; how many those were.
pub(super) async fn change(
    connection: &mut PgConnection,
    sql: SqlStr,
    values: &[Value],
) -> Result<u64, SqlError> {
    let arguments = bind(values).map_err(|error| SqlError::of(Error::Encode(error)))?;
    let done = sqlx::query_with(sql, arguments).execute(connection).await.map_err(SqlError::of)?;
    Ok(done.rows_affected())
}

/// Key, attempts, since when it is dead, and body.
pub(super) type LetterRow = (Uuid, i64, i64, i64, Option<i64>, String);

pub(super) fn letters(rows: Vec<LetterRow>) -> Vec<Letter> {
    let letter = |(dashboard, revision, place, attempts, dead_from, body): LetterRow| Letter {
        name: Name { dashboard: dashboard.as_bytes().to_vec(), revision, place },
        attempts,
        dead_from,
        body: body.into_bytes(),
    };
    rows.into_iter().map(letter).collect()
}
