//! The one list of what a store is asked, and `delegate_store!`, which writes wrappers from it.
//!
//! A signature stands twice in this crate: with its promises in [`Store`](super::store::Store), and here. The handles,
//! the trait objects, the cache, the SQL stores and every wrapper of the tests are made from the list here, and do not
//! compile when it lacks a method, since the trait has no defaults.

/// Calls a macro with a method: `$then! { $with name boxed_name(argument: [&] Type, …) -> Answer, Error }`.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_method {
    ($then:path, $with:tt, commit) => {
        $then! { $with commit boxed_commit(commit: [&] $crate::__named::Commit)
        -> $crate::__named::Receipt, $crate::__named::CommitError }
    };
    ($then:path, $with:tt, receipt) => {
        $then! { $with receipt boxed_receipt(
            dashboard: [] $crate::__named::DashboardId,
            key: [] $crate::__named::CommitKey
        ) -> Option<$crate::__named::Receipt>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, read) => {
        $then! { $with read boxed_read(
            dashboard: [] $crate::__named::DashboardId,
            seeds: [&] [$crate::__named::Seed],
            freshness: [] $crate::__named::Freshness
        ) -> Option<$crate::__named::Snapshot>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, read_many) => {
        $then! { $with read_many boxed_read_many(
            dashboards: [&] [$crate::__named::DashboardId],
            holder: [&] $crate::__named::Holder,
            freshness: [] $crate::__named::Freshness
        ) -> Vec<$crate::__named::Snapshot>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, read_link) => {
        $then! { $with read_link boxed_read_link(digest: [&] $crate::__named::LinkDigest)
        -> Option<$crate::__named::Snapshot>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, grants) => {
        $then! { $with grants boxed_grants(
            dashboard: [] $crate::__named::DashboardId,
            from: [] u64,
            limit: [] usize
        ) -> Vec<$crate::__named::Arc<$crate::__named::Grant>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, grants_below) => {
        $then! { $with grants_below boxed_grants_below(
            dashboard: [] $crate::__named::DashboardId,
            above: [] $crate::__named::GrantId,
            from: [] u64,
            limit: [] usize
        ) -> Vec<$crate::__named::Arc<$crate::__named::Grant>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, held) => {
        $then! { $with held boxed_held(
            holder: [&] $crate::__named::Holder,
            after: [] Option<($crate::__named::DashboardId, u64)>,
            limit: [] usize
        ) -> Vec<$crate::__named::Snapshot>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, owned) => {
        $then! { $with owned boxed_owned(
            owner: [] $crate::__named::AccountId,
            after: [] Option<$crate::__named::DashboardId>,
            limit: [] usize
        ) -> Vec<$crate::__named::Arc<$crate::__named::Head>>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, audit) => {
        $then! { $with audit boxed_audit(
            dashboard: [] $crate::__named::DashboardId,
            after: [] $crate::__named::Revision,
            limit: [] usize
        ) -> Vec<$crate::__named::AuditRecord>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, audit_of) => {
        $then! { $with audit_of boxed_audit_of(
            actor: [] $crate::__named::Actor,
            after: [] Option<($crate::__named::DashboardId, $crate::__named::Revision)>,
            limit: [] usize
        ) -> Vec<$crate::__named::AuditRecord>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, outbox) => {
        $then! { $with outbox boxed_outbox(
            after: [] Option<$crate::__named::MessageId>,
            limit: [] usize
        ) -> Vec<$crate::__named::OutboxMessage>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, lease) => {
        $then! { $with lease boxed_lease(
            now: [] $crate::__named::Timestamp,
            until: [] $crate::__named::Timestamp,
            attempts: [] u32,
            limit: [] usize
        ) -> Vec<$crate::__named::OutboxMessage>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, acknowledge) => {
        $then! { $with acknowledge boxed_acknowledge(delivered: [&] [$crate::__named::MessageId])
        -> (), $crate::__named::BoxError }
    };
    ($then:path, $with:tt, dead_letters) => {
        $then! { $with dead_letters boxed_dead_letters(
            now: [] $crate::__named::Timestamp,
            after: [] Option<$crate::__named::MessageId>,
            limit: [] usize
        ) -> Vec<$crate::__named::DeadLetter>, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, put_back) => {
        $then! { $with put_back boxed_put_back(messages: [&] [$crate::__named::MessageId])
        -> (), $crate::__named::BoxError }
    };
    ($then:path, $with:tt, sweep) => {
        $then! { $with sweep boxed_sweep(
            before: [] $crate::__named::Timestamp,
            limit: [] usize
        ) -> usize, $crate::__named::BoxError }
    };
    ($then:path, $with:tt, $other:ident) => {
        ::std::compile_error!(concat!("a `Store` has no method `", stringify!($other), "`"));
    };
}

/// Calls a macro with some methods, or with all, one after the other.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_methods {
    ($then:path, $with:tt, ALL) => {
        $crate::__store_methods! { $then, $with, commit, receipt, read, read_many, read_link, grants,
            grants_below, held, owned, audit, audit_of, outbox, lease, acknowledge, dead_letters, put_back, sweep }
    };
    ($then:path, $with:tt, $($method:ident),+) => {
        $($crate::__store_method! { $then, $with, $method })+
    };
}

/// Writes the methods of a [`Store`](crate::store::Store) that wraps another one: for a host's metrics, retries and logs.
///
/// It stands inside `impl Store for …`, and says what wraps what, and which methods: `ALL`, or some by their names beside
/// others that are written out. A method that is in neither is missing, which the compiler says.
///
/// ```text
/// delegate_store!(self.store => receipt, read, held);                          passes these on
/// delegate_store!(self.store => ALL, |name, call| self.timed(name, call));     takes each through one function
/// ```
///
/// What wraps what is `self` with fields, or methods without waiting, behind it (`self.store`, `self.0`,
/// `self.primary()`), or `**self` for a pointer. It has to be a `Store`, or a reference to one.
///
/// In the second form, `name` is the method's name, a `&'static str`, and `call` is a closure that makes the call anew
/// each time, so that it can be made again. The expression is a future of the method's answer. Its function is generic
/// over answers and errors: a commit fails with a [`CommitError`](crate::store::CommitError), everything else with a
/// [`BoxError`](crate::BoxError).
///
/// # Examples
/// How often each method was called, and how long it took:
///
/// ```
/// use dashshare::{delegate_store, store::Store, Dashshare, MemoryDirectory, MemoryStore, SystemEnv};
/// use std::{collections::BTreeMap, sync::Mutex, time::{Duration, Instant}};
///
/// struct Measured<S> {
///     store: S,
///     calls: Mutex<BTreeMap<&'static str, (u64, Duration)>>,
/// }
///
/// impl<S> Measured<S> {
///     async fn timed<T, E, F>(&self, name: &'static str, call: impl Fn() -> F + Send) -> Result<T, E>
///     where
///         F: Future<Output = Result<T, E>> + Send,
///     {
///         let start = Instant::now();
///         let answer = call().await;
///         let mut calls = self.calls.lock().unwrap();
///         let (count, took) = calls.entry(name).or_default();
///         *count += 1;
///         *took += start.elapsed();
///         answer
///     }
/// }
///
/// impl<S: Store> Store for Measured<S> {
///     delegate_store!(self.store => ALL, |name, call| self.timed(name, call));
/// }
///
/// let store = Measured { store: MemoryStore::default(), calls: Mutex::default() };
/// let sharing = Dashshare::new(store, MemoryDirectory::default(), SystemEnv);
/// # pollster::block_on(async {
/// sharing.register(7u64.into(), 1u64.into(), 1u64.into()).await?;
/// assert_eq!(sharing.store().calls.lock().unwrap()["commit"].0, 1);
/// # Ok::<(), dashshare::Error>(()) }).unwrap();
/// ```
///
/// A read that fails is sent again; a commit is not, since the service settles what became of it:
///
/// ```
/// use dashshare::{delegate_store, store::{Commit, CommitError, Receipt, Store}, BoxError};
///
/// struct Patient<S>(S);
///
/// impl<S> Patient<S> {
///     async fn again<T, F>(&self, call: impl Fn() -> F + Send) -> Result<T, BoxError>
///     where
///         F: Future<Output = Result<T, BoxError>> + Send,
///     {
///         for _ in 0..2 {
///             if let Ok(answer) = call().await {
///                 return Ok(answer);
///             }
///         }
///         call().await
///     }
/// }
///
/// impl<S: Store> Store for Patient<S> {
///     delegate_store!(self.0 => commit, lease, acknowledge, put_back, sweep);
///     delegate_store!(self.0 => receipt, read, read_many, read_link, grants, grants_below, held, owned, audit, audit_of,
///         outbox, dead_letters, |_, call| self.again(call));
/// }
/// ```
///
/// A wrapper that is to work inside a transaction of the host's as well
/// ([`within`](crate::Dashshare::within)) leads there, past itself:
///
/// ```
/// # use dashshare::{delegate_store, store::Store};
/// use dashshare::store::Transactional;
///
/// # struct Patient<S>(S);
/// # impl<S: Store> Store for Patient<S> { delegate_store!(self.0 => ALL); }
/// impl<S: Transactional> Transactional for Patient<S> {
///     type Transaction<'c> = S::Transaction<'c>;
///     type Open<'t> = S::Open<'t>;
///
///     fn within<'t>(&self, transaction: &'t mut S::Transaction<'_>) -> S::Open<'t> {
///         self.0.within(transaction)
///     }
/// }
/// ```
///
/// What is left out does not compile:
///
/// ```compile_fail,E0046
/// # use dashshare::{delegate_store, store::Store};
/// struct Wrapped<S>(S);
///
/// impl<S: Store> Store for Wrapped<S> {
///     delegate_store!(self.0 => commit, receipt);
/// }
/// ```
#[macro_export]
macro_rules! delegate_store {
    (** $this:ident => $($what:tt)+) => {
        $crate::__delegate! { $crate::__store_methods, ($crate::__named::Store, $this (**$this)) $($what)+ }
    };
    ($this:ident $(. $field:tt $(($($given:tt)*))?)+ => $($what:tt)+) => {
        $crate::__delegate! {
            $crate::__store_methods,
            ($crate::__named::Store, $this ($this $(. $field $(($($given)*))?)+)) $($what)+
        }
    };
}
