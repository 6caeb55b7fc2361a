//! The questions of a [`Store`](crate::host::Store), answered by the statements.

use super::{
    columns::actor_columns,
    database::{Database, LEAF, Letter, Name, ReceiptRow, Row, Value},
    error::SqlError,
    letters::{dead_letter, message},
    rows::{chains, documents, readable, readable_heads, snapshot},
    statements::{
        BEFORE_FIRST, SELECT_AUDIT, SELECT_BELOW, SELECT_DEAD, SELECT_DEEDS, SELECT_GRANTS, SELECT_HEAD,
        SELECT_OUTBOX, SELECT_OWNED, SELECT_RECEIPT, fixed, limited,
    },
};
use crate::{
    host::Freshness,
    record::{
        Actor, AuditRecord, CommitDigest, CommitKey, DeadLetter, Grant, Head, Holder, MessageId,
        OutboxMessage, Receipt, Revision, Seed, Snapshot,
    },
    value::{AccountId, DashboardId, GrantId, LinkDigest, Timestamp},
};
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use uuid::Uuid;

/// A number to compare with.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) async fn receipt(
    database: &impl Database,
    dashboard: DashboardId,
    key: CommitKey,
) -> Result<Option<Receipt>, SqlError> {
    let values = [Value::Id(dashboard.to_uuid()), Value::Id(Uuid::from_bytes(key.to_bytes()))];
    let found = database.receipts(fixed(SELECT_RECEIPT), &values).await?.first().copied();
    found.map(|row| receipt_of(key, row)).transpose()
}

pub(crate) fn receipt_of(key: CommitKey, row: ReceiptRow) -> Result<Receipt, SqlError> {
    let (digest, revision, at) = row;
    let revision = u64::try_from(revision).map_err(|_| SqlError::Torn)?;
    Ok(Receipt {
        key,
        digest: CommitDigest::from_bytes(digest.into_bytes()),
        revision: Revision::new(revision),
        at: Timestamp::from_micros(at),
    })
}

#[derive(Default)]
struct Holders {
    accounts: Vec<Uuid>,
    addresses: Vec<String>,
}

impl Holders {
    fn add(&mut self, holder: &Holder) {
        match holder {
            Holder::Account(account) => self.accounts.push(account.to_uuid()),
            Holder::Address(address) => self.addresses.push(address.as_str().to_owned()),
        }
    }
}

pub(crate) async fn read<D: Database>(
    database: &D,
    dashboard: DashboardId,
    seeds: &[Seed],
    _: Freshness,
) -> Result<Option<Snapshot>, SqlError> {
    let id = Value::Id(dashboard.to_uuid());
    let rows = match seeds {
        [] => database.documents(fixed(SELECT_HEAD), &[id]).await?,
        [Seed::Holder(Holder::Account(account))] => {
            database.chained(fixed(D::DIALECT.account), &[id, Value::Id(account.to_uuid())]).await?
        }
        _ => {
            let (mut present, mut ever, mut grants) = (Holders::default(), Holders::default(), Vec::new());
            for seed in seeds {
                match seed {
                    Seed::Holder(holder) => present.add(holder),
                    Seed::EverHeld(holder) => ever.add(holder),
                    Seed::Grant(grant) => grants.push(grant.to_uuid()),
                }
            }
            let values = [
                id,
                Value::Ids(present.accounts),
                Value::Texts(present.addresses),
                Value::Ids(grants),
                Value::Ids(ever.accounts),
                Value::Texts(ever.addresses),
            ];
            database.chained(fixed(D::DIALECT.seeds), &values).await?
        }
    };
    snapshot(&rows)
}

pub(crate) async fn read_many<D: Database>(
    database: &D,
    dashboards: &[DashboardId],
    holder: &Holder,
    _: Freshness,
) -> Result<Vec<Snapshot>, SqlError> {
    let wanted: BTreeSet<Uuid> = dashboards.iter().map(|dashboard| dashboard.to_uuid()).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (sql, holder) = match holder {
        Holder::Account(account) => (D::DIALECT.many_by_account, Value::Id(account.to_uuid())),
        Holder::Address(address) => (D::DIALECT.many_by_address, Value::Text(address.as_str().to_owned())),
    };
    let rows = database.chained(fixed(sql), &[Value::Ids(wanted.into_iter().collect()), holder]).await?;
    let mut found: HashMap<DashboardId, Snapshot> = readable_heads(&rows)
        .into_iter()
        .map(|(dashboard, head)| (dashboard, Snapshot { head, chains: Vec::new() }))
        .collect();
    for chain in chains(&rows)? {
        let Some(leaf) = chain.first() else { continue };
        // What has no head that can be read is left out with it.
        if let Some(of_it) = found.get_mut(&leaf.dashboard) {
            of_it.chains.push(chain);
        }
    }
    Ok(found.into_values().collect())
}

pub(crate) async fn read_link<D: Database>(
    database: &D,
    digest: &LinkDigest,
) -> Result<Option<Snapshot>, SqlError> {
    // INVARIANT: the digest's column and the head's document are of one row, so the link in it is the one asked for.
    let digest = Value::Bytes(digest.as_bytes().to_vec());
    snapshot(&database.chained(fixed(D::DIALECT.link), &[digest]).await?)
}

pub(crate) async fn grants(
    database: &impl Database,
    dashboard: DashboardId,
    from: u64,
    limit: usize,
) -> Result<Vec<Arc<Grant>>, SqlError> {
    let values = [Value::Id(dashboard.to_uuid()), Value::Number(bound(from))];
    page(database, SELECT_GRANTS, &values, limit).await
}

/// A page of grants or heads. What cannot be read is left out, and the page is as long as if it were not there: a short
/// one would be taken for the last.
async fn page<T: DeserializeOwned>(
    database: &impl Database,
    sql: &str,
    values: &[Value],
    limit: usize,
) -> Result<Vec<Arc<T>>, SqlError> {
    let mut wanted = limit;
    loop {
        let rows = database.documents(limited(sql, wanted), values).await?;
        let found = readable(&rows);
        if found.len() >= limit || rows.len() < wanted {
            return Ok(found);
        }
        wanted = wanted.saturating_add(limit.saturating_sub(found.len()));
    }
}

pub(crate) async fn grants_below(
    database: &impl Database,
    dashboard: DashboardId,
    above: GrantId,
    from: u64,
    limit: usize,
) -> Result<Vec<Arc<Grant>>, SqlError> {
    let (dashboard, above) = (Value::Id(dashboard.to_uuid()), Value::Id(above.to_uuid()));
    let values = [dashboard, above, Value::Number(bound(from))];
    page(database, SELECT_BELOW, &values, limit).await
}

pub(crate) async fn held<D: Database>(
    database: &D,
    holder: &Holder,
    after: Option<(DashboardId, u64)>,
    limit: usize,
) -> Result<Vec<Snapshot>, SqlError> {
    let (sql, holder) = match holder {
        Holder::Account(account) => (D::DIALECT.held_by_account, Value::Id(account.to_uuid())),
        Holder::Address(address) => (D::DIALECT.held_by_address, Value::Text(address.as_str().to_owned())),
    };
    let (dashboard, ordinal) = after
        .map_or((Uuid::nil(), BEFORE_FIRST), |(dashboard, ordinal)| (dashboard.to_uuid(), bound(ordinal)));
    let values = [holder, Value::Id(dashboard), Value::Number(ordinal)];
    let mut wanted = limit;
    loop {
        let rows = database.chained(limited(sql, wanted), &values).await?;
        let leaves = rows.iter().filter(|(kind, _)| *kind == LEAF).count();
        let held = held_in(&rows)?;
        if held.len() >= limit || leaves < wanted {
            return Ok(held);
        }
        // What cannot be read is left out, and a short page would be taken for the last.
        wanted = wanted.saturating_add(limit.saturating_sub(held.len()));
    }
}

/// Each chain with its dashboard's head, by dashboard and ordinal. One without a head that can be read is left out.
fn held_in(rows: &[Row]) -> Result<Vec<Snapshot>, SqlError> {
    let heads = readable_heads(rows);
    let mut held = Vec::new();
    for chain in chains(rows)? {
        let Some(leaf) = chain.first() else { continue };
        let Some(head) = heads.get(&leaf.dashboard) else { continue };
        held.push(((leaf.dashboard, leaf.ordinal), Snapshot { head: Arc::clone(head), chains: vec![chain] }));
    }
    held.sort_unstable_by_key(|(place, _)| *place);
    Ok(held.into_iter().map(|(_, snapshot)| snapshot).collect())
}

pub(crate) async fn owned(
    database: &impl Database,
    owner: AccountId,
    after: Option<DashboardId>,
    limit: usize,
) -> Result<Vec<Arc<Head>>, SqlError> {
    // Ids are numbers of 128 bits: the next one is where the page begins.
    let Some(from) = after.map_or(Some(0), |after| after.to_u128().checked_add(1)) else {
        return Ok(Vec::new());
    };
    let values = [Value::Id(owner.to_uuid()), Value::Id(Uuid::from_u128(from))];
    page(database, SELECT_OWNED, &values, limit).await
}

pub(crate) async fn audit(
    database: &impl Database,
    dashboard: DashboardId,
    after: Revision,
    limit: usize,
) -> Result<Vec<AuditRecord>, SqlError> {
    let values = [Value::Id(dashboard.to_uuid()), Value::Number(bound(after.number()))];
    documents(&database.documents(limited(SELECT_AUDIT, limit), &values).await?)
}

pub(crate) async fn audit_of(
    database: &impl Database,
    actor: Actor,
    after: Option<(DashboardId, Revision)>,
    limit: usize,
) -> Result<Vec<AuditRecord>, SqlError> {
    let (actor, host) = actor_columns(actor);
    let (dashboard, revision) = after.map_or((Uuid::nil(), BEFORE_FIRST), |(dashboard, revision)| {
        (dashboard.to_uuid(), bound(revision.number()))
    });
    let after = [Value::Id(dashboard), Value::Number(revision)];
    let values: Vec<Value> = [Value::Id(actor), Value::Flag(host)].into_iter().chain(after).collect();
    documents(&database.documents(limited(SELECT_DEEDS, limit), &values).await?)
}

/// The place behind which a page of messages begins.
fn behind(after: Option<MessageId>) -> Name {
    match after {
        None => Name { dashboard: [0; 16].into(), revision: BEFORE_FIRST, place: BEFORE_FIRST },
        Some(after) => name_of(&after),
    }
}

fn name_of(id: &MessageId) -> Name {
    Name {
        dashboard: id.dashboard.to_bytes().into(),
        revision: bound(id.revision.number()),
        place: id.index.into(),
    }
}

fn names_of(ids: &[MessageId]) -> Value {
    Value::Names(ids.iter().map(name_of).collect())
}

/// Up to `limit` of what the rows behind a place hold. A row that holds nothing of the kind takes no place on the page:
/// the next one is read for it.
async fn page_of_letters<T>(
    database: &impl Database,
    sql: &str,
    mut behind: Name,
    now: Option<Timestamp>,
    limit: usize,
    read: impl Fn(&Letter) -> Option<T>,
) -> Result<Vec<T>, SqlError> {
    let mut page = Vec::new();
    loop {
        let now = now.map(|now| Value::Number(now.micros()));
        let values: Vec<Value> = [Value::Name(behind)].into_iter().chain(now).collect();
        // Always the same limit, since each is a statement of its own.
        let rows = database.letters(limited(sql, limit), &values).await?;
        let left = limit.saturating_sub(page.len());
        page.extend(rows.iter().filter_map(&read).take(left));
        match rows.last() {
            Some(last) if rows.len() >= limit && page.len() < limit => behind = last.name.clone(),
            _ => return Ok(page),
        }
    }
}

pub(crate) async fn outbox(
    database: &impl Database,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<OutboxMessage>, SqlError> {
    page_of_letters(database, SELECT_OUTBOX, behind(after), None, limit, |letter| message(letter).ok()).await
}

pub(crate) async fn dead_letters(
    database: &impl Database,
    now: Timestamp,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<DeadLetter>, SqlError> {
    page_of_letters(database, SELECT_DEAD, behind(after), Some(now), limit, dead_letter).await
}

pub(crate) async fn lease<D: Database>(
    database: &D,
    now: Timestamp,
    until: Timestamp,
    attempts: u32,
    limit: usize,
) -> Result<Vec<OutboxMessage>, SqlError> {
    let (now, until) = (now.micros(), until.micros());
    let values = [Value::Number(now), Value::Number(until), Value::Number(attempts.into())];
    let mut taken: Vec<OutboxMessage> = Vec::new();
    loop {
        let left = limit.saturating_sub(taken.len());
        let rows = match database.lease(limited(D::DIALECT.lease, left), &values).await {
            Ok(rows) => rows,
            // What is leased by now must not be lost with the rest.
            Err(_) if !taken.is_empty() => break,
            Err(error) => return Err(error),
        };
        let mut unreadable = Vec::new();
        for letter in rows {
            match message(&letter) {
                Ok(message) => taken.push(message),
                Err(_) => unreadable.push(letter.name),
            }
        }
        if unreadable.is_empty() {
            break;
        }
        let aside = [Value::Number(now), Value::Number(until), Value::Names(unreadable)];
        // If that fails they come again when their lease has ended, and are put aside then.
        if database.change(fixed(D::DIALECT.put_aside), &aside).await.is_err() {
            break;
        }
    }
    taken.sort_unstable_by_key(|message| message.id);
    Ok(taken)
}

pub(crate) async fn acknowledge<D: Database>(database: &D, delivered: &[MessageId]) -> Result<(), SqlError> {
    database.change(fixed(D::DIALECT.acknowledge), &[names_of(delivered)]).await.map(drop)
}

pub(crate) async fn put_back<D: Database>(database: &D, messages: &[MessageId]) -> Result<(), SqlError> {
    database.change(fixed(D::DIALECT.put_back), &[names_of(messages)]).await.map(drop)
}

pub(crate) async fn sweep<D: Database>(
    database: &D,
    before: Timestamp,
    limit: usize,
) -> Result<usize, SqlError> {
    let values = [Value::Number(before.micros())];
    let swept = database.change(limited(D::DIALECT.sweep, limit), &values).await?;
    Ok(usize::try_from(swept).unwrap_or(usize::MAX))
}

macro_rules! ask {
    // Its errors need no change.
    (() commit $boxed:ident($argument:ident: [&] $kind:ty) -> $answer:ty, $error:ty) => {
        async fn commit(&self, $argument: &$kind) -> Result<$answer, $error> {
            self.put($argument).await
        }
    };
    (
        () $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        async fn $method(&self, $($argument: $($and)? $kind),*) -> Result<$answer, $error> {
            Ok($crate::stores::sql::questions::$method(self, $($argument),*).await?)
        }
    };
}
pub(crate) use ask;

/// Makes a store of a database.
macro_rules! store {
    ([$($lifetime:lifetime)?] $database:ty) => {
        impl$(<$lifetime>)? $crate::host::Store for $database {
            $crate::__store_methods!($crate::stores::sql::questions::ask, (), ALL);
        }
    };
}
pub(crate) use store;
