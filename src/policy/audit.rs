//! What a principal may do, which rules are wider than they need be, and what a change of policies would do (P9).

use super::{
    catalog,
    document::{Document, Effect},
    index::{counts, is_mixed},
    set::{PolicySet, Verdict, aims_at},
    tuple::{self, Form, Principal, Resource, Role},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a principal may do over a list of resources, and by which rules.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Audit {
    /// Everything that it may do, in the order of the resources.
    pub may: Vec<Permitted>,
    /// The rules that allow it any resource of a kind.
    pub wide: Vec<Wide>,
}

/// One action on one resource that is allowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Permitted {
    /// The resource.
    pub resource: Resource,
    /// The action.
    pub action: String,
    /// The policy that allows it.
    pub policy: String,
    /// The index of the rule there.
    pub rule: usize,
}

/// A rule by `any`, which reaches whatever the tenant has or will have.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Wide {
    /// Its policy.
    pub policy: String,
    /// Its index there.
    pub rule: usize,
    /// The kind of resource.
    pub kind: String,
    /// The actions that it allows on every one of them.
    pub actions: Vec<String>,
    /// How many of the listed resources the principal has some of these actions on by this rule alone: what a narrower
    /// rule would have to name. Two rules that give the same each count none: leave out one, and ask again.
    pub needed_for: usize,
}

/// How often rules have decided, counted by the host.
///
/// The rule that a [`Verdict`] names is counted, so of two rules that allow the same one stays unused: taking all unused
/// rules away changes none of the decisions that were counted.
///
/// It is written as a list of policy, rule and count.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(String, usize, u64)>", into = "Vec<(String, usize, u64)>")]
pub struct Usage {
    counts: BTreeMap<(String, usize), u64>,
}

impl From<Vec<(String, usize, u64)>> for Usage {
    fn from(counts: Vec<(String, usize, u64)>) -> Self {
        let mut usage = Self::default();
        for (policy, rule, count) in counts {
            usage.add(&policy, rule, count);
        }
        usage
    }
}

impl From<Usage> for Vec<(String, usize, u64)> {
    fn from(usage: Usage) -> Self {
        usage.counts.into_iter().map(|((policy, rule), count)| (policy, rule, count)).collect()
    }
}

impl Usage {
    /// Counts a decision.
    pub fn note(&mut self, verdict: &Verdict<'_>) {
        if let (Some(policy), Some(rule)) = (verdict.policy(), verdict.rule()) {
            self.add(policy, rule, 1);
        }
    }

    /// Counts so many decisions by one rule.
    pub fn add(&mut self, policy: &str, rule: usize, count: u64) {
        let before = self.counts.entry((policy.to_owned(), rule)).or_default();
        *before = before.saturating_add(count);
    }

    /// How many decisions a rule has made.
    pub fn of(&self, policy: &str, rule: usize) -> u64 {
        self.counts.get(&(policy.to_owned(), rule)).copied().unwrap_or(0)
    }
}

/// What a change of policies would open and close.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// What would be allowed that is denied, by the rules that would allow it.
    pub opened: Vec<Change>,
    /// What would be denied that is allowed, by the rules that allow it now.
    pub closed: Vec<Change>,
}

/// One action of one principal on one resource that would change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The principal.
    pub principal: Principal,
    /// The resource.
    pub resource: Resource,
    /// The action.
    pub action: String,
    /// The policy that allows it, after the change or before it.
    pub policy: String,
    /// The index of the rule there.
    pub rule: usize,
}

impl PolicySet {
    /// Everything that a principal may do over a list of resources, and the rules that are wider than that needs.
    ///
    /// Asked is for every action that the catalogue or a policy knows for the kind of resource.
    ///
    /// Rules: [P9](crate::specification).
    ///
    /// ```
    /// use dashshare::policy::{Document, PolicySet, Principal, Resource};
    /// let document = Document::parse(r#"{"id": "p", "targets": [["run_user"]], "permissions": [
    ///     {"effect": "allow", "action": ["access"], "resource": ["device"]}
    /// ]}"#)?;
    /// let policies = PolicySet::default().with(&document);
    /// let audit = policies.audit(&Principal::run_user("visitor"), &[Resource::new("device", "d1")]);
    /// assert_eq!(audit.may[0].action, "access");
    /// assert_eq!((audit.wide[0].rule, audit.wide[0].needed_for), (0, 1));
    /// # Ok::<(), dashshare::policy::DocumentError>(())
    /// ```
    pub fn audit(&self, principal: &Principal, resources: &[Resource]) -> Audit {
        let known = KnownActions::of([self]);
        let mut may = Vec::new();
        for resource in resources {
            for action in known.actions(principal, resource) {
                if let Some((policy, rule)) = allowing(self.evaluate(principal, action, resource)) {
                    may.push(Permitted {
                        resource: resource.clone(),
                        action: action.to_owned(),
                        policy,
                        rule,
                    });
                }
            }
        }
        let aimed = self
            .documents()
            .into_iter()
            .filter(|document| document.is_active() && aims_at(document, principal));
        let wide = aimed.flat_map(|document| self.wide(document, principal, resources)).collect();
        Audit { may, wide }
    }

    fn wide(&self, document: &Document, principal: &Principal, resources: &[Resource]) -> Vec<Wide> {
        let lends = !is_mixed(document);
        let rules =
            document.permissions().iter().enumerate().filter(|(_, rule)| rule.effect == Effect::Allow);
        let wide = rules.filter_map(|(index, rule)| {
            let Ok((kind, Form::Any)) = tuple::read(&rule.resource, Role::Resource) else { return None };
            let words = rule.action.iter().map(|word| word.to_string());
            let actions: Vec<String> = words
                .filter(|word| counts(principal.kind, lends, rule.effect, kind, Form::Any, word))
                .collect();
            if actions.is_empty() {
                return None;
            }
            // Without the rule: the same document's others, and all other policies.
            let rest = self.without_rule(document, index);
            let lost = |resource: &&Resource| {
                actions.iter().any(|action| {
                    self.evaluate(principal, action, resource).is_allowed()
                        && !rest.evaluate(principal, action, resource).is_allowed()
                })
            };
            let needed_for = resources.iter().filter(|resource| resource.kind == kind).filter(lost).count();
            Some(Wide {
                policy: document.id().to_owned(),
                rule: index,
                kind: kind.to_owned(),
                actions,
                needed_for,
            })
        });
        wide.collect()
    }

    fn without_rule(&self, document: &Document, rule: usize) -> Self {
        self.with(&document.without_rule(rule))
    }

    /// The rules of active policies that have decided nothing by these counts, as policy and index.
    ///
    /// Rules: [P9](crate::specification).
    pub fn unused(&self, usage: &Usage) -> Vec<(String, usize)> {
        let active = self.documents().into_iter().filter(|document| document.is_active());
        let rules = active.flat_map(|document| {
            (0..document.permissions().len()).map(|rule| (document.id().to_owned(), rule))
        });
        rules.filter(|(policy, rule)| usage.of(policy, *rule) == 0).collect()
    }

    /// What another set in place of this one would open and close, over these principals and resources and every action
    /// that either set or the catalogue knows.
    pub fn diff(&self, new: &Self, principals: &[Principal], resources: &[Resource]) -> Diff {
        let known = KnownActions::of([self, new]);
        let mut diff = Diff::default();
        for principal in principals {
            for resource in resources {
                for action in known.actions(principal, resource) {
                    let before = allowing(self.evaluate(principal, action, resource));
                    let after = allowing(new.evaluate(principal, action, resource));
                    let change = |(policy, rule)| Change {
                        principal: principal.clone(),
                        resource: resource.clone(),
                        action: action.to_owned(),
                        policy,
                        rule,
                    };
                    match (before, after) {
                        (None, Some(by)) => diff.opened.push(change(by)),
                        (Some(by), None) => diff.closed.push(change(by)),
                        _ => {}
                    }
                }
            }
        }
        diff
    }
}

fn allowing(verdict: Verdict<'_>) -> Option<(String, usize)> {
    verdict.is_allowed().then_some((verdict.policy()?.to_owned(), verdict.rule()?))
}

/// The actions that policies and the catalogue know, by kind of resource.
struct KnownActions<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> KnownActions<'a> {
    fn of(sets: impl IntoIterator<Item = &'a PolicySet>) -> Self {
        let mut words: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for document in sets.into_iter().flat_map(PolicySet::documents) {
            for rule in document.permissions() {
                if let Ok((kind, _)) = tuple::read(&rule.resource, Role::Resource) {
                    words.entry(kind).or_default().extend(rule.action.iter().map(|action| &**action));
                }
            }
        }
        Self(words)
    }

    fn actions<'b>(&'b self, principal: &Principal, resource: &Resource) -> BTreeSet<&'b str> {
        let known = catalog::actions(principal.kind, &resource.kind).into_iter().flatten().copied();
        let mut actions: BTreeSet<&str> = self.0.get(resource.kind.as_str()).cloned().unwrap_or_default();
        actions.extend(known);
        actions
    }
}
