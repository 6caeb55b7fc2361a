//! Rego in regorus: its virtual machine, over a list of all rules, and over data that was indexed by hand.

use super::workload::{Request, Selector, Target, Workload};
use regorus::{Engine, Value, languages::rego::compiler::Compiler, rvm::vm::RegoVM};
use serde_json::{Map, Value as Json, json};
use std::cell::RefCell;

/// Not through a function, as a call costs.
const LINEAR: &str = "
package authz
import rego.v1

allowed if {
    some rule in data.allow
    input.targets[rule.target]
    rule.actions[input.action]
    input.resources[rule.resource]
}
denied if {
    some rule in data.deny
    input.targets[rule.target]
    rule.actions[input.action]
    input.resources[rule.resource]
}
default decision := false
decision if { allowed; not denied }
";

const INDEXED: &str = "
package authz
import rego.v1

allowed if {
    some target in input.targets
    some resource in input.resources
    data.allow[target][resource][input.action]
}
denied if {
    some target in input.targets
    some resource in input.resources
    data.deny[target][resource][input.action]
}
default decision := false
decision if { allowed; not denied }
";

pub(crate) struct Rego {
    machine: RefCell<RegoVM>,
    inputs: Vec<Value>,
}

fn target(target: &Target) -> String {
    match target {
        Target::Id(id) => id.clone(),
        Target::Tag((key, value)) => format!("{key}={value}"),
    }
}

fn resource(selector: &Selector) -> String {
    match selector {
        Selector::Any => "any".to_owned(),
        Selector::Id(id) => id.clone(),
        Selector::Tag((key, value)) => format!("{key}={value}"),
    }
}

/// The words of a request: for a target or a resource to be one of them.
fn words(request: &Request) -> (Vec<String>, Vec<String>) {
    let tags = |tags: &[dashshare::policy::Tag]| -> Vec<String> {
        tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect()
    };
    let (principal, resource) = (&request.principal, &request.resource);
    let mut targets = vec![principal.id.clone()];
    targets.extend(tags(&principal.tags));
    let mut resources = vec!["any".to_owned(), resource.id.clone().unwrap_or_default()];
    resources.extend(tags(&resource.tags));
    (targets, resources)
}

/// An object that has these words, each true.
fn set(words: impl IntoIterator<Item = impl Into<String>>) -> Json {
    Json::Object(words.into_iter().map(|word| (word.into(), Json::Bool(true))).collect())
}

fn child<'a>(of: &'a mut Map<String, Json>, key: &str) -> &'a mut Map<String, Json> {
    let child = of.entry(key).or_insert_with(|| json!({}));
    child.as_object_mut().unwrap()
}

impl Rego {
    pub(crate) fn new(text: &str, data: Json, inputs: Vec<Json>) -> Self {
        let mut engine = Engine::new();
        engine.add_policy("authz.rego".to_owned(), text.to_owned()).unwrap();
        let compiled = engine.compile_with_entrypoint(&"data.authz.decision".into()).unwrap();
        let program = Compiler::compile_from_policy(&compiled, &["data.authz.decision"]).unwrap();
        let mut machine = RegoVM::new();
        machine.set_max_instructions(usize::MAX);
        machine.load_program(program);
        machine.set_data(data.into()).unwrap();
        Self { machine: RefCell::new(machine), inputs: inputs.into_iter().map(Value::from).collect() }
    }

    pub(crate) fn linear(workload: &Workload) -> Self {
        let rules = |deny: bool| -> Vec<Json> {
            let rules = workload.policies.iter().filter(|policy| policy.deny == deny);
            rules
                .map(|policy| {
                    json!({
                        "target": target(&policy.target),
                        "actions": set(policy.actions.iter().copied()),
                        "resource": resource(&policy.resource),
                    })
                })
                .collect()
        };
        let input = |request: &Request| {
            let (targets, resources) = words(request);
            json!({"targets": set(targets), "action": request.action, "resources": set(resources)})
        };
        let inputs = workload.requests.iter().map(input).collect();
        Self::new(LINEAR, json!({"allow": rules(false), "deny": rules(true)}), inputs)
    }

    pub(crate) fn indexed(workload: &Workload) -> Self {
        let (mut allow, mut deny) = (Map::new(), Map::new());
        for policy in &workload.policies {
            let rules = if policy.deny { &mut deny } else { &mut allow };
            let actions = child(child(rules, &target(&policy.target)), &resource(&policy.resource));
            actions.extend(policy.actions.iter().map(|action| ((*action).to_owned(), Json::Bool(true))));
        }
        let input = |request: &Request| {
            let (targets, resources) = words(request);
            json!({"targets": targets, "action": request.action, "resources": resources})
        };
        let inputs = workload.requests.iter().map(input).collect();
        Self::new(INDEXED, json!({"allow": allow, "deny": deny}), inputs)
    }

    pub(crate) fn decide(&self, at: usize) -> bool {
        let mut machine = self.machine.borrow_mut();
        machine.set_input(self.inputs[at].clone());
        machine.execute().unwrap() == Value::Bool(true)
    }
}
