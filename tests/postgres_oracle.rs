//! PostgreSQL as an independent judge of who holds what (G2, G3, G7, G9–G14): each grant is a database role of its
//! own, each share a `GRANT … [WITH GRANT OPTION]` by the role it hangs on, and each end a `REVOKE … CASCADE`. After
//! every event of a random history the rights that the library derives are compared with the ones that PostgreSQL
//! has left, for every grant and for every person; so are what it foresaw for the instant that time moves to, what it
//! remembers of the past (D7), what it says a revocation would do and what fell by it (G15, G21). Whether somebody may
//! share on is PostgreSQL's to say too.
//!
//! PostgreSQL knows no expiry, so the test revokes what runs out by its own declared end; all that hangs on it falls
//! by PostgreSQL's own rules, in whatever order the ends of one instant are taken.
//!
//! - No server on this machine: every trial is reported as ignored, or fails if `DASHSHARE_REQUIRE_POSTGRES` is set.
//! - `DASHSHARE_ORACLE_HISTORIES` says how many histories are played: 300 unless set.
//! - `DASHSHARE_SEED` plays one history again. A divergence is reported with its seed and the shortest history found.

use crate::File;
use crate::support::cluster::{Cluster, Installation, psql::Psql};
use dashshare::{
    AccountId, Action, Amendment, DashboardId, Dashshare, Error, Expiry, FixedEnv, GrantId, MemoryDirectory,
    MemoryStore, RevokeMode, Right, TenantId, Timestamp,
};
use libtest_mimic::{Failed, Trial};
use pollster::block_on;
use std::{
    collections::HashMap,
    env, fmt,
    ops::{AddAssign, BitAnd, BitOr, Range},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

const EVENTS: usize = 80;
/// Few people, so that most of them hold several grants at once, from different hands.
const PEOPLE: Range<Person> = 1..7;
const OWNER: Person = 0;
const DEEPEST: usize = 8;
const FIRST_SEED: u64 = 1;
/// How many histories a planted fault may survive.
const PATIENCE: usize = 200;

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let server = Arc::new(Server { installation: Installation::find(), ..Server::default() });
    // Without a server a trial is never passed: it is ignored by name, or fails where one is required.
    let ignored = server.installation.is_none() && env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none();
    let trial = |name: &str, run: fn(&Server) -> Result<(), Failed>| {
        let server = Arc::clone(&server);
        file.trial(name, move || run(&server)).with_ignored_flag(ignored)
    };
    let mut trials = vec![
        trial("postgres_agrees_with_every_grant_at_every_step", |server| {
            agrees(server, "library", histories()?, Library::new)
        }),
        trial("postgres_agrees_with_an_evaluator_that_has_no_fault", |server| {
            agrees(server, "evaluator", PATIENCE, || Ok(Evaluator::sound()))
        }),
    ];
    trials.extend(Fault::ALL.map(|(fault, name)| {
        let server = Arc::clone(&server);
        file.trial(format!("postgres_convicts_an_evaluator_that_{name}"), move || {
            convicts(&server, fault, name)
        })
        .with_ignored_flag(ignored)
    }));
    trials
}

// ---------------------------------------------------------------------------------------------------- trials

/// The one cluster of this file, started by the first trial that needs it, and gone with the last.
#[derive(Default)]
struct Server {
    installation: Option<Installation>,
    cluster: Mutex<Option<Cluster>>,
    tables: AtomicUsize,
}

impl Server {
    /// A connection and a table of its own: grants on one table from two connections at once would collide.
    fn table(&self) -> Result<Table, String> {
        let installation =
            self.installation.as_ref().ok_or("no PostgreSQL server was found on this machine")?;
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match cluster.take() {
            Some(running) => running,
            None => {
                let started = Cluster::start(installation)?;
                make_roles(&mut started.psql().map_err(|error| error.to_string())?)?;
                started
            }
        };
        let psql = running.psql().map_err(|error| error.to_string());
        *cluster = Some(running);
        Ok(Table { psql: psql?, name: format!("d_{}", self.tables.fetch_add(1, Ordering::Relaxed)) })
    }
}

fn histories() -> Result<usize, String> {
    match env::var("DASHSHARE_ORACLE_HISTORIES") {
        Ok(number) => {
            number.parse().map_err(|_| format!("DASHSHARE_ORACLE_HISTORIES: `{number}` is no number"))
        }
        Err(_) => Ok(300),
    }
}

/// Plays the histories in two threads, and fails at the first divergence or when they were too tame to mean anything.
fn agrees<S: Answerer>(
    server: &Server,
    name: &str,
    histories: usize,
    subject: fn() -> Result<S, String>,
) -> Result<(), Failed> {
    let replayed = env::var("DASHSHARE_SEED").ok();
    let seeds = match &replayed {
        Some(seed) => {
            let seed: u64 = seed.parse().map_err(|_| format!("DASHSHARE_SEED: `{seed}` is no number"))?;
            seed..seed + 1
        }
        None => FIRST_SEED..FIRST_SEED + histories as u64,
    };
    let started = Instant::now();
    let (counts, divergence) = play_all(server, seeds.clone(), 2, subject)?;
    if let Some(divergence) = divergence {
        return Err(divergence.into());
    }
    println!(
        "PostgreSQL and the {name}, seeds {seeds:?}, {:.1} s:\n{counts}",
        started.elapsed().as_secs_f64()
    );
    if replayed.is_none() { Ok(counts.are_enough_for(histories)?) } else { Ok(()) }
}

/// A planted fault has to show as a divergence soon, or the comparison has no teeth.
fn convicts(server: &Server, fault: Fault, name: &str) -> Result<(), Failed> {
    let seeds = FIRST_SEED..FIRST_SEED + PATIENCE as u64;
    let (counts, divergence) = play_all(server, seeds, 1, || Ok(Evaluator::with(fault)))?;
    let divergence = divergence.ok_or_else(|| format!("{PATIENCE} histories did not show that it {name}"))?;
    let shown = divergence.lines().next().unwrap_or_default();
    println!("{name}: convicted in history {}: {shown}", counts.histories);
    Ok(())
}

/// Plays histories until one diverges: what happened in them, and that divergence with its history cut short.
fn play_all<S: Answerer>(
    server: &Server,
    seeds: Range<u64>,
    threads: usize,
    subject: impl Fn() -> Result<S, String> + Sync,
) -> Result<(Counts, Option<String>), String> {
    let next = Mutex::new(seeds);
    let work = || -> Result<(Counts, Option<String>), String> {
        let mut table = server.table()?;
        let mut counts = Counts::default();
        loop {
            let seed = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(seed) = seed else { return Ok((counts, None)) };
            let mut history = History::begin(seed, &mut table, subject()?)?;
            let outcome = history.generate();
            counts += history.counts;
            match outcome {
                Ok(()) => {}
                Err(Trouble::Broken(why)) => return Err(format!("history {seed}: {why}")),
                Err(Trouble::Diverged(first)) => {
                    *next.lock().unwrap_or_else(PoisonError::into_inner) = 0..0;
                    let events = history.events;
                    return Ok((counts, Some(shorten(seed, events, first, &mut table, &subject)?)));
                }
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = (Counts::default(), None);
        for worker in workers {
            let (counts, divergence) = worker.join().map_err(|_| "a worker panicked".to_owned())??;
            all.0 += counts;
            all.1 = all.1.or(divergence);
        }
        Ok(all)
    })
}

/// Leaves out events as long as some divergence remains, so that a person can read what is left.
fn shorten<S: Answerer>(
    seed: u64,
    mut events: Vec<Event>,
    mut divergence: String,
    table: &mut Table,
    subject: &impl Fn() -> Result<S, String>,
) -> Result<String, String> {
    let mut chunk = events.len() / 2;
    while chunk > 0 {
        let mut at = 0;
        let before = events.len();
        while at < events.len() {
            let mut fewer = events.clone();
            fewer.drain(at..(at + chunk).min(events.len()));
            let mut history = History::begin(seed, table, subject()?)?;
            match history.replay(&fewer) {
                Err(Trouble::Diverged(shorter)) => (events, divergence) = (history.events, shorter),
                _ => at += chunk,
            }
        }
        // At the end single events are tried until none of them can be spared.
        chunk = if chunk > 1 { chunk / 2 } else { usize::from(events.len() < before) };
    }
    let lines: Vec<String> = events.iter().map(|event| format!("  {event:?}")).collect();
    Ok(format!(
        "{divergence}\nin this history, cut short (all of it: DASHSHARE_SEED={seed}):\n{}",
        lines.join("\n")
    ))
}

// ------------------------------------------------------------------------------------------- words of a history

type Tick = i64;
type Person = u8;
/// Counts grants from 0 in the order in which they were made; grant 7 is the role `g_7`.
type Number = usize;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Rights(u8);

impl Rights {
    const NONE: Self = Self(0);
    const VIEW: Self = Self(1);
    const EXPORT: Self = Self(2);
    const BOTH: Self = Self(3);

    fn covers(self, other: Self) -> bool {
        other & self == other
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// As privileges on a table.
    fn sql(self) -> &'static str {
        ["", "SELECT", "UPDATE", "SELECT, UPDATE"][usize::from(self.0)]
    }
}

impl BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["nothing", "view", "export", "view and export"][usize::from(self.0)])
    }
}

/// What a grant gives at this moment, and how much of it may be shared on.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Held {
    rights: Rights,
    shareable: Rights,
}

/// What a grant was declared to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Terms {
    rights: Rights,
    reshare: bool,
    expiry: Option<Tick>,
}

/// One step of a history. Grants go by labels that stay the same when other events are left out.
#[derive(Clone, Debug)]
enum Event {
    Share { label: usize, from: Source, with: Person, terms: Terms },
    Amend { grant: usize, by: Person, change: Change },
    Revoke { grant: usize, by: Person },
    Renounce { grant: usize },
    StopSharing { by: Person, with: Person },
    TimeMoves { to: Tick },
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Owner,
    /// The actor names the grant that it shares on from.
    Grant(usize),
    /// The actor leaves the choice of one to the library (G7).
    AnyGrantOf(Person),
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Rights(Rights),
    Reshare(bool),
    Expiry(Option<Tick>),
}

/// What the judged party is told to do.
#[derive(Clone, Copy, Debug)]
enum Command {
    Share { by: Person, parent: Option<Number>, named: bool, with: Person, terms: Terms },
    Amend { grant: Number, by: Person, change: Change },
    Revoke { grant: Number, by: Person },
    Renounce { grant: Number, by: Person },
    StopSharing { by: Person, with: Person },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reply {
    Done,
    /// The share made nothing new, because this grant stands already in identical terms (G17).
    Stands(Number),
    Refused,
}

/// People who would have nothing any more, and what is left to others who would lose something.
#[derive(PartialEq, Eq, Default, Debug)]
struct Impact {
    lose: Vec<Person>,
    keep: Vec<(Person, Rights)>,
}

/// What is judged: the library, or an evaluator with a planted fault.
trait Answerer {
    /// Whether it can still be asked about an instant that is over (D7).
    const REMEMBERS: bool;

    /// `Err` is a failure that no command may lead to. A new grant takes the next number.
    fn obey(&mut self, command: &Command) -> Result<Reply, String>;

    fn move_time(&mut self, to: Tick);

    /// What each grant gives at that instant, if nothing else happens until then; by number, dead ones with nothing.
    fn held_at(&mut self, instant: Tick) -> Result<Vec<Held>, String>;

    /// What this person may do now, and whether it may share on.
    fn person(&mut self, person: Person) -> Result<(Rights, bool), String>;

    /// What it says revoking would do, if it says so (G15).
    fn impact(&mut self, _grant: Number, _by: Person) -> Result<Option<Impact>, String> {
        Ok(None)
    }

    /// What it says its last command ended, if it says so (G21).
    fn fell(&self) -> Option<&[Number]> {
        None
    }
}

// ------------------------------------------------------------------------------------------------ PostgreSQL

/// One role for the owner and one for each grant that a history can have, used again in every history: a role
/// cannot be dropped while anything is granted to it.
fn make_roles(psql: &mut Psql) -> Result<(), String> {
    let roles = format!(
        "CREATE ROLE own; SELECT format('CREATE ROLE g_%s', n) FROM generate_series(0, {EVENTS}) n \\gexec"
    );
    let answer = psql.send(&roles).map_err(|error| error.to_string())?;
    if answer.complaints.is_empty() { Ok(()) } else { Err(format!("making roles: {:?}", answer.complaints)) }
}

/// The dashboard, as a table.
struct Table {
    psql: Psql,
    name: String,
}

/// What PostgreSQL has for one role, and from whom.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Entry {
    held: Held,
    /// `None` for the owner.
    grantor: Option<Number>,
}

impl Table {
    /// Starts over with nobody but the owner. What has been granted before goes with the old table.
    fn recreate(&mut self) -> Result<(), String> {
        let name = &self.name;
        let batch = format!(
            "SET client_min_messages = error; DROP TABLE IF EXISTS {name}; SET client_min_messages = warning; \
             CREATE TABLE {name} (); ALTER TABLE {name} OWNER TO own;"
        );
        self.send(&batch, &[]).map(|_| ())
    }

    fn grant(&self, by: Option<Number>, to: Number, terms: Terms) -> String {
        let option = if terms.reshare { " WITH GRANT OPTION" } else { "" };
        format!("SET ROLE {}; GRANT {} ON {} TO g_{to}{option};", role(by), terms.rights.sql(), self.name)
    }

    /// Only the one who granted can take back, so the statement is always the grantor's, whoever gives the order.
    fn revoke(&self, by: Option<Number>, from: Number, rights: Rights, only_option: bool) -> String {
        let what = if only_option { "GRANT OPTION FOR " } else { "" };
        format!(
            "SET ROLE {}; REVOKE {what}{} ON {} FROM g_{from} CASCADE;",
            role(by),
            rights.sql(),
            self.name
        )
    }

    /// Runs the statements and reads the whole state afterwards, in one exchange.
    fn run(&mut self, statements: &str, may_complain: &[&str]) -> Result<Vec<Entry>, String> {
        // The owner's entry for itself is implied and says nothing.
        let batch = format!(
            "{statements}RESET ROLE; SELECT a.grantor::regrole, a.grantee::regrole, a.privilege_type, a.is_grantable \
             FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = '{}'::regclass AND a.grantee <> c.relowner;",
            self.name
        );
        let rows = self.send(&batch, may_complain)?;
        let mut entries = Vec::new();
        for row in &rows {
            read_entry(row, &mut entries).ok_or_else(|| format!("what does PostgreSQL mean by `{row}`?"))?;
        }
        Ok(entries)
    }

    fn send(&mut self, batch: &str, may_complain: &[&str]) -> Result<Vec<String>, String> {
        let answer = self.psql.send(batch).map_err(|error| error.to_string())?;
        match answer
            .complaints
            .iter()
            .find(|complaint| !may_complain.iter().any(|code| complaint.ends_with(code)))
        {
            None => Ok(answer.rows),
            Some(complaint) => Err(format!("PostgreSQL says {complaint} to: {batch}")),
        }
    }
}

fn role(number: Option<Number>) -> String {
    number.map_or("own".to_owned(), |number| format!("g_{number}"))
}

fn read_entry(row: &str, entries: &mut Vec<Entry>) -> Option<()> {
    let mut columns = row.split('|');
    let mut role = || match columns.next()? {
        "own" => Some(None),
        other => Some(Some(other.strip_prefix("g_")?.parse::<Number>().ok()?)),
    };
    let (grantor, grantee) = (role()?, role()??);
    let right = match columns.next()? {
        "SELECT" => Rights::VIEW,
        "UPDATE" => Rights::EXPORT,
        _ => return None,
    };
    if entries.len() <= grantee {
        entries.resize(grantee + 1, Entry::default());
    }
    let entry = &mut entries[grantee];
    // Each role is granted to by one other only, or the history would not be what it was meant to be.
    (entry.held == Held::default() || entry.grantor == grantor).then_some(())?;
    entry.grantor = grantor;
    entry.held.rights = entry.held.rights | right;
    if columns.next()? == "t" {
        entry.held.shareable = entry.held.shareable | right;
    }
    Some(())
}

// ------------------------------------------------------------------------------------------------- histories

/// What was declared for a grant, which is all the test itself keeps: who holds what is PostgreSQL's to say.
#[derive(Clone, Copy, Debug)]
struct Declared {
    label: usize,
    parent: Option<Number>,
    by: Person,
    with: Person,
    terms: Terms,
    /// The earliest end it ever had, until it is seen to have outlived it.
    outlives: Option<Tick>,
    depth: usize,
    /// Revoked itself, or over by its own expiry.
    ended: bool,
}

enum Trouble {
    /// PostgreSQL and the judged party do not agree.
    Diverged(String),
    /// Something else went wrong, which proves nothing about either.
    Broken(String),
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Expected {
    Done,
    Refused,
    Stands(Number),
    /// The specification leaves it open, and it makes no difference to anybody's rights.
    Either,
}

/// One history: PostgreSQL on one side, the judged party on the other.
struct History<'t, S> {
    seed: u64,
    table: &'t mut Table,
    subject: S,
    now: Tick,
    grants: Vec<Declared>,
    numbers: HashMap<usize, Number>,
    /// PostgreSQL's state after the last event, one entry for each grant.
    entries: Vec<Entry>,
    /// What PostgreSQL had at the instants that are over.
    past: Vec<(Tick, Vec<Held>)>,
    events: Vec<Event>,
    counts: Counts,
}

impl<'t, S: Answerer> History<'t, S> {
    fn begin(seed: u64, table: &'t mut Table, subject: S) -> Result<Self, String> {
        table.recreate()?;
        let counts = Counts { histories: 1, ..Counts::default() };
        let (grants, numbers, entries, past, events) = Default::default();
        Ok(Self { seed, table, subject, now: 0, grants, numbers, entries, past, events, counts })
    }

    fn generate(&mut self) -> Result<(), Trouble> {
        let mut random = Random(self.seed);
        while self.events.len() < EVENTS {
            let event = self.invent(&mut random);
            self.play(event)?;
        }
        self.look_back()
    }

    fn replay(&mut self, events: &[Event]) -> Result<(), Trouble> {
        events.iter().try_for_each(|event| self.play(event.clone()))?;
        self.look_back()
    }

    /// One event: PostgreSQL does it, the judged party does it, and all they have is compared.
    fn play(&mut self, event: Event) -> Result<(), Trouble> {
        let Some(step) = self.prepare(&event) else { return Ok(()) };
        self.events.push(event);
        let foreseen = match step {
            Step::Time { to } => Some(self.subject.held_at(to)?),
            Step::Command { .. } => None,
        };
        let impact = match step {
            Step::Command { expected: Expected::Done, command: Command::Revoke { grant, by } } => {
                self.subject.impact(grant, by)?
            }
            _ => None,
        };
        let (statements, may_complain) = self.statements(&step);
        let after = self.table.run(&statements, may_complain)?;
        self.counts.events += 1;
        let mut reply = None;
        match &step {
            Step::Time { to } => self.move_time(*to),
            Step::Command { command, expected } => {
                let given = self.subject.obey(command)?;
                if given == Reply::Done && *expected != Expected::Refused {
                    self.note(command);
                }
                reply = Some((*expected, given));
            }
        }
        let before = std::mem::replace(&mut self.entries, after);
        self.entries.resize(self.grants.len().max(self.entries.len()), Entry::default());
        self.count(&step, &before);
        self.compare(foreseen)?;
        // Words last, because who holds what says more.
        reply.map_or(Ok(()), |(expected, given)| self.judge_reply(expected, given))?;
        self.compare_words(&step, &before, impact)
    }

    fn move_time(&mut self, to: Tick) {
        self.past.push((self.now, self.entries.iter().map(|entry| entry.held).collect()));
        self.now = to;
        self.subject.move_time(to);
        for grant in &mut self.grants {
            grant.ended |= grant.terms.expiry.is_some_and(|end| end <= to);
        }
    }

    fn judge_reply(&self, expected: Expected, reply: Reply) -> Result<(), Trouble> {
        let agreed = match expected {
            Expected::Done => reply == Reply::Done,
            Expected::Refused => reply == Reply::Refused,
            Expected::Stands(number) => reply == Reply::Stands(number),
            Expected::Either => true,
        };
        if agreed {
            Ok(())
        } else {
            Err(self.diverged(&format!("expected {expected:?}, but the answer was {reply:?}")))
        }
    }

    /// All grants and all people: PostgreSQL's word on one side, the judged party's on the other.
    fn compare(&mut self, foreseen: Option<Vec<Held>>) -> Result<(), Trouble> {
        let postgres: Vec<Held> = self.entries.iter().map(|entry| entry.held).collect();
        let held = self.subject.held_at(self.now)?;
        self.compare_grants("has", &held, &postgres)?;
        if let Some(foreseen) = foreseen {
            self.compare_grants("was foreseen to have", &foreseen, &postgres)?;
        }
        for person in PEOPLE {
            let all = self.person_in_postgres(person);
            let (rights, shares) = self.subject.person(person)?;
            if (rights, shares) != (all.rights, all.shareable != Rights::NONE) {
                let why =
                    format!("person {person} has {rights:?}, sharing on: {shares}, in PostgreSQL {all:?}");
                return Err(self.diverged(&why));
            }
            self.counts.people += 1;
        }
        for (number, entry) in
            self.entries.iter().enumerate().filter(|(_, entry)| entry.held != Held::default())
        {
            if entry.grantor != self.grants[number].parent || self.has_fallen(number) {
                return Err(Trouble::Broken(format!("g_{number} is not what was declared: {entry:?}")));
            }
        }
        Ok(())
    }

    fn compare_grants(&mut self, what: &str, held: &[Held], postgres: &[Held]) -> Result<(), Trouble> {
        self.counts.states += 1;
        if held.len() != postgres.len() || held.len() != self.grants.len() {
            return Err(self.diverged(&format!(
                "{} grants here and {} in PostgreSQL",
                held.len(),
                postgres.len()
            )));
        }
        for ((held, postgres), grant) in held.iter().zip(postgres).zip(&self.grants) {
            if held != postgres {
                let why = format!("grant {} {what} {held:?}, in PostgreSQL {postgres:?}", grant.label);
                return Err(self.diverged(&why));
            }
        }
        Ok(())
    }

    /// What it said a command would do and did, beside what PostgreSQL lost by it.
    fn compare_words(&self, step: &Step, before: &[Entry], impact: Option<Impact>) -> Result<(), Trouble> {
        let nothing = |entry: &Entry| entry.held == Held::default();
        let lost: Vec<Number> =
            (0..before.len()).filter(|n| !nothing(&before[*n]) && nothing(&self.entries[*n])).collect();
        let ends = match step {
            Step::Command { expected: Expected::Done, command } => match command {
                Command::Amend { change, .. } => matches!(change, Change::Reshare(_)),
                Command::Revoke { .. } | Command::Renounce { .. } | Command::StopSharing { .. } => true,
                Command::Share { .. } => false,
            },
            _ => false,
        };
        if let Some(fell) = self.subject.fell().filter(|_| ends) {
            // A live grant that gave nothing falls too, and PostgreSQL has nothing of it to lose.
            let known: Vec<Number> = fell.iter().copied().filter(|n| !nothing(&before[*n])).collect();
            if known != lost || !fell.iter().all(|number| self.has_fallen(*number)) {
                return Err(self.diverged(&format!("it says that {fell:?} fell, PostgreSQL lost {lost:?}")));
            }
        }
        let Some(impact) = impact else { return Ok(()) };
        let mut postgres = Impact::default();
        for person in PEOPLE.filter(|person| lost.iter().any(|number| self.grants[*number].with == *person)) {
            match self.person_in_postgres(person).rights {
                Rights::NONE => postgres.lose.push(person),
                rights => postgres.keep.push((person, rights)),
            }
        }
        if impact != postgres {
            return Err(self.diverged(&format!("it foresaw {impact:?}, in PostgreSQL it was {postgres:?}")));
        }
        Ok(())
    }

    fn person_in_postgres(&self, person: Person) -> Held {
        let grants = self.grants.iter().zip(&self.entries).filter(|(grant, _)| grant.with == person);
        grants.fold(Held::default(), |all, (_, entry)| Held {
            rights: all.rights | entry.held.rights,
            shareable: all.shareable | entry.held.shareable,
        })
    }

    /// Asks once more about every instant of the history, now that it is over (D7).
    fn look_back(&mut self) -> Result<(), Trouble> {
        let past = std::mem::take(&mut self.past);
        for (instant, mut postgres) in past.into_iter().filter(|_| S::REMEMBERS) {
            // What was made later gave nothing then.
            postgres.resize(self.grants.len(), Held::default());
            let held = self.subject.held_at(instant)?;
            self.compare_grants(&format!("had at {instant}"), &held, &postgres)?;
        }
        Ok(())
    }

    fn diverged(&self, why: &str) -> Trouble {
        let event = self.events.last().map(|event| format!("{event:?}")).unwrap_or_default();
        Trouble::Diverged(format!("history {}, event {}, {event}: {why}", self.seed, self.events.len()))
    }

    /// From what was declared alone: whether its end, or that of something above it, has come.
    fn has_fallen(&self, number: Number) -> bool {
        let grant = self.grants[number];
        grant.ended
            || grant
                .parent
                .is_some_and(|parent| !self.grants[parent].terms.reshare || self.has_fallen(parent))
    }

    /// The earliest end along the chain.
    fn end(&self, number: Number) -> Option<Tick> {
        let grant = self.grants[number];
        earlier(grant.terms.expiry, grant.parent.and_then(|parent| self.end(parent)))
    }

    fn held(&self, number: Number) -> Held {
        self.entries[number].held
    }

    fn ancestors(&self, number: Number) -> impl Iterator<Item = Number> {
        std::iter::successors(self.grants[number].parent, |above| self.grants[*above].parent)
    }

    fn below(&self, number: Number) -> impl Iterator<Item = Number> {
        (0..self.grants.len()).filter(move |below| self.ancestors(*below).any(|above| above == number))
    }

    fn may_change(&self, person: Person, number: Number) -> bool {
        person == OWNER || self.ancestors(number).any(|above| self.grants[above].with == person)
    }

    fn is_a_party(&self, person: Person) -> bool {
        person == OWNER
            || (0..self.grants.len())
                .any(|number| self.grants[number].with == person && !self.has_fallen(number))
    }
}

/// An event made ready for both sides.
enum Step {
    Time { to: Tick },
    Command { command: Command, expected: Expected },
}

// What an event means, by the rules and by what PostgreSQL has at this moment.
impl<S: Answerer> History<'_, S> {
    /// `None` when the event has lost what it was about, in a history that was cut short, or means nothing certain.
    fn prepare(&self, event: &Event) -> Option<Step> {
        let number = |label: &usize| self.numbers.get(label).copied();
        let (command, expected) = match event {
            Event::TimeMoves { to } => return (*to > self.now).then_some(Step::Time { to: *to }),
            Event::Share { from, with, terms, .. } => {
                let (by, parent, named) = match from {
                    Source::Owner => (OWNER, None, false),
                    Source::Grant(label) => (self.grants[number(label)?].with, Some(number(label)?), true),
                    Source::AnyGrantOf(person) => (*person, self.parent_for(*person, terms.rights), false),
                };
                let (with, terms) = (*with, *terms);
                let command = Command::Share { by, parent, named, with, terms };
                (command, self.expect_share(by, parent, named, with, terms)?)
            }
            Event::Amend { grant, by, change } => {
                let (grant, by, change) = (number(grant)?, *by, *change);
                (Command::Amend { grant, by, change }, self.expect_amend(grant, by, change))
            }
            Event::Revoke { grant, by } => {
                let (grant, by) = (number(grant)?, *by);
                let allowed = !self.has_fallen(grant) && self.may_change(by, grant);
                (Command::Revoke { grant, by }, done_if(allowed))
            }
            Event::Renounce { grant } => {
                let grant = number(grant)?;
                (Command::Renounce { grant, by: self.grants[grant].with }, done_if(!self.has_fallen(grant)))
            }
            Event::StopSharing { by, with } => {
                let (by, with) = (*by, *with);
                (Command::StopSharing { by, with }, done_if(self.is_a_party(by)))
            }
        };
        Some(Step::Command { command, expected })
    }

    /// The grant a share hangs on when its actor does not say (G7): the one that ends last, then the shallowest, then
    /// the oldest, of those that PostgreSQL would let the actor share these rights on from.
    fn parent_for(&self, person: Person, rights: Rights) -> Option<Number> {
        (0..self.grants.len())
            .filter(|number| {
                self.grants[*number].with == person && self.held(*number).shareable.covers(rights)
            })
            .max_by_key(|number| {
                let end = self.end(*number).unwrap_or(Tick::MAX);
                (end, std::cmp::Reverse(self.grants[*number].depth), std::cmp::Reverse(*number))
            })
    }

    fn expect_share(
        &self,
        by: Person,
        parent: Option<Number>,
        named: bool,
        with: Person,
        terms: Terms,
    ) -> Option<Expected> {
        let Terms { rights, expiry, .. } = terms;
        let in_time = expiry.is_none_or(|end| end > self.now);
        let mut allowed = with != by && with != OWNER && in_time && rights != Rights::NONE;
        match parent {
            None => allowed &= by == OWNER,
            Some(parent) => {
                // PostgreSQL says whether the grantor may pass these rights on.
                allowed &= self.held(parent).shareable.covers(rights);
                allowed &= expiry.is_none() || expiry == earlier(expiry, self.end(parent));
                if self.grants[parent].depth >= DEEPEST {
                    return None;
                }
            }
        }
        let same = |grant: &Declared| (grant.by, grant.with, grant.terms) == (by, with, terms);
        let mut twins =
            (0..self.grants.len()).filter(|n| same(&self.grants[*n]) && !self.has_fallen(*n)).peekable();
        if !allowed && twins.peek().is_some() {
            // Whether it may be repeated when something above has shrunk since is not this test's to say.
            return None;
        }
        // What gives less than a new grant would, or not as long, does not stand in for it.
        let ends = earlier(expiry, parent.and_then(|parent| self.end(parent)));
        let standing = twins.find(|twin| match named {
            true => self.grants[*twin].parent == parent,
            false => self.held(*twin).rights == rights && ends == earlier(ends, self.end(*twin)),
        });
        Some(standing.map_or(done_if(allowed), Expected::Stands))
    }

    fn expect_amend(&self, grant: Number, by: Person, change: Change) -> Expected {
        let declared = self.grants[grant];
        if self.has_fallen(grant) || !self.may_change(by, grant) {
            return Expected::Refused;
        }
        match change {
            Change::Rights(rights) => done_if(rights != Rights::NONE && declared.terms.rights.covers(rights)),
            Change::Reshare(reshare) => done_if(declared.terms.reshare || !reshare),
            Change::Expiry(to) if to.is_some_and(|to| to <= self.now) => Expected::Refused,
            Change::Expiry(to) => {
                let above = declared.parent.and_then(|parent| self.end(parent));
                let within = to.is_none() || to == earlier(to, above);
                let later = to != earlier(to, declared.terms.expiry);
                match (later, within) {
                    (true, _) if by == declared.with => Expected::Refused,
                    (true, within) => done_if(within),
                    (false, true) => Expected::Done,
                    (false, false) => Expected::Either,
                }
            }
        }
    }

    /// The same for PostgreSQL, with the complaints that it may have.
    fn statements(&self, step: &Step) -> (String, &'static [&'static str]) {
        // The grantor has lost all, or some, of what it is to take back: then so has everybody below.
        const ALREADY_GONE: &[&str] = &["42501", "01006"];
        // No right at all, not the right to pass it on, or to oneself.
        const NOT_ALLOWED: &[&str] = &["42501", "01007", "0LP01"];
        let revoke = |number: Number, rights: Rights, only_option: bool| {
            if rights == Rights::NONE {
                return String::new();
            }
            self.table.revoke(self.grants[number].parent, number, rights, only_option)
        };
        match step {
            Step::Time { to } => (self.lapses(*to).map(|n| revoke(n, self.held(n).rights, false)).collect(), ALREADY_GONE),
            Step::Command { expected: Expected::Refused, command: Command::Share { parent: Some(parent), terms, .. } }
                // PostgreSQL would grant the part that it can, where the library refuses the whole.
                if terms.rights != Rights::NONE && self.held(*parent).shareable & terms.rights == Rights::NONE =>
            {
                (self.table.grant(Some(*parent), EVENTS, *terms), NOT_ALLOWED)
            }
            Step::Command { expected: Expected::Refused | Expected::Stands(_), .. } => (String::new(), &[]),
            Step::Command { command, .. } => match *command {
                Command::Share { parent, terms, .. } => (self.table.grant(parent, self.grants.len(), terms), &[]),
                Command::Amend { grant, change: Change::Rights(kept), .. } => {
                    (revoke(grant, self.held(grant).rights.without(kept), false), &[])
                }
                Command::Amend { grant, change: Change::Reshare(false), .. } => {
                    (revoke(grant, self.held(grant).shareable, true), &[])
                }
                Command::Amend { .. } => (String::new(), &[]),
                Command::Revoke { grant, .. } | Command::Renounce { grant, .. } => {
                    (revoke(grant, self.held(grant).rights, false), &[])
                }
                Command::StopSharing { by, with } => {
                    let reached = self.reached(by, with);
                    (reached.map(|number| revoke(number, self.held(number).rights, false)).collect(), ALREADY_GONE)
                }
            },
        }
    }

    /// What ends by its own expiry until then: earlier ends first, those of one instant in any order.
    fn lapses(&self, to: Tick) -> impl Iterator<Item = Number> {
        let mut random = Random(self.seed ^ to.unsigned_abs().rotate_left(32));
        let mut lapses: Vec<(Tick, u64, Number)> = (0..self.grants.len())
            .filter(|number| !self.grants[*number].ended)
            .filter_map(|number| {
                self.grants[number].terms.expiry.filter(|end| *end <= to).map(|end| (end, number))
            })
            .map(|(end, number)| (end, random.next(), number))
            .collect();
        lapses.sort_unstable();
        lapses.into_iter().map(|(_, _, number)| number)
    }

    /// What this person received and the actor may end.
    fn reached(&self, by: Person, with: Person) -> impl Iterator<Item = Number> {
        (0..self.grants.len()).filter(move |n| self.grants[*n].with == with && self.may_change(by, *n))
    }

    /// Writes down what a command that was carried out has declared.
    fn note(&mut self, command: &Command) {
        match *command {
            Command::Share { by, parent, with, terms, .. } => {
                let label = match self.events.last() {
                    Some(Event::Share { label, .. }) => *label,
                    _ => usize::MAX,
                };
                let depth = parent.map_or(1, |parent| self.grants[parent].depth + 1);
                self.numbers.insert(label, self.grants.len());
                let (outlives, ended) = (terms.expiry, false);
                self.grants.push(Declared { label, parent, by, with, terms, outlives, depth, ended });
            }
            Command::Amend { grant, change: Change::Rights(rights), .. } => {
                self.grants[grant].terms.rights = rights
            }
            Command::Amend { grant, change: Change::Reshare(reshare), .. } => {
                self.grants[grant].terms.reshare = reshare
            }
            Command::Amend { grant, change: Change::Expiry(to), .. } => {
                self.grants[grant].terms.expiry = to;
                self.grants[grant].outlives = earlier(self.grants[grant].outlives, to);
            }
            Command::Revoke { grant, .. } | Command::Renounce { grant, .. } => {
                self.grants[grant].ended = true
            }
            Command::StopSharing { by, with } => {
                for number in self.reached(by, with).collect::<Vec<_>>() {
                    self.grants[number].ended = true;
                }
            }
        }
    }
}

fn done_if(allowed: bool) -> Expected {
    if allowed { Expected::Done } else { Expected::Refused }
}

fn earlier(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

// ----------------------------------------------------------------------------------------------- effectiveness

/// What happened, counted only where it changed what PostgreSQL has.
#[derive(Clone, Copy, Default)]
struct Counts {
    histories: usize,
    events: usize,
    states: usize,
    people: usize,
    shares: usize,
    deep: usize,
    repeated: usize,
    refused: usize,
    cascades: usize,
    lapses: usize,
    prolongs: usize,
    outlived: usize,
    narrows: usize,
    narrowed_below: usize,
    drops: usize,
}

impl<S: Answerer> History<'_, S> {
    fn count(&mut self, step: &Step, before: &[Entry]) {
        let lost = |n: &Number| before.get(*n).is_some_and(|entry| entry.held.rights != self.held(*n).rights);
        let had = |n: &Number| before.get(*n).is_some_and(|entry| entry.held != Held::default());
        let felled = |n: &Number| had(n) && self.held(*n) == Held::default();
        let mut counts = self.counts;
        match step {
            Step::Time { .. } => {
                let own_end = |n: &Number| felled(n) && self.grants[*n].ended;
                counts.lapses +=
                    (0..before.len()).filter(own_end).filter(|n| self.below(*n).any(|b| felled(&b))).count();
                for number in 0..self.grants.len() {
                    let outlived = self.grants[number].outlives.is_some_and(|end| end <= self.now);
                    if outlived && self.held(number) != Held::default() {
                        self.grants[number].outlives = None;
                        counts.outlived += 1;
                    }
                }
            }
            Step::Command { expected: Expected::Done, command } => match *command {
                Command::Share { parent, .. } => {
                    counts.shares += 1;
                    counts.deep += usize::from(parent.is_some_and(|parent| self.grants[parent].depth >= 2));
                }
                Command::Amend { grant, change: Change::Rights(_), .. } => {
                    counts.narrows += usize::from(lost(&grant));
                    counts.narrowed_below +=
                        usize::from(lost(&grant) && self.below(grant).any(|below| lost(&below)));
                }
                Command::Amend { grant, change: Change::Reshare(false), .. } => {
                    counts.drops += usize::from(self.below(grant).any(|below| felled(&below)));
                }
                Command::Amend { grant, change: Change::Expiry(to), .. } => {
                    // The earliest end it ever had is kept, so an end that is not it has been moved later.
                    let later = to != earlier(to, self.grants[grant].outlives);
                    counts.prolongs += usize::from(later && had(&grant));
                }
                Command::Revoke { grant, .. } | Command::Renounce { grant, .. } => {
                    counts.cascades += usize::from(self.below(grant).filter(felled).count() >= 2);
                }
                Command::StopSharing { with, .. } => {
                    let others = |n: &Number| self.grants[*n].with != with && felled(n);
                    counts.cascades += usize::from((0..before.len()).filter(others).count() >= 2);
                }
                Command::Amend { change: Change::Reshare(true), .. } => {}
            },
            Step::Command { expected: Expected::Stands(_), .. } => counts.repeated += 1,
            Step::Command { expected: Expected::Refused, .. } => counts.refused += 1,
            Step::Command { expected: Expected::Either, .. } => {}
        }
        self.counts = counts;
    }
}

impl Counts {
    /// By name, with the least that each of them has to reach in 100 histories.
    fn rows(&self) -> [(&'static str, usize, usize); 15] {
        [
            ("histories", self.histories, 100),
            ("events", self.events, 100 * EVENTS),
            ("states compared, each of all grants", self.states, 100 * EVENTS),
            ("people compared", self.people, 100 * EVENTS * PEOPLE.len()),
            ("shares", self.shares, 2000),
            ("reshares deeper than 2", self.deep, 600),
            ("shares that stood already", self.repeated, 100),
            ("refused commands", self.refused, 400),
            ("cascades that felled 2 or more", self.cascades, 60),
            ("lapses that took others along", self.lapses, 120),
            ("ends moved later while live", self.prolongs, 150),
            ("grants alive past an end they once had", self.outlived, 50),
            ("rights narrowed", self.narrows, 80),
            ("rights narrowed of those below too", self.narrowed_below, 40),
            ("reshare rights taken with others below", self.drops, 60),
        ]
    }

    fn are_enough_for(&self, histories: usize) -> Result<(), String> {
        let short = self.rows().into_iter().find(|(_, count, floor)| count * 100 < floor * histories);
        short.map_or(Ok(()), |(name, count, _)| Err(format!("{count} {name} are too few to mean anything")))
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.events += other.events;
        self.states += other.states;
        self.people += other.people;
        self.shares += other.shares;
        self.deep += other.deep;
        self.repeated += other.repeated;
        self.refused += other.refused;
        self.cascades += other.cascades;
        self.lapses += other.lapses;
        self.prolongs += other.prolongs;
        self.outlived += other.outlived;
        self.narrows += other.narrows;
        self.narrowed_below += other.narrowed_below;
        self.drops += other.drops;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows().iter().try_for_each(|(name, count, _)| writeln!(f, "{count:>9} {name}"))
    }
}

// --------------------------------------------------------------------------------------------------- generator

/// SplitMix64: the same histories on every machine and with every version of every crate.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }

    fn person(&mut self) -> Person {
        self.pick(&PEOPLE.collect::<Vec<_>>()).unwrap_or(OWNER)
    }

    fn rights(&mut self) -> Rights {
        self.pick(&[Rights::VIEW, Rights::EXPORT, Rights::BOTH, Rights::BOTH, Rights::BOTH])
            .unwrap_or(Rights::BOTH)
    }
}

impl<S: Answerer> History<'_, S> {
    /// Mostly something that the rules allow, aimed by what PostgreSQL has; now and then something they forbid.
    fn invent(&self, random: &mut Random) -> Event {
        let live: Vec<Number> = (0..self.grants.len()).filter(|number| !self.has_fallen(*number)).collect();
        let target = if random.percent(6) {
            random.pick(&(0..self.grants.len()).collect::<Vec<_>>())
        } else {
            random.pick(&live)
        };
        // Of two, the one that carries more is the better aim.
        let other = random
            .pick(&live)
            .filter(|other| target.is_some_and(|one| self.carries(*other) > self.carries(one)));
        let Some(target) = other.or(target).filter(|_| live.len() > 2) else {
            return self.invent_root(random);
        };
        let grant = self.grants[target].label;
        let by = self.invent_actor(target, random);
        match random.below(100) {
            0..8 => self.invent_root(random),
            8..10 => self.invent_repetition(target, random),
            10..49 => self.invent_reshare(random),
            49..67 => Event::Amend { grant, by, change: Change::Expiry(self.invent_end(target, random)) },
            67..74 => {
                let rights = random.pick(&[Rights::VIEW, Rights::EXPORT, Rights::BOTH]).unwrap_or_default();
                Event::Amend { grant, by, change: Change::Rights(rights) }
            }
            74..79 => Event::Amend { grant, by, change: Change::Reshare(random.percent(20)) },
            79..84 => Event::Revoke { grant, by },
            84..86 => Event::Renounce { grant },
            86..88 => {
                let with = self.grants[target].with;
                // Stopping with oneself is another thing, and not in question here.
                if by == with { Event::Renounce { grant } } else { Event::StopSharing { by, with } }
            }
            _ => Event::TimeMoves { to: self.invent_instant(random) },
        }
    }

    fn carries(&self, number: Number) -> usize {
        self.below(number).filter(|below| self.held(*below) != Held::default()).count()
    }

    /// A share that was made before, said once more.
    fn invent_repetition(&self, grant: Number, random: &mut Random) -> Event {
        let Declared { parent, by, with, terms, .. } = self.grants[grant];
        let from = match parent {
            None => Source::Owner,
            Some(_) if random.percent(60) => Source::AnyGrantOf(by),
            Some(parent) => Source::Grant(self.grants[parent].label),
        };
        Event::Share { label: self.events.len(), from, with, terms }
    }

    fn invent_root(&self, random: &mut Random) -> Event {
        let expiry = random.percent(60).then(|| self.now + 3 + random.below(30) as Tick);
        let terms = Terms { rights: random.rights(), reshare: random.percent(90), expiry };
        Event::Share { label: self.events.len(), from: Source::Owner, with: random.person(), terms }
    }

    fn invent_reshare(&self, random: &mut Random) -> Event {
        let able: Vec<Number> = (0..self.grants.len())
            .filter(|number| {
                self.held(*number).shareable != Rights::NONE && self.grants[*number].depth < DEEPEST
            })
            .collect();
        // The newest are the deepest.
        let recent = &able[able.len() / 2..];
        let aimed = if random.percent(60) { random.pick(recent) } else { random.pick(&able) };
        let any = (0..self.grants.len()).collect::<Vec<_>>();
        let parent = if random.percent(6) { random.pick(&any) } else { aimed };
        let Some(parent) = parent else { return self.invent_root(random) };
        let declared = self.grants[parent];
        let from = if random.percent(25) {
            Source::AnyGrantOf(declared.with)
        } else {
            Source::Grant(declared.label)
        };
        // Now and then with oneself or the owner, which is refused.
        let with = match random.below(100) {
            0 => OWNER,
            1 => declared.with,
            _ => random
                .pick(&PEOPLE.filter(|person| *person != declared.with).collect::<Vec<_>>())
                .unwrap_or(OWNER),
        };
        let shareable = self.held(parent).shareable;
        let rights =
            if random.percent(15) || shareable == Rights::NONE { random.rights() } else { shareable };
        let mut ends = vec![None, None, self.end(parent)];
        if let Some(end) = self.end(parent) {
            ends.push(Some(self.now + 1 + random.below((end - self.now).max(1) as usize) as Tick));
        }
        ends.push(Some(self.now + random.below(20) as Tick));
        let expiry = random.pick(&ends).flatten();
        Event::Share {
            label: self.events.len(),
            from,
            with,
            terms: Terms { rights, reshare: random.percent(85), expiry },
        }
    }

    /// Mostly somebody who may: the owner, or somebody further up.
    fn invent_actor(&self, grant: Number, random: &mut Random) -> Person {
        let above: Vec<Person> =
            self.ancestors(grant).map(|above| self.grants[above].with).chain([OWNER]).collect();
        match random.below(100) {
            0..5 => random.person(),
            5..8 => self.grants[grant].with,
            _ => random.pick(&above).unwrap_or(OWNER),
        }
    }

    /// Earlier or later, on the end of something else, or none.
    fn invent_end(&self, grant: Number, random: &mut Random) -> Option<Tick> {
        let end = self.end(grant);
        let above = self.grants[grant].parent.and_then(|parent| self.end(parent));
        match random.below(6) {
            0 => None,
            1 => above,
            2 => end.map(|end| end + 1 + random.below(12) as Tick),
            3 => end.map(|end| end - 1 - random.below(4) as Tick),
            4 => random.pick(&self.coming_ends()),
            _ => Some(self.now + random.below(25) as Tick),
        }
    }

    /// Onto an end, just before or just after one, or a little further.
    fn invent_instant(&self, random: &mut Random) -> Tick {
        let mut ends = self.coming_ends();
        ends.sort_unstable();
        let next = ends.first().copied().unwrap_or(self.now + 1);
        let to = match random.below(8) {
            0..3 => next,
            3 => next - 1,
            4 => next + 1,
            5 => ends.get(random.below(ends.len().min(4))).copied().unwrap_or(next),
            _ => self.now + 1 + random.below(4) as Tick,
        };
        to.max(self.now + 1)
    }

    fn coming_ends(&self) -> Vec<Tick> {
        (0..self.grants.len())
            .filter(|number| !self.has_fallen(*number))
            .filter_map(|number| self.end(number))
            .filter(|end| *end > self.now)
            .collect()
    }
}

// ------------------------------------------------------------------------------------------------- the library

/// The library as a host uses it: its service over its own memory store.
struct Library {
    sharing: Dashshare<MemoryStore, MemoryDirectory, FixedEnv>,
    dashboard: DashboardId,
    /// Its ids, by number.
    grants: Vec<GrantId>,
    /// What the last command said it ended.
    fell: Vec<Number>,
}

impl Library {
    fn new() -> Result<Self, String> {
        let directory = MemoryDirectory::default();
        PEOPLE.chain([OWNER]).for_each(|person| directory.add_account(account(person)));
        let sharing = Dashshare::new(MemoryStore::default(), directory, FixedEnv::new(timestamp(0), 0));
        let dashboard = DashboardId::from(1u64);
        block_on(sharing.register(dashboard, TenantId::from(1u64), account(OWNER))).map_err(failed)?;
        Ok(Self { sharing, dashboard, grants: Vec::new(), fell: Vec::new() })
    }

    fn share(
        &mut self,
        by: Person,
        from: Option<Number>,
        with: Person,
        terms: Terms,
    ) -> Result<Reply, Error> {
        let (by, with) = (account(by), account(with));
        let terms = dashshare::Terms {
            rights: rights_for(terms.rights),
            reshare: terms.reshare,
            expiry: expiry_for(terms.expiry),
        };
        let shared = match from {
            Some(parent) => {
                block_on(self.sharing.share_from(by, self.dashboard, self.grants[parent], with, terms))?
            }
            None => block_on(self.sharing.share(by, self.dashboard, with, terms))?,
        };
        if shared.standing {
            return Ok(self.number(shared.grant).map_or(Reply::Done, Reply::Stands));
        }
        self.grants.push(shared.grant);
        Ok(Reply::Done)
    }

    fn number(&self, grant: GrantId) -> Option<Number> {
        self.grants.iter().position(|made| *made == grant)
    }

    fn carry_out(&mut self, command: &Command) -> Result<Reply, Error> {
        let (sharing, dashboard) = (&self.sharing, self.dashboard);
        let fell = match *command {
            Command::Share { by, parent, named, with, terms } => {
                return self.share(by, parent.filter(|_| named), with, terms);
            }
            Command::Amend { grant, by, change } => {
                let unchanged = Amendment::default();
                let amendment = match change {
                    Change::Rights(rights) => Amendment { rights: Some(rights_for(rights)), ..unchanged },
                    Change::Reshare(reshare) => Amendment { reshare: Some(reshare), ..unchanged },
                    Change::Expiry(to) => Amendment { expiry: Some(expiry_for(to)), ..unchanged },
                };
                block_on(sharing.amend(account(by), dashboard, self.grants[grant], amendment))?.answer.fell
            }
            Command::Revoke { grant, by } => {
                let (by, grant) = (account(by), self.grants[grant]);
                block_on(sharing.revoke(by, dashboard, grant, RevokeMode::Cascade))?.answer.fell
            }
            Command::Renounce { grant, by } => {
                block_on(sharing.renounce(account(by), dashboard, self.grants[grant]))?.answer.fell
            }
            Command::StopSharing { by, with } => {
                block_on(sharing.stop_sharing(account(by), dashboard, account(with)))?.answer.fell
            }
        };
        self.fell = fell.into_iter().filter_map(|grant| self.number(grant)).collect();
        self.fell.sort_unstable();
        Ok(Reply::Done)
    }
}

impl Answerer for Library {
    const REMEMBERS: bool = true;

    fn obey(&mut self, command: &Command) -> Result<Reply, String> {
        match self.carry_out(command) {
            Err(Error::Refused(_)) => Ok(Reply::Refused),
            other => other.map_err(failed),
        }
    }

    fn move_time(&mut self, to: Tick) {
        self.sharing.env().set(timestamp(to));
    }

    fn held_at(&mut self, instant: Tick) -> Result<Vec<Held>, String> {
        let list = self.sharing.list(account(OWNER), self.dashboard, Some(timestamp(instant)));
        let mut held = vec![Held::default(); self.grants.len()];
        for view in block_on(list).map_err(failed)?.grants {
            let number = self.number(view.grant);
            let rights = rights_from(view.rights);
            let shareable = if view.reshare { rights } else { Rights::NONE };
            held[number.ok_or("the list shows a grant that nobody made")?] = Held { rights, shareable };
        }
        Ok(held)
    }

    fn person(&mut self, person: Person) -> Result<(Rights, bool), String> {
        let may = |action| {
            let decision = self.sharing.authorize(account(person), self.dashboard, action);
            block_on(decision).map(|decision| decision.is_allowed()).map_err(failed)
        };
        let view = if may(Action::View)? { Rights::VIEW } else { Rights::NONE };
        let export = if may(Action::Export)? { Rights::EXPORT } else { Rights::NONE };
        Ok((view | export, may(Action::Share)?))
    }

    fn impact(&mut self, grant: Number, by: Person) -> Result<Option<Impact>, String> {
        let impact = self.sharing.impact(account(by), self.dashboard, self.grants[grant]);
        let impact = block_on(impact).map_err(failed)?;
        let person = |account: AccountId| PEOPLE.into_iter().find(|person| self::account(*person) == account);
        let keep = |(account, rights)| Some((person(account)?, rights_from(rights)));
        Ok(Some(Impact {
            lose: impact.lose.into_iter().filter_map(person).collect(),
            keep: impact.keep.into_iter().filter_map(keep).collect(),
        }))
    }

    fn fell(&self) -> Option<&[Number]> {
        Some(&self.fell)
    }
}

fn account(person: Person) -> AccountId {
    AccountId::from(u64::from(person) + 1)
}

/// One tick is the shortest time that the library tells apart.
fn timestamp(tick: Tick) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + tick)
}

fn expiry_for(end: Option<Tick>) -> Expiry {
    end.map(timestamp).into()
}

fn rights_for(rights: Rights) -> dashshare::Rights {
    let all = [(Rights::VIEW, Right::View), (Rights::EXPORT, Right::Export)];
    all.into_iter().filter(|(right, _)| rights.covers(*right)).map(|(_, right)| right).collect()
}

fn rights_from(rights: dashshare::Rights) -> Rights {
    let view = if rights.contains(Right::View) { Rights::VIEW } else { Rights::NONE };
    if rights.contains(Right::Export) { view | Rights::EXPORT } else { view }
}

fn failed(error: Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

// --------------------------------------------------------------------------------------------- planted faults

/// What somebody might get wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    IgnoresTheChain,
    IgnoresTheReshareRight,
    LivesAtItsEnd,
    TakesTheLaterEnd,
    KeepsItsOwnRights,
    LooksOneStepUp,
    RevivesByProlonging,
    LivesByAnotherPath,
}

impl Fault {
    const ALL: [(Self, &'static str); 8] = [
        (Self::IgnoresTheChain, "ignores_the_chain"),
        (Self::IgnoresTheReshareRight, "ignores_that_a_reshare_right_was_taken"),
        (Self::LivesAtItsEnd, "lets_a_grant_live_at_the_instant_of_its_end"),
        (Self::TakesTheLaterEnd, "takes_the_later_of_two_ends"),
        (Self::KeepsItsOwnRights, "keeps_rights_that_the_grantor_has_lost"),
        (Self::LooksOneStepUp, "looks_only_one_step_up"),
        (Self::RevivesByProlonging, "prolongs_what_has_lapsed"),
        (Self::LivesByAnotherPath, "lets_a_grant_live_by_another_path"),
    ];
}

/// The rules once more, as short as they can be said, to plant faults in.
struct Evaluator {
    fault: Option<Fault>,
    now: Tick,
    grants: Vec<Made>,
}

#[derive(Clone, Copy)]
struct Made {
    parent: Option<Number>,
    by: Person,
    with: Person,
    terms: Terms,
    revoked: bool,
}

impl Evaluator {
    fn sound() -> Self {
        Self { fault: None, now: 0, grants: Vec::new() }
    }

    fn with(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::sound() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn live(&self, number: Number, at: Tick) -> bool {
        let grant = self.grants[number];
        let in_time = match (grant.terms.expiry, grant.parent) {
            (Some(end), _) if self.has(Fault::LivesAtItsEnd) => at <= end,
            (Some(end), Some(parent)) if self.has(Fault::TakesTheLaterEnd) => {
                at < end || self.grants[parent].terms.expiry.is_none_or(|end| at < end)
            }
            (end, _) => end.is_none_or(|end| at < end),
        };
        let supported = |parent: Number| match self.fault {
            Some(Fault::IgnoresTheChain) => true,
            Some(Fault::IgnoresTheReshareRight) => self.live(parent, at),
            Some(Fault::LooksOneStepUp) => {
                let parent = self.grants[parent];
                parent.terms.reshare && !parent.revoked && parent.terms.expiry.is_none_or(|end| at < end)
            }
            Some(Fault::LivesByAnotherPath) => (0..number).any(|other| {
                self.grants[other].with == grant.by
                    && self.grants[other].terms.reshare
                    && self.live(other, at)
            }),
            _ => self.grants[parent].terms.reshare && self.live(parent, at),
        };
        !grant.revoked && in_time && grant.parent.is_none_or(supported)
    }

    fn rights(&self, number: Number, at: Tick) -> Rights {
        let grant = self.grants[number];
        match grant.parent {
            _ if !self.live(number, at) => Rights::NONE,
            Some(parent) if !self.has(Fault::KeepsItsOwnRights) && self.live(parent, at) => {
                grant.terms.rights & self.rights(parent, at)
            }
            _ => grant.terms.rights,
        }
    }

    fn end(&self, number: Number) -> Option<Tick> {
        let grant = self.grants[number];
        earlier(grant.terms.expiry, grant.parent.and_then(|parent| self.end(parent)))
    }

    fn has_above(&self, number: Number, person: Person) -> bool {
        let mut above = std::iter::successors(self.grants[number].parent, |above| self.grants[*above].parent);
        person == OWNER || above.any(|above| self.grants[above].with == person)
    }

    fn share(&mut self, made: Made, named: bool) -> Reply {
        let above = made.parent.and_then(|parent| self.end(parent));
        let allowed = match made.parent {
            None => made.by == OWNER,
            Some(parent) => {
                self.grants[parent].terms.reshare && self.rights(parent, self.now).covers(made.terms.rights)
            }
        };
        let in_time = made
            .terms
            .expiry
            .is_none_or(|end| self.now < end && made.terms.expiry == earlier(made.terms.expiry, above));
        if !allowed || !in_time || made.with == OWNER || made.with == made.by {
            return Reply::Refused;
        }
        let ends = earlier(made.terms.expiry, above);
        let standing = (0..self.grants.len()).find(|number| {
            let other = self.grants[*number];
            let same = (other.by, other.with, other.terms) == (made.by, made.with, made.terms);
            let as_good = self.rights(*number, self.now) == made.terms.rights
                && ends == earlier(ends, self.end(*number));
            same && self.live(*number, self.now) && if named { other.parent == made.parent } else { as_good }
        });
        if standing.is_none() {
            self.grants.push(made);
        }
        standing.map_or(Reply::Done, Reply::Stands)
    }

    fn amend(&mut self, grant: Number, by: Person, change: Change) -> Reply {
        let made = self.grants[grant];
        let revives = self.has(Fault::RevivesByProlonging)
            && !made.revoked
            && matches!(change, Change::Expiry(_))
            && made
                .parent
                .is_none_or(|parent| self.grants[parent].terms.reshare && self.live(parent, self.now));
        if !(self.live(grant, self.now) || revives) || !self.has_above(grant, by) {
            return Reply::Refused;
        }
        let allowed = match change {
            Change::Rights(rights) => rights != Rights::NONE && made.terms.rights.covers(rights),
            Change::Reshare(reshare) => made.terms.reshare || !reshare,
            Change::Expiry(to) => {
                let above = made.parent.and_then(|parent| self.end(parent));
                let later = to != earlier(to, made.terms.expiry);
                let within = to.is_none() || to == earlier(to, above);
                to.is_none_or(|to| self.now < to) && (!later || (within && by != made.with))
            }
        };
        if !allowed {
            return Reply::Refused;
        }
        match change {
            Change::Rights(rights) => self.grants[grant].terms.rights = rights,
            Change::Reshare(reshare) => self.grants[grant].terms.reshare = reshare,
            Change::Expiry(to) => self.grants[grant].terms.expiry = to,
        }
        Reply::Done
    }

    fn revoke(&mut self, grant: Number, allowed: bool) -> Reply {
        if !allowed || !self.live(grant, self.now) {
            return Reply::Refused;
        }
        self.grants[grant].revoked = true;
        Reply::Done
    }
}

impl Answerer for Evaluator {
    const REMEMBERS: bool = false;

    fn obey(&mut self, command: &Command) -> Result<Reply, String> {
        Ok(match *command {
            Command::Share { by, parent, named, with, terms } => {
                self.share(Made { parent, by, with, terms, revoked: false }, named)
            }
            Command::Amend { grant, by, change } => self.amend(grant, by, change),
            Command::Revoke { grant, by } => self.revoke(grant, self.has_above(grant, by)),
            Command::Renounce { grant, by } => self.revoke(grant, self.grants[grant].with == by),
            Command::StopSharing { by, with } => {
                let numbers = 0..self.grants.len();
                let mut live = numbers.clone().filter(|number| self.live(*number, self.now));
                if by != OWNER && !live.any(|number| self.grants[number].with == by) {
                    return Ok(Reply::Refused);
                }
                for number in numbers {
                    if self.grants[number].with == with && self.has_above(number, by) {
                        self.grants[number].revoked = true;
                    }
                }
                Reply::Done
            }
        })
    }

    fn move_time(&mut self, to: Tick) {
        self.now = to;
    }

    fn held_at(&mut self, instant: Tick) -> Result<Vec<Held>, String> {
        let held = |number| {
            let rights = self.rights(number, instant);
            Held { rights, shareable: if self.grants[number].terms.reshare { rights } else { Rights::NONE } }
        };
        Ok((0..self.grants.len()).map(held).collect())
    }

    fn person(&mut self, person: Person) -> Result<(Rights, bool), String> {
        let held = self.held_at(self.now)?;
        let all = held.iter().zip(&self.grants).filter(|(_, grant)| grant.with == person);
        Ok(all.fold((Rights::NONE, false), |(rights, shares), (held, _)| {
            (rights | held.rights, shares || held.shareable != Rights::NONE)
        }))
    }
}
