//! Handing a dashboard over.

use super::{Engine, Reading, fields::Fields, play, runtime::block_on};
use dashshare::{DashboardId, Expiry, Rights, answers::Transferred, trail::Actor};
use serde_json::{Value, json};

impl Engine {
    /// In one line: by the host at once, and by anybody else as if the new owner had been asked and had taken it.
    pub(super) fn transfer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let keep = fields.optional("keep", Fields::rights)?.unwrap_or(Rights::NONE);
        let label = fields.label('g', self.line)?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        let to = fields.name("to")?;
        play(move |engine| {
            let (dashboard, by, to) = (engine.dashboard_of(dashboard), engine.actor(by), engine.account(to));
            let sharing = &engine.sharing;
            let transferred = match by {
                Actor::Host => block_on(sharing.transfer(dashboard, to, keep))?,
                Actor::Account(_) => {
                    block_on(sharing.offer_transfer(by, dashboard, to, keep))?;
                    match block_on(sharing.take_transfer(to, dashboard)) {
                        Ok(transferred) => transferred,
                        // A line that is refused changes nothing.
                        Err(refused) => {
                            block_on(sharing.withdraw_transfer(by, dashboard))?;
                            return Err(refused);
                        }
                    }
                }
            };
            Ok(engine.transferred(dashboard, &transferred, &label))
        })
    }

    pub(super) fn offer_transfer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let keep = fields.optional("keep", Fields::rights)?.unwrap_or(Rights::NONE);
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        let to = fields.name("to")?;
        play(move |engine| {
            let (dashboard, by, to) = (engine.dashboard_of(dashboard), engine.actor(by), engine.account(to));
            let asked = block_on(engine.sharing.offer_transfer(by, dashboard, to, keep))?;
            Ok(json!({ "to": engine.accounts.label(asked.to), "lapses": asked.lapses }))
        })
    }

    pub(super) fn withdraw_transfer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            block_on(engine.sharing.withdraw_transfer(by, dashboard))?;
            Ok(json!({}))
        })
    }

    pub(super) fn take_transfer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let label = fields.label('g', self.line)?;
        let (dashboard, account) = (self.dashboard_in(fields)?, self.account_in(fields, "account")?);
        play(move |engine| {
            let (dashboard, account) = (engine.dashboard_of(dashboard), engine.account(account));
            let transferred = block_on(engine.sharing.take_transfer(account, dashboard))?;
            Ok(engine.transferred(dashboard, &transferred, &label))
        })
    }

    pub(super) fn decline_transfer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, account) = (self.dashboard_in(fields)?, self.account_in(fields, "account")?);
        play(move |engine| {
            let (dashboard, account) = (engine.dashboard_of(dashboard), engine.account(account));
            block_on(engine.sharing.decline_transfer(account, dashboard))?;
            Ok(json!({}))
        })
    }

    fn transferred(&mut self, dashboard: DashboardId, transferred: &Transferred, label: &str) -> Value {
        if let Some(kept) = transferred.kept {
            self.grants.put(label, (dashboard, kept));
        }
        let kept = transferred.kept.map(|_| label);
        json!({
            "fell": self.grant_labels(dashboard, &transferred.fell), "kept": kept,
            "ends": transferred.ends.and_then(Expiry::at),
        })
    }
}
