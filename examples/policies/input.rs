//! What is read: files, and JSON, with the place of what is wrong.

use super::Trouble;
use dashshare::policy::{CompileError, Document, PolicySet, Principal};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    fs,
};

fn read(path: &OsStr) -> Result<String, Trouble> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| Trouble::File(format!("cannot read `{name}`: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to().saturating_add(1);
        Trouble::File(format!("`{name}` is not UTF-8: byte {place}"))
    })
}

/// An array of documents, no two of one id.
pub(crate) fn documents(path: &OsStr) -> Result<Vec<Document>, Trouble> {
    let name = path.display();
    let documents =
        Document::parse_all(&read(path)?).map_err(|error| Trouble::File(format!("`{name}`: {error}")))?;
    let mut places = HashMap::new();
    for (place, document) in documents.iter().enumerate() {
        if let Some(before) = places.insert(document.id(), place) {
            let id = document.id();
            let problem = format!("`{name}`: at `/{before}/id` and at `/{place}/id` is the same id `{id}`");
            return Err(Trouble::File(problem));
        }
    }
    Ok(documents)
}

/// The policies of a file, compiled.
pub(crate) fn policies(path: &OsStr, strict: bool) -> Result<PolicySet, Trouble> {
    let documents = documents(path)?;
    let compile = if strict { PolicySet::compile_strict } else { PolicySet::compile };
    compile(&documents).map(|compiled| compiled.set).map_err(|error| match error {
        CompileError::Inert(findings) => {
            let mut problem = format!("`{}` has what can never match:", path.display());
            for finding in findings {
                let pointer = pointer(&documents, finding.policy(), finding.pointer());
                problem.push_str(&format!("\n  at `{pointer}`: {}", finding.sentence()));
            }
            Trouble::File(problem)
        }
        error => Trouble::File(format!("`{}`: {error}", path.display())),
    })
}

/// Where in the file something of a policy is.
pub(crate) fn pointer(documents: &[Document], policy: &str, within: &str) -> String {
    let place = documents.iter().position(|document| document.id() == policy).unwrap_or_default();
    format!("/{place}{within}")
}

pub(crate) fn file<T: DeserializeOwned>(path: &OsStr) -> Result<T, Trouble> {
    json(&read(path)?).map_err(|problem| Trouble::File(format!("`{}`: {problem}", path.display())))
}

/// A principal as JSON, or as `@` and the name of a file.
pub(crate) fn principal(option: &str, value: OsString) -> Result<Principal, Trouble> {
    let Some(text) = value.to_str() else {
        return Err(Trouble::Usage(format!("`{option}` is not UTF-8")));
    };
    match text.strip_prefix('@') {
        Some(path) => file(OsStr::new(path)),
        None => json(text).map_err(|problem| Trouble::File(format!("`{option}`: {problem}"))),
    }
}

/// Reads a JSON text, or says what is wrong and where.
pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| problem(error.inner(), &pointer_of(error.path())))?;
    reader.end().map_err(|error| problem(&error, ""))?;
    Ok(value)
}

/// A line of requests has a number of its own, so that within a first line only the column is named.
fn problem(error: &serde_json::Error, pointer: &str) -> String {
    let (line, column) = (error.line(), error.column());
    let mut places = Vec::new();
    if !pointer.is_empty() {
        places.push(format!("`{pointer}`"));
    }
    if line > 1 {
        places.push(format!("line {line}"));
    }
    places.push(format!("column {column}"));
    let said = error.to_string();
    let what = said.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&said);
    format!("at {}: {what}", places.join(", "))
}

/// A JSON pointer (RFC 6901), as the library gives for documents.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}
