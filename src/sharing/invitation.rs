//! Claiming invitations: a verified address turns them into an account's grants, once (I3, I5).

use super::{
    command::{Command, Facts, Needs, Verdict},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::Refusal,
};
use crate::{
    record::{Claim, Event, Grant, Grantee, Holder, Seed},
    value::{AccountId, DashboardId, GrantId, VerifiedEmail},
};
use serde::Serialize;

/// Claims the invitations to an address on one dashboard.
pub(crate) struct ClaimInvitations {
    pub(crate) dashboard: DashboardId,
    pub(crate) account: AccountId,
    pub(crate) email: VerifiedEmail,
}

/// What a [`claim`](crate::Dashshare::claim) did on one dashboard. Repeating a claim answers the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Claimed {
    /// The live grants that the account holds by invitation to this address.
    pub grants: Vec<GrantId>,
    /// Invitations that ended in place of binding, because the claimer owns the dashboard or stands above them.
    pub ended: Vec<GrantId>,
}

impl ClaimInvitations {
    fn invited<'a>(&self, ledger: &'a Ledger) -> impl Iterator<Item = Live<'a>> {
        ledger.all_live().filter(|live| live.grant.grantee.address() == Some(self.email.address()))
    }

    /// Whether holding this grant would mean holding it from oneself.
    fn is_circular(&self, ledger: &Ledger, grant: &Grant) -> bool {
        ledger.is_owner(self.account)
            || ledger.made_by(grant) == self.account
            || ledger.is_above(self.account, grant)
    }
}

impl Command for ClaimInvitations {
    type Answer = Claimed;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::seeds(vec![Seed::Holder(Holder::Address(self.email.address().clone()))])
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Claimed>, Refusal> {
        let Ok(ledger) = facts.ledger() else { return Ok(Verdict::standing(Claimed::default())) };
        let (ending, binding): (Vec<Live<'_>>, Vec<Live<'_>>) = self
            .invited(ledger)
            .filter(|live| live.grant.grantee.is_pending())
            .partition(|live| self.is_circular(ledger, live.grant));
        let held = self.invited(ledger).filter(|live| live.grant.grantee.account() == Some(self.account));
        let name = |live: &Live<'_>| live.grant.id;
        let answer = Claimed {
            grants: held.chain(binding.iter().copied()).map(|live| name(&live)).collect(),
            ended: ending.iter().map(name).collect(),
        };
        if ending.is_empty() && binding.is_empty() {
            return Ok(Verdict::standing(answer));
        }
        let mut draft = Draft::new(facts, ledger);
        draft.revoke(ending);
        for live in &binding {
            let mut grant = Grant::clone(live.grant);
            if let Grantee::Pending(invitation) = grant.grantee {
                grant.grantee = Grantee::Claimed(Box::new(Claim {
                    account: self.account,
                    claimed: facts.now,
                    invitation: *invitation,
                }));
                if grant.created == facts.now {
                    grant.history_mut().accepted = Some(facts.now);
                }
                draft.put(grant);
            }
        }
        let grants = binding.iter().map(|live| live.grant.id).collect();
        let event = Event::Claimed { account: self.account, grants };
        Ok(draft.finish(self.account.into(), event, |_| answer))
    }
}
