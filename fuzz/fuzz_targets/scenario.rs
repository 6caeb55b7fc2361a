//! Lines of the scenario language: each has exactly one answer in JSON, and what is refused has changed nothing.
//!
//! The input is a history, played in strict mode if it begins with `# strict`. What can be seen of a world is its outbox
//! and the audit of each of its dashboards.

#![no_main]

#[path = "../../examples/scenario/engine.rs"]
mod engine;

use dashshare::{MemoryStore, store::DynStore};
use engine::Engine;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// More would only be slow.
const LINES: usize = 24;

/// What asks and changes nothing.
const QUESTIONS: [&str; 12] = [
    "visit",
    "check",
    "setup",
    "list",
    "impact",
    "shared_with_me",
    "losing",
    "diagnose_link",
    "audit",
    "outbox",
    "offers",
    "offers_made",
];

fuzz_target!(|text: &str| {
    let store: Arc<dyn DynStore> = Arc::new(MemoryStore::default());
    let strict = text.starts_with("# strict");
    let mut world = World { engine: Engine::over(store, strict), line: 0, dashboards: BTreeSet::new() };
    let mut before = world.seen();
    for line in text.lines().take(LINES) {
        let read = serde_json::from_str::<Value>(line).unwrap_or_default();
        for name in ["dashboard", "clone"] {
            world.dashboards.extend(read[name].as_str().map(str::to_owned));
        }
        let Some(answer) = world.play(line) else { continue };
        let after = world.seen();
        let is_question = QUESTIONS.contains(&read["do"].as_str().unwrap_or_default());
        if answer["ok"] == false || is_question {
            // A dashboard that was named for the first time has nothing to show yet.
            let changed = after.iter().find(|it| !before.contains(it) && it.1 != json!([]));
            assert_eq!(changed, None, "{line} is answered {answer}");
        }
        before = after;
    }
});

struct World {
    engine: Engine,
    line: usize,
    dashboards: BTreeSet<String>,
}

impl World {
    /// One line, and its one answer; a comment has none.
    fn play(&mut self, line: &str) -> Option<Value> {
        self.line += 1;
        let is_comment = ["#", "//"].iter().any(|mark| line.trim_start().starts_with(mark));
        let answer = self.engine.line(line);
        assert_eq!(answer.is_none(), is_comment, "{line}");
        let answer = answer?;
        let text = answer.to_string();
        assert!(!text.contains('\n'), "an answer is one line: {text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok().as_ref(), Some(&answer), "{text}");
        assert_eq!(answer["line"], json!(self.line), "{text}");
        match answer["ok"].as_bool() {
            Some(true) => assert!(answer.get("refused").is_none(), "{text}"),
            Some(false) => {
                assert!(answer["refused"].as_str().is_some_and(|code| !code.is_empty()), "{text}");
                assert!(answer["message"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{text}");
                assert!(answer["refused"] != "failed", "{line} is answered {text}");
            }
            None => panic!("{text}"),
        }
        if !line.trim_start().starts_with('{') {
            assert_eq!(answer["refused"], "bad_line", "{line} is answered {text}");
        }
        let read = serde_json::from_str::<Value>(line).unwrap_or_default();
        assert_eq!(answer.get("met").is_some(), !read["want"].is_null(), "{line} is answered {text}");
        assert_eq!(answer.get("unmet").is_some(), answer["met"] == false, "{line} is answered {text}");
        Some(answer)
    }

    /// The messages that were sent, and the records of each dashboard that was named.
    fn seen(&mut self) -> Vec<(String, Value)> {
        let sent = self.play(r#"{"do": "outbox"}"#).unwrap_or_default();
        let mut seen = vec![(String::new(), sent["messages"].clone())];
        for dashboard in self.dashboards.clone() {
            let records = self.play(&json!({"do": "audit", "dashboard": dashboard}).to_string());
            let records = records.unwrap_or_default();
            let records = records.get("records").cloned().unwrap_or_else(|| json!([]));
            seen.push((dashboard, records));
        }
        seen
    }
}
