//! What an id or a credential looks like, wherever it stands.

use super::forms::decoded;
use core::net::Ipv6Addr;

/// Whether a text may hold an id at all: none is as short, and none is without a digit or an `@`.
pub(super) fn may_hold_id(text: &str) -> bool {
    text.len() >= 7 && text.bytes().any(|byte| byte.is_ascii_digit() || byte == b'@')
}

/// Whether a part of a text ends here: at a blank, a control character or a sign.
fn separates(byte: u8) -> bool {
    matches!(
        byte,
        0..=b' '
            | 0x7f
            | b'"'
            | b'\''
            | b'`'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'<'
            | b'>'
            | b','
            | b';'
            | b'|'
            | b'/'
            | b'?'
            | b'&'
            | b'='
            | b'\\'
            | b'$'
            | b'#'
            | b'*'
    )
}

/// The parts of a text that may be ids: none is without a digit or an `@`.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut next = 0_usize;
    let parts = text.as_bytes().split(|byte| separates(*byte)).filter_map(move |part| {
        let (start, end) = (next, next.saturating_add(part.len()));
        next = end.saturating_add(1);
        let may_be = part.len() >= 7 && part.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@');
        may_be.then(|| text.get(start..end)).flatten()
    });
    let trims = |c: char| matches!(c, '.' | ':' | '!' | '-' | '_' | '+' | '~' | '^');
    parts
        .flat_map(|part| part.split(|c: char| !c.is_ascii() && (c.is_whitespace() || c.is_control())))
        .map(move |part| part.trim_matches(trims))
        .filter(|part| part.len() >= 7)
}

/// Whether a text holds what looks like an id or a credential, also once it is decoded.
pub(super) fn has_id_shape(text: &str) -> bool {
    let shows = |text: &str| may_hold_id(text) && tokens(text).any(is_id_shaped);
    shows(text) || decoded(text).is_some_and(|forms| forms.iter().any(|form| shows(form)))
}

const PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk_",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "akia",
    "dsl_",
    "eyj",
    "bearer",
];

pub(super) fn is_id_shaped(token: &str) -> bool {
    let bytes = token.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let has_sign = bytes.iter().any(|byte| matches!(byte, b'@' | b'.' | b':'));
    // What is as short is nothing but a long number, or has one of these signs.
    if (digits == 0 && !bytes.contains(&b'@')) || (bytes.len() < 12 && digits < 9 && !has_sign) {
        return false;
    }
    (bytes.len() >= 16 && longest_hex(bytes) >= 16)
        || is_uuid(bytes)
        || (digits >= 9 && longest(bytes, u8::is_ascii_digit) >= 9)
        || (bytes.len() >= 16
            && digits >= 2
            && bytes.iter().any(u8::is_ascii_uppercase)
            && bytes.iter().any(u8::is_ascii_lowercase)
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            && !is_model(token))
        || is_email(token)
        || is_ip(token)
        || (digits > 0 && bytes.contains(&b':') && token.parse::<Ipv6Addr>().is_ok())
        || is_mac(bytes)
        || (bytes.len() >= 12 && is_compact_mac(bytes))
        || (bytes.len() >= 12
            && digits > 0
            && PREFIXES.iter().any(|prefix| {
                bytes.get(..prefix.len()).is_some_and(|front| front.eq_ignore_ascii_case(prefix.as_bytes()))
            }))
}

/// Whether it looks like the name of a model: short groups of upper-case letters and digits, or of letters alone.
fn is_model(token: &str) -> bool {
    let is_group = |group: &str| {
        (1..=8).contains(&group.len())
            && (group.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
                || group.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    token.contains('-') && token.split('-').all(is_group)
}

fn longest(bytes: &[u8], is: impl Fn(&u8) -> bool) -> usize {
    bytes.split(|byte| !is(byte)).map(<[u8]>::len).max().unwrap_or(0)
}

/// The longest run of hexadecimal digits that is no word or number.
fn longest_hex(bytes: &[u8]) -> usize {
    let runs = bytes.split(|byte| !byte.is_ascii_hexdigit());
    let mixed = runs.filter(|run| run.iter().any(u8::is_ascii_digit));
    mixed.map(<[u8]>::len).max().unwrap_or(0)
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.windows(36).any(|window| {
        window.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

fn is_email(token: &str) -> bool {
    token.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.split_once('.').is_some_and(|(host, top)| !host.is_empty() && top.len() >= 2)
    })
}

fn is_ip(token: &str) -> bool {
    let host = token.split(':').next().unwrap_or(token);
    let mut parts = host.split('.');
    parts.clone().count() == 4 && parts.all(|part| part.len() <= 3 && part.parse::<u8>().is_ok())
}

/// Twelve hexadecimal digits, with a digit and a letter among them.
fn is_compact_mac(bytes: &[u8]) -> bool {
    bytes.split(|byte| !byte.is_ascii_alphanumeric()).any(|part| {
        part.len() == 12
            && part.iter().all(u8::is_ascii_hexdigit)
            && part.iter().any(u8::is_ascii_digit)
            && part.iter().any(u8::is_ascii_alphabetic)
    })
}

/// Pairs of hexadecimal digits between dashes or colons, six as in a MAC address or eight as in an EUI-64.
fn is_mac(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 17 | 23)
        && bytes.iter().enumerate().all(|(place, byte)| match place % 3 {
            2 => matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}
