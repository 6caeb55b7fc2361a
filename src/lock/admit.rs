//! What a path of locks leaves of a question. The locks of a path are taken from the root down, so that the first one that
//! lets nothing more through is the one to name.

use super::{
    meet::Lock,
    query::{Query, SLOT},
    selectors::VariableSelector,
    span::Spans,
    stored::StoredLock,
    window::Range,
};
use crate::value::{Tag, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What is left of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Left {
    pub(crate) range: Range,
    /// The values of the locked parameters, and what else was chosen.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Whether the longest range made it shorter than the window that was asked for.
    pub(crate) shortened: bool,
}

/// Why nothing is left, in the order in which it is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shut {
    Unreadable,
    Empty,
    Device,
    Variable,
    NotApplied(String),
    NotChosen(String),
    TooLong(Spans),
    Outside(Range),
}

impl Lock {
    /// Whether it admits one datum: the value that the variable of a question had at an instant, for a device with these
    /// tags, as of now. Everything else about locks follows from this.
    ///
    /// ```
    /// use dashshare::{Lock, Timestamp, lock::{Query, ReadKind}};
    /// let now: Timestamp = "2026-01-08T00:00:00Z".parse()?;
    /// let lock = Lock::NONE.last("7d".parse()?);
    /// let query = Query::new(ReadKind::Series, "pump-1", "temp");
    /// assert!(lock.admits(&query, &[], "2026-01-01T00:00:00Z".parse()?, now));
    /// assert!(!lock.admits(&query, &[], now, now), "half open");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// What a lock fixes slots of a blueprint to is admitted for the slot of the question, and nothing for another one: what
    /// fills that is not known here.
    ///
    /// Rules: [K2](crate::specification).
    pub fn admits(&self, query: &Query, tags: &[Tag], instant: Timestamp, now: Timestamp) -> bool {
        let fits = |slot: &str| {
            let ids = self.parameters.get(&format!("{SLOT}{slot}"));
            query.slot.as_deref() == Some(slot) && ids.is_some_and(|ids| ids.contains(&query.device))
        };
        self.devices.pass(&query.device, tags)
            && self.variables.pass(&query.device, &query.variable)
            && self.window(now).contains(instant)
            && choose(std::iter::once(self), query, fits).is_ok()
    }
}

impl Shut {
    /// How far a question came: the higher, the nearer it is to being admitted.
    pub(crate) const fn stage(&self) -> u8 {
        match self {
            Self::Unreadable => 0,
            Self::Empty => 1,
            Self::Device => 2,
            Self::Variable => 3,
            Self::NotApplied(_) => 4,
            Self::NotChosen(_) => 5,
            Self::TooLong(_) => 6,
            Self::Outside(_) => 7,
        }
    }
}

/// How a device stands to the slots of its dashboard.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Slots {
    /// The slots that the dashboard has.
    pub(crate) names: BTreeSet<String>,
    /// Those that may hold the device; `None` where the dashboard shows it by itself.
    pub(crate) holding: Option<BTreeSet<String>>,
}

impl Lock {
    /// The slots that it fixes, each with the devices that may fill it.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.parameters.iter().filter_map(|(name, ids)| Some((name.strip_prefix(SLOT)?, ids)))
    }
}

/// Whether a device passes all locks of a path, with some variable and in some slot; which of them does not let it, if one
/// does not.
pub(crate) fn device_passes(
    path: &[&StoredLock],
    device: &str,
    tags: &[Tag],
    slots: &Slots,
) -> Result<(), (usize, Shut)> {
    let locks = readable(path)?;
    let mut met = Met::default();
    for (at, lock) in locks.iter().enumerate() {
        met.take(lock).map_err(|shut| (at, shut))?;
    }
    let mut holding = slots.holding.clone();
    for (at, lock) in locks.iter().enumerate() {
        let mut passes = lock.devices.pass(device, tags);
        if let Some(left) = &mut holding {
            for (slot, ids) in lock.slots() {
                // What is not known lets nothing through (K2).
                passes &= slots.names.contains(slot);
                if !ids.contains(device) {
                    left.remove(slot);
                }
            }
            passes &= !left.is_empty();
        }
        if !passes {
            return Err((at, Shut::Device));
        }
    }
    let mut left: Option<BTreeSet<&str>> = None;
    for (at, lock) in locks.iter().enumerate() {
        for clause in lock.variables.iter() {
            let names = clause.iter().filter_map(|selector| match selector {
                VariableSelector::Named(name) => Some(name.as_str()),
                VariableSelector::Of { device: of, name } => (of == device).then_some(name.as_str()),
            });
            let is_left = |name: &&str| left.as_ref().is_none_or(|left| left.contains(name));
            left = Some(names.filter(is_left).collect());
        }
        if left.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err((at, Shut::Variable));
        }
    }
    Ok(())
}

/// What a path of locks leaves of a question for a device that passes them.
pub(crate) fn admit<'a>(
    path: impl Iterator<Item = &'a Lock> + Clone,
    query: &Query,
    slots: &Slots,
    now: Timestamp,
) -> Result<Left, (usize, Shut)> {
    if let Some(at) = path.clone().position(|lock| !lock.variables.pass(&query.device, &query.variable)) {
        return Err((at, Shut::Variable));
    }
    let parameters = choose(path.clone(), query, |slot| slots.names.contains(slot))?;
    let window_of = |path: &mut dyn Iterator<Item = &'a Lock>| {
        path.fold(Range::EVER, |window, lock| window.intersection(lock.window(now)))
    };
    let window = window_of(&mut path.clone());
    let (read, shortened) = asked(path.clone(), query.range, window, now)?;
    let range = read.intersection(window);
    if !range.is_empty() {
        return Ok(Left { range, parameters, shortened });
    }
    // The first one down to which nothing is left is the one that shuts it.
    let mut at = 0_usize;
    for last in 0..path.clone().count() {
        let above = path.clone().take(last.saturating_add(1));
        let window = window_of(&mut above.clone());
        if asked(above, query.range, window, now).is_ok_and(|(read, _)| read.intersection(window).is_empty())
        {
            at = last;
            break;
        }
    }
    Err((at, Shut::Outside(window_of(&mut path.take(at.saturating_add(1))))))
}

fn readable<'a>(path: &[&'a StoredLock]) -> Result<Vec<&'a Lock>, (usize, Shut)> {
    let read = |(at, stored): (usize, &&'a StoredLock)| stored.lock().ok_or((at, Shut::Unreadable));
    path.iter().enumerate().map(read).collect()
}

/// As much of the locks so far as tells whether their form is empty.
#[derive(Default)]
struct Met<'a> {
    absolute: Range,
    parameters: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Met<'a> {
    fn take(&mut self, lock: &'a Lock) -> Result<(), Shut> {
        self.absolute = self.absolute.intersection(lock.absolute_window());
        let mut is_empty = lock.is_empty() || self.absolute.is_empty();
        for (name, values) in &lock.parameters {
            let values = values.iter().map(String::as_str);
            let left = match self.parameters.get(name.as_str()) {
                None => values.collect(),
                Some(mine) => values.filter(|value| mine.contains(value)).collect::<BTreeSet<_>>(),
            };
            is_empty |= left.is_empty();
            self.parameters.insert(name, left);
        }
        if is_empty { Err(Shut::Empty) } else { Ok(()) }
    }
}

/// The values of the parameters (K5). Those that fix a slot are for the library to apply (B11), if it can.
fn choose<'a>(
    path: impl Iterator<Item = &'a Lock> + Clone,
    query: &Query,
    fits_slot: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>, (usize, Shut)> {
    for (at, lock) in path.clone().enumerate() {
        for (name, values) in &lock.parameters {
            let is_applied = match name.strip_prefix(SLOT) {
                Some(slot) if fits_slot(slot) => continue,
                Some(_) => false,
                None => query.applies.contains(name),
            };
            if !is_applied {
                return Err((at, Shut::NotApplied(name.clone())));
            }
            if query.parameters.get(name).is_some_and(|value| !values.contains(value)) {
                return Err((at, Shut::NotChosen(name.clone())));
            }
        }
    }
    let mut chosen = query.applied();
    for (at, lock) in path.clone().enumerate() {
        for (name, values) in &lock.parameters {
            if name.starts_with(SLOT) || chosen.contains_key(name) {
                continue;
            }
            let is_left = |value: &&String| {
                path.clone().filter_map(|lock| lock.parameters.get(name)).all(|set| set.contains(*value))
            };
            let mut left = values.iter().filter(is_left);
            match (left.next(), left.next()) {
                (Some(only), None) => chosen.insert(name.clone(), only.clone()),
                _ => return Err((at, Shut::NotChosen(name.clone()))),
            };
        }
    }
    Ok(chosen)
}

/// The range that is asked for, if it is not longer than one may be (K10), and whether that made it shorter.
fn asked<'a>(
    path: impl Iterator<Item = &'a Lock> + Clone,
    range: Range,
    window: Range,
    now: Timestamp,
) -> Result<(Range, bool), (usize, Shut)> {
    if path.clone().all(|lock| lock.max_range.is_empty()) {
        return Ok((range, false));
    }
    if range == Range::EVER {
        let until = window.until.unwrap_or(now).min(now);
        let fits = |lock: &Lock| {
            let ends = window.from.and_then(|from| lock.max_range.latest_end(from));
            lock.max_range.is_empty() || ends.zip(window.until).is_some_and(|(ends, until)| until <= ends)
        };
        if path.clone().all(fits) {
            return Ok((range, false));
        }
        // Of all together: the latest of their starts need not suit each, where the days of a month are clamped.
        let longest = path.fold(Spans::NONE, |all, lock| all.meet(lock.max_range.clone()));
        let from = longest.earliest_start(until);
        return Ok((Range { from, until: Some(until) }, true));
    }
    // A side that is left out is the window's.
    let from = range.from.or(window.from).unwrap_or(Timestamp::MIN);
    let until = range.until.or(window.until).unwrap_or_else(|| now.max(from));
    for (at, lock) in path.enumerate() {
        if lock.max_range.latest_end(from).is_some_and(|end| end < until) {
            return Err((at, Shut::TooLong(lock.max_range.clone())));
        }
    }
    Ok((Range { from: Some(from), until: Some(until) }, false))
}
