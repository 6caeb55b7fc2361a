//! What a tenant is made of: its rules, its portal, its policies, and what those know.

use super::{
    Engine, Reading,
    data::Given,
    fields::{Fields, bad},
    play,
};
use dashshare::{
    AccountId, MemoryDirectory, TenantId,
    directory::Tenant,
    policy::{Document, PolicySet, Principal, lint},
};
use serde_json::{Value, json};

impl Engine {
    pub(super) fn tenant(&mut self, label: &str) -> TenantId {
        if let Some((id, _)) = self.tenants.get(label) {
            return *id;
        }
        let id = TenantId::from(self.fresh());
        let tenant = MemoryDirectory::open_tenant();
        self.sharing.directory().set_tenant(id, tenant.clone());
        self.tenants.insert(label.to_owned(), (id, tenant));
        let accounts: Vec<AccountId> = self.accounts.ids.values().copied().collect();
        accounts.into_iter().for_each(|account| self.introduce(account));
        id
    }

    /// Lets the policies of every tenant know an account, by its label and its tags.
    pub(super) fn introduce(&mut self, account: AccountId) {
        let Some(label) = self.accounts.labels.get(&account) else { return };
        let tags = self.tags.get(&account).cloned().unwrap_or_default();
        let principal = Principal { tags, ..Principal::run_user(label.as_str()) };
        for (tenant, _) in self.tenants.values() {
            self.sharing.directory().set_principal(*tenant, account, principal.clone());
        }
    }

    /// Changes the line's tenant, which comes into being with that.
    fn change_tenant<'a>(fields: &'a Fields, change: impl FnOnce(&mut Tenant) -> Value + 'a) -> Reading<'a> {
        let label = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        play(move |engine| {
            let id = engine.tenant(label);
            let Some((_, tenant)) = engine.tenants.get_mut(label) else { return Ok(json!({})) };
            let answer = change(tenant);
            engine.sharing.directory().set_tenant(id, tenant.clone());
            Ok(answer)
        })
    }

    pub(super) fn rules<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let flag = |name| fields.optional(name, Fields::flag);
        let switches = (flag("private")?, flag("public")?, flag("resharing")?, flag("reveal_accounts")?);
        let days = |name| match fields.has(name) {
            true => fields.nullable(name, Fields::days).map(Some),
            false => Ok(None),
        };
        let (max_days, invitation_days) = (days("max_days")?, days("invitation_days")?);
        let max_depth = fields.optional("max_depth", Fields::days)?;
        let domains = |name| fields.optional(name, Fields::texts);
        let (blocked, allowed) = (domains("blocked_domains")?, domains("allowed_domains")?);
        let lock = |name| match fields.has(name) {
            true => fields.nullable(name, Fields::lock).map(Some),
            false => Ok(None),
        };
        let (link_lock, reshare_lock) = (lock("link_lock")?, lock("reshare_lock")?);
        Self::change_tenant(fields, move |tenant| {
            let rules = &mut tenant.rules;
            set(&mut rules.link_lock, link_lock.map(|given| given.map(Given::stored)));
            set(&mut rules.reshare_lock, reshare_lock.map(|given| given.map(Given::stored)));
            let (private, public, resharing, reveal_accounts) = switches;
            set(&mut rules.private, private);
            set(&mut rules.public, public);
            set(&mut rules.resharing, resharing);
            set(&mut rules.reveal_accounts, reveal_accounts);
            set(&mut rules.max_days, max_days);
            set(&mut rules.invitation_days, invitation_days);
            set(&mut rules.max_depth, max_depth.map(|depth| u8::try_from(depth).unwrap_or(u8::MAX)));
            set(&mut rules.blocked_domains, blocked);
            set(&mut rules.allowed_domains, allowed);
            json!({})
        })
    }

    pub(super) fn portal<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let active = fields.flag("active")?;
        Self::change_tenant(fields, move |tenant| {
            tenant.portal.active = active;
            json!({})
        })
    }

    pub(super) fn anonymous<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let exists = fields.optional("exists", Fields::flag)?.unwrap_or(true);
        let active = fields.optional("active", Fields::flag)?;
        let id = fields.optional("id", Fields::text)?;
        let tags = fields.optional("tags", Fields::tags)?;
        Self::change_tenant(fields, move |tenant| {
            if !exists {
                tenant.portal.anonymous = None;
                return json!({});
            }
            let fresh = || dashshare::directory::AnonymousUser::new("anonymous");
            let user = tenant.portal.anonymous.get_or_insert_with(fresh);
            set(&mut user.active, active);
            set(&mut user.principal.id, id.map(str::to_owned));
            set(&mut user.principal.tags, tags);
            json!({})
        })
    }

    pub(super) fn policies<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let set = fields.get("set")?.to_string();
        let strict = fields.optional("strict", Fields::flag)?.unwrap_or(false);
        let documents = match Document::parse_all(&set) {
            Ok(documents) => documents,
            Err(error) => return bad(format!("`set`: {error}")),
        };
        let compiled = match strict {
            true => PolicySet::compile_strict(&documents),
            false => PolicySet::compile(&documents),
        };
        let policies = match compiled {
            Ok(compiled) => compiled.set,
            Err(error) => return bad(format!("`set`: {error}")),
        };
        Self::change_tenant(fields, move |tenant| {
            let anonymous = tenant.portal.anonymous.as_ref().map(|user| &user.principal);
            let findings: Vec<Value> = documents
                .iter()
                .flat_map(|document| lint(document, anonymous))
                .map(|finding| json!(finding.to_string()))
                .collect();
            tenant.policies = policies;
            json!({ "findings": findings })
        })
    }
}

/// Changes what the line says something of.
fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
