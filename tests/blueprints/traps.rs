//! The traps of the research, TB1 to TB13, each where it would be stepped into; and input that is meant to hurt.

use super::world::{
    ANN, BOB, OLGA, World, account, board, bytes, device, golden, golden_devices, site_and_sensor, tenant,
};
use dashshare::{
    AccountId, Action, DashboardId, Decision, Expiry, TenantId,
    blueprint::{AddressError, Blueprint, Choices, Kept, RESERVED, Slot, SlotKey, SlotKind, Why},
    policy::Resource,
};
use pollster::block_on;

const SLOTS: [&str; 2] = ["Site", "Sensor"];

/// B4: TB1, TB9. In everybody's address any id may stand; what is unknown, another tenant's, hidden, an entity, or without the
/// tags gets one answer, to the byte, and fills nothing.
#[test]
fn what_is_not_a_candidate_gets_one_answer_whatever_it_is() {
    let world = golden(true);
    world.add(device("secret", &[("type", "s"), ("site", "A"), ("open", "1"), ("hidden", "1")]));
    world.add(device("pump", &[("type", "pump"), ("site", "A"), ("open", "1")]));
    world.add(Resource {
        kind: "entity".to_owned(),
        ..device("room", &[("type", "s"), ("site", "A"), ("open", "1")])
    });
    let theirs = device("theirs", &[("type", "s"), ("site", "A"), ("open", "1")]);
    world.directory.add_device_of(TenantId::from(2u64), theirs);
    world.add(device("gone", &[("type", "s"), ("site", "A"), ("open", "1")]));
    world.directory.remove_device_of(tenant(), SlotKind::Device, "gone");
    for (decision, secret_is_seen) in world.viewers().iter().zip([true, false, false, false]) {
        let unknown = bytes(&world.ask(decision, "Sensor=nobody"), &SLOTS);
        let resolution = world.ask(decision, "Sensor=nobody");
        assert_eq!(resolution.placed("Sensor").unwrap_err().why, Why::Refused);
        for id in ["pump", "room", "theirs", "gone", "siteA", "A1", "a1 ", "a1%00"] {
            assert_eq!(bytes(&world.ask(decision, &format!("Sensor={id}")), &SLOTS), unknown, "{id}");
        }
        let secret = bytes(&world.ask(decision, "Sensor=secret"), &SLOTS);
        assert_eq!(secret == unknown, !secret_is_seen);
    }
}

/// B6: TB2. Whoever opens it gets no first device where fallback is off, by the blueprint, by the host or by the terms.
#[test]
fn without_fallback_nothing_is_filled_by_itself() {
    for (world, choices) in
        [(golden(false), Choices::default()), (golden(true), Choices::default().named_only())]
    {
        for decision in world.viewers() {
            let resolution = world.resolve(&decision, &choices);
            assert!(resolution.chosen().is_empty());
            assert!(resolution.open().values().all(|why| **why == Why::NotNamed));
            let kept = world.ask(&decision, "Site=siteA&Sensor=a2").kept();
            assert!(world.resolve(&decision, &choices.clone().keeping(kept)).chosen().is_empty());
        }
    }
}

/// B7: TB3. A child of a parent that nothing fills gets no device, so there is no query to build, and none without a parent.
#[test]
fn a_widget_of_an_open_slot_has_nothing_to_ask_for() {
    let world = golden(true);
    for decision in world.viewers() {
        let resolution = world.ask(&decision, "Site=&Sensor=a1");
        assert_eq!(resolution.placed("Sensor").unwrap_err().why, Why::WaitsFor("Site".to_owned()));
        assert_eq!(resolution.placed("Site").unwrap_err().why, Why::NotNamed);
        let none = resolution.placed("Nowhere").unwrap_err();
        assert_eq!(
            (none.code(), none.slot.as_str(), none.why),
            ("slot_unresolved", "Nowhere", Why::NotNamed)
        );
        assert!(resolution.chosen().is_empty());
    }
}

/// B5: TB4. A child is computed from the parent that was chosen, whichever stands first in the document or in the address.
#[test]
fn what_is_chosen_is_placed_before_anything_is_filled() {
    let mut turned = site_and_sensor();
    turned.reverse();
    for slots in [site_and_sensor(), turned] {
        let world = World::new();
        world.slots(slots, true);
        golden_devices().into_iter().for_each(|device| world.add(device));
        for query in ["Site=siteB", "Sensor=b1", "Sensor=b1&Site=siteB", "Site=siteB&Sensor=b1"] {
            let resolution = world.ask(&world.visit(), query);
            assert_eq!(resolution.address(), "Sensor=b1&Site=siteB", "{query}");
        }
    }
}

/// B5, B12: TB5. A child that no longer fits does not stay: it is filled again, or left open where nothing fits.
#[test]
fn a_child_that_no_longer_fits_does_not_stay() {
    let world = golden(true);
    world.add(device("siteC", &[("type", "site"), ("site", "C"), ("open", "1")]));
    let decision = world.visit();
    let before = world.ask(&decision, "Site=siteA&Sensor=a2");
    let after = world.resolve(&decision, &before.choosing("Site", "siteB"));
    assert_eq!(after.address(), "Sensor=b1&Site=siteB");
    let back = world.resolve(&decision, &before.choosing("Sensor", "a1"));
    assert_eq!(back.address(), "Sensor=a1&Site=siteA");
    let empty = world.resolve(&decision, &before.choosing("Site", "siteC"));
    assert_eq!(empty.address(), "Sensor=&Site=siteC");
    assert_eq!(empty.placed("Sensor").unwrap_err().why, Why::NoCandidate);
    // The parent is switched by the child's choice, too: Site was kept, and does not fit.
    let up = world.resolve(&decision, &before.choosing("Sensor", "b1"));
    assert_eq!(up.address(), "Sensor=b1&Site=siteB");
}

/// B6, B10: TB6. What is refused is not replaced, neither by the least nor by what was kept.
#[test]
fn what_is_refused_is_never_replaced() {
    let world = golden(true);
    for decision in world.viewers() {
        let kept = world.ask(&decision, "Sensor=a2").kept();
        let choices = Choices::parse("Sensor=nobody&Site=siteA").expect("an address").keeping(kept);
        let resolution = world.resolve(&decision, &choices);
        assert_eq!(resolution.address(), "Sensor=&Site=siteA");
        assert_eq!(resolution.placed("Sensor").unwrap_err().why, Why::Refused);
    }
}

/// B10: TB7. What one has chosen reaches no other person, no visitor, no other link and no other tenant; it reaches the same
/// slot of another dashboard, and no slot that asks for something else.
#[test]
fn what_is_kept_does_not_cross() {
    let world = golden(true);
    let (olga, ann, visitor) = (world.decision(OLGA), world.decision(ANN), world.visit());
    let kept = world.ask(&ann, "Sensor=a2").kept();
    let read: Kept =
        serde_json::from_str(&serde_json::to_string(&kept).expect("JSON")).expect("it was written");
    assert_eq!(read, kept);
    let asked = |decision: &Decision, kept: &Kept| {
        world.resolve(decision, &Choices::default().keeping(kept.clone())).address().to_owned()
    };
    let (own, fresh) = ("Sensor=a2&Site=siteA", "Sensor=a1&Site=siteA");
    assert_eq!(asked(&ann, &kept), own);
    for other in [&olga, &visitor, &world.decision(BOB)] {
        assert_eq!(asked(other, &kept), fresh);
    }
    let of_link = world.ask(&visitor, "Sensor=a2").kept();
    assert_eq!((asked(&visitor, &of_link).as_str(), asked(&ann, &of_link).as_str()), (own, fresh));

    // Another dashboard of the tenant, with the same slot and one of the same name that asks for something else.
    let second = DashboardId::from(8u64);
    let view = |who: AccountId, dashboard| {
        block_on(world.sharing.authorize(who, dashboard, Action::View)).expect("a decision")
    };
    for (dashboard, tenant, expected) in
        [(second, tenant(), "a2"), (DashboardId::from(9u64), TenantId::from(2u64), "a1")]
    {
        block_on(world.sharing.register(dashboard, tenant, account(ANN))).expect("a dashboard");
        golden_devices().into_iter().for_each(|device| world.directory.add_device_of(tenant, device));
        let slots = Blueprint::compile(site_and_sensor(), true, RESERVED).expect("a blueprint");
        world.directory.set_blueprint(dashboard, slots);
        let resolution =
            world.resolve(&view(account(ANN), dashboard), &Choices::default().keeping(kept.clone()));
        assert_eq!(resolution.chosen()["Sensor"], expected);
    }
    let sensor = Slot::new("Sensor").with_condition("open", "1");
    let slots = Blueprint::compile(vec![sensor], true, RESERVED).expect("a blueprint");
    world.directory.set_blueprint(second, slots);
    let resolution = world.resolve(&view(account(ANN), second), &Choices::default().keeping(kept.clone()));
    assert_eq!(resolution.chosen()["Sensor"], "a1");

    // The next link is another audience.
    block_on(world.sharing.rotate_link(account(OLGA), board(), Expiry::Never))
        .map(|link| {
            let visit = block_on(world.sharing.visit(link.token.expose())).expect("a decision");
            assert_eq!(asked(&visit, &of_link), fresh);
        })
        .expect("a link");
    let mut anns = kept.clone();
    assert!(!anns.update(of_link) && anns == kept, "a person's are not mixed with a visitor's");
    assert!(anns.update(world.ask(&ann, "Sensor=b1").kept()));
    assert_eq!(asked(&ann, &anns), "Sensor=b1&Site=siteB");
}

/// B10: a slot's key is of its name, kind, conditions and filters, in any order, and nothing else runs into it.
#[test]
fn the_key_of_a_slot_is_what_it_asks_for() {
    let slot = Slot::new("S")
        .with_condition("a", "1")
        .with_condition("b", "2")
        .with_filter("k", "T")
        .with_filter("l", "T");
    let turned = Slot::new("S")
        .with_filter("l", "T")
        .with_filter("k", "T")
        .with_condition("b", "2")
        .with_condition("a", "1");
    assert_eq!(SlotKey::of(&slot), SlotKey::of(&turned));
    assert_eq!(SlotKey::of(&slot), SlotKey::of(&slot.clone().hidden_when_empty()));
    assert_eq!(SlotKey::of(&slot).to_string().len(), 64);
    let mut keys: Vec<SlotKey> = [
        Slot::new("S"),
        Slot::new("T"),
        Slot::new("S").of_kind(SlotKind::Entity),
        Slot::new("S").with_condition("a", "1"),
        Slot::new("S").with_filter("a", "1"),
        Slot::new("S").with_condition("a1", ""),
        Slot::new("S").with_condition("", "a1"),
        Slot::new("S").with_condition("a", "1").with_condition("b", "1"),
        Slot::new("S").with_condition("a", "1").with_filter("b", "1"),
        Slot::new("S").with_condition("b", "1").with_filter("a", "1"),
    ]
    .iter()
    .map(SlotKey::of)
    .collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10);
}

/// B8: TB8. Without fallback a selector lists what was named and nothing else.
#[test]
fn a_selector_discloses_nothing_that_was_not_named() {
    let world = golden(false);
    let all = golden_devices();
    for decision in world.viewers() {
        let text = bytes(&world.ask(&decision, "Site=siteB"), &SLOTS);
        assert!(text.contains("siteB"));
        for other in all.iter().filter_map(|it| it.id.as_deref()).filter(|id| *id != "siteB") {
            assert!(!text.contains(other), "{other} in {text}");
        }
    }
}

/// B3: TB10. Of a key that is there several times every value counts, on either side.
#[test]
fn every_value_of_a_repeated_key_counts() {
    let world = World::new();
    world.slots(site_and_sensor(), true);
    let both = [("type", "site"), ("site", "X"), ("site", "A"), ("site", "Y"), ("open", "1")];
    world.add(device("both", &both));
    world.add(device("s1", &[("type", "s"), ("site", "Z"), ("site", "Y"), ("open", "1")]));
    world.add(device("s2", &[("type", "s"), ("site", "A"), ("open", "1")]));
    world.add(device("s3", &[("type", "s"), ("site", "a"), ("Site", "A"), ("open", "1")]));
    let resolution = world.ask(&world.visit(), "");
    assert_eq!(resolution.listed("Sensor", None, 9).ids().collect::<Vec<_>>(), ["s1", "s2"]);
    assert_eq!(world.ask(&world.visit(), "Site=both&Sensor=s3").address(), "Sensor=&Site=both");
    assert_eq!(world.ask(&world.visit(), "Site=both&Sensor=s2").address(), "Sensor=s2&Site=both");
}

/// B9: TB11. What is named twice is refused, wherever the two stand and however they are spelt.
#[test]
fn what_is_named_twice_is_refused() {
    let world = golden(true);
    let visit = world.visit();
    for query in [
        "Sensor=a1&Sensor=a2",
        "Sensor=a1&Site=siteA&Sensor=a1",
        "Sensor=&Sensor=a1",
        "Sensor=a1&%53ensor=a1",
        "Sensor=a1&Sensor",
        "Sensor=%FF&Sensor=a1",
    ] {
        let resolution = world.ask(&visit, query);
        assert_eq!(resolution.placed("Sensor").unwrap_err().why, Why::Refused, "{query}");
    }
    let chosen = Choices::parse("Sensor=a1").expect("an address").choose("Sensor", "a1");
    assert_eq!(world.resolve(&visit, &chosen).placed("Sensor").unwrap_err().why, Why::Refused);
    // Another spelling of the name is another name.
    for query in ["Sensor=a2&sensor=a1", "Sensor=a2&Sensor%20=a1", "Sensor=a2&%2553ensor=a1"] {
        assert_eq!(world.ask(&visit, query).chosen()["Sensor"], "a2", "{query}");
    }
}

/// B9: TB12. Every slot stands in the canonical address, an open one as well, so that it is not filled on reload.
#[test]
fn every_slot_stands_in_the_canonical_address() {
    let world = golden(true);
    world.slots(
        vec![
            Slot::new("Sensor").with_condition("type", "s").with_filter("site", "Site"),
            Slot::new("Site").with_condition("type", "site"),
            Slot::new("Other").with_condition("type", "site").with_filter("site", "Sensor"),
        ],
        true,
    );
    let visit = world.visit();
    let resolution = world.ask(&visit, "Other=nobody&Sensor=b1");
    assert_eq!(resolution.address(), "Other=&Sensor=b1&Site=siteB");
    assert_eq!(world.ask(&visit, resolution.address()).address(), resolution.address());
    let waits = world.ask(&visit, "Site=nobody");
    assert_eq!(waits.address(), "Other=&Sensor=&Site=");
    assert_eq!(world.ask(&visit, waits.address()).address(), waits.address());
}

/// B1: TB13. A slot cannot take the name of what else stands in an address.
#[test]
fn a_slot_cannot_take_a_reserved_name() {
    for name in ["tab", "token", "anonymousToken"] {
        let slots = vec![Slot::new(name).with_condition("type", "s")];
        let error = Blueprint::compile_lenient(slots.clone(), true, RESERVED).unwrap_err();
        assert_eq!((error.code(), error.findings()[0].pointer()), ("bad_blueprint", "/slots/0/name"));
        assert!(Blueprint::compile(slots, true, &["page"]).is_ok(), "the list is the host's");
    }
    let hosts = Blueprint::compile(vec![Slot::new("page").with_condition("type", "s")], true, &["page"]);
    assert_eq!(hosts.unwrap_err().findings().len(), 1);
}

/// B9: percent-encoding that is none is left as it stands, bytes that are no text name nothing, and an address is decoded once.
#[test]
fn malformed_addresses_name_nothing_that_is_there() {
    let world = golden(true);
    let names = ["100%", "a b", "a+b", "%41", "ü", "\u{fffd}", "&=", "x\u{0}"];
    for name in names {
        world.add(device(name, &[("type", "s"), ("site", "A"), ("open", "1")]));
    }
    let visit = world.visit();
    for (value, id) in [
        ("100%", "100%"),
        ("100%25", "100%"),
        ("a+b", "a b"),
        ("a%20b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%2bb", "a+b"),
        ("%2541", "%41"),
        ("%C3%BC", "ü"),
        ("ü", "ü"),
        ("%EF%BF%BD", "\u{fffd}"),
        ("%26%3D", "&="),
        ("&=", ""),
        ("x%00", "x\u{0}"),
        ("a1%", ""),
        ("%zz", ""),
        ("%FF", ""),
        ("%C3", ""),
        ("%E4%BC", ""),
        ("%41", ""),
        ("a=1", ""),
    ] {
        let resolution = world.ask(&visit, &format!("Sensor={value}"));
        let found = resolution.chosen().get("Sensor").copied().unwrap_or_default().to_owned();
        assert_eq!(found, id, "{value}");
        assert_eq!(world.ask(&visit, resolution.address()).address(), resolution.address());
    }
}

/// B9: more than 64 pairs or 8,192 bytes are refused, and what is not a slot's takes no part. Debug shows no part of an address.
#[test]
fn an_address_that_is_too_long_is_refused() {
    let pairs = |count: usize| (0..count).map(|at| format!("x{at}=1")).collect::<Vec<_>>().join("&");
    assert!(Choices::parse(&pairs(64)).is_ok() && Choices::parse(&format!("&&{}&", pairs(64))).is_ok());
    assert_eq!(Choices::parse(&pairs(65)), Err(AddressError::TooManyPairs));
    assert!(Choices::parse(&"é".repeat(4_096)).is_ok());
    assert_eq!(Choices::parse(&"x".repeat(8_193)), Err(AddressError::TooLong { bytes: 8_193 }));
    assert!(Choices::of([("a", "x".repeat(8_191))]).is_ok());
    assert_eq!(Choices::of([("a", "x".repeat(8_192))]), Err(AddressError::TooLong { bytes: 8_193 }));
    assert_eq!(Choices::of((0..65).map(|at| (at.to_string(), "1"))), Err(AddressError::TooManyPairs));
    let world = golden(true);
    let choices = Choices::parse("anonymousToken=0000&tab=3&Sensor=b1").expect("an address");
    assert_eq!(world.resolve(&world.visit(), &choices).address(), "Sensor=b1&Site=siteB");
    assert_eq!(format!("{choices:?}"), "Choices(3 pairs)");
}

/// B1, B5: 20 slots in a ring of filters with 10,000 candidates, names of 100 bytes and ids of 255 in several scripts: it is
/// answered, and every filter holds.
#[test]
fn the_largest_blueprint_is_resolved() {
    let world = World::new();
    let name = |at: usize| {
        let letters = ["ж", "Ω", "字", "a", "ש"];
        let mut name = format!("{at:02}");
        while name.len() + letters[at % 5].len() <= 100 {
            name.push_str(letters[at % 5]);
        }
        name
    };
    let slots: Vec<Slot> = (0..20)
        .map(|at| {
            let slot = Slot::new(name(at)).with_condition("open", "1");
            (0..20)
                .filter(|other| *other != at)
                .fold(slot, |slot, other| slot.with_filter("site", name(other)))
        })
        .collect();
    assert!(slots.iter().all(|slot| slot.name.len() > 97));
    world.slots(slots, true);
    for at in 0..10_000 {
        let mut id = format!("{at:05}");
        id.push_str(&"字".repeat(83));
        let own = format!("own {at}");
        world.add(device(&id, &[("open", "1"), ("site", &own), ("site", "all"), ("type", "s")]));
    }
    let last = format!("{:05}{}", 9_999, "字".repeat(83));
    let resolution = world.resolve(&world.visit(), &Choices::default().choose(name(19), &last));
    assert!(resolution.open().is_empty());
    let chosen = resolution.chosen();
    assert_eq!(chosen[name(19).as_str()], last);
    assert!(chosen.iter().filter(|(slot, _)| **slot != name(19)).all(|(_, id)| id.starts_with("00000")));
    assert_eq!(world.ask(&world.visit(), "").listed(&name(3), None, usize::MAX).ids().count(), 10_000);
    // Longer than an address may be: it is for a page that keeps it elsewhere.
    assert!(Choices::parse(resolution.address()).is_err());
}
