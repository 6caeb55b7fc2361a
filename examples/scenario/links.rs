//! The public link.

use super::{
    Engine, Reading,
    data::{self, Given},
    decisions,
    fields::{Fields, Problem, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    Dashshare, Decision, Error, NewLink,
    explain::LinkCause,
    limits::{RateLimits, Rates},
    questions::Visit,
};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};

/// The same service with limits of visits, those of whom a line gives the client. Nothing else is limited: a history is
/// told in an instant.
pub(super) fn limited<S, D, E>(sharing: Dashshare<S, D, E>) -> Dashshare<S, D, E> {
    let mut rates = Rates::default();
    rates.visits_by_nobody = None;
    (rates.claims, rates.rotations, rates.exports) = (None, None, None);
    (rates.invitations_by_actor, rates.invitations_by_recipient) = (None, None);
    sharing.limited(RateLimits::with_secret(&[0; 32]).with_rates(rates))
}

impl Engine {
    /// Says who visits from then on.
    pub(super) fn client<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let address = fields.optional("address", Fields::text)?;
        let address = match address.map(str::parse::<IpAddr>).transpose() {
            Ok(address) => address,
            Err(_) => return bad("`address` is not an IP address"),
        };
        play(move |engine| {
            engine.client = address.map(Into::into);
            Ok(json!({}))
        })
    }

    /// What a token opens, for whoever visits.
    pub(super) fn visited(&self, token: &str) -> Result<Decision, Error> {
        let visit = Visit::from(self.token(token));
        block_on(self.sharing.visit(match self.client {
            Some(client) => visit.by(client),
            None => visit,
        }))
    }

    pub(super) fn rotate_link<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let label = fields.label('k', self.line)?;
        let expiry = fields.expiry("expiry")?;
        let lock = fields.optional("lock", Fields::lock)?;
        let named_only = fields.optional("named_only", Fields::flag)? == Some(true);
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let mut new = NewLink::until(expiry);
            new.named_only = named_only;
            new.lock = lock.map(Given::lock).transpose()?;
            let own = data::lock(new.lock.clone().map(|lock| Arc::new(lock.into())).as_ref());
            let link = block_on(engine.sharing.rotate_link(by, dashboard, new))?;
            engine.tokens.insert(label.clone(), link.token.expose().to_owned());
            engine.links.insert((dashboard, link.generation), label.clone());
            let effective_lock = data::lock(link.effective_lock.as_ref());
            Ok(
                json!({ "token": label, "ends": link.ends.at(), "lock": own, "effective_lock": effective_lock }),
            )
        })
    }

    /// Shows less by the link that stands, with the same token.
    pub(super) fn narrow_link<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let lock = fields.lock("lock")?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let narrowed = block_on(engine.sharing.narrow_link(by, dashboard, lock.lock()?))?;
            Ok(json!({
                "token": engine.link_label(dashboard, narrowed.generation),
                "lock": data::lock(narrowed.lock.as_ref()),
            }))
        })
    }

    pub(super) fn pause_link<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            block_on(engine.sharing.pause_link(by, dashboard))?;
            Ok(json!({}))
        })
    }

    pub(super) fn resume_link<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            block_on(engine.sharing.resume_link(by, dashboard))?;
            Ok(json!({}))
        })
    }

    pub(super) fn withdraw_link<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            block_on(engine.sharing.withdraw_link(by, dashboard))?;
            Ok(json!({}))
        })
    }

    pub(super) fn move_link_end<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let expiry = fields.expiry("expiry")?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let moved = block_on(engine.sharing.move_link_end(by, dashboard, expiry))?;
            Ok(json!({ "token": engine.link_label(dashboard, moved.generation), "ends": moved.ends.at() }))
        })
    }

    pub(super) fn setup<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let missing = block_on(engine.sharing.missing_to_publish(by, dashboard))?;
            Ok(json!({ "missing": missing.iter().map(decisions::step).collect::<Vec<_>>() }))
        })
    }

    pub(super) fn diagnose_link<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let token = fields.optional("token", |fields, _| self.token_in(fields))?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let token = token.map(|token| engine.token(token));
            let diagnosis = block_on(engine.sharing.diagnose_link(by, dashboard, token))?;
            let causes: Vec<String> =
                diagnosis.causes.iter().map(|cause| engine.with_labels(cause.to_string())).collect();
            let symptoms: Vec<_> = diagnosis.causes.iter().map(LinkCause::symptom).collect();
            Ok(json!({ "opens": diagnosis.opens, "causes": causes, "symptoms": symptoms }))
        })
    }

    /// The label of a token, or a text that somebody tries in a token's place. In strict mode that begins like one.
    pub(super) fn token_in<'a>(&self, fields: &'a Fields) -> Result<&'a str, Problem> {
        let token = fields.text("token")?;
        if self.strict && !token.starts_with("dsl_") && !self.tokens.contains_key(token) {
            return bad(format!("there is no token `{token}` yet"));
        }
        Ok(token)
    }

    pub(super) fn token<'a>(&'a self, text: &'a str) -> &'a str {
        self.tokens.get(text).map_or(text, String::as_str)
    }
}
