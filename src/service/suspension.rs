//! Suspending a dashboard, which only the host does.

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
};
use crate::{
    host::{Directory, Env, Store},
    sharing::suspension::SetSuspended,
    value::DashboardId,
};

/// # Suspending a dashboard
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Suspends a dashboard: until it is [resumed](Self::resume_dashboard), everybody is denied it, the owner too, and its
    /// link opens nothing. Nothing that was shared changes or ends by it.
    ///
    /// It is the host's alone, and the record names the host: offer it to nobody but those who run the service. Whoever
    /// has something to do with the dashboard is refused all commands and questions with
    /// [`Refusal::Suspended`](crate::Refusal::Suspended), and so is [the host](crate::trail::Actor::Host) where it acts in
    /// the owner's place; what only takes away still goes through, for everybody. The host can still transfer the
    /// dashboard, delete it, and ask. Whoever has nothing to do with it is told nothing else than before. Invitations to
    /// it wait: [`claim`](Self::claim) leaves them out, and is to be called again after it was resumed. Time goes on, so
    /// what ends meanwhile has ended.
    ///
    /// Repeating it changes nothing.
    ///
    /// Rules: [G25](crate::specification), [L9](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::UnknownDashboard`](crate::Refusal::UnknownDashboard) for what is no dashboard, an offer too.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let olga = AccountId::from(1u64);
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let link = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// sharing.suspend_dashboard(dashboard).await?;
    /// assert!(!sharing.visit(link.token.expose()).await?.is_allowed());
    /// let refused = sharing.resume_link(olga, dashboard).await.unwrap_err();
    /// assert_eq!(refused.refusal(), Some(&Refusal::Suspended));
    /// sharing.resume_dashboard(dashboard).await?;
    /// assert!(sharing.visit(link.token.expose()).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn suspend_dashboard(&self, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&SetSuspended { dashboard, suspended: true }).await
    }

    /// Resumes a dashboard that was [suspended](Self::suspend_dashboard): all that stands counts again. Repeating it
    /// changes nothing.
    ///
    /// Rules: [G25](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::UnknownDashboard`](crate::Refusal::UnknownDashboard) for what is no dashboard, an offer too.
    pub async fn resume_dashboard(&self, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&SetSuspended { dashboard, suspended: false }).await
    }
}
