//! Non-interference: documents that differ only in what is not kept have one template (T3).

use super::{IDS, cold_room, extracted, house};
use dashshare::template::{ExtractError, Limits, Options, Profile, Template, extract_json};
use serde_json::{Value, json};

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
    let limits = Limits { document_bytes: 100_000_000, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let found = extract_json(&of_pairs(&pairs, 1), &Profile::thingsboard(), options);
    assert!(matches!(found, Err(ExtractError::TooAlike)), "{found:?}");
    // A ring of hundreds and hundreds of rings are none of that.
    for pairs in [rings(&[300]), rings(&[2; 1000])] {
        let found = extract_json(&of_pairs(&pairs, 1), &Profile::thingsboard(), Options::default());
        assert!(found.is_ok(), "{found:?}");
    }
}
