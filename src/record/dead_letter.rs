//! Messages that are not delivered any more: leased too often, or of a row that cannot be read.

use super::trail::{MessageId, OutboxMessage};
use crate::value::Timestamp;
use serde::{Deserialize, Serialize};

/// A message of the outbox that is leased no more. It stays until the host [puts it
/// back](crate::Dashshare::put_back) or [acknowledges](crate::Dashshare::acknowledge) it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The message's name.
    pub id: MessageId,
    /// Since when: the end of its last lease, or the instant at which it was found to be unreadable.
    pub since: Timestamp,
    /// How often it was leased.
    pub attempts: u32,
    /// The message, if it can be read.
    pub message: Option<OutboxMessage>,
    /// Why it is delivered no more, for a log.
    pub reason: String,
}

impl DeadLetter {
    /// How much of a reason is kept, in characters: what cannot be read may be of any length.
    const REASON: usize = 200;

    /// A message that was leased as often as the host allows. For a store that answers with one.
    pub fn exhausted(message: OutboxMessage, since: Timestamp) -> Self {
        let (id, attempts) = (message.id, message.attempts);
        let reason = format!("leased and not acknowledged, {attempts} times");
        Self { id, since, attempts, message: Some(message), reason }
    }

    /// A message that the store cannot read, and what it says of that. For a store that answers with one. Control
    /// characters of the reason are escaped, and it is cut at 200 characters.
    pub fn unreadable(id: MessageId, since: Timestamp, attempts: u32, reason: &str) -> Self {
        let escape = |letter: char| match letter.is_control() {
            true => letter.escape_default().collect::<String>(),
            false => letter.to_string(),
        };
        let reason: String = reason.chars().map(escape).collect();
        Self { id, since, attempts, message: None, reason: reason.chars().take(Self::REASON).collect() }
    }
}
