//! Commands that are limited (R4, R7): mails to addresses, links, claims, downloads.

use super::visits::{World, limits};
use crate::support::{
    faulty::{Fault, Sharing},
    scene::{ANN, BOB, OLGA, account, address, board, done, now, offer, template},
};
use dashshare::{
    Action, Amendment, Error, ErrorKind, Expiry, NewShare, Refusal, RevokeMode, Terms, trail::Actor,
};
use pollster::block_on;
use serde_json::json;
use std::fmt::Debug;

fn view() -> Terms {
    Terms::view(Expiry::Never)
}

/// How long whoever was limited has to wait.
fn limited<T: Debug>(answer: Result<T, Error>) -> u64 {
    let error = answer.expect_err("it is limited");
    match error.refusal() {
        Some(Refusal::RateLimited { retry_after: Some(seconds) }) => *seconds,
        _ => panic!("{error:?}"),
    }
}

fn after(sharing: &Sharing, seconds: u64) {
    let micros = i64::try_from(seconds).expect("small") * 1_000_000;
    let at = dashshare::Env::now(sharing.env()).plus_micros(micros);
    sharing.env().inner.set(at);
}

fn invite(sharing: &Sharing, by: impl Into<Actor>, to: &str) -> Result<(), Error> {
    block_on(sharing.share(by, board(7), NewShare::with(address(to), view()))).map(drop)
}

/// R4: five mails a day to one address, by whatever command and whomever; the host is not limited, and whoever waits as long
/// as it is told comes through.
#[test]
fn one_address_gets_five_mails_a_day() {
    let world = World::new();
    let sharing = world.process(1, limits());
    let mail = "bob@example.com";
    let reshare = view().and_reshare();
    done(sharing.share(account(OLGA), board(7), NewShare::with(account(ANN), reshare)));
    let grant = done(sharing.share(account(OLGA), board(7), NewShare::with(address(mail), view()))).grant;
    done(sharing.set_share(account(OLGA), board(7), NewShare::with(address(mail), view().and_export())));
    let again = block_on(sharing.remind_invitation(account(OLGA), board(7), grant));
    assert!(again.is_err(), "it was replaced, and what is refused is no mail");
    done(sharing.share(account(OLGA), board(7), NewShare::with(address(mail), view().and_export())));
    done(sharing.share(account(ANN), board(7), NewShare::with(address(mail), view())));
    let template = template();
    done(sharing.offer(account(OLGA), board(7), offer(address(mail), 8, &template)));
    // That were five.
    let wait = limited(invite(&sharing, account(ANN), mail));
    assert_eq!(wait, 86_400 / 5);
    assert_eq!(
        limited(block_on(sharing.offer(account(OLGA), board(7), offer(address(mail), 9, &template)))),
        wait
    );
    let set = NewShare::with(address(mail), view());
    assert_eq!(limited(block_on(sharing.set_share(account(OLGA), board(7), set))), wait);
    invite(&sharing, account(OLGA), "cyd@example.com").expect("another address");
    let hosts = NewShare::with(address(mail), view());
    block_on(sharing.set_share(Actor::Host, board(7), hosts)).expect("the host");
    after(&sharing, wait - 1);
    assert_eq!(limited(invite(&sharing, account(ANN), mail)), 1);
    after(&sharing, 1);
    invite(&sharing, account(ANN), mail).expect("as long as it was told");
}

/// R4: fifty mails at once by one account, and then one in a hundredth of a day; shares with accounts are not counted.
#[test]
fn one_account_sends_fifty_mails_at_once() {
    let world = World::new();
    let sharing = world.process(1, limits());
    for number in 0..50 {
        invite(&sharing, account(OLGA), &format!("mail{number}@example.com")).expect("there is room");
    }
    assert_eq!(limited(invite(&sharing, account(OLGA), "one@example.com")), 864);
    // The refused one left nothing with the recipient either.
    for _ in 0..20 {
        limited(invite(&sharing, account(OLGA), "one@example.com"));
    }
    let reshare = view().and_reshare();
    done(sharing.share(account(OLGA), board(7), NewShare::with(account(ANN), reshare)));
    invite(&sharing, account(ANN), "one@example.com").expect("another account");
    after(&sharing, 864);
    invite(&sharing, account(OLGA), "two@example.com").expect("one more");
    limited(invite(&sharing, account(OLGA), "three@example.com"));
}

/// R4, I1: whether an address has an account is not told by a limit: a share with one that has counts like one that has not.
#[test]
fn a_limit_does_not_tell_whether_an_address_has_an_account() {
    let mut told = Vec::new();
    for has_account in [false, true] {
        let world = World::new();
        if has_account {
            world.directory.verify_email(account(BOB), address("bob@example.com"), now());
        }
        let sharing = world.process(1, limits());
        let answers: Vec<String> = (0..8)
            .map(|turn| {
                after(&sharing, 60);
                match invite(&sharing, account(OLGA), "bob@example.com") {
                    Ok(()) => format!("{turn} done"),
                    Err(error) => format!("{turn} {}", json!(error.tell())),
                }
            })
            .collect();
        assert!(answers[4].ends_with("done") && answers[5].contains("rate_limited"), "{answers:?}");
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
}

/// R4, R7, G22: ten links an hour for one dashboard; to pause, resume and withdraw is not counted, nor what the host makes.
#[test]
fn ten_links_an_hour_are_made_for_a_dashboard() {
    let world = World::new();
    let sharing = world.process(1, limits());
    let rotate = || block_on(sharing.rotate_link(account(OLGA), board(7), Expiry::Never));
    for turn in 0..10 {
        assert!(rotate().is_ok(), "turn {turn}");
    }
    assert_eq!(limited(rotate()), 360);
    for _ in 0..30 {
        done(sharing.pause_link(account(OLGA), board(7)));
        done(sharing.resume_link(account(OLGA), board(7)));
    }
    done(sharing.rotate_link(Actor::Host, board(7), Expiry::Never));
    done(sharing.withdraw_link(account(OLGA), board(7)));
    assert_eq!(limited(rotate()), 360);
    done(sharing.register(board(8), dashshare::TenantId::from(1u64), account(OLGA)));
    done(sharing.rotate_link(account(OLGA), board(8), Expiry::Never));
    after(&sharing, 360);
    done(rotate_once(&sharing));
    assert_eq!(limited(rotate()), 360);
}

async fn rotate_once(sharing: &Sharing) -> Result<(), Error> {
    sharing.rotate_link(account(OLGA), board(7), Expiry::Never).await.map(drop)
}

/// R4: what the rules refuse uses up nothing of anybody's; a stranger is refused as ever, whether there is room or not, and as
/// of a dashboard that does not exist (D8).
#[test]
fn what_is_refused_counts_nothing() {
    let world = World::new();
    let sharing = world.process(1, limits());
    for _ in 0..100 {
        for dashboard in [7, 99] {
            let refused =
                block_on(sharing.rotate_link(account(BOB), board(dashboard), Expiry::Never)).unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::UnknownDashboard));
            let share = NewShare::with(address("bob@example.com"), view());
            let refused = block_on(sharing.share(account(BOB), board(dashboard), share)).unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::UnknownDashboard));
        }
        let past = block_on(sharing.rotate_link(account(OLGA), board(7), Expiry::At(now()))).unwrap_err();
        assert_eq!(past.refusal().map(Refusal::code), Some("expiry_past"));
    }
    for _ in 0..10 {
        done(rotate_once(&sharing));
    }
    limited(block_on(rotate_once(&sharing)));
    let refused = block_on(sharing.rotate_link(account(BOB), board(7), Expiry::Never)).unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::UnknownDashboard));
    for number in 0..5 {
        let share = NewShare::with(address("bob@example.com"), view().and_export());
        let share =
            if number == 0 { share } else { NewShare::with(address("bob@example.com"), view().and_export()) };
        done(sharing.set_share(account(OLGA), board(7), share));
        after(&sharing, 1);
    }
}

/// R4, S1: what could not be written counts nothing, and what may have been counts; a command that others were quicker than
/// counts once.
#[test]
fn what_was_not_written_is_given_back() {
    let world = World::new();
    let sharing = world.process(1, limits());
    let fail = |fault: fn() -> Fault| {
        sharing.store().gate.follow(move |_, call| match call {
            crate::support::faulty::Call::Commit => fault(),
            _ => Fault::None,
        });
    };
    fail(|| Fault::Fail);
    for _ in 0..20 {
        assert!(matches!(block_on(rotate_once(&sharing)), Err(Error::Store(_))));
    }
    fail(|| Fault::Conflict);
    for _ in 0..20 {
        assert!(matches!(block_on(rotate_once(&sharing)), Err(Error::Contended)));
    }
    sharing.store().gate.heal();
    for turn in 0..8 {
        assert!(block_on(rotate_once(&sharing)).is_ok(), "turn {turn}");
    }
    // A commit that conflicts three times and then stands is one.
    let mut tries = 0;
    sharing.store().gate.follow(move |_, call| match call {
        crate::support::faulty::Call::Commit if tries < 3 => {
            tries += 1;
            Fault::Conflict
        }
        _ => Fault::None,
    });
    done(rotate_once(&sharing));
    // One of which nobody knows whether it stands is one.
    sharing.store().gate.follow(|_, call| match call {
        crate::support::faulty::Call::Commit | crate::support::faulty::Call::Receipt => Fault::Lose,
        _ => Fault::None,
    });
    assert!(matches!(block_on(rotate_once(&sharing)), Err(Error::Unresolved(_))));
    sharing.store().gate.heal();
    assert_eq!(limited(block_on(rotate_once(&sharing))), 360);
}

/// R4, R7: twenty claims an hour by one account, whatever becomes of them, before anything is asked; whoever guesses is told
/// one number.
#[test]
fn twenty_claims_an_hour_by_an_account() {
    let world = World::new();
    world.directory.verify_email(account(BOB), address("bob@example.com"), now());
    let sharing = world.process(1, limits());
    invite(&sharing, account(OLGA), "bob@example.com").expect("an invitation");
    let claim = |who: u64, mail: &str| block_on(sharing.claim(account(who), &address(mail)));
    for turn in 0..20 {
        match turn % 2 {
            0 => assert!(claim(BOB, "bob@example.com").is_ok()),
            _ => assert_eq!(
                claim(BOB, "ann@example.com").unwrap_err().refusal(),
                Some(&Refusal::EmailNotVerified)
            ),
        }
    }
    sharing.store().gate.heal();
    for (passed, mail) in [(0, "bob@example.com"), (100, "ann@example.com"), (70, "bob@example.com")] {
        after(&sharing, passed);
        assert_eq!(limited(claim(BOB, mail)), 60);
    }
    assert_eq!(sharing.store().gate.trace(), []);
    assert!(claim(ANN, "ann@example.com").unwrap_err().refusal() == Some(&Refusal::EmailNotVerified));
    after(&sharing, 10);
    assert!(claim(BOB, "bob@example.com").is_ok());
    // What was claimed is seen all the while (R7).
    assert!(done(sharing.authorize(account(BOB), board(7), Action::View)).is_allowed());
}

/// R4, R7: thirty downloads an hour by one account, of whatever dashboards; to ask whether one may is not counted, and what
/// allows none counts none.
#[test]
fn thirty_downloads_an_hour_by_an_account() {
    let world = World::new();
    let sharing = world.process(1, limits());
    done(sharing.share(account(OLGA), board(7), NewShare::with(account(ANN), view().and_export())));
    let decide = |who, action| done(sharing.authorize(account(who), board(7), action));
    for _ in 0..100 {
        let _ = decide(ANN, Action::Export);
    }
    for (who, action) in [(ANN, Action::View), (BOB, Action::Export)] {
        for _ in 0..40 {
            let refused = block_on(sharing.begin_export(&decide(who, action))).unwrap_err();
            assert_eq!(refused.refusal(), Some(&Refusal::UnknownDashboard));
        }
    }
    let visitor = done(sharing.visit(&world.token));
    assert!(visitor.is_allowed() && block_on(sharing.begin_export(&visitor)).is_err());
    for turn in 0..30 {
        assert!(block_on(sharing.begin_export(&decide(ANN, Action::Export))).is_ok(), "turn {turn}");
    }
    assert_eq!(limited(block_on(sharing.begin_export(&decide(ANN, Action::Export)))), 120);
    assert!(block_on(sharing.begin_export(&decide(OLGA, Action::Export))).is_ok());
    after(&sharing, 120);
    assert!(block_on(sharing.begin_export(&decide(ANN, Action::Export))).is_ok());
}

/// R7: a refusal is of a kind of its own, with whole seconds, rounded up.
#[test]
fn a_refusal_tells_whole_seconds() {
    let world = World::new();
    let sharing = world.process(1, limits());
    for _ in 0..10 {
        done(rotate_once(&sharing));
    }
    let at = |micros: i64| {
        sharing.env().inner.set(now().plus_micros(micros));
        limited(block_on(rotate_once(&sharing)))
    };
    assert_eq!([at(0), at(1), at(999_999), at(1_000_000), at(359_999_999)], [360, 360, 360, 359, 1]);
    sharing.env().inner.set(now());
    let error = block_on(rotate_once(&sharing)).unwrap_err();
    assert_eq!((error.kind(), error.kind().status()), (ErrorKind::TooManyRequests, 429));
    assert_eq!(error.tell().retry_after(), Some(360));
    assert_eq!(
        json!(error.tell()),
        json!({
            "code": "rate_limited", "status": 429, "retry_after": 360,
            "sentence": "Too many of these in too short a time; try again in 360 s.",
        })
    );
}

/// R7, G22: whatever has been used up, what takes away goes through.
#[test]
fn what_takes_away_is_never_limited() {
    let world = World::new();
    let sharing = world.process(1, limits());
    let ann =
        done(sharing.share(account(OLGA), board(7), NewShare::with(account(ANN), view().and_reshare())))
            .grant;
    for number in 0..50 {
        invite(&sharing, account(OLGA), &format!("mail{number}@example.com")).expect("there is room");
    }
    for _ in 0..10 {
        done(rotate_once(&sharing));
    }
    limited(invite(&sharing, account(OLGA), "one@example.com"));
    limited(block_on(rotate_once(&sharing)));
    done(sharing.amend(account(OLGA), board(7), ann, Amendment::default().reshare(false)));
    done(sharing.revoke(account(OLGA), board(7), ann, RevokeMode::Rebind));
    for number in 0..50 {
        done(sharing.stop_sharing(account(OLGA), board(7), address(&format!("mail{number}@example.com"))));
    }
    done(sharing.withdraw_link(account(OLGA), board(7)));
    done(sharing.delete_dashboard(account(OLGA), board(7)));
}

/// Without limits nothing is limited.
#[test]
fn a_service_without_limits_counts_nothing() {
    let world = World::new();
    let sharing = crate::support::faulty::process(&world.store, &world.directory, now(), 9);
    for _ in 0..300 {
        assert!(!done(sharing.visit("guess")).is_limited());
        done(rotate_once(&sharing));
    }
    assert!(sharing.limits().is_none());
}
