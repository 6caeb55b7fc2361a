//! Limits on all that grows (G23): each refused with a code and its number, and counted at little cost.

use crate::support::faulty::{self, Call, Sharing};
use crate::support::scene::{
    ANN, BIG, BOB, OLGA, account, address, board, done, now, offer, template, terms,
};
use dashshare::{
    Amendment, BoxError, Dashshare, Env as _, Error, Expiry, FixedEnv, GrantId, MemoryDirectory, MemoryStore,
    NewShare, RevokeMode, Rights, TenantId, Terms,
    directory::{Limits, SharingRules, Tenant},
    questions::Page,
    store::{Freshness, LinkDigest, Snapshot, Store},
};
use pollster::block_on;
use serde_json::json;
use std::sync::{Arc, Mutex};

struct World {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    sharing: Sharing,
}

impl World {
    fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        (1..200).for_each(|number| directory.add_account(account(number)));
        let sharing = faulty::process(&store, &directory, now(), 3);
        done(sharing.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        let world = Self { store, directory, sharing };
        world.set(change);
        world
    }

    fn set(&self, change: impl FnOnce(&mut Limits)) {
        let mut rules = SharingRules::default();
        change(&mut rules.limits);
        let tenant = Tenant { rules, ..MemoryDirectory::open_tenant() };
        self.directory.set_tenant(TenantId::from(1u64), tenant);
    }

    fn share(&self, by: u64, with: u64, days: u32) -> Result<GrantId, Error> {
        let terms = terms(Rights::VIEW, true, Expiry::At(now().plus_days(days)));
        block_on(self.sharing.share(account(by), board(BIG), NewShare::with(account(with), terms)))
            .map(|it| it.grant)
    }

    fn invite(&self, by: u64, number: u64) -> Result<GrantId, Error> {
        let to = NewShare::with(address(&format!("n{number}@x.test")), view());
        block_on(self.sharing.share(account(by), board(BIG), to)).map(|it| it.grant)
    }

    fn revoke(&self, grant: GrantId) {
        done(self.sharing.revoke(account(OLGA), board(BIG), grant, RevokeMode::Cascade));
    }
}

fn view() -> Terms {
    terms(Rights::VIEW, false, Expiry::Never)
}

/// A refusal as a client reads it: its code, its kind and its number.
fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String, u64) {
    let said = json!(result.expect_err("it is refused").refusal().expect("a refusal"));
    let word = |name: &str| said[name].as_str().expect("a word").to_owned();
    (word("code"), word("kind"), said["limit"].as_u64().expect("a number"))
}

fn conflict(code: &str, limit: u64) -> (String, String, u64) {
    (code.to_owned(), "conflict".to_owned(), limit)
}

/// G23: the numbers are those of the rule, unless the host says otherwise, and nothing else is read as a limit.
#[test]
fn the_limits_are_those_of_the_rule() {
    let limits = Limits::default();
    assert_eq!(
        json!(limits),
        json!({
            "grants_of_person": 16, "grants": 10_000, "grants_shared_on": 500, "invitations": 100, "offers_given": 20,
            "offers_received": 20, "amendments_kept": 100, "former_owners_kept": 100, "template_bytes": 262_144,
        })
    );
    let read: SharingRules = serde_json::from_value(json!({ "limits": { "grants": 7 } })).expect("rules");
    assert_eq!((read.limits.grants, read.limits.invitations), (7, 100));
    assert!(serde_json::from_value::<Limits>(json!({ "grant": 7 })).is_err());
}

/// G23: one person holds so many live grants of a dashboard, by whomever they were made, and dead ones do not count.
#[test]
fn one_person_holds_so_many_grants() {
    let world = World::new(|_| {});
    let first = world.share(OLGA, BOB, 1).expect("shared");
    let anns = world.share(OLGA, ANN, 300).expect("shared");
    for days in 2..=15 {
        world.share(OLGA, BOB, days).expect("shared");
    }
    world.share(ANN, BOB, 16).expect("the sixteenth");
    assert_eq!(told(world.share(OLGA, BOB, 17)), conflict("too_many_grants", 16));
    assert_eq!(told(world.share(ANN, BOB, 17)), conflict("too_many_grants", 16));
    assert!(
        done(world.sharing.share(
            account(OLGA),
            board(BIG),
            NewShare::with(account(BOB), terms(Rights::VIEW, true, Expiry::At(now().plus_days(3))))
        ))
        .standing
    );
    // In place of others it is no more than before.
    done(world.sharing.set_share(account(ANN), board(BIG), NewShare::with(account(BOB), view())));
    world.revoke(first);
    world.share(OLGA, BOB, 17).expect("one ended");
    assert_eq!(told(world.share(OLGA, BOB, 18)), conflict("too_many_grants", 16));
    // By a claim neither: it goes on waiting.
    let invited = world.invite(ANN, 1).expect("invited");
    world.directory.verify_email(account(BOB), address("n1@x.test"), now());
    assert_eq!(done(world.sharing.claim(account(BOB), &address("n1@x.test")))[0].refused, [invited]);
    world.revoke(anns);
}

/// G23: a dashboard has so many live grants, a resharer shares on so many times, an actor waits for so many answers; what
/// died makes room, and another limit counts from when it is set.
#[test]
fn a_dashboard_and_its_sharers_are_limited() {
    let world =
        World::new(|limits| (limits.grants, limits.grants_shared_on, limits.invitations) = (12, 5, 3));
    world.share(OLGA, ANN, 300).expect("shared");
    let mut anns: Vec<GrantId> = (10..15).map(|with| world.share(ANN, with, 9).expect("shared")).collect();
    assert_eq!(told(world.share(ANN, 15, 9)), conflict("too_many_shares", 5));
    world.revoke(anns.remove(0));
    anns.push(world.share(ANN, 15, 9).expect("one ended"));
    assert_eq!(told(world.share(ANN, 16, 9)), conflict("too_many_shares", 5));
    // What was shared on by those below is theirs.
    world.share(11, 17, 8).expect("another's");
    for number in 0..3 {
        world.invite(OLGA, number).expect("invited");
    }
    assert_eq!(told(world.invite(OLGA, 3)), conflict("too_many_invitations", 3));
    assert_eq!(told(world.invite(ANN, 3)), conflict("too_many_shares", 5));
    world.share(OLGA, 20, 9).expect("the eleventh");
    let twelfth = world.share(OLGA, 21, 9).expect("the twelfth");
    assert_eq!(told(world.share(OLGA, 22, 9)), conflict("dashboard_full", 12));
    assert!(
        done(world.sharing.share(
            account(OLGA),
            board(BIG),
            NewShare::with(account(21), terms(Rights::VIEW, true, Expiry::At(now().plus_days(9))))
        ))
        .standing
    );
    done(world.sharing.set_share(account(OLGA), board(BIG), NewShare::with(account(21), view())));
    assert!(
        !done(world.sharing.access_list(account(OLGA), board(BIG)))
            .grants
            .iter()
            .any(|it| it.grant == twelfth)
    );
    assert_eq!(told(world.share(OLGA, 22, 9)), conflict("dashboard_full", 12));
    world.set(|limits| limits.grants = 13);
    world.share(OLGA, 22, 9).expect("the host allows one more");
    assert_eq!(told(world.share(OLGA, 23, 9)), conflict("dashboard_full", 13));
    world.set(|limits| limits.grants = 2);
    assert_eq!(told(world.share(OLGA, 23, 9)), conflict("dashboard_full", 2));
    world.revoke(anns[0]);
    world.set(|limits| limits.grants = 13);
    world.share(OLGA, 23, 9).expect("one ended");
}

/// G23: an answer makes room for an invitation, and so does its lapse.
#[test]
fn an_invitation_that_was_answered_waits_no_more() {
    let world = World::new(|limits| limits.invitations = 2);
    let invited = world.invite(OLGA, 1).expect("invited");
    world.directory.verify_email(account(BOB), address("n2@x.test"), now());
    // One that was bound at once looks as if it waited (I1).
    let bound = world.invite(OLGA, 2).expect("invited");
    assert_eq!(told(world.invite(OLGA, 3)), conflict("too_many_invitations", 2));
    done(world.sharing.remind_invitation(account(OLGA), board(BIG), invited));
    done(world.sharing.claim(account(BOB), &address("n2@x.test")));
    world.invite(OLGA, 3).expect("one was answered");
    assert_eq!(told(world.invite(OLGA, 4)), conflict("too_many_invitations", 2));
    world.sharing.env().inner.set(now().plus_days(14));
    world.invite(OLGA, 4).expect("all lapsed");
    world.revoke(bound);
}

/// G23: nothing is counted until as many grants were made as may live, and then only when the last count leaves no room.
#[test]
fn counting_costs_little() {
    let world = World::new(|limits| (limits.grants, limits.grants_shared_on) = (50, 1_000));
    let mut counts = Vec::new();
    for number in 0..160u64 {
        world.sharing.store().gate.heal();
        let grant = world.share(OLGA, 10 + number, 9).expect("shared");
        let trace = world.sharing.store().gate.trace();
        counts.push(trace.iter().filter(|call| matches!(call, Call::Grants | Call::GrantsBelow)).count());
        // Three of four end at once.
        if number % 4 > 0 {
            world.revoke(grant);
        }
    }
    assert_eq!(counts[..50].iter().sum::<usize>(), 0, "fewer were made than may live");
    let counted = counts.iter().sum::<usize>();
    println!("{counted} counts for {} shares", counts.len());
    assert!((4..=30).contains(&counted), "{counts:?}");
}

/// G23, D7: of the past of a grant and of a dashboard so much is kept; the oldest is merged into what came after it.
#[test]
fn the_past_is_kept_within_limits() {
    let world = World::new(|limits| (limits.amendments_kept, limits.former_owners_kept) = (4, 3));
    let grant = world.share(OLGA, BOB, 1).expect("shared");
    done(world.sharing.amend(account(OLGA), board(BIG), grant, Amendment::default().no_reshare()));
    for days in 2..20 {
        world.sharing.env().inner.set(now().plus_micros(i64::from(days)));
        let moved = Amendment::default().expiry(Expiry::At(now().plus_days(days)));
        done(world.sharing.amend(account(OLGA), board(BIG), grant, moved));
    }
    let kept = done(world.store.grants(board(BIG), 0, 9)).remove(0);
    let past = &kept.history.as_ref().expect("a history").amended;
    assert_eq!(past.len(), 4);
    assert!(past[0].terms.reshare, "that it could be shared on, and until when, is told last");
    assert_eq!(past[0].until, now());
    assert_eq!(past[3].until, now().plus_micros(19));
    for n in 0..6u64 {
        done(world.sharing.transfer(board(BIG), account(100 + n), Rights::NONE));
    }
    let head = done(world.store.read(board(BIG), &[], Freshness::Latest)).expect("a head").head;
    let former: Vec<_> = head.former_owners.iter().map(|(_, owner)| *owner).collect();
    assert_eq!(former, [102, 103, 104].map(account));
}

/// G23, T9: a giver has so many open offers and a recipient gets so many, by the name that they were made to.
#[test]
fn offers_are_limited() {
    let world = World::new(|limits| (limits.offers_given, limits.offers_received) = (3, 2));
    let template = template();
    let make = |to: u64, clone: u64| {
        block_on(world.sharing.offer(account(OLGA), board(BIG), offer(account(to), clone, &template)))
    };
    make(BOB, 50).expect("offered");
    make(BOB, 51).expect("offered");
    assert_eq!(told(make(BOB, 52)), conflict("too_many_offers_received", 2));
    make(ANN, 52).expect("offered");
    assert_eq!(told(make(ANN, 53)), conflict("too_many_offers", 3));
    done(world.sharing.withdraw_offer(account(OLGA), board(52)));
    make(ANN, 53).expect("one was withdrawn");
    done(world.sharing.take_offer(account(BOB), board(50), TenantId::from(1u64)));
    make(BOB, 54).expect("one was taken");
    assert_eq!(told(make(10, 55)), conflict("too_many_offers", 3));
    // To an address they are counted by the address, so that the number tells of no account (I1).
    let world = World::new(|limits| limits.offers_received = 1);
    world.directory.verify_email(account(BOB), address("bob@x.test"), now());
    let to_bob = |to: dashshare::Holder, clone| {
        block_on(world.sharing.offer(
            account(OLGA),
            board(BIG),
            dashshare::answers::NewOffer::to(to, board(clone), &template, Expiry::Never),
        ))
    };
    to_bob(account(BOB).into(), 60).expect("offered");
    to_bob(address("bob@x.test").into(), 61).expect("by another name");
    assert_eq!(told(to_bob(address("bob@x.test").into(), 62)), conflict("too_many_offers_received", 1));
    // The size of a template is the tenant's to say.
    world.set(|limits| limits.template_bytes = 10);
    let said = json!(to_bob(account(ANN).into(), 63).expect_err("too large").refusal().expect("a refusal"));
    assert_eq!((&said["code"], &said["limit"]), (&json!("template_too_large"), &json!(10)));
}

/// G23, T9: an offer that has expired counts for its giver as long as it is kept, so that those cannot pile up; withdrawing
/// it makes room, and so does using its id again. To its recipient it counts no more. Counting reads no grant.
#[test]
fn an_expired_offer_counts_until_it_is_withdrawn() {
    let world = World::new(|limits| (limits.offers_given, limits.offers_received) = (4, 4));
    let template = template();
    let make = |to: u64, clone: u64| {
        let later = dashshare::answers::NewOffer::to(
            account(to),
            board(clone),
            &template,
            Expiry::At(world.sharing.env().inner.now().plus_days(30)),
        );
        block_on(world.sharing.offer(account(OLGA), board(BIG), later))
    };
    for round in 0..5u32 {
        world.sharing.env().inner.set(now().plus_days(30 * round));
        let fresh = 50 + u64::from(round) * 4;
        if round > 0 {
            assert_eq!(told(make(BOB, fresh)), conflict("too_many_offers", 4));
            let made = done(world.sharing.offers_made(account(OLGA), Page::first(99)));
            assert_eq!((made.len(), made.next), (4, None));
            // The first is replaced under its own id, the others make room.
            make(BOB, made[0].clone.to_u64().expect("a number")).expect("in its own place");
            assert_eq!(told(make(BOB, fresh)), conflict("too_many_offers", 4));
            for old in made {
                done(world.sharing.withdraw_offer(account(OLGA), old.clone));
            }
        }
        for clone in fresh..fresh + 4 {
            world.sharing.store().gate.heal();
            make(BOB, clone).expect("there is room");
            let reads = world.sharing.store().gate.trace();
            let reads = reads.iter().filter(|call| matches!(call, Call::Read)).count();
            assert!(reads <= 3, "{reads} reads to make one offer");
        }
        assert_eq!(told(make(ANN, 99)), conflict("too_many_offers", 4));
    }
}

/// T9, S3: the offers to somebody and those that somebody made come in pages; the first cost no read of a clone, the
/// second one each.
#[test]
fn offers_come_in_pages_at_little_cost() {
    let world = World::new(|limits| (limits.offers_given, limits.offers_received) = (40, 40));
    let template = template();
    let names = ["bob@x.test", "robert@x.test"].map(address);
    for clone in 50..80u64 {
        let to = match clone % 3 {
            0 => dashshare::Holder::from(account(BOB)),
            rest => names[rest as usize - 1].clone().into(),
        };
        // The first address is known to be Bob's by half of them.
        if clone == 65 {
            world.directory.verify_email(account(BOB), names[0].clone(), now());
        }
        done(world.sharing.offer(account(OLGA), board(BIG), offer(to, clone, &template)));
    }
    world.directory.verify_email(account(BOB), names[1].clone(), now());
    done(world.sharing.withdraw_offer(account(OLGA), board(60)));
    done(world.sharing.decline_offer(account(BOB), board(61)));
    done(world.sharing.take_offer(account(BOB), board(62), TenantId::from(1u64)));
    world.share(OLGA, BOB, 9).expect("no offer");
    let left: Vec<u64> = (50..60).chain(63..80).collect();
    for limit in [1, 2, 7, 26, 27, 28, 500] {
        for (who, cost) in [(BOB, 0), (OLGA, limit + 1)] {
            let (mut seen, mut page) = (Vec::new(), Some(Page::first(limit)));
            while let Some(asked) = page {
                world.sharing.store().gate.heal();
                let answer = match who {
                    BOB => done(world.sharing.offers(account(BOB), asked)),
                    _ => done(world.sharing.offers_made(account(OLGA), asked)),
                };
                let trace = world.sharing.store().gate.trace();
                let reads = trace.iter().filter(|call| matches!(call, Call::Read)).count();
                assert!(reads <= cost.min(left.len()), "{reads} reads for a page of {limit}");
                assert!(answer.len() == limit || answer.next.is_none(), "a short page is the last");
                seen.extend(answer.iter().map(|offer| offer.clone.to_u64().expect("a number")));
                page = answer.next.map(|place| Page::first(limit).after(place));
            }
            assert_eq!(seen, left, "pages of {limit} of account {who}");
        }
    }
}

/// A store that keeps what it is asked to look up.
#[derive(Default)]
struct Asked {
    inner: MemoryStore,
    digests: Mutex<Vec<LinkDigest>>,
}

impl Store for Asked {
    async fn read_link(&self, digest: &LinkDigest) -> Result<Option<Snapshot>, BoxError> {
        self.digests.lock().expect("no panic").push(*digest);
        self.inner.read_link(digest).await
    }

    dashshare::delegate_store!(self.inner => commit, receipt, read, read_many, grants, grants_below, held, owned, audit, audit_of,
        outbox, lease, acknowledge, dead_letters, put_back, sweep);
}

/// G23, L9: of a text in a token's place 64 bytes are read, and each costs one look-up.
#[test]
fn of_a_long_text_in_a_tokens_place_no_more_is_read_than_of_a_token() {
    let sharing = Dashshare::new(Asked::default(), MemoryDirectory::default(), FixedEnv::new(now(), 1));
    let asked = |text: &str| {
        let decision = block_on(sharing.visit(text)).expect("it reads");
        assert!(!decision.is_allowed());
        std::mem::take(&mut *sharing.store().digests.lock().expect("no panic"))
    };
    let long = "é".repeat(500_000);
    let head = asked(&long[..64]);
    assert_eq!(head.len(), 1);
    assert_eq!(asked(&long), head);
    assert_eq!(asked(&format!("{}{}", &long[..64], "x".repeat(9))), head);
    assert_ne!(asked(&long[..62]), head);
    assert_ne!(asked(&format!("x{}", &long[..62])), head);
}
