//! Publishing a dashboard, as far as the tenant's portal and policies decide.

use dashshare::{
    AccountId, AnonymousUser, DashboardId, Dashshare, Error, Expiry, FixedEnv, MemoryDirectory, MemoryStore,
    Missing, Portal, Refusal, Rights, SharingRules, Tenant, TenantId, Terms,
};
use pollster::block_on;

const TENANT: u64 = 1;

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
    host.sharing.directory().set_public(host.dashboard, false);
    host.sharing.directory().add_device(host.dashboard, "cold-room", false);
    host.sharing.directory().add_device(host.dashboard, "door", true);
    host.set(Tenant {
        rules: SharingRules { public: false, ..SharingRules::default() },
        portal: Portal { active: false, anonymous: AnonymousUser::Missing },
    });
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

    host.set(Tenant {
        portal: Portal { active: true, anonymous: AnonymousUser::Inactive },
        ..Tenant::default()
    });
    assert_eq!(
        host.missing(),
        [Missing::AnonymousUserActive, Missing::DashboardPolicy, Missing::DevicePolicy("cold-room".into())]
    );
    host.set(MemoryDirectory::open_tenant());
    host.sharing.directory().set_public(host.dashboard, true);
    assert_eq!(host.missing(), [Missing::DevicePolicy("cold-room".into())]);
    host.sharing.directory().add_device(host.dashboard, "cold-room", true);
    assert!(block_on(host.sharing.rotate_link(host.owner, host.dashboard, Expiry::Never)).is_ok());
}

/// L7: each prerequisite counts at the time of the visit, and comes back with it.
#[test]
fn a_visit_needs_every_prerequisite_at_its_time() {
    let host = host();
    let link = block_on(host.sharing.rotate_link(host.owner, host.dashboard, Expiry::Never)).unwrap();
    let opens = || block_on(host.sharing.visit(link.token.expose())).unwrap().is_allowed();
    assert!(opens());
    let open = MemoryDirectory::open_tenant();
    let closed = [
        Tenant { portal: Portal { active: false, ..open.portal }, ..open.clone() },
        Tenant { portal: Portal { anonymous: AnonymousUser::Missing, ..open.portal }, ..open.clone() },
        Tenant { portal: Portal { anonymous: AnonymousUser::Inactive, ..open.portal }, ..open.clone() },
        Tenant { rules: SharingRules { public: false, ..SharingRules::default() }, ..open.clone() },
    ];
    for tenant in closed {
        host.set(tenant.clone());
        assert!(!opens(), "{tenant:?}");
        host.set(open.clone());
        assert!(opens());
    }
    host.sharing.directory().set_public(host.dashboard, false);
    assert!(!opens());
}

/// G20: a tenant that the directory does not know allows nothing but what an owner does.
#[test]
fn an_unknown_tenant_shares_nothing() {
    struct NoTenants(MemoryDirectory);
    impl dashshare::Directory for NoTenants {
        async fn account(
            &self,
            id: AccountId,
            attestor: &dashshare::Attestor,
        ) -> Result<Option<dashshare::Account>, dashshare::BoxError> {
            self.0.account(id, attestor).await
        }
        async fn account_of(
            &self,
            address: &dashshare::EmailAddress,
            attestor: &dashshare::Attestor,
        ) -> Result<Option<dashshare::Account>, dashshare::BoxError> {
            self.0.account_of(address, attestor).await
        }
        async fn tenant(&self, _: TenantId) -> Result<Option<std::sync::Arc<Tenant>>, dashshare::BoxError> {
            Ok(None)
        }
        async fn anonymous_access(
            &self,
            tenant: TenantId,
            dashboard: DashboardId,
        ) -> Result<dashshare::AnonymousAccess, dashshare::BoxError> {
            self.0.anonymous_access(tenant, dashboard).await
        }
        async fn shows(&self, dashboard: DashboardId, device: &str) -> Result<bool, dashshare::BoxError> {
            self.0.shows(dashboard, device).await
        }
    }

    let (owner, ann, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(3u64));
    let directory = NoTenants(MemoryDirectory::default());
    directory.0.add_account(owner);
    directory.0.add_account(ann);
    let env = FixedEnv::new("2026-01-01T00:00:00Z".parse().unwrap(), 1);
    let sharing = Dashshare::new(MemoryStore::default(), directory, env);
    block_on(sharing.register(dashboard, TenantId::from(9u64), owner)).unwrap();
    let terms = Terms { rights: Rights::VIEW, reshare: false, expiry: Expiry::Never };
    let refused = block_on(sharing.share(owner, dashboard, ann, terms)).unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::PrivateSharingOff));
    let decision = block_on(sharing.authorize(owner, dashboard, dashshare::Action::View)).unwrap();
    assert!(decision.is_allowed());
}
