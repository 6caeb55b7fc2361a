//! A set of policies, compiled for decisions.

use super::{
    cow::CowMap,
    document::{Document, Effect},
    index::{Index, targets},
    lint::{Finding, Severity, lint},
    tuple::{Principal, Resource},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// Policies that were compiled to decide quickly, however many there are.
///
/// A set never changes. [`with`](Self::with) and [`without`](Self::without) make another one that shares what is the
/// same, so that one policy of 10,000 is replaced without compiling the others; a host keeps the current set behind its
/// own lock and swaps it whole. A copy costs one reference count.
///
/// The rules: nothing is allowed that no rule allows; an inactive policy does nothing; one deny that matches beats
/// every allow, whatever the order; a policy that is aimed at both kinds of principal gives to each only what
/// the catalogue has for it.
///
/// Rules: [P3](crate::specification), [P4](crate::specification), [P7](crate::specification).
///
/// ```
/// use dashshare::policy::{Document, PolicySet, Principal, Resource};
/// let guests = r#"[{
///     "id": "guests", "name": "Guests see the lobby",
///     "targets": [["run_user", "tag.key", "role", "tag.value", "guest"]],
///     "permissions": [
///         {"effect": "allow", "action": ["access"], "resource": ["dashboard", "id", "lobby"]},
///         {"effect": "allow", "action": ["access"], "resource": ["device", "tag_match", "site"]}
///     ]
/// }]"#;
/// let policies = PolicySet::compile(&Document::parse_all(guests)?)?;
/// let guest = Principal::run_user("u1").with_tag("role", "guest").with_tag("site", "north");
///
/// let verdict = policies.evaluate(&guest, "access", &Resource::new("dashboard", "lobby"));
/// assert!(verdict.is_allowed());
/// assert_eq!((verdict.policy(), verdict.rule()), (Some("guests"), Some(0)));
///
/// let here = Resource::new("device", "d1").with_tag("site", "north");
/// let there = Resource::new("device", "d2").with_tag("site", "south");
/// assert!(policies.evaluate(&guest, "access", &here).is_allowed());
/// assert!(!policies.evaluate(&guest, "access", &there).is_allowed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct PolicySet(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    documents: CowMap<Document>,
    index: Index,
}

/// What a set of policies says to a request, and by which rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict<'a> {
    /// The rule that decided: its policy and its place among the rules there.
    decided: Option<(&'a Document, usize, Effect)>,
}

impl<'a> Verdict<'a> {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        self.effect() == Some(Effect::Allow)
    }

    /// The effect of the rule that decided; `None` if no rule matched, which denies.
    ///
    /// Rules: [P3](crate::specification).
    pub fn effect(&self) -> Option<Effect> {
        self.decided.map(|(_, _, effect)| effect)
    }

    /// The policy that decided.
    pub fn document(&self) -> Option<&'a Document> {
        self.decided.map(|(document, _, _)| document)
    }

    /// The id of the policy that decided. Of several whose rules match it is the first by id, so that it does not
    /// depend on the order in which the set was built.
    ///
    /// Rules: [P4](crate::specification).
    pub fn policy(&self) -> Option<&'a str> {
        self.decided.map(|(document, _, _)| document.id())
    }

    /// The index of the rule that decided, in its policy's permissions.
    pub fn rule(&self) -> Option<usize> {
        self.decided.map(|(_, rule, _)| rule)
    }

    /// The rule that decided, to be kept.
    pub fn rule_ref(&self) -> Option<RuleRef> {
        self.decided.map(|(document, rule, _)| RuleRef { policy: document.id().to_owned(), rule })
    }
}

/// A rule of a policy, cited.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RuleRef {
    /// The id of the policy.
    pub policy: String,
    /// The index of the rule in its permissions.
    pub rule: usize,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} of policy `{}`", self.rule, self.policy)
    }
}

/// Why documents were not compiled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Two documents have one id.
    #[error("two policies have the id `{0}`: give one of them another, or leave it out")]
    DuplicateId(String),
    /// The lint found what can never match, and the compile was to be strict.
    ///
    /// Rules: [P6](crate::specification).
    #[error("{} of the rules can never match: {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Inert(Vec<Finding>),
}

impl PolicySet {
    /// Compiles documents, in any order. What can never match does nothing.
    ///
    /// # Errors
    /// [`CompileError::DuplicateId`].
    pub fn compile(documents: &[Document]) -> Result<Self, CompileError> {
        let mut sorted: Vec<&Document> = documents.iter().collect();
        sorted.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        for pair in sorted.windows(2) {
            if let [one, other] = pair
                && one.id() == other.id()
            {
                return Err(CompileError::DuplicateId(one.id().to_owned()));
            }
        }
        let aims = sorted.iter().map(|document| document.targets().len()).sum();
        let mut inner =
            Inner { documents: CowMap::with_room_for(sorted.len()), index: Index::with_room_for(aims) };
        for document in sorted {
            inner.put(document);
        }
        Ok(Self(Arc::new(inner)))
    }

    /// Compiles documents in which every rule can match.
    ///
    /// Rules: [P6](crate::specification).
    ///
    /// # Errors
    /// [`CompileError::Inert`] with everything that can never match, and [`CompileError::DuplicateId`].
    pub fn compile_strict(documents: &[Document]) -> Result<Self, CompileError> {
        let findings = documents.iter().flat_map(|document| lint(document, None));
        let inert: Vec<Finding> = findings.filter(|finding| finding.severity() == Severity::Inert).collect();
        match inert.is_empty() {
            true => Self::compile(documents),
            false => Err(CompileError::Inert(inert)),
        }
    }

    /// The set with this policy in it, in place of the one of the same id if there is one.
    #[must_use]
    pub fn with(&self, document: &Document) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.take(document.id());
        inner.put(document);
        Self(Arc::new(inner))
    }

    /// The set without the policy of this id.
    #[must_use]
    pub fn without(&self, id: &str) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.take(id);
        Self(Arc::new(inner))
    }

    /// How many policies there are, inactive ones counted.
    pub fn len(&self) -> usize {
        self.0.documents.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The policy of this id.
    pub fn document(&self, id: &str) -> Option<&Document> {
        self.0.documents.find(self.0.hash(id), |document| document.id() == id)
    }

    /// The policies, by id.
    pub fn documents(&self) -> Vec<&Document> {
        let mut documents: Vec<&Document> = self.0.documents.values().collect();
        documents.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        documents
    }

    /// Decides a request. It allocates nothing for entities of ordinary size.
    ///
    /// Rules: [P2](crate::specification), [P3](crate::specification).
    pub fn evaluate(&self, principal: &Principal, action: &str, resource: &Resource) -> Verdict<'_> {
        let found = self.0.index.look(principal, action, resource);
        let decided = match (found.deny, found.allow) {
            (Some(deny), _) => Some((deny, Effect::Deny)),
            (None, Some(allow)) => Some((allow, Effect::Allow)),
            (None, None) => None,
        };
        Verdict {
            decided: decided
                .map(|(clause, effect)| (&clause.part.document, clause.part.rule as usize, effect)),
        }
    }

    /// Whether any active policy has a rule that denies.
    pub(crate) fn has_denies(&self) -> bool {
        self.0.index.has_denies()
    }
}

impl Inner {
    fn hash(&self, id: &str) -> u64 {
        self.index.hasher().word(id.as_bytes())
    }

    fn put(&mut self, document: &Document) {
        self.index.put(document, true);
        let is_it = |other: &Document| other.id() == document.id();
        self.documents.change(self.hash(document.id()), is_it, || document.clone(), |_| true);
    }

    fn take(&mut self, id: &str) {
        let hash = self.hash(id);
        let Some(document) = self.documents.find(hash, |document| document.id() == id).cloned() else {
            return;
        };
        self.index.put(&document, false);
        let is_it = |other: &Document| other.id() == id;
        self.documents.change(hash, is_it, || document.clone(), |_| false);
    }
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet").field("policies", &self.len()).finish()
    }
}

impl PartialEq for PolicySet {
    /// Two sets are equal if they hold the same documents.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.documents() == other.documents()
    }
}

impl Eq for PolicySet {}

impl Serialize for PolicySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.documents())
    }
}

impl<'de> Deserialize<'de> for PolicySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        let read = |(index, text)| Document::of_text(text, &format!("/{index}"));
        let documents: Result<Vec<Document>, _> = texts.into_iter().enumerate().map(read).collect();
        let documents = documents.map_err(serde::de::Error::custom)?;
        Self::compile(&documents).map_err(serde::de::Error::custom)
    }
}

/// Whether a document is aimed at a principal.
pub(super) fn aims_at(document: &Document, principal: &Principal) -> bool {
    targets(document).any(|(kind, form)| kind == principal.kind && form.aims_at(principal))
}
