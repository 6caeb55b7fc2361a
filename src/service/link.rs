//! The public link: made, paused, withdrawn, and why it does not open.

use super::{
    dashshare::{Dashshare, Done},
    error::{Error, Unresolved},
    load::ATTEMPTS,
    run::{Fate, Outcome, Settled},
};
use crate::{
    decision::{
        LinkDiagnosis,
        diagnosis::{self, Presented},
    },
    host::{Directory, Env, Freshness, Store},
    lock::Lock,
    record::{Actor, Commit},
    sharing::{
        Missing, More, Needs, Refusal,
        link::{
            AskMissing, ChangeLink, LinkChange, LinkEndMoved, LinkMade, MoveLinkEnd, NewLink, PrepareLink,
            RotateLink, Rotated,
        },
        narrow_link::{LinkNarrowed, NarrowLink},
        suspension::check_suspension,
    },
    value::{DashboardId, Expiry, LinkToken, NewToken},
};

/// # The public link
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Makes the public link of a dashboard, or replaces it: from the moment this returns, the old token opens nothing.
    ///
    /// The token is made before the first try and is the same through every retry, so a lost answer of the store
    /// neither loses it nor makes a second one. Whoever drops the future before it has answered (a handler whose
    /// connection closes, a timeout) may have killed the old link, and loses the token of the new one: bring one that was
    /// made by [`new_token`](Self::new_token), and ask again with it.
    ///
    /// Rules: [L2](crate::specification), [L6](crate::specification), [L8](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::Superseded`] when another rotation came first, or replaced this one before it was answered;
    /// [`Refusal::NoLink`] when the new link was withdrawn before that; [`Refusal::SetupIncomplete`] with everything
    /// that is missing; [`Refusal::NotYours`] to the maker of a link that the owner has paused;
    /// [`Refusal::ForeignToken`] for a token that was made for another dashboard; [`Error::Unresolved`] when the store cannot be asked whether the commit stands.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, answers::*, directory::*, explain::*, questions::*, store::*, trail::*};
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
        by: impl Into<Actor>,
        dashboard: DashboardId,
        link: impl Into<NewLink>,
    ) -> Result<Done<Rotated>, Error> {
        let new: NewLink = link.into();
        let token = match &new.token {
            Some(brought) => brought.token().copy(),
            None => LinkToken::from_random(self.random()?),
        };
        let command = RotateLink { dashboard, by: by.into(), new, digest: token.digest() };
        let Outcome { answer, revision, fate } = self.run(&command).await?;
        let standing = matches!(fate, Fate::Standing { .. });
        let LinkMade { generation, ends, effective_lock } = answer;
        let answer = Rotated { token, generation, ends, effective_lock, standing };
        let link = Done { answer, dashboard, revision };
        match fate {
            Fate::Standing { .. } => Ok(link),
            Fate::Applied(commit) => self.hand_out(commit, link).await,
            Fate::Unknown(commit, source) => {
                Err(Error::Unresolved(Unresolved { commit, link: Some(link.answer), source }))
            }
        }
    }

    /// Makes the token of the next link before the link, so that a rotation can be asked for again until its answer has
    /// arrived. It changes nothing, and is refused to whoever would be refused the link.
    ///
    /// The token is for one link of one dashboard. Once another one was made, rotating with it is refused as
    /// [superseded](Refusal::Superseded), whenever that is tried.
    ///
    /// Rules: [L2](crate::specification), [L3](crate::specification).
    ///
    /// # Errors
    /// What [`rotate_link`](Self::rotate_link) would be refused with, whatever the expiry.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, answers::*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let olga = AccountId::from(1u64);
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// // Kept under the request's key, wherever the next try may arrive.
    /// let kept = sharing.new_token(olga, dashboard).await?.expose().to_owned();
    /// let ask = || async {
    ///     let token = NewToken::parse(dashboard, &kept).expect("the text that was kept");
    ///     sharing.rotate_link(olga, dashboard, NewLink::until(Expiry::Never).with_token(token)).await
    /// };
    /// // The first answer got lost on its way; the second call finds the link that stands.
    /// drop(ask().await?);
    /// let link = ask().await?;
    /// assert!(link.standing && sharing.visit(link.token.expose()).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn new_token(&self, by: impl Into<Actor>, dashboard: DashboardId) -> Result<NewToken, Error> {
        let generation = self.done(&PrepareLink { dashboard, by: by.into() }).await?.answer;
        Ok(NewToken::from_random(dashboard, generation, self.random()?))
    }

    /// Hands a link out only while it is the dashboard's: in the time that the commit's answer took, somebody may have
    /// replaced or withdrawn it, and nobody is handed a token that is dead on arrival (L2). When the store cannot be
    /// asked, the link stays in the error, so that a token which won is not lost.
    async fn hand_out(&self, commit: Box<Commit>, link: Done<Rotated>) -> Result<Done<Rotated>, Error> {
        let digest = link.token.digest();
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
                Some(newest) if newest.digest == digest => Ok(link),
                None if head.links_made == link.generation => Err(Refusal::NoLink.into()),
                _ => Err(Refusal::Superseded.into()),
            };
        }
        let source = failed.unwrap_or_else(|| "the store answers as of before the commit".into());
        Err(Error::Unresolved(Unresolved { commit, link: Some(link.answer), source }))
    }

    /// Finds out whether an [`Unresolved`] commit stands, and applies it if it can still be applied. A rotation that
    /// stands gives its link back, also when its receipt was [swept](Self::sweep), or when the same
    /// [token](NewLink::with_token) made the link elsewhere: then the answer is [`standing`](Rotated::standing), with the
    /// end that the link has now.
    ///
    /// Rules: [L2](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::Superseded`] for a rotation that another one came before or replaced, [`Refusal::NoLink`] for one whose
    /// link was withdrawn; [`Error::Contended`] when the change was not made and never will be, so that it has to be asked for
    /// again; [`Error::Unresolved`] when the store still cannot be asked: resume that.
    pub async fn resume(&self, unresolved: Unresolved) -> Result<Done<Option<Rotated>>, Error> {
        let Unresolved { commit, link, source } = unresolved;
        let dashboard = commit.dashboard();
        match self.settle(&commit, Some(source)).await? {
            Settled::Applied(revision) => {
                let answer = match link {
                    Some(answer) => {
                        let link = Done { answer, dashboard, revision };
                        Some(self.hand_out(commit, link).await?.answer)
                    }
                    None => None,
                };
                Ok(Done { answer, dashboard, revision })
            }
            // Unless its receipt was swept, it was not applied. It never will be: whoever wants it still has to ask again.
            Settled::Conflict => match link {
                Some(link) => self.found(commit, link).await,
                None => Err(Error::Contended),
            },
            Settled::Unknown(source) => Err(Error::Unresolved(Unresolved { commit, link, source })),
        }
    }

    /// What became of a link of whose commit nothing is known any more: it is handed out if it is the dashboard's (L2).
    async fn found(&self, commit: Box<Commit>, link: Rotated) -> Result<Done<Option<Rotated>>, Error> {
        let dashboard = commit.dashboard();
        let ledger = self.ledger_or_offer(dashboard, &Needs::default(), More::links_grant, None).await;
        let ledger = match ledger {
            Ok(ledger) => ledger.ok_or(Error::Contended)?,
            Err(error) => {
                return Err(Error::Unresolved(Unresolved { commit, link: Some(link), source: error.into() }));
            }
        };
        let revision = ledger.head.revision;
        match &ledger.head.link {
            Some(newest) if newest.digest == link.token.digest() => {
                // Whether it has ended by now, which a wrong clock may say, is for its visits to find out.
                let ends = ledger.link().and_then(Result::ok).unwrap_or(newest.expiry);
                Ok(Done { answer: Some(Rotated { ends, standing: true, ..link }), dashboard, revision })
            }
            _ if link.generation <= ledger.head.links_made => Err(Refusal::Superseded.into()),
            _ => Err(Error::Contended),
        }
    }

    /// Pauses the link: its token opens nothing until it is resumed.
    ///
    /// Rules: [L5](crate::specification).
    pub async fn pause_link(&self, by: impl Into<Actor>, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&ChangeLink { dashboard, by: by.into(), change: LinkChange::Pause }).await
    }

    /// Resumes a paused link with the same token. Refused like publishing while anything is missing.
    ///
    /// Rules: [L5](crate::specification), [L8](crate::specification).
    pub async fn resume_link(&self, by: impl Into<Actor>, dashboard: DashboardId) -> Result<Done<()>, Error> {
        self.done(&ChangeLink { dashboard, by: by.into(), change: LinkChange::Resume }).await
    }

    /// Moves the end of the link that stands, earlier or later within its maker's own end, with the same token.
    ///
    /// The owner may, the host in its place, and the maker. Earlier takes away, so it asks nothing; later asks all that
    /// publishing asks, of whoever moves it. To move it to where it is changes nothing. An end is an instant of UTC to
    /// the microsecond.
    ///
    /// Rules: [L6](crate::specification), [G6](crate::specification), [G20](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::NoLink`] when none stands, [`Refusal::NotYours`] to whoever else asks, [`Refusal::ExpiryPast`] for an
    /// end that is not in the future, [`Refusal::EndsTooLate`] for one behind the maker's own; if it is moved later, what
    /// [`rotate_link`](Self::rotate_link) would be refused with.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, answers::*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let olga = AccountId::from(1u64);
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let link = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// let week = start.plus_days(7);
    /// sharing.move_link_end(olga, dashboard, Expiry::At(week)).await?;
    /// // The token is the same, and opens until then.
    /// assert_eq!(sharing.visit(link.token.expose()).await?.valid_until(), Some(week));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn move_link_end(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        expiry: Expiry,
    ) -> Result<Done<LinkEndMoved>, Error> {
        self.done(&MoveLinkEnd { dashboard, by: by.into(), expiry }).await
    }

    /// Shows less of the data by the link that stands, with the same token: the lock is met with the one that stands.
    /// Anything that would show more is a [rotation](Self::rotate_link).
    ///
    /// Rules: [K20](crate::specification).
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, answers::*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let olga = AccountId::from(1u64);
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
    /// let link = sharing.rotate_link(olga, dashboard, Expiry::Never).await?;
    /// let narrowed = sharing.narrow_link(olga, dashboard, Lock::NONE.devices(["pump-1".into()])).await?;
    /// assert_eq!(narrowed.generation, link.generation);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn narrow_link(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        lock: Lock,
    ) -> Result<Done<LinkNarrowed>, Error> {
        self.done(&NarrowLink { dashboard, by: by.into(), lock }).await
    }

    /// Withdraws the link for good.
    ///
    /// Rules: [L5](crate::specification).
    pub async fn withdraw_link(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<Done<()>, Error> {
        self.done(&ChangeLink { dashboard, by: by.into(), change: LinkChange::Withdraw }).await
    }

    /// What is missing before a dashboard can be public, without publishing it: for a settings page. Empty when nothing
    /// is.
    ///
    /// Rules: [L8](crate::specification).
    ///
    /// # Errors
    /// Refused to whoever could not make a link.
    ///
    /// # Example
    ///
    /// ```
    /// # use dashshare::{*, answers::*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, tenant) = (AccountId::from(1u64), TenantId::from(1u64));
    /// # sharing.directory().add_account(olga);
    /// # let dashboard = DashboardId::from(7u64);
    /// # sharing.register(dashboard, tenant, olga).await?;
    /// let portal = Portal { active: false, anonymous: Some(AnonymousUser::new("visitor")) };
    /// sharing.directory().set_tenant(tenant, Tenant { portal, ..Tenant::default() });
    /// let missing = sharing.missing_to_publish(olga, dashboard).await?;
    /// assert_eq!(missing, [Missing::Portal, Missing::DashboardPolicy]);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn missing_to_publish(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<Vec<Missing>, Error> {
        Ok(self.done(&AskMissing { dashboard, by: by.into() }).await?.answer)
    }

    /// Why the public link opens or does not, for the owner or the link's maker. With the text that a visitor tried, it
    /// also tells whether that is this link's token. While the dashboard is suspended, only the host is answered.
    ///
    /// Rules: [L9](crate::specification).
    pub async fn diagnose_link(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        token: Option<&str>,
    ) -> Result<LinkDiagnosis, Error> {
        let by = by.into();
        let ledger = self.ledger(dashboard, &Needs::of(by), More::links_grant, None).await?;
        let ledger = ledger.filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownDashboard)?;
        let is_maker = ledger.head.link.as_ref().is_some_and(|link| by.account() == Some(link.maker));
        if !ledger.is_owner(by) && !is_maker {
            return Err(Refusal::NotOwner.into());
        }
        if by != Actor::Host {
            check_suspension(&ledger)?;
        }
        let presented = match token.map(LinkToken::parse) {
            None => Presented::Nothing,
            Some(Err(_)) => Presented::Malformed,
            Some(Ok(token)) => Presented::Token(token.digest()),
        };
        let tenant = self.tenant(ledger.head.tenant).await?;
        let access = self.access(&tenant, dashboard).await?;
        Ok(diagnosis::diagnose(&ledger, by, &presented, &tenant, &access))
    }
}
