//! The nearest thing that would change a denial, and how it is said (P8).

use crate::value::Showing;
use serde::Serialize;
use std::fmt::{self, Write as _};

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
        let f = &mut Showing(f);
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
