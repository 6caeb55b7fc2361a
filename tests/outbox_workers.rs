//! The outbox with four workers that die at every stage: each message is delivered at least once, none is lost, none is
//! leased again after its acknowledgement, no two workers have one at the same time, and none gets stuck (S1). On every
//! store, while the messages are still being written. Faults that are planted in a store must be convicted.
//!
//! Where no PostgreSQL is installed its trial is reported as ignored, or fails if `DASHSHARE_REQUIRE_POSTGRES` is set.

mod damaged;
mod fragile;
mod judge;
mod planted;

use crate::File;
#[cfg(feature = "postgres")]
use crate::support::cluster::{Cluster, Installation};
use crate::support::runtime::block_on;
use dashshare::{
    AccountId, BoxError, DashboardId, Dashshare, Env, Error, Expiry, MemoryDirectory, MemoryStore, NewShare,
    Revision, SystemEnv, TenantId, Terms, Timestamp, store::Store, trail::MessageId,
};
use fragile::{Glass, Neglect};
use judge::{Clock, Name, Record, Wrong, judge};
use libtest_mimic::{Failed, Trial};
use planted::{Fault, Planted};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

const MESSAGES: usize = 12_000;
const WORKERS: usize = 4;
/// Each with a message in a commit of its own, and two more in a commit with all others of its dashboard.
const GRANTS: usize = 50;
const LEASE: Duration = Duration::from_secs(1);
/// How often in a row there may be nothing to lease while messages are left. A lease ends when time moves once.
const IDLE: usize = 1000;

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let mut trials =
        vec![file.trial("workers_die_and_nothing_is_lost_in_memory", || {
            survives(Arc::new(MemoryStore::default()))
        })];
    #[cfg(feature = "sqlite")]
    trials.push(file.trial("workers_die_and_nothing_is_lost_in_sqlite", on_sqlite));
    #[cfg(feature = "postgres")]
    {
        let installation = Installation::find();
        let ignored = installation.is_none() && std::env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none();
        let run = move || on_postgres(installation.as_ref().ok_or("no PostgreSQL server was found")?);
        trials
            .push(file.trial("workers_die_and_nothing_is_lost_in_postgres", run).with_ignored_flag(ignored));
    }
    let planted = [
        ("leases_what_is_leased", Fault::LeasesWhatIsLeased, Wrong::LeasedTwice),
        ("leases_for_ever", Fault::LeasesForEver, Wrong::Stuck),
        ("removes_what_it_leases", Fault::RemovesWhatItLeases, Wrong::Lost),
        ("forgets_acknowledgements", Fault::ForgetsAcknowledgements, Wrong::LeasedAfterAcknowledgement),
        ("acknowledges_a_neighbour", Fault::AcknowledgesANeighbour, Wrong::Lost),
    ];
    trials.push(file.trial("a_damaged_row_holds_nobody_up_in_memory", || {
        let wrongs = rounds(|seed| block_on(damaged::play(&Glass::new(Neglect::None), seed)));
        none_of(wrongs)
    }));
    let neglects = [
        ("fails_after_it_leased", Neglect::FailsAfterItLeased, damaged::Wrong::Failed),
        ("answers_less_beside_a_damaged_row", Neglect::AnswersLess, damaged::Wrong::HeldUp),
        ("drops_damaged_rows", Neglect::DropsTheDamaged, damaged::Wrong::Lost),
        ("leaves_damaged_rows_there", Neglect::LeavesThemThere, damaged::Wrong::Lost),
        ("ends_a_page_at_a_damaged_row", Neglect::EndsThePage, damaged::Wrong::Hidden),
    ];
    trials.extend(neglects.map(|(name, neglect, wrong)| {
        file.trial(format!("a_store_is_convicted_that_{name}"), move || {
            let wrongs = rounds(|seed| block_on(damaged::play(&Glass::new(neglect), seed)));
            match wrongs.contains(&wrong) {
                true => Ok(()),
                false => Err(format!("{neglect:?} is not convicted of {wrong:?}: {wrongs:?}").into()),
            }
        })
    }));
    trials.extend(planted.map(|(name, fault, wrong)| {
        file.trial(format!("a_store_is_convicted_that_{name}"), move || convicts(fault, wrong))
    }));
    trials
}

#[cfg(feature = "sqlite")]
fn on_sqlite() -> Result<(), Failed> {
    use sqlx::sqlite::{SqlitePoolOptions, SqliteSynchronous};
    // What a power cut leaves is for another test.
    let options = dashshare::SqliteStore::options(crate::support::files::fresh_path())
        .synchronous(SqliteSynchronous::Off);
    let pool = block_on(SqlitePoolOptions::new().connect_with(options))?;
    let store = dashshare::SqliteStore::new(pool.clone());
    block_on(store.migrate())?;
    let fragile = fragile::OnSqlite(store.clone());
    none_of(rounds(|seed| block_on(damaged::play(&fragile, seed))))?;
    let survived = survives(Arc::new(store));
    block_on(pool.close());
    survived
}

#[cfg(feature = "postgres")]
fn on_postgres(installation: &Installation) -> Result<(), Failed> {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    let cluster = Cluster::start(installation)?;
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .username("postgres")
        .database("postgres");
    let pool = block_on(PgPoolOptions::new().connect_with(options))?;
    let store = dashshare::PostgresStore::new(pool.clone());
    block_on(store.migrate())?;
    let fragile = fragile::OnPostgres(store.clone());
    none_of(rounds(|seed| block_on(damaged::play(&fragile, seed))))?;
    let survived = survives(Arc::new(store));
    block_on(pool.close());
    // As somebody else sees it.
    let left = cluster.psql()?.send("SELECT count(*) FROM dashshare_outbox;")?;
    drop(cluster);
    survived?;
    match (left.rows.as_slice(), left.complaints.as_slice()) {
        ([count], []) if count == "0" => Ok(()),
        _ => Err(format!("left in the table: {left:?}").into()),
    }
}

fn survives(store: Arc<impl Store + 'static>) -> Result<(), Failed> {
    let played = play(store, MESSAGES)?;
    if !played.wrongs.is_empty() {
        return Err(format!("{:?}", played.wrongs).into());
    }
    // Rare in memory, where no call ever waits in the middle.
    if played.made != MESSAGES || played.deaths < MESSAGES / 50 || played.repeated < MESSAGES / 50 {
        return Err("too little happened to mean anything".into());
    }
    Ok(())
}

/// Rounds with other damages each.
fn rounds(play: impl Fn(u64) -> BTreeSet<damaged::Wrong>) -> BTreeSet<damaged::Wrong> {
    (0..40).flat_map(play).collect()
}

fn none_of(wrongs: BTreeSet<damaged::Wrong>) -> Result<(), Failed> {
    if wrongs.is_empty() { Ok(()) } else { Err(format!("{wrongs:?}").into()) }
}

fn convicts(fault: Fault, wrong: Wrong) -> Result<(), Failed> {
    let played = play(Arc::new(Planted { fault, store: MemoryStore::default() }), 450)?;
    match played.wrongs.contains_key(&wrong) {
        true => Ok(()),
        false => Err(format!("{fault:?} is not convicted of {wrong:?}").into()),
    }
}

// ---------------------------------------------------------------------------------------------------- the run

/// Time stands still until somebody moves it.
struct Time(AtomicI64);

impl Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }

    fn pass(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_micros()).unwrap_or(0), Ordering::SeqCst);
    }
}

/// The clock as one worker reads it.
struct Watch {
    time: Arc<Time>,
    read: AtomicI64,
}

impl Watch {
    fn of(time: &Arc<Time>) -> Self {
        Self { time: Arc::clone(time), read: AtomicI64::new(0) }
    }
}

impl Env for Watch {
    fn now(&self) -> Timestamp {
        let now = self.time.now();
        self.read.store(now.micros(), Ordering::Relaxed);
        now
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        SystemEnv.fill(bytes)
    }
}

type Sharing<S> = Dashshare<Arc<S>, Arc<MemoryDirectory>, Watch>;

struct Played {
    made: usize,
    deaths: usize,
    repeated: usize,
    wrongs: BTreeMap<Wrong, usize>,
}

/// What the workers have in common.
struct Shop {
    time: Arc<Time>,
    clock: Clock,
    /// All messages are written.
    is_written: AtomicBool,
    /// How often in a row there was nothing to lease.
    idle: AtomicUsize,
    delivered: AtomicUsize,
    messages: usize,
    is_stuck: AtomicBool,
    is_endless: AtomicBool,
}

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("an instant")
}

/// Writes so many messages while the workers deliver them, and judges what came of them.
fn play<S: Store + 'static>(store: Arc<S>, messages: usize) -> Result<Played, Failed> {
    let started = Instant::now();
    let directory = Arc::<MemoryDirectory>::default();
    directory.add_account(AccountId::from(1u64));
    let time = Arc::new(Time(AtomicI64::new(start().micros())));
    let sharing = || Dashshare::new(Arc::clone(&store), Arc::clone(&directory), Watch::of(&time));
    let shop = Arc::new(Shop {
        time: Arc::clone(&time),
        clock: Clock::default(),
        is_written: AtomicBool::new(false),
        idle: AtomicUsize::new(0),
        delivered: AtomicUsize::new(0),
        messages,
        is_stuck: AtomicBool::new(false),
        is_endless: AtomicBool::new(false),
    });
    let (made, records) = block_on(async {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                let worker =
                    Worker { sharing: sharing(), shop: Arc::clone(&shop), random: Random(number as u64) };
                tokio::spawn(worker.work())
            })
            .collect();
        let made = write(&sharing(), messages).await;
        shop.is_written.store(true, Ordering::SeqCst);
        let mut records = Vec::new();
        for worker in workers {
            records.push(worker.await.map_err(|error| error.to_string())??);
        }
        Ok::<_, String>((made?, records))
    })?;
    let mut deaths = BTreeMap::<&str, usize>::new();
    let mut record = Record::default();
    for (happenings, died) in records {
        record.0.extend(happenings.0);
        died.into_iter().for_each(|(stage, count)| *deaths.entry(stage).or_default() += count);
    }
    let (counts, mut wrongs) = judge(&made, &record);
    for (wrong, is) in [(Wrong::Stuck, &shop.is_stuck), (Wrong::Endless, &shop.is_endless)] {
        if is.load(Ordering::SeqCst) {
            wrongs.insert(wrong, 1);
        }
    }
    println!(
        "{} messages in {:.1} s: {counts:?}; deaths {deaths:?}; wrong: {wrongs:?}",
        made.len(),
        started.elapsed().as_secs_f32()
    );
    let deaths = deaths.values().sum();
    Ok(Played { made: made.len(), deaths, repeated: counts.repeated, wrongs })
}

/// Invites people, and reminds them all: each invitation is a message, and each reminder two, one to the inviter.
async fn write(sharing: &Sharing<impl Store>, messages: usize) -> Result<BTreeSet<Name>, String> {
    let told = |error: Error| format!("{error:?}");
    let owner = AccountId::from(1u64);
    let terms = Terms::view(Expiry::At(start().plus_days(10)));
    let mut made = BTreeSet::new();
    for board in 0..messages / (3 * GRANTS) {
        let board = DashboardId::from(board as u64 + 1);
        sharing.register(board, TenantId::from(1u64), owner).await.map_err(told)?;
        for person in 0..GRANTS {
            let address = format!("p{person}@example.com").parse().expect("an address");
            let shared = sharing
                .share(owner, board, NewShare::with(dashshare::Holder::Address(address), terms.clone()))
                .await;
            made.insert((board, shared.map_err(told)?.revision, 0));
        }
        let reminded = sharing.remind(board, start().plus_days(20)).await.map_err(told)?;
        let revision: Revision = reminded.revision;
        // To the invitee and to the inviter.
        made.extend(
            (0..2 * reminded.len()).map(|place| (board, revision, u32::try_from(place).unwrap_or(0))),
        );
    }
    Ok(made)
}

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap_or(0)
    }
}

struct Worker<S> {
    sharing: Sharing<S>,
    shop: Arc<Shop>,
    random: Random,
}

type Deaths = BTreeMap<&'static str, usize>;

impl<S: Store> Worker<S> {
    /// Leases, delivers and acknowledges until nothing is left. Whenever it dies, another one takes its place.
    async fn work(mut self) -> Result<(Record, Deaths), String> {
        let (mut record, mut deaths) = (Record::default(), Deaths::new());
        while !self.is_over().await? {
            if let Some(stage) = self.turn(&mut record).await? {
                *deaths.entry(stage).or_default() += 1;
            }
        }
        Ok((record, deaths))
    }

    async fn is_over(&self) -> Result<bool, String> {
        let shop = &self.shop;
        if shop.delivered.load(Ordering::SeqCst) > 5 * shop.messages + 1000 {
            shop.is_endless.store(true, Ordering::SeqCst);
        }
        if shop.is_stuck.load(Ordering::SeqCst) || shop.is_endless.load(Ordering::SeqCst) {
            return Ok(true);
        }
        let is_written = shop.is_written.load(Ordering::SeqCst);
        Ok(is_written && self.sharing.outbox(None, 1).await.map_err(told)?.is_empty())
    }

    /// One batch; answers at which stage the worker has died, if it has.
    async fn turn(&mut self, record: &mut Record) -> Result<Option<&'static str>, String> {
        let shop = Arc::clone(&self.shop);
        let (limit, dice) = (1 + self.random.below(12), self.random.below(100));
        let called = shop.clock.tick();
        // However often they die, nothing is given up.
        let lease = self.sharing.lease_at_most(u32::MAX, LEASE, limit);
        if dice < 5 {
            // Whether it was granted or not, nobody knows of it.
            let Some(leased) = dropped_after(self.random.below(4), lease).await else {
                return Ok(Some("in the lease"));
            };
            let is_empty = leased.map_err(told)?.is_empty();
            return Ok(Some("with an unread lease").filter(|_| !is_empty));
        }
        let leased = lease.await.map_err(told)?;
        let from = Timestamp::from_micros(self.sharing.env().read.load(Ordering::Relaxed));
        let until = from.plus_micros(i64::try_from(LEASE.as_micros()).unwrap_or(0));
        record.leased(&leased, called, from, until);
        if leased.is_empty() {
            self.idle().await?;
            return Ok(None);
        }
        shop.idle.store(0, Ordering::SeqCst);
        if dice < 15 {
            return Ok(Some("before delivery"));
        }
        let delivered = match dice {
            15..25 => &leased[..leased.len() / 2],
            _ => &leased[..],
        };
        for message in delivered {
            record.delivered(message);
            shop.delivered.fetch_add(1, Ordering::SeqCst);
        }
        if dice < 35 {
            return Ok(Some(if dice < 25 { "in the middle of delivery" } else { "before acknowledgement" }));
        }
        if dice < 40 {
            // Not dead, only slow.
            shop.time.pass(LEASE);
            tokio::task::yield_now().await;
        }
        let ids: Vec<MessageId> = delivered.iter().map(|message| message.id).collect();
        // Some acknowledge one by one.
        for ids in ids.chunks(if dice < 70 { ids.len() } else { 1 }) {
            let acknowledged = self.sharing.acknowledge(ids);
            if dice < 45 {
                let Some(acknowledged) = dropped_after(self.random.below(4), acknowledged).await else {
                    return Ok(Some("in the acknowledgement"));
                };
                acknowledged.map_err(told)?;
            } else {
                acknowledged.await.map_err(told)?;
            }
            record.acknowledged(ids, shop.clock.tick());
        }
        Ok(None)
    }

    /// There is nothing to lease: what is leased comes back when time goes by.
    async fn idle(&self) -> Result<(), String> {
        if !self.sharing.outbox(None, 1).await.map_err(told)?.is_empty() {
            self.shop.time.pass(LEASE);
            if self.shop.idle.fetch_add(1, Ordering::SeqCst) > IDLE {
                self.shop.is_stuck.store(true, Ordering::SeqCst);
            }
        }
        tokio::task::yield_now().await;
        Ok(())
    }
}

fn told(error: Error) -> String {
    format!("{error:?}")
}

/// Drops a future that has waited more than so many times.
async fn dropped_after<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
