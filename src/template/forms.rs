//! The normal forms of a text: what it may be another spelling of (T4, T5). They are: letter case, HTML entities,
//! percent encoding (twice over), escapes as in JSON, base64 of either alphabet, hexadecimal digits, and the text without
//! dashes and colons and without invisible characters. What is reversed, split up or enciphered is none of them.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use std::borrow::Cow;

/// A string in the forms that a value may hide in.
pub(super) fn forms(text: &str) -> Vec<Cow<'_, str>> {
    let is_lower = text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let mut forms = vec![if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }];
    let mut add = |form: &str| forms.push(Cow::Owned(form.to_lowercase()));
    if let Some(decoded) = decoded(text) {
        decoded.iter().for_each(|form| add(form));
    }
    if text.contains('\\') {
        add(&json_decoded(text));
    }
    for token in text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/-_".contains(c)) {
        decode(token, &mut add);
        // What stands before or behind an encoded value may be of the same characters.
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            token.split(['+', '/', '-', '_']).for_each(|token| decode(token, &mut add));
        }
    }
    let joined: Vec<Cow<'_, str>> =
        forms.iter().filter(|form| form.contains(['-', ':'])).map(|form| joined(form).into()).collect();
    forms.extend(joined);
    forms
}

/// An id without the marks that its digits are grouped by.
pub(super) fn joined(text: &str) -> String {
    text.replace(['-', ':'], "")
}

/// A text as a browser shows it, if that may be another one: without what cannot be seen, with its entities and percent
/// signs resolved, these twice.
pub(super) fn decoded(text: &str) -> Option<Vec<String>> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'%'))
        && (text.is_ascii() || !text.chars().any(is_invisible))
    {
        return None;
    }
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let plain = html_decoded(&visible);
    let once = percent_decoded(&plain);
    let twice = percent_decoded(&once);
    let mut forms = vec![html_decoded(&twice), twice, once, plain, visible];
    forms.dedup();
    Some(forms)
}

/// Whether a character takes no room where it is shown.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

fn html_decoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        plain.push_str(before);
        let end = entity.bytes().skip(1).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
        let name = entity.get(1..end.saturating_add(1)).unwrap_or_default();
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        });
        let character = number.and_then(char::from_u32).or(match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "commat" => Some('@'),
            "period" => Some('.'),
            "colon" => Some(':'),
            "sol" => Some('/'),
            "percnt" => Some('%'),
            "hyphen" | "dash" => Some('-'),
            "nbsp" => Some(' '),
            "shy" => Some('\u{ad}'),
            _ => None,
        });
        let behind = entity.get(end.saturating_add(1)..).unwrap_or_default();
        match character {
            Some(character) => {
                plain.extend(Some(character).filter(|c| !is_invisible(*c)));
                rest = behind.strip_prefix(';').unwrap_or(behind);
            }
            None => {
                plain.push('&');
                rest = entity.get(1..).unwrap_or_default();
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// What a token may stand for, in base64 of either alphabet or in hexadecimal.
fn decode(token: &str, add: &mut impl FnMut(&str)) {
    if token.len() < 6 {
        return;
    }
    let base64 = if token.contains(['+', '/']) { &BASE64_NOPAD } else { &BASE64URL_NOPAD };
    let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    for encoding in [Some(base64), is_hex.then_some(&HEXLOWER_PERMISSIVE)].into_iter().flatten() {
        if let Ok(bytes) = encoding.decode(token.as_bytes())
            && let Ok(plain) = str::from_utf8(&bytes)
        {
            add(plain);
        }
    }
}

/// Escapes resolved as in a JSON string. The text need not be one: what is no escape stays.
fn json_decoded(text: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        units.extend(before.encode_utf16());
        let hex = escape.get(2..6).filter(|_| escape.starts_with("\\u"));
        if let Some(unit) = hex.and_then(|hex| u16::from_str_radix(hex, 16).ok()) {
            units.push(unit);
            rest = escape.get(6..).unwrap_or_default();
        } else {
            // An escaped quote, slash or backslash is the character itself; other escapes are as good as spaces.
            let character = escape.chars().nth(1);
            match character.filter(|c| !c.is_alphabetic()) {
                Some(character) => units.extend(character.encode_utf16(&mut [0; 2]).iter()),
                None => units.push(u16::from(b' ')),
            }
            rest =
                escape.get(1_usize.saturating_add(character.map_or(0, char::len_utf8))..).unwrap_or_default();
        }
    }
    units.extend(rest.encode_utf16());
    String::from_utf16_lossy(&units)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex =
            after.get(..2).filter(|_| *first == b'%').and_then(|hex| HEXLOWER_PERMISSIVE.decode(hex).ok());
        match hex.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
