//! The statements that SQLite has its own words for.

use crate::stores::sql::Dialect;

pub(super) const UPDATE_HEAD: &str = "UPDATE dashshare_head SET revision = $3, owner = $4, deleted = $5, link = $6, \
    link_grant = $7, body = $8 WHERE dashboard = $1 AND revision = $2";
pub(super) const INSERT_HEAD: &str = "INSERT INTO dashshare_head (dashboard, revision, owner, deleted, link, link_grant, body) \
    SELECT $1, $3, $4, $5, $6, $7, $8 WHERE $2 = 0 ON CONFLICT (dashboard) DO NOTHING";
pub(super) const UPSERT_GRANT: &str = "INSERT INTO dashshare_grant (dashboard, ordinal, id, ancestors, account, address, body, shelved) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (dashboard, ordinal) DO UPDATE \
    SET account = excluded.account, address = excluded.address, body = excluded.body, shelved = excluded.shelved";
pub(super) const INSERT_BELOW: &str = "INSERT INTO dashshare_below (dashboard, above, ordinal) VALUES ($1, $2, $3) \
    ON CONFLICT (dashboard, above, ordinal) DO NOTHING";
pub(super) const INSERT_AUDIT: &str =
    "INSERT INTO dashshare_audit (dashboard, revision, host, actor, body) VALUES ($1, $2, $3, $4, $5)";
pub(super) const INSERT_MESSAGE: &str = "INSERT INTO dashshare_outbox \
    (dashboard, revision, place, leased_until, attempts, body) VALUES ($1, $2, $3, $4, 0, $5)";
pub(super) const INSERT_RECEIPT: &str = "INSERT INTO dashshare_receipt (dashboard, key, digest, revision, at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (dashboard, key) DO NOTHING";

pub(super) const SELECT_HEADS_BODY: &str = "SELECT body FROM dashshare_head WHERE dashboard = $1";
pub(super) const SELECT_GRANTS_BODY: &str =
    "SELECT body FROM dashshare_grant WHERE dashboard = $1 AND ordinal = $2";

macro_rules! many_by {
    ($holder:literal) => {
        concat!(
            "WITH page AS MATERIALIZED (SELECT unhex(value) AS dashboard FROM json_each($1)), \
            leaf AS MATERIALIZED (SELECT g.dashboard, g.ancestors, g.body FROM page \
                CROSS JOIN dashshare_grant g ON g.",
            $holder,
            " = $2 AND g.dashboard = page.dashboard AND g.shelved = 0) \
            SELECT 0, head.body FROM page CROSS JOIN dashshare_head head ON head.dashboard = page.dashboard \
            UNION ALL SELECT 1, body FROM leaf \
            UNION ALL \
            SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
            CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)"
        )
    };
}

/// The messages of a list of names, each found by its whole key.
macro_rules! named {
    ($names:literal) => {
        concat!(
            "rowid IN (SELECT message.rowid FROM json_each(",
            $names,
            ") name CROSS JOIN dashshare_outbox message ON message.dashboard = unhex(name.value ->> 0) \
            AND message.revision = name.value ->> 1 AND message.place = name.value ->> 2)"
        )
    };
}

/// A `CROSS JOIN` is done in the order in which it is written: first what hangs on others, then those.
pub(super) static DIALECT: Dialect = Dialect {
    account: "SELECT 0, body FROM dashshare_head WHERE dashboard = $1 \
        UNION ALL \
        SELECT 1, body FROM dashshare_grant WHERE account = $2 AND dashboard = $1 AND shelved = 0 \
        UNION ALL \
        SELECT 2, a.body FROM dashshare_grant g CROSS JOIN json_each(g.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = g.dashboard AND a.id = unhex(above.value) \
        WHERE g.account = $2 AND g.dashboard = $1 AND g.shelved = 0",
    seeds: "WITH leaf AS MATERIALIZED (\
            SELECT ancestors, body FROM dashshare_grant \
            WHERE account IN (SELECT unhex(value) FROM json_each($2)) AND dashboard = $1 AND shelved = 0 \
            UNION ALL \
            SELECT ancestors, body FROM dashshare_grant \
            WHERE address IN (SELECT value FROM json_each($3)) AND dashboard = $1 AND shelved = 0 \
            UNION ALL \
            SELECT ancestors, body FROM dashshare_grant \
            WHERE dashboard = $1 AND id IN (SELECT unhex(value) FROM json_each($4)) \
            UNION ALL \
            SELECT ancestors, body FROM dashshare_grant \
            WHERE account IN (SELECT unhex(value) FROM json_each($5)) AND dashboard = $1 \
            UNION ALL \
            SELECT ancestors, body FROM dashshare_grant \
            WHERE address IN (SELECT value FROM json_each($6)) AND dashboard = $1) \
        SELECT 0, body FROM dashshare_head WHERE dashboard = $1 \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = $1 AND a.id = unhex(above.value)",
    many_by_account: many_by!("account"),
    many_by_address: many_by!("address"),
    link: "WITH found AS MATERIALIZED (SELECT dashboard, link_grant, body FROM dashshare_head WHERE link = $1), \
        leaf AS MATERIALIZED (SELECT g.dashboard, g.ancestors, g.body FROM found \
            JOIN dashshare_grant g ON g.dashboard = found.dashboard AND g.id = found.link_grant) \
        SELECT 0, body FROM found \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)",
    held_by_account: "WITH leaf AS MATERIALIZED (SELECT dashboard, ancestors, body FROM dashshare_grant \
            WHERE account = $1 AND (dashboard, ordinal) > ($2, $3) ORDER BY dashboard, ordinal LIMIT {limit}) \
        SELECT 0, head.body FROM (SELECT DISTINCT dashboard FROM leaf) AS boards \
        JOIN dashshare_head head ON head.dashboard = boards.dashboard \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)",
    held_by_address: "WITH leaf AS MATERIALIZED (SELECT dashboard, ancestors, body FROM dashshare_grant \
            WHERE address = $1 AND (dashboard, ordinal) > ($2, $3) ORDER BY dashboard, ordinal LIMIT {limit}) \
        SELECT 0, head.body FROM (SELECT DISTINCT dashboard FROM leaf) AS boards \
        JOIN dashshare_head head ON head.dashboard = boards.dashboard \
        UNION ALL SELECT 1, body FROM leaf \
        UNION ALL \
        SELECT 2, a.body FROM leaf CROSS JOIN json_each(leaf.ancestors) above \
        CROSS JOIN dashshare_grant a ON a.dashboard = leaf.dashboard AND a.id = unhex(above.value)",
    lease: "WITH ended AS MATERIALIZED (SELECT rowid AS message FROM dashshare_outbox \
            WHERE leased_until > -9223372036854775808 AND leased_until <= $1 \
            ORDER BY leased_until, dashboard, revision, place LIMIT {limit}), \
        unleased AS MATERIALIZED (SELECT rowid AS message FROM dashshare_outbox \
            WHERE leased_until = -9223372036854775808 \
            ORDER BY dashboard, revision, place LIMIT {limit} - (SELECT count(*) FROM ended)), \
        taken AS MATERIALIZED (SELECT message FROM ended UNION ALL SELECT message FROM unleased) \
        UPDATE dashshare_outbox SET attempts = min(attempts, 4294967294) + 1, \
            leased_until = iif(attempts + 1 >= $3, 9223372036854775807, $2), \
            dead_from = iif(attempts + 1 >= $3, $2, NULL) \
        WHERE rowid IN (SELECT message FROM taken) \
        RETURNING dashboard, revision, place, attempts, dead_from, body",
    put_aside: concat!(
        "UPDATE dashshare_outbox SET leased_until = 9223372036854775807, dead_from = $1 WHERE leased_until = $2 AND ",
        named!("$3")
    ),
    put_back: concat!(
        "UPDATE dashshare_outbox SET leased_until = -9223372036854775808, dead_from = NULL, attempts = 0 \
        WHERE ",
        named!("$1")
    ),
    acknowledge: concat!("DELETE FROM dashshare_outbox WHERE ", named!("$1")),
    sweep: "DELETE FROM dashshare_receipt WHERE (dashboard, key) IN \
        (SELECT dashboard, key FROM dashshare_receipt WHERE at < $1 ORDER BY at LIMIT {limit})",
};
