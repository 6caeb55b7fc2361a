//! The public link: make or rotate, pause, resume, withdraw (L1–L6, L8).

use super::{
    command::{Command, Facts, More, Verdict},
    consult::Missing,
    draft::Draft,
    ledger::Ledger,
    refusal::{Refusal, check_expiry},
    share::parent_for,
};
use crate::{
    record::{Event, Link, Revision, Seed},
    value::{AccountId, DashboardId, Expiry, LinkDigest, LinkToken, Rights},
};

/// Makes the link, or replaces it, so that the old token dies in the same commit (L2).
pub(crate) struct RotateLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: AccountId,
    pub(crate) expiry: Expiry,
    pub(crate) digest: LinkDigest,
}

/// What the caller of a rotation gets to know beside the token.
pub(crate) struct LinkMade {
    pub(crate) generation: u64,
    pub(crate) ends: Expiry,
}

/// A public link that was just made: the only time that its token is to be had (L3).
#[derive(Debug)]
#[non_exhaustive]
pub struct NewLink {
    /// The token, to be put into the URL and handed to the person who asked.
    pub token: LinkToken,
    /// Counts the links of the dashboard.
    pub generation: u64,
    /// When it ends, the maker's own end taken into account.
    pub ends: Expiry,
    /// The revision of the dashboard that it was made at.
    pub revision: Revision,
}

fn makers_grant(ledger: &Ledger) -> More {
    let grant = ledger.head.link.as_ref().and_then(|link| link.grant);
    More { seeds: grant.map(Seed::Grant).into_iter().collect(), ..More::default() }
}

/// Refuses to publish while anything is missing, with all of it (L8).
fn check_setup(facts: &Facts<'_>) -> Result<(), Refusal> {
    let missing = facts.tenant.missing(facts.access);
    match missing.as_slice() {
        [] => Ok(()),
        [Missing::PublicSharing] => Err(Refusal::PublicSharingOff),
        _ => Err(Refusal::SetupIncomplete { missing }),
    }
}

impl Command for RotateLink {
    type Answer = LinkMade;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn seeds(&self) -> Vec<Seed> {
        vec![self.by.into()]
    }

    fn more(&self, ledger: &Ledger) -> More {
        makers_grant(ledger)
    }

    fn publishes(&self) -> bool {
        true
    }

    fn hands_on(&self) -> Option<AccountId> {
        Some(self.by)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<LinkMade>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        if ledger.head.links_made != facts.links_seen {
            return Err(Refusal::Superseded);
        }
        let parent = parent_for(ledger, self.by, Rights::VIEW, None)?;
        if parent.is_some() && ledger.link_stands() && link_maker(ledger) != Some(self.by) {
            return Err(Refusal::LinkTaken);
        }
        facts.check_policies()?;
        check_setup(facts)?;
        let rules = &facts.tenant.rules;
        if parent.is_some() && !rules.private {
            return Err(Refusal::PrivateSharingOff);
        }
        if parent.is_some() && !rules.resharing {
            return Err(Refusal::ResharingOff);
        }
        let bound = parent.map_or(Expiry::Never, |parent| parent.standing.ends);
        let ends = self.expiry.min(bound);
        check_expiry(self.expiry, bound, facts.now)?;
        facts.check_duration(ends)?;

        let mut draft = Draft::new(facts, ledger);
        let generation = draft.head.links_made.saturating_add(1);
        draft.head.links_made = generation;
        draft.head.link = Some(Link {
            digest: self.digest,
            maker: self.by,
            grant: parent.map(|parent| parent.grant.id),
            created: facts.now,
            expiry: self.expiry,
            paused: None,
            generation,
        });
        let event = Event::LinkRotated { generation, expiry: self.expiry };
        Ok(draft.finish(self.by.into(), event, |_| LinkMade { generation, ends }))
    }
}

fn link_maker(ledger: &Ledger) -> Option<AccountId> {
    ledger.head.link.as_ref().map(|link| link.maker)
}

/// Pauses, resumes or withdraws the link.
pub(crate) struct ChangeLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: AccountId,
    pub(crate) change: LinkChange,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkChange {
    Pause,
    Resume,
    Withdraw,
}

impl Command for ChangeLink {
    type Answer = ();

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn seeds(&self) -> Vec<Seed> {
        vec![self.by.into()]
    }

    fn more(&self, ledger: &Ledger) -> More {
        makers_grant(ledger)
    }

    fn publishes(&self) -> bool {
        self.change == LinkChange::Resume
    }

    fn hands_on(&self) -> Option<AccountId> {
        self.publishes().then_some(self.by)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let is_owner = ledger.is_owner(self.by);
        let link = ledger.head.link.as_ref().filter(|_| ledger.link_stands()).ok_or(Refusal::NoLink)?;
        if !is_owner && link.maker != self.by {
            return Err(Refusal::NotYours);
        }
        let generation = link.generation;
        let mut draft = Draft::new(facts, ledger);
        let event = match self.change {
            LinkChange::Pause if link.paused.is_some() => return Ok(Verdict::standing(())),
            LinkChange::Resume if link.paused.is_none() => return Ok(Verdict::standing(())),
            LinkChange::Pause => {
                draft.head.link = Some(Link { paused: Some(facts.now), ..link.clone() });
                Event::LinkPaused { generation }
            }
            LinkChange::Resume => {
                facts.check_policies()?;
                check_setup(facts)?;
                if link.grant.is_some() && !facts.tenant.rules.resharing {
                    return Err(Refusal::ResharingOff);
                }
                if link.grant.is_some() && !facts.tenant.rules.private {
                    return Err(Refusal::PrivateSharingOff);
                }
                draft.head.link = Some(Link { paused: None, ..link.clone() });
                Event::LinkResumed { generation }
            }
            LinkChange::Withdraw => {
                draft.head.link = None;
                Event::LinkWithdrawn { generation }
            }
        };
        Ok(draft.finish(self.by.into(), event, |_| ()))
    }
}
