//! Notices: who is told of what, once.

use super::book::{Book, done, loads, period, plan, read, same, tenant};
use crate::{
    host::Ledger,
    meter::{Batch, Plan},
};

const NONE: [&str; 0] = [];

/// The commit that crosses a threshold writes the notice, one for all that it crosses, and each once.
///
/// Rules: [M11](crate::specification).
pub async fn thresholds_are_told_once<L: Ledger>(ledger: L) {
    const PROMISE: &str = "the commit that crosses thresholds writes one notice that names all of them, in integers and \
                           once each (M11)";
    let book = Book::new(&ledger);
    let plan = plan(7);
    // 80 % of 7 is 5.6, 90 % is 6.3.
    for (cost, told) in
        [(5, vec![]), (1, vec!["[80] of v1 at 6"]), (0, vec![]), (1, vec!["[90, 100] of v1 at 7"])]
    {
        let _ = book.charge(&plan, &[cost]).await;
        same(PROMISE, book.told().await, told.into_iter().map(String::from).collect());
    }
    let _ = book.charge(&plan, &[0, 0]).await;
    same(PROMISE, book.told().await, NONE.map(String::from).to_vec());
    // Together they are one commit.
    let all = Plan::of(period(1)).limited(100, 1).warning_at([1, 50, 99]);
    let batch = book.batch(&all, loads(&[1, 48, 1, 49]));
    let _ = book.send(&batch).await;
    let _ = book.send(&batch).await;
    let notices = read(ledger.notices(None, 10).await);
    same(PROMISE, notices.len(), 1);
    let notice = &notices[0];
    same(PROMISE, (notice.period, notice.limit, notice.at), (period(1), Some(100), batch.at));
    same(PROMISE, book.told().await, vec!["[1, 50, 99] of v1 at 99".to_owned()]);
    // Judged by the figure, also of what was charged without a limit; and none without one, or under 0.
    let free = Plan::of(period(2));
    let _ = book.charge(&free, &[95]).await;
    let _ = book.charge(&Plan::of(period(2)).limited(100, 1), &[1]).await;
    same(PROMISE, book.told().await, vec!["[80, 90] of v1 at 96".to_owned()]);
    let _ = book.charge(&Plan::of(period(3)).limited(0, 1), &[0]).await;
    same(PROMISE, book.told().await, NONE.map(String::from).to_vec());
}

/// A newer version of the limit arms what it no longer crosses; an older one tells nobody anything.
///
/// Rules: [M11](crate::specification), [M12](crate::specification).
pub async fn a_newer_limit_arms_again_what_it_no_longer_crosses<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "a newer limit arms again what it no longer crosses, and an older one tells nobody (M11)";
    let book = Book::new(&ledger);
    let of = |limit, version| Plan::of(period(0)).limited(limit, version);
    let steps: [(Plan, u64, &[&str]); 9] = [
        (of(100, 1), 95, &["[80, 90] of v1 at 95"]),
        (of(110, 2), 1, &[]),
        (of(110, 2), 3, &["[90] of v2 at 99"]),
        (of(200, 3), 1, &[]),
        (of(200, 3), 60, &["[80] of v3 at 160"]),
        (of(161, 2), 1, &[]),
        (of(170, 4), 1, &["[90] of v4 at 162"]),
        (Plan::of(period(0)).unlimited(5), 100, &[]),
        (of(300, 6), 1, &[]),
    ];
    for (plan, cost, told) in steps {
        let outcome = book.charge(&plan, &[cost]).await;
        same(PROMISE, outcome.refused, vec![]);
        same(PROMISE, book.told().await, told.iter().copied().map(String::from).collect());
    }
    // A hand-back arms nothing.
    let batch = book.batch(&of(300, 6), loads(&[37]));
    let _ = book.send(&batch).await;
    same(PROMISE, book.told().await, vec!["[90, 100] of v6 at 300".to_owned()]);
    let back = crate::meter::HandBack::of(&batch, 0);
    if let Some(back) = back {
        same(PROMISE, done(ledger.hand_back(&back).await), true);
    }
    let _ = book.charge(&of(300, 6), &[37]).await;
    same(PROMISE, book.told().await, NONE.map(String::from).to_vec());
}

/// The first refusal of a period is told, and no other.
///
/// Rules: [M11](crate::specification).
pub async fn the_first_refusal_of_a_period_is_told<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "the first refusal of a period is a notice of its own, and no other refusal is one (M11)";
    let book = Book::new(&ledger);
    for (number, version) in [(0, 1), (1, 1), (2, 9)] {
        let plan = Plan::of(period(number)).limited(10, version);
        let _ = book.charge(&plan, &[7, 4, 4]).await;
        same(PROMISE, book.told().await, vec!["refused at 7".to_owned()]);
        let next = Plan::of(period(number)).limited(10, version + 1);
        let _ = book.charge(&next, &[9]).await;
        same(PROMISE, book.told().await, NONE.map(String::from).to_vec());
    }
    let _ = book.charge(&Plan::of(period(3)).limited(10, 1), &[9, 2]).await;
    let told = vec!["refused at 9".to_owned(), "[80, 90] of v1 at 9".to_owned()];
    same(PROMISE, book.told().await, told);
}

/// A leased notice comes to nobody else until its lease ends, each lease is counted, and what was acknowledged is gone for
/// good.
///
/// Rules: [M11](crate::specification).
pub async fn notices_are_leased_and_acknowledged<L: Ledger>(ledger: L) {
    const PROMISE: &str =
        "a notice is leased to one worker at a time, by its id, and comes again when the lease ends (M11)";
    const GONE: &str = "an acknowledged notice is gone for good, and no other is";
    let book = Book::new(&ledger);
    for of in 1..=5 {
        let batch = Batch { tenant: tenant(of), ..book.batch(&plan(10), loads(&[8])) };
        let _ = book.send(&batch).await;
    }
    let all: Vec<_> = read(ledger.notices(None, 10).await).iter().map(|notice| notice.id).collect();
    same(PROMISE, all.len(), 5);
    same(PROMISE, all.is_sorted(), true);
    let page: Vec<_> = read(ledger.notices(Some(all[1]), 2).await).iter().map(|notice| notice.id).collect();
    same("notices come in pages", page, all[2..4].to_vec());
    let now = period(9).first;
    let until = now.plus_micros(10);
    let ids = |notices: Vec<crate::meter::Notice>| -> Vec<_> {
        notices.iter().map(|notice| (notice.id, notice.attempts)).collect()
    };
    let of = |range: std::ops::Range<usize>, attempts: u32| -> Vec<_> {
        all[range].iter().map(|id| (*id, attempts)).collect()
    };
    same(PROMISE, ids(read(ledger.lease_notices(now, until, 2).await)), of(0..2, 1));
    same(PROMISE, ids(read(ledger.lease_notices(now, until, 9).await)), of(2..5, 1));
    same(PROMISE, ids(read(ledger.lease_notices(until.plus_micros(-1), until, 9).await)), vec![]);
    same(PROMISE, read(ledger.notices(None, 10).await).len(), 5);
    let again = until.plus_micros(10);
    same(PROMISE, ids(read(ledger.lease_notices(until, again, 9).await)), of(0..5, 2));
    read(ledger.acknowledge_notices(&all[1..3]).await);
    read(ledger.acknowledge_notices(&all[1..3]).await);
    same(
        GONE,
        ids(read(ledger.lease_notices(again, again.plus_micros(9), 9).await)),
        [of(0..1, 3), of(3..5, 3)].concat(),
    );
    let batch = Batch { tenant: tenant(2), ..book.batch(&plan(10), loads(&[0])) };
    let _ = book.send(&batch).await;
    same(GONE, read(ledger.notices(None, 10).await).len(), 3);
}
