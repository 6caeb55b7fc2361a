//! The messages of the outbox.

use super::{Engine, data, world::expiry};
use dashshare::{DashboardId, trail::Message};
use serde_json::{Value, json};

impl Engine {
    pub(super) fn message(&self, dashboard: DashboardId, message: &Message) -> Value {
        let mut members = self.message_members(dashboard, message);
        // Lists are compared as a whole: where nothing is locked they are as they were.
        let lock = match message {
            Message::Shared { terms, .. } => terms.lock.as_ref(),
            Message::Amended { after, .. } => after.lock.as_ref(),
            _ => None,
        };
        if lock.is_some() {
            members["lock"] = data::lock(lock);
        }
        members
    }

    fn message_members(&self, dashboard: DashboardId, message: &Message) -> Value {
        let grant = |grant| self.grant_label(dashboard, grant);
        let account = |account| self.accounts.label(account);
        match message {
            Message::Invited { grant: id, by, address, lapses } => json!({
                "kind": "invited", "grant": grant(*id), "by": account(*by), "to": address, "lapses": lapses,
            }),
            Message::Shared { grant: id, by, to, terms, ends } => json!({
                "kind": "shared", "grant": grant(*id), "by": account(*by), "to": account(*to),
                "rights": terms.rights, "expiry": expiry(terms.expiry), "ends": ends.at(),
            }),
            Message::Amended { grant: id, by, to, after, ends, .. } => json!({
                "kind": "amended", "grant": grant(*id), "by": account(*by), "to": self.holder_label(to),
                "rights": after.rights, "reshare": after.reshare, "expiry": expiry(after.expiry), "ends": ends.at(),
            }),
            Message::Claimed { to, by, address, grants } => json!({
                "kind": "claimed", "to": account(*to), "by": account(*by), "address": address,
                "grants": self.grant_labels(dashboard, grants),
            }),
            Message::Declined { to, address, grant: id } => json!({
                "kind": "declined", "to": account(*to), "address": address, "grant": grant(*id),
            }),
            Message::Lapsing { to, address, grant: id, lapses } => json!({
                "kind": "lapsing", "to": account(*to), "address": address, "grant": grant(*id), "lapses": lapses,
            }),
            Message::LinkMade { to, by, grant: id, generation } => json!({
                "kind": "link_made", "to": account(*to), "by": account(*by), "grant": grant(*id),
                "token": self.link_label(dashboard, *generation),
            }),
            Message::TransferAsked { to, by, keep, lapses } => json!({
                "kind": "transfer_asked", "to": account(*to), "by": account(*by), "keep": keep, "lapses": lapses,
            }),
            Message::TransferDeclined { to, by } => json!({
                "kind": "transfer_declined", "to": account(*to), "by": account(*by),
            }),
            Message::TransferWithdrawn { to } => json!({ "kind": "transfer_withdrawn", "to": account(*to) }),
            Message::Transferred { to, from, owner, kept } => json!({
                "kind": "transferred", "to": account(*to), "from": account(*from), "owner": account(*owner),
                "kept": kept.map(grant),
            }),
            Message::Offered { by, to, ends, message, devices } => json!({
                "kind": "offered", "by": account(*by), "to": self.holder_label(to),
                "ends": ends.at(), "message": message, "devices": devices,
            }),
            Message::OfferAnswered { to, taken } => {
                json!({ "kind": "offer_answered", "to": account(*to), "taken": taken })
            }
            Message::OfferWithdrawn { to } => {
                json!({ "kind": "offer_withdrawn", "to": self.holder_label(to) })
            }
            Message::Expiring { grant: id, to, ends } => json!({
                "kind": "expiring", "grant": grant(*id), "to": self.holder_label(to), "ends": ends,
            }),
            Message::Ended { lost } => {
                let lost: Vec<Value> = lost
                    .iter()
                    .map(|(who, grants)| {
                        json!({ "to": self.holder_label(who), "grants": self.grant_labels(dashboard, grants) })
                    })
                    .collect();
                json!({ "kind": "ended", "lost": lost })
            }
            _ => json!({}),
        }
    }
}
