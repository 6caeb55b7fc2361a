//! Clones that are offered (T9): filled now or later, raced for, and gone without a trace when they are not taken.

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Error, Expiry, FixedEnv, MemoryDirectory, MemoryStore,
    Refusal, Revision, TenantId, Timestamp,
    answers::NewOffer,
    questions::Page,
    store::{Freshness, Seed, Store as _},
    template::{FillError, Fills, Options, Profile, Recipient, Template, extract_json, fill},
    trail::{Actor, Message},
};
use pollster::block_on;
use serde_json::{Value, json};
use std::sync::Barrier;

const TENANT: u64 = 1;
const SOURCE: u64 = 7;
const CLONE: u64 = 8;
const DEVICES: [&str; 2] = ["67599bcd999d25000a9c10bd", "67599bcd999d25000a9c10be"];
const WIDGETS: [&str; 2] = ["67ffb39beff26b000aa52e6b", "67ffb39beff26b000aa52e6c"];

type Sharing = Dashshare<MemoryStore, MemoryDirectory, FixedEnv>;

fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

fn board(number: u64) -> DashboardId {
    DashboardId::from(number)
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

/// Olga (1) owns a dashboard; Ann (2) and Bob (3) have accounts.
fn world() -> Sharing {
    let sharing =
        Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start(), 1));
    (1..=3).for_each(|number| sharing.directory().add_account(account(number)));
    block_on(sharing.register(board(SOURCE), TenantId::from(TENANT), account(1))).expect("registered");
    sharing
}

fn template() -> Template {
    let widgets: Vec<Value> = WIDGETS
        .iter()
        .zip(DEVICES)
        .map(|(id, device)| {
            json!({ "id": id, "type": "card", "data": [{ "origin": device, "variables": ["temperature"] }] })
        })
        .collect();
    let document = json!({ "dashboard": { "label": "Cold rooms" }, "widgets": widgets });
    let extracted = extract_json(&document.to_string(), &Profile::tagoio(), Options::default());
    extracted.expect("a template").template
}

fn offer(template: &Template) -> NewOffer<'_> {
    NewOffer::to(account(2), board(CLONE), template, Expiry::Never)
}

fn offered(sharing: &Sharing) -> DashboardId {
    let offered = block_on(sharing.offer(account(1), board(SOURCE), offer(&template())));
    offered.expect("offered").clone
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.expect_err("it should be refused").refusal().map_or("failed", Refusal::code)
}

/// A fill of Ann's, whose inner ids are drawn from the clone's own id, so that they are the same each time.
fn fill_for_ann(template: &Template, fills: &Fills, partial: bool) -> Result<Value, Vec<FillError>> {
    let mut drawn = u8::try_from(CLONE).expect("a small number");
    let mut random = || {
        drawn += 1;
        [drawn; 16]
    };
    let may_use = |kind: &str, value: &Value| {
        kind == "device" && value.as_str().is_some_and(|device| device.starts_with("anns-"))
    };
    let recipient =
        Recipient { owner: "ann", accepts_code: false, partial, may_use: &may_use, random: &mut random };
    fill(template, &Profile::tagoio(), fills, recipient)
}

/// T9, T6: the recipient takes a clone with one of two devices, and adds the other one later; what was there stays.
#[test]
fn a_clone_is_taken_half_filled_and_filled_later() {
    let sharing = world();
    let clone = offered(&sharing);
    let view = block_on(sharing.offers(account(2), Page::first(9))).expect("a page").entries.remove(0);
    for secret in DEVICES.into_iter().chain(WIDGETS).chain([board(SOURCE).to_string().as_str()]) {
        assert!(!json!(view).to_string().contains(secret), "the offer tells `{secret}` of its source");
    }
    let template = Template::read(&Profile::tagoio(), &view.template).expect("the template");
    let mut fills: Fills = [("device-1".to_owned(), json!("anns-first"))].into();
    assert_eq!(
        fill_for_ann(&template, &fills, false),
        Err(vec![FillError::Missing("device-2".to_owned())]),
        "a whole fill wants both"
    );
    let first = fill_for_ann(&template, &fills, true).expect("half filled");
    assert_eq!(first["widgets"][0]["data"][0]["origin"], "anns-first");
    assert_eq!(first["widgets"][1]["data"][0].get("origin"), None, "the other one is empty");

    block_on(sharing.take_offer(account(2), clone, TenantId::from(TENANT))).expect("taken");
    fills.insert("device-2".to_owned(), json!("olgas-own"));
    assert_eq!(
        fill_for_ann(&template, &fills, false),
        Err(vec![FillError::NotAllowed("device-2".to_owned())])
    );
    fills.insert("device-2".to_owned(), json!("anns-second"));
    let whole = fill_for_ann(&template, &fills, false).expect("filled");
    assert_eq!(whole["widgets"][1]["data"][0]["origin"], "anns-second");
    for widget in 0..2 {
        assert_eq!(
            whole["widgets"][widget]["id"], first["widgets"][widget]["id"],
            "the widgets are the same"
        );
    }
    assert!(block_on(sharing.authorize(account(2), clone, Action::Edit)).expect("decided").is_allowed());
}

/// T9: of a taking and a withdrawal at the same moment exactly one wins, and the other one is told so.
#[test]
fn an_offer_is_taken_or_withdrawn_and_never_both() {
    let (mut taken, mut withdrawn) = (0, 0);
    for _ in 0..300 {
        let sharing = world();
        let clone = offered(&sharing);
        let barrier = Barrier::new(2);
        let (take, withdraw) = std::thread::scope(|scope| {
            let taker = scope.spawn(|| {
                barrier.wait();
                block_on(sharing.take_offer(account(2), clone, TenantId::from(TENANT)))
            });
            barrier.wait();
            let withdrawal = block_on(sharing.withdraw_offer(account(1), clone));
            (taker.join().expect("no panic"), withdrawal)
        });
        let anns = block_on(sharing.authorize(account(2), clone, Action::Edit)).expect("decided");
        match (&take, &withdraw) {
            (Ok(_), Err(_)) => taken += 1,
            (Err(_), Ok(_)) => withdrawn += 1,
            both => panic!("one of them wins: {both:?}"),
        }
        assert_eq!(anns.is_allowed(), take.is_ok());
        let loser = if take.is_ok() { refused(withdraw) } else { refused(take) };
        assert_eq!(loser, "unknown_offer");
    }
    println!("{taken} were taken, {withdrawn} withdrawn");
}

/// T9: what was declined, withdrawn or taken leaves no word and no template behind, only that it happened.
#[test]
fn an_offer_that_ended_keeps_nothing() {
    type End = fn(&Sharing, DashboardId) -> Result<(), Error>;
    let ends: [End; 4] = [
        |s, clone| block_on(s.decline_offer(account(2), clone)).map(drop),
        |s, clone| block_on(s.withdraw_offer(account(1), clone)).map(drop),
        |s, clone| block_on(s.take_offer(account(2), clone, TenantId::from(TENANT))).map(drop),
        |s, _| block_on(s.delete_account(account(2))).map(drop),
    ];
    for end in ends {
        let sharing = world();
        let template = template();
        let told = offer(&template).message("for your eyes only").devices("two sensors");
        let offering = sharing.offer(account(1), board(SOURCE), told);
        let clone = block_on(offering).expect("offered").clone;
        let waiting: Vec<_> =
            block_on(sharing.outbox(None, 9)).expect("a list").iter().map(|message| message.id).collect();
        block_on(sharing.acknowledge(&waiting)).expect("acknowledged");
        let kept = || {
            let store = sharing.store();
            let snapshot =
                block_on(store.read(clone, &[], Freshness::Latest)).expect("read").expect("a head");
            let grants = block_on(store.grants(clone, 0, 9)).expect("read");
            let audit = block_on(store.audit(clone, Revision::ZERO, 9)).expect("read");
            let outbox = block_on(store.outbox(None, 9)).expect("read");
            json!([snapshot.head, grants, audit, outbox]).to_string()
        };
        for words in ["eyes only", "two sensors", "temperature"] {
            assert!(kept().contains(words), "while it is open `{words}` is there");
        }
        end(&sharing, clone).expect("ended");
        for words in ["eyes only", "two sensors", "temperature"] {
            assert!(!kept().contains(words), "`{words}` is still there");
        }
        let seeds: [Seed; 1] = [account(2).into()];
        let read =
            block_on(sharing.store().read(clone, &seeds, Freshness::Latest)).expect("read").expect("a head");
        assert!(read.chains.iter().flatten().all(|grant| grant.revoked.is_some() || read.head.is_deleted()));
    }
}

/// T9, G8: texts and templates beyond their limits are refused, and nothing is written; just within, they are offered.
#[test]
fn what_is_offered_has_limits() {
    let sharing = world();
    let template = template();
    let (within, beyond) = ("\u{e9}".repeat(2_000), "\u{e9}".repeat(2_001));
    let make = |changed: NewOffer<'_>| block_on(sharing.offer(account(1), board(SOURCE), changed));
    for message_or_devices in [offer(&template).message(&beyond), offer(&template).devices(&beyond)] {
        assert_eq!(refused(make(message_or_devices)), "text_too_long");
    }
    for tells in ["ask me@example.com", "see https://example.com", "like 67599bcd999d25000a9c10bd"] {
        let telling = offer(&template).devices(tells);
        assert_eq!(refused(make(telling)), "text_tells_too_much", "`{tells}`");
    }
    let widgets: Vec<Value> = (0..9_000)
        .map(|n| json!({ "id": format!("67ffb39beff26b000a{n:06x}"), "type": "card", "label": "Air ".repeat(40) }))
        .collect();
    let large = json!({ "dashboard": { "label": "Cold rooms" }, "widgets": widgets }).to_string();
    let large = extract_json(&large, &Profile::tagoio(), Options::default()).expect("a template").template;
    assert!(large.to_json().to_string().len() > 1 << 20, "it is no large template");
    assert_eq!(refused(make(offer(&large))), "template_too_large");
    let head = block_on(sharing.store().read(board(CLONE), &[], Freshness::Latest)).expect("read");
    assert!(head.is_none(), "a refused offer was written");
    assert!(block_on(sharing.offers_made(account(1), Page::first(9))).expect("a page").is_empty());

    let full = offer(&template).message(&within).devices(&within);
    make(full).expect("offered");
    let view = block_on(sharing.offers(account(2), Page::first(9))).expect("a page").entries.remove(0);
    assert_eq!((view.message.as_ref(), view.devices.as_ref()), (Some(&within), Some(&within)));
}

/// T9: whatever revision is demanded, an offer is not told from what is not known.
#[test]
fn an_offer_is_not_told_from_what_is_not_known() {
    let sharing = world();
    let clone = offered(&sharing);
    for revision in 0..3 {
        let ask = |dashboard| {
            let asking =
                sharing.at_least(Revision::new(revision)).authorize(account(2), dashboard, Action::View);
            block_on(asking).map(|decision| (decision.dashboard(), decision.revision(), decision.denial()))
        };
        assert_eq!(format!("{:?}", ask(clone)), format!("{:?}", ask(board(99))), "at revision {revision}");
    }
}

/// T9: who has no account any more takes nothing.
#[test]
fn an_account_that_is_gone_takes_nothing() {
    let sharing = world();
    let clone = offered(&sharing);
    sharing.directory().remove_account(account(2));
    let taking = sharing.take_offer(account(2), clone, TenantId::from(TENANT));
    assert_eq!(refused(block_on(taking)), "unknown_account");
}

/// T9, G19: the owner of a clone reads its history from the taking on, the host all of it.
#[test]
fn the_history_of_a_clone_begins_for_its_owner_when_it_was_taken() {
    let sharing = world();
    let clone = offered(&sharing);
    assert_eq!(refused(block_on(sharing.audit(account(1), clone, Revision::ZERO, 9))), "unknown_dashboard");
    block_on(sharing.take_offer(account(2), clone, TenantId::from(TENANT))).expect("taken");
    let revisions = |by: Actor| -> Vec<u64> {
        let records = block_on(sharing.audit(by, clone, Revision::ZERO, 9)).expect("records");
        records.iter().map(|record| record.revision.number()).collect()
    };
    assert_eq!(revisions(account(2).into()), [2]);
    assert_eq!(revisions(Actor::Host), [1, 2]);
}

/// E17: what a person wrote stands in a mail as one short line without addresses, links and tricks; whoever opens the offer
/// reads all of it.
#[test]
fn a_mail_has_no_more_of_a_persons_text_than_may_stand_there() {
    let sharing = world();
    let devices = "a sensor ".repeat(90);
    let wrote = "URGENT: verify at https://evil.example/login\r\nBcc: all@bank.test\u{202e}\u{0} today";
    let template = template();
    let offering =
        sharing.offer(account(1), board(SOURCE), offer(&template).message(wrote).devices(&devices));
    block_on(offering).expect("offered");
    let mail = block_on(sharing.outbox(None, 9)).expect("a list").remove(0).message;
    let Message::Offered { message: Some(message), devices: Some(devices), .. } = mail else {
        panic!("{mail:?}")
    };
    assert_eq!(message, "URGENT: verify at Bcc: today");
    assert!(devices.chars().count() <= 200 && devices.starts_with("a sensor a sensor"), "{devices}");
    let view = block_on(sharing.offers(account(2), Page::first(9))).expect("a page").entries.remove(0);
    assert_eq!(view.message.as_deref(), Some(wrote));
}

/// T9, G19: the id that the host gave to a clone is taken while the offer is open, and free when it has expired.
#[test]
fn an_open_offer_keeps_its_id_and_an_expired_one_does_not() {
    let sharing = world();
    let (template, end) = (template(), start().plus_days(9));
    let offer = NewOffer::to(account(2), board(CLONE), &template, Expiry::At(end));
    block_on(sharing.offer(account(1), board(SOURCE), offer)).expect("offered");
    let register = || block_on(sharing.register(board(CLONE), TenantId::from(TENANT), account(3)));
    sharing.env().set(end.plus_micros(-1));
    assert_eq!(register().expect_err("it is taken").refusal(), Some(&Refusal::AlreadyExists));
    sharing.env().set(end);
    register().expect("it is free");
}
