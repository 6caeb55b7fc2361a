//! Names, texts and addresses of images: what may be kept of them.

use super::{forms::is_invisible, shape::has_id_shape};

/// Whether a text looks like a word of a schema and not like an id.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('$')
        && text.trim() == text
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | ' ' | '%' | '#'))
        && !has_id_shape(text)
        && !text.contains("//")
        && !text.split(' ').any(is_host)
}

/// How long a text may be, and what it was made of.
const LONGEST: usize = 2000;
const LONGEST_RAW: usize = 20_000;

/// A text without markup, links and what cannot be seen; `None` if it is too long, or holds what looks like an id or a
/// credential. Tidying a tidy text changes nothing.
pub(super) fn tidy(text: &str) -> Option<String> {
    if text.len() > LONGEST_RAW {
        return None;
    }
    // Most texts are plain words, of which nothing is taken out.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_,()+".contains(&byte);
    if text.len() <= LONGEST
        && text.bytes().all(is_plain)
        && !text.contains("  ")
        && !text.starts_with(' ')
        && !text.ends_with(' ')
    {
        return (!has_id_shape(text)).then(|| text.to_owned());
    }
    let mut tidied = text.to_owned();
    for _ in 0..8 {
        let next = tidy_once(&tidied);
        if next == tidied {
            return (tidied.len() <= LONGEST && !has_id_shape(&tidied)).then_some(tidied);
        }
        tidied = next;
    }
    None
}

/// Whether a text of somebody's own writing may go along with a template: it holds nothing that looks like an id, a
/// credential or a link, and nothing that would make it read otherwise than it is.
pub(crate) fn is_clean(text: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| turns(c) || (c.is_control() && !matches!(c, '\n' | '\t')))
        && !has_id_shape(text)
        && !text.split_whitespace().any(is_link)
}

fn tidy_once(text: &str) -> String {
    let blank = |c: char| matches!(c, ' ' | '\n' | '\t' | '\r');
    let visible: String =
        text.chars().filter(|c| blank(*c) || !(c.is_control() || is_invisible(*c))).collect();
    let mut plain = String::with_capacity(visible.len());
    let mut rest = visible.as_str();
    // Behind the last `>` no tag ends, so that there is none to look for.
    let mut closes = true;
    while let Some(open) = rest.find('<') {
        let (before, tag) = rest.split_at(open);
        plain.push_str(before);
        let behind = tag.get(1..).unwrap_or_default();
        // `<5`, `< 5` and `<=` are no tags.
        if behind.chars().next().is_none_or(|c| c.is_numeric() || c.is_whitespace() || c == '=') {
            plain.push('<');
            rest = behind;
            continue;
        }
        let close = if closes { behind.find('>') } else { None };
        closes = close.is_some();
        rest = match close {
            Some(close) => behind.get(close.saturating_add(1)..).unwrap_or_default(),
            None => behind,
        };
    }
    plain.push_str(rest);
    let words = plain.split(blank).filter(|word| !word.is_empty() && !is_link(word));
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a word is, or holds, what a browser would take for a link.
pub(super) fn is_link(word: &str) -> bool {
    if !word.contains([':', '.', '/']) {
        return false;
    }
    let word = word.to_ascii_lowercase();
    word.contains("://")
        || word.contains("www.")
        || word.split("//").skip(1).any(begins_with_host)
        || is_scheme(&word)
        || is_host(&word)
}

fn begins_with_host(text: &str) -> bool {
    let host =
        text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).next().unwrap_or_default();
    host.trim_end_matches('.').contains('.')
}

/// Whether something is addressed that a browser would run, show or write to. `data:` at the end of a word is a word.
fn is_scheme(word: &str) -> bool {
    ["javascript:", "data:", "mailto:", "vbscript:"].iter().any(|scheme| {
        word.match_indices(scheme).any(|(at, _)| {
            let before = word.get(..at).and_then(|before| before.chars().next_back());
            let behind = word.get(at.saturating_add(scheme.len())..).unwrap_or_default();
            !before.is_some_and(char::is_alphanumeric) && !behind.is_empty()
        })
    })
}

/// Whether a word has the name of a host in it with a port or a path behind.
fn is_host(word: &str) -> bool {
    if !word.contains('.') || !word.contains(['/', ':']) {
        return false;
    }
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let host = word.split(|c: char| !part(c)).next().unwrap_or_default();
    let behind = word.get(host.len()..).unwrap_or_default();
    let mut behind = behind.chars();
    let leads = match (behind.next(), behind.next()) {
        (Some('/'), Some(next)) => next.is_alphanumeric() || matches!(next, '_' | '?' | '~'),
        (Some(':'), Some(next)) => next.is_ascii_digit(),
        _ => false,
    };
    let labels: Vec<&str> = host.split('.').collect();
    leads
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty())
        && labels.last().is_some_and(|top| top.len() >= 2 && top.chars().all(char::is_alphabetic))
}

/// Whether an address of an image is one that may be kept: of a host of the list, without query, user or id.
pub(super) fn is_asset(url: &str, hosts: &[String]) -> bool {
    let path = hosts
        .iter()
        .find_map(|host| url.strip_prefix("https://")?.strip_prefix(host.as_str())?.strip_prefix('/'));
    path.is_some_and(|path| {
        path.len() <= 128
            && !path.split('/').any(|part| matches!(part, "." | ".."))
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
            && !has_id_shape(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T9: names of hardware are no ids; addresses, and what makes a text read otherwise than it is, are not clean.
    #[test]
    fn a_description_is_clean_if_it_holds_no_address_and_no_trick() {
        for text in [
            "two Milesight EM500-PP-868M-LoRaWAN",
            "data: temperature and humidity",
            "one door sensor,\nand a gateway",
            "temperature and/or humidity, 1.5 m/s",
        ] {
            assert!(is_clean(text), "{text:?}");
        }
        for text in [
            "see grafana.acme.com/d/xyz",
            "//acme.test/x",
            "at acme.test:8080",
            "5f2b9c0d7a1e\u{ad}4b6c8d9e0f1a",
            "cold\u{7} room",
            "cold \u{202e}room",
            "https://acme.test",
            "olga&#64;acme.test",
        ] {
            assert!(!is_clean(text), "{text:?}");
        }
    }
}
