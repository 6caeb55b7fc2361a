//! A synchronous host: it has threads and no runtime, and its own tables of accounts and devices.
//!
//! `cargo run --example sync_host`. Two things to take away: the library's calls are blocked on where they are made,
//! and whatever reads a dashboard takes a `&Decision`, so that no path to the data can forget to ask.

#[path = "sync_host/csv.rs"]
mod csv;

use csv::Cell;
use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Decision, Directory, EmailAddress, Error, Expiry,
    MemoryStore, NewShare, SystemEnv, TenantId, Terms, Timestamp,
    blueprint::Blueprint,
    directory::{Account, AnonymousUser, Attestor, CandidatePage, Portal, SharingRules, Tenant},
    lock::{Query, ReadKind, Variables},
    policy::{Document as Policy, PolicySet, Principal, Resource},
    questions::Admitted,
};
use pollster::block_on;
use std::{
    collections::HashMap,
    future::{Future, ready},
    sync::Arc,
};

/// A policy of the tenant, as its administrator wrote it: what visitors of a public link see.
const VISITORS: &str = r#"{
    "id": "visitors", "name": "Visitors see the cold room",
    "targets": [["run_user", "id", "anonymous"]],
    "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["dashboard"]},
        {"effect": "allow", "action": ["access"], "resource": ["device", "tag.key", "room", "tag.value", "cold"]}
    ]
}"#;

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
    /// Its device, as the tenant's policies know it.
    device: Arc<Resource>,
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

    /// This host's people have no accounts in the portal: only shares count for them.
    fn principal(
        &self,
        _: TenantId,
        _: AccountId,
    ) -> impl Future<Output = Result<Option<Arc<Principal>>, BoxError>> + Send {
        ready(Ok(None))
    }

    fn dashboard(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Option<Arc<Resource>>, BoxError>> + Send {
        let known = self.dashboards.contains_key(&dashboard);
        ready(Ok(known.then(|| Arc::new(Resource::new("dashboard", dashboard.to_string())))))
    }

    fn device(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> impl Future<Output = Result<Option<Arc<Resource>>, BoxError>> + Send {
        let found = self.shown(dashboard).find(|shown| shown.id.as_deref() == Some(device));
        ready(Ok(found.cloned()))
    }

    /// Every widget shows all variables of its device.
    fn variables(&self, _: DashboardId, _: &str) -> impl Future<Output = Result<Variables, BoxError>> + Send {
        ready(Ok(Variables::All))
    }

    fn devices(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Vec<Arc<Resource>>, BoxError>> + Send {
        ready(Ok(self.shown(dashboard).cloned().collect()))
    }

    /// This host's widgets are bound to devices, and to no slots.
    fn blueprint(
        &self,
        _: DashboardId,
    ) -> impl Future<Output = Result<Option<Arc<Blueprint>>, BoxError>> + Send {
        ready(Ok(None))
    }

    fn candidates(
        &self,
        _: &CandidatePage,
    ) -> impl Future<Output = Result<Vec<Arc<Resource>>, BoxError>> + Send {
        ready(Ok(Vec::new()))
    }
}

impl Tables {
    fn shown(&self, dashboard: DashboardId) -> impl Iterator<Item = &Arc<Resource>> {
        let widgets = self.dashboards.get(&dashboard).into_iter().flat_map(|document| &document.widgets);
        widgets.map(|widget| &widget.device)
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
        block_on(self.sharing.share(session, dashboard, NewShare::with(address, terms)))?;
        Ok(())
    }

    // The readers. Only the library can make a decision, so they cannot be called without one having been made.

    fn page(&self, decision: &Decision) -> Result<String, Denied> {
        let document = self.permitted(decision, Action::View)?;
        let mut page = document.title.clone();
        for widget in &document.widgets {
            let value = self.newest(decision, widget, ReadKind::Last)?;
            let value = value.map_or("not for you".to_owned(), |value| format!("{value} °C"));
            page.push_str(&format!(" | {}: {value}", widget.label));
        }
        Ok(page)
    }

    /// What a widget shows, if whoever asked may see it: views and downloads go through the same door.
    fn newest(&self, decision: &Decision, widget: &Widget, kind: ReadKind) -> Result<Option<f64>, Denied> {
        let device = widget.device.id.as_deref().unwrap_or_default();
        let query = Query::new(kind, device, "temperature");
        Ok(block_on(self.sharing.admit(decision, &query))?.ok().map(|admitted| read(&admitted)))
    }

    fn csv(&self, decision: &Decision) -> Result<String, Denied> {
        let document = self.permitted(decision, Action::Export)?;
        let mut lines = String::new();
        for widget in &document.widgets {
            if let Some(value) = self.newest(decision, widget, ReadKind::Export)? {
                lines.push_str(&csv::line(&[Cell::Text(&widget.label), Cell::Number(value)]));
            }
        }
        Ok(lines)
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

/// The one function that reads data. It takes what was admitted, which only the library can make, and reads no more than
/// the pieces say. This host has just measured one value.
fn read(admitted: &Admitted) -> f64 {
    assert!(!admitted.pieces().is_empty());
    -18.4
}

fn main() -> Result<(), Denied> {
    let (olga, ann, tenant) = (AccountId::from(1u64), AccountId::from(2u64), TenantId::from(1u64));
    let dashboard = DashboardId::from(7u64);

    let mut tables = Tables::default();
    let portal = Portal { active: true, anonymous: Some(AnonymousUser::new("anonymous")) };
    let policies =
        PolicySet::default().with(&Policy::parse(VISITORS).map_err(|error| Denied(error.to_string()))?);
    tables.tenants.insert(tenant, Arc::new(Tenant { rules: SharingRules::default(), portal, policies }));
    tables.people.insert(olga, Person { name: "Olga".to_owned(), email: None });
    let confirmed = "2026-01-01T00:00:00Z".parse().ok();
    let email = "ann@example.com".parse().ok().map(|address| (address, confirmed));
    tables.people.insert(ann, Person { name: "Ann".to_owned(), email });
    let sensor = Resource::new("device", "sensor-1").with_tag("room", "cold");
    let air = Widget { label: "Air".to_owned(), device: Arc::new(sensor) };
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
