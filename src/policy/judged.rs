//! What each policy says to a request, rule by rule, and how many steps it takes to find out.

use super::{
    document::{Document, Effect, Permission},
    facts::Facts,
    index::{counts, is_mixed, targets},
    tuple::{self, Form, Role},
};
use serde::Serialize;

/// A policy that is aimed at the principal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Considered {
    /// Its id.
    pub policy: String,
    /// Its name.
    pub name: String,
    /// Whether it is active. If not, what its rules say does not count.
    pub active: bool,
    /// Its rules, in their order.
    pub rules: Vec<RuleOutcome>,
}

/// What one rule said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct RuleOutcome {
    /// Its effect.
    pub effect: Effect,
    /// Whether it matched, or why not.
    pub outcome: Outcome,
}

/// Whether a rule matched, or why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It matched.
    Matched,
    /// It can never match; the lint says why.
    ///
    /// Rules: [P6](crate::specification), [P7](crate::specification).
    Inert,
    /// It is about another kind of resource.
    OtherKind,
    /// It is about other actions on such a resource.
    OtherAction,
    /// It is about the action, on other resources of this kind.
    OtherResource,
}

/// The steps that an explanation may still take: a step is a look at a tuple, an action or a tag.
pub(super) struct Steps(u64);

/// The steps are used up, at this policy.
pub(super) struct UsedUp<'a>(pub(super) &'a Document);

impl Steps {
    pub(super) fn of(steps: u64) -> Self {
        Self(steps)
    }

    pub(super) fn spend<'a>(&mut self, steps: usize, at: &'a Document) -> Result<(), UsedUp<'a>> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(UsedUp(at))?;
        Ok(())
    }
}

/// A policy, and what it says to a request.
pub(super) struct Judged<'a> {
    pub(super) document: &'a Document,
    /// Whether it is aimed at the principal.
    pub(super) is_aimed: bool,
    /// Whether it lends to principals of a kind what the catalogue has for others alone (P7).
    pub(super) lends: bool,
    rules: Vec<(RuleOutcome, Option<Form<'a>>)>,
    /// Whether a rule of it allows the request, and whether one denies it.
    pub(super) allows: bool,
    pub(super) denies: bool,
}

impl<'a> Judged<'a> {
    /// Judges a policy, as if it were active and aimed at the principal.
    pub(super) fn of(
        document: &'a Document,
        facts: &Facts<'_>,
        steps: &mut Steps,
    ) -> Result<Self, UsedUp<'a>> {
        let actions: usize = document.permissions().iter().map(|rule| rule.action.len()).sum();
        let rules = document.permissions().len();
        steps.spend(document.targets().len().saturating_add(rules).saturating_add(actions), document)?;
        let kind = facts.principal.kind;
        let is_aimed = targets(document).any(|(of, form)| of == kind && facts.aims(form));
        let lends = !is_mixed(document);
        let rules: Vec<_> = document.permissions().iter().map(|rule| outcome(rule, lends, facts)).collect();
        let says = |effect: Effect| {
            let is_it =
                |(rule, _): &(RuleOutcome, _)| rule.effect == effect && rule.outcome == Outcome::Matched;
            rules.iter().any(is_it)
        };
        let (allows, denies) = (says(Effect::Allow), says(Effect::Deny));
        Ok(Self { document, is_aimed, lends, rules, allows, denies })
    }

    /// Whether it counts for the principal.
    pub(super) fn counts(&self) -> bool {
        self.is_aimed && self.document.is_active()
    }

    /// Whether it allows the request and does not deny it.
    pub(super) fn helps(&self) -> bool {
        self.allows && !self.denies
    }

    /// The rules that deny the request, by their places.
    pub(super) fn denials(&self) -> impl Iterator<Item = usize> {
        let rules = self.rules.iter().enumerate();
        let denies = |(_, (rule, _)): &(usize, &(RuleOutcome, _))| {
            rule.effect == Effect::Deny && rule.outcome == Outcome::Matched
        };
        rules.filter(denies).map(|(place, _)| place)
    }

    /// What its rules of an effect ask of the resource, of those that are about the action and did not match.
    pub(super) fn missed(&self, effect: Effect) -> impl Iterator<Item = Form<'a>> {
        let missed = move |(rule, form): &(RuleOutcome, Option<Form<'a>>)| {
            form.filter(|_| rule.effect == effect && rule.outcome == Outcome::OtherResource)
        };
        self.rules.iter().filter_map(missed)
    }

    pub(super) fn considered(&self) -> Considered {
        Considered {
            policy: self.document.id().to_owned(),
            name: self.document.name().to_owned(),
            active: self.document.is_active(),
            rules: self.rules.iter().map(|(rule, _)| *rule).collect(),
        }
    }
}

/// What a rule says, and what it asks of the resource if it is about the action on such a one.
fn outcome<'a>(rule: &'a Permission, lends: bool, facts: &Facts<'_>) -> (RuleOutcome, Option<Form<'a>>) {
    let of = |outcome: Outcome| RuleOutcome { effect: rule.effect, outcome };
    let Ok((head, form)) = tuple::read(&rule.resource, Role::Resource) else {
        return (of(Outcome::Inert), None);
    };
    let lives = |word: &str| counts(facts.principal.kind, lends, rule.effect, head, form, word);
    if !rule.action.iter().any(|word| lives(word)) {
        (of(Outcome::Inert), None)
    } else if head != facts.resource.kind {
        (of(Outcome::OtherKind), None)
    } else if !rule.action.iter().any(|word| **word == *facts.action && lives(word)) {
        (of(Outcome::OtherAction), None)
    } else if !facts.is_about(form) {
        (of(Outcome::OtherResource), Some(form))
    } else {
        (of(Outcome::Matched), Some(form))
    }
}
