//! The template-only clone: a dashboard's structure travels, its data cannot.
//!
//! A [`Profile`] says what of a document format is structure. [`extract`] makes a [`Template`] of a document, which holds
//! none of the source's devices, ids, values, secrets or people, and [`fill`] makes a dashboard of a template with the
//! recipient's own devices. Both are pure: they read and write nothing.
//!
//! ```
//! use dashshare::template::{Fills, Options, Profile, Recipient, extract_json, fill};
//! use serde_json::json;
//!
//! let source = r#"{
//!     "dashboard": {"label": "Cold rooms", "arrangement": [{"widget_id": "67ffb39beff26b000aa52e6b", "x": 0, "y": 1}]},
//!     "widgets": [{
//!         "id": "67ffb39beff26b000aa52e6b", "type": "card", "label": "Air",
//!         "data": [{"origin": "67599bcd999d25000a9c10bd", "variables": ["temperature"]}],
//!         "mock_data": [{"result": [{"value": -18.4, "device": "67599bcd999d25000a9c10bd"}]}]
//!     }]
//! }"#;
//! let profile = Profile::tagoio();
//! let extracted = extract_json(source, &profile, Options::default())?;
//! let text = extracted.template.to_json().to_string();
//! assert!(text.contains("Cold rooms") && !text.contains("67599bcd999d25000a9c10bd") && !text.contains("18.4"));
//!
//! // The recipient's own device, and fresh ids within.
//! let slot = &extracted.template.slots()[0];
//! let fills: Fills = [(slot.name.clone(), json!("anns-sensor"))].into();
//! let mut drawn = 0;
//! let mut random = || { drawn += 1; [drawn; 16] };
//! let ann = Recipient {
//!     owner: "ann", accepts_code: false, partial: false,
//!     may_use: &|kind, device| kind == "device" && device == "anns-sensor",
//!     random: &mut random,
//! };
//! let clone = fill(&extracted.template, &profile, &fills, ann).map_err(|errors| format!("{errors:?}"))?;
//! assert_eq!(clone["widgets"][0]["data"][0]["origin"], "anns-sensor");
//! assert_eq!(clone["widgets"][0]["id"], clone["dashboard"]["arrangement"][0]["widget_id"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod canon;
mod detect;
mod extract;
mod fill;
mod format_words;
mod forms;
mod ids;
mod knot;
mod lexicon;
mod linter;
mod mail;
mod order;
mod profile;
mod report;
mod schema;
mod shape;
mod source;
mod symbols;
mod vocabulary;
mod walk;
mod words;

pub use body::{Slot, Template, TemplateError};
pub use extract::{extract, extract_json};
pub use fill::{FillError, Fills, Recipient, fill};
pub use linter::ProfileFinding;
pub(crate) use mail::mail_text;
pub use profile::{Profile, ProfileError};
pub use report::{ExtractError, Extracted, FoundText, Leak, Limits, Options, Report, Texts};
pub(crate) use words::is_clean;
