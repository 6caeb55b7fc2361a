//! The decision: may this person do this with this dashboard at this instant, and why.

use super::{denial::Denial, pieces::Admits};
use crate::{
    lock::{Shut, Slots, device_passes},
    policy::{self, Resource, RuleRef},
    record::{Chain, Head, Revision},
    sharing::{Consulted, Fall, Locked, Locks, Said, Standing, could_change, standing},
    tenant::{SharingRules, Tenant},
    value::{AccountId, Action, DashboardId, Expiry, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who wants to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Asker {
    /// An account that the host has authenticated.
    Account(AccountId),
    /// Somebody without an account who presented the token of a public link.
    Visitor,
}

/// The answer: allow or deny, with its reason.
///
/// Only the library's evaluator makes one. A host's function that shows something takes a decision and asks what it has
/// [`permitted`](Self::permitted), so it cannot be reached without the question having been asked. What is said of it
/// to whoever asked is [`tell`](Self::tell), and to the owner and to support [`explain`](Self::explain).
///
/// Rules: [D4](crate::specification), [D5](crate::specification).
///
/// ```compile_fail
/// let decision = dashshare::Decision { allowed: true };
/// ```
#[derive(Clone, Debug)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub struct Decision {
    asker: Asker,
    action: Action,
    at: Timestamp,
    /// `None` for a dashboard that is not known, and for every denied visit (L9).
    head: Option<Arc<Head>>,
    basis: Basis,
    /// `None` when no policy could have changed it.
    consulted: Option<Consulted>,
    /// Whether a grant allows it, or would if no policy denied it.
    granted: bool,
    party: Party,
    /// The lock that shuts it, where one does.
    shut_by: Option<Box<ShutBy>>,
    /// The device that it was narrowed to, where it is the heart of a [`DeviceDecision`](super::DeviceDecision).
    device: Option<Arc<Resource>>,
}

/// What the asker has to do with the dashboard, whatever was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Party {
    /// Nothing, now or before.
    Stranger,
    /// It had access, until this instant.
    Former(Timestamp),
    /// It owns it, or holds a live grant.
    Present,
}

/// The lock that shuts something, and the path that it stands on.
#[derive(Clone, Debug)]
pub(crate) struct ShutBy {
    pub(crate) locked: Locked,
    pub(crate) chain: Chain,
}

/// A live grant that the tenant's switches let count, and that allows what was asked.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) chain: Chain,
    pub(crate) standing: Standing,
    /// Its locks, the tenant's among them.
    pub(crate) locks: Locks,
}

impl Held {
    #[inline]
    pub(super) fn of(chain: Chain, standing: Standing, rules: Option<&SharingRules>, t: Timestamp) -> Self {
        let locks = if standing.is_locked { Locks::of_chain(&chain, t) } else { Locks::default() };
        let locks = match rules {
            Some(rules) => locks.under_rules(chain.len() > 1, rules),
            None => locks,
        };
        Self { chain, standing, locks }
    }

    /// What it is when it admits something.
    pub(super) fn way(&self) -> Option<Admits> {
        self.chain.first().map(|grant| Admits::Grant(grant.id))
    }
}

/// What a decision rests on.
#[derive(Clone, Debug)]
pub(crate) enum Basis {
    Owner,
    Grant {
        /// The one that ends last.
        best: Held,
        /// Every other live grant that allows it, the one that ends last first: what one does not show, another may.
        others: Vec<Held>,
    },
    Link {
        chain: Option<Chain>,
        ends: Expiry,
        locks: Locks,
        /// The rule that lets the anonymous user see the dashboard.
        rule: RuleRef,
    },
    Policy(RuleRef),
    Denied(Denial),
    /// Denied, and this is the latest of the account's grants that fell.
    Ended {
        fall: Fall,
        chain: Chain,
    },
}

impl Decision {
    /// What was decided before policies and devices are asked.
    #[inline]
    pub(super) fn new(
        asker: Asker,
        action: Action,
        at: Timestamp,
        head: Option<Arc<Head>>,
        (basis, party): (Basis, Party),
    ) -> Self {
        Self {
            asker,
            action,
            at,
            head,
            basis,
            consulted: None,
            granted: false,
            party,
            shut_by: None,
            device: None,
        }
    }

    /// The same with what the policies were asked.
    #[inline]
    pub(super) fn consulted(self, consulted: Consulted) -> Self {
        Self { consulted: Some(consulted), ..self }
    }

    /// Whether it is allowed.
    #[inline]
    pub fn is_allowed(&self) -> bool {
        !matches!(self.basis, Basis::Denied(_) | Basis::Ended { .. })
    }

    /// The dashboard that it allows this very action with, if it does: what a reading function of a host asks of the
    /// decision that it takes, so that leave to view one dashboard serves no download, and no other one.
    ///
    /// Rules: [D5](crate::specification), [L10](crate::specification).
    pub fn permitted(&self, action: Action) -> Option<DashboardId> {
        self.dashboard().filter(|_| self.is_allowed() && self.action == action)
    }

    /// Who asked.
    pub fn asker(&self) -> Asker {
        self.asker
    }

    /// What was asked for.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The dashboard that it is about, and the only one that it allows anything with. `None` for one that is not known,
    /// and for a denied visit.
    ///
    /// Rules: [L10](crate::specification).
    pub fn dashboard(&self) -> Option<DashboardId> {
        self.head.as_ref().map(|head| head.dashboard)
    }

    /// The instant that it was asked about.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The revision of the dashboard that it was taken at, in which every change up to it is reflected.
    ///
    /// Rules: [D6](crate::specification).
    pub fn revision(&self) -> Option<Revision> {
        self.head.as_ref().map(|head| head.revision)
    }

    /// Until when an allowance can be relied on if nothing changes. A grant ends at the earliest end along its path; of
    /// several that each allow the action, the one that ends last counts, since access lasts as long. `None` when nothing
    /// that it rests on ends. A host that streams asks again at that instant, or on a newer revision.
    ///
    /// Rules: [D4](crate::specification).
    pub fn valid_until(&self) -> Option<Timestamp> {
        match &self.basis {
            Basis::Grant { best, .. } => best.standing.ends.at(),
            Basis::Link { ends, .. } => ends.at(),
            Basis::Owner | Basis::Policy(_) | Basis::Denied(_) | Basis::Ended { .. } => None,
        }
    }

    /// Whether it is a visit that was denied unseen, since too many from there were not let in. For the host, which may
    /// answer it with 429 and the header `Retry-After: 60`; what may be [told](Self::tell) is what every visitor is told
    /// who is not let in.
    ///
    /// Rules: [R3](crate::specification), [R7](crate::specification).
    pub fn is_limited(&self) -> bool {
        matches!(self.basis, Basis::Denied(Denial::Limited))
    }

    /// Why it was denied, if it was.
    pub fn denial(&self) -> Option<Denial> {
        match &self.basis {
            Basis::Denied(denial) => Some(denial.clone()),
            Basis::Ended { fall, .. } => Some(Denial::Ended(*fall)),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn basis(&self) -> &Basis {
        &self.basis
    }

    pub(super) fn party(&self) -> Party {
        self.party
    }

    /// Whether the policies let the asker see the dashboard, whatever was asked.
    pub(super) fn sees_by_policy(&self) -> bool {
        self.consulted.as_ref().is_some_and(|it| it.barred().is_none() && it.lets_view())
    }

    /// The grant held that allows it, or that did, and its grantor at that instant.
    pub(super) fn grantor(&self) -> Option<AccountId> {
        let Basis::Grant { best, .. } = &self.basis else { return None };
        let (head, leaf) = (self.head.as_ref()?, best.chain.first()?);
        Some(standing::made_by(leaf, best.chain.get(1).map(Arc::as_ref), head, self.at))
    }

    #[inline]
    pub(crate) fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// What policies said, as far as they could have changed it.
    pub(crate) fn explain_policies(&self) -> Option<policy::Explanation> {
        let consulted = self.consulted.as_ref()?;
        consulted.explanation(self.action, self.granted, self.device.as_deref())
    }

    /// Whether policies could change it: the owner is above them.
    #[inline]
    pub(crate) fn heeds(&self, tenant: &Tenant) -> bool {
        let is_owner = matches!(self.basis, Basis::Owner);
        self.head.is_some() && !is_owner && could_change(tenant, self.is_allowed())
    }

    /// The decision under the tenant's policies, in the order of D2: a deny comes before a grant, an allow after it.
    pub(crate) fn under(mut self, consulted: Consulted) -> Self {
        self.granted = self.is_allowed();
        if matches!(self.basis, Basis::Denied(Denial::Suspended)) {
            // No policy changes that. Whom one lets see it is told (D8).
        } else if consulted.dashboard.is_none() {
            self.basis = Basis::Denied(Denial::UnknownDashboard);
        } else if let Some(rule) = consulted.denies(self.action) {
            self.basis = Basis::Denied(Denial::PolicyDenies(rule));
        } else if !self.is_allowed()
            && let Some(rule) = consulted.allows(self.action)
        {
            self.basis = Basis::Policy(rule);
        }
        self.consulted = Some(consulted);
        self
    }

    /// Narrows the decision to one device behind the dashboard (D3): owning it or a grant covers what the dashboard shows
    /// unless a policy denies it, and whoever has neither needs the policies to allow it. Owners are above what policies
    /// say of their dashboard, not of a device.
    pub(super) fn narrowed(
        &self,
        name: &str,
        device: Option<Arc<Resource>>,
        slots: &Slots,
        consulted: Option<Consulted>,
    ) -> Self {
        if !self.is_allowed() {
            return self.clone();
        }
        // Whoever may do this with the dashboard knows of it, by whatever that is allowed (D8).
        let party = Party::Present;
        let Some(device) = device else {
            let basis = Basis::Denied(Denial::DeviceNotShown(name.to_owned()));
            return Self { basis, consulted: None, party, ..self.clone() };
        };
        let said = consulted.as_ref().map_or(Said::Nothing, |consulted| consulted.of_device(&device));
        let granted = matches!(self.basis, Basis::Owner | Basis::Grant { .. });
        let (basis, shut_by) = match (&self.basis, said) {
            (_, Said::Denied(by)) => {
                (Basis::Denied(Denial::DeviceDenied { device: name.to_owned(), by }), None)
            }
            (Basis::Link { .. } | Basis::Policy(_), Said::Nothing) => {
                (Basis::Denied(Denial::DeviceNotAllowed(name.to_owned())), None)
            }
            (basis, said) => {
                let by_policy = match said {
                    Said::Allowed => consulted.as_ref().and_then(|consulted| consulted.allows(self.action)),
                    _ => None,
                };
                showing(basis, &device, slots, by_policy)
            }
        };
        let shut_by = shut_by.map(Box::new);
        Self { basis, consulted, granted, party, shut_by, device: Some(device), ..self.clone() }
    }

    /// The same denied, and by which lock.
    pub(super) fn denied(&self, denial: Denial, shut_by: Option<ShutBy>) -> Self {
        let shut_by = shut_by.map(Box::new);
        Self { basis: Basis::Denied(denial), party: Party::Present, shut_by, ..self.clone() }
    }

    pub(super) fn shut_by(&self) -> Option<&ShutBy> {
        self.shut_by.as_deref()
    }

    /// Whether something that is seen may come to rest on policies alone: every grant is locked, or ends.
    pub(super) fn may_rest_on_policies(&self) -> bool {
        let Basis::Grant { best, others } = &self.basis else { return false };
        let holds = |held: &Held| held.locks.is_none() && held.standing.ends == Expiry::Never;
        ![best].into_iter().chain(others).any(holds)
    }

    /// The rule that lets whoever asked see the dashboard and the device that it was narrowed to, whatever was shared.
    pub(super) fn policy_of_device(&self) -> Option<RuleRef> {
        let (consulted, device) = (self.consulted.as_ref()?, self.device.as_ref()?);
        match consulted.of_device(device) {
            Said::Allowed => consulted.allows(self.action),
            _ => None,
        }
    }

    pub(super) fn device(&self) -> Option<&Arc<Resource>> {
        self.device.as_ref()
    }
}

/// What a basis is for a device that its locks are asked about: those grants that show it, else what a policy allows
/// (K14, K15), else a denial like that of a device which the dashboard does not show, and the lock that shuts it (K22).
fn showing(
    basis: &Basis,
    device: &Resource,
    slots: &Slots,
    by_policy: Option<RuleRef>,
) -> (Basis, Option<ShutBy>) {
    let id = device.id.as_deref().unwrap_or_default();
    let shut = |locks: &Locks| -> Option<(Denial, Locked)> {
        if locks.is_none() {
            return None;
        }
        let (at, why) = device_passes(&locks.stored(), id, &device.tags, slots).err()?;
        let locked = locks.iter().nth(at).cloned()?;
        let by = locked.by;
        let denial = match why {
            Shut::Unreadable => Denial::LockUnreadable { by },
            Shut::Empty => Denial::LockedEmpty { by },
            _ => Denial::DeviceNotShown(id.to_owned()),
        };
        Some((denial, locked))
    };
    let first_shut = match basis {
        Basis::Link { locks, chain, .. } => shut(locks)
            .map(|(denial, locked)| (denial, ShutBy { locked, chain: chain.clone().unwrap_or_default() })),
        Basis::Grant { best, others } => {
            let shut_best = shut(&best.locks);
            if shut_best.is_none() && others.iter().all(|held| held.locks.is_none()) {
                return (basis.clone(), None);
            }
            let all = [best].into_iter().chain(others);
            let mut passing = all.filter(|held| shut(&held.locks).is_none()).cloned();
            if let Some(best) = passing.next() {
                return (Basis::Grant { best, others: passing.collect() }, None);
            }
            if let Some(rule) = by_policy {
                return (Basis::Policy(rule), None);
            }
            shut_best.map(|(denial, locked)| (denial, ShutBy { locked, chain: best.chain.clone() }))
        }
        _ => None,
    };
    match first_shut {
        Some((denial, shut)) => (Basis::Denied(denial), Some(shut)),
        None => (basis.clone(), None),
    }
}
