//! The library, driven with the model's commands and asked in the model's words.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    sync::Arc,
};

use dashshare::{
    AccountId, Action, Amendment, DashboardId, Dashshare, EmailAddress, Ended, Error, FixedEnv, GrantId,
    Holder, MemoryDirectory, MemoryStore, NewLink, NewShare, Revision, RevokeMode, TenantId, Timestamp, Told,
    directory::SharingRules,
    policy::{Document, Principal},
    questions::Page,
    store::{Freshness, LinkDigest, Store},
    trail::Actor,
};
use pollster::block_on;

use super::{
    Account, Address, Command, DASHBOARDS, DOMAINS, Dashboard, Expiry, Grant, Instant, Limits, Mode, Outcome,
    People, Policies, Rights, Rules, START, Step, Terms, With,
    data::Sight,
    locks,
    view::{Impact, Line, LinkLine, View, Viewer},
};

/// The service under test, over a store.
pub(crate) type Service<S> = Dashshare<S, Arc<MemoryDirectory>, Arc<FixedEnv>>;

pub(crate) struct Library<S = MemoryStore> {
    pub(super) service: Service<S>,
    /// The grants by label, with their dashboards, and the other way round.
    ids: BTreeMap<Grant, (Dashboard, GrantId)>,
    labels: HashMap<GrantId, Grant>,
    /// The tokens by the steps that made them.
    pub(super) tokens: BTreeMap<u32, (Dashboard, String)>,
    digests: Vec<LinkDigest>,
    /// What the directory was told of each tenant.
    tenants: BTreeMap<Dashboard, (Rules, Policies)>,
    /// The revision of each dashboard at its last narrowing, which every later decision reflects (D6).
    pub(super) narrowed: BTreeMap<Dashboard, Revision>,
    /// What the service answered to the commands, word for word, if anybody listens.
    said: Option<RefCell<Vec<String>>>,
}

/// The label of a grant that nobody expected.
const STRANGER: Grant = Grant(u32::MAX);

impl Library {
    pub(crate) fn new() -> Self {
        Self::of(Dashshare::new(MemoryStore::default(), Arc::default(), clock()))
    }
}

/// The clock of a history, where it starts. All draw the same randomness.
pub(crate) fn clock() -> Arc<FixedEnv> {
    Arc::new(FixedEnv::new(time(START), 1))
}

impl<S: Store> Library<S> {
    fn of(service: Service<S>) -> Self {
        Self {
            service,
            ids: BTreeMap::new(),
            labels: HashMap::new(),
            tokens: BTreeMap::new(),
            digests: Vec::new(),
            tenants: BTreeMap::new(),
            narrowed: BTreeMap::new(),
            said: None,
        }
    }

    /// A library that remembers every answer word for word.
    pub(crate) fn listening(service: Service<S>) -> Self {
        Self { said: Some(RefCell::default()), ..Self::of(service) }
    }

    pub(crate) fn service(&self) -> &Service<S> {
        &self.service
    }

    /// What the service answered since this was last asked.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// The tokens that were handed out.
    pub(crate) fn tokens(&self) -> Vec<&str> {
        self.tokens.values().map(|(_, token)| token.as_str()).collect()
    }

    /// The digests of the tokens that were handed out.
    pub(crate) fn digests(&self) -> &[LinkDigest] {
        &self.digests
    }

    /// The grants that were made, with their dashboards.
    pub(crate) fn made(&self) -> Vec<(DashboardId, GrantId)> {
        self.ids.values().map(|(dashboard, id)| (dashboard_id(*dashboard), *id)).collect()
    }

    fn run<T: Debug>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answer = block_on(call);
        if let Some(said) = &self.said {
            said.borrow_mut().push(format!("{answer:?}"));
        }
        answer
    }

    /// Plays a command. `expected` is what the model makes of it, which names the grants that are new; what only the
    /// host's directory is told is told when the model accepts it.
    pub(crate) fn play(&mut self, step: Step, expected: Option<&Outcome>) -> Result<Outcome, String> {
        self.service.env().set(time(step.at));
        let before = self.revisions();
        let played = self.command(step, expected);
        match played {
            Ok(outcome) => Ok(outcome),
            Err(Error::Refused(refusal)) => {
                assert_eq!(self.revisions(), before, "{step:?} is refused and changes something");
                Err(refusal.code().to_owned())
            }
            // No command of the model is refused for this.
            Err(error) => Err(format!("{error:?}")),
        }
    }

    fn revisions(&self) -> Vec<Option<Revision>> {
        let revision = |d| {
            let snapshot = block_on(self.service.store().read(dashboard_id(d), &[], Freshness::Latest))
                .expect("memory never fails");
            snapshot.map(|snapshot| snapshot.head.revision)
        };
        (0..DASHBOARDS).map(Dashboard).map(revision).collect()
    }

    fn command(&mut self, step: Step, expected: Option<&Outcome>) -> Result<Outcome, Error> {
        let service = &self.service;
        let actor = |by: Account| if step.host { Actor::Host } else { Actor::from(account_id(by)) };
        let mut outcome = Outcome::default();
        match step.command {
            Command::Wait => {}
            Command::Join { account } => {
                if expected.is_none() {
                    return Err(dashshare::Refusal::AlreadyExists.into());
                }
                service.directory().add_account(account_id(account));
                for tenant in (0..DASHBOARDS).map(Dashboard).map(tenant_id) {
                    let principal = Principal::run_user(format!("a{}", account.0));
                    service.directory().set_principal(tenant, account_id(account), principal);
                }
            }
            Command::Verify { account, address } => {
                if expected.is_none() {
                    return Err(dashshare::Refusal::UnknownAccount.into());
                }
                service.directory().verify_email(account_id(account), email(address), time(step.at));
            }
            Command::Leave { account, address } => {
                if expected.is_none() {
                    return Err(dashshare::Refusal::UnknownAccount.into());
                }
                service.directory().forget_email(account_id(account), &email(address));
            }
            Command::Register { dashboard, owner } => {
                self.run(service.register(dashboard_id(dashboard), tenant_id(dashboard), account_id(owner)))?;
                locks::note_devices(service.directory(), dashboard);
            }
            Command::SetRules { dashboard, rules } => {
                let policies = self.tenants.get(&dashboard).map_or_else(Policies::default, |it| it.1);
                self.set_tenant(dashboard, rules, policies);
            }
            Command::SetPolicies { dashboard, policies } => {
                let rules = self.tenants.get(&dashboard).map_or(Rules::OPEN, |it| it.0);
                self.set_tenant(dashboard, rules, policies);
            }
            Command::Share { dashboard, by, with, rights, reshare, expiry, lock, parent } => {
                let terms = terms_of(Terms { rights, reshare, expiry, lock });
                let (by, on) = (actor(by), dashboard_id(dashboard));
                let shared = match parent {
                    None => self.run(service.share(by, on, NewShare::with(holder(with), terms)))?,
                    Some(parent) => {
                        let from = self.id(parent).1;
                        self.run(service.share(by, on, NewShare::with(holder(with), terms).on_from(from)))?
                    }
                };
                if !shared.standing {
                    self.note(Grant::of(step.n, 0), dashboard, shared.grant);
                }
                outcome.grant = Some(self.label(shared.grant));
                outcome.standing = shared.standing;
                outcome.others = self.all(&shared.others);
                outcome.ends = Some(instant(shared.ends));
                outcome.lock = Some(locks::lock(shared.effective_lock.as_deref()));
            }
            Command::SetShare { dashboard, by, with, rights, reshare, expiry, lock, parent } => {
                let terms = terms_of(Terms { rights, reshare, expiry, lock });
                let mut new = NewShare::with(holder(with), terms);
                if let Some(parent) = parent {
                    new = new.on_from(self.id(parent).1);
                }
                let set = self.run(service.set_share(actor(by), dashboard_id(dashboard), new))?;
                if !set.standing {
                    self.note(Grant::of(step.n, 0), dashboard, set.grant);
                }
                outcome.grant = Some(self.label(set.grant));
                outcome.standing = set.standing;
                outcome.ends = Some(instant(set.ends));
                outcome.lock = Some(locks::lock(set.effective_lock.as_deref()));
                outcome.fell = self.all(&set.fell);
            }
            Command::RemindInvitation { grant, by } => {
                let (dashboard, id) = self.id(grant);
                self.run(service.remind_invitation(actor(by), dashboard_id(dashboard), id))?;
                outcome.grant = Some(grant);
                outcome.standing = true;
            }
            Command::OfferTransfer { dashboard, by, to, keep } => {
                let keep = keep.map_or(dashshare::Rights::NONE, rights_of);
                let on = dashboard_id(dashboard);
                self.run(service.offer_transfer(actor(by), on, account_id(to), keep))?;
            }
            Command::TakeTransfer { dashboard, account } => {
                let on = dashboard_id(dashboard);
                let taken = self.run(service.take_transfer(account_id(account), on))?;
                self.transferred(step, dashboard, &mut outcome, taken.kept, &taken.fell);
            }
            Command::DeclineTransfer { dashboard, account } => {
                let (on, by) = (dashboard_id(dashboard), account_id(account));
                if block_on(service.owner_of(on))? == Some(by) {
                    self.run(service.withdraw_transfer(by, on))?;
                } else {
                    self.run(service.decline_transfer(by, on))?;
                }
            }
            Command::Amend { grant, by, rights, reshare, expiry, narrow } => {
                let mut amendment = Amendment::default();
                amendment.rights = rights.map(rights_of);
                (amendment.reshare, amendment.expiry) = (reshare, expiry.map(expiry_of));
                amendment.narrow = narrow.map(locks::lock_of);
                let (dashboard, id) = self.id(grant);
                self.refuses_elsewhere(dashboard, |d| {
                    self.run(service.amend(actor(by), d, id, Amendment::default())).map(|_| ())
                });
                let amended = self.run(service.amend(actor(by), dashboard_id(dashboard), id, amendment))?;
                outcome.fell = self.all(&amended.fell);
                outcome.ends = Some(instant(amended.ends));
                outcome.lock = Some(locks::lock(amended.terms.lock.as_deref()));
                let revision = amended.revision;
                self.narrowed.insert(dashboard, revision);
            }
            Command::Revoke { grant, by, mode } => {
                let mode = match mode {
                    Mode::Cascade => RevokeMode::Cascade,
                    Mode::Rebind => RevokeMode::Rebind,
                };
                let (dashboard, id) = self.id(grant);
                self.refuses_elsewhere(dashboard, |d| {
                    self.run(service.revoke(actor(by), d, id, mode)).map(|_| ())
                });
                let ended = self.run(service.revoke(actor(by), dashboard_id(dashboard), id, mode))?;
                self.ended(&mut outcome, &ended.answer);
                for (old, new) in &ended.rebound {
                    let old = self.label(*old);
                    let new_label = expected.and_then(|expected| {
                        let (_, new) = expected.rebound.iter().find(|(o, _)| *o == old)?;
                        Some(*new)
                    });
                    let new_label = new_label.unwrap_or(STRANGER);
                    self.note(new_label, dashboard, *new);
                    outcome.rebound.push((old, new_label));
                }
                outcome.rebound.sort_unstable();
            }
            Command::StopSharing { dashboard, by, with } => {
                let ended =
                    self.run(service.stop_sharing(actor(by), dashboard_id(dashboard), holder(with)))?;
                self.ended(&mut outcome, &ended.answer);
            }
            Command::Renounce { grant, by } => {
                let (dashboard, id) = self.id(grant);
                self.refuses_elsewhere(dashboard, |d| {
                    self.run(service.renounce(account_id(by), d, id)).map(|_| ())
                });
                let ended = self.run(service.renounce(account_id(by), dashboard_id(dashboard), id))?;
                self.ended(&mut outcome, &ended.answer);
            }
            Command::Claim { account, address } => {
                let claimed = self.run(service.claim(account_id(account), &email(address)))?;
                outcome.bound = claimed.iter().flat_map(|done| self.all(&done.grants)).collect();
                outcome.bound.sort_unstable();
                outcome.ended = claimed.iter().flat_map(|done| self.all(&done.ended)).collect();
                outcome.ended.sort_unstable();
            }
            Command::Transfer { dashboard, by, to, keep } => {
                let keep = keep.map_or(dashshare::Rights::NONE, rights_of);
                let on = dashboard_id(dashboard);
                let transferred = if step.host {
                    self.run(service.transfer(on, account_id(to), keep))?
                } else {
                    self.run(service.offer_transfer(actor(by), on, account_id(to), keep))?;
                    self.run(service.take_transfer(account_id(to), on))?
                };
                self.transferred(step, dashboard, &mut outcome, transferred.kept, &transferred.fell);
            }
            Command::DeleteDashboard { dashboard, by } => {
                let on = dashboard_id(dashboard);
                let ended = match by {
                    Some(by) => self.run(service.delete_dashboard(account_id(by), on))?,
                    None => self.run(service.delete_dashboard(Actor::Host, on))?,
                };
                self.ended(&mut outcome, &ended.answer);
            }
            Command::DeleteAccount { account } => {
                for ended in self.run(service.delete_account(account_id(account)))? {
                    self.ended(&mut outcome, &ended.answer);
                }
                outcome.fell.sort_unstable();
                service.directory().remove_account(account_id(account));
            }
            Command::RotateLink { dashboard, by, expiry, lock } => {
                let on = dashboard_id(dashboard);
                let new = NewLink::until(expiry_of(expiry)).locked(locks::lock_of(lock));
                let link = self.run(service.rotate_link(actor(by), on, new))?;
                outcome.lock = Some(locks::lock(link.effective_lock.as_deref()));
                self.digests.push(link.token.digest());
                self.tokens.insert(step.n, (dashboard, link.token.expose().to_owned()));
                outcome.ends = Some(instant(link.ends));
            }
            Command::NarrowLink { dashboard, by, lock } => {
                let narrow = service.narrow_link(actor(by), dashboard_id(dashboard), locks::lock_of(lock));
                let narrowed = self.run(narrow)?;
                outcome.lock = Some(locks::lock(narrowed.lock.as_deref()));
            }
            Command::Remind { dashboard, until } => {
                let reminded = self.run(service.remind(dashboard_id(dashboard), time(until)))?;
                outcome.reminded = self.all(&reminded.answer);
            }
            Command::MoveLinkEnd { dashboard, by, expiry } => {
                let on = dashboard_id(dashboard);
                let moved = self.run(service.move_link_end(actor(by), on, expiry_of(expiry)))?;
                outcome.ends = Some(instant(moved.ends));
            }
            Command::Suspend { dashboard } => {
                self.run(service.suspend_dashboard(dashboard_id(dashboard)))?;
            }
            Command::Resume { dashboard } => {
                self.run(service.resume_dashboard(dashboard_id(dashboard)))?;
            }
            Command::PauseLink { dashboard, by } => {
                self.run(service.pause_link(actor(by), dashboard_id(dashboard)))?;
            }
            Command::ResumeLink { dashboard, by } => {
                self.run(service.resume_link(actor(by), dashboard_id(dashboard)))?;
            }
            Command::WithdrawLink { dashboard, by } => {
                self.run(service.withdraw_link(actor(by), dashboard_id(dashboard)))?;
            }
        }
        Ok(outcome)
    }

    fn set_tenant(&mut self, dashboard: Dashboard, rules: Rules, policies: Policies) {
        self.tenants.insert(dashboard, (rules, policies));
        let mut tenant = MemoryDirectory::open_tenant();
        tenant.rules = sharing_rules(rules);
        if policies.denied != People::NOBODY {
            tenant.policies = tenant.policies.with(&policy("deny", "dashboard", policies.denied));
        }
        if policies.blind != People::NOBODY {
            tenant.policies = tenant.policies.with(&policy("deny", "device", policies.blind));
        }
        if policies.allowed != People::NOBODY {
            tenant.policies = tenant.policies.with(&policy("allow", "dashboard", policies.allowed));
        }
        if policies.sighted != People::NOBODY {
            tenant.policies = tenant.policies.with(&policy("allow", "device", policies.sighted));
        }
        self.service.directory().set_tenant(tenant_id(dashboard), tenant);
    }

    /// A grant named on a dashboard that it is not of is an unknown one.
    fn refuses_elsewhere(
        &self,
        dashboard: Dashboard,
        command: impl FnOnce(DashboardId) -> Result<(), Error>,
    ) {
        let elsewhere = Dashboard((dashboard.0 + 1) % DASHBOARDS);
        match command(dashboard_id(elsewhere)) {
            Err(Error::Refused(dashshare::Refusal::UnknownGrant | dashshare::Refusal::Suspended)) => {}
            other => panic!("a grant of {dashboard:?} named on {elsewhere:?}: {other:?}"),
        }
    }

    fn ended(&self, outcome: &mut Outcome, ended: &Ended) {
        outcome.fell.extend(self.all(&ended.fell));
        outcome.link_fell |= ended.link_fell;
    }

    fn transferred(
        &mut self,
        step: Step,
        dashboard: Dashboard,
        outcome: &mut Outcome,
        kept: Option<GrantId>,
        fell: &[GrantId],
    ) {
        outcome.fell = self.all(fell);
        if let Some(kept) = kept {
            self.note(Grant::of(step.n, 0), dashboard, kept);
            outcome.grant = Some(self.label(kept));
        }
    }

    fn note(&mut self, label: Grant, dashboard: Dashboard, id: GrantId) {
        self.ids.insert(label, (dashboard, id));
        self.labels.insert(id, label);
    }

    /// A label that nothing was called by stands for an id that nobody has.
    fn id(&self, label: Grant) -> (Dashboard, GrantId) {
        let nobodys = (Dashboard(0), GrantId::from(u64::from(label.0)));
        self.ids.get(&label).copied().unwrap_or(nobodys)
    }

    pub(super) fn label(&self, id: GrantId) -> Grant {
        self.labels.get(&id).copied().unwrap_or(STRANGER)
    }

    fn all(&self, ids: &[GrantId]) -> Vec<Grant> {
        ids.iter().map(|id| self.label(*id)).collect()
    }

    // Questions.

    fn allows(&self, account: Account, dashboard: Dashboard, action: Action, t: Instant) -> bool {
        let (account, dashboard) = (account_id(account), dashboard_id(dashboard));
        let decision = block_on(self.service.as_of(time(t)).authorize(account, dashboard, action));
        decision.expect("memory never fails").was_allowed()
    }

    /// What an account may do now, whether it may share, and what it is told for every action; of a dashboard that does
    /// not exist if none is named.
    pub(crate) fn present(
        &self,
        account: Account,
        dashboard: Option<Dashboard>,
    ) -> (Rights, bool, Vec<Told>) {
        let nowhere = DashboardId::from_bytes([0xee; 16]);
        let (account, dashboard) = (account_id(account), dashboard.map_or(nowhere, dashboard_id));
        let (mut rights, mut may_share, mut told) = (Rights::NONE, false, Vec::new());
        for action in [Action::View, Action::Export, Action::Share, Action::Arrange, Action::Edit] {
            let decision = block_on(self.service.authorize(account, dashboard, action));
            let decision = decision.expect("memory never fails");
            told.push(decision.tell());
            match action {
                Action::View if decision.is_allowed() => rights = rights.or(Rights::VIEW),
                Action::Export if decision.is_allowed() => rights = rights.or(Rights::EXPORT),
                Action::Share => may_share = decision.is_allowed(),
                _ => {}
            }
        }
        (rights, may_share, told)
    }

    /// What the account may do at an instant.
    pub(crate) fn rights(&self, account: Account, dashboard: Dashboard, t: Instant) -> Rights {
        let mut rights = Rights::NONE;
        for (action, right) in [(Action::View, Rights::VIEW), (Action::Export, Rights::EXPORT)] {
            if self.allows(account, dashboard, action, t) {
                rights = rights.or(right);
            }
        }
        rights
    }

    pub(crate) fn may_share(&self, account: Account, dashboard: Dashboard, t: Instant) -> bool {
        self.allows(account, dashboard, Action::Share, t)
    }

    /// The steps whose tokens open the dashboard now.
    pub(crate) fn open_links(&self, dashboard: Dashboard) -> Vec<u32> {
        let tokens = self.tokens.iter().filter(|(_, (d, _))| *d == dashboard);
        let opens = |token: &str| {
            let decision = block_on(self.service.visit(token)).expect("memory never fails");
            assert!(!decision.is_allowed() || decision.dashboard() == Some(dashboard_id(dashboard)));
            decision.is_allowed()
        };
        tokens.filter(|(_, (_, token))| opens(token)).map(|(step, _)| *step).collect()
    }

    /// What the list shows to somebody, `None` for who is no party.
    pub(crate) fn view(&self, by: Account, dashboard: Dashboard, t: Instant) -> Option<View> {
        let list = block_on(self.service.as_of(time(t)).access_list(account_id(by), dashboard_id(dashboard)))
            .ok()?;
        let grants = list.grants.iter().map(|grant| {
            assert_eq!(grant.depth(), grant.path.len());
            assert_eq!(grant.pending, matches!(grant.grantee, Holder::Address(_)));
            Line {
                grant: self.label(grant.grant),
                grantor: account(grant.grantor),
                grantee: with(&grant.grantee),
                rights: rights(grant.rights),
                reshare: grant.reshare,
                expiry: instant(grant.expiry),
                ends: instant(grant.ends),
                path: self.all(&grant.path),
                lock: locks::lock(grant.lock.as_deref()),
                effective_lock: locks::lock(grant.effective_lock.as_deref()),
                shows_nothing: grant.shows_nothing,
            }
        });
        let link = list.link.as_ref().map(|link| LinkLine {
            maker: account(link.maker),
            hangs_on: link.grant.map(|grant| self.label(grant)),
            paused: link.paused,
            ends: instant(link.ends),
            lock: locks::lock(link.lock.as_deref()),
            effective_lock: locks::lock(link.effective_lock.as_deref()),
            shows_nothing: link.shows_nothing,
        });
        Some(View { owner: account(list.owner), grants: grants.collect(), link })
    }

    /// Who may do what at an instant, the owner left out.
    pub(crate) fn viewers(&self, dashboard: Dashboard, t: Instant) -> Option<Vec<Viewer>> {
        let viewers = block_on(self.service.as_of(time(t)).viewers(dashboard_id(dashboard))).ok()?;
        let viewers = viewers
            .iter()
            .map(|it| (account(it.account), rights(it.rights), instant(it.ends), locks::sights(&it.sights)));
        Some(viewers.collect())
    }

    /// Who loses access by an instant.
    pub(crate) fn losing(&self, dashboard: Dashboard, until: Instant) -> Option<Vec<Account>> {
        let losing = block_on(self.service.losing_access(dashboard_id(dashboard), time(until))).ok()?;
        Some(losing.iter().map(|losing| account(losing.account)).collect())
    }

    /// What is shared with an account.
    pub(crate) fn shared_with(
        &self,
        who: Account,
        t: Instant,
    ) -> Vec<(Dashboard, Rights, bool, Expiry, Vec<Sight>)> {
        let shared = block_on(self.service.as_of(time(t)).shared_with(account_id(who), Page::first(100)))
            .expect("memory never fails");
        let shared = shared.iter().map(|shared| {
            let sights = locks::sights(&shared.sights);
            (dashboard(shared.dashboard), rights(shared.rights), shared.reshare, instant(shared.ends), sights)
        });
        shared.collect()
    }

    pub(crate) fn impact(&self, by: Account, grant: Grant) -> Result<Impact, String> {
        let (on, id) = self.id(grant);
        let impact = block_on(self.service.impact_of_revoking(account_id(by), dashboard_id(on), id));
        let impact =
            impact.map_err(|error| error.refusal().map_or("error", |refusal| refusal.code()).to_owned())?;
        Ok(Impact {
            lose: impact.lose.into_iter().map(account).collect(),
            keep: impact.keep.into_iter().map(|(who, keeps)| (account(who), rights(keeps))).collect(),
            sights: impact.sights.iter().map(|(who, all)| (account(*who), locks::sights(all))).collect(),
            invitations: impact.invitations.iter().map(with).collect(),
            link: impact.link.is_some(),
        })
    }
}

// The model's words for the library's values, and back.

pub(crate) fn time(t: Instant) -> Timestamp {
    Timestamp::from_micros(t)
}

pub(crate) fn account_id(account: Account) -> AccountId {
    AccountId::from(u64::from(account.0))
}

pub(crate) fn account(id: AccountId) -> Account {
    Account(id.to_u64().and_then(|number| u8::try_from(number).ok()).expect("an account of the history"))
}

pub(crate) fn dashboard_id(dashboard: Dashboard) -> DashboardId {
    DashboardId::from(u64::from(dashboard.0))
}

fn dashboard(id: DashboardId) -> Dashboard {
    Dashboard(id.to_u64().and_then(|number| u8::try_from(number).ok()).expect("a dashboard of the history"))
}

pub(crate) fn tenant_id(dashboard: Dashboard) -> TenantId {
    TenantId::from(u64::from(dashboard.0))
}

pub(crate) fn email(address: Address) -> EmailAddress {
    format!("e{}@d{}.example.com", address.0, address.domain()).parse().expect("an address")
}

fn holder(with: With) -> Holder {
    match with {
        With::Account(account) => account_id(account).into(),
        With::Address(address) => email(address).into(),
    }
}

fn with(holder: &Holder) -> With {
    match holder {
        Holder::Account(id) => With::Account(account(*id)),
        Holder::Address(address) => {
            let number = address.as_str().strip_prefix('e').and_then(|rest| rest.split('@').next());
            With::Address(Address(
                number.and_then(|number| number.parse().ok()).expect("an address of the history"),
            ))
        }
    }
}

fn rights_of(rights: Rights) -> dashshare::Rights {
    let mut set = dashshare::Rights::NONE;
    for (one, right) in [(Rights::VIEW, dashshare::Rights::VIEW), (Rights::EXPORT, dashshare::Rights::EXPORT)]
    {
        if rights.covers(one) {
            set = set | right;
        }
    }
    set
}

pub(super) fn rights(set: dashshare::Rights) -> Rights {
    let mut rights = Rights::NONE;
    for (one, right) in [(Rights::VIEW, dashshare::Rights::VIEW), (Rights::EXPORT, dashshare::Rights::EXPORT)]
    {
        if set.covers(right) {
            rights = rights.or(one);
        }
    }
    rights
}

fn expiry_of(expiry: Expiry) -> dashshare::Expiry {
    expiry.map(time).into()
}

pub(super) fn instant(expiry: dashshare::Expiry) -> Expiry {
    expiry.at().map(Timestamp::micros)
}

fn terms_of(terms: Terms) -> dashshare::Terms {
    let mut set =
        dashshare::Terms::of(rights_of(terms.rights), expiry_of(terms.expiry)).reshare(terms.reshare);
    set.lock = locks::stored(terms.lock);
    set
}

fn sharing_rules(rules: Rules) -> SharingRules {
    SharingRules {
        private: rules.private,
        public: rules.public,
        resharing: rules.resharing,
        max_days: rules.max_days.map(u32::from),
        invitation_days: rules.invitation_days.map(u32::from),
        max_depth: rules.depth,
        blocked_domains: domains(rules.blocked),
        allowed_domains: domains(rules.allowed),
        limits: limits(rules.limits),
        link_lock: locks::stored(rules.link_lock),
        reshare_lock: locks::stored(rules.reshare_lock),
        ..SharingRules::default()
    }
}

fn limits(limits: Limits) -> dashshare::directory::Limits {
    let mut set = dashshare::directory::Limits::default();
    set.grants_of_person = limits.of_person.into();
    set.grants = limits.grants.into();
    set.grants_shared_on = limits.shared_on.into();
    set.invitations = limits.invitations.into();
    set
}

fn domains(bits: u8) -> Vec<String> {
    let chosen = (0..DOMAINS).filter(|domain| bits & 1 << domain != 0);
    chosen.map(|domain| format!("d{domain}.example.com")).collect()
}

/// A policy that denies some accounts all resources of a kind, or lets them see those.
fn policy(effect: &str, kind: &str, people: People) -> Document {
    let targets = (0..16).map(Account).filter(|account| people.have(*account));
    let targets: Vec<String> = targets.map(|it| format!(r#"["run_user", "id", "a{}"]"#, it.0)).collect();
    let document = format!(
        r#"{{"id": "{effect}-{kind}", "targets": [{}],
            "permissions": [{{"effect": "{effect}", "action": ["access"], "resource": ["{kind}"]}}]}}"#,
        targets.join(", "),
    );
    Document::parse(&document).expect("a policy")
}
