//! What the owner is told of slots, and that what may be seen is what may be read.

use super::world::{ANN, BOB, OLGA, World, account, board, device, golden, site_and_sensor};
use dashshare::{
    Refusal,
    blueprint::{Choices, Slot, SlotKind, Why},
    policy::Resource,
    trail::Actor,
};
use pollster::block_on;

/// A site, a pump of it, another one that is hidden, and one elsewhere.
fn world() -> World {
    let world = World::new();
    world.slots(site_and_sensor(), true);
    world.add(device("siteA", &[("type", "site"), ("site", "A"), ("open", "1")]));
    world.add(device("a1", &[("type", "s"), ("site", "A"), ("open", "1")]));
    world.add(device("a2", &[("type", "s"), ("site", "A"), ("open", "1"), ("hidden", "1")]));
    world.add(device("b1", &[("type", "s"), ("site", "B"), ("open", "1")]));
    world.add(device("b2", &[("type", "s"), ("site", "B")]));
    world.add(device("other", &[("type", "pump"), ("site", "A"), ("open", "1")]));
    world
}

/// B14: to the owner and the host an explanation says how many candidates were left after each step; nobody else is answered.
#[test]
fn the_owner_is_told_what_each_step_leaves() {
    let world = world();
    let counts = |decision, choices: &Choices| -> Vec<[usize; 5]> {
        let explained =
            block_on(world.sharing.explain_slots(account(OLGA), decision, choices)).expect("an answer");
        let again = block_on(world.sharing.explain_slots(Actor::Host, decision, choices)).expect("an answer");
        assert_eq!(explained, again);
        explained.iter().map(|it| [it.of_kind, it.conditions, it.policies, it.lock, it.filters]).collect()
    };
    let none = Choices::default();
    let [olga, ann, bob, visit] = world.viewers();
    assert_eq!(counts(&olga, &none), [[6, 1, 1, 1, 1], [6, 4, 4, 4, 2]]);
    assert_eq!(counts(&ann, &none), [[6, 1, 1, 1, 1], [6, 4, 3, 3, 1]]);
    assert_eq!(counts(&bob, &none), [[6, 1, 1, 1, 1], [6, 4, 2, 2, 1]]);
    assert_eq!(counts(&visit, &none), counts(&bob, &none));
    let fixed = Choices::default().only("Sensor", ["b1", "b2"]);
    // No site fits them.
    assert_eq!(counts(&ann, &fixed), [[6, 1, 1, 0, 0], [6, 4, 3, 2, 2]]);
    let explained = block_on(world.sharing.explain_slots(account(OLGA), &ann, &fixed)).expect("an answer");
    assert_eq!((explained[0].placed.as_deref(), &explained[0].open), (None, &Some(Why::NoCandidate)));
    let waits = Why::WaitsFor("Site".to_owned());
    assert_eq!((explained[1].placed.as_deref(), &explained[1].open), (None, &Some(waits)));
    assert_eq!(serde_json::to_value(&explained[0]).expect("JSON")["open"], "no_candidate");
    for (who, refusal) in
        [(ANN, Refusal::NotOwner), (BOB, Refusal::UnknownDashboard), (99, Refusal::UnknownDashboard)]
    {
        let refused = block_on(world.sharing.explain_slots(account(who), &ann, &none)).unwrap_err();
        assert_eq!(refused.refusal(), Some(&refusal));
        let refused = block_on(world.sharing.audit_slots(account(who), board())).unwrap_err();
        assert_eq!(refused.refusal(), Some(&refusal));
    }
}

/// B14: the audit says what visitors can reach through which slot: what any address of theirs places, and nothing else.
#[test]
fn the_audit_says_what_visitors_can_reach() {
    let world = world();
    let reach = block_on(world.sharing.audit_slots(account(OLGA), board())).expect("an answer");
    let reach: Vec<(&str, Vec<&str>)> =
        reach.iter().map(|it| (it.slot.as_str(), it.devices.iter().map(String::as_str).collect())).collect();
    assert_eq!(reach, [("Site", vec!["siteA"]), ("Sensor", vec!["a1", "b1"])]);
    let visit = world.visit();
    for id in ["siteA", "a1", "a2", "b1", "b2", "other"] {
        for (slot, reached) in &reach {
            let parent = if *slot == "Sensor" { "&Site=" } else { "" };
            let resolution = world.ask(&visit, &format!("{slot}={id}{parent}"));
            let refused = resolution.placed(slot).is_err_and(|open| open.why == Why::Refused);
            assert_eq!(!refused, reached.contains(&id), "{slot} {id}");
        }
    }
}

/// B2, D3: a device that a resolution may place is one that the decision about it allows, and no other one is, for everybody. An owner
/// sees all but what a policy denies to it.
#[test]
fn what_may_be_placed_is_what_may_be_read() {
    let world = golden(true);
    world.slots(vec![Slot::new("Any").with_condition("all", "1")], true);
    let mut seen = Vec::new();
    for (id, tags) in [("p", &[][..]), ("q", &["open"]), ("r", &["hidden"]), ("s", &["open", "hidden"])] {
        let found = tags.iter().fold(device(id, &[("all", "1")]), |found, tag| found.with_tag(*tag, "1"));
        world.add(found.clone());
        world.directory.add_device(board(), found);
        for decision in world.viewers() {
            let read = block_on(world.sharing.authorize_device(&decision, id)).expect("a decision");
            let placed = world.ask(&decision, &format!("Any={id}")).placed("Any").is_ok();
            assert_eq!(placed, read.is_allowed(), "{id} {:?}", decision.asker());
            seen.push(placed);
        }
    }
    let t = true;
    assert_eq!(seen, [t, t, !t, !t, t, t, t, t, t, !t, !t, !t, t, !t, !t, !t]);
    let deny = r#"[{"id": "p", "targets": [["run_user", "id", "olga"]], "permissions": [
        {"effect": "deny", "action": ["access"], "resource": ["device", "id", "q"]}]}]"#;
    let documents = dashshare::policy::Document::parse_all(deny).expect("documents");
    let policies = dashshare::policy::PolicySet::compile(&documents).expect("a set").set;
    let rules = dashshare::directory::Tenant { policies, ..super::world::rules() };
    world.directory.set_tenant(super::world::tenant(), rules);
    let olga = world.decision(OLGA);
    assert!(!block_on(world.sharing.authorize_device(&olga, "q")).expect("a decision").is_allowed());
    assert!(
        world.ask(&olga, "Any=q").placed("Any").is_err() && world.ask(&olga, "Any=s").placed("Any").is_ok()
    );
}

/// B15: entities fill slots of their kind, under policies about entities; a device of the same id is another thing.
#[test]
fn entities_behave_like_devices() {
    let world = World::new();
    let room = Slot::new("Room").of_kind(SlotKind::Entity).with_condition("type", "x");
    world
        .slots(vec![room, Slot::new("Sensor").with_condition("type", "x").with_filter("site", "Room")], true);
    let entity = |id, tags| Resource { kind: "entity".to_owned(), ..device(id, tags) };
    world.add(entity("same", &[("type", "x"), ("site", "A"), ("open", "1")]));
    world.add(entity("away", &[("type", "x"), ("site", "A"), ("open", "1"), ("hidden", "1")]));
    world.add(device("same", &[("type", "x"), ("site", "A"), ("open", "1")]));
    for (decision, expected) in world.viewers().iter().zip(["away", "same", "same", "same"]) {
        let resolution = world.ask(decision, "Sensor=same");
        assert_eq!((resolution.chosen()["Room"], resolution.chosen()["Sensor"]), (expected, "same"));
        assert_eq!(resolution.placed("Room").expect("an entity").kind, "entity");
        assert_eq!(resolution.placed("Sensor").expect("a device").kind, "device");
    }
}
