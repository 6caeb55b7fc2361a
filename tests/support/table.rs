//! Tables of cases in the scenario language: how they are read, played and compared. `cases.txt` says how they are
//! written.

#[path = "../../examples/scenario/engine.rs"]
pub(crate) mod engine;

use dashshare::MemoryStore;
use serde_json::Value;
use std::sync::Arc;

/// Members whose order says nothing.
const UNORDERED: [&str; 3] = ["fell", "lose", "keep"];

pub(crate) struct Case {
    pub(crate) ids: String,
    pub(crate) sentence: String,
    pub(crate) rules: String,
    pub(crate) steps: Vec<Step>,
}

pub(crate) struct Step {
    pub(crate) number: usize,
    pub(crate) input: String,
    pub(crate) expected: Value,
}

/// The cases of the file, or what is wrong with it and where.
pub(crate) fn parse(text: &str) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    let mut answered = true;
    for (line, number) in text.lines().zip(1..) {
        let fail = |what: &str| Err(format!("line {number}: {what}: `{line}`"));
        if let Some(head) = line.strip_prefix("== ") {
            let parts: Vec<&str> = head.split(" | ").collect();
            let [ids, sentence, rules] = parts.as_slice() else {
                return fail("a case has ids, a sentence and rules");
            };
            cases.push(Case {
                ids: (*ids).into(),
                sentence: (*sentence).into(),
                rules: (*rules).into(),
                steps: Vec::new(),
            });
            answered = true;
        } else if line.starts_with('{') {
            let Some(case) = cases.last_mut() else {
                return fail("a line before the first case");
            };
            case.steps.push(Step { number, input: line.into(), expected: serde_json::json!({ "ok": true }) });
            answered = false;
        } else if let Some(answer) = line.strip_prefix("  => ") {
            let Some(step) = cases.last_mut().and_then(|case| case.steps.last_mut()).filter(|_| !answered)
            else {
                return fail("an answer without its line");
            };
            step.expected = match serde_json::from_str::<Value>(answer) {
                Ok(value) if value.get("ok").is_some_and(Value::is_boolean) => value,
                Ok(_) => return fail("an answer that does not say `ok`"),
                Err(_) => return fail("an answer that is not JSON"),
            };
            answered = true;
        } else if let Some(otherwise) = line.strip_prefix("# otherwise ") {
            if !otherwise.split_once(": ").is_some_and(|(rule, why)| is_rule(rule) && !why.is_empty()) {
                return fail("`otherwise` names one rule and says why");
            }
        } else if !line.is_empty() && !line.starts_with('#') && !line.starts_with("-- ") {
            return fail("not a line of this language");
        }
    }
    Ok(cases)
}

pub(crate) fn is_rule(word: &str) -> bool {
    let (letter, number) = word.split_at(word.len().min(1));
    ["G", "I", "L", "D", "P", "T", "S", "K", "B", "M", "R"].contains(&letter) && number.parse::<u8>().is_ok()
}

/// Whether every member that is expected is there and equal; `null` is not the same as absent.
pub(crate) fn holds(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(given)) => wanted.iter().all(|(name, wanted)| {
            given.get(name).is_some_and(|given| {
                if UNORDERED.contains(&name.as_str()) {
                    holds(&sorted(wanted), &sorted(given))
                } else {
                    holds(wanted, given)
                }
            })
        }),
        (Value::Array(wanted), Value::Array(given)) => {
            wanted.len() == given.len()
                && wanted.iter().zip(given).all(|(wanted, given)| holds(wanted, given))
        }
        _ => expected == actual,
    }
}

fn sorted(list: &Value) -> Value {
    let mut list = list.clone();
    if let Value::Array(items) = &mut list {
        items.sort_by_key(Value::to_string);
    }
    list
}

/// Plays every case in a world of its own, in memory; answers that are not as written, each with its place.
pub(crate) fn mismatches(file: &str, cases: &[Case]) -> Vec<String> {
    let mut mismatches = Vec::new();
    for case in cases {
        let mut engine = engine::Engine::over(Arc::<MemoryStore>::default(), false);
        for step in &case.steps {
            let actual = engine.line(&step.input).unwrap_or_default();
            if !holds(&step.expected, &actual) {
                mismatches.push(format!(
                    "{} ({})\n  {file}:{}: {}\n  expected {}\n  actual   {actual}",
                    case.ids, case.sentence, step.number, step.input, step.expected,
                ));
            }
        }
    }
    mismatches
}
