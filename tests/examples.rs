//! The example binaries do what their pages say. `cargo test` builds them before it runs this.

use crate::support::example::example;
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("a file can be written");
    path
}

fn run(command: &mut Command) -> Output {
    command.output().expect("the example runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn story(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Whether the texts stand in this order, line breaks and indents apart.
fn assert_in_order(told: &str, facts: &[&str]) {
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = told.as_str();
    for fact in facts {
        let (_, after) = rest.split_once(fact).unwrap_or_else(|| panic!("`{fact}` is not in: {rest}"));
        rest = after;
    }
}

#[test]
fn the_story_has_its_facts_in_order() {
    assert_in_order(
        &story(&mut example("quickstart")),
        &[
            "“Cold room 2, harbour warehouse”, a blueprint dashboard of 14 widgets",
            "display × 2",
            "tabs: Now, History, Service",
            "Ann may view and export, and share it on, until 2026-04-01",
            "Ben may view, and share it on, until 2026-04-01",
            "invited: carl@haulage.example",
            "To: carl@haulage.example. Subject: Olga invites you",
            "refused (exceeds_own_rights)",
            "refused (ends_too_late)",
            "refused (no_reshare_right)",
            "refused (unknown_dashboard)",
            "Ben may view the dashboard: Olga shared it with Ann, Ann shared it with Ben",
            "Ann may not edit the dashboard",
            "told: There is no such dashboard.",
            "Mallory may not view the dashboard",
            "refused (email_not_verified)",
            "Carl may view the dashboard: Olga shared it with Carl",
            "refused (setup_incomplete)",
            "link no. 1: dsl_",
            "opens: You may view this dashboard.",
            "link no. 2: dsl_",
            "denied: There is no such dashboard.",
            "opens: You may view this dashboard.",
            "this is an older link",
            "the dashboard does not show device `another-device`",
            "│ │ └─ Dora view until 2026-03-20 from Ben, through Ann",
            "desk@audit.example invited to view",
            "To: Carl. Subject: Your access to",
            "told: You may not see this dashboard any more. Your access ended at 2026-03-12T00:00:00Z.",
            "Carl may not view the dashboard: what Olga shared with Carl lapsed at 2026-03-12T00:00:00Z",
            "Carl may view the dashboard: Olga shared it with Carl",
            "would lose it: Ann, Ben",
            "would keep it another way: Dora (may view)",
            "4 grants ended",
            "Ben may not view the dashboard: what Olga shared with Ann was taken back",
            "├─ Dora view no end from Olga └─ link no. 2",
            "Olga revoked a grant",
        ],
    );
}

#[test]
fn the_story_goes_the_same_way_each_time_and_fits_a_terminal() {
    let told = story(&mut example("quickstart"));
    assert_eq!(told, story(&mut example("quickstart")));
    assert!(told.lines().count() <= 130);
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
}

#[test]
fn the_story_tells_two_tokens_apart_and_shows_neither() {
    let told = story(&mut example("quickstart"));
    let shown: Vec<&str> = told.split("dsl_").skip(1).collect();
    assert!(shown.len() >= 4);
    assert!(shown.iter().all(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).count() == 2));
}

#[test]
fn the_story_takes_other_documents_that_have_fewer_members() {
    let tiny = file(
        "tiny.json",
        br#"{"dashboard": {"label": "Greenhouse\u001b[31m", "tabs": null, "blueprint_devices": null},
            "widgets": [{"type": "display", "data": [{"origin": "soil-probe"}]}, {"type": "display"}, {}]}"#,
    );
    let told = story(example("quickstart").arg(tiny));
    assert_in_order(&told, &["“Greenhouse[31m”, a dashboard of 3 widgets", "display × 2", "tabs: none"]);
    assert_in_order(&told, &["devices: soil-probe", "access device `soil-probe`", "link no. 2"]);
    assert!(!told.contains('\u{1b}'));

    let empty = file("empty.json", br#"{"dashboard": {}}"#);
    let told = story(example("quickstart").arg(empty));
    assert_in_order(
        &told,
        &["“Untitled dashboard”, a dashboard of 0 widgets", "link no. 2", "4 grants ended"],
    );
}

#[test]
fn the_story_says_what_is_wrong_with_its_file() {
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-there.json");
    let no_json = file("no.json", b"{\"dashboard\": ");
    let other = file("other.json", br#"{"panels": []}"#);
    let bytes = file("bytes.json", &[0xff, 0xfe, 0]);
    for (path, says) in [
        (missing, "cannot read"),
        (no_json, "is not JSON"),
        (other, "is not a dashboard document"),
        (bytes, "cannot read"),
    ] {
        let output = run(example("quickstart").arg(&path));
        assert_eq!(output.status.code(), Some(1), "{says}");
        assert!(output.stdout.is_empty());
        let sentence = text(&output.stderr);
        assert!(sentence.contains(says) && sentence.lines().count() == 1, "{sentence}");
    }
}

const HISTORY: &[u8] = br#"{"do":"dashboard","dashboard":"d1","owner":"olga"}
not JSON
{"do":"share","dashboard":"d1","by":"olga","with":"ann","rights":["view"],"expiry":"never"}
{"do":"fly"}
[]

{"do":"share","dashboard":"d1","by":"olga","with":"bea","rights":"view","expiry":"never"}
{"do":"share","dashboard":"d1","by":"olga","with":"ann@@","rights":["view"],"expiry":"never"}
{"do":"check","dashboard":"d1","who":"ann","right":"view"}"#;

fn answers(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn from_stdin(input: &[u8]) -> Output {
    let mut command = example("scenario");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the example starts");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_scenario_answers_every_line_bad_ones_too() {
    let output = run(example("scenario").arg(file("history.jsonl", HISTORY)));
    assert!(output.status.success());
    let said: Vec<Value> = answers(&output)
        .iter()
        .map(|answer| answer.get("refused").unwrap_or(&answer["ok"]).clone())
        .collect();
    let bad = || Value::from("bad_line");
    let fine = || Value::from(true);
    assert_eq!(said, [fine(), bad(), fine(), bad(), bad(), bad(), bad(), "bad_email".into(), fine()]);
    assert_eq!(answers(&output)[8]["allowed"], true);
}

#[test]
fn a_scenario_comes_from_a_file_or_from_standard_input() {
    let from_file = run(example("scenario").arg(file("same.jsonl", HISTORY)));
    let piped = from_stdin(HISTORY);
    assert!(piped.status.success());
    assert_eq!(text(&from_file.stdout), text(&piped.stdout));
    let mut torn = HISTORY.to_vec();
    torn.extend(b"\n\xff\xfe\r\n{\"do\":\"outbox\"}\r\n");
    let torn = from_stdin(&torn);
    assert!(torn.status.success());
    assert_eq!(answers(&torn)[9]["refused"], "bad_line");
    assert_eq!(answers(&torn)[10]["ok"], true);
}

#[test]
fn a_scenario_that_wants_something_else_fails_at_its_end_and_says_where() {
    let history = br#"# three lines want something
{"do":"dashboard","dashboard":"d1","owner":"olga","want":{"ok":true}}
{"do":"check","dashboard":"d1","who":"ann","right":"view","want":{"allowed":true}}
{"do":"fly","want":{"refused":"bad_line"}}
// the end"#;
    let output = run(example("scenario").arg(file("wants.jsonl", history)));
    assert_eq!(output.status.code(), Some(1));
    let met: Vec<Value> = answers(&output).iter().map(|answer| answer["met"].clone()).collect();
    assert_eq!(met, [true, false, true]);
    assert_eq!(text(&output.stderr), "line 3: `allowed` is false, not true\n");
    let fine = from_stdin(br#"{"do":"fly","want":{"refused":"bad_line"}}"#);
    assert!(fine.status.success(), "what is wanted may be a refusal");
}

#[test]
fn a_strict_scenario_takes_slips_for_bad_lines() {
    let history = file(
        "strict.jsonl",
        br#"{"do":"dashboard","dashboard":"d1","owner":"olga"}
{"do":"check","dashboard":"d1","who":"anm","right":"view"}
{"do":"check","dashboard":"d1","who":"olga","right":"view","devise":"door"}
{"do":"check","dashboard":"d1","who":"olga","right":"view"}"#,
    );
    let said = |command: &mut Command| -> Vec<Value> {
        let output = run(command.arg(&history));
        assert!(output.status.success());
        answers(&output).iter().map(|answer| answer["ok"].clone()).collect()
    };
    assert_eq!(said(&mut example("scenario")), [true, true, true, true]);
    assert_eq!(said(example("scenario").arg("--strict")), [true, false, false, true]);
}

#[test]
fn a_scenario_that_cannot_be_read_fails() {
    let missing = Path::new(env!("CARGO_TARGET_TMPDIR")).join("not-there.jsonl");
    let output = run(example("scenario").arg(missing));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot read"));
    assert!(output.stdout.is_empty());
    // A directory opens and cannot be read.
    assert!(!run(example("scenario").arg(env!("CARGO_TARGET_TMPDIR"))).status.success());
}

/// The story is kept in a file, and goes on from there the next time, and the time after.
#[cfg(feature = "sqlite")]
#[test]
fn a_story_that_is_kept_goes_on() {
    let store = format!("sqlite:{}", file("story.db", b"").display());
    let kept = || story(example("quickstart").args(["--store", &store]));
    assert_eq!(kept(), story(&mut example("quickstart")), "the first time it is the same story");
    let told = kept();
    assert_in_order(
        &told,
        &[
            "2026-03-13: the store has kept",
            "13 changes",
            "Dora view no end",
            "link no. 2",
            "until 2026-04-12",
        ],
    );
    assert_in_order(&told, &["link no. 3", "opens", "14 2026-03-13 Olga shared", "15 2026-03-13 Olga made"]);
    assert_in_order(&kept(), &["15 changes", "Ann view, share on until 2026-04-12", "link no. 4", "opens"]);
}

/// The same history has the same answers from every store.
#[cfg(feature = "sqlite")]
#[test]
fn a_scenario_has_the_same_answers_from_a_file() {
    let history = file("stored.jsonl", HISTORY);
    let store = format!("sqlite:{}", file("scenario.db", b"").display());
    let stored = || run(example("scenario").args(["--store", &store]).arg(&history));
    assert_eq!(stored().stdout, run(example("scenario").arg(&history)).stdout);
    let again = stored();
    assert!(!again.status.success(), "a history begins with an empty store");
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not empty"));
}

#[test]
fn a_store_that_there_is_not_is_named() {
    for (store, sentence) in [
        ("mysql:x", "a store is `memory`, `sqlite:FILE` or `postgres:URL`"),
        #[cfg(feature = "sqlite")]
        ("sqlite:/nowhere/at/all.db", "the file cannot be opened"),
        #[cfg(feature = "postgres")]
        ("postgres:no url", "the database's URL is not valid"),
        ("postgre://olga:s3cret@host/db", "a store is `memory`"),
        #[cfg(not(feature = "sqlite"))]
        ("sqlite:/nowhere/at/all.db", "built without `sqlite`"),
        #[cfg(not(feature = "postgres"))]
        ("postgres://x", "built without `postgres`"),
    ] {
        for mut program in [example("scenario"), example("quickstart")] {
            let output = run(program.args(["--store", store]));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && said.contains(sentence), "`{store}`: {said}");
            assert!(!said.contains("s3cret"), "a password is told: {said}");
        }
    }
}

/// A share and a change of the host's own land together, or not at all.
#[cfg(feature = "sqlite")]
#[test]
fn a_host_with_its_own_pool_shares_in_its_own_transaction() {
    let told = story(&mut example("own_pool"));
    assert_in_order(
        &told,
        &[
            "Ann is in charge (1 in the host's table), and may see the dashboard: true",
            "Cem was hired with the share (2 in the table), and may see it: true",
            "Ben is refused (Some(\"expiry_past\")): still 2 in the table, and he may see it: false",
            "to be mailed to account Ann",
        ],
    );
}

const PAGE: &str = include_str!("../examples/scenario.md");

#[test]
fn the_scenario_page_shows_what_its_example_really_answers() {
    let blocks: Vec<&str> = PAGE
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("a block has an end").0)
        .collect();
    let [history, expected] = blocks.as_slice() else { panic!("the page has two blocks of JSON") };
    let output = from_stdin(history.as_bytes());
    let expected: Vec<Value> =
        expected.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers(&output), expected);
}

/// The literals on the left or right of the arms of a match.
fn literals<'a>(source: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    let (_, rest) = source.split_once(from).expect("the source has this place");
    let (part, _) = rest.split_once(to).expect("the source has this end");
    part.split('"').skip(1).step_by(2).collect()
}

#[test]
fn the_scenario_page_has_every_verb_and_every_code() {
    let engine = include_str!("../examples/scenario/engine.rs");
    let verbs = literals(engine, "match verb {", "other =>");
    let questions = include_str!("../examples/scenario/questions.rs");
    let events = literals(questions, "let (name, grants) = match event {", "_ => (");
    let codes = literals(include_str!("../src/sharing/refusal.rs"), "fn code(", "/// As a sentence");
    assert!(verbs.len() >= 24 && events.len() >= 15 && codes.len() >= 26);
    for word in verbs.iter().chain(&events).chain(&codes) {
        assert!(PAGE.contains(&format!("`{word}`")), "examples/scenario.md does not have `{word}`");
    }
}

#[test]
fn a_host_can_be_synchronous() {
    assert_in_order(
        &story(&mut example("sync_host")),
        &[
            "Ann, before: Ann may not view",
            "Ann, after: Cold room | Air: -18.4 °C",
            "download: Ann may not export",
            "A visitor: Cold room",
            "A guesser: the visitor may not view",
        ],
    );
}
