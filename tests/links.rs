//! Who has power over the public link, and what its end may be.

use crate::support::scene::{self, BIG, OLGA, Scene, board};
use dashshare::{
    AccountId, DashboardId, Dashshare, Error, Expiry, FixedEnv, MemoryDirectory, MemoryStore, NewShare,
    Refusal, Revision, Rights, TenantId, Terms, Timestamp,
    directory::{Portal, SharingRules, Tenant},
    policy::{Document, Principal},
    store::Store as _,
    trail::{Actor, Event, Message},
};
use pollster::block_on;

const OWNERS: [u64; 2] = [1, 2];
const ANN: u64 = 3;
const DASHBOARD: u64 = 9;

type Sharing = Dashshare<MemoryStore, MemoryDirectory, FixedEnv>;

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn dashboard() -> DashboardId {
    DashboardId::from(DASHBOARD)
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

/// A dashboard of the first owner's, which Ann may share on for as long as the terms say.
fn host(terms: Terms) -> Sharing {
    let sharing =
        Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start(), 1));
    for number in [OWNERS[0], OWNERS[1], ANN] {
        sharing.directory().add_account(account(number));
    }
    block_on(sharing.register(dashboard(), TenantId::from(1u64), account(OWNERS[0]))).expect("registered");
    let share = NewShare::with(account(ANN), terms);
    block_on(sharing.share(account(OWNERS[0]), dashboard(), share)).expect("shared");
    sharing
}

fn code<T>(outcome: Result<T, Error>) -> Option<&'static str> {
    outcome.err().map(|error| error.refusal().map(Refusal::code).expect("a refusal"))
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Role {
    Owner,
    Host,
    Maker,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Rotate(Role),
    Pause(Role),
    Resume(Role),
    Withdraw(Role),
    Transfer,
}

const STEPS: [Step; 13] = {
    use {Role::*, Step::*};
    [
        Rotate(Owner),
        Rotate(Host),
        Rotate(Maker),
        Pause(Owner),
        Pause(Host),
        Pause(Maker),
        Resume(Owner),
        Resume(Host),
        Resume(Maker),
        Withdraw(Owner),
        Withdraw(Host),
        Withdraw(Maker),
        Transfer,
    ]
};

/// The link as the rules have it: whether it is Ann's, and who paused it.
#[derive(Clone, Copy)]
struct Expected {
    anns: bool,
    paused: Option<Role>,
}

/// What a step is refused with, and the link after it.
fn expected(link: Option<Expected>, step: Step) -> (Option<&'static str>, Option<Expected>) {
    let fresh = |anns| (None, Some(Expected { anns, paused: None }));
    match (step, link) {
        (Step::Transfer, _) => (None, link),
        (Step::Rotate(Role::Maker), Some(Expected { anns: false, .. })) => (Some("link_taken"), link),
        (Step::Rotate(Role::Maker), Some(Expected { paused: Some(Role::Owner), .. })) => {
            (Some("not_yours"), link)
        }
        (Step::Rotate(role), _) => fresh(role == Role::Maker),
        (_, None) => (Some("no_link"), None),
        (
            Step::Pause(Role::Maker) | Step::Resume(Role::Maker) | Step::Withdraw(Role::Maker),
            Some(Expected { anns: false, .. }),
        ) => (Some("not_yours"), link),
        (Step::Withdraw(_), _) => (None, None),
        (Step::Pause(Role::Maker), Some(Expected { anns, paused })) => {
            (None, Some(Expected { anns, paused: paused.or(Some(Role::Maker)) }))
        }
        (Step::Pause(_), Some(Expected { anns, .. })) => {
            (None, Some(Expected { anns, paused: Some(Role::Owner) }))
        }
        (Step::Resume(Role::Maker), Some(Expected { paused: Some(Role::Owner), .. })) => {
            (Some("not_yours"), link)
        }
        (Step::Resume(_), Some(Expected { anns, .. })) => fresh(anns),
    }
}

/// Plays steps after Ann made a link; how many of them met an owner's pause of Ann's link.
fn play(steps: &[Step]) -> usize {
    let sharing = host(Terms::view(Expiry::Never).and_reshare());
    let mut owner = 0;
    let rotate = |by: Actor| block_on(sharing.rotate_link(by, dashboard(), Expiry::Never));
    let mut token = rotate(account(ANN).into()).expect("a link").answer.token;
    let mut link = Some(Expected { anns: true, paused: None });
    let mut met = 0;
    for (n, step) in steps.iter().enumerate() {
        let by = |role| match role {
            Role::Owner => Actor::Account(account(OWNERS[owner])),
            Role::Host => Actor::Host,
            Role::Maker => Actor::Account(account(ANN)),
        };
        met += usize::from(matches!(link, Some(Expected { anns: true, paused: Some(Role::Owner) })));
        let found = match *step {
            Step::Rotate(role) => code(rotate(by(role)).map(|made| token = made.answer.token)),
            Step::Pause(role) => code(block_on(sharing.pause_link(by(role), dashboard()))),
            Step::Resume(role) => code(block_on(sharing.resume_link(by(role), dashboard()))),
            Step::Withdraw(role) => code(block_on(sharing.withdraw_link(by(role), dashboard()))),
            Step::Transfer => {
                let by = account(OWNERS[owner]);
                owner = 1 - owner;
                code(block_on(async {
                    sharing.offer_transfer(by, dashboard(), account(OWNERS[owner]), Rights::NONE).await?;
                    sharing.take_transfer(account(OWNERS[owner]), dashboard()).await
                }))
            }
        };
        let (refused, after) = expected(link, *step);
        assert_eq!(found, refused, "step {n} of {steps:?}");
        link = after;
        let opens = block_on(sharing.visit(token.expose())).expect("a decision").is_allowed();
        assert_eq!(opens, link.is_some_and(|link| link.paused.is_none()), "step {n} of {steps:?}");
    }
    met
}

/// L6: whatever the owner, the host and the maker do in whatever order, and whoever owns the dashboard by then: what the
/// owner paused, or the host in its place, only they let visitors into again; all else the maker does with its own link.
#[test]
fn what_the_owner_paused_only_the_owner_or_the_host_resumes() {
    let (mut played, mut met) = (0, 0);
    for one in STEPS {
        for two in STEPS {
            for three in STEPS {
                played += 1;
                met += play(&[Step::Pause(Role::Maker), one, two, three]);
                met += play(&[one, two, three]);
            }
        }
    }
    println!("{played} histories, {met} steps on a link that the owner paused");
    assert!(met > 1000, "too few: {met}");
}

/// L6, L9: the lists say whose pause it is, and so does the diagnosis to the maker.
#[test]
fn lists_and_the_diagnosis_say_who_can_resume() {
    let sharing = host(Terms::view(Expiry::Never).and_reshare());
    let ann = account(ANN);
    block_on(sharing.rotate_link(ann, dashboard(), Expiry::Never)).expect("a link");
    let told = || {
        let link = block_on(sharing.access_list(ann, dashboard())).expect("a list").link.expect("a link");
        let causes = block_on(sharing.diagnose_link(ann, dashboard(), None)).expect("an answer").causes;
        let causes: Vec<String> = causes.iter().map(ToString::to_string).collect();
        (link.paused, link.paused_by_owner, causes.join("; "))
    };
    block_on(sharing.pause_link(ann, dashboard())).expect("paused");
    let since = "the link is paused since 2026-01-01T00:00:00Z";
    assert_eq!(told(), (true, false, format!("{since}: resume it")));
    sharing.env().set(start().plus_days(1));
    block_on(sharing.pause_link(account(OWNERS[0]), dashboard())).expect("paused");
    assert_eq!(told(), (true, true, format!("{since}: only the owner can resume it")));
    // To pause it once more changes nothing, and makes it nobody else's pause.
    let before = format!("{:?}", sharing.store());
    block_on(sharing.pause_link(ann, dashboard())).expect("it is paused");
    block_on(sharing.pause_link(Actor::Host, dashboard())).expect("it is paused");
    assert_eq!(format!("{:?}", sharing.store()), before);
    let setup = block_on(sharing.missing_to_publish(ann, dashboard()));
    assert_eq!(code(setup), Some("not_yours"));
}

/// What stands in the way of publishing.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Obstacle {
    Nothing,
    Portal,
    Private,
    Longest,
    Policy,
}

/// The day on which Ann's grant ends, and the most days that a share may last where that is limited.
const ANNS_END: u32 = 20;
const LONGEST: u32 = 12;

fn day(day: Option<u32>) -> Expiry {
    day.map_or(Expiry::Never, |day| Expiry::At(start().plus_days(day)))
}

fn obstruct(sharing: &Sharing, obstacle: Obstacle) {
    const DENY: &str = r#"{"id": "deny", "targets": [["run_user", "id", "ann"]], "permissions": [
        {"effect": "deny", "action": ["access"], "resource": ["dashboard"]}]}"#;
    let (tenant, open) = (TenantId::from(1u64), MemoryDirectory::open_tenant());
    let rules = SharingRules::default();
    sharing.directory().set_principal(tenant, account(ANN), Principal::run_user("ann"));
    let changed = match obstacle {
        Obstacle::Nothing => open,
        Obstacle::Portal => Tenant { portal: Portal { active: false, ..open.portal.clone() }, ..open },
        Obstacle::Private => Tenant { rules: SharingRules { private: false, ..rules }, ..open },
        Obstacle::Longest => Tenant { rules: SharingRules { max_days: Some(LONGEST), ..rules }, ..open },
        Obstacle::Policy => {
            let deny = Document::parse(DENY).expect("a policy");
            Tenant { policies: open.policies.with(&deny), ..open }
        }
    };
    sharing.directory().set_tenant(tenant, changed);
}

/// What moving the end of a link from day `from` to day `to` is refused with, on day 1.
fn refused(
    anns: bool,
    by: Role,
    from: Option<u32>,
    to: Option<u32>,
    obstacle: Obstacle,
) -> Option<&'static str> {
    let latest = if anns { ANNS_END } else { u32::MAX };
    if by == Role::Maker && !anns {
        return Some("not_yours");
    }
    if from == to {
        return None;
    }
    if to.is_some_and(|to| to <= 1) {
        return Some("expiry_past");
    }
    if to.is_some_and(|to| latest < to) {
        return Some("ends_too_late");
    }
    let later = to.is_none_or(|to| from.is_some_and(|from| from < to));
    match obstacle {
        _ if !later => None,
        Obstacle::Portal => Some("setup_incomplete"),
        Obstacle::Private if anns => Some("private_sharing_off"),
        Obstacle::Policy if by == Role::Maker => Some("policy_denies"),
        Obstacle::Longest if to.unwrap_or(u32::MAX).min(latest) > LONGEST + 1 => Some("over_maximum"),
        _ => None,
    }
}

/// L6, G6, G20, G21: the owner, the host and the maker move the end of a link, within the maker's own end, with the
/// same token; later asks all that publishing asks, and earlier nothing; whatever is refused changes nothing.
#[test]
fn the_end_of_a_link_moves_within_the_makers_own_and_only_later_asks_anything() {
    let days = [None, Some(0), Some(1), Some(5), Some(13), Some(14), Some(20), Some(21)];
    let (mut moved, mut denied) = (0, 0);
    let obstacles =
        [Obstacle::Nothing, Obstacle::Portal, Obstacle::Private, Obstacle::Longest, Obstacle::Policy];
    for (anns, obstacle) in [false, true].iter().flat_map(|anns| obstacles.map(|obstacle| (*anns, obstacle)))
    {
        for from in [None, Some(10), Some(20)] {
            for (by, to) in
                [Role::Owner, Role::Host, Role::Maker].iter().flat_map(|by| days.map(|to| (*by, to)))
            {
                let context = format!("Ann's: {anns}, {obstacle:?}, {by:?} from {from:?} to {to:?}");
                let sharing = host(Terms::view(day(Some(ANNS_END))).and_reshare());
                let maker = if anns { account(ANN) } else { account(OWNERS[0]) };
                let link = block_on(sharing.rotate_link(maker, dashboard(), day(from))).expect("a link");
                sharing.env().set(start().plus_days(1));
                obstruct(&sharing, obstacle);
                let actor = match by {
                    Role::Owner => account(OWNERS[0]).into(),
                    Role::Host => Actor::Host,
                    Role::Maker => account(ANN).into(),
                };
                let before = format!("{:?}", sharing.store());
                let found = block_on(sharing.move_link_end(actor, dashboard(), day(to)));
                let expected = refused(anns, by, from, to, obstacle);
                if let Ok(found) = &found {
                    let ends = if anns { day(to).min(day(Some(ANNS_END))) } else { day(to) };
                    assert_eq!((found.generation, found.expiry, found.ends), (1, day(to), ends), "{context}");
                }
                assert_eq!(code(found), expected, "{context}");
                if expected.is_some() || from == to {
                    assert_eq!(format!("{:?}", sharing.store()), before, "{context}");
                    denied += 1;
                    continue;
                }
                moved += 1;
                obstruct(&sharing, Obstacle::Nothing);
                let records =
                    block_on(sharing.audit(Actor::Host, dashboard(), Revision::ZERO, 50)).expect("records");
                let last = records.last().expect("a record");
                let event = Event::LinkEndMoved { generation: 1, before: day(from), after: day(to) };
                assert_eq!((&last.event, last.actor), (&event, actor), "{context}");
                let ends = if anns { day(to).min(day(Some(ANNS_END))) } else { day(to) };
                let visit = block_on(sharing.visit(link.token.expose())).expect("a decision");
                assert_eq!((visit.is_allowed(), visit.valid_until()), (true, ends.at()), "{context}");
                if let Expiry::At(end) = ends {
                    sharing.env().set(end);
                    let visit = block_on(sharing.visit(link.token.expose())).expect("a decision");
                    assert!(!visit.is_allowed(), "{context}");
                }
            }
        }
    }
    println!("{moved} moved, {denied} not");
    assert!(moved > 200 && denied > 200, "too few: {moved} moved, {denied} not");
}

/// L6: there is nothing to move where no link stands, for strangers not even a dashboard, and for other grantees no power.
#[test]
fn only_whoever_has_power_over_a_link_moves_its_end() {
    let sharing = host(Terms::view(day(Some(ANNS_END))).and_reshare());
    let move_to = |by: u64, to| code(block_on(sharing.move_link_end(account(by), dashboard(), day(to))));
    assert_eq!(move_to(OWNERS[0], Some(3)), Some("no_link"));
    assert_eq!(move_to(OWNERS[1], Some(3)), Some("unknown_dashboard"));
    block_on(sharing.rotate_link(account(ANN), dashboard(), Expiry::Never)).expect("a link");
    let view = NewShare::with(account(OWNERS[1]), Terms::view(Expiry::Never));
    block_on(sharing.share(account(OWNERS[0]), dashboard(), view)).expect("shared");
    assert_eq!(move_to(OWNERS[1], Some(3)), Some("not_yours"));
    assert_eq!(move_to(ANN, Some(3)), None);
    sharing.env().set(start().plus_days(3));
    assert_eq!(move_to(ANN, Some(4)), Some("no_link"));
}

/// G20, G22: whatever only takes a link away asks the directory nothing.
#[test]
fn what_takes_a_link_away_depends_on_no_directory() {
    for number in 0..3 {
        let scene = Scene::new();
        let sharing = scene.process(2);
        let (olga, big) = (scene::account(OLGA), board(BIG));
        match number {
            0 => assert_eq!(scene::done(sharing.move_link_end(olga, big, scene::in_days(3))).generation, 1),
            1 => scene::done(sharing.pause_link(olga, big)).answer,
            _ => scene::done(sharing.withdraw_link(olga, big)).answer,
        }
        let trace = sharing.store().gate.trace();
        let asked: Vec<_> = trace.iter().skip(1).filter(|call| !call.is_stores()).collect();
        assert!(trace.len() > 2 && asked.is_empty(), "{number}: {trace:?}");
    }
}

/// L6: the owner is told of each link that a grantee makes, and of none of its own.
#[test]
fn the_owner_is_told_of_a_grantees_link() {
    let sharing = host(Terms::view(Expiry::Never).and_reshare());
    let told = || {
        let messages = block_on(sharing.store().outbox(None, 99)).expect("the outbox");
        let links = messages.into_iter().filter_map(|message| match message.message {
            Message::LinkMade { to, by, generation, .. } => Some((to, by, generation)),
            _ => None,
        });
        links.collect::<Vec<_>>()
    };
    let rotate = |by: Actor| block_on(sharing.rotate_link(by, dashboard(), Expiry::Never)).expect("a link");
    rotate(account(OWNERS[0]).into());
    rotate(Actor::Host);
    assert!(told().is_empty());
    block_on(sharing.withdraw_link(account(OWNERS[0]), dashboard())).expect("withdrawn");
    for generation in [3, 4] {
        assert_eq!(rotate(account(ANN).into()).generation, generation);
        assert_eq!(told().last(), Some(&(account(OWNERS[0]), account(ANN), generation)));
    }
    assert_eq!(told().len(), 2);
}
