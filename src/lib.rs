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
//! A file imports only from floors below its own; `tests/layers.rs` checks that. Floors 0 to 4 know no clock, no
//! randomness and no waiting: time and bytes are arguments.
//!
//! | floor | what | files |
//! | --- | --- | --- |
//! | 0 values | ids, tags, instants, addresses, rights and terms, tokens | `id` `object` `tag` `time` `email` `terms` `token` |
//! | 1 policies | the document, its lint, the compiled set, explanation and audit; nothing of sharing | `policy/…` |
//! | 1 templates | profiles of document formats, extraction, the leak detector, filling; nothing of sharing | `template/…` |
//! | 1 things | a grant, a tenant's rules, a dashboard's head with its link, audit and outbox, the commit | `grant` `tenant` `dashboard` `record` `commit` |
//! | 2 host | the traits that a host implements | `store` `host` |
//! | 3 rules | what a grant is worth; a dashboard at an instant; the commands; decision, lists, diagnosis | `standing` `refusal` `ledger` `sharing/…` `decision` `answers` `diagnosis` |
//! | 4 words | explanations and errors | `explain` `error` |
//! | 5 shell | load, judge, commit, retry | `service/…` |
//! | 6 edge | the memory store, the cache in front of any store, the fixed twins for tests, the conformance suite | `memory` `cached` `fixed` `conformance` |
//! | 6 databases | what the SQL stores share, and each of them | `sql/…` `sqlite/…` `postgres/…` |
//!
//! The rules that all of this keeps are numbered (`G6`, `L2`, …) and stand in [`specification`].

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod answers;
mod cached;
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
mod object;
pub mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod refusal;
mod service;
mod sharing;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod standing;
mod store;
mod tag;
pub mod template;
mod tenant;
mod terms;
mod time;
mod token;

#[doc = include_str!("../docs/spec.md")]
pub mod specification {}

pub use answers::{AccessList, GrantView, Impact, LinkView, Losing, SharedDashboard};
pub use cached::CachedStore;
pub use commit::{Commit, CommitKey, Receipt};
pub use dashboard::{Head, Link, Offer, Revision, Snapshot};
pub use decision::{Action, Decision, Denial, Principal};
pub use diagnosis::{LinkCause, LinkDiagnosis, Symptom};
pub use email::{Attestor, EmailAddress, EmailError, VerifiedEmail};
pub use error::{Error, Unresolved};
pub use explain::{Because, Explanation, Step};
pub use fixed::{FixedEnv, MemoryDirectory};
pub use grant::{Chain, Claim, Grant, Grantee, History, Holder, Invitation, PastTerms};
pub use host::{Account, Directory, Env, SystemEnv};
pub use id::{AccountId, DashboardId, GrantId, TenantId};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresTransaction};
pub use record::{Actor, AuditRecord, Event, Message, MessageId, OutboxMessage};
pub use refusal::Refusal;
pub use service::{Dashshare, Done};
pub use sharing::{
    amend::{Amended, Amendment},
    invitation::Claimed,
    link::NewLink,
    offer::{NewOffer, OfferView, Offered},
    ownership::Transferred,
    revoke::{Ended, RevokeMode},
    share::Shared,
};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sql::SqlError;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreTransaction};
/// The driver of `SqliteStore` and `PostgresStore`, of whose pools and transactions they are made.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use sqlx;
pub use standing::{Fall, FallCause, LinkFall};
pub use store::{BoxError, CommitError, DynStore, Freshness, Seed, Store};
pub use tag::Tag;
pub use tenant::{AnonymousUser, Missing, Portal, SharingRules, Tenant};
pub use terms::{Expiry, Right, Rights, Terms};
pub use time::{Timestamp, TimestampError};
pub use token::{LinkDigest, LinkToken, MalformedToken};

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
