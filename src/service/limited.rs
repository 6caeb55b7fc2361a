//! Rate limits in the service: what a command takes of them before it is written, and what is asked for beside commands.

use super::{dashshare::Dashshare, error::Error};
use crate::{
    decision::{Asker, Decision},
    host::{Directory, Env, Limited, Permit, RateLimits, Store},
    limit::Ask,
    record::{Actor, Commit, Event, Holder},
    sharing::Refusal,
    value::{AccountId, Action, EmailAddress},
};
use std::sync::Arc;

/// What a command has taken of limits. Judged anew, it takes nothing more.
#[derive(Default)]
pub(super) struct Charged {
    is_judged: bool,
    permits: Vec<Permit>,
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        Self::RateLimited { retry_after: limited.retry_after() }
    }
}

/// # Rate limits
impl<S, D, E> Dashshare<S, D, E> {
    /// The same service with rate limits; without them nothing is counted.
    ///
    /// | what is counted | when, and by whom |
    /// | --- | --- |
    /// | [visits](Self::visit) that are not let in | by the client and its network, before the token is looked at |
    /// | [claims](Self::claim) | by the account, before anything is asked |
    /// | mails to addresses: [`share`](Self::share), [`set_share`](Self::set_share), [`remind_invitation`](Self::remind_invitation), [`offer`](Self::offer) | by the account that sends them and by the address, once the rules have let them |
    /// | [links that are made](Self::rotate_link) | by the dashboard, once the rules have let it |
    /// | [downloads](Self::begin_export) | by the account, when the host says so |
    ///
    /// What the rules refuse counts nothing, nor what the store could not write; so nobody uses up what is another's, and a
    /// stranger is refused as ever. What the host does [itself](crate::trail::Actor::Host) and what only takes away is never
    /// limited: a link that must go at once can be withdrawn. Inside a transaction of the host's the same limits hold, and
    /// are not given back when it is rolled back.
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, limits::*, questions::*, store::*, trail::*};
    /// # use std::net::IpAddr;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let env = FixedEnv::new(start, 1);
    /// let limits = RateLimits::new(&env)?;
    /// let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), env).limited(limits);
    /// # let olga = AccountId::from(1u64);
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let link = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// let client = Client::from("203.0.113.7".parse::<IpAddr>()?);
    /// for guess in 0..20 {
    ///     let decision = sharing.visit(Visit::from(&format!("dsl_{guess}")).by(client)).await?;
    ///     assert!(!decision.is_allowed() && !decision.is_limited());
    /// }
    /// // The right token does not help, and nothing tells it from a wrong one.
    /// let decision = sharing.visit(Visit::from(link.token.expose()).by(client)).await?;
    /// assert!(decision.is_limited());
    /// // Others come in.
    /// let other = Client::from("198.51.100.7".parse::<IpAddr>()?);
    /// assert!(sharing.visit(Visit::from(link.token.expose()).by(other)).await?.is_allowed());
    /// # Ok::<(), BoxError>(()) }).unwrap();
    /// ```
    ///
    /// Rules: [R3](crate::specification), [R4](crate::specification), [R7](crate::specification).
    #[must_use]
    pub fn limited(self, limits: impl Into<Arc<RateLimits>>) -> Self {
        Self { limits: Some(limits.into()), ..self }
    }

    /// The rate limits, if it has any: for purposes that the host's own code counts.
    pub fn limits(&self) -> Option<&Arc<RateLimits>> {
        self.limits.as_ref()
    }
}

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Counts a download that is about to begin under a decision about it. To be called once for each, before the first
    /// byte: asking whether somebody may export counts nothing.
    ///
    /// Rules: [R4](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] to an account that has had too many; [`Refusal::UnknownDashboard`] for a decision that
    /// allows no download.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, limits::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let env = FixedEnv::new(start, 1);
    /// # let limits = RateLimits::new(&env)?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), env).limited(limits);
    /// # let olga = AccountId::from(1u64);
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let decision = sharing.authorize(olga, dashboard, Action::Export).await?;
    /// for _ in 0..30 {
    ///     sharing.begin_export(&decision).await?;
    /// }
    /// let refused = sharing.begin_export(&decision).await.unwrap_err();
    /// assert_eq!((refused.tell().status(), refused.tell().retry_after()), (429, Some(120)));
    /// # Ok::<(), BoxError>(()) }).unwrap();
    /// ```
    pub async fn begin_export(&self, decision: &Decision) -> Result<(), Error> {
        let (Some(_), Asker::Account(viewer)) = (decision.permitted(Action::Export), decision.asker()) else {
            return Err(Refusal::UnknownDashboard.into());
        };
        self.limit(&Ask::export(viewer)).await
    }

    /// Counts a claim, whatever becomes of it.
    pub(super) async fn limit_claim(&self, account: AccountId) -> Result<(), Error> {
        self.limit(&Ask::claim(account)).await
    }

    /// Takes what stays taken.
    async fn limit(&self, ask: &Ask<'_>) -> Result<(), Error> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let taken = limits.take(ask, self.now()).await;
        taken.map(drop).map_err(|limited| Refusal::from(limited).into())
    }

    /// Takes what a commit needs that is about to be written, once for each command: all of it or nothing.
    pub(super) async fn charge(&self, commit: &Commit, charged: &mut Charged) -> Result<(), Error> {
        let Some(limits) = self.limits.as_ref().filter(|_| !charged.is_judged) else { return Ok(()) };
        charged.is_judged = true;
        let Actor::Account(actor) = commit.audit.actor else { return Ok(()) };
        if commit.is_withdrawal() {
            return Ok(());
        }
        let mail = mailed(commit).map(|address| Ask::invitation(actor, address));
        let rotates = matches!(commit.audit.event, Event::LinkRotated { .. });
        let rotation = rotates.then(|| Ask::rotation(commit.dashboard()));
        for ask in mail.into_iter().chain(rotation) {
            charged.permits.push(limits.take(&ask, self.now()).await.map_err(Refusal::from)?);
        }
        Ok(())
    }

    /// Gives back what was taken for a command of which nothing was written.
    pub(super) async fn give_back(&self, charged: Charged) {
        let Some(limits) = &self.limits else { return };
        for permit in charged.permits {
            limits.give_back(permit).await;
        }
    }
}

/// The address that a command names and mails to, whoever is found behind it: what is counted tells nothing of that (I1).
fn mailed(commit: &Commit) -> Option<&EmailAddress> {
    match &commit.audit.event {
        Event::Shared { with: to, .. } | Event::ShareSet { with: to, .. } | Event::Offered { to, .. } => {
            match to {
                Holder::Address(address) => Some(address),
                Holder::Account(_) => None,
            }
        }
        Event::InvitationRenewed { grant, .. } => {
            let renewed = commit.grants.iter().find(|put| put.id == *grant)?;
            Some(&renewed.unanswered()?.address)
        }
        _ => None,
    }
}
