//! The service that a host calls.

use crate::{
    host::{Directory, Env, RateLimits, Store},
    record::Revision,
    value::DashboardId,
};
use serde::Serialize;
use std::{fmt, ops::Deref, sync::Arc};

/// By how many microseconds clocks may differ unless the host says otherwise: five minutes.
const SKEW: i64 = 5 * 60 * 1_000_000;

/// Dashboard sharing over a host's store, directory and environment.
///
/// All methods are `async` and depend on no runtime: any executor runs them, and a synchronous host whose store never
/// waits can block on them (`examples/sync_host.rs`). Only `SqliteStore` and `PostgresStore` need tokio's. It is cheap to
/// keep one for the life of the process.
///
/// ```
/// use dashshare::{
///     AccountId, Action, Dashshare, DashboardId, Expiry, MemoryDirectory, MemoryStore, NewShare, SystemEnv, TenantId, Terms,
/// };
/// # pollster::block_on(async {
/// let directory = MemoryDirectory::default();
/// let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
/// directory.add_account(olga);
/// directory.add_account(ann);
/// let sharing = Dashshare::new(MemoryStore::default(), directory, SystemEnv);
///
/// let dashboard = DashboardId::from(7u64);
/// sharing.register(dashboard, TenantId::from(1u64), olga).await?;
/// let terms = Terms::view(Expiry::Never);
/// sharing.share(olga, dashboard, NewShare::with(ann, terms)).await?;
///
/// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
/// assert!(decision.is_allowed());
/// assert!(!sharing.authorize(ann, dashboard, Action::Edit).await?.is_allowed());
/// # Ok::<(), dashshare::Error>(()) }).unwrap();
/// ```
///
/// # A call that is dropped
///
/// A future may be dropped before it has answered: the connection of a request closes, a timeout ends it. Nothing is half
/// done then. A command writes whole commits: dropped before its commit was sent, it has changed nothing; dropped later,
/// all of the commit stands or nothing of it, and a store may apply what it was sent after the drop. Questions change
/// nothing. Whoever wants to know asks again:
///
/// | what was dropped | the same again |
/// | --- | --- |
/// | [`register`](Self::register), [`amend`](Self::amend), [`stop_sharing`](Self::stop_sharing), [`pause_link`](Self::pause_link), [`resume_link`](Self::resume_link), [`move_link_end`](Self::move_link_end), [`suspend_dashboard`](Self::suspend_dashboard), [`resume_dashboard`](Self::resume_dashboard), [`take_offer`](Self::take_offer), [`acknowledge`](Self::acknowledge), [`put_back`](Self::put_back) | answers with what stands, or does it now |
/// | [`share`](Self::share), [`set_share`](Self::set_share) | the same; an invitation that waits is mailed once more |
/// | [`remind_invitation`](Self::remind_invitation), [`offer_transfer`](Self::offer_transfer) | does it once more: a second mail |
/// | [`remind`](Self::remind) | tells whoever was not told yet, often nobody |
/// | [`claim`](Self::claim), [`delete_account`](Self::delete_account): one commit for each dashboard | goes on with the dashboards that are left |
/// | [`revoke`](Self::revoke), [`renounce`](Self::renounce), [`withdraw_link`](Self::withdraw_link), [`delete_dashboard`](Self::delete_dashboard), [`decline_offer`](Self::decline_offer), [`withdraw_offer`](Self::withdraw_offer), [`take_transfer`](Self::take_transfer), [`decline_transfer`](Self::decline_transfer), [`withdraw_transfer`](Self::withdraw_transfer) | does it now, or is refused as of what does not exist: then it was done |
/// | [`transfer`](Self::transfer) | does it now, or is refused with [`ToOwner`](crate::Refusal::ToOwner): then it was done |
/// | [`offer`](Self::offer) | does it now, or is refused with [`AlreadyExists`](crate::Refusal::AlreadyExists): then it was done |
/// | [`rotate_link`](Self::rotate_link) [with a token](crate::NewLink::with_token) | answers with the link that the token opens, or makes it now |
/// | [`rotate_link`](Self::rotate_link) without one | makes another link: if the first was made, nobody ever has its token |
/// | [`resume`](Self::resume) | its commit is lost with it: give the command again, as above |
/// | [`lease`](Self::lease), [`lease_at_most`](Self::lease_at_most) | the messages come again when the lease has ended |
/// | [`repair_clock`](Self::repair_clock), [`list_fallen`](Self::list_fallen), [`sweep`](Self::sweep) | goes on with what is left |
/// | [`new_token`](Self::new_token) | makes another token; the first opens nothing until a rotation brings it |
///
/// What fell with a withdrawal may still be to be listed (the answer says so with `listed`): [`lease`](Self::lease) does it,
/// or [`list_fallen`](Self::list_fallen).
///
/// Rules: [S1](crate::specification), [G8](crate::specification), [L2](crate::specification).
pub struct Dashshare<S, D, E> {
    pub(super) store: S,
    pub(super) directory: D,
    pub(super) env: E,
    /// How far clocks may differ, in microseconds.
    pub(super) skew: i64,
    pub(super) limits: Option<Arc<RateLimits>>,
}

impl<S, D, E> fmt::Debug for Dashshare<S, D, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashshare").finish_non_exhaustive()
    }
}

/// What a command did to one dashboard: its answer, and the revision that it made (or found, if nothing had to change).
///
/// A later question that demands the revision reflects the change ([`at_least`](Dashshare::at_least)).
///
/// Rules: [D6](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Done<T> {
    /// The answer; `Done` dereferences to it.
    pub answer: T,
    /// The dashboard; for an offer the id of the clone.
    pub dashboard: DashboardId,
    /// The revision.
    pub revision: Revision,
}

impl<T> Deref for Done<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.answer
    }
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Ties a store, a directory and an environment together.
    pub fn new(store: S, directory: D, env: E) -> Self {
        Self { store, directory, env, skew: SKEW, limits: None }
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The directory.
    pub fn directory(&self) -> &D {
        &self.directory
    }

    /// The environment.
    pub fn env(&self) -> &E {
        &self.env
    }
}
