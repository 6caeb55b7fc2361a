//! The decision about a visitor who presents the token of a public link.

use super::{
    answer::{Asker, Basis, Decision, Party},
    denial::Denial,
};
use crate::{
    record::{Snapshot, leaf},
    sharing::{AnonymousAccess, Consulted, Locks, standing},
    value::{Action, LinkDigest, Timestamp},
};

/// What a visit is judged by, beside the time.
pub(crate) struct VisitFacts {
    pub(crate) snapshot: Option<Snapshot>,
    /// The tenant and the dashboard, as the host knows them.
    pub(crate) consulted: Option<Consulted>,
}

/// Decides for a visitor who presents a token. Every denial is the same value (L9).
#[inline]
pub(crate) fn decide_visit(digest: &LinkDigest, facts: VisitFacts, now: Timestamp) -> Decision {
    let asker = Asker::Visitor;
    let t = facts.snapshot.as_ref().map_or(now, |snapshot| now.max(snapshot.head.clock));
    let opened = facts.snapshot.zip(facts.consulted).and_then(|(snapshot, consulted)| {
        let basis = open(digest, &snapshot, &consulted, t)?;
        Some((snapshot.head, consulted, basis))
    });
    match opened {
        Some((head, consulted, basis)) => {
            Decision::new(asker, Action::View, t, Some(head), (basis, Party::Stranger)).consulted(consulted)
        }
        // Not `t`: a dashboard's clock that is ahead of the host's would tell that the link exists (L9).
        None => denied(Denial::LinkNotUsable, now),
    }
}

/// Denies a visit from where too many were not let in, before anything is looked up (R3).
pub(crate) fn deny_limited(now: Timestamp) -> Decision {
    denied(Denial::Limited, now)
}

fn denied(denial: Denial, now: Timestamp) -> Decision {
    Decision::new(Asker::Visitor, Action::View, now, None, (Basis::Denied(denial), Party::Stranger))
}

/// What a visit rests on, if the link opens now: its end, the chain that it hangs on, the policy (L5–L7).
#[inline]
fn open(digest: &LinkDigest, snapshot: &Snapshot, consulted: &Consulted, t: Timestamp) -> Option<Basis> {
    let (head, tenant) = (&snapshot.head, &consulted.tenant);
    let link = head.link.as_ref().filter(|link| link.digest == *digest && link.paused.is_none())?;
    head.owner_at(t).filter(|_| head.suspended.is_none())?;
    let chain = link
        .grant
        .and_then(|id| snapshot.chains.iter().find(|chain| leaf(chain).is_some_and(|g| g.id == id)));
    let makers = chain.map(|chain| standing::of_chain(chain, head, t));
    let ends = standing::of_link(link, makers, t).ok()?;
    // A grantee's link is sharing on, through a private grant: both switches count.
    let honoured = standing::is_link_honoured(link, &tenant.rules);
    let access = AnonymousAccess::of(tenant, consulted.dashboard.as_deref(), &[]);
    let opens = honoured && access.missing_to_visit(tenant).is_empty();
    access.allowed_by.filter(|_| opens).map(|rule| {
        let makers = chain.map_or(Locks::default(), |chain| Locks::of_chain(chain, t));
        let locks = makers.of_link(link, &tenant.rules);
        Basis::Link { chain: chain.cloned(), ends, locks, rule }
    })
}
