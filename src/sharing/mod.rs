//! The rules of sharing. Each command is a value; it is judged against facts, and gives an answer with the commit
//! that makes it true, or a refusal. No clock, no randomness, no store: all of that is in the facts.

pub(crate) mod access;
mod admission;
pub(crate) mod amend;
pub(crate) mod clock;
mod command;
mod consult;
mod draft;
mod draw;
mod effective;
pub(crate) mod falling;
pub(crate) mod invitation;
mod ledger;
pub(crate) mod link;
mod locks;
pub(crate) mod narrow_link;
pub(crate) mod offer;
pub(crate) mod ownership;
mod people;
mod refusal;
pub(crate) mod reminder;
pub(crate) mod revoke;
pub(crate) mod share;
mod shelf;
pub(crate) mod standing;
pub(crate) mod suspension;
mod told;
pub(crate) mod transfer;
pub(crate) mod unseen;

pub(crate) use command::{Command, Facts, Fallen, More, Needs, Verdict};
pub use consult::Missing;
pub(crate) use consult::{AnonymousAccess, Barred, Consulted, Said, Word, could_change};
pub(crate) use draw::Draw;
pub(crate) use effective::Effective;
pub(crate) use ledger::{Ledger, Live};
pub(crate) use locks::Locks;
pub use locks::{Locked, LockedBy, Sight};
pub(crate) use people::{Known, People};
pub use refusal::{ErrorKind, Refusal};
pub(crate) use standing::Standing;
pub use standing::{Fall, FallCause, LinkFall};
pub use told::Told;
