//! How the 16 bytes of an id are laid out, written and read, whatever the id names.
//!
//! | kind | its 16 bytes | its text |
//! | --- | --- | --- |
//! | number from 0 | 8 zero bytes, the number | decimal |
//! | negative number | `FF FE`, 6 zero bytes, the number in two's complement | decimal with `-` |
//! | object id of 12 bytes `o` | `FF FF o0 o1 o2 o3 00 o4 C0 o5 … o11` | 24 hexadecimal digits |
//! | anything else | the UUID or the ULID itself | a hyphenated UUID |
//!
//! INVARIANT: no two kinds share bytes. A UUID of versions 1 to 8 has its version in the upper half of byte 6, which is
//! zero in every other kind. A ULID begins with its milliseconds in 6 bytes: they are not zero after the first
//! millisecond of 1970, and they reach `FFFE…` only after the year 10000.

use super::shown::Shown;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};
use std::fmt;
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// None of the spellings.
    #[error("`{}` is not an id: neither a 64-bit number, nor 24 hexadecimal digits, a ULID or a UUID", Shown(.0))]
    Malformed(String),
    /// A UUID or a ULID whose bytes stand for a number or an object id, which has a text of its own.
    #[error("`{}` is not an id: its bytes are those of `{id}`, and an id has one text", Shown(.text))]
    Reserved {
        /// The text that was read.
        text: String,
        /// How the id with these bytes is written.
        id: String,
    },
}

const SHOWN: usize = 64;
const NEGATIVE: [u8; 8] = [0xFF, 0xFE, 0, 0, 0, 0, 0, 0];
const OBJECT: [u8; 2] = [0xFF, 0xFF];
/// The variant that RFC 9562 leaves to others.
const FOREIGN: u8 = 0xC0;
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_DIGITS: usize = 26;

/// What an id is written as.
pub(super) enum Spelling {
    Number(u64),
    Negative(i64),
    Object([u8; 12]),
    Uuid(Uuid),
}

impl Spelling {
    pub(super) fn of(bytes: [u8; 16]) -> Self {
        let [head @ .., _, _, _, _, _, _, _, _] = bytes;
        let [_, _, _, _, _, _, _, _, tail @ ..] = bytes;
        if head == [0; 8] {
            return Self::Number(u64::from_be_bytes(tail));
        }
        let number = i64::from_be_bytes(tail);
        if head == NEGATIVE && number < 0 {
            return Self::Negative(number);
        }
        match bytes {
            [0xFF, 0xFF, a, b, c, d, 0, e, FOREIGN, f, g, h, i, j, k, l] => {
                Self::Object([a, b, c, d, e, f, g, h, i, j, k, l])
            }
            _ => Self::Uuid(Uuid::from_bytes(bytes)),
        }
    }
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Negative(number) => number.fmt(f),
            Self::Object(object) => f.pad(&HEXLOWER.encode(object)),
            Self::Uuid(uuid) => uuid.fmt(f),
        }
    }
}

pub(super) fn from_number(number: u64) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

pub(super) fn from_signed(number: i64) -> [u8; 16] {
    match u64::try_from(number) {
        Ok(number) => from_number(number),
        Err(_) => {
            let ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]) = (NEGATIVE, number.to_be_bytes());
            [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
        }
    }
}

pub(super) fn from_object(object: [u8; 12]) -> [u8; 16] {
    let ([x, y], [a, b, c, d, e, f, g, h, i, j, k, l]) = (OBJECT, object);
    [x, y, a, b, c, d, 0, e, FOREIGN, f, g, h, i, j, k, l]
}

/// The 26 digits of a ULID, in upper case.
pub(super) fn ulid(bytes: [u8; 16]) -> String {
    let number = u128::from_be_bytes(bytes);
    (0..ULID_DIGITS)
        .rev()
        .filter_map(|place| {
            let shift = u32::try_from(place).ok()?.checked_mul(5)?;
            let digit = usize::try_from(number.checked_shr(shift)? & 31).ok()?;
            CROCKFORD.get(digit).copied().map(char::from)
        })
        .collect()
}

/// Reads any spelling. Their lengths tell them apart: a 64-bit number has at most 20 characters, an object id 24, a ULID
/// 26, a UUID 32 or, with hyphens, 36. So no text has two readings.
pub(super) fn parse(text: &str) -> Result<[u8; 16], IdError> {
    let malformed = || IdError::Malformed(shown(text));
    match text.len() {
        24 => {
            let object = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| malformed())?;
            object.try_into().map(from_object).map_err(|_| malformed())
        }
        ULID_DIGITS => unreserved(text, ulid_bytes(text).ok_or_else(malformed)?),
        32 | 36 => unreserved(text, Uuid::try_parse(text).map_err(|_| malformed())?.into_bytes()),
        _ => decimal(text).ok_or_else(malformed),
    }
}

/// Decimal as it is written: a leading zero, a `+` or `-0` would be a second text for a number.
fn decimal(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|c| c.is_ascii_digit()) && (!digits.starts_with('0') || text == "0");
    if !plain {
        return None;
    }
    text.parse().map(from_number).or_else(|_| text.parse().map(from_signed)).ok()
}

fn ulid_bytes(text: &str) -> Option<[u8; 16]> {
    let number = text.bytes().try_fold(0u128, |number, c| {
        let digit = CROCKFORD.iter().position(|known| *known == c.to_ascii_uppercase())?;
        // The first of 26 digits of 5 bits may use 3 of them only.
        number.checked_mul(32)?.checked_add(u128::try_from(digit).ok()?)
    })?;
    Some(number.to_be_bytes())
}

/// The bytes, unless they are those of another kind of id.
fn unreserved(text: &str, bytes: [u8; 16]) -> Result<[u8; 16], IdError> {
    match Spelling::of(bytes) {
        Spelling::Uuid(_) => Ok(bytes),
        other => Err(IdError::Reserved { text: shown(text), id: other.to_string() }),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

pub(super) fn serialize<S: Serializer>(bytes: [u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&Spelling::of(bytes))
    } else {
        serializer.serialize_bytes(&bytes)
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
    if deserializer.is_human_readable() {
        // Not `deserialize_str`: that would leave no way to a number of JSON.
        deserializer.deserialize_any(Text)
    } else {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Text;

impl Visitor<'_> for Text {
    type Value = [u8; 16];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a 64-bit number, 24 hexadecimal digits, a ULID or a UUID")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<[u8; 16], E> {
        parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<[u8; 16], E> {
        Ok(from_number(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<[u8; 16], E> {
        Ok(from_signed(number))
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = [u8; 16];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the 16 bytes of an id")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<[u8; 16], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}
