//! Clones that are offered, taken, declined and withdrawn.

use super::{
    Answer, Engine,
    fields::{Fields, Problem, bad},
    runtime::block_on,
};
use dashshare::{
    DashboardId, NewOffer,
    policy::Resource,
    questions::OfferView,
    template::{Options, Profile, Template, extract_json},
    trail::Actor,
};
use serde_json::{Value, json};

impl Engine {
    pub(super) fn offer(&mut self, fields: &Fields) -> Answer {
        let with = fields.text("with")?;
        let expiry = fields.expiry("expiry")?;
        let message = fields.optional("message", Fields::text)?;
        let devices = fields.optional("devices", Fields::text)?;
        let template = Self::structure(fields)?;
        let source = self.dashboard_named(fields)?;
        let label = fields.text("clone")?.to_owned();
        let clone = self.dashboard_of(&label);
        let (by, with) = (self.by(fields)?, self.holder(with)?);
        let mut offer = NewOffer::to(with, clone, &template, expiry);
        (offer.message, offer.devices) = (message, devices);
        let offered = block_on(self.sharing.offer(by, source, offer))?;
        Ok(json!({ "clone": label, "ends": offered.ends.at() }))
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

    pub(super) fn offers(&mut self, fields: &Fields) -> Answer {
        let who = self.account(fields.text("who")?)?;
        let offers = block_on(self.sharing.offers(who))?;
        self.offer_views(&offers)
    }

    pub(super) fn offers_made(&mut self, fields: &Fields) -> Answer {
        let by = self.by(fields)?;
        let offers = block_on(self.sharing.offers_made(by))?;
        self.offer_views(&offers)
    }

    fn offer_views(&self, offers: &[OfferView]) -> Answer {
        let views: Result<Vec<Value>, Problem> = offers
            .iter()
            .map(|offer| {
                let template = match Template::read(&Profile::tagoio(), &offer.template) {
                    Ok(template) => template,
                    Err(error) => return bad(error),
                };
                let slots: Vec<&str> = template.slots().iter().map(|slot| slot.name.as_str()).collect();
                Ok(json!({
                    "clone": self.dashboards.label(offer.clone),
                    "by": self.accounts.label(offer.by),
                    "to": self.holder_label(&offer.to),
                    "ends": offer.ends.at(),
                    "message": offer.message,
                    "devices": offer.devices,
                    "slots": slots,
                }))
            })
            .collect();
        Ok(json!({ "offers": views? }))
    }

    pub(super) fn take_offer(&mut self, fields: &Fields) -> Answer {
        let tenant = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        let (clone, account) = (self.clone_named(fields)?, self.account(fields.text("account")?)?);
        let tenant = self.tenant(tenant);
        block_on(self.sharing.take_offer(account, clone, tenant))?;
        Ok(json!({}))
    }

    pub(super) fn decline_offer(&mut self, fields: &Fields) -> Answer {
        let (clone, account) = (self.clone_named(fields)?, self.account(fields.text("account")?)?);
        block_on(self.sharing.decline_offer(account, clone))?;
        Ok(json!({}))
    }

    pub(super) fn withdraw_offer(&mut self, fields: &Fields) -> Answer {
        let by = match fields.optional("by", Fields::text)? {
            Some(by) => Actor::Account(self.account(by)?),
            None => Actor::Host,
        };
        let clone = self.clone_named(fields)?;
        block_on(self.sharing.withdraw_offer(by, clone))?;
        Ok(json!({}))
    }

    fn clone_named(&mut self, fields: &Fields) -> Result<DashboardId, Problem> {
        let label = fields.text("clone")?.to_owned();
        Ok(self.dashboard_of(&label))
    }

    /// A dashboard that was never made has an id too: the library is asked about it and refuses.
    pub(super) fn dashboard_of(&mut self, label: &str) -> DashboardId {
        if let Some(id) = self.dashboards.ids.get(label) {
            return *id;
        }
        let id = DashboardId::from(self.fresh());
        self.dashboards.put(label, id);
        self.sharing.directory().set_dashboard(id, Resource::new("dashboard", label));
        id
    }
}
