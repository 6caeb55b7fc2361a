//! What is stored: the head of a dashboard with its one link, its grants, what each change leaves behind, and the
//! commit that writes all of it at once.

mod actor;
mod commit;
mod dead_letter;
mod grant;
mod head;
mod link;
mod offer;
mod terms;
mod trail;
mod withdrawal;

pub(crate) use commit::Withdrawal;
pub(crate) use grant::leaf;
pub use {
    actor::Actor,
    commit::{Commit, CommitDigest, CommitKey, Receipt},
    dead_letter::DeadLetter,
    grant::{Chain, Claim, Grant, Grantee, History, Holder, Invitation, PastTerms, Seed},
    head::{AskedTransfer, Counted, Falling, Head, Phase, Revision, Room, Snapshot},
    link::Link,
    offer::Offer,
    terms::Terms,
    trail::{AuditRecord, Event, Message, MessageId, OutboxMessage},
};
