//! Checks that need more than a cargo command. Run by `make api` and `make rust-version`.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod api;
mod rust_version;

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Why a check failed, in words for whoever changed the code.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["api"] => api::check(),
        ["api", "--renew"] => api::renew(),
        ["rust-version"] => rust_version::check(),
        _ => Err("say `api`, `api --renew` or `rust-version`".into()),
    };
    match outcome {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The repository, whatever the working directory is.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What cargo prints, run on the library's package.
fn cargo(arguments: &[&str], environment: &[(&str, PathBuf)]) -> Result<Vec<u8>, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root()).args(arguments).envs(environment.iter().cloned());
    let output = command.stderr(Stdio::inherit()).output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("cargo {}: failed", arguments.join(" ")).into())
    }
}
