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
    record::{Actor, Commit},
    sharing::{
        Missing, More, Needs, Refusal,
        link::{AskMissing, ChangeLink, LinkChange, NewLink, RotateLink, Rotated},
    },
    value::{DashboardId, LinkToken},
};

/// # The public link
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Makes the public link of a dashboard, or replaces it: from the moment this returns, the old token opens nothing.
    ///
    /// The token is made before the first try and is the same through every retry, so a lost answer of the store
    /// neither loses it nor makes a second one.
    ///
    /// Rules: [L2](crate::specification), [L6](crate::specification), [L8](crate::specification).
    ///
    /// # Errors
    /// [`Refusal::Superseded`] when another rotation came first, or replaced this one before it was answered;
    /// [`Refusal::NoLink`] when the new link was withdrawn before that; [`Refusal::SetupIncomplete`] with everything
    /// that is missing; [`Error::Unresolved`] when the store cannot be asked whether the commit stands.
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
        let token = LinkToken::from_random(self.random()?);
        let digest = token.digest();
        let command = RotateLink { dashboard, by: by.into(), new: link.into(), digest };
        let Outcome { answer, revision, fate } = self.run(&command).await?;
        let answer = Rotated { token, generation: answer.generation, ends: answer.ends };
        let link = Done { answer, dashboard, revision };
        match fate {
            Fate::Standing => Ok(link),
            Fate::Applied(commit) => self.hand_out(commit, link).await,
            Fate::Unknown(commit, source) => {
                Err(Error::Unresolved(Unresolved { commit, link: Some(link.answer), source }))
            }
        }
    }

    /// Hands a link out only while it is the dashboard's: in the time that the commit's answer took, somebody may have
    /// replaced or withdrawn it, and nobody is handed a token that is dead on arrival (L2). When the store cannot be
    /// asked, the link stays in the error, so that a token which won is not lost.
    async fn hand_out(&self, commit: Box<Commit>, link: Done<Rotated>) -> Result<Done<Rotated>, Error> {
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
        Err(Error::Unresolved(Unresolved { commit, link: Some(link.answer), source }))
    }

    /// Finds out whether an [`Unresolved`] commit stands, and applies it if it can still be applied. A rotation that
    /// stands gives its link back.
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
            // It was not applied and never will be: whoever wants it still has to ask again.
            Settled::Conflict => Err(match link {
                Some(link) if self.was_overtaken(&commit, &link).await? => Refusal::Superseded.into(),
                _ => Error::Contended,
            }),
            Settled::Unknown(source) => Err(Error::Unresolved(Unresolved { commit, link, source })),
        }
    }

    /// Whether another rotation took the place of this link, which was never made.
    async fn was_overtaken(&self, commit: &Commit, link: &Rotated) -> Result<bool, Error> {
        let snapshot =
            self.store.read(commit.dashboard(), &[], Freshness::Latest).await.map_err(Error::Store)?;
        Ok(snapshot.is_some_and(|snapshot| link.generation <= snapshot.head.links_made))
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
    /// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
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
    /// also tells whether that is this link's token.
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
        let presented = match token.map(LinkToken::parse) {
            None => Presented::Nothing,
            Some(Err(_)) => Presented::Malformed,
            Some(Ok(token)) => Presented::Token(token.digest()),
        };
        let tenant = self.tenant(ledger.head.tenant).await?;
        let access = self.access(&tenant, dashboard).await?;
        Ok(diagnosis::diagnose(&ledger, &presented, &tenant, &access))
    }
}
