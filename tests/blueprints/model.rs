//! What a blueprint resolves to, from the rules alone: sets of names, no indices, nothing of the library's.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Tags = BTreeSet<(String, String)>;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) tags: Tags,
}

#[derive(Clone, Debug)]
pub(crate) struct Hole {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) conditions: Tags,
    /// Keys and names of other slots.
    pub(crate) filters: Vec<(String, String)>,
    pub(crate) hide: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Names and values, as often as they were said.
    pub(crate) said: Vec<(String, String)>,
    pub(crate) kept: BTreeMap<String, String>,
    pub(crate) fixed: BTreeMap<String, BTreeSet<String>>,
    pub(crate) fallback: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) chosen: BTreeMap<String, String>,
    pub(crate) open: BTreeMap<String, &'static str>,
    pub(crate) listed: BTreeMap<String, Vec<String>>,
    pub(crate) hidden: BTreeSet<String>,
    pub(crate) address: String,
}

fn in_common(one: &Thing, other: &Thing, key: &str) -> bool {
    one.tags.iter().any(|tag| tag.0 == key && other.tags.contains(tag))
}

struct Model<'a> {
    holes: &'a [Hole],
    things: &'a [Thing],
    wish: &'a Wish,
    placed: BTreeMap<&'a str, &'a Thing>,
    open: BTreeMap<&'a str, &'static str>,
}

impl<'a> Model<'a> {
    /// B3 and B11: and what has nothing in common with any device that a fixed slot may hold is never shown beside it.
    fn base(&self, hole: &'a Hole) -> Vec<&'a Thing> {
        let fits = |thing: &&Thing| {
            self.holes.iter().filter(|other| self.wish.fixed.contains_key(&other.name)).all(|other| {
                let ours = hole.filters.iter().filter(|(_, named)| *named == other.name);
                let theirs = other.filters.iter().filter(|(_, named)| *named == hole.name);
                let held = self.base_alone(other);
                ours.chain(theirs).all(|(key, _)| held.iter().any(|it| in_common(thing, it, key)))
            })
        };
        self.base_alone(hole).into_iter().filter(fits).collect()
    }

    fn base_alone(&self, hole: &'a Hole) -> Vec<&'a Thing> {
        let fixed = self.wish.fixed.get(&hole.name);
        let mut base: Vec<&Thing> = self
            .things
            .iter()
            .filter(|thing| thing.kind == hole.kind && hole.conditions.is_subset(&thing.tags))
            .filter(|thing| fixed.is_none_or(|ids| ids.contains(&thing.id)))
            .collect();
        base.sort_by_key(|thing| thing.id.as_bytes());
        base
    }

    /// B3: every filter between this one and a placed one, in either direction.
    fn is_compatible(&self, hole: &Hole, thing: &Thing) -> bool {
        self.placed.iter().all(|(name, placed)| {
            let other = self.holes.iter().find(|hole| hole.name == *name).expect("a slot");
            let ours = hole.filters.iter().filter(|(_, named)| named == name);
            let theirs = other.filters.iter().filter(|(_, named)| *named == hole.name);
            ours.chain(theirs).all(|(key, _)| in_common(thing, placed, key))
        })
    }

    fn try_to_place(&mut self, hole: &'a Hole, id: &str) -> bool {
        let found = self.base(hole).into_iter().find(|thing| thing.id == id);
        let found = found.filter(|thing| self.is_compatible(hole, thing));
        found.map(|thing| self.placed.insert(&hole.name, thing)).is_some()
    }

    fn place(&mut self, hole: &'a Hole, thing: &'a Thing) {
        self.placed.insert(&hole.name, thing);
    }

    fn leave_open(&mut self, name: &'a str, word: &'static str) {
        self.open.insert(name, word);
    }

    fn is_left(&self, hole: &Hole) -> bool {
        !self.placed.contains_key(hole.name.as_str()) && !self.open.contains_key(hole.name.as_str())
    }

    /// B5, step by step.
    fn run(&mut self) {
        let holes = self.holes;
        for hole in holes {
            let said: Vec<&str> = self
                .wish
                .said
                .iter()
                .filter(|(name, _)| *name == hole.name)
                .map(|(_, id)| id.as_str())
                .collect();
            let fixed: Vec<&str> =
                self.wish.fixed.get(&hole.name).into_iter().flatten().map(String::as_str).collect();
            let word = match (said.as_slice(), fixed.as_slice()) {
                ([], [only]) | ([only], _) if !only.is_empty() => {
                    if self.try_to_place(hole, only) {
                        continue;
                    }
                    "refused"
                }
                ([], _) => continue,
                ([_], _) => "not_named",
                _ => "refused",
            };
            self.open.insert(&hole.name, word);
        }
        if self.wish.fallback {
            for hole in holes {
                if let (true, Some(kept)) = (self.is_left(hole), self.wish.kept.get(&hole.name)) {
                    self.try_to_place(hole, kept);
                }
            }
            for hole in holes {
                if self.is_left(hole) {
                    let fits = |thing: &&Thing| self.is_compatible(hole, thing);
                    match self.base(hole).into_iter().find(fits) {
                        Some(thing) => self.place(hole, thing),
                        None => self.leave_open(&hole.name, "no_candidate"),
                    }
                }
            }
        }
        loop {
            let before = self.placed.clone();
            let are_fixed_placed = self.wish.fixed.keys().all(|fixed| before.contains_key(fixed.as_str()));
            let stays = |name: &&str| {
                let hole = holes.iter().find(|hole| hole.name == **name).expect("a slot");
                are_fixed_placed && hole.filters.iter().all(|(_, other)| before.contains_key(other.as_str()))
            };
            let (stay, go): (Vec<&str>, Vec<&str>) = before.keys().copied().partition(stays);
            if go.is_empty() {
                break;
            }
            self.placed.retain(|name, _| stay.contains(name));
            go.into_iter().for_each(|name| self.leave_open(name, "waits_for"));
        }
        for hole in holes {
            if self.is_left(hole) {
                self.open.insert(&hole.name, "not_named");
            }
        }
    }

    /// B8.
    fn listed(&self, hole: &'a Hole) -> Vec<String> {
        let placed = self.placed.get(hole.name.as_str());
        if !self.wish.fallback {
            return placed.map(|thing| thing.id.clone()).into_iter().collect();
        }
        let fits = |thing: &&Thing| {
            hole.filters.iter().all(|(key, other)| {
                self.placed.get(other.as_str()).is_none_or(|placed| in_common(thing, placed, key))
            })
        };
        self.base(hole).into_iter().filter(fits).map(|thing| thing.id.clone()).collect()
    }
}

/// One name or value of an address, as a form writes it.
pub(crate) fn as_in_a_form(text: &str) -> String {
    let written = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(written).collect()
}

pub(crate) fn outcome(holes: &[Hole], things: &[Thing], wish: &Wish) -> Outcome {
    let mut model = Model { holes, things, wish, placed: BTreeMap::new(), open: BTreeMap::new() };
    model.run();
    let listed: BTreeMap<String, Vec<String>> =
        holes.iter().map(|hole| (hole.name.clone(), model.listed(hole))).collect();
    let is_hidden = |hole: &&Hole| {
        hole.hide && listed[&hole.name].is_empty() && !model.placed.contains_key(hole.name.as_str())
    };
    let hidden = holes.iter().filter(is_hidden).map(|hole| hole.name.clone()).collect();
    let chosen: BTreeMap<String, String> =
        model.placed.iter().map(|(name, thing)| ((*name).to_owned(), thing.id.clone())).collect();
    let names: BTreeSet<&str> = holes.iter().map(|hole| hole.name.as_str()).collect();
    let value = |name| chosen.get(name).map_or("", String::as_str);
    let address: Vec<String> = names
        .into_iter()
        .map(|name| format!("{}={}", as_in_a_form(name), as_in_a_form(value(name))))
        .collect();
    let open = model.open.into_iter().map(|(name, word)| (name.to_owned(), word)).collect();
    Outcome { chosen, open, listed, hidden, address: address.join("&") }
}
