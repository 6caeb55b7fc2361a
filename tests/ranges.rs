//! Questions for data along a path of two locks, through the door that hosts use, against the rules as the model of
//! `locks/model.rs` says them: which instants are admitted, how long a range may be, and what is read where none is given.

use crate::{
    locks::{
        chance::{self, at},
        model::{Datum, Model, common},
    },
    policies::world::{self, Dice},
};
use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Error, Expiry, FixedEnv, Lock, MemoryDirectory, MemoryStore,
    NewShare, Refusal, Rights, TenantId, Terms, Timestamp,
    explain::Denial,
    lock::{Query, Range, ReadKind, Span, Unit},
    policy::Resource,
    questions::Admitted,
};
use pollster::block_on;
use std::collections::BTreeMap;

type Bounds = (Option<i64>, Option<i64>);

const OLGA: u64 = 1;
const ANN: u64 = 2;
const BOB: u64 = 3;

struct World {
    sharing: Dashshare<MemoryStore, MemoryDirectory, FixedEnv>,
    boards: u64,
}

/// What was answered: one piece, or why there is none.
type Answer = Result<Bounds, Denial>;

impl World {
    fn new(now: i64) -> Self {
        let sharing =
            Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(at(now), 1));
        for account in [OLGA, ANN, BOB] {
            sharing.directory().add_account(AccountId::from(account));
        }
        Self { sharing, boards: 0 }
    }

    /// A dashboard that Olga shares with Ann under one lock, and Ann with Bob under another.
    fn shared(&mut self, above: &Lock, below: &Lock, datum: &Datum) -> Result<DashboardId, Refusal> {
        self.boards += 1;
        let board = DashboardId::from(self.boards);
        let tags = datum.tags.iter();
        let device = tags.fold(Resource::new("device", datum.device), |device, (key, value)| {
            device.with_tag(*key, *value)
        });
        self.sharing.directory().add_device(board, device);
        block_on(self.sharing.register(board, TenantId::from(1u64), AccountId::from(OLGA)))
            .expect("registered");
        let give = |by: u64, to: u64, lock: &Lock| {
            let terms = Terms::of(Rights::VIEW, Expiry::Never).reshare(true).locked(lock.clone());
            let done = block_on(self.sharing.share(
                AccountId::from(by),
                board,
                NewShare::with(AccountId::from(to), terms),
            ));
            match done {
                Ok(_) => Ok(()),
                Err(Error::Refused(refusal)) => Err(refusal),
                Err(other) => panic!("{other}"),
            }
        };
        give(OLGA, ANN, above)?;
        give(ANN, BOB, below)?;
        Ok(board)
    }

    fn admit(&self, board: DashboardId, query: &Query) -> Result<Admitted, Denial> {
        let bob = AccountId::from(BOB);
        let decision = block_on(self.sharing.authorize(bob, board, Action::View)).expect("decided");
        let admitted = block_on(self.sharing.admit(&decision, query)).expect("no store fails");
        admitted.map_err(|denied| denied.denial().clone())
    }

    fn ask(&self, board: DashboardId, query: &Query) -> Answer {
        self.admit(board, query).map(|admitted| {
            let [piece] = admitted.pieces() else { panic!("one grant, and {:?}", admitted.pieces()) };
            (piece.range.from.map(Timestamp::micros), piece.range.until.map(Timestamp::micros))
        })
    }
}

/// What the rules say of a question without its range.
#[derive(PartialEq, Eq, Debug)]
enum Fate {
    NotShown,
    NotApplied,
    NotChosen,
    Shown,
}

fn fate(both: &Model, datum: &Datum) -> Fate {
    if !both.names(datum) {
        Fate::NotShown
    } else if both.values(datum) {
        Fate::Shown
    } else if both.sets().keys().all(|name| datum.applies.contains(name)) {
        Fate::NotChosen
    } else {
        Fate::NotApplied
    }
}

fn intersection(a: Bounds, b: Option<Bounds>) -> Option<Bounds> {
    b.and_then(|b| common(&[a, b]))
}

/// K10 and K16 for a question that gives a range, or one side of it: the other is the window's.
fn of_asked(both: &Model, asked: Bounds, now: i64) -> Result<Option<Bounds>, ()> {
    let instants = both.instants(now);
    let window = common(&instants);
    if !both.has_longest() {
        return Ok(intersection(asked, window));
    }
    let (first, last) =
        (instants.iter().filter_map(|it| it.0).max(), instants.iter().filter_map(|it| it.1).min());
    let from = asked.0.or(first).unwrap_or(Timestamp::MIN.micros());
    let until = asked.1.or(last).unwrap_or(now.max(from));
    if both.allows(from, until) { Ok(intersection((Some(from), Some(until)), window)) } else { Err(()) }
}

/// K10 for a question without a range: what was found is the window, or the newest part of it that may be asked for.
fn is_newest(both: &Model, found: Option<Bounds>, now: i64) -> Result<&'static str, String> {
    let instants = both.instants(now);
    let window = common(&instants);
    let fits = match window {
        Some((Some(from), Some(until))) => both.allows(from, until),
        _ => false,
    };
    if !both.has_longest() || fits || window.is_none() {
        return if found == window { Ok("the window") } else { Err(format!("{window:?} is the window")) };
    }
    let last = instants.iter().filter_map(|it| it.1).min();
    let until = last.map_or(now, |last| last.min(now));
    let first = instants.iter().filter_map(|it| it.0).max();
    if first.is_some_and(|first| first >= until) {
        return if found.is_none() {
            Ok("a window in the future")
        } else {
            Err("it lies in the future".to_owned())
        };
    }
    match found {
        Some((Some(from), Some(end))) if end == until => {
            if !both.allows(from, until) {
                Err("it may not be asked for".to_owned())
            } else if first == Some(from) {
                Ok("as far as the window goes")
            } else if first.is_some_and(|first| from < first) || both.allows(from - 1, until) {
                Err("it could begin elsewhere".to_owned())
            } else {
                Ok("the newest part")
            }
        }
        _ => Err(format!("it ends at {until}")),
    }
}

/// K2, K5, K10, K12, K13, K16; traps TA8, TA11, TA12 and TA27: what a path of two random locks leaves of a random question is
/// what the rules say, to the microsecond.
#[test]
fn a_path_of_locks_leaves_what_the_rules_say() {
    const PATHS: u64 = 4_000;
    let seed = world::seed();
    let mut seen = BTreeMap::<&str, u32>::new();
    for path in 0..PATHS {
        let mut dice = Dice::new(seed.wrapping_add(path) ^ 0x10c5);
        let whence = format!("path {path} of DASHSHARE_SEED={seed}");
        let now = chance::now(&mut dice);
        let (above, below) = (chance::lock(&mut dice, now), chance::lock(&mut dice, now));
        let both = above.meet(&below);
        let datum = chance::fitting(&mut dice, &both, now);
        let (said_above, said_below) = (above.said(), below.said());
        let whence = format!("{said_above} above {said_below} as of {}: {datum:?}: {whence}", at(now));
        let mut world = World::new(now);
        let board = match world.shared(&said_above, &said_below, &datum) {
            Err(refusal) => {
                assert!(both.canonical().is_empty(), "{refusal}: {whence}");
                *seen.entry("refused as empty").or_default() += 1;
                continue;
            }
            Ok(board) => board,
        };
        assert!(!both.canonical().is_empty(), "{whence}");
        for _ in 0..3 {
            let asked = chance::asked(&mut dice, now);
            let range = Range { from: asked.0.map(at), until: asked.1.map(at) };
            if range.is_empty() {
                continue;
            }
            let answer = world.ask(board, &datum.asked().within(range));
            *seen.entry(judged(&both, &datum, asked, now, answer, &whence)).or_default() += 1;
        }
    }
    println!("{seen:#?}");
    for (what, least) in [
        ("refused as empty", 200),
        ("not shown", 200),
        ("not applied", 50),
        ("not chosen", 50),
        ("too long", 50),
        ("outside", 100),
        ("a piece", 200),
        ("the window", 100),
        ("as far as the window goes", 1),
        ("the newest part", 50),
    ] {
        let times = seen.get(what).copied().unwrap_or(0);
        assert!(times >= least, "`{what}` happened {times} times");
    }
}

fn judged(
    both: &Model,
    datum: &Datum,
    asked: Bounds,
    now: i64,
    answer: Answer,
    whence: &str,
) -> &'static str {
    let whence = format!("asked for {asked:?}, answered {answer:?}: {whence}");
    match (fate(both, datum), &answer) {
        (Fate::NotShown, Err(Denial::DeviceNotShown(_))) => return "not shown",
        (Fate::NotApplied, Err(Denial::ParameterNotApplied { .. } | Denial::ParameterNotChosen { .. })) => {
            return "not applied";
        }
        (Fate::NotChosen, Err(Denial::ParameterNotChosen { .. })) => return "not chosen",
        (Fate::Shown, _) => {}
        (other, _) => panic!("{other:?} {whence}"),
    }
    let found = match &answer {
        Ok(piece) => Some(*piece),
        Err(Denial::OutsideWindow { .. }) => None,
        Err(Denial::RangeTooLong { .. }) => {
            assert_eq!(of_asked(both, asked, now), Err(()), "{whence}");
            return "too long";
        }
        Err(_) => panic!("{whence}"),
    };
    if asked == (None, None) {
        return is_newest(both, found, now).unwrap_or_else(|why| panic!("{why}: {whence}"));
    }
    assert_eq!(of_asked(both, asked, now), Ok(found), "{whence}");
    if found.is_some() { "a piece" } else { "outside" }
}

fn open_datum() -> Datum {
    Datum {
        device: "p1",
        tags: Vec::new(),
        variable: "temp",
        instant: 0,
        values: Default::default(),
        applies: Default::default(),
    }
}

fn temp() -> Query {
    Query::new(ReadKind::Series, "p1", "temp")
}

fn span(text: &str) -> Span {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// K10: a range that is too long is denied with the limit and never shortened; one that is as long as allowed is not.
#[test]
fn a_range_that_is_too_long_is_denied() {
    let now: Timestamp = "2026-02-28T12:00:00Z".parse().expect("an instant");
    let mut world = World::new(now.micros());
    let lock = Lock::NONE.max_range(span("1d"));
    let board = world.shared(&lock, &Lock::NONE, &open_datum()).expect("shared");
    let day_before = now.plus_micros(-86_400_000_000);
    let day = world.ask(board, &temp().between(day_before, now)).expect("a day may be asked for");
    assert_eq!(day, (Some(day_before.micros()), Some(now.micros())));
    for (from, until) in [(day_before.plus_micros(-1), now), (day_before, now.plus_micros(1))] {
        match world.ask(board, &temp().between(from, until)) {
            Err(Denial::RangeTooLong { limit }) => assert_eq!(limit.exact(), Some(span("24h"))),
            other => panic!("{other:?}"),
        }
    }
}

/// K10, K12: what is read where no range is asked for may be asked for under both of a path's limits at once, also where the
/// day of a month is clamped and the later of their two beginnings suits only one.
#[test]
fn the_newest_part_suits_every_limit_of_the_path() {
    let now: Timestamp = "2026-02-28T12:00:00Z".parse().expect("an instant");
    let month = Lock::NONE.max_range_whole(1, Unit::Month, "UTC".parse().expect("a zone"));
    for (above, below) in
        [(Lock::NONE.max_range(span("732h")), month.clone()), (month, Lock::NONE.max_range(span("732h")))]
    {
        let mut world = World::new(now.micros());
        let board = world.shared(&above, &below, &open_datum()).expect("shared");
        let (from, until) = world.ask(board, &temp()).expect("the newest part");
        let (from, until) = (at(from.expect("a beginning")), at(until.expect("an end")));
        assert_eq!(until, now);
        let again = world.ask(board, &temp().between(from, until)).expect("what was read may be asked for");
        assert_eq!(again, (Some(from.micros()), Some(until.micros())));
        let longer = world.ask(board, &temp().between(from.plus_micros(-1), until));
        assert!(matches!(longer, Err(Denial::RangeTooLong { .. })), "{longer:?}");
    }
}

/// K10, K16: a window that is as long as a range may be is read whole, and the answer says so; of a longer one it says that
/// it was cut.
#[test]
fn a_window_that_may_be_asked_for_is_not_cut() {
    let now: Timestamp = "2026-02-28T12:00:00Z".parse().expect("an instant");
    for (last, is_cut) in [("23h", false), ("1d", false), ("1441m", true)] {
        let mut world = World::new(now.micros());
        let (above, below) = (Lock::NONE.max_range(span("1d")), Lock::NONE.last(span(last)));
        let board = world.shared(&above, &below, &open_datum()).expect("shared");
        let admitted = world.admit(board, &temp()).expect("it is shown");
        assert_eq!(admitted.is_cut(), is_cut, "{last}");
        let from = admitted.pieces()[0].range.from.expect("a beginning");
        assert_eq!(from, now.plus_micros(-span(last).micros().min(span("1d").micros())));
    }
}
