//! Fixed twins of the host's traits, for tests and examples: a directory in memory, a clock that stands still.

use crate::{
    email::{Attestor, EmailAddress, VerifiedEmail},
    host::{Account, Directory, Env},
    id::{AccountId, DashboardId, TenantId},
    store::BoxError,
    tenant::{AnonymousAccess, AnonymousUser, Portal, Tenant},
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Accounts and tenants in memory.
///
/// A tenant that was never set is open: sharing of every kind on, portal and anonymous user active, every dashboard
/// and device allowed to visitors.
#[derive(Default, Debug)]
pub struct MemoryDirectory {
    state: Mutex<People>,
}

#[derive(Default, Debug)]
struct People {
    accounts: BTreeMap<AccountId, BTreeMap<EmailAddress, Timestamp>>,
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
    /// What visitors may not see.
    hidden: BTreeSet<DashboardId>,
    /// The devices of a dashboard, and whether visitors may see them.
    devices: BTreeMap<DashboardId, BTreeMap<String, bool>>,
    open: Option<Arc<Tenant>>,
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

    /// Sets whether visitors may see a dashboard.
    pub fn set_public(&self, dashboard: DashboardId, allowed: bool) {
        let hidden = &mut self.people().hidden;
        if allowed {
            hidden.remove(&dashboard)
        } else {
            hidden.insert(dashboard)
        };
    }

    /// Notes a device that a dashboard shows, and whether visitors may see its data.
    pub fn add_device(&self, dashboard: DashboardId, device: &str, allowed: bool) {
        self.people().devices.entry(dashboard).or_default().insert(device.to_owned(), allowed);
    }

    /// A tenant for which everything is on and set up.
    pub fn open_tenant() -> Tenant {
        let portal = Portal { active: true, anonymous: AnonymousUser::Active };
        Tenant { portal, ..Tenant::default() }
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

    async fn anonymous_access(
        &self,
        _: TenantId,
        dashboard: DashboardId,
    ) -> Result<AnonymousAccess, BoxError> {
        let people = self.people();
        let devices = people.devices.get(&dashboard).into_iter().flatten();
        Ok(AnonymousAccess {
            dashboard: !people.hidden.contains(&dashboard),
            blocked_devices: devices.filter(|(_, allowed)| !**allowed).map(|(id, _)| id.clone()).collect(),
        })
    }

    async fn shows(&self, dashboard: DashboardId, device: &str) -> Result<bool, BoxError> {
        Ok(self.people().devices.get(&dashboard).is_some_and(|devices| devices.contains_key(device)))
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
