//! Locks of the model: how much of the data, over the few devices, variables and values that a history is about.

use super::{DAY, Instant, START};
use std::fmt;

/// The devices of every dashboard; one more is asked for that none of them shows.
pub(crate) const DEVICES: u8 = 3;
/// The variables. Of the second device the dashboards show the first one only, and the last one of no device (K4).
pub(crate) const VARIABLES: u8 = 3;
/// The device with a tag.
pub(crate) const TAGGED: u8 = 1;

/// Ways to name devices: each by its id, and one by its tag.
const DEVICE_SELECTORS: u8 = DEVICES + 1;
/// Ways to name variables: the first two by their names, and the first of the first device.
const VARIABLE_SELECTORS: u8 = 3;

/// Whether the dashboards show a variable of a device (K4).
pub(crate) fn is_shown(device: u8, variable: u8) -> bool {
    device < DEVICES && variable < 2 && (device != 1 || variable == 0)
}

/// Clauses of selectors, a bit for each possible clause, whose bits are its selectors. All clauses must hold.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clauses(pub(crate) u16);

impl Clauses {
    pub(crate) fn one(selectors: u8) -> Self {
        Self(1 << selectors)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..16).filter(move |clause| self.0 & 1 << clause != 0)
    }

    /// K11: the union, without a clause that contains another.
    fn meet(self, other: Self) -> Self {
        let all = Self(self.0 | other.0);
        let contains = |large: u8, small: u8| large != small && large & small == small;
        let kept = all.iter().filter(|clause| !all.iter().any(|other| contains(*clause, other)));
        Self(kept.fold(0, |kept, clause| kept | 1 << clause))
    }

    /// Whether something passes that these selectors name.
    fn pass(self, named_by: u8) -> bool {
        self.iter().all(|clause| clause & named_by != 0)
    }

    fn is_shut(self) -> bool {
        self.0 & 1 != 0
    }
}

/// What is the matter with a lock as it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Good,
    /// A name in it is too long.
    TooLarge,
    Unreadable,
}

/// A lock in canonical form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) devices: Clauses,
    pub(crate) variables: Clauses,
    pub(crate) from: Option<Instant>,
    pub(crate) until: Option<Instant>,
    /// The absolute window is empty; then it has no sides.
    pub(crate) never: bool,
    /// A sliding window, in microseconds.
    pub(crate) last: Option<Instant>,
    /// Whole days in UTC.
    pub(crate) days: Option<u16>,
    /// The values that the one parameter may have, a bit for each.
    pub(crate) site: Option<u8>,
    pub(crate) max_range: Option<Instant>,
    pub(crate) form: Form,
}

/// Why nothing comes through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    Unreadable,
    Empty,
    Device,
    Variable,
    NotApplied,
    NotChosen,
    TooLong,
    Outside,
}

impl Why {
    /// The word for it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "lock_unreadable",
            Self::Empty => "locked_empty",
            Self::Device | Self::Variable => "device_not_shown",
            Self::NotApplied => "parameter_not_applied",
            Self::NotChosen => "parameter_not_chosen",
            Self::TooLong => "range_too_long",
            Self::Outside => "outside_window",
        }
    }
}

/// A question for the data of one variable of one device.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) export: bool,
    pub(crate) device: u8,
    pub(crate) variable: u8,
    pub(crate) from: Option<Instant>,
    pub(crate) until: Option<Instant>,
    /// Whether what is read is filtered by the parameter.
    pub(crate) applies: bool,
    pub(crate) site: Option<u8>,
}

impl Question {
    /// The value that counts: one that is not applied does not.
    pub(crate) fn chosen(&self) -> Option<u8> {
        self.site.filter(|_| self.applies)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from.zip(self.until).is_some_and(|(from, until)| from >= until)
    }

    pub(crate) fn asks_for_all(&self) -> bool {
        self.from.is_none() && self.until.is_none()
    }
}

impl Lock {
    pub(crate) const NONE: Self = Self {
        devices: Clauses(0),
        variables: Clauses(0),
        from: None,
        until: None,
        never: false,
        last: None,
        days: None,
        site: None,
        max_range: None,
        form: Form::Good,
    };
    pub(crate) const UNREADABLE: Self = Self { form: Form::Unreadable, ..Self::NONE };

    /// The same in canonical form.
    pub(crate) fn canonical(self) -> Self {
        Self::NONE.meet(self)
    }

    /// What both let through (K11).
    pub(crate) fn meet(self, other: Self) -> Self {
        if self.form == Form::Unreadable || other.form == Form::Unreadable {
            return Self::UNREADABLE;
        }
        let least = |a: Option<Instant>, b: Option<Instant>| a.into_iter().chain(b).min();
        let (from, until) = (self.from.max(other.from), least(self.until, other.until));
        let never = self.never || other.never || from.zip(until).is_some_and(|(from, until)| from >= until);
        Self {
            devices: self.devices.meet(other.devices),
            variables: self.variables.meet(other.variables),
            from: from.filter(|_| !never),
            until: until.filter(|_| !never),
            never,
            last: least(self.last, other.last),
            days: self.days.into_iter().chain(other.days).min(),
            site: match (self.site, other.site) {
                (Some(a), Some(b)) => Some(a & b),
                (a, b) => a.or(b),
            },
            max_range: least(self.max_range, other.max_range),
            form: if self.form == Form::Good { other.form } else { self.form },
        }
    }

    /// K11: a ⊑ b means that their meet is a.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.meet(other) == self.canonical()
    }

    /// Whether its form alone lets nothing through (K13); what cannot be read lets nothing through either (K24).
    pub(crate) fn shows_nothing(self) -> bool {
        self.form == Form::Unreadable || self.is_empty()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.never || self.devices.is_shut() || self.variables.is_shut() || self.site == Some(0)
    }

    /// As it is told to whom it locks: without the ids that a clause of ids alone shuts out (K22).
    pub(crate) fn as_told(self) -> Self {
        let ids = (1 << DEVICES) - 1;
        let of_ids = self.devices.iter().filter(|clause| clause & !ids == 0);
        let open = of_ids.fold(u8::MAX, |open, clause| open & (clause | !ids));
        let devices = self.devices.iter().fold(0, |all, clause| all | 1 << (clause & open));
        Self { devices: Clauses(devices), ..self }.canonical()
    }

    /// K3.
    fn passes_device(self, device: u8) -> bool {
        let by_tag = if device == TAGGED { 1 << DEVICES } else { 0 };
        self.devices.pass(1 << device.min(7) | by_tag)
    }

    /// K4.
    fn passes_variable(self, device: u8, variable: u8) -> bool {
        let by_name = if variable < 2 { 1 << variable } else { 0 };
        self.variables.pass(by_name | if (device, variable) == (0, 0) { 4 } else { 0 })
    }

    /// K6 to K9: where the window begins and ends, if it does. In UTC no clock goes back.
    pub(crate) fn window(self, now: Instant) -> (Option<Instant>, Option<Instant>) {
        if self.never {
            return (None, Some(Instant::MIN));
        }
        let sliding = self.last.map(|last| now - last);
        let whole = self.days.map(|days| now.div_euclid(DAY) * DAY - (Instant::from(days) - 1) * DAY);
        let rolls = sliding.is_some() || whole.is_some();
        let until = self.until.into_iter().chain(rolls.then_some(now)).min();
        ([self.from, sliding, whole].into_iter().flatten().max(), until)
    }
}

/// The meet of a path of locks.
pub(crate) fn met(path: &[Lock]) -> Lock {
    path.iter().fold(Lock::NONE, |met, lock| met.meet(*lock))
}

/// Whether a device passes all locks of a path, with some variable (K3, K4, K13, K22, K24).
pub(crate) fn device_passes(path: &[Lock], device: u8) -> Result<(), Why> {
    if path.iter().any(|lock| lock.form == Form::Unreadable) {
        return Err(Why::Unreadable);
    }
    if met(path).is_empty() {
        return Err(Why::Empty);
    }
    if !path.iter().all(|lock| lock.passes_device(device)) {
        return Err(Why::Device);
    }
    let passes = |variable: u8| path.iter().all(|lock| lock.passes_variable(device, variable));
    if (0..VARIABLES).any(passes) { Ok(()) } else { Err(Why::Variable) }
}

/// Whether a path shows some variable of a device at some instant now.
pub(crate) fn shows_some(path: &[Lock], device: u8, now: Instant) -> bool {
    let passes = |variable: u8| path.iter().all(|lock| lock.passes_variable(device, variable));
    let (from, until) = window(path, now);
    device_passes(path, device).is_ok()
        && (0..VARIABLES).any(|variable| is_shown(device, variable) && passes(variable))
        && from.zip(until).is_none_or(|(from, until)| from < until)
}

/// What the path makes of a question whatever the instant: the value of the parameter by which it is to be filtered.
fn choice(path: &[Lock], question: &Question, now: Instant) -> Result<Option<u8>, Why> {
    device_passes(path, question.device)?;
    if !path.iter().all(|lock| lock.passes_variable(question.device, question.variable)) {
        return Err(Why::Variable);
    }
    let chosen = match met(path).site {
        None => question.chosen(),
        Some(_) if !question.applies => return Err(Why::NotApplied),
        Some(values) => match question.site {
            Some(value) if values & 1 << value != 0 => Some(value),
            None if values.count_ones() == 1 => Some(values.trailing_zeros() as u8),
            _ => return Err(Why::NotChosen),
        },
    };
    let (from, until) = read(path, question, now);
    let too_long = |lock: &Lock| lock.max_range.is_some_and(|most| until.saturating_sub(from) > most);
    // Without a range the newest part is read (K10).
    if !question.asks_for_all() && path.iter().any(too_long) {
        return Err(Why::TooLong);
    }
    Ok(chosen)
}

/// The range that is asked for under a path of locks: a side that is left out is the window's.
fn read(path: &[Lock], question: &Question, now: Instant) -> (Instant, Instant) {
    let window = window(path, now);
    let from = question.from.or(window.0).unwrap_or(Instant::MIN);
    (from, question.until.or(window.1).unwrap_or(now.max(from)))
}

fn window(path: &[Lock], now: Instant) -> (Option<Instant>, Option<Instant>) {
    let windows = path.iter().map(|lock| lock.window(now));
    windows.fold((None, None), |(from, until), window| {
        (from.max(window.0), until.into_iter().chain(window.1).min())
    })
}

/// The part of the window that is read where no range is asked for and the window is longer than a range may be; `None`
/// where it is not.
fn newest_part(path: &[Lock], question: &Question, now: Instant) -> Option<(Instant, Instant)> {
    let most = path.iter().filter_map(|lock| lock.max_range).min().filter(|_| question.asks_for_all())?;
    let (from, until) = window(path, now);
    let fits = from.zip(until).is_some_and(|(from, until)| until.saturating_sub(from) <= most);
    let until = now.min(until.unwrap_or(now));
    (!fits).then(|| (until.saturating_sub(most), until))
}

/// What a path of locks leaves of a question: the value of the parameter to filter by, and the ranges in all of which an
/// instant has to lie.
#[derive(Clone, Debug)]
pub(crate) struct Sieve {
    pub(crate) value: Option<u8>,
    ranges: Vec<(Option<Instant>, Option<Instant>)>,
    /// Whether less than the window is read, because it is longer than a range may be.
    pub(crate) is_newest_part: bool,
}

impl Sieve {
    /// Whether the datum of an instant comes through (K2, K12).
    pub(crate) fn admits(&self, t: Instant) -> bool {
        let has = |(from, until): &(Option<Instant>, Option<Instant>)| {
            from.is_none_or(|from| from <= t) && until.is_none_or(|until| t < until)
        };
        self.ranges.iter().all(has)
    }

    /// Every instant at which something may begin or cease to come through.
    pub(crate) fn boundaries(&self) -> impl Iterator<Item = Instant> {
        self.ranges.iter().flat_map(|(from, until)| [*from, *until]).flatten()
    }
}

pub(crate) fn sieve(path: &[Lock], question: &Question, now: Instant) -> Result<Sieve, Why> {
    let value = choice(path, question, now)?;
    let mut ranges: Vec<_> = path.iter().map(|lock| lock.window(now)).collect();
    ranges.push((question.from, question.until));
    let newest = newest_part(path, question, now);
    ranges.extend(newest.map(|(from, until)| (Some(from), Some(until))));
    if !question.asks_for_all() && path.iter().any(|lock| lock.max_range.is_some()) {
        let (from, until) = read(path, question, now);
        ranges.push((Some(from), Some(until)));
    }
    Ok(Sieve { value, ranges, is_newest_part: newest.is_some() })
}

impl fmt::Debug for Clauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|clause| format!("{clause:b}"))).finish()
    }
}

fn hours(t: Instant) -> f64 {
    (t - START) as f64 / 3.6e9
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("open");
        }
        let mut parts = f.debug_struct("Lock");
        let given = |is: bool, parts: &mut fmt::DebugStruct<'_, '_>, name: &str, value: &dyn fmt::Debug| {
            if is {
                parts.field(name, value);
            }
        };
        given(self.devices.0 != 0, &mut parts, "devices", &self.devices);
        given(self.variables.0 != 0, &mut parts, "variables", &self.variables);
        given(self.from.is_some(), &mut parts, "from_hours", &self.from.map(hours));
        given(self.until.is_some(), &mut parts, "until_hours", &self.until.map(hours));
        given(self.never, &mut parts, "never", &self.never);
        given(self.last.is_some(), &mut parts, "last_us", &self.last);
        given(self.days.is_some(), &mut parts, "days", &self.days);
        given(self.site.is_some(), &mut parts, "site", &self.site);
        given(self.max_range.is_some(), &mut parts, "max_range_us", &self.max_range);
        given(self.form != Form::Good, &mut parts, "form", &self.form);
        parts.finish()
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of p{}'s v{} in {:?}..{:?}us, site {:?} applied {}",
            if self.export { "an export" } else { "a series" },
            self.device,
            self.variable,
            self.from.map(|t| t - START),
            self.until.map(|t| t - START),
            self.site,
            self.applies,
        )
    }
}

/// How many different clauses of devices and of variables there are, the empty one among them.
pub(crate) const DEVICE_CLAUSES: u8 = 1 << DEVICE_SELECTORS;
pub(crate) const VARIABLE_CLAUSES: u8 = 1 << VARIABLE_SELECTORS;
