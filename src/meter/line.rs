//! What figures are kept by, and the figures.

use crate::{
    decision::Edge,
    record::Revision,
    value::{DashboardId, TenantId, Timestamp},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Through what data leave: the widget of one incarnation of a dashboard, and what let the viewer in.
///
/// A dashboard that is deleted and registered again under its id is another incarnation, told by the revision that
/// registered it.
///
/// Rules: [M10](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Outlet {
    /// The dashboard.
    pub dashboard: DashboardId,
    /// The revision that registered it.
    pub registered: Revision,
    /// What let the viewer in.
    pub edge: Edge,
    /// The widget, by the host's name.
    pub widget: Arc<str>,
}

/// What is counted. Sums that would be too large stop at the largest number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Figures {
    /// Records charged, less those that were handed back.
    pub charged: u64,
    /// Loads charged, also for nothing and from a cache. What is handed back is not taken off.
    pub loads: u64,
    /// How many of the loads were exports.
    pub exports: u64,
    /// Records that came from the host's cache, whether they cost anything or not.
    pub cached: u64,
    /// How many of the loads came from there.
    pub cached_loads: u64,
    /// Loads refused for the limit.
    pub refused: u64,
    /// Records handed back.
    pub handed_back: u64,
    /// Loads handed back.
    pub hand_backs: u64,
}

impl Figures {
    /// A load that was charged.
    pub(crate) fn load(cost: u64, cached: Option<u64>, is_export: bool) -> Self {
        Self {
            charged: cost,
            loads: 1,
            exports: u64::from(is_export),
            cached: cached.unwrap_or(0),
            cached_loads: u64::from(cached.is_some()),
            ..Self::default()
        }
    }

    /// A load that was refused.
    pub(crate) fn refusal() -> Self {
        Self { refused: 1, ..Self::default() }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            charged: self.charged.saturating_add(other.charged),
            loads: self.loads.saturating_add(other.loads),
            exports: self.exports.saturating_add(other.exports),
            cached: self.cached.saturating_add(other.cached),
            cached_loads: self.cached_loads.saturating_add(other.cached_loads),
            refused: self.refused.saturating_add(other.refused),
            handed_back: self.handed_back.saturating_add(other.handed_back),
            hand_backs: self.hand_backs.saturating_add(other.hand_backs),
        }
    }

    /// The same less a load that was handed back.
    #[must_use]
    pub(crate) fn less(self, records: u64) -> Self {
        Self {
            charged: self.charged.saturating_sub(records),
            handed_back: self.handed_back.saturating_add(records),
            hand_backs: self.hand_backs.saturating_add(1),
            ..self
        }
    }
}

impl std::iter::Sum for Figures {
    fn sum<I: Iterator<Item = Self>>(figures: I) -> Self {
        figures.fold(Self::default(), Self::plus)
    }
}

/// One line: the figures of one outlet on one day of one period.
///
/// Rules: [M5](crate::specification), [M10](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// Where it stands, by which pages go.
    pub place: LinePlace,
    /// The figures.
    pub figures: Figures,
}

impl Line {
    /// A line, for a ledger that reads one back.
    pub const fn new(place: LinePlace, figures: Figures) -> Self {
        Self { place, figures }
    }
}

/// What a line is known by, in the order in which lines come: by day, dashboard, incarnation, edge, widget and period.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LinePlace {
    /// The tenant's day.
    pub day: NaiveDate,
    /// Through what.
    pub outlet: Outlet,
    /// The first instant of the period that it was charged to.
    pub period: Timestamp,
}

/// Which lines of a tenant are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LineQuery {
    /// Whose.
    pub tenant: TenantId,
    /// The first day.
    pub from: NaiveDate,
    /// The day at which to stop, which is no part.
    pub until: NaiveDate,
    /// Those of one dashboard; `None` for all.
    pub dashboard: Option<DashboardId>,
    /// Those of one period, by its first instant; `None` for all.
    pub period: Option<Timestamp>,
}

impl LineQuery {
    /// All lines of a tenant.
    pub const fn of(tenant: TenantId) -> Self {
        Self { tenant, from: NaiveDate::MIN, until: NaiveDate::MAX, dashboard: None, period: None }
    }

    /// Those from a day on, up to another that is no part.
    #[must_use]
    pub fn days(self, from: NaiveDate, until: NaiveDate) -> Self {
        Self { from, until, ..self }
    }

    /// Those of a dashboard.
    #[must_use]
    pub fn dashboard(self, dashboard: DashboardId) -> Self {
        Self { dashboard: Some(dashboard), ..self }
    }

    /// Those that were charged to the period that begins at this instant.
    #[must_use]
    pub fn period(self, first: Timestamp) -> Self {
        Self { period: Some(first), ..self }
    }

    /// Whether a line of the tenant is asked for.
    pub fn asks(&self, place: &LinePlace) -> bool {
        self.from <= place.day
            && place.day < self.until
            && self.dashboard.is_none_or(|dashboard| dashboard == place.outlet.dashboard)
            && self.period.is_none_or(|first| first == place.period)
    }
}
