//! Source documents, read strictly.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, Value};
use std::{borrow::Cow, collections::BTreeSet, fmt, io};

/// How deep a document may be.
pub(super) const DEPTH: usize = 64;

/// How deep a template may be: markers and what stands around the body nest a little deeper than the document did,
/// and documents in strings as deep as all of them together. The parser itself ends at 128.
pub(super) const TEMPLATE_DEPTH: usize = 120;

/// A document. Its texts stand where they were read, as far as they hold no escapes: most of them are only looked at.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Tree<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Tree<'a>>),
    Object(Members<'a>),
}

/// The members of an object, in the order of their names.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Tree<'a>)>);

impl<'a> Members<'a> {
    /// Sorts them. `None` if one stands twice.
    fn of(mut members: Vec<(Cow<'a, str>, Tree<'a>)>) -> Option<Self> {
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut beside = members.iter().zip(members.iter().skip(1));
        let twice = beside.any(|((one, _), (other, _))| one == other);
        (!twice).then_some(Self(members))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Tree<'a>> {
        let place = self.0.binary_search_by(|(of, _)| (**of).cmp(name)).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Tree<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> Tree<'a> {
    /// A document that was read elsewhere; `None` if it is too deep.
    pub(super) fn of(value: &'a Value, depth: usize) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(items) => {
                let below = depth.checked_sub(1)?;
                Self::List(items.iter().map(|item| Self::of(item, below)).collect::<Option<_>>()?)
            }
            Value::Object(members) => {
                let below = depth.checked_sub(1)?;
                let member = |(name, value): (&'a String, &'a Value)| {
                    Some((Cow::Borrowed(name.as_str()), Self::of(value, below)?))
                };
                Self::Object(Members::of(members.iter().map(member).collect::<Option<_>>()?)?)
            }
        })
    }

    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.to_string()),
            Self::List(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                members.iter().map(|(name, value)| (name.to_owned(), value.to_value())).collect()
            }
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_object(&self) -> Option<&Members<'a>> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// An id as text: what is neither a text nor a whole number is none, and neither is an empty one.
    pub(super) fn as_id(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
            Self::Number(number) if number.is_u64() || number.is_i64() => {
                Some(Cow::Owned(number.to_string()))
            }
            _ => None,
        }
    }

    /// The member of this name, if it is an object that has one.
    pub(super) fn get(&self, name: &str) -> Option<&Tree<'a>> {
        self.as_object()?.get(name)
    }

    /// Whether it is null, or nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Object(members) => members.len() == 0,
            Self::Bool(_) | Self::Number(_) => false,
        }
    }
}

/// Whether a document has so many bytes at most when it is written without blanks. What is longer is not written to its
/// end.
pub(super) fn fits(document: &Value, limit: usize) -> bool {
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(limit), document).is_ok()
}

/// Reads a document. A member that stands twice, and what is nested deeper than 64 levels, is an error: whoever reads
/// the document elsewhere may see another one of the two.
pub(super) fn parse(json: &str) -> Result<Tree<'_>, serde_json::Error> {
    parse_to(json, DEPTH)
}

/// The same, to another depth.
pub(super) fn parse_to(json: &str, depth: usize) -> Result<Tree<'_>, serde_json::Error> {
    // Members that stand twice are found once all are sorted, which is cheaper than to look for each among those before
    // it, but late. Only what is in error is read again, so that the error names the first place.
    read(json, Strict { depth, at_once: false }).or_else(|_| read(json, Strict { depth, at_once: true }))
}

fn read(json: &str, strict: Strict) -> Result<Tree<'_>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let tree = strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(tree)
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
    /// Whether a member that stands twice is an error where it stands, and not where its object ends.
    at_once: bool,
}

impl Strict {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Tree<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// A name that stands where it was read, if it can.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

const TWICE: &str = "a member stands here twice";

impl<'de> Visitor<'de> for Strict {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree<'de>, E> {
        Ok(Number::from_f64(value).map_or(Tree::Null, Tree::Number))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree<'de>, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree<'de>, A::Error> {
        let below = self.below()?;
        let (mut object, mut names) = (Vec::new(), BTreeSet::new());
        while let Some(Name(name)) = members.next_key()? {
            let value = members.next_value_seed(below)?;
            if self.at_once && !names.insert(name.clone()) {
                return Err(A::Error::custom(TWICE));
            }
            object.push((name, value));
        }
        Members::of(object).map(Tree::Object).ok_or_else(|| A::Error::custom(TWICE))
    }
}
