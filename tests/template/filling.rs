//! Filling a template (T6), and what was filled (T7, T8).

use super::{IDS, assert_returns, cold_room, device, extracted, fill_each, fill_with, house, of, watched};
use dashshare::template::{FillError, Fills, Profile, Recipient, fill};
use serde_json::{Value, json};
use std::cell::RefCell;

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

/// T7: `template(fill(T, f)) == T` for injective fills.
#[test]
fn a_filled_template_is_extracted_as_it_was() {
    let documents = [
        cold_room(IDS, "olga-1"),
        cold_room(["z", "y", "x"], "7"),
        json!({"title": "Cold room"}),
        json!({"widgets": {"a": {"type": "chart", "device": 7, "next": "b"}, "b": {"type": "chart", "device": "seven", "next": "a"}}}),
        json!({"box": {"inner": {"inner": {"device": "olga-1", "title": "A"}}}}),
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
