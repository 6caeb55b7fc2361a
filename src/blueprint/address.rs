//! Addresses: pairs of names and values, as a form writes them (B9).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// How many pairs are read at the most.
pub(super) const MOST_PAIRS: usize = 64;
/// How many bytes are read at the most.
pub(super) const LONGEST: usize = 8 * 1024;

/// Why the choices of an address are not read.
///
/// Rules: [B9](crate::specification).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It is too long.
    #[error("an address has {LONGEST} bytes at the most, and this one has {bytes}")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// It has too many pairs.
    #[error("an address has {MOST_PAIRS} pairs of a name and a value at the most")]
    TooManyPairs,
}

impl AddressError {
    /// The name of its kind, which stays the same whatever its sentence says.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "address_too_long",
            Self::TooManyPairs => "too_many_pairs",
        }
    }
}

/// What a form leaves as it is; a blank becomes a plus.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// Writes one name or value.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string().replace(' ', "+")
}

/// Reads one name or value, once; `None` where its bytes are no text, so that it is the name of nothing.
fn decoded(text: &str) -> Option<String> {
    let blanks = text.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8().ok().map(Into::into)
}

/// A name and a value as they were meant; `None` for what is no text.
type Pair = (Option<String>, Option<String>);

/// The pairs of an address.
pub(super) fn read(query: &str) -> Result<Vec<Pair>, AddressError> {
    if query.len() > LONGEST {
        return Err(AddressError::TooLong { bytes: query.len() });
    }
    let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    if pairs.len() > MOST_PAIRS {
        return Err(AddressError::TooManyPairs);
    }
    let read = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    Ok(pairs.into_iter().map(read).collect())
}

/// The canonical address: every slot, by the bytes of the names, with what fills it or nothing.
pub(super) fn write<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
    pairs.sort_unstable();
    let written = |(name, value): (&str, &str)| format!("{}={}", encoded(name), encoded(value));
    pairs.into_iter().map(written).collect::<Vec<_>>().join("&")
}
