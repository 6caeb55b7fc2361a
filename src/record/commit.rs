//! The one thing that is ever written: a whole commit, all or nothing, against an expected revision.

use super::{
    grant::Grant,
    head::{Head, Revision},
    trail::{AuditRecord, Message, MessageId, OutboxMessage},
};
use crate::value::{DashboardId, GrantId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{fmt, io, sync::Arc};

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
    /// The digest of the commit that was sent, if this is a withdrawal that was carried over.
    pub(crate) sent: Option<CommitDigest>,
}

/// What a withdrawal was judged by, so that it can be carried over to a dashboard that has changed since.
#[derive(Clone, Debug)]
pub(crate) struct Withdrawal {
    /// The head as it was read.
    pub(crate) head: Arc<Head>,
    /// The grants that it changes and those they hang on, as they were read.
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

    /// A digest of all that the commit says, its key apart: two commits that write different things have different
    /// ones, also when a broken random generator gave both the same key.
    ///
    /// That of a withdrawal which was [carried over](Self::onto) is the one of the commit that was sent.
    pub fn digest(&self) -> CommitDigest {
        if let Some(sent) = self.sent {
            return sent;
        }
        // What is serialised comes out the same each time: no part of it is kept in an order of chance.
        let mut hasher = Hasher(Sha256::new_with_prefix(b"dashshare commit\0"));
        let said = (self.expected, &self.head, &self.grants, &self.audit, &self.outbox);
        if serde_json::to_writer(&mut hasher, &said).is_err() {
            // It breaks off at the same place each time, and no store can keep such a commit anyway.
            hasher.0.update(b"\0");
        }
        let mut bytes = [0; 16];
        for (byte, digested) in bytes.iter_mut().zip(hasher.0.finalize()) {
            *byte = digested;
        }
        CommitDigest(bytes)
    }

    /// The grants that a withdrawal rests on, as they were read: those that it changes, and those they hang on. None of
    /// any other commit. See [`onto`](Self::onto).
    pub fn rests_on(&self) -> &[Arc<Grant>] {
        self.withdrawal.as_ref().map_or(&[], |was| &was.grants)
    }

    /// A message of this commit, in this place.
    pub(crate) fn message(&self, place: usize, message: Message) -> Option<OutboxMessage> {
        let (dashboard, revision) = (self.head.dashboard, self.head.revision);
        let id = MessageId { dashboard, revision, index: u32::try_from(place).ok()? };
        Some(OutboxMessage { id, at: self.audit.at, attempts: 0, message })
    }

    /// What a store answers when it has applied the commit.
    pub fn receipt(&self) -> Receipt {
        Receipt { key: self.key, digest: self.digest(), revision: self.head.revision, at: self.audit.at }
    }
}

/// Digests what is written to it.
struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

/// Of what a commit is: a digest of 128 bits of all that it says. A receipt carries it, so that a key which was drawn
/// twice acknowledges nothing that was not written.
///
/// Rules: [S1](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitDigest([u8; 16]);

impl CommitDigest {
    /// The digest with these bytes, for a store that reads one back.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for CommitDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitDigest({:032x})", u128::from_be_bytes(self.0))
    }
}

/// Says that a commit was applied, of what it was, and which revision it made. A store keeps it as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The commit's key.
    pub key: CommitKey,
    /// The digest of what the commit says.
    pub digest: CommitDigest,
    /// The revision that it made.
    pub revision: Revision,
    /// The instant of the commit, by which [`sweep`](crate::store::Store::sweep) tells what is old.
    pub at: Timestamp,
}

impl Receipt {
    /// Whether it is this commit's: of its key, and of what it says. What has the key alone is another commit, which
    /// acknowledges nothing of this one.
    pub fn is_of(&self, commit: &Commit) -> bool {
        self.key == commit.key && self.digest == commit.digest()
    }
}
