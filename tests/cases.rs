//! Cases that this project did not write, from the tests of other systems that share things, replayed through the
//! scenario language. `cases.txt` says how it is written; `shared_cases.rs` checks that no case is missing. And faults
//! that were found from outside, with others of their kinds: `kinds.txt`.

use crate::support::table::{self, Case, holds, is_rule, parse};

use std::collections::BTreeSet;

use serde_json::Value;

const CASES: &str = include_str!("cases.txt");
const KINDS: &str = include_str!("kinds.txt");

// How many ids `R01,R13..R16` names.
fn count_ids(ids: &str) -> usize {
    let number = |id: &str| id.trim_start_matches(char::is_alphabetic).parse::<usize>().unwrap_or_default();
    ids.split(',')
        .map(|id| id.split_once("..").map_or(1, |(from, to)| (number(from)..=number(to)).count()))
        .sum()
}

#[test]
fn every_case_of_the_peers_is_answered_as_written() {
    let cases = parse(CASES).unwrap_or_else(|problem| panic!("{problem}"));
    let mismatches = table::mismatches("cases.txt", &cases);
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
fn every_fault_of_a_known_kind_is_mended_or_marked_open() {
    let kinds = parse(KINDS).unwrap_or_else(|problem| panic!("{problem}"));
    let (open, mended): (Vec<Case>, Vec<Case>) =
        kinds.into_iter().partition(|case| case.ids.ends_with(" open"));
    let mismatches = table::mismatches("kinds.txt", &mended);
    assert!(
        mismatches.is_empty(),
        "{} lines answered otherwise:\n{}",
        mismatches.len(),
        mismatches.join("\n")
    );
    let done: Vec<&str> = open
        .iter()
        .filter(|case| table::mismatches("kinds.txt", std::slice::from_ref(*case)).is_empty())
        .map(|case| case.sentence.as_str())
        .collect();
    assert!(done.is_empty(), "mended, so they are not `open` any more: {done:#?}");
    println!("{} histories mended, {} open", mended.len(), open.len());
    assert!(mended.len() + open.len() >= KIND_FLOOR, "histories have been lost");
    let cites = |case: &Case| !case.rules.is_empty() && case.rules.split(' ').all(is_rule);
    assert!(mended.iter().chain(&open).all(cites), "each names the rules that it rests on");
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
const KIND_FLOOR: usize = 22;
const ID_FLOOR: usize = 236;
const LINE_FLOOR: usize = 1290;
