//! The grammar of targets and resources (P1), and the principals and resources that they match.

use crate::value::{Object, Shown, Tag};
use serde::{Deserialize, Serialize};

/// Who may be aimed at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum PrincipalKind {
    /// A user of the portal, the anonymous one among them.
    RunUser,
    /// A program that runs on the platform.
    Analysis,
}

impl TryFrom<String> for PrincipalKind {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Self::of_word(&word).ok_or_else(|| format!("`{}` is neither `run_user` nor `analysis`", Shown(&word)))
    }
}

impl PrincipalKind {
    pub(super) const ALL: [Self; 2] = [Self::RunUser, Self::Analysis];

    /// The kind as documents spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::RunUser => "run_user",
            Self::Analysis => "analysis",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "Object<PrincipalFields>")]
pub struct Principal {
    /// Its kind.
    pub kind: PrincipalKind,
    /// Its id, as policies name it.
    pub id: String,
    /// Its tags, in any order.
    pub tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct PrincipalFields {
    kind: PrincipalKind,
    id: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl From<Object<PrincipalFields>> for Principal {
    fn from(Object(fields): Object<PrincipalFields>) -> Self {
        let PrincipalFields { kind, id, tags } = fields;
        Self { kind, id, tags }
    }
}

impl Principal {
    /// A portal user of this id, without tags.
    pub fn run_user(id: impl Into<String>) -> Self {
        Self { kind: PrincipalKind::RunUser, id: id.into(), tags: Vec::new() }
    }

    /// An analysis of this id, without tags.
    pub fn analysis(id: impl Into<String>) -> Self {
        Self { kind: PrincipalKind::Analysis, id: id.into(), tags: Vec::new() }
    }

    /// The same with one tag more.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push(Tag::new(key, value));
        self
    }
}

/// What is asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(from = "Object<ResourceFields>")]
pub struct Resource {
    /// Its kind: `dashboard`, `device`, `file` …
    pub kind: String,
    /// Its id, as policies name it; `None` for what does not exist yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its tags, in any order.
    pub tags: Vec<Tag>,
    /// The path of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

#[derive(Deserialize)]
struct ResourceFields {
    kind: String,
    id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    path: Option<String>,
}

impl From<Object<ResourceFields>> for Resource {
    fn from(Object(fields): Object<ResourceFields>) -> Self {
        let ResourceFields { kind, id, tags, path } = fields;
        Self { kind, id, tags, path }
    }
}

impl Resource {
    /// A resource of this kind and id, without tags.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: Some(id.into()), tags: Vec::new(), path: None }
    }

    /// The same with one tag more.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push(Tag::new(key, value));
        self
    }
}

/// How a target or a resource is matched.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Form<'a> {
    Any,
    Id(&'a str),
    Tag(&'a str, &'a str),
    TagMatch(&'a str),
    Path(&'a str),
}

/// What a tuple stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Whom a policy is aimed at.
    Target,
    /// What a rule is about.
    Resource,
}

/// Why a tuple can never match.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Misshape {
    Empty,
    /// It has this many words.
    Length(usize),
    UnknownSeparator(String),
    /// The words of a tag pair are the wrong way round.
    Swapped,
    /// A path on something that is no file, or in a target.
    PathElsewhere,
}

/// Reads a tuple: its head, and how it matches. Never cuts a longer one to fit (P6).
pub(super) fn read(tuple: &[Box<str>], role: Role) -> Result<(&str, Form<'_>), Misshape> {
    let mut words = [""; 5];
    for (word, given) in words.iter_mut().zip(tuple) {
        *word = given;
    }
    let [head, first, second, third, fourth] = words;
    let form = match (tuple.len(), first, third) {
        (0, ..) => return Err(Misshape::Empty),
        (1, ..) => Form::Any,
        (3, "id", _) => Form::Id(second),
        (3, "tag_match", _) => Form::TagMatch(second),
        (3, "path", _) if role == Role::Resource && head == "file" => Form::Path(second),
        (3, "path", _) => return Err(Misshape::PathElsewhere),
        (5, "tag.key", "tag.value") => Form::Tag(second, fourth),
        (5, "tag.value", "tag.key") => return Err(Misshape::Swapped),
        (5, "tag.key", word) | (3 | 5, word, _) => return Err(Misshape::UnknownSeparator(word.to_owned())),
        (length, ..) => return Err(Misshape::Length(length)),
    };
    Ok((head, form))
}

impl Form<'_> {
    /// Whether a target of this form aims at a principal of the right kind.
    pub(super) fn aims_at(self, principal: &Principal) -> bool {
        let tags = &principal.tags;
        match self {
            Form::Any => true,
            Form::Id(id) => principal.id == id,
            Form::Tag(key, value) => tags.iter().any(|tag| tag.key == key && tag.value == value),
            Form::TagMatch(key) => tags.iter().any(|tag| tag.key == key),
            Form::Path(_) => false,
        }
    }

    /// Whether a rule of this form is about a resource of the right kind, when this principal asks.
    pub(super) fn is_about(self, principal: &Principal, resource: &Resource) -> bool {
        let tags = &resource.tags;
        match self {
            Form::Any => true,
            Form::Id(id) => resource.id.as_deref() == Some(id),
            Form::Tag(key, value) => tags.iter().any(|tag| tag.key == key && tag.value == value),
            Form::TagMatch(key) => have_in_common(principal, resource, key),
            Form::Path(prefix) => resource.path.as_deref().is_some_and(|path| path.starts_with(prefix)),
        }
    }
}

/// Above this many pairs to compare, the tags are put into a table first.
const PAIRS: usize = 4096;

/// Whether a principal and a resource carry one value of this key in common (P2).
fn have_in_common(principal: &Principal, resource: &Resource, key: &str) -> bool {
    let values = |tags: &'_ [Tag]| tags.iter().filter(move |tag| tag.key == key).count();
    let mut of_resource = resource.tags.iter().filter(|tag| tag.key == key);
    if principal.tags.len().saturating_mul(resource.tags.len()) > PAIRS
        && values(&principal.tags).saturating_mul(values(&resource.tags)) > PAIRS
    {
        let table: hashbrown::HashSet<&str> =
            principal.tags.iter().filter(|tag| tag.key == key).map(|tag| tag.value.as_str()).collect();
        return of_resource.any(|tag| table.contains(tag.value.as_str()));
    }
    of_resource.any(|tag| principal.tags.contains(tag))
}
