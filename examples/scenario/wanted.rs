//! What a line wants to be answered, beside what it is answered.

use super::fields::Fields;
use serde_json::{Map, Value};

/// A line's `want`, or why it is none.
pub(super) fn of(fields: &Fields) -> Result<Option<&Map<String, Value>>, String> {
    if !fields.has("want") {
        return Ok(None);
    }
    match fields.get("want") {
        Ok(Value::Null) => Ok(None),
        Ok(Value::Object(members)) => Ok(Some(members)),
        _ => Err("`want` is not an object".to_owned()),
    }
}

/// The first member that is not there as wanted, in a sentence.
pub(super) fn difference(wanted: &Map<String, Value>, answer: &Value) -> Option<String> {
    wanted.iter().find_map(|(name, wanted)| differs(name, wanted, answer.get(name)))
}

/// Objects are compared by the members that are wanted, and all else as a whole; what is absent is `null`.
fn differs(place: &str, wanted: &Value, given: Option<&Value>) -> Option<String> {
    match (wanted, given) {
        (Value::Object(members), Some(given @ Value::Object(_))) => members
            .iter()
            .find_map(|(name, wanted)| differs(&format!("{place}.{name}"), wanted, given.get(name))),
        (wanted, given) if *wanted == *given.unwrap_or(&Value::Null) => None,
        (wanted, Some(given)) => Some(format!("`{place}` is {given}, not {wanted}")),
        (wanted, None) => Some(format!("`{place}` is missing, and should be {wanted}")),
    }
}
