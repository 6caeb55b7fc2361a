//! A canonical form by colour refinement with individualisation: an order of symbols that does not depend on how they are
//! spelt or where they stand in the source (T3).
//!
//! **What it computes.** A colour for each symbol, which is a number made of what is around the symbol and of nothing else:
//! two documents that differ by the names of their ids and the order of their maps give the same colours to the symbols
//! that correspond. Symbols of one colour at the end are interchangeable: whichever comes first, the document is the same.
//!
//! **How.** *Refinement* (also known as the one-dimensional Weisfeiler-Leman method): each round folds into the colour of a
//! symbol the sorted list of all places that it stands at, of which each is a hash that knows the other symbols by their
//! colours. It ends when a round tells no more symbols apart. What is alike then need not be interchangeable, and so
//! follows *individualisation*: one symbol of the smallest class that is left gets a colour of its own, which refinement
//! spreads. Each symbol of the class is tried in turn, and the one that leads to the smallest form wins, where a form is
//! the hash of all entries by their colours. Two things keep this short. Entries that share no symbol with others of their
//! like are parts that are put in order by themselves, and parts of one form are interchangeable. And where two symbols of
//! a class lead straight ahead to the same form with the same colours, one of them can stand for the other (it is an
//! automorphism), as can all symbols that correspond: only one of them is tried to the end.
//!
//! **Why it is exact.** Each choice is made by colours and forms, never by a spelling or a place in the source. No choice
//! is left out but those that an automorphism has shown to come to the same. So the result is that of trying every order,
//! as far as no two different trees have one hash of 64 bits.
//!
//! **What it costs.** A round of refinement looks at each knot of the part once and sorts what it has seen, and there are at
//! most as many rounds as symbols. Individualisation takes exponential time in the worst case, and graphs that force it are
//! known. Therefore the knots that are looked at are counted, and [`TooAlike`] ends it at the limits below: then there is
//! no order, and never a wrong one.

use super::knot::{Knot, Seen, Sign, mix, unordered};
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// How many knots may be looked at, whatever the size of the document.
const WORK: u64 = 40_000_000;
/// How often each knot of the document may be looked at beside that, on the average.
const TIMES: u64 = 64;
/// How many symbols may be individualised one within the other, or parts be split.
const DEPTH: usize = 200;

/// Finding the order would take more than [`WORK`], [`TIMES`] and [`DEPTH`] allow.
#[derive(Debug)]
pub(super) struct TooAlike;

/// An entry of a map of which there are others alike, with the place of its map.
#[derive(Clone, Copy)]
struct Unit<'k> {
    place: u64,
    sign: Sign,
    value: &'k Knot,
    size: u64,
}

impl Unit<'_> {
    fn content(&self, colours: &[u64]) -> u64 {
        mix(self.place, mix(self.sign.colour(colours), self.value.content(colours)))
    }

    fn look(&self, colours: &[u64], seen: &mut Seen) {
        let holds = self.value.look(mix(self.place, self.sign.colour(colours)), colours, seen);
        seen.note(self.sign, mix(self.place, holds));
    }
}

/// Entries that are alike and the symbols in them that are, as far as those tie them to each other.
#[derive(Default)]
struct Part<'k> {
    units: Vec<Unit<'k>>,
    symbols: Vec<usize>,
}

/// A symbol that was taken first, the form that this led to, and the colours in order, with their symbols.
type Tried = (usize, u64, Vec<(u64, usize)>);

pub(super) struct Search<'k> {
    root: &'k Knot,
    /// By symbol.
    colours: Vec<u64>,
    seen: Seen,
    /// For finding parts: each symbol's like, or itself.
    joined: Vec<usize>,
    /// How many more knots may be looked at.
    left: u64,
    /// How many symbols are individualised, or parts split, at this time.
    depth: usize,
    /// Whether only the first symbol of a class is taken first, to see what comes of it.
    quick: bool,
}

impl<'k> Search<'k> {
    pub(super) fn new(root: &'k Knot, colours: Vec<u64>) -> Self {
        let seen = Seen { places: vec![Vec::new(); colours.len()], open: vec![true; colours.len()] };
        let (joined, left) = ((0..colours.len()).collect(), WORK);
        Self { root, colours, seen, joined, left, depth: 0, quick: false }
    }

    /// A colour for each symbol, by its number. Those of one colour are interchangeable.
    pub(super) fn colours(mut self) -> Result<Vec<u64>, TooAlike> {
        let size = self.root.size();
        self.left = self.left.saturating_add(size.saturating_mul(TIMES));
        let part = Part {
            units: vec![Unit { place: 0, sign: Sign::Word(0), value: self.root, size }],
            symbols: (0..self.colours.len()).collect(),
        };
        self.refine(&part)?;
        self.settle(&part)?;
        Ok(self.colours)
    }

    fn spend(&mut self, work: u64) -> Result<(), TooAlike> {
        self.left = self.left.checked_sub(work).ok_or(TooAlike)?;
        Ok(())
    }

    fn colour(&self, symbol: usize) -> u64 {
        self.colours.get(symbol).copied().unwrap_or(0)
    }

    fn colours_of(&self, symbols: &[usize]) -> Vec<u64> {
        symbols.iter().map(|symbol| self.colour(*symbol)).collect()
    }

    fn colour_all(&mut self, symbols: &[usize], colours: &[u64]) {
        for (symbol, colour) in symbols.iter().zip(colours) {
            if let Some(of) = self.colours.get_mut(*symbol) {
                *of = *colour;
            }
        }
    }

    fn open(&mut self, symbols: &[usize], open: bool) {
        for symbol in symbols {
            if let Some(of) = self.seen.open.get_mut(*symbol) {
                *of = open;
            }
        }
    }

    /// Refinement: tells symbols apart by what is around them, until that tells no more of them apart.
    fn refine(&mut self, part: &Part<'k>) -> Result<(), TooAlike> {
        let size: u64 = part.units.iter().map(|unit| unit.size).sum();
        let mut classes = 0;
        loop {
            let mut colours = self.colours_of(&part.symbols);
            colours.sort_unstable();
            colours.dedup();
            if std::mem::replace(&mut classes, colours.len()) == colours.len() {
                return Ok(());
            }
            self.spend(size)?;
            for unit in &part.units {
                unit.look(&self.colours, &mut self.seen);
            }
            for symbol in &part.symbols {
                if let (Some(colour), Some(places)) =
                    (self.colours.get_mut(*symbol), self.seen.places.get_mut(*symbol))
                {
                    places.sort_unstable();
                    *colour = places.drain(..).fold(*colour, mix);
                }
            }
        }
    }

    /// Gives the symbols of a refined part colours of their own, and answers with the form of the part: parts of the same
    /// form are the same but for their symbols.
    fn settle(&mut self, part: &Part<'k>) -> Result<u64, TooAlike> {
        self.spend(part.units.iter().map(|unit| unit.size).sum())?;
        let mut sorted: Vec<(u64, usize)> = part.symbols.iter().map(|of| (self.colour(*of), *of)).collect();
        sorted.sort_unstable();
        let single = |class: &[(u64, usize)]| match class {
            [(_, symbol)] => Some(*symbol),
            _ => None,
        };
        let single: Vec<usize> =
            sorted.chunk_by(|(one, _), (other, _)| one == other).filter_map(single).collect();
        if single.len() == part.symbols.len() {
            return Ok(unordered(part.units.iter().map(|unit| unit.content(&self.colours)).collect()));
        }
        self.depth = self.depth.saturating_add(1);
        if self.depth > DEPTH {
            return Err(TooAlike);
        }
        self.open(&single, false);
        let (fixed, parts) = self.split(&part.units)?;
        let form = match parts.as_slice() {
            [] => fixed,
            [part] => mix(fixed, self.branch(part)?),
            parts => {
                let mut forms = Vec::with_capacity(parts.len());
                for part in parts {
                    forms.push((self.settle(part)?, part));
                }
                forms.sort_by_key(|(form, _)| *form);
                for (place, (_, part)) in (1..).zip(&forms) {
                    let colours: Vec<u64> =
                        self.colours_of(&part.symbols).into_iter().map(|colour| mix(colour, place)).collect();
                    self.colour_all(&part.symbols, &colours);
                }
                forms.iter().fold(fixed, |hash, (form, _)| mix(hash, *form))
            }
        };
        self.open(&single, true);
        self.depth = self.depth.saturating_sub(1);
        Ok(form)
    }

    /// The parts that symbols which are still alike tie together, and a hash of what is beside them.
    fn split(&mut self, units: &[Unit<'k>]) -> Result<(u64, Vec<Part<'k>>), TooAlike> {
        let (mut fixed, mut alike) = (Vec::new(), Vec::new());
        self.sift(units, &mut fixed, &mut alike)?;
        let mut tied: Vec<(Unit<'k>, Vec<usize>)> = Vec::with_capacity(alike.len());
        for unit in alike {
            let mut symbols = Vec::new();
            let open = &self.seen.open;
            let mut tell = |symbol: usize| {
                if open.get(symbol).copied().unwrap_or(false) {
                    symbols.push(symbol);
                }
            };
            unit.sign.symbol().into_iter().for_each(&mut tell);
            unit.value.symbols(&mut tell);
            if symbols.is_empty() {
                fixed.push(unit.content(&self.colours));
            } else {
                tied.push((unit, symbols));
            }
        }
        for symbol in tied.iter().flat_map(|(_, symbols)| symbols) {
            if let Some(of) = self.joined.get_mut(*symbol) {
                *of = *symbol;
            }
        }
        for (_, symbols) in &tied {
            for (one, other) in symbols.iter().zip(symbols.iter().skip(1)) {
                let (one, other) = (find(&mut self.joined, *one), find(&mut self.joined, *other));
                if let Some(of) = self.joined.get_mut(one) {
                    *of = other;
                }
            }
        }
        let mut places: HashMap<usize, usize> = HashMap::new();
        let mut parts: Vec<Part<'k>> = Vec::new();
        for (unit, symbols) in tied {
            let Some(first) = symbols.first() else { continue };
            let root = find(&mut self.joined, *first);
            let place = *places.entry(root).or_insert(parts.len());
            if place == parts.len() {
                parts.push(Part::default());
            }
            if let Some(part) = parts.get_mut(place) {
                part.units.push(unit);
                part.symbols.extend(symbols);
            }
        }
        for part in &mut parts {
            part.symbols.sort_unstable();
            part.symbols.dedup();
        }
        Ok((unordered(fixed), parts))
    }

    /// Sorts out the entries that have others alike. Within those that have none, there may be some.
    fn sift(
        &mut self,
        units: &[Unit<'k>],
        fixed: &mut Vec<u64>,
        alike: &mut Vec<Unit<'k>>,
    ) -> Result<(), TooAlike> {
        self.spend(units.iter().map(|unit| unit.size).sum())?;
        let mut sorted: Vec<(u64, &Unit<'k>)> =
            units.iter().map(|unit| (unit.content(&self.colours), unit)).collect();
        sorted.sort_by_key(|(content, _)| *content);
        for class in sorted.chunk_by(|(one, _), (other, _)| one == other) {
            match class {
                [(content, unit)] => {
                    fixed.push(*content);
                    let place = mix(unit.place, unit.sign.colour(&self.colours));
                    self.descend(unit.value, place, fixed, alike)?;
                }
                class => alike.extend(class.iter().map(|(_, unit)| **unit)),
            }
        }
        Ok(())
    }

    fn descend(
        &mut self,
        knot: &'k Knot,
        place: u64,
        fixed: &mut Vec<u64>,
        alike: &mut Vec<Unit<'k>>,
    ) -> Result<(), TooAlike> {
        match knot {
            Knot::Plain(_) | Knot::Symbol(_) => Ok(()),
            Knot::List(items) => (0_u64..)
                .zip(items)
                .try_for_each(|(index, item)| self.descend(item, mix(place, index), fixed, alike)),
            Knot::Fields(fields) => fields
                .iter()
                .try_for_each(|(name, field)| self.descend(field, mix(place, *name), fixed, alike)),
            // Each word is a key of its own.
            Knot::Map(entries) if entries.iter().all(|(sign, _)| sign.symbol().is_none()) => {
                entries.iter().try_for_each(|(sign, value)| {
                    self.descend(value, mix(place, sign.colour(&self.colours)), fixed, alike)
                })
            }
            Knot::Map(entries) => {
                let unit =
                    |(sign, value): &'k (Sign, Knot)| Unit { place, sign: *sign, value, size: value.size() };
                let units: Vec<Unit<'k>> = entries.iter().map(unit).collect();
                self.sift(&units, fixed, alike)
            }
            Knot::Json(document) => self.descend(document, mix(place, 12), fixed, alike),
        }
    }

    /// Individualisation: takes each symbol of a class first, and keeps to the one with the smallest form. One that another one can stand
    /// for, as going from it once straight ahead has shown, need not be tried.
    fn branch(&mut self, part: &Part<'k>) -> Result<u64, TooAlike> {
        let mut classes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for symbol in &part.symbols {
            classes.entry(self.colour(*symbol)).or_default().push(*symbol);
        }
        let classes = classes.into_iter().filter(|(_, members)| members.len() > 1);
        let Some((_, class)) = classes.min_by_key(|(colour, members)| (members.len(), *colour)) else {
            return Ok(unordered(part.units.iter().map(|unit| unit.content(&self.colours)).collect()));
        };
        let before = self.colours_of(&part.symbols);
        if self.quick {
            return self.take(part, *class.first().unwrap_or(&0));
        }
        let mut like: HashMap<usize, usize> = part.symbols.iter().map(|symbol| (*symbol, *symbol)).collect();
        let mut tried: Vec<Tried> = Vec::new();
        for symbol in &class {
            let root = root_of(&like, *symbol);
            if tried.iter().any(|(other, ..)| root_of(&like, *other) == root) {
                continue;
            }
            self.quick = true;
            let form = self.take(part, *symbol);
            self.quick = false;
            let form = form?;
            let mut sorted: Vec<(u64, usize)> =
                part.symbols.iter().map(|of| (self.colour(*of), *of)).collect();
            sorted.sort_unstable();
            self.colour_all(&part.symbols, &before);
            let same = |(_, of, colours): &&Tried| {
                let pairs = colours.iter().zip(&sorted);
                *of == form && pairs.into_iter().all(|((one, _), (other, _))| one == other)
            };
            match tried.iter().find(same) {
                Some((_, _, colours)) => {
                    for ((_, one), (_, other)) in colours.iter().zip(&sorted) {
                        let (one, other) = (root_of(&like, *one), root_of(&like, *other));
                        like.insert(one, other);
                    }
                }
                None => tried.push((*symbol, form, sorted)),
            }
        }
        let mut best: Option<(u64, Vec<u64>)> = None;
        for (symbol, ..) in tried {
            let form = self.take(part, symbol)?;
            let colours = self.colours_of(&part.symbols);
            self.colour_all(&part.symbols, &before);
            if best.as_ref().is_none_or(|(smallest, _)| form < *smallest) {
                best = Some((form, colours));
            }
        }
        let (form, colours) = best.unwrap_or_default();
        self.colour_all(&part.symbols, &colours);
        Ok(form)
    }

    /// Takes a symbol first, and what follows from that.
    fn take(&mut self, part: &Part<'k>, symbol: usize) -> Result<u64, TooAlike> {
        let colour = mix(self.colour(symbol), 13);
        self.colour_all(&[symbol], &[colour]);
        self.refine(part)?;
        self.settle(part)
    }
}

/// The symbol that stands for all that one is joined with.
fn find(joined: &mut [usize], mut symbol: usize) -> usize {
    loop {
        let next = joined.get(symbol).copied().unwrap_or(symbol);
        if next == symbol {
            return symbol;
        }
        let beyond = joined.get(next).copied().unwrap_or(next);
        if let Some(of) = joined.get_mut(symbol) {
            *of = beyond;
        }
        symbol = beyond;
    }
}

fn root_of(like: &HashMap<usize, usize>, mut symbol: usize) -> usize {
    while let Some(next) = like.get(&symbol).filter(|next| **next != symbol) {
        symbol = *next;
    }
    symbol
}
