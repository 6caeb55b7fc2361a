//! Locks on a blueprint dashboard: which devices fill the slots, and whose data is read.

use super::world::{OLGA, World, account, board, golden, golden_devices, now};
use dashshare::{
    Action, Decision, Expiry, Lock, NewLink, NewShare, Terms,
    blueprint::{Choices, Slot},
    explain::Denial,
    lock::{DeviceSelector, LockFinding, Query, Range, ReadKind, VariableSelector},
    policy::Resource,
};
use pollster::block_on;

/// Somebody with these locks, one grant each.
fn viewer(world: &World, who: u64, locks: impl IntoIterator<Item = Lock>) -> Decision {
    world.directory.add_account(account(who));
    for lock in locks {
        let share = NewShare::with(account(who), Terms::view(Expiry::Never).locked(lock));
        block_on(world.sharing.share(account(OLGA), board(), share)).expect("a share");
    }
    block_on(world.sharing.authorize(account(who), board(), Action::View)).expect("a decision")
}

/// Why the data of a device is not read, with these choices; `None` if it is.
fn data(world: &World, decision: &Decision, choices: &[(&str, &str)], device: &str) -> Option<Denial> {
    let choices = Choices::of(choices.iter().copied()).expect("choices");
    let query = Query::new(ReadKind::Series, device, "temp");
    let answer = block_on(world.sharing.admit_in_slot(decision, &choices, &query)).expect("an answer");
    answer.err().map(|denied| denied.denial().clone())
}

fn not_shown(device: &str) -> Option<Denial> {
    Some(Denial::DeviceNotShown(device.to_owned()))
}

/// B7, B11, B12: a lock fixes a slot; what fits the fixed device is read, and what does not is like what is not there.
#[test]
fn a_lock_fixes_a_slot_and_all_that_depends_on_it() {
    let world = golden(true);
    let zoe = viewer(&world, 20, [Lock::NONE.parameter("slot:Site", ["siteB"])]);
    assert_eq!(world.ask(&zoe, "").address(), "Sensor=b1&Site=siteB");
    assert_eq!(data(&world, &zoe, &[], "b1"), None);
    assert_eq!(data(&world, &zoe, &[], "siteB"), None);
    for device in ["a1", "siteA", "nothing"] {
        assert_eq!(data(&world, &zoe, &[], device), not_shown(device));
    }
    let seen = block_on(world.sharing.viewers_of_device(board(), "b1")).expect("an answer");
    assert!(seen.viewers.iter().any(|viewer| viewer.account == account(20)));
}

/// K3, B2: a lock by tag leaves the devices that have it, in the slots as in the data.
#[test]
fn a_lock_by_tag_leaves_its_devices() {
    let world = golden(true);
    let zoe = viewer(&world, 20, [Lock::NONE.devices([DeviceSelector::tag("site", "B")])]);
    let resolution = world.ask(&zoe, "");
    assert_eq!(resolution.address(), "Sensor=b1&Site=siteB");
    assert_eq!(resolution.listed("Site", None, 9).ids().collect::<Vec<_>>(), ["siteB"]);
    assert_eq!((data(&world, &zoe, &[], "b1"), data(&world, &zoe, &[], "a1")), (None, not_shown("a1")));
}

/// K14: what one grant fixes and another lets through is never put together.
#[test]
fn a_slot_of_one_grant_takes_no_device_of_another() {
    let world = golden(true);
    let crossed = [("a1", "b1"), ("b1", "a1")].map(|(device, fixed)| {
        Lock::NONE.devices([device.into(), "siteA".into(), "siteB".into()]).parameter("slot:Sensor", [fixed])
    });
    let zoe = viewer(&world, 20, crossed);
    let resolution = world.ask(&zoe, "");
    assert_eq!(resolution.chosen().get("Sensor"), None);
    assert_eq!(resolution.listed("Sensor", None, 9).ids().count(), 0);
    for device in ["a1", "b1"] {
        assert_eq!(data(&world, &zoe, &[], device), not_shown(device));
    }
    let straight =
        viewer(&world, 21, [Lock::NONE.parameter("slot:Sensor", ["b1"]), Lock::NONE.devices(["a1".into()])]);
    assert_eq!(
        (data(&world, &straight, &[], "b1"), data(&world, &straight, &[], "a2")),
        (None, not_shown("a2"))
    );
}

/// B6, B7: without fallback a device is read when the request names what it waits for, and not otherwise.
#[test]
fn a_device_that_waits_for_another_slot_is_not_read() {
    let world = golden(false);
    let ann = world.decision(super::world::ANN);
    let waits = Some(Denial::SlotUnresolved { slot: "Sensor".to_owned(), why: "waits_for" });
    assert_eq!(data(&world, &ann, &[], "a1"), waits);
    assert_eq!(data(&world, &ann, &[("Site", "siteA")], "a1"), None);
    assert_eq!(data(&world, &ann, &[("Site", "siteB")], "a1"), not_shown("a1"));
}

/// B6: a link that shows what is named, and nothing else, whatever the blueprint says; who has a grant is not bound by it.
#[test]
fn a_link_may_show_what_is_named_alone() {
    let world = golden(true);
    let new = NewLink::until(Expiry::Never).named_only();
    let link = block_on(world.sharing.rotate_link(account(OLGA), board(), new)).expect("a link");
    let visit = block_on(world.sharing.visit(link.token.expose())).expect("a decision");
    assert_eq!(world.ask(&visit, "").address(), "Sensor=&Site=");
    assert_eq!(world.ask(&visit, "Site=siteB").address(), "Sensor=&Site=siteB");
    assert_eq!(world.ask(&world.decision(super::world::ANN), "").address(), "Sensor=a1&Site=siteA");
    let list = block_on(world.sharing.access_list(account(OLGA), board())).expect("a list");
    assert!(list.link.is_some_and(|link| link.named_only));
}

/// B14, K22: the audit of the slots goes by the locks of the link that stands: by devices, and by what a slot is fixed to.
#[test]
fn the_audit_of_slots_goes_by_the_links_lock() {
    let world = golden(true);
    let lock = Lock::NONE.devices(["a2".into(), "b1".into(), "siteA".into(), "siteB".into()]);
    let new = NewLink::until(Expiry::Never).locked(lock.parameter("slot:Site", ["siteB"]));
    block_on(world.sharing.rotate_link(account(OLGA), board(), new)).expect("a link");
    let reach = block_on(world.sharing.audit_slots(account(OLGA), board())).expect("an answer");
    let reach: Vec<(&str, Vec<&str>)> =
        reach.iter().map(|it| (it.slot.as_str(), it.devices.iter().map(String::as_str).collect())).collect();
    assert_eq!(reach, [("Site", vec!["siteB"]), ("Sensor", vec!["b1"])], "no sensor of another site");
}

/// K14, B11: each grant fills the slots by itself. One that fixes the site opens no sensor of the site of another, and what
/// that one limits stays limited; whatever fallback takes for one, the other shows what it did.
#[test]
fn no_grant_fills_the_slots_of_another() {
    let world = golden(true);
    let day = || Lock::NONE.last("24h".parse().expect("a span"));
    let of_site = |site: &str| Lock::NONE.parameter("slot:Site", [site]);
    let zoe = viewer(&world, 20, [of_site("siteA"), of_site("siteB").meet(day())]);
    let pieces = |who: &Decision, device: &str| {
        let query = Query::new(ReadKind::Series, device, "temp");
        let answer = block_on(world.sharing.admit(who, &query)).expect("an answer").expect("pieces");
        answer.pieces().iter().map(|piece| (piece.range, piece.by.len())).collect::<Vec<_>>()
    };
    let yesterday = Range::new(now().plus_micros(-86_400_000_000), now());
    assert_eq!(pieces(&zoe, "a1"), [(Range::EVER, 1)]);
    assert_eq!(pieces(&zoe, "b1"), [(yesterday, 1)]);

    // The second shows a sensor and no site.
    let yan = viewer(&world, 21, [of_site("siteA"), Lock::NONE.devices(["b1".into()])]);
    assert_eq!(data(&world, &yan, &[], "a1"), None);
    assert!(data(&world, &yan, &[], "b1").is_some(), "its site is not shown");

    // Whatever the second lets fallback take, the first shows what it showed.
    let world = World::new();
    let of_type = |name: &str| Slot::new(name).with_condition("type", name);
    world.slots(vec![of_type("x"), of_type("y").with_filter("k", "x")], true);
    for (id, kind, value) in [("x1", "x", "1"), ("x2", "x", "2"), ("y2", "y", "2")] {
        world.add(Resource::new("device", id).with_tag("type", kind).with_tag("k", value));
    }
    let only = |ids: [&str; 2]| Lock::NONE.devices(ids.map(Into::into));
    let one = viewer(&world, 20, [only(["x2", "y2"])]);
    assert_eq!(data(&world, &one, &[], "y2"), None);
    let two = viewer(&world, 20, [only(["x1", "x1"])]);
    assert_eq!(data(&world, &two, &[], "y2"), None);
}

/// K2, K22; trap TA10: a lock that fixes what is no slot lets nothing through, also when the slot was renamed since.
#[test]
fn to_fix_what_is_no_slot_opens_nothing() {
    let world = golden(true);
    let zoe = viewer(&world, 20, [Lock::NONE.parameter("slot:site", ["siteA"])]);
    let resolution = world.ask(&zoe, "");
    assert_eq!(
        (resolution.address(), resolution.listed("Site", None, 9).devices.len()),
        ("Sensor=&Site=", 0)
    );
    let seen = block_on(world.sharing.authorize_device(&zoe, "siteA")).expect("an answer");
    assert_eq!((seen.denial(), data(&world, &zoe, &[], "siteA")), (not_shown("siteA"), not_shown("siteA")));

    world.directory.add_device(board(), Resource::new("device", "shown-by-itself").with_tag("open", "1"));
    let name = "slot:site".to_owned();
    let denied = Some(Denial::ParameterNotApplied { name });
    assert_eq!(data(&world, &zoe, &[], "shown-by-itself"), denied);

    let none = Choices::default().only("Nope", ["siteA"]);
    assert_eq!(world.resolve(&world.decision(super::world::ANN), &none).address(), "Sensor=&Site=");
    let new = NewLink::until(Expiry::Never).locked(Lock::NONE.parameter("slot:Nope", ["siteA"]));
    block_on(world.sharing.rotate_link(account(OLGA), board(), new)).expect("a link");
    let reach = block_on(world.sharing.audit_slots(account(OLGA), board())).expect("an answer");
    assert!(reach.iter().all(|slot| slot.devices.is_empty()));
    let lock = Lock::NONE.parameter("slot:Nope", ["siteA"]).devices(["siteA".into()]);
    let found = block_on(world.sharing.lock_findings(board(), &lock, &[])).expect("an answer");
    assert_eq!(found, [LockFinding::NoSuchSlot("Nope".to_owned())]);
}

/// B2, B11, K22: a device that a lock leaves out of its slot is like one that is not there, for whoever asks about it.
#[test]
fn what_a_slot_may_not_hold_is_not_there() {
    let world = golden(true);
    let zoe = viewer(&world, 20, [Lock::NONE.parameter("slot:Site", ["siteA"])]);
    let new = NewLink::until(Expiry::Never).locked(Lock::NONE.parameter("slot:Site", ["siteA"]));
    let link = block_on(world.sharing.rotate_link(account(OLGA), board(), new)).expect("a link");
    let visit = block_on(world.sharing.visit(link.token.expose())).expect("a decision");
    for who in [&zoe, &visit] {
        let about = |device: &str| block_on(world.sharing.authorize_device(who, device)).expect("an answer");
        assert!(about("siteA").is_allowed());
        let (hidden, nowhere) = (about("siteB"), about("nothing"));
        assert_eq!(hidden.tell().to_string().replace("siteB", "nothing"), nowhere.tell().to_string());
        assert_eq!((hidden.denial(), nowhere.denial()), (not_shown("siteB"), not_shown("nothing")));
    }
    let viewers = |device: &str| {
        let seen = block_on(world.sharing.viewers_of_device(board(), device)).expect("an answer");
        (seen.viewers.iter().any(|viewer| viewer.account == account(20)), seen.link.is_some())
    };
    assert_eq!((viewers("siteA"), viewers("siteB")), ((true, true), (false, false)));
}

/// K4, K22: where a lock leaves no variable of a device, the device is not listed either.
#[test]
fn a_device_of_which_no_variable_is_left_is_not_there() {
    let world = golden(true);
    let of_a1 =
        Lock::NONE.variables([VariableSelector::of("a1", "temp"), VariableSelector::of("siteA", "temp")]);
    let zoe = viewer(&world, 20, [of_a1]);
    let resolution = world.ask(&zoe, "");
    assert_eq!(resolution.address(), "Sensor=a1&Site=siteA");
    assert_eq!(resolution.listed("Sensor", None, 9).ids().collect::<Vec<_>>(), ["a1"]);
    let seen = block_on(world.sharing.authorize_device(&zoe, "b1")).expect("an answer");
    assert_eq!(seen.denial(), not_shown("b1"));
}

/// K5, B12: nothing is shown beside a fixed slot that nothing fills, whatever the asker writes into the address; nor is
/// anything listed that could not stand beside what it is fixed to.
#[test]
fn nobody_lifts_a_fixed_slot() {
    let world = World::new();
    // The filter stands on the fixed side.
    let sensor = Slot::new("Sensor").with_condition("type", "s");
    let site = Slot::new("Site").with_condition("type", "site").with_filter("site", "Sensor");
    world.slots(vec![sensor, site], true);
    golden_devices().into_iter().for_each(|device| world.add(device));
    let zoe = viewer(&world, 20, [Lock::NONE.parameter("slot:Site", ["siteA"])]);
    for address in ["", "Site=", "Site=siteB", "Sensor=b1", "Sensor=b1&Site=", "Sensor=b1&Site=nothing"] {
        let resolution = world.ask(&zoe, address);
        let listed = resolution.listed("Sensor", None, 9);
        assert_eq!(listed.ids().collect::<Vec<_>>(), ["a1", "a2"], "{address}");
        assert!(
            ["Sensor=a1&Site=siteA", "Sensor=&Site=siteA", "Sensor=&Site="].contains(&resolution.address())
        );
    }
    for choices in [&[][..], &[("Site", "")], &[("Site", "nothing")]] {
        assert!(data(&world, &zoe, choices, "b1").is_some(), "{choices:?}");
    }
    assert_eq!(data(&world, &zoe, &[], "a1"), None);
}

/// B7: a page names every slot, also the one whose data it asks for; to name it again is to say the same. Another device
/// of that slot is not what the page shows.
#[test]
fn a_page_may_name_what_it_reads() {
    let world = golden(true);
    let page = [("Site", "siteA"), ("Sensor", "a1")];
    for who in [world.decision(OLGA), world.decision(super::world::ANN)] {
        for device in ["a1", "siteA"] {
            assert_eq!(data(&world, &who, &page, device), None);
        }
        assert_eq!(data(&world, &who, &page, "a2"), not_shown("a2"));
        let choices = Choices::of(page).expect("choices");
        let query = Query::new(ReadKind::Series, "a1", "temp");
        let named = block_on(world.sharing.admit_in_slot(&who, &choices, &query.clone().in_slot("Sensor")));
        assert!(named.expect("an answer").is_ok());
        let wrong = block_on(world.sharing.admit_in_slot(&who, &choices, &query.in_slot("Site")));
        assert!(wrong.expect("an answer").is_err());
    }
}

/// K5; trap TA11: what a slot is fixed to is no parameter that a host or an asker gives; what is admitted never tells another
/// value than the lock has.
#[test]
fn what_fixes_a_slot_is_no_parameter_of_the_asker() {
    let world = golden(true);
    let zoe = viewer(&world, 20, [Lock::NONE.parameter("slot:Site", ["siteB"])]);
    let asking = |device: &str| {
        Query::new(ReadKind::Series, device, "temp").applying("slot:Site").choosing("slot:Site", "siteA")
    };
    let admit = |query: Query| block_on(world.sharing.admit(&zoe, &query)).expect("an answer");
    let admitted = admit(asking("siteB")).expect("pieces");
    assert!(admitted.pieces().iter().all(|piece| piece.parameters.is_empty()));
    assert!(admit(asking("siteA")).is_err());
}

/// B7: what is read of a device that is shown in slots alone is decided with a slot, and a stream by that decision.
#[test]
fn a_stream_reads_by_the_slot_that_holds_its_device() {
    let world = golden(true);
    let ann = world.decision(super::world::ANN);
    let query = Query::new(ReadKind::Series, "a1", "temp");
    let alone = block_on(world.sharing.authorize_device(&ann, "a1")).expect("an answer");
    assert!(alone.is_allowed());
    let open = alone.admit(&query, now()).expect_err("no slot holds it");
    assert_eq!(open.denial(), &Denial::SlotUnresolved { slot: "Sensor".to_owned(), why: "not_named" });
    let held = block_on(world.sharing.authorize_in_slot(&ann, &Choices::default(), "a1", None));
    let held = held.expect("an answer");
    for hours in 0..3 {
        assert!(held.admit(&query, now().plus_micros(hours * 3_600_000_000)).is_ok());
    }
    assert!(held.admit(&query.clone().in_slot("Sensor"), now()).is_ok());
    assert!(held.admit(&query.in_slot("Site"), now()).is_err());
}
