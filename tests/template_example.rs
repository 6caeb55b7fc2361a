//! The example `template` does what its page says. `cargo test` builds it before it runs this.

use crate::support::example::example;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../examples/template.md");
const DASHBOARD: &str = "examples/data/tagoio_dashboard.json";
const FILLS: &str = "examples/data/template_fills.json";

fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A file with this content, by its path.
fn file(name: &str, content: &str) -> String {
    let path = temporary(name);
    fs::write(&path, content).expect("a file can be written");
    path.into_os_string().into_string().expect("a path in UTF-8")
}

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(arguments: &[&str]) -> Self {
        let mut command = example("template");
        command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = command.output().expect("the example runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// That nothing was given out, and why.
    fn assert_fails(&self, code: i32, says: &str) {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        assert!(self.err.contains(says), "`{says}` is not in: {}", self.err);
    }

    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).expect("JSON")
    }
}

fn extract(options: &[&str]) -> Run {
    Run::of(&[&["extract", "--profile", "tagoio", DASHBOARD], options].concat())
}

/// A template of the page's dashboard, by its path.
fn template(name: &str, options: &[&str]) -> String {
    file(name, &extract(&[&["--blank-texts"], options].concat()).json().to_string())
}

/// The fresh ids of a dashboard by numbers, since they are new with every run: which of them are equal is what counts.
fn masked(text: &str) -> String {
    let ours = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILLS)).expect("the fills");
    let mut numbers = BTreeMap::new();
    let parts = text.split('"').map(|part| {
        let is_id = matches!(part.len(), 24 | 36)
            && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
            && !ours.contains(part);
        let next = numbers.len();
        if is_id {
            format!("id {} of {} characters", numbers.entry(part).or_insert(next), part.len())
        } else {
            part.to_owned()
        }
    });
    parts.collect::<Vec<_>>().join("\"")
}

/// Plays a command of the page and gives what it shows. Files that the page writes are kept out of the sources.
fn play(command: &str) -> String {
    if let Some(name) = command.strip_prefix("cat ") {
        let path = if name.contains('/') { PathBuf::from(name) } else { temporary(name) };
        return fs::read_to_string(path).expect("it is a fixture, or a command before has written it");
    }
    let command = command.strip_prefix("cargo run -q --example template -- ").expect("a command of ours");
    let (command, into) =
        command.split_once(" > ").map_or((command, None), |(rest, name)| (rest, Some(name)));
    let written = |word: &str| match word {
        "template.json" | "report.json" => temporary(word).to_str().expect("UTF-8").to_owned(),
        word => word.to_owned(),
    };
    let words: Vec<String> = command.split_whitespace().map(written).collect();
    let run = Run::of(&words.iter().map(String::as_str).collect::<Vec<_>>());
    match into {
        Some(name) => {
            fs::write(temporary(name), run.out).expect("a file can be written");
            run.err
        }
        None => run.out + &run.err,
    }
}

#[test]
fn the_page_shows_what_its_commands_really_answer() {
    let blocks: Vec<&str> = PAGE
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("a block has an end").0)
        .collect();
    assert!(
        ["extract", "slots", "fill", "lint"]
            .iter()
            .all(|name| blocks.concat().contains(&format!("-- {name} ")))
    );
    for block in blocks {
        for shown in block.strip_prefix("$ ").expect("a command").split("\n$ ") {
            let (command, expected) = shown.split_once('\n').unwrap_or((shown, ""));
            assert_eq!(masked(play(command).trim_end()), masked(expected.trim_end()), "{command}");
        }
    }
}

/// T4, T8: what the page says the dashboard holds is in no template and in no clone of it.
#[test]
fn nothing_of_the_sender_goes_along() {
    let path = template("nothing.json", &[]);
    let clone = Run::of(&["fill", &path, "--fills", FILLS, "--owner", "ann"]).json().to_string();
    let written = fs::read_to_string(&path).expect("it was written");
    let source = fs::read_to_string(DASHBOARD).expect("the fixture").to_lowercase();
    for secret in [
        "60c7d8e9", "60a1b2c3", "5f1c2a9e", "5e90d1c4", "3b9f6c52", "freezer", "olga", "harbour", "-18.4",
        "2020-07", "2024-03",
    ] {
        assert!(source.contains(secret), "{secret} is no secret of the source");
        for left in [&written, &clone] {
            assert!(!left.to_lowercase().contains(secret), "{secret} is left");
        }
    }
}

#[test]
fn every_clone_has_ids_of_its_own() {
    let path = template("ids.json", &[]);
    let clone = || Run::of(&["fill", &path, "--fills", FILLS, "--owner", "ann"]).json();
    let (one, other) = (clone(), clone());
    for place in ["/dashboard/id", "/dashboard/tabs/0/key", "/widgets/0/id"] {
        assert!(one.pointer(place).is_some_and(Value::is_string), "{place}");
        assert_ne!(one.pointer(place), other.pointer(place), "{place}");
    }
    assert_eq!(one["widgets"][0]["id"], one["dashboard"]["arrangement"][0]["widget_id"]);
    assert_eq!(masked(&one.to_string()), masked(&other.to_string()));
}

/// T5: the owner's choices, each by its option.
#[test]
fn the_owner_chooses_what_becomes_of_texts_and_code() {
    let label = |run: &Run| run.json()["body"]["widgets"][1].get("label").cloned();
    assert_eq!(label(&extract(&["--owner-lets-stand"])), Some(json!("Door of the North Freezer")));
    assert_eq!(label(&extract(&["--blank-texts"])), None);
    extract(&["--owner-lets-stand", "--blank-texts"]).assert_fails(2, "either stand or are blanked");

    let path = template("code.json", &["--keep-code"]);
    let formula = |options: &[&str]| {
        let run = Run::of(&[&["fill", &path, "--fills", FILLS, "--owner", "ann"], options].concat());
        run.json()["widgets"][1]["display"]["formula"].clone()
    };
    assert_eq!(formula(&[]), json!({"enable": true}));
    assert_eq!(formula(&["--accept-code"]), json!({"enable": true, "value": "round($VALUE$)"}));
}

#[test]
fn a_partial_clone_may_wait_for_its_devices() {
    let path = template("partial.json", &[]);
    let clone = Run::of(&["fill", &path, "--owner", "ann", "--partial"]).json();
    assert_eq!(clone["widgets"][0]["data"][0], json!({"query": "last_item", "variables": ["temperature"]}));
    let wrong = file("wrong_fills.json", r#"{"device-1": {"id": 1}, "device-3": "x"}"#);
    let run = Run::of(&["fill", &path, "--fills", &wrong, "--owner", "ann"]);
    run.assert_fails(1, "3 fills are wrong");
    for says in ["`device-1` is neither", "`device-2` is required", "no slot `device-3`"] {
        assert!(run.err.contains(says), "`{says}` is not in: {}", run.err);
    }
}

/// T1: a template from elsewhere is checked again.
#[test]
fn a_forged_template_is_refused() {
    let forged = fs::read_to_string(template("honest.json", &[])).expect("it was written");
    let forged =
        file("forged.json", &forged.replacen(r#"{"$slot":"device-1"}"#, r#""60c7d8e9fa0b1c2d3e4f5061""#, 1));
    Run::of(&["slots", &forged]).assert_fails(1, "not a template: at /");
    Run::of(&["fill", &forged, "--owner", "ann"]).assert_fails(1, "not a template: at /");
}

#[test]
fn what_is_wrong_with_the_command_or_a_file_is_said() {
    let torn = file("torn_dashboard.json", "{");
    let twice = file("twice.json", r#"{"dashboard": {}, "dashboard": {}}"#);
    let leaky = file(
        "leaky.json",
        r#"{"widgets": [{"id": "w1", "type": "card", "analysis_run": "north-42", "display": {"formula": {"value": "north-42 + 1"}}}]}"#,
    );
    let wrong: [(&[&str], i32, &str); 13] = [
        (&[], 2, "say what to do"),
        (&["fly"], 2, "no command `fly`"),
        (&["extract", DASHBOARD], 2, "name a `--profile`"),
        (&["extract", "--profile", "tagoio"], 2, "name a file"),
        (&["extract", "--profile"], 2, "needs a value"),
        (&["extract", DASHBOARD, "--loud"], 2, "`extract` has no option `--loud`"),
        (&["extract", DASHBOARD, DASHBOARD], 2, "one file is enough"),
        (&["extract", "--profile", "tagoio", "no-such.json"], 1, "no-such.json"),
        (&["extract", "--profile", "tagoio", &torn], 1, "cannot be read: EOF"),
        (&["extract", "--profile", "tagoio", &twice], 1, "stands here twice"),
        (&["extract", "--profile", "tagoio", &leaky, "--keep-code"], 1, "would have stayed"),
        (&["extract", "--profile", "examples/data/careless_profile.json", DASHBOARD], 1, "refused"),
        (&["lint", DASHBOARD], 1, "not a profile"),
    ];
    for (arguments, code, says) in wrong {
        Run::of(arguments).assert_fails(code, says);
    }
    assert_eq!(Run::of(&["--help"]).code, Some(0));
}

/// T6: a document of which nothing is left is refused, strictly or not.
#[test]
fn a_document_of_no_place_of_the_profile_is_not_extracted() {
    for (name, content) in
        [("list.json", "[]"), ("word.json", "\"x\""), ("odd.json", r#"{"widgets":{"a":1}}"#)]
    {
        let path = file(name, content);
        for options in [&["--strict"][..], &[], &["--owner-lets-stand"]] {
            Run::of(&[&["extract", "--profile", "tagoio", &path], options].concat())
                .assert_fails(1, "nothing of the document has a place in the profile");
        }
    }
}

/// T1: which file is read as a profile is not for a template to say.
#[test]
fn a_template_names_a_shipped_profile_or_none() {
    let profile =
        file("own_profile.json", r#"{"format": "own", "version": 1, "root": {"object": {"a": "text"}}}"#);
    let made =
        |format: &str| format!(r#"{{"format":{},"version":1,"slots":[],"body":{{"a":"b"}}}}"#, json!(format));
    let tricky = file("tricky.json", &made(&profile));
    Run::of(&["slots", &tricky]).assert_fails(1, "name its `--profile`");
    let own = file("own.json", &made("own"));
    Run::of(&["slots", &own]).assert_fails(1, "the format `own`");
    assert_eq!(Run::of(&["slots", &own, "--profile", &profile]).json(), json!([]));
    for content in ["[]", "7", "{}"] {
        Run::of(&["slots", &file("none.json", content)]).assert_fails(1, "not a template");
    }
}

#[test]
fn options_stand_once_and_with_their_own_commands() {
    let path = template("options.json", &[]);
    let wrong: [(&[&str], &str); 6] = [
        (&["extract", "--profile", "tagoio", DASHBOARD, "--partial"], "`extract` has no option `--partial`"),
        (&["slots", &path, "--owner", "ann"], "`slots` has no option `--owner`"),
        (&["fill", &path, "--owner", "ann", "--strict"], "`fill` has no option `--strict`"),
        (&["lint", DASHBOARD, "--profile", "tagoio"], "`lint` has no option `--profile`"),
        (
            &["extract", "--profile", "tagoio", "--profile", "grafana", DASHBOARD],
            "`--profile` stands there twice",
        ),
        (
            &["extract", "--profile", "tagoio", DASHBOARD, "--strict", "--strict"],
            "`--strict` stands there twice",
        ),
    ];
    for (arguments, says) in wrong {
        Run::of(arguments).assert_fails(2, says);
    }
    let help = Run::of(&["extract", "--help"]);
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("template extract --profile"), "{}", help.out);
}

#[test]
fn files_are_read_strictly_and_byte_order_marks_are_skipped() {
    let twice = file("twice_fills.json", r#"{"device-1": "a", "device-2": "b", "device-1": "c"}"#);
    let path = template("strictly.json", &[]);
    Run::of(&["fill", &path, "--fills", &twice, "--owner", "ann"])
        .assert_fails(1, "`device-1` stands there twice");
    let marked = fs::read_to_string(DASHBOARD).expect("the fixture");
    let marked = file("marked.json", &format!("\u{feff}{marked}"));
    let run = Run::of(&["extract", "--profile", "tagoio", &marked, "--blank-texts"]);
    assert_eq!(run.json(), extract(&["--blank-texts"]).json());
}

/// T5: what leaked is for the owner's eyes, in the file that was asked for.
#[test]
fn a_leak_is_reported_where_the_report_was_to_be() {
    let leaky = file(
        "leaky_report.json",
        r#"{"widgets": [{"id": "w1", "type": "card", "analysis_run": "north-42", "display": {"formula": {"value": "north-42 + 1"}}}]}"#,
    );
    let report = temporary("leak_report.json");
    let run = Run::of(&[
        "extract",
        "--profile",
        "tagoio",
        &leaky,
        "--keep-code",
        "--report",
        report.to_str().expect("UTF-8"),
    ]);
    run.assert_fails(1, "1 removed id or credential would have stayed");
    let report: Value = serde_json::from_str(&fs::read_to_string(report).expect("a report")).expect("JSON");
    assert_eq!(report["leaks"][0]["text"], "north-42 + 1");
}

/// T6: a dashboard belongs to somebody.
#[test]
fn a_blank_owner_is_refused() {
    let path = template("blank_owner.json", &[]);
    for owner in ["", "  "] {
        Run::of(&["fill", &path, "--fills", FILLS, "--owner", owner]).assert_fails(1, "the owner is blank");
    }
}
