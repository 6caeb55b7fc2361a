//! The traps that real documents hold and other exporters fell into, each under its own name. The documents are our
//! own.

use super::{IDS, UUID, assert_returns, cold_room, device, extracted, fill_each, fill_with, house, of};
use dashshare::template::{ExtractError, Options, Profile, Texts, extract, extract_json};
use serde_json::{Value, json};

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
    assert_eq!(left["templating"]["list"][0], json!({"name": "room", "type": "constant", "label": "Room"}));
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
        let links = json!([{"title": secret, "url": format!("/d/{secret}/house?orgId=1&var-room={secret}")}]);
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
    let data: Vec<Value> =
        (0..count).map(|n| json!({"origin": format!("{n:024x}"), "bucket": format!("{n:024x}")})).collect();
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
    let template = extracted(&Profile::tagoio(), &widget("line_chart", &json!({ "data": data }))).template;
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
    for marker in [marker("$slot"), marker("$id"), marker("$code"), marker("$json"), json!({"$owner": true})]
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
    let whole = extract_json(r#"{"title": "\ud83d\ude00"}"#, &house(), Options::default()).expect("a pair");
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
