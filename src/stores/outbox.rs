//! The outbox of the store in memory.

use crate::{
    record::{DeadLetter, MessageId, OutboxMessage},
    value::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound::{Excluded, Unbounded},
};

/// The messages that were not acknowledged, by id.
#[derive(Default, Debug)]
pub(super) struct Outbox(BTreeMap<MessageId, Waiting>);

#[derive(Debug)]
struct Waiting {
    message: OutboxMessage,
    leased_until: Option<Timestamp>,
    /// Its lease is its last.
    is_given_up: bool,
}

impl Waiting {
    fn new(message: OutboxMessage) -> Self {
        Self { message, leased_until: None, is_given_up: false }
    }

    /// Since when it is a dead letter, if its last lease has ended.
    fn died(&self, now: Timestamp) -> Option<Timestamp> {
        self.leased_until.filter(|end| self.is_given_up && *end <= now)
    }
}

impl Outbox {
    pub(super) fn append(&mut self, messages: &[OutboxMessage]) {
        self.0.extend(messages.iter().map(|message| (message.id, Waiting::new(message.clone()))));
    }

    fn behind(&self, after: Option<MessageId>) -> impl Iterator<Item = &Waiting> {
        self.0.range((after.map_or(Unbounded, Excluded), Unbounded)).map(|(_, waiting)| waiting)
    }

    pub(super) fn page(&self, after: Option<MessageId>, limit: usize) -> Vec<OutboxMessage> {
        self.behind(after).take(limit).map(|waiting| waiting.message.clone()).collect()
    }

    pub(super) fn lease(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        attempts: u32,
        limit: usize,
    ) -> Vec<OutboxMessage> {
        let living = self.0.iter().filter(|(_, waiting)| !waiting.is_given_up);
        let leases = living.filter_map(|(id, waiting)| Some((waiting.leased_until?, *id)));
        let mut ended: Vec<(Timestamp, MessageId)> = leases.filter(|(end, _)| *end <= now).collect();
        ended.sort_unstable();
        ended.truncate(limit);
        let unleased = self.0.iter().filter(|(_, waiting)| waiting.leased_until.is_none());
        let unleased = unleased.map(|(id, _)| *id).take(limit.saturating_sub(ended.len()));
        let taken: BTreeSet<MessageId> = ended.iter().map(|(_, id)| *id).chain(unleased).collect();
        let lease = |id: MessageId| {
            let waiting = self.0.get_mut(&id)?;
            waiting.leased_until = Some(until);
            waiting.message.attempts = waiting.message.attempts.saturating_add(1);
            waiting.is_given_up = waiting.message.attempts >= attempts;
            Some(waiting.message.clone())
        };
        taken.into_iter().filter_map(lease).collect()
    }

    pub(super) fn acknowledge(&mut self, delivered: &[MessageId]) {
        delivered.iter().for_each(|id| drop(self.0.remove(id)));
    }

    pub(super) fn dead_letters(
        &self,
        now: Timestamp,
        after: Option<MessageId>,
        limit: usize,
    ) -> Vec<DeadLetter> {
        let letter =
            |waiting: &Waiting| Some(DeadLetter::exhausted(waiting.message.clone(), waiting.died(now)?));
        self.behind(after).filter_map(letter).take(limit).collect()
    }

    pub(super) fn put_back(&mut self, messages: &[MessageId]) {
        for id in messages {
            if let Some(waiting) = self.0.get_mut(id) {
                (waiting.leased_until, waiting.is_given_up, waiting.message.attempts) = (None, false, 0);
            }
        }
    }
}
