//! What happened to one dashboard's link in a run, and the judge of it: is there an order of all operations, each at
//! one instant between its call and its return, in which every answer is right (linearizability)?
//!
//! The judge plays the calls and returns in the order in which they happened and keeps every state that the link can
//! have by now, with the operations under way that have taken effect in it. At a return, those states are left in which
//! the operation can have taken effect, after others that were under way if need be. When none is left, no order
//! exists. Reads change nothing, so each takes effect in the first state that it fits.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// A token, by the order in which the run drew them.
pub(crate) type Token = usize;

/// The token of a link that nobody in the run has made.
pub(crate) const FOREIGN: Token = usize::MAX;

/// How many states are looked at for one return. Right histories need a few hundred.
const MOST: usize = 50_000;

/// Counts calls and returns: what returned before another was called has the smaller number.
#[derive(Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// The link as the dashboard has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Link {
    pub(crate) revision: u64,
    /// How many links were made so far.
    pub(crate) generation: u64,
    pub(crate) token: Option<Token>,
    pub(crate) paused: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    Rotate(Token),
    Pause,
    Resume,
    Withdraw,
}

/// Where a change stands among all: a subject without revisions does not tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) generation: u64,
    pub(crate) revision: u64,
}

/// An operation with its answer. One that failed for certain is not in the history: it must have had no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Act {
    /// A rotation that handed its link out.
    Rotated {
        token: Token,
        place: Option<Place>,
    },
    /// A rotation that was told of another one: its link was never made, or was no longer the link when it returned.
    Overtaken {
        token: Token,
    },
    /// A change of the link that stands, or nothing to change.
    Changed {
        change: Change,
        revision: u64,
    },
    /// A change whose fate could not be found out: it takes effect at any time after its call, or never.
    Unresolved(Change),
    /// A change that found no link.
    NoLink,
    Visited {
        token: Token,
        allowed: bool,
    },
    /// A look at the whole link, by a subject with revisions.
    Looked(Link),
}

impl Act {
    fn is_read(self) -> bool {
        matches!(self, Self::NoLink | Self::Visited { .. } | Self::Looked(_))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) worker: usize,
    pub(crate) called: u64,
    pub(crate) returned: u64,
    pub(crate) act: Act,
}

/// Why there is no such order.
#[derive(Debug)]
pub(crate) struct Conviction(String);

impl fmt::Display for Conviction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much there was to judge.
#[derive(Debug)]
pub(crate) struct Acquittal {
    /// The most operations that were under way at once.
    pub(crate) under_way: usize,
    /// The most states that were possible at once.
    pub(crate) states: usize,
}

/// A state that is possible by now.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Possible {
    link: Link,
    /// Which of the operations under way have taken effect in it, by their seats.
    done: u64,
}

/// Judges a history that begins with this link.
pub(crate) fn judge(begin: Link, ops: &[Op]) -> Result<Acquittal, Conviction> {
    let mut judge = Judge { makers: makers(ops)?, seats: [None; 64], possible: HashSet::new() };
    judge.possible.insert(Possible { link: begin, done: 0 });
    let mut events: Vec<(u64, &Op, bool)> = ops.iter().map(|op| (op.called, op, false)).collect();
    let answered = ops.iter().filter(|op| !matches!(op.act, Act::Unresolved(_)));
    events.extend(answered.map(|op| (op.returned, op, true)));
    events.sort_unstable_by_key(|(at, ..)| *at);
    let (mut under_way, mut states) = (0, 0);
    for (_, op, is_return) in events {
        if is_return {
            judge.end(op)?
        } else {
            judge.begin(op)?
        }
        under_way = under_way.max(judge.seats.iter().flatten().count());
        states = states.max(judge.possible.len());
    }
    Ok(Acquittal { under_way, states })
}

/// Who made the links of which generations, as far as anybody was told. Two links of one generation, and one link of
/// two, need no order to be wrong.
fn makers(ops: &[Op]) -> Result<HashMap<u64, Token>, Conviction> {
    let mut makers = HashMap::new();
    let mut generations = HashMap::new();
    for op in ops {
        let told = match op.act {
            Act::Rotated { token, place: Some(place) } => Some((place.generation, token)),
            Act::Looked(Link { token: Some(token), generation, .. }) => Some((generation, token)),
            _ => None,
        };
        let Some((generation, token)) = told else { continue };
        if *makers.entry(generation).or_insert(token) != token {
            return Err(Conviction(format!("two links of generation {generation}, by {op:?}")));
        }
        if *generations.entry(token).or_insert(generation) != generation {
            return Err(Conviction(format!("one link of two generations, by {op:?}")));
        }
    }
    Ok(makers)
}

struct Judge<'h> {
    makers: HashMap<u64, Token>,
    /// The operations under way.
    seats: [Option<&'h Op>; 64],
    possible: HashSet<Possible>,
}

impl<'h> Judge<'h> {
    fn begin(&mut self, op: &'h Op) -> Result<(), Conviction> {
        let seat = self.seats.iter_mut().find(|seat| seat.is_none());
        *seat.ok_or_else(|| Conviction("too many operations under way to judge".into()))? = Some(op);
        if op.act.is_read() {
            self.possible = self.possible.iter().map(|possible| self.with_reads(*possible)).collect();
        }
        Ok(())
    }

    fn end(&mut self, op: &Op) -> Result<(), Conviction> {
        let seat = self.seats.iter().position(|seated| seated.is_some_and(|other| std::ptr::eq(other, op)));
        let seat = seat.expect("it was called before it returns");
        let bit = 1 << seat;
        let mut left = HashSet::new();
        let mut tried = self.possible.clone();
        let mut untried: Vec<(Possible, bool)> =
            self.possible.iter().map(|possible| (*possible, true)).collect();
        while let Some((possible, is_old)) = untried.pop() {
            let is_done = possible.done & bit != 0;
            // What else is under way may take effect later: here only what this return asks for.
            let fits = match op.act {
                Act::Overtaken { token } if is_done => possible.link.token != Some(token),
                Act::Overtaken { .. } => is_old,
                _ => is_done,
            };
            if fits {
                left.insert(Possible { done: possible.done & !bit, ..possible });
            }
            if is_done && fits {
                continue;
            }
            for (number, other) in self.seats.iter().enumerate() {
                let Some(other) = other.filter(|_| possible.done & 1 << number == 0) else { continue };
                let Some(link) = self.after(possible.link, other.act) else { continue };
                let next = self.with_reads(Possible { link, done: possible.done | 1 << number });
                if tried.insert(next) {
                    untried.push((next, false));
                }
                if tried.len() > MOST {
                    return Err(Conviction(format!("too many states to judge, at {op:?}")));
                }
            }
        }
        if left.is_empty() {
            return Err(self.conviction(op));
        }
        self.possible = left;
        self.seats[seat] = None;
        Ok(())
    }

    /// The state with every read in it that fits.
    fn with_reads(&self, possible: Possible) -> Possible {
        let fits = |op: &Op| op.act.is_read() && self.after(possible.link, op.act).is_some();
        let seats = self.seats.iter().enumerate();
        let reads = seats.filter(|(_, op)| op.is_some_and(fits)).fold(0, |bits, (seat, _)| bits | 1 << seat);
        Possible { done: possible.done | reads, ..possible }
    }

    /// What an operation makes of the link; `None` when it cannot have taken effect there.
    fn after(&self, link: Link, act: Act) -> Option<Link> {
        match act {
            Act::Rotated { token, place } => {
                let next = self.changed(link, Change::Rotate(token))?;
                let fits =
                    |place: Place| (place.generation, place.revision) == (next.generation, next.revision);
                Some(next).filter(|_| place.is_none_or(fits))
            }
            Act::Overtaken { token } => self.changed(link, Change::Rotate(token)),
            Act::Unresolved(change) => self.changed(link, change),
            Act::Changed { change, revision } => {
                self.changed(link, change).filter(|next| next.revision == revision)
            }
            Act::NoLink => Some(link).filter(|link| link.token.is_none()),
            Act::Visited { token, allowed } => {
                Some(link).filter(|link| (link.token == Some(token) && !link.paused) == allowed)
            }
            Act::Looked(seen) => Some(link).filter(|link| *link == seen),
        }
    }

    fn changed(&self, link: Link, change: Change) -> Option<Link> {
        let next = Link { revision: link.revision + 1, ..link };
        match change {
            Change::Rotate(token) => {
                let generation = link.generation + 1;
                let is_its = self.makers.get(&generation).is_none_or(|maker| *maker == token);
                is_its.then_some(Link { generation, token: Some(token), paused: false, ..next })
            }
            _ if link.token.is_none() => None,
            Change::Pause if link.paused => Some(link),
            Change::Resume if !link.paused => Some(link),
            Change::Pause => Some(Link { paused: true, ..next }),
            Change::Resume => Some(Link { paused: false, ..next }),
            Change::Withdraw => Some(Link { token: None, paused: false, ..next }),
        }
    }

    fn conviction(&self, op: &Op) -> Conviction {
        let under_way: Vec<&Op> = self.seats.iter().flatten().copied().collect();
        let possible: Vec<Link> = self.possible.iter().map(|possible| possible.link).take(8).collect();
        Conviction(format!(
            "no order of the operations explains what worker {} did: {op:?}\n  the link before: {possible:?}\n  under way: {under_way:#?}",
            op.worker,
        ))
    }
}

/// The visits that began after a newer link than theirs had been handed out, and those of them that were let in (L2).
pub(crate) fn stale_visits(ops: &[Op]) -> (usize, usize) {
    let handed_out = |op: &Op| match op.act {
        Act::Rotated { token, place: Some(place) } => Some((place.generation, token, op.returned)),
        _ => None,
    };
    let mut links: Vec<(u64, Token, u64)> = ops.iter().filter_map(handed_out).collect();
    links.sort_unstable();
    // When each token was surely dead: at the first return of a rotation with a newer link.
    let mut dead_from = HashMap::new();
    let mut first = u64::MAX;
    for (_, token, returned) in links.into_iter().rev() {
        if let Entry::Vacant(entry) = dead_from.entry(token) {
            entry.insert(first);
        }
        first = first.min(returned);
    }
    let mut counts = (0, 0);
    for op in ops {
        if let Act::Visited { token, allowed } = op.act
            && dead_from.get(&token).is_some_and(|dead| *dead < op.called)
        {
            counts.0 += 1;
            counts.1 += usize::from(allowed);
        }
    }
    counts
}
