//! All that is in a store's file, read by its tables, and whether it is whole and holds what was acknowledged.

use super::{
    chain,
    random::Random,
    worker::{Acknowledged, Errand, Made, service},
};
use dashshare::{
    BoxError, DashboardId, GrantId, LinkToken, SqliteStore,
    store::{Grant, Head},
    trail::{AuditRecord, Event, Message, OutboxMessage},
};
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub(crate) struct Books {
    integrity: Vec<String>,
    heads: BTreeMap<DashboardId, Head>,
    audit: BTreeMap<(DashboardId, u64), AuditRecord>,
    grants: BTreeMap<(DashboardId, GrantId), Grant>,
    /// Those for people.
    messages: BTreeMap<(DashboardId, u64), usize>,
    /// Of which withdrawals it is noted that what fell with them is listed in a step of its own.
    notes: BTreeSet<(DashboardId, u64)>,
    receipts: BTreeMap<(DashboardId, u64), usize>,
    /// The rows that say what hangs on what.
    below: usize,
    strange: Vec<String>,
}

async fn bodies<T: DeserializeOwned>(store: &SqliteStore, sql: &'static str) -> Result<Vec<T>, BoxError> {
    let bodies: Vec<String> = sqlx::query_scalar(sql).fetch_all(store.pool()).await?;
    bodies.iter().map(|body| Ok(serde_json::from_str(body)?)).collect()
}

impl Books {
    pub(crate) async fn read(store: &SqliteStore) -> Result<Self, BoxError> {
        let pool = store.pool();
        let integrity = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(pool).await?;
        let mut strange = Vec::new();
        let torn: Vec<i64> = sqlx::query_scalar(
            "SELECT revision FROM dashshare_head WHERE revision <> body ->> 'revision' UNION ALL \
             SELECT revision FROM dashshare_audit WHERE revision <> body ->> 'revision'",
        )
        .fetch_all(pool)
        .await?;
        strange.extend(
            torn.iter().map(|revision| format!("revision {revision}: the column is not the document's")),
        );
        let heads: Vec<Head> = bodies(store, "SELECT body FROM dashshare_head").await?;
        let audit: Vec<AuditRecord> = bodies(store, "SELECT body FROM dashshare_audit").await?;
        let grants: Vec<Grant> = bodies(store, "SELECT body FROM dashshare_grant").await?;
        let messages: Vec<OutboxMessage> = bodies(store, "SELECT body FROM dashshare_outbox").await?;
        let found: Vec<(Vec<u8>, i64)> =
            sqlx::query_as("SELECT dashboard, revision FROM dashshare_receipt").fetch_all(pool).await?;
        let below: i64 = sqlx::query_scalar("SELECT count(*) FROM dashshare_below").fetch_one(pool).await?;
        let mut receipts = BTreeMap::new();
        for (dashboard, revision) in found {
            let dashboard = DashboardId::from_bytes(dashboard.try_into().map_err(|_| "an id of 16 bytes")?);
            *receipts.entry((dashboard, u64::try_from(revision)?)).or_insert(0) += 1;
        }
        let (mut counted, mut notes) = (BTreeMap::new(), BTreeSet::new());
        for message in &messages {
            let name = (message.id.dashboard, message.id.revision.number());
            match message.message {
                Message::Falling => _ = notes.insert(name),
                _ => *counted.entry(name).or_insert(0) += 1,
            }
        }
        Ok(Self {
            integrity,
            heads: heads.into_iter().map(|head| (head.dashboard, head)).collect(),
            audit: audit
                .into_iter()
                .map(|record| ((record.dashboard, record.revision.number()), record))
                .collect(),
            grants: grants.into_iter().map(|grant| ((grant.dashboard, grant.id), grant)).collect(),
            messages: counted,
            notes,
            receipts,
            below: usize::try_from(below)?,
            strange,
        })
    }

    /// How many commits of commands there are: what fell with one is listed by another commit.
    pub(crate) fn commits(&self) -> usize {
        self.audit.values().filter(|record| !matches!(record.event, Event::Fell { .. })).count()
    }

    /// What is damaged or half there.
    pub(crate) fn damage(&self) -> Vec<String> {
        let mut damage = self.strange.clone();
        if self.integrity != ["ok"] {
            damage.extend(self.integrity.iter().map(|line| format!("integrity: {line}")));
        }
        let mut revisions = BTreeSet::new();
        let (mut grants, mut ordinals) = (BTreeSet::new(), BTreeSet::new());
        for head in self.heads.values() {
            let dashboard = head.dashboard;
            revisions.extend((1..=head.revision.number()).map(|revision| (dashboard, revision)));
            ordinals.extend((0..head.next_ordinal).map(|ordinal| (dashboard, ordinal)));
            let links = self.audit.range((dashboard, 0)..=(dashboard, u64::MAX));
            let links = links.filter(|(_, record)| matches!(record.event, Event::LinkRotated { .. })).count();
            let newest = head.link.as_ref().map_or(0, |link| link.generation);
            if (head.links_made, newest) != (links as u64, links as u64) {
                damage.push(format!("{dashboard}: {links} rotations, and the head has link {newest}"));
            }
        }
        if !self.audit.keys().eq(&revisions) {
            damage.push("the heads' revisions and the audit records do not agree".into());
        }
        if !self
            .receipts
            .iter()
            .map(|(name, count)| (name, *count))
            .eq(revisions.iter().map(|name| (name, 1)))
        {
            damage.push("the heads' revisions and the receipts do not agree".into());
        }
        let (mut messages, mut due, mut listed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        for head in self.heads.values() {
            due.extend(head.falling.iter().map(|falling| (head.dashboard, falling.revision.number())));
        }
        for (name, record) in &self.audit {
            match &record.event {
                Event::Fell { with } => {
                    listed.insert((name.0, with.number()));
                    // One message tells them all.
                    messages.extend((!record.fell.is_empty()).then_some((*name, 1)));
                }
                Event::Shared { grant, .. } => {
                    grants.insert((name.0, *grant));
                    messages.insert(*name, 1);
                }
                Event::Revoked { grant, .. } => {
                    messages.insert(*name, 1);
                    if self.grants.get(&(name.0, *grant)).is_none_or(|grant| grant.revoked != Some(record.at))
                    {
                        damage.push(format!("{}: grant {grant} was revoked, and is not", name.0));
                    }
                }
                _ => {}
            }
        }
        // A note is taken away once its list is made, and may stay behind for a while.
        if !due.is_disjoint(&listed)
            || !self.notes.is_superset(&due)
            || !self.notes.iter().all(|note| due.contains(note) || listed.contains(note))
        {
            damage.push("the withdrawals and the notes of what fell with them do not agree".into());
        }
        if self.messages != messages {
            let apart = |name: &&(DashboardId, u64)| self.messages.get(*name) != messages.get(*name);
            for name in self.audit.keys().filter(apart) {
                let record = self.audit.get(name);
                damage.push(format!("{:?} messages of {record:?}", self.messages.get(name)));
            }
            damage.push("the audit records and the messages do not agree".into());
        }
        if !self.grants.keys().eq(&grants) {
            damage.push("the audit records and the grants do not agree".into());
        }
        let found: BTreeSet<_> = self.grants.values().map(|grant| (grant.dashboard, grant.ordinal)).collect();
        if found != ordinals {
            damage.push("the heads' and the grants' ordinals do not agree".into());
        }
        let revoked = self.grants.values().filter(|grant| grant.revoked.is_some()).count();
        let revocations =
            self.audit.values().filter(|record| matches!(record.event, Event::Revoked { .. })).count();
        if revoked != revocations {
            damage.push(format!("{revocations} grants were revoked, and {revoked} are"));
        }
        let above: usize = self.grants.values().map(|grant| grant.ancestors.len()).sum();
        if above != self.below {
            damage.push(format!("{above} ancestors, and {} rows for them", self.below));
        }
        damage
    }

    /// What was acknowledged and is not there. That what belongs to it is there too is for [`damage`](Self::damage).
    pub(crate) fn lost<'a>(&self, acknowledged: impl IntoIterator<Item = &'a Acknowledged>) -> Vec<String> {
        let is_there = |acknowledged: &Acknowledged| {
            let (dashboard, revision) = (acknowledged.dashboard, acknowledged.revision.number());
            let Some(head) = self.heads.get(&dashboard) else { return false };
            let Some(record) = self.audit.get(&(dashboard, revision)) else { return false };
            let is_of_it = match (&record.event, &acknowledged.made) {
                (Event::Registered { .. }, Made::Dashboard) => true,
                (Event::Shared { grant, .. }, Made::Grant(made)) => {
                    grant == made
                        && self.grants.contains_key(&(dashboard, *made))
                        && self.messages.contains_key(&(dashboard, revision))
                }
                (Event::Revoked { grant, .. }, Made::Revoked(made)) => grant == made,
                // What fell with it was listed right after it.
                (Event::Fell { with }, Made::Revoked(made)) => {
                    let with = self.audit.get(&(dashboard, with.number()));
                    with.is_some_and(
                        |record| matches!(record.event, Event::Revoked { grant, .. } if grant == *made),
                    )
                }
                (Event::LinkRotated { generation, .. }, Made::Link(made, token)) => {
                    let digest = LinkToken::parse(token).expect("a token").digest();
                    let link = head.link.as_ref();
                    let opens = link.is_some_and(|link| link.digest == digest);
                    generation == made && opens == link.is_some_and(|link| link.generation == *made)
                }
                _ => false,
            };
            is_of_it
                && head.revision.number() >= revision
                && self.receipts.contains_key(&(dashboard, revision))
        };
        let lost = acknowledged.into_iter().filter(|acknowledged| !is_there(acknowledged));
        lost.map(|lost| format!("lost: {lost:?}")).collect()
    }
}

/// What was found wrong with a file.
#[derive(Default, Debug)]
pub(crate) struct Verdict {
    pub(crate) lost: Vec<String>,
    pub(crate) damage: Vec<String>,
    /// How many commits were there.
    pub(crate) commits: usize,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.lost.is_empty() && self.damage.is_empty()
    }
}

/// Opens a file after a crash and judges it; then its commits go on, and the one that is made is answered too.
pub(crate) async fn examine<'a>(
    path: &Path,
    acknowledged: impl IntoIterator<Item = &'a Acknowledged>,
    random: &mut Random,
) -> (Verdict, Option<Acknowledged>) {
    let mut verdict = Verdict::default();
    let store = match SqliteStore::open(path).await {
        Ok(store) => store,
        Err(error) => {
            verdict.damage.push(format!("it does not open: {}", chain(&error)));
            return (verdict, None);
        }
    };
    let mut made = None;
    let looked: Result<(), BoxError> = async {
        store.migrate().await?;
        let books = Books::read(&store).await?;
        verdict.commits = books.commits();
        verdict.damage = books.damage();
        verdict.lost = books.lost(acknowledged);
        let sharing = service(store.clone());
        // What is refused proves nothing.
        for _ in 0..20 {
            made = Errand::choose(&store, random, 3).await?.run(&sharing).await?;
            if made.is_some() {
                break;
            }
        }
        let after = Books::read(&store).await?;
        if after.commits() != verdict.commits + 1 {
            verdict.damage.push("it does not go on from there".into());
        }
        verdict.damage.extend(after.damage());
        verdict.damage.extend(after.lost(&made));
        Ok(())
    }
    .await;
    if let Err(error) = looked {
        verdict.damage.push(chain(&*error));
    }
    store.pool().close().await;
    (verdict, made)
}
