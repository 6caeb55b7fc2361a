//! Why policies decide as they do: what was considered, and what would change it (P8).

use super::{
    catalog,
    document::{Document, Effect, Permission, Tuple},
    index::{counts, is_mixed, targets},
    set::{PolicySet, aims_at},
    tuple::{self, Form, Misshape, Principal, Resource, Role},
};
use crate::tag::Tag;
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
    /// It can never match; the lint says why (P6, P7).
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
    /// There is no such action on this kind of resource, so no rule can be about it (P6).
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
    /// Explains a decision (P8). It looks at every policy, so it is for people that ask why, not for every request.
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
        let nearest =
            (!verdict.is_allowed()).then(|| nearest(&considered, &documents, principal, action, resource));
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

fn nearest(
    considered: &[Considered],
    documents: &[&Document],
    principal: &Principal,
    action: &str,
    resource: &Resource,
) -> Nearest {
    if !catalog::has(&resource.kind, action) {
        let known = catalog::known(&resource.kind).into_iter().map(str::to_owned).collect();
        return Nearest::UnknownAction { known };
    }
    let active = || considered.iter().filter(|policy| policy.active);
    let mut denies = active().flat_map(|policy| {
        let matched = policy
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.effect == Effect::Deny && rule.outcome == Outcome::Matched);
        matched.map(|(index, _)| (policy.policy.clone(), index))
    });
    if let Some((policy, rule)) = denies.next() {
        let suffices = active().any(|policy| says(&policy.rules, Effect::Allow));
        return Nearest::RemoveDeny { policy, rule, denies: denies.count().saturating_add(1), suffices };
    }
    if let Some(policy) = considered.iter().find(|policy| !policy.active && helps(&policy.rules)) {
        return Nearest::Activate { policy: policy.policy.clone() };
    }
    let rules = || {
        active()
            .filter_map(|policy| documents.iter().find(|document| document.id() == policy.policy))
            .flat_map(|document| {
                let allows = document.permissions().iter().enumerate();
                allows.filter(|(_, rule)| rule.effect == Effect::Allow).filter_map(move |(index, rule)| {
                    let (head, form) = tuple::read(&rule.resource, Role::Resource).ok()?;
                    let lives = counts(principal.kind, !is_mixed(document), rule.effect, head, form, action);
                    (head == resource.kind && lives).then_some((document.id(), index, rule, form))
                })
            })
    };
    if let Some((policy, rule, ..)) = rules().find(|(.., form)| form.is_about(principal, resource)) {
        return Nearest::AddAction { policy: policy.to_owned(), rule, action: action.to_owned() };
    }
    let about_action = || rules().filter(|(_, _, rule, _)| rule.action.iter().any(|word| **word == *action));
    // Whether a request would be denied once a tag is given.
    let denied = |principal: &Principal, resource: &Resource| {
        let active = documents.iter().filter(|document| document.is_active());
        let mut aimed = active.filter(|document| aims_at(document, principal));
        aimed.any(|document| says(&outcomes(document, principal, action, resource), Effect::Deny))
    };
    for (policy, rule, _, form) in about_action() {
        let (key, values) = match form {
            Form::Tag(key, value) => (key, vec![value]),
            Form::TagMatch(key) => (key, values_of(&principal.tags, key)),
            _ => continue,
        };
        let helps = |value: &&&str| !denied(principal, &resource.clone().with_tag(key, **value));
        if let Some(value) = values.iter().find(helps) {
            let (policy, key, value) = (policy.to_owned(), key.to_owned(), (*value).to_owned());
            return Nearest::TagResource { policy, rule, key, value };
        }
        let carried =
            if matches!(form, Form::TagMatch(_)) { values_of(&resource.tags, key) } else { Vec::new() };
        let helps = |value: &&&str| !denied(&principal.clone().with_tag(key, **value), resource);
        if let Some(value) = carried.iter().find(helps) {
            let (policy, key, value) = (policy.to_owned(), key.to_owned(), Some((*value).to_owned()));
            return Nearest::TagPrincipal { policy, rule: Some(rule), key, value };
        }
    }
    if let Some(slip) = slip(documents, principal, action, resource) {
        return slip;
    }
    by_tag_of_principal(documents, principal, action, resource).unwrap_or(Nearest::AddRule)
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

/// A rule or a target of an active policy that can never match and may be meant for this.
fn slip(
    documents: &[&Document],
    principal: &Principal,
    action: &str,
    resource: &Resource,
) -> Option<Nearest> {
    for document in documents.iter().filter(|document| document.is_active()) {
        let mend = |pointer: String| Some(Nearest::Mend { policy: document.id().to_owned(), pointer });
        if aims_at(document, principal) {
            let meant = |rule: &Permission| {
                rule.effect == Effect::Allow
                    && rule.resource.first().is_some_and(|head| **head == *resource.kind)
                    && rule.action.iter().any(|word| **word == *action)
                    && may_mean(&rule.resource, Role::Resource, |form| form.is_about(principal, resource))
            };
            if let Some(rule) = document.permissions().iter().position(meant) {
                return mend(format!("/permissions/{rule}/resource"));
            }
        } else if helps(&outcomes(document, principal, action, resource)) {
            let meant = |target: &Tuple| {
                target.first().is_some_and(|head| **head == *principal.kind.word())
                    && may_mean(target, Role::Target, |form| form.aims_at(principal))
            };
            if let Some(target) = document.targets().iter().position(meant) {
                return mend(format!("/targets/{target}"));
            }
        }
    }
    None
}

/// Whether a policy of these outcomes allows the request and does not deny it.
fn helps(rules: &[RuleOutcome]) -> bool {
    says(rules, Effect::Allow) && !says(rules, Effect::Deny)
}

/// A tag that would bring the principal under a policy that allows it, and under none that denies it.
fn by_tag_of_principal(
    documents: &[&Document],
    principal: &Principal,
    action: &str,
    resource: &Resource,
) -> Option<Nearest> {
    let active = || documents.iter().filter(|document| document.is_active());
    let aims = |document| targets(document).filter(|(kind, _)| *kind == principal.kind).map(|(_, form)| form);
    for document in active() {
        let helps = |key: &str, value: &str| {
            let tagged = principal.clone().with_tag(key, value);
            let says = |of: &Document, effect| says(&outcomes(of, &tagged, action, resource), effect);
            says(document, Effect::Allow)
                && !active().any(|other| aims_at(other, &tagged) && says(other, Effect::Deny))
        };
        for form in aims(document) {
            let (key, value) = match form {
                Form::Tag(key, value) if helps(key, value) => (key, Some(value)),
                Form::TagMatch(key) => {
                    // The values that make a difference: those that the resource carries, and those aimed at.
                    let carried = resource.tags.iter().filter(|tag| tag.key == key).map(|tag| &*tag.value);
                    let aimed = active().flat_map(|other| aims(other)).filter_map(|form| match form {
                        Form::Tag(k, value) if k == key => Some(value),
                        _ => None,
                    });
                    let values: Vec<&str> =
                        carried.chain(aimed).collect::<BTreeSet<_>>().into_iter().collect();
                    let other = "x"
                        .repeat(values.iter().map(|value| value.len()).max().unwrap_or(0).saturating_add(1));
                    if helps(key, &other) && values.iter().all(|value| helps(key, value)) {
                        (key, None)
                    } else if let Some(value) = values.into_iter().find(|value| helps(key, value)) {
                        (key, Some(value))
                    } else {
                        continue;
                    }
                }
                _ => continue,
            };
            let (policy, key) = (document.id().to_owned(), key.to_owned());
            let value = value.map(str::to_owned);
            return Some(Nearest::TagPrincipal { policy, rule: None, key, value });
        }
    }
    None
}
