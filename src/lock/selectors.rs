//! Which devices and which variables: selectors, and clauses of them.

use crate::value::Tag;
use serde::Serialize;
use std::fmt;

/// One way to name devices. Ids, keys and values compare byte for byte.
///
/// Rules: [K3](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum DeviceSelector {
    /// The device with this id. What it covers does not grow.
    Id(String),
    /// Every device with this tag at the time of the question, so whoever may tag a device may open it.
    Tag(Tag),
}

impl DeviceSelector {
    /// Every device with this tag.
    pub fn tag(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Tag(Tag::new(key, value))
    }
}

impl From<&str> for DeviceSelector {
    fn from(id: &str) -> Self {
        Self::Id(id.to_owned())
    }
}

impl From<String> for DeviceSelector {
    fn from(id: String) -> Self {
        Self::Id(id)
    }
}

impl From<Tag> for DeviceSelector {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl fmt::Display for DeviceSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Tag(Tag { key, value }) => write!(f, "{key}={value}"),
        }
    }
}

/// One way to name variables. Names compare byte for byte.
///
/// Rules: [K4](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum VariableSelector {
    /// The variable with this name, of any device that passes.
    Named(String),
    /// The variable of one device.
    Of {
        /// The device's id.
        device: String,
        /// The variable's name.
        name: String,
    },
}

impl VariableSelector {
    /// The variable of one device.
    pub fn of(device: impl Into<String>, name: impl Into<String>) -> Self {
        Self::Of { device: device.into(), name: name.into() }
    }
}

impl From<&str> for VariableSelector {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl From<String> for VariableSelector {
    fn from(name: String) -> Self {
        Self::Named(name)
    }
}

impl fmt::Display for VariableSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Of { device, name } => write!(f, "{name} of {device}"),
        }
    }
}

/// Clauses of selectors: all clauses must hold, and a clause holds if one of its selectors does. No clause restricts
/// nothing; an empty clause lets nothing through. In canonical form: selectors and clauses are sorted, and a clause that
/// contains another is dropped, since it says nothing more.
///
/// Rules: [K3](crate::specification), [K11](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Clauses<S>(Vec<Vec<S>>);

impl<S> Default for Clauses<S> {
    fn default() -> Self {
        Self::OPEN
    }
}

impl<S> Clauses<S> {
    /// No clause: nothing is restricted.
    pub(super) const OPEN: Self = Self(Vec::new());
}

impl<S: Ord> Clauses<S> {
    /// One clause for each of the given lists.
    pub(super) fn of(clauses: impl IntoIterator<Item = Vec<S>>) -> Self {
        let mut all: Vec<Vec<S>> = clauses
            .into_iter()
            .map(|mut clause| {
                clause.sort_unstable();
                clause.dedup();
                clause
            })
            .collect();
        // Short ones first: what contains another comes after it.
        all.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        let mut kept: Vec<Vec<S>> = Vec::with_capacity(all.len());
        for clause in all {
            if !kept.iter().any(|smaller| is_subset(smaller, &clause)) {
                kept.push(clause);
            }
        }
        kept.sort_unstable();
        Self(kept)
    }

    /// What both let through.
    pub(super) fn meet(self, other: Self) -> Self {
        if self.0.is_empty() || self == other {
            return other;
        }
        if other.0.is_empty() {
            return self;
        }
        // Within each of the two no clause contains another. What one has in common with the other is kept once.
        let says_more = |clause: &Vec<S>, others: &[Vec<S>]| {
            others.iter().any(|other| other.len() < clause.len() && is_subset(other, clause))
        };
        let is_held = |clause: &Vec<S>| self.0.iter().any(|mine| is_subset(mine, clause));
        let theirs: Vec<bool> = other.0.iter().map(|clause| !is_held(clause)).collect();
        let mine: Vec<bool> = self.0.iter().map(|clause| !says_more(clause, &other.0)).collect();
        let keep = |clauses: Vec<Vec<S>>, kept: Vec<bool>| {
            clauses.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(clause, _)| clause)
        };
        let mut met: Vec<Vec<S>> = keep(self.0, mine).chain(keep(other.0, theirs)).collect();
        met.sort_unstable();
        Self(met)
    }

    /// Whether nothing is restricted.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a clause is empty, so that nothing passes whatever there is.
    pub fn is_shut(&self) -> bool {
        self.0.iter().any(Vec::is_empty)
    }

    /// The clauses, each sorted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[S]> {
        self.0.iter().map(Vec::as_slice)
    }
}

/// Whether all of a sorted list stands in another sorted one.
fn is_subset<S: Ord>(small: &[S], large: &[S]) -> bool {
    small.len() <= large.len() && small.iter().all(|wanted| large.binary_search(wanted).is_ok())
}

impl Clauses<DeviceSelector> {
    /// The same without the ids that a clause of ids alone shuts out.
    pub(super) fn without_hidden_ids(&self) -> Self {
        let is_of_ids = |clause: &&Vec<DeviceSelector>| {
            clause.iter().all(|selector| matches!(selector, DeviceSelector::Id(_)))
        };
        let of_ids: Vec<&Vec<DeviceSelector>> = self.0.iter().filter(is_of_ids).collect();
        let is_open = |selector: &&DeviceSelector| {
            !matches!(selector, DeviceSelector::Id(_))
                || of_ids.iter().all(|clause| clause.binary_search(selector).is_ok())
        };
        Self::of(self.0.iter().map(|clause| clause.iter().filter(is_open).cloned().collect()))
    }

    /// Whether a device with these tags passes.
    pub(crate) fn pass(&self, device: &str, tags: &[Tag]) -> bool {
        self.0.iter().all(|clause| {
            clause.iter().any(|selector| match selector {
                DeviceSelector::Id(id) => id == device,
                DeviceSelector::Tag(tag) => tags.contains(tag),
            })
        })
    }
}

impl Clauses<VariableSelector> {
    /// Whether a variable of a device passes.
    pub(crate) fn pass(&self, device: &str, variable: &str) -> bool {
        self.0.iter().all(|clause| {
            clause.iter().any(|selector| match selector {
                VariableSelector::Named(name) => name == variable,
                VariableSelector::Of { device: of, name } => of == device && name == variable,
            })
        })
    }
}
