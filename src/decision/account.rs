//! The decision about an account: the owner, then a live grant, else a denial that says why.

use super::{
    answer::{Asker, Basis, Decision, Held, Party},
    denial::Denial,
};
use crate::{
    record::{Chain, Grant, Head, Snapshot, leaf},
    sharing::{Fall, Standing, standing},
    tenant::SharingRules,
    value::{AccountId, Action, Expiry, Right, Rights, Timestamp},
};
use std::{cmp::Reverse, sync::Arc};

/// Decides for an account. Total: what it does not know, it denies (D1).
///
/// The order is D2: the owner, then a live grant with the right, else denied; policies come with
/// [`Decision::under`]. A dashboard that the host has suspended is denied to everybody (G25).
#[inline]
pub(crate) fn decide(
    account: AccountId,
    action: Action,
    snapshot: Option<Snapshot>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Decision {
    let asker = Asker::Account(account);
    let unknown = (Basis::Denied(Denial::UnknownDashboard), Party::Stranger);
    let Some(Snapshot { head, chains }) = snapshot else {
        return Decision::new(asker, action, t, None, unknown);
    };
    let decided = match head.owner_at(t) {
        None => return Decision::new(asker, action, t, None, unknown),
        Some(owner) if owner == account => (Basis::Owner, Party::Present),
        Some(_) => by_grants(account, action, &head, chains, rules, t),
    };
    // Whoever is a party is told of it, and nobody else (G25, D8).
    let decided = match (head.suspended, decided) {
        (Some(_), (_, party)) => (Basis::Denied(Denial::Suspended), party),
        (None, decided) => decided,
    };
    Decision::new(asker, action, t, Some(head), decided)
}

#[inline]
fn by_grants(
    account: AccountId,
    action: Action,
    head: &Head,
    mut chains: Vec<Chain>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> (Basis, Party) {
    // The one that lasts longest, and of several the oldest: stores answer with chains in any order.
    let mut best: Option<(Rank, Standing, usize)> = None;
    let mut others: Vec<(Rank, Standing, usize)> = Vec::new();
    let mut tally = Tally::default();
    for (index, chain) in chains.iter().enumerate() {
        let Some(grant) = held(chain, account, head, t) else { continue };
        let standing = match standing::of_chain(chain, head, t) {
            Ok(standing) => standing,
            Err(fall) => {
                tally.note_fall(fall, grant.ordinal, index);
                continue;
            }
        };
        tally.live = true;
        if !rules.is_some_and(|rules| standing::is_honoured(grant, rules)) {
            tally.switched_off = true;
            continue;
        }
        tally.honoured = true;
        tally.held = tally.held | standing.rights;
        let can_share = rules.is_some_and(|rules| standing::can_share_on(grant, &standing, rules));
        let allows = match action {
            Action::View => standing.rights.contains(Right::View),
            Action::Export => standing.rights.contains(Right::Export),
            Action::Share => can_share,
            Action::Arrange | Action::Edit => false,
        };
        tally.reshare |= standing.reshare && !standing.rights.is_empty();
        let rank = (standing.ends, Reverse(grant.ordinal));
        if !allows {
            continue;
        }
        match &mut best {
            None => best = Some((rank, standing, index)),
            Some(best) if best.0 < rank => others.push(std::mem::replace(best, (rank, standing, index))),
            Some(_) => others.push((rank, standing, index)),
        }
    }
    match best {
        Some((_, standing, index)) if others.is_empty() => {
            let best = Held::of(chains.swap_remove(index), standing, rules, t);
            (Basis::Grant { best, others: Vec::new() }, Party::Present)
        }
        Some((_, standing, index)) => {
            others.sort_unstable_by_key(|(rank, ..)| Reverse(*rank));
            // Each chain is about a grant of its own, so that each is taken once.
            let mut take = |index: usize, standing: Standing| {
                let chain = chains.get_mut(index).map(std::mem::take).unwrap_or_default();
                Held::of(chain, standing, rules, t)
            };
            let best = take(index, standing);
            let others = others.into_iter().map(|(_, standing, index)| take(index, standing)).collect();
            (Basis::Grant { best, others }, Party::Present)
        }
        None => tally.denial(account, action, head, chains, rules, t),
    }
}

/// The grant that a chain is about, if the account holds it. What a deleted dashboard of the same id had is nobody's
/// business any more (G19).
#[inline]
fn held<'a>(chain: &'a Chain, account: AccountId, head: &Head, t: Timestamp) -> Option<&'a Arc<Grant>> {
    leaf(chain)
        .filter(|grant| grant.ordinal >= head.first_ordinal && grant.grantee.account_at(t) == Some(account))
}

type Rank = (Expiry, Reverse<u64>);

/// What was seen on the way to a denial.
#[derive(Default)]
struct Tally {
    held: Rights,
    live: bool,
    honoured: bool,
    reshare: bool,
    switched_off: bool,
    /// How the latest of the grants that fell ended: its ordinal and its place among the chains.
    latest_fall: Option<(Fall, u64, usize)>,
}

impl Tally {
    fn note_fall(&mut self, fall: Fall, ordinal: u64, index: usize) {
        if self.latest_fall.is_none_or(|(_, latest, _)| latest < ordinal) {
            self.latest_fall = Some((fall, ordinal, index));
        }
    }

    fn denial(
        self,
        account: AccountId,
        action: Action,
        head: &Head,
        mut chains: Vec<Chain>,
        rules: Option<&SharingRules>,
        t: Timestamp,
    ) -> (Basis, Party) {
        let party = match self.live {
            true => Party::Present,
            false => former(account, head, &chains, t),
        };
        let private = rules.is_some_and(|rules| rules.private);
        let denial = match self.latest_fall {
            _ if !self.held.is_empty() => match action {
                Action::Edit => Denial::OwnersOnly,
                Action::Arrange => Denial::ArrangementNotGiven,
                Action::Share if self.reshare => match rules {
                    Some(rules) if rules.resharing => Denial::TooDeep { limit: rules.depth_limit() },
                    _ => Denial::ResharingOff,
                },
                Action::Share => Denial::NoReshareRight,
                Action::View | Action::Export => Denial::RightNotGiven(self.held),
            },
            _ if self.switched_off && !private => Denial::PrivateSharingOff,
            _ if self.switched_off => Denial::ResharingOff,
            _ if self.honoured => Denial::RightNotGiven(Rights::NONE),
            Some((fall, _, index)) => {
                return (Basis::Ended { fall, chain: chains.swap_remove(index) }, party);
            }
            None => Denial::NotShared,
        };
        (Basis::Denied(denial), party)
    }
}

/// When the access of an account without a live grant ended, if it ever had any: the latest end of what it owned and of
/// what it held.
fn former(account: AccountId, head: &Head, chains: &[Chain], t: Timestamp) -> Party {
    let owned = head.former_owners.iter().filter(|(_, owner)| *owner == account).map(|(until, _)| *until);
    let own = chains.iter().filter(|chain| held(chain, account, head, t).is_some());
    let held = own.filter_map(|chain| standing::ended_at(chain, t));
    owned.filter(|until| *until <= t).chain(held).max().map_or(Party::Stranger, Party::Former)
}
