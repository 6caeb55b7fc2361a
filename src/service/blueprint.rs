//! Blueprints: what fills a dashboard's slots for whoever asks, and why.

use super::{dashshare::Dashshare, error::Error, load::lies};
use crate::{
    blueprint::{Blueprint, Candidates, Choices, Resolution, SlotExplanation, SlotReach, Want, id_of},
    decision::{Asker, Decision, Seen},
    host::{CandidatePage, Directory, Env, Store},
    policy::Resource,
    record::{Actor, Head},
    sharing::{Consulted, Ledger, Locks, More, Needs, Refusal, Said, suspension::check_suspension},
    value::DashboardId,
};
use std::sync::Arc;

/// How many candidates are read at once.
const PAGE: usize = 512;

/// How many candidates were left after each step of one want.
#[derive(Clone, Copy, Default)]
struct Counts {
    conditions: usize,
    policies: usize,
}

/// # Blueprints
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// What fills the slots of a blueprint dashboard for the asker of a decision, among the devices that it may see. `None`
    /// if the decision allows nothing: what may be told of that is [`tell`](Decision::tell). A dashboard that is no
    /// blueprint has no slots.
    ///
    /// What the asker may not see changes no byte of the answer. It is resolved anew with every request, also with one
    /// that names the device of a slot, such as a widget's for its data: the server keeps no selection that it trusts.
    ///
    /// It believes the decision that it is given: ask for a new one after its [`valid_until`](Decision::valid_until). The
    /// directory is asked once, in pages, for each kind with its conditions; if it fails, so does this.
    ///
    /// Rules: [B2](crate::specification), [B4](crate::specification), [B5](crate::specification),
    /// [B7](crate::specification).
    ///
    /// # Errors
    /// [`Error::Directory`] if the directory fails, or answers with something else than it was asked for.
    pub async fn resolve(&self, decision: &Decision, choices: &Choices) -> Result<Option<Resolution>, Error> {
        let candidates = self.candidates(decision).await?;
        Ok(candidates.map(|candidates| candidates.resolve(choices)))
    }

    /// What may fill the slots, for a page that resolves more than once while it answers one request. `None` if the
    /// decision allows nothing.
    ///
    /// Rules: [B2](crate::specification), [B3](crate::specification).
    ///
    /// # Errors
    /// As of [`resolve`](Self::resolve).
    pub async fn candidates(&self, decision: &Decision) -> Result<Option<Candidates>, Error> {
        Ok(self.counted_candidates(decision).await?.map(|(candidates, _)| candidates))
    }

    /// Why each slot of somebody's page is filled by what fills it, for the owner or the host: how many candidates were
    /// left after the conditions, the policies, the lock and the filters. The decision is that of whoever the owner asks
    /// about. Nobody else is answered: the counts tell of devices that they may not see.
    ///
    /// Rules: [B14](crate::specification).
    ///
    /// # Errors
    /// If `by` does not own the dashboard, or the decision allows nothing.
    pub async fn explain_slots(
        &self,
        by: impl Into<Actor>,
        decision: &Decision,
        choices: &Choices,
    ) -> Result<Vec<SlotExplanation>, Error> {
        let dashboard = decision.dashboard().ok_or(Refusal::UnknownDashboard)?;
        let head = self.owned_ledger(by.into(), dashboard, |_| More::default()).await?.head;
        let found = self.counted_candidates(decision).await?.ok_or(Refusal::UnknownDashboard)?;
        let (candidates, counts) = found;
        let (blueprint, resolution) = (candidates.blueprint(), candidates.resolve(choices));
        let (chosen, open) = (resolution.chosen(), resolution.open());
        let mut explained = Vec::new();
        for (at, slot) in blueprint.slots().iter().enumerate() {
            let counts = blueprint.want_of(at).and_then(|want| counts.get(want)).copied().unwrap_or_default();
            let all = Want { kind: slot.kind, conditions: Vec::new() };
            explained.push(SlotExplanation {
                slot: slot.name.clone(),
                placed: chosen.get(slot.name.as_str()).map(|id| (*id).to_owned()),
                open: open.get(slot.name.as_str()).map(|why| (*why).clone()),
                of_kind: self.each_candidate(&head, &all, |_| ()).await?,
                conditions: counts.conditions,
                policies: counts.policies,
                lock: resolution.count_base(at),
                filters: resolution.count_fitting(at),
            });
        }
        Ok(explained)
    }

    /// Which devices visitors could reach through which slot, whatever they write into the address, for the owner or the
    /// host: those that the tenant's policies let the anonymous user see, and that the locks of the link that stands let
    /// through. While none stands, those that a link without a lock would.
    ///
    /// Rules: [B14](crate::specification).
    ///
    /// # Errors
    /// If `by` does not own the dashboard.
    pub async fn audit_slots(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<Vec<SlotReach>, Error> {
        let ledger = self.owned_ledger(by.into(), dashboard, More::links_grant).await?;
        let Some(blueprint) = self.blueprint(dashboard).await? else { return Ok(Vec::new()) };
        let tenant = self.tenant(ledger.head.tenant).await?;
        let link = ledger.standing_link();
        let locks = link.map_or(Locks::default(), |link| ledger.locks_of_link(link, &tenant.rules));
        let consulted = Consulted { tenant, account: None, dashboard: None };
        let mut reached: Vec<Vec<String>> = Vec::new();
        for want in blueprint.wants() {
            let mut ids = Vec::new();
            self.each_candidate(&ledger.head, want, |found| {
                if matches!(consulted.of_device(&found), Said::Allowed) && locks.pass_device(&found) {
                    ids.push(id_of(&found).to_owned());
                }
            })
            .await?;
            reached.push(ids);
        }
        let slots = blueprint.slots().iter().enumerate().map(|(at, slot)| {
            let of_slot = blueprint.want_of(at).and_then(|want| reached.get(want)).cloned();
            let mut devices = of_slot.unwrap_or_default();
            if let Some(fixed) = locks.slot_ids(&slot.name) {
                devices.retain(|id| fixed.contains(id));
            }
            SlotReach { slot: slot.name.clone(), devices }
        });
        Ok(slots.collect())
    }

    /// A dashboard and what else is to be read of it, for its owner or the host.
    async fn owned_ledger(
        &self,
        by: Actor,
        dashboard: DashboardId,
        more: impl Fn(&Ledger) -> More,
    ) -> Result<Ledger, Error> {
        let ledger = self.ledger(dashboard, &Needs::of(by), more, None).await?;
        let ledger = ledger.filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownDashboard)?;
        if !ledger.is_owner(by) {
            return Err(Refusal::NotOwner.into());
        }
        if by != Actor::Host {
            check_suspension(&ledger)?;
        }
        Ok(ledger)
    }

    async fn blueprint(&self, dashboard: DashboardId) -> Result<Option<Arc<Blueprint>>, Error> {
        self.directory.blueprint(dashboard).await.map_err(Error::Directory)
    }

    /// What the asker of a decision may see of what fills the slots, with the counts of each want.
    async fn counted_candidates(
        &self,
        decision: &Decision,
    ) -> Result<Option<(Candidates, Vec<Counts>)>, Error> {
        let Some(head) = decision.head().filter(|_| decision.is_allowed()) else { return Ok(None) };
        let Some(scope) = decision.scope() else { return Ok(None) };
        let blueprint = self.blueprint(head.dashboard).await?.unwrap_or_default();
        let consulted = self.consulted_for(decision, head).await?;
        let (mut found, mut counts): (Vec<Arc<[Arc<Resource>]>>, _) = (Vec::new(), Vec::new());
        for want in blueprint.wants() {
            let (mut seen, mut left) = (Vec::new(), 0_usize);
            let conditions = self
                .each_candidate(head, want, |candidate| {
                    let said = decision.sees(&candidate, consulted.as_ref());
                    if said != Seen::NotByPolicies {
                        left = left.saturating_add(1);
                    }
                    if said == Seen::Yes {
                        seen.push(candidate);
                    }
                })
                .await?;
            found.push(seen.into());
            counts.push(Counts { conditions, policies: left });
        }
        let slots = blueprint.slots().iter().enumerate();
        let fixed = {
            let of_slot =
                |at| blueprint.want_of(at).and_then(|want| found.get(want)).map_or(&[][..], Arc::as_ref);
            decision
                .fixed_slots(slots.map(|(at, slot)| (slot.name.as_str(), of_slot(at))), consulted.as_ref())
        };
        let named_only = decision.is_named_only();
        Ok(Some((Candidates::new(blueprint, scope, found, fixed, named_only), counts)))
    }

    /// A device that the dashboard shows, and the slots that may hold it where it shows it by its blueprint alone.
    pub(super) async fn shown(
        &self,
        head: &Head,
        device: &str,
    ) -> Result<(Option<Arc<Resource>>, Vec<String>), Error> {
        if let Some(shown) = self.device(head.dashboard, device).await? {
            return Ok((Some(shown), Vec::new()));
        }
        let found = self.slot_device(head, device).await?;
        Ok(found.map_or((None, Vec::new()), |(shown, slots)| (Some(shown), slots)))
    }

    /// A device of the dashboard's tenant that a slot of its blueprint may hold, whoever asks: that is what such a dashboard
    /// shows (B2). With the slots that may hold it.
    async fn slot_device(
        &self,
        head: &Head,
        id: &str,
    ) -> Result<Option<(Arc<Resource>, Vec<String>)>, Error> {
        let Some(blueprint) = self.blueprint(head.dashboard).await? else { return Ok(None) };
        for want in blueprint.wants() {
            let mut page = CandidatePage::first(head.tenant, want, PAGE);
            // What the id begins with comes before it, and little stands between the two.
            let before = id.char_indices().next_back().and_then(|(last, _)| id.get(..last));
            page.after = before.filter(|before| !before.is_empty()).map(str::to_owned);
            loop {
                let found = self.directory.candidates(&page).await.map_err(Error::Directory)?;
                if !page.is_answered_by(&found) {
                    return Err(Error::Directory(lies(
                        "answers with other candidates than it was asked for",
                    )));
                }
                if let Some(device) = found.iter().find(|device| id_of(device) == id) {
                    let slots = blueprint.slots().iter().filter(|slot| {
                        let page =
                            CandidatePage { tags: slot.conditions.clone(), kind: slot.kind, ..page.clone() };
                        page.admits(device)
                    });
                    return Ok(Some((Arc::clone(device), slots.map(|slot| slot.name.clone()).collect())));
                }
                let last = found.last().map(|last| id_of(last).to_owned());
                if found.len() < page.limit || last.as_deref().is_some_and(|last| last > id) {
                    break;
                }
                page.after = last;
            }
        }
        Ok(None)
    }

    /// As whom, and by which policies, devices are asked about.
    async fn consulted_for(&self, decision: &Decision, head: &Head) -> Result<Option<Consulted>, Error> {
        let tenant = self.tenant(head.tenant).await?;
        match decision.asker() {
            Asker::Account(account) => self.consult(tenant, head, account).await,
            Asker::Visitor => Ok(Some(Consulted { tenant, account: None, dashboard: None })),
        }
    }

    /// Everything in the dashboard's tenant that is as wanted, page by page; how much it was. Something else, or another
    /// order, is an error of the directory: it would fill a slot that it is not for.
    async fn each_candidate(
        &self,
        head: &Head,
        want: &Want,
        mut each: impl FnMut(Arc<Resource>),
    ) -> Result<usize, Error> {
        let mut page = CandidatePage::first(head.tenant, want, PAGE);
        let mut count = 0_usize;
        loop {
            let found = self.directory.candidates(&page).await.map_err(Error::Directory)?;
            if !page.is_answered_by(&found) {
                return Err(Error::Directory(lies("answers with other candidates than it was asked for")));
            }
            count = count.saturating_add(found.len());
            let is_last = found.len() < page.limit;
            page.after = found.last().map(|last| id_of(last).to_owned());
            found.into_iter().for_each(&mut each);
            if is_last {
                return Ok(count);
            }
        }
    }
}
