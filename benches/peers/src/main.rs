//! dashshare's policies beside other engines: Cedar, Casbin, Rego (regorus), and a floor written by hand.
//!
//! A package of its own, so that nobody who builds or tests dashshare builds the engines.
//!
//! # `cargo run --release --manifest-path benches/peers/Cargo.toml -- oracle`
//!
//! Random policy documents are translated to Cedar from their JSON, and random requests are decided by both. The decision
//! must be the same, and so must the rule that is named for it: Cedar lists all that decided, and dashshare names the
//! first of those by policy id and place. All forms of targets and resources take part, and shapes that can never match,
//! inactive policies, keys with several values, policies for both kinds of principals, sets that were changed step by
//! step, and words that are hard to quote. At the end a fault is planted in the translation, one of fifteen at a time, and
//! each must be found out. A divergence is printed, and the exit code is 1.
//!
//! It shows that a second reading of the rules P2 to P7, decided by an engine that is tested against a proven model, agrees. It does
//! not show that the reading is right about TagoIO's product, as both were written by this project, with one catalogue of
//! the product's actions; and it does not look at the lint, the explanations and the audits.
//!
//! # `cargo run --release --manifest-path benches/peers/Cargo.toml -- race`
//!
//! The same policies and requests are decided by everybody in turns, and printed are nanoseconds, the medians of the
//! rounds' own ratios, allocations, and `RATIO <name> <measured> <aim> met|missed`. That all decide alike is asserted
//! before. Every peer has its requests and entities prebuilt in its own form, which dashshare and the floor read as they
//! are, from text; each is there as its users have it and as quick as its interface allows, sharded or indexed by hand
//! where that helps.
//!
//! It shows the time of a decision, with caches that are warm for the quick ones. It does not show the time of loading
//! entities, of several threads, or what the peers have and dashshare has not: Cedar and Rego are languages, for
//! conditions that policies here cannot state. What the floor leaves out stands in its module.

#[cfg(feature = "race")]
mod allocated;
mod oracle;
#[cfg(feature = "race")]
mod race;
mod random;

use std::process::ExitCode;

#[cfg(feature = "race")]
#[global_allocator]
static ALLOCATOR: allocated::Counting = allocated::Counting;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("oracle") => oracle::run(),
        #[cfg(feature = "race")]
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
