//! Hosts fail: every call of every operation fails, is lost, conflicts or is overtaken, one at a time, two at a time,
//! and from some call on. What stands afterwards is nothing or the whole change, and what was answered is true.

use crate::support::faulty::{self, Call, Fault, Hook, Sharing};
use crate::support::plans::{Dump, Kind, Tally, ask, clean, suffer, troubles};
use crate::support::scene::{self, BIG, OLGA, Op, Scene, account, board, commands, done, questions};
use dashshare::{
    Done, EmailAddress, Error, Expiry, Holder, LinkToken, MemoryDirectory, MemoryStore, NewShare, Refusal,
    Rights, Rotated, TenantId,
    questions::Page,
    store::{Freshness, Store as _},
};
use pollster::block_on;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

fn held<T>(outcome: Result<T, String>) -> T {
    outcome.unwrap_or_else(|broken| panic!("{broken}"))
}

/// S1, G8, L2: whichever call fails, is lost or conflicts, for every call of every operation: nothing stands or the
/// whole change does, the answer is true, the error keeps its source and tells no token, an unresolved commit can be
/// resumed, and repeating the operation ends where it would have ended without trouble.
#[test]
fn whatever_call_fails_nothing_stands_or_the_whole_change_and_the_answer_is_true() {
    let mut tally = Tally::default();
    for op in commands() {
        let clean = held(clean(&op, &Scene::new));
        assert!(clean.states.len() > 1, "{}: it changes something", op.name);
        for trouble in troubles(&clean.trace) {
            held(suffer(&op, &clean, &trouble, &Scene::new, &mut tally));
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
    let (mut runs, mut errors) = (0, 0u64);
    for op in questions() {
        let clean = held(clean(&op, &Scene::new));
        assert_eq!(clean.states.len(), 1, "{}: it changes nothing", op.name);
        for trouble in troubles(&clean.trace) {
            runs += 1;
            errors += u64::from(held(ask(&op, &clean, &trouble, &Scene::new)));
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

/// A dump in which what fell with a withdrawal was listed right after it. It is a step of its own, and others may come
/// between (G21).
fn in_order(dump: &Dump) -> Dump {
    let mut dump = dump.clone();
    for board in dump.values_mut() {
        let Some(records) = board["audit"].as_array() else { continue };
        let with = |record: &Value| record["event"]["fell"]["with"].as_u64();
        // A list that turns out to be empty, since somebody else has ended all of it meanwhile, is as good as none.
        let is_empty = |record: &Value| {
            let fell = record["fell"].as_array().is_none_or(Vec::is_empty);
            with(record).is_some() && fell && record["link_fell"].is_null()
        };
        let mut sorted: Vec<&Value> = records.iter().filter(|record| !is_empty(record)).collect();
        sorted.sort_by_key(|record| (with(record).or(record["revision"].as_u64()), with(record).is_some()));
        let place: BTreeMap<u64, usize> = sorted
            .iter()
            .zip(1..)
            .map(|(record, place)| (record["revision"].as_u64().unwrap_or(0), place))
            .collect();
        let mut records: Vec<Value> = sorted.into_iter().cloned().collect();
        for record in &mut records {
            renumber(&mut record["revision"], &place);
            if record["event"]["fell"].is_object() {
                renumber(&mut record["event"]["fell"]["with"], &place);
            }
        }
        if board["head"].is_object() {
            board["head"]["revision"] = Value::from(records.len());
        }
        board["audit"] = Value::Array(records);
        let mut messages = board["outbox"].as_array().cloned().unwrap_or_default();
        for message in &mut messages {
            renumber(&mut message["id"]["revision"], &place);
        }
        // Messages of one commit are in no order that means anything.
        messages.sort_by_key(|message| (message["id"]["revision"].as_u64(), message["message"].to_string()));
        for (place, message) in messages.iter_mut().enumerate() {
            message["id"]["index"] = Value::from(place);
        }
        board["outbox"] = Value::Array(messages);
    }
    dump
}

/// Where two dumps begin to differ, with some of what stands around it.
fn first_difference(one: &Dump, other: &Dump) -> String {
    let (one, other) = (format!("{one:?}"), format!("{other:?}"));
    let at = one.bytes().zip(other.bytes()).position(|(one, other)| one != other).unwrap_or(0);
    let around = |text: &str| text.chars().skip(at.saturating_sub(150)).take(300).collect::<String>();
    format!("\n  {}\n  {}", around(&one), around(&other))
}

fn renumber(revision: &mut Value, place: &BTreeMap<u64, usize>) {
    if let Some(place) = revision.as_u64().and_then(|number| place.get(&number)) {
        *revision = Value::from(*place);
    }
}

/// Both answers without the revisions that they name, and what stands in order.
fn without_revisions((one, two, dump): &(String, String, Dump)) -> (String, String, Dump) {
    let bare = |text: &str| {
        let mut parts = text.split("Revision(");
        let first = parts.next().unwrap_or_default().to_owned();
        first + &parts.map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect::<String>()
    };
    // While it is to be listed what fell, everybody else's instants come behind.
    let at_once =
        |text: String| text.replace("12:00:00.000001Z", "12:00:00Z").replace("12:00:00.000002Z", "12:00:00Z");
    let text = at_once(serde_json::to_string(&in_order(dump)).expect("JSON"));
    (at_once(bare(one)), at_once(bare(two)), serde_json::from_str(&text).expect("JSON"))
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
    let (mut runs, mut first, mut second, mut between, mut superseded, mut split) = (0, 0, 0, 0, 0, 0);
    for op in commands() {
        let clean = held(clean(&op, &Scene::new));
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
                } else if [&before, &behind].map(without_revisions).contains(&without_revisions(&found)) {
                    between += 1;
                } else if op.name == "remind" {
                    // Whom the policies are asked of is read before: whoever comes meanwhile is told the next time.
                    between += 1;
                } else if clean.states.len() > 2 {
                    // Several dashboards are several commits: each is in turn for itself.
                    let in_turn = |(name, board): (&String, &Value)| {
                        before.2[name] == *board || behind.2[name] == *board
                    };
                    let differs =
                        || first_difference(&without_revisions(&found).2, &without_revisions(&behind).2);
                    assert!(found.2.iter().all(in_turn), "{context}: {}", differs());
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
    println!(
        "{runs} runs: {first} first, {second} second, {between} between, {superseded} superseded, {split} several commits"
    );
    assert!(runs > 4000 && first > 1000 && second > 1000 && superseded > 4);
}

/// D1, D6: a question that somebody's change overtakes answers as before it or as after it; a list that needs several
/// reads shows no grant that is not stored.
#[test]
fn a_question_during_a_change_answers_as_before_or_as_after() {
    let others: Vec<Arc<Op>> = commands().into_iter().map(Arc::new).collect();
    let (mut runs, mut mixed) = (0, BTreeMap::new());
    for op in questions() {
        let clean = held(clean(&op, &Scene::new));
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
type Fate = Result<Done<Rotated>, Error>;

struct Racer<'a> {
    future: Pin<Box<dyn Future<Output = Fate> + 'a>>,
    fate: Option<Fate>,
}

async fn rotate(sharing: &Sharing, resumed: &AtomicU64) -> Fate {
    match sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never).await {
        Err(Error::Unresolved(unresolved)) => {
            resumed.fetch_add(1, Ordering::Relaxed);
            sharing.store().gate.heal();
            let Done { answer, dashboard, revision } = sharing.resume(unresolved).await?;
            let answer = answer.expect("a rotation gives its link back");
            Ok(Done { answer, dashboard, revision })
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

/// Dan gave two offers and owns nothing any more; he holds two dashboards, was offered a third, and his address is invited
/// to a fourth.
fn leaving() -> Scene {
    let scene = Scene::new();
    let sharing = scene.process(4);
    let (dan, olga, template) = (account(scene::DAN), account(OLGA), scene::template());
    done(sharing.register(board(20), TenantId::from(1u64), dan));
    for clone in [21, 22] {
        done(sharing.offer(dan, board(20), scene::offer(account(scene::ANN), clone, &template)));
    }
    done(sharing.transfer(board(20), olga, Rights::NONE));
    let terms = scene::terms(Rights::VIEW, false, Expiry::Never);
    done(sharing.share(olga, board(scene::PAUSED), NewShare::with(dans_address(), terms)));
    scene.directory.verify_email(dan, dans_address(), scene::now());
    scene
}

fn dans_address() -> EmailAddress {
    scene::address("dan@example.com")
}

/// How much there is that deleting Dan has to end.
fn left_of_dan(scene: &Scene) -> usize {
    let dan = account(scene::DAN);
    let held = |holder: Holder| {
        let held = done(scene.store.held(&holder, None, 99));
        held.iter().filter(|held| held.chains[0][0].revoked.is_none()).count()
    };
    let made = done(scene.process(7).offers_made(dan, Page::first(9))).len();
    made + held(dan.into()) + held(dans_address().into())
}

/// G19, G22: what fails on one dashboard, or about one offer, keeps nothing else of an account from ending. The first error
/// is told, and a repeat ends what is left.
#[test]
fn deleting_an_account_goes_on_after_what_fails() {
    let world = leaving();
    assert_eq!(left_of_dan(&world), 6);
    let sharing = world.process(5);
    sharing.store().gate.heal();
    assert_eq!(done(sharing.delete_account(account(scene::DAN))).len(), 4);
    let trace = sharing.store().gate.trace();
    assert_eq!(left_of_dan(&world), 0);
    let calls = |wanted: Call| {
        let found = trace.iter().enumerate().filter(move |(_, call)| **call == wanted);
        found.map(|(number, _)| number).collect::<Vec<usize>>()
    };
    let (commits, asked) = (calls(Call::Commit), calls(Call::Account));
    assert_eq!((commits.len(), asked.len()), (6, 1), "{trace:?}");
    let alone = commits.iter().chain(&asked).map(|number| vec![*number]);
    for failing in alone.chain([commits.clone()]) {
        let world = leaving();
        let sharing = world.process(5);
        let plan = failing.clone();
        sharing.store().gate.follow(
            move |number, _| {
                if plan.contains(&number) { Fault::Fail } else { Fault::None }
            },
        );
        let error = block_on(sharing.delete_account(account(scene::DAN))).expect_err("something failed");
        assert!(error.to_string().contains(&format!("injected at call {}", failing[0])), "{error}");
        sharing.store().gate.heal();
        let left = left_of_dan(&world);
        // A commit that fails takes fewer calls, so that of all the later ones some come through.
        assert!(if failing.len() == 1 { left == 1 } else { left > 1 }, "{left} with {failing:?}");
        done(sharing.delete_account(account(scene::DAN)));
        assert_eq!(left_of_dan(&world), 0, "{failing:?}");
    }
}

/// I3, G22: a dashboard on which a claim fails keeps no other from being claimed; a repeat answers for all.
#[test]
fn claiming_goes_on_after_what_fails() {
    let eve = scene::address("eve@example.com");
    let claimed = |sharing: &Sharing| {
        let claimed = done(sharing.claim(account(scene::EVE), &eve));
        claimed.into_iter().map(|done| (done.dashboard, done.answer.grants)).collect::<Vec<_>>()
    };
    let world = Scene::new();
    let sharing = world.process(5);
    sharing.store().gate.heal();
    let clean = claimed(&sharing).len();
    assert_eq!(clean, 2);
    let trace = sharing.store().gate.trace();
    for (number, _) in trace.iter().enumerate().filter(|(_, call)| **call == Call::Commit) {
        let world = Scene::new();
        let sharing = world.process(5);
        sharing.store().gate.follow(move |at, _| if at == number { Fault::Fail } else { Fault::None });
        let error = block_on(sharing.claim(account(scene::EVE), &eve)).expect_err("a commit failed");
        assert!(matches!(error, Error::Store(_)), "{error}");
        let shared = done(sharing.shared_with(account(scene::EVE), Page::first(9)));
        assert_eq!(shared.len(), 1, "the other one is claimed");
        let again = claimed(&sharing);
        assert_eq!(again.len(), clean);
    }
}
