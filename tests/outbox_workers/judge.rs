//! What happened to the messages of an outbox, and what of it must not be.

use dashshare::{
    DashboardId, Revision, Timestamp,
    trail::{MessageId, OutboxMessage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

/// The name of a message, as whoever made the change can tell it.
pub(crate) type Name = (DashboardId, Revision, u32);

pub(crate) fn name(id: MessageId) -> Name {
    (id.dashboard, id.revision, id.index)
}

/// Counts calls and returns: what returned before another was called has the smaller number.
#[derive(Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Happening {
    /// By a call of this number, from this instant to that one.
    Leased {
        called: u64,
        from: Timestamp,
        until: Timestamp,
    },
    Delivered,
    /// By a call that returned at this number.
    Acknowledged {
        returned: u64,
    },
}

/// What happened, with the message it happened to.
#[derive(Default)]
pub(crate) struct Record(pub(crate) Vec<(Name, Happening)>);

impl Record {
    pub(crate) fn leased(
        &mut self,
        messages: &[OutboxMessage],
        called: u64,
        from: Timestamp,
        until: Timestamp,
    ) {
        let leased = Happening::Leased { called, from, until };
        self.0.extend(messages.iter().map(|message| (name(message.id), leased)));
    }

    pub(crate) fn delivered(&mut self, message: &OutboxMessage) {
        self.0.push((name(message.id), Happening::Delivered));
    }

    pub(crate) fn acknowledged(&mut self, messages: &[MessageId], returned: u64) {
        self.0.extend(messages.iter().map(|id| (name(*id), Happening::Acknowledged { returned })));
    }
}

/// What must not be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Wrong {
    /// A message was never delivered.
    Lost,
    /// Nothing was leased to anybody any more, and messages were left.
    Stuck,
    /// The work did not end.
    Endless,
    /// A message was leased while another lease of it had not ended.
    LeasedTwice,
    /// A message was leased by a call that began after its acknowledgement had returned.
    LeasedAfterAcknowledgement,
    /// A message came that nobody has made.
    Foreign,
}

#[derive(Default, Debug)]
pub(crate) struct Counts {
    pub(crate) leased: usize,
    pub(crate) delivered: usize,
    pub(crate) acknowledged: usize,
    /// Messages that were delivered more than once.
    pub(crate) repeated: usize,
}

/// Judges what happened to these messages.
pub(crate) fn judge(made: &BTreeSet<Name>, record: &Record) -> (Counts, BTreeMap<Wrong, usize>) {
    let mut by_message: BTreeMap<Name, Vec<Happening>> =
        made.iter().map(|name| (*name, Vec::new())).collect();
    let mut wrongs: BTreeMap<Wrong, usize> = BTreeMap::new();
    let mut counts = Counts::default();
    for (name, happening) in &record.0 {
        match by_message.get_mut(name) {
            Some(happenings) => happenings.push(*happening),
            None => *wrongs.entry(Wrong::Foreign).or_default() += 1,
        }
    }
    for happenings in by_message.values() {
        let (mut leases, mut deliveries, mut acknowledged) = (Vec::new(), 0, None::<u64>);
        for happening in happenings {
            match *happening {
                Happening::Leased { called, from, until } => leases.push((from, until, called)),
                Happening::Delivered => deliveries += 1,
                Happening::Acknowledged { returned } => {
                    acknowledged = Some(acknowledged.map_or(returned, |first| first.min(returned)));
                    counts.acknowledged += 1;
                }
            }
        }
        leases.sort_unstable();
        counts.leased += leases.len();
        counts.delivered += deliveries;
        counts.repeated += usize::from(deliveries > 1);
        let twice = leases.windows(2).filter(|two| two[1].0 < two[0].1).count();
        let after = leases.iter().filter(|lease| acknowledged.is_some_and(|first| first < lease.2)).count();
        let lost = usize::from(deliveries == 0);
        for (wrong, count) in
            [(Wrong::Lost, lost), (Wrong::LeasedTwice, twice), (Wrong::LeasedAfterAcknowledgement, after)]
        {
            if count > 0 {
                *wrongs.entry(wrong).or_default() += count;
            }
        }
    }
    (counts, wrongs)
}
