//! Why policies decide as they do: what was considered, and what would change it (P8).

use super::{
    catalog,
    document::{Document, Effect, Permission, Tuple},
    index::{counts, is_mixed, targets},
    set::{PolicySet, aims_at},
    tuple::{self, Form, Misshape, Principal, Resource, Role},
};
use crate::value::Tag;
use serde::Serialize;
use std::{collections::BTreeSet, fmt};

/// A decision of policies with all that went into it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Whether it is allowed.
    pub allowed: bool,
    /// The effect of the rule that decided; `None` if none matched.
    pub effect: Option<Effect>,
    /// The policy of the rule that decided.
    pub policy: Option<String>,
    /// Its index among that policy's rules.
    pub rule: Option<usize>,
    /// The policies that are aimed at the principal, by id, inactive ones among them.
    pub considered: Vec<Considered>,
    /// For a denial, the nearest thing that would change it.
    pub nearest: Option<Nearest>,
}

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

/// The nearest thing that would turn a denial into an allowance. Its `Display` is a sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Nearest {
    /// There is no such action on this kind of resource, so no rule can be about it.
    ///
    /// Rules: [P6](crate::specification).
    UnknownAction {
        /// The actions that there are.
        known: Vec<String>,
    },
    /// Rules deny it that would have to go, the first of them this one.
    RemoveDeny {
        /// Its policy.
        policy: String,
        /// Its index there.
        rule: usize,
        /// How many rules deny it in all.
        denies: usize,
        /// Whether it is allowed then; if not, what allows it is missing as well.
        suffices: bool,
    },
    /// A policy that allows it is not active.
    Activate {
        /// The policy.
        policy: String,
    },
    /// A rule is about the resource and lacks the action.
    AddAction {
        /// Its policy.
        policy: String,
        /// Its index there.
        rule: usize,
        /// The action that is missing.
        action: String,
    },
    /// A rule is about the action, and the resource lacks this tag.
    TagResource {
        /// The policy.
        policy: String,
        /// The index of its rule.
        rule: usize,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A rule or a target that may be meant for this can never match as it is written; the lint says how to mend it.
    Mend {
        /// Its policy.
        policy: String,
        /// Its place in the document, as a JSON pointer.
        pointer: String,
    },
    /// A policy allows it to principals that carry this tag.
    TagPrincipal {
        /// The policy.
        policy: String,
        /// The index of the rule that asks principal and resource to share the tag; `None` if it is the policy that is
        /// aimed at those who carry it.
        rule: Option<usize>,
        /// The key.
        key: String,
        /// The value; `None` if any will do.
        value: Option<String>,
    },
    /// No rule comes close: one must be added.
    AddRule,
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAction { known } => {
                let known: Vec<String> = known.iter().map(|action| format!("`{action}`")).collect();
                write!(f, "ask for an action that there is: {}", known.join(", "))
            }
            Self::RemoveDeny { policy, rule, denies, suffices } => {
                write!(f, "take away rule {rule} of policy `{policy}`")?;
                if *denies > 1 {
                    write!(f, " and the {} others that deny it", denies.saturating_sub(1))?;
                }
                if *suffices { Ok(()) } else { f.write_str("; something must still allow it then") }
            }
            Self::Activate { policy } => write!(f, "activate policy `{policy}`"),
            Self::AddAction { policy, rule, action } => {
                write!(f, "add the action `{action}` to rule {rule} of policy `{policy}`")
            }
            Self::TagResource { policy, rule, key, value } => write!(
                f,
                "give the resource the tag `{key}` = `{value}`, which rule {rule} of policy `{policy}` asks for"
            ),
            Self::Mend { policy, pointer } => {
                write!(f, "look at {pointer} of policy `{policy}`, which can never match as it is written")
            }
            Self::TagPrincipal { policy, rule: Some(rule), key, value } => write!(
                f,
                "give the principal the tag `{key}` = `{}`, which rule {rule} of policy `{policy}` asks it to share with \
                 the resource",
                value.as_deref().unwrap_or_default()
            ),
            Self::TagPrincipal { policy, rule: None, key, value: Some(value) } => {
                write!(
                    f,
                    "give the principal the tag `{key}` = `{value}`, which policy `{policy}` is aimed at"
                )
            }
            Self::TagPrincipal { policy, rule: None, key, value: None } => {
                write!(f, "give the principal a tag `{key}`, which policy `{policy}` is aimed at")
            }
            Self::AddRule => {
                f.write_str("add a rule that allows it to a policy that is aimed at the principal")
            }
        }
    }
}

fn outcomes(
    document: &Document,
    principal: &Principal,
    action: &str,
    resource: &Resource,
) -> Vec<RuleOutcome> {
    let lends = !is_mixed(document);
    let outcome = |rule: &Permission| {
        let Ok((head, form)) = tuple::read(&rule.resource, Role::Resource) else { return Outcome::Inert };
        let lives = |word: &str| counts(principal.kind, lends, rule.effect, head, form, word);
        if !rule.action.iter().any(|word| lives(word)) {
            Outcome::Inert
        } else if head != resource.kind {
            Outcome::OtherKind
        } else if !rule.action.iter().any(|word| **word == *action && lives(word)) {
            Outcome::OtherAction
        } else if !form.is_about(principal, resource) {
            Outcome::OtherResource
        } else {
            Outcome::Matched
        }
    };
    document
        .permissions()
        .iter()
        .map(|rule| RuleOutcome { effect: rule.effect, outcome: outcome(rule) })
        .collect()
}

fn says(rules: &[RuleOutcome], effect: Effect) -> bool {
    rules.iter().any(|rule| rule.effect == effect && rule.outcome == Outcome::Matched)
}

impl PolicySet {
    /// Explains a decision. It looks at every policy, so it is for people that ask why, not for every request.
    ///
    /// Rules: [P8](crate::specification).
    ///
    /// ```
    /// use dashshare::policy::{Document, Nearest, PolicySet, Principal, Resource};
    /// let off = r#"{"id": "guests", "active": false, "targets": [["run_user"]], "permissions": [
    ///     {"effect": "allow", "action": ["access"], "resource": ["dashboard"]}
    /// ]}"#;
    /// let policies = PolicySet::default().with(&Document::parse(off)?);
    /// let ann = Principal::run_user("ann");
    /// let why = policies.explain(&ann, "access", &Resource::new("dashboard", "lobby"));
    /// assert!(!why.allowed);
    /// assert_eq!(why.nearest.map(|nearest| nearest.to_string()).as_deref(), Some("activate policy `guests`"));
    /// # Ok::<(), dashshare::policy::DocumentError>(())
    /// ```
    pub fn explain(&self, principal: &Principal, action: &str, resource: &Resource) -> Explanation {
        let documents = self.documents();
        let considered: Vec<Considered> = documents
            .iter()
            .filter(|document| aims_at(document, principal))
            .map(|document| Considered {
                policy: document.id().to_owned(),
                name: document.name().to_owned(),
                active: document.is_active(),
                rules: outcomes(document, principal, action, resource),
            })
            .collect();
        let verdict = self.evaluate(principal, action, resource);
        let denied = Denied { considered: &considered, documents: &documents, principal, action, resource };
        let nearest = (!verdict.is_allowed()).then(|| denied.nearest());
        Explanation {
            allowed: verdict.is_allowed(),
            effect: verdict.effect(),
            policy: verdict.policy().map(str::to_owned),
            rule: verdict.rule(),
            considered,
            nearest,
        }
    }
}

/// A request that is denied, with all that may be changed about it.
#[derive(Clone, Copy)]
struct Denied<'a> {
    considered: &'a [Considered],
    documents: &'a [&'a Document],
    principal: &'a Principal,
    action: &'a str,
    resource: &'a Resource,
}

/// A rule that allows something on resources of the requested kind to the principal: its policy and its index there.
type Near<'a> = (&'a str, usize, &'a Permission, Form<'a>);

impl<'a> Denied<'a> {
    /// The first of these that there is, from the nearest to the farthest.
    fn nearest(self) -> Nearest {
        self.unknown_action()
            .or_else(|| self.deny())
            .or_else(|| self.inactive())
            .or_else(|| self.missing_action())
            .or_else(|| self.missing_tag())
            .or_else(|| self.slip())
            .or_else(|| self.tag_of_principal())
            .unwrap_or(Nearest::AddRule)
    }

    fn unknown_action(self) -> Option<Nearest> {
        let kind = &self.resource.kind;
        let known = || catalog::known(kind).into_iter().map(str::to_owned).collect();
        (!catalog::has(kind, self.action)).then(|| Nearest::UnknownAction { known: known() })
    }

    /// The policies that are aimed at the principal and count.
    fn active(self) -> impl Iterator<Item = &'a Considered> {
        self.considered.iter().filter(|policy| policy.active)
    }

    fn deny(self) -> Option<Nearest> {
        let mut denies = self.active().flat_map(|policy| {
            let rules = policy.rules.iter().enumerate();
            let matched =
                rules.filter(|(_, rule)| rule.effect == Effect::Deny && rule.outcome == Outcome::Matched);
            matched.map(|(index, _)| (policy.policy.clone(), index))
        });
        let (policy, rule) = denies.next()?;
        let suffices = self.active().any(|policy| says(&policy.rules, Effect::Allow));
        Some(Nearest::RemoveDeny { policy, rule, denies: denies.count().saturating_add(1), suffices })
    }

    fn inactive(self) -> Option<Nearest> {
        let helpful = self.considered.iter().find(|policy| !policy.active && helps(&policy.rules));
        helpful.map(|policy| Nearest::Activate { policy: policy.policy.clone() })
    }

    /// The rules that could allow the action, if they were about it and about the resource.
    fn near(self) -> impl Iterator<Item = Near<'a>> {
        let documents = self
            .active()
            .filter_map(move |policy| self.documents.iter().find(|document| document.id() == policy.policy));
        documents.flat_map(move |document| {
            let rules = document.permissions().iter().enumerate();
            rules.filter(|(_, rule)| rule.effect == Effect::Allow).filter_map(move |(index, rule)| {
                let (head, form) = tuple::read(&rule.resource, Role::Resource).ok()?;
                let lends = !is_mixed(document);
                let lives = counts(self.principal.kind, lends, rule.effect, head, form, self.action);
                (head == self.resource.kind && lives).then_some((document.id(), index, rule, form))
            })
        })
    }

    fn missing_action(self) -> Option<Nearest> {
        let (policy, rule, ..) =
            self.near().find(|(.., form)| form.is_about(self.principal, self.resource))?;
        Some(Nearest::AddAction { policy: policy.to_owned(), rule, action: self.action.to_owned() })
    }

    /// A tag that the resource lacks for a rule, or that the principal lacks to have it in common with the resource.
    fn missing_tag(self) -> Option<Nearest> {
        let Self { principal, resource, .. } = self;
        let about_action = |(_, _, rule, _): &Near<'_>| rule.action.iter().any(|word| **word == *self.action);
        self.near().filter(about_action).find_map(|(policy, rule, _, form)| {
            let (key, wanted, carried) = match form {
                Form::Tag(key, value) => (key, vec![value], Vec::new()),
                Form::TagMatch(key) => (key, values_of(&principal.tags, key), values_of(&resource.tags, key)),
                _ => return None,
            };
            let (policy, key) = (policy.to_owned(), key.to_owned());
            let on_resource =
                |value: &&&str| !self.denies(principal, &resource.clone().with_tag(&*key, **value));
            if let Some(value) = wanted.iter().find(on_resource) {
                let value = (*value).to_owned();
                return Some(Nearest::TagResource { policy, rule, key, value });
            }
            let on_principal =
                |value: &&&str| !self.denies(&principal.clone().with_tag(&*key, **value), resource);
            let value = Some((*carried.iter().find(on_principal)?).to_owned());
            Some(Nearest::TagPrincipal { policy, rule: Some(rule), key, value })
        })
    }

    /// Whether the request would be denied by a rule once principal and resource are these.
    fn denies(self, principal: &Principal, resource: &Resource) -> bool {
        let active = self.documents.iter().filter(|document| document.is_active());
        let mut aimed = active.filter(|document| aims_at(document, principal));
        aimed.any(|document| says(&outcomes(document, principal, self.action, resource), Effect::Deny))
    }

    /// A rule or a target of an active policy that can never match and may be meant for this.
    fn slip(self) -> Option<Nearest> {
        let Self { principal, action, resource, .. } = self;
        let active = self.documents.iter().filter(|document| document.is_active());
        let pointer = |document: &&&Document| -> Option<String> {
            if aims_at(document, principal) {
                let meant = |rule: &Permission| {
                    rule.effect == Effect::Allow
                        && rule.resource.first().is_some_and(|head| **head == *resource.kind)
                        && rule.action.iter().any(|word| **word == *action)
                        && may_mean(&rule.resource, Role::Resource, |form| form.is_about(principal, resource))
                };
                let rule = document.permissions().iter().position(meant)?;
                Some(format!("/permissions/{rule}/resource"))
            } else if helps(&outcomes(document, principal, action, resource)) {
                let meant = |target: &Tuple| {
                    target.first().is_some_and(|head| **head == *principal.kind.word())
                        && may_mean(target, Role::Target, |form| form.aims_at(principal))
                };
                let target = document.targets().iter().position(meant)?;
                Some(format!("/targets/{target}"))
            } else {
                None
            }
        };
        let mut slips = active.filter_map(|document| Some((document.id().to_owned(), pointer(&document)?)));
        slips.next().map(|(policy, pointer)| Nearest::Mend { policy, pointer })
    }

    /// A tag that would bring the principal under a policy that allows it, and under none that denies it.
    fn tag_of_principal(self) -> Option<Nearest> {
        let active = || self.documents.iter().filter(|document| document.is_active());
        active().find_map(|document| {
            let (key, value) = self.forms(document).find_map(|form| match form {
                Form::Tag(key, value) => self.helps(document, key, value).then_some((key, Some(value))),
                Form::TagMatch(key) => self.value_of(document, key).map(|value| (key, value)),
                _ => None,
            })?;
            let (policy, key) = (document.id().to_owned(), key.to_owned());
            Some(Nearest::TagPrincipal { policy, rule: None, key, value: value.map(str::to_owned) })
        })
    }

    /// What a policy aims at among principals of this one's kind.
    fn forms(self, document: &'a Document) -> impl Iterator<Item = Form<'a>> {
        targets(document).filter(move |(kind, _)| *kind == self.principal.kind).map(|(_, form)| form)
    }

    /// Whether a policy allows the request, and none denies it, once the principal carries a tag.
    fn helps(self, document: &Document, key: &str, value: &str) -> bool {
        let tagged = self.principal.clone().with_tag(key, value);
        says(&outcomes(document, &tagged, self.action, self.resource), Effect::Allow)
            && !self.denies(&tagged, self.resource)
    }

    /// The value of a tag that [helps](Self::helps) with a policy which is aimed at whoever carries its key; within,
    /// `None` if any does.
    fn value_of(self, document: &Document, key: &str) -> Option<Option<&'a str>> {
        // The values that make a difference: those that the resource carries, and those aimed at.
        let active = self.documents.iter().filter(|document| document.is_active());
        let aimed = active.flat_map(|other| self.forms(other)).filter_map(|form| match form {
            Form::Tag(of, value) if of == key => Some(value),
            _ => None,
        });
        let carried = values_of(&self.resource.tags, key);
        let values: BTreeSet<&'a str> = carried.into_iter().chain(aimed).collect();
        let longest = values.iter().map(|value| value.len()).max().unwrap_or(0);
        let other = "x".repeat(longest.saturating_add(1));
        let helps = |value: &str| self.helps(document, key, value);
        if helps(&other) && values.iter().all(|value| helps(value)) {
            return Some(None);
        }
        values.into_iter().find(|value| helps(value)).map(Some)
    }
}

fn values_of<'a>(tags: &'a [Tag], key: &str) -> Vec<&'a str> {
    tags.iter().filter(|tag| tag.key == key).map(|tag| tag.value.as_str()).collect()
}

/// What a tuple that can never match may have been meant to match: a tag whose words are the wrong way round is that
/// tag, and of anything else nobody can tell.
fn may_mean(tuple: &[Box<str>], role: Role, matches: impl Fn(Form<'_>) -> bool) -> bool {
    match (tuple::read(tuple, role), tuple) {
        (Err(Misshape::Swapped), [_, _, value, _, key]) => matches(Form::Tag(key, value)),
        (Err(_), _) => true,
        (Ok(_), _) => false,
    }
}

/// Whether a policy of these outcomes allows the request and does not deny it.
fn helps(rules: &[RuleOutcome]) -> bool {
    says(rules, Effect::Allow) && !says(rules, Effect::Deny)
}
