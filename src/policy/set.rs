//! A set of policies, compiled for decisions.

use super::{
    cow::CowMap,
    document::{Document, Effect},
    index::{Index, targets},
    lint::{Finding, Severity, lint},
    tuple::{Principal, Resource},
};
use crate::value::Shown;
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
/// let compiled = PolicySet::compile(&Document::parse_all(guests)?)?;
/// assert!(compiled.findings.is_empty(), "every rule can match");
/// let policies = compiled.set;
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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RuleRef {
    /// The id of the policy.
    pub policy: String,
    /// The index of the rule in its permissions.
    pub rule: usize,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} of policy `{}`", self.rule, Shown(&self.policy))
    }
}

/// A set of policies, and what the lint found in them: a rule that can never match does nothing, and of a deny that is
/// the dangerous way round.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "the findings say which rules do nothing, denies among them"]
pub struct Compiled {
    /// The set.
    pub set: PolicySet,
    /// All findings, in the order of the documents. Those that a deny is without effect by say so:
    /// [`Finding::denies_nothing`].
    pub findings: Vec<Finding>,
}

impl Compiled {
    /// The same, unless the lint found what can never match.
    ///
    /// Rules: [P6](crate::specification).
    ///
    /// # Errors
    /// [`CompileError::Inert`] with everything that can never match.
    pub fn strict(self) -> Result<Self, CompileError> {
        let is_inert = |finding: &Finding| finding.severity() == Severity::Inert;
        if !self.findings.iter().any(is_inert) {
            return Ok(self);
        }
        Err(CompileError::Inert(self.findings.into_iter().filter(is_inert).collect()))
    }
}

/// How much is compiled, which is the host's to change. Documents are measured as they came, blanks among them.
///
/// Rules: [G23](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest document, in bytes: 10,000 by default.
    pub policy_bytes: usize,
    /// The most bytes of all documents of a set, which is a tenant's: 200,000 by default.
    pub set_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { policy_bytes: 10_000, set_bytes: 200_000 }
    }
}

impl Limits {
    /// No limit, for a host that holds its policies to limits of its own.
    pub const NONE: Self = Self { policy_bytes: usize::MAX, set_bytes: usize::MAX };

    /// Refuses documents that are too long, alone or together.
    ///
    /// # Errors
    /// [`CompileError::PolicyTooLarge`] for the first that is too long, and [`CompileError::SetTooLarge`] for the first
    /// that goes over the limit of all.
    pub fn check<'d>(&self, documents: impl IntoIterator<Item = &'d Document>) -> Result<(), CompileError> {
        let mut all = 0_usize;
        for (place, document) in documents.into_iter().enumerate() {
            let (policy, bytes) = (|| document.id().to_owned(), document.json().len());
            all = all.saturating_add(bytes);
            if bytes > self.policy_bytes {
                let limit = self.policy_bytes;
                return Err(CompileError::PolicyTooLarge { place, policy: policy(), bytes, limit });
            }
            if all > self.set_bytes {
                return Err(CompileError::SetTooLarge { place, policy: policy(), limit: self.set_bytes });
            }
        }
        Ok(())
    }
}

/// Why documents were not compiled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// Two documents have one id.
    #[error("two policies have the id `{}`: give one of them another, or leave it out", Shown(.0))]
    DuplicateId(String),
    /// The lint found what can never match, and the compile was to be strict.
    ///
    /// Rules: [P6](crate::specification).
    #[error("{} of the rules can never match: {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Inert(Vec<Finding>),
    /// A document is longer than a policy may be.
    ///
    /// Rules: [G23](crate::specification).
    #[error("at /{place}: policy `{}` has {bytes} bytes, and a policy may have {limit} at most", Shown(.policy))]
    PolicyTooLarge {
        /// Its index among the documents.
        place: usize,
        /// Its id.
        policy: String,
        /// How long it is, in bytes.
        bytes: usize,
        /// The most bytes.
        limit: usize,
    },
    /// All documents together are longer than a tenant's policies may be.
    ///
    /// Rules: [G23](crate::specification).
    #[error("at /{place}: with policy `{}` all policies have more than the {limit} bytes that they may have", Shown(.policy))]
    SetTooLarge {
        /// The index of the first document that has no room.
        place: usize,
        /// Its id.
        policy: String,
        /// The most bytes.
        limit: usize,
    },
}

impl CompileError {
    /// The name of its kind, which stays the same whatever its sentence says.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DuplicateId(_) => "duplicate_policy",
            Self::Inert(_) => "inert_rules",
            Self::PolicyTooLarge { .. } => "policy_too_large",
            Self::SetTooLarge { .. } => "policies_too_large",
        }
    }
}

impl PolicySet {
    /// Compiles documents, in any order. What can never match does nothing, and is among the findings.
    ///
    /// Rules: [P6](crate::specification), [G23](crate::specification).
    ///
    /// # Errors
    /// [`CompileError::DuplicateId`], and what is over the default [`Limits`].
    pub fn compile(documents: &[Document]) -> Result<Compiled, CompileError> {
        Self::compile_within(documents, &Limits::default())
    }

    /// The same under limits of the host's own.
    ///
    /// # Errors
    /// [`CompileError::DuplicateId`], and what is over the limits.
    pub fn compile_within(documents: &[Document], limits: &Limits) -> Result<Compiled, CompileError> {
        limits.check(documents)?;
        let set = Self::of(documents)?;
        Ok(Compiled { set, findings: documents.iter().flat_map(|document| lint(document, None)).collect() })
    }

    /// Compiles documents in which every rule can match. The findings are warnings.
    ///
    /// Rules: [P6](crate::specification).
    ///
    /// # Errors
    /// [`CompileError::Inert`] with everything that can never match, and what [`compile`](Self::compile) refuses.
    pub fn compile_strict(documents: &[Document]) -> Result<Compiled, CompileError> {
        Self::compile(documents)?.strict()
    }

    fn of(documents: &[Document]) -> Result<Self, CompileError> {
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

    /// The set with this policy in it, in place of the one of the same id if there is one. It is held to no limit and
    /// says nothing of what can never match: see [`Limits::check`] and [`lint`].
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

/// Reads a list of documents. It is held to the default [`Limits`]: with others, read documents and compile them.
impl<'de> Deserialize<'de> for PolicySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        let read = |(index, text)| Document::of_text(text, &format!("/{index}"));
        let documents: Result<Vec<Document>, _> = texts.into_iter().enumerate().map(read).collect();
        let documents = documents.map_err(serde::de::Error::custom)?;
        Limits::default().check(&documents).map_err(serde::de::Error::custom)?;
        Self::of(&documents).map_err(serde::de::Error::custom)
    }
}

/// Whether a document is aimed at a principal.
pub(super) fn aims_at(document: &Document, principal: &Principal) -> bool {
    targets(document).any(|(kind, form)| kind == principal.kind && form.aims_at(principal))
}
