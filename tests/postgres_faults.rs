//! The store for PostgreSQL under faults: 8 writers and 4 readers on the public link of one dashboard, through the
//! library, while backends are terminated, the server crashes and comes back, the answers of commits are dropped by a
//! proxy, and statements run out of time. What happened is judged: is there an order of all operations that explains
//! every answer (S1, S3, L1, L2)? The judge is judged too, and so are the faults: a rotation of the naive kind and a
//! server that acknowledges before it has written must be convicted.
//!
//! - No server on this machine: every trial that needs one is reported as ignored, or fails if
//!   `DASHSHARE_REQUIRE_POSTGRES` is set.
//! - `DASHSHARE_FAULT_OPERATIONS` says how many operations are played in all: 20000 unless set.
//!
//! A fault has hit when a call to the store by an operation of the library failed by it, which is known by what the
//! server said, or by the connection ending without a word: then it was the proxy, or the server while it was down. An
//! operation counts once for each fault, however many of its calls failed.

mod denials;
mod history;
mod naive;
mod progress;
mod proxy;
mod run;
mod storm;
mod subject;
mod verdicts;

use crate::File;
use crate::support::cluster::{Cluster, Installation};
use crate::support::runtime::block_on;
use dashshare::{
    AccountId, DashboardId, Dashshare, MemoryDirectory, PostgresStore, Revision, SystemEnv, TenantId,
    trail::{Actor, AuditRecord, Event},
};
use history::{Act, Link, Op, judge, stale_visits};
use libtest_mimic::{Failed, Trial};
use naive::{Kind, Rotation, Samples};
use progress::{Fault, Progress};
use proxy::Proxy;
use run::{Pace, WORKERS, look_back, run};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use std::{
    env,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};
use storm::{HASTE, Storm, VICTIM};
use subject::{BOARD, Library, OWNER, Tokens, told};

const LEVELS: [&str; 3] = ["read committed", "repeatable read", "serializable"];
/// How often each fault hits in the runs of all levels together.
const HITS: usize = 102;

/// A trial that needs a server.
type Run = Box<dyn FnOnce(&Installation) -> Result<(), Failed> + Send>;

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let installation = Installation::find().map(Arc::new);
    let ignored = installation.is_none() && env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none();
    let trial = |name: String, run: Run| {
        let installation = installation.clone();
        file.trial(name, move || run(installation.as_deref().ok_or("no PostgreSQL server was found")?))
            .with_ignored_flag(ignored)
    };
    let mut trials = vec![
        file.trial("the_judge_takes_right_histories", verdicts::takes_right_histories),
        file.trial("the_judge_convicts_wrong_histories", verdicts::convicts_wrong_histories),
        file.trial("the_proxy_knows_which_statement_commits", knows_commits),
    ];
    trials.extend(LEVELS.map(|level| {
        let name = format!("one_link_survives_faults_at_{}", level.replace(' ', "_"));
        trial(name, Box::new(move |installation| survives(installation, level)))
    }));
    trials.extend([
        trial("whoever_asks_while_something_is_wrong_is_turned_away".into(), Box::new(denials::turned_away)),
        trial("a_commit_that_fails_after_its_rows_is_no_success".into(), Box::new(denials::fails_late)),
        trial("the_judge_convicts_the_naive_rotation".into(), Box::new(convicts_naive)),
        trial("the_judge_convicts_a_server_that_acknowledges_too_early".into(), Box::new(convicts_early)),
    ]);
    trials
}

fn operations() -> Result<usize, String> {
    match env::var("DASHSHARE_FAULT_OPERATIONS") {
        Ok(number) => {
            number.parse().map_err(|_| format!("DASHSHARE_FAULT_OPERATIONS: `{number}` is no number"))
        }
        Err(_) => Ok(20_000),
    }
}

// ---------------------------------------------------------------------------------------------------- the server

/// A server of a trial's own, the proxy in front of it, and the pools. Fields are dropped from the first to the last.
struct Stage {
    /// The first waits as long as it takes; the statements of the second run out of time.
    pools: Vec<PgPool>,
    proxy: Proxy,
    cluster: Cluster,
}

impl Stage {
    fn set(installation: &Installation, settings: &str, level: &str) -> Result<Self, String> {
        let cluster = Cluster::start_with(installation, 5432, settings)?;
        let socket = cluster.socket_dir().join(".s.PGSQL.5432");
        let proxy = Proxy::start(&socket).map_err(|error| format!("no proxy: {error}"))?;
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(proxy.port())
            .username("postgres")
            .database("postgres")
            .application_name(VICTIM)
            .ssl_mode(PgSslMode::Disable)
            .options([("default_transaction_isolation", level)]);
        let hasty = options.clone().options([("statement_timeout", HASTE)]);
        let pool =
            |options| block_on(async { PgPoolOptions::new().max_connections(6).connect_lazy_with(options) });
        Ok(Self { pools: vec![pool(options), pool(hasty)], proxy, cluster })
    }

    /// Half of the workers are patient.
    fn pool(&self, worker: usize) -> PgPool {
        self.pools[worker % self.pools.len()].clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for pool in &self.pools {
            block_on(pool.close());
        }
    }
}

// ---------------------------------------------------------------------------------------------------- the trials

/// A run under faults and its record, from the link as it was in the beginning.
struct Recorded {
    begin: Link,
    ops: Vec<Op>,
    trail: Vec<AuditRecord>,
    /// Whether the storm did what it was to do.
    raged: Result<(), String>,
    /// The proxy dropped enough answers, and enough of them were of commits that stood.
    drops_enough: bool,
}

fn play(stage: &Stage, operations: usize, hits: usize) -> Result<Recorded, String> {
    let (owner, board) = (AccountId::from(OWNER), DashboardId::from(BOARD));
    let (tokens, progress) = (Arc::<Tokens>::default(), Arc::<Progress>::default());
    let directory = Arc::<MemoryDirectory>::default();
    directory.add_account(owner);
    let sharing = Dashshare::new(PostgresStore::new(stage.pool(0)), Arc::clone(&directory), SystemEnv);
    block_on(sharing.store().migrate()).map_err(|error| told(&error))?;
    let registered = block_on(sharing.register(board, TenantId::from(1u64), owner));
    let begin = registered.map_err(|error| told(&error))?.revision.number();
    let begin = Link { revision: begin, ..Link::default() };
    // Whatever a crash may take, it is not this.
    let mut psql = stage.cluster.psql().map_err(|error| error.to_string())?;
    psql.send("CHECKPOINT;").map_err(|error| error.to_string())?;
    drop(psql);
    let library = |worker| {
        let store = PostgresStore::new(stage.pool(worker));
        Library::new(store, Arc::clone(&directory), Arc::clone(&tokens), Arc::clone(&progress))
    };
    let started = Instant::now();
    let storm = Storm { cluster: &stage.cluster, proxy: &stage.proxy, progress: &progress, operations, hits };
    let (mut ops, raged) =
        run((0..WORKERS).map(library).collect(), &tokens, &progress, Pace::Steady, || storm.rage())?;
    look_back(&library(0), &tokens, &mut ops)?;
    let tally = progress.tally();
    println!(
        "{} operations answered and {} failed in {:.1} s; {:?}; {} commits of unknown fate, {} of them stood; \
         other errors: {:?}",
        tally.answered,
        tally.failed,
        started.elapsed().as_secs_f32(),
        Fault::ALL.map(|fault| (fault, tally.hits(fault))),
        tally.unknown,
        tally.stood,
        tally.others,
    );
    let cuts = stage.proxy.cuts();
    println!("answers dropped: {cuts:?}");
    let drops_enough = cuts.all() >= hits && tally.stood >= cuts.answered / 2;
    let mut trail = Vec::new();
    loop {
        let after = trail.last().map_or(Revision::ZERO, |record: &AuditRecord| record.revision);
        let page = block_on(sharing.audit(Actor::Host, board, after, 512)).map_err(|error| told(&error))?;
        let is_last = page.len() < 512;
        trail.extend(page);
        if is_last {
            break;
        }
    }
    Ok(Recorded { begin, ops, trail, raged, drops_enough })
}

/// L1, L2, S1, S3: the history under faults is linearizable, and the trail tells the same.
fn survives(installation: &Installation, level: &str) -> Result<(), Failed> {
    let stage = Stage::set(installation, "", level)?;
    println!("at {level}:");
    let recorded = play(&stage, operations()?.div_ceil(LEVELS.len()), HITS.div_ceil(LEVELS.len()))?;
    drop(stage);
    let started = Instant::now();
    let Recorded { begin, ops, trail, raged, drops_enough } = &recorded;
    let acquittal = judge(*begin, ops).map_err(|conviction| conviction.to_string())?;
    println!(
        "judged in {:.1} s: up to {} operations under way, up to {} states possible",
        started.elapsed().as_secs_f32(),
        acquittal.under_way,
        acquittal.states
    );
    check_trail(ops, trail)?;
    let counts = counts(ops);
    let (stale, let_in) = stale_visits(ops);
    println!("{counts:?}; {stale} visits with a token known dead, {let_in} of them let in");
    if let_in > 0 {
        return Err("a visit that began after a rotation returned was let in by an older token".into());
    }
    let enough = ops.len() / 20;
    raged.clone()?;
    if !drops_enough {
        return Err("too few answers were dropped, or too few of commits that stood".into());
    }
    if counts.rotated < enough || counts.opened < enough / 4 || stale < enough || counts.looked < enough {
        return Err("too little happened to mean anything".into());
    }
    // Resumed until they are resolved, and the server came back each time.
    if counts.unresolved > 0 {
        return Err("a commit stayed unresolved".into());
    }
    println!("planted and convicted: {:?}", verdicts::convicts_planted(*begin, ops)?);
    Ok(())
}

#[derive(Default, Debug)]
struct Counts {
    rotated: usize,
    overtaken: usize,
    changed: usize,
    unresolved: usize,
    no_link: usize,
    opened: usize,
    refused: usize,
    looked: usize,
}

fn counts(ops: &[Op]) -> Counts {
    let mut counts = Counts::default();
    for op in ops {
        *match op.act {
            Act::Rotated { .. } => &mut counts.rotated,
            Act::Overtaken { .. } => &mut counts.overtaken,
            Act::Changed { .. } => &mut counts.changed,
            Act::Unresolved(_) => &mut counts.unresolved,
            Act::NoLink => &mut counts.no_link,
            Act::Visited { allowed: true, .. } => &mut counts.opened,
            Act::Visited { allowed: false, .. } => &mut counts.refused,
            Act::Looked(_) => &mut counts.looked,
        } += 1;
    }
    counts
}

/// The trail has every revision and every generation once, in order, and each rotation where its maker was told (G21).
fn check_trail(ops: &[Op], trail: &[AuditRecord]) -> Result<(), String> {
    let mut made = Vec::new();
    for (number, record) in (1..).zip(trail) {
        if record.revision.number() != number {
            return Err(format!("record {number} of the trail is of revision {}", record.revision.number()));
        }
        if let Event::LinkRotated { generation, .. } = record.event {
            made.push((generation, number));
        }
    }
    if let Some(gap) = (1..).zip(&made).find(|(number, (generation, _))| number != generation) {
        return Err(format!("the trail has generations that do not count up: {gap:?}"));
    }
    for op in ops {
        if let Act::Rotated { place: Some(place), .. } = op.act
            && !made.contains(&(place.generation, place.revision))
        {
            return Err(format!("the trail does not have {op:?}"));
        }
    }
    Ok(())
}

/// L2: a rotation that compares nothing leaves several links that open, and is convicted; the same with one row for the
/// dashboard is not. The runs are without faults: it takes none.
fn convicts_naive(installation: &Installation) -> Result<(), Failed> {
    const OPERATIONS: usize = 3000;
    let stage = Stage::set(installation, "", LEVELS[0])?;
    for table in naive::TABLES {
        block_on(sqlx::query(table).execute(&stage.pools[0])).map_err(|error| error.to_string())?;
    }
    let play = |kind| {
        let (tokens, progress) = (Arc::<Tokens>::default(), Arc::<Progress>::default());
        let samples = Arc::<Samples>::default();
        let subject = |_| Rotation {
            kind,
            pool: stage.pools[0].clone(),
            tokens: Arc::clone(&tokens),
            samples: Arc::clone(&samples),
        };
        let subjects = (0..WORKERS).map(subject).collect();
        let (ops, raged) = run(subjects, &tokens, &progress, Pace::Bursts(10), || {
            progress.wait(|tally| tally.answered >= OPERATIONS)
        })?;
        raged?;
        Ok::<_, String>((ops, samples))
    };
    let (ops, samples) = play(Kind::SingleRow)?;
    let acquittal = judge(Link::default(), &ops).map_err(|conviction| format!("one row: {conviction}"))?;
    println!("one row: {} operations, up to {} states possible, right", ops.len(), acquittal.states);
    if samples.with_more.load(Ordering::Relaxed) > 0 {
        return Err("one row shows more than one link".into());
    }
    let (ops, samples) = play(Kind::Naive)?;
    let (taken, with_more) =
        (samples.taken.load(Ordering::Relaxed), samples.with_more.load(Ordering::Relaxed));
    let most = samples.most.load(Ordering::Relaxed);
    println!(
        "naive: {} operations; {with_more} of {taken} looks show more than one link, up to {most}",
        ops.len()
    );
    let Err(conviction) = judge(Link::default(), &ops) else {
        return Err("the naive rotation is not convicted".into());
    };
    println!("convicted: {}", conviction.to_string().lines().next().unwrap_or_default());
    if with_more == 0 { Err("no look showed more than one link".into()) } else { Ok(()) }
}

/// A server that acknowledges a commit before it has written it loses some when it crashes: the judge must see it.
fn convicts_early(installation: &Installation) -> Result<(), Failed> {
    let stage = Stage::set(installation, "synchronous_commit = off\nwal_writer_delay = 10s", LEVELS[0])?;
    let recorded = play(&stage, 1500, 8)?;
    match judge(recorded.begin, &recorded.ops) {
        Ok(_) => Err("a server that forgets what it acknowledged is not convicted".into()),
        Err(conviction) => {
            println!("convicted: {}", conviction.to_string().lines().next().unwrap_or_default());
            Ok(())
        }
    }
}

fn knows_commits() -> Result<(), Failed> {
    let cases = [
        ("COMMIT", true, true),
        ("commit", false, true),
        ("END", true, true),
        ("BEGIN", false, false),
        ("ROLLBACK", true, false),
        ("SELECT 1", false, false),
        ("SELECT body FROM t WHERE x = 1 FOR UPDATE SKIP LOCKED", false, false),
        ("UPDATE t SET x = 1", false, true),
        ("UPDATE t SET x = 1", true, false),
        ("WITH head AS (UPDATE t SET x = 1 RETURNING x) SELECT x FROM head", false, true),
        ("WITH leaf AS (SELECT x FROM t FOR UPDATE) SELECT x FROM leaf", false, false),
        ("INSERT INTO t VALUES (1)", false, true),
        ("DELETE FROM t", false, true),
    ];
    for (sql, in_transaction, commits) in cases {
        if proxy::is_commit(sql, in_transaction) != commits {
            return Err(format!("`{sql}` in a transaction: {in_transaction}").into());
        }
    }
    Ok(())
}
