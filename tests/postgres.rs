//! The store for PostgreSQL: the suite that every store passes, at each level of isolation, and what is its own:
//! migration, the host's transaction, plans that go by an index, and errors that say what to do.
//!
//! A server of its own is started for the run. Where no PostgreSQL is installed every trial is reported as ignored, or
//! fails if `DASHSHARE_REQUIRE_POSTGRES` is set.

mod errors;
mod migration;
mod plans;
mod transaction;

use crate::File;
use crate::support::runtime::block_on;
use crate::support::server::{LEVELS, Server};
use dashshare::{
    SystemEnv,
    conformance::{PROMISES, check},
    store::{CachedStore, DynStore},
};
use libtest_mimic::Trial;
use std::{num::NonZeroUsize, sync::Arc, time::Duration};

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let server = Arc::new(Server::new());
    let ignored = server.is_missing();
    let mut trials = Vec::new();
    for level in LEVELS {
        for promise in PROMISES {
            let server = Arc::clone(&server);
            let name = format!("{}::{promise}", level.replace(' ', "_"));
            trials.push(file.trial(name, move || {
                let store = block_on(server.migrated(level));
                let pool = store.pool().clone();
                check(promise, store, |turn| block_on(turn));
                block_on(pool.close());
                Ok(())
            }));
        }
    }
    for promise in PROMISES {
        let of_server = Arc::clone(&server);
        trials.push(file.trial(format!("dynamic::{promise}"), move || {
            let store = block_on(of_server.migrated(LEVELS[0]));
            let pool = store.pool().clone();
            let store: Arc<dyn DynStore> = Arc::new(store);
            check(promise, store, |turn| block_on(turn));
            block_on(pool.close());
            Ok(())
        }));
        let of_server = Arc::clone(&server);
        trials.push(file.trial(format!("cached::{promise}"), move || {
            let store = block_on(of_server.migrated(LEVELS[0]));
            let pool = store.pool().clone();
            let (hour, room) = (Duration::from_secs(3600), NonZeroUsize::MIN);
            let store = CachedStore::new(store, SystemEnv, hour, room);
            check(promise, store, |turn| block_on(turn));
            block_on(pool.close());
            Ok(())
        }));
    }
    for (name, run) in [errors::TRIALS, migration::TRIALS, plans::TRIALS, transaction::TRIALS].concat() {
        let server = Arc::clone(&server);
        trials.push(file.trial(name, move || {
            run(&server);
            Ok(())
        }));
    }
    trials.into_iter().map(|trial| trial.with_ignored_flag(ignored)).collect()
}

/// A trial that is not of the suite: its name, and what it does.
type Case = (&'static str, fn(&Server));

macro_rules! cases {
    ($($name:ident)*) => {
        pub(crate) const TRIALS: &[super::Case] = &[$((stringify!($name), $name)),*];
    };
}
use cases;
