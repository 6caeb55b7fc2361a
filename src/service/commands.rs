//! The commands about private shares, and about a dashboard as a whole.

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
};
use crate::{
    host::{Directory, Env, Store},
    record::{Actor, Holder, Phase},
    sharing::{
        Refusal,
        amend::{Amend, Amended, Amendment},
        invitation::{ClaimInvitations, Claimed, RemindInvitation, Renewed},
        offer::{EndOffer, OfferEnd},
        ownership::{DeleteDashboard, Register},
        revoke::{EndAccount, Ended, Person, Renounce, Revoke, RevokeMode, StopSharing},
        share::{NewShare, SetShare, Share, ShareSet, Shared},
    },
    value::{AccountId, DashboardId, EmailAddress, GrantId, TenantId},
};

/// # Dashboards and private shares
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Makes a dashboard known. Repeating it is no error; a deleted dashboard's id may be registered again and starts
    /// empty.
    ///
    /// Rules: [G19](crate::specification).
    pub async fn register(
        &self,
        dashboard: DashboardId,
        tenant: TenantId,
        owner: AccountId,
    ) -> Result<Done<()>, Error> {
        self.done(&Register { dashboard, tenant, owner }).await
    }

    /// Shares a dashboard with an account or an address.
    ///
    /// The grant hangs on the grantor's own grant that fits best, unless [`on_from`](NewShare::on_from) names one.
    ///
    /// Rules: [G6](crate::specification), [G7](crate::specification), [G17](crate::specification),
    /// [I1](crate::specification).
    ///
    /// # Errors
    /// Refused to whoever may not share, for rights or an end beyond the grantor's own, and against the tenant's rules.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let until = start.plus_days(7);
    /// let shared = sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::At(until)).and_reshare())).await?;
    /// // Ann can give no more than she has, and not for longer.
    /// let refused = sharing.share(ann, dashboard, NewShare::with(bob, Terms::view(Expiry::Never).and_export())).await.unwrap_err();
    /// assert_eq!(refused.refusal().map(Refusal::code), Some("exceeds_own_rights"));
    /// // Repeating a share changes nothing.
    /// let again = sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::At(until)).and_reshare())).await?;
    /// assert!(again.standing && again.grant == shared.grant);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn share(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        share: NewShare,
    ) -> Result<Done<Shared>, Error> {
        let NewShare { with, terms, from } = share;
        let with = self.recipient(with).await?;
        self.done(&Share { dashboard, by: by.into(), with, terms, from }).await
    }

    /// Shares a dashboard with an account or an address in place of all that the person, by that name, has from the same
    /// grantor: one grant on these terms, in one commit. What hung on what was replaced ends, and its holders are told.
    ///
    /// Rules: [G17](crate::specification).
    ///
    /// # Errors
    /// As [`share`](Self::share), except that what is replaced is in the way of nothing.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let (view, export) = (Terms::view(Expiry::Never), Terms::view(Expiry::Never).and_export());
    /// let first = sharing.share(olga, dashboard, NewShare::with(ann, export)).await?;
    /// let second = sharing.share(olga, dashboard, NewShare::with(ann, view.clone())).await?;
    /// assert_eq!(second.others, [first.grant], "rights are a union, so Ann may still export");
    /// let set = sharing.set_share(olga, dashboard, NewShare::with(ann, view)).await?;
    /// assert_eq!(set.fell, [first.grant, second.grant]);
    /// assert!(!sharing.authorize(ann, dashboard, Action::Export).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn set_share(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        share: NewShare,
    ) -> Result<Done<ShareSet>, Error> {
        let NewShare { with, terms, from } = share;
        let with = self.recipient(with).await?;
        self.done(&SetShare(Share { dashboard, by: by.into(), with, terms, from })).await
    }

    /// Lets an invitation that nobody has answered wait a full term anew, and mails it again: for whoever may revoke it.
    ///
    /// Rules: [G17](crate::specification), [I4](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::NotWaiting`] when it was answered, and otherwise as [`share`](Self::share), since it prolongs.
    pub async fn remind_invitation(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Done<Renewed>, Error> {
        self.done(&RemindInvitation { dashboard, by: by.into(), grant }).await
    }

    /// Changes the terms of a grant: less of anything, or an expiry moved either way while it is live.
    ///
    /// Rules: [G9](crate::specification), [G12](crate::specification).
    pub async fn amend(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        grant: GrantId,
        amendment: Amendment,
    ) -> Result<Done<Amended>, Error> {
        self.done(&Amend { dashboard, by: by.into(), grant, amendment }).await
    }

    /// Revokes a grant, and with it all that hangs on it. The grantee itself can only [`renounce`](Self::renounce).
    ///
    /// Rules: [G12](crate::specification), [G14](crate::specification).
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let anns = sharing.share(olga, dashboard, NewShare::with(ann, Terms::view(Expiry::Never).and_reshare())).await?.grant;
    /// let bobs = sharing.share(ann, dashboard, NewShare::with(bob, Terms::view(Expiry::Never))).await?.grant;
    /// let ended = sharing.revoke(olga, dashboard, anns, RevokeMode::Cascade).await?;
    /// assert_eq!(ended.fell, [anns, bobs]);
    /// assert!(!sharing.authorize(bob, dashboard, Action::View).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn revoke(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        grant: GrantId,
        mode: RevokeMode,
    ) -> Result<Done<Ended>, Error> {
        self.done(&Revoke { dashboard, by: by.into(), grant, mode }).await
    }

    /// Ends every grant of a person within the actor's reach, claimed and pending alike. Having nothing to end is no
    /// error.
    ///
    /// Rules: [G13](crate::specification), [G22](crate::specification).
    ///
    /// # Errors
    /// [`Error::Directory`] when the directory does not say who else the person is. Then all has ended that the name itself
    /// covers, the account's grants or the address's; repeat it for the rest.
    pub async fn stop_sharing(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        with: impl Into<Holder>,
    ) -> Result<Done<Ended>, Error> {
        let (with, failed) = self.person_or_name(with.into()).await;
        let done = self.done(&StopSharing { dashboard, by: by.into(), with }).await?;
        failed.map_or(Ok(done), Err)
    }

    /// Gives up one's own grant, or declines an invitation to an address that one has verified.
    ///
    /// Rules: [G12](crate::specification).
    pub async fn renounce(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Done<Ended>, Error> {
        let (by, failed) = self.person_or_name(account.into()).await;
        let done = self.done(&Renounce { dashboard, by, account, grant }).await;
        // What the account holds itself ends whatever the directory says.
        done.map_err(|error| failed.filter(|_| error.refusal().is_some()).unwrap_or(error))
    }

    /// Turns the live invitations to an address into grants of the account that has verified it, on every dashboard.
    /// Answers with what it did, dashboard by dashboard; repeating it answers the same.
    ///
    /// An invitation that the tenant's rules would not let be given to the account today goes on waiting, and one that the
    /// account made itself ends. Whoever invited is told.
    ///
    /// Call it at sign-up and whenever an address was verified. Each dashboard is one commit, and one that fails keeps no
    /// other from being claimed.
    ///
    /// Rules: [I3](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] to an account that has claimed too often, if there are [limits](Self::limited). Otherwise the
    /// first one that a dashboard failed with, after all others were claimed. What was done on those is not in the
    /// error; a repeat goes on with what is left, and answers for all of them.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let address: EmailAddress = "ann@example.com".parse()?;
    /// sharing.share(olga, dashboard, NewShare::with(address.clone(), Terms::view(Expiry::Never))).await?;
    /// // Ann signs up and follows the link in a confirmation mail: now the directory vouches for the address.
    /// sharing.directory().verify_email(ann, address.clone(), start);
    /// let claimed = sharing.claim(ann, &address).await?;
    /// assert_eq!((claimed[0].dashboard, claimed[0].grants.len()), (dashboard, 1));
    /// assert!(sharing.authorize(ann, dashboard, Action::View).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn claim(
        &self,
        account: AccountId,
        address: &EmailAddress,
    ) -> Result<Vec<Done<Claimed>>, Error> {
        self.limit_claim(account).await?;
        let known = self.account(account).await?.ok_or(Refusal::EmailNotVerified)?;
        let email = known.verified.iter().find(|email| email.address() == address);
        let email = email.ok_or(Refusal::EmailNotVerified)?;
        let (mut claimed, mut failed) = (Vec::new(), None);
        for dashboard in self.dashboards_of([address.clone().into()]).await? {
            let command = ClaimInvitations { dashboard, account: &known, email };
            let done = match self.done(&command).await {
                // It waits until the dashboard is resumed, and keeps no other from being claimed.
                Err(Error::Refused(Refusal::Suspended)) => continue,
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
                Ok(done) => done,
            };
            let is_nothing = done.grants.is_empty() && done.ended.is_empty() && done.refused.is_empty();
            claimed.extend((!is_nothing).then_some(done));
        }
        failed.map_or(Ok(claimed), Err)
    }

    /// Ends a dashboard with all its grants and its link. To be called when the host deletes it. What the host's
    /// [`Directory`] answers about it (tags, devices) has to end as well, lest a new dashboard of the same id inherits
    /// it.
    ///
    /// Rules: [G19](crate::specification).
    pub async fn delete_dashboard(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<Done<Ended>, Error> {
        self.done(&DeleteDashboard { dashboard, by: by.into() }).await
    }

    /// Ends all grants that an account received, what it gave with them, the invitations that wait for its addresses,
    /// and the offers that it gave or could take. Answers with what fell, dashboard by dashboard.
    ///
    /// Call it while the directory still knows the account's addresses, and after nobody can act as it any more. Each
    /// dashboard is one commit, and one that fails keeps nothing from ending on the others.
    ///
    /// Rules: [G19](crate::specification), [G22](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::OwnsDashboards`] while it owns any: transfer or delete those first.
    ///
    /// Otherwise the first one that an offer or a dashboard failed with, or that kept the directory from saying which
    /// addresses are the account's, after all has ended that could. What fell then is not in the error, only in the audit
    /// records and messages of the dashboards that were done; a repeat goes on with what is left, and answers for that.
    pub async fn delete_account(&self, account: AccountId) -> Result<Vec<Done<Ended>>, Error> {
        let (mut dashboards, mut clones) = (Vec::new(), Vec::new());
        for head in self.owned_heads(account).await? {
            match head.phase {
                Phase::Dashboard => dashboards.push(head.dashboard),
                Phase::Offer(_) => clones.push(head.dashboard),
                Phase::Deleted(_) => {}
            }
        }
        if !dashboards.is_empty() {
            return Err(Refusal::OwnsDashboards { dashboards }.into());
        }
        let mut failed = None;
        for clone in clones {
            match self.done(&EndOffer { clone, by: OfferEnd::Giver(Actor::Host) }).await {
                // Somebody may have taken it meanwhile.
                Ok(_) | Err(Error::Refused(Refusal::UnknownOffer)) => {}
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        let (Person { addresses, .. }, unknown) = self.person_or_name(account.into()).await;
        failed = failed.or(unknown);
        let holders = [account.into()].into_iter().chain(addresses.iter().cloned().map(Holder::from));
        let mut ended = Vec::new();
        for dashboard in self.dashboards_of(holders).await? {
            let person =
                Person { named: account.into(), account: Some(account), addresses: addresses.clone() };
            match self.done(&EndAccount { dashboard, account, person }).await {
                Ok(done) => ended.extend((!done.fell.is_empty()).then_some(done)),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(ended), Err)
    }
}
