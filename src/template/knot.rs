//! A document's tree as far as symbols stand in it, as hashes: what an order that does not depend on ids is found by.

use super::body::{Body, Key};
use serde_json::Value;

/// A tree as far as symbols stand in it, which are all that changes while they are told apart.
pub(super) enum Knot {
    /// What a tree without a symbol holds.
    Plain(u64),
    Symbol(Sign),
    List(Vec<Knot>),
    /// With what their names are.
    Fields(Vec<(u64, Knot)>),
    Map(Vec<(Sign, Knot)>),
    Json(Box<Knot>),
}

/// A key, or what stands for a value.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Word(u64),
    Hole(usize),
    /// With what its space is.
    Id(u64, usize),
}

impl Sign {
    pub(super) fn symbol(self) -> Option<usize> {
        match self {
            Self::Word(_) => None,
            Self::Hole(symbol) | Self::Id(_, symbol) => Some(symbol),
        }
    }

    pub(super) fn colour(self, colours: &[u64]) -> u64 {
        let of = |symbol: usize| colours.get(symbol).copied().unwrap_or(0);
        match self {
            Self::Word(word) => word,
            Self::Hole(symbol) => of(symbol),
            Self::Id(space, symbol) => mix(space, of(symbol)),
        }
    }
}

impl Knot {
    pub(super) fn of(body: &Body) -> Self {
        let knot = match body {
            Body::Leaf(value) => return Self::Plain(mix(2, leaf(value))),
            Body::Text(of) => return Self::Plain(mix(3, hash_of(of))),
            Body::Code(of) => return Self::Plain(mix(4, hash_of(of))),
            Body::Owner => return Self::Plain(7),
            Body::Hole(symbol) => return Self::Symbol(Sign::Hole(*symbol)),
            Body::Id(space, symbol) => return Self::Symbol(Sign::Id(hash_of(space), *symbol)),
            Body::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Body::Fields(fields) => {
                Self::Fields(fields.iter().map(|(name, field)| (hash_of(name), Self::of(field))).collect())
            }
            Body::Map(entries) => {
                let sign = |key: &Key| match key {
                    Key::Word(word) => Sign::Word(hash_of(word)),
                    Key::Id(space, symbol) => Sign::Id(hash_of(space), *symbol),
                    Key::Hole(symbol) => Sign::Hole(*symbol),
                };
                Self::Map(entries.iter().map(|(key, value)| (sign(key), Self::of(value))).collect())
            }
            Body::Json(document) => Self::Json(Box::new(Self::of(document))),
        };
        let is_plain = |knot: &Self| matches!(knot, Self::Plain(_));
        let plain = match &knot {
            Self::Plain(_) | Self::Symbol(_) => false,
            Self::List(items) => items.iter().all(is_plain),
            Self::Fields(fields) => fields.iter().all(|(_, field)| is_plain(field)),
            Self::Map(entries) => {
                entries.iter().all(|(sign, value)| sign.symbol().is_none() && is_plain(value))
            }
            Self::Json(document) => is_plain(document),
        };
        if plain { Self::Plain(knot.content(&[])) } else { knot }
    }

    /// What a tree holds, its symbols by their colours.
    pub(super) fn content(&self, colours: &[u64]) -> u64 {
        match self {
            Self::Plain(content) => *content,
            Self::Symbol(Sign::Hole(symbol)) => mix(5, Sign::Hole(*symbol).colour(colours)),
            Self::Symbol(sign) => sign.colour(colours),
            Self::List(items) => items.iter().fold(8, |hash, item| mix(hash, item.content(colours))),
            Self::Fields(fields) => {
                fields.iter().fold(9, |hash, (name, field)| mix(mix(hash, *name), field.content(colours)))
            }
            Self::Map(entries) => {
                let hash = |(sign, value): &(Sign, Self)| mix(sign.colour(colours), value.content(colours));
                unordered(entries.iter().map(hash).collect())
            }
            Self::Json(document) => mix(11, document.content(colours)),
        }
    }

    /// Notes for every symbol the places that it stands at, and answers with what the tree holds.
    pub(super) fn look(&self, place: u64, colours: &[u64], seen: &mut Seen) -> u64 {
        match self {
            Self::Plain(content) => *content,
            Self::Symbol(sign) => {
                seen.note(*sign, mix(place, 1));
                self.content(colours)
            }
            Self::List(items) => {
                let items = (0_u64..).zip(items);
                items.fold(8, |hash, (index, item)| mix(hash, item.look(mix(place, index), colours, seen)))
            }
            Self::Fields(fields) => {
                let holds = fields.iter().fold(9, |hash, (name, field)| {
                    mix(mix(hash, *name), field.look(mix(place, *name), colours, seen))
                });
                // What stands beside a symbol tells it from its like.
                for (_, field) in fields {
                    if let Self::Symbol(sign) = field {
                        seen.note(*sign, mix(place, holds));
                    }
                }
                holds
            }
            Self::Map(entries) => {
                let mut hashes = Vec::with_capacity(entries.len());
                for (sign, value) in entries {
                    let colour = sign.colour(colours);
                    let holds = value.look(mix(place, colour), colours, seen);
                    seen.note(*sign, mix(place, holds));
                    hashes.push(mix(colour, holds));
                }
                unordered(hashes)
            }
            Self::Json(document) => mix(11, document.look(mix(place, 12), colours, seen)),
        }
    }

    /// How many knots it is of.
    pub(super) fn size(&self) -> u64 {
        let below = match self {
            Self::Plain(_) | Self::Symbol(_) => 0,
            Self::List(items) => items.iter().map(Self::size).sum(),
            Self::Fields(fields) => fields.iter().map(|(_, field)| field.size()).sum(),
            Self::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
            Self::Json(document) => document.size(),
        };
        below.saturating_add(1)
    }

    /// Tells all symbols that stand in it, as often as they do.
    pub(super) fn symbols(&self, tell: &mut impl FnMut(usize)) {
        match self {
            Self::Plain(_) => {}
            Self::Symbol(sign) => sign.symbol().into_iter().for_each(tell),
            Self::List(items) => items.iter().for_each(|item| item.symbols(tell)),
            Self::Fields(fields) => fields.iter().for_each(|(_, field)| field.symbols(tell)),
            Self::Map(entries) => {
                for (sign, value) in entries {
                    sign.symbol().into_iter().for_each(&mut *tell);
                    value.symbols(tell);
                }
            }
            Self::Json(document) => document.symbols(tell),
        }
    }
}

/// The places that symbols were seen at, of those that are still to be told apart.
pub(super) struct Seen {
    pub(super) places: Vec<Vec<u64>>,
    pub(super) open: Vec<bool>,
}

impl Seen {
    pub(super) fn note(&mut self, sign: Sign, what: u64) {
        if let Some(symbol) = sign.symbol()
            && self.open.get(symbol).copied().unwrap_or(false)
            && let Some(places) = self.places.get_mut(symbol)
        {
            places.push(what);
        }
    }
}

/// What a map holds, whatever the order of its entries.
pub(super) fn unordered(mut hashes: Vec<u64>) -> u64 {
    hashes.sort_unstable();
    hashes.into_iter().fold(10, mix)
}

/// Two hashes in one. It has no seed, as a template has to come out the same wherever it is made.
pub(super) fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ 0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(u128::from(other.rotate_left(29) ^ 0xc2b2_ae3d_27d4_eb4f));
    (product as u64) ^ (product >> 64) as u64
}

/// The hash of a text.
pub(super) fn hash_of(text: &str) -> u64 {
    let mut hash = text.len() as u64;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        hash = mix(hash, u64::from_le_bytes(word));
    }
    hash
}

fn leaf(value: &Value) -> u64 {
    match value {
        Value::Bool(flag) => mix(20, u64::from(*flag)),
        Value::Number(number) => mix(21, number.as_f64().unwrap_or(0.0).to_bits()),
        Value::String(word) => mix(22, hash_of(word)),
        other => mix(23, hash_of(&other.to_string())),
    }
}
