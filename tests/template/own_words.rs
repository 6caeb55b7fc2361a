//! What is the format's own is nobody's: its words are never taken for names, ids or credentials (T5).

use super::of;
use dashshare::template::{ExtractError, Options, Profile, extract};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const PROFILES: [&str; 3] = [
    include_str!("../../profiles/tagoio.json"),
    include_str!("../../profiles/grafana.json"),
    include_str!("../../profiles/thingsboard.json"),
];

/// The words of a profile, by a reading of its own: what its objects call their fields, and what its vocabularies hold.
fn words(value: &Value, inside: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if inside == "object" {
                    found.insert(name.clone());
                }
                words(value, name, found);
            }
        }
        Value::Array(items) if inside == "words" => {
            found.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, "", found)),
        _ => {}
    }
}

fn all_words() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for profile in PROFILES {
        words(&serde_json::from_str(profile).expect("JSON"), "", &mut found);
    }
    // What a field of a host's profile may not begin with is of no use here.
    found.retain(|word| !word.starts_with('$'));
    found
}

/// A profile that keeps these words, and of which one is the name of a field.
fn keeping(words: &BTreeSet<String>) -> Profile {
    let mut fields = Map::new();
    fields.insert("device".to_owned(), json!({"slot": {"kind": "device"}}));
    fields.insert("title".to_owned(), json!("text"));
    fields.insert("mode".to_owned(), json!({"keep": "word"}));
    fields.insert("secret".to_owned(), json!("drop"));
    let vocabulary = json!({"vocabularies": {"word": {"words": words}}});
    of(&vocabulary, &json!({ "object": fields }))
}

const CREDENTIALS: [&str; 6] = ["password", "auth", "session", "apiKey", "pin", "accessToken"];

/// T5: whatever word of its own a format keeps, it is no credential and no id wherever else it stands: as the value of a
/// field that is called a credential, as the name of a member below one, as the name of such a field itself.
#[test]
fn no_word_of_a_format_is_taken_for_a_credential_or_an_id() {
    let words = all_words();
    let profile = keeping(&words);
    for word in &words {
        let shown = |document: &Value, place: &str| {
            let found = extract(document, &profile, Options::default());
            let found = found.unwrap_or_else(|error| panic!("`{word}` as {place}: {error}: {error:?}"));
            assert_eq!(found.template.to_json()["body"]["mode"], json!(word), "{place}");
        };
        for written in [word.clone(), word.to_uppercase(), format!(" {word} ")] {
            let fields: Map<String, Value> = CREDENTIALS
                .iter()
                .map(|field| ((*field).to_owned(), json!([written, {"in": written}])))
                .collect();
            let mut document =
                json!({"mode": word, "title": word, "secret": written, "unheard": fields.clone()});
            document.as_object_mut().expect("an object").extend(fields);
            shown(&document, "a credential");
        }
        let below: Map<String, Value> =
            CREDENTIALS.iter().map(|field| ((*field).to_owned(), json!({word: {word: 1}}))).collect();
        shown(&json!({"mode": word, "unheard": below}), "a member below a credential");
        shown(&json!({"mode": word, "title": word, "device": word}), "an id");
        shown(&json!({"mode": word, "unheard": {word: true}}), "a member");
        if !["mode", "device", "title", "secret"].contains(&word.as_str()) {
            shown(&json!({"mode": word, word: "something"}), "a field");
        }
    }
    println!("{} words", words.len());
    assert!(words.len() > 900, "only {} words were read", words.len());
}

/// T5: what a member below a credential is called is a word of the source's, and refuses nothing, also where the format
/// does not know it; what looks like an id does, and what has a digit is put to the owner.
#[test]
fn the_name_of_a_member_is_no_credential() {
    let profile = keeping(&["chart".to_owned()].into());
    let said = |document: &Value| match extract(document, &profile, Options::default()) {
        Ok(found) => found.template.to_json()["body"]["title"].as_str().unwrap_or("left out").to_owned(),
        Err(error) => error.code().to_owned(),
    };
    for field in ["session", "pin", "token", "password", "auth_cookie"] {
        for member in ["refreshes", "Selected", "last seen", "über-uns", "session", "pin"] {
            let document =
                json!({"title": member, "unheard": {field: {member: {"text": "x", "value": "x"}}}});
            assert_eq!(said(&document), member, "{document}");
            assert_eq!(
                said(&json!({"title": format!("{member} today"), field: {member: 1}})),
                format!("{member} today")
            );
        }
        let numbered = json!({"title": "The hunter42", "unheard": {field: {"hunter42": true}}});
        assert_eq!(said(&numbered), "ask_owner", "{numbered}");
        let shaped =
            json!({"title": "n Tr0ub4dorAndSoForth_n", "unheard": {field: {"Tr0ub4dorAndSoForth": true}}});
        assert_ne!(said(&shaped), "n Tr0ub4dorAndSoForth_n");
        // What stands in such a field is sought as ever.
        let value = json!({"title": "Open sesame now", "unheard": {field: ["sesame"]}});
        assert_eq!(said(&value), "leak", "{value}");
    }
    let own = json!({"title": "Session length", "session": 3600, "pin": {"value": 1, "text": "one"}});
    assert_eq!(said(&own), "Session length");
}

/// T5: a word that looks like an id is the format's own only where the profile says that it is a constant; in an ordinary
/// vocabulary it is sought, whoever acknowledged it.
#[test]
fn a_constant_that_looks_like_an_id_is_one_by_its_own_kind_of_vocabulary() {
    let nobody = "0c9d2f5e-13b7-4a68-8f20-5b7e1c3d9a46";
    let mut options = Options { keep_code: true, ..Options::default() };
    let of_kind = |kind: &str| {
        let root = json!({"object": {"id": {"either": [{"keep": "nobody", "acknowledged": true}, {"slot": {"kind": "entity"}}]},
            "code": {"code": "js"}, "title": "text"}});
        of(&json!({"vocabularies": {"nobody": {kind: [nobody]}}}), &root)
    };
    for elsewhere in [
        json!({"id": nobody, "code": format!("var nobody = '{nobody}'")}),
        json!({"id": nobody, "code": format!("var nobody = '{}'", nobody.replace('-', ""))}),
        json!({"id": nobody, "code": nobody.to_uppercase()}),
        json!({"id": nobody, "unheard": nobody}),
        json!({"id": nobody, "unheard": {"session": {nobody: nobody}}}),
        json!({"id": nobody, "title": nobody, "code": "1"}),
    ] {
        for keep_code in [true, false] {
            options.keep_code = keep_code;
            let found = extract(&elsewhere, &of_kind("constants"), options);
            let found = found.unwrap_or_else(|error| panic!("{elsewhere}: {error:?}"));
            assert_eq!(found.template.to_json()["body"]["id"], nobody, "{elsewhere}");
            let found = extract(&elsewhere, &of_kind("words"), options);
            assert!(matches!(found, Err(ExtractError::Leak(_))), "{elsewhere}: {found:?}");
        }
    }
    // Another one of its shape is an id as ever.
    let other = json!({"id": nobody.replace("0c9d", "0c9e"), "title": "Tanks"});
    let found = extract(&other, &of_kind("constants"), options).expect("a slot");
    assert_eq!(found.template.to_json()["body"]["id"], json!({"$slot": "entity-1"}));
}

/// T5: ThingsBoard's own constant for 'nobody', beside a device.
#[test]
fn the_current_customer_of_thingsboard_is_nobody() {
    let nobody = "13814000-1dd2-11b2-8080-808080808080";
    let alias =
        |entity: &Value| json!({"alias": "Mine", "filter": {"type": "singleEntity", "singleEntity": entity}});
    let document = json!({"title": "Tanks", "configuration": {"entityAliases": {
        "a1": alias(&json!({"entityType": "CURRENT_CUSTOMER", "id": nobody})),
        "a2": alias(&json!({"entityType": "DEVICE", "id": "7a0d4c10-75c5-11ed-9338-a51186c29ac9"})),
    }, "settings": {"unheard": {"tenantId": {"id": nobody}, "customerToken": nobody}}}});
    let found = extract(&document, &Profile::thingsboard(), Options::default()).expect("a template");
    let text = found.template.to_json().to_string();
    assert!(text.contains(nobody) && !text.contains("7a0d4c10"), "{text}");
}
