//! How a lock is read and written: one object, strictly. A member, unit, selector or zone that is not known is an error,
//! so that no part of a lock is ever passed over.

use super::{
    meet::Lock,
    selectors::{Clauses, DeviceSelector, VariableSelector},
    span::{MOST_PERIODS, Span, Spans},
    window::Range,
    zone::{Unit, Zone},
};
use crate::value::{Object, Tag, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::collections::{BTreeMap, BTreeSet};

/// The members of a lock. A list of selectors is one clause, a list of such lists as many.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "D: Deserialize<'de>, V: Deserialize<'de>"))]
struct Members<D, V> {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    devices: Option<D>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    variables: Option<V>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    from: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    last: Option<Span>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    whole: Vec<Whole>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "parameters")]
    parameters: BTreeMap<String, BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    max_range: Option<MaxRange>,
}

/// What stands there must be a value: `null` is none, and never read as 'not restricted'.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A name that stands twice is an error: which of the two would count?
fn parameters<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, BTreeSet<String>>, D::Error> {
    struct Unique;
    impl<'de> serde::de::Visitor<'de> for Unique {
        type Value = BTreeMap<String, BTreeSet<String>>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of parameters, each with a list of values")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut found = BTreeMap::new();
            while let Some((name, values)) = members.next_entry::<String, BTreeSet<String>>()? {
                if found.insert(name, values).is_some() {
                    return Err(A::Error::custom("a parameter stands there twice"));
                }
            }
            Ok(found)
        }
    }
    deserializer.deserialize_map(Unique)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeMembers {
    n: u16,
    unit: Unit,
    zone: Zone,
}

type Whole = Strict<WholeMembers>;

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct MaxRangeMembers {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    last: Option<Span>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    whole: Vec<Whole>,
}

type MaxRange = Strict<MaxRangeMembers>;

/// Read as an object and nothing else, and written as what it is.
struct Strict<T>(T);

impl<T: Serialize> Serialize for Strict<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Strict<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::deserialize(deserializer).map(|Object(read)| Self(read))
    }
}

fn spans<E: serde::de::Error>(exact: Option<Span>, whole: Vec<Whole>) -> Result<Spans, E> {
    let mut all = Spans { exact, whole: BTreeMap::new() };
    for Strict(WholeMembers { n, unit, zone }) in whole {
        if n == 0 || n > MOST_PERIODS {
            return Err(E::custom(format_args!("{n} is no number of periods from 1 to {MOST_PERIODS}")));
        }
        all = all.meet(Spans { exact: None, whole: BTreeMap::from([((unit, zone), n)]) });
    }
    Ok(all)
}

fn written(spans: &Spans) -> Vec<Whole> {
    let whole = spans.whole();
    whole.map(|(n, unit, zone)| Strict(WholeMembers { n, unit, zone: zone.clone() })).collect()
}

/// One clause, or as many as there are.
#[derive(Serialize)]
#[serde(untagged)]
enum Selectors<'a, S> {
    One(&'a [S]),
    Many(Vec<&'a [S]>),
}

impl<'a, S: Ord> Selectors<'a, S> {
    fn of(clauses: &'a Clauses<S>) -> Option<Self> {
        let mut all: Vec<&[S]> = clauses.iter().collect();
        match all.len() {
            0 => None,
            1 => all.pop().map(Self::One),
            _ => Some(Self::Many(all)),
        }
    }
}

/// A selector, or a clause of them, as it is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item<S> {
    Selector(S),
    Clause(Vec<S>),
}

fn clauses<S: Ord, E: serde::de::Error>(items: Option<Vec<Item<S>>>) -> Result<Clauses<S>, E> {
    let Some(items) = items else { return Ok(Clauses::OPEN) };
    let (mut selectors, mut lists) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Selector(selector) => selectors.push(selector),
            Item::Clause(clause) => lists.push(clause),
        }
    }
    match (selectors.is_empty(), lists.is_empty()) {
        (_, true) => Ok(Clauses::of([selectors])),
        (true, false) => Ok(Clauses::of(lists)),
        (false, false) => Err(E::custom("a list of selectors, or of lists of them, and not of both")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDevice {
    device: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTag {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReadDevice {
    Id(String),
    Tag(Object<OfTag>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ReadVariable {
    Named(String),
    Of(Object<OfDevice>),
}

impl<'de> Deserialize<'de> for DeviceSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match ReadDevice::deserialize(deserializer)? {
            ReadDevice::Id(id) => Self::Id(id),
            ReadDevice::Tag(Object(OfTag { key, value })) => Self::Tag(Tag { key, value }),
        })
    }
}

impl<'de> Deserialize<'de> for VariableSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match ReadVariable::deserialize(deserializer)? {
            ReadVariable::Named(name) => Self::Named(name),
            ReadVariable::Of(Object(OfDevice { device, name })) => Self::Of { device, name },
        })
    }
}

impl Serialize for Spans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MaxRangeMembers { last: self.exact, whole: written(self) }.serialize(serializer)
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { devices, variables, time, parameters, max_range } = self;
        let longest = MaxRangeMembers { last: max_range.exact, whole: written(max_range) };
        let members = Members {
            devices: Selectors::of(devices),
            variables: Selectors::of(variables),
            from: time.absolute.from,
            until: time.absolute.until,
            last: time.rolling.exact,
            whole: written(&time.rolling),
            parameters: parameters.clone(),
            max_range: (!max_range.is_empty()).then_some(Strict(longest)),
        };
        members.serialize(serializer)
    }
}

type ReadMembers = Members<Vec<Item<DeviceSelector>>, Vec<Item<VariableSelector>>>;

impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(members) = Object::<ReadMembers>::deserialize(deserializer)?;
        let MaxRangeMembers { last, whole } =
            members.max_range.map_or_else(MaxRangeMembers::default, |Strict(read)| read);
        let absolute = Range { from: members.from, until: members.until };
        let mut lock = Self {
            devices: clauses(members.devices)?,
            variables: clauses(members.variables)?,
            parameters: members.parameters,
            max_range: spans(last, whole)?,
            ..Self::NONE.within(absolute)
        };
        lock.time.rolling = spans(members.last, members.whole)?;
        Ok(lock)
    }
}
