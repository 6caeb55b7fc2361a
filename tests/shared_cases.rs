//! Whether `cases.txt` answers for every case id of the shared research notes. Those lie beside the project, not in
//! it: without them the test is reported as ignored, by name; with `DASHSHARE_REQUIRE_SHARED` set it fails instead.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::File;
use libtest_mimic::{Failed, Trial};

const CASES: &str = include_str!("cases.txt");

/// Just below the number of ids that the notes print.
const ID_FLOOR: usize = 310;

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let ignored = !shared.is_dir() && std::env::var_os("DASHSHARE_REQUIRE_SHARED").is_none();
    let notes = shared.join("research/cases.md");
    let trial = file.trial("every_case_id_of_the_notes_is_a_case_or_says_why_not", move || check(&notes));
    vec![trial.with_ignored_flag(ignored)]
}

fn check(notes: &PathBuf) -> Result<(), Failed> {
    let notes = fs::read_to_string(notes).map_err(|error| format!("`{}`: {error}", notes.display()))?;
    let printed = ids_of(notes.lines().filter_map(|line| line.strip_prefix("| ")?.split_once('|')), "–")?;
    let heads =
        |mark: &'static str| CASES.lines().filter_map(move |line| line.strip_prefix(mark)?.split_once(" | "));
    let cases = ids_of(heads("== "), "..")?;
    let not_applicable = ids_of(heads("-- "), "..")?;
    println!(
        "{} ids in the notes, {} in cases, {} not applicable",
        printed.len(),
        cases.len(),
        not_applicable.len()
    );

    let answered: BTreeSet<String> = cases.union(&not_applicable).cloned().collect();
    let problems = [
        ("without a case and without a reason", printed.difference(&answered).collect::<Vec<_>>()),
        ("not in the notes", answered.difference(&printed).collect()),
        ("both a case and not applicable", cases.intersection(&not_applicable).collect()),
    ];
    for (what, ids) in problems {
        if !ids.is_empty() {
            return Err(format!("{what}: {ids:?}").into());
        }
    }
    if printed.len() < ID_FLOOR {
        return Err(format!("only {} ids were found in the notes", printed.len()).into());
    }
    Ok(())
}

// The ids that the first cells name: `R01`, `E03,E04`, `R13–R24`, `PGR01–09`. A cell that begins with no id, such
// as a table's head, names none; one that begins with an id and cannot be read is an error.
fn ids_of<'a>(
    rows: impl Iterator<Item = (&'a str, &'a str)>,
    dash: &str,
) -> Result<BTreeSet<String>, Failed> {
    let mut ids = BTreeSet::new();
    for cell in
        rows.map(|(cell, _)| cell.trim()).filter(|cell| split(cell.split([',', '–', '.']).next()).is_some())
    {
        for item in cell.split(',') {
            let (from, to) = item.split_once(dash).unwrap_or((item, item));
            let (letters, first) = split(Some(from)).ok_or_else(|| format!("`{cell}` is no list of ids"))?;
            let last: usize = to.strip_prefix(letters).unwrap_or(to).parse()?;
            ids.extend((first..=last).map(|number| format!("{letters}{number:02}")));
        }
    }
    Ok(ids)
}

// `R01` as its letters and its number.
fn split(id: Option<&str>) -> Option<(&str, usize)> {
    let (letters, number) = id?.trim().split_at(id?.trim().find(|c: char| c.is_ascii_digit())?);
    (!letters.is_empty() && letters.chars().all(|c| c.is_ascii_uppercase()))
        .then_some((letters, number.parse().ok()?))
}
