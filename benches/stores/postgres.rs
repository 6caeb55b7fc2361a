//! PostgreSQL over loopback: a server of our own whose commits wait for the disk, and the bare statements.

use crate::{
    Bare,
    cluster::{Cluster, Installation},
    fill::{Cell, Rows, TABLES, Table},
    support::Random,
};
use dashshare::PostgresStore;
use sqlx::{
    Arguments as _, AssertSqlSafe, Executor as _,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions},
    types::Uuid,
};
use std::{fmt::Write as _, net::TcpListener, time::SystemTime};

/// The server. A schema of its own for each store.
pub(crate) struct Server {
    cluster: Cluster,
    port: u16,
    password: String,
}

impl Server {
    /// `None` when no server is installed on this machine.
    pub(crate) fn start() -> Option<Self> {
        let installation = Installation::find()?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // As on a server that has a machine to itself; the tables of a million grants fit in.
        let settings = "listen_addresses = '127.0.0.1'\nfsync = on\nsynchronous_commit = on\n\
            full_page_writes = on\nshared_buffers = 2GB\nmax_wal_size = 8GB\nmaintenance_work_mem = 512MB";
        let cluster = Cluster::start_with(&installation, port, settings).expect("the cluster starts");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let password = format!("{:032x}", Random(now.as_nanos() as u64).id::<u128>());
        let mut psql = cluster.psql().expect("it answers");
        let set = psql.send(&format!("ALTER ROLE postgres PASSWORD '{password}';")).expect("it answers");
        assert_eq!(set.complaints, Vec::<String>::new());
        Some(Self { cluster, port, password })
    }

    pub(crate) fn stop(self) {
        drop(self.cluster);
    }

    /// A store with empty tables, and with empty bare ones beside them.
    pub(crate) async fn store(&self, schema: &str) -> PostgresStore {
        let mut psql = self.cluster.psql().expect("it answers");
        let made = psql.send(&format!("CREATE SCHEMA {schema};")).expect("it answers");
        assert_eq!(made.complaints, Vec::<String>::new());
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username("postgres")
            .password(&self.password)
            .database("postgres")
            .options([("search_path", schema)]);
        let store = PostgresStore::new(PgPoolOptions::new().connect_with(options).await.expect("a pool"));
        store.migrate().await.expect("it migrates");
        for Table { name, .. } in &TABLES {
            let sql = format!("CREATE TABLE bare_{name} (LIKE dashshare_{name} INCLUDING ALL)");
            store.pool().execute(AssertSqlSafe(sql)).await.unwrap();
        }
        store
    }
}

fn arguments(cells: &[Cell]) -> PgArguments {
    let mut arguments = PgArguments::default();
    for cell in cells {
        let added = match cell {
            Cell::Null => arguments.add(None::<Uuid>),
            Cell::Id(id) => arguments.add(id),
            Cell::Number(number) => arguments.add(number),
            Cell::Flag(flag) => arguments.add(flag),
            Cell::Text(text) => arguments.add(text),
            Cell::Bytes(bytes) => arguments.add(bytes),
            Cell::Ids(ids) => arguments.add(ids),
        };
        added.unwrap();
    }
    arguments
}

/// A cell as `COPY` reads it. No text of ours has a tab, a newline or a backslash in it.
fn copied(cell: &Cell) -> String {
    match cell {
        Cell::Null => "\\N".into(),
        Cell::Id(id) => id.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Bytes(bytes) => bytes.iter().fold("\\\\x".into(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        }),
        Cell::Ids(ids) => {
            format!("{{{}}}", ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(","))
        }
    }
}

impl Bare for PostgresStore {
    const NAME: &'static str = "postgres";

    async fn look_up(&self, dashboard: Uuid) -> bool {
        let found = sqlx::query_scalar::<_, i32>("SELECT 1 FROM dashshare_head WHERE dashboard = $1");
        found.bind(dashboard).fetch_optional(self.pool()).await.unwrap().is_some()
    }

    async fn insert(&self, rows: &Rows) {
        let mut transaction = self.pool().begin().await.unwrap();
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
        for (table, rows) in TABLES.iter().zip(rows) {
            let sql = format!("COPY dashshare_{} ({}) FROM STDIN", table.name, table.columns.join(", "));
            let mut lines = String::new();
            for row in rows {
                lines.push_str(&row.iter().map(copied).collect::<Vec<_>>().join("\t"));
                lines.push('\n');
            }
            let mut copy = connection.copy_in_raw(&sql).await.unwrap();
            copy.send(lines.as_bytes()).await.unwrap();
            copy.finish().await.unwrap();
        }
    }

    async fn fill_bare(&self) {
        for Table { name, .. } in &TABLES {
            let sql = format!("INSERT INTO bare_{name} SELECT * FROM dashshare_{name}");
            self.pool().execute(AssertSqlSafe(sql)).await.unwrap();
        }
        self.pool().execute("CHECKPOINT").await.unwrap();
    }

    /// As the server's own housekeeping leaves it, and with what is asked for in the server's memory, as on a server
    /// that has run for a while: otherwise the first look at each grant would wait for the file.
    async fn settle(&self) {
        for Table { name, .. } in &TABLES {
            let sql = format!("VACUUM (ANALYZE) dashshare_{name}");
            self.pool().execute(AssertSqlSafe(sql)).await.unwrap();
        }
        let mut transaction = self.pool().begin().await.unwrap();
        for warming in [
            "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off",
            "SELECT sum(length(body)) FROM dashshare_grant WHERE account >= '00000000-0000-0000-0000-000000000000'",
            "SELECT sum(length(body)) FROM dashshare_head WHERE link >= ''",
            "SELECT count(*) FROM dashshare_head WHERE dashboard >= '00000000-0000-0000-0000-000000000000'",
        ] {
            transaction.execute(warming).await.unwrap();
        }
        transaction.commit().await.unwrap();
        self.pool().execute("CHECKPOINT").await.unwrap();
    }

    async fn close(&self) {
        self.pool().close().await;
    }

    async fn again(&self, connections: u32, tests: bool) -> Self {
        let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(tests);
        Self::new(pool.connect_with((*self.pool().connect_options()).clone()).await.expect("a pool"))
    }

    async fn grants_written(&self, dashboard: Uuid) -> i64 {
        let sql = "SELECT count(*) FROM dashshare_grant g JOIN dashshare_head h ON h.dashboard = g.dashboard \
            WHERE h.dashboard = $1 AND g.xmin = h.xmin";
        sqlx::query_scalar(sql).bind(dashboard).fetch_one(self.pool()).await.unwrap()
    }
}
