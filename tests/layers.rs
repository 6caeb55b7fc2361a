//! The floors of `src/`: a folder imports only from folders below its own, no two files import each other, and what
//! decides knows neither clock nor store.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Lowest first. Folders of one floor do not import each other.
const FLOORS: &[(&str, &[&str])] = &[
    ("0 values", &["value"]),
    ("1 policies, templates, locks and rate limits", &["policy", "template", "lock", "limit"]),
    ("2 what is stored", &["record"]),
    ("3 what a tenant allows, and blueprints", &["tenant", "blueprint"]),
    ("4 rules", &["sharing"]),
    ("5 decisions and answers", &["decision"]),
    ("6 metering", &["meter"]),
    ("7 what a host implements", &["host"]),
    ("8 the service", &["service"]),
    ("9 stores", &["stores"]),
    ("10 what stores and reading functions are checked by", &["conformance"]),
];

/// How many entries a stranger can take in at a glance.
const ENTRIES_AT_THE_TOP: usize = 15;

fn floor(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, folders)| folders.contains(&folder))
}

/// A file as its module path below the crate: `sharing/share` for `src/sharing/share.rs`, `sharing` for its `mod.rs`.
type Module = String;

struct Sources(BTreeMap<Module, String>);

impl Sources {
    fn read() -> Self {
        let mut found = BTreeMap::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of src").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let below = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
                let Some(module) = below.strip_suffix(".rs") else { continue };
                let module = module.strip_suffix("/mod").unwrap_or(module).to_owned();
                let text = fs::read_to_string(&path).expect("a source file");
                found.insert(module, code(&text));
            }
        }
        Self(found)
    }

    /// The file that a path leads to, seen from a module: through what the roots of folders re-export, too. `None` for
    /// what is not the crate's.
    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Option<Module> {
        if depth > 8 {
            return None;
        }
        let mut at: Vec<&str> = Vec::new();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => rest = &path[1..],
            "super" => {
                at = parent(from);
                rest = &path[1..];
                while rest.first().is_some_and(|segment| segment == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            "self" => {
                at = from.split('/').collect();
                rest = &path[1..];
            }
            first => {
                // A path without a head may lead into a module that this file declares.
                let below = format!("{from}/{first}");
                if !self.0.contains_key(&below) {
                    return None;
                }
                at = from.split('/').collect();
            }
        }
        // As far down as there are files.
        let mut module = at.join("/");
        while let Some(next) = rest.first() {
            let below = if module.is_empty() { next.clone() } else { format!("{module}/{next}") };
            if !self.0.contains_key(&below) {
                break;
            }
            (module, rest) = (below, &rest[1..]);
        }
        let text = self.0.get(&module)?;
        // A name that the root of a folder re-exports stands in the file that it comes from.
        if let Some(name) = rest.first().filter(|_| module != from) {
            for (path, _) in uses(text).into_iter().filter(|(_, alias)| alias == name) {
                if let Some(found) = self.resolve(&module, &path, depth + 1).filter(|found| *found != module)
                {
                    return Some(found);
                }
            }
        }
        Some(module)
    }

    /// The files that a file imports.
    fn imports(&self, module: &str) -> BTreeSet<Module> {
        let text = &self.0[module];
        let is_root = self.0.keys().any(|other| other.starts_with(&format!("{module}/")));
        let mut paths: Vec<Vec<String>> = uses(text).into_iter().map(|(path, _)| path).collect();
        if is_root {
            // What a root only names for others is no import of its own.
            let own = text.split_whitespace().collect::<Vec<_>>().join(" ");
            paths.retain(|path| !own.contains(&format!("mod {};", path[0])) && path[0] != "self");
        }
        paths.extend(inline(text));
        paths
            .iter()
            .filter_map(|path| self.resolve(module, path, 0))
            .filter(|found| found != module)
            .collect()
    }
}

/// The module above: for a file `a/b` that is `a`, and for the root of a folder `a` the crate.
fn parent(module: &str) -> Vec<&str> {
    let mut segments: Vec<&str> = module.split('/').collect();
    segments.pop();
    segments
}

/// The code without comments and without tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Every path that `use` brings in, with the name that it has here.
fn uses(text: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let starts = text.match_indices("use ").filter(|(at, _)| {
        let line = text[..*at].rsplit('\n').next().unwrap_or("");
        ["", "pub", "pub(crate)", "pub(super)"].contains(&line.trim())
    });
    for (at, _) in starts {
        let tree = text[at + 4..].split(';').next().unwrap_or("");
        flatten(tree, &mut Vec::new(), &mut found);
    }
    found
}

fn flatten(tree: &str, above: &mut Vec<String>, found: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut full = above.clone();
        full.extend(path.split("::").map(|segment| segment.trim().to_owned()));
        if full.last().is_some_and(|last| last == "self") && full.len() > 1 {
            full.pop();
        }
        let alias =
            if alias.is_empty() { full.last().cloned().unwrap_or_default() } else { alias.trim().to_owned() };
        if !full.is_empty() && !tree.is_empty() {
            found.push((full, alias));
        }
        return;
    };
    let depth = above.len();
    above.extend(head.split("::").map(str::trim).filter(|segment| !segment.is_empty()).map(str::to_owned));
    let (mut level, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => level += 1,
            '}' if level == 0 => {
                flatten(&group[start..at], above, found);
                break;
            }
            '}' => level -= 1,
            ',' if level == 0 => {
                flatten(&group[start..at], above, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    above.truncate(depth);
}

/// Paths that begin with `crate::` or `super::` outside of `use`.
fn inline(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for head in ["crate::", "super::"] {
        for (at, _) in text.match_indices(head) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let path: String =
                text[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
            found.push(path.split("::").filter(|segment| !segment.is_empty()).map(str::to_owned).collect());
        }
    }
    found
}

fn folder(module: &str) -> &str {
    module.split('/').next().unwrap_or(module)
}

#[test]
fn a_folder_imports_only_from_folders_below_its_own() {
    let sources = Sources::read();
    let (mut problems, mut seen) = (Vec::new(), 0);
    let entries: BTreeSet<&str> = sources.0.keys().map(|module| folder(module)).collect();
    assert!(entries.len() <= ENTRIES_AT_THE_TOP, "{} entries at the top of src: {entries:?}", entries.len());
    for module in sources.0.keys().filter(|module| *module != "lib") {
        let own = folder(module);
        let Some(floor_of_own) = floor(own) else {
            problems.push(format!("`{own}` stands on no floor: add it to FLOORS, and to the map in lib.rs"));
            continue;
        };
        for import in sources.imports(module) {
            let Some(floor_of_import) = floor(folder(&import)) else { continue };
            seen += 1;
            if folder(&import) != own && floor_of_import >= floor_of_own {
                problems.push(format!(
                    "{module} (floor {}) imports {import} (floor {}): let it be passed in from above, or move what is \
                     shared down",
                    FLOORS[floor_of_own].0, FLOORS[floor_of_import].0
                ));
            }
        }
    }
    assert!(seen > 200, "only {seen} imports were seen: does this test still read the code?");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn no_file_imports_one_that_imports_it_back() {
    let sources = Sources::read();
    let graph: BTreeMap<&Module, BTreeSet<Module>> = sources
        .0
        .keys()
        .filter(|module| *module != "lib")
        .map(|module| (module, sources.imports(module)))
        .collect();
    let (arrows, within) = graph.iter().fold((0, 0), |(all, within), (module, imports)| {
        let near = imports.iter().filter(|import| folder(import) == folder(module)).count();
        (all + imports.len(), within + near)
    });
    println!("{} files, {arrows} imports, {within} of them within a folder", graph.len());
    assert!(
        within > 80,
        "only {within} imports within a folder were seen: does this test still read `super::`?"
    );
    // What imports nothing that is left is taken away, until only rings are left.
    let mut left: BTreeSet<&Module> = graph.keys().copied().collect();
    while let Some(free) =
        left.iter().copied().find(|module| graph[*module].iter().all(|import| !left.contains(import)))
    {
        left.remove(free);
    }
    let in_ring = |module: &&&Module| left.iter().any(|other| graph[*other].contains(**module));
    let ring: Vec<&&Module> = left.iter().filter(in_ring).collect();
    assert!(ring.is_empty(), "these files import each other, perhaps round a corner: {ring:?}");
}

/// D1: below the host there is no clock, no randomness, no waiting and no store; time and bytes are arguments.
#[test]
fn rules_and_decisions_are_pure() {
    let sources = Sources::read();
    let is_pure = |module: &str| floor(folder(module)) < floor("host") && module != "lib";
    let impure = [
        "async ",
        ".await",
        "SystemTime",
        "Instant::now",
        "rand::",
        "SysRng",
        "std::thread",
        "std::fs",
        "std::net",
    ];
    let mut checked = 0;
    for (module, text) in sources.0.iter().filter(|(module, _)| is_pure(module)) {
        checked += 1;
        for (line, word) in text.lines().flat_map(|line| impure.map(|word| (line, word))) {
            assert!(!line.contains(word), "{module}: `{word}` does not belong below the service: {line}");
        }
        for import in sources.imports(module) {
            assert!(
                folder(&import) != "host",
                "{module} imports {import}: no rule knows a store or a directory"
            );
        }
    }
    assert!(checked > 40, "only {checked} files were checked");
}

/// What sharing and decisions know of policies they ask through one file.
#[test]
fn one_file_is_the_door_to_policies() {
    let sources = Sources::read();
    let asks = [".evaluate(", ".policies.", "Effect::", "PolicySet"];
    let is_behind = |module: &str| ["sharing", "decision", "service"].contains(&folder(module));
    let doors: BTreeSet<&str> = sources
        .0
        .iter()
        .filter(|(module, text)| is_behind(module) && asks.iter().any(|word| text.contains(word)))
        .map(|(module, _)| module.as_str())
        .collect();
    assert_eq!(doors, BTreeSet::from(["sharing/consult"]), "ask policies through sharing/consult.rs");
}
