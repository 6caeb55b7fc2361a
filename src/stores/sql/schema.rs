//! The tables. One text for both dialects, but for the names of the types.
//!
//! Every key begins with the dashboard, so that a distributed engine keeps what belongs together together; there are no
//! sequences and no triggers. A dashboard's link is a column of its head, so a second one cannot be represented (L1).
//! What is looked for has a column; everything else is in the document beside it, so that a new field needs none.

use super::error::SqlError;
use sqlx::{AssertSqlSafe, Error, SqlSafeStr as _, SqlStr};

use Kind::{Bytes, Flag, Id, Ids, Number, Text};

/// The newest schema that this version knows.
pub(super) const VERSION: i64 = 1;

const SELECT_VERSION: &str =
    "SELECT CAST(version AS BIGINT) FROM dashshare_schema ORDER BY version DESC LIMIT 1";
const INSERT_VERSION: &str =
    "INSERT INTO dashshare_schema (version) VALUES ($1) ON CONFLICT (version) DO NOTHING";

/// Tables that belong together, and are migrated together.
pub(crate) struct Schema {
    pub(crate) version: i64,
    /// Reads the newest version that is there.
    pub(crate) select_version: &'static str,
    pub(crate) insert_version: &'static str,
    /// The table of versions first.
    pub(crate) tables: &'static [Table],
    pub(crate) statements: &'static [&'static str],
}

impl Schema {
    /// The table of versions.
    pub(crate) fn versions(&self) -> &'static Table {
        self.tables.first().unwrap_or(&TABLES[0])
    }

    /// The table that a statement of the schema makes, or makes an index of.
    pub(crate) fn table_of(&self, statement: &str) -> &'static Table {
        let names = |table: &&Table| {
            statement.contains(&format!("EXISTS {} (", table.name))
                || statement.contains(&format!("ON {} (", table.name))
        };
        self.tables.iter().find(names).unwrap_or_else(|| self.versions())
    }
}

/// A table as the schema has it, for [`migrate`](crate::sql) to compare with.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// What no two rows have in common.
    pub(crate) keys: &'static [&'static str],
}

/// The type of a column.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Id,
    Ids,
    Number,
    Flag,
    Text,
    Bytes,
}

static TABLES: [Table; 7] = [
    Table { name: "dashshare_schema", columns: &[("version", Number)], keys: &["version"] },
    Table {
        name: "dashshare_head",
        columns: &[
            ("dashboard", Id),
            ("revision", Number),
            ("owner", Id),
            ("deleted", Flag),
            ("link", Bytes),
            ("link_grant", Id),
            ("body", Text),
        ],
        keys: &["dashboard", "link"],
    },
    Table {
        name: "dashshare_grant",
        columns: &[
            ("dashboard", Id),
            ("ordinal", Number),
            ("id", Id),
            ("ancestors", Ids),
            ("account", Id),
            ("address", Text),
            ("body", Text),
            ("shelved", Number),
        ],
        keys: &["dashboard, ordinal", "dashboard, id"],
    },
    Table {
        name: "dashshare_below",
        columns: &[("dashboard", Id), ("above", Id), ("ordinal", Number)],
        keys: &["dashboard, above, ordinal"],
    },
    Table {
        name: "dashshare_audit",
        columns: &[("dashboard", Id), ("revision", Number), ("host", Flag), ("actor", Id), ("body", Text)],
        keys: &["dashboard, revision"],
    },
    Table {
        name: "dashshare_outbox",
        columns: &[
            ("dashboard", Id),
            ("revision", Number),
            ("place", Number),
            ("leased_until", Number),
            ("attempts", Number),
            ("dead_from", Number),
            ("body", Text),
        ],
        keys: &["dashboard, revision, place"],
    },
    Table {
        name: "dashshare_receipt",
        columns: &[("dashboard", Id), ("key", Id), ("digest", Id), ("revision", Number), ("at", Number)],
        keys: &["dashboard, key"],
    },
];

impl Table {
    /// Statements that change nothing, and fail when a column or a key is missing, or when the user may not write.
    pub(crate) fn probes(&self) -> impl Iterator<Item = SqlStr> {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let (table, names) = (self.name, names.join(", "));
        self.keys.iter().map(move |key| {
            AssertSqlSafe(format!(
                "EXPLAIN INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE FALSE \
                 ON CONFLICT ({key}) DO NOTHING"
            ))
            .into_sql_str()
        })
    }

    /// An error for a table that is not like this.
    pub(crate) fn damaged(&self, source: Error) -> SqlError {
        SqlError::Damaged { table: self.name, version: VERSION, source }
    }

    /// Compares the types of the columns, as the database calls them.
    pub(crate) fn compare(
        &self,
        found: impl IntoIterator<Item = String>,
        called: impl Fn(Kind) -> &'static str,
    ) -> Result<(), SqlError> {
        for ((name, kind), found) in self.columns.iter().zip(found) {
            let expected = called(*kind);
            if found != expected {
                let words = format!("the column `{name}` has the type {found}, and should have {expected}");
                return Err(self.damaged(Error::Protocol(words)));
            }
        }
        Ok(())
    }
}

macro_rules! schema {
    (
        $(#[$doc:meta])* $name:ident
        id $id:literal ids $ids:literal number $number:literal flag $flag:literal text $text:literal
        address $address:literal bytes $bytes:literal end $end:literal end_of_keys $end_of_keys:literal
    ) => {
        $(#[$doc])*
        const $name: [&str; 13] = [
            concat!("CREATE TABLE IF NOT EXISTS dashshare_schema (version ", $number, " NOT NULL PRIMARY KEY)", $end),
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_head (dashboard ", $id, " NOT NULL PRIMARY KEY, revision ",
                $number, " NOT NULL, owner ", $id, " NOT NULL, deleted ", $flag, " NOT NULL, link ", $bytes,
                " UNIQUE, link_grant ", $id, ", body ", $text, " NOT NULL)", $end_of_keys
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_head_owner ON dashshare_head (owner, deleted, dashboard)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_grant (dashboard ", $id, " NOT NULL, ordinal ", $number,
                " NOT NULL, id ", $id, " NOT NULL, ancestors ", $ids, " NOT NULL, account ", $id, ", address ",
                $address, ", body ", $text, " NOT NULL, shelved ", $number,
                " NOT NULL DEFAULT 0, PRIMARY KEY (dashboard, ordinal), UNIQUE (dashboard, id))", $end
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_grant_account ON dashshare_grant (account, dashboard, shelved, ordinal)",
            "CREATE INDEX IF NOT EXISTS dashshare_grant_address ON dashshare_grant (address, dashboard, shelved, ordinal)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_below (dashboard ", $id, " NOT NULL, above ", $id,
                " NOT NULL, ordinal ", $number, " NOT NULL, PRIMARY KEY (dashboard, above, ordinal))", $end_of_keys
            ),
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_audit (dashboard ", $id, " NOT NULL, revision ", $number,
                " NOT NULL, host ", $flag, " NOT NULL, actor ", $id, " NOT NULL, body ", $text,
                " NOT NULL, PRIMARY KEY (dashboard, revision))", $end
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_audit_actor ON dashshare_audit (actor, host, dashboard, revision)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_outbox (dashboard ", $id, " NOT NULL, revision ", $number,
                " NOT NULL, place ", $number, " NOT NULL, leased_until ", $number, " NOT NULL, attempts ", $number,
                " NOT NULL, dead_from ", $number, ", body ", $text,
                " NOT NULL, PRIMARY KEY (dashboard, revision, place))", $end
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_outbox_lease \
                ON dashshare_outbox (leased_until, dashboard, revision, place)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_receipt (dashboard ", $id, " NOT NULL, key ", $id,
                " NOT NULL, digest ", $id, " NOT NULL, revision ", $number, " NOT NULL, at ", $number,
                " NOT NULL, PRIMARY KEY (dashboard, key))", $end_of_keys
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_receipt_at ON dashshare_receipt (at, dashboard, key)",
        ];
    };
}

#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: Schema = Schema {
    version: VERSION,
    select_version: SELECT_VERSION,
    insert_version: INSERT_VERSION,
    tables: &TABLES,
    statements: &POSTGRES_TABLES,
};

#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: Schema = Schema {
    version: VERSION,
    select_version: SELECT_VERSION,
    insert_version: INSERT_VERSION,
    tables: &TABLES,
    statements: &SQLITE_TABLES,
};

#[cfg(feature = "postgres")]
schema! {
    /// PostgreSQL's.
    POSTGRES_TABLES
    id "UUID" ids "UUID[]" number "BIGINT" flag "BOOLEAN" text "TEXT" address "TEXT COLLATE \"C\"" bytes "BYTEA"
    end "" end_of_keys ""
}

#[cfg(feature = "sqlite")]
schema! {
    /// SQLite's. It has no arrays, but reads JSON.
    SQLITE_TABLES
    id "BLOB" ids "TEXT" number "INTEGER" flag "INTEGER" text "TEXT" address "TEXT COLLATE BINARY" bytes "BLOB"
    end " STRICT" end_of_keys " STRICT, WITHOUT ROWID"
}
