//! Names, texts and addresses of images: what may be kept of them.

use super::detect;

/// Whether a text looks like a word of a schema and not like an id.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !text.starts_with('$')
        && text.trim() == text
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | ' ' | '%' | '#'))
        && !detect::has_id_shape(text)
}

/// A text without markup, links and control characters; `None` if it holds what looks like an id or a credential.
/// Tidying a tidy text changes nothing.
pub(super) fn tidy(text: &str) -> Option<String> {
    let mut tidied = text.to_owned();
    loop {
        let next = tidy_once(&tidied);
        if next == tidied {
            break;
        }
        tidied = next;
    }
    (!detect::has_id_shape(&tidied) && tidied.len() <= 2000).then_some(tidied)
}

/// Whether a text of somebody's own writing may go along with a template: it holds nothing that looks like an id, a
/// credential or a link.
pub(crate) fn is_clean(text: &str) -> bool {
    !detect::has_id_shape(text) && !text.split_whitespace().any(is_link)
}

fn tidy_once(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let (before, tag) = rest.split_at(open);
        plain.push_str(before);
        match tag.find('>') {
            Some(close) => rest = tag.get(close.saturating_add(1)..).unwrap_or_default(),
            None => rest = tag.get(1..).unwrap_or_default(),
        }
    }
    plain.push_str(rest);
    let words = plain.split([' ', '\n', '\t', '\r']).filter(|word| !is_link(word));
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    joined.chars().filter(|c| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')).collect()
}

fn is_link(word: &str) -> bool {
    if !word.contains([':', '.']) {
        return false;
    }
    let word = word.to_ascii_lowercase();
    word.contains("://")
        || word.contains("www.")
        || word.contains("javascript:")
        || word.contains("data:")
        || word.contains("mailto:")
}

/// Whether an address of an image is one that may be kept: of a host of the list, without query, user or id.
pub(super) fn is_asset(url: &str, hosts: &[String]) -> bool {
    let path = hosts
        .iter()
        .find_map(|host| url.strip_prefix("https://")?.strip_prefix(host.as_str())?.strip_prefix('/'));
    path.is_some_and(|path| {
        path.len() <= 128
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
            && !detect::has_id_shape(path)
    })
}
