//! What is stored: the head of a dashboard with its one link, its grants, what each change leaves behind, and the
//! commit that writes all of it at once.

mod actor;
mod commit;
mod grant;
mod head;
mod link;
mod offer;
mod trail;
mod withdrawal;

pub(crate) use commit::Withdrawal;
pub(crate) use grant::leaf;
pub use {
    actor::Actor,
    commit::{Commit, CommitKey, Receipt},
    grant::{Chain, Claim, Grant, Grantee, History, Holder, Invitation, PastTerms, Seed},
    head::{Falling, Head, Phase, Revision, Snapshot},
    link::Link,
    offer::Offer,
    trail::{AuditRecord, Event, Message, MessageId, OutboxMessage},
};
