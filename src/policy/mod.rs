//! Access management: TagoIO's policy documents, compiled, decided, explained and audited.
//!
//! A host hands over its customers' documents as they are ([`Document`]), compiles them once ([`PolicySet`]), and asks.
//! The set is part of a [`Tenant`](crate::directory::Tenant), and the sharing service asks it at every decision that a tenant's rules
//! put under policies; it can also be used alone, for whatever else a host guards. What is decided can be explained
//! ([`PolicySet::explain`]); what is written can be checked before it counts ([`lint`]), and what a principal may do,
//! or would after a change, can be listed ([`PolicySet::audit`], [`PolicySet::diff`]).
//!
//! ```
//! use dashshare::policy::{Document, PolicySet, Principal, Resource};
//!
//! let documents = Document::parse_all(r#"[{
//!     "id": "crew", "name": "The crew sees its own site",
//!     "targets": [["run_user", "tag.key", "role", "tag.value", "crew"]],
//!     "permissions": [{"effect": "allow", "action": ["access"], "resource": ["device", "tag_match", "site"]}]
//! }]"#)?;
//! let policies = PolicySet::compile(&documents)?.set;
//! let ann = Principal::run_user("ann").with_tag("role", "crew").with_tag("site", "north");
//! let device = |site| Resource::new("device", "d1").with_tag("site", site);
//! assert!(policies.evaluate(&ann, "access", &device("north")).is_allowed());
//! assert!(!policies.evaluate(&ann, "access", &device("south")).is_allowed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rules: [D2](crate::specification).

mod audit;
mod catalog;
mod cow;
mod document;
mod explain;
mod facts;
mod index;
mod judged;
mod keys;
mod lint;
mod mend;
mod nearest;
mod set;
mod tuple;

pub use crate::value::Tag;
pub use audit::{Audit, Change, Diff, Permitted, Usage, Wide};
pub use document::{Document, DocumentError, Effect, Permission, Tuple};
pub use explain::{Explanation, Stopped};
pub use judged::{Considered, Outcome, RuleOutcome};
pub use lint::{Finding, Severity, lint};
pub use nearest::Nearest;
pub use set::{CompileError, Compiled, Limits, PolicySet, RuleRef, Verdict};
pub use tuple::{Principal, PrincipalKind, Resource};
