//! A dashboard changes hands (G18): asked first, told, under the rules, with no way back.

use crate::support::faulty::{self, Sharing};
use crate::support::scene::{ANN, BIG, BOB, CYD, OLGA, account, address, board, done, in_days, now, terms};
use dashshare::{
    Action, Expiry, MemoryDirectory, MemoryStore, NewShare, Revision, Rights, TenantId, Timestamp,
    directory::{SharingRules, Tenant},
    policy::{Document, PolicySet, Principal},
    store::{Freshness, Store as _},
    trail::{Actor, Event, Message},
};
use pollster::block_on;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

struct World {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    /// No two processes draw alike.
    drawn: AtomicU64,
}

impl World {
    fn new() -> Self {
        let world = Self { store: Arc::default(), directory: Arc::default(), drawn: AtomicU64::new(3) };
        (OLGA..=CYD).for_each(|number| world.directory.add_account(account(number)));
        done(world.at(now()).register(board(BIG), TenantId::from(1u64), account(OLGA)));
        world
    }

    fn at(&self, now: Timestamp) -> Sharing {
        faulty::process(&self.store, &self.directory, now, self.drawn.fetch_add(1, Relaxed))
    }

    fn owner(&self) -> dashshare::AccountId {
        done(self.at(now()).owner_of(board(BIG))).expect("an owner")
    }

    fn messages(&self) -> Vec<Message> {
        done(self.store.outbox(None, 999)).into_iter().map(|message| message.message).collect()
    }

    fn set(&self, rules: SharingRules, denied: Option<u64>) {
        let mut tenant = Tenant { rules, ..MemoryDirectory::open_tenant() };
        if let Some(who) = denied {
            let text = format!(
                r#"{{"id": "deny", "targets": [["run_user", "id", "{who}"]], "permissions": [
                    {{"effect": "deny", "action": ["access"], "resource": ["dashboard"]}}]}}"#
            );
            tenant.policies = PolicySet::default().with(&Document::parse(&text).expect("a policy"));
            let principal = Principal::run_user(who.to_string());
            self.directory.set_principal(TenantId::from(1u64), account(who), principal);
        }
        self.directory.set_tenant(TenantId::from(1u64), tenant);
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, dashshare::Error>) -> &'static str {
    result.expect_err("it is refused").refusal().map_or("failed", dashshare::Refusal::code)
}

fn ask(sharing: &Sharing, to: u64, keep: Rights) -> Result<Timestamp, dashshare::Error> {
    block_on(sharing.offer_transfer(account(OLGA), board(BIG), account(to), keep)).map(|done| done.lapses)
}

/// G18: nothing changes until the new owner takes it; both are told, the trail says what happened.
#[test]
fn a_dashboard_changes_hands_when_it_is_taken() {
    let world = World::new();
    let sharing = world.at(now());
    let lapses = ask(&sharing, ANN, Rights::VIEW).expect("asked");
    assert_eq!(lapses, now().plus_days(14));
    assert_eq!(world.owner(), account(OLGA));
    let asked = Message::TransferAsked { to: account(ANN), by: account(OLGA), keep: Rights::VIEW, lapses };
    assert_eq!(world.messages(), std::slice::from_ref(&asked));
    let taken = done(sharing.take_transfer(account(ANN), board(BIG)));
    assert_eq!(world.owner(), account(ANN));
    for to in [OLGA, ANN] {
        let (from, owner) = (account(OLGA), account(ANN));
        let told = Message::Transferred { to: account(to), from, owner, kept: taken.kept };
        assert!(world.messages().contains(&told), "{:?}", world.messages());
    }
    let records = done(sharing.audit(Actor::Host, board(BIG), Revision::ZERO, 9));
    let asked = Event::TransferAsked { to: account(ANN), keep: Rights::VIEW, lapses };
    assert_eq!(records[1].event, asked);
    assert_eq!((records[2].actor, records.len()), (account(ANN).into(), 3));
    assert!(matches!(records[2].event, Event::Transferred { .. }));
    assert_eq!(code(block_on(sharing.take_transfer(account(ANN), board(BIG)))), "no_transfer", "only once");
}

/// G18: a question ends by an answer, by its lapse, by another one, by its owner's word, with the ownership and with the
/// dashboard.
#[test]
fn a_question_ends_in_one_way_or_another() {
    let gone = |end: &dyn Fn(&World, &Sharing), told: Option<Message>| {
        let world = World::new();
        let sharing = world.at(now());
        ask(&sharing, ANN, Rights::NONE).expect("asked");
        end(&world, &sharing);
        let late = world.at(now().plus_days(14).plus_micros(-1));
        let code = code(block_on(late.take_transfer(account(ANN), board(BIG))));
        assert!(["unknown_dashboard", "no_transfer"].contains(&code), "{code}");
        if let Some(told) = told {
            assert!(world.messages().contains(&told), "{told:?} of {:?}", world.messages());
        }
        let head = done(world.store.read(board(BIG), &[], Freshness::Latest)).expect("a head").head;
        assert!(head.transfer.as_ref().is_none_or(|asked| asked.to != account(ANN)));
    };
    let withdrawn = || Some(Message::TransferWithdrawn { to: account(ANN) });
    gone(
        &|_, s| {
            let _ = done(s.decline_transfer(account(ANN), board(BIG)));
        },
        Some(Message::TransferDeclined { to: account(OLGA), by: account(ANN) }),
    );
    gone(
        &|_, s| {
            let _ = done(s.withdraw_transfer(account(OLGA), board(BIG)));
        },
        withdrawn(),
    );
    gone(
        &|_, s| {
            let _ = done(s.withdraw_transfer(Actor::Host, board(BIG)));
        },
        withdrawn(),
    );
    gone(
        &|_, s| {
            let _ = ask(s, BOB, Rights::NONE).expect("asked");
        },
        withdrawn(),
    );
    gone(&|_, s| drop(done(s.transfer(board(BIG), account(BOB), Rights::NONE))), withdrawn());
    gone(&|_, s| drop(done(s.delete_dashboard(account(OLGA), board(BIG)))), withdrawn());
    gone(
        &|_, s| {
            done(s.delete_dashboard(account(OLGA), board(BIG)));
            done(s.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        },
        withdrawn(),
    );
    // It lapses, and nobody need do anything.
    let world = World::new();
    let lapses = ask(&world.at(now()), ANN, Rights::NONE).expect("asked");
    let late = world.at(lapses);
    assert_eq!(code(block_on(late.take_transfer(account(ANN), board(BIG)))), "unknown_dashboard");
    assert_eq!(code(block_on(late.withdraw_transfer(account(OLGA), board(BIG)))), "no_transfer");
    // Asking anew takes nothing but time from whoever was asked.
    let world = World::new();
    ask(&world.at(now()), ANN, Rights::NONE).expect("asked");
    ask(&world.at(now().plus_days(13)), ANN, Rights::VIEW).expect("asked");
    assert!(!world.messages().contains(&Message::TransferWithdrawn { to: account(ANN) }));
    assert!(done(world.at(now().plus_days(26)).take_transfer(account(ANN), board(BIG))).kept.is_some());
}

/// G18, G20: whom the rules or a policy would not let be shared with neither becomes the owner nor keeps a grant, at the
/// asking and at the taking; the host may.
#[test]
fn nobody_owns_or_keeps_whom_nobody_could_share_with() {
    let rules = SharingRules::default;
    let corp = || SharingRules { allowed_domains: vec!["corp.test".into()], ..rules() };
    type Case = (&'static str, SharingRules, Option<u64>, Rights);
    let cases: [Case; 6] = [
        ("private_sharing_off", SharingRules { private: false, ..rules() }, None, Rights::NONE),
        ("domain_blocked", corp(), None, Rights::NONE),
        ("recipient_denied", rules(), Some(ANN), Rights::NONE),
        ("recipient_denied", rules(), Some(OLGA), Rights::VIEW),
        (
            "domain_blocked",
            SharingRules { blocked_domains: vec!["gone.test".into()], ..rules() },
            None,
            Rights::VIEW,
        ),
        ("too_deep", SharingRules { max_depth: 0, ..rules() }, None, Rights::VIEW),
    ];
    for (expected, rules, denied, keep) in cases {
        let world = World::new();
        world.directory.verify_email(account(OLGA), address("olga@gone.test"), now());
        let sharing = world.at(now());
        let before = ask(&sharing, ANN, keep).expect("asked while it was let");
        world.set(rules.clone(), denied);
        assert_eq!(code(block_on(sharing.take_transfer(account(ANN), board(BIG)))), expected, "taking");
        assert_eq!(code(ask(&sharing, ANN, keep)), expected, "asking");
        assert_eq!(world.owner(), account(OLGA));
        // With nothing kept, only the new owner has to be let.
        if !keep.is_empty() {
            ask(&sharing, ANN, Rights::NONE).expect("asked");
        }
        assert!(before > now());
        done(sharing.transfer(board(BIG), account(ANN), keep));
        assert_eq!(world.owner(), account(ANN), "the host may");
    }
    // What is kept lasts as long as a grant may.
    let world = World::new();
    world.set(SharingRules { max_days: Some(3), ..rules() }, None);
    ask(&world.at(now()), ANN, Rights::VIEW).expect("asked");
    let taken = done(world.at(now()).take_transfer(account(ANN), board(BIG)));
    assert_eq!(taken.ends, Some(Expiry::At(now().plus_days(3))));
    for (at, allowed) in [(now().plus_days(3).plus_micros(-1), true), (now().plus_days(3), false)] {
        let decision = done(world.at(at).authorize(account(OLGA), board(BIG), Action::View));
        assert_eq!(decision.is_allowed(), allowed);
    }
}

/// G18: the old owner keeps neither a grant nor an invitation for an address of its own, by whomever it was made.
#[test]
fn the_old_owner_keeps_no_way_back() {
    let world = World::new();
    let sharing = world.at(now());
    let share = |by, with: &str| {
        let share = NewShare::with(address(with), terms(Rights::ALL, true, Expiry::Never));
        done(sharing.share(account(by), board(BIG), share)).grant
    };
    let anns = NewShare::with(account(ANN), terms(Rights::ALL, true, Expiry::Never));
    done(sharing.share(account(OLGA), board(BIG), anns));
    let own = share(OLGA, "me@x.test");
    world.directory.verify_email(account(OLGA), address("me@x.test"), now());
    let of_anns = share(ANN, "me@x.test");
    let others = share(ANN, "else@x.test");
    ask(&sharing, BOB, Rights::NONE).expect("asked");
    let taken = done(sharing.take_transfer(account(BOB), board(BIG)));
    assert_eq!(taken.fell, [own, of_anns]);
    assert!(done(sharing.claim(account(OLGA), &address("me@x.test"))).is_empty());
    assert!(!done(sharing.authorize(account(OLGA), board(BIG), Action::View)).is_allowed());
    let list = done(sharing.access_list(account(BOB), board(BIG)));
    assert!(list.get(others).is_some(), "what was others' goes on");
    // The same when the host does it.
    let world = World::new();
    let sharing = world.at(now());
    let invited = NewShare::with(address("me@x.test"), terms(Rights::ALL, true, in_days(9)));
    let own = done(sharing.share(account(OLGA), board(BIG), invited)).grant;
    world.directory.verify_email(account(OLGA), address("me@x.test"), now());
    assert_eq!(done(sharing.transfer(board(BIG), account(BOB), Rights::NONE)).fell, [own]);
}

/// G18, D8: to everybody but the owner and whoever is asked there is no question: no answer, no list and no call differs.
#[test]
fn a_question_is_nobody_elses_business() {
    let seen = |asks: bool| {
        let world = World::new();
        let sharing = world.at(now());
        let anns = NewShare::with(account(ANN), terms(Rights::ALL, true, Expiry::Never));
        done(sharing.share(account(OLGA), board(BIG), anns));
        if asks {
            ask(&sharing, CYD, Rights::VIEW).expect("asked");
        }
        let of = |who: u64| {
            sharing.store().gate.heal();
            let answers = json!([
                code(block_on(sharing.take_transfer(account(who), board(BIG)))),
                code(block_on(sharing.decline_transfer(account(who), board(BIG)))),
                code(block_on(sharing.withdraw_transfer(account(who), board(BIG)))),
                block_on(sharing.access_list(account(who), board(BIG)))
                    .map(|list| list.grants)
                    .map_err(|error| json!(error.tell())),
                done(sharing.authorize(account(who), board(BIG), Action::View)).tell(),
            ]);
            (answers.to_string(), sharing.store().gate.trace())
        };
        [ANN, BOB].map(of)
    };
    let (with, without) = (seen(true), seen(false));
    for (one, other) in with.iter().zip(&without) {
        // Ids differ by chance of the draw, which follows the number of commits.
        assert_eq!(one.1, other.1);
        assert_eq!(one.0.split('[').next(), other.0.split('[').next());
    }
    assert!(
        with[1].0.starts_with(r#"["unknown_dashboard","unknown_dashboard","unknown_dashboard""#),
        "{}",
        with[1].0
    );
    assert!(with[0].0.starts_with(r#"["no_transfer","no_transfer","not_owner""#), "{}", with[0].0);
    // Whoever is asked learns nothing else by it.
    let world = World::new();
    let sharing = world.at(now());
    ask(&sharing, CYD, Rights::VIEW).expect("asked");
    assert_eq!(code(block_on(sharing.access_list(account(CYD), board(BIG)))), "unknown_dashboard");
    assert!(!done(sharing.authorize(account(CYD), board(BIG), Action::View)).is_allowed());
    assert_eq!(
        code(block_on(sharing.offer_transfer(account(ANN), board(BIG), account(BOB), Rights::NONE))),
        "unknown_dashboard"
    );
}
