//! Decisions: about accounts, visitors, and devices behind a dashboard.

use super::{dashshare::Dashshare, error::Error};
use crate::{
    decision::{Asker, Decision, DeviceDecision, VisitFacts, decide, decide_visit, deny_limited},
    host::{Directory, Env, Freshness, Store},
    limit::{Ask, Client},
    lock::{Slots, Variables},
    record::{Revision, Seed, Snapshot},
    sharing::Consulted,
    tenant::Tenant,
    value::{AccountId, Action, DashboardId, LinkDigest, TenantId, Timestamp},
};
use std::{collections::HashMap, fmt, sync::Arc};

/// As of when a question is asked, and how new the answer has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// `None` for the present.
    pub(super) at: Option<Timestamp>,
    pub(super) at_least: Revision,
}

impl When {
    pub(super) const NOW: Self = Self { at: None, at_least: Revision::ZERO };

    /// Refuses what was read if it is older than was demanded (D6). To whoever was no party that is told like a dashboard
    /// that does not exist (D8).
    pub(super) fn check(self, found: Option<Revision>, is_party: impl FnOnce() -> bool) -> Result<(), Error> {
        let (found, wanted) = (found.unwrap_or(Revision::ZERO), self.at_least);
        if found < wanted { Err(Error::Stale { found, wanted, is_party: is_party() }) } else { Ok(()) }
    }
}

/// What a visitor presents: the input of [`visit`](Dashshare::visit). The text of a token alone is one.
///
/// Its `Debug` does not show the token.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Visit<'a> {
    /// The text that stands in the URL in a token's place, whatever it is.
    pub token: &'a str,
    /// Who visits, by the address of the connection.
    pub client: Option<Client>,
}

impl Visit<'_> {
    /// The same by a client. A service with [limits](Dashshare::limited) counts those that are not let in by it and by its
    /// network; all of whom no client is given are counted together.
    ///
    /// ```
    /// # use dashshare::{*, limits::*, questions::Visit};
    /// # use std::net::IpAddr;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let env = FixedEnv::new(start, 1);
    /// # let limits = RateLimits::new(&env)?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), env).limited(limits);
    /// let address: IpAddr = "203.0.113.7".parse()?;
    /// let decision = sharing.visit(Visit::from("dsl_whatever").by(address)).await?;
    /// assert!(!decision.is_allowed() && !decision.is_limited());
    /// # Ok::<(), BoxError>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [R2](crate::specification), [R3](crate::specification).
    #[must_use]
    pub fn by(self, client: impl Into<Client>) -> Self {
        Self { client: Some(client.into()), ..self }
    }
}

impl<'a> From<&'a str> for Visit<'a> {
    fn from(token: &'a str) -> Self {
        Self { token, client: None }
    }
}

impl<'a> From<&'a String> for Visit<'a> {
    fn from(token: &'a String) -> Self {
        token.as_str().into()
    }
}

impl fmt::Debug for Visit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visit(redacted)")
    }
}

/// # Decisions
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Decides whether an account may do something with a dashboard now, and says why.
    ///
    /// An error means denial. A store with a cache may answer from it; [`at_least`](Self::at_least) says from which
    /// revision on, and [`as_of`](Self::as_of) asks about another instant. For a page of dashboards there is
    /// [`authorize_many`](Self::authorize_many).
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
    /// let week = Terms::view(Expiry::At(start.plus_days(7)));
    /// sharing.share(olga, dashboard, NewShare::with(ann, week)).await?;
    /// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
    /// assert_eq!(decision.permitted(Action::View), Some(dashboard));
    /// assert_eq!(decision.valid_until(), Some(start.plus_days(7)));
    /// // To Ann, and to Olga or to support:
    /// assert_eq!(decision.tell().by(), Some(olga));
    /// assert!(decision.explain().contains("until 2026-01-08T00:00:00Z"));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [D1](crate::specification), [D2](crate::specification), [D4](crate::specification),
    /// [D6](crate::specification).
    pub async fn authorize(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
    ) -> Result<Decision, Error> {
        self.decide(account, dashboard, action, When::NOW).await
    }

    /// The same for a page of dashboards, in the order of the list: one round trip to the store, however many there are.
    ///
    /// The directory is asked once for each tenant; for the account and for a dashboard it is asked only where policies
    /// count, once for each dashboard. If one of those calls fails, so does the whole page.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let page = [7u64, 8, 9].map(DashboardId::from);
    /// # for dashboard in page { sharing.register(dashboard, TenantId::from(1u64), olga).await?; }
    /// sharing.share(olga, page[1], NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    /// let decisions = sharing.authorize_many(ann, &page, Action::View).await?;
    /// let seen: Vec<bool> = decisions.iter().map(Decision::is_allowed).collect();
    /// assert_eq!(seen, [false, true, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn authorize_many(
        &self,
        account: AccountId,
        dashboards: &[DashboardId],
        action: Action,
    ) -> Result<Vec<Decision>, Error> {
        let fresh = Freshness::AtLeast(Revision::ZERO);
        let read = self.store.read_many(dashboards, &account.into(), fresh).await.map_err(Error::Store)?;
        // An offer is not told from what is not known (T9).
        let known = read.into_iter().filter(|snapshot| snapshot.head.offer().is_none());
        let known: HashMap<DashboardId, Snapshot> =
            known.map(|snapshot| (snapshot.head.dashboard, snapshot)).collect();
        let mut tenants: HashMap<TenantId, Option<Arc<Tenant>>> = HashMap::new();
        let mut decisions = Vec::with_capacity(dashboards.len());
        for dashboard in dashboards {
            let snapshot = known.get(dashboard).cloned();
            let tenant = match snapshot.as_ref().map(|snapshot| snapshot.head.tenant) {
                None => None,
                Some(id) => match tenants.get(&id) {
                    Some(tenant) => tenant.clone(),
                    None => {
                        let tenant = self.directory.tenant(id).await.map_err(Error::Directory)?;
                        tenants.insert(id, tenant.clone());
                        tenant
                    }
                },
            };
            decisions.push(self.judge(account, action, snapshot, tenant, None).await?);
        }
        Ok(decisions)
    }

    pub(super) async fn decide(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        action: Action,
        when: When,
    ) -> Result<Decision, Error> {
        let freshness = Freshness::AtLeast(when.at_least);
        let seed = match when.at {
            None => Seed::Holder(account.into()),
            // What is on the shelf was live once (D7).
            Some(_) => Seed::EverHeld(account.into()),
        };
        let snapshot = self.store.read(dashboard, &[seed], freshness).await.map_err(Error::Store)?;
        // An offer is not told from what is not known (T9).
        let snapshot = snapshot.filter(|snapshot| snapshot.head.offer().is_none());
        let found = snapshot.as_ref().map(|snapshot| snapshot.head.revision);
        let tenant = match &snapshot {
            Some(snapshot) => self.directory.tenant(snapshot.head.tenant).await.map_err(Error::Directory)?,
            None => None,
        };
        let decision = self.judge(account, action, snapshot, tenant, when.at).await?;
        when.check(found, || decision.is_told_to_a_party())?;
        Ok(decision)
    }

    /// Decides by what was read, and asks the policies where they could change it.
    pub(super) async fn judge(
        &self,
        account: AccountId,
        action: Action,
        snapshot: Option<Snapshot>,
        tenant: Option<Arc<Tenant>>,
        at: Option<Timestamp>,
    ) -> Result<Decision, Error> {
        let clock = snapshot.as_ref().map_or(Timestamp::MIN, |snapshot| snapshot.head.clock);
        let at = at.unwrap_or_else(|| self.now().max(clock));
        let rules = tenant.as_deref().map(|tenant| &tenant.rules);
        let decision = decide(account, action, snapshot, rules, at);
        let asked = match (tenant, decision.head()) {
            (Some(tenant), Some(head)) if decision.heeds(&tenant) => {
                self.consult(tenant, head, account).await?
            }
            _ => None,
        };
        Ok(match asked {
            Some(consulted) => decision.under(consulted),
            None => decision,
        })
    }

    /// Decides whether a visitor who presents this text as a link's token may see the dashboard that it leads to.
    /// Whatever the cause of a denial, the answer and the store calls are the same.
    ///
    /// With [limits](Self::limited), a client or a network from which too many visits were not let in is denied whatever it
    /// presents, the right token included, without a call to the store ([`Decision::is_limited`]). A visit counts before it
    /// is looked up, and no longer once it was let in, so of many at once no more come through than one after the other.
    ///
    /// Rules: [L7](crate::specification), [L9](crate::specification), [R3](crate::specification).
    pub async fn visit(&self, visit: impl Into<Visit<'_>>) -> Result<Decision, Error> {
        let Visit { token, client } = visit.into();
        let Some(limits) = &self.limits else { return self.look_up(token).await };
        let Ok(permit) = limits.take(&Ask::visit(client), self.now()).await else {
            return Ok(deny_limited(self.now()));
        };
        let decision = self.look_up(token).await?;
        if decision.is_allowed() {
            limits.give_back(permit).await;
        }
        Ok(decision)
    }

    async fn look_up(&self, token: &str) -> Result<Decision, Error> {
        let digest = LinkDigest::of_text(token).unwrap_or_else(|_| LinkDigest::of_malformed(token));
        let snapshot = self.store.read_link(&digest).await.map_err(Error::Store)?;
        let consulted = match &snapshot {
            Some(Snapshot { head, .. }) => {
                let tenant = self.directory.tenant(head.tenant).await.map_err(Error::Directory)?;
                let dashboard = self.resource(head.dashboard).await?;
                tenant.map(|tenant| Consulted { tenant, account: None, dashboard })
            }
            None => None,
        };
        let facts = VisitFacts { snapshot, consulted };
        Ok(decide_visit(&digest, facts, self.now()))
    }

    /// Narrows a decision to one device behind the dashboard: what the dashboard shows is covered by owning it and by a
    /// grant, unless a policy denies the device to the owner or the grantee; a visitor, and whoever a policy let in, needs
    /// the tenant's policies to allow the device too.
    ///
    /// It believes the decision that it is given: ask for a new one after its [`valid_until`](Decision::valid_until).
    ///
    /// A device that a blueprint dashboard shows in its slots alone may be seen while a slot could hold it. Its data are read
    /// by a decision of [`authorize_in_slot`](Self::authorize_in_slot).
    ///
    /// Rules: [D3](crate::specification), [B2](crate::specification).
    pub async fn authorize_device(&self, decision: &Decision, device: &str) -> Result<DeviceDecision, Error> {
        self.narrowed(decision, device, None).await
    }

    /// The same, for a slot of a blueprint dashboard if one is named.
    pub(super) async fn narrowed(
        &self,
        decision: &Decision,
        device: &str,
        slot: Option<&str>,
    ) -> Result<DeviceDecision, Error> {
        let Some(head) = decision.head().filter(|_| decision.is_allowed()) else {
            let (slots, all) = (Slots::default(), Variables::All);
            return Ok(DeviceDecision::new(decision, device, None, slots, all, None));
        };
        let (shown, slots) = self.shown(head, device, slot, decision.fixes_slots()).await?;
        // Also of a device that is not shown, so that what a lock hides costs the same calls (K22).
        let variables = self.directory.variables(head.dashboard, device).await.map_err(Error::Directory)?;
        let consulted = match decision.asker() {
            Asker::Account(account) => {
                let tenant = self.tenant(head.tenant).await?;
                self.consult(tenant, head, account).await?
            }
            Asker::Visitor => {
                let tenant = self.tenant(head.tenant).await?;
                Some(Consulted { tenant, account: None, dashboard: None })
            }
        };
        Ok(DeviceDecision::new(decision, device, shown, slots, variables, consulted))
    }
}
