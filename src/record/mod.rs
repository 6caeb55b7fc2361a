//! What is stored: the head of a dashboard with its one link, its grants, what each change leaves behind, and the
//! commit that writes all of it at once.

mod commit;
mod grant;
mod head;
mod link;
mod offer;
mod trail;

pub(crate) use grant::leaf;
pub use {
    commit::{Commit, CommitKey, Receipt},
    grant::{Chain, Claim, Grant, Grantee, History, Holder, Invitation, PastTerms, Seed},
    head::{AskedTransfer, Counted, Head, Phase, Revision, Room, Snapshot},
    link::Link,
    offer::Offer,
    trail::{Actor, AuditRecord, Event, Message, MessageId, OutboxMessage},
};
