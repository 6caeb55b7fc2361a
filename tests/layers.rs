//! The floors of `src/`: a file imports only from floors below its own.

use std::{collections::BTreeMap, fs, path::Path};

/// Lowest first. Files of one floor may not import each other, but for those named together.
const FLOORS: &[(&str, &[&str])] = &[
    ("0 values", &["value"]),
    ("1 policies, templates: nothing of sharing", &["policy", "template"]),
    ("1 what is stored", &["record"]),
    ("2 what a tenant allows", &["tenant"]),
    ("3 rules", &["sharing"]),
    ("4 decisions and answers", &["decision"]),
    ("5 what a host implements", &["host"]),
    ("6 the service", &["service"]),
    ("7 stores that come with the crate", &["stores"]),
    ("7 the suite for stores", &["conformance"]),
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, modules)| modules.contains(&module))
}

fn sources(folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder of src").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            found.insert(path.to_string_lossy().replace('\\', "/"), text);
        }
    }
}

/// The module a file belongs to: `sharing` for `src/sharing/share.rs`.
fn module(path: &str) -> &str {
    let below = path.rsplit_once("/src/").map_or(path, |(_, below)| below);
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

/// The modules named after `crate::`, in a grouped import or by path.
fn imports(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        let Some(group) = after.strip_prefix('{') else {
            found.push(
                after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned(),
            );
            continue;
        };
        let (mut depth, mut word, mut fresh) = (0, String::new(), true);
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                c if fresh && (c.is_alphanumeric() || c == '_') => word.push(c),
                _ if fresh && !word.is_empty() => {
                    found.push(std::mem::take(&mut word));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn a_file_imports_only_from_floors_below_its_own() {
    let mut files = BTreeMap::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let (mut problems, mut seen) = (Vec::new(), 0);
    for (path, text) in files.iter().filter(|(path, _)| module(path) != "lib") {
        let own = module(path);
        let Some(floor_of_own) = floor(own) else {
            problems.push(format!("`{own}` stands on no floor: add it to FLOORS, and to the map in lib.rs"));
            continue;
        };
        for import in imports(text) {
            let Some(floor_of_import) = floor(&import) else { continue };
            seen += 1;
            if import != own && floor_of_import >= floor_of_own {
                problems.push(format!(
                    "{path}: `{own}` (floor {}) imports `{import}` (floor {}): let it be passed in from above, or move \
                     what is shared down",
                    FLOORS[floor_of_own].0, FLOORS[floor_of_import].0
                ));
            }
        }
    }
    assert!(seen > 60, "only {seen} imports were seen: does this test still read the code?");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// D1: below the service there is no clock, no randomness and no waiting; time and bytes are arguments.
#[test]
fn rules_and_decisions_are_pure() {
    let mut files = BTreeMap::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let pure = |path: &str| {
        floor(module(path)) < floor("service") && !["lib", "store", "host"].contains(&module(path))
    };
    let mut checked = 0;
    for (path, text) in files.iter().filter(|(path, _)| pure(path)) {
        checked += 1;
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            for impure in [
                "async ",
                ".await",
                "SystemTime",
                "Instant::now",
                "rand::",
                "SysRng",
                "std::thread",
                "std::fs",
                "std::net",
            ] {
                assert!(
                    !line.contains(impure),
                    "{path}: `{impure}` does not belong below the service: {line}"
                );
            }
        }
    }
    assert!(checked > 20, "only {checked} files were checked");
}
