//! Hosts fail: every call of every operation fails, is lost, conflicts or is overtaken, one at a time, two at a time,
//! and from some call on. What stands afterwards is nothing or the whole change, and what was answered is true.

#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod faulty;
#[path = "support/scene.rs"]
mod scene;

use dashshare::{
    Error, Expiry, Freshness, LinkToken, MemoryDirectory, MemoryStore, NewLink, Refusal, Store as _,
    TenantId, Unresolved,
};
use faulty::{Call, Fault, Hook, Injected, Sharing};
use pollster::block_on;
use scene::{BIG, OLGA, Op, Scene, account, board, commands, done, questions};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    error::Error as _,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

type Dump = BTreeMap<String, Value>;

/// How a call goes wrong without anybody else's doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Fail,
    Lose,
    LoseUndone,
    Conflict,
}

const KINDS: [Kind; 4] = [Kind::Fail, Kind::Lose, Kind::LoseUndone, Kind::Conflict];

impl Kind {
    fn fault(self, call: Call) -> Fault {
        match self {
            Self::Fail => Fault::Fail,
            Self::Lose => Fault::Lose,
            Self::LoseUndone => Fault::LoseUndone,
            // Nothing else can conflict.
            Self::Conflict if call == Call::Commit => Fault::Conflict,
            Self::Conflict => Fault::None,
        }
    }
}

/// What goes wrong at which call, and from which call on everything does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Trouble {
    at: Vec<(usize, Kind)>,
    from: Option<(usize, Kind)>,
}

impl Trouble {
    fn befall(&self, sharing: &Sharing) {
        let trouble = self.clone();
        sharing.store().gate.follow(move |number, call| {
            let lasting = trouble.from.filter(|(from, _)| *from <= number);
            let kind = trouble.at.iter().copied().find(|(at, _)| *at == number).or(lasting);
            kind.map_or(Fault::None, |(_, kind)| kind.fault(call))
        });
    }

    fn involves(&self, kind: Kind) -> bool {
        self.at.iter().chain(&self.from).any(|(_, k)| *k == kind)
    }
}

/// The last error of a chain of sources.
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, root)
}

fn injected(error: &Error) -> Option<&Injected> {
    root(error.source()?).downcast_ref()
}

/// An error with all its sources, as logs show it.
fn printed(error: &Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut next = error.source();
    while let Some(source) = next {
        text += &format!(": {source} {source:?}");
        next = source.source();
    }
    text
}

/// An operation without any trouble: its answer, its calls, and the states that it goes through, first to last.
struct Clean {
    text: String,
    trace: Vec<Call>,
    states: Vec<Dump>,
    last: String,
}

fn writes(call: Call) -> bool {
    matches!(call, Call::Commit | Call::Acknowledge)
}

fn clean(op: &Op) -> Clean {
    let scene = Arc::new(Scene::new());
    let states = Arc::new(Mutex::new(vec![scene.dump()]));
    let sharing = scene.process(2);
    let (of, into) = (Arc::clone(&scene), Arc::clone(&states));
    sharing.store().gate.follow(move |_, call| {
        let (of, into) = (Arc::clone(&of), Arc::clone(&into));
        let note: Hook = Box::new(move || into.lock().expect("a list").push(of.dump()));
        if writes(call) { Fault::After(note) } else { Fault::None }
    });
    let answer = (op.run)(&sharing, &scene).unwrap_or_else(|error| panic!("{}: {error}", op.name));
    let trace = sharing.store().gate.trace();
    let states = states.lock().expect("a list").clone();
    Clean { text: answer.text, trace, states, last: scene.dump_without_chance() }
}

#[derive(Default, Debug)]
struct Tally {
    runs: usize,
    healed: usize,
    failed_untouched: usize,
    unresolved: usize,
    resumed: usize,
    contended: usize,
    repeated: usize,
}

fn suffer(op: &Op, clean: &Clean, trouble: &Trouble, tally: &mut Tally) {
    let context = format!("{} with {trouble:?}", op.name);
    let scene = Scene::new();
    let sharing = scene.process(2);
    trouble.befall(&sharing);
    let outcome = (op.run)(&sharing, &scene);
    let state = scene.dump();
    let (first, last) = (&clean.states[0], clean.states.last().expect("a state"));
    let commits = clean.trace.iter().filter(|call| **call == Call::Commit).count();
    tally.runs += 1;
    assert!(clean.states.contains(&state), "{context}: part of a change stands");

    let error = match outcome {
        Ok(answer) => {
            assert_eq!(answer.text, clean.text, "{context}");
            assert_eq!(state, *last, "{context}: the answer says that it was done");
            if let Some(token) = answer.token {
                let visit = done(scene.process(9).visit(token.expose()));
                assert!(visit.is_allowed(), "{context}: the token opens nothing");
            }
            tally.healed += 1;
            return;
        }
        Err(error) => error,
    };

    let text = printed(&error);
    for secret in sharing.store().gate.drawn() {
        let token = LinkToken::from_random(secret);
        assert!(!text.contains(token.expose()), "{context}: the error tells the token");
    }
    match &error {
        Error::Contended => assert!(trouble.involves(Kind::Conflict), "{context}"),
        _ => {
            let injected =
                injected(&error).unwrap_or_else(|| panic!("{context}: the source is gone: {text}"));
            let number = injected.number;
            let told = trouble.at.iter().any(|(at, _)| *at == number)
                || trouble.from.is_some_and(|(from, _)| from <= number);
            assert!(told, "{context}: another source: {injected}");
            let to_store = injected.call.is_stores();
            match &error {
                Error::Store(_) | Error::Unresolved(_) => assert!(to_store, "{context}: {text}"),
                Error::Directory(_) => assert!(!to_store && injected.call != Call::Fill, "{context}: {text}"),
                Error::Random(_) => assert_eq!(injected.call, Call::Fill, "{context}: {text}"),
                _ => panic!("{context}: {text}"),
            }
        }
    }

    sharing.store().gate.heal();
    match error {
        Error::Unresolved(unresolved) => {
            tally.unresolved += 1;
            trouble_goes_on(&sharing, &scene, clean, unresolved, &context);
            tally.resumed += 1;
        }
        Error::Contended => {
            assert!(commits > 1 || state == *first, "{context}: a change stands");
            tally.contended += 1;
        }
        _ => {
            // A failure that is no doubt says that nothing stands; messages can be acknowledged again.
            let is_acknowledged = clean.trace.contains(&Call::Acknowledge);
            assert!(commits > 1 || is_acknowledged || state == *first, "{context}: a change stands: {text}");
            tally.failed_untouched += 1;
        }
    }
    repeat(op, &scene, clean, &context);
    tally.repeated += 1;
}

/// Resumes while the store is down, and once more when it is up.
fn trouble_goes_on(sharing: &Sharing, scene: &Scene, clean: &Clean, unresolved: Unresolved, context: &str) {
    let before = scene.dump();
    Trouble { at: Vec::new(), from: Some((0, Kind::Fail)) }.befall(sharing);
    let unresolved = match block_on(sharing.resume(unresolved)) {
        Err(Error::Unresolved(unresolved)) => unresolved,
        other => panic!("{context}: nothing could be known, but {other:?}"),
    };
    assert_eq!(scene.dump(), before, "{context}");
    sharing.store().gate.heal();
    let resumed = block_on(sharing.resume(unresolved)).unwrap_or_else(|error| panic!("{context}: {error}"));
    let position = clean.states.iter().position(|state| *state == scene.dump());
    assert!(position.is_some_and(|position| position > 0), "{context}: it was not finished");
    if let Some(link) = resumed.answer {
        assert_eq!(format!("{link:?}"), clean.text, "{context}: another link than the one that was made");
        assert!(done(scene.process(9).visit(link.token.expose())).is_allowed(), "{context}");
    } else {
        assert!(!clean.trace.contains(&Call::Fill) || !clean.text.starts_with("NewLink"), "{context}");
    }
}

/// Repeats the operation without trouble: as if there had been none.
fn repeat(op: &Op, scene: &Scene, clean: &Clean, context: &str) {
    let before = scene.dump();
    let again = (op.run)(&scene.process(3), scene);
    let stood_already = before == *clean.states.last().expect("a state") && clean.states.len() > 1;
    match again {
        Ok(answer) if answer.token.is_some() && stood_already => {
            let token = answer.token.expect("a token");
            assert!(done(scene.process(9).visit(token.expose())).is_allowed(), "{context}");
        }
        Ok(_) => assert_eq!(scene.dump_without_chance(), clean.last, "{context}: repeated"),
        Err(Error::Refused(_)) if stood_already => assert_eq!(scene.dump(), before, "{context}: refused"),
        Err(error) => panic!("{context}: repeated: {error}"),
    }
}

/// Everything that can go wrong once or from some call on; and after a commit that went wrong, where the library goes
/// on, everything that can go wrong then.
fn troubles(trace: &[Call]) -> Vec<Trouble> {
    let mut all = Vec::new();
    let first_commit = trace.iter().position(|call| *call == Call::Commit).unwrap_or(trace.len());
    for number in 0..trace.len() {
        for kind in KINDS {
            all.push(Trouble { at: vec![(number, kind)], from: None });
            all.push(Trouble { at: Vec::new(), from: Some((number, kind)) });
            for other in KINDS.into_iter().filter(|_| number >= first_commit && kind != Kind::Fail) {
                let later = number + 1..trace.len() + 2;
                all.extend(
                    later.clone().map(|m| Trouble { at: vec![(number, kind), (m, other)], from: None }),
                );
                all.extend(later.map(|m| Trouble { at: vec![(number, kind)], from: Some((m, other)) }));
            }
        }
    }
    all
}

/// S1, G8, L2: whichever call fails, is lost or conflicts, for every call of every operation: nothing stands or the
/// whole change does, the answer is true, the error keeps its source and tells no token, an unresolved commit can be
/// resumed, and repeating the operation ends where it would have ended without trouble.
#[test]
fn whatever_call_fails_nothing_stands_or_the_whole_change_and_the_answer_is_true() {
    let mut tally = Tally::default();
    for op in commands() {
        let clean = clean(&op);
        assert!(clean.states.len() > 1, "{}: it changes something", op.name);
        for trouble in troubles(&clean.trace) {
            suffer(&op, &clean, &trouble, &mut tally);
        }
    }
    println!("{} operations: {tally:?}", commands().len());
    assert!(tally.runs > 3000 && tally.healed > 900 && tally.unresolved > 250, "too few: {tally:?}");
    assert!(tally.failed_untouched > 1500 && tally.contended > 200, "too few: {tally:?}");
}

/// D1, D6: whichever call of a question fails, it answers with an error that keeps its source, never with another
/// answer, and so allows nothing.
#[test]
fn a_question_whose_host_fails_is_an_error_and_allows_nothing() {
    let (mut runs, mut errors) = (0, 0);
    for op in questions() {
        let clean = clean(&op);
        assert_eq!(clean.states.len(), 1, "{}: it changes nothing", op.name);
        for trouble in troubles(&clean.trace) {
            let scene = Scene::new();
            let sharing = scene.process(2);
            trouble.befall(&sharing);
            runs += 1;
            match (op.run)(&sharing, &scene) {
                Ok(answer) => {
                    assert!(trouble.involves(Kind::Conflict), "{} with {trouble:?} answers", op.name);
                    assert_eq!(answer.text, clean.text);
                }
                Err(error) => {
                    let number = injected(&error).expect("the source is kept").number;
                    assert!(trouble.at.iter().chain(&trouble.from).any(|(at, _)| *at == number));
                    errors += 1;
                }
            }
            assert_eq!(scene.dump(), clean.states[0], "{}: it changed something", op.name);
        }
    }
    println!("{} questions, {runs} runs, {errors} errors", questions().len());
    assert!(errors >= 120);
}

/// Runs two operations one after the other: both answers, and what stands.
fn in_turn(first: &Op, first_seed: u64, second: &Op, second_seed: u64) -> (String, String, Dump) {
    let scene = Scene::new();
    let one = outcome((first.run)(&scene.process(first_seed), &scene));
    let two = outcome((second.run)(&scene.process(second_seed), &scene));
    (one, two, scene.dump())
}

fn alone(op: &Op) -> String {
    let scene = Scene::new();
    outcome((op.run)(&scene.process(4), &scene))
}

fn outcome(result: Result<scene::Answer, Error>) -> String {
    match result {
        Ok(answer) => answer.text,
        Err(error) => format!("{error:?}"),
    }
}

/// Runs an operation while another happens before or after its n-th call.
fn overtaken(op: &Op, other: &Arc<Op>, number: usize, after: bool) -> (String, String, Dump) {
    let scene = Arc::new(Scene::new());
    let sharing = scene.process(2);
    let others = Arc::new(Mutex::new(None));
    let (into, of, other) = (Arc::clone(&others), Arc::clone(&scene), Arc::clone(other));
    let mut hook: Option<Hook> = Some(Box::new(move || {
        *into.lock().expect("a place") = Some(outcome((other.run)(&of.process(4), &of)));
    }));
    sharing.store().gate.follow(move |n, _| match hook.take_if(|_| n == number) {
        Some(hook) if after => Fault::After(hook),
        Some(hook) => Fault::Before(hook),
        None => Fault::None,
    });
    let own = outcome((op.run)(&sharing, &scene));
    sharing.store().gate.heal();
    let others = others.lock().expect("a place").take().expect("the other ran");
    (own, others, scene.dump())
}

/// What found nothing left to do answers with the revision that it began with.
fn is_nothing_to_do(found: &(String, String, Dump), behind: &(String, String, Dump)) -> bool {
    let answer = |text: &str| text.split(", revision").next().map(str::to_owned);
    found.0.contains("answer: []") && answer(&found.0) == answer(&behind.0) && found.2 == behind.2
}

/// S1, L2, G8: whatever another person does before or after any call of an operation, both answers and all that
/// stands are as if the two had taken turns, in one order or the other; only a rotation that was overtaken by another
/// one says so.
#[test]
fn two_operations_at_once_end_as_if_they_had_taken_turns() {
    let others: Vec<Arc<Op>> = commands().into_iter().map(Arc::new).collect();
    let (mut runs, mut first, mut second, mut superseded, mut split) = (0, 0, 0, 0, 0);
    for op in commands() {
        let clean = clean(&op);
        for other in &others {
            let (one, two, state) = in_turn(&op, 2, other, 4);
            let before = (one, two, state);
            let (two, one, state) = in_turn(other, 4, &op, 2);
            let behind = (one, two, state);
            for (number, after) in (0..clean.trace.len()).flat_map(|n| [(n, false), (n, true)]) {
                let context = format!("{} at call {number} of {}, after: {after}", other.name, op.name);
                let found = overtaken(&op, other, number, after);
                runs += 1;
                if found == before {
                    first += 1;
                } else if found == behind || is_nothing_to_do(&found, &behind) {
                    second += 1;
                } else if clean.states.len() > 2 {
                    // Several dashboards are several commits: each is in turn for itself.
                    let in_turn = |(name, board): (&String, &Value)| {
                        before.2[name] == *board || behind.2[name] == *board
                    };
                    assert!(found.2.iter().all(in_turn), "{context}");
                    split += 1;
                } else {
                    assert!(
                        found.0.contains("Superseded") || found.0.contains("NoLink"),
                        "{context}: {}",
                        found.0
                    );
                    assert!(op.name.starts_with("rotate"), "{context}");
                    // It was overtaken before its commit, or in the time that its answer took.
                    let alone = alone(other);
                    assert!(found.1 == before.1 || found.1 == alone, "{context}: {}", found.1);
                    superseded += 1;
                }
            }
        }
    }
    println!("{runs} runs: {first} first, {second} second, {superseded} superseded, {split} several commits");
    assert!(runs > 4000 && first > 1000 && second > 1000 && superseded > 4);
}

/// D1, D6: a question that somebody's change overtakes answers as before it or as after it; a list that needs several
/// reads shows no grant that is not stored.
#[test]
fn a_question_during_a_change_answers_as_before_or_as_after() {
    let others: Vec<Arc<Op>> = commands().into_iter().map(Arc::new).collect();
    let (mut runs, mut mixed) = (0, BTreeMap::new());
    for op in questions() {
        let clean = clean(&op);
        for other in &others {
            let behind = in_turn(other, 4, &op, 2).1;
            for (number, after) in (0..clean.trace.len()).flat_map(|n| [(n, false), (n, true)]) {
                let (found, _, state) = overtaken(&op, other, number, after);
                runs += 1;
                if found == clean.text || found == behind {
                    continue;
                }
                assert!(
                    clean.trace.iter().filter(|call| call.is_stores()).count() > 1,
                    "{}: {found}",
                    op.name
                );
                *mixed.entry(op.name).or_insert(0) += 1;
                let stored = state[&BIG.to_string()]["grants"].to_string();
                let mut shown = found.split("GrantId(").skip(1).filter_map(|rest| rest.split(')').next());
                assert!(shown.all(|id| stored.contains(id)), "{} with {}: {found}", op.name, other.name);
            }
        }
    }
    println!("{runs} runs, between the two: {mixed:?}");
    assert!(runs > 1000);
}

/// What happens to which call of its kind, counted from 0.
type Mishap = (Call, usize, Kind);

/// How one rotation goes wrong: what happens at which of its calls after the randomness was drawn.
const MISHAPS: [(&str, &[Mishap]); 7] = [
    ("none", &[]),
    ("lost", &[(Call::Commit, 0, Kind::Lose)]),
    ("lost undone", &[(Call::Commit, 0, Kind::LoseUndone)]),
    ("conflict", &[(Call::Commit, 0, Kind::Conflict)]),
    ("lost, and so its receipt", &[(Call::Commit, 0, Kind::Lose), (Call::Receipt, 0, Kind::Lose)]),
    ("failed", &[(Call::Commit, 0, Kind::Fail)]),
    // As from a store that gives up a transaction of its own accord, whatever it holds already.
    (
        "lost, and then a conflict",
        &[(Call::Commit, 0, Kind::Lose), (Call::Receipt, 0, Kind::Lose), (Call::Commit, 1, Kind::Conflict)],
    ),
];

/// The mishap with which the store loses every answer and then comes back.
const DOWN: usize = MISHAPS.len();
/// The same, and nothing was done.
const DOWN_UNDONE: usize = MISHAPS.len() + 1;

fn befall(sharing: &Sharing, mishap: usize) {
    let mut seen: BTreeMap<Call, usize> = BTreeMap::new();
    sharing.store().gate.follow(move |_, call| {
        let nth = seen.entry(call).or_insert(0);
        *nth += 1;
        let lasting = matches!(call, Call::Commit | Call::Receipt);
        let hit = match MISHAPS.get(mishap) {
            Some((_, mishaps)) => {
                mishaps.iter().find(|(what, n, _)| (*what, *n + 1) == (call, *nth)).map(|m| m.2)
            }
            None if lasting && mishap == DOWN => Some(Kind::Lose),
            None if lasting => Some(Kind::LoseUndone),
            None => None,
        };
        hit.map_or(Fault::None, |kind| kind.fault(call))
    });
}

/// What became of one rotation, after it was resumed if it had to be.
type Fate = Result<NewLink, Error>;

struct Racer<'a> {
    future: Pin<Box<dyn Future<Output = Fate> + 'a>>,
    fate: Option<Fate>,
}

async fn rotate(sharing: &Sharing, resumed: &AtomicU64) -> Fate {
    match sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never).await {
        Err(Error::Unresolved(unresolved)) => {
            resumed.fetch_add(1, Ordering::Relaxed);
            sharing.store().gate.heal();
            Ok(sharing.resume(unresolved).await?.answer.expect("a rotation gives its link back"))
        }
        other => other,
    }
}

#[derive(Default, Debug)]
struct Races {
    schedules: usize,
    handed_out: usize,
    superseded: usize,
    failed: usize,
    resumed: u64,
}

/// Plays rotations against each other, one store call at a time, in the order that `schedule` says; returns how many
/// rotations could have been next at each step.
fn race(mishaps: &[usize], schedule: &[usize], races: &mut Races) -> Vec<usize> {
    let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
    let quiet = faulty::process(&store, &directory, scene::now(), 99);
    done(quiet.register(board(BIG), TenantId::from(1u64), account(OLGA)));
    let context = || format!("{mishaps:?} in the order {schedule:?}");
    let resumed = AtomicU64::new(0);
    let all: Vec<Sharing> = (1..)
        .zip(mishaps)
        .map(|(seed, mishap)| {
            let sharing = faulty::process(&store, &directory, scene::now(), seed);
            befall(&sharing, *mishap);
            sharing.store().gate.pace();
            sharing
        })
        .collect();
    let mut actors: Vec<Racer<'_>> =
        all.iter().map(|sharing| Racer { future: Box::pin(rotate(sharing, &resumed)), fate: None }).collect();
    let mut cx = Context::from_waker(Waker::noop());
    // Up to the first call to the store nothing can be seen from outside, but for the token being drawn.
    actors.iter_mut().for_each(|actor| assert!(actor.future.as_mut().poll(&mut cx).is_pending()));
    let tokens: Vec<LinkToken> =
        all.iter().map(|sharing| LinkToken::from_random(sharing.store().gate.drawn()[0])).collect();

    let mut widths = Vec::new();
    // The newest generation that was handed out.
    let mut newest = 0;
    loop {
        let open: Vec<usize> = (0..actors.len()).filter(|i| actors[*i].fate.is_none()).collect();
        let Some(next) = open.get(schedule.get(widths.len()).copied().unwrap_or(0)).copied() else { break };
        widths.push(open.len());
        if let Poll::Ready(fate) = actors[next].future.as_mut().poll(&mut cx) {
            actors[next].fate = Some(fate);
        }

        let head = done(store.read(board(BIG), &[], Freshness::Latest)).expect("a head").head;
        let opens: Vec<usize> =
            (0..tokens.len()).filter(|i| done(quiet.visit(tokens[*i].expose())).is_allowed()).collect();
        assert!(opens.len() <= 1, "{}: {opens:?} open at once", context());
        let standing = head.link.as_ref().map_or(0, |link| link.generation);
        assert!(newest <= standing, "{}: an older token came back", context());
        match &actors[next].fate {
            Some(Ok(link)) => {
                assert_eq!(link.token.digest(), tokens[next].digest(), "{}: another token", context());
                assert_eq!(link.generation, standing, "{}: dead on arrival", context());
                assert_eq!(opens, [next], "{}: dead on arrival", context());
                newest = link.generation;
                races.handed_out += 1;
            }
            Some(Err(Error::Refused(Refusal::Superseded))) => {
                assert!(!opens.contains(&next) && standing > 0, "{}: superseded by nothing", context());
                races.superseded += 1;
            }
            Some(Err(Error::Store(_))) => {
                assert!(!opens.contains(&next), "{}: failed, and its token opens", context());
                assert_eq!(MISHAPS[mishaps[next]].0, "failed");
                races.failed += 1;
            }
            Some(Err(error)) => panic!("{}: {error}", context()),
            None => {}
        }
    }
    // The link that stands was handed out: none that won is lost.
    let head = done(store.read(board(BIG), &[], Freshness::Latest)).expect("a head").head;
    let won = |actor: &Racer<'_>| matches!(&actor.fate, Some(Ok(link)) if Some(link.token.digest()) == head.link.as_ref().map(|l| l.digest));
    let all_failed = mishaps.iter().all(|mishap| MISHAPS.get(*mishap).is_some_and(|m| m.0 == "failed"));
    assert!(
        all_failed || actors.iter().any(won),
        "{}: nobody has the token of the link that stands",
        context()
    );
    races.schedules += 1;
    races.resumed += resumed.load(Ordering::Relaxed);
    widths
}

/// Every order of the rotations' calls to the store, until none is left.
fn every_race(mishaps: &[usize], races: &mut Races) {
    let mut schedule: Vec<usize> = Vec::new();
    loop {
        let widths = race(mishaps, &schedule, races);
        assert!(races.schedules < 200_000, "rotations go on and on");
        schedule.resize(widths.len(), 0);
        // The last step that has an order left takes it.
        while let Some(choice) = schedule.pop() {
            if choice + 1 < widths[schedule.len()] {
                schedule.push(choice + 1);
                break;
            }
        }
        if schedule.is_empty() {
            return;
        }
    }
}

/// L2: in every interleaving of two rotations, whatever happens to the answers of each: at every moment at most one
/// token opens, a token that is handed out opens, an older one never opens again, the loser learns that it lost, and
/// the token of the link that stands was handed out to its maker, if need be by `resume`.
#[test]
fn of_two_concurrent_rotations_one_wins_whatever_answers_are_lost() {
    let mut races = Races::default();
    for one in 0..=DOWN_UNDONE {
        for two in 0..=DOWN_UNDONE {
            if one.max(two) < DOWN || one == 0 || two == 0 {
                every_race(&[one, two], &mut races);
            }
        }
    }
    println!("{races:?}");
    assert!(races.schedules > 2000 && races.superseded > 500 && races.resumed > 500, "too few: {races:?}");
}

/// L2: the same for every interleaving of three rotations.
#[test]
fn of_three_concurrent_rotations_one_wins_whatever_answers_are_lost() {
    let mut races = Races::default();
    for mishaps in [[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0], [4, 0, 0], [1, 1, 0]] {
        every_race(&mishaps, &mut races);
    }
    println!("{races:?}");
    assert!(races.schedules > 10_000 && races.superseded > 5000, "too few: {races:?}");
}

/// L2: a link that was withdrawn, or whose dashboard was deleted, before its rotation returned is not handed out.
#[test]
fn a_link_that_is_gone_before_its_rotation_returns_is_not_handed_out() {
    for name in ["withdraw", "delete a dashboard"] {
        let scene = Arc::new(Scene::new());
        let sharing = scene.process(2);
        let (of, op) =
            (Arc::clone(&scene), commands().into_iter().find(|op| op.name == name).expect("an operation"));
        let mut hook: Option<Hook> = Some(Box::new(move || drop(outcome((op.run)(&of.process(4), &of)))));
        sharing.store().gate.follow(move |_, call| match hook.take_if(|_| call == Call::Commit) {
            Some(hook) => Fault::After(hook),
            None => Fault::None,
        });
        let rotated = block_on(sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never));
        assert!(matches!(rotated, Err(Error::Refused(Refusal::NoLink))), "{name}: {rotated:?}");
    }
}

/// Counts down when a rotator leaves, also by a panic, so that nobody visits for ever.
struct Leaving<'a>(&'a AtomicU64);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A visit as its visitor saw it.
struct Visit {
    began: u64,
    generation: u64,
    allowed: bool,
}

/// L2: after a rotation returned, no visit that starts later accepts an older token; with threads, rotations and
/// visits all at once, judged afterwards by a count that every event advances.
#[test]
fn after_a_rotation_returned_no_visit_that_starts_later_accepts_an_older_token() {
    const ROTATORS: usize = 3;
    const VISITORS: usize = 3;
    const ROTATIONS: usize = 400;
    const VISITS: usize = 100_000;
    let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
    let quiet = faulty::process(&store, &directory, scene::now(), 99);
    done(quiet.register(board(BIG), TenantId::from(1u64), account(OLGA)));
    let events = AtomicU64::new(0);
    let event = || events.fetch_add(1, Ordering::SeqCst);
    // Every token that was handed out, oldest first, and how many rotators are still at it.
    let tokens: Mutex<Vec<(u64, String)>> = Mutex::default();
    let rotating = AtomicU64::new(ROTATORS as u64);

    let rotator = |seed: u64| {
        let _leaving = Leaving(&rotating);
        let sharing = faulty::process(&store, &directory, scene::now(), seed);
        // Gives way between reading and writing, so that rotations overlap on few cores too.
        sharing.store().gate.follow(|_, call| match call {
            Call::Commit => Fault::Before(Box::new(thread::yield_now)),
            _ => Fault::None,
        });
        let (mut returned, mut superseded) = (Vec::new(), 0u32);
        while returned.len() < ROTATIONS {
            match block_on(sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never)) {
                Ok(link) => {
                    returned.push((link.generation, event()));
                    let told = (link.generation, link.token.expose().to_owned());
                    tokens.lock().expect("a list").push(told);
                }
                Err(Error::Refused(Refusal::Superseded)) => superseded += 1,
                Err(error) => panic!("{error}"),
            }
        }
        (returned, superseded)
    };
    let visitor = |seed: u64| {
        let sharing = faulty::process(&store, &directory, scene::now(), seed);
        let mut visits = Vec::new();
        let mut turn = 0;
        while rotating.load(Ordering::SeqCst) > 0 && visits.len() < VISITS {
            turn = (turn + 1) % 4;
            let known = tokens.lock().expect("a list");
            let Some((generation, token)) = known.iter().rev().nth(turn).cloned() else { continue };
            drop(known);
            let began = event();
            let allowed = done(sharing.visit(&token)).is_allowed();
            visits.push(Visit { began, generation, allowed });
        }
        visits
    };
    let (rotations, visits) = thread::scope(|scope| {
        let (rotator, visitor) = (&rotator, &visitor);
        let rotators: Vec<_> = (0..ROTATORS).map(|i| scope.spawn(move || rotator(i as u64))).collect();
        let visitors: Vec<_> = (0..VISITORS).map(|i| scope.spawn(move || visitor(50 + i as u64))).collect();
        let rotations: Vec<_> = rotators.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        let visits = visitors.into_iter().flat_map(|thread| thread.join().expect("no panic"));
        (rotations, visits.collect::<Vec<Visit>>())
    });

    let superseded: u32 = rotations.iter().map(|(_, superseded)| superseded).sum();
    let mut returned: Vec<(u64, u64)> =
        rotations.into_iter().flat_map(|(returned, _)| returned).map(|(g, at)| (at, g)).collect();
    returned.sort_unstable();
    // The newest generation that had been returned by each event.
    let newest: Vec<(u64, u64)> = returned
        .iter()
        .scan(0, |newest, (at, generation)| {
            *newest = (*newest).max(*generation);
            Some((*at, *newest))
        })
        .collect();
    let mut allowed = 0;
    for visit in &visits {
        let before = newest.partition_point(|(at, _)| *at < visit.began);
        let standing = before.checked_sub(1).map_or(0, |last| newest[last].1);
        assert!(
            !visit.allowed || visit.generation >= standing,
            "generation {} was accepted after {standing} had been returned",
            visit.generation
        );
        allowed += usize::from(visit.allowed);
    }
    let head = done(store.read(board(BIG), &[], Freshness::Latest)).expect("a head").head;
    let last = head.link.as_ref().expect("a link");
    let tokens = tokens.into_inner().expect("a list");
    let (_, token) =
        tokens.iter().find(|(generation, _)| *generation == last.generation).expect("handed out");
    assert!(done(quiet.visit(token)).is_allowed(), "the newest token was handed out and opens");
    println!(
        "{} rotations, {superseded} superseded, {} visits, {allowed} allowed",
        returned.len(),
        visits.len()
    );
    assert_eq!(returned.len(), ROTATORS * ROTATIONS);
    assert!(visits.len() > 1000 && allowed > 50 && allowed < visits.len());
}
