//! The questions: who has access, who had it, what would change it, and what has been written down.

use super::{Engine, Reading, data, fields::Fields, play, runtime::block_on, world::expiry};
use dashshare::{
    AccountId, DashboardId, Revision,
    lock::StoredLock,
    questions::{GrantView, LinkView, Page},
    trail::{Actor, Event},
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

impl Engine {
    pub(super) fn list<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let as_of = fields.optional("as_of", Fields::instant)?;
        let (dashboard, by) = (self.dashboard_in(fields)?, self.account_in(fields, "by")?);
        play(move |engine| {
            let (dashboard, by) = (engine.dashboard_of(dashboard), engine.account(by));
            let list = match as_of {
                Some(at) => block_on(engine.sharing.as_of(at).access_list(by, dashboard))?,
                None => block_on(engine.sharing.access_list(by, dashboard))?,
            };
            let grants: Vec<Value> =
                list.grants.iter().map(|grant| engine.grant_view(dashboard, grant)).collect();
            let link = list.link.as_ref().map(|link| engine.link_view(dashboard, link));
            Ok(json!({ "owner": engine.accounts.label(list.owner), "grants": grants, "link": link }))
        })
    }

    fn grant_view(&self, dashboard: DashboardId, view: &GrantView) -> Value {
        let mut members = json!({
            "grant": self.grant_label(dashboard, view.grant),
            "grantor": self.accounts.label(view.grantor),
            "grantee": self.holder_label(&view.grantee),
            "pending": view.pending,
            "rights": view.rights,
            "reshare": view.reshare,
            "expiry": expiry(view.expiry),
            "ends": view.ends.at(),
            "depth": view.depth(),
            "path": self.grant_labels(dashboard, &view.path),
        });
        let (own, effective) = (view.lock.as_ref(), view.effective_lock.as_ref());
        data::put_locks(&mut members, own, effective, view.shows_nothing);
        members
    }

    fn link_view(&self, dashboard: DashboardId, link: &LinkView) -> Value {
        json!({
            "token": self.link_label(dashboard, link.generation),
            "maker": self.accounts.label(link.maker),
            "grant": link.grant.map(|grant| self.grant_label(dashboard, grant)),
            "expiry": expiry(link.expiry),
            "ends": link.ends.at(),
            "paused": link.paused,
            "named_only": link.named_only,
            "lock": data::lock(link.lock.as_ref()),
            "effective_lock": data::lock(link.effective_lock.as_ref()),
            "shows_nothing": link.shows_nothing,
        })
    }

    pub(super) fn impact<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let ((dashboard, grant), by) = (self.grant_in(fields)?, self.account_in(fields, "by")?);
        play(move |engine| {
            let by = engine.account(by);
            let impact = block_on(engine.sharing.impact_of_revoking(by, dashboard, grant))?;
            let names = |accounts: Vec<AccountId>| {
                let mut names: Vec<String> = accounts
                    .iter()
                    .filter_map(|account| engine.accounts.labels.get(account).cloned())
                    .collect();
                names.sort();
                names
            };
            let links: Vec<Value> =
                impact.link.iter().map(|link| engine.link_label(dashboard, link.generation)).collect();
            let invitations: Vec<Value> =
                impact.invitations.iter().map(|holder| engine.holder_label(holder)).collect();
            let sights: Map<String, Value> = impact
                .sights
                .iter()
                .map(|(account, left)| (engine.name(*account), data::sights(left)))
                .collect();
            Ok(json!({
                "sights": sights,
                "lose": names(impact.lose),
                "keep": names(impact.keep.into_iter().map(|(account, _)| account).collect()),
                "invitations": invitations,
                "links": links,
            }))
        })
    }

    pub(super) fn shared_with_me<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let as_of = fields.optional("as_of", Fields::instant)?;
        let who = self.account_in(fields, "who")?;
        play(move |engine| {
            let who = engine.account(who);
            let shared = match as_of {
                Some(at) => block_on(engine.sharing.as_of(at).shared_with(who, Page::first(usize::MAX)))?,
                None => block_on(engine.sharing.shared_with(who, Page::first(usize::MAX)))?,
            };
            let dashboards: Vec<Value> = shared
                .iter()
                .map(|shared| {
                    let mut members = json!({
                        "dashboard": engine.dashboards.label(shared.dashboard),
                        "owner": engine.accounts.label(shared.owner),
                        "rights": shared.rights,
                        "reshare": shared.reshare,
                        "ends": shared.ends.at(),
                        "grants": engine.grant_labels(shared.dashboard, &shared.grants),
                    });
                    if shared.sights.iter().any(|sight| sight.lock.is_some()) {
                        members["sights"] = data::sights(&shared.sights);
                    }
                    members
                })
                .collect();
            Ok(json!({ "dashboards": dashboards }))
        })
    }

    pub(super) fn losing<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (days, dashboard) = (fields.days("days")?, self.dashboard_in(fields)?);
        play(move |engine| {
            let (until, dashboard) = (engine.now.plus_days(days), engine.dashboard_of(dashboard));
            let losing = block_on(engine.sharing.losing_access(dashboard, until))?;
            let losing: Vec<Value> = losing
                .iter()
                .map(|losing| {
                    json!({
                        "who": engine.accounts.label(losing.account), "rights": losing.rights,
                        "reshare": losing.reshare, "ends": losing.ends,
                    })
                })
                .collect();
            Ok(json!({ "losing": losing }))
        })
    }

    pub(super) fn remind<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let (days, dashboard) = (fields.days("days")?, self.dashboard_in(fields)?);
        play(move |engine| {
            let (until, dashboard) = (engine.now.plus_days(days), engine.dashboard_of(dashboard));
            let told = block_on(engine.sharing.remind(dashboard, until))?;
            Ok(json!({ "grants": engine.grant_labels(dashboard, &told) }))
        })
    }

    pub(super) fn audit<'a>(&self, fields: &'a Fields) -> Reading<'a> {
        let dashboard = self.dashboard_in(fields)?;
        play(move |engine| {
            let dashboard = engine.dashboard_of(dashboard);
            let mut records = Vec::new();
            let mut after = Revision::ZERO;
            loop {
                let page = block_on(engine.sharing.audit(Actor::Host, dashboard, after, 100))?;
                let Some(last) = page.last() else { break };
                after = last.revision;
                records.extend(page);
            }
            let records: Vec<Value> = records
                .iter()
                .map(|record| {
                    let (event, grants) = engine.event(dashboard, &record.event);
                    let link_fell =
                        record.link_fell.map(|generation| engine.link_label(dashboard, generation));
                    let mut members = json!({
                        "revision": record.revision,
                        "at": record.at,
                        "by": engine.actor_label(record.actor),
                        "event": event,
                        "grants": grants,
                        "fell": engine.grant_labels(dashboard, &record.fell),
                        "link_fell": link_fell,
                    });
                    let (before, after) = locks(&record.event);
                    if before != after && before.is_some() {
                        members["lock_before"] = data::lock(before.flatten());
                    }
                    if after.flatten().is_some() {
                        members["lock"] = data::lock(after.flatten());
                    }
                    members
                })
                .collect();
            Ok(json!({ "records": records }))
        })
    }

    /// An event's name, and the grants that it is about.
    fn event(&self, dashboard: DashboardId, event: &Event) -> (&'static str, Vec<Value>) {
        let (name, grants) = match event {
            Event::Registered { .. } => ("registered", vec![]),
            Event::Shared { grant, .. } => ("shared", vec![*grant]),
            Event::Amended { grant, .. } => ("amended", vec![*grant]),
            Event::Revoked { grant, rebound } => {
                ("revoked", [*grant].into_iter().chain(rebound.iter().map(|(_, new)| *new)).collect())
            }
            Event::Stopped { .. } => ("stopped", vec![]),
            Event::Renounced { grant } => ("renounced", vec![*grant]),
            Event::Claimed { grants, .. } => ("claimed", grants.clone()),
            Event::InvitationRenewed { grant, .. } => ("invitation_renewed", vec![*grant]),
            Event::ShareSet { grant, replaced, .. } => {
                ("share_set", [*grant].into_iter().chain(replaced.iter().copied()).collect())
            }
            Event::TransferAsked { .. } => ("transfer_asked", vec![]),
            Event::TransferDeclined => ("transfer_declined", vec![]),
            Event::TransferWithdrawn => ("transfer_withdrawn", vec![]),
            Event::Transferred { kept, .. } => ("transferred", kept.iter().copied().collect()),
            Event::Deleted => ("deleted", vec![]),
            Event::AccountDeleted { .. } => ("account_deleted", vec![]),
            Event::LinkRotated { .. } => ("link_rotated", vec![]),
            Event::LinkNarrowed { .. } => ("link_narrowed", vec![]),
            Event::LinkPaused { .. } => ("link_paused", vec![]),
            Event::LinkResumed { .. } => ("link_resumed", vec![]),
            Event::LinkWithdrawn { .. } => ("link_withdrawn", vec![]),
            Event::LinkEndMoved { .. } => ("link_end_moved", vec![]),
            Event::Suspended => ("suspended", vec![]),
            Event::Resumed => ("resumed", vec![]),
            Event::Offered { .. } => ("offered", vec![]),
            Event::OfferTaken { .. } => ("offer_taken", vec![]),
            Event::OfferDeclined => ("offer_declined", vec![]),
            Event::OfferWithdrawn => ("offer_withdrawn", vec![]),
            Event::Reminded { grants } => ("reminded", grants.clone()),
            Event::Fell { .. } => ("fell", Vec::new()),
            _ => ("unknown", vec![]),
        };
        (name, self.grant_labels(dashboard, &grants))
    }

    pub(super) fn outbox<'a>(&self, _: &'a Fields) -> Reading<'a> {
        play(move |engine| {
            let mut messages = Vec::new();
            let mut after = None;
            loop {
                let page = block_on(engine.sharing.outbox(after, 100))?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                messages.extend(page);
            }
            // The store orders by dashboard; a reader of a story wants it by time.
            messages.sort_by_key(|message| (message.at, message.id));
            let messages: Vec<Value> = messages
                .iter()
                .map(|sent| {
                    let dashboard = sent.id.dashboard;
                    let mut said = engine.message(dashboard, &sent.message);
                    said["at"] = json!(sent.at);
                    said["dashboard"] = engine.dashboards.label(dashboard);
                    said
                })
                .collect();
            Ok(json!({ "messages": messages }))
        })
    }
}

type Lock<'a> = Option<Option<&'a Arc<StoredLock>>>;

/// The lock that an event left behind, and the one that was there before it, where it is about one.
fn locks(event: &Event) -> (Lock<'_>, Lock<'_>) {
    match event {
        Event::Shared { terms, .. } | Event::ShareSet { terms, .. } => (None, Some(terms.lock.as_ref())),
        Event::Amended { before, after, .. } => (Some(before.lock.as_ref()), Some(after.lock.as_ref())),
        Event::LinkRotated { lock, .. } => (None, Some(lock.as_ref())),
        Event::LinkNarrowed { before, after, .. } => (Some(before.as_ref()), Some(after.as_ref())),
        _ => (None, None),
    }
}
