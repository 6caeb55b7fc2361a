//! The one door to data, and the locks that it goes by.

use super::{
    Answer, Engine, Reading, blueprints,
    fields::{Fields, Problem, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    Action, DashboardId, Decision, Lock, Refusal, Timestamp,
    blueprint::Choices,
    lock::{Query, Range, ReadKind, StoredLock},
    questions::{Admits, Piece, Sight},
};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// A lock as a line holds it; what cannot be read as one is refused like any other lock that makes no sense.
#[derive(Clone, Debug)]
pub(super) struct Given(StoredLock);

impl Given {
    /// As a tenant's rules hold it: one that cannot be read lets nothing through.
    pub(super) fn stored(self) -> Arc<StoredLock> {
        Arc::new(self.0)
    }

    pub(super) fn lock(self) -> Result<Lock, dashshare::Error> {
        self.0.lock().cloned().ok_or_else(|| Refusal::LockUnreadable.into())
    }
}

/// A lock in its canonical form; `{}` restricts nothing, and `"unreadable"` lets nothing through.
pub(super) fn lock(lock: Option<&Arc<StoredLock>>) -> Value {
    match lock.map(|lock| lock.lock()) {
        None => json!({}),
        Some(None) => json!("unreadable"),
        Some(Some(lock)) => json!(lock),
    }
}

/// Puts the locks of one of a list into it. Lists are compared as a whole: where nothing is locked they are as they were.
pub(super) fn put_locks(
    members: &mut Value,
    own: Option<&Arc<StoredLock>>,
    effective: Option<&Arc<StoredLock>>,
    shows_nothing: bool,
) {
    if own.is_some() || effective.is_some() {
        (members["lock"], members["effective_lock"]) = (lock(own), lock(effective));
        members["shows_nothing"] = json!(shows_nothing);
    }
}

/// What somebody sees by each grant: rights and lock together.
pub(super) fn sights(sights: &[Sight]) -> Value {
    sights.iter().map(|sight| json!({ "rights": sight.rights, "lock": lock(sight.lock.as_ref()) })).collect()
}

impl Fields {
    pub(super) fn lock(&self, name: &str) -> Result<Given, Problem> {
        match StoredLock::deserialize(self.get(name)?) {
            Ok(given) => Ok(Given(given)),
            Err(_) => bad(format!("`{name}` is nothing that could be a lock")),
        }
    }

    /// The range that is read. A side that is no instant makes it one without any.
    fn range(&self) -> Result<Range, Problem> {
        let side = |name| -> Result<Option<Option<Timestamp>>, Problem> {
            let text = self.optional(name, Self::text)?;
            Ok(text.map(|text| text.parse().ok()))
        };
        Ok(match (side("from")?, side("until")?) {
            (Some(None), _) | (_, Some(None)) => Range::new(Timestamp::MIN, Timestamp::MIN),
            (from, until) => Range { from: from.flatten(), until: until.flatten() },
        })
    }

    fn query(&self) -> Result<Query, Problem> {
        let kind = self.optional("kind", Self::text)?.map_or(ReadKind::Series, ReadKind::from);
        let mut query = Query::new(kind, self.text("device")?, self.text("variable")?).within(self.range()?);
        for name in self.optional("applies", Self::texts)?.unwrap_or_default() {
            query = query.applying(name);
        }
        let chosen =
            self.optional("parameters", |fields, name| {
                match BTreeMap::<String, String>::deserialize(fields.get(name)?) {
                    Ok(chosen) => Ok(chosen),
                    Err(_) => bad(format!("`{name}` is not an object of texts")),
                }
            })?;
        for (name, value) in chosen.unwrap_or_default() {
            query = query.choosing(name, value);
        }
        Ok(match self.optional("slot", Self::text)? {
            Some(slot) => query.in_slot(slot),
            None => query,
        })
    }
}

impl Engine {
    /// What a token opens of one dashboard: what opens another one is like no token at all.
    pub(super) fn visit_of(&self, dashboard: DashboardId, token: &str) -> Result<Decision, dashshare::Error> {
        let visit = self.visited(token)?;
        match visit.dashboard().is_some_and(|opened| opened != dashboard) {
            true => block_on(self.sharing.visit("")),
            false => Ok(visit),
        }
    }

    /// A question for data, by an account or by whoever has a token.
    pub(super) fn data<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (query, choices) = (fields.query()?, blueprints::choices(fields)?);
        let as_of = fields.optional("as_of", Fields::instant)?;
        if fields.has("token") {
            let token = self.token_in(fields)?;
            let named = fields.optional("dashboard", Fields::text)?;
            return play(move |engine| {
                let visit = match named {
                    Some(label) => {
                        let dashboard = engine.dashboard_of(label);
                        engine.visit_of(dashboard, token)?
                    }
                    None => engine.visited(token)?,
                };
                engine.asked(&visit, &choices, &query)
            });
        }
        let (dashboard, who) = (self.dashboard_in(fields)?, self.account_in(fields, "who")?);
        play(move |engine| {
            let (dashboard, who) = (engine.dashboard_of(dashboard), engine.account(who));
            if let Some(at) = as_of {
                let then = block_on(engine.sharing.as_of(at).admit(who, dashboard, &query))?;
                return Ok(match then {
                    Ok(pieces) => json!({ "allowed": true, "pieces": engine.pieces(dashboard, &pieces) }),
                    Err(denied) => engine.decision(&denied.explanation(), None),
                });
            }
            let action = if query.kind == ReadKind::Export { Action::Export } else { Action::View };
            let decision = block_on(engine.sharing.authorize(who, dashboard, action))?;
            engine.asked(&decision, &choices, &query)
        })
    }

    fn asked(&self, decision: &Decision, choices: &Choices, query: &Query) -> Answer {
        Ok(match block_on(self.sharing.admit_in_slot(decision, choices, query))? {
            Ok(admitted) => json!({
                "allowed": true,
                "pieces": self.pieces(admitted.dashboard(), admitted.pieces()),
                "cut": admitted.is_cut(),
                "valid_until": admitted.valid_until(),
            }),
            Err(denied) => self.decision(&denied.explanation(), Some(denied.tell())),
        })
    }

    fn pieces(&self, dashboard: DashboardId, pieces: &[Piece]) -> Value {
        let name = |by: &Admits| match by {
            Admits::Grant(grant) => self.grant_label(dashboard, *grant),
            other => json!(other),
        };
        let piece = |piece: &Piece| {
            let by: Vec<Value> = piece.by.iter().map(name).collect();
            let by = if let [one] = by.as_slice() { one.clone() } else { json!(by) };
            let mut members = json!({ "from": piece.range.from, "until": piece.range.until, "by": by });
            if !piece.parameters.is_empty() {
                members["parameters"] = json!(piece.parameters);
            }
            members
        };
        pieces.iter().map(piece).collect()
    }

    /// Who may see data of a device, now or as of another instant.
    pub(super) fn viewers<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let as_of = fields.optional("as_of", Fields::instant)?;
        let (dashboard, device) = (self.dashboard_in(fields)?, fields.text("device")?);
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            let found = match as_of {
                Some(at) => block_on(engine.sharing.as_of(at).viewers_of_device(dashboard, device))?,
                None => block_on(engine.sharing.viewers_of_device(dashboard, device))?,
            };
            let mut viewers: Vec<Value> = found
                .viewers
                .iter()
                .map(|viewer| {
                    json!({
                        "who": engine.accounts.label(viewer.account), "ends": viewer.ends.at(),
                        "sights": sights(&viewer.sights),
                    })
                })
                .collect();
            viewers.sort_by_key(|viewer| viewer["who"].to_string());
            let link = found.link.as_ref().map(|sight| lock(sight.lock.as_ref()));
            Ok(json!({ "viewers": viewers, "link": link }))
        })
    }
}
