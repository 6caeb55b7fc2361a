//! The stores against each other: the same histories on memory, SQLite and PostgreSQL, with equal answers and equal
//! states, bare and behind the cache; and every call of every operation failing, being lost and conflicting on each.
//!
//! `DASHSHARE_STORE_HISTORIES` says how many histories each database plays (a soak is a larger number),
//! `DASHSHARE_SEED` plays one of them. A server of its own is started for the run. Where no PostgreSQL is installed its
//! trials are reported as ignored, or fail if `DASHSHARE_REQUIRE_POSTGRES` is set.

mod databases;
mod faults;
mod histories;
mod planted;
mod withdrawals;

use crate::File;
use crate::support::cluster::Installation;
use databases::{Database, Server};
use libtest_mimic::Trial;
use std::{env, sync::Arc};

pub(crate) fn trials(file: File) -> Vec<Trial> {
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
        file.trial(format!("postgres::{name}"), run).with_ignored_flag(ignored)
    };
    let on_sqlite = |name: &str, trial: fn(&Database)| {
        file.trial(format!("sqlite::{name}"), move || {
            let database = Database::sqlite();
            trial(&database);
            database.close();
            Ok(())
        })
    };
    vec![
        on_postgres("histories", |database| histories::agree("postgres", 200, Some(database))),
        on_postgres("faults", |database| faults::leave_nothing_half_done("postgres", database)),
        on_sqlite("faults", |database| faults::leave_nothing_half_done("sqlite", database)),
        on_postgres("withdrawals", withdrawals::win),
        on_sqlite("withdrawals", withdrawals::win),
        on_sqlite("histories", |database| histories::agree("sqlite", 400, Some(database))),
        file.trial("memory::histories", || {
            histories::agree("memory", 400, None);
            Ok(())
        }),
        file.trial("planted::histories", || {
            planted::each_is_found();
            Ok(())
        }),
        file.trial("planted::faults", || {
            faults::each_liar_is_found();
            Ok(())
        }),
    ]
}
