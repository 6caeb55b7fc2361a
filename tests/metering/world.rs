//! A small host that meters: Olga's dashboard, shared with Ann, who shares it on with Bob, and published.

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Decision, Expiry, FixedEnv, GrantId, MemoryDirectory,
    MemoryStore, Meter, NewShare, Rights, TenantId, Terms, Timestamp,
    metering::{
        Edge, Figures, Ledger, LineQuery, Load, MemoryLedger, MemoryPlans, MeterError, Notice, NoticeId,
        Period, Plan, Sums, Ticket, Warning,
    },
    policy::Resource,
};
use pollster::block_on;
use std::sync::Arc;

pub(super) const OLGA: u64 = 1;
pub(super) const ANN: u64 = 2;
pub(super) const BOB: u64 = 3;

pub(super) fn account(number: u64) -> AccountId {
    AccountId::from(number)
}

pub(super) fn tenant() -> TenantId {
    TenantId::from(1u64)
}

pub(super) fn board() -> DashboardId {
    DashboardId::from(7u64)
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

pub(super) fn start() -> Timestamp {
    at("2026-01-10T12:00:00Z")
}

pub(super) fn january() -> Plan {
    Plan::of(Period::utc_month(start()))
}

pub(super) type Sharing = Dashshare<MemoryStore, MemoryDirectory, FixedEnv>;
pub(super) type OneMeter<L> = Meter<L, Arc<MemoryPlans>, FixedEnv>;

pub(super) struct World<L = Arc<MemoryLedger>> {
    pub(super) sharing: Sharing,
    pub(super) meter: OneMeter<L>,
    pub(super) plans: Arc<MemoryPlans>,
    /// Olga to Ann, with the right to share on.
    pub(super) g1: GrantId,
    /// Ann to Bob.
    pub(super) g2: GrantId,
    pub(super) token: String,
}

/// A meter of another process over the same ledger.
pub(super) fn process<L: Ledger>(ledger: L, plans: &Arc<MemoryPlans>, seed: u64) -> OneMeter<L> {
    Meter::new(ledger, Arc::clone(plans), FixedEnv::new(start(), seed))
        .with_staleness(std::time::Duration::ZERO)
}

impl World {
    pub(super) fn new() -> Self {
        Self::over(Arc::default())
    }
}

impl<L: Ledger> World<L> {
    pub(super) fn over(ledger: L) -> Self {
        let sharing =
            Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start(), 1));
        for number in [OLGA, ANN, BOB] {
            sharing.directory().add_account(account(number));
        }
        sharing.directory().add_device(board(), Resource::new("device", "pump-1"));
        let plans = Arc::new(MemoryPlans::default());
        plans.set_with(tenant(), |now| Some(Plan::of(Period::utc_month(now))));
        let (g1, g2, token) = block_on(async {
            sharing.register(board(), tenant(), account(OLGA)).await.expect("a dashboard");
            let rights = Rights::VIEW | Rights::EXPORT;
            let all = Terms::of(rights, Expiry::Never).and_reshare();
            let g1 = sharing.share(account(OLGA), board(), NewShare::with(account(ANN), all)).await;
            let view = Terms::view(Expiry::Never);
            let g2 = sharing.share(account(ANN), board(), NewShare::with(account(BOB), view)).await;
            let link = sharing.rotate_link(account(OLGA), board(), Expiry::Never).await.expect("a link");
            (g1.expect("g1").grant, g2.expect("g2").grant, link.token.expose().to_owned())
        });
        let meter = process(ledger, &plans, 2);
        Self { sharing, meter, plans, g1, g2, token }
    }

    pub(super) fn may(&self, who: u64) -> Decision {
        block_on(self.sharing.authorize(account(who), board(), Action::View)).expect("a decision")
    }

    pub(super) fn visit(&self) -> Decision {
        block_on(self.sharing.visit(&self.token)).expect("a decision")
    }

    pub(super) fn load(&self, who: u64, records: u64) -> Result<Ticket, MeterError> {
        block_on(self.meter.charge(&self.may(who), "w1", records))
    }

    pub(super) fn keyed(&self, who: u64, records: u64, key: &str) -> Result<Ticket, MeterError> {
        block_on(self.meter.charge_load(&self.may(who), Load::of("w1", records).keyed(key)))
    }

    pub(super) fn clock(&self, now: Timestamp) {
        self.sharing.env().set(now);
        self.meter.env().set(now);
    }

    pub(super) fn limit(&self, records: u64, version: u32) {
        self.plans
            .set_with(tenant(), move |now| Some(Plan::of(Period::utc_month(now)).limited(records, version)));
    }

    pub(super) fn figures(&self) -> Figures {
        block_on(self.meter.figures(tenant())).expect("figures").figures
    }

    pub(super) fn charged(&self) -> u64 {
        self.figures().charged
    }

    pub(super) fn notices(&self) -> Vec<Notice> {
        block_on(self.meter.notices(None, 1000)).expect("notices")
    }

    /// The notices in the order in which they were written, as words, and takes them away.
    pub(super) fn told(&self) -> Vec<String> {
        let mut notices = self.notices();
        let ids: Vec<NoticeId> = notices.iter().map(|notice| notice.id).collect();
        block_on(self.meter.acknowledge_notices(&ids)).expect("acknowledged");
        notices.sort_by_key(|notice| notice.at);
        notices.iter().map(words).collect()
    }

    pub(super) fn sums(&self) -> Sums {
        block_on(self.meter.sums(&LineQuery::of(tenant()))).expect("sums")
    }

    pub(super) fn by_edge(&self, edge: &Edge) -> u64 {
        self.sums().by_edge().get(&(board(), edge.clone())).map_or(0, |figures| figures.charged)
    }
}

pub(super) fn words(notice: &Notice) -> String {
    match &notice.warning {
        Warning::Refused => String::from("refused"),
        Warning::Crossed(thresholds) => format!("{thresholds:?} of v{}", notice.id.version),
        other => format!("{other:?}"),
    }
}

pub(super) fn code(result: Result<Ticket, MeterError>) -> &'static str {
    match result {
        Ok(_) => "charged",
        Err(error) => error.code(),
    }
}
