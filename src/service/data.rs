//! The one door to data: what of a question may be read.

use super::{dashshare::Dashshare, decide::When, error::Error};
use crate::{
    blueprint::{Choices, id_of},
    decision::{
        Admitted, DataDenied, Decision, DeviceDecision, DeviceViewer, DeviceViewers, VisitFacts, decide_visit,
    },
    host::{Directory, Env, Store},
    lock::{Lock, LockFinding, Query, ShownDevice, Slots, Variables, Widget},
    policy::Resource,
    record::Snapshot,
    sharing::{Consulted, Ledger, Sight},
    tenant::Tenant,
    value::{AccountId, Action, DashboardId},
};
use std::{collections::BTreeSet, sync::Arc};

/// A device behind a dashboard, as the host knows it.
struct Seen<'a> {
    device: &'a str,
    shown: Option<&'a Arc<Resource>>,
    slots: &'a Slots,
    variables: &'a Variables,
}

impl Seen<'_> {
    fn narrow(&self, decision: &Decision, consulted: Option<Consulted>) -> DeviceDecision {
        let (shown, slots) = (self.shown.cloned(), self.slots.clone());
        DeviceDecision::new(decision, self.device, shown, slots, self.variables.clone(), consulted)
    }
}

/// # Data
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// What of a question for data may be read now, under a decision about the dashboard: the pieces of its range that some
    /// grant, the link or the policies admit. Everything that shows data goes through here, whatever its kind: views,
    /// exports, annotations, newest values, pictures. A question is about what is **read**; a host filters by the pieces
    /// before it does anything else with values.
    ///
    /// A stream asks [`authorize_device`](Self::authorize_device) once and then
    /// [`DeviceDecision::admit`](crate::DeviceDecision::admit) as time goes on, which asks nobody.
    ///
    /// # Errors
    ///
    /// If the directory fails. That nothing is admitted is no error of this function: it is the inner one.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, lock::*, policy::Resource, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.directory().add_device(dashboard, Resource::new("device", "pump-1"));
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let day = Lock::NONE.devices(["pump-1".into()]).last("24h".parse()?);
    /// let terms = Terms::view(Expiry::Never).locked(day);
    /// sharing.share(olga, dashboard, NewShare::with(ann, terms)).await?;
    ///
    /// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
    /// let week = Query::new(ReadKind::Series, "pump-1", "temp").between(start.plus_micros(-604_800_000_000), start);
    /// let admitted = sharing.admit(&decision, &week).await??;
    /// assert!(admitted.is_cut(), "six days of seven are not shown");
    /// assert_eq!(admitted.pieces()[0].range.from, Some(start.plus_micros(-86_400_000_000)));
    ///
    /// let other = Query::new(ReadKind::Series, "pump-2", "temp");
    /// let denied = sharing.admit(&decision, &other).await?.unwrap_err();
    /// println!("{}", denied.tell()); // to Ann
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [K14](crate::specification), [K16](crate::specification).
    pub async fn admit(
        &self,
        decision: &Decision,
        query: &Query,
    ) -> Result<Result<Admitted, Box<DataDenied>>, Error> {
        self.admit_in_slot(decision, &Choices::default(), query).await
    }

    /// The same on a blueprint dashboard, with the choices of the page: as [`authorize_in_slot`](Self::authorize_in_slot)
    /// decides.
    ///
    /// # Errors
    ///
    /// As of [`admit`](Self::admit).
    ///
    /// Rules: [B4](crate::specification), [B7](crate::specification), [B11](crate::specification).
    pub async fn admit_in_slot(
        &self,
        decision: &Decision,
        choices: &Choices,
        query: &Query,
    ) -> Result<Result<Admitted, Box<DataDenied>>, Error> {
        let slot = query.slot.as_deref();
        let device = self.authorize_in_slot(decision, choices, &query.device, slot).await?;
        Ok(device.admit(query, self.now()))
    }

    /// The same for a computed value: of each of its inputs the pieces that are common to all of them, in the order of the
    /// inputs. One input that is denied denies all.
    ///
    /// # Errors
    ///
    /// As of [`admit`](Self::admit).
    ///
    /// Rules: [K16](crate::specification).
    pub async fn admit_computed(
        &self,
        decision: &Decision,
        inputs: &[Query],
    ) -> Result<Result<Vec<Admitted>, Box<DataDenied>>, Error> {
        let mut admitted = Vec::with_capacity(inputs.len());
        let mut first = None;
        for query in inputs {
            match self.admit(decision, query).await? {
                Ok(input) => admitted.push(input),
                Err(denied) => return Ok(Err(denied)),
            }
            first.get_or_insert(query);
        }
        match (Admitted::common(admitted), first) {
            (Some(common), _) => Ok(Ok(common)),
            (None, Some(first)) => Ok(Err(self.authorize_device(decision, &first.device).await?.apart())),
            (None, None) => Ok(Ok(Vec::new())),
        }
    }

    /// Who may see data of a device behind a dashboard now: the owner, whoever holds a grant whose locks let the device
    /// through, and visitors. Which data, says each sight. A question of the host's own: it is not checked who asks. Who sees
    /// it by a policy alone, and holds no grant, is not known here.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, lock::*, policy::Resource, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # for pump in ["pump-1", "pump-2"] { sharing.directory().add_device(dashboard, Resource::new("device", pump)); }
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let only = |pump: &str| Terms::view(Expiry::Never).locked(Lock::NONE.devices([pump.into()]));
    /// sharing.share(olga, dashboard, NewShare::with(ann, only("pump-1"))).await?;
    /// sharing.share(olga, dashboard, NewShare::with(bob, only("pump-2"))).await?;
    /// let found = sharing.viewers_of_device(dashboard, "pump-1").await?;
    /// let accounts: Vec<AccountId> = found.viewers.iter().map(|viewer| viewer.account).collect();
    /// assert_eq!(accounts, [olga, ann]);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [D7](crate::specification), [K14](crate::specification).
    pub async fn viewers_of_device(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> Result<DeviceViewers, Error> {
        self.viewers_of_device_when(dashboard, device, When::NOW).await
    }

    pub(super) async fn viewers_of_device_when(
        &self,
        dashboard: DashboardId,
        device: &str,
        when: When,
    ) -> Result<DeviceViewers, Error> {
        let (ledger, tenant) = self.known(dashboard, when).await?;
        let (shown, slots) = self.shown(&ledger.head, device, None, true).await?;
        let variables = self.directory.variables(dashboard, device).await.map_err(Error::Directory)?;
        let seen = Seen { device, shown: shown.as_ref(), slots: &slots, variables: &variables };
        let holders = ledger.all_live().filter_map(|live| live.grant.grantee.account_at(ledger.now));
        let accounts: BTreeSet<AccountId> = holders.chain(ledger.head.owner_at(ledger.now)).collect();
        let mut viewers = Vec::new();
        for account in accounts {
            let decision = self.of_ledger(account, &ledger, &tenant, &seen).await?;
            if let Some((ends, sights)) = decision.sights(ledger.now) {
                viewers.push(DeviceViewer { account, ends, sights });
            }
        }
        let link = match when.at {
            None => self.sight_of_link(&ledger, tenant, &seen).await?,
            Some(_) => None,
        };
        Ok(DeviceViewers { viewers, link })
    }

    /// Whether an account may see the device, by what was read of the whole dashboard.
    async fn of_ledger(
        &self,
        account: AccountId,
        ledger: &Ledger,
        tenant: &Arc<Tenant>,
        seen: &Seen<'_>,
    ) -> Result<DeviceDecision, Error> {
        let chains = ledger.live_of(account).map(|live| ledger.chain(live.grant)).collect();
        let snapshot = Snapshot { head: Arc::clone(&ledger.head), chains };
        let (tenants, at) = (Some(Arc::clone(tenant)), Some(ledger.now));
        let decision = self.judge(account, Action::View, Some(snapshot), tenants, at).await?;
        let consulted = self.consult(Arc::clone(tenant), &ledger.head, account).await?;
        Ok(seen.narrow(&decision, consulted))
    }

    /// What a visitor sees of the device by the link that stands.
    async fn sight_of_link(
        &self,
        ledger: &Ledger,
        tenant: Arc<Tenant>,
        seen: &Seen<'_>,
    ) -> Result<Option<Sight>, Error> {
        let Some(link) = ledger.standing_link() else { return Ok(None) };
        let makers = link.grant.and_then(|grant| ledger.get(grant)).map(|grant| ledger.chain(grant));
        let snapshot =
            Some(Snapshot { head: Arc::clone(&ledger.head), chains: makers.into_iter().collect() });
        let dashboard = self.resource(ledger.head.dashboard).await?;
        let consulted = Consulted { tenant, account: None, dashboard };
        let facts = VisitFacts { snapshot, consulted: Some(consulted.clone()) };
        let visit = decide_visit(&link.digest, facts, ledger.now);
        let sights = seen.narrow(&visit, Some(consulted)).sights(ledger.now);
        Ok(sights.and_then(|(_, sights)| sights.into_iter().next()))
    }

    /// What whoever chooses a lock for a dashboard should know of it, before and after: names that the dashboard does not
    /// show, widgets that will be blank, and what no lock covers. The widgets are what the host knows of its own document.
    /// A question of the host's own.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, lock::*, policy::Resource};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.directory().add_device(dashboard, Resource::new("device", "pump-1"));
    /// let lock = Lock::NONE.devices(["pump-1".into(), "pmup-2".into()]).parameter("site", ["berlin"]);
    /// let chart = Widget::reading("w1", [Query::new(ReadKind::Series, "pump-1", "temp")]);
    /// let found = sharing.lock_findings(dashboard, &lock, &[chart]).await?;
    /// let sentences: Vec<String> = found.iter().map(ToString::to_string).collect();
    /// assert_eq!(sentences, [
    ///     "the dashboard does not show device `pmup-2`",
    ///     "widget `w1` is not filtered by `site`, so it will be blank",
    /// ]);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If the directory fails.
    ///
    /// Rules: [K26](crate::specification).
    pub async fn lock_findings(
        &self,
        dashboard: DashboardId,
        lock: &Lock,
        widgets: &[Widget],
    ) -> Result<Vec<LockFinding>, Error> {
        let devices = self.directory.devices(dashboard).await.map_err(Error::Directory)?;
        let mut shown = Vec::with_capacity(devices.len());
        for device in &devices {
            let id = device.id.as_deref().unwrap_or_default();
            let variables = self.directory.variables(dashboard, id).await.map_err(Error::Directory)?;
            shown.push(ShownDevice { id, tags: &device.tags, variables });
        }
        let (slots, in_slots) = self.slots_of(dashboard).await?;
        for device in &in_slots {
            shown.push(ShownDevice { id: id_of(device), tags: &device.tags, variables: Variables::All });
        }
        Ok(lock.findings(&shown, &slots, widgets, self.now()).into_iter().collect())
    }
}
