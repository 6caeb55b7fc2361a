//! An order of maps whose keys are ids, that does not depend on the ids (T3).

use super::{
    body::{Body, Key},
    canon::{Search, TooAlike},
};
use serde_json::Value;
use std::borrow::Cow;

/// Two hashes in one. It has no seed, as a template has to come out the same wherever it is made.
pub(super) fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ 0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(u128::from(other.rotate_left(29) ^ 0xc2b2_ae3d_27d4_eb4f));
    (product as u64) ^ (product >> 64) as u64
}

fn text(text: &str) -> u64 {
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
        Value::String(word) => mix(22, text(word)),
        other => mix(23, text(&other.to_string())),
    }
}

/// Whether the keys of some map are ids. Those that are words stand in their own order.
fn has_maps(body: &Body) -> bool {
    match body {
        Body::Map(entries) => entries.iter().any(|(key, value)| key.word().is_none() || has_maps(value)),
        Body::List(items) => items.iter().any(has_maps),
        Body::Fields(fields) => fields.iter().any(|(_, field)| has_maps(field)),
        Body::Json(document) => has_maps(document),
        _ => false,
    }
}

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
    fn of(body: &Body) -> Self {
        let knot = match body {
            Body::Leaf(value) => return Self::Plain(mix(2, leaf(value))),
            Body::Text(of) => return Self::Plain(mix(3, text(of))),
            Body::Code(of) => return Self::Plain(mix(4, text(of))),
            Body::Owner => return Self::Plain(7),
            Body::Hole(symbol) => return Self::Symbol(Sign::Hole(*symbol)),
            Body::Id(space, symbol) => return Self::Symbol(Sign::Id(text(space), *symbol)),
            Body::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Body::Fields(fields) => {
                Self::Fields(fields.iter().map(|(name, field)| (text(name), Self::of(field))).collect())
            }
            Body::Map(entries) => {
                let sign = |key: &Key| match key {
                    Key::Word(word) => Sign::Word(text(word)),
                    Key::Id(space, symbol) => Sign::Id(text(space), *symbol),
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

/// Sorts the entries of every map. A key that is a word stands by that; keys that are ids stand by what they hold, where
/// they are referred to, and what is around those places, never by their spelling. Where that leaves several orders,
/// they are orders of what is alike: whichever it is, the document comes out the same.
///
/// # Errors
/// When so much is alike, and so much tied up with each other, that finding the order would take too long.
pub(super) fn sort(body: &mut Body, kinds: &[Option<Cow<'_, str>>]) -> Result<(), TooAlike> {
    if !has_maps(body) {
        return Ok(());
    }
    let knot = Knot::of(body);
    let first = |kind: &Option<Cow<'_, str>>| kind.as_deref().map_or(1, text);
    let colours = Search::new(&knot, kinds.iter().map(first).collect()).colours()?;
    arrange(body, knot, &colours);
    Ok(())
}

/// Sorts what symbols stand in. The other maps have words for keys: [`sort_keys`] sorts them as well.
fn arrange(body: &mut Body, knot: Knot, colours: &[u64]) {
    match (body, knot) {
        (Body::List(items), Knot::List(knots)) => {
            items.iter_mut().zip(knots).for_each(|(item, knot)| arrange(item, knot, colours));
        }
        (Body::Fields(fields), Knot::Fields(knots)) => {
            let fields = fields.iter_mut().zip(knots);
            fields.for_each(|((_, field), (_, knot))| arrange(field, knot, colours));
        }
        (Body::Map(entries), Knot::Map(knots)) => {
            let sign = |(entry, (sign, knot)): ((Key, Body), (Sign, Knot))| {
                ((sign.colour(colours), knot.content(colours)), entry, knot)
            };
            let mut sorted: Vec<_> = entries.drain(..).zip(knots).map(sign).collect();
            sorted.sort_by(|(one, (key, _), _), (other, (beside, _), _)| {
                key.word().cmp(&beside.word()).then_with(|| one.cmp(other))
            });
            for (_, (key, mut value), knot) in sorted {
                arrange(&mut value, knot, colours);
                entries.push((key, value));
            }
        }
        (Body::Json(document), Knot::Json(knot)) => arrange(document, *knot, colours),
        _ => {}
    }
}

/// Sorts every map by its keys, once they are numbered: that is how a template is read again.
pub(super) fn sort_keys(body: &mut Body) {
    match body {
        Body::List(items) => items.iter_mut().for_each(sort_keys),
        Body::Fields(fields) => fields.iter_mut().for_each(|(_, field)| sort_keys(field)),
        Body::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| sort_keys(value));
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        Body::Json(document) => sort_keys(document),
        _ => {}
    }
}
