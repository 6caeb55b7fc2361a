//! Why a public link opens or does not, for the owner: the true cause that no visitor is told (L9).

use crate::{
    record::{Actor, Revision},
    sharing::{AnonymousAccess, Ledger, LinkFall, LockedBy, Locks, Missing, standing},
    tenant::Tenant,
    value::{LinkDigest, Timestamp},
};
use serde::Serialize;
use std::fmt;

/// What keeps visitors out of a dashboard's public link, or that nothing does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LinkDiagnosis {
    /// Whether a visitor with the right token gets in.
    pub opens: bool,
    /// Everything that keeps visitors out, or blanks what they see.
    pub causes: Vec<LinkCause>,
    /// The revision that was looked at.
    pub revision: Revision,
}

/// One thing that keeps visitors out, or blanks what they see. Its `Display` is a sentence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkCause {
    /// The text is not a token: cut off, mistyped, or something else.
    Malformed,
    /// The token is well formed and not that of this dashboard's link: it was rotated, or is another dashboard's.
    NotThisLink,
    /// There is no link: none was made, or it was withdrawn.
    NoLink,
    /// The host has suspended the dashboard, since this instant (G25).
    Suspended(Timestamp),
    /// It is paused, since this instant.
    Paused(Timestamp),
    /// The owner paused it, or the host in its place, since this instant: only they resume it (L6). So its maker is told;
    /// who can resume it is told that it is paused.
    PausedByOwner(Timestamp),
    /// It expired, or what it hangs on ended.
    Fallen(LinkFall),
    /// It was made by a grantee, and the tenant has sharing with persons or sharing on switched off.
    MakerSwitchedOff,
    /// The portal, the anonymous user or the policies are not as a link needs them.
    Missing(Missing),
    /// It opens, and the locks of its path let nothing through together, by their form alone (K13).
    LockShowsNothing,
    /// It opens, and this lock of its path cannot be read, so that it lets nothing through (K24).
    LockUnreadable(LockedBy),
}

/// What a visitor sees of a [`LinkCause`], as people report it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Symptom {
    /// The link is dead: it is no link, an old one, paused, or past its end.
    DeadLink,
    /// Nothing loads: the portal or its anonymous user is not there, or public sharing is off.
    NotLoading,
    /// Permission is denied: the anonymous user may not access the dashboard.
    PermissionDenied,
    /// The dashboard loads and widgets stay blank: the dashboard is allowed, a device behind it is not.
    BlankWidgets,
}

impl LinkCause {
    /// What a visitor sees of it.
    pub fn symptom(&self) -> Symptom {
        match self {
            Self::Malformed
            | Self::NotThisLink
            | Self::NoLink
            | Self::Suspended(_)
            | Self::Paused(_)
            | Self::PausedByOwner(_)
            | Self::Fallen(_) => Symptom::DeadLink,
            Self::MakerSwitchedOff => Symptom::NotLoading,
            Self::LockShowsNothing | Self::LockUnreadable(_) => Symptom::BlankWidgets,
            Self::Missing(missing) => match missing {
                Missing::PublicSharing
                | Missing::Portal
                | Missing::AnonymousUser
                | Missing::AnonymousUserActive => Symptom::NotLoading,
                Missing::DashboardPolicy | Missing::DashboardDenied(_) => Symptom::PermissionDenied,
                Missing::DevicePolicy(_) | Missing::DeviceDenied { .. } | Missing::LockShowsNothing => {
                    Symptom::BlankWidgets
                }
            },
        }
    }
}

impl fmt::Display for LinkCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the token is cut off or mistyped: copy the whole link"),
            Self::NotThisLink => {
                f.write_str("this is an older link, or another dashboard's: send the newest one")
            }
            Self::NoLink => f.write_str("there is no link: none was made, or it was withdrawn"),
            Self::Suspended(since) => {
                write!(f, "the dashboard is suspended since {since}: whoever runs this service can resume it")
            }
            Self::Paused(since) => write!(f, "the link is paused since {since}: resume it"),
            Self::PausedByOwner(since) => {
                write!(f, "the link is paused since {since}: only the owner can resume it")
            }
            Self::Fallen(LinkFall::Lapsed(at)) => write!(f, "the link expired at {at}: make a new one"),
            Self::Fallen(LinkFall::MakersGrant(fall)) => {
                write!(f, "the person who made the link lost access: {} Make a new one", fall.sentence())
            }
            Self::Fallen(LinkFall::MakersRights(grant)) => {
                write!(f, "the person who made the link may no longer share it (grant {grant}): make a new one")
            }
            Self::MakerSwitchedOff => f.write_str(
                "the link was made by a grantee, and the tenant has switched their sharing off: the owner can make one",
            ),
            Self::Missing(missing) => missing.fmt(f),
            Self::LockShowsNothing => {
                f.write_str("nothing is left of the data under the locks of its path: make a link with another one")
            }
            Self::LockUnreadable(LockedBy::Tenant) => {
                f.write_str("the lock of the tenant's rules cannot be read, so no data is shown: set it anew")
            }
            Self::LockUnreadable(LockedBy::Link(_)) => {
                f.write_str("the lock of the link cannot be read, so no data is shown: make a new link")
            }
            Self::LockUnreadable(LockedBy::Grant(grant)) => write!(
                f,
                "the lock of grant {grant}, which the link hangs on, cannot be read, so no data is shown: make a new link"
            ),
        }
    }
}

/// The token that the owner was sent, as far as it can be read.
pub(crate) enum Presented {
    Nothing,
    Malformed,
    Token(LinkDigest),
}

pub(crate) fn diagnose(
    ledger: &Ledger,
    by: Actor,
    presented: &Presented,
    tenant: &Tenant,
    access: &AnonymousAccess,
) -> LinkDiagnosis {
    let mut causes = Vec::new();
    let link = ledger.head.link.as_ref();
    match (presented, link) {
        (Presented::Malformed, _) => causes.push(LinkCause::Malformed),
        (Presented::Token(digest), link) if link.is_none_or(|link| link.digest != *digest) => {
            causes.push(LinkCause::NotThisLink);
        }
        _ => {}
    }
    causes.extend(ledger.head.suspended.map(LinkCause::Suspended));
    match (link, ledger.link()) {
        (Some(link), Some(outcome)) => {
            let is_stuck = link.paused_by_owner && !ledger.is_owner(by);
            let paused = if is_stuck { LinkCause::PausedByOwner } else { LinkCause::Paused };
            causes.extend(link.paused.map(paused));
            causes.extend(outcome.err().map(LinkCause::Fallen));
            let honoured = standing::is_link_honoured(link, &tenant.rules);
            causes.extend((!honoured).then_some(LinkCause::MakerSwitchedOff));
        }
        _ => causes.push(LinkCause::NoLink),
    }
    causes.extend(access.missing_to_visit(tenant).into_iter().map(LinkCause::Missing));
    let opens = causes.is_empty();
    let standing = ledger.standing_link();
    let locks = standing.map_or(Locks::default(), |link| ledger.locks_of_link(link, &tenant.rules));
    let unreadable = locks.iter().find(|locked| locked.lock.lock().is_none());
    causes.extend(match unreadable {
        Some(locked) => Some(LinkCause::LockUnreadable(locked.by)),
        None => locks.show_nothing().then_some(LinkCause::LockShowsNothing),
    });
    causes.extend(access.blank(&locks).map(LinkCause::Missing));
    LinkDiagnosis { opens, causes, revision: ledger.head.revision }
}
