//! The library against the model, history by history (R1 of the research notes).
//!
//! `DASHSHARE_HISTORIES` says how many histories to play (4,000 unless set), `DASHSHARE_SEED` plays one of them.
//! `DASHSHARE_FAULTS` breaks the named rules in the model: a library that differs from the model then breaks others.

mod data;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write as _,
    panic::{self, AssertUnwindSafe},
    thread,
    time::Instant as Stopwatch,
};

use dashshare::Told;

use crate::model::{
    self, Account, Command, DASHBOARDS, Dashboard, Fault, Grant, Instant, Model, Outcome, Past, Step,
    generator::Generator, library::Library, view::View,
};

const HISTORIES: u64 = 4_000;
/// Of how many histories the floors are.
const COUNTED: u64 = 20_000;
const THREADS: u64 = 2;
/// Within how many histories each planted fault has to be found.
const PATIENCE: u64 = 400;
/// The past is asked about after one history in so many: it takes as long as all the rest.
const PAST_EVERY: u64 = 4;

/// The least that 20,000 histories must contain to mean anything: about half of what they do contain.
const FLOORS: [(&str, u64); 57] = [
    ("commands", 500_000),
    ("whole states compared", 100_000),
    ("past states compared", 100_000),
    ("impacts compared", 50_000),
    ("strangers told", 1_000_000),
    ("parties told", 1_000_000),
    ("former parties told", 100_000),
    ("shares", 100_000),
    ("shares that stood already", 15_000),
    ("reshares deeper than 2", 15_000),
    ("reshares 8 deep", 220),
    ("reshares deeper than 8", 30),
    ("lapses", 40_000),
    ("lapses with children", 5_000),
    ("amendments that felled", 1_000),
    ("prolongs", 1_400),
    ("revocations that felled 2 or more", 4_000),
    ("rebinds that re-issued", 1_000),
    ("rebinds that re-issued 2 or more", 600),
    ("stops that felled", 3_000),
    ("renunciations", 2_500),
    ("claims that bound", 3_500),
    ("claims that ended an invitation", 1_500),
    ("transfers that absorbed", 4_000),
    ("link rotations", 10_000),
    ("links paused, resumed or withdrawn", 2_000),
    ("dashboards deleted", 1_000),
    ("accounts deleted", 900),
    ("refused: ends_too_late", 6_000),
    ("refused: exceeds_own_rights", 15_000),
    ("refused: link_taken", 1_000),
    ("refused: no_reshare_right", 10_000),
    ("refused: not_owner", 400),
    ("refused: not_yours", 6_000),
    ("refused: over_maximum", 6_000),
    ("refused: resharing_off", 1_500),
    ("refused: too_deep", 250),
    ("refused: unknown_grant", 7_000),
    ("refused: widening", 1_400),
    ("questions for data", 1_800_000),
    ("pieces of a window", 340_000),
    ("pieces of two or more", 54_000),
    ("changes that hid data", 3_800),
    ("past questions for data", 220_000),
    ("instants of streams compared", 180_000),
    ("viewers of a device compared", 60_000),
    ("hidden by a lock or not shown", 160_000),
    ("denied: outside_window", 21_000),
    ("denied: range_too_long", 13_000),
    ("denied: parameter_not_applied", 7_800),
    ("denied: parameter_not_chosen", 13_000),
    ("denied: lock_unreadable", 240),
    ("denied: locked_empty", 120),
    ("refused: empty_lock", 4_500),
    ("refused: lock_shows_nothing", 930),
    ("refused: lock_too_large", 1_500),
    ("refused: lock_unreadable", 1_300),
];
const PANICS: &str = "it panics";
/// Of fewer histories chance alone makes the counts.
const FEW: u64 = 4_000;

/// G1, G2, G3, G4, G6, G7, G8, G9, G10, G11, G12, G13, G14, G15, G16, G17, G18, G19, G20, I3, I4, I5, L1, L2, L5, L6, D2,
/// D3, D4, D6, D7 and D8, as far as commands played one after the other can show them. And of locks K1, K12, K13, K14, K15,
/// K16, K17, K19, K20, K21, K22, K23 and K24: what is seen is compared datum by datum, before and after commands, so that
/// no part of one lock can serve another (trap TA23), a narrowing above cannot miss what hangs below (TA24), nor come
/// late (TA26), and no share takes a lock from anywhere but from what was asked for (TA25).
#[test]
fn the_library_and_the_model_agree_at_every_critical_instant() {
    let seeds = match number("DASHSHARE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DASHSHARE_HISTORIES").unwrap_or(HISTORIES),
    };
    let played = seeds.end - seeds.start;
    let stopwatch = Stopwatch::now();
    let faults = env::var("DASHSHARE_FAULTS").unwrap_or_default();
    let faults = faults.split(',').filter(|name| !name.is_empty()).map(|name| name.parse().expect("a fault"));
    let faults = &faults.collect::<Vec<Fault>>();
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|i| {
                let seeds = seeds.clone().filter(move |seed| seed % THREADS == i);
                scope.spawn(move || {
                    let mut counts = Counts::default();
                    for seed in seeds {
                        if let Err(found) = play(seed, faults, &mut counts) {
                            panic!("{}", shortest(seed, faults, found));
                        }
                    }
                    counts
                })
            })
            .collect();
        let counts = threads.into_iter().map(|thread| match thread.join() {
            Ok(counts) => counts,
            Err(panic) => panic::resume_unwind(panic),
        });
        counts.fold(Counts::default(), Counts::add)
    });

    println!("{played} histories in {:.1?}", stopwatch.elapsed());
    for (what, count) in &counts.0 {
        println!("{count:>9} {what}");
    }
    if played >= FEW {
        for (what, floor) in FLOORS {
            let count = counts.0.get(what).copied().unwrap_or(0);
            assert!(
                count * COUNTED >= floor * played,
                "{count} {what} in {played} histories are too few to mean anything"
            );
        }
    }
}

#[test]
fn each_planted_fault_is_found_within_400_histories() {
    let mut missed = Vec::new();
    for fault in Fault::ALL {
        let parts = |seed: &u64| match play(*seed, &[fault], &mut Counts::default()) {
            Ok(()) => false,
            Err(found) => {
                assert!(
                    !found.mismatch.starts_with(PANICS),
                    "{fault:?} is no fault but a mistake of its own"
                );
                true
            }
        };
        // What needs a tenant's rules to change between a share and a rebind is rare.
        let patience = if fault == Fault::RebindsAskNoRules { 10 * PATIENCE } else { PATIENCE };
        let found = (0..patience).find(parts);
        match found {
            Some(seed) => println!("{:>4} histories find {fault:?}", seed + 1),
            None => missed.push(fault),
        }
    }
    assert!(missed.is_empty(), "not found within {PATIENCE} histories: {missed:?}");
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{name}={text}` is not a number")))
}

/// How often something happened that the histories are played for.
#[derive(Default)]
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn count(&mut self, what: impl Into<String>) {
        self.count_many(what, 1);
    }

    fn count_many(&mut self, what: impl Into<String>, many: u64) {
        *self.0.entry(what.into()).or_default() += many;
    }

    fn add(mut self, other: Self) -> Self {
        for (what, count) in other.0 {
            self.count_many(what, count);
        }
        self
    }
}

/// Where the two sides part, and what was played until then.
struct Found {
    steps: Vec<Step>,
    mismatch: String,
}

/// Plays the history of a seed on both sides, until the first difference. The generator follows a model without the
/// fault, so that a faulty one is asked the same questions.
fn play(seed: u64, faults: &[Fault], counts: &mut Counts) -> Result<(), Found> {
    let mut generator = Generator::new(seed);
    let mut guide = Model::new();
    let mut sides = Sides::new(seed, faults);
    let mut steps = Vec::new();
    let mut next = generator.opening();
    let mut left = generator.length();
    while !next.is_empty() {
        for step in next.drain(..) {
            if !faults.is_empty() {
                let _ = guide.play(step);
            }
            steps.push(step);
            sides.step_caught(step, counts).map_err(|mismatch| Found { steps: steps.clone(), mismatch })?;
        }
        if left > 0 {
            left -= 1;
            let guide = if !faults.is_empty() { &guide } else { &sides.model };
            next.push(generator.next(guide));
        }
    }
    counts.count_many("commands", steps.len() as u64);
    sides.end(counts).map_err(|mismatch| Found { steps, mismatch })
}

/// Plays the steps again, from nothing.
fn replay(seed: u64, faults: &[Fault], steps: &[Step]) -> Result<(), String> {
    let mut sides = Sides::new(seed, faults);
    let mut counts = Counts::default();
    for step in steps {
        sides.step_caught(*step, &mut counts)?;
    }
    sides.end(&mut counts)
}

/// Leaves out whatever can be left out with the two sides still parting.
fn shortest(seed: u64, faults: &[Fault], found: Found) -> String {
    let Found { mut steps, mut mismatch } = found;
    let kind = mismatch.lines().next().map(str::to_owned);
    let mut size = steps.len();
    while size > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            match replay(seed, faults, &fewer) {
                // Another difference would be another story.
                Err(still) if still.lines().next() == kind.as_deref() => (steps, mismatch) = (fewer, still),
                _ => at += size,
            }
        }
        size /= 2;
    }
    let mut text = format!("history {seed} (replay it with DASHSHARE_SEED={seed}), shortened:\n");
    for step in &steps {
        let _ = writeln!(text, "{step:?}");
    }
    text + &mismatch
}

/// The model and the library, driven by the same commands.
struct Sides {
    seed: u64,
    model: Model,
    library: Library,
    now: Instant,
    people: BTreeSet<Account>,
    /// Who was a party of the present dashboards after which step last.
    parties: BTreeMap<(Account, Dashboard), Instant>,
    /// What anybody is told of a dashboard that does not exist.
    nowhere: String,
    asks_the_past: bool,
}

impl Sides {
    fn new(seed: u64, faults: &[Fault]) -> Self {
        let library = Library::new();
        let (.., nowhere) = library.present(Account(1), None);
        Self {
            seed,
            model: Model::with_faults(faults),
            library,
            nowhere: written(&nowhere),
            now: model::START,
            people: BTreeSet::new(),
            parties: BTreeMap::new(),
            asks_the_past: seed.is_multiple_of(PAST_EVERY),
        }
    }

    /// A panic of the library is a difference too, and as well worth shortening.
    fn step_caught(&mut self, step: Step, counts: &mut Counts) -> Result<(), String> {
        panic::catch_unwind(AssertUnwindSafe(|| self.step(step, counts)))
            .unwrap_or_else(|_| Err(format!("{PANICS} (see above)\n{step:?}")))
    }

    fn step(&mut self, step: Step, counts: &mut Counts) -> Result<(), String> {
        self.count_lapses(step.at, counts);
        self.now = step.at;
        if let Command::Join { account } | Command::Register { owner: account, .. } = step.command {
            self.people.insert(account);
        }
        let was_later = match step.command {
            Command::Amend { grant, expiry: Some(expiry), .. } => self.model.past().prolongs(grant, expiry),
            _ => false,
        };
        let pending = match step.command {
            Command::Claim { .. } => self.pending(),
            _ => Vec::new(),
        };
        let begins = match step.command {
            Command::Register { dashboard, .. } => self.model.past().owner(dashboard).is_none(),
            _ => false,
        };
        let watched = self.watch(step);
        let expected = self.model.play(step);
        let claimed = pending.iter().filter(|grant| !self.model.past().is_pending(**grant)).count();
        let played = self.library.play(step, expected.as_ref().ok());
        let differ = |what: &str| Err(format!("{step:?}\n{what}\n  model {expected:?}\nlibrary {played:?}"));
        match (&expected, &played) {
            (Ok(expected), Ok(outcome)) => {
                if expected != outcome {
                    return differ("something else came of it:");
                }
                self.count_effect(step, outcome, was_later, claimed, counts);
            }
            (Err(codes), Err(code)) => {
                if !codes.contains(&code.as_str()) {
                    return differ("it is refused for another reason:");
                }
                counts.count(format!("refused: {code}"));
            }
            _ => return differ("only one side accepts it:"),
        }
        if let (Command::Register { dashboard, .. }, Ok(_)) = (step.command, &played) {
            // A new dashboard starts empty, also of the same id; the same command once more changes nothing (G19).
            if begins {
                self.parties.retain(|(_, of), _| *of != dashboard);
            }
        }
        self.compare_present(step.n, counts)?;
        self.compare_data(step, played.as_ref().ok(), watched, counts)?;
        for dashboard in dashboards() {
            let expected: Vec<u32> = self.model.past().open_link(dashboard, self.now).into_iter().collect();
            let told = self.library.open_links(dashboard);
            same(self.now, dashboard, "the links that open it", expected, told)?;
        }
        Ok(())
    }

    /// What everybody may do at an instant.
    fn compare_people(&self, t: Instant) -> Result<(), String> {
        let past = self.model.past();
        for dashboard in dashboards() {
            for &account in &self.people {
                let expected = (past.rights(account, dashboard, t), past.may_share(account, dashboard, t));
                let told = (
                    self.library.rights(account, dashboard, t),
                    self.library.may_share(account, dashboard, t),
                );
                let what = || format!("what {account:?} may then, and whether it may share");
                alike(t, dashboard, what, &expected, &told)?;
            }
        }
        Ok(())
    }

    /// What everybody may do now, and is told who asks (D8).
    fn compare_present(&mut self, n: u32, counts: &mut Counts) -> Result<(), String> {
        let (past, now) = (self.model.past(), self.now);
        for dashboard in dashboards() {
            for &account in &self.people {
                let (rights, may_share, told) = self.library.present(account, Some(dashboard));
                let expected =
                    (past.rights(account, dashboard, now), past.may_share(account, dashboard, now));
                let what = || format!("what {account:?} may, and whether it may share");
                alike(now, dashboard, what, &expected, &(rights, may_share))?;
                let device = (n % u32::from(model::lock::DEVICES)) as u8;
                let sees = past.sees_device(account, dashboard, device, now);
                let what = || format!("whether {account:?} sees p{device}");
                alike(now, dashboard, what, &sees, &self.library.sees_device(account, dashboard, device))?;
                if past.suspended(dashboard) {
                    counts.count("told of what is suspended");
                    if past.is_party(account, dashboard, now) {
                        self.parties.insert((account, dashboard), now);
                    }
                    continue;
                }
                if past.let_in(account, dashboard) && past.owner(dashboard).is_some() {
                    counts.count("told who are let in by a policy");
                    if past.is_party(account, dashboard, now) {
                        self.parties.insert((account, dashboard), now);
                    }
                    let is_let_in = told.iter().all(|told| told.code() != "unknown_dashboard");
                    let what = || format!("whether {account:?} is let in by a policy, not told {told:?}");
                    alike(now, dashboard, what, &(true, true), &(is_let_in, told[0].status() == 200))?;
                    continue;
                }
                if past.is_party(account, dashboard, now) {
                    counts.count("parties told");
                    self.parties.insert((account, dashboard), now);
                    let what = || format!("whether a party {account:?} is told its due, not {told:?}");
                    alike(
                        now,
                        dashboard,
                        what,
                        &true,
                        &party_is_told(past, (account, dashboard), now, &told),
                    )?;
                    continue;
                }
                let last =
                    self.parties.get(&(account, dashboard)).filter(|_| past.owner(dashboard).is_some());
                if let Some(last) = last {
                    counts.count("former parties told");
                    let what = || format!("whether a former party {account:?} is told its due, not {told:?}");
                    let is_right = former_party_is_told(past, (account, dashboard), *last, &told);
                    alike(now, dashboard, what, &true, &is_right)?;
                } else {
                    counts.count("strangers told");
                    let what = || format!("what a stranger {account:?} is told");
                    alike(now, dashboard, what, &self.nowhere, &written(&told))?;
                }
            }
        }
        Ok(())
    }

    /// The whole state at every instant at which something ends, and the past at every instant at which something
    /// was done: one unit before, at, and after it.
    fn end(&self, counts: &mut Counts) -> Result<(), String> {
        self.end_data(counts)?;
        let past = self.model.past();
        let critical = past.critical_instants(self.now);
        for t in critical.iter().copied() {
            counts.count("whole states compared");
            self.compare_people(t)?;
            for d in dashboards() {
                // The past is compared below.
                for &by in self.people.iter().filter(|_| t >= self.now) {
                    let what = format!("what {by:?} is listed");
                    same(t, d, &what, past.view((past, self.now), by, d, t), self.library.view(by, d, t))?;
                }
                let people = self.people.iter().copied();
                let viewers = past.viewers(people.clone(), d, t);
                same(t, d, "who may do what", viewers, self.library.viewers(d, t))?;
                let losing = past.losing(people, d, self.now, t);
                same(t, d, "who loses access until then", losing, self.library.losing(d, t))?;
            }
            for &who in &self.people {
                let shared = dashboards().filter_map(|d| {
                    let (rights, reshare, ends, sights) = past.shared_with(who, d, t)?;
                    Some((d, rights, reshare, ends, sights))
                });
                let told = self.library.shared_with(who, t);
                same(t, Dashboard(0), &format!("what is shared with {who:?}"), shared.collect(), told)?;
            }
        }
        for d in dashboards() {
            let pasts = if self.asks_the_past { past.past_instants(d, self.now) } else { Vec::new() };
            for t in pasts {
                counts.count("past states compared");
                self.compare_past_data(d, t, counts)?;
                let then = past.until(t);
                for &account in &self.people {
                    let expected = (then.rights(account, d, t), then.may_share(account, d, t));
                    let told = (self.library.rights(account, d, t), self.library.may_share(account, d, t));
                    same(
                        t,
                        d,
                        &format!("what {account:?} could, and whether it could share"),
                        expected,
                        told,
                    )?;
                }
                if let (Some(owner), Some(present)) = (then.owner(d), past.owner(d)) {
                    let expected = then.view((past, self.now), owner, d, t).map(View::of_the_past);
                    let told = self.library.view(present, d, t).map(View::of_the_past);
                    same(t, d, "what the owner is told of then", expected, told)?;
                    for &by in self.people.iter().filter(|by| !past.is_party(**by, d, self.now)) {
                        same(t, d, "what a stranger of today is told", None, self.library.view(by, d, t))?;
                    }
                }
            }
            for grant in past.standing(d, self.now) {
                counts.count("impacts compared");
                for &by in &self.people {
                    let expected = if !past.is_party(by, d, self.now) {
                        Err("unknown_grant".to_owned())
                    } else if !(past.is_above(by, grant) || past.belongs_to(grant, by)) {
                        Err("not_yours".to_owned())
                    } else if past.suspended(d) {
                        Err("suspended".to_owned())
                    } else {
                        Ok(past.impact(by, grant, self.now))
                    };
                    let what = format!("the impact of {grant:?} that {by:?} is told");
                    same(self.now, d, &what, expected, self.library.impact(by, grant))?;
                }
            }
        }
        Ok(())
    }

    fn pending(&self) -> Vec<Grant> {
        let past = self.model.past();
        let standing = dashboards().flat_map(|d| past.standing(d, self.now));
        standing.filter(|grant| past.is_pending(*grant)).collect()
    }

    fn count_lapses(&self, now: Instant, counts: &mut Counts) {
        let past = self.model.past();
        if now == self.now {
            return;
        }
        for dashboard in dashboards() {
            let before: Vec<Grant> = past.standing(dashboard, self.now).collect();
            for grant in &before {
                let has_child = before.iter().any(|child| past.parent(*child) == Some(*grant));
                if !past.live(*grant, now) {
                    counts.count("lapses");
                    if has_child {
                        counts.count("lapses with children");
                    }
                }
            }
        }
    }

    fn count_effect(
        &self,
        step: Step,
        outcome: &Outcome,
        prolonged: bool,
        claimed: usize,
        counts: &mut Counts,
    ) {
        let mut when = |what: &str, happened: bool| {
            if happened {
                counts.count(what);
            }
        };
        let fell = outcome.fell.len();
        match step.command {
            Command::Share { .. } => {
                let depth = outcome.grant.map_or(0, |grant| self.model.past().depth(grant));
                when("shares", !outcome.standing);
                when("shares that stood already", outcome.standing);
                when("reshares deeper than 2", !outcome.standing && depth > 2);
                when("reshares 8 deep", !outcome.standing && depth == 8);
                when("reshares deeper than 8", !outcome.standing && depth > 8);
            }
            Command::Amend { .. } => {
                when("amendments", true);
                when("amendments that felled", fell > 0);
                when("prolongs", prolonged);
            }
            Command::Revoke { .. } => {
                when("revocations that felled 2 or more", fell >= 2);
                when("rebinds that re-issued", !outcome.rebound.is_empty());
                when("rebinds that re-issued 2 or more", outcome.rebound.len() >= 2);
            }
            Command::StopSharing { .. } => when("stops that felled", fell > 0),
            Command::Renounce { .. } => when("renunciations", true),
            Command::Claim { .. } => {
                when("claims that bound", claimed > 0);
                when("claims that ended an invitation", !outcome.ended.is_empty());
            }
            Command::Transfer { .. } => {
                when("transfers", true);
                when("transfers that absorbed", fell > 0);
            }
            Command::RotateLink { .. } => when("link rotations", true),
            Command::Remind { .. } => when("reminders", !outcome.reminded.is_empty()),
            Command::PauseLink { .. } | Command::ResumeLink { .. } | Command::WithdrawLink { .. } => {
                when("links paused, resumed or withdrawn", true);
            }
            Command::DeleteDashboard { .. } => when("dashboards deleted", true),
            Command::DeleteAccount { .. } => when("accounts deleted", true),
            _ => {}
        }
    }
}

fn dashboards() -> impl Iterator<Item = Dashboard> {
    (0..DASHBOARDS).map(Dashboard)
}

fn written(told: &[Told]) -> String {
    serde_json::to_string(told).expect("JSON")
}

/// Whether a party is told no more of others than who gave it what it holds.
fn party_is_told(
    past: Past<'_>,
    (account, dashboard): (Account, Dashboard),
    now: Instant,
    told: &[Told],
) -> bool {
    let is_owner = past.owner(dashboard) == Some(account);
    told.iter().all(|told| {
        let by = told.by().map(model::library::account);
        let is_grantor = |by| past.held(account, dashboard, now).any(|grant| past.grantor(grant) == Some(by));
        !["unknown_dashboard", "ended"].contains(&told.code())
            && by.is_none_or(is_grantor)
            && (told.status() != 200 || by.is_some() != is_owner)
    })
}

/// Whether a former party is told when its access ended: it was one just before, or was made one at that very instant,
/// and has not been one since.
fn former_party_is_told(
    past: Past<'_>,
    (account, dashboard): (Account, Dashboard),
    last: Instant,
    told: &[Told],
) -> bool {
    told.iter().all(|told| {
        let end = told.ends().map(|end| end.micros());
        let fits = |end: Instant| {
            let before = end == last || past.until(end - 1).is_party(account, dashboard, end - 1);
            last <= end && before && !past.until(end).is_party(account, dashboard, end)
        };
        told.code() == "ended" && told.by().is_none() && end.is_some_and(fits)
    })
}

/// As [`same`], where putting what is compared into words costs more than comparing it.
fn alike<T: PartialEq + std::fmt::Debug>(
    t: Instant,
    dashboard: Dashboard,
    what: impl Fn() -> String,
    expected: &T,
    told: &T,
) -> Result<(), String> {
    if expected == told { Ok(()) } else { same(t, dashboard, &what(), expected, told) }
}

fn same<T: PartialEq + std::fmt::Debug>(
    t: Instant,
    dashboard: Dashboard,
    what: &str,
    expected: T,
    told: T,
) -> Result<(), String> {
    if expected == told {
        return Ok(());
    }
    let t = t - model::START;
    Err(format!("{what}:\non {dashboard:?} at +{t}us\n  model {expected:?}\nlibrary {told:?}"))
}
