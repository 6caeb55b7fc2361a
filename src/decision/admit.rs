//! The one door to data: what of a question is admitted, and by what.

use super::{
    answer::{Asker, Basis, Decision, Held, ShutBy},
    denial::Denial,
    explain::Explanation,
    narrower::DeviceDecision,
    pieces::{Admits, Admitted, Source, admitted},
};
use crate::{
    lock::{Left, Lock, Query, Range, ReadKind, ShownDevice, Shut, Slots, Variables, admit},
    record::Chain,
    sharing::{Locks, Sight, Told},
    value::{AccountId, Action, Expiry, Rights, Timestamp},
};
use std::{collections::BTreeSet, fmt};

/// Why nothing of a question is admitted. What is told to whoever asked is [`tell`](Self::tell), and
/// [`explain`](Self::explain) is for the owner and for support, as at a [`Decision`].
#[derive(Clone, Debug)]
pub struct DataDenied {
    decision: Decision,
    denial: Denial,
}

impl DataDenied {
    /// Why.
    pub fn denial(&self) -> &Denial {
        &self.denial
    }

    /// What may be shown to whoever asked: nothing of what a lock hides.
    ///
    /// Rules: [K22](crate::specification).
    pub fn tell(&self) -> Told {
        self.decision.tell()
    }

    /// The explanation as data, for the owner and for support: with the first lock from the root that shuts it.
    pub fn explanation(&self) -> Explanation {
        self.decision.explanation()
    }

    /// The explanation as a sentence, with ids for names.
    pub fn explain(&self) -> String {
        self.decision.explain()
    }

    /// The explanation as a sentence, with the host's names for accounts.
    pub fn explain_with(&self, name: &dyn Fn(AccountId) -> String) -> String {
        self.decision.explain_with(name)
    }

    fn of(decision: &Decision, denial: Denial, shut_by: Option<ShutBy>) -> Box<Self> {
        Box::new(Self { decision: decision.denied(denial.clone(), shut_by), denial })
    }
}

impl fmt::Display for DataDenied {
    /// What is told to whoever asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tell().fmt(f)
    }
}

impl std::error::Error for DataDenied {}

impl ReadKind {
    /// What a decision must be about for it: a download needs leave to export.
    pub fn action(&self) -> Action {
        match self {
            Self::Export => Action::Export,
            _ => Action::View,
        }
    }
}

/// A question, and all that its locks are asked about.
#[derive(Clone, Copy)]
struct Asking<'q> {
    query: &'q Query,
    slots: &'q Slots,
    /// The ways by which a slot holds the device, if one must.
    by: Option<&'q [Admits]>,
    by_policy: bool,
    now: Timestamp,
}

impl Asking<'_> {
    fn goes_by(&self, way: Option<Admits>) -> bool {
        self.by.is_none_or(|by| way.is_some_and(|way| by.contains(&way)))
    }
}

/// The nearest that a question came to being admitted, with the locks of the path that shut it.
struct Nearest<'a> {
    shut: Shut,
    at: usize,
    locks: &'a Locks,
    chain: Option<&'a Chain>,
}

impl DeviceDecision {
    /// What of a question for this device's data may be read now: the pieces of its range that are admitted, each with what
    /// admits it. It asks nobody, so a stream asks it again as time goes on: rolling windows slide with `now`.
    ///
    /// A `now` before the decision counts as the decision's; at or after its [`valid_until`](Self::valid_until) all is
    /// denied. A device that a blueprint dashboard shows in its slots alone is read by a decision of
    /// [`authorize_in_slot`](crate::Dashshare::authorize_in_slot).
    ///
    /// # Errors
    ///
    /// Why nothing is admitted, if nothing is.
    ///
    /// Rules: [K14](crate::specification), [K16](crate::specification), [K17](crate::specification).
    pub fn admit(&self, query: &Query, now: Timestamp) -> Result<Admitted, Box<DataDenied>> {
        let decision = self.decision();
        let denied = |denial| Err(DataDenied::of(decision, denial, None));
        if let Some(denial) = decision.denial() {
            return Err(Box::new(DataDenied { decision: decision.clone(), denial }));
        }
        let Some(dashboard) = decision.dashboard() else { return denied(Denial::UnknownDashboard) };
        if query.kind.action() != decision.action() {
            return denied(match decision.asker() {
                // A link gives no more than leave to view.
                Asker::Visitor => Denial::RightNotGiven(Rights::VIEW),
                Asker::Account(_) => Denial::NotDecided(query.kind.action()),
            });
        }
        let now = now.max(decision.at());
        if Expiry::from(decision.valid_until()).is_over(now) {
            return denied(Denial::Stale);
        }
        let is_of_device = query.device == self.device();
        if !is_of_device || !self.variables().has(&query.variable) {
            return denied(Denial::DeviceNotShown(query.device.clone()));
        }
        if query.range.is_empty() {
            return denied(Denial::RangeUnreadable);
        }
        let (held, slots) = (self.holder(), self.slots());
        let waits = match (held, &query.slot) {
            (Some(held), asked) => asked.as_ref().filter(|asked| **asked != held.slot),
            (None, Some(asked)) => Some(asked),
            (None, None) => slots.holding.as_ref().and_then(|holding| holding.first()),
        };
        if let Some(slot) = waits {
            return denied(Denial::SlotUnresolved { slot: slot.clone(), why: "not_named" });
        }
        let (by, mut nearest) = (held.map(|held| held.by.as_slice()), None);
        let asking = Asking { query, slots, by, by_policy: self.is_by_policy(), now };
        let sources = sources(decision, asking, &mut nearest);
        match (sources.is_empty(), nearest) {
            (false, _) => {
                let by = sources.iter().map(|source| source.by);
                let Some(load) = decision.attributed(by) else { return denied(Denial::UnknownDashboard) };
                Ok(admitted(dashboard, query, held.map(|held| held.slot.clone()), sources, load))
            }
            (true, Some(nearest)) => Err(nearest.denied(decision, query)),
            (true, None) => denied(Denial::Stale),
        }
    }

    /// What each grant, the link or the policy shows that lets some of the device's data be seen now, and when the last of
    /// them ends; `None` if nothing does.
    pub(crate) fn sights(&self, now: Timestamp) -> Option<(Expiry, Vec<Sight>)> {
        let decision = self.decision();
        let device = decision.device().filter(|_| decision.is_allowed())?;
        let facts =
            ShownDevice { id: self.device(), tags: &device.tags, variables: self.variables().clone() };
        if facts.variables == Variables::Only(BTreeSet::new()) {
            return None;
        }
        let all = |rights| Some((Expiry::Never, vec![Sight { rights, lock: None }]));
        match decision.basis() {
            Basis::Owner => all(Rights::ALL),
            Basis::Policy(_) => all(Rights::VIEW),
            Basis::Link { locks, ends, .. } => Some((*ends, vec![sight(Rights::VIEW, locks, &facts, now)?])),
            Basis::Grant { best, others } => {
                let by_policy = decision.policy_of_device().and_then(|_| all(Rights::VIEW));
                let (mut last, mut sights) = (None, Vec::new());
                for held in [best].into_iter().chain(others) {
                    if let Some(seen) = sight(held.standing.rights, &held.locks, &facts, now) {
                        last = last.max(Some(held.standing.ends));
                        sights.push(seen);
                    }
                }
                if let Some((ends, seen)) = by_policy {
                    last = last.max(Some(ends));
                    sights.extend(seen);
                }
                Some((last?, sights))
            }
            Basis::Denied(_) | Basis::Ended { .. } => None,
        }
    }

    /// That the inputs of a computed question have no instant in common.
    pub(crate) fn apart(&self) -> Box<DataDenied> {
        let nothing = Range::new(Timestamp::MIN, Timestamp::MIN);
        DataDenied::of(self.decision(), Denial::OutsideWindow { window: nothing }, None)
    }
}

/// What these locks let be seen of a device now, if they let anything.
fn sight(rights: Rights, locks: &Locks, device: &ShownDevice<'_>, now: Timestamp) -> Option<Sight> {
    let met = locks.effective();
    // Of all together: each by itself may show another variable.
    let shows = |met: &Lock| !met.is_empty() && !met.window(now).is_empty() && met.shows(device);
    let seen = met.as_ref().is_none_or(|met| met.lock().is_some_and(shows));
    seen.then_some(Sight { rights, lock: met })
}

/// All that admits something of the question, the best first.
fn sources<'a>(decision: &'a Decision, asking: Asking<'_>, nearest: &mut Option<Nearest<'a>>) -> Vec<Source> {
    let Asking { query, now, .. } = asking;
    match decision.basis() {
        Basis::Owner => vec![open(Admits::Owner, query)],
        Basis::Policy(_) => vec![open(Admits::Policy, query)],
        Basis::Link { chain, ends, locks, .. } => {
            let left = left(locks, chain.as_ref(), asking, nearest);
            left.map(|left| Source { by: Admits::Link, left, ends: *ends }).into_iter().collect()
        }
        Basis::Grant { best, others } => {
            let live = [best].into_iter().chain(others).filter(|held| !held.standing.ends.is_over(now));
            let mut found: Vec<Source> =
                live.clone().filter_map(|held| of_grant(held, asking, nearest)).collect();
            // What a policy lets somebody see, no grant's lock hides (K15), and it does not end.
            let is_locked = live.clone().all(|held| !held.locks.is_none() || !asking.goes_by(held.way()));
            if is_locked && asking.by_policy && asking.goes_by(Some(Admits::Policy)) {
                found.insert(0, open(Admits::Policy, query));
            }
            found
        }
        Basis::Denied(_) | Basis::Ended { .. } => Vec::new(),
    }
}

fn of_grant<'a>(held: &'a Held, asking: Asking<'_>, nearest: &mut Option<Nearest<'a>>) -> Option<Source> {
    if !asking.goes_by(held.way()) {
        return None;
    }
    let left = left(&held.locks, Some(&held.chain), asking, nearest)?;
    Some(Source { by: held.way()?, left, ends: held.standing.ends })
}

/// What no lock restricts and nothing ends.
fn open(by: Admits, query: &Query) -> Source {
    Source { by, left: all_of(query), ends: Expiry::Never }
}

fn all_of(query: &Query) -> Left {
    Left { range: query.range, parameters: query.applied(), shortened: false }
}

/// What the locks of a path leave; notes how near it came if they leave nothing.
fn left<'a>(
    locks: &'a Locks,
    chain: Option<&'a Chain>,
    asking: Asking<'_>,
    nearest: &mut Option<Nearest<'a>>,
) -> Option<Left> {
    let Asking { query, slots, now, .. } = asking;
    if locks.is_none() {
        return Some(all_of(query));
    }
    match admit(locks.readable(), query, slots, now) {
        Ok(left) => Some(left),
        Err((at, shut)) => {
            if nearest.as_ref().is_none_or(|nearest| nearest.shut.stage() < shut.stage()) {
                *nearest = Some(Nearest { shut, at, locks, chain });
            }
            None
        }
    }
}

impl Nearest<'_> {
    fn denied(self, decision: &Decision, query: &Query) -> Box<DataDenied> {
        let Some(locked) = self.locks.iter().nth(self.at).cloned() else {
            return DataDenied::of(decision, Denial::Stale, None);
        };
        let by = locked.by;
        let denial = match self.shut {
            Shut::Unreadable => Denial::LockUnreadable { by },
            Shut::Empty => Denial::LockedEmpty { by },
            Shut::Device | Shut::Variable => Denial::DeviceNotShown(query.device.clone()),
            Shut::NotApplied(name) => Denial::ParameterNotApplied { name },
            Shut::NotChosen(name) => Denial::ParameterNotChosen { name },
            Shut::TooLong(limit) => Denial::RangeTooLong { limit },
            Shut::Outside(window) => Denial::OutsideWindow { window },
        };
        let chain = self.chain.cloned().unwrap_or_default();
        DataDenied::of(decision, denial, Some(ShutBy { locked, chain }))
    }
}
