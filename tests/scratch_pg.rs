mod postgres_ledger;
mod support {
    #[allow(dead_code)]
    pub(crate) mod cluster;
    pub(crate) mod runtime;
    #[allow(dead_code)]
    pub(crate) mod server;
}
use libtest_mimic::{Arguments, Failed, Trial};
use std::{fmt::Display, process::ExitCode};
#[derive(Clone, Copy)]
struct File(&'static str);
impl File {
    fn trial<R>(self, name: impl Display, run: R) -> Trial
    where
        R: FnOnce() -> Result<(), Failed> + Send + 'static,
    {
        Trial::test(format!("{}::{name}", self.0), run)
    }
}
fn main() -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), postgres_ledger::trials(File("pg"))).exit_code()
}
