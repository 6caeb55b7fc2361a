//! Lists: who has access, what is shared with somebody, who would lose it, and what happened.

use super::{dashshare::Dashshare, decide::When, error::Error};
use crate::{
    decision::{AccessList, Impact, Losing, SharedDashboard, Viewer, lists},
    host::{Directory, Env, Freshness, Store},
    record::{Actor, AuditRecord, Revision},
    sharing::{Ledger, More, Needs, Refusal},
    tenant::Tenant,
    value::{AccountId, DashboardId, GrantId, Rights, Timestamp},
};
use std::sync::Arc;

/// # Lists and the audit trail
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Every live authority over a dashboard that the asker may see: all for the owner, for a resharer what hangs on its
    /// own grants. Who asks [about the past](Self::as_of) is judged by the present.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never).and_reshare())).await?;
    /// sharing.share(ann, dashboard, NewShare::with(bob, Terms::view(Expiry::Never))).await?;
    /// let list = sharing.access_list(olga, dashboard).await?;
    /// let bobs = &list.grants[1];
    /// assert_eq!((bobs.grantor, bobs.depth()), (ann, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn access_list(&self, by: AccountId, dashboard: DashboardId) -> Result<AccessList, Error> {
        self.access_list_when(by, dashboard, When::NOW).await
    }

    pub(super) async fn access_list_when(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        when: When,
    ) -> Result<AccessList, Error> {
        let ledger = self.ledger_when(dashboard, &Needs::of(by), when).await?;
        let list = ledger.and_then(|ledger| {
            // Only an instant that was asked for can be past: the clock has moved on since the dashboard was read.
            let now = self.env.now().max(ledger.head.clock);
            let present = when.at.filter(|at| *at < now).map(|_| ledger.at(now));
            lists::list(&ledger, present.as_ref(), by)
        });
        list.ok_or(Refusal::UnknownDashboard.into())
    }

    /// The whole of a dashboard.
    async fn ledger_when(
        &self,
        dashboard: DashboardId,
        needs: &Needs,
        when: When,
    ) -> Result<Option<Ledger>, Error> {
        let ledger = self.ledger(dashboard, needs, More::everything, when.at).await?;
        // What the host asks for itself has no asker that must not know.
        let is_party =
            || needs.asker.is_none_or(|asker| ledger.as_ref().is_some_and(|it| it.is_party(asker)));
        when.check(ledger.as_ref().map(|ledger| ledger.head.revision), is_party)?;
        Ok(ledger)
    }

    /// What revoking a grant would do, for those who may revoke or renounce it.
    ///
    /// Rules: [G15](crate::specification).
    pub async fn impact_of_revoking(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Impact, Error> {
        self.impact_when(by, dashboard, grant, When::NOW).await
    }

    pub(super) async fn impact_when(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
        when: When,
    ) -> Result<Impact, Error> {
        // Whoever is touched may hold another grant anywhere in the dashboard, so all of it is read.
        let ledger = self.ledger_when(dashboard, &Needs::of(by), when).await?;
        let ledger = ledger.filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownGrant)?;
        let live = ledger.live(grant).ok_or(Refusal::UnknownGrant)?;
        let is_grantee = live.grant.grantee.account() == Some(by);
        if !is_grantee && !ledger.is_owner(by) && !ledger.is_above(by, live.grant) {
            return Err(Refusal::NotYours.into());
        }
        let tenant = self.tenant(ledger.head.tenant).await?;
        let mut impact = lists::impact(&ledger, &tenant.rules, live.grant);
        for account in std::mem::take(&mut impact.lose) {
            let consulted = self.consult(Arc::clone(&tenant), &ledger.head, account).await?;
            match consulted {
                Some(consulted) if consulted.barred().is_some() => {}
                Some(consulted) if consulted.lets_view() => impact.keep.push((account, Rights::VIEW)),
                _ => impact.lose.push(account),
            }
        }
        impact.keep.sort_unstable_by_key(|(account, _)| *account);
        Ok(impact)
    }

    /// The dashboards that others share with an account, by id. What a policy denies it is
    /// left out; what only a policy allows is not shared.
    pub async fn shared_with(&self, account: AccountId) -> Result<Vec<SharedDashboard>, Error> {
        self.shared_with_when(account, None).await
    }

    pub(super) async fn shared_with_when(
        &self,
        account: AccountId,
        at: Option<Timestamp>,
    ) -> Result<Vec<SharedDashboard>, Error> {
        let now = self.env.now();
        let mut all_held = Vec::new();
        self.each_held(&account.into(), |held| all_held.push(held.clone())).await?;
        let mut shared = Vec::new();
        for held in all_held {
            let t = at.unwrap_or_else(|| now.max(held.head.clock));
            let tenant = self.tenant(held.head.tenant).await?;
            if self.barred(&tenant, &held.head, account).await?.is_none() {
                lists::note_shared(&mut shared, account, &held, &tenant.rules, t);
            }
        }
        Ok(shared)
    }

    /// Who may do what with a dashboard by what was shared, the owner left out, and until when; by account. Whom a policy
    /// denies it is left out. A question of the host's own: it is not checked who asks.
    ///
    /// Rules: [D7](crate::specification).
    pub async fn viewers(&self, dashboard: DashboardId) -> Result<Vec<Viewer>, Error> {
        self.viewers_when(dashboard, When::NOW).await
    }

    pub(super) async fn viewers_when(
        &self,
        dashboard: DashboardId,
        when: When,
    ) -> Result<Vec<Viewer>, Error> {
        let (ledger, tenant) = self.known(dashboard, when).await?;
        let mut viewers = Vec::new();
        for viewer in lists::viewers(&ledger, &tenant.rules) {
            let barred = self.barred(&tenant, &ledger.head, viewer.account).await?;
            viewers.extend(barred.is_none().then_some(viewer));
        }
        Ok(viewers)
    }

    /// The whole of a dashboard for a question of the host's own, and its tenant.
    async fn known(&self, dashboard: DashboardId, when: When) -> Result<(Ledger, Arc<Tenant>), Error> {
        let ledger = self.ledger_when(dashboard, &Needs::default(), when).await?;
        let ledger = ledger.filter(|ledger| ledger.head.is_dashboard()).ok_or(Refusal::UnknownDashboard)?;
        let tenant = self.tenant(ledger.head.tenant).await?;
        Ok((ledger, tenant))
    }

    /// Who has access to a dashboard now and would lose it by `until`, if nothing is changed: not whom a policy lets see
    /// it anyway, or denies it. A question of the host's own: it is not checked who asks.
    ///
    /// Rules: [D7](crate::specification).
    pub async fn losing_access(
        &self,
        dashboard: DashboardId,
        until: Timestamp,
    ) -> Result<Vec<Losing>, Error> {
        self.losing_when(dashboard, until, When::NOW).await
    }

    pub(super) async fn losing_when(
        &self,
        dashboard: DashboardId,
        until: Timestamp,
        when: When,
    ) -> Result<Vec<Losing>, Error> {
        let (ledger, tenant) = self.known(dashboard, when).await?;
        let mut losing = Vec::new();
        for loser in lists::losing(&ledger, &tenant.rules, until) {
            let consulted = self.consult(Arc::clone(&tenant), &ledger.head, loser.account).await?;
            let is_out = consulted.is_some_and(|it| it.barred().is_some() || it.lets_view());
            losing.extend((!is_out).then_some(loser));
        }
        Ok(losing)
    }

    /// The dashboards that an account owns, by id.
    pub async fn owned(&self, account: AccountId) -> Result<Vec<DashboardId>, Error> {
        let heads = self.owned_heads(account).await?;
        Ok(heads.iter().filter(|head| head.is_dashboard()).map(|head| head.dashboard).collect())
    }

    /// Whose a dashboard is; `None` when there is none. A question of the host's own: it is not checked who asks.
    pub async fn owner_of(&self, dashboard: DashboardId) -> Result<Option<AccountId>, Error> {
        let found = self.store.read(dashboard, &[], Freshness::Latest).await.map_err(Error::Store)?;
        Ok(found.filter(|found| found.head.is_dashboard()).map(|found| found.head.owner))
    }

    /// Up to `limit` audit records of a dashboard after a revision, oldest first: for its owner, or the host.
    ///
    /// Rules: [G21](crate::specification).
    pub async fn audit(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        mut after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Error> {
        if let Actor::Account(account) = by.into() {
            let ledger = self.ledger(dashboard, &Needs::of(account), |_| More::default(), None).await?;
            let ledger = ledger.filter(|ledger| ledger.is_party(account)).ok_or(Refusal::UnknownDashboard)?;
            if !ledger.is_owner(account) {
                return Err(Refusal::NotOwner.into());
            }
            // What an earlier dashboard of the same id went through is the host's to know (G19).
            after = after.max(Revision::new(ledger.head.registered.number().saturating_sub(1)));
        }
        self.store.audit(dashboard, after, limit).await.map_err(Error::Store)
    }

    /// Up to `limit` audit records of what an account, or the host itself, did on any dashboard, after the given place,
    /// by dashboard and revision. A question of the host's own: it is not checked who asks.
    ///
    /// Rules: [G21](crate::specification).
    pub async fn audit_of(
        &self,
        actor: impl Into<Actor>,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Error> {
        self.store.audit_of(actor.into(), after, limit).await.map_err(Error::Store)
    }
}
