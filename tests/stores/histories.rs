//! One history on two stores: the memory store, and another one bare or behind a cache.

use super::databases::Database;
use crate::model::{
    Account, Address, Command, Dashboard, Instant, Model, START, Step,
    generator::{ADDRESSES, Generator, Rng},
    library::{Library, Service, account_id, clock, dashboard_id, email, tenant_id, time},
};
use crate::support::runtime;
use dashshare::{
    Action, DashboardId, Dashshare, Decision, DecisionAsOf, Error, Expiry, FixedEnv, Holder, MemoryDirectory,
    MemoryStore, Revision,
    answers::NewOffer,
    questions::Page,
    store::{CachedStore, DynStore, Freshness, Grant, LinkDigest, Seed, Store as _},
    template::{Options, Profile, Template, extract_json},
    trail::{Actor, MessageId},
};
use pollster::block_on;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Debug,
    num::NonZeroUsize,
    sync::{Arc, LazyLock},
    time::{Duration, Instant as Stopwatch},
};

/// All is compared after every so many steps, and at the end.
const COMPARE_EVERY: usize = 16;
/// No history makes more accounts.
const PEOPLE: u8 = 12;
/// The ids of clones begin here.
const CLONES: u8 = 100;
/// Of fewer histories chance alone makes the counts.
const FEW: u64 = 50;

/// The least that 100 histories must contain to mean anything: about half of what they do contain.
const FLOORS: [(&str, u64); 11] = [
    ("commands", 2_800),
    ("refusals", 750),
    ("states compared", 160),
    ("rows compared", 16_000),
    ("answers compared", 31_000),
    ("answers of caches compared", 4_500),
    ("answers of a cache that lagged", 75),
    ("offers made", 150),
    ("offers taken", 18),
    ("reminders", 75),
    ("rounds of the outbox", 115),
];

pub(crate) type Shared = Arc<dyn DynStore>;
type Cached = Dashshare<CachedStore<Shared, Arc<FixedEnv>>, Arc<MemoryDirectory>, Arc<FixedEnv>>;

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
    let document = r#"{"dashboard": {"label": "Cold rooms"}, "widgets": [{"id": "67ffb39beff26b000aa52e6b",
        "type": "card", "data": [{"origin": "67599bcd999d25000a9c10bd", "variables": ["temperature"]}]}]}"#;
    extract_json(document, &Profile::tagoio(), Options::default()).expect("a template").template
});

#[derive(Default)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn count(&mut self, what: &str, many: usize) {
        *self.0.entry(what.to_owned()).or_default() += many as u64;
    }
}

/// What the library under test has between itself and its store.
#[derive(Clone, Copy, Debug)]
enum Front {
    Bare,
    /// A cache that keeps nothing.
    Fresh,
    /// A cache that keeps everything for an hour; all changes go through it.
    Lasting,
}

const HOUR: Duration = Duration::from_secs(3600);

fn cached(store: &Shared, env: &Arc<FixedEnv>, staleness: Duration) -> CachedStore<Shared, Arc<FixedEnv>> {
    CachedStore::new(Arc::clone(store), Arc::clone(env), staleness, room())
}

fn room() -> NonZeroUsize {
    NonZeroUsize::new(256).expect("some room")
}

/// A store with a library over it, and two more processes that only ask, each through a cache of its own.
struct Side {
    store: Shared,
    library: Library<Shared>,
    fresh: Cached,
    lagging: Cached,
}

impl Side {
    fn new(store: Shared, front: Front) -> Self {
        let (env, directory) = (clock(), Arc::<MemoryDirectory>::default());
        let through: Shared = match front {
            Front::Bare => Arc::clone(&store),
            Front::Fresh => Arc::new(cached(&store, &env, Duration::ZERO)),
            Front::Lasting => Arc::new(cached(&store, &env, HOUR)),
        };
        let asks = |staleness| {
            Dashshare::new(cached(&store, &env, staleness), Arc::clone(&directory), Arc::clone(&env))
        };
        let (fresh, lagging) = (asks(Duration::ZERO), asks(HOUR));
        let library = Library::listening(Dashshare::new(through, directory, env));
        Self { store, library, fresh, lagging }
    }

    fn service(&self) -> &Service<Shared> {
        self.library.service()
    }
}

fn same<T: PartialEq + Debug>(what: &str, memory: &T, other: &T) -> Result<(), String> {
    if memory == other {
        return Ok(());
    }
    Err(format!("{what}:\n memory {memory:?}\n  other {other:?}"))
}

fn text<T: Debug>(answer: impl Future<Output = Result<T, Error>>) -> String {
    format!("{:?}", block_on(answer))
}

/// A decision about another instant, in words.
fn told_then(decision: impl Future<Output = Result<DecisionAsOf, Error>>) -> String {
    block_on(decision).map_or_else(
        |error| format!("{error:?}"),
        |decision| format!("{:?} {}", decision.explanation(), decision.explain()),
    )
}

fn told(decision: impl Future<Output = Result<Decision, Error>>) -> String {
    match block_on(decision) {
        Ok(decision) => format!(
            "{} by {:?} until {:?} at {:?}: {} / {}",
            decision.is_allowed(),
            decision.denial(),
            decision.valid_until(),
            decision.revision(),
            decision.explain(),
            decision.tell(),
        ),
        Err(error) => format!("{error:?}"),
    }
}

/// Plays the histories of some seeds, as many as are said unless the environment says otherwise, on memory and on a
/// database; without one, on memory and on memory behind its caches.
pub(crate) fn agree(name: &str, histories: u64, database: Option<&Database>) {
    let _inside = runtime::RUNTIME.enter();
    let number = |name: &str| {
        let text = env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("`{name}={text}` is not a number")))
    };
    let seeds = match number("DASHSHARE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DASHSHARE_STORE_HISTORIES").unwrap_or(histories),
    };
    let played = seeds.end - seeds.start;
    let stopwatch = Stopwatch::now();
    let mut counts = Counts::default();
    for seed in seeds {
        let store: Shared = match database {
            Some(database) => {
                database.clear();
                Arc::clone(&database.store)
            }
            None => Arc::new(MemoryStore::default()),
        };
        if let Err(found) = play(seed, store, &mut counts) {
            panic!("{name}: history {seed} (replay it with DASHSHARE_SEED={seed}): {found}");
        }
    }
    println!("{name}: {played} histories in {:.1?}", stopwatch.elapsed());
    for (what, count) in &counts.0 {
        println!("{name}: {count:>9} {what}");
    }
    if played >= FEW {
        for (what, floor) in FLOORS {
            let count = counts.0.get(what).copied().unwrap_or(0);
            assert!(
                count * 100 >= floor * played,
                "{count} {what} in {played} histories are too few to mean anything"
            );
        }
    }
}

/// Plays a history on the memory store and on another one until the first difference.
pub(crate) fn play(seed: u64, store: Shared, counts: &mut Counts) -> Result<(), String> {
    let front = [Front::Bare, Front::Fresh, Front::Lasting][(seed % 3) as usize];
    let mut game = Game {
        memory: Side::new(Arc::new(MemoryStore::default()), Front::Bare),
        other: Side::new(store, front),
        model: Model::new(),
        rng: Rng::new(!seed),
        now: START,
        clones: 0,
        page: 1 + (seed % 5) as usize,
    };
    let mut generator = Generator::new(seed);
    let mut next = generator.opening();
    let mut left = generator.length();
    let mut steps = 0;
    while !next.is_empty() {
        for step in next.drain(..) {
            game.step(step, counts).map_err(|found| format!("{front:?}, {step:?}\n{found}"))?;
            steps += 1;
        }
        if steps % COMPARE_EVERY == 0 {
            game.compare(counts).map_err(|found| format!("{front:?}, after {steps} steps: {found}"))?;
        }
        if left > 0 {
            left -= 1;
            next.push(generator.next(&game.model));
        }
    }
    game.compare(counts).map_err(|found| format!("{front:?}, at the end: {found}"))
}

struct Game {
    memory: Side,
    other: Side,
    model: Model,
    rng: Rng,
    now: Instant,
    clones: u8,
    /// How many rows are read at once when all is compared.
    page: usize,
}

impl Game {
    fn step(&mut self, step: Step, counts: &mut Counts) -> Result<(), String> {
        self.now = step.at;
        // The model only guides: it knows no offers, and what is played beside it may be refused.
        let expected = self.model.play(step);
        let expected = expected.as_ref().ok();
        let memory = self.memory.library.play(step, expected);
        let other = self.other.library.play(step, expected);
        counts.count("commands", 1);
        if let Err(code) = &memory {
            counts.count("refusals", 1);
            counts.count(&format!("refused: {code}"), 1);
        }
        same("what came of it", &memory, &other)?;
        same("what was answered", &self.memory.library.said(), &self.other.library.said())?;
        same("the tokens", &self.memory.library.tokens(), &self.other.library.tokens())?;
        if !matches!(step.command, Command::Join { .. }) && self.rng.percent(30) {
            self.beside(counts)?;
        }
        Ok(())
    }

    fn anybody(&mut self) -> Account {
        Account(self.rng.below(7) as u8)
    }

    /// What the model knows nothing of: offers, reminders, and the worker of the outbox.
    fn beside(&mut self, counts: &mut Counts) -> Result<(), String> {
        let source = Dashboard(self.rng.below(2) as u8);
        let some_clone = Dashboard(CLONES + self.rng.below(usize::from(self.clones) + 1) as u8);
        let somebody = self.anybody();
        let now = time(self.now);
        let head = block_on(self.memory.store.read(dashboard_id(source), &[], Freshness::Latest));
        let owner = head.expect("memory never fails").map(|snapshot| snapshot.head.owner);
        // Open offers with whom they are for, as a person who may answer them sees them.
        let mut open = Vec::new();
        for number in 0..PEOPLE {
            let offers = block_on(self.memory.service().offers(account_id(Account(number)), Page::first(99)));
            open.extend(
                offers.expect("memory never fails").iter().map(|offer| (number, offer.clone, offer.by)),
            );
        }
        let open = self.rng.pick(&open);
        let (who, clone, giver) = match open {
            Some((who, clone, giver)) if self.rng.percent(85) => (account_id(Account(who)), clone, giver),
            _ => (account_id(somebody), dashboard_id(some_clone), account_id(somebody)),
        };
        let roll = self.rng.below(100);
        let what = match roll {
            0..40 => "offers made",
            40..52 => "offers taken",
            52..60 => "offers declined",
            60..68 => "offers withdrawn",
            68..80 => "reminders",
            _ => "rounds of the outbox",
        };
        let by = match owner {
            Some(owner) if self.rng.percent(90) => owner,
            _ => account_id(somebody),
        };
        let to: Holder = match self.rng.percent(60) {
            true => account_id(self.anybody()).into(),
            false => email(Address(self.rng.below(usize::from(ADDRESSES)) as u8)).into(),
        };
        let new = if self.rng.percent(90) && self.clones < 99 {
            self.clones += 1;
            dashboard_id(Dashboard(CLONES + self.clones - 1))
        } else {
            dashboard_id(some_clone)
        };
        let days = self.rng.below(20) as u32;
        let expiry = if days < 10 { Expiry::Never } else { Expiry::At(now.plus_days(days - 9)) };
        let message = self.rng.percent(50).then_some("As promised");
        let as_host = self.rng.percent(25);
        let acknowledged = self.rng.below(5);
        let lasting = Duration::from_secs(60 * (1 + self.rng.below(3) as u64));
        let run = |side: &Side| {
            let service = side.service();
            match roll {
                0..40 => {
                    let mut offer = NewOffer::to(to.clone(), new, &TEMPLATE, expiry).devices("a sensor");
                    offer.message = message;
                    text(service.offer(by, dashboard_id(source), offer))
                }
                40..52 => text(service.take_offer(who, clone, tenant_id(source))),
                52..60 => text(service.decline_offer(who, clone)),
                60..68 => {
                    let giver = if as_host { Actor::Host } else { giver.into() };
                    text(service.withdraw_offer(giver, clone))
                }
                68..80 => text(service.remind(dashboard_id(source), now.plus_days(days))),
                _ => {
                    let leased = block_on(service.lease(lasting, 4));
                    let ids = leased.iter().flatten().map(|message| message.id).take(acknowledged);
                    let ids: Vec<MessageId> = ids.collect();
                    format!("{leased:?} {}", text(service.acknowledge(&ids)))
                }
            }
        };
        let (memory, other) = (run(&self.memory), run(&self.other));
        same(what, &memory, &other)?;
        counts.count("commands", 1);
        counts.count(what, usize::from(memory.starts_with("Ok(")));
        counts.count("refusals", usize::from(memory.starts_with("Err(Refused")));
        Ok(())
    }

    /// All that is kept and all that is told.
    fn compare(&mut self, counts: &mut Counts) -> Result<(), String> {
        let boards = (0..2).chain(CLONES..CLONES + self.clones).map(|number| dashboard_id(Dashboard(number)));
        let boards: Vec<DashboardId> = boards.collect();
        let made = self.memory.library.made();
        let dump = |side: &Side| dump(&side.store, &boards, &made, side.library.digests(), self.page);
        let (memory, other) = (dump(&self.memory)?, dump(&self.other)?);
        counts.count("states compared", 1);
        counts.count("rows compared", memory.iter().map(|(_, rows)| rows.len()).sum());
        for ((what, memory), (_, other)) in memory.iter().zip(&other) {
            same(what, memory, other)?;
        }
        let rng = self.rng.clone();
        let ask = |side: &Side| questions(side, &boards, &made, rng.clone(), self.now);
        let (memory, other) = (ask(&self.memory), ask(&self.other));
        self.rng.next();
        counts.count("answers compared", memory.len());
        for ((what, memory), (_, other)) in memory.iter().zip(&other) {
            same(what, memory, other)?;
        }
        self.compare_caches(&boards, counts)
    }

    /// Two other processes ask through their caches. One that keeps nothing answers as the store does; one that lags
    /// does so when it is asked for the newest revision.
    fn compare_caches(&self, boards: &[DashboardId], counts: &mut Counts) -> Result<(), String> {
        for &board in &boards[..2] {
            let head = block_on(self.memory.store.read(board, &[], Freshness::Latest));
            let newest =
                head.expect("memory never fails").map_or(Revision::ZERO, |found| found.head.revision);
            for who in (0..7).map(Account).map(account_id) {
                let expected = told(self.memory.service().authorize(who, board, Action::View));
                let fresh = told(self.other.fresh.authorize(who, board, Action::View));
                same(&format!("what a cache that keeps nothing tells {who:?}"), &expected, &fresh)?;
                let lagging = told(self.other.lagging.authorize(who, board, Action::View));
                counts.count("answers of a cache that lagged", usize::from(lagging != expected));
                let newest = told(self.other.lagging.at_least(newest).authorize(who, board, Action::View));
                same(&format!("what a cache tells {who:?} of the newest revision"), &expected, &newest)?;
                counts.count("answers of caches compared", 2);
            }
        }
        Ok(())
    }
}

/// All pages of a list.
fn pages<T>(mut page: impl FnMut(Option<&T>) -> Result<Vec<T>, String>) -> Result<Vec<T>, String> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let more = page(all.last())?;
        if more.is_empty() {
            return Ok(all);
        }
        all.extend(more);
        if all.len() > 10_000 {
            return Err("a list without an end".to_owned());
        }
    }
}

type Rows = Vec<(String, Vec<String>)>;

fn rows<T: Debug>(list: impl IntoIterator<Item = T>) -> Vec<String> {
    list.into_iter().map(|row| format!("{row:?}")).collect()
}

/// All that a store keeps, as its own methods tell it.
fn dump(
    store: &Shared,
    boards: &[DashboardId],
    made: &[(DashboardId, dashshare::GrantId)],
    digests: &[LinkDigest],
    page: usize,
) -> Result<Rows, String> {
    let failed = |error: dashshare::BoxError| format!("the store fails: {error}");
    let mut all: Rows = Vec::new();
    let people = (0..PEOPLE).map(|number| account_id(Account(number)));
    let addresses = (0..ADDRESSES).map(|number| email(Address(number)));
    let holders: Vec<Holder> = people.clone().map(Holder::from).chain(addresses.map(Holder::from)).collect();
    let seeds: Vec<Seed> = holders.iter().cloned().map(Seed::Holder).collect();
    for &board in boards {
        let read = block_on(store.read(board, &seeds, Freshness::Latest)).map_err(failed)?;
        all.push((format!("the head of {board:?}"), rows(read.iter().map(|snapshot| &snapshot.head))));
        // They may come in any order, and twice when two seeds name them.
        let chains: BTreeSet<String> =
            read.iter().flat_map(|snapshot| &snapshot.chains).map(|chain| format!("{chain:?}")).collect();
        all.push((format!("the chains of {board:?}"), chains.into_iter().collect()));
        let grants = pages(|last: Option<&Arc<Grant>>| {
            let from = last.map_or(0, |grant| grant.ordinal + 1);
            block_on(store.grants(board, from, page)).map_err(failed)
        })?;
        all.push((format!("the grants of {board:?}"), rows(&grants)));
        let audit = pages(|last: Option<&dashshare::trail::AuditRecord>| {
            let after = last.map_or(Revision::ZERO, |record| record.revision);
            block_on(store.audit(board, after, page + 3)).map_err(failed)
        })?;
        all.push((format!("the audit of {board:?}"), rows(&audit)));
    }
    for digest in digests {
        let link = block_on(store.read_link(digest)).map_err(failed)?;
        all.push(("what a digest leads to".to_owned(), rows(link)));
    }
    for (board, grant) in made {
        let below = block_on(store.grants_below(*board, *grant, 0, 100)).map_err(failed)?;
        all.push((format!("what hangs on {grant:?}"), rows(below)));
    }
    for holder in &holders {
        let held = pages(|last: Option<&dashshare::store::Snapshot>| {
            let after =
                last.and_then(|held| held.chains.first()?.first()).map(|leaf| (leaf.dashboard, leaf.ordinal));
            block_on(store.held(holder, after, page + 1)).map_err(failed)
        })?;
        all.push((format!("what {holder:?} holds"), rows(&held)));
    }
    for who in people.clone() {
        let owned = pages(|last: Option<&Arc<dashshare::store::Head>>| {
            block_on(store.owned(who, last.map(|head| head.dashboard), page + 1)).map_err(failed)
        })?;
        all.push((format!("what {who:?} owns"), rows(&owned)));
    }
    for actor in people.map(Actor::from).chain([Actor::Host]) {
        let deeds = pages(|last: Option<&dashshare::trail::AuditRecord>| {
            let after = last.map(|record| (record.dashboard, record.revision));
            block_on(store.audit_of(actor, after, page + 9)).map_err(failed)
        })?;
        all.push((format!("what {actor:?} did"), rows(&deeds)));
    }
    let outbox = pages(|last: Option<&dashshare::trail::OutboxMessage>| {
        block_on(store.outbox(last.map(|message| message.id), page + 7)).map_err(failed)
    })?;
    all.push(("the outbox".to_owned(), rows(&outbox)));
    Ok(all)
}

/// Decisions, visits and lists, by the same dice on each side.
fn questions(
    side: &Side,
    boards: &[DashboardId],
    made: &[(DashboardId, dashshare::GrantId)],
    mut rng: Rng,
    now: Instant,
) -> Vec<(String, String)> {
    let service = side.service();
    let mut all = Vec::new();
    let mut say = |what: String, answer: String| all.push((what, answer));
    let tokens = side.library.tokens();
    for token in &tokens {
        say("a visit".to_owned(), told(service.visit(*token)));
    }
    let some: Vec<DashboardId> = boards.iter().copied().filter(|_| rng.percent(60)).collect();
    for board in some {
        for who in (0..8).map(Account).map(account_id) {
            for action in [Action::View, Action::Export, Action::Share, Action::Edit] {
                if rng.percent(40) {
                    let what = format!("whether {who:?} may {action:?} {board:?}");
                    say(what, told(service.authorize(who, board, action)));
                }
            }
            let span = [86_400_000_000, 60_000_000, -60_000_000, -86_400_000_000][rng.below(4)];
            let at = time(now + span * rng.below(3) as i64);
            let what = format!("whether {who:?} could view {board:?} at {at:?}");
            say(what, told_then(service.as_of(at).authorize(who, board, Action::View)));
            if rng.percent(30) {
                say(format!("what {who:?} is listed of {board:?}"), text(service.access_list(who, board)));
            }
            if rng.percent(20) {
                say(format!("the audit for {who:?}"), text(service.audit(who, board, Revision::ZERO, 40)));
                let token = rng.pick(&tokens);
                say(format!("a diagnosis for {who:?}"), text(service.diagnose_link(who, board, token)));
            }
        }
        say(format!("who may view {board:?}"), text(service.viewers(board)));
        say(format!("who loses {board:?}"), text(service.losing_access(board, time(now + 86_400_000_000))));
    }
    for who in (0..8).map(Account).map(account_id) {
        say(format!("what is shared with {who:?}"), text(service.shared_with(who, Page::first(99))));
        say(format!("what is offered to {who:?}"), text(service.offers(who, Page::first(99))));
        say(format!("what {who:?} offers"), text(service.offers_made(who, Page::first(99))));
        if let Some((board, grant)) = rng.pick(made) {
            say(format!("the impact of {grant:?}"), text(service.impact_of_revoking(who, board, grant)));
        }
    }
    all
}
