//! Inside the host's own transaction: what was shared and what the host changed land together, or not at all.

use super::{block_on, fresh};
use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Directory, Error, Expiry, MemoryDirectory, NewShare,
    Refusal, SqliteStore, SystemEnv, Terms,
    directory::{Account, Attestor},
    store::{SqliteStoreTransaction, Store as _},
};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

const TERMS: Terms = Terms::view(Expiry::Never);

fn olga() -> AccountId {
    AccountId::from(1u64)
}

fn board() -> DashboardId {
    DashboardId::from(7u64)
}

async fn scene() -> (SqliteStore, MemoryDirectory) {
    let (store, directory) = (fresh().await, MemoryDirectory::default());
    (1..10u64).for_each(|account| directory.add_account(account.into()));
    let sharing = Dashshare::new(&store, &directory, SystemEnv);
    sharing.register(board(), 1u64.into(), olga()).await.expect("it registers");
    sqlx::raw_sql("CREATE TABLE staff (name TEXT)").execute(store.pool()).await.expect("the host's table");
    (store, directory)
}

/// A directory that finds accounts in the host's own table, where the host has it open.
struct Inside<'t> {
    open: SqliteStoreTransaction<'t>,
    rest: &'t MemoryDirectory,
}

impl Directory for Inside<'_> {
    async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
        let found = sqlx::query("SELECT 1 FROM accounts WHERE id = $1").bind(id.to_uuid());
        match found.fetch_optional(&mut *self.open.connection().await).await? {
            Some(_) => Ok(Some(Account { id, verified: Vec::new() })),
            None => self.rest.account(id, attestor).await,
        }
    }

    dashshare::delegate_directory!(self.rest => account_of, tenant, principal, dashboard, device, variables, devices, blueprint, candidates);
}

async fn with_accounts(store: &SqliteStore) {
    let table = sqlx::raw_sql("CREATE TABLE accounts (id BLOB PRIMARY KEY)");
    table.execute(store.pool()).await.expect("the host's table");
}

async fn staff(store: &SqliteStore) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM staff").fetch_one(store.pool()).await.expect("a count")
}

async fn may(store: &SqliteStore, directory: &MemoryDirectory, account: u64) -> bool {
    let sharing = Dashshare::new(store, directory, SystemEnv);
    sharing.authorize(account.into(), board(), Action::View).await.expect("a decision").is_allowed()
}

#[test]
fn a_share_lands_with_the_hosts_own_change() {
    block_on(async {
        let (store, directory) = scene().await;
        let mut transaction = store.pool().begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
        sqlx::query("INSERT INTO staff VALUES ('ann')").execute(&mut *transaction).await.expect("the host's");
        let sharing = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
        sharing
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect("it shares");
        sharing
            .share(olga(), board(), NewShare::with(AccountId::from(3u64), TERMS))
            .await
            .expect("it shares again");
        let inside = sharing.authorize(2u64.into(), board(), Action::View).await.expect("a decision");
        assert!(inside.is_allowed(), "it sees its own changes");
        assert!(!may(&store, &directory, 2).await, "nobody else does");
        transaction.commit().await.expect("the host commits");
        assert!(may(&store, &directory, 2).await && may(&store, &directory, 3).await);
        assert_eq!(staff(&store).await, 1);
    });
}

/// An account that the host has made in its transaction is known there, and the share goes the way of both.
#[test]
fn an_account_made_in_the_transaction_can_be_shared_with_in_it() {
    block_on(async {
        let (store, directory) = scene().await;
        with_accounts(&store).await;
        let sharing = Dashshare::new(store.clone(), &directory, SystemEnv);
        let cem = AccountId::from(20u64);
        for commits in [false, true] {
            let mut transaction = store.pool().begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
            let made = sqlx::query("INSERT INTO accounts VALUES ($1)").bind(cem.to_uuid());
            made.execute(&mut *transaction).await.expect("the host's");
            // The host's usual directory does not see it yet.
            let refused =
                sharing.within(&mut transaction).share(olga(), board(), NewShare::with(cem, TERMS)).await;
            let refused = refused.expect_err("nobody of that name");
            assert_eq!(refused.refusal(), Some(&Refusal::UnknownAccount), "{refused:?}");
            let inside = sharing.within_with(&mut transaction, |open| Inside { open, rest: &directory });
            inside.share(olga(), board(), NewShare::with(cem, TERMS)).await.expect("it shares");
            let decision = inside.authorize(cem, board(), Action::View).await.expect("a decision");
            assert!(decision.is_allowed(), "it sees its own changes");
            if commits {
                transaction.commit().await.expect("the host commits");
            } else {
                transaction.rollback().await.expect("the host rolls back");
            }
            let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM accounts")
                .fetch_one(store.pool())
                .await
                .expect("a count");
            let grants = sharing.store().grants(board(), 0, 10).await.expect("a list").len();
            assert_eq!((accounts, grants), (i64::from(commits), usize::from(commits)));
        }
    });
}

#[test]
fn a_share_goes_with_the_hosts_rollback() {
    block_on(async {
        let (store, directory) = scene().await;
        for by_dropping in [false, true] {
            let mut transaction = store.pool().begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
            sqlx::query("INSERT INTO staff VALUES ('ann')")
                .execute(&mut *transaction)
                .await
                .expect("the host's");
            let sharing = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
            sharing
                .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
                .await
                .expect("it shares");
            if by_dropping {
                drop(transaction);
            } else {
                transaction.rollback().await.expect("the host rolls back");
            }
            assert!(!may(&store, &directory, 2).await);
            assert_eq!(staff(&store).await, 0);
        }
        let sharing = Dashshare::new(&store, &directory, SystemEnv);
        let done = sharing
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect("it shares");
        assert_eq!(done.revision.number(), 2);
    });
}

/// A commit that fails half way inside the transaction leaves nothing, even if the host goes on and commits.
#[test]
fn a_commit_that_fails_half_way_stays_out_of_what_the_host_commits() {
    block_on(async {
        let (store, directory) = scene().await;
        sqlx::raw_sql(
            "CREATE TRIGGER broken BEFORE INSERT ON dashshare_receipt BEGIN SELECT RAISE(FAIL, 'broken on purpose'); \
             END",
        )
        .execute(store.pool())
        .await
        .expect("a trigger of the test's");
        let mut transaction = store.pool().begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
        sqlx::query("INSERT INTO staff VALUES ('ann')").execute(&mut *transaction).await.expect("the host's");
        let sharing = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
        let error = sharing
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect_err("it breaks");
        assert!(matches!(error, Error::Store(_)), "{error:?}");
        transaction.commit().await.expect("the host commits");
        assert_eq!(staff(&store).await, 1);
        assert!(store.grants(board(), 0, 10).await.expect("a list").is_empty());
        assert_eq!(store.audit(board(), dashshare::Revision::ZERO, 10).await.expect("a list").len(), 1);
    });
}

#[test]
fn a_transaction_that_began_as_a_reader_is_void_when_another_one_wrote() {
    block_on(async {
        let (store, directory) = scene().await;
        let mut transaction = store.pool().begin().await.expect("a transaction");
        let inside = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
        assert!(
            !inside.authorize(2u64.into(), board(), Action::View).await.expect("a decision").is_allowed()
        );
        let outside = Dashshare::new(&store, &directory, SystemEnv);
        outside
            .share(olga(), board(), NewShare::with(AccountId::from(3u64), TERMS))
            .await
            .expect("it comes between");
        let error = inside
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect_err("it is too late");
        assert!(matches!(error, Error::Store(_)), "it is known that nothing was written: {error:?}");
        let said = crate::support::operations::chain(&error);
        assert!(said.contains("roll this one back and begin it again"), "{said}");
        transaction.rollback().await.expect("the host rolls back");
        assert!(!may(&store, &directory, 2).await && may(&store, &directory, 3).await);
    });
}

/// Drops a future after so many polls.
async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), times);
    poll_fn(move |context| match left {
        0 => Poll::Ready(None),
        _ => {
            left -= 1;
            future.as_mut().poll(context).map(Some)
        }
    })
    .await
}

/// Wherever a call is dropped, what the host does before and after it lands together, and the share wholly or not at all.
#[test]
fn a_share_that_is_dropped_is_done_as_a_whole_or_not_at_all() {
    block_on(async {
        let (store, directory) = scene().await;
        with_accounts(&store).await;
        let sharing = Dashshare::new(store.clone(), &directory, SystemEnv);
        let (mut answered, mut dropped) = (0, 0);
        // How many polls it takes is not the same each time.
        for (polls, account) in (0..4).flat_map(|_| 0..40).zip(1_000u64..) {
            directory.add_account(account.into());
            let mut transaction = store.pool().begin_with("BEGIN IMMEDIATE").await.expect("a transaction");
            sqlx::query("INSERT INTO staff VALUES ('ann')").execute(&mut *transaction).await.expect("before");
            // Whether the directory reads there too.
            let done = if account % 2 == 0 {
                let inside = sharing.within(&mut transaction);
                polled(polls, inside.share(olga(), board(), NewShare::with(AccountId::from(account), TERMS)))
                    .await
            } else {
                let inside = sharing.within_with(&mut transaction, |open| Inside { open, rest: &directory });
                polled(polls, inside.share(olga(), board(), NewShare::with(AccountId::from(account), TERMS)))
                    .await
            };
            sqlx::query("INSERT INTO staff VALUES ('bob')").execute(&mut *transaction).await.expect("after");
            let then = staff(&store).await;
            transaction.commit().await.expect("the host commits");
            assert_eq!(staff(&store).await, then + 2, "dropped after {polls} polls");
            let shared = may(&store, &directory, account).await;
            match done {
                Some(done) => {
                    done.expect("it shares");
                    assert!(shared);
                    answered += 1;
                }
                None => dropped += 1,
            }
            let grants = store.grants(board(), 0, 10_000).await.expect("a list").len();
            let audit = store.audit(board(), dashshare::Revision::ZERO, 10_000).await.expect("a list").len();
            let outbox = store.outbox(None, 10_000).await.expect("a list").len();
            assert_eq!((audit, outbox), (grants + 1, grants), "all of a share or nothing of it");
        }
        assert!(answered > 0 && dropped > 20, "answered {answered} times, dropped {dropped} times");
    });
}
