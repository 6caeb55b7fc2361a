//! The library's locks in the model's words, and back; and the library asked for data.

use super::{
    Account, Dashboard, Instant,
    data::{Asker, By, DeviceViewers, Element, Sight},
    library::{Library, account, account_id, dashboard_id, instant, rights, time},
    lock::{Clauses, DEVICES, Form, Lock, Question, TAGGED, VARIABLES},
};
use dashshare::{
    Action, DeviceDecision, Env as _, MemoryDirectory, Timestamp, Told,
    explain::{Denial, LockedBy},
    lock::{DeviceSelector, Query, ReadKind, Span, StoredLock, Unit, VariableSelector, Zone},
    policy::Resource,
    questions::{self, Admits, Admitted, DataDenied},
    store::Store,
};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;

const SITES: [&str; 3] = ["berlin", "paris", "*"];
const MINUTE: Instant = 60_000_000;

pub(crate) fn device(number: u8) -> String {
    format!("p{number}")
}

fn variable(number: u8) -> String {
    ["temp", "rpm", "secret"].get(usize::from(number)).map_or("none", |name| name).to_owned()
}

/// Tells the host's directory of the devices that a dashboard shows.
pub(super) fn note_devices(directory: &MemoryDirectory, dashboard: Dashboard) {
    let dashboard = dashboard_id(dashboard);
    for number in 0..DEVICES {
        let mut shown = Resource::new("device", device(number));
        if number == TAGGED {
            shown = shown.with_tag("site", "north");
        }
        directory.add_device(dashboard, shown);
        let variables = (0..VARIABLES).filter(|it| super::lock::is_shown(number, *it)).map(variable);
        directory.set_variables(dashboard, &device(number), variables);
    }
}

fn device_selector(bit: u8) -> DeviceSelector {
    if bit < DEVICES { device(bit).into() } else { DeviceSelector::tag("site", "north") }
}

fn variable_selector(bit: u8) -> VariableSelector {
    if bit < 2 { variable(bit).into() } else { VariableSelector::of(device(0), variable(0)) }
}

fn bits(clause: u8) -> impl Iterator<Item = u8> {
    (0..8).filter(move |bit| clause & 1 << bit != 0)
}

fn span(micros: Instant) -> Span {
    u32::try_from(micros / MINUTE).ok().and_then(Span::minutes).expect("a span")
}

pub(super) fn lock_of(lock: Lock) -> dashshare::Lock {
    let mut made = dashshare::Lock::NONE;
    for clause in lock.devices.iter() {
        made = made.devices(bits(clause).map(device_selector));
    }
    for clause in lock.variables.iter() {
        made = made.variables(bits(clause).map(variable_selector));
    }
    if let Some(from) = lock.from {
        made = made.since(time(from));
    }
    if let Some(until) = lock.until {
        made = made.before(time(until));
    }
    if lock.never {
        made = made.since(time(1)).before(time(0));
    }
    if let Some(last) = lock.last {
        made = made.last(span(last));
    }
    if let Some(days) = lock.days {
        made = made.whole(days, Unit::Day, "UTC".parse::<Zone>().expect("a zone"));
    }
    if let Some(site) = lock.site {
        let values = bits(site).filter_map(|value| SITES.get(usize::from(value))).copied();
        made = made.parameter("site", values);
    }
    if let Some(most) = lock.max_range {
        made = made.max_range(span(most));
    }
    match lock.form {
        Form::TooLarge => made.devices(["x".repeat(256).into()]),
        Form::Good | Form::Unreadable => made,
    }
}

/// As terms or rules hold it.
pub(super) fn stored(lock: Lock) -> Option<Arc<StoredLock>> {
    match lock.form {
        Form::Unreadable => Some(Arc::new(StoredLock::Unreadable(Box::new(json!({ "colour": "red" }))))),
        _ => (lock != Lock::NONE).then(|| Arc::new(StoredLock::Lock(lock_of(lock)))),
    }
}

/// A lock of the library as it is, canonical or not.
pub(super) fn lock(stored: Option<&StoredLock>) -> Lock {
    match stored {
        None => Lock::NONE,
        Some(stored) => stored.lock().map_or(Lock::UNREADABLE, read),
    }
}

pub(crate) fn read(lock: &dashshare::Lock) -> Lock {
    let of_device = |selector: &DeviceSelector| {
        let bit = (0..=DEVICES).find(|bit| device_selector(*bit) == *selector);
        1 << bit.expect("a selector of the history")
    };
    let of_variable = |selector: &VariableSelector| {
        let bit = (0..3).find(|bit| variable_selector(*bit) == *selector);
        1 << bit.expect("a selector of the history")
    };
    let of_value = |value: &String| 1u8 << SITES.iter().position(|site| site == value).expect("a site");
    let devices = lock.device_clauses().iter().map(|clause| clause.iter().map(of_device).sum::<u8>());
    let variables = lock.variable_clauses().iter().map(|clause| clause.iter().map(of_variable).sum::<u8>());
    let window = lock.absolute_window();
    let never = window.is_empty();
    let days = lock.rolling_windows().whole().map(|(n, unit, _)| {
        assert_eq!(unit, Unit::Day);
        n
    });
    Lock {
        devices: Clauses(devices.fold(0, |all, clause| all | 1 << clause)),
        variables: Clauses(variables.fold(0, |all, clause| all | 1 << clause)),
        from: window.from.filter(|_| !never).map(Timestamp::micros),
        until: window.until.filter(|_| !never).map(Timestamp::micros),
        never,
        last: lock.rolling_windows().exact().map(Span::micros),
        days: days.min(),
        site: lock.parameters().get("site").map(|values| values.iter().map(of_value).sum()),
        max_range: lock.longest_range().exact().map(Span::micros),
        form: Form::Good,
    }
}

pub(super) fn sights(sights: &[questions::Sight]) -> Vec<Sight> {
    sights.iter().map(|sight| (rights(sight.rights), lock(sight.lock.as_deref()))).collect()
}

pub(crate) fn query(question: &Question) -> Query {
    let kind = if question.export { ReadKind::Export } else { ReadKind::Series };
    let range = dashshare::lock::Range { from: question.from.map(time), until: question.until.map(time) };
    let mut query = Query::new(kind, device(question.device), variable(question.variable)).within(range);
    if question.applies {
        query = query.applying("site");
    }
    match question.site.and_then(|value| SITES.get(usize::from(value))) {
        Some(value) => query.choosing("site", *value),
        None => query,
    }
}

/// What the library admits of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) cut: bool,
    pub(crate) valid_until: Option<Instant>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Piece {
    pub(crate) from: Option<Instant>,
    pub(crate) until: Option<Instant>,
    pub(crate) site: Option<u8>,
    pub(crate) by: Vec<By>,
}

/// Why it admits nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Denied {
    pub(crate) code: &'static str,
    pub(crate) shut_by: Option<Element>,
    pub(crate) told: Told,
}

impl Piece {
    pub(crate) fn has(&self, t: Instant) -> bool {
        self.from.is_none_or(|from| from <= t) && self.until.is_none_or(|until| t < until)
    }
}

impl Seen {
    pub(crate) fn shows(&self, t: Instant) -> bool {
        self.pieces.iter().any(|piece| piece.has(t))
    }
}

pub(crate) type Answer = Result<Seen, Denied>;

/// Shows whether a datum is in an answer.
pub(crate) fn shows(answer: &Answer, t: Instant) -> bool {
    answer.as_ref().is_ok_and(|seen| seen.shows(t))
}

impl<S: Store> Library<S> {
    /// Lets the host's clock stand at an instant.
    pub(crate) fn set_now(&self, t: Instant) {
        self.service.env().set(time(t));
    }

    /// What is admitted of a question now.
    pub(crate) fn data(&self, asker: Asker, dashboard: Dashboard, question: &Question) -> Answer {
        let decision = self.about_device(asker, dashboard, question);
        self.answer(decision.admit(&query(question), self.service.env().now()))
    }

    /// The decision that a stream keeps.
    pub(crate) fn about_device(
        &self,
        asker: Asker,
        dashboard: Dashboard,
        question: &Question,
    ) -> DeviceDecision {
        let decision = match asker {
            Asker::Visitor => {
                let tokens = self.tokens.values().filter(|(of, _)| *of == dashboard);
                let token = tokens.map(|(_, token)| token.as_str()).next_back().unwrap_or("dsl_");
                block_on(self.service.visit(token))
            }
            Asker::Account(account) => {
                let action = if question.export { Action::Export } else { Action::View };
                let (account, on) = (account_id(account), dashboard_id(dashboard));
                match self.narrowed.get(&dashboard) {
                    // Any decision of a narrowing's revision reflects it (D6).
                    Some(revision) => {
                        block_on(self.service.at_least(*revision).authorize(account, on, action))
                    }
                    None => block_on(self.service.authorize(account, on, action)),
                }
            }
        };
        let decision = decision.expect("memory never fails");
        block_on(self.service.authorize_device(&decision, &device(question.device)))
            .expect("memory never fails")
    }

    /// The same at a later instant, of a decision that was taken before (K17).
    pub(crate) fn later(&self, decision: &DeviceDecision, question: &Question, t: Instant) -> Answer {
        self.answer(decision.admit(&query(question), time(t)))
    }

    fn answer(&self, answer: Result<Admitted, Box<DataDenied>>) -> Answer {
        match answer {
            Ok(admitted) => Ok(Seen {
                pieces: admitted.pieces().iter().map(|piece| self.piece(piece)).collect(),
                cut: admitted.is_cut(),
                valid_until: admitted.valid_until().map(Timestamp::micros),
            }),
            Err(denied) => Err(self.denied(&denied)),
        }
    }

    /// What was admitted at an instant of the past.
    pub(crate) fn data_as_of(
        &self,
        who: Account,
        dashboard: Dashboard,
        question: &Question,
        t: Instant,
    ) -> Result<Vec<Piece>, Denied> {
        let then = self.service.as_of(time(t));
        let query = query(question);
        let asked = then.admit(account_id(who), dashboard_id(dashboard), &query);
        match block_on(asked).expect("memory never fails") {
            Ok(pieces) => Ok(pieces.iter().map(|piece| self.piece(piece)).collect()),
            Err(denied) => Err(self.denied(&denied)),
        }
    }

    fn piece(&self, piece: &questions::Piece) -> Piece {
        let by = piece.by.iter().map(|by| match by {
            Admits::Owner => By::Owner,
            Admits::Grant(grant) => By::Grant(self.label(*grant)),
            Admits::Link => By::Link,
            Admits::Policy => By::Policy,
            other => panic!("{other:?}"),
        });
        let of_value = |value: &String| SITES.iter().position(|site| site == value).expect("a site") as u8;
        assert!(piece.parameters.keys().all(|name| name == "site"), "{:?}", piece.parameters);
        assert!(!piece.range.is_empty(), "an empty piece");
        Piece {
            from: piece.range.from.map(Timestamp::micros),
            until: piece.range.until.map(Timestamp::micros),
            site: piece.parameters.get("site").map(of_value),
            by: by.collect(),
        }
    }

    fn denied(&self, denied: &DataDenied) -> Denied {
        let shut_by = denied.explanation().shut_by.map(|locked| match locked.by {
            LockedBy::Grant(grant) => Element::Grant(self.label(grant)),
            LockedBy::Link(_) => Element::Link,
            _ => Element::Tenant,
        });
        let code = match denied.denial() {
            Denial::DeviceNotShown(_) => "device_not_shown",
            Denial::DeviceDenied { .. } => "device_denied",
            Denial::DeviceNotAllowed(_) => "device_not_allowed",
            Denial::OutsideWindow { .. } => "outside_window",
            Denial::RangeTooLong { .. } => "range_too_long",
            Denial::RangeUnreadable => "range_unreadable",
            Denial::ParameterNotApplied { .. } => "parameter_not_applied",
            Denial::ParameterNotChosen { .. } => "parameter_not_chosen",
            Denial::LockedEmpty { .. } => "locked_empty",
            Denial::LockUnreadable { .. } => "lock_unreadable",
            Denial::Stale => "stale",
            _ => "denied",
        };
        Denied { code, shut_by, told: denied.tell() }
    }

    /// Whether the account sees data of a device at all now.
    pub(crate) fn sees_device(&self, who: Account, dashboard: Dashboard, number: u8) -> bool {
        self.about_device(Asker::Account(who), dashboard, &Question::whole(number, 0)).is_allowed()
    }

    /// Who sees data of a device, now or at an instant of the past.
    pub(crate) fn viewers_of_device(
        &self,
        dashboard: Dashboard,
        number: u8,
        t: Option<Instant>,
    ) -> Option<DeviceViewers> {
        let (on, device) = (dashboard_id(dashboard), device(number));
        let found = match t {
            Some(t) => block_on(self.service.as_of(time(t)).viewers_of_device(on, &device)),
            None => block_on(self.service.viewers_of_device(on, &device)),
        };
        let found = found.ok()?;
        let viewers = found.viewers.iter();
        let viewers = viewers.map(|it| (account(it.account), instant(it.ends), sights(&it.sights)));
        Some((viewers.collect(), found.link.as_ref().map(|sight| lock(sight.lock.as_deref()))))
    }
}
