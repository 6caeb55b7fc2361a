//! Every call that writes fails, for all of a commit: the disk is full, or broken, once or from then on.
//!
//! The child has the preloaded library and does all of it; it reports by lines.

use super::{
    block_on,
    books::Books,
    chain,
    child::{self, Folder, Running},
    preload::Preload,
    random::Random,
    worker::{Errand, Made, Sharing, say, service},
};
use dashshare::{BoxError, DashboardId, Error, SqliteStore};
use sqlx::sqlite::SqlitePoolOptions;
use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// After so many runs in which the call never came there are no more calls.
const MISSES: u64 = 4;

#[derive(Clone, Copy, Debug)]
struct Fault {
    name: &'static str,
    which: u32,
    error: i32,
    /// It fails from then on, until it is mended.
    lasting: bool,
    /// Half of the bytes are written.
    torn: bool,
}

const fn fault(name: &'static str, which: u32, error: i32, lasting: bool, torn: bool) -> Fault {
    Fault { name, which, error, lasting, torn }
}

const FAULTS: [Fault; 9] = [
    fault("a write fails once", 1, EIO, false, false),
    fault("a write fails half way", 1, EIO, false, true),
    fault("writes fail from then on", 1, EIO, true, false),
    fault("the disk is full once", 1, ENOSPC, false, true),
    fault("the disk is full from then on", 1, ENOSPC, true, true),
    fault("a sync fails once", 2, EIO, false, false),
    fault("syncs fail from then on", 2, EIO, true, false),
    fault("a truncation or removal fails", 12, EIO, false, false),
    fault("everything fails from then on", 15, EIO, true, false),
];

struct Control(PathBuf);

impl Control {
    fn tell(&self, order: &str) {
        // The library takes the words from the call that writes them.
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&self.0);
        std::io::Write::write_all(&mut file.expect("the control file"), order.as_bytes()).expect("it obeys");
    }

    fn arm(&self, fault: Fault, first: u64) {
        let last = if fault.lasting { 1_000_000 } else { first };
        self.tell(&format!("fail {} {first} {last} {} {}", fault.which, fault.error, u8::from(fault.torn)));
    }

    /// How many calls failed.
    fn disarm(&self) -> u64 {
        self.tell("ask");
        let answer = fs::read_to_string(&self.0).expect("its answer");
        self.tell("fail 0 0 0 0 0");
        answer.trim().rsplit(' ').next().and_then(|failed| failed.parse().ok()).expect("two numbers")
    }
}

fn problem(fault: Fault, place: u64, what: &str) {
    say(&format!("problem: {}, call {place}: {}\n", fault.name, what.replace('\n', " ")));
}

async fn open(path: &Path) -> Result<SqliteStore, BoxError> {
    // A short log, so that commits copy it into the database and begin it anew.
    let options = SqliteStore::options(path).pragma("wal_autocheckpoint", "16");
    let store = SqliteStore::new(SqlitePoolOptions::new().connect_with(options).await?);
    store.migrate().await?;
    Ok(store)
}

/// The child.
pub(crate) async fn run(path: &Path, seed: u64) {
    let control = Control(path.with_file_name("control"));
    let mut random = Random::new(seed);
    let sharing = service(open(path).await.expect("it opens"));
    // Somebody else has the file open. The last one that closes it tidies up, and what a failed commit left would be gone.
    let bystander = open(path).await.expect("it opens");
    for dashboard in 1..=3u64 {
        Errand::Register(dashboard.into()).run(&sharing).await.expect("it registers");
    }
    // A commit has few syncs, and what they sync depends on how full the log is.
    let few = |fault: &Fault| fault.which & 1 == 0;
    let rounds = FAULTS.iter().flat_map(|fault| vec![*fault; if few(fault) { 8 } else { 1 }]);
    for fault in rounds {
        let (mut first, mut misses) = (1, 0);
        while misses < MISSES {
            let hits = commit(&sharing, path, &control, fault, first, &mut random).await;
            misses = if hits == 0 { misses + 1 } else { 0 };
            first += u64::from(hits > 0);
        }
        say(&format!("places {} {}\n", first - 1, fault.name));
    }
    Books::read(&bystander).await.expect("it was there all the time");
    bystander.pool().close().await;
    for fault in FAULTS.into_iter().filter(|fault| !fault.torn) {
        let (mut first, mut misses) = (1, 0);
        while misses == 0 {
            let hits = opening(path, &control, fault, first).await;
            misses += u64::from(hits == 0);
            first += 1;
        }
    }
    sharing.store().pool().close().await;
}

/// One command while its n-th call fails; how many calls did.
async fn commit(
    sharing: &Sharing,
    path: &Path,
    control: &Control,
    fault: Fault,
    first: u64,
    random: &mut Random,
) -> u64 {
    let store = sharing.store();
    let before = Books::read(store).await.expect("it reads").commits();
    let new = DashboardId::from(1000 + random.below(1 << 40));
    let errand = match random.below(8) {
        0 => Errand::Register(new),
        _ => Errand::choose(store, random, 3).await.expect("it reads"),
    };
    control.arm(fault, first);
    let outcome = errand.run(sharing).await;
    let hits = control.disarm();
    // What a crash of the machine or the process would leave right now.
    let copy = Folder::new();
    for suffix in ["", "-wal"] {
        let name = format!("store.db{suffix}");
        // There may be no log.
        let _ = fs::copy(path.with_file_name(&name), copy.file(&name));
    }
    let after_crash = SqliteStore::open(copy.file("store.db")).await.expect("the copy opens");
    let (now, then) = (Books::read(store).await, Books::read(&after_crash).await);
    after_crash.pool().close().await;
    let (now, then) = match (now, then) {
        (Ok(now), Ok(then)) => (now, then),
        (Err(error), _) | (_, Err(error)) => {
            problem(fault, first, &chain(&*error));
            return hits;
        }
    };
    let complain = |what: &str| problem(fault, first, &format!("{errand:?}: {what}"));
    for wrong in now.damage().into_iter().chain(then.damage()) {
        complain(&wrong);
    }
    match outcome {
        Ok(done) => {
            for lost in now.lost(&done).into_iter().chain(then.lost(&done)) {
                complain(&lost);
            }
            if hits > 0 {
                say(if done.is_some() { "outcome acknowledged\n" } else { "outcome refused\n" });
            }
        }
        Err(Error::Store(source)) => {
            say("outcome failed\n");
            if (now.commits(), then.commits()) != (before, before) {
                complain("it failed, they say, and stands");
            }
            judge_words(&*source, fault, &complain);
        }
        Err(Error::Unresolved(unresolved)) => {
            say("outcome unresolved\n");
            if then.commits() > before {
                say("outcome unresolved and on the disk\n");
            }
            judge_words(&unresolved, fault, &complain);
            // With the disk mended it is found out, and finished.
            match errand.resume(sharing, unresolved).await {
                Ok(done) => {
                    let books = Books::read(store).await.expect("it reads");
                    books.damage().iter().chain(&books.lost(&done)).for_each(|wrong| complain(wrong));
                    if books.commits() != before + 1 {
                        complain("it was resumed, they say, and does not stand");
                    }
                    if let Some(Made::Link(..)) = done.map(|done| done.made) {
                        say("outcome link back\n");
                    }
                }
                Err(error) => complain(&format!("it cannot be resumed: {}", chain(&error))),
            }
        }
        Err(error) => complain(&chain(&error)),
    }
    // There is room again.
    let next = Errand::Rotate(DashboardId::from(1u64));
    let at_hand = Books::read(store).await.expect("it reads").commits();
    match next.run(sharing).await {
        Ok(Some(_)) if Books::read(store).await.expect("it reads").commits() == at_hand + 1 => {}
        other => complain(&format!("it does not go on: {other:?}")),
    }
    hits
}

fn judge_words(error: &(dyn std::error::Error + 'static), fault: Fault, complain: &impl Fn(&str)) {
    let said = chain(error);
    let advice = if fault.error == ENOSPC { "make room" } else { "see that the disk" };
    // A full disk shows as another failure where SQLite grows its shared memory.
    if !said.contains(advice) && !said.contains("see that the disk") {
        complain(&format!("no advice: {said}"));
    }
    if error.source().is_none() {
        complain(&format!("no source: {said}"));
    }
}

/// A new file that is opened and migrated while the n-th call fails.
async fn opening(path: &Path, control: &Control, fault: Fault, first: u64) -> u64 {
    let path = path.with_file_name(format!("store.db.{}.{first}", fault.name.replace(' ', "-")));
    control.arm(fault, first);
    let outcome = open(&path).await;
    let hits = control.disarm();
    match &outcome {
        Ok(_) if hits > 0 => say("outcome opened\n"),
        Ok(_) => {}
        Err(_) => say("outcome not opened\n"),
    }
    if let Ok(store) = outcome {
        store.pool().close().await;
    }
    let again = async {
        let store = open(&path).await?;
        let books = Books::read(&store).await?;
        let sharing = service(store);
        Errand::Register(DashboardId::from(1u64)).run(&sharing).await?;
        sharing.store().pool().close().await;
        Ok::<_, BoxError>(books.damage())
    };
    match again.await {
        Ok(damage) => damage.iter().for_each(|wrong| problem(fault, first, wrong)),
        Err(error) => problem(fault, first, &format!("it does not open afterwards: {}", chain(&*error))),
    }
    hits
}

pub(crate) fn no_failure_is_acknowledged(preload: &Preload, seed: u64) {
    let folder = Folder::new();
    let mut command = child::command("failing", &folder.file("store.db"), &[&seed.to_string()]);
    preload.put_into(&mut command, &folder, None);
    let mut child = Running::start(command);
    let mut said = String::new();
    child.stdout().read_to_string(&mut said).expect("its output");
    let problems: Vec<&str> = said.lines().filter(|line| line.starts_with("problem")).collect();
    let mut outcomes = BTreeMap::new();
    for outcome in said.lines().filter_map(|line| line.strip_prefix("outcome ")) {
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    let mut places = BTreeMap::new();
    for (number, name) in said.lines().filter_map(|line| line.strip_prefix("places ")?.split_once(' ')) {
        let most = places.entry(name).or_insert(0);
        *most = number.parse::<u64>().expect("a number").max(*most);
    }
    println!("calls of a command that failed, each: {places:?}; {outcomes:?}; {} problems", problems.len());
    child.finish();
    assert!(
        problems.is_empty(),
        "seed {seed}: {} problems: {:#?}",
        problems.len(),
        &problems[..problems.len().min(12)]
    );
    for outcome in ["acknowledged", "unresolved", "not opened"] {
        assert!(outcomes.get(outcome).is_some_and(|count| *count >= 20), "too few runs came to `{outcome}`");
    }
    assert!(outcomes.contains_key("unresolved and on the disk"), "no lost commit was on the disk");
    let (store, mut random) = (folder.file("store.db"), Random::new(seed));
    let (verdict, _) = block_on(super::books::examine(&store, [], &mut random));
    assert!(verdict.is_good(), "{verdict:#?}");
}
