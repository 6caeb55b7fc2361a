//! What let somebody in, as figures are kept by: of all that a decision or an admission rests on, one.

use crate::{
    policy::RuleRef,
    record::Revision,
    value::{Action, DashboardId, GrantId, TenantId, Timestamp},
};
use serde::{Deserialize, Serialize};

/// What let the viewer in: what a load is attributed to.
///
/// Of several things that a decision rests on it is the first: grants before policies, and of grants the one that ends
/// last, then the shallowest, then the oldest. Nothing in it ever changes, so no later command moves a figure: who shared, and
/// what hangs below, follow from the grant's ancestors.
///
/// Rules: [M10](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edge {
    /// Whoever asked owns the dashboard.
    Owner,
    /// A grant: the leaf, which the viewer holds.
    Grant(GrantId),
    /// The public link.
    Link {
        /// Which of the dashboard's links.
        generation: u64,
        /// The grant that it hangs on, if a grantee made it.
        under: Option<GrantId>,
    },
    /// A rule of a policy.
    Policy(RuleRef),
}

/// What is known of a load before it is charged: whose it is, of what, and by what right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Leave {
    pub(crate) tenant: TenantId,
    pub(crate) dashboard: DashboardId,
    pub(crate) registered: Revision,
    pub(crate) edge: Edge,
    pub(crate) action: Action,
    pub(crate) at: Timestamp,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) is_visitor: bool,
}

impl Edge {
    /// The grant that it is, or that the link hangs on.
    pub fn grant(&self) -> Option<GrantId> {
        match self {
            Self::Grant(grant) => Some(*grant),
            Self::Link { under, .. } => *under,
            Self::Owner | Self::Policy(_) => None,
        }
    }
}
