//! What a tenant allows: its sharing rules, its portal, its policies.

use crate::{
    lock::StoredLock,
    policy::{PolicySet, Principal},
    value::{EmailAddress, canonical_domain},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the host knows of a tenant that decides about sharing.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tenant {
    /// What may be shared, with whom and for how long.
    pub rules: SharingRules,
    /// The portal that anonymous visitors come through.
    pub portal: Portal,
    /// Its access-management policies: what they deny, no share gives, and what they allow, needs none (D2).
    pub policies: PolicySet,
}

/// A tenant's sharing rules.
///
/// They are checked by every command that creates or widens and by none that withdraws; the three switches also
/// count at every decision. A rule tightened later does not rewrite grants that stand.
///
/// Rules: [G20](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    /// How much of everything there may be (G23).
    pub limits: Limits,
    /// How much of the data a public link shows at most: met with every link's own lock at every decision (K23).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "StoredLock::present")]
    pub link_lock: Option<Arc<StoredLock>>,
    /// How much of the data anybody sees at most through what was shared on, by grant or by link: met with its own lock at
    /// every decision (K23).
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "StoredLock::present")]
    pub reshare_lock: Option<Arc<StoredLock>>,
}

/// How much there may be of what grows: each refused with a code of its own and the number. They are the host's to
/// change, and count for what is made from then on.
///
/// ```
/// # use dashshare::directory::{Limits, SharingRules};
/// let mut rules = SharingRules::default();
/// assert_eq!(rules.limits.grants, 10_000);
/// rules.limits.grants = 500;
/// ```
///
/// Rules: [G23](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Live grants of one person on a dashboard: 16.
    pub grants_of_person: u32,
    /// Live grants on a dashboard: 10,000.
    pub grants: u32,
    /// Live grants on a dashboard that one person has shared on: 500.
    pub grants_shared_on: u32,
    /// Invitations on a dashboard that one person has made and nobody has answered: 100.
    pub invitations: u32,
    /// Offers of one giver that nobody has taken, declined or withdrawn, expired ones too: 20.
    pub offers_given: u32,
    /// Open offers to one recipient, by the name that they were made to: 20.
    pub offers_received: u32,
    /// Past terms that are kept of a grant, beyond which the oldest are merged: 100.
    pub amendments_kept: u32,
    /// Former owners that are kept of a dashboard, beyond which the oldest are merged: 100.
    pub former_owners_kept: u32,
    /// Bytes of JSON of a template that is offered: 262,144.
    pub template_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            grants_of_person: 16,
            grants: 10_000,
            grants_shared_on: 500,
            invitations: 100,
            offers_given: 20,
            offers_received: 20,
            amendments_kept: 100,
            former_owners_kept: 100,
            template_bytes: 1 << 18,
        }
    }
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
            limits: Limits::default(),
            link_lock: None,
            reshare_lock: None,
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

    /// Whether it depends on somebody's addresses if something may be shared with that account.
    pub(crate) fn lists_domains(&self) -> bool {
        !self.allowed_domains.is_empty() || !self.blocked_domains.is_empty()
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
#[serde(default, deny_unknown_fields)]
pub struct Portal {
    /// Whether it is switched on.
    pub active: bool,
    /// The user as whom visitors without an account act, if there is one.
    pub anonymous: Option<AnonymousUser>,
}

/// The user as whom visitors without an account act.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

impl Tenant {
    /// What counts for a tenant that the directory does not know: nothing may be shared.
    pub(crate) fn closed() -> Self {
        let rules =
            SharingRules { private: false, public: false, resharing: false, ..SharingRules::default() };
        Self { rules, ..Self::default() }
    }
}
