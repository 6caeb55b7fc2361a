//! Dashboard sharing for any service: private grants, invitations, one public link, access-management policies over all
//! of it, and decisions that say why.
//!
//! A host that has accounts and dashboards of its own (an IoT platform, say) implements a directory, picks a store, and
//! its users can share a dashboard with a person until a date and perhaps with the right to share on, see who has access
//! and through whom, stop it, publish it by one link whose old token dies the moment a new one is made, and give away
//! its [structure without any of its data](template).
//!
//! ```
//! use dashshare::{
//!     AccountId, Action, Dashshare, DashboardId, EmailAddress, Expiry, FixedEnv, MemoryDirectory, MemoryStore,
//!     NewShare, TenantId, Terms, Timestamp,
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
//! sharing.share(olga, dashboard, NewShare::with(ann, week)).await?;
//! let bob: EmailAddress = "bob@example.com".parse()?;
//! let terms = Terms::view(Expiry::Never);
//! let shared = sharing.share(ann, dashboard, NewShare::with(bob, terms)).await?;
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
//! println!("{}", decision.tell()); // to Ann
//! println!("{}", decision.explain()); // to Olga, or to support
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # What to implement
//!
//! - [`Directory`]: the host's accounts, their verified addresses, its tenants with their rules and [policies](policy),
//!   and which devices a dashboard shows.
//! - [`Store`](store::Store): where grants are kept. [`MemoryStore`] is there to begin with, `SqliteStore` and `PostgresStore` behind
//!   the features `sqlite` and `postgres`; the trait's documentation is the implementer's guide, and the exported
//!   conformance suite checks a store against every promise.
//! - [`Env`]: clock and randomness; [`SystemEnv`] is the operating system's.
//! - For a host that counts what leaves, [`Plans`](metering::Plans): what each tenant may have. The [`Meter`] keeps its figures in
//!   a [`Ledger`](metering::Ledger), for which memory, SQLite and PostgreSQL come with the crate.
//!
//! # What it is not
//!
//! It does not authenticate: the host says which account is asking. It does not keep or show dashboards, or send mail (it
//! fills an outbox). It limits the rate of guesses only when it is [told to](Dashshare::limited). It depends on no async runtime, but for the stores behind
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
//! | `limit/` | rate limits: what a limit says, whom it counts, what is kept of all keys in a fixed size |
//! | `lock/` | how much of the data: locks, their meet, windows in zones, questions for data |
//! | `record/` | what is stored: the head of a dashboard with its link, grants, audit and outbox, the commit |
//! | `blueprint/` | slots and their lint, what fills them for whoever asks, addresses; nothing of sharing |
//! | `tenant.rs` | what a tenant allows: its rules, its portal, its policies |
//! | `sharing/` | the rules: what a grant is worth, a dashboard at an instant, each command; `consult.rs` is the one door to policies |
//! | `decision/` | decisions and their explanations, lists, the diagnosis of a link |
//! | `meter/` | what leaves, counted: periods, plans, how a batch is judged, figures |
//! | `host/` | the traits that a host implements, and their fixed twins for tests |
//! | `service/` | [`Dashshare`]: load, judge, commit, retry; and [`Meter`] beside it |
//! | `stores/` | stores and ledgers that come with the crate: memory, cache, SQLite, PostgreSQL |
//! | `conformance/` | the suites that every store and every ledger passes, and the canary check of what a host reads |
//!
//! The rules that all of this keeps are numbered (`G6`, `L2`, …) and stand in [`specification`].

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

pub mod blueprint;
#[cfg(feature = "conformance")]
pub mod conformance;
mod decision;
mod host;
mod limit;
pub mod lock;
mod meter;
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

pub use decision::{Decision, DecisionAsOf, DeviceDecision};
#[doc(hidden)]
pub use host::named as __named;
pub use host::{BoxError, Directory, Env, FixedEnv, MemoryDirectory, SystemEnv};
pub use lock::Lock;
pub use record::{Holder, Revision, Terms};
pub use service::{Dashshare, Done, Error, Meter, Unresolved};
pub use sharing::{
    ErrorKind, Refusal, Told,
    amend::{Amended, Amendment},
    link::{NewLink, Rotated},
    revoke::{Ended, RevokeMode},
    share::{NewShare, Shared},
};
pub use stores::MemoryStore;
#[cfg(feature = "postgres")]
pub use stores::PostgresStore;
#[cfg(feature = "sqlite")]
pub use stores::SqliteStore;
pub use value::{
    AccountId, Action, DashboardId, EmailAddress, EmailError, Expiry, GrantId, IdError, LinkToken,
    MalformedToken, Right, Rights, TenantId, Timestamp, TimestampError,
};

/// What the rarer commands are given and answer with.
pub mod answers {
    pub use crate::{
        sharing::{
            clock::ClockRepaired,
            invitation::{Claimed, Renewed},
            link::LinkEndMoved,
            narrow_link::LinkNarrowed,
            offer::{NewOffer, Offered},
            share::ShareSet,
            transfer::{TransferAsked, Transferred},
        },
        value::NewToken,
    };
}

/// For whoever brings a store: the trait, what it keeps, and the stores that stand in front of another one.
///
/// Start with the trait [`Store`](store::Store), whose documentation is the guide.
pub mod store {
    #[cfg(feature = "postgres")]
    pub use crate::stores::PostgresTransaction;
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub use crate::stores::SqlError;
    #[cfg(feature = "sqlite")]
    pub use crate::stores::SqliteStoreTransaction;
    pub use crate::{
        host::{CommitError, DynStore, Freshness, Store, Transactional},
        record::{
            AskedTransfer, Chain, Claim, Commit, CommitDigest, CommitKey, Counted, Falling, Grant, Grantee,
            Head, History, Invitation, Link, Offer, PastTerms, Phase, Receipt, Room, Seed, Snapshot,
        },
        stores::CachedStore,
        value::LinkDigest,
    };
    /// The driver of `SqliteStore` and `PostgresStore`, of whose pools and transactions they are made.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub use sqlx;
}

/// What a [`Directory`] answers with: accounts and their verified addresses, and tenants with their rules and portal.
pub mod directory {
    pub use crate::{
        host::{CandidatePage, DynDirectory},
        tenant::{AnonymousUser, Limits, Portal, SharingRules, Tenant},
        value::{Account, Attestor, VerifiedEmail},
    };
}

/// What leaves is counted: the [`Meter`] beside the service, what it is given and answers with, and for whoever brings a
/// database for it the trait [`Ledger`](metering::Ledger), whose documentation is the guide.
pub mod metering {
    #[cfg(feature = "postgres")]
    pub use crate::stores::PostgresLedger;
    #[cfg(feature = "sqlite")]
    pub use crate::stores::SqliteLedger;
    pub use crate::{
        decision::Edge,
        host::{DynLedger, Ledger, LedgerError, MemoryPlans, Plans},
        meter::{
            Batch, BatchId, Charge, ChargeId, Figures, HandBack, Line, LinePlace, LineQuery, MOST, Notice,
            NoticeId, Offsets, Outcome, Outlet, Period, Plan, Sums, Take, Taken, Tally, Ticket, Warning,
            Warnings,
        },
        service::{Load, MeterError, MeterFigures, Metered, NotHandedBack, Quota},
        stores::MemoryLedger,
    };
}

/// Why: what a decision rests on, why it was denied, and why a public link does not open. For the owner and for support;
/// what may be shown to whoever asked is [`Told`].
pub mod explain {
    pub use crate::{
        decision::{Asker, Because, Denial, Explanation, LinkCause, LinkDiagnosis, Step, Symptom},
        sharing::{Fall, FallCause, LinkFall, Locked, LockedBy, Missing},
    };
}

/// What questions are asked with and answered with: lists of who has access, and questions about another instant.
pub mod questions {
    pub use crate::{
        decision::{
            AccessList, Admits, Admitted, DataDenied, DeviceViewer, DeviceViewers, GrantView, Impact,
            LinkView, Losing, Piece, SharedDashboard, Viewer,
        },
        service::{AsOf, AtLeast, Page, Paged, Visit},
        sharing::Sight,
        sharing::offer::OfferView,
    };
}

/// Rate limits: of visits that are not let in, so that nobody finds a token by trying, and of what one account or one
/// mailbox can be made to bear. A service has them when it is [told so](crate::Dashshare::limited).
pub mod limits {
    pub use crate::{
        host::{Limited, Limiter, Permit, ProcessLimiter, RateLimits, Unanswered},
        limit::{Ask, Client, KeyState, Limit, LimitKey, Network, Purpose, Rates, Taken, Verdict},
    };
}

/// What a change leaves behind: its audit record, and the messages that a host delivers.
pub mod trail {
    pub use crate::record::{Actor, AuditRecord, DeadLetter, Event, Message, MessageId, OutboxMessage};
}

/// The README's example runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
