//! Offering a clone, and answering an offer (T9).

use super::{
    dashshare::{Dashshare, Done},
    error::Error,
    load::{PAGE, place},
    page::{Page, Paged},
};
use crate::{
    host::{Directory, Env, Freshness, Store},
    record::{Actor, Head, Holder, Seed},
    sharing::{
        Ledger, More, Needs, Refusal,
        offer::{self, EndOffer, MakeOffer, NewOffer, OfferEnd, OfferView, Offered, TakeOffer},
        revoke::Person,
    },
    value::{AccountId, DashboardId, TenantId},
};
use std::collections::BTreeMap;

/// # Clones that are offered
impl<S: Store, D: Directory, E: Env> Dashshare<S, D, E> {
    /// Offers an account or an address a clone of a dashboard: its structure, and none of its data.
    ///
    /// Only the owner of the dashboard can. Its tenant's rules count as they do for a share. The recipient finds the
    /// offer among its [`offers`](Self::offers) and [takes](Self::take_offer) or [declines](Self::decline_offer) it. An
    /// address that an account has verified by now stands for that account; one without an account is invited, and
    /// whichever account has verified it later may answer. Each call makes an offer of its own.
    ///
    /// Nothing in the offer leads back to the dashboard, and nothing that happens to the dashboard later reaches it: if
    /// it is handed to somebody else, the offer stays with who made it. Whether the template is of this dashboard is
    /// for the host to see to, which has the document.
    ///
    /// Rules: [T9](crate::specification), [G20](crate::specification), [I1](crate::specification).
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::Refusal::AlreadyExists) when the id of the clone is in use,
    /// [`TextTooLong`](crate::Refusal::TextTooLong) and [`TemplateTooLarge`](crate::Refusal::TemplateTooLarge),
    /// [`TextTellsTooMuch`](crate::Refusal::TextTellsTooMuch) when the description of the devices holds what looks like
    /// an id, a credential or a link, [`TooManyOffers`](crate::Refusal::TooManyOffers) when the giver has made as many as
    /// it may that are still kept, expired ones too, which it [withdraws](Self::withdraw_offer) to make room,
    /// [`TooManyOffersReceived`](crate::Refusal::TooManyOffersReceived), and otherwise as [`share`](Self::share).
    ///
    /// # Example
    ///
    /// ```
    /// use dashshare::template::{Fills, Options, Profile, Recipient, Template, extract_json, fill};
    /// # use dashshare::{*, answers::*, directory::*, explain::*, questions::*, store::*, trail::*};
    /// # pollster::block_on(async {
    /// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    /// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
    /// # let (olga, ann, tenant) = (AccountId::from(1u64), AccountId::from(2u64), TenantId::from(1u64));
    /// # for account in [olga, ann] { sharing.directory().add_account(account); }
    /// # let (dashboard, clone) = (DashboardId::from(7u64), DashboardId::from(8u64));
    /// # let address: EmailAddress = "ann@example.com".parse()?;
    /// # sharing.register(dashboard, tenant, olga).await?;
    /// # let document = r#"{"dashboard": {"label": "Cold rooms"}, "widgets": [{"id": "67ffb39beff26b000aa52e6b",
    /// #     "type": "card", "data": [{"origin": "67599bcd999d25000a9c10bd", "variables": ["temperature"]}]}]}"#;
    /// // Olga gives away what her dashboard looks like, to an address that nobody has verified yet.
    /// let profile = Profile::tagoio();
    /// let template = extract_json(document, &profile, Options::default())?.template;
    /// let month = Expiry::At(start.plus_days(30));
    /// let offer = NewOffer::to(address.clone(), clone, &template, month)
    ///     .message("As promised")
    ///     .devices("two cold-room sensors");
    /// sharing.offer(olga, dashboard, offer).await?;
    /// // The host mails what waits in the outbox: by whom, to which address, with which words.
    /// let mail = sharing.outbox(None, 1).await?.remove(0).message;
    /// assert!(matches!(mail, Message::Offered { to: Holder::Address(to), .. } if to == address));
    ///
    /// // Ann signs up and confirms her address. She fills the clone with a device of her own, the host keeps the
    /// // document, and then she takes it.
    /// sharing.directory().verify_email(ann, address, start);
    /// let offered = sharing.offers(ann, Page::first(20)).await?.entries.remove(0);
    /// let template = Template::read(&profile, &offered.template)?;
    /// let fills: Fills = [("device-1".to_owned(), "anns-sensor".into())].into();
    /// # let mut drawn = 0;
    /// # let mut random = || { drawn += 1; [drawn; 16] };
    /// # let recipient = Recipient { owner: "ann", accepts_code: false, partial: false, may_use: &|_, _| true, random: &mut random };
    /// let document = fill(&template, &profile, &fills, recipient).map_err(|wrong| format!("{wrong:?}"))?;
    /// assert_eq!(document["widgets"][0]["data"][0]["origin"], "anns-sensor");
    /// sharing.take_offer(ann, offered.clone, tenant).await?;
    /// assert!(sharing.authorize(ann, clone, Action::Edit).await?.is_allowed());
    /// assert!(!sharing.authorize(olga, clone, Action::View).await?.is_allowed());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn offer(
        &self,
        by: impl Into<Actor>,
        source: DashboardId,
        offer: NewOffer<'_>,
    ) -> Result<Done<Offered>, Error> {
        let by = by.into();
        let ledger = self.ledger(source, &Needs::of(by), |_| More::default(), None).await?;
        let (tenant, giver) = offer::giver_of_source(ledger.as_ref(), by)?;
        let tenant = (tenant, self.tenant(tenant).await?);
        let with = self.recipient(offer.to.clone()).await?;
        let count = (self.offers_kept(giver, offer.clone).await?, self.offers_received(&offer.to).await?);
        self.done(&MakeOffer { by, giver, with, offer, tenant, count }).await
    }

    /// How many offers of an account are kept beside one: an expired one takes room until it is withdrawn, and one whose
    /// id is used again makes room for what comes in its place.
    async fn offers_kept(&self, giver: AccountId, beside: DashboardId) -> Result<usize, Error> {
        let heads = self.owned_heads(giver).await?;
        let others = heads.iter().filter(|head| head.dashboard != beside);
        Ok(others.filter(|head| head.offer().is_some()).count())
    }

    /// How many open offers there are to an account, or to an address.
    async fn offers_received(&self, to: &Holder) -> Result<usize, Error> {
        let mut open = 0usize;
        self.each_held(to, |held| {
            let now = self.now_on(&held.head);
            let leaf = held.chains.first().and_then(|chain| chain.first());
            let is_open = leaf.is_some_and(|leaf| leaf.is_named(to) && offer::is_open(&held.head, leaf, now));
            open = open.saturating_add(usize::from(is_open));
        })
        .await?;
        Ok(open)
    }

    /// A page of the open offers that an account can take or decline, by the ids of the clones: those made to the account,
    /// and those made to an address that it has verified.
    ///
    /// Each holds its template. A host fills it (all of it, or [a part](crate::template::Recipient::partial) with the
    /// rest for later), keeps the document and the template under the clone's id, and then
    /// [takes](Self::take_offer) the offer, after which it is not kept here any more.
    ///
    /// Rules: [T9](crate::specification), [S3](crate::specification).
    pub async fn offers(&self, account: AccountId, page: Page) -> Result<Paged<OfferView>, Error> {
        let (person, limit) = (self.person(account.into()).await?, page.limit.max(1));
        // One that was made to an address and is bound to the account is found by both.
        let mut found = BTreeMap::new();
        for holder in person.holders() {
            let offers = self.offers_to(&holder, &person, page.after, limit).await?;
            found.extend(offers.into_iter().map(|offer| (offer.clone, offer)));
        }
        Ok(Paged::of(found.into_values().collect(), limit, |offer| offer.clone))
    }

    /// The first offers to a name after a place, and one more than was asked for if there is one.
    async fn offers_to(
        &self,
        holder: &Holder,
        person: &Person,
        after: Option<DashboardId>,
        limit: usize,
    ) -> Result<Vec<OfferView>, Error> {
        let mut after = after.map(|clone| (clone, u64::MAX));
        let mut offers = Vec::new();
        loop {
            let rows = self.store.held(holder, after, PAGE).await.map_err(Error::Store)?;
            after = rows.last().and_then(place).filter(|_| rows.len() >= PAGE);
            for held in rows.into_iter().filter(|held| held.head.offer().is_some()) {
                let now = held.head.next_instant(self.now());
                offers.extend(offer::view_for(person, &Ledger::of_snapshot(held, now)));
                if offers.len() > limit {
                    return Ok(offers);
                }
            }
            if after.is_none() {
                return Ok(offers);
            }
        }
    }

    /// A page of the offers that an account has made and that nobody has ended yet, by the ids of the clones: expired ones
    /// too, which keep what was offered, and count towards the [limit](crate::directory::Limits::offers_given), until they
    /// are [withdrawn](Self::withdraw_offer) or their id is used again.
    ///
    /// Rules: [T9](crate::specification), [S3](crate::specification).
    pub async fn offers_made(&self, by: AccountId, page: Page) -> Result<Paged<OfferView>, Error> {
        let (mut after, limit) = (page.after, page.limit.max(1));
        let mut made = Vec::new();
        loop {
            let heads = self.store.owned(by, after, PAGE).await.map_err(Error::Store)?;
            for head in &heads {
                made.extend(self.offer_made(head).await?);
                if made.len() > limit {
                    return Ok(Paged::of(made, limit, |offer| offer.clone));
                }
            }
            after = heads.last().map(|head| head.dashboard);
            if heads.len() < PAGE {
                return Ok(Paged::of(made, limit, |offer| offer.clone));
            }
        }
    }

    /// An offer as its giver sees it, as of one moment; `None` if there is none, or it has ended meanwhile.
    async fn offer_made(&self, head: &Head) -> Result<Option<OfferView>, Error> {
        let Some(offer) = head.offer() else { return Ok(None) };
        let seeds = [Seed::Grant(offer.grant)];
        let read = self.store.read(head.dashboard, &seeds, Freshness::Latest).await.map_err(Error::Store)?;
        let ledger = read.map(|read| Ledger::of_snapshot(read, head.clock));
        Ok(ledger.and_then(|ledger| offer::view_for_giver(&ledger)))
    }

    /// Takes a clone that was offered: from this commit on it is a dashboard of the account's, in the tenant that the
    /// host says, as if it had been [registered](Self::register). The offer ends, and its giver is told. Repeating it is
    /// no error while it is in that tenant.
    ///
    /// Call it after the document has been made of the template and kept: what was offered is not kept here afterwards.
    ///
    /// # Errors
    /// [`Refusal::UnknownOffer`](crate::Refusal::UnknownOffer) when there is none that is the account's to take, or it has ended.
    pub async fn take_offer(
        &self,
        account: AccountId,
        clone: DashboardId,
        tenant: TenantId,
    ) -> Result<Done<()>, Error> {
        self.account(account).await?.ok_or(Refusal::UnknownAccount)?;
        let person = self.person(account.into()).await?;
        self.done(&TakeOffer { clone, account, person, tenant }).await
    }

    /// Declines a clone that was offered: the offer ends, its giver is told, and nothing of it is kept.
    ///
    /// # Errors
    /// [`Refusal::UnknownOffer`](crate::Refusal::UnknownOffer) when there is none that is the account's to decline.
    pub async fn decline_offer(&self, account: AccountId, clone: DashboardId) -> Result<Done<()>, Error> {
        let person = self.person(account.into()).await?;
        self.done(&EndOffer { clone, by: OfferEnd::Recipient(account, person) }).await
    }

    /// Takes an offer back that nobody has taken yet: for its giver, or the host. Its recipient is told.
    ///
    /// # Errors
    /// [`Refusal::UnknownOffer`](crate::Refusal::UnknownOffer) when there is none of the giver's, or it was taken: the clone is its taker's.
    pub async fn withdraw_offer(&self, by: impl Into<Actor>, clone: DashboardId) -> Result<Done<()>, Error> {
        self.done(&EndOffer { clone, by: OfferEnd::Giver(by.into()) }).await
    }
}
