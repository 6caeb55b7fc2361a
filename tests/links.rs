//! Who has power over the public link, and what its end may be.

use dashshare::{
    AccountId, DashboardId, Dashshare, Error, Expiry, FixedEnv, MemoryDirectory, MemoryStore, NewShare,
    Refusal, Rights, TenantId, Terms, Timestamp, trail::Actor,
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
                code(block_on(sharing.transfer(by, dashboard(), account(OWNERS[owner]), Rights::NONE)))
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
