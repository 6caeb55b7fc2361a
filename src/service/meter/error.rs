//! Why nothing was charged. Then nothing may leave.

use crate::{
    host::BoxError,
    meter::{Period, Ticket},
    sharing::{ErrorKind, Told},
    value::Timestamp,
};
use std::{error::Error as StdError, fmt, sync::Arc};

/// A cause that several who waited for one answer are told.
type Cause = Arc<dyn StdError + Send + Sync>;

/// Why the [`Meter`](crate::Meter) gave no ticket. No data may leave then.
///
/// Only [`Quota`](Self::Quota) says that the tenant's records are used up. What went wrong with the machinery is told
/// apart, never as a quota.
///
/// Rules: [M3](crate::specification), [M13](crate::specification).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeterError {
    /// What was given is a denial, or is about an action by which no data leave.
    #[error("the decision does not let data leave")]
    NotAllowed,
    /// What was given has ended: decide anew.
    #[error("the decision has ended: decide anew")]
    Stale,
    /// The load does not fit into what is left of the limit. Nothing of it is charged.
    #[error(transparent)]
    Quota(Quota),
    /// The load is larger than what a meter can hold.
    #[error("{asked} records are more than a meter can hold beside {charged}")]
    Overflow {
        /// What is charged.
        charged: u64,
        /// The records of the load.
        asked: u64,
    },
    /// The name of the widget or the request key is empty or longer than 255 bytes.
    #[error("the name of a widget and a request key have 1 to 255 bytes")]
    BadName,
    /// The request key was used for another load.
    #[error("the request key was used for another load")]
    KeyReused,
    /// The host has no plan for the tenant.
    #[error("the tenant has no plan")]
    NoPlan,
    /// The plan that the host gave is of a period that does not hold now.
    #[error("the plan of the tenant is of {period}, and it is charged at {at}")]
    NotNow {
        /// The period of the plan.
        period: Period,
        /// The instant of the meter: the later of the clock and the latest instant of a charge.
        at: Timestamp,
    },
    /// The host's plans could not be asked.
    #[error("the plans failed: {0}")]
    Plans(#[source] Cause),
    /// The ledger does not answer, and more is not [allowed](crate::Meter::with_allowance) meanwhile. If its answer was
    /// lost, the load may stand as charged.
    #[error("the ledger does not answer: {0}")]
    Unavailable(#[source] Cause),
    /// There was no randomness, or it repeats itself.
    #[error("the random generator failed: {0}")]
    Random(#[source] Cause),
    /// The period of the ticket is over, so it cannot be handed back.
    #[error("the period of the charge is over")]
    PeriodOver,
}

/// That a load does not fit.
///
/// Rules: [M3](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Quota {
    /// The limit.
    pub limit: u64,
    /// What was charged when the load had its turn.
    pub charged: u64,
    /// The records of the load.
    pub asked: u64,
    /// When the period ends.
    pub ends: Timestamp,
    /// Whether a visitor asked, who is told none of this.
    pub is_visitor: bool,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, charged, asked, ends, .. } = self;
        write!(f, "{asked} records do not fit: {charged} of {limit} are charged until {ends}")
    }
}

impl StdError for Quota {}

impl MeterError {
    pub(super) fn unavailable(cause: BoxError) -> Self {
        Self::Unavailable(cause.into())
    }

    /// A stable word for each.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::Stale => "stale",
            Self::Quota(_) => "quota",
            Self::Overflow { .. } => "overflow",
            Self::BadName => "bad_name",
            Self::KeyReused => "key_reused",
            Self::NoPlan => "no_plan",
            Self::NotNow { .. } => "not_now",
            Self::Plans(_) => "plans",
            Self::Unavailable(_) => "unavailable",
            Self::Random(_) => "random",
            Self::PeriodOver => "period_over",
        }
    }

    /// What may be shown to whoever asked. An account is told that the data are used up and until when; a visitor that it
    /// did not work, like for every other cause.
    ///
    /// Rules: [M3](crate::specification), [D8](crate::specification).
    pub fn tell(&self) -> Told {
        match self {
            Self::NotAllowed | Self::Stale => Told::unknown_dashboard(),
            Self::Quota(quota) if !quota.is_visitor => {
                let sentence = format!("No more data can be shown before {}.", quota.ends);
                Told::new("quota", 429, sentence)
            }
            _ => Told::new("try_later", ErrorKind::TryLater.status(), "This did not work. Try again later."),
        }
    }
}

/// That a ticket was not handed back: with the ticket, which may be tried again.
#[derive(Debug, thiserror::Error)]
#[error("the load was not handed back: {cause}")]
#[non_exhaustive]
pub struct NotHandedBack {
    /// The ticket.
    pub ticket: Ticket,
    /// Why.
    #[source]
    pub cause: MeterError,
}
