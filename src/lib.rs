//! Dashboard sharing for any service.
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod answers;
mod commit;
#[cfg(feature = "conformance")]
pub mod conformance;
mod dashboard;
mod decision;
mod diagnosis;
mod email;
mod error;
mod explain;
mod fixed;
mod grant;
mod host;
mod id;
mod ledger;
mod memory;
mod record;
mod refusal;
mod service;
mod sharing;
mod standing;
mod store;
mod tenant;
mod terms;
mod time;
mod token;

pub use answers::{AccessList, GrantView, Impact, LinkView, Losing, SharedDashboard};
pub use commit::{Commit, CommitKey, Receipt};
pub use dashboard::{Head, Link, Revision, Snapshot};
pub use decision::{Action, Decision, Denial, Principal};
pub use diagnosis::{LinkCause, LinkDiagnosis};
pub use email::{Attestor, EmailAddress, EmailError, VerifiedEmail};
pub use error::{Error, Unresolved};
pub use explain::{Because, Explanation, Step};
pub use fixed::{FixedEnv, MemoryDirectory};
pub use grant::{Chain, Claim, Grant, Grantee, History, Holder, Invitation, PastTerms};
pub use host::{Account, Directory, Env, SystemEnv};
pub use id::{AccountId, DashboardId, GrantId, TenantId};
pub use memory::MemoryStore;
pub use record::{Actor, AuditRecord, Event, Message, MessageId, OutboxMessage};
pub use refusal::Refusal;
pub use service::{Dashshare, Done, NewLink};
pub use sharing::{
    amend::{Amended, Amendment},
    invitation::Claimed,
    ownership::Transferred,
    revoke::{Ended, RevokeMode},
    share::Shared,
};
pub use standing::{Fall, FallCause, LinkFall};
pub use store::{BoxError, CommitError, Seed, Store};
pub use tenant::{AnonymousAccess, AnonymousUser, Missing, Portal, SharingRules, Tenant};
pub use terms::{Expiry, Right, Rights, Terms};
pub use time::{Timestamp, TimestampError};
pub use token::{LinkDigest, LinkToken, MalformedToken};
