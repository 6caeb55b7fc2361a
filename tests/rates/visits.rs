//! Visits that are not let in (R3).

use super::{exact::Dice, keys::client};
use crate::{
    denials::{CAUSES, Stage, printed, shapes},
    support::{
        faulty::{self, Call, Fault, Sharing},
        scene::{ANN, OLGA, account, board, done, now},
    },
};
use dashshare::{
    Decision, Expiry, MemoryDirectory, MemoryStore, TenantId, Timestamp,
    explain::Denial,
    limits::{Client, Limit, RateLimits, Rates},
    questions::Visit,
};
use pollster::block_on;
use serde_json::json;
use std::{
    collections::BTreeSet,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

const MINUTE: i64 = 60_000_000;

pub(super) fn limits() -> RateLimits {
    RateLimits::with_secret(&[5; 32])
}

/// A dashboard of Olga's with a public link.
pub(super) struct World {
    pub(super) store: Arc<MemoryStore>,
    pub(super) directory: Arc<MemoryDirectory>,
    pub(super) token: String,
}

impl World {
    pub(super) fn new() -> Self {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        (OLGA..20).for_each(|number| directory.add_account(account(number)));
        let before = faulty::process(&store, &directory, now(), 1);
        done(before.register(board(7), TenantId::from(1u64), account(OLGA)));
        let link = done(before.rotate_link(account(OLGA), board(7), Expiry::Never));
        Self { token: link.token.expose().to_owned(), store, directory }
    }

    pub(super) fn process(&self, seed: u64, limits: RateLimits) -> Sharing {
        faulty::process(&self.store, &self.directory, now(), seed + 10).limited(limits)
    }
}

fn visit(sharing: &Sharing, token: &str, client: Client) -> Decision {
    done(sharing.visit(Visit::from(token).by(client)))
}

fn store_calls(sharing: &Sharing) -> Vec<Call> {
    sharing.store().gate.trace()
}

/// Visits until the next one is limited.
fn exhaust(sharing: &Sharing, client: Client) {
    for turn in 0..20 {
        assert!(!visit(sharing, "guess", client).is_limited(), "turn {turn}");
    }
    sharing.store().gate.heal();
}

/// R3, L9: to a limited client every text is one answer, the right token's and whatever a denied one's cause is, without any
/// call; it is told what every visitor is told who is not let in.
#[test]
fn to_a_limited_client_every_token_is_one_answer_without_a_call() {
    let mut answers = BTreeSet::new();
    let (mut asked, one) = (0, client("203.0.113.7"));
    let mut ask = |stage: &Stage, tokens: &[String]| {
        let sharing = stage.today().limited(limits());
        exhaust(&sharing, one);
        for token in tokens {
            let decision = visit(&sharing, token, one);
            assert!(decision.is_limited() && !decision.is_allowed());
            assert_eq!(decision.denial(), Some(Denial::Limited));
            assert_eq!(
                (decision.dashboard(), decision.revision(), decision.valid_until()),
                (None, None, None)
            );
            assert_eq!(store_calls(&sharing), [], "{token}");
            answers.insert((printed(&decision), json!(decision.tell()).to_string()));
            asked += 1;
        }
        // Nobody else is denied for it.
        let other = visit(&sharing, &tokens[0], client("198.51.100.7"));
        assert!(!other.is_limited());
        json!(other.tell()).to_string()
    };
    let mut told = BTreeSet::new();
    for (_, _, cause) in CAUSES {
        let stage = Stage::new();
        let token = cause(&stage);
        told.insert(ask(&stage, &[token]));
    }
    let stage = Stage::new();
    for by in [OLGA, ANN] {
        let stage = Stage::new();
        let token = stage.link(by, Expiry::Never);
        assert!(done(stage.today().visit(&token)).is_allowed());
        ask(&stage, &[token]);
    }
    ask(&stage, &shapes());
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!(told.len(), 1, "what a denied visitor is told");
    let (_, limited) = answers.first().expect("one");
    assert_eq!(Some(limited), told.first(), "and a limited one is told the same");
    println!("{asked} limited visits");
    assert!(asked > 90);
}

/// R3: whoever is not limited has the answer and the calls to the store that it has without limits.
#[test]
fn whoever_is_not_limited_is_answered_as_ever() {
    for (name, _, cause) in CAUSES {
        let stage = Stage::new();
        let token = cause(&stage);
        let (with, without) = (stage.today().limited(limits()), stage.today());
        for text in [&token, "guess"] {
            let limited = visit(&with, text, client("203.0.113.7"));
            let plain = done(without.visit(text));
            assert_eq!(printed(&limited), printed(&plain), "{name}");
            assert_eq!(store_calls(&with), store_calls(&without), "{name}");
        }
    }
}

/// R3: the golden example: limited with the right token, let in a minute later; and each token that was let in costs nothing.
#[test]
fn a_limited_client_is_let_in_a_minute_later() {
    let (world, one) = (World::new(), client("203.0.113.7"));
    let sharing = world.process(1, limits());
    for _ in 0..100 {
        assert!(visit(&sharing, &world.token, one).is_allowed());
    }
    exhaust(&sharing, one);
    let (junk, right) = (visit(&sharing, "guess", one), visit(&sharing, &world.token, one));
    assert_eq!(printed(&junk), printed(&right));
    assert_eq!(store_calls(&sharing), []);
    sharing.env().inner.set(now().plus_micros(MINUTE));
    assert!(visit(&sharing, &world.token, one).is_allowed());
    // Ten more guesses in that minute, and no more; whoever is refused is not charged.
    let guesses = (0..50).filter(|_| !visit(&sharing, "guess", one).is_limited()).count();
    assert_eq!(guesses, 10);
}

/// R2, R3: a client is limited in every spelling of its address, and its /64 with it; its network has a limit of its own,
/// which a client's refused tries do not use up.
#[test]
fn clients_and_networks_are_limited_each_by_itself() {
    let world = World::new();
    let sharing = world.process(1, limits());
    exhaust(&sharing, client("192.0.2.7"));
    for _ in 0..500 {
        assert!(visit(&sharing, "guess", client("::ffff:192.0.2.7")).is_limited());
    }
    exhaust(&sharing, client("2001:db8:1:2::1"));
    assert!(visit(&sharing, &world.token, client("2001:db8:1:2:ffff::9")).is_limited());
    assert!(visit(&sharing, &world.token, client("2001:db8:1:3::1")).is_allowed());
    // Five more of 192.0.2.0/24 use the network up, and nobody of another one.
    for last in 8..13 {
        exhaust(&sharing, client(&format!("192.0.2.{last}")));
    }
    assert!(visit(&sharing, &world.token, client("192.0.2.200")).is_limited());
    assert!(visit(&sharing, &world.token, client("192.0.3.200")).is_allowed());
    // 60 of 120 are paid off in a minute, so others of the network come in.
    sharing.env().inner.set(now().plus_micros(MINUTE));
    assert!(visit(&sharing, &world.token, client("192.0.2.200")).is_allowed());
}

/// R3: visitors of whom the host gives no client share one limit: the guard is never open.
#[test]
fn visitors_without_a_client_share_one_limit() {
    let world = World::new();
    let sharing = world.process(1, limits());
    for turn in 0..120 {
        assert!(!done(sharing.visit("guess")).is_limited(), "turn {turn}");
    }
    assert!(done(sharing.visit(&world.token)).is_limited());
    assert!(visit(&sharing, &world.token, client("203.0.113.7")).is_allowed());
}

type Visiting<'a> = Pin<Box<dyn Future<Output = Result<Decision, dashshare::Error>> + 'a>>;

/// Many visits at once, each stopped before its look-up.
fn at_once<'a>(sharing: &'a Sharing, tokens: &'a [String]) -> Vec<Visiting<'a>> {
    let one = client("203.0.113.7");
    let visits =
        tokens.iter().map(|token| Box::pin(sharing.visit(Visit::from(token).by(one))) as Visiting<'_>);
    visits.collect()
}

/// R3: of a hundred guesses at once as many are looked up as one after the other; of a hundred right tokens at once none is
/// charged in the end.
#[test]
fn parallel_guesses_are_charged_before_they_are_looked_up() {
    let world = World::new();
    let guesses: Vec<String> = (0..100).map(|number| format!("guess {number}")).collect();
    for (tokens, is_right) in [(guesses, false), (vec![world.token.clone(); 100], true)] {
        let sharing = world.process(1, limits());
        sharing.store().gate.pace();
        let mut visits = at_once(&sharing, &tokens);
        let mut context = Context::from_waker(Waker::noop());
        let mut limited = 0;
        visits.retain_mut(|visit| match visit.as_mut().poll(&mut context) {
            Poll::Pending => true,
            Poll::Ready(decision) => {
                limited += usize::from(decision.expect("a decision").is_limited());
                false
            }
        });
        assert_eq!((visits.len(), limited), (20, 80), "right: {is_right}");
        for visit in &mut visits {
            // A store that was stopped goes on when it is polled again.
            let Poll::Ready(decision) = visit.as_mut().poll(&mut context) else { panic!("one look-up") };
            let decision = decision.expect("a decision");
            assert_eq!((decision.is_allowed(), decision.is_limited()), (is_right, false));
        }
        drop(visits);
        assert_eq!(store_calls(&sharing).iter().filter(|call| **call == Call::ReadLink).count(), 20);
        // As many again come through, or none.
        let mut again = at_once(&sharing, &tokens);
        again.retain_mut(|visit| visit.as_mut().poll(&mut context).is_pending());
        assert_eq!(again.len(), if is_right { 20 } else { 0 });
    }
}

/// R1, R3: whatever is visited when, with what token, by whom of three clients, and however the clock steps: the guesses
/// of each that were looked up are no more than its limit lets through, and nobody is refused without that.
#[test]
fn random_visits_are_limited_by_their_guesses_alone() {
    let world = World::new();
    let mut dice = Dice(51);
    let (mut limited, mut looked_up, mut let_in) = (0, 0, 0);
    for round in 0..60 {
        let mut rates = Rates::default();
        rates.visits_by_client = Some(Limit::per_minute(10).with_burst(5));
        let rate = rates.visits_by_client.expect("a rate");
        let sharing = world.process(round, limits().with_rates(rates));
        let mut logs = [(); 3].map(|()| super::exact::Log::default());
        let mut at = now().micros();
        for _ in 0..120 {
            at += i64::try_from(dice.roll(5)).expect("small") * 1_000_000
                - if dice.is(5) { 20_000_000 } else { 0 };
            sharing.env().inner.set(Timestamp::from_micros(at));
            let who = usize::try_from(dice.roll(3)).expect("small");
            let is_guess = dice.is(60);
            let token = if is_guess { "guess" } else { world.token.as_str() };
            let decision = visit(&sharing, token, client(&format!("203.0.{who}.7")));
            let wait = logs[who].wait(rate, at, 1);
            assert_eq!(decision.is_limited(), wait.is_some(), "{:?} at {at}", logs[who]);
            match (decision.is_limited(), is_guess) {
                (true, _) => limited += 1,
                (false, true) => {
                    looked_up += 1;
                    logs[who].0.push((at, 1));
                }
                (false, false) => {
                    let_in += 1;
                    assert!(decision.is_allowed());
                    // As what costs nothing: a clock that steps back behind it finds nothing more let through.
                    logs[who].0.push((at, 0));
                }
            }
        }
        logs.iter().for_each(|log| assert_eq!(log.overfull(rate), None));
    }
    println!("{limited} limited, {looked_up} guesses looked up, {let_in} let in");
    assert!(limited > 500 && looked_up > 500 && let_in > 500);
}

/// R3: a visit that fails, or that is dropped before its answer, was not let in.
#[test]
fn a_visit_without_an_answer_stays_charged() {
    let world = World::new();
    let one = client("203.0.113.7");
    for drops in [false, true] {
        let sharing = world.process(1, limits());
        if drops {
            sharing.store().gate.pace();
            let tokens = vec![world.token.clone(); 20];
            let mut context = Context::from_waker(Waker::noop());
            for mut visit in at_once(&sharing, &tokens) {
                assert!(visit.as_mut().poll(&mut context).is_pending());
            }
        } else {
            sharing.store().gate.follow(|_, _| Fault::Fail);
            for _ in 0..20 {
                assert!(block_on(sharing.visit(Visit::from(&world.token).by(one))).is_err());
            }
        }
        let mut next = Box::pin(sharing.visit(Visit::from(&world.token).by(one)));
        let Poll::Ready(decision) = next.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("no call to the store")
        };
        assert!(decision.expect("a decision").is_limited(), "dropped: {drops}");
    }
}

/// R7: nobody who was let in is refused by what others do with the link or the account: a decision about an account asks no
/// limit at all, and a guessed-at link opens to everybody else.
#[test]
fn nobody_is_refused_for_what_others_do_with_a_link() {
    let world = World::new();
    let sharing = world.process(1, limits());
    for number in 0..200u32 {
        let from =
            Client::from(std::net::IpAddr::from(number.to_be_bytes().map(|byte| byte.wrapping_mul(3))));
        for _ in 0..30 {
            let _ = visit(&sharing, "guess", from);
        }
    }
    assert!(visit(&sharing, &world.token, client("203.0.113.7")).is_allowed());
    for _ in 0..1_000 {
        let decision = done(sharing.authorize(account(OLGA), board(7), dashshare::Action::View));
        assert!(decision.is_allowed());
    }
}
