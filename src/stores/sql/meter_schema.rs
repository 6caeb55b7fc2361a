//! The tables of meters. They stand apart from those of sharing, have a version of their own, and may live in another
//! database. Every key begins with the tenant, but for counters.
//!
//! A meter has columns beside its figures for what its last batch found: the statement that judges a batch hands them on to
//! the parts that write lines and notices.

use super::schema::{
    Kind::{Bytes, Id, Number, Text},
    Schema, Table,
};

const VERSION: i64 = 1;
const SELECT_VERSION: &str =
    "SELECT CAST(version AS BIGINT) FROM dashshare_meter_schema ORDER BY version DESC LIMIT 1";
const INSERT_VERSION: &str =
    "INSERT INTO dashshare_meter_schema (version) VALUES ($1) ON CONFLICT (version) DO NOTHING";

static TABLES: [Table; 8] = [
    Table { name: "dashshare_meter_schema", columns: &[("version", Number)], keys: &["version"] },
    Table {
        name: "dashshare_meter",
        columns: &[
            ("tenant", Id),
            ("first", Number),
            ("ends", Number),
            ("charged", Number),
            ("loads", Number),
            ("exports", Number),
            ("cached", Number),
            ("cached_loads", Number),
            ("refused", Number),
            ("handed_back", Number),
            ("hand_backs", Number),
            ("version", Number),
            ("told", Number),
            ("latest", Number),
            ("before", Number),
            ("found", Text),
            ("told_from", Number),
            ("refused_from", Number),
        ],
        keys: &["tenant, first"],
    },
    Table {
        name: "dashshare_line",
        columns: &[
            ("tenant", Id),
            ("day", Number),
            ("dashboard", Id),
            ("registered", Number),
            ("edge", Bytes),
            ("widget", Bytes),
            ("first", Number),
            ("charged", Number),
            ("loads", Number),
            ("exports", Number),
            ("cached", Number),
            ("cached_loads", Number),
            ("refused", Number),
            ("handed_back", Number),
            ("hand_backs", Number),
        ],
        keys: &["tenant, day, dashboard, registered, edge, widget, first"],
    },
    Table {
        name: "dashshare_charge",
        columns: &[
            ("tenant", Id),
            ("maker", Id),
            ("number", Number),
            ("digest", Id),
            ("at", Number),
            ("before", Number),
            ("found", Text),
        ],
        keys: &["tenant, maker, number"],
    },
    Table {
        name: "dashshare_hand_back",
        columns: &[("tenant", Id), ("maker", Id), ("number", Number), ("place", Number), ("ends", Number)],
        keys: &["tenant, maker, number, place"],
    },
    Table {
        name: "dashshare_notice",
        columns: &[
            ("tenant", Id),
            ("first", Number),
            ("version", Number),
            ("threshold", Number),
            ("ends", Number),
            ("most", Text),
            ("charged", Number),
            ("at", Number),
            ("crossed", Text),
            ("leased_until", Number),
            ("attempts", Number),
        ],
        keys: &["tenant, first, version, threshold"],
    },
    Table { name: "dashshare_counter", columns: &[("name", Bytes), ("sum", Number)], keys: &["name"] },
    Table {
        name: "dashshare_taken",
        columns: &[("name", Bytes), ("id", Id), ("n", Number), ("at", Number)],
        keys: &["name, id"],
    },
];

macro_rules! schema {
    (
        $(#[$doc:meta])* $name:ident $tables:ident
        id $id:literal number $number:literal text $text:literal bytes $bytes:literal
        end $end:literal end_of_keys $end_of_keys:literal hot $hot:literal
    ) => {
        $(#[$doc])*
        pub(crate) const $name: Schema = Schema {
            version: VERSION,
            select_version: SELECT_VERSION,
            insert_version: INSERT_VERSION,
            tables: &TABLES,
            statements: &$tables,
        };

        const $tables: [&str; 13] = [
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_meter_schema (version ", $number, " NOT NULL PRIMARY KEY)", $end
            ),
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_meter (tenant ", $id, " NOT NULL, first ", $number,
                " NOT NULL, ends ", $number, " NOT NULL, charged ", $number, " NOT NULL DEFAULT 0, loads ", $number,
                " NOT NULL DEFAULT 0, exports ", $number, " NOT NULL DEFAULT 0, cached ", $number,
                " NOT NULL DEFAULT 0, cached_loads ", $number, " NOT NULL DEFAULT 0, refused ", $number,
                " NOT NULL DEFAULT 0, handed_back ", $number, " NOT NULL DEFAULT 0, hand_backs ", $number,
                " NOT NULL DEFAULT 0, version ", $number, " NOT NULL DEFAULT 0, told ", $number,
                " NOT NULL DEFAULT 0, latest ", $number, " NOT NULL, before ", $number,
                " NOT NULL DEFAULT 0, found ", $text, " NOT NULL DEFAULT '', told_from ", $number,
                " NOT NULL DEFAULT 0, refused_from ", $number, " NOT NULL DEFAULT 0, PRIMARY KEY (tenant, first))",
                $hot
            ),
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_line (tenant ", $id, " NOT NULL, day ", $number,
                " NOT NULL, dashboard ", $id, " NOT NULL, registered ", $number, " NOT NULL, edge ", $bytes,
                " NOT NULL, widget ", $bytes, " NOT NULL, first ", $number, " NOT NULL, charged ", $number,
                " NOT NULL, loads ", $number, " NOT NULL, exports ", $number, " NOT NULL, cached ", $number,
                " NOT NULL, cached_loads ", $number, " NOT NULL, refused ", $number, " NOT NULL, handed_back ",
                $number, " NOT NULL DEFAULT 0, hand_backs ", $number,
                " NOT NULL DEFAULT 0, PRIMARY KEY (tenant, day, dashboard, registered, edge, widget, first))", $hot
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_line_dashboard \
                ON dashshare_line (tenant, dashboard, day, registered, edge, widget, first)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_charge (tenant ", $id, " NOT NULL, maker ", $id,
                " NOT NULL, number ", $number, " NOT NULL, digest ", $id, " NOT NULL, at ", $number,
                " NOT NULL, before ", $number, " NOT NULL, found ", $text,
                " NOT NULL, PRIMARY KEY (tenant, maker, number))", $end_of_keys
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_charge_at ON dashshare_charge (at)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_hand_back (tenant ", $id, " NOT NULL, maker ", $id,
                " NOT NULL, number ", $number, " NOT NULL, place ", $number, " NOT NULL, ends ", $number,
                " NOT NULL, PRIMARY KEY (tenant, maker, number, place))", $end_of_keys
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_hand_back_ends ON dashshare_hand_back (ends)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_notice (tenant ", $id, " NOT NULL, first ", $number,
                " NOT NULL, version ", $number, " NOT NULL, threshold ", $number, " NOT NULL, ends ", $number,
                " NOT NULL, most ", $text, ", charged ", $number, " NOT NULL, at ", $number,
                " NOT NULL, crossed ", $text, " NOT NULL, leased_until ", $number, " NOT NULL, attempts ", $number,
                " NOT NULL, PRIMARY KEY (tenant, first, version, threshold))", $end
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_notice_lease ON dashshare_notice (leased_until)",
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_counter (name ", $bytes, " NOT NULL PRIMARY KEY, sum ", $number,
                " NOT NULL)", $end
            ),
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_taken (name ", $bytes, " NOT NULL, id ", $id,
                " NOT NULL, n ", $number, " NOT NULL, at ", $number, " NOT NULL, PRIMARY KEY (name, id))", $end_of_keys
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_taken_at ON dashshare_taken (at)",
        ];
    };
}

#[cfg(feature = "postgres")]
schema! {
    /// PostgreSQL's. Rows whose figures change leave room for their next versions, and no index has a figure in it.
    POSTGRES POSTGRES_TABLES
    id "UUID" number "BIGINT" text "TEXT" bytes "BYTEA" end "" end_of_keys "" hot " WITH (fillfactor = 50)"
}

#[cfg(feature = "sqlite")]
schema! {
    /// SQLite's.
    SQLITE SQLITE_TABLES
    id "BLOB" number "INTEGER" text "TEXT" bytes "BLOB" end " STRICT" end_of_keys " STRICT, WITHOUT ROWID" hot " STRICT"
}
