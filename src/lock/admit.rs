//! What a path of locks leaves of a question. The locks of a path are taken from the root down, so that the first one that
//! lets nothing more through is the one to name.

use super::{meet::Lock, query::Query, span::Spans, stored::StoredLock, window::Range};
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
    /// Rules: [K2](crate::specification).
    pub fn admits(&self, query: &Query, tags: &[Tag], instant: Timestamp, now: Timestamp) -> bool {
        self.devices.pass(&query.device, tags)
            && self.variables.pass(&query.device, &query.variable)
            && self.window(now).contains(instant)
            && choose(&[self], query).is_ok()
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

/// The name of a lock's parameter that fixes a slot of a blueprint (B11).
pub(crate) const SLOT: &str = "slot:";

/// Whether a device passes all locks of a path; which of them does not let it, if one does not.
pub(crate) fn device_passes(path: &[&StoredLock], device: &str, tags: &[Tag]) -> Result<(), (usize, Shut)> {
    let locks = readable(path)?;
    let mut met = Met::default();
    for (at, lock) in locks.iter().enumerate() {
        met.take(lock).map_err(|shut| (at, shut))?;
    }
    match locks.iter().position(|lock| !lock.devices.pass(device, tags)) {
        Some(at) => Err((at, Shut::Device)),
        None => Ok(()),
    }
}

/// What a path of locks leaves of a question for a device with these tags.
pub(crate) fn admit(
    path: &[&StoredLock],
    query: &Query,
    tags: &[Tag],
    now: Timestamp,
) -> Result<Left, (usize, Shut)> {
    device_passes(path, &query.device, tags)?;
    let locks = readable(path)?;
    if let Some(at) = locks.iter().position(|lock| !lock.variables.pass(&query.device, &query.variable)) {
        return Err((at, Shut::Variable));
    }
    let parameters = choose(&locks, query)?;
    let mut windows = Vec::with_capacity(locks.len());
    let mut window = Range::EVER;
    for lock in &locks {
        window = window.intersection(lock.window(now));
        windows.push(window);
    }
    let (read, shortened) = asked(&locks, query.range, window, now)?;
    if !read.intersection(window).is_empty() {
        return Ok(Left { range: read.intersection(window), parameters, shortened });
    }
    // The first one down to which nothing is left is the one that shuts it.
    let leaves_nothing = |(at, window): (usize, &Range)| {
        let above = locks.get(..=at).unwrap_or_default();
        asked(above, query.range, *window, now).is_ok_and(|(read, _)| read.intersection(*window).is_empty())
    };
    let at = windows.iter().enumerate().position(leaves_nothing).unwrap_or(0);
    Err((at, Shut::Outside(windows.get(at).copied().unwrap_or_default())))
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

/// The values of the parameters (K5). Those that fix a slot act on the device that is chosen for it (B11).
fn choose(locks: &[&Lock], query: &Query) -> Result<BTreeMap<String, String>, (usize, Shut)> {
    let mut chosen: BTreeMap<String, String> = query.parameters.clone();
    chosen.retain(|name, _| query.applies.contains(name));
    let mut met = Met::default();
    for (at, lock) in locks.iter().enumerate() {
        met.take(lock).map_err(|shut| (at, shut))?;
        for name in lock.parameters.keys() {
            let slot = name.strip_prefix(SLOT).zip(query.slot.as_deref());
            let left = met.parameters.get(name.as_str());
            let has = |value: &str| left.is_some_and(|left| left.contains(value));
            let is_let = match slot {
                Some((of, slot)) => of != slot || has(&query.device),
                None if !query.applies.contains(name) => {
                    return Err((at, Shut::NotApplied(name.clone())));
                }
                None => query.parameters.get(name).is_none_or(|value| has(value)),
            };
            if !is_let {
                return Err((at, Shut::NotChosen(name.clone())));
            }
        }
    }
    for (name, left) in met.parameters {
        if name.starts_with(SLOT) && query.slot.is_some() || chosen.contains_key(name) {
            continue;
        }
        let mut values = left.iter();
        match (values.next(), values.next()) {
            (Some(only), None) => chosen.insert(name.to_owned(), (*only).to_owned()),
            _ => {
                let at = locks.iter().position(|lock| lock.parameters.contains_key(name));
                return Err((at.unwrap_or(0), Shut::NotChosen(name.to_owned())));
            }
        };
    }
    Ok(chosen)
}

/// The range that is asked for, if it is not longer than one may be (K10), and whether that made it shorter.
fn asked(
    locks: &[&Lock],
    range: Range,
    window: Range,
    now: Timestamp,
) -> Result<(Range, bool), (usize, Shut)> {
    if locks.iter().all(|lock| lock.max_range.is_empty()) {
        return Ok((range, false));
    }
    if range == Range::EVER {
        let until = window.until.unwrap_or(now).min(now);
        let fits = |lock: &&Lock| {
            let ends = window.from.and_then(|from| lock.max_range.latest_end(from));
            lock.max_range.is_empty() || ends.zip(window.until).is_some_and(|(ends, until)| until <= ends)
        };
        if locks.iter().all(fits) {
            return Ok((range, false));
        }
        // Of all together: the latest of their starts need not suit each, where the days of a month are clamped.
        let longest = locks.iter().fold(Spans::NONE, |all, lock| all.meet(lock.max_range.clone()));
        let from = longest.earliest_start(until);
        return Ok((Range { from, until: Some(until) }, true));
    }
    // A side that is left out is the window's.
    let from = range.from.or(window.from).unwrap_or(Timestamp::MIN);
    let until = range.until.or(window.until).unwrap_or_else(|| now.max(from));
    for (at, lock) in locks.iter().enumerate() {
        if lock.max_range.latest_end(from).is_some_and(|end| end < until) {
            return Err((at, Shut::TooLong(lock.max_range.clone())));
        }
    }
    Ok((Range { from: Some(from), until: Some(until) }, false))
}
