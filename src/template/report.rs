//! What the owner decides before a template is made, and gets to know afterwards.

use super::{
    body::{Slot, Template},
    source,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the owner decides before a template is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// What becomes of texts in which names from the source were found.
    pub texts: Texts,
    /// Whether queries, formulas and scripts stand, marked as the sender's, in place of slots, unless they hold what looks
    /// like an id or a credential. They may say a good deal about the source, and they are somebody else's program to the recipient.
    pub keep_code: bool,
    /// Whether a field that the profile does not know is an error and not only reported.
    pub strict: bool,
    /// How large a document may be, and what is made of it.
    pub limits: Limits,
}

/// How much an extraction takes, which is the host's to change. The defaults are far above what somebody draws.
///
/// Rules: [G23](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest document, in bytes of JSON: 10,000,000 by default. What came as a value is measured as it is written
    /// without blanks.
    pub document_bytes: usize,
    /// The most slots that a template may have: 10,000 by default.
    pub slots: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { document_bytes: 10_000_000, slots: 10_000 }
    }
}

/// What becomes of texts in which names from the source were found.
///
/// Rules: [T5](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Texts {
    /// Nothing is extracted, and the owner is shown them.
    #[default]
    Ask,
    /// They stand: the owner has seen them.
    LetStand,
    /// They are left out.
    Blank,
}

/// A template and what became of the rest of the document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Extracted {
    /// The template.
    pub template: Template,
    /// The report, for the owner's eyes only: it tells of the source.
    pub report: Report,
}

/// What became of a document, for its owner: the paths may hold names of the source.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// How many leaves were kept.
    pub kept: usize,
    /// The slots.
    pub slots: Vec<Slot>,
    /// What the profile drops, by path and number.
    pub dropped: BTreeMap<String, usize>,
    /// What the profile does not know, by path and number.
    pub unknown: BTreeMap<String, usize>,
    /// Texts that hold names from the source, and words of the schema that do.
    pub texts: Vec<FoundText>,
    /// How many texts are kept otherwise than they were: without markup, links or what cannot be seen.
    pub changed: usize,
    /// How much code became slots, although it was to be kept, since it holds what looks like an id or a credential.
    pub code: usize,
}

/// A text that would be kept, with a name in it that was removed elsewhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[non_exhaustive]
pub struct FoundText {
    /// The text.
    pub text: String,
    /// The name.
    pub name: String,
}

/// Why there is no template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The document is no JSON, has a member twice, or is nested too deep.
    #[error("the document cannot be read")]
    Malformed(#[source] serde_json::Error),
    /// It is nested deeper than 64 levels, or what is left of the documents in its strings is much deeper.
    #[error("the document is nested deeper than {} levels", source::DEPTH)]
    TooDeep,
    /// So many of its parts, keyed by ids, are alike but for whom they refer to that finding an order of them which does
    /// not depend on their ids would take too long. No dashboard that somebody drew comes near to that.
    ///
    /// Rules: [T3](crate::specification).
    #[error(
        "too many parts of the document are alike but for what they refer to: their ids would show in their order"
    )]
    TooAlike,
    /// Something that was removed still stands in what is left. Nothing is given out.
    ///
    /// Rules: [T5](crate::specification).
    #[error("{} would have stayed in the template", counted(.0.len(), "removed id or credential", "removed ids or credentials"))]
    Leak(Vec<Leak>),
    /// Names from the source stand in texts that would be kept, and the owner has not been asked.
    ///
    /// Rules: [T5](crate::specification).
    #[error("{} of the source: let them stand, or blank them", counted(.0.texts.len(), "text holds a name", "texts hold names"))]
    AskOwner(Box<Report>),
    /// Nothing of the document can be kept: it is of another format or another version of it, it comes in an envelope
    /// that the profile does not know, or it is empty. The report names what was not known.
    ///
    /// Rules: [T6](crate::specification).
    #[error(
        "nothing of the document has a place in the profile: is it of this format, and without an envelope?"
    )]
    Foreign(Box<Report>),
    /// The document has what the profile does not know, and that was to be an error.
    #[error("the profile does not know {} of the document", counted(.0.unknown.len(), "place", "places"))]
    Unknown(Box<Report>),
    /// The document is longer than an extraction takes.
    ///
    /// Rules: [G23](crate::specification).
    #[error("a document may have {limit} bytes at most")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// The template would have more slots than anybody fills.
    ///
    /// Rules: [G23](crate::specification).
    #[error("a template may have {limit} slots at most, and this one would have {slots}")]
    TooManySlots {
        /// The most slots.
        limit: usize,
        /// How many there would be.
        slots: usize,
    },
}

impl ExtractError {
    /// The name of its kind, which stays the same whatever its sentence says.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::TooDeep => "too_deep",
            Self::TooAlike => "too_alike",
            Self::Leak(_) => "leak",
            Self::AskOwner(_) => "ask_owner",
            Self::Foreign(_) => "foreign_document",
            Self::Unknown(_) => "unknown_fields",
            Self::TooLarge { .. } => "document_too_large",
            Self::TooManySlots { .. } => "too_many_slots",
        }
    }
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Something removed that the detector found in what is left.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[non_exhaustive]
pub struct Leak {
    /// The place of the source that it was removed from.
    pub path: String,
    /// The text of the template that it was found in.
    pub text: String,
}
