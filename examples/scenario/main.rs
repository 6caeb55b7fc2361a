//! Plays a history written as JSON lines and answers each line with one JSON line.
//!
//! `cargo run --example scenario -- FILE`, or with the lines on standard input. The language is documented in
//! `examples/scenario.md`.

mod engine;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let path = std::env::args().nth(1);
    let played = match path.as_deref() {
        None | Some("-") => play(io::stdin().lock()),
        Some(path) => File::open(path).and_then(|file| play(BufReader::new(file))),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the answers has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot read `{}`: {error}", path.as_deref().unwrap_or("standard input"));
            ExitCode::FAILURE
        }
    }
}

fn play(mut lines: impl BufRead) -> io::Result<()> {
    let mut engine = engine::Engine::new();
    let mut out = io::stdout().lock();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        // A line that is not UTF-8 is not JSON either: it is answered as a bad one, and the run goes on.
        // So that two names do not become one by their broken bytes, such a line is not repaired.
        let text = std::str::from_utf8(&line).unwrap_or("not UTF-8");
        writeln!(out, "{}", engine.line(text.trim_end()))?;
        line.clear();
    }
    out.flush()
}
