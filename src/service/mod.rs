//! The service: loads what a command or a question needs, lets the rules judge it, commits, and retries what lost a race.

mod commands;
mod dashshare;
mod decide;
mod error;
mod falling;
mod link;
mod lists;
mod load;
mod offers;
mod outbox;
mod run;
mod when;
mod within;

pub use dashshare::{Dashshare, Done};
pub use decide::Visit;
pub use error::{Error, Unresolved};
pub use when::{AsOf, AtLeast};
