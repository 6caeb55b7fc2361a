//! What an event means, by the rules and by what PostgreSQL has at this moment.

use super::{
    DEEPEST, EVENTS, OWNER,
    generator::Random,
    history::{Declared, Expected, History, Step},
    words::{Answerer, Change, Command, Event, Number, Person, Rights, Source, Terms, Tick},
};

impl<S: Answerer> History<'_, S> {
    /// `None` when the event has lost what it was about, in a history that was cut short, or means nothing certain.
    pub(super) fn prepare(&self, event: &Event) -> Option<Step> {
        let number = |label: &usize| self.numbers.get(label).copied();
        let (command, expected) = match event {
            Event::TimeMoves { to } => return (*to > self.now).then_some(Step::Time { to: *to }),
            Event::Share { from, with, terms, .. } => {
                let (by, parent, named) = match from {
                    Source::Owner => (OWNER, None, false),
                    Source::Grant(label) => (self.grants[number(label)?].with, Some(number(label)?), true),
                    Source::AnyGrantOf(person) => (*person, self.parent_for(*person, terms.rights), false),
                };
                let (with, terms) = (*with, *terms);
                let command = Command::Share { by, parent, named, with, terms };
                (command, self.expect_share(by, parent, named, with, terms)?)
            }
            Event::Amend { grant, by, change } => {
                let (grant, by, change) = (number(grant)?, *by, *change);
                (Command::Amend { grant, by, change }, self.expect_amend(grant, by, change))
            }
            Event::Revoke { grant, by } => {
                let (grant, by) = (number(grant)?, *by);
                let allowed = !self.has_fallen(grant) && self.may_change(by, grant);
                (Command::Revoke { grant, by }, done_if(allowed))
            }
            Event::Renounce { grant } => {
                let grant = number(grant)?;
                (Command::Renounce { grant, by: self.grants[grant].with }, done_if(!self.has_fallen(grant)))
            }
            Event::StopSharing { by, with } => {
                let (by, with) = (*by, *with);
                (Command::StopSharing { by, with }, done_if(self.is_a_party(by)))
            }
        };
        Some(Step::Command { command, expected })
    }

    /// The grant a share hangs on when its actor does not say (G7): the one that ends last, then the shallowest, then
    /// the oldest, of those that PostgreSQL would let the actor share these rights on from.
    fn parent_for(&self, person: Person, rights: Rights) -> Option<Number> {
        (0..self.grants.len())
            .filter(|number| {
                self.grants[*number].with == person && self.held(*number).shareable.covers(rights)
            })
            .max_by_key(|number| {
                let end = self.end(*number).unwrap_or(Tick::MAX);
                (end, std::cmp::Reverse(self.grants[*number].depth), std::cmp::Reverse(*number))
            })
    }

    fn expect_share(
        &self,
        by: Person,
        parent: Option<Number>,
        named: bool,
        with: Person,
        terms: Terms,
    ) -> Option<Expected> {
        let Terms { rights, expiry, .. } = terms;
        let in_time = expiry.is_none_or(|end| end > self.now);
        let mut allowed = with != by && with != OWNER && in_time && rights != Rights::NONE;
        match parent {
            None => allowed &= by == OWNER,
            Some(parent) => {
                // PostgreSQL says whether the grantor may pass these rights on.
                allowed &= self.held(parent).shareable.covers(rights);
                allowed &= expiry.is_none() || expiry == earlier(expiry, self.end(parent));
                if self.grants[parent].depth >= DEEPEST {
                    return None;
                }
            }
        }
        let same = |grant: &Declared| (grant.by, grant.with, grant.terms) == (by, with, terms);
        let mut twins =
            (0..self.grants.len()).filter(|n| same(&self.grants[*n]) && !self.has_fallen(*n)).peekable();
        if !allowed && twins.peek().is_some() {
            // Whether it may be repeated when something above has shrunk since is not this test's to say.
            return None;
        }
        // What gives less than a new grant would, or not as long, does not stand in for it.
        let ends = earlier(expiry, parent.and_then(|parent| self.end(parent)));
        let standing = twins.find(|twin| match named {
            true => self.grants[*twin].parent == parent,
            false => self.held(*twin).rights == rights && ends == earlier(ends, self.end(*twin)),
        });
        Some(standing.map_or(done_if(allowed), Expected::Stands))
    }

    fn expect_amend(&self, grant: Number, by: Person, change: Change) -> Expected {
        let declared = self.grants[grant];
        if self.has_fallen(grant) || !self.may_change(by, grant) {
            return Expected::Refused;
        }
        match change {
            Change::Rights(rights) => done_if(rights != Rights::NONE && declared.terms.rights.covers(rights)),
            Change::Reshare(reshare) => done_if(declared.terms.reshare || !reshare),
            Change::Expiry(to) if to.is_some_and(|to| to <= self.now) => Expected::Refused,
            Change::Expiry(to) => {
                let above = declared.parent.and_then(|parent| self.end(parent));
                let within = to.is_none() || to == earlier(to, above);
                let later = to != earlier(to, declared.terms.expiry);
                match (later, within) {
                    (true, _) if by == declared.with => Expected::Refused,
                    (true, within) => done_if(within),
                    (false, true) => Expected::Done,
                    (false, false) => Expected::Either,
                }
            }
        }
    }

    /// The same for PostgreSQL, with the complaints that it may have.
    pub(super) fn statements(&self, step: &Step) -> (String, &'static [&'static str]) {
        // The grantor has lost all, or some, of what it is to take back: then so has everybody below.
        const ALREADY_GONE: &[&str] = &["42501", "01006"];
        // No right at all, not the right to pass it on, or to oneself.
        const NOT_ALLOWED: &[&str] = &["42501", "01007", "0LP01"];
        let revoke = |number: Number, rights: Rights, only_option: bool| {
            if rights == Rights::NONE {
                return String::new();
            }
            self.table.revoke(self.grants[number].parent, number, rights, only_option)
        };
        match step {
            Step::Time { to } => (self.lapses(*to).map(|n| revoke(n, self.held(n).rights, false)).collect(), ALREADY_GONE),
            Step::Command { expected: Expected::Refused, command: Command::Share { parent: Some(parent), terms, .. } }
                // PostgreSQL would grant the part that it can, where the library refuses the whole.
                if terms.rights != Rights::NONE && self.held(*parent).shareable & terms.rights == Rights::NONE =>
            {
                (self.table.grant(Some(*parent), EVENTS, *terms), NOT_ALLOWED)
            }
            Step::Command { expected: Expected::Refused | Expected::Stands(_), .. } => (String::new(), &[]),
            Step::Command { command, .. } => match *command {
                Command::Share { parent, terms, .. } => (self.table.grant(parent, self.grants.len(), terms), &[]),
                Command::Amend { grant, change: Change::Rights(kept), .. } => {
                    (revoke(grant, self.held(grant).rights.without(kept), false), &[])
                }
                Command::Amend { grant, change: Change::Reshare(false), .. } => {
                    (revoke(grant, self.held(grant).shareable, true), &[])
                }
                Command::Amend { .. } => (String::new(), &[]),
                Command::Revoke { grant, .. } | Command::Renounce { grant, .. } => {
                    (revoke(grant, self.held(grant).rights, false), &[])
                }
                Command::StopSharing { by, with } => {
                    let reached = self.reached(by, with);
                    (reached.map(|number| revoke(number, self.held(number).rights, false)).collect(), ALREADY_GONE)
                }
            },
        }
    }

    /// What ends by its own expiry until then: earlier ends first, those of one instant in any order.
    fn lapses(&self, to: Tick) -> impl Iterator<Item = Number> {
        let mut random = Random(self.seed ^ to.unsigned_abs().rotate_left(32));
        let mut lapses: Vec<(Tick, u64, Number)> = (0..self.grants.len())
            .filter(|number| !self.grants[*number].ended)
            .filter_map(|number| {
                self.grants[number].terms.expiry.filter(|end| *end <= to).map(|end| (end, number))
            })
            .map(|(end, number)| (end, random.next(), number))
            .collect();
        lapses.sort_unstable();
        lapses.into_iter().map(|(_, _, number)| number)
    }

    /// What this person received and the actor may end.
    fn reached(&self, by: Person, with: Person) -> impl Iterator<Item = Number> {
        (0..self.grants.len()).filter(move |n| self.grants[*n].with == with && self.may_change(by, *n))
    }

    /// Writes down what a command that was carried out has declared.
    pub(super) fn note(&mut self, command: &Command) {
        match *command {
            Command::Share { by, parent, with, terms, .. } => {
                let label = match self.events.last() {
                    Some(Event::Share { label, .. }) => *label,
                    _ => usize::MAX,
                };
                let depth = parent.map_or(1, |parent| self.grants[parent].depth + 1);
                self.numbers.insert(label, self.grants.len());
                let (outlives, ended) = (terms.expiry, false);
                self.grants.push(Declared { label, parent, by, with, terms, outlives, depth, ended });
            }
            Command::Amend { grant, change: Change::Rights(rights), .. } => {
                self.grants[grant].terms.rights = rights
            }
            Command::Amend { grant, change: Change::Reshare(reshare), .. } => {
                self.grants[grant].terms.reshare = reshare
            }
            Command::Amend { grant, change: Change::Expiry(to), .. } => {
                self.grants[grant].terms.expiry = to;
                self.grants[grant].outlives = earlier(self.grants[grant].outlives, to);
            }
            Command::Revoke { grant, .. } | Command::Renounce { grant, .. } => {
                self.grants[grant].ended = true
            }
            Command::StopSharing { by, with } => {
                for number in self.reached(by, with).collect::<Vec<_>>() {
                    self.grants[number].ended = true;
                }
            }
        }
    }
}

fn done_if(allowed: bool) -> Expected {
    if allowed { Expected::Done } else { Expected::Refused }
}

pub(super) fn earlier(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
