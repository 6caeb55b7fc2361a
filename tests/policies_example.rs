//! The example `policies` does what its page says. `cargo test` builds it before it runs this.

use crate::support::example::example;
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const POLICIES: &str = "examples/data/policies.json";
const RESOURCES: &str = "examples/data/resources.json";
const GUEST: &str = r#"{"kind":"run_user","id":"g","tags":[{"key":"role","value":"guest"}]}"#;
const ALLOWED: &str = r#"{"principal":{"kind":"run_user","id":"g","tags":[{"key":"role","value":"guest"}]},"action":"access","resource":{"kind":"dashboard","id":"lobby-screen"}}"#;
const DENIED: &str = r#"{"principal":{"kind":"run_user","id":"g"},"action":"access","resource":{"kind":"dashboard","id":"lobby-screen"}}"#;

fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A file with this content, by its path.
fn file(name: &str, content: &[u8]) -> String {
    let path = temporary(name);
    fs::write(&path, content).expect("a file can be written");
    path.into_os_string().into_string().expect("a path in UTF-8")
}

fn policies(arguments: &[&str]) -> Command {
    let mut command = example("policies");
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Run {
    fn of(arguments: &[&str], input: impl Into<Vec<u8>>) -> Self {
        let mut child = policies(arguments).spawn().expect("the example starts");
        let (mut pipe, input) = (child.stdin.take().expect("a pipe"), input.into());
        // From a thread of its own, since answers come before all is read. Some runs end without reading anything.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("the input was written");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn answers(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// That it ended at once, and told people this.
    fn assert_refused(&self, says: &[&str]) {
        assert_eq!((self.code, self.out.as_str()), (Some(2), ""), "{}", self.err);
        for said in says {
            assert!(self.err.contains(said), "`{said}` is not in: {}", self.err);
        }
    }
}

fn check(options: &[&str], input: impl Into<Vec<u8>>) -> Run {
    Run::of(&[&["check", "--policies", POLICIES], options].concat(), input)
}

const PAGE: &str = include_str!("../examples/policies.md");

/// Plays a command of the page and gives what it shows. Files that the page writes are kept out of the sources.
fn play(command: &str) -> String {
    if let Some(name) = command.strip_prefix("cat ") {
        return fs::read_to_string(temporary(name)).expect("a command before has written it");
    }
    let command = command.strip_prefix("cargo run -q --example policies -- ").expect("a command of ours");
    let mut words = Vec::new();
    for (place, part) in command.split('\'').enumerate() {
        match place % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    let mut taken = |sign: &str| {
        let place = words.iter().position(|word| word == sign)?;
        words.drain(place..place + 2).nth(1)
    };
    let (input, hidden) = (taken("<"), taken(">").is_some());
    for word in words.iter_mut().filter(|word| *word == "counts.json") {
        *word = temporary(word).to_str().expect("UTF-8").to_owned();
    }
    let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    let run = Run::of(&arguments, input.map_or(Vec::new(), |path| fs::read(path).expect("a fixture")));
    if hidden { run.err } else { run.out + &run.err }
}

#[test]
fn the_page_shows_what_its_commands_really_answer() {
    let blocks: Vec<&str> = PAGE
        .split("```console\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("a block has an end").0)
        .collect();
    let commands: Vec<&str> =
        blocks.iter().flat_map(|block| block.split("$ ").filter(|command| !command.is_empty())).collect();
    assert!(
        ["check", "lint", "audit", "diff"]
            .iter()
            .all(|name| blocks.concat().contains(&format!("-- {name} ")))
    );
    for shown in commands {
        let (command, expected) = shown.split_once('\n').expect("a command ends its line");
        assert_eq!(play(command), expected, "{command}");
    }
}

#[test]
fn every_line_is_answered_and_bad_ones_say_what_is_wrong() {
    let mut input = Vec::new();
    for line in [
        ALLOWED.as_bytes(),
        b"not JSON",
        b"\xff\xfe",
        b"",
        b"  \t\r",
        br#"["a", "b", "c"]"#,
        br#"{"principal":"#,
        br#"{"principal":{"kind":"user","id":"g"},"action":"access","resource":{"kind":"device"}}"#,
        br#"{"principal":{"kind":"run_user","id":"g"},"action":"access"}"#,
        br#"{"principal":{"kind":"run_user","id":"g"},"action":7,"resource":{"kind":"device"}}"#,
        br#"{"principal":{"kind":"run_user","id":"g","tags":[{"key":"a"}]},"action":"b","resource":{"kind":"c"}}"#,
        br#"{"principal":{"kind":"run_user","id":"g"},"action":"access","ressource":{"kind":"device"}}"#,
        &[DENIED.as_bytes(), b" {}"].concat(),
        // Hosts may tell more than policies ask for.
        br#"{"principal":{"kind":"run_user","id":"g","name":"G"},"action":"access","resource":{"kind":"c","size":7}}"#,
        &[b" ", ALLOWED.as_bytes(), b"\r"].concat(),
        DENIED.as_bytes(),
    ] {
        input.extend(line);
        input.push(b'\n');
    }
    input.pop();
    let run = check(&[], input);
    assert_eq!(run.code, Some(1), "{}", run.err);
    let said = run.answers();
    let lines: Vec<u64> = said.iter().filter_map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(lines, [1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    let errors: Vec<&str> = said.iter().filter_map(|answer| answer["error"].as_str()).collect();
    assert_eq!(
        errors,
        [
            "at column 1: a request is a JSON object",
            "at column 1: not UTF-8",
            "at column 1: a request is a JSON object",
            "at `/principal`, column 13: EOF while parsing a value",
            "at `/principal/kind`, column 27: `user` is neither `run_user` nor `analysis`",
            "at column 60: missing field `resource`",
            "at `/action`, column 52: invalid type: integer `7`, expected a string",
            "at `/principal/tags/0`, column 60: missing field `value`",
            "at `/ressource`, column 71: unknown field `ressource`, expected one of `principal`, `action`, `resource`",
            "at column 114: trailing characters",
        ]
    );
    let allowed: Vec<bool> = said.iter().filter_map(|answer| answer["allowed"].as_bool()).collect();
    assert_eq!(allowed, [true, false, true, false]);
}

#[test]
fn a_denial_is_an_answer_like_any_other() {
    let run = check(&[], DENIED);
    assert_eq!(run.code, Some(0));
    assert_eq!(
        run.out,
        "{\"line\":1,\"allowed\":false,\"effect\":null,\"policy\":null,\"rule\":null,\
         \"reason\":\"no rule of an active policy allows it\"}\n"
    );
    let nothing = check(&[], "");
    assert_eq!((nothing.code, nothing.out.as_str()), (Some(0), ""));
}

#[test]
fn a_line_without_end_is_not_kept_and_does_not_end_the_run() {
    let mut input = ALLOWED.replace("lobby-screen", &"x".repeat(5_000_000)).into_bytes();
    input.push(b'\n');
    input.extend(vec![b'['; 40_000_000]);
    input.extend(format!("\n{ALLOWED}").bytes());
    let answers = check(&[], input).answers();
    assert_eq!(answers[0]["allowed"], false);
    assert_eq!(answers[1], json!({"line": 2, "error": "the line is longer than 16 MiB"}));
    assert_eq!((&answers[2]["line"], &answers[2]["allowed"]), (&json!(3), &json!(true)));
}

#[test]
fn a_denial_is_explained_by_what_would_change_it() {
    let quarantined = r#"{"principal":{"kind":"run_user","id":"h","tags":[{"key":"role","value":"quality"}]},"action":"access","resource":{"kind":"device","tags":[{"key":"state","value":"quarantine"}]}}"#;
    let run = check(&["--explain"], format!("{ALLOWED}\n{quarantined}\n{DENIED}"));
    assert_eq!(run.code, Some(0));
    let answers = run.answers();

    assert_eq!(answers[0]["nearest"], Value::Null);
    let lobby = answers[0]["considered"].as_array().and_then(|policies| policies.first()).expect("one");
    assert_eq!((&lobby["policy"], &lobby["active"]), (&json!("lobby"), &json!(true)));
    assert_eq!(lobby["rules"][0], json!({"effect": "allow", "outcome": "matched"}));
    assert_eq!(lobby["rules"][1]["outcome"], "inert");

    let nearest = &answers[1]["nearest"];
    assert_eq!(nearest["change"]["remove_deny"]["policy"], "quarantine");
    assert_eq!(nearest["sentence"], "take away rule 0 of policy `quarantine`");
    let reason = answers[1]["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with(
            "rule 0 of policy `quarantine` (Nobody looks at rooms in quarantine) denies `access`"
        )
    );
    assert!(reason.ends_with("; to allow it, take away rule 0 of policy `quarantine`"), "{reason}");

    assert_eq!(answers[2]["nearest"]["change"]["tag_principal"]["value"], "guest");
}

#[test]
fn the_members_of_an_answer_have_an_order() {
    let run = check(&["--explain"], DENIED);
    let mut rest = run.out.as_str();
    for name in ["line", "allowed", "effect", "policy", "rule", "reason", "considered", "nearest"] {
        let member = format!("\"{name}\":");
        rest = rest.split_once(&member).unwrap_or_else(|| panic!("{member} is not in: {rest}")).1;
    }
}

#[test]
fn an_answer_appears_before_the_next_line_is_there() {
    let mut child = policies(&["check", "--policies", POLICIES]).spawn().expect("the example starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    // The last of these has no end yet, and the blank one no answer.
    for (said, line) in [(ALLOWED, "\n"), ("x", "\n\n"), (DENIED, "\n{\"princ")] {
        write!(input, "{said}{line}").expect("it reads");
        let mut answer = String::new();
        output.read_line(&mut answer).expect("it answers");
        assert!(answer.starts_with("{\"line\":"), "{answer}");
    }
    drop(input);
    let mut last = String::new();
    output.read_to_string(&mut last).expect("it answers");
    assert!(last.contains("EOF while parsing"), "{last}");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn it_ends_quietly_when_nobody_reads_the_answers() {
    let mut child = policies(&["check", "--policies", POLICIES]).spawn().expect("the example starts");
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || while writeln!(input, "{ALLOWED}").is_ok() {});
    let output = child.wait_with_output().expect("it ends although there are more lines");
    writer.join().expect("the writer has seen that");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn a_strict_check_takes_no_rule_that_can_never_match() {
    check(&["--strict"], ALLOWED).assert_refused(&[
        POLICIES,
        "at `/2/permissions/1/resource`",
        "wrong way round",
    ]);
    let mended = ["check", "--strict", "--policies", "examples/data/policies_proposed.json"];
    assert_eq!(Run::of(&mended, ALLOWED).answers()[0]["allowed"], true);
}

#[test]
fn counts_are_written_in_place_of_older_ones() {
    let counts = file("counted.json", b"something older, which is long enough to be seen if it stays behind");
    let run = check(&["--count", &counts], format!("{ALLOWED}\n{DENIED}\nbad\n{ALLOWED}"));
    assert_eq!(run.code, Some(1));
    assert_eq!(fs::read_to_string(&counts).expect("it is there"), "[[\"lobby\",0,2]]\n");

    let nowhere = check(&["--count", env!("CARGO_TARGET_TMPDIR")], ALLOWED);
    assert_eq!((nowhere.code, nowhere.answers().len()), (Some(2), 1));
    assert!(nowhere.err.contains("cannot write the counts"), "{}", nowhere.err);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let rule = r#""targets":[],"permissions":[]"#;
    let two = format!(r#"[{{"id":"a",{rule}}},{{"id":"b",{rule}}},{{"id":"a",{rule}}}]"#);
    let two = file("two_of_one_id.json", two.as_bytes());
    let word = file("word.json", br#"[{"id":"a","targets":[["run_user",7]],"permissions":[]}]"#);
    let one = file("one.json", format!(r#"{{"id":"a",{rule}}}"#).as_bytes());
    let torn = file("torn.json", b"[{");
    let bytes = file("bytes_of_policies.json", b"[\xff]");
    let missing = temporary("no-policies.json");
    let files: [(&str, &[&str]); 6] = [
        (&two, &["`/0/id`", "`/2/id`", "`a`"]),
        (&word, &["`/0/targets/0/1`"]),
        (&one, &["expected a sequence"]),
        (&torn, &["EOF"]),
        (&bytes, &["not UTF-8: byte 2"]),
        (missing.to_str().expect("UTF-8"), &["cannot read"]),
    ];
    for (path, says) in files {
        Run::of(&["check", "--policies", path], ALLOWED).assert_refused(&[says, &[path]].concat());
        Run::of(&["lint", path], "").assert_refused(says);
        Run::of(&["audit", path, "--principal", GUEST, "--resources", RESOURCES], "").assert_refused(says);
        let over = ["--principals", "examples/data/people.json", "--resources", RESOURCES];
        Run::of(&[&["diff", POLICIES, path], over.as_slice()].concat(), "").assert_refused(says);
        Run::of(&[&["diff", path, POLICIES], over.as_slice()].concat(), "").assert_refused(says);
    }

    let user = file(
        "user.json",
        b"[\n  {\"kind\": \"run_user\", \"id\": \"g\"},\n  {\"kind\": \"user\", \"id\": \"g\"}\n]",
    );
    Run::of(&["diff", POLICIES, POLICIES, "--principals", &user, "--resources", RESOURCES], "")
        .assert_refused(&[&user, "`/1/kind`", "line 3"]);
    Run::of(&["audit", POLICIES, "--principal", "{}", "--resources", RESOURCES], "")
        .assert_refused(&["`--principal`", "missing field `kind`"]);
    Run::of(&["audit", POLICIES, "--principal", &format!("@{user}"), "--resources", RESOURCES], "")
        .assert_refused(&[&user]);
    let uses = ["audit", POLICIES, "--principal", GUEST, "--resources", RESOURCES, "--uses", RESOURCES];
    Run::of(&uses, "").assert_refused(&[RESOURCES, "`/0`"]);
}

#[test]
#[cfg(unix)]
fn standard_input_that_cannot_be_read_is_no_end_of_the_lines() {
    let directory = fs::File::open(env!("CARGO_TARGET_TMPDIR")).expect("a directory opens");
    let output = policies(&["check", "--policies", POLICIES]).stdin(directory).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read standard input"));
}

#[test]
fn a_lint_fails_only_for_what_can_never_match() {
    assert_eq!(Run::of(&["lint", POLICIES], "").code, Some(1));
    let clean = Run::of(&["lint", "examples/data/policies_proposed.json"], "");
    assert_eq!((clean.code, clean.out.as_str()), (Some(0), ""));
    assert_eq!(clean.err, "0 inert, 0 warnings, in 6 policies\n");

    let odd = br#"[{"id":"a","targets":[["run_user"],["run_user"]],"permissions":[{"effect":"deny","action":["access"],"resource":["device"]}]}]"#;
    let warned = Run::of(&["lint", &file("odd.json", odd)], "");
    assert_eq!((warned.code, warned.err.as_str()), (Some(0), "0 inert, 1 warning, in 1 policy\n"));
    assert!(
        warned.out.starts_with(r#"{"policy":"a","severity":"warning","pointer":"/0/targets/1","sentence":"#)
    );
}

#[test]
fn a_principal_is_given_in_words_or_by_a_file() {
    let audit = |principal: &str| {
        Run::of(&["audit", POLICIES, "--principal", principal, "--resources", RESOURCES], "")
    };
    let words = audit(GUEST);
    assert_eq!(words.code, Some(0));
    assert_eq!(words.out, audit(&format!("@{}", file("guest.json", GUEST.as_bytes()))).out);
    assert_eq!(words.answers().len(), 1);
    assert_eq!(words.answers()[0]["resource"]["id"], "lobby-screen");
}

#[test]
fn equal_policies_have_no_difference() {
    let over = ["--principals", "examples/data/people.json", "--resources", RESOURCES];
    let run = Run::of(&[&["diff", POLICIES, POLICIES], over.as_slice()].concat(), "");
    assert_eq!((run.code, run.out.as_str()), (Some(0), ""));
    assert_eq!(run.err, "0 opened, 0 closed, for 6 principals on 6 resources\n");
}

#[test]
fn the_usage_is_shown_to_whoever_asks_and_whoever_errs() {
    for help in [&["--help"][..], &["-h"], &["audit", "--help"]] {
        let run = Run::of(help, "");
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        assert!(run.out.starts_with("usage:\n"), "{}", run.out);
    }
    let wrong: [(&[&str], &str); 10] = [
        (&[], "a command is missing"),
        (&["fly"], "no command `fly`"),
        (&["check"], "`--policies` is missing"),
        (&["check", "--policies"], "`--policies` needs a value"),
        (&["check", "--policies", "--strict"], "`--policies` needs a value"),
        (&["check", "--policies", POLICIES, "--policies", POLICIES], "`--policies` is one too many"),
        (&["check", "--policies", POLICIES, "--explian"], "`--explian` is one too many, or none"),
        (&["lint"], "FILE is missing"),
        (&["lint", POLICIES, POLICIES], "is one too many"),
        (&["diff", POLICIES, "--principals", POLICIES, "--resources", RESOURCES], "NEW is missing"),
    ];
    for (arguments, says) in wrong {
        Run::of(arguments, "").assert_refused(&[says, "usage:\n"]);
    }
}
