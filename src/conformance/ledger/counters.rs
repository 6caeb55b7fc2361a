//! Counters with a cap.

use super::book::{done, period, read, same};
use crate::{
    host::{Ledger, LedgerError},
    meter::{MOST, Take, Taken},
};

/// A counter adds while it stays within the cap, once for each id, and answers with the instant at which that was.
///
/// Rules: [S6](crate::specification).
pub async fn a_counter_keeps_its_cap<L: Ledger>(ledger: L) {
    const PROMISE: &str = "`take` adds once for each id while the sum stays within the cap (S6)";
    let now = period(0).first;
    let take = |key: &[u8], n: u64, cap: u64, id: u8, at: i64| {
        Take::one(key, cap, [id; 16], now.plus_micros(at)).of(n)
    };
    let counted = |sum, at| Taken::Counted { sum, at: now.plus_micros(at) };
    let steps = [
        (take(b"a", 1, 3, 1, 1), counted(1, 1)),
        (take(b"a", 1, 3, 1, 2), counted(1, 1)),
        (take(b"a", 3, 3, 2, 3), Taken::Full { sum: 1 }),
        (take(b"a", 2, 3, 3, 4), counted(3, 4)),
        (take(b"a", 1, 3, 4, 5), Taken::Full { sum: 3 }),
        (take(b"a", 1, 3, 1, 6), counted(3, 1)),
        // What was full is not counted under its id.
        (take(b"a", 1, 4, 4, 7), counted(4, 7)),
        // A cap that was lowered.
        (take(b"a", 1, 2, 5, 8), Taken::Full { sum: 4 }),
        (take(b"a", 0, 2, 6, 9), Taken::Full { sum: 4 }),
        // Keys are bytes, and ids are each counter's own.
        (take(b"b", 1, 1, 1, 10), counted(1, 10)),
        (take(b"a\0", 1, 1, 1, 11), counted(1, 11)),
        (take(b"", 1, 1, 1, 12), counted(1, 12)),
        (take(b"n", u64::MAX, u64::MAX, 1, 13), Taken::Full { sum: 0 }),
        (take(b"n", MOST, u64::MAX, 2, 14), counted(MOST, 14)),
        (take(b"n", 1, u64::MAX, 3, 15), Taken::Full { sum: MOST }),
    ];
    for (take, expected) in steps {
        same(&format!("{PROMISE}\n  {take:?}"), done(ledger.take(&take).await), expected);
    }
    match ledger.take(&take(b"a", 2, 100, 1, 16)).await {
        Err(LedgerError::KeyReused) => {}
        found => panic!("another number under a used id is refused (S6)\n  the ledger answers {found:?}"),
    }
    // Ids are remembered for ten minutes, and then swept; the sums stay.
    let swept = read(ledger.sweep_ledger(now.plus_micros(8), 100).await);
    same("ids before the instant are swept", swept, 3);
    same(
        "a sum stays when its ids are swept",
        done(ledger.take(&take(b"a", 1, 4, 9, 17)).await),
        Taken::Full { sum: 4 },
    );
}
