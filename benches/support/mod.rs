//! What the benches share: the host, the memory store's service, and what they count with.

use dashshare::{
    AccountId, BoxError, DashboardId, Dashshare, Directory, EmailAddress, Env, Expiry, MemoryDirectory,
    Rights, SystemEnv, TenantId, Terms, Timestamp,
    blueprint::Blueprint,
    directory::{Account, Attestor, CandidatePage, Tenant},
    policy::{Principal, Resource},
    store::Store,
};
use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

pub(crate) const NOW: i64 = 1_800_000_000_000_000;

/// SplitMix64: random enough for ids, and the same at each run.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn id<T: From<u128>>(&mut self) -> T {
        T::from(u128::from(self.next()) << 64 | u128::from(self.next()))
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        (1..all.len()).for_each(|last| all.swap(last, self.below(last + 1)));
    }
}

/// A directory that has everything at hand.
#[derive(Debug)]
pub(crate) struct Cached(Arc<Tenant>, Arc<Resource>);

impl Directory for Cached {
    async fn account(&self, id: AccountId, _: &Attestor) -> Result<Option<Account>, BoxError> {
        Ok(Some(Account { id, verified: Vec::new() }))
    }

    async fn account_of(&self, _: &EmailAddress, _: &Attestor) -> Result<Option<Account>, BoxError> {
        Ok(None)
    }

    async fn tenant(&self, _: TenantId) -> Result<Option<Arc<Tenant>>, BoxError> {
        Ok(Some(Arc::clone(&self.0)))
    }

    async fn principal(&self, _: TenantId, _: AccountId) -> Result<Option<Arc<Principal>>, BoxError> {
        Ok(None)
    }

    async fn dashboard(&self, _: DashboardId) -> Result<Option<Arc<Resource>>, BoxError> {
        Ok(Some(Arc::clone(&self.1)))
    }

    async fn device(&self, _: DashboardId, device: &str) -> Result<Option<Arc<Resource>>, BoxError> {
        Ok(Some(Arc::new(Resource::new("device", device))))
    }

    async fn variables(&self, _: DashboardId, _: &str) -> Result<dashshare::lock::Variables, BoxError> {
        Ok(dashshare::lock::Variables::All)
    }

    async fn devices(&self, _: DashboardId) -> Result<Vec<Arc<Resource>>, BoxError> {
        Ok(Vec::new())
    }

    async fn blueprint(&self, _: DashboardId) -> Result<Option<Arc<Blueprint>>, BoxError> {
        Ok(None)
    }

    async fn candidates(&self, _: &CandidatePage) -> Result<Vec<Arc<Resource>>, BoxError> {
        Ok(Vec::new())
    }
}

/// A clock that stands, or the system's; and randomness that costs next to nothing.
#[derive(Debug)]
pub(crate) struct BenchEnv {
    random: AtomicU64,
    is_system: bool,
}

impl BenchEnv {
    /// What it draws begins at this number, so that no two that share a store draw the same.
    pub(crate) fn new(first: u64, is_system: bool) -> Self {
        Self { random: AtomicU64::new(first), is_system }
    }
}

impl Env for BenchEnv {
    fn now(&self) -> Timestamp {
        if self.is_system { SystemEnv.now() } else { Timestamp::from_micros(NOW) }
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), BoxError> {
        let mut random = Random(self.random.fetch_add(1, Ordering::Relaxed) << 20);
        bytes
            .chunks_mut(8)
            .for_each(|chunk| chunk.copy_from_slice(&random.next().to_le_bytes()[..chunk.len()]));
        Ok(())
    }
}

pub(crate) type Service<S> = Dashshare<S, Cached, BenchEnv>;

/// A service on a store.
pub(crate) fn service<S: Store>(store: S, first: u64, is_system: bool) -> Service<S> {
    let directory =
        Cached(Arc::new(MemoryDirectory::open_tenant()), Arc::new(Resource::new("dashboard", "d")));
    Dashshare::new(store, directory, BenchEnv::new(first, is_system))
}

/// The memory store never waits, so one poll is all that a future of the service needs.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("the memory store waited"),
    }
}

pub(crate) const TENANT: u64 = 1;

pub(crate) fn terms(reshare: bool) -> Terms {
    let month = Expiry::At(Timestamp::from_micros(NOW).plus_days(30));
    Terms::of(Rights::VIEW, month).reshare(reshare)
}

/// Delivers the outbox, as a host does all the time.
pub(crate) async fn deliver<S: Store>(sharing: &Service<S>) {
    loop {
        let page = sharing.outbox(None, 4096).await.unwrap();
        if page.is_empty() {
            return;
        }
        let ids: Vec<_> = page.iter().map(|message| message.id).collect();
        sharing.acknowledge(&ids).await.unwrap();
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
