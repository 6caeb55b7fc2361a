//! The frame of a dashboard, read from the document without a profile.

use super::schema::is_empty;
use serde_json::Value;

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

pub(super) fn tagoio_frame(document: &Value) -> Vec<String> {
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

pub(super) fn grafana_frame(document: &Value) -> Vec<String> {
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

pub(super) fn thingsboard_frame(document: &Value) -> Vec<String> {
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
