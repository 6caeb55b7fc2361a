//! Cedar: all policies in one set, and sharded by hand as finely as its interface allows.

use super::workload::{KIND, Policy, Request, Selector, Target, Workload};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet,
};
use hashbrown::HashMap;
use std::collections::HashSet;

/// What both forms need: the entities whole in memory, tags as groups that they are in, and every request prebuilt.
pub(crate) struct Prepared {
    authorizer: Authorizer,
    entities: Entities,
    requests: Vec<cedar_policy::Request>,
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind.parse().unwrap();
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn tags(tags: &[dashshare::policy::Tag]) -> HashSet<EntityUid> {
    tags.iter().map(|tag| uid("Tag", &format!("{}={}", tag.key, tag.value))).collect()
}

fn parse(at: usize, policy: &Policy) -> cedar_policy::Policy {
    let principal = match &policy.target {
        Target::Id(id) => format!("principal == User::\"{id}\""),
        Target::Tag((key, value)) => format!("principal in Tag::\"{key}={value}\""),
    };
    let resource = match &policy.resource {
        Selector::Any => "resource".to_owned(),
        Selector::Id(id) => format!("resource == Device::\"{id}\""),
        Selector::Tag((key, value)) => format!("resource in Tag::\"{key}={value}\""),
    };
    let effect = if policy.deny { "forbid" } else { "permit" };
    let actions: Vec<String> = policy.actions.iter().map(|action| format!("Action::\"{action}\"")).collect();
    let text = format!("{effect}({principal}, action in [{}], {resource});", actions.join(", "));
    cedar_policy::Policy::parse(Some(PolicyId::new(format!("{at}"))), text).unwrap()
}

impl Prepared {
    pub(crate) fn new(workload: &Workload) -> Self {
        let users =
            workload.users.iter().map(|user| Entity::new_no_attrs(uid("User", &user.id), tags(&user.tags)));
        let devices = workload.devices.iter().map(|device| {
            let id = device.id.as_deref().unwrap_or_default();
            Entity::new_no_attrs(uid("Device", id), tags(&device.tags))
        });
        let request = |request: &Request| {
            assert_eq!(request.resource.kind, KIND);
            cedar_policy::Request::new(
                uid("User", &request.principal.id),
                uid("Action", request.action),
                uid("Device", request.resource.id.as_deref().unwrap_or_default()),
                Context::empty(),
                None,
            )
            .unwrap()
        };
        Self {
            authorizer: Authorizer::new(),
            entities: Entities::from_entities(users.chain(devices), None).unwrap(),
            requests: workload.requests.iter().map(request).collect(),
        }
    }
}

pub(crate) struct Whole<'a> {
    prepared: &'a Prepared,
    policies: PolicySet,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(prepared: &'a Prepared, workload: &Workload) -> Self {
        let policies = workload.policies.iter().enumerate().map(|(at, policy)| parse(at, policy));
        Self { prepared, policies: PolicySet::from_policies(policies).unwrap() }
    }

    pub(crate) fn decide(&self, at: usize) -> bool {
        let Prepared { authorizer, entities, requests } = self.prepared;
        authorizer.is_authorized(&requests[at], &self.policies, entities).decision() == Decision::Allow
    }
}

/// The numbers of a request's targets and resources, where a policy has them.
type Numbers = ([Option<usize>; 4], [Option<usize>; 5]);

/// A policy set for each pair of a target and a resource that some policy has. The application looks up the pairs of a
/// request (4 targets by 5 resources) and joins the answers. Targets and resources are numbered beforehand, the numbers
/// of a request too: kinder than any application could be.
pub(crate) struct Sharded<'a> {
    prepared: &'a Prepared,
    shards: HashMap<(usize, usize), PolicySet>,
    /// Of each request.
    numbers: Vec<Numbers>,
}

impl<'a> Sharded<'a> {
    pub(crate) fn new(prepared: &'a Prepared, workload: &Workload) -> Self {
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut number = |word: String| {
            let next = known.len();
            *known.entry(word).or_insert(next)
        };
        let mut shards: HashMap<(usize, usize), Vec<cedar_policy::Policy>> = HashMap::new();
        for (at, policy) in workload.policies.iter().enumerate() {
            let target = match &policy.target {
                Target::Id(id) => format!("id {id}"),
                Target::Tag((key, value)) => format!("tag {key}={value}"),
            };
            let resource = match &policy.resource {
                Selector::Any => "any".to_owned(),
                Selector::Id(id) => format!("id {id}"),
                Selector::Tag((key, value)) => format!("tag {key}={value}"),
            };
            shards.entry((number(target), number(resource))).or_default().push(parse(at, policy));
        }
        let numbers = |request: &Request| {
            let id = |id: &str| known.get(&format!("id {id}")).copied();
            let tag =
                |tag: &dashshare::policy::Tag| known.get(&format!("tag {}={}", tag.key, tag.value)).copied();
            let (principal, resource) = (&request.principal, &request.resource);
            let mut targets = [id(&principal.id); 4];
            let mut resources = [known.get("any").copied(); 5];
            resources[1] = resource.id.as_deref().and_then(id);
            for (place, of) in targets[1..].iter_mut().zip(&principal.tags) {
                *place = tag(of);
            }
            for (place, of) in resources[2..].iter_mut().zip(&resource.tags) {
                *place = tag(of);
            }
            (targets, resources)
        };
        let numbers = workload.requests.iter().map(numbers).collect();
        // Most look-ups miss, and a table that is more than half full makes a miss long.
        let mut sharded = Self { prepared, shards: HashMap::with_capacity(shards.len() * 2), numbers };
        for (pair, policies) in shards {
            sharded.shards.insert(pair, PolicySet::from_policies(policies).unwrap());
        }
        sharded
    }

    pub(crate) fn decide(&self, at: usize) -> bool {
        let Prepared { authorizer, entities, requests } = self.prepared;
        let (targets, resources) = &self.numbers[at];
        let mut allowed = false;
        for target in targets.iter().flatten() {
            for resource in resources.iter().flatten() {
                let Some(policies) = self.shards.get(&(*target, *resource)) else { continue };
                let answer = authorizer.is_authorized(&requests[at], policies, entities);
                match answer.decision() {
                    Decision::Allow => allowed = true,
                    // A denial with a reason was a forbid.
                    Decision::Deny if answer.diagnostics().reason().next().is_some() => return false,
                    Decision::Deny => {}
                }
            }
        }
        allowed
    }
}
