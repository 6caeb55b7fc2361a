//! What the library notes for itself in the outbox: no failure makes a dead letter of it, no call tries it twice, and it
//! holds up nobody's message.

use crate::support::{
    faulty::{Call, Fault, Sharing},
    scene::{self, BIG, OLGA, Scene, account, board, done},
};
use dashshare::{
    NewShare, RevokeMode, Terms,
    store::Store as _,
    trail::{Message, MessageId, OutboxMessage},
};
use std::time::Duration;

/// A dashboard on which it is still to be listed what fell, and nothing else in the outbox.
fn noted() -> (Scene, MessageId) {
    let scene = Scene::new();
    let sharing = scene.process(2);
    sharing.store().gate.follow(|_, call| match call {
        Call::GrantsBelow => Fault::Fail,
        _ => Fault::None,
    });
    done(sharing.revoke(account(OLGA), board(BIG), scene.grant("ann"), RevokeMode::Cascade));
    let waiting = outbox(&scene);
    let (notes, others): (Vec<_>, Vec<_>) =
        waiting.iter().partition(|message| message.message == Message::Falling);
    let others: Vec<MessageId> = others.iter().map(|message| message.id).collect();
    done(scene.store.acknowledge(&others));
    assert_eq!(notes.len(), 1, "one withdrawal is to be listed");
    (scene, notes[0].id)
}

fn outbox(scene: &Scene) -> Vec<OutboxMessage> {
    done(scene.store.outbox(None, 100))
}

fn attempts(scene: &Scene, note: MessageId) -> Option<u32> {
    outbox(scene).iter().find(|message| message.id == note).map(|message| message.attempts)
}

/// No dashboard can be read.
fn blind(sharing: &Sharing) {
    sharing.store().gate.follow(|_, call| if call == Call::Read { Fault::Fail } else { Fault::None });
}

/// Everybody who lost by it is told, once.
fn assert_told(sharing: &Sharing, scene: &Scene, note: MessageId, context: &str) {
    sharing.store().gate.heal();
    let told = done(sharing.lease(Duration::from_secs(60), 100));
    let ended = told.iter().filter(|message| matches!(message.message, Message::Ended { .. })).count();
    assert_eq!((ended, attempts(scene, note)), (1, None), "{context}");
    assert_eq!(done(sharing.list_fallen(board(BIG))).len(), 0, "{context}");
}

/// G21: one call of `lease` tries a note once, however short the lease is.
#[test]
fn a_call_tries_a_note_once() {
    for (lasting, limit) in [(0, 1), (0, 50), (60, 1), (60, 50)] {
        let context = format!("{lasting} s, up to {limit}");
        let (scene, note) = noted();
        let sharing = scene.process(3);
        blind(&sharing);
        assert_eq!(done(sharing.lease(Duration::from_secs(lasting), limit)), [], "{context}");
        let tries = sharing.store().gate.trace().iter().filter(|call| **call == Call::Read).count();
        assert_eq!((tries, attempts(&scene, note)), (1, Some(1)), "{context}");
        sharing.env().inner.set(scene::now().plus_days(1));
        assert_told(&sharing, &scene, note, &context);
    }
}

/// G21, S3: a note is no dead letter however often it fails, and by however few attempts.
#[test]
fn no_note_becomes_a_dead_letter() {
    for most in [1, 2, 10] {
        let context = format!("{most} attempts");
        let (scene, note) = noted();
        let sharing = scene.process(3);
        for minute in 0..40 {
            blind(&sharing);
            sharing.env().inner.set(scene::now().plus_micros(minute * 60_000_000));
            assert_eq!(done(sharing.lease_at_most(most, Duration::from_secs(60), 5)), [], "{context}");
            let late = scene::now().plus_days(9);
            assert_eq!(done(scene.store.dead_letters(late, None, 9)), [], "{context}: {minute}");
        }
        assert_told(&sharing, &scene, note, &context);
    }
}

/// G21, S3: a note whose last lease was taken by a worker that died comes back, whether the host asks for dead letters or
/// for messages; among the dead letters it is never shown.
#[test]
fn a_note_that_a_worker_died_with_comes_back() {
    for asks in [false, true] {
        let context = format!("dead letters are asked for: {asks}");
        let (scene, note) = noted();
        let sharing = scene.process(3);
        let new = NewShare::with(scene::address("new@example.com"), Terms::view(scene::in_days(9)));
        done(sharing.share(account(OLGA), board(BIG), new));
        let leased = done(scene.store.lease(scene::now(), scene::now(), 1, 100));
        let dead = leased.iter().filter(|message| message.id != note).map(|message| message.id);
        let dead: Vec<MessageId> = dead.collect();
        assert_eq!((dead.len(), leased.len()), (1, 2), "{context}");
        if asks {
            for limit in [1, 9] {
                let letters = done(sharing.dead_letters(None, limit));
                let shown: Vec<MessageId> = letters.iter().map(|letter| letter.id).collect();
                assert_eq!(shown, dead, "{context}");
            }
            assert_eq!(attempts(&scene, note), Some(0));
        }
        assert_told(&sharing, &scene, note, &context);
        assert_eq!(done(sharing.dead_letters(None, 9)).len(), 1, "{context}");
    }
}

/// S3: a note that cannot be followed holds up no message, however few are asked for.
#[test]
fn a_note_that_fails_holds_up_no_message() {
    for lasting in [0, 60] {
        let (scene, note) = noted();
        let sharing = scene.process(3);
        let new = NewShare::with(scene::address("new@example.com"), Terms::view(scene::in_days(9)));
        let shared = done(sharing.share(account(OLGA), board(BIG), new));
        blind(&sharing);
        let leased = done(sharing.lease(Duration::from_secs(lasting), 1));
        let revisions: Vec<_> = leased.iter().map(|message| message.id.revision).collect();
        assert_eq!(revisions, [shared.revision], "a lease of {lasting} s");
        assert_eq!(attempts(&scene, note), Some(1));
    }
}
