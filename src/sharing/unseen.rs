//! What whoever shares is not told before the invitee has acted: that an address had an account already (I1).

use super::ledger::Ledger;
use crate::{
    record::{Actor, Grant, Grantee},
    tenant::SharingRules,
    value::{GrantId, Timestamp},
};
use std::{collections::HashSet, sync::Arc};

/// A dashboard as an actor is told of it: a grant to an address that an account had verified looks like an invitation
/// that waits, up to the instant at which one would have lapsed.
///
/// Not to the host, not where the tenant's rules tell, not to who holds the grant, and not once something was shared on
/// from it or a link hangs on it: then the invitee has shown itself. `now` is the present, whatever instant is asked
/// about, so that a question about another one tells no more. `None` when all of it is told as it is.
pub(crate) fn as_told(ledger: &Ledger, by: Actor, rules: &SharingRules, now: Timestamp) -> Option<Ledger> {
    if by == Actor::Host || rules.reveal_accounts {
        return None;
    }
    // Those that something hangs on.
    let link = ledger.head.link.as_ref().and_then(|link| link.grant);
    let above = ledger.all().flat_map(|grant| grant.ancestors.iter().copied());
    let above: HashSet<GrantId> = above.chain(link).collect();
    let hides = |grant: &Grant| match &grant.grantee {
        Grantee::Claimed(claim) => {
            claim.at_once
                && now < claim.invitation.lapses
                && by.account() != Some(claim.account)
                && !above.contains(&grant.id)
        }
        Grantee::Account(_) | Grantee::Pending(_) => false,
    };
    let told = |grant: &Arc<Grant>| match &grant.grantee {
        Grantee::Claimed(claim) if hides(grant) => {
            let grantee = Grantee::Pending(Box::new(claim.invitation.clone()));
            Arc::new(Grant { grantee, ..Grant::clone(grant) })
        }
        _ => Arc::clone(grant),
    };
    let hides_any = ledger.all().any(|grant| hides(grant));
    hides_any.then(|| Ledger::new(Arc::clone(&ledger.head), ledger.all().map(told), ledger.now))
}
