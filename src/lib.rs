//! Dashboard sharing for any service: private grants, invitations, one public link, access-management policies over all
//! of it, and decisions that say why.
//!
//! A host that has accounts and dashboards of its own (an IoT platform, say) implements two traits, picks a store, and
//! its users can share a dashboard with a person until a date and perhaps with the right to share on, see who has access
//! and through whom, stop it, publish it by one link whose old token dies the moment a new one is made, and give away
//! its [structure without any of its data](template).
//!
//! ```
//! use dashshare::{
//!     AccountId, Action, Dashshare, DashboardId, EmailAddress, Expiry, FixedEnv, MemoryDirectory, MemoryStore,
//!     TenantId, Terms, Timestamp,
//! };
//! # pollster::block_on(async {
//! let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
//! let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
//! let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
//! sharing.directory().add_account(olga);
//! sharing.directory().add_account(ann);
//!
//! let dashboard = DashboardId::from(7u64);
//! sharing.register(dashboard, TenantId::from(1u64), olga).await?;
//!
//! // Ann may view it and share it on for a week. Bob is not known yet: sharing with his address invites him.
//! let week = Terms::view(Expiry::At(start.plus_days(7))).and_reshare();
//! sharing.share(olga, dashboard, ann, week).await?;
//! let bob: EmailAddress = "bob@example.com".parse()?;
//! let terms = Terms::view(Expiry::Never);
//! let shared = sharing.share(ann, dashboard, bob, terms).await?;
//! assert_eq!(shared.ends, Expiry::At(start.plus_days(7)), "never longer than Ann's own");
//!
//! // One link, and only the newest token opens it.
//! let old = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
//! let new = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
//! assert!(!sharing.visit(old.token.expose()).await?.is_allowed());
//! assert!(sharing.visit(new.token.expose()).await?.is_allowed());
//!
//! // A decision says why, and until when.
//! let decision = sharing.authorize(ann, dashboard, Action::View).await?;
//! assert!(decision.is_allowed());
//! assert_eq!(decision.valid_until(), Some(start.plus_days(7)));
//! println!("{}", decision.explain());
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # What to implement
//!
//! - [`Directory`]: the host's accounts, their verified addresses, its tenants with their rules and [policies](policy),
//!   and which devices a dashboard shows.
//! - [`Store`]: where grants are kept. [`MemoryStore`] is there to begin with, `SqliteStore` and `PostgresStore` behind
//!   the features `sqlite` and `postgres`; the trait's documentation is the implementer's guide, and the exported
//!   conformance suite checks a store against every promise.
//! - [`Env`]: clock and randomness; [`SystemEnv`] is the operating system's.
//!
//! # What it is not
//!
//! It does not authenticate: the host says which account is asking. It does not keep or show dashboards, send mail (it
//! fills an outbox), or limit the rate of guesses. It depends on no async runtime, but for the stores behind
//! `sqlite` and `postgres`, whose driver needs tokio.
//!
//! # The map
//!
//! A folder imports only from folders above it in this table, and no two files import each other, not even round a
//! corner; `tests/layers.rs` checks both. Down to the decisions nothing knows a clock, randomness, a store or waiting:
//! time and bytes are arguments.
//!
//! | folder | what |
//! | --- | --- |
//! | `value/` | ids, instants, e-mail addresses, rights and terms, tokens, tags |
//! | `policy/` | the policy document, its lint, the compiled set, explanation and audit; nothing of sharing |
//! | `template/` | profiles of document formats, extraction, the leak detector, filling; nothing of sharing |
//! | `record/` | what is stored: the head of a dashboard with its link, grants, audit and outbox, the commit |
//! | `tenant.rs` | what a tenant allows: its rules, its portal, its policies |
//! | `sharing/` | the rules: what a grant is worth, a dashboard at an instant, each command; `consult.rs` is the one door to policies |
//! | `decision/` | decisions and their explanations, lists, the diagnosis of a link |
//! | `host/` | the traits that a host implements, and their fixed twins for tests |
//! | `service/` | [`Dashshare`]: load, judge, commit, retry |
//! | `stores/` | stores that come with the crate: memory, cache, SQLite, PostgreSQL |
//! | `conformance/` | the suite that every store passes |
//!
//! The rules that all of this keeps are numbered (`G6`, `L2`, …) and stand in [`specification`].

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[cfg(feature = "conformance")]
pub mod conformance;
mod decision;
mod host;
pub mod policy;
mod record;
mod service;
mod sharing;
mod stores;
pub mod template;
mod tenant;
mod value;

#[doc = include_str!("../docs/spec.md")]
pub mod specification {}

pub use decision::{
    AccessList, Asker, Because, Decision, DecisionAsOf, Denial, DeviceDecision, Explanation, GrantView,
    Impact, LinkCause, LinkDiagnosis, LinkView, Losing, SharedDashboard, Step, Symptom, Viewer,
};
#[doc(hidden)]
pub use host::named as __named;
pub use host::{
    BoxError, CommitError, Directory, DynDirectory, DynStore, Env, FixedEnv, Freshness, MemoryDirectory,
    Store, SystemEnv, Transactional,
};
pub use record::{
    Actor, AuditRecord, Chain, Claim, Commit, CommitKey, Event, Grant, Grantee, Head, History, Holder,
    Invitation, Link, Message, MessageId, Offer, OutboxMessage, PastTerms, Phase, Receipt, Revision, Seed,
    Snapshot,
};
pub use service::{AsOf, AtLeast, Dashshare, Done, Error, Unresolved};
pub use sharing::{
    ErrorKind, Fall, FallCause, LinkFall, Missing, Refusal, Told,
    amend::{Amended, Amendment},
    invitation::Claimed,
    link::{NewLink, Rotated},
    offer::{NewOffer, OfferView, Offered},
    ownership::Transferred,
    revoke::{Ended, RevokeMode},
    share::{NewShare, Shared},
};
/// The driver of `SqliteStore` and `PostgresStore`, of whose pools and transactions they are made.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sqlx;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use stores::SqlError;
pub use stores::{CachedStore, MemoryStore};
#[cfg(feature = "postgres")]
pub use stores::{PostgresStore, PostgresTransaction};
#[cfg(feature = "sqlite")]
pub use stores::{SqliteStore, SqliteStoreTransaction};
pub use tenant::{AnonymousUser, Portal, SharingRules, Tenant};
pub use value::{
    Account, AccountId, Action, Attestor, DashboardId, EmailAddress, EmailError, Expiry, GrantId, IdError,
    LinkDigest, LinkToken, MalformedToken, Right, Rights, Tag, TenantId, Terms, Timestamp, TimestampError,
    VerifiedEmail,
};

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
