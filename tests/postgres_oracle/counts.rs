//! How much happened, and whether it is enough to mean anything.

use super::{
    EVENTS, PEOPLE,
    history::{Expected, History, Step},
    meaning::earlier,
    table::Entry,
    words::{Answerer, Change, Command, Held, Number},
};
use std::fmt;
use std::ops::AddAssign;

/// What happened, counted only where it changed what PostgreSQL has.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) histories: usize,
    pub(super) events: usize,
    pub(super) states: usize,
    pub(super) people: usize,
    pub(super) shares: usize,
    pub(super) deep: usize,
    pub(super) repeated: usize,
    pub(super) refused: usize,
    pub(super) cascades: usize,
    pub(super) lapses: usize,
    pub(super) prolongs: usize,
    pub(super) outlived: usize,
    pub(super) narrows: usize,
    pub(super) narrowed_below: usize,
    pub(super) drops: usize,
}

impl<S: Answerer> History<'_, S> {
    pub(super) fn count(&mut self, step: &Step, before: &[Entry]) {
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

    pub(super) fn are_enough_for(&self, histories: usize) -> Result<(), String> {
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
