//! A suspended dashboard: denied to everybody, and nothing of it changes but by what takes away.

use crate::support::scene::{
    self, ANN, Answer, BARE, BIG, BOB, CYD, DAN, EVE, NONE, OFFERED, OLGA, Op, PAUSED, Scene, ZED, account,
    board, commands, done,
};
use dashshare::{
    Action, EmailAddress, Error, Expiry, NewShare, Refusal, Revision, Rights, TenantId, Terms,
    explain::LinkCause,
    trail::{Actor, Event},
};
use pollster::block_on;
use std::collections::BTreeSet;

const SUSPENDED: [u64; 3] = [BIG, BARE, PAUSED];
const DAYS: [u32; 5] = [0, 4, 15, 35, 70];

fn suspend(scene: &Scene) {
    for dashboard in SUSPENDED {
        done(scene.process(7).suspend_dashboard(board(dashboard)));
    }
}

fn resume(scene: &Scene) {
    for dashboard in SUSPENDED {
        // One that was deleted meanwhile is no dashboard any more.
        let _ = block_on(scene.process(17).resume_dashboard(board(dashboard)));
    }
}

/// Everything that anybody may do now or later, owners and visitors too.
pub(crate) fn allowed(scene: &Scene) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for days in DAYS {
        let sharing = scene.process(8);
        sharing.env().inner.set(scene::now().plus_days(days));
        for (who, dashboard) in (OLGA..=ZED).flat_map(|who| SUSPENDED.map(|dashboard| (who, dashboard))) {
            for action in [Action::View, Action::Export, Action::Share, Action::Arrange, Action::Edit] {
                let decision = done(sharing.authorize(account(who), board(dashboard), action));
                if decision.is_allowed() {
                    allowed.insert(format!("{who} may {action:?} {dashboard} on day {days}"));
                }
            }
        }
        if done(sharing.visit(&scene.token)).is_allowed() {
            allowed.insert(format!("a visitor on day {days}"));
        }
    }
    allowed
}

fn run(op: &Op, scene: &Scene) -> Result<Answer, Error> {
    (op.run)(&scene.process(2), scene)
}

/// Operations that are not about one of the suspended dashboards: a clone is a dashboard of its own, and so is a new one.
const ELSEWHERE: [&str; 7] = [
    "register",
    "take an offer",
    "decline an offer",
    "withdraw an offer",
    "withdraw an offer as the host",
    "acknowledge",
    "claim",
];

/// G25: of every operation there is: while the dashboard is suspended it is refused and changes nothing, or all that it
/// did was to take away.
#[test]
fn while_a_dashboard_is_suspended_a_command_is_refused_or_only_takes_away() {
    let before = {
        let scene = Scene::new();
        suspend(&scene);
        resume(&scene);
        allowed(&scene)
    };
    let (mut refused, mut took) = (Vec::new(), Vec::new());
    for op in commands() {
        let scene = Scene::new();
        suspend(&scene);
        let dump = scene.dump();
        let outcome = run(&op, &scene);
        if let Err(Error::Refused(Refusal::Suspended)) = outcome {
            assert_eq!(scene.dump(), dump, "{}: refused, and something changed", op.name);
            refused.push(op.name);
            continue;
        }
        let answer = outcome.unwrap_or_else(|error| panic!("{}: {error}", op.name));
        // By the host's own word it changes hands.
        if op.name == "transfer" {
            continue;
        }
        assert!(answer.token.is_none(), "{}: it made a link", op.name);
        if ELSEWHERE.contains(&op.name) {
            let same = |dashboard: &u64| {
                scene.dump()[&dashboard.to_string()]["head"] == dump[&dashboard.to_string()]["head"]
            };
            assert!(SUSPENDED.iter().all(same), "{}: a suspended dashboard changed", op.name);
            continue;
        }
        resume(&scene);
        let after = allowed(&scene);
        assert!(after.is_subset(&before), "{}: {:?}", op.name, after.difference(&before));
        took.push(op.name);
    }
    println!("{} refused: {refused:?}\n{} took away: {took:?}", refused.len(), took.len());
    assert!(before.len() > 60 && refused.len() >= 15 && took.len() >= 10);
    for name in
        ["share with an account", "amend: prolong", "ask for a transfer", "rotate", "resume", "remind"]
    {
        assert!(refused.contains(&name), "{name} is not refused");
    }
    for name in ["amend: no reshare right", "revoke", "renounce", "pause", "withdraw", "delete a dashboard"] {
        assert!(took.contains(&name), "{name} does not go through");
    }
}

/// G25, L9: a suspended dashboard's link opens nothing, by the same answer and calls as a token that nobody made; the
/// host is told the cause, and everybody else that it is suspended, but strangers nothing.
#[test]
fn a_suspended_dashboard_tells_visitors_and_strangers_nothing() {
    let scene = Scene::new();
    let sharing = scene.process(8);
    let told = |token: &str| {
        sharing.store().gate.heal();
        let decision = done(sharing.visit(token));
        (decision.is_allowed(), decision.tell(), decision.explain(), sharing.store().gate.trace())
    };
    assert!(told(&scene.token).0);
    // Paused and withdrawn links cost the same.
    done(sharing.suspend_dashboard(board(BIG)));
    let suspended = told(&scene.token);
    done(sharing.resume_dashboard(board(BIG)));
    done(sharing.pause_link(account(OLGA), board(BIG)));
    assert_eq!(suspended, told(&scene.token));
    assert!(!suspended.0);
    done(sharing.resume_link(account(OLGA), board(BIG)));
    done(sharing.suspend_dashboard(board(BIG)));

    let asked = |by: Actor| block_on(sharing.diagnose_link(by, board(BIG), Some(&scene.token)));
    let causes = asked(Actor::Host).expect("the host is answered");
    assert_eq!((causes.opens, causes.causes), (false, vec![LinkCause::Suspended(scene::now())]));
    let code = |error: Error| error.refusal().map(Refusal::code).expect("a refusal");
    assert_eq!(code(asked(account(OLGA).into()).expect_err("refused")), "suspended");
    assert_eq!(code(asked(account(ZED).into()).expect_err("refused")), "unknown_dashboard");
    let missing = |by: Actor| block_on(sharing.missing_to_publish(by, board(BIG)));
    assert_eq!(missing(Actor::Host).expect("the host is answered"), []);
    assert_eq!(code(missing(account(OLGA).into()).expect_err("refused")), "suspended");

    // A party is refused by name, a stranger as ever, with the same calls as before.
    let view = || Terms::view(Expiry::Never);
    let share = |by: u64| {
        sharing.store().gate.heal();
        let outcome = block_on(sharing.share(account(by), board(BIG), NewShare::with(account(ZED), view())));
        (code(outcome.expect_err("refused")), sharing.store().gate.trace())
    };
    for by in [OLGA, ANN, BOB, CYD, DAN] {
        assert_eq!(share(by).0, "suspended", "{by}");
    }
    let stranger = share(EVE);
    assert_eq!(stranger.0, "unknown_dashboard");
    done(sharing.resume_dashboard(board(BIG)));
    assert_eq!(share(EVE), stranger);
}

/// G25, G21: the host suspends and resumes, the records say so, and to repeat it changes nothing; what is no dashboard
/// cannot be suspended.
#[test]
fn suspending_and_resuming_is_recorded_once() {
    let scene = Scene::new();
    let sharing = scene.process(8);
    let events = || {
        let records = done(sharing.audit(Actor::Host, board(BARE), Revision::ZERO, 50));
        records.into_iter().rev().take(2).map(|record| (record.actor, record.event)).collect::<Vec<_>>()
    };
    let first = done(sharing.suspend_dashboard(board(BARE))).revision;
    assert_eq!(done(sharing.suspend_dashboard(board(BARE))).revision, first);
    assert_eq!(events()[0], (Actor::Host, Event::Suspended));
    let second = done(sharing.resume_dashboard(board(BARE))).revision;
    assert_eq!(done(sharing.resume_dashboard(board(BARE))).revision, second);
    assert_eq!(events(), [(Actor::Host, Event::Resumed), (Actor::Host, Event::Suspended)]);
    for nothing in [NONE, OFFERED] {
        for outcome in [
            block_on(sharing.suspend_dashboard(board(nothing))),
            block_on(sharing.resume_dashboard(board(nothing))),
        ] {
            let error = outcome.expect_err("there is no dashboard");
            assert_eq!(error.refusal(), Some(&Refusal::UnknownDashboard));
        }
    }
}

/// G25, G18, G19: a suspension outlives a transfer by the host, which still can; a deletion ends it with all else.
#[test]
fn the_host_transfers_and_deletes_what_it_suspended() {
    let scene = Scene::new();
    let sharing = scene.process(8);
    done(sharing.suspend_dashboard(board(BIG)));
    done(sharing.transfer(board(BIG), account(ZED), Rights::NONE));
    let refused = block_on(sharing.resume_link(account(ZED), board(BIG))).expect_err("refused");
    assert_eq!(refused.refusal(), Some(&Refusal::Suspended));
    let refused = block_on(sharing.share(
        Actor::Host,
        board(BIG),
        NewShare::with(account(EVE), Terms::view(Expiry::Never)),
    ));
    assert_eq!(refused.expect_err("refused").refusal(), Some(&Refusal::Suspended));
    done(sharing.delete_dashboard(Actor::Host, board(BIG)));
    done(sharing.register(board(BIG), TenantId::from(1u64), account(OLGA)));
    done(sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never));
}

/// G25, I3: an invitation to a suspended dashboard waits, and keeps no other from being claimed.
#[test]
fn a_claim_leaves_a_suspended_dashboard_for_later() {
    let scene = Scene::new();
    let sharing = scene.process(8);
    let address: EmailAddress = "eve@example.com".parse().expect("an address");
    done(sharing.suspend_dashboard(board(BIG)));
    let claim = || -> Vec<_> {
        done(sharing.claim(account(EVE), &address)).iter().map(|done| done.dashboard).collect()
    };
    assert_eq!(claim(), [board(BARE)]);
    done(sharing.resume_dashboard(board(BIG)));
    assert_eq!(claim(), [board(BIG), board(BARE)]);
    let decision = done(sharing.authorize(account(EVE), board(BIG), Action::View));
    assert!(decision.is_allowed());
}
