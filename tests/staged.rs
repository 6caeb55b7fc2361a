//! The tests that need a server, the shared corpus or processes of their own. Each file gives a list of trials, whose
//! names begin with the file's: `cargo test --test staged postgres_oracle::` runs one file. A trial whose stage is not
//! there is reported as ignored, by name, or fails if `DASHSHARE_REQUIRE_POSTGRES`, `DASHSHARE_REQUIRE_SHARED` or
//! `DASHSHARE_REQUIRE_POWER_CUTS` is set.

mod corpus_templates;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[expect(dead_code, unused_imports, reason = "shared with another binary")]
mod model;
mod outbox_workers;
#[cfg(all(feature = "postgres", feature = "conformance"))]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_faults;
#[cfg(all(feature = "postgres", feature = "conformance"))]
mod postgres_ledger;
mod postgres_oracle;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod scenario_stores;
mod shared_cases;
mod shared_faults;
#[cfg(feature = "sqlite")]
mod sqlite_crash;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod stores;
mod template_faults;
mod template_peers;

/// What several files need.
mod support {
    pub(crate) mod cluster;
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    #[expect(dead_code, reason = "shared with another binary")]
    pub(crate) mod faulty;
    #[cfg(feature = "sqlite")]
    pub(crate) mod files;
    #[cfg(all(feature = "postgres", feature = "conformance"))]
    pub(crate) mod operations;
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub(crate) mod plans;
    pub(crate) mod runtime;
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub(crate) mod scene;
    #[cfg(any(
        all(feature = "sqlite", feature = "postgres"),
        all(feature = "postgres", feature = "conformance")
    ))]
    pub(crate) mod server;
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    pub(crate) mod storm;
    #[expect(dead_code, reason = "shared with another binary")]
    pub(crate) mod table;
}

use libtest_mimic::{Arguments, Failed, Trial};
use std::{fmt::Display, process::ExitCode};

/// The file that a trial stands in.
#[derive(Clone, Copy)]
struct File(&'static str);

impl File {
    fn name(self, name: impl Display) -> String {
        format!("{}::{name}", self.0)
    }

    fn trial<R>(self, name: impl Display, run: R) -> Trial
    where
        R: FnOnce() -> Result<(), Failed> + Send + 'static,
    {
        Trial::test(self.name(name), run)
    }
}

/// The trials of a file. What they share goes with the last of them, a server too.
type Trials = fn(File) -> Vec<Trial>;

/// Those that take longest come first, so that none of them is left alone at the end.
const FILES: &[(&str, Trials)] = &[
    #[cfg(feature = "postgres")]
    ("postgres_faults", postgres_faults::trials),
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    ("stores", stores::trials),
    ("postgres_oracle", postgres_oracle::trials),
    #[cfg(feature = "sqlite")]
    ("sqlite_crash", sqlite_crash::trials),
    ("outbox_workers", outbox_workers::trials),
    ("corpus_templates", corpus_templates::trials),
    #[cfg(all(feature = "postgres", feature = "conformance"))]
    ("postgres", postgres::trials),
    #[cfg(all(feature = "postgres", feature = "conformance"))]
    ("postgres_ledger", postgres_ledger::trials),
    #[cfg(all(feature = "sqlite", feature = "postgres"))]
    ("scenario_stores", scenario_stores::trials),
    ("template_peers", template_peers::trials),
    ("template_faults", template_faults::trials),
    ("shared_cases", shared_cases::trials),
    ("shared_faults", shared_faults::trials),
];

fn main() -> ExitCode {
    #[cfg(feature = "sqlite")]
    if sqlite_crash::is_child() {
        return ExitCode::SUCCESS;
    }
    let trials = FILES.iter().flat_map(|(file, trials)| trials(File(file))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
