//! A withdrawal goes on where the dashboard has moved on: what it takes away is taken from the dashboard as it is (G22).

use super::{
    commit::{Commit, Withdrawal},
    grant::{Grant, History},
    head::{Falling, Head, Phase},
    link::Link,
    trail::Message,
};
use crate::value::Timestamp;
use std::sync::Arc;

impl Commit {
    /// Whether it only takes away, so that it may be written whatever revision the dashboard has by now.
    ///
    /// Rules: [G22](crate::specification).
    pub fn is_withdrawal(&self) -> bool {
        self.withdrawal.is_some()
    }

    /// The same withdrawal for the dashboard as it stands: `head` is what is stored now, and `grants` are the stored rows
    /// of those that it [rests on](Self::rests_on). `None` when what it ends is not there any more, or has been changed
    /// itself: then it conflicts like any other commit. So does one that is no withdrawal.
    ///
    /// Rules: [G22](crate::specification), [S1](crate::specification).
    #[must_use]
    pub fn onto(&self, head: &Head, grants: &[Arc<Grant>]) -> Option<Self> {
        let was = self.withdrawal.as_ref()?;
        let is_as_it_was = |was: &Arc<Grant>| grants.iter().any(|now| now == was);
        let same_dashboard = head.dashboard == self.head.dashboard && head.registered == was.head.registered;
        if !same_dashboard || !was.grants.iter().all(is_as_it_was) {
            return None;
        }
        let lists_fallen = self.head.falling.len() < was.head.falling.len();
        let now = match lists_fallen {
            true => self.audit.at.max(head.clock),
            false => head.next_instant(self.audit.at),
        };
        let clock = Clock { judged: self.audit.at, now };
        let mut next = self.head_onto(was, head, clock)?;
        let has_more = was.head.next_ordinal < head.next_ordinal;
        let mut outbox = self.outbox.clone();
        if has_more && !was.carriers.is_empty() && !self.falls() {
            // Somebody shared on meanwhile from what ends here.
            next.falling.push(Falling {
                revision: next.revision,
                at: clock.now,
                actor: self.audit.actor,
                grants: was.carriers.clone(),
                narrowed: self.grants.iter().all(|grant| grant.revoked.is_none()),
                listed: self.audit.fell.clone(),
                ordinals: (head.first_ordinal, head.next_ordinal),
                link: self.link_that_may_fall(head, false),
            });
            let message = Message::Falling;
            outbox.extend(self.message(outbox.len(), message));
        }
        let asked = head.transfer.as_deref().filter(|_| head.transfer != was.head.transfer);
        if let Some(asked) = asked.filter(|_| next.is_deleted()) {
            // Somebody was asked meanwhile to take over what is no more.
            outbox.extend(self.message(outbox.len(), Message::TransferWithdrawn { to: asked.to }));
        }
        for message in &mut outbox {
            message.id.revision = next.revision;
            message.at = clock.now;
        }
        let mut audit = self.audit.clone();
        (audit.revision, audit.at) = (next.revision, clock.now);
        Some(Self {
            expected: head.revision,
            key: self.key,
            head: Arc::new(next),
            grants: self.grants.iter().map(|grant| Arc::new(clock.set(grant))).collect(),
            audit,
            outbox,
            withdrawal: None,
            sent: Some(self.digest()),
        })
    }

    /// Whether what falls with it is still to be listed.
    fn falls(&self) -> bool {
        self.head.falling.iter().any(|falling| falling.revision == self.head.revision)
    }

    /// The link that may fall with it and that its own record does not name.
    fn link_that_may_fall(&self, head: &Head, with_all: bool) -> Option<Box<Link>> {
        let link = head.link.as_ref().filter(|link| with_all || link.grant.is_some())?;
        (self.audit.link_fell != Some(link.generation)).then(|| Box::new(link.clone()))
    }

    /// The head as it stands, with what the withdrawal changes of it.
    fn head_onto(&self, was: &Withdrawal, head: &Head, clock: Clock) -> Option<Head> {
        let (before, after) = (&was.head, &self.head);
        let mut next = head.clone();
        next.revision = head.revision.next();
        next.clock = clock.now;
        if head.phase != before.phase {
            return None;
        }
        if after.phase != before.phase {
            if head.owner != before.owner {
                return None;
            }
            next.phase = after.phase.clone();
            if let Phase::Deleted(at) = &mut next.phase {
                *at = clock.of(*at);
                next.link = None;
                next.transfer = None;
            }
        } else if after.link != before.link {
            if head.link != before.link {
                return None;
            }
            next.link = after.link.clone();
            if let Some(paused) = next.link.as_mut().and_then(|link| link.paused.as_mut()) {
                *paused = clock.of(*paused);
            }
        }
        if after.transfer != before.transfer && after.phase == before.phase {
            if head.transfer != before.transfer {
                return None;
            }
            next.transfer.clone_from(&after.transfer);
        }
        if after.suspended != before.suspended && head.suspended == before.suspended {
            next.suspended = after.suspended.map(|at| clock.of(at));
        }
        for done in before.falling.iter().filter(|falling| !after.falling.contains(falling)) {
            let at = next.falling.iter().position(|falling| falling == done)?;
            next.falling.remove(at);
        }
        for falling in after.falling.iter().filter(|falling| !before.falling.contains(falling)) {
            next.falling.push(Falling {
                revision: next.revision,
                at: clock.now,
                ordinals: (head.first_ordinal, head.next_ordinal),
                link: self.link_that_may_fall(head, falling.grants.is_empty()),
                ..falling.clone()
            });
        }
        Some(next)
    }
}

/// The instant that a withdrawal was judged at, and the one that it is written at: never before what was written since.
#[derive(Clone, Copy)]
struct Clock {
    judged: Timestamp,
    now: Timestamp,
}

impl Clock {
    fn of(self, at: Timestamp) -> Timestamp {
        if at == self.judged { self.now } else { at }
    }

    fn set(self, grant: &Grant) -> Grant {
        let history = grant.history.as_deref().map(|history| {
            let mut history = History::clone(history);
            history.absorbed = history.absorbed.map(|at| self.of(at));
            for past in &mut history.amended {
                past.until = self.of(past.until);
            }
            Box::new(history)
        });
        Grant { revoked: grant.revoked.map(|at| self.of(at)), history, ..grant.clone() }
    }
}
