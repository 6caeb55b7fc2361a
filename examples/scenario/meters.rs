//! What leaves is counted: plans, loads, hand-backs, and what a meter says.

use super::{
    Engine, Reading,
    fields::{Fields, Name, Problem, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    Action, DashboardId, Decision, TenantId,
    metering::{Edge, Figures, LineQuery, Load, MeterError, Notice, Period, Plan, Sums, Ticket, Warning},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Who loads something.
enum Viewer<'a> {
    Account(Name<'a>),
    Token(&'a str),
}

impl Engine {
    pub(super) fn plan<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let tenant = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        let limit = fields.optional("limit", number)?;
        let thresholds = fields.optional("thresholds", percentages)?;
        let counts_cached = fields.optional("counts_cached", Fields::flag)? == Some(true);
        let period = fields.optional("period", period)?.flatten();
        play(move |engine| {
            let tenant = engine.tenant(tenant);
            let version = engine.versions.entry(tenant).or_default();
            *version += 1;
            let version = *version;
            engine.meter.plans().set_with(tenant, move |now| {
                let plan = Plan::of(period.unwrap_or_else(|| Period::utc_month(now)));
                let plan = match limit {
                    Some(limit) => plan.limited(limit, version),
                    None => plan.unlimited(version),
                };
                let plan = match &thresholds {
                    Some(thresholds) => plan.warning_at(thresholds.iter().copied()),
                    None => plan,
                };
                Some(if counts_cached { plan.counting_cached() } else { plan })
            });
            Ok(json!({ "version": version }))
        })
    }

    pub(super) fn load<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let label = fields.label('l', self.line)?;
        let (widget, records) = (fields.text("widget")?, number(fields, "records")?);
        let is_cached = fields.optional("cached", Fields::flag)? == Some(true);
        let is_export = fields.optional("export", Fields::flag)? == Some(true);
        let key = fields.optional("key", Fields::text)?;
        let dashboard = self.dashboard_in(fields)?;
        let viewer = match fields.has("token") {
            true => Viewer::Token(self.token_in(fields)?),
            false => Viewer::Account(self.account_in(fields, "who")?),
        };
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            let action = if is_export { Action::Export } else { Action::View };
            let decision = match viewer {
                Viewer::Account(who) => {
                    let who = engine.account(who);
                    block_on(engine.sharing.authorize(who, dashboard, action))?
                }
                Viewer::Token(token) => block_on(engine.sharing.visit(engine.token(token)))?,
            };
            let mut load = Load::of(widget, records);
            if is_cached {
                load = load.cached();
            }
            if let Some(key) = key {
                load = load.keyed(key);
            }
            // A link opens its own dashboard and no other, and lets nobody export.
            let is_meant = decision.permitted(action) == Some(dashboard);
            Ok(engine.charged(label, &decision, is_meant.then_some(load)))
        })
    }

    fn charged(&mut self, label: String, decision: &Decision, load: Option<Load<'_>>) -> Value {
        let charged = match load {
            Some(load) => block_on(self.meter.charge_load(decision, load)),
            None => Err(MeterError::NotAllowed),
        };
        match charged {
            Ok(ticket) => {
                let edge = self.edge(ticket.dashboard(), ticket.edge());
                let answer = json!({ "charged": true, "edge": edge, "cost": ticket.cost(), "load": label });
                self.tickets.insert(label, ticket);
                answer
            }
            Err(error) => {
                json!({ "charged": false, "reason": reason(&error), "tell": self.told(&error.tell()) })
            }
        }
    }

    pub(super) fn hand_back<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let load = fields.text("load")?;
        self.known("load", &self.tickets, load)?;
        play(move |engine| {
            let Some(ticket) = engine.tickets.remove(load) else {
                return Ok(json!({ "handed_back": false, "reason": { "code": "unknown_load" } }));
            };
            Ok(match block_on(engine.meter.hand_back(ticket)) {
                Ok(()) => json!({ "handed_back": true }),
                Err(kept) => {
                    let reason = reason(&kept.cause);
                    engine.tickets.insert(load.to_owned(), kept.ticket);
                    json!({ "handed_back": false, "reason": reason })
                }
            })
        })
    }

    /// What is counted of a tenant in the period that holds now.
    pub(super) fn meter<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let tenant = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        play(move |engine| {
            let tenant = engine.tenant(tenant);
            Ok(match block_on(engine.metered(tenant)) {
                Ok(answer) => answer,
                Err(error) => json!({ "reason": reason(&error) }),
            })
        })
    }

    async fn metered(&self, tenant: TenantId) -> Result<Value, MeterError> {
        let found = self.meter.figures(tenant).await?;
        let sums = self.meter.sums(&LineQuery::of(tenant).period(found.period.first)).await?;
        let grants = self.meter.grants_in(self.sharing.store(), &sums).await?;
        let by_sharer: BTreeMap<String, u64> = sums
            .by_sharer(&grants)
            .iter()
            .map(|(sharer, figures)| (text(&self.accounts.label(*sharer)), figures.charged))
            .collect();
        let notices = self.meter.notices(None, usize::MAX).await?;
        let notices: Vec<Value> =
            notices.iter().filter(|notice| notice.id.tenant == tenant).map(notice_of).collect();
        let Figures {
            charged, loads, exports, cached, cached_loads, refused, handed_back, hand_backs, ..
        } = found.figures;
        Ok(json!({
            "charged": charged, "limit": found.limit, "version": found.version,
            "first": found.period.first, "ends": found.period.end,
            "loads": loads, "exports": exports, "cached": cached, "cached_loads": cached_loads,
            "refused": refused, "handed_back": handed_back, "hand_backs": hand_backs,
            "by_edge": self.by_edge(&sums), "by_sharer": by_sharer, "notices": notices,
        }))
    }

    fn by_edge(&self, sums: &Sums) -> Value {
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for ((dashboard, edge), figures) in sums.by_edge() {
            *found.entry(self.edge(*dashboard, edge)).or_default() += figures.charged;
        }
        json!(found)
    }

    /// `owner`, a grant's label, a token's label, or `policy/rule`.
    fn edge(&self, dashboard: DashboardId, edge: &Edge) -> String {
        match edge {
            Edge::Grant(grant) => text(&self.grant_label(dashboard, *grant)),
            Edge::Link { generation, .. } => text(&self.link_label(dashboard, *generation)),
            Edge::Policy(rule) => format!("{}/{}", rule.policy, rule.rule),
            _ => "owner".to_owned(),
        }
    }
}

fn text(label: &Value) -> String {
    label.as_str().map_or_else(|| label.to_string(), str::to_owned)
}

fn notice_of(notice: &Notice) -> Value {
    let thresholds = match &notice.warning {
        Warning::Crossed(thresholds) => json!(thresholds),
        _ => Value::Null,
    };
    let warning = if thresholds.is_null() { "refused" } else { "crossed" };
    json!({
        "warning": warning, "thresholds": thresholds, "version": notice.id.version,
        "limit": notice.limit, "charged": notice.charged, "at": notice.at,
    })
}

fn reason(error: &MeterError) -> Value {
    let mut members = Map::new();
    members.insert("code".to_owned(), json!(error.code()));
    match error {
        MeterError::Quota(quota) => {
            members.insert("limit".to_owned(), json!(quota.limit));
            members.insert("charged".to_owned(), json!(quota.charged));
            members.insert("asked".to_owned(), json!(quota.asked));
            members.insert("ends".to_owned(), json!(quota.ends));
        }
        MeterError::Overflow { charged, asked } => {
            members.insert("charged".to_owned(), json!(charged));
            members.insert("asked".to_owned(), json!(asked));
        }
        MeterError::NotNow { period, at } => {
            members.insert("first".to_owned(), json!(period.first));
            members.insert("ends".to_owned(), json!(period.end));
            members.insert("at".to_owned(), json!(at));
        }
        _ => {}
    }
    Value::Object(members)
}

fn number(fields: &Fields, name: &str) -> Result<u64, Problem> {
    match fields.get(name)?.as_u64() {
        Some(number) => Ok(number),
        None => bad(format!("`{name}` is not a whole number from 0 to 2^64 - 1")),
    }
}

fn percentages(fields: &Fields, name: &str) -> Result<Vec<u8>, Problem> {
    let read = |value: &Value| value.as_u64().and_then(|percent| u8::try_from(percent).ok());
    let all: Option<Vec<u8>> = fields.list(name)?.iter().map(read).collect();
    match all.filter(|all| all.iter().all(|percent| (1..=100).contains(percent))) {
        Some(all) => Ok(all),
        None => bad(format!("`{name}` is not a list of whole numbers from 1 to 100")),
    }
}

/// `"month"`, or `{"first":…,"end":…}`.
fn period(fields: &Fields, name: &str) -> Result<Option<Period>, Problem> {
    match fields.get(name)? {
        Value::String(word) if word == "month" => Ok(None),
        Value::Object(members) => {
            let members = Fields::new(members.clone(), fields.strict);
            let period = Period { first: members.instant("first")?, end: members.instant("end")? };
            members.end()?;
            if period.first < period.end {
                Ok(Some(period))
            } else {
                bad(format!("`{name}` ends before it begins"))
            }
        }
        _ => bad(format!("`{name}` is neither `month` nor an object with `first` and `end`")),
    }
}

/// The tickets that a history holds, by label.
pub(super) type Tickets = BTreeMap<String, Ticket>;
