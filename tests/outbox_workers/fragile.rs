//! Stores whose rows can be damaged: the databases, and one in memory that can be told to deal with it badly.

use super::damaged::Fragile;
use dashshare::{
    BoxError, MemoryStore, Timestamp,
    store::Store,
    trail::{DeadLetter, MessageId, OutboxMessage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

/// What is wrong with how a store deals with damaged rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Neglect {
    None,
    /// It leases first and parses after.
    FailsAfterItLeased,
    /// It answers with what was leased beside a damaged row, however little that is.
    AnswersLess,
    /// It removes what it cannot read.
    DropsTheDamaged,
    /// It leaves them among those that wait.
    LeavesThemThere,
    /// A page of the list ends before one.
    EndsThePage,
}

/// Knows which rows are damaged, and deals with them in front of a sound store.
pub(crate) struct Glass {
    store: MemoryStore,
    neglect: Neglect,
    damaged: Mutex<BTreeSet<MessageId>>,
    dead: Mutex<BTreeMap<MessageId, Timestamp>>,
}

impl Glass {
    pub(crate) fn new(neglect: Neglect) -> Self {
        let store = MemoryStore::default();
        Self { store, neglect, damaged: Mutex::default(), dead: Mutex::default() }
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeSet<MessageId>> {
        self.damaged.lock().expect("no panic")
    }

    fn dead(&self) -> MutexGuard<'_, BTreeMap<MessageId, Timestamp>> {
        self.dead.lock().expect("no panic")
    }
}

impl Fragile for Glass {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    async fn body(&self, id: MessageId) -> String {
        let all = self.store.outbox(None, 100).await.expect("it reads");
        let message = all.into_iter().find(|message| message.id == id).expect("a message");
        serde_json::to_string(&message).expect("it serialises")
    }

    async fn set_body(&self, id: MessageId, body: Vec<u8>) {
        let read = serde_json::from_slice::<OutboxMessage>(&body);
        match read.is_ok_and(|message| message.id == id) {
            true => self.damaged().remove(&id),
            false => self.damaged().insert(id),
        };
    }

    fn holds_bytes(&self) -> bool {
        true
    }
}

impl Store for Glass {
    dashshare::delegate_store!(self.store => commit, receipt, read, read_many, read_link, grants, grants_below, held, owned,
        audit, audit_of, sweep);

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        let page = self.store.outbox(after, 100).await?;
        let damaged = self.damaged();
        Ok(match self.neglect {
            Neglect::EndsThePage => {
                page.into_iter().take(limit).take_while(|message| !damaged.contains(&message.id)).collect()
            }
            _ => page.into_iter().filter(|message| !damaged.contains(&message.id)).take(limit).collect(),
        })
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        let mut taken = Vec::new();
        loop {
            let leased = self.store.lease(now, until, attempts, limit - taken.len()).await?;
            let (bad, good): (Vec<_>, Vec<_>) =
                leased.into_iter().partition(|message| self.damaged().contains(&message.id));
            taken.extend(good);
            let bad: Vec<MessageId> = bad.iter().map(|message| message.id).collect();
            match self.neglect {
                Neglect::FailsAfterItLeased if !bad.is_empty() => return Err("a row cannot be read".into()),
                Neglect::DropsTheDamaged => self.store.acknowledge(&bad).await?,
                Neglect::LeavesThemThere => {}
                _ => self.dead().extend(bad.iter().map(|id| (*id, now))),
            }
            if bad.is_empty() || self.neglect == Neglect::AnswersLess {
                return Ok(taken);
            }
        }
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        self.dead().retain(|id, _| !delivered.contains(id));
        self.damaged().retain(|id| !delivered.contains(id));
        self.store.acknowledge(delivered).await
    }

    async fn dead_letters(
        &self,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BoxError> {
        let mut all = self.store.dead_letters(now, None, usize::MAX).await?;
        let unread =
            |(id, since): (&MessageId, &Timestamp)| DeadLetter::unreadable(*id, *since, 1, "damaged");
        all.extend(self.dead().iter().map(unread));
        all.sort_by_key(|letter| letter.id);
        all.retain(|letter| after.is_none_or(|after| letter.id > after));
        all.truncate(limit);
        Ok(all)
    }

    async fn put_back(&self, messages: &[MessageId]) -> Result<(), BoxError> {
        self.dead().retain(|id, _| !messages.contains(id));
        self.store.put_back(messages).await
    }
}

#[cfg(feature = "sqlite")]
pub(crate) struct OnSqlite(pub(crate) dashshare::SqliteStore);

#[cfg(feature = "sqlite")]
impl Fragile for OnSqlite {
    type Store = dashshare::SqliteStore;

    fn store(&self) -> &Self::Store {
        &self.0
    }

    async fn body(&self, id: MessageId) -> String {
        let sql = "SELECT body FROM dashshare_outbox WHERE dashboard = $1 AND revision = $2 AND place = $3";
        let body = sqlx::query_scalar(sql).bind(id.dashboard.to_uuid()).bind(number(id)).bind(id.index);
        body.fetch_one(self.0.pool()).await.expect("a row")
    }

    async fn set_body(&self, id: MessageId, body: Vec<u8>) {
        // As the file may hold it, whatever the table says of its column.
        let sql = "UPDATE dashshare_outbox SET body = CAST($4 AS TEXT) \
            WHERE dashboard = $1 AND revision = $2 AND place = $3";
        let set = sqlx::query(sql).bind(id.dashboard.to_uuid()).bind(number(id)).bind(id.index).bind(body);
        set.execute(self.0.pool()).await.expect("it writes");
    }

    fn holds_bytes(&self) -> bool {
        true
    }
}

#[cfg(feature = "postgres")]
pub(crate) struct OnPostgres(pub(crate) dashshare::PostgresStore);

#[cfg(feature = "postgres")]
impl Fragile for OnPostgres {
    type Store = dashshare::PostgresStore;

    fn store(&self) -> &Self::Store {
        &self.0
    }

    async fn body(&self, id: MessageId) -> String {
        let sql = "SELECT body FROM dashshare_outbox WHERE dashboard = $1 AND revision = $2 AND place = $3";
        let body = sqlx::query_scalar(sql).bind(id.dashboard.to_uuid()).bind(number(id));
        body.bind(i64::from(id.index)).fetch_one(self.0.pool()).await.expect("a row")
    }

    async fn set_body(&self, id: MessageId, body: Vec<u8>) {
        let sql =
            "UPDATE dashshare_outbox SET body = $4 WHERE dashboard = $1 AND revision = $2 AND place = $3";
        let set = sqlx::query(sql).bind(id.dashboard.to_uuid()).bind(number(id)).bind(i64::from(id.index));
        let body = String::from_utf8(body).expect("its column holds texts only");
        set.bind(body).execute(self.0.pool()).await.expect("it writes");
    }

    fn holds_bytes(&self) -> bool {
        false
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn number(id: MessageId) -> i64 {
    i64::try_from(id.revision.number()).expect("a small number")
}
