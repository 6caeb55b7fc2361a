//! What goes wrong around the server means denial for whoever is asking, in words that say what to do, and passes when
//! it is mended (D6).

use super::{
    storm::stop,
    subject::{BOARD, OWNER, told},
};
use crate::support::{
    cluster::{Cluster, Installation},
    runtime::block_on,
};
use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Decision, Error, Expiry, MemoryDirectory, NewShare,
    PostgresStore, SystemEnv, TenantId, Terms,
};
use libtest_mimic::Failed;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{error::Error as _, time::Duration};

const ANN: u64 = 2;

/// Two who are let in as long as nothing is wrong: Ann by a grant, and a visitor by the link.
struct Askers {
    sharing: Dashshare<PostgresStore, MemoryDirectory, SystemEnv>,
    token: String,
}

impl Askers {
    fn new(pool: PgPool) -> Result<Self, String> {
        let directory = MemoryDirectory::default();
        let (owner, ann, board) = (AccountId::from(OWNER), AccountId::from(ANN), DashboardId::from(BOARD));
        directory.add_account(owner);
        directory.add_account(ann);
        let sharing = Dashshare::new(PostgresStore::new(pool), directory, SystemEnv);
        let token = block_on(async {
            sharing.store().migrate().await.map_err(|error| told(&error))?;
            let made = async {
                sharing.register(board, TenantId::from(1u64), owner).await?;
                sharing.share(owner, board, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
                sharing.rotate_link(owner, board, Expiry::Never).await
            };
            Ok::<_, String>(made.await.map_err(|error| told(&error))?.token.expose().to_owned())
        })?;
        Ok(Self { sharing, token })
    }

    fn ask(&self) -> [Result<Decision, Error>; 2] {
        let ask = self.sharing.authorize(ANN.into(), BOARD.into(), Action::View);
        [block_on(ask), block_on(self.sharing.visit(&self.token))]
    }

    fn are_let_in(&self) -> Result<(), String> {
        for decision in self.ask() {
            let decision = decision.map_err(|error| told(&error))?;
            if !decision.is_allowed() {
                return Err(format!("denied although nothing is wrong: {decision:?}"));
            }
        }
        Ok(())
    }

    /// Both are answered with an error of the store that says these words and has a cause of its own.
    fn are_turned_away(&self, by: &str, words: &str) -> Result<(), String> {
        for decision in self.ask() {
            let error = match decision {
                Ok(decision) => return Err(format!("{by}: no error but {decision:?}")),
                Err(error) => error,
            };
            let said = told(&error);
            let has_cause = error.source().is_some_and(|store| store.source().is_some());
            if !matches!(error, Error::Store(_)) || !said.contains(words) || !has_cause {
                return Err(format!("{by}: {said}"));
            }
        }
        println!("turned away by {by}");
        Ok(())
    }
}

const AWAY: &str = "the database cannot be reached, or went away";

pub(crate) fn turned_away(installation: &Installation) -> Result<(), Failed> {
    let cluster = Cluster::start(installation)?;
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .username("postgres")
        .database("postgres");
    let pool = |options: PgConnectOptions| {
        let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_millis(500));
        // The runtime has to be there when a pool is made.
        block_on(async { pool.connect_lazy_with(options) })
    };
    let own = pool(options.clone());
    let askers = Askers::new(own.clone())?;
    askers.are_let_in()?;

    let held = block_on(async { [own.acquire().await, own.acquire().await] });
    askers.are_turned_away("an exhausted pool", "raise the pool's `max_connections`")?;
    block_on(async { drop(held) });
    askers.are_let_in()?;

    for mode in ["fast", "immediate"] {
        stop(&cluster, mode)?;
        askers.are_turned_away("a server that was stopped", AWAY)?;
        cluster.start_server()?;
        askers.are_let_in()?;
    }

    let mut psql = cluster.psql().map_err(|error| error.to_string())?;
    let mut run = |batch: &str| psql.send(batch).map(drop).map_err(|error| error.to_string());
    for (table, words) in [("dashshare_grant", "call `migrate()`"), ("dashshare_head", "call `migrate()`")] {
        run(&format!("ALTER TABLE {table} RENAME TO moved;"))?;
        askers.are_turned_away("a table that is missing", words)?;
        run(&format!("ALTER TABLE moved RENAME TO {table};"))?;
        askers.are_let_in()?;
    }

    // The same askers, elsewhere.
    let elsewhere = |by: &str, options: PgConnectOptions, words: &str| {
        let store = PostgresStore::new(pool(options));
        let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
        Askers { sharing, token: askers.token.clone() }.are_turned_away(by, words)
    };
    elsewhere("a socket that is not there", options.clone().socket("/nowhere"), AWAY)?;
    elsewhere(
        "another database",
        options.clone().database("nothing"),
        "check user, password, database name",
    )?;
    elsewhere(
        "a schema without tables",
        options.clone().options([("search_path", "none")]),
        "call `migrate()`",
    )?;

    drop(psql);
    block_on(own.close());
    drop(cluster);
    Ok(())
}

/// S1: the server answers with the rows of a commit before it commits. Here the commit itself fails.
pub(crate) fn fails_late(installation: &Installation) -> Result<(), Failed> {
    let cluster = Cluster::start(installation)?;
    let options = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .username("postgres")
        .database("postgres");
    let pool = block_on(PgPoolOptions::new().max_connections(2).connect_with(options))?;
    let askers = Askers::new(pool.clone())?;
    let mut psql = cluster.psql()?;
    let made = psql.send(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN RAISE EXCEPTION 'refused when it commits'; END $$; \
        CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON dashshare_head DEFERRABLE INITIALLY DEFERRED \
        FOR EACH ROW EXECUTE FUNCTION refuse();",
    )?;
    if !made.complaints.is_empty() {
        return Err(made.complaints.join("\n").into());
    }
    let (owner, board) = (AccountId::from(OWNER), DashboardId::from(BOARD));
    match block_on(askers.sharing.pause_link(owner, board)) {
        Err(Error::Store(error)) if told(&*error).contains("refused when it commits") => {}
        other => return Err(format!("a pause that was never committed: {other:?}").into()),
    }
    match block_on(askers.sharing.rotate_link(owner, board, Expiry::Never)) {
        Err(Error::Store(_)) => {}
        other => return Err(format!("a rotation that was never committed: {other:?}").into()),
    }
    askers.are_let_in()?;
    drop(psql);
    block_on(pool.close());
    drop(cluster);
    Ok(())
}
