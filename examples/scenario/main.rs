//! Plays a history written as JSON lines and answers each line with one JSON line.
//!
//! `cargo run --example scenario -- [--strict] [--store STORE] FILE`, or with the lines on standard input. The language is documented
//! in `examples/scenario.md`.

mod engine;
mod stores;

use dashshare::{
    store::{DynStore, Store as _},
    trail::Actor,
};
use engine::{Engine, runtime::block_on};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
    sync::Arc,
};

const USAGE: &str = "scenario [--strict] [--store memory|sqlite:FILE|postgres:URL] [FILE]";

fn main() -> ExitCode {
    let (mut name, mut path, mut strict) = ("memory".to_owned(), None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--store" => match arguments.next() {
                Some(store) => name = store,
                None => return fail("`--store` needs a value"),
            },
            "--strict" => strict = true,
            "--help" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            option if option.starts_with("--store=") => name = option.replacen("--store=", "", 1),
            option if option.starts_with("--") => return fail(&format!("there is no option `{option}`")),
            _ if path.is_some() => return fail(&format!("one file is enough: `{argument}` is another")),
            _ => path = Some(argument),
        }
    }
    let store = match block_on(empty(&name)) {
        Ok(store) => store,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let played = match path.as_deref() {
        None | Some("-") => play(Engine::over(store, strict), io::stdin().lock()),
        Some(path) => {
            File::open(path).and_then(|file| play(Engine::over(store, strict), BufReader::new(file)))
        }
    };
    match played {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot read `{}`: {error}", path.as_deref().unwrap_or("standard input"));
            ExitCode::FAILURE
        }
    }
}

fn fail(problem: &str) -> ExitCode {
    eprintln!("{problem}\n{USAGE}");
    ExitCode::from(2)
}

/// Opens a store for a history, which begins with an empty world: its names would stand for other things in one that
/// has been used. Every dashboard was registered by the host, so it has done nothing in an empty store.
async fn empty(name: &str) -> Result<Arc<dyn DynStore>, String> {
    let store = stores::open(name).await?;
    match store.audit_of(Actor::Host, None, 1).await {
        Ok(records) if records.is_empty() => Ok(store),
        Ok(_) => Err("the store is not empty, and a history begins with nothing: name a new one".to_owned()),
        Err(error) => Err(stores::whole(error.as_ref())),
    }
}

/// Answers line by line; whether every line was answered as it wanted. Which were not is said beside the answers.
fn play(mut engine: Engine, mut lines: impl BufRead) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let mut line = Vec::new();
    let mut met = true;
    while lines.read_until(b'\n', &mut line)? > 0 {
        // A line that is not UTF-8 is not JSON either: it is answered as a bad one, and the run goes on.
        // So that two names do not become one by their broken bytes, such a line is not repaired.
        let text = std::str::from_utf8(&line).unwrap_or("not UTF-8");
        if let Some(answer) = engine.line(text.trim_end()) {
            if let Some(unmet) = answer["unmet"].as_str() {
                met = false;
                eprintln!("line {}: {unmet}", answer["line"]);
            }
            match writeln!(out, "{answer}") {
                // Whoever reads the answers has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(met),
                written => written?,
            }
        }
        line.clear();
    }
    out.flush()?;
    Ok(met)
}
