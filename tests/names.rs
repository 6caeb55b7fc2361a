//! Whether a share stands goes by what was named (G17), and what a sharer gets to know of an address (I1).

use crate::support::faulty::{self, Call, Sharing};
use crate::support::scene::{
    self, ANN, BIG, BOB, CYD, OLGA, account, address, board, done, in_days, now, terms,
};
use dashshare::{
    AccountId, Action, Amendment, BoxError, Dashshare, Directory, EmailAddress, Error, Expiry, FixedEnv,
    GrantId, Holder, MemoryDirectory, MemoryStore, NewOffer, NewShare, Refusal, Revision, RevokeMode, Rights,
    TenantId, Terms, Timestamp,
    directory::{Account, Attestor, SharingRules, Tenant},
    store::Store as _,
    trail::{Actor, Event, Message},
};
use pollster::block_on;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

const INVITED: &str = "ben@x.test";

struct World {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    /// No two processes draw alike.
    drawn: AtomicU64,
}

impl World {
    /// Olga's dashboard, which Ann may share on.
    fn new() -> Self {
        let world = Self { store: Arc::default(), directory: Arc::default(), drawn: AtomicU64::new(3) };
        (OLGA..=CYD).for_each(|number| world.directory.add_account(account(number)));
        let sharing = world.at(now());
        done(sharing.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        done(sharing.share(account(OLGA), board(BIG), NewShare::with(account(ANN), anns())));
        world
    }

    fn at(&self, now: Timestamp) -> Sharing {
        faulty::process(&self.store, &self.directory, now, self.drawn.fetch_add(1, Relaxed))
    }

    fn set(&self, rules: SharingRules) {
        let tenant = Tenant { rules, ..MemoryDirectory::open_tenant() };
        self.directory.set_tenant(TenantId::from(1u64), tenant);
    }

    fn verify(&self, who: u64) {
        self.directory.verify_email(account(who), address(INVITED), now());
    }

    fn grant(&self, id: GrantId) -> Arc<dashshare::store::Grant> {
        let all = done(self.store.grants(board(BIG), 0, 99));
        all.into_iter().find(|grant| grant.id == id).expect("the grant")
    }

    fn messages(&self) -> Vec<Message> {
        done(self.store.outbox(None, 999)).into_iter().map(|message| message.message).collect()
    }

    fn events(&self) -> Vec<Event> {
        done(self.store.audit(board(BIG), Revision::ZERO, 999))
            .into_iter()
            .map(|record| record.event)
            .collect()
    }
}

fn anns() -> Terms {
    terms(Rights::ALL, true, Expiry::Never)
}

fn view() -> Terms {
    terms(Rights::VIEW, false, Expiry::Never)
}

fn ben() -> EmailAddress {
    address(INVITED)
}

fn code<T: std::fmt::Debug>(result: Result<T, dashshare::Error>) -> &'static str {
    result.expect_err("it is refused").refusal().map_or("failed", Refusal::code)
}

fn days(n: u32) -> Timestamp {
    now().plus_days(n)
}

fn sees(sharing: &Sharing, who: u64) -> bool {
    done(sharing.authorize(account(who), board(BIG), Action::View)).is_allowed()
}

/// G13, G17, I1: what was shared with an account does not stand for its address, so that stopping with the address ends
/// what it was asked for, whoever has the address by then.
#[test]
fn an_account_and_its_address_are_two_names() {
    let world = World::new();
    world.verify(BOB);
    let sharing = world.at(now());
    let olga = account(OLGA);
    let first = done(sharing.share(olga, board(BIG), NewShare::with(account(BOB), view())));
    let second = done(sharing.share(olga, board(BIG), NewShare::with(ben(), view())));
    assert!(!second.standing && second.grant != first.grant && second.others.is_empty());
    world.directory.forget_email(account(BOB), &ben());
    let ended = done(sharing.stop_sharing(olga, board(BIG), ben()));
    assert_eq!(ended.fell, [second.grant]);
    assert!(sees(&sharing, BOB), "by the first");
    // Nor does what was shared with the address stand for the account.
    let world = World::new();
    world.verify(BOB);
    let sharing = world.at(now());
    let first = done(sharing.share(olga, board(BIG), NewShare::with(ben(), view())));
    let second = done(sharing.share(olga, board(BIG), NewShare::with(account(BOB), view())));
    assert!(!second.standing && second.grant != first.grant && second.others.is_empty());
}

/// G17: an invitation stands for the address that it was made to, also once an account has verified it or claimed it.
#[test]
fn an_invitation_stands_whoever_has_verified_its_address() {
    let world = World::new();
    let sharing = world.at(now());
    let ask = || done(sharing.share(account(OLGA), board(BIG), NewShare::with(ben(), view())));
    let first = ask();
    world.verify(BOB);
    let again = ask();
    assert!(again.standing && again.grant == first.grant);
    done(sharing.claim(account(BOB), &ben()));
    assert!(ask().standing, "claimed");
    world.verify(CYD);
    assert!(ask().standing, "and when the address is somebody else's");
}

/// G17, G21: asked for once more, an invitation waits a full term anew and is mailed again, in one record.
#[test]
fn an_invitation_that_is_asked_for_once_more_waits_a_full_term() {
    let world = World::new();
    let ask = |at| done(world.at(at).share(account(OLGA), board(BIG), NewShare::with(ben(), view())));
    let first = ask(now());
    let last = days(14).plus_micros(-1);
    let again = ask(last);
    assert!(again.standing && again.grant == first.grant);
    assert_eq!(again.revision, first.revision.next());
    let renewed = Event::InvitationRenewed { grant: first.grant, lapses: last.plus_days(14) };
    assert_eq!(world.events().last(), Some(&renewed));
    let mails = world.messages();
    let lapses: Vec<Timestamp> = mails
        .iter()
        .filter_map(|mail| match mail {
            Message::Invited { lapses, .. } => Some(*lapses),
            _ => None,
        })
        .collect();
    assert_eq!(lapses, [days(14), last.plus_days(14)]);
    // A duration that the tenant shortened takes nothing away.
    world.set(SharingRules { invitation_days: Some(1), ..SharingRules::default() });
    ask(last);
    assert_eq!(
        done(world.at(last).access_list(account(OLGA), board(BIG))).grants[1].ends,
        Expiry::At(last.plus_days(14))
    );
    world.verify(BOB);
    assert_eq!(done(world.at(days(27)).claim(account(BOB), &ben()))[0].grants, [first.grant]);
}

/// G17, G20: letting an invitation wait on is asked of the rules as the invitation was.
#[test]
fn an_invitation_is_prolonged_only_as_the_rules_allow() {
    let world = World::new();
    let sharing = world.at(now());
    let first = done(sharing.share(account(ANN), board(BIG), NewShare::with(ben(), view())));
    let rules = SharingRules::default;
    for (rules, expected) in [
        (SharingRules { private: false, ..rules() }, "private_sharing_off"),
        (SharingRules { resharing: false, ..rules() }, "resharing_off"),
        (SharingRules { blocked_domains: vec!["x.test".into()], ..rules() }, "domain_blocked"),
        (SharingRules { max_days: Some(3), ..rules() }, "over_maximum"),
        (SharingRules { max_depth: 1, ..rules() }, "too_deep"),
    ] {
        world.set(rules);
        let repeated = sharing.share(account(ANN), board(BIG), NewShare::with(ben(), view()));
        assert_eq!(code(block_on(repeated)), expected);
        assert_eq!(
            code(block_on(sharing.remind_invitation(account(ANN), board(BIG), first.grant))),
            expected
        );
    }
    world.set(rules());
    let renewed = done(world.at(days(3)).remind_invitation(account(OLGA), board(BIG), first.grant));
    assert_eq!(renewed.lapses, days(17));
    assert!(matches!(world.messages().last(), Some(Message::Invited { by, .. }) if *by == account(ANN)));
    assert_eq!(
        code(block_on(sharing.remind_invitation(account(CYD), board(BIG), first.grant))),
        "unknown_grant"
    );
    world.verify(BOB);
    done(world.at(days(4)).claim(account(BOB), &ben()));
    let later = world.at(days(4));
    let answered = later.remind_invitation(account(ANN), board(BIG), first.grant);
    assert_eq!(code(block_on(answered)), "not_waiting");
}

/// G17, G23: while an invitation waits another one on other terms is refused with it, after a claim it is a grant more,
/// and the answer says what else there is.
#[test]
fn a_second_invitation_waits_for_the_answer_to_the_first() {
    let world = World::new();
    let sharing = world.at(now());
    let olga = account(OLGA);
    let wider = || NewShare::with(ben(), terms(Rights::ALL, false, Expiry::Never));
    let first = done(sharing.share(olga, board(BIG), NewShare::with(ben(), view())));
    match block_on(sharing.share(olga, board(BIG), wider())).expect_err("one waits").refusal() {
        Some(Refusal::AlreadyInvited { grant }) => assert_eq!(*grant, first.grant),
        other => panic!("{other:?}"),
    }
    // For another grantor it is the first.
    assert!(!done(sharing.share(account(ANN), board(BIG), wider())).standing);
    world.verify(BOB);
    done(world.at(days(1)).claim(account(BOB), &ben()));
    let more = done(world.at(days(1)).share(olga, board(BIG), wider()));
    assert_eq!((more.standing, more.others.as_slice()), (false, &[first.grant][..]));
    // The same where the account was there from the start, unless the rules tell.
    let world = World::new();
    world.verify(BOB);
    let sharing = world.at(now());
    let first = done(sharing.share(olga, board(BIG), NewShare::with(ben(), view())));
    assert_eq!(code(block_on(sharing.share(olga, board(BIG), wider()))), "already_invited");
    world.set(SharingRules { reveal_accounts: true, ..SharingRules::default() });
    assert_eq!(done(sharing.share(olga, board(BIG), wider())).others, [first.grant]);
    world.set(SharingRules::default());
    // Its account may answer: then the sharer may know.
    let world = World::new();
    world.verify(BOB);
    let sharing = world.at(now());
    let first = done(sharing.share(olga, board(BIG), NewShare::with(ben(), view())));
    assert_eq!(done(sharing.claim(account(BOB), &ben()))[0].grants, [first.grant]);
    assert_eq!(done(sharing.share(olga, board(BIG), wider())).others, [first.grant]);
    let told = Message::Claimed { to: olga, by: account(BOB), address: ben(), grants: vec![first.grant] };
    assert!(world.messages().contains(&told));
}

/// G17, G10: one commit puts one grant in the place of all; what hung on them ends, and its holders are told.
#[test]
fn a_share_that_is_set_replaces_all_that_the_person_has_from_the_grantor() {
    let world = World::new();
    let sharing = world.at(now());
    let (olga, bob) = (account(OLGA), account(BOB));
    let wide = || terms(Rights::ALL, true, in_days(50));
    let give = |by, with: u64, terms| {
        done(sharing.share(account(by), board(BIG), NewShare::with(account(with), terms)))
    };
    let (first, second) = (give(OLGA, BOB, wide()), give(OLGA, BOB, view()));
    let of_anns = give(ANN, BOB, view());
    let below = give(BOB, CYD, view());
    let set = done(sharing.set_share(olga, board(BIG), NewShare::with(bob, view())));
    assert_eq!(set.revision, below.revision.next());
    assert_eq!(set.fell, [first.grant, second.grant, below.grant]);
    assert!(!set.standing && ![first.grant, second.grant].contains(&set.grant));
    let lost = Message::Ended { lost: vec![(account(CYD).into(), vec![below.grant])] };
    assert!(world.messages().contains(&lost), "{:?}", world.messages());
    let again = done(sharing.set_share(olga, board(BIG), NewShare::with(bob, view())));
    assert!(again.standing && again.grant == set.grant && again.revision == set.revision);
    let list = done(sharing.access_list(olga, board(BIG)));
    let bobs: Vec<GrantId> =
        list.grants.iter().filter(|grant| grant.grantee == bob.into()).map(|grant| grant.grant).collect();
    assert_eq!(bobs, [of_anns.grant, set.grant], "what somebody else gave stays");
    let refused = sharing.set_share(account(BOB), board(BIG), NewShare::with(account(CYD), view()));
    assert_eq!(code(block_on(refused)), "no_reshare_right");
}

/// What happens to a dashboard of which somebody would like to know who has an address.
#[derive(Clone, Copy, Debug)]
enum Move {
    Share(u64, u8),
    Set(u64, u8),
    Remind(u64),
    Narrow(u64),
    Stop(u64),
    Wait(u32),
    Revoke(u64, bool),
    Records,
}

fn chosen(dice: &mut u64) -> Move {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let roll = *dice >> 33;
    let by = [OLGA, ANN][usize::try_from(roll % 2).expect("small")];
    let kind = u8::try_from(roll / 2 % 3).expect("small");
    match roll / 6 % 12 {
        0..=3 => Move::Share(by, kind),
        4 | 5 => Move::Set(by, kind),
        6 => Move::Remind(by),
        7 => Move::Narrow(by),
        8 => Move::Stop(by),
        9 => Move::Wait(u32::try_from(roll / 72 % 9).expect("small")),
        10 => Move::Revoke(by, kind == 0),
        _ => Move::Records,
    }
}

/// One of two worlds that differ in who has the address, and what was seen of it.
struct Side {
    sharing: Sharing,
    grants: Vec<GrantId>,
}

impl Side {
    fn new(has: impl Fn(&World)) -> Self {
        let world = World::new();
        has(&world);
        let sharing = world.at(now());
        Self { sharing, grants: Vec::new() }
    }

    /// With every grant by the order in which it was first seen.
    fn named(&mut self, mut said: Value) -> String {
        if let Some(id) = said.get("grant").and_then(Value::as_str).and_then(|id| id.parse().ok())
            && !self.grants.contains(&id)
        {
            self.grants.push(id);
        }
        let _ = said.as_object_mut().map(|said| said.remove("at"));
        let mut text = said.to_string();
        for (number, id) in self.grants.iter().enumerate() {
            text = text.replace(&id.to_string(), &format!("#{number}"));
        }
        text
    }

    fn play(&mut self, step: Move) -> (String, Vec<Call>) {
        fn told<T: serde::Serialize>(result: Result<dashshare::Done<T>, dashshare::Error>) -> Value {
            match result {
                Ok(done) => {
                    let mut said = json!(done.answer);
                    if let Some(said) = said.as_object_mut() {
                        said.insert("revision".into(), json!(done.revision));
                    }
                    said
                }
                Err(error) => json!(error.refusal().expect("a refusal")),
            }
        }
        self.sharing.store().gate.heal();
        let s = &self.sharing;
        let terms = |kind| {
            [view(), terms(Rights::ALL, true, in_days(60)), terms(Rights::ALL, false, Expiry::Never)]
                [usize::from(kind)]
            .clone()
        };
        let last = self.grants.last().copied().unwrap_or(GrantId::from(5u64));
        let said = match step {
            Move::Share(by, kind) => {
                told(block_on(s.share(account(by), board(BIG), NewShare::with(ben(), terms(kind)))))
            }
            Move::Set(by, kind) => {
                told(block_on(s.set_share(account(by), board(BIG), NewShare::with(ben(), terms(kind)))))
            }
            Move::Remind(by) => told(block_on(s.remind_invitation(account(by), board(BIG), last))),
            Move::Narrow(by) => {
                let earlier = Amendment::default().rights(Rights::VIEW);
                told(block_on(s.amend(account(by), board(BIG), last, earlier)))
            }
            Move::Stop(by) => told(block_on(s.stop_sharing(account(by), board(BIG), ben()))),
            Move::Revoke(by, rebinds) => {
                let mode = if rebinds { RevokeMode::Rebind } else { RevokeMode::Cascade };
                told(block_on(s.revoke(account(by), board(BIG), last, mode)))
            }
            Move::Wait(days) => {
                s.env().inner.set(dashshare::Env::now(s.env()).plus_days(days));
                Value::Null
            }
            Move::Records => {
                json!(done(s.audit(Actor::Account(account(OLGA)), board(BIG), Revision::ZERO, 99)))
            }
        };
        let trace = self.sharing.store().gate.trace();
        (self.named(said), trace)
    }
}

/// I1: over random histories nothing that a sharer is answered, refused or shown in a record tells whether an address has
/// an account, whose it is or what that account holds, and neither do the calls that are made.
#[test]
fn no_history_tells_a_sharer_whether_an_address_has_an_account() {
    let sixteen = |world: &World| {
        world.verify(BOB);
        let sharing = world.at(now());
        for day in 1..=16 {
            let terms = terms(Rights::VIEW, false, in_days(200 + day));
            done(sharing.share(account(OLGA), board(BIG), NewShare::with(account(BOB), terms)));
        }
    };
    // The same rows for an address that nobody has.
    let crowded = |world: &World| {
        sixteen(world);
        world.directory.forget_email(account(BOB), &ben());
    };
    let holds = |world: &World| {
        let terms = terms(Rights::ALL, true, Expiry::Never);
        done(world.at(now()).share(account(OLGA), board(BIG), NewShare::with(account(BOB), terms)));
    };
    type Has<'a> = &'a dyn Fn(&World);
    let nobody = |_: &World| {};
    let somebody = |world: &World| world.verify(BOB);
    let a_holder = |world: &World| {
        holds(world);
        world.verify(BOB);
    };
    let pairs: [(&str, Has<'_>, Has<'_>); 3] = [
        ("an account", &nobody, &somebody),
        ("a full one", &crowded, &sixteen),
        ("a holder", &holds, &a_holder),
    ];
    let (mut compared, mut accepted) = (0, 0);
    for (name, without, with) in pairs {
        for seed in 0..150u64 {
            let mut dice = seed;
            let (mut left, mut right) = (Side::new(without), Side::new(with));
            let mut lapsed_at = days(14);
            for n in 0..14 {
                let step = chosen(&mut dice);
                // By the time that an invitation would have lapsed it is told by what is left of it.
                let clock = dashshare::Env::now(left.sharing.env());
                if matches!(step, Move::Wait(days) if clock.plus_days(days) >= lapsed_at) {
                    break;
                }
                // Whoever stops with an address ends what its person holds (G13).
                if name != "an account" && matches!(step, Move::Stop(_)) {
                    continue;
                }
                let (one, other) = (left.play(step), right.play(step));
                assert_eq!(one, other, "{name}, seed {seed}, step {n}: {step:?}");
                if !one.0.contains("\"code\"") && !matches!(step, Move::Wait(_) | Move::Records) {
                    accepted += 1;
                }
                compared += 1;
                lapsed_at = lapsed_at.min(clock.plus_days(14).max(lapsed_at));
            }
        }
    }
    println!("{compared} answers alike, {accepted} of them no refusals");
    assert!(compared > 3_000 && accepted > 800, "{compared} {accepted}");
}

/// I1: a resharer does not learn that an address is the owner's, or that of somebody who may hold no more: what it made
/// waits like any other, and ends when the owner claims it.
#[test]
fn an_address_of_the_owners_is_invited_like_any_other() {
    let ask = |has: &dyn Fn(&World)| {
        let world = World::new();
        has(&world);
        let sharing = world.at(now());
        let mut answer = done(sharing.share(account(ANN), board(BIG), NewShare::with(ben(), view())));
        let grant = std::mem::replace(&mut answer.answer.grant, GrantId::from(1u64));
        (world, grant, (answer, sharing.store().gate.trace()))
    };
    let (_, _, unknown) = ask(&|_| {});
    let (world, grant, owners) = ask(&|world| world.verify(OLGA));
    assert_eq!(owners, unknown);
    assert!(world.grant(grant).grantee.is_pending());
    let claimed = done(world.at(days(1)).claim(account(OLGA), &ben()));
    assert_eq!((claimed[0].ended.as_slice(), claimed[0].grants.len()), (&[grant][..], 0));
    // One's own address is one's own.
    world.directory.verify_email(account(ANN), address("ann@x.test"), now());
    let own = NewShare::with(address("ann@x.test"), view());
    assert_eq!(code(block_on(world.at(days(1)).share(account(ANN), board(BIG), own))), "to_self");
}

/// G12: whoever invited is told when the invitation is declined.
#[test]
fn whoever_invited_is_told_of_a_refusal() {
    let world = World::new();
    let sharing = world.at(now());
    let asked = done(sharing.share(account(ANN), board(BIG), NewShare::with(ben(), view())));
    world.verify(BOB);
    done(sharing.renounce(account(BOB), board(BIG), asked.grant));
    let told = Message::Declined { to: account(ANN), address: ben(), grant: asked.grant };
    assert!(world.messages().contains(&told));
}

/// How a directory contradicts itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lie {
    /// It answers for another account than was asked for.
    Other,
    /// It names an account that has not verified the address.
    Unproven,
}

#[derive(Debug)]
struct Liar {
    inner: Arc<MemoryDirectory>,
    lie: Lie,
}

impl Directory for Liar {
    async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
        let id = if self.lie == Lie::Other { account(CYD) } else { id };
        self.inner.account(id, attestor).await
    }

    async fn account_of(
        &self,
        address: &EmailAddress,
        attestor: &Attestor,
    ) -> Result<Option<Account>, BoxError> {
        match self.lie {
            Lie::Other => self.inner.account_of(address, attestor).await,
            Lie::Unproven => self.inner.account(account(CYD), attestor).await,
        }
    }

    dashshare::delegate_directory!(self.inner => tenant, principal, dashboard, device, variables, devices, blueprint, candidates);
}

/// I3: a directory is not taken at its word: of an address only the proof counts, and who answers for another is an error,
/// which changes nothing and shares nothing.
#[test]
fn a_directory_that_contradicts_itself_is_an_error() {
    type Ask = fn(&Dashshare<Arc<MemoryStore>, Liar, FixedEnv>) -> Result<(), Error>;
    let by_address: [Ask; 4] = [
        |s| block_on(s.share(account(OLGA), board(BIG), NewShare::with(ben(), view()))).map(drop),
        |s| block_on(s.set_share(account(OLGA), board(BIG), NewShare::with(ben(), view()))).map(drop),
        |s| block_on(s.stop_sharing(account(OLGA), board(BIG), ben())).map(drop),
        |s| {
            let template = scene::template();
            block_on(s.offer(
                account(OLGA),
                board(BIG),
                NewOffer::to(ben(), board(50), &template, Expiry::Never),
            ))
            .map(drop)
        },
    ];
    let by_account: [Ask; 4] = [
        |s| block_on(s.share(account(OLGA), board(BIG), NewShare::with(account(BOB), view()))).map(drop),
        |s| block_on(s.claim(account(BOB), &ben())).map(drop),
        |s| block_on(s.offer_transfer(account(OLGA), board(BIG), account(BOB), Rights::NONE)).map(drop),
        |s| block_on(s.transfer(board(BIG), account(BOB), Rights::NONE)).map(drop),
    ];
    for (lie, asks) in [(Lie::Unproven, by_address), (Lie::Other, by_account)] {
        for (number, ask) in asks.iter().enumerate() {
            let world = World::new();
            world.directory.verify_email(account(CYD), address("cyd@x.test"), now());
            let events = world.events();
            let liar = Liar { inner: Arc::clone(&world.directory), lie };
            let sharing = Dashshare::new(Arc::clone(&world.store), liar, FixedEnv::new(now(), 77));
            let error = ask(&sharing).expect_err("it is an error");
            assert!(matches!(error, Error::Directory(_)), "{lie:?} {number}: {error}");
            assert_eq!(world.events(), events, "{lie:?} {number}");
        }
    }
}

/// I1: whoever shares on, or publishes, with what was bound to it at once has answered, and the one who invited is told; a
/// revocation re-issues nothing below what nobody has answered.
#[test]
fn use_is_an_answer_to_an_invitation() {
    let bens = |world: &World| {
        let sharing = world.at(now());
        let share = |to: Holder| NewShare::with(to, anns());
        let first = done(sharing.share(account(ANN), board(BIG), share(account(BOB).into()))).grant;
        done(sharing.share(account(BOB), board(BIG), share(account(CYD).into())));
        let bens = done(sharing.share(account(OLGA), board(BIG), share(ben().into()))).grant;
        done(sharing.revoke(account(ANN), board(BIG), first, RevokeMode::Rebind));
        assert!(!sees(&sharing, CYD), "nothing is re-issued below what nobody has answered");
        bens
    };
    let told = |world: &World, grant| {
        let list = done(world.at(now()).access_list(account(OLGA), board(BIG)));
        let line = list.get(grant).expect("a line").grantee.clone();
        let told =
            Message::Claimed { to: account(OLGA), by: account(BOB), address: ben(), grants: vec![grant] };
        (line == account(BOB).into(), world.messages().contains(&told))
    };
    type Use = fn(&Sharing) -> Result<(), Error>;
    let uses: [Use; 3] = [
        |s| block_on(s.share(account(BOB), board(BIG), NewShare::with(account(CYD), view()))).map(drop),
        |s| block_on(s.set_share(account(BOB), board(BIG), NewShare::with(account(CYD), view()))).map(drop),
        |s| block_on(s.rotate_link(account(BOB), board(BIG), Expiry::Never)).map(drop),
    ];
    for used in uses {
        let world = World::new();
        world.verify(BOB);
        let bens = bens(&world);
        assert_eq!(told(&world, bens), (false, false));
        used(&world.at(now())).expect("it is done");
        assert_eq!(told(&world, bens), (true, true));
    }
}

/// G22: what a name itself covers ends whatever the directory says, and it is told that there may be more.
#[test]
fn no_withdrawal_loses_to_the_directory() {
    let world = World::new();
    let sharing = world.at(now());
    let share =
        |name: Holder| done(sharing.share(account(OLGA), board(BIG), NewShare::with(name, view()))).grant;
    let (bobs, bens) = (share(account(BOB).into()), share(ben().into()));
    let liar = |lie| {
        let liar = Liar { inner: Arc::clone(&world.directory), lie };
        let seed = world.drawn.fetch_add(1, Relaxed);
        Dashshare::new(Arc::clone(&world.store), liar, FixedEnv::new(now(), seed))
    };
    let is_over = |grant| world.grant(grant).revoked.is_some();
    let failed = block_on(liar(Lie::Unproven).stop_sharing(account(OLGA), board(BIG), ben()));
    assert!(matches!(failed, Err(Error::Directory(_))) && is_over(bens), "{failed:?}");
    let failed = block_on(liar(Lie::Other).stop_sharing(account(OLGA), board(BIG), account(BOB)));
    assert!(matches!(failed, Err(Error::Directory(_))) && is_over(bobs), "{failed:?}");
    let (bobs, bens) = (share(account(BOB).into()), share(ben().into()));
    done(liar(Lie::Other).renounce(account(BOB), board(BIG), bobs));
    assert!(is_over(bobs));
    // What an address is needed for is not refused, as if nobody had it.
    world.verify(BOB);
    let failed = block_on(liar(Lie::Other).renounce(account(BOB), board(BIG), bens));
    assert!(matches!(failed, Err(Error::Directory(_))) && !is_over(bens), "{failed:?}");
}

/// E17, G9: a mail says when access really ends, and whoever holds a grant is told when its terms are changed.
#[test]
fn a_mail_says_when_access_really_ends() {
    let world = World::new();
    let sharing = world.at(now());
    let (anns, bobs) = (days(20), days(9));
    let until = terms(Rights::ALL, true, Expiry::At(anns));
    let cyds = done(sharing.share(account(OLGA), board(BIG), NewShare::with(account(CYD), until))).grant;
    let given = done(sharing.share(account(CYD), board(BIG), NewShare::with(account(BOB), view()))).grant;
    let ends = |grant| {
        let of = |mail: &Message| match mail {
            Message::Shared { grant: of, ends, .. } if *of == grant => Some(*ends),
            _ => None,
        };
        world.messages().iter().find_map(of)
    };
    assert_eq!((ends(cyds), ends(given)), (Some(Expiry::At(anns)), Some(Expiry::At(anns))));
    let sooner = Amendment::default().expiry(Expiry::At(bobs)).no_reshare();
    done(sharing.amend(account(OLGA), board(BIG), given, sooner));
    let told = Message::Amended {
        grant: given,
        by: account(OLGA),
        to: account(BOB).into(),
        before: view(),
        after: terms(Rights::VIEW, false, Expiry::At(bobs)),
        ends: Expiry::At(bobs),
    };
    assert_eq!(world.messages().last(), Some(&told));
}
