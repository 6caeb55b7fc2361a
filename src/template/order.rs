//! An order of maps whose keys are ids, that does not depend on the ids (T3).

use super::body::{Body, Key};
use hashbrown::HashSet;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

/// How far what is around a symbol is taken into account.
const ROUNDS: usize = 256;
/// How many symbols that are alike in all of that are told apart by taking one of them first.
const TIES: usize = 32;

/// Two hashes in one. It has no seed, as a template has to come out the same wherever it is made; what it does not tell
/// apart only stands in a less settled order.
fn mix(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ 0x9e37_79b9_7f4a_7c15)
        .wrapping_mul(u128::from(other.rotate_left(29) ^ 0xc2b2_ae3d_27d4_eb4f));
    (product as u64) ^ (product >> 64) as u64
}

fn text(text: &str) -> u64 {
    let mut hash = text.len() as u64;
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0; 8];
        word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
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

fn has_maps(body: &Body) -> bool {
    match body {
        Body::Map(_) => true,
        Body::List(items) => items.iter().any(has_maps),
        Body::Fields(fields) => fields.iter().any(|(_, field)| has_maps(field)),
        Body::Json(document) => has_maps(document),
        _ => false,
    }
}

/// Sorts the entries of every map. A key that is a word stands by that; keys that are ids stand by what they hold, where
/// they are referred to, and what is around those places, never by their spelling. Two that are alike in all of that
/// may stand either way.
pub(super) fn sort(body: &mut Body, kinds: &[Option<Cow<'_, str>>]) {
    if !has_maps(body) {
        return;
    }
    let first = |kind: &Option<Cow<'_, str>>| kind.as_deref().map_or(1, text);
    let mut colours: Vec<u64> = kinds.iter().map(first).collect();
    refine(body, &mut colours);
    // In a ring of what is alike there is no first one: any of them is, and the others follow from it.
    let mut uses = vec![0; colours.len()];
    count(body, &mut uses);
    for _ in 0..TIES {
        let Some(symbol) = tied(&colours, &uses) else { break };
        if let Some(colour) = colours.get_mut(symbol) {
            *colour = mix(*colour, 13);
        }
        refine(body, &mut colours);
    }
    arrange(body, &colours);
}

/// Tells symbols apart by what is around them, until that tells no more of them apart.
fn refine(body: &Body, colours: &mut [u64]) {
    let distinct = |colours: &[u64]| colours.iter().collect::<HashSet<_>>().len();
    let mut classes = distinct(colours);
    for _ in 0..ROUNDS {
        let mut seen: Vec<Vec<u64>> = vec![Vec::new(); colours.len()];
        look(body, 0, colours, &mut seen);
        for (colour, mut places) in colours.iter_mut().zip(seen) {
            places.sort_unstable();
            *colour = places.into_iter().fold(*colour, mix);
        }
        let before = std::mem::replace(&mut classes, distinct(colours));
        if before == classes {
            return;
        }
    }
}

/// One of the symbols that are alike, if any are that stand at several places.
fn tied(colours: &[u64], uses: &[usize]) -> Option<usize> {
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    let mut alike: BTreeMap<u64, usize> = BTreeMap::new();
    for (symbol, (colour, _)) in colours.iter().zip(uses).enumerate().filter(|(_, (_, uses))| **uses > 1) {
        match first.get(colour) {
            Some(first) => {
                alike.insert(*colour, *first);
            }
            None => {
                first.insert(*colour, symbol);
            }
        }
    }
    alike.into_values().next()
}

fn count(body: &Body, uses: &mut [usize]) {
    let mut note = |symbol: usize| {
        if let Some(uses) = uses.get_mut(symbol) {
            *uses = uses.saturating_add(1);
        }
    };
    match body {
        Body::Hole(symbol) | Body::Id(_, symbol) => note(*symbol),
        Body::List(items) => items.iter().for_each(|item| count(item, uses)),
        Body::Fields(fields) => fields.iter().for_each(|(_, field)| count(field, uses)),
        Body::Map(entries) => {
            for (key, value) in entries {
                if let Key::Id(_, symbol) | Key::Hole(symbol) = key
                    && let Some(uses) = uses.get_mut(*symbol)
                {
                    *uses = uses.saturating_add(1);
                }
                count(value, uses);
            }
        }
        Body::Json(document) => count(document, uses),
        Body::Leaf(_) | Body::Text(_) | Body::Code(_) | Body::Owner => {}
    }
}

fn key_colour(key: &Key, colours: &[u64]) -> u64 {
    match key {
        Key::Word(word) => text(word),
        Key::Id(space, symbol) => mix(text(space), colours.get(*symbol).copied().unwrap_or(0)),
        Key::Hole(symbol) => colours.get(*symbol).copied().unwrap_or(0),
    }
}

/// What a tree holds, its symbols by their colours.
fn content(body: &Body, colours: &[u64]) -> u64 {
    match body {
        Body::Leaf(value) => mix(2, leaf(value)),
        Body::Text(of) => mix(3, text(of)),
        Body::Code(of) => mix(4, text(of)),
        Body::Hole(symbol) => mix(5, colours.get(*symbol).copied().unwrap_or(0)),
        Body::Id(space, symbol) => mix(text(space), colours.get(*symbol).copied().unwrap_or(0)),
        Body::Owner => 7,
        Body::List(items) => items.iter().fold(8, |hash, item| mix(hash, content(item, colours))),
        Body::Fields(fields) => {
            fields.iter().fold(9, |hash, (name, field)| mix(mix(hash, text(name)), content(field, colours)))
        }
        Body::Map(entries) => {
            let mut hashes: Vec<u64> = entries
                .iter()
                .map(|(key, value)| mix(key_colour(key, colours), content(value, colours)))
                .collect();
            hashes.sort_unstable();
            hashes.into_iter().fold(10, mix)
        }
        Body::Json(document) => mix(11, content(document, colours)),
    }
}

/// Notes for every symbol the places that it stands at, and answers with what the tree holds.
fn look(body: &Body, place: u64, colours: &[u64], seen: &mut [Vec<u64>]) -> u64 {
    fn note(seen: &mut [Vec<u64>], symbol: usize, what: u64) {
        if let Some(places) = seen.get_mut(symbol) {
            places.push(what);
        }
    }
    match body {
        Body::Hole(symbol) | Body::Id(_, symbol) => {
            note(seen, *symbol, mix(place, 1));
            content(body, colours)
        }
        Body::List(items) => {
            let items = (0_u64..).zip(items);
            items.fold(8, |hash, (index, item)| mix(hash, look(item, mix(place, index), colours, seen)))
        }
        Body::Fields(fields) => {
            let holds = fields.iter().fold(9, |hash, (name, field)| {
                let name = text(name);
                mix(mix(hash, name), look(field, mix(place, name), colours, seen))
            });
            // What stands beside a symbol tells it from its like.
            for (_, field) in fields {
                if let Body::Hole(symbol) | Body::Id(_, symbol) = field {
                    note(seen, *symbol, mix(place, holds));
                }
            }
            holds
        }
        Body::Map(entries) => {
            let mut hashes = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let colour = key_colour(key, colours);
                let holds = look(value, mix(place, colour), colours, seen);
                if let Key::Id(_, symbol) | Key::Hole(symbol) = key {
                    note(seen, *symbol, mix(place, holds));
                }
                hashes.push(mix(colour, holds));
            }
            hashes.sort_unstable();
            hashes.into_iter().fold(10, mix)
        }
        Body::Json(document) => mix(11, look(document, mix(place, 12), colours, seen)),
        Body::Leaf(_) | Body::Text(_) | Body::Code(_) | Body::Owner => content(body, colours),
    }
}

fn arrange(body: &mut Body, colours: &[u64]) {
    match body {
        Body::List(items) => items.iter_mut().for_each(|item| arrange(item, colours)),
        Body::Fields(fields) => fields.iter_mut().for_each(|(_, field)| arrange(field, colours)),
        Body::Map(entries) => {
            entries.sort_by_cached_key(|(key, value)| {
                let word = if let Key::Word(word) = key { word.clone() } else { String::new() };
                (word, key_colour(key, colours), content(value, colours))
            });
            entries.iter_mut().for_each(|(_, value)| arrange(value, colours));
        }
        Body::Json(document) => arrange(document, colours),
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
