//! Why policies decide as they do: what was considered, and what would change it (P8).

use super::{
    document::Effect,
    facts::Facts,
    judged::{Considered, Judged, Steps, UsedUp},
    mend::Denied,
    nearest::Nearest,
    set::PolicySet,
    tuple::{Principal, Resource},
};
use crate::value::Shown;
use serde::Serialize;
use std::fmt;

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
    /// Where the explanation stopped, if it had no steps left. What was decided is right all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}

/// Where an explanation stopped, as it had no steps left. Its `Display` is a sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Stopped {
    /// How many steps it had.
    pub steps: u64,
    /// The policy that it was at. Policies are taken in the order of their ids.
    pub policy: String,
    /// Whether all that are aimed at the principal were considered by then; if so, only what would change the denial was
    /// not found.
    pub all_considered: bool,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.all_considered {
            true => "all policies were considered, and what would change it was not found",
            false => "this policy and those behind it were not considered",
        };
        let (steps, policy) = (self.steps, Shown(&self.policy));
        write!(f, "the explanation stopped after {steps} steps at policy `{policy}`: {what}")
    }
}

impl PolicySet {
    /// How many steps [`explain`](Self::explain) takes at the most: a step is a look at a target, a rule, an action or a
    /// tag. Policies of 200 kB are explained within a tenth of them.
    pub const EXPLANATION_STEPS: u64 = 1_000_000;

    /// Explains a decision. It looks at every policy, so it is for people that ask why, not for every request; it stops
    /// after [`EXPLANATION_STEPS`](Self::EXPLANATION_STEPS), and says so.
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
        self.explain_within(Self::EXPLANATION_STEPS, principal, action, resource)
    }

    /// The same within so many steps. If they do not suffice, the explanation is cut off where they were used up, and
    /// [`stopped`](Explanation::stopped) says where.
    ///
    /// Rules: [P8](crate::specification).
    pub fn explain_within(
        &self,
        steps: u64,
        principal: &Principal,
        action: &str,
        resource: &Resource,
    ) -> Explanation {
        let verdict = self.evaluate(principal, action, resource);
        let mut explanation = Explanation {
            allowed: verdict.is_allowed(),
            effect: verdict.effect(),
            policy: verdict.policy().map(str::to_owned),
            rule: verdict.rule(),
            considered: Vec::new(),
            nearest: None,
            stopped: None,
        };
        let stopped = |UsedUp(at): UsedUp<'_>, all_considered| {
            Some(Stopped { steps, policy: at.id().to_owned(), all_considered })
        };
        let documents = self.documents();
        let mut left = Steps::of(steps);
        let tags = principal.tags.len().saturating_add(resource.tags.len());
        if let Some(first) = documents.first()
            && let Err(used_up) = left.spend(tags, first)
        {
            explanation.stopped = stopped(used_up, false);
            return explanation;
        }
        let facts = Facts::of(principal, action, resource);
        let mut judged = Vec::with_capacity(documents.len());
        for document in documents {
            match Judged::of(document, &facts, &mut left) {
                Ok(policy) => {
                    explanation.considered.extend(policy.is_aimed.then(|| policy.considered()));
                    judged.push(policy);
                }
                Err(used_up) => {
                    explanation.stopped = stopped(used_up, false);
                    return explanation;
                }
            }
        }
        if !explanation.allowed {
            match (Denied { judged: &judged, facts: &facts, steps: &mut left }).nearest() {
                Ok(nearest) => explanation.nearest = Some(nearest),
                Err(used_up) => explanation.stopped = stopped(used_up, true),
            }
        }
        explanation
    }
}
