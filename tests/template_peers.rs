//! What goes along with a dashboard that is shared as a structure: canaries are planted where the real dashboards of the
//! shared corpus hold data, and counted in what Grafana's "export for sharing externally", ThingsBoard's export and
//! our extraction give out. The corpus lies beside the project, not in it: without it the tests are reported as ignored, by
//! name; with `DASHSHARE_REQUIRE_SHARED` set they fail instead.
//!
//! The exporters are written anew from what they do, as their sources say. Where theirs asks a server (the name of a data
//! source by its uid), ours answers to their favour: with a name that tells nothing.

use crate::File;
use dashshare::template::{Options, Profile, Texts, extract};
use libtest_mimic::{Failed, Trial};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../examples/template.md");

struct Format {
    name: &'static str,
    peer: &'static str,
    folders: &'static [&'static str],
    profile: fn() -> Profile,
    plant: fn(&mut Canaries, &mut Value),
    export: fn(&mut Value),
    /// How many documents the corpus has at least.
    floor: usize,
}

const FORMATS: [Format; 2] = [
    Format {
        name: "grafana",
        peer: "Grafana's export for sharing externally",
        folders: &["grafana-misc", "grafana-mixins", "grafana-plutono"],
        profile: Profile::grafana,
        plant: plant_in_grafana,
        export: export_from_grafana,
        floor: 126,
    },
    Format {
        name: "thingsboard",
        peer: "ThingsBoard's export",
        folders: &["thingsboard"],
        profile: Profile::thingsboard,
        plant: plant_in_thingsboard,
        export: export_from_thingsboard,
        floor: 31,
    },
];

pub(crate) fn trials(file: File) -> Vec<Trial> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let ignored = !corpus.is_dir() && std::env::var_os("DASHSHARE_REQUIRE_SHARED").is_none();
    let trials = FORMATS.iter().map(move |format| {
        let corpus = corpus.clone();
        file.trial(format!("{}::canaries_beside_its_own_export", format.name), move || {
            compare(format, &corpus)
        })
        .with_ignored_flag(ignored)
    });
    trials.collect()
}

#[derive(Default, Clone, Copy)]
struct Counts {
    planted: usize,
    theirs: usize,
    ours: usize,
}

/// T4: of the same canaries in the same documents, theirs lets many go along and ours none.
fn compare(format: &Format, corpus: &Path) -> Result<(), Failed> {
    let profile = (format.profile)();
    let mut kinds: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut with_theirs, documents) = (0, documents(format, corpus)?);
    for (name, json) in &documents {
        let mut document: Value = serde_json::from_str(json)?;
        let mut canaries = Canaries::default();
        (format.plant)(&mut canaries, &mut document);

        let options = Options { texts: Texts::LetStand, ..Options::default() };
        let template =
            extract(&document, &profile, options).map_err(|error| format!("{name}: {error} {error:?}"))?;
        let ours = template.template.to_json().to_string().to_lowercase();
        let mut exported = document;
        (format.export)(&mut exported);
        let theirs = exported.to_string().to_lowercase();

        let mut any = false;
        for (number, kind) in canaries.planted.iter().enumerate() {
            let (canary, counts) = (canary(number), kinds.entry(kind).or_default());
            let of_theirs = theirs.contains(&canary);
            any |= of_theirs;
            counts.planted += 1;
            counts.theirs += usize::from(of_theirs);
            counts.ours += usize::from(ours.contains(&canary));
        }
        with_theirs += usize::from(any);
    }
    println!("{:<28} {:>8} {:>8} {:>8}", format.name, "planted", "theirs", "ours");
    let mut total = Counts::default();
    for (kind, counts) in &kinds {
        println!("  {kind:<26} {:>8} {:>8} {:>8}", counts.planted, counts.theirs, counts.ours);
        total.planted += counts.planted;
        total.theirs += counts.theirs;
        total.ours += counts.ours;
    }
    println!(
        "{}: {} canaries in {} documents; {} survive {} (in {with_theirs} documents), {} survive ours",
        format.name,
        total.planted,
        documents.len(),
        total.theirs,
        format.peer,
        total.ours
    );
    // The page tells of the corpus as it was when it was written.
    let row = format!("| {} | {} | {} |\n", total.planted, total.theirs, total.ours);
    if documents.len() == format.floor && !PAGE.contains(&row) {
        return Err(format!("the page of the example does not have the row {row}").into());
    }
    let left: Vec<&&str> = kinds.iter().filter(|(_, counts)| counts.ours > 0).map(|(kind, _)| kind).collect();
    if !left.is_empty() {
        return Err(format!("canaries survive ours: {left:?}").into());
    }
    // The comparison says nothing if the canaries are not where the exporters leave data.
    if total.planted < 500 || total.theirs < total.planted / 2 {
        return Err(format!("only {} of {} survive theirs", total.theirs, total.planted).into());
    }
    Ok(())
}

fn documents(format: &Format, corpus: &Path) -> Result<Vec<(String, String)>, Failed> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for folder in format.folders {
        let entries =
            fs::read_dir(corpus.join(folder)).map_err(|error| format!("{}: {error}", corpus.display()))?;
        for entry in entries {
            paths.push(entry?.path());
        }
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    if paths.len() < format.floor {
        return Err(format!("only {} documents of the format {}", paths.len(), format.name).into());
    }
    paths.iter().map(|path| Ok((path.display().to_string(), fs::read_to_string(path)?))).collect()
}

// Canaries.

/// A word that is nowhere else, and of which none is the beginning of another.
fn canary(number: usize) -> String {
    format!("canary{number:05}q")
}

#[derive(Default)]
struct Canaries {
    /// The kinds of places by the numbers of their canaries.
    planted: Vec<&'static str>,
}

impl Canaries {
    fn next(&mut self, kind: &'static str) -> String {
        self.planted.push(kind);
        canary(self.planted.len() - 1)
    }

    /// In place of what is there, if that is a text of somebody's.
    fn text(&mut self, kind: &'static str, value: Option<&mut Value>) {
        if let Some(Value::String(text)) = value
            && !text.is_empty()
        {
            *text = self.next(kind);
        }
    }

    fn fields(&mut self, kind: &'static str, of: Option<&mut Value>, fields: &[&str]) {
        if let Some(of) = of {
            for field in fields {
                match of.get_mut(field) {
                    Some(Value::Array(items)) => {
                        items.iter_mut().for_each(|item| self.text(kind, Some(item)))
                    }
                    other => self.text(kind, other),
                }
            }
        }
    }

    /// Beside what is there: code stays code.
    fn code(&mut self, of: &mut Value, fields: &[&str]) {
        for field in fields {
            if let Some(Value::String(code)) = of.get_mut(field)
                && !code.trim().is_empty()
            {
                *code = format!("{code} /* {} */", self.next("literals in code"));
            }
        }
    }

    fn links(&mut self, links: Option<&mut Value>) {
        for link in items(links) {
            self.fields("links", Some(link), &["url"]);
        }
    }

    /// A data source that is told by a variable or is there in every Grafana is no one's.
    fn datasource(&mut self, kind: &'static str, of: &mut Value) {
        let is_ones = |value: &Value| {
            value.as_str().is_some_and(|text| {
                !text.is_empty()
                    && !text.contains('$')
                    && !text.starts_with("--")
                    && !["grafana", "default", "__expr__", "-100"].contains(&text)
            })
        };
        match of.get_mut("datasource") {
            Some(Value::Object(source)) => {
                if let Some(uid) = source.get_mut("uid").filter(|uid| is_ones(uid)) {
                    self.text(kind, Some(uid));
                }
            }
            Some(source) if is_ones(source) => self.text(kind, Some(source)),
            _ => {}
        }
    }
}

fn items(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}

fn members(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_object_mut).into_iter().flat_map(|members| members.values_mut())
}

/// Every object of a document, from the outermost on.
fn every_object(value: &mut Value, with: &mut impl FnMut(&mut Value)) {
    if value.is_object() {
        with(value);
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| every_object(item, with)),
        Value::Object(members) => members.values_mut().for_each(|member| every_object(member, with)),
        _ => {}
    }
}

// Grafana.

fn each_panel(of: &mut Value, with: &mut impl FnMut(&mut Value)) {
    for panel in items(of.get_mut("panels")) {
        with(panel);
        each_panel(panel, with);
    }
    for row in items(of.get_mut("rows")) {
        each_panel(row, with);
    }
}

fn plant_in_grafana(canaries: &mut Canaries, document: &mut Value) {
    canaries.fields("the dashboard's uid", Some(document), &["uid"]);
    canaries.links(document.get_mut("links"));
    for row in items(document.get_mut("rows")) {
        canaries.datasource("data sources of rows", row);
    }
    each_panel(document, &mut |panel| {
        let is_row = panel.get("type").and_then(Value::as_str) == Some("row");
        canaries.datasource(if is_row { "data sources of rows" } else { "data sources" }, panel);
        for target in items(panel.get_mut("targets")) {
            canaries.datasource("data sources", target);
            canaries.fields(
                "data in the document",
                Some(target),
                &["stringInput", "csvContent", "rawFrameContent"],
            );
        }
        if let Some(Value::Object(colours)) = panel.get_mut("aliasColors") {
            let renamed: Map<String, Value> = std::mem::take(colours)
                .into_values()
                .map(|colour| (canaries.next("names of series"), colour))
                .collect();
            *colours = renamed;
        }
        for rule in items(panel.get_mut("seriesOverrides")) {
            canaries.fields("names of series", Some(rule), &["alias"]);
        }
        for rule in items(panel.pointer_mut("/fieldConfig/overrides")) {
            canaries.fields("names of series", rule.get_mut("matcher"), &["options"]);
            for property in items(rule.get_mut("properties")) {
                canaries.links(property.get_mut("value"));
            }
        }
        for chosen in members(panel.get_mut("scopedVars")) {
            canaries.fields("values of repeated panels", Some(chosen), &["text", "value"]);
        }
        canaries.links(panel.get_mut("links"));
        canaries.links(panel.pointer_mut("/fieldConfig/defaults/links"));
        canaries.links(panel.pointer_mut("/options/dataLinks"));
        canaries.fields("alerts", panel.get_mut("alert"), &["name", "message"]);
        for notification in items(panel.pointer_mut("/alert/notifications")) {
            canaries.fields("alerts", Some(notification), &["uid"]);
        }
        canaries.fields("library panels", panel.get_mut("libraryPanel"), &["uid", "name"]);
    });
    for variable in items(document.pointer_mut("/templating/list")) {
        canaries.datasource("data sources", variable);
        canaries.fields("chosen values", variable.get_mut("current"), &["text", "value"]);
        for option in items(variable.get_mut("options")) {
            canaries.fields("lists of values", Some(option), &["text", "value"]);
        }
        match variable.get("type").and_then(Value::as_str) {
            Some("custom" | "textbox") => canaries.fields("lists of values", Some(variable), &["query"]),
            Some("constant") => canaries.fields("constants", Some(variable), &["query"]),
            _ => {}
        }
    }
    for annotation in items(document.pointer_mut("/annotations/list")) {
        canaries.datasource("data sources", annotation);
    }
}

/// A reference to a data source becomes an input, by a name that the server knows it by.
fn as_input(inputs: &mut Vec<Value>, of: &mut Value) {
    let by_variable =
        |uid: &Value| uid.as_str().is_some_and(|uid| uid.contains('$') || uid.starts_with("--"));
    let mut input = |kind: &str| {
        let number = inputs.len();
        inputs.push(json!({"name": format!("DS_SOURCE_{number}"), "label": format!("source-{number}"), "type": "datasource", "pluginId": kind}));
        json!(format!("${{DS_SOURCE_{number}}}"))
    };
    match of.get_mut("datasource") {
        Some(Value::Object(source)) => {
            let kind = source.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
            if let Some(uid) = source.get_mut("uid").filter(|uid| !by_variable(uid)) {
                *uid = input(&kind);
            }
        }
        Some(name @ Value::String(_)) if !by_variable(name) => *name = input("prometheus"),
        _ => {}
    }
}

fn export_from_grafana(document: &mut Value) {
    let mut inputs = Vec::new();
    each_panel(document, &mut |panel| {
        if panel.get("type").and_then(Value::as_str) != Some("row") {
            as_input(&mut inputs, panel);
            items(panel.get_mut("targets")).for_each(|target| as_input(&mut inputs, target));
        }
    });
    for variable in items(document.pointer_mut("/templating/list")) {
        match variable.get("type").and_then(Value::as_str) {
            Some("query") => {
                as_input(&mut inputs, variable);
                variable["options"] = json!([]);
                variable["current"] = json!({});
            }
            Some("adhoc") => as_input(&mut inputs, variable),
            Some("datasource") => variable["current"] = json!({}),
            Some("constant") => {
                let name = format!("VAR_{}", variable["name"].as_str().unwrap_or_default().to_uppercase());
                inputs.push(json!({"name": name, "type": "constant", "label": variable["label"], "value": variable["query"]}));
                let query = json!(format!("${{{name}}}"));
                variable["current"] = json!({"value": query, "text": query, "selected": false});
                variable["options"] = json!([variable["current"]]);
                variable["query"] = query;
            }
            _ => {}
        }
    }
    for annotation in items(document.pointer_mut("/annotations/list")) {
        as_input(&mut inputs, annotation);
    }
    document["id"] = Value::Null;
    document["__inputs"] = json!(inputs);
}

// ThingsBoard.

fn plant_in_thingsboard(canaries: &mut Canaries, document: &mut Value) {
    for alias in members(document.pointer_mut("/configuration/entityAliases")) {
        canaries.fields("alias names", Some(alias), &["alias"]);
        let Some(filter) = alias.get_mut("filter") else { continue };
        // Most of the published ones are of whoever is at the screen; anybody's own is at the same place.
        for entity in ["singleEntity", "rootEntity", "defaultStateEntity"] {
            canaries.fields("entities", filter.get_mut(entity), &["id"]);
        }
        canaries.fields("entities", Some(filter), &["entityList"]);
        let names = ["deviceNameFilter", "entityNameFilter", "assetNameFilter", "entityViewNameFilter"];
        canaries.fields("names of entities", Some(filter), &names);
    }
    for filter in members(document.pointer_mut("/configuration/filters")) {
        every_object(filter, &mut |object| {
            canaries.fields("values of filters", Some(object), &["value", "defaultValue"])
        });
    }
    for widget in members(document.pointer_mut("/configuration/widgets")) {
        for source in items(widget.pointer_mut("/config/datasources")) {
            canaries.fields("entities", Some(source), &["deviceId", "entityId"]);
            canaries.fields("names of entities", Some(source), &["name", "deviceName", "entityName"]);
        }
        for list in members(widget.pointer_mut("/config/actions")) {
            for action in items(Some(list)) {
                canaries.fields("dashboards", Some(action), &["targetDashboardId"]);
            }
        }
        every_object(widget, &mut |object| {
            canaries.code(
                object,
                &[
                    "customFunction",
                    "customHtml",
                    "postFuncBody",
                    "cellContentFunction",
                    "markdownTextFunction",
                    "showWidgetActionFunction",
                    "widgetCss",
                ],
            );
        });
    }
}

fn export_from_thingsboard(document: &mut Value) {
    if let Value::Object(members) = document {
        for name in
            ["id", "createdTime", "tenantId", "customerId", "externalId", "version", "assignedCustomers"]
        {
            members.remove(name);
        }
    }
}
