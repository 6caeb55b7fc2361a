//! Meters, lines and notices as rows, and the statements that both dialects share.

use super::error::SqlError;
use crate::{
    decision::Edge,
    host::LedgerError,
    meter::{
        BatchId, Figures, Line, LinePlace, LineQuery, MOST, Notice, NoticeId, Outcome, Outlet, Period, Take,
        Taken, Tally, Warning,
    },
    policy::RuleRef,
    record::Revision,
    value::{DashboardId, GrantId, TenantId, Timestamp},
};
use chrono::NaiveDate;
use uuid::Uuid;

/// The lease of a notice that nobody has leased.
pub(crate) const NEVER: i64 = i64::MIN;

pub(crate) const SELECT_TALLY: &str = "SELECT charged, loads, exports, cached, cached_loads, refused, handed_back, \
    hand_backs, version, told, latest FROM dashshare_meter WHERE tenant = $1 AND first = $2";
pub(crate) const SELECT_OUTCOME: &str =
    "SELECT digest, before, found FROM dashshare_charge WHERE tenant = $1 AND maker = $2 AND number = $3";
pub(crate) const SELECT_LATER: &str =
    "SELECT max(latest) FROM dashshare_meter WHERE tenant = $1 AND first >= $2 AND latest > $3";
pub(crate) const NOTICE: &str =
    "tenant, first, version, threshold, ends, most, charged, at, crossed, attempts";
pub(crate) const SELECT_TAKEN: &str = "SELECT n, at FROM dashshare_taken WHERE name = $1 AND id = $2";
pub(crate) const SELECT_SUM: &str = "SELECT sum FROM dashshare_counter WHERE name = $1";
/// What is swept, in its order: the instant, and how many.
pub(crate) const SWEEPS: [&str; 3] = [
    "DELETE FROM dashshare_charge WHERE (tenant, maker, number) IN \
        (SELECT tenant, maker, number FROM dashshare_charge WHERE at < $1 ORDER BY at LIMIT $2)",
    "DELETE FROM dashshare_taken WHERE (name, id) IN \
        (SELECT name, id FROM dashshare_taken WHERE at < $1 ORDER BY at LIMIT $2)",
    "DELETE FROM dashshare_hand_back WHERE (tenant, maker, number, place) IN \
        (SELECT tenant, maker, number, place FROM dashshare_hand_back WHERE ends < $1 ORDER BY ends LIMIT $2)",
];

/// A number of 64 bits without a sign, as large as a column can hold it.
pub(crate) fn number(n: u64) -> i64 {
    i64::try_from(n.min(MOST)).unwrap_or(i64::MAX)
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

pub(crate) fn day(date: NaiveDate) -> i64 {
    date.to_epoch_days().into()
}

pub(crate) fn maker(id: BatchId) -> Uuid {
    Uuid::from_bytes(id.maker)
}

pub(crate) fn unread(what: &str) -> SqlError {
    SqlError::Database(sqlx::Error::Decode(format!("{what} is not what dashshare wrote there").into()))
}

/// Charged, loads, exports, cached, cached loads, refused, handed back, hand-backs.
type FigureRow = (i64, i64, i64, i64, i64, i64, i64, i64);

fn figures(row: FigureRow) -> Figures {
    let (charged, loads, exports, cached, cached_loads, refused, handed_back, hand_backs) = row;
    Figures {
        charged: count(charged),
        loads: count(loads),
        exports: count(exports),
        cached: count(cached),
        cached_loads: count(cached_loads),
        refused: count(refused),
        handed_back: count(handed_back),
        hand_backs: count(hand_backs),
    }
}

/// Figures, and the version, what was told, and the latest instant.
pub(crate) type TallyRow = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

pub(crate) fn tally(row: TallyRow) -> Tally {
    let (a, b, c, d, e, f, g, h, version, told, latest) = row;
    Tally {
        figures: figures((a, b, c, d, e, f, g, h)),
        version: version.try_into().unwrap_or(u32::MAX),
        told: told.try_into().unwrap_or(u8::MAX),
        latest: Timestamp::from_micros(latest),
    }
}

/// The digest, what was charged before, and the places that were refused.
pub(crate) type OutcomeRow = (Uuid, i64, String);

/// The outcome that stands under the id of a batch, if it is the batch's.
pub(crate) fn outcome(row: OutcomeRow, digest: [u8; 16]) -> Result<Outcome, LedgerError> {
    let (known, before, found) = row;
    if known.into_bytes() != digest {
        return Err(LedgerError::KeyReused);
    }
    outcome_of(before, &found).map_err(|error| LedgerError::Failed(error.into()))
}

pub(crate) fn outcome_of(before: i64, found: &str) -> Result<Outcome, SqlError> {
    let places = found.split(',').filter(|place| !place.is_empty());
    let refused = places.map(str::parse).collect::<Result<_, _>>();
    Ok(Outcome { before: count(before), refused: refused.map_err(|_| unread("an outcome"))? })
}

/// The places that were refused, as a column has them.
pub(crate) fn found(outcome: &Outcome) -> String {
    outcome.refused.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// Day, dashboard, registered, edge, widget, first, and the figures.
pub(crate) type LineRow = (i64, Uuid, i64, Vec<u8>, Vec<u8>, i64, i64, i64, i64, i64, i64, i64, i64, i64);

pub(crate) fn line(row: LineRow) -> Result<Line, SqlError> {
    let (day, dashboard, registered, edge, widget, first, a, b, c, d, e, f, g, h) = row;
    let day = day.try_into().ok().and_then(NaiveDate::from_epoch_days);
    let outlet = Outlet {
        dashboard: DashboardId::from(dashboard),
        registered: Revision::new(count(registered)),
        edge: edge_of(&edge).ok_or_else(|| unread("an edge"))?,
        widget: String::from_utf8(widget).map_err(|_| unread("a widget"))?.into(),
    };
    let day = day.ok_or_else(|| unread("a day"))?;
    let place = LinePlace { day, outlet, period: Timestamp::from_micros(first) };
    Ok(Line::new(place, figures((a, b, c, d, e, f, g, h))))
}

/// The statement of a page of lines. Its values are the tenant, the days, the dashboard and the period where they are asked
/// for, and the place where there is one.
pub(crate) fn select_lines(query: &LineQuery, is_after: bool, limit: usize) -> String {
    let mut next = 4;
    let mut value = || {
        let this = next;
        next = i32::saturating_add(next, 1);
        format!("${this}")
    };
    let dashboard = query.dashboard.map(|_| format!(" AND dashboard = {}", value()));
    let period = query.period.map(|_| format!(" AND first = {}", value()));
    let after = is_after.then(|| {
        let values: Vec<String> = (0..6).map(|_| value()).collect();
        format!(" AND (day, dashboard, registered, edge, widget, first) > ({})", values.join(", "))
    });
    let asked: String = [dashboard, period, after].into_iter().flatten().collect();
    format!(
        "SELECT day, dashboard, registered, edge, widget, first, charged, loads, exports, cached, cached_loads, refused, \
         handed_back, hand_backs FROM dashshare_line WHERE tenant = $1 AND day >= $2 AND day < $3{asked} \
         ORDER BY day, dashboard, registered, edge, widget, first LIMIT {}",
        i64::try_from(limit).unwrap_or(i64::MAX)
    )
}

/// Tenant, first, version, threshold, end, limit, charged, instant, thresholds, attempts.
pub(crate) type NoticeRow = (Uuid, i64, i64, i64, i64, Option<String>, i64, i64, String, i64);

pub(crate) fn notice(row: NoticeRow) -> Result<Notice, SqlError> {
    let (tenant, first, version, threshold, ends, most, charged, at, crossed, attempts) = row;
    let id = NoticeId {
        tenant: TenantId::from(tenant),
        period: Timestamp::from_micros(first),
        version: version.try_into().unwrap_or(u32::MAX),
        threshold: threshold.try_into().unwrap_or(u8::MAX),
    };
    let period = Period { first: id.period, end: Timestamp::from_micros(ends) };
    let warning = if threshold == 0 {
        Warning::Refused
    } else {
        let all = crossed.split(',').map(str::parse).collect::<Result<_, _>>();
        Warning::Crossed(all.map_err(|_| unread("a notice"))?)
    };
    let limit = most.map(|most| most.parse()).transpose().map_err(|_| unread("a limit"))?;
    let notice = Notice::new(id, period, warning, limit, count(charged), Timestamp::from_micros(at));
    Ok(Notice { attempts: attempts.try_into().unwrap_or(u32::MAX), ..notice })
}

/// The notices of some rows, by id.
pub(crate) fn notices(rows: Vec<NoticeRow>) -> Result<Vec<Notice>, SqlError> {
    let mut notices = rows.into_iter().map(notice).collect::<Result<Vec<_>, _>>()?;
    notices.sort_unstable_by_key(|notice| notice.id);
    Ok(notices)
}

/// An edge as bytes that order as edges do.
pub(crate) fn edge(edge: &Edge) -> Vec<u8> {
    match edge {
        Edge::Owner => vec![0],
        Edge::Grant(grant) => [&[1], grant.to_bytes().as_slice()].concat(),
        Edge::Link { generation, under } => {
            let under = under.map_or(Vec::new(), |grant| grant.to_bytes().to_vec());
            [&[2], generation.to_be_bytes().as_slice(), &under].concat()
        }
        Edge::Policy(RuleRef { policy, rule }) => {
            let mut bytes = vec![3];
            for byte in policy.bytes() {
                bytes.push(byte);
                // So that the end of a name comes before every byte of a longer one.
                bytes.extend((byte == 0).then_some(u8::MAX));
            }
            bytes.extend([0, 0]);
            bytes.extend(u64::try_from(*rule).unwrap_or(u64::MAX).to_be_bytes());
            bytes
        }
    }
}

fn edge_of(bytes: &[u8]) -> Option<Edge> {
    let (kind, rest) = bytes.split_first()?;
    let grant = |bytes: &[u8]| Some(GrantId::from_bytes(bytes.try_into().ok()?));
    match kind {
        0 => rest.is_empty().then_some(Edge::Owner),
        1 => grant(rest).map(Edge::Grant),
        2 => {
            let (generation, under) = rest.split_at_checked(8)?;
            let under = if under.is_empty() { None } else { Some(grant(under)?) };
            Some(Edge::Link { generation: u64::from_be_bytes(generation.try_into().ok()?), under })
        }
        3 => {
            let (mut policy, mut rest) = (Vec::new(), rest.iter());
            loop {
                match (rest.next()?, rest.as_slice().first()) {
                    (0, Some(0)) => break,
                    (0, Some(&u8::MAX)) => {
                        rest.next();
                        policy.push(0);
                    }
                    (byte, _) => policy.push(*byte),
                }
            }
            rest.next();
            let rule = u64::from_be_bytes(rest.as_slice().try_into().ok()?);
            let policy = String::from_utf8(policy).ok()?;
            Some(Edge::Policy(RuleRef { policy, rule: rule.try_into().ok()? }))
        }
        _ => None,
    }
}

/// The thresholds of a notice, as a column has them.
pub(crate) fn crossed(notice: &Notice) -> String {
    match &notice.warning {
        Warning::Crossed(all) => all.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
        Warning::Refused => String::new(),
    }
}

pub(crate) const DELETE_NOTICE: &str =
    "DELETE FROM dashshare_notice WHERE tenant = $1 AND first = $2 AND version = $3 AND threshold = $4";

/// The key of a notice's row.
pub(crate) fn notice_key(id: &NoticeId) -> (Uuid, i64, i64, i64) {
    (id.tenant.to_uuid(), id.period.micros(), i64::from(id.version), i64::from(id.threshold))
}

/// The statement of a page of notices, after a key where there is one.
pub(crate) fn select_notices(is_after: bool, limit: usize) -> String {
    let after = if is_after { "WHERE (tenant, first, version, threshold) > ($1, $2, $3, $4) " } else { "" };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    format!(
        "SELECT {NOTICE} FROM dashshare_notice {after}ORDER BY tenant, first, version, threshold LIMIT {limit}"
    )
}

/// The statement that leases: now, until, and how many. `lock` is how the rows are kept from others.
pub(crate) fn lease(lock: &str) -> String {
    format!(
        "UPDATE dashshare_notice SET leased_until = $2, attempts = attempts + 1 \
         WHERE (tenant, first, version, threshold) IN (SELECT tenant, first, version, threshold FROM dashshare_notice \
         WHERE leased_until <= $1 ORDER BY tenant, first, version, threshold LIMIT $3{lock}) RETURNING {NOTICE}"
    )
}

/// A number that is to be taken and the cap, as columns hold them; `None` for what no counter can hold.
pub(crate) fn amount(take: &Take) -> Option<(i64, i64)> {
    let cap = number(take.cap);
    (take.n <= MOST).then(|| (number(take.n), cap)).filter(|(n, cap)| n <= cap)
}

pub(crate) fn full(sum: i64) -> Taken {
    Taken::Full { sum: count(sum) }
}

pub(crate) fn counted(sum: i64, at: Timestamp) -> Taken {
    Taken::Counted { sum: count(sum), at }
}

/// What was taken under an id before: how much, and when.
pub(crate) fn taken((n, at): (i64, i64), sum: i64, take: &Take) -> Result<Taken, LedgerError> {
    let is_same = count(n) == take.n;
    if is_same { Ok(counted(sum, Timestamp::from_micros(at))) } else { Err(LedgerError::KeyReused) }
}
