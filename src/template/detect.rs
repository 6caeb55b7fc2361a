//! The leak detector: what was removed is looked for in what is left (T5).

use super::{
    body::{Body, Key},
    report::{FoundText, Leak},
};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use hashbrown::{HashMap, HashSet};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    net::Ipv6Addr,
};

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
}

/// The removed values that are looked for, each once: with the place of one of them, and whether finding
/// it refuses the template; if not, the owner is asked.
#[derive(Default, Debug)]
pub(super) struct Taint {
    values: HashMap<String, (String, bool)>,
}

impl Taint {
    /// Notes a removed value, if it is one to look for.
    pub(super) fn note(&mut self, text: &str, kind: Kind, path: &Path) {
        if may_hold_id(text) {
            for token in tokens(text).filter(|token| is_id_shaped(token)) {
                self.put(token, true, path);
            }
        }
        match kind {
            Kind::Id if is_plain(text) => self.put(text, false, path),
            Kind::Id if text.len() >= 4 && !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.put(text, true, path)
            }
            Kind::Value
                if text.chars().filter(|c| c.is_alphabetic()).nth(3).is_some() && names_something(path) =>
            {
                self.put(text, false, path);
            }
            _ => {}
        }
    }

    fn put(&mut self, text: &str, refuses: bool, path: &Path) {
        if text.len() > 4096 {
            return;
        }
        match self.values.get_mut(text) {
            Some((_, before)) => *before |= refuses,
            None => {
                self.values.insert(text.to_owned(), (path.text.clone(), refuses));
            }
        }
    }
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

    fn last(&self) -> &str {
        self.ends.last().and_then(|end| self.text.get(*end..)).unwrap_or_default()
    }
}

/// Whether the field that a value stands in holds names of things.
fn names_something(path: &Path) -> bool {
    let field = path.last().as_bytes();
    ["name", "alias", "label", "title", "host", "instance"]
        .iter()
        .any(|part| field.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes())))
}

/// Whether a text may hold an id at all: none is as short, and none is without a digit or an `@`.
fn may_hold_id(text: &str) -> bool {
    text.len() >= 7 && text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@')
}

fn is_plain(text: &str) -> bool {
    (4..=48).contains(&text.len()) && text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '_' | '-'))
}

/// The parts of a text that may be ids.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| match c {
        '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '|' | '/' | '?'
        | '&' | '=' | '\\' | '$' | '#' | '*' => true,
        c if c.is_ascii() => c.is_ascii_whitespace() || c.is_ascii_control(),
        c => c.is_whitespace() || c.is_control(),
    });
    let trims = |c: char| matches!(c, '.' | ':' | '!' | '-' | '_' | '+' | '~' | '^');
    parts
        .filter(|part| part.len() >= 7)
        .map(move |part| part.trim_matches(trims))
        .filter(|part| part.len() >= 7)
}

/// Whether a text holds what looks like an id or a credential.
pub(super) fn has_id_shape(text: &str) -> bool {
    may_hold_id(text) && tokens(text).any(is_id_shaped)
}

const PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "akia",
    "dsl_",
    "eyj",
    "bearer",
];

fn is_id_shaped(token: &str) -> bool {
    let bytes = token.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 && !bytes.contains(&b'@') {
        return false;
    }
    (bytes.len() >= 16 && longest_hex(bytes) >= 16)
        || is_uuid(bytes)
        || (digits >= 9 && longest(bytes, u8::is_ascii_digit) >= 9)
        || (bytes.len() >= 16
            && digits >= 2
            && bytes.iter().any(u8::is_ascii_uppercase)
            && bytes.iter().any(u8::is_ascii_lowercase)
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')))
        || is_email(token)
        || is_ip(token)
        || (digits > 0 && bytes.contains(&b':') && token.parse::<Ipv6Addr>().is_ok())
        || is_mac(bytes)
        || (bytes.len() >= 12
            && digits > 0
            && PREFIXES.iter().any(|prefix| {
                bytes.get(..prefix.len()).is_some_and(|front| front.eq_ignore_ascii_case(prefix.as_bytes()))
            }))
}

fn longest(bytes: &[u8], is: impl Fn(&u8) -> bool) -> usize {
    bytes.split(|byte| !is(byte)).map(<[u8]>::len).max().unwrap_or(0)
}

/// The longest run of hexadecimal digits that is no word or number.
fn longest_hex(bytes: &[u8]) -> usize {
    let runs = bytes.split(|byte| !byte.is_ascii_hexdigit());
    let mixed = runs.filter(|run| run.iter().any(u8::is_ascii_digit));
    mixed.map(<[u8]>::len).max().unwrap_or(0)
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.windows(36).any(|window| {
        window.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

fn is_email(token: &str) -> bool {
    token.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.split_once('.').is_some_and(|(host, top)| !host.is_empty() && top.len() >= 2)
    })
}

fn is_ip(token: &str) -> bool {
    let host = token.split(':').next().unwrap_or(token);
    let mut parts = host.split('.');
    parts.clone().count() == 4 && parts.all(|part| part.len() <= 3 && part.parse::<u8>().is_ok())
}

fn is_mac(bytes: &[u8]) -> bool {
    bytes.len() == 17
        && bytes.iter().enumerate().all(|(place, byte)| match place % 3 {
            2 => matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}

/// All strings that are left, keys among them. Fields are the profile's own words.
fn strings<'a>(body: &'a Body, found: &mut HashSet<&'a str>) {
    match body {
        Body::Leaf(value) => found.extend(value.as_str()),
        Body::Text(text) | Body::Code(text) => {
            found.insert(text);
        }
        Body::List(items) => items.iter().for_each(|item| strings(item, found)),
        Body::Fields(fields) => fields.iter().for_each(|(_, field)| strings(field, found)),
        Body::Map(entries) => {
            for (key, value) in entries {
                if let Key::Word(word) = key {
                    found.insert(word);
                }
                strings(value, found);
            }
        }
        Body::Json(document) => strings(document, found),
        Body::Hole(_) | Body::Id(..) | Body::Owner => {}
    }
}

/// A string in the forms that a value may hide in.
fn forms(text: &str) -> Vec<Cow<'_, str>> {
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let mut forms = vec![if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }];
    let mut add = |form: &str| forms.push(Cow::Owned(form.to_lowercase()));
    if text.contains('%') {
        add(&percent_decoded(text));
    }
    if text.contains('\\') {
        add(&json_decoded(text));
    }
    for token in text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/-_".contains(c)) {
        decode(token, &mut add);
        // What stands before or behind an encoded value may be of the same characters.
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            token.split(['+', '/', '-', '_']).for_each(|token| decode(token, &mut add));
        }
    }
    let joined: Vec<Cow<'_, str>> =
        forms.iter().filter(|form| form.contains('-')).map(|form| form.replace('-', "").into()).collect();
    forms.extend(joined);
    forms
}

/// What a token may stand for, in base64 of either alphabet or in hexadecimal.
fn decode(token: &str, add: &mut impl FnMut(&str)) {
    if token.len() < 6 {
        return;
    }
    let base64 = if token.contains(['+', '/']) { &BASE64_NOPAD } else { &BASE64URL_NOPAD };
    let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    for encoding in [Some(base64), is_hex.then_some(&HEXLOWER_PERMISSIVE)].into_iter().flatten() {
        if let Ok(bytes) = encoding.decode(token.as_bytes())
            && let Ok(plain) = str::from_utf8(&bytes)
        {
            add(plain);
        }
    }
}

/// Escapes resolved as in a JSON string. The text need not be one: what is no escape stays.
fn json_decoded(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        units.extend(before.encode_utf16());
        let hex = escape.get(2..6).filter(|_| escape.starts_with("\\u"));
        if let Some(unit) = hex.and_then(|hex| u16::from_str_radix(hex, 16).ok()) {
            units.push(unit);
            rest = escape.get(6..).unwrap_or_default();
        } else {
            // An escaped quote, slash or backslash is the character itself; other escapes are as good as spaces.
            let character = escape.chars().nth(1);
            match character.filter(|c| !c.is_alphabetic()) {
                Some(character) => units.extend(character.encode_utf16(&mut [0; 2]).iter()),
                None => units.push(u16::from(b' ')),
            }
            rest =
                escape.get(1_usize.saturating_add(character.map_or(0, char::len_utf8))..).unwrap_or_default();
        }
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

/// Whether a text has a value in it that no letter or digit stands right beside.
fn has_whole(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, _)| {
        let end = at.saturating_add(value.len());
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let behind = text.get(end..).and_then(|behind| behind.chars().next());
        ![before, behind].into_iter().flatten().any(char::is_alphanumeric)
    })
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex =
            after.get(..2).filter(|_| *first == b'%').and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex).ok());
        match hex.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

/// The words of a form, as far as short values are looked for.
fn parts(form: &str) -> impl Iterator<Item = &str> {
    form.split(|c: char| !is_of_word(c))
}

/// The first bytes of what is looked for within words; of what is shorter there are none.
fn start(text: &[u8]) -> Option<u64> {
    text.first_chunk::<WITHIN>().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The removed ids and credentials that are still there.
pub(super) fn leaks(body: &Body, removed: &Taint) -> Vec<Leak> {
    let mut needles: Vec<(String, &str)> = Vec::new();
    for (value, (path, _)) in removed.values.iter().filter(|(_, (_, refuses))| *refuses) {
        let value = value.to_lowercase();
        if value.contains('-') {
            needles.push((value.replace('-', ""), path));
        }
        needles.push((value, path));
    }
    if needles.is_empty() {
        return Vec::new();
    }
    let starts: HashSet<u64> = needles.iter().filter_map(|(needle, _)| start(needle.as_bytes())).collect();
    let (words, others): (HashSet<&str>, HashSet<&str>) = needles
        .iter()
        .map(|(needle, _)| needle.as_str())
        .filter(|needle| needle.len() < WITHIN)
        .partition(|needle| needle.chars().all(is_of_word));
    // Most removed values are nowhere, and most strings hold none: the first bytes alone tell.
    let (mut starts_left, mut words_left) = (HashSet::new(), HashSet::new());
    let mut may_hold = |form: &str| {
        let windows = form.as_bytes().windows(WITHIN).filter_map(start);
        let mut holds = false;
        for start in windows.filter(|start| starts.contains(start)) {
            holds = true;
            starts_left.insert(start);
        }
        if !words.is_empty() {
            for word in parts(form).filter_map(|word| words.get(word)) {
                holds = true;
                words_left.insert(*word);
            }
        }
        holds || others.iter().any(|needle| has_whole(form, needle))
    };
    let mut left = HashSet::new();
    strings(body, &mut left);
    let mut suspects: Vec<(&str, Vec<Cow<'_, str>>)> = Vec::new();
    for text in left {
        let forms = forms(text);
        // All forms are looked at, not only the first that may hold one: what else they begin with counts as well.
        if forms.iter().filter(|form| may_hold(form)).count() > 0 {
            suspects.push((text, forms));
        }
    }
    suspects.sort_unstable();
    let mut found = BTreeSet::new();
    for (needle, path) in &needles {
        let needle = needle.as_str();
        let is_in = |form: &str| {
            if needle.len() >= WITHIN {
                form.contains(needle)
            } else if words.contains(needle) {
                parts(form).any(|word| word == needle)
            } else {
                has_whole(form, needle)
            }
        };
        let mut texts = suspects.iter().filter(|(_, forms)| forms.iter().any(|form| is_in(form)));
        let text = match start(needle.as_bytes()) {
            Some(start) if !starts_left.contains(&start) => None,
            None if words.contains(needle) && !words_left.contains(needle) => None,
            None if words.contains(needle) => texts.next_back(),
            _ => texts.next(),
        };
        if let Some((text, _)) = text {
            found.insert(Leak { path: (*path).to_owned(), text: (*text).to_owned() });
        }
    }
    found.into_iter().collect()
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

/// The words of a text in lower case, with a space between them.
fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !words.is_empty() {
            words.push(' ');
        }
        if word.is_ascii() {
            words.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            words.push_str(&word.to_lowercase());
        }
    }
    words
}

/// The kept texts that hold a name which was removed elsewhere, as whole words.
pub(super) fn names(body: &Body, removed: &Taint) -> Vec<FoundText> {
    let names = removed.values.keys().map(|value| words(value));
    let names: HashSet<String> = names.filter(|name| name.len() >= 4).collect();
    let firsts: HashSet<&str> = names.iter().filter_map(|name| name.split(' ').next()).collect();
    let mut kept = HashSet::new();
    texts(body, &mut kept);
    let mut found = BTreeMap::new();
    for text in kept {
        let words = words(text);
        let starts = words.match_indices(' ').map(|(at, _)| at.saturating_add(1));
        let mut parts =
            [0].into_iter().chain(starts).filter_map(|start| words.get(start..)).flat_map(|rest| {
                let known = rest.split(' ').next().is_some_and(|first| firsts.contains(first));
                let ends = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
                ends.take(if known { WORDS } else { 0 }).filter_map(move |end| rest.get(..end))
            });
        if let Some(name) = parts.find(|part| names.contains(*part)) {
            found.insert(text, name.to_owned());
        }
    }
    found.into_iter().map(|(text, name)| FoundText { text: text.to_owned(), name }).collect()
}
