//! Reading: what a command or a question must see of a dashboard, and what the directory knows.

use super::{dashshare::Dashshare, error::Error};
use crate::{
    host::{BoxError, Directory, Env, Freshness, Store},
    policy::Resource,
    record::{Grant, Head, Holder, Snapshot, leaf},
    sharing::{
        AnonymousAccess, Barred, Consulted, Known, Ledger, More, Needs, People, could_change, revoke::Person,
        share::Recipient,
    },
    tenant::Tenant,
    value::{Account, AccountId, Attestor, DashboardId, EmailAddress, GrantId, TenantId, Timestamp},
};
use std::{collections::BTreeSet, sync::Arc};

/// How often a command is judged anew after others changed the dashboard, a lost answer asked for, and a question read
/// again.
pub(super) const ATTEMPTS: usize = 8;
/// How many rows are looked at to see whether anything hangs on a grant.
const GLANCE: usize = 16;
/// The kinds of resources that policies are asked about.
const DASHBOARD: &str = "dashboard";
const DEVICE: &str = "device";
/// How many rows are read at once.
pub(super) const PAGE: usize = 512;

/// What was read of a dashboard.
pub(super) enum Loaded {
    /// It is not known.
    Unknown,
    /// All of it as of one revision.
    Whole(Ledger),
    /// Partly in pages, which carry no revision: it may have changed meanwhile.
    InPages(Ledger),
    /// It changed between two reads: the head is the older, and some grants may be newer.
    Changed(Ledger),
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Reads a dashboard as it is judged at an instant, or now: what is needed, and what turns out to be needed then.
    pub(super) async fn load(
        &self,
        dashboard: DashboardId,
        needs: &Needs,
        more: impl Fn(&Ledger) -> More,
        at: Option<Timestamp>,
    ) -> Result<Loaded, Error> {
        let read = self.store.read(dashboard, &needs.seeds, Freshness::Latest);
        let Some(snapshot) = read.await.map_err(Error::Store)? else { return Ok(Loaded::Unknown) };
        let now = match needs.lists_fallen {
            true => self.now_on(&snapshot.head),
            false => snapshot.head.next_instant(self.now()),
        };
        let ledger = Ledger::of_snapshot(snapshot, at.unwrap_or(now));
        // Also who asks about another instant is judged by the present.
        let is_party = |asker| match at {
            None => ledger.is_party(asker),
            Some(_) => ledger.at(now).is_party(asker),
        };
        let is_stranger = needs.asker.is_some_and(|asker| !is_party(asker));
        let more = if is_stranger { More::default() } else { more(&ledger) };
        if more.is_nothing() {
            return Ok(Loaded::Whole(ledger));
        }
        let in_pages = more.reads_pages();
        let head = Arc::clone(&ledger.head);
        let mut grants: Vec<Arc<Grant>> = ledger.all().cloned().collect();
        let mut carriers = BTreeSet::new();
        let is_one = self.read_more(&head, more, &mut grants, &mut carriers).await?;
        let ledger = Ledger::new(head, grants, at.unwrap_or(now)).with_carriers(carriers);
        Ok(match (is_one, in_pages) {
            (false, _) => Loaded::Changed(ledger),
            (true, true) => Loaded::InPages(ledger),
            (true, false) => Loaded::Whole(ledger),
        })
    }

    /// Adds what else is needed; `false` when the dashboard has another revision by now.
    async fn read_more(
        &self,
        head: &Arc<Head>,
        more: More,
        grants: &mut Vec<Arc<Grant>>,
        carriers: &mut BTreeSet<Option<GrantId>>,
    ) -> Result<bool, Error> {
        let dashboard = head.dashboard;
        let mut is_one = true;
        if !more.seeds.is_empty() {
            match self.store.read(dashboard, &more.seeds, Freshness::Latest).await.map_err(Error::Store)? {
                Some(again) => {
                    is_one = again.head.revision == head.revision;
                    grants.extend(again.chains.into_iter().flatten());
                }
                None => is_one = false,
            }
        }
        for grant in &more.hanging {
            if self.carries(head, *grant, grants).await {
                carriers.insert(*grant);
            }
        }
        if more.everything {
            self.read_pages(grants, |from| self.store.grants(dashboard, from, PAGE)).await?;
        }
        for above in more.below {
            self.read_pages(grants, |from| self.store.grants_below(dashboard, above, from, PAGE)).await?;
        }
        Ok(is_one)
    }

    /// Whether anything live may hang on a grant, or on the dashboard. What cannot be read is there, too, and in no withdrawal's way (G22).
    async fn carries(&self, head: &Arc<Head>, grant: Option<GrantId>, known: &[Arc<Grant>]) -> bool {
        let first = match grant {
            Some(grant) => self.store.grants_below(head.dashboard, grant, 0, GLANCE).await,
            None => self.store.grants(head.dashboard, head.first_ordinal, GLANCE).await,
        };
        let Ok(first) = first else { return true };
        let is_all = first.len() < GLANCE;
        let now = self.now_on(head);
        let ledger = Ledger::new(Arc::clone(head), known.iter().chain(&first).map(Arc::clone), now);
        !is_all || first.iter().any(|grant| ledger.carried(grant.id).is_some())
    }

    /// The same dashboard with what else is needed. Only pages are read, which carry no revision: what is judged by them
    /// is committed against the one that was read before.
    pub(super) async fn with_more(&self, ledger: &Ledger, more: More) -> Result<Ledger, Error> {
        let mut grants: Vec<Arc<Grant>> = ledger.all().cloned().collect();
        self.read_more(&ledger.head, more, &mut grants, &mut BTreeSet::new()).await?;
        Ok(Ledger::new(Arc::clone(&ledger.head), grants, ledger.now))
    }

    async fn read_pages<F>(
        &self,
        grants: &mut Vec<Arc<Grant>>,
        mut page: impl FnMut(u64) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<Vec<Arc<Grant>>, BoxError>>,
    {
        let mut from = 0;
        loop {
            let rows = page(from).await.map_err(Error::Store)?;
            let (count, last) = (rows.len(), rows.last().map(|grant| grant.ordinal));
            grants.extend(rows);
            match last {
                Some(last) if count >= PAGE => from = last.saturating_add(1),
                _ => return Ok(()),
            }
        }
    }

    /// A dashboard for a question, all of one revision; `None` when it is not known.
    pub(super) async fn ledger_or_offer(
        &self,
        dashboard: DashboardId,
        needs: &Needs,
        more: impl Fn(&Ledger) -> More,
        at: Option<Timestamp>,
    ) -> Result<Option<Ledger>, Error> {
        for _ in 0..ATTEMPTS {
            match self.load(dashboard, needs, &more, at).await? {
                Loaded::Unknown => return Ok(None),
                Loaded::Whole(ledger) => return Ok(Some(ledger)),
                Loaded::InPages(ledger) => {
                    let again =
                        self.store.read(dashboard, &[], Freshness::Latest).await.map_err(Error::Store)?;
                    if again.is_some_and(|again| again.head.revision == ledger.head.revision) {
                        return Ok(Some(ledger));
                    }
                }
                Loaded::Changed(_) => {}
            }
        }
        Err(Error::Contended)
    }

    /// The same for a dashboard: an offer is none (T9).
    pub(super) async fn ledger(
        &self,
        dashboard: DashboardId,
        needs: &Needs,
        more: impl Fn(&Ledger) -> More,
        at: Option<Timestamp>,
    ) -> Result<Option<Ledger>, Error> {
        let ledger = self.ledger_or_offer(dashboard, needs, more, at).await?;
        Ok(ledger.filter(|ledger| ledger.head.offer().is_none()))
    }

    /// The grants of a holder on every dashboard, page by page.
    pub(super) async fn each_held(
        &self,
        holder: &Holder,
        mut each: impl FnMut(&Snapshot),
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.store.held(holder, after, PAGE).await.map_err(Error::Store)?;
            page.iter().for_each(&mut each);
            after = page.last().and_then(place);
            if page.len() < PAGE || after.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn dashboards_of(
        &self,
        holders: impl IntoIterator<Item = Holder>,
    ) -> Result<BTreeSet<DashboardId>, Error> {
        let mut dashboards = BTreeSet::new();
        for holder in holders {
            self.each_held(&holder, |held| {
                dashboards.insert(held.head.dashboard);
            })
            .await?;
        }
        Ok(dashboards)
    }

    pub(super) async fn owned_heads(&self, account: AccountId) -> Result<Vec<Arc<Head>>, Error> {
        let mut owned: Vec<Arc<Head>> = Vec::new();
        loop {
            let after = owned.last().map(|head| head.dashboard);
            let page = self.store.owned(account, after, PAGE).await.map_err(Error::Store)?;
            let is_last = page.len() < PAGE;
            owned.extend(page);
            if is_last {
                return Ok(owned);
            }
        }
    }

    pub(super) async fn tenant(&self, tenant: TenantId) -> Result<Arc<Tenant>, Error> {
        let known = self.directory.tenant(tenant).await.map_err(Error::Directory)?;
        Ok(known.unwrap_or_else(|| Arc::new(Tenant::closed())))
    }

    /// What the anonymous user may see of a dashboard and of every device that it shows.
    pub(super) async fn access(
        &self,
        tenant: &Tenant,
        dashboard: DashboardId,
    ) -> Result<AnonymousAccess, Error> {
        let known = self.resource(dashboard).await?;
        let devices = self.directory.devices(dashboard).await.map_err(Error::Directory)?;
        if devices.iter().any(|device| device.kind != DEVICE || device.id.is_none()) {
            return Err(Error::Directory(lies("lists something else among the devices")));
        }
        Ok(AnonymousAccess::of(tenant, known.as_deref(), &devices))
    }

    /// What the tenant's policies are to be asked with, if they know the account.
    pub(super) async fn consult(
        &self,
        tenant: Arc<Tenant>,
        head: &Head,
        account: AccountId,
    ) -> Result<Option<Consulted>, Error> {
        if !could_change(&tenant, false) {
            return Ok(None);
        }
        let principal = self.directory.principal(head.tenant, account).await.map_err(Error::Directory)?;
        let Some(principal) = principal else { return Ok(None) };
        let dashboard = self.resource(head.dashboard).await?;
        Ok(Some(Consulted { tenant, account: Some(principal), dashboard }))
    }

    /// A dashboard as policies know it. Something else than a dashboard is an error of the directory: no deny would count
    /// for it (D5).
    pub(super) async fn resource(&self, dashboard: DashboardId) -> Result<Option<Arc<Resource>>, Error> {
        let known = self.directory.dashboard(dashboard).await.map_err(Error::Directory)?;
        match known {
            Some(known) if known.kind != DASHBOARD || known.id.is_none() => {
                Err(Error::Directory(lies("answers with something else than a dashboard")))
            }
            known => Ok(known),
        }
    }

    /// A device that a dashboard shows. Another one is an error of the directory: what is denied of the one would be asked
    /// of the other (D3).
    pub(super) async fn device(
        &self,
        dashboard: DashboardId,
        device: &str,
    ) -> Result<Option<Arc<Resource>>, Error> {
        let shown = self.directory.device(dashboard, device).await.map_err(Error::Directory)?;
        match shown {
            Some(shown) if shown.kind != DEVICE || shown.id.as_deref() != Some(device) => {
                Err(Error::Directory(lies("answers for another device")))
            }
            shown => Ok(shown),
        }
    }

    /// What keeps an account from a dashboard, whatever was shared with it, if the tenant's policies do.
    pub(super) async fn barred(
        &self,
        tenant: &Arc<Tenant>,
        head: &Head,
        account: AccountId,
    ) -> Result<Option<Barred>, Error> {
        if !could_change(tenant, true) {
            return Ok(None);
        }
        let consulted = self.consult(Arc::clone(tenant), head, account).await?;
        Ok(consulted.and_then(|consulted| consulted.barred()))
    }

    /// What is to be known of accounts that get something, or in whose name something is given: their addresses where
    /// the tenant has lists of domains, and what its policies deny them.
    pub(super) async fn people(
        &self,
        tenant: &Arc<Tenant>,
        head: &Head,
        accounts: Vec<AccountId>,
    ) -> Result<People, Error> {
        let mut people = People::default();
        let lists_domains = tenant.rules.lists_domains();
        if !lists_domains && !could_change(tenant, true) {
            return Ok(people);
        }
        for account in accounts.into_iter().collect::<BTreeSet<_>>() {
            let known = if lists_domains { self.account(account).await? } else { None };
            let barred = self.barred(tenant, head, account).await?;
            people
                .note(account, Known { verified: known.map_or(Vec::new(), |known| known.verified), barred });
        }
        Ok(people)
    }

    /// The account of this id. One that answers for another id is an error of the directory (I3).
    pub(super) async fn account(&self, account: AccountId) -> Result<Option<Account>, Error> {
        let known = self.directory.account(account, &Attestor::new()).await.map_err(Error::Directory)?;
        match known {
            Some(known) if known.id != account => Err(Error::Directory(lies("answers for another account"))),
            known => Ok(known),
        }
    }

    /// The account that has verified an address. One that has not is an error of the directory: what it says of an address
    /// counts only with the proof (I3).
    pub(super) async fn account_of(&self, address: &EmailAddress) -> Result<Option<Account>, Error> {
        let known = self.directory.account_of(address, &Attestor::new()).await.map_err(Error::Directory)?;
        match known {
            Some(known) if known.verified.iter().all(|email| email.address() != address) => {
                Err(Error::Directory(lies("names an account that has not verified the address")))
            }
            known => Ok(known),
        }
    }

    /// A person to take something from: where the directory fails, the name itself and why there is no more.
    pub(super) async fn person_or_name(&self, named: Holder) -> (Person, Option<Error>) {
        match self.person(named.clone()).await {
            Ok(person) => (person, None),
            Err(error) => (Person::of_name(named), Some(error)),
        }
    }

    /// A person as far as the directory can tell: an address with the account that has verified it, an account with
    /// its addresses.
    pub(super) async fn person(&self, named: Holder) -> Result<Person, Error> {
        Ok(match &named {
            Holder::Address(address) => {
                let account = self.account_of(address).await?.map(|account| account.id);
                Person { addresses: vec![address.clone()], account, named }
            }
            Holder::Account(account) => {
                let verified = self.account(*account).await?.map_or(Vec::new(), |known| known.verified);
                let addresses = verified.iter().map(|email| email.address().clone()).collect();
                Person { account: Some(*account), addresses, named }
            }
        })
    }

    /// Whom something is shared with, as far as the directory can tell; `None` for an account that it does not know.
    pub(super) async fn recipient(&self, with: Holder) -> Result<Option<Recipient>, Error> {
        Ok(match with {
            Holder::Account(account) => self.account(account).await?.map(Recipient::Account),
            Holder::Address(address) => {
                let account = self.account_of(&address).await?;
                Some(Recipient::Address(address, account))
            }
        })
    }
}

/// The source of an error of a directory that contradicts itself. It names neither the account nor the address.
pub(super) fn lies(how: &str) -> BoxError {
    format!("the directory {how}").into()
}

/// The place of a held grant among all that its holder holds.
pub(super) fn place(held: &Snapshot) -> Option<(DashboardId, u64)> {
    held.chains.first().and_then(leaf).map(|grant| (grant.dashboard, grant.ordinal))
}
