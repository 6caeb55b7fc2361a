//! What a host's directory is asked, and what of its answers is believed.

use super::world::{OLGA, World, account, board, device, site_and_sensor};
use dashshare::{
    BoxError, DashboardId, Directory, Error, MemoryDirectory,
    blueprint::{Blueprint, Choices, Slot, SlotKind},
    directory::CandidatePage,
    policy::{Resource, Tag},
};
use pollster::block_on;
use std::sync::{Arc, Mutex};

/// A directory whose pages can be spoilt, and which remembers what it was asked.
struct Host {
    inner: Arc<MemoryDirectory>,
    asked: Mutex<Vec<CandidatePage>>,
    spoil: Mutex<Option<Spoil>>,
    fails: Mutex<bool>,
}

type Spoil = fn(&mut Vec<Arc<Resource>>);

impl Directory for Host {
    async fn blueprint(&self, dashboard: DashboardId) -> Result<Option<Arc<Blueprint>>, BoxError> {
        self.inner.blueprint(dashboard).await
    }

    async fn candidates(&self, page: &CandidatePage) -> Result<Vec<Arc<Resource>>, BoxError> {
        self.asked.lock().unwrap().push(page.clone());
        if *self.fails.lock().unwrap() {
            return Err("the devices are not to be had".into());
        }
        let mut found = self.inner.candidates(page).await?;
        if let Some(spoil) = *self.spoil.lock().unwrap() {
            spoil(&mut found);
        }
        Ok(found)
    }

    dashshare::delegate_directory!(self.inner => account, account_of, tenant, principal, dashboard, device, variables, devices);
}

fn world() -> World<Host> {
    let none =
        |inner| Host { inner, asked: Mutex::default(), spoil: Mutex::default(), fails: Mutex::default() };
    let world = World::behind(none);
    world.slots(site_and_sensor(), true);
    for id in ["s1", "s2"] {
        world.add(device(id, &[("type", "s"), ("site", "A"), ("open", "1")]));
    }
    world
}

/// B2, B8: what the directory answers is checked: another kind, a tag less, an id less, another order, one twice or more than were asked
/// for is an error, and so is its failure; nothing is resolved then.
#[test]
fn a_directory_is_not_taken_at_its_word() {
    let world = world();
    let spoils: [Spoil; 8] = [
        |found| {
            found.push(Arc::new(Resource { kind: "entity".to_owned(), ..device("s3", &[("type", "s")]) }))
        },
        |found| found.push(Arc::new(Resource::new("device", "s3").with_tag("type", "S"))),
        |found| {
            found.push(Arc::new(Resource { id: None, ..device("s3", &[("type", "s"), ("type", "site")]) }))
        },
        |found| found.reverse(),
        |found| {
            let again = found.last().cloned();
            found.extend(again);
        },
        |found| found.insert(0, Arc::new(device("zz", &[("type", "s"), ("type", "site")]))),
        |found| {
            found.extend(
                (0..513).map(|at| Arc::new(device(&format!("t{at:04}"), &[("type", "s"), ("type", "site")]))),
            )
        },
        |found| found.push(Arc::new(device("", &[("type", "site"), ("type", "s")]))),
    ];
    for (at, spoil) in spoils.into_iter().enumerate() {
        *world.sharing.directory().spoil.lock().unwrap() = Some(spoil);
        for decision in world.viewers() {
            let answer = block_on(world.sharing.resolve(&decision, &Choices::default()));
            assert!(matches!(answer, Err(Error::Directory(_))), "{at}: {answer:?}");
        }
    }
    *world.sharing.directory().spoil.lock().unwrap() = None;
    *world.sharing.directory().fails.lock().unwrap() = true;
    let decision = world.decision(OLGA);
    assert!(matches!(
        block_on(world.sharing.resolve(&decision, &Choices::default())),
        Err(Error::Directory(_))
    ));
    *world.sharing.directory().fails.lock().unwrap() = false;
    assert!(block_on(world.sharing.resolve(&decision, &Choices::default())).is_ok());
}

/// B2, B8: candidates are asked for page by page, once for each kind with its conditions, whatever order those stand in; the pages
/// that selectors show have no gaps while devices come and go.
#[test]
fn candidates_are_asked_for_once_and_listed_in_pages() {
    let world = world();
    let twice = Slot::new("One").with_condition("type", "s").with_condition("open", "1");
    let turned =
        Slot::new("Two").with_condition("open", "1").with_condition("type", "s").with_condition("type", "s");
    let entity = Slot::new("Room").of_kind(SlotKind::Entity).with_condition("type", "s");
    world.slots(vec![twice, turned, entity], true);
    for at in 0..1_100 {
        world.add(device(&format!("{at:04}"), &[("type", "s"), ("open", "1")]));
    }
    let visit = world.visit();
    world.sharing.directory().asked.lock().unwrap().clear();
    let resolution = world.ask(&visit, "One=1099&Two=0600");
    assert_eq!(resolution.address(), "One=1099&Room=&Two=0600");
    let asked: Vec<(SlotKind, Vec<Tag>, Option<String>)> = {
        let pages = world.sharing.directory().asked.lock().unwrap();
        pages.iter().map(|page| (page.kind, page.tags.clone(), page.after.clone())).collect()
    };
    let tags = vec![Tag::new("open", "1"), Tag::new("type", "s")];
    let of_devices = |after: Option<&str>| (SlotKind::Device, tags.clone(), after.map(str::to_owned));
    assert_eq!(
        asked,
        [
            of_devices(None),
            of_devices(Some("0511")),
            of_devices(Some("1023")),
            (SlotKind::Entity, vec![Tag::new("type", "s")], None),
        ]
    );

    let (mut after, mut listed): (Option<String>, Vec<String>) = (None, Vec::new());
    loop {
        // Others come and go before and behind the place.
        world.add(device(&format!("0000 {}", listed.len()), &[("type", "s"), ("open", "1")]));
        if let Some(after) = &after {
            world.directory.remove_device_of(super::world::tenant(), SlotKind::Device, after);
        }
        let page = world.ask(&visit, "").listed("Two", after.as_deref(), 100);
        listed.extend(page.ids().map(str::to_owned));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let kept: Vec<String> = (0..1_100).map(|at| format!("{at:04}")).collect();
    assert_eq!(listed.iter().filter(|id| id.len() == 4).collect::<Vec<_>>(), kept.iter().collect::<Vec<_>>());
    assert!(listed.is_sorted_by(|a, b| a < b));
    let page = world.ask(&visit, "").listed("Nowhere", None, 100);
    assert_eq!((page.devices.len(), page.next), (0, None));
}

/// D5, G25: without leave to look at the dashboard the directory is not asked, and there is no resolution; nor of a dashboard that is suspended.
#[test]
fn a_denied_decision_resolves_nothing() {
    let world = world();
    let stranger = world.decision(super::world::ZED);
    let dead = block_on(world.sharing.visit("dsl_none")).expect("a decision");
    let ann = || world.decision(super::world::ANN);
    assert!(ann().is_allowed());
    block_on(world.sharing.suspend_dashboard(board())).expect("it is suspended");
    world.sharing.directory().asked.lock().unwrap().clear();
    for decision in [stranger, dead, ann(), world.decision(OLGA), world.visit()] {
        assert!(!decision.is_allowed());
        assert!(
            block_on(world.sharing.resolve(&decision, &Choices::default())).expect("an answer").is_none()
        );
        assert!(block_on(world.sharing.candidates(&decision)).expect("an answer").is_none());
        let explained = block_on(world.sharing.explain_slots(account(OLGA), &decision, &Choices::default()));
        assert!(explained.is_err());
    }
    assert!(world.sharing.directory().asked.lock().unwrap().is_empty());
}
