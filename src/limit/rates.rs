//! The limits of each purpose.

use super::{gcra::Limit, key::By, purpose::Purpose};

/// The limits of each purpose, each the host's to change; `None` switches one off.
///
/// ```
/// use dashshare::limits::{Limit, Rates};
///
/// let mut rates = Rates::default();
/// rates.rotations = Some(Limit::per_hour(30));
/// rates.exports = None;
/// ```
///
/// Rules: [R4](crate::specification).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rates {
    /// Visits of one client that are not let in: 10 a minute, 20 at once.
    pub visits_by_client: Option<Limit>,
    /// Those of one network: 60 a minute, 120 at once.
    pub visits_by_network: Option<Limit>,
    /// Those of all visitors together of whom the host gives no client: 60 a minute, 120 at once.
    pub visits_by_nobody: Option<Limit>,
    /// Passphrases that are tried at one link: 100 an hour, 20 at once.
    pub passphrases_by_link: Option<Limit>,
    /// Those of one client at one link: 20 an hour, 5 at once.
    pub passphrases_by_client: Option<Limit>,
    /// Claims of one account: 20 an hour.
    pub claims: Option<Limit>,
    /// Mails to addresses by one account: 100 a day, 50 at once.
    pub invitations_by_actor: Option<Limit>,
    /// Mails to one address: 5 a day.
    pub invitations_by_recipient: Option<Limit>,
    /// Links made for one dashboard: 10 an hour.
    pub rotations: Option<Limit>,
    /// Downloads of one account: 30 an hour.
    pub exports: Option<Limit>,
    /// Loads through one link: off.
    pub loads_by_link: Option<Limit>,
    /// Loads of one tenant: off.
    pub loads_by_tenant: Option<Limit>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            visits_by_client: Some(Limit::per_minute(10).with_burst(20)),
            visits_by_network: Some(Limit::per_minute(60).with_burst(120)),
            visits_by_nobody: Some(Limit::per_minute(60).with_burst(120)),
            passphrases_by_link: Some(Limit::per_hour(100).with_burst(20)),
            passphrases_by_client: Some(Limit::per_hour(20).with_burst(5)),
            claims: Some(Limit::per_hour(20)),
            invitations_by_actor: Some(Limit::per_day(100).with_burst(50)),
            invitations_by_recipient: Some(Limit::per_day(5)),
            rotations: Some(Limit::per_hour(10)),
            exports: Some(Limit::per_hour(30)),
            loads_by_link: None,
            loads_by_tenant: None,
        }
    }
}

impl Rates {
    pub(super) const fn of(&self, purpose: Purpose, by: &By<'_>) -> Option<Limit> {
        match (purpose, by) {
            (Purpose::Visits, By::Client(_)) => self.visits_by_client,
            (Purpose::Visits, By::Network(_)) => self.visits_by_network,
            (Purpose::Visits, By::Unknown) => self.visits_by_nobody,
            (Purpose::Passphrases, By::Link(..)) => self.passphrases_by_link,
            (Purpose::Passphrases, By::LinkClient(..)) => self.passphrases_by_client,
            (Purpose::Claims, By::Account(_)) => self.claims,
            (Purpose::Invitations, By::Account(_)) => self.invitations_by_actor,
            (Purpose::Invitations, By::Address(_)) => self.invitations_by_recipient,
            (Purpose::Rotations, By::Dashboard(_)) => self.rotations,
            (Purpose::Exports, By::Account(_)) => self.exports,
            (Purpose::Loads, By::Link(..)) => self.loads_by_link,
            (Purpose::Loads, By::Tenant(_)) => self.loads_by_tenant,
            _ => None,
        }
    }
}
