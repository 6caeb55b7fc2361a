//! Publishing a dashboard, as far as the tenant's portal and policies decide.

use dashshare::{
    AccountId, BoxError, DashboardId, Dashshare, Error, Expiry, FixedEnv, MemoryDirectory, MemoryStore,
    NewShare, Refusal, Rights, TenantId, Terms,
    directory::{AnonymousUser, Portal, SharingRules, Tenant},
    explain::Missing,
    policy::{Document, PolicySet, Principal, Resource, RuleRef},
};
use pollster::block_on;
use std::sync::Arc;

const TENANT: u64 = 1;

const DOOR_FOR_ALL: &str = r#"{"id": "door", "targets": [["run_user"]], "permissions": [
    {"effect": "allow", "action": ["access"], "resource": ["device", "id", "door"]}]}"#;
const DASHBOARDS: &str = r#"{"id": "dashboards", "targets": [["run_user", "id", "anonymous"]], "permissions": [
    {"effect": "allow", "action": ["access"], "resource": ["dashboard"]}]}"#;
const DEVICES: &str = r#"{"id": "devices", "targets": [["run_user", "id", "anonymous"]], "permissions": [
    {"effect": "allow", "action": ["access"], "resource": ["device"]}]}"#;
const NO_DEVICES: &str = r#"{"id": "no-devices", "targets": [["run_user"]], "permissions": [
    {"effect": "deny", "action": ["access"], "resource": ["device"]}]}"#;
const NO_DASHBOARDS: &str = r#"{"id": "no-dashboards", "targets": [["run_user"]], "permissions": [
    {"effect": "deny", "action": ["access"], "resource": ["dashboard"]}]}"#;

fn document(text: &str) -> Document {
    Document::parse(text).unwrap()
}

fn policies(texts: &[&str]) -> PolicySet {
    PolicySet::compile(&texts.iter().map(|text| document(text)).collect::<Vec<_>>()).unwrap().set
}

struct Host {
    sharing: Dashshare<MemoryStore, MemoryDirectory, FixedEnv>,
    owner: AccountId,
    dashboard: DashboardId,
}

fn host() -> Host {
    let env = FixedEnv::new("2026-01-01T00:00:00Z".parse().unwrap(), 1);
    let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), env);
    let (owner, dashboard) = (AccountId::from(1u64), DashboardId::from(2u64));
    sharing.directory().add_account(owner);
    block_on(sharing.register(dashboard, TenantId::from(TENANT), owner)).unwrap();
    Host { sharing, owner, dashboard }
}

impl Host {
    fn set(&self, tenant: Tenant) {
        self.sharing.directory().set_tenant(TenantId::from(TENANT), tenant);
    }

    fn missing(&self) -> Vec<Missing> {
        let before = format!("{:?}", self.sharing.store());
        match block_on(self.sharing.rotate_link(self.owner, self.dashboard, Expiry::Never)) {
            Err(Error::Refused(Refusal::SetupIncomplete { missing })) => {
                assert_eq!(format!("{:?}", self.sharing.store()), before, "a refusal changed the store");
                missing
            }
            other => panic!("published, or refused otherwise: {other:?}"),
        }
    }
}

/// L8: a refusal to publish lists everything that is missing at once, each with a sentence that says what to do.
#[test]
fn publishing_too_early_is_refused_with_all_that_is_missing() {
    let host = host();
    for device in ["cold-room", "door"] {
        host.sharing.directory().add_device(host.dashboard, Resource::new("device", device));
    }
    let closed = SharingRules { public: false, ..SharingRules::default() };
    host.set(Tenant { rules: closed, portal: Portal::default(), policies: policies(&[DOOR_FOR_ALL]) });
    let all = vec![
        Missing::PublicSharing,
        Missing::Portal,
        Missing::AnonymousUser,
        Missing::DashboardPolicy,
        Missing::DevicePolicy("cold-room".into()),
    ];
    assert_eq!(host.missing(), all);
    let sentence = Refusal::SetupIncomplete { missing: all }.to_string();
    for step in [
        "switch public sharing on",
        "activate the portal",
        "create the portal's anonymous user",
        "`cold-room`",
    ] {
        assert!(sentence.contains(step), "{sentence}");
    }

    let portal = |active| {
        let anonymous = AnonymousUser { active, ..AnonymousUser::new("anonymous") };
        Portal { active: true, anonymous: Some(anonymous) }
    };
    host.set(Tenant { portal: portal(false), policies: policies(&[DOOR_FOR_ALL]), ..Tenant::default() });
    assert_eq!(
        host.missing(),
        [Missing::AnonymousUserActive, Missing::DashboardPolicy, Missing::DevicePolicy("cold-room".into())]
    );
    let mut tenant = Tenant { portal: portal(true), ..Tenant::default() };
    tenant.policies = policies(&[DOOR_FOR_ALL, DASHBOARDS]);
    host.set(tenant.clone());
    assert_eq!(host.missing(), [Missing::DevicePolicy("cold-room".into())]);
    tenant.policies = policies(&[DOOR_FOR_ALL, DASHBOARDS, NO_DEVICES, DEVICES]);
    host.set(tenant.clone());
    let denied = |device: &str| {
        let by = RuleRef { policy: "no-devices".into(), rule: 0 };
        Missing::DeviceDenied { device: device.into(), by }
    };
    assert_eq!(host.missing(), [denied("cold-room"), denied("door")]);
    tenant.policies = tenant.policies.without("no-devices");
    host.set(tenant);
    assert!(block_on(host.sharing.rotate_link(host.owner, host.dashboard, Expiry::Never)).is_ok());
}

/// L8: `missing_to_publish` answers the same without publishing, for those who may publish and nobody else.
#[test]
fn setup_lists_what_is_missing_without_publishing() {
    let host = host();
    let ask = |who| block_on(host.sharing.missing_to_publish(who, host.dashboard));
    assert_eq!(ask(host.owner).unwrap(), []);
    host.set(Tenant { portal: Portal::default(), ..Tenant::default() });
    let before = format!("{:?}", host.sharing.store());
    let missing = ask(host.owner).unwrap();
    assert_eq!(missing, [Missing::Portal, Missing::AnonymousUser, Missing::DashboardPolicy]);
    assert_eq!(missing, host.missing());
    assert_eq!(format!("{:?}", host.sharing.store()), before);

    let (ann, ben, zed) = (AccountId::from(7u64), AccountId::from(8u64), AccountId::from(9u64));
    for account in [ann, ben, zed] {
        host.sharing.directory().add_account(account);
    }
    let view = Terms::view(Expiry::Never);
    block_on(host.sharing.share(host.owner, host.dashboard, NewShare::with(ann, view.clone().and_reshare())))
        .unwrap();
    block_on(host.sharing.share(host.owner, host.dashboard, NewShare::with(ben, view))).unwrap();
    assert_eq!(ask(ann).unwrap(), missing);
    assert_eq!(ask(ben).unwrap_err().refusal(), Some(&Refusal::NoReshareRight));
    assert_eq!(ask(zed).unwrap_err().refusal(), Some(&Refusal::UnknownDashboard));
}

/// L7: each prerequisite counts at the time of the visit, and comes back with it.
#[test]
fn a_visit_needs_every_prerequisite_at_its_time() {
    let host = host();
    let link = block_on(host.sharing.rotate_link(host.owner, host.dashboard, Expiry::Never)).unwrap();
    let opens = || block_on(host.sharing.visit(link.token.expose())).unwrap().is_allowed();
    assert!(opens());
    let open = MemoryDirectory::open_tenant();
    let inactive = AnonymousUser { active: false, ..AnonymousUser::new("anonymous") };
    let closed = [
        Tenant { portal: Portal { active: false, ..open.portal.clone() }, ..open.clone() },
        Tenant { portal: Portal { anonymous: None, ..open.portal }, ..open.clone() },
        Tenant { portal: Portal { anonymous: Some(inactive), ..open.portal }, ..open.clone() },
        Tenant { rules: SharingRules { public: false, ..SharingRules::default() }, ..open.clone() },
        Tenant { policies: PolicySet::default(), ..open.clone() },
        Tenant { policies: open.policies.with(&document(NO_DASHBOARDS)), ..open.clone() },
    ];
    for tenant in closed {
        host.set(tenant.clone());
        assert!(!opens(), "{tenant:?}");
        host.set(open.clone());
        assert!(opens());
    }
}

/// G20: a tenant that the directory does not know allows nothing but what an owner does.
#[test]
fn an_unknown_tenant_shares_nothing() {
    struct NoTenants(MemoryDirectory);
    impl dashshare::Directory for NoTenants {
        async fn account(
            &self,
            id: AccountId,
            attestor: &dashshare::directory::Attestor,
        ) -> Result<Option<dashshare::directory::Account>, BoxError> {
            self.0.account(id, attestor).await
        }
        async fn account_of(
            &self,
            address: &dashshare::EmailAddress,
            attestor: &dashshare::directory::Attestor,
        ) -> Result<Option<dashshare::directory::Account>, BoxError> {
            self.0.account_of(address, attestor).await
        }
        async fn tenant(&self, _: TenantId) -> Result<Option<Arc<Tenant>>, BoxError> {
            Ok(None)
        }
        async fn principal(
            &self,
            tenant: TenantId,
            account: AccountId,
        ) -> Result<Option<Arc<Principal>>, BoxError> {
            self.0.principal(tenant, account).await
        }
        async fn dashboard(&self, dashboard: DashboardId) -> Result<Option<Arc<Resource>>, BoxError> {
            self.0.dashboard(dashboard).await
        }
        async fn device(&self, of: DashboardId, device: &str) -> Result<Option<Arc<Resource>>, BoxError> {
            self.0.device(of, device).await
        }
        async fn variables(
            &self,
            of: DashboardId,
            device: &str,
        ) -> Result<dashshare::lock::Variables, BoxError> {
            self.0.variables(of, device).await
        }
        async fn devices(&self, dashboard: DashboardId) -> Result<Vec<Arc<Resource>>, BoxError> {
            self.0.devices(dashboard).await
        }
        dashshare::delegate_directory!(self.0 => blueprint, candidates);
    }

    let (owner, ann, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(3u64));
    let directory = NoTenants(MemoryDirectory::default());
    directory.0.add_account(owner);
    directory.0.add_account(ann);
    let env = FixedEnv::new("2026-01-01T00:00:00Z".parse().unwrap(), 1);
    let sharing = Dashshare::new(MemoryStore::default(), directory, env);
    block_on(sharing.register(dashboard, TenantId::from(9u64), owner)).unwrap();
    let terms = Terms::of(Rights::VIEW, Expiry::Never);
    let refused = block_on(sharing.share(owner, dashboard, NewShare::with(ann, terms))).unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::PrivateSharingOff));
    let decision = block_on(sharing.authorize(owner, dashboard, dashshare::Action::View)).unwrap();
    assert!(decision.is_allowed());
}
