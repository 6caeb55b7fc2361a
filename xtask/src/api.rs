//! The public face of the library, a line for each item, with all features. `public-api.txt` holds it, so that a change
//! of the face shows as a line in a diff.

use crate::{Failure, cargo, root};
use public_api::{Builder, PublicApi};
use rustdoc_types::{Crate, FORMAT_VERSION, ItemEnum};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// As many names a reader may find at the crate's root.
const MOST_NAMES: usize = 61;
/// Where the listing stands.
const LISTING: &str = "xtask/public-api.txt";
/// What the compiler finds out by itself. Only a type that is not one of these is a line.
const MARKERS: [&str; 8] =
    ["Freeze", "RefUnwindSafe", "Send", "StructuralPartialEq", "Sync", "Unpin", "UnsafeUnpin", "UnwindSafe"];

/// Compares the face with its listing.
pub(crate) fn check() -> Result<String, Failure> {
    let json = documented()?;
    let (face, names) = (face(&json)?, names(&json)?);
    let listed = fs::read_to_string(root().join(LISTING))?;
    let changes = changes(&listed, &face);
    if !changes.is_empty() {
        return Err(format!(
            "{}\nThe public face differs from {LISTING} in {} lines. If that is meant: make api-renew",
            changes.join("\n"),
            changes.len()
        )
        .into());
    }
    within_reach(&names, face.len())
}

/// Writes the listing anew.
pub(crate) fn renew() -> Result<String, Failure> {
    let json = documented()?;
    let (face, names) = (face(&json)?, names(&json)?);
    fs::write(root().join(LISTING), face.join("\n") + "\n")?;
    within_reach(&names, face.len())
}

fn within_reach(names: &BTreeSet<String>, lines: usize) -> Result<String, Failure> {
    let told =
        format!("{lines} lines of public face, {} names at the root (at most {MOST_NAMES})", names.len());
    if names.len() <= MOST_NAMES {
        return Ok(told);
    }
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(format!("{}\n{told}", all.join(" ")).into())
}

/// Has rustdoc describe the library as JSON and says where.
fn documented() -> Result<PathBuf, Failure> {
    let unlocked = root().join("xtask/rustdoc");
    let describe =
        ["rustdoc", "--locked", "--quiet", "--lib", "--all-features", "--", "-Z", "unstable-options"];
    cargo(&[describe.as_slice(), &["--output-format", "json"]].concat(), &[("RUSTDOC", unlocked)])?;
    let metadata = cargo(&["metadata", "--locked", "--no-deps", "--format-version", "1"], &[])?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata)?;
    let target = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    let json = Path::new(target.ok_or("cargo does not say where it builds")?).join("doc/dashshare.json");
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&json)?)?;
    let format = written.get("format_version").and_then(serde_json::Value::as_u64);
    if format == Some(FORMAT_VERSION.into()) {
        return Ok(json);
    }
    Err(format!(
        "this rustdoc writes JSON of format {format:?} and xtask reads {FORMAT_VERSION}: take Rust 1.95, or change \
         `public-api` and `rustdoc-types` in xtask/Cargo.toml"
    )
    .into())
}

/// The items in the order of their paths. What is derived is there as one line for each trait.
fn face(json: &Path) -> Result<Vec<String>, Failure> {
    let listing = || Builder::from_rustdoc_json(json).omit_blanket_impls(true).omit_auto_trait_impls(true);
    let lines = |api: &PublicApi| api.items().map(ToString::to_string).collect::<Vec<_>>();
    let whole = Builder::from_rustdoc_json(json).omit_blanket_impls(true).build()?;
    let by_hand: BTreeSet<String> =
        lines(&listing().omit_auto_derived_impls(true).build()?).into_iter().collect();
    Ok(lines(&whole)
        .into_iter()
        .filter(|line| by_hand.contains(line) || line.starts_with("impl"))
        .filter(|line| !is_marker(line))
        .collect())
}

fn is_marker(line: &str) -> bool {
    let named = |marker: &&str| {
        line.contains(&format!(" core::marker::{marker} for "))
            || line.contains(&format!(" core::panic::unwind_safe::{marker} for "))
    };
    line.starts_with("impl") && MARKERS.iter().any(named)
}

/// The names at the crate's root, one that is two things counted once.
fn names(json: &Path) -> Result<BTreeSet<String>, Failure> {
    let described: Crate = serde_json::from_slice(&fs::read(json)?)?;
    let root = described.index.get(&described.root).ok_or("the crate has no root")?;
    let ItemEnum::Module(module) = &root.inner else { return Err("the crate's root is no module".into()) };
    let items = module.items.iter().filter_map(|id| described.index.get(id));
    items
        .map(|item| match &item.inner {
            ItemEnum::Use(used) if used.is_glob => {
                Err("a glob stands at the root: name what it brings".into())
            }
            ItemEnum::Use(used) => Ok(used.name.clone()),
            _ => item.name.clone().ok_or_else(|| "an item without a name stands at the root".into()),
        })
        .collect()
}

/// What is gone and what is new, as in a diff.
fn changes(listed: &str, face: &[String]) -> Vec<String> {
    let old: BTreeSet<&str> = listed.lines().collect();
    let new: BTreeSet<&str> = face.iter().map(String::as_str).collect();
    let gone = old.difference(&new).map(|line| format!("- {line}"));
    gone.chain(new.difference(&old).map(|line| format!("+ {line}"))).collect()
}
