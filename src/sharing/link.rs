//! The public link: make or rotate, pause, resume, move its end, withdraw (L1–L6, L8).

use super::{
    command::{Command, Facts, More, Needs, Verdict, check_switches},
    consult::Missing,
    draft::Draft,
    invitation::answer,
    ledger::{Ledger, Live},
    refusal::{Refusal, check_expiry, check_lock},
    share::parent_for,
};
use crate::{
    lock::{Lock, StoredLock},
    record::{Actor, Event, Link, Message},
    value::{DashboardId, Expiry, LinkDigest, LinkToken, NewToken, Rights},
};
use serde::Serialize;
use std::sync::Arc;

/// Makes the link, or replaces it, so that the old token dies in the same commit (L2).
pub(crate) struct RotateLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) new: NewLink,
    pub(crate) digest: LinkDigest,
}

/// A public link to make: the input of [`rotate_link`](crate::Dashshare::rotate_link). An expiry alone is one.
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
    /// How much of the data it shows; `None` for all that its maker may show.
    pub lock: Option<Lock>,
    /// Whether nothing fills a slot of a blueprint for its visitors that the address does not name.
    pub named_only: bool,
    /// The token that opens it, if it was made before.
    pub token: Option<Arc<NewToken>>,
}

impl NewLink {
    /// A link that shows the dashboard until `expiry`.
    pub const fn until(expiry: Expiry) -> Self {
        Self { expiry, lock: None, named_only: false, token: None }
    }

    /// The same, showing no more of the data than a lock lets through.
    ///
    /// Rules: [K1](crate::specification).
    #[must_use]
    pub fn locked(self, lock: Lock) -> Self {
        let met = match self.lock {
            Some(standing) => standing.meet(lock),
            None => lock,
        };
        Self { lock: Some(met), ..self }
    }

    /// The same, with nothing in a slot of a blueprint that the address does not name, and nothing listed.
    ///
    /// Rules: [B6](crate::specification).
    #[must_use]
    pub fn named_only(self) -> Self {
        Self { named_only: true, ..self }
    }

    /// The same with a token that was [made before](crate::Dashshare::new_token), so that a rotation whose answer got
    /// lost can be asked for again.
    #[must_use]
    pub fn with_token(self, token: impl Into<Arc<NewToken>>) -> Self {
        Self { token: Some(token.into()), ..self }
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
    pub(crate) effective_lock: Option<Arc<StoredLock>>,
}

/// A public link that was just made: the only time that its token is to be had, unless it was brought.
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
    /// How much of the data it shows now, its maker's own lock and the tenant's taken into account; `None` for all of it.
    pub effective_lock: Option<Arc<StoredLock>>,
    /// Whether it stood already, made by an earlier call with the same token. Then this call has written nothing, and the
    /// link is as it is, on whatever terms it was asked for now.
    pub standing: bool,
}

/// All that is missing before a link could show something (L8).
fn missing(facts: &Facts<'_>, ledger: &Ledger, link: &Link) -> Vec<Missing> {
    let rules = &facts.tenant.rules;
    let mut missing = facts.access.missing(facts.tenant, &ledger.locks_of_link(link, rules));
    let bare = Link { lock: None, ..link.clone() };
    missing.extend(ledger.locks_of_link(&bare, rules).show_nothing().then_some(Missing::LockShowsNothing));
    missing
}

/// Refuses to publish while anything is missing, with all of it (L8).
fn check_setup(facts: &Facts<'_>, ledger: &Ledger, link: &Link) -> Result<(), Refusal> {
    let missing = missing(facts, ledger, link);
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
        match &self.new.token {
            Some(token) => {
                if let Some(made) = self.made_before(facts, ledger, token)? {
                    return Ok(Verdict::standing(made));
                }
            }
            None if ledger.head.links_made != facts.draw.links_seen(ledger.head.links_made) => {
                return Err(Refusal::Superseded);
            }
            None => {}
        }
        let lock = self.new.lock.clone().and_then(StoredLock::kept);
        check_lock(lock.as_ref())?;
        let parent = makers_parent(facts, ledger, self.by, lock.as_ref())?;
        let generation = ledger.head.links_made.saturating_add(1);
        let link = Link {
            digest: self.digest,
            expiry: self.new.expiry,
            named_only: self.new.named_only,
            lock,
            ..would_be(facts, ledger, self.by, parent, generation)
        };
        check_setup(facts, ledger, &link)?;
        check_maker(facts, parent.is_some())?;
        let bound = parent.map_or(Expiry::Never, |parent| parent.standing.ends);
        let ends = self.new.expiry.min(bound);
        check_expiry(self.new.expiry, bound, facts.now)?;
        facts.check_duration(ends)?;

        let mut draft = Draft::new(facts, ledger);
        draft.head.links_made = generation;
        let locks = ledger.locks_of_link(&link, &facts.tenant.rules);
        if locks.show_nothing() {
            return Err(Refusal::LockShowsNothing);
        }
        let event = Event::LinkRotated { generation, expiry: link.expiry, lock: link.lock.clone() };
        draft.head.link = Some(link);
        if let Some(parent) = parent {
            answer(ledger, parent, &mut draft);
            let (to, by) = (ledger.head.owner, ledger.in_name_of(self.by));
            draft.tell(Message::LinkMade { to, by, grant: parent.grant.id, generation });
        }
        let effective_lock = locks.effective();
        Ok(draft.finish(self.by, event, |_| LinkMade { generation, ends, effective_lock }))
    }
}

impl RotateLink {
    /// The link that a brought token opens already; `None` while it is still to be made. A token is for one link, by its
    /// number, so one that is dead never opens another (L2).
    fn made_before(
        &self,
        facts: &Facts<'_>,
        ledger: &Ledger,
        token: &NewToken,
    ) -> Result<Option<LinkMade>, Refusal> {
        if token.dashboard() != self.dashboard {
            return Err(Refusal::ForeignToken);
        }
        let (generation, made) = (token.generation(), ledger.head.links_made);
        if made.checked_add(1) == Some(generation) {
            return Ok(None);
        }
        match &ledger.head.link {
            Some(link) if link.digest == self.digest => {
                own_link(ledger, self.by)?;
                let ends = ledger.link().and_then(Result::ok).ok_or(Refusal::NoLink)?;
                let effective_lock = ledger.locks_of_link(link, &facts.tenant.rules).effective();
                Ok(Some(LinkMade { generation, ends, effective_lock }))
            }
            None if made == generation => Err(Refusal::NoLink),
            _ => Err(Refusal::Superseded),
        }
    }
}

/// Asks which link would be the next, and is refused like a rotation.
pub(crate) struct PrepareLink {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
}

impl Command for PrepareLink {
    /// The number of the next link.
    type Answer = u64;

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).publishing()
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<u64>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let parent = makers_parent(facts, ledger, self.by, None)?;
        let generation = ledger.head.links_made.saturating_add(1);
        check_setup(facts, ledger, &would_be(facts, ledger, self.by, parent, generation))?;
        check_maker(facts, parent.is_some())?;
        Ok(Verdict::standing(generation))
    }
}

/// The link that the actor would make, still without a lock.
fn would_be(
    facts: &Facts<'_>,
    ledger: &Ledger,
    by: Actor,
    parent: Option<Live<'_>>,
    generation: u64,
) -> Link {
    Link {
        digest: LinkDigest::of_malformed(""),
        maker: ledger.in_name_of(by),
        grant: parent.map(|parent| parent.grant.id),
        created: facts.now,
        expiry: Expiry::Never,
        paused: None,
        paused_by_owner: false,
        generation,
        named_only: false,
        lock: None,
    }
}

/// What the link of a maker hangs on; refused to whoever may not make one (L6).
fn makers_parent<'a>(
    facts: &Facts<'a>,
    ledger: &'a Ledger,
    by: Actor,
    lock: Option<&Arc<StoredLock>>,
) -> Result<Option<Live<'a>>, Refusal> {
    let parent = parent_for(ledger, by, Rights::VIEW, lock, None)?;
    if let Some(link) = ledger.standing_link().filter(|_| parent.is_some()) {
        if link.maker != ledger.in_name_of(by) {
            return Err(Refusal::LinkTaken);
        }
        check_pause(ledger, link, by)?;
    }
    facts.check_policies()?;
    Ok(parent)
}

/// The link that stands, for whoever has power over it: the owner, the host, and its maker (L6).
pub(super) fn own_link(ledger: &Ledger, by: Actor) -> Result<&Link, Refusal> {
    let link = ledger.standing_link().ok_or(Refusal::NoLink)?;
    let has_power = ledger.is_owner(by) || Some(link.maker) == by.account();
    if has_power { Ok(link) } else { Err(Refusal::NotYours) }
}

/// Refuses to let visitors in again whom the owner, or the host in its place, shut out (L6).
fn check_pause(ledger: &Ledger, link: &Link, by: Actor) -> Result<(), Refusal> {
    if link.paused_by_owner && !ledger.is_owner(by) { Err(Refusal::NotYours) } else { Ok(()) }
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

    fn heeds_suspension(&self) -> bool {
        self.by != Actor::Host
    }

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
        let parent = makers_parent(facts, ledger, self.by, None)?;
        let missing = missing(facts, ledger, &would_be(facts, ledger, self.by, parent, 0));
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
        let link = own_link(ledger, self.by)?;
        let by_owner = ledger.is_owner(self.by);
        let generation = link.generation;
        let mut draft = Draft::new(facts, ledger);
        let event = match self.change {
            // The owner's pause takes the place of the maker's, which the maker could end.
            LinkChange::Pause if link.paused.is_some() && (link.paused_by_owner || !by_owner) => {
                return Ok(Verdict::standing(()));
            }
            LinkChange::Resume if link.paused.is_none() => return Ok(Verdict::standing(())),
            LinkChange::Pause => {
                let paused = link.paused.or(Some(facts.now));
                draft.head.link = Some(Link { paused, paused_by_owner: by_owner, ..link.clone() });
                Event::LinkPaused { generation }
            }
            LinkChange::Resume => {
                check_pause(ledger, link, self.by)?;
                facts.check_policies()?;
                check_setup(facts, ledger, link)?;
                check_maker(facts, link.grant.is_some())?;
                draft.head.link = Some(Link { paused: None, paused_by_owner: false, ..link.clone() });
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

/// Moves the end of the link that stands, with the same token (L6).
pub(crate) struct MoveLinkEnd {
    pub(crate) dashboard: DashboardId,
    pub(crate) by: Actor,
    pub(crate) expiry: Expiry,
}

/// The answer to [`move_link_end`](crate::Dashshare::move_link_end).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LinkEndMoved {
    /// Counts the links of the dashboard.
    pub generation: u64,
    /// The end as it is declared now.
    pub expiry: Expiry,
    /// When the link ends, the maker's own end taken into account.
    pub ends: Expiry,
}

impl MoveLinkEnd {
    /// Moving it later publishes for longer, so it asks what publishing asks (G20, L8).
    fn check_prolonging(
        &self,
        facts: &Facts<'_>,
        ledger: &Ledger,
        link: &Link,
        ends: Expiry,
    ) -> Result<(), Refusal> {
        facts.check_policies()?;
        check_setup(facts, ledger, link)?;
        check_maker(facts, link.grant.is_some())?;
        facts.check_duration(ends)
    }
}

impl Command for MoveLinkEnd {
    type Answer = LinkEndMoved;

    fn withdraws(&self, ledger: &Ledger) -> bool {
        ledger.head.link.as_ref().is_some_and(|link| self.expiry <= link.expiry)
    }

    fn dashboard(&self) -> DashboardId {
        self.dashboard
    }

    fn needs(&self) -> Needs {
        Needs::of(self.by).publishing()
    }

    fn more(&self, ledger: &Ledger) -> More {
        More::links_grant(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<LinkEndMoved>, Refusal> {
        let ledger = facts.ledger_for(self.by)?;
        let link = own_link(ledger, self.by)?;
        let makers = link.grant.and_then(|grant| ledger.live(grant));
        let bound = makers.map_or(Expiry::Never, |live| live.standing.ends);
        let (generation, before, after) = (link.generation, link.expiry, self.expiry);
        let answer = LinkEndMoved { generation, expiry: after, ends: after.min(bound) };
        if after == before {
            return Ok(Verdict::standing(answer));
        }
        check_expiry(after, bound, facts.now)?;
        if before < after {
            self.check_prolonging(facts, ledger, link, answer.ends)?;
        }
        let mut draft = Draft::new(facts, ledger);
        draft.head.link = Some(Link { expiry: after, ..link.clone() });
        let event = Event::LinkEndMoved { generation, before, after };
        Ok(draft.finish(self.by, event, |_| answer))
    }
}
