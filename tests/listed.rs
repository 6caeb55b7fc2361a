//! Cargo does not look for tests by itself here: a file that no binary names would never run.

use std::{collections::BTreeSet, fs, path::Path};

const BINARIES: [(&str, &str); 2] =
    [("it.rs", include_str!("it.rs")), ("staged.rs", include_str!("staged.rs"))];

/// The modules that a file declares, at its top and in blocks.
fn declared(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter_map(|line| {
            let line = line.trim_start();
            line.strip_prefix("pub(crate) ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')
        })
        .collect()
}

/// Whatever lies in a folder of tests is declared by the file that the folder belongs to, and so is compiled.
#[test]
fn every_file_of_tests_belongs_to_a_binary() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let of_binaries: BTreeSet<&str> = BINARIES.iter().flat_map(|(_, text)| declared(text)).collect();
    let (mut seen, mut missing) = (0, Vec::new());
    let mut folders = vec![(tests.clone(), None)];
    while let Some((folder, owner)) = folders.pop() {
        let owned: Option<String> = owner.map(|owner| fs::read_to_string(owner).expect("a file of tests"));
        let declared = owned.as_deref().map_or_else(|| of_binaries.clone(), declared);
        for entry in fs::read_dir(&folder).expect("a folder of tests").flatten() {
            let path = entry.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                let owner =
                    [path.with_extension("rs"), path.join("mod.rs")].into_iter().find(|owner| owner.exists());
                folders.push((path, owner));
                continue;
            }
            let is_root = folder == tests && BINARIES.iter().any(|(file, _)| path.ends_with(file));
            if path.extension().is_none_or(|extension| extension != "rs") || is_root || name == "mod" {
                continue;
            }
            seen += 1;
            if !declared.contains(name.as_str()) {
                missing.push(path);
            }
        }
    }
    assert!(seen > 80, "only {seen} files were seen: does this test still look at them all?");
    assert!(
        missing.is_empty(),
        "no binary has {missing:#?}: name them in it.rs, in staged.rs, or above them"
    );
}
