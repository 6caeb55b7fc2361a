//! What is asked of limits: for which purpose, by whom, and how much.

use super::{
    gcra::Limit,
    key::{By, Client, Keys, LimitKey},
    purpose::Purpose,
    rates::Rates,
};
use crate::value::{AccountId, DashboardId, EmailAddress, TenantId};
use std::fmt;

/// What is asked of [`RateLimits`](crate::limits::RateLimits): something of a purpose, counted by one or two keys that both
/// have to have room. It costs 1 unless [said otherwise](Self::costs).
///
/// Its `Debug` shows the purpose and the cost alone.
///
/// Rules: [R2](crate::specification), [R4](crate::specification).
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    purpose: Purpose,
    by: [Option<By<'a>>; 2],
    cost: u32,
}

/// The keys of an [`Ask`] that have a limit, and their limits.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) keys: [Option<(LimitKey, Limit)>; 2],
    pub(crate) purpose: Purpose,
    pub(crate) cost: u32,
}

impl<'a> Ask<'a> {
    const fn new(purpose: Purpose, one: By<'a>, other: Option<By<'a>>) -> Self {
        Self { purpose, by: [Some(one), other], cost: 1 }
    }

    /// A visit, by the client and its network. All visitors of whom no client is given share one key.
    pub fn visit(client: Option<Client>) -> Self {
        match client {
            Some(client) => {
                Self::new(Purpose::Visits, By::Client(client), Some(By::Network(client.network())))
            }
            None => Self::new(Purpose::Visits, By::Unknown, None),
        }
    }

    /// A passphrase that is tried, by the link and by the client at that link.
    pub fn passphrase(dashboard: DashboardId, generation: u64, client: Option<Client>) -> Self {
        let at_link = By::LinkClient(dashboard, generation, client);
        Self::new(Purpose::Passphrases, By::Link(dashboard, generation), Some(at_link))
    }

    /// A claim, by the account.
    pub fn claim(account: AccountId) -> Self {
        Self::new(Purpose::Claims, By::Account(account), None)
    }

    /// A mail to an address, by whoever sends it and by the address.
    pub fn invitation(actor: AccountId, address: &'a EmailAddress) -> Self {
        Self::new(Purpose::Invitations, By::Account(actor), Some(By::Address(address)))
    }

    /// A link that is made, by the dashboard.
    pub fn rotation(dashboard: DashboardId) -> Self {
        Self::new(Purpose::Rotations, By::Dashboard(dashboard), None)
    }

    /// A download, by the account.
    pub fn export(viewer: AccountId) -> Self {
        Self::new(Purpose::Exports, By::Account(viewer), None)
    }

    /// A load through a link, by the link. Off unless the host sets a limit.
    pub fn load_by_link(dashboard: DashboardId, generation: u64) -> Self {
        Self::new(Purpose::Loads, By::Link(dashboard, generation), None)
    }

    /// A load, by the tenant. Off unless the host sets a limit.
    pub fn load_by_tenant(tenant: TenantId) -> Self {
        Self::new(Purpose::Loads, By::Tenant(tenant), None)
    }

    /// The same at another cost.
    #[must_use]
    pub const fn costs(self, cost: u32) -> Self {
        Self { cost, ..self }
    }

    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub(crate) fn keyed(&self, keys: &Keys, rates: &Rates) -> Asked {
        let key = |by: Option<By<'a>>| {
            let by = by?;
            let limit = rates.of(self.purpose, &by)?;
            Some((keys.key(self.purpose, by), limit))
        };
        Asked { keys: self.by.map(key), purpose: self.purpose, cost: self.cost }
    }
}

impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ask");
        shown.field("purpose", &self.purpose).field("cost", &self.cost).finish_non_exhaustive()
    }
}
