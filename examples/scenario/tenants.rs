//! What a tenant is made of: its rules, its portal, its policies, and what those know.

use super::{
    Answer, Engine,
    fields::{Fields, Problem, bad},
};
use dashshare::{
    AccountId, DashboardId, MemoryDirectory, TenantId,
    directory::Tenant,
    policy::{Document, PolicySet, Principal, Resource, Tag, lint},
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

    fn change_tenant(&mut self, fields: &Fields, change: impl FnOnce(&mut Tenant) -> Answer) -> Answer {
        let label = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        let id = self.tenant(label);
        let Some((_, tenant)) = self.tenants.get_mut(label) else { return bad("no such tenant") };
        let mut changed = tenant.clone();
        let answer = change(&mut changed)?;
        self.sharing.directory().set_tenant(id, changed.clone());
        *tenant = changed;
        Ok(answer)
    }

    pub(super) fn rules(&mut self, fields: &Fields) -> Answer {
        self.change_tenant(fields, |tenant| {
            let rules = &mut tenant.rules;
            let switches = [
                ("private", &mut rules.private),
                ("public", &mut rules.public),
                ("resharing", &mut rules.resharing),
                ("reveal_accounts", &mut rules.reveal_accounts),
            ];
            for (name, switch) in switches {
                *switch = fields.optional(name, Fields::flag)?.unwrap_or(*switch);
            }
            for (name, days) in
                [("max_days", &mut rules.max_days), ("invitation_days", &mut rules.invitation_days)]
            {
                if fields.0.contains_key(name) {
                    *days = fields.nullable(name, Fields::days)?;
                }
            }
            if let Some(depth) = fields.optional("max_depth", Fields::days)? {
                rules.max_depth = u8::try_from(depth).unwrap_or(u8::MAX);
            }
            for (name, domains) in [
                ("blocked_domains", &mut rules.blocked_domains),
                ("allowed_domains", &mut rules.allowed_domains),
            ] {
                *domains = fields.optional(name, Fields::texts)?.unwrap_or(std::mem::take(domains));
            }
            Ok(json!({}))
        })
    }

    pub(super) fn portal(&mut self, fields: &Fields) -> Answer {
        let active = fields.flag("active")?;
        self.change_tenant(fields, |tenant| {
            tenant.portal.active = active;
            Ok(json!({}))
        })
    }

    pub(super) fn anonymous(&mut self, fields: &Fields) -> Answer {
        let exists = fields.optional("exists", Fields::flag)?.unwrap_or(true);
        let active = fields.optional("active", Fields::flag)?;
        let id = fields.optional("id", Fields::text)?;
        let tags = fields.optional("tags", Fields::tags)?;
        self.change_tenant(fields, |tenant| {
            if !exists {
                tenant.portal.anonymous = None;
                return Ok(json!({}));
            }
            let fresh = || dashshare::directory::AnonymousUser::new("anonymous");
            let user = tenant.portal.anonymous.get_or_insert_with(fresh);
            user.active = active.unwrap_or(user.active);
            if let Some(id) = id {
                user.principal.id = id.to_owned();
            }
            if let Some(tags) = tags {
                user.principal.tags = tags;
            }
            Ok(json!({}))
        })
    }

    pub(super) fn policies(&mut self, fields: &Fields) -> Answer {
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
        self.change_tenant(fields, |tenant| {
            let anonymous = tenant.portal.anonymous.as_ref().map(|user| &user.principal);
            let findings: Vec<Value> = documents
                .iter()
                .flat_map(|document| lint(document, anonymous))
                .map(|finding| json!(finding.to_string()))
                .collect();
            tenant.policies = policies;
            Ok(json!({ "findings": findings }))
        })
    }

    /// The members of a `dashboard` line that policies know it by: its tags, and the devices that it shows.
    pub(super) fn description(fields: &Fields) -> Result<Description, Problem> {
        let label = fields.text("dashboard")?;
        let tags = fields.optional("tags", Fields::tags)?;
        let devices = match fields.optional("devices", Fields::get)? {
            Some(Value::Array(devices)) => devices.iter().map(device).collect::<Result<Vec<_>, _>>()?,
            Some(_) => return bad("`devices` is not a list"),
            None => Vec::new(),
        };
        let resource = tags.map(|tags| Resource { tags, ..Resource::new("dashboard", label) });
        Ok(Description { resource, devices })
    }

    pub(super) fn describe_dashboard(&self, dashboard: DashboardId, described: Description) {
        if let Some(resource) = described.resource {
            self.sharing.directory().set_dashboard(dashboard, resource);
        }
        for device in described.devices {
            self.sharing.directory().add_device(dashboard, device);
        }
    }

    /// A new dashboard of the same label starts without tags and devices.
    pub(super) fn forget_dashboard(&self, dashboard: DashboardId) {
        self.sharing.directory().forget_dashboard(dashboard);
        if let Some(label) = self.dashboards.labels.get(&dashboard) {
            self.sharing.directory().set_dashboard(dashboard, Resource::new("dashboard", label.as_str()));
        }
    }
}

/// What policies know a dashboard by.
pub(super) struct Description {
    resource: Option<Resource>,
    devices: Vec<Resource>,
}

/// A device: its id, or an object with `id` and `tags`.
fn device(value: &Value) -> Result<Resource, Problem> {
    let (id, tags) = match value {
        Value::Object(members) => (members.get("id"), members.get("tags")),
        other => (Some(other), None),
    };
    let Some(id) = id.and_then(Value::as_str) else {
        return bad("a device is a text, or has a text as its `id`");
    };
    let tags: Vec<Tag> = match tags.map(|tags| serde_json::from_value(tags.clone())) {
        None => Vec::new(),
        Some(Ok(tags)) => tags,
        Some(Err(_)) => return bad(format!("the `tags` of device `{id}` are not a list of tags")),
    };
    Ok(Resource { tags, ..Resource::new("device", id) })
}
