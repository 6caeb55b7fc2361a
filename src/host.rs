//! What the host knows and lends: its accounts and tenants, the clock, and randomness.

use crate::{
    email::{Attestor, EmailAddress, VerifiedEmail},
    id::{AccountId, DashboardId, TenantId},
    policy::{Principal, Resource},
    store::BoxError,
    tenant::Tenant,
    time::Timestamp,
};
use rand::{TryRng as _, rngs::SysRng};
use std::{
    future::Future,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// An account as the host's directory describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The addresses that it has verified. One that was only typed in does not belong here.
    pub verified: Vec<VerifiedEmail>,
}

/// The host's accounts and tenants. Implement the methods with plain `async fn`.
///
/// An error means denial for whoever was asking, and reaches the caller with its source.
pub trait Directory: Send + Sync {
    /// The account with this id; `None` when there is none or it was deleted. `attestor` vouches for its addresses.
    fn account(
        &self,
        id: AccountId,
        attestor: &Attestor,
    ) -> impl Future<Output = Result<Option<Account>, BoxError>> + Send;

    /// The account that has verified this address; an address has at most one. `None` while nobody has.
    fn account_of(
        &self,
        address: &EmailAddress,
        attestor: &Attestor,
    ) -> impl Future<Output = Result<Option<Account>, BoxError>> + Send;

    /// The tenant's rules, portal and policies. `None` when there is none, which denies everything but what an owner
    /// does.
    fn tenant(&self, id: TenantId) -> impl Future<Output = Result<Option<Arc<Tenant>>, BoxError>> + Send;

    /// As whom the tenant's policies know an account; `None` if they do not, so that only shares count for it (D2).
    /// Asked only while the tenant has policies.
    fn principal(
        &self,
        tenant: TenantId,
        account: AccountId,
    ) -> impl Future<Output = Result<Option<Arc<Principal>>, BoxError>> + Send;

    /// A dashboard as policies know it, with its tags; `None` when there is none, which denies it to everybody but its
    /// owner wherever policies are asked.
    fn dashboard(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Option<Arc<Resource>>, BoxError>> + Send;

    /// A device as policies know it, with its tags, if the dashboard shows data of it: those are the devices that its
    /// grants and its link cover (D3).
    fn device(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> impl Future<Output = Result<Option<Arc<Resource>>, BoxError>> + Send;

    /// All devices that the dashboard shows data of, for what a public link needs (L8).
    fn devices(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Vec<Arc<Resource>>, BoxError>> + Send;
}

macro_rules! delegate {
    ($handle:ty) => {
        impl<D: Directory + ?Sized> Directory for $handle {
            async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
                D::account(self, id, attestor).await
            }

            async fn account_of(
                &self,
                address: &EmailAddress,
                attestor: &Attestor,
            ) -> Result<Option<Account>, BoxError> {
                D::account_of(self, address, attestor).await
            }

            async fn tenant(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, BoxError> {
                D::tenant(self, id).await
            }

            async fn principal(
                &self,
                tenant: TenantId,
                account: AccountId,
            ) -> Result<Option<Arc<Principal>>, BoxError> {
                D::principal(self, tenant, account).await
            }

            async fn dashboard(&self, dashboard: DashboardId) -> Result<Option<Arc<Resource>>, BoxError> {
                D::dashboard(self, dashboard).await
            }

            async fn device(
                &self,
                dashboard: DashboardId,
                device: &str,
            ) -> Result<Option<Arc<Resource>>, BoxError> {
                D::device(self, dashboard, device).await
            }

            async fn devices(&self, dashboard: DashboardId) -> Result<Vec<Arc<Resource>>, BoxError> {
                D::devices(self, dashboard).await
            }
        }
    };
}

// A service for one transaction borrows what the host keeps for all of them.
delegate!(&D);
delegate!(Arc<D>);

/// The clock and the randomness. Everything below the service gets both as arguments.
pub trait Env: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` from a generator that is fit for secrets.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError>;
}

impl<E: Env + ?Sized> Env for &E {
    fn now(&self) -> Timestamp {
        E::now(self)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        E::fill(self, bytes)
    }
}

impl<E: Env + ?Sized> Env for Arc<E> {
    fn now(&self) -> Timestamp {
        E::now(self)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        E::fill(self, bytes)
    }
}

/// The clock and the random generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEnv;

impl Env for SystemEnv {
    fn now(&self) -> Timestamp {
        let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp::from_micros(micros(since)),
            Err(before) => Timestamp::from_micros(micros(before.duration()).saturating_neg()),
        }
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        Ok(SysRng.try_fill_bytes(bytes)?)
    }
}
