//! The door to policies: what a tenant's access-management policies say about an account or a visitor, a dashboard and
//! its devices. Nothing else of sharing asks them.

use super::locks::Locks;
use crate::{
    policy::{self, Effect, Nearest, Principal, Resource, RuleRef, Verdict},
    tenant::Tenant,
    value::Action,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// As whom, and for what, a tenant's policies were asked.
#[derive(Clone, Debug)]
pub(crate) struct Consulted {
    pub(crate) tenant: Arc<Tenant>,
    /// The account as the policies know it; `None` for the anonymous user.
    pub(crate) account: Option<Arc<policy::Principal>>,
    /// `None` when the host does not know the dashboard.
    pub(crate) dashboard: Option<Arc<Resource>>,
}

/// What the policies say.
pub(crate) enum Said {
    Allowed,
    Denied(RuleRef),
    Nothing,
}

/// What the policies say of an account and one dashboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// Nothing: what was shared decides.
    Nothing,
    /// It is denied, whatever was shared.
    Denied,
    /// It may view it, whatever was shared.
    LetsView,
}

/// Whether the tenant's policies could change an answer: what is allowed already only a deny takes away (D2).
#[inline]
pub(crate) fn could_change(tenant: &Tenant, is_allowed: bool) -> bool {
    !tenant.policies.is_empty() && (tenant.policies.has_denies() || !is_allowed)
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

    /// Whether the policies know the account as the anonymous user, who is let in by a live link only (D2).
    fn is_anonymous(&self) -> bool {
        self.account.as_deref().zip(self.tenant.portal.anonymous.as_ref()).is_some_and(
            |(account, anonymous)| {
                (&account.kind, &account.id) == (&anonymous.principal.kind, &anonymous.principal.id)
            },
        )
    }

    /// The rule that allows an action on the dashboard. What only looks needs `access`, and what arranges needs both.
    pub(crate) fn allows(&self, action: Action) -> Option<RuleRef> {
        let dashboard = self.dashboard.as_deref().filter(|_| !self.is_anonymous())?;
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

    /// What they say to seeing the data of a device.
    pub(crate) fn of_device(&self, device: &Resource) -> Said {
        match self.ask(ACCESS, device) {
            Some((Effect::Deny, rule)) => Said::Denied(rule),
            Some((Effect::Allow, _)) => Said::Allowed,
            None => Said::Nothing,
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

    /// What they say of the account, in one word. Where nothing is denied, what was shared counts whatever the host
    /// knows of the dashboard, as at a decision.
    pub(crate) fn word(&self) -> Word {
        let bars = could_change(&self.tenant, true) && self.barred().is_some();
        match self.lets_view() {
            _ if bars => Word::Denied,
            true => Word::LetsView,
            false => Word::Nothing,
        }
    }

    /// What the policies have to say to an action on the dashboard, or to one of its devices, with all that they
    /// considered; `granted` says that a grant or the ownership allows it, so that only a deny is in the way.
    pub(crate) fn explanation(
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
            // No rule lets anybody export, share or edit, or the anonymous user in without a link.
            nearest
                if matches!(action, Action::Export | Action::Share | Action::Edit) || self.is_anonymous() =>
            {
                *nearest = None;
            }
            _ => {}
        }
        Some(found)
    }
}

/// What the tenant's policies let its anonymous user see of one dashboard (L7).
#[derive(Clone, Debug, Default)]
pub(crate) struct AnonymousAccess {
    /// The rule that lets it access the dashboard.
    pub(crate) allowed_by: Option<RuleRef>,
    /// What is missing before it may.
    pub(crate) missing: Vec<Missing>,
    /// The devices whose widgets stay blank, with what is missing.
    blank: Vec<(Missing, Arc<Resource>)>,
}

/// What keeps an account from a dashboard, whatever was shared with it.
#[derive(Clone, Debug)]
pub(crate) enum Barred {
    /// The host does not know the dashboard.
    Unknown,
    By(RuleRef),
}

/// The action of policies on a dashboard that is looked at, and on a device whose data is shown.
const ACCESS: &str = "access";

impl AnonymousAccess {
    /// Asks the tenant's policies. A dashboard that the host does not know is one that no policy allows.
    pub(crate) fn of(tenant: &Tenant, dashboard: Option<&Resource>, devices: &[Arc<Resource>]) -> Self {
        // A user that is still to be made has no tags yet, and no id.
        let nobody = Principal::run_user("");
        let principal = tenant.portal.anonymous.as_ref().map_or(&nobody, |anonymous| &anonymous.principal);
        let ask = |resource| tenant.policies.evaluate(principal, ACCESS, resource);
        let denied =
            |verdict: Verdict<'_>| verdict.rule_ref().filter(|_| verdict.effect() == Some(Effect::Deny));
        let mut access = Self::default();
        match dashboard.map(ask) {
            Some(verdict) if verdict.is_allowed() => access.allowed_by = verdict.rule_ref(),
            verdict => access.missing.push(match verdict.and_then(denied) {
                Some(by) => Missing::DashboardDenied(by),
                None => Missing::DashboardPolicy,
            }),
        }
        let mut seen = BTreeSet::new();
        for device in devices.iter().filter(|device| seen.insert(device.id.as_deref())) {
            let verdict = ask(device);
            let id = || device.id.clone().unwrap_or_default();
            if !verdict.is_allowed() {
                let missing = match denied(verdict) {
                    Some(by) => Missing::DeviceDenied { device: id(), by },
                    None => Missing::DevicePolicy(id()),
                };
                access.blank.push((missing, Arc::clone(device)));
            }
        }
        access
    }
}

/// One thing that is missing before a dashboard can be public.
///
/// Rules: [L8](crate::specification).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Missing {
    /// The tenant's rules have public sharing off.
    PublicSharing,
    /// The portal is not active.
    Portal,
    /// There is no anonymous user.
    AnonymousUser,
    /// The anonymous user is not active.
    AnonymousUserActive,
    /// No policy lets the anonymous user access the dashboard.
    DashboardPolicy,
    /// A policy's rule denies it to the anonymous user.
    DashboardDenied(RuleRef),
    /// No policy lets the anonymous user access this device, so its widgets would stay blank.
    DevicePolicy(String),
    /// A policy's rule denies the device to the anonymous user, so its widgets would stay blank.
    DeviceDenied {
        /// The device.
        device: String,
        /// The rule.
        by: RuleRef,
    },
    /// Whatever lock the link had, those that it would hang under let nothing through: the tenant's, or the maker's own
    /// (K13).
    LockShowsNothing,
}

impl Missing {
    /// The sentence without the names of policies, for people who may not know them (D8).
    pub(crate) fn told(&self) -> String {
        match self {
            Self::DashboardDenied(_) => {
                "change the access policy that denies the anonymous user this dashboard".to_owned()
            }
            Self::DeviceDenied { device, .. } => {
                format!("change the access policy that denies the anonymous user device `{device}`")
            }
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Missing {
    /// A sentence that tells the person what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicSharing => f.write_str("switch public sharing on in the tenant's sharing rules"),
            Self::Portal => f.write_str("activate the portal that visitors come through"),
            Self::AnonymousUser => f.write_str("create the portal's anonymous user"),
            Self::AnonymousUserActive => f.write_str("activate the portal's anonymous user"),
            Self::DashboardPolicy => {
                f.write_str("add a policy that lets the anonymous user access this dashboard")
            }
            Self::DashboardDenied(by) => {
                write!(f, "change {by}, which denies the anonymous user this dashboard")
            }
            Self::DevicePolicy(device) => {
                write!(f, "add a policy that lets the anonymous user access device `{device}`")
            }
            Self::DeviceDenied { device, by } => {
                write!(f, "change {by}, which denies the anonymous user device `{device}`")
            }
            Self::LockShowsNothing => f.write_str(
                "change the lock of the tenant's rules, or the share that this would hang on: nothing is left to show",
            ),
        }
    }
}

impl AnonymousAccess {
    /// Everything that is missing before this dashboard can be public, in the order in which to mend it (L8).
    pub(crate) fn missing(&self, tenant: &Tenant, locks: &Locks) -> Vec<Missing> {
        let mut missing = self.missing_to_visit(tenant);
        missing.extend(self.blank(locks));
        missing
    }

    /// What keeps the widgets blank of those devices that a link with these locks shows: for what it hides nobody has to
    /// open anything.
    pub(crate) fn blank(&self, locks: &Locks) -> impl Iterator<Item = Missing> {
        let shown = self.blank.iter().filter(|(_, device)| locks.pass_device(device));
        shown.map(|(missing, _)| missing.clone())
    }

    /// What keeps visitors out altogether (L7). A device that is blocked only blanks its widgets.
    pub(crate) fn missing_to_visit(&self, tenant: &Tenant) -> Vec<Missing> {
        let anonymous = match &tenant.portal.anonymous {
            None => Some(Missing::AnonymousUser),
            Some(user) => (!user.active).then_some(Missing::AnonymousUserActive),
        };
        let switches = [
            (!tenant.rules.public).then_some(Missing::PublicSharing),
            (!tenant.portal.active).then_some(Missing::Portal),
            anonymous,
        ];
        switches.into_iter().flatten().chain(self.missing.iter().cloned()).collect()
    }
}
