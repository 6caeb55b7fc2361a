//! Casbin, in the fastest model that was found: one row a policy, the one most likely to fail asked first, with a native function
//! over lists in text.
//!
//! The textbook model with roles is 1.6 to 2 times slower, and the cache of its `CachedEnforcer` outlives what it
//! cached.

use super::workload::{Request, Selector, Target, Workload};
use ::casbin::{
    CoreApi, DefaultModel, Enforcer, MgmtApi,
    function_map::OperatorFunction,
    rhai::{Dynamic, ImmutableString},
};
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

const MODEL: &str = "
[request_definition]
r = sub, act, obj
[policy_definition]
p = sub, act, obj, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = has(r.sub, p.sub) && has(p.act, r.act) && has(r.obj, p.obj)
";

/// Casbin is asynchronous for its adapters only; without one nothing waits.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("nothing to wait for"),
    }
}

/// Whether a list `|a|b|` has the word `|a|`.
fn has(list: Dynamic, word: Dynamic) -> Dynamic {
    let (list, word) = (list.read_lock::<ImmutableString>(), word.read_lock::<ImmutableString>());
    list.zip(word).is_some_and(|(list, word)| list.contains(word.as_str())).into()
}

pub(crate) struct Casbin {
    enforcer: Enforcer,
    requests: Vec<Vec<Dynamic>>,
}

impl Casbin {
    pub(crate) fn new(workload: &Workload) -> Self {
        let model = ready(DefaultModel::from_str(MODEL)).unwrap();
        let mut enforcer = ready(Enforcer::new(model, ())).unwrap();
        enforcer.add_function("has", OperatorFunction::Arg2(has));
        let rows = workload.policies.iter().map(|policy| {
            let target = match &policy.target {
                Target::Id(id) => format!("|{id}|"),
                Target::Tag((key, value)) => format!("|{key}={value}|"),
            };
            let resource = match &policy.resource {
                Selector::Any => "|any|".to_owned(),
                Selector::Id(id) => format!("|{id}|"),
                Selector::Tag((key, value)) => format!("|{key}={value}|"),
            };
            let effect = if policy.deny { "deny" } else { "allow" };
            vec![target, format!("|{}|", policy.actions.join("|")), resource, effect.to_owned()]
        });
        // Casbin refuses a row that it has.
        let mut seen = hashbrown::HashSet::new();
        let rows = rows.filter(|row| seen.insert(row.clone())).collect();
        assert!(ready(enforcer.add_policies(rows)).unwrap());
        Self { enforcer, requests: workload.requests.iter().map(words).collect() }
    }

    pub(crate) fn decide(&self, at: usize) -> bool {
        self.enforcer.enforce(Words(&self.requests[at])).unwrap()
    }
}

fn words(request: &Request) -> Vec<Dynamic> {
    let tags = |tags: &[dashshare::policy::Tag]| -> String {
        tags.iter().map(|tag| format!("{}={}|", tag.key, tag.value)).collect()
    };
    let (principal, resource) = (&request.principal, &request.resource);
    vec![
        format!("|{}|{}", principal.id, tags(&principal.tags)).into(),
        format!("|{}|", request.action).into(),
        format!("|any|{}|{}", resource.id.as_deref().unwrap_or_default(), tags(&resource.tags)).into(),
    ]
}

/// Words that need no conversion any more.
struct Words<'a>(&'a [Dynamic]);

impl ::casbin::EnforceArgs for Words<'_> {
    fn try_into_vec(self) -> ::casbin::Result<Vec<Dynamic>> {
        Ok(self.0.to_vec())
    }

    fn cache_key(&self) -> u64 {
        0
    }
}
