//! The library depends on no runtime: its futures are `Send`, wait for nothing but the store and the directory, and
//! several threads may share one service.

use dashshare::{
    AccountId, Action, Amendment, DashboardId, Dashshare, Expiry, GrantId, MemoryDirectory, MemoryStore,
    NewShare, RevokeMode, Rights, SystemEnv, TenantId, Terms, Timestamp,
};
use pollster::block_on;
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    thread,
};

const TERMS: Terms = Terms::view(Expiry::Never).and_reshare();

fn service() -> Dashshare<MemoryStore, MemoryDirectory, SystemEnv> {
    let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), SystemEnv);
    for account in 1..=40u64 {
        sharing.directory().add_account(AccountId::from(account));
    }
    sharing
}

/// Runtimes that move tasks between threads ask for this.
#[test]
fn every_future_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let sharing = service();
    let (owner, ann, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(1u64));
    let (grant, address) = (GrantId::from(1u64), "ann@example.com".parse().unwrap());
    is_send(sharing.register(dashboard, TenantId::from(1u64), owner));
    is_send(sharing.share(owner, dashboard, NewShare::with(ann, TERMS)));
    is_send(sharing.share(owner, dashboard, NewShare::with(ann, TERMS).on_from(grant)));
    is_send(sharing.amend(owner, dashboard, grant, Amendment::default()));
    is_send(sharing.revoke(owner, dashboard, grant, RevokeMode::Rebind));
    is_send(sharing.stop_sharing(owner, dashboard, ann));
    is_send(sharing.renounce(ann, dashboard, grant));
    is_send(sharing.claim(ann, &address));
    is_send(sharing.transfer(owner, dashboard, ann, Rights::NONE));
    is_send(sharing.delete_dashboard(owner, dashboard));
    is_send(sharing.delete_account(ann));
    is_send(sharing.rotate_link(owner, dashboard, Expiry::Never));
    is_send(sharing.pause_link(owner, dashboard));
    is_send(sharing.remind(dashboard, Timestamp::MAX));
    is_send(sharing.authorize(ann, dashboard, Action::View));
    is_send(sharing.visit("token"));
    is_send(sharing.access_list(owner, dashboard));
    is_send(sharing.impact_of_revoking(owner, dashboard, grant));
    is_send(sharing.shared_with(ann));
    is_send(sharing.diagnose_link(owner, dashboard, None));
}

/// A synchronous host may poll a future once when its store and directory never wait.
#[test]
fn a_future_over_stores_that_never_wait_is_ready_at_once() {
    let sharing = service();
    let (owner, ann, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(1u64));
    let mut context = Context::from_waker(Waker::noop());
    let register = pin!(sharing.register(dashboard, TenantId::from(1u64), owner)).poll(&mut context);
    assert!(matches!(register, Poll::Ready(Ok(_))));
    let share = pin!(sharing.share(owner, dashboard, NewShare::with(ann, TERMS))).poll(&mut context);
    assert!(matches!(share, Poll::Ready(Ok(_))));
    let decision = pin!(sharing.authorize(ann, dashboard, Action::View)).poll(&mut context);
    assert!(matches!(decision, Poll::Ready(Ok(decision)) if decision.is_allowed()));
}

/// G21, S1: commands of many threads on one dashboard all land, one revision and one record each.
#[test]
fn threads_share_one_dashboard_and_lose_nothing() {
    let sharing = service();
    let (owner, dashboard) = (AccountId::from(1u64), DashboardId::from(1u64));
    block_on(sharing.register(dashboard, TenantId::from(1u64), owner)).unwrap();
    thread::scope(|scope| {
        for worker in 0..4u64 {
            let sharing = &sharing;
            scope.spawn(move || {
                for account in 0..9u64 {
                    let with = AccountId::from(2 + worker * 9 + account);
                    // Others may win every race that one call is willing to run: then it says so.
                    while let Err(error) =
                        block_on(sharing.share(owner, dashboard, NewShare::with(with, TERMS)))
                    {
                        assert!(matches!(error, dashshare::Error::Contended), "{error}");
                    }
                }
            });
        }
    });
    let list = block_on(sharing.access_list(owner, dashboard)).unwrap();
    assert_eq!(list.grants.len(), 36);
    assert_eq!(list.revision.number(), 37);
    let host = dashshare::trail::Actor::Host;
    let audit = block_on(sharing.audit(host, dashboard, dashshare::Revision::ZERO, 100)).unwrap();
    let revisions: Vec<u64> = audit.iter().map(|record| record.revision.number()).collect();
    assert_eq!(revisions, (1..=37).collect::<Vec<_>>());
}

/// G16: a list of now shows the link under a clock that runs on while the list is made.
#[test]
fn a_running_clock_does_not_make_now_the_past() {
    let sharing = service();
    let (owner, dashboard) = (AccountId::from(1u64), DashboardId::from(1u64));
    block_on(sharing.register(dashboard, TenantId::from(1u64), owner)).unwrap();
    block_on(sharing.rotate_link(owner, dashboard, Expiry::Never)).unwrap();
    // Enough grants that the clock moves on between the first read and the answer.
    for account in 2..=40u64 {
        block_on(sharing.share(owner, dashboard, NewShare::with(AccountId::from(account), TERMS))).unwrap();
    }
    for _ in 0..100 {
        assert!(block_on(sharing.access_list(owner, dashboard)).unwrap().link.is_some());
    }
}

/// G19: the owner of a dashboard whose id was used before reads its own trail; the host reads all of it.
#[test]
fn an_owner_does_not_read_the_trail_of_a_deleted_dashboard() {
    let sharing = service();
    let (olga, zed, dashboard) = (AccountId::from(1u64), AccountId::from(2u64), DashboardId::from(1u64));
    block_on(sharing.register(dashboard, TenantId::from(1u64), olga)).unwrap();
    block_on(sharing.share(olga, dashboard, NewShare::with(AccountId::from(3u64), TERMS))).unwrap();
    block_on(sharing.delete_dashboard(olga, dashboard)).unwrap();
    block_on(sharing.register(dashboard, TenantId::from(1u64), zed)).unwrap();
    let trail = |by: dashshare::trail::Actor| {
        let records = block_on(sharing.audit(by, dashboard, dashshare::Revision::ZERO, 100)).unwrap();
        records.iter().map(|record| record.revision.number()).collect::<Vec<_>>()
    };
    // The deletion, and what fell with it, are of the earlier one.
    assert_eq!(trail(zed.into()), [5]);
    assert_eq!(trail(dashshare::trail::Actor::Host), [1, 2, 3, 4, 5]);
}
