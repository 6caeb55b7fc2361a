//! What a device must have in common with those that are placed already (B3).

use crate::{policy::Resource, value::Tag};
use hashbrown::HashMap;

/// How many ties one pass over a candidate's tags looks at.
const AT_ONCE: usize = 64;

/// The values of keys of which a candidate needs one for each tie, looked up by its own tags: one pass over them, however
/// many values the placed devices have.
pub(super) struct Ties<'a>(Vec<Chunk<'a>>);

struct Chunk<'a> {
    by_key: Vec<(&'a str, Values<'a>)>,
    /// A bit for each tie.
    all: u64,
}

/// Which ties each value of a key holds.
enum Values<'a> {
    One(&'a str, u64),
    Many(HashMap<&'a str, u64>),
}

impl<'a> Values<'a> {
    fn holds(&self, value: &str) -> u64 {
        match self {
            Self::One(only, ties) if *only == value => *ties,
            Self::One(..) => 0,
            Self::Many(all) => all.get(value).copied().unwrap_or(0),
        }
    }

    fn add(&mut self, value: &'a str, tie: u64) {
        match self {
            Self::One(only, ties) if *only == value => *ties |= tie,
            Self::One(only, ties) => *self = Self::Many(HashMap::from([(*only, *ties), (value, tie)])),
            Self::Many(all) => *all.entry(value).or_insert(0) |= tie,
        }
    }
}

impl<'a> Ties<'a> {
    /// Keys with the placed devices to have a value of them in common with.
    pub(super) fn new(ties: impl IntoIterator<Item = (&'a str, &'a Resource)>) -> Self {
        let ties: Vec<(&str, &Resource)> = ties.into_iter().collect();
        Self(ties.chunks(AT_ONCE).map(Chunk::of).collect())
    }

    /// Whether a candidate has a value in common for every tie. Two values are in common if they are the same bytes, and
    /// of a key that is there several times every value counts (P2).
    pub(super) fn hold(&self, candidate: &Resource) -> bool {
        self.0.iter().all(|chunk| chunk.holds(&candidate.tags))
    }
}

impl<'a> Chunk<'a> {
    fn of(ties: &[(&'a str, &'a Resource)]) -> Self {
        let mut chunk = Self { by_key: Vec::new(), all: 0 };
        for ((key, placed), bit) in ties.iter().zip(0_u32..) {
            let tie = 1_u64.wrapping_shl(bit);
            chunk.all |= tie;
            for tag in placed.tags.iter().filter(|tag| tag.key == *key) {
                match chunk.by_key.iter_mut().find(|(known, _)| known == key) {
                    Some((_, values)) => values.add(&tag.value, tie),
                    None => chunk.by_key.push((key, Values::One(&tag.value, tie))),
                }
            }
        }
        chunk
    }

    fn holds(&self, tags: &[Tag]) -> bool {
        let mut held = 0;
        for tag in tags {
            if let Some((_, values)) = self.by_key.iter().find(|(key, _)| *key == tag.key) {
                held |= values.holds(&tag.value);
            }
        }
        held == self.all
    }
}
