//! Locks: how much of a dashboard's data a share or a link shows. A lock is a value and a predicate over data; two of
//! them meet, and nothing widens one.
//!
//! | file | what |
//! | --- | --- |
//! | `selectors.rs` | which devices and variables, and clauses of them |
//! | `zone.rs` | IANA zones, calendar periods, and when they begin |
//! | `span.rs` | lengths of time: exact ones, and whole periods of a zone |
//! | `window.rs` | ranges, and the window of a lock at an instant |
//! | `meet.rs` | the [`Lock`], how it is built, and how two of them meet |
//! | `limits.rs` | what may be written |
//! | `json.rs` | how it is read and written |
//! | `stored.rs` | a lock as it stands in a store, also one that cannot be read |
//! | `query.rs` | a question for data |
//! | `admit.rs` | what a path of locks leaves of a question |
//! | `findings.rs` | what whoever chooses a lock should know |

mod admit;
mod findings;
mod json;
mod limits;
mod meet;
mod query;
mod selectors;
mod span;
mod stored;
mod window;
mod zone;

pub(crate) use admit::{Left, Shut, Slots, admit, device_passes};
pub(crate) use findings::ShownDevice;
pub use findings::{LockFinding, Widget};
pub use limits::LockFault;
pub use meet::Lock;
pub use query::{Query, ReadKind, Variables};
pub use selectors::{Clauses, DeviceSelector, VariableSelector};
pub use span::{Span, SpanError, Spans};
pub use stored::StoredLock;
pub use window::Range;
pub use zone::{Unit, Zone, ZoneError};
