//! What it costs to fill the slots of a blueprint: `cargo bench --bench blueprint`.
//!
//! The floor is one pass over the tags of every slot's candidates, each key and value compared with one text: what anybody
//! does who looks for a device by its tags. Both take turns, and the median of the rounds' own ratios is printed as
//! `RATIO <name> <value> <=<aim>`. `resolve_…` is what a page does again and again with the candidates at hand;
//! `…_service` begins with a decision and reads the candidates in pages from a directory that has them at hand by their
//! type, as a host's index does.

use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Decision, Directory, FixedEnv, MemoryDirectory,
    MemoryStore, TenantId,
    blueprint::{Blueprint, Candidates, Choices, RESERVED, Slot},
    directory::CandidatePage,
    policy::Resource,
};
use pollster::block_on;
use std::{collections::HashMap, hint::black_box, sync::Arc, time::Instant};

const SLOTS: usize = 20;
const ROUNDS: usize = 60;

/// A directory with an index of devices by their type.
struct Indexed {
    inner: MemoryDirectory,
    by_type: HashMap<String, Vec<Arc<Resource>>>,
}

impl Directory for Indexed {
    async fn candidates(&self, page: &CandidatePage) -> Result<Vec<Arc<Resource>>, BoxError> {
        let all = self.by_type.get(&page.tags[0].value).map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|device| device.id <= page.after);
        Ok(all[from..].iter().take(page.limit).cloned().collect())
    }

    dashshare::delegate_directory!(
        self.inner => account, account_of, tenant, principal, dashboard, device, variables, devices, blueprint
    );
}

struct World {
    sharing: Dashshare<MemoryStore, Indexed, FixedEnv>,
    decision: Decision,
    candidates: Candidates,
}

fn name(slot: usize) -> String {
    format!("slot {slot:02}")
}

fn id(at: usize) -> String {
    format!("5f{at:022x}")
}

impl World {
    /// Slots of a type of their own, each with so many devices and tied to the first one by their site.
    fn new(devices_of_a_slot: usize) -> Self {
        let start = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let (olga, dashboard, tenant) =
            (AccountId::from(1u64), DashboardId::from(2u64), TenantId::from(3u64));
        let slot = |at: usize| {
            let slot = Slot::new(name(at)).with_condition("type", format!("type {at}"));
            if at == 0 { slot } else { slot.with_filter("site", name(0)) }
        };
        let device = |slot: usize, at: usize| {
            Resource::new("device", id(slot * devices_of_a_slot + at))
                .with_tag("organization", "5f00000000000000000000aa")
                .with_tag("building", format!("building {}", at % 50))
                .with_tag("type", format!("type {slot}"))
                .with_tag("site", format!("site {at:05}"))
                .with_tag("serial", format!("SN-{slot}-{at}"))
                .with_tag("firmware", "1.4.2")
        };
        let of_slot = |slot: usize| (0..devices_of_a_slot).map(|at| Arc::new(device(slot, at))).collect();
        let by_type = (0..SLOTS).map(|slot| (format!("type {slot}"), of_slot(slot))).collect();
        let inner = MemoryDirectory::default();
        inner.add_account(olga);
        let blueprint = Blueprint::compile((0..SLOTS).map(slot).collect(), true, RESERVED);
        inner.set_blueprint(dashboard, blueprint.expect("a blueprint"));
        let env = FixedEnv::new(start, 1);
        let sharing = Dashshare::new(MemoryStore::default(), Indexed { inner, by_type }, env);
        block_on(sharing.register(dashboard, tenant, olga)).expect("a dashboard");
        let decision = block_on(sharing.authorize(olga, dashboard, Action::View)).expect("a decision");
        let candidates = block_on(sharing.candidates(&decision)).expect("an answer").expect("hers");
        Self { sharing, decision, candidates }
    }

    /// One pass over the tags of every slot's candidates.
    fn pass(&self) -> usize {
        let (key, value) = (black_box("site"), black_box("site 99999"));
        let of_device =
            |device: &Resource| device.tags.iter().any(|tag| tag.key == key && tag.value == value);
        self.sharing.directory().by_type.values().flatten().filter(|device| of_device(device)).count()
    }

    /// With the last device of the first slot, so that each other slot is gone through to its last one.
    fn last(&self) -> Choices {
        let first = &self.sharing.directory().by_type["type 0"];
        let last = first.last().and_then(|device| device.id.clone());
        Choices::default().choose(name(0), last.expect("an id"))
    }

    fn resolve(&self) -> usize {
        self.candidates.resolve(&self.last()).chosen().len()
    }

    fn resolve_in_service(&self) -> usize {
        let answer = block_on(self.sharing.resolve(&self.decision, &self.last()));
        answer.expect("an answer").expect("hers").chosen().len()
    }
}

fn micros(act: impl Fn() -> usize) -> (f64, usize) {
    let start = Instant::now();
    let done = black_box(act());
    (start.elapsed().as_secs_f64() * 1e6, done)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn ratio(name: &str, aim: f64, rounds: usize, ours: impl Fn() -> usize, floor: impl Fn() -> usize) {
    let mut measured = Vec::new();
    for round in 0..rounds {
        let (ours, floor) = match round % 2 {
            0 => (micros(&ours), micros(&floor)),
            _ => {
                let floor = micros(&floor);
                (micros(&ours), floor)
            }
        };
        assert_eq!((ours.1, floor.1), (SLOTS, 0), "a contender said no");
        measured.push((ours.0, floor.0));
    }
    let value = median(measured.iter().map(|(ours, floor)| ours / floor).collect());
    let ours = median(measured.iter().map(|(ours, _)| *ours).collect());
    let floor = median(measured.iter().map(|(_, floor)| *floor).collect());
    let verdict = if value <= aim { "met" } else { "missed" };
    println!("RATIO {name} {value:.2} <={aim} {verdict}    # {ours:.0} µs beside {floor:.0} µs");
}

fn main() {
    for devices_of_a_slot in [500, 10_000] {
        let world = World::new(devices_of_a_slot);
        let rounds = if devices_of_a_slot > 1_000 { ROUNDS / 4 } else { ROUNDS };
        let name = |what: &str| format!("{what}_{SLOTS}_slots_of_{devices_of_a_slot}");
        ratio(&name("resolve"), 5.0, rounds, || world.resolve(), || world.pass());
        ratio(&name("resolve_service"), 5.0, rounds, || world.resolve_in_service(), || world.pass());
    }
}
