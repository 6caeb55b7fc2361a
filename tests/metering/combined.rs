//! Charges that go together: who comes while one is under way waits and goes with the next, and a call that is dropped
//! neither loses anything nor holds anybody up.

use super::{
    ledger::{Fate, Obedient},
    world::{OLGA, World, code, process, start},
};
use dashshare::{
    Decision,
    metering::{Load, MeterError, Ticket},
};
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

type Charging<'a> = Pin<Box<dyn Future<Output = Result<Ticket, MeterError>> + 'a>>;

/// Counts how often somebody is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(charging: &mut Charging<'_>) -> Option<Result<Ticket, MeterError>> {
    match charging.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

fn slow() -> (Obedient, World<Obedient>, Decision) {
    let ledger = Obedient::default();
    let world = World::over(ledger.clone());
    ledger.always(Some(Fate::Slow));
    let decision = world.may(OLGA);
    (ledger, world, decision)
}

/// M4: whoever comes while a batch is under way goes with the next, all of them together, judged in the order in which they
/// came; one that does not fit stops none behind it.
#[test]
fn who_waits_goes_together_in_the_order_of_arrival() {
    let (ledger, world, decision) = slow();
    world.limit(100, 1);
    let sizes = [10u64, 50, 60, 30, 20, 5];
    let mut tasks: Vec<Charging<'_>> =
        sizes.iter().map(|n| Box::pin(world.meter.charge(&decision, "w1", *n)) as Charging<'_>).collect();
    let mut done: Vec<Option<&str>> = vec![None; tasks.len()];
    for round in 0..20 {
        for (task, done) in tasks.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            *done = poll(task).map(code);
        }
        assert!(round > 0 || done.iter().all(Option::is_none));
    }
    let done: Vec<&str> = done.into_iter().map(|done| done.expect("it is done")).collect();
    // 10 by itself, then 50 (60), 60 does not fit, 30 (90), 20 does not fit, 5 (95).
    assert_eq!(done, ["charged", "charged", "quota", "charged", "quota", "charged"]);
    assert_eq!((ledger.sizes(), world.charged()), (vec![1, 5], 95));
}

/// M4: charges of one tenant do not wait for those of another.
#[test]
fn tenants_do_not_wait_for_each_other() {
    use dashshare::{AccountId, Action, DashboardId, TenantId};
    let (ledger, world, decision) = slow();
    let (olga, theirs) = (AccountId::from(OLGA), DashboardId::from(8u64));
    pollster::block_on(world.sharing.register(theirs, TenantId::from(2u64), olga)).expect("a dashboard");
    let other = pollster::block_on(world.sharing.authorize(olga, theirs, Action::View)).expect("a decision");
    let mut first: Charging<'_> = Box::pin(world.meter.charge(&decision, "w1", 1));
    let mut second: Charging<'_> = Box::pin(world.meter.charge(&other, "w1", 1));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    assert_eq!(ledger.sizes(), [1, 1], "both are under way");
}

/// M4, M6: whoever drops its call half way holds nobody up: what was under way is sent again, under its id, by whoever comes
/// next, and counts once; what was not sent is not charged.
#[test]
fn a_dropped_charge_loses_nothing_and_blocks_nobody() {
    for steps in 0..4 {
        let (ledger, world, decision) = slow();
        let mut first: Charging<'_> = Box::pin(world.meter.charge(&decision, "w1", 1));
        let mut second: Charging<'_> = Box::pin(world.meter.charge(&decision, "w1", 10));
        let mut third: Charging<'_> = Box::pin(world.meter.charge(&decision, "w1", 100));
        let (mut own, bell) = (None, Arc::<Bell>::default());
        for _ in 0..steps {
            own = own.or_else(|| poll(&mut first));
            let waker = Waker::from(Arc::clone(&bell));
            if third.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                panic!("it waits");
            }
            let _ = poll(&mut second);
            if own.is_some() {
                break;
            }
        }
        let rings = bell.0.load(Ordering::Relaxed);
        drop(first);
        let was_led_by_first = own.is_none() && steps > 0;
        assert!(!was_led_by_first || bell.0.load(Ordering::Relaxed) > rings, "whoever waits is woken");
        // The second, which waits in the line or leads by now, is dropped too.
        drop(second);
        let done = pollster::block_on(third).expect("a ticket");
        assert_eq!(done.cost(), 100);
        // What was sent may stand as charged; nothing counts twice, and the lines agree.
        let charged = world.charged();
        assert!([100, 101, 110, 111].contains(&charged), "{charged} after {steps} steps");
        assert_eq!(world.sums().all(), world.figures());
        drop(ledger);
    }
}

/// M4: one that waits in the line and is dropped is not charged.
#[test]
fn a_charge_that_is_dropped_in_the_line_is_not_made() {
    let (_, world, decision) = slow();
    let mut first: Charging<'_> = Box::pin(world.meter.charge(&decision, "w1", 1));
    let mut second: Charging<'_> = Box::pin(world.meter.charge(&decision, "w1", 10));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    drop(second);
    assert_eq!(code(pollster::block_on(first)), "charged");
    let third = world.load(OLGA, 100).expect("a ticket");
    assert_eq!((third.cost(), world.charged()), (100, 101));
}

/// M6: a charge with a key that is dropped while it is under way is the same charge when it is asked for again, whether
/// anybody else came in between or not.
#[test]
fn a_dropped_charge_is_found_by_its_key() {
    for is_lone in [true, false] {
        let (ledger, world, decision) = slow();
        let keyed = || world.meter.charge_load(&decision, Load::of("w1", 10).keyed("r1"));
        let mut first: Charging<'_> = Box::pin(keyed());
        assert!(poll(&mut first).is_none());
        drop(first);
        if !is_lone {
            assert_eq!(code(world.load(OLGA, 1)), "charged");
        }
        let ticket = pollster::block_on(keyed()).expect("the charge");
        let again = pollster::block_on(keyed()).expect("the charge");
        assert_eq!(ticket.charge(), again.charge());
        assert_eq!(world.charged(), if is_lone { 10 } else { 11 });
        drop(ledger);
    }
}

/// M6: two that ask with one key at once wait for one charge.
#[test]
fn one_key_asked_twice_at_once_is_one_charge() {
    let (_, world, decision) = slow();
    let keyed = || world.meter.charge_load(&decision, Load::of("w1", 10).keyed("r1"));
    let (mut first, mut second): (Charging<'_>, Charging<'_>) = (Box::pin(keyed()), Box::pin(keyed()));
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    let [first, second] = [first, second].map(|task| pollster::block_on(task).expect("a ticket").charge());
    assert_eq!((first, world.charged()), (second, 10));
}

/// M4: many tasks on a runtime with threads, on one meter whose ledger is slow: all are answered, in few batches.
#[test]
fn many_tasks_share_few_batches() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    let (ledger, world, decision) = slow();
    world.limit(1500, 1);
    let meter = Arc::new(process(ledger.clone(), &world.plans, 9));
    meter.env().set(start());
    let charged: usize = runtime.block_on(async {
        let tasks: Vec<_> = (0..2000)
            .map(|_| {
                let (meter, decision) = (Arc::clone(&meter), decision.clone());
                tokio::spawn(async move { usize::from(meter.charge(&decision, "w1", 1).await.is_ok()) })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("a task");
        }
        sum
    });
    let sizes = ledger.sizes();
    println!("2000 charges in {} batches, the largest of {:?}", sizes.len(), sizes.iter().max());
    assert_eq!((charged, world.charged(), sizes.iter().sum::<usize>()), (1500, 1500, 2000));
    assert!(sizes.iter().all(|size| *size <= 512));
}
