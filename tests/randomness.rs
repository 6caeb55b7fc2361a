//! A random generator that is broken and gives the same bytes again. Then keys, ids and tokens repeat, and whatever else
//! that costs, nobody may be told of success for what was not written (S1, L2).

use dashshare::{
    AccountId, BoxError, DashboardId, Dashshare, Env, Error, Expiry, GrantId, MemoryDirectory, MemoryStore,
    NewShare, Revision, RevokeMode, TenantId, Terms, Timestamp,
    store::{Commit, CommitError, DynStore, Freshness, Receipt, Seed, Store},
    trail::Event,
};
use pollster::block_on;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// Draws one of a few blocks each time, by a fixed sequence.
struct Broken {
    state: Mutex<u64>,
    blocks: u64,
    now: AtomicU64,
}

impl Broken {
    fn next(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Env for Broken {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        start.plus_micros(i64::try_from(self.now.load(Ordering::SeqCst)).expect("a number"))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        let block = Self::next(&mut self.state.lock().expect("no panic")) % self.blocks;
        bytes.fill(u8::try_from(block).expect("a byte"));
        Ok(())
    }
}

/// What is wrong with a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    /// It answers with the receipt that stands under the key.
    ComparesTheKeyAlone,
    /// The same, and the receipt is made up to look like the commit's.
    AcknowledgesWhateverHasTheKey,
    /// No fault: the answer of every third commit is lost.
    LosesAnswers,
}

struct Suspect {
    store: Arc<dyn DynStore>,
    fault: Fault,
    commits: AtomicU64,
}

impl Store for Suspect {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        let known = self.store.receipt(commit.dashboard(), commit.key()).await;
        if let Some(known) = known.map_err(CommitError::Failed)? {
            match self.fault {
                Fault::ComparesTheKeyAlone => return Ok(known),
                Fault::AcknowledgesWhateverHasTheKey => return Ok(commit.receipt()),
                _ => {}
            }
        }
        let answer = self.store.commit(commit).await;
        let number = self.commits.fetch_add(1, Ordering::SeqCst);
        if self.fault == Fault::LosesAnswers && number % 3 == 1 && answer.is_ok() {
            return Err(CommitError::Unknown("the connection is gone".into()));
        }
        answer
    }

    dashshare::delegate_store!(self.store => receipt, read, read_many, read_link, grants, grants_below, held, owned, audit,
        audit_of, outbox, lease, acknowledge, dead_letters, put_back, sweep);
}

type Sharing = Dashshare<Arc<Suspect>, MemoryDirectory, Broken>;

const OLGA: u64 = 1;

fn account(number: u64) -> AccountId {
    number.into()
}

/// A state as somebody sees it who reads all of it.
fn dump(sharing: &Sharing, dashboard: DashboardId) -> (Revision, usize, String) {
    let store = sharing.store();
    let head = block_on(store.read(dashboard, &[], Freshness::Latest)).expect("it reads");
    let grants = block_on(store.grants(dashboard, 0, 1000)).expect("it reads");
    let audit = block_on(store.audit(dashboard, Revision::ZERO, 1000)).expect("it reads");
    let revision = head.as_ref().map_or(Revision::ZERO, |found| found.head.revision);
    (revision, audit.len(), serde_json::json!([head.map(|found| found.head), grants, audit]).to_string())
}

fn last_event(sharing: &Sharing, dashboard: DashboardId) -> Option<Event> {
    let audit = block_on(sharing.store().audit(dashboard, Revision::ZERO, 1000)).expect("it reads");
    audit.into_iter().next_back().map(|record| record.event)
}

#[derive(Default, Debug)]
struct Counts {
    done: usize,
    repeated: usize,
    /// By the store.
    refused: usize,
    tokens: usize,
    revoked: usize,
}

struct Play {
    sharing: Sharing,
    counts: Counts,
    /// The newest token that was handed out for each dashboard.
    tokens: BTreeMap<DashboardId, String>,
    made: Vec<(DashboardId, GrantId, AccountId)>,
}

impl Play {
    /// What a command answered beside what it did: it has done what it says, or nothing.
    fn judge<T>(
        &mut self,
        what: &str,
        dashboard: DashboardId,
        before: &(Revision, usize, String),
        answer: Result<(Revision, T), Error>,
        is_its: impl Fn(&Event) -> bool,
    ) -> Result<Option<T>, String> {
        let after = dump(&self.sharing, dashboard);
        match answer {
            Ok((revision, answer)) => {
                let is_new = after.0 == before.0.next() && after.1 == before.1 + 1;
                let stands = after.2 == before.2 && revision == before.0;
                let event = last_event(&self.sharing, dashboard);
                if !(stands || is_new && revision == after.0 && event.as_ref().is_some_and(is_its)) {
                    return Err(format!("{what} is acknowledged and was not written: {event:?}"));
                }
                self.counts.done += 1;
                Ok(Some(answer))
            }
            Err(error) => {
                if after.2 != before.2 {
                    return Err(format!("{what} failed and changed something: {error}"));
                }
                match error {
                    Error::Random(_) => self.counts.repeated += 1,
                    Error::Refused(_) => {}
                    // The digest of a link is another dashboard's.
                    Error::Store(_) => self.counts.refused += 1,
                    other => return Err(format!("{what}: {other}")),
                }
                Ok(None)
            }
        }
    }

    fn share(&mut self, dashboard: DashboardId, with: AccountId, days: u32) -> Result<(), String> {
        let before = dump(&self.sharing, dashboard);
        let terms = Terms::view(Expiry::At(self.sharing.env().now().plus_days(days)));
        let shared = block_on(self.sharing.share(account(OLGA), dashboard, NewShare::with(with, terms)));
        let shared = shared.map(|done| (done.revision, done.grant));
        let is_its = |event: &Event| matches!(event, Event::Shared { with: who, .. } if *who == with.into());
        let Some(grant) = self.judge("a share", dashboard, &before, shared, is_its)? else { return Ok(()) };
        let found = block_on(self.sharing.store().read(dashboard, &[Seed::Grant(grant)], Freshness::Latest));
        let chains = found.expect("it reads").map(|found| found.chains).unwrap_or_default();
        let holder = chains.first().and_then(|chain| chain.first()).and_then(|leaf| leaf.grantee.account());
        if holder != Some(with) {
            return Err(format!("a share is acknowledged, and its grant is {holder:?}'s"));
        }
        self.made.push((dashboard, grant, with));
        Ok(())
    }

    fn revoke(&mut self, number: usize) -> Result<(), String> {
        if self.made.is_empty() {
            return Ok(());
        }
        let (dashboard, grant, who) = self.made[number % self.made.len()];
        let before = dump(&self.sharing, dashboard);
        let ended = block_on(self.sharing.revoke(account(OLGA), dashboard, grant, RevokeMode::Cascade));
        let ended = ended.map(|done| (done.revision, ()));
        let is_its = |event: &Event| matches!(event, Event::Revoked { grant: ended, .. } if *ended == grant);
        if self.judge("a revocation", dashboard, &before, ended, is_its)?.is_none() {
            return Ok(());
        }
        self.counts.revoked += 1;
        let held = block_on(self.sharing.store().read(dashboard, &[Seed::from(who)], Freshness::Latest));
        let chains = held.expect("it reads").map(|found| found.chains).unwrap_or_default();
        let lives = chains
            .iter()
            .any(|chain| chain.first().is_some_and(|leaf| leaf.id == grant && leaf.revoked.is_none()));
        if lives { Err("a revoked grant is found alive".to_owned()) } else { Ok(()) }
    }

    fn rotate(&mut self, dashboard: DashboardId) -> Result<(), String> {
        let before = dump(&self.sharing, dashboard);
        let rotated = block_on(self.sharing.rotate_link(account(OLGA), dashboard, Expiry::Never));
        let rotated = rotated.map(|done| (done.revision, done.answer));
        let is_its = |event: &Event| matches!(event, Event::LinkRotated { .. });
        if let Some(link) = self.judge("a rotation", dashboard, &before, rotated, is_its)? {
            self.counts.tokens += 1;
            self.tokens.insert(dashboard, link.token.expose().to_owned());
        }
        // Whoever was given a token last has one that opens their dashboard, and no other.
        for (dashboard, token) in &self.tokens {
            let visit = block_on(self.sharing.visit(token)).map_err(|error| error.to_string())?;
            let opens = visit.permitted(dashshare::Action::View);
            if opens != Some(*dashboard) {
                return Err(format!("a token of {dashboard} opens {opens:?}"));
            }
        }
        Ok(())
    }
}

/// Plays commands on three dashboards with few different draws.
fn play(fault: Fault, store: Arc<dyn DynStore>, seed: u64, blocks: u64) -> Result<Counts, String> {
    let env = Broken { state: Mutex::new(seed), blocks, now: AtomicU64::new(0) };
    let directory = MemoryDirectory::default();
    (1..9).for_each(|number| directory.add_account(account(number)));
    let suspect = Arc::new(Suspect { store, fault, commits: AtomicU64::new(0) });
    let sharing = Dashshare::new(suspect, directory, env);
    let mut play = Play { sharing, counts: Counts::default(), tokens: BTreeMap::new(), made: Vec::new() };
    let mut dice = seed ^ 0xabcd;
    for number in 1..4 {
        let dashboard = DashboardId::from(1000 * seed + number);
        let registered = block_on(play.sharing.register(dashboard, TenantId::from(1u64), account(OLGA)));
        registered.map_err(|error| error.to_string())?;
    }
    for _ in 0..40 {
        let roll = Broken::next(&mut dice);
        let dashboard = DashboardId::from(1000 * seed + 1 + roll / 7 % 3);
        let number = usize::try_from(roll / 64 % 1000).expect("a number");
        if roll.is_multiple_of(3) {
            play.sharing.env().now.fetch_add(roll % 5000, Ordering::SeqCst);
        }
        match roll % 10 {
            0..5 => {
                play.share(dashboard, account(2 + roll / 11 % 7), 1 + u32::try_from(roll % 5).expect("days"))?
            }
            5..8 => play.rotate(dashboard)?,
            _ => play.revoke(number)?,
        }
    }
    Ok(play.counts)
}

fn histories(fault: Fault, store: impl Fn() -> Arc<dyn DynStore>) -> Result<Counts, String> {
    let mut all = Counts::default();
    for seed in 0..40 {
        let counts = play(fault, store(), seed, 1 + seed % 40)?;
        all.done += counts.done;
        all.repeated += counts.repeated;
        all.refused += counts.refused;
        all.tokens += counts.tokens;
        all.revoked += counts.revoked;
    }
    Ok(all)
}

fn memory() -> Arc<dyn DynStore> {
    Arc::new(MemoryStore::default())
}

#[track_caller]
fn holds(fault: Fault, store: impl Fn() -> Arc<dyn DynStore>) {
    let counts = histories(fault, store).unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{fault:?}: {counts:?}");
    assert!(
        counts.done > 300
            && counts.repeated > 300
            && counts.refused > 10
            && counts.tokens > 50
            && counts.revoked > 20,
        "too little happened: {counts:?}"
    );
}

/// S1, L2: what is acknowledged was written, and a token that is handed out opens its dashboard.
#[test]
fn nobody_is_told_of_success_for_what_was_not_written() {
    holds(Fault::None, memory);
    holds(Fault::LosesAnswers, memory);
}

/// S1: the service looks itself at what a receipt is of.
#[test]
fn a_store_that_compares_the_key_alone_deceives_nobody() {
    holds(Fault::ComparesTheKeyAlone, memory);
}

/// S1: and these histories would show it.
#[test]
fn a_store_that_makes_its_receipts_up_is_convicted() {
    let told = histories(Fault::AcknowledgesWhateverHasTheKey, memory);
    let told = told.expect_err("it is convicted");
    assert!(told.contains("was not written"), "{told}");
}

#[cfg(all(feature = "sqlite", feature = "conformance"))]
#[test]
fn nobody_is_told_of_success_for_what_was_not_written_in_sqlite() {
    use crate::support::{files::fresh_path, runtime};
    let _inside = runtime::RUNTIME.enter();
    let fresh = || -> Arc<dyn DynStore> {
        let store = runtime::block_on(async {
            let options = dashshare::SqliteStore::options(fresh_path())
                .synchronous(sqlx::sqlite::SqliteSynchronous::Off);
            let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
            let store = dashshare::SqliteStore::new(pool.expect("it opens"));
            store.migrate().await.expect("it migrates");
            store
        });
        Arc::new(store)
    };
    holds(Fault::None, fresh);
    holds(Fault::LosesAnswers, fresh);
}
