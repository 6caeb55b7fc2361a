//! The commands that change something.

use super::{
    ATTEMPTS, Dashshare, Done, Fate, Outcome, PAGE, Settled,
    error::{Error, Unresolved},
};
use crate::{
    host::{Directory, Env, Freshness, Store},
    record::{Actor, Commit, Head, Holder},
    sharing::{
        Refusal,
        amend::{Amend, Amended, Amendment},
        invitation::{ClaimInvitations, Claimed},
        link::{ChangeLink, LinkChange, NewLink, RotateLink},
        offer::{EndOffer, OfferEnd},
        ownership::{DeleteDashboard, Register, Transfer, Transferred},
        reminder::Remind,
        revoke::{EndAccount, Ended, Person, Renounce, Revoke, RevokeMode, StopSharing},
        share::{Recipient, Share, Shared},
    },
    value::{
        Account, AccountId, Attestor, DashboardId, EmailAddress, Expiry, GrantId, LinkToken, Rights,
        TenantId, Terms, Timestamp, VerifiedEmail,
    },
};
use std::{collections::BTreeSet, sync::Arc};

impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Makes a dashboard known. Repeating it is no error; a deleted dashboard's id may be registered again and starts
    /// empty (G19).
    pub async fn register(
        &self,
        dashboard: DashboardId,
        tenant: TenantId,
        owner: AccountId,
    ) -> Result<Done<()>, Error> {
        self.done(&Register { dashboard, tenant, owner }).await
    }

    /// Shares a dashboard with an account or an address (G6, G7, G17, I1).
    ///
    /// The grant hangs on the grantor's own grant that fits best; [`share_from`](Self::share_from) names one.
    ///
    /// # Errors
    /// Refused to whoever may not share, for rights or an end beyond the grantor's own, and against the tenant's rules.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let until = start.plus_days(7);
    /// let shared = sharing.share(olga, dashboard, ann, Terms::view(Expiry::At(until)).and_reshare()).await?;
    /// // Ann can give no more than she has, and not for longer.
    /// let refused = sharing.share(ann, dashboard, bob, Terms::view(Expiry::Never).and_export()).await.unwrap_err();
    /// assert_eq!(refused.refusal().map(Refusal::code), Some("exceeds_own_rights"));
    /// // Repeating a share changes nothing.
    /// let again = sharing.share(olga, dashboard, ann, Terms::view(Expiry::At(until)).and_reshare()).await?;
    /// assert!(again.standing && again.grant == shared.grant);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn share(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        with: impl Into<Holder>,
        terms: Terms,
    ) -> Result<Done<Shared>, Error> {
        self.share_on(by, dashboard, with.into(), terms, None).await
    }

    /// Shares on from a grant that the caller names among the grantor's own (G7).
    pub async fn share_from(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        from: GrantId,
        with: impl Into<Holder>,
        terms: Terms,
    ) -> Result<Done<Shared>, Error> {
        self.share_on(by, dashboard, with.into(), terms, Some(from)).await
    }

    async fn share_on(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        with: Holder,
        terms: Terms,
        from: Option<GrantId>,
    ) -> Result<Done<Shared>, Error> {
        let with = self.recipient(with).await?;
        self.done(&Share { dashboard, by, with, terms, from }).await
    }

    /// Whom something is shared with, as far as the directory can tell; `None` for an account that it does not know.
    pub(super) async fn recipient(&self, with: Holder) -> Result<Option<Recipient>, Error> {
        Ok(match with {
            Holder::Account(account) => self.account(account).await?.map(Recipient::Account),
            Holder::Address(address) => {
                let account = self.account_of(&address).await?.map(|account| account.id);
                Some(Recipient::Address(address, account))
            }
        })
    }

    /// Changes the terms of a grant: less of anything, or an expiry moved either way while it is live (G9, G12).
    pub async fn amend(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
        amendment: Amendment,
    ) -> Result<Done<Amended>, Error> {
        self.done(&Amend { dashboard, by, grant, amendment }).await
    }

    /// Revokes a grant, and with it all that hangs on it (G12, G14). The grantee itself can only
    /// [`renounce`](Self::renounce).
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let anns = sharing.share(olga, dashboard, ann, Terms::view(Expiry::Never).and_reshare()).await?.grant;
    /// let bobs = sharing.share(ann, dashboard, bob, Terms::view(Expiry::Never)).await?.grant;
    /// let ended = sharing.revoke(olga, dashboard, anns, RevokeMode::Cascade).await?;
    /// assert_eq!(ended.fell, [anns, bobs]);
    /// assert!(!sharing.authorize(bob, dashboard, Action::View).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn revoke(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
        mode: RevokeMode,
    ) -> Result<Done<Ended>, Error> {
        self.done(&Revoke { dashboard, by, grant, mode }).await
    }

    /// Ends every grant of a person within the actor's reach, claimed and pending alike (G13). Having nothing to end
    /// is no error.
    pub async fn stop_sharing(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        with: impl Into<Holder>,
    ) -> Result<Done<Ended>, Error> {
        let with = self.person(with.into()).await?;
        self.done(&StopSharing { dashboard, by, with }).await
    }

    /// Gives up one's own grant, or declines an invitation to an address that one has verified (G12).
    pub async fn renounce(
        &self,
        account: AccountId,
        dashboard: DashboardId,
        grant: GrantId,
    ) -> Result<Done<Ended>, Error> {
        let by = self.person(account.into()).await?;
        self.done(&Renounce { dashboard, by, account, grant }).await
    }

    /// Turns the live invitations to an address into grants of the account that has verified it, on every dashboard
    /// (I3). Repeating it answers the same.
    ///
    /// Call it at sign-up and whenever an address was verified. Each dashboard is one commit; if a call fails half way,
    /// repeat it.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let address: EmailAddress = "ann@example.com".parse()?;
    /// sharing.share(olga, dashboard, address.clone(), Terms::view(Expiry::Never)).await?;
    /// // Ann signs up and follows the link in a confirmation mail: now the directory vouches for the address.
    /// sharing.directory().verify_email(ann, address.clone(), start);
    /// assert_eq!(sharing.claim(ann, &address).await?.grants.len(), 1);
    /// assert!(sharing.authorize(ann, dashboard, Action::View).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn claim(&self, account: AccountId, address: &EmailAddress) -> Result<Claimed, Error> {
        let email = self.verified_email(account, address).await?.ok_or(Refusal::EmailNotVerified)?;
        let mut claimed = Claimed::default();
        for dashboard in self.dashboards_of(&[address.clone().into()]).await? {
            let command = ClaimInvitations { dashboard, account, email: email.clone() };
            let answer = self.done(&command).await?.answer;
            claimed.grants.extend(answer.grants);
            claimed.ended.extend(answer.ended);
        }
        Ok(claimed)
    }

    /// Hands a dashboard to another account (G18). Live grants and the link stay; the old owner keeps `keep`, which
    /// may be [`Rights::NONE`].
    pub async fn transfer(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        to: AccountId,
        keep: Rights,
    ) -> Result<Done<Transferred>, Error> {
        let to = self.account(to).await?;
        self.done(&Transfer { dashboard, by: by.into(), to, keep }).await
    }

    /// Ends a dashboard with all its grants and its link (G19). To be called when the host deletes it. What the host's
    /// [`Directory`] answers about it (tags, devices) has to end as well, lest a new dashboard of the same id inherits it.
    pub async fn delete_dashboard(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<Done<Ended>, Error> {
        self.done(&DeleteDashboard { dashboard, by: by.into() }).await
    }

    /// Ends all grants that an account received, what it gave with them, the invitations that wait for its addresses,
    /// and the offers that it gave or could take (G19). Answers with what fell, dashboard by dashboard.
    ///
    /// Call it while the directory still knows the account's addresses, and after nobody can act as it any more. Each
    /// dashboard is one commit; if a call fails half way, repeat it.
    ///
    /// # Errors
    /// [`Refusal::OwnsDashboards`] while it owns any: transfer or delete those first.
    pub async fn delete_account(&self, account: AccountId) -> Result<Vec<(DashboardId, Ended)>, Error> {
        let owned = self.owned(account).await?;
        let ids = |offers: bool| {
            let owned = owned.iter().filter(move |head| head.offer().is_some() == offers);
            owned.map(|head| head.dashboard).collect::<Vec<_>>()
        };
        let dashboards = ids(false);
        if !dashboards.is_empty() {
            return Err(Refusal::OwnsDashboards { dashboards }.into());
        }
        for clone in ids(true) {
            let withdrawn = self.done(&EndOffer { clone, by: OfferEnd::Giver(Actor::Host) }).await;
            // Somebody may have taken it meanwhile.
            if !matches!(withdrawn, Err(Error::Refused(Refusal::UnknownOffer))) {
                withdrawn?;
            }
        }
        let addresses = self.person(account.into()).await?.addresses;
        let holders: Vec<Holder> =
            [account.into()].into_iter().chain(addresses.iter().cloned().map(Holder::from)).collect();
        let mut ended = Vec::new();
        for dashboard in self.dashboards_of(&holders).await? {
            let person =
                Person { named: account.into(), account: Some(account), addresses: addresses.clone() };
            let answer = self.done(&EndAccount { dashboard, account, person }).await?.answer;
            if !answer.fell.is_empty() {
                ended.push((dashboard, answer));
            }
        }
        Ok(ended)
    }

    /// Makes the public link of a dashboard, or replaces it: from the moment this returns, the old token opens
    /// nothing (L2, L6, L8).
    ///
    /// The token is made before the first try and is the same through every retry, so a lost answer of the store
    /// neither loses it nor makes a second one.
    ///
    /// # Errors
    /// [`Refusal::Superseded`] when another rotation came first, or replaced this one before it was answered;
    /// [`Refusal::NoLink`] when the new link was withdrawn before that; [`Refusal::SetupIncomplete`] with everything
    /// that is missing; [`Error::Unresolved`] when the store cannot be asked whether the commit stands.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::*;
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, bob) = (AccountId::from(1u64), AccountId::from(2u64), AccountId::from(3u64));
    /// # for account in [olga, ann, bob] { sharing.directory().add_account(account); }
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let old = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// let new = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// assert!(!sharing.visit(old.token.expose()).await?.is_allowed());
    /// assert_eq!(sharing.visit(new.token.expose()).await?.permitted(Action::View), Some(dashboard));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn rotate_link(
        &self,
        by: AccountId,
        dashboard: DashboardId,
        expiry: Expiry,
    ) -> Result<NewLink, Error> {
        let token = LinkToken::from_random(self.random()?);
        let digest = token.digest();
        let command = RotateLink { dashboard, by, expiry, digest };
        let Outcome { answer, revision, fate } = self.run(&command).await?;
        let link = NewLink { token, generation: answer.generation, ends: answer.ends, revision };
        match fate {
            Fate::Standing => Ok(link),
            Fate::Applied(commit) => self.hand_out(commit, link).await,
            Fate::Unknown(commit, source) => {
                Err(Error::Unresolved(Unresolved { commit, link: Some(link), source }))
            }
        }
    }

    /// Hands a link out only while it is the dashboard's: in the time that the commit's answer took, somebody may have
    /// replaced or withdrawn it, and nobody is handed a token that is dead on arrival (L2). When the store cannot be
    /// asked, the link stays in the error, so that a token which won is not lost.
    async fn hand_out(&self, commit: Box<Commit>, link: NewLink) -> Result<NewLink, Error> {
        let mut failed = None;
        for _ in 0..ATTEMPTS {
            let head = match self.store.read(commit.dashboard(), &[], Freshness::Latest).await {
                Ok(snapshot) => snapshot.map(|snapshot| snapshot.head),
                Err(source) => {
                    failed = Some(source);
                    continue;
                }
            };
            // An answer from before the commit says nothing.
            let Some(head) = head.filter(|head| link.revision <= head.revision) else { continue };
            return match &head.link {
                Some(newest) if newest.generation == link.generation => Ok(link),
                None if head.links_made == link.generation => Err(Refusal::NoLink.into()),
                _ => Err(Refusal::Superseded.into()),
            };
        }
        let source = failed.unwrap_or_else(|| "the store answers as of before the commit".into());
        Err(Error::Unresolved(Unresolved { commit, link: Some(link), source }))
    }

    /// Finds out whether an [`Unresolved`] commit stands, and applies it if it can still be applied. A rotation that
    /// stands gives its link back.
    pub async fn resume(&self, unresolved: Unresolved) -> Result<Done<Option<NewLink>>, Error> {
        let Unresolved { commit, link, source } = unresolved;
        let revision = commit.head.revision;
        match self.settle(&commit, Some(source)).await? {
            Settled::Applied => {
                let answer = match link {
                    Some(link) => Some(self.hand_out(commit, link).await?),
                    None => None,
                };
                Ok(Done { answer, revision })
            }
            // It was not applied and never will be: whoever wants it still has to ask again.
            Settled::Conflict => Err(match link {
                Some(link) if self.was_overtaken(&commit, &link).await? => Refusal::Superseded.into(),
                _ => Error::Contended,
            }),
            Settled::Unknown(source) => Err(Error::Unresolved(Unresolved { commit, link, source })),
        }
    }

    /// Whether another rotation took the place of this link, which was never made.
    async fn was_overtaken(&self, commit: &Commit, link: &NewLink) -> Result<bool, Error> {
        let snapshot =
            self.store.read(commit.dashboard(), &[], Freshness::Latest).await.map_err(Error::Store)?;
        Ok(snapshot.is_some_and(|snapshot| link.generation <= snapshot.head.links_made))
    }

    /// Pauses the link: its token opens nothing until it is resumed (L5).
    pub async fn pause_link(&self, by: AccountId, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&ChangeLink { dashboard, by, change: LinkChange::Pause }).await
    }

    /// Resumes a paused link with the same token (L5). Refused like publishing while anything is missing (L8).
    pub async fn resume_link(&self, by: AccountId, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&ChangeLink { dashboard, by, change: LinkChange::Resume }).await
    }

    /// Withdraws the link for good (L5).
    pub async fn withdraw_link(&self, by: AccountId, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&ChangeLink { dashboard, by, change: LinkChange::Withdraw }).await
    }

    /// Writes a message for each live grant and invitation that ends by `until` and of whose end nobody was told
    /// yet, and answers with them. For a host's daily job.
    pub async fn remind(
        &self,
        dashboard: DashboardId,
        until: Timestamp,
    ) -> Result<Done<Vec<GrantId>>, Error> {
        self.done(&Remind { dashboard, until }).await
    }

    async fn account_of(&self, address: &EmailAddress) -> Result<Option<Account>, Error> {
        self.directory.account_of(address, &Attestor::new()).await.map_err(Error::Directory)
    }

    async fn verified_email(
        &self,
        account: AccountId,
        address: &EmailAddress,
    ) -> Result<Option<VerifiedEmail>, Error> {
        let known = self.account(account).await?;
        Ok(known.and_then(|known| known.verified.into_iter().find(|email| email.address() == address)))
    }

    /// A person as far as the directory can tell: an address with the account that has verified it, an account with
    /// its addresses.
    pub(super) async fn person(&self, named: Holder) -> Result<Person, Error> {
        Ok(match &named {
            Holder::Address(address) => {
                let account = self.account_of(address).await?.map(|account| account.id);
                Person { addresses: vec![address.clone()], account, named }
            }
            Holder::Account(account) => {
                let verified = self.account(*account).await?.map_or(Vec::new(), |known| known.verified);
                let addresses = verified.iter().map(|email| email.address().clone()).collect();
                Person { account: Some(*account), addresses, named }
            }
        })
    }

    async fn dashboards_of(&self, holders: &[Holder]) -> Result<BTreeSet<DashboardId>, Error> {
        let mut dashboards = BTreeSet::new();
        for holder in holders {
            let mut after = None;
            loop {
                let page = self.store.held(holder, after, PAGE).await.map_err(Error::Store)?;
                dashboards.extend(page.iter().map(|held| held.head.dashboard));
                after = page.last().and_then(super::questions::place);
                if page.len() < PAGE || after.is_none() {
                    break;
                }
            }
        }
        Ok(dashboards)
    }

    pub(super) async fn owned(&self, account: AccountId) -> Result<Vec<Arc<Head>>, Error> {
        let mut owned: Vec<Arc<Head>> = Vec::new();
        loop {
            let after = owned.last().map(|head| head.dashboard);
            let page = self.store.owned(account, after, PAGE).await.map_err(Error::Store)?;
            let is_last = page.len() < PAGE;
            owned.extend(page);
            if is_last {
                return Ok(owned);
            }
        }
    }
}
