//! The tables. One text for both dialects, but for the names of the types.
//!
//! Every key begins with the dashboard, so that a distributed engine keeps what belongs together together; there are no
//! sequences and no triggers. A dashboard's link is a column of its head, so a second one cannot be represented (L1).
//! What is looked for has a column; everything else is in the document beside it, so that a new field needs none.

/// The newest schema that this version knows.
pub(crate) const VERSION: i64 = 1;

pub(crate) const SELECT_VERSION: &str = "SELECT version FROM dashshare_schema ORDER BY version DESC LIMIT 1";
pub(crate) const INSERT_VERSION: &str =
    "INSERT INTO dashshare_schema (version) VALUES ($1) ON CONFLICT (version) DO NOTHING";

/// A statement for each table that fails when the table is not as the schema has it.
pub(crate) const PROBES: [(&str, &str); 6] = [
    (
        "dashshare_head",
        "SELECT dashboard, revision, owner, deleted, link, link_grant, body FROM dashshare_head WHERE FALSE",
    ),
    (
        "dashshare_grant",
        "SELECT dashboard, ordinal, id, ancestors, account, address, body FROM dashshare_grant WHERE FALSE",
    ),
    ("dashshare_below", "SELECT dashboard, above, ordinal FROM dashshare_below WHERE FALSE"),
    ("dashshare_audit", "SELECT dashboard, revision, host, actor, body FROM dashshare_audit WHERE FALSE"),
    (
        "dashshare_outbox",
        "SELECT dashboard, revision, place, leased_until, body FROM dashshare_outbox WHERE FALSE",
    ),
    ("dashshare_receipt", "SELECT dashboard, key, revision FROM dashshare_receipt WHERE FALSE"),
];

macro_rules! schema {
    (
        $(#[$doc:meta])* $name:ident
        id $id:literal ids $ids:literal number $number:literal flag $flag:literal text $text:literal
        address $address:literal bytes $bytes:literal end $end:literal end_of_keys $end_of_keys:literal
    ) => {
        $(#[$doc])*
        pub(crate) const $name: [&str; 11] = [
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
                $address, ", body ", $text, " NOT NULL, PRIMARY KEY (dashboard, ordinal), UNIQUE (dashboard, id))",
                $end
            ),
            "CREATE INDEX IF NOT EXISTS dashshare_grant_account ON dashshare_grant (account, dashboard, ordinal)",
            "CREATE INDEX IF NOT EXISTS dashshare_grant_address ON dashshare_grant (address, dashboard, ordinal)",
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
                " NOT NULL, place ", $number, " NOT NULL, leased_until ", $number, " NOT NULL, body ", $text,
                " NOT NULL, PRIMARY KEY (dashboard, revision, place))", $end
            ),
            concat!(
                "CREATE TABLE IF NOT EXISTS dashshare_receipt (dashboard ", $id, " NOT NULL, key ", $id,
                " NOT NULL, revision ", $number, " NOT NULL, PRIMARY KEY (dashboard, key))", $end_of_keys
            ),
        ];
    };
}

#[cfg(feature = "postgres")]
schema! {
    /// PostgreSQL's.
    POSTGRES
    id "UUID" ids "UUID[]" number "BIGINT" flag "BOOLEAN" text "TEXT" address "TEXT COLLATE \"C\"" bytes "BYTEA"
    end "" end_of_keys ""
}

#[cfg(feature = "sqlite")]
schema! {
    /// SQLite's. It has no arrays, but reads JSON.
    SQLITE
    id "BLOB" ids "TEXT" number "INTEGER" flag "INTEGER" text "TEXT" address "TEXT COLLATE BINARY" bytes "BLOB"
    end " STRICT" end_of_keys " STRICT, WITHOUT ROWID"
}
