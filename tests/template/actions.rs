//! The actions of nodes: what is kept, named, renamed or dropped (T1).

use super::{
    IDS, assert_returns, becomes, body, cold_room, device, extracted, fill_each, fill_with, house, of,
};
use dashshare::template::{Fills, Options, Recipient, extract, fill};
use serde_json::{Value, json};

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
