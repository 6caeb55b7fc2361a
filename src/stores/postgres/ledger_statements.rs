//! The statements of the ledger, and what a batch is for them.

use crate::{meter::Batch, meter::Outlet, stores::sql::meter_rows as rows};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// The loads of a batch in their order, and the lines that they go to.
#[derive(Default)]
pub(super) struct Arrays {
    pub(super) costs: Vec<i64>,
    /// Below zero for what did not come from a cache.
    pub(super) cached: Vec<i64>,
    pub(super) exports: Vec<bool>,
    /// The line of each load, from 1.
    pub(super) lines: Vec<i64>,
    pub(super) dashboards: Vec<Uuid>,
    pub(super) registered: Vec<i64>,
    pub(super) edges: Vec<Vec<u8>>,
    pub(super) widgets: Vec<Vec<u8>>,
}

impl Arrays {
    pub(super) fn of(batch: &Batch) -> Self {
        let mut arrays = Self::default();
        let mut known: HashMap<&Arc<Outlet>, i64> = HashMap::new();
        for load in &batch.loads {
            let next = i64::try_from(known.len()).unwrap_or(i64::MAX).saturating_add(1);
            let line = *known.entry(&load.outlet).or_insert(next);
            if line == next {
                let outlet = &load.outlet;
                arrays.dashboards.push(outlet.dashboard.to_uuid());
                arrays.registered.push(rows::number(outlet.registered.number()));
                arrays.edges.push(rows::edge(&outlet.edge));
                arrays.widgets.push(outlet.widget.as_bytes().to_vec());
            }
            // What is more than a meter can hold fits nowhere.
            let cost = i64::try_from(load.cost).unwrap_or(i64::MAX);
            arrays.costs.push(cost);
            arrays.cached.push(load.cached.map_or(-1, rows::number));
            arrays.exports.push(load.is_export);
            arrays.lines.push(line);
        }
        arrays
    }
}

/// Everything hangs on the meter's row. It is locked first, and read as it is then: a batch that waited for another is judged by
/// what that one left. (An expression of the update itself would not do. The server evaluates it anew for a row that has
/// changed, but a query inside it keeps rows of the first evaluation.) Values: tenant, first, end, what the meter may hold, the
/// limit, its version, thresholds, instant, whether owed, maker, number, digest, day, the loads, the lines, before every
/// instant, never leased.
pub(super) const CHARGE: &str = "WITH RECURSIVE \
    l AS (SELECT * FROM unnest($14::int8[], $15::int8[], $16::bool[], $17::int8[]) \
        WITH ORDINALITY AS l (cost, cached, export, line, i)), \
    d AS (SELECT * FROM unnest($18::uuid[], $19::int8[], $20::bytea[], $21::bytea[]) \
        WITH ORDINALITY AS d (dashboard, registered, edge, widget, line)), \
    t AS MATERIALIZED (SELECT r.* FROM dashshare_meter r WHERE r.tenant = $1::uuid AND r.first = $2::int8 \
        AND ($9::bool OR NOT EXISTS (SELECT FROM dashshare_meter p \
            WHERE p.tenant = $1::uuid AND p.first >= $3::int8 AND p.latest > $22::int8)) FOR UPDATE), \
    g (i, charged, loads, exports, cached, cached_loads, found) AS (\
        SELECT 0, t.charged, t.loads, t.exports, t.cached, t.cached_loads, ''::text FROM t \
        UNION ALL \
        SELECT g.i + 1, \
            CASE WHEN f.fits THEN g.charged + x.cost ELSE g.charged END, \
            CASE WHEN f.fits THEN g.loads + 1 ELSE g.loads END, \
            CASE WHEN f.fits AND x.export THEN g.exports + 1 ELSE g.exports END, \
            CASE WHEN f.fits AND x.cached > 0 \
                THEN g.cached + least(x.cached, 9223372036854775806 - g.cached) ELSE g.cached END, \
            CASE WHEN f.fits AND x.cached >= 0 THEN g.cached_loads + 1 ELSE g.cached_loads END, \
            CASE WHEN f.fits THEN g.found ELSE g.found || ',' || g.i END \
        FROM g \
        CROSS JOIN LATERAL (SELECT ($14::int8[])[g.i + 1] AS cost, ($15::int8[])[g.i + 1] AS cached, \
            ($16::bool[])[g.i + 1] AS export) x \
        CROSS JOIN LATERAL (SELECT g.charged <= $4::int8 AND x.cost <= $4::int8 - g.charged AS fits) f \
        WHERE g.i < cardinality($14::int8[])), \
    v AS (SELECT CASE WHEN $6::int8 > t.version AND $5::text::numeric > 0 \
        THEN least(t.told, floor(t.charged::numeric * 100 / $5::text::numeric))::int8 ELSE t.told END AS told_from FROM t), \
    j AS (SELECT g.*, t.refused + g.i - (g.loads - t.loads) AS refused, t.charged AS before, \
            t.refused AS refused_from, v.told_from, greatest(t.version, $6::int8) AS version, \
            CASE WHEN $5::text::numeric > 0 AND $6::int8 >= t.version AND g.charged > t.charged \
                THEN greatest(v.told_from, coalesce((SELECT max(p) FROM unnest($7::int8[]) p \
                    WHERE g.charged::numeric * 100 >= p * $5::text::numeric), 0)) \
                ELSE v.told_from END AS told, \
            CASE WHEN g.loads > t.loads THEN greatest(t.latest, $8::int8) ELSE t.latest END AS latest \
        FROM g CROSS JOIN t CROSS JOIN v WHERE g.i = cardinality($14::int8[])), \
    m AS (UPDATE dashshare_meter u SET charged = j.charged, loads = j.loads, exports = j.exports, cached = j.cached, \
            cached_loads = j.cached_loads, refused = j.refused, version = j.version, told = j.told, latest = j.latest, \
            before = j.before, found = j.found, told_from = j.told_from, refused_from = j.refused_from \
        FROM j WHERE u.tenant = $1::uuid AND u.first = $2::int8 RETURNING u.*), \
    fits AS (SELECT l.*, NOT (l.i - 1 = ANY (r.places)) AS is_charged FROM l, \
        (SELECT string_to_array(ltrim(found, ','), ',')::int8[] AS places FROM m) r), \
    lines AS (INSERT INTO dashshare_line AS o (tenant, day, dashboard, registered, edge, widget, first, \
            charged, loads, exports, cached, cached_loads, refused) \
        SELECT $1::uuid, $13::int8, d.dashboard, d.registered, d.edge, d.widget, $2::int8, \
            coalesce(sum(l.cost) FILTER (WHERE l.is_charged), 0), count(*) FILTER (WHERE l.is_charged), \
            count(*) FILTER (WHERE l.is_charged AND l.export), \
            least(coalesce(sum(l.cached) FILTER (WHERE l.is_charged AND l.cached > 0), 0), 9223372036854775806), \
            count(*) FILTER (WHERE l.is_charged AND l.cached >= 0), count(*) FILTER (WHERE NOT l.is_charged) \
        FROM fits l JOIN d ON d.line = l.line GROUP BY d.dashboard, d.registered, d.edge, d.widget \
        ON CONFLICT (tenant, day, dashboard, registered, edge, widget, first) DO UPDATE SET \
            charged = o.charged + excluded.charged, loads = o.loads + excluded.loads, \
            exports = o.exports + excluded.exports, \
            cached = o.cached + least(excluded.cached, 9223372036854775806 - o.cached), \
            cached_loads = o.cached_loads + excluded.cached_loads, refused = o.refused + excluded.refused), \
    told AS (INSERT INTO dashshare_notice \
            (tenant, first, version, threshold, ends, most, charged, at, crossed, leased_until, attempts) \
        SELECT $1::uuid, $2::int8, $6::int8, m.told, $3::int8, $5::text, m.charged, $8::int8, \
            (SELECT string_agg(p::text, ',' ORDER BY p) FROM unnest($7::int8[]) p \
                WHERE p > m.told_from AND p <= m.told), $23::int8, 0 \
        FROM m WHERE m.told > m.told_from \
        UNION ALL \
        SELECT $1::uuid, $2::int8, $6::int8, 0, $3::int8, $5::text, m.charged, $8::int8, '', $23::int8, 0 \
        FROM m WHERE m.refused_from = 0 AND m.refused > 0 \
        ON CONFLICT DO NOTHING), \
    outcome AS (INSERT INTO dashshare_charge (tenant, maker, number, digest, at, before, found) \
        SELECT $1::uuid, $10::uuid, $11::int8, $12::uuid, $8::int8, m.before, m.found FROM m) \
    SELECT before, found FROM m";

pub(super) const INSERT_METER: &str = "INSERT INTO dashshare_meter (tenant, first, ends, latest) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (tenant, first) DO NOTHING";

/// How many rows were noted, and how many of the meter and of its lines were lowered.
pub(super) const HAND_BACK: &str = "WITH \
    back AS (INSERT INTO dashshare_hand_back (tenant, maker, number, place, ends) \
        VALUES ($1::uuid, $2::uuid, $3::int8, $4::int8, $5::int8) ON CONFLICT DO NOTHING RETURNING tenant), \
    m AS (UPDATE dashshare_meter t SET charged = t.charged - $7::int8, handed_back = t.handed_back + $7::int8, \
            hand_backs = t.hand_backs + 1 FROM back \
        WHERE t.tenant = $1::uuid AND t.first = $6::int8 AND t.charged >= $7::int8 RETURNING t.tenant), \
    l AS (UPDATE dashshare_line t SET charged = t.charged - $7::int8, handed_back = t.handed_back + $7::int8, \
            hand_backs = t.hand_backs + 1 FROM m \
        WHERE t.tenant = $1::uuid AND t.day = $8::int8 AND t.dashboard = $9::uuid AND t.registered = $10::int8 \
            AND t.edge = $11::bytea AND t.widget = $12::bytea AND t.first = $6::int8 AND t.charged >= $7::int8 \
        RETURNING t.tenant) \
    SELECT (SELECT count(*) FROM back), (SELECT count(*) FROM m), (SELECT count(*) FROM l)";

/// The sum, if it was added: not what was counted under the id before, and not what goes over the cap.
pub(super) const TAKE: &str = "WITH \
    added AS (INSERT INTO dashshare_counter AS c (name, sum) SELECT $1::bytea, $2::int8 WHERE $2::int8 <= $3::int8 \
            AND NOT EXISTS (SELECT FROM dashshare_taken WHERE name = $1::bytea AND id = $4::uuid) \
        ON CONFLICT (name) DO UPDATE SET sum = c.sum + $2::int8 WHERE c.sum <= $3::int8 - $2::int8 RETURNING sum), \
    noted AS (INSERT INTO dashshare_taken (name, id, n, at) \
        SELECT $1::bytea, $4::uuid, $2::int8, $5::int8 FROM added) \
    SELECT sum FROM added";

pub(super) const DELETE_NOTICES: &str = "DELETE FROM dashshare_notice n \
    USING unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[]) AS k (tenant, first, version, threshold) \
    WHERE n.tenant = k.tenant AND n.first = k.first AND n.version = k.version AND n.threshold = k.threshold";
