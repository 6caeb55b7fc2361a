//! Policies on the command line: decides requests by a file of policies and says why, checks the file, lists what a
//! principal may do, and compares two files.
//!
//! `cargo run --example policies -- --help`. The commands and their answers are documented in `examples/policies.md`.

mod arguments;
mod check;
mod input;
mod lines;
mod reason;
mod reports;

use arguments::Arguments;
use serde::Serialize;
use std::{
    io::{self, BufWriter, StdoutLock, Write as _},
    process::ExitCode,
};

const USAGE: &str = "\
usage:
  policies check --policies FILE [--explain] [--strict] [--count FILE] < REQUESTS
  policies lint FILE [--anonymous PRINCIPAL]
  policies audit FILE --principal PRINCIPAL --resources FILE [--uses FILE]
  policies diff OLD NEW --principals FILE --resources FILE

  check   answers requests, one JSON object a line on standard input
          --explain  with the rules that were considered, and what would change a denial
          --strict   only if every rule of the policies can match
          --count    writes how often each rule has decided, for --uses
  lint    finds rules that can never match, and what looks like a slip
          --anonymous  the tenant's anonymous user, to find what visitors are let at
  audit   lists what a principal may do, and by which rules
          --uses       finds rules that decided nothing, by counts of `check --count`
  diff    lists what the policies of NEW open and close beside those of OLD

  A FILE of policies is an array of documents; principals and resources are arrays too.
  PRINCIPAL is a JSON object, or @ and the name of a file that holds one.
  All answers are JSON lines. examples/policies.md has them, and the exit codes.
";

/// Why a command could not be carried out.
enum Trouble {
    /// The command line is wrong.
    Usage(String),
    /// Something cannot be read, or is not what it should be; or a file cannot be written.
    File(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

type Out = BufWriter<StdoutLock<'static>>;

/// Answers with a line.
fn say(out: &mut Out, line: &impl Serialize) -> Result<(), Trouble> {
    serde_json::to_writer(&mut *out, line).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// Tells people something beside the answers. It is no matter if nobody listens.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = run(&mut Arguments::of_process(), &mut out);
    match done.and_then(|code| Ok(out.flush().map(|()| code)?)) {
        Ok(code) => code,
        // Whoever reads the answers has seen enough.
        Err(Trouble::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(trouble) => {
            match trouble {
                Trouble::Usage(problem) => tell(&format!("{problem}\n\n{}", USAGE.trim_end())),
                Trouble::File(problem) => tell(&problem),
                Trouble::Output(error) => tell(&format!("cannot write the answers: {error}")),
            }
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &mut Arguments, out: &mut Out) -> Result<ExitCode, Trouble> {
    if arguments.flag("--help") || arguments.flag("-h") {
        out.write_all(USAGE.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let command = arguments.next("a command")?;
    match command.to_str() {
        Some("check") => check::run(arguments, out),
        Some("lint") => reports::lint(arguments, out),
        Some("audit") => reports::audit(arguments, out),
        Some("diff") => reports::diff(arguments, out),
        _ => Err(Trouble::Usage(format!("there is no command `{}`", command.display()))),
    }
}
