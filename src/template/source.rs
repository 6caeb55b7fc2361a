//! Source documents, read strictly.

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep a document may be.
pub(super) const DEPTH: usize = 64;

/// How deep a template may be: markers and what stands around the body nest a little deeper than the document did,
/// and documents in strings as deep as all of them together. The parser itself ends at 128.
pub(super) const TEMPLATE_DEPTH: usize = 120;

/// Reads a document. A member that stands twice, and what is nested deeper than 64 levels, is an error: whoever reads
/// the document elsewhere may see another one of the two.
pub(super) fn parse(json: &str) -> Result<Value, serde_json::Error> {
    parse_to(json, DEPTH)
}

/// The same, to another depth.
pub(super) fn parse_to(json: &str, depth: usize) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = Strict(depth).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Whether a document that was read elsewhere is shallow enough.
pub(super) fn is_shallow(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => {
            depth > 0 && items.iter().all(|item| is_shallow(item, depth.saturating_sub(1)))
        }
        Value::Object(members) => {
            depth > 0 && members.values().all(|item| is_shallow(item, depth.saturating_sub(1)))
        }
        _ => true,
    }
}

struct Strict(usize);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let below = self.0.checked_sub(1).ok_or_else(|| A::Error::custom("nested too deep"))?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict(below))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let below = self.0.checked_sub(1).ok_or_else(|| A::Error::custom("nested too deep"))?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict(below))?;
            if let Some(before) = object.insert(name, value) {
                drop(before);
                return Err(A::Error::custom("a member stands here twice"));
            }
        }
        Ok(Value::Object(object))
    }
}
