//! A host's own store in one file: documents in ordered maps, as a key-value or document database has them.
//!
//! `cargo run --example own_store` shares a dashboard through it, and
//! `cargo test --example own_store --features conformance` runs the suite that every store has to pass.

use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Error, Expiry, GrantId, Holder, MemoryDirectory,
    NewShare, Revision, SystemEnv, TenantId, Terms, Timestamp,
    store::{
        Chain, Commit, CommitError, CommitKey, Freshness, Grant, Head, LinkDigest, Receipt, Seed, Snapshot,
        Store,
    },
    trail::{Actor, AuditRecord, DeadLetter, MessageId, OutboxMessage},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Included, Unbounded},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One lock around the tables stands for the transactions of a real database: what holds it sees and makes one moment.
#[derive(Default)]
struct OwnStore {
    tables: Mutex<Tables>,
}

/// Each document is kept as JSON under its primary key.
#[derive(Default)]
struct Tables {
    heads: BTreeMap<DashboardId, String>,
    grants: BTreeMap<(DashboardId, u64), String>,
    audit: BTreeMap<(DashboardId, Revision), String>,
    outbox: BTreeMap<MessageId, Waiting>,
    receipts: BTreeMap<(DashboardId, CommitKey), Receipt>,
    // The secondary indexes, which a database keeps by itself.
    ordinals: BTreeMap<(DashboardId, GrantId), u64>,
    holders: BTreeSet<(Holder, DashboardId, u64)>,
    present: BTreeSet<(Holder, DashboardId, u64)>,
    owners: BTreeSet<(AccountId, DashboardId)>,
    links: BTreeMap<LinkDigest, DashboardId>,
    ages: BTreeSet<(Timestamp, DashboardId, CommitKey)>,
}

/// A message that was not acknowledged.
struct Waiting {
    row: String,
    leased_until: Option<Timestamp>,
    attempts: u32,
    /// It is leased no more once that has ended.
    is_given_up: bool,
}

impl Waiting {
    fn new(row: String) -> Self {
        Self { row, leased_until: None, attempts: 0, is_given_up: false }
    }

    /// The message, if the document can be read and is the one of its key.
    fn message(&self, id: MessageId) -> Result<OutboxMessage, BoxError> {
        let mut message: OutboxMessage = from_json(&self.row)?;
        if message.id != id {
            return Err("this is the document of another message".into());
        }
        message.attempts = self.attempts;
        Ok(message)
    }

    fn is_free(&self, now: Timestamp) -> bool {
        !self.is_given_up && self.leased_until.is_none_or(|end| end <= now)
    }

    /// Since when it is a dead letter, if it is one.
    fn died(&self, now: Timestamp) -> Option<Timestamp> {
        self.leased_until.filter(|end| self.is_given_up && *end <= now)
    }
}

fn to_json(document: &impl Serialize) -> Result<String, BoxError> {
    Ok(serde_json::to_string(document)?)
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, BoxError> {
    Ok(serde_json::from_str(json)?)
}

impl Tables {
    fn head(&self, dashboard: DashboardId) -> Result<Option<Head>, BoxError> {
        self.heads.get(&dashboard).map(|row| from_json(row)).transpose()
    }

    fn grant(&self, dashboard: DashboardId, id: GrantId) -> Result<Option<Arc<Grant>>, BoxError> {
        let Some(ordinal) = self.ordinals.get(&(dashboard, id)) else { return Ok(None) };
        self.grants.get(&(dashboard, *ordinal)).map(|row| from_json(row)).transpose()
    }

    /// A grant and all that it hangs on, leaf first.
    fn chain(&self, leaf: Arc<Grant>) -> Result<Chain, BoxError> {
        let mut chain = vec![Arc::clone(&leaf)];
        for ancestor in leaf.ancestors.iter().rev() {
            chain.push(self.grant(leaf.dashboard, *ancestor)?.ok_or("an ancestor is missing")?);
        }
        Ok(chain)
    }

    /// What one index has of a holder's grants on a dashboard.
    fn listed(
        &self,
        index: &BTreeSet<(Holder, DashboardId, u64)>,
        dashboard: DashboardId,
        holder: &Holder,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let (first, last) = ((holder.clone(), dashboard, 0), (holder.clone(), dashboard, u64::MAX));
        let places = index.range(first..=last);
        let rows = places.filter_map(|(_, _, ordinal)| self.grants.get(&(dashboard, *ordinal)));
        rows.map(|row| from_json(row)).collect()
    }

    fn chains(&self, dashboard: DashboardId, seed: &Seed) -> Result<Vec<Chain>, BoxError> {
        let leaves: Vec<Arc<Grant>> = match seed {
            Seed::Grant(id) => self.grant(dashboard, *id)?.into_iter().collect(),
            Seed::Holder(holder) => self.listed(&self.present, dashboard, holder)?,
            Seed::EverHeld(holder) => self.listed(&self.holders, dashboard, holder)?,
        };
        leaves.into_iter().map(|leaf| self.chain(leaf)).collect()
    }

    /// A head with the chains that some seeds name.
    fn snapshot(&self, dashboard: DashboardId, seeds: &[Seed]) -> Result<Option<Snapshot>, BoxError> {
        let Some(head) = self.head(dashboard)? else { return Ok(None) };
        let mut chains = Vec::new();
        for seed in seeds {
            chains.extend(self.chains(dashboard, seed)?);
        }
        Ok(Some(Snapshot { head: Arc::new(head), chains }))
    }

    fn commit(&mut self, commit: &Commit) -> Result<Receipt, CommitError> {
        let dashboard = commit.dashboard();
        // The key comes first, so that a commit that is sent again is answered as the first time.
        if let Some(receipt) = self.receipts.get(&(dashboard, commit.key())) {
            // Unless it is of another commit, which a broken random generator gave the same key.
            return if receipt.is_of(commit) { Ok(*receipt) } else { Err(CommitError::KeyReused) };
        }
        let before = self.head(dashboard).map_err(CommitError::Failed)?;
        let carried;
        let commit = if before.as_ref().map_or(Revision::ZERO, |head| head.revision) == commit.expected() {
            commit
        } else {
            // A withdrawal is written onto the dashboard as it is; every other commit conflicts.
            let rows = commit.rests_on().iter().filter_map(|grant| self.grant(dashboard, grant.id).ok()?);
            let rows: Vec<Arc<Grant>> = rows.collect();
            let onto = before.as_ref().and_then(|head| commit.onto(head, &rows));
            carried = onto.ok_or(CommitError::Conflict)?;
            &carried
        };
        let link = commit.head().link.as_ref();
        if link.and_then(|link| self.links.get(&link.digest)).is_some_and(|opens| *opens != dashboard) {
            return Err(CommitError::Failed("the digest of the link is another dashboard's".into()));
        }
        // All or nothing: everything that can fail is done before anything is written.
        let rows = Rows::of(commit).map_err(CommitError::Failed)?;

        if let Some(before) = before {
            self.owners.remove(&(before.owner, dashboard));
            before.link.and_then(|link| self.links.remove(&link.digest));
        }
        let head = commit.head();
        if !head.is_deleted() {
            self.owners.insert((head.owner, dashboard));
        }
        self.links.extend(head.link.as_ref().map(|link| (link.digest, dashboard)));
        self.heads.insert(dashboard, rows.head);
        for (grant, row) in commit.grants().iter().zip(rows.grants) {
            self.ordinals.insert((dashboard, grant.id), grant.ordinal);
            let holders = [
                grant.grantee.account().map(Holder::Account),
                // An address stands for all that was made to it, claimed or not.
                grant.grantee.address().cloned().map(Holder::Address),
            ];
            for holder in holders.into_iter().flatten() {
                let entry = (holder, dashboard, grant.ordinal);
                // What is on the shelf is not in the index that decisions go by.
                if grant.is_shelved() {
                    self.present.remove(&entry);
                } else {
                    self.present.insert(entry.clone());
                }
                self.holders.insert(entry);
            }
            self.grants.insert((dashboard, grant.ordinal), row);
        }
        self.audit.insert((dashboard, head.revision), rows.audit);
        let ids = commit.outbox().iter().map(|message| message.id);
        self.outbox.extend(ids.zip(rows.outbox.into_iter().map(Waiting::new)));
        let receipt = commit.receipt();
        self.ages.insert((receipt.at, dashboard, receipt.key));
        self.receipts.insert((dashboard, receipt.key), receipt);
        Ok(receipt)
    }
}

/// A commit as the documents that it writes.
struct Rows {
    head: String,
    grants: Vec<String>,
    audit: String,
    outbox: Vec<String>,
}

impl Rows {
    fn of(commit: &Commit) -> Result<Self, BoxError> {
        Ok(Self {
            head: to_json(commit.head())?,
            grants: commit.grants().iter().map(to_json).collect::<Result<_, _>>()?,
            audit: to_json(commit.audit())?,
            outbox: commit.outbox().iter().map(to_json).collect::<Result<_, _>>()?,
        })
    }
}

impl OwnStore {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for OwnStore {
    async fn commit(&self, commit: &Commit) -> Result<Receipt, CommitError> {
        self.tables().commit(commit)
    }

    async fn receipt(&self, dashboard: DashboardId, key: CommitKey) -> Result<Option<Receipt>, BoxError> {
        Ok(self.tables().receipts.get(&(dashboard, key)).copied())
    }

    // Nothing is cached here, so every answer is the latest.
    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        _: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        self.tables().snapshot(dashboard, seeds)
    }

    async fn read_many(
        &self,
        dashboards: &[DashboardId],
        holder: &Holder,
        _: Freshness,
    ) -> Result<Vec<Snapshot>, BoxError> {
        // A database asks for all of them in one statement.
        let tables = self.tables();
        let seed = [Seed::Holder(holder.clone())];
        let wanted: BTreeSet<&DashboardId> = dashboards.iter().collect();
        wanted.into_iter().filter_map(|dashboard| tables.snapshot(*dashboard, &seed).transpose()).collect()
    }

    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        let tables = self.tables();
        let Some(dashboard) = tables.links.get(digest) else { return Ok(None) };
        let Some(head) = tables.head(*dashboard)? else { return Ok(None) };
        let seed = head.link.and_then(|link| link.grant).map(Seed::Grant);
        tables.snapshot(*dashboard, seed.as_slice())
    }

    async fn grants(
        &self,
        dashboard: DashboardId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let tables = self.tables();
        let rows = tables.grants.range((dashboard, from)..=(dashboard, u64::MAX));
        rows.take(limit).map(|(_, row)| from_json(row)).collect()
    }

    async fn grants_below(
        &self,
        dashboard: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        // A database that can index the elements of a list looks `above` up among the ancestors instead.
        let mut below = self.grants(dashboard, from, usize::MAX).await?;
        below.retain(|grant| grant.ancestors.contains(&above));
        below.truncate(limit);
        Ok(below)
    }

    async fn held(
        &self,
        holder: &Holder,
        after: Option<(DashboardId, u64)>,
        limit: usize,
    ) -> Result<Vec<Snapshot>, BoxError> {
        let tables = self.tables();
        let first = match after {
            Some((dashboard, ordinal)) => Excluded((holder.clone(), dashboard, ordinal)),
            None => Included((holder.clone(), DashboardId::from_bytes([0; 16]), 0)),
        };
        let places = tables.holders.range((first, Unbounded)).take_while(|(other, _, _)| other == holder);
        let mut page = Vec::new();
        for (_, dashboard, ordinal) in places.take(limit) {
            let head = tables.head(*dashboard)?.ok_or("a head is missing")?;
            let row = tables.grants.get(&(*dashboard, *ordinal)).ok_or("a grant is missing")?;
            page.push(Snapshot { head: Arc::new(head), chains: vec![tables.chain(from_json(row)?)?] });
        }
        Ok(page)
    }

    async fn owned(
        &self,
        owner: AccountId,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<Arc<Head>>, BoxError> {
        let tables = self.tables();
        let first = match after {
            Some(after) => Excluded((owner, after)),
            None => Included((owner, DashboardId::from_bytes([0; 16]))),
        };
        let own = tables.owners.range((first, Unbounded)).take_while(|(account, _)| *account == owner);
        let heads = own.take(limit).map(|(_, dashboard)| tables.head(*dashboard).transpose());
        heads.flatten().map(|head| head.map(Arc::new)).collect()
    }

    async fn audit(
        &self,
        dashboard: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let tables = self.tables();
        let last = (dashboard, Revision::new(u64::MAX));
        let rows = tables.audit.range((Excluded((dashboard, after)), Included(last)));
        rows.take(limit).map(|(_, row)| from_json(row)).collect()
    }

    async fn audit_of(
        &self,
        actor: Actor,
        after: Option<(DashboardId, Revision)>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let tables = self.tables();
        // A database keeps an index by actor instead.
        let rows = tables.audit.range((after.map_or(Unbounded, Excluded), Unbounded));
        let records = rows.map(|(_, row)| from_json::<AuditRecord>(row));
        records.filter(|record| record.as_ref().map_or(true, |it| it.actor == actor)).take(limit).collect()
    }

    async fn outbox(&self, after: Option<MessageId>, limit: usize) -> Result<Vec<OutboxMessage>, BoxError> {
        let tables = self.tables();
        let rows = tables.outbox.range((after.map_or(Unbounded, Excluded), Unbounded));
        // What cannot be read hides nothing behind it.
        Ok(rows.filter_map(|(id, waiting)| waiting.message(*id).ok()).take(limit).collect())
    }

    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Result<Vec<OutboxMessage>, BoxError> {
        let mut tables = self.tables();
        let mut messages = Vec::new();
        for (id, waiting) in tables.outbox.iter_mut().filter(|(_, waiting)| waiting.is_free(now)) {
            if messages.len() == limit {
                break;
            }
            waiting.attempts += 1;
            match waiting.message(*id) {
                Ok(message) => {
                    (waiting.leased_until, waiting.is_given_up) = (Some(until), waiting.attempts >= attempts);
                    messages.push(message);
                }
                // Put aside, so that it never holds the others up.
                Err(_) => (waiting.leased_until, waiting.is_given_up) = (Some(now), true),
            }
        }
        Ok(messages)
    }

    async fn acknowledge(&self, delivered: &[MessageId]) -> Result<(), BoxError> {
        let mut tables = self.tables();
        delivered.iter().for_each(|id| drop(tables.outbox.remove(id)));
        Ok(())
    }

    async fn dead_letters(
        &self,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, BoxError> {
        let tables = self.tables();
        let rows = tables.outbox.range((after.map_or(Unbounded, Excluded), Unbounded));
        let letter = |(id, waiting): (&MessageId, &Waiting)| {
            let since = waiting.died(now)?;
            Some(match waiting.message(*id) {
                Ok(message) => DeadLetter::exhausted(message, since),
                Err(error) => DeadLetter::unreadable(*id, since, waiting.attempts, &error.to_string()),
            })
        };
        Ok(rows.filter_map(letter).take(limit).collect())
    }

    async fn put_back(&self, messages: &[MessageId]) -> Result<(), BoxError> {
        let mut tables = self.tables();
        for id in messages {
            if let Some(waiting) = tables.outbox.get_mut(id) {
                (waiting.leased_until, waiting.attempts, waiting.is_given_up) = (None, 0, false);
            }
        }
        Ok(())
    }

    async fn sweep(&self, before: Timestamp, limit: usize) -> Result<usize, BoxError> {
        let mut tables = self.tables();
        let old: Vec<_> =
            tables.ages.iter().take_while(|(at, ..)| *at < before).take(limit).copied().collect();
        for (at, dashboard, key) in &old {
            tables.receipts.remove(&(*dashboard, *key));
            tables.ages.remove(&(*at, *dashboard, *key));
        }
        Ok(old.len())
    }
}

fn main() -> Result<(), Error> {
    pollster::block_on(async {
        let (olga, ann, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(7u64));
        let directory = MemoryDirectory::default();
        directory.add_account(olga);
        directory.add_account(ann);
        let sharing = Dashshare::new(OwnStore::default(), directory, SystemEnv);

        sharing.register(dashboard, TenantId::from(1u64), olga).await?;
        let terms = Terms::view(Expiry::Never);
        sharing.share(olga, dashboard, NewShare::with(ann, terms)).await?;
        let decision = sharing.authorize(ann, dashboard, Action::View).await?;
        println!(
            "{}",
            decision.explain_with(&|account| if account == ann { "Ann" } else { "Olga" }.to_owned())
        );
        for row in sharing.store().tables().grants.values() {
            println!("{row}");
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Whatever stands in a row of the outbox, the others are delivered, and it is listed.
    #[test]
    fn a_damaged_message_holds_nobody_up() {
        pollster::block_on(async {
            let sharing = Dashshare::new(OwnStore::default(), MemoryDirectory::default(), SystemEnv);
            let (olga, dashboard) = (AccountId::from(1u64), DashboardId::from(7u64));
            sharing.directory().add_account(olga);
            sharing.register(dashboard, TenantId::from(1u64), olga).await.expect("it registers");
            for name in ["ann", "bob", "cleo", "dan"] {
                let address = format!("{name}@example.com").parse().expect("an address");
                let new = NewShare::with(Holder::Address(address), Terms::view(Expiry::Never));
                sharing.share(olga, dashboard, new).await.expect("it shares");
            }
            let ids: Vec<MessageId> = sharing.store().tables().outbox.keys().copied().collect();
            for damaged in [0, 2] {
                let mut tables = sharing.store().tables();
                tables.outbox.get_mut(&ids[damaged]).expect("a message").row.insert(1, '!');
            }
            assert_eq!(sharing.outbox(None, 2).await.expect("a page").len(), 2);
            let leased = sharing.lease(Duration::from_secs(60), 2).await.expect("messages");
            assert_eq!(leased.iter().map(|message| message.id).collect::<Vec<_>>(), [ids[1], ids[3]]);
            let dead = sharing.dead_letters(None, 10).await.expect("a list");
            assert_eq!(dead.iter().map(|letter| letter.id).collect::<Vec<_>>(), [ids[0], ids[2]]);
            assert!(dead.iter().all(|letter| letter.message.is_none() && !letter.reason.is_empty()));
        });
    }
}

#[cfg(all(test, feature = "conformance"))]
mod conformance {
    dashshare::conformance!(fresh = super::OwnStore::default(), run = pollster::block_on);
}
