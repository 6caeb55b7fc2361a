//! What the host knows: its accounts and tenants, and which devices a dashboard shows.

use super::store::BoxError;
use crate::{
    lock::Variables,
    policy::{Principal, Resource},
    tenant::Tenant,
    value::{Account, AccountId, Attestor, DashboardId, EmailAddress, TenantId},
};
use std::{future::Future, sync::Arc};

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

    /// As whom the tenant's policies know an account; `None` if they do not, so that only shares count for it. Asked
    /// only while the tenant has policies.
    ///
    /// Rules: [D2](crate::specification).
    fn principal(
        &self,
        tenant: TenantId,
        account: AccountId,
    ) -> impl Future<Output = Result<Option<Arc<Principal>>, BoxError>> + Send;

    /// A dashboard as policies know it, with its tags: a resource of the kind `dashboard`, whose id is spelt as the policies
    /// spell it. Another kind, or one without an id, is an error; another spelling is one that no policy names, so that no
    /// deny counts. `None` when there is none, which denies it to everybody but its owner wherever policies are asked.
    fn dashboard(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Option<Arc<Resource>>, BoxError>> + Send;

    /// A device as policies know it, with its tags, if the dashboard shows data of it: those are the devices that its grants
    /// and its link cover. It is a resource of the kind `device` with the very id that was asked for; anything else is an
    /// error.
    ///
    /// Rules: [D3](crate::specification).
    fn device(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> impl Future<Output = Result<Option<Arc<Resource>>, BoxError>> + Send;

    /// Which variables of a device the dashboard shows: only those can be seen by anybody, whatever was shared. For a device
    /// that it does not show the answer does not matter; it is asked for all the same.
    ///
    /// Rules: [K4](crate::specification).
    fn variables(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> impl Future<Output = Result<Variables, BoxError>> + Send;

    /// All devices that the dashboard shows data of, for what a public link needs.
    ///
    /// Rules: [L8](crate::specification).
    fn devices(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Vec<Arc<Resource>>, BoxError>> + Send;
}

// A service for one transaction borrows what the host keeps for all of them.
impl<D: Directory + ?Sized> Directory for &D {
    crate::delegate_directory!(**self => ALL);
}

impl<D: Directory + ?Sized> Directory for Arc<D> {
    crate::delegate_directory!(**self => ALL);
}

impl<D: Directory + ?Sized> Directory for Box<D> {
    crate::delegate_directory!(**self => ALL);
}
