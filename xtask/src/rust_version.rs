//! What the dependencies ask of the compiler, against what the library says it needs. Only what a host builds counts:
//! normal and build dependencies. What the library's own code uses is clippy's business (`incompatible_msrv`).

use crate::{Failure, cargo};
use semver::Version;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Checks each set of features against the version that Cargo.toml promises for it.
pub(crate) fn check() -> Result<String, Failure> {
    let mut told = Vec::new();
    for features in ["", "conformance", "sqlite", "postgres"] {
        let arguments = ["metadata", "--locked", "--format-version", "1", "--features", features];
        let metadata: Value = serde_json::from_slice(&cargo(&arguments, &[])?)?;
        told.push(judge(&metadata, features)?);
    }
    Ok(told.join("\n"))
}

fn judge(metadata: &Value, features: &str) -> Result<String, Failure> {
    let root = text(metadata, "/resolve/root")?;
    let packages = by_id(list(metadata, "/packages")?, "/id")?;
    let package = packages.get(root).ok_or("the root is no package")?;
    let promise = match features {
        "sqlite" | "postgres" => text(package, "/metadata/dashshare/rust-version-with-stores")?,
        _ => text(package, "/rust_version")?,
    };
    let promised = version(promise)?;
    let built = built(metadata, root)?;
    let mut asked = Vec::new();
    for id in &built {
        let package = packages.get(id).ok_or("a dependency is no package")?;
        if let Some(asks) = package.get("rust_version").and_then(Value::as_str) {
            asked.push((
                version(asks)?,
                format!("{} {}", text(package, "/name")?, text(package, "/version")?),
            ));
        }
    }
    asked.sort();
    let named = if features.is_empty() { "no feature" } else { features };
    let above: Vec<String> = asked
        .iter()
        .filter(|(asks, _)| *asks > promised)
        .map(|(asks, name)| format!("{name} asks for Rust {asks}"))
        .collect();
    if !above.is_empty() {
        return Err(format!("{named}: Rust {promise} is promised, and {}", above.join(", ")).into());
    }
    let (most, by) = asked.last().ok_or("nothing says which Rust it needs")?;
    Ok(format!("{named}: Rust {promise} is promised; {} packages, the most is {most}, by {by}", built.len()))
}

/// The packages that a host builds, the root among them.
fn built<'a>(metadata: &'a Value, root: &'a str) -> Result<BTreeSet<&'a str>, Failure> {
    let nodes = by_id(list(metadata, "/resolve/nodes")?, "/id")?;
    let (mut built, mut ahead) = (BTreeSet::new(), vec![root]);
    while let Some(id) = ahead.pop() {
        if !built.insert(id) {
            continue;
        }
        for dependency in list(nodes.get(id).ok_or("a dependency is not resolved")?, "/deps")? {
            let kinds = list(dependency, "/dep_kinds")?;
            if kinds.iter().any(|kind| kind.get("kind").and_then(Value::as_str) != Some("dev")) {
                ahead.push(text(dependency, "/pkg")?);
            }
        }
    }
    Ok(built)
}

fn by_id<'a>(entries: &'a [Value], key: &str) -> Result<BTreeMap<&'a str, &'a Value>, Failure> {
    entries.iter().map(|entry| Ok((text(entry, key)?, entry))).collect()
}

fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Failure> {
    let entries = value.pointer(path).and_then(Value::as_array);
    Ok(entries.ok_or_else(|| format!("no list at {path} of cargo's metadata"))?)
}

fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, Failure> {
    let text = value.pointer(path).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("no text at {path} of cargo's metadata"))?)
}

/// A version as Cargo.toml writes it, which may leave the last number out.
fn version(written: &str) -> Result<Version, Failure> {
    let whole = if written.matches('.').count() < 2 { format!("{written}.0") } else { written.to_owned() };
    Version::parse(&whole).map_err(|wrong| format!("`{written}` is no version: {wrong}").into())
}
