//! Messages that are leased no more: a dead letter holds nothing up, is not lost, and comes back when the host says so.

use super::{
    desk::{Desk, VIEW, account, answer, board, expect_same},
    leases::fill,
    lists::List,
};
use crate::{
    host::Store,
    record::{DeadLetter, MessageId, OutboxMessage, Revision},
    value::Timestamp,
};

/// The first messages of a desk, as they are after so many leases.
fn leased<S: Store>(desk: &Desk<'_, S>, count: usize, attempts: u32) -> Vec<OutboxMessage> {
    let messages = desk.outbox.values().take(count).cloned();
    messages.map(|message| OutboxMessage { attempts, ..message }).collect()
}

fn dead(messages: &[OutboxMessage], since: Timestamp) -> Vec<DeadLetter> {
    messages.iter().map(|message| DeadLetter::exhausted(message.clone(), since)).collect()
}

fn ids(messages: &[OutboxMessage]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id).collect()
}

/// Leases every message a last time.
async fn exhaust<S: Store>(desk: &mut Desk<'_, S>, until: Timestamp) -> Vec<OutboxMessage> {
    let last = answer(desk.store.lease(desk.now, until, 1, 100).await);
    let all = leased(desk, 100, 1);
    expect_same("`lease` takes every message that waits", &last, &all);
    for message in &all {
        desk.outbox.insert(message.id, message.clone());
    }
    all
}

/// A message that was leased as often as the host allows is leased no more. It is a dead letter once its last lease has
/// ended, and holds up none of the others.
///
/// Rules: [S3](crate::specification).
pub async fn a_message_leased_too_often_is_a_dead_letter<S: Store>(store: S) {
    const PROMISE: &str = "a message that was leased as often as the host allows is leased no more, and is a dead letter \
                           from the end of its last lease on: it is not lost, and holds nothing up";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let mut now = desk.now;
    for round in 1..3 {
        let until = now.plus_micros(1_000_001);
        let found = answer(store.lease(now, until, 3, 100).await);
        expect_same(PROMISE, &found, &leased(&desk, 100, round));
        now = until;
        expect_same(PROMISE, &answer(store.dead_letters(now, None, 100).await), &Vec::new());
    }
    // Their third lease is the last, whenever it ends.
    let (soon, late) = (now.plus_micros(1_000_001), now.plus_days(1));
    let first = answer(store.lease(now, soon, 3, 5).await);
    let rest = answer(store.lease(now, late, 3, 100).await);
    let all = [first.as_slice(), &rest].concat();
    let mut sorted = all.clone();
    sorted.sort_by_key(|message| message.id);
    expect_same(PROMISE, &sorted, &leased(&desk, 100, 3));
    let before = soon.plus_micros(-1);
    expect_same(PROMISE, &answer(store.dead_letters(before, None, 100).await), &Vec::new());
    expect_same(PROMISE, &answer(store.dead_letters(soon, None, 100).await), &dead(&first, soon));
    for (at, attempts) in [(soon, 3), (late, 3), (Timestamp::MAX, 3), (Timestamp::MAX, u32::MAX)] {
        let again = answer(store.lease(at, Timestamp::MAX, attempts, 100).await);
        expect_same(PROMISE, &again, &Vec::new());
    }
    let mut letters = dead(&first, soon);
    letters.extend(dead(&rest, late));
    letters.sort_by_key(|letter| letter.id);
    expect_same(PROMISE, &answer(store.dead_letters(late, None, 100).await), &letters);
    let listed = answer(store.outbox(None, 100).await);
    expect_same("`outbox` lists dead letters too", &listed, &sorted);
    // One that comes now has its turn at once.
    let known = desk.outbox.clone();
    desk.share(board(2), account(1), account(3), VIEW).await;
    let mut new = desk.outbox.values().filter(|message| !known.contains_key(&message.id)).cloned();
    let expected: Vec<OutboxMessage> =
        new.next().map(|message| OutboxMessage { attempts: 1, ..message }).into_iter().collect();
    expect_same(PROMISE, &answer(store.lease(late, late.plus_days(1), 3, 1).await), &expected);
    expect_same(PROMISE, &answer(store.dead_letters(late, None, 100).await), &letters);
}

/// Dead letters come by id, in pages, and what is no dead letter is not among them.
///
/// Rules: [S3](crate::specification).
pub async fn dead_letters_come_in_pages<S: Store>(store: S) {
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let (first, second) = (desk.now.plus_days(2), desk.now.plus_days(1));
    // Those with the smaller ids die later.
    for (until, limit) in [(first, 20), (second, 100)] {
        let last = answer(store.lease(desk.now, until, 1, limit).await);
        desk.dead.extend(last.into_iter().map(|message| (message.id, DeadLetter::exhausted(message, until))));
    }
    for number in [3, 1, 2] {
        desk.share(board(number), account(1), account(3), VIEW).await;
    }
    List::Dead(first).expect_in_pages(&desk).await;
    // A cursor may stand where there is no dead letter.
    for after in desk.outbox.keys() {
        let behind: Vec<DeadLetter> =
            desk.dead.values().filter(|letter| letter.id > *after).take(3).cloned().collect();
        let found = answer(store.dead_letters(first, Some(*after), 3).await);
        expect_same("a cursor is a place in the order (S3)", &found, &behind);
    }
}

/// A dead letter that is put back is a message that was never leased. Putting it back again before it is leased changes
/// nothing.
///
/// Rules: [S3](crate::specification).
pub async fn a_dead_letter_is_put_back_once<S: Store>(store: S) {
    const PROMISE: &str = "`put_back` makes the dead letters that it names messages that were never leased, and changes \
                           nothing else: what waits stays as it is";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let end = desk.now.plus_days(1);
    let all = exhaust(&mut desk, end).await;
    let names = ids(&all);
    let unknown = MessageId { dashboard: board(77), revision: Revision::new(1), index: 0 };
    answer(store.put_back(&[]).await);
    answer(store.put_back(&[unknown]).await);
    expect_same(PROMISE, &answer(store.dead_letters(end, None, 100).await), &dead(&all, end));
    let chosen = [&names[2..3], &names[7..9], &names[30..31]].concat();
    for _ in 0..2 {
        answer(store.put_back(&chosen).await);
    }
    let (back, rest): (Vec<_>, Vec<_>) =
        all.iter().cloned().partition(|message| chosen.contains(&message.id));
    expect_same(PROMISE, &answer(store.dead_letters(end, None, 100).await), &dead(&rest, end));
    let mut now = end;
    for attempts in 1..3 {
        let until = now.plus_days(1);
        let found = answer(store.lease(now, until, 2, 100).await);
        let expected: Vec<OutboxMessage> =
            back.iter().cloned().map(|message| OutboxMessage { attempts, ..message }).collect();
        expect_same(PROMISE, &found, &expected);
        let again = answer(store.lease(now.plus_micros(2), until, 2, 100).await);
        expect_same(PROMISE, &again, &Vec::new());
        now = until;
    }
    let mut letters = dead(&rest, end);
    letters.extend(
        back.into_iter().map(|message| DeadLetter::exhausted(OutboxMessage { attempts: 2, ..message }, now)),
    );
    letters.sort_by_key(|letter| letter.id);
    expect_same(PROMISE, &answer(store.dead_letters(now, None, 100).await), &letters);
}

/// A leased message that is put back is one that was never leased, however long its lease still runs and whether it is its
/// last: what a clock that ran ahead has leased for decades is freed so.
///
/// Rules: [S3](crate::specification).
pub async fn a_lease_ends_when_its_message_is_put_back<S: Store>(store: S) {
    const PROMISE: &str = "`put_back` ends the leases of the messages that it names, of no other ones, also a last lease: \
                           they are messages that were never leased";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let now = desk.now;
    // The second time it is their last lease.
    for attempts in [2, 1] {
        let all = answer(store.lease(now, Timestamp::MAX, attempts, 100).await);
        expect_same(PROMISE, &all, &leased(&desk, 100, 1));
        let names = ids(&all);
        let chosen = [&names[2..3], &names[7..9], &names[30..31]].concat();
        for _ in 0..2 {
            answer(store.put_back(&chosen).await);
        }
        let listed = answer(store.outbox(None, 100).await);
        let mut expected = all.clone();
        expected.iter_mut().for_each(|it| it.attempts = u32::from(!chosen.contains(&it.id)));
        expect_same(PROMISE, &listed, &expected);
        expect_same(PROMISE, &answer(store.dead_letters(now, None, 100).await), &Vec::new());
        let again = answer(store.lease(now, now.plus_days(1), 2, 100).await);
        let back: Vec<OutboxMessage> =
            all.iter().filter(|message| chosen.contains(&message.id)).cloned().collect();
        expect_same(PROMISE, &again, &back);
        answer(store.put_back(&names).await);
    }
}

/// A dead letter that is acknowledged is gone for good.
///
/// Rules: [S3](crate::specification).
pub async fn an_acknowledged_dead_letter_is_gone<S: Store>(store: S) {
    const PROMISE: &str =
        "`acknowledge` removes a dead letter like any other message, and nothing brings it back";
    let mut desk = Desk::new(&store);
    fill(&mut desk).await;
    let end = desk.now.plus_days(1);
    let all = exhaust(&mut desk, end).await;
    let done = ids(&all[3..9]);
    answer(store.acknowledge(&done).await);
    desk.outbox.retain(|id, _| !done.contains(id));
    answer(store.put_back(&done).await);
    let rest = leased(&desk, 100, 1);
    expect_same(PROMISE, &answer(store.dead_letters(end, None, 100).await), &dead(&rest, end));
    expect_same(PROMISE, &answer(store.lease(end, Timestamp::MAX, 5, 100).await), &Vec::new());
    expect_same(PROMISE, &answer(store.outbox(None, 100).await), &rest);
}
