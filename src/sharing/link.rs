//! The public link: make or rotate, pause, resume, withdraw (L1–L6, L8).

use super::{
    command::{Command, Facts, More, Needs, Verdict, check_switches},
    consult::Missing,
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::{Refusal, check_expiry},
    share::parent_for,
};
use crate::{
    record::{Actor, Event, Link},
    value::{DashboardId, Expiry, LinkDigest, LinkToken, Rights},
};

/// Makes the link, or replaces it, so that the old token dies in the same commit (L2).
pub(crate) struct RotateLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) new: NewLink,
    pub(crate) digest: LinkDigest,
}

/// A public link to make: the input of [`rotate_link`](crate::Dashshare::rotate_link).
///
/// ```
/// use dashshare::{Expiry, NewLink};
/// let link = NewLink::until(Expiry::Never);
/// assert_eq!(link, Expiry::Never.into());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NewLink {
    /// When it ends by itself.
    pub expiry: Expiry,
}

impl NewLink {
    /// A link that shows the dashboard until `expiry`.
    pub const fn until(expiry: Expiry) -> Self {
        Self { expiry }
    }
}

impl From<Expiry> for NewLink {
    fn from(expiry: Expiry) -> Self {
        Self::until(expiry)
    }
}

/// What the caller of a rotation gets to know beside the token.
pub(crate) struct LinkMade {
    pub(crate) generation: u64,
    pub(crate) ends: Expiry,
}

/// A public link that was just made: the only time that its token is to be had.
///
/// The answer to [`rotate_link`](crate::Dashshare::rotate_link).
///
/// Rules: [L3](crate::specification).
#[derive(Debug)]
#[non_exhaustive]
pub struct Rotated {
    /// The token, to be put into the URL and handed to the person who asked.
    pub token: LinkToken,
    /// Counts the links of the dashboard.
    pub generation: u64,
    /// When it ends, the maker's own end taken into account.
    pub ends: Expiry,
}

/// Refuses to publish while anything is missing, with all of it (L8).
fn check_setup(facts: &Facts<'_>) -> Result<(), Refusal> {
    let missing = facts.access.missing(facts.tenant);
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

    fn needs(&self) -> Needs {
        Needs::of(self.by).publishing()
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<LinkMade>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        if ledger.head.links_made != facts.draw.links_seen(ledger.head.links_made) {
            return Err(Refusal::Superseded);
        }
        let parent = makers_parent(facts, ledger, self.by)?;
        check_setup(facts)?;
        check_maker(facts, parent.is_some())?;
        let bound = parent.map_or(Expiry::Never, |parent| parent.standing.ends);
        let ends = self.new.expiry.min(bound);
        check_expiry(self.new.expiry, bound, facts.now)?;
        facts.check_duration(ends)?;

        let mut draft = Draft::new(facts, ledger);
        let generation = draft.head.links_made.saturating_add(1);
        draft.head.links_made = generation;
        draft.head.link = Some(Link {
            digest: self.digest,
            maker: ledger.in_name_of(self.by),
            grant: parent.map(|parent| parent.grant.id),
            created: facts.now,
            expiry: self.new.expiry,
            paused: None,
            generation,
        });
        let event = Event::LinkRotated { generation, expiry: self.new.expiry };
        Ok(draft.finish(self.by, event, |_| LinkMade { generation, ends }))
    }
}

/// What the link of a maker hangs on; refused to whoever may not make one (L6).
fn makers_parent<'a>(facts: &Facts<'a>, ledger: &'a Ledger, by: Actor) -> Result<Option<Live<'a>>, Refusal> {
    let parent = parent_for(ledger, by, Rights::VIEW, None)?;
    let maker = ledger.head.link.as_ref().map(|link| link.maker);
    if parent.is_some() && ledger.link_stands() && maker != Some(ledger.in_name_of(by)) {
        return Err(Refusal::LinkTaken);
    }
    facts.check_policies()?;
    Ok(parent)
}

/// Refuses a grantee's link, which is sharing on, while the tenant has that switched off.
fn check_maker(facts: &Facts<'_>, is_grantee: bool) -> Result<(), Refusal> {
    if is_grantee { check_switches(&facts.tenant.rules, true) } else { Ok(()) }
}

/// Asks what is missing before the dashboard can be public, and changes nothing (L8).
pub(crate) struct AskMissing {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
}

impl Command for AskMissing {
    type Answer = Vec<Missing>;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).publishing()
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Vec<Missing>>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let parent = makers_parent(facts, ledger, self.by)?;
        let missing = facts.access.missing(facts.tenant);
        if missing.is_empty() {
            check_maker(facts, parent.is_some())?;
        }
        Ok(Verdict::standing(missing))
    }
}

/// Pauses, resumes or withdraws the link.
pub(crate) struct ChangeLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
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

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        self.change != LinkChange::Resume
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        let needs = Needs::of(self.by);
        if self.change == LinkChange::Resume { needs.publishing() } else { needs }
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let is_owner = ledger.is_owner(self.by);
        let link = ledger.head.link.as_ref().filter(|_| ledger.link_stands()).ok_or(Refusal::NoLink)?;
        if !is_owner && Some(link.maker) != self.by.account() {
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
                check_maker(facts, link.grant.is_some())?;
                draft.head.link = Some(Link { paused: None, ..link.clone() });
                Event::LinkResumed { generation }
            }
            LinkChange::Withdraw => {
                draft.head.link = None;
                Event::LinkWithdrawn { generation }
            }
        };
        Ok(draft.finish(self.by, event, |_| ()))
    }
}
