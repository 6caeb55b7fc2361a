//! Random blueprints against the model, and what must not change an answer.

use super::{
    model::{self, Hole, Outcome, Tags, Thing, Wish},
    world::{OTHER_TENANT, World, board, bytes, tenant},
};
use dashshare::{
    Decision, TenantId,
    blueprint::{Blueprint, Choices, RESERVED, Resolution, Slot, SlotKind},
    policy::Resource,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        (1..all.len()).for_each(|last| all.swap(last, self.below(last + 1)));
    }
}

const KEYS: [&str; 3] = ["site", "room", "Ort"];
const VALUES: [&str; 3] = ["A", "B", ""];
const NAMES: [&str; 8] = ["Site", "Sensor", "a b", "a+b", "é&=", "%41", "Ω", "A"];
const IDS: [&str; 9] = ["a", "B", "a b", "a+b", "%", "é=", "10", "9", "zz&"];

/// A blueprint with a tenant's devices and what somebody asks.
struct Case {
    holes: Vec<Hole>,
    things: Vec<Thing>,
    wish: Wish,
    fallback_of_blueprint: bool,
    named_only: bool,
}

fn tags(random: &mut Random, most: usize) -> Tags {
    let many = random.below(most + 1);
    (0..many).map(|_| ((*random.pick(&KEYS)).to_owned(), (*random.pick(&VALUES)).to_owned())).collect()
}

fn kind(random: &mut Random) -> &'static str {
    if random.once_in(12) { "entity" } else { "device" }
}

fn holes(random: &mut Random) -> Vec<Hole> {
    let mut names = NAMES.map(str::to_owned).to_vec();
    random.shuffle(&mut names);
    let many = if random.once_in(20) { names.len() } else { 1 + random.below(4) };
    names.truncate(many);
    let hole = |name: &String, random: &mut Random| {
        let others: Vec<&String> = names.iter().filter(|other| *other != name).collect();
        let filters = if others.is_empty() { 0 } else { random.below(5) / 2 };
        let filter =
            |random: &mut Random| ((*random.pick(&KEYS)).to_owned(), (*random.pick(&others)).clone());
        Hole {
            name: name.clone(),
            kind: kind(random),
            conditions: tags(random, 1),
            filters: (0..filters).map(|_| filter(random)).collect(),
            hide: random.once_in(2),
        }
    };
    names.iter().map(|name| hole(name, random)).collect()
}

fn things(random: &mut Random) -> Vec<Thing> {
    let mut ids = IDS.map(str::to_owned).to_vec();
    random.shuffle(&mut ids);
    ids.truncate(random.below(4) + 6);
    let thing = |id: String, random: &mut Random| {
        let mut tags = tags(random, 8);
        if !random.once_in(8) {
            tags.insert(("open".to_owned(), "1".to_owned()));
        }
        if random.once_in(5) {
            tags.insert(("hidden".to_owned(), "1".to_owned()));
        }
        Thing { id, kind: kind(random), tags }
    };
    ids.into_iter().map(|id| thing(id, random)).collect()
}

fn case(random: &mut Random) -> Case {
    let (holes, things) = (holes(random), things(random));
    let mut wish = Wish::default();
    for hole in &holes {
        let fitting: Vec<&Thing> =
            things.iter().filter(|it| it.kind == hole.kind && hole.conditions.is_subset(&it.tags)).collect();
        let id = |random: &mut Random| match fitting.is_empty() || random.once_in(4) {
            true => (*random.pick(&IDS)).to_owned(),
            false => random.pick(&fitting).id.clone(),
        };
        match random.below(12) {
            0..=3 => wish.said.push((hole.name.clone(), id(random))),
            4 => wish.said.push((hole.name.clone(), String::new())),
            5 => (0..2).for_each(|_| wish.said.push((hole.name.clone(), id(random)))),
            _ => {}
        }
        if random.once_in(4) {
            wish.kept.insert(hole.name.clone(), id(random));
        }
        if random.once_in(8) {
            let many = random.below(3);
            wish.fixed.insert(hole.name.clone(), (0..many).map(|_| id(random)).collect());
        }
    }
    if random.once_in(4) {
        wish.said.push(("none of the slots".to_owned(), "a".to_owned()));
    }
    random.shuffle(&mut wish.said);
    let (fallback_of_blueprint, named_only) = (!random.once_in(3), random.once_in(6));
    wish.fallback = fallback_of_blueprint && !named_only;
    Case { holes, things, wish, fallback_of_blueprint, named_only }
}

fn slot(hole: &Hole) -> Slot {
    let kind = if hole.kind == "entity" { SlotKind::Entity } else { SlotKind::Device };
    let slot = Slot::new(&hole.name).of_kind(kind);
    let slot = hole.conditions.iter().fold(slot, |slot, (key, value)| slot.with_condition(key, value));
    let slot = hole.filters.iter().fold(slot, |slot, (key, other)| slot.with_filter(key, other));
    if hole.hide { slot.hidden_when_empty() } else { slot }
}

fn resource(thing: &Thing, random: &mut Random) -> Resource {
    let mut tags: Vec<_> = thing.tags.iter().collect();
    random.shuffle(&mut tags);
    let none = Resource::new(thing.kind, &thing.id);
    tags.into_iter().fold(none, |resource, (key, value)| resource.with_tag(key, value))
}

/// What somebody may see, from the policies of the world.
fn permits(viewer: usize, thing: &Thing) -> bool {
    let has = |key: &str| thing.tags.contains(&(key.to_owned(), "1".to_owned()));
    match viewer {
        0 => true,
        1 => !has("hidden"),
        _ => has("open") && !has("hidden"),
    }
}

fn choices(case: &Case, random: &mut Random) -> Choices {
    let said = &case.wish.said;
    let mut choices = if random.once_in(2) {
        let form = |(name, id): &(String, String)| {
            format!("{}={}", model::as_in_a_form(name), model::as_in_a_form(id))
        };
        Choices::parse(&said.iter().map(form).collect::<Vec<_>>().join("&"))
    } else {
        Choices::of(said.iter().map(|(name, id)| (name.as_str(), id.as_str())))
    }
    .expect("a short address");
    for (name, ids) in &case.wish.fixed {
        choices = choices.only(name, ids.iter().map(String::as_str));
    }
    if case.named_only { choices.named_only() } else { choices }
}

fn said(resolution: &Resolution, holes: &[Hole]) -> Outcome {
    let owned = |(name, id): (&str, &str)| (name.to_owned(), id.to_owned());
    // In pages, which neither leave one out nor show one twice.
    let listed = |hole: &Hole| {
        let (mut ids, mut after): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let page = resolution.listed(&hole.name, after.as_deref(), 2);
            ids.extend(page.ids().map(str::to_owned));
            after = page.next;
            if after.is_none() {
                return (hole.name.clone(), ids);
            }
        }
    };
    Outcome {
        chosen: resolution.chosen().into_iter().map(owned).collect(),
        open: resolution.open().into_iter().map(|(name, why)| (name.to_owned(), why.code())).collect(),
        listed: holes.iter().map(listed).collect(),
        hidden: resolution.hidden().iter().cloned().collect(),
        address: resolution.address().to_owned(),
    }
}

/// How much was seen, so that a generator that has gone dull is noticed.
#[derive(Default, Debug)]
struct Seen {
    placed: usize,
    words: BTreeMap<&'static str, usize>,
    hidden: usize,
    not_permitted: usize,
    switched: usize,
}

struct Bench {
    world: World,
    viewers: [Decision; 4],
    seen: Seen,
}

impl Bench {
    fn resolve(&self, viewer: usize, case: &Case, choices: Choices) -> Resolution {
        let decision = &self.viewers[viewer];
        let found = pollster::block_on(self.world.sharing.candidates(decision)).expect("an answer");
        let candidates = found.expect("who may look at it");
        let kept = candidates.kept(case.wish.kept.iter().map(|(name, id)| (name.as_str(), id.as_str())));
        candidates.resolve(&choices.keeping(kept))
    }

    fn put(&self, things: &[Thing], random: &mut Random) {
        let mut things: Vec<&Thing> = things.iter().collect();
        random.shuffle(&mut things);
        things.into_iter().for_each(|thing| self.world.add(resource(thing, random)));
    }

    fn remove<'a>(&self, things: impl IntoIterator<Item = &'a Thing>) {
        for thing in things {
            let kind = if thing.kind == "entity" { SlotKind::Entity } else { SlotKind::Device };
            self.world.directory.remove_device_of(tenant(), kind, &thing.id);
        }
    }

    fn play(&mut self, seed: u64) {
        let mut random = Random(seed);
        let case = case(&mut random);
        let names: Vec<&str> = case.holes.iter().map(|hole| hole.name.as_str()).collect();
        let slots = case.holes.iter().map(slot).collect();
        let blueprint = Blueprint::compile_lenient(slots, case.fallback_of_blueprint, RESERVED);
        self.world.directory.set_blueprint(board(), blueprint.expect("a blueprint").blueprint);
        self.put(&case.things, &mut random);
        let viewer = random.below(4);
        let (permitted, rest): (Vec<Thing>, Vec<Thing>) =
            case.things.iter().cloned().partition(|thing| permits(viewer, thing));
        let resolution = self.resolve(viewer, &case, choices(&case, &mut random));
        let found = said(&resolution, &case.holes);
        let expected = model::outcome(&case.holes, &permitted, &case.wish);
        assert_eq!(found, expected, "seed {seed}, viewer {viewer}: {:?} {:?}", case.holes, case.wish);
        self.holds(&case, &found, seed);

        // B9: the canonical address gives the same again, whoever reads it, with nothing else said.
        let again = Choices::parse(&found.address).expect("a short address");
        let again = case
            .wish
            .fixed
            .iter()
            .fold(again, |again, (name, ids)| again.only(name, ids.iter().map(String::as_str)));
        let again = if case.named_only { again.named_only() } else { again };
        let again = self.world.resolve(&self.viewers[viewer], &again);
        let again = said(&again, &case.holes);
        assert_eq!(
            (&again.chosen, &again.address, &again.listed, &again.hidden),
            (&found.chosen, &found.address, &found.listed, &found.hidden),
            "seed {seed}: the address {} is not stable",
            found.address
        );

        // B4: what is not permitted changes no byte, nor do the orders of devices, tags and pairs.
        let all = bytes(&resolution, &names);
        self.remove(&rest);
        self.put(&permitted, &mut random);
        self.world.directory.add_device_of(
            TenantId::from(OTHER_TENANT),
            Resource::new("device", *random.pick(&IDS)).with_tag("open", "1"),
        );
        let fewer = self.resolve(viewer, &case, choices(&case, &mut random));
        assert_eq!(bytes(&fewer, &names), all, "seed {seed}: what viewer {viewer} may not see shows");
        self.remove(&permitted);

        self.seen.placed += found.chosen.len();
        found.open.values().for_each(|word| *self.seen.words.entry(word).or_default() += 1);
        self.seen.hidden += found.hidden.len();
        self.seen.not_permitted += rest.len();
        self.seen.switched += usize::from(found.listed.values().any(|listed| listed.len() > 1));
    }

    /// B5: every filter between placed slots holds, and no slot is placed whose filter names one that is not.
    fn holds(&self, case: &Case, found: &Outcome, seed: u64) {
        let values = |id: &str, kind: &str, key: &str| -> BTreeSet<String> {
            let thing = case.things.iter().find(|it| it.id == id && it.kind == kind).expect("a device");
            thing.tags.iter().filter(|tag| tag.0 == key).map(|tag| tag.1.clone()).collect()
        };
        for hole in &case.holes {
            let Some(id) = found.chosen.get(&hole.name) else { continue };
            for (key, other) in &hole.filters {
                let theirs =
                    found.chosen.get(other).unwrap_or_else(|| panic!("seed {seed}: {other} is open"));
                let kind = case.holes.iter().find(|hole| hole.name == *other).expect("a slot").kind;
                let common = values(id, hole.kind, key).intersection(&values(theirs, kind, key)).count();
                assert!(common > 0, "seed {seed}: {id} and {theirs} have no {key} in common");
            }
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// B2, B3, B4, B5, B6, B8, B9, B10, B11, B15: random blueprints are resolved as the rules say. What is not permitted changes no
/// byte of any answer by being there, nor do the orders of devices, tags and pairs; every filter holds between what is
/// placed; the canonical address gives the same again (TB1, TB4, TB5, TB9, TB10, TB12).
#[test]
fn random_blueprints_are_resolved_as_the_rules_say() {
    let world = World::new();
    let viewers = world.viewers();
    let mut bench = Bench { world, viewers, seen: Seen::default() };
    let (count, first) = (number("DASHSHARE_BLUEPRINTS", 60_000), number("DASHSHARE_SEED", 1));
    (first..first + count).for_each(|seed| bench.play(seed));
    println!("{count} blueprints: {:?}", bench.seen);
    let Seen { placed, words, hidden, not_permitted, switched } = bench.seen;
    if count >= 60_000 {
        assert!(words.len() == 4 && words.values().all(|count| *count > 3_000), "{words:?}");
        assert!([placed, not_permitted, switched].iter().all(|count| *count > 20_000) && hidden > 5_000);
    }
}
