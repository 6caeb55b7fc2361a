//! Why a call gave no answer. Every error means denial for whoever was asking.

use crate::{
    host::BoxError,
    record::{Commit, Revision},
    sharing::{ErrorKind, Refusal, Told, link::Rotated},
    value::Timestamp,
};

/// Why a call to [`Dashshare`](crate::Dashshare) gave no answer.
///
/// Only [`Refused`](Self::Refused) is about the command; all others are about the machinery, keep their source, and
/// mean denial. None of them carries a secret in its text.
///
/// Rules: [D6](crate::specification).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rules refuse the command; nothing was changed (G8).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not answer.
    #[error("the store failed: {0}")]
    Store(#[source] BoxError),
    /// The host's directory could not answer.
    #[error("the directory failed: {0}")]
    Directory(#[source] BoxError),
    /// There was no randomness to be had.
    #[error("the random generator failed: {0}")]
    Random(#[source] BoxError),
    /// Two clocks differ by more than [the host allows](crate::Dashshare::with_clock_skew), so that nothing is made by
    /// them; nothing was changed. Set the clock of this process right, or, if it is the dashboard that has seen a wrong
    /// one, [repair it](crate::Dashshare::repair_clock).
    #[error("the clock of this process stands at {now}, and another at {seen}: one of them is wrong")]
    Clock {
        /// What the clock of this process says.
        now: Timestamp,
        /// The latest instant at which the dashboard was changed, or what the host's second clock says.
        seen: Timestamp,
    },
    /// Others changed the dashboard each time this command was about to: try again.
    #[error("the dashboard was changed by others at the same time, try again")]
    Contended,
    /// What was read is older than the revision that the caller demanded (D6).
    #[error("the store answered as of revision {found}, and {wanted} was demanded")]
    Stale {
        /// The revision that was read.
        found: Revision,
        /// The revision that was demanded.
        wanted: Revision,
        /// Whether the asker was a party as of what was read. Whoever was not is told the same as of a dashboard that
        /// does not exist (D8).
        is_party: bool,
    },
    /// The store lost the answer of the commit and could not be asked for it. The change may stand.
    /// [`Dashshare::resume`](crate::Dashshare::resume) finds out, and finishes it.
    #[error("the store lost the answer of a commit, so the change may stand or not: {0}")]
    Unresolved(#[source] Unresolved),
}

/// A commit whose fate is not known yet.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Unresolved {
    pub(crate) commit: Box<Commit>,
    /// The link that the commit makes, so that a token which won is not lost (L2).
    pub(crate) link: Option<Rotated>,
    #[source]
    pub(crate) source: BoxError,
}

impl Error {
    /// What kind of failure it is, for HTTP: that of the refusal, and for all else that it may succeed later.
    ///
    /// One error needs a branch of its own whatever its kind: [`Unresolved`](Self::Unresolved), which is to be
    /// [resumed](crate::Dashshare::resume), and may hold the token of a new link.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::Stale { is_party: false, .. } => ErrorKind::NotFound,
            _ => ErrorKind::TryLater,
        }
    }

    /// What may be shown to whoever asked: a refusal [as told](Refusal::tell), of all else that it may succeed later.
    ///
    /// Rules: [D8](crate::specification).
    pub fn tell(&self) -> Told {
        let (code, sentence) = match self {
            Self::Refused(refusal) => return refusal.tell(),
            Self::Stale { is_party: false, .. } => return Told::unknown_dashboard(),
            Self::Unresolved(_) => {
                ("unresolved", "It is not known yet whether this was done. Look again later.")
            }
            _ => ("try_later", "This did not work. Try again later."),
        };
        Told::new(code, ErrorKind::TryLater.status(), sentence)
    }

    /// The refusal, if this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
