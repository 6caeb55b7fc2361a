//! Blueprint dashboards: widgets are bound to slots, and everybody who opens the dashboard fills them with devices of one's
//! own.
//!
//! A [`Blueprint`] is made of [`Slot`]s, each with what a device needs to fill it, or read from
//! [TagoIO's document](TagoioDashboard). A host's directory answers with the blueprint of a dashboard and with pages of
//! candidates; [`Dashshare::resolve`](crate::Dashshare::resolve) takes a decision and the [`Choices`] of an address and
//! answers with a [`Resolution`]: what fills each slot, what its selector lists, and the canonical address. What whoever
//! asks may not see does not exist for it: to name it gets the same answer as to name what nobody has.
//!
//! ```
//! # use dashshare::{*, blueprint::*, policy::Resource};
//! # pollster::block_on(async {
//! # let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
//! # let sharing = Dashshare::new(MemoryStore::default(), MemoryDirectory::default(), FixedEnv::new(start, 1));
//! # let (olga, dashboard, tenant) = (AccountId::from(1u64), DashboardId::from(7u64), TenantId::from(1u64));
//! # sharing.directory().add_account(olga);
//! # sharing.register(dashboard, tenant, olga).await?;
//! let site = Slot::new("Site").with_condition("type", "site");
//! let pump = Slot::new("Pump").with_condition("type", "pump").with_filter("site", "Site");
//! let blueprint = Blueprint::compile(vec![site, pump], true, RESERVED)?;
//! let directory = sharing.directory();
//! directory.set_blueprint(dashboard, blueprint);
//! for (id, kind, site) in [("north", "site", "n"), ("south", "site", "s"), ("p1", "pump", "n"), ("p2", "pump", "s")] {
//!     directory.add_device_of(tenant, Resource::new("device", id).with_tag("type", kind).with_tag("site", site));
//! }
//!
//! let decision = sharing.authorize(olga, dashboard, Action::View).await?;
//! let resolution = sharing.resolve(&decision, &Choices::parse("Pump=p2")?).await?.expect("she may view it");
//! assert_eq!(resolution.address(), "Pump=p2&Site=south");
//! assert_eq!(resolution.listed("Site", None, 10).ids().collect::<Vec<_>>(), ["north", "south"]);
//! // A widget is read from what fills its slot, and from nothing else.
//! assert_eq!(resolution.placed("Pump")?.id.as_deref(), Some("p2"));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Rules: [B1](crate::specification), [B2](crate::specification), [B5](crate::specification).

mod address;
mod candidates;
mod choices;
mod compile;
mod explain;
mod kept;
mod lint;
mod resolution;
mod resolve;
mod slot;
mod tagoio;
mod ties;

pub use address::AddressError;
pub use candidates::Candidates;
pub use choices::Choices;
pub use compile::{Blueprint, CompileError, Compiled, RESERVED};
pub use explain::{SlotExplanation, SlotReach};
pub use kept::{Kept, SlotKey};
pub use lint::{Finding, Severity};
pub use resolution::{Listed, Resolution, SlotUnresolved};
pub use resolve::Why;
pub use slot::{Filter, Slot, SlotKind};
pub use tagoio::{DashboardError, TagoioDashboard};
pub(crate) use {
    candidates::Fixed,
    compile::Want,
    kept::{Scope, Who},
    resolve::{id_of, is_next},
};
