//! The proof that a load was charged.

use super::{
    batch::{ChargeId, HandBack},
    line::Outlet,
};
use crate::{
    decision::Edge,
    value::{Action, DashboardId, TenantId, Timestamp},
};
use chrono::NaiveDate;
use std::{fmt, sync::Arc};

/// The proof that a load was charged: for this dashboard, widget, action and number of records.
///
/// Only the meter makes one. A host's function that lets data out takes one, as it takes a decision to read them, and so
/// nothing leaves unmetered:
///
/// ```compile_fail
/// let ticket = dashshare::metering::Ticket { records: 3 };
/// ```
///
/// One ticket lets out one load, so there is no second one of it:
///
/// ```compile_fail
/// fn twice(ticket: dashshare::metering::Ticket) -> [dashshare::metering::Ticket; 2] {
///     [ticket.clone(), ticket]
/// }
/// ```
///
/// Nor can it be sent to somebody or kept for later:
///
/// ```compile_fail
/// fn kept(ticket: &dashshare::metering::Ticket) -> String {
///     serde_json::to_string(ticket).unwrap()
/// }
/// ```
///
/// The same functions compile for a [`Plan`](super::Plan), which is a value like any other:
///
/// ```
/// use dashshare::metering::Plan;
/// fn twice(plan: Plan) -> [Plan; 2] {
///     [plan.clone(), plan]
/// }
/// fn kept(plan: &Plan) -> String {
///     serde_json::to_string(plan).unwrap()
/// }
/// ```
///
/// Rules: [M2](crate::specification).
#[must_use = "a load that was charged and not handed over is handed back"]
pub struct Ticket {
    pub(crate) charge: ChargeId,
    pub(crate) tenant: TenantId,
    pub(crate) outlet: Arc<Outlet>,
    pub(crate) action: Action,
    pub(crate) records: u64,
    pub(crate) cost: u64,
    pub(crate) period: (Timestamp, Timestamp),
    pub(crate) day: NaiveDate,
    pub(crate) key: Option<Arc<str>>,
}

impl Ticket {
    /// Whether it lets out a load of this widget of this dashboard, by this action.
    pub fn permits(&self, dashboard: DashboardId, widget: &str, action: Action) -> bool {
        self.outlet.dashboard == dashboard && &*self.outlet.widget == widget && self.action == action
    }

    /// The dashboard.
    pub fn dashboard(&self) -> DashboardId {
        self.outlet.dashboard
    }

    /// The widget.
    pub fn widget(&self) -> &str {
        &self.outlet.widget
    }

    /// [`View`](Action::View) for a load, [`Export`](Action::Export) for an export.
    pub fn action(&self) -> Action {
        self.action
    }

    /// How many records may leave.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// What they have cost.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// What it is attributed to.
    ///
    /// Rules: [M10](crate::specification).
    pub fn edge(&self) -> &Edge {
        &self.outlet.edge
    }

    /// Whose meter it was charged to.
    ///
    /// Rules: [M14](crate::specification).
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The charge, for a host's own records.
    pub fn charge(&self) -> ChargeId {
        self.charge
    }

    pub(crate) fn hand_back(&self) -> HandBack {
        HandBack {
            charge: self.charge,
            tenant: self.tenant,
            period: self.period.0,
            period_end: self.period.1,
            day: self.day,
            outlet: Arc::clone(&self.outlet),
            cost: self.cost,
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("charge", &self.charge)
            .field("outlet", &self.outlet)
            .field("action", &self.action)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}
