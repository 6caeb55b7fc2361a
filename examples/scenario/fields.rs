//! What a line holds, read member by member.

use dashshare::{EmailAddress, EmailError, Error, Expiry, Right, Rights, Timestamp, policy::Tag};
use serde_json::{Map, Value};
use std::fmt::Display;

/// Why a line has no answer: it is not in the language, or the library refused it.
pub(super) enum Problem {
    BadLine(String),
    BadEmail(String, EmailError),
    Refused(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

pub(super) fn bad<T>(reason: impl Display) -> Result<T, Problem> {
    Err(Problem::BadLine(reason.to_string()))
}

pub(super) fn address(text: &str) -> Result<EmailAddress, Problem> {
    text.parse().map_err(|error| Problem::BadEmail(text.to_owned(), error))
}

/// The members of a line.
pub(super) struct Fields(pub(super) Map<String, Value>);

pub(super) fn parse(text: &str) -> Result<Fields, Problem> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(Fields(members)),
        Ok(_) => bad("a line is a JSON object"),
        Err(error) => bad(format!("not JSON: {error}")),
    }
}

impl Fields {
    pub(super) fn get(&self, name: &str) -> Result<&Value, Problem> {
        match self.0.get(name) {
            Some(value) => Ok(value),
            None => bad(format!("`{name}` is missing")),
        }
    }

    /// A member that may be left out; `null` counts as left out.
    pub(super) fn optional<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a Self, &str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        match self.0.get(name) {
            None => Ok(None),
            Some(_) => self.nullable(name, read),
        }
    }

    pub(super) fn nullable<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a Self, &str) -> Result<T, Problem>,
    ) -> Result<Option<T>, Problem> {
        match self.get(name)? {
            Value::Null => Ok(None),
            _ => read(self, name).map(Some),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, Problem> {
        match self.get(name)?.as_str() {
            Some(text) => Ok(text),
            None => bad(format!("`{name}` is not a text")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let texts = self.get(name)?.as_array().and_then(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
        });
        match texts {
            Some(texts) => Ok(texts),
            None => bad(format!("`{name}` is not a list of texts")),
        }
    }

    pub(super) fn tags(&self, name: &str) -> Result<Vec<Tag>, Problem> {
        match serde_json::from_value(self.get(name)?.clone()) {
            Ok(tags) => Ok(tags),
            Err(_) => bad(format!("`{name}` is not a list of tags, each with a `key` and a `value`")),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name)?.as_bool() {
            Some(flag) => Ok(flag),
            None => bad(format!("`{name}` is neither true nor false")),
        }
    }

    pub(super) fn days(&self, name: &str) -> Result<u32, Problem> {
        match self.get(name)?.as_u64().and_then(|days| u32::try_from(days).ok()) {
            Some(days) => Ok(days),
            None => bad(format!("`{name}` is not a whole number from 0 on")),
        }
    }

    pub(super) fn instant(&self, name: &str) -> Result<Timestamp, Problem> {
        match self.text(name)?.parse() {
            Ok(instant) => Ok(instant),
            Err(error) => bad(format!("`{name}`: {error}")),
        }
    }

    pub(super) fn expiry(&self, name: &str) -> Result<Expiry, Problem> {
        match self.text(name)? {
            "never" => Ok(Expiry::Never),
            _ => self.instant(name).map(Expiry::At),
        }
    }

    pub(super) fn rights(&self, name: &str) -> Result<Rights, Problem> {
        let rights: Vec<Right> = match serde_json::from_value(self.get(name)?.clone()) {
            Ok(rights) => rights,
            Err(_) => return bad(format!("`{name}` is not a list of `view` and `export`")),
        };
        Ok(rights.into_iter().collect())
    }
}
