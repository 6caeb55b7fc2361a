//! To which of all that a decision rests on a load is attributed.

use super::{
    answer::{Asker, Basis, Decision, Held},
    edge::{Edge, Leave},
    pieces::{Admits, Attributed},
};
use crate::value::Expiry;
use std::cmp::Reverse;

/// What a grant comes before another by.
type Rank = (Expiry, Reverse<usize>, Reverse<u64>);

impl Held {
    /// The one with the greatest rank is what a load is attributed to.
    pub(super) fn rank(&self) -> Option<Rank> {
        let leaf = self.chain.first()?;
        Some((self.standing.ends, Reverse(self.chain.len()), Reverse(leaf.ordinal)))
    }
}

impl Decision {
    /// What a load under this decision is attributed to; `None` if it denies.
    ///
    /// Rules: [M10](crate::specification).
    pub fn edge(&self) -> Option<Edge> {
        match self.basis() {
            Basis::Owner => Some(Edge::Owner),
            Basis::Grant { best, others } => {
                let first = [best].into_iter().chain(others).max_by_key(|held| held.rank())?;
                first.chain.first().map(|leaf| Edge::Grant(leaf.id))
            }
            Basis::Link { chain, .. } => {
                let under = chain.as_ref().and_then(|chain| chain.first()).map(|leaf| leaf.id);
                let generation = self.head()?.link.as_ref()?.generation;
                Some(Edge::Link { generation, under })
            }
            Basis::Policy(rule) => Some(Edge::Policy(rule.clone())),
            Basis::Denied(_) | Basis::Ended { .. } => None,
        }
    }

    /// The same with whose load it is; `None` if it denies.
    pub(crate) fn leave(&self) -> Option<Leave> {
        self.leave_by(self.edge()?)
    }

    fn leave_by(&self, edge: Edge) -> Option<Leave> {
        let head = self.head()?;
        Some(Leave {
            tenant: head.tenant,
            dashboard: head.dashboard,
            registered: head.registered,
            edge,
            action: self.action(),
            at: self.at(),
            valid_until: self.valid_until(),
            is_visitor: self.asker() == Asker::Visitor,
        })
    }

    /// Whose load it is that these admit some of, and what it is attributed to.
    pub(super) fn attributed(&self, by: impl Iterator<Item = Admits>) -> Option<Attributed> {
        let mut first: Option<(Admits, Edge)> = None;
        let mut others = Vec::new();
        for admits in by {
            let edge = self.edge_of(admits)?;
            match &first {
                None => first = Some((admits, edge)),
                Some(_) => others.push((admits, edge)),
            }
        }
        let mut first = first?;
        if !others.is_empty() {
            others.push(first);
            // Grants before policies.
            others.sort_by_key(|(admits, _)| Reverse(self.rank(*admits)));
            first = others.remove(0);
        }
        let (first, edge) = first;
        Some(Attributed { leave: self.leave_by(edge)?, first, others })
    }

    fn edge_of(&self, admits: Admits) -> Option<Edge> {
        match (admits, self.basis()) {
            (Admits::Grant(grant), _) => Some(Edge::Grant(grant)),
            (Admits::Policy, Basis::Grant { .. }) => self.policy_of_device().map(Edge::Policy),
            _ => self.edge(),
        }
    }

    /// What a grant that it rests on comes before another by; `None` for what is no grant.
    fn rank(&self, admits: Admits) -> Option<Rank> {
        let Basis::Grant { best, others } = self.basis() else { return None };
        let all = [best].into_iter().chain(others);
        let is_it = |held: &&Held| held.chain.first().is_some_and(|leaf| admits == Admits::Grant(leaf.id));
        all.into_iter().find(is_it).and_then(Held::rank)
    }
}
