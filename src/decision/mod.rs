//! Decisions and answers: may this person do this, why, who else has access, and what keeps a link shut.

mod account;
mod admit;
mod answer;
mod attribution;
mod denial;
pub(crate) mod diagnosis;
mod edge;
mod explain;
pub(crate) mod lists;
mod narrower;
mod pieces;
mod sees;
mod tell;
mod visit;

pub(crate) use account::decide;
pub use admit::DataDenied;
pub use answer::{Asker, Decision};
pub use denial::Denial;
pub use diagnosis::{LinkCause, LinkDiagnosis, Symptom};
pub use edge::Edge;
pub(crate) use edge::Leave;
pub use explain::{Because, Explanation, Step};
pub use lists::{
    AccessList, DeviceViewer, DeviceViewers, GrantView, Impact, LinkView, Losing, SharedDashboard, Viewer,
};
pub(crate) use narrower::InSlot;
pub use narrower::{DecisionAsOf, DeviceDecision};
pub use pieces::{Admits, Admitted, Piece};
pub(crate) use sees::{Seen, Ways};
pub(crate) use visit::{VisitFacts, decide_visit, deny_limited};
