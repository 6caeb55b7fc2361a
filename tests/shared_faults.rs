//! The inputs that readers of the finished core brought back, each with its right answers, line by line. They lie beside
//! the project, not in it: without them the tests are reported as ignored, by name; with `DASHSHARE_REQUIRE_SHARED` set
//! they fail instead.

use crate::File;
use crate::support::table::{engine::Engine, holds};
use dashshare::MemoryStore;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What a line is answered.
enum Right {
    /// Every member that is given here.
    Is(&'static str),
    /// A sentence about it that holds.
    Such(&'static str, fn(&Value) -> bool),
}

use Right::{Is, Such};

/// A file, what is right at its lines, and lines of our own that ask further, with what is right there. A line that is
/// not named is answered `ok`.
struct Input {
    file: &'static str,
    lines: &'static [(usize, Right)],
    further: &'static [(&'static str, Right)],
}

const INPUTS: [Input; 17] = [
    // G13, G17: whether a share stands goes by what was named, so each name has a grant of its own.
    Input {
        file: "sharing/F1.jsonl",
        lines: &[
            (3, Is(r#"{"ok":true,"grant":"g1","standing":false}"#)),
            (4, Is(r#"{"ok":true,"grant":"g2","standing":false}"#)),
            (6, Is(r#"{"ok":true,"fell":["g2"]}"#)),
        ],
        further: &[
            (
                r#"{"do":"check","dashboard":"d","who":"ann","right":"view"}"#,
                Is(r#"{"ok":true,"allowed":true,"reason":{"because":"grant","path":["g1"]}}"#),
            ),
            (r#"{"do":"list","dashboard":"d","by":"olga"}"#, Is(r#"{"grants":[{"grant":"g1"}]}"#)),
        ],
    },
    // I1: nor does the answer tell whose an address is.
    Input {
        file: "sharing/F1b.jsonl",
        lines: &[
            (3, Is(r#"{"ok":true,"grant":"g1","standing":false}"#)),
            (4, Is(r#"{"ok":true,"grant":"g2","standing":false,"invited":true}"#)),
        ],
        further: &[],
    },
    // G17: an address that has been verified and not claimed by is the same name still.
    Input {
        file: "sharing/F2.jsonl",
        lines: &[
            (2, Is(r#"{"ok":true,"grant":"g1","standing":false}"#)),
            (4, Is(r#"{"ok":true,"grant":"g1","standing":true}"#)),
        ],
        further: &[(
            r#"{"do":"claim","account":"ann","email":"ann@x.test"}"#,
            Is(r#"{"ok":true,"grants":["g1"]}"#),
        )],
    },
    // G17: an invitation that is repeated waits a full term anew, and is mailed again.
    Input {
        file: "sharing/F3.jsonl",
        lines: &[
            (3, Is(r#"{"ok":true,"grant":"g1","standing":true}"#)),
            (5, Is(r#"{"ok":true,"grants":["g1"]}"#)),
            (6, Is(r#"{"ok":true,"allowed":true,"reason":{"path":["g1"]}}"#)),
        ],
        further: &[(
            r#"{"do":"outbox"}"#,
            Such("both invitations, of which the later lapses a full term later", |answer| {
                let lapses: Vec<&Value> = messages(answer, "invited").map(|sent| &sent["lapses"]).collect();
                lapses == ["2026-01-15T00:00:00Z", "2026-01-28T23:59:59Z"]
            }),
        )],
    },
    // G15: whom a policy denies the dashboard loses and keeps nothing.
    Input { file: "sharing/F4.jsonl", lines: &[(5, Is(r#"{"ok":true,"lose":[],"keep":[]}"#))], further: &[] },
    // G18, G20: the right that the old owner keeps is a grant like any other.
    Input {
        file: "sharing/F5.jsonl",
        lines: &[(4, Is(r#"{"ok":false,"refused":"domain_blocked"}"#))],
        further: &[(
            r#"{"do":"check","dashboard":"d","who":"olga","right":"edit"}"#,
            Is(r#"{"ok":true,"allowed":true,"reason":{"because":"owner"}}"#),
        )],
    },
    // G18: nor does an invitation that waits for an address of the old owner lead back in.
    Input {
        file: "sharing/F6.jsonl",
        lines: &[
            (4, Is(r#"{"ok":true,"kept":null}"#)),
            (5, Is(r#"{"ok":true,"grants":[]}"#)),
            (6, Is(r#"{"ok":true,"allowed":false}"#)),
        ],
        further: &[(
            r#"{"do":"check","dashboard":"d","who":"olga","right":"view"}"#,
            Is(r#"{"ok":true,"allowed":false}"#),
        )],
    },
    // G14, G20: what is re-issued lasts no longer than what it replaces, and is asked for like a share.
    Input { file: "sharing/F7.jsonl", lines: &[(8, Is(r#"{"ok":true,"allowed":false}"#))], further: &[] },
    // G8: a bad line changes nothing.
    Input {
        file: "sharing/F8.jsonl",
        lines: &[
            (3, Is(r#"{"ok":true,"findings":[]}"#)),
            (4, Is(r#"{"ok":false,"refused":"bad_line"}"#)),
            (5, Is(r#"{"ok":true,"allowed":true}"#)),
        ],
        further: &[],
    },
    // S3: no clock shows a second 60 in the middle of a day.
    Input {
        file: "sharing/F9.jsonl",
        lines: &[(2, Is(r#"{"ok":false,"refused":"bad_line"}"#))],
        further: &[(r#"{"do":"list","dashboard":"d","by":"olga"}"#, Is(r#"{"ok":true,"grants":[]}"#))],
    },
    // D7: who falls back to a lesser right loses something.
    Input {
        file: "sharing/F10.jsonl",
        lines: &[(4, Is(r#"{"ok":true,"losing":[{"who":"ann","ends":"2026-01-05T00:00:00Z"}]}"#))],
        further: &[],
    },
    // G24: whoever loses nothing is not reminded.
    Input {
        file: "sharing/F11.jsonl",
        lines: &[(4, Is(r#"{"ok":true,"losing":[]}"#)), (5, Is(r#"{"ok":true,"grants":[]}"#))],
        further: &[(
            r#"{"do":"outbox"}"#,
            Such("no reminder", |answer| messages(answer, "expiring").next().is_none()),
        )],
    },
    // D2: the anonymous user is let in by a live link only.
    Input { file: "sharing/F12.jsonl", lines: &[(2, Is(r#"{"ok":true,"allowed":false}"#))], further: &[] },
    // L6: what the owner paused only the owner resumes.
    Input {
        file: "sharing/F13.jsonl",
        lines: &[(5, Is(r#"{"ok":false}"#))],
        further: &[
            (r#"{"do":"visit","token":"k1"}"#, Is(r#"{"ok":true,"allowed":false}"#)),
            (r#"{"do":"resume_link","dashboard":"d","by":"olga"}"#, Is(r#"{"ok":true}"#)),
            (r#"{"do":"visit","token":"k1"}"#, Is(r#"{"ok":true,"allowed":true}"#)),
        ],
    },
    // G18, G20: nobody becomes the owner whom the tenant's rules or policies would not let be shared with.
    Input {
        file: "review/t1.jsonl",
        lines: &[
            (4, Is(r#"{"ok":true,"findings":[]}"#)),
            (6, Is(r#"{"ok":false}"#)),
            (7, Is(r#"{"ok":true,"allowed":false}"#)),
            (8, Is(r#"{"ok":false}"#)),
            (9, Is(r#"{"ok":true,"allowed":false}"#)),
            (10, Is(r#"{"ok":true,"allowed":false}"#)),
            (11, Is(r#"{"ok":true,"allowed":false}"#)),
            (12, Is(r#"{"ok":true,"messages":[]}"#)),
        ],
        further: &[(
            r#"{"do":"check","dashboard":"d1","who":"olga","right":"edit"}"#,
            Is(r#"{"ok":true,"allowed":true}"#),
        )],
    },
    // G14: rebinding by somebody without power over the other grant lengthens nothing.
    Input {
        file: "review/t2.jsonl",
        lines: &[
            (7, Is(r#"{"ok":false}"#)),
            (8, Is(r#"{"ok":true,"allowed":true,"valid_until":"2026-01-09T00:00:00Z"}"#)),
            (
                10,
                Such("allowed until 9 January at the latest", |answer| {
                    let until = answer["valid_until"].as_str();
                    answer["allowed"] == true && until.is_some_and(|end| end <= "2026-01-09T00:00:00Z")
                }),
            ),
        ],
        further: &[(
            r#"{"do":"check","dashboard":"d1","who":"c","right":"view","at":"2026-01-09T00:00:00Z"}"#,
            Is(r#"{"ok":true,"allowed":false}"#),
        )],
    },
    // E17, D3, P6: what a mail carries, what a new owner may see, and what an inert deny is told as.
    Input {
        file: "review/t5.jsonl",
        lines: &[
            (4, Such("a mail without a line break, a control, a bidi mark or a link", is_plain)),
            (9, Is(r#"{"ok":true,"allowed":false}"#)),
            (10, Such("findings", |answer| answer["findings"].as_array().is_some_and(|it| !it.is_empty()))),
            (15, Is(r#"{"ok":false,"refused":"owns_dashboards"}"#)),
            (16, Is(r#"{"ok":false,"refused":"already_exists"}"#)),
        ],
        further: &[
            (
                r#"{"do":"check","dashboard":"d3","who":"vic","right":"edit"}"#,
                Is(r#"{"ok":true,"allowed":true}"#),
            ),
            (
                r#"{"do":"check","dashboard":"future-id-of-somebody","who":"olga","right":"edit"}"#,
                Is(r#"{"ok":true,"allowed":true}"#),
            ),
        ],
    },
];

fn messages<'a>(answer: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let messages = answer["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    messages.iter().filter(move |sent| sent["kind"] == kind)
}

/// Whether an offer was mailed, with a text that can do no harm.
fn is_plain(answer: &Value) -> bool {
    let mut offers = messages(answer, "offered").peekable();
    offers.peek().is_some()
        && offers.all(|sent| {
            let text = sent["message"].as_str().unwrap_or_default();
            let is_bidi =
                |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            !text.chars().any(|c| c.is_control() || is_bidi(c))
                && !["://", "evil.example", "all@bank.test"].iter().any(|trap| text.contains(trap))
                && text.chars().count() <= 200
        })
}

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let ignored = !shared.is_dir() && std::env::var_os("DASHSHARE_REQUIRE_SHARED").is_none();
    let faults = shared.join("faults");
    let mut trials: Vec<Trial> = INPUTS
        .iter()
        .map(|input| {
            let path = faults.join(input.file);
            let name = input.file.trim_end_matches(".jsonl").replace('/', "_");
            file.trial(name, move || check(input, &path)).with_ignored_flag(ignored)
        })
        .collect();
    let every = file.trial("every_input_has_its_right_answers", move || none_is_missing(&faults));
    trials.push(every.with_ignored_flag(ignored));
    trials
}

fn check(input: &Input, path: &PathBuf) -> Result<(), Failed> {
    let history = fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let mut engine = Engine::over(Arc::<MemoryStore>::default(), false);
    let mut wrong = Vec::new();
    let mut judge = |place: String, line: &str, right: &Right| {
        let answer = engine.line(line).unwrap_or_default();
        let expected = match right {
            Is(members) => {
                let members: Value =
                    serde_json::from_str(members).map_err(|error| format!("{place}: {error}"))?;
                (!holds(&members, &answer)).then(|| members.to_string())
            }
            Such(sentence, holds) => (!holds(&answer)).then(|| (*sentence).to_owned()),
        };
        if let Some(expected) = expected {
            wrong.push(format!("{place}: {line}\n  right    {expected}\n  answered {answer}"));
        }
        Ok::<(), Failed>(())
    };
    let lines: Vec<&str> = history.lines().collect();
    for (line, number) in lines.iter().zip(1..) {
        let named = input.lines.iter().find(|(place, _)| *place == number);
        judge(format!("line {number}"), line, named.map_or(&Is(r#"{"ok":true}"#), |(_, right)| right))?;
    }
    for (line, right) in input.further {
        judge("further".to_owned(), line, right)?;
    }
    if let Some((place, _)) = input.lines.iter().find(|(place, _)| *place > lines.len()) {
        return Err(format!("there is no line {place}").into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Every history that lies there is one of the inputs above.
fn none_is_missing(faults: &Path) -> Result<(), Failed> {
    let mut found = BTreeSet::new();
    for folder in ["sharing", "review"] {
        for entry in fs::read_dir(faults.join(folder))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            found.insert(format!("{folder}/{name}"));
        }
    }
    let known: BTreeSet<String> = INPUTS.iter().map(|input| input.file.to_owned()).collect();
    match found == known {
        true => Ok(()),
        false => Err(format!("there are {found:?}, and answers to {known:?}").into()),
    }
}
