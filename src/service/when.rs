//! Questions about another instant, and of a store that has seen a revision: one spelling for all of them.

use super::{
    dashshare::Dashshare,
    decide::When,
    error::Error,
    page::{Page, Paged},
};
use crate::{
    decision::{
        AccessList, DataDenied, Decision, DecisionAsOf, DeviceViewers, Impact, Losing, Piece,
        SharedDashboard, Viewer,
    },
    host::{Directory, Env, Store},
    lock::Query,
    record::{Actor, Revision},
    value::{AccountId, Action, DashboardId, GrantId, Timestamp},
};

/// Asks as of an instant, past or future: see [`Dashshare::as_of`].
#[derive(Debug)]
pub struct AsOf<'s, S, D, E> {
    sharing: &'s Dashshare<S, D, E>,
    when: When,
}

impl<S, D, E> Clone for AsOf<'_, S, D, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, D, E> Copy for AsOf<'_, S, D, E> {}

/// Asks of a store that has seen at least a revision: see [`Dashshare::at_least`].
#[derive(Debug)]
pub struct AtLeast<'s, S, D, E> {
    sharing: &'s Dashshare<S, D, E>,
    when: When,
}

impl<S, D, E> Clone for AtLeast<'_, S, D, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, D, E> Copy for AtLeast<'_, S, D, E> {}

/// # Another instant, and a revision that must be seen
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Asks as of any instant, past or future, if nothing is changed meanwhile: who may do what, and what somebody may see. Tenants, their switches and
    /// policies count as they are now, and who asks is judged by the present. A decision so made permits nothing.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let week = Terms::view(Expiry::At(start.plus_days(7)));
    /// sharing.share(olga, dashboard, NewShare::with(ann, week)).await?;
    /// let next_month = sharing.as_of(start.plus_days(30));
    /// assert!(!next_month.authorize(ann, dashboard, Action::View).await?.was_allowed());
    /// assert!(next_month.viewers(dashboard).await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [D5](crate::specification), [D7](crate::specification).
    pub fn as_of(&self, at: Timestamp) -> AsOf<'_, S, D, E> {
        AsOf { sharing: self, when: When { at: Some(at), ..When::NOW } }
    }

    /// Asks about one dashboard, of a store that has seen at least this revision of it, which is what a command
    /// [answered with](crate::Done::revision): so that a replica or a cache that lags behind is not believed.
    ///
    /// # Errors
    /// [`Error::Stale`] when the store's answer is older.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let shared = sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    /// let decision = sharing.at_least(shared.revision).authorize(ann, dashboard, Action::View).await?;
    /// assert!(decision.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [D6](crate::specification).
    pub fn at_least(&self, revision: Revision) -> AtLeast<'_, S, D, E> {
        AtLeast { sharing: self, when: When { at_least: revision, ..When::NOW } }
    }
}

impl<S: Store, D: Directory, E: Env> AsOf<'_, S, D, E> {
    /// As [`Dashshare::authorize`]; what it answers permits nothing.
    pub async fn authorize(
        self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
    ) -> Result<DecisionAsOf, Error> {
        self.sharing.decide(account, dashboard, action, self.when).await.map(DecisionAsOf::new)
    }

    /// As [`Dashshare::authorize_device`]: about one device behind a dashboard. Which devices it shows, and what policies
    /// say of them, counts as it is now.
    pub async fn authorize_device(
        self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
        device: &str,
    ) -> Result<DecisionAsOf, Error> {
        let decision = self.sharing.decide(account, dashboard, action, self.when).await?;
        let narrowed = self.sharing.authorize_device(&decision, device).await?;
        Ok(DecisionAsOf::new(narrowed.into_decision()))
    }

    /// As [`Dashshare::admit`]: what of a question would have been admitted at this instant, by the locks as they were; what
    /// it answers permits nothing.
    ///
    /// # Errors
    ///
    /// As of [`Dashshare::admit`].
    pub async fn admit(
        self,
        account: AccountId,
        dashboard: DashboardId,
        query: &Query,
    ) -> Result<Result<Vec<Piece>, Box<DataDenied>>, Error> {
        let decision = self.sharing.decide(account, dashboard, query.kind.action(), self.when).await?;
        let device = self.sharing.authorize_device(&decision, &query.device).await?;
        Ok(device.admit(query, decision.at()).map(|admitted| admitted.pieces().to_vec()))
    }

    /// As [`Dashshare::access_list`]. Nobody sees more of the past than of today; of the link nothing is kept but what
    /// it is now, so the past has none.
    pub async fn access_list(
        self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<AccessList, Error> {
        self.sharing.access_list_when(by.into(), dashboard, self.when).await
    }

    /// As [`Dashshare::viewers`].
    pub async fn viewers(self, dashboard: DashboardId) -> Result<Vec<Viewer>, Error> {
        self.sharing.viewers_when(dashboard, self.when).await
    }

    /// As [`Dashshare::viewers_of_device`]: who could see data of the device at this instant, by the locks as they were. What
    /// the device's tags are, and what policies say of it, counts as it is now; of the link nothing is known.
    pub async fn viewers_of_device(
        self,
        dashboard: DashboardId,
        device: &str,
    ) -> Result<DeviceViewers, Error> {
        self.sharing.viewers_of_device_when(dashboard, device, self.when).await
    }

    /// As [`Dashshare::losing_access`]: who may do something at this instant and could not do it at `until`.
    pub async fn losing_access(self, dashboard: DashboardId, until: Timestamp) -> Result<Vec<Losing>, Error> {
        self.sharing.losing_when(dashboard, until, self.when).await
    }

    /// As [`Dashshare::shared_with`]. A question of the host's own: the past of somebody whose access has ended shows who
    /// owned what.
    pub async fn shared_with(self, account: AccountId, page: Page) -> Result<Paged<SharedDashboard>, Error> {
        self.sharing.shared_with_when(account, page, self.when.at).await
    }
}

impl<S: Store, D: Directory, E: Env> AtLeast<'_, S, D, E> {
    /// As [`Dashshare::authorize`].
    pub async fn authorize(
        self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
    ) -> Result<Decision, Error> {
        self.sharing.decide(account, dashboard, action, self.when).await
    }

    /// As [`Dashshare::access_list`].
    pub async fn access_list(
        self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<AccessList, Error> {
        self.sharing.access_list_when(by.into(), dashboard, self.when).await
    }

    /// As [`Dashshare::viewers`].
    pub async fn viewers(self, dashboard: DashboardId) -> Result<Vec<Viewer>, Error> {
        self.sharing.viewers_when(dashboard, self.when).await
    }

    /// As [`Dashshare::impact_of_revoking`].
    pub async fn impact_of_revoking(
        self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Impact, Error> {
        self.sharing.impact_when(by.into(), dashboard, grant, self.when).await
    }

    /// As [`Dashshare::losing_access`].
    pub async fn losing_access(self, dashboard: DashboardId, until: Timestamp) -> Result<Vec<Losing>, Error> {
        self.sharing.losing_when(dashboard, until, self.when).await
    }
}
