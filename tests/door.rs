//! The one door (G20): nobody holds by any command what a share would have refused.

use crate::support::faulty::{self, Sharing};
use crate::support::scene::{
    ANN, BIG, BOB, CYD, DAN, OLGA, account, address, board, done, in_days, now, terms,
};
use dashshare::{
    AccountId, Action, Amendment, Expiry, GrantId, Holder, MemoryDirectory, MemoryStore, NewShare,
    RevokeMode, Rights, TenantId, Timestamp,
    directory::{SharingRules, Tenant},
    policy::{Document, PolicySet, Principal},
    store::{Freshness, Grant, Grantee, Head, Store as _},
};
use pollster::block_on;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

const TENANT: u64 = 1;
const DOMAINS: [&str; 3] = ["corp.test", "x.test", "gone.test"];

/// A dashboard of Olga's, accounts with addresses, and what the tenant says just now.
struct World {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    rules: SharingRules,
    denied: BTreeSet<u64>,
    clock: Timestamp,
    /// No two processes draw alike.
    drawn: AtomicU64,
    /// Who has verified which address.
    addresses: Mutex<BTreeMap<String, AccountId>>,
}

impl World {
    fn new() -> Self {
        let world = Self {
            store: Arc::default(),
            directory: Arc::default(),
            rules: SharingRules::default(),
            denied: BTreeSet::new(),
            clock: now(),
            drawn: AtomicU64::new(3),
            addresses: Mutex::default(),
        };
        for number in OLGA..=DAN {
            world.directory.add_account(account(number));
            world.directory.set_principal(
                TenantId::from(TENANT),
                account(number),
                Principal::run_user(number.to_string()),
            );
        }
        done(world.sharing().register(board(BIG), TenantId::from(TENANT), account(OLGA)));
        world
    }

    fn sharing(&self) -> Sharing {
        faulty::process(&self.store, &self.directory, self.clock, self.drawn.fetch_add(1, Relaxed))
    }

    fn verify(&self, who: u64, text: &str) {
        self.directory.verify_email(account(who), address(text), now());
        self.addresses.lock().expect("a list").insert(text.to_owned(), account(who));
    }

    fn forget(&self, text: &str) {
        let mut addresses = self.addresses.lock().expect("a list");
        if let Some(who) = addresses.remove(text) {
            self.directory.forget_email(who, &address(text));
        }
    }

    fn verified_by(&self, who: AccountId) -> Vec<String> {
        let addresses = self.addresses.lock().expect("a list");
        addresses.iter().filter(|(_, has)| **has == who).map(|(text, _)| text.clone()).collect()
    }

    /// Tells the directory of the rules and the policies.
    fn publish(&self) {
        let mut policies = PolicySet::default();
        for who in &self.denied {
            let text = format!(
                r#"{{"id": "p{who}", "targets": [["run_user", "id", "{who}"]], "permissions": [
                    {{"effect": "deny", "action": ["access"], "resource": ["dashboard"]}}]}}"#
            );
            policies = policies.with(&Document::parse(&text).expect("a policy"));
        }
        let tenant = Tenant { rules: self.rules.clone(), policies, ..MemoryDirectory::open_tenant() };
        self.directory.set_tenant(TenantId::from(TENANT), tenant);
    }

    fn set(&mut self, rules: SharingRules) {
        self.rules = rules;
        self.publish();
    }

    fn deny(&mut self, who: u64) {
        self.denied.insert(who);
        self.publish();
    }

    fn share(
        &self,
        by: u64,
        with: impl Into<Holder>,
        rights: Rights,
        reshare: bool,
        expiry: Expiry,
    ) -> GrantId {
        let share = NewShare::with(with, terms(rights, reshare, expiry));
        done(self.sharing().share(account(by), board(BIG), share)).grant
    }

    fn grants(&self) -> BTreeMap<GrantId, Arc<Grant>> {
        done(self.store.grants(board(BIG), 0, 999)).into_iter().map(|grant| (grant.id, grant)).collect()
    }

    fn head(&self) -> Arc<Head> {
        done(self.store.read(board(BIG), &[], Freshness::Latest)).expect("a dashboard").head
    }

    fn sees(&self, who: u64, at: Timestamp) -> bool {
        let sharing = faulty::process(&self.store, &self.directory, at, 9);
        done(sharing.authorize(account(who), board(BIG), Action::View)).is_allowed()
    }
}

fn rules() -> SharingRules {
    SharingRules::default()
}

fn code<T: std::fmt::Debug>(result: Result<T, dashshare::Error>) -> &'static str {
    result.expect_err("it is refused").refusal().map_or("failed", dashshare::Refusal::code)
}

fn blocked() -> SharingRules {
    SharingRules { blocked_domains: vec!["gone.test".into()], ..rules() }
}

/// G14, G20: what is re-issued lasts no longer than what it replaces did, and not to whom the rules would refuse it today.
#[test]
fn what_is_re_issued_passes_the_door_and_lasts_no_longer() {
    let mut world = World::new();
    world.verify(CYD, "cyd@gone.test");
    let first = world.share(OLGA, account(ANN), Rights::VIEW, true, in_days(5));
    world.share(ANN, account(CYD), Rights::VIEW, false, Expiry::Never);
    world.share(ANN, account(BOB), Rights::VIEW, true, Expiry::Never);
    world.share(BOB, account(DAN), Rights::VIEW, false, Expiry::Never);
    world.share(OLGA, account(ANN), Rights::VIEW, true, Expiry::Never);
    world.set(blocked());
    let ended = done(world.sharing().revoke(account(OLGA), board(BIG), first, RevokeMode::Rebind));
    assert_eq!(ended.rebound.len(), 2);
    assert!(!world.sees(CYD, now()), "of a blocked domain");
    for who in [BOB, DAN] {
        assert!(world.sees(who, now().plus_days(5).plus_micros(-1)));
        assert!(!world.sees(who, now().plus_days(5)), "{who}");
    }
}

/// G14: whoever revokes lengthens nothing by it, also where the end that bounds it is another's.
#[test]
fn a_rebind_lengthens_no_access() {
    let mut world = World::new();
    world.share(OLGA, account(ANN), Rights::VIEW, true, in_days(10));
    world.share(OLGA, account(BOB), Rights::VIEW, true, Expiry::Never);
    world.set(SharingRules { max_days: Some(30), ..rules() });
    let third = world.share(ANN, account(BOB), Rights::VIEW, true, in_days(9));
    let on = NewShare::with(account(CYD), terms(Rights::VIEW, false, Expiry::Never)).on_from(third);
    done(world.sharing().share(account(BOB), board(BIG), on));
    done(world.sharing().revoke(account(ANN), board(BIG), third, RevokeMode::Rebind));
    assert!(world.sees(CYD, now().plus_days(9).plus_micros(-1)));
    assert!(!world.sees(CYD, now().plus_days(9)));
    // Nor is what it replaces cut less than the rules of today would.
    let mut world = World::new();
    let first = world.share(OLGA, account(ANN), Rights::VIEW, true, Expiry::Never);
    world.share(ANN, account(BOB), Rights::VIEW, false, Expiry::Never);
    world.share(OLGA, account(ANN), Rights::VIEW, true, in_days(400));
    world.set(SharingRules { max_days: Some(30), ..rules() });
    done(world.sharing().revoke(account(OLGA), board(BIG), first, RevokeMode::Rebind));
    assert!(world.sees(BOB, now().plus_days(29)) && !world.sees(BOB, now().plus_days(30)));
}

/// I3, G20: an invitation that may not be given to whoever claims it today goes on waiting, and is bound once it may.
#[test]
fn a_claim_asks_the_rules_of_today() {
    type Turn = (fn(&mut World), fn(&mut World));
    let turns: [Turn; 5] = [
        (|w| w.set(SharingRules { private: false, ..rules() }), |w| w.set(rules())),
        (|w| w.set(SharingRules { resharing: false, ..rules() }), |w| w.set(rules())),
        (|w| w.set(blocked()), |w| w.set(rules())),
        (|w| w.set(SharingRules { max_days: Some(1), ..rules() }), |w| w.set(rules())),
        (
            |w| w.deny(ANN),
            |w| {
                w.denied.clear();
                w.publish();
            },
        ),
    ];
    for (number, (shut, open)) in turns.into_iter().enumerate() {
        let mut world = World::new();
        world.share(OLGA, account(ANN), Rights::ALL, true, Expiry::Never);
        let waits = world.share(ANN, address("bob@x.test"), Rights::VIEW, false, Expiry::Never);
        world.verify(BOB, "bob@x.test");
        world.verify(BOB, "bob@gone.test");
        shut(&mut world);
        let claim = |world: &World| {
            done(world.sharing().claim(account(BOB), &address("bob@x.test"))).remove(0).answer
        };
        let claimed = claim(&world);
        assert_eq!((claimed.refused, claimed.grants.len()), (vec![waits], 0), "turn {number}");
        assert!(world.grants()[&waits].grantee.is_pending());
        open(&mut world);
        assert_eq!(claim(&world).grants, [waits], "turn {number}");
    }
}

/// G18, I3: nobody gets back by its own invitation what it gave away, whenever the address was verified.
#[test]
fn an_invitation_of_ones_own_ends_at_the_claim() {
    for verified_before in [true, false] {
        let world = World::new();
        world.share(OLGA, address("me@x.test"), Rights::ALL, true, Expiry::Never);
        if verified_before {
            world.verify(OLGA, "me@x.test");
        }
        done(world.sharing().offer_transfer(account(OLGA), board(BIG), account(ANN), Rights::NONE));
        done(world.sharing().take_transfer(account(ANN), board(BIG)));
        world.verify(OLGA, "me@x.test");
        let claimed = done(world.sharing().claim(account(OLGA), &address("me@x.test")));
        assert!(claimed.iter().all(|done| done.grants.is_empty()), "{claimed:?}");
        assert!(!world.sees(OLGA, now()));
        // What somebody else invites is another matter.
        world.share(ANN, address("more@x.test"), Rights::VIEW, false, Expiry::Never);
        world.verify(OLGA, "more@x.test");
        done(world.sharing().claim(account(OLGA), &address("more@x.test")));
        assert!(world.sees(OLGA, now()));
    }
    // A resharer's own, after its grant ended and the owner shared with it anew.
    let world = World::new();
    world.share(OLGA, account(ANN), Rights::VIEW, true, Expiry::Never);
    let own = world.share(ANN, address("ann@x.test"), Rights::VIEW, true, Expiry::Never);
    world.verify(ANN, "ann@x.test");
    assert_eq!(done(world.sharing().claim(account(ANN), &address("ann@x.test")))[0].ended, [own]);
}

/// G9, G20: an end that is moved later is asked for as a share is, by the name that the grant was made to.
#[test]
fn prolonging_passes_the_door() {
    let mut world = World::new();
    world.verify(BOB, "bob@gone.test");
    let bobs = world.share(OLGA, account(BOB), Rights::VIEW, false, in_days(5));
    let invited = world.share(OLGA, address("new@gone.test"), Rights::VIEW, false, in_days(5));
    world.set(blocked());
    for grant in [bobs, invited] {
        let amend = |days| {
            let moved = Amendment::default().expiry(in_days(days));
            block_on(world.sharing().amend(account(OLGA), board(BIG), grant, moved))
        };
        assert_eq!(code(amend(6)), "domain_blocked");
        amend(4).expect("earlier is let");
    }
}

/// Refused or not, by the rules as they are, of a grant that a command made, bound or prolonged: written without a look
/// at the library.
fn would_refuse(
    world: &World,
    head: &Head,
    all: &BTreeMap<GrantId, Arc<Grant>>,
    grant: &Grant,
    by: (&str, AccountId),
) -> Option<&'static str> {
    let rules = &world.rules;
    let number = |account: AccountId| account.to_u64().expect("a number");
    let parent = grant.ancestors.last().map(|id| &all[id]);
    let giver = match parent {
        // Whoever prolongs gives, also for somebody below.
        _ if ["amend", "remind"].contains(&by.0) => by.1,
        Some(parent) if parent.absorbed().is_none() => parent.grantee.account().expect("held"),
        _ => head.owner,
    };
    let listed = |list: &[String], domain: &str| list.iter().any(|entry| entry == domain);
    let domain = |text: &str| text.rsplit('@').next().expect("a domain").to_owned();
    let lets = |domain: &str| {
        !listed(&rules.blocked_domains, domain)
            && (rules.allowed_domains.is_empty() || listed(&rules.allowed_domains, domain))
    };
    let lets_account = |who: AccountId| {
        let domains: Vec<String> = world.verified_by(who).iter().map(|text| domain(text)).collect();
        let any = domains.iter().any(|domain| lets(domain));
        let none_blocked = !domains.iter().any(|domain| listed(&rules.blocked_domains, domain));
        if domains.is_empty() { rules.allowed_domains.is_empty() } else { any && none_blocked }
    };
    let recipient_is_let = match &grant.grantee {
        Grantee::Account(who) => lets_account(*who),
        Grantee::Pending(invitation) => lets(invitation.address.domain()),
        // By a claim an account gets what an address had, and else the address is the name.
        Grantee::Claimed(claim) if by.0 == "claim" => lets_account(claim.account),
        Grantee::Claimed(claim) => lets(claim.invitation.address.domain()),
        _ => false,
    };
    let path = grant.ancestors.iter().map(|id| &all[id]).map(|grant| grant.terms.expiry);
    let ends = path.fold(grant.terms.expiry, Expiry::min);
    match () {
        () if !rules.private => Some("private"),
        () if parent.is_some() && !rules.resharing => Some("resharing"),
        () if giver != head.owner && world.denied.contains(&number(giver)) => Some("policy"),
        () if !recipient_is_let => Some("domain"),
        () if rules.max_days.is_some_and(|days| Expiry::At(world.clock.plus_days(days)) < ends) => {
            Some("duration")
        }
        () if grant.ancestors.len() >= usize::from(rules.max_depth) => Some("depth"),
        () => None,
    }
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.roll(u64::try_from(all.len()).expect("few"))).expect("few")].clone()
    }
}

/// Turns the rules, the policies, the addresses or the clock.
fn turn(world: &mut World, dice: &mut Dice) {
    match dice.roll(5) {
        0 => {
            let some = |dice: &mut Dice, chance| {
                let list: Vec<String> =
                    DOMAINS.iter().filter(|_| dice.roll(chance) == 0).map(|d| (*d).to_owned()).collect();
                list
            };
            world.rules.blocked_domains = some(dice, 4);
            world.rules.allowed_domains = if dice.roll(2) == 0 { some(dice, 2) } else { Vec::new() };
        }
        1 => {
            world.rules.private = dice.roll(8) > 0;
            world.rules.resharing = dice.roll(4) > 0;
            world.rules.max_days = dice.of(&[None, None, Some(5), Some(30)]);
            world.rules.max_depth = dice.of(&[1, 2, 3, 8]);
        }
        2 => world.denied = (OLGA..=DAN).filter(|_| dice.roll(5) == 0).collect(),
        3 => {
            let (who, named) = (OLGA + dice.roll(5), OLGA + dice.roll(5));
            let text = format!("n{named}@{}", dice.of(&DOMAINS));
            match dice.roll(3) {
                0 => world.forget(&text),
                _ => world.verify(who, &text),
            }
        }
        _ => world.clock = world.clock.plus_days(u32::try_from(dice.roll(4)).expect("small")),
    }
    world.publish();
}

/// Gives a command of some kind; its name and who gave it, if it was accepted.
fn command(world: &World, dice: &mut Dice) -> Option<(&'static str, AccountId)> {
    let sharing = world.sharing();
    let (by, who) = (account(OLGA + dice.roll(5)), account(OLGA + dice.roll(5)));
    let text = format!("n{}@{}", OLGA + dice.roll(5), dice.of(&DOMAINS));
    let all = world.grants();
    let ids: Vec<GrantId> = all.keys().copied().chain([GrantId::from(1u64)]).collect();
    let grant = dice.of(&ids);
    let days = u32::try_from(1 + dice.roll(60)).expect("small");
    let expiry = dice.of(&[Expiry::Never, Expiry::At(world.clock.plus_days(days))]);
    let with: Holder = dice.of(&[who.into(), address(&text).into()]);
    let share = NewShare::with(with, terms(dice.of(&[Rights::VIEW, Rights::ALL]), dice.roll(3) > 0, expiry));
    let on = board(BIG);
    let owner = world.head().owner;
    let by = if dice.roll(3) == 0 { owner } else { by };
    let keep = dice.of(&[Rights::NONE, Rights::VIEW]);
    let (name, accepted) = match dice.roll(12) {
        0..=3 => ("share", block_on(sharing.share(by, on, share)).is_ok()),
        4 => ("set_share", block_on(sharing.set_share(by, on, share)).is_ok()),
        5 | 6 => {
            // One with something below, of somebody who may share on by another one too.
            let parents: Vec<GrantId> = all.values().filter_map(|it| it.ancestors.last().copied()).collect();
            let grant = if parents.is_empty() { grant } else { dice.of(&parents) };
            if let Some(holder) = all.get(&grant).and_then(|it| it.grantee.account()) {
                let other = NewShare::with(holder, terms(Rights::ALL, true, expiry));
                let _ = block_on(sharing.share(owner, on, other));
            }
            let rebound = block_on(sharing.revoke(owner, on, grant, RevokeMode::Rebind));
            ("rebind", rebound.is_ok_and(|done| !done.rebound.is_empty()))
        }
        7 => ("amend", block_on(sharing.amend(by, on, grant, Amendment::default().expiry(expiry))).is_ok()),
        8 | 9 => {
            let waiting = all.values().filter_map(|it| match &it.grantee {
                Grantee::Pending(invitation) => Some(invitation.address.to_string()),
                _ => None,
            });
            let texts: Vec<String> = waiting.chain([text]).collect();
            let text = dice.of(&texts);
            world.verify(OLGA + dice.roll(5), &text);
            let who = world.addresses.lock().expect("a list")[&text];
            let claimed = block_on(sharing.claim(who, &address(&text)));
            ("claim", claimed.is_ok_and(|claimed| claimed.iter().any(|done| !done.grants.is_empty())))
        }
        10 => ("remind", block_on(sharing.remind_invitation(by, on, grant)).is_ok()),
        _ => {
            let asked = block_on(sharing.offer_transfer(owner, on, who, keep));
            ("transfer", asked.is_ok() && block_on(sharing.take_transfer(who, on)).is_ok())
        }
    };
    accepted.then_some((name, by))
}

/// What a command left that was not there before, as far as it gives more.
fn given<'a>(
    before: &BTreeMap<GrantId, Arc<Grant>>,
    after: &'a BTreeMap<GrantId, Arc<Grant>>,
) -> Vec<&'a Arc<Grant>> {
    let lapse = |grant: &Grant| match &grant.grantee {
        Grantee::Pending(invitation) => Some(invitation.lapses),
        _ => None,
    };
    let gives_more = |grant: &&Arc<Grant>| match before.get(&grant.id) {
        None => true,
        Some(old) => {
            old.grantee.account() != grant.grantee.account()
                || lapse(old) < lapse(grant)
                || old.terms.expiry < grant.terms.expiry
        }
    };
    after.values().filter(gives_more).filter(|grant| grant.absorbed().is_none()).collect()
}

/// G20: over random tenants, policies, addresses and histories nobody holds by any command what a share would have been
/// refused, and nobody owns who could not have been shared with.
#[test]
fn nobody_holds_by_any_command_what_a_share_would_have_refused() {
    let mut passed: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..800u64 {
        let (mut world, mut dice) = (World::new(), Dice(seed));
        for number in OLGA..=DAN {
            if dice.roll(2) == 0 {
                world.verify(number, &format!("n{number}@{}", dice.of(&DOMAINS)));
            }
        }
        for step in 0..24 {
            if dice.roll(4) == 0 {
                turn(&mut world, &mut dice);
            }
            let (before, owner) = (world.grants(), world.head().owner);
            let Some((name, by)) = command(&world, &mut dice) else { continue };
            let (after, head) = (world.grants(), world.head());
            *passed.entry(name).or_default() += 1;
            for grant in given(&before, &after) {
                let refused = would_refuse(&world, &head, &after, grant, (name, by));
                assert_eq!(
                    refused, None,
                    "seed {seed}, step {step}: {name} gave {grant:#?} under {:?}",
                    world.rules
                );
            }
            if head.owner != owner {
                let number = head.owner.to_u64().expect("a number");
                assert!(world.rules.private && !world.denied.contains(&number), "seed {seed}, step {step}");
                let denied = |who: AccountId| world.denied.contains(&who.to_u64().expect("a number"));
                let kept = given(&before, &after);
                let kept = kept.iter().filter_map(|grant| grant.grantee.account());
                assert!(kept.filter(|who| *who == owner).all(|who| !denied(who)), "seed {seed}, step {step}");
            }
        }
    }
    println!("{passed:?}");
    for (name, least) in [
        ("share", 500),
        ("set_share", 100),
        ("rebind", 30),
        ("amend", 30),
        ("claim", 30),
        ("remind", 30),
        ("transfer", 50),
    ] {
        assert!(passed.get(name).is_some_and(|found| *found >= least), "{name}: {passed:?}");
    }
}
