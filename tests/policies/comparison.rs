//! What the library and the reference are compared by, and what the pairs were made of.

use super::{
    reference::{self, Ask, Match},
    world::{self, Dice, Line, Meaning, Policy, Rule, Slip, Style},
};
use dashshare::policy::{Effect, PolicySet};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many pairs there were of what.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn add(&mut self, what: &'static str, number: u64) {
        *self.0.entry(what).or_default() += number;
    }

    fn of_set(&mut self, what: &'static str, is_it: bool) {
        self.add(what, if is_it { ASKS as u64 } else { 0 });
    }

    fn note(&mut self, what: &'static str, is_it: bool) {
        self.add(what, u64::from(is_it));
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn print(&self) {
        for (what, count) in &self.0 {
            println!("{count:9} {what}");
        }
    }

    /// Of what there were fewer pairs than asked for.
    pub(crate) fn missing(&self, least: &[(&'static str, u64)]) -> Vec<String> {
        let few = least.iter().filter(|(what, least)| self.of(what) < *least);
        few.map(|(what, least)| format!("{} of {least}: {what}", self.of(what))).collect()
    }

    /// What is in a set, once for each request to it.
    fn shapes(&mut self, policies: &[Policy], style: Style) {
        let targets = || policies.iter().flat_map(|policy| &policy.targets);
        let rules = || policies.iter().flat_map(|policy| &policy.rules);
        let lines = || targets().chain(rules().map(|rule| &rule.line));
        self.of_set("set: several policies", policies.len() > 1);
        self.of_set("set: an inactive policy", policies.iter().any(|policy| !policy.active));
        let both = |policy: &Policy| {
            ["run_user", "analysis"].iter().all(|kind| policy.targets.iter().any(|line| line.head == *kind))
        };
        self.of_set("set: a policy aimed at both kinds", policies.iter().any(both));
        self.of_set("set: more than 24 rules at one target", style == Style::Busy);
        let is_broad = |policy: &Policy| {
            let kinds = ["run_user", "analysis"];
            let has = |kind: &str, rule: &Rule| {
                let (head, own) =
                    (&rule.line.head, |action: &&String| reference::has(kind, &rule.line.head, action));
                let anyone = |action: &&String| kinds.iter().any(|kind| reference::has(kind, head, action));
                if both(policy) {
                    rule.actions.iter().filter(own).count()
                } else {
                    rule.actions.iter().filter(anyone).count()
                }
            };
            let entries = |kind: &str| {
                let aims = policy.targets.iter().filter(|line| line.slip.is_none() && line.head == kind);
                let rules = policy.rules.iter().filter(|rule| rule.line.slip.is_none());
                aims.map(Line::words).collect::<BTreeSet<_>>().len()
                    * rules.map(|rule| has(kind, rule)).sum::<usize>()
            };
            // Those that would create something by id do not count, hence some more.
            policy.active && kinds.iter().any(|kind| entries(kind) > 4500)
        };
        self.of_set("set: more than 4096 entries of a policy", policies.iter().any(is_broad));
        self.of_set("set: a tuple that is too short", lines().any(|line| line.slip == Some(Slip::Shorter)));
        let long = |line: &Line| line.words().len() == 6;
        self.of_set("set: a target longer than its grammar", targets().any(long));
        self.of_set("set: a resource longer than its grammar", rules().any(|rule| long(&rule.line)));
        self.of_set("set: an unknown separator", lines().any(|line| line.slip == Some(Slip::Separator)));
        self.of_set("set: swapped words", lines().any(|line| line.slip == Some(Slip::Swapped)));
        let elsewhere = |line: &Line| line.slip == Some(Slip::PathElsewhere);
        self.of_set("set: a path in a target", targets().any(elsewhere));
        self.of_set("set: a path of what is no file", rules().any(|rule| elsewhere(&rule.line)));
        self.of_set("set: an empty list of actions", rules().any(|rule| rule.actions.is_empty()));
        self.of_set("set: an unknown kind of target", targets().any(|line| line.head == "device"));
    }

    fn ask(&mut self, policies: &[Policy], ask: &Ask, decided: Option<Match<'_>>) {
        self.note("pairs", true);
        match decided {
            Some(decided) => {
                self.note(if decided.denies { "denied by a deny" } else { "allowed" }, true);
                self.note(
                    match decided.target_form {
                        "any" => "decided by target: any",
                        "id" => "decided by target: id",
                        "tag" => "decided by target: tag",
                        _ => "decided by target: tag_match",
                    },
                    true,
                );
                self.note(
                    match decided.resource_form {
                        "any" => "decided by resource: any",
                        "id" => "decided by resource: id",
                        "tag" => "decided by resource: tag",
                        "path" => "decided by resource: path",
                        _ => "decided by resource: tag_match",
                    },
                    true,
                );
            }
            None => self.note("denied, since no rule matches", true),
        }
        let repeats = |tags: &[(String, String)]| {
            tags.iter().enumerate().any(|(place, (key, _))| tags[..place].iter().any(|(k, _)| k == key))
        };
        self.note("ask: a repeated key", repeats(&ask.who_tags) || repeats(&ask.tags));
        self.note("ask: more than 10 tags on the resource", ask.tags.len() > 10);
        self.note("ask: tags that are compared by a table", ask.who_tags.len() * ask.tags.len() > 4096);
        self.note("ask: nothing there yet", ask.id.is_none());
        let rules = || policies.iter().flat_map(|policy| &policy.rules);
        let by_id = rules().any(|rule| {
            ask.action == "create"
                && rule.line.head == ask.kind
                && rule.actions.contains(&ask.action)
                && matches!((&rule.line.meaning, &ask.id), (Meaning::Id(id), Some(asked)) if id == asked)
        });
        self.note("ask: to create what a rule names by id", by_id);
        let known = |who| reference::has(who, &ask.kind, &ask.action);
        self.note("ask: an action that the resource does not have", !known("run_user") && !known("analysis"));
    }
}

/// The library's answer, put like the reference's.
pub(crate) fn verdict<'a>(set: &'a PolicySet, ask: &Ask) -> Option<(&'a str, usize, bool)> {
    let verdict = set.evaluate(&world::principal(ask), &ask.action, &world::resource(ask));
    assert_eq!(verdict.is_allowed(), verdict.effect() == Some(Effect::Allow), "a verdict against itself");
    Some((verdict.policy()?, verdict.rule()?, verdict.effect()? == Effect::Deny))
}

pub(crate) fn expected<'a>(policies: &'a [Value], ask: &Ask) -> Option<(&'a str, usize, bool)> {
    reference::judge(policies, ask).map(|decided| (decided.policy, decided.rule, decided.denies))
}

/// Panics with the smallest set that it finds if library and reference differ.
pub(crate) fn compare(set: &PolicySet, policies: &[Value], ask: &Ask, whence: &str) {
    let (library, own) = (verdict(set, ask), expected(policies, ask));
    if library == own {
        return;
    }
    let mut least = policies.to_vec();
    let differs = |policies: &[Value]| verdict(&world::compile(policies), ask) != expected(policies, ask);
    if differs(&least) {
        shorten(&mut least, &differs);
    } else {
        println!("a set that is compiled afresh agrees with the reference");
    }
    let rules = serde_json::to_string_pretty(&least).expect("JSON");
    panic!("{whence}: the library says {library:?} and the reference {own:?}\nof {ask:?}\nby {rules}");
}

/// Takes policies, rules and targets away while the difference stays.
fn shorten(policies: &mut Vec<Value>, differs: &dyn Fn(&[Value]) -> bool) {
    for place in (0..policies.len()).rev() {
        let mut fewer = policies.clone();
        fewer.remove(place);
        if differs(&fewer) {
            *policies = fewer;
        }
    }
    for policy in 0..policies.len() {
        for list in ["permissions", "targets"] {
            for place in (0..policies[policy][list].as_array().map_or(0, Vec::len)).rev() {
                let mut fewer = policies.clone();
                fewer[policy][list].as_array_mut().expect("an array").remove(place);
                if differs(&fewer) {
                    *policies = fewer;
                }
            }
        }
    }
}

/// Requests to each set.
const ASKS: usize = 20;

/// Makes at least so many pairs, each known by a number, and hands them over with the set they belong to.
pub(crate) fn pairs(
    number: usize,
    tally: &mut Tally,
    mut each: impl FnMut(&PolicySet, &[Value], &Ask, &str, &mut Dice),
) {
    let seed = world::seed();
    for place in 0..number.div_ceil(ASKS) as u64 {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(place));
        let style = world::style(&mut dice);
        let policies = world::policies(&mut dice, style);
        let values: Vec<Value> = policies.iter().map(Policy::json).collect();
        let set = world::compile(&values);
        let whence = format!("set {place} of DASHSHARE_SEED={seed}");
        tally.shapes(&policies, style);
        for _ in 0..ASKS {
            let ask = world::ask(&mut dice, &policies);
            tally.ask(&policies, &ask, reference::judge(&values, &ask));
            each(&set, &values, &ask, &whence, &mut dice);
        }
    }
}

/// Lists in other orders, which must not matter.
pub(crate) fn shuffled(dice: &mut Dice, policies: &[Value], ask: &Ask) -> (Vec<Value>, Ask) {
    let (mut policies, mut ask) = (policies.to_vec(), ask.clone());
    for policy in &mut policies {
        for list in ["targets", "permissions"] {
            dice.shuffle(policy[list].as_array_mut().expect("an array"));
        }
        for rule in policy["permissions"].as_array_mut().expect("an array") {
            dice.shuffle(rule["action"].as_array_mut().expect("an array"));
        }
    }
    dice.shuffle(&mut policies);
    dice.shuffle(&mut ask.who_tags);
    dice.shuffle(&mut ask.tags);
    (policies, ask)
}
