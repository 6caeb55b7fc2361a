//! What a tenant allows: its sharing rules, its portal, and what a public link needs before it can be made.

use crate::{
    email::{EmailAddress, canonical_domain},
    policy::{Effect, PolicySet, Principal, Resource, RuleRef, Verdict},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// What the host knows of a tenant that decides about sharing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tenant {
    /// What may be shared, with whom and for how long.
    pub rules: SharingRules,
    /// The portal that anonymous visitors come through.
    pub portal: Portal,
    /// Its access-management policies: what they deny, no share gives, and what they allow, needs none (D2).
    pub policies: PolicySet,
}

/// A tenant's sharing rules (G20).
///
/// They are checked by every command that creates or widens and by none that withdraws; the three switches also
/// count at every decision. A rule tightened later does not rewrite grants that stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SharingRules {
    /// Whether dashboards may be shared with persons.
    pub private: bool,
    /// Whether dashboards may be shared by public link.
    pub public: bool,
    /// Whether grantees may share on.
    pub resharing: bool,
    /// The longest that a share may last, in days of 24 hours from the command; `None` for no limit.
    pub max_days: Option<u32>,
    /// How long an invitation waits for a claim, in days (I4): 14 if unset, 1 at the least, 90 at the most.
    pub invitation_days: Option<u32>,
    /// If not empty, only addresses of these domains may be shared with. `example.com` is that domain alone,
    /// `*.example.com` every domain below it.
    pub allowed_domains: Vec<String>,
    /// Addresses of these domains may not be shared with. An entry that is no domain blocks every address, so that a
    /// slip of the pen is noticed and lets nobody in.
    pub blocked_domains: Vec<String>,
    /// How many grants a path may have (G1): 8 unless set, 16 at the most.
    pub max_depth: u8,
    /// Whether a grantor is told if an address has an account (I1).
    pub reveal_accounts: bool,
}

const INVITATION_DAYS: u32 = 14;
const MAX_INVITATION_DAYS: u32 = 90;
const DEPTH: u8 = 8;
const MAX_DEPTH: u8 = 16;

impl Default for SharingRules {
    fn default() -> Self {
        Self {
            private: true,
            public: true,
            resharing: true,
            max_days: None,
            invitation_days: None,
            allowed_domains: Vec::new(),
            blocked_domains: Vec::new(),
            max_depth: DEPTH,
            reveal_accounts: false,
        }
    }
}

impl SharingRules {
    pub(crate) fn invitation_duration_days(&self) -> u32 {
        self.invitation_days.unwrap_or(INVITATION_DAYS).clamp(1, MAX_INVITATION_DAYS)
    }

    pub(crate) fn depth_limit(&self) -> usize {
        usize::from(self.max_depth.min(MAX_DEPTH))
    }

    /// Whether an address's domain is on the list of blocked ones.
    pub(crate) fn blocks(&self, address: &EmailAddress) -> bool {
        self.blocked_domains.iter().any(|domain| covers(domain, address).unwrap_or(true))
    }

    /// Whether the rules let an address be shared with.
    pub(crate) fn admits(&self, address: &EmailAddress) -> bool {
        !self.blocks(address)
            && (self.allowed_domains.is_empty()
                || self.allowed_domains.iter().any(|domain| covers(domain, address) == Some(true)))
    }
}

/// Whether an entry of a list covers an address; `None` when the entry is no domain.
fn covers(entry: &str, address: &EmailAddress) -> Option<bool> {
    let entry = entry.trim().trim_start_matches('@').trim_end_matches('.');
    match entry.strip_prefix("*.") {
        Some(parent) => {
            let below = format!(".{}", canonical_domain(parent)?);
            Some(address.domain().ends_with(&below))
        }
        None => Some(canonical_domain(entry)? == address.domain()),
    }
}

/// The portal that visitors of public links come through.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Portal {
    /// Whether it is switched on.
    pub active: bool,
    /// The user as whom visitors without an account act, if there is one.
    pub anonymous: Option<AnonymousUser>,
}

/// The user as whom visitors without an account act.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AnonymousUser {
    /// Whether it may act.
    pub active: bool,
    /// As whom the policies know it.
    pub principal: Principal,
}

impl AnonymousUser {
    /// An active one, a portal user of this id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { active: true, principal: Principal::run_user(id) }
    }
}

/// What the tenant's policies let its anonymous user see of one dashboard (L7).
#[derive(Clone, Debug, Default)]
pub(crate) struct AnonymousAccess {
    /// The rule that lets it access the dashboard.
    pub(crate) allowed_by: Option<RuleRef>,
    /// What is missing before it may.
    pub(crate) missing: Vec<Missing>,
    /// The devices whose widgets stay blank.
    pub(crate) blank: Vec<Missing>,
}

/// What keeps an account from a dashboard, whatever was shared with it.
#[derive(Clone, Debug)]
pub(crate) enum Barred {
    /// The host does not know the dashboard.
    Unknown,
    By(RuleRef),
}

/// The action of policies on a dashboard that is looked at, and on a device whose data is shown.
pub(crate) const ACCESS: &str = "access";

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
                access.blank.push(match denied(verdict) {
                    Some(by) => Missing::DeviceDenied { device: id(), by },
                    None => Missing::DevicePolicy(id()),
                });
            }
        }
        access
    }
}

/// One thing that is missing before a dashboard can be public (L8).
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
        }
    }
}

impl Tenant {
    /// Everything that is missing before this dashboard can be public, in the order in which to mend it (L8).
    pub(crate) fn missing(&self, access: &AnonymousAccess) -> Vec<Missing> {
        let mut missing = self.missing_to_visit(access);
        missing.extend(access.blank.iter().cloned());
        missing
    }

    /// What keeps visitors out altogether (L7). A device that is blocked only blanks its widgets.
    pub(crate) fn missing_to_visit(&self, access: &AnonymousAccess) -> Vec<Missing> {
        let anonymous = match &self.portal.anonymous {
            None => Some(Missing::AnonymousUser),
            Some(user) => (!user.active).then_some(Missing::AnonymousUserActive),
        };
        let switches = [
            (!self.rules.public).then_some(Missing::PublicSharing),
            (!self.portal.active).then_some(Missing::Portal),
            anonymous,
        ];
        switches.into_iter().flatten().chain(access.missing.iter().cloned()).collect()
    }
}
