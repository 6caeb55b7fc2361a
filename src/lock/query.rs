//! A question for data: what a host is about to read.

use super::window::Range;
use crate::value::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// What the name of a lock's parameter begins with that fixes a slot of a blueprint (B11). The library applies such a
/// parameter, and nobody else.
pub(super) const SLOT: &str = "slot:";

/// What is read. No kind is exempt from a lock, and a host may have kinds of its own.
///
/// Rules: [K16](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "Cow<'_, str>", into = "String")]
#[non_exhaustive]
pub enum ReadKind {
    /// Data points in their order.
    Series,
    /// The newest value.
    Last,
    /// A sum, a mean, a count.
    Aggregate,
    /// Rows.
    Table,
    /// Positions.
    Map,
    /// Remarks on a series.
    Annotation,
    /// Alarms.
    Alarm,
    /// Events.
    Event,
    /// Lines of a log.
    Log,
    /// A file that was made from data, or stands among it.
    File,
    /// A picture that is made from data.
    Image,
    /// The values that a parameter may have.
    Options,
    /// A download. It needs a decision about [`Export`](crate::Action::Export).
    Export,
    /// A kind of the host's own.
    Other(String),
}

impl ReadKind {
    /// The library's own kinds.
    pub const EVERY: &[Self] = &[
        Self::Series,
        Self::Last,
        Self::Aggregate,
        Self::Table,
        Self::Map,
        Self::Annotation,
        Self::Alarm,
        Self::Event,
        Self::Log,
        Self::File,
        Self::Image,
        Self::Options,
        Self::Export,
    ];

    /// Its word.
    pub fn word(&self) -> &str {
        match self {
            Self::Series => "series",
            Self::Last => "last",
            Self::Aggregate => "aggregate",
            Self::Table => "table",
            Self::Map => "map",
            Self::Annotation => "annotation",
            Self::Alarm => "alarm",
            Self::Event => "event",
            Self::Log => "log",
            Self::File => "file",
            Self::Image => "image",
            Self::Options => "options",
            Self::Export => "export",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for ReadKind {
    /// The kind with this word, or one of the host's own.
    fn from(word: &str) -> Self {
        let known = Self::EVERY.iter().find(|kind| kind.word() == word);
        known.cloned().unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl From<Cow<'_, str>> for ReadKind {
    fn from(word: Cow<'_, str>) -> Self {
        Self::from(&*word)
    }
}

impl From<ReadKind> for String {
    fn from(kind: ReadKind) -> Self {
        kind.word().to_owned()
    }
}

/// A question for the data of one variable of one device: what a host is about to **read**, shifts and comparisons with
/// other times included, not what it is about to draw. Several variables are several questions.
///
/// ```
/// use dashshare::lock::{Query, ReadKind};
/// let query = Query::new(ReadKind::Series, "pump-1", "temp")
///     .between("2026-01-01T00:00:00Z".parse()?, "2026-01-02T00:00:00Z".parse()?)
///     .applying("site")
///     .choosing("site", "berlin");
/// # assert_eq!(query.device, "pump-1");
/// # Ok::<(), dashshare::TimestampError>(())
/// ```
///
/// Rules: [K16](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Query {
    /// What is read.
    pub kind: ReadKind,
    /// The device.
    pub device: String,
    /// The variable.
    pub variable: String,
    /// The range that is read. Without any side it asks for all that the window of a lock holds.
    pub range: Range,
    /// The values that the asker chose for parameters.
    pub parameters: BTreeMap<String, String>,
    /// The parameters by which what is read is really filtered.
    pub applies: BTreeSet<String>,
    /// The slot of a blueprint dashboard that the device was chosen for, if it was.
    pub slot: Option<String>,
}

impl Query {
    /// Reads all there is of a variable of a device.
    pub fn new(kind: ReadKind, device: impl Into<String>, variable: impl Into<String>) -> Self {
        Self {
            kind,
            device: device.into(),
            variable: variable.into(),
            range: Range::EVER,
            parameters: BTreeMap::new(),
            applies: BTreeSet::new(),
            slot: None,
        }
    }

    /// The same from an instant up to another.
    #[must_use]
    pub fn between(self, from: Timestamp, until: Timestamp) -> Self {
        Self { range: Range::new(from, until), ..self }
    }

    /// The same in a range.
    #[must_use]
    pub fn within(self, range: Range) -> Self {
        Self { range, ..self }
    }

    /// The same, filtered by a parameter.
    #[must_use]
    pub fn applying(mut self, parameter: impl Into<String>) -> Self {
        self.applies.insert(parameter.into());
        self
    }

    /// The same with a value chosen for a parameter. It counts only where the parameter is applied.
    #[must_use]
    pub fn choosing(mut self, parameter: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(parameter.into(), value.into());
        self
    }

    /// The values that it is filtered by. What a lock fixes a slot to is no filter of a host's.
    pub(crate) fn applied(&self) -> BTreeMap<String, String> {
        let is_applied = |name: &String| self.applies.contains(name) && !name.starts_with(SLOT);
        self.parameters
            .iter()
            .filter(|(name, _)| is_applied(name))
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect()
    }

    /// The same for a slot of a blueprint dashboard.
    #[must_use]
    pub fn in_slot(self, slot: impl Into<String>) -> Self {
        Self { slot: Some(slot.into()), ..self }
    }
}

/// Which variables of a device a dashboard shows, whatever is locked: what a host answers to
/// [`Directory::variables`](crate::Directory::variables).
///
/// Rules: [K4](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Variables {
    /// All that the device has.
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Variables {
    /// Whether a variable is among them.
    pub fn has(&self, variable: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(variable),
        }
    }
}
