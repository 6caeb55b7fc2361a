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

    /// How many slots a document has, each counted once.
    pub(super) fn slots_of(&self, body: &Body) -> usize {
        let mut stand = vec![false; self.kinds.len()];
        mark(body, &mut stand);
        stand.into_iter().filter(|stands| *stands).count()
    }

    /// Numbers ids and slots in an order that does not depend on the source's ids (T3).
    pub(super) fn number(self, mut body: Body) -> Result<(Body, Vec<Slot>), TooAlike> {
        order::sort(&mut body, &self.kinds)?;
        let mut numbers = Numbers {
            symbols: &self,
            of: vec![None; self.kinds.len()],
            ids: BTreeMap::new(),
            kinds: HashMap::new(),
            slots: Vec::new(),
        };
        numbers.assign(&mut body);
        let slots = numbers.slots;
        order::sort_keys(&mut body);
        Ok((body, slots))
    }
}

/// Marks the symbols of the slots that stand in a document.
fn mark(body: &Body, stand: &mut [bool]) {
    let mut slot = |symbol: usize| {
        if let Some(stands) = stand.get_mut(symbol) {
            *stands = true;
        }
    };
    match body {
        Body::Hole(symbol) => slot(*symbol),
        Body::List(items) => items.iter().for_each(|item| mark(item, stand)),
        Body::Fields(fields) => fields.iter().for_each(|(_, field)| mark(field, stand)),
        Body::Map(entries) => {
            entries.iter().for_each(|(key, _)| {
                if let Key::Hole(symbol) = key {
                    slot(*symbol);
                }
            });
            entries.iter().for_each(|(_, value)| mark(value, stand));
        }
        Body::Json(document) => mark(document, stand),
        Body::Leaf(_) | Body::Text(_) | Body::Code(_) | Body::Id(..) | Body::Owner => {}
    }
}

/// The numbers that symbols have got so far, each when its first place is reached.
struct Numbers<'s> {
    symbols: &'s Symbols<'s>,
    of: Vec<Option<usize>>,
    /// The next number of each space.
    ids: BTreeMap<String, usize>,
    /// How many slots of each kind there are. It is kept, since counting them for each slot anew would take as many steps
    /// as there are pairs of slots.
    kinds: HashMap<&'s str, usize>,
    slots: Vec<Slot>,
}

impl<'s> Numbers<'s> {
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
        let symbols: &'s Symbols<'s> = self.symbols;
        let (slots, counts) = (&mut self.slots, &mut self.kinds);
        let number = match self.of.get_mut(symbol) {
            Some(known) => *known.get_or_insert_with(|| {
                let kind: &'s str = symbols.kinds.get(symbol).and_then(Option::as_deref).unwrap_or_default();
                let before = counts.entry(kind).or_default();
                let required = symbols.required.get(symbol).copied().unwrap_or(false);
                slots.push(Slot { name: id_name(kind, *before), kind: kind.to_owned(), required, uses: 0 });
                *before = before.saturating_add(1);
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
