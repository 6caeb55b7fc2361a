//! Clocks that cannot be right: nothing is made by them, what only takes away goes through, and a dashboard that has seen
//! one is put right.

use crate::support::{
    faulty::{self, Sharing},
    scene::{
        self, ANN, BARE, BIG, BOB, CYD, DAN, EVE, NONE, OLGA, PAUSED, Scene, ZED, account, board, commands,
        done, questions,
    },
};
use crate::suspensions::allowed;
use dashshare::answers::ClockRepaired;
use dashshare::{
    Action, Amendment, EmailAddress, Error, Expiry, GrantId, MemoryDirectory, MemoryStore, NewShare, Refusal,
    Revision, RevokeMode, Rights, TenantId, Terms, Timestamp,
    store::{Freshness, Store as _},
    trail::{Actor, Event},
};
use pollster::block_on;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

fn future() -> Timestamp {
    "2090-01-01T00:00:00Z".parse().expect("an instant")
}

fn past() -> Timestamp {
    "1970-01-01T00:00:00Z".parse().expect("an instant")
}

/// Lets a process whose clock has run ahead change the dashboards, and nothing of them but their clocks.
fn poison(scene: &Scene) {
    let wrong = scene.process(7);
    wrong.env().inner.set(future());
    for dashboard in [BIG, BARE, PAUSED] {
        done(wrong.suspend_dashboard(board(dashboard)));
        done(wrong.resume_dashboard(board(dashboard)));
    }
}

fn repair(scene: &Scene) {
    for dashboard in [BIG, BARE, PAUSED] {
        done(scene.process(17).repair_clock(board(dashboard)));
    }
}

/// Which clock is wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wrong {
    /// The dashboard's: it has seen the future.
    Dashboards,
    /// The process's, which is behind.
    Behind,
    /// The process's, which is ahead; a second clock is right.
    Ahead,
    /// The process's, which is behind; a second clock is right.
    Slow,
    /// The second one, which is ahead.
    Second,
}

/// Operations that are not about a dashboard whose clock could be compared.
const OF_NO_BOARD: [&str; 8] = [
    "offer to an account",
    "offer to an address",
    "register",
    "take an offer",
    "decline an offer",
    "withdraw an offer",
    "withdraw an offer as the host",
    "acknowledge",
];

/// Operations that make something, of grantees whose grants would have ended by 2090.
const BY_GRANTEES: [&str; 5] =
    ["share on", "amend: prolong", "rotate as a grantee", "take a transfer", "decline a transfer"];

/// G22: whichever clock is wrong: of every operation, what makes anything is refused and changes nothing, and what takes
/// away goes through, for all that there is. Once the clock is right or repaired, everybody may what they would if it had
/// never been wrong.
#[test]
fn by_a_wrong_clock_nothing_is_made_and_all_that_is_taken_away_is_gone() {
    let (mut refused, mut took) = (BTreeSet::new(), BTreeSet::new());
    let untouched = allowed(&Scene::new());
    for wrong in [Wrong::Dashboards, Wrong::Behind, Wrong::Ahead, Wrong::Slow, Wrong::Second] {
        for op in commands().iter().filter(|op| !OF_NO_BOARD.contains(&op.name)) {
            let context = format!("{} while the wrong clock is {wrong:?}", op.name);
            let scene = Scene::new();
            let sharing = scene.process(2);
            match wrong {
                Wrong::Dashboards => poison(&scene),
                Wrong::Behind => sharing.env().inner.set(past()),
                Wrong::Ahead => {
                    sharing.env().inner.set(future());
                    sharing.store().gate.bear_witness(scene::now());
                }
                Wrong::Slow => {
                    sharing.env().inner.set(past());
                    sharing.store().gate.bear_witness(scene::now());
                }
                Wrong::Second => sharing.store().gate.bear_witness(future()),
            }
            let dump = scene.dump();
            let outcome = (op.run)(&sharing, &scene);
            let is_refused = match outcome {
                Ok(answer) => {
                    assert!(answer.token.is_none(), "{context}: it made a link");
                    took.insert(op.name);
                    false
                }
                Err(Error::Clock { now, seen }) => {
                    assert_ne!(now, seen, "{context}");
                    assert_eq!(scene.dump(), dump, "{context}: refused, and something changed");
                    refused.insert(op.name);
                    true
                }
                // Whoever's access has ended by the later clock is a stranger until it is right.
                Err(Error::Refused(Refusal::UnknownDashboard | Refusal::UnknownGrant))
                    if !matches!(wrong, Wrong::Behind | Wrong::Slow) && BY_GRANTEES.contains(&op.name) =>
                {
                    assert_eq!(scene.dump(), dump, "{context}: refused, and something changed");
                    true
                }
                Err(error) => panic!("{context}: {error}"),
            };
            if wrong == Wrong::Dashboards {
                repair(&scene);
            }
            let expected = if is_refused {
                untouched.clone()
            } else {
                let scene = Scene::new();
                let _ = (op.run)(&scene.process(2), &scene);
                allowed(&scene)
            };
            let found = allowed(&scene);
            let differs: Vec<_> = found.symmetric_difference(&expected).collect();
            assert!(differs.is_empty(), "{context}: {differs:?}");
        }
    }
    println!("{} refused: {refused:?}\n{} took away: {took:?}", refused.len(), took.len());
    assert!(refused.is_disjoint(&took) && refused.len() >= 14 && took.len() >= 12);
}

type Codes = Result<Option<GrantId>, &'static str>;

/// What somebody does to the one dashboard of a world.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Share(u64, bool),
    Invite,
    Narrow(usize),
    Revoke(usize),
    Rebind(usize),
    Stop(u64),
    Claim,
    Rotate,
    Pause,
    Resume,
    Withdraw,
    Transfer(u64),
    Suspend,
    Continue,
}

struct World {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    owner: u64,
    grants: Vec<GrantId>,
    token: String,
}

fn eve() -> EmailAddress {
    "eve@example.com".parse().expect("an address")
}

impl World {
    /// Dan may view for 200 days, and Bob through Ann for ever.
    fn new() -> Self {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        (OLGA..=ZED).for_each(|number| directory.add_account(account(number)));
        let mut world = Self { store, directory, owner: OLGA, grants: Vec::new(), token: "none".to_owned() };
        let sharing = world.process(scene::now(), 1);
        done(sharing.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        for (by, with, terms) in [
            (OLGA, DAN, Terms::view(scene::in_days(200))),
            (OLGA, ANN, Terms::view(Expiry::Never).and_reshare()),
            (ANN, BOB, Terms::view(Expiry::Never)),
        ] {
            let share = NewShare::with(account(with), terms);
            world.grants.push(done(sharing.share(account(by), board(BIG), share)).grant);
        }
        world
    }

    fn process(&self, now: Timestamp, seed: u64) -> Sharing {
        faulty::process(&self.store, &self.directory, now, seed)
    }

    fn act(&mut self, sharing: &Sharing, deed: Deed) -> Codes {
        let (by, big) = (account(self.owner), board(BIG));
        let grant = |index: usize| self.grants[index % self.grants.len()];
        let share = |share| block_on(sharing.share(by, big, share)).map(|shared| Some(shared.grant));
        let outcome = match deed {
            Deed::Share(with, reshare) => {
                let terms = Terms::of(Rights::ALL, Expiry::Never).reshare(reshare);
                share(NewShare::with(account(with), terms))
            }
            Deed::Invite => share(NewShare::with(eve(), Terms::view(Expiry::Never))),
            Deed::Narrow(index) => {
                let amendment = Amendment::default().rights(Rights::VIEW).no_reshare();
                block_on(sharing.amend(by, big, grant(index), amendment)).map(|_| None)
            }
            Deed::Revoke(index) => {
                block_on(sharing.revoke(by, big, grant(index), RevokeMode::Cascade)).map(|_| None)
            }
            Deed::Rebind(index) => {
                block_on(sharing.revoke(by, big, grant(index), RevokeMode::Rebind)).map(|_| None)
            }
            Deed::Stop(with) => block_on(sharing.stop_sharing(by, big, account(with))).map(|_| None),
            Deed::Claim => block_on(sharing.claim(account(EVE), &eve())).map(|_| None),
            Deed::Rotate => block_on(sharing.rotate_link(by, big, Expiry::Never)).map(|link| {
                self.token = link.token.expose().to_owned();
                None
            }),
            Deed::Pause => block_on(sharing.pause_link(by, big)).map(|_| None),
            Deed::Resume => block_on(sharing.resume_link(by, big)).map(|_| None),
            Deed::Withdraw => block_on(sharing.withdraw_link(by, big)).map(|_| None),
            Deed::Transfer(to) => block_on(sharing.transfer(big, account(to), Rights::NONE)).map(|_| {
                self.owner = to;
                None
            }),
            Deed::Suspend => block_on(sharing.suspend_dashboard(big)).map(|_| None),
            Deed::Continue => block_on(sharing.resume_dashboard(big)).map(|_| None),
        };
        match outcome {
            Ok(made) => {
                self.grants.extend(made);
                Ok(made)
            }
            Err(error) => Err(error.refusal().map(Refusal::code).unwrap_or("no refusal")),
        }
    }

    fn allowed(&self, since: Timestamp) -> BTreeSet<String> {
        let mut allowed = BTreeSet::new();
        for days in [0, 1, 13, 14, 15, 100, 300] {
            let sharing = self.process(since.plus_days(days), 9);
            for (who, action) in
                (OLGA..=ZED).flat_map(|who| [Action::View, Action::Export, Action::Share].map(|a| (who, a)))
            {
                if done(sharing.authorize(account(who), board(BIG), action)).is_allowed() {
                    allowed.insert(format!("{who} may {action:?} after {days} days"));
                }
            }
            if done(sharing.visit(&self.token)).is_allowed() {
                allowed.insert(format!("a visitor after {days} days"));
            }
        }
        allowed
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn person(&mut self) -> u64 {
        [ANN, BOB, CYD, EVE][self.roll(4) as usize]
    }

    fn deed(&mut self) -> Deed {
        // Never Dan's: what a wrong clock takes for over it cannot end.
        let index = 1 + self.roll(6) as usize;
        match self.roll(15) {
            0 | 1 => Deed::Share(self.person(), self.roll(2) == 0),
            2 => Deed::Invite,
            3 => Deed::Narrow(index),
            4 => Deed::Revoke(index),
            5 => Deed::Rebind(index),
            6 => Deed::Stop(self.person()),
            7 => Deed::Claim,
            8 | 9 => Deed::Rotate,
            10 => Deed::Pause,
            11 => Deed::Resume,
            12 => Deed::Withdraw,
            13 => Deed::Transfer([OLGA, CYD][self.roll(2) as usize]),
            _ => [Deed::Suspend, Deed::Continue][self.roll(2) as usize],
        }
    }
}

/// G10, G21: a clock in the future once, then a right one and the repair: all that should live lives, all that was taken
/// away is gone, and from there on it goes as if the clock had never been wrong.
#[test]
fn after_a_repair_it_is_as_if_the_clock_had_always_been_right() {
    let (mut poisoned, mut moved) = (0, 0);
    for seed in 0..600 {
        let mut dice = Dice(seed * 7919 + 1);
        let (mut one, mut other) = (World::new(), World::new());
        one.directory.verify_email(account(EVE), eve(), scene::now());
        other.directory.verify_email(account(EVE), eve(), scene::now());
        let at = scene::now().plus_days(3);
        let mut history = Vec::new();
        for n in 0..dice.roll(6) {
            let deed = dice.deed();
            history.push(deed);
            let codes = [&mut one, &mut other].map(|world| world.act(&world.process(at, 10 + n), deed));
            assert_eq!(codes[0].is_ok(), codes[1].is_ok(), "{history:?}");
        }
        let deed = dice.deed();
        history.push(deed);
        let wrong = one.process(future(), 40);
        if one.act(&wrong, deed).is_err() {
            continue;
        }
        let codes = other.act(&other.process(at, 40), deed);
        assert!(codes.is_ok(), "{history:?}: {codes:?}");
        let sharing = one.process(at, 41);
        let seen = done(one.store.read(board(BIG), &[], Freshness::Latest)).expect("a head").head.clock;
        let revision = done(sharing.audit(Actor::Host, board(BIG), Revision::ZERO, 90)).len();
        let repaired = done(sharing.repair_clock(board(BIG))).answer;
        let records = done(sharing.audit(Actor::Host, board(BIG), Revision::ZERO, 90));
        if seen == future() {
            poisoned += 1;
            moved += repaired.grants.len();
            let ClockRepaired { before, after, ref grants, .. } = repaired;
            assert_eq!((before, after), (future(), at), "{history:?}");
            let last = records.last().expect("a record");
            let event = Event::ClockRepaired { before, after, grants: grants.clone() };
            assert_eq!((last.actor, last.at, &last.event), (Actor::Host, at, &event), "{history:?}");
            assert_eq!(records.len(), revision + 1);
        } else {
            assert_eq!((repaired.before, records.len()), (repaired.after, revision), "{history:?}");
        }
        assert_eq!(one.allowed(at), other.allowed(at), "{history:?}");
        for n in 0..3 {
            let deed = dice.deed();
            history.push(deed);
            let later = at.plus_days(1 + n);
            let codes = [&mut one, &mut other]
                .map(|world| world.act(&world.process(later, 50 + u64::from(n)), deed).map(|_| ()));
            assert_eq!(codes[0], codes[1], "{history:?}");
            assert_eq!(one.allowed(later), other.allowed(later), "{history:?}");
        }
    }
    println!("{poisoned} of 600 histories had a wrong clock, {moved} grants were put right");
    assert!(poisoned > 200 && moved > 40, "too few");
}

/// D1, L9: while a dashboard's clock stands in the future, questions deny what may have ended and allow nothing more;
/// strangers are told nothing of it.
#[test]
fn questions_deny_what_may_have_ended_while_a_clock_is_wrong() {
    let scene = Scene::new();
    let before = allowed(&scene);
    let sharing = scene.process(8);
    let stranger = |dashboard| {
        let share = NewShare::with(account(ANN), Terms::view(Expiry::Never));
        format!("{:?}", block_on(sharing.share(account(ZED), board(dashboard), share)))
    };
    let told = stranger(BIG);
    poison(&scene);
    let after = allowed(&scene);
    assert!(after.is_subset(&before) && after.len() > 10 && after.len() < before.len());
    assert_eq!(stranger(BIG), told);
    sharing.env().inner.set(future());
    sharing.store().gate.bear_witness(scene::now());
    assert_eq!((stranger(BIG), stranger(NONE)), (told.clone(), told));
}

/// The host says how far clocks may differ, to the microsecond; to repair what is right changes nothing, and a clock that
/// does not fit the second one repairs nothing.
#[test]
fn clocks_may_differ_by_as_much_as_the_host_says() {
    let scene = Scene::new();
    let minutes = |minutes: i64| scene::now().plus_micros(minutes * 60_000_000);
    let rotate =
        |sharing: &Sharing| match block_on(sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never)) {
            Ok(_) => None,
            Err(Error::Clock { now, seen }) => Some((now, seen)),
            Err(error) => panic!("{error}"),
        };
    let sharing = scene.process(5);
    sharing.env().inner.set(minutes(-5));
    assert_eq!(rotate(&sharing), None);
    sharing.env().inner.set(minutes(-5).plus_micros(-1));
    assert_eq!(rotate(&sharing), Some((minutes(-5).plus_micros(-1), scene::now())));
    let sharing = sharing.with_clock_skew(Duration::from_micros(300_000_001));
    assert_eq!(rotate(&sharing), None);
    let sharing = sharing.with_clock_skew(Duration::ZERO);
    assert!(rotate(&sharing).is_some());
    let sharing = sharing.with_clock_skew(Duration::MAX);
    sharing.env().inner.set(past());
    assert_eq!(rotate(&sharing), None);

    let sharing = scene.process(6);
    sharing.store().gate.bear_witness(minutes(-5));
    assert_eq!(rotate(&sharing), None);
    sharing.store().gate.bear_witness(minutes(-5).plus_micros(-1));
    assert_eq!(rotate(&sharing), Some((scene::now(), minutes(-5).plus_micros(-1))));
    // It does not matter which of the two is ahead.
    sharing.store().gate.bear_witness(minutes(5));
    assert_eq!(rotate(&sharing), None);
    sharing.store().gate.bear_witness(minutes(5).plus_micros(1));
    assert_eq!(rotate(&sharing), Some((scene::now(), minutes(5).plus_micros(1))));
    // Also a dashboard that is to be registered.
    let register = block_on(sharing.register(board(NONE), TenantId::from(1u64), account(OLGA)));
    assert!(matches!(register, Err(Error::Clock { .. })));

    let dump = scene.dump();
    for witness in [minutes(-5).plus_micros(-1), minutes(5).plus_micros(1)] {
        sharing.store().gate.bear_witness(witness);
        let refused = block_on(sharing.repair_clock(board(BIG)));
        assert!(matches!(refused, Err(Error::Clock { .. })), "{refused:?}");
    }
    let sharing = scene.process(6);
    let same = done(sharing.repair_clock(board(BIG))).answer;
    assert_eq!((same.before, same.grants), (same.after, vec![]));
    assert_eq!(scene.dump(), dump);
    let unknown = block_on(sharing.repair_clock(board(NONE))).expect_err("it was never used");
    assert_eq!(unknown.refusal(), Some(&Refusal::UnknownDashboard));
}

/// G19: what was deleted by a clock in the future can be repaired, and its id used again.
#[test]
fn what_was_deleted_in_the_future_can_be_registered_again_after_a_repair() {
    let scene = Scene::new();
    let wrong = scene.process(7);
    wrong.env().inner.set(future());
    done(wrong.delete_dashboard(Actor::Host, board(BIG)));
    let sharing = scene.process(8);
    let register = || block_on(sharing.register(board(BIG), TenantId::from(1u64), account(OLGA)));
    assert!(matches!(register(), Err(Error::Clock { .. })));
    done(sharing.repair_clock(board(BIG)));
    register().expect("registered");
    done(sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never));
}

/// D1, D4: of every question there is: judged by a slow clock and a second one that is ahead, it is answered as by the
/// later of the two, whichever that is.
#[test]
fn every_question_is_judged_by_the_latest_of_the_clocks() {
    let mut differs = BTreeSet::new();
    for op in questions() {
        let ask = |now: u32, second: Option<u32>| {
            let scene = Scene::new();
            let sharing = scene.process(2);
            sharing.env().inner.set(scene::now().plus_days(now));
            second.iter().for_each(|days| sharing.store().gate.bear_witness(scene::now().plus_days(*days)));
            (op.run)(&sharing, &scene).map(|answer| answer.text).map_err(|error| format!("{error:?}"))
        };
        for (slow, fast) in [(0, 1), (1, 3), (1, 15), (15, 25), (1, 31), (1, 41), (1, 100)] {
            let expected = ask(fast, None);
            assert_eq!(ask(slow, Some(fast)), expected, "{}: {slow}, and the second {fast}", op.name);
            assert_eq!(ask(fast, Some(slow)), expected, "{}: {fast}, and the second {slow}", op.name);
            if ask(slow, None) != expected {
                differs.insert(op.name);
            }
        }
    }
    println!("{} questions depend on the clock: {differs:?}", differs.len());
    assert!(differs.len() >= 10, "too few");
}

/// D1: an end that a second clock has seen has come, however slow the clock of the process is; nothing is made by the two.
#[test]
fn what_has_ended_by_a_second_clock_is_denied() {
    let scene = Scene::new();
    let sharing = scene.process(2);
    sharing.env().inner.set(scene::now().plus_days(1));
    let may_view =
        |sharing: &Sharing| done(sharing.authorize(account(CYD), board(BIG), Action::View)).is_allowed();
    assert!(may_view(&sharing) && done(sharing.visit(&scene.token)).is_allowed());
    sharing.store().gate.bear_witness(scene::now().plus_days(50));
    assert!(!may_view(&sharing) && !done(sharing.visit(&scene.token)).is_allowed());
    let page = block_on(sharing.authorize_many(account(CYD), &[board(BIG)], Action::View)).expect("a page");
    assert!(page.iter().all(|decision| !decision.is_allowed()));
    let share = NewShare::with(account(ZED), Terms::view(Expiry::Never));
    let shared = block_on(sharing.share(account(OLGA), board(BIG), share));
    assert!(matches!(shared, Err(Error::Clock { .. })), "{shared:?}");
    done(sharing.stop_sharing(account(OLGA), board(BIG), account(CYD)));
    assert!(!may_view(&scene.process(3)));
}

/// G23: receipts are old by the earlier of two clocks: one that runs ahead forgets none that is fresh.
#[test]
fn no_fresh_receipt_is_swept_while_one_of_two_clocks_says_that_it_is_fresh() {
    let scene = Scene::new();
    let sharing = scene.process(2);
    let swept = || done(sharing.sweep_older_than(Duration::ZERO, 1000));
    let day = scene::now().plus_days(1);
    for (now, second) in [(future(), scene::now()), (scene::now(), future())] {
        sharing.env().inner.set(now);
        sharing.store().gate.bear_witness(second);
        assert_eq!((swept(), done(sharing.sweep(1000))), (0, 0));
    }
    sharing.env().inner.set(day);
    assert!(swept() > 10);
}

/// S3: what a clock that runs ahead has leased comes again when its lease has ended by the second one, and dead letters are
/// those that are dead by both.
#[test]
fn a_lease_lasts_by_the_earlier_of_two_clocks() {
    let minute = Duration::from_secs(60);
    let scene = Scene::new();
    let ahead = scene.process(2);
    ahead.env().inner.set(future());
    ahead.store().gate.bear_witness(scene::now());
    let leased = done(ahead.lease_at_most(2, minute, 1000));
    assert!(leased.len() > 5);
    let right = scene.process(3);
    assert_eq!(done(right.lease_at_most(2, minute, 1000)), []);
    right.env().inner.set(scene::now().plus_micros(60_000_000));
    assert_eq!(done(right.lease_at_most(2, minute, 1000)).len(), leased.len());
    // It was their last, and it runs.
    assert_eq!(done(ahead.dead_letters(None, 1000)), []);
    ahead.store().gate.bear_witness(scene::now().plus_micros(120_000_000));
    assert_eq!(done(ahead.dead_letters(None, 1000)).len(), leased.len());
}

/// S3: what was leased until the year 2090 by a clock that no second one contradicted can be freed by the host.
#[test]
fn what_a_wrong_clock_has_leased_can_be_put_back() {
    let minute = Duration::from_secs(60);
    for attempts in [1, 10] {
        let scene = Scene::new();
        let ahead = scene.process(2);
        ahead.env().inner.set(future());
        let leased: Vec<_> = done(ahead.lease_at_most(attempts, minute, 1000));
        let right = scene.process(3);
        right.env().inner.set(scene::now().plus_days(30));
        assert_eq!(done(right.lease(minute, 1000)), []);
        assert_eq!(done(right.dead_letters(None, 1000)), []);
        let names: Vec<_> = done(right.outbox(None, 1000)).iter().map(|message| message.id).collect();
        done(right.put_back(&names[1..]));
        let again = done(right.lease(minute, 1000));
        assert_eq!(again, leased[1..], "with {attempts} attempts");
    }
}
