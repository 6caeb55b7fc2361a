//! A commit in the making: what a command writes, and what fell by it.

use super::{
    command::{Facts, Fallen, Verdict},
    ledger::{Ledger, Live},
};
use crate::{
    record::{
        Actor, AuditRecord, Commit, Event, Falling, Grant, Head, Holder, Message, MessageId, OutboxMessage,
        Revision, Withdrawal,
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
    /// (G21), and those who lost a grant by somebody else's act are told in one message. What was not read is listed
    /// later, in a step of its own.
    pub(crate) fn finish<A>(
        mut self,
        actor: Actor,
        event: Event,
        answer: impl FnOnce(&Fallen) -> A,
    ) -> Verdict<A> {
        let now = self.facts.now;
        let mut fallen = Fallen::default();
        let mut carriers = Vec::new();
        if let Some(before) = self.before {
            let kept = before.all().filter(|grant| !self.grants.contains_key(&grant.ordinal));
            let grants = kept.chain(self.grants.values()).map(Arc::clone);
            let after = Ledger::new(Arc::new(self.head.clone()), grants, now);
            let gone = before.all_live().filter(|live| after.live(live.grant.id).is_none());
            fallen.grants = self.tell_of_ended(actor, gone);
            let standing = |ledger: &Ledger| {
                ledger.head.link.as_ref().filter(|_| ledger.link_stands()).map(|link| link.generation)
            };
            fallen.link = standing(before).filter(|generation| standing(&after) != Some(*generation));
            let put = self.grants.values().filter(|grant| {
                before.live(grant.id).is_some_and(|live| live.standing.reshare)
                    && !after.live(grant.id).is_some_and(|live| live.standing.reshare)
            });
            carriers.extend(put.map(|grant| grant.id));
            self.note_falling(before, actor, &carriers, &fallen);
        }
        self.write(actor, event, fallen, carriers, answer)
    }

    /// One message to all who lost a grant by somebody else's act; answers with the grants.
    pub(crate) fn tell_of_ended<'b>(
        &mut self,
        actor: Actor,
        ended: impl Iterator<Item = Live<'b>>,
    ) -> Vec<GrantId> {
        let mut lost: BTreeMap<Holder, Vec<GrantId>> = BTreeMap::new();
        let mut grants = Vec::new();
        for live in ended {
            grants.push(live.grant.id);
            let holder = live.grant.grantee.holder();
            let is_told = holder != Holder::Account(self.head.owner)
                && !is_actor(actor, &holder)
                && !self.untold.contains(&live.grant.id);
            if is_told {
                lost.entry(holder).or_default().push(live.grant.id);
            }
        }
        if !lost.is_empty() {
            self.messages.push(Message::Ended { lost: lost.into_iter().collect() });
        }
        grants
    }

    /// Notes what hangs, unread, on that which ends here (G22).
    fn note_falling(&mut self, before: &Ledger, actor: Actor, carriers: &[GrantId], fallen: &Fallen) {
        let ordinals = (before.head.first_ordinal, before.head.next_ordinal);
        let ends_all = self.head.is_deleted() && before.head.is_dashboard() && before.holds_more();
        let grants: Vec<GrantId> =
            if ends_all { Vec::new() } else { before.carriers_among(carriers).collect() };
        if !ends_all && grants.is_empty() {
            return;
        }
        let link = before.head.link.as_ref().filter(|link| link.grant.is_some() && fallen.link.is_none());
        self.head.falling.push(Falling {
            revision: self.expected.next(),
            at: self.facts.now,
            actor,
            narrowed: self.grants.values().all(|grant| grant.revoked.is_none()),
            grants,
            listed: fallen.grants.clone(),
            ordinals,
            link: link.cloned().map(Box::new),
        });
        self.messages.push(Message::Falling);
    }

    /// Makes the commit, of which it is known what fell.
    pub(crate) fn write<A>(
        mut self,
        actor: Actor,
        event: Event,
        fallen: Fallen,
        carriers: Vec<GrantId>,
        answer: impl FnOnce(&Fallen) -> A,
    ) -> Verdict<A> {
        let now = self.facts.now;
        self.head.revision = self.expected.next();
        self.head.clock = self.head.clock.max(now);
        let head = Arc::new(self.head);
        let answer = answer(&fallen);
        let (dashboard, revision) = (head.dashboard, head.revision);
        let outbox = self.messages.into_iter().zip(0u32..).map(|(message, index)| OutboxMessage {
            id: MessageId { dashboard, revision, index },
            at: now,
            attempts: 0,
            message,
        });
        let withdrawal = self.before.filter(|_| self.facts.withdraws).map(|before| Withdrawal {
            head: Arc::clone(&before.head),
            grants: before.paths(self.grants.values().map(|grant| grant.id)),
            carriers,
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
            withdrawal: withdrawal.map(Box::new),
            sent: None,
        };
        Verdict { answer, commit: Some(commit) }
    }
}

fn is_actor(actor: Actor, holder: &Holder) -> bool {
    matches!((actor, holder), (Actor::Account(account), Holder::Account(holder)) if account == *holder)
}
