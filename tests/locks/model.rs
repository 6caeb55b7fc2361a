//! Locks as their rules say them (K2–K11), written down apart from the library: plain lists, of which every entry must
//! hold. Two locks meet by putting their lists one behind the other.

use super::calendar::{self, Clocks, Period};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// Zones whose data are the same in both sources for as long as the tests look at them; `windows.rs` checks it.
pub(crate) const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "America/Sao_Paulo",
];

static CLOCKS: LazyLock<Vec<Clocks>> = LazyLock::new(|| {
    let read = |name: &&str| Clocks::read(name.parse().expect("a zone"), 1850..2038, &[]);
    ZONES.iter().map(read).collect()
});

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Device {
    Id(&'static str),
    Tag(&'static str, &'static str),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Variable {
    Named(&'static str),
    Of(&'static str, &'static str),
}

/// So many periods in one of the [`ZONES`].
pub(crate) type Whole = (u16, Period, usize);

/// A lock: each list holds what somebody asked for, in any order, as often as they did.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Model {
    pub(crate) devices: Vec<Vec<Device>>,
    pub(crate) variables: Vec<Vec<Variable>>,
    pub(crate) absolute: Vec<(Option<i64>, Option<i64>)>,
    pub(crate) minutes: Vec<u32>,
    pub(crate) whole: Vec<Whole>,
    pub(crate) parameters: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) longest_minutes: Vec<u32>,
    pub(crate) longest_whole: Vec<Whole>,
}

/// One value of one variable of a device, and how it is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Datum {
    pub(crate) device: &'static str,
    pub(crate) tags: Vec<(&'static str, &'static str)>,
    pub(crate) variable: &'static str,
    pub(crate) instant: i64,
    pub(crate) values: BTreeMap<&'static str, &'static str>,
    pub(crate) applies: BTreeSet<&'static str>,
}

impl Datum {
    /// The value by which what is read is filtered, if the asker said one.
    pub(crate) fn chosen(&self, name: &str) -> Option<&'static str> {
        if self.applies.contains(name) { self.values.get(name).copied() } else { None }
    }
}

impl Model {
    /// K2: all that is asked for holds.
    pub(crate) fn admits(&self, datum: &Datum, now: i64) -> bool {
        self.names(datum)
            && self.instants(now).iter().all(|range| holds(*range, datum.instant))
            && self.values(datum)
    }

    pub(crate) fn names(&self, datum: &Datum) -> bool {
        let device = |selector: &Device| match selector {
            Device::Id(id) => *id == datum.device,
            Device::Tag(key, value) => datum.tags.contains(&(*key, *value)),
        };
        let variable = |selector: &Variable| match selector {
            Variable::Named(name) => *name == datum.variable,
            Variable::Of(device, name) => *device == datum.device && *name == datum.variable,
        };
        self.devices.iter().all(|clause| clause.iter().any(device))
            && self.variables.iter().all(|clause| clause.iter().any(variable))
    }

    /// K6–K9: ranges that the instant must lie in, every one of them.
    pub(crate) fn instants(&self, now: i64) -> Vec<(Option<i64>, Option<i64>)> {
        let sliding = self.minutes.iter().map(|minutes| now - i64::from(*minutes) * calendar::MINUTE);
        let whole = self.whole.iter().map(|(n, period, zone)| CLOCKS[*zone].start(*n, *period, now));
        let rolling = sliding.chain(whole).map(|start| (Some(start), Some(now)));
        self.absolute.iter().copied().chain(rolling).collect()
    }

    /// K5: which values are left for each name, by all that was asked of it.
    pub(crate) fn sets(&self) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let mut sets: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, values) in &self.parameters {
            let values: BTreeSet<&str> = values.iter().copied().collect();
            sets.entry(name).and_modify(|set| set.retain(|value| values.contains(value))).or_insert(values);
        }
        sets
    }

    /// K5: every locked name is applied, with a value of its set; who says none gets the only one.
    pub(crate) fn values(&self, datum: &Datum) -> bool {
        self.sets().iter().all(|(name, set)| match datum.chosen(name) {
            _ if !datum.applies.contains(name) => false,
            Some(value) => set.contains(value),
            None => set.len() == 1,
        })
    }

    /// K10: whether a range may be asked for; its length alone.
    pub(crate) fn allows(&self, from: i64, until: i64) -> bool {
        let ends = |(n, period, zone): &Whole| CLOCKS[*zone].later(from, *n, *period);
        self.longest_minutes.iter().all(|minutes| until - from <= i64::from(*minutes) * calendar::MINUTE)
            && self.longest_whole.iter().all(|whole| until <= ends(whole))
    }

    pub(crate) fn has_longest(&self) -> bool {
        !self.longest_minutes.is_empty() || !self.longest_whole.is_empty()
    }

    /// The same question with the values that this lock gives to who says none.
    pub(crate) fn completed(&self, datum: &Datum) -> Datum {
        let mut whole = datum.clone();
        for (name, set) in self.sets() {
            if let ([only], None, true) =
                (set.iter().collect::<Vec<_>>().as_slice(), datum.chosen(name), datum.applies.contains(name))
            {
                whole.values.insert(name, only);
            }
        }
        whole
    }

    /// Both: everything that either asks for.
    pub(crate) fn meet(&self, other: &Self) -> Self {
        fn joined<T: Clone>(a: &[T], b: &[T]) -> Vec<T> {
            [a, b].concat()
        }
        Self {
            devices: joined(&self.devices, &other.devices),
            variables: joined(&self.variables, &other.variables),
            absolute: joined(&self.absolute, &other.absolute),
            minutes: joined(&self.minutes, &other.minutes),
            whole: joined(&self.whole, &other.whole),
            parameters: joined(&self.parameters, &other.parameters),
            longest_minutes: joined(&self.longest_minutes, &other.longest_minutes),
            longest_whole: joined(&self.longest_whole, &other.longest_whole),
        }
    }

    /// K11: what two locks must have in common to be the same value.
    pub(crate) fn canonical(&self) -> Canonical {
        Canonical {
            devices: least(&self.devices),
            variables: least(&self.variables),
            absolute: common(&self.absolute),
            minutes: self.minutes.iter().min().copied(),
            whole: fewest(&self.whole),
            parameters: self.sets(),
            longest_minutes: self.longest_minutes.iter().min().copied(),
            longest_whole: fewest(&self.longest_whole),
        }
    }
}

/// K11: sets that are sorted, of each the least that says it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Canonical {
    pub(crate) devices: BTreeSet<BTreeSet<Device>>,
    pub(crate) variables: BTreeSet<BTreeSet<Variable>>,
    pub(crate) absolute: Option<(Option<i64>, Option<i64>)>,
    pub(crate) minutes: Option<u32>,
    pub(crate) whole: BTreeMap<(Period, usize), u16>,
    pub(crate) parameters: BTreeMap<&'static str, BTreeSet<&'static str>>,
    pub(crate) longest_minutes: Option<u32>,
    pub(crate) longest_whole: BTreeMap<(Period, usize), u16>,
}

impl Canonical {
    /// K13: nothing can be in it, whatever the data and whenever.
    pub(crate) fn is_empty(&self) -> bool {
        self.devices.iter().any(BTreeSet::is_empty)
            || self.variables.iter().any(BTreeSet::is_empty)
            || self.absolute.is_none()
            || self.parameters.values().any(BTreeSet::is_empty)
    }
}

/// Clauses without those that another one says already.
fn least<T: Ord + Copy>(clauses: &[Vec<T>]) -> BTreeSet<BTreeSet<T>> {
    let all: BTreeSet<BTreeSet<T>> = clauses.iter().map(|clause| clause.iter().copied().collect()).collect();
    all.iter()
        .filter(|clause| !all.iter().any(|less| less != *clause && less.is_subset(clause)))
        .cloned()
        .collect()
}

fn fewest(all: &[Whole]) -> BTreeMap<(Period, usize), u16> {
    let mut fewest = BTreeMap::new();
    for (n, period, zone) in all {
        fewest.entry((*period, *zone)).and_modify(|least: &mut u16| *least = (*least).min(*n)).or_insert(*n);
    }
    fewest
}

/// What ranges have in common; `None` for nothing.
pub(crate) fn common(ranges: &[(Option<i64>, Option<i64>)]) -> Option<(Option<i64>, Option<i64>)> {
    let from = ranges.iter().filter_map(|(from, _)| *from).max();
    let until = ranges.iter().filter_map(|(_, until)| *until).min();
    from.zip(until).is_none_or(|(from, until)| from < until).then_some((from, until))
}

pub(crate) fn holds((from, until): (Option<i64>, Option<i64>), instant: i64) -> bool {
    from.is_none_or(|from| from <= instant) && until.is_none_or(|until| instant < until)
}
