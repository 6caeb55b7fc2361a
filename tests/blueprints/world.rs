//! A blueprint dashboard of Olga's, with everybody who may look at it: herself, Ann by a share, Bob by a policy, and a visitor by
//! the link.

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Decision, Directory, Expiry, FixedEnv, MemoryDirectory,
    MemoryStore, NewShare, TenantId, Terms, Timestamp,
    blueprint::{Blueprint, Choices, RESERVED, Resolution, Slot},
    directory::{Portal, Tenant},
    policy::{Document, PolicySet, Principal, Resource},
};
use pollster::block_on;
use std::sync::Arc;

pub(crate) const OLGA: u64 = 1;
pub(crate) const ANN: u64 = 2;
pub(crate) const BOB: u64 = 3;
pub(crate) const ZED: u64 = 4;
pub(crate) const BOARD: u64 = 7;
pub(crate) const TENANT: u64 = 1;
pub(crate) const OTHER_TENANT: u64 = 2;

/// Nobody but Olga sees what is `hidden`; of what is `open` everybody sees all, visitors and Bob nothing else.
const POLICIES: &str = r#"[
    {"id": "hidden", "targets": [["run_user", "id", "ann"], ["run_user", "id", "bob"], ["run_user", "id", "anonymous"]],
     "permissions": [{"effect": "deny", "action": ["access"], "resource": ["device", "tag.key", "hidden", "tag.value", "1"]},
                     {"effect": "deny", "action": ["access"], "resource": ["entity", "tag.key", "hidden", "tag.value", "1"]}]},
    {"id": "open", "targets": [["run_user", "id", "bob"], ["run_user", "id", "anonymous"]],
     "permissions": [{"effect": "allow", "action": ["access"], "resource": ["dashboard"]},
                     {"effect": "allow", "action": ["access"], "resource": ["device", "tag.key", "open", "tag.value", "1"]},
                     {"effect": "allow", "action": ["access"], "resource": ["entity", "tag.key", "open", "tag.value", "1"]}]}
]"#;

pub(crate) fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

pub(crate) fn board() -> DashboardId {
    DashboardId::from(BOARD)
}

pub(crate) fn tenant() -> TenantId {
    TenantId::from(TENANT)
}

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("an instant")
}

/// The tenant with its policies.
pub(crate) fn rules() -> Tenant {
    let documents = Document::parse_all(POLICIES).expect("documents");
    let policies = PolicySet::compile(&documents).expect("a set").set;
    let Portal { anonymous, .. } = MemoryDirectory::open_tenant().portal;
    Tenant { portal: Portal { active: true, anonymous }, policies, ..Tenant::default() }
}

pub(crate) struct World<D: Directory = Arc<MemoryDirectory>> {
    pub(crate) sharing: Dashshare<MemoryStore, D, FixedEnv>,
    pub(crate) directory: Arc<MemoryDirectory>,
    pub(crate) token: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::behind(|directory| directory)
    }
}

impl<D: Directory> World<D> {
    /// The same, asked through another directory.
    pub(crate) fn behind(wrap: impl FnOnce(Arc<MemoryDirectory>) -> D) -> Self {
        let directory = Arc::<MemoryDirectory>::default();
        directory.set_tenant(tenant(), rules());
        directory.set_tenant(TenantId::from(OTHER_TENANT), rules());
        for (number, name) in [(OLGA, "olga"), (ANN, "ann"), (BOB, "bob"), (ZED, "zed")] {
            directory.add_account(account(number));
            directory.set_principal(tenant(), account(number), Principal::run_user(name));
        }
        let env = FixedEnv::new(now(), 1);
        let sharing = Dashshare::new(MemoryStore::default(), wrap(Arc::clone(&directory)), env);
        block_on(sharing.register(board(), tenant(), account(OLGA))).expect("a dashboard");
        let share = NewShare::with(account(ANN), Terms::view(Expiry::Never));
        block_on(sharing.share(account(OLGA), board(), share)).expect("a share");
        let link = block_on(sharing.rotate_link(account(OLGA), board(), Expiry::Never)).expect("a link");
        Self { token: link.token.expose().to_owned(), sharing, directory }
    }

    pub(crate) fn decision(&self, who: u64) -> Decision {
        block_on(self.sharing.authorize(account(who), board(), Action::View)).expect("a decision")
    }

    pub(crate) fn visit(&self) -> Decision {
        block_on(self.sharing.visit(&self.token)).expect("a decision")
    }

    /// Everybody who may look at it.
    pub(crate) fn viewers(&self) -> [Decision; 4] {
        [self.decision(OLGA), self.decision(ANN), self.decision(BOB), self.visit()]
    }

    pub(crate) fn slots(&self, slots: Vec<Slot>, fallback: bool) {
        let blueprint = Blueprint::compile(slots, fallback, RESERVED).expect("a blueprint");
        self.directory.set_blueprint(board(), blueprint);
    }

    pub(crate) fn add(&self, device: Resource) {
        self.directory.add_device_of(tenant(), device);
    }

    pub(crate) fn resolve(&self, decision: &Decision, choices: &Choices) -> Resolution {
        let resolved = block_on(self.sharing.resolve(decision, choices)).expect("an answer");
        resolved.expect("who may look at it")
    }

    /// The same by the part of an address behind the `?`.
    pub(crate) fn ask(&self, decision: &Decision, query: &str) -> Resolution {
        self.resolve(decision, &Choices::parse(query).expect("an address"))
    }
}

pub(crate) fn device(id: &str, tags: &[(&str, &str)]) -> Resource {
    let none = Resource::new("device", id);
    tags.iter().fold(none, |device, (key, value)| device.with_tag(*key, *value))
}

/// Site and Sensor, the slots of the golden examples.
pub(crate) fn site_and_sensor() -> Vec<Slot> {
    vec![
        Slot::new("Site").with_condition("type", "site"),
        Slot::new("Sensor").with_condition("type", "s").with_filter("site", "Site"),
    ]
}

/// Two sites with their sensors, the devices of the golden examples. Everybody may see them.
pub(crate) fn golden_devices() -> Vec<Resource> {
    let mut devices = vec![
        device("a1", &[("site", "A"), ("type", "s"), ("open", "1")]),
        device("a2", &[("site", "A"), ("type", "s"), ("open", "1")]),
        device("b1", &[("site", "B"), ("type", "s"), ("open", "1")]),
        device("siteA", &[("type", "site"), ("site", "A"), ("open", "1")]),
        device("siteB", &[("type", "site"), ("site", "B"), ("open", "1")]),
    ];
    devices.reverse();
    devices
}

pub(crate) fn golden(fallback: bool) -> World {
    let world = World::new();
    world.slots(site_and_sensor(), fallback);
    golden_devices().into_iter().for_each(|device| world.add(device));
    world
}

/// Everything that an answer says, to the byte: what is shown, and every page of every selector.
pub(crate) fn bytes(resolution: &Resolution, slots: &[&str]) -> String {
    let mut text = serde_json::to_string(resolution).expect("JSON");
    for slot in slots {
        let mut after: Option<String> = None;
        loop {
            let page = resolution.listed(slot, after.as_deref(), 2);
            text.push_str(&format!("\n{slot}: {}", serde_json::to_string(&page).expect("JSON")));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        text.push_str(&format!("\n{slot}: {:?}", resolution.placed(slot).map(|found| &found.id)));
    }
    text
}
