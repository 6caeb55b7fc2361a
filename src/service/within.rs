//! The service inside a transaction that the host has open.

use super::dashshare::Dashshare;
use crate::host::{Directory, Env, Transactional};

/// # Inside a transaction of the host's
impl<S: Transactional, D: Directory, E: Env> Dashshare<S, D, E> {
    /// The same service inside a transaction of the host's: what is done through it lands together with the host's own
    /// changes when the host commits, or not at all.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")] mod example {
    /// use dashshare::{AccountId, DashboardId, Dashshare, Directory, Env, Expiry, NewShare, SqliteStore, Terms};
    ///
    /// async fn hire(
    ///     sharing: &Dashshare<SqliteStore, impl Directory, impl Env>,
    ///     (olga, ann): (AccountId, AccountId),
    ///     dashboard: DashboardId,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut transaction = sharing.store().pool().begin_with("BEGIN IMMEDIATE").await?;
    ///     sqlx::query("UPDATE staff SET hired = TRUE WHERE name = 'Ann'").execute(&mut *transaction).await?;
    ///     let inside = sharing.within(&mut transaction);
    ///     inside.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    ///     transaction.commit().await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// `SqliteStore::within` and `PostgresStore::within` say what holds inside a transaction: when to roll it back, and
    /// what others wait for. A [`CachedStore`](crate::store::CachedStore) does not learn of what is done here; a question
    /// [`at_least`](Self::at_least) the revision of the change shows it.
    ///
    /// The directory is asked as always, outside of the transaction: it does not see what the host
    /// has changed there. [`within_with`](Self::within_with) is for one that does.
    pub fn within<'t>(&self, transaction: &'t mut S::Transaction<'_>) -> Dashshare<S::Open<'t>, &D, &E> {
        let store = self.store().within(transaction);
        let limits = self.limits.clone();
        Dashshare { store, directory: self.directory(), env: self.env(), skew: self.skew, limits }
    }

    /// The same service inside a transaction of the host's, with a directory that reads there too: an account that the
    /// host made a moment ago can be shared with before anybody else sees it.
    ///
    /// `directory` is given a handle on the transaction; its `connection().await` lends the connection for as long as
    /// nobody else needs it. The service asks its directory only while the store has no use of the connection, so a
    /// directory that gives the connection back before it answers waits for nobody. Never hold it while calling the
    /// service in the same task: that would wait for itself.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")] mod example {
    /// use dashshare::{
    ///     delegate_directory, directory::{Account, Attestor}, store::SqliteStoreTransaction, AccountId, BoxError,
    ///     DashboardId, Dashshare, Directory, Env, Expiry, NewShare, SqliteStore, Terms,
    /// };
    ///
    /// struct Inside<'t, D> {
    ///     open: SqliteStoreTransaction<'t>,
    ///     rest: D,
    /// }
    ///
    /// impl<D: Directory> Directory for Inside<'_, D> {
    ///     async fn account(&self, id: AccountId, _: &Attestor) -> Result<Option<Account>, BoxError> {
    ///         let found = sqlx::query("SELECT 1 FROM accounts WHERE id = $1").bind(id.to_uuid());
    ///         let found = found.fetch_optional(&mut *self.open.connection().await).await?;
    ///         Ok(found.map(|_| Account { id, verified: Vec::new() }))
    ///     }
    ///
    ///     delegate_directory!(self.rest => account_of, tenant, principal, dashboard, device, devices, variables, blueprint, candidates);
    /// }
    ///
    /// async fn hire(
    ///     sharing: &Dashshare<SqliteStore, impl Directory, impl Env>,
    ///     (olga, ann): (AccountId, AccountId),
    ///     dashboard: DashboardId,
    /// ) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut transaction = sharing.store().pool().begin_with("BEGIN IMMEDIATE").await?;
    ///     let made = sqlx::query("INSERT INTO accounts (id) VALUES ($1)").bind(ann.to_uuid());
    ///     made.execute(&mut *transaction).await?;
    ///     let rest = sharing.directory();
    ///     let inside = sharing.within_with(&mut transaction, |open| Inside { open, rest });
    ///     inside.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never))).await?;
    ///     transaction.commit().await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn within_with<'t, I: Directory>(
        &self,
        transaction: &'t mut S::Transaction<'_>,
        directory: impl FnOnce(S::Open<'t>) -> I,
    ) -> Dashshare<S::Open<'t>, I, &E> {
        let open = self.store().within(transaction);
        let limits = self.limits.clone();
        Dashshare {
            store: open.clone(),
            directory: directory(open),
            env: self.env(),
            skew: self.skew,
            limits,
        }
    }
}
