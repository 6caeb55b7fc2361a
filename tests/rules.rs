//! The rules of `docs/spec.md`: each is played through by the histories of `rules.txt`, and none is without a test
//! that cites it.

use crate::support::table;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const SPEC: &str = include_str!("../docs/spec.md");
const RULES: &str = include_str!("rules.txt");

#[test]
fn every_rule_that_a_history_can_show_is_kept() {
    let cases = table::parse(RULES).unwrap_or_else(|problem| panic!("{problem}"));
    let mismatches = table::mismatches("rules.txt", &cases);
    println!("{} histories", cases.len());
    for case in &cases {
        let cites =
            case.rules.split(' ').all(table::is_rule) && case.rules.split(' ').next() == Some(&case.ids);
        assert!(cites, "{}: the rules of a history begin with its own: `{}`", case.ids, case.rules);
    }
    assert!(
        mismatches.is_empty(),
        "{} lines answered otherwise:\n{}",
        mismatches.len(),
        mismatches.join("\n")
    );
    assert!(cases.len() >= 107, "histories have been lost");
}

/// The rules of the specification, in its order.
fn rules() -> Vec<&'static str> {
    SPEC.lines()
        .filter_map(|line| line.strip_prefix("- ")?.split_whitespace().next())
        .filter(|word| table::is_rule(word))
        .collect()
}

/// The rules that a text cites.
fn cited(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| table::is_rule(word)).collect()
}

/// Where tests cite rules: the doc comments over test functions and over the promises of the store suite, and the heads
/// of the cases in the tables.
fn citations() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = ["tests", "src/conformance"].map(|folder| root.join(folder)).to_vec();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).expect("a folder").flatten().map(|entry| entry.path()));
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let starts = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => "///",
            Some("txt") => "== ",
            _ => continue,
        };
        for line in text.lines().filter(|line| line.trim_start().starts_with(starts)) {
            // The head of a case ends with its rules; the ids before them only look like rules.
            for rule in cited(line.rsplit(" | ").next().unwrap_or(line)) {
                found.entry(rule.to_owned()).or_default().insert(name.clone());
            }
        }
    }
    found
}

#[test]
fn no_rule_is_without_a_test_that_cites_it() {
    let citations = citations();
    let rules = rules();
    assert!(rules.len() >= 83, "the specification lists {} rules: is it all there?", rules.len());
    for rule in &rules {
        let files = citations
            .get(*rule)
            .map_or(String::from("nowhere"), |files| files.iter().cloned().collect::<Vec<_>>().join(", "));
        println!("{rule:4} {files}");
    }
    let without: Vec<&&str> = rules.iter().filter(|rule| !citations.contains_key(**rule)).collect();
    assert!(without.is_empty(), "no test cites {without:?}: write one, and cite the rule in its doc comment");
    let unknown: Vec<&String> = citations.keys().filter(|rule| !rules.contains(&rule.as_str())).collect();
    assert!(unknown.is_empty(), "tests cite {unknown:?}, which docs/spec.md does not have");
}
