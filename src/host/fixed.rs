//! Fixed twins of the host's traits, for tests and examples: a directory in memory, a clock that stands still.

use super::{
    directory::{CandidatePage, Directory},
    env::Env,
    store::BoxError,
};
use crate::{
    blueprint::{Blueprint, SlotKind},
    lock::Variables,
    policy::{Document, PolicySet, Principal, Resource},
    tenant::{AnonymousUser, Portal, Tenant},
    value::{Account, AccountId, Attestor, DashboardId, EmailAddress, TenantId, Timestamp, VerifiedEmail},
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Accounts and tenants in memory.
///
/// A tenant that was never set is [open](Self::open_tenant). Policies know a dashboard by the spelling of its id
/// unless [`set_dashboard`](Self::set_dashboard) says otherwise, and an account only after
/// [`set_principal`](Self::set_principal).
#[derive(Default, Debug)]
pub struct MemoryDirectory {
    state: Mutex<People>,
}

#[derive(Default, Debug)]
struct People {
    accounts: BTreeMap<AccountId, BTreeMap<EmailAddress, Timestamp>>,
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
    principals: BTreeMap<(TenantId, AccountId), Arc<Principal>>,
    dashboards: BTreeMap<DashboardId, Arc<Resource>>,
    /// The devices of a dashboard, by id.
    devices: BTreeMap<DashboardId, BTreeMap<String, Arc<Resource>>>,
    /// The variables that a dashboard shows of a device; all where none are noted.
    variables: BTreeMap<(DashboardId, String), BTreeSet<String>>,
    blueprints: BTreeMap<DashboardId, Arc<Blueprint>>,
    /// The devices and entities of a tenant, by kind and by id.
    owned: BTreeMap<(TenantId, String), BTreeMap<String, Arc<Resource>>>,
    open: Option<Arc<Tenant>>,
}

const OPEN: &str = r#"{
    "id": "open", "name": "Visitors see everything that is public",
    "targets": [["run_user", "id", "anonymous"]],
    "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["dashboard"]},
        {"effect": "allow", "action": ["access"], "resource": ["device"]}
    ]
}"#;

fn dashboard_of(dashboard: DashboardId) -> Resource {
    Resource::new("dashboard", dashboard.to_string())
}

impl MemoryDirectory {
    fn people(&self) -> MutexGuard<'_, People> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an account known.
    pub fn add_account(&self, account: AccountId) {
        self.people().accounts.entry(account).or_default();
    }

    /// Forgets an account and its addresses.
    pub fn remove_account(&self, account: AccountId) {
        self.people().accounts.remove(&account);
    }

    /// Notes that an account has verified an address; whoever had it before has it no longer.
    pub fn verify_email(&self, account: AccountId, address: EmailAddress, at: Timestamp) {
        let mut people = self.people();
        for addresses in people.accounts.values_mut() {
            addresses.remove(&address);
        }
        people.accounts.entry(account).or_default().insert(address, at);
    }

    /// Notes that an account no longer has an address.
    pub fn forget_email(&self, account: AccountId, address: &EmailAddress) {
        if let Some(addresses) = self.people().accounts.get_mut(&account) {
            addresses.remove(address);
        }
    }

    /// Sets a tenant's rules and portal.
    pub fn set_tenant(&self, id: TenantId, tenant: Tenant) {
        self.people().tenants.insert(id, Arc::new(tenant));
    }

    /// Sets as whom a tenant's policies know an account.
    pub fn set_principal(&self, tenant: TenantId, account: AccountId, principal: Principal) {
        self.people().principals.insert((tenant, account), Arc::new(principal));
    }

    /// Sets as what policies know a dashboard.
    pub fn set_dashboard(&self, dashboard: DashboardId, resource: Resource) {
        self.people().dashboards.insert(dashboard, Arc::new(resource));
    }

    /// Forgets a dashboard's tags, devices and slots, when it was deleted.
    pub fn forget_dashboard(&self, dashboard: DashboardId) {
        let mut people = self.people();
        people.dashboards.remove(&dashboard);
        people.blueprints.remove(&dashboard);
        people.devices.remove(&dashboard);
        people.variables.retain(|(of, _), _| *of != dashboard);
    }

    /// Notes a device that a dashboard shows.
    pub fn add_device(&self, dashboard: DashboardId, device: Resource) {
        let id = device.id.clone().unwrap_or_default();
        self.people().devices.entry(dashboard).or_default().insert(id, Arc::new(device));
    }

    /// Notes which variables of a device a dashboard shows. Until then it shows all that the device has.
    pub fn set_variables<V: Into<String>>(
        &self,
        dashboard: DashboardId,
        device: &str,
        variables: impl IntoIterator<Item = V>,
    ) {
        let variables = variables.into_iter().map(Into::into).collect();
        self.people().variables.insert((dashboard, device.to_owned()), variables);
    }

    /// Sets the slots of a dashboard.
    pub fn set_blueprint(&self, dashboard: DashboardId, blueprint: Blueprint) {
        self.people().blueprints.insert(dashboard, Arc::new(blueprint));
    }

    /// Notes a device or an entity of a tenant, in place of the one of the same kind and id.
    pub fn add_device_of(&self, tenant: TenantId, device: Resource) {
        let id = device.id.clone().unwrap_or_default();
        self.people().owned.entry((tenant, device.kind.clone())).or_default().insert(id, Arc::new(device));
    }

    /// Forgets a device or an entity of a tenant.
    pub fn remove_device_of(&self, tenant: TenantId, kind: SlotKind, id: &str) {
        if let Some(owned) = self.people().owned.get_mut(&(tenant, kind.word().to_owned())) {
            owned.remove(id);
        }
    }

    /// A tenant for which everything is on and set up: sharing of every kind, the portal, an anonymous user of the id
    /// `anonymous`, and a policy that lets it access every dashboard and device.
    pub fn open_tenant() -> Tenant {
        let portal = Portal { active: true, anonymous: Some(AnonymousUser::new("anonymous")) };
        let policies: PolicySet = Document::parse(OPEN)
            .into_iter()
            .fold(PolicySet::default(), |policies, document| policies.with(&document));
        Tenant { portal, policies, ..Tenant::default() }
    }
}

impl People {
    fn account(&self, id: AccountId, attestor: &Attestor) -> Option<Account> {
        let addresses = self.accounts.get(&id)?;
        let vouch = |(address, at): (&EmailAddress, &Timestamp)| attestor.verified(address.clone(), *at);
        let verified: Vec<VerifiedEmail> = addresses.iter().map(vouch).collect();
        Some(Account { id, verified })
    }
}

impl Directory for MemoryDirectory {
    async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
        Ok(self.people().account(id, attestor))
    }

    async fn account_of(
        &self,
        address: &EmailAddress,
        attestor: &Attestor,
    ) -> Result<Option<Account>, BoxError> {
        let people = self.people();
        let found = people.accounts.iter().find(|(_, addresses)| addresses.contains_key(address));
        Ok(found.and_then(|(id, _)| people.account(*id, attestor)))
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, BoxError> {
        let mut people = self.people();
        if let Some(tenant) = people.tenants.get(&id) {
            return Ok(Some(Arc::clone(tenant)));
        }
        let open = people.open.get_or_insert_with(|| Arc::new(Self::open_tenant()));
        Ok(Some(Arc::clone(open)))
    }

    async fn principal(
        &self,
        tenant: TenantId,
        account: AccountId,
    ) -> Result<Option<Arc<Principal>>, BoxError> {
        Ok(self.people().principals.get(&(tenant, account)).cloned())
    }

    async fn dashboard(&self, dashboard: DashboardId) -> Result<Option<Arc<Resource>>, BoxError> {
        let known = self.people().dashboards.get(&dashboard).cloned();
        Ok(Some(known.unwrap_or_else(|| Arc::new(dashboard_of(dashboard)))))
    }

    async fn device(&self, dashboard: DashboardId, device: &str) -> Result<Option<Arc<Resource>>, BoxError> {
        Ok(self.people().devices.get(&dashboard).and_then(|devices| devices.get(device)).cloned())
    }

    async fn variables(&self, dashboard: DashboardId, device: &str) -> Result<Variables, BoxError> {
        let noted = self.people().variables.get(&(dashboard, device.to_owned())).cloned();
        Ok(noted.map_or(Variables::All, Variables::Only))
    }

    async fn devices(&self, dashboard: DashboardId) -> Result<Vec<Arc<Resource>>, BoxError> {
        Ok(self.people().devices.get(&dashboard).into_iter().flat_map(BTreeMap::values).cloned().collect())
    }

    async fn blueprint(&self, dashboard: DashboardId) -> Result<Option<Arc<Blueprint>>, BoxError> {
        Ok(self.people().blueprints.get(&dashboard).cloned())
    }

    async fn candidates(&self, page: &CandidatePage) -> Result<Vec<Arc<Resource>>, BoxError> {
        let people = self.people();
        let owned = people.owned.get(&(page.tenant, page.kind.word().to_owned()));
        let after = page.after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let from = owned.into_iter().flat_map(|owned| owned.range::<str, _>((after, Bound::Unbounded)));
        let found = from.map(|(_, found)| found).filter(|found| page.admits(found));
        Ok(found.take(page.limit).cloned().collect())
    }
}

/// A clock that stands where it is put, and randomness that repeats. **Not for production:** its tokens can be guessed.
#[derive(Debug)]
pub struct FixedEnv {
    state: Mutex<(Timestamp, u64)>,
    seed: u64,
}

impl FixedEnv {
    /// A clock that stands at `now`; the same seed draws the same bytes.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self { state: Mutex::new((now, 0)), seed }
    }

    /// Puts the clock to an instant, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
    }
}

impl Env for FixedEnv {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(32) {
            state.1 = state.1.wrapping_add(1);
            let seed = self.seed.to_be_bytes();
            let block = Sha256::new().chain_update(seed).chain_update(state.1.to_be_bytes()).finalize();
            chunk.iter_mut().zip(block).for_each(|(byte, random)| *byte = random);
        }
        Ok(())
    }
}
