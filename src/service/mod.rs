//! The service: loads what a command or a question needs, lets the rules judge it, commits, and retries what lost a race.

mod blueprint;
mod clock;
mod commands;
mod dashshare;
mod data;
mod decide;
mod error;
mod falling;
mod limited;
mod link;
mod lists;
mod load;
mod meter;
mod offers;
mod outbox;
mod page;
mod run;
mod suspension;
mod transfer;
mod when;
mod within;

pub use dashshare::{Dashshare, Done};
pub use decide::Visit;
pub use error::{Error, Unresolved};
pub use meter::{Load, Meter, MeterError, MeterFigures, Metered, NotHandedBack, Quota};
pub use page::{Page, Paged};
pub use when::{AsOf, AtLeast};
