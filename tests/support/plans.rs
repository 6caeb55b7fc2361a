//! Plans of what goes wrong when, and what has to hold whatever goes wrong: the same for every store.

use crate::support::{
    faulty::{Call, Fault, Hook, Injected, Sharing},
    scene::{Op, Scene, done},
};
use dashshare::{Error, LinkToken, Unresolved};
use pollster::block_on;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    error::Error as _,
    sync::{Arc, Mutex},
};

macro_rules! ensure {
    ($holds:expr, $($told:tt)+) => {
        if !$holds {
            return Err(format!($($told)+));
        }
    };
}

macro_rules! ensure_eq {
    ($one:expr, $other:expr, $($told:tt)+) => {
        match (&$one, &$other) {
            (one, other) => ensure!(one == other, "{}:\n{one:?}\n{other:?}", format!($($told)+)),
        }
    };
}

pub(crate) type Dump = BTreeMap<String, Value>;

/// How a call goes wrong without anybody else's doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Fail,
    Lose,
    LoseUndone,
    Conflict,
    /// A commit is done and the answer says that it failed. Only planted: no plan has it.
    FalseFailure,
    /// The same, and the answer says that it conflicts.
    FalseConflict,
}

const KINDS: [Kind; 4] = [Kind::Fail, Kind::Lose, Kind::LoseUndone, Kind::Conflict];

impl Kind {
    pub(crate) fn fault(self, call: Call) -> Fault {
        match self {
            Self::Fail => Fault::Fail,
            Self::Lose => Fault::Lose,
            Self::LoseUndone => Fault::LoseUndone,
            // Nothing else can conflict.
            Self::Conflict if call == Call::Commit => Fault::Conflict,
            Self::FalseFailure if call == Call::Commit => Fault::FalseFailure,
            Self::FalseConflict if call == Call::Commit => Fault::FalseConflict,
            Self::Conflict | Self::FalseFailure | Self::FalseConflict => Fault::None,
        }
    }
}

/// What goes wrong at which call, and from which call on everything does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) at: Vec<(usize, Kind)>,
    pub(crate) from: Option<(usize, Kind)>,
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

    pub(crate) fn is_single(&self) -> bool {
        self.from.is_none() && self.at.len() == 1
    }

    pub(crate) fn involves(&self, kind: Kind) -> bool {
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
pub(crate) struct Clean {
    pub(crate) text: String,
    /// Whether it hands a link's token out.
    pub(crate) gives_a_token: bool,
    pub(crate) trace: Vec<Call>,
    pub(crate) states: Vec<Dump>,
    pub(crate) last: String,
}

impl Clean {
    /// Whether every dashboard is as one of its own commits leaves it: each is one, and one that fails is in no other's
    /// way.
    fn passes(&self, state: &Dump) -> bool {
        let is_known =
            |name: &String, board: &Value| self.states.iter().any(|known| known.get(name) == Some(board));
        state.iter().all(|(name, board)| is_known(name, board))
    }
}

fn writes(call: Call) -> bool {
    matches!(call, Call::Commit | Call::Acknowledge)
}

pub(crate) fn clean(op: &Op, world: &dyn Fn() -> Scene) -> Result<Clean, String> {
    let scene = Arc::new(world());
    let states = Arc::new(Mutex::new(vec![scene.dump()]));
    let sharing = scene.process(2);
    let (of, into) = (Arc::clone(&scene), Arc::clone(&states));
    sharing.store().gate.follow(move |_, call| {
        let (of, into) = (Arc::clone(&of), Arc::clone(&into));
        let note: Hook = Box::new(move || into.lock().expect("a list").push(of.dump()));
        if writes(call) { Fault::After(note) } else { Fault::None }
    });
    let answer = (op.run)(&sharing, &scene).map_err(|error| format!("{}: {error}", op.name))?;
    let trace = sharing.store().gate.trace();
    let states = states.lock().expect("a list").clone();
    Ok(Clean {
        gives_a_token: answer.token.is_some(),
        text: answer.text,
        trace,
        states,
        last: scene.dump_without_chance(),
    })
}

#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) runs: usize,
    pub(crate) healed: usize,
    pub(crate) failed_untouched: usize,
    pub(crate) unresolved: usize,
    pub(crate) resumed: usize,
    pub(crate) contended: usize,
    pub(crate) repeated: usize,
}

/// Runs an operation in a new world while it goes wrong as told, and once more when all is well again.
pub(crate) fn suffer(
    op: &Op,
    clean: &Clean,
    trouble: &Trouble,
    world: &dyn Fn() -> Scene,
    tally: &mut Tally,
) -> Result<(), String> {
    let context = format!("{} with {trouble:?}", op.name);
    let scene = world();
    let sharing = scene.process(2);
    trouble.befall(&sharing);
    let outcome = (op.run)(&sharing, &scene);
    let state = scene.dump();
    let (first, last) = (&clean.states[0], clean.states.last().expect("a state"));
    let is_one = first.iter().filter(|(name, board)| last.get(*name) != Some(*board)).count() <= 1;
    tally.runs += 1;
    ensure!(clean.passes(&state), "{context}: part of a change stands");

    let error = match outcome {
        Ok(answer) => {
            // What was taken away stays taken away, also while what fell with it cannot be listed.
            let is_later = answer.text.contains("listed: false") && clean.text.contains("listed: true");
            if !is_later {
                ensure_eq!(answer.text, clean.text, "{context}");
            }
            scene.settle();
            ensure_eq!(scene.dump(), *last, "{context}: the answer says that it was done");
            if let Some(token) = answer.token {
                let visit = done(scene.process(9).visit(token.expose()));
                ensure!(visit.is_allowed(), "{context}: the token opens nothing");
            }
            tally.healed += 1;
            return Ok(());
        }
        Err(error) => error,
    };

    let text = printed(&error);
    for secret in sharing.store().gate.drawn() {
        let token = LinkToken::from_random(secret);
        ensure!(!text.contains(token.expose()), "{context}: the error tells the token");
    }
    match &error {
        Error::Contended => ensure!(trouble.involves(Kind::Conflict), "{context}"),
        _ => {
            let injected =
                injected(&error).ok_or_else(|| format!("{context}: the source is gone: {text}"))?;
            let number = injected.number;
            let told = trouble.at.iter().any(|(at, _)| *at == number)
                || trouble.from.is_some_and(|(from, _)| from <= number);
            ensure!(told, "{context}: another source: {injected}");
            let to_store = injected.call.is_stores();
            match &error {
                Error::Store(_) | Error::Unresolved(_) => ensure!(to_store, "{context}: {text}"),
                Error::Directory(_) => ensure!(!to_store && injected.call != Call::Fill, "{context}: {text}"),
                Error::Random(_) => ensure_eq!(injected.call, Call::Fill, "{context}: {text}"),
                _ => return Err(format!("{context}: {text}")),
            }
        }
    }

    sharing.store().gate.heal();
    match error {
        Error::Unresolved(unresolved) => {
            tally.unresolved += 1;
            trouble_goes_on(&sharing, &scene, clean, unresolved, &context)?;
            tally.resumed += 1;
        }
        Error::Contended => {
            ensure!(!is_one || state == *first, "{context}: a change stands");
            tally.contended += 1;
        }
        _ => {
            // A failure that is no doubt says that nothing stands; messages can be acknowledged again.
            let is_acknowledged =
                clean.trace.contains(&Call::Acknowledge) && !clean.trace.contains(&Call::Commit);
            // A stop ends what the name covers, whatever the directory says.
            let is_stopped = op.name.starts_with("stop sharing") && matches!(error, Error::Directory(_));
            let is_told = is_acknowledged || is_stopped;
            ensure!(!is_one || is_told || state == *first, "{context}: a change stands: {text}");
            tally.failed_untouched += 1;
        }
    }
    repeat(op, &scene, clean, &context)?;
    tally.repeated += 1;
    Ok(())
}

/// Resumes while the store is down, and once more when it is up.
fn trouble_goes_on(
    sharing: &Sharing,
    scene: &Scene,
    clean: &Clean,
    unresolved: Unresolved,
    context: &str,
) -> Result<(), String> {
    let before = scene.dump();
    Trouble { at: Vec::new(), from: Some((0, Kind::Fail)) }.befall(sharing);
    let unresolved = match block_on(sharing.resume(unresolved)) {
        Err(Error::Unresolved(unresolved)) => unresolved,
        other => return Err(format!("{context}: nothing could be known, but {other:?}")),
    };
    ensure_eq!(scene.dump(), before, "{context}");
    sharing.store().gate.heal();
    let resumed = block_on(sharing.resume(unresolved)).map_err(|error| format!("{context}: {error}"))?;
    let state = scene.dump();
    ensure!(clean.passes(&state) && state != clean.states[0], "{context}: it was not finished");
    if let Some(link) = resumed.answer {
        ensure_eq!(format!("{link:?}"), clean.text, "{context}: another link than the one that was made");
        ensure!(done(scene.process(9).visit(link.token.expose())).is_allowed(), "{context}");
    } else {
        ensure!(!clean.gives_a_token, "{context}: the link that was made is lost");
    }
    Ok(())
}

/// What is a change of its own however often it is given.
pub(crate) const ASKED_ANEW: [&str; 3] =
    ["share with an address", "ask for a transfer", "remind of an invitation"];

/// Repeats the operation without trouble: as if there had been none.
fn repeat(op: &Op, scene: &Scene, clean: &Clean, context: &str) -> Result<(), String> {
    scene.settle();
    let before = scene.dump();
    let again = (op.run)(&scene.process(3), scene);
    let stood_already = before == *clean.states.last().expect("a state") && clean.states.len() > 1;
    match again {
        Ok(answer) if answer.token.is_some() && stood_already => {
            let token = answer.token.expect("a token");
            ensure!(done(scene.process(9).visit(token.expose())).is_allowed(), "{context}");
        }
        // Asked for once more, it waits anew, and whoever is asked gets another mail (G17, G18).
        Ok(_) if stood_already && ASKED_ANEW.contains(&op.name) => {}
        Ok(_) => ensure_eq!(scene.dump_without_chance(), clean.last, "{context}: repeated"),
        Err(Error::Refused(_)) if stood_already => ensure_eq!(scene.dump(), before, "{context}: refused"),
        Err(error) => return Err(format!("{context}: repeated: {error}")),
    }
    Ok(())
}

/// Everything that can go wrong once or from some call on; and after a commit that went wrong, where the library goes
/// on, everything that can go wrong then.
pub(crate) fn troubles(trace: &[Call]) -> Vec<Trouble> {
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

/// Everything that can go wrong once.
pub(crate) fn single_troubles(trace: &[Call]) -> Vec<Trouble> {
    let numbers = 0..trace.len();
    numbers.flat_map(|n| KINDS.map(|kind| Trouble { at: vec![(n, kind)], from: None })).collect()
}

/// Asks a question in a new world while it goes wrong as told: whether it was an error. It may answer only when nothing
/// really failed.
pub(crate) fn ask(
    op: &Op,
    clean: &Clean,
    trouble: &Trouble,
    world: &dyn Fn() -> Scene,
) -> Result<bool, String> {
    let context = format!("{} with {trouble:?}", op.name);
    let scene = world();
    let sharing = scene.process(2);
    trouble.befall(&sharing);
    let failed = match (op.run)(&sharing, &scene) {
        Ok(answer) => {
            ensure!(trouble.involves(Kind::Conflict), "{context}: it answers");
            ensure_eq!(answer.text, clean.text, "{context}");
            false
        }
        Err(error) => {
            let number = injected(&error).ok_or_else(|| format!("{context}: the source is gone"))?.number;
            ensure!(trouble.at.iter().chain(&trouble.from).any(|(at, _)| *at == number), "{context}");
            true
        }
    };
    ensure_eq!(scene.dump(), clean.states[0], "{context}: it changed something");
    Ok(failed)
}
