//! The shelf: what is dead costs a decision nothing (G23).

use super::{draft::Draft, ledger::Ledger, standing, standing::FallCause};
use crate::{
    record::{Chain, Grant},
    value::{AccountId, GrantId},
};
use std::sync::Arc;

/// How many grants are put on the shelf by one commit.
const AT_ONCE: usize = 64;

/// Puts grants that are dead for good on the shelf, those of an account and those that waited for nobody: all of the
/// account's were read. Two of its dead ones stay, since a decision tells of them: the one that ended last, for when its
/// access ended (D8), and the one made last, for how.
///
/// One that still carries what hangs on it is never put there (G18).
pub(super) fn shelve(ledger: &Ledger, account: Option<AccountId>, draft: &mut Draft<'_>) {
    let holds = |grant: &Grant| grant.grantee.account().is_some_and(|holder| Some(holder) == account);
    let dead: Vec<&Arc<Grant>> =
        ledger.all().filter(|grant| !grant.is_shelved() && is_dead_for_good(ledger, grant.id)).collect();
    let told = || dead.iter().filter(|grant| holds(grant) && grant.ordinal >= ledger.head.first_ordinal);
    let kept = [
        told().max_by_key(|grant| (standing::ended_at(&chain(ledger, grant), ledger.now), grant.ordinal)),
        told().max_by_key(|grant| grant.ordinal),
    ];
    let is_kept = |grant: &Grant| kept.iter().flatten().any(|kept| kept.id == grant.id);
    let shelved = dead.iter().filter(|grant| (holds(grant) || grant.grantee.is_pending()) && !is_kept(grant));
    for grant in shelved.take(AT_ONCE) {
        let mut grant = Grant::clone(grant);
        grant.history_mut().shelved = true;
        draft.put(grant);
    }
}

/// Whether nothing can make it live again (G10).
fn is_dead_for_good(ledger: &Ledger, grant: GrantId) -> bool {
    let is_final = |cause| !matches!(cause, FallCause::NotYetMade(_) | FallCause::PathUnknown);
    ledger.carried(grant).is_none() && matches!(ledger.judge(grant), Some(Err(fall)) if is_final(fall.cause))
}

fn chain(ledger: &Ledger, leaf: &Grant) -> Chain {
    let mut chain: Chain = leaf.path().filter_map(|id| ledger.get(id).cloned()).collect();
    chain.reverse();
    chain
}
