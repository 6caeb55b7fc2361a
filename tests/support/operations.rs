//! Every operation of a store, to see how each fails.

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Error, GrantId, Holder, MemoryDirectory, Revision, SystemEnv,
    TenantId, Timestamp,
    store::{CommitKey, Freshness, LinkDigest, Seed, Store},
    trail::{Actor, MessageId},
};

/// An error with all its sources, as a log shows it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |said, source| format!("{said}: {source}"))
}

/// What each operation of a store says when it fails; the ones that do not fail say "it works".
pub(crate) async fn failures(store: &impl Store) -> Vec<(&'static str, String)> {
    fn said<T>(outcome: Result<T, dashshare::BoxError>) -> String {
        outcome.map_or_else(|error| chain(&*error), |_| "it works".to_owned())
    }
    let (dashboard, account, grant) = (DashboardId::from(1u64), AccountId::from(1u64), GrantId::from(1u64));
    let address = Holder::Address("ann@example.com".parse().expect("an address"));
    let seeds = [Seed::from(account), Seed::Grant(grant)];
    let directory = MemoryDirectory::default();
    directory.add_account(account);
    directory.add_account(AccountId::from(2u64));
    let sharing = Dashshare::new(store, &directory, SystemEnv);
    let committed = match sharing.register(dashboard, TenantId::from(1u64), account).await {
        Ok(_) => "it works".to_owned(),
        Err(error) => chain(&error),
    };
    let now = Timestamp::from_micros(0);
    // Whoever asks is denied by an error.
    let asked = match sharing.authorize(account, dashboard, Action::View).await {
        Ok(decision) => format!("a decision: {decision:?}"),
        Err(error @ Error::Store(_)) => chain(&error),
        Err(error) => format!("another error: {error:?}"),
    };
    let mut all = vec![("register", committed), ("authorize", asked)];
    all.push(("receipt", said(store.receipt(dashboard, CommitKey::from_bytes([1; 16])).await)));
    all.push(("read", said(store.read(dashboard, &[], Freshness::Latest).await)));
    all.push(("read one", said(store.read(dashboard, &seeds[..1], Freshness::Latest).await)));
    all.push(("read several", said(store.read(dashboard, &seeds, Freshness::Latest).await)));
    let page = [dashboard, DashboardId::from(2u64)];
    all.push(("read_many", said(store.read_many(&page, &account.into(), Freshness::Latest).await)));
    all.push(("read_many by address", said(store.read_many(&page, &address, Freshness::Latest).await)));
    all.push(("read_link", said(store.read_link(&LinkDigest::from_bytes([1; 32])).await)));
    all.push(("grants", said(store.grants(dashboard, 0, 20).await)));
    all.push(("grants_below", said(store.grants_below(dashboard, grant, 0, 20).await)));
    all.push(("held", said(store.held(&account.into(), None, 20).await)));
    all.push(("held by address", said(store.held(&address, None, 20).await)));
    all.push(("owned", said(store.owned(account, None, 20).await)));
    all.push(("audit", said(store.audit(dashboard, Revision::ZERO, 20).await)));
    all.push(("audit_of", said(store.audit_of(Actor::Host, None, 20).await)));
    all.push(("outbox", said(store.outbox(None, 20).await)));
    all.push(("lease", said(store.lease(now, now, 9, 20).await)));
    let name: MessageId = serde_json::from_value(serde_json::json!({
        "dashboard": dashboard, "revision": 1, "index": 0
    }))
    .expect("a name");
    all.push(("acknowledge", said(store.acknowledge(&[name]).await)));
    all.push(("dead_letters", said(store.dead_letters(now, None, 20).await)));
    all.push(("put_back", said(store.put_back(&[name]).await)));
    all.push(("sweep", said(store.sweep(now, 20).await)));
    all
}
