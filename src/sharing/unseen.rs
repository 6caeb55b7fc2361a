//! What whoever shares is not told before the invitee has answered: that an address had an account already (I1).

use super::ledger::Ledger;
use crate::{
    record::{Actor, Grant, Grantee},
    tenant::SharingRules,
    value::{Expiry, GrantId, Timestamp},
};
use std::collections::BTreeSet;

/// The grants that an actor is told of as if they were invitations that wait: those that were made to an address which
/// an account had verified, until it has claimed them or an invitation would have lapsed.
pub(crate) struct Unseen(BTreeSet<GrantId>);

/// None of them: the host may know all.
pub(crate) static NOTHING: Unseen = Unseen(BTreeSet::new());

impl Unseen {
    /// `now` is the present, whatever instant is asked about, so that a question about another one tells no more.
    pub(crate) fn by(by: Actor, ledger: &Ledger, rules: &SharingRules, now: Timestamp) -> Self {
        let hidden = ledger.all().filter(|grant| is_hidden_from(by, grant, rules, now));
        Self(hidden.map(|grant| grant.id).collect())
    }

    pub(crate) fn hides(&self, grant: &Grant) -> bool {
        self.0.contains(&grant.id)
    }
}

/// Whether somebody holds it by an address, which whoever shared it may not know yet.
pub(crate) fn is_hidden(grant: &Grant, rules: &SharingRules, now: Timestamp) -> bool {
    let waits = || grant.unanswered().is_some_and(|invitation| now < invitation.lapses);
    matches!(grant.grantee, Grantee::Claimed(_)) && !rules.reveal_accounts && waits()
}

/// The same of an actor: nothing is hidden from the host, and from who holds the grant.
fn is_hidden_from(by: Actor, grant: &Grant, rules: &SharingRules, now: Timestamp) -> bool {
    by.account().is_some_and(|by| grant.grantee.account() != Some(by)) && is_hidden(grant, rules, now)
}

/// When an invitation to a grant lapses that is hidden, or would if it were one.
pub(crate) fn lapse(grant: &Grant) -> Expiry {
    grant.unanswered().map_or(Expiry::Never, |invitation| Expiry::At(invitation.lapses))
}

/// When a grant lapses unless it is claimed, as an actor is told of it.
pub(crate) fn lapse_as_told(grant: &Grant, by: Actor, rules: &SharingRules, now: Timestamp) -> Expiry {
    if is_hidden_from(by, grant, rules, now) { lapse(grant) } else { grant.grantee.lapses(now) }
}
