//! Sums of lines: by edge, link, sharer, branch and widget.

use super::line::{Figures, Line};
use crate::{
    decision::Edge,
    record::Grant,
    value::{AccountId, DashboardId, GrantId},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Sums of lines. Who shared, and what hangs below a grant, is derived from the grants when it is asked for: neither ever
/// changes, so no later command moves a figure.
///
/// ```
/// # use dashshare::metering::{Line, Sums};
/// # fn show(lines: &[Line]) {
/// let sums = Sums::of(lines);
/// println!("{} records", sums.all().charged);
/// # }
/// ```
///
/// Rules: [M10](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    by_edge: BTreeMap<(DashboardId, Edge), Figures>,
    by_widget: BTreeMap<(DashboardId, Arc<str>), Figures>,
}

impl Sums {
    /// The sums of these lines.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        let mut sums = Self::default();
        for Line { place, figures } in lines {
            let outlet = &place.outlet;
            let edge = sums.by_edge.entry((outlet.dashboard, outlet.edge.clone())).or_default();
            *edge = edge.plus(*figures);
            let widget = sums.by_widget.entry((outlet.dashboard, Arc::clone(&outlet.widget))).or_default();
            *widget = widget.plus(*figures);
        }
        sums
    }

    /// All together.
    pub fn all(&self) -> Figures {
        self.by_edge.values().copied().sum()
    }

    /// By dashboard and edge.
    pub fn by_edge(&self) -> &BTreeMap<(DashboardId, Edge), Figures> {
        &self.by_edge
    }

    /// By dashboard and widget.
    pub fn by_widget(&self) -> &BTreeMap<(DashboardId, Arc<str>), Figures> {
        &self.by_widget
    }

    /// By dashboard and generation of its link.
    pub fn by_link(&self) -> BTreeMap<(DashboardId, u64), Figures> {
        let mut found: BTreeMap<_, Figures> = BTreeMap::new();
        for ((dashboard, edge), figures) in &self.by_edge {
            if let Edge::Link { generation, .. } = edge {
                let sum = found.entry((*dashboard, *generation)).or_default();
                *sum = sum.plus(*figures);
            }
        }
        found
    }

    /// The grants of a dashboard that the sums name, for [`by_sharer`](Self::by_sharer) and [`branch`](Self::branch).
    pub fn grants(&self, dashboard: DashboardId) -> Vec<GrantId> {
        let of_it = self.by_edge.keys().filter(|(of, _)| *of == dashboard);
        let mut found: Vec<GrantId> = of_it.filter_map(|(_, edge)| edge.grant()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// By who shared, of these grants: whoever made the grant that let the viewer in, or whose grant the link hangs on. What
    /// the owner's own visits, the owner's link and policies let out is nobody's.
    pub fn by_sharer(&self, grants: &[Arc<Grant>]) -> BTreeMap<AccountId, Figures> {
        let known: HashMap<(DashboardId, GrantId), &Arc<Grant>> =
            grants.iter().map(|grant| ((grant.dashboard, grant.id), grant)).collect();
        let mut found: BTreeMap<_, Figures> = BTreeMap::new();
        for ((dashboard, edge), figures) in &self.by_edge {
            let grant = edge.grant().and_then(|id| known.get(&(*dashboard, id)));
            let sharer = grant.and_then(|grant| match edge {
                Edge::Link { .. } => grant.grantee.account(),
                _ => Some(grant.grantor),
            });
            if let Some(sharer) = sharer {
                let sum = found.entry(sharer).or_default();
                *sum = sum.plus(*figures);
            }
        }
        found
    }

    /// What left by a grant and by all that hangs on it, its links among it, of these grants.
    pub fn branch(&self, top: &Grant, grants: &[Arc<Grant>]) -> Figures {
        let is_in = |grant: &Arc<Grant>| grant.id == top.id || grant.ancestors.contains(&top.id);
        let of_branch =
            |id: GrantId| id == top.id || grants.iter().any(|grant| grant.id == id && is_in(grant));
        let in_branch = self.by_edge.iter().filter(|((dashboard, edge), _)| {
            *dashboard == top.dashboard && edge.grant().is_some_and(of_branch)
        });
        in_branch.map(|(_, figures)| *figures).sum()
    }
}
