//! What metering promises, as a list of events that is added up anew each time. It shares no code with the library.

use dashshare::{
    AccountId, Action, DashboardId, Dashshare, Decision, Expiry, FixedEnv, MemoryDirectory, MemoryStore,
    NewShare, Rights, TenantId, Terms, Timestamp,
    metering::{ChargeId, Edge, Figures, Line, Warning},
};
use pollster::block_on;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const HOUR: i64 = 3_600_000_000;

/// A period of the histories is an hour.
pub(super) fn hour(at: Timestamp) -> (Timestamp, Timestamp) {
    let first = at.micros().div_euclid(HOUR) * HOUR;
    (Timestamp::from_micros(first), Timestamp::from_micros(first + HOUR))
}

/// The days of the histories are twenty minutes ahead of UTC's, so that they are none of the periods'.
pub(super) fn day(at: Timestamp) -> i64 {
    (at.micros() + HOUR / 3).div_euclid(24 * HOUR)
}

pub(super) fn start() -> Timestamp {
    "2026-01-10T22:30:00Z".parse().expect("an instant")
}

/// Somebody who may see something: whose load it is, and what it is to be attributed to.
#[derive(Clone)]
pub(super) struct Seer {
    pub(super) tenant: TenantId,
    pub(super) board: DashboardId,
    pub(super) edge: Edge,
    pub(super) decision: Decision,
}

/// On two dashboards of two tenants the owner, two grantees one below the other, and a visitor; on the first one anew after
/// it was deleted, too; and an export.
pub(super) fn seers() -> Vec<Seer> {
    let sharing =
        Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start(), 1));
    let [olga, ann, bob] = [1u64, 2, 3].map(AccountId::from);
    for account in [olga, ann, bob] {
        sharing.directory().add_account(account);
    }
    let mut found = Vec::new();
    block_on(async {
        for (board, tenant) in [(7u64, 1u64), (8, 2), (7, 1)] {
            let (board, tenant) = (DashboardId::from(board), TenantId::from(tenant));
            sharing.register(board, tenant, olga).await.expect("a dashboard");
            let all = Terms::of(Rights::VIEW | Rights::EXPORT, Expiry::Never).and_reshare();
            let g1 = sharing.share(olga, board, NewShare::with(ann, all)).await.expect("g1").grant;
            let view = NewShare::with(bob, Terms::view(Expiry::Never));
            let g2 = sharing.share(ann, board, view).await.expect("g2").grant;
            let link = sharing.rotate_link(olga, board, Expiry::Never).await.expect("a link");
            let generation = if found.len() < 8 { 1 } else { 2 };
            let mut see = |edge: Edge, decision: Decision| found.push(Seer { tenant, board, edge, decision });
            for (who, edge) in [(olga, Edge::Owner), (ann, Edge::Grant(g1)), (bob, Edge::Grant(g2))] {
                see(edge, sharing.authorize(who, board, Action::View).await.expect("a decision"));
            }
            see(Edge::Grant(g1), sharing.authorize(ann, board, Action::Export).await.expect("a decision"));
            let visit = sharing.visit(link.token.expose()).await.expect("a decision");
            let made = Edge::Link {
                generation: if board == DashboardId::from(8u64) { 1 } else { generation },
                under: None,
            };
            see(made, visit);
            if found.len() == 10 {
                sharing.delete_dashboard(olga, DashboardId::from(7u64)).await.expect("deleted");
            }
        }
    });
    assert!(found.iter().all(|seer| seer.decision.is_allowed()));
    found
}

/// What a load is asked with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) seer: usize,
    pub(super) widget: &'static str,
    pub(super) records: u64,
    pub(super) is_cached: bool,
}

#[derive(Clone, Debug)]
struct Event {
    tenant: TenantId,
    period: Timestamp,
    at: Timestamp,
    day: i64,
    seer: usize,
    widget: &'static str,
    cost: u64,
    cached: Option<u64>,
    is_refused: bool,
    charge: Option<ChargeId>,
    is_handed_back: bool,
}

/// The host's plan of a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Limit {
    pub(super) records: Option<u64>,
    pub(super) version: u32,
    pub(super) counts_cached: bool,
}

/// What is known to one process, of one tenant.
#[derive(Clone, Copy)]
struct Known {
    latest: Timestamp,
    plan: Option<(Timestamp, Limit)>,
}

#[derive(Default)]
struct Alarm {
    version: u32,
    told: BTreeSet<u8>,
}

pub(super) struct Model {
    seers: Vec<Seer>,
    events: Vec<Event>,
    pub(super) limits: BTreeMap<TenantId, Limit>,
    pub(super) clocks: Vec<Timestamp>,
    known: BTreeMap<(usize, TenantId), Known>,
    alarms: BTreeMap<(TenantId, Timestamp), Alarm>,
    /// The largest limit that a charge of a period was given; `None` for no limit.
    largest: BTreeMap<(TenantId, Timestamp), Option<u64>>,
    /// The commit under way: whose, by which limit, and what was before it.
    pending: Option<((TenantId, Timestamp), Limit, u64, bool)>,
    /// The notices that are still to be found.
    pub(super) notices: Vec<(TenantId, Timestamp, u32, Warning)>,
}

/// What is to become of a load.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Charged {
        cost: u64,
    },
    Quota {
        limit: u64,
        charged: u64,
        asked: u64,
        ends: Timestamp,
    },
    Unavailable,
    /// Nothing that is ever wanted.
    Other(String),
}

/// What the way to the ledger does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Open,
    /// It arrives, and the answers of all tries are lost.
    NoAnswer,
    /// Nothing arrives.
    Closed,
}

impl Model {
    pub(super) fn new(seers: &[Seer], processes: usize) -> Self {
        Self {
            seers: seers.to_vec(),
            events: Vec::new(),
            limits: BTreeMap::new(),
            clocks: vec![start(); processes],
            known: BTreeMap::new(),
            alarms: BTreeMap::new(),
            largest: BTreeMap::new(),
            pending: None,
            notices: Vec::new(),
        }
    }

    fn charged(&self, tenant: TenantId, period: Timestamp) -> u64 {
        let of = self.events.iter().filter(|it| it.tenant == tenant && it.period == period);
        of.filter(|it| !it.is_refused && !it.is_handed_back).map(|it| it.cost).sum()
    }

    fn known(&self, process: usize, tenant: TenantId) -> Known {
        let nothing = Known { latest: Timestamp::MIN, plan: None };
        self.known.get(&(process, tenant)).copied().unwrap_or(nothing)
    }

    pub(super) fn crash(&mut self, process: usize) {
        self.known.retain(|(of, _), _| *of != process);
    }

    /// M8: the later of the clock and of the latest instant at which the tenant was charged, as far as that lies in a later
    /// period, or this process has charged it.
    fn instant(&self, process: usize, tenant: TenantId) -> Timestamp {
        let mut at = self.clocks[process].max(self.known(process, tenant).latest);
        let charged = self.events.iter().filter(|it| it.tenant == tenant && !it.is_refused);
        let later = charged.filter(|it| it.period >= hour(at).1).map(|it| it.at).max();
        at = at.max(later.unwrap_or(at));
        at
    }

    /// Whether a later period than this process's has begun.
    pub(super) fn is_behind(&self, process: usize, tenant: TenantId) -> bool {
        let at = self.clocks[process].max(self.known(process, tenant).latest);
        hour(self.instant(process, tenant)) != hour(at)
    }

    pub(super) fn charge(&mut self, process: usize, ask: Ask, way: Way) -> Answer {
        let seer = self.seers[ask.seer].clone();
        let tenant = seer.tenant;
        let mut known = self.known(process, tenant);
        // The plan is asked for whether the ledger answers or not, for the instant that this process knows of.
        let mut at = self.clocks[process].max(known.latest);
        let told = self.limits.get(&tenant).copied();
        let told = told.unwrap_or(Limit { records: None, version: 0, counts_cached: false });
        let plan_at = |known: &Known, at: Timestamp| match known.plan {
            Some((period, newer)) if period == hour(at).0 && newer.version > told.version => newer,
            _ => told,
        };
        let mut limit = plan_at(&known, at);
        known.plan = Some((hour(at).0, limit));
        if way != Way::Closed {
            let later = self.instant(process, tenant);
            if hour(later) != hour(at) {
                // The ledger says that a later period has begun, and what was known of the plan is forgotten.
                (at, limit) = (later, told);
                known.plan = Some((hour(at).0, limit));
                known.latest = known.latest.max(later);
            }
        }
        let cost = if ask.is_cached && !limit.counts_cached { 0 } else { ask.records };
        let (period, ends) = hour(at);
        let charged = self.charged(tenant, period);
        let answer = match (way, limit.records) {
            (Way::Closed, _) => Answer::Unavailable,
            (_, Some(most)) if charged + cost > most => {
                Answer::Quota { limit: most, charged, asked: cost, ends }
            }
            _ => Answer::Charged { cost },
        };
        if way != Way::Closed {
            let is_refused = !matches!(answer, Answer::Charged { .. });
            self.note(
                Event {
                    tenant,
                    period,
                    at,
                    day: day(at),
                    seer: ask.seer,
                    widget: ask.widget,
                    cost,
                    cached: ask.is_cached.then_some(ask.records),
                    is_refused,
                    charge: None,
                    is_handed_back: false,
                },
                limit,
            );
            if !is_refused && way == Way::Open {
                known.latest = known.latest.max(at);
            }
        }
        self.known.insert((process, tenant), known);
        if way == Way::NoAnswer { Answer::Unavailable } else { answer }
    }

    fn note(&mut self, event: Event, limit: Limit) {
        let key = (event.tenant, event.period);
        let largest = self.largest.entry(key).or_insert(Some(0));
        *largest = largest.zip(limit.records).map(|(a, b)| a.max(b));
        if self.pending.is_none() {
            let before = self.charged(event.tenant, event.period);
            let was_refused =
                self.events.iter().any(|it| it.tenant == key.0 && it.period == key.1 && it.is_refused);
            self.pending = Some((key, limit, before, was_refused));
        }
        self.events.push(event);
    }

    /// M11: who is told when a commit has come to its end.
    pub(super) fn commit(&mut self) {
        let Some((key, limit, before, was_refused)) = self.pending.take() else { return };
        let after = self.charged(key.0, key.1);
        let is_refused =
            self.events.iter().any(|it| it.tenant == key.0 && it.period == key.1 && it.is_refused);
        let alarm = self.alarms.entry(key).or_default();
        let most = limit.records.filter(|most| *most > 0);
        if limit.version > alarm.version {
            alarm.version = limit.version;
            if let Some(most) = most {
                alarm.told.retain(|percent| before * 100 >= u64::from(*percent) * most);
            }
        }
        if is_refused && !was_refused {
            self.notices.push((key.0, key.1, limit.version, Warning::Refused));
        }
        if let Some(most) = most.filter(|_| after > before && limit.version == alarm.version) {
            let all = [80u8, 90, 100].into_iter();
            let crossed: Vec<u8> = all
                .filter(|percent| after * 100 >= u64::from(*percent) * most && alarm.told.insert(*percent))
                .collect();
            if !crossed.is_empty() {
                self.notices.push((key.0, key.1, limit.version, Warning::Crossed(crossed)));
            }
        }
    }

    /// Notes as what the last load was charged.
    pub(super) fn name_last(&mut self, charge: ChargeId, back: usize) {
        let charged = self.events.iter_mut().rev().filter(|it| !it.is_refused);
        charged.skip(back).take(1).for_each(|event| event.charge = Some(charge));
    }

    /// M7: whether a ticket can be handed back.
    pub(super) fn hand_back(&mut self, process: usize, charge: ChargeId) -> bool {
        let event = self.events.iter().position(|it| it.charge == Some(charge)).expect("a charge");
        let tenant = self.events[event].tenant;
        let now = self.clocks[process].max(self.known(process, tenant).latest);
        let is_in_time = now < hour(self.events[event].period).1;
        if is_in_time {
            self.events[event].is_handed_back = true;
        }
        is_in_time
    }

    pub(super) fn periods(&self) -> BTreeSet<(TenantId, Timestamp)> {
        self.events.iter().map(|it| (it.tenant, it.period)).collect()
    }

    fn figures<'a>(events: impl Iterator<Item = &'a Event>, seers: &[Seer]) -> Figures {
        let mut sum = Figures::default();
        for event in events {
            if event.is_refused {
                sum.refused += 1;
                continue;
            }
            sum.loads += 1;
            sum.exports += u64::from(seers[event.seer].decision.action() == Action::Export);
            sum.cached += event.cached.unwrap_or(0);
            sum.cached_loads += u64::from(event.cached.is_some());
            if event.is_handed_back {
                sum.hand_backs += 1;
                sum.handed_back += event.cost;
            } else {
                sum.charged += event.cost;
            }
        }
        sum
    }

    /// M3, M5, M10: what the meter of a period is to be, and whether it keeps within the largest limit.
    pub(super) fn tally(&self, tenant: TenantId, period: Timestamp) -> Figures {
        let of = self.events.iter().filter(|it| it.tenant == tenant && it.period == period);
        let figures = Self::figures(of, &self.seers);
        if let Some(Some(largest)) = self.largest.get(&(tenant, period)) {
            assert!(figures.charged <= *largest, "the model itself goes over the limit");
        }
        figures
    }

    /// M10: the lines of a tenant, each as its words and its figures.
    pub(super) fn lines(&self, tenant: TenantId) -> BTreeMap<String, Figures> {
        let mut groups: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
        for event in self.events.iter().filter(|it| it.tenant == tenant) {
            let seer = &self.seers[event.seer];
            let name = format!(
                "{} {} {} {:?} {} {}",
                event.day,
                seer.board,
                incarnation(event.seer),
                seer.edge,
                event.widget,
                event.period
            );
            groups.entry(name).or_default().push(event);
        }
        groups
            .into_iter()
            .map(|(name, events)| (name, Self::figures(events.into_iter(), &self.seers)))
            .collect()
    }
}

/// The seers of the dashboard that was registered anew are the last.
fn incarnation(seer: usize) -> u8 {
    u8::from(seer >= 10)
}

/// A line as the model words it.
pub(super) fn words(line: &Line) -> String {
    let place = &line.place;
    let outlet = &place.outlet;
    let incarnation = u8::from(outlet.registered > dashshare::Revision::new(1));
    let days = i64::from(place.day.to_epoch_days());
    format!("{days} {} {incarnation} {:?} {} {}", outlet.dashboard, outlet.edge, outlet.widget, place.period)
}
