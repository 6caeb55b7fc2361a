//! Handing a dashboard over (G18).

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
    load::ATTEMPTS,
};
use crate::{
    host::{Directory, Env, Freshness, Store},
    record::{Actor, Head},
    sharing::{
        Refusal,
        transfer::{
            DeclineTransfer, OfferTransfer, Sides, TakeTransfer, Transfer, TransferAsked, Transferred,
            WithdrawTransfer,
        },
    },
    value::{AccountId, DashboardId, Rights, VerifiedEmail},
};
use std::sync::Arc;

/// # Handing a dashboard over
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Asks an account to take a dashboard over. Whoever is asked gets a message, and [takes](Self::take_transfer) it or
    /// [declines](Self::decline_transfer) it before the tenant's invitation duration has passed; until then nothing
    /// changes. The old owner keeps a grant with `keep`, which may be [`Rights::NONE`]. Asking anew replaces the question.
    ///
    /// Rules: [G18](crate::specification), [G20](crate::specification).
    ///
    /// # Errors
    /// Refused for whom the tenant's rules do not let be shared with, or a policy denies the dashboard
    /// ([`RecipientDenied`](crate::Refusal::RecipientDenied)): neither may be made the owner, nor keep a grant.
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
    /// let asked = sharing.offer_transfer(olga, dashboard, ann, Rights::VIEW).await?;
    /// assert_eq!(asked.lapses, start.plus_days(14));
    /// let taken = sharing.take_transfer(ann, dashboard).await?;
    /// assert!(taken.kept.is_some());
    /// assert!(sharing.authorize(ann, dashboard, Action::Edit).await?.is_allowed());
    /// assert!(!sharing.authorize(olga, dashboard, Action::Export).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn offer_transfer(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
        to: AccountId,
        keep: Rights,
    ) -> Result<Done<TransferAsked>, Error> {
        let to = self.account(to).await?;
        self.done(&OfferTransfer { dashboard, by: by.into(), to, keep }).await
    }

    /// Takes the question back whether somebody takes the dashboard over. Whoever was asked is told.
    ///
    /// # Errors
    /// [`Refusal::NoTransfer`](crate::Refusal::NoTransfer) when nobody is asked.
    pub async fn withdraw_transfer(
        &self,
        by: impl Into<Actor>,
        dashboard: DashboardId,
    ) -> Result<Done<()>, Error> {
        self.done(&WithdrawTransfer { dashboard, by: by.into() }).await
    }

    /// Takes a dashboard over, whose owner asked for it. Live grants and the link stay; the new owner's own grants end,
    /// and the old owner keeps nothing but what was said: neither a grant nor an invitation that waits for an address
    /// of its own. The tenant's rules and policies are asked again.
    ///
    /// Rules: [G18](crate::specification).
    ///
    /// # Errors
    /// Whoever is not asked is refused as of a dashboard that does not exist, or with
    /// [`NoTransfer`](crate::Refusal::NoTransfer) if it may see the dashboard.
    pub async fn take_transfer(
        &self,
        account: AccountId,
        dashboard: DashboardId,
    ) -> Result<Done<Transferred>, Error> {
        let to = self.account(account).await?;
        let head = self.head(dashboard).await?;
        let owner = head.and_then(|head| {
            let asks = head.asks(account, self.now_on(&head)).is_some();
            asks.then_some(head.owner)
        });
        let sides = to.as_ref().zip(owner);
        let left = self.left_by(owner).await?;
        let sides = sides.map(|(to, from)| Sides { from, left: &left, to });
        self.done(&TakeTransfer { dashboard, account, sides }).await
    }

    /// Declines to take a dashboard over. Its owner is told.
    ///
    /// # Errors
    /// As [`take_transfer`](Self::take_transfer).
    pub async fn decline_transfer(
        &self,
        account: AccountId,
        dashboard: DashboardId,
    ) -> Result<Done<()>, Error> {
        self.done(&DeclineTransfer { dashboard, account }).await
    }

    /// Hands a dashboard to another account at once and unasked, past the tenant's rules and policies. The host's own:
    /// it is not for users, for whom there is [`offer_transfer`](Self::offer_transfer). Both sides are told.
    ///
    /// Rules: [G18](crate::specification).
    pub async fn transfer(
        &self,
        dashboard: DashboardId,
        to: AccountId,
        keep: Rights,
    ) -> Result<Done<Transferred>, Error> {
        let to = self.account(to).await?.ok_or(Refusal::UnknownAccount)?;
        for _ in 0..ATTEMPTS {
            let head = self.head(dashboard).await?.filter(|head| head.is_dashboard());
            let from = head.ok_or(Refusal::UnknownDashboard)?.owner;
            let left = self.left_by(Some(from)).await?;
            let sides = Sides { from, left: &left, to: &to };
            let done = self.done(&Transfer { dashboard, sides, keep }).await?;
            let Done { answer, dashboard, revision } = done;
            if let Some(answer) = answer {
                return Ok(Done { answer, dashboard, revision });
            }
        }
        Err(Error::Contended)
    }

    pub(super) async fn head(&self, dashboard: DashboardId) -> Result<Option<Arc<Head>>, Error> {
        let read = self.store.read(dashboard, &[], Freshness::Latest).await.map_err(Error::Store)?;
        Ok(read.map(|read| read.head))
    }

    /// The addresses of an owner who leaves.
    async fn left_by(&self, owner: Option<AccountId>) -> Result<Vec<VerifiedEmail>, Error> {
        let Some(owner) = owner else { return Ok(Vec::new()) };
        Ok(self.account(owner).await?.map_or(Vec::new(), |known| known.verified))
    }
}
