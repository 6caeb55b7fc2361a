//! Blueprints: what fills a dashboard's slots for whoever asks, and why.

use super::{dashshare::Dashshare, error::Error, load::lies};
use crate::{
    blueprint::{
        Blueprint, Candidates, Choices, Resolution, Scope, SlotExplanation, SlotReach, Want, Who, id_of,
    },
    decision::{Admits, Asker, Decision, DeviceDecision, InSlot, Seen, Ways},
    host::{CandidatePage, Directory, Env, Store},
    lock::Slots,
    policy::Resource,
    record::{Actor, Head},
    sharing::{Consulted, Ledger, Locks, More, Needs, Refusal, suspension::check_suspension},
    value::DashboardId,
};
use std::{collections::BTreeSet, sync::Arc};

/// How many candidates are read at once.
const PAGE: usize = 512;

/// The devices that fill one want, by id.
type Base = Arc<[Arc<Resource>]>;

/// How many candidates were left after each step of one want.
#[derive(Clone, Copy, Default)]
struct Counts {
    conditions: usize,
    policies: usize,
}

/// What may fill the slots, by what was found of each want.
fn filled(
    blueprint: &Arc<Blueprint>,
    scope: Scope,
    found: Vec<Base>,
    ways: &Ways<'_>,
    named_only: bool,
) -> Candidates {
    let of_slot = |at| blueprint.want_of(at).and_then(|want| found.get(want)).map_or(&[][..], Arc::as_ref);
    let slots = blueprint.slots().iter().enumerate();
    let fixed = ways.fixed_slots(slots.map(|(at, slot)| (slot.name.as_str(), of_slot(at))));
    Candidates::new(Arc::clone(blueprint), scope, found, fixed, named_only)
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
        let ways = Ways::of_link(locks, &consulted, &blueprint);
        let (found, _) = self.fillings(&ledger.head, &blueprint, &ways).await?;
        let (dashboard, generation) = (ledger.head.dashboard, link.map_or(0, |link| link.generation));
        let scope = Scope { tenant: ledger.head.tenant, who: Who::Link { dashboard, generation } };
        let reach = filled(&blueprint, scope, found, &ways, false).reach();
        let slots = blueprint.slots().iter().zip(reach);
        Ok(slots.map(|(slot, devices)| SlotReach { slot: slot.name.clone(), devices }).collect())
    }

    /// Narrows a decision to a device that a slot of a blueprint holds, with the choices of the page. A device that the
    /// dashboard shows in its slots alone is read only while one of them holds it: the slot that is named, or any that may.
    /// The slots are filled anew with every choice of the page and this one: the server keeps no selection that it trusts.
    /// What fills no slot is like a device that is not there. Each grant fills the slots by itself: what two of them show is
    /// never put together.
    ///
    /// A device that the dashboard shows by itself is in no slot, unless one is named. A stream asks what comes back of this
    /// as time goes on, and asks anew when somebody chooses something else.
    ///
    /// # Errors
    /// If the directory fails.
    ///
    /// Rules: [B4](crate::specification), [B7](crate::specification), [B11](crate::specification),
    /// [K14](crate::specification).
    pub async fn authorize_in_slot(
        &self,
        decision: &Decision,
        choices: &Choices,
        device: &str,
        slot: Option<&str>,
    ) -> Result<DeviceDecision, Error> {
        let narrowed = self.narrowed(decision, device, slot).await?;
        let Some(slots) = narrowed.may_be_held().filter(|_| narrowed.is_allowed()) else {
            return Ok(narrowed);
        };
        let mut slots: Vec<String> = slots.cloned().collect();
        slots.sort_by_key(|slot| !choices.names(slot, device));
        let Some(by_way) = self.candidates_by_way(decision).await? else { return Ok(narrowed) };
        let (mut held, mut unresolved): (Option<InSlot>, _) = (None, None);
        for (way, candidates) in by_way {
            for slot in &slots {
                let resolution = candidates.resolve(&choices.clone().reading(slot, device));
                if resolution.chosen().get(slot.as_str()) == Some(&device) {
                    let held = held.get_or_insert_with(|| InSlot { slot: slot.clone(), by: Vec::new() });
                    held.by.push(way);
                    break;
                }
                let why = resolution.open().get(slot.as_str()).map(|why| why.code());
                unresolved = unresolved.or(why.map(|why| (slot.clone(), why)));
            }
        }
        Ok(match held {
            Some(held) => narrowed.held(held),
            None => narrowed.unresolved(unresolved),
        })
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
        let ways = decision.ways(&blueprint, consulted.as_ref());
        let (found, counts) = self.fillings(head, &blueprint, &ways).await?;
        Ok(Some((filled(&blueprint, scope, found, &ways, decision.is_named_only()), counts)))
    }

    /// The same of each way by itself by which the asker sees devices.
    async fn candidates_by_way(
        &self,
        decision: &Decision,
    ) -> Result<Option<Vec<(Admits, Candidates)>>, Error> {
        let Some(head) = decision.head().filter(|_| decision.is_allowed()) else { return Ok(None) };
        let Some(scope) = decision.scope() else { return Ok(None) };
        let blueprint = self.blueprint(head.dashboard).await?.unwrap_or_default();
        let consulted = self.consulted_for(decision, head).await?;
        let ways = decision.ways(&blueprint, consulted.as_ref());
        let (all, _) = self.fillings(head, &blueprint, &ways).await?;
        let each = ways.each().map(|(way, alone)| {
            let seen = |found: &Base| -> Base {
                found.iter().filter(|device| alone.see(device) == Seen::Yes).cloned().collect()
            };
            let found = all.iter().map(seen).collect();
            (way, filled(&blueprint, scope, found, &alone, decision.is_named_only()))
        });
        Ok(Some(each.collect()))
    }

    /// What fills the slots as wanted and may be seen in one of these ways, by the places of the wants, with the counts.
    async fn fillings(
        &self,
        head: &Head,
        blueprint: &Blueprint,
        ways: &Ways<'_>,
    ) -> Result<(Vec<Base>, Vec<Counts>), Error> {
        let (mut found, mut counts): (Vec<Base>, _) = (Vec::new(), Vec::new());
        for want in blueprint.wants() {
            let (mut seen, mut left) = (Vec::new(), 0_usize);
            let conditions = self
                .each_candidate(head, want, |candidate| {
                    let said = ways.see(&candidate);
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
        Ok((found, counts))
    }

    /// The slots of a dashboard, and all that may fill them, whoever asks.
    pub(super) async fn slots_of(
        &self,
        dashboard: DashboardId,
    ) -> Result<(BTreeSet<String>, Vec<Arc<Resource>>), Error> {
        let Some(blueprint) = self.blueprint(dashboard).await? else { return Ok(Default::default()) };
        let Some(head) = self.head(dashboard).await? else { return Ok(Default::default()) };
        let mut found = Vec::new();
        for want in blueprint.wants() {
            self.each_candidate(&head, want, |candidate| found.push(candidate)).await?;
        }
        Ok((blueprint.slots().iter().map(|slot| slot.name.clone()).collect(), found))
    }

    /// A device that the dashboard shows, and how it stands to the slots: those that may hold it, if it is shown in them
    /// alone or one of them is named. Slots are of interest to locks that fix some.
    pub(super) async fn shown(
        &self,
        head: &Head,
        device: &str,
        slot: Option<&str>,
        are_fixed: bool,
    ) -> Result<(Option<Arc<Resource>>, Slots), Error> {
        let shown = self.device(head.dashboard, device).await?;
        let is_alone = shown.is_some() && slot.is_none();
        if is_alone && !are_fixed {
            return Ok((shown, Slots::default()));
        }
        let blueprint = self.blueprint(head.dashboard).await?.unwrap_or_default();
        let names = blueprint.slots().iter().map(|slot| slot.name.clone()).collect();
        if is_alone {
            return Ok((shown, Slots { names, holding: None }));
        }
        let Some((found, mut holding)) = self.slot_device(&blueprint, head, device).await? else {
            return Ok((None, Slots { names, holding: Some(BTreeSet::new()) }));
        };
        holding.retain(|held| slot.is_none_or(|slot| slot == held));
        let found = (!holding.is_empty()).then_some(found);
        Ok((found, Slots { names, holding: Some(holding) }))
    }

    /// A device of the dashboard's tenant that a slot of its blueprint may hold, whoever asks: that is what such a dashboard
    /// shows (B2). With the slots that may hold it.
    async fn slot_device(
        &self,
        blueprint: &Blueprint,
        head: &Head,
        id: &str,
    ) -> Result<Option<(Arc<Resource>, BTreeSet<String>)>, Error> {
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
