//! Random policies and requests from a small vocabulary, so that they meet: most requests are made to fit a rule, many of
//! them to fit what a slip in it was meant to say.

use super::reference::{self, Ask};
use dashshare::policy::{Document, Limits, PolicySet, Principal, Resource};
use serde_json::{Value, json};

/// Random numbers from a seed (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, of: &mut [T]) {
        for last in (1..of.len()).rev() {
            of.swap(last, self.below(last + 1));
        }
    }
}

pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: `{text}` is no number")))
}

pub(crate) fn seed() -> u64 {
    number("DASHSHARE_SEED").unwrap_or(1)
}

const IDS: &[&str] = &["1", "2", "3", "4", "a", "A", "a ", "\u{e9}", "e\u{301}", ""];
const KEYS: &[&str] = &["site", "role", "org", "Site", "site ", "\u{e9}", "e\u{301}"];
pub(crate) const VALUES: &[&str] = &["north", "south", "east", "1", "North", " north", ""];
const PREFIXES: &[&str] = &["/", "/a/", "/a/b", "/a/b/", "/\u{e9}", "/e", "/A/", ""];
const ENDS: &[&str] = &["", "x", "b/c.txt", "\u{e9}/y", "\u{301}"];

/// Kinds of resources, with actions some of which only analyses have, and some of which only the host knows.
const VERBS: &[(&str, &[&str])] = &[
    ("dashboard", &["access", "arrangement", "edit", "create", "delete"]),
    ("device", &["access", "edit", "get_data", "create"]),
    ("entity", &["access", "edit", "create"]),
    ("run_user", &["access", "login_as_user"]),
    ("sql", &["access", "execute", "create"]),
    ("file", &["access", "upload", "edit", "delete"]),
    ("account", &["access", "access_profile"]),
    ("access_management", &["access", "create", "edit"]),
    ("dictionary", &["access", "edit"]),
    ("building", &["enter", "access", "create"]),
];
const WRONG: &[&str] = &["fly", "Access", "access ", "upload", "arrangement", "execute", ""];

/// What a tuple is meant to say.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    Any,
    Id(String),
    Tag(String, String),
    Match(String),
    Path(String),
}

/// What went wrong when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    Longer,
    Shorter,
    Separator,
    Swapped,
    PathElsewhere,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) head: String,
    pub(crate) meaning: Meaning,
    pub(crate) slip: Option<Slip>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) denies: bool,
    pub(crate) actions: Vec<String>,
    pub(crate) line: Line,
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) active: bool,
    pub(crate) targets: Vec<Line>,
    pub(crate) rules: Vec<Rule>,
}

impl Line {
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words: Vec<&str> = vec![&self.head];
        match &self.meaning {
            Meaning::Any => {}
            Meaning::Id(id) => words.extend(["id", id]),
            Meaning::Tag(key, value) => words.extend(["tag.key", key, "tag.value", value]),
            Meaning::Match(key) => words.extend(["tag_match", key]),
            Meaning::Path(prefix) => words.extend(["path", prefix]),
        }
        match self.slip {
            None | Some(Slip::PathElsewhere) => {}
            Some(Slip::Longer) => words.push("more"),
            Some(Slip::Shorter) => {
                words.pop();
            }
            Some(Slip::Separator) => {
                for word in &mut words[1..] {
                    *word = match *word {
                        "id" => "name",
                        "tag.value" => "tag_value",
                        "tag_match" => "tag.match",
                        "path" => "Path",
                        other => other,
                    };
                }
            }
            Some(Slip::Swapped) => {
                if words.len() == 5 {
                    words = vec![words[0], "tag.value", words[4], "tag.key", words[2]];
                }
            }
        }
        words.into_iter().map(str::to_owned).collect()
    }
}

impl Policy {
    pub(crate) fn json(&self) -> Value {
        let rules = self.rules.iter().map(|rule| {
            let effect = if rule.denies { "deny" } else { "allow" };
            json!({ "effect": effect, "action": rule.actions, "resource": rule.line.words() })
        });
        let targets: Vec<_> = self.targets.iter().map(Line::words).collect();
        json!({
            "id": self.id, "name": format!("policy {}", self.id), "active": self.active,
            "targets": targets, "permissions": rules.collect::<Vec<_>>()
        })
    }
}

fn tag(dice: &mut Dice) -> (String, String) {
    (dice.pick(KEYS).to_owned(), dice.pick(VALUES).to_owned())
}

fn slip(dice: &mut Dice, meaning: &Meaning, percent: usize) -> Option<Slip> {
    if !dice.chance(percent) {
        return None;
    }
    Some(match (dice.below(5), meaning) {
        (0 | 1, Meaning::Tag(..)) => Slip::Swapped,
        (0..=2, _) => Slip::Longer,
        (3, _) | (4, Meaning::Any) => Slip::Shorter,
        _ => Slip::Separator,
    })
}

pub(crate) fn target(dice: &mut Dice, head: &str) -> Line {
    let meaning = match dice.below(20) {
        0..=1 => Meaning::Any,
        2..=7 => Meaning::Id(dice.pick(IDS).to_owned()),
        8..=13 => {
            let (key, value) = tag(dice);
            Meaning::Tag(key, value)
        }
        14..=18 => Meaning::Match(dice.pick(KEYS).to_owned()),
        _ => {
            let meaning = Meaning::Path(dice.pick(PREFIXES).to_owned());
            return Line { head: head.to_owned(), meaning, slip: Some(Slip::PathElsewhere) };
        }
    };
    let slip = slip(dice, &meaning, 12);
    Line { head: head.to_owned(), meaning, slip }
}

pub(crate) fn rule(dice: &mut Dice, denies: bool) -> Rule {
    let (head, verbs) = VERBS[dice.below(VERBS.len())];
    let meaning = match dice.below(20) {
        0 => Meaning::Any,
        1..=6 => Meaning::Id(dice.pick(IDS).to_owned()),
        7..=12 => {
            let (key, value) = tag(dice);
            Meaning::Tag(key, value)
        }
        13..=18 => Meaning::Match(dice.pick(KEYS).to_owned()),
        _ => Meaning::Path(dice.pick(PREFIXES).to_owned()),
    };
    let meaning = if head == "file" && dice.chance(70) {
        Meaning::Path(dice.pick(PREFIXES).to_owned())
    } else {
        meaning
    };
    let slip = match &meaning {
        Meaning::Path(_) if head != "file" => Some(Slip::PathElsewhere),
        meaning => slip(dice, meaning, 10),
    };
    let mut actions: Vec<String> = (0..dice.between(1, 3)).map(|_| dice.pick(verbs).to_owned()).collect();
    if matches!(meaning, Meaning::Id(_)) && dice.chance(70) {
        actions.retain(|action| action != "create");
    }
    if dice.chance(6) {
        actions.push(dice.pick(WRONG).to_owned());
    }
    if dice.chance(3) {
        actions.clear();
    }
    Rule { denies, actions, line: Line { head: head.to_owned(), meaning, slip } }
}

/// A policy of so many targets and rules.
pub(crate) fn policy(dice: &mut Dice, id: String, targets: usize, rules: usize, denies: usize) -> Policy {
    let main = if dice.chance(60) { "run_user" } else { "analysis" };
    let mixed = dice.chance(15);
    let targets = (0..targets)
        .map(|place| {
            let other = if main == "run_user" { "analysis" } else { "run_user" };
            let head = match () {
                () if mixed && place % 2 == 1 => other,
                () if dice.chance(2) => "device",
                () => main,
            };
            target(dice, head)
        })
        .collect();
    let rules = (0..rules)
        .map(|_| {
            let denies = dice.chance(denies);
            rule(dice, denies)
        })
        .collect();
    Policy { id, active: !dice.chance(10), targets, rules }
}

/// How a set is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Style {
    /// A few small policies.
    Plain,
    /// More than 24 rules at one target, over several policies.
    Busy,
    /// A policy of more than 4096 target and rule entries.
    Broad,
}

pub(crate) fn style(dice: &mut Dice) -> Style {
    match dice.below(100) {
        0 => Style::Broad,
        1..=12 => Style::Busy,
        _ => Style::Plain,
    }
}

/// Ids whose order by bytes is not the order of their making, nor their order by case.
pub(crate) fn id(dice: &mut Dice, place: usize) -> String {
    const HEADS: &[&str] = &["p", "P", "\u{e9}", "", "10", "9"];
    format!("{}{place}", dice.pick(HEADS))
}

pub(crate) fn policies(dice: &mut Dice, style: Style) -> Vec<Policy> {
    let mut made = Vec::new();
    match style {
        Style::Plain => {
            for place in 0..dice.between(1, 5) {
                let (targets, rules) = (dice.between(1, 3), dice.between(1, 4));
                let id = id(dice, place);
                made.push(policy(dice, id, targets, rules, 38));
            }
        }
        Style::Busy => {
            let head = if dice.chance(60) { "run_user" } else { "analysis" };
            let common = loop {
                let line = target(dice, head);
                if line.slip.is_none() {
                    break line;
                }
            };
            for place in 0..dice.between(2, 6) {
                let (targets, rules) = (dice.between(1, 2), dice.between(12, 30));
                let id = id(dice, place);
                let mut policy = policy(dice, id, targets, rules, 15);
                policy.targets[0] = common.clone();
                made.push(policy);
            }
        }
        Style::Broad => {
            for place in 0..dice.between(1, 3) {
                let (targets, rules) =
                    if place == 0 { (dice.between(90, 120), dice.between(50, 70)) } else { (2, 3) };
                let id = id(dice, place);
                let mut policy = policy(dice, id, targets, rules, 8);
                if place == 0 {
                    // So many different targets there are by id only.
                    for (number, line) in policy.targets.iter_mut().enumerate().filter(|(n, _)| n % 3 > 0) {
                        (line.meaning, line.slip) = (Meaning::Id(format!("b{number}")), None);
                    }
                }
                made.push(policy);
            }
        }
    }
    dice.shuffle(&mut made);
    made
}

/// A target and a rule of one policy; most often such that count, and of this effect if there is one.
fn entry(dice: &mut Dice, policies: &[Policy], denies: bool) -> Option<(Line, Rule)> {
    let exact = dice.chance(86);
    for tries in 0..40 {
        let policy = &policies[dice.below(policies.len())];
        if policy.rules.is_empty() || policy.targets.is_empty() {
            continue;
        }
        let target = &policy.targets[dice.below(policy.targets.len())];
        let rule = &policy.rules[dice.below(policy.rules.len())];
        let lives = policy.active
            && target.slip.is_none()
            && target.head != "device"
            && rule.line.slip.is_none()
            && rule.actions.iter().any(|action| reference::has(&target.head, &rule.line.head, action));
        if (!exact || lives) && (rule.denies == denies || tries >= 20) {
            let mut rule = rule.clone();
            if exact {
                rule.actions.retain(|action| reference::has(&target.head, &rule.line.head, action));
            }
            return Some((target.clone(), rule));
        }
    }
    None
}

fn satisfy(meaning: &Meaning, ask: &mut Ask, dice: &mut Dice, of_target: bool) {
    let (tags, id) = if of_target { (&mut ask.who_tags, None) } else { (&mut ask.tags, Some(&mut ask.id)) };
    match meaning {
        Meaning::Any => {}
        Meaning::Id(word) => match id {
            None => ask.who_id.clone_from(word),
            Some(id) => *id = Some(word.clone()),
        },
        Meaning::Tag(key, value) => tags.push((key.clone(), value.clone())),
        Meaning::Match(key) => {
            let value = dice.pick(VALUES).to_owned();
            tags.push((key.clone(), value.clone()));
            if !of_target {
                ask.who_tags.push((key.clone(), value));
            }
        }
        Meaning::Path(prefix) => ask.path = Some(format!("{prefix}{}", dice.pick(ENDS))),
    }
}

/// A request, most often one that fits a rule of these policies, or what it was meant to say.
pub(crate) fn ask(dice: &mut Dice, policies: &[Policy]) -> Ask {
    let (kind, verbs) = VERBS[dice.below(VERBS.len())];
    let mut ask = Ask {
        who: if dice.chance(60) { "run_user" } else { "analysis" }.to_owned(),
        who_id: dice.pick(IDS).to_owned(),
        who_tags: (0..dice.below(3)).map(|_| tag(dice)).collect(),
        action: dice.pick(verbs).to_owned(),
        kind: kind.to_owned(),
        id: (!dice.chance(20)).then(|| dice.pick(IDS).to_owned()),
        tags: (0..dice.below(3)).map(|_| tag(dice)).collect(),
        path: (kind == "file").then(|| format!("{}{}", dice.pick(PREFIXES), dice.pick(ENDS))),
    };
    let denies = dice.chance(60);
    if dice.chance(95)
        && let Some((target, rule)) = entry(dice, policies, denies)
    {
        if target.head == "run_user" || target.head == "analysis" {
            ask.who.clone_from(&target.head);
        }
        ask.kind.clone_from(&rule.line.head);
        if !rule.actions.is_empty() {
            ask.action.clone_from(&rule.actions[dice.below(rule.actions.len())]);
        }
        satisfy(&target.meaning, &mut ask, dice, true);
        satisfy(&rule.line.meaning, &mut ask, dice, false);
        if dice.chance(6) {
            spoil(dice, &mut ask);
        }
    }
    crowd(dice, &mut ask);
    if dice.chance(50) {
        dice.shuffle(&mut ask.who_tags);
        dice.shuffle(&mut ask.tags);
    }
    ask
}

/// Changes one thing, so that it just misses.
fn spoil(dice: &mut Dice, ask: &mut Ask) {
    match dice.below(7) {
        0 => ask.who = if ask.who == "analysis" { "run_user" } else { "analysis" }.to_owned(),
        1 => ask.who_id.push(' '),
        2 => ask.id = None,
        3 => ask.action = dice.pick(WRONG).to_owned(),
        4 => {
            ask.who_tags.pop();
        }
        5 => ask.tags.iter_mut().for_each(|(_, value)| *value = value.to_uppercase()),
        _ => ask.path = ask.path.as_ref().map(|path| path.chars().skip(1).collect()),
    }
}

/// Sometimes puts many more tags on: more than fit the keys computed once, and more pairs than are compared one by one.
fn crowd(dice: &mut Dice, ask: &mut Ask) {
    let (own, other) = match dice.below(1000) {
        0..=59 => (dice.below(8), dice.between(11, 20)),
        60..=63 => (dice.between(70, 90), dice.between(70, 90)),
        _ => return,
    };
    // All of one key, so that what is shared has to be looked for.
    let key = ask.tags.first().map_or("site", |(key, _)| key).to_owned();
    let common = dice.chance(50);
    let who = (0..own).map(|n| (key.clone(), if common { format!("v{n}") } else { format!("w{n}") }));
    ask.who_tags.extend(who);
    ask.tags.extend((0..other).map(|n| (key.clone(), format!("v{n}"))));
}

pub(crate) fn document(policy: &Value) -> Document {
    Document::parse(&policy.to_string()).unwrap_or_else(|error| panic!("{error} in {policy}"))
}

pub(crate) fn documents(policies: &[Value]) -> Vec<Document> {
    policies.iter().map(document).collect()
}

pub(crate) fn compile(policies: &[Value]) -> PolicySet {
    let compiled = PolicySet::compile_within(&documents(policies), &Limits::NONE);
    compiled.unwrap_or_else(|error| panic!("{error}")).set
}

pub(crate) fn principal(ask: &Ask) -> Principal {
    let mut principal = match ask.who.as_str() {
        "run_user" => Principal::run_user(&ask.who_id),
        _ => Principal::analysis(&ask.who_id),
    };
    for (key, value) in &ask.who_tags {
        principal = principal.with_tag(key, value);
    }
    principal
}

pub(crate) fn resource(ask: &Ask) -> Resource {
    let mut resource = Resource::new(&ask.kind, "");
    resource.id.clone_from(&ask.id);
    resource.path.clone_from(&ask.path);
    for (key, value) in &ask.tags {
        resource = resource.with_tag(key, value);
    }
    resource
}
