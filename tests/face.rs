//! What a host builds on: pages of decisions, helpers of lists, kinds of refusals, JSON in stable words.

use crate::support::{
    faulty::Call,
    scene::{
        self, ANN, BARE, BIG, BOB, CYD, DAN, EVE, NONE, OFFERED, OLGA, PAUSED, Scene, ZED, account, board,
    },
};
use dashshare::{
    AccountId, Action, DashboardId, Error, ErrorKind, Expiry, GrantId, NewShare, Refusal, Rights, Terms,
    explain::{Because, Denial, Missing},
    policy::RuleRef,
    questions::{AccessList, Page},
    store::{Freshness, Grant, Store as _},
};
use pollster::block_on;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn done<T>(answer: impl Future<Output = Result<T, Error>>) -> T {
    block_on(answer).expect("it is done")
}

/// D2, D8, S2: a page of dashboards is decided as each of them by itself, in one call to the store.
#[test]
fn a_page_of_dashboards_is_decided_as_each_by_itself_in_one_round_trip() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let page = [BIG, NONE, BARE, OFFERED, PAUSED, BIG].map(board);
    let (mut allowed, mut denied) = (0, 0);
    for who in [OLGA, ANN, BOB, CYD, DAN, EVE, ZED, 99].map(account) {
        for action in [Action::View, Action::Export, Action::Share, Action::Arrange, Action::Edit] {
            sharing.store().gate.heal();
            let together = done(sharing.authorize_many(who, &page, action));
            let calls: Vec<Call> =
                sharing.store().gate.trace().into_iter().filter(|call| call.is_stores()).collect();
            assert_eq!(calls, [Call::ReadMany]);
            assert_eq!(together.len(), page.len());
            for (decision, dashboard) in together.iter().zip(page) {
                let alone = done(sharing.authorize(who, dashboard, action));
                assert_eq!(json!(decision.explanation()), json!(alone.explanation()), "{who} {action:?}");
                assert_eq!(decision.tell(), alone.tell());
                assert_eq!(decision.permitted(action), alone.permitted(action));
                if decision.is_allowed() { allowed += 1 } else { denied += 1 }
            }
        }
    }
    assert!(allowed > 20 && denied > 100, "{allowed} allowed and {denied} denied are too few");
    assert!(done(sharing.authorize_many(account(ANN), &[], Action::View)).is_empty());
}

/// G16: a list knows its roots, what hangs on what, and every person in it.
#[test]
fn a_list_tells_its_roots_parents_and_people() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let list: AccessList = done(sharing.access_list(account(OLGA), board(BIG)));
    let roots: Vec<_> = list.roots().map(|grant| grant.grant).collect();
    assert!(list.roots().all(|grant| grant.depth() == 1 && grant.grantor == account(OLGA)));
    // Whoever walks down from the roots meets every grant once.
    let (mut open, mut met) = (roots.clone(), BTreeSet::new());
    while let Some(grant) = open.pop() {
        assert!(met.insert(grant), "{grant} is met twice");
        for child in list.below(grant) {
            assert_eq!(list.parent(child.grant).map(|parent| parent.grant), Some(grant));
            open.push(child.grant);
        }
    }
    assert_eq!(met, list.grants.iter().map(|grant| grant.grant).collect());
    assert!(met.len() > roots.len() && roots.iter().all(|root| list.parent(*root).is_none()));
    let people: Vec<AccountId> = [OLGA, ANN, BOB, CYD, DAN].map(account).into();
    assert!(people.iter().all(|person| list.accounts().contains(person)), "{:?}", list.accounts());
    assert!(list.accounts().is_sorted_by(|a, b| a < b));
    // To a resharer its own grants are no part of the list, so what hangs on them are the roots.
    let anns = done(sharing.access_list(account(ANN), board(BIG)));
    assert!(anns.roots().next().is_some_and(|grant| grant.depth() == 2));
}

/// Whose a dashboard is, and what somebody owns: offers and deleted ones are none.
#[test]
fn owners_and_what_they_own_are_answered() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    assert_eq!(*done(sharing.owned(account(OLGA), Page::first(9))), [BIG, BARE, PAUSED].map(board));
    for (dashboard, owner) in [(BIG, Some(OLGA)), (OFFERED, None), (NONE, None)] {
        assert_eq!(done(sharing.owner_of(board(dashboard))), owner.map(account));
    }
    done(sharing.delete_dashboard(account(OLGA), board(BARE)));
    assert_eq!(done(sharing.owner_of(board(BARE))), None);
    assert_eq!(*done(sharing.owned(account(OLGA), Page::first(9))), [BIG, PAUSED].map(board));
}

/// D6: lists, too, can demand a revision.
#[test]
fn every_question_can_demand_a_revision() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let head = block_on(sharing.store().read(board(BIG), &[], Freshness::Latest)).unwrap().unwrap().head;
    let (now, later) = (sharing.at_least(head.revision), sharing.at_least(head.revision.next()));
    let (olga, big, until) = (account(OLGA), board(BIG), scene::now().plus_days(9));
    let grant = scene.grant("ann");
    assert!(block_on(now.access_list(olga, big)).is_ok() && block_on(now.viewers(big)).is_ok());
    assert!(block_on(now.impact_of_revoking(olga, big, grant)).is_ok());
    assert!(block_on(now.losing_access(big, until)).is_ok());
    let refused = [
        block_on(later.authorize(olga, big, Action::View)).map(drop),
        block_on(later.access_list(olga, big)).map(drop),
        block_on(later.viewers(big)).map(drop),
        block_on(later.impact_of_revoking(olga, big, grant)).map(drop),
        block_on(later.losing_access(big, until)).map(drop),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(Error::Stale { .. })), "{answer:?}");
    }
}

/// D7: who loses access is asked of another instant, too.
#[test]
fn who_loses_access_is_asked_of_any_instant() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let week = Terms::view(Expiry::At(scene::now().plus_days(7)));
    done(sharing.share(account(OLGA), board(BARE), NewShare::with(account(ZED), week)));
    let (in_5, in_8) = (scene::now().plus_days(5), scene::now().plus_days(8));
    let is_zed = |losing: &dashshare::questions::Losing| losing.account == account(ZED);
    assert!(done(sharing.as_of(in_5).losing_access(board(BARE), in_8)).iter().any(is_zed));
    assert!(!done(sharing.as_of(in_8).losing_access(board(BARE), in_8.plus_days(9))).iter().any(is_zed));
}

fn refusals() -> Vec<Refusal> {
    let rule = RuleRef { policy: "night-shift".to_owned(), rule: 1 };
    let at = scene::now();
    vec![
        Refusal::UnknownDashboard,
        Refusal::UnknownGrant,
        Refusal::UnknownAccount,
        Refusal::AlreadyExists,
        Refusal::NoReshareRight,
        Refusal::ExceedsOwnRights { held: Rights::VIEW },
        Refusal::NotOwner,
        Refusal::NotYours,
        Refusal::EmptyRights,
        Refusal::EmptyLock,
        Refusal::LockTooLarge { what: "clauses", limit: 32 },
        Refusal::LockUnreadable,
        Refusal::LockShowsNothing,
        Refusal::ExpiryPast(at),
        Refusal::EndsTooLate { latest: at },
        Refusal::OverMaximum { latest: at },
        Refusal::Widening,
        Refusal::ToSelf,
        Refusal::ToOwner,
        Refusal::TooDeep { limit: 8 },
        Refusal::PrivateSharingOff,
        Refusal::ResharingOff,
        Refusal::PublicSharingOff,
        Refusal::DomainBlocked,
        Refusal::EmailNotVerified,
        Refusal::UnknownOffer,
        Refusal::TextTooLong { limit: 2000 },
        Refusal::TextTellsTooMuch,
        Refusal::TemplateTooLarge { limit: 1 << 20 },
        Refusal::LinkTaken,
        Refusal::ForeignToken,
        Refusal::Suspended,
        Refusal::NoLink,
        Refusal::Superseded,
        Refusal::PolicyDenies(rule.clone()),
        Refusal::SetupIncomplete {
            missing: vec![
                Missing::Portal,
                Missing::DashboardDenied(rule.clone()),
                Missing::DeviceDenied { device: "pump".to_owned(), by: rule.clone() },
            ],
        },
        Refusal::OwnsDashboards { dashboards: vec![DashboardId::from(7u64)] },
        Refusal::RecipientDenied(rule),
        Refusal::AlreadyInvited { grant: GrantId::from(7u64) },
        Refusal::NotWaiting,
        Refusal::TooManyGrants { limit: 16 },
        Refusal::DashboardFull { limit: 10_000 },
        Refusal::TooManyShares { limit: 500 },
        Refusal::TooManyInvitations { limit: 100 },
        Refusal::TooManyOffers { limit: 20 },
        Refusal::TooManyOffersReceived { limit: 20 },
        Refusal::NoTransfer,
        Refusal::RateLimited { retry_after: Some(60) },
    ]
}

/// D8: each refusal is of one of seven kinds, is written with its code and a sentence, and names no policy to whoever gave
/// the command.
#[test]
fn every_refusal_has_a_kind_a_status_and_words() {
    let statuses = [
        (ErrorKind::NotFound, 404),
        (ErrorKind::Forbidden, 403),
        (ErrorKind::Conflict, 409),
        (ErrorKind::Invalid, 422),
        (ErrorKind::TooLarge, 413),
        (ErrorKind::TooManyRequests, 429),
        (ErrorKind::TryLater, 503),
    ];
    let mut seen = BTreeSet::new();
    for refusal in refusals() {
        assert!(seen.insert(refusal.code()));
        let written = json!(refusal);
        assert_eq!(written["code"], refusal.code());
        let sentence = written["sentence"].as_str().expect("a sentence");
        assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{sentence}");
        let told = refusal.tell();
        let status = statuses.iter().find(|(kind, _)| *kind == refusal.kind()).expect("a kind").1;
        assert_eq!((told.status(), refusal.kind().status()), (status, status));
        assert!(!json!(told).to_string().contains("night-shift"), "{told}");
        assert_eq!(Error::from(refusal.clone()).kind(), refusal.kind());
        assert_eq!(Error::from(refusal).tell(), told);
    }
    let source = include_str!("../src/sharing/refusal.rs");
    let arms =
        source.split("pub fn code(").nth(1).expect("the codes").split("\n    }\n").next().expect("an end");
    assert_eq!(arms.matches("=> \"").count(), seen.len(), "a refusal is missing above");
    let later = Error::Contended;
    assert_eq!((later.kind(), later.tell().status()), (ErrorKind::TryLater, 503));
    let failed = Error::Store("the disk is full".into());
    assert_eq!(failed.to_string(), "the store failed: the disk is full");
    assert!(!failed.tell().to_string().contains("disk"), "who asks is not told of the machinery");
}

/// What a host shows is written in these words.
#[test]
fn answers_are_written_in_stable_words() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let week = Terms::view(Expiry::At(scene::now().plus_days(7)));
    let shared = done(sharing.share(account(OLGA), board(BARE), NewShare::with(account(ZED), week)));
    let written = json!(shared);
    assert_eq!(written["dashboard"], BARE.to_string());
    assert_eq!(written["answer"]["ends"], json!({ "at": "2026-03-08T12:00:00Z" }));
    assert_eq!(written["answer"]["standing"], false);
    assert_eq!(written["revision"], shared.revision.number());

    let decision = done(sharing.authorize(account(ZED), board(BARE), Action::View));
    assert_eq!(
        json!(decision.tell()),
        json!({
            "code": "allowed", "status": 200, "by": OLGA.to_string(), "ends": "2026-03-08T12:00:00Z",
            "sentence": "You may view this dashboard.",
        })
    );
    let explanation = decision.explanation();
    assert_eq!(explanation.because, Because::Grant);
    assert_eq!(explanation.accounts(), [OLGA, ZED].map(account));
    assert_eq!(json!(explanation)["asker"], json!({ "account": ZED.to_string() }));
    let denied = done(sharing.authorize(account(ZED), board(BARE), Action::Edit));
    assert_eq!(json!(denied.explanation())["because"], json!({ "denied": "owners_only" }));
    assert_eq!(denied.denial(), Some(Denial::OwnersOnly));

    let list = json!(done(sharing.access_list(account(OLGA), board(BIG))));
    for member in ["dashboard", "owner", "revision", "at", "grants", "link"] {
        assert!(list.get(member).is_some(), "`{member}` is missing in {list}");
    }
    for member in
        ["grant", "grantor", "grantee", "pending", "rights", "reshare", "expiry", "ends", "created", "path"]
    {
        assert!(list["grants"][0].get(member).is_some(), "`{member}` is missing in {list}");
    }
    let viewers = json!(done(sharing.viewers(board(BARE))));
    let of_zed = |viewer: &&Value| viewer["account"].as_str() == Some(ZED.to_string().as_str());
    assert_eq!(
        viewers.as_array().and_then(|all| all.iter().find(of_zed)).expect("Zed")["rights"],
        json!(["view"])
    );
}

/// A grant is kept by the million: what is in every one of them is weighed. A lock costs a pointer where there is none.
#[test]
fn a_grant_stays_small() {
    assert_eq!(size_of::<Terms>(), 24);
    assert!(size_of::<Grant>() <= 160, "a grant takes {} bytes", size_of::<Grant>());
}
