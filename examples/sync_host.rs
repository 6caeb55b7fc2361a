//! A synchronous host: it has threads and no runtime, and its own tables of accounts and devices.
//!
//! `cargo run --example sync_host`. Two things to take away: the library's calls are blocked on where they are made,
//! and whatever reads a dashboard takes a `&Decision`, so that no path to the data can forget to ask.

use dashshare::{
    Account, AccountId, Action, AnonymousAccess, AnonymousUser, Attestor, BoxError, DashboardId, Dashshare,
    Decision, Directory, EmailAddress, Error, Expiry, MemoryStore, Portal, SharingRules, SystemEnv, Tenant,
    TenantId, Terms, Timestamp,
};
use pollster::block_on;
use std::{
    collections::HashMap,
    future::{Future, ready},
    sync::Arc,
};

/// The host's own tables.
#[derive(Default)]
struct Tables {
    people: HashMap<AccountId, Person>,
    dashboards: HashMap<DashboardId, Document>,
    tenants: HashMap<TenantId, Arc<Tenant>>,
}

struct Person {
    name: String,
    /// An address and when its owner confirmed it. One that was only typed in has no instant.
    email: Option<(EmailAddress, Option<Timestamp>)>,
}

struct Document {
    title: String,
    widgets: Vec<Widget>,
}

struct Widget {
    label: String,
    device: String,
    /// Whether a policy of the tenant opens the device to anonymous visitors.
    is_open: bool,
}

impl Person {
    /// The library's view of a person: of addresses, only the confirmed ones.
    fn account(&self, id: AccountId, attestor: &Attestor) -> Account {
        let confirmed = self.email.as_ref().and_then(|(address, at)| Some((address.clone(), (*at)?)));
        Account {
            id,
            verified: confirmed.map(|(address, at)| attestor.verified(address, at)).into_iter().collect(),
        }
    }
}

/// What the library asks the host. The tables answer at once, so each future is ready when it is made.
impl Directory for Tables {
    fn account(
        &self,
        id: AccountId,
        attestor: &Attestor,
    ) -> impl Future<Output = Result<Option<Account>, BoxError>> + Send {
        ready(Ok(self.people.get(&id).map(|person| person.account(id, attestor))))
    }

    fn account_of(
        &self,
        address: &EmailAddress,
        attestor: &Attestor,
    ) -> impl Future<Output = Result<Option<Account>, BoxError>> + Send {
        let mut accounts = self.people.iter().map(|(id, person)| person.account(*id, attestor));
        let has_it = |account: &Account| account.verified.iter().any(|email| email.address() == address);
        ready(Ok(accounts.find(has_it)))
    }

    fn tenant(&self, id: TenantId) -> impl Future<Output = Result<Option<Arc<Tenant>>, BoxError>> + Send {
        ready(Ok(self.tenants.get(&id).cloned()))
    }

    fn anonymous_access(
        &self,
        _: TenantId,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<AnonymousAccess, BoxError>> + Send {
        let widgets = self.dashboards.get(&dashboard).map_or(&[][..], |document| &document.widgets);
        let blocked = widgets.iter().filter(|widget| !widget.is_open).map(|widget| widget.device.clone());
        let access = AnonymousAccess { dashboard: true, blocked_devices: blocked.collect() };
        ready(Ok(access))
    }

    fn shows(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> impl Future<Output = Result<bool, BoxError>> + Send {
        let document = self.dashboards.get(&dashboard);
        ready(Ok(
            document.is_some_and(|document| document.widgets.iter().any(|widget| widget.device == device))
        ))
    }
}

struct Host {
    sharing: Dashshare<MemoryStore, Tables, SystemEnv>,
}

/// Why somebody gets no page, for the host's log and its support. Who asked is shown the same "not found" whatever the
/// cause, so that a stranger does not learn which dashboards there are.
#[derive(Debug)]
struct Denied(String);

/// An error is about the machinery, and means denial as well. Its source belongs into the host's log.
impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl Host {
    /// `GET /dashboards/:id`, for somebody who is signed in.
    fn open_dashboard(&self, session: AccountId, dashboard: DashboardId) -> Result<String, Denied> {
        let decision = block_on(self.sharing.authorize(session, dashboard, Action::View))?;
        self.page(&decision)
    }

    /// `GET /public/:token`, for anybody.
    fn open_link(&self, token: &str) -> Result<String, Denied> {
        let decision = block_on(self.sharing.visit(token))?;
        self.page(&decision)
    }

    /// `GET /dashboards/:id/data.csv`
    fn download(&self, session: AccountId, dashboard: DashboardId) -> Result<String, Denied> {
        let decision = block_on(self.sharing.authorize(session, dashboard, Action::Export))?;
        self.csv(&decision)
    }

    /// `POST /dashboards/:id/shares`
    fn share(&self, session: AccountId, dashboard: DashboardId, email: &str) -> Result<(), Denied> {
        let address: EmailAddress = email.parse().map_err(|error| Denied(format!("{error}")))?;
        let terms = Terms::view(Expiry::Never);
        block_on(self.sharing.share(session, dashboard, address, terms))?;
        Ok(())
    }

    // The readers. Only the library can make a decision, so they cannot be called without one having been made.

    fn page(&self, decision: &Decision) -> Result<String, Denied> {
        let document = self.permitted(decision, Action::View)?;
        let mut page = document.title.clone();
        for widget in &document.widgets {
            let device = block_on(self.sharing.authorize_device(decision, &widget.device))?;
            let value = if device.is_allowed() { "-18.4 °C" } else { "not for you" };
            page.push_str(&format!(" | {}: {value}", widget.label));
        }
        Ok(page)
    }

    fn csv(&self, decision: &Decision) -> Result<String, Denied> {
        let document = self.permitted(decision, Action::Export)?;
        Ok(document.widgets.iter().map(|widget| format!("{},-18.4\n", widget.label)).collect())
    }

    /// The document that a decision is about, if it allows this. The decision names the dashboard, so one that was
    /// made for another dashboard, or for less, opens nothing here.
    fn permitted(&self, decision: &Decision, action: Action) -> Result<&Document, Denied> {
        let name =
            |id| self.sharing.directory().people.get(&id).map_or("somebody".to_owned(), |it| it.name.clone());
        decision
            .permitted(action)
            .and_then(|dashboard| self.sharing.directory().dashboards.get(&dashboard))
            .ok_or_else(|| Denied(decision.explain_with(&name)))
    }
}

fn main() -> Result<(), Denied> {
    let (olga, ann, tenant) = (AccountId::from(1u64), AccountId::from(2u64), TenantId::from(1u64));
    let dashboard = DashboardId::from(7u64);

    let mut tables = Tables::default();
    let portal = Portal { active: true, anonymous: AnonymousUser::Active };
    tables.tenants.insert(tenant, Arc::new(Tenant { rules: SharingRules::default(), portal }));
    tables.people.insert(olga, Person { name: "Olga".to_owned(), email: None });
    let confirmed = "2026-01-01T00:00:00Z".parse().ok();
    let email = "ann@example.com".parse().ok().map(|address| (address, confirmed));
    tables.people.insert(ann, Person { name: "Ann".to_owned(), email });
    let air = Widget { label: "Air".to_owned(), device: "sensor-1".to_owned(), is_open: true };
    tables.dashboards.insert(dashboard, Document { title: "Cold room".to_owned(), widgets: vec![air] });

    let host = Host { sharing: Dashshare::new(MemoryStore::default(), tables, SystemEnv) };
    block_on(host.sharing.register(dashboard, tenant, olga))?;

    show("Ann, before", host.open_dashboard(ann, dashboard));
    host.share(olga, dashboard, "Ann@Example.com")?;
    show("Ann, after", host.open_dashboard(ann, dashboard));
    show("Ann's download", host.download(ann, dashboard));
    let link = block_on(host.sharing.rotate_link(olga, dashboard, Expiry::Never))?;
    show("A visitor", host.open_link(link.token.expose()));
    show("A guesser", host.open_link("dsl_guess"));
    Ok(())
}

fn show(who: &str, answer: Result<String, Denied>) {
    match answer {
        Ok(page) => println!("{who}: {page}"),
        Err(Denied(why)) => println!("{who}: {why}"),
    }
}
