//! What is stored, as the columns that it has.

use super::{
    error::SqlError,
    rows::{from_json, to_json},
};
use crate::{
    record::{Actor, Commit, Grant, Head, OutboxMessage, Receipt},
    value::{AccountId, GrantId},
};
use std::sync::Arc;
use uuid::Uuid;

/// A number to be stored. The largest is left out, so that a bound which does not fit can stand for all beyond.
pub(super) fn number(number: u64) -> Result<i64, SqlError> {
    i64::try_from(number).ok().filter(|number| *number < i64::MAX).ok_or(SqlError::TooLarge)
}

/// An actor as its two columns: the host has no id, and no account is the host.
pub(super) fn actor_columns(actor: Actor) -> (Uuid, bool) {
    match actor {
        Actor::Account(account) => (account.to_uuid(), false),
        Actor::Host => (Uuid::nil(), true),
    }
}

/// A commit as the columns that it writes.
pub(crate) struct Columns {
    pub(crate) dashboard: Uuid,
    pub(crate) expected: i64,
    pub(crate) revision: i64,
    pub(crate) owner: Uuid,
    pub(crate) deleted: bool,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) link_grant: Option<Uuid>,
    pub(crate) head: String,
    pub(crate) host: bool,
    pub(crate) actor: Uuid,
    pub(crate) audit: String,
    pub(crate) receipt: Receipt,
    pub(crate) grants: Vec<GrantColumns>,
    /// The ordinals of what a withdrawal rests on.
    pub(crate) rests_on: Vec<i64>,
    /// Place and body.
    pub(crate) messages: Vec<(i64, String)>,
}

pub(crate) struct GrantColumns {
    pub(crate) ordinal: i64,
    pub(crate) id: Uuid,
    pub(crate) ancestors: Vec<Uuid>,
    pub(crate) account: Option<Uuid>,
    pub(crate) address: Option<String>,
    pub(crate) body: String,
    /// 1 for what is on the shelf, else 0. A flag would be asked once more after PostgreSQL found it in an index.
    pub(crate) shelved: i64,
}

impl Columns {
    pub(crate) fn key(&self) -> Uuid {
        Uuid::from_bytes(self.receipt.key.to_bytes())
    }

    pub(crate) fn digest(&self) -> Uuid {
        Uuid::from_bytes(self.receipt.digest.to_bytes())
    }

    /// A withdrawal for the dashboard as it is stored (G22); `None` when it conflicts after all. A row that cannot be read
    /// is not as it was.
    pub(crate) fn onto(commit: &Commit, head: &str, grants: &[String]) -> Result<Option<Self>, SqlError> {
        let head: Head = from_json(head)?;
        let grants: Vec<Arc<Grant>> = grants.iter().filter_map(|grant| from_json(grant).ok()).collect();
        commit.onto(&head, &grants).map(|carried| Self::of(&carried)).transpose()
    }

    pub(crate) fn of(commit: &Commit) -> Result<Self, SqlError> {
        let head = commit.head();
        let link = head.link.as_ref();
        let (actor, host) = actor_columns(commit.audit().actor);
        let grant = |grant: &Arc<Grant>| {
            Ok(GrantColumns {
                ordinal: number(grant.ordinal)?,
                id: grant.id.to_uuid(),
                ancestors: grant.ancestors.iter().map(|above| above.to_uuid()).collect(),
                account: grant.grantee.account().map(AccountId::to_uuid),
                address: grant.grantee.address().map(|address| address.as_str().to_owned()),
                body: to_json(grant)?,
                shelved: grant.is_shelved().into(),
            })
        };
        let message = |message: &OutboxMessage| Ok((i64::from(message.id.index), to_json(message)?));
        Ok(Self {
            dashboard: commit.dashboard().to_uuid(),
            expected: number(commit.expected().number())?,
            revision: number(head.revision.number())?,
            owner: head.owner.to_uuid(),
            deleted: head.is_deleted(),
            link: link.map(|link| link.digest.as_bytes().to_vec()),
            link_grant: link.and_then(|link| link.grant).map(GrantId::to_uuid),
            head: to_json(head)?,
            host,
            actor,
            audit: to_json(commit.audit())?,
            receipt: commit.receipt(),
            grants: commit.grants().iter().map(grant).collect::<Result<_, SqlError>>()?,
            rests_on: commit
                .rests_on()
                .iter()
                .map(|grant| number(grant.ordinal))
                .collect::<Result<_, SqlError>>()?,
            messages: commit.outbox().iter().map(message).collect::<Result<_, SqlError>>()?,
        })
    }
}
