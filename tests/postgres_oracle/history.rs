//! A history: what was declared, and what is compared after every event.

use super::{
    DEEPEST, EVENTS, OWNER, PEOPLE,
    counts::Counts,
    generator::Random,
    meaning::earlier,
    table::{Entry, Table},
    words::{Answerer, Change, Command, Event, Held, Impact, Number, Person, Reply, Rights, Terms, Tick},
};
use std::collections::HashMap;

/// What was declared for a grant, which is all the test itself keeps: who holds what is PostgreSQL's to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared {
    pub(super) label: usize,
    pub(super) parent: Option<Number>,
    pub(super) by: Person,
    pub(super) with: Person,
    pub(super) terms: Terms,
    /// The earliest end it ever had, until it is seen to have outlived it.
    pub(super) outlives: Option<Tick>,
    pub(super) depth: usize,
    /// Revoked itself, or over by its own expiry.
    pub(super) ended: bool,
}

pub(super) enum Trouble {
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
pub(super) enum Expected {
    Done,
    Refused,
    Stands(Number),
    /// The specification leaves it open, and it makes no difference to anybody's rights.
    Either,
}

/// One history: PostgreSQL on one side, the judged party on the other.
pub(super) struct History<'t, S> {
    pub(super) seed: u64,
    pub(super) table: &'t mut Table,
    subject: S,
    pub(super) now: Tick,
    pub(super) grants: Vec<Declared>,
    pub(super) numbers: HashMap<usize, Number>,
    /// PostgreSQL's state after the last event, one entry for each grant.
    entries: Vec<Entry>,
    /// What PostgreSQL had at the instants that are over.
    past: Vec<(Tick, Vec<Held>)>,
    pub(super) events: Vec<Event>,
    pub(super) counts: Counts,
}

impl<'t, S: Answerer> History<'t, S> {
    pub(super) fn begin(seed: u64, table: &'t mut Table, subject: S) -> Result<Self, String> {
        table.recreate()?;
        let counts = Counts { histories: 1, ..Counts::default() };
        let (grants, numbers, entries, past, events) = Default::default();
        Ok(Self { seed, table, subject, now: 0, grants, numbers, entries, past, events, counts })
    }

    pub(super) fn generate(&mut self) -> Result<(), Trouble> {
        let mut random = Random(self.seed);
        while self.events.len() < EVENTS {
            let event = self.invent(&mut random);
            self.play(event)?;
        }
        self.look_back()
    }

    pub(super) fn replay(&mut self, events: &[Event]) -> Result<(), Trouble> {
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
        // PostgreSQL has no depth at which sharing on ends.
        let shareable = |grant: &Declared, held: Held| {
            if grant.depth < DEEPEST { held.shareable } else { Rights::NONE }
        };
        grants.fold(Held::default(), |all, (grant, entry)| Held {
            rights: all.rights | entry.held.rights,
            shareable: all.shareable | shareable(grant, entry.held),
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
    pub(super) fn has_fallen(&self, number: Number) -> bool {
        let grant = self.grants[number];
        grant.ended
            || grant
                .parent
                .is_some_and(|parent| !self.grants[parent].terms.reshare || self.has_fallen(parent))
    }

    /// The earliest end along the chain.
    pub(super) fn end(&self, number: Number) -> Option<Tick> {
        let grant = self.grants[number];
        earlier(grant.terms.expiry, grant.parent.and_then(|parent| self.end(parent)))
    }

    pub(super) fn held(&self, number: Number) -> Held {
        self.entries[number].held
    }

    pub(super) fn ancestors(&self, number: Number) -> impl Iterator<Item = Number> {
        std::iter::successors(self.grants[number].parent, |above| self.grants[*above].parent)
    }

    pub(super) fn below(&self, number: Number) -> impl Iterator<Item = Number> {
        (0..self.grants.len()).filter(move |below| self.ancestors(*below).any(|above| above == number))
    }

    pub(super) fn may_change(&self, person: Person, number: Number) -> bool {
        person == OWNER || self.ancestors(number).any(|above| self.grants[above].with == person)
    }

    pub(super) fn is_a_party(&self, person: Person) -> bool {
        person == OWNER
            || (0..self.grants.len())
                .any(|number| self.grants[number].with == person && !self.has_fallen(number))
    }
}

/// An event made ready for both sides.
pub(super) enum Step {
    Time { to: Tick },
    Command { command: Command, expected: Expected },
}
