//! Rights, and ends.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt};

/// One thing that a grant can allow.
///
/// Moving, resizing and editing are not rights: there is no value for them, so no grant can carry them.
///
/// Rules: [G5](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Right {
    /// See the dashboard and the data that it shows.
    View,
    /// Download the data that it shows, as CSV.
    Export,
}

impl Right {
    /// Every right there is, weakest first.
    pub const EVERY: &[Self] = &[Self::View, Self::Export];

    const fn bit(self) -> u8 {
        match self {
            Self::View => 1,
            Self::Export => 2,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Export => "export",
        }
    }
}

/// A set of [`Right`]s.
///
/// ```
/// use dashshare::{Right, Rights};
/// let both = Rights::VIEW | Rights::EXPORT;
/// assert!(both.covers(Rights::VIEW) && !Rights::VIEW.covers(both));
/// assert_eq!(both.iter().collect::<Vec<_>>(), [Right::View, Right::Export]);
/// assert_eq!(both.to_string(), "view and export");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Right>", into = "Vec<Right>")]
pub struct Rights(u8);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// Only [`Right::View`].
    pub const VIEW: Self = Self::NONE.with(Right::View);
    /// Only [`Right::Export`].
    pub const EXPORT: Self = Self::NONE.with(Right::Export);
    /// Every right there is: what an owner has.
    pub const ALL: Self = {
        let (mut all, mut rest) = (Self::NONE, Right::EVERY);
        while let [right, others @ ..] = rest {
            (all, rest) = (all.with(*right), others);
        }
        all
    };

    /// The same with one right more.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | right.bit())
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every right of `other` is in this set.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Whether this right is in the set.
    pub fn contains(self, right: Right) -> bool {
        self.covers(right.into())
    }

    /// The rights that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The rights of the set, weakest first.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::EVERY.iter().copied().filter(move |right| self.contains(*right))
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self::NONE.with(right)
    }
}

impl std::ops::BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::NONE, Self::with)
    }
}

impl From<Vec<Right>> for Rights {
    fn from(rights: Vec<Right>) -> Self {
        rights.into_iter().collect()
    }
}

impl From<Rights> for Vec<Right> {
    fn from(rights: Rights) -> Self {
        rights.iter().collect()
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Right::word).collect();
        f.write_str(if words.is_empty() { "nothing" } else { "" })?;
        f.write_str(&words.join(" and "))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

/// When something ends. It is always chosen, never left out.
///
/// The interval is half open: what ends at an instant is dead at that instant. `Never` orders after every instant.
///
/// Rules: [G6](crate::specification).
///
/// ```
/// use dashshare::{Expiry, Timestamp};
/// let noon = "2026-01-01T12:00:00Z".parse()?;
/// assert!(Expiry::At(noon).is_over(noon));
/// assert!(Expiry::Never > Expiry::At(noon));
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// No end of its own. For a reshare: as long as the grantor's own grant.
    Never,
    /// Dead from this instant on.
    At(Timestamp),
}

impl Expiry {
    /// Whether it is over at `now`.
    pub fn is_over(self, now: Timestamp) -> bool {
        matches!(self, Self::At(end) if end <= now)
    }

    /// The instant of the end, or `None` for never.
    pub const fn at(self) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::At(end) => Some(end),
        }
    }
}

impl From<Option<Timestamp>> for Expiry {
    fn from(end: Option<Timestamp>) -> Self {
        end.map_or(Self::Never, Self::At)
    }
}

impl Ord for Expiry {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::At(a), Self::At(b)) => a.cmp(b),
            (Self::At(_), Self::Never) => Ordering::Less,
            (Self::Never, Self::At(_)) => Ordering::Greater,
            (Self::Never, Self::Never) => Ordering::Equal,
        }
    }
}

impl PartialOrd for Expiry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::At(end) => end.fmt(f),
        }
    }
}
