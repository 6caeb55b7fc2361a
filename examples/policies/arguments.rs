//! The command line, taken apart by hand: each command takes what it knows away, and nothing may be left.

use super::Trouble;
use std::ffi::OsString;

pub(crate) struct Arguments(Vec<OsString>);

impl Arguments {
    pub(crate) fn of_process() -> Self {
        Self(std::env::args_os().skip(1).collect())
    }

    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let place = self.0.iter().position(|argument| argument == name);
        place.map(|place| self.0.remove(place)).is_some()
    }

    /// An option with its value, which follows it.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<OsString>, Trouble> {
        let Some(place) = self.0.iter().position(|argument| argument == name) else { return Ok(None) };
        self.0.remove(place);
        match self.0.get(place) {
            Some(value) if !is_option(value) => Ok(Some(self.0.remove(place))),
            _ => Err(Trouble::Usage(format!("`{name}` needs a value"))),
        }
    }

    pub(crate) fn needed(&mut self, name: &str) -> Result<OsString, Trouble> {
        self.option(name)?.ok_or_else(|| Trouble::Usage(format!("`{name}` is missing")))
    }

    /// What comes next. It is asked for when all options are taken.
    pub(crate) fn next(&mut self, what: &str) -> Result<OsString, Trouble> {
        match self.0.first() {
            None => Err(Trouble::Usage(format!("{what} is missing"))),
            Some(option) if is_option(option) => Err(unexpected(option)),
            Some(_) => Ok(self.0.remove(0)),
        }
    }

    pub(crate) fn end(&self) -> Result<(), Trouble> {
        self.0.first().map_or(Ok(()), |left| Err(unexpected(left)))
    }
}

fn is_option(argument: &OsString) -> bool {
    argument.as_encoded_bytes().starts_with(b"-")
}

/// An option that the command does not have, one that was given twice, or a file too many.
fn unexpected(argument: &OsString) -> Trouble {
    Trouble::Usage(format!("`{}` is one too many, or none that this command has", argument.display()))
}
