//! Decisions that permit less than a decision about a dashboard now: about one device behind it, and about another
//! instant.

use super::{
    answer::{Asker, Decision},
    denial::Denial,
    explain::Explanation,
    pieces::Admits,
};
use crate::{
    lock::{Slots, Variables},
    policy::Resource,
    sharing::{Consulted, Told},
    value::{AccountId, Action, DashboardId, Timestamp},
};
use std::sync::Arc;

/// The decision about one device behind a dashboard: what a page asks before it shows a widget's data.
///
/// Made of a [`Decision`] by [`authorize_device`](crate::Dashshare::authorize_device). A function of a host that reads
/// the data of a device takes one of these, so that leave to see one device opens no other one.
///
/// ```compile_fail
/// fn whole_dashboard(_: dashshare::Decision) {}
/// fn one_device(decision: dashshare::DeviceDecision) {
///     whole_dashboard(decision);
/// }
/// ```
///
/// Nor does leave to see a dashboard, that was never narrowed, read the data of a device:
///
/// ```compile_fail
/// fn rows(_: dashshare::DeviceDecision) {}
/// fn whole_dashboard(decision: dashshare::Decision) {
///     rows(decision);
/// }
/// ```
///
/// Rules: [D3](crate::specification), [D5](crate::specification).
#[derive(Clone, Debug)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub struct DeviceDecision {
    decision: Decision,
    device: String,
    variables: Variables,
    slots: Slots,
    held: Option<InSlot>,
    /// Whether the policies show it too, where what grants show may be less.
    by_policy: bool,
}

/// That a slot of a blueprint holds the device.
#[derive(Clone, Debug)]
pub(crate) struct InSlot {
    pub(crate) slot: String,
    /// The ways by which it does, each by itself (K14).
    pub(crate) by: Vec<Admits>,
}

impl DeviceDecision {
    pub(crate) fn new(
        decision: &Decision,
        device: &str,
        shown: Option<Arc<Resource>>,
        slots: Slots,
        variables: Variables,
        consulted: Option<Consulted>,
    ) -> Self {
        let decision = decision.narrowed(device, shown, &slots, consulted);
        let by_policy = decision.may_rest_on_policies() && decision.policy_of_device().is_some();
        Self { decision, device: device.to_owned(), variables, slots, held: None, by_policy }
    }

    /// The same while a slot holds the device.
    pub(crate) fn held(self, held: InSlot) -> Self {
        Self { held: Some(held), ..self }
    }

    /// The same while no slot does: one that waits for another says so, and all else is like a device that is not there
    /// (B4).
    pub(crate) fn unresolved(self, slot: Option<(String, &'static str)>) -> Self {
        let denial = match slot {
            Some((slot, why)) if why != "refused" => Denial::SlotUnresolved { slot, why },
            _ => Denial::DeviceNotShown(self.device.clone()),
        };
        Self { decision: self.decision.denied(denial, None), ..self }
    }

    /// The slots that may hold the device, where the dashboard shows it in its slots alone.
    pub(crate) fn may_be_held(&self) -> Option<impl Iterator<Item = &String>> {
        self.slots.holding.as_ref().map(|slots| slots.iter())
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(super) fn is_by_policy(&self) -> bool {
        self.by_policy
    }

    pub(super) fn holder(&self) -> Option<&InSlot> {
        self.held.as_ref()
    }

    pub(super) fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The variables of the device that the dashboard shows, whatever is locked.
    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The decision with the device in it, for one that permits nothing.
    pub(crate) fn into_decision(self) -> Decision {
        self.decision
    }

    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        self.decision.is_allowed()
    }

    /// The dashboard and the device that it allows this very action with, if it does.
    pub fn permitted(&self, action: Action) -> Option<(DashboardId, &str)> {
        self.decision.permitted(action).map(|dashboard| (dashboard, self.device.as_str()))
    }

    /// The device.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// Until when an allowance can be relied on if nothing changes, as for the dashboard.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.decision.valid_until()
    }

    /// Why it was denied, if it was.
    pub fn denial(&self) -> Option<Denial> {
        self.decision.denial()
    }

    /// What may be shown to whoever asked.
    pub fn tell(&self) -> Told {
        self.decision.tell()
    }

    /// The explanation as data, for the owner and for support.
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
}

/// What a decision was, or would be, at another instant, if nothing is changed meanwhile. It permits nothing, and is for
/// the owner and for support: of the past, whoever asked is told no more than [`tell`](Decision::tell) says now.
///
/// Made by [`AsOf::authorize`](crate::questions::AsOf::authorize).
///
/// ```compile_fail
/// fn show(decision: dashshare::DecisionAsOf) {
///     decision.permitted(dashshare::Action::View);
/// }
/// ```
///
/// Rules: [D5](crate::specification), [D7](crate::specification).
#[derive(Clone, Debug)]
pub struct DecisionAsOf {
    decision: Decision,
}

impl DecisionAsOf {
    pub(crate) fn new(decision: Decision) -> Self {
        Self { decision }
    }

    /// Whether it was allowed at that instant, or would be.
    pub fn was_allowed(&self) -> bool {
        self.decision.is_allowed()
    }

    /// Who asked.
    pub fn asker(&self) -> Asker {
        self.decision.asker()
    }

    /// The instant.
    pub fn at(&self) -> Timestamp {
        self.decision.at()
    }

    /// Until when an allowance would last.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.decision.valid_until()
    }

    /// Why it was denied, if it was.
    pub fn denial(&self) -> Option<Denial> {
        self.decision.denial()
    }

    /// The explanation as data, for the owner and for support.
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
}
