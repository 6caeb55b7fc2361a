//! Rows of the outbox as the messages that they hold, if they hold one.

use super::database::{Letter, Name};
use crate::{
    record::{DeadLetter, MessageId, OutboxMessage, Revision},
    value::{DashboardId, Timestamp},
};

/// The message of a row, or why there is none.
pub(super) fn message(letter: &Letter) -> Result<OutboxMessage, String> {
    let id = id_of(&letter.name).ok_or("the row's key names no message")?;
    let read: Result<OutboxMessage, _> = serde_json::from_slice(&letter.body);
    let mut message = read.map_err(|error| error.to_string())?;
    if message.id != id {
        // Whoever acknowledged it would remove another one.
        return Err("the row holds the message of another row".to_owned());
    }
    message.attempts = attempts(letter);
    Ok(message)
}

/// The dead letter of a row. `None` when its key names no message: nobody could put it back or acknowledge it by that.
pub(super) fn dead_letter(letter: &Letter) -> Option<DeadLetter> {
    let id = id_of(&letter.name)?;
    let since = Timestamp::from_micros(letter.dead_from.unwrap_or(0));
    Some(match message(letter) {
        Ok(message) => DeadLetter::exhausted(message, since),
        Err(reason) => DeadLetter::unreadable(id, since, attempts(letter), &reason),
    })
}

fn attempts(letter: &Letter) -> u32 {
    u32::try_from(letter.attempts.max(0)).unwrap_or(u32::MAX)
}

fn id_of(name: &Name) -> Option<MessageId> {
    Some(MessageId {
        dashboard: DashboardId::from_bytes(name.dashboard.as_slice().try_into().ok()?),
        revision: Revision::new(u64::try_from(name.revision).ok()?),
        index: u32::try_from(name.place).ok()?,
    })
}
