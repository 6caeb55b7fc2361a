//! Offering somebody a clone: the structure of a dashboard and none of its data (T9).
//!
//! An offer is kept under the id that the clone will have, as the head of a dashboard that nobody owns yet, with one
//! grant that carries no right: whom it is for. Until it is taken, every other command and question treats that id as
//! unknown; from the moment it is taken, it is a dashboard like any other, and the recipient's. Nothing in it leads to
//! the dashboard that the structure came from, so no command on that one reaches it (T8).

use super::{
    admission::{as_count, check_recipient},
    command::{Command, Facts, More, Needs, Verdict, check_switches},
    draft::Draft,
    ledger::{Ledger, Live},
    refusal::{Refusal, check_duration, check_expiry},
    revoke::Person,
    share::Recipient,
    suspension::check_suspension,
};
use crate::{
    record::{Actor, Event, Grant, Head, Holder, Message, Offer, Phase, Revision, Seed, Terms},
    template::{Template, is_clean, mail_text},
    tenant::Tenant,
    value::{AccountId, DashboardId, Expiry, GrantId, Rights, TenantId, Timestamp},
};
use serde::Serialize;
use std::sync::Arc;

/// The longest message, and the longest description of devices, in characters.
const LONGEST_TEXT: usize = 2_000;

/// A clone to offer: the input of [`offer`](crate::Dashshare::offer).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewOffer<'a> {
    /// Whom it is for: an account, or an address.
    pub to: Holder,
    /// The id that the clone will have. The host draws it, never whoever offers: that it is in use is told. No dashboard
    /// may have it.
    pub clone: DashboardId,
    /// The structure: at most 256 KiB of JSON, unless the tenant's [limits](crate::directory::Limits) say otherwise.
    pub template: &'a Template,
    /// Until when it can be taken.
    pub expiry: Expiry,
    /// A word to the recipient, at most 2,000 characters. The mail has what may stand there of it (E17).
    pub message: Option<&'a str>,
    /// Which devices the recipient needs for it, at most 2,000 characters.
    pub devices: Option<&'a str>,
}

impl<'a> NewOffer<'a> {
    /// Offers a template to an account or an address, as the dashboard `clone`, until `expiry`.
    pub fn to(to: impl Into<Holder>, clone: DashboardId, template: &'a Template, expiry: Expiry) -> Self {
        Self { to: to.into(), clone, template, expiry, message: None, devices: None }
    }

    /// The same with a word to the recipient.
    #[must_use]
    pub fn message(self, message: &'a str) -> Self {
        Self { message: Some(message), ..self }
    }

    /// The same with a description of the devices that the recipient needs.
    #[must_use]
    pub fn devices(self, devices: &'a str) -> Self {
        Self { devices: Some(devices), ..self }
    }
}

/// The answer to [`offer`](crate::Dashshare::offer).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Offered {
    /// What the offer is known by: the id that the clone will have.
    pub clone: DashboardId,
    /// Until when it can be taken. An invitation may lapse before that (I4), which is left out lest it tells that the
    /// address has no account (I1).
    pub ends: Expiry,
}

/// An offer as its giver and its recipient see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct OfferView {
    /// What the offer is known by: the id that the clone will have.
    pub clone: DashboardId,
    /// Who gives it.
    pub by: AccountId,
    /// Whom it is for: the address, if it was made to one.
    pub to: Holder,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it can be taken. To its recipient, the lapse of an invitation is taken into account.
    pub ends: Expiry,
    /// The word to the recipient.
    pub message: Option<String>,
    /// Which devices are needed.
    pub devices: Option<String>,
    /// The template, as [`Template::read`](crate::template::Template::read) reads it.
    pub template: String,
}

/// Refuses whoever cannot give the structure of a dashboard away: only its owner can. Answers with its tenant
/// and the account that gives.
pub(crate) fn giver_of_source(source: Option<&Ledger>, by: Actor) -> Result<(TenantId, AccountId), Refusal> {
    let ledger = source.filter(|ledger| ledger.is_party(by)).ok_or(Refusal::UnknownDashboard)?;
    check_suspension(ledger)?;
    if ledger.is_owner(by) { Ok((ledger.head.tenant, ledger.in_name_of(by))) } else { Err(Refusal::NotOwner) }
}

pub(crate) struct MakeOffer<'a> {
    pub(crate) by: Actor,
    /// Who gives: whoever owns the dashboard that the structure is of.
    pub(crate) giver: AccountId,
    /// `None` when the host knows no such account.
    pub(crate) with: Option<Recipient>,
    pub(crate) offer: NewOffer<'a>,
    /// The tenant of the dashboard that the structure is of: its rules count.
    pub(crate) tenant: (TenantId, Arc<Tenant>),
    /// How many other offers of the giver are kept, expired ones too, and how many open ones there are to this name.
    pub(crate) count: (usize, usize),
}

/// Whether an offer counts as open: until its own end, also where an invitation would have lapsed before, which would tell
/// that an address has no account (I1).
pub(crate) fn is_open(head: &Head, grant: &Grant, now: Timestamp) -> bool {
    let is_this = head.offer().is_some_and(|offer| offer.grant == grant.id);
    is_this && grant.revoked.is_none() && !grant.terms.expiry.is_over(now)
}

impl MakeOffer<'_> {
    fn content(&self, grant: GrantId) -> Result<Box<Offer>, Refusal> {
        let NewOffer { template, message, devices, .. } = &self.offer;
        let too_long = |text: &str| text.chars().nth(LONGEST_TEXT).is_some();
        if (*message).is_some_and(too_long) || (*devices).is_some_and(too_long) {
            return Err(Refusal::TextTooLong { limit: LONGEST_TEXT });
        }
        if (*devices).is_some_and(|text| !is_clean(text)) {
            return Err(Refusal::TextTellsTooMuch);
        }
        let template = template.to_json().to_string();
        let limit = as_count(self.tenant.1.rules.limits.template_bytes);
        if template.len() > limit {
            return Err(Refusal::TemplateTooLarge { limit });
        }
        let owned = |text: &Option<&str>| text.map(str::to_owned);
        Ok(Box::new(Offer { grant, message: owned(message), devices: owned(devices), template }))
    }
}

impl Command for MakeOffer<'_> {
    type Answer = Offered;

    fn heeds_suspension(&self) -> bool {
        false
    }

    fn dashboard(&self) -> DashboardId {
        self.offer.clone
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn more(&self, ledger: &Ledger) -> More {
        grant_of(ledger)
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<Offered>, Refusal> {
        let with = self.with.as_ref().ok_or(Refusal::UnknownAccount)?;
        if with.account() == Some(self.giver) {
            return Err(Refusal::ToSelf);
        }
        let (tenant, Tenant { rules, .. }) = (self.tenant.0, &*self.tenant.1);
        check_switches(rules, false)?;
        check_recipient(with.to(), rules)?;
        let NewOffer { clone, expiry, .. } = self.offer;
        check_expiry(expiry, Expiry::Never, facts.now)?;
        check_duration(expiry, rules, facts.now)?;
        let limits = (as_count(rules.limits.offers_given), as_count(rules.limits.offers_received));
        match self.count {
            (given, _) if given >= limits.0 => return Err(Refusal::TooManyOffers { limit: limits.0 }),
            (_, got) if got >= limits.1 => return Err(Refusal::TooManyOffersReceived { limit: limits.1 }),
            _ => {}
        }
        // Last, so that nobody learns by what is refused anyway whether an id is in use (D8).
        let before = vacant(facts.ledger).map_err(|_| Refusal::AlreadyExists)?;

        let expected = before.map_or(Revision::ZERO, |head| head.revision);
        let head = Head::new(clone, tenant, self.giver, facts.now, before);
        let mut draft = Draft::of_unregistered(facts, expected, head);
        let (ordinal, id) = draft.number();
        let content = self.content(id)?;
        let lapses = facts.now.plus_days(rules.invitation_duration_days());
        let grantee = with.grantee(facts.now, lapses);
        let ends = expiry.min(grantee.lapses(facts.now));
        let for_mail = |text: &Option<String>| text.as_deref().map(mail_text).filter(|fit| !fit.is_empty());
        let (message, devices) = (for_mail(&content.message), for_mail(&content.devices));
        draft.head.phase = Phase::Offer(content);
        draft.tell(Message::Offered { by: self.giver, to: grantee.holder(), ends, message, devices });
        draft.put(Grant {
            id,
            dashboard: clone,
            ordinal,
            ancestors: Box::default(),
            grantor: self.giver,
            grantee,
            terms: Terms::of(Rights::NONE, expiry),
            created: facts.now,
            revoked: None,
            history: None,
        });
        let event = Event::Offered { grant: id, to: with.name() };
        Ok(draft.finish(self.by, event, |_| Offered { clone, ends: expiry }))
    }
}

/// An offer that can still be taken, and its grant.
struct Open<'a> {
    ledger: &'a Ledger,
    live: Live<'a>,
}

impl<'a> Open<'a> {
    fn of(ledger: Option<&'a Ledger>) -> Option<Self> {
        let ledger = ledger?;
        Some(Self { ledger, live: ledger.live(ledger.head.offer()?.grant)? })
    }

    /// The offer, if it is this person's to answer.
    fn to(ledger: Option<&'a Ledger>, person: &Person) -> Option<Self> {
        Self::of(ledger).filter(|open| person.holds(open.live.grant))
    }
}

/// An offer as its recipient sees it, while it can be taken.
pub(crate) fn view_for(recipient: &Person, ledger: &Ledger) -> Option<OfferView> {
    let Open { live, .. } = Open::to(Some(ledger), recipient)?;
    view(ledger, live.standing.ends)
}

/// An offer as its giver sees it, until somebody ends it: also one that has expired. Of an invitation's lapse nothing
/// is said, which would tell that the address has no account (I1).
pub(crate) fn view_for_giver(ledger: &Ledger) -> Option<OfferView> {
    let offer = ledger.head.offer()?;
    view(ledger, ledger.get(offer.grant)?.terms.expiry)
}

fn view(ledger: &Ledger, ends: Expiry) -> Option<OfferView> {
    let offer = ledger.head.offer()?;
    let grant = ledger.get(offer.grant)?;
    Some(OfferView {
        clone: ledger.head.dashboard,
        by: ledger.head.owner,
        to: grant.grantee.address().map_or_else(|| grant.grantee.holder(), |address| address.clone().into()),
        created: grant.created,
        ends,
        message: offer.message.clone(),
        devices: offer.devices.clone(),
        template: offer.template.clone(),
    })
}

/// What a dashboard of this id goes on from, if a new one may take its place: one that was deleted, or an offer that
/// nobody can take any more.
pub(crate) fn vacant(ledger: Option<&Ledger>) -> Result<Option<&Head>, &Head> {
    let Some(ledger) = ledger else { return Ok(None) };
    let stands = ledger.head.is_dashboard() || Open::of(Some(ledger)).is_some();
    if stands { Err(&ledger.head) } else { Ok(Some(&ledger.head)) }
}

/// The grant of an offer, which tells whether it can still be taken.
pub(crate) fn grant_of(ledger: &Ledger) -> More {
    let grant = ledger.head.offer().map(|offer| Seed::Grant(offer.grant));
    More { seeds: grant.into_iter().collect(), ..More::default() }
}

/// Makes an offer a dashboard of its recipient's.
pub(crate) struct TakeOffer {
    pub(crate) clone: DashboardId,
    pub(crate) account: AccountId,
    pub(crate) person: Person,
    pub(crate) tenant: TenantId,
}

impl Command for TakeOffer {
    type Answer = ();

    fn heeds_suspension(&self) -> bool {
        false
    }

    fn dashboard(&self) -> DashboardId {
        self.clone
    }

    fn needs(&self) -> Needs {
        Needs::seeds(self.person.seeds())
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        if let Some(own) = facts.ledger().ok().filter(|ledger| ledger.is_owner(self.account)) {
            let same = own.head.tenant == self.tenant;
            return if same { Ok(Verdict::standing(())) } else { Err(Refusal::AlreadyExists) };
        }
        let Open { ledger, live } = Open::to(facts.ledger, &self.person).ok_or(Refusal::UnknownOffer)?;
        check_switches(&facts.tenant.rules, false)?;
        let (before, giver) = (&ledger.head, ledger.head.owner);
        let mut draft = Draft::new(facts, ledger);
        draft.head = Head::new(self.clone, self.tenant, self.account, facts.now, Some(before));
        draft.revoke([live]);
        draft.untold.insert(live.grant.id);
        draft.tell(Message::OfferAnswered { to: giver, taken: true });
        let event = Event::OfferTaken { from: giver };
        Ok(draft.finish(self.account.into(), event, |_| ()))
    }
}

/// Ends an offer: its recipient declines it, or its giver or the host withdraws it.
pub(crate) struct EndOffer {
    pub(crate) clone: DashboardId,
    pub(crate) by: OfferEnd,
}

/// Who ends an offer.
pub(crate) enum OfferEnd {
    /// Its recipient.
    Recipient(AccountId, Person),
    /// Its giver, or the host.
    Giver(Actor),
}

impl Command for EndOffer {
    type Answer = ();

    fn withdraws(&self, _ledger: &Ledger) -> bool {
        true
    }

    fn dashboard(&self) -> DashboardId {
        self.clone
    }

    fn needs(&self) -> Needs {
        match &self.by {
            OfferEnd::Recipient(_, person) => Needs::seeds(person.seeds()),
            OfferEnd::Giver(_) => Needs::default(),
        }
    }

    fn more(&self, ledger: &Ledger) -> More {
        match &self.by {
            // What the recipient holds was read, and of somebody else's offer nothing more is (D8).
            OfferEnd::Recipient(..) => More::default(),
            OfferEnd::Giver(Actor::Account(account)) if *account != ledger.head.owner => More::default(),
            OfferEnd::Giver(_) => grant_of(ledger),
        }
    }

    fn judge(&self, facts: &Facts<'_>) -> Result<Verdict<()>, Refusal> {
        let ledger = facts.offer().ok_or(Refusal::UnknownOffer)?;
        let giver = ledger.head.owner;
        let mut draft = Draft::new(facts, ledger);
        draft.head.phase = Phase::Deleted(facts.now);
        let (actor, event) = match &self.by {
            OfferEnd::Recipient(account, person) => {
                let open = Open::to(Some(ledger), person).ok_or(Refusal::UnknownOffer)?;
                draft.untold.insert(open.live.grant.id);
                draft.tell(Message::OfferAnswered { to: giver, taken: false });
                (Actor::Account(*account), Event::OfferDeclined)
            }
            OfferEnd::Giver(Actor::Account(account)) if *account != giver => {
                return Err(Refusal::UnknownOffer);
            }
            OfferEnd::Giver(actor) => {
                // Of one that had lapsed nobody waits to hear.
                if let Some(Open { live, .. }) = Open::of(Some(ledger)) {
                    draft.untold.insert(live.grant.id);
                    draft.tell(Message::OfferWithdrawn { to: live.grant.grantee.holder() });
                }
                (*actor, Event::OfferWithdrawn)
            }
        };
        Ok(draft.finish(actor, event, |_| ()))
    }
}
