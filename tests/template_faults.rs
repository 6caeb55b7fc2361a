//! Documents that an outside reading found wrongly extracted, or rightly and worth keeping so, each with its right
//! result (T4 to T6). They lie beside the project, not in it: without them the tests are reported as ignored, by name;
//! with `DASHSHARE_REQUIRE_SHARED` set they fail instead. `template/own_words.rs` and `template/limits.rs` have
//! documents of our own of the same kinds.

use crate::File;
use dashshare::template::{ExtractError, Options, Profile, Texts, extract_json};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};

type Make = fn() -> Profile;
type Check = fn(&str) -> Result<(), Failed>;

const DOCUMENTS: [(&str, Make, Check); 10] = [
    ("B04-v2-schema", Profile::grafana, |text| is_foreign(text, &Profile::grafana())),
    ("B04b-api-envelope", Profile::grafana, |text| is_foreign(text, &Profile::grafana())),
    ("B04c-v1-resource", Profile::grafana, |text| is_foreign(text, &Profile::grafana())),
    ("B13-target-dashboard", Profile::thingsboard, target_dashboard),
    ("B15-image-refs", Profile::thingsboard, image_references),
    ("B19-nobody-constant", Profile::thingsboard, nobody),
    ("R01-credential-member-names", Profile::grafana, |text| has_template(text, &Profile::grafana())),
    ("R02-credential-is-format-word", Profile::grafana, |text| has_template(text, &Profile::grafana())),
    ("planted-grafana", Profile::grafana, |text| is_clear(text, &Profile::grafana(), 89)),
    ("planted-thingsboard", Profile::thingsboard, |text| is_clear(text, &Profile::thingsboard(), 61)),
];

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/faults/template");
    let ignored = !folder.is_dir() && std::env::var_os("DASHSHARE_REQUIRE_SHARED").is_none();
    let trial = |(name, profile, check): &(&'static str, Make, Check)| {
        let (path, profile, check) = (folder.join(format!("{name}.json")), *profile, *check);
        file.trial(name, move || {
            let text = fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
            check(&text)?;
            no_option_finds_a_leak(&text, &profile())
        })
        .with_ignored_flag(ignored)
    };
    DOCUMENTS.iter().map(trial).collect()
}

fn template(text: &str, profile: &Profile) -> Result<Value, Failed> {
    let found = extract_json(text, profile, Options::default());
    Ok(found.map_err(|error| format!("{}: {error}: {error:?}", error.code()))?.template.to_json())
}

fn is_foreign(text: &str, profile: &Profile) -> Result<(), Failed> {
    match extract_json(text, profile, Options::default()) {
        Err(error @ ExtractError::Foreign(_)) if error.code() == "foreign_document" => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// Whatever the owner chose, a document of these is no leak: that has no way out.
fn no_option_finds_a_leak(text: &str, profile: &Profile) -> Result<(), Failed> {
    for texts in [Texts::Ask, Texts::LetStand, Texts::Blank] {
        for keep_code in [false, true] {
            let options = Options { texts, keep_code, ..Options::default() };
            if let Err(error @ (ExtractError::Leak(_) | ExtractError::AskOwner(_))) =
                extract_json(text, profile, options)
            {
                return Err(format!("{options:?}: {error:?}").into());
            }
        }
    }
    Ok(())
}

/// That there is a template, and what is in the document as a title, a type and a place is in it.
fn has_template(text: &str, profile: &Profile) -> Result<(), Failed> {
    let (source, made) = (serde_json::from_str::<Value>(text)?, template(text, profile)?);
    for place in ["/title", "/panels/0/title", "/panels/0/type", "/panels/0/gridPos"] {
        if source.pointer(place) != made["body"].pointer(place) {
            return Err(format!("{place}: {:?}", made["body"].pointer(place)).into());
        }
    }
    Ok(())
}

fn pointer<'a>(value: &'a Value, place: &str) -> Result<&'a Value, Failed> {
    value.pointer(place).ok_or_else(|| format!("{place} is not there: {value}").into())
}

/// The dashboard that a click leads to is a slot that may stay open, and the device one that may not.
fn target_dashboard(text: &str) -> Result<(), Failed> {
    let made = template(text, &Profile::thingsboard())?;
    let action = pointer(&made, "/body/configuration/widgets/$id:widget-1/config/actions/elementClick/0")?;
    assert_eq!(action["targetDashboardId"], json!({"$slot": "dashboard-1"}));
    assert_eq!(action.get("targetDashboardStateId"), None, "it is a state of the other dashboard");
    let slots: Vec<(&Value, &Value)> = made["slots"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|slot| (&slot["name"], &slot["required"]))
        .collect();
    assert_eq!(json!(slots), json!([["entity-1", true], ["dashboard-1", false]]));
    assert!(!made.to_string().contains("75c5-11ed"), "an id of the source stays: {made}");
    Ok(())
}

/// Images of the tenant go, by whatever address, and the colour stays.
fn image_references(text: &str) -> Result<(), Failed> {
    let made = template(text, &Profile::thingsboard())?;
    let config = pointer(&made, "/body/configuration/widgets/$id:widget-1/config")?;
    assert_eq!(config["settings"], json!({"background": {"color": "#fff"}}));
    let left = made.to_string().to_lowercase();
    for trace in ["acme", "tb-image", "/api/images", "ywnt", "ivborw0kggo", "base64"] {
        assert!(!left.contains(trace), "`{trace}` stays: {made}");
    }
    Ok(())
}

/// ThingsBoard's own constant stays where it says 'the current customer', and what the document defines is renamed.
fn nobody(text: &str) -> Result<(), Failed> {
    let made = template(text, &Profile::thingsboard())?;
    let filter = pointer(&made, "/body/configuration/entityAliases/$id:alias-1/filter/singleEntity")?;
    let expected = json!({"entityType": "CURRENT_CUSTOMER", "id": "13814000-1dd2-11b2-8080-808080808080"});
    assert_eq!(*filter, expected);
    assert!(!made.to_string().contains("75c5-11ed"), "an id of the source stays: {made}");
    Ok(())
}

/// That of so many values which were planted wherever something is dropped none stays.
fn is_clear(text: &str, profile: &Profile, planted: usize) -> Result<(), Failed> {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c| !is_of_word(c));
    let values: BTreeSet<&str> = words.filter(|word| word.starts_with("Zq")).collect();
    if values.len() < planted {
        return Err(format!("only {} values are planted", values.len()).into());
    }
    // Code that the owner lets stand says what it says.
    for texts in [Texts::Ask, Texts::LetStand, Texts::Blank] {
        let found = extract_json(text, profile, Options { texts, ..Options::default() });
        let left = found.map_err(|error| format!("{error:?}"))?.template.to_json().to_string();
        if let Some(value) = values.iter().find(|value| left.contains(**value)) {
            return Err(format!("`{value}` stays").into());
        }
    }
    Ok(())
}
