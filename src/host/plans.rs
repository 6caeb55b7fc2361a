//! What tenants may have, as the host knows it.

use super::store::BoxError;
use crate::{
    meter::{Period, Plan},
    value::{TenantId, Timestamp},
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

/// The host's plans: what each tenant may have, and in which period. Implement it with a plain `async fn`.
///
/// ```
/// use dashshare::{BoxError, TenantId, Timestamp, metering::{Period, Plan, Plans}};
///
/// struct OneForAll;
///
/// impl Plans for OneForAll {
///     async fn plan(&self, _: TenantId, now: Timestamp) -> Result<Option<Plan>, BoxError> {
///         Ok(Some(Plan::of(Period::utc_month(now)).limited(100_000, 1)))
///     }
/// }
/// ```
///
/// Rules: [M8](crate::specification), [M12](crate::specification).
pub trait Plans: Send + Sync {
    /// The plan of a tenant for this instant: its period holds then. `None` when the tenant has none, and then no data of it
    /// leaves. A process asks again when the answer is older than [it allows](crate::Meter::with_staleness), and when the
    /// period is over.
    fn plan(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Plan>, BoxError>> + Send;
}

impl<P: Plans + ?Sized> Plans for &P {
    async fn plan(&self, tenant: TenantId, now: Timestamp) -> Result<Option<Plan>, BoxError> {
        (**self).plan(tenant, now).await
    }
}

impl<P: Plans + ?Sized> Plans for Arc<P> {
    async fn plan(&self, tenant: TenantId, now: Timestamp) -> Result<Option<Plan>, BoxError> {
        (**self).plan(tenant, now).await
    }
}

/// What a tenant's plan is at an instant.
type Rule = Arc<dyn Fn(Timestamp) -> Option<Plan> + Send + Sync>;

/// Plans in memory, for tests and hosts that keep no state. A tenant of which nothing was said has no limit, in calendar
/// months of UTC.
#[derive(Default)]
pub struct MemoryPlans {
    rules: Mutex<BTreeMap<TenantId, Rule>>,
}

impl std::fmt::Debug for MemoryPlans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryPlans").finish_non_exhaustive()
    }
}

impl MemoryPlans {
    /// Gives a tenant one plan, whatever the instant: in the months of another one its period does not hold.
    pub fn set(&self, tenant: TenantId, plan: Plan) {
        self.set_with(tenant, move |_| Some(plan.clone()));
    }

    /// Gives a tenant the plan that this answers for each instant.
    pub fn set_with(
        &self,
        tenant: TenantId,
        plan: impl Fn(Timestamp) -> Option<Plan> + Send + Sync + 'static,
    ) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant, Arc::new(plan));
    }
}

impl Plans for MemoryPlans {
    async fn plan(&self, tenant: TenantId, now: Timestamp) -> Result<Option<Plan>, BoxError> {
        let rule = self.rules.lock().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
        Ok(match rule {
            Some(rule) => rule(now),
            None => Some(Plan::of(Period::utc_month(now))),
        })
    }
}
