//! Random events that suit the moment.

use super::{
    DEEPEST, OWNER, PEOPLE,
    history::{Declared, History},
    words::{Answerer, Change, Event, Held, Number, Person, Rights, Source, Terms, Tick},
};

/// SplitMix64: the same histories on every machine and with every version of every crate.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }

    fn person(&mut self) -> Person {
        self.pick(&PEOPLE.collect::<Vec<_>>()).unwrap_or(OWNER)
    }

    fn rights(&mut self) -> Rights {
        self.pick(&[Rights::VIEW, Rights::EXPORT, Rights::BOTH, Rights::BOTH, Rights::BOTH])
            .unwrap_or(Rights::BOTH)
    }
}

impl<S: Answerer> History<'_, S> {
    /// Mostly something that the rules allow, aimed by what PostgreSQL has; now and then something they forbid.
    pub(super) fn invent(&self, random: &mut Random) -> Event {
        let live: Vec<Number> = (0..self.grants.len()).filter(|number| !self.has_fallen(*number)).collect();
        let target = if random.percent(6) {
            random.pick(&(0..self.grants.len()).collect::<Vec<_>>())
        } else {
            random.pick(&live)
        };
        // Of two, the one that carries more is the better aim.
        let other = random
            .pick(&live)
            .filter(|other| target.is_some_and(|one| self.carries(*other) > self.carries(one)));
        let Some(target) = other.or(target).filter(|_| live.len() > 2) else {
            return self.invent_root(random);
        };
        let grant = self.grants[target].label;
        let by = self.invent_actor(target, random);
        match random.below(100) {
            0..8 => self.invent_root(random),
            8..10 => self.invent_repetition(target, random),
            10..49 => self.invent_reshare(random),
            49..67 => Event::Amend { grant, by, change: Change::Expiry(self.invent_end(target, random)) },
            67..74 => {
                let rights = random.pick(&[Rights::VIEW, Rights::EXPORT, Rights::BOTH]).unwrap_or_default();
                Event::Amend { grant, by, change: Change::Rights(rights) }
            }
            74..79 => Event::Amend { grant, by, change: Change::Reshare(random.percent(20)) },
            79..84 => Event::Revoke { grant, by },
            84..86 => Event::Renounce { grant },
            86..88 => {
                let with = self.grants[target].with;
                // Stopping with oneself is another thing, and not in question here.
                if by == with { Event::Renounce { grant } } else { Event::StopSharing { by, with } }
            }
            _ => Event::TimeMoves { to: self.invent_instant(random) },
        }
    }

    fn carries(&self, number: Number) -> usize {
        self.below(number).filter(|below| self.held(*below) != Held::default()).count()
    }

    /// A share that was made before, said once more.
    fn invent_repetition(&self, grant: Number, random: &mut Random) -> Event {
        let Declared { parent, by, with, terms, .. } = self.grants[grant];
        let from = match parent {
            None => Source::Owner,
            Some(_) if random.percent(60) => Source::AnyGrantOf(by),
            Some(parent) => Source::Grant(self.grants[parent].label),
        };
        Event::Share { label: self.events.len(), from, with, terms }
    }

    fn invent_root(&self, random: &mut Random) -> Event {
        let expiry = random.percent(60).then(|| self.now + 3 + random.below(30) as Tick);
        let terms = Terms { rights: random.rights(), reshare: random.percent(90), expiry };
        Event::Share { label: self.events.len(), from: Source::Owner, with: random.person(), terms }
    }

    fn invent_reshare(&self, random: &mut Random) -> Event {
        let able: Vec<Number> = (0..self.grants.len())
            .filter(|number| {
                self.held(*number).shareable != Rights::NONE && self.grants[*number].depth < DEEPEST
            })
            .collect();
        // The newest are the deepest.
        let recent = &able[able.len() / 2..];
        let aimed = if random.percent(60) { random.pick(recent) } else { random.pick(&able) };
        let any = (0..self.grants.len()).collect::<Vec<_>>();
        let parent = if random.percent(6) { random.pick(&any) } else { aimed };
        let Some(parent) = parent else { return self.invent_root(random) };
        let declared = self.grants[parent];
        let from = if random.percent(25) {
            Source::AnyGrantOf(declared.with)
        } else {
            Source::Grant(declared.label)
        };
        // Now and then with oneself or the owner, which is refused.
        let with = match random.below(100) {
            0 => OWNER,
            1 => declared.with,
            _ => random
                .pick(&PEOPLE.filter(|person| *person != declared.with).collect::<Vec<_>>())
                .unwrap_or(OWNER),
        };
        let shareable = self.held(parent).shareable;
        let rights =
            if random.percent(15) || shareable == Rights::NONE { random.rights() } else { shareable };
        let mut ends = vec![None, None, self.end(parent)];
        if let Some(end) = self.end(parent) {
            ends.push(Some(self.now + 1 + random.below((end - self.now).max(1) as usize) as Tick));
        }
        ends.push(Some(self.now + random.below(20) as Tick));
        let expiry = random.pick(&ends).flatten();
        Event::Share {
            label: self.events.len(),
            from,
            with,
            terms: Terms { rights, reshare: random.percent(85), expiry },
        }
    }

    /// Mostly somebody who may: the owner, or somebody further up.
    fn invent_actor(&self, grant: Number, random: &mut Random) -> Person {
        let above: Vec<Person> =
            self.ancestors(grant).map(|above| self.grants[above].with).chain([OWNER]).collect();
        match random.below(100) {
            0..5 => random.person(),
            5..8 => self.grants[grant].with,
            _ => random.pick(&above).unwrap_or(OWNER),
        }
    }

    /// Earlier or later, on the end of something else, or none.
    fn invent_end(&self, grant: Number, random: &mut Random) -> Option<Tick> {
        let end = self.end(grant);
        let above = self.grants[grant].parent.and_then(|parent| self.end(parent));
        match random.below(6) {
            0 => None,
            1 => above,
            2 => end.map(|end| end + 1 + random.below(12) as Tick),
            3 => end.map(|end| end - 1 - random.below(4) as Tick),
            4 => random.pick(&self.coming_ends()),
            _ => Some(self.now + random.below(25) as Tick),
        }
    }

    /// Onto an end, just before or just after one, or a little further.
    fn invent_instant(&self, random: &mut Random) -> Tick {
        let mut ends = self.coming_ends();
        ends.sort_unstable();
        let next = ends.first().copied().unwrap_or(self.now + 1);
        let to = match random.below(8) {
            0..3 => next,
            3 => next - 1,
            4 => next + 1,
            5 => ends.get(random.below(ends.len().min(4))).copied().unwrap_or(next),
            _ => self.now + 1 + random.below(4) as Tick,
        };
        to.max(self.now + 1)
    }

    fn coming_ends(&self) -> Vec<Tick> {
        (0..self.grants.len())
            .filter(|number| !self.has_fallen(*number))
            .filter_map(|number| self.end(number))
            .filter(|end| *end > self.now)
            .collect()
    }
}
