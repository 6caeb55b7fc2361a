//! The keys of rules and of requests: hashes by which most rules are told apart without a look at their words.

use super::tuple::{Form, Principal, Resource};
use crate::value::Tag;
use hashbrown::{DefaultHashBuilder, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};

/// Up to this many keys of a request are computed once.
pub(super) const CACHED: usize = 24;
/// Above this many pairs of tags, those that match are found with a table.
const PAIRS: usize = 4096;

/// How words are hashed: with one random seed for a set and all that are made from it.
#[derive(Clone, Default)]
pub(super) struct Hash(DefaultHashBuilder);

/// Constants that keep the forms of targets and of resources apart.
const ANY: u64 = 0x9e37_79b9_7f4a_7c15;
const ID: u64 = 0xc2b2_ae3d_27d4_eb4f;
const TAG: u64 = 0x1656_67b1_9e37_79f9;
const MATCH: u64 = 0x27d4_eb2f_1656_67c5;
const PATH: u64 = 0x8525_25d4_5eb1_4a6b;

pub(super) fn mix(one: u64, other: u64) -> u64 {
    let product =
        u128::from(one ^ 0x2d35_8dcc_aa6c_78a5).wrapping_mul(u128::from(other ^ 0x8bb8_4b93_962e_acc9));
    (product as u64) ^ (product >> 64) as u64
}

impl Hash {
    pub(super) fn word(&self, word: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(word);
        hasher.finish()
    }

    pub(super) fn pair(&self, one: &str, other: &str) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(one.as_bytes());
        // Where one ends, so that no other pair has the same bytes.
        hasher.write_usize(one.len());
        hasher.write(other.as_bytes());
        hasher.finish()
    }

    pub(super) fn form(&self, form: Form<'_>) -> u64 {
        match form {
            Form::Any => ANY,
            Form::Id(id) => self.word(id.as_bytes()) ^ ID,
            Form::Tag(key, value) => self.pair(key, value) ^ TAG,
            Form::TagMatch(key) => self.word(key.as_bytes()) ^ MATCH,
            Form::Path(_) => PATH,
        }
    }
}

/// A question, with what finds its answer.
pub(super) struct Request<'a> {
    pub(super) hasher: &'a Hash,
    pub(super) principal: &'a Principal,
    pub(super) action: &'a str,
    pub(super) resource: &'a Resource,
}

/// The keys that a request's rules may have, computed when the first rule is aimed at its principal.
pub(super) struct Keys {
    /// Of the kind and the action.
    ask: u64,
    keys: [u64; CACHED],
    /// How many there are; `None` if they do not fit.
    len: Option<usize>,
    /// A bit for each, by its lowest bits: most clauses are told apart by it.
    pub(super) bits: u64,
    /// Whether a rule of the set may ask for a tag in common.
    matches: bool,
}

impl Keys {
    pub(super) fn of(request: &Request<'_>, matches: bool) -> Self {
        let ask = request.hasher.pair(&request.resource.kind, request.action);
        let keys = Self { ask, keys: [0; CACHED], len: None, bits: 0, matches };
        if request.resource.tags.len().saturating_mul(2).saturating_add(3) > CACHED {
            return keys;
        }
        let (mut list, mut len, mut bits) = ([0; CACHED], 0_usize, 0);
        let mut push = |key: u64| {
            if let Some(free) = list.get_mut(len) {
                *free = key;
                bits |= 1 << (key & 63);
                len = len.saturating_add(1);
            }
        };
        keys.each(request, &mut push);
        if request.resource.path.is_some() {
            push(keys.path());
        }
        Self { keys: list, len: Some(len), bits, ..keys }
    }

    pub(super) fn path(&self) -> u64 {
        mix(self.ask, PATH)
    }

    /// All keys, unless there are too many.
    pub(super) fn cached(&self) -> Option<&[u64]> {
        self.keys.get(..self.len?)
    }

    /// Each key but the one of paths.
    pub(super) fn each(&self, request: &Request<'_>, act: &mut impl FnMut(u64)) {
        let Request { hasher, resource, principal, .. } = request;
        act(mix(self.ask, ANY));
        if let Some(id) = resource.id.as_deref() {
            act(mix(self.ask, hasher.form(Form::Id(id))));
        }
        for tag in &resource.tags {
            act(mix(self.ask, hasher.form(Form::Tag(&tag.key, &tag.value))));
        }
        if !self.matches {
            return;
        }
        let many = principal.tags.len().saturating_mul(resource.tags.len()) > PAIRS;
        let table: HashSet<&Tag> = if many { principal.tags.iter().collect() } else { HashSet::new() };
        let is_in_common = |tag: &&Tag| if many { table.contains(tag) } else { principal.tags.contains(tag) };
        for tag in resource.tags.iter().filter(is_in_common) {
            act(mix(self.ask, hasher.form(Form::TagMatch(&tag.key))));
        }
    }
}
