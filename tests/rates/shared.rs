//! A limiter that several processes share, and what is done when it does not answer (R6).

use super::{keys::client, visits::World};
use crate::support::scene::{OLGA, account, board, now};
use dashshare::{
    Action, BoxError, Timestamp,
    limits::{Ask, Limit, LimitKey, Limiter, ProcessLimiter, RateLimits, Taken, Unanswered, Verdict},
    questions::Visit,
};
use pollster::block_on;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

/// One that can be away.
#[derive(Default)]
pub(super) struct Shared {
    inner: ProcessLimiter,
    pub(super) is_away: AtomicBool,
    takes: AtomicUsize,
    gives: AtomicUsize,
}

impl Shared {
    fn answer(&self) -> Result<(), BoxError> {
        if self.is_away.load(SeqCst) { Err("it is away".into()) } else { Ok(()) }
    }
}

impl Limiter for Shared {
    async fn take(
        &self,
        key: &LimitKey,
        limit: Limit,
        cost: u32,
        now: Timestamp,
    ) -> Result<Verdict, BoxError> {
        self.takes.fetch_add(1, SeqCst);
        self.answer()?;
        self.inner.take(key, limit, cost, now).await
    }

    async fn give_back(&self, key: &LimitKey, limit: Limit, taken: Taken) -> Result<(), BoxError> {
        self.gives.fetch_add(1, SeqCst);
        self.answer()?;
        self.inner.give_back(key, limit, taken).await
    }
}

fn over(shared: &Arc<Shared>) -> RateLimits {
    RateLimits::with_secret(&[5; 32]).shared(Arc::clone(shared))
}

/// R6: under one secret two processes share what was taken, also of what was let in.
#[test]
fn two_processes_share_one_limiter() {
    let (world, shared) = (World::new(), Arc::<Shared>::default());
    let one = world.process(1, over(&shared));
    let other = world.process(2, over(&shared));
    let visit = |sharing: &crate::support::faulty::Sharing, token: &str| {
        block_on(sharing.visit(Visit::from(token).by(client("203.0.113.7")))).expect("a decision")
    };
    for _ in 0..50 {
        assert!(visit(&one, &world.token).is_allowed() && visit(&other, &world.token).is_allowed());
    }
    for turn in 0..20 {
        let sharing = if turn % 2 == 0 { &one } else { &other };
        assert!(!visit(sharing, "guess").is_limited(), "turn {turn}");
    }
    assert!(visit(&one, "guess").is_limited() && visit(&other, &world.token).is_limited());
    assert_eq!(one.limits().expect("limits").unanswered(), Unanswered::default());
}

/// R6: with the shared limiter away, the 21st visit of a client that was not let in is refused in this process and claims are
/// limited; downloads, links and mails pass and are counted.
#[test]
fn what_guards_is_judged_here_when_the_shared_limiter_is_away() {
    let (world, shared) = (World::new(), Arc::<Shared>::default());
    let sharing = world.process(1, over(&shared));
    shared.is_away.store(true, SeqCst);
    let visit = |token: &str| {
        block_on(sharing.visit(Visit::from(token).by(client("203.0.113.7")))).expect("a decision")
    };
    for _ in 0..30 {
        assert!(visit(&world.token).is_allowed());
    }
    for turn in 0..20 {
        assert!(!visit("guess").is_limited(), "turn {turn}");
    }
    assert!(visit("guess").is_limited() && visit(&world.token).is_limited());
    assert_eq!(shared.gives.load(SeqCst), 0, "what was judged here is given back here");

    let mail = crate::support::scene::address("ann@example.com");
    for _ in 0..20 {
        let claimed = block_on(sharing.claim(account(OLGA), &mail)).expect_err("not verified");
        assert_eq!(claimed.refusal().map(|refusal| refusal.code()), Some("email_not_verified"));
    }
    let claimed = block_on(sharing.claim(account(OLGA), &mail)).expect_err("too many");
    assert_eq!(claimed.refusal().map(|refusal| refusal.code()), Some("rate_limited"));

    let before = sharing.limits().expect("limits").unanswered();
    let export = block_on(sharing.authorize(account(OLGA), board(7), Action::Export)).expect("a decision");
    for _ in 0..40 {
        block_on(sharing.begin_export(&export)).expect("it passes");
    }
    for _ in 0..15 {
        block_on(sharing.rotate_link(account(OLGA), board(7), dashshare::Expiry::Never)).expect("it passes");
    }
    let after = sharing.limits().expect("limits").unanswered();
    assert_eq!((after.passed - before.passed, after.judged_here), (55, before.judged_here));
    assert!(before.judged_here >= 52 + 21);

    // Back again, it is asked again, of what it knows.
    shared.is_away.store(false, SeqCst);
    assert!(!visit("guess").is_limited());
}

/// R6: what was taken of a limiter that went away since is not given back, and counted; nothing else happens.
#[test]
fn what_cannot_be_given_back_is_counted() {
    let shared = Arc::<Shared>::default();
    let limits = over(&shared);
    let permit = block_on(limits.take(&Ask::visit(Some(client("203.0.113.7"))), now())).expect("the first");
    shared.is_away.store(true, SeqCst);
    block_on(limits.give_back(permit));
    assert_eq!((limits.unanswered().passed, shared.gives.load(SeqCst)), (2, 2));
}

/// R1, R3: of two keys that are asked, one that refuses leaves the other as it was.
#[test]
fn two_keys_are_taken_of_together_or_not_at_all() {
    let shared = Arc::<Shared>::default();
    for limits in [over(&shared), RateLimits::with_secret(&[5; 32])] {
        // Six clients of a network use it up.
        for last in 1..=6 {
            let ask = Ask::visit(Some(client(&format!("203.0.113.{last}"))));
            for _ in 0..20 {
                let _ = block_on(limits.take(&ask, now())).expect("there is room");
            }
        }
        let seventh = Ask::visit(Some(client("203.0.113.7")));
        for _ in 0..100 {
            assert!(block_on(limits.take(&seventh, now())).is_err());
        }
        // A minute later the network has room for 60, and the seventh for all its 20.
        let later = now().plus_micros(60_000_000);
        for turn in 0..20 {
            assert!(block_on(limits.take(&seventh, later)).is_ok(), "turn {turn}");
        }
        assert!(block_on(limits.take(&seventh, later)).is_err());
    }
}
