//! Why a call gave no answer. Every error means denial for whoever was asking.

use crate::{
    host::BoxError,
    record::{Commit, Revision},
    sharing::{Refusal, link::NewLink},
};

/// Why a call to [`Dashshare`](crate::Dashshare) gave no answer.
///
/// Only [`Refused`](Self::Refused) is about the command; all others are about the machinery, keep their source, and
/// mean denial (D6). None of them carries a secret in its text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rules refuse the command; nothing was changed (G8).
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store could not answer.
    #[error("the store failed")]
    Store(#[source] BoxError),
    /// The host's directory could not answer.
    #[error("the directory failed")]
    Directory(#[source] BoxError),
    /// There was no randomness to be had.
    #[error("the random generator failed")]
    Random(#[source] BoxError),
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
    },
    /// The store lost the answer of the commit and could not be asked for it. The change may stand.
    /// [`Dashshare::resume`](crate::Dashshare::resume) finds out, and finishes it.
    #[error("the store lost the answer of a commit; the change may stand or not")]
    Unresolved(#[source] Unresolved),
}

/// A commit whose fate is not known yet.
#[derive(Debug, thiserror::Error)]
#[error("the fate of a commit is not known")]
pub struct Unresolved {
    pub(crate) commit: Box<Commit>,
    /// The link that the commit makes, so that a token which won is not lost (L2).
    pub(crate) link: Option<NewLink>,
    #[source]
    pub(crate) source: BoxError,
}

impl Error {
    /// The refusal, if this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}
