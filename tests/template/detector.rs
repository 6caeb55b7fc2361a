//! The detector of what must not be left in a template (T4, T5).

use super::{UUID, assert_returns, becomes, device, of, watched};
use dashshare::template::{ExtractError, Limits, Options, Template, Texts, extract};
use serde_json::{Value, json};

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

fn leaks(document: &Value, options: Options) -> bool {
    matches!(extract(document, &watched(), options), Err(ExtractError::Leak(_)))
}

const LET_STAND: Options =
    Options { texts: Texts::LetStand, keep_code: false, strict: false, limits: LIMITS };
const LIMITS: Limits = Limits { document_bytes: 10_000_000, slots: 20_000 };

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
    for body in [
        json!({}),
        json!({"title": ""}),
        json!({"title": "x", "box": {}}),
        json!({"title": "x", "items": []}),
    ] {
        assert!(read(json!([]), body.clone()).is_err(), "{body}");
    }
    assert!(read(json!([]), json!({"title": "x"})).is_ok());
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
