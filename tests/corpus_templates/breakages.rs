//! Profiles that are broken in one way each, and what finds it out.

use super::{
    FORMATS, Format,
    chance::{CANARY, seed},
    hand::{Hand, Mode},
    parse,
    schema::Schema,
    template,
};
use dashshare::template::{ExtractError, Options, Profile, Texts, extract_json};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
pub(super) fn broken(
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
