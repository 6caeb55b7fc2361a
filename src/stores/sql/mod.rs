//! What the stores for SQLite and PostgreSQL share: the statements that both speak, their rows, and the reads made of
//! them. Each store adds how it binds, fetches and commits, and what its dialect says otherwise.

mod error;
pub(crate) mod schema;

pub use error::SqlError;
pub(crate) use error::code;

use crate::{
    host::{CommitError, Freshness},
    record::{
        Actor, AuditRecord, Chain, Commit, CommitKey, Grant, Head, Holder, MessageId, OutboxMessage, Receipt,
        Revision, Seed, Snapshot,
    },
    value::{AccountId, DashboardId, GrantId, LinkDigest, Timestamp},
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};
use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    sync::Arc,
};
use uuid::Uuid;

/// What a statement is given.
pub(crate) enum Value {
    Id(Uuid),
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
    Ids(Vec<Uuid>),
    Texts(Vec<String>),
}

/// A document, and as what it was found: [`HEAD`], [`LEAF`], [`ABOVE`], or something else.
pub(crate) type Row = (i32, String);

pub(crate) const HEAD: i32 = 0;
/// A grant that was asked for.
pub(crate) const LEAF: i32 = 1;
/// A grant that a leaf hangs on.
#[cfg(feature = "postgres")]
pub(crate) const ABOVE: i32 = 2;

/// The statements that differ, by what they are given. All but `lease` are run by [`Database::chained`].
pub(crate) struct Dialect {
    /// Dashboard, account.
    pub(crate) account: &'static str,
    /// Dashboard, accounts, addresses, grants.
    pub(crate) seeds: &'static str,
    /// Dashboards, account.
    pub(crate) many_by_account: &'static str,
    /// Dashboards, address.
    pub(crate) many_by_address: &'static str,
    /// Digest.
    pub(crate) link: &'static str,
    /// Account, dashboard, ordinal.
    pub(crate) held_by_account: &'static str,
    /// Address, dashboard, ordinal.
    pub(crate) held_by_address: &'static str,
    /// Now, until.
    pub(crate) lease: &'static str,
}

const SELECT_HEAD: &str = "SELECT 0, body FROM dashshare_head WHERE dashboard = $1";
const SELECT_GRANTS: &str = "SELECT 1, body FROM dashshare_grant \
    WHERE dashboard = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT {limit}";
const SELECT_BELOW: &str = "SELECT 1, g.body FROM dashshare_below b \
    JOIN dashshare_grant g ON g.dashboard = b.dashboard AND g.ordinal = b.ordinal \
    WHERE b.dashboard = $1 AND b.above = $2 AND b.ordinal >= $3 ORDER BY b.ordinal LIMIT {limit}";
pub(crate) const SELECT_OWNED: &str = "SELECT 0, body FROM dashshare_head \
    WHERE owner = $1 AND deleted = FALSE AND dashboard >= $2 ORDER BY dashboard LIMIT {limit}";
const SELECT_AUDIT: &str = "SELECT 3, body FROM dashshare_audit \
    WHERE dashboard = $1 AND revision > $2 ORDER BY revision LIMIT {limit}";
pub(crate) const SELECT_DEEDS: &str = "SELECT 3, body FROM dashshare_audit \
    WHERE actor = $1 AND host = $2 AND (dashboard, revision) > ($3, $4) ORDER BY dashboard, revision LIMIT {limit}";
const SELECT_OUTBOX: &str = "SELECT 4, body FROM dashshare_outbox \
    WHERE (dashboard, revision, place) > ($1, $2, $3) ORDER BY dashboard, revision, place LIMIT {limit}";
pub(crate) const SELECT_RECEIPT: &str =
    "SELECT revision FROM dashshare_receipt WHERE dashboard = $1 AND key = $2";
/// Every statement that both dialects share, for the tests of their plans.
#[cfg(all(test, feature = "sqlite"))]
pub(crate) const LISTS: [&str; 8] = [
    SELECT_HEAD,
    SELECT_GRANTS,
    SELECT_BELOW,
    SELECT_OWNED,
    SELECT_AUDIT,
    SELECT_DEEDS,
    SELECT_OUTBOX,
    SELECT_RECEIPT,
];

#[cfg(feature = "postgres")]
pub(crate) const SELECT_REVISION: &str = "SELECT revision FROM dashshare_head WHERE dashboard = $1";

/// The lease of a message that nobody has leased: it has always ended.
pub(crate) const NEVER_LEASED: i64 = i64::MIN;
/// Before every revision, ordinal and place.
const BEFORE_FIRST: i64 = -1;

/// A database that the statements run on: a pool, or one transaction.
pub(crate) trait Database: Send + Sync {
    const DIALECT: &'static Dialect;

    /// Runs a statement that reads.
    fn documents(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, SqlError>> + Send;

    /// Runs a statement that reads heads, leaves, and what those hang on.
    fn chained(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, SqlError>> + Send;

    /// Runs a statement that reads numbers.
    fn numbers(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<i64>, SqlError>> + Send;

    /// Runs a statement that changes rows and answers with them.
    fn change(
        &self,
        sql: SqlStr,
        values: &[Value],
    ) -> impl Future<Output = Result<Vec<Row>, SqlError>> + Send;

    fn put(&self, commit: &Commit) -> impl Future<Output = Result<Receipt, CommitError>> + Send;

    fn remove(&self, delivered: &[MessageId]) -> impl Future<Output = Result<(), SqlError>> + Send;
}

/// A number to be stored. The largest is left out, so that a bound which does not fit can stand for all beyond.
fn number(number: u64) -> Result<i64, SqlError> {
    i64::try_from(number).ok().filter(|number| *number < i64::MAX).ok_or(SqlError::TooLarge)
}

/// A number to compare with.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A statement with its limit written out. Given as a value, the planner would have to guess it, and prepare for a tenth
/// of the table.
fn limited(sql: &str, limit: usize) -> SqlStr {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // A number is all that is put into it.
    AssertSqlSafe(sql.replace("{limit}", &limit.to_string())).into_sql_str()
}

fn fixed(sql: &'static str) -> SqlStr {
    sql.into_sql_str()
}

fn to_json(document: &impl Serialize) -> Result<String, SqlError> {
    serde_json::to_string(document).map_err(SqlError::Row)
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, SqlError> {
    serde_json::from_str(json).map_err(SqlError::Row)
}

fn documents<T: DeserializeOwned>(rows: &[Row]) -> Result<Vec<T>, SqlError> {
    rows.iter().map(|(_, body)| from_json(body)).collect()
}

/// The chains of the leaves among some rows, in the order in which the leaves came.
fn chains(rows: &[Row]) -> Result<Vec<Chain>, SqlError> {
    let grants = rows.iter().filter(|(kind, _)| *kind != HEAD);
    let grants: Vec<(i32, Arc<Grant>)> = grants
        .map(|(kind, body)| Ok((*kind, Arc::new(from_json(body)?))))
        .collect::<Result<_, SqlError>>()?;
    if let [(LEAF, leaf)] = grants.as_slice()
        && leaf.ancestors.is_empty()
    {
        // Most are like this.
        return Ok(vec![vec![Arc::clone(leaf)]]);
    }
    let name = |grant: &Grant| (grant.dashboard, grant.id);
    let known: HashMap<(DashboardId, GrantId), &Arc<Grant>> =
        grants.iter().map(|(_, grant)| (name(grant), grant)).collect();
    let leaves = grants.iter().filter(|(kind, _)| *kind == LEAF);
    leaves
        .map(|(_, leaf)| {
            let mut chain = Vec::with_capacity(leaf.depth());
            chain.push(Arc::clone(leaf));
            for above in leaf.ancestors.iter().rev() {
                let found = known.get(&(leaf.dashboard, *above)).ok_or(SqlError::Torn)?;
                chain.push(Arc::clone(found));
            }
            Ok(chain)
        })
        .collect()
}

fn heads(rows: &[Row]) -> Result<Vec<Arc<Head>>, SqlError> {
    let heads = rows.iter().filter(|(kind, _)| *kind == HEAD);
    heads.map(|(_, body)| Ok(Arc::new(from_json(body)?))).collect()
}

fn snapshot(rows: &[Row]) -> Result<Option<Snapshot>, SqlError> {
    let head = heads(rows)?.into_iter().next();
    head.map(|head| Ok(Snapshot { head, chains: chains(rows)? })).transpose()
}

pub(crate) async fn commit(database: &impl Database, commit: &Commit) -> Result<Receipt, CommitError> {
    database.put(commit).await
}

pub(crate) async fn receipt(
    database: &impl Database,
    dashboard: DashboardId,
    key: CommitKey,
) -> Result<Option<Receipt>, SqlError> {
    let values = [Value::Id(dashboard.to_uuid()), Value::Id(Uuid::from_bytes(key.to_bytes()))];
    let found = database.numbers(fixed(SELECT_RECEIPT), &values).await?.first().copied();
    found.map(|revision| receipt_of(key, revision)).transpose()
}

pub(crate) fn receipt_of(key: CommitKey, revision: i64) -> Result<Receipt, SqlError> {
    let revision = u64::try_from(revision).map_err(|_| SqlError::Torn)?;
    Ok(Receipt { key, revision: Revision::new(revision) })
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
            let (mut accounts, mut addresses, mut grants) = (Vec::new(), Vec::new(), Vec::new());
            for seed in seeds {
                match seed {
                    Seed::Holder(Holder::Account(account)) => accounts.push(account.to_uuid()),
                    Seed::Holder(Holder::Address(address)) => addresses.push(address.as_str().to_owned()),
                    Seed::Grant(grant) => grants.push(grant.to_uuid()),
                }
            }
            let values = [id, Value::Ids(accounts), Value::Texts(addresses), Value::Ids(grants)];
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
    let mut found: HashMap<DashboardId, Snapshot> = heads(&rows)?
        .into_iter()
        .map(|head| (head.dashboard, Snapshot { head, chains: Vec::new() }))
        .collect();
    for chain in chains(&rows)? {
        let Some(leaf) = chain.first() else { continue };
        found.get_mut(&leaf.dashboard).ok_or(SqlError::Torn)?.chains.push(chain);
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
    documents(&database.documents(limited(SELECT_GRANTS, limit), &values).await?)
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
    documents(&database.documents(limited(SELECT_BELOW, limit), &values).await?)
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
    let rows = database.chained(limited(sql, limit), &values).await?;
    let heads: HashMap<DashboardId, Arc<Head>> =
        heads(&rows)?.into_iter().map(|head| (head.dashboard, head)).collect();
    let mut held = Vec::new();
    for chain in chains(&rows)? {
        let Some(leaf) = chain.first() else { continue };
        let head = heads.get(&leaf.dashboard).ok_or(SqlError::Torn)?;
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
    documents(&database.documents(limited(SELECT_OWNED, limit), &values).await?)
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

/// An actor as its two columns: the host has no id, and no account is the host.
fn actor_columns(actor: Actor) -> (Uuid, bool) {
    match actor {
        Actor::Account(account) => (account.to_uuid(), false),
        Actor::Host => (Uuid::nil(), true),
    }
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

pub(crate) async fn outbox(
    database: &impl Database,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<OutboxMessage>, SqlError> {
    let (dashboard, revision, place) = after.map_or((Uuid::nil(), BEFORE_FIRST, BEFORE_FIRST), |after| {
        (after.dashboard.to_uuid(), bound(after.revision.number()), i64::from(after.index))
    });
    let place = Value::Number(place);
    let values = [Value::Id(dashboard), Value::Number(revision), place];
    documents(&database.documents(limited(SELECT_OUTBOX, limit), &values).await?)
}

pub(crate) async fn lease<D: Database>(
    database: &D,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<OutboxMessage>, SqlError> {
    let values = [Value::Number(now.micros()), Value::Number(until.micros())];
    let mut taken: Vec<OutboxMessage> =
        documents(&database.change(limited(D::DIALECT.lease, limit), &values).await?)?;
    taken.sort_unstable_by_key(|message| message.id);
    Ok(taken)
}

pub(crate) async fn acknowledge(database: &impl Database, delivered: &[MessageId]) -> Result<(), SqlError> {
    database.remove(delivered).await
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
    pub(crate) key: Uuid,
    pub(crate) grants: Vec<GrantColumns>,
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
}

impl Columns {
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
            key: Uuid::from_bytes(commit.key().to_bytes()),
            grants: commit.grants().iter().map(grant).collect::<Result<_, SqlError>>()?,
            messages: commit.outbox().iter().map(message).collect::<Result<_, SqlError>>()?,
        })
    }
}

macro_rules! ask {
    (
        () $method:ident $boxed:ident($($argument:ident: [$($and:tt)?] $kind:ty),*) -> $answer:ty, $error:ty
    ) => {
        async fn $method(&self, $($argument: $($and)? $kind),*) -> Result<$answer, $error> {
            Ok(sql::$method(self, $($argument),*).await?)
        }
    };
}
pub(crate) use ask;

/// Makes a store of a database.
macro_rules! store {
    ([$($lifetime:lifetime)?] $database:ty) => {
        impl$(<$lifetime>)? crate::host::Store for $database {
            crate::__store_methods!(sql::ask, (), ALL);
        }
    };
}
pub(crate) use store;
