//! What the host knows: its accounts and tenants, and which devices a dashboard shows.

use super::store::BoxError;
use crate::{
    blueprint::{Blueprint, SlotKind, Want, id_of, is_next},
    lock::Variables,
    policy::{Principal, Resource},
    tenant::Tenant,
    value::{Account, AccountId, Attestor, DashboardId, EmailAddress, Tag, TenantId},
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

    /// The slots of a dashboard whose widgets are bound to slots; `None` for any other one. Compiled once and kept, since
    /// it is asked for with every page.
    ///
    /// Rules: [B1](crate::specification).
    fn blueprint(
        &self,
        dashboard: DashboardId,
    ) -> impl Future<Output = Result<Option<Arc<Blueprint>>, BoxError>> + Send;

    /// A page of the tenant's devices or entities that have some tags: what may fill a slot, before anybody's leave is
    /// asked. Something else among them, or another order, is an error.
    ///
    /// Rules: [B2](crate::specification), [B8](crate::specification).
    fn candidates(
        &self,
        page: &CandidatePage,
    ) -> impl Future<Output = Result<Vec<Arc<Resource>>, BoxError>> + Send;
}

/// Which page of a tenant's devices or entities is asked for.
///
/// Rules: [B2](crate::specification), [S3](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CandidatePage {
    /// The tenant.
    pub tenant: TenantId,
    /// The kind of resource.
    pub kind: SlotKind,
    /// The tags that each must have, key and value byte for byte; all of them, and none if the list is empty.
    pub tags: Vec<Tag>,
    /// The id after which the page begins, by the bytes of ids; `None` for the first page.
    pub after: Option<String>,
    /// How many at the most. A page that has fewer is the last.
    pub limit: usize,
}

impl CandidatePage {
    /// The first page of what fills a slot.
    pub(crate) fn first(tenant: TenantId, want: &Want, limit: usize) -> Self {
        Self { tenant, kind: want.kind, tags: want.conditions.clone(), after: None, limit }
    }

    /// Whether something is of the kind that is asked for, and has every tag.
    pub fn admits(&self, found: &Resource) -> bool {
        found.kind == self.kind.word() && self.tags.iter().all(|tag| found.tags.contains(tag))
    }

    /// Whether this is a page as it was asked for: the kind, the tags, the order of ids, and no more than the limit.
    pub(crate) fn is_answered_by(&self, found: &[Arc<Resource>]) -> bool {
        let mut before = self.after.as_deref();
        found.len() <= self.limit
            && found.iter().all(|found| {
                let id = id_of(found);
                let fits = found.id.is_some() && self.admits(found) && is_next(before, id);
                before = Some(id);
                fits
            })
    }
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
