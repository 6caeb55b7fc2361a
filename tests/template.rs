//! The template-only clone (T1–T8), on small profiles and documents of our own. Its laws on real dashboards are in
//! `corpus_templates`.

use dashshare::template::{
    ExtractError, Extracted, FillError, Fills, Options, Profile, ProfileError, Recipient, Template, Texts,
    extract, extract_json, fill,
};
use serde_json::{Value, json};
use std::cell::RefCell;

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

fn body(profile: &Profile, document: &Value) -> Value {
    extracted(profile, document).template.to_json()["body"].clone()
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

// The actions of nodes.

/// T2: what is kept is a member of a closed vocabulary; all else is dropped.
#[test]
fn a_leaf_is_kept_only_as_a_member_of_its_vocabulary() {
    let vocabularies: [(Value, &[Value], &[Value]); 9] = [
        (json!("bool"), &[json!(true), json!(false)], &[json!("true"), json!(1), json!([true])]),
        (
            json!({"words": ["line", "bar"]}),
            &[json!("line"), json!("bar")],
            &[json!("Line"), json!("lines"), json!(""), json!({"line": 1})],
        ),
        (
            json!({"number": {"min": 0, "max": 10}}),
            &[json!(0), json!(10), json!(2.5)],
            &[json!(-1), json!(10.5), json!(u64::MAX), json!("5")],
        ),
        (json!({"numbers": [60, 3600]}), &[json!(60)], &[json!(61), json!(60.5), json!("60")]),
        (
            json!({"number_text": {"min": 0, "max": 10}}),
            &[json!("5"), json!("0.5")],
            &[json!("11"), json!("5e0"), json!("five"), json!(5), json!("0.00000000000001")],
        ),
        (
            json!("colour"),
            &[json!("#fff"), json!("rgba(1, 2, 3, 0.5)"), json!("red")],
            &[json!("#ffffg0"), json!("olga"), json!("url(http://olga)"), json!("rgb(1,2)")],
        ),
        (json!("length"), &[json!("12px"), json!("50%")], &[json!("12 olgas"), json!("px"), json!(12)]),
        (
            json!("relative_time"),
            &[json!("now-6h"), json!("now/d"), json!("30s"), json!("1 day")],
            &[json!("2024-12-11"), json!("1733925837"), json!("12345d"), json!("6h/d"), json!("now-olga")],
        ),
        (json!("time_zone"), &[json!("UTC"), json!("browser")], &[json!("Europe/Berlin")]),
    ];
    for (vocabulary, members, others) in vocabularies {
        let more = json!({"vocabularies": {"it": vocabulary}});
        for value in members {
            assert_eq!(becomes(&more, &json!({"keep": "it"}), value), *value, "{vocabulary}");
        }
        for value in others {
            assert_eq!(
                becomes(&more, &json!({"keep": "it"}), value),
                Value::Null,
                "{vocabulary} has {value}"
            );
        }
    }
}

/// T2: a name is a word of the schema, not what looks like an id, a link or a marker.
#[test]
fn a_name_is_kept_if_it_looks_like_a_word() {
    for name in ["temperature", "air_temp-2", "Room/Air", "élan vital"] {
        assert_eq!(becomes(&Value::Null, &json!("name"), &json!(name)), name);
    }
    for other in [
        json!("$slot:device-1"),
        json!(" temperature"),
        json!(""),
        json!("x".repeat(65)),
        json!("5f2b9c0d7a1e4b6c8d9e0f1a"),
        json!("olga@example.com"),
        json!("10.20.30.40"),
        json!("a;b"),
        json!(7),
        json!(["temperature"]),
    ] {
        assert_eq!(becomes(&Value::Null, &json!("name"), &other), Value::Null, "{other}");
    }
}

/// T2, T5: a text loses markup and links, and does not stay with an id or a credential in it.
#[test]
fn a_text_is_kept_without_markup_links_and_ids() {
    for (text, kept) in [
        ("Cold room", json!("Cold room")),
        ("<b>Cold</b> room", json!("Cold room")),
        ("<<b>b>Cold", json!("b>Cold")),
        ("see https://olga.example/d/1 now", json!("see now")),
        ("www.olga.example", Value::Null),
        ("[help](javascript:alert(1))", Value::Null),
        ("Cold\n\troom\u{7}\u{200b}\u{202e}", json!("Cold room")),
        ("", Value::Null),
        ("<img src=x onerror=alert(1)>", Value::Null),
        ("device 5f2b9c0d7a1e4b6c8d9e0f1a", Value::Null),
        ("5f2b9c0d\u{200b}7a1e4b6c8d9e0f1a", Value::Null),
        ("7D44CF0E-5b1c-4c5f-9f3e-0d9a3b7c1e2f", Value::Null),
        ("ask olga@example.com", Value::Null),
        ("at 10.20.30.40:1883", Value::Null),
        ("at fe80::1ff:fe23:4567:890a", Value::Null),
        ("b8:27:eb:12:34:56", Value::Null),
        ("call 00491701234567", Value::Null),
        ("key sk-abcdef012345", Value::Null),
        ("Tr0ub4dorAndSoForth", Value::Null),
    ] {
        assert_eq!(becomes(&Value::Null, &json!("text"), &json!(text)), kept, "{text:?}");
    }
    assert_eq!(becomes(&Value::Null, &json!("text"), &json!("word ".repeat(500))), Value::Null);
    assert_eq!(becomes(&Value::Null, &json!("text"), &json!({"text": "Cold room"})), Value::Null);
}

/// T2: code is a slot of its own, which is optional; the owner may let it stand, and the recipient may refuse it.
#[test]
fn code_is_an_optional_slot_unless_both_sides_let_it_stand() {
    let profile =
        of(&Value::Null, &json!({"object": {"queries": {"array": {"code": "sql"}}, "title": "text"}}));
    let document = json!({"queries": ["select 1", "select 1", "  ", 7], "title": "Cold room"});
    let template = extracted(&profile, &document).template;
    assert_eq!(
        template.to_json()["body"]["queries"],
        json!([{"$slot": "code:sql-1"}, {"$slot": "code:sql-2"}])
    );
    assert!(template.slots().iter().all(|slot| !slot.required && slot.uses == 1));

    let options = Options { keep_code: true, ..Options::default() };
    let template = extract(&document, &profile, options).expect("nothing leaks").template;
    assert_eq!(template.to_json()["body"]["queries"], json!([{"$code": "select 1"}, {"$code": "select 1"}]));
    assert_returns(&profile, &template);
    let of_a_careful_one = Recipient {
        owner: "ann",
        accepts_code: false,
        partial: false,
        may_use: &|_, _| true,
        random: &mut || [0; 16],
    };
    let made = fill(&template, &profile, &Fills::new(), of_a_careful_one).expect("there are no slots");
    assert_eq!(made, json!({"queries": [], "title": "Cold room"}));
}

/// T2: an image's address tells its host when the clone is opened, and may hold the owner's id.
#[test]
fn an_asset_is_kept_of_the_named_hosts_only() {
    let node = json!({"asset": {"hosts": ["icons.example"]}});
    let kept = json!("https://icons.example/set/bell.svg");
    assert_eq!(becomes(&Value::Null, &node, &kept), kept);
    for other in [
        "http://icons.example/bell.svg",
        "https://icons.example.olga.example/bell.svg",
        "https://olga@icons.example/bell.svg",
        "https://icons.example/bell.svg?who=olga",
        "https://icons.example/bell.svg#olga",
        "https://icons.example/5f2b9c0d7a1e4b6c8d9e0f1a/bell.svg",
        "//icons.example/bell.svg",
        "data:image/svg+xml;base64,PHN2Zy8+",
    ] {
        assert_eq!(becomes(&Value::Null, &node, &json!(other)), Value::Null, "{other}");
    }
}

#[test]
fn equal_values_of_one_kind_share_a_slot_and_others_do_not() {
    let profile = of(
        &Value::Null,
        &json!({"object": {"devices": {"array": {"slot": {"kind": "device"}}}, "main": device(), "report": {"slot": {"kind": "analysis"}}}}),
    );
    let document = json!({"devices": ["olga-1", "olga-2", "olga-1", 7, "", null, true, {"id": 1}], "main": "olga-2", "report": "olga-1"});
    let template = extracted(&profile, &document).template;
    assert_eq!(
        template.to_json()["body"],
        json!({
            "devices": [{"$slot": "device-1"}, {"$slot": "device-2"}, {"$slot": "device-1"}, {"$slot": "device-3"}],
            "main": {"$slot": "device-2"}, "report": {"$slot": "analysis-1"}
        })
    );
    let slots: Vec<(&str, bool, usize)> =
        template.slots().iter().map(|slot| (slot.name.as_str(), slot.required, slot.uses)).collect();
    assert_eq!(
        slots,
        [("device-1", false, 2), ("device-2", true, 2), ("device-3", false, 1), ("analysis-1", false, 1)]
    );
    assert_returns(&profile, &template);
}

/// T2, T6: an id is renamed wherever it stands, as a key too; one that the document does not define is somebody
/// else's.
#[test]
fn an_id_is_renamed_wherever_it_stands_and_dropped_where_nothing_defines_it() {
    let mut document = cold_room(IDS, "olga-1");
    document["layout"][1]["widget"] = json!("w-of-another-page");
    let template = extracted(&house(), &document).template;
    let body = &template.to_json()["body"];
    assert_eq!(body["layout"][0], json!({"widget": {"$id": "widget-1"}, "row": {"$id": "row-1"}, "x": 0}));
    assert_eq!(body["layout"][1], json!({"row": {"$id": "row-2"}, "x": 50}));
    assert_eq!(body["start"], body["widgets"]["$id:widget-1"]["next"]);
    let made = fill_with(&template, &house(), &[("device-1", json!("mine"))], false).expect("filled");
    let start = made["start"].as_str().expect("an id");
    assert_eq!(made["widgets"][start]["label"], "Door");
    assert_eq!((start.len(), made["id"].as_str().map(str::len)), (36, Some(24)));
    assert_eq!(made["rows"][1]["number"], made["layout"][0]["row"], "{made}");
}

/// T7: nothing refers to what is left out.
#[test]
fn an_id_whose_definition_does_not_survive_is_dropped_everywhere() {
    let mut document = cold_room(IDS, "olga-1");
    let expected = {
        let mut without = document.clone();
        without["widgets"].as_object_mut().expect("a map").remove("w-2");
        body(&house(), &without)
    };
    for nothing in [json!(null), json!({}), json!([]), json!({"readings": [4.5]}), json!("w-1")] {
        document["widgets"]["w-2"] = nothing;
        let template = extracted(&house(), &document).template;
        assert_eq!(template.to_json()["body"], expected);
        assert_returns(&house(), &template);
    }
}

#[test]
fn an_id_or_slot_is_an_id_if_the_document_defines_it() {
    let profile = of(
        &json!({"spaces": {"place": "uuid"}}),
        &json!({"object": {"places": {"array": {"object": {"id": {"id": {"space": "place", "defines": true}}}}},
            "uses": {"array": {"id_or_slot": {"space": "place", "kind": "device", "required": true}}}}}),
    );
    let template =
        extracted(&profile, &json!({"places": [{"id": "a"}], "uses": ["a", "olga-1", 5, false]})).template;
    assert_eq!(
        template.to_json()["body"],
        json!({"places": [{"id": {"$id": "place-1"}}], "uses": [{"$id": "place-1"}, {"$slot": "device-1"}, {"$slot": "device-2"}]})
    );
    assert!(template.slots().iter().all(|slot| slot.required));
    assert_returns(&profile, &template);
}

/// T3: what is the same in every template says nothing of its source.
#[test]
fn the_owner_and_what_is_neutral_are_there_whatever_the_source_says() {
    let mut first = None;
    for (owner, schema) in
        [(json!("olga"), json!(36)), (Value::Null, json!("x")), (json!({"id": 5}), Value::Null)]
    {
        let document = json!({"title": "Cold room", "owner": owner, "schema": schema});
        let template = extracted(&house(), &document).template;
        let made = fill_each(&template, &house());
        assert_eq!((&made["owner"], &made["schema"]), (&json!("ann"), &json!(3)));
        assert_eq!(*first.get_or_insert(template.clone()), template);
    }
    assert_eq!(
        body(&house(), &json!({"owner": "olga", "schema": 4})),
        json!({}),
        "nothing but constants is nothing"
    );
}

/// T2: keys of maps are data.
#[test]
fn keys_of_maps_are_renamed_or_slots_or_words_or_dropped() {
    let profile = of(
        &json!({"vocabularies": {"flag": "bool"}}),
        &json!({"object": {
            "shown": {"map": {"keys": "name", "values": {"keep": "flag"}}},
            "devices": {"map": {"keys": {"slot": {"kind": "device"}}, "values": {"keep": "flag"}}}
        }}),
    );
    let document = json!({
        "shown": {"temperature": true, "5f2b9c0d7a1e4b6c8d9e0f1a": true, "$slot:device-1": true, "olga@example.com": false, "humidity": "no"},
        "devices": {"olga-1": true, "olga-2": 7}
    });
    let found = extracted(&profile, &document);
    assert_eq!(
        found.template.to_json()["body"],
        json!({"shown": {"temperature": true}, "devices": {"$slot:device-1": true}})
    );
    assert_eq!(found.report.dropped["shown.*"], 4);
    assert_returns(&profile, &found.template);
    let made = fill_with(&found.template, &profile, &[], false).expect("the slot is optional");
    assert_eq!(made, json!({"shown": {"temperature": true}, "devices": {}}));
}

#[test]
fn a_variant_is_told_by_a_field_and_else_keeps_the_rest() {
    let mut document = cold_room(IDS, "olga-1");
    document["widgets"]["w-1"]["type"] = json!("olga's own");
    let widgets = body(&house(), &document)["widgets"].clone();
    let mut kept: Vec<&Value> = widgets.as_object().expect("a map").values().collect();
    kept.sort_by_key(|widget| widget.to_string());
    assert_eq!(kept, [&json!({"label": "Air"}), &json!({"label": "Door", "type": "card"})]);
}

/// T2: a document in a string is a document.
#[test]
fn a_document_in_a_string_is_walked_and_one_that_is_none_is_dropped() {
    let node = json!({"json": {"object": {"title": "text", "device": device(), "more": {"json": {"object": {"title": "text"}}}}}});
    let profile = of(&Value::Null, &json!({"object": {"it": node}}));
    let inner = json!({"title": "Inside", "token": "olga"}).to_string();
    let document = json!({"it": json!({"title": "Room", "device": "olga-1", "more": inner}).to_string()});
    let template = extracted(&profile, &document).template;
    let left = json!({"$json": {"title": "Room", "device": {"$slot": "device-1"}, "more": {"$json": {"title": "Inside"}}}});
    assert_eq!(template.to_json()["body"], json!({"it": left}));
    assert_returns(&profile, &template);
    let made = fill_with(&template, &profile, &[("device-1", json!("\"}{"))], false).expect("filled");
    let document: Value = serde_json::from_str(made["it"].as_str().expect("a string")).expect("JSON");
    assert_eq!(document["device"], "\"}{", "a fill is a value, not a part of a text");
    for other in
        [json!("{"), json!("[1]"), json!("{\"title\":\"a\",\"title\":\"b\"}"), json!({"title": "Room"})]
    {
        assert_eq!(body(&profile, &json!({ "it": other })), json!({}), "{other}");
    }
}

#[test]
fn a_type_may_contain_itself() {
    let document = json!({"box": {"title": "A", "inner": {"title": "B", "inner": {"device": "olga-1", "inner": {"x": 1}}}}});
    assert_eq!(
        body(&house(), &document),
        json!({"box": {"title": "A", "inner": {"title": "B", "inner": {"device": {"$slot": "device-1"}}}},
            "owner": {"$owner": true}, "schema": 3})
    );
}

// T1: a template is read as strictly as it was made.

/// T1: reading refuses what extracting could not have left, and says where.
#[test]
fn a_forged_template_is_refused_with_its_place() {
    let template = extracted(&house(), &cold_room(IDS, "olga-1")).template.to_json();
    assert!(Template::read(&house(), &template.to_string()).is_ok());
    let forgeries: Vec<(&str, &str, Value, &str)> = vec![
        ("a device id in a leaf", "/body/layout/0/x", json!("5f2b9c0d7a1e4b6c8d9e0f1a"), "/layout/0/x"),
        ("a number beyond the vocabulary", "/body/layout/0/x", json!(101), "/layout/0/x"),
        ("a device id in a slot's place", "/body/widgets/$id:widget-1/device", json!("olga-1"), "device"),
        (
            "a device id in a name",
            "/body/widgets/$id:widget-1/variable",
            json!("5f2b9c0d7a1e4b6c8d9e0f1a"),
            "variable",
        ),
        ("an unknown field", "/body/token", json!("olga"), "token"),
        ("a dropped field", "/body/cached", json!(1), "/cached"),
        ("an unknown slot", "/body/widgets/$id:widget-1/device", json!({"$slot": "device-2"}), "device"),
        (
            "a slot of another kind",
            "/body/widgets/$id:widget-1/device",
            json!({"$slot": "code:sql-1"}),
            "device",
        ),
        (
            "a slot with more in it",
            "/body/widgets/$id:widget-1/device",
            json!({"$slot": "device-1", "was": "olga-1"}),
            "device",
        ),
        ("an id out of range", "/body/start", json!({"$id": "widget-1000001"}), "/start"),
        ("an id that nothing defines", "/body/start", json!({"$id": "widget-31337"}), "widget-31337"),
        ("an id of another space", "/body/start", json!({"$id": "row-1"}), "/start"),
        ("an id spelt otherwise", "/body/start", json!({"$id": "widget-01"}), "/start"),
        ("an id that is none", "/body/start", json!({"$id": "widget-0"}), "/start"),
        ("a source's id", "/body/start", json!("w-2"), "/start"),
        ("markup in a text", "/body/title", json!("<script>alert(1)</script>"), "/title"),
        ("a link in a text", "/body/title", json!("http://olga.example"), "/title"),
        ("an address in a text", "/body/title", json!("olga@example.com"), "/title"),
        ("a key of the source's", "/body/widgets/w-3", json!({"label": "Air"}), "/widgets"),
        ("a marker as key", "/body/widgets/$slot:device-1", json!({"label": "Air"}), "/widgets"),
        ("an owner", "/body/owner", json!("olga"), "/owner"),
        ("a marker with more", "/body/owner", json!({"$owner": "olga"}), "/owner"),
        ("another constant", "/body/schema", json!(4), "/schema"),
        ("an object for a list", "/body/layout", json!({"0": {}}), "/layout"),
        ("a list for the body", "/body", json!([]), "/"),
        ("a member beside", "/source", json!("p-1"), "source"),
        ("another format", "/format", json!("barn"), "house"),
        ("another version", "/version", json!(2), "house"),
        ("a slot of the author's naming", "/slots/0/name", json!("olga's freezer"), "slot"),
        ("a slot of an unknown kind", "/slots/0/kind", json!("person"), "slot"),
        ("a slot with a label", "/slots/0/label", json!("olga's freezer"), "label"),
        ("a slot that is none", "/slots/0", json!("device-1"), "slot"),
        ("no slots", "/slots", Value::Null, "slots"),
    ];
    for (what, place, forged, says) in forgeries {
        let mut text = template.clone();
        let (parent, name) = place.rsplit_once('/').expect("a pointer");
        let there = text.pointer_mut(parent).unwrap_or_else(|| panic!("{place} in {template}"));
        match there {
            Value::Array(items) => items[name.parse::<usize>().expect("an index")] = forged,
            other => other[name] = forged,
        }
        let error = Template::read(&house(), &text.to_string()).expect_err(what).to_string();
        assert!(error.contains(says), "{what}: `{says}` is not in: {error}");
    }
}

/// T1: who reads a member that stands twice elsewhere may see the other one.
#[test]
fn a_template_with_a_member_twice_or_an_idle_slot_is_refused() {
    let profile = of(&Value::Null, &json!({"object": {"title": "text", "device": device()}}));
    let text = |slots: &str, body: &str| {
        format!(r#"{{"format":"house","version":1,"slots":[{slots}],"body":{{{body}}}}}"#)
    };
    let slot = r#"{"name":"device-1","kind":"device","required":true,"uses":1}"#;
    assert!(Template::read(&profile, &text(slot, r#""device":{"$slot":"device-1"}"#)).is_ok());
    for (slots, body) in [
        (slot, ""),
        ("", r#""title":"a","title":"b""#),
        ("", r#""device":{"$slot":"device-1"}"#),
        ("", r#""title":"\ud800""#),
    ] {
        assert!(Template::read(&profile, &text(slots, body)).is_err(), "{slots} {body}");
    }
    for text in ["", "[]", "null", "{}", &"[".repeat(100_000)] {
        assert!(Template::read(&profile, text).is_err());
    }
}

// T2: the report.

/// T2: the report counts what was dropped, what was unknown and what was kept, by path.
#[test]
fn the_report_counts_what_was_dropped_and_what_was_unknown() {
    let mut document = cold_room(IDS, "olga-1");
    document["layout"][0]["x"] = json!(1000);
    document["layout"][1]["x"] = json!("left");
    document["layout"][1]["who"] = json!("olga");
    let report = extracted(&house(), &document).report;
    let counts = |of: &std::collections::BTreeMap<String, usize>| -> Vec<(String, usize)> {
        of.iter().map(|(path, count)| (path.clone(), *count)).collect()
    };
    assert_eq!(counts(&report.dropped), [("cached".to_owned(), 1), ("layout.[].x".to_owned(), 2)]);
    assert_eq!(
        counts(&report.unknown),
        [("layout.[].who".to_owned(), 1), ("unheard".to_owned(), 1), ("widgets.*.device".to_owned(), 1)]
    );
    // The title, the constant, two heights, and of the widgets two types, two labels and a variable.
    assert_eq!(report.kept, 9);
    assert_eq!(
        report.slots.iter().map(|slot| slot.name.as_str()).collect::<Vec<_>>(),
        ["device-1", "code:sql-1"]
    );
}

/// T2: on wish, what the profile does not know is an error.
#[test]
fn a_strict_extraction_fails_on_what_the_profile_does_not_know() {
    let options = Options { strict: true, ..Options::default() };
    let document = cold_room(IDS, "olga-1");
    match extract(&document, &house(), options) {
        Err(ExtractError::Unknown(report)) => assert_eq!(report.unknown.len(), 2),
        other => panic!("{other:?}"),
    }
    let mut known = document;
    known.as_object_mut().expect("an object").remove("unheard");
    known["widgets"]["w-2"].as_object_mut().expect("an object").remove("device");
    assert!(extract(&known, &house(), options).is_ok());
}

// T3: non-interference.

/// T3: nothing that is not kept is seen in the template, be it a value, a type, a presence or a length.
#[test]
fn documents_that_differ_only_in_what_is_not_kept_have_one_template() {
    let expected = extracted(&house(), &cold_room(IDS, "olga-1")).template.to_json().to_string();
    let twin = |change: &dyn Fn(&mut Value)| {
        let mut document = cold_room(IDS, "olga-1");
        change(&mut document);
        assert_eq!(extracted(&house(), &document).template.to_json().to_string(), expected, "{document}");
    };
    for value in [
        json!(null),
        json!({}),
        json!([]),
        json!(""),
        json!([1, 2, 3]),
        json!({"inside": ["Attic"]}),
        json!(1e300),
    ] {
        twin(&|document| document["cached"] = value.clone());
        twin(&|document| document["unheard"] = value.clone());
        twin(&|document| document["owner"] = value.clone());
        twin(&|document| document["schema"] = value.clone());
        twin(&|document| document["layout"][0]["seen"] = value.clone());
        twin(&|document| document["widgets"]["w-2"]["display"] = value.clone());
    }
    for nothing in [json!(null), json!({}), json!([]), json!(7)] {
        twin(&|document| document["box"] = nothing.clone());
        twin(&|document| document["box"] = json!({ "inner": nothing, "title": nothing }));
    }
    twin(&|document| document["widgets"]["w-1"]["query"] = json!("select secret from olga"));
    twin(&|document| *document = cold_room(["another", "w-1", "w-2"], "5f2b9c0d7a1e4b6c8d9e0f1a"));
    twin(&|document| {
        document["rows"][0]["number"] = json!(1);
        document["layout"][1]["row"] = json!(1);
    });
}

/// T3: databases and parsers sort maps by their keys, and the keys are ids: numbers must not tell of their order.
#[test]
fn numbers_do_not_depend_on_the_spelling_of_ids() {
    let expected = extracted(&house(), &cold_room(["p", "a", "b"], "x-1")).template;
    for ids in [["p", "b", "a"], ["p", "zzz", "0"], ["0", "10", "9"], ["p", "B", "a"]] {
        assert_eq!(extracted(&house(), &cold_room(ids, "y-2")).template, expected, "{ids:?}");
    }
    let devices = |one: &str, two: &str| {
        let widget = |device: &str, label: &str| json!({"type": "chart", "device": device, "label": label});
        extracted(&house(), &json!({"widgets": {one: widget(one, "Air"), two: widget(two, "Door")}})).template
    };
    assert_eq!(devices("olga-1", "olga-2"), devices("olga-2", "olga-1"));
}

/// T3: the order of members is the writer's.
#[test]
fn the_order_of_members_does_not_show() {
    let one = r#"{"title": "Cold room", "layout": [{"x": 1, "widget": "a"}], "widgets": {"a": {"type": "card"}, "b": {"label": "Door"}}}"#;
    let other = r#"{"widgets": {"b": {"label": "Door"}, "a": {"type": "card"}}, "layout": [{"widget": "a", "x": 1}], "title": "Cold room"}"#;
    let of = |json: &str| extract_json(json, &house(), Options::default()).expect("a dashboard").template;
    assert_eq!(of(one).to_json().to_string(), of(other).to_json().to_string());
}

/// T3: a ring of widgets that are alike but for their ids has no first one.
#[test]
fn a_ring_of_widgets_that_are_alike_has_one_template() {
    let ring = |ids: [&str; 6]| {
        let widgets: serde_json::Map<String, Value> = (0..6)
            .map(|place| (ids[place].to_owned(), json!({"type": "chart", "next": ids[(place + 1) % 6]})))
            .collect();
        extracted(&house(), &json!({ "widgets": widgets })).template
    };
    let expected = ring(["a", "b", "c", "d", "e", "f"]);
    for ids in
        [["a", "c", "e", "b", "d", "f"], ["f", "e", "d", "c", "b", "a"], ["a", "d", "b", "e", "c", "f"]]
    {
        assert_eq!(ring(ids), expected, "{ids:?}");
    }
}

/// T3: what tells two widgets apart may be far from them.
#[test]
fn a_chain_of_widgets_that_are_alike_has_one_template() {
    let chain = |spelt: &dyn Fn(usize) -> String| {
        let mut widgets = serde_json::Map::new();
        for place in 0..20 {
            widgets.insert(spelt(place), json!({"type": "chart", "next": spelt(place + 1)}));
        }
        extracted(&house(), &json!({ "widgets": widgets })).template
    };
    let expected = chain(&|place| format!("{place:02}"));
    assert_eq!(chain(&|place| format!("{:02}", 40 - place)), expected);
    assert_eq!(chain(&|place| format!("{:02}", place * 7 % 23)), expected);
}

/// A shuffler of its own seed.
fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(below).expect("it fits")).expect("it fits")
    }
}

/// The text of a ThingsBoard dashboard whose widgets show these pairs of alike aliases, its ids and its order by chance.
fn of_pairs(pairs: &[(usize, usize)], seed: u64) -> String {
    let mut next = dice(seed);
    let mut id = || uuid::Uuid::from_u128((0..8).fold(0, |id, _| id << 16 | next(65536) as u128)).to_string();
    let count = pairs.iter().map(|(one, other)| one.max(other) + 1).max().unwrap_or(0);
    let ids: Vec<String> = (0..count).map(|_| id()).collect();
    let alias = |id: &String| {
        let alias =
            json!({"id": id, "alias": "x", "filter": {"type": "singleEntity", "resolveMultiple": false}});
        (id.clone(), alias)
    };
    let widget = |(one, other): &(usize, usize)| {
        let source = |of: usize| json!({"type": "entity", "entityAliasId": ids[of]});
        json!({"type": "latest", "config": {"title": "A", "datasources": [source(*one), source(*other)]}})
    };
    let mut widgets: Vec<(String, Value)> = pairs.iter().map(|pair| (id(), widget(pair))).collect();
    let mut aliases: Vec<(String, Value)> = ids.iter().map(alias).collect();
    let mut text = |entries: &mut Vec<(String, Value)>| {
        for place in (1..entries.len()).rev() {
            entries.swap(place, next(place + 1));
        }
        entries.iter().map(|(id, value)| format!("\"{id}\":{value}")).collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"title": "x", "configuration": {{"widgets": {{{}}}, "entityAliases": {{{}}}}}}}"#,
        text(&mut widgets),
        text(&mut aliases)
    )
}

fn rings(lengths: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut start = 0;
    for length in lengths {
        pairs.extend((0..*length).map(|place| (start + place, start + (place + 1) % length)));
        start += length;
    }
    pairs
}

/// T3: which of widgets that are alike is the first does not depend on their ids or on the order of the source, whatever
/// they show.
#[test]
fn widgets_and_aliases_that_are_alike_have_one_template() {
    let mut graphs: Vec<(String, Vec<(usize, usize)>)> = Vec::new();
    let equal = |length: usize, times: usize| vec![length; times];
    for lengths in [
        vec![1, 2],
        vec![2, 3],
        vec![2, 4],
        vec![3],
        vec![40],
        vec![3, 3, 6],
        vec![4, 3, 5],
        equal(3, 34),
        equal(4, 40),
        equal(1, 200),
        [equal(2, 20), equal(3, 20), equal(5, 7)].concat(),
    ] {
        graphs.push((format!("rings {lengths:?}"), rings(&lengths)));
    }
    let both = |pairs: Vec<(usize, usize)>| -> Vec<(usize, usize)> {
        pairs.iter().copied().chain(pairs.iter().map(|(one, other)| (*other, *one))).collect()
    };
    let beside = |pairs: &[(usize, usize)], times: usize, step: usize| -> Vec<(usize, usize)> {
        (0..times)
            .flat_map(|time| pairs.iter().map(move |(a, b)| (a + time * step, b + time * step)))
            .collect()
    };
    let path: Vec<(usize, usize)> = (0..9).map(|place| (place, place + 1)).collect();
    let star: Vec<(usize, usize)> = (1..8).flat_map(|leaf| [(0, leaf), (leaf, 0)]).collect();
    let complete: Vec<(usize, usize)> =
        (0..7).flat_map(|a| (0..7).filter(move |b| a != *b).map(move |b| (a, b))).collect();
    let petersen: Vec<(usize, usize)> =
        (0..5).flat_map(|at| [(at, (at + 1) % 5), (at, at + 5), (at + 5, (at + 2) % 5 + 5)]).collect();
    let cube: Vec<(usize, usize)> =
        (0..16).flat_map(|at| (0..4).map(move |bit| (at, at ^ (1 << bit)))).collect();
    // The pairs that stand in a line, a column or a diagonal of a square: alike, and not told apart by a few looks.
    let square = |diagonal: bool| -> Vec<(usize, usize)> {
        let one = move |a: usize, b: usize| {
            let ((x, y), (u, v)) = ((a / 4, a % 4), (b / 4, b % 4));
            let step = ((x + 4 - u) % 4, (y + 4 - v) % 4);
            let shrikhande = matches!(step, (0, 1 | 3) | (1 | 3, 0) | (1, 1) | (3, 3));
            a != b && if diagonal { shrikhande } else { x == u || y == v }
        };
        (0..16).flat_map(|a| (0..16).filter(move |b| one(a, *b)).map(move |b| (a, b))).collect()
    };
    for (name, pairs, step) in [
        ("path", path.clone(), 10),
        ("path both ways", both(path), 10),
        ("star", star, 8),
        ("complete", complete, 7),
        ("petersen", petersen.clone(), 10),
        ("petersen both ways", both(petersen), 10),
        ("cube", cube, 16),
        ("square", square(false), 16),
        ("other square", square(true), 16),
    ] {
        for times in [1, 2, 5] {
            graphs.push((format!("{name}, {times} times"), beside(&pairs, times, step)));
        }
    }
    let two_squares = [square(false), beside(&square(true), 2, 16).split_off(square(true).len())].concat();
    graphs.push(("both squares".to_owned(), two_squares));
    for seed in 0..60 {
        let mut next = dice(seed);
        // Regular ones and any others, some of them several times.
        let count = 2 + next(9);
        let pairs: Vec<(usize, usize)> = if seed % 2 == 0 {
            let steps: Vec<usize> = (0..1 + next(3)).map(|_| 1 + next(count)).collect();
            (0..count).flat_map(|at| steps.iter().map(move |step| (at, (at + step) % count))).collect()
        } else {
            (0..1 + next(14)).map(|_| (next(count), next(count))).collect()
        };
        graphs.push((format!("random {seed}"), beside(&pairs, 1 + next(3), count)));
    }
    let profile = Profile::thingsboard();
    let mut seed = 0;
    for (name, pairs) in graphs {
        let mut template = || {
            seed += 1;
            extract_json(&of_pairs(&pairs, seed), &profile, Options::default())
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .template
        };
        let expected = template();
        for _ in 0..6 {
            let found = template();
            assert_eq!(found.to_json().to_string(), expected.to_json().to_string(), "{name}");
        }
        let read = Template::read(&profile, &expected.to_json().to_string()).expect("it was extracted");
        assert_eq!(read, expected, "{name}");
    }
}

/// T3: where finding an order that does not depend on the ids would take too long, there is no template.
#[test]
fn a_document_of_too_much_that_is_alike_is_refused() {
    let pairs: Vec<(usize, usize)> =
        (0..260).flat_map(|a| (0..260).filter(move |b| a != *b).map(move |b| (a, b))).collect();
    let found = extract_json(&of_pairs(&pairs, 1), &Profile::thingsboard(), Options::default());
    assert!(matches!(found, Err(ExtractError::TooAlike)), "{found:?}");
    // A ring of hundreds and hundreds of rings are none of that.
    for pairs in [rings(&[300]), rings(&[2; 1000])] {
        let found = extract_json(&of_pairs(&pairs, 1), &Profile::thingsboard(), Options::default());
        assert!(found.is_ok(), "{found:?}");
    }
}

// T4 and T5: the detector.

/// A device in a slot, and what might still tell of it.
fn watched() -> Profile {
    of(
        &Value::Null,
        &json!({"object": {"device": device(), "token": "drop", "title": "text", "variable": "name", "query": {"code": "sql"},
            "shown": {"map": {"keys": "name", "values": {"text": null, "acknowledged": true}}}, "inner": {"json": {"object": {"title": "text"}}}}}),
    )
}

fn normal_forms(id: &str) -> Vec<String> {
    let bytes = id.as_bytes();
    vec![
        id.to_owned(),
        id.to_uppercase(),
        bytes.iter().map(|byte| format!("%{byte:02x}")).collect(),
        bytes.iter().map(|byte| format!("%{byte:02X}")).collect(),
        id.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        format!(
            "\\\"{}\\\" ~ '\\d+'\n",
            id.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect::<String>()
        ),
        data_encoding::BASE64.encode(bytes),
        data_encoding::BASE64_NOPAD.encode(bytes),
        data_encoding::BASE64URL.encode(bytes),
        data_encoding::BASE64.encode(format!("the device {id}.").as_bytes()),
        data_encoding::HEXLOWER.encode(bytes),
        data_encoding::HEXUPPER.encode(bytes),
    ]
}

const UUID: &str = "7d44cf0e-5b1c-4c5f-9f3e-0d9a3b7c1e2f";

/// T4, T5: an id that was removed and still stands in what is left refuses the whole, however it is written.
#[test]
fn an_id_in_what_is_left_refuses_in_every_normal_form() {
    let options = Options { keep_code: true, texts: Texts::LetStand, ..Options::default() };
    let ids = ["cold-7", "boiler-77", "s:12.4", "room 7", "5f2b9c0d7a1e4b6c8d9e0f1a", UUID, "Wärme-7"];
    for id in ids {
        let mut forms = normal_forms(id);
        if id == UUID {
            forms.extend([id.replace('-', ""), id.replace('-', "").to_uppercase()]);
        }
        for form in forms {
            for code in [
                form.clone(),
                format!("id={form}"),
                format!("where device = '{form}'"),
                format!("a/{form}/b"),
            ] {
                let document = json!({"device": id, "query": code});
                match extract(&document, &watched(), options) {
                    Err(ExtractError::Leak(leaks)) => {
                        assert!(
                            leaks.iter().any(|leak| leak.path == "device" && leak.text == code),
                            "{leaks:?}"
                        );
                    }
                    // Code that looks like it does not stand, whether it was removed elsewhere or not.
                    Ok(found) if json!(found.report)["code"] == 1 => {}
                    other => panic!("{id} as {code:?}: {other:?}"),
                }
            }
            // A text does not stay with what looks like an id, whether it was removed or not.
            for title in [form.clone(), format!("Room {form}")] {
                for document in [
                    json!({"device": id, "title": title, "query": "select 1"}),
                    json!({"device": id, "inner": json!({"title": title}).to_string()}),
                    json!({"device": id, "shown": {title.as_str(): "Room"}}),
                    json!({"device": id, "variable": title}),
                ] {
                    if let Ok(found) = extract(&document, &watched(), options) {
                        let left = found.template.to_json()["body"].to_string();
                        assert!(
                            !left.contains(form.trim_end()) && !left.contains("Room "),
                            "{title:?}: {left}"
                        );
                    }
                }
            }
        }
    }
    let dashes = json!({"device": UUID.replace('-', ""), "query": UUID});
    let found = extract(&dashes, &watched(), options).expect("such code does not stand");
    assert_eq!(found.template.to_json()["body"]["query"], json!({"$slot": "code:sql-1"}));
}

/// T5: a credential is looked for wherever it was removed from, also from what the profile does not know.
#[test]
fn a_credential_in_what_is_left_refuses_wherever_it_was_removed_from() {
    let options = Options { keep_code: true, ..Options::default() };
    for secret in [
        "ghp_0123456789abcdef",
        "Tr0ub4dorAndSoForth",
        "olga@example.com",
        "10.20.30.40",
        "b8:27:eb:12:34:56",
    ] {
        for place in ["token", "unheard"] {
            let document = json!({place: {"deep": [{"in": format!("x {secret} y")}]}, "variable": secret, "query": format!("use '{secret}'"), "title": secret});
            let found = extract(&document, &watched(), options).expect("nothing of it stands");
            assert_eq!(
                found.template.to_json()["body"],
                json!({"query": {"$slot": "code:sql-1"}}),
                "{document}"
            );
            // A vocabulary is kept as it is: that the linter was overruled does not silence the detector.
            let kept = json!({"vocabularies": {"it": {"words": [secret]}}});
            let root = json!({"object": {"token": "drop", "mode": {"keep": "it", "acknowledged": true}}});
            let document = json!({place: {"deep": [{"in": format!("x {secret} y")}]}, "mode": secret});
            let found = extract(&document, &of(&kept, &root), options);
            assert!(matches!(found, Err(ExtractError::Leak(_))), "{secret} in {place}: {found:?}");
            // As a key of something removed, too.
            let found = extract(&json!({"unheard": {secret: 1}, "mode": secret}), &of(&kept, &root), options);
            assert!(matches!(found, Err(ExtractError::Leak(_))), "{secret} as a key: {found:?}");
        }
    }
    let harmless = json!({"device": "olga-1", "unheard": "temperature", "query": "select temperature", "title": "olga-12"});
    let found = extract(&harmless, &watched(), options).expect("a part of a short word is no id");
    assert_eq!(found.template.to_json()["body"]["title"], "olga-12");
}

/// T5: a name found in a kept text is put to the owner, who lets it stand or blanks it.
#[test]
fn a_name_in_a_kept_text_is_put_to_the_owner() {
    let profile = of(
        &Value::Null,
        &json!({"object": {"device": {"object": {"id": device(), "name": "drop"}}, "title": "text", "box": {"object": {"label": "text"}},
            "labels": {"array": "text"}}}),
    );
    let document = json!({
        "device": {"id": "olga-1", "name": "North Freezer"}, "title": "Temperatures",
        "box": {"label": "The NORTH freezer's door"}, "labels": ["Air", "north-freezer", "Northern Freezers"]
    });
    let report = match extract(&document, &profile, Options::default()) {
        Err(ExtractError::AskOwner(report)) => report,
        other => panic!("{other:?}"),
    };
    let asked: Vec<(&str, &str)> =
        report.texts.iter().map(|found| (found.text.as_str(), found.name.as_str())).collect();
    assert_eq!(asked, [("The NORTH freezer's door", "north freezer"), ("north-freezer", "north freezer")]);

    let with = |texts| {
        extract(&document, &profile, Options { texts, ..Options::default() }).expect("the owner was asked")
    };
    let stands = with(Texts::LetStand);
    assert_eq!(stands.report.texts, report.texts);
    assert_eq!(
        stands.template.to_json()["body"]["labels"],
        json!(["Air", "north-freezer", "Northern Freezers"])
    );
    let blank = with(Texts::Blank);
    assert_eq!(blank.report.texts, report.texts);
    assert_eq!(
        blank.template.to_json()["body"],
        json!({"device": {"id": {"$slot": "device-1"}}, "title": "Temperatures", "labels": ["Air", "Northern Freezers"]})
    );
    for template in [stands.template, blank.template] {
        assert_returns(&profile, &template);
    }
}

/// T5: the value of a slot that is a plain word may be a word of the design as well: that is for the owner to say.
#[test]
fn a_plain_word_of_a_slot_is_put_to_the_owner() {
    let document = json!({"device": "freezer", "title": "Freezer temperature"});
    assert!(matches!(extract(&document, &watched(), Options::default()), Err(ExtractError::AskOwner(_))));
    let blank = Options { texts: Texts::Blank, ..Options::default() };
    let found = extract(&document, &watched(), blank).expect("the owner blanks it");
    assert_eq!(found.template.to_json()["body"], json!({"device": {"$slot": "device-1"}}));
}

// What a fresh reader found.

fn leaks(document: &Value, options: Options) -> bool {
    matches!(extract(document, &watched(), options), Err(ExtractError::Leak(_)))
}

const LET_STAND: Options = Options { texts: Texts::LetStand, keep_code: false, strict: false };

/// T5: ids that are numbers are looked for as whole tokens.
#[test]
fn a_numeric_id_in_what_is_left_refuses() {
    for (device, title, leaks_it) in [
        (json!("4711982"), "Sensor 4711982", true),
        (json!(4_711_982), "Sensor-4711982", true),
        (json!("47119"), "47119", true),
        (json!("47119"), "Sensor 471190", false),
        (json!("4711"), "Unit 4711", false),
        (json!("12345678"), "a 12345678 b", true),
        (json!("12345678"), "a 123456789b", false),
    ] {
        let document = json!({"device": device, "title": title});
        assert_eq!(leaks(&document, LET_STAND), leaks_it, "{document}");
    }
}

/// T5: what stands in a field that is called a credential is looked for whatever it looks like.
#[test]
fn what_is_called_a_credential_is_looked_for_whatever_its_shape() {
    for (field, value, title, leaks_it) in [
        ("password", json!("Sommer2026!"), "login olga sommer2026!", true),
        ("token", json!("qXkLmBvNtRwZsPdFgHjY"), "token qXkLmBvNtRwZsPdFgHjY", true),
        ("apiKey", json!("hunter2x"), "key hunter2x", true),
        ("api_key", json!("hunter2x"), "hunter2xy", false),
        ("devicePin", json!("1234"), "1234", true),
        ("pin", json!(1234), "1234", true),
        ("pin", json!("1234"), "Room 1234", false),
        ("otp_secret", json!("JBSWY3DPEHPK3PXP"), "otp JBSWY3DPEHPK3PXP", true),
        ("session-cookie", json!("abcdef"), "abcdef", true),
        ("colour", json!("abcdefgh"), "abcdefgh", false),
    ] {
        let document = json!({field: value, "title": title});
        assert_eq!(leaks(&document, LET_STAND), leaks_it, "{document}");
    }
}

/// T4, T5: a text is what a browser shows of it.
#[test]
fn entities_percent_signs_and_what_cannot_be_seen_hide_nothing() {
    for query in [
        "x olga&#64;acme.example y",
        "x olga&#x40;acme.example y",
        "x olga&commat;acme.example y",
        "x olga%40acme.example y",
        "x olga%2540acme.example y",
        "x ol\u{ad}ga@acme\u{2060}.example y",
    ] {
        // In what is kept as it is, it is looked for; in a text it does not stay at all.
        let root = json!({"object": {"token": "drop", "mode": {"keep": "it", "acknowledged": true}}});
        let profile = of(&json!({"vocabularies": {"it": {"words": [query]}}}), &root);
        let found = extract(&json!({"token": "olga@acme.example", "mode": query}), &profile, LET_STAND);
        assert!(matches!(found, Err(ExtractError::Leak(_))), "{query}: {found:?}");
        assert_eq!(becomes(&Value::Null, &json!("text"), &json!(query)), Value::Null, "{query}");
    }
    for (device, title) in [
        ("olga freezer 7", "olga%2520freezer%25207"),
        ("north-42", "n&#111;rth-42"),
        ("north-42", "nor\u{ad}th-42"),
    ] {
        assert!(leaks(&json!({"device": device, "title": title}), LET_STAND), "{title}");
    }
    assert!(leaks(&json!({"device": "a84041fffe", "title": "Node a8:40:41:ff-fe"}), LET_STAND));
}

/// T5: addresses of hardware.
#[test]
fn addresses_of_hardware_do_not_stay_in_texts() {
    for text in ["Gateway a84041c2f318", "Node A8-40-41-FF-FF-00-11-22", "Node a8:40:41:ff:ff:00:11:22"] {
        assert_eq!(becomes(&Value::Null, &json!("text"), &json!(text)), Value::Null, "{text}");
    }
    for text in ["Facade 123456 abcdef", "two Milesight EM500-PP-868M-LoRaWAN"] {
        assert_eq!(becomes(&Value::Null, &json!("text"), &json!(text)), text);
    }
}

/// T5: code that holds an id or a credential itself is a slot, whatever the owner wishes, and no template has it.
#[test]
fn code_that_holds_an_id_does_not_stand() {
    let options = Options { keep_code: true, ..Options::default() };
    for code in [
        "get('5f2b9c0d7a1e4b6c8d9e0f1a')",
        "mail olga@example.com",
        "at 10.20.30.40",
        "use ghp_0123456789abcdef",
    ] {
        let found =
            extract(&json!({"query": code, "title": "Cold room"}), &watched(), options).expect("no leak");
        let mut written = found.template.to_json();
        assert_eq!(written["body"]["query"], json!({"$slot": "code:sql-1"}), "{code}");
        assert_eq!(json!(found.report)["code"], 1);
        written["slots"] = json!([]);
        written["body"]["query"] = json!({ "$code": code });
        assert!(Template::read(&watched(), &written.to_string()).is_err(), "{code}");
        written["body"]["query"] = json!({"$code": "select 1"});
        assert!(Template::read(&watched(), &written.to_string()).is_ok());
    }
}

/// T5: who and where somebody is, and what tags and chosen values say, is put to the owner where it is kept.
#[test]
fn names_of_people_and_places_are_put_to_the_owner() {
    let asked = |document: &Value| match extract(document, &watched(), Options::default()) {
        Ok(_) => false,
        Err(ExtractError::AskOwner(_)) => true,
        Err(error) => panic!("{document}: {error}"),
    };
    for (document, is_asked) in [
        (
            json!({"tags": [{"key": "customer", "value": "ACME Foods"}], "title": "ACME Foods cold room"}),
            true,
        ),
        (json!({"owner": "ACME Foods", "title": "ACME foods"}), true),
        (json!({"assigned_to": "Olga Petrova", "title": "Room of Olga Petrova"}), true),
        (json!({"siteName": "Bob", "title": "At Bob's"}), true),
        (json!({"customer": "Bob", "variable": "bob"}), true),
        (json!({"customer": "Bob", "shown": {"bob-1": "Air"}}), true),
        (json!({"device_name": "North Freezer", "variable": "North Freezer"}), true),
        (json!({"current": {"text": "Hamburg", "value": ["hh"]}, "title": "Load in Hamburg"}), true),
        (json!({"query": "up{instance=\"acme store\"}", "title": "Load of ACME Store"}), true),
        (json!({"owner": "title", "title": "Title"}), false),
        (json!({"kind": "Hamburg", "title": "Hamburg"}), false),
        (json!({"owner": "Bo", "title": "Bo"}), false),
    ] {
        assert_eq!(asked(&document), is_asked, "{document}");
    }
    let blank = Options { texts: Texts::Blank, ..Options::default() };
    let document = json!({"customer": "Bob", "variable": "bob", "shown": {"bob": "Air", "x": "y"}});
    let found = extract(&document, &watched(), blank).expect("blanked");
    assert_eq!(found.template.to_json()["body"], json!({"shown": {"x": "y"}}));
}

/// T2: an address is no name.
#[test]
fn an_address_is_no_name() {
    for other in [
        "https://acme.example/olga",
        "db01.internal.acme.com:5432/olga smith",
        "acme.com/olga",
        "see acme.com:80",
    ] {
        assert_eq!(becomes(&Value::Null, &json!("name"), &json!(other)), Value::Null, "{other}");
    }
    for name in ["node.cpu/sum", "rate:5m", "a.b", "job:cpu.usage:rate5m"] {
        let kept = if name == "node.cpu/sum" { Value::Null } else { json!(name) };
        assert_eq!(becomes(&Value::Null, &json!("name"), &json!(name)), kept, "{name}");
    }
}

/// T1: what a slot is, its places say, and what extracting would not have left is refused.
#[test]
fn a_template_does_not_say_what_its_places_do() {
    let profile = of(
        &Value::Null,
        &json!({"object": {"device": {"slot": {"kind": "device", "required": true}}, "query": {"code": "sql"}, "title": "text",
            "box": {"object": {"label": "text"}}, "items": {"array": "text"}}}),
    );
    let read = |slots: Value, body: Value| {
        let text = json!({"format": "house", "version": 1, "slots": slots, "body": body}).to_string();
        Template::read(&profile, &text)
    };
    let slot = |name: &str, required: Value, uses: Value| json!([{"name": format!("{name}-1"), "kind": name, "required": required, "uses": uses}]);
    let device = json!({"device": {"$slot": "device-1"}});
    let found = read(slot("device", json!(false), json!(7)), device.clone()).expect("it is read");
    assert!(found.slots()[0].required && found.slots()[0].uses == 1);
    let found = read(slot("code:sql", json!(true), json!(1)), json!({"query": {"$slot": "code:sql-1"}}));
    assert!(!found.expect("it is read").slots()[0].required);
    for (required, uses) in
        [(json!("olga"), json!(1)), (json!(true), json!("olga")), (json!(true), json!([{}]))]
    {
        assert!(read(slot("device", required, uses), device.clone()).is_err());
    }
    for body in [json!({"title": ""}), json!({"title": "x", "box": {}}), json!({"title": "x", "items": []})] {
        assert!(read(json!([]), body.clone()).is_err(), "{body}");
    }
    assert!(read(json!([]), json!({})).is_ok());
}

/// T5: a text is read once, whatever it is of.
#[test]
fn brackets_and_ids_that_begin_alike_take_no_longer() {
    let begun = std::time::Instant::now();
    assert_eq!(becomes(&Value::Null, &json!("text"), &json!("<".repeat(4_000_000))), Value::Null);
    assert_eq!(becomes(&Value::Null, &json!("text"), &json!("<".repeat(19_000))), "<");
    let devices: Vec<Value> = (0..16_000).map(|at| json!(format!("67ffb39b{at:016x}"))).collect();
    let titles: Vec<String> = (0..16_000).map(|at| format!("L{at} 67ffb39b")).collect();
    let profile =
        of(&Value::Null, &json!({"object": {"devices": {"array": device()}, "titles": {"array": "text"}}}));
    assert!(extract(&json!({"devices": devices, "titles": titles}), &profile, LET_STAND).is_ok());
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// T6: nobody owns nothing.
#[test]
fn a_blank_owner_or_fill_is_refused() {
    let template = extracted(&watched(), &json!({"device": "olga-1"})).template;
    let made = |owner: &str, device: &str| {
        let recipient = Recipient {
            owner,
            accepts_code: false,
            partial: false,
            may_use: &|_, _| true,
            random: &mut || [0; 16],
        };
        let fills: Fills = [("device-1".to_owned(), json!(device))].into();
        fill(&template, &watched(), &fills, recipient)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert!(made("ann", "a").is_ok());
    for owner in ["", " \t"] {
        assert_eq!(
            made(owner, "a"),
            Err(vec!["a dashboard belongs to somebody: the owner is blank".to_owned()])
        );
    }
    assert_eq!(made("ann", "  ").map_err(|errors| errors.len()), Err(1));
}

/// T2: ways for data that a profile may leave open.
#[test]
fn the_linter_flags_open_maps_and_what_tells_of_people() {
    let refused = |more: &Value, node: &Value, field: &str| {
        let root = json!({"object": {field: node}});
        matches!(profile(more, &root), Err(ProfileError::Refused(_)))
    };
    let none = &Value::Null;
    assert!(refused(none, &json!({"map": {"keys": "name", "values": "text"}}), "a"));
    assert!(refused(none, &json!({"map": {"keys": "name", "values": {"array": "name"}}}), "a"));
    assert!(!refused(
        none,
        &json!({"map": {"keys": "name", "values": {"text": null, "acknowledged": true}}}),
        "a"
    ));
    for host in ["olga@acme.example", "acme.example/olga", "acme..example", "*"] {
        assert!(refused(none, &json!({"asset": {"hosts": [host]}}), "a"), "{host}");
    }
    for word in ["67599bcd999d25000a9c10bd", "olga@acme.com", "ghp_0123456789abcdef"] {
        let words = json!({"vocabularies": {"it": {"words": ["a", word]}}});
        assert!(refused(&words, &json!({"keep": "it"}), "a"), "{word}");
        assert!(!refused(&words, &json!({"keep": "it", "acknowledged": true}), "a"), "{word}");
        assert!(refused(none, &json!({"neutral": {"deep": [word]}}), "a"), "{word}");
    }
    for field in [
        "pw",
        "pin",
        "passphrase",
        "otp",
        "auth",
        "session",
        "cookies",
        "mac",
        "imei",
        "iban",
        "devEui",
        "customer",
        "company",
        "tenant",
        "org",
        "author",
        "link",
        "links",
        "gatewayMac",
        "sim_pin",
    ] {
        assert!(refused(none, &json!("text"), field), "{field}");
        assert!(!refused(none, &json!({"text": null, "acknowledged": true}), field), "{field}");
    }
    let number = json!({"vocabularies": {"it": {"number": {"min": -180, "max": 180}}}});
    for field in ["lat", "lng"] {
        assert!(refused(&number, &json!({"keep": "it"}), field), "{field}");
    }
    for field in ["spinning", "machine", "organic", "flat", "linked_to_nothing"] {
        assert!(!refused(none, &json!("text"), field), "{field}");
    }
    let node = json!({"asset": {"hosts": ["acme.example"]}});
    for url in ["https://acme.example/../../a", "https://acme.example/a/./b"] {
        assert_eq!(becomes(none, &node, &json!(url)), Value::Null, "{url}");
    }
}

/// T2: a text is changed only where it has markup, links or what cannot be seen, and the report says how often.
#[test]
fn what_is_no_markup_and_no_link_stays_in_a_text() {
    for text in [
        "Raw data: living room and <5 °C or >8 °C",
        "a <= b",
        "x < y > z",
        "mailto: somebody",
        "metadata:x",
        "a <",
    ] {
        assert_eq!(becomes(&Value::Null, &json!("text"), &json!(text)), text);
    }
    for (text, kept) in [
        ("a <b>c</b>", "a c"),
        ("x data:text/html,y z", "x z"),
        ("a\u{ad}b\u{2060}c\u{e0041}", "abc"),
        ("see grafana.acme.com/d/xyz now", "see now"),
        ("see //acme.test/x now", "see now"),
    ] {
        let profile = of(&Value::Null, &json!({"object": {"it": "text"}}));
        let found = extracted(&profile, &json!({ "it": text }));
        assert_eq!(found.template.to_json()["body"]["it"], kept, "{text}");
        assert_eq!(json!(found.report)["changed"], 1, "{text}");
    }
    let profile = of(&Value::Null, &json!({"object": {"it": "text"}}));
    assert_eq!(json!(extracted(&profile, &json!({"it": "as it was"})).report)["changed"], 0);
}

// T6: filling.

/// T6: all that is wrong with the fills is said at once, and nothing is made.
#[test]
fn all_that_is_wrong_with_the_fills_is_said_at_once() {
    let profile = of(
        &Value::Null,
        &json!({"object": {"devices": {"array": device()}, "report": {"slot": {"kind": "analysis"}}}}),
    );
    let template =
        extracted(&profile, &json!({"devices": ["a1", "b2", "c3", "d4"], "report": "r5"})).template;
    let fills: Fills = [
        ("device-1", json!("mine")),
        ("device-2", json!({"id": "mine"})),
        ("device-3", json!("hers")),
        ("analysis-1", json!("")),
        ("device-9", json!("mine")),
    ]
    .into_iter()
    .map(|(slot, value)| (slot.to_owned(), value))
    .collect();
    let asked = RefCell::new(Vec::new());
    let recipient = Recipient {
        owner: "ann",
        accepts_code: true,
        partial: false,
        may_use: &|kind, value| {
            asked.borrow_mut().push((kind.to_owned(), value.clone()));
            *value != json!("hers")
        },
        random: &mut || panic!("something was made"),
    };
    let errors = fill(&template, &profile, &fills, recipient).expect_err("nothing is right");
    assert_eq!(
        errors,
        [
            FillError::Missing("device-4".to_owned()),
            FillError::Unknown("device-9".to_owned()),
            FillError::WrongShape("analysis-1".to_owned()),
            FillError::WrongShape("device-2".to_owned()),
            FillError::NotAllowed("device-3".to_owned()),
        ]
    );
    let devices = [("device".to_owned(), json!("mine")), ("device".to_owned(), json!("hers"))];
    assert_eq!(asked.into_inner(), devices);
}

/// T6: the host is asked for each fill before anything is made, so that a clone is no way to somebody else's device.
#[test]
fn the_host_is_asked_for_each_fill_before_anything_is_made() {
    let template = extracted(&house(), &cold_room(IDS, "olga-1")).template;
    let fills: Fills =
        [("device-1".to_owned(), json!("mine")), ("code:sql-1".to_owned(), json!("select 2"))].into();
    let told = RefCell::new(Vec::new());
    let recipient = Recipient {
        owner: "ann",
        accepts_code: true,
        partial: false,
        may_use: &|kind, _| {
            told.borrow_mut().push(kind.to_owned());
            true
        },
        random: &mut || {
            told.borrow_mut().push("made".to_owned());
            [7; 16]
        },
    };
    fill(&template, &house(), &fills, recipient).expect("all is right");
    let told = told.into_inner();
    assert_eq!(told[..2], ["device", "code:sql"]);
    assert!(told.len() > 2 && told[2..].iter().all(|made| made == "made"), "{told:?}");
}

#[test]
fn every_shape_but_a_text_and_a_whole_number_is_wrong() {
    let profile = of(&Value::Null, &json!({"object": {"device": device()}}));
    let template = extracted(&profile, &json!({"device": "olga-1"})).template;
    for wrong in [
        json!(null),
        json!(true),
        json!(1.5),
        json!([]),
        json!(["mine"]),
        json!({"$slot": "device-1"}),
        json!(""),
    ] {
        let errors =
            fill_with(&template, &profile, &[("device-1", wrong)], false).expect_err("of a wrong shape");
        assert_eq!(errors, [FillError::WrongShape("device-1".to_owned())]);
    }
    for right in [json!("mine"), json!(7), json!(-7), json!(9_007_199_254_740_993_u64)] {
        let made = fill_with(&template, &profile, &[("device-1", right.clone())], false).expect("filled");
        assert_eq!(made, json!({ "device": right }));
    }
}

/// T6: an optional slot without a fill leaves its place out; a required one may wait, if that was asked for.
#[test]
fn an_open_slot_leaves_its_place_out() {
    let template = extracted(&house(), &cold_room(IDS, "olga-1")).template;
    let missing = fill_with(&template, &house(), &[], false).expect_err("a device is required");
    assert_eq!(missing, [FillError::Missing("device-1".to_owned())]);
    for (fills, partial) in [(vec![("device-1", json!("mine"))], false), (vec![], true)] {
        let made = fill_with(&template, &house(), &fills, partial).expect("that is enough");
        let widgets = made["widgets"].as_object().expect("a map");
        let chart = widgets.values().find(|widget| widget["type"] == "chart").expect("the chart");
        assert_eq!((chart.get("query"), chart.get("device").is_some()), (None, !partial));
        assert_eq!(widgets.len(), 2);
        assert!(!made.to_string().contains('$'), "no marker is left: {made}");
    }
}

/// T6: ids are fresh with every filling.
#[test]
fn two_clones_share_no_id_and_none_with_the_source() {
    let template = extracted(&house(), &cold_room(IDS, "olga-1")).template;
    let made = |start: u8| {
        let mut last = start;
        let recipient = Recipient {
            owner: "ann",
            accepts_code: true,
            partial: true,
            may_use: &|_, _| true,
            random: &mut || {
                last += 1;
                [last; 16]
            },
        };
        fill(&template, &house(), &Fills::new(), recipient).expect("partial")
    };
    let ids = |made: &Value| -> Vec<String> {
        let keys = made["widgets"].as_object().expect("a map").keys().cloned();
        keys.chain(made["id"].as_str().map(str::to_owned)).collect()
    };
    let (one, other) = (made(0), made(100));
    for id in ids(&one) {
        assert!(!ids(&other).contains(&id) && !IDS.contains(&id.as_str()), "{id}");
    }
}

#[test]
fn a_template_is_filled_under_its_own_profile_only() {
    let template = extracted(&house(), &cold_room(IDS, "olga-1")).template;
    let errors = fill_with(&template, &Profile::tagoio(), &[], true).expect_err("another profile");
    assert_eq!(errors, [FillError::OtherProfile]);
}

// T7 and T8.

/// T7: `template(fill(T, f)) == T` for injective fills.
#[test]
fn a_filled_template_is_extracted_as_it_was() {
    let documents = [
        cold_room(IDS, "olga-1"),
        cold_room(["z", "y", "x"], "7"),
        json!({"title": "Cold room"}),
        json!({"widgets": {"a": {"type": "chart", "device": 7, "next": "b"}, "b": {"type": "chart", "device": "seven", "next": "a"}}}),
        json!({"box": {"inner": {"inner": {"device": "olga-1", "title": "A"}}}}),
        json!({}),
    ];
    for document in documents {
        assert_returns(&house(), &extracted(&house(), &document).template);
    }
}

/// T8: editing the clone changes neither the template nor the source, nor another clone.
#[test]
fn the_clone_the_template_and_the_source_are_independent() {
    let source = cold_room(IDS, "olga-1");
    let (source_before, template) = (source.clone(), extracted(&house(), &source).template);
    let before = template.to_json();
    let clone = fill_each(&template, &house());
    let mut edited = clone.clone();
    edited["title"] = json!("Mine");
    edited["widgets"] = json!({});
    drop(edited);
    assert_eq!((template.to_json(), &source), (before.clone(), &source_before));
    assert_eq!(fill_each(&template, &house()), clone);
    // The other way round, too: what happens to the source is not seen by who reads the template.
    let mut source = source;
    source["title"] = json!("Sold");
    assert_eq!(template.to_json(), before);
    assert_ne!(extracted(&house(), &source).template, template);
}

// The linter of profiles.

/// T2: a profile is checked when it is loaded, and all findings are told with their places.
#[test]
fn the_linter_refuses_what_would_let_data_through_or_never_apply() {
    let kinds = json!({"vocabularies": {"kind": {"words": ["chart"]}}});
    let kept = json!({"keep": "kind"});
    let with = |field: &str, node: Value| json!({"object": {"type": kept, field: node}});
    let suspicious = "hardly ever structure";
    let refused: Vec<(Value, Value, &str, &str)> = vec![
        (json!({}), json!("text"), "root", "a document is an object"),
        (json!({}), json!({"array": "text"}), "root", "a document is an object"),
        (kinds.clone(), with("a", json!({"keep": "unheard"})), "root.a", "does not have"),
        (kinds.clone(), with("a", json!({"ref": "unheard"})), "unheard", "does not have"),
        (kinds.clone(), json!({"object": {"a": "text"}}), "kind", "nothing keeps this vocabulary"),
        (json!({"types": {"box": "text"}}), json!({"object": {"a": "text"}}), "box", "nothing refers"),
        (
            json!({"types": {"box": {"ref": "box"}}}),
            json!({"object": {"a": {"ref": "box"}}}),
            "box",
            "itself",
        ),
        (json!({"spaces": {"w": "uuid"}}), json!({"object": {"a": "text"}}), "w", "no id is of this space"),
        (
            json!({"spaces": {"w": "uuid"}}),
            json!({"object": {"a": {"id": {"space": "w"}}}}),
            "w",
            "nothing defines",
        ),
        (json!({}), json!({"object": {"a": {"id": {"space": "w", "defines": true}}}}), "w", "spelling"),
        (kinds.clone(), with("api_token", json!("text")), "root.api_token", suspicious),
        (kinds.clone(), with("tokens", json!({"array": "name"})), "root.tokens[]", suspicious),
        (kinds.clone(), with("created_at", json!("name")), "root.created_at", suspicious),
        (kinds.clone(), with("$slot", json!("text")), "root.$slot", "marker"),
        (kinds.clone(), with("a", json!({"asset": {"hosts": ["*.example"]}})), "root.a", "in full"),
        (kinds.clone(), with("a", json!({"asset": {"hosts": [""]}})), "root.a", "in full"),
        (
            kinds.clone(),
            with("a", json!({"drop": null, "acknowledged": true})),
            "root.a",
            "needs to be acknowledged",
        ),
        (kinds.clone(), with("a", json!({"either": ["text"]})), "root.a", "either of one"),
        (
            kinds.clone(),
            with("a", json!({"either": ["text", {"slot": {"kind": "x"}}]})),
            "root.a(either 1)",
            "before this one",
        ),
        (
            kinds.clone(),
            with("a", json!({"variant": {"on": "type", "cases": {}, "other": "drop"}})),
            "root.a",
            "without a case",
        ),
        (
            kinds.clone(),
            with(
                "a",
                json!({"variant": {"on": "type", "cases": {"chart": {"object": {"label": "text"}}}, "other": "drop"}}),
            ),
            "root.a(chart)",
            "told by",
        ),
        (
            kinds.clone(),
            with(
                "a",
                json!({"variant": {"on": "type", "cases": {"table": {"object": {"type": kept}}}, "other": "drop"}}),
            ),
            "root.a(table)",
            "told by",
        ),
    ];
    for (more, root, place, sentence) in refused {
        match profile(&more, &root) {
            Err(ProfileError::Refused(findings)) => assert!(
                findings.iter().any(|finding| finding.place == place && finding.sentence.contains(sentence)),
                "{root}: {findings:?}"
            ),
            other => panic!("{root}: {other:?}"),
        }
    }
}

/// T2: an open vocabulary is a way for data.
#[test]
fn the_linter_refuses_open_and_empty_vocabularies() {
    for vocabulary in [
        json!({"words": []}),
        json!({"numbers": []}),
        json!({"any": []}),
        json!({"number": {"min": 0, "max": 1e12}}),
        json!({"number": {"min": 5, "max": 1}}),
        json!({"number_text": {"min": -1e300, "max": 1e300}}),
        json!({"any": ["bool", {"number": {"min": 0, "max": 1e9}}]}),
    ] {
        let found =
            profile(&json!({"vocabularies": {"it": vocabulary}}), &json!({"object": {"a": {"keep": "it"}}}));
        assert!(
            matches!(found, Err(ProfileError::Refused(ref findings)) if findings.len() == 1),
            "{vocabulary}: {found:?}"
        );
    }
    // There is no word for an open one.
    for vocabulary in [json!("any"), json!({"regex": ".*"}), json!("string"), json!({"words": "*"})] {
        let found =
            profile(&json!({"vocabularies": {"it": vocabulary}}), &json!({"object": {"a": {"keep": "it"}}}));
        assert!(matches!(found, Err(ProfileError::Malformed(_))), "{vocabulary}: {found:?}");
    }
}

#[test]
fn a_text_that_is_no_profile_is_refused() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"format": "house", "version": 1}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {}}, "extra": 1}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"a": "keep"}}}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"a": {"slot": {"kind": "device", "requried": true}}}}}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"a": {"text": null, "drop": null}}}}"#,
        r#"{"format": "house", "version": 1, "root": {"object": {"**": {"keep": "everything"}}}}"#,
    ] {
        assert!(Profile::parse(text).is_err(), "{text}");
    }
    let deep = format!("{}\"text\"{}", r#"{"array": "#.repeat(500), "}".repeat(500));
    assert!(profile(&Value::Null, &Value::Null).is_err());
    assert!(Profile::parse(&format!(r#"{{"format": "h", "version": 1, "root": {deep}}}"#)).is_err());
}

// Bad input.

/// T2: under a wrong profile hardly anything is left, and the report says what was not known.
#[test]
fn a_wrong_profile_leaves_almost_nothing_and_reports_it() {
    let document = cold_room(IDS, "olga-1");
    for (profile, rest) in [
        (Profile::tagoio(), json!({})),
        (Profile::grafana(), json!({"title": "Cold room", "rows": [{"height": 30}, {"height": 20}]})),
        (Profile::thingsboard(), json!({"title": "Cold room"})),
    ] {
        let found = extracted(&profile, &document);
        assert_eq!(found.template.to_json()["body"], rest, "{}", profile.format());
        assert!(found.report.unknown.contains_key("layout") && found.template.slots().is_empty());
    }
    for document in [json!(null), json!(7), json!("olga"), json!([cold_room(IDS, "olga-1")])] {
        let found = extracted(&house(), &document);
        assert_eq!((found.template.to_json()["body"].clone(), found.report.kept), (json!({}), 0));
    }
}

/// T2: what is no JSON, or has a member twice, is an error and no part of it a template.
#[test]
fn a_document_that_cannot_be_read_is_an_error() {
    for text in [
        "",
        "{",
        "{\"title\": \"Cold room\"} x",
        "{\"title\": \"a\", \"title\": \"b\"}",
        "{\"unheard\": {\"a\": 1, \"a\": 1}}",
        "{\"title\": 1e999}",
        "{'title': 'Cold room'}",
        "title: Cold room",
    ] {
        let found = extract_json(text, &house(), Options::default());
        assert!(matches!(found, Err(ExtractError::Malformed(_))), "{text}: {found:?}");
    }
}

#[test]
fn sixty_megabytes_are_read_and_dropped() {
    let reading = r#"{"time": "2024-12-11T14:03:57Z", "value": 4.5, "device": "5f2b9c0d7a1e4b6c8d9e0f1a"},"#;
    let count = 60_000_000 / reading.len() + 1;
    let mut text = String::from(r#"{"title": "Cold room", "cached": ["#);
    text.push_str(&reading.repeat(count));
    text.push_str("0]}");
    assert!(text.len() > 60_000_000);
    let found = extract_json(&text, &house(), Options::default()).expect("it is only long");
    let left = found.template.to_json()["body"].clone();
    assert_eq!(left, json!({"title": "Cold room", "owner": {"$owner": true}, "schema": 3}));
    assert_eq!(found.report.dropped["cached"], 1);
}

/// The traps that real documents hold and other exporters fell into, each under its own name. The documents are our
/// own.
mod traps {
    use super::*;

    const ID: &str = "5f2b9c0d7a1e4b6c8d9e0f1a";
    const OTHER: &str = "0a1b2c3d4e5f60718293a4b5";

    fn is_left(profile: &Profile, document: &Value) -> Value {
        let options = Options { texts: Texts::LetStand, ..Options::default() };
        let found = extract(document, profile, options).unwrap_or_else(|error| panic!("{error} {error:?}"));
        assert_returns(profile, &found.template);
        found.template.to_json()["body"].clone()
    }

    /// Two documents that differ in a secret only: the template is the same, and it has the secret nowhere.
    fn assert_hidden(profile: &Profile, document: impl Fn(&str) -> Value) -> Value {
        let left = is_left(profile, &document("olgas-freezer"));
        for secret in ["bobs-boiler", ID, "7"] {
            assert_eq!(is_left(profile, &document(secret)), left, "{secret}");
        }
        assert!(!left.to_string().contains("olga"), "{left}");
        left
    }

    fn panel(of: &Value) -> Value {
        let mut panel = json!({"id": 4, "type": "graph", "title": "Load"});
        for (name, value) in of.as_object().expect("an object") {
            panel[name] = value.clone();
        }
        json!({"title": "House", "panels": [panel]})
    }

    fn variable(of: &Value) -> Value {
        let mut variable = json!({"name": "room", "type": "query", "label": "Room"});
        for (name, value) in of.as_object().expect("an object") {
            variable[name] = value.clone();
        }
        json!({"title": "House", "templating": {"list": [variable]}})
    }

    fn widget(kind: &str, of: &Value) -> Value {
        let mut widget = json!({"id": "a1", "type": kind, "label": "Air"});
        for (name, value) in of.as_object().expect("an object") {
            widget[name] = value.clone();
        }
        json!({"dashboard": {"arrangement": [{"widget_id": "a1", "x": 0}]}, "widgets": [widget]})
    }

    #[test]
    fn the_datasource_of_a_row() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            json!({
                "rows": [{"title": "Old", "datasource": secret, "panels": [{"id": 1, "type": "graph", "datasource": secret}]}],
                "panels": [{"id": 2, "type": "row", "datasource": {"type": "prometheus", "uid": secret}, "panels": [
                    {"id": 3, "type": "graph", "datasource": {"uid": secret}, "targets": [{"refId": "A", "datasource": secret}]}
                ]}]
            })
        });
        let hole = json!({"$slot": "datasource-1"});
        for place in [
            "/rows/0/datasource",
            "/rows/0/panels/0/datasource",
            "/panels/0/datasource/uid",
            "/panels/0/panels/0/datasource/uid",
            "/panels/0/panels/0/targets/0/datasource",
        ] {
            assert_eq!(left.pointer(place), Some(&hole), "{place}");
        }
    }

    #[test]
    fn a_display_in_a_display_in_a_display() {
        let left = assert_hidden(&Profile::tagoio(), |secret| {
            let variables = json!([{"origin": {"id": secret, "bucket": secret, "name": secret}, "bucket": secret, "variable": "temperature"}]);
            let mut display = json!({ "variables": variables });
            for _ in 0..6 {
                display = json!({"display": display, "variables": variables});
            }
            widget("line_chart", &json!({ "display": display }))
        });
        let hole = json!({"$slot": "device-1"});
        let deepest =
            left.pointer("/widgets/0/display/display/display/display/display/display/display/variables/0");
        assert_eq!(
            deepest,
            Some(&json!({"origin": {"id": hole, "bucket": hole}, "bucket": hole, "variable": "temperature"}))
        );
    }

    #[test]
    fn ids_glued_together_in_a_key() {
        let of = |glued: String| {
            let position = json!({glued: {"x": 1, "y": 2}});
            let variable =
                json!({"variable": "temperature", "origin": ID, "metadata": {"fixed_position": position}});
            widget("line_chart", &json!({"display": {"x_axis": {"variable": variable}}}))
        };
        let left = is_left(&Profile::tagoio(), &of(format!("{ID}{OTHER}")));
        assert_eq!(
            left["widgets"][0]["display"]["x_axis"]["variable"],
            json!({"variable": "temperature", "origin": {"$slot": "device-1"}})
        );
        assert_eq!(is_left(&Profile::tagoio(), &of(format!("{OTHER}-{ID}"))), left);
        // Were the key kept, the detector would see the id in it.
        let careless = of_careless_keys();
        let document = json!({"device": "olga-freezer-1", "positions": {"xyolga-freezer-1zz": true}});
        assert!(matches!(extract(&document, &careless, Options::default()), Err(ExtractError::Leak(_))));
    }

    fn of_careless_keys() -> Profile {
        of(
            &json!({"vocabularies": {"flag": "bool"}}),
            &json!({"object": {"device": device(), "positions": {"map": {"keys": "name", "values": {"keep": "flag"}}}}}),
        )
    }

    #[test]
    fn an_id_in_the_path_of_an_address() {
        let left = is_left(
            &Profile::tagoio(),
            &json!({
                "dashboard": {
                    "label": format!("Help at https://files.example/{ID}/help.html today"),
                    "background": {"media": format!("https://files.example/file/{ID}/room.png"), "color": "#ffffff"},
                    "icon": {"url": format!("https://svg.internal.tago.io/{ID}.svg"), "color": "#000000"}
                }
            }),
        );
        assert_eq!(
            left["dashboard"],
            json!({"label": "Help at today", "background": {"color": "#ffffff"}, "icon": {"color": "#000000"}})
        );
    }

    #[test]
    fn an_id_that_is_a_key_only() {
        let of = |widget: &str, alias: &str, state: &str| {
            json!({"title": "House", "configuration": {
                "widgets": {widget: {"type": "latest", "row": 1}},
                "entityAliases": {alias: {"alias": "Rooms", "filter": {"type": "entityType", "entityType": "DEVICE"}}},
                "states": {state: {"name": "Start", "root": true}}
            }})
        };
        let left = is_left(&Profile::thingsboard(), &of(UUID, UUID, "olgas_room"));
        assert_eq!(is_left(&Profile::thingsboard(), &of("b", "c", "default")), left);
        for (map, id) in
            [("widgets", "$id:widget-1"), ("entityAliases", "$id:alias-1"), ("states", "$id:state-1")]
        {
            assert_eq!(
                left["configuration"][map].as_object().map(|map| map.contains_key(id)),
                Some(true),
                "{left}"
            );
        }
        assert!(!left.to_string().contains("olga") && !left.to_string().contains(UUID));
    }

    #[test]
    fn a_document_in_a_string_in_a_document_in_a_string() {
        let source = json!({"json": {"object": {"index": device(), "query": {"code": "kql"}}}});
        let panel = json!({"object": {"title": "text", "source": source}});
        let profile = of(&Value::Null, &json!({"object": {"panels": {"json": {"array": panel}}}}));
        let left = assert_hidden(&profile, |secret| {
            let source =
                json!({"index": secret, "query": format!("host: {secret}"), "cache": secret}).to_string();
            json!({"panels": json!([{"title": "Load", "source": source, "state": secret}]).to_string()})
        });
        let source = json!({"$json": {"index": {"$slot": "device-1"}, "query": {"$slot": "code:kql-1"}}});
        assert_eq!(left, json!({"panels": {"$json": [{"title": "Load", "source": source}]}}));
    }

    #[test]
    fn the_name_of_a_device_in_a_label() {
        let document = widget(
            "card",
            &json!({
                "label": "North Freezer, temperature",
                "display": {"origin": {"id": ID, "bucket": ID, "name": "North Freezer"}, "alias": "North freezer"}
            }),
        );
        match extract(&document, &Profile::tagoio(), Options::default()) {
            Err(ExtractError::AskOwner(report)) => assert_eq!(report.texts.len(), 2, "{:?}", report.texts),
            other => panic!("{other:?}"),
        }
        let blank = Options { texts: Texts::Blank, ..Options::default() };
        let template = extract(&document, &Profile::tagoio(), blank).expect("the owner blanks them").template;
        assert!(!template.to_json().to_string().to_lowercase().contains("freezer"));
        assert_returns(&Profile::tagoio(), &template);
    }

    /// The colour of a text is called `text`, and the colour of a label `label`.
    #[test]
    fn a_text_in_the_place_of_a_colour() {
        let types = [
            "angular",
            "area_chart",
            "card",
            "dial",
            "heat_map",
            "line_chart",
            "multiple_axis_chart",
            "solid",
            "vertical_bar_chart",
        ];
        for kind in types {
            let of = |colour: &str| {
                let theme = json!({"color": {"text": colour, "label": colour, "fill": colour}});
                is_left(&Profile::tagoio(), &widget(kind, &json!({"display": {"theme": theme}})))
            };
            assert_eq!(
                of("#336699").pointer("/widgets/0/display/theme/color/text"),
                Some(&json!("#336699")),
                "{kind}"
            );
            assert_eq!(of("Olga's freezer")["widgets"][0].get("display"), None, "{kind}");
        }
    }

    #[test]
    fn the_chosen_value_beside_the_options() {
        for kind in ["query", "datasource", "custom", "textbox", "interval", "adhoc"] {
            let left = assert_hidden(&Profile::grafana(), |secret| {
                let chosen = json!({"text": secret, "value": [secret], "selected": true});
                variable(
                    &json!({"type": kind, "current": chosen, "options": [chosen, chosen], "filters": [chosen]}),
                )
            });
            assert_eq!(left["templating"]["list"][0], json!({"name": "room", "type": kind, "label": "Room"}));
        }
    }

    #[test]
    fn the_values_of_repeated_clones() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            panel(&json!({"repeat": "room", "repeatPanelId": 4, "repeatIteration": 1_733_925_837_123_u64,
                "scopedVars": {"room": {"text": secret, "value": secret, "selected": false}}}))
        });
        let row = json!([{"id": {"$id": "panel-1"}, "type": "graph", "title": "Load", "repeat": "room"}]);
        assert_eq!(left["panels"], row);
    }

    #[test]
    fn the_value_of_a_constant() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            let mut document =
                variable(&json!({"type": "constant", "query": secret, "current": {"value": secret}}));
            document["__inputs"] =
                json!([{"name": "VAR_ROOM", "type": "constant", "label": secret, "value": secret}]);
            document
        });
        assert_eq!(
            left["templating"]["list"][0],
            json!({"name": "room", "type": "constant", "label": "Room"})
        );
    }

    #[test]
    fn a_list_of_values_of_ones_own() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            variable(
                &json!({"type": "custom", "query": format!("{secret},other"), "allValue": secret, "multi": true}),
            )
        });
        assert_eq!(
            left["templating"]["list"][0],
            json!({"name": "room", "type": "custom", "label": "Room", "multi": true})
        );
    }

    #[test]
    fn colours_by_the_name_of_a_series() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            panel(&json!({"aliasColors": {secret: "#ff0000"}, "lines": true}))
        });
        assert_eq!(left["panels"][0].get("aliasColors"), None);
        assert_eq!(left["panels"][0]["lines"], true);
    }

    #[test]
    fn overrides_by_the_name_of_a_series() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            let rule = json!({"matcher": {"id": "byName", "options": secret}, "properties": [{"id": "links", "value": [{"url": secret}]}]});
            panel(
                &json!({"seriesOverrides": [{"alias": secret, "yaxis": 2}], "fieldConfig": {"defaults": {"unit": "watt"}, "overrides": [rule]}}),
            )
        });
        assert_eq!(left["panels"][0]["fieldConfig"], json!({"defaults": {"unit": "watt"}}));
    }

    #[test]
    fn the_organisation_in_a_link() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            let links =
                json!([{"title": secret, "url": format!("/d/{secret}/house?orgId=1&var-room={secret}")}]);
            let mut document = panel(
                &json!({"links": links, "fieldConfig": {"defaults": {"links": links}}, "options": {"dataLinks": links}}),
            );
            document["links"] = links;
            document
        });
        assert!(!left.to_string().contains("orgId") && !left.to_string().contains("/d/"), "{left}");
    }

    /// An ObjectId begins with the second of its making.
    #[test]
    fn the_time_in_an_object_id() {
        let of = |dashboard: &str, made: &str| {
            let mut document = widget("card", &json!({"created_at": made, "updated_at": made}));
            document["dashboard"]["id"] = json!(dashboard);
            document["dashboard"]["created_at"] = json!(made);
            document
        };
        let template = extracted(&Profile::tagoio(), &of(ID, "2020-08-06T06:20:13Z")).template;
        assert_eq!(extracted(&Profile::tagoio(), &of(OTHER, "1975-05-21T12:00:00Z")).template, template);
        let made = fill_each(&template, &Profile::tagoio());
        let id = made["dashboard"]["id"].as_str().expect("an id");
        assert!(id.len() == 24 && !id.starts_with(&ID[..8]), "{id}");
        assert!(!made.to_string().contains("2020-08"));
    }

    #[test]
    fn the_hash_of_a_data_key() {
        let left = assert_hidden(&Profile::thingsboard(), |secret| {
            let key = json!({"name": "temperature", "type": "timeseries", "_hash": secret, "label": "Air"});
            json!({"configuration": {"widgets": {"a": {"type": "latest", "config": {"datasources": [{"type": "entity", "dataKeys": [key]}]}}}}})
        });
        assert!(!left.to_string().contains("_hash") && left.to_string().contains("temperature"), "{left}");
    }

    #[test]
    fn the_query_that_a_snapshot_has_executed() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            let frame = json!({"meta": {"executedQueryString": format!("select * from {secret}")}, "data": {"values": [[1], [secret]]}});
            panel(
                &json!({"snapshotData": [frame], "targets": [{"refId": "A", "snapshot": [frame], "executedQueryString": secret}]}),
            )
        });
        assert_eq!(left["panels"][0]["targets"], json!([{"refId": "A"}]));
    }

    #[test]
    fn the_text_of_a_query_under_an_unknown_name() {
        let left = assert_hidden(&Profile::grafana(), |secret| {
            let query = format!("select * from {secret}");
            panel(
                &json!({"targets": [{"refId": "A", "rawSql": query, "rawQueryV3": query, "builder": {"sql": {"text": query}}, "rawQuery": query}]}),
            )
        });
        assert_eq!(left["panels"][0]["targets"], json!([{"refId": "A", "rawSql": {"$slot": "code:sql-1"}}]));
    }

    #[test]
    fn the_defaults_of_environment_variables() {
        let left = assert_hidden(&Profile::tagoio(), |secret| {
            let mut document = widget("card", &json!({"analysis_run": ID}));
            document["dashboard"]["setup"] =
                json!({"analysis": [{"id": ID, "name": secret, "environment": {"API_KEY": secret}}]});
            document["analysis"] = json!([{"id": ID, "variables": [{"key": "API_KEY", "value": secret}]}]);
            document
        });
        assert_eq!(left["widgets"][0]["analysis_run"], json!({"$slot": "analysis-1"}));
        assert!(!left.to_string().contains("API_KEY"));
    }

    #[test]
    fn the_hundredth_device() {
        let count = 120;
        let data: Vec<Value> = (0..count)
            .map(|n| json!({"origin": format!("{n:024x}"), "bucket": format!("{n:024x}")}))
            .collect();
        let found = extracted(&Profile::tagoio(), &widget("line_chart", &json!({ "data": data })));
        assert_eq!(found.template.slots().len(), count);
        assert!(found.template.slots().iter().all(|slot| slot.required && slot.uses == 2));
        let written = found.template.to_json().to_string();
        assert!(!written.contains("00000000"), "an id is left: {written}");
        assert_returns(&Profile::tagoio(), &found.template);
    }

    /// T7 holds for injective fills: with one device in two slots, the slots merge.
    #[test]
    fn the_same_device_in_two_slots() {
        let data = json!([{"origin": ID}, {"origin": OTHER}]);
        let template =
            extracted(&Profile::tagoio(), &widget("line_chart", &json!({ "data": data }))).template;
        let fills = [("device-1", json!("mine")), ("device-2", json!("mine"))];
        let made = fill_with(&template, &Profile::tagoio(), &fills, false).expect("that is allowed");
        let again = extracted(&Profile::tagoio(), &made).template;
        assert_eq!((again.slots().len(), again.slots()[0].uses), (1, 2));
        assert_ne!(again, template);
    }

    /// A marker in a source would carry a name of the author's choice into the template.
    #[test]
    fn a_marker_in_the_source() {
        let marker = |kind: &str| json!({kind: "olgas-freezer"});
        for marker in
            [marker("$slot"), marker("$id"), marker("$code"), marker("$json"), json!({"$owner": true})]
        {
            let mut document = cold_room(IDS, "olga-1");
            for place in ["title", "owner", "schema", "cached", "start", "box", "id", "layout", "rows"] {
                document[place] = marker.clone();
            }
            document["widgets"]["w-1"] =
                json!({"type": "chart", "device": marker, "label": marker, "query": marker});
            document["widgets"]["$slot:device-1"] = json!({"type": "card", "label": "Door"});
            document["widgets"]["$id:widget-7"] = json!({"type": "card", "label": "Gate"});
            let template = extracted(&house(), &document).template;
            assert!(template.slots().is_empty());
            let made = fill_each(&template, &house()).to_string();
            assert!(!made.contains('$') && !made.contains("olga"), "{made}");
            assert_returns(&house(), &template);
        }
        // As a text it is a text, and is filled as one.
        let profile = of(&Value::Null, &json!({"object": {"title": "text", "device": device()}}));
        let template = extracted(&profile, &json!({"title": "{\"$slot\": 7}", "device": "olga-1"})).template;
        assert_eq!(fill_each(&template, &profile)["title"], "{\"$slot\": 7}");
    }

    /// Half a character is none: what another parser would make of it is not known.
    #[test]
    fn lone_surrogates() {
        for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800x\udc00""#, r#"{"\ud83d": 1}"#] {
            for place in ["title", "unheard", "cached"] {
                let found = extract_json(&format!(r#"{{"{place}": {text}}}"#), &house(), Options::default());
                assert!(matches!(found, Err(ExtractError::Malformed(_))), "{text}: {found:?}");
            }
        }
        let whole =
            extract_json(r#"{"title": "\ud83d\ude00"}"#, &house(), Options::default()).expect("a pair");
        assert_eq!(whole.template.to_json()["body"]["title"], "😀");
        // In a document in a string it is no error of the whole.
        let profile = of(
            &Value::Null,
            &json!({"object": {"it": {"json": {"object": {"title": "text"}}}, "title": "text"}}),
        );
        let inner = extracted(&profile, &json!({"it": r#"{"title": "\ud800"}"#, "title": "Room"}));
        assert_eq!(inner.template.to_json()["body"], json!({"title": "Room"}));
    }

    /// Two ids that are one as floating-point numbers stay two.
    #[test]
    fn numbers_beyond_the_exact_ones() {
        let profile = of(
            &json!({"vocabularies": {"size": {"number": {"min": -1e7, "max": 1e7}}}}),
            &json!({"object": {"devices": {"array": {"slot": {"kind": "device"}}}, "size": {"keep": "size"}}}),
        );
        let text = r#"{"devices": [9007199254740992, 9007199254740993, 18446744073709551615, -9223372036854775808, 18446744073709551616, 1e300, 1.0],
            "size": 9007199254740993}"#;
        let found = extract_json(text, &profile, Options::default()).expect("numbers");
        assert_eq!(found.template.slots().len(), 4, "what is no whole number is no id");
        assert_eq!(found.template.to_json()["body"].get("size"), None);
        let fills = [("device-1", json!(9_007_199_254_740_993_u64))];
        let made = fill_with(&found.template, &profile, &fills, false).expect("optional");
        assert_eq!(made.to_string(), r#"{"devices":[9007199254740993]}"#);
    }

    #[test]
    fn very_deep_nesting() {
        let deep = |levels: usize| {
            format!("{}{{\"title\": \"Room\"}}{}", r#"{"inner": "#.repeat(levels), "}".repeat(levels))
        };
        // Within the limit a template can also be read again.
        let found = extract_json(&format!(r#"{{"box": {}}}"#, deep(62)), &house(), Options::default())
            .expect("64 levels");
        assert_returns(&house(), &found.template);
        for levels in [63, 64, 126, 127, 128, 200, 100_000] {
            for place in ["box", "unheard", "cached"] {
                let text = format!(r#"{{"{place}": {}}}"#, deep(levels));
                let found = extract_json(&text, &house(), Options::default());
                assert!(matches!(found, Err(ExtractError::Malformed(_))), "{levels} in {place}");
            }
        }
        let mut document = json!({"title": "Room"});
        for _ in 0..200 {
            document = json!({ "inner": document });
        }
        let found = extract(&json!({ "box": document }), &house(), Options::default());
        assert!(matches!(found, Err(ExtractError::TooDeep)));
    }

    /// Each document in a string may be as deep as one: what is made of them all must be readable still.
    #[test]
    fn very_deep_nesting_in_documents_in_strings() {
        let profile = of(
            &json!({"types": {"box": {"object": {"title": "text", "inner": {"ref": "box"}, "text": {"json": {"ref": "box"}}}}}}),
            &json!({"object": {"box": {"ref": "box"}}}),
        );
        let deep = |innermost: Value| (0..60).fold(innermost, |inner, _| json!({ "inner": inner }));
        let mut text = json!({"title": "Room"});
        for _ in 0..4 {
            text = json!({"text": deep(text).to_string()});
            match extract(&json!({ "box": text }), &profile, Options::default()) {
                Ok(found) => assert_returns(&profile, &found.template),
                Err(error) => assert!(matches!(error, ExtractError::TooDeep), "{error}"),
            }
        }
    }
}

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
        let kept =
            |document: &Value| extract(document, profile, options).expect("it can be extracted").report.kept;
        for (other, document) in documents.iter().enumerate().filter(|(other, _)| *other != own) {
            assert!(kept(document) <= 1, "{} keeps {} of {}", formats[own], kept(document), formats[other]);
            assert!(kept(&documents[own]) > 1 + kept(document), "{} keeps nothing of its own", formats[own]);
        }
    }
}
