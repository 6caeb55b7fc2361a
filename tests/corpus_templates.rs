//! The laws of templates (T3, T4, T7) on every real dashboard of the shared corpus in a shipped profile's format. The
//! corpus lies beside the project, not in it: without it the tests are reported as ignored, by name; with
//! `DASHSHARE_REQUIRE_SHARED` set they fail instead. `DASHSHARE_MUTANTS` sets the number of mutants for each document.
//!
//! What may change without a template's changing is told by a reading of the profiles of its own, from their JSON: it
//! shares no code with the extraction.

mod breakages;
mod chance;
mod frames;
mod hand;
mod laws;
mod schema;

use crate::File;
use breakages::broken;
use dashshare::template::{Extracted, Options, Profile, Texts, extract_json};
use frames::{grafana_frame, tagoio_frame, thingsboard_frame};
use laws::{canaries, mutants, questions, round_trip, same_frame};
use libtest_mimic::{Failed, Trial};
use schema::Schema;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

struct Format {
    name: &'static str,
    folders: &'static [&'static str],
    ends: &'static str,
    json: &'static str,
    profile: fn() -> Profile,
    frame: fn(&Value) -> Vec<String>,
    /// How many questions about names there are at the most, on the average of the documents.
    questions: usize,
    /// How many documents the corpus has at least.
    floor: usize,
    /// How many of the broken profiles the detector itself finds out, at least.
    loud: usize,
}

const FORMATS: [Format; 3] = [
    Format {
        name: "tagoio",
        folders: &["tagoio"],
        ends: ".structure.json",
        json: include_str!("../profiles/tagoio.json"),
        profile: Profile::tagoio,
        frame: tagoio_frame,
        questions: 3,
        floor: 10,
        loud: 8,
    },
    Format {
        name: "grafana",
        folders: &["grafana-misc", "grafana-mixins", "grafana-plutono"],
        ends: ".json",
        json: include_str!("../profiles/grafana.json"),
        profile: Profile::grafana,
        frame: grafana_frame,
        questions: 6,
        floor: 126,
        loud: 8,
    },
    Format {
        name: "thingsboard",
        folders: &["thingsboard"],
        ends: ".json",
        json: include_str!("../profiles/thingsboard.json"),
        profile: Profile::thingsboard,
        frame: thingsboard_frame,
        questions: 30,
        floor: 31,
        loud: 6,
    },
];

type Law = fn(&Format, &Profile, &Schema, &[(String, String)]) -> Result<String, Failed>;

const LAWS: [(&str, Law); 6] = [
    ("few_names_are_put_to_the_owner", questions),
    ("mutants_have_the_same_template", mutants),
    ("no_canary_survives", canaries),
    ("templates_are_read_filled_and_extracted_again", round_trip),
    ("a_clone_has_the_frame_of_its_source", same_frame),
    ("a_broken_profile_is_found_out", broken),
];

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let ignored = !corpus.is_dir() && std::env::var_os("DASHSHARE_REQUIRE_SHARED").is_none();
    let trial = |format: &'static Format, (name, law): &'static (&'static str, Law)| {
        let corpus = corpus.clone();
        file.trial(format!("{}::{name}", format.name), move || {
            let documents = documents(format, &corpus)?;
            let counts = law(format, &(format.profile)(), &Schema::of(format), &documents)?;
            println!("{}: {} documents, {counts}", format.name, documents.len());
            Ok(())
        })
        .with_ignored_flag(ignored)
    };
    let trials =
        FORMATS.iter().flat_map(|format| LAWS.iter().map(move |law| (format, law))).map(|(f, l)| trial(f, l));
    trials.collect()
}

fn documents(format: &Format, corpus: &Path) -> Result<Vec<(String, String)>, Failed> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in format.folders {
        let entries =
            fs::read_dir(corpus.join(folder)).map_err(|error| format!("{}: {error}", corpus.display()))?;
        for entry in entries {
            paths.push(entry?.path());
        }
    }
    paths.retain(|path| path.to_string_lossy().ends_with(format.ends));
    paths.sort();
    if paths.len() < format.floor {
        return Err(format!("only {} documents of the format {}", paths.len(), format.name).into());
    }
    paths.iter().map(|path| Ok((path.display().to_string(), fs::read_to_string(path)?))).collect()
}

fn template(name: &str, json: &str, profile: &Profile) -> Result<Extracted, Failed> {
    let options = Options { texts: Texts::LetStand, ..Options::default() };
    extract_json(json, profile, options).map_err(|error| format!("{name}: {error} {error:?}").into())
}

fn parse(json: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_str(json)?)
}
