//! Clones that are offered, taken, declined and withdrawn.

use super::{
    Engine, Reading,
    fields::{Fields, Problem, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    DashboardId,
    answers::NewOffer,
    questions::{OfferView, Page},
    template::{Options, Profile, Template, extract_json},
};
use serde_json::{Value, json};

impl Engine {
    pub(super) fn offer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let expiry = fields.expiry("expiry")?;
        let message = fields.optional("message", Fields::text)?;
        let devices = fields.optional("devices", Fields::text)?;
        let template = Self::structure(fields)?;
        let source = self.dashboard_in(fields)?;
        let label = fields.text("clone")?;
        let by = self.by_in(fields)?;
        let with = fields.with("with")?;
        play(move |engine| {
            let (source, clone) = (engine.dashboard_of(source), engine.dashboard_of(label));
            let by = engine.actor(by);
            let mut offer = NewOffer::to(engine.holder(with), clone, &template, expiry);
            (offer.message, offer.devices) = (message, devices);
            let offered = block_on(engine.sharing.offer(by, source, offer))?;
            engine.clones.insert(label.to_owned(), clone);
            Ok(json!({ "clone": label, "ends": offered.ends.at() }))
        })
    }

    /// What is left of the line's `document` in TagoIO's format, or of a dashboard with nothing on it.
    fn structure(fields: &Fields) -> Result<Template, Problem> {
        let document = match fields.optional("document", Fields::get)? {
            Some(document) => document.to_string(),
            None => json!({ "dashboard": { "label": fields.text("dashboard")? }, "widgets": [] }).to_string(),
        };
        match extract_json(&document, &Profile::tagoio(), Options::default()) {
            Ok(extracted) => Ok(extracted.template),
            Err(error) => bad(format!("`document`: {error}")),
        }
    }

    pub(super) fn offers<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let who = self.account_in(fields, "who")?;
        play(move |engine| {
            let who = engine.account(who);
            let offers = block_on(engine.sharing.offers(who, Page::first(usize::MAX)))?;
            Ok(engine.offer_views(&offers))
        })
    }

    pub(super) fn offers_made<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let by = self.account_in(fields, "by")?;
        play(move |engine| {
            let by = engine.account(by);
            let offers = block_on(engine.sharing.offers_made(by, Page::first(usize::MAX)))?;
            Ok(engine.offer_views(&offers))
        })
    }

    fn offer_views(&self, offers: &[OfferView]) -> Value {
        let views: Vec<Value> = offers
            .iter()
            .map(|offer| {
                let template = Template::read(&Profile::tagoio(), &offer.template);
                let template = template.expect("the library wrote it");
                let slots: Vec<&str> = template.slots().iter().map(|slot| slot.name.as_str()).collect();
                json!({
                    "clone": self.dashboards.label(offer.clone),
                    "by": self.accounts.label(offer.by),
                    "to": self.holder_label(&offer.to),
                    "ends": offer.ends.at(),
                    "message": offer.message,
                    "devices": offer.devices,
                    "slots": slots,
                })
            })
            .collect();
        json!({ "offers": views })
    }

    pub(super) fn take_offer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let tenant = fields.optional("tenant", Fields::text)?;
        if let Some(label) = tenant {
            self.known("tenant", &self.tenants, label)?;
        }
        let (label, account) = (self.clone_in(fields)?, self.account_in(fields, "account")?);
        play(move |engine| {
            let (clone, account) = (engine.clone_of(label), engine.account(account));
            let tenant = engine.tenant(tenant.unwrap_or("default"));
            block_on(engine.sharing.take_offer(account, clone, tenant))?;
            engine.clones.remove(label);
            engine.dashboards.put(label, clone);
            Ok(json!({}))
        })
    }

    pub(super) fn decline_offer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (label, account) = (self.clone_in(fields)?, self.account_in(fields, "account")?);
        play(move |engine| {
            let (clone, account) = (engine.clone_of(label), engine.account(account));
            block_on(engine.sharing.decline_offer(account, clone))?;
            engine.clones.remove(label);
            Ok(json!({}))
        })
    }

    pub(super) fn withdraw_offer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (by, label) = (self.by_or_host_in(fields)?, self.clone_in(fields)?);
        play(move |engine| {
            let (by, clone) = (engine.actor(by), engine.clone_of(label));
            block_on(engine.sharing.withdraw_offer(by, clone))?;
            engine.clones.remove(label);
            Ok(json!({}))
        })
    }

    fn clone_in<'a>(&self, fields: &'a Fields) -> Result<&'a str, Problem> {
        let label = fields.text("clone")?;
        if !self.clones.contains_key(label) {
            self.known("clone", &self.dashboards.ids, label)?;
        }
        Ok(label)
    }

    fn clone_of(&mut self, label: &str) -> DashboardId {
        let offered = self.clones.get(label).copied();
        offered.unwrap_or_else(|| self.dashboard_of(label))
    }
}
