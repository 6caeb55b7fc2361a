use dashshare::template::{Fills, Options, Profile, Recipient, Template, extract_json, fill};
use serde_json::{Value, json};

const PROFILE: &str = r#"{
  "format": "mini", "version": 1,
  "spaces": {"widget": "uuid"},
  "vocabularies": {"size": {"number": {"min": 0, "max": 100}}, "kind": {"words": ["chart", "card"]}},
  "root": {"object": {
    "id": {"id": {"space": "widget"}},
    "title": "text",
    "owner": "owner",
    "layout": {"array": {"object": {"widget": {"id": {"space": "widget"}}, "x": {"keep": "size"}}}},
    "widgets": {"map": {"keys": {"id": {"space": "widget", "defines": true}}, "values": {"variant": {"on": "type",
      "cases": {"chart": {"object": {"type": {"keep": "kind"}, "device": {"slot": {"kind": "device", "required": true}}, "label": "text", "w": {"keep": "size"}}}},
      "other": {"object": {"type": {"keep": "kind"}, "w": {"keep": "size"}}}}}}}
  }}
}"#;

#[test]
fn round() {
    let profile = Profile::parse(PROFILE).unwrap_or_else(|e| panic!("{e}"));
    let doc = |a: &str, b: &str, dev: &str| {
        json!({
        "id": "x1", "title": "Cold room", "owner": "olga", "secret": {"a": [1,2,"67ffb4806ae7fc000aac735d"]},
        "layout": [{"widget": a, "x": 1}, {"widget": b, "x": 2}],
        "widgets": {a: {"type": "chart", "device": dev, "label": "Air", "w": 3}, b: {"type": "chart", "device": dev, "label": "Air", "w": 3}}
    }).to_string()
    };
    let one = extract_json(&doc("zz", "aa", "dev-123"), &profile, Options::default()).unwrap();
    let two = extract_json(&doc("aa", "zz", "dev-999"), &profile, Options::default()).unwrap();
    println!("{}", serde_json::to_string_pretty(&one.template.to_json()).unwrap());
    println!("{:?}", one.report);
    assert_eq!(one.template, two.template);
    let text = one.template.to_json().to_string();
    assert_eq!(Template::read(&profile, &text).unwrap(), one.template);
    let fills: Fills = [("device-1".to_owned(), json!("mine"))].into();
    let mut n = 0u8;
    let made: Value = fill(
        &one.template,
        &profile,
        &fills,
        Recipient {
            owner: "ann",
            accepts_code: false,
            partial: false,
            may_use: &|_, _| true,
            random: &mut || {
                n += 1;
                [n; 16]
            },
        },
    )
    .unwrap();
    println!("{made:#}");
    let again = extract_json(&made.to_string(), &profile, Options::default()).unwrap();
    assert_eq!(again.template, one.template);
}
