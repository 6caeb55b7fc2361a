//! SQLite in a file of our own, and the bare statements.

use crate::{
    Bare,
    fill::{Cell, Rows, TABLES, Table},
};
use dashshare::SqliteStore;
use serde_json::{Value, json};
use sqlx::{
    Arguments as _, AssertSqlSafe, Executor as _,
    sqlite::{SqliteArguments, SqlitePoolOptions},
    types::Uuid,
};
use std::{env, fs, path::PathBuf, process};

/// A folder for the files, gone when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = env::temp_dir().join(format!("dashshare-bench-{}", process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    /// A store with empty tables, and with empty bare ones beside them.
    pub(crate) async fn store(&self, name: &str) -> SqliteStore {
        let store = SqliteStore::open(self.0.join(name)).await.expect("a file");
        store.migrate().await.expect("it migrates");
        let sql = "SELECT sql FROM sqlite_schema WHERE sql LIKE '%dashshare%'";
        for sql in sqlx::query_scalar::<_, String>(sql).fetch_all(store.pool()).await.unwrap() {
            store.pool().execute(AssertSqlSafe(sql.replace("dashshare_", "bare_"))).await.unwrap();
        }
        store
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ids(ids: &[Uuid]) -> String {
    json!(ids.iter().map(|id| id.simple().to_string()).collect::<Vec<_>>()).to_string()
}

fn arguments(cells: &[Cell]) -> SqliteArguments {
    let mut arguments = SqliteArguments::default();
    for cell in cells {
        let added = match cell {
            Cell::Null => arguments.add(None::<i64>),
            Cell::Id(id) => arguments.add(*id),
            Cell::Number(number) => arguments.add(*number),
            Cell::Flag(flag) => arguments.add(*flag),
            Cell::Text(text) => arguments.add(text.clone()),
            Cell::Bytes(bytes) => arguments.add(bytes.clone()),
            Cell::Ids(all) => arguments.add(ids(all)),
        };
        added.unwrap();
    }
    arguments
}

/// A cell as JSON, and how a statement reads it from there.
fn as_json(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Id(id) => json!(hex(id.as_bytes())),
        Cell::Number(number) => json!(number),
        Cell::Flag(flag) => json!(i64::from(*flag)),
        Cell::Text(text) => json!(text),
        Cell::Bytes(bytes) => json!(hex(bytes)),
        Cell::Ids(all) => json!(ids(all)),
    }
}

impl Bare for SqliteStore {
    const NAME: &'static str = "sqlite";

    async fn look_up(&self, dashboard: Uuid) -> bool {
        let found = sqlx::query_scalar::<_, i64>("SELECT 1 FROM dashshare_head WHERE dashboard = $1");
        found.bind(dashboard).fetch_optional(self.pool()).await.unwrap().is_some()
    }

    async fn insert(&self, rows: &Rows) {
        let mut transaction = self.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
        for (table, rows) in TABLES.iter().zip(rows) {
            for row in rows {
                let sql = AssertSqlSafe(table.insertion("bare"));
                sqlx::query_with(sql, arguments(row)).execute(&mut *transaction).await.unwrap();
            }
        }
        transaction.commit().await.unwrap();
    }

    async fn fill(&self, rows: &Rows) {
        let mut connection = self.pool().acquire().await.unwrap();
        connection.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000").await.unwrap();
        let mut transaction = sqlx::Connection::begin(&mut *connection).await.unwrap();
        for (Table { name, columns }, rows) in TABLES.iter().zip(rows) {
            let values: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(at, column)| match *column {
                    "dashboard" | "owner" | "link" | "link_grant" | "id" | "account" | "above" | "actor"
                    | "key" => format!("unhex(value ->> {at})"),
                    _ => format!("value ->> {at}"),
                })
                .collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            let sql = format!(
                "INSERT INTO dashshare_{name} ({columns}) SELECT {values} FROM json_each($1) WHERE TRUE"
            );
            let all: Vec<Vec<Value>> = rows.iter().map(|row| row.iter().map(as_json).collect()).collect();
            let statement = sqlx::query(AssertSqlSafe(sql)).bind(json!(all).to_string());
            statement.execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
        connection.close().await.unwrap();
    }

    async fn fill_bare(&self) {
        let mut connection = self.pool().acquire().await.unwrap();
        connection.execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -500000").await.unwrap();
        for Table { name, .. } in &TABLES {
            let sql = format!("INSERT INTO bare_{name} SELECT * FROM dashshare_{name}");
            connection.execute(AssertSqlSafe(sql)).await.unwrap();
        }
        connection.close().await.unwrap();
        self.settle().await;
    }

    async fn settle(&self) {
        self.pool().execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    }

    async fn close(&self) {
        self.pool().close().await;
    }

    async fn again(&self, connections: u32, tests: bool) -> Self {
        let pool = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(tests);
        Self::new(pool.connect_with((*self.pool().connect_options()).clone()).await.expect("a pool"))
    }

    /// It keeps no trace of who wrote a row, so the rows that are revoked are counted.
    async fn grants_written(&self, dashboard: Uuid) -> i64 {
        let sql =
            "SELECT count(*) FROM dashshare_grant WHERE dashboard = $1 AND body ->> '$.revoked' IS NOT NULL";
        sqlx::query_scalar(sql).bind(dashboard).fetch_one(self.pool()).await.unwrap()
    }
}
