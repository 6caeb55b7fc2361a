//! The decision: may this person do this with this dashboard at this instant, and why.

use crate::{
    dashboard::{Head, Revision, Snapshot},
    grant::Chain,
    id::{AccountId, DashboardId},
    policy::{self, Effect, Nearest, PolicySet, Resource, RuleRef},
    standing::{self, Fall, Standing},
    store::leaf,
    tenant::{ACCESS, AnonymousAccess, Barred, SharingRules, Tenant},
    terms::{Expiry, Right, Rights},
    time::Timestamp,
    token::LinkDigest,
};
use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, sync::Arc};

/// What somebody wants to do with a dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// See it with its data: [`Right::View`].
    View,
    /// Download its data: [`Right::Export`].
    Export,
    /// Share it with others: the reshare right.
    Share,
    /// Move and resize its widgets. The owner can, and whom a policy lets access and arrange it; no grant and no link
    /// allows it (D2, G5).
    Arrange,
    /// Edit it. Only the owner can (D2, G5).
    Edit,
}

/// Who wants to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Principal {
    /// An account that the host has authenticated.
    Account(AccountId),
    /// Somebody without an account who presented the token of a public link.
    Visitor,
}

/// The answer: allow or deny, with its reason (D4).
///
/// Only the library's evaluator makes one (D5). A host's function that shows something takes a decision and asks
/// what it has [`permitted`](Self::permitted), so it cannot be reached without the question having been asked.
///
/// ```compile_fail
/// let decision = dashshare::Decision { allowed: true };
/// ```
#[derive(Clone, Debug)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub struct Decision {
    principal: Principal,
    action: Action,
    at: Timestamp,
    /// `None` for a dashboard that is not known, and for every denied visit (L9).
    head: Option<Arc<Head>>,
    basis: Basis,
    /// `None` when no policy could have changed it.
    consulted: Option<Consulted>,
    /// Whether a grant allows it, or would if no policy denied it.
    granted: bool,
    /// The device that it was narrowed to.
    device: Option<Arc<Resource>>,
}

/// As whom, and for what, a tenant's policies were asked.
#[derive(Clone, Debug)]
pub(crate) struct Consulted {
    pub(crate) tenant: Arc<Tenant>,
    /// The account as the policies know it; `None` for the anonymous user.
    pub(crate) account: Option<Arc<policy::Principal>>,
    /// `None` when the host does not know the dashboard.
    pub(crate) dashboard: Option<Arc<Resource>>,
}

/// The action of policies that lets a portal user move and resize widgets.
const ARRANGEMENT: &str = "arrangement";

impl Consulted {
    fn principal(&self) -> Option<&policy::Principal> {
        let anonymous = || self.tenant.portal.anonymous.as_ref().map(|anonymous| &anonymous.principal);
        self.account.as_deref().or_else(anonymous)
    }

    fn ask(&self, action: &str, resource: &Resource) -> Option<(Effect, RuleRef)> {
        let verdict = self.tenant.policies.evaluate(self.principal()?, action, resource);
        verdict.effect().zip(verdict.rule_ref())
    }

    /// The rule that denies an action on the dashboard, or all looking at it.
    pub(crate) fn denies(&self, action: Action) -> Option<RuleRef> {
        let dashboard = self.dashboard.as_deref()?;
        let words: &[&str] = if action == Action::Arrange { &[ACCESS, ARRANGEMENT] } else { &[ACCESS] };
        words.iter().find_map(|word| match self.ask(word, dashboard) {
            Some((Effect::Deny, rule)) => Some(rule),
            _ => None,
        })
    }

    /// The rule that allows an action on the dashboard. What only looks needs `access`, and what arranges needs both.
    fn allows(&self, action: Action) -> Option<RuleRef> {
        let dashboard = self.dashboard.as_deref()?;
        let allowing = |word| match self.ask(word, dashboard) {
            Some((Effect::Allow, rule)) => Some(rule),
            _ => None,
        };
        match action {
            Action::View => allowing(ACCESS),
            Action::Arrange => allowing(ACCESS).and_then(|_| allowing(ARRANGEMENT)),
            Action::Export | Action::Share | Action::Edit => None,
        }
    }

    /// Whether they let the account see the dashboard, or keep it from that.
    pub(crate) fn barred(&self) -> Option<Barred> {
        match self.dashboard {
            None => Some(Barred::Unknown),
            Some(_) => self.denies(Action::View).map(Barred::By),
        }
    }

    pub(crate) fn lets_view(&self) -> bool {
        self.allows(Action::View).is_some()
    }

    /// What the policies have to say to an action on the dashboard, or to one of its devices, with all that they
    /// considered; `granted` says that a grant or the ownership allows it, so that only a deny is in the way.
    fn explanation(
        &self,
        action: Action,
        granted: bool,
        device: Option<&Resource>,
    ) -> Option<policy::Explanation> {
        let (principal, policies) = (self.principal()?, &self.tenant.policies);
        let subject = match device {
            Some(device) => device,
            None => self.dashboard.as_deref()?,
        };
        let mut found = policies.explain(principal, ACCESS, subject);
        let denied = |found: &policy::Explanation| found.effect == Some(Effect::Deny);
        if action == Action::Arrange && device.is_none() && !denied(&found) {
            let arrangement = policies.explain(principal, ARRANGEMENT, subject);
            // One thing that would change it is named only if it is enough for both.
            let enough = found.allowed || arrangement.allowed || found.nearest == arrangement.nearest;
            let nearest =
                if arrangement.allowed { found.nearest.take() } else { arrangement.nearest.clone() };
            found = policy::Explanation { nearest: nearest.filter(|_| enough), ..arrangement };
        }
        match &mut found.nearest {
            Some(Nearest::RemoveDeny { suffices, .. }) if granted => *suffices = true,
            // No rule lets anybody export, share or edit.
            nearest if matches!(action, Action::Export | Action::Share | Action::Edit) => *nearest = None,
            _ => {}
        }
        Some(found)
    }
}

/// What a decision rests on.
#[derive(Clone, Debug)]
pub(crate) enum Basis {
    Owner,
    Grant {
        chain: Chain,
        standing: Standing,
    },
    Link {
        chain: Option<Chain>,
        ends: Expiry,
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

/// Why something was denied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Denial {
    /// There is no such dashboard, or it was deleted.
    UnknownDashboard,
    /// The dashboard was never shared with this account.
    NotShared,
    /// It was, and that ended. The latest of the account's grants fell like this.
    Ended(Fall),
    /// The account's live grants give only these rights.
    RightNotGiven(Rights),
    /// The account may see it and not share it on.
    NoReshareRight,
    /// Only the owner can edit, whatever was shared.
    OwnersOnly,
    /// Only the owner can move and resize, and whom a policy lets.
    ArrangementNotGiven,
    /// A rule of the tenant's policies denies it, whatever was shared.
    PolicyDenies(RuleRef),
    /// The tenant's rules have sharing with persons off.
    PrivateSharingOff,
    /// The tenant's rules have sharing on off, and access was shared on.
    ResharingOff,
    /// The token opens nothing. Whatever the cause, a visitor gets this one answer (L9).
    LinkNotUsable,
    /// A public link shows the dashboard and nothing more.
    LinkOnlyShows,
    /// The dashboard does not show this device.
    DeviceNotShown(String),
    /// The dashboard is allowed and this device is not: no policy lets the asker access it (D3).
    DeviceNotAllowed(String),
    /// The dashboard is allowed, and a rule of the tenant's policies denies this device (D3).
    DeviceDenied {
        /// The device.
        device: String,
        /// The rule.
        by: RuleRef,
    },
}

impl Decision {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        !matches!(self.basis, Basis::Denied(_) | Basis::Ended { .. })
    }

    /// The dashboard that it allows this very action with, if it does: what a reading function of a host asks of the
    /// decision that it takes, so that leave to view one dashboard serves no download, and no other one (D5, L10).
    pub fn permitted(&self, action: Action) -> Option<DashboardId> {
        self.dashboard().filter(|_| self.is_allowed() && self.action == action)
    }

    /// Who asked.
    pub fn principal(&self) -> Principal {
        self.principal
    }

    /// What was asked for.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The dashboard that it is about, and the only one that it allows anything with (L10). `None` for one that is
    /// not known, and for a denied visit.
    pub fn dashboard(&self) -> Option<DashboardId> {
        self.head.as_ref().map(|head| head.dashboard)
    }

    /// The instant that it was asked about.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The revision of the dashboard that it was taken at, in which every change up to it is reflected (D6).
    pub fn revision(&self) -> Option<Revision> {
        self.head.as_ref().map(|head| head.revision)
    }

    /// Until when an allowance can be relied on if nothing changes: never later than the earliest end along the path
    /// (D4). `None` when nothing along it ends. A host that streams asks again at that instant, or on a newer revision.
    pub fn valid_until(&self) -> Option<Timestamp> {
        match &self.basis {
            Basis::Grant { standing, .. } => standing.ends.at(),
            Basis::Link { ends, .. } => ends.at(),
            Basis::Owner | Basis::Policy(_) | Basis::Denied(_) | Basis::Ended { .. } => None,
        }
    }

    /// Why it was denied, if it was.
    pub fn denial(&self) -> Option<Denial> {
        match &self.basis {
            Basis::Denied(denial) => Some(denial.clone()),
            Basis::Ended { fall, .. } => Some(Denial::Ended(*fall)),
            _ => None,
        }
    }

    pub(crate) fn basis(&self) -> &Basis {
        &self.basis
    }

    pub(crate) fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// What policies said, as far as they could have changed it.
    pub(crate) fn explain_policies(&self) -> Option<policy::Explanation> {
        let consulted = self.consulted.as_ref()?;
        consulted.explanation(self.action, self.granted, self.device.as_deref())
    }

    /// Whether policies could change it: the owner is above them, and what a grant allows only a deny takes away (D2).
    pub(crate) fn heeds(&self, policies: &PolicySet) -> bool {
        self.head.is_some()
            && !matches!(self.basis, Basis::Owner)
            && !policies.is_empty()
            && (policies.has_denies() || !self.is_allowed())
    }

    /// The decision under the tenant's policies, in the order of D2: a deny comes before a grant, an allow after it.
    pub(crate) fn under(mut self, consulted: Consulted) -> Self {
        self.granted = self.is_allowed();
        if consulted.dashboard.is_none() {
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

    /// Narrows the decision to one device behind the dashboard (D3): a grant covers what the dashboard shows unless a
    /// policy denies it, and whoever has no grant needs the policies to allow it.
    pub(crate) fn for_device(
        &self,
        name: &str,
        device: Option<Arc<Resource>>,
        consulted: Option<Consulted>,
    ) -> Self {
        if !self.is_allowed() {
            return self.clone();
        }
        let Some(device) = device else {
            let basis = Basis::Denied(Denial::DeviceNotShown(name.to_owned()));
            return Self { basis, consulted: None, ..self.clone() };
        };
        let said = consulted.as_ref().and_then(|consulted| consulted.ask(ACCESS, &device));
        let granted = matches!(self.basis, Basis::Owner | Basis::Grant { .. });
        let basis = match (&self.basis, said) {
            (Basis::Owner, _) => Basis::Owner,
            (_, Some((Effect::Deny, by))) => {
                Basis::Denied(Denial::DeviceDenied { device: name.to_owned(), by })
            }
            (Basis::Link { .. } | Basis::Policy(_), None) => {
                Basis::Denied(Denial::DeviceNotAllowed(name.to_owned()))
            }
            (basis, _) => basis.clone(),
        };
        Self { basis, consulted, granted, device: Some(device), ..self.clone() }
    }
}

/// Decides for an account. Total: what it does not know, it denies (D1).
///
/// The order is D2: the owner, then a live grant with the right, else denied; policies come with
/// [`Decision::under`].
pub(crate) fn decide(
    account: AccountId,
    action: Action,
    snapshot: Option<Snapshot>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Decision {
    let principal = Principal::Account(account);
    let Some(Snapshot { head, chains }) = snapshot else {
        return Decision {
            principal,
            action,
            at: t,
            head: None,
            basis: Basis::Denied(Denial::UnknownDashboard),
            consulted: None,
            granted: false,
            device: None,
        };
    };
    let basis = match head.owner_at(t) {
        None => Basis::Denied(Denial::UnknownDashboard),
        Some(owner) if owner == account => Basis::Owner,
        Some(_) => by_grants(account, action, &head, chains, rules, t),
    };
    let unknown = matches!(basis, Basis::Denied(Denial::UnknownDashboard));
    let head = (!unknown).then_some(head);
    Decision { principal, action, at: t, head, basis, consulted: None, granted: false, device: None }
}

fn by_grants(
    account: AccountId,
    action: Action,
    head: &Head,
    chains: Vec<Chain>,
    rules: Option<&SharingRules>,
    t: Timestamp,
) -> Basis {
    let mut best: Option<(Standing, Chain)> = None;
    let mut tally = Tally::default();
    for chain in chains {
        let Some(grant) = leaf(&chain).filter(|grant| {
            // What a deleted dashboard of the same id had is nobody's business any more (G19).
            grant.ordinal >= head.first_ordinal && grant.grantee.account_at(t) == Some(account)
        }) else {
            continue;
        };
        let standing = match standing::of_chain(&chain, head, t) {
            Ok(standing) => standing,
            Err(fall) => {
                tally.note_fall(fall, chain);
                continue;
            }
        };
        if !rules.is_some_and(|rules| standing::is_honoured(grant, rules)) {
            tally.switched_off = true;
            continue;
        }
        tally.held = tally.held | standing.rights;
        tally.live = true;
        // Nothing can be shared on from a grant that is left without rights.
        let can_share = standing.reshare && !standing.rights.is_empty();
        let allows = match action {
            Action::View => standing.rights.contains(Right::View),
            Action::Export => standing.rights.contains(Right::Export),
            Action::Share => can_share && rules.is_some_and(|rules| rules.resharing),
            Action::Arrange | Action::Edit => false,
        };
        tally.reshare |= can_share;
        // The one that lasts longest, and of several the oldest: stores answer with chains in any order.
        let rank = |standing: &Standing, chain: &Chain| {
            (standing.ends, Reverse(leaf(chain).map(|grant| grant.ordinal)))
        };
        let beats = |(best, its): &(Standing, Chain)| rank(best, its) < rank(&standing, &chain);
        if allows && best.as_ref().is_none_or(beats) {
            best = Some((standing, chain));
        }
    }
    match best {
        Some((standing, chain)) => Basis::Grant { chain, standing },
        None => tally.basis(action, rules),
    }
}

/// What was seen on the way to a denial.
#[derive(Default)]
struct Tally {
    held: Rights,
    live: bool,
    reshare: bool,
    switched_off: bool,
    latest_fall: Option<(Fall, Chain)>,
}

impl Tally {
    fn note_fall(&mut self, fall: Fall, chain: Chain) {
        let ordinal = |chain: &Chain| leaf(chain).map(|grant| grant.ordinal);
        if self.latest_fall.as_ref().is_none_or(|(_, latest)| ordinal(latest) < ordinal(&chain)) {
            self.latest_fall = Some((fall, chain));
        }
    }

    fn basis(self, action: Action, rules: Option<&SharingRules>) -> Basis {
        let private = rules.is_some_and(|rules| rules.private);
        if !self.held.is_empty() {
            return Basis::Denied(match action {
                Action::Edit => Denial::OwnersOnly,
                Action::Arrange => Denial::ArrangementNotGiven,
                Action::Share if self.reshare => Denial::ResharingOff,
                Action::Share => Denial::NoReshareRight,
                Action::View | Action::Export => Denial::RightNotGiven(self.held),
            });
        }
        match self.latest_fall {
            _ if self.switched_off && !private => Basis::Denied(Denial::PrivateSharingOff),
            _ if self.switched_off => Basis::Denied(Denial::ResharingOff),
            _ if self.live => Basis::Denied(Denial::RightNotGiven(Rights::NONE)),
            Some((fall, chain)) => Basis::Ended { fall, chain },
            None => Basis::Denied(Denial::NotShared),
        }
    }
}

/// What a visit is judged by, beside the time.
pub(crate) struct VisitFacts {
    pub(crate) snapshot: Option<Snapshot>,
    /// The tenant and the dashboard, as the host knows them.
    pub(crate) consulted: Option<Consulted>,
}

/// Decides for a visitor who presents a token. Every denial is the same value (L9).
pub(crate) fn decide_visit(
    digest: &LinkDigest,
    action: Action,
    facts: VisitFacts,
    now: Timestamp,
) -> Decision {
    let principal = Principal::Visitor;
    let t = facts.snapshot.as_ref().map_or(now, |snapshot| now.max(snapshot.head.clock));
    let opened = facts.snapshot.zip(facts.consulted).and_then(|(snapshot, consulted)| {
        let basis = open(digest, &snapshot, &consulted, t)?;
        Some((snapshot.head, consulted, basis))
    });
    match opened {
        Some((head, consulted, basis)) => {
            // L5, G5: a link shows; it exports, shares and edits nothing.
            let basis = if action == Action::View { basis } else { Basis::Denied(Denial::LinkOnlyShows) };
            let (head, consulted) = (Some(head), Some(consulted));
            Decision { principal, action, at: t, head, basis, consulted, granted: false, device: None }
        }
        None => {
            let basis = Basis::Denied(Denial::LinkNotUsable);
            // Not `t`: a dashboard's clock that is ahead of the host's would tell that the link exists (L9).
            let (head, consulted) = (None, None);
            Decision { principal, action, at: now, head, basis, consulted, granted: false, device: None }
        }
    }
}

/// What a visit rests on, if the link opens now: its end, the chain that it hangs on, the policy (L5–L7).
fn open(digest: &LinkDigest, snapshot: &Snapshot, consulted: &Consulted, t: Timestamp) -> Option<Basis> {
    let (head, tenant) = (&snapshot.head, &consulted.tenant);
    let link = head.link.as_ref().filter(|link| link.digest == *digest && link.paused.is_none())?;
    head.owner_at(t)?;
    let chain = link
        .grant
        .and_then(|id| snapshot.chains.iter().find(|chain| leaf(chain).is_some_and(|g| g.id == id)));
    let makers = chain.map(|chain| standing::of_chain(chain, head, t));
    let ends = standing::of_link(link, makers, t).ok()?;
    // A grantee's link is sharing on, through a private grant: both switches count.
    let honoured = link.grant.is_none() || (tenant.rules.private && tenant.rules.resharing);
    let access = AnonymousAccess::of(tenant, consulted.dashboard.as_deref(), &[]);
    let opens = honoured && tenant.missing_to_visit(&access).is_empty();
    access.allowed_by.filter(|_| opens).map(|rule| Basis::Link { chain: chain.cloned(), ends, rule })
}
