//! Invitations: claiming them, which makes them an account's grants, once (I3, I5), and letting them wait anew (G17).

use super::{
    admission::{Gift, To, admit, admit_anew, is_enough, waits},
    amend::{check_power, named_grant},
    command::{Command, Facts, Needs, Verdict},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::Refusal,
};
use crate::{
    record::{Actor, Claim, Event, Grant, Grantee, Holder, Message, Seed},
    value::{Account, AccountId, DashboardId, EmailAddress, GrantId, Timestamp, VerifiedEmail},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Claims the invitations to an address on one dashboard.
pub(crate) struct ClaimInvitations<'a> {
    pub(crate) dashboard: DashboardId,
    pub(crate) account: &'a Account,
    pub(crate) email: &'a VerifiedEmail,
}

/// What a [`claim`](crate::Dashshare::claim) did on one dashboard. Repeating a claim answers the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Claimed {
    /// The live grants that the account holds by invitation to this address.
    pub grants: Vec<GrantId>,
    /// Invitations that ended in place of binding, because the claimer owns the dashboard, made them itself or stands
    /// above them.
    pub ended: Vec<GrantId>,
    /// Invitations that go on waiting, because the tenant's rules would not let them be given to the account today
    /// (G20), or because it holds as many grants as one person may (G23).
    pub refused: Vec<GrantId>,
}

/// What becomes of the invitations that wait.
#[derive(Default)]
struct Sorted<'a> {
    binding: Vec<Live<'a>>,
    ending: Vec<Live<'a>>,
    refused: Vec<Live<'a>>,
}

impl ClaimInvitations<'_> {
    fn address(&self) -> &EmailAddress {
        self.email.address()
    }

    fn invited<'a>(&self, ledger: &'a Ledger) -> impl Iterator<Item = Live<'a>> {
        ledger.all_live().filter(|live| live.grant.grantee.address() == Some(self.address()))
    }

    /// Whether holding this grant would mean holding it from oneself, or getting back by a word of one's own what one
    /// gave away with the dashboard (G18).
    fn is_circular(&self, ledger: &Ledger, grant: &Grant) -> bool {
        let account = self.account.id;
        ledger.is_owner(account)
            || grant.grantor == account
            || ledger.made_by(grant) == account
            || ledger.is_above(account, grant)
    }

    fn sort<'a>(&self, facts: &Facts<'_>, ledger: &'a Ledger) -> Sorted<'a> {
        let mut sorted = Sorted::default();
        let limits = &facts.tenant.rules.limits;
        let held = ledger.live_of(self.account.id).count();
        for live in self.invited(ledger).filter(|live| live.grant.grantee.is_pending()) {
            let has_enough = is_enough(held.saturating_add(sorted.binding.len()), limits);
            let to = To::Account(&self.account.verified);
            if self.is_circular(ledger, live.grant) {
                sorted.ending.push(live);
            } else if has_enough || admit_anew(facts, ledger, live.grant, to).is_err() {
                sorted.refused.push(live);
            } else {
                sorted.binding.push(live);
            }
        }
        sorted
    }

    /// The grant as the account's from now on.
    fn bind(&self, grant: &Grant, now: Timestamp) -> Option<Grant> {
        let mut grant = Grant::clone(grant);
        match grant.grantee {
            Grantee::Pending(invitation) => {
                let account = self.account.id;
                grant.grantee =
                    Grantee::Claimed(Box::new(Claim { account, claimed: now, invitation: *invitation }));
                if grant.created == now {
                    grant.history_mut().accepted = Some(now);
                }
            }
            // It was bound at once; now its grantor may know.
            Grantee::Claimed(_) => grant.history_mut().accepted = Some(now),
            Grantee::Account(_) => return None,
        }
        Some(grant)
    }
}

impl Command for ClaimInvitations<'_> {
    type Answer = Claimed;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        let holders = [Holder::Address(self.address().clone()), self.account.id.into()];
        Needs::seeds(holders.into_iter().map(Seed::Holder).collect())
    }

    fn people(&self, ledger: &Ledger) -> Vec<AccountId> {
        let waiting = self.invited(ledger).filter(|live| live.grant.grantee.is_pending());
        waiting.map(|live| ledger.made_by(live.grant)).collect()
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Claimed>, Refusal> {
        let Ok(ledger) = facts.ledger() else { return Ok(Verdict::standing(Claimed::default())) };
        let Sorted { mut binding, ending, refused } = self.sort(facts, ledger);
        let held: Vec<Live<'_>> = self
            .invited(ledger)
            .filter(|live| live.grant.grantee.account() == Some(self.account.id))
            .collect();
        let names = |lives: &[Live<'_>]| lives.iter().map(|live| live.grant.id).collect::<Vec<GrantId>>();
        let grants = held.iter().chain(&binding).map(|live| live.grant.id).collect();
        let answer = Claimed { grants, ended: names(&ending), refused: names(&refused) };
        binding.extend(held.into_iter().filter(|live| live.grant.unanswered().is_some()));
        if ending.is_empty() && binding.is_empty() {
            return Ok(Verdict::standing(answer));
        }
        let mut draft = Draft::new(facts, ledger);
        draft.revoke(ending);
        let mut inviters: BTreeMap<AccountId, Vec<GrantId>> = BTreeMap::new();
        for live in &binding {
            if let Some(grant) = self.bind(live.grant, facts.now) {
                inviters.entry(ledger.made_by(live.grant)).or_default().push(grant.id);
                draft.put(grant);
            }
        }
        for (to, grants) in inviters {
            draft.tell(Message::Claimed { to, by: self.account.id, address: self.address().clone(), grants });
        }
        let event = Event::Claimed { account: self.account.id, grants: names(&binding) };
        Ok(draft.finish(self.account.id.into(), event, |_| answer))
    }
}

/// Lets an invitation wait a full term anew, and mails it again.
pub(crate) struct RemindInvitation {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) grant: GrantId,
}

/// The answer to [`remind_invitation`](crate::Dashshare::remind_invitation).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Renewed {
    /// The invitation.
    pub grant: GrantId,
    /// When it lapses now, if it is not claimed.
    pub lapses: Timestamp,
}

impl Command for RemindInvitation {
    type Answer = Renewed;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).handing_on().and([Seed::Grant(self.grant)])
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Renewed>, Refusal> {
        let (ledger, live) = named_grant(facts, self.by, self.grant)?;
        check_power(ledger, self.by, live.grant)?;
        if !waits(live.grant, &facts.tenant.rules, facts.now) {
            return Err(Refusal::NotWaiting);
        }
        renew(facts, ledger, live, self.by)
    }
}

/// Whoever shares on, or publishes, with what was bound to it at once has answered: what hangs on it tells as much (I1).
pub(crate) fn answer(ledger: &Ledger, used: Live<'_>, draft: &mut Draft<'_>) {
    let (Some(by), Some(invitation)) = (used.grant.grantee.account(), used.grant.unanswered()) else {
        return;
    };
    let address = invitation.address.clone();
    let mut grant = Grant::clone(used.grant);
    grant.history_mut().accepted = Some(ledger.now);
    draft.tell(Message::Claimed { to: ledger.made_by(&grant), by, address, grants: vec![grant.id] });
    draft.put(grant);
}

/// Writes that an invitation waits a full term anew, never less than it would have, and mails it again; also one that only
/// looks so (I1). Whoever prolongs is asked as whoever gives, about what the invitation is worth now (G20).
pub(crate) fn renew(
    facts: &Facts<'_>,
    ledger: &Ledger,
    live: Live<'_>,
    actor: Actor,
) -> Result<Verdict<Renewed>, Refusal> {
    let bound = ledger.bound_of(live.grant);
    let gift = Gift {
        barred: facts.barred,
        above: live.grant.ancestors.len(),
        to: To::of(live.grant, facts.people),
        expiry: live.grant.terms.expiry.min(bound),
        bound,
    };
    admit(facts, &gift)?;
    let mut grant = Grant::clone(live.grant);
    let id = grant.id;
    let anew = facts.now.plus_days(facts.tenant.rules.invitation_duration_days());
    let lapses = grant.unanswered().map_or(anew, |invitation| invitation.lapses.max(anew));
    grant.set_lapses(lapses);
    let by = ledger.made_by(&grant);
    let mut draft = Draft::new(facts, ledger);
    draft.tell(match grant.grantee.holder() {
        Holder::Address(address) => Message::Invited { grant: id, by, address, lapses },
        Holder::Account(to) => {
            Message::Shared { grant: id, by, to, terms: grant.terms.clone(), ends: live.standing.ends }
        }
    });
    draft.put(grant);
    let event = Event::InvitationRenewed { grant: id, lapses };
    Ok(draft.finish(actor, event, |_| Renewed { grant: id, lapses }))
}
