//! Locks on a blueprint dashboard: which devices fill the slots, and whose data is read.

use super::world::{OLGA, World, account, board, golden};
use dashshare::{
    Action, Decision, Expiry, Lock, NewLink, NewShare, Terms,
    blueprint::Choices,
    explain::Denial,
    lock::{DeviceSelector, Query, ReadKind},
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
    assert_eq!(reach, [("Site", vec!["siteB"]), ("Sensor", vec!["a2", "b1"])]);
}
