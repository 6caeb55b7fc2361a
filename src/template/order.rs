//! An order of maps whose keys are ids, that does not depend on the ids (T3).

use super::{
    body::{Body, Key},
    canon::{Search, TooAlike},
    knot::{Knot, Sign, hash_of},
};
use std::borrow::Cow;

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
    let first = |kind: &Option<Cow<'_, str>>| kind.as_deref().map_or(1, hash_of);
    let colours = Search::new(&knot, kinds.iter().map(first).collect()).colours()?;
    arrange(body, knot, &colours);
    Ok(())
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
