//! The commands about grants and owners.

use super::{
    Engine, Reading,
    data::{self, Given},
    fields::{By, Fields, Problem, With, address, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    Amendment, Claimed, DashboardId, Ended, Error, GrantId, Holder, NewShare, RevokeMode, Terms,
    questions::GrantView, trail::Actor,
};
use serde_json::{Map, Value, json};

impl Engine {
    pub(super) fn share<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let asked = self.share_in(fields)?;
        play(move |engine| {
            let label = asked.label.clone();
            let (dashboard, by, share) = engine.new_share(asked)?;
            let own = data::lock(share.terms.lock.as_ref());
            let shared = block_on(engine.sharing.share(by, dashboard, share))?;
            if !shared.standing {
                engine.grants.put(&label, (dashboard, shared.grant));
            }
            Ok(json!({
                "grant": engine.grant_label(dashboard, shared.grant),
                "invited": shared.invited,
                "standing": shared.standing,
                "ends": shared.ends.at(),
                "lock": own,
                "effective_lock": data::lock(shared.effective_lock.as_ref()),
                "others": engine.grant_labels(dashboard, &shared.others),
            }))
        })
    }

    pub(super) fn set_share<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let asked = self.share_in(fields)?;
        play(move |engine| {
            let label = asked.label.clone();
            let (dashboard, by, share) = engine.new_share(asked)?;
            let own = data::lock(share.terms.lock.as_ref());
            let set = block_on(engine.sharing.set_share(by, dashboard, share))?;
            if !set.standing {
                engine.grants.put(&label, (dashboard, set.grant));
            }
            Ok(json!({
                "grant": engine.grant_label(dashboard, set.grant),
                "invited": set.invited,
                "standing": set.standing,
                "ends": set.ends.at(),
                "lock": own,
                "effective_lock": data::lock(set.effective_lock.as_ref()),
                "fell": engine.grant_labels(dashboard, &set.fell),
                "link_fell": set.link_fell,
            }))
        })
    }

    fn share_in<'a>(&self, fields: &'a Fields) -> Result<Asked<'a>, Problem> {
        let label = fields.label('g', self.line)?;
        let rights = fields.rights("rights")?;
        let reshare = fields.optional("reshare", Fields::flag)?.unwrap_or(false);
        let terms = Terms::of(rights, fields.expiry("expiry")?).reshare(reshare);
        let from = fields.optional("from", |fields, name| self.grant_called(fields, name))?;
        let lock = fields.optional("lock", Fields::lock)?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.by_in(fields)?);
        Ok(Asked {
            label,
            terms,
            lock,
            from: from.map(|(_, grant)| grant),
            dashboard,
            by,
            with: fields.with("with")?,
        })
    }

    fn new_share(&mut self, asked: Asked<'_>) -> Result<(DashboardId, Actor, NewShare), Error> {
        let (dashboard, by) = (self.dashboard_of(asked.dashboard), self.actor(asked.by));
        let terms = match asked.lock {
            Some(given) => asked.terms.locked(given.lock()?),
            None => asked.terms,
        };
        let share = NewShare::with(self.holder(asked.with), terms);
        Ok((dashboard, by, asked.from.into_iter().fold(share, NewShare::on_from)))
    }

    /// The invitation is named by its grant, or by the dashboard and the address that it waits for.
    pub(super) fn remind_invitation<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let by = self.by_in(fields)?;
        let named = match fields.optional("grant", |fields, _| self.grant_in(fields))? {
            Some(named) if !fields.has("with") && !fields.has("dashboard") => Ok(named),
            Some(_) => return bad("an invitation is named by `grant`, or by `dashboard` and `with`"),
            None => Err((self.dashboard_in(fields)?, address(fields.text("with")?)?)),
        };
        play(move |engine| {
            let by = engine.actor(by);
            let (dashboard, grant) = match named {
                Ok(named) => named,
                Err((dashboard, address)) => {
                    let dashboard = engine.dashboard_of(dashboard);
                    (dashboard, engine.waiting(by, dashboard, &address.into())?)
                }
            };
            let renewed = block_on(engine.sharing.remind_invitation(by, dashboard, grant))?;
            Ok(json!({ "grant": engine.grant_label(dashboard, renewed.grant), "lapses": renewed.lapses }))
        })
    }

    /// The newest invitation that waits for the address, as far as the asker may see it; or a grant that there is not.
    fn waiting(&self, by: Actor, dashboard: DashboardId, address: &Holder) -> Result<GrantId, Error> {
        let asker = match by {
            Actor::Account(account) => Some(account),
            Actor::Host => block_on(self.sharing.owner_of(dashboard))?,
        };
        let list = asker.map(|asker| block_on(self.sharing.access_list(asker, dashboard))).transpose()?;
        let waits = |grant: &&GrantView| grant.pending && grant.grantee == *address;
        let found = list.as_ref().and_then(|list| list.grants.iter().rev().find(waits));
        Ok(found.map_or(GrantId::from(0u64), |found| found.grant))
    }

    pub(super) fn amend<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let mut amendment = Amendment::default();
        amendment.rights = fields.optional("rights", Fields::rights)?;
        amendment.reshare = fields.optional("reshare", Fields::flag)?;
        amendment.expiry = fields.optional("expiry", Fields::expiry)?;
        let narrow = fields.optional("narrow", Fields::lock)?;
        if fields.has("lock") {
            return bad("a grant's lock is narrowed, by `narrow`, and not replaced");
        }
        let ((dashboard, grant), by) = (self.grant_in(fields)?, self.by_in(fields)?);
        play(move |engine| {
            let by = engine.actor(by);
            amendment.narrow = narrow.map(Given::lock).transpose()?;
            let amended = block_on(engine.sharing.amend(by, dashboard, grant, amendment))?;
            Ok(json!({
                "ends": amended.ends.at(),
                "lock": data::lock(amended.terms.lock.as_ref()),
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

/// What a line asks to share.
struct Asked<'a> {
    label: String,
    terms: Terms,
    lock: Option<Given>,
    from: Option<GrantId>,
    dashboard: &'a str,
    by: By<'a>,
    with: With<'a>,
}
