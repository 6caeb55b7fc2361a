//! The template-only clone (T1–T8), on small profiles and documents of our own. Its laws on real dashboards are in
//! `corpus_templates`.

mod actions;
mod detector;
mod filling;
mod limits;
mod linter;
mod own_words;
mod reading;
mod report;
mod sameness;
mod traps;

use dashshare::template::{
    ExtractError, Extracted, FillError, Fills, Options, Profile, ProfileError, Recipient, Template, Texts,
    extract, fill,
};
use serde_json::{Value, json};

/// A profile with these vocabularies, spaces or types, and this root.
fn of(more: &Value, root: &Value) -> Profile {
    profile(more, root).unwrap_or_else(|error| panic!("{error}"))
}

fn profile(more: &Value, root: &Value) -> Result<Profile, ProfileError> {
    let mut text = json!({"format": "house", "version": 1, "root": root});
    for (name, value) in more.as_object().into_iter().flatten() {
        text[name] = value.clone();
    }
    Profile::parse(&text.to_string())
}

fn extracted(profile: &Profile, document: &Value) -> Extracted {
    extract(document, profile, Options::default()).unwrap_or_else(|error| panic!("{error} {error:?}"))
}

/// The body of a document's template; an empty one if nothing of it could be kept, so that there is no template.
fn body(profile: &Profile, document: &Value) -> Value {
    match extract(document, profile, Options::default()) {
        Err(ExtractError::Foreign(_)) => json!({}),
        _ => extracted(profile, document).template.to_json()["body"].clone(),
    }
}

/// What becomes of a value at a place with this node.
fn becomes(more: &Value, node: &Value, value: &Value) -> Value {
    body(&of(more, &json!({"object": {"it": node}})), &json!({ "it": value }))["it"].clone()
}

/// Everything that a recipient may say about a fill, with what is mostly said.
fn fill_with(
    template: &Template,
    profile: &Profile,
    fills: &[(&str, Value)],
    partial: bool,
) -> Result<Value, Vec<FillError>> {
    let fills: Fills = fills.iter().map(|(slot, value)| ((*slot).to_owned(), value.clone())).collect();
    let mut last = 0_u8;
    let recipient = Recipient {
        owner: "ann",
        accepts_code: true,
        partial,
        may_use: &|_, _| true,
        random: &mut || {
            last += 1;
            [last; 16]
        },
    };
    fill(template, profile, &fills, recipient)
}

/// Fills every slot with a value of its own.
fn fill_each(template: &Template, profile: &Profile) -> Value {
    let fills: Vec<(&str, Value)> = template
        .slots()
        .iter()
        .map(|slot| (slot.name.as_str(), json!(format!("ann's {}", slot.name))))
        .collect();
    fill_with(template, profile, &fills, false).expect("all slots are filled")
}

/// That reading, and filling and extracting again, gives the same template (T7).
fn assert_returns(profile: &Profile, template: &Template) {
    let written = template.to_json();
    assert_eq!(&Template::read(profile, &written.to_string()).expect("it was extracted"), template);
    let made = fill_each(template, profile);
    let options = Options {
        texts: Texts::LetStand,
        keep_code: written.to_string().contains("$code"),
        ..Options::default()
    };
    let again = extract(&made, profile, options).unwrap_or_else(|error| panic!("{error}: {made}"));
    assert_eq!(again.template.to_json(), written, "{made}");
}

fn device() -> Value {
    json!({"slot": {"kind": "device", "required": true}})
}

/// A profile with a little of everything.
fn house() -> Profile {
    of(
        &json!({
            "spaces": {"page": "object_id", "widget": "uuid", "row": "counter"},
            "vocabularies": {"kind": {"words": ["chart", "card"]}, "size": {"number": {"min": 0, "max": 100}}},
            "types": {"box": {"object": {"title": "text", "inner": {"ref": "box"}, "device": {"slot": {"kind": "device"}}}}}
        }),
        &json!({"object": {
            "id": {"id": {"space": "page", "defines": true}},
            "title": "text",
            "owner": "owner",
            "schema": {"neutral": 3},
            "cached": "drop",
            "start": {"id": {"space": "widget"}},
            "rows": {"array": {"object": {"number": {"id": {"space": "row", "defines": true}}, "height": {"keep": "size"}}}},
            "layout": {"array": {"object": {"widget": {"id": {"space": "widget"}}, "row": {"id": {"space": "row"}}, "x": {"keep": "size"}}}},
            "box": {"ref": "box"},
            "widgets": {"map": {"keys": {"id": {"space": "widget", "defines": true}}, "values": {"variant": {"on": "type",
                "cases": {"chart": {"object": {"type": {"keep": "kind"}, "device": device(), "variable": "name", "label": "text",
                    "query": {"code": "sql"}, "next": {"id": {"space": "widget"}}}}},
                "other": {"object": {"type": {"keep": "kind"}, "label": "text"}}}}}}
        }}),
    )
}

/// A dashboard of the house, with ids of one's choice.
fn cold_room(ids: [&str; 3], device: &str) -> Value {
    let [page, one, two] = ids;
    json!({
        "id": page, "title": "Cold room", "owner": "olga", "cached": {"last": [4.5, 4.7]}, "start": two, "unheard": "of",
        "rows": [{"number": 7, "height": 30}, {"number": 3, "height": 20}],
        "layout": [{"widget": one, "row": 3, "x": 0}, {"widget": two, "row": 7, "x": 50}],
        "widgets": {
            one: {"type": "chart", "device": device, "variable": "temperature", "label": "Air", "query": "select 1", "next": two},
            two: {"type": "card", "label": "Door", "device": device}
        }
    })
}

const IDS: [&str; 3] = ["p-1", "w-1", "w-2"];

/// A device in a slot, and what might still tell of it.
fn watched() -> Profile {
    of(
        &Value::Null,
        &json!({"object": {"device": device(), "token": "drop", "title": "text", "variable": "name", "query": {"code": "sql"},
            "shown": {"map": {"keys": "name", "values": {"text": null, "acknowledged": true}}}, "inner": {"json": {"object": {"title": "text"}}}}}),
    )
}

const UUID: &str = "7d44cf0e-5b1c-4c5f-9f3e-0d9a3b7c1e2f";

/// T10: profiles of three formats are shipped, each for its own: of another format's document hardly anything is left.
#[test]
fn the_shipped_profiles_are_each_for_their_own_format() {
    let profiles = [Profile::tagoio(), Profile::grafana(), Profile::thingsboard()];
    let documents = [
        json!({"dashboard": {"label": "Rooms", "arrangement": [{"widget_id": "a1b2", "x": 0, "y": 1}]},
            "widgets": [{"id": "a1b2", "type": "card", "label": "Air"}]}),
        json!({"title": "Rooms", "panels": [{"id": 1, "type": "stat", "title": "Air", "gridPos": {"x": 0, "y": 1, "w": 4, "h": 3}}]}),
        json!({"title": "Rooms", "configuration": {"widgets": {"w1": {"typeFullFqn": "system.cards.value_card", "sizeX": 4, "sizeY": 3}},
            "states": {"default": {"name": "Rooms", "root": true, "layouts": {"main": {"widgets": {"w1": {"row": 0, "col": 1, "sizeX": 4, "sizeY": 3}}}}}}}}),
    ];
    let formats: Vec<&str> = profiles.iter().map(Profile::format).collect();
    assert_eq!(formats, ["tagoio", "grafana", "thingsboard"]);
    for (own, profile) in profiles.iter().enumerate() {
        let options = Options { texts: Texts::LetStand, ..Options::default() };
        let kept = |document: &Value| match extract(document, profile, options) {
            Err(ExtractError::Foreign(report)) => report.kept,
            found => found.expect("it can be extracted").report.kept,
        };
        for (other, document) in documents.iter().enumerate().filter(|(other, _)| *other != own) {
            assert!(kept(document) <= 1, "{} keeps {} of {}", formats[own], kept(document), formats[other]);
            assert!(kept(&documents[own]) > 1 + kept(document), "{} keeps nothing of its own", formats[own]);
        }
    }
}
