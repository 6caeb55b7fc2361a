//! The outbox with several workers: every message comes at least once, to one worker at a time, and never again once it
//! was acknowledged.

use super::{
    desk::{Desk, VIEW, account, answer, board, expect_same},
    races::{Seen, Turn, race},
};
use crate::{
    host::Store,
    record::{Grant, Message, MessageId, OutboxMessage},
    value::Timestamp,
};

const WORKERS: usize = 4;

/// Commits that leave 36 messages, on several dashboards.
pub(super) async fn fill<S: Store>(desk: &mut Desk<'_, S>) {
    for number in [3, 1, 2] {
        desk.register(board(number), account(1)).await;
        let told = |n| Message::Ended { lost: vec![(account(n).into(), Vec::new())] };
        let commit = desk.forge(board(number), Vec::<Grant>::new(), (0..11).map(told).collect(), |_| {});
        desk.send(&commit).await;
        desk.share(board(number), account(1), account(2), VIEW).await;
    }
}

/// Messages as they were written: how often they were leased has promises of its own.
fn uncounted(mut messages: Vec<OutboxMessage>) -> Vec<OutboxMessage> {
    messages.iter_mut().for_each(|message| message.attempts = 0);
    messages
}

/// Leases messages however often they were leased before.
async fn lease<S: Store>(store: &S, now: Timestamp, until: Timestamp, limit: usize) -> Vec<OutboxMessage> {
    uncounted(answer(store.lease(now, until, u32::MAX, limit).await))
}

fn waiting<S: Store>(desk: &Desk<'_, S>, from: usize, count: usize) -> Vec<OutboxMessage> {
    desk.outbox.values().skip(from).take(count).cloned().collect()
}

/// A leased message comes to nobody else until its lease ends; the list of the outbox goes on showing it.
///
/// Rules: [S3](crate::specification).
pub async fn a_leased_message_comes_to_nobody_else<S: Store>(store: S) {
    const PROMISE: &str = "`lease` takes the first messages by id that nobody has leased, up to `limit` (S3)";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let now = desk.now;
    let until = now.plus_days(1);
    expect_same(PROMISE, &lease(&store, now, until, 0).await, &Vec::new());
    let mut taken = 0;
    for count in [1, 3, 20] {
        let found = lease(&store, now, until, count).await;
        expect_same(PROMISE, &found, &waiting(&desk, taken, count));
        taken += count;
    }
    let listed = uncounted(answer(store.outbox(None, 100).await));
    let all = waiting(&desk, 0, usize::MAX);
    expect_same("`outbox` lists leased messages too, and leases nothing", &listed, &all);
    // A message that comes in between has its turn by its id.
    desk.share(board(1), account(1), account(3), VIEW).await;
    let rest = lease(&store, now.plus_micros(1), until, 100).await;
    let leased: Vec<OutboxMessage> = desk.outbox.values().take(taken + 1).cloned().collect();
    let new = leased.iter().filter(|message| message.id.dashboard == board(1)).max_by_key(|m| m.id);
    let mut expected: Vec<OutboxMessage> = new.into_iter().cloned().collect();
    expected.extend(waiting(&desk, taken + 1, 100));
    expect_same(PROMISE, &rest, &expected);
    expect_same(PROMISE, &lease(&store, now.plus_micros(2), until, 100).await, &Vec::new());
}

/// When a lease has ended, its messages come again, to whoever asks: a dead worker holds nothing up.
///
/// Rules: [S3](crate::specification).
pub async fn a_message_comes_again_when_its_lease_ends<S: Store>(store: S) {
    const PROMISE: &str = "a message whose lease ended at or before `now` comes again, and none before that: a worker \
                           that died holds nothing up (S3)";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let now = desk.now;
    let soon = now.plus_micros(1_000_001);
    let late = now.plus_days(3);
    expect_same(PROMISE, &lease(&store, now, late, 5).await, &waiting(&desk, 0, 5));
    expect_same(PROMISE, &lease(&store, now, soon, 5).await, &waiting(&desk, 5, 5));
    let before = soon.plus_micros(-1);
    expect_same(PROMISE, &lease(&store, before, late, 2).await, &waiting(&desk, 10, 2));
    // The second lease has ended, the first and the third have not. In which order is the store's choice, but those that
    // were never leased come by id among themselves.
    let mut found = Vec::new();
    for count in [4, 3] {
        let page = lease(&store, soon, soon.plus_days(1), count).await;
        let (mut ids, known) = (Vec::new(), waiting(&desk, 0, 100));
        ids.extend(page.iter().map(|message| message.id));
        expect_same("`lease` answers by id", &ids.is_sorted(), &true);
        expect_same("`lease` fills its page while there are messages", &ids.len(), &count);
        expect_same(PROMISE, &page.iter().all(|message| known.contains(message)), &true);
        found.extend(ids);
    }
    let place = |id: &MessageId| desk.outbox.keys().position(|known| known == id);
    let mut places: Vec<Option<usize>> = found.iter().map(place).collect();
    places.sort_unstable();
    let again = places.iter().filter(|place| (5..10).contains(&place.unwrap_or_default())).count();
    let mut expected: Vec<Option<usize>> = places.iter().copied().take(again).collect();
    expected.dedup();
    expected.extend((12..).map(Some).take(places.len() - again));
    expect_same(PROMISE, &places, &expected);
    expect_same(PROMISE, &lease(&store, soon, late, 100 - 7).await.len(), &(desk.outbox.len() - 14));
    // A commit of the same dashboard ends no lease.
    desk.share(board(1), account(1), account(3), VIEW).await;
    let again = lease(&store, soon, late, 100).await;
    let seen: Vec<MessageId> = again.iter().map(|message| message.id).collect();
    let early: Vec<&MessageId> =
        seen.iter().filter(|id| desk.outbox.keys().take(10).any(|it| it == *id)).collect();
    expect_same(PROMISE, &early, &Vec::new());
    let ended = lease(&store, Timestamp::MAX, Timestamp::MAX, 100).await;
    expect_same(PROMISE, &ended, &waiting(&desk, 0, 100));
}

/// What was acknowledged is leased no more, whether the lease still ran or had ended.
///
/// Rules: [S3](crate::specification).
pub async fn an_acknowledged_message_is_leased_no_more<S: Store>(store: S) {
    const PROMISE: &str = "no message comes again after it was acknowledged, whoever had leased it (S3)";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let now = desk.now;
    let until = now.plus_micros(10);
    let leased = lease(&store, now, until, 6).await;
    expect_same(PROMISE, &leased, &waiting(&desk, 0, 6));
    let ids: Vec<MessageId> = desk.outbox.keys().copied().collect();
    // Some that are leased, and some that never were.
    let delivered = [&ids[1..4], &ids[8..10]].concat();
    answer(store.acknowledge(&delivered).await);
    desk.outbox.retain(|id, _| !delivered.contains(id));
    let rest = lease(&store, now, until, 100).await;
    expect_same(PROMISE, &rest, &waiting(&desk, 3, 100));
    let again = lease(&store, until, until.plus_days(1), 100).await;
    expect_same(PROMISE, &again, &waiting(&desk, 0, 100));
    // One that a second worker has by now is acknowledged by the first: that counts.
    answer(store.acknowledge(&ids[..1]).await);
    desk.outbox.retain(|id, _| *id != ids[0]);
    expect_same(PROMISE, &lease(&store, Timestamp::MAX, until, 100).await, &waiting(&desk, 0, 100));
    answer(store.acknowledge(&ids).await);
    expect_same(PROMISE, &lease(&store, Timestamp::MAX, until, 100).await, &Vec::new());
}

/// A message says how often it has been leased, the lease that answers with it included, and the list says it too.
///
/// Rules: [S3](crate::specification).
pub async fn every_lease_counts_an_attempt<S: Store>(store: S) {
    const PROMISE: &str = "`attempts` counts every lease of a message, the one that answers with it included, and no \
                           other's: `lease` and `outbox` say the same";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let mut now = desk.now;
    for limit in [6, 100, 3, 11, 100, 1] {
        let until = now.plus_micros(1_000_001);
        let leased = answer(store.lease(now, until, u32::MAX, limit).await);
        expect_same(PROMISE, &leased.len(), &limit.min(desk.outbox.len()));
        for message in leased {
            let known = desk.outbox.get_mut(&message.id);
            let known = known.unwrap_or_else(|| panic!("{PROMISE}\n  nobody wrote {:?}", message.id));
            known.attempts += 1;
            expect_same(PROMISE, &message, known);
        }
        let listed = answer(store.outbox(None, 100).await);
        expect_same(PROMISE, &listed, &waiting(&desk, 0, usize::MAX));
        now = until;
    }
}

/// Workers that lease at once are given different messages, and all of them between them.
///
/// Rules: [S3](crate::specification).
pub fn workers_that_lease_at_once_share_no_message<S: Store>(
    store: S,
    run: impl for<'a> Fn(Turn<'a>) + Sync,
) {
    const PROMISE: &str = "of several workers that lease at once no two are given the same message, and none is left \
                           out: find and take in one step (S3)";
    let mut desk = Desk::new(&store);
    run(Box::pin(fill(&mut desk)));
    let mut now = desk.now;
    for round in 0..10 {
        let until = now.plus_days(1);
        let seen = Seen::nothing();
        let work = |_| -> Turn<'_> {
            let (store, seen) = (&store, &seen);
            Box::pin(async move {
                loop {
                    let page = lease(store, now, until, 3).await;
                    if page.is_empty() {
                        return;
                    }
                    page.into_iter().for_each(|message| seen.note(message.id));
                }
            })
        };
        race(&run, (0..WORKERS).map(work).collect());
        let mut taken = seen.all();
        taken.sort();
        let all: Vec<MessageId> = desk.outbox.keys().copied().collect();
        expect_same(&format!("{PROMISE}\n  round {round}"), &taken, &all);
        now = until;
    }
}
