//! Sources of templates under the shipped profiles (T1 to T7): no removed id is left, and what is left can be written,
//! read, filled and extracted again.
//!
//! The first letter of the input chooses the profile and the options, the rest is a document. An id is planted where
//! the formats have ids of devices, and wherever the document has `@@`.

#![no_main]

use dashshare::template::{
    ExtractError, Extracted, Fills, Options, Profile, Recipient, Template, Texts, extract, fill,
};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// An id as the formats spell them, which no profile has and no seed.
const CANARY: &str = "6b9d41f07ac35e28d1f46a0b";

static PROFILES: LazyLock<[Profile; 3]> =
    LazyLock::new(|| [Profile::tagoio(), Profile::grafana(), Profile::thingsboard()]);

fuzz_target!(|text: &str| -> Corpus {
    let Some(choice) = text.bytes().next().filter(u8::is_ascii) else { return Corpus::Reject };
    let Ok(mut document) = serde_json::from_str::<Value>(&text[1..].replace("@@", CANARY)) else {
        return Corpus::Reject;
    };
    let choice = usize::from(choice);
    let profile = &PROFILES[choice % 3];
    let options = Options {
        texts: [Texts::Ask, Texts::LetStand, Texts::Blank][choice / 3 % 3],
        keep_code: choice / 9 % 2 == 0,
        strict: choice / 18 % 4 == 0,
        ..Options::default()
    };
    plant(&mut document, 0);
    match extract(&document, profile, options) {
        Ok(extracted) => check(&extracted, profile, options),
        Err(ExtractError::Leak(leaks)) => assert!(!leaks.is_empty()),
        Err(ExtractError::AskOwner(report)) => {
            assert!(options.texts == Texts::Ask && !report.texts.is_empty());
        }
        Err(ExtractError::Unknown(_)) => assert!(options.strict),
        Err(ExtractError::Foreign(report)) => assert_eq!((report.kept, report.slots.len()), (0, 0)),
        Err(_) => {}
    }
    Corpus::Keep
});

/// Puts the id where a profile removes it: into the fields of devices and data sources, and into one that is unknown.
fn plant(value: &mut Value, depth: usize) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "origin" | "device" if member.is_string() => *member = json!(CANARY),
                    "uid" | "deviceId" | "entityId" if member.is_string() => *member = json!(CANARY),
                    _ => plant(member, depth + 1),
                }
            }
            if depth == 0 {
                members.insert("unknown to all".to_owned(), json!({"device": CANARY}));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plant(item, depth + 1)),
        _ => {}
    }
}

fn check(extracted: &Extracted, profile: &Profile, options: Options) {
    let template = &extracted.template;
    let written = template.to_json().to_string();
    assert!(!written.to_lowercase().contains(CANARY), "the planted id is left in {written}");
    assert_eq!(Template::read(profile, &written).as_ref(), Ok(template), "{written}");
    assert_eq!(extracted.report.slots, template.slots());
    assert!(options.keep_code || !written.contains("\"$code\""), "code is kept in {written}");
    // Without fills, every required slot is named; with all of them nothing is missing.
    let required = template.slots().iter().filter(|slot| slot.required).count();
    match made(template, profile, &Fills::new()) {
        Ok(_) => assert_eq!(required, 0),
        Err(errors) => assert_eq!(errors, required, "one error a required slot"),
    }
    let fills: Fills = template
        .slots()
        .iter()
        .zip(1..)
        .map(|(slot, number)| (slot.name.clone(), json!(format!("0d5e7c3a91b24f68{number:08x}"))))
        .collect();
    let clone = made(template, profile, &fills).unwrap_or_else(|errors| panic!("{errors} errors, {written}"));
    assert!(!clone.to_string().contains(CANARY));
    // T7: the clone has the structure that it was made of.
    let again = Options { texts: Texts::LetStand, strict: false, ..options };
    let again =
        extract(&clone, profile, again).unwrap_or_else(|error| panic!("{error}: {clone} of {written}"));
    assert_eq!(again.template.to_json().to_string(), written, "{clone}");
}

/// Fills a template, with ids counted from one on.
fn made(template: &Template, profile: &Profile, fills: &Fills) -> Result<Value, usize> {
    let mut drawn = 0u64;
    let mut random = || {
        drawn += 1;
        let mut bytes = [0x5c; 16];
        bytes[..8]
            .copy_from_slice(&(drawn * 0x9e37_79b9_7f4a_7c15_u64.rotate_left(7) % u64::MAX).to_be_bytes());
        bytes
    };
    let recipient = Recipient {
        owner: "ann",
        accepts_code: true,
        partial: false,
        may_use: &|_, _| true,
        random: &mut random,
    };
    fill(template, profile, fills, recipient).map_err(|errors| {
        assert!(!errors.is_empty());
        errors.len()
    })
}
