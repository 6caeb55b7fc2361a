//! Whose policies and which requests: the same for every contender.

use crate::random::Random;
use dashshare::policy::{Principal, Resource};
use serde_json::{Value, json};

pub(crate) const ACTIONS: [&str; 5] = ["access", "edit", "delete", "get_data", "send_data"];
pub(crate) const KIND: &str = "device";
const KEYS: [&str; 3] = ["customer", "site", "role"];
const ENTITIES: usize = 10_000;
const REQUESTS: usize = 2_048;

/// A key and a value.
pub(crate) type Pair = (String, String);

pub(crate) enum Target {
    Id(String),
    Tag(Pair),
}

pub(crate) enum Selector {
    Any,
    Id(String),
    Tag(Pair),
}

/// A policy, before any contender has seen it.
pub(crate) struct Policy {
    pub(crate) id: String,
    pub(crate) target: Target,
    pub(crate) deny: bool,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) resource: Selector,
}

impl Policy {
    fn document(&self) -> Value {
        let target = match &self.target {
            Target::Id(id) => json!(["run_user", "id", id]),
            Target::Tag((key, value)) => json!(["run_user", "tag.key", key, "tag.value", value]),
        };
        let resource = match &self.resource {
            Selector::Any => json!([KIND]),
            Selector::Id(id) => json!([KIND, "id", id]),
            Selector::Tag((key, value)) => json!([KIND, "tag.key", key, "tag.value", value]),
        };
        let effect = if self.deny { "deny" } else { "allow" };
        json!({
            "id": self.id, "name": format!("policy {}", self.id), "active": true, "tags": [],
            "targets": [target],
            "permissions": [{"effect": effect, "action": self.actions, "resource": resource}],
        })
    }

    fn aims_at(&self, principal: &Principal) -> bool {
        match &self.target {
            Target::Id(id) => principal.id == *id,
            Target::Tag((key, value)) => {
                principal.tags.iter().any(|tag| tag.key == *key && tag.value == *value)
            }
        }
    }
}

/// A request with entities of its own, so that no contender finds them warmer at one size than at another.
pub(crate) struct Request {
    pub(crate) principal: Principal,
    pub(crate) action: &'static str,
    pub(crate) resource: Resource,
}

pub(crate) struct Workload {
    pub(crate) policies: Vec<Policy>,
    pub(crate) requests: Vec<Request>,
    pub(crate) users: Vec<Principal>,
    pub(crate) devices: Vec<Resource>,
}

impl Workload {
    /// So many policies, over 10,000 users and as many devices with three tags each, of so many values a key. Half of the
    /// requests are random, half are about what some policy is about.
    pub(crate) fn new(policies: usize, values: usize) -> Self {
        let mut random = Random::new(policies as u64);
        let hex = |random: &mut Random| format!("{:024x}", random.id() >> 32);
        let value = |random: &mut Random| format!("v{:05}", random.below(values));
        let mut users = Vec::new();
        let mut devices = Vec::new();
        for _ in 0..ENTITIES {
            let (mut user, mut device) =
                (Principal::run_user(hex(&mut random)), Resource::new(KIND, hex(&mut random)));
            for key in KEYS {
                user = user.with_tag(key, value(&mut random));
                device = device.with_tag(key, value(&mut random));
            }
            users.push(user);
            devices.push(device);
        }
        let policies: Vec<Policy> = (0..policies)
            .map(|at| {
                let user = random.pick(&users);
                let target = if random.percent(50) {
                    Target::Id(user.id.clone())
                } else {
                    let tag = random.pick(&user.tags);
                    Target::Tag((tag.key.clone(), tag.value.clone()))
                };
                let device = random.pick(&devices);
                let resource = match random.below(10) {
                    0..2 => Selector::Any,
                    2..6 => Selector::Id(device.id.clone().unwrap_or_default()),
                    _ => {
                        let tag = random.pick(&device.tags);
                        Selector::Tag((tag.key.clone(), tag.value.clone()))
                    }
                };
                let mut actions = ACTIONS.to_vec();
                random.shuffle(&mut actions);
                actions.truncate(1 + random.below(3));
                Policy { id: format!("p{at:05}"), target, deny: random.percent(10), actions, resource }
            })
            .collect();
        let mut workload = Self { policies, requests: Vec::new(), users, devices };
        workload.requests = (0..REQUESTS)
            .map(|at| if at % 2 == 0 { workload.directed(&mut random) } else { workload.any(&mut random) })
            .collect();
        random.shuffle(&mut workload.requests);
        workload
    }

    fn request(&self, user: usize, action: &'static str, device: usize) -> Request {
        Request { principal: self.users[user].clone(), action, resource: self.devices[device].clone() }
    }

    fn any(&self, random: &mut Random) -> Request {
        self.request(random.below(ENTITIES), ACTIONS[random.below(5)], random.below(ENTITIES))
    }

    fn directed(&self, random: &mut Random) -> Request {
        let policy = random.pick(&self.policies);
        let start = (random.below(ENTITIES), random.below(ENTITIES));
        let ring = |from: usize| (from..ENTITIES).chain(0..from);
        let user = ring(start.0).find(|at| policy.aims_at(&self.users[*at]));
        let device = ring(start.1).find(|at| match &policy.resource {
            Selector::Any => true,
            Selector::Id(id) => self.devices[*at].id.as_ref() == Some(id),
            Selector::Tag((key, value)) => {
                self.devices[*at].tags.iter().any(|tag| tag.key == *key && tag.value == *value)
            }
        });
        let action = *random.pick::<&str>(&policy.actions);
        self.request(user.unwrap_or(start.0), action, device.unwrap_or(start.1))
    }

    /// Other requests, whose principals exactly one policy is aimed at.
    pub(crate) fn aimed_at_by_one(mut self) -> Self {
        let mut random = Random::new(1);
        let mut requests = Vec::new();
        while requests.len() < REQUESTS {
            let request = self.directed(&mut random);
            if self.policies.iter().filter(|policy| policy.aims_at(&request.principal)).count() == 1 {
                requests.push(request);
            }
        }
        self.requests = requests;
        self
    }

    /// The documents, as one JSON array.
    pub(crate) fn json(&self) -> String {
        Value::Array(self.policies.iter().map(Policy::document).collect()).to_string()
    }
}
