//! What sharing costs beside its floor: `cargo bench`, or `cargo bench -- authorize visit` for some of it.
//!
//! Two parts. The first prints `RATIO <name> <value>` and `MEMORY <name> <bytes>`: each contender and its floor take
//! turns on the same keys in the same random order, and the median of the rounds' own ratios is printed, so that a busy
//! or a slow machine moves both. The second is divan's table of absolute times. Divan and not criterion: criterion does
//! not interleave contenders either, and brings 50 packages and 33 s of compile time into every `cargo test`, divan 17
//! and 10 s (2 cores).
//!
//! The data: `m` grants over `m / 10` dashboards and `m / 5` accounts, random ids, each grant made by the service's own
//! `share` in random order; every dashboard has a public link. The floor is a hash table `(dashboard, account)` -> expiry
//! with `m` entries, looked up with the same keys and compared with the time: hashbrown with its default hasher. Extras:
//! `_std` is beside the standard library's table, and `_dependent` beside hashbrown's when no look-up can begin before
//! the last has ended. A processor overlaps several plain look-ups and no two decisions, which count references. The
//! directory answers from constants and the clock stands, as a host's cached ones would; `_system_clock` reads the
//! operating system's clock at each question instead.

mod support;

use dashshare::{AccountId, Action, DashboardId, Expiry, GrantId, MemoryStore, NewShare, RevokeMode};
use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};
use std::{cell::Cell, collections::HashMap as StdMap, fs, hint::black_box, sync::OnceLock, time::Instant};
use support::{NOW, Random, Service, TENANT, deliver, median, ready, terms};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];
const DEPTH: usize = 8;
const BELOW: usize = 4_000;
/// How many subtrees of `BELOW` grants there are to revoke, each once.
const SUBTREES: usize = 15;

type Key = (DashboardId, AccountId);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    /// The owner shares each grant.
    Direct,
    /// Chains of `DEPTH` grants; the keys are the deepest.
    Chains,
    /// All grants on one dashboard.
    OneDashboard,
}

/// A service with `m` grants and the floors beside it.
struct World {
    sharing: Service<MemoryStore>,
    owners: HashMap<DashboardId, AccountId>,
    dashboards: Vec<DashboardId>,
    /// In random order.
    keys: Vec<Key>,
    /// As the floors know them, in the same order.
    bare: Vec<(u128, u128)>,
    floor: HashMap<(u128, u128), i64>,
    std_floor: StdMap<(u128, u128), i64>,
    /// Tokens of the links, in random order, with the bytes that the floor digests.
    tokens: Vec<(String, [u8; 32])>,
    link_floor: HashMap<[u8; 32], i64>,
}

fn bare((dashboard, account): Key) -> (u128, u128) {
    (dashboard.to_u128(), account.to_u128())
}

const ENDS: i64 = NOW + 30 * 86_400_000_000;

impl World {
    /// Draws who shall have what; nothing is shared yet.
    fn draw(shape: Shape, m: usize, is_system: bool) -> (Self, Vec<Vec<Key>>) {
        let mut random = Random(m as u64);
        let boards = if shape == Shape::OneDashboard { 1 } else { m / 10 };
        let people = if shape == Shape::OneDashboard { m } else { m / 5 };
        let dashboards: Vec<DashboardId> = (0..boards).map(|_| random.id()).collect();
        let accounts: Vec<AccountId> = (0..people).map(|_| random.id()).collect();
        let owners = dashboards.iter().map(|dashboard| (*dashboard, random.id())).collect();
        let mut floor = HashMap::new();
        let length = if shape == Shape::Chains { DEPTH } else { 1 };
        let mut everybody = accounts.iter().cycle().copied();
        let chains: Vec<Vec<Key>> = (0..m / length)
            .map(|_| {
                let dashboard = random.pick(&dashboards);
                let mut chain = Vec::with_capacity(length);
                while chain.len() < length {
                    let account = match shape {
                        Shape::OneDashboard => everybody.next().unwrap(),
                        _ => random.pick(&accounts),
                    };
                    if floor.insert(bare((dashboard, account)), ENDS).is_none() {
                        chain.push((dashboard, account));
                    }
                }
                chain
            })
            .collect();
        let mut keys: Vec<Key> = chains.iter().map(|chain| chain[length - 1]).collect();
        random.shuffle(&mut keys);
        let world = Self {
            sharing: support::service(MemoryStore::default(), 1, is_system),
            owners,
            dashboards,
            bare: keys.iter().copied().map(bare).collect(),
            keys,
            std_floor: floor.iter().map(|(key, ends)| (*key, *ends)).collect(),
            floor,
            tokens: Vec::new(),
            link_floor: HashMap::new(),
        };
        (world, chains)
    }

    fn new(shape: Shape, m: usize, is_system: bool) -> Self {
        let start = Instant::now();
        let (mut world, chains) = Self::draw(shape, m, is_system);
        world.register();
        world.share_all(&chains);
        world.publish();
        eprintln!("set up {shape:?} {m} in {:.1} s", start.elapsed().as_secs_f64());
        world
    }

    fn register(&self) {
        for dashboard in &self.dashboards {
            let owner = self.owners[dashboard];
            ready(self.sharing.register(*dashboard, TENANT.into(), owner)).unwrap();
        }
    }

    /// Level by level, so that the grants of a chain are not neighbours in memory.
    fn share_all(&self, chains: &[Vec<Key>]) {
        let depth = chains.iter().map(Vec::len).max().unwrap_or(0);
        let mut parents: Vec<Option<(AccountId, GrantId)>> = vec![None; chains.len()];
        for level in 0..depth {
            for (at, chain) in chains.iter().enumerate() {
                let (dashboard, account) = chain[level];
                let terms = terms(depth > 1);
                let shared = match parents[at] {
                    None => ready(self.sharing.share(
                        self.owners[&dashboard],
                        dashboard,
                        NewShare::with(account, terms),
                    )),
                    Some((by, from)) => {
                        ready(self.sharing.share(by, dashboard, NewShare::with(account, terms).on_from(from)))
                    }
                };
                parents[at] = Some((account, shared.unwrap().grant));
                if at % 512 == 0 {
                    ready(deliver(&self.sharing));
                }
            }
        }
        ready(deliver(&self.sharing));
    }

    fn publish(&mut self) {
        for dashboard in &self.dashboards {
            let link =
                ready(self.sharing.rotate_link(self.owners[dashboard], *dashboard, Expiry::Never)).unwrap();
            let secret: [u8; 32] = Sha256::digest(link.token.expose()).into();
            self.tokens.push((link.token.expose().to_owned(), secret));
            self.link_floor.insert(Sha256::digest(secret).into(), ENDS);
        }
        Random(7).shuffle(&mut self.tokens);
        // Anew in this order, so that the next text is as near at hand as the next key.
        self.tokens = self.tokens.to_vec();
    }

    fn authorize(&self, at: usize) -> bool {
        let (dashboard, account) = self.keys[at];
        ready(self.sharing.authorize(account, dashboard, Action::View)).unwrap().is_allowed()
    }

    fn look_up(&self, at: usize) -> bool {
        self.floor.get(&self.bare[at]).is_some_and(|ends| NOW < *ends)
    }

    /// A look-up that cannot begin before the last one has ended, as a decision's cannot: each key's place is counted on
    /// from the expiry that was found.
    fn dependent_look_up(&self, at: usize, last: &Cell<i64>) -> bool {
        let ends = self.floor.get(&self.bare[at + (last.get() - ENDS) as usize]).copied().unwrap_or(0);
        last.set(ends);
        NOW < ends
    }

    fn std_look_up(&self, at: usize) -> bool {
        self.std_floor.get(&self.bare[at]).is_some_and(|ends| NOW < *ends)
    }

    fn visit(&self, at: usize) -> bool {
        ready(self.sharing.visit(&self.tokens[at].0)).unwrap().is_allowed()
    }

    fn digest_and_look_up(&self, at: usize) -> bool {
        let digest: [u8; 32] = Sha256::digest(self.tokens[at].1).into();
        self.link_floor.get(&digest).is_some_and(|ends| NOW < *ends)
    }

    /// Makes subtrees to revoke: on a dashboard of their own each, or all on the one.
    fn plant(&self, shape: Shape) -> Vec<(AccountId, DashboardId, GrantId)> {
        let mut random = Random(99);
        (0..SUBTREES)
            .map(|_| {
                let (dashboard, owner) = match shape {
                    Shape::OneDashboard => (self.dashboards[0], self.owners[&self.dashboards[0]]),
                    _ => (random.id(), random.id()),
                };
                ready(self.sharing.register(dashboard, TENANT.into(), owner)).unwrap();
                let by = random.id::<AccountId>();
                let root = ready(self.sharing.share(owner, dashboard, NewShare::with(by, terms(true))))
                    .unwrap()
                    .grant;
                for _ in 0..BELOW {
                    let with = random.id::<AccountId>();
                    ready(self.sharing.share(
                        by,
                        dashboard,
                        NewShare::with(with, terms(false)).on_from(root),
                    ))
                    .unwrap();
                }
                ready(deliver(&self.sharing));
                (owner, dashboard, root)
            })
            .collect()
    }

    fn revoke(&self, (owner, dashboard, root): (AccountId, DashboardId, GrantId)) -> usize {
        ready(self.sharing.revoke(owner, dashboard, root, RevokeMode::Cascade)).unwrap().answer.fell.len()
    }
}

/// Nanoseconds that one of `batch` runs takes.
fn time(keys: &mut impl Iterator<Item = usize>, batch: usize, mut run: impl FnMut(usize) -> bool) -> f64 {
    let start = Instant::now();
    let done = keys.take(batch).filter(|at| black_box(run(*at))).count();
    let elapsed = start.elapsed();
    assert_eq!(done, batch, "a contender said no");
    elapsed.as_secs_f64() * 1e9 / batch as f64
}

/// Prints the median of the rounds' ratios; who begins alternates.
fn ratio(name: &str, count: usize, ours: impl Fn(usize) -> bool, floor: impl Fn(usize) -> bool) -> f64 {
    let (rounds, batch) = (1200, count.min(1000));
    // Both walk through all keys, so that neither finds in a cache what it would not find there at this size.
    let mut our_keys = (0..count).cycle();
    let mut floor_keys = (0..count).cycle();
    let mut measured = Vec::new();
    for round in 0..rounds {
        let pair = if round % 2 == 0 {
            let ours = time(&mut our_keys, batch, &ours);
            (ours, time(&mut floor_keys, batch, &floor))
        } else {
            let floor = time(&mut floor_keys, batch, &floor);
            (time(&mut our_keys, batch, &ours), floor)
        };
        // The first tenth warms up.
        if round >= rounds / 10 {
            measured.push(pair);
        }
    }
    let value = median(measured.iter().map(|(ours, floor)| ours / floor).collect());
    let ours = median(measured.iter().map(|(ours, _)| *ours).collect());
    let floor = median(measured.iter().map(|(_, floor)| *floor).collect());
    println!("RATIO {name} {value:.2}    # {ours:.1} ns beside {floor:.1} ns");
    value
}

fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1024.0
}

/// What the store takes, by the resident memory of the process.
fn memory(m: usize) -> World {
    let (mut world, chains) = World::draw(Shape::Direct, m, false);
    let per = |from: f64| (resident() - from) / m as f64;
    let empty = resident();
    world.register();
    world.share_all(&chains);
    let all = per(empty);
    // The same number of changes that leave nothing but their audit record and their receipt.
    let other = World {
        sharing: support::service(MemoryStore::default(), 1, false),
        ..World::draw(Shape::Direct, m, false).0
    };
    other.register();
    for dashboard in &other.dashboards {
        ready(other.sharing.rotate_link(other.owners[dashboard], *dashboard, Expiry::Never)).unwrap();
    }
    let before = resident();
    for _ in 0..5 {
        for dashboard in &other.dashboards {
            let owner = other.owners[dashboard];
            ready(other.sharing.pause_link(owner, *dashboard)).unwrap();
            ready(other.sharing.resume_link(owner, *dashboard)).unwrap();
        }
    }
    let change = per(before);
    // Each share was a change, and one registration for ten of them.
    println!(
        "MEMORY bytes_a_grant {:.0}    # grant, indices, and its tenth of a dashboard",
        all - 1.1 * change
    );
    println!("MEMORY bytes_a_change {change:.0}    # audit record and receipt");
    println!("MEMORY bytes_a_grant_with_its_change {all:.0}");
    world.publish();
    world
}

fn world(m: usize) -> &'static World {
    static WORLDS: [OnceLock<World>; 3] = [const { OnceLock::new() }; 3];
    let at = SIZES.iter().position(|size| *size == m).unwrap();
    WORLDS[at].get_or_init(|| if m == 1_000_000 { memory(m) } else { World::new(Shape::Direct, m, false) })
}

fn chains(m: usize) -> &'static World {
    static WORLDS: [OnceLock<World>; 3] = [const { OnceLock::new() }; 3];
    let at = SIZES.iter().position(|size| *size == m).unwrap();
    WORLDS[at].get_or_init(|| World::new(Shape::Chains, m, false))
}

fn flat(name: &str, small: &World, big: &World, shape: Shape) {
    let (small_trees, big_trees) = (small.plant(shape), big.plant(shape));
    let timed = |run: &dyn Fn() -> usize| {
        let start = Instant::now();
        assert_eq!(black_box(run()), BELOW + 1);
        start.elapsed().as_secs_f64() * 1e6
    };
    let floor = || (0..=BELOW).filter(|at| black_box(big.look_up(*at))).count();
    let measured: Vec<(f64, f64, f64)> = small_trees
        .into_iter()
        .zip(big_trees)
        .map(|(in_small, in_big)| {
            (timed(&|| small.revoke(in_small)), timed(&|| big.revoke(in_big)), timed(&floor))
        })
        .collect();
    let value = median(measured.iter().map(|(small, big, _)| big / small).collect());
    let beside = median(measured.iter().map(|(_, big, floor)| big / floor).collect());
    let (small, big) =
        (median(measured.iter().map(|m| m.0).collect()), median(measured.iter().map(|m| m.1).collect()));
    println!("RATIO {name}_flat {value:.2}    # {big:.0} µs beside {small:.0} µs");
    println!("RATIO {name}_per_look_up {beside:.2}    # beside as many bare look-ups");
}

fn share_beside_insert(world: &World, m: usize) {
    let mut random = Random(5);
    let fresh: Vec<Key> = (0..20_000).map(|_| (random.pick(&world.dashboards), random.id())).collect();
    let owners: Vec<AccountId> = fresh.iter().map(|(dashboard, _)| world.owners[dashboard]).collect();
    let mut table = world.floor.clone();
    let mut measured = Vec::new();
    for batch in (0..fresh.len()).collect::<Vec<_>>().chunks(200) {
        let start = Instant::now();
        for at in batch {
            let (dashboard, account) = fresh[*at];
            black_box(
                ready(world.sharing.share(owners[*at], dashboard, NewShare::with(account, terms(false))))
                    .unwrap(),
            );
        }
        let ours = start.elapsed();
        let start = Instant::now();
        assert!(batch.iter().all(|at| black_box(table.insert(bare(fresh[*at]), ENDS)).is_none()));
        measured.push((ours.as_secs_f64(), start.elapsed().as_secs_f64()));
        ready(deliver(&world.sharing));
    }
    let value = median(measured.iter().map(|(ours, floor)| ours / floor).collect());
    let ours = median(measured.iter().map(|(ours, _)| ours * 1e9 / 200.0).collect());
    println!("RATIO share_{m} {value:.1}    # {ours:.0} ns beside a bare insertion");
}

/// The first part, or those groups of it whose name contains one of the words.
fn ratios(words: &[String]) {
    let wanted = |group: &str| words.is_empty() || words.iter().any(|word| group.contains(word));
    // First, while the process is small: it prints the memory too.
    world(1_000_000);
    if wanted("authorize_direct") {
        let ratio_at = |m| {
            let w = world(m);
            let name = format!("authorize_direct_{m}");
            let last = Cell::new(ENDS);
            let dependent = |at| w.dependent_look_up(at, &last);
            ratio(&format!("{name}_dependent"), w.keys.len(), |at| w.authorize(at), dependent);
            ratio(&format!("{name}_std"), w.keys.len(), |at| w.authorize(at), |at| w.std_look_up(at));
            ratio(&name, w.keys.len(), |at| w.authorize(at), |at| w.look_up(at))
        };
        let [small, _, big] = SIZES.map(ratio_at);
        println!("RATIO authorize_direct_growth {:.2}    # the ratio at 10^6 by that at 10^3", big / small);
        let w = World::new(Shape::Direct, 100_000, true);
        let name = "authorize_direct_100000_system_clock";
        ratio(name, w.keys.len(), |at| w.authorize(at), |at| w.look_up(at));
    }
    if wanted("visit") {
        for m in SIZES {
            let w = world(m);
            ratio(&format!("visit_{m}"), w.tokens.len(), |at| w.visit(at), |at| w.digest_and_look_up(at));
        }
    }
    if wanted("authorize_depth_8") {
        for m in SIZES {
            let w = chains(m);
            let name = format!("authorize_depth_8_{m}");
            ratio(&name, w.keys.len(), |at| w.authorize(at), |at| w.look_up(at));
        }
    }
    if wanted("share") {
        SIZES.iter().for_each(|m| share_beside_insert(world(*m), *m));
    }
    if wanted("revoke") {
        flat("revoke_4000", world(1_000), world(1_000_000), Shape::Direct);
    }
    if wanted("one_dashboard") {
        let [small, big] = [1_000, 1_000_000].map(|m| {
            let w = World::new(Shape::OneDashboard, m, false);
            let name = format!("authorize_one_dashboard_{m}");
            ratio(&name, w.keys.len(), |at| w.authorize(at), |at| w.look_up(at));
            w
        });
        flat("revoke_4000_one_dashboard", &small, &big, Shape::OneDashboard);
    }
}

/// Runs a question over all keys of a world, one at a time.
fn each(bencher: divan::Bencher<'_, '_>, count: usize, run: impl Fn(usize) -> bool) {
    let mut keys = (0..count).cycle();
    bencher.bench_local(|| run(keys.next().unwrap_or(0)));
}

#[divan::bench(args = SIZES)]
fn authorize_direct(bencher: divan::Bencher<'_, '_>, m: usize) {
    let w = world(m);
    each(bencher, w.keys.len(), |at| w.authorize(at));
}

#[divan::bench(args = SIZES)]
fn authorize_depth_8(bencher: divan::Bencher<'_, '_>, m: usize) {
    let w = chains(m);
    each(bencher, w.keys.len(), |at| w.authorize(at));
}

#[divan::bench(args = SIZES)]
fn bare_look_up(bencher: divan::Bencher<'_, '_>, m: usize) {
    let w = world(m);
    each(bencher, w.keys.len(), |at| w.look_up(at));
}

#[divan::bench(args = SIZES)]
fn visit(bencher: divan::Bencher<'_, '_>, m: usize) {
    let w = world(m);
    each(bencher, w.tokens.len(), |at| w.visit(at));
}

#[divan::bench(args = SIZES)]
fn digest_and_bare_look_up(bencher: divan::Bencher<'_, '_>, m: usize) {
    let w = world(m);
    each(bencher, w.tokens.len(), |at| w.digest_and_look_up(at));
}

#[divan::bench(args = SIZES)]
fn share(bencher: divan::Bencher<'_, '_>, m: usize) {
    let w = world(m);
    let mut random = Random(77);
    bencher.with_inputs(|| (random.pick(&w.dashboards), random.id::<AccountId>())).bench_local_values(
        |(dashboard, with)| {
            ready(w.sharing.share(w.owners[&dashboard], dashboard, NewShare::with(with, terms(false))))
                .is_ok()
        },
    );
}

fn main() {
    // `cargo bench` passes this; `cargo test --benches` does not, and then nothing is measured.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--bench") {
        let words: Vec<String> =
            arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
        ratios(&words);
        divan::main();
    }
}
