//! The statements that both dialects share.

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

pub(super) const SELECT_HEAD: &str = "SELECT 0, body FROM dashshare_head WHERE dashboard = $1";
pub(super) const SELECT_GRANTS: &str = "SELECT 1, body FROM dashshare_grant \
    WHERE dashboard = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT {limit}";
pub(super) const SELECT_BELOW: &str = "SELECT 1, g.body FROM dashshare_below b \
    JOIN dashshare_grant g ON g.dashboard = b.dashboard AND g.ordinal = b.ordinal \
    WHERE b.dashboard = $1 AND b.above = $2 AND b.ordinal >= $3 ORDER BY b.ordinal LIMIT {limit}";
pub(crate) const SELECT_OWNED: &str = "SELECT 0, body FROM dashshare_head \
    WHERE owner = $1 AND deleted = FALSE AND dashboard >= $2 ORDER BY dashboard LIMIT {limit}";
pub(super) const SELECT_AUDIT: &str = "SELECT 3, body FROM dashshare_audit \
    WHERE dashboard = $1 AND revision > $2 ORDER BY revision LIMIT {limit}";
pub(crate) const SELECT_DEEDS: &str = "SELECT 3, body FROM dashshare_audit \
    WHERE actor = $1 AND host = $2 AND (dashboard, revision) > ($3, $4) ORDER BY dashboard, revision LIMIT {limit}";
pub(crate) const SELECT_OUTBOX: &str = "SELECT dashboard, revision, place, attempts, dead_from, body \
    FROM dashshare_outbox WHERE (dashboard, revision, place) > ($1, $2, $3) \
    ORDER BY dashboard, revision, place LIMIT {limit}";
/// Those whose last lease still runs are few. The planner would think that of all, if it knew the column by itself.
pub(crate) const SELECT_DEAD: &str = "SELECT dashboard, revision, place, attempts, dead_from, body \
    FROM dashshare_outbox WHERE leased_until = 9223372036854775807 AND (dashboard, revision, place) > ($1, $2, $3) \
    AND coalesce(dead_from, 0) <= $4 ORDER BY dashboard, revision, place LIMIT {limit}";
pub(crate) const SELECT_RECEIPT: &str =
    "SELECT digest, revision, at FROM dashshare_receipt WHERE dashboard = $1 AND key = $2";
/// Every statement that both dialects share, for the tests of their plans.
#[cfg(all(test, feature = "sqlite"))]
pub(crate) const LISTS: [&str; 9] = [
    SELECT_HEAD,
    SELECT_GRANTS,
    SELECT_BELOW,
    SELECT_OWNED,
    SELECT_AUDIT,
    SELECT_DEEDS,
    SELECT_OUTBOX,
    SELECT_DEAD,
    SELECT_RECEIPT,
];

#[cfg(feature = "postgres")]
pub(crate) const SELECT_REVISION: &str = "SELECT revision FROM dashshare_head WHERE dashboard = $1";

/// The lease of a message that nobody has leased: it has always ended. That of a message which is leased no more is the
/// largest number of the column: it never ends.
pub(crate) const NEVER_LEASED: i64 = i64::MIN;
/// Before every revision, ordinal and place.
pub(super) const BEFORE_FIRST: i64 = -1;

/// A statement with its limit written out. Given as a value, the planner would have to guess it, and prepare for a tenth
/// of the table.
pub(super) fn limited(sql: &str, limit: usize) -> SqlStr {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // A number is all that is put into it.
    AssertSqlSafe(sql.replace("{limit}", &limit.to_string())).into_sql_str()
}

pub(super) fn fixed(sql: &'static str) -> SqlStr {
    sql.into_sql_str()
}
