//! The laws of templates (T3, T4, T7) on every real dashboard of the shared corpus in a shipped profile's format. The
//! corpus lies beside the project, not in it: without it the tests are reported as ignored, by name; with
//! `DASHSHARE_REQUIRE_SHARED` set they fail instead. `DASHSHARE_MUTANTS` sets the number of mutants for each document.
//!
//! What may change without a template's changing is told by a reading of the profiles of its own, from their JSON: it
//! shares no code with the extraction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::File;
use dashshare::template::{
    ExtractError, Extracted, Fills, Options, Profile, Recipient, Template, Texts, extract_json, fill,
};
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};

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

// The laws.

fn mutants(
    format: &Format,
    profile: &Profile,
    schema: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let wanted = std::env::var("DASHSHARE_MUTANTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_u64);
    let (mut made, mut changed) = (0, 0);
    for (name, json) in documents {
        let document = parse(json)?;
        let expected = template(name, json, profile)?.template.to_json().to_string();
        for number in 0..wanted {
            let mut hand = Hand::new(schema, &document, Mode::Mutant, seed(format.name, name, number));
            let mutant = hand.rewrite(&schema.root, &document).unwrap_or(Value::Null);
            changed += hand.changed;
            let mut text = String::with_capacity(json.len());
            write(&mutant, &mut hand.dice, &mut text);
            let found = template(name, &text, profile)?.template.to_json().to_string();
            if found != expected {
                return Err(format!("{name}: mutant {number}: {}", difference(&expected, &found)).into());
            }
            made += 1;
        }
    }
    Ok(format!("{made} mutants with {changed} changes, all of the same template"))
}

fn canaries(
    format: &Format,
    profile: &Profile,
    schema: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let mut planted = 0;
    let mut total = Counts::default();
    for (name, json) in documents {
        if json.to_lowercase().contains(CANARY) {
            return Err(format!("{name} has canaries of its own").into());
        }
        let document = parse(json)?;
        let mut hand = Hand::new(schema, &document, Mode::Canaries, seed(format.name, name, 0));
        let with = hand.rewrite(&schema.root, &document).unwrap_or(Value::Null);
        planted += hand.planted;
        total.add(&hand.counts);
        let found = template(name, &with.to_string(), profile)?.template.to_json().to_string();
        if let Some(form) = normal_forms(CANARY).into_iter().find(|form| found.to_lowercase().contains(form))
        {
            return Err(format!("{name}: a canary survives as {form}").into());
        }
        let expected = template(name, json, profile)?.template.to_json().to_string();
        if found != expected {
            return Err(format!("{name}: {}", difference(&expected, &found)).into());
        }
    }
    let all = (total.kept + total.slotted + total.dropped).max(1);
    let share = |part: usize| part * 1000 / all;
    let percent = |part: usize| format!("{}.{} %", share(part) / 10, share(part) % 10);
    Ok(format!(
        "{planted} canaries planted, 0 surviving; of {all} places {} kept, {} slots, ids or code, {} dropped",
        percent(total.kept),
        percent(total.slotted),
        percent(total.dropped)
    ))
}

/// T5: the detector asks about few of the texts and names that stay, or nobody would read what it asks. The documents
/// are published ones, so that hardly any of these names is anybody's.
fn questions(
    format: &Format,
    profile: &Profile,
    _: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let (mut kept, mut asked, mut silent) = (0, 0, 0);
    for (name, json) in documents {
        let found = template(name, json, profile)?;
        kept += found.report.kept;
        asked += found.report.texts.len();
        silent += usize::from(found.report.texts.is_empty());
        if std::env::var_os("DASHSHARE_SHOW_QUESTIONS").is_some() {
            found.report.texts.iter().for_each(|of| println!("{:?} in {:?}", of.name, of.text));
        }
    }
    if asked > documents.len() * format.questions {
        return Err(format!("{asked} questions about {} documents", documents.len()).into());
    }
    Ok(format!("{asked} questions, {silent} documents without any, {kept} leaves kept"))
}

fn filled(template: &Template, profile: &Profile, dice: &mut Dice) -> Result<Value, Failed> {
    let fills: Fills =
        template.slots().iter().map(|slot| (slot.name.clone(), json!(dice.id(&slot.kind)))).collect();
    let recipient = Recipient {
        owner: "ann",
        accepts_code: true,
        partial: false,
        may_use: &|_, _| true,
        random: &mut || {
            let mut bytes = [0; 16];
            bytes.fill_with(|| dice.next().to_le_bytes()[0]);
            bytes
        },
    };
    fill(template, profile, &fills, recipient).map_err(|errors| format!("{errors:?}").into())
}

fn round_trip(
    format: &Format,
    profile: &Profile,
    _: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let (mut slots, mut bytes, mut with_code) = (0, 0, 0);
    for (name, json) in documents {
        let first = template(name, json, profile)?.template;
        // Code may name what was removed: then nothing is given out.
        let options = Options { texts: Texts::LetStand, keep_code: true, ..Options::default() };
        match extract_json(json, profile, options) {
            Ok(extracted) => {
                reads_and_returns(name, profile, &extracted.template, seed(format.name, name, 3))?;
                with_code += 1;
            }
            Err(ExtractError::Leak(_)) => {}
            Err(error) => return Err(format!("{name}: with its code: {error}").into()),
        }
        reads_and_returns(name, profile, &first, seed(format.name, name, 1))?;
        slots += first.slots().len();
        bytes += first.to_json().to_string().len();
    }
    Ok(format!(
        "{slots} slots, templates of {bytes} bytes; {with_code} documents may keep their code, the others are refused with it"
    ))
}

fn reads_and_returns(name: &str, profile: &Profile, first: &Template, seed: u64) -> Result<(), Failed> {
    let written = first.to_json().to_string();
    let read = Template::read(profile, &written).map_err(|error| format!("{name}: {error}"))?;
    if read != *first {
        let found = read.to_json().to_string();
        return Err(format!("{name}: read again: {}", difference(&written, &found)).into());
    }
    let mut dice = Dice(seed);
    let made = filled(first, profile, &mut dice)?;
    let mut text = String::new();
    write(&made, &mut dice, &mut text);
    let options =
        Options { texts: Texts::LetStand, keep_code: written.contains("\"$code\""), ..Options::default() };
    let again = extract_json(&text, profile, options).map_err(|error| format!("{name}: filled: {error}"))?;
    if again.template != *first {
        let found = again.template.to_json().to_string();
        return Err(format!("{name}: filled and extracted again: {}", difference(&written, &found)).into());
    }
    Ok(())
}

fn same_frame(
    format: &Format,
    profile: &Profile,
    _: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    let mut facts = 0;
    for (name, json) in documents {
        let first = template(name, json, profile)?.template;
        let made = filled(&first, profile, &mut Dice(seed(format.name, name, 2)))?;
        let (of_source, of_clone) = ((format.frame)(&parse(json)?), (format.frame)(&made));
        let lost = of_source.iter().find(|fact| !of_clone.contains(fact));
        if of_source != of_clone {
            return Err(
                format!("{name}: {} facts, {} left; {lost:?}", of_source.len(), of_clone.len()).into()
            );
        }
        facts += of_source.len();
    }
    Ok(format!("{facts} facts of frames: widgets, types, places, tabs, variables"))
}

/// Profiles that somebody might write in a hurry: the place in the shipped one, and what is there instead.
const BREAKAGES: &[(&str, &str, &str)] = &[
    ("tagoio", "/types/widget/variant/cases/card/object/id", r#"{"code": "any"}"#),
    ("tagoio", "/types/widget/variant/cases/line_chart/object/id", r#"{"code": "any"}"#),
    ("tagoio", "/types/dashboard/object/tabs/array/object/key", r#"{"code": "any"}"#),
    (
        "thingsboard",
        "/root/object/configuration/object/entityAliases/map/values/object/id",
        r#"{"code": "any"}"#,
    ),
    ("thingsboard", "/root/object/configuration/object/filters/map/values/object/id", r#"{"code": "any"}"#),
    ("thingsboard", "/types/config/object/targetDevice/object/entityAliasId", r#"{"code": "any"}"#),
    ("thingsboard", "/types/action/object/targetDashboardStateId", r#"{"code": "any"}"#),
    ("tagoio", "/types/source/object/bucket", r#"{"code": "any"}"#),
    ("tagoio", "/types/reference/object/bucket", r#"{"code": "any"}"#),
    ("tagoio", "/types/origin", r#"{"code": "any"}"#),
    ("tagoio", "/types/widget/variant/cases/icon/object/id", r#"{"code": "any"}"#),
    ("tagoio", "/types/dashboard/object/arrangement/array/object/widget_id", r#"{"code": "any"}"#),
    ("tagoio", "/types/dashboard/object/blueprint_devices/array/object/id", r#"{"code": "any"}"#),
    ("tagoio", "/types/dashboard/object/created_at", r#"{"name": null, "acknowledged": true}"#),
    ("tagoio", "/types/dashboard/object/created_at", r#""text""#),
    ("tagoio", "/types/dashboard/object/tags", r#"{"array": {"object": {"value": "name"}}}"#),
    ("tagoio", "/vocabularies/number", r#"{"number": {"min": -1e308, "max": 1e308}}"#),
    ("tagoio", "/types/icon", r#"{"asset": {"hosts": ["*"]}}"#),
    ("grafana", "/types/datasource", r#"{"code": "any"}"#),
    ("grafana", "/types/datasource/either/1", r#"{"either": ["name", {"slot": {"kind": "datasource"}}]}"#),
    ("grafana", "/types/datasource/either/2/object/uid", r#"{"code": "any"}"#),
    ("grafana", "/types/datasource/either/2/object/name", r#"{"name": null, "acknowledged": true}"#),
    ("grafana", "/types/variable/variant/cases/custom/object/query", r#""text""#),
    (
        "grafana",
        "/types/variable/variant/cases/query/object/current",
        r#"{"object": {"text": "text", "value": "text"}}"#,
    ),
    (
        "grafana",
        "/types/panel/variant/cases/graph/object/aliasColors",
        r#"{"map": {"keys": "name", "values": {"keep": "colour"}}}"#,
    ),
    (
        "grafana",
        "/types/field_config/object/overrides",
        r#"{"array": {"object": {"matcher": {"object": {"options": "text"}}}}}"#,
    ),
    ("grafana", "/root/object/uid", r#"{"name": null, "acknowledged": true}"#),
    ("grafana", "/root/object/version", r#"{"keep": "number"}"#),
    ("grafana", "/root/object/panels/array", r#"{"ref": "pannel"}"#),
    ("thingsboard", "/types/entity/object/id", r#"{"code": "any"}"#),
    ("thingsboard", "/types/source/object/entityAliasId", r#"{"code": "any"}"#),
    ("thingsboard", "/types/source/object/filterId", r#"{"code": "any"}"#),
    ("thingsboard", "/types/widget/object/id", r#"{"code": "any"}"#),
    ("thingsboard", "/types/data_key/object/_hash", r#"{"keep": "number"}"#),
    ("thingsboard", "/types/source/object/name", r#""text""#),
    (
        "thingsboard",
        "/types/alias_filter/variant/cases/entityName/object/entityNameFilter",
        r#"{"name": null, "acknowledged": true}"#,
    ),
    ("thingsboard", "/root/object/image", r#""text""#),
    ("thingsboard", "/root/object/configuration/object/states/map/keys", r#""name""#),
    // Ids and secrets in a vocabulary that somebody made of what stands in documents, and named anyhow: they are removed
    // at another place. `seen` is all that stands in fields of this name.
    ("tagoio", "/types/dashboard/object/arrangement/array/object/widget_id", SEEN),
    ("tagoio", "/types/dashboard/object/arrangement/array/object/tab", SEEN),
    ("tagoio", "/types/dashboard/object/background/object/media", SEEN),
    ("tagoio", "/types/origin/either/1/object/id", SEEN),
    ("tagoio", "/types/reference/object/bucket", SEEN),
    ("tagoio", "/types/source/object/bucket", SEEN),
    ("tagoio", "/types/variable/object/bucket", SEEN),
    ("tagoio", "/types/widget/variant/cases/card/object/id", SEEN),
    ("thingsboard", "/types/config/object/targetDevice/object/entityAliasId", SEEN),
    ("thingsboard", "/types/config/object/targetDeviceAliasIds/array", SEEN),
    ("thingsboard", "/types/settings/object/dsEntityAliasId", SEEN),
    ("thingsboard", "/types/source/object/entityAliasId", SEEN),
    ("thingsboard", "/types/source/object/filterId", SEEN),
    ("thingsboard", "/types/widget/object/id", SEEN),
    ("grafana", "/types/panel/variant/cases/stat/object/pluginVersion", SEEN),
    ("grafana", "/types/panel/variant/cases/timeseries/object/pluginVersion", SEEN),
    ("grafana", "/types/datasource/either/2/object/uid", SEEN),
    // Data sources that are slots in panels and words in what belongs to them.
    (
        "grafana",
        "/types/target/object/datasource",
        r#"{"object": {"uid": {"name": null, "acknowledged": true}}}"#,
    ),
    (
        "grafana",
        "/types/target/object/datasource",
        r#"{"object": {"uid": {"text": null, "acknowledged": true}}}"#,
    ),
    (
        "grafana",
        "/types/target/object/datasource",
        r#"{"map": {"keys": "name", "values": {"text": null, "acknowledged": true}}}"#,
    ),
    ("grafana", "/types/target/object/datasource", r#""text""#),
    (
        "grafana",
        "/types/panel/variant/cases/timeseries/object/datasource",
        r#"{"object": {"uid": {"name": null, "acknowledged": true}}}"#,
    ),
    ("grafana", "/types/panel/variant/cases/graph/object/datasource", r#""text""#),
    ("grafana", "/types/annotation/object/datasource", r#""text""#),
    ("grafana", "/types/variable/variant/cases/query/object/datasource", r#""text""#),
];

const SEEN: &str = r#"{"keep": "seen", "acknowledged": true}"#;
/// Of the broken profiles at least so many are found out by the detector itself (T5).
const LOUD: usize = 10;
const _: () = assert!(FORMATS[0].loud + FORMATS[1].loud + FORMATS[2].loud >= LOUD);

/// All texts in the fields of a name.
fn seen(value: &Value, field: &str, found: &mut BTreeSet<String>) {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match value {
        Value::Array(items) => items.iter().for_each(|item| seen(item, field, found)),
        Value::Object(members) => {
            for (name, value) in members {
                if name == field {
                    found.extend(text(value));
                    found.extend(value.as_array().into_iter().flatten().filter_map(text));
                }
                seen(value, field, found);
            }
        }
        _ => {}
    }
}

/// A shipped profile with another node at a place.
fn broken_profile(
    format: &Format,
    documents: &[(String, String)],
    place: &str,
    node: &str,
) -> Result<String, Failed> {
    let mut json = parse(format.json)?;
    let there = json.pointer_mut(place).ok_or_else(|| format!("{place}: no such place"))?;
    *there = parse(node)?;
    if node == SEEN {
        let field = place.trim_end_matches("/array").rsplit('/').next().unwrap_or_default();
        let mut words = BTreeSet::new();
        for (_, document) in documents {
            seen(&parse(document)?, field, &mut words);
        }
        json["vocabularies"]["seen"] = json!({ "words": words });
    }
    Ok(json.to_string())
}

/// Each breakage is found by the linter, by the detector, or by a law; and the detector is silent on the right profile.
fn broken(
    format: &Format,
    right: &Profile,
    schema: &Schema,
    documents: &[(String, String)],
) -> Result<String, Failed> {
    if let Some((name, _)) = documents.iter().find(|(_, json)| leaks(json, right, false)) {
        return Err(format!("{name}: the detector is not silent on the right profile").into());
    }
    let (mut found, mut missed) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for (_, place, node) in BREAKAGES.iter().filter(|(name, ..)| *name == format.name) {
        let by = match Profile::parse(&broken_profile(format, documents, place, node)?) {
            Err(_) => Some("the linter"),
            Ok(profile) => found_by(format, &profile, schema, documents)?,
        };
        println!("{}: {place} = {node}: found by {}", format.name, by.unwrap_or("nothing"));
        match by {
            Some(by) => *found.entry(by).or_default() += 1,
            None => missed.push((place, node)),
        }
    }
    if !missed.is_empty() {
        return Err(format!("missed: {missed:?}").into());
    }
    let loud = found.get(DETECTOR).copied().unwrap_or(0);
    if loud < format.loud {
        return Err(format!("the detector finds {loud} broken profiles, not {}", format.loud).into());
    }
    Ok(format!("breakages found by {found:?}"))
}

const DETECTOR: &str = "the detector";

fn leaks(json: &str, profile: &Profile, keep_code: bool) -> bool {
    let options = Options { texts: Texts::LetStand, keep_code, ..Options::default() };
    matches!(extract_json(json, profile, options), Err(ExtractError::Leak(_)))
}

fn found_by(
    format: &Format,
    profile: &Profile,
    schema: &Schema,
    documents: &[(String, String)],
) -> Result<Option<&'static str>, Failed> {
    let right = (format.profile)();
    if documents.iter().any(|(_, json)| leaks(json, profile, false)) {
        return Ok(Some(DETECTOR));
    }
    // A document whose code names what was removed says nothing about the profile.
    if documents.iter().any(|(_, json)| leaks(json, profile, true) && !leaks(json, &right, true)) {
        return Ok(Some("the detector, in code"));
    }
    let options = Options { texts: Texts::LetStand, keep_code: true, ..Options::default() };
    // Ids that the profile takes for code do not stand either, and are counted.
    let code = |json: &str, profile| {
        extract_json(json, profile, options).map_or(0, |extracted| extracted.report.code)
    };
    if documents.iter().any(|(_, json)| code(json, profile) > code(json, &right)) {
        return Ok(Some("the count of code that does not stand"));
    }
    for (name, json) in documents {
        let document = parse(json)?;
        let extracted =
            |text: &str| template(name, text, profile).map(|of| of.template.to_json().to_string());
        let Ok(expected) = extracted(json) else { return Ok(Some(DETECTOR)) };
        for mode in [Mode::Canaries, Mode::Mutant, Mode::Mutant] {
            let mut hand = Hand::new(schema, &document, mode, seed(format.name, name, 4));
            let other = hand.rewrite(&schema.root, &document).unwrap_or(Value::Null);
            match extracted(&other.to_string()) {
                Err(_) => return Ok(Some("the detector, on a mutant")),
                Ok(found) if found.to_lowercase().contains(CANARY) => return Ok(Some("the canaries")),
                Ok(found) if found != expected => return Ok(Some("the mutants")),
                Ok(_) => {}
            }
        }
    }
    Ok(None)
}

fn difference(one: &str, other: &str) -> String {
    let at = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| -> String { text.chars().skip(at.saturating_sub(120)).take(240).collect() };
    format!("differ at byte {at}:\n  {}\n  {}", around(one), around(other))
}

// Frames, read from the documents without a profile.

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn entries<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(field).and_then(Value::as_object).into_iter().flatten()
}

fn show(value: &Value, fields: &[&str]) -> String {
    let fields = fields.iter().filter_map(|field| Some((field, value.get(field)?)));
    let fields = fields.filter(|(_, value)| !is_empty(value));
    fields.map(|(field, value)| format!("{field}={value} ")).collect()
}

fn tagoio_frame(document: &Value) -> Vec<String> {
    let dashboard = &document["dashboard"];
    let mut facts = Vec::new();
    let ids: Vec<&Value> = list(document, "widgets").map(|widget| &widget["id"]).collect();
    let tabs: Vec<&Value> = list(dashboard, "tabs").map(|tab| &tab["key"]).collect();
    for place in list(dashboard, "arrangement") {
        let widget = ids.iter().position(|id| **id == place["widget_id"]);
        let tab = tabs.iter().position(|tab| **tab == place["tab"]);
        facts.push(format!(
            "place {widget:?} {tab:?} {}",
            show(place, &["x", "y", "width", "height", "minW", "minH"])
        ));
    }
    facts.extend(list(dashboard, "tabs").map(|tab| format!("tab {}", show(tab, &["value"]))));
    for device in list(dashboard, "blueprint_devices") {
        facts.push(format!("blueprint {}", show(device, &["name", "label", "type", "conditions"])));
    }
    for widget in list(document, "widgets") {
        facts.push(format!("widget {}", show(widget, &["type", "label"])));
        for field in ["data", "display"] {
            variables(&widget[field], &mut facts);
        }
    }
    facts
}

fn variables(value: &Value, facts: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| variables(item, facts)),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(variable) if name == "variable" => facts.push(format!("reads {variable}")),
                    Value::Array(items) if name == "variables" => {
                        facts.extend(
                            items
                                .iter()
                                .filter_map(Value::as_str)
                                .map(|variable| format!("reads {variable}")),
                        );
                        variables(value, facts);
                    }
                    _ => variables(value, facts),
                }
            }
        }
        _ => {}
    }
}

fn grafana_frame(document: &Value) -> Vec<String> {
    let mut facts = Vec::new();
    for panel in list(document, "panels") {
        panels(panel, 0, &mut facts);
    }
    for row in list(document, "rows") {
        facts.push(format!("row {}", show(row, &["collapse", "height", "showTitle"])));
        for panel in list(row, "panels") {
            panels(panel, 1, &mut facts);
        }
    }
    for variable in list(&document["templating"], "list") {
        facts.push(format!("variable {}", show(variable, &["name", "type"])));
    }
    facts
}

fn panels(panel: &Value, depth: usize, facts: &mut Vec<String>) {
    let queries = list(panel, "targets").filter(|target| target.as_object().is_some_and(|t| !t.is_empty()));
    // The queries of a panel without a known type are not part of its frame.
    let queries = panel.get("type").map(|_| queries.count());
    facts.push(format!(
        "panel {depth} {queries:?} {}",
        show(panel, &["type", "gridPos", "span", "collapsed", "repeatDirection"])
    ));
    for inner in list(panel, "panels") {
        panels(inner, depth + 1, facts);
    }
}

fn thingsboard_frame(document: &Value) -> Vec<String> {
    let configuration = &document["configuration"];
    let kind = |widget: &Value| {
        let keys = list(&widget["config"], "datasources").flat_map(|source| list(source, "dataKeys"));
        let keys: String = keys.map(|key| show(key, &["name", "type", "color"])).collect();
        format!(
            "{}{keys}",
            show(widget, &["type", "typeFullFqn", "bundleAlias", "typeAlias", "sizeX", "sizeY"])
        )
    };
    let mut facts: Vec<String> =
        entries(configuration, "widgets").map(|(_, widget)| format!("widget {}", kind(widget))).collect();
    for (_, state) in entries(configuration, "states") {
        for (layout, places) in entries(state, "layouts") {
            let mut inside: Vec<String> = entries(places, "widgets")
                .map(|(id, place)| {
                    let widget = &configuration["widgets"][id];
                    format!("{}{}", show(place, &["sizeX", "sizeY", "row", "col"]), kind(widget))
                })
                .collect();
            inside.sort();
            facts.push(format!("state {} {layout} {inside:?}", show(state, &["name", "root"])));
        }
    }
    for (_, alias) in entries(configuration, "entityAliases") {
        facts.push(format!("alias {}", show(&alias["filter"], &["type", "entityType"])));
    }
    facts.sort();
    facts
}

// Chance, the same in every run.

fn seed(format: &str, name: &str, number: u64) -> u64 {
    let name = name.rsplit('/').next().unwrap_or(name);
    let bytes = format.bytes().chain(name.bytes());
    bytes.fold(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A value for a slot or an id, hardly ever the same twice.
    fn id(&mut self, kind: &str) -> String {
        if kind.starts_with("code:") {
            // As it is when it is not kept: with an id in it.
            return format!("select value_{:016x} from somewhere", self.next());
        }
        let (high, low) = (self.next(), self.next());
        match self.below(4) {
            0 => format!("{high:016x}{:08x}", low >> 32),
            1 => uuid::Uuid::from_u64_pair(high, low).to_string(),
            2 => format!("thing {high:x}"),
            _ => format!("{}", high >> 12),
        }
    }
}

/// Writes a document with its members in any order.
fn write(value: &Value, dice: &mut Dice, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            for place in (1..members.len()).rev() {
                members.swap(place, dice.below(place + 1));
            }
            text.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                text.push_str(&json!(name).to_string());
                text.push(':');
                write(value, dice, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { "," });
                write(item, dice, text);
            }
            text.push(']');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}

// Canaries: all of them hold this word, so that it is enough to look for it.

const CANARY: &str = "cnryq";

/// What the word looks like in other spellings, in lower case.
fn normal_forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    for upper in [word.to_owned(), word.to_uppercase()] {
        forms.push(data_encoding::HEXLOWER.encode(upper.as_bytes()));
        forms.push(upper.bytes().map(|byte| format!("%{byte:02x}")).collect());
        forms.push(upper.bytes().map(|byte| format!("\\u{:04x}", u32::from(byte))).collect());
        for skipped in 0..3 {
            // The bytes beside the word change the first and the last character of it in base64.
            let mut bytes = vec![0; skipped];
            bytes.extend(upper.bytes());
            let encoded = data_encoding::BASE64_NOPAD.encode(&bytes);
            let inside = encoded.get(if skipped == 0 { 0 } else { skipped + 1 }..encoded.len() - 1);
            forms.push(inside.unwrap_or_default().to_lowercase());
        }
    }
    forms
}

// A reading of profiles from their JSON.

struct Schema {
    root: Value,
    types: Map<String, Value>,
    vocabularies: Map<String, Value>,
}

impl Schema {
    fn of(format: &Format) -> Self {
        let json: Value = serde_json::from_str(format.json).unwrap_or_default();
        let part = |name: &str| json.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        Self { root: json["root"].clone(), types: part("types"), vocabularies: part("vocabularies") }
    }

    /// The action of a node and what it is given.
    fn action<'a>(&'a self, mut node: &'a Value) -> (&'a str, &'a Value) {
        loop {
            let (action, given) = match node {
                Value::String(action) => (action.as_str(), &Value::Null),
                Value::Object(members) => members
                    .iter()
                    .find(|(name, _)| !matches!(name.as_str(), "comment" | "acknowledged"))
                    .map_or(("drop", &Value::Null), |(name, given)| (name.as_str(), given)),
                _ => ("drop", &Value::Null),
            };
            match (action, given.as_str()) {
                ("ref", Some(name)) => node = &self.types[name],
                _ => return (action, given),
            }
        }
    }

    /// Whether a value may be of a vocabulary: no member of it is ever denied, a few others are taken for one.
    fn may_be(&self, vocabulary: &Value, value: &Value) -> bool {
        let text = value.as_str();
        let within = |bounds: &Value, number: f64| {
            bounds["min"].as_f64().is_some_and(|min| min <= number)
                && bounds["max"].as_f64().is_some_and(|max| number <= max)
        };
        match vocabulary {
            Value::String(open) if open == "bool" => value.is_boolean(),
            Value::String(_) => text.is_some_and(|text| text.len() <= 40 && !text.contains('!')),
            Value::Object(members) => members.iter().any(|(kind, of)| match kind.as_str() {
                "words" | "numbers" => of.as_array().is_some_and(|of| of.contains(value)),
                "number" => value.as_f64().is_some_and(|number| within(of, number)),
                "number_text" => {
                    text.and_then(|text| text.parse().ok()).is_some_and(|number| within(of, number))
                }
                "any" => of.as_array().is_some_and(|of| of.iter().any(|one| self.may_be(one, value))),
                _ => true,
            }),
            _ => true,
        }
    }

    fn keeps(&self, action: &str, given: &Value, value: &Value) -> bool {
        match action {
            "keep" => self.may_be(&self.vocabularies[given.as_str().unwrap_or_default()], value),
            "name" => value.as_str().is_some_and(may_be_name),
            "asset" => value.as_str().is_some_and(|url| {
                let hosts = given["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str);
                hosts.into_iter().any(|host| url.starts_with(&format!("https://{host}/")))
            }),
            _ => false,
        }
    }

    /// Whether a node of an `either` is fit for a value.
    fn is_fit(&self, node: &Value, value: &Value) -> bool {
        let (action, given) = self.action(node);
        match action {
            "keep" | "name" | "asset" => self.keeps(action, given, value),
            "text" | "code" | "json" => value.is_string(),
            "slot" | "id" | "id_or_slot" => id_of(value).is_some(),
            "object" | "map" | "variant" => value.is_object(),
            "array" => value.is_array(),
            _ => true,
        }
    }

    fn case<'a>(&'a self, given: &'a Value, value: &Value) -> &'a Value {
        let word = given["on"].as_str().and_then(|on| value.get(on)).and_then(Value::as_str);
        word.and_then(|word| given["cases"].get(word)).unwrap_or(&given["other"])
    }

    /// What a place may hold of which nothing is kept.
    fn nothing(&self, node: &Value) -> Nothing {
        let (action, given) = self.action(node);
        match action {
            // Whatever id stands where the document defines its ids is one.
            "id" if given["defines"] == true => Nothing::NoId,
            "keep" | "name" | "asset" | "id" => Nothing::Strange,
            "text" | "json" | "code" => Nothing::NoText,
            "slot" | "id_or_slot" => Nothing::NoId,
            "object" | "map" | "variant" => Nothing::NoObject,
            "array" => Nothing::NoArray,
            "either" => Nothing::Empty,
            _ => Nothing::Any,
        }
    }
}

fn may_be_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_alphanumeric() || "_-.:/ %#".contains(c))
}

fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    ["null", "\"\"", "[]", "{}"].contains(&value.to_string().as_str())
}

/// Ways to hold nothing that is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nothing {
    /// Whatever there is.
    Any,
    /// What is in no vocabulary and looks like no name.
    Strange,
    NoText,
    NoId,
    NoObject,
    NoArray,
    /// Null and what is empty.
    Empty,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Mutant,
    Canaries,
}

#[derive(Default)]
struct Counts {
    kept: usize,
    slotted: usize,
    dropped: usize,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.kept += other.kept;
        self.slotted += other.slotted;
        self.dropped += other.dropped;
    }
}

/// Rewrites a document to another one of the same template.
struct Hand<'a> {
    schema: &'a Schema,
    mode: Mode,
    dice: Dice,
    defined: BTreeSet<(String, String)>,
    /// By what each id and each slot's value is replaced, throughout.
    names: BTreeMap<(String, String), String>,
    planted: usize,
    changed: usize,
    counts: Counts,
}

impl<'a> Hand<'a> {
    fn new(schema: &'a Schema, document: &Value, mode: Mode, seed: u64) -> Self {
        let mut hand = Self {
            schema,
            mode,
            dice: Dice(seed),
            defined: BTreeSet::new(),
            names: BTreeMap::new(),
            planted: 0,
            changed: 0,
            counts: Counts::default(),
        };
        hand.define(&schema.root, document);
        hand
    }

    /// Notes the ids that the document defines.
    fn define(&mut self, node: &Value, value: &Value) {
        let schema = self.schema;
        let (action, given) = schema.action(node);
        match (action, value) {
            ("id", value) if given["defines"] == true => {
                let space = given["space"].as_str().unwrap_or_default().to_owned();
                self.defined.extend(id_of(value).map(|id| (space, id)));
            }
            ("object", Value::Object(members)) => {
                for (name, value) in members {
                    if let Some(node) = given.get(name) {
                        self.define(node, value);
                    }
                }
            }
            ("map", Value::Object(members)) => {
                for (name, value) in members {
                    self.define(&json!({"id": given["keys"]["id"]}), &json!(name));
                    self.define(&given["values"], value);
                }
            }
            ("array", Value::Array(items)) => items.iter().for_each(|item| self.define(given, item)),
            ("variant", Value::Object(_)) => self.define(schema.case(given, value), value),
            ("either", value) => {
                let nodes = given.as_array().into_iter().flatten();
                if let Some(node) = nodes.into_iter().find(|node| schema.is_fit(node, value)) {
                    self.define(node, value);
                }
            }
            ("json", Value::String(text)) => {
                if let Ok(document) = serde_json::from_str(text) {
                    self.define(given, &document);
                }
            }
            _ => {}
        }
    }

    fn is_defined(&self, space: &Value, value: &Value) -> bool {
        let space = space.as_str().unwrap_or_default().to_owned();
        id_of(value).is_some_and(|id| self.defined.contains(&(space, id)))
    }

    /// Another value for an id or a slot, the same for the same.
    fn renamed(&mut self, kind: &Value, value: &Value) -> Value {
        self.counts.slotted += 1;
        self.changed += 1;
        let (kind, id) = (kind.to_string(), id_of(value).unwrap_or_default());
        if let Some(known) = self.names.get(&(kind.clone(), id.clone())) {
            return json!(known);
        }
        let name = match self.mode {
            Mode::Canaries => self.canary(),
            Mode::Mutant => self.dice.id(""),
        };
        self.names.insert((kind, id), name.clone());
        // Whether an id is a text or a number is nothing to a template.
        match name.parse::<u64>() {
            Ok(number) if self.dice.once_in(2) => json!(number),
            _ => json!(name),
        }
    }

    fn canary(&mut self) -> String {
        self.planted += 1;
        let number = self.dice.next() >> 16;
        // Some look like ids, and some like words, which get by where ids do not.
        let letters: String = (0..8)
            .map(|place| char::from(b'a' + u8::try_from(number >> (4 * place) & 15).unwrap_or(0)))
            .collect();
        match self.planted % 5 {
            0 => format!("{CANARY}{number:012x}"),
            1 => format!("{}-{number:012x}", CANARY.to_uppercase()),
            2 => format!("{number:08}{CANARY}@example.com"),
            _ => format!("{CANARY}{letters}"),
        }
    }

    /// A document of the same template; `None` stands for absence.
    fn rewrite(&mut self, node: &Value, value: &Value) -> Option<Value> {
        let schema = self.schema;
        let (action, given) = schema.action(node);
        match (action, value) {
            ("drop" | "neutral" | "owner", value) => self.hide(Nothing::Any, Some(value)),
            ("keep" | "name" | "asset", value) if schema.keeps(action, given, value) => self.same(value),
            ("text", Value::String(_)) => self.same(value),
            ("code", Value::String(code)) if !code.trim().is_empty() => {
                self.counts.slotted += 1;
                Some(json!(match self.mode {
                    Mode::Canaries => self.canary(),
                    Mode::Mutant => self.dice.id("code:"),
                }))
            }
            ("code" | "text", value) if value.as_str().is_some_and(|text| text.trim().is_empty()) => {
                self.same(value)
            }
            ("slot", value) if id_of(value).is_some() => Some(self.renamed(&given["kind"], value)),
            ("id" | "id_or_slot", value) if self.is_defined(&given["space"], value) => {
                Some(self.renamed(&json!(["id", given["space"]]), value))
            }
            ("id_or_slot", value) if id_of(value).is_some() => Some(self.renamed(&given["kind"], value)),
            ("object", Value::Object(members)) => self.object(given, members),
            ("map", Value::Object(members)) => self.map(given, members),
            ("array", Value::Array(items)) => self.array(given, items),
            ("variant", Value::Object(_)) => self.rewrite(schema.case(given, value), value),
            ("either", value) => {
                let nodes = given.as_array().into_iter().flatten();
                match nodes.into_iter().find(|node| schema.is_fit(node, value)) {
                    Some(node) => self.rewrite(node, value),
                    None => self.hide(Nothing::Empty, Some(value)),
                }
            }
            ("json", Value::String(text)) => match serde_json::from_str(text) {
                Ok(document) => Some(json!(self.rewrite(given, &document)?.to_string())),
                Err(_) => Some(json!(format!("no document: {}", self.dice.next()))),
            },
            _ => self.hide(schema.nothing(node), Some(value)),
        }
    }

    fn same(&mut self, value: &Value) -> Option<Value> {
        self.counts.kept += 1;
        Some(value.clone())
    }

    fn object(&mut self, fields: &Value, members: &Map<String, Value>) -> Option<Value> {
        let schema = self.schema;
        let mut rewritten = Map::new();
        for (name, node) in fields.as_object().into_iter().flatten() {
            let value = match members.get(name) {
                Some(value) => self.rewrite(node, value),
                None if self.dice.once_in(12) => self.hide(schema.nothing(node), None),
                None => None,
            };
            rewritten.extend(value.map(|value| (name.clone(), value)));
        }
        for (name, value) in members.iter().filter(|(name, _)| fields.get(name.as_str()).is_none()) {
            let hidden = self.hide(Nothing::Any, Some(value));
            let name = match self.mode {
                Mode::Canaries => self.canary(),
                Mode::Mutant if self.dice.once_in(3) => format!("{name} {}", self.dice.next()),
                Mode::Mutant => name.clone(),
            };
            rewritten.extend(hidden.map(|hidden| (name, hidden)));
        }
        if self.dice.once_in(4) {
            let name = match self.mode {
                Mode::Canaries => self.canary(),
                Mode::Mutant => format!("field_{}", self.dice.next()),
            };
            rewritten.extend(self.hide(Nothing::Any, None).map(|value| (name, value)));
        }
        Some(Value::Object(rewritten))
    }

    fn map(&mut self, given: &Value, members: &Map<String, Value>) -> Option<Value> {
        let mut rewritten = Map::new();
        for (name, value) in members {
            let key = json!(name);
            let id = given["keys"].get("id");
            let renamed = match (id, given["keys"].get("slot")) {
                (Some(rule), _) if self.is_defined(&rule["space"], &key) => {
                    Some(self.renamed(&json!(["id", rule["space"]]), &key))
                }
                (None, Some(rule)) if !name.is_empty() => Some(self.renamed(&rule["kind"], &key)),
                (None, None) if may_be_name(name) => Some(key),
                _ => None,
            };
            match renamed {
                Some(key) => {
                    let value = self.rewrite(&given["values"], value);
                    rewritten.extend(value.map(|value| (id_of(&key).unwrap_or_default(), value)));
                }
                // An entry whose key is none of the document's is nothing.
                None => {
                    let key = format!("!{}", self.canary());
                    rewritten.extend(self.hide(Nothing::Any, Some(value)).map(|value| (key, value)));
                }
            }
        }
        if self.dice.once_in(2) {
            let key = format!("!{}", self.canary());
            if given["keys"].get("slot").is_none() {
                rewritten.extend(self.hide(Nothing::Any, None).map(|value| (key, value)));
            }
        }
        Some(Value::Object(rewritten))
    }

    fn array(&mut self, node: &Value, items: &[Value]) -> Option<Value> {
        let nothing = self.schema.nothing(node);
        let mut rewritten = Vec::new();
        for item in items {
            if self.dice.once_in(8) {
                rewritten.extend(self.hide(nothing, None));
            }
            rewritten.extend(self.rewrite(node, item));
        }
        if self.dice.once_in(4) {
            rewritten.extend(self.hide(nothing, None));
        }
        Some(Value::Array(rewritten))
    }

    /// Something of which nothing is kept, in place of something of which nothing is kept.
    fn hide(&mut self, nothing: Nothing, before: Option<&Value>) -> Option<Value> {
        self.counts.dropped += usize::from(before.is_some_and(|before| !is_empty(before)));
        self.changed += 1;
        match self.mode {
            Mode::Canaries => Some(self.plant(nothing, before)),
            Mode::Mutant => match self.dice.below(4) {
                0 => None,
                1 if before.is_some() => before.cloned(),
                _ => Some(self.junk(nothing, 3)),
            },
        }
    }

    fn plant(&mut self, nothing: Nothing, before: Option<&Value>) -> Value {
        match nothing {
            Nothing::Any => self.replaced(before.unwrap_or(&Value::Null)),
            Nothing::Strange => json!(format!("!{}", self.canary())),
            Nothing::NoText | Nothing::NoId => json!([self.canary(), {self.canary(): self.canary()}]),
            Nothing::NoObject => json!(self.canary()),
            Nothing::NoArray => json!({self.canary(): self.canary()}),
            Nothing::Empty => json!([{self.canary(): null}]),
        }
    }

    /// A value with a canary in place of every leaf and every key.
    fn replaced(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(items) if !items.is_empty() => {
                items.iter().map(|item| self.replaced(item)).collect()
            }
            Value::Object(members) if !members.is_empty() => {
                members.values().map(|value| (self.canary(), self.replaced(value))).collect()
            }
            _ => json!(self.canary()),
        }
    }

    fn junk(&mut self, nothing: Nothing, depth: usize) -> Value {
        let word = self.dice.next();
        let strange = json!(format!("!{word:x} olga@example.com"));
        let huge = json!(word | 1 << 62);
        let pick = self.dice.below(if depth == 0 { 4 } else { 7 });
        match (nothing, pick) {
            (Nothing::Empty, pick) => [json!(null), json!({}), json!([]), json!([null])][pick % 4].clone(),
            (_, 0) => Value::Null,
            (Nothing::Any | Nothing::NoObject | Nothing::NoArray, 1) => match word % 3 {
                0 => strange,
                1 => {
                    json!(["Cold room", "temperature", "2024-11-22", "#ff0000", "now-6h"][self.dice.below(5)])
                }
                _ => json!(self.dice.id("")),
            },
            (Nothing::Any | Nothing::NoText | Nothing::NoObject | Nothing::NoArray, 2) => huge,
            (Nothing::Strange, 1 | 2) => [strange, huge][pick - 1].clone(),
            (Nothing::Any | Nothing::NoText | Nothing::NoId | Nothing::NoObject | Nothing::NoArray, 3) => {
                json!(word & 1 == 0)
            }
            (Nothing::NoId, 1 | 2) => [json!(""), json!(1.5)][pick - 1].clone(),
            (Nothing::Any | Nothing::Strange | Nothing::NoText | Nothing::NoId | Nothing::NoObject, 4) => {
                (0..word % 4).map(|_| self.junk(Nothing::Any, depth - 1)).collect()
            }
            (Nothing::NoObject, _) => json!({}),
            (Nothing::NoArray, 4) => json!([]),
            (_, 5 | 6) => {
                (0..word % 4).map(|n| (format!("k{n} {word}"), self.junk(Nothing::Any, depth - 1))).collect()
            }
            _ => Value::Null,
        }
    }
}
