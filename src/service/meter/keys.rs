//! The host's request keys, for as long as they are remembered.

use super::{load::Request, turn::Slot};
use crate::{
    meter::{ChargeId, Outlet},
    value::{Action, Timestamp},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// For how long a key is remembered, in microseconds.
const WINDOW: i64 = 10 * 60 * 1_000_000;

/// What was asked for under which key. The oldest is forgotten when there is no room.
#[derive(Debug)]
pub(super) struct Keys {
    known: HashMap<Arc<str>, Keyed>,
    by_age: VecDeque<(Timestamp, Arc<str>)>,
    pub(super) room: usize,
}

#[derive(Debug)]
struct Keyed {
    at: Timestamp,
    outlet: Arc<Outlet>,
    action: Action,
    records: u64,
    slot: Arc<Slot>,
}

/// What a key is found to be.
pub(super) enum Found {
    New(Arc<str>, Arc<Slot>),
    /// The same load was asked for with it.
    Same(Arc<str>, Arc<Slot>),
    /// Another load was.
    Other,
}

impl Keys {
    pub(super) fn with_room(room: usize) -> Self {
        Self { known: HashMap::new(), by_age: VecDeque::new(), room }
    }

    /// Finds a key, or notes it.
    pub(super) fn enter(&mut self, key: &str, request: &Request, now: Timestamp) -> Found {
        self.forget_old(now);
        let is_old = |keyed: &Keyed| keyed.at.plus_micros(WINDOW) <= now;
        let found = self.known.get_key_value(key).filter(|(_, keyed)| !is_old(keyed));
        if let Some((key, keyed)) = found {
            let is_same = keyed.outlet == request.outlet
                && keyed.action == request.action
                && keyed.records == request.records;
            return if is_same {
                Found::Same(Arc::clone(key), Arc::clone(&keyed.slot))
            } else {
                Found::Other
            };
        }
        let (key, slot): (Arc<str>, Arc<Slot>) = (Arc::from(key), Arc::default());
        let keyed = Keyed {
            at: now,
            outlet: Arc::clone(&request.outlet),
            action: request.action,
            records: request.records,
            slot: Arc::clone(&slot),
        };
        self.known.insert(Arc::clone(&key), keyed);
        self.by_age.push_back((now, Arc::clone(&key)));
        Found::New(key, slot)
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.by_age.front() {
            let is_old = at.plus_micros(WINDOW) <= now || self.by_age.len() >= self.room.max(1);
            if !is_old {
                return;
            }
            // It may have been noted anew since.
            if self.known.get(key).is_some_and(|keyed| keyed.at == *at) {
                self.known.remove(key);
            }
            self.by_age.pop_front();
        }
    }

    /// Forgets a key under which nothing is charged.
    pub(super) fn forget(&mut self, key: &str, slot: &Arc<Slot>) {
        if self.known.get(key).is_some_and(|keyed| Arc::ptr_eq(&keyed.slot, slot)) {
            self.known.remove(key);
        }
    }

    /// Forgets the key of a charge that was handed back.
    pub(super) fn forget_charge(&mut self, key: &str, charge: ChargeId) {
        let settled = self.known.get(key).and_then(|keyed| keyed.slot.settled());
        if settled.is_some_and(|settled| settled.is_ok_and(|accepted| accepted.charge == charge)) {
            self.known.remove(key);
        }
    }

    /// Gives whoever comes again with a key another place to wait at: those who waited were answered that it is not
    /// known what became of it.
    pub(super) fn reseat(&mut self, key: &str, slot: &Arc<Slot>) -> Option<Arc<Slot>> {
        let keyed = self.known.get_mut(key).filter(|keyed| Arc::ptr_eq(&keyed.slot, slot))?;
        keyed.slot = Arc::default();
        Some(Arc::clone(&keyed.slot))
    }
}
