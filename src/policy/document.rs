//! The document: TagoIO's access-management policy, kept as it came.

use crate::value::{Object, Shown, Tag, pointer, shown};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::value::StrDeserializer};
use serde_json::value::RawValue;
use std::{fmt, sync::Arc};

/// One access-management policy, as its author wrote it.
///
/// It is read once, checked for shape, and written as the very text it was read from: unknown fields, the order of
/// members and the spelling of numbers stay. A copy shares the text.
///
/// `id`, `targets` and `permissions` must be there; `active` is true, `tags` and `name` are empty if left out. What is
/// well formed and yet can never match is no error here: [`lint`](super::lint) finds it.
///
/// With serde it is read and written by `serde_json` alone. The text is kept only if it is read from text directly: by
/// way of a `serde_json::Value` the members come sorted, and within a tagged or flattened enum it cannot be read.
///
/// Rules: [P1](crate::specification).
///
/// ```
/// use dashshare::policy::Document;
/// let text = r#"{"id":"p1", "targets":[["run_user"]], "permissions":[], "profile":"5f", "shade":1.50}"#;
/// let document = Document::parse(text)?;
/// assert_eq!((document.id(), document.is_active()), ("p1", true));
/// assert_eq!(serde_json::to_string(&document)?, text);
///
/// let error = Document::parse(r#"{"id":"p1","targets":[["run_user",7]],"permissions":[]}"#).unwrap_err();
/// assert_eq!(error.pointer(), "/targets/0/1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Document(Arc<Inner>);

struct Inner {
    text: Box<RawValue>,
    fields: Fields,
}

#[derive(Clone, Deserialize)]
struct Fields {
    id: Box<str>,
    #[serde(default)]
    name: Box<str>,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    targets: Vec<Tuple>,
    #[serde(deserialize_with = "objects")]
    permissions: Vec<Permission>,
}

fn yes() -> bool {
    true
}

/// A target or a resource: one, three or five words.
///
/// Rules: [P1](crate::specification).
pub type Tuple = Vec<Box<str>>;

/// One rule of a policy: what it does to which actions on which resource.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Permission {
    /// Whether it allows or denies.
    #[serde(deserialize_with = "effect")]
    pub effect: Effect,
    /// The actions, any of which it is about.
    pub action: Vec<Box<str>>,
    /// The resources that it is about.
    pub resource: Tuple,
}

/// What a rule does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It lets through, unless a deny matches as well.
    Allow,
    /// It denies, whatever allows.
    ///
    /// Rules: [P3](crate::specification).
    Deny,
}

fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(it)| it).collect())
}

/// An effect, which is a word: serde alone takes `{"allow": null}` for it as well.
fn effect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Effect, D::Error> {
    let word = Box::<str>::deserialize(deserializer)?;
    Effect::deserialize(StrDeserializer::new(&word))
}

impl Document {
    /// Reads one document.
    ///
    /// # Errors
    /// With the place of what is not JSON, is missing, or has a wrong type.
    pub fn parse(json: &str) -> Result<Self, DocumentError> {
        let text: &RawValue = serde_json::from_str(json).map_err(|error| DocumentError::not_json(&error))?;
        Self::of_text(text.to_owned(), "")
    }

    /// Reads an array of documents.
    ///
    /// # Errors
    /// With the place of what is not JSON, is missing, or has a wrong type.
    pub fn parse_all(json: &str) -> Result<Vec<Self>, DocumentError> {
        let texts: Vec<Box<RawValue>> =
            serde_json::from_str(json).map_err(|error| DocumentError::not_json(&error))?;
        let place = |(index, text)| Self::of_text(text, &format!("/{index}"));
        texts.into_iter().enumerate().map(place).collect()
    }

    pub(super) fn of_text(text: Box<RawValue>, above: &str) -> Result<Self, DocumentError> {
        let mut reader = serde_json::Deserializer::from_str(text.get());
        let Object(fields) = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| DocumentError::at(format!("{above}{}", pointer(error.path())), error.inner()))?;
        Ok(Self(Arc::new(Inner { text, fields })))
    }

    /// The document as it came.
    pub fn json(&self) -> &str {
        self.0.text.get()
    }

    /// Its id, by which a set knows it.
    pub fn id(&self) -> &str {
        &self.0.fields.id
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        &self.0.fields.name
    }

    /// Whether it counts.
    ///
    /// Rules: [P3](crate::specification).
    pub fn is_active(&self) -> bool {
        self.0.fields.active
    }

    /// The tags of the policy itself. They take no part in decisions.
    pub fn tags(&self) -> &[Tag] {
        &self.0.fields.tags
    }

    /// The principals that it is aimed at, any of them.
    pub fn targets(&self) -> &[Tuple] {
        &self.0.fields.targets
    }

    /// Its rules.
    pub fn permissions(&self) -> &[Permission] {
        &self.0.fields.permissions
    }

    /// The document with one rule less, for a what-if; its text stays.
    pub(super) fn without_rule(&self, rule: usize) -> Self {
        let mut fields = self.0.fields.clone();
        if rule < fields.permissions.len() {
            fields.permissions.remove(rule);
        }
        Self(Arc::new(Inner { text: self.0.text.clone(), fields }))
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Document {
    /// Two documents are equal if they are the same text.
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Eq for Document {}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Document").field(&self.id()).finish()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Self::of_text(text, "").map_err(serde::de::Error::custom)
    }
}

/// A text that is no policy document, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {problem}", if .pointer.is_empty() { "at the root".to_owned() } else { format!("at `{}`", Shown(.pointer)) })]
pub struct DocumentError {
    pointer: String,
    problem: String,
}

impl DocumentError {
    fn not_json(problem: &serde_json::Error) -> Self {
        Self { pointer: String::new(), problem: shown(problem) }
    }

    /// The pointer is the place; the reader's lines and columns are those of one document out of a whole text.
    fn at(pointer: String, problem: &serde_json::Error) -> Self {
        let problem = shown(problem);
        let place = problem.rfind(" at line ").unwrap_or(problem.len());
        Self { pointer, problem: problem.get(..place).unwrap_or_default().to_owned() }
    }

    /// The place, as a JSON pointer (RFC 6901); empty for the whole text. A field that is missing is reported at the
    /// object that lacks it.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}
