//! Rows as the stores write them, made by the library on the memory store and written in bulk.
//!
//! A million shares by the stores themselves would take a million commits, each waiting for the disk. Here the service
//! shares on memory stores, some dashboards at a time; what those kept is turned into the columns of the schema.
//! [`check`] reads some of it back through the store and compares.

use crate::support::{Random, Service, TENANT, deliver, ready, service, terms};
use dashshare::{
    AccountId, DashboardId, Expiry, GrantId, Holder, MemoryStore, NewShare, Revision, RevokeMode,
    store::{Freshness, Grant, Head, Seed, Snapshot, Store},
    trail::{Actor, OutboxMessage},
};
use serde::Serialize;
use sqlx::types::Uuid;
use std::sync::Arc;

/// What stands in a column.
pub(crate) enum Cell {
    Null,
    Id(Uuid),
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
    Ids(Vec<Uuid>),
}

/// A table that a share writes to.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [&'static str],
}

pub(crate) const HEAD: usize = 0;
pub(crate) const GRANT: usize = 1;
pub(crate) const BELOW: usize = 2;
pub(crate) const AUDIT: usize = 3;
pub(crate) const RECEIPT: usize = 4;
pub(crate) const OUTBOX: usize = 5;

pub(crate) const TABLES: [Table; 6] = [
    Table {
        name: "head",
        columns: &["dashboard", "revision", "owner", "deleted", "link", "link_grant", "body"],
    },
    Table {
        name: "grant",
        columns: &["dashboard", "ordinal", "id", "ancestors", "account", "address", "body"],
    },
    Table { name: "below", columns: &["dashboard", "above", "ordinal"] },
    Table { name: "audit", columns: &["dashboard", "revision", "host", "actor", "body"] },
    Table { name: "receipt", columns: &["dashboard", "key", "digest", "revision", "at"] },
    Table {
        name: "outbox",
        columns: &["dashboard", "revision", "place", "leased_until", "attempts", "body"],
    },
];

/// Rows by table, in the order of [`TABLES`].
pub(crate) type Rows = [Vec<Vec<Cell>>; 6];

/// One dashboard to be made.
#[derive(Clone)]
pub(crate) struct Board {
    pub(crate) dashboard: DashboardId,
    pub(crate) owner: AccountId,
    pub(crate) with: Vec<AccountId>,
    /// The holder of a grant that all others hang on, if they do not hang on the owner.
    pub(crate) through: Option<AccountId>,
}

/// What was made of it.
pub(crate) struct Made {
    pub(crate) board: Board,
    pub(crate) token: String,
    /// The first grant.
    pub(crate) first: GrantId,
}

/// Has the service make some dashboards on a store of their own. What it draws begins at `first`.
pub(crate) fn make(boards: &[Board], first: u64) -> (Service<MemoryStore>, Vec<Made>) {
    let sharing = service(MemoryStore::default(), first, false);
    let made = boards.iter().map(|board| {
        let Board { dashboard, owner, with, through } = board;
        ready(sharing.register(*dashboard, TENANT.into(), *owner)).unwrap();
        let root = through.map(|by| {
            (by, ready(sharing.share(*owner, *dashboard, NewShare::with(by, terms(true)))).unwrap().grant)
        });
        let mut grants = with.iter().map(|with| match root {
            None => {
                ready(sharing.share(*owner, *dashboard, NewShare::with(*with, terms(false)))).unwrap().grant
            }
            Some((by, root)) => {
                ready(sharing.share(by, *dashboard, NewShare::with(*with, terms(false)).on_from(root)))
                    .unwrap()
                    .grant
            }
        });
        let newest = grants.next().unwrap();
        grants.for_each(drop);
        let link = ready(sharing.rotate_link(*owner, *dashboard, Expiry::Never)).unwrap();
        let first = root.map_or(newest, |(_, root)| root);
        Made { board: board.clone(), token: link.token.expose().to_owned(), first }
    });
    let made = made.collect();
    (sharing, made)
}

fn text(document: &impl Serialize) -> Cell {
    Cell::Text(serde_json::to_string(document).unwrap())
}

fn number(number: u64) -> Cell {
    Cell::Number(number.try_into().unwrap())
}

fn head_row(head: &Head) -> Vec<Cell> {
    let link = head.link.as_ref();
    vec![
        Cell::Id(head.dashboard.to_uuid()),
        number(head.revision.number()),
        Cell::Id(head.owner.to_uuid()),
        Cell::Flag(head.is_deleted()),
        link.map_or(Cell::Null, |link| Cell::Bytes(link.digest.as_bytes().to_vec())),
        link.and_then(|link| link.grant).map_or(Cell::Null, |grant| Cell::Id(grant.to_uuid())),
        text(head),
    ]
}

fn grant_row(grant: &Grant) -> Vec<Cell> {
    vec![
        Cell::Id(grant.dashboard.to_uuid()),
        number(grant.ordinal),
        Cell::Id(grant.id.to_uuid()),
        Cell::Ids(grant.ancestors.iter().map(|above| above.to_uuid()).collect()),
        grant.grantee.account().map_or(Cell::Null, |account| Cell::Id(account.to_uuid())),
        grant.grantee.address().map_or(Cell::Null, |address| Cell::Text(address.as_str().to_owned())),
        text(grant),
    ]
}

/// What a memory store holds, as rows: dashboards without their outbox, which was delivered long ago.
pub(crate) fn rows(store: &MemoryStore, boards: &[Board], random: &mut Random) -> Rows {
    let mut rows = Rows::default();
    for board in boards {
        let dashboard = board.dashboard;
        let snapshot = ready(store.read(dashboard, &[], Freshness::Latest)).unwrap().unwrap();
        rows[HEAD].push(head_row(&snapshot.head));
        for grant in ready(store.grants(dashboard, 0, usize::MAX)).unwrap() {
            rows[GRANT].push(grant_row(&grant));
            rows[BELOW].extend(grant.ancestors.iter().map(|above| {
                vec![Cell::Id(dashboard.to_uuid()), Cell::Id(above.to_uuid()), number(grant.ordinal)]
            }));
        }
        for record in ready(store.audit(dashboard, Revision::ZERO, usize::MAX)).unwrap() {
            let (actor, host) = match record.actor {
                Actor::Account(account) => (account.to_uuid(), false),
                _ => (Uuid::nil(), true),
            };
            let revision = record.revision.number();
            let id = Cell::Id(dashboard.to_uuid());
            rows[AUDIT].push(vec![id, number(revision), Cell::Flag(host), Cell::Id(actor), text(&record)]);
            // A memory store lists no receipts; their keys are random anyway, and nobody asks for their digests.
            let key = Cell::Id(Uuid::from_u128(random.id()));
            let digest = Cell::Id(Uuid::from_u128(random.id()));
            let at = Cell::Number(record.at.micros());
            rows[RECEIPT].push(vec![Cell::Id(dashboard.to_uuid()), key, digest, number(revision), at]);
        }
    }
    rows
}

/// The rows of dashboards with one grant, its message not yet delivered: as many as one share writes.
pub(crate) fn rows_of_a_share(board: &Board, first: u64, random: &mut Random) -> Rows {
    let (sharing, _) = make(std::slice::from_ref(board), first);
    let mut rows = rows(sharing.store(), std::slice::from_ref(board), random);
    // The audit record of the share itself: its registration came before it, its link after.
    rows[AUDIT].swap_remove(2);
    rows[AUDIT].swap_remove(0);
    rows[RECEIPT].truncate(1);
    rows[OUTBOX] = messages(&sharing);
    rows
}

/// Revokes the first grant of what was made, and answers with the rows that this writes.
pub(crate) fn rows_of_a_revocation(sharing: &Service<MemoryStore>, made: &Made, random: &mut Random) -> Rows {
    ready(deliver(sharing));
    let Board { dashboard, owner, .. } = made.board;
    ready(sharing.revoke(owner, dashboard, made.first, RevokeMode::Cascade)).unwrap();
    let mut rows = rows(sharing.store(), std::slice::from_ref(&made.board), random);
    rows[GRANT].truncate(1);
    rows[BELOW].clear();
    for table in [AUDIT, RECEIPT] {
        let newest = rows[table].pop().unwrap();
        rows[table] = vec![newest];
    }
    rows[OUTBOX] = messages(sharing);
    rows
}

fn messages(sharing: &Service<MemoryStore>) -> Vec<Vec<Cell>> {
    let messages = ready(sharing.outbox(None, 16)).unwrap();
    let row = |message: &OutboxMessage| {
        let id = Cell::Id(message.id.dashboard.to_uuid());
        let (revision, place) = (number(message.id.revision.number()), number(message.id.index.into()));
        vec![id, revision, place, Cell::Number(i64::MIN), Cell::Number(0), text(message)]
    };
    messages.iter().map(row).collect()
}

/// Dashboards with ten grants each, `m` grants in all, over `m / 5` accounts; in the order of their ids.
pub(crate) fn draw(m: usize) -> Vec<Board> {
    let mut random = Random(m as u64);
    let accounts: Vec<AccountId> = (0..m / 5).map(|_| random.id()).collect();
    let mut boards: Vec<Board> = (0..m / 10)
        .map(|_| {
            let start = random.below(accounts.len());
            let with = accounts.iter().cycle().skip(start).take(10).copied().collect();
            Board { dashboard: random.id(), owner: random.id(), with, through: None }
        })
        .collect();
    boards.sort_unstable_by_key(|board| board.dashboard);
    boards
}

/// Dashboards whose grants all hang on their first.
pub(crate) fn draw_trees(count: usize, below: usize) -> Vec<Board> {
    let mut random = Random(99);
    (0..count)
        .map(|_| Board {
            dashboard: random.id(),
            owner: random.id(),
            with: (0..below).map(|_| random.id()).collect(),
            through: Some(random.id()),
        })
        .collect()
}

type Pages = (Vec<Arc<Grant>>, Vec<Arc<Grant>>, Vec<Arc<Head>>);

fn parts(snapshot: Snapshot) -> (Arc<Head>, Vec<Vec<Arc<Grant>>>) {
    (snapshot.head, snapshot.chains)
}

async fn pages<S: Store>(store: &S, made: &Made) -> Pages {
    let dashboard = made.board.dashboard;
    (
        store.grants(dashboard, 0, 100).await.unwrap(),
        store.grants_below(dashboard, made.first, 0, 100).await.unwrap(),
        store.owned(made.board.owner, None, 10).await.unwrap(),
    )
}

/// Whether a store answers as the memory store does that its rows were made of, by every column that is asked for.
pub(crate) async fn check<S: Store>(store: &S, origin: &Service<MemoryStore>, made: &[Made]) {
    let memory = origin.store();
    for one in made {
        let Board { dashboard, owner, with, .. } = &one.board;
        let seeds = [Seed::from(with[0]), Seed::Grant(one.first)];
        for seeds in [&seeds[..1], &seeds] {
            let found = store.read(*dashboard, seeds, Freshness::Latest).await.unwrap();
            let wanted = memory.read(*dashboard, seeds, Freshness::Latest).await.unwrap();
            assert!(
                wanted.is_some() && found.map(parts) == wanted.map(parts),
                "{dashboard:?} reads otherwise"
            );
        }
        assert_eq!(pages(store, one).await, pages(memory, one).await);
        let found = store.audit(*dashboard, Revision::ZERO, 100).await.unwrap();
        assert_eq!(found, memory.audit(*dashboard, Revision::ZERO, 100).await.unwrap());
        let actor = Actor::Account(*owner);
        let found = store.audit_of(actor, None, 100).await.unwrap();
        assert_eq!(found, memory.audit_of(actor, None, 100).await.unwrap());
        let held = store.held(&Holder::Account(with[0]), None, 100).await.unwrap();
        assert!(held.iter().any(|snapshot| snapshot.head.dashboard == *dashboard));
    }
}
