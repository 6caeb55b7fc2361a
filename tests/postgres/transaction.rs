//! Inside the host's own transaction: what was shared and what the host changed land together, or not at all.

use super::{LEVELS, Server, block_on};
use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Directory, Error, Expiry, MemoryDirectory, NewShare,
    PostgresStore, Refusal, SystemEnv, Terms,
    directory::{Account, Attestor},
    store::{PostgresTransaction, Store as _},
};
use sqlx::PgPool;

super::cases! {
    a_share_lands_with_the_hosts_own_change
    an_account_made_in_the_transaction_can_be_shared_with_in_it
    a_share_goes_with_the_hosts_rollback
    a_link_made_in_a_transaction_opens_only_after_it
    at_read_committed_a_change_that_came_between_is_judged_anew
    at_the_stricter_levels_a_change_that_came_between_voids_the_transaction
    two_transactions_on_one_dashboard_come_one_after_the_other
    a_lease_in_a_transaction_goes_with_its_rollback
}

const TERMS: Terms = Terms::view(Expiry::Never);

fn olga() -> AccountId {
    AccountId::from(1u64)
}

fn board() -> DashboardId {
    DashboardId::from(7u64)
}

/// A store with a registered dashboard, the host's accounts, and a table of the host's own.
async fn scene(store: &PostgresStore) -> MemoryDirectory {
    let directory = MemoryDirectory::default();
    for account in 1..10u64 {
        directory.add_account(account.into());
    }
    let sharing = Dashshare::new(store, &directory, SystemEnv);
    sharing.register(board(), 1u64.into(), olga()).await.expect("it registers");
    sqlx::raw_sql("CREATE TABLE staff (name TEXT)").execute(store.pool()).await.expect("the host's table");
    directory
}

/// A directory that finds accounts in the host's own table, where the host has it open.
struct Inside<'t> {
    open: PostgresTransaction<'t>,
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

async fn staff(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM staff").fetch_one(pool).await.expect("a count")
}

async fn may(store: &PostgresStore, directory: &MemoryDirectory, account: u64) -> bool {
    let sharing = Dashshare::new(store, directory, SystemEnv);
    sharing.authorize(account.into(), board(), Action::View).await.expect("a decision").is_allowed()
}

fn a_share_lands_with_the_hosts_own_change(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = scene(&store).await;
        let mut transaction = store.pool().begin().await.expect("a transaction");
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
        // It sees its own changes, and nobody else does.
        let inside = sharing.authorize(2u64.into(), board(), Action::View).await.expect("a decision");
        assert!(inside.is_allowed());
        assert!(!may(&store, &directory, 2).await);
        transaction.commit().await.expect("the host commits");
        assert!(may(&store, &directory, 2).await && may(&store, &directory, 3).await);
        assert_eq!(staff(store.pool()).await, 1);
    });
}

/// An account that the host has made in its transaction is known there, and the share goes the way of both.
fn an_account_made_in_the_transaction_can_be_shared_with_in_it(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = scene(&store).await;
        let table = sqlx::raw_sql("CREATE TABLE accounts (id UUID PRIMARY KEY)");
        table.execute(store.pool()).await.expect("the host's table");
        let sharing = Dashshare::new(store.clone(), &directory, SystemEnv);
        let cem = AccountId::from(20u64);
        for commits in [false, true] {
            let mut transaction = store.pool().begin().await.expect("a transaction");
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

fn a_share_goes_with_the_hosts_rollback(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = scene(&store).await;
        for by_dropping in [false, true] {
            let mut transaction = store.pool().begin().await.expect("a transaction");
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
            assert_eq!(staff(store.pool()).await, 0);
        }
        // The dashboard goes on from where it was.
        let sharing = Dashshare::new(&store, &directory, SystemEnv);
        let done = sharing
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect("it shares");
        assert_eq!(done.revision.number(), 2);
    });
}

fn a_link_made_in_a_transaction_opens_only_after_it(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = scene(&store).await;
        let outside = Dashshare::new(&store, &directory, SystemEnv);
        let old = outside.rotate_link(olga(), board(), Expiry::Never).await.expect("a link");
        let mut transaction = store.pool().begin().await.expect("a transaction");
        let inside = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
        let new = inside.rotate_link(olga(), board(), Expiry::Never).await.expect("another link");
        let outside = &outside;
        let seen = async |link: &dashshare::Done<dashshare::Rotated>| {
            outside.visit(link.token.expose()).await.expect("a decision").is_allowed()
        };
        assert!(seen(&old).await && !seen(&new).await);
        transaction.commit().await.expect("the host commits");
        assert!(!seen(&old).await && seen(&new).await);
    });
}

fn at_read_committed_a_change_that_came_between_is_judged_anew(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = scene(&store).await;
        let mut transaction = store.pool().begin().await.expect("a transaction");
        sqlx::query("INSERT INTO staff VALUES ('ann')").execute(&mut *transaction).await.expect("the host's");
        let outside = Dashshare::new(&store, &directory, SystemEnv);
        outside
            .share(olga(), board(), NewShare::with(AccountId::from(3u64), TERMS))
            .await
            .expect("it comes between");
        let sharing = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
        let done = sharing
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect("it shares");
        assert_eq!(done.revision.number(), 3);
        transaction.commit().await.expect("the host commits");
        assert!(may(&store, &directory, 2).await && may(&store, &directory, 3).await);
    });
}

fn at_the_stricter_levels_a_change_that_came_between_voids_the_transaction(server: &Server) {
    for level in &LEVELS[1..] {
        block_on(async {
            let store = server.migrated(level).await;
            let directory = scene(&store).await;
            let outside = Dashshare::new(&store, &directory, SystemEnv);
            let mut transaction = store.pool().begin().await.expect("a transaction");
            sqlx::query("INSERT INTO staff VALUES ('ann')")
                .execute(&mut *transaction)
                .await
                .expect("the host's");
            outside
                .share(olga(), board(), NewShare::with(AccountId::from(3u64), TERMS))
                .await
                .expect("it comes between");
            let sharing = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
            let error = sharing
                .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
                .await
                .expect_err("its snapshot is too old");
            assert!(matches!(error, Error::Store(_)), "it is known that nothing was written: {error:?}");
            let said = crate::support::operations::chain(&error);
            assert!(said.contains("roll this one back and begin it again"), "{said}");
            let again = sharing.share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS)).await;
            let said = crate::support::operations::chain(&again.expect_err("the transaction is void"));
            assert!(said.contains("an earlier error has made this transaction void"), "{said}");
            transaction.rollback().await.expect("the host rolls back");
            assert!(!may(&store, &directory, 2).await);
            assert_eq!(staff(store.pool()).await, 0);
        });
    }
}

fn two_transactions_on_one_dashboard_come_one_after_the_other(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = std::sync::Arc::new(scene(&store).await);
        let (first_is_in, wait_for_first) = tokio::sync::oneshot::channel();
        let (let_first_go, go) = tokio::sync::oneshot::channel::<()>();
        let (one, known) = (store.clone(), directory.clone());
        let first = tokio::spawn(async move {
            let mut transaction = one.pool().begin().await.expect("a transaction");
            let sharing = Dashshare::new(one.within(&mut transaction), &*known, SystemEnv);
            sharing
                .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
                .await
                .expect("it shares");
            first_is_in.send(()).expect("somebody waits");
            go.await.expect("it may go");
            transaction.commit().await.expect("the host commits");
        });
        wait_for_first.await.expect("it shared");
        let (two, known) = (store.clone(), directory.clone());
        let second = tokio::spawn(async move {
            let mut transaction = two.pool().begin().await.expect("a transaction");
            let sharing = Dashshare::new(two.within(&mut transaction), &*known, SystemEnv);
            // Waits for the first, finds the dashboard changed, and judges anew.
            let done = sharing
                .share(olga(), board(), NewShare::with(AccountId::from(3u64), TERMS))
                .await
                .expect("it shares");
            transaction.commit().await.expect("the host commits");
            done.revision.number()
        });
        // Until the second one waits for the row.
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%dashshare_head%' \
                 AND pg_backend_pid() <> pid",
            )
            .fetch_one(store.pool())
            .await
            .expect("a count");
            if waiting > 0 {
                break;
            }
            assert!(!second.is_finished(), "it did not wait for the first");
            tokio::task::yield_now().await;
        }
        let_first_go.send(()).expect("it waits");
        first.await.expect("no panic");
        assert_eq!(second.await.expect("no panic"), 3);
        assert!(may(&store, &directory, 2).await && may(&store, &directory, 3).await);
    });
}

fn a_lease_in_a_transaction_goes_with_its_rollback(server: &Server) {
    block_on(async {
        let store = server.migrated(LEVELS[0]).await;
        let directory = scene(&store).await;
        let outside = Dashshare::new(&store, &directory, SystemEnv);
        outside
            .share(olga(), board(), NewShare::with(AccountId::from(2u64), TERMS))
            .await
            .expect("it shares");
        let minute = std::time::Duration::from_secs(60);
        let mut transaction = store.pool().begin().await.expect("a transaction");
        let inside = Dashshare::new(store.within(&mut transaction), &directory, SystemEnv);
        let leased = inside.lease(minute, 10).await.expect("messages");
        assert_eq!(leased.len(), 1);
        inside.acknowledge(&[leased[0].id]).await.expect("it acknowledges");
        assert!(inside.outbox(None, 10).await.expect("a list").is_empty());
        // Others do not wait for what is being delivered.
        assert!(outside.lease(minute, 10).await.expect("messages").is_empty());
        transaction.rollback().await.expect("the host rolls back");
        assert_eq!(outside.lease(minute, 10).await.expect("messages"), leased);
    });
}
