//! What is charged: a load, and by what right it leaves.

use super::error::MeterError;
use crate::{
    decision::{Admitted, Decision, Leave},
    meter::Outlet,
    value::{Action, Expiry, TenantId, Timestamp},
};
use std::sync::Arc;

/// The longest name of a widget, and the longest request key, in bytes.
const LONGEST: usize = 255;

/// One widget's data, or one export, that is handed over once: how many records of what.
///
/// ```
/// use dashshare::metering::Load;
/// let load = Load::of("chart-1", 120).cached().keyed("request-7");
/// assert_eq!(load.records, 120);
/// ```
///
/// Rules: [M1](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Load<'a> {
    /// The widget, by the host's name: 1 to 255 bytes.
    pub widget: &'a str,
    /// How many records, from the result itself.
    pub records: u64,
    /// Whether it comes from the host's cache of results.
    pub is_cached: bool,
    /// The host's own name for the request, if it has one: 1 to 255 bytes.
    pub key: Option<&'a str>,
}

impl<'a> Load<'a> {
    /// A load of so many records.
    pub const fn of(widget: &'a str, records: u64) -> Self {
        Self { widget, records, is_cached: false, key: None }
    }

    /// The same from the host's cache: it costs nothing, unless the plan says otherwise.
    ///
    /// Rules: [M9](crate::specification).
    #[must_use]
    pub const fn cached(self) -> Self {
        Self { is_cached: true, ..self }
    }

    /// The same under a key: within ten minutes the same load under the same key is the same charge, in this process. The
    /// key is the host's, and no text of a client's as it came.
    ///
    /// Rules: [M6](crate::specification).
    #[must_use]
    pub const fn keyed(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// By what right a load leaves: a [`Decision`], or what was [`Admitted`] of a question for data. Made from either; there is
/// no other way to charge.
///
/// Rules: [M2](crate::specification).
#[derive(Clone, Copy, Debug)]
pub struct Metered<'a>(Right<'a>);

#[derive(Clone, Copy, Debug)]
enum Right<'a> {
    Decided(&'a Decision),
    Admitted(&'a Admitted),
}

impl<'a> From<&'a Decision> for Metered<'a> {
    fn from(decision: &'a Decision) -> Self {
        Self(Right::Decided(decision))
    }
}

impl<'a> From<&'a Admitted> for Metered<'a> {
    fn from(admitted: &'a Admitted) -> Self {
        Self(Right::Admitted(admitted))
    }
}

/// A load that may be charged.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) tenant: TenantId,
    pub(super) outlet: Arc<Outlet>,
    pub(super) action: Action,
    pub(super) records: u64,
    pub(super) is_cached: bool,
    pub(super) is_visitor: bool,
}

impl Request {
    pub(super) fn is_export(&self) -> bool {
        self.action == Action::Export
    }
}

impl Metered<'_> {
    fn leave(self) -> Option<Leave> {
        match self.0 {
            Right::Decided(decision) => decision.leave(),
            Right::Admitted(admitted) => admitted.leave(),
        }
    }

    /// The load, if it may leave at all.
    pub(super) fn request(self, load: &Load<'_>, now: Timestamp) -> Result<Request, MeterError> {
        let leave = self.leave().ok_or(MeterError::NotAllowed)?;
        if !matches!(leave.action, Action::View | Action::Export) {
            return Err(MeterError::NotAllowed);
        }
        if Expiry::from(leave.valid_until).is_over(now.max(leave.at)) {
            return Err(MeterError::Stale);
        }
        let is_name = |name: &str| (1..=LONGEST).contains(&name.len());
        if !is_name(load.widget) || !load.key.is_none_or(is_name) {
            return Err(MeterError::BadName);
        }
        let outlet = Outlet {
            dashboard: leave.dashboard,
            registered: leave.registered,
            edge: leave.edge,
            widget: Arc::from(load.widget),
        };
        Ok(Request {
            tenant: leave.tenant,
            outlet: Arc::new(outlet),
            action: leave.action,
            records: load.records,
            is_cached: load.is_cached,
            is_visitor: leave.is_visitor,
        })
    }
}
