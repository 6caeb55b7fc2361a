//! The template-only clone: a dashboard's structure travels, its data cannot.
//!
//! A [`Profile`] says what of a document format is structure. [`extract`] makes a [`Template`] of a document, which holds
//! none of the source's devices, ids, values, secrets or people, and [`fill`] makes a dashboard of a template with the
//! recipient's own devices. Both are pure: they read and write nothing.

mod body;
mod detect;
mod extract;
mod fill;
mod order;
mod profile;
mod source;
mod vocabulary;

pub use body::{Slot, Template, TemplateError};
pub use extract::{ExtractError, Extracted, FoundText, Leak, Options, Report, Texts, extract, extract_json};
pub use fill::{FillError, Fills, Recipient, fill};
pub use profile::{Profile, ProfileError, ProfileFinding};
