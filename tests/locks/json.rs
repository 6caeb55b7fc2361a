//! How locks are read and written: strictly, or not at all; and how large one may be.

use super::chance;
use crate::policies::world::Dice;
use dashshare::{
    Lock,
    lock::{DeviceSelector, LockFault, Query, ReadKind, StoredLock, Unit, VariableSelector, Zone},
};
use serde_json::{Value, json};

fn full() -> Value {
    json!({
        "devices": [["p1", {"key": "site", "value": "north"}], ["p2", "p3"]],
        "variables": ["temp", {"device": "p1", "name": "rpm"}],
        "from": "2026-01-01T00:00:00Z",
        "until": "2027-01-01T00:00:00Z",
        "last": "7d",
        "whole": [{"n": 2, "unit": "day", "zone": "Europe/Berlin"}, {"n": 1, "unit": "month", "zone": "UTC"}],
        "parameters": {"mode": [], "site": ["berlin", "paris"]},
        "max_range": {"last": "3d", "whole": [{"n": 1, "unit": "week", "zone": "UTC"}]}
    })
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// What a store gives back that has this text. It lets nothing through unless it is a lock.
fn stored(text: &str) -> StoredLock {
    serde_json::from_str(text)
        .unwrap_or_else(|error| panic!("{text}: a store gives back what it has: {error}"))
}

fn is_unreadable(text: &str) {
    let read: Result<Lock, _> = serde_json::from_str(text);
    assert!(read.is_err(), "{text} was read as {read:?}");
    let stored = stored(text);
    assert!(stored.lock().is_none(), "{text} stands as {stored:?}");
    // Not even after it was written back.
    let back = serde_json::to_string(&stored).expect("what stands there is written");
    assert!(serde_json::from_str::<Lock>(&back).is_err(), "{text} came back as {back}, which can be read");
    assert_eq!(
        serde_json::from_str::<StoredLock>(&back).expect("what stands there is read"),
        stored,
        "{text}"
    );
}

/// The same, and the same value is written back.
fn is_kept_unreadable(value: &Value) {
    is_unreadable(&value.to_string());
    assert!(Lock::deserialize_value(value).is_err(), "{value}");
    let back = serde_json::to_value(stored(&value.to_string())).expect("what stands there is written");
    assert_eq!(back, *value);
    let by_value: StoredLock = serde_json::from_value(value.clone()).expect("what stands there is read");
    assert_eq!(by_value, stored(&value.to_string()));
}

trait ByValue: Sized {
    fn deserialize_value(value: &Value) -> Result<Self, serde_json::Error>;
}

impl ByValue for Lock {
    fn deserialize_value(value: &Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value.clone())
    }
}

/// K11, K24: the form of the specification is read and written, in canonical order.
#[test]
fn a_lock_is_written_as_one_object() {
    let built = Lock::NONE
        .devices(["p3".into(), "p2".into()])
        .devices([DeviceSelector::tag("site", "north"), "p1".into()])
        .variables([VariableSelector::of("p1", "rpm"), "temp".into()])
        .since("2026-01-01T00:00:00Z".parse().expect("an instant"))
        .before("2027-01-01T00:00:00Z".parse().expect("an instant"))
        .last("168h".parse().expect("a length"))
        .whole(1, Unit::Month, zone("UTC"))
        .whole(2, Unit::Day, zone("Europe/Berlin"))
        .parameter("site", ["paris", "berlin"])
        .parameter::<&str>("mode", [])
        .max_range("72h".parse().expect("a length"))
        .max_range_whole(1, Unit::Week, zone("UTC"));
    assert_eq!(serde_json::to_value(&built).expect("a lock is written"), full());
    assert_eq!(Lock::deserialize_value(&full()).expect("a lock"), built);
    assert_eq!(serde_json::to_string(&Lock::NONE).expect("a lock is written"), "{}");
    assert_eq!(serde_json::from_str::<Lock>("{}").expect("a lock"), Lock::NONE);
    for (text, canonical) in [
        (r#"{"devices":["b","a","b"]}"#, r#"{"devices":["a","b"]}"#),
        (r#"{"devices":[["b","a"],["a"]]}"#, r#"{"devices":["a"]}"#),
        (r#"{"devices":[[]]}"#, r#"{"devices":[]}"#),
        (r#"{"devices":[["a"],[]]}"#, r#"{"devices":[]}"#),
        (r#"{"last":"24h"}"#, r#"{"last":"1d"}"#),
        (r#"{"from":"2026-01-01T01:00:00+01:00"}"#, r#"{"from":"2026-01-01T00:00:00Z"}"#),
        (
            r#"{"whole":[{"zone":"UTC","unit":"day","n":3},{"n":2,"unit":"day","zone":"UTC"}]}"#,
            r#"{"whole":[{"n":2,"unit":"day","zone":"UTC"}]}"#,
        ),
        (
            r#"{"from":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}"#,
            r#"{"from":"0000-01-01T00:00:00Z","until":"0000-01-01T00:00:00Z"}"#,
        ),
        (r#"{"parameters":{"x":["b","a","b"]}}"#, r#"{"parameters":{"x":["a","b"]}}"#),
    ] {
        let lock: Lock = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(serde_json::to_string(&lock).expect("a lock is written"), canonical);
        assert_eq!(stored(text).lock(), Some(&lock));
    }
}

/// K24; traps TA3 and TA10: what stands in a lock and is not known makes all of it unreadable; it is never passed over.
#[test]
fn what_is_not_known_is_unreadable() {
    for value in [
        json!(null),
        json!([]),
        json!(""),
        json!(1.5),
        json!(true),
        json!({"device": ["p1"]}),
        json!({"Devices": ["p1"]}),
        json!({"devices": "p1"}),
        json!({"devices": ["p1", ["p2"]]}),
        json!({"devices": [[["p1"]]]}),
        json!({"devices": [1]}),
        json!({"devices": [{"id": "p1"}]}),
        json!({"devices": [{"key": "site"}]}),
        json!({"devices": [["site", "north"], {"key": "site", "value": "north"}]}),
        json!({"devices": [{"key": "site", "value": "north", "not": true}]}),
        json!({"devices": [{"device": "p1", "name": "temp"}]}),
        json!({"variables": [{"key": "site", "value": "north"}]}),
        json!({"variables": [{"device": "p1"}]}),
        json!({"from": 0}),
        json!({"from": ""}),
        json!({"from": "2026-01-01"}),
        json!({"from": "2026-01-01T00:00:00"}),
        json!({"from": "now-7d"}),
        json!({"last": 7}),
        json!({"last": ""}),
        json!({"last": "0d"}),
        json!({"last": "-1d"}),
        json!({"last": "+1d"}),
        json!({"last": "7"}),
        json!({"last": "7D"}),
        json!({"last": "7 d"}),
        json!({"last": "1M"}),
        json!({"last": "1y"}),
        json!({"last": "30s"}),
        json!({"last": "366001d"}),
        json!({"last": "99999999999d"}),
        json!({"whole": {"n": 1, "unit": "day", "zone": "UTC"}}),
        json!({"whole": [{"n": 0, "unit": "day", "zone": "UTC"}]}),
        json!({"whole": [{"n": 1001, "unit": "day", "zone": "UTC"}]}),
        json!({"whole": [{"n": -1, "unit": "day", "zone": "UTC"}]}),
        json!({"whole": [{"n": 1.5, "unit": "day", "zone": "UTC"}]}),
        json!({"whole": [{"n": "1", "unit": "day", "zone": "UTC"}]}),
        json!({"whole": [{"n": 1, "unit": "hour", "zone": "UTC"}]}),
        json!({"whole": [{"n": 1, "unit": "Day", "zone": "UTC"}]}),
        json!({"whole": [{"n": 1, "unit": "quarter", "zone": "UTC"}]}),
        json!({"whole": [{"n": 1, "unit": "day", "zone": "Europe/Atlantis"}]}),
        json!({"whole": [{"n": 1, "unit": "day", "zone": "europe/berlin"}]}),
        json!({"whole": [{"n": 1, "unit": "day"}]}),
        json!({"parameters": [["site", ["berlin"]]]}),
        json!({"parameters": {"site": "berlin"}}),
        json!({"parameters": {"site": [1]}}),
        json!({"max_range": "3d"}),
        json!({"max_range": {"days": 3}}),
        json!({"max_range": {"whole": [{"n": 0, "unit": "day", "zone": "UTC"}]}}),
    ] {
        is_kept_unreadable(&value);
    }
}

/// Every value inside a value, each with how it is reached.
fn places(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), inner)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, inner)| (at.to_string(), inner)).collect(),
        _ => Vec::new(),
    };
    for (name, inner) in inner {
        found.extend(places(inner).into_iter().map(|place| format!("/{name}{place}")));
    }
    found
}

/// K24; traps TA3 and TA10: in every place of a lock, `null`, a list for an object, an object for a list, another type, and
/// an object with one more member make it unreadable; what is read of it stays no less strict.
#[test]
fn in_every_place_of_a_lock_something_else_is_unreadable() {
    let places = places(&full());
    assert!(places.len() >= 35, "{places:?}");
    let mut tried = 0;
    for place in &places {
        let was = full().pointer(place).cloned().expect("a place");
        let mut others = vec![json!(null), json!(false), json!(7.25), json!({"$": 1}), json!([[[]]])];
        match &was {
            Value::Object(members) => {
                others.push(Value::Array(members.values().cloned().collect()));
                others.push(json!([was.clone()]));
                // A parameter may have any name, but not any values.
                for more in [json!(null), json!(true), json!({})] {
                    let mut longer = members.clone();
                    longer.insert("unheard of".to_owned(), more);
                    others.push(Value::Object(longer));
                }
            }
            Value::Array(items) => {
                others.push(json!("text"));
                others.push(Value::Object(
                    (0..).map(|at: i32| at.to_string()).zip(items.iter().cloned()).collect(),
                ));
                others.push(json!([null]));
            }
            Value::Number(_) => others.extend([json!("2"), json!([2]), json!(-2), json!(70_000)]),
            _ => others.push(json!([was.clone(), null])),
        }
        for other in others {
            let mut lock = full();
            *lock.pointer_mut(place).expect("a place") = other;
            is_kept_unreadable(&lock);
            tried += 1;
        }
    }
    println!("{} places, {tried} tries", places.len());
    assert!(tried >= 280);
}

/// K24: a member, a parameter or a part of a selector that stands twice: one of the two would be lost.
#[test]
fn what_stands_twice_is_unreadable() {
    for text in [
        r#"{"devices":["p1"],"devices":["p2"]}"#,
        r#"{"devices":["p1"],"devices":["p1"]}"#,
        r#"{"last":"1h","last":"9d"}"#,
        r#"{"from":"2026-01-01T00:00:00Z","last":"1d","from":"2025-01-01T00:00:00Z"}"#,
        r#"{"parameters":{"site":["berlin"]},"parameters":{}}"#,
        r#"{"parameters":{"site":["berlin"],"site":["paris"]}}"#,
        r#"{"parameters":{"site":["berlin"],"s\u0069te":["paris"]}}"#,
        r#"{"whole":[{"n":1,"n":9,"unit":"day","zone":"UTC"}]}"#,
        r#"{"whole":[{"n":1,"unit":"day","zone":"UTC","unit":"year"}]}"#,
        r#"{"devices":[{"key":"site","value":"north","value":"south"}]}"#,
        r#"{"devices":[["p1",{"key":"site","key":"line","value":"north"}]]}"#,
        r#"{"variables":[{"device":"p1","device":"p2","name":"temp"}]}"#,
        r#"{"max_range":{"last":"1h","last":"9d"}}"#,
        r#"{"max_range":{"last":"1h"},"max_range":{"last":"9d"}}"#,
        r#"{"devices":{"a":"p1","a":"p2"}}"#,
        r#"{"unheard of":{"a":1,"a":1}}"#,
    ] {
        is_unreadable(text);
    }
    let kept = stored(r#"{"last":"1h","last":"9d"}"#);
    assert_eq!(serde_json::to_value(&kept).expect("it is written"), json!([{"last": "1h"}, {"last": "9d"}]));
}

/// K2, K24: whatever happens to a text, what is still read as a lock is one value however it is read, and writing it and
/// reading it changes nothing.
#[test]
fn spoilt_texts_are_read_alike_or_not_at_all() {
    let (mut read, mut unreadable, mut broken) = (0, 0, 0);
    let mut dice = Dice::new(24);
    for _ in 0..20_000 {
        let now = chance::now(&mut dice);
        let mut text = serde_json::to_vec(&chance::lock(&mut dice, now).said()).expect("a lock is written");
        for _ in 0..dice.between(1, 3) {
            let at = dice.below(text.len());
            match dice.below(4) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, *b"\"[]{},:0aU/"[dice.below(11)..].first().expect("a byte")),
                2 => text.swap(at, 0),
                _ => text[at] = b"\"[]{},:0aU/"[dice.below(11)],
            }
            if text.is_empty() {
                break;
            }
        }
        let text = String::from_utf8(text).expect("only ASCII was written");
        let lock = serde_json::from_str::<Lock>(&text).ok();
        match serde_json::from_str::<StoredLock>(&text) {
            Err(_) => {
                assert_eq!(lock, None, "{text}");
                broken += 1;
            }
            Ok(stored) => {
                assert_eq!(stored.lock(), lock.as_ref(), "{text}");
                let back = serde_json::to_string(&stored).expect("it is written");
                assert_eq!(serde_json::from_str::<StoredLock>(&back).expect("it is read"), stored, "{text}");
                if lock.is_some() { read += 1 } else { unreadable += 1 }
            }
        }
    }
    println!("{read} read, {unreadable} unreadable, {broken} no JSON");
    assert!(read >= 300 && unreadable >= 300 && broken >= 300);
}

fn refused(lock: &Lock, what: &'static str, limit: usize) {
    match lock.check() {
        Err(LockFault::TooLarge { what: found, limit: most }) => assert_eq!((found, most), (what, limit)),
        other => panic!("{what}: {other:?}"),
    }
}

/// K25: each limit, at it and one above.
#[test]
fn a_lock_has_limits() {
    let ids = |many: usize| (0..many).map(|id| DeviceSelector::from(format!("{id}")));
    let names = |many: usize| (0..many).map(|id| VariableSelector::from(format!("{id}")));
    assert_eq!(Lock::NONE.devices(ids(256)).variables(names(256)).check(), Ok(()));
    refused(&Lock::NONE.devices(ids(257)), "selectors in a clause", 256);
    refused(&Lock::NONE.variables(names(257)), "selectors in a clause", 256);
    assert_eq!(
        Lock::NONE.devices(ids(257).chain(ids(257)).filter(|id| *id != "9".into())).check(),
        Ok(()),
        "said twice"
    );
    let clauses = |many: usize| {
        let devices = ids(many).fold(Lock::NONE, |lock, id| lock.devices([id]));
        names(32).fold(devices, |lock, name| lock.variables([name]))
    };
    assert_eq!(clauses(32).check(), Ok(()));
    refused(&clauses(33), "clauses", 32);
    refused(&names(33).fold(Lock::NONE, |lock, name| lock.variables([name])), "clauses", 32);
    let parameters =
        |many: usize| (0..many).fold(Lock::NONE, |lock, name| lock.parameter(name.to_string(), ["a"]));
    assert_eq!(parameters(64).check(), Ok(()));
    refused(&parameters(65), "parameters", 64);
    for unit in [Unit::Day, Unit::Week, Unit::Month, Unit::Year] {
        let both =
            |n| [Lock::NONE.whole(n, unit, zone("UTC")), Lock::NONE.max_range_whole(n, unit, zone("UTC"))];
        for lock in both(1000) {
            assert_eq!(lock.check(), Ok(()));
            let text = serde_json::to_string(&lock).expect("a lock is written");
            assert_eq!(serde_json::from_str::<Lock>(&text).expect("what may be written is read"), lock);
        }
        for lock in both(1001) {
            refused(&lock, "periods", 1000);
        }
    }
}

/// K25: names of 255 bytes, of any script and with any character, wherever a name stands; they come back byte for byte.
#[test]
fn names_have_255_bytes_in_any_script() {
    let places: [fn(&str) -> Lock; 8] = [
        |name| Lock::NONE.devices([name.into()]),
        |name| Lock::NONE.devices([DeviceSelector::tag(name, "v")]),
        |name| Lock::NONE.devices([DeviceSelector::tag("k", name)]),
        |name| Lock::NONE.variables([name.into()]),
        |name| Lock::NONE.variables([VariableSelector::of(name, "v")]),
        |name| Lock::NONE.variables([VariableSelector::of("d", name)]),
        |name| Lock::NONE.parameter(name, ["v"]),
        |name| Lock::NONE.parameter("p", [name]),
    ];
    for (letter, bytes) in [
        ("a", 1),
        ("ß", 2),
        ("я", 2),
        ("ع", 2),
        ("ก", 3),
        ("漢", 3),
        ("🜁", 4),
        ("\u{0}", 1),
        ("\"", 1),
        ("\u{202e}", 3),
    ] {
        let longest = letter.repeat(255 / bytes) + &"x".repeat(255 % bytes);
        assert_eq!(longest.len(), 255);
        for place in places {
            let lock = place(&longest);
            assert_eq!(lock.check(), Ok(()), "{letter:?}");
            let text = serde_json::to_string(&lock).expect("a lock is written");
            assert_eq!(serde_json::from_str::<Lock>(&text).expect("a lock"), lock, "{letter:?}");
            refused(&place(&format!("{longest}x")), "bytes of a name", 255);
        }
        let query = Query::new(ReadKind::Series, longest.clone(), "temp");
        let at = "2026-01-01T00:00:00Z".parse().expect("an instant");
        assert!(Lock::NONE.devices([longest.as_str().into()]).admits(&query, &[], at, at));
    }
}

/// K25: 16 KiB in all, as written; and sixteen such locks that meet stay within sixteen times that.
#[test]
fn a_lock_has_16_kib() {
    let size = |lock: &Lock| serde_json::to_vec(lock).expect("a lock is written").len();
    let of = |bytes: usize, first: char| {
        let mut lock = Lock::NONE;
        // Each value takes its letters, two quotation marks and a comma.
        let mut values: Vec<String> =
            (0..63).map(|at| format!("{first}{at:03}{}", "v".repeat(251))).collect();
        lock = lock.devices(values.iter().map(|value| value.as_str().into()));
        let rest = bytes - size(&lock) - 3;
        values.push(format!("{first}{}", "w".repeat(rest - 1)));
        Lock::NONE.devices(values.iter().map(|value| value.as_str().into()))
    };
    let (at, above) = (of(16 * 1024, 'a'), of(16 * 1024 + 1, 'a'));
    assert_eq!((size(&at), size(&above)), (16 * 1024, 16 * 1024 + 1));
    assert_eq!(at.check(), Ok(()));
    refused(&above, "bytes in all", 16 * 1024);
    let text = serde_json::to_string(&at).expect("a lock is written");
    assert_eq!(serde_json::from_str::<Lock>(&text).expect("a lock"), at);
    let sixteen = ('a'..='p').map(|first| of(16 * 1024, first)).reduce(Lock::meet).expect("sixteen");
    assert_eq!(sixteen.device_clauses().iter().len(), 16);
    assert!(size(&sixteen) <= 16 * 16 * 1024);
}
