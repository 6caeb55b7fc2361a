//! A host with a database of its own: one pool for its own tables and for the library's, and one transaction in which a
//! change of the host's and a share land together, or not at all.
//!
//! `cargo run --features sqlite --example own_pool`. With PostgreSQL it is the same: `PostgresStore::new(pool)`, and
//! `PostgresTransaction` is what a directory reads in.

#[path = "scenario/runtime.rs"]
mod runtime;

use dashshare::{
    AccountId, Action, BoxError, DashboardId, Dashshare, Directory, Env as _, Expiry, MemoryDirectory,
    NewShare, Refusal, SqliteStore, SystemEnv, TenantId, Terms, delegate_directory,
    directory::{Account, Attestor},
    store::SqliteStoreTransaction,
    trail::Message,
};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use std::{
    error::Error,
    path::{Path, PathBuf},
};

const OLGA: AccountId = AccountId::from_bytes([1; 16]);
const ANN: AccountId = AccountId::from_bytes([2; 16]);
const BEN: AccountId = AccountId::from_bytes([3; 16]);
const CEM: AccountId = AccountId::from_bytes([4; 16]);
const TENANT: TenantId = TenantId::from_bytes([7; 16]);
const COLD_ROOM: DashboardId = DashboardId::from_bytes([9; 16]);

/// What the host has: its pool, and the library on it.
struct Host {
    pool: SqlitePool,
    sharing: Dashshare<SqliteStore, MemoryDirectory, SystemEnv>,
}

/// The host's directory while a transaction is open: it finds who was put in charge there, before anybody else can.
struct Inside<'t> {
    open: SqliteStoreTransaction<'t>,
    usual: &'t MemoryDirectory,
}

impl Directory for Inside<'_> {
    async fn account(&self, id: AccountId, attestor: &Attestor) -> Result<Option<Account>, BoxError> {
        let found = sqlx::query("SELECT 1 FROM staff WHERE account = $1").bind(id.to_uuid());
        match found.fetch_optional(&mut *self.open.connection().await).await? {
            Some(_) => Ok(Some(Account { id, verified: Vec::new() })),
            None => self.usual.account(id, attestor).await,
        }
    }

    delegate_directory!(self.usual => account_of, tenant, principal, dashboard, device, variables, devices, blueprint, candidates);
}

impl Host {
    /// One pool for everything. The settings are the store's; the host's own tables have their own migrations.
    async fn open(path: &Path) -> Result<Self, Box<dyn Error>> {
        let pool = SqlitePoolOptions::new().max_connections(4);
        let pool = pool.connect_with(SqliteStore::options(path)).await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS staff (account BLOB PRIMARY KEY, room TEXT NOT NULL) STRICT")
            .execute(&pool)
            .await?;
        let store = SqliteStore::new(pool.clone());
        store.migrate().await?;
        let directory = MemoryDirectory::default();
        [OLGA, ANN, BEN].into_iter().for_each(|account| directory.add_account(account));
        Ok(Self { pool, sharing: Dashshare::new(store, directory, SystemEnv) })
    }

    /// Puts somebody in charge of a room and shares its dashboard, both or neither.
    async fn put_in_charge(&self, who: AccountId, room: &str, terms: Terms) -> Result<(), Box<dyn Error>> {
        // IMMEDIATE, since it will write: a transaction that begins as a reader may be too late for that.
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO staff (account, room) VALUES ($1, $2)")
            .bind(who.to_uuid())
            .bind(room)
            .execute(&mut *transaction)
            .await?;
        let inside = self.sharing.within(&mut transaction);
        // Refused, it ends here, and what the host wrote is rolled back with the transaction.
        inside.share(OLGA, COLD_ROOM, NewShare::with(who, terms)).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The same for somebody new, whose account is made in the same transaction: only a directory that reads in it can
    /// know the account already.
    async fn hire(&self, who: AccountId, room: &str, terms: Terms) -> Result<(), Box<dyn Error>> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("INSERT INTO staff (account, room) VALUES ($1, $2)")
            .bind(who.to_uuid())
            .bind(room)
            .execute(&mut *transaction)
            .await?;
        let usual = self.sharing.directory();
        let inside = self.sharing.within_with(&mut transaction, |open| Inside { open, usual });
        inside.share(OLGA, COLD_ROOM, NewShare::with(who, terms)).await?;
        transaction.commit().await?;
        // From here on everybody may know it.
        usual.add_account(who);
        Ok(())
    }

    async fn staff(&self) -> Result<i64, Box<dyn Error>> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM staff").fetch_one(&self.pool).await?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    runtime::block_on(story())
}

async fn story() -> Result<(), Box<dyn Error>> {
    let folder = Folder::new()?;
    let host = Host::open(&folder.0.join("host.db")).await?;
    let sharing = &host.sharing;
    sharing.register(COLD_ROOM, TENANT, OLGA).await?;

    let month = Expiry::At(SystemEnv.now().plus_days(30));
    host.put_in_charge(ANN, "cold room", Terms::view(month)).await?;
    let allowed = sharing.authorize(ANN, COLD_ROOM, Action::View).await?.is_allowed();
    println!(
        "Ann is in charge ({} in the host's table), and may see the dashboard: {allowed}",
        host.staff().await?
    );

    host.hire(CEM, "cold room", Terms::view(month)).await?;
    let allowed = sharing.authorize(CEM, COLD_ROOM, Action::View).await?.is_allowed();
    println!(
        "Cem was hired with the share ({} in the table), and may see it: {allowed}",
        host.staff().await?
    );

    // An end that is not in the future is refused.
    let now = Expiry::At(SystemEnv.now());
    let refused = host.put_in_charge(BEN, "cold room", Terms::view(now)).await;
    let refused = refused.err().and_then(|error| error.downcast::<dashshare::Error>().ok());
    let code = refused.as_ref().and_then(|error| error.refusal()).map(Refusal::code);
    let allowed = sharing.authorize(BEN, COLD_ROOM, Action::View).await?.is_allowed();
    println!(
        "Ben is refused ({code:?}): still {} in the table, and he may see it: {allowed}",
        host.staff().await?
    );

    // The message of Ann's share was written by the same commit. A worker of the host delivers it.
    for message in sharing.lease(std::time::Duration::from_secs(60), 10).await? {
        if let Message::Shared { to, .. } = &message.message {
            println!("to be mailed to account {}", if *to == ANN { "Ann" } else { "somebody else" });
        }
        sharing.acknowledge(&[message.id]).await?;
    }
    Ok(())
}

/// A folder that is gone when the example ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("dashshare-own-pool-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
