//! What the world is made of: dashboards and accounts, the names of all things, and how a line names them.

use super::{
    Engine, Reading,
    fields::{By, Fields, Name, Problem, With, address, bad},
    play,
    runtime::block_on,
};
use dashshare::{
    AccountId, DashboardId, EmailAddress, Expiry, GrantId, Holder,
    policy::{Resource, Tag},
    trail::Actor,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a line names. These read, and change nothing.
impl Engine {
    /// In strict mode a label has to be known before a line can be about it.
    pub(super) fn known<T>(
        &self,
        what: &str,
        names: &BTreeMap<String, T>,
        label: &str,
    ) -> Result<(), Problem> {
        match self.strict && !names.contains_key(label) {
            true => bad(format!("there is no {what} `{label}` yet")),
            false => Ok(()),
        }
    }

    /// An account that the line is about.
    pub(super) fn account_in<'a>(&self, fields: &'a Fields, name: &str) -> Result<Name<'a>, Problem> {
        let account = fields.name(name)?;
        self.known("account", &self.accounts.ids, account.0)?;
        Ok(account)
    }

    /// Whoever gives the command.
    pub(super) fn by_in<'a>(&self, fields: &'a Fields) -> Result<By<'a>, Problem> {
        let by = fields.by("by")?;
        if let By::Account(account) = by {
            self.known("account", &self.accounts.ids, account.0)?;
        }
        Ok(by)
    }

    /// Whoever gives the command; left out, it is the host itself.
    pub(super) fn by_or_host_in<'a>(&self, fields: &'a Fields) -> Result<By<'a>, Problem> {
        Ok(fields.optional("by", |fields, _| self.by_in(fields))?.unwrap_or(By::Host))
    }

    /// Whoever something went to.
    pub(super) fn with_in<'a>(&self, fields: &'a Fields) -> Result<With<'a>, Problem> {
        let with = fields.with("with")?;
        if let With::Account(account) = &with {
            self.known("account", &self.accounts.ids, account.0)?;
        }
        Ok(with)
    }

    pub(super) fn dashboard_in<'a>(&self, fields: &'a Fields) -> Result<&'a str, Problem> {
        let label = fields.text("dashboard")?;
        self.known("dashboard", &self.dashboards.ids, label)?;
        Ok(label)
    }

    pub(super) fn grant_in(&self, fields: &Fields) -> Result<(DashboardId, GrantId), Problem> {
        self.grant_called(fields, "grant")
    }

    pub(super) fn grant_called(
        &self,
        fields: &Fields,
        name: &str,
    ) -> Result<(DashboardId, GrantId), Problem> {
        let label = fields.text(name)?;
        self.known("grant", &self.grants.ids, label)?;
        // A label that names nothing is an unknown grant, which is for the library to say.
        let unknown = || (DashboardId::from(0u64), GrantId::from(0u64));
        Ok(self.grants.ids.get(label).copied().unwrap_or_else(unknown))
    }
}

/// What the names stand for. A name that stands for nothing yet comes into being.
impl Engine {
    pub(super) fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn account(&mut self, Name(label): Name<'_>) -> AccountId {
        if let Some(id) = self.accounts.ids.get(label) {
            return *id;
        }
        let id = AccountId::from(self.fresh());
        self.accounts.put(label, id);
        self.sharing.directory().add_account(id);
        self.introduce(id);
        id
    }

    pub(super) fn actor(&mut self, by: By<'_>) -> Actor {
        match by {
            By::Account(account) => self.account(account).into(),
            By::Host => Actor::Host,
        }
    }

    pub(super) fn holder(&mut self, with: With<'_>) -> Holder {
        match with {
            With::Account(account) => self.account(account).into(),
            With::Address(address) => address.into(),
        }
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

/// The labels of ids.
impl Engine {
    pub(super) fn grant_label(&self, dashboard: DashboardId, grant: GrantId) -> Value {
        self.grants.label((dashboard, grant))
    }

    pub(super) fn grant_text(&self, dashboard: DashboardId, grant: GrantId) -> String {
        self.grants.labels.get(&(dashboard, grant)).cloned().unwrap_or_default()
    }

    pub(super) fn grant_labels(&self, dashboard: DashboardId, grants: &[GrantId]) -> Vec<Value> {
        grants.iter().map(|grant| self.grant_label(dashboard, *grant)).collect()
    }

    pub(super) fn holder_label(&self, holder: &Holder) -> Value {
        match holder {
            Holder::Account(account) => self.accounts.label(*account),
            Holder::Address(address) => json!(address),
        }
    }

    pub(super) fn actor_label(&self, actor: Actor) -> Value {
        match actor {
            Actor::Account(account) => self.accounts.label(account),
            Actor::Host => json!(super::fields::HOST),
        }
    }

    pub(super) fn link_label(&self, dashboard: DashboardId, generation: u64) -> Value {
        self.links.get(&(dashboard, generation)).map_or(Value::Null, |label| json!(label))
    }

    /// A sentence of the library names grants by their ids; here they have labels.
    pub(super) fn with_labels(&self, sentence: String) -> String {
        self.grants.labels.iter().fold(sentence, |text, ((_, grant), label)| {
            let id = grant.to_string();
            if text.contains(&id) { text.replace(&id, label) } else { text }
        })
    }
}

pub(super) fn expiry(expiry: Expiry) -> Value {
    expiry.at().map_or(json!("never"), |end| json!(end))
}

/// What the world is made of.
impl Engine {
    pub(super) fn dashboard<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let tenant = fields.optional("tenant", Fields::text)?.unwrap_or("default");
        let owner = fields.name("owner")?;
        let label = fields.text("dashboard")?;
        let tags = fields.optional("tags", Fields::tags)?;
        let devices = match fields.optional("devices", Fields::list)? {
            Some(devices) => {
                devices.iter().map(|it| shown(it, self.strict)).collect::<Result<Vec<_>, _>>()?
            }
            None => Vec::new(),
        };
        play(move |engine| {
            // What is only offered under a label keeps nobody from making a dashboard of that label.
            if engine.clones.get(label).is_some_and(|clone| engine.dashboards.ids.get(label) == Some(clone)) {
                engine.dashboards.ids.remove(label);
            }
            let dashboard = engine.dashboard_of(label);
            let (tenant, owner) = (engine.tenant(tenant), engine.account(owner));
            block_on(engine.sharing.register(dashboard, tenant, owner))?;
            if let Some(tags) = tags {
                let resource = Resource { tags, ..Resource::new("dashboard", label) };
                engine.sharing.directory().set_dashboard(dashboard, resource);
            }
            for (device, variables) in devices {
                if let Some(variables) = variables {
                    let id = device.id.as_deref().unwrap_or_default();
                    engine.sharing.directory().set_variables(dashboard, id, variables);
                }
                engine.sharing.directory().add_device(dashboard, device);
            }
            Ok(json!({}))
        })
    }

    pub(super) fn suspend<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let dashboard = self.dashboard_in(fields)?;
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            block_on(engine.sharing.suspend_dashboard(dashboard))?;
            Ok(json!({}))
        })
    }

    pub(super) fn resume<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let dashboard = self.dashboard_in(fields)?;
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            block_on(engine.sharing.resume_dashboard(dashboard))?;
            Ok(json!({}))
        })
    }

    /// A new dashboard of the same label starts without tags and devices.
    pub(super) fn forget_dashboard(&self, dashboard: DashboardId) {
        self.sharing.directory().forget_dashboard(dashboard);
        if let Some(label) = self.dashboards.labels.get(&dashboard) {
            self.sharing.directory().set_dashboard(dashboard, Resource::new("dashboard", label.as_str()));
        }
    }

    pub(super) fn account_line<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let name = fields.name("account")?;
        let given = self.addresses_in(name, fields)?;
        let tags = fields.optional("tags", Fields::tags)?;
        play(move |engine| {
            let account = engine.account(name);
            if let Some(tags) = tags {
                engine.tags.insert(account, tags);
                engine.introduce(account);
            }
            if let Some(given) = given {
                engine.give_addresses(account, given);
            }
            Ok(json!({}))
        })
    }

    /// All addresses that the account has from now on, if the line says something of them.
    fn addresses_in(&self, account: Name<'_>, fields: &Fields) -> Result<Option<Vec<Given>>, Problem> {
        let one = fields.optional("email", Fields::text)?.map(address).transpose()?;
        let several = fields.optional("emails", emails)?;
        let verified = fields.optional("verified", Fields::flag)?;
        match (one, several) {
            (None, None) => {
                let id = self.accounts.ids.get(account.0);
                let had = id.and_then(|id| self.addresses.get(id)).cloned().unwrap_or_default();
                if had.is_empty() && verified == Some(true) {
                    return bad("`verified` needs an `email`");
                }
                let mut given: Vec<Given> = had.into_iter().map(|address| (address, None)).collect();
                if let Some(last) = given.last_mut() {
                    last.1 = verified;
                }
                Ok(verified.map(|_| given))
            }
            (Some(address), None) => Ok(Some(vec![(address, verified)])),
            (None, Some(several)) if verified.is_none() => Ok(Some(several)),
            (None, Some(_)) => bad("beside `emails`, `verified` stands in each of them"),
            (Some(_), Some(_)) => bad("an account is given an `email` or `emails`, not both"),
        }
    }

    fn give_addresses(&mut self, account: AccountId, given: Vec<Given>) {
        let addresses: Vec<EmailAddress> = given.iter().map(|(address, _)| address.clone()).collect();
        let before = self.addresses.insert(account, addresses.clone()).unwrap_or_default();
        let directory = self.sharing.directory();
        for gone in before.iter().filter(|address| !addresses.contains(address)) {
            directory.forget_email(account, gone);
        }
        for (address, verified) in given {
            match verified {
                Some(true) => directory.verify_email(account, address, self.now),
                Some(false) => directory.forget_email(account, &address),
                None => {}
            }
        }
    }
}

/// An address, and whether it is verified, if that is said.
type Given = (EmailAddress, Option<bool>);

/// A list of objects with `email` and `verified`.
fn emails(fields: &Fields, name: &str) -> Result<Vec<Given>, Problem> {
    let (mut given, mut seen) = (Vec::new(), BTreeSet::new());
    for item in fields.list(name)? {
        let Some(members) = item.as_object() else {
            return bad(format!("`{name}` has an item that is no object"));
        };
        let item = Fields::new(members.clone(), fields.strict);
        let verified = item.optional("verified", Fields::flag)?;
        let address = address(item.text("email")?)?;
        item.end()?;
        if !seen.insert(address.clone()) {
            return bad(format!("`{name}` has `{address}` twice"));
        }
        given.push((address, verified));
    }
    Ok(given)
}

/// A device that a dashboard shows: its id, or an object with `id`, `tags` and the `variables` of it that are shown; all
/// of them without.
fn shown(value: &Value, strict: bool) -> Result<(Resource, Option<Vec<String>>), Problem> {
    let mut value = value.clone();
    let variables = value.as_object_mut().and_then(|members| members.remove("variables"));
    let variables =
        variables.map(|given| Fields::new(Map::from_iter([("variables".to_owned(), given)]), strict));
    let variables = variables.map(|fields| fields.texts("variables")).transpose()?;
    Ok((device(&value, strict)?, variables))
}

/// A device: its id, or an object with `id` and `tags`.
pub(super) fn device(value: &Value, strict: bool) -> Result<Resource, Problem> {
    let mut members = match value {
        Value::Object(members) => members.clone(),
        other => Map::from_iter([("id".to_owned(), other.clone())]),
    };
    let Some(Value::String(id)) = members.remove("id") else {
        return bad("a device is a text, or has a text as its `id`");
    };
    let fields = Fields::new(members, strict);
    let tags: Vec<Tag> = match fields.has("tags").then(|| fields.tags("tags")) {
        None => Vec::new(),
        Some(Ok(tags)) => tags,
        Some(Err(_)) => return bad(format!("the `tags` of device `{id}` are not a list of tags")),
    };
    fields.end()?;
    Ok(Resource { tags, ..Resource::new("device", id) })
}
