//! The statements that PostgreSQL has its own words for, and the rows that they answer with.

use crate::stores::sql::{ABOVE, Dialect, HEAD, LEAF, Row};

/// A head, one of its grants that was asked for, and what that hangs on. The head is the same in many rows.
/// One that is not there is none, and then its leaf's chain is torn.
type Chained = (String, Option<String>, Vec<Option<String>>);

/// What a leaf hangs on, each found by its id: a join, or `id = ANY(ancestors)`, may read all grants of the dashboard
/// instead, where the planner thinks that dashboards have few.
macro_rules! above {
    ($leaf:literal) => {
        concat!(
            "ARRAY(SELECT (SELECT a.body FROM dashshare_grant a WHERE a.dashboard = ",
            $leaf,
            ".dashboard AND a.id = up.id) FROM (SELECT unnest(",
            $leaf,
            ".ancestors) AS id) up)"
        )
    };
}

/// The grants of the first dashboard that have one of some values. Each value is looked up by itself, for the same
/// reason.
macro_rules! sought {
    ($column:literal, $values:literal, $which:literal) => {
        concat!(
            "SELECT g.dashboard, g.ancestors, g.body FROM (SELECT unnest(",
            $values,
            ") AS value) sought CROSS JOIN LATERAL (SELECT dashboard, ancestors, body FROM dashshare_grant WHERE ",
            $column,
            " = sought.value AND dashboard = $1",
            $which,
            " OFFSET 0) g"
        )
    };
}

/// A page of dashboards. Each head and each grant is looked up by itself, for the same reason.
macro_rules! many_by {
    ($holder:literal) => {
        concat!(
            "SELECT h.body, g.body, ",
            above!("g"),
            " FROM (SELECT unnest($1::uuid[]) AS dashboard) page \
            CROSS JOIN LATERAL (SELECT body FROM dashshare_head \
                WHERE dashboard = page.dashboard OFFSET 0) h \
            LEFT JOIN LATERAL (SELECT dashboard, ancestors, body FROM dashshare_grant WHERE ",
            $holder,
            " = $2 AND dashboard = page.dashboard AND shelved = 0 OFFSET 0) g ON TRUE"
        )
    };
}

macro_rules! held_by {
    ($holder:literal) => {
        concat!(
            "WITH leaf AS (SELECT dashboard, ancestors, body FROM dashshare_grant WHERE ",
            $holder,
            " = $1 AND (dashboard, ordinal) > ($2, $3) ORDER BY dashboard, ordinal LIMIT {limit}) \
            SELECT h.body, leaf.body, ",
            above!("leaf"),
            " FROM leaf JOIN dashshare_head h ON h.dashboard = leaf.dashboard"
        )
    };
}

/// The messages with some names, behind `UPDATE dashshare_outbox o SET …` or `DELETE FROM dashshare_outbox o`.
macro_rules! named {
    ($from:literal, $dashboards:literal, $revisions:literal, $places:literal) => {
        concat!(
            $from,
            " unnest(",
            $dashboards,
            "::uuid[], ",
            $revisions,
            "::int8[], ",
            $places,
            "::int8[]) AS d (dashboard, revision, place) \
            WHERE o.dashboard = d.dashboard AND o.revision = d.revision AND o.place = d.place"
        )
    };
}

pub(super) static DIALECT: Dialect = Dialect {
    account: concat!(
        "SELECT h.body, g.body, ",
        above!("g"),
        " FROM dashshare_head h \
        LEFT JOIN dashshare_grant g ON g.account = $2 AND g.dashboard = h.dashboard AND g.shelved = 0 \
        WHERE h.dashboard = $1"
    ),
    seeds: concat!(
        "WITH leaf AS (",
        sought!("account", "$2::uuid[]", " AND shelved = 0"),
        " UNION ALL ",
        sought!("address", "$3::text[]", " AND shelved = 0"),
        " UNION ALL ",
        sought!("id", "$4::uuid[]", ""),
        " UNION ALL ",
        sought!("account", "$5::uuid[]", ""),
        " UNION ALL ",
        sought!("address", "$6::text[]", ""),
        ") \
        SELECT h.body, leaf.body, ",
        above!("leaf"),
        " FROM dashshare_head h LEFT JOIN leaf ON leaf.dashboard = h.dashboard WHERE h.dashboard = $1"
    ),
    many_by_account: many_by!("account"),
    many_by_address: many_by!("address"),
    link: concat!(
        "SELECT h.body, g.body, ",
        above!("g"),
        " FROM dashshare_head h \
        LEFT JOIN dashshare_grant g ON g.dashboard = h.dashboard AND g.id = h.link_grant WHERE h.link = $1"
    ),
    held_by_account: held_by!("account"),
    held_by_address: held_by!("address"),
    // Each limit stands where the planner knows it; the outer one takes, and locks, no more than are left to take. When a
    // row has changed since the snapshot, the server asks for `ended` again without its limit, so that may be none.
    lease: "WITH ended AS (SELECT dashboard, revision, place FROM dashshare_outbox \
            WHERE leased_until > '-9223372036854775808'::int8 AND leased_until <= $1 \
            ORDER BY leased_until, dashboard, revision, place LIMIT {limit} FOR UPDATE SKIP LOCKED), \
        unleased AS (SELECT dashboard, revision, place FROM (\
                SELECT dashboard, revision, place FROM dashshare_outbox \
                WHERE leased_until = '-9223372036854775808'::int8 \
                ORDER BY dashboard, revision, place LIMIT {limit} FOR UPDATE SKIP LOCKED) AS first \
            LIMIT greatest(0, {limit} - (SELECT count(*) FROM ended))), \
        taken AS (SELECT dashboard, revision, place FROM ended UNION ALL \
            SELECT dashboard, revision, place FROM unleased) \
        UPDATE dashshare_outbox o SET attempts = least(o.attempts, 4294967294) + 1, \
            leased_until = CASE WHEN o.attempts >= $3 - 1 THEN 9223372036854775807 ELSE $2 END, \
            dead_from = CASE WHEN o.attempts >= $3 - 1 THEN $2 END FROM taken \
        WHERE o.dashboard = taken.dashboard AND o.revision = taken.revision AND o.place = taken.place \
        RETURNING o.dashboard, o.revision, o.place, o.attempts, o.dead_from, o.body",
    put_aside: concat!(
        "UPDATE dashshare_outbox o SET leased_until = 9223372036854775807, dead_from = $1 ",
        named!("FROM", "$3", "$4", "$5"),
        " AND o.leased_until = $2"
    ),
    put_back: concat!(
        "UPDATE dashshare_outbox o SET leased_until = '-9223372036854775808'::int8, dead_from = NULL, attempts = 0 ",
        named!("FROM", "$1", "$2", "$3")
    ),
    acknowledge: concat!("DELETE FROM dashshare_outbox o ", named!("USING", "$1", "$2", "$3")),
    // Of several that sweep at once, none waits for another.
    sweep: "WITH old AS (SELECT dashboard, key FROM dashshare_receipt WHERE at < $1 \
            ORDER BY at LIMIT {limit} FOR UPDATE SKIP LOCKED) \
        DELETE FROM dashshare_receipt r USING old WHERE r.dashboard = old.dashboard AND r.key = old.key",
};

pub(super) fn rows_of(chained: Vec<Chained>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(chained.len().saturating_mul(2));
    let mut newest: Option<usize> = None;
    for (head, leaf, above) in chained {
        // Reading a head once is enough.
        if newest.and_then(|at| rows.get(at)).is_none_or(|(_, known)| *known != head) {
            newest = Some(rows.len());
            rows.push((HEAD, head));
        }
        rows.extend(leaf.map(|leaf| (LEAF, leaf)));
        rows.extend(above.into_iter().flatten().map(|above| (ABOVE, above)));
    }
    rows
}
