//! Ending grants: revoke, stop sharing with a person, renounce, and the end of an account (G12–G14, G19).

use super::{
    admission::{Gift, To, admit, barred_giver},
    amend::{check_power, named_grant},
    command::{Command, Facts, Fallen, More, Needs, Verdict},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::Refusal,
};
use crate::{
    record::{Actor, Claim, Event, Grant, Grantee, History, Holder, Message, Phase, Seed},
    value::{AccountId, DashboardId, EmailAddress, Expiry, GrantId, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What becomes of that which was shared on from a revoked grant.
///
/// Rules: [G14](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeMode {
    /// It ends too.
    #[default]
    Cascade,
    /// Each direct child is re-issued under another live grant of the same person that carries the reshare right and
    /// covers the child's rights, and with it all that hung on it; what is not covered ends, and so does what the
    /// tenant's rules would not let be shared today. Nobody gets more by it than they had, nor for longer. A link is not
    /// re-issued.
    Rebind,
}

/// The answer to a command that ends grants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Ended {
    /// Every grant that was live before and is not any more, in the order in which they were made.
    pub fell: Vec<GrantId>,
    /// What was re-issued: old id, new id. Only with [`RevokeMode::Rebind`].
    pub rebound: Vec<(GrantId, GrantId)>,
    /// Whether the public link died with them.
    pub link_fell: bool,
    /// Whether that is all of it. If not, what hung on these grants ended as well and could not be listed now; see
    /// [`list_fallen`](crate::Dashshare::list_fallen).
    pub listed: bool,
}

impl Ended {
    pub(crate) const NOTHING: Self =
        Self { fell: Vec::new(), rebound: Vec::new(), link_fell: false, listed: true };

    pub(crate) fn of(fallen: &Fallen) -> Self {
        Self {
            fell: fallen.grants.clone(),
            rebound: Vec::new(),
            link_fell: fallen.link.is_some(),
            listed: true,
        }
    }

    pub(crate) fn put(&mut self, all: Option<Fallen>) {
        match all {
            Some(all) => {
                self.fell = all.grants;
                self.link_fell |= all.link.is_some();
            }
            None => self.listed = false,
        }
    }
}

pub(crate) struct Revoke {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) grant: GrantId,
    pub(crate) mode: RevokeMode,
}

impl Command for Revoke {
    type Answer = Ended;

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        self.mode == RevokeMode::Cascade
    }

    fn put_fallen(&self, answer: &mut Ended, all: Option<Fallen>) {
        answer.put(all);
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).and([Seed::Grant(self.grant)])
    }

    fn more(&self, ledger: &Ledger) -> More {
        // Of an invitation, too, lest what is read tells whether it is one (I1).
        let others = ledger.get(self.grant).map(|grant| Seed::Holder(grant.grantee.holder()));
        match self.mode {
            RevokeMode::Cascade => More { hanging: vec![Some(self.grant)], ..More::default() },
            RevokeMode::Rebind => {
                More { seeds: others.into_iter().collect(), below: vec![self.grant], ..More::default() }
            }
        }
    }

    fn people(&self, ledger: &Ledger) -> Vec<AccountId> {
        // Everybody below gives or gets a grant anew.
        let below = ledger.all().filter(|grant| grant.path().any(|id| id == self.grant));
        let accounts = below.filter_map(|grant| grant.grantee.account());
        accounts.filter(|_| self.mode == RevokeMode::Rebind).collect()
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Ended>, Refusal> {
        let (ledger, live) = named_grant(facts, self.by, self.grant)?;
        check_power(ledger, self.by, live.grant)?;
        let mut draft = Draft::new(facts, ledger);
        draft.revoke([live]);
        let rebound = match self.mode {
            RevokeMode::Cascade => Vec::new(),
            RevokeMode::Rebind => rebind(facts, ledger, live, &mut draft),
        };
        let event = Event::Revoked { grant: self.grant, rebound: rebound.clone() };
        Ok(draft.finish(self.by, event, |fallen| Ended { rebound, ..Ended::of(fallen) }))
    }
}

/// Re-issues what hung on a revoked grant, as far as another grant of its grantee covers it (G14).
fn rebind(
    facts: &Facts<'_>,
    ledger: &Ledger,
    revoked: Live<'_>,
    draft: &mut Draft<'_>,
) -> Vec<(GrantId, GrantId)> {
    let Some(holder) = revoked.grant.grantee.account() else { return Vec::new() };
    let others = || {
        let below = |grant: &Grant| grant.path().any(|id| id == revoked.grant.id);
        // What nobody has answered yet carries nothing, lest it tells whose it is (I1).
        ledger.live_of(holder).filter(move |live| !below(live.grant) && live.grant.unanswered().is_none())
    };
    let mut paths: BTreeMap<GrantId, (Vec<GrantId>, Expiry)> = BTreeMap::new();
    let mut rebound = Vec::new();
    // Oldest first, so that a re-issued parent is there before its children.
    for (grant, standing) in ledger.all_carried() {
        let Some(parent) = grant.parent().filter(|_| !standing.rights.is_empty()) else { continue };
        let mut terms = grant.terms.clone();
        let path = if parent == revoked.grant.id {
            // With the rights and the end that it really had: a revocation gives nobody more, nor for longer.
            let before = terms.expiry.min(ledger.bound_of(grant));
            // And with the lock that it really had (K21).
            terms.lock = ledger.locks_of(grant).effective();
            let Some(under) = ledger.best_parent(others(), standing.rights, terms.lock.as_ref()) else {
                continue;
            };
            let locks = ledger.locks_of(under.grant).and_new(terms.lock.as_ref());
            if locks.under_rules(true, &facts.tenant.rules).show_nothing() {
                continue;
            }
            let longest = longest(facts, before);
            let is_within = before.min(under.standing.ends) <= longest;
            (terms.rights, terms.expiry) = (standing.rights, if is_within { before } else { longest });
            (under.grant.path().collect(), under.standing.ends)
        } else {
            match paths.get(&parent) {
                Some(path) => path.clone(),
                None => continue,
            }
        };
        let (path, bound): (Vec<GrantId>, Expiry) = path;
        let ends = terms.expiry.min(bound);
        let gift = Gift {
            barred: barred_giver(facts, ledger, grant),
            above: path.len(),
            to: To::of(grant, facts.people),
            expiry: ends,
            bound,
        };
        if admit(facts, &gift).is_err() {
            continue;
        }
        let (ordinal, id) = draft.number();
        let (absorbed, accepted) = (grant.absorbed(), answered(grant).then_some(facts.now));
        let copy = Grant {
            id,
            ordinal,
            ancestors: path.into(),
            grantor: grant.grantor,
            terms,
            created: facts.now,
            grantee: bound_anew(grant, facts.now),
            history: (absorbed.is_some() || accepted.is_some())
                .then(|| Box::new(History { absorbed, accepted, ..History::default() })),
            ..Grant::clone(grant)
        };
        paths.insert(grant.id, (copy.path().collect(), ends));
        draft.put(copy);
        draft.untold.insert(grant.id);
        rebound.push((grant.id, id));
    }
    rebound
}

/// The end of what is re-issued: the one that it had, or the latest that the tenant's rules allow today.
fn longest(facts: &Facts<'_>, before: Expiry) -> Expiry {
    let allowed = facts.tenant.rules.max_days.map(|days| facts.now.plus_days(days));
    before.min(allowed.into())
}

/// Whether an address has answered its invitation.
fn answered(grant: &Grant) -> bool {
    matches!(grant.grantee, Grantee::Claimed(_)) && grant.unanswered().is_none()
}

/// The grantee of a grant that is re-issued: what an account holds it holds from now on.
fn bound_anew(grant: &Grant, now: Timestamp) -> Grantee {
    match &grant.grantee {
        Grantee::Claimed(claim) => Grantee::Claimed(Box::new(Claim { claimed: now, ..Claim::clone(claim) })),
        other => other.clone(),
    }
}

/// A person whose grants are to end, as named and as far as the host could tell.
pub(crate) struct Person {
    pub(crate) named: Holder,
    /// The account, if one is named or has verified the address.
    pub(crate) account: Option<AccountId>,
    /// The named address, or the addresses that the account has verified.
    pub(crate) addresses: Vec<EmailAddress>,
}

impl Person {
    /// Whoever has the name, without what a directory would know.
    pub(crate) fn of_name(named: Holder) -> Self {
        let (account, addresses) = match &named {
            Holder::Account(account) => (Some(*account), Vec::new()),
            Holder::Address(address) => (None, vec![address.clone()]),
        };
        Self { named, account, addresses }
    }

    pub(crate) fn holders(&self) -> impl Iterator<Item = Holder> {
        let addresses = self.addresses.iter().cloned().map(Holder::from);
        self.account.map(Holder::from).into_iter().chain(addresses)
    }

    /// All that was ever the person's: what only a clock that ran ahead has put on the shelf is stopped too.
    pub(crate) fn seeds(&self) -> Vec<Seed> {
        self.holders().map(Seed::EverHeld).collect()
    }

    /// Whether a grant is the person's: held by the account, waiting for one of its addresses, or claimed from the
    /// very address that is named.
    pub(crate) fn holds(&self, grant: &Grant) -> bool {
        let by_account = self.account.is_some() && grant.grantee.account() == self.account;
        let by_address = grant.grantee.address().is_some_and(|address| {
            self.addresses.contains(address)
                && (grant.grantee.is_pending() || matches!(self.named, Holder::Address(_)))
        });
        by_account || by_address
    }

    fn live_grants<'a>(&self, ledger: &'a Ledger) -> impl Iterator<Item = Live<'a>> {
        ledger.all_live().filter(|live| self.holds(live.grant))
    }
}

/// Ends all grants of a person within the actor's reach (G13).
pub(crate) struct StopSharing {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) with: Person,
}

impl StopSharing {
    fn targets<'a>(&self, ledger: &'a Ledger) -> Vec<Live<'a>> {
        let within_reach = |grant: &Grant| ledger.is_owner(self.by) || ledger.is_above(self.by, grant);
        self.with.live_grants(ledger).filter(|live| within_reach(live.grant)).collect()
    }
}

impl Command for StopSharing {
    type Answer = Ended;

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn put_fallen(&self, answer: &mut Ended, all: Option<Fallen>) {
        answer.put(all);
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).and(self.with.seeds())
    }

    fn more(&self, ledger: &Ledger) -> More {
        let hanging = self.targets(ledger).into_iter().map(|live| Some(live.grant.id)).collect();
        More { hanging, ..More::default() }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Ended>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let targets = self.targets(ledger);
        if targets.is_empty() {
            return Ok(Verdict::standing(Ended::NOTHING));
        }
        let mut draft = Draft::new(facts, ledger);
        draft.revoke(targets);
        let event = Event::Stopped { with: self.with.named.clone() };
        Ok(draft.finish(self.by, event, Ended::of))
    }
}

/// Gives up one's own grant, or declines an invitation to one's own address (G12).
pub(crate) struct Renounce {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Person,
    pub(crate) account: AccountId,
    pub(crate) grant: GrantId,
}

impl Command for Renounce {
    type Answer = Ended;

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn put_fallen(&self, answer: &mut Ended, all: Option<Fallen>) {
        answer.put(all);
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        let seeds = vec![self.account.into(), Seed::Grant(self.grant)];
        Needs { ignores_tenant: true, ..Needs::seeds(seeds) }
    }

    fn more(&self, ledger: &Ledger) -> More {
        // Whoever does not hold it is refused, and nothing more is read for that (D8).
        let held = ledger.live(self.grant).filter(|live| self.by.holds(live.grant));
        More { hanging: held.map(|live| Some(live.grant.id)).into_iter().collect(), ..More::default() }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Ended>, Refusal> {
        let ledger = facts.ledger().map_err(|_| Refusal::UnknownGrant)?;
        let live = ledger.live(self.grant).ok_or(Refusal::UnknownGrant)?;
        if !self.by.holds(live.grant) {
            let party = ledger.is_party(self.account);
            return Err(if party { Refusal::NotYours } else { Refusal::UnknownGrant });
        }
        let mut draft = Draft::new(facts, ledger);
        if let Grantee::Pending(invitation) = &live.grant.grantee {
            let (to, address) = (ledger.made_by(live.grant), invitation.address.clone());
            draft.tell(Message::Declined { to, address, grant: self.grant });
        }
        draft.revoke([live]);
        let event = Event::Renounced { grant: self.grant };
        Ok(draft.finish(self.account.into(), event, Ended::of))
    }
}

/// Ends what a deleted account held on one dashboard, and the invitations that wait for its addresses (G19).
pub(crate) struct EndAccount {
    pub(crate) dashboard: DashboardId,
    pub(crate) account: AccountId,
    pub(crate) person: Person,
}

impl Command for EndAccount {
    type Answer = Ended;

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn put_fallen(&self, answer: &mut Ended, all: Option<Fallen>) {
        answer.put(all);
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::seeds(self.person.seeds())
    }

    fn more(&self, ledger: &Ledger) -> More {
        More {
            hanging: self.person.live_grants(ledger).map(|live| Some(live.grant.id)).collect(),
            ..More::default()
        }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Ended>, Refusal> {
        // What was offered to the account and not taken ends with it (T9).
        let Some(ledger) = facts.offer().or(facts.ledger().ok()) else {
            return Ok(Verdict::standing(Ended::NOTHING));
        };
        let held: Vec<Live<'_>> = self.person.live_grants(ledger).collect();
        if held.is_empty() {
            return Ok(Verdict::standing(Ended::NOTHING));
        }
        let mut draft = Draft::new(facts, ledger);
        if ledger.head.offer().is_some() {
            draft.head.phase = Phase::Deleted(facts.now);
            draft.untold.extend(held.iter().map(|live| live.grant.id));
            draft.tell(Message::OfferAnswered { to: ledger.head.owner, taken: false });
        }
        draft.revoke(held);
        let event = Event::AccountDeleted { account: self.account };
        Ok(draft.finish(Actor::Host, event, Ended::of))
    }
}
