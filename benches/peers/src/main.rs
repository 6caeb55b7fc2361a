//! dashshare's policies beside other engines.

mod allocated;
mod oracle;
mod race;
mod random;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocated::Counting = allocated::Counting;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("oracle") => oracle::run(),
        Some("race") => {
            race::run();
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("say `oracle` or `race`");
            ExitCode::FAILURE
        }
    }
}
