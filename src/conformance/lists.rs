//! The eight lists of a store, with one way to page through each of them.

use super::desk::{Desk, answer, expect_same};
use crate::{
    host::Store,
    record::{Actor, AuditRecord, Chain, DeadLetter, Grant, Head, Holder, OutboxMessage, Revision},
    value::{AccountId, DashboardId, GrantId, Timestamp},
};
use std::sync::Arc;

/// A list that a store pages through.
#[derive(Clone, Debug)]
pub(super) enum List {
    Grants(DashboardId),
    Below(DashboardId, GrantId),
    Held(Holder),
    Owned(AccountId),
    Audit(DashboardId),
    Deeds(Actor),
    Outbox,
    /// As of an instant.
    Dead(Timestamp),
}

/// A row of any of the lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Row {
    Grant(Arc<Grant>),
    Held(Arc<Head>, Vec<Chain>),
    Owned(Arc<Head>),
    Audit(AuditRecord),
    Message(OutboxMessage),
    Dead(DeadLetter),
}

impl List {
    /// Up to `limit` rows after a row that was fetched before.
    pub(super) async fn fetch<S: Store>(&self, store: &S, after: Option<&Row>, limit: usize) -> Vec<Row> {
        let from = match after {
            Some(Row::Grant(grant)) => grant.ordinal + 1,
            _ => 0,
        };
        match self {
            Self::Grants(dashboard) => {
                let page = answer(store.grants(*dashboard, from, limit).await);
                page.into_iter().map(Row::Grant).collect()
            }
            Self::Below(dashboard, above) => {
                let page = answer(store.grants_below(*dashboard, *above, from, limit).await);
                page.into_iter().map(Row::Grant).collect()
            }
            Self::Held(holder) => {
                let after = match after {
                    Some(Row::Held(head, chains)) => chains
                        .first()
                        .and_then(|chain| chain.first())
                        .map(|leaf| (head.dashboard, leaf.ordinal)),
                    _ => None,
                };
                let page = answer(store.held(holder, after, limit).await);
                page.into_iter().map(|held| Row::Held(held.head, held.chains)).collect()
            }
            Self::Owned(owner) => {
                let after = match after {
                    Some(Row::Owned(head)) => Some(head.dashboard),
                    _ => None,
                };
                answer(store.owned(*owner, after, limit).await).into_iter().map(Row::Owned).collect()
            }
            Self::Audit(dashboard) => {
                let after = match after {
                    Some(Row::Audit(record)) => record.revision,
                    _ => Revision::ZERO,
                };
                answer(store.audit(*dashboard, after, limit).await).into_iter().map(Row::Audit).collect()
            }
            Self::Deeds(actor) => {
                let after = match after {
                    Some(Row::Audit(record)) => Some((record.dashboard, record.revision)),
                    _ => None,
                };
                answer(store.audit_of(*actor, after, limit).await).into_iter().map(Row::Audit).collect()
            }
            Self::Outbox => {
                let after = match after {
                    Some(Row::Message(message)) => Some(message.id),
                    _ => None,
                };
                answer(store.outbox(after, limit).await).into_iter().map(Row::Message).collect()
            }
            Self::Dead(now) => {
                let after = match after {
                    Some(Row::Dead(letter)) => Some(letter.id),
                    _ => None,
                };
                let page = answer(store.dead_letters(*now, after, limit).await);
                page.into_iter().map(Row::Dead).collect()
            }
        }
    }

    /// The whole list as it must be.
    pub(super) fn expected<S: Store>(&self, desk: &Desk<'_, S>) -> Vec<Row> {
        match self {
            Self::Grants(dashboard) => {
                desk.board(*dashboard).grants.values().map(|grant| Row::Grant(Arc::clone(grant))).collect()
            }
            Self::Below(dashboard, above) => {
                let grants = desk.board(*dashboard).grants.values();
                let below = grants.filter(|grant| grant.ancestors.contains(above));
                below.map(|grant| Row::Grant(Arc::clone(grant))).collect()
            }
            Self::Held(holder) => {
                let of_board = |(dashboard, board): (&DashboardId, &super::desk::Board)| {
                    let grants = board.grants.values().filter(|grant| is_held_by(grant, holder));
                    let held = |grant: &Arc<Grant>| {
                        Row::Held(Arc::clone(&board.head), vec![desk.chain(*dashboard, grant.id)])
                    };
                    grants.map(held).collect::<Vec<_>>()
                };
                desk.boards.iter().flat_map(of_board).collect()
            }
            Self::Owned(owner) => {
                let heads = desk.boards.values().map(|board| &board.head);
                let own = heads.filter(|head| head.owner == *owner && !head.is_deleted());
                own.map(|head| Row::Owned(Arc::clone(head))).collect()
            }
            Self::Audit(dashboard) => desk.board(*dashboard).audit.iter().cloned().map(Row::Audit).collect(),
            Self::Deeds(actor) => {
                let records = desk.boards.values().flat_map(|board| &board.audit);
                records.filter(|record| record.actor == *actor).cloned().map(Row::Audit).collect()
            }
            Self::Outbox => desk.outbox.values().cloned().map(Row::Message).collect(),
            Self::Dead(now) => {
                let dead = desk.dead.values().filter(|letter| letter.since <= *now);
                dead.cloned().map(Row::Dead).collect()
            }
        }
    }

    /// Reads the list to its end in pages of at most `limit`, up to `most` pages.
    pub(super) async fn walk<S: Store>(&self, store: &S, limit: usize, most: usize) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for _ in 0..most {
            let page = self.fetch(store, rows.last(), limit).await;
            let is_last = page.len() < limit;
            if page.len() > limit {
                panic!("a page has at most `limit` rows (S3): {self:?} answers {} for {limit}", page.len());
            }
            rows.extend(page);
            if is_last {
                break;
            }
        }
        rows
    }

    /// Checks the list in pages of every interesting size.
    pub(super) async fn expect_in_pages<S: Store>(&self, desk: &Desk<'_, S>) {
        let expected = self.expected(desk);
        let count = expected.len();
        if count < 5 {
            panic!("the suite made only {count} rows for {self:?}");
        }
        for limit in [1, 2, 3, count - 1, count, count + 1, 1000] {
            let found = self.walk(desk.store, limit, count + 2).await;
            let promise = format!(
                "pages of {limit} must hold every row of the list once, in order, and only the last page may be \
                 shorter (S3): {self:?}"
            );
            expect_same(&promise, &found, &expected);
        }
        let nothing = self.fetch(desk.store, None, 0).await;
        expect_same("a page with the limit 0 is empty (S3)", &nothing, &Vec::new());
    }
}

/// Whose list a grant is on: an address stands for every grant made to it, claimed or not.
fn is_held_by(grant: &Grant, holder: &Holder) -> bool {
    match holder {
        Holder::Account(account) => grant.grantee.account() == Some(*account),
        Holder::Address(address) => grant.grantee.address() == Some(address),
    }
}

impl<S: Store> Desk<'_, S> {
    /// Checks everything that the store holds of a dashboard, and the whole outbox.
    pub(super) async fn expect_all(&self, promise: &str, dashboard: DashboardId) {
        let snapshot = self.read(dashboard, &[]).await;
        expect_same(promise, &snapshot.head, &self.board(dashboard).head);
        for list in [List::Grants(dashboard), List::Audit(dashboard), List::Outbox] {
            let expected = list.expected(self);
            let found = list.fetch(self.store, None, expected.len() + 10).await;
            expect_same(promise, &found, &expected);
        }
    }
}
