//! A commit in the making: what a command writes, and what fell by it.

use super::{
    command::{Facts, Verdict},
    ledger::{Ledger, Live},
};
use crate::{
    record::{
        Actor, AuditRecord, Commit, Event, Grant, Head, Holder, Message, MessageId, OutboxMessage, Revision,
    },
    value::GrantId,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A commit in the making.
pub(crate) struct Draft<'a> {
    facts: &'a Facts<'a>,
    before: Option<&'a Ledger>,
    expected: Revision,
    pub(crate) head: Head,
    grants: BTreeMap<u64, Arc<Grant>>,
    messages: Vec<Message>,
    /// Grants whose end is no news to their holders: they go on as new ones, or the holder became the owner.
    pub(crate) untold: BTreeSet<GrantId>,
}

/// What was live before a commit and is not any more.
pub(crate) struct Fallen {
    pub(crate) grants: Vec<GrantId>,
    /// The generation of the link that died.
    pub(crate) link: Option<u64>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(facts: &'a Facts<'a>, before: &'a Ledger) -> Self {
        let head = Head::clone(&before.head);
        Self { before: Some(before), ..Self::of_unregistered(facts, head.revision, head) }
    }

    pub(crate) fn of_unregistered(facts: &'a Facts<'a>, expected: Revision, head: Head) -> Self {
        Self {
            facts,
            before: None,
            expected,
            head,
            grants: BTreeMap::new(),
            messages: Vec::new(),
            untold: BTreeSet::new(),
        }
    }

    pub(crate) fn put(&mut self, grant: Grant) {
        self.grants.insert(grant.ordinal, Arc::new(grant));
    }

    /// The next ordinal and a fresh id.
    pub(crate) fn number(&mut self) -> (u64, GrantId) {
        let ordinal = self.head.next_ordinal;
        self.head.next_ordinal = ordinal.saturating_add(1);
        (ordinal, self.facts.draw.grant_id(self.facts.now, ordinal))
    }

    pub(crate) fn tell(&mut self, message: Message) {
        self.messages.push(message);
    }

    /// Revokes these grants, one record each. What hangs on them is not touched: its end is derived (G14).
    pub(crate) fn revoke<'b>(&mut self, roots: impl IntoIterator<Item = Live<'b>>) {
        for live in roots {
            let mut grant = Grant::clone(live.grant);
            grant.revoked = Some(self.facts.now);
            self.put(grant);
        }
    }

    /// Makes the commit. What fell is found by judging the dashboard before and after, so no command can forget it
    /// (G21), and those who lost a grant by somebody else's act are told in one message.
    pub(crate) fn finish<A>(
        mut self,
        actor: Actor,
        event: Event,
        answer: impl FnOnce(&Fallen) -> A,
    ) -> Verdict<A> {
        let now = self.facts.now;
        self.head.revision = self.expected.next();
        self.head.clock = self.head.clock.max(now);
        let head = Arc::new(self.head);
        let mut fallen = Fallen { grants: Vec::new(), link: None };
        if let Some(before) = self.before {
            let kept = before.all().filter(|grant| !self.grants.contains_key(&grant.ordinal));
            let after = Ledger::new(Arc::clone(&head), kept.chain(self.grants.values()).map(Arc::clone), now);
            let mut lost: BTreeMap<Holder, Vec<GrantId>> = BTreeMap::new();
            for live in before.all_live().filter(|live| after.live(live.grant.id).is_none()) {
                fallen.grants.push(live.grant.id);
                let holder = live.grant.grantee.holder();
                let is_told = holder != Holder::Account(head.owner)
                    && !is_actor(actor, &holder)
                    && !self.untold.contains(&live.grant.id);
                if is_told {
                    lost.entry(holder).or_default().push(live.grant.id);
                }
            }
            if !lost.is_empty() {
                self.messages.push(Message::Ended { lost: lost.into_iter().collect() });
            }
            let standing = |ledger: &Ledger| {
                ledger.head.link.as_ref().filter(|_| ledger.link_stands()).map(|link| link.generation)
            };
            fallen.link = standing(before).filter(|generation| standing(&after) != Some(*generation));
        }
        let answer = answer(&fallen);
        let (dashboard, revision) = (head.dashboard, head.revision);
        let outbox = self.messages.into_iter().zip(0u32..).map(|(message, index)| OutboxMessage {
            id: MessageId { dashboard, revision, index },
            at: now,
            message,
        });
        let commit = Commit {
            expected: self.expected,
            key: self.facts.draw.key(),
            outbox: outbox.collect(),
            audit: AuditRecord {
                dashboard,
                revision,
                at: now,
                actor,
                event,
                fell: fallen.grants,
                link_fell: fallen.link,
            },
            grants: self.grants.into_values().collect(),
            head,
        };
        Verdict { answer, commit: Some(commit) }
    }
}

fn is_actor(actor: Actor, holder: &Holder) -> bool {
    matches!((actor, holder), (Actor::Account(account), Holder::Account(holder)) if account == *holder)
}
