//! What may be shown to whoever asked.

use crate::value::{AccountId, Timestamp};
use serde::{Serialize, Serializer};
use std::fmt;

/// What may be shown to whoever asked, as data and as a sentence.
///
/// An explanation is for owners and for support: it says that a dashboard exists, who shared it and through whom. This is
/// for the asker. Who is and was no party, and every visitor, is told the same as of a dashboard that does not exist,
/// byte for byte; a former party that its access ended and when; a grantee its own grantor and end. Made by
/// [`Decision::tell`](crate::Decision::tell), [`DeviceDecision::tell`](crate::DeviceDecision::tell) and
/// [`Refusal::tell`](crate::Refusal::tell).
///
/// It is written as JSON with `code`, the advised HTTP `status`, a `sentence`, and, where they may be told, `by` (the
/// grantor), `ends` and `retry_after` (seconds). The sentence there names neither, for the page to say in its own names and its own zone;
/// [`sentence_with`](Self::sentence_with) has both. The codes are stable words.
///
/// ```
/// # use dashshare::{*, directory::*, explain::*, questions::*, store::*, trail::*};
/// # pollster::block_on(async {
/// # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
/// # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
/// # let (olga, ann) = (AccountId::from(1u64), AccountId::from(2u64));
/// # sharing.directory().add_account(olga);
/// # let dashboard = DashboardId::from(7u64);
/// # sharing.register(dashboard, TenantId::from(1u64), olga).await?;
/// // Nobody shared it with Ann, so she is not told that it exists.
/// let decision = sharing.authorize(ann, dashboard, Action::View).await?;
/// assert_eq!((decision.tell().status(), decision.tell().code()), (404, "unknown_dashboard"));
/// let nowhere = sharing.authorize(ann, DashboardId::from(8u64), Action::View).await?;
/// assert_eq!(decision.tell(), nowhere.tell());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
///
/// Rules: [D8](crate::specification).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    code: &'static str,
    status: u16,
    sentence: String,
    by: Option<AccountId>,
    ends: Option<Timestamp>,
    retry_after: Option<u64>,
}

impl Told {
    pub(crate) fn new(code: &'static str, status: u16, sentence: impl Into<String>) -> Self {
        Self { code, status, sentence: sentence.into(), by: None, ends: None, retry_after: None }
    }

    /// What everybody is told of what does not exist, or is not theirs to know of.
    pub(crate) fn unknown_dashboard() -> Self {
        Self::new("unknown_dashboard", 404, "There is no such dashboard.")
    }

    pub(crate) fn shared_by(self, by: Option<AccountId>) -> Self {
        Self { by, ..self }
    }

    pub(crate) fn retry(self, retry_after: Option<u64>) -> Self {
        Self { retry_after, ..self }
    }

    pub(crate) fn ending(self, ends: Option<Timestamp>) -> Self {
        Self { ends, ..self }
    }

    /// A stable name for programs, in snake case.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status that fits: 200 when it is allowed, 404 for what is not the asker's to know of, 403 for a party
    /// that may not; for refusals that of their [kind](crate::ErrorKind::status).
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The grantor of the grant that allows it, if one does.
    pub fn by(&self) -> Option<AccountId> {
        self.by
    }

    /// When the access ends, or ended.
    pub fn ends(&self) -> Option<Timestamp> {
        self.ends
    }

    /// After how many seconds it may be tried again, for the header `Retry-After`.
    ///
    /// Rules: [R7](crate::specification).
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// The sentence, with the host's names for accounts.
    pub fn sentence_with(&self, name: &dyn Fn(AccountId) -> String) -> String {
        let mut text = self.sentence.clone();
        if let Some(by) = self.by {
            text.push_str(&format!(" {} shared it with you.", name(by)));
        }
        if let Some(ends) = self.ends {
            let verb = if self.status == 200 { "ends" } else { "ended" };
            text.push_str(&format!(" Your access {verb} at {ends}."));
        }
        text
    }
}

impl fmt::Display for Told {
    /// The sentence, with ids for names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence_with(&|account| account.to_string()))
    }
}

impl Serialize for Told {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            code: &'static str,
            status: u16,
            sentence: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            by: Option<AccountId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ends: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after: Option<u64>,
        }
        let Self { code, status, by, ends, retry_after, .. } = *self;
        Members { code, status, sentence: &self.sentence, by, ends, retry_after }.serialize(serializer)
    }
}
