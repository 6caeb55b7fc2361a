//! The one thing that is ever written: a whole commit, all or nothing, against an expected revision.

use super::{
    grant::Grant,
    head::{Head, Revision},
    trail::{AuditRecord, Message, MessageId, OutboxMessage},
};
use crate::value::{DashboardId, GrantId};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Everything that one change writes. Only the library's rules make one.
///
/// A store applies it whole or not at all: it replaces the dashboard's [`head`](Self::head), puts each of the
/// [`grants`](Self::grants) (new ones, and new versions of known ones), and appends the [`audit`](Self::audit) record
/// and the [`outbox`](Self::outbox) messages.
#[derive(Clone, Debug)]
pub struct Commit {
    pub(crate) expected: Revision,
    pub(crate) key: CommitKey,
    pub(crate) head: Arc<Head>,
    pub(crate) grants: Vec<Arc<Grant>>,
    pub(crate) audit: AuditRecord,
    pub(crate) outbox: Vec<OutboxMessage>,
    /// What it was judged by, if it only takes away.
    pub(crate) withdrawal: Option<Box<Withdrawal>>,
}

/// What a withdrawal was judged by, so that it can be carried over to a dashboard that has changed since.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawal {
    /// The head as it was read.
    pub(crate) head: Arc<Head>,
    /// The grants that it changes, as they were read.
    pub(crate) grants: Vec<Arc<Grant>>,
    /// Those of them that others may hang on.
    pub(crate) carriers: Vec<GrantId>,
}

impl Commit {
    /// The dashboard it is about.
    pub fn dashboard(&self) -> DashboardId {
        self.head.dashboard
    }

    /// The revision that the dashboard must have; [`Revision::ZERO`] when it must not be known yet.
    pub fn expected(&self) -> Revision {
        self.expected
    }

    /// The key that makes the commit idempotent.
    pub fn key(&self) -> CommitKey {
        self.key
    }

    /// The head to write. Its revision is the one after the expected.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// The grants to put, by id: a row that exists is replaced. A grant's dashboard, ordinal and ancestors never change.
    pub fn grants(&self) -> &[Arc<Grant>] {
        &self.grants
    }

    /// The audit record to append: exactly one.
    ///
    /// Rules: [G21](crate::specification).
    pub fn audit(&self) -> &AuditRecord {
        &self.audit
    }

    /// The messages to append.
    pub fn outbox(&self) -> &[OutboxMessage] {
        &self.outbox
    }

    /// A message of this commit, in this place.
    pub(crate) fn message(&self, place: usize, message: Message) -> Option<OutboxMessage> {
        let (dashboard, revision) = (self.head.dashboard, self.head.revision);
        let id = MessageId { dashboard, revision, index: u32::try_from(place).ok()? };
        Some(OutboxMessage { id, at: self.audit.at, message })
    }

    /// What a store answers when it has applied the commit.
    pub fn receipt(&self) -> Receipt {
        Receipt { key: self.key, revision: self.head.revision }
    }
}

/// Makes a commit idempotent: however often it is sent, it is applied once.
///
/// Rules: [S1](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitKey([u8; 16]);

impl CommitKey {
    /// The key with these bytes, for a store that reads one back.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for CommitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitKey({:032x})", u128::from_be_bytes(self.0))
    }
}

/// Says that a commit was applied, and which revision it made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The commit's key.
    pub key: CommitKey,
    /// The revision that it made.
    pub revision: Revision,
}
