//! Batches: what fits, and what counts once.

use super::book::{Book, HOUR, done, loads, outlet, period, plan, read, same, tenant, usual};
use crate::{
    decision::Edge,
    host::{Ledger, LedgerError},
    meter::{Batch, Charge, MOST, Outcome, Plan},
};

/// Each load of a batch is judged in its turn against what is left then: one that does not fit is refused whole and stops
/// none behind it.
///
/// Rules: [M3](crate::specification), [M4](crate::specification).
pub async fn a_batch_is_judged_in_its_order<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "a load that does not fit whole is refused whole, and those behind it are judged (M3, M4)";
    let book = Book::new(&ledger);
    let plan = plan(100);
    let found = book.charge(&plan, &[60, 50, 30, 20, 10, 1, 0]).await;
    same(PROMISE, found, Outcome { before: 0, refused: vec![1, 3, 5] });
    let figures = book.figures(1, period(0)).await;
    same(PROMISE, (figures.charged, figures.loads, figures.refused), (100, 4, 3));
    let found = book.charge(&plan, &[1, 0, 7]).await;
    same(PROMISE, found, Outcome { before: 100, refused: vec![0, 2] });
    same(PROMISE, book.charged().await, 100);
    // One record short of the limit, the limit, and one more.
    let (book, plan) = (Book::of_maker(&ledger, 2), Plan::of(period(5)).limited(10, 1));
    for (cost, refused) in [(9, vec![]), (2, vec![0]), (1, vec![]), (1, vec![0])] {
        same(PROMISE, book.charge(&plan, &[cost]).await.refused, refused);
    }
    // Not everything together fits, and each by itself does.
    let plan = Plan::of(period(6)).limited(10, 1);
    same(PROMISE, book.charge(&plan, &[8, 8]).await.refused, vec![1]);
    same(PROMISE, book.figures(1, period(6)).await.charged, 8);
}

/// A batch counts once however often it is sent, and is answered as it was at first, whatever came between; another batch
/// under its id is refused.
///
/// Rules: [M6](crate::specification).
pub async fn a_batch_sent_again_is_counted_once<L: Ledger>(ledger: L) {
    const PROMISE: &str = "a batch is known by its id and counts once however often it is sent (M6)";
    const OTHER: &str = "another batch under a used id is not taken for counted (M6)";
    let book = Book::new(&ledger);
    let plan = plan(100);
    let first = book.batch(&plan, loads(&[30, 80]));
    let outcome = book.send(&first).await;
    same(PROMISE, &outcome, &Outcome { before: 0, refused: vec![1] });
    for cost in [10, 20, 25] {
        same(PROMISE, &book.send(&first).await, &outcome);
        let _ = book.charge(&plan, &[cost]).await;
    }
    same(PROMISE, book.send(&first).await, outcome);
    same(PROMISE, book.charged().await, 85);
    let lines = book.lines(1).await;
    same(PROMISE, (lines[0].figures.charged, lines[0].figures.refused), (85, 1));
    // A broken generator draws the same id.
    let other = Batch { id: first.id, ..book.batch(&plan, loads(&[3, 4])) };
    match ledger.charge(&other).await {
        Err(LedgerError::KeyReused) => {}
        found => panic!("{OTHER}\n  the ledger answers {found:?}"),
    }
    same(OTHER, book.charged().await, 85);
    // The same number of another maker, or of another tenant, is another batch.
    let theirs = Book::of_maker(&ledger, 2);
    let _ = theirs.charge(&plan, &[1]).await;
    same(PROMISE, book.charged().await, 86);
}

/// A limit that was lowered below what is charged refuses everything and changes no figure but that of refusals.
///
/// Rules: [M12](crate::specification).
pub async fn a_limit_below_what_is_charged_refuses_everything<L: Ledger>(ledger: L) {
    const PROMISE: &str = "a limit below what is charged refuses everything and changes no figure (M12)";
    let book = Book::new(&ledger);
    let _ = book.charge(&plan(1000), &[700]).await;
    for (version, limit) in [(2, 699), (3, 1), (4, 0)] {
        let lowered = Plan::of(period(0)).limited(limit, version);
        let found = book.charge(&lowered, &[1, 0, 300, u64::MAX]).await;
        same(PROMISE, found, Outcome { before: 700, refused: vec![0, 1, 2, 3] });
    }
    let figures = book.figures(1, period(0)).await;
    same(PROMISE, (figures.charged, figures.loads, figures.refused), (700, 1, 12));
    // No limit counts and never refuses.
    let unlimited = Plan::of(period(0)).unlimited(5);
    same(PROMISE, book.charge(&unlimited, &[1_000_000, 0]).await.refused, vec![]);
    same(PROMISE, book.charged().await, 1_000_700);
}

/// The largest numbers are kept, and what would be more than a meter can hold is refused, with and without a limit.
///
/// Rules: [M1](crate::specification).
pub async fn numbers_at_the_ends_of_their_range_are_kept<L: Ledger>(ledger: L) {
    const PROMISE: &str = "amounts are 64 bits, sums are checked, and an overflow refuses (M1)";
    let book = Book::new(&ledger);
    let unlimited = Plan::of(period(0));
    let found = book.charge(&unlimited, &[u64::MAX, MOST - 5, 6, 5, 1]).await;
    same(PROMISE, found, Outcome { before: 0, refused: vec![0, 2, 4] });
    same(PROMISE, book.charged().await, MOST);
    let highest = Plan::of(period(0)).limited(u64::MAX, 1);
    same(PROMISE, book.charge(&highest, &[1, u64::MAX, 0]).await.refused, vec![0, 1]);
    // What is only counted stops at the largest number.
    let cached = Charge { cached: Some(u64::MAX), ..Charge::of(usual(), 0) };
    let batch = book.batch(&highest, vec![cached.clone(), cached]);
    same(PROMISE, book.send(&batch).await.refused, vec![]);
    let figures = book.figures(1, period(0)).await;
    same(PROMISE, (figures.charged, figures.cached_loads), (MOST, 2));
    same(PROMISE, figures.cached >= MOST, true);
    let names = ["a\0b", "'; --", "é", "e\u{301}", "\u{202e}x"];
    let odd = names.map(|name| Charge::of(outlet(7, u64::MAX / 4, Edge::Owner, name), 0));
    let _ = book.send(&book.batch(&highest, odd.to_vec())).await;
    let found: Vec<_> = book.lines(1).await.iter().map(|line| line.place.outlet.widget.to_string()).collect();
    let mut names: Vec<_> = names.map(String::from).into_iter().chain(["w1".to_owned()]).collect();
    names.sort();
    let mut found_sorted = found;
    found_sorted.sort();
    same("names of widgets come back byte for byte", found_sorted, names);
}

/// What was let through while the ledger was away is booked whatever the limit and the period.
///
/// Rules: [M13](crate::specification).
pub async fn what_is_owed_is_never_refused<L: Ledger>(ledger: L) {
    const PROMISE: &str = "what is owed is booked, over the limit and in a period that is over (M13)";
    let book = Book::new(&ledger);
    let _ = book.charge(&plan(10), &[10]).await;
    let owed = Batch { is_owed: true, ..book.batch(&plan(10), loads(&[5, 0, 7])) };
    same(PROMISE, book.send(&owed).await, Outcome { before: 10, refused: vec![] });
    same(PROMISE, book.send(&owed).await, Outcome { before: 10, refused: vec![] });
    let _ = book.charge(&Plan::of(period(1)), &[1]).await;
    let late = Batch { is_owed: true, ..book.batch(&plan(10), loads(&[3])) };
    same(PROMISE, book.send(&late).await.refused, vec![]);
    same(PROMISE, book.charged().await, 25);
    same(PROMISE, book.figures(1, period(0)).await.refused, 0);
}

/// Once a tenant was charged in a period, those before it are not charged any more.
///
/// Rules: [M8](crate::specification).
pub async fn a_period_that_has_passed_is_not_charged<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "a charge of a period that has passed is answered with the latest instant of a charge (M8)";
    let book = Book::new(&ledger);
    let (early, late) = (Plan::of(period(0)), Plan::of(period(1)));
    let _ = book.charge(&early, &[1]).await;
    let charged = book.batch(&late, loads(&[1]));
    let known = book.send(&charged).await;
    match ledger.charge(&book.batch(&early, loads(&[1]))).await {
        Err(LedgerError::Passed(latest)) => same(PROMISE, latest, charged.at),
        found => panic!("{PROMISE}\n  the ledger answers {found:?}"),
    }
    same(PROMISE, book.charged().await, 1);
    same("what was counted before is answered still (M6)", book.send(&charged).await, known);
    // A refusal in a later period begins nothing, and another tenant's has nothing to do with it.
    let full = Plan::of(period(3)).limited(0, 1);
    let _ = book.charge(&full, &[1]).await;
    same(PROMISE, book.charge(&late, &[1]).await.refused, vec![]);
    let other = Batch { tenant: tenant(2), ..book.batch(&early, loads(&[1])) };
    same(PROMISE, book.send(&other).await.refused, vec![]);
    // A period that begins within the one that is charged has not passed it: a host may move its months.
    let moved = crate::meter::Period { first: late.period.first.plus_micros(HOUR / 2), end: period(2).end };
    let _ = book.charge(&Plan::of(moved), &[1]).await;
    same(PROMISE, book.charge(&late, &[1]).await.refused, vec![]);
}

/// Outcomes that are old enough go, so many at a time, and no figure with them.
///
/// Rules: [M6](crate::specification).
pub async fn old_outcomes_are_swept<L: Ledger>(ledger: L) {
    const PROMISE: &str = "`sweep_ledger` removes outcomes of instants before the one that it is given, so many at a time, \
                           and nothing else";
    let book = Book::new(&ledger);
    let mut batches = Vec::new();
    for n in 0..7 {
        let at = period(0).first.plus_micros(n);
        let batch = Batch { at, ..book.batch(&plan(100), loads(&[1])) };
        let _ = book.send(&batch).await;
        batches.push(batch);
    }
    let cut = period(0).first.plus_micros(5);
    let before = (book.figures(1, period(0)).await, book.lines(1).await);
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(read(ledger.sweep_ledger(cut, 2).await));
    }
    same(PROMISE, swept, vec![2, 2, 1, 0]);
    same(PROMISE, (book.figures(1, period(0)).await, book.lines(1).await), before);
    for (n, batch) in batches.iter().enumerate().skip(5) {
        let before = u64::try_from(n).unwrap_or(0);
        same(PROMISE, done(ledger.charge(batch).await), Outcome { before, refused: vec![] });
    }
    same(PROMISE, book.charged().await, 7);
}
