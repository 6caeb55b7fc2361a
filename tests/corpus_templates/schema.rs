//! A reading of profiles of its own, from their JSON.

use super::{Format, hand::Nothing};
use serde_json::{Map, Value};

pub(super) struct Schema {
    pub(super) root: Value,
    types: Map<String, Value>,
    vocabularies: Map<String, Value>,
}

impl Schema {
    pub(super) fn of(format: &Format) -> Self {
        let json: Value = serde_json::from_str(format.json).unwrap_or_default();
        let part = |name: &str| json.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        Self { root: json["root"].clone(), types: part("types"), vocabularies: part("vocabularies") }
    }

    /// The action of a node and what it is given.
    pub(super) fn action<'a>(&'a self, mut node: &'a Value) -> (&'a str, &'a Value) {
        loop {
            let (action, given) = match node {
                Value::String(action) => (action.as_str(), &Value::Null),
                Value::Object(members) => members
                    .iter()
                    .find(|(name, _)| !matches!(name.as_str(), "comment" | "acknowledged"))
                    .map_or(("drop", &Value::Null), |(name, given)| (name.as_str(), given)),
                _ => ("drop", &Value::Null),
            };
            match (action, given.as_str()) {
                ("ref", Some(name)) => node = &self.types[name],
                _ => return (action, given),
            }
        }
    }

    /// Whether a value may be of a vocabulary: no member of it is ever denied, a few others are taken for one.
    fn may_be(&self, vocabulary: &Value, value: &Value) -> bool {
        let text = value.as_str();
        let within = |bounds: &Value, number: f64| {
            bounds["min"].as_f64().is_some_and(|min| min <= number)
                && bounds["max"].as_f64().is_some_and(|max| number <= max)
        };
        match vocabulary {
            Value::String(open) if open == "bool" => value.is_boolean(),
            Value::String(_) => text.is_some_and(|text| text.len() <= 40 && !text.contains('!')),
            Value::Object(members) => members.iter().any(|(kind, of)| match kind.as_str() {
                "words" | "constants" | "numbers" => of.as_array().is_some_and(|of| of.contains(value)),
                "number" => value.as_f64().is_some_and(|number| within(of, number)),
                "number_text" => {
                    text.and_then(|text| text.parse().ok()).is_some_and(|number| within(of, number))
                }
                "any" => of.as_array().is_some_and(|of| of.iter().any(|one| self.may_be(one, value))),
                _ => true,
            }),
            _ => true,
        }
    }

    pub(super) fn keeps(&self, action: &str, given: &Value, value: &Value) -> bool {
        match action {
            "keep" => self.may_be(&self.vocabularies[given.as_str().unwrap_or_default()], value),
            "name" => value.as_str().is_some_and(may_be_name),
            "asset" => value.as_str().is_some_and(|url| {
                let hosts = given["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str);
                hosts.into_iter().any(|host| url.starts_with(&format!("https://{host}/")))
            }),
            _ => false,
        }
    }

    /// Whether a node of an `either` is fit for a value.
    pub(super) fn is_fit(&self, node: &Value, value: &Value) -> bool {
        let (action, given) = self.action(node);
        match action {
            "keep" | "name" | "asset" => self.keeps(action, given, value),
            "text" | "code" | "json" => value.is_string(),
            "slot" | "id" | "id_or_slot" => id_of(value).is_some(),
            "object" | "map" | "variant" => value.is_object(),
            "array" => value.is_array(),
            _ => true,
        }
    }

    pub(super) fn case<'a>(&'a self, given: &'a Value, value: &Value) -> &'a Value {
        let word = given["on"].as_str().and_then(|on| value.get(on)).and_then(Value::as_str);
        word.and_then(|word| given["cases"].get(word)).unwrap_or(&given["other"])
    }

    /// What a place may hold of which nothing is kept.
    pub(super) fn nothing(&self, node: &Value) -> Nothing {
        let (action, given) = self.action(node);
        match action {
            // Whatever id stands where the document defines its ids is one.
            "id" if given["defines"] == true => Nothing::NoId,
            "keep" | "name" | "asset" | "id" => Nothing::Strange,
            "text" | "json" | "code" => Nothing::NoText,
            "slot" | "id_or_slot" => Nothing::NoId,
            "object" | "map" | "variant" => Nothing::NoObject,
            "array" => Nothing::NoArray,
            "either" => Nothing::Empty,
            _ => Nothing::Any,
        }
    }
}

pub(super) fn may_be_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_alphanumeric() || "_-.:/ %#".contains(c))
}

pub(super) fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    ["null", "\"\"", "[]", "{}"].contains(&value.to_string().as_str())
}
