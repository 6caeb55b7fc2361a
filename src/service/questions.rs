//! The questions: decisions, visits, lists. None of them changes anything.

use super::{Dashshare, PAGE, error::Error};
use crate::{
    decision::{
        AccessList, Basis, Decision, Impact, LinkDiagnosis, Losing, Principal, SharedDashboard, VisitFacts,
        decide, decide_visit,
        diagnosis::{self, Presented},
        lists,
    },
    host::{Directory, Env, Freshness, Store},
    record::{Actor, AuditRecord, Holder, MessageId, OutboxMessage, Revision, Seed, Snapshot, leaf},
    sharing::{Consulted, Ledger, Missing, More, Refusal, link::RotateLink},
    value::{AccountId, Action, DashboardId, Expiry, GrantId, LinkDigest, LinkToken, Rights, Timestamp},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// The cursor that a held grant stands at.
pub(super) fn place(held: &Snapshot) -> Option<(DashboardId, u64)> {
    held.chains.first().and_then(leaf).map(|grant| (grant.dashboard, grant.ordinal))
}

fn everything(_: &Ledger) -> More {
    More { everything: true, ..More::default() }
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Decides whether an account may do something with a dashboard now, and says why (D1, D2, D4).
    ///
    /// An error means denial (D6). A store with a cache may answer from it;
    /// [`authorize_at_least`](Self::authorize_at_least) says from which revision on.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// sharing.share(olga, dashboard, ann, Terms::view(Expiry::At(start.plus_days(7)))).await?;
    /// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
    /// assert_eq!(decision.permitted(Action::View), Some(dashboard));
    /// assert_eq!(decision.valid_until(), Some(start.plus_days(7)));
    /// assert!(decision.explain().contains("until 2026-01-08T00:00:00Z"));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn authorize(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
    ) -> Result<Decision, Error> {
        self.decide(account, dashboard, action, None, Revision::ZERO).await
    }

    /// The same question as of any instant, past or future, if nothing is changed meanwhile (D7). The tenant's switches
    /// count as they are now.
    pub async fn authorize_as_of(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
        at: Timestamp,
    ) -> Result<Decision, Error> {
        self.decide(account, dashboard, action, Some(at), Revision::ZERO).await
    }

    /// The same question, of a store that has seen at least this revision (D6): what a command answered with, so that a
    /// replica or a cache that lags behind is not believed.
    ///
    /// # Errors
    /// [`Error::Stale`] when the store's answer is older.
    pub async fn authorize_at_least(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
        at_least: Revision,
    ) -> Result<Decision, Error> {
        self.decide(account, dashboard, action, None, at_least).await
    }

    async fn decide(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
        at: Option<Timestamp>,
        at_least: Revision,
    ) -> Result<Decision, Error> {
        let freshness = Freshness::AtLeast(at_least);
        let snapshot =
            self.store.read(dashboard, &[account.into()], freshness).await.map_err(Error::Store)?;
        // An offer is not told from what is not known (T9).
        let snapshot = snapshot.filter(|snapshot| snapshot.head.offer().is_none());
        let found = snapshot.as_ref().map_or(Revision::ZERO, |snapshot| snapshot.head.revision);
        if found < at_least {
            return Err(Error::Stale { found, wanted: at_least });
        }
        let clock = snapshot.as_ref().map_or(Timestamp::MIN, |snapshot| snapshot.head.clock);
        let at = at.unwrap_or_else(|| self.env.now().max(clock));
        let tenant = match &snapshot {
            Some(snapshot) => self.directory.tenant(snapshot.head.tenant).await.map_err(Error::Directory)?,
            None => None,
        };
        let rules = tenant.as_deref().map(|tenant| &tenant.rules);
        let decision = decide(account, action, snapshot, rules, at);
        let asked = match (tenant, decision.head()) {
            (Some(tenant), Some(head)) if decision.heeds(&tenant.policies) => {
                self.consult(tenant, head, account).await?
            }
            _ => None,
        };
        Ok(match asked {
            Some(consulted) => decision.under(consulted),
            None => decision,
        })
    }

    /// Decides whether a visitor who presents this text as a link's token may see the dashboard that it leads to (L7,
    /// L9). Whatever the cause of a denial, the answer and the store calls are the same.
    pub async fn visit(&self, token: &str) -> Result<Decision, Error> {
        let digest = LinkDigest::of_text(token).unwrap_or_else(|_| LinkDigest::of_malformed(token));
        let snapshot = self.store.read_link(&digest).await.map_err(Error::Store)?;
        let consulted = match &snapshot {
            Some(Snapshot { head, .. }) => {
                let tenant = self.directory.tenant(head.tenant).await.map_err(Error::Directory)?;
                let dashboard = self.directory.dashboard(head.dashboard).await.map_err(Error::Directory)?;
                tenant.map(|tenant| Consulted { tenant, account: None, dashboard })
            }
            None => None,
        };
        let facts = VisitFacts { snapshot, consulted };
        Ok(decide_visit(&digest, Action::View, facts, self.env.now()))
    }

    /// Narrows a decision to one device behind the dashboard (D3): what the dashboard shows is covered by owning it and
    /// by a grant, unless a policy denies the device to the grantee; a visitor, and whoever a policy let in, needs the
    /// tenant's policies to allow the device too.
    pub async fn authorize_device(&self, decision: &Decision, device: &str) -> Result<Decision, Error> {
        let Some(head) = decision.head().filter(|_| decision.is_allowed()) else {
            return Ok(decision.clone());
        };
        let shown = self.directory.device(head.dashboard, device).await.map_err(Error::Directory)?;
        let consulted = match decision.principal() {
            _ if matches!(decision.basis(), Basis::Owner) => None,
            Principal::Account(account) => {
                let tenant = self.tenant(head.tenant).await?;
                self.consult(tenant, head, account).await?
            }
            Principal::Visitor => {
                let tenant = self.tenant(head.tenant).await?;
                Some(Consulted { tenant, account: None, dashboard: None })
            }
        };
        Ok(decision.for_device(device, shown, consulted))
    }

    /// What is missing before a dashboard can be public, without publishing it: for a settings page (L8). Empty when
    /// nothing is.
    ///
    /// # Errors
    /// Refused to whoever could not make a link.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, tenant) = (AccountId::from(1u64), TenantId::from(1u64));
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, tenant, olga).await?;
    /// let portal = Portal { active: false, anonymous: Some(AnonymousUser::new("visitor")) };
    /// sharing.directory().set_tenant(tenant, Tenant { portal, ..Tenant::default() });
    /// let missing = sharing.setup(olga, dashboard).await?;
    /// assert_eq!(missing, [Missing::Portal, Missing::DashboardPolicy]);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn setup(&self, by: AccountId, dashboard: DashboardId) -> Result<Vec<Missing>, Error> {
        // As if a link was made now, and nothing written.
        let digest = LinkToken::from_random([0; 32]).digest();
        let command = RotateLink { dashboard, by, expiry: Expiry::Never, digest };
        match self.judge(&command).await {
            // How long a link may last is for whoever makes it to choose.
            Ok(_) | Err(Error::Refused(Refusal::OverMaximum { .. })) => Ok(Vec::new()),
            Err(Error::Refused(Refusal::SetupIncomplete { missing })) => Ok(missing),
            Err(Error::Refused(Refusal::PublicSharingOff)) => Ok(vec![Missing::PublicSharing]),
            Err(error) => Err(error),
        }
    }

    /// Every live authority over a dashboard that the asker may see, now or as of an instant: all for the owner, for a
    /// resharer what hangs on its own grants (G16). Who asks about the past is judged by the present.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// sharing.share(olga, dashboard, ann, Terms::view(Expiry::Never).and_reshare()).await?;
    /// sharing.share(ann, dashboard, bob, Terms::view(Expiry::Never)).await?;
    /// let list = sharing.list(olga, dashboard, None).await?;
    /// let bobs = &list.grants[1];
    /// assert_eq!((bobs.grantor, bobs.depth()), (ann, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn list(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        as_of: Option<Timestamp>,
    ) -> Result<AccessList, Error> {
        let ledger = self.ledger(dashboard, &[by.into()], everything, as_of).await?;
        let list = ledger.and_then(|ledger| {
            // Only an instant that was asked for can be past: the clock has moved on since the dashboard was read.
            let now = self.env.now().max(ledger.head.clock);
            let present = as_of.filter(|at| *at < now).map(|_| ledger.at(now));
            lists::list(&ledger, present.as_ref(), by)
        });
        list.ok_or(Refusal::UnknownDashboard.into())
    }

    /// What revoking a grant would do, for those who may revoke or renounce it (G15).
    pub async fn impact(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Impact, Error> {
        // Whoever is touched may hold another grant anywhere in the dashboard, so all of it is read.
        let ledger = self.ledger(dashboard, &[by.into()], everything, None).await?;
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

    /// The dashboards that others share with an account, now or as of an instant, by id (D7). What a policy denies it is
    /// left out; what only a policy allows is not shared.
    pub async fn shared_with(
        &self,
        account: AccountId,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<SharedDashboard>, Error> {
        let holder = Holder::Account(account);
        let now = self.env.now();
        let mut shared = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.held(&holder, after, PAGE).await.map_err(Error::Store)?;
            for held in &page {
                let t = as_of.unwrap_or_else(|| now.max(held.head.clock));
                let tenant = self.tenant(held.head.tenant).await?;
                if self.barred(&tenant, &held.head, account).await?.is_some() {
                    continue;
                }
                lists::note_shared(&mut shared, account, held, &tenant.rules, t);
            }
            after = page.last().and_then(place);
            if page.len() < PAGE || after.is_none() {
                return Ok(shared);
            }
        }
    }

    /// Who may do what with a dashboard by what was shared, at an instant, the owner left out, and until when (D7). Whom
    /// a policy denies it is left out. A question of the host's own: it is not checked who asks.
    pub async fn viewers(
        &self,
        dashboard: DashboardId,
        as_of: Option<Timestamp>,
    ) -> Result<BTreeMap<AccountId, (Rights, Expiry)>, Error> {
        let ledger = self.ledger(dashboard, &[], everything, as_of).await?;
        let ledger = ledger.filter(|ledger| ledger.head.is_dashboard()).ok_or(Refusal::UnknownDashboard)?;
        let tenant = self.tenant(ledger.head.tenant).await?;
        let mut viewers = lists::viewers(&ledger, &tenant.rules);
        for account in viewers.keys().copied().collect::<Vec<_>>() {
            if self.barred(&tenant, &ledger.head, account).await?.is_some() {
                viewers.remove(&account);
            }
        }
        Ok(viewers)
    }

    /// Who has access to a dashboard now and would lose it by `until`, if nothing is changed (D7): not whom a policy lets
    /// see it anyway, or denies it. A question of the
    /// host's own: it is not checked who asks.
    pub async fn losing(&self, dashboard: DashboardId, until: Timestamp) -> Result<Vec<Losing>, Error> {
        let ledger = self.ledger(dashboard, &[], everything, None).await?;
        let ledger = ledger.filter(|ledger| ledger.head.is_dashboard()).ok_or(Refusal::UnknownDashboard)?;
        let tenant = self.tenant(ledger.head.tenant).await?;
        let mut losing = Vec::new();
        for loser in lists::losing(&ledger, &tenant.rules, until) {
            let consulted = self.consult(Arc::clone(&tenant), &ledger.head, loser.who).await?;
            let is_out = consulted.is_some_and(|it| it.barred().is_some() || it.lets_view());
            losing.extend((!is_out).then_some(loser));
        }
        Ok(losing)
    }

    /// Why the public link opens or does not, for the owner or the link's maker (L9). With the text that a visitor
    /// tried, it also tells whether that is this link's token.
    pub async fn diagnose_link(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        token: Option<&str>,
    ) -> Result<LinkDiagnosis, Error> {
        let makers = |ledger: &Ledger| {
            let grant = ledger.head.link.as_ref().and_then(|link| link.grant);
            More { seeds: grant.map(Seed::Grant).into_iter().collect(), ..More::default() }
        };
        let ledger = self.ledger(dashboard, &[by.into()], makers, None).await?;
        let ledger = ledger.filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownDashboard)?;
        let is_maker = ledger.head.link.as_ref().is_some_and(|link| link.maker == by);
        if !ledger.is_owner(by) && !is_maker {
            return Err(Refusal::NotOwner.into());
        }
        let presented = match token.map(LinkToken::parse) {
            None => Presented::Nothing,
            Some(Err(_)) => Presented::Malformed,
            Some(Ok(token)) => Presented::Token(token.digest()),
        };
        let tenant = self.tenant(ledger.head.tenant).await?;
        let access = self.access(&tenant, dashboard).await?;
        Ok(diagnosis::diagnose(&ledger, &presented, &tenant, &access))
    }

    /// Up to `limit` audit records of a dashboard after a revision, oldest first (G21): for its owner, or the host.
    pub async fn audit(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        mut after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Error> {
        if let Actor::Account(account) = by.into() {
            let ledger = self.ledger(dashboard, &[account.into()], |_| More::default(), None).await?;
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
    /// by dashboard and revision (G21). A question of the host's own: it is not checked who asks.
    pub async fn audit_of(
        &self,
        actor: impl Into<Actor>,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, Error> {
        self.store.audit_of(actor.into(), after, limit).await.map_err(Error::Store)
    }

    /// Up to `limit` messages that wait to be delivered, for whoever wants to see them. Workers that deliver use
    /// [`lease`](Self::lease), so that no two of them send the same.
    pub async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, Error> {
        self.store.outbox(after, limit).await.map_err(Error::Store)
    }

    /// Takes up to `limit` messages to deliver, and keeps them from other workers for a while.
    ///
    /// A worker leases some messages, delivers each, and [acknowledges](Self::acknowledge) it. Any number of workers may
    /// do so at once, in any number of processes. Each message is delivered at least once: one that a dead worker had
    /// leased comes again when its lease has ended by the clock of [`Env`], and none comes again after it was
    /// acknowledged. A worker that is slower than its lease delivers what another one delivers too, so the lease should
    /// be longer than a delivery ever takes, and what receives the messages may tell by [`OutboxMessage::id`] whether it
    /// has one already. When a delivery fails, do nothing: the lease ends by itself.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # use std::time::Duration;
    /// # fn send(_: &OutboxMessage) -> Result<(), BoxError> { Ok(()) }
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, dashboard) = (AccountId::from(1u64), DashboardId::from(7u64));
    /// # sharing.directory().add_account(olga);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// # let ann: EmailAddress = "ann@example.com".parse()?;
    /// sharing.share(olga, dashboard, ann, Terms::view(Expiry::Never)).await?;
    /// loop {
    ///     let messages = sharing.lease(Duration::from_secs(60), 10).await?;
    ///     if messages.is_empty() {
    ///         break; // a worker waits here and looks again
    ///     }
    ///     for message in messages {
    ///         if send(&message).is_ok() {
    ///             sharing.acknowledge(&[message.id]).await?;
    ///         }
    ///     }
    /// }
    /// assert!(sharing.outbox(None, 1).await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn lease(&self, lasting: Duration, limit: usize) -> Result<Vec<OutboxMessage>, Error> {
        let now = self.env.now();
        let until = now.plus_micros(i64::try_from(lasting.as_micros()).unwrap_or(i64::MAX));
        self.store.lease(now, until, limit).await.map_err(Error::Store)
    }

    /// Removes delivered messages from the outbox, whoever leased them.
    pub async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), Error> {
        self.store.acknowledge(delivered).await.map_err(Error::Store)
    }
}
