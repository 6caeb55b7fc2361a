//! The decision about an account: the owner, then a live grant, else a denial that says why.

use super::{
    answer::{Basis, Decision, Principal},
    denial::Denial,
};
use crate::{
    record::{Chain, Head, Snapshot, leaf},
    sharing::{Fall, Standing, standing},
    tenant::SharingRules,
    value::{AccountId, Action, Right, Rights, Timestamp},
};
use std::cmp::Reverse;

/// Decides for an account. Total: what it does not know, it denies (D1).
///
/// The order is D2: the owner, then a live grant with the right, else denied; policies come with
/// [`Decision::under`].
pub(crate) fn decide(
    account: AccountId,
    action: Action,
    snapshot: Option<Snapshot>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Decision {
    let principal = Principal::Account(account);
    let Some(Snapshot { head, chains }) = snapshot else {
        let basis = Basis::Denied(Denial::UnknownDashboard);
        return Decision::new(principal, action, t, None, basis);
    };
    let basis = match head.owner_at(t) {
        None => Basis::Denied(Denial::UnknownDashboard),
        Some(owner) if owner == account => Basis::Owner,
        Some(_) => by_grants(account, action, &head, chains, rules, t),
    };
    let unknown = matches!(basis, Basis::Denied(Denial::UnknownDashboard));
    let head = (!unknown).then_some(head);
    Decision::new(principal, action, t, head, basis)
}

fn by_grants(
    account: AccountId,
    action: Action,
    head: &Head,
    chains: Vec<Chain>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Basis {
    let mut best: Option<(Standing, Chain)> = None;
    let mut tally = Tally::default();
    for chain in chains {
        let Some(grant) = leaf(&chain).filter(|grant| {
            // What a deleted dashboard of the same id had is nobody's business any more (G19).
            grant.ordinal >= head.first_ordinal && grant.grantee.account_at(t) == Some(account)
        }) else {
            continue;
        };
        let standing = match standing::of_chain(&chain, head, t) {
            Ok(standing) => standing,
            Err(fall) => {
                tally.note_fall(fall, chain);
                continue;
            }
        };
        if !rules.is_some_and(|rules| standing::is_honoured(grant, rules)) {
            tally.switched_off = true;
            continue;
        }
        tally.held = tally.held | standing.rights;
        tally.live = true;
        // Nothing can be shared on from a grant that is left without rights.
        let can_share = standing.reshare && !standing.rights.is_empty();
        let allows = match action {
            Action::View => standing.rights.contains(Right::View),
            Action::Export => standing.rights.contains(Right::Export),
            Action::Share => can_share && rules.is_some_and(|rules| rules.resharing),
            Action::Arrange | Action::Edit => false,
        };
        tally.reshare |= can_share;
        // The one that lasts longest, and of several the oldest: stores answer with chains in any order.
        let rank = |standing: &Standing, chain: &Chain| {
            (standing.ends, Reverse(leaf(chain).map(|grant| grant.ordinal)))
        };
        let beats = |(best, its): &(Standing, Chain)| rank(best, its) < rank(&standing, &chain);
        if allows && best.as_ref().is_none_or(beats) {
            best = Some((standing, chain));
        }
    }
    match best {
        Some((standing, chain)) => Basis::Grant { chain, standing },
        None => tally.basis(action, rules),
    }
}

/// What was seen on the way to a denial.
#[derive(Default)]
struct Tally {
    held: Rights,
    live: bool,
    reshare: bool,
    switched_off: bool,
    latest_fall: Option<(Fall, Chain)>,
}

impl Tally {
    fn note_fall(&mut self, fall: Fall, chain: Chain) {
        let ordinal = |chain: &Chain| leaf(chain).map(|grant| grant.ordinal);
        if self.latest_fall.as_ref().is_none_or(|(_, latest)| ordinal(latest) < ordinal(&chain)) {
            self.latest_fall = Some((fall, chain));
        }
    }

    fn basis(self, action: Action, rules: Option<&SharingRules>) -> Basis {
        let private = rules.is_some_and(|rules| rules.private);
        if !self.held.is_empty() {
            return Basis::Denied(match action {
                Action::Edit => Denial::OwnersOnly,
                Action::Arrange => Denial::ArrangementNotGiven,
                Action::Share if self.reshare => Denial::ResharingOff,
                Action::Share => Denial::NoReshareRight,
                Action::View | Action::Export => Denial::RightNotGiven(self.held),
            });
        }
        match self.latest_fall {
            _ if self.switched_off && !private => Basis::Denied(Denial::PrivateSharingOff),
            _ if self.switched_off => Basis::Denied(Denial::ResharingOff),
            _ if self.live => Basis::Denied(Denial::RightNotGiven(Rights::NONE)),
            Some((fall, chain)) => Basis::Ended { fall, chain },
            None => Basis::Denied(Denial::NotShared),
        }
    }
}
