//! Decisions: who gets in and why, and why not.

use super::{
    Answer, Engine,
    fields::{Fields, bad},
    runtime::block_on,
};
use dashshare::{
    AccountId, Action, Decision, GrantId, Told,
    explain::{Because, Denial, Explanation, Fall, LinkCause, Missing},
    policy::Nearest,
};
use serde_json::{Value, json};

impl Engine {
    pub(super) fn visit(&mut self, fields: &Fields) -> Answer {
        let token = fields.text("token")?;
        let token = self.tokens.get(token).map_or(token, String::as_str);
        let decision = block_on(self.sharing.visit(token))?;
        self.narrowed(&decision, fields)
    }

    pub(super) fn check(&mut self, fields: &Fields) -> Answer {
        let action = match fields.text("right")? {
            "view" => Action::View,
            "export" => Action::Export,
            "arrange" => Action::Arrange,
            "edit" => Action::Edit,
            "share" => Action::Share,
            other => return bad(format!("`right` has no value `{other}`")),
        };
        let as_of = fields.optional("as_of", Fields::instant)?;
        let who = fields.text("who")?;
        let (dashboard, who) = (self.dashboard_named(fields)?, self.account(who)?);
        if let Some(at) = as_of {
            let then = self.sharing.as_of(at);
            let decision = match fields.optional("device", Fields::text)? {
                Some(device) => block_on(then.authorize_device(who, dashboard, action, device))?,
                None => block_on(then.authorize(who, dashboard, action))?,
            };
            return self.decision(&decision.explanation(), None);
        }
        let decision = block_on(self.sharing.authorize(who, dashboard, action))?;
        self.narrowed(&decision, fields)
    }

    /// The decision, or that about one device behind the dashboard if the line names one.
    fn narrowed(&self, decision: &Decision, fields: &Fields) -> Answer {
        match fields.optional("device", Fields::text)? {
            Some(device) => {
                let decision = block_on(self.sharing.authorize_device(decision, device))?;
                self.decision(&decision.explanation(), Some(decision.tell()))
            }
            None => self.decision(&decision.explanation(), Some(decision.tell())),
        }
    }

    fn decision(&self, explanation: &Explanation, told: Option<Told>) -> Answer {
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
                    _ => {}
                }
                let nearest = explanation.policies.as_ref().and_then(|policies| policies.nearest.as_ref());
                let nearest = nearest.filter(|nearest| **nearest != Nearest::AddRule);
                reason["nearest"] = json!(nearest.map(ToString::to_string));
                reason
            }
            _ => json!({}),
        };
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
        Ok(answer)
    }

    fn name(&self, account: AccountId) -> String {
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

    pub(super) fn setup(&mut self, fields: &Fields) -> Answer {
        let (dashboard, by) = (self.dashboard_named(fields)?, self.by(fields)?);
        let missing = block_on(self.sharing.missing_to_publish(by, dashboard))?;
        Ok(json!({ "missing": missing.iter().map(step).collect::<Vec<_>>() }))
    }

    pub(super) fn diagnose_link(&mut self, fields: &Fields) -> Answer {
        let token = fields.optional("token", Fields::text)?;
        let (dashboard, by) = (self.dashboard_named(fields)?, self.by(fields)?);
        let token = token.map(|token| self.tokens.get(token).map_or(token, String::as_str));
        let diagnosis = block_on(self.sharing.diagnose_link(by, dashboard, token))?;
        let causes: Vec<String> =
            diagnosis.causes.iter().map(|cause| self.with_labels(cause.to_string())).collect();
        let symptoms: Vec<_> = diagnosis.causes.iter().map(LinkCause::symptom).collect();
        Ok(json!({ "opens": diagnosis.opens, "causes": causes, "symptoms": symptoms }))
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
