//! Evaluators with faults, as others that answer.

use super::{
    OWNER,
    meaning::earlier,
    words::{Answerer, Change, Command, Held, Number, Person, Reply, Rights, Terms, Tick},
};

/// What somebody might get wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    IgnoresTheChain,
    IgnoresTheReshareRight,
    LivesAtItsEnd,
    TakesTheLaterEnd,
    KeepsItsOwnRights,
    LooksOneStepUp,
    RevivesByProlonging,
    LivesByAnotherPath,
}

impl Fault {
    pub(super) const ALL: [(Self, &'static str); 8] = [
        (Self::IgnoresTheChain, "ignores_the_chain"),
        (Self::IgnoresTheReshareRight, "ignores_that_a_reshare_right_was_taken"),
        (Self::LivesAtItsEnd, "lets_a_grant_live_at_the_instant_of_its_end"),
        (Self::TakesTheLaterEnd, "takes_the_later_of_two_ends"),
        (Self::KeepsItsOwnRights, "keeps_rights_that_the_grantor_has_lost"),
        (Self::LooksOneStepUp, "looks_only_one_step_up"),
        (Self::RevivesByProlonging, "prolongs_what_has_lapsed"),
        (Self::LivesByAnotherPath, "lets_a_grant_live_by_another_path"),
    ];
}

/// The rules once more, as short as they can be said, to plant faults in.
pub(super) struct Evaluator {
    fault: Option<Fault>,
    now: Tick,
    grants: Vec<Made>,
}

#[derive(Clone, Copy)]
struct Made {
    parent: Option<Number>,
    by: Person,
    with: Person,
    terms: Terms,
    revoked: bool,
}

impl Evaluator {
    pub(super) fn sound() -> Self {
        Self { fault: None, now: 0, grants: Vec::new() }
    }

    pub(super) fn with(fault: Fault) -> Self {
        Self { fault: Some(fault), ..Self::sound() }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn live(&self, number: Number, at: Tick) -> bool {
        let grant = self.grants[number];
        let in_time = match (grant.terms.expiry, grant.parent) {
            (Some(end), _) if self.has(Fault::LivesAtItsEnd) => at <= end,
            (Some(end), Some(parent)) if self.has(Fault::TakesTheLaterEnd) => {
                at < end || self.grants[parent].terms.expiry.is_none_or(|end| at < end)
            }
            (end, _) => end.is_none_or(|end| at < end),
        };
        let supported = |parent: Number| match self.fault {
            Some(Fault::IgnoresTheChain) => true,
            Some(Fault::IgnoresTheReshareRight) => self.live(parent, at),
            Some(Fault::LooksOneStepUp) => {
                let parent = self.grants[parent];
                parent.terms.reshare && !parent.revoked && parent.terms.expiry.is_none_or(|end| at < end)
            }
            Some(Fault::LivesByAnotherPath) => (0..number).any(|other| {
                self.grants[other].with == grant.by
                    && self.grants[other].terms.reshare
                    && self.live(other, at)
            }),
            _ => self.grants[parent].terms.reshare && self.live(parent, at),
        };
        !grant.revoked && in_time && grant.parent.is_none_or(supported)
    }

    fn rights(&self, number: Number, at: Tick) -> Rights {
        let grant = self.grants[number];
        match grant.parent {
            _ if !self.live(number, at) => Rights::NONE,
            Some(parent) if !self.has(Fault::KeepsItsOwnRights) && self.live(parent, at) => {
                grant.terms.rights & self.rights(parent, at)
            }
            _ => grant.terms.rights,
        }
    }

    pub(super) fn end(&self, number: Number) -> Option<Tick> {
        let grant = self.grants[number];
        earlier(grant.terms.expiry, grant.parent.and_then(|parent| self.end(parent)))
    }

    fn has_above(&self, number: Number, person: Person) -> bool {
        let mut above = std::iter::successors(self.grants[number].parent, |above| self.grants[*above].parent);
        person == OWNER || above.any(|above| self.grants[above].with == person)
    }

    fn share(&mut self, made: Made, named: bool) -> Reply {
        let above = made.parent.and_then(|parent| self.end(parent));
        let allowed = match made.parent {
            None => made.by == OWNER,
            Some(parent) => {
                self.grants[parent].terms.reshare && self.rights(parent, self.now).covers(made.terms.rights)
            }
        };
        let in_time = made
            .terms
            .expiry
            .is_none_or(|end| self.now < end && made.terms.expiry == earlier(made.terms.expiry, above));
        if !allowed || !in_time || made.with == OWNER || made.with == made.by {
            return Reply::Refused;
        }
        let ends = earlier(made.terms.expiry, above);
        let standing = (0..self.grants.len()).find(|number| {
            let other = self.grants[*number];
            let same = (other.by, other.with, other.terms) == (made.by, made.with, made.terms);
            let as_good = self.rights(*number, self.now) == made.terms.rights
                && ends == earlier(ends, self.end(*number));
            same && self.live(*number, self.now) && if named { other.parent == made.parent } else { as_good }
        });
        if standing.is_none() {
            self.grants.push(made);
        }
        standing.map_or(Reply::Done, Reply::Stands)
    }

    fn amend(&mut self, grant: Number, by: Person, change: Change) -> Reply {
        let made = self.grants[grant];
        let revives = self.has(Fault::RevivesByProlonging)
            && !made.revoked
            && matches!(change, Change::Expiry(_))
            && made
                .parent
                .is_none_or(|parent| self.grants[parent].terms.reshare && self.live(parent, self.now));
        if !(self.live(grant, self.now) || revives) || !self.has_above(grant, by) {
            return Reply::Refused;
        }
        let allowed = match change {
            Change::Rights(rights) => rights != Rights::NONE && made.terms.rights.covers(rights),
            Change::Reshare(reshare) => made.terms.reshare || !reshare,
            Change::Expiry(to) => {
                let above = made.parent.and_then(|parent| self.end(parent));
                let later = to != earlier(to, made.terms.expiry);
                let within = to.is_none() || to == earlier(to, above);
                to.is_none_or(|to| self.now < to) && (!later || (within && by != made.with))
            }
        };
        if !allowed {
            return Reply::Refused;
        }
        match change {
            Change::Rights(rights) => self.grants[grant].terms.rights = rights,
            Change::Reshare(reshare) => self.grants[grant].terms.reshare = reshare,
            Change::Expiry(to) => self.grants[grant].terms.expiry = to,
        }
        Reply::Done
    }

    pub(super) fn revoke(&mut self, grant: Number, allowed: bool) -> Reply {
        if !allowed || !self.live(grant, self.now) {
            return Reply::Refused;
        }
        self.grants[grant].revoked = true;
        Reply::Done
    }
}

impl Answerer for Evaluator {
    const REMEMBERS: bool = false;

    fn obey(&mut self, command: &Command) -> Result<Reply, String> {
        Ok(match *command {
            Command::Share { by, parent, named, with, terms } => {
                self.share(Made { parent, by, with, terms, revoked: false }, named)
            }
            Command::Amend { grant, by, change } => self.amend(grant, by, change),
            Command::Revoke { grant, by } => self.revoke(grant, self.has_above(grant, by)),
            Command::Renounce { grant, by } => self.revoke(grant, self.grants[grant].with == by),
            Command::StopSharing { by, with } => {
                let numbers = 0..self.grants.len();
                let mut live = numbers.clone().filter(|number| self.live(*number, self.now));
                if by != OWNER && !live.any(|number| self.grants[number].with == by) {
                    return Ok(Reply::Refused);
                }
                for number in numbers {
                    if self.grants[number].with == with && self.has_above(number, by) {
                        self.grants[number].revoked = true;
                    }
                }
                Reply::Done
            }
        })
    }

    fn move_time(&mut self, to: Tick) {
        self.now = to;
    }

    fn held_at(&mut self, instant: Tick) -> Result<Vec<Held>, String> {
        let held = |number| {
            let rights = self.rights(number, instant);
            Held { rights, shareable: if self.grants[number].terms.reshare { rights } else { Rights::NONE } }
        };
        Ok((0..self.grants.len()).map(held).collect())
    }

    fn person(&mut self, person: Person) -> Result<(Rights, bool), String> {
        let held = self.held_at(self.now)?;
        let all = held.iter().zip(&self.grants).filter(|(_, grant)| grant.with == person);
        Ok(all.fold((Rights::NONE, false), |(rights, shares), (held, _)| {
            (rights | held.rights, shares || held.shareable != Rights::NONE)
        }))
    }
}
