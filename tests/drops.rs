//! A caller may go away before a command has answered: its future is dropped. What stands then is what stood before or
//! what a whole commit made, and whoever asks again gets there.

use crate::support::{
    faulty::{Call, Fault, Hook, Sharing},
    plans::{ASKED_ANEW, clean},
    scene::{self, ANN, BARE, BIG, CYD, OLGA, Op, PAUSED, Scene, ZED, account, board, commands, done},
};
use dashshare::answers::NewToken;
use dashshare::{
    AccountId, DashboardId, Error, Expiry, LinkToken, NewLink, Refusal, Rights, Rotated, TenantId,
    Unresolved,
    store::{Freshness, Store as _},
    trail::Actor,
};
use pollster::block_on;
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
};

/// What unwinds in place of the future being dropped where it waits.
struct Dropped;

/// Runs an operation up to its n-th call, and drops it before the call is made or before its answer arrives.
fn drop_at(op: &Op, scene: &Scene, number: usize, after: bool) {
    let sharing = scene.process(2);
    sharing.store().gate.follow(move |n, _| {
        let drop: Hook = Box::new(|| resume_unwind(Box::new(Dropped)));
        match n == number {
            true if after => Fault::After(drop),
            true => Fault::Before(drop),
            false => Fault::None,
        }
    });
    let outcome = catch_unwind(AssertUnwindSafe(|| (op.run)(&sharing, scene).map(drop)));
    let is_dropped = outcome.is_err_and(|unwound| unwound.is::<Dropped>());
    assert!(is_dropped, "{}: call {number} was not made", op.name);
}

/// How the operations begin that are refused once they were done, as `Dashshare` has it in a table.
const ENDS_WHAT_IT_NAMES: [&str; 8] = [
    "revoke",
    "take a transfer",
    "renounce",
    "withdraw",
    "delete a dashboard",
    "decline",
    "transfer",
    "offer to",
];

/// G8, S1: whichever command is dropped wherever it waits: what stands is what stood before or what one of its commits
/// made, whole; and once it is asked for again, what would stand if nobody had gone away.
#[test]
fn a_command_that_is_dropped_leaves_what_was_before_or_a_whole_commit() {
    let (mut untouched, mut whole, mut between) = (0, 0, 0);
    for op in commands() {
        let found = clean(&op, &Scene::new).expect("it works");
        let makes_a_link = found.gives_a_token;
        for (number, after) in (0..found.trace.len()).flat_map(|n| [(n, false), (n, true)]) {
            let context = format!("{} at call {number}, after: {after}", op.name);
            let scene = Scene::new();
            drop_at(&op, &scene, number, after);
            let state = scene.dump();
            let at = found.states.iter().rposition(|known| *known == state);
            let at = at.unwrap_or_else(|| panic!("{context}: part of a change stands"));
            let is_done = at + 1 == found.states.len();
            match at {
                0 => untouched += 1,
                _ if is_done => whole += 1,
                _ => between += 1,
            }
            let mails_again = ASKED_ANEW.contains(&op.name);
            let ends_what_it_names = ENDS_WHAT_IT_NAMES.iter().any(|word| op.name.starts_with(word));
            match (op.run)(&scene.process(3), &scene) {
                Ok(_) => assert!(!is_done || !ends_what_it_names, "{context}: it is done twice"),
                Err(Error::Refused(_)) => assert!(at > 0 && ends_what_it_names, "{context}: refused"),
                Err(error) => panic!("{context}: asked again: {error}"),
            }
            // What fell is listed by whoever leases messages next.
            scene.settle();
            // A link is made anew, unless its token is brought.
            let is_made_anew = (makes_a_link && at > 0) || (mails_again && is_done);
            if !is_made_anew {
                assert_eq!(scene.dump_without_chance(), found.last, "{context}: asked again");
            }
        }
    }
    println!("{untouched} untouched, {whole} whole, {between} between two commits");
    assert!(untouched > 100 && whole > 30 && between > 30, "too few");
}

fn bring(kept: &str, dashboard: DashboardId) -> NewLink {
    NewLink::until(scene::in_days(9)).with_token(NewToken::parse(dashboard, kept).expect("the kept text"))
}

fn opens(scene: &Scene, token: &str) -> bool {
    done(scene.process(8).visit(token)).is_allowed()
}

/// L2: a rotation that is dropped at whichever of its waits has made the link that the brought token opens, or has
/// changed nothing; asked again, by another process too, it answers with the one link.
#[test]
fn a_dropped_rotation_loses_no_link_whose_token_was_brought() {
    let (mut kept_old, mut made) = (0, 0);
    for polls in 0.. {
        let scene = Scene::new();
        let new = done(scene.process(5).new_token(account(OLGA), board(BIG)));
        let (kept, token) = (new.expose().to_owned(), new.token().expose().to_owned());
        let before = scene.dump();
        let sharing = scene.process(2);
        sharing.store().gate.pace();
        let finished = {
            let link = NewLink::until(scene::in_days(9)).with_token(new);
            let mut rotation = pin!(sharing.rotate_link(account(OLGA), board(BIG), link));
            let mut cx = Context::from_waker(Waker::noop());
            (0..polls).any(|_| matches!(rotation.as_mut().poll(&mut cx), Poll::Ready(_)))
        };
        let is_made = opens(&scene, &token);
        assert_ne!(is_made, opens(&scene, &scene.token), "after {polls} polls");
        if is_made {
            made += 1;
        } else {
            kept_old += 1;
            assert_eq!(scene.dump(), before, "after {polls} polls");
        }
        for (ask, by) in [Actor::Account(account(OLGA)), Actor::Host].into_iter().enumerate() {
            let again = done(scene.process(6).rotate_link(by, board(BIG), bring(&kept, board(BIG))));
            assert_eq!((again.standing, again.generation), (is_made || ask > 0, 2), "after {polls} polls");
            assert_eq!(again.ends, scene::in_days(9));
            assert!(again.token.expose() == token && opens(&scene, &token) && !opens(&scene, &scene.token));
        }
        if finished {
            break;
        }
    }
    println!("{kept_old} kept the old link, {made} made the new one");
    assert!(kept_old > 1 && made > 1);
}

/// What happens between a rotation and the same one asked again.
type Meanwhile = fn(&Sharing);

fn again(scene: &Scene, by: u64, kept: &str) -> Result<Rotated, &'static str> {
    let link = bring(kept, board(BARE));
    match block_on(scene.process(6).rotate_link(account(by), board(BARE), link)) {
        Ok(link) => Ok(link.answer),
        Err(error) => Err(error.refusal().map(Refusal::code).expect("a refusal")),
    }
}

const NEVER: Expiry = Expiry::Never;

fn moved(sharing: &Sharing) {
    done(sharing.move_link_end(olga(), board(BARE), NEVER));
}

fn olga() -> AccountId {
    account(OLGA)
}

/// L2, L3: the same token asked for again answers with its link while that stands, and with its fate afterwards; whatever
/// happened, a token that is dead opens nothing ever again.
#[test]
fn a_token_asked_for_again_answers_its_link_or_its_fate() {
    let again_for_another: Meanwhile = |s| {
        done(s.delete_dashboard(Actor::Host, board(BARE)));
        done(s.register(board(BARE), TenantId::from(1u64), account(OLGA)));
    };
    let cases: [(&str, Meanwhile, u64, Result<bool, &str>); 11] = [
        ("nothing", |_| {}, OLGA, Ok(true)),
        ("nothing, and a stranger asks", |_| {}, ZED, Err("unknown_dashboard")),
        ("nothing, and a grantee asks", |_| {}, ANN, Err("not_yours")),
        ("paused", |s| done(s.pause_link(olga(), board(BARE))).answer, OLGA, Ok(false)),
        ("moved", moved, OLGA, Ok(true)),
        ("rotated", |s| drop(done(s.rotate_link(olga(), board(BARE), NEVER))), OLGA, Err("superseded")),
        ("withdrawn", |s| done(s.withdraw_link(olga(), board(BARE))).answer, OLGA, Err("no_link")),
        ("lapsed", |s| s.env().inner.set(scene::now().plus_days(9)), OLGA, Err("no_link")),
        ("transferred", |s| drop(done(s.transfer(board(BARE), account(CYD), Rights::NONE))), CYD, Ok(true)),
        ("deleted and registered", again_for_another, OLGA, Err("no_link")),
        (
            "withdrawn, and another made",
            |s| {
                done(s.withdraw_link(olga(), board(BARE)));
                done(s.rotate_link(olga(), board(BARE), NEVER));
            },
            OLGA,
            Err("superseded"),
        ),
    ];
    for (name, meanwhile, by, expected) in cases {
        let scene = Scene::new();
        let sharing = scene.process(5);
        let new = done(sharing.new_token(olga(), board(BARE)));
        let (kept, token) = (new.expose().to_owned(), new.token().expose().to_owned());
        let first = done(sharing.rotate_link(olga(), board(BARE), bring(&kept, board(BARE))));
        assert!(!first.standing && first.token.expose() == token && opens(&scene, &token), "{name}");
        meanwhile(&sharing);
        let before = scene.dump();
        let found = if name == "lapsed" {
            // By the clock of the process that saw it lapse.
            let link = bring(&kept, board(BARE));
            let asked = block_on(sharing.rotate_link(olga(), board(BARE), link));
            Err(asked.expect_err("it lapsed").refusal().map(Refusal::code).expect("a refusal"))
        } else {
            again(&scene, by, &kept)
        };
        match (&found, expected) {
            (Ok(link), Ok(opening)) => {
                assert!(link.standing && link.generation == 1 && link.token.expose() == token, "{name}");
                assert_eq!(link.ends, if name == "moved" { NEVER } else { scene::in_days(9) }, "{name}");
                assert_eq!(opens(&scene, &token), opening, "{name}");
            }
            (Err(found), Err(expected)) => assert_eq!(*found, expected, "{name}"),
            _ => panic!("{name}: {found:?}, and {expected:?} is right"),
        }
        assert_eq!(scene.dump(), before, "{name}: asking again changed something");
        if matches!(expected, Err("superseded" | "no_link")) && name != "lapsed" {
            assert!(!opens(&scene, &token), "{name}");
            // Nor after more rotations, and not by the texts of tokens that were never used.
            let unused = done(sharing.new_token(olga(), board(BARE))).expose().to_owned();
            done(sharing.rotate_link(olga(), board(BARE), NEVER));
            for kept in [kept, unused] {
                assert_eq!(again(&scene, OLGA, &kept).map(|_| ()), Err("superseded"), "{name}");
            }
            assert!(!opens(&scene, &token), "{name}");
        }
    }
}

/// L3: a token is for one dashboard: no other takes it, and its text makes another one there.
#[test]
fn a_token_is_for_the_dashboard_that_it_was_made_for() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let of_bare = done(sharing.new_token(olga(), board(BARE)));
    let elsewhere = NewToken::parse(board(BIG), of_bare.expose()).expect("the text");
    assert_ne!(elsewhere.token().digest(), of_bare.token().digest());
    assert_eq!(elsewhere.dashboard(), board(BIG));
    let link = NewLink::until(NEVER).with_token(of_bare);
    let refused = block_on(sharing.rotate_link(olga(), board(PAUSED), link)).expect_err("another's token");
    assert_eq!(refused.refusal(), Some(&Refusal::ForeignToken));
    // It is refused like the link that it is for.
    let asked = |by: u64, dashboard| {
        let refused = block_on(sharing.new_token(account(by), board(dashboard))).expect_err("refused");
        refused.refusal().map(Refusal::code)
    };
    assert_eq!(asked(ZED, BIG), Some("unknown_dashboard"));
    assert_eq!(asked(CYD, BIG), Some("no_reshare_right"));
    assert_eq!(asked(ANN, BIG), Some("link_taken"));
}

/// L3: one text is one token, every other spelling is refused, and nothing prints it.
#[test]
fn the_text_of_a_new_token_has_one_spelling_and_is_not_printed() {
    let scene = Scene::new();
    let new = done(scene.process(5).new_token(olga(), board(BIG)));
    let text = new.expose().to_owned();
    assert_eq!(text.len(), 64);
    let read = NewToken::parse(board(BIG), &text).expect("the text");
    assert!(read == new && read.token().digest() == new.token().digest() && read.expose() == text);
    let mut refused = 0;
    for at in 0..text.len() {
        for digit in ['0', '1', 'z', 'A', '_', ' '] {
            let mut other: Vec<char> = text.chars().collect();
            if std::mem::replace(&mut other[at], digit) != digit {
                let other: String = other.into_iter().collect();
                assert!(NewToken::parse(board(BIG), &other).is_err(), "{at} {digit}");
                refused += 1;
            }
        }
    }
    assert!(refused > 300);
    for other in ["", "dsn_", &text[1..], &text[..63], &format!("{text}0"), new.token().expose()] {
        assert!(NewToken::parse(board(BIG), other).is_err());
    }
    assert!(LinkToken::parse(&text).is_err());
    let token = new.token().expose().to_owned();
    let printed = format!("{new:?}") + &format!("{:?}", NewLink::until(NEVER).with_token(new));
    assert!(!printed.contains(&text[4..47]) && !printed.contains(&token[4..47]), "it is printed");
}

/// G21: whoever asks again is told whether what fell is listed.
#[test]
fn a_withdrawal_that_was_dropped_is_not_listed_until_somebody_lists_it() {
    let mut unlisted = 0;
    for polls in 0.. {
        let scene = Scene::new();
        let sharing = scene.process(2);
        sharing.store().gate.pace();
        let finished = {
            let mut stop = pin!(sharing.stop_sharing(account(OLGA), board(BIG), account(ANN)));
            let mut cx = Context::from_waker(Waker::noop());
            (0..polls).any(|_| matches!(stop.as_mut().poll(&mut cx), Poll::Ready(_)))
        };
        let pending = |scene: &Scene| {
            let read = done(scene.store.read(board(BIG), &[], Freshness::Latest));
            !read.expect("the dashboard").head.falling.is_empty()
        };
        let is_due = pending(&scene);
        let stop = || done(scene.process(3).stop_sharing(account(OLGA), board(BIG), account(ANN)));
        let again = stop();
        assert_eq!(again.listed, !is_due, "after {polls} polls");
        if is_due {
            unlisted += 1;
            assert!(again.fell.is_empty());
            let listed = done(scene.process(4).list_fallen(board(BIG)));
            assert!(listed.len() == 1 && !listed[0].fell.is_empty(), "after {polls} polls");
        }
        assert!(!pending(&scene) && stop().listed, "after {polls} polls");
        if finished {
            break;
        }
    }
    assert!(unlisted > 0, "it was never dropped in between");
}

/// A rotation of which nobody can say whether it stands.
fn unresolved(sharing: &Sharing, link: impl Into<NewLink>, is_done: bool) -> Unresolved {
    sharing.store().gate.follow(move |_, call| match call {
        Call::Commit if is_done => Fault::Lose,
        Call::Commit => Fault::LoseUndone,
        Call::Receipt => Fault::Fail,
        _ => Fault::None,
    });
    let lost = block_on(sharing.rotate_link(olga(), board(BARE), link)).expect_err("no answer");
    sharing.store().gate.heal();
    match lost {
        Error::Unresolved(unresolved) => unresolved,
        error => panic!("{error}"),
    }
}

fn sweep_all(scene: &Scene) {
    let sharing = scene.process(9);
    sharing.env().inner.set(scene::now().plus_days(31));
    assert!(done(sharing.sweep(1000)) > 10);
}

/// L2, G23: a rotation that stands gives its token back also after its receipt was swept, whatever else was done since, as
/// long as the link stands; and when the store cannot be asked, it can be asked for once more.
#[test]
fn a_rotation_that_stands_is_resumed_after_its_receipt_was_swept() {
    let cases: [(&str, Meanwhile, Result<Expiry, &str>); 6] = [
        ("nothing", |_| {}, Ok(scene::in_days(9))),
        ("suspended", |s| done(s.suspend_dashboard(board(BARE))).answer, Ok(scene::in_days(9))),
        ("moved", moved, Ok(NEVER)),
        ("lapsed", |s| s.env().inner.set(scene::now().plus_days(9)), Ok(scene::in_days(9))),
        ("withdrawn", |s| done(s.withdraw_link(olga(), board(BARE))).answer, Err("superseded")),
        ("rotated", |s| drop(done(s.rotate_link(olga(), board(BARE), NEVER))), Err("superseded")),
    ];
    for (name, meanwhile, expected) in cases {
        let scene = Scene::new();
        let sharing = scene.process(5);
        let mut lost = unresolved(&sharing, scene::in_days(9), true);
        sweep_all(&scene);
        meanwhile(&sharing);
        let before = scene.dump();
        for _ in 0..2 {
            sharing.store().gate.follow(|_, call| if call == Call::Read { Fault::Fail } else { Fault::None });
            lost = match block_on(sharing.resume(lost)) {
                Err(Error::Unresolved(again)) => again,
                other => panic!("{name}: the token is lost: {:?}", other.map(|_| ())),
            };
        }
        sharing.store().gate.heal();
        match (block_on(sharing.resume(lost)), expected) {
            (Ok(resumed), Ok(ends)) => {
                assert_eq!(resumed.dashboard, board(BARE), "{name}");
                let link = resumed.answer.expect("a link");
                assert_eq!((link.generation, link.ends, link.standing), (1, ends, true), "{name}");
                assert_eq!(opens(&scene, link.token.expose()), name != "suspended", "{name}");
            }
            (Err(error), Err(code)) => assert_eq!(error.refusal().map(Refusal::code), Some(code), "{name}"),
            (found, _) => panic!("{name}: {:?}", found.map(|_| ())),
        }
        assert_eq!(scene.dump(), before, "{name}: something changed");
    }
}

/// L2: a rotation that was not made gives its link back if the same token has made it elsewhere: the head's link is the one
/// that it opens.
#[test]
fn a_rotation_is_resumed_with_the_link_that_its_token_made_elsewhere() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let new = done(sharing.new_token(olga(), board(BARE)));
    let kept = new.expose().to_owned();
    let lost = unresolved(&sharing, NewLink::until(NEVER).with_token(new), false);
    let made = again(&scene, OLGA, &kept).expect("it is made");
    let resumed = done(sharing.resume(lost)).answer.expect("the link");
    assert!(resumed.standing && resumed.token.expose() == made.token.expose());
    assert_eq!((resumed.generation, resumed.ends), (made.generation, made.ends));
    assert!(opens(&scene, resumed.token.expose()));
}
