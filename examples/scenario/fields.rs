//! What a line holds, read member by member. Nothing here knows the world, and nothing changes it.

use dashshare::{
    EmailAddress, EmailError, Expiry, Right, Rights, Timestamp, blueprint::AddressError, policy::Tag,
};
use serde_json::{Map, Value};
use std::{cell::RefCell, collections::BTreeSet, fmt::Display};

/// Why a line is not in the language.
pub(super) enum Problem {
    BadLine(String),
    BadEmail(String, EmailError),
    BadAddress(AddressError),
}

pub(super) fn bad<T>(reason: impl Display) -> Result<T, Problem> {
    Err(Problem::BadLine(reason.to_string()))
}

pub(super) fn address(text: &str) -> Result<EmailAddress, Problem> {
    text.parse().map_err(|error| Problem::BadEmail(text.to_owned(), error))
}

/// The name that the host acts by. No account is called so.
pub(super) const HOST: &str = "host";

/// The name of an account.
#[derive(Clone, Copy)]
pub(super) struct Name<'a>(pub(super) &'a str);

/// Whom something goes to.
pub(super) enum With<'a> {
    Account(Name<'a>),
    Address(EmailAddress),
}

/// Who gives a command.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    Account(Name<'a>),
    Host,
}

/// The members of an object, and which of them somebody has asked for.
pub(super) struct Fields {
    members: Map<String, Value>,
    asked: RefCell<BTreeSet<String>>,
    /// Whether a member that nobody asks for is a mistake.
    pub(super) strict: bool,
}

pub(super) fn parse(text: &str, strict: bool) -> Result<Fields, Problem> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(Fields::new(members, strict)),
        Ok(_) => bad("a line is a JSON object"),
        Err(error) => bad(format!("not JSON: {error}")),
    }
}

impl Fields {
    pub(super) fn new(members: Map<String, Value>, strict: bool) -> Self {
        Self { members, asked: RefCell::default(), strict }
    }

    /// To be called when all that could be asked for has been: refuses what is left over, if that is a mistake.
    pub(super) fn end(&self) -> Result<(), Problem> {
        let asked = self.asked.borrow();
        match self.members.keys().find(|name| !asked.contains(*name)) {
            Some(name) if self.strict => bad(format!("there is no member `{name}` here")),
            _ => Ok(()),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.asked.borrow_mut().insert(name.to_owned());
        self.members.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Result<&Value, Problem> {
        self.asked.borrow_mut().insert(name.to_owned());
        match self.members.get(name) {
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
        if self.has(name) { self.nullable(name, read) } else { Ok(None) }
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

    /// The label that a line gives to what it makes: its `as`, or one by the number of the line.
    pub(super) fn label(&self, letter: char, line: usize) -> Result<String, Problem> {
        Ok(self.optional("as", Self::text)?.map_or(format!("{letter}{line}"), str::to_owned))
    }

    pub(super) fn name<'a>(&'a self, name: &str) -> Result<Name<'a>, Problem> {
        match self.text(name)? {
            HOST => bad(format!("`{HOST}` is the host itself, and not the name of an account")),
            label if label.is_empty() || label.contains('@') => {
                bad(format!("`{label}` is not the name of an account"))
            }
            label => Ok(Name(label)),
        }
    }

    pub(super) fn by<'a>(&'a self, name: &str) -> Result<By<'a>, Problem> {
        if self.text(name)? == HOST { Ok(By::Host) } else { self.name(name).map(By::Account) }
    }

    pub(super) fn with<'a>(&'a self, name: &str) -> Result<With<'a>, Problem> {
        match self.text(name)? {
            text if text.contains('@') => address(text).map(With::Address),
            _ => self.name(name).map(With::Account),
        }
    }

    pub(super) fn list<'a>(&'a self, name: &str) -> Result<&'a Vec<Value>, Problem> {
        match self.get(name)?.as_array() {
            Some(list) => Ok(list),
            None => bad(format!("`{name}` is not a list")),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let texts = self.list(name).ok().and_then(|list| {
            list.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
        });
        match texts {
            Some(texts) => Ok(texts),
            None => bad(format!("`{name}` is not a list of texts")),
        }
    }

    pub(super) fn tags(&self, name: &str) -> Result<Vec<Tag>, Problem> {
        let value = self.get(name)?;
        for tag in value.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let tag = Self::new(tag.clone(), self.strict);
            let _ = (tag.has("key"), tag.has("value"));
            tag.end()?;
        }
        match serde_json::from_value(value.clone()) {
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
