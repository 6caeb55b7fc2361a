//! Decisions: who gets in and why, and why not.

use super::{
    Answer, Engine, Reading,
    fields::{Fields, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    AccountId, Action, Decision, GrantId, Told,
    explain::{Because, Denial, Explanation, Fall, LockedBy, Missing},
    policy::Nearest,
};
use serde_json::{Value, json};

impl Engine {
    pub(super) fn visit<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let token = self.token_in(fields)?;
        let device = fields.optional("device", Fields::text)?;
        play(move |engine| {
            let decision = engine.visited(token)?;
            let mut answer = engine.narrowed(&decision, device)?;
            // For the host.
            if decision.is_limited() {
                answer["limited"] = json!(true);
            }
            Ok(answer)
        })
    }

    pub(super) fn check<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let action = match fields.text("right")? {
            "view" => Action::View,
            "export" => Action::Export,
            "arrange" => Action::Arrange,
            "edit" => Action::Edit,
            "share" => Action::Share,
            other => return bad(format!("`right` has no value `{other}`")),
        };
        let as_of = fields.optional("as_of", Fields::instant)?;
        let device = fields.optional("device", Fields::text)?;
        let (dashboard, who) = (self.dashboard_in(fields)?, self.account_in(fields, "who")?);
        play(move |engine| {
            let (dashboard, who) = (engine.dashboard_of(dashboard), engine.account(who));
            if let Some(at) = as_of {
                let then = engine.sharing.as_of(at);
                let decision = match device {
                    Some(device) => block_on(then.authorize_device(who, dashboard, action, device))?,
                    None => block_on(then.authorize(who, dashboard, action))?,
                };
                return Ok(engine.decision(&decision.explanation(), None));
            }
            let decision = block_on(engine.sharing.authorize(who, dashboard, action))?;
            engine.narrowed(&decision, device)
        })
    }

    /// The decision, or that about one device behind the dashboard if the line names one.
    pub(super) fn narrowed(&self, decision: &Decision, device: Option<&str>) -> Answer {
        Ok(match device {
            Some(device) => {
                let decision = block_on(self.sharing.authorize_device(decision, device))?;
                self.decision(&decision.explanation(), Some(decision.tell()))
            }
            None => self.decision(&decision.explanation(), Some(decision.tell())),
        })
    }

    pub(super) fn decision(&self, explanation: &Explanation, told: Option<Told>) -> Value {
        let dashboard = explanation.dashboard;
        let label =
            |grant: GrantId| dashboard.map_or(Value::Null, |dashboard| self.grant_label(dashboard, grant));
        let path: Vec<Value> = explanation.path.iter().map(|step| label(step.grant)).collect();
        let mut reason = match &explanation.because {
            Because::Owner => json!({ "because": "owner" }),
            Because::Grant => {
                let grant = path.last().cloned();
                json!({ "because": "grant", "grant": grant, "path": path, "ends_first": explanation.ends_first.map(label) })
            }
            Because::Link(by) => {
                json!({ "because": "link", "path": path, "policy": by.policy, "rule": by.rule })
            }
            Because::Policy(by) => json!({ "because": "policy", "policy": by.policy, "rule": by.rule }),
            Because::Denied(denial) => {
                let mut reason = json!({ "because": "denied", "code": code(denial) });
                match denial {
                    Denial::Ended(Fall { grant, .. }) => reason["grant"] = label(*grant),
                    Denial::PolicyDenies(by) | Denial::DeviceDenied { by, .. } => {
                        reason["policy"] = json!(by.policy);
                        reason["rule"] = json!(by.rule);
                    }
                    Denial::OutsideWindow { window } => reason["window"] = json!(window),
                    Denial::RangeTooLong { limit } => reason["limit"] = json!(limit),
                    Denial::ParameterNotApplied { name } | Denial::ParameterNotChosen { name } => {
                        reason["name"] = json!(name);
                    }
                    Denial::SlotUnresolved { slot, why } => {
                        (reason["slot"], reason["why"]) = (json!(slot), json!(why));
                    }
                    _ => {}
                }
                let nearest = explanation.policies.as_ref().and_then(|policies| policies.nearest.as_ref());
                let nearest = nearest.filter(|nearest| **nearest != Nearest::AddRule);
                reason["nearest"] = json!(nearest.map(ToString::to_string));
                reason
            }
            _ => json!({}),
        };
        if let Some(locked) = &explanation.shut_by {
            reason["by"] = match locked.by {
                LockedBy::Grant(grant) => label(grant),
                LockedBy::Tenant => json!("tenant"),
                _ => json!("link"),
            };
        }
        let name = |account| self.name(account);
        reason["sentence"] = json!(self.with_labels(explanation.sentence_with(&name)));
        let mut answer = json!({
            "allowed": explanation.allowed,
            "dashboard": dashboard.map(|dashboard| self.dashboards.label(dashboard)),
            "reason": reason,
            "valid_until": explanation.valid_until,
        });
        if let Some(told) = told {
            answer["tell"] = self.told(&told);
        }
        answer
    }

    pub(super) fn name(&self, account: AccountId) -> String {
        self.accounts.labels.get(&account).cloned().unwrap_or(account.to_string())
    }

    /// What whoever asked may be shown.
    pub(super) fn told(&self, told: &Told) -> Value {
        let mut members = json!({
            "code": told.code(), "status": told.status(), "sentence": told.sentence_with(&|account| self.name(account)),
        });
        if let Some(by) = told.by() {
            members["by"] = json!(self.name(by));
        }
        if let Some(ends) = told.ends() {
            members["ends"] = json!(ends);
        }
        members
    }
}

/// The name of a variant, as it is written.
fn code(variant: &impl serde::Serialize) -> Value {
    match serde_json::to_value(variant) {
        Ok(Value::String(code)) => json!(code),
        Ok(Value::Object(members)) => json!(members.keys().next()),
        _ => Value::Null,
    }
}

/// One step before a dashboard can be public.
pub(super) fn step(missing: &Missing) -> Value {
    let mut step = json!({ "code": code(missing), "sentence": missing.to_string() });
    if let Missing::DevicePolicy(device) | Missing::DeviceDenied { device, .. } = missing {
        step["device"] = json!(device);
    }
    step
}
