//! The one door: what every command asks before somebody holds what nobody held before, whatever the command is called
//! (G20), and how much of it there may be (G23).

use super::{
    command::{Facts, More, check_switches},
    consult::Barred,
    ledger::{Ledger, Live},
    people::People,
    refusal::{Refusal, check_expiry},
};
use crate::{
    record::{Counted, Grant, Head, Room},
    tenant::{Limits, SharingRules},
    value::{AccountId, EmailAddress, Expiry, GrantId, Timestamp, VerifiedEmail},
};
/// How many counts a head keeps beside that of all its grants.
const COUNTS_KEPT: usize = 64;

/// Who gets it, by the name that it is given to.
#[derive(Clone, Copy)]
pub(crate) enum To<'a> {
    Address(&'a EmailAddress),
    /// An account, by the addresses that it has verified.
    Account(&'a [VerifiedEmail]),
}

impl To<'_> {
    fn is_admitted(self, rules: &SharingRules) -> bool {
        match self {
            Self::Address(address) => rules.admits(address),
            Self::Account([]) => rules.allowed_domains.is_empty(),
            Self::Account(verified) => {
                let addresses = || verified.iter().map(VerifiedEmail::address);
                addresses().any(|address| rules.admits(address))
                    && !addresses().any(|address| rules.blocks(address))
            }
        }
    }
}

impl<'a> To<'a> {
    /// Who holds a grant, or is invited, by its name.
    pub(crate) fn of(grant: &'a Grant, people: &'a People) -> Self {
        match (grant.grantee.address(), grant.grantee.account()) {
            (Some(address), _) => Self::Address(address),
            (None, account) => Self::Account(account.map_or(&[], |account| people.verified(account))),
        }
    }
}

/// A grant that is to be made, bound to an account, or prolonged.
pub(crate) struct Gift<'a> {
    /// What keeps whoever gives it from the dashboard, if a policy does (D2).
    pub(crate) barred: Option<&'a Barred>,
    /// How many grants it hangs on: none, if it is the owner's.
    pub(crate) above: usize,
    pub(crate) to: To<'a>,
    pub(crate) expiry: Expiry,
    /// The end of what it hangs on.
    pub(crate) bound: Expiry,
}

/// Refuses what the tenant's rules and policies do not let be given. Every command that gives asks here.
pub(crate) fn admit(facts: &Facts<'_>, gift: &Gift<'_>) -> Result<(), Refusal> {
    let rules = &facts.tenant.rules;
    match gift.barred {
        None => {}
        Some(Barred::Unknown) => return Err(Refusal::UnknownDashboard),
        Some(Barred::By(rule)) => return Err(Refusal::PolicyDenies(rule.clone())),
    }
    check_switches(rules, gift.above > 0)?;
    check_recipient(gift.to, rules)?;
    check_expiry(gift.expiry, gift.bound, facts.now)?;
    facts.check_duration(gift.expiry.min(gift.bound))?;
    if gift.above >= rules.depth_limit() {
        return Err(Refusal::TooDeep { limit: rules.depth_limit() });
    }
    Ok(())
}

/// Refuses whom the tenant's rules do not let be shared with.
pub(crate) fn check_recipient(to: To<'_>, rules: &SharingRules) -> Result<(), Refusal> {
    if to.is_admitted(rules) { Ok(()) } else { Err(Refusal::DomainBlocked) }
}

/// Refuses whom a policy denies the dashboard, where ownership or a grant of the old owner's would stand above it (G18).
pub(crate) fn check_not_denied(facts: &Facts<'_>, account: AccountId) -> Result<(), Refusal> {
    match facts.people.barred(account) {
        None => Ok(()),
        Some(Barred::Unknown) => Err(Refusal::UnknownDashboard),
        Some(Barred::By(rule)) => Err(Refusal::RecipientDenied(rule.clone())),
    }
}

/// What keeps whoever counts as the grantor from the dashboard: from an owner nothing does (D2).
pub(crate) fn barred_giver<'a>(facts: &Facts<'a>, ledger: &Ledger, grant: &Grant) -> Option<&'a Barred> {
    let giver = ledger.made_by(grant);
    facts.people.barred(giver).filter(|_| !ledger.is_owner(giver))
}

/// The same as the grant would be given now, by whoever counts as its grantor.
pub(crate) fn admit_anew(
    facts: &Facts<'_>,
    ledger: &Ledger,
    grant: &Grant,
    to: To<'_>,
) -> Result<(), Refusal> {
    let bound = ledger.bound_of(grant);
    admit(
        facts,
        &Gift {
            barred: barred_giver(facts, ledger, grant),
            above: grant.ancestors.len(),
            to,
            expiry: grant.terms.expiry.min(bound),
            bound,
        },
    )
}

/// Whether a grant is an invitation that nobody has answered and that has not lapsed, for all that whoever made it may
/// know (I1).
pub(crate) fn waits(grant: &Grant, rules: &SharingRules, now: Timestamp) -> bool {
    let is_told = rules.reveal_accounts && !grant.grantee.is_pending();
    !is_told && grant.unanswered().is_some_and(|invitation| now < invitation.lapses)
}

/// Whether a grant has lapsed for all that whoever made it may know: it was bound at once, and the invitation that it
/// looks like was not answered in time (I1).
pub(crate) fn looks_lapsed(grant: &Grant, rules: &SharingRules, now: Timestamp) -> bool {
    !rules.reveal_accounts && grant.unanswered().is_some_and(|invitation| invitation.lapses <= now)
}

/// Whether somebody who holds so many live grants has as many as one person may.
pub(crate) fn is_enough(held: usize, limits: &Limits) -> bool {
    held >= as_count(limits.grants_of_person)
}

pub(crate) fn as_count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// What is counted before a grant is made.
pub(crate) struct Counts<'a> {
    pub(crate) by: AccountId,
    /// Whether it is an invitation, for all that whoever makes it may know.
    pub(crate) invites: bool,
    /// What ends in the same commit.
    pub(crate) replaced: &'a [GrantId],
}

impl Counts<'_> {
    /// The kinds that the grant is of, with their limits.
    fn kinds(&self, ledger: &Ledger, limits: &Limits) -> impl Iterator<Item = (Counted, u32)> {
        let shared_on = !ledger.is_owner(self.by);
        [
            Some((Counted::All, limits.grants)),
            shared_on.then_some((Counted::SharedOnBy(self.by), limits.grants_shared_on)),
            self.invites.then_some((Counted::InvitedBy(self.by), limits.invitations)),
        ]
        .into_iter()
        .flatten()
    }

    /// What must be read to count what is due. Nothing is, while fewer grants were made than may live, or while the last
    /// count leaves room.
    pub(crate) fn due(&self, ledger: &Ledger, limits: &Limits) -> More {
        let due = |(of, limit): &(Counted, u32)| is_due(&ledger.head, *of, *limit);
        let kinds: Vec<Counted> = self.kinds(ledger, limits).filter(due).map(|(of, _)| of).collect();
        let everything = kinds.contains(&Counted::All) || (!kinds.is_empty() && ledger.is_owner(self.by));
        if kinds.is_empty() || everything {
            return More { everything, ..More::default() };
        }
        More { below: ledger.live_of(self.by).map(|live| live.grant.id).collect(), ..More::default() }
    }

    /// Takes one place of each kind, or refuses. What is due was read.
    pub(crate) fn take(&self, facts: &Facts<'_>, ledger: &Ledger, head: &mut Head) -> Result<(), Refusal> {
        let rules = &facts.tenant.rules;
        for (of, limit) in self.kinds(ledger, &rules.limits) {
            if made(head) < u64::from(limit) {
                continue;
            }
            let left = match is_due(&ledger.head, of, limit) {
                false => head.room.iter().find(|room| room.of == of).map_or(0, |room| room.left),
                true => {
                    let counts = |live: &Live<'_>| {
                        !self.replaced.contains(&live.grant.id)
                            && match of {
                                Counted::All => true,
                                Counted::SharedOnBy(by) => ledger.made_by(live.grant) == by,
                                Counted::InvitedBy(by) => {
                                    waits(live.grant, rules, facts.now) && ledger.made_by(live.grant) == by
                                }
                            }
                    };
                    let live = u32::try_from(ledger.all_live().filter(counts).count()).unwrap_or(u32::MAX);
                    limit.saturating_sub(live)
                }
            };
            let Some(left) = left.checked_sub(1) else { return Err(full(of, as_count(limit))) };
            head.room.retain(|room| room.of != of);
            head.room.insert(0, Room { of, limit, left });
            head.room.truncate(COUNTS_KEPT);
        }
        Ok(())
    }
}

fn full(of: Counted, limit: usize) -> Refusal {
    match of {
        Counted::All => Refusal::DashboardFull { limit },
        Counted::SharedOnBy(_) => Refusal::TooManyShares { limit },
        Counted::InvitedBy(_) => Refusal::TooManyInvitations { limit },
    }
}

/// How many grants were made of the dashboard, dead ones too.
fn made(head: &Head) -> u64 {
    head.next_ordinal.saturating_sub(head.first_ordinal)
}

fn is_due(head: &Head, of: Counted, limit: u32) -> bool {
    let has_room = |room: &Room| room.of == of && room.limit == limit && room.left > 0;
    made(head) >= u64::from(limit) && !head.room.iter().any(has_room)
}
