//! The stores against each other: the same histories on memory, SQLite and PostgreSQL, with equal answers and equal
//! states, bare and behind the cache; and every call of every operation failing, being lost and conflicting on each.
//!
//! `DASHSHARE_STORE_HISTORIES` says how many histories each database plays (a soak is a larger number),
//! `DASHSHARE_SEED` plays one of them. A server of its own is started for the run. Where no PostgreSQL is installed its
//! trials are reported as ignored, or fail if `DASHSHARE_REQUIRE_POSTGRES` is set.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "stores/databases.rs"]
mod databases;
#[path = "stores/faults.rs"]
mod faults;
#[path = "support/faulty.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod faulty;
#[path = "support/files.rs"]
mod files;
#[path = "stores/histories.rs"]
mod histories;
#[expect(dead_code, unused_imports, reason = "shared with another test")]
mod model;
#[path = "support/plans.rs"]
mod plans;
#[path = "stores/planted.rs"]
mod planted;
#[path = "support/runtime.rs"]
mod runtime;
#[path = "support/scene.rs"]
mod scene;

use cluster::Installation;
use databases::{Database, Server};
use libtest_mimic::{Arguments, Trial};
use std::{env, process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = Arc::new(Server::new(Installation::find()));
    let ignored = !server.is_installed() && env::var_os("DASHSHARE_REQUIRE_POSTGRES").is_none();
    let on_postgres = |name: &str, trial: fn(&Database)| {
        let server = Arc::clone(&server);
        let run = move || {
            let database = server.database();
            trial(&database);
            database.close();
            Ok(())
        };
        Trial::test(format!("postgres::{name}"), run).with_ignored_flag(ignored)
    };
    let on_sqlite = |name: &str, trial: fn(&Database)| {
        Trial::test(format!("sqlite::{name}"), move || {
            let database = Database::sqlite();
            trial(&database);
            database.close();
            Ok(())
        })
    };
    let trials = vec![
        on_postgres("histories", |database| histories::agree("postgres", 200, Some(database))),
        on_postgres("faults", |database| faults::leave_nothing_half_done("postgres", database)),
        on_sqlite("faults", |database| faults::leave_nothing_half_done("sqlite", database)),
        on_sqlite("histories", |database| histories::agree("sqlite", 400, Some(database))),
        Trial::test("memory::histories", || {
            histories::agree("memory", 400, None);
            Ok(())
        }),
        Trial::test("planted::histories", || {
            planted::each_is_found();
            Ok(())
        }),
        Trial::test("planted::faults", || {
            faults::each_liar_is_found();
            Ok(())
        }),
    ];
    if ignored && !arguments.list {
        println!("no PostgreSQL server was found on this machine, so its trials are ignored");
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    server.stop();
    conclusion.exit_code()
}
