//! Why a command was refused: a typed value with a stable code and a sentence.

use super::{consult::Missing, told::Told};
use crate::{
    lock::{Lock, LockFault, StoredLock},
    policy::RuleRef,
    tenant::SharingRules,
    value::{DashboardId, Expiry, GrantId, Rights, Timestamp},
};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Why a command was refused. A refused command has changed nothing.
///
/// [`code`](Self::code) is stable and meant for programs; the `Display` text is for persons.
///
/// Rules: [G8](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such dashboard, or the actor has nothing to do with it: the two are not told apart (G7).
    #[error("there is no such dashboard")]
    UnknownDashboard,
    /// The grant is dead or unknown, or of a dashboard that the actor has nothing to do with.
    #[error("there is no such grant")]
    UnknownGrant,
    /// The account to share with, or to transfer to, does not exist.
    #[error("there is no such account")]
    UnknownAccount,
    /// The dashboard is registered already, on other terms.
    #[error("the dashboard is registered already")]
    AlreadyExists,
    /// The actor may see the dashboard but not share it.
    #[error("you may see this dashboard but not share it on")]
    NoReshareRight,
    /// The actor may share on, but not these rights (G7).
    #[error("you can share on at most the right to {held}")]
    ExceedsOwnRights {
        /// What the actor's grants that can be shared on cover, at best.
        held: Rights,
    },
    /// Only the owner may do this.
    #[error("only the owner may do this")]
    NotOwner,
    /// The actor has no power over this grant (G12).
    #[error(
        "this is not yours to change: its owner and those it was shared on by may, and its holder may renounce it"
    )]
    NotYours,
    /// No right at all was asked for.
    #[error("choose at least one right")]
    EmptyRights,
    /// The lock lets nothing through, by its form alone (K13).
    #[error("this lock would show nothing at all")]
    EmptyLock,
    /// The lock has more of something than one may have (K25).
    #[error("a lock may have {limit} {what} at most")]
    LockTooLarge {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// The lock cannot be read: it has something that is not known (K24).
    #[error("this lock holds something that is not known")]
    LockUnreadable,
    /// What it would hang on shows nothing of what the lock lets through (K19).
    #[error("nothing of what you may see is left under this lock")]
    LockShowsNothing,
    /// The expiry is not in the future (G6).
    #[error("the expiry `{0}` is not in the future")]
    ExpiryPast(Timestamp),
    /// The expiry lies behind the end of what the grantor holds (G6).
    #[error("what this would hang on ends at {latest}; choose that end or an earlier one")]
    EndsTooLate {
        /// The grantor's own end.
        latest: Timestamp,
    },
    /// The share would last longer than the tenant allows (G20).
    #[error("a share may end at {latest} at the latest")]
    OverMaximum {
        /// The latest end that the tenant's rules allow at the moment.
        latest: Timestamp,
    },
    /// An amendment that gives more than the grant has (G9).
    #[error("a grant cannot be widened; share once more instead")]
    Widening,
    /// Sharing with oneself.
    #[error("you cannot share with yourself")]
    ToSelf,
    /// Sharing with, or transferring to, the owner.
    #[error("the dashboard is theirs already")]
    ToOwner,
    /// The path would be longer than the tenant allows (G1).
    #[error("a share may be the {limit}th of its path at most, and this would be one more")]
    TooDeep {
        /// The most grants that a path may have.
        limit: usize,
    },
    /// The tenant's rules have sharing with persons off.
    #[error("sharing with persons is switched off")]
    PrivateSharingOff,
    /// The tenant's rules have sharing on off.
    #[error("sharing on is switched off")]
    ResharingOff,
    /// The tenant's rules have public links off.
    #[error("sharing by public link is switched off")]
    PublicSharingOff,
    /// The tenant's rules do not admit the address's domain.
    #[error("addresses of this domain may not be shared with")]
    DomainBlocked,
    /// The account has not verified this address, so it cannot claim by it (I3).
    #[error("the address is not verified for this account")]
    EmailNotVerified,
    /// There is no offer of this name that the actor could take, decline or withdraw (T9).
    #[error("there is no such offer")]
    UnknownOffer,
    /// The message or the description of an offer is too long.
    #[error("a text of an offer may have {limit} characters at most")]
    TextTooLong {
        /// The most characters.
        limit: usize,
    },
    /// The description of the devices holds what looks like an id, a credential or a link (T4).
    #[error("describe the devices in words: this holds what looks like an id, a credential or a link")]
    TextTellsTooMuch,
    /// The template is too large to be offered.
    #[error("a template that is offered may have {limit} bytes at most")]
    TemplateTooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// A public link of another maker stands (L6).
    #[error("this dashboard has a public link that somebody else made")]
    LinkTaken,
    /// There is no link that stands.
    #[error("this dashboard has no public link")]
    NoLink,
    /// Another rotation of the link came first, or replaced this one before it was answered: its token opens nothing
    /// (L2).
    #[error("another link was made at the same time")]
    Superseded,
    /// The token that was brought for a link was made for another dashboard (L3).
    #[error("this token was made for another dashboard")]
    ForeignToken,
    /// The host has suspended the dashboard: until it is resumed, only what takes away is done (G25).
    #[error("this dashboard is suspended")]
    Suspended,
    /// A rule of the tenant's policies denies the actor the dashboard, so that it cannot be handed on (D2).
    #[error("a policy denies you this dashboard, so you cannot share it: {0}")]
    PolicyDenies(RuleRef),
    /// A rule of the tenant's policies denies the dashboard to whoever would own it, or keep a grant of it (G18).
    #[error("a policy denies this dashboard to whoever would get it: {0}")]
    RecipientDenied(RuleRef),
    /// The address was invited by the same person, on other terms, and has not answered (G23).
    #[error("this address is invited already; change that invitation, or replace it")]
    AlreadyInvited {
        /// The invitation.
        grant: GrantId,
    },
    /// There is no invitation that waits: it was claimed.
    #[error("this is no invitation that waits for an answer")]
    NotWaiting,
    /// The account holds as many live grants of the dashboard as one person may (G23).
    #[error("one person may hold {limit} grants of a dashboard at most")]
    TooManyGrants {
        /// The most.
        limit: usize,
    },
    /// The dashboard has as many live grants as it may (G23).
    #[error("a dashboard may be shared {limit} times at most")]
    DashboardFull {
        /// The most.
        limit: usize,
    },
    /// The actor has shared the dashboard on as often as one person may (G23).
    #[error("you may share a dashboard on {limit} times at most")]
    TooManyShares {
        /// The most.
        limit: usize,
    },
    /// As many invitations of the actor wait for an answer as may (G23).
    #[error("at most {limit} of your invitations to a dashboard may wait for an answer")]
    TooManyInvitations {
        /// The most.
        limit: usize,
    },
    /// As many offers of the giver are kept as may be (G23): those that nobody has taken, declined or withdrawn, expired
    /// ones too. [Withdraw](crate::Dashshare::withdraw_offer) those that have expired; they are among the
    /// [offers made](crate::Dashshare::offers_made).
    #[error("you may have {limit} offers at most, expired ones too; withdraw one first")]
    TooManyOffers {
        /// The most.
        limit: usize,
    },
    /// The recipient has as many open offers as it may (G23).
    #[error("one recipient may have {limit} open offers at most")]
    TooManyOffersReceived {
        /// The most.
        limit: usize,
    },
    /// Nobody is asked to take the dashboard over, or somebody else is (G18).
    #[error("nobody is asked to take this dashboard over")]
    NoTransfer,
    /// Too many of these came in too short a time (R4).
    #[error("too many of these in too short a time; {}", wait(.retry_after))]
    RateLimited {
        /// After how many seconds there will be room. `None`: never, since it costs more than is ever let through at once.
        retry_after: Option<u64>,
    },
    /// Something is missing before the dashboard can be public (L8).
    #[error("before this dashboard can be public: {}", sentences(.missing))]
    SetupIncomplete {
        /// All of it.
        missing: Vec<Missing>,
    },
    /// The account still owns dashboards; transfer or delete them first (G19).
    #[error("the account still owns {} dashboards", .dashboards.len())]
    OwnsDashboards {
        /// All of them.
        dashboards: Vec<DashboardId>,
    },
}

/// What kind of failure a refusal or an error is: one list of seven, which a host maps to HTTP once and for all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// What was named does not exist, or is not the actor's to know of: 404.
    NotFound,
    /// The actor may not do this: 403.
    Forbidden,
    /// The present state does not allow it: 409.
    Conflict,
    /// The command makes no sense as it was given: 422.
    Invalid,
    /// Something is larger, longer or deeper than its limit: 413.
    TooLarge,
    /// Too many came in too short a time: 429.
    TooManyRequests,
    /// The machinery failed, or others were quicker: the same command may succeed later: 503.
    TryLater,
}

impl ErrorKind {
    /// The HTTP status that fits.
    pub const fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Forbidden => 403,
            Self::Conflict => 409,
            Self::Invalid => 422,
            Self::TooLarge => 413,
            Self::TooManyRequests => 429,
            Self::TryLater => 503,
        }
    }
}

impl Refusal {
    /// What kind of refusal it is. A refusal that is added later falls into one of these.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownDashboard
            | Self::UnknownGrant
            | Self::UnknownAccount
            | Self::UnknownOffer
            | Self::NoTransfer
            | Self::NoLink => ErrorKind::NotFound,
            Self::NoReshareRight
            | Self::ExceedsOwnRights { .. }
            | Self::NotOwner
            | Self::NotYours
            | Self::PrivateSharingOff
            | Self::ResharingOff
            | Self::PublicSharingOff
            | Self::DomainBlocked
            | Self::EmailNotVerified
            | Self::PolicyDenies(_)
            | Self::RecipientDenied(_) => ErrorKind::Forbidden,
            Self::AlreadyExists
            | Self::LinkTaken
            | Self::Superseded
            | Self::AlreadyInvited { .. }
            | Self::NotWaiting
            | Self::TooManyGrants { .. }
            | Self::DashboardFull { .. }
            | Self::TooManyShares { .. }
            | Self::TooManyInvitations { .. }
            | Self::TooManyOffers { .. }
            | Self::TooManyOffersReceived { .. }
            | Self::Suspended
            | Self::SetupIncomplete { .. }
            | Self::OwnsDashboards { .. } => ErrorKind::Conflict,
            Self::EmptyRights
            | Self::EmptyLock
            | Self::LockUnreadable
            | Self::LockShowsNothing
            | Self::ExpiryPast(_)
            | Self::EndsTooLate { .. }
            | Self::OverMaximum { .. }
            | Self::Widening
            | Self::ForeignToken
            | Self::ToSelf
            | Self::ToOwner
            | Self::TextTellsTooMuch => ErrorKind::Invalid,
            Self::TooDeep { .. }
            | Self::TextTooLong { .. }
            | Self::TemplateTooLarge { .. }
            | Self::LockTooLarge { .. } => ErrorKind::TooLarge,
            Self::RateLimited { .. } => ErrorKind::TooManyRequests,
        }
    }

    /// What may be shown to whoever gave the command: the refusal without the names of policies.
    ///
    /// Rules: [D8](crate::specification).
    pub fn tell(&self) -> Told {
        let sentence = match self {
            Self::UnknownDashboard => return Told::unknown_dashboard(),
            Self::PolicyDenies(_) => {
                "an access policy denies you this dashboard, so you cannot share it".into()
            }
            Self::RecipientDenied(_) => {
                "an access policy denies this dashboard to whoever would get it".into()
            }
            Self::SetupIncomplete { missing } => {
                let told: Vec<String> = missing.iter().map(Missing::told).collect();
                format!("before this dashboard can be public: {}", told.join("; "))
            }
            other => other.to_string(),
        };
        Told::new(self.code(), self.kind().status(), as_sentence(&sentence)).retry(self.retry_after())
    }

    /// After how many seconds it may be tried again, for the header `Retry-After`.
    ///
    /// Rules: [R7](crate::specification).
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after } => *retry_after,
            _ => None,
        }
    }

    /// A stable name for programs, in snake case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownDashboard => "unknown_dashboard",
            Self::UnknownGrant => "unknown_grant",
            Self::UnknownAccount => "unknown_account",
            Self::AlreadyExists => "already_exists",
            Self::NoReshareRight => "no_reshare_right",
            Self::ExceedsOwnRights { .. } => "exceeds_own_rights",
            Self::NotOwner => "not_owner",
            Self::NotYours => "not_yours",
            Self::EmptyRights => "empty_rights",
            Self::EmptyLock => "empty_lock",
            Self::LockTooLarge { .. } => "lock_too_large",
            Self::LockUnreadable => "lock_unreadable",
            Self::LockShowsNothing => "lock_shows_nothing",
            Self::ExpiryPast(_) => "expiry_past",
            Self::EndsTooLate { .. } => "ends_too_late",
            Self::OverMaximum { .. } => "over_maximum",
            Self::Widening => "widening",
            Self::ToSelf => "to_self",
            Self::ToOwner => "to_owner",
            Self::TooDeep { .. } => "too_deep",
            Self::PrivateSharingOff => "private_sharing_off",
            Self::ResharingOff => "resharing_off",
            Self::PublicSharingOff => "public_sharing_off",
            Self::DomainBlocked => "domain_blocked",
            Self::EmailNotVerified => "email_not_verified",
            Self::UnknownOffer => "unknown_offer",
            Self::TextTooLong { .. } => "text_too_long",
            Self::TextTellsTooMuch => "text_tells_too_much",
            Self::TemplateTooLarge { .. } => "template_too_large",
            Self::LinkTaken => "link_taken",
            Self::NoLink => "no_link",
            Self::Superseded => "superseded",
            Self::ForeignToken => "foreign_token",
            Self::Suspended => "suspended",
            Self::PolicyDenies(_) => "policy_denies",
            Self::RecipientDenied(_) => "recipient_denied",
            Self::AlreadyInvited { .. } => "already_invited",
            Self::NotWaiting => "not_waiting",
            Self::TooManyGrants { .. } => "too_many_grants",
            Self::DashboardFull { .. } => "dashboard_full",
            Self::TooManyShares { .. } => "too_many_shares",
            Self::TooManyInvitations { .. } => "too_many_invitations",
            Self::TooManyOffers { .. } => "too_many_offers",
            Self::TooManyOffersReceived { .. } => "too_many_offers_received",
            Self::NoTransfer => "no_transfer",
            Self::RateLimited { .. } => "rate_limited",
            Self::SetupIncomplete { .. } => "setup_incomplete",
            Self::OwnsDashboards { .. } => "owns_dashboards",
        }
    }
}

/// As a sentence: a capital first, a full stop last.
fn as_sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

impl Serialize for Refusal {
    /// With `code`, `kind` and `sentence`, and what the refusal carries beside.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize, Default)]
        struct Details<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            held: Option<Rights>,
            #[serde(skip_serializing_if = "Option::is_none")]
            latest: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            limit: Option<usize>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            grant: Option<GrantId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            rule: Option<&'a RuleRef>,
            #[serde(skip_serializing_if = "Option::is_none")]
            missing: Option<&'a [Missing]>,
            #[serde(skip_serializing_if = "Option::is_none")]
            dashboards: Option<&'a [DashboardId]>,
        }
        #[derive(Serialize)]
        struct Members<'a> {
            code: &'static str,
            kind: ErrorKind,
            sentence: String,
            #[serde(flatten)]
            details: Details<'a>,
        }
        let mut details = Details::default();
        match self {
            Self::ExceedsOwnRights { held } => details.held = Some(*held),
            Self::EndsTooLate { latest } | Self::OverMaximum { latest } => details.latest = Some(*latest),
            Self::TooDeep { limit }
            | Self::LockTooLarge { limit, .. }
            | Self::TextTooLong { limit }
            | Self::TemplateTooLarge { limit }
            | Self::TooManyGrants { limit }
            | Self::DashboardFull { limit }
            | Self::TooManyShares { limit }
            | Self::TooManyInvitations { limit }
            | Self::TooManyOffers { limit }
            | Self::TooManyOffersReceived { limit } => details.limit = Some(*limit),
            Self::RateLimited { retry_after } => details.retry_after = *retry_after,
            Self::AlreadyInvited { grant } => (details.grant, details.limit) = (Some(*grant), Some(1)),
            Self::PolicyDenies(rule) | Self::RecipientDenied(rule) => details.rule = Some(rule),
            Self::SetupIncomplete { missing } => details.missing = Some(missing),
            Self::OwnsDashboards { dashboards } => details.dashboards = Some(dashboards),
            _ => {}
        }
        let members = Members {
            code: self.code(),
            kind: self.kind(),
            sentence: as_sentence(&self.to_string()),
            details,
        };
        members.serialize(serializer)
    }
}

/// When to try again, in words.
fn wait(retry_after: &Option<u64>) -> String {
    match retry_after {
        Some(seconds) => format!("try again in {seconds} s"),
        None => "it is more than is ever let through".to_owned(),
    }
}

fn sentences(missing: &[Missing]) -> String {
    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Refuses a lock that may not be written (K13, K25).
pub(crate) fn check_lock(lock: Option<&Arc<StoredLock>>) -> Result<(), Refusal> {
    let Some(stored) = lock else { return Ok(()) };
    refuse(stored.lock().ok_or(Refusal::LockUnreadable)?.check())
}

/// Refuses to narrow by a lock that may not be written, or to one that lets nothing through (K13, K20, K25).
pub(crate) fn check_narrowing(by: &Lock, narrowed: Option<&Arc<StoredLock>>) -> Result<(), Refusal> {
    refuse(by.check())?;
    // One that cannot be read lets nothing through, narrowed or not.
    narrowed.and_then(|stored| stored.lock()).map_or(Ok(()), |met| refuse(met.check_met()))
}

fn refuse(checked: Result<(), LockFault>) -> Result<(), Refusal> {
    match checked {
        Ok(()) => Ok(()),
        Err(LockFault::Empty) => Err(Refusal::EmptyLock),
        Err(LockFault::TooLarge { what, limit }) => Err(Refusal::LockTooLarge { what, limit }),
    }
}

/// Refuses what would last longer than the tenant allows (G20).
pub(crate) fn check_duration(ends: Expiry, rules: &SharingRules, now: Timestamp) -> Result<(), Refusal> {
    match rules.max_days.map(|days| now.plus_days(days)) {
        Some(latest) if Expiry::At(latest) < ends => Err(Refusal::OverMaximum { latest }),
        _ => Ok(()),
    }
}

/// Refuses an expiry that is not in the future, or behind the end of the grant that it would hang on (G6).
pub(crate) fn check_expiry(expiry: Expiry, bound: Expiry, now: Timestamp) -> Result<(), Refusal> {
    match (expiry, bound) {
        (Expiry::At(end), _) if end <= now => Err(Refusal::ExpiryPast(end)),
        (Expiry::At(end), Expiry::At(latest)) if latest < end => Err(Refusal::EndsTooLate { latest }),
        _ => Ok(()),
    }
}
