//! Lists: who has access, what is shared with somebody, who would lose it, and what happened.

use super::{
    dashshare::Dashshare,
    decide::When,
    error::Error,
    load::{PAGE, place},
    page::{Page, Paged},
};
use crate::{
    decision::{AccessList, Impact, Losing, SharedDashboard, Viewer, lists},
    host::{Directory, Env, Freshness, Store},
    record::{Actor, AuditRecord, Grant, Head, Holder, Revision},
    sharing::{
        Ledger, More, Needs, Refusal, Word,
        access::{Access, Words},
        could_change,
        unseen::Unseen,
    },
    tenant::Tenant,
    value::{AccountId, DashboardId, GrantId, TenantId, Timestamp},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// # Lists and the audit trail
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Every live authority over a dashboard that the asker may see: all for the owner and for the host in its place, for
    /// a resharer what hangs on its own grants. Who asks [about the past](Self::as_of) is judged by the present.
    ///
    /// An address that was shared with is listed as an invitation that waits until it is claimed; one that an account had
    /// verified already, until an invitation would have lapsed or the account has made something of its grant, unless the
    /// tenant's rules tell or the host asks. So the list does not say whether the address has an account.
    ///
    /// It is one answer: a dashboard has no more live grants than its tenant's limit.
    ///
    /// Rules: [G16](crate::specification), [G23](crate::specification), [G25](crate::specification),
    /// [I1](crate::specification).
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
    pub async fn access_list(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<AccessList, Error> {
        self.access_list_when(by.into(), dashboard, When::NOW).await
    }

    pub(super) async fn access_list_when(
        &self,
        by: Actor,
        dashboard: DashboardId,
        when: When,
    ) -> Result<AccessList, Error> {
        let ledger = self.ledger_when(dashboard, &Needs::of(by), when).await?;
        let ledger = ledger.ok_or(Refusal::UnknownDashboard)?;
        // Only an instant that was asked for can be past: the clock has moved on since the dashboard was read.
        let now = self.now_on(&ledger.head);
        let present = when.at.filter(|at| *at < now).map(|_| ledger.at(now));
        if !present.as_ref().unwrap_or(&ledger).is_party(by) {
            return Err(Refusal::UnknownDashboard.into());
        }
        check_suspended(&ledger, by)?;
        let tenant = self.tenant(ledger.head.tenant).await?;
        let unseen = Unseen::by(by, &ledger, &tenant.rules, now);
        let list = lists::list(&ledger, present.as_ref(), &tenant.rules, &unseen, by);
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
    /// It is judged as decisions are: by every grant that is left, the tenant's switches and its policies. An invitation
    /// that the invitee may not be known to have accepted counts as one that waits (as in [`access_list`](Self::access_list)).
    ///
    /// Rules: [G15](crate::specification), [I1](crate::specification).
    pub async fn impact_of_revoking(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Impact, Error> {
        self.impact_when(by.into(), dashboard, grant, When::NOW).await
    }

    pub(super) async fn impact_when(
        &self,
        by: Actor,
        dashboard: DashboardId,
        grant: GrantId,
        when: When,
    ) -> Result<Impact, Error> {
        // Whoever is touched may hold another grant anywhere in the dashboard, so all of it is read.
        let ledger = self.ledger_when(dashboard, &Needs::of(by), when).await?;
        let ledger = ledger.filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownGrant)?;
        let live = ledger.live(grant).ok_or(Refusal::UnknownGrant)?;
        let is_grantee = by.account().is_some() && live.grant.grantee.account() == by.account();
        if !is_grantee && !ledger.is_owner(by) && !ledger.is_above(by, live.grant) {
            return Err(Refusal::NotYours.into());
        }
        check_suspended(&ledger, by)?;
        let tenant = self.tenant(ledger.head.tenant).await?;
        let unseen = &Unseen::by(by, &ledger, &tenant.rules, ledger.now);
        let access = Access { ledger: &ledger, rules: &tenant.rules, words: &Words::Silent, unseen };
        let touched = access.touched(|other: &Grant| other.path().any(|id| id == grant));
        let words = self.words(&tenant, &ledger.head, touched).await?;
        Ok(lists::impact(&Access { words: &words, ..access }, grant))
    }

    /// What the policies say of these accounts.
    pub(super) async fn words(
        &self,
        tenant: &Arc<Tenant>,
        head: &Head,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<Words, Error> {
        if !could_change(tenant, false) {
            return Ok(Words::Silent);
        }
        let mut words = BTreeMap::new();
        for account in accounts {
            let consulted = self.consult(Arc::clone(tenant), head, account).await?;
            words.insert(account, consulted.map_or(Word::Nothing, |consulted| consulted.word()));
        }
        Ok(Words::Of(words))
    }

    /// A page of the dashboards that others share with an account, by id. What a policy denies it is left out; what only
    /// a policy allows is not shared.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let dashboards = [7u64, 8, 9].map(DashboardId::from);
    /// # for dashboard in dashboards { sharing.register(dashboard, TenantId::from(1u64), olga).await?; }
    /// # for dashboard in dashboards { sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?; }
    /// let first = sharing.shared_with(ann, Page::first(2)).await?;
    /// let next = first.next.map(|place| Page::first(2).after(place));
    /// let rest = sharing.shared_with(ann, next.expect("there is more")).await?;
    /// assert_eq!((first.len(), rest.len(), rest.next), (2, 1, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn shared_with(&self, account: AccountId, page: Page) -> Result<Paged<SharedDashboard>, Error> {
        self.shared_with_when(account, page, None).await
    }

    pub(super) async fn shared_with_when(
        &self,
        account: AccountId,
        page: Page,
        at: Option<Timestamp>,
    ) -> Result<Paged<SharedDashboard>, Error> {
        let (now, limit, holder) = (self.now(), page.limit.max(1), Holder::from(account));
        let mut after = page.after.map(|dashboard| (dashboard, u64::MAX));
        let mut tenants: HashMap<TenantId, Arc<Tenant>> = HashMap::new();
        let mut shared: Vec<SharedDashboard> = Vec::new();
        let mut barred: Option<DashboardId> = None;
        loop {
            let rows = self.store.held(&holder, after, PAGE).await.map_err(Error::Store)?;
            for held in &rows {
                let head = &held.head;
                let tenant = match tenants.get(&head.tenant) {
                    Some(tenant) => Arc::clone(tenant),
                    None => {
                        let tenant = self.tenant(head.tenant).await?;
                        tenants.insert(head.tenant, Arc::clone(&tenant));
                        tenant
                    }
                };
                let t = at.unwrap_or_else(|| now.max(head.clock));
                let Some(found) = lists::worth(account, held, &tenant.rules, t) else { continue };
                // The policies are asked once for each dashboard, whose grants come one after the other.
                let is_known = shared.last().is_some_and(|last| last.dashboard == found.dashboard);
                if !is_known && barred != Some(found.dashboard) {
                    let bars = self.barred(&tenant, head, account).await?.is_some();
                    barred = bars.then_some(found.dashboard);
                }
                if barred != Some(found.dashboard) {
                    lists::note_shared(&mut shared, found);
                }
                // With the beginning of one more, the last one asked for is complete.
                if shared.len() > limit {
                    return Ok(Paged::of(shared, limit, |shared| shared.dashboard));
                }
            }
            after = rows.last().and_then(place);
            if rows.len() < PAGE || after.is_none() {
                return Ok(Paged::of(shared, limit, |shared| shared.dashboard));
            }
        }
    }

    /// Who may do what with a dashboard by what was shared, the owner left out, and until when; by account. Whom a policy
    /// denies it is left out. A question of the host's own: it is not checked who asks.
    ///
    /// It is one answer: a dashboard has no more live grants than its tenant's limit.
    ///
    /// Rules: [D7](crate::specification), [G23](crate::specification).
    pub async fn viewers(&self, dashboard: DashboardId) -> Result<Vec<Viewer>, Error> {
        self.viewers_when(dashboard, When::NOW).await
    }

    pub(super) async fn viewers_when(
        &self,
        dashboard: DashboardId,
        when: When,
    ) -> Result<Vec<Viewer>, Error> {
        let (ledger, tenant) = self.known(dashboard, when).await?;
        let access = Access::of_all(&ledger, &tenant.rules, &Words::Silent);
        let viewers = lists::viewers(&access);
        let asked = viewers.iter().map(|viewer| viewer.account);
        let words = self.words(&tenant, &ledger.head, asked).await?;
        let is_denied = |viewer: &Viewer| words.of(viewer.account) == Word::Denied;
        Ok(viewers.into_iter().filter(|viewer| !is_denied(viewer)).collect())
    }

    /// The whole of a dashboard for a question of the host's own, and its tenant.
    pub(super) async fn known(
        &self,
        dashboard: DashboardId,
        when: When,
    ) -> Result<(Ledger, Arc<Tenant>), Error> {
        let ledger = self.ledger_when(dashboard, &Needs::default(), when).await?;
        let ledger = ledger.filter(|ledger| ledger.head.is_dashboard()).ok_or(Refusal::UnknownDashboard)?;
        let tenant = self.tenant(ledger.head.tenant).await?;
        Ok((ledger, tenant))
    }

    /// Who may do something with a dashboard now and could not do it at `until`, if nothing is changed: who loses access,
    /// and who keeps a lesser right. Not whom a policy lets do it anyway, or denies it. [`remind`](Self::remind) tells the
    /// same people. A question of the host's own: it is not checked who asks.
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
        let words = self.words_of_losing(&ledger, &tenant, until).await?;
        Ok(lists::losing(&Access::of_all(&ledger, &tenant.rules, &words), until))
    }

    /// What the policies say of whom an end up to an instant could take something from.
    pub(super) async fn words_of_losing(
        &self,
        ledger: &Ledger,
        tenant: &Arc<Tenant>,
        until: Timestamp,
    ) -> Result<Words, Error> {
        let access = Access::of_all(ledger, &tenant.rules, &Words::Silent);
        let asked: Vec<AccountId> = access.losing(until).iter().map(|loss| loss.account).collect();
        self.words(tenant, &ledger.head, asked).await
    }

    /// What the policies say of whom a reminder would tell. Where they could change nothing, no grant is read for it.
    pub(super) async fn words_of_reminder(
        &self,
        dashboard: DashboardId,
        until: Timestamp,
    ) -> Result<Words, Error> {
        let found = self.store.read(dashboard, &[], Freshness::Latest).await.map_err(Error::Store)?;
        let Some(found) = found.filter(|found| found.head.is_dashboard()) else { return Ok(Words::Silent) };
        let tenant = self.tenant(found.head.tenant).await?;
        if !could_change(&tenant, false) {
            return Ok(Words::Silent);
        }
        let (ledger, tenant) = self.known(dashboard, When::NOW).await?;
        self.words_of_losing(&ledger, &tenant, until).await
    }

    /// A page of the dashboards that an account owns, by id.
    pub async fn owned(&self, account: AccountId, page: Page) -> Result<Paged<DashboardId>, Error> {
        let (mut after, limit) = (page.after, page.limit.max(1));
        let mut owned = Vec::new();
        loop {
            let heads = self.store.owned(account, after, PAGE).await.map_err(Error::Store)?;
            let dashboards = heads.iter().filter(|head| head.is_dashboard()).map(|head| head.dashboard);
            owned.extend(dashboards);
            after = heads.last().map(|head| head.dashboard);
            if heads.len() < PAGE || owned.len() > limit {
                return Ok(Paged::of(owned, limit, |dashboard| *dashboard));
            }
        }
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
            check_suspended(&ledger, account)?;
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

/// Refuses what a party asks while the host has suspended the dashboard; the host itself is answered (G25).
fn check_suspended(ledger: &Ledger, by: impl Into<Actor>) -> Result<(), Refusal> {
    match (ledger.head.suspended, by.into()) {
        (Some(_), Actor::Account(_)) => Err(Refusal::Suspended),
        _ => Ok(()),
    }
}
