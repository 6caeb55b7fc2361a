//! Who would lose what: the impact of a revocation, who loses access by the clock, and who is reminded say what decisions
//! say before and after.

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, EmailAddress, Expiry, FixedEnv, GrantId, Holder,
    MemoryDirectory, MemoryStore, NewShare, RevokeMode, Right, Rights, TenantId, Terms, Timestamp,
    directory::Tenant,
    policy::{Document, Principal},
    questions::{Losing, Page},
    trail::{Actor, Message},
};
use pollster::block_on;
use std::{collections::BTreeMap, fmt::Debug};

const PEOPLE: u64 = 6;
const OLGA: u64 = 1;
const TENANT: u64 = 1;

type Sharing = Dashshare<MemoryStore, MemoryDirectory, FixedEnv>;

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn board() -> DashboardId {
    DashboardId::from(7u64)
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

fn done<T, E: Debug>(call: impl Future<Output = Result<T, E>>) -> T {
    block_on(call).expect("it succeeds")
}

fn address(number: u64) -> EmailAddress {
    format!("p{number}@example.com").parse().expect("an address")
}

/// SplitMix64: small, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// What somebody may do: view, export, share.
type May = [bool; 3];

const ACTIONS: [Action; 3] = [Action::View, Action::Export, Action::Share];

fn is_nothing(may: May) -> bool {
    may == [false; 3]
}

/// What one has and the other has not.
fn lost(before: May, after: May) -> May {
    [0, 1, 2].map(|at| before[at] && !after[at])
}

fn rights(may: May) -> Rights {
    [Right::View, Right::Export]
        .into_iter()
        .zip(may)
        .filter(|(_, may)| *may)
        .map(|(right, _)| right)
        .collect()
}

struct World {
    sharing: Sharing,
    grants: Vec<GrantId>,
    /// Whether a policy lets somebody see the dashboard.
    lets: bool,
    /// Whether the tenant's switches are on.
    is_on: bool,
}

const DENY: &str = r#"{"id": "deny", "targets": [TARGETS], "permissions": [
    {"effect": "deny", "action": ["access"], "resource": ["dashboard"]}]}"#;
const ALLOW: &str = r#"{"id": "allow", "targets": [TARGETS], "permissions": [
    {"effect": "allow", "action": ["access"], "resource": ["dashboard"]}]}"#;

impl World {
    /// A dashboard of Olga's, shared with nobody.
    fn empty(number: u64) -> Self {
        let sharing = Dashshare::new(
            MemoryStore::default(),
            MemoryDirectory::default(),
            FixedEnv::new(start(), number),
        );
        for person in OLGA..=PEOPLE {
            sharing.directory().add_account(account(person));
            let principal = Principal::run_user(format!("p{person}"));
            sharing.directory().set_principal(TenantId::from(TENANT), account(person), principal);
        }
        done(sharing.register(board(), TenantId::from(TENANT), account(OLGA)));
        Self { sharing, grants: Vec::new(), lets: false, is_on: true }
    }

    /// The world of this number: shares of every kind under open rules, then whatever rules and policies.
    fn new(number: u64) -> Self {
        let (mut random, mut world) = (Random(number), Self::empty(number));
        for _ in 0..4 + random.below(9) {
            world.share(&mut random);
        }
        if !world.grants.is_empty() && random.percent(20) {
            let gone = world.grants[random.below(world.grants.len() as u64) as usize];
            let _ = block_on(world.sharing.revoke(Actor::Host, board(), gone, RevokeMode::Cascade));
        }
        world.govern(&mut random);
        world
    }

    fn share(&mut self, random: &mut Random) {
        let by = if random.percent(45) { OLGA } else { 2 + random.below(PEOPLE - 1) };
        let to = 2 + random.below(PEOPLE - 1);
        let with: Holder = match random.below(10) {
            // Sometimes nobody has the address, sometimes somebody.
            0 | 1 => {
                if random.percent(50) {
                    self.sharing.directory().verify_email(account(to), address(to), start());
                }
                address(to).into()
            }
            _ => account(to).into(),
        };
        let rights = [Rights::VIEW, Rights::VIEW, Rights::EXPORT, Rights::ALL][random.below(4) as usize];
        let ends = [None, Some(2), Some(3), Some(5), Some(5), Some(20)][random.below(6) as usize];
        let expiry = Expiry::from(ends.map(|days| start().plus_days(days)));
        let terms = Terms::of(rights, expiry).reshare(random.percent(60));
        if let Ok(shared) = block_on(self.sharing.share(account(by), board(), NewShare::with(with, terms))) {
            self.grants.extend((!shared.standing).then_some(shared.grant));
        }
    }

    fn govern(&mut self, random: &mut Random) {
        let mut tenant = Tenant::default();
        tenant.rules.private = random.percent(95);
        tenant.rules.resharing = random.percent(80);
        tenant.rules.max_depth = [1, 2, 3, 8][random.below(4) as usize];
        self.is_on = tenant.rules.private && tenant.rules.resharing;
        for (text, chance) in [(DENY, 40), (ALLOW, 30)] {
            if random.percent(chance) {
                let people = (OLGA..=PEOPLE).filter(|_| random.percent(30));
                let targets: Vec<String> =
                    people.map(|person| format!(r#"["run_user", "id", "p{person}"]"#)).collect();
                let text = text.replace("TARGETS", &targets.join(","));
                if let (false, Ok(policy)) = (targets.is_empty(), Document::parse(&text)) {
                    tenant.policies = tenant.policies.with(&policy);
                    self.lets |= text.contains("allow");
                }
            }
        }
        self.sharing.directory().set_tenant(TenantId::from(TENANT), tenant);
    }

    /// What everybody may do, as decisions say.
    fn everybody(&self) -> BTreeMap<AccountId, May> {
        let may =
            |person| ACTIONS.map(|action| done(self.sharing.authorize(person, board(), action)).is_allowed());
        (OLGA..=PEOPLE).map(account).map(|person| (person, may(person))).collect()
    }

    /// The invitations that wait, by their grants, and when they end.
    fn waiting(&self) -> BTreeMap<GrantId, (Holder, Expiry)> {
        let list = done(self.sharing.access_list(Actor::Host, board()));
        let waiting = list.grants.into_iter().filter(|grant| grant.pending);
        waiting.map(|grant| (grant.grant, (grant.grantee, grant.ends))).collect()
    }
}

/// G15: who would lose access by a revocation, and who keeps what, is what decisions say after it was done.
#[test]
fn the_impact_of_a_revocation_is_what_decisions_say_after_it() {
    let (mut asked, mut losers, mut keepers) = (0, 0, 0);
    for number in 0..250 {
        for at in 0..World::new(number).grants.len() {
            let world = World::new(number);
            let grant = world.grants[at];
            let Ok(impact) = block_on(world.sharing.impact_of_revoking(Actor::Host, board(), grant)) else {
                continue;
            };
            let held: BTreeMap<GrantId, Holder> = done(world.sharing.access_list(Actor::Host, board()))
                .grants
                .into_iter()
                .map(|grant| (grant.grant, grant.grantee))
                .collect();
            let (before, waited) = (world.everybody(), world.waiting());
            let ended = done(world.sharing.revoke(Actor::Host, board(), grant, RevokeMode::Cascade));
            let after = world.everybody();
            let gone: Vec<AccountId> = (OLGA..=PEOPLE)
                .map(account)
                .filter(|who| !is_nothing(before[who]) && is_nothing(after[who]))
                .collect();
            assert_eq!(impact.lose, gone, "world {number}, grant {at}");
            let kept: BTreeMap<AccountId, Rights> = impact.keep.iter().copied().collect();
            for (who, keeps) in &kept {
                assert_eq!(*keeps, rights(after[who]), "world {number}, grant {at}, {who}");
                assert!(!is_nothing(before[who]) && !is_nothing(after[who]), "world {number}, {who}");
                let touched = ended.fell.iter().any(|fell| held[fell] == Holder::Account(*who));
                assert!(touched, "{who} keeps what nobody takes in world {number}");
            }
            for who in (OLGA..=PEOPLE).map(account) {
                let narrowed = !is_nothing(lost(before[&who], after[&who])) && !is_nothing(after[&who]);
                assert!(!narrowed || kept.contains_key(&who), "world {number}, grant {at}, {who}");
            }
            let fell: std::collections::BTreeSet<Holder> =
                ended.fell.iter().filter_map(|fell| waited.get(fell)).map(|(to, _)| to.clone()).collect();
            assert_eq!(impact.invitations, fell.into_iter().collect::<Vec<_>>(), "world {number}");
            asked += 1;
            losers += impact.lose.len();
            keepers += kept.len();
        }
    }
    println!("{asked} revocations, {losers} lose access, {keepers} keep some");
    assert!(asked > 700 && losers > 250 && keepers > 250, "{asked} {losers} {keepers}");
}

/// D7, G24: who loses something by the clock is what decisions say once it has moved, and the same people are reminded,
/// once.
#[test]
fn who_loses_something_is_what_decisions_say_later_and_the_same_are_reminded_once() {
    let (mut people, mut partly, mut invitations) = (0, 0, 0);
    for (number, days) in (0..400).flat_map(|number| [1, 3, 5, 16].map(|days| (number, days))) {
        let world = World::new(number);
        let until = start().plus_days(days);
        let losing = done(world.sharing.losing_access(board(), until));
        let (before, waiting) = (world.everybody(), world.waiting());
        let at = |instant| {
            world.sharing.env().set(instant);
            let everybody = world.everybody();
            world.sharing.env().set(start());
            everybody
        };
        let after = at(until);
        let expected: Vec<(AccountId, May)> = (OLGA..=PEOPLE)
            .map(|person| (account(person), lost(before[&account(person)], after[&account(person)])))
            .filter(|(_, lost)| !is_nothing(*lost))
            .collect();
        let found: Vec<_> = losing.iter().map(|it| (it.account, it.rights, it.reshare)).collect();
        let wanted: Vec<_> = expected.iter().map(|(who, lost)| (*who, rights(*lost), lost[2])).collect();
        assert_eq!(found, wanted, "world {number} within {days} days");
        for Losing { account, ends, .. } in &losing {
            let (still, gone) = (at(ends.plus_micros(-1))[account], at(*ends)[account]);
            assert!(!is_nothing(lost(still, after[account])), "{account} has lost it before {ends}");
            assert!(is_nothing(lost(gone, after[account])), "{account} has something left at {ends}");
            partly += usize::from(!is_nothing(after[account]));
        }

        let marks: Vec<_> = done(world.sharing.outbox(None, 999)).iter().map(|it| it.id).collect();
        let reminded = done(world.sharing.remind(board(), until));
        let messages = done(world.sharing.outbox(marks.last().copied(), 999));
        let (mut told, mut invited) = (BTreeMap::new(), BTreeMap::new());
        let mut ends_told = std::collections::BTreeSet::new();
        for message in &messages {
            match &message.message {
                Message::Expiring { to: Holder::Account(to), ends, .. } => {
                    *told.entry(*to).or_insert(0) += 1;
                    assert!(ends_told.insert((*to, *ends)), "{to} is told twice of {ends}");
                    let changes = at(ends.plus_micros(-1))[to] != at(*ends)[to];
                    assert!(changes, "{to} loses nothing at {ends} in world {number}");
                }
                Message::Expiring { grant, to, .. } => drop(invited.insert(*grant, to.clone())),
                Message::Lapsing { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        let losers: Vec<AccountId> = losing.iter().map(|it| it.account).collect();
        assert_eq!(told.into_keys().collect::<Vec<_>>(), losers, "world {number} within {days} days");
        let gives = |to: &GrantId| {
            let rules = done(world.sharing.access_list(Actor::Host, board()));
            rules.get(*to).is_some_and(|grant| !grant.rights.is_empty())
        };
        let lapsing =
            waiting.into_iter().filter(|(grant, (_, ends))| *ends <= Expiry::At(until) && gives(grant));
        let lapsing: BTreeMap<GrantId, Holder> = lapsing.map(|(grant, (to, _))| (grant, to)).collect();
        assert!(invited.iter().all(|(grant, to)| lapsing.get(grant) == Some(to)), "world {number}");
        assert!(!world.is_on || invited == lapsing, "world {number}");
        assert!(messages.is_empty() == reminded.is_empty());
        assert!(done(world.sharing.remind(board(), until)).is_empty(), "told twice in world {number}");
        people += losing.len();
        invitations += invited.len();
    }
    println!("{people} lose something, {partly} of them not all; {invitations} invitations lapse");
    assert!(people > 1_000 && partly > 150 && invitations > 150, "{people} {partly} {invitations}");
}

/// D7, G7: who may see a dashboard by what was shared, and who can share it on, is what decisions say.
#[test]
fn viewers_and_what_is_shared_with_somebody_are_what_decisions_say() {
    let (mut seen, mut sharers, mut cannot) = (0, 0, 0);
    for number in 0..400 {
        let world = World::new(number);
        let everybody = world.everybody();
        let viewers = done(world.sharing.viewers(board()));
        for viewer in &viewers {
            let may = everybody[&viewer.account];
            assert!(rights(may).covers(viewer.rights) && viewer.account != account(OLGA));
            assert!(world.lets || rights(may) == viewer.rights, "world {number}");
        }
        for person in 2..=PEOPLE {
            let may = everybody[&account(person)];
            let shared = done(world.sharing.shared_with(account(person), Page::first(9)));
            let shared = shared.first();
            assert_eq!(shared.map(|it| it.rights), viewer_of(&viewers, person), "world {number}, {person}");
            assert!(world.lets || shared.is_some() != is_nothing(may));
            assert_eq!(shared.is_some_and(|it| it.reshare), may[2], "world {number}, {person}");
            seen += usize::from(shared.is_some());
            sharers += usize::from(may[2]);
            cannot += usize::from(shared.is_some() && !may[2]);
            // What is said of sharing on is what a share does.
            let newcomer = account(90);
            world.sharing.directory().add_account(newcomer);
            let shares = [Rights::VIEW, Rights::EXPORT].map(|rights| {
                let share = NewShare::with(newcomer, Terms::of(rights, Expiry::Never));
                block_on(world.sharing.share(account(person), board(), share)).is_ok()
            });
            assert_eq!(shares.contains(&true), may[2], "world {number}, {person}");
        }
    }
    println!("{seen} see it, {sharers} can share it on, {cannot} cannot");
    assert!(seen > 700 && sharers > 150 && cannot > 300, "{seen} {sharers} {cannot}");
}

fn viewer_of(viewers: &[dashshare::questions::Viewer], person: u64) -> Option<Rights> {
    viewers.iter().find(|viewer| viewer.account == account(person)).map(|viewer| viewer.rights)
}

/// I1, I4, G24: an invitation that is about to lapse is told to the invitee and to the inviter, once. To the inviter it
/// looks the same if the invitee has an account that has not answered, unless the tenant's rules tell.
#[test]
fn an_invitation_that_lapses_is_told_to_both_sides_once() {
    for (has_account, reveals) in [(false, false), (true, false), (true, true)] {
        let world = World::empty(1);
        let sharing = &world.sharing;
        let mut tenant = Tenant::default();
        tenant.rules.reveal_accounts = reveals;
        sharing.directory().set_tenant(TenantId::from(TENANT), tenant);
        if has_account {
            sharing.directory().verify_email(account(3), address(3), start());
        }
        let share = NewShare::with(address(3), Terms::view(Expiry::Never));
        let grant = done(sharing.share(account(OLGA), board(), share)).grant;
        let lapses = start().plus_days(14);
        assert!(done(sharing.remind(board(), lapses.plus_micros(-1))).is_empty());
        let marks: Vec<_> = done(sharing.outbox(None, 99)).iter().map(|it| it.id).collect();
        let reminded = done(sharing.remind(board(), lapses)).answer;
        let told = done(sharing.outbox(marks.last().copied(), 99)).into_iter().map(|it| it.message);
        let told: Vec<Message> = told.collect();
        let invitee = Message::Expiring { grant, to: address(3).into(), ends: lapses };
        let inviter = Message::Lapsing { to: account(OLGA), address: address(3), grant, lapses };
        match (has_account, reveals) {
            (false, _) => assert_eq!(told, [invitee, inviter]),
            (true, false) => assert_eq!(told, [inviter]),
            (true, true) => assert_eq!(told, []),
        }
        assert_eq!(reminded, if told.is_empty() { vec![] } else { vec![grant] });
        assert!(done(sharing.remind(board(), lapses)).is_empty(), "once");
        assert!(done(sharing.losing_access(board(), lapses)).is_empty(), "nobody loses access by it");
    }
}
