//! Symbols: the numbers that stand for ids and slots while a document is walked, and those that they get in the end.

use super::{
    body::{Body, Key, Slot, id_name},
    canon::TooAlike,
    order,
    schema::SlotRule,
};
use hashbrown::HashMap;
use std::{borrow::Cow, collections::BTreeMap};

/// The symbols that were given out, in the order of the walk.
#[derive(Default)]
pub(super) struct Symbols<'a> {
    /// For each the kind of its slot, if it is one.
    kinds: Vec<Option<Cow<'a, str>>>,
    /// For each of a slot whether some place requires it.
    required: Vec<bool>,
    /// Those of slots that equal values share, by their kinds and these values.
    slots: BTreeMap<&'a str, HashMap<String, usize>>,
}

impl<'a> Symbols<'a> {
    /// A fresh one, of an id or of a slot of this kind.
    pub(super) fn fresh(&mut self, kind: Option<Cow<'a, str>>) -> usize {
        self.kinds.push(kind);
        self.required.push(false);
        self.kinds.len().saturating_sub(1)
    }

    /// The one of the slot that this value leaves.
    pub(super) fn slot(&mut self, rule: &'a SlotRule, value: &str) -> usize {
        let known = self.slots.get(&*rule.kind).and_then(|slots| slots.get(value)).copied();
        let symbol = known.unwrap_or_else(|| {
            let symbol = self.fresh(Some(Cow::Borrowed(&rule.kind)));
            self.slots.entry(&rule.kind).or_default().insert(value.to_owned(), symbol);
            symbol
        });
        if let Some(required) = self.required.get_mut(symbol) {
            *required |= rule.required;
        }
        symbol
    }

    /// Numbers ids and slots in an order that does not depend on the source's ids (T3).
    pub(super) fn number(self, mut body: Body) -> Result<(Body, Vec<Slot>), TooAlike> {
        order::sort(&mut body, &self.kinds)?;
        let mut numbers = Numbers {
            symbols: &self,
            of: vec![None; self.kinds.len()],
            ids: BTreeMap::new(),
            slots: Vec::new(),
        };
        numbers.assign(&mut body);
        let slots = numbers.slots;
        order::sort_keys(&mut body);
        Ok((body, slots))
    }
}

/// The numbers that symbols have got so far, each when its first place is reached.
struct Numbers<'s> {
    symbols: &'s Symbols<'s>,
    of: Vec<Option<usize>>,
    /// The next number of each space.
    ids: BTreeMap<String, usize>,
    slots: Vec<Slot>,
}

impl Numbers<'_> {
    fn id(&mut self, space: &str, symbol: usize) -> usize {
        let next = self.ids.entry(space.to_owned()).or_default();
        match self.of.get_mut(symbol) {
            Some(known) => *known.get_or_insert_with(|| {
                let number = *next;
                *next = next.saturating_add(1);
                number
            }),
            None => 0,
        }
    }

    fn slot(&mut self, symbol: usize) -> usize {
        let (slots, Symbols { kinds, required, .. }) = (&mut self.slots, self.symbols);
        let number = match self.of.get_mut(symbol) {
            Some(known) => *known.get_or_insert_with(|| {
                let kind = kinds.get(symbol).cloned().flatten().unwrap_or_default().into_owned();
                let before = slots.iter().filter(|slot| slot.kind == kind).count();
                let required = required.get(symbol).copied().unwrap_or(false);
                slots.push(Slot { name: id_name(&kind, before), kind, required, uses: 0 });
                slots.len().saturating_sub(1)
            }),
            None => 0,
        };
        if let Some(slot) = slots.get_mut(number) {
            slot.uses = slot.uses.saturating_add(1);
        }
        number
    }

    fn assign(&mut self, body: &mut Body) {
        match body {
            Body::Hole(slot) => *slot = self.slot(*slot),
            Body::Id(space, id) => *id = self.id(space, *id),
            Body::List(items) => items.iter_mut().for_each(|item| self.assign(item)),
            Body::Fields(fields) => fields.iter_mut().for_each(|(_, field)| self.assign(field)),
            Body::Map(entries) => {
                for (key, value) in entries {
                    match key {
                        Key::Id(space, id) => *id = self.id(space, *id),
                        Key::Hole(slot) => *slot = self.slot(*slot),
                        Key::Word(_) => {}
                    }
                    self.assign(value);
                }
            }
            Body::Json(document) => self.assign(document),
            Body::Leaf(_) | Body::Text(_) | Body::Code(_) | Body::Owner => {}
        }
    }
}
