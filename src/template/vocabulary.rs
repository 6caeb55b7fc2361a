//! Closed vocabularies: the only leaves that are kept as they are.

use super::source::Tree;
use serde::Deserialize;
use std::collections::BTreeSet;

/// What a kept leaf may be. There is no open one: a value that is no member is dropped (T2).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Vocabulary {
    /// True or false.
    Bool,
    /// One of these texts.
    Words(BTreeSet<String>),
    /// One of these texts, which are the format's own although they look like ids: they are nobody's, and the detector
    /// does not look for them.
    Constants(BTreeSet<String>),
    /// A number between two others, both included.
    Number { min: f64, max: f64 },
    /// One of these whole numbers, such as the lengths of time that a format offers, in milliseconds.
    Numbers(Vec<i64>),
    /// A text that spells such a number, as some formats do.
    NumberText { min: f64, max: f64 },
    /// A colour as style sheets write it: a hexadecimal one, `rgb`, `rgba`, `hsl` or `hsla`, or a plain name.
    Colour,
    /// A length as style sheets write it.
    Length,
    /// A time relative to the present: `now`, `now-6h`, `now/d`; or a duration: `30s`, `1 day`, `99 years`.
    RelativeTime,
    /// A name of a time zone.
    TimeZone,
    /// A member of any of these.
    Any(Vec<Vocabulary>),
}

/// The colours that are kept by name.
const COLOURS: &[&str] = &[
    "transparent",
    "black",
    "white",
    "gray",
    "grey",
    "red",
    "green",
    "blue",
    "yellow",
    "orange",
    "purple",
    "pink",
    "brown",
    "cyan",
    "magenta",
    "silver",
    "gold",
    "navy",
    "teal",
    "olive",
    "maroon",
    "lime",
    "indigo",
    "violet",
    "dark-red",
    "dark-green",
    "dark-blue",
    "dark-yellow",
    "dark-orange",
    "dark-purple",
    "light-red",
    "light-green",
    "light-blue",
    "light-yellow",
    "light-orange",
    "light-purple",
    "semi-dark-red",
    "semi-dark-green",
    "semi-dark-blue",
    "semi-dark-yellow",
    "semi-dark-orange",
    "semi-dark-purple",
    "super-light-red",
    "super-light-green",
    "super-light-blue",
    "super-light-yellow",
    "super-light-orange",
    "super-light-purple",
    "text",
    "inherit",
];

/// The time zones that are kept: names of regions would be an open vocabulary, so only these.
const ZONES: &[&str] = &["", "utc", "UTC", "browser", "Etc/UTC", "GMT"];

const UNITS: &[&str] = &[
    "s", "m", "h", "d", "w", "M", "y", "ms", "sec", "second", "seconds", "min", "minute", "minutes", "hour",
    "hours", "day", "days", "week", "weeks", "month", "months", "year", "years",
];

impl Vocabulary {
    pub(super) fn has(&self, value: &Tree<'_>) -> bool {
        match (self, value) {
            (Self::Bool, Tree::Bool(_)) => true,
            (Self::Words(words) | Self::Constants(words), Tree::Text(text)) => words.contains(&**text),
            (Self::Number { min, max }, Tree::Number(number)) => {
                number.as_f64().is_some_and(|number| (*min..=*max).contains(&number))
            }
            (Self::Numbers(numbers), Tree::Number(number)) => {
                number.as_i64().is_some_and(|number| numbers.contains(&number))
            }
            (Self::NumberText { min, max }, Tree::Text(text)) => is_number_text(text, *min, *max),
            (Self::Colour, Tree::Text(text)) => is_colour(text),
            (Self::Length, Tree::Text(text)) => is_length(text),
            (Self::RelativeTime, Tree::Text(text)) => is_relative_time(text),
            (Self::TimeZone, Tree::Text(text)) => ZONES.contains(&&**text),
            (Self::Any(members), value) => members.iter().any(|member| member.has(value)),
            _ => false,
        }
    }

    /// Tells all its words.
    pub(super) fn tell(&self, tell: &mut impl FnMut(&str)) {
        match self {
            Self::Words(words) | Self::Constants(words) => words.iter().for_each(|word| tell(word)),
            Self::Any(members) => members.iter().for_each(|member| member.tell(tell)),
            _ => {}
        }
    }

    /// Tells the constants among its words.
    pub(super) fn tell_constants(&self, tell: &mut impl FnMut(&str)) {
        match self {
            Self::Constants(words) => words.iter().for_each(|word| tell(word)),
            Self::Any(members) => members.iter().for_each(|member| member.tell_constants(tell)),
            _ => {}
        }
    }

    /// Tells the names of colours and time zones that it keeps.
    pub(super) fn tell_named(&self, tell: &mut impl FnMut(&str)) {
        match self {
            Self::Colour => COLOURS.iter().for_each(|word| tell(word)),
            Self::TimeZone => ZONES.iter().for_each(|word| tell(word)),
            Self::Any(members) => members.iter().for_each(|member| member.tell_named(tell)),
            _ => {}
        }
    }

    /// Whether it keeps relative times.
    pub(super) fn has_times(&self) -> bool {
        match self {
            Self::RelativeTime => true,
            Self::Any(members) => members.iter().any(Self::has_times),
            _ => false,
        }
    }

    /// Why it is no closed vocabulary, if it is none.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Words(words) | Self::Constants(words) if words.is_empty() => {
                Some("a vocabulary of no words keeps nothing: drop the leaf")
            }
            Self::Numbers(numbers) if numbers.is_empty() => {
                Some("a vocabulary of no numbers keeps nothing: drop the leaf")
            }
            Self::Number { min, max } | Self::NumberText { min, max } => {
                let bounded = min.is_finite() && max.is_finite() && min <= max;
                let near = bounded && min.abs() <= 1e7 && max.abs() <= 1e7;
                (!near).then_some("a number is kept only between two bounds of at most ten million")
            }
            Self::Any(members) if members.is_empty() => {
                Some("a vocabulary of no members keeps nothing: drop the leaf")
            }
            Self::Any(members) => members.iter().find_map(Self::problem),
            _ => None,
        }
    }
}

fn is_number_text(text: &str, min: f64, max: f64) -> bool {
    text.len() <= 12
        && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
        && text.parse::<f64>().is_ok_and(|number| (min..=max).contains(&number))
}

fn is_colour(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix('#') {
        return matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    let Some((function, arguments)) = text.split_once('(') else { return COLOURS.contains(&text) };
    let Some(arguments) = arguments.strip_suffix(')') else { return false };
    let mut arguments = arguments.split(',').map(str::trim);
    matches!(function, "rgb" | "rgba" | "hsl" | "hsla")
        && matches!(arguments.clone().count(), 3 | 4)
        && arguments.all(|argument| is_number_text(argument.trim_end_matches('%'), 0.0, 360.0))
}

fn is_length(text: &str) -> bool {
    let number = text.trim_end_matches(|c: char| c.is_ascii_lowercase() || c == '%');
    let unit = text.get(number.len()..).unwrap_or_default();
    matches!(unit, "" | "px" | "%" | "em" | "rem" | "vh" | "vw" | "pt")
        && is_number_text(number, -10_000.0, 10_000.0)
}

pub(super) fn is_relative_time(text: &str) -> bool {
    let (start, rest) = match text.strip_prefix("now") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if start && rest.is_empty() {
        return true;
    }
    let (rest, rounds) = match rest.split_once('/') {
        Some((rest, unit)) if start => (rest, Some(unit)),
        Some(_) => return false,
        None => (rest, None),
    };
    if rounds.is_some_and(|unit| !UNITS.contains(&unit)) {
        return false;
    }
    let rest = if start { rest.trim_start_matches(['-', '+']) } else { rest };
    if start && rest.is_empty() {
        return rounds.is_some();
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = rest.split_at(digits);
    (1..=4).contains(&count.len()) && UNITS.contains(&unit.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn numbers_are_kept_out_of_a_list_only() {
        let numbers: Vocabulary = serde_json::from_str(r#"{"numbers": [60000, 3600000]}"#).unwrap();
        let has = |value: &Value| numbers.has(&Tree::of(value, 1).unwrap());
        assert!(has(&serde_json::json!(60000)));
        for other in [serde_json::json!(60001), serde_json::json!("60000"), serde_json::json!(60000.5)] {
            assert!(!has(&other), "{other}");
        }
        assert!(numbers.problem().is_none());
        assert!(Vocabulary::Numbers(Vec::new()).problem().is_some());
    }
}
