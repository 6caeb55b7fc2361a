//! What the stores for PostgreSQL and SQLite cost beside bare statements on the same pool:
//! `cargo bench --features sqlite,postgres --bench stores`, with words such as `sqlite` or `authorize` for some of it.
//!
//! Each contender and its floor take turns on the same keys in the same random order, and so do the sizes; the median
//! of the rounds' ratios is printed as `RATIO <name> <value> <=<aim>`. The floor of a check is a bare `SELECT 1 FROM
//! dashshare_head WHERE dashboard = $1` by the primary key; that of `share` is a transaction with as many bare inserts
//! as a share writes rows, into tables of the same columns and indices, which hold as many rows. Both sides wait for
//! the disk.
//!
//! The data: 10^4, 10^5 and 10^6 grants, ten on each dashboard, over a fifth as many accounts; every dashboard has a
//! public link. `DASHSHARE_BENCH_GRANTS=10000` leaves the larger sizes out, for a quick run. What the library makes of
//! it on the memory store is written in bulk, and some of it read back through the store and compared.
//!
//! PostgreSQL is a server of our own, reached over loopback; where none is installed, that part is left out. The
//! driver's pool asks a connection whether it is alive before it lends it, which is a round trip of its own on both
//! sides; `_lean` is without it (`test_before_acquire(false)`), the harder comparison.

#[path = "../tests/support/cluster/mod.rs"]
#[expect(dead_code, reason = "the tests start a cluster without settings of their own")]
mod cluster;
#[path = "stores/fill.rs"]
mod fill;
#[path = "stores/postgres.rs"]
mod postgres;
#[path = "stores/sqlite.rs"]
mod sqlite;
mod support;
#[path = "stores/timed.rs"]
mod timed;

use dashshare::{
    AccountId, Action, DashboardId, NewShare, RevokeMode,
    store::{CachedStore, Store},
};
use fill::{Board, Rows, Table};
use sqlx::types::Uuid;
use std::{
    collections::HashMap,
    env, fs,
    hint::black_box,
    io::{self, Write as _},
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use support::{BenchEnv, Random, Service, deliver, median, service, terms};
use timed::Timed;
use tokio::runtime::Builder;

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const BELOW: usize = 4_000;
/// How many subtrees of `BELOW` grants there are to revoke, each once.
const SUBTREES: usize = 12;
const ROUNDS: usize = 80;
/// Checks of one contender before the other has its turn.
const BATCH: usize = 50;
/// What the services that share a world's tables draw begins beyond what filled them.
const BEYOND: u64 = 1 << 42;

/// A store, and the bare statements on its pool that are its floors.
trait Bare: Store + Clone + 'static {
    const NAME: &'static str;

    /// The floor of a check.
    fn look_up(&self, dashboard: Uuid) -> impl Future<Output = bool> + Send;

    /// The floor of a share: inserts each row by a statement of its own into the bare tables, in one transaction.
    fn insert(&self, rows: &Rows) -> impl Future<Output = ()>;

    /// Writes rows in bulk.
    fn fill(&self, rows: &Rows) -> impl Future<Output = ()>;

    /// Fills the bare tables with the same.
    fn fill_bare(&self) -> impl Future<Output = ()>;

    /// Does what is left to do before measuring.
    fn settle(&self) -> impl Future<Output = ()>;

    /// The same on another pool.
    fn again(&self, connections: u32, tests: bool) -> impl Future<Output = Self>;

    fn close(&self) -> impl Future<Output = ()>;

    /// How many grants of a dashboard its last commit wrote.
    fn grants_written(&self, dashboard: Uuid) -> impl Future<Output = i64>;
}

impl Table {
    fn insertion(&self, kind: &str) -> String {
        let places: Vec<String> = (1..=self.columns.len()).map(|at| format!("${at}")).collect();
        format!(
            "INSERT INTO {kind}_{} ({}) VALUES ({})",
            self.name,
            self.columns.join(", "),
            places.join(", ")
        )
    }
}

/// What is asked for, in random order.
struct Data {
    m: usize,
    keys: Vec<(DashboardId, AccountId)>,
    tokens: Vec<(DashboardId, String)>,
    owners: HashMap<DashboardId, AccountId>,
}

struct World<S> {
    sharing: Service<S>,
    data: Arc<Data>,
}

impl<S: Bare> World<S> {
    async fn new(store: S, m: usize) -> Self {
        let start = Instant::now();
        let boards = fill::draw(m);
        let mut random = Random(3);
        let mut tokens = Vec::new();
        for (at, boards) in boards.chunks(1_000).enumerate() {
            let (origin, made) = fill::make(boards, (at as u64 + 1) << 24);
            store.fill(&fill::rows(origin.store(), boards, &mut random)).await;
            fill::check(&store, &origin, &made[..4]).await;
            tokens.extend(made.into_iter().map(|made| (made.board.dashboard, made.token)));
        }
        store.settle().await;
        let mut keys: Vec<_> =
            boards.iter().flat_map(|board| board.with.iter().map(|with| (board.dashboard, *with))).collect();
        random.shuffle(&mut keys);
        random.shuffle(&mut tokens);
        let owners = boards.iter().map(|board| (board.dashboard, board.owner)).collect();
        eprintln!("filled {} with {m} in {:.1} s", S::NAME, start.elapsed().as_secs_f64());
        let data = Data { m, keys, tokens, owners };
        Self { sharing: service(store, BEYOND, false), data: Arc::new(data) }
    }

    async fn again(&self, connections: u32, tests: bool) -> Self {
        let store = self.sharing.store().again(connections, tests).await;
        Self { sharing: service(store, 2 * BEYOND, false), data: Arc::clone(&self.data) }
    }
}

impl<S: Store> World<S> {
    async fn authorize(&self, at: usize) -> bool {
        let (dashboard, account) = self.data.keys[at % self.data.keys.len()];
        self.sharing.authorize(account, dashboard, Action::View).await.unwrap().is_allowed()
    }

    async fn visit(&self, at: usize) -> bool {
        let (_, token) = &self.data.tokens[at % self.data.tokens.len()];
        self.sharing.visit(token).await.unwrap().is_allowed()
    }
}

impl<S: Bare> World<S> {
    async fn look_up(&self, at: usize) -> bool {
        let (dashboard, _) = self.data.keys[at % self.data.keys.len()];
        self.sharing.store().look_up(dashboard.to_uuid()).await
    }

    async fn look_up_visited(&self, at: usize) -> bool {
        let (dashboard, _) = self.data.tokens[at % self.data.tokens.len()];
        self.sharing.store().look_up(dashboard.to_uuid()).await
    }
}

/// Microseconds that one run takes.
async fn time(range: std::ops::Range<usize>, run: impl AsyncFn(usize) -> bool) -> f64 {
    let (start, count) = (Instant::now(), range.len());
    for at in range {
        assert!(black_box(run(at).await), "a contender said no");
    }
    start.elapsed().as_secs_f64() * 1e6 / count as f64
}

fn say(line: &str) {
    println!("{line}");
    let _ = io::stdout().flush();
}

/// Prints the median of the rounds' ratios.
fn tell(name: &str, aim: Option<f64>, measured: &[(f64, f64)]) -> f64 {
    let value = median(measured.iter().map(|(ours, floor)| ours / floor).collect());
    let ours = median(measured.iter().map(|(ours, _)| *ours).collect());
    let floor = median(measured.iter().map(|(_, floor)| *floor).collect());
    let aim = aim
        .map_or_else(String::new, |aim| format!(" <={aim} {}", if value <= aim { "met" } else { "missed" }));
    say(&format!("RATIO {name} {value:.2}{aim}    # {ours:.1} µs beside {floor:.1} µs"));
    value
}

/// Lets ours and the floor take turns, and the sizes too; who begins alternates.
async fn race<S>(
    name: &str,
    aim: f64,
    worlds: &[World<S>],
    ours: impl AsyncFn(&World<S>, usize) -> bool,
    floor: impl AsyncFn(&World<S>, usize) -> bool,
) {
    let mut measured = vec![Vec::new(); worlds.len()];
    for round in 0..ROUNDS {
        let range = round * BATCH..(round + 1) * BATCH;
        for (world, measured) in worlds.iter().zip(&mut measured) {
            let ours = time(range.clone(), async |at| ours(world, at).await);
            let floor = time(range.clone(), async |at| floor(world, at).await);
            let pair = if round % 2 == 0 {
                let ours = ours.await;
                (ours, floor.await)
            } else {
                let floor = floor.await;
                (ours.await, floor)
            };
            // The first tenth warms up: statements are prepared in it.
            if round >= ROUNDS / 10 {
                measured.push(pair);
            }
        }
    }
    let told = worlds.iter().zip(&measured);
    let values: Vec<f64> = told
        .map(|(world, measured)| tell(&format!("{name}_{}", world.data.m), Some(aim), measured))
        .collect();
    if let [first, .., last] = values.as_slice() {
        let growth = last / first;
        let verdict = if growth <= 1.25 { "met" } else { "missed" };
        say(&format!(
            "RATIO {name}_growth {growth:.2} <=1.25 {verdict}    # the ratio at the largest size by that at the smallest"
        ));
    }
}

async fn checks<S: Bare>(worlds: &[World<S>], aim: f64, wanted: &impl Fn(&str) -> bool) {
    let mut lean = Vec::new();
    for world in worlds {
        lean.push(world.again(2, false).await);
    }
    for (worlds, kind) in [(worlds, ""), (&lean, "_lean")] {
        if wanted("authorize") {
            let name = format!("{}_authorize{kind}", S::NAME);
            race(&name, aim, worlds, World::authorize, World::look_up).await;
        }
        if wanted("visit") {
            let name = format!("{}_visit{kind}", S::NAME);
            race(&name, aim, worlds, World::visit, World::look_up_visited).await;
        }
    }
}

/// Shares beside transactions of as many bare inserts.
async fn shares<S: Bare>(world: &World<S>) {
    const SHARES: usize = 10;
    world.sharing.store().fill_bare().await;
    let mut random = Random(5);
    let mut measured = Vec::new();
    let mut rows = 0;
    for round in 0..24 {
        let boards: Vec<Board> = (0..SHARES)
            .map(|_| Board {
                dashboard: random.id(),
                owner: random.id(),
                with: vec![random.id()],
                through: None,
            })
            .collect();
        let bare: Vec<Rows> = boards
            .iter()
            .map(|board| fill::rows_of_a_share(board, random.next() >> 24, &mut random))
            .collect();
        rows = bare.iter().flatten().map(Vec::len).sum::<usize>() / SHARES;
        let shared = |at: usize| {
            let (dashboard, _) = world.data.tokens[(round * SHARES + at) % world.data.tokens.len()];
            (world.data.owners[&dashboard], dashboard, boards[at].with[0])
        };
        let ours = time(0..SHARES, async |at| {
            let (owner, dashboard, with) = shared(at);
            world.sharing.share(owner, dashboard, NewShare::with(with, terms(false))).await.is_ok()
        })
        .await;
        let floor = time(0..SHARES, async |at| {
            world.sharing.store().insert(&bare[at]).await;
            true
        })
        .await;
        deliver(&world.sharing).await;
        if round >= 4 {
            measured.push((ours, floor));
        }
    }
    let name = format!("{}_share_{}", S::NAME, world.data.m);
    tell(&name, Some(2.0), &measured);
    say(&format!("# a share and its floor write {rows} rows"));
}

/// Revoking a grant with thousands below it, beside revoking one with none.
async fn revocations<S: Bare>(world: &World<S>) {
    let timed = Timed::new(world.sharing.store().clone());
    let sharing = service(timed, 3 * BEYOND, false);
    let revoke = async |owner, dashboard, grant, count: usize| {
        let start = Instant::now();
        let ended = sharing.revoke(owner, dashboard, grant, RevokeMode::Cascade).await.unwrap();
        let all = start.elapsed().as_secs_f64() * 1e6;
        assert_eq!(ended.answer.fell.len(), count);
        let committing = sharing.store().committing.swap(0, Ordering::Relaxed) as f64 / 1e3;
        (all, committing, sharing.store().reads.swap(0, Ordering::Relaxed))
    };
    let (mut whole, mut commits, mut beside_bare) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reads, mut written) = (0, 0);
    let mut random = Random(6);
    for (at, board) in fill::draw_trees(SUBTREES, BELOW).iter().enumerate() {
        let boards = std::slice::from_ref(board);
        let (origin, made) = fill::make(boards, (at as u64 + 1) << 36);
        world.sharing.store().fill(&fill::rows(origin.store(), boards, &mut random)).await;
        fill::check(world.sharing.store(), &origin, &made).await;
        let bare = fill::rows_of_a_revocation(&origin, &made[0], &mut random);
        let (dashboard, _) = random.pick(&world.data.keys);
        let owner = world.data.owners[&dashboard];
        // Some leaves for one tree: a commit's time swings with the disk.
        let mut leaves = Vec::new();
        for _ in 0..5 {
            let shared = sharing
                .share(owner, dashboard, NewShare::with(random.id::<AccountId>(), terms(false)))
                .await
                .unwrap();
            sharing.store().committing.store(0, Ordering::Relaxed);
            sharing.store().reads.store(0, Ordering::Relaxed);
            leaves.push(revoke(owner, dashboard, shared.answer.grant, 1).await);
        }
        let Board { dashboard, owner, .. } = *board;
        let (all, committing, asked) = revoke(owner, dashboard, made[0].first, BELOW + 1).await;
        let floor = time(0..1, async |_| {
            world.sharing.store().insert(&bare).await;
            true
        });
        beside_bare.push((committing, floor.await));
        whole.push((all, median(leaves.iter().map(|leaf| leaf.0).collect())));
        commits.push((committing, median(leaves.iter().map(|leaf| leaf.1).collect())));
        reads = asked;
        written = written.max(world.sharing.store().grants_written(dashboard.to_uuid()).await);
        deliver(&world.sharing).await;
    }
    tell(&format!("{}_revoke_{BELOW}_commit", S::NAME), None, &commits);
    tell(&format!("{}_revoke_{BELOW}_commit_beside_bare_inserts", S::NAME), None, &beside_bare);
    tell(&format!("{}_revoke_{BELOW}", S::NAME), None, &whole);
    say(&format!(
        "# revoking a grant with {BELOW} below it: {written} grant written, {reads} reads before it"
    ));
}

/// Checks in a second, by so many tasks at once, and the floor's beside them.
async fn throughput<S: Bare>(world: Arc<World<S>>) {
    const TURN: Duration = Duration::from_millis(400);
    async fn run<S: Bare>(world: &Arc<World<S>>, tasks: usize, is_floor: bool) -> f64 {
        let start = Instant::now();
        let running: Vec<_> = (0..tasks)
            .map(|task| {
                let world = Arc::clone(world);
                tokio::spawn(async move {
                    let mut done = 0;
                    while start.elapsed() < TURN {
                        let at = task * 7919 + done;
                        assert!(match is_floor {
                            true => world.look_up(at).await,
                            false => world.authorize(at).await,
                        });
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let mut all = 0;
        for task in running {
            all += task.await.unwrap();
        }
        all as f64 / start.elapsed().as_secs_f64()
    }
    for tasks in [1, 8, 64] {
        let mut measured = Vec::new();
        for round in 0..8 {
            let ours = run(&world, tasks, false).await;
            let floor = run(&world, tasks, true).await;
            if round > 0 {
                measured.push((ours, floor));
            }
        }
        let ours = median(measured.iter().map(|(ours, _)| *ours).collect());
        let floor = median(measured.iter().map(|(_, floor)| *floor).collect());
        let value = median(measured.iter().map(|(ours, floor)| floor / ours).collect());
        let name = format!("{}_authorize_{tasks}_tasks_{}", S::NAME, world.data.m);
        say(&format!("RATIO {name} {value:.2}    # {ours:.0} a second beside {floor:.0}"));
    }
}

/// A hit of the cache beside the memory store and the store behind it.
async fn cache<S: Bare>(world: &World<S>) {
    let room = NonZeroUsize::new(world.data.m * 2).unwrap();
    let cached = CachedStore::new(
        world.sharing.store().clone(),
        BenchEnv::new(1, false),
        Duration::from_secs(5),
        room,
    );
    let cached = World { sharing: service(cached, 4 * BEYOND, false), data: Arc::clone(&world.data) };
    let memory = World { sharing: fill::make(&fill::draw(world.data.m), 1).0, data: Arc::clone(&world.data) };
    let count = world.data.keys.len();
    time(0..count, async |at| cached.authorize(at).await).await;
    let (mut by_memory, mut by_store) = (Vec::new(), Vec::new());
    for round in 0..200 {
        let range = round * BATCH * 4..(round + 1) * BATCH * 4;
        let hit = time(range.clone(), async |at| cached.authorize(at).await).await;
        by_memory.push((hit, time(range.clone(), async |at| memory.authorize(at).await).await));
        if round % 4 == 0 {
            by_store.push((hit, time(range, async |at| world.authorize(at).await).await));
        }
    }
    tell("cache_hit_beside_memory", None, &by_memory);
    let ours = median(by_store.iter().map(|(hit, _)| *hit).collect());
    let theirs = median(by_store.iter().map(|(_, store)| *store).collect());
    let ahead = median(by_store.iter().map(|(hit, store)| store / hit).collect());
    say(&format!("RATIO cache_hit_ahead_of_{} {ahead:.0}    # {theirs:.1} µs beside {ours:.2} µs", S::NAME));
}

/// All of it for one kind of store. The throughput has a runtime of several threads, and so pools of its own.
fn measure<S: Bare>(open: impl AsyncFn(&str) -> S, aim: f64, wanted: &impl Fn(&str) -> bool) {
    let limit = env::var("DASHSHARE_BENCH_GRANTS").ok().and_then(|limit| limit.parse().ok());
    let sizes = SIZES.iter().copied().filter(|m| limit.is_none_or(|limit| *m <= limit || *m == SIZES[0]));
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let worlds: Vec<World<S>> = runtime.block_on(async {
        let mut worlds = Vec::new();
        for m in sizes {
            worlds.push(World::new(open(&format!("of_{m}")).await, m).await);
        }
        checks(&worlds, aim, wanted).await;
        let middle = &worlds[worlds.len() / 2];
        if wanted("share") {
            shares(middle).await;
        }
        if wanted("revoke") {
            revocations(middle).await;
        }
        if wanted("cache") {
            cache(&worlds[0]).await;
        }
        worlds
    });
    if wanted("throughput") {
        let several = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        several.block_on(async {
            let world = Arc::new(worlds[worlds.len() / 2].again(16, true).await);
            throughput(Arc::clone(&world)).await;
            world.sharing.store().close().await;
        });
    }
    runtime.block_on(async {
        for world in worlds {
            world.sharing.store().close().await;
        }
    });
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn main() {
    // `cargo bench` passes this; `cargo test --benches` does not, and then nothing is measured.
    let arguments: Vec<String> = env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let words: Vec<String> = arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    let (stores, words): (Vec<String>, Vec<String>) =
        words.into_iter().partition(|word| ["postgres", "sqlite"].contains(&word.as_str()));
    let is_store = |name: &str| stores.is_empty() || stores.iter().any(|store| store == name);
    let wanted = |group: &str| words.is_empty() || words.iter().any(|word| group.contains(word));
    say(&format!("# load {} at the start", load()));
    if is_store("postgres") {
        match postgres::Server::start() {
            Some(server) => {
                measure(async |name| server.store(name).await, 1.5, &wanted);
                server.stop();
            }
            None => say("# no PostgreSQL server was found on this machine, so it is left out"),
        }
    }
    if is_store("sqlite") {
        let folder = sqlite::Folder::new();
        measure(async |name| folder.store(name).await, 3.0, &wanted);
    }
    say(&format!("# load {} at the end", load()));
}
