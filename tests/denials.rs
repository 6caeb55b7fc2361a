//! What somebody may not know: denials that look alike whatever their cause, and what a decision says and when it
//! is not to be had.

use crate::support::faulty::{self, Call, Fault, Sharing};
use crate::support::scene::{
    self, ANN, BIG, BOB, CYD, DAN, NONE, OLGA, PAUSED, Scene, ZED, account, address, board, done, in_days,
    now, terms,
};
use dashshare::{
    AccountId, Action, Amendment, BoxError, DashboardId, Decision, Env as _, Error, Expiry, GrantId,
    LinkToken, MemoryDirectory, MemoryStore, NewShare, Revision, RevokeMode, Right, Rights, TenantId,
    Timestamp,
    directory::{SharingRules, Tenant},
    explain::Denial,
    policy::{Document, PolicySet, Resource},
    store::{Freshness, Grant, Seed, Snapshot, Store},
    trail::{Actor, AuditRecord},
};
use pollster::block_on;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as _,
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A dashboard of Olga's, ten days before now, that Ann may share on for thirty days.
pub(crate) struct Stage {
    store: Arc<MemoryStore>,
    directory: Arc<MemoryDirectory>,
    before: Sharing,
    ann: GrantId,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        for number in OLGA..=ZED {
            directory.add_account(account(number));
        }
        let before = faulty::process(&store, &directory, now().plus_micros(-10 * 86_400_000_000), 1);
        done(before.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        let open = terms(Rights::ALL, true, in_days(20));
        let ann = done(before.share(account(OLGA), board(BIG), NewShare::with(account(ANN), open))).grant;
        Self { store, directory, before, ann }
    }

    pub(crate) fn today(&self) -> Sharing {
        self.at(now())
    }

    pub(crate) fn at(&self, now: Timestamp) -> Sharing {
        faulty::process(&self.store, &self.directory, now, 2)
    }

    pub(crate) fn link(&self, by: u64, expiry: Expiry) -> String {
        let link = done(self.before.rotate_link(account(by), board(BIG), expiry));
        link.token.expose().to_owned()
    }

    fn amend_ann(&self, amendment: Amendment) {
        done(self.before.amend(account(OLGA), board(BIG), self.ann, amendment));
    }

    fn set(&self, change: impl FnOnce(&mut Tenant)) {
        let mut tenant = MemoryDirectory::open_tenant();
        change(&mut tenant);
        self.directory.set_tenant(TenantId::from(1u64), tenant);
    }
}

/// Makes a link that does not open, and says what the owner is told: the names of the causes.
pub(crate) type Cause = (&'static str, &'static [&'static str], fn(&Stage) -> String);

pub(crate) const CAUSES: &[Cause] = &[
    ("unknown", &["not_this_link", "no_link"], |_| LinkToken::from_random([7; 32]).expose().to_owned()),
    ("of another time", &["not_this_link"], |stage| {
        stage.link(OLGA, Expiry::Never);
        LinkToken::from_random([8; 32]).expose().to_owned()
    }),
    ("malformed", &["malformed"], |stage| stage.link(OLGA, Expiry::Never).to_uppercase()),
    ("wrong checksum", &["malformed"], |stage| {
        let mut token = stage.link(OLGA, Expiry::Never);
        let last = if token.pop() == Some('0') { '1' } else { '0' };
        token.push(last);
        token
    }),
    ("rotated", &["not_this_link"], |stage| {
        let old = stage.link(OLGA, Expiry::Never);
        stage.link(OLGA, Expiry::Never);
        old
    }),
    ("expired", &["lapsed"], |stage| stage.link(OLGA, Expiry::At(now()))),
    ("paused", &["paused"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        done(stage.before.pause_link(account(OLGA), board(BIG)));
        token
    }),
    ("withdrawn", &["not_this_link", "no_link"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        done(stage.before.withdraw_link(account(OLGA), board(BIG)));
        token
    }),
    ("maker's grant revoked", &["makers_grant"], |stage| {
        let token = stage.link(ANN, Expiry::Never);
        done(stage.before.revoke(account(OLGA), board(BIG), stage.ann, RevokeMode::Cascade));
        token
    }),
    ("maker's grant lapsed", &["makers_grant"], |stage| {
        let token = stage.link(ANN, Expiry::Never);
        stage.amend_ann(Amendment::default().expiry(Expiry::At(now())));
        token
    }),
    ("maker may not share any more", &["makers_rights"], |stage| {
        let token = stage.link(ANN, Expiry::Never);
        stage.amend_ann(Amendment::default().reshare(false));
        token
    }),
    ("maker may not view any more", &["makers_rights"], |stage| {
        let token = stage.link(ANN, Expiry::Never);
        stage.amend_ann(Amendment::default().rights(Rights::EXPORT));
        token
    }),
    ("maker's sharing switched off", &["maker_switched_off"], |stage| {
        let token = stage.link(ANN, Expiry::Never);
        stage.set(|tenant| tenant.rules.resharing = false);
        token
    }),
    ("private sharing switched off", &["maker_switched_off"], |stage| {
        let token = stage.link(ANN, Expiry::Never);
        stage.set(|tenant| tenant.rules.private = false);
        token
    }),
    ("dashboard deleted", &["unknown_dashboard"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        done(stage.before.delete_dashboard(account(OLGA), board(BIG)));
        token
    }),
    ("another dashboard of the same id", &["not_this_link", "no_link"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        done(stage.before.delete_dashboard(account(OLGA), board(BIG)));
        done(stage.before.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        token
    }),
    ("portal off", &["portal"], |stage| {
        stage.set(|tenant| tenant.portal.active = true);
        let token = stage.link(OLGA, Expiry::Never);
        stage.set(|tenant| tenant.portal.active = false);
        token
    }),
    ("no anonymous user", &["anonymous_user", "dashboard_policy"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        stage.set(|tenant| tenant.portal.anonymous = None);
        token
    }),
    ("anonymous user inactive", &["anonymous_user_active"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        stage.set(|tenant| tenant.portal.anonymous.iter_mut().for_each(|user| user.active = false));
        token
    }),
    ("public sharing off", &["public_sharing"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        stage.set(|tenant| tenant.rules.public = false);
        token
    }),
    ("no policy", &["dashboard_policy"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        stage.set(|tenant| tenant.policies = PolicySet::default());
        token
    }),
    ("a policy denies it", &["dashboard_denied"], |stage| {
        let token = stage.link(OLGA, Expiry::Never);
        let deny = r#"{"id": "hush", "targets": [["run_user"]], "permissions": [
            {"effect": "deny", "action": ["access"], "resource": ["dashboard"]}]}"#;
        stage.set(|tenant| tenant.policies = tenant.policies.with(&Document::parse(deny).expect("a policy")));
        token
    }),
    (
        "everything at once",
        &["paused", "portal", "anonymous_user", "public_sharing", "dashboard_policy"],
        |stage| {
            let token = stage.link(OLGA, Expiry::Never);
            done(stage.before.pause_link(account(OLGA), board(BIG)));
            stage.set(|tenant| {
                *tenant = Tenant {
                    rules: SharingRules { public: false, ..tenant.rules.clone() },
                    ..Tenant::default()
                }
            });
            token
        },
    ),
];

/// Texts that are no token at all.
pub(crate) fn shapes() -> Vec<String> {
    let token = LinkToken::from_random([3; 32]);
    let text = token.expose();
    let mut shapes: Vec<String> =
        ["", " ", "dsl_", "\0", "💥", "null", "../../etc/passwd", "' or 1=1 --", "%00", "\u{202e}dsl_"]
            .map(str::to_owned)
            .into();
    shapes.extend([
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}{text}"),
        text.to_lowercase(),
        text.replacen("dsl_", "DSL_", 1),
        text.replacen("dsl_", "", 1),
        text.replacen("dsl_", "dsl-", 1),
        format!("{}é", &text[..51]),
        format!("dsl_{}", "z".repeat(49)),
        "x".repeat(10_240),
        "é".repeat(5_000),
    ]);
    shapes.extend((0..text.len()).map(|at| text[..at].to_owned()));
    shapes
}

/// A decision as anybody could print it.
pub(crate) fn printed(decision: &Decision) -> String {
    format!("{decision:?} {} {}", json!(decision.explanation()), decision.explain())
}

/// L9: whatever keeps a visitor out, the answer is the same to the last letter, and so are the calls to the store; also
/// for a host whose clock is behind the one that made the links.
#[test]
fn whatever_keeps_a_visitor_out_the_denial_and_the_store_calls_are_the_same() {
    let mut answers = BTreeSet::new();
    let mut visits = 0;
    let mut visit = |stage: &Stage, at: Timestamp, token: &str, name: &str| {
        let sharing = stage.at(at);
        let decision = done(sharing.visit(token));
        assert_eq!(decision.denial(), Some(Denial::LinkNotUsable), "{name}");
        assert_eq!((decision.dashboard(), decision.revision(), decision.valid_until()), (None, None, None));
        let trace: Vec<Call> = sharing.store().gate.trace().into_iter().filter(|c| c.is_stores()).collect();
        assert_eq!(trace, [Call::ReadLink], "{name}");
        answers.insert((at, printed(&decision)));
        visits += 1;
    };
    for (name, _, cause) in CAUSES {
        let stage = Stage::new();
        let token = cause(&stage);
        visit(&stage, now(), &token, name);
        // Behind, only what has not ended yet by a clock is different.
        let by_clock = ["expired", "maker's grant lapsed"].contains(name);
        if !by_clock {
            visit(&stage, stage.before.env().inner.now().plus_micros(-1), &token, name);
        }
    }
    for shape in shapes() {
        let stage = Stage::new();
        stage.link(OLGA, Expiry::Never);
        visit(&stage, now(), &shape, &shape);
    }
    println!("{visits} denied visits");
    assert_eq!(answers.len(), 2, "{answers:#?}");
    let at: BTreeSet<Timestamp> = answers.iter().map(|(at, _)| *at).collect();
    assert_eq!(at.len(), 2, "{answers:#?}");
    assert!(visits > 90);

    // The same ways, when nothing is wrong: so it was the cause that denied.
    for by in [OLGA, ANN] {
        let stage = Stage::new();
        let token = stage.link(by, Expiry::Never);
        let sharing = stage.today();
        assert!(done(sharing.visit(&token)).is_allowed());
        assert_eq!(sharing.store().gate.trace()[0], Call::ReadLink);
    }
}

/// L9: the owner is told the true cause, and all of it.
#[test]
fn the_owners_diagnosis_names_the_true_cause_of_every_denial() {
    for (name, causes, cause) in CAUSES {
        let stage = Stage::new();
        let token = cause(&stage);
        let told: BTreeSet<String> =
            match block_on(stage.today().diagnose_link(account(OLGA), board(BIG), Some(&token))) {
                Ok(diagnosis) => {
                    assert!(!diagnosis.opens, "{name}");
                    assert!(
                        diagnosis.causes.iter().all(|cause| !cause.to_string().contains(&token)),
                        "{name}"
                    );
                    json!(diagnosis.causes).as_array().expect("a list").iter().map(innermost).collect()
                }
                Err(error) => [error.refusal().expect("a refusal").code().to_owned()].into(),
            };
        assert_eq!(told, causes.iter().map(|cause| (*cause).to_owned()).collect(), "{name}");
    }
}

/// The name of a cause: `{"missing": "portal"}` is `portal`, `{"fallen": {"lapsed": …}}` is `lapsed`.
fn innermost(cause: &Value) -> String {
    let member = cause.as_object().and_then(|members| members.iter().next());
    match (cause, member) {
        (Value::String(name), _) => name.clone(),
        (_, Some((name, inner))) if name == "missing" || name == "fallen" => innermost(inner),
        (_, Some((name, _))) => name.clone(),
        _ => panic!("{cause}"),
    }
}

/// L9: a question of somebody else than the owner or the maker about a link is refused, whatever the cause.
#[test]
fn nobody_but_the_owner_and_the_maker_is_told_why_a_link_does_not_open() {
    for (name, _, cause) in CAUSES {
        let stage = Stage::new();
        let token = cause(&stage);
        let asked = block_on(stage.today().diagnose_link(account(ZED), board(BIG), Some(&token)));
        let error = asked.expect_err(name);
        assert_eq!(error.refusal().map(|refusal| refusal.code()), Some("unknown_dashboard"), "{name}");
    }
}

/// What a person asks about a dashboard, and a grant of it.
type Ask = (&'static str, fn(&Sharing, AccountId, u64, GrantId) -> Result<String, Error>);

fn text<T: Debug>(result: Result<T, Error>) -> Result<String, Error> {
    result.map(|answer| format!("{answer:?}"))
}

/// Every public operation that somebody gives or asks in their own name about a dashboard.
const ASKS: &[Ask] = &[
    ("share with an account", |s, by, d, _| {
        text(block_on(s.share(by, board(d), NewShare::with(account(CYD), view()))))
    }),
    ("share with the owner", |s, by, d, _| {
        text(block_on(s.share(by, board(d), NewShare::with(account(OLGA), view()))))
    }),
    ("share with oneself", |s, by, d, _| text(block_on(s.share(by, board(d), NewShare::with(by, view()))))),
    ("share with nobody known", |s, by, d, _| {
        text(block_on(s.share(by, board(d), NewShare::with(account(99), view()))))
    }),
    ("share with an address", |s, by, d, _| {
        text(block_on(s.share(by, board(d), NewShare::with(address("new@example.com"), view()))))
    }),
    ("share no right", |s, by, d, _| {
        text(block_on(s.share(
            by,
            board(d),
            NewShare::with(account(CYD), terms(Rights::NONE, true, Expiry::Never)),
        )))
    }),
    ("share from a grant", |s, by, d, g| {
        text(block_on(s.share(by, board(d), NewShare::with(account(CYD), view()).on_from(g))))
    }),
    ("amend", |s, by, d, g| text(block_on(s.amend(by, board(d), g, Amendment::default())))),
    ("amend to nothing", |s, by, d, g| {
        let amendment = Amendment::default().rights(Rights::NONE);
        text(block_on(s.amend(by, board(d), g, amendment)))
    }),
    ("revoke", |s, by, d, g| text(block_on(s.revoke(by, board(d), g, RevokeMode::Cascade)))),
    ("revoke: rebind", |s, by, d, g| text(block_on(s.revoke(by, board(d), g, RevokeMode::Rebind)))),
    ("stop sharing", |s, by, d, _| text(block_on(s.stop_sharing(by, board(d), account(ANN))))),
    ("stop with an address", |s, by, d, _| {
        text(block_on(s.stop_sharing(by, board(d), address("eve@example.com"))))
    }),
    ("renounce", |s, by, d, g| text(block_on(s.renounce(by, board(d), g)))),
    ("set a share", |s, by, d, _| {
        text(block_on(s.set_share(by, board(d), NewShare::with(account(CYD), view()))))
    }),
    ("set a share with an address", |s, by, d, _| {
        text(block_on(s.set_share(by, board(d), NewShare::with(address("new@example.com"), view()))))
    }),
    ("remind of an invitation", |s, by, d, g| text(block_on(s.remind_invitation(by, board(d), g)))),
    ("ask for a transfer", |s, by, d, _| text(block_on(s.offer_transfer(by, board(d), by, Rights::NONE)))),
    ("ask nobody for a transfer", |s, by, d, _| {
        text(block_on(s.offer_transfer(by, board(d), account(99), Rights::NONE)))
    }),
    ("take a transfer", |s, by, d, _| text(block_on(s.take_transfer(by, board(d))))),
    ("decline a transfer", |s, by, d, _| text(block_on(s.decline_transfer(by, board(d))))),
    ("withdraw a transfer", |s, by, d, _| text(block_on(s.withdraw_transfer(by, board(d))))),
    ("delete", |s, by, d, _| text(block_on(s.delete_dashboard(by, board(d))))),
    ("rotate", |s, by, d, _| text(block_on(s.rotate_link(by, board(d), Expiry::Never)))),
    ("rotate, too late", |s, by, d, _| text(block_on(s.rotate_link(by, board(d), Expiry::At(now()))))),
    ("pause", |s, by, d, _| text(block_on(s.pause_link(by, board(d))))),
    ("resume", |s, by, d, _| text(block_on(s.resume_link(by, board(d))))),
    ("withdraw", |s, by, d, _| text(block_on(s.withdraw_link(by, board(d))))),
    ("list", |s, by, d, _| text(block_on(s.access_list(by, board(d))))),
    ("list as of", |s, by, d, _| text(block_on(s.as_of(now().plus_days(1)).access_list(by, board(d))))),
    ("impact", |s, by, d, g| text(block_on(s.impact_of_revoking(by, board(d), g)))),
    ("diagnose", |s, by, d, _| text(block_on(s.diagnose_link(by, board(d), None)))),
    ("audit", |s, by, d, _| text(block_on(s.audit(by, board(d), Revision::ZERO, 9)))),
    ("missing", |s, by, d, _| text(block_on(s.missing_to_publish(by, board(d))))),
];

/// A dashboard of Zed's own.
const ZEDS: u64 = 21;

/// The same about an offer, or an id that a revision is demanded of: whoever is a stranger to it is told what is told of
/// an id that stands for nothing.
const ASKS_OF_ANY: &[Ask] = &[
    ("decline an offer", |s, by, d, _| text(block_on(s.decline_offer(by, board(d))))),
    ("withdraw an offer", |s, by, d, _| text(block_on(s.withdraw_offer(by, board(d))))),
    ("take an offer", |s, by, d, _| {
        text(block_on(s.take_offer(by, board(d), dashshare::TenantId::from(1u64))))
    }),
    ("offer over it, to oneself", |s, by, d, _| {
        let template = scene::template();
        text(block_on(s.offer(by, board(ZEDS), scene::offer(by, d, &template))))
    }),
    ("list at least", |s, by, d, _| text(block_on(s.at_least(Revision::new(1)).access_list(by, board(d))))),
    ("authorize at least", |s, by, d, _| {
        let decision = block_on(s.at_least(Revision::new(1)).authorize(by, board(d), Action::View))?;
        assert_eq!(decision.tell().status(), 404);
        Err(dashshare::Refusal::UnknownDashboard.into())
    }),
];

/// D8, T9: of what is somebody else's, an offer too, nobody learns anything by what is told, by the calls to the store, or
/// by whether the directory is asked.
#[test]
fn whoever_is_no_party_cannot_tell_an_offer_or_a_revision_from_none() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    done(sharing.register(board(ZEDS), dashshare::TenantId::from(1u64), account(ZED)));
    for (name, ask) in ASKS_OF_ANY {
        let told = |dashboard| {
            sharing.store().gate.heal();
            let error = ask(&sharing, account(ZED), dashboard, GrantId::from(5u64)).expect_err(name);
            (json!(error.tell()).to_string(), error.kind(), store_calls(&sharing))
        };
        let unknown = told(NONE);
        for dashboard in [BIG, PAUSED, scene::OFFERED] {
            let known = told(dashboard);
            assert_eq!((&known.0, known.1), (&unknown.0, unknown.1), "{name} of {dashboard}");
            // Over an open offer whether it can still be taken is read first; its id is the host's to draw.
            if !name.starts_with("offer over") {
                assert_eq!(known.2, unknown.2, "{name} of {dashboard}");
            }
        }
    }
    // While the directory fails, a command of a stranger is refused as ever.
    for (name, ask) in ASKS {
        let told = |dashboard| {
            sharing.store().gate.follow(|_, call| match call {
                Call::Tenant | Call::Dashboard | Call::Devices => Fault::Fail,
                _ => Fault::None,
            });
            let error = ask(&sharing, account(99), dashboard, GrantId::from(5u64)).expect_err(name);
            json!(error.tell()).to_string()
        };
        assert_eq!(told(BIG), told(NONE), "{name}");
    }
}

fn view() -> dashshare::Terms {
    terms(Rights::VIEW, false, in_days(1))
}

fn store_calls(sharing: &Sharing) -> Vec<Call> {
    sharing.store().gate.trace().into_iter().filter(|call| call.is_stores()).collect()
}

/// G7, D8: somebody who is no party is told the same about a dashboard that exists and about one that does not, by every
/// operation and after the same calls to the store: a stranger, one whose grant ended, and one who is only invited. Of
/// decisions the one whose grant ended is told that, and when.
#[test]
fn who_is_no_party_cannot_tell_a_dashboard_from_none() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    // Dan had access; Zed's verified address is invited.
    done(sharing.revoke(account(OLGA), board(BIG), scene.grant("dan"), RevokeMode::Cascade));
    scene.directory.forget_email(account(ZED), &address("zed@example.com"));
    done(sharing.share(account(OLGA), board(BIG), NewShare::with(address("zed@example.com"), view())));
    scene.directory.verify_email(account(ZED), address("zed@example.com"), now());
    let before = scene.dump();
    let mut codes = BTreeSet::new();
    for who in [account(99), account(DAN), account(ZED)] {
        for (name, ask) in ASKS {
            for grant in ["ann", "dan"].map(|name| scene.grant(name)).into_iter().chain([GrantId::from(5u64)])
            {
                let refused = |dashboard| {
                    sharing.store().gate.heal();
                    let error = ask(&sharing, who, dashboard, grant).expect_err(name);
                    let trace = store_calls(&sharing);
                    let refusal = error.refusal().unwrap_or_else(|| panic!("{name}: {error}")).clone();
                    assert_eq!(refusal.tell().status(), 404, "{name}");
                    let written = json!([refusal, refusal.tell(), error.tell()]).to_string();
                    (refusal.code(), refusal.to_string(), format!("{error:?}"), written, trace)
                };
                let (known, unknown) = (refused(BIG), refused(NONE));
                assert_eq!(known, unknown, "{name} by {who}");
                codes.insert(known.0);
            }
        }
        for action in [Action::View, Action::Export, Action::Share, Action::Edit] {
            let decided = |dashboard| {
                sharing.store().gate.heal();
                let decision = done(sharing.authorize(who, board(dashboard), action));
                assert!(!decision.is_allowed() && decision.valid_until().is_none());
                (json!(decision.tell()).to_string(), store_calls(&sharing))
            };
            let (known, unknown) = (decided(BIG), decided(NONE));
            if who == account(DAN) {
                let told = done(sharing.authorize(who, board(BIG), action)).tell();
                assert_eq!((told.code(), told.status()), ("ended", 403));
                assert_eq!((told.ends(), told.by()), (Some(now()), None));
                assert_eq!(known.1, unknown.1);
            } else {
                assert_eq!(known, unknown, "{action:?} by {who}");
            }
        }
    }
    assert_eq!(codes, BTreeSet::from(["unknown_dashboard", "unknown_grant"]));
    assert_eq!(scene.dump(), before, "a refused command changed something");
    println!("{} operations, 3 people, 3 grants", ASKS.len());
}

/// Zed's address, which is Zed's in one world and nobody's in the other.
const ZEDS_ADDRESS: &str = "zed@example.com";

/// One of two worlds that differ in nothing but whether an address has an account, which holds grants by its account in
/// both: a view from Olga, and one that it may share on from Ann.
fn world_where_zed_has_the_address(has: bool, rules: &SharingRules) -> (Scene, Sharing) {
    let scene = Scene::new();
    if !has {
        scene.directory.forget_email(account(ZED), &address(ZEDS_ADDRESS));
    }
    let before = scene.process(4);
    for (by, terms) in [(OLGA, view()), (ANN, terms(Rights::ALL, true, in_days(20)))] {
        done(before.share(account(by), board(BIG), NewShare::with(account(ZED), terms)));
    }
    let tenant = Tenant { rules: rules.clone(), ..MemoryDirectory::open_tenant() };
    scene.directory.set_tenant(TenantId::from(1u64), tenant);
    let sharing = scene.process(5);
    (scene, sharing)
}

/// Everything that somebody is told, word for word, and every call that it costs.
struct Heard<'a> {
    sharing: &'a Sharing,
    said: Vec<String>,
}

impl Heard<'_> {
    fn hear<T: Debug>(&mut self, what: &str, answer: Result<T, Error>) -> Option<T> {
        let told = match &answer {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!("{error:?}, told as {}", json!(error.tell())),
        };
        let calls = self.sharing.store().gate.trace();
        self.sharing.store().gate.heal();
        self.said.push(format!("{what}: {told} after {calls:?}"));
        answer.ok()
    }

    /// All that sharers can ask of the dashboard: who has access, what revoking would do, what happened.
    fn ask_all(&mut self) {
        for by in [OLGA, ANN, BOB].map(account) {
            let list = self.hear("the list", block_on(self.sharing.access_list(by, board(BIG))));
            for days in [1, 13, 15, 40] {
                let then = self.sharing.as_of(now().plus_days(days));
                self.hear("the list of another day", block_on(then.access_list(by, board(BIG))));
            }
            for grant in list.iter().flat_map(|list| &list.grants) {
                let impact = block_on(self.sharing.impact_of_revoking(by, board(BIG), grant.grant));
                self.hear("the impact", impact);
            }
            self.hear("the audit", block_on(self.sharing.audit(by, board(BIG), Revision::ZERO, 99)));
            self.hear("the diagnosis", block_on(self.sharing.diagnose_link(by, board(BIG), None)));
            self.hear("what is missing", block_on(self.sharing.missing_to_publish(by, board(BIG))));
        }
    }
}

/// What a sharer does with what it shared with an address, given the grant.
type Deed = (&'static str, fn(&mut Heard<'_>, AccountId, GrantId));

const DEEDS: &[Deed] = &[
    ("nothing", |_, _, _| {}),
    ("share again", |heard, by, _| {
        let again = NewShare::with(address(ZEDS_ADDRESS), terms(Rights::VIEW, false, in_days(19)));
        heard.hear("again", block_on(heard.sharing.share(by, board(BIG), again)));
    }),
    ("share more", |heard, by, _| {
        let more = NewShare::with(address(ZEDS_ADDRESS), terms(Rights::VIEW, false, in_days(1)));
        heard.hear("more", block_on(heard.sharing.share(by, board(BIG), more)));
    }),
    ("shorten", |heard, by, grant| {
        let sooner = Amendment::default().expiry(in_days(3));
        heard.hear("shortened", block_on(heard.sharing.amend(by, board(BIG), grant, sooner)));
    }),
    ("leave as it is", |heard, by, grant| {
        let same = Amendment::default();
        heard.hear("the same", block_on(heard.sharing.amend(by, board(BIG), grant, same)));
    }),
    ("prolong", |heard, by, grant| {
        let later = Amendment::default().expiry(in_days(20));
        heard.hear("prolonged", block_on(heard.sharing.amend(by, board(BIG), grant, later)));
    }),
    ("revoke", |heard, by, grant| {
        heard.hear("revoked", block_on(heard.sharing.revoke(by, board(BIG), grant, RevokeMode::Cascade)));
    }),
    ("rebind", |heard, by, grant| {
        heard.hear("rebound", block_on(heard.sharing.revoke(by, board(BIG), grant, RevokeMode::Rebind)));
    }),
    // Only by Bob, within whose reach Zed holds nothing by its account.
    ("stop", |heard, by, _| {
        if by == account(BOB) {
            let stopped = heard.sharing.stop_sharing(by, board(BIG), address(ZEDS_ADDRESS));
            heard.hear("stopped", block_on(stopped));
        }
    }),
];

/// I1: the sharer of a dashboard cannot tell by any answer, word for word, by a refusal, a list, a record or what it costs
/// whether an address has an account, which may hold whatever else. Compared are two worlds that differ in nothing else,
/// under every kind of rules, before the invitee has answered.
///
/// Stopping ends all that the person holds within reach, by whatever name it was given (G13), so whoever stops learns what
/// it ended; of what is out of its reach it learns nothing.
#[test]
fn whoever_shares_with_an_address_cannot_tell_whether_it_has_an_account() {
    let all = [
        terms(Rights::VIEW, false, in_days(19)),
        terms(Rights::ALL, true, in_days(20)),
        terms(Rights::VIEW, true, Expiry::Never),
        terms(Rights::NONE, true, Expiry::Never),
        terms(Rights::VIEW, true, Expiry::At(now())),
        terms(Rights::VIEW, true, in_days(500)),
    ];
    let rules = [
        SharingRules::default(),
        SharingRules { blocked_domains: vec!["example.com".into()], ..SharingRules::default() },
        SharingRules { max_days: Some(3), ..SharingRules::default() },
        SharingRules { max_depth: 1, ..SharingRules::default() },
        SharingRules { private: false, ..SharingRules::default() },
        SharingRules { resharing: false, ..SharingRules::default() },
    ];
    let (mut accepted, mut refused, mut told) = (0, BTreeSet::new(), 0);
    let mut different: BTreeMap<String, (String, String)> = BTreeMap::new();
    for rules in &rules {
        for (by, terms) in
            [OLGA, ANN, BOB, DAN].into_iter().flat_map(|by| all.clone().map(|terms| (by, terms)))
        {
            // What is done then is told by the same lines whatever the rules.
            let deeds = if *rules == SharingRules::default() { DEEDS } else { &DEEDS[..1] };
            for (deed, act) in deeds {
                let worlds = [true, false].map(|has| {
                    let (_scene, sharing) = world_where_zed_has_the_address(has, rules);
                    let mut heard = Heard { sharing: &sharing, said: Vec::new() };
                    let share = NewShare::with(address(ZEDS_ADDRESS), terms.clone());
                    let shared = block_on(sharing.share(account(by), board(BIG), share));
                    let code =
                        shared.as_ref().err().and_then(|error| error.refusal().map(|it| it.to_string()));
                    let grant = heard.hear("shared", shared).map(|shared| shared.grant);
                    if let Some(grant) = grant {
                        act(&mut heard, account(by), grant);
                        heard.ask_all();
                    }
                    (code, grant, heard.said)
                });
                let [(code, grant, has), (.., has_not)] = worlds;
                refused.extend(code);
                accepted += usize::from(grant.is_some());
                told += has.len();
                let pairs = has.into_iter().zip(has_not);
                for (has, has_not) in pairs.filter(|(has, has_not)| has != has_not) {
                    let what = has.split(':').next().unwrap_or_default();
                    let first = || {
                        let same = has.bytes().zip(has_not.bytes()).take_while(|(a, b)| a == b).count();
                        let from =
                            |text: &str| text.chars().skip(same.saturating_sub(80)).take(240).collect();
                        (from(&has), from(&has_not))
                    };
                    different.entry(format!("{what} after `{deed}`")).or_insert_with(first);
                }
                if grant.is_none() {
                    break;
                }
            }
        }
    }
    println!("{accepted} deeds alike in {told} answers, {} refusals alike", refused.len());
    assert!(different.is_empty(), "these tell: {different:#?}");
    assert!(accepted >= 90 && told > 4_000 && refused.len() >= 8, "{accepted} {told} {refused:?}");
}

/// A store that counts the grants and the records that are read of it.
struct Counting {
    inner: Arc<MemoryStore>,
    rows: AtomicUsize,
}

impl Counting {
    fn count(&self, rows: usize) {
        self.rows.fetch_add(rows, Ordering::SeqCst);
    }
}

impl Store for Counting {
    async fn read(
        &self,
        dashboard: DashboardId,
        seeds: &[Seed],
        freshness: Freshness,
    ) -> Result<Option<Snapshot>, BoxError> {
        let found = self.inner.read(dashboard, seeds, freshness).await?;
        self.count(found.iter().flat_map(|found| &found.chains).map(Vec::len).sum());
        Ok(found)
    }

    async fn grants(&self, of: DashboardId, from: u64, limit: usize) -> Result<Vec<Arc<Grant>>, BoxError> {
        let found = self.inner.grants(of, from, limit).await?;
        self.count(found.len());
        Ok(found)
    }

    async fn grants_below(
        &self,
        of: DashboardId,
        above: GrantId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Grant>>, BoxError> {
        let found = self.inner.grants_below(of, above, from, limit).await?;
        self.count(found.len());
        Ok(found)
    }

    async fn audit(
        &self,
        of: DashboardId,
        after: Revision,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, BoxError> {
        let found = self.inner.audit(of, after, limit).await?;
        self.count(found.len());
        Ok(found)
    }

    dashshare::delegate_store!(self.inner => commit, receipt, read_many, read_link, held, owned, audit_of, outbox, lease,
        acknowledge, dead_letters, put_back, sweep);
}

/// D8: of a dashboard with hundreds of grants nobody who is no party has more read than its own path, of the store and of
/// the directory, whatever is asked: a stranger, one whose grant ended, and one who is only invited.
#[test]
fn whoever_is_no_party_has_no_more_read_of_a_large_dashboard_than_of_none() {
    let counting = Arc::new(Counting { inner: Arc::default(), rows: AtomicUsize::new(0) });
    let scene = Scene::over(Arc::<Counting>::clone(&counting));
    let sharing = scene.process(5);
    for number in 1_000..1_600 {
        scene.directory.add_account(account(number));
        done(sharing.share(account(OLGA), board(BIG), NewShare::with(account(number), view())));
    }
    done(sharing.revoke(account(OLGA), board(BIG), scene.grant("dan"), RevokeMode::Cascade));
    scene.directory.forget_email(account(ZED), &address("zed@example.com"));
    done(sharing.share(account(OLGA), board(BIG), NewShare::with(address("zed@example.com"), view())));
    scene.directory.verify_email(account(ZED), address("zed@example.com"), now());
    let mut most = 0;
    for (name, ask) in ASKS {
        for who in [account(99), account(DAN), account(ZED)] {
            let costs = |dashboard| {
                sharing.store().gate.heal();
                counting.rows.store(0, Ordering::SeqCst);
                let error = ask(&sharing, who, dashboard, scene.grant("cyd")).expect_err(name);
                (
                    json!(error.tell()).to_string(),
                    sharing.store().gate.trace(),
                    counting.rows.load(Ordering::SeqCst),
                )
            };
            let (known, unknown) = (costs(BIG), costs(NONE));
            assert_eq!((&known.0, &known.1), (&unknown.0, &unknown.1), "{name} by {who}");
            assert_eq!(unknown.2, 0, "{name} by {who}");
            // What it held itself, and the grant that it names with its path.
            assert!(known.2 <= 1 + 3, "{name} by {who} reads {} grants", known.2);
            most = most.max(known.2);
        }
        // Whoever is a party has it read.
        if *name == "list" {
            counting.rows.store(0, Ordering::SeqCst);
            assert!(ask(&sharing, account(OLGA), BIG, scene.grant("cyd")).is_ok());
            assert!(counting.rows.load(Ordering::SeqCst) > 600);
        }
    }
    println!("{} questions, {most} grants read at the most", ASKS.len());
}

/// I1: once the invitee has answered or an invitation would have lapsed, and to the host and where the tenant's rules tell
/// at once, a list says whose the grant is.
#[test]
fn a_list_says_whose_an_address_is_once_it_may_be_known() {
    let reveal = SharingRules { reveal_accounts: true, ..SharingRules::default() };
    let (zed, zeds) = (account(ZED), address(ZEDS_ADDRESS));
    let share = NewShare::with(zeds.clone(), terms(Rights::VIEW, true, Expiry::Never));
    let shown = |sharing: &Sharing, by: Actor, grant| {
        let list = done(sharing.access_list(by, board(BIG)));
        let view = list.get(grant).expect("it is listed").clone();
        let impact = done(sharing.impact_of_revoking(by, board(BIG), grant));
        assert_eq!(view.pending, impact.invitations == [zeds.clone().into()], "{impact:?}");
        assert_eq!(view.pending, !impact.keep.iter().any(|(who, _)| *who == zed), "{impact:?}");
        (view.grantee, view.pending, view.ends)
    };
    let (olga, lapse) = (Actor::from(account(OLGA)), in_days(14));
    let as_accounts = (zed.into(), false, Expiry::Never);
    let as_invitation = (zeds.clone().into(), true, lapse);

    let (scene, sharing) = world_where_zed_has_the_address(true, &SharingRules::default());
    let shared = done(sharing.share(account(OLGA), board(BIG), share.clone()));
    assert!(shared.invited && shared.ends == Expiry::Never);
    assert!(done(sharing.authorize(zed, board(BIG), Action::View)).is_allowed());
    assert_eq!(shown(&sharing, olga, shared.grant), as_invitation);
    assert_eq!(shown(&sharing, Actor::Host, shared.grant), as_accounts);
    // Of another instant no more is told than of the present.
    let later = done(sharing.as_of(now().plus_days(14)).access_list(account(OLGA), board(BIG)));
    assert!(later.get(shared.grant).is_none());
    let lapsed = faulty::process_over(Arc::clone(&scene.store), &scene.directory, now().plus_days(14), 6);
    assert_eq!(shown(&lapsed, olga, shared.grant), as_accounts);

    let (_scene, sharing) = world_where_zed_has_the_address(true, &reveal);
    let shared = done(sharing.share(account(OLGA), board(BIG), share.clone()));
    assert!(!shared.invited);
    assert_eq!(shown(&sharing, olga, shared.grant), as_accounts);

    // One that was claimed is the account's, also at the instant at which it was made.
    let (scene, sharing) = world_where_zed_has_the_address(false, &SharingRules::default());
    let shared = done(sharing.share(account(OLGA), board(BIG), share));
    assert_eq!(shown(&sharing, olga, shared.grant), as_invitation);
    scene.directory.verify_email(zed, zeds.clone(), now());
    done(sharing.claim(zed, &zeds));
    assert_eq!(shown(&sharing, olga, shared.grant), as_accounts);
}

/// D6: a store that lags is not believed when a newer revision is demanded.
#[test]
fn a_store_that_lags_behind_the_demanded_revision_is_no_answer() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let view = |at_least| sharing.at_least(at_least).authorize(account(CYD), board(BIG), Action::View);
    let old =
        done(scene.store.read(board(BIG), &[account(CYD).into()], Freshness::Latest)).expect("a snapshot");
    let was = old.head.revision;
    let revoked = done(sharing.revoke(account(OLGA), board(BIG), scene.grant("ann"), RevokeMode::Cascade));
    assert!(was < revoked.revision);
    sharing.store().gate.follow(move |_, call| match call {
        Call::Read => Fault::Answer(Some(old.clone())),
        _ => Fault::None,
    });
    assert!(done(view(was)).is_allowed(), "as of the old revision it was so");
    match block_on(view(revoked.revision)) {
        Err(error @ Error::Stale { found, wanted, is_party }) => {
            assert_eq!((found, wanted, is_party), (was, revoked.revision, true));
            assert_eq!((error.kind(), error.tell().code()), (dashshare::ErrorKind::TryLater, "try_later"));
        }
        other => panic!("{other:?}"),
    }
    sharing.store().gate.follow(|_, _| Fault::Answer(None));
    assert!(matches!(block_on(view(Revision::new(1))), Err(Error::Stale { found: Revision::ZERO, .. })));
    sharing.store().gate.heal();
    let decision = done(view(revoked.revision));
    assert!(!decision.is_allowed() && decision.revision() == Some(revoked.revision));
}

/// L2, S3: a store whose reads lag behind its commits cannot make a rotation lose the token that won, nor hand out
/// one that it did not see standing.
#[test]
fn a_rotation_over_a_store_that_lags_is_unresolved_and_not_lost() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let old =
        done(scene.store.read(board(BIG), &[account(OLGA).into()], Freshness::Latest)).expect("a snapshot");
    sharing.store().gate.follow(move |_, call| match call {
        Call::Read => Fault::Answer(Some(old.clone())),
        _ => Fault::None,
    });
    let Err(Error::Unresolved(unresolved)) =
        block_on(sharing.rotate_link(account(OLGA), board(BIG), Expiry::Never))
    else {
        panic!("the look cannot have told");
    };
    sharing.store().gate.heal();
    let link = done(sharing.resume(unresolved)).answer.expect("the link");
    assert!(done(sharing.visit(link.token.expose())).is_allowed());
}

/// D6: what fails in the host is an error with its source, for a visitor too, and never an allowance.
#[test]
fn a_host_that_fails_denies_with_its_reason_kept() {
    let scene = Scene::new();
    for call in [Call::ReadLink, Call::Tenant, Call::Dashboard] {
        let sharing = scene.process(5);
        sharing.store().gate.follow(move |_, made| if made == call { Fault::Fail } else { Fault::None });
        let error = block_on(sharing.visit(&scene.token)).expect_err("it failed");
        let source = error.source().and_then(|source| source.downcast_ref::<faulty::Injected>());
        assert_eq!(source.map(|injected| injected.call), Some(call));
    }
}

/// D3: the owner and a grantee see the devices that the dashboard shows, a visitor those of them that the policies
/// allow; a denial stays one.
#[test]
fn a_device_needs_to_be_shown_and_for_a_visitor_allowed() {
    let scene = Scene::new();
    scene.directory.add_device(board(BIG), Resource::new("device", "shut"));
    let mut tenant = MemoryDirectory::open_tenant();
    let open = r#"{"id": "open", "targets": [["run_user", "id", "anonymous"]], "permissions": [
        {"effect": "allow", "action": ["access"], "resource": ["dashboard"]},
        {"effect": "allow", "action": ["access"], "resource": ["device", "id", "probe"]},
        {"effect": "allow", "action": ["access"], "resource": ["device", "id", "other"]}]}"#;
    tenant.policies = tenant.policies.with(&Document::parse(open).expect("a policy"));
    scene.directory.set_tenant(TenantId::from(1u64), tenant);
    let sharing = scene.process(5);
    let by_link = done(sharing.visit(&scene.token));
    let by_account = |who| done(sharing.authorize(account(who), board(BIG), Action::View));
    let device = |decision: &Decision, device: &str| {
        let narrowed = done(sharing.authorize_device(decision, device));
        assert!(decision.is_allowed() || !narrowed.is_allowed());
        narrowed.denial()
    };
    let not_shown = Some(Denial::DeviceNotShown("other".into()));
    let not_allowed = Some(Denial::DeviceNotAllowed("shut".into()));
    for (who, decision, expected) in [
        ("owner", by_account(OLGA), [None, None, not_shown.clone()]),
        ("grantee", by_account(ANN), [None, None, not_shown.clone()]),
        ("grantee, three deep", by_account(CYD), [None, None, not_shown.clone()]),
        ("visitor", by_link, [None, not_allowed, not_shown]),
        ("nobody", by_account(ZED), [(); 3].map(|()| Some(Denial::NotShared))),
    ] {
        assert_eq!(["probe", "shut", "other"].map(|id| device(&decision, id)), expected, "{who}");
    }
    // L10, D5: a denied decision cannot be turned into another by asking for a device; the host is not even asked.
    sharing.store().gate.heal();
    let denied = done(sharing.visit("nothing"));
    assert_eq!(device(&denied, "probe"), Some(Denial::LinkNotUsable));
    assert_eq!(sharing.store().gate.trace(), [Call::ReadLink]);
    // L5, L10: what a link opens is that one dashboard, to be seen.
    let visit = done(sharing.visit(&scene.token));
    assert_eq!((visit.dashboard(), visit.action()), (Some(board(BIG)), Action::View));
}

/// D1: whatever is asked about, there is an answer, and what is not known is denied.
#[test]
fn every_question_has_an_answer_and_what_is_not_known_is_denied() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let instants = [i64::MIN, i64::MIN + 1, -1, 0, now().micros(), i64::MAX - 1, i64::MAX];
    let mut answers = 0;
    for who in [0, OLGA, ANN, CYD, DAN, ZED, u64::MAX] {
        for (dashboard, at) in [0, BIG, NONE, u64::MAX].into_iter().flat_map(|d| instants.map(|at| (d, at))) {
            for action in [Action::View, Action::Export, Action::Share, Action::Edit] {
                let at = Timestamp::from_micros(at);
                let decision = done(sharing.as_of(at).authorize(account(who), board(dashboard), action));
                let is_known = dashboard == BIG && (OLGA..ZED).contains(&who) && at >= now();
                assert!(is_known || !decision.was_allowed(), "{who} {dashboard} {at}");
                assert!(action != Action::Edit || who == OLGA || !decision.was_allowed());
                assert!(!decision.explain().is_empty());
                answers += 1;
            }
        }
    }
    assert_eq!(answers, 784);
}

/// D4: an allowance can be relied on up to `valid_until` and not at it, which is never later than any end along the
/// path; for chains of every shape, and for the link that hangs on them.
#[test]
fn an_allowance_never_outlives_any_end_along_its_path() {
    let mut checked = 0;
    let (pair, links) = ([3u32, 7], [None, Some(1), Some(5)]);
    let mut ends = Vec::new();
    for a in [None, Some(2), Some(9)] {
        for (b, c) in pair.into_iter().flat_map(|b| pair.map(|c| (b, c))) {
            ends.extend(links.map(|link| (a, b, c, link)));
        }
    }
    for (a, b, c, link) in ends {
        let (store, directory) = (Arc::<MemoryStore>::default(), Arc::<MemoryDirectory>::default());
        (OLGA..=ZED).for_each(|number| directory.add_account(account(number)));
        let sharing = faulty::process(&store, &directory, now(), 1);
        done(sharing.register(board(BIG), TenantId::from(1u64), account(OLGA)));
        let first = a.map_or(Expiry::Never, in_days);
        let mut path = vec![first];
        done(sharing.share(
            account(OLGA),
            board(BIG),
            NewShare::with(account(ANN), terms(Rights::ALL, true, first)),
        ));
        for (by, with, days) in [(ANN, BOB, b), (BOB, CYD, c)] {
            let held = *path.iter().min().expect("an end");
            let expiry = if in_days(days) <= held { in_days(days) } else { Expiry::Never };
            done(sharing.share(
                account(by),
                board(BIG),
                NewShare::with(account(with), terms(Rights::ALL, true, expiry)),
            ));
            path.push(expiry);
        }
        let expect = |decision: &Decision, ends: &[Expiry]| {
            assert!(decision.is_allowed());
            let until = Expiry::from(decision.valid_until());
            assert!(ends.iter().all(|end| until <= *end), "{until} after an end of {ends:?}");
            assert_eq!(until, *ends.iter().min().expect("an end"));
            until
        };
        for (depth, who) in (1..).zip([ANN, BOB, CYD]) {
            let until =
                expect(&done(sharing.authorize(account(who), board(BIG), Action::View)), &path[..depth]);
            let Expiry::At(until) = until else { continue };
            for (at, allowed) in [(until.plus_micros(-1), true), (until, false)] {
                let decision = done(sharing.as_of(at).authorize(account(who), board(BIG), Action::View));
                assert_eq!(decision.was_allowed(), allowed);
                assert!(decision.valid_until().is_none_or(|until| at < until));
                checked += 1;
            }
        }
        let held = *path.iter().min().expect("an end");
        let expiry = link.map(in_days).filter(|end| *end <= held).unwrap_or(Expiry::Never);
        let made = done(sharing.rotate_link(account(CYD), board(BIG), expiry));
        let all = [&path[..], &[expiry]].concat();
        assert_eq!(made.ends, expect(&done(sharing.visit(made.token.expose())), &all));
        let Expiry::At(end) = made.ends else { continue };
        for (at, allowed) in [(end.plus_micros(-1), true), (end, false)] {
            let then = faulty::process(&store, &directory, at, 3);
            assert_eq!(done(then.visit(made.token.expose())).is_allowed(), allowed);
            checked += 1;
        }
        // An end that is moved earlier at the root is everybody's (G3).
        let sooner = Amendment::default().expiry(Expiry::At(now().plus_micros(5)));
        let root = done(store.grants(board(BIG), 0, 1))[0].id;
        done(sharing.amend(account(OLGA), board(BIG), root, sooner));
        let decisions =
            [ANN, BOB, CYD].map(|who| done(sharing.authorize(account(who), board(BIG), Action::View)));
        for decision in decisions.into_iter().chain([done(sharing.visit(made.token.expose()))]) {
            assert_eq!(decision.valid_until(), Some(now().plus_micros(5)));
            checked += 1;
        }
    }
    println!("{checked} instants beside an end");
    assert!(checked > 200);
    // The explanation names the grant that ends first.
    let scene = Scene::new();
    let decision = done(scene.process(5).authorize(account(CYD), board(BIG), Action::View));
    let explanation = decision.explanation();
    assert_eq!(explanation.ends_first, Some(scene.grant("cyd")));
    assert_eq!(explanation.path.len(), 3);
    assert!(Rights::ALL.contains(Right::View));
}

/// D5, L10: what a decision permits is the one action that was asked for, with the one dashboard that it is about; a
/// reader that takes a decision cannot be handed leave for anything else.
#[test]
fn a_decision_permits_its_own_action_with_its_own_dashboard_only() {
    let stage = Stage::new();
    let link = stage.link(OLGA, Expiry::Never);
    let today = stage.today();
    let all = [Action::View, Action::Export, Action::Share, Action::Edit];
    let permitted = |decision: &Decision| all.map(|action| decision.permitted(action));
    let big = Some(board(BIG));

    let view = done(today.authorize(account(ANN), board(BIG), Action::View));
    assert_eq!(permitted(&view), [big, None, None, None]);
    let export = done(today.authorize(account(ANN), board(BIG), Action::Export));
    assert_eq!(permitted(&export), [None, big, None, None]);
    let edit = done(today.authorize(account(ANN), board(BIG), Action::Edit));
    assert_eq!(permitted(&edit), [None; 4]);
    let stranger = done(today.authorize(account(ZED), board(BIG), Action::View));
    assert_eq!(permitted(&stranger), [None; 4]);
    assert_eq!(permitted(&done(today.visit(&link))), [big, None, None, None]);
    assert_eq!(permitted(&done(today.visit("nonsense"))), [None; 4]);
}

/// G25: while the host has suspended a dashboard everybody is denied it, and a party is told why; a stranger is told as
/// ever. Lists are the host's alone.
#[test]
fn a_suspended_dashboard_is_denied_to_all_and_listed_for_the_host() {
    let scene = Scene::new();
    let sharing = scene.process(5);
    let seeds: Vec<Seed> = [OLGA, ANN, BOB].map(|who| account(who).into()).into();
    let found = done(scene.store.read(board(BIG), &seeds, Freshness::Latest)).expect("a snapshot");
    let strangers = sharing.store().gate.clone();
    let mut head = found.head.as_ref().clone();
    head.suspended = Some(now());
    let suspended = Snapshot { head: Arc::new(head), ..found };
    strangers.follow(move |_, call| match call {
        Call::Read => Fault::Answer(Some(suspended.clone())),
        _ => Fault::None,
    });
    for who in [OLGA, ANN, BOB].map(account) {
        for action in [Action::View, Action::Export, Action::Share, Action::Arrange, Action::Edit] {
            let decision = done(sharing.authorize(who, board(BIG), action));
            assert_eq!(decision.denial(), Some(Denial::Suspended), "{action:?} by {who}");
            assert_eq!((decision.tell().code(), decision.tell().status()), ("suspended", 403));
            assert_eq!(decision.permitted(action), None);
            let device = done(sharing.authorize_device(&decision, "probe"));
            assert_eq!(device.denial(), Some(Denial::Suspended));
        }
        let grant = scene.grant("cyd");
        let refused = [
            block_on(sharing.access_list(who, board(BIG))).map(drop),
            block_on(sharing.as_of(now().plus_days(1)).access_list(who, board(BIG))).map(drop),
            block_on(sharing.impact_of_revoking(who, board(BIG), grant)).map(drop),
        ];
        for refused in refused {
            let error = refused.expect_err("it is suspended");
            assert_eq!(error.refusal().map(|refusal| refusal.code()), Some("suspended"));
        }
    }
    let audit = block_on(sharing.audit(account(OLGA), board(BIG), Revision::ZERO, 9)).map(drop);
    assert_eq!(audit.expect_err("it is suspended").refusal().map(|it| it.code()), Some("suspended"));
    let stranger = done(sharing.authorize(account(99), board(BIG), Action::View));
    assert_eq!(stranger.tell().code(), "unknown_dashboard");
    let strange = block_on(sharing.access_list(account(99), board(BIG))).expect_err("a stranger");
    assert_eq!(strange.refusal().map(|refusal| refusal.code()), Some("unknown_dashboard"));

    assert!(done(sharing.access_list(Actor::Host, board(BIG))).grants.len() > 3);
    assert!(!done(sharing.impact_of_revoking(Actor::Host, board(BIG), scene.grant("cyd"))).lose.is_empty());
    assert!(!done(sharing.audit(Actor::Host, board(BIG), Revision::ZERO, 9)).is_empty());
    // Nobody may do anything with it now, and has nothing to lose.
    assert!(done(sharing.viewers(board(BIG))).is_empty());
    assert!(done(sharing.losing_access(board(BIG), now().plus_days(99))).is_empty());
}
