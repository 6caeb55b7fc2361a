//! The words of a history.

use std::fmt;
use std::ops::{BitAnd, BitOr};

pub(super) type Tick = i64;

pub(super) type Person = u8;

/// Counts grants from 0 in the order in which they were made; grant 7 is the role `g_7`.
pub(super) type Number = usize;

#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rights(pub(super) u8);

impl Rights {
    pub(super) const NONE: Self = Self(0);
    pub(super) const VIEW: Self = Self(1);
    pub(super) const EXPORT: Self = Self(2);
    pub(super) const BOTH: Self = Self(3);

    pub(super) fn covers(self, other: Self) -> bool {
        other & self == other
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// As privileges on a table.
    pub(super) fn sql(self) -> &'static str {
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
pub(super) struct Held {
    pub(super) rights: Rights,
    pub(super) shareable: Rights,
}

/// What a grant was declared to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Terms {
    pub(super) rights: Rights,
    pub(super) reshare: bool,
    pub(super) expiry: Option<Tick>,
}

/// One step of a history. Grants go by labels that stay the same when other events are left out.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Share { label: usize, from: Source, with: Person, terms: Terms },
    Amend { grant: usize, by: Person, change: Change },
    Revoke { grant: usize, by: Person },
    Renounce { grant: usize },
    StopSharing { by: Person, with: Person },
    TimeMoves { to: Tick },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Owner,
    /// The actor names the grant that it shares on from.
    Grant(usize),
    /// The actor leaves the choice of one to the library (G7).
    AnyGrantOf(Person),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Rights(Rights),
    Reshare(bool),
    Expiry(Option<Tick>),
}

/// What the judged party is told to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    Share { by: Person, parent: Option<Number>, named: bool, with: Person, terms: Terms },
    Amend { grant: Number, by: Person, change: Change },
    Revoke { grant: Number, by: Person },
    Renounce { grant: Number, by: Person },
    StopSharing { by: Person, with: Person },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    Done,
    /// The share made nothing new, because this grant stands already in identical terms (G17).
    Stands(Number),
    Refused,
}

/// People who would have nothing any more, and what is left to others who would lose something.
#[derive(PartialEq, Eq, Default, Debug)]
pub(super) struct Impact {
    pub(super) lose: Vec<Person>,
    pub(super) keep: Vec<(Person, Rights)>,
}

/// What is judged: the library, or an evaluator with a planted fault.
pub(super) trait Answerer {
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
