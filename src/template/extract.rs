//! Extracting: from a document to its template and a report (T2, T3).

use super::{
    body::{Body, Template},
    detect,
    ids::Ids,
    profile::Profile,
    report::{ExtractError, Extracted, FoundText, Options, Report, Texts},
    source::{self, Tree},
    walk::Walk,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Extracts the template of a document.
///
/// Rules: [T2](crate::specification), [T3](crate::specification), [T5](crate::specification).
///
/// # Errors
/// See [`ExtractError`]. Nothing half extracted is ever given out.
pub fn extract(document: &Value, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    let limit = options.limits.document_bytes;
    let tree = Tree::of(document, source::DEPTH).ok_or(ExtractError::TooDeep)?;
    if !source::fits(document, limit) {
        return Err(ExtractError::TooLarge { limit });
    }
    extract_tree(&tree, profile, options)
}

/// The same for a document as text, which is read strictly: a member that stands twice is an error.
///
/// # Errors
/// See [`ExtractError`].
pub fn extract_json(json: &str, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    let limit = options.limits.document_bytes;
    if json.len() > limit {
        return Err(ExtractError::TooLarge { limit });
    }
    extract_tree(&source::parse(json).map_err(ExtractError::Malformed)?, profile, options)
}

fn extract_tree(document: &Tree<'_>, profile: &Profile, options: Options) -> Result<Extracted, ExtractError> {
    let (walk, body, mut texts) = walked(document, profile, options);
    if body.depth() > source::TEMPLATE_DEPTH.saturating_sub(1) {
        return Err(ExtractError::TooDeep);
    }
    let (slots, limit) = (walk.symbols.slots_of(&body), options.limits.slots);
    if slots > limit {
        return Err(ExtractError::TooManySlots { limit, slots });
    }
    texts.sort_unstable();
    let leaks = detect::leaks(&body, &walk.removed);
    if !leaks.is_empty() {
        return Err(ExtractError::Leak(leaks));
    }
    let Walk { symbols, tally, .. } = walk;
    let (body, slots) = symbols.number(body).map_err(|_| ExtractError::TooAlike)?;
    let report = Report {
        kept: count(&body),
        slots: slots.clone(),
        dropped: tally.dropped.into_iter().collect(),
        unknown: tally.unknown.into_iter().collect(),
        texts,
        changed: tally.changed,
        code: tally.code,
    };
    if matches!(&body, Body::Fields(fields) if fields.is_empty()) {
        return Err(ExtractError::Foreign(Box::new(report)));
    }
    if options.strict && !report.unknown.is_empty() {
        return Err(ExtractError::Unknown(Box::new(report)));
    }
    if options.texts == Texts::Ask && !report.texts.is_empty() {
        return Err(ExtractError::AskOwner(Box::new(report)));
    }
    let schema = &profile.schema;
    let template = Template { format: schema.format.clone(), version: schema.version, slots, body };
    Ok(Extracted { template, report })
}

/// Walks a document until what is left stands by itself: no id without its definition, no text that is to be blanked.
/// Found are the texts that hold names, those that were blanked among them.
fn walked<'a>(
    document: &Tree<'_>,
    profile: &'a Profile,
    options: Options,
) -> (Walk<'a>, Body, Vec<FoundText>) {
    let (mut ids, mut blank) = (Ids::of(&profile.schema, document), BTreeSet::new());
    let mut texts = Vec::new();
    loop {
        let mut walk = Walk::new(profile, options, ids, blank);
        let body = walk.document(document);
        // Where a definition is left out, what refers to it is as well: in a clone it would refer to nothing.
        if !walk.ids.have_survived() {
            (ids, blank) = (walk.ids.survivors(), walk.blank);
            continue;
        }
        let found = detect::names(&body, &walk.words, &walk.removed);
        if options.texts == Texts::Blank && !found.is_empty() {
            (ids, blank) = (walk.ids.fresh(), walk.blank);
            blank.extend(found.iter().map(|found| found.text.clone()));
            texts.extend(found);
            continue;
        }
        texts.extend(found);
        return (walk, body, texts);
    }
}

/// How many leaves are kept.
fn count(body: &Body) -> usize {
    match body {
        Body::Leaf(_) | Body::Text(_) | Body::Code(_) => 1,
        Body::Hole(_) | Body::Id(..) | Body::Owner => 0,
        Body::List(items) => items.iter().map(count).sum(),
        Body::Fields(fields) => fields.iter().map(|(_, field)| count(field)).sum(),
        Body::Map(entries) => entries.iter().map(|(_, value)| count(value)).sum(),
        Body::Json(document) => count(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_either_is_told_by_the_shape_of_the_value() {
        let profile = Profile::parse(
            r#"{"format": "mini", "version": 1, "vocabularies": {"known": {"words": ["mixed"]}}, "root": {"object": {
                "sources": {"array": {"either": [{"keep": "known"}, {"slot": {"kind": "source"}},
                  {"object": {"uid": {"slot": {"kind": "source"}}, "sub": {"object": {"uid": {"slot": {"kind": "source"}}}}}}]}}
            }}}"#,
        )
        .unwrap();
        let document = serde_json::json!({"sources": [
            "mixed", "olga-1", {"uid": "olga-1", "name": "olga"}, {"sub": {"uid": "olga-2"}}, true, {"name": "olga"}, ["olga-2"]
        ]});
        let made = extract(&document, &profile, Options::default()).unwrap();
        let written = made.template.to_json();
        assert_eq!(
            written["body"]["sources"],
            serde_json::json!(["mixed", {"$slot": "source-1"}, {"uid": {"$slot": "source-1"}}, {"sub": {"uid": {"$slot": "source-2"}}}])
        );
        assert_eq!(made.template.slots().iter().map(|slot| slot.uses).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(Template::read(&profile, &written.to_string()).unwrap(), made.template);
        let stray = written.to_string().replace("mixed", "olga");
        assert!(Template::read(&profile, &stray).is_err(), "a word that is no slot and not kept");
    }

    #[test]
    fn a_widget_of_an_unknown_type_keeps_its_frame_only() {
        let widget = |id: &str, kind: &str| {
            serde_json::json!({
                "id": id, "type": kind, "label": "Cold room", "display": {"help": "olga's", "range": {"maximum": 8}},
                "data": [{"origin": "67ffb4806ae7fc000aac735d", "variables": ["temperature"]}]
            })
        };
        let place = |id: &str| serde_json::json!({"widget_id": id, "x": 0, "y": 1, "width": 2, "height": 3});
        let document = serde_json::json!({
            "dashboard": {"arrangement": [place("a1"), place("b2")]},
            "widgets": [widget("a1", "olga's own"), widget("b2", "video")]
        });
        let made = extract(&document, &Profile::tagoio(), Options::default()).unwrap();
        let place =
            |id: &str| serde_json::json!({"widget_id": {"$id": id}, "x": 0, "y": 1, "width": 2, "height": 3});
        assert_eq!(
            made.template.to_json()["body"],
            serde_json::json!({
                "dashboard": {"arrangement": [place("widget-1"), place("widget-2")]},
                "widgets": [
                    {"id": {"$id": "widget-1"}, "label": "Cold room"},
                    {"id": {"$id": "widget-2"}, "label": "Cold room", "type": "video"}
                ]
            })
        );
        assert_eq!(made.report.unknown.keys().collect::<Vec<_>>(), ["widgets.[].data", "widgets.[].display"]);
    }
}
