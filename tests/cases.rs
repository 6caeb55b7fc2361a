//! Cases that this project did not write, from the tests of other systems that share things, replayed through the
//! scenario language. `cases.txt` says how it is written; `shared_cases.rs` checks that no case is missing.

#[path = "../examples/scenario/engine.rs"]
mod engine;

use std::collections::BTreeSet;

use serde_json::Value;

const CASES: &str = include_str!("cases.txt");

/// Members whose order says nothing.
const UNORDERED: [&str; 3] = ["fell", "lose", "keep"];

struct Case {
    ids: String,
    sentence: String,
    rules: String,
    steps: Vec<Step>,
}

struct Step {
    number: usize,
    input: String,
    expected: Value,
}

/// The cases of the file, or what is wrong with it and where.
fn parse(text: &str) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    let mut answered = true;
    for (line, number) in text.lines().zip(1..) {
        let fail = |what: &str| Err(format!("cases.txt:{number}: {what}: `{line}`"));
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

fn is_rule(word: &str) -> bool {
    let (letter, number) = word.split_at(word.len().min(1));
    ["G", "I", "L", "D", "S"].contains(&letter) && number.parse::<u8>().is_ok()
}

/// How many ids `R01,R13..R16` names.
fn count_ids(ids: &str) -> usize {
    let number = |id: &str| id.trim_start_matches(char::is_alphabetic).parse::<usize>().unwrap_or_default();
    ids.split(',')
        .map(|id| id.split_once("..").map_or(1, |(from, to)| (number(from)..=number(to)).count()))
        .sum()
}

/// Whether every member that is expected is there and equal; `null` is not the same as absent.
fn holds(expected: &Value, actual: &Value) -> bool {
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

#[test]
fn every_case_of_the_peers_is_answered_as_written() {
    let cases = parse(CASES).unwrap_or_else(|problem| panic!("{problem}"));
    let mut mismatches = Vec::new();
    for case in &cases {
        let mut engine = engine::Engine::new();
        for step in &case.steps {
            let actual = engine.line(&step.input);
            if !holds(&step.expected, &actual) {
                mismatches.push(format!(
                    "{} ({})\n  cases.txt:{}: {}\n  expected {}\n  actual   {actual}",
                    case.ids, case.sentence, step.number, step.input, step.expected,
                ));
            }
        }
    }

    let ids: usize = cases.iter().map(|case| count_ids(&case.ids)).sum();
    let lines: usize = cases.iter().map(|case| case.steps.len()).sum();
    println!("{} cases, {ids} ids, {lines} lines", cases.len());
    assert!(
        mismatches.is_empty(),
        "{} lines answered otherwise:\n{}",
        mismatches.len(),
        mismatches.join("\n")
    );
    assert!(cases.len() >= CASE_FLOOR && ids >= ID_FLOOR && lines >= LINE_FLOOR, "cases have been lost");
}

#[test]
fn every_case_names_the_rules_it_rests_on_and_asks_something() {
    let cases = parse(CASES).unwrap_or_else(|problem| panic!("{problem}"));
    let mut sentences = BTreeSet::new();
    for case in &cases {
        assert!(
            !case.rules.is_empty() && case.rules.split(' ').all(is_rule),
            "{}: `{}`",
            case.ids,
            case.rules
        );
        assert!(
            case.steps.iter().any(|step| step.expected.as_object().is_some_and(|o| o.len() > 1)),
            "{}",
            case.ids
        );
        assert!(sentences.insert(&case.sentence), "{}: a sentence that another case has", case.ids);
    }
}

#[test]
fn the_comparison_tells_answers_apart() {
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("test JSON");
    for (expected, actual, same) in [
        (r#"{"ok":true}"#, r#"{"ok":true,"line":1}"#, true),
        (r#"{"ok":true,"ends":null}"#, r#"{"ok":true}"#, false),
        (r#"{"fell":["g1","g2"]}"#, r#"{"fell":["g2","g1"]}"#, true),
        (r#"{"fell":["g1"]}"#, r#"{"fell":["g1","g2"]}"#, false),
        (r#"{"path":["g1","g2"]}"#, r#"{"path":["g2","g1"]}"#, false),
        (r#"{"grants":[{"grant":"g1"}]}"#, r#"{"grants":[{"grant":"g1","depth":1}]}"#, true),
        (r#"{"grants":[{"grant":"g1"}]}"#, r#"{"grants":[{"grant":"g1"},{"grant":"g2"}]}"#, false),
        (r#"{"link":{}}"#, r#"{"link":null}"#, false),
        (r#"{"link":null}"#, r#"{"link":{}}"#, false),
    ] {
        assert_eq!(holds(&value(expected), &value(actual)), same, "{expected} beside {actual}");
    }
}

// Just below the true counts, so that a case cannot get lost unseen.
const CASE_FLOOR: usize = 154;
const ID_FLOOR: usize = 236;
const LINE_FLOOR: usize = 1290;
