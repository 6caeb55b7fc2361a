//! The leak detector: what was removed is looked for in what is left (T5).

use super::{
    body::{Body, Key},
    format_words::FormatWords,
    forms::{forms, joined},
    lexicon::{Field, words_of_text},
    report::{FoundText, Leak},
    shape::{is_id_shaped, may_hold_id, tokens},
};
use hashbrown::{HashMap, HashSet};
use std::collections::{BTreeMap, BTreeSet};

/// From this length on, a removed value is looked for within words too.
const WITHIN: usize = 8;
/// How many words a name may have to be looked for.
const WORDS: usize = 6;

/// What a removed value was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// An id, of a device or within the document.
    Id,
    Value,
    /// A query, formula or script.
    Code,
    /// What something is called, wherever it stands.
    Name,
    /// What a member is called. It is a word of the source's format, or a name in its place, but no credential.
    Member,
}

/// How a removed value is sought, and what it means that it is found again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Sought {
    /// The owner is asked; in names and keys only where it is nobody's invention that they are called the same.
    Ask,
    /// The owner is asked, wherever it is.
    AskOfAll,
    /// It refuses the template, if it is all of a text.
    Text,
    /// It refuses, where no letter or digit stands beside it.
    Whole,
    /// It refuses, within words too.
    Within,
}

/// The removed values that are looked for, each once: with the place of one of them.
#[derive(Debug)]
pub(super) struct Taint<'a> {
    values: HashMap<String, (String, Sought)>,
    /// What is told by the names of fields.
    fields: HashMap<String, Field>,
    /// The format's own, which are not looked for.
    own: &'a FormatWords,
}

impl<'a> Taint<'a> {
    pub(super) fn new(own: &'a FormatWords) -> Self {
        Self { values: HashMap::new(), fields: HashMap::new(), own }
    }

    /// Notes a removed value, if it is one to look for.
    pub(super) fn note(&mut self, text: &str, kind: Kind, path: &Path) {
        if may_hold_id(text) {
            for token in tokens(text).filter(|token| is_id_shaped(token)) {
                self.put(token, Sought::Within, path);
            }
        }
        match kind {
            Kind::Id if is_plain(text) => self.put(text, Sought::AskOfAll, path),
            Kind::Id if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                if text.len() >= 5 {
                    self.put(text, Sought::Whole, path);
                }
            }
            Kind::Id if text.len() >= 4 => self.put(text, Sought::Within, path),
            Kind::Id => {}
            Kind::Code => self.note_literals(text, path),
            // Neither a name nor a credential is as short.
            Kind::Name | Kind::Value | Kind::Member if text.len() < 3 => {}
            Kind::Name | Kind::Value | Kind::Member => match (self.field(path), kind) {
                // A word is what a format calls its members. What has a digit may be data, and the owner is asked.
                (Field::Credential, Kind::Member) if !text.bytes().any(|byte| byte.is_ascii_digit()) => {}
                (Field::Credential, Kind::Member) => self.name(text, Sought::AskOfAll, path),
                (Field::Credential, _) if text.trim().len() >= 6 => {
                    self.put(text.trim(), Sought::Whole, path);
                }
                (Field::Credential, _) if text.trim().len() >= 4 => self.put(text.trim(), Sought::Text, path),
                (Field::Credential, _) => {}
                (Field::Who, _) | (_, Kind::Name) => self.name(text, Sought::AskOfAll, path),
                (Field::What, _) if path.is_of_current() => self.name(text, Sought::Ask, path),
                (Field::What, _) if may_be_name(text) => self.put(text, Sought::Ask, path),
                _ => {}
            },
        }
    }

    /// Whether a number that was removed here is looked for, however small.
    pub(super) fn takes_numbers(&mut self, path: &Path) -> bool {
        self.field(path) == Field::Credential
    }

    /// A name, unless it is a word of the format.
    fn name(&mut self, text: &str, sought: Sought, path: &Path) {
        if may_be_name(text) && text.len() <= 128 && !self.own.is_plain(text) {
            self.put(text, sought, path);
        }
    }

    /// What stands in quotes in a query may name what it asks for.
    fn note_literals(&mut self, code: &str, path: &Path) {
        let mut rest = code;
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\'' | b'`')) {
            let (_, quoted) = rest.split_at(at);
            let quote = quoted.chars().next().unwrap_or('"');
            let inside = quoted.get(1..).unwrap_or_default();
            let Some(end) = inside.find(quote) else { break };
            let literal = inside.get(..end).unwrap_or_default();
            // Plain words in lower case are mostly those of the query.
            let may_be = literal.contains([' ', '.']) || literal.contains(char::is_uppercase);
            if may_be && literal.len() <= 64 && !literal.contains(['$', '{', '*', '|', '(']) {
                self.name(literal, Sought::Ask, path);
            }
            rest = inside.get(end.saturating_add(1)..).unwrap_or_default();
        }
    }

    fn field(&mut self, path: &Path) -> Field {
        let name = path.last();
        if let Some(known) = self.fields.get(name) {
            return if *known == Field::Other && path.is_of_current() { Field::What } else { *known };
        }
        let field = Field::of(name);
        self.fields.insert(name.to_owned(), field);
        self.field(path)
    }

    fn put(&mut self, text: &str, sought: Sought, path: &Path) {
        if text.is_empty() || text.len() > 4096 || self.own.is_own(text) {
            return;
        }
        match self.values.get_mut(text) {
            Some((_, before)) => *before = sought.max(*before),
            None => {
                self.values.insert(text.to_owned(), (path.text.clone(), sought));
            }
        }
    }
}

fn may_be_name(text: &str) -> bool {
    text.chars().filter(|c| c.is_alphabetic()).nth(2).is_some()
}

/// Where in a document the walk is: the fields on the way there.
#[derive(Default, Debug)]
pub(super) struct Path {
    text: String,
    ends: Vec<usize>,
}

impl Path {
    pub(super) fn push(&mut self, field: &str) {
        self.ends.push(self.text.len());
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(field);
    }

    pub(super) fn pop(&mut self) {
        self.text.truncate(self.ends.pop().unwrap_or(0));
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The fields on the way, the last one first.
    fn fields(&self) -> impl Iterator<Item = &str> {
        let ends = self.ends.iter().rev().copied();
        let mut end = self.text.len();
        ends.filter_map(move |start| {
            let field = self.text.get(start..end).unwrap_or_default();
            end = start;
            Some(field.strip_prefix('.').unwrap_or(field)).filter(|field| !matches!(*field, "[]" | "*"))
        })
    }

    fn last(&self) -> &str {
        self.fields().next().unwrap_or_default()
    }

    /// Whether it is what somebody has chosen of a variable's values.
    fn is_of_current(&self) -> bool {
        let mut fields = self.fields();
        matches!(fields.next(), Some("text" | "value")) && fields.next() == Some("current")
    }
}

fn is_plain(text: &str) -> bool {
    (3..=48).contains(&text.len()) && text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '_' | '-'))
}

/// All strings that are left, keys among them. Fields are the profile's own words, and so are the leaves that are.
fn strings<'a>(body: &'a Body, own: &FormatWords, found: &mut HashSet<&'a str>) {
    match body {
        Body::Leaf(value) => found.extend(value.as_str().filter(|word| !own.is_own(word))),
        Body::Text(text) | Body::Code(text) => {
            found.insert(text);
        }
        Body::List(items) => items.iter().for_each(|item| strings(item, own, found)),
        Body::Fields(fields) => fields.iter().for_each(|(_, field)| strings(field, own, found)),
        Body::Map(entries) => {
            for (key, value) in entries {
                if let Key::Word(word) = key {
                    found.insert(word);
                }
                strings(value, own, found);
            }
        }
        Body::Json(document) => strings(document, own, found),
        Body::Hole(_) | Body::Id(..) | Body::Owner => {}
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// The first bytes of what is looked for within words; of what is shorter there are none.
fn start(text: &[u8]) -> Option<u64> {
    text.first_chunk::<WITHIN>().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What is looked for, so that a text is read once whatever the number of values is.
#[derive(Default)]
struct Needles<'t> {
    found: HashMap<String, (&'t str, Sought)>,
    /// The lengths of those that begin alike.
    starts: HashMap<u64, BTreeSet<usize>>,
    /// The lengths of those that are too short for that.
    short: BTreeSet<usize>,
}

impl<'t> Needles<'t> {
    fn add(&mut self, needle: String, path: &'t str, sought: Sought) {
        match start(needle.as_bytes()) {
            Some(start) => self.starts.entry(start).or_default().insert(needle.len()),
            None => self.short.insert(needle.len()),
        };
        let known = self.found.entry(needle).or_insert((path, sought));
        known.1 = known.1.max(sought);
    }

    /// Whether a form has this value at this place.
    fn has(&self, form: &str, at: usize, length: usize) -> Option<(&str, &'t str)> {
        let end = at.saturating_add(length);
        let (needle, (path, sought)) = self.found.get_key_value(form.get(at..end)?)?;
        let before = form.get(..at).and_then(|before| before.chars().next_back());
        let behind = form.get(end..).and_then(|behind| behind.chars().next());
        let beside = [before, behind].into_iter().flatten();
        let stands = match sought {
            Sought::Within if length >= WITHIN => true,
            Sought::Within if needle.chars().all(is_of_word) => !beside.into_iter().any(is_of_word),
            Sought::Text => form.trim() == needle,
            _ => !beside.into_iter().any(char::is_alphanumeric),
        };
        stands.then_some((needle, path))
    }

    fn find<'n>(&'n self, form: &str, mut tell: impl FnMut(&'n str, &'t str)) {
        for (at, window) in form.as_bytes().windows(WITHIN).enumerate() {
            let lengths = start(window).and_then(|start| self.starts.get(&start));
            for length in lengths.into_iter().flatten() {
                if let Some((needle, path)) = self.has(form, at, *length) {
                    tell(needle, path);
                }
            }
        }
        if self.short.is_empty() {
            return;
        }
        let mut before = ' ';
        for (at, c) in form.char_indices() {
            let begins =
                if before.is_ascii() { !before.is_ascii_alphanumeric() } else { !before.is_alphanumeric() };
            if begins {
                for length in &self.short {
                    if let Some((needle, path)) = self.has(form, at, *length) {
                        tell(needle, path);
                    }
                }
            }
            before = c;
        }
    }
}

/// The removed ids and credentials that are still there.
pub(super) fn leaks(body: &Body, removed: &Taint<'_>) -> Vec<Leak> {
    let mut needles = Needles::default();
    for (value, (path, sought)) in removed.values.iter().filter(|(_, (_, sought))| *sought >= Sought::Text) {
        let value = value.to_lowercase();
        if *sought == Sought::Within && value.contains(['-', ':']) {
            needles.add(joined(&value), path, *sought);
        }
        needles.add(value, path, *sought);
    }
    if needles.found.is_empty() {
        return Vec::new();
    }
    let mut left = HashSet::new();
    strings(body, removed.own, &mut left);
    let mut found: HashMap<&str, (&str, &str)> = HashMap::new();
    for text in left {
        for form in forms(text) {
            needles.find(&form, |needle, path| {
                let first = found.entry(needle).or_insert((path, text));
                *first = (*first).min((path, text));
            });
        }
    }
    let leak = |(path, text): &(&str, &str)| Leak { path: (*path).to_owned(), text: (*text).to_owned() };
    found.values().map(leak).collect::<BTreeSet<_>>().into_iter().collect()
}

/// All texts and code that are left.
fn texts<'a>(body: &'a Body, found: &mut HashSet<&'a str>) {
    match body {
        Body::Text(text) | Body::Code(text) => {
            found.insert(text);
        }
        Body::List(items) => items.iter().for_each(|item| texts(item, found)),
        Body::Fields(fields) => fields.iter().for_each(|(_, field)| texts(field, found)),
        Body::Map(entries) => entries.iter().for_each(|(_, value)| texts(value, found)),
        Body::Json(document) => texts(document, found),
        _ => {}
    }
}

/// The kept texts that hold a name which was removed elsewhere, as whole words, and the kept words of the schema that
/// do.
pub(super) fn names(body: &Body, kept: &HashSet<String>, removed: &Taint<'_>) -> Vec<FoundText> {
    let mut names: HashMap<String, bool> = HashMap::new();
    for (value, (_, sought)) in &removed.values {
        let name = words_of_text(value);
        if name.len() >= 3 {
            // That a word of the schema is called as something else is, is no wonder, as long as it is one word.
            *names.entry_ref(&name).or_default() |= *sought != Sought::Ask || name.contains(' ');
        }
    }
    let firsts: HashSet<&str> = names.keys().filter_map(|name| name.split(' ').next()).collect();
    let mut left = HashSet::new();
    texts(body, &mut left);
    let mut found = BTreeMap::new();
    let both = left.iter().map(|text| (*text, false)).chain(kept.iter().map(|name| (name.as_str(), true)));
    for (text, is_word) in both {
        let words = words_of_text(text);
        let starts = words.match_indices(' ').map(|(at, _)| at.saturating_add(1));
        let mut parts =
            [0].into_iter().chain(starts).filter_map(|start| words.get(start..)).flat_map(|rest| {
                let known = rest.split(' ').next().is_some_and(|first| firsts.contains(first));
                let ends = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
                ends.take(if known { WORDS } else { 0 }).filter_map(move |end| rest.get(..end))
            });
        if let Some(name) = parts.find(|part| names.get(*part).is_some_and(|tells| *tells || !is_word)) {
            found.insert(text, name.to_owned());
        }
    }
    found.into_iter().map(|(text, name)| FoundText { text: text.to_owned(), name }).collect()
}
