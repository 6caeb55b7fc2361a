//! Policies over sharing, where a history in the scenario language cannot show it.

use dashshare::{
    AccountId, Action, Amendment, BoxError, DashboardId, Dashshare, Directory, EmailAddress, Error, Expiry,
    FixedEnv, MemoryDirectory, MemoryStore, NewShare, Refusal, RevokeMode, Rights, TenantId, Terms,
    Timestamp,
    blueprint::Blueprint,
    directory::{Account, Attestor, CandidatePage, Tenant},
    explain::{Because, Denial, LinkCause, Missing, Symptom},
    policy::{Document, Effect, Nearest, Outcome, PolicySet, Principal, Resource, RuleRef},
    questions::Page,
    trail::Actor,
};
use pollster::block_on;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

/// It allows Bob a device, which the dashboard does not show.
const ROOF: &str = r#"{"id": "p", "targets": [["run_user", "id", "bob"]], "permissions": [
    {"effect": "allow", "action": ["access"], "resource": ["device", "id", "roof"]}]}"#;
const TENANT: u64 = 1;
const BOARD: u64 = 7;
const OLGA: u64 = 1;
const ANN: u64 = 2;
const BOB: u64 = 3;
const CYD: u64 = 4;

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn board() -> DashboardId {
    DashboardId::from(BOARD)
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A directory whose answers about policies can be taken away, one method at a time.
struct Host {
    inner: MemoryDirectory,
    failing: Mutex<Option<&'static str>>,
    knows_dashboards: Mutex<bool>,
    /// What these methods answer instead.
    instead: Mutex<BTreeMap<&'static str, Resource>>,
}

impl Host {
    fn pass(&self, method: &'static str) -> Result<(), BoxError> {
        match *self.failing.lock().unwrap() {
            Some(failing) if failing == method => Err(method.into()),
            _ => Ok(()),
        }
    }
}

impl Directory for Host {
    async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
        self.inner.account(id, attestor).await
    }
    async fn account_of(&self, at: &EmailAddress, by: &Attestor) -> Result<Option<Account>, BoxError> {
        self.inner.account_of(at, by).await
    }
    async fn tenant(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, BoxError> {
        self.inner.tenant(id).await
    }
    async fn principal(&self, of: TenantId, id: AccountId) -> Result<Option<Arc<Principal>>, BoxError> {
        self.pass("principal")?;
        self.inner.principal(of, id).await
    }
    async fn dashboard(&self, dashboard: DashboardId) -> Result<Option<Arc<Resource>>, BoxError> {
        self.pass("dashboard")?;
        if let Some(other) = self.instead.lock().unwrap().get("dashboard") {
            return Ok(Some(Arc::new(other.clone())));
        }
        let known = *self.knows_dashboards.lock().unwrap();
        Ok(self.inner.dashboard(dashboard).await?.filter(|_| known))
    }
    async fn variables(&self, of: DashboardId, device: &str) -> Result<dashshare::lock::Variables, BoxError> {
        self.pass("variables")?;
        self.inner.variables(of, device).await
    }

    async fn device(&self, of: DashboardId, device: &str) -> Result<Option<Arc<Resource>>, BoxError> {
        self.pass("device")?;
        if let Some(other) = self.instead.lock().unwrap().get("device") {
            return Ok(Some(Arc::new(other.clone())));
        }
        self.inner.device(of, device).await
    }
    async fn devices(&self, of: DashboardId) -> Result<Vec<Arc<Resource>>, BoxError> {
        self.pass("devices")?;
        if let Some(other) = self.instead.lock().unwrap().get("devices") {
            return Ok(vec![Arc::new(other.clone())]);
        }
        self.inner.devices(of).await
    }
    async fn blueprint(&self, of: DashboardId) -> Result<Option<Arc<Blueprint>>, BoxError> {
        self.pass("blueprint")?;
        self.inner.blueprint(of).await
    }
    async fn candidates(&self, page: &CandidatePage) -> Result<Vec<Arc<Resource>>, BoxError> {
        self.pass("candidates")?;
        self.inner.candidates(page).await
    }
}

type Sharing = Dashshare<MemoryStore, Host, FixedEnv>;

/// Olga's dashboard with a door and a window, shared with Ann, who may share it on; all are known to the policies.
fn sharing() -> Sharing {
    let inner = MemoryDirectory::default();
    for (number, name) in [(OLGA, "olga"), (ANN, "ann"), (BOB, "bob"), (CYD, "cyd")] {
        inner.add_account(account(number));
        inner.set_principal(TenantId::from(TENANT), account(number), Principal::run_user(name));
    }
    for device in ["door", "window"] {
        inner.add_device(board(), Resource::new("device", device));
    }
    inner.set_dashboard(board(), Resource::new("dashboard", "board").with_tag("floor", "1"));
    let host = Host {
        inner,
        failing: Mutex::default(),
        knows_dashboards: Mutex::new(true),
        instead: Mutex::default(),
    };
    let sharing = Dashshare::new(MemoryStore::default(), host, FixedEnv::new(start(), 1));
    block_on(sharing.register(board(), TenantId::from(TENANT), account(OLGA))).unwrap();
    let terms = Terms::view(Expiry::At(start().plus_days(30))).and_reshare();
    block_on(sharing.share(account(OLGA), board(), NewShare::with(account(ANN), terms))).unwrap();
    sharing
}

/// The open tenant with these policies beside its own.
fn govern(sharing: &Sharing, documents: &[&str]) {
    let mut tenant = MemoryDirectory::open_tenant();
    for text in documents {
        tenant.policies = tenant.policies.with(&Document::parse(text).unwrap());
    }
    sharing.directory().inner.set_tenant(TenantId::from(TENANT), tenant);
}

const NOT_ANN: &str = r#"{"id": "not-ann", "targets": [["run_user", "id", "ann"]], "permissions": [
    {"effect": "deny", "action": ["access"], "resource": ["dashboard", "tag.key", "floor", "tag.value", "1"]}]}"#;
const BOB_TOO: &str = r#"{"id": "bob-too", "name": "Bob as well", "targets": [["run_user", "id", "bob"]], "permissions": [
    {"effect": "allow", "action": ["access"], "resource": ["device", "id", "door"]},
    {"effect": "allow", "action": ["access"], "resource": ["dashboard"]}]}"#;

/// D7, D2: who may see a dashboard, and who is about to lose it, leaves out whom a policy denies it.
#[test]
fn whom_a_policy_denies_a_dashboard_is_no_viewer() {
    let sharing = sharing();
    let who = || -> (BTreeSet<AccountId>, Vec<AccountId>, usize) {
        let viewers = block_on(sharing.viewers(board())).unwrap();
        let losing = block_on(sharing.losing_access(board(), start().plus_days(40))).unwrap();
        let shared = block_on(sharing.shared_with(account(ANN), Page::first(9))).unwrap();
        (
            viewers.iter().map(|viewer| viewer.account).collect(),
            losing.iter().map(|losing| losing.account).collect(),
            shared.len(),
        )
    };
    assert_eq!(who(), ([account(ANN)].into(), vec![account(ANN)], 1));
    govern(&sharing, &[NOT_ANN]);
    assert_eq!(who(), ([].into(), vec![], 0));
    govern(&sharing, &[BOB_TOO]);
    assert_eq!(who(), ([account(ANN)].into(), vec![account(ANN)], 1));
}

/// D1, D2: a dashboard that the host does not know is denied to everybody but its owner wherever policies are asked.
#[test]
fn a_dashboard_that_the_host_does_not_know_is_denied_where_policies_are_asked() {
    let sharing = sharing();
    let link = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).unwrap();
    govern(&sharing, &[NOT_ANN, BOB_TOO]);
    let allowed =
        |who| block_on(sharing.authorize(account(who), board(), Action::View)).unwrap().is_allowed();
    let visits = || block_on(sharing.visit(link.token.expose())).unwrap().is_allowed();
    assert!(visits() && allowed(OLGA) && allowed(BOB) && !allowed(ANN));
    *sharing.directory().knows_dashboards.lock().unwrap() = false;
    assert!(!visits() && allowed(OLGA) && !allowed(BOB) && !allowed(ANN));
    let decision = block_on(sharing.authorize(account(BOB), board(), Action::View)).unwrap();
    assert_eq!(decision.denial(), Some(Denial::UnknownDashboard));
    // Nor can it be handed on by whom it was shared with.
    let terms = Terms::view(Expiry::Never);
    let refused = block_on(sharing.share(account(ANN), board(), NewShare::with(account(CYD), terms.clone())))
        .unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::UnknownDashboard));
    assert!(
        block_on(sharing.share(account(OLGA), board(), NewShare::with(account(CYD), terms.clone()))).is_ok()
    );
}

/// D2, G12, G20: whom a policy denies a dashboard cannot hand it on or prolong it, and can still take back and end.
#[test]
fn what_a_policy_denies_cannot_be_handed_on_and_can_be_taken_back() {
    let sharing = sharing();
    let (olga, ann) = (account(OLGA), account(ANN));
    let week = Terms::view(Expiry::At(start().plus_days(7)));
    let given =
        block_on(sharing.share(ann, board(), NewShare::with(account(CYD), week.clone()))).unwrap().grant;
    block_on(sharing.rotate_link(ann, board(), Expiry::Never)).unwrap();
    block_on(sharing.pause_link(ann, board())).unwrap();
    govern(&sharing, &[NOT_ANN]);
    let by = RuleRef { policy: "not-ann".to_owned(), rule: 0 };
    let refusal = Refusal::PolicyDenies(by);
    let end = |days| Amendment::default().expiry(Expiry::At(start().plus_days(days)));
    let refused = [
        block_on(sharing.share(ann, board(), NewShare::with(account(BOB), week.clone()))).map(|_| ()),
        block_on(sharing.amend(ann, board(), given, end(8))).map(|_| ()),
        block_on(sharing.resume_link(ann, board())).map(|_| ()),
        block_on(sharing.rotate_link(ann, board(), Expiry::Never)).map(|_| ()),
    ];
    for result in refused {
        assert_eq!(result.unwrap_err().refusal(), Some(&refusal));
    }
    assert!(block_on(sharing.amend(ann, board(), given, end(6))).is_ok());
    // The owner is above policies, although they know her.
    let no_olga = NOT_ANN.replace("ann", "olga");
    govern(&sharing, &[&no_olga]);
    assert!(block_on(sharing.amend(olga, board(), given, end(9))).is_ok());
    assert!(block_on(sharing.share(olga, board(), NewShare::with(account(BOB), week.clone()))).is_ok());
    govern(&sharing, &[NOT_ANN]);
    assert!(block_on(sharing.withdraw_link(ann, board())).is_ok());
    assert!(block_on(sharing.revoke(ann, board(), given, RevokeMode::Cascade)).is_ok());
    let decision = block_on(sharing.authorize(ann, board(), Action::Share)).unwrap();
    assert!(matches!(decision.denial(), Some(Denial::PolicyDenies(_))));
}

/// P8, D4: a decision's explanation has the policies that were considered, the rule that decided, and for a denial the
/// nearest thing that would change it; it has none where no policy could have changed it.
#[test]
fn an_explanation_has_the_policies_that_were_considered() {
    let sharing = sharing();
    let explain =
        |who, action| block_on(sharing.authorize(account(who), board(), action)).unwrap().explanation();
    assert!(explain(ANN, Action::View).policies.is_none());
    govern(&sharing, &[NOT_ANN, BOB_TOO]);
    assert!(explain(OLGA, Action::Edit).policies.is_none());

    let bobs = explain(BOB, Action::View);
    let rule = RuleRef { policy: "bob-too".to_owned(), rule: 1 };
    assert_eq!((bobs.allowed, bobs.because), (true, Because::Policy(rule)));
    let policies = bobs.policies.unwrap();
    assert_eq!(policies.considered.len(), 1);
    let outcomes: Vec<Outcome> = policies.considered[0].rules.iter().map(|rule| rule.outcome).collect();
    assert_eq!(policies.considered[0].name, "Bob as well");
    assert_eq!(outcomes, [Outcome::OtherKind, Outcome::Matched]);
    assert_eq!(policies.nearest, None);

    let anns = explain(ANN, Action::View).policies.unwrap();
    assert_eq!(
        (anns.effect, anns.policy.as_deref(), anns.rule),
        (Some(Effect::Deny), Some("not-ann"), Some(0))
    );
    let nearest = Nearest::RemoveDeny { policy: "not-ann".to_owned(), rule: 0, denies: 1, suffices: true };
    // Her grant allows it, so that the deny alone is in the way.
    assert_eq!(anns.nearest, Some(nearest));

    let link = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).unwrap();
    let visit = block_on(sharing.visit(link.token.expose())).unwrap().explanation();
    let rule = RuleRef { policy: "open".to_owned(), rule: 0 };
    assert_eq!(visit.because, Because::Link(rule));
    assert_eq!(visit.policies.unwrap().policy.as_deref(), Some("open"));
    // L9: a visitor who is denied learns nothing of policies.
    let denied = block_on(sharing.visit("dsl_guess")).unwrap().explanation();
    assert!(denied.policies.is_none());
}

/// D3, D5: a directory that answers for another device, or with another kind, lets no deny lapse: it is an error.
#[test]
fn a_directory_that_answers_for_something_else_is_an_error() {
    let sharing = sharing();
    let deny = r#"{"effect": "deny", "action": ["access"], "resource": ["device", "id", "door"]}"#;
    govern(&sharing, &[&format!(r#"{{"id": "p", "targets": [["run_user"]], "permissions": [{deny}]}}"#)]);
    let ann = || block_on(sharing.authorize(account(ANN), board(), Action::View));
    let decision = ann().unwrap();
    let instead = |method, resource| {
        *sharing.directory().instead.lock().unwrap() = BTreeMap::from([(method, resource)]);
    };
    let is_error = |what: &str, error: Option<Error>| {
        assert!(matches!(error, Some(Error::Directory(_))), "{what}: {error:?}");
    };
    for other in [
        Resource::new("device", "window"),
        Resource::new("dashboard", "door"),
        Resource { id: None, ..Resource::new("device", "door") },
    ] {
        instead("device", other.clone());
        is_error("a device", block_on(sharing.authorize_device(&decision, "door")).err());
        let past = sharing.as_of(start());
        is_error("then", block_on(past.authorize_device(account(ANN), board(), Action::View, "door")).err());
    }
    for other in
        [Resource::new("dashbord", "board"), Resource { id: None, ..Resource::new("dashboard", "board") }]
    {
        instead("dashboard", other);
        is_error("a dashboard", ann().err());
        is_error("its link", block_on(sharing.missing_to_publish(account(OLGA), board())).err());
    }
    instead("devices", Resource::new("dashboard", "door"));
    is_error("the devices", block_on(sharing.missing_to_publish(account(OLGA), board())).err());
    sharing.directory().instead.lock().unwrap().clear();
    assert!(ann().unwrap().is_allowed());
}

/// P8: where the policies' explanation stopped, the decision's says so too.
#[test]
fn a_sentence_says_that_not_all_is_told_of_the_policies() {
    let sharing = sharing();
    govern(&sharing, &[ROOF]);
    let decision = block_on(sharing.authorize(account(BOB), board(), Action::View)).unwrap();
    let mut explanation = decision.explanation();
    assert_eq!(decision.explain(), explanation.sentence_with(&|account| account.to_string()));
    let set = PolicySet::compile(&[Document::parse(ROOF).unwrap()]).unwrap().set;
    let board = Resource::new("dashboard", "board");
    explanation.policies = Some(set.explain_within(0, &Principal::run_user("bob"), "access", &board));
    let told = explanation.sentence_with(&|account| account.to_string());
    let rest = told.strip_prefix(&decision.explain()).expect("it begins alike");
    assert!(rest.contains("stopped after 0 steps"), "{told}");
}

/// D3, L7: a device is judged by the policies of the moment, not by those of the decision that it narrows.
#[test]
fn a_device_is_judged_by_the_policies_of_the_moment() {
    let sharing = sharing();
    govern(&sharing, &[BOB_TOO]);
    let link = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).unwrap();
    let bob = block_on(sharing.authorize(account(BOB), board(), Action::View)).unwrap();
    let ann = block_on(sharing.authorize(account(ANN), board(), Action::View)).unwrap();
    let visitor = block_on(sharing.visit(link.token.expose())).unwrap();
    let sees = |decision, device| block_on(sharing.authorize_device(decision, device)).unwrap().denial();
    let window = || Some(Denial::DeviceNotAllowed("window".to_owned()));
    assert_eq!([sees(&bob, "door"), sees(&ann, "door"), sees(&visitor, "door")], [None, None, None]);
    assert_eq!(
        [sees(&bob, "window"), sees(&ann, "window"), sees(&visitor, "window")],
        [window(), None, None]
    );

    let no_door = r#"{"id": "no-door", "targets": [["run_user"]], "permissions": [
        {"effect": "deny", "action": ["access"], "resource": ["device", "id", "door"]}]}"#;
    govern(&sharing, &[BOB_TOO, no_door]);
    let by = RuleRef { policy: "no-door".to_owned(), rule: 0 };
    let denied = Some(Denial::DeviceDenied { device: "door".to_owned(), by });
    assert_eq!(
        [sees(&bob, "door"), sees(&ann, "door"), sees(&visitor, "door")],
        [denied.clone(), denied.clone(), denied]
    );
    // With no policy at all a grant still covers what the dashboard shows, and nobody else sees it.
    let none = Tenant { policies: PolicySet::default(), ..MemoryDirectory::open_tenant() };
    sharing.directory().inner.set_tenant(TenantId::from(TENANT), none);
    let door = || Some(Denial::DeviceNotAllowed("door".to_owned()));
    assert_eq!([sees(&bob, "door"), sees(&ann, "door"), sees(&visitor, "door")], [door(), None, door()]);
}

/// D6: a directory that fails where policies are asked is an error with its source, and never an allowance.
#[test]
fn a_directory_that_fails_where_policies_are_asked_is_an_error() {
    let sharing = sharing();
    let link = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).unwrap();
    govern(&sharing, &[NOT_ANN, BOB_TOO]);
    let bob = block_on(sharing.authorize(account(BOB), board(), Action::View)).unwrap();
    let fails = |method, result: Result<(), Error>| {
        let Err(Error::Directory(source)) = result else { panic!("{method} did not fail: {result:?}") };
        assert_eq!(source.to_string(), method);
    };
    for method in ["principal", "dashboard"] {
        *sharing.directory().failing.lock().unwrap() = Some(method);
        fails(method, block_on(sharing.authorize(account(BOB), board(), Action::View)).map(drop));
        fails(method, block_on(sharing.viewers(board())).map(drop));
        let terms = Terms::view(Expiry::Never);
        fails(
            method,
            block_on(sharing.share(account(ANN), board(), NewShare::with(account(CYD), terms.clone())))
                .map(drop),
        );
        fails(method, block_on(sharing.authorize_device(&bob, "door")).map(drop));
    }
    *sharing.directory().failing.lock().unwrap() = Some("device");
    fails("device", block_on(sharing.authorize_device(&bob, "door")).map(drop));
    for method in ["dashboard", "devices"] {
        *sharing.directory().failing.lock().unwrap() = Some(method);
        fails(method, block_on(sharing.missing_to_publish(account(OLGA), board())).map(drop));
        fails(method, block_on(sharing.diagnose_link(account(OLGA), board(), None)).map(drop));
        fails(method, block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).map(drop));
    }
    *sharing.directory().failing.lock().unwrap() = Some("dashboard");
    fails("dashboard", block_on(sharing.visit(link.token.expose())).map(drop));
}

/// P8, L9: the owner's diagnosis tells the symptoms of the help page apart, the blank widgets of 'dashboard allowed,
/// device not' among them, while the link opens.
#[test]
fn the_owners_diagnosis_knows_each_symptom() {
    let sharing = sharing();
    let old = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).unwrap();
    let new = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).unwrap();
    let diagnose = |token: &str| {
        let found = block_on(sharing.diagnose_link(account(OLGA), board(), Some(token))).unwrap();
        let symptoms: Vec<Symptom> = found.causes.iter().map(LinkCause::symptom).collect();
        (found.opens, symptoms, found.causes)
    };
    assert_eq!(diagnose(new.token.expose()), (true, vec![], vec![]));
    assert_eq!(diagnose(old.token.expose()), (false, vec![Symptom::DeadLink], vec![LinkCause::NotThisLink]));
    let set = |change: &dyn Fn(&mut Tenant)| {
        let mut tenant = MemoryDirectory::open_tenant();
        change(&mut tenant);
        sharing.directory().inner.set_tenant(TenantId::from(TENANT), tenant);
        diagnose(new.token.expose())
    };
    let (opens, symptoms, _) = set(&|tenant| tenant.portal.active = false);
    assert_eq!((opens, symptoms), (false, vec![Symptom::NotLoading]));
    let policy = |rule: &str| {
        let text = format!(r#"{{"id": "open", "targets": [["run_user"]], "permissions": [{rule}]}}"#);
        PolicySet::default().with(&Document::parse(&text).unwrap())
    };
    let devices = r#"{"effect": "allow", "action": ["access"], "resource": ["device"]}"#;
    let (opens, symptoms, _) = set(&|tenant| tenant.policies = policy(devices));
    assert_eq!((opens, symptoms), (false, vec![Symptom::PermissionDenied]));
    let dashboards = r#"{"effect": "allow", "action": ["access"], "resource": ["dashboard"]}"#;
    let (opens, symptoms, causes) = set(&|tenant| tenant.policies = policy(dashboards));
    assert_eq!((opens, symptoms), (true, vec![Symptom::BlankWidgets; 2]));
    let named = ["door", "window"].map(|device| LinkCause::Missing(Missing::DevicePolicy(device.to_owned())));
    assert_eq!(causes, named);
}

fn deny(id: &str, who: &str, kind: &str) -> String {
    format!(
        r#"{{"id": "{id}", "targets": [["run_user", "id", "{who}"]], "permissions": [
            {{"effect": "deny", "action": ["access"], "resource": ["{kind}"]}}]}}"#
    )
}

/// D3: whoever owns a dashboard sees the devices that it shows, unless a policy denies it one as a portal user; also one
/// that took a clone, and chose itself what that shows.
#[test]
fn a_policy_denies_a_device_to_the_owner_too_and_the_dashboard_not() {
    let sharing = sharing();
    let olga = || block_on(sharing.authorize(account(OLGA), board(), Action::View)).unwrap();
    let sees = |device| block_on(sharing.authorize_device(&olga(), device)).unwrap();
    assert!(sees("door").is_allowed() && sees("window").is_allowed());
    assert_eq!(sees("cellar").denial(), Some(Denial::DeviceNotShown("cellar".to_owned())));
    let door = deny("no-door", "olga", "device").replace(r#"["device"]"#, r#"["device", "id", "door"]"#);
    govern(&sharing, &[&deny("no-board", "olga", "dashboard"), &door]);
    assert!(olga().is_allowed(), "above what policies say of the dashboard");
    let by = RuleRef { policy: "no-door".to_owned(), rule: 0 };
    let denied = sees("door");
    assert_eq!(denied.denial(), Some(Denial::DeviceDenied { device: "door".to_owned(), by }));
    assert_eq!((denied.tell().code(), denied.permitted(Action::View)), ("device_not_available", None));
    assert_eq!(sees("window").permitted(Action::View), Some((board(), "window")));
    // As at any other instant.
    let then = sharing.as_of(start().plus_days(1));
    let then = block_on(then.authorize_device(account(OLGA), board(), Action::View, "door")).unwrap();
    assert!(!then.was_allowed());
}

/// D4: of two grants that both allow it, the one that ends later counts; for an action that only one allows, that one.
#[test]
fn an_allowance_lasts_as_long_as_the_last_grant_that_allows_it() {
    let sharing = sharing();
    let cyd = account(CYD);
    let give = |rights, days| {
        let terms = Terms::of(rights, Expiry::At(start().plus_days(days)));
        block_on(sharing.share(account(OLGA), board(), NewShare::with(cyd, terms))).unwrap()
    };
    let until = |action| {
        let decision = block_on(sharing.authorize(cyd, board(), action)).unwrap();
        let until = decision.valid_until().unwrap();
        for (at, allowed) in [(until.plus_micros(-1), true), (until, false)] {
            let then = block_on(sharing.as_of(at).authorize(cyd, board(), action)).unwrap();
            assert_eq!(then.was_allowed(), allowed);
        }
        until
    };
    give(Rights::ALL, 3);
    give(Rights::VIEW, 9);
    give(Rights::VIEW, 5);
    assert_eq!(until(Action::View), start().plus_days(9));
    assert_eq!(until(Action::Export), start().plus_days(3));
}

/// G1, G7, G20: whether somebody can share on is what a share would do: the depth that the tenant allows counts.
#[test]
fn who_is_as_deep_as_the_tenant_allows_cannot_share_on() {
    let sharing = sharing();
    let reshare = Terms::view(Expiry::Never).and_reshare();
    block_on(sharing.share(account(ANN), board(), NewShare::with(account(BOB), reshare.clone()))).unwrap();
    let may = |who| {
        let decision = block_on(sharing.authorize(account(who), board(), Action::Share)).unwrap();
        let shared = block_on(sharing.shared_with(account(who), Page::first(9))).unwrap();
        assert_eq!(decision.is_allowed(), shared[0].reshare);
        decision
    };
    for (depth, anns, bobs) in [(3, true, true), (2, true, false), (1, false, false)] {
        let mut tenant = MemoryDirectory::open_tenant();
        tenant.rules.max_depth = depth;
        sharing.directory().inner.set_tenant(TenantId::from(TENANT), tenant);
        assert_eq!((may(ANN).is_allowed(), may(BOB).is_allowed()), (anns, bobs));
        let other = reshare.clone().until(Expiry::At(start().plus_days(u32::from(depth))));
        let tried = block_on(sharing.share(account(BOB), board(), NewShare::with(account(CYD), other)));
        assert_eq!(tried.is_ok(), bobs);
        if !bobs {
            let denied = may(BOB);
            assert_eq!(denied.denial(), Some(Denial::TooDeep { limit: usize::from(depth) }));
            assert_eq!((denied.tell().code(), denied.tell().status()), ("too_deep", 403));
        }
    }
}

/// G15, G24, D7: a filter counts on every branch: whom a policy denies a dashboard keeps nothing, who keeps a lesser right
/// loses one, and who loses nothing is not reminded.
#[test]
fn impact_losing_and_reminders_judge_every_branch_alike() {
    let sharing = sharing();
    let (olga, bob) = (account(OLGA), account(BOB));
    let give = |rights, expiry| {
        let share = NewShare::with(bob, Terms::of(rights, expiry));
        block_on(sharing.share(olga, board(), share)).unwrap().grant
    };
    let soon = Expiry::At(start().plus_days(4));
    let within = |days| block_on(sharing.losing_access(board(), start().plus_days(days))).unwrap();
    let remind = || block_on(sharing.remind(board(), start().plus_days(9))).unwrap().answer;
    // He keeps what he also has for good.
    let views = give(Rights::VIEW, soon);
    give(Rights::VIEW, Expiry::Never);
    assert!(within(9).is_empty() && remind().is_empty());
    // He keeps to view, and can export no more.
    let exports = give(Rights::ALL, soon);
    let losing = within(9);
    assert_eq!((losing[0].account, losing[0].rights, losing[0].reshare), (bob, Rights::EXPORT, false));
    assert_eq!((losing.len(), losing[0].ends), (1, start().plus_days(4)));
    assert!(within(3).is_empty());
    assert_eq!(remind(), [exports]);
    assert!(remind().is_empty(), "once for each end");
    let impact = block_on(sharing.impact_of_revoking(olga, board(), exports)).unwrap();
    assert_eq!((impact.lose, impact.keep), (vec![], vec![(bob, Rights::VIEW)]));
    // The host asks in the owner's place, of what there is.
    let hosts = block_on(sharing.impact_of_revoking(Actor::Host, board(), exports)).unwrap();
    assert_eq!(hosts.keep, [(bob, Rights::VIEW)]);
    let listed = |by: Actor| block_on(sharing.access_list(by, board())).unwrap();
    assert_eq!(listed(Actor::Host), listed(olga.into()));
    let nowhere = block_on(sharing.access_list(Actor::Host, DashboardId::from(99u64))).unwrap_err();
    assert_eq!(nowhere.refusal(), Some(&Refusal::UnknownDashboard));

    govern(&sharing, &[&deny("not-bob", "bob", "dashboard")]);
    for grant in [views, exports] {
        let impact = block_on(sharing.impact_of_revoking(olga, board(), grant)).unwrap();
        assert_eq!((impact.lose, impact.keep), (vec![], vec![]));
    }
    assert!(within(9).is_empty() && remind().is_empty());
    // Whom a policy lets view it keeps that beside what else he has.
    govern(&sharing, &[BOB_TOO]);
    let all = block_on(sharing.stop_sharing(olga, board(), bob));
    all.unwrap();
    let export = give(Rights::EXPORT, Expiry::Never);
    let impact = block_on(sharing.impact_of_revoking(olga, board(), export)).unwrap();
    assert_eq!((impact.lose, impact.keep), (vec![], vec![(bob, Rights::VIEW)]));
}

/// The lists that nothing bounds come in pages, without gaps and repeats.
#[test]
fn what_is_shared_and_owned_comes_in_pages() {
    let sharing = sharing();
    let (olga, cyd) = (account(OLGA), account(CYD));
    for number in 10..29u64 {
        let dashboard = DashboardId::from(number);
        block_on(sharing.register(dashboard, TenantId::from(TENANT), olga)).unwrap();
        for rights in [Rights::VIEW, Rights::EXPORT].into_iter().take(1 + usize::from(number % 3 == 0)) {
            let share = NewShare::with(cyd, Terms::of(rights, Expiry::Never));
            block_on(sharing.share(olga, dashboard, share)).unwrap();
        }
    }
    let whole = block_on(sharing.shared_with(cyd, Page::first(99))).unwrap();
    assert_eq!((whole.len(), whole.next), (19, None));
    assert!(whole.iter().any(|shared| shared.grants.len() == 2));
    let owned = block_on(sharing.owned(olga, Page::first(99))).unwrap();
    assert_eq!((owned.len(), owned.next), (20, None));
    for limit in 0..23 {
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        let mut page = Some(Page::first(limit));
        while let Some(asked) = page {
            let answer = block_on(sharing.shared_with(cyd, asked)).unwrap();
            assert!(answer.len() <= limit.max(1) && (answer.next.is_none() || answer.len() == limit.max(1)));
            page = answer.next.map(|place| asked.after(place));
            shared.extend(answer);
        }
        page = Some(Page::first(limit));
        while let Some(asked) = page {
            let answer = block_on(sharing.owned(olga, asked)).unwrap();
            page = answer.next.map(|place| asked.after(place));
            own.extend(answer);
        }
        assert_eq!((&shared, &own), (&whole.entries, &owned.entries), "pages of {limit}");
    }
}
