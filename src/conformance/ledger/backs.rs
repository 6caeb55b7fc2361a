//! Hand-backs.

use super::book::{Book, HOUR, done, loads, period, plan, read, same};
use crate::{
    host::{Ledger, LedgerError},
    meter::{Batch, HandBack},
};

fn back(batch: &Batch, place: u32) -> HandBack {
    HandBack::of(batch, place).unwrap_or_else(|| panic!("the suite names a load that is not there"))
}

/// A load is taken back from the meter and from its line in one commit, once however often it is sent, and what it had cost is
/// free again.
///
/// Rules: [M5](crate::specification), [M7](crate::specification).
pub async fn a_hand_back_counts_once<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "a hand-back lowers the meter and its line together, is counted, and counts once (M5, M7)";
    let book = Book::new(&ledger);
    let batch = book.batch(&plan(100), loads(&[60, 30, 0]));
    let _ = book.send(&batch).await;
    same(PROMISE, done(ledger.hand_back(&back(&batch, 0)).await), true);
    for _ in 0..3 {
        same(PROMISE, done(ledger.hand_back(&back(&batch, 0)).await), false);
    }
    same(PROMISE, done(ledger.hand_back(&back(&batch, 2)).await), true);
    let figures = book.figures(1, period(0)).await;
    let found = (figures.charged, figures.loads, figures.handed_back, figures.hand_backs);
    same(PROMISE, found, (30, 3, 60, 2));
    let lines = book.lines(1).await;
    same(PROMISE, lines.iter().map(|line| line.figures).collect::<Vec<_>>(), vec![figures]);
    // Outcomes are forgotten long before: the period is not over.
    let after = batch.at.plus_micros(1);
    let _ = read(ledger.sweep_ledger(after, 100).await);
    same(PROMISE, done(ledger.hand_back(&back(&batch, 0)).await), false);
    same(PROMISE, book.charge(&plan(100), &[71, 70]).await.refused, vec![0]);
    same(PROMISE, book.charged().await, 100);
    let _ = read(ledger.sweep_ledger(period(0).end.plus_micros(HOUR), 100).await);
    same(PROMISE, book.charged().await, 100);
}

/// Nothing is taken back that the meter and the line do not hold.
///
/// Rules: [M7](crate::specification).
pub async fn a_hand_back_holds_to_what_was_charged<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "a hand-back of more than the meter or the line holds is refused and changes nothing (M7)";
    let book = Book::new(&ledger);
    let batch = book.batch(&plan(100), loads(&[10]));
    let _ = book.send(&batch).await;
    let before = (book.figures(1, period(0)).await, book.lines(1).await);
    let honest = back(&batch, 0);
    let other_line =
        HandBack { outlet: super::book::outlet(7, 1, super::book::grant(2), "w1"), ..honest.clone() };
    let other_period = HandBack { period: period(1).first, ..honest.clone() };
    for wrong in [HandBack { cost: 11, ..honest.clone() }, other_line, other_period] {
        match ledger.hand_back(&wrong).await {
            Err(LedgerError::NotCharged) => {}
            found => panic!("{PROMISE}\n  the ledger answers {found:?}"),
        }
    }
    same(PROMISE, (book.figures(1, period(0)).await, book.lines(1).await), before);
    same(PROMISE, done(ledger.hand_back(&honest).await), true);
}
