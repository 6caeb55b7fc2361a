//! The commands about grants and owners.

use super::{
    Engine, Reading,
    fields::{Fields, address, bad},
    play,
    runtime::block_on,
};
use dashshare::{Amendment, Claimed, DashboardId, Ended, GrantId, NewShare, RevokeMode, Rights, Terms};
use serde_json::{Map, Value, json};

impl Engine {
    pub(super) fn share<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let label = fields.label('g', self.line)?;
        let rights = fields.rights("rights")?;
        let reshare = fields.optional("reshare", Fields::flag)?.unwrap_or(false);
        let terms = Terms::of(rights, fields.expiry("expiry")?).reshare(reshare);
        let from = fields.optional("from", |fields, name| self.grant_called(fields, name))?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        let with = fields.with("with")?;
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let mut share = NewShare::with(engine.holder(with), terms);
            if let Some((_, grant)) = from {
                share = share.on_from(grant);
            }
            let shared = block_on(engine.sharing.share(by, dashboard, share))?;
            if !shared.standing {
                engine.grants.put(&label, (dashboard, shared.grant));
            }
            Ok(json!({
                "grant": engine.grant_label(dashboard, shared.grant),
                "invited": shared.invited,
                "standing": shared.standing,
                "ends": shared.ends.at(),
            }))
        })
    }

    pub(super) fn amend<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let mut amendment = Amendment::default();
        amendment.rights = fields.optional("rights", Fields::rights)?;
        amendment.reshare = fields.optional("reshare", Fields::flag)?;
        amendment.expiry = fields.optional("expiry", Fields::expiry)?;
        let ((dashboard, grant), by) = (self.grant_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let by = engine.actor(by);
            let amended = block_on(engine.sharing.amend(by, dashboard, grant, amendment))?;
            Ok(json!({
                "ends": amended.ends.at(),
                "fell": engine.grant_labels(dashboard, &amended.fell),
                "link_fell": amended.link_fell,
            }))
        })
    }

    pub(super) fn revoke<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let mode = match fields.optional("mode", Fields::text)? {
            None | Some("cascade") => RevokeMode::Cascade,
            Some("rebind") => RevokeMode::Rebind,
            Some(other) => return bad(format!("`mode` is `cascade` or `rebind`, not `{other}`")),
        };
        let ((dashboard, grant), by) = (self.grant_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let by = engine.actor(by);
            let ended = block_on(engine.sharing.revoke(by, dashboard, grant, mode))?;
            let mut answer = engine.ended(dashboard, &ended);
            if mode == RevokeMode::Rebind {
                let mut rebound = Map::new();
                for (old, new) in &ended.rebound {
                    let old = engine.grant_text(dashboard, *old);
                    let label = engine.rebound_label(&old);
                    engine.grants.put(&label, (dashboard, *new));
                    rebound.insert(old, json!(label));
                }
                answer["rebound"] = Value::Object(rebound);
            }
            Ok(answer)
        })
    }

    /// `g3` is re-issued as `g3~2`, that as `g3~3`.
    fn rebound_label(&self, old: &str) -> String {
        let stem = old.split('~').next().unwrap_or(old);
        (2..)
            .map(|n| format!("{stem}~{n}"))
            .find(|label| !self.grants.ids.contains_key(label))
            .unwrap_or_default()
    }

    pub(super) fn stop_sharing<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        let with = self.with_in(fields)?;
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.actor(by));
            let with = engine.holder(with);
            let ended = block_on(engine.sharing.stop_sharing(by, dashboard, with))?;
            Ok(engine.ended(dashboard, &ended))
        })
    }

    pub(super) fn renounce<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let ((dashboard, grant), by) = (self.grant_in(fields)?, self.account_in(fields, "by")?);
        play(move |engine| {
            let by = engine.account(by);
            let ended = block_on(engine.sharing.renounce(by, dashboard, grant))?;
            Ok(engine.ended(dashboard, &ended))
        })
    }

    pub(super) fn claim<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let account = self.account_in(fields, "account")?;
        let address = address(fields.text("email")?)?;
        play(move |engine| {
            let account = engine.account(account);
            let claimed = block_on(engine.sharing.claim(account, &address))?;
            let labels = |found: fn(&Claimed) -> &[GrantId]| -> Vec<Value> {
                claimed.iter().flat_map(|done| engine.grant_labels(done.dashboard, found(done))).collect()
            };
            Ok(json!({ "grants": labels(|it| &it.grants), "ended": labels(|it| &it.ended) }))
        })
    }

    pub(super) fn transfer<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let keep = fields.optional("keep", Fields::rights)?.unwrap_or(Rights::NONE);
        let label = fields.label('g', self.line)?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        let to = fields.name("to")?;
        play(move |engine| {
            let (dashboard, by, to) = (engine.dashboard_of(dashboard), engine.actor(by), engine.account(to));
            let transferred = match by {
                dashshare::trail::Actor::Host => block_on(engine.sharing.transfer(dashboard, to, keep))?,
                // As if the new owner had been asked and had taken it (G18).
                dashshare::trail::Actor::Account(_) => {
                    block_on(engine.sharing.offer_transfer(by, dashboard, to, keep))?;
                    block_on(engine.sharing.take_transfer(to, dashboard))?
                }
            };
            if let Some(kept) = transferred.kept {
                engine.grants.put(&label, (dashboard, kept));
            }
            let kept = transferred.kept.map(|_| label);
            Ok(json!({ "fell": engine.grant_labels(dashboard, &transferred.fell), "kept": kept }))
        })
    }

    pub(super) fn delete_dashboard<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_or_host_in(fields)?);
        play(move |engine| {
            let (by, dashboard) = (engine.actor(by), engine.dashboard_of(dashboard));
            let ended = block_on(engine.sharing.delete_dashboard(by, dashboard))?;
            engine.forget_dashboard(dashboard);
            Ok(engine.ended(dashboard, &ended))
        })
    }

    pub(super) fn delete_account<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let name = self.account_in(fields, "account")?;
        play(move |engine| {
            let account = engine.account(name);
            let ended = block_on(engine.sharing.delete_account(account))?;
            engine.sharing.directory().remove_account(account);
            // The name is free again, for somebody else.
            engine.accounts.ids.remove(name.0);
            engine.addresses.remove(&account);
            let fell: Vec<Value> =
                ended.iter().flat_map(|done| engine.grant_labels(done.dashboard, &done.fell)).collect();
            Ok(json!({ "fell": fell }))
        })
    }

    fn ended(&self, dashboard: DashboardId, ended: &Ended) -> Value {
        json!({ "fell": self.grant_labels(dashboard, &ended.fell), "link_fell": ended.link_fell })
    }
}
