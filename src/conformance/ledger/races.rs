//! Several at once: race first, join, and judge after.

use super::book::{Book, done, loads, period, plan, read, same, tenant};
use crate::{
    conformance::races::{Seen, Turn, race},
    host::Ledger,
    meter::{Batch, Outcome, Plan, Take, Taken},
};

const RACERS: u8 = 6;
const ROUNDS: u64 = 20;

/// Batches of several processes at once never charge more than the limit, and what they were told adds up to what is charged.
///
/// Rules: [M3](crate::specification), [M4](crate::specification), [M11](crate::specification).
pub fn batches_that_race_keep_the_limit<L: Ledger>(ledger: L, run: impl for<'a> Fn(Turn<'a>) + Sync) {
    const PROMISE: &str =
        "batches that race charge no more than the limit: judge and write in one statement (M3)";
    let seen = Seen::nothing();
    let turn = |maker: u8| -> Turn<'_> {
        let (ledger, seen) = (&ledger, &seen);
        Box::pin(async move {
            let book = Book::of_maker(ledger, maker);
            for n in 0..ROUNDS {
                let batch = book.batch(&plan(500), loads(&[n % 5, 3, 7]));
                let outcome = book.send(&batch).await;
                let fits = |place: u32| !outcome.refused.contains(&place);
                let costs = (0u32..).zip(&batch.loads).filter(|(place, _)| fits(*place));
                seen.note(costs.map(|(_, load)| load.cost).sum::<u64>());
            }
        })
    };
    race(&run, (1..=RACERS).map(turn).collect());
    let told: u64 = seen.all().into_iter().sum();
    run(Box::pin(async {
        let book = Book::new(&ledger);
        let figures = book.figures(1, period(0)).await;
        same(PROMISE, figures.charged <= 500, true);
        same(PROMISE, figures.charged, told);
        same(PROMISE, book.lines(1).await[0].figures, figures);
        let mut told = book.told().await.len();
        told = usize::from((2..=4).contains(&told));
        same("each threshold and the first refusal are told once (M11)", told, 1);
    }));
}

/// A batch that is sent several times at once counts once, and every sending is answered alike.
///
/// Rules: [M6](crate::specification).
pub fn a_batch_sent_several_times_at_once_is_counted_once<L: Ledger>(
    ledger: L,
    run: impl for<'a> Fn(Turn<'a>) + Sync,
) {
    const PROMISE: &str = "a batch that is sent while an earlier sending is under way counts once (M6)";
    let book = Book::new(&ledger);
    for round in 0..ROUNDS {
        let batch = book.batch(&plan(1_000_000), loads(&[3, 4]));
        let seen = Seen::nothing();
        let turn = |_| -> Turn<'_> {
            let (ledger, seen, batch) = (&ledger, &seen, &batch);
            Box::pin(async move { seen.note(done(ledger.charge(batch).await)) })
        };
        race(&run, (0..RACERS).map(turn).collect());
        let wanted = Outcome { before: 7 * round, refused: vec![] };
        seen.all().into_iter().for_each(|found| same(PROMISE, &found, &wanted));
    }
    run(Box::pin(async { same(PROMISE, book.charged().await, 7 * ROUNDS) }));
}

/// Of takes that race no more are counted than the cap allows.
///
/// Rules: [S6](crate::specification).
pub fn takes_that_race_keep_the_cap<L: Ledger>(ledger: L, run: impl for<'a> Fn(Turn<'a>) + Sync) {
    const PROMISE: &str = "of takes that race just as many are counted as the cap allows (S6)";
    let seen = Seen::nothing();
    let turn = |maker: u8| -> Turn<'_> {
        let (ledger, seen) = (&ledger, &seen);
        Box::pin(async move {
            for n in 0..10u8 {
                // Each is sent by two.
                let id = [maker / 2 * 16 + n; 16];
                match done(ledger.take(&Take::one(*b"key", 17, id, period(0).first)).await) {
                    Taken::Counted { .. } => seen.note(id),
                    Taken::Full { sum } => same(PROMISE, sum, 17),
                }
            }
        })
    };
    race(&run, (0..RACERS).map(turn).collect());
    let mut counted = seen.all();
    counted.sort_unstable();
    counted.dedup();
    same(PROMISE, counted.len(), 17);
}

/// Workers that lease at once are given different notices, and all of them between them.
///
/// Rules: [M11](crate::specification).
pub fn workers_that_lease_notices_share_none<L: Ledger>(ledger: L, run: impl for<'a> Fn(Turn<'a>) + Sync) {
    const PROMISE: &str = "of several workers that lease at once no two are given the same notice (M11)";
    let book = Book::new(&ledger);
    run(Box::pin(async {
        for of in 1..=20 {
            let batch = book.batch(&Plan::of(period(0)).limited(10, 1), loads(&[8]));
            let _ = book.send(&Batch { tenant: tenant(of), ..batch }).await;
        }
    }));
    for round in 0..10 {
        let (now, until) = (period(1 + round).first, period(2 + round).first);
        let seen = Seen::nothing();
        let work = |_| -> Turn<'_> {
            let (ledger, seen) = (&ledger, &seen);
            Box::pin(async move {
                loop {
                    let leased = read(ledger.lease_notices(now, until, 2).await);
                    if leased.is_empty() {
                        return;
                    }
                    leased.into_iter().for_each(|notice| seen.note(notice.id));
                }
            })
        };
        race(&run, (0..RACERS).map(work).collect());
        let mut leased = seen.all();
        leased.sort_unstable();
        let count = leased.len();
        leased.dedup();
        same(PROMISE, (count, leased.len()), (20, 20));
    }
}
